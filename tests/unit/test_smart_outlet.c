// SPDX-License-Identifier: MIT
// Charging profiles down to the module: the comms core and control on one mailbox, a simulated outlet behind them, in
// stepped time. The current follows the schedule, and a lower limit is at the module one control tick after its order.
#include "support/control_world.h"
#include "support/smart_station.h"

#define SECOND_TICKS (1000u / EVSE_TICK_MS)

static world_t world;
static station_t *station;
static int32_t ordered_mA; // in the order of the last round

// One control tick; the comms loop has half as many rounds.
static void tick(void)
{
    world_tick(&world);
    station->now_us = world.now_us;
    if (world.control.ticks % 2 == 0) {
        evse_ocpp_poll(&station->ocpp, world.now_us);
    }
    ordered_mA = station->ocpp.orders.connector[0].limit_mA;
}

static void run_s(unsigned seconds)
{
    for (unsigned i = 0; i < seconds * SECOND_TICKS; i++) {
        tick();
    }
}

static const char *ask(const char *action, const char *payload)
{
    static char call[2048];
    snprintf(call, sizeof call, "[2,\"q1\",\"%s\",%s]", action, payload);
    station->link.last_answer[0] = '\0';
    station_say(station, call);
    for (unsigned i = 0; i < 4 || (i < 12 && station->ocpp.unlock.owed != 0); i++) {
        tick();
    }
    return station->link.last_answer;
}

static void install(const wish_t *wish)
{
    char payload[1800];
    snprintf(payload, sizeof payload, "{\"connectorId\":%u,\"csChargingProfiles\":%s}",
             wish->connector, write_profile(wish));
    CHECK_STR(ask("SetChargingProfile", payload), STATION_ACCEPTED);
}

static uint64_t utc_ms(void)
{
    return evse_ocpp_utc_ms(&station->ocpp, world.now_us);
}

// A vehicle that charges with all there is, just after a whole second.
static void charge(void)
{
    world_init(&world);
    station = station_new(1);
    station->link.up = true;
    station->ocpp.config.mailbox = &world.mailbox;
    world.keeps_orders = false;
    world.is_comms_away = true;
    run_s(2);
    sim_outlet_plug(&world.outlet, true);
    run_s(3);
    CHECK_STR(ask("RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    run_s(12);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
    CHECK(world.outlet.output_mA > 29000);
    while (utc_ms() % 1000 >= EVSE_TICK_MS) {
        tick();
    }
}

static wish_t absolute(const char *periods)
{
    wish_t wish = amps(1, 1, "TxDefault", periods);
    wish.kind = ABSOLUTE;
    wish.schedule = since(station, 0, 0);
    return wish;
}

static void smart_lower_limit_is_at_the_module_one_tick_after_its_order(void)
{
    charge();
    wish_t wish =
        absolute(FLAT(30) ",{\"startPeriod\":5,\"limit\":8},{\"startPeriod\":9,\"limit\":25}");
    install(&wish);
    uint64_t begin_ms = utc_ms() / 1000 * 1000;
    for (unsigned i = 0; i < 10 * SECOND_TICKS && ordered_mA != 8000; i++) {
        tick();
        CHECK(ordered_mA != 8000 ||
              world.outlet.unit[0].set_mA > 25000); // not known to control yet
    }
    CHECK_EQ(ordered_mA, 8000);
    CHECK(utc_ms() - begin_ms >= 5000 && utc_ms() - begin_ms < 5000 + 2 * EVSE_TICK_MS);
    tick();
    CHECK(world.outlet.unit[0].set_mA <= 8000);
    CHECK(world.outlet.unit[0].set_mA > 7900);
    for (unsigned i = 0; i < 10 * SECOND_TICKS && ordered_mA == 8000; i++) {
        tick();
    }
    CHECK_EQ(ordered_mA, 25000);
    tick();
    CHECK(world_channel(&world)->setpoint_mA > 8000); // on its ramp
    run_s(4);
    CHECK(world.outlet.unit[0].set_mA > 24900);
}

// Until then: no more than the limit once the module has followed, and all of it in the end.
static void check_until(uint64_t end_ms, int32_t limit_mA)
{
    for (unsigned i = 0; utc_ms() + EVSE_TICK_MS < end_ms; i++) {
        tick();
        if (i > 3 * SECOND_TICKS / 2 && world.outlet.output_mA > limit_mA) {
            HF_TEST_FAIL("%d mA flow of %d mA", (int)world.outlet.output_mA, (int)limit_mA);
            return;
        }
    }
    CHECK(world.outlet.output_mA >= limit_mA - limit_mA / 50 - 50);
}

static void smart_current_follows_the_schedule(void)
{
    charge();
    wish_t wish = absolute("{\"startPeriod\":0,\"limit\":10},{\"startPeriod\":20,\"limit\":24},"
                           "{\"startPeriod\":40,\"limit\":0},{\"startPeriod\":60,\"limit\":15}");
    install(&wish);
    uint64_t begin_ms = utc_ms() / 1000 * 1000;
    check_until(begin_ms + 20000, 10000);
    check_until(begin_ms + 40000, 24000);
    check_until(begin_ms + 50000, 0);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_SuspendedEVSE);
    CHECK(!world.outlet.contactor_closed);
    check_until(begin_ms + 60000, 0);
    CHECK_EQ(station->ocpp.session[0].state, EVSE_SESSION_RUNNING); // the transaction stays open
    CHECK_EQ(station_count(station, "StopTransaction"), 0);
    check_until(begin_ms + 80000, 15000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Charging);
    CHECK_EQ(world.outlet.hot_openings, 0);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_NONE);
}

static void smart_power_stays_within_the_watts(void)
{
    charge();
    wish_t wish = absolute(FLAT(1000));
    wish.unit = "W";
    install(&wish);
    run_s(2);
    for (unsigned i = 0; i < 60 * SECOND_TICKS; i++) {
        tick();
        if (world.outlet.power_mW > 1000000) {
            HF_TEST_FAIL("%u mW", (unsigned)world.outlet.power_mW);
            return;
        }
    }
    CHECK(world.outlet.power_mW > 950000);
}

HF_TEST_MAIN(HF_TEST(smart_lower_limit_is_at_the_module_one_tick_after_its_order),
             HF_TEST(smart_current_follows_the_schedule),
             HF_TEST(smart_power_stays_within_the_watts))
