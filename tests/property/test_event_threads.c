// SPDX-License-Identifier: MIT
// Several publishers and several readers at once: a lossless reader gets every accepted event once and in each publisher's
// order, a lossy one a part of it in order, and the counters add up to the last event. Bounded, no sleeping; meant for
// ThreadSanitizer as well.
#include "hf_test.h"
#include "holdfast/hf_event.h"

#include <pthread.h>
#include <sched.h>

#define PUBLISHERS 3u
#define EVENTS     5000u
#define BLOCKS     42u // just what the header says is enough: see the end of the case
#define LOSSLESS   2u
#define READERS    3u // the last one drops its oldest

typedef struct item {
    uint32_t publisher, number, check;
} item_t;

static const hf_event_type_t types[PUBLISHERS] = {
    {"a", sizeof(item_t), HF_EVENT_NORMAL},
    {"b", sizeof(item_t), HF_EVENT_NORMAL},
    {"c", sizeof(item_t), HF_EVENT_HIGH},
};

static struct {
    HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(sizeof(item_t)), BLOCKS) storage;
    hf_pool_t pool;
    hf_pool_t *pools[1];
    hf_event_subscriber_t places[READERS + 1u];
    hf_event_slot_t slots[READERS][8];
    hf_event_subscriber_t *readers[READERS];
    hf_event_bus_t bus;
    hf_atomic_u32_t left; // publishers at work
} world;

typedef struct tally {
    uint32_t count, wrong, last[PUBLISHERS];
    uint32_t refused, exhausted;
} tally_t;

static void setup(void)
{
    memset(&world, 0, sizeof world);
    const hf_pool_config_t pool = {.name = "events",
                                   .blocks = world.storage.blocks,
                                   .meta = world.storage.meta,
                                   .block_bytes = HF_EVENT_BLOCK_BYTES(sizeof(item_t)),
                                   .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&world.pool, &pool), HF_OK);
    world.pools[0] = &world.pool;
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .type_count = PUBLISHERS,
                                      .pools = world.pools,
                                      .pool_count = 1,
                                      .subscribers = world.places,
                                      .subscriber_count = READERS + 1u};
    CHECK_EQ(hf_event_init(&world.bus, &config), HF_OK);
    for (uint32_t i = 0; i < READERS; i++) {
        const hf_event_subscription_t wanted = {.name = "reader",
                                                .slots = world.slots[i],
                                                .capacity = 8,
                                                .type_last = UINT16_MAX,
                                                .policy = i < LOSSLESS ? HF_EVENT_LOSSLESS
                                                                       : HF_EVENT_DROP_OLDEST};
        CHECK_EQ(hf_event_subscribe(&world.bus, &wanted, &world.readers[i]), HF_OK);
    }
    atomic_store(&world.left, PUBLISHERS);
}

static uint32_t check_of(const item_t *item)
{
    return (item->publisher + 1u) * 2654435761u ^ item->number;
}

typedef struct publisher {
    uint32_t number;
    tally_t tally;
} publisher_t;

static void *publish(void *arg)
{
    publisher_t *self = arg;
    for (uint32_t i = 1; i <= EVENTS;) {
        item_t item = {.publisher = self->number, .number = i};
        item.check = check_of(&item);
        const int result = hf_event_publish(&world.bus, (uint16_t)self->number, &item, sizeof item);
        if (result == HF_E_FULL) {
            self->tally.refused++;
            (void)sched_yield();
        } else if (result < 0) {
            self->tally.wrong++;
            i++;
        } else {
            self->tally.wrong += result >= (int)LOSSLESS ? 0 : 1u;
            i++;
        }
    }
    (void)atomic_fetch_sub(&world.left, 1u);
    return NULL;
}

typedef struct reader {
    hf_event_subscriber_t *subscriber;
    tally_t tally;
} reader_t;

static void look_at(reader_t *self, const hf_event_t *event)
{
    const item_t item = *(const item_t *)hf_event_data(event);
    tally_t *tally = &self->tally;
    tally->count++;
    if (item.publisher >= PUBLISHERS || item.check != check_of(&item) ||
        item.publisher != event->type) {
        tally->wrong++;
        return;
    }
    uint32_t *last = &tally->last[item.publisher];
    const bool is_lossless = self->subscriber->config.policy == HF_EVENT_LOSSLESS;
    tally->wrong += item.number <= *last || (is_lossless && item.number != *last + 1u) ? 1u : 0;
    *last = item.number;
}

