// SPDX-License-Identifier: MIT
// The limits in force: what goes into the orders and when, profiles of a transaction, RemoteStart with a profile, reboots, a
// clock that is unknown or set, a central system that is gone, and what connectors share.
#include "support/smart_station.h"

// ---- the limit in force -------------------------------------------------------------------------

static void rule_20_new_default_applies_to_the_running_transaction(void) // errata 3.8
{
    station_t *s = online(1);
    station_start(s);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
    accept(s, amps(0, 1, "TxDefault", FLAT(16)));
    CHECK_EQ(limit_mA(s, 0), 16000);
    accept(s, amps(0, 1, "TxDefault", FLAT(12.5)));
    CHECK_EQ(limit_mA(s, 0), 12500);
    CHECK_EQ(s->control[0].flows_mA, 12500);
    CHECK_STR(station_ask(s, "ClearChargingProfile", "{\"id\":1}"), STATION_ACCEPTED);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

static void rule_20_limit_of_nothing_suspends_and_ends_nothing(void)
{
    station_t *s = online(1);
    station_start(s);
    accept(s, amps(1, 1, "TxDefault", FLAT(0)));
    CHECK_EQ(limit_mA(s, 0), 0);
    station_run(s, 60000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_count(s, "StopTransaction"), 0);
    wish_t wish = amps(1, 1, "TxDefault", FLAT(0.4)); // below the watt an order can say
    wish.unit = "W";
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 0);
    accept(s, amps(1, 1, "TxDefault", FLAT(20)));
    CHECK_EQ(limit_mA(s, 0), 20000);
}

static void smart_watts_go_to_control_as_watts(void)
{
    station_t *s = online(1);
    station_start(s);
    wish_t wish = amps(1, 1, "TxDefault", FLAT(1520.7));
    wish.unit = "W";
    accept(s, wish);
    CHECK_EQ(s->control[0].order.limit_W, 1520);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
    wish = amps(0, 2, "ChargePointMax", FLAT(15)); // both bind
    wish.kind = ABSOLUTE;
    accept(s, wish);
    CHECK_EQ(s->control[0].order.limit_W, 1520);
    CHECK_EQ(limit_mA(s, 0), 15000);
}

static void smart_order_changes_in_the_second_the_schedule_says(void)
{
    station_t *s = online(1);
    station_start(s);
    align(s);
    wish_t wish =
        amps(1, 1, "TxDefault",
             FLAT(10) ",{\"startPeriod\":5,\"limit\":20},{\"startPeriod\":9,\"limit\":0}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 12);
    accept(s, wish);
    uint64_t begin_ms = evse_ocpp_utc_ms(&s->ocpp, s->now_us) / 1000 * 1000;
    for (int i = 0; i < 800; i++) {
        station_run(s, 20);
        uint64_t ms = evse_ocpp_utc_ms(&s->ocpp, s->now_us) - begin_ms;
        int32_t right = ms < 5000 ? 10000 : ms < 9000 ? 20000 : ms < 12000 ? 0 : INT32_MAX;
        int32_t written = s->ocpp.orders.connector[0].limit_mA; // of this very round
        if (written != right) {
            HF_TEST_FAIL("after %llu ms: %d mA", (unsigned long long)ms, (int)written);
            return;
        }
    }
}

static void smart_limit_of_the_station_has_a_schedule_too(void)
{
    station_t *s = online(1);
    station_start(s);
    align(s);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(10) ",{\"startPeriod\":5,\"limit\":20}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 0);
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 10000);
    station_run(s, 4800);
    CHECK_EQ(limit_mA(s, 0), 10000);
    station_run(s, 300);
    CHECK_EQ(limit_mA(s, 0), 20000);
}

static unsigned loads;
static int (*real_load)(void *ctx, unsigned slot, evse_profile_t *profile);

static int counted_load(void *ctx, unsigned slot, evse_profile_t *profile)
{
    loads++;
    return real_load(ctx, slot, profile);
}

