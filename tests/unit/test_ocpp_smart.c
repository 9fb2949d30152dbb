// SPDX-License-Identifier: MIT
// Charging profiles through the CALLs of a central system: what is accepted, replaced and cleared, and composite schedules.
#include "support/smart_station.h"

// ---- what is accepted ---------------------------------------------------------------------------

typedef struct refusal {
    const char *answer;
    const char *payload;
} refusal_t;

#define PROFILE(purpose, level, kind, schedule)                                                    \
    "{\"chargingProfileId\":1,\"stackLevel\":" #level ",\"chargingProfilePurpose\":\"" purpose     \
    "\",\"chargingProfileKind\":" kind ",\"chargingSchedule\":" schedule "}"
#define SET(connector, profile)                                                                    \
    "{\"connectorId\":" #connector ",\"csChargingProfiles\":" profile "}"
#define PERIODS(periods)  "{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":" periods "}"
#define ONE               PERIODS("[{\"startPeriod\":0,\"limit\":6}]")
#define DEFAULT(schedule) SET(1, PROFILE("TxDefaultProfile", 0, "\"Relative\"", schedule))

static const refusal_t refusals[] = {
    // rule 19 and 20, errata 3.39
    {ANSWER("PropertyConstraintViolation"),
     SET(3, PROFILE("TxDefaultProfile", 0, "\"Relative\"", ONE))},
    {ANSWER("PropertyConstraintViolation"),
     SET(-1, PROFILE("TxDefaultProfile", 0, "\"Relative\"", ONE))},
    {ANSWER("TypeConstraintViolation"),
     SET("1", PROFILE("TxDefaultProfile", 0, "\"Relative\"", ONE))},
    {ANSWER("OccurenceConstraintViolation"), "{\"connectorId\":1}"},
    {ANSWER("OccurenceConstraintViolation"), "{\"csChargingProfiles\":{}}"},
    {ANSWER("OccurenceConstraintViolation"), SET(1, "{}")},
    {ANSWER("TypeConstraintViolation"), SET(1, "[]")},
    // errata 3.38
    {ANSWER("PropertyConstraintViolation"), SET(1, PROFILE("MaxProfile", 0, "\"Relative\"", ONE))},
    {ANSWER("PropertyConstraintViolation"),
     SET(1, PROFILE("TxDefaultProfile", 0, "\"relative\"", ONE))},
    {ANSWER("PropertyConstraintViolation"),
     DEFAULT("{\"chargingRateUnit\":\"kW\",\"chargingSchedulePeriod\":[{\"startPeriod\":0,"
             "\"limit\":6}]}")},
    {ANSWER("OccurenceConstraintViolation"), DEFAULT("{\"chargingSchedulePeriod\":[]}")},
    {ANSWER("OccurenceConstraintViolation"), DEFAULT("{\"chargingRateUnit\":\"A\"}")},
    {ANSWER("OccurenceConstraintViolation"), DEFAULT(PERIODS("[]"))},
    {ANSWER("TypeConstraintViolation"), DEFAULT(PERIODS("{}"))},
    {ANSWER("TypeConstraintViolation"), DEFAULT(PERIODS("[6]"))},
    {ANSWER("OccurenceConstraintViolation"), DEFAULT(PERIODS("[{\"startPeriod\":0}]"))},
    {ANSWER("OccurenceConstraintViolation"), DEFAULT(PERIODS("[{\"limit\":6}]"))},
    {ANSWER("TypeConstraintViolation"), DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":\"6\"}]"))},
    {ANSWER("TypeConstraintViolation"), DEFAULT(PERIODS("[{\"startPeriod\":0.5,\"limit\":6}]"))},
    {ANSWER("PropertyConstraintViolation"),
     DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":1e99}]"))},
    {ANSWER("PropertyConstraintViolation"),
     DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":6,\"numberPhases\":4}]"))},
    {ANSWER("PropertyConstraintViolation"),
     SET(1, PROFILE("TxDefaultProfile", -1, "\"Relative\"", ONE))},
    {ANSWER("PropertyConstraintViolation"),
     SET(1, PROFILE("TxDefaultProfile", 0, "\"Relative\",\"validFrom\":\"yesterday\"", ONE))},
    {ANSWER("TypeConstraintViolation"),
     SET(1, PROFILE("TxDefaultProfile", 0, "\"Relative\",\"validTo\":5", ONE))},
    {ANSWER("PropertyConstraintViolation"),
     DEFAULT("{\"duration\":-1,\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[{"
             "\"startPeriod\":0,"
             "\"limit\":6}]}")},
    {ANSWER("PropertyConstraintViolation"),
     SET(1, PROFILE("TxDefaultProfile", 0, "\"Recurring\",\"recurrencyKind\":\"Monthly\"", ONE))},
    // well formed, and still no profile
    {STATION_REJECTED, DEFAULT(PERIODS("[{\"startPeriod\":1,\"limit\":6}]"))}, // errata 3.45
    {STATION_REJECTED,
     DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":6},{\"startPeriod\":0,\"limit\":8}]"))},
    {STATION_REJECTED,
     DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":6},{\"startPeriod\":9,\"limit\":8},"
                     "{\"startPeriod\":8,\"limit\":8}]"))},
    {STATION_REJECTED, DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":-1}]"))},
    {STATION_REJECTED,
     DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":6},{\"startPeriod\":-5,\"limit\":8}]"))},
    {STATION_REJECTED, DEFAULT("{\"duration\":0,\"chargingRateUnit\":\"A\","
                               "\"chargingSchedulePeriod\":[{\"startPeriod\":0,"
                               "\"limit\":6}]}")},
    {STATION_REJECTED, SET(1, PROFILE("TxDefaultProfile", 10, "\"Relative\"", ONE))},
    {STATION_REJECTED, SET(1, PROFILE("TxDefaultProfile", 0, "\"Recurring\"", ONE))},
    {STATION_REJECTED,
     SET(1, PROFILE("TxDefaultProfile", 0, "\"Recurring\"",
                    "{\"startSchedule\":\"2026-11-21T00:00:00Z\",\"chargingRateUnit\":\"A\","
                    "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":6}]}"))},
    {STATION_REJECTED,
     SET(1, PROFILE("TxDefaultProfile", 0, "\"Recurring\",\"recurrencyKind\":\"Daily\"", ONE))},
    {STATION_REJECTED, SET(1, PROFILE("TxDefaultProfile", 0,
                                      "\"Relative\",\"validFrom\":\"2026-11-22T00:00:00Z\","
                                      "\"validTo\":\"2026-11-21T00:00:00Z\"",
                                      ONE))},
    {STATION_REJECTED,
     SET(1, PROFILE("ChargePointMaxProfile", 0, "\"Absolute\"", ONE))}, // on 0 only
    {STATION_REJECTED, SET(0, PROFILE("ChargePointMaxProfile", 0, "\"Relative\"", ONE))},
    {STATION_REJECTED, SET(0, PROFILE("TxProfile", 0, "\"Relative\"", ONE))},
    {STATION_REJECTED, SET(1, PROFILE("TxProfile", 0, "\"Relative\"", ONE))}, // no transaction
};

