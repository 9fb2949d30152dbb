// SPDX-License-Identifier: MIT
// The inbox with its producer in a thread of its own, as an interrupt or another core would be: whatever the interleaving,
// frames come out in order and whole, and each that was put was got, waits, or is counted.
#include "evse/evse_can.h"
#include "hf_test.h"

#include <pthread.h>

#define FRAMES 300000u

static evse_can_inbox_t inbox;
static _Atomic uint32_t ended;

static void *produce(void *ctx)
{
    (void)ctx;
    for (uint32_t i = 1; i <= FRAMES; i++) {
        evse_can_frame_t frame = {.id = i, .length = 8, .extended = true};
        memcpy(frame.data, &i, sizeof i);
        memcpy(frame.data + 4, &i, sizeof i);
        evse_can_inbox_put(&inbox, &frame, i);
        if (i % 1000u == 0) {
            evse_can_inbox_lost(&inbox, 1);
        }
    }
    atomic_store(&ended, 1);
    return NULL;
}

static void inbox_two_contexts_every_frame_is_accounted_for(void)
{
    pthread_t producer;
    evse_can_frame_t frame;
    uint32_t got = 0, last = 0;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    REQUIRE(pthread_create(&producer, NULL, produce, NULL) == 0);
    for (bool is_over = false; !is_over;) {
        is_over = atomic_load(&ended) != 0; // before the last look
        while (evse_can_inbox_get(&inbox, &frame) == 1) {
            uint32_t halves[2];
            memcpy(halves, frame.data, sizeof halves);
            if (frame.id <= last || halves[0] != frame.id || halves[1] != frame.id) {
                HF_TEST_FAIL("frame %u after %u, data %u %u", (unsigned)frame.id, (unsigned)last,
                             (unsigned)halves[0], (unsigned)halves[1]);
                is_over = true;
                break;
            }
            last = frame.id;
            got++;
        }
    }
    (void)pthread_join(producer, NULL);
    CHECK_EQ(last, FRAMES); // the newest always wins
    CHECK_EQ(got + inbox.stats.overruns, FRAMES + FRAMES / 1000u);
    CHECK_EQ(evse_can_inbox_overruns(&inbox), inbox.stats.overruns);
    CHECK_EQ(inbox.stats.total_rx, FRAMES);
}

HF_TEST_MAIN(HF_TEST(inbox_two_contexts_every_frame_is_accounted_for))