static void smart_reckons_nothing_before_it_is_due(void)
{
    station_t *s = online(1);
    station_start(s);
    accept(s, amps(1, 1, "TxDefault", FLAT(10) ",{\"startPeriod\":600,\"limit\":20}"));
    station_run(s, 3000);
    real_load = s->ocpp.smart.profiles.load;
    s->ocpp.smart.profiles.load = counted_load;
    loads = 0;
    station_run(s, 590000);
    CHECK_EQ(loads, 0);
    station_run(s, 20000);
    CHECK_EQ(loads, 1);
    CHECK_EQ(limit_mA(s, 0), 20000);
}

// ---- transaction profiles -----------------------------------------------------------------------

static const char *transaction(const station_t *s, int difference)
{
    static char members[100];
    snprintf(members, sizeof members, RELATIVE ",\"transactionId\":%d",
             (int)s->store.open[0]->transaction_id + difference);
    return members;
}

static void rule_20_transaction_profile_is_for_the_one_that_runs(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 5, "Tx", FLAT(9));
    reject(s, wish); // none runs
    station_start(s);
    wish.kind = transaction(s, 1);
    reject(s, wish);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
    wish.kind = transaction(s, 0);
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 9000);
    wish = amps(1, 6, "Tx", FLAT(11)); // without its number: of what runs
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 11000);
}

static void rule_20_transaction_profile_dies_with_its_transaction(void)
{
    station_t *s = online(1);
    station_start(s);
    accept(s, amps(1, 4, "TxDefault", FLAT(20)));
    accept(s, amps(1, 5, "Tx", FLAT(9)));
    CHECK_EQ(limit_mA(s, 0), 9000);
    s->control[0].plugged = false;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(installed(s), 1);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_PROFILE, 0), 0);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_PROFILE, 1), -1);
    station_start(s);
    CHECK_EQ(limit_mA(s, 0), 20000);
}

static const char *remote_start(station_t *s, const wish_t *wish)
{
    static char payload[1800];
    snprintf(payload, sizeof payload,
             "{\"idTag\":\"DEMO\",\"connectorId\":1,\"chargingProfile\":%s}", write_profile(wish));
    return station_ask(s, "RemoteStartTransaction", payload);
}

static void rule_20_remote_start_brings_its_profile(void) // errata 3.41, 3.42
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    accept(s, amps(0, 4, "TxDefault", FLAT(20)));
    wish_t wish = amps(1, 5, "Tx", FLAT(9) ",{\"startPeriod\":10,\"limit\":12}");
    wish.level = 3;
    CHECK_STR(remote_start(s, &wish), STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(limit_mA(s, 0), 9000);
    station_run(s, 10000);
    CHECK_EQ(limit_mA(s, 0), 12000);
    wish = amps(1, 6, "Tx", FLAT(14)); // the same level: it replaces
    wish.level = 3;
    wish.kind = transaction(s, 0);
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 14000);
    CHECK_EQ(installed(s), 2);
    wish.id = 7;
    wish.level = 4; // another: it is stacked
    wish.periods = FLAT(15);
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 15000);
    CHECK_EQ(installed(s), 3);
}

static void rule_20_remote_start_with_another_profile_is_rejected(void) // errata 3.41
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    wish_t wish = amps(1, 5, "TxDefault", FLAT(9));
    CHECK_STR(remote_start(s, &wish), STATION_REJECTED);
    wish = amps(1, 5, "Tx", FLAT(9));
    wish.kind = RELATIVE ",\"transactionId\":7";
    CHECK_STR(remote_start(s, &wish), STATION_REJECTED);
    wish.kind = "\"chargingProfileKind\":\"Never\"";
    CHECK(starts_with(remote_start(s, &wish), ANSWER("PropertyConstraintViolation")));
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(installed(s), 0);
}

static void smart_second_remote_start_does_not_inherit_a_profile(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 5, "Tx", FLAT(9));
    wish.level = 5;
    CHECK_STR(remote_start(s, &wish), STATION_ACCEPTED);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
    wish = amps(1, 6, "Tx", FLAT(12)); // in the very round in which the first has gone
    CHECK_STR(remote_start(s, &wish), STATION_ACCEPTED);
    CHECK_EQ(installed(s), 1);
    s->control[0].plugged = true;
    station_run(s, 2000);
    CHECK_EQ(limit_mA(s, 0), 12000);
}

