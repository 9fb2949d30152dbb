// SPDX-License-Identifier: MIT
// The way back of a bus that went off: every tick while the output may carry power, 1 s to 30 s once it is dead; and the
// watch over a transmit queue that takes nothing. [SAF-12]
#include "evse/evse_can.h"
#include "evse/evse_timing.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define TICK_US  EVSE_US(EVSE_TICK_MS)
#define START_US (1000u * HF_US_PER_S)

typedef struct driver {
    evse_can_state_t state;
    int recover_status;
    unsigned recovers;
    uint64_t recovered_us[16];
    evse_can_inbox_t inbox;
} driver_t;

static int driver_send(void *ctx, const evse_can_frame_t *frame)
{
    (void)ctx;
    (void)frame;
    return HF_OK;
}

static int driver_receive(void *ctx, evse_can_frame_t *frame)
{
    return evse_can_inbox_get(&((driver_t *)ctx)->inbox, frame);
}

static evse_can_state_t driver_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    return ((driver_t *)ctx)->state;
}

static int driver_recover(void *ctx, uint64_t now_us)
{
    driver_t *driver = ctx;
    if (driver->recovers < HF_COUNT_OF(driver->recovered_us)) {
        driver->recovered_us[driver->recovers] = now_us;
    }
    driver->recovers++;
    return driver->recover_status;
}

static const evse_can_inbox_t *driver_inbox(void *ctx)
{
    return &((driver_t *)ctx)->inbox;
}

static const evse_can_ops_t ops = {.send = driver_send,
                                   .receive = driver_receive,
                                   .poll = driver_poll,
                                   .recover = driver_recover,
                                   .inbox = driver_inbox};

static driver_t driver;
static evse_can_bus_t bus;
static uint64_t now_us;

static void begin(void)
{
    driver = (driver_t){.state = EVSE_CAN_ACTIVE};
    now_us = START_US;
    CHECK_EQ(evse_can_inbox_init(&driver.inbox), HF_OK);
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = &ops, .ctx = &driver}), HF_OK);
}

static void tick(bool output_dead)
{
    (void)evse_can_bus_poll(&bus, now_us);
    evse_can_bus_recover(&bus, output_dead, now_us);
    now_us += TICK_US;
}

static void run_s(uint32_t seconds, bool output_dead)
{
    for (uint64_t until_us = now_us + seconds * HF_US_PER_S; now_us < until_us;) {
        tick(output_dead);
    }
}

static void bus_seam_that_is_not_complete_is_refused(void)
{
    evse_can_ops_t part = ops;
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){0}), HF_E_ARGUMENT);
    part.send = NULL;
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = &part}), HF_E_ARGUMENT);
    part = ops;
    part.receive = NULL;
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = &part}), HF_E_ARGUMENT);
    part = ops;
    part.poll = NULL;
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = &part}), HF_E_ARGUMENT);
    part = ops;
    part.recover = NULL;
    part.inbox = NULL;
    driver = (driver_t){.state = EVSE_CAN_BUS_OFF};
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = &part, .ctx = &driver}), HF_OK);
    run_s(1, false); // comes back by itself, or not
    CHECK_EQ(driver.recovers, 0);
}

static void bus_off_output_alive_is_tried_in_every_tick(void)
{
    begin();
    run_s(1, false);
    CHECK_EQ(driver.recovers, 0);
    driver.state = EVSE_CAN_BUS_OFF;
    run_s(1, false);
    CHECK_EQ(driver.recovers, HF_US_PER_S / TICK_US);
    CHECK_EQ(bus.bus_offs, 1);
    CHECK_EQ(bus.off_since_us, START_US + HF_US_PER_S);
}

// 0 1 3 7 15 31 61 91 s: 1 s doubling up to 30 s.
static void bus_off_output_dead_waits_one_to_thirty_seconds(void)
{
    static const unsigned tries_s[] = {0, 1, 3, 7, 15, 31, 61, 91};
    begin();
    driver.state = EVSE_CAN_BUS_OFF;
    run_s(100, true);
    CHECK_EQ(driver.recovers, HF_COUNT_OF(tries_s));
    for (size_t i = 0; i < HF_COUNT_OF(tries_s) && i < driver.recovers; i++) {
        CHECK_EQ(driver.recovered_us[i] - START_US, tries_s[i] * HF_US_PER_S);
    }
}

static void bus_off_proven_dead_later_waits_from_then_on(void)
{
    begin();
    driver.state = EVSE_CAN_BUS_OFF;
    for (int i = 0; i < 3; i++) {
        tick(false);
    }
    CHECK_EQ(driver.recovers, 3);
    run_s(1, true);
    CHECK_EQ(driver.recovers, 4); // at once, then after a second
    tick(true);
    CHECK_EQ(driver.recovers, 5);
    tick(false); // nobody is sure any more
    CHECK_EQ(driver.recovers, 6);
}