static void rule_20_wrong_profiles_are_answered_by_what_is_wrong(void)
{
    station_t *s = online(2);
    for (size_t i = 0; i < HF_COUNT_OF(refusals); i++) {
        const char *answer = station_ask(s, "SetChargingProfile", refusals[i].payload);
        if (!starts_with(answer, refusals[i].answer)) {
            HF_TEST_FAIL("%s\n    is answered %s, expected %s", refusals[i].payload, answer,
                         refusals[i].answer);
        }
    }
    CHECK_STR(station_ask(s, "ClearChargingProfile", "{}"), "[3,\"q1\",{\"status\":\"Unknown\"}]");
}

static void smart_good_profiles_are_accepted(void)
{
    station_t *s = online(2);
    static const char *const good[] = {
        SET(1, PROFILE("TxDefaultProfile", 0, "\"Relative\"", ONE)),
        SET(0,
            PROFILE("TxDefaultProfile", 9, "\"Absolute\"", ONE)), // relative to start of charging
        SET(0, PROFILE("ChargePointMaxProfile", 0, "\"Absolute\"", ONE)), // from now on
        DEFAULT(PERIODS("[{\"startPeriod\":0,\"limit\":8.1,\"numberPhases\":3}]")),
        DEFAULT("{\"minChargingRate\":6.5,\"chargingRateUnit\":\"W\",\"chargingSchedulePeriod\":"
                "[{\"startPeriod\":0,\"limit\":0}]}"),
        SET(1, PROFILE("TxDefaultProfile", 0, "\"Relative\",\"recurrencyKind\":\"Daily\"", ONE)),
    };
    for (size_t i = 0; i < HF_COUNT_OF(good); i++) {
        const char *answer = station_ask(s, "SetChargingProfile", good[i]);
        if (strcmp(answer, STATION_ACCEPTED) != 0) {
            HF_TEST_FAIL("%s is answered %s", good[i], answer);
        }
    }
}