static void *read_all(void *arg)
{
    reader_t *self = arg;
    for (;;) {
        const bool is_over =
            atomic_load(&world.left) == 0; // before the look, so that nothing is missed
        const hf_event_t *event = NULL;
        const int got = hf_event_get(self->subscriber, &event);
        if (got == HF_OK) {
            look_at(self, event);
            self->tally.wrong += hf_event_release(&world.bus, event) == HF_OK ? 0 : 1u;
        } else if (got != HF_E_EMPTY) {
            self->tally.wrong++;
        } else if (is_over) {
            return NULL;
        } else {
            (void)sched_yield();
        }
    }
}

/// A subscriber that comes and goes meanwhile: unsubscribe must never free what a publisher still uses.
static void *come_and_go(void *arg)
{
    static hf_event_slot_t slots[4];
    uint32_t *wrong = arg;
    const hf_event_subscription_t wanted = {.name = "guest",
                                            .slots = slots,
                                            .capacity = 4,
                                            .type_last = UINT16_MAX,
                                            .policy = HF_EVENT_DROP_OLDEST};
    while (atomic_load(&world.left) != 0) {
        hf_event_subscriber_t *guest = NULL;
        if (hf_event_subscribe(&world.bus, &wanted, &guest) != HF_OK) {
            (*wrong)++;
            return NULL;
        }
        const hf_event_t *event = NULL;
        if (hf_event_get(guest, &event) == HF_OK && hf_event_release(&world.bus, event) != HF_OK) {
            (*wrong)++;
        }
        int result = HF_E_AGAIN;
        while ((result = hf_event_unsubscribe(guest)) == HF_E_AGAIN) {
            (void)sched_yield();
        }
        *wrong += result == HF_OK ? 0 : 1u;
    }
    return NULL;
}

static void event_threads_nothing_lost_uncounted(void)
{
    static publisher_t publishers[PUBLISHERS];
    static reader_t readers[READERS];
    pthread_t threads[PUBLISHERS + READERS + 1u];
    uint32_t guest_wrong = 0, refused = 0;
    setup();
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i].subscriber = world.readers[i];
        REQUIRE(pthread_create(&threads[i], NULL, read_all, &readers[i]) == 0);
    }
    for (uint32_t i = 0; i < PUBLISHERS; i++) {
        publishers[i].number = i;
        REQUIRE(pthread_create(&threads[READERS + i], NULL, publish, &publishers[i]) == 0);
    }
    REQUIRE(pthread_create(&threads[READERS + PUBLISHERS], NULL, come_and_go, &guest_wrong) == 0);
    for (uint32_t i = 0; i < HF_COUNT_OF(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    for (uint32_t i = 0; i < PUBLISHERS; i++) {
        CHECK_EQ(publishers[i].tally.wrong, 0);
        refused += publishers[i].tally.refused;
    }
    CHECK_EQ(guest_wrong, 0);
    for (uint32_t i = 0; i < READERS; i++) {
        const hf_event_subscriber_stats_t stats = hf_event_subscriber_stats(world.readers[i]);
        CHECK_EQ(readers[i].tally.wrong, 0);
        CHECK_EQ(stats.offered, PUBLISHERS * EVENTS);
        CHECK_EQ(stats.delivered, readers[i].tally.count);
        CHECK_EQ(stats.delivered + stats.dropped, stats.offered);
        CHECK_EQ(stats.queued, 0);
        CHECK(stats.peak <= 8);
        if (i < LOSSLESS) {
            CHECK_EQ(stats.dropped, 0);
        }
    }
    const hf_event_stats_t stats = hf_event_stats(&world.bus);
    CHECK_EQ(stats.published, PUBLISHERS * EVENTS);
    CHECK_EQ(stats.refused, refused);
    CHECK_EQ(stats.wrong, 0);
    // 3 x 8 places and 3 events in readers' hands; 4 and 1 of the guest, 1 that it drops when it leaves; 3 publishers
    // at work with 1 new event and up to 2 dropped ones each.
    CHECK_EQ(stats.exhausted, 0);
    CHECK_EQ(hf_pool_stats(&world.pool).in_use, 0);
}

HF_TEST_MAIN(HF_TEST(event_threads_nothing_lost_uncounted))