static void bus_good_for_a_second_starts_anew_from_the_first_wait(void)
{
    begin();
    driver.state = EVSE_CAN_BUS_OFF;
    run_s(20, true); // tries at 0 1 3 7 15
    driver.state = EVSE_CAN_ACTIVE;
    run_s(2, true);
    CHECK_EQ(bus.recoveries, 0); // the first coming is no recovery
    driver.recovers = 0;
    driver.state = EVSE_CAN_BUS_OFF;
    run_s(4, true);
    CHECK_EQ(driver.recovers, 3); // 0 1 3
    CHECK_EQ(bus.bus_offs, 1);
    driver.state = EVSE_CAN_PASSIVE; // is on
    tick(true);
    CHECK_EQ(bus.recoveries, 1);
    CHECK_EQ(bus.tries, 0);
}

static void bus_that_comes_back_for_a_moment_keeps_its_wait(void)
{
    begin();
    driver.state = EVSE_CAN_BUS_OFF;
    run_s(20, true); // the next try is at 31 s
    driver.state = EVSE_CAN_ACTIVE;
    tick(true);
    driver.state = EVSE_CAN_BUS_OFF;
    driver.recovers = 0;
    run_s(10, true);
    CHECK_EQ(driver.recovers, 0);
    run_s(2, true);
    CHECK_EQ(driver.recovers, 1);
}

static void bus_try_under_way_is_not_counted_and_waited_for(void)
{
    begin();
    driver.state = EVSE_CAN_BUS_OFF;
    driver.recover_status = HF_E_AGAIN;
    for (int i = 0; i < 5; i++) {
        tick(true);
    }
    CHECK_EQ(driver.recovers, 5); // asked in every tick, but no try
    CHECK_EQ(bus.tries, 0);
    driver.recover_status = HF_OK;
    tick(true);
    tick(true);
    CHECK_EQ(driver.recovers, 6);
    CHECK_EQ(bus.tries, 1);
}

static void bus_ring_above_its_limit_is_warned_of_once(void)
{
    const evse_can_frame_t frame = {.id = 1};
    evse_can_frame_t out;
    begin();
    for (int i = 0; i < 204; i++) {
        evse_can_inbox_put(&driver.inbox, &frame, now_us);
    }
    tick(true);
    CHECK_EQ(bus.ring_percent, 79);
    CHECK_EQ(bus.ring_warnings, 0);
    for (int i = 0; i < 4; i++) {
        evse_can_inbox_put(&driver.inbox, &frame, now_us);
    }
    tick(true);
    tick(true);
    CHECK_EQ(bus.ring_percent, 81);
    CHECK_EQ(bus.ring_warnings, 1);
    for (int i = 0; i < 104; i++) { // to 40 percent, which is not below half of 80
        CHECK_EQ(evse_can_inbox_get(&driver.inbox, &out), 1);
    }
    tick(true);
    CHECK(bus.ring_high);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(evse_can_inbox_get(&driver.inbox, &out), 1);
    }
    tick(true);
    CHECK(!bus.ring_high);
    for (int i = 0; i < 200; i++) {
        evse_can_inbox_put(&driver.inbox, &frame, now_us);
    }
    tick(true);
    CHECK_EQ(bus.ring_warnings, 2);
}

static void jam_needs_refusals_for_the_whole_time(void)
{
    evse_can_jam_t jam = {0};
    uint64_t at_us = START_US;
    CHECK(!evse_can_jam_poll(&jam, at_us));
    evse_can_jam_note(&jam, false);
    CHECK(!evse_can_jam_poll(&jam, at_us));
    at_us += 10u * EVSE_US(EVSE_CAN_NO_ACK_MS);
    CHECK(!evse_can_jam_poll(&jam, at_us)); // one refusal alone, long ago
    evse_can_jam_note(&jam, true);
    evse_can_jam_note(&jam, false);
    CHECK(!evse_can_jam_poll(&jam, at_us)); // begins now
    evse_can_jam_note(&jam, false);
    CHECK(!evse_can_jam_poll(&jam, at_us + EVSE_US(EVSE_CAN_NO_ACK_MS) - 1u));
    evse_can_jam_note(&jam, false);
    CHECK(evse_can_jam_poll(&jam, at_us + EVSE_US(EVSE_CAN_NO_ACK_MS)));
    CHECK(evse_can_jam_poll(&jam, at_us + 2u * EVSE_US(EVSE_CAN_NO_ACK_MS))); // nobody tried
    evse_can_jam_note(&jam, true);
    CHECK(!evse_can_jam_poll(&jam, at_us + 3u * EVSE_US(EVSE_CAN_NO_ACK_MS)));
}

HF_TEST_MAIN(HF_TEST(bus_seam_that_is_not_complete_is_refused),
             HF_TEST(bus_off_output_alive_is_tried_in_every_tick),
             HF_TEST(bus_off_output_dead_waits_one_to_thirty_seconds),
             HF_TEST(bus_off_proven_dead_later_waits_from_then_on),
             HF_TEST(bus_good_for_a_second_starts_anew_from_the_first_wait),
             HF_TEST(bus_that_comes_back_for_a_moment_keeps_its_wait),
             HF_TEST(bus_try_under_way_is_not_counted_and_waited_for),
             HF_TEST(bus_ring_above_its_limit_is_warned_of_once),
             HF_TEST(jam_needs_refusals_for_the_whole_time))
