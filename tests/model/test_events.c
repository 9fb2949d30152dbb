// SPDX-License-Identifier: MIT
// The event bus over its pool, all interleavings of the pool's atomic operations and the bus's critical sections: two
// publishers and readers, back-pressure and drop-oldest, two readers of one event, a subscriber that leaves. Judged: an
// event read is whole and stays so until released; per subscriber offered = delivered + dropped + queued; in the end
// every block is free.
#include "holdfast/hf_event.h"
#include "model_main.h"
#include "model_seams.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS       3u
#define SLOTS        2u
#define SUBSCRIBERS  2u
#define BYTES        sizeof(uint32_t)
#define TYPE         0u
#define PUBLISHED(n) (100u * (n))

static struct {
    hf_pool_t pool;
    HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(BYTES), BLOCKS) storage;
    hf_event_bus_t bus;
    hf_event_subscriber_t subscribers[SUBSCRIBERS];
    hf_event_slot_t slots[SUBSCRIBERS][SLOTS];
    hf_event_t *shared; // by two threads, in one case
    uint32_t accepted, refused, exhausted, got, released, wrong, has_left;
} world;

static const model_memory_t memories[] = {{&world, sizeof world}};
static hf_pool_t *const pools[] = {&world.pool};
static const hf_event_type_t types[] = {
    {.name = "reading", .payload_bytes = BYTES, .priority = HF_EVENT_NORMAL}};

// ---- what threads do -----------------------------------------------------------------------------

static void publish(uint32_t value)
{
    int status = hf_event_publish(&world.bus, TYPE, &value, sizeof value);
    world.accepted += status >= 0 ? 1u : 0u;
    world.refused += status == HF_E_FULL ? 1u : 0u;
    world.exhausted += status == HF_E_EMPTY ? 1u : 0u;
    model_expect(status >= 0 || status == HF_E_FULL || status == HF_E_EMPTY, "a publish's status");
}

static uint32_t value_of(const hf_event_t *event)
{
    uint32_t value;
    memcpy(&value, hf_event_data(event), sizeof value);
    return value;
}

/// Reads one event, holds it over a yield point, releases it. True when there was one.
static bool read_one(unsigned subscriber)
{
    const hf_event_t *event = NULL;
    int status = hf_event_get(&world.subscribers[subscriber], &event);
    model_expect(status == HF_OK || status == HF_E_EMPTY, "a get's status");
    if (status != HF_OK) {
        return false;
    }
    uint32_t value = value_of(event);
    model_expect(value % 100u == 0 && value != 0, "not what was published");
    (void)atomic_load(&world.pool.exhausted); // others go on meanwhile
    model_expect(value_of(event) == value, "changed while it was held");
    status = hf_event_release(&world.bus, event);
    model_expect(status == HF_OK, "a release's status");
    world.got++;
    return true;
}

static void publisher_or_reader(unsigned number)
{
    for (unsigned i = 0; i < 2; i++) {
        if (number == 0) {
            publish(PUBLISHED(1u + i));
        } else {
            (void)read_one(0);
        }
        model_call_ended();
    }
}

static void two_publishers_and_reader(unsigned number)
{
    if (number < 2u) {
        publish(PUBLISHED(1u + number));
    } else {
        (void)read_one(0);
        model_call_ended();
        (void)read_one(0);
    }
    model_call_ended();
}

/// Both subscribers have the event of the setup; whoever is last gives the block.
static void readers_and_publisher(unsigned number)
{
    if (number == 2u) {
        publish(PUBLISHED(7));
    } else {
        model_expect(read_one(number), "an event is missing");
    }
    model_call_ended();
}

static void leave(void)
{
    int status = hf_event_unsubscribe(&world.subscribers[1]);
    model_expect(status == HF_OK || status == HF_E_AGAIN, "an unsubscribe's status");
    world.has_left = status == HF_OK ? 1u : 0u;
}

static void publisher_and_leaver(unsigned number)
{
    if (number == 0) {
        publish(PUBLISHED(3));
    } else if (number == 1u) {
        leave();
    } else {
        (void)read_one(0);
    }
    model_call_ended();
}

/// Two releases where there is one reference.
static void release_twice(unsigned number)
{
    (void)number;
    int status = hf_event_release(&world.bus, world.shared);
    world.released += status == HF_OK ? 1u : 0u;
    world.wrong += status == HF_E_DOUBLE_GIVE ? 1u : 0u;
    model_call_ended();
}

// ---- judging -------------------------------------------------------------------------------------

static void judge_subscriber(const hf_event_subscriber_t *subscriber)
{
    hf_event_subscriber_stats_t stats = hf_event_subscriber_stats(subscriber);
    model_expect(stats.offered == stats.delivered + stats.dropped + stats.queued,
                 "offered is not delivered + dropped + queued");
    model_expect(stats.queued <= SLOTS && stats.peak <= SLOTS, "queued or peak");
}