static void rule_20_same_id_or_same_place_is_replaced(void)
{
    station_t *s = online(2);
    wish_t wish = amps(1, 7, "TxDefault", FLAT(6));
    accept(s, wish);
    accept(s, amps(1, 7, "TxDefault", FLAT(8)));
    CHECK_EQ(installed(s), 1);
    CHECK_STR(composite(s, 1, 10, "A"), "0:8.0");
    accept(s, amps(1, 9, "TxDefault", FLAT(9))); // the same place
    CHECK_EQ(installed(s), 1);
    CHECK_STR(composite(s, 1, 10, "A"), "0:9.0");
    accept(s, amps(0, 10, "TxDefault", FLAT(10))); // another connector's is another place
    CHECK_EQ(installed(s), 2);
    accept(s, amps(1, 10, "TxDefault", FLAT(11))); // id of one, place of the other
    CHECK_EQ(installed(s), 1);
    CHECK_STR(composite(s, 1, 10, "A"), "0:11.0");
    wish.id = 11;
    wish.level = 1;
    accept(s, wish);
    CHECK_EQ(installed(s), 2);
}

static void smart_the_same_profile_again_costs_no_write(void)
{
    station_t *s = online(1);
    accept(s, amps(1, 7, "TxDefault", FLAT(6)));
    uint64_t before = hf_journal_appended(&s->store.journal);
    accept(s, amps(1, 7, "TxDefault", FLAT(6)));
    CHECK_EQ(hf_journal_appended(&s->store.journal), before);
    accept(s, amps(1, 7, "TxDefault", FLAT(7)));
    CHECK_EQ(hf_journal_appended(&s->store.journal), before + 1);
}

static void smart_slots_are_bounded_and_the_dead_make_room(void)
{
    station_t *s = online(2);
    wish_t wish = amps(0, 100, "TxDefault", FLAT(6));
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, -7210, 3600); // over for an hour
    for (unsigned i = 0; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        wish.id++;
        wish.level = i % 10;
        wish.connector = i / 10 % 3;
        if (i == 30 || i == 31) {
            wish.purpose = "ChargePointMax";
            wish.connector = 0;
        }
        if (i == 5) {
            wish.schedule = since(s, 0, 0);
        }
        accept(s, wish);
    }
    CHECK_EQ(installed(s), CONFIG_EVSE_CHARGING_PROFILES_MAX);
    for (unsigned i = 0; i < 5; i++) { // in the place of the five that are over
        wish.id++;
        wish.level = i + 2;
        wish.connector = 0;
        wish.purpose = "ChargePointMax";
        accept(s, wish);
    }
    wish.id++;
    wish.level = 9;
    reject(s, wish);
    CHECK_EQ(installed(s), CONFIG_EVSE_CHARGING_PROFILES_MAX);
}

