// SPDX-License-Identifier: MIT
// Channels: a queue into the bus and the bus into a queue; back-pressure from one end to the other, nothing lost.
#include "hf_test.h"
#include "holdfast/hf_event.h"

enum { TYPE_STEP, TYPES };

typedef struct step {
    uint32_t number;
} step_t;

static const hf_event_type_t types[TYPES] = {{"step", 8, HF_EVENT_NORMAL}};

#define BLOCKS 6u

static struct {
    HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(8), BLOCKS) storage;
    hf_pool_t pool;
    hf_pool_t *pools[1];
    hf_event_subscriber_t subscribers[2];
    hf_event_slot_t slots[4];
    hf_event_bus_t bus;
    uint32_t in_items[8], out_items[4 * 2];
    hf_queue_t in, out;
    hf_event_channel_t channel;
    uint32_t item[2];
} world;

static hf_event_subscriber_t *setup(uint16_t capacity)
{
    memset(&world, 0, sizeof world);
    const hf_pool_config_t pool = {.name = "events",
                                   .blocks = world.storage.blocks,
                                   .meta = world.storage.meta,
                                   .block_bytes = HF_EVENT_BLOCK_BYTES(8),
                                   .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&world.pool, &pool), HF_OK);
    world.pools[0] = &world.pool;
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .type_count = TYPES,
                                      .pools = world.pools,
                                      .pool_count = 1,
                                      .subscribers = world.subscribers,
                                      .subscriber_count = 2};
    CHECK_EQ(hf_event_init(&world.bus, &config), HF_OK);
    CHECK_EQ(hf_queue_init(&world.in, world.in_items, sizeof(step_t), 8, 0), HF_OK);
    CHECK_EQ(hf_queue_init(&world.out, world.out_items, 8, 4, 1), HF_OK);
    const hf_event_subscription_t wanted = {
        .name = "reader", .slots = world.slots, .capacity = capacity, .policy = HF_EVENT_LOSSLESS};
    hf_event_subscriber_t *made = NULL;
    CHECK_EQ(hf_event_subscribe(&world.bus, &wanted, &made), HF_OK);
    return made;
}

static uint32_t next(hf_event_subscriber_t *subscriber)
{
    const hf_event_t *event = NULL;
    if (hf_event_get(subscriber, &event) != HF_OK) {
        return UINT32_MAX;
    }
    const uint32_t number = ((const step_t *)hf_event_data(event))->number;
    CHECK_EQ(hf_event_release(&world.bus, event), HF_OK);
    return number;
}

static void put(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        const step_t step = {i};
        CHECK_EQ(hf_queue_put(&world.in, &step), HF_OK);
    }
}

static void channel_in_moves_items_in_order(void)
{
    hf_event_subscriber_t *reader = setup(4);
    CHECK_EQ(hf_event_channel_in(&world.channel, &world.bus, &world.in, TYPE_STEP), HF_OK);
    CHECK_EQ(hf_event_pump_in(&world.channel, 10), 0);
    CHECK_EQ(hf_pool_stats(&world.pool).in_use, 0); // an empty queue takes no block
    put(1, 3);
    CHECK_EQ(hf_event_pump_in(&world.channel, 2), 2);
    CHECK_EQ(hf_event_pump_in(&world.channel, 2), 1);
    CHECK_EQ(next(reader), 1);
    CHECK_EQ(next(reader), 2);
    CHECK_EQ(next(reader), 3);
    CHECK_EQ(hf_pool_stats(&world.pool).in_use, 0);
}

static void channel_in_full_reader_presses_back_to_the_queue(void)
{
    hf_event_subscriber_t *reader = setup(2);
    CHECK_EQ(hf_event_channel_in(&world.channel, &world.bus, &world.in, TYPE_STEP), HF_OK);
    put(1, 8);
    CHECK_EQ(hf_event_pump_in(&world.channel, 10), 2);
    CHECK_EQ(hf_queue_count(&world.in), 5); // the third waits in its block
    put(9, 11);
    const step_t twelve = {12};
    CHECK_EQ(hf_queue_put(&world.in, &twelve),
             HF_E_FULL); // the control loop learns it, and says so
    for (uint32_t i = 1; i <= 11; i++) {
        CHECK_EQ(next(reader), i);
        (void)hf_event_pump_in(&world.channel, 10);
    }
    CHECK_EQ(next(reader), UINT32_MAX);
    CHECK_EQ(hf_pool_stats(&world.pool).in_use, 0);
}

