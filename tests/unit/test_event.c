// SPDX-License-Identifier: MIT
// The event bus: filters, priorities, both policies of a full queue, references, wrong uses, statistics.
#include "hf_test.h"
#include "holdfast/hf_event.h"

enum { TYPE_STATE, TYPE_METER, TYPE_FAULT, TYPE_UNUSED, TYPE_BIG, TYPES };

typedef struct meter {
    uint32_t number;
    uint32_t value;
} meter_t;

static const hf_event_type_t types[TYPES] = {
    [TYPE_STATE] = {"state", sizeof(meter_t), HF_EVENT_NORMAL},
    [TYPE_METER] = {"meter", sizeof(meter_t), HF_EVENT_LOW},
    [TYPE_FAULT] = {"fault", sizeof(meter_t), HF_EVENT_URGENT},
    [TYPE_BIG] = {"big", 200, HF_EVENT_NORMAL},
};

#define SMALL_COUNT 8u
#define LARGE_COUNT 4u
#define SUBSCRIBERS 4u

static struct {
    HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(sizeof(meter_t)), SMALL_COUNT) small_storage;
    HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(200), LARGE_COUNT) large_storage;
    hf_pool_t small, large;
    hf_pool_t *pools[2];
    hf_event_subscriber_t subscribers[SUBSCRIBERS];
    hf_event_slot_t slots[SUBSCRIBERS][16];
    hf_event_bus_t bus;
    uint32_t handled[32];
    uint32_t handled_count;
    uint32_t notified;
} world;

static void setup(void)
{
    memset(&world, 0, sizeof world);
    const hf_pool_config_t small = {.name = "small events",
                                    .blocks = world.small_storage.blocks,
                                    .meta = world.small_storage.meta,
                                    .block_bytes = HF_EVENT_BLOCK_BYTES(sizeof(meter_t)),
                                    .count = SMALL_COUNT};
    const hf_pool_config_t large = {.name = "large events",
                                    .blocks = world.large_storage.blocks,
                                    .meta = world.large_storage.meta,
                                    .block_bytes = HF_EVENT_BLOCK_BYTES(200),
                                    .count = LARGE_COUNT};
    CHECK_EQ(hf_pool_init(&world.small, &small), HF_OK);
    CHECK_EQ(hf_pool_init(&world.large, &large), HF_OK);
    world.pools[0] = &world.small;
    world.pools[1] = &world.large;
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .type_count = TYPES,
                                      .pools = world.pools,
                                      .pool_count = 2,
                                      .subscribers = world.subscribers,
                                      .subscriber_count = SUBSCRIBERS};
    CHECK_EQ(hf_event_init(&world.bus, &config), HF_OK);
}

static void remember(void *ctx, const hf_event_t *event)
{
    const meter_t *meter = hf_event_data(event);
    (void)ctx;
    world.handled[world.handled_count++ % HF_COUNT_OF(world.handled)] = meter->number;
}

static void count_wake(void *ctx)
{
    (void)ctx;
    world.notified++;
}

/// What most cases want: every type, lossless, `capacity` places; `more` changes it.
static hf_event_subscription_t all_types(uint32_t number, uint16_t capacity)
{
    return (hf_event_subscription_t){.name = "all",
                                     .slots = world.slots[number],
                                     .capacity = capacity,
                                     .type_last = UINT16_MAX,
                                     .policy = HF_EVENT_LOSSLESS,
                                     .handle = remember};
}

static hf_event_subscriber_t *subscribe(const hf_event_subscription_t *config)
{
    hf_event_subscriber_t *made = NULL;
    CHECK_EQ(hf_event_subscribe(&world.bus, config, &made), HF_OK);
    return made;
}

static int publish(uint16_t type, uint32_t number)
{
    const meter_t meter = {.number = number, .value = ~number};
    return hf_event_publish(&world.bus, type, &meter, sizeof meter);
}

static uint32_t blocks_in_use(void)
{
    return hf_pool_stats(&world.small).in_use + hf_pool_stats(&world.large).in_use;
}