static void smart_as_many_periods_as_told(void)
{
    station_t *s = online(1);
    static char payload[STATION_TEXT];
    for (unsigned count = CONFIG_EVSE_CHARGING_PERIODS_MAX;
         count <= CONFIG_EVSE_CHARGING_PERIODS_MAX + 1; count++) {
        size_t length = (size_t)snprintf(
            payload, sizeof payload,
            "[2,\"q1\",\"SetChargingProfile\",{\"connectorId\":1,\"csChargingProfiles\":"
            "{\"chargingProfileId\":1,\"stackLevel\":0,\"chargingProfilePurpose\":"
            "\"TxDefaultProfile\"," RELATIVE
            ",\"chargingSchedule\":{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":[");
        for (unsigned i = 0; i < count; i++) {
            length += (size_t)snprintf(payload + length, sizeof payload - length,
                                       "%s{\"startPeriod\":%u,\"limit\":%u.%u}", i == 0 ? "" : ",",
                                       i * 60, 6 + i % 10, i % 10);
        }
        snprintf(payload + length, sizeof payload - length, "]}}}]");
        station_say(s, payload);
        station_run(s, 100);
        CHECK_STR(s->link.last_answer,
                  count <= CONFIG_EVSE_CHARGING_PERIODS_MAX ? STATION_ACCEPTED : STATION_REJECTED);
    }
    align(s);
    CHECK(starts_with(composite(s, 1, 180, "A"), "0:6.0 60:7.1 120:8.2"));
}

static void smart_limits_are_never_read_as_more(void)
{
    station_t *s = online(1);
    accept(s, amps(1, 1, "TxDefault", FLAT(8.19)));
    CHECK_STR(composite(s, 1, 10, "A"), "0:8.1");
    accept(s, amps(1, 1, "TxDefault", FLAT(7.999999999999)));
    CHECK_STR(composite(s, 1, 10, "A"), "0:8.0");
    accept(s, amps(1, 1, "TxDefault", FLAT(0.30000000000000004)));
    CHECK_STR(composite(s, 1, 10, "A"), "0:0.3");
}

static void smart_keys_tell_the_bounds(void)
{
    station_t *s = online(1);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "ChargeProfileMaxStackLevel"), 9);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "ChargingScheduleMaxPeriods"),
             CONFIG_EVSE_CHARGING_PERIODS_MAX);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "MaxChargingProfilesInstalled"),
             CONFIG_EVSE_CHARGING_PROFILES_MAX);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "ConnectorSwitch3to1PhaseSupported"), 0);
    CHECK_STR(evse_ocpp_text(&s->ocpp, "ChargingScheduleAllowedChargingRateUnit"), "Current,Power");
    CHECK(strstr(evse_ocpp_text(&s->ocpp, "SupportedFeatureProfiles"), "SmartCharging") != NULL);
    CHECK_STR(station_ask(s, "ChangeConfiguration", "{\"key\":\"SiteLimit\",\"value\":\"lots\"}"),
              STATION_REJECTED);
    configure(s, "SiteLimit", "20A");
    CHECK_STR(evse_ocpp_text(&s->ocpp, "SiteLimit"), "20A");
}

// ---- clearing -----------------------------------------------------------------------------------

#define UNKNOWN "[3,\"q1\",{\"status\":\"Unknown\"}]"

static void install_four(station_t *s)
{
    wish_t wish = amps(1, 1, "TxDefault", FLAT(6));
    accept(s, wish);
    wish = amps(2, 2, "TxDefault", FLAT(6));
    wish.level = 1;
    accept(s, wish);
    wish.id = 3;
    wish.connector = 0;
    accept(s, wish);
    wish = amps(0, 4, "ChargePointMax", FLAT(20));
    wish.kind = ABSOLUTE;
    accept(s, wish);
    CHECK_EQ(installed(s), 4);
}

