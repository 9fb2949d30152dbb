// SPDX-License-Identifier: MIT
// The event bus on a processor with interrupts: the timer publishes at random points of what main does, and how long a
// publish keeps it waiting is measured against what the header states.
#include "hf_test.h"
#include "holdfast/hf_event.h"
#include "qemu_image.h"

#define BLOCKS      32u
#define SUBSCRIBERS 8u
#define EVENTS      20000u
// As the head of hf_event.h states.
#if defined(__ARM_ARCH_6M__)
#define MASKED(subscribers) (40u + 135u * (subscribers))
#else
#define MASKED(subscribers) (40u + 110u * (subscribers))
#endif

enum { TYPE_MAIN, TYPE_TIMER, TYPES };

typedef struct item {
    uint32_t number, check;
} item_t;

static const hf_event_type_t types[TYPES] = {
    {"main", sizeof(item_t), HF_EVENT_NORMAL},
    {"timer", sizeof(item_t), HF_EVENT_HIGH},
};

static HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(sizeof(item_t)), BLOCKS) storage;
static hf_pool_t pool;
static hf_pool_t *const pools[1] = {&pool};
static hf_event_subscriber_t places[SUBSCRIBERS];
static hf_event_slot_t slots[SUBSCRIBERS][8];
static hf_event_subscriber_t *readers[SUBSCRIBERS];
static hf_event_bus_t bus;
static volatile uint32_t timer_published, timer_refused, timer_wrong, timer_stops, timer_stopped;
static uint32_t seed;

static void setup(uint32_t count, hf_event_policy_t policy)
{
    const hf_pool_config_t blocks = {.name = "events",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = HF_EVENT_BLOCK_BYTES(sizeof(item_t)),
                                     .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&pool, &blocks), HF_OK);
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .type_count = TYPES,
                                      .pools = pools,
                                      .pool_count = 1,
                                      .subscribers = places,
                                      .subscriber_count = SUBSCRIBERS};
    CHECK_EQ(hf_event_init(&bus, &config), HF_OK);
    for (uint32_t i = 0; i < count; i++) {
        const hf_event_subscription_t wanted = {.name = "reader",
                                                .slots = slots[i],
                                                .capacity = 8,
                                                .type_last = UINT16_MAX,
                                                .policy = (uint8_t)policy};
        CHECK_EQ(hf_event_subscribe(&bus, &wanted, &readers[i]), HF_OK);
    }
}

static int publish(uint16_t type, uint32_t number)
{
    const item_t item = {number, ~number};
    return hf_event_publish(&bus, type, &item, sizeof item);
}

static uint32_t timer_publishes(void)
{
    if (timer_stops) {
        timer_stopped = 1;
        return 0;
    }
    const int result = publish(TYPE_TIMER, timer_published);
    if (result == HF_E_FULL) {
        timer_refused++;
    } else if (result < 1) {
        timer_wrong++;
    } else {
        timer_published++;
    }
    seed = seed * 1664525u + 1013904223u;
    return 40u + (seed >> 16) % 800u;
}

/// Reads all that waits; numbers of a lossless reader have no gap, those of a lossy one ascend.
static uint32_t read_all(hf_event_subscriber_t *reader, uint32_t next[TYPES], bool is_lossless)
{
    uint32_t wrong = 0;
    const hf_event_t *event = NULL;
    while (hf_event_get(reader, &event) == HF_OK) {
        const item_t item = *(const item_t *)hf_event_data(event);
        uint32_t *expected = &next[event->type];
        wrong += item.check != ~item.number || item.number < *expected ||
                         (is_lossless && item.number != *expected)
                     ? 1u
                     : 0;
        *expected = item.number + 1u;
        wrong += hf_event_release(&bus, event) == HF_OK ? 0 : 1u;
    }
    return wrong;
}

