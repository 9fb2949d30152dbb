// SPDX-License-Identifier: MIT
// The receive ring of a CAN driver: drop-oldest to the frame, counters that add up, and the time a frame arrived.
#include "evse/evse_can.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define FRAMES  CONFIG_EVSE_CAN_RING_FRAMES
#define WRAP_US (UINT64_C(1) << 32)

static evse_can_inbox_t inbox;

static void put(uint32_t id)
{
    const evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    evse_can_inbox_put(&inbox, &frame, HF_US_PER_S + id);
}

static void put_many(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(first + i);
    }
}

// All that waits, in order and without a gap; the first of it.
static uint32_t get_all(uint32_t *count)
{
    evse_can_frame_t frame;
    uint32_t first = 0;
    for (*count = 0; evse_can_inbox_get(&inbox, &frame) == 1; (*count)++) {
        first = *count == 0 ? frame.id : first;
        CHECK_EQ(frame.id, first + *count);
    }
    return first;
}

static void inbox_holds_256_frames_and_no_more(void)
{
    uint32_t count;
    CHECK_EQ(FRAMES, 256);
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    put_many(1, FRAMES);
    CHECK_EQ(evse_can_inbox_percent(&inbox), 100);
    CHECK_EQ(evse_can_inbox_overruns(&inbox), 0);
    CHECK_EQ(get_all(&count), 1);
    CHECK_EQ(count, FRAMES);
    CHECK_EQ(inbox.stats.overruns, 0);
    CHECK_EQ(evse_can_inbox_percent(&inbox), 0);
}

static void inbox_overrun_loses_the_oldest_and_counts_each(void)
{
    uint32_t count;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    put_many(1, FRAMES + 1);
    CHECK_EQ(get_all(&count), 2);
    CHECK_EQ(count, FRAMES);
    CHECK_EQ(inbox.stats.overruns, 1);
    put_many(1000, 10 * FRAMES + 7);
    CHECK_EQ(get_all(&count), 1000 + 9 * FRAMES + 7);
    CHECK_EQ(count, FRAMES);
    CHECK_EQ(inbox.stats.overruns, 1 + 9 * FRAMES + 7);
    CHECK_EQ(inbox.stats.total_rx, 11 * FRAMES + 8);
}

static void inbox_overruns_are_exact_before_the_next_get(void)
{
    evse_can_frame_t frame;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    put_many(1, FRAMES + 5);
    CHECK_EQ(inbox.stats.overruns, 0); // nobody has looked
    CHECK_EQ(evse_can_inbox_overruns(&inbox), 5);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 1);
    CHECK_EQ(inbox.stats.overruns, 5);
    put_many(1, 3); // one place was free
    CHECK_EQ(evse_can_inbox_overruns(&inbox), 7);
    evse_can_inbox_lost(&inbox, 11);
    CHECK_EQ(evse_can_inbox_overruns(&inbox), 18);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 1);
    CHECK_EQ(inbox.stats.overruns, 18);
}

static void inbox_lost_outside_is_told_by_an_empty_get_too(void)
{
    evse_can_frame_t frame;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    evse_can_inbox_lost(&inbox, 4);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 0);
    CHECK_EQ(inbox.stats.overruns, 4);
}

static void inbox_clear_counts_stale_and_overruns_apart(void)
{
    evse_can_frame_t frame;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    put_many(1, FRAMES + 9);
    evse_can_inbox_clear(&inbox);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 0);
    CHECK_EQ(inbox.stats.stale, FRAMES);
    CHECK_EQ(inbox.stats.overruns, 9);
    evse_can_inbox_clear(&inbox);
    CHECK_EQ(inbox.stats.stale, FRAMES);
}

// Whatever the order of calls: put = got + waiting + overruns + cleared.
static void inbox_random_calls_every_frame_is_accounted_for(void)
{
    uint32_t seed = 12345, sent = 0, got = 0, last = 0;
    evse_can_frame_t frame;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t what = seed >> 24, much = seed >> 14 & 0x1FFu;
        if (what < 100) {
            put_many(sent + 1, much);
            sent += much;
        } else if (what < 250) {
            for (uint32_t k = 0; k < much && evse_can_inbox_get(&inbox, &frame) == 1; k++) {
                CHECK(frame.id > last);
                last = frame.id;
                got++;
            }
        } else {
            evse_can_inbox_clear(&inbox);
        }
        uint32_t accounted =
            got + hf_ring_count(&inbox.ring) + inbox.stats.stale + evse_can_inbox_overruns(&inbox);
        if (accounted != sent) {
            HF_TEST_FAIL("step %d: %u put, %u accounted for", i, (unsigned)sent,
                         (unsigned)accounted);
            return;
        }
    }
    CHECK(inbox.stats.overruns > 0 && inbox.stats.stale > 0 && got > 0);
}