/// The number in the next event, which is released; UINT32_MAX when there is none.
static uint32_t next(hf_event_subscriber_t *subscriber)
{
    const hf_event_t *event = NULL;
    if (hf_event_get(subscriber, &event) != HF_OK) {
        return UINT32_MAX;
    }
    const meter_t meter = *(const meter_t *)hf_event_data(event);
    CHECK_EQ(meter.value, ~meter.number);
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    return meter.number;
}

static void event_init_wrong_config_refused(void)
{
    setup();
    hf_event_bus_t bus;
    const hf_event_config_t good = world.bus.config;
    hf_event_config_t config = good;
    CHECK_EQ(hf_event_init(&bus, &config), HF_OK);
    config.types = NULL;
    CHECK_EQ(hf_event_init(&bus, &config), HF_E_ARGUMENT);
    config = good;
    config.subscriber_count = CONFIG_HF_EVENT_SUBSCRIBERS_MAX + 1;
    CHECK_EQ(hf_event_init(&bus, &config), HF_E_ARGUMENT);
    hf_pool_t *descending[2] = {&world.large, &world.small};
    config = good;
    config.pools = descending;
    CHECK_EQ(hf_event_init(&bus, &config), HF_E_ARGUMENT);
    config.pool_count = 1;
    CHECK_EQ(hf_event_init(&bus, &config), HF_OK);
    config.pools = world.pools; // the small pool alone cannot hold TYPE_BIG
    CHECK_EQ(hf_event_init(&bus, &config), HF_E_ARGUMENT);
    const hf_event_type_t urgent_plus[1] = {{"x", 4, HF_EVENT_PRIORITIES}};
    config = good;
    config.types = urgent_plus;
    config.type_count = 1;
    CHECK_EQ(hf_event_init(&bus, &config), HF_E_ARGUMENT);
}

static void event_subscription_wrong_refused(void)
{
    setup();
    hf_event_subscriber_t *made = NULL;
    hf_event_subscription_t config = all_types(0, 0);
    CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_E_ARGUMENT);
    config = all_types(0, 4);
    config.reserve = 4;
    CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_E_ARGUMENT);
    config.reserve = 1;
    config.policy = HF_EVENT_DROP_OLDEST; // it refuses nobody: a reserve has no meaning
    CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_E_ARGUMENT);
    config = all_types(0, 4);
    config.type_first = 3;
    config.type_last = 2;
    CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_E_ARGUMENT);
    for (uint32_t i = 0; i < SUBSCRIBERS; i++) {
        config = all_types(i, 4);
        CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_OK);
    }
    CHECK_EQ(hf_event_subscribe(&world.bus, &config, &made), HF_E_FULL);
}

static void event_one_block_is_shared_and_given_by_the_last(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    config = all_types(1, 4);
    hf_event_subscriber_t *b = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 7), 2);
    CHECK_EQ(blocks_in_use(), 1);
    const hf_event_t *from_a = NULL, *from_b = NULL;
    CHECK_EQ(hf_event_get(a, &from_a), HF_OK);
    CHECK_EQ(hf_event_get(b, &from_b), HF_OK);
    CHECK(from_a == from_b);
    CHECK_EQ(from_a->type, TYPE_STATE);
    CHECK_EQ(from_a->bytes, sizeof(meter_t));
    CHECK_EQ((uintptr_t)hf_event_data(from_a) % HF_POOL_ALIGN, 0);
    CHECK_EQ(hf_event_release(&world.bus, from_a), HF_OK);
    CHECK_EQ(blocks_in_use(), 1);
    CHECK_EQ(hf_event_release(&world.bus, from_b), HF_OK);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_nobody_wants_it_block_is_free_again(void)
{
    setup();
    CHECK_EQ(publish(TYPE_STATE, 1), 0);
    CHECK_EQ(blocks_in_use(), 0);
    CHECK_EQ(hf_event_stats(&world.bus).published, 1);
}

static void event_one_publish_is_one_take_and_one_place_each(void)
{
    // ModESP's publish_pooled made a pooled event, dropped it, and published another one from the heap.
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    CHECK_EQ(hf_event_subscriber_stats(a).queued, 1);
    CHECK_EQ(hf_event_subscriber_stats(a).offered, 1);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(hf_pool_stats(&world.small).takes, 1);
    CHECK_EQ(hf_pool_stats(&world.large).takes, 0);
#endif
    CHECK_EQ(next(a), 1);
    CHECK_EQ(next(a), UINT32_MAX);
}