static void event_timer_publishes_beside_main_nothing_lost(void)
{
    uint32_t next[2][TYPES] = {{0}}, wrong = 0, refused = 0;
    setup(1, HF_EVENT_LOSSLESS);
    const hf_event_subscription_t lossy = {.name = "lossy",
                                           .slots = slots[1],
                                           .capacity = 4,
                                           .type_last = UINT16_MAX,
                                           .policy = HF_EVENT_DROP_OLDEST};
    CHECK_EQ(hf_event_subscribe(&bus, &lossy, &readers[1]), HF_OK);
    seed = 7;
    timer_published = timer_refused = timer_wrong = timer_stops = timer_stopped = 0;
    qemu_tick_start(timer_publishes, 100);
    for (uint32_t i = 0; i < EVENTS;) {
        const int result = publish(TYPE_MAIN, i);
        refused += result == HF_E_FULL ? 1u : 0;
        wrong += result != HF_E_FULL && result < 1 ? 1u : 0;
        i += result >= 1 ? 1u : 0;
        if (i % 5u == 0 || result == HF_E_FULL) {
            wrong += read_all(readers[0], next[0], true);
        }
        if (i % 7u == 0) {
            wrong += read_all(readers[1], next[1], false);
        }
    }
    timer_stops = 1;
    while (!timer_stopped) {
    }
    wrong += read_all(readers[0], next[0], true) + read_all(readers[1], next[1], false);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(timer_wrong, 0);
    CHECK(timer_published > 1000);
    CHECK_EQ(next[0][TYPE_MAIN], EVENTS);
    CHECK_EQ(next[0][TYPE_TIMER], timer_published);
    const hf_event_stats_t stats = hf_event_stats(&bus);
    CHECK_EQ(stats.published, EVENTS + timer_published);
    CHECK_EQ(stats.refused, refused + timer_refused);
    CHECK_EQ(stats.exhausted, 0);
    CHECK_EQ(stats.wrong, 0);
    const hf_event_subscriber_stats_t of_lossy = hf_event_subscriber_stats(readers[1]);
    CHECK_EQ(of_lossy.offered, of_lossy.delivered + of_lossy.dropped);
    CHECK_EQ(hf_pool_stats(&pool).in_use, 0);
    printf("  %u events of the timer, %u refused, %u dropped by the lossy reader\n",
           (unsigned)timer_published, (unsigned)stats.refused, (unsigned)of_lossy.dropped);
}

static volatile uint32_t came_at, has_come;

static uint32_t note_time(void)
{
    came_at = qemu_instructions();
    has_come = 1;
    return 0;
}

/// How late the timer comes at most when it is due at each instruction of a publish (or of nothing).
static uint32_t worst_delay(bool does_publish, uint32_t length)
{
    uint32_t worst = 0;
    for (uint32_t due = 1; due < length; due++) {
        has_come = 0;
        const uint32_t from = qemu_instructions();
        qemu_tick_start(note_time, due);
        if (does_publish) {
            const item_t item = {due, ~due}; // urgent: the longest search for what to drop
            CHECK(hf_event_publish_at(&bus, TYPE_MAIN, HF_EVENT_URGENT, &item, sizeof item) >= 0);
        }
        while (!has_come) {
        }
        const uint32_t late = ((came_at - from) & 0xFFFFFFu) - due;
        worst = late > worst ? late : worst;
    }
    return worst;
}

static void drain(uint32_t count)
{
    const hf_event_t *event = NULL;
    for (uint32_t i = 0; i < count; i++) {
        while (hf_event_get(readers[i], &event) == HF_OK) {
            CHECK_EQ(hf_event_release(&bus, event), HF_OK);
        }
    }
}

static void event_publish_masks_no_longer_than_stated(void)
{
    static const uint32_t counts[] = {1, 2, 4, 8};
    const uint32_t base = worst_delay(false, 300);
    for (uint32_t i = 0; i < HF_COUNT_OF(counts); i++) {
        const uint32_t count = counts[i];
        setup(count, HF_EVENT_DROP_OLDEST);
        const uint32_t filled =
            worst_delay(true, 30); // fills the queues: from now on each publish drops
        const uint32_t worst = worst_delay(true, 700u + 500u * count) - base;
        drain(count);
        CHECK(filled > 0);
        CHECK(worst > 20); // the measurement sees the section at all
        CHECK(worst <= MASKED(count));
        printf("  %u subscribers: %u instructions\n", (unsigned)count, (unsigned)worst);
    }
}

HF_TEST_MAIN(HF_TEST(event_timer_publishes_beside_main_nothing_lost),
             HF_TEST(event_publish_masks_no_longer_than_stated))
