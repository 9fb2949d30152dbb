// SPDX-License-Identifier: MIT
// What tests of smart charging say and ask: profiles as a central system writes them, composite schedules as short text.
#ifndef SMART_STATION_H
#define SMART_STATION_H

#include "support/ocpp_station.h"

#define ANSWER(error) "[4,\"q1\",\"" error "\""

static char text[8192]; // the last answer

static inline bool starts_with(const char *answer, const char *beginning)
{
    return strncmp(answer, beginning, strlen(beginning)) == 0;
}

// The whole second that is now, and `seconds` on, as OCPP writes it.
static inline const char *when(const station_t *s, int64_t seconds)
{
    static char times[4][HF_ISO8601_BYTES];
    static unsigned turn;
    uint64_t now_ms = evse_ocpp_utc_ms(&s->ocpp, s->now_us) / 1000u * 1000u;
    char *time = times[turn++ % 4];
    hf_iso8601_format((uint64_t)((int64_t)now_ms + seconds * 1000), time);
    return time;
}

typedef struct wish {
    unsigned connector;
    int id;
    const char *purpose; // "TxDefault"
    unsigned level;
    const char *kind;     // members: kind, validity, transactionId
    const char *schedule; // members of chargingSchedule but its unit and periods
    const char *unit;
    const char *periods;
} wish_t;

static inline const char *write_profile(const wish_t *wish)
{
    static char profile[1600];
    snprintf(
        profile, sizeof profile,
        "{\"chargingProfileId\":%d,\"stackLevel\":%u,\"chargingProfilePurpose\":\"%sProfile\","
        "%s,\"chargingSchedule\":{%s\"chargingRateUnit\":\"%s\",\"chargingSchedulePeriod\":[%s]}}",
        wish->id, wish->level, wish->purpose, wish->kind, wish->schedule, wish->unit,
        wish->periods);
    return profile;
}

static inline const char *set(station_t *s, const wish_t *wish)
{
    static char payload[1800];
    snprintf(payload, sizeof payload, "{\"connectorId\":%u,\"csChargingProfiles\":%s}",
             wish->connector, write_profile(wish));
    return station_ask(s, "SetChargingProfile", payload);
}

#define RELATIVE "\"chargingProfileKind\":\"Relative\""
#define ABSOLUTE "\"chargingProfileKind\":\"Absolute\""
#define FLAT(a)  "{\"startPeriod\":0,\"limit\":" #a "}"

static inline const char *since(const station_t *s, int64_t seconds, unsigned duration_s)
{
    static char members[2][120];
    static unsigned turn;
    char *out = members[turn++ % 2];
    if (duration_s != 0) {
        snprintf(out, sizeof members[0], "\"duration\":%u,\"startSchedule\":\"%s\",", duration_s,
                 when(s, seconds));
    } else {
        snprintf(out, sizeof members[0], "\"startSchedule\":\"%s\",", when(s, seconds));
    }
    return out;
}

static inline wish_t amps(unsigned connector, int id, const char *purpose, const char *periods)
{
    return (wish_t){.connector = connector,
                    .id = id,
                    .purpose = purpose,
                    .kind = RELATIVE,
                    .schedule = "",
                    .unit = "A",
                    .periods = periods};
}

static inline void accept(station_t *s, wish_t wish)
{
    CHECK_STR(set(s, &wish), STATION_ACCEPTED);
}

static inline void reject(station_t *s, wish_t wish)
{
    CHECK_STR(set(s, &wish), STATION_REJECTED);
}

static inline int32_t limit_mA(const station_t *s, unsigned connector)
{
    return s->control[connector].order.limit_mA;
}

// The periods of a composite schedule from now on, as "0:8.0 50:10.0/3"; "" and the answer in `text` when there is none.
static inline const char *composite(station_t *s, int connector, int seconds, const char *unit)
{
    static char periods[3000];
    char payload[120];
    hf_json_t frame = {0};
    snprintf(payload, sizeof payload, "{\"connectorId\":%d,\"duration\":%d%s%s%s}", connector,
             seconds, unit[0] != '\0' ? ",\"chargingRateUnit\":\"" : "", unit,
             unit[0] != '\0' ? "\"" : "");
    strcpy(text, station_ask(s, "GetCompositeSchedule", payload));
    periods[0] = '\0';
    CHECK_EQ(hf_json_parse(text, strlen(text), &frame), 0);
    hf_json_t conf = hf_json_element(frame, 2);
    hf_json_t schedule = hf_json_member(conf, "chargingSchedule");
    if (schedule.type != HF_JSON_OBJECT) {
        return periods;
    }
    int64_t number = -1;
    CHECK(hf_json_is_string(hf_json_member(conf, "status"), "Accepted"));
    CHECK_EQ(hf_json_i64(hf_json_member(conf, "connectorId"), &number), 0);
    CHECK_EQ(number, connector);
    CHECK_EQ(hf_json_member(schedule, "startSchedule").type, HF_JSON_NONE); // errata 3.57
    if (unit[0] != '\0') {
        CHECK(hf_json_is_string(hf_json_member(schedule, "chargingRateUnit"), unit));
    }
    hf_json_walk_t walk = {.container = hf_json_member(schedule, "chargingSchedulePeriod")};
    size_t length = 0;
    while (hf_json_next(&walk)) {
        hf_slice_t start = hf_json_member(walk.value, "startPeriod").raw;
        hf_slice_t limit = hf_json_member(walk.value, "limit").raw;
        hf_slice_t phases = hf_json_member(walk.value, "numberPhases").raw;
        length += (size_t)snprintf(periods + length, sizeof periods - length, "%s%.*s:%.*s%s%.*s",
                                   length == 0 ? "" : " ", (int)start.length, start.text,
                                   (int)limit.length, limit.text, phases.length != 0 ? "/" : "",
                                   (int)phases.length, phases.length != 0 ? phases.text : "");
    }
    return periods;
}

static inline int64_t duration_told(void) // of the last composite schedule
{
    hf_json_t frame = {0};
    int64_t seconds = -1;
    CHECK_EQ(hf_json_parse(text, strlen(text), &frame), 0);
    hf_json_t schedule = hf_json_member(hf_json_element(frame, 2), "chargingSchedule");
    CHECK_EQ(hf_json_i64(hf_json_member(schedule, "duration"), &seconds), 0);
    return seconds;
}

static inline void configure(station_t *s, const char *key, const char *value)
{
    char payload[160];
    snprintf(payload, sizeof payload, "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
    CHECK_STR(station_ask(s, "ChangeConfiguration", payload), STATION_ACCEPTED);
}

// Until just after a whole second, so that what is written with when() is where it says.
static inline void align(station_t *s)
{
    do {
        station_run(s, 20);
    } while (evse_ocpp_utc_ms(&s->ocpp, s->now_us) % 1000 >= 20);
}

static inline station_t *online(unsigned connectors)
{
    station_t *s = station_online(connectors);
    align(s);
    return s;
}

static inline unsigned installed(const station_t *s)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        count += s->ocpp.smart.profiles.slot[i].purpose != EVSE_PURPOSE_NONE ? 1u : 0u;
    }
    return count;
}

#endif