static void event_posted_without_copy_is_the_block_that_is_read(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    hf_event_t *made = hf_event_new(&world.bus, TYPE_METER, sizeof(meter_t));
    REQUIRE(made != NULL);
    *(meter_t *)hf_event_payload(made) = (meter_t){5, ~5u};
    CHECK_EQ(hf_event_post(&world.bus, made), 1);
    CHECK_EQ(hf_event_post(&world.bus, made), HF_E_STATE); // a second publish of one event
    CHECK_EQ(hf_event_stats(&world.bus).wrong, 1);
    const hf_event_t *got = NULL;
    CHECK_EQ(hf_event_get(a, &got), HF_OK);
    CHECK(got == made);
    CHECK_EQ(hf_event_release(&world.bus, got), HF_OK);
    CHECK_EQ(hf_event_get(a, &got), HF_E_EMPTY);
}

static bool is_odd(void *ctx, const hf_event_t *event)
{
    (void)ctx;
    return ((const meter_t *)hf_event_data(event))->number % 2u == 1u;
}

static void event_filters_range_mask_priority_predicate(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    config.type_first = TYPE_METER;
    config.type_last = TYPE_FAULT;
    hf_event_subscriber_t *range = subscribe(&config);
    config = all_types(1, 8);
    config.type_mask = 1u << TYPE_STATE | 1u << TYPE_FAULT;
    hf_event_subscriber_t *mask = subscribe(&config);
    config = all_types(2, 8);
    config.priority_min = HF_EVENT_NORMAL;
    hf_event_subscriber_t *priority = subscribe(&config);
    config = all_types(3, 8);
    config.wants = is_odd;
    hf_event_subscriber_t *odd = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 10), 2); // mask, priority
    CHECK_EQ(publish(TYPE_METER, 11), 2); // range, odd
    CHECK_EQ(publish(TYPE_FAULT, 12), 3); // all but odd
    CHECK_EQ(next(range), 12);
    CHECK_EQ(next(range), 11);
    CHECK_EQ(next(range), UINT32_MAX);
    CHECK_EQ(next(mask), 12);
    CHECK_EQ(next(mask), 10);
    CHECK_EQ(next(mask), UINT32_MAX);
    CHECK_EQ(next(priority), 12);
    CHECK_EQ(next(priority), 10);
    CHECK_EQ(next(priority), UINT32_MAX);
    CHECK_EQ(next(odd), 11);
    CHECK_EQ(next(odd), UINT32_MAX);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_mask_does_not_reach_beyond_32_types(void)
{
    static hf_event_type_t many[40];
    setup();
    for (uint32_t i = 0; i < 40; i++) {
        many[i] = (hf_event_type_t){"t", sizeof(meter_t), HF_EVENT_LOW};
    }
    hf_event_config_t bus = world.bus.config;
    bus.types = many;
    bus.type_count = 40;
    CHECK_EQ(hf_event_init(&world.bus, &bus), HF_OK);
    hf_event_subscription_t config = all_types(0, 8);
    config.type_mask = UINT32_MAX;
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(31, 31), 1);
    CHECK_EQ(publish(32, 32), 0);
    CHECK_EQ(publish(39, 39), 0);
    CHECK_EQ(next(a), 31);
}