static void rule_20_clear_matches_all_that_is_given(void) // errata 3.25, 3.26
{
    static const struct {
        const char *criteria;
        unsigned left;
    } cases[] = {
        {"{}", 0},
        {"{\"id\":2}", 3},
        {"{\"id\":2,\"connectorId\":1,\"stackLevel\":7}", 3}, // an id decides alone
        {"{\"connectorId\":0}", 2},
        {"{\"stackLevel\":1}", 2},
        {"{\"chargingProfilePurpose\":\"TxDefaultProfile\"}", 1},
        {"{\"chargingProfilePurpose\":\"TxDefaultProfile\",\"stackLevel\":1,\"connectorId\":0}", 3},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        station_t *s = online(2);
        install_four(s);
        CHECK_STR(station_ask(s, "ClearChargingProfile", cases[i].criteria), STATION_ACCEPTED);
        CHECK_EQ(installed(s), cases[i].left);
        CHECK_STR(station_ask(s, "ClearChargingProfile", cases[i].criteria), UNKNOWN);
    }
}

static void rule_20_clear_without_a_match_is_unknown(void)
{
    station_t *s = online(2);
    install_four(s);
    CHECK_STR(station_ask(s, "ClearChargingProfile", "{\"id\":5}"), UNKNOWN);
    CHECK_STR(station_ask(s, "ClearChargingProfile", "{\"connectorId\":9}"), UNKNOWN);
    CHECK_STR(station_ask(s, "ClearChargingProfile", "{\"stackLevel\":1,\"connectorId\":1}"),
              UNKNOWN);
    CHECK(
        starts_with(station_ask(s, "ClearChargingProfile", "{\"chargingProfilePurpose\":\"All\"}"),
                    ANSWER("PropertyConstraintViolation")));
    CHECK(starts_with(station_ask(s, "ClearChargingProfile", "{\"id\":\"1\"}"),
                      ANSWER("TypeConstraintViolation")));
    CHECK_EQ(installed(s), 4);
}

// ---- composite schedules ------------------------------------------------------------------------

static void rule_20_composite_of_three_purposes(void) // as in TC_066 of the compliance test
{
    station_t *s = online(1);
    station_start(s);
    align(s);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(10));
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 86400);
    accept(s, wish);
    wish = amps(1, 2, "TxDefault",
                FLAT(6) ",{\"startPeriod\":60,\"limit\":10},{\"startPeriod\":120,\"limit\":8}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 300);
    accept(s, wish);
    wish.id = 3;
    wish.purpose = "Tx";
    wish.periods = FLAT(8) ",{\"startPeriod\":50,\"limit\":11},{\"startPeriod\":140,\"limit\":16},"
                           "{\"startPeriod\":200,\"limit\":6},{\"startPeriod\":240,\"limit\":12}";
    wish.schedule = since(s, 0, 260);
    accept(s, wish);
    CHECK_STR(composite(s, 1, 400, "A"), "0:8.0 50:10.0 200:6.0 240:10.0 260:8.0 300:10.0");
    CHECK_EQ(duration_told(), 400);
    CHECK_STR(composite(s, 1, 200, "A"), "0:8.0 50:10.0");
    CHECK_STR(composite(s, 0, 400, "A"), "0:8.0 50:10.0 200:6.0 240:10.0 260:8.0 300:10.0");
}

static void rule_20_composite_of_stacked_profiles(void) // as in TC_072
{
    station_t *s = online(1);
    wish_t wish = amps(1, 1, "TxDefault",
                       "{\"startPeriod\":0,\"limit\":6,\"numberPhases\":1},"
                       "{\"startPeriod\":100,\"limit\":8,\"numberPhases\":1},"
                       "{\"startPeriod\":200,\"limit\":10,\"numberPhases\":1}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 400);
    accept(s, wish);
    wish.id = 2;
    wish.level = 1;
    wish.periods = "{\"startPeriod\":0,\"limit\":7},{\"startPeriod\":100,\"limit\":9}";
    wish.schedule = since(s, 0, 150);
    accept(s, wish);
    CHECK_STR(composite(s, 1, 350, "A"), "0:7.0 100:9.0 150:8.0/1 200:10.0/1");
}

static void rule_20_composite_meets_the_changes_of_the_station(void)
{
    station_t *s = online(1);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(20) ",{\"startPeriod\":30,\"limit\":10}");
    wish.kind = ABSOLUTE;
    wish.schedule = since(s, 0, 90);
    accept(s, wish);
    accept(s, amps(1, 2, "TxDefault", FLAT(16)));
    CHECK_STR(composite(s, 1, 120, "A"), "0:16.0 30:10.0 90:16.0");
    CHECK_STR(composite(s, 0, 120, "A"), "0:16.0 30:10.0 90:16.0");
}

