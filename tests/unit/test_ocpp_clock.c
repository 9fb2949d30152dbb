// SPDX-License-Identifier: MIT
// The clock that the central system sets, in stepped time: slew, step, what is not believed, and that the times of one
// transaction never run backwards, whatever it says.
#include "support/ocpp_station.h"

static int64_t error_ms(const station_t *s)
{
    return (int64_t)(evse_ocpp_utc_ms(&s->ocpp, s->now_us) - STATION_UTC_MS - s->now_us / 1000u);
}

static void heartbeat(station_t *s)
{
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
              STATION_ACCEPTED);
    station_run(s, 100);
}

static uint64_t time_of(const hf_json_t object, const char *name)
{
    char text[40] = "";
    uint64_t utc_ms = 0;
    CHECK_EQ(hf_json_string(hf_json_member(object, name), text, sizeof text), 0);
    CHECK_EQ(hf_iso8601_parse(text, strlen(text), &utc_ms), 0);
    return utc_ms;
}

/// The timestamp of a Start, a Stop, or of the first value of a MeterValues; 0 for anything else.
static uint64_t stamp_of(const station_call_t *call)
{
    hf_json_t payload = station_payload(call);
    if (strcmp(call->action, "MeterValues") == 0) {
        payload = hf_json_element(hf_json_member(payload, "meterValue"), 0);
    } else if (strcmp(call->action, "StartTransaction") != 0 &&
               strcmp(call->action, "StopTransaction") != 0) {
        return 0;
    }
    return time_of(payload, "timestamp");
}

/// How many stamps were told since the record was cleared, all in order.
static unsigned count_ordered_stamps(const station_t *s)
{
    uint64_t last_ms = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < s->call_count; i++) {
        uint64_t at_ms = stamp_of(&s->calls[i]);
        if (at_ms != 0) {
            CHECK(at_ms >= last_ms);
            last_ms = at_ms;
            count++;
        }
    }
    return count;
}

static void clock_small_difference_is_slewed_and_never_runs_backwards(void)
{
    static const int64_t skews_ms[] = {6000, -6000};
    for (unsigned i = 0; i < HF_COUNT_OF(skews_ms); i++) {
        station_t *s = station_online(1);
        s->csms.skew_ms = skews_ms[i];
        heartbeat(s);
        CHECK(error_ms(s) >= -30 && error_ms(s) <= 30); // nothing jumps
        uint64_t last_ms = evse_ocpp_utc_ms(&s->ocpp, s->now_us);
        for (unsigned second = 0; second < 600; second++) {
            station_run(s, 1000);
            uint64_t utc_ms = evse_ocpp_utc_ms(&s->ocpp, s->now_us);
            CHECK(utc_ms - last_ms >= 994 && utc_ms - last_ms <= 1006); // 5 ms a second
            last_ms = utc_ms;
        }
        station_run(s, 700000);
        CHECK(error_ms(s) >= skews_ms[i] - 30 && error_ms(s) <= skews_ms[i] + 30);
        CHECK_EQ(s->ocpp.uplink.clock.steps, 0);
    }
}

static void clock_difference_an_answer_explains_is_left_alone(void)
{
    station_t *s = station_online(1);
    s->csms.skew_ms = -1400; // cut to whole seconds, and the way
    heartbeat(s);
    station_run(s, 60000);
    CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
}

static void clock_far_off_is_stepped_once_a_second_answer_agrees(void)
{
    static const int64_t skews_ms[] = {7200000, -7200000};
    for (unsigned i = 0; i < HF_COUNT_OF(skews_ms); i++) {
        station_t *s = station_online(1);
        s->csms.skew_ms = skews_ms[i];
        heartbeat(s);
        CHECK(error_ms(s) >= -30 && error_ms(s) <= 30); // one answer is not believed
        CHECK_EQ(s->ocpp.uplink.clock.disagreed, 1);
        s->call_count = 0;
        station_run(s, 11000); // asked again soon, not after the interval
        CHECK_EQ(station_count(s, "Heartbeat"), 1);
        CHECK(error_ms(s) >= skews_ms[i] - 30 && error_ms(s) <= skews_ms[i] + 30);
        CHECK_EQ(s->ocpp.uplink.clock.steps, 1);
    }
}

static void clock_two_heartbeats_that_disagree_move_nothing(void)
{
    station_t *s = station_online(1);
    for (unsigned i = 0; i < 10; i++) {
        s->csms.skew_ms = (int64_t)(i + 1) * 3600000;
        heartbeat(s);
    }
    CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
    s->csms.skew_ms = 0;
    heartbeat(s); // the old time again: the odd ones are forgotten
    s->csms.skew_ms = 10 * 3600000;
    heartbeat(s);
    CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
    CHECK_EQ(s->ocpp.uplink.clock.steps, 0);
}

static void clock_time_that_cannot_be_is_refused_and_the_boot_accepted(void)
{
    static const char *const impossible[] = {"1970-01-01T00:00:12Z", "2023-12-31T23:59:59Z",
                                             "2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z"};
    for (unsigned i = 0; i < HF_COUNT_OF(impossible); i++) {
        station_t *s = station_new(1);
        s->link.up = true;
        s->csms.time = impossible[i];
        station_run(s, 1000);
        CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
        CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), 0);
        CHECK_EQ(s->ocpp.uplink.clock.refused, 1);
        s->csms.time = NULL;
        station_run(s, 61000); // a clock unknown asks sooner than the interval of 300 s
        CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
        s->csms.time = impossible[i];
        heartbeat(s);
        heartbeat(s);
        CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
    }
}