static void event_priorities_highest_first_then_oldest(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_METER, 1), 1);
    CHECK_EQ(publish(TYPE_STATE, 2), 1);
    CHECK_EQ(publish(TYPE_METER, 3), 1);
    CHECK_EQ(publish(TYPE_FAULT, 4), 1);
    CHECK_EQ(publish(TYPE_STATE, 5), 1);
    const meter_t high = {6, ~6u};
    CHECK_EQ(hf_event_publish_at(&world.bus, TYPE_METER, HF_EVENT_HIGH, &high, sizeof high), 1);
    const uint32_t expected[] = {4, 6, 2, 5, 1, 3};
    for (uint32_t i = 0; i < HF_COUNT_OF(expected); i++) {
        CHECK_EQ(next(a), expected[i]);
    }
    CHECK_EQ(hf_event_publish_at(&world.bus, TYPE_METER, HF_EVENT_PRIORITIES, &high, sizeof high),
             HF_E_RANGE);
    CHECK_EQ(
        hf_event_publish_at(&world.bus, TYPE_METER, (hf_event_priority_t)256, &high, sizeof high),
        HF_E_RANGE); // and not the lowest
    CHECK_EQ(hf_event_stats(&world.bus).wrong, 2);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_lossless_full_refuses_before_anybody_gets_it(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    hf_event_subscriber_t *roomy = subscribe(&config); // asked first, and must get nothing
    config = all_types(1, 2);
    hf_event_subscriber_t *full = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 2);
    CHECK_EQ(publish(TYPE_STATE, 2), 2);
    CHECK_EQ(publish(TYPE_STATE, 3), HF_E_FULL);
    CHECK_EQ(hf_event_subscriber_stats(roomy).queued, 2);
    CHECK_EQ(hf_event_subscriber_stats(full).queued, 2);
    CHECK_EQ(hf_event_subscriber_stats(full).refused, 1);
    CHECK_EQ(hf_event_subscriber_stats(roomy).refused, 0);
    CHECK_EQ(hf_event_stats(&world.bus).refused, 1);
    CHECK_EQ(hf_event_stats(&world.bus).published, 2);
    CHECK_EQ(blocks_in_use(), 2);
    CHECK_EQ(next(full), 1);
    CHECK_EQ(publish(TYPE_STATE, 4), 2);
    CHECK_EQ(next(full), 2);
    CHECK_EQ(next(full), 4);
}

static void event_refused_post_stays_the_publishers(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 1);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    hf_event_t *made = hf_event_new(&world.bus, TYPE_STATE, sizeof(meter_t));
    REQUIRE(made != NULL);
    *(meter_t *)hf_event_payload(made) = (meter_t){2, ~2u};
    CHECK_EQ(hf_event_post(&world.bus, made), HF_E_FULL);
    CHECK_EQ(next(a), 1);
    CHECK_EQ(hf_event_post(&world.bus, made), 1);
    CHECK_EQ(next(a), 2);
    made = hf_event_new(&world.bus, TYPE_STATE, sizeof(meter_t));
    REQUIRE(made != NULL);
    CHECK_EQ(hf_event_release(&world.bus, made), HF_OK); // thought better of it
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_reserve_is_for_urgent_alone(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 3);
    config.reserve = 1;
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    CHECK_EQ(publish(TYPE_STATE, 2), 1);
    CHECK_EQ(publish(TYPE_STATE, 3), HF_E_FULL);
    CHECK_EQ(publish(TYPE_FAULT, 4), 1);
    CHECK_EQ(publish(TYPE_FAULT, 5), HF_E_FULL);
    CHECK_EQ(next(a), 4);
}