static void rule_20_composite_knows_what_began_in_this_second(void)
{
    station_t *s = online(1);
    station_run(s, 1000u - (unsigned)((STATION_UTC_MS + s->now_us / 1000u) % 1000u) + 300u);
    wish_t wish = amps(0, 1, "ChargePointMax", FLAT(10)); // from now on: no startSchedule
    wish.kind = ABSOLUTE;
    accept(s, wish);
    CHECK_STR(composite(s, 1, 60, "A"), "0:10.0");
    CHECK_STR(composite(s, 0, 60, "A"), "0:10.0");
}

static void smart_start_of_a_schedule_is_taken_as_it_is_meant(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 1, "TxDefault", FLAT(16));
    wish.schedule = since(s, 3600, 0); // relative all the same
    accept(s, wish);
    CHECK_STR(composite(s, 1, 60, "A"), "0:16.0");
    wish.kind = ABSOLUTE;
    wish.schedule = "\"duration\":60,\"startSchedule\":\"1970-01-01T00:00:00Z\",";
    accept(s, wish); // long over, though the number of its start is 0
    CHECK_STR(composite(s, 1, 60, "A"), "0:350.0");
}

static void rule_20_composite_without_any_limit_is_the_rating(void)
{
    station_t *s = online(2);
    s->ocpp.config.modules[0].rated_mA = 33600;
    s->ocpp.config.modules[0].rated_mV = 84500;
    CHECK_STR(composite(s, 1, 3600, "A"), "0:33.6");
    CHECK_STR(composite(s, 1, 3600, "W"), "0:2839.2");
    CHECK_STR(composite(s, 2, 3600, "A"), "0:350.0"); // nobody has told: what no outlet exceeds
    CHECK_STR(composite(s, 0, 3600, "A"), "0:383.6");
    accept(s, amps(1, 1, "TxDefault", FLAT(50))); // more than it can
    CHECK_STR(composite(s, 1, 3600, "A"), "0:33.6");
    CHECK_STR(composite(s, 1, 3600, ""), "0:33.6");
}

static void rule_20_composite_turns_units_by_the_rated_voltage(void)
{
    station_t *s = online(1);
    s->ocpp.config.modules[0].rated_mA = 50000;
    s->ocpp.config.modules[0].rated_mV = 80000;
    wish_t wish = amps(1, 1, "TxDefault", FLAT(1000) ",{\"startPeriod\":60,\"limit\":2000.5}");
    wish.unit = "W";
    accept(s, wish);
    CHECK_STR(composite(s, 1, 90, "W"), "0:1000.0 60:2000.5");
    CHECK_STR(composite(s, 1, 90, "A"), "0:12.5 60:25.0");
    CHECK_STR(composite(s, 1, 90, ""), "0:1000.0 60:2000.5"); // the unit of the limit
    CHECK(strstr(text, "\"chargingRateUnit\":\"W\"") != NULL);
}

static void rule_20_composite_of_no_duration_says_what_is_now(void)
{
    station_t *s = online(1);
    CHECK_STR(composite(s, 1, 0, "A"), "0:350.0");
    CHECK_EQ(duration_told(), 0);
    accept(s, amps(1, 1, "TxDefault", FLAT(0)));
    CHECK_STR(composite(s, 1, 0, "A"), "0:0.0");
}

