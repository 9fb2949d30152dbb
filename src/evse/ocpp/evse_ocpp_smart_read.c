// SPDX-License-Identifier: MIT
// A ChargingProfile out of its JSON. What the schema forbids is the error it names (errata 3.38); what it cannot express
// and is still wrong leaves the wish unsound, which is Rejected.
#include "evse_ocpp_smart.h"

const char *const evse_smart_purposes[] = {"ChargePointMaxProfile", "TxDefaultProfile", "TxProfile",
                                           NULL};
const char *const evse_smart_units[] = {"A", "W", NULL};

// 0 when it is absent. The epoch itself counts as the millisecond after it.
static uint64_t read_time(evse_fields_t *fields, const char *name)
{
    uint64_t utc_ms = 0u;
    bool given = evse_fields_time(fields, name, false, &utc_ms);
    return given && utc_ms == 0u ? 1u : utc_ms;
}

// Down to a tenth, once the noise of binary fractions is rounded away: a limit is never read as more than it says.
static int32_t read_tenths(evse_fields_t *fields, const char *name, bool required)
{
    hf_json_t value;
    int64_t number = 0;
    if (evse_fields_find(fields, name, required, HF_JSON_NUMBER, &value) &&
        hf_json_fixed(value, 5u, &number) != HF_OK) {
        evse_fields_refuse(fields, name, EVSE_RPC_PropertyConstraintViolation);
    }
    if (number < 0) {
        return -1;
    }
    number /= 10000;
    return number < EVSE_RATE_TENTHS_MAX ? (int32_t)number : EVSE_RATE_TENTHS_MAX;
}

static void read_period(evse_fields_t *fields, evse_smart_wish_t *wish)
{
    static const evse_range_t phases = {1, 3};
    evse_profile_t *profile = &wish->profile;
    int32_t start_s = 0, phase_count = 0;
    (void)evse_fields_int(fields, "startPeriod", true, &evse_any_integer, &start_s);
    int32_t tenths = read_tenths(fields, "limit", true);
    (void)evse_fields_int(fields, "numberPhases", false, &phases, &phase_count);
    bool fits = start_s >= 0 && (uint32_t)start_s <= EVSE_PERIOD_START_MAX_S && tenths >= 0 &&
                profile->period_count < CONFIG_EVSE_CHARGING_PERIODS_MAX;
    wish->sound = wish->sound && fits;
    if (fits) {
        profile->period[profile->period_count++] = (evse_period_t){
            .start_s = (uint32_t)start_s, .tenths = tenths, .phases = (uint8_t)phase_count};
    }
}

static void read_periods(evse_fields_t *fields, evse_smart_wish_t *wish)
{
    static const char name[] = "chargingSchedulePeriod";
    hf_json_walk_t walk = {.position = 0u};
    if (evse_fields_find(fields, name, true, HF_JSON_ARRAY, &walk.container) &&
        hf_json_count(walk.container) == 0u) {
        evse_fields_refuse(fields, name, EVSE_RPC_OccurenceConstraintViolation);
    }
    while (fields->error == EVSE_RPC_NO_ERROR && hf_json_next(&walk)) {
        evse_fields_t period = evse_fields_in(fields, walk.value);
        if (walk.value.type != HF_JSON_OBJECT) {
            evse_fields_refuse(fields, name, EVSE_RPC_TypeConstraintViolation);
            return;
        }
        read_period(&period, wish);
        fields->error = period.error;
    }
}

static void read_schedule(evse_fields_t *fields, evse_smart_wish_t *wish)
{
    evse_profile_t *profile = &wish->profile;
    unsigned unit = 0u;
    int32_t duration_s = 0;
    bool bounded = evse_fields_int(fields, "duration", false, &evse_any_count, &duration_s);
    profile->duration_s = bounded ? (uint32_t)duration_s : EVSE_DURATION_NONE;
    profile->start_ms = read_time(fields, "startSchedule");
    (void)evse_fields_choice(fields, "chargingRateUnit", true, evse_smart_units, &unit);
    profile->unit = (uint8_t)unit;
    (void)read_tenths(fields, "minChargingRate", false); // for a vehicle whose own minimum is known
    read_periods(fields, wish);
}

// One kind for both members. recurrencyKind without Recurring means nothing (errata 3.56).
static bool read_kind(evse_fields_t *fields, uint8_t *out)
{
    static const char *const kinds[] = {"Absolute", "Recurring", "Relative", NULL};
    static const char *const recurrences[] = {"Daily", "Weekly", NULL};
    unsigned kind = 0u, recurrence = 0u;
    (void)evse_fields_choice(fields, "chargingProfileKind", true, kinds, &kind);
    bool recurs = evse_fields_choice(fields, "recurrencyKind", false, recurrences, &recurrence);
    *out = kind == 0u   ? EVSE_KIND_ABSOLUTE
           : kind == 2u ? EVSE_KIND_RELATIVE
                        : (uint8_t)(EVSE_KIND_DAILY + recurrence);
    return kind != 1u || recurs;
}

// "If absent the schedule will be relative to start of charging" (7.13). The station has no such start: its limit begins
// with its arrival. A relative schedule has no start of its own.
static void place(evse_ocpp_t *ocpp, evse_profile_t *profile)
{
    if (profile->kind == EVSE_KIND_ABSOLUTE && profile->start_ms == 0u) {
        bool station = profile->purpose == EVSE_PURPOSE_STATION;
        profile->kind = station ? EVSE_KIND_ABSOLUTE : EVSE_KIND_RELATIVE;
        profile->start_ms = station ? evse_ocpp_utc_ms(ocpp, ocpp->now_us) : 0u;
    } else if (profile->kind == EVSE_KIND_RELATIVE) {
        profile->start_ms = 0u;
    }
}

evse_rpc_error_t evse_smart_read(evse_ocpp_t *ocpp, hf_json_t object, unsigned connector,
                                 evse_smart_wish_t *wish)
{
    evse_fields_t fields = evse_fields_of(ocpp, object);
    evse_profile_t *profile = &wish->profile;
    int32_t id = 0, level = 0;
    unsigned purpose = 0u;
    *wish = (evse_smart_wish_t){.sound = true};
    (void)evse_fields_int(&fields, "chargingProfileId", true, &evse_any_integer, &id);
    wish->names_transaction =
        evse_fields_int(&fields, "transactionId", false, &evse_any_integer, &wish->transaction_id);
    (void)evse_fields_int(&fields, "stackLevel", true, &evse_any_count, &level);
    (void)evse_fields_choice(&fields, "chargingProfilePurpose", true, evse_smart_purposes,
                             &purpose);
    wish->sound = read_kind(&fields, &profile->kind);
    profile->valid_from_ms = read_time(&fields, "validFrom");
    profile->valid_to_ms = read_time(&fields, "validTo");
    hf_json_t object_inside;
    (void)evse_fields_find(&fields, "chargingSchedule", true, HF_JSON_OBJECT, &object_inside);
    evse_fields_t schedule = evse_fields_in(&fields, object_inside);
    read_schedule(&schedule, wish);
    profile->id = id;
    profile->purpose = (uint8_t)(EVSE_PURPOSE_STATION + purpose);
    profile->connector = (uint8_t)connector;
    profile->stack_level = (uint8_t)(level <= EVSE_STACK_LEVEL_MAX ? level : UINT8_MAX);
    place(ocpp, profile);
    wish->sound = wish->sound && evse_profile_is_sound(profile);
    return schedule.error;
}