static void event_drop_oldest_keeps_the_newest_and_counts(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 3);
    config.policy = HF_EVENT_DROP_OLDEST;
    hf_event_subscriber_t *a = subscribe(&config);
    for (uint32_t i = 1; i <= 10; i++) {
        CHECK_EQ(publish(TYPE_METER, i), 1);
    }
    CHECK_EQ(blocks_in_use(), 3);
    hf_event_subscriber_stats_t stats = hf_event_subscriber_stats(a);
    CHECK_EQ(stats.dropped, 7);
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.offered, stats.delivered + stats.dropped + stats.queued);
    CHECK_EQ(next(a), 8);
    CHECK_EQ(next(a), 9);
    CHECK_EQ(next(a), 10);
    CHECK_EQ(hf_event_stats(&world.bus).dropped, 7);
    CHECK_EQ(hf_event_stats(&world.bus).delivered, 3);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_drop_oldest_never_drops_what_is_above(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 2);
    config.policy = HF_EVENT_DROP_OLDEST;
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_FAULT, 1), 1);
    CHECK_EQ(publish(TYPE_METER, 2), 1);
    CHECK_EQ(publish(TYPE_STATE, 3), 1); // 2 goes
    CHECK_EQ(publish(TYPE_METER, 4), 0); // all queued are above it: it goes itself
    CHECK_EQ(hf_event_subscriber_stats(a).dropped, 2);
    CHECK_EQ(next(a), 1);
    CHECK_EQ(next(a), 3);
    CHECK_EQ(next(a), UINT32_MAX);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_exhausted_unknown_too_long_counted_apart(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 16);
    hf_event_subscriber_t *a = subscribe(&config);
    for (uint32_t i = 0; i < SMALL_COUNT + LARGE_COUNT; i++) {
        CHECK_EQ(publish(TYPE_STATE, i), 1); // the last ones in blocks of the larger tier
    }
    CHECK_EQ(publish(TYPE_STATE, 99), HF_E_EMPTY);
    CHECK_EQ(publish(TYPE_UNUSED, 99), HF_E_NOT_FOUND);
    CHECK_EQ(publish(TYPES, 99), HF_E_NOT_FOUND);
    uint8_t big[201] = {0};
    CHECK_EQ(hf_event_publish(&world.bus, TYPE_BIG, big, sizeof big), HF_E_TOO_LONG);
    const hf_event_stats_t stats = hf_event_stats(&world.bus);
    CHECK_EQ(stats.published, SMALL_COUNT + LARGE_COUNT);
    CHECK_EQ(stats.spills, LARGE_COUNT);
    CHECK_EQ(stats.exhausted, 1);
    CHECK_EQ(stats.unknown, 2);
    CHECK_EQ(stats.too_long, 1);
    CHECK_EQ(stats.wrong, 0);
    for (uint32_t i = 0; i < SMALL_COUNT + LARGE_COUNT; i++) {
        CHECK_EQ(next(a), i);
    }
    CHECK_EQ(hf_event_publish(&world.bus, TYPE_BIG, big, 200), 1);
    CHECK_EQ(hf_pool_stats(&world.large).in_use, 1);
    CHECK_EQ(hf_event_publish(&world.bus, TYPE_BIG, big, 4), 1); // by its bytes, not by its type
    CHECK_EQ(hf_pool_stats(&world.small).in_use, 1);
}

static void event_wrong_releases_told_and_change_nothing(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    CHECK_EQ(publish(TYPE_STATE, 2), 1);
    const hf_event_t *event = NULL;
    CHECK_EQ(hf_event_get(a, &event), HF_OK);
    hf_event_t elsewhere = {.type = 0};
    CHECK_EQ(hf_event_release(&world.bus, &elsewhere), HF_E_FOREIGN);
    CHECK_EQ(hf_event_release(&world.bus, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_event_release(&world.bus, event + 1), HF_E_FOREIGN); // its payload is no event
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    CHECK_EQ(hf_event_release(&world.bus, event), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_event_retain(&world.bus, event), HF_E_STATE);
    CHECK_EQ(hf_event_stats(&world.bus).wrong, 5);
    CHECK_EQ(blocks_in_use(), 1);
    CHECK_EQ(next(a), 2);
}

static void event_payload_that_looks_like_an_event_is_left_alone(void)
{
    setup();
    hf_event_t *event = hf_event_new(&world.bus, TYPE_BIG, 200);
    REQUIRE(event != NULL);
    hf_event_t *copy = hf_event_payload(event); // as who forwards events carries them
    memcpy(copy, event, sizeof *event);
    CHECK_EQ(hf_event_post(&world.bus, copy), HF_E_STATE);
    CHECK_EQ(hf_event_retain(&world.bus, copy), HF_E_FOREIGN);
    CHECK_EQ(hf_event_release(&world.bus, copy), HF_E_FOREIGN);
    CHECK(memcmp(copy, event, sizeof *event) == 0);
    hf_event_t *misaligned = (hf_event_t *)(void *)((uint8_t *)event + 1);
    CHECK_EQ(hf_event_post(&world.bus, misaligned), HF_E_STATE);
    CHECK_EQ(hf_event_post(&world.bus, (hf_event_t *)(uintptr_t)16),
             HF_E_STATE); // not even looked at
    CHECK_EQ(hf_event_post(&world.bus, NULL), HF_E_STATE);
    CHECK_EQ(hf_event_stats(&world.bus).wrong, 6);
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_retained_lives_until_the_last_release(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    const hf_event_t *event = NULL;
    CHECK_EQ(hf_event_get(a, &event), HF_OK);
    CHECK_EQ(hf_event_retain(&world.bus, event), HF_OK);
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    CHECK_EQ(blocks_in_use(), 1);
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    CHECK_EQ(blocks_in_use(), 0);
}

static void event_paused_keeps_its_queue_until_resumed(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 2);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    hf_event_pause(a);
    const hf_event_t *event = NULL;
    CHECK_EQ(hf_event_get(a, &event), HF_E_AGAIN);
    CHECK_EQ(hf_event_dispatch(a, 10), 0);
    CHECK_EQ(hf_event_run(&world.bus, 10), 0);
    CHECK_EQ(publish(TYPE_STATE, 2), 1);
    CHECK_EQ(publish(TYPE_STATE, 3), HF_E_FULL); // its policy holds while it sleeps
    hf_event_resume(a);
    CHECK_EQ(next(a), 1);
    CHECK_EQ(next(a), 2);
}

static void event_dispatch_calls_the_handler_up_to_the_limit(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    config.notify = count_wake;
    hf_event_subscriber_t *a = subscribe(&config);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(publish(TYPE_STATE, i), 1);
    }
    CHECK_EQ(world.notified, 5);
    CHECK_EQ(hf_event_dispatch(a, 3), 3);
    CHECK_EQ(world.handled_count, 3);
    CHECK_EQ(hf_event_dispatch(a, 10), 2);
    CHECK_EQ(world.handled[4], 4);
    CHECK_EQ(blocks_in_use(), 0);
}

