// SPDX-License-Identifier: MIT
// When the register of a real meter is believed: exchange, silence, jump, restart, one wrong reading.
#include "evse/evse_meter.h"
#include "hf_test.h"

#define Wh   3600000ull
#define STEP (Wh) // a register in whole Wh
#define MAX_W                                                                                      \
    7200u // 2 Wh a second; with two seconds and two steps to spare 8 Wh from one reading to the next

static evse_meter_counter_t counter;
static evse_meter_count_t count;
static uint64_t now_us;

static void start(uint64_t own_Wh)
{
    evse_meter_counter_init(&counter, MAX_W, STEP);
    count = (evse_meter_count_t){.register_mJ = own_Wh * Wh};
    now_us = 50000000u;
}

// A second later the meter says so.
static int says(uint64_t meter_Wh)
{
    now_us += 1000000u;
    return evse_meter_counter_take(&counter, meter_Wh * Wh, now_us, &count);
}

static void run(uint64_t own_Wh, uint64_t meter_Wh)
{
    start(own_Wh);
    CHECK_EQ(says(meter_Wh), HF_E_AGAIN); // one reading is none
    CHECK_EQ(says(meter_Wh), 0);
    count.session = true;
}

static void meter_counter_follows_the_meter(void)
{
    run(0, 1234567);
    CHECK_EQ(count.register_mJ, 1234567 * Wh); // a station that never counted takes it over
    CHECK_EQ(counter.adopted, 1);
    CHECK_EQ(says(1234568), 0);
    CHECK_EQ(says(1234568), 0);
    CHECK_EQ(says(1234570), 0);
    CHECK_EQ(count.register_mJ, 1234570 * Wh);
    CHECK_EQ(count.taken_us, now_us);
}

static void meter_counter_takes_a_reading_once(void)
{
    run(0, 100);
    CHECK_EQ(says(101), 0);
    CHECK_EQ(evse_meter_counter_take(&counter, 101 * Wh, now_us, &count), HF_E_AGAIN);
    CHECK_EQ(count.register_mJ, 101 * Wh);
}

static void meter_counter_catches_up_what_a_kill_cost(void)
{
    run(5000, 5047); // the journal knew of 5000
    CHECK_EQ(count.register_mJ, 5047 * Wh);
    CHECK_EQ(counter.apart, 0);
}

static void meter_counter_exchanged_meter_leaves_the_register(void)
{
    run(5000, 12); // a new one
    CHECK_EQ(count.register_mJ, 5000 * Wh);
    CHECK_EQ(counter.apart, 1);
    CHECK_EQ(says(13), 0);
    CHECK_EQ(count.register_mJ, 5001 * Wh);
    run(5000, 99000); // a used one
    CHECK_EQ(count.register_mJ, 5000 * Wh);
    CHECK_EQ(says(99001), 0);
    CHECK_EQ(count.register_mJ, 5001 * Wh);
}

static void meter_counter_bounds_what_it_catches_up(void)
{
    uint64_t most_Wh =
        50 + 120 + 6; // a checkpoint's energy, a minute's at full power, what is to spare
    run(5000, 5000 + most_Wh);
    CHECK_EQ(count.register_mJ, (5000 + most_Wh) * Wh);
    run(5000, 5000 + most_Wh + 1);
    CHECK_EQ(count.register_mJ, 5000 * Wh);
}

static void meter_counter_jump_in_a_session_is_refused_and_stands(void)
{
    run(0, 1000);
    CHECK_EQ(says(1002), 0);
    CHECK_EQ(says(1011), HF_E_AGAIN); // 9 Wh in a second: 8 can be
    CHECK_EQ(says(1011), HF_E_RANGE); // nor do they become possible by waiting
    CHECK_EQ(says(1012), HF_E_RANGE);
    CHECK_EQ(evse_meter_counter_take(&counter, 1012 * Wh, now_us, &count), HF_E_RANGE);
    CHECK_EQ(says(1500), HF_E_AGAIN); // on it goes
    CHECK_EQ(says(1501), HF_E_RANGE);
    CHECK_EQ(counter.jumps, 1);
    CHECK_EQ(count.register_mJ, 1002 * Wh);
    count.session = false; // it has ended
    CHECK_EQ(says(1502), 0);
    CHECK_EQ(count.register_mJ, 1002 * Wh); // nobody pays the jump
    CHECK_EQ(says(1503), 0);
    CHECK_EQ(count.register_mJ, 1003 * Wh);
    CHECK_EQ(counter.apart, 1);
}

