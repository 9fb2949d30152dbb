// SPDX-License-Identifier: MIT
// No way through the event bus touches the heap: in a program linked with --wrap, everything that was linked into it
// and calls the heap after the seal is seen. (ModESP's pooled events had a string, a JSON tree, a control block and an
// event on the heap.)
#include "hf_test.h"
#include "holdfast/hf_event.h"
#include "holdfast/hf_seal.h"

#include <stdlib.h>

#define BLOCKS 8u

static const hf_event_type_t types[1] = {{"step", 16, HF_EVENT_NORMAL}};

static HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(16), BLOCKS) storage;
static hf_pool_t pool;
static hf_pool_t *pools[1] = {&pool};
static hf_event_subscriber_t subscribers[3];
static hf_event_slot_t slots[3][4];
static hf_event_bus_t bus;
static hf_seal_caller_t callers[4];
static void *volatile sink;

static void handle(void *ctx, const hf_event_t *event)
{
    (void)ctx;
    (void)event;
}

static hf_event_subscriber_t *subscribe(uint32_t number, hf_event_policy_t policy)
{
    const hf_event_subscription_t wanted = {.name = "reader",
                                            .slots = slots[number],
                                            .capacity = 4,
                                            .policy = (uint8_t)policy,
                                            .handle = handle};
    hf_event_subscriber_t *made = NULL;
    CHECK_EQ(hf_event_subscribe(&bus, &wanted, &made), HF_OK);
    return made;
}

static void setup(void)
{
    const hf_pool_config_t blocks = {.name = "events",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = HF_EVENT_BLOCK_BYTES(16),
                                     .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&pool, &blocks), HF_OK);
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .type_count = 1,
                                      .pools = pools,
                                      .pool_count = 1,
                                      .subscribers = subscribers,
                                      .subscriber_count = 3};
    CHECK_EQ(hf_event_init(&bus, &config), HF_OK);
}

/// Every call of the bus, with success and with each refusal.
static void use_everything(void)
{
    uint8_t payload[17] = {0};
    hf_event_subscriber_t *lossless = subscribe(0, HF_EVENT_LOSSLESS);
    hf_event_subscriber_t *lossy = subscribe(1, HF_EVENT_DROP_OLDEST);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(hf_event_publish(&bus, 0, payload, 16), 2);
    }
    CHECK_EQ(hf_event_publish(&bus, 0, payload, 16), HF_E_FULL);
    CHECK_EQ(hf_event_publish(&bus, 0, payload, 17), HF_E_TOO_LONG);
    CHECK_EQ(hf_event_publish(&bus, 1, payload, 16), HF_E_NOT_FOUND);
    CHECK_EQ(hf_event_dispatch(lossless, 10), 4);
    CHECK_EQ(hf_event_publish_at(&bus, 0, HF_EVENT_URGENT, payload, 16),
             2); // the lossy one drops one
    hf_event_t *held[BLOCKS];
    uint32_t count = 0;
    while (count < BLOCKS && (held[count] = hf_event_new(&bus, 0, 16)) != NULL) {
        count++;
    }
    CHECK_EQ(hf_event_publish(&bus, 0, payload, 16), HF_E_EMPTY);
    CHECK_EQ(hf_event_post(&bus, held[0]), 2);
    for (uint32_t i = 1; i < count; i++) {
        CHECK_EQ(hf_event_release(&bus, held[i]), HF_OK);
    }
    hf_event_pause(lossy);
    hf_event_resume(lossy);
    CHECK_EQ(hf_event_run(&bus, 100), 6);
    CHECK_EQ(hf_event_stats(&bus).dropped, 2);
    CHECK_EQ(hf_event_unsubscribe(lossless), HF_OK);
    CHECK_EQ(hf_event_unsubscribe(lossy), HF_OK);
    CHECK_EQ(hf_pool_stats(&pool).in_use, 0);
}

static void event_no_call_of_the_bus_touches_the_heap(void)
{
    const hf_seal_config_t seal = {.callers = callers, .caller_count = HF_COUNT_OF(callers)};
    setup();
    CHECK_EQ(hf_mem_seal(&seal), HF_OK);
    use_everything();
    const hf_seal_stats_t bus_calls = hf_seal_stats();
    sink = malloc(4); // the watch is awake
    free(sink);
    const hf_seal_stats_t own_calls = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(bus_calls.calls, 0);
    CHECK_EQ(bus_calls.frees, 0);
    CHECK_EQ(own_calls.calls, 1);
}

HF_TEST_MAIN(HF_TEST(event_no_call_of_the_bus_touches_the_heap))