static void clock_way_of_a_slow_answer_is_added_up_to_a_bound(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.silent = true;
    station_run(s, 200);
    REQUIRE(s->call_count == 1);
    station_call_t boot = s->calls[0];
    station_run(s, 6000); // three seconds each way
    s->csms.skew_ms = -3000;
    s->csms.silent = false;
    station_answer(s, &boot);
    station_run(s, 20);
    CHECK(error_ms(s) >= -150 && error_ms(s) <= 150);
    s = station_new(1); // 28 seconds: not more than 5 of them are the way
    s->link.up = true;
    s->csms.silent = true;
    station_run(s, 200);
    REQUIRE(s->call_count == 1);
    boot = s->calls[0];
    station_run(s, 28000);
    s->csms.silent = false;
    station_answer(s, &boot);
    station_run(s, 20);
    CHECK(error_ms(s) >= 4950 && error_ms(s) <= 5050);
}

static void clock_hint_that_cannot_be_is_not_taken(void)
{
    station_t *s = station_new(1);
    s->config.utc_hint_ms = 12000; // a board that begins in 1970
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), 0);
    s->config.utc_hint_ms = STATION_UTC_MS + 86400000; // a day off, and nobody has said otherwise
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    CHECK(error_ms(s) == 86400000);
    s->link.up = true;
    station_run(s, 1000); // the first answer is enough
    CHECK(error_ms(s) >= -30 && error_ms(s) <= 30);
}

static void rule_25_step_in_a_transaction_keeps_its_times_in_order(void)
{
    static const int64_t skews_ms[] = {-3 * 3600000, 3 * 3600000};
    for (unsigned i = 0; i < HF_COUNT_OF(skews_ms); i++) {
        station_t *s = station_online(1);
        CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
        station_start(s);
        station_run(s, 12000);
        s->csms.skew_ms = skews_ms[i];
        heartbeat(s);
        heartbeat(s);
        CHECK_EQ(s->ocpp.uplink.clock.steps, 1);
        station_run(s, 20000);
        CHECK(error_ms(s) >= skews_ms[i] - 30 && error_ms(s) <= skews_ms[i] + 30);
        s->control[0].plugged = false;
        station_run(s, 2000);
        CHECK_EQ(station_count(s, "StopTransaction"), 1);
        CHECK(count_ordered_stamps(s) >= 7);
        uint64_t start_ms = stamp_of(station_find(s, "StartTransaction", 0));
        uint64_t stop_ms = stamp_of(station_find(s, "StopTransaction", 0));
        uint64_t lasted_ms = stop_ms - start_ms - (i == 0 ? 0u : (uint64_t)skews_ms[i]);
        CHECK(lasted_ms >= 30000 && lasted_ms <= 36000); // a step back leaves the length alone
        s->call_count = 0;
        station_start(s); // with the next one the clock of now counts
        uint64_t next_ms = stamp_of(station_find(s, "StartTransaction", 0));
        uint64_t truth_ms = STATION_UTC_MS + (uint64_t)skews_ms[i] + s->now_us / 1000u;
        CHECK(next_ms + 2000 >= truth_ms && next_ms <= truth_ms + 100);
    }
}

static void rule_25_transaction_before_any_clock_gets_its_times_after_the_sync(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
    station_run(s, 1000);
    CHECK_EQ(station_boot(s), 0); // a restart: the clock is gone
    s->link.up = false;
    station_run(s, 5000);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), 0);
    s->control[0].plugged = true;
    station_run(s, 200);
    uint64_t begun_ms = STATION_UTC_MS + s->now_us / 1000u;
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 21000);
    s->control[0].plugged = false;
    station_run(s, 1000);
    uint64_t ended_ms = STATION_UTC_MS + s->now_us / 1000u - 1000u;
    s->call_count = 0;
    s->csms.time = "1999-01-01T00:00:00Z"; // not this one
    s->link.up = true;
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "StartTransaction"), 0); // nothing billed without a time
    s->csms.time = NULL;
    station_run(s, 90000);
    REQUIRE(station_count(s, "StartTransaction") == 1 && station_count(s, "StopTransaction") == 1);
    CHECK(count_ordered_stamps(s) >= 5);
    uint64_t start_ms = stamp_of(station_find(s, "StartTransaction", 0));
    uint64_t stop_ms = stamp_of(station_find(s, "StopTransaction", 0));
    CHECK(start_ms + 300 >= begun_ms && start_ms <= begun_ms + 300);
    CHECK(stop_ms + 300 >= ended_ms && stop_ms <= ended_ms + 300);
}

HF_TEST_MAIN(HF_TEST(clock_small_difference_is_slewed_and_never_runs_backwards),
             HF_TEST(clock_difference_an_answer_explains_is_left_alone),
             HF_TEST(clock_far_off_is_stepped_once_a_second_answer_agrees),
             HF_TEST(clock_two_heartbeats_that_disagree_move_nothing),
             HF_TEST(clock_time_that_cannot_be_is_refused_and_the_boot_accepted),
             HF_TEST(clock_way_of_a_slow_answer_is_added_up_to_a_bound),
             HF_TEST(clock_hint_that_cannot_be_is_not_taken),
             HF_TEST(rule_25_step_in_a_transaction_keeps_its_times_in_order),
             HF_TEST(rule_25_transaction_before_any_clock_gets_its_times_after_the_sync))