static void channel_in_without_blocks_leaves_the_item_in_the_queue(void)
{
    hf_event_subscriber_t *reader = setup(4);
    CHECK_EQ(hf_event_channel_in(&world.channel, &world.bus, &world.in, TYPE_STEP), HF_OK);
    void *taken[BLOCKS];
    for (uint32_t i = 0; i < BLOCKS; i++) {
        taken[i] = hf_pool_take(&world.pool, HF_TAG_NONE);
        REQUIRE(taken[i] != NULL);
    }
    put(1, 1);
    CHECK_EQ(hf_event_pump_in(&world.channel, 1), 0);
    CHECK_EQ(hf_queue_count(&world.in), 1);
    CHECK_EQ(hf_event_stats(&world.bus).exhausted, 1);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        CHECK_EQ(hf_pool_give(&world.pool, taken[i]), HF_OK);
    }
    CHECK_EQ(hf_event_pump_in(&world.channel, 1), 1);
    CHECK_EQ(next(reader), 1);
}

static void channel_out_full_queue_presses_back_to_the_publisher(void)
{
    hf_event_subscriber_t *reader = setup(2);
    CHECK_EQ(hf_event_channel_out(&world.channel, reader, &world.out, world.item), HF_OK);
    uint32_t published = 0;
    step_t step = {0};
    for (uint32_t i = 0; i < 20; i++) {
        step.number = i;
        const int result = hf_event_publish(&world.bus, TYPE_STEP, &step, sizeof step);
        published += result == 1 ? 1u : 0u;
        CHECK(result == 1 || result == HF_E_FULL);
        (void)hf_event_pump_out(&world.channel, 10);
    }
    CHECK_EQ(published, 5); // 3 ordinary places in the queue, 2 in the subscriber
    CHECK_EQ(atomic_load(&world.out.refused), 0);
    step.number = 100;
    uint32_t out[2];
    CHECK_EQ(hf_queue_get(&world.out, out), HF_OK);
    CHECK_EQ(out[0], 0);
    CHECK_EQ(out[1], 0); // what the payload does not fill
    CHECK_EQ(hf_event_pump_out(&world.channel, 10), 1);
    CHECK_EQ(hf_event_publish_at(&world.bus, TYPE_STEP, HF_EVENT_URGENT, &step, sizeof step), 1);
    CHECK_EQ(hf_event_pump_out(&world.channel, 10), 1); // by the reserve of the queue
    const uint32_t expected[] = {1, 2, 3, 100, 4};
    for (uint32_t i = 0; i < HF_COUNT_OF(expected); i++) {
        (void)hf_event_pump_out(&world.channel, 10);
        CHECK_EQ(hf_queue_get(&world.out, out), HF_OK);
        CHECK_EQ(out[0], expected[i]);
    }
    CHECK_EQ(hf_pool_stats(&world.pool).in_use, 0);
}

static void channel_wrong_ends_refused(void)
{
    hf_event_subscriber_t *reader = setup(2);
    hf_queue_t wide;
    uint32_t items[4 * 2];
    CHECK_EQ(hf_queue_init(&wide, items, 12, 2, 0), HF_OK);
    CHECK_EQ(hf_event_channel_in(&world.channel, &world.bus, &wide, TYPE_STEP), HF_E_ARGUMENT);
    CHECK_EQ(hf_event_channel_in(&world.channel, &world.bus, &world.in, TYPES), HF_E_ARGUMENT);
    CHECK_EQ(hf_event_channel_out(&world.channel, reader, &world.in, world.item), HF_E_ARGUMENT);
    reader->config.policy = HF_EVENT_DROP_OLDEST;
    CHECK_EQ(hf_event_channel_out(&world.channel, reader, &world.out, world.item), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(channel_in_moves_items_in_order),
             HF_TEST(channel_in_full_reader_presses_back_to_the_queue),
             HF_TEST(channel_in_without_blocks_leaves_the_item_in_the_queue),
             HF_TEST(channel_out_full_queue_presses_back_to_the_publisher),
             HF_TEST(channel_wrong_ends_refused))