static void rule_20_composite_that_cannot_be_told_is_rejected(void)
{
    station_t *s = online(2);
    CHECK_STR(composite(s, 3, 60, "A"), "");
    CHECK_STR(text, STATION_REJECTED);
    CHECK_STR(composite(s, -1, 60, "A"), "");
    CHECK_STR(text, STATION_REJECTED);
    (void)composite(s, 1, -1, "A");
    CHECK(starts_with(text, ANSWER("PropertyConstraintViolation")));
    (void)composite(s, 1, 60, "kW"); // errata 3.24
    CHECK(starts_with(text, ANSWER("PropertyConstraintViolation")));
    CHECK(starts_with(station_ask(s, "GetCompositeSchedule", "{\"connectorId\":1}"),
                      ANSWER("OccurenceConstraintViolation")));
    s->ocpp.utc_offset_ms = 0; // no clock
    CHECK_STR(composite(s, 1, 60, "A"), "");
    CHECK_STR(text, STATION_REJECTED);
}

// Recurs for years, with more changes than a message holds: what is told is true as far as it goes.
static void smart_composite_is_cut_where_it_does_not_fit(void)
{
    station_t *s = online(1);
    wish_t wish = amps(1, 1, "TxDefault", FLAT(6) ",{\"startPeriod\":1000,\"limit\":8}");
    wish.kind = "\"chargingProfileKind\":\"Recurring\",\"recurrencyKind\":\"Daily\"";
    wish.schedule = since(s, 0, 0);
    accept(s, wish);
    CHECK(starts_with(composite(s, 1, INT32_MAX, "A"), "0:6.0 1000:8.0 86400:6.0 87400:8.0"));
    int64_t told = duration_told();
    CHECK(told > 86400 && told < INT32_MAX);
    CHECK(told % 86400 == 0 || told % 86400 == 1000);
    wish.periods = FLAT(6); // a change each day that changes nothing
    accept(s, wish);
    CHECK_STR(composite(s, 1, INT32_MAX, "A"), "0:6.0");
    CHECK(duration_told() > 86400 && duration_told() < INT32_MAX);
    CHECK_EQ(duration_told() % 86400, 0);
}

static void smart_composite_shows_a_relative_profile_as_if_charging_began_now(void)
{
    station_t *s = online(1);
    accept(s, amps(1, 1, "TxDefault", FLAT(6) ",{\"startPeriod\":100,\"limit\":9}"));
    CHECK_STR(composite(s, 1, 200, "A"), "0:6.0 100:9.0");
    station_start(s);
    station_run(s, 30000);
    align(s);
    const char *periods = composite(s, 1, 200, "A"); // begun 31 s ago, or nearly
    int change_s = 0;
    CHECK_EQ(sscanf(periods, "0:6.0 %d:9.0", &change_s), 1);
    CHECK(change_s >= 66 && change_s <= 70);
}

HF_TEST_MAIN(HF_TEST(rule_20_wrong_profiles_are_answered_by_what_is_wrong),
             HF_TEST(smart_good_profiles_are_accepted),
             HF_TEST(rule_20_same_id_or_same_place_is_replaced),
             HF_TEST(smart_the_same_profile_again_costs_no_write),
             HF_TEST(smart_slots_are_bounded_and_the_dead_make_room),
             HF_TEST(smart_as_many_periods_as_told), HF_TEST(smart_limits_are_never_read_as_more),
             HF_TEST(smart_keys_tell_the_bounds), HF_TEST(rule_20_clear_matches_all_that_is_given),
             HF_TEST(rule_20_clear_without_a_match_is_unknown),
             HF_TEST(rule_20_composite_of_three_purposes),
             HF_TEST(rule_20_composite_of_stacked_profiles),
             HF_TEST(rule_20_composite_meets_the_changes_of_the_station),
             HF_TEST(rule_20_composite_knows_what_began_in_this_second),
             HF_TEST(smart_start_of_a_schedule_is_taken_as_it_is_meant),
             HF_TEST(rule_20_composite_without_any_limit_is_the_rating),
             HF_TEST(rule_20_composite_turns_units_by_the_rated_voltage),
             HF_TEST(rule_20_composite_of_no_duration_says_what_is_now),
             HF_TEST(rule_20_composite_that_cannot_be_told_is_rejected),
             HF_TEST(smart_composite_is_cut_where_it_does_not_fit),
             HF_TEST(smart_composite_shows_a_relative_profile_as_if_charging_began_now))