static void note_who(void *ctx, const hf_event_t *event)
{
    const meter_t *meter = hf_event_data(event);
    world.handled[world.handled_count++] = meter->number * 10u + *(const uint32_t *)ctx;
}

static void event_run_serves_by_event_then_subscriber_then_age(void)
{
    static const uint32_t one = 1, two = 2;
    setup();
    hf_event_subscription_t config = all_types(0, 8);
    config.handle = note_who;
    config.ctx = (void *)(uintptr_t)&one;
    config.type_mask = 1u << TYPE_STATE | 1u << TYPE_FAULT;
    (void)subscribe(&config);
    config = all_types(1, 8);
    config.handle = note_who;
    config.ctx = (void *)(uintptr_t)&two;
    config.priority = 5;
    (void)subscribe(&config);
    CHECK_EQ(publish(TYPE_METER, 1), 1);
    CHECK_EQ(publish(TYPE_STATE, 2), 2);
    CHECK_EQ(publish(TYPE_FAULT, 3), 2);
    CHECK_EQ(publish(TYPE_STATE, 4), 2);
    CHECK_EQ(hf_event_run(&world.bus, 100), 7);
    const uint32_t expected[] = {32, 31, 22, 42, 21, 41, 12};
    for (uint32_t i = 0; i < HF_COUNT_OF(expected); i++) {
        CHECK_EQ(world.handled[i], expected[i]);
    }
    CHECK_EQ(blocks_in_use(), 0);
}

static void republish(void *ctx, const hf_event_t *event)
{
    const meter_t *meter = hf_event_data(event);
    (void)ctx;
    world.handled_count++;
    if (meter->number > 0) {
        CHECK_EQ(publish(event->type, meter->number - 1u), 1);
    }
}

static void event_handler_may_publish(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 1);
    config.handle = republish;
    (void)subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 9), 1);
    CHECK_EQ(hf_event_run(&world.bus, 100), 10);
    CHECK_EQ(blocks_in_use(), 0);
    CHECK_EQ(hf_event_stats(&world.bus).published, 10);
}

static void event_unsubscribed_gets_no_more_and_its_queue_is_dropped(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 1);
    CHECK_EQ(publish(TYPE_STATE, 2), 1);
    CHECK_EQ(next(a), 1);
    CHECK_EQ(hf_event_unsubscribe(a), HF_OK);
    CHECK_EQ(hf_event_unsubscribe(a), HF_E_STATE);
    CHECK_EQ(blocks_in_use(), 0);
    CHECK_EQ(publish(TYPE_STATE, 3), 0);
    CHECK_EQ(hf_event_stats(&world.bus).delivered, 1); // counters outlive the subscriber
    CHECK_EQ(hf_event_stats(&world.bus).dropped, 1);
    a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 4), 1);
    CHECK_EQ(next(a), 4);
    CHECK_EQ(hf_event_stats(&world.bus).delivered, 2);
}

static int unsubscribed_within;