static void smart_profile_of_a_start_that_came_to_nothing_is_forgotten(void)
{
    station_t *s = online(1);
    configure(s, "ConnectionTimeOut", "5");
    wish_t wish = amps(1, 5, "Tx", FLAT(9));
    CHECK_STR(remote_start(s, &wish), STATION_ACCEPTED); // nobody plugs in
    CHECK_EQ(installed(s), 1);
    station_run(s, 7000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(installed(s), 0);
    station_start(s);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
}

// ---- reboots ------------------------------------------------------------------------------------

static void rule_20_profiles_outlive_a_reboot(void) // errata 3.37
{
    station_t *s = online(1);
    station_start(s);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(18));
    wish.kind = ABSOLUTE;
    accept(s, wish);
    accept(s, amps(1, 2, "TxDefault", FLAT(16)));
    accept(s, amps(1, 3, "Tx", FLAT(9)));
    CHECK_EQ(limit_mA(s, 0), 9000);
    station_run(s, 500);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(installed(s), 2); // its transaction has not outlived it
    station_run(s, 2000);
    CHECK_STR(composite(s, 1, 60, "A"), "0:16.0");
    s->control[0].plugged = false;
    station_run(s, 1000);
    station_start(s);
    CHECK_EQ(limit_mA(s, 0), 16000);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(installed(s), 2);
}

static void smart_without_a_clock_binds_with_the_least(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 2, "TxDefault", FLAT(16) ",{\"startPeriod\":60,\"limit\":6}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 0);
    accept(s, wish);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"AllowOfflineTxForUnknownId\",\"value\":\"true\"}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    s->link.up = false;
    CHECK_EQ(station_boot(s), 0);
    s->control[0].plugged = true;
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.utc_offset_ms, 0);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(limit_mA(s, 0), 6000);
    s->link.up = true;
    station_run(s, 20000);
    CHECK(s->ocpp.utc_offset_ms != 0);
    CHECK_EQ(limit_mA(s, 0), 16000); // now it is known where it stands
}

static void move_clock(station_t *s, int64_t by_ms)
{
    s->ocpp.utc_offset_ms += (uint64_t)by_ms;
    s->ocpp.uplink.clock.target_ms = s->ocpp.utc_offset_ms; // it is to stay there
}

static void smart_follows_a_clock_that_is_set(void)
{
    station_t *s = online(1);
    station_start(s);
    align(s);
    wish_t wish = amps(1, 2, "TxDefault", FLAT(16) ",{\"startPeriod\":600,\"limit\":6}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 0);
    accept(s, wish);
    CHECK_EQ(limit_mA(s, 0), 16000);
    move_clock(s, 700000);
    station_run(s, 220);
    CHECK_EQ(limit_mA(s, 0), 6000);
    move_clock(s, -700000);
    station_run(s, 220);
    CHECK_EQ(limit_mA(s, 0), 16000);
}

static void smart_profile_over_for_a_day_is_swept(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 2, "TxDefault", FLAT(16));
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 60);
    accept(s, wish);
    move_clock(s, 20 * 3600000);
    s->ocpp.smart.next_sweep_us = 0;
    station_run(s, 200);
    CHECK_EQ(installed(s), 1); // may be a clock that is set wrong
    move_clock(s, 10 * 3600000);
    s->ocpp.smart.next_sweep_us = 0;
    station_run(s, 200);
    CHECK_EQ(installed(s), 0);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_PROFILE, 0), -1);
}

// ---- the central system is gone -----------------------------------------------------------------

static void smart_without_a_central_system_profiles_stay_in_force(void)
{
    station_t *s = online(1);
    station_start(s);
    accept(s, amps(1, 2, "TxDefault", FLAT(16)));
    s->link.up = false;
    station_run(s, 600000);
    CHECK_EQ(limit_mA(s, 0), 16000);
}