static void meter_counter_most_that_can_flow_is_no_jump(void)
{
    run(0, 1000);
    CHECK_EQ(says(1008), 0);
    CHECK_EQ(count.register_mJ, 1008 * Wh);
}

static void meter_counter_one_wrong_reading_does_no_harm(void)
{
    run(0, 1000);
    CHECK_EQ(says(4294967), HF_E_AGAIN);
    CHECK_EQ(says(1001), 0);
    CHECK_EQ(says(0), HF_E_AGAIN);
    CHECK_EQ(says(1002), 0);
    CHECK_EQ(count.register_mJ, 1002 * Wh);
    CHECK_EQ(counter.glitches, 2);
    CHECK_EQ(counter.jumps + counter.backs, 0);
}

static void meter_counter_restart_at_zero_counts_on(void)
{
    run(0, 1000);
    CHECK_EQ(says(1001), 0);
    CHECK_EQ(says(0), HF_E_AGAIN);
    CHECK_EQ(says(1), 0); // borne out: from here on it counts
    CHECK_EQ(count.register_mJ, 1001 * Wh);
    CHECK_EQ(says(3), 0);
    CHECK_EQ(count.register_mJ, 1003 * Wh);
    CHECK_EQ(counter.backs, 1);
}

static void meter_counter_going_back_never_takes_back(void)
{
    run(0, 1000);
    uint64_t least_mJ = count.register_mJ;
    for (uint64_t meter_Wh = 999; meter_Wh > 900; meter_Wh--) {
        (void)says(meter_Wh);
        CHECK(count.register_mJ >= least_mJ);
    }
    CHECK_EQ(count.register_mJ, 1000 * Wh);
}

static void meter_counter_silence_is_caught_up_by_what_can_have_flown(void)
{
    run(0, 1000);
    now_us += 59000000u;
    CHECK_EQ(says(1120), 0); // a minute at full power
    CHECK_EQ(count.register_mJ, 1120 * Wh);
    now_us += 59000000u;
    CHECK_EQ(says(1120 + 127), HF_E_AGAIN); // 126 can be
    CHECK_EQ(says(1120 + 128), HF_E_RANGE);
    CHECK_EQ(count.register_mJ, 1120 * Wh);
}

static void meter_counter_long_silence_does_not_overflow(void)
{
    run(0, 1000);
    now_us += UINT64_MAX / 4u;
    CHECK_EQ(says(1000 + 172807), HF_E_AGAIN); // more than a day at full power
    CHECK_EQ(count.register_mJ, 1000 * Wh);
}

static void meter_counter_first_reading_in_a_session_adopts_nothing(void)
{
    start(5000);
    count.session = true;
    CHECK_EQ(says(5040), HF_E_AGAIN);
    CHECK_EQ(says(5040), 0);
    CHECK_EQ(count.register_mJ, 5000 * Wh);
    CHECK_EQ(says(5041), 0);
    CHECK_EQ(count.register_mJ, 5001 * Wh);
}

HF_TEST_MAIN(HF_TEST(meter_counter_follows_the_meter), HF_TEST(meter_counter_takes_a_reading_once),
             HF_TEST(meter_counter_catches_up_what_a_kill_cost),
             HF_TEST(meter_counter_exchanged_meter_leaves_the_register),
             HF_TEST(meter_counter_bounds_what_it_catches_up),
             HF_TEST(meter_counter_jump_in_a_session_is_refused_and_stands),
             HF_TEST(meter_counter_most_that_can_flow_is_no_jump),
             HF_TEST(meter_counter_one_wrong_reading_does_no_harm),
             HF_TEST(meter_counter_restart_at_zero_counts_on),
             HF_TEST(meter_counter_going_back_never_takes_back),
             HF_TEST(meter_counter_silence_is_caught_up_by_what_can_have_flown),
             HF_TEST(meter_counter_long_silence_does_not_overflow),
             HF_TEST(meter_counter_first_reading_in_a_session_adopts_nothing))