static bool unsubscribe_within(void *ctx, const hf_event_t *event)
{
    (void)ctx;
    (void)event;
    unsubscribed_within = hf_event_unsubscribe(&world.subscribers[0]);
    return true;
}

static void event_unsubscribe_during_a_publish_waits_for_it(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    config.wants = unsubscribe_within;
    hf_event_subscriber_t *a = subscribe(&config);
    CHECK_EQ(publish(TYPE_STATE, 1), 0); // wanted, but closed before it was queued
    CHECK_EQ(unsubscribed_within, HF_E_AGAIN);
    CHECK_EQ(hf_event_subscriber_stats(a).offered, 0);
    CHECK_EQ(hf_event_unsubscribe(a), HF_OK);
    CHECK_EQ(blocks_in_use(), 0);
}

#if CONFIG_HF_POOL_CENSUS
static void event_given_behind_the_bus_is_told_as_stale(void)
{
    setup();
    hf_event_subscription_t config = all_types(0, 4);
    hf_event_subscriber_t *a = subscribe(&config);
    hf_event_t *made = hf_event_new(&world.bus, TYPE_STATE, sizeof(meter_t));
    REQUIRE(made != NULL);
    *(meter_t *)hf_event_payload(made) = (meter_t){1, ~1u};
    CHECK_EQ(hf_event_post(&world.bus, made), 1);
    const hf_event_ref_t ref = hf_event_ref(&world.bus, made);
    CHECK(hf_event_ref_is_live(&world.bus, ref));
    CHECK_EQ(hf_pool_give(&world.small, made), HF_OK); // somebody's bug
    CHECK_EQ(publish(TYPE_STATE, 2), 1);               // may well get that block
    CHECK(!hf_event_ref_is_live(&world.bus, ref));
    const hf_event_t *event = NULL;
    CHECK_EQ(hf_event_get(a, &event), HF_E_STALE);
    CHECK_EQ(hf_event_stats(&world.bus).stale, 2);
    const hf_event_subscriber_stats_t stats = hf_event_subscriber_stats(a);
    CHECK_EQ(stats.stale, 1);
    CHECK_EQ(stats.offered, stats.delivered + stats.dropped + stats.queued + stats.stale);
    CHECK_EQ(next(a), 2);
    CHECK_EQ(blocks_in_use(), 0);
}
#define CENSUS_CASES , HF_TEST(event_given_behind_the_bus_is_told_as_stale)
#else
#define CENSUS_CASES
#endif

HF_TEST_MAIN(HF_TEST(event_init_wrong_config_refused), HF_TEST(event_subscription_wrong_refused),
             HF_TEST(event_one_block_is_shared_and_given_by_the_last),
             HF_TEST(event_nobody_wants_it_block_is_free_again),
             HF_TEST(event_one_publish_is_one_take_and_one_place_each),
             HF_TEST(event_posted_without_copy_is_the_block_that_is_read),
             HF_TEST(event_filters_range_mask_priority_predicate),
             HF_TEST(event_mask_does_not_reach_beyond_32_types),
             HF_TEST(event_priorities_highest_first_then_oldest),
             HF_TEST(event_lossless_full_refuses_before_anybody_gets_it),
             HF_TEST(event_refused_post_stays_the_publishers),
             HF_TEST(event_reserve_is_for_urgent_alone),
             HF_TEST(event_drop_oldest_keeps_the_newest_and_counts),
             HF_TEST(event_drop_oldest_never_drops_what_is_above),
             HF_TEST(event_exhausted_unknown_too_long_counted_apart),
             HF_TEST(event_wrong_releases_told_and_change_nothing),
             HF_TEST(event_payload_that_looks_like_an_event_is_left_alone),
             HF_TEST(event_retained_lives_until_the_last_release),
             HF_TEST(event_paused_keeps_its_queue_until_resumed),
             HF_TEST(event_dispatch_calls_the_handler_up_to_the_limit),
             HF_TEST(event_run_serves_by_event_then_subscriber_then_age),
             HF_TEST(event_handler_may_publish),
             HF_TEST(event_unsubscribed_gets_no_more_and_its_queue_is_dropped),
             HF_TEST(event_unsubscribe_during_a_publish_waits_for_it) CENSUS_CASES)