static void smart_offline_limit_applies_after_its_delay(void)
{
    station_t *s = online(1);
    station_start(s);
    accept(s, amps(1, 2, "TxDefault", FLAT(16)));
    configure(s, "OfflineLimit", "8A");
    configure(s, "OfflineLimitDelay", "30");
    station_run(s, 60000);
    CHECK_EQ(limit_mA(s, 0), 16000); // it is there
    s->link.up = false;
    station_run(s, 29900);
    CHECK_EQ(limit_mA(s, 0), 16000);
    station_run(s, 200);
    CHECK_EQ(limit_mA(s, 0), 8000);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "OfflineLimit", "0W"), 0); // by the installer
    station_run(s, 100);
    CHECK_EQ(limit_mA(s, 0), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "OfflineLimit", "20A"), 0);
    station_run(s, 100);
    CHECK_EQ(limit_mA(s, 0), 16000); // never more than the profiles permit
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "OfflineLimit", "8A"), 0);
    station_run(s, 100);
    CHECK_EQ(limit_mA(s, 0), 8000);
    s->link.up = true;
    station_run(s, 70000);
    CHECK(evse_ocpp_is_online(&s->ocpp));
    CHECK_EQ(limit_mA(s, 0), 16000);
}

// ---- the limit of the station -------------------------------------------------------------------

static int64_t sum_mA(const station_t *s)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < s->connectors; i++) {
        sum += s->control[i].flows_mA;
    }
    return sum;
}

static void start_on(station_t *s, unsigned connector)
{
    char payload[80];
    s->control[connector].plugged = true;
    station_run(s, 100);
    snprintf(payload, sizeof payload, "{\"idTag\":\"DEMO%u\",\"connectorId\":%u}", connector,
             connector + 1);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", payload), STATION_ACCEPTED);
}

static void rate(station_t *s)
{
    for (unsigned i = 0; i < s->connectors; i++) {
        s->ocpp.config.modules[i].rated_mA = 33600;
        s->ocpp.config.modules[i].rated_mV = 84500;
    }
}

// Step by step: what flows in sum, the late ones included.
static int64_t run_and_see_most(station_t *s, unsigned ms)
{
    int64_t most = 0;
    for (unsigned i = 0; i < ms; i += 20) {
        station_run(s, 20);
        most = sum_mA(s) > most ? sum_mA(s) : most;
    }
    return most;
}

static void rule_20_station_limit_is_shared_and_never_exceeded(void)
{
    station_t *s = online(2);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(40));
    wish.kind = ABSOLUTE;
    accept(s, wish);
    start_on(s, 0);
    CHECK_EQ(run_and_see_most(s, 3000), 33600);
    s->control[0].lag_steps = 20; // 400 ms to come down
    start_on(s, 1);
    CHECK(run_and_see_most(s, 1000) <= 40000);
    CHECK_EQ(limit_mA(s, 0), 20000); // down at once
    CHECK(run_and_see_most(s, 4000) <= 40000);
    CHECK_EQ(limit_mA(s, 1), 20000); // up when there was room
    s->control[0].plugged = false;   // one leaves: its part goes to the other
    CHECK(run_and_see_most(s, 6000) <= 40000);
    CHECK_EQ(limit_mA(s, 1) >= 33600, 1);
}

static void smart_site_limit_never_exceeded_by_a_module_that_sticks(void)
{
    station_t *s = online(2);
    rate(s);
    configure(s, "SiteLimit", "40A");
    start_on(s, 0);
    CHECK_EQ(run_and_see_most(s, 3000), 33600);
    s->control[0].lag_steps = 1000; // 20 s
    start_on(s, 1);
    CHECK(run_and_see_most(s, 15000) <= 40000);
    CHECK_EQ(limit_mA(s, 0), 20000);
    CHECK_EQ(limit_mA(s, 1), 6400);
    CHECK(run_and_see_most(s, 15000) <= 40000);
    CHECK_EQ(limit_mA(s, 1), 20000);
}

static void smart_site_limit_in_watts_is_shared_too(void)
{
    station_t *s = online(2);
    rate(s);
    configure(s, "SiteLimit", "3000W");
    start_on(s, 0);
    station_run(s, 3000);
    CHECK_EQ(s->control[0].order.limit_W, 2839); // its rating
    start_on(s, 1);
    station_run(s, 5000);
    CHECK_EQ(s->control[0].order.limit_W, 1500);
    CHECK_EQ(s->control[1].order.limit_W, 1500);
    CHECK_EQ(limit_mA(s, 0), INT32_MAX);
    configure(s, "SiteLimit", "");
    station_run(s, 100);
    CHECK_EQ(s->control[0].order.limit_W, 0); // none
}

