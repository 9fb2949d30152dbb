// SPDX-License-Identifier: MIT
// The clock of the board across what its 32-bit counter cannot count: the wrap within a few reads, and hours, played by
// moving the counter on by half its range at a time.
#include "hf_firmware_test.h"

#include "holdfast/hf_clock.h"
#include "mps2_board.h"
#include "mps2_registers.h"

#define TICKS_PER_US (MPS2_CLOCK_HZ / 1000000u)
#define JUMP         0x80000000u
#define JUMPS        200u

static void wraps_without_a_step(void)
{
    mps2_clock_start(2000u * TICKS_PER_US); // 2 ms before the counter wraps
    uint64_t last_us = hf_port_now_us();
    uint32_t since = TIMER_VALUE(TIMER1);
    CHECK(last_us < 1000u);
    while (last_us < 6000u) {
        uint64_t now_us = hf_port_now_us();
        CHECK(now_us >= last_us && now_us - last_us < 500u);
        last_us = now_us;
    }
    uint32_t raw_us = (since - TIMER_VALUE(TIMER1)) / TICKS_PER_US;
    CHECK(raw_us >= 5000u && raw_us < 8000u);
}

static void hours_pass_what_32_bits_hold(void)
{
    mps2_clock_start(UINT32_MAX);
    uint64_t before_us = hf_port_now_us();
    for (unsigned i = 0; i < JUMPS; i++) {
        TIMER_VALUE(TIMER1) = TIMER_VALUE(TIMER1) - JUMP;
        (void)hf_port_now_us();
    }
    uint64_t passed_us = hf_port_now_us() - before_us;
    uint64_t least_us = (uint64_t)JUMPS * JUMP / TICKS_PER_US;
    CHECK(least_us > UINT32_MAX);
    CHECK(passed_us >= least_us && passed_us < least_us + 100000u);
}

static volatile uint32_t tick_count;

static void on_tick(void)
{
    tick_count++;
}

static void ticks_come_at_their_period(void)
{
    mps2_clock_start(UINT32_MAX);
    mps2_tick_start(on_tick, 10000u);
    while (hf_port_now_us() < 205000u) {
        mps2_sleep();
    }
    CHECK(tick_count == 20u || tick_count == 21u);
}

int main(void)
{
    wraps_without_a_step();
    hours_pass_what_32_bits_hold();
    ticks_come_at_their_period();
    return test_end();
}