static void inbox_percent_follows_what_waits(void)
{
    uint32_t count;
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    put_many(1, 204);
    CHECK_EQ(evse_can_inbox_percent(&inbox), 79);
    put_many(205, 4);
    CHECK_EQ(evse_can_inbox_percent(&inbox), 81);
    CHECK_EQ(get_all(&count), 1);
    CHECK_EQ(count, 208);
}

static void inbox_put_stamps_what_has_no_stamp(void)
{
    evse_can_frame_t frame = {.id = 1};
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    evse_can_inbox_put(&inbox, &frame, 7 * WRAP_US + 5);
    frame.stamped = true;
    frame.stamp_us = 42;
    evse_can_inbox_put(&inbox, &frame, 7 * WRAP_US + 50);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 1);
    CHECK(frame.stamped);
    CHECK_EQ(frame.stamp_us, 5);
    CHECK_EQ(evse_can_inbox_get(&inbox, &frame), 1);
    CHECK_EQ(frame.stamp_us, 42);
    CHECK_EQ(inbox.stats.last_activity_us, 7 * WRAP_US + 50);
}

static void frame_time_is_its_stamp_across_the_wrap(void)
{
    evse_can_frame_t frame = {.stamped = true, .stamp_us = UINT32_MAX - 9u};
    CHECK_EQ(evse_can_frame_time_us(&frame, 3 * WRAP_US - 10), 3 * WRAP_US - 10);
    CHECK_EQ(evse_can_frame_time_us(&frame, 3 * WRAP_US), 3 * WRAP_US - 10);
    CHECK_EQ(evse_can_frame_time_us(&frame, 3 * WRAP_US + 990), 3 * WRAP_US - 10);
}

static void frame_time_of_an_impossible_stamp_is_now(void)
{
    evse_can_frame_t frame = {.stamped = true, .stamp_us = 1000};
    uint64_t now_us = 9 * WRAP_US + 1000;
    CHECK_EQ(evse_can_frame_time_us(&frame, now_us - 1), now_us - 1); // ahead of now
    CHECK_EQ(evse_can_frame_time_us(&frame, now_us + 1800u * HF_US_PER_S), now_us);
    uint64_t late_us = now_us + 1800u * HF_US_PER_S + 1;
    CHECK_EQ(evse_can_frame_time_us(&frame, late_us), late_us); // 30 minutes at most
    frame.stamped = false;
    CHECK_EQ(evse_can_frame_time_us(&frame, now_us + 5), now_us + 5);
    frame = (evse_can_frame_t){.stamped = true, .stamp_us = UINT32_MAX};
    CHECK_EQ(evse_can_frame_time_us(&frame, 10), 10); // before the clock began
}

static void inbox_tell_counts_the_ways_off_alone(void)
{
    REQUIRE(evse_can_inbox_init(&inbox) == HF_OK);
    CHECK_EQ(evse_can_inbox_tell(&inbox, EVSE_CAN_BUS_OFF), EVSE_CAN_BUS_OFF);
    CHECK(!inbox.stats.initialized && !inbox.stats.active);
    CHECK_EQ(inbox.stats.bus_offs, 0); // it was never there
    (void)evse_can_inbox_tell(&inbox, EVSE_CAN_ACTIVE);
    (void)evse_can_inbox_tell(&inbox, EVSE_CAN_PASSIVE);
    CHECK(inbox.stats.initialized && inbox.stats.active);
    (void)evse_can_inbox_tell(&inbox, EVSE_CAN_BUS_OFF);
    (void)evse_can_inbox_tell(&inbox, EVSE_CAN_BUS_OFF);
    CHECK_EQ(inbox.stats.bus_offs, 1);
    CHECK(inbox.stats.initialized && !inbox.stats.active);
}

static void can_state_has_a_text(void)
{
    CHECK_STR(evse_can_state_text(EVSE_CAN_ACTIVE), "active");
    CHECK_STR(evse_can_state_text(EVSE_CAN_PASSIVE), "passive");
    CHECK_STR(evse_can_state_text(EVSE_CAN_BUS_OFF), "bus-off");
    CHECK_STR(evse_can_state_text((evse_can_state_t)99), "unknown");
}

HF_TEST_MAIN(HF_TEST(inbox_holds_256_frames_and_no_more),
             HF_TEST(inbox_overrun_loses_the_oldest_and_counts_each),
             HF_TEST(inbox_overruns_are_exact_before_the_next_get),
             HF_TEST(inbox_lost_outside_is_told_by_an_empty_get_too),
             HF_TEST(inbox_clear_counts_stale_and_overruns_apart),
             HF_TEST(inbox_random_calls_every_frame_is_accounted_for),
             HF_TEST(inbox_percent_follows_what_waits), HF_TEST(inbox_put_stamps_what_has_no_stamp),
             HF_TEST(frame_time_is_its_stamp_across_the_wrap),
             HF_TEST(frame_time_of_an_impossible_stamp_is_now),
             HF_TEST(inbox_tell_counts_the_ways_off_alone), HF_TEST(can_state_has_a_text))
