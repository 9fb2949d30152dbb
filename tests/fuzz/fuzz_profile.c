// SPDX-License-Identifier: MIT
// Charging profiles from the CALL to the order, structure-aware: the input chooses CALLs and their members among good,
// wrong and missing ones, lets time pass, sessions begin and end, the station reboot. Every reply has the shape of its
// schema, what is installed is what the store holds, and in the end everything can be cleared and nothing limits any more.
#include "fuzz.h"
#include "support/ocpp_station.h"

#define OPERATIONS 24

typedef struct input {
    const uint8_t *data;
    size_t size;
} input_t;

static uint32_t take(input_t *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static uint32_t take32(input_t *input)
{
    uint32_t value = take(input);
    value = value << 8 | take(input);
    value = value << 8 | take(input);
    return value << 8 | take(input);
}

// ---- what a central system may send -------------------------------------------------------------

static char call[STATION_TEXT];
static hf_builder_t out;

static void put(const char *text)
{
    hf_builder_text(&out, text);
}

static const char *const wrong[] = {"null", "true", "\"x\"", "[]", "{}", "1e400", "-0.5", "\"\""};

// Mostly one of `count` numbers from `first` on, at times any, at times none at all.
static void put_number(input_t *input, uint32_t first, uint32_t count)
{
    uint32_t choice = take(input);
    if (choice >= 250) {
        put(wrong[take(input) % HF_COUNT_OF(wrong)]);
    } else if (choice >= 240) {
        hf_builder_i64(&out, (int32_t)take32(input));
    } else {
        hf_builder_u64(&out, first + choice % count);
    }
}

static bool put_name(input_t *input, const char *name, uint32_t left_out)
{
    if (take(input) < left_out) {
        return false;
    }
    if (out.length > 0 && out.text[out.length - 1] != '{') {
        put(",");
    }
    put("\"");
    put(name);
    put("\":");
    return true;
}

static void put_number_member(input_t *input, const char *name, uint32_t count, uint32_t left_out)
{
    if (put_name(input, name, left_out)) {
        put_number(input, 0, count);
    }
}

// `choices` ends with one that is wrong, and NULL.
static void put_choice(input_t *input, const char *name, const char *const *choices,
                       uint32_t left_out)
{
    if (!put_name(input, name, left_out)) {
        return;
    }
    uint32_t count = 0, choice = take(input);
    while (choices[count + 1] != NULL) {
        count++;
    }
    if (choice >= 250) {
        put(wrong[choice - 250]);
        return;
    }
    put("\"");
    put(choices[choice >= 240 ? count : choice % count]);
    put("\"");
}

static void put_time(input_t *input, const station_t *s, const char *name, uint32_t left_out)
{
    char time[HF_ISO8601_BYTES];
    if (!put_name(input, name, left_out)) {
        return;
    }
    uint32_t choice = take(input);
    int64_t apart_s = (int32_t)take32(input) >> (choice & 15u);
    int64_t at_ms = (int64_t)(STATION_UTC_MS + s->now_us / 1000u) + apart_s * 1000;
    hf_iso8601_format(at_ms < 0 ? 0 : (uint64_t)at_ms, time);
    put(choice >= 250 ? wrong[choice - 250] : "\"");
    if (choice < 250) {
        put(time);
        put("\"");
    }
}

static void put_limit(input_t *input)
{
    uint32_t choice = take(input);
    if (choice >= 250) {
        put(wrong[choice - 250]);
        return;
    }
    hf_builder_fixed(&out, (int64_t)(choice >= 200 ? take32(input) : choice * 5u), 1);
    put(choice % 50 == 1 ? "00000004" : "");
}

static void put_periods(input_t *input)
{
    uint32_t choice = take(input), count = choice < 200 ? choice % 8u : choice - 180u;
    uint32_t start_s = 0;
    if (!put_name(input, "chargingSchedulePeriod", 4)) {
        return;
    }
    put("[");
    for (uint32_t i = 0; i < count; i++) {
        put(i == 0 ? "{" : ",{");
        if (put_name(input, "startPeriod", 2)) {
            hf_builder_u64(&out, start_s);
        }
        if (put_name(input, "limit", 2)) {
            put_limit(input);
        }
        if (put_name(input, "numberPhases", 200)) {
            put_number(input, 1, 3);
        }
        put("}");
        start_s += take(input) * (choice % 3u == 0 ? 1u : 700u);
    }
    put("]");
}

static void put_profile(input_t *input, const station_t *s)
{
    static const char *const purposes[] = {"TxDefaultProfile", "TxProfile", "ChargePointMaxProfile",
                                           "Profile", NULL};
    static const char *const kinds[] = {"Relative", "Absolute", "Recurring", "Never", NULL};
    static const char *const recurrences[] = {"Daily", "Weekly", "Yearly", NULL};
    static const char *const units[] = {"A", "W", "VA", NULL};
    put("{");
    put_number_member(input, "chargingProfileId", 6, 2);
    put_number_member(input, "transactionId", 2, 250);
    put_number_member(input, "stackLevel", 10, 2);
    put_choice(input, "chargingProfilePurpose", purposes, 2);
    put_choice(input, "chargingProfileKind", kinds, 2);
    put_choice(input, "recurrencyKind", recurrences, 60);
    put_time(input, s, "validFrom", 180);
    put_time(input, s, "validTo", 180);
    if (put_name(input, "chargingSchedule", 2)) {
        put("{");
        if (put_name(input, "duration", 128)) {
            put_number(input, 1, 200);
        }
        put_time(input, s, "startSchedule", 60);
        put_choice(input, "chargingRateUnit", units, 2);
        put_periods(input);
        put_number_member(input, "minChargingRate", 9, 240);
        put("}");
    }
    put("}");
}

// ---- what must come back ------------------------------------------------------------------------

static bool is_number_at_least_0(hf_json_t value, unsigned decimals, int64_t *number)
{
    return hf_json_fixed(value, decimals, number) == HF_OK && *number >= 0;
}

static void judge_schedule(hf_json_t schedule)
{
    hf_json_walk_t walk = {.container = hf_json_member(schedule, "chargingSchedulePeriod")};
    hf_json_t unit = hf_json_member(schedule, "chargingRateUnit");
    int64_t last_s = -1, duration_s = -1, start_s, limit;
    must(is_number_at_least_0(hf_json_member(schedule, "duration"), 0, &duration_s));
    must(hf_json_is_string(unit, "A") || hf_json_is_string(unit, "W"));
    must(hf_json_count(walk.container) >= 1 && hf_json_count(schedule) == 3);
    while (hf_json_next(&walk)) {
        must(hf_json_i64(hf_json_member(walk.value, "startPeriod"), &start_s) == HF_OK);
        must(last_s < 0 ? start_s == 0 : start_s > last_s && start_s < duration_s);
        must(is_number_at_least_0(hf_json_member(walk.value, "limit"), 1, &limit));
        last_s = start_s;
    }
}

static void judge_result(hf_json_t conf)
{
    static const char *const statuses[] = {"Accepted", "Rejected", "Unknown", "NotSupported"};
    bool known = false;
    for (size_t i = 0; i < HF_COUNT_OF(statuses); i++) {
        known = known || hf_json_is_string(hf_json_member(conf, "status"), statuses[i]);
    }
    hf_json_t schedule = hf_json_member(conf, "chargingSchedule");
    must(known);
    if (schedule.type != HF_JSON_NONE) {
        judge_schedule(schedule);
    }
}

static void judge_answer(const char *answer)
{
    hf_json_t frame;
    int64_t type = 0;
    must(hf_json_parse(answer, strlen(answer), &frame) == HF_OK);
    must(hf_json_i64(hf_json_element(frame, 0), &type) == HF_OK);
    if (type == 3) {
        judge_result(hf_json_element(frame, 2));
        return;
    }
    must(type == 4 && hf_json_count(frame) == 5);
    hf_json_t code = hf_json_element(frame, 2);
    must(!hf_json_is_string(code, "InternalError") && !hf_json_is_string(code, "GenericError") &&
         !hf_json_is_string(code, "NotImplemented") && !hf_json_is_string(code, "NotSupported"));
}

// What is in memory lies in the store, whole and sound, and nothing else does.
static void judge_store(station_t *s)
{
    for (uint16_t i = 0; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        const evse_profile_slot_t *slot = &s->ocpp.smart.profiles.slot[i];
        evse_profile_t profile;
        bool kept = evse_store_next_key(&s->store, EVSE_OBJECT_PROFILE, i) == i;
        must(kept == (slot->purpose != EVSE_PURPOSE_NONE));
        if (kept) {
            must(s->ocpp.smart.profiles.load(&s->store, i, &profile) == HF_OK);
            must(profile.id == slot->id && profile.purpose == slot->purpose &&
                 profile.connector == slot->connector && profile.stack_level == slot->stack_level);
        }
    }
}

// ---- operations ---------------------------------------------------------------------------------

static void send(station_t *s)
{
    if (out.overflow) {
        return;
    }
    s->link.last_answer[0] = '\0';
    station_say(s, call);
    station_run(s, 60);
    judge_answer(s->link.last_answer);
    s->call_count = 0;
}

static void begin(const char *action)
{
    hf_builder_init(&out, call, sizeof call);
    put("[2,\"q1\",\"");
    put(action);
    put("\",{");
}

static void ask_for_schedule(input_t *input, station_t *s)
{
    static const char *const units[] = {"A", "W", "VA", NULL};
    begin("GetCompositeSchedule");
    put_number_member(input, "connectorId", 3, 2);
    put_number_member(input, "duration", 200, 2);
    put_choice(input, "chargingRateUnit", units, 100);
    put("}]");
    send(s);
}

static void clear(input_t *input, station_t *s)
{
    static const char *const purposes[] = {"TxDefaultProfile", "TxProfile", "ChargePointMaxProfile",
                                           "Profile", NULL};
    begin("ClearChargingProfile");
    put_number_member(input, "id", 6, 128);
    put_number_member(input, "connectorId", 4, 128);
    put_number_member(input, "stackLevel", 11, 200);
    put_choice(input, "chargingProfilePurpose", purposes, 200);
    put("}]");
    send(s);
}

static void set_profile(input_t *input, station_t *s)
{
    begin("SetChargingProfile");
    put_number_member(input, "connectorId", 3, 2);
    if (put_name(input, "csChargingProfiles", 2)) {
        put_profile(input, s);
    }
    put("}]");
    send(s);
}

static void start_remotely(input_t *input, station_t *s)
{
    begin("RemoteStartTransaction");
    put("\"idTag\":\"DEMO\",\"connectorId\":1,\"chargingProfile\":");
    put_profile(input, s);
    put("}]");
    send(s);
}

static void operate(input_t *input, station_t *s)
{
    static const char *const limits[] = {"", "10A", "2000W", "0A", "1e3W"};
    uint32_t choice = take(input);
    switch (choice % 16u) {
    default:
        set_profile(input, s);
        break;
    case 8:
    case 9:
        ask_for_schedule(input, s);
        break;
    case 10:
        clear(input, s);
        break;
    case 11:
        start_remotely(input, s);
        break;
    case 12:
        s->control[choice >> 4 & 1u].plugged = (choice >> 5 & 1u) != 0;
        station_run(s, 400);
        break;
    case 13:
        station_run(s, 20u << (choice >> 4) % 10u);
        break;
    case 14:
        (void)!evse_ocpp_set_key(&s->ocpp, (choice & 16u) != 0 ? "SiteLimit" : "OfflineLimit",
                                 limits[(choice >> 5) % HF_COUNT_OF(limits)]);
        break;
    case 15:
        if ((choice & 32u) != 0) {
            s->ocpp.utc_offset_ms += (uint64_t)take32(input) << (choice >> 6);
        } else {
            station_run(s, 200);
            must(station_boot(s) == HF_OK);
            station_run(s, 2000);
        }
        break;
    }
    s->call_count = 0;
    judge_store(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    station_t *s = station_online(2);
    hf_test_failed_here = 0;
    for (unsigned i = 0; i < 2; i++) {
        s->control[i].plugged = true;
    }
    station_run(s, 400);
    for (unsigned i = 0; i < OPERATIONS && input.size > 0; i++) {
        operate(&input, s);
    }
    for (unsigned i = 0; i < 2; i++) {
        s->control[i].plugged = false;
    }
    station_run(s, 8000);
    s->call_count = 0;
    (void)!evse_ocpp_set_key(&s->ocpp, "SiteLimit", "");
    (void)station_ask(s, "ClearChargingProfile", "{}");
    judge_answer(s->link.last_answer);
    judge_store(s);
    must(evse_store_next_key(&s->store, EVSE_OBJECT_PROFILE, 0) == -1);
    const char *answer =
        station_ask(s, "GetCompositeSchedule",
                    "{\"connectorId\":1,\"duration\":600,\"chargingRateUnit\":\"A\"}");
    must(strstr(answer, "[{\"startPeriod\":0,\"limit\":350.0}]") != NULL);
    must(hf_test_failed_here == 0);
    return 0;
}
