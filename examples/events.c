// SPDX-License-Identifier: MIT
// A bus out of one pool: a meter publishes, the bill may lose nothing, the display wants the newest.
#include "holdfast/hf_event.h"

#include "seams.h"

typedef struct reading {
    uint32_t energy_Wh;
} reading_t;

enum { EVENT_READING, EVENT_COUNT };

static const hf_event_type_t types[EVENT_COUNT] = {
    [EVENT_READING] = {"reading", sizeof(reading_t), HF_EVENT_NORMAL}};

static HF_POOL_STORAGE_BYTES(HF_EVENT_BLOCK_BYTES(sizeof(reading_t)), 8) storage;
static hf_pool_t pool;
static hf_pool_t *const pools[] = {&pool};
static hf_event_subscriber_t subscribers[2];
static hf_event_slot_t bill_slots[4], display_slots[1];
static hf_event_bus_t bus;

static void show(void *ctx, const hf_event_t *event)
{
    const reading_t *reading = hf_event_data(event);
    printf("%s: %u Wh\n", (const char *)ctx, (unsigned)reading->energy_Wh);
}

static bool start(void)
{
    const hf_pool_config_t blocks = {.name = "events",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = HF_EVENT_BLOCK_BYTES(sizeof(reading_t)),
                                     .count = 8};
    const hf_event_config_t config = {.name = "bus",
                                      .types = types,
                                      .pools = pools,
                                      .subscribers = subscribers,
                                      .type_count = EVENT_COUNT,
                                      .pool_count = 1,
                                      .subscriber_count = 2};
    const hf_event_subscription_t bill = {.name = "bill",
                                          .slots = bill_slots,
                                          .capacity = 4,
                                          .type_last = EVENT_COUNT - 1,
                                          .policy = HF_EVENT_LOSSLESS,
                                          .handle = show,
                                          .ctx = "bill"};
    hf_event_subscription_t display = bill;
    display.name = "display";
    display.slots = display_slots;
    display.capacity = 1;
    display.policy = HF_EVENT_DROP_OLDEST;
    display.ctx = "display";
    hf_event_subscriber_t *subscriber;
    return hf_pool_init(&pool, &blocks) == HF_OK && hf_event_init(&bus, &config) == HF_OK &&
           hf_event_subscribe(&bus, &bill, &subscriber) == HF_OK &&
           hf_event_subscribe(&bus, &display, &subscriber) == HF_OK;
}

int main(void)
{
    if (!start()) {
        return EXIT_FAILURE;
    }
    for (uint32_t Wh = 100; Wh <= 500; Wh += 100) {
        const reading_t reading = {Wh};
        int status = hf_event_publish(&bus, EVENT_READING, &reading, sizeof reading);
        if (status < 0) {
            printf("%u Wh refused: %s\n", (unsigned)Wh, hf_status_text(status));
        }
    }
    (void)hf_event_run(&bus, 100);
    hf_event_stats_t stats = hf_event_stats(&bus);
    printf("published %u, delivered %u, dropped %u, refused %u, blocks in use %u\n",
           (unsigned)stats.published, (unsigned)stats.delivered, (unsigned)stats.dropped,
           (unsigned)stats.refused, (unsigned)hf_pool_stats(&pool).in_use);
    return EXIT_SUCCESS;
}