static void at_end(void)
{
    hf_event_stats_t stats = hf_event_stats(&world.bus);
    model_expect(stats.refused == world.refused, "refused is wrong");
    model_expect(stats.exhausted == world.exhausted, "exhausted is wrong");
    if (world.subscribers[1].config.capacity != 0 && world.has_left == 0) {
        judge_subscriber(&world.subscribers[1]);
        while (read_one(1)) {
        }
    }
    judge_subscriber(&world.subscribers[0]);
    while (read_one(0)) {
    }
    judge_subscriber(&world.subscribers[0]);
    model_expect(hf_pool_stats(&world.pool).in_use == 0, "a block was left behind");
    model_expect(hf_event_stats(&world.bus).wrong == world.wrong, "wrong is wrong");
    for (unsigned i = 0; i < BLOCKS; i++) {
        model_expect(hf_pool_take(&world.pool, HF_TAG_NONE) != NULL, "a block is lost");
    }
}

static void at_end_of_all(void)
{
    uint32_t published = world.accepted;
    uint32_t dropped = hf_event_subscriber_stats(&world.subscribers[0]).dropped;
    at_end();
    model_expect(world.got + dropped == published, "an event is lost");
}

static void at_end_of_two_releases(void)
{
    model_expect(world.released == 1 && world.wrong == 1, "not one release of two was good");
    at_end();
}

// ---- setups --------------------------------------------------------------------------------------

static void subscribe(unsigned number, hf_event_policy_t policy, uint16_t capacity)
{
    const hf_event_subscription_t config = {.name = "reader",
                                            .slots = world.slots[number],
                                            .capacity = capacity,
                                            .type_last = TYPE,
                                            .policy = (uint8_t)policy};
    hf_event_subscriber_t *made = NULL;
    model_require(hf_event_subscribe(&world.bus, &config, &made));
    if (made != &world.subscribers[number]) {
        abort();
    }
}

static void set_up(unsigned subscribers, hf_event_policy_t policy, uint16_t capacity)
{
    memset(&world, 0, sizeof world);
    const hf_pool_config_t pool = {.name = "events",
                                   .blocks = world.storage.blocks,
                                   .meta = world.storage.meta,
                                   .block_bytes = HF_EVENT_BLOCK_BYTES(BYTES),
                                   .count = BLOCKS};
    model_require(hf_pool_init(&world.pool, &pool));
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .pools = pools,
                                      .subscribers = world.subscribers,
                                      .type_count = 1,
                                      .pool_count = 1,
                                      .subscriber_count = SUBSCRIBERS};
    model_require(hf_event_init(&world.bus, &config));
    for (unsigned i = 0; i < subscribers; i++) {
        subscribe(i, policy, capacity);
    }
}

static void set_up_lossless(void)
{
    set_up(1, HF_EVENT_LOSSLESS, 1);
}

static void set_up_drop_oldest(void)
{
    set_up(1, HF_EVENT_DROP_OLDEST, 1);
}

static void set_up_shared(void)
{
    set_up(2, HF_EVENT_LOSSLESS, SLOTS);
    publish(PUBLISHED(5));
}

static void set_up_leaver(void)
{
    set_up(2, HF_EVENT_DROP_OLDEST, 1);
    publish(PUBLISHED(4));
}

static void set_up_twice(void)
{
    set_up(1, HF_EVENT_LOSSLESS, 1);
    publish(PUBLISHED(6));
    const hf_event_t *event = NULL;
    model_require(hf_event_get(&world.subscribers[0], &event));
    world.shared = (hf_event_t *)(uintptr_t)event;
}

#define WORLD(of_threads, of_thread, of_end)                                                       \
    {                                                                                              \
        .threads = (of_threads), .memory = memories, .memories = 1, .thread = (of_thread),         \
        .at_end = (of_end)                                                                         \
    }

int main(int argc, char **argv)
{
    static const model_case_t cases[] = {
        {"lossless_one_publisher", set_up_lossless, WORLD(2, publisher_or_reader, at_end_of_all)},
        {"lossless_two_publishers", set_up_lossless,
         WORLD(3, two_publishers_and_reader, at_end_of_all)},
        {"drop_oldest_one_publisher", set_up_drop_oldest,
         WORLD(2, publisher_or_reader, at_end_of_all)},
        {"drop_oldest_two_publishers", set_up_drop_oldest,
         WORLD(3, two_publishers_and_reader, at_end_of_all)},
        {"two_readers_of_one_event", set_up_shared, WORLD(3, readers_and_publisher, at_end)},
        {"subscriber_leaves_while_published", set_up_leaver,
         WORLD(3, publisher_and_leaver, at_end)},
        {"two_releases_of_one_reference", set_up_twice,
         WORLD(2, release_twice, at_end_of_two_releases)},
    };
    const model_suite_t suite = {.name = "events",
                                 .cases = cases,
                                 .count = sizeof cases / sizeof cases[0],
                                 .states_max = 4000000};
    return model_main(&suite, argc, argv);
}