static void smart_share_of_a_profile_below_goes_to_the_other(void)
{
    station_t *s = online(2);
    configure(s, "SiteLimit", "40A");
    accept(s, amps(1, 1, "TxDefault", FLAT(8)));
    start_on(s, 0);
    start_on(s, 1);
    CHECK(run_and_see_most(s, 5000) <= 40000);
    CHECK_EQ(limit_mA(s, 0), 8000);
    CHECK_EQ(limit_mA(s, 1), 32000);
    CHECK_STR(composite(s, 0, 60, "A"), "0:40.0");
}

// A world of its own for each seed: profiles, vehicles and limits come and go; in no step flows more than the limit that
// has held for the last two seconds.
static void smart_site_limit_holds_in_any_history(void)
{
    for (uint32_t seed = 1; seed <= 12 && hf_test_failed_here == 0; seed++) {
        uint32_t state = seed * 2654435761u;
        station_t *s = online(CONFIG_EVSE_CONNECTORS_MAX);
        int64_t limit = 60000;
        unsigned since_fall = 0;
        configure(s, "SiteLimit", "60A");
        for (unsigned step = 0; step < 120 && hf_test_failed_here == 0; step++) {
            state = state * 1664525u + 1013904223u;
            unsigned connector = state >> 24 & (CONFIG_EVSE_CONNECTORS_MAX - 1u);
            s->control[connector].lag_steps = state >> 16 & 63u;
            char value[12];
            switch (state >> 8 & 7u) {
            case 0:
            case 1:
            case 2:
                s->control[connector].plugged = true;
                (void)!evse_ocpp_present_tag(&s->ocpp, connector, "CARD", s->now_us);
                break;
            case 3:
                s->control[connector].plugged = false;
                break;
            case 4:
                snprintf(value, sizeof value, "%uA", 10u + (state >> 4 & 63u));
                CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "SiteLimit", value), 0);
                since_fall = (int64_t)(10u + (state >> 4 & 63u)) * 1000 < limit ? 0 : since_fall;
                limit = (int64_t)(10u + (state >> 4 & 63u)) * 1000;
                break;
            default:
                break;
            }
            for (unsigned i = 0; i < 20; i++) {
                station_run(s, 20);
                since_fall++;
                if (since_fall > 100 && sum_mA(s) > limit) {
                    HF_TEST_FAIL("seed %u step %u: %lld mA of %lld", (unsigned)seed, step,
                                 (long long)sum_mA(s), (long long)limit);
                    break;
                }
            }
            s->call_count = 0;
        }
    }
}

HF_TEST_MAIN(HF_TEST(rule_20_new_default_applies_to_the_running_transaction),
             HF_TEST(rule_20_limit_of_nothing_suspends_and_ends_nothing),
             HF_TEST(smart_watts_go_to_control_as_watts),
             HF_TEST(smart_order_changes_in_the_second_the_schedule_says),
             HF_TEST(smart_limit_of_the_station_has_a_schedule_too),
             HF_TEST(smart_reckons_nothing_before_it_is_due),
             HF_TEST(rule_20_transaction_profile_is_for_the_one_that_runs),
             HF_TEST(rule_20_transaction_profile_dies_with_its_transaction),
             HF_TEST(rule_20_remote_start_brings_its_profile),
             HF_TEST(rule_20_remote_start_with_another_profile_is_rejected),
             HF_TEST(smart_second_remote_start_does_not_inherit_a_profile),
             HF_TEST(smart_profile_of_a_start_that_came_to_nothing_is_forgotten),
             HF_TEST(rule_20_profiles_outlive_a_reboot),
             HF_TEST(smart_without_a_clock_binds_with_the_least),
             HF_TEST(smart_follows_a_clock_that_is_set),
             HF_TEST(smart_profile_over_for_a_day_is_swept),
             HF_TEST(smart_without_a_central_system_profiles_stay_in_force),
             HF_TEST(smart_offline_limit_applies_after_its_delay),
             HF_TEST(rule_20_station_limit_is_shared_and_never_exceeded),
             HF_TEST(smart_site_limit_never_exceeded_by_a_module_that_sticks),
             HF_TEST(smart_site_limit_in_watts_is_shared_too),
             HF_TEST(smart_share_of_a_profile_below_goes_to_the_other),
             HF_TEST(smart_site_limit_holds_in_any_history))
