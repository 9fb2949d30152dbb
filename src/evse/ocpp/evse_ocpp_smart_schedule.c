// SPDX-License-Identifier: MIT
// GetCompositeSchedule: what profiles and the station's own limit will permit, from now on. Of a connector: the least of
// its own profiles, the station's limit, the site's and its rating, whether or not others share it. Of the station: the
// connectors' sum, and no more than the limits of all. Nothing is ever unlimited: where no profile says anything the rating
// is the truth. Invariants: at least one period, the first at 0, ascending, no two alike in a row; startSchedule is left out
// (errata 3.57); what does not fit is cut off and `duration` with it.
#include "evse_ocpp_smart.h"

#define PERIOD_JSON_BYTES 64u // {"startPeriod":2147483647,"limit":214748364.7,"numberPhases":3},
#define OTHER_JSON_BYTES  512u
#define PERIODS_MAX       ((CONFIG_EVSE_OCPP_SEND_BYTES - OTHER_JSON_BYTES) / PERIOD_JSON_BYTES)
#define LOOKS_MAX         (2u * PERIODS_MAX) // changes that change nothing are looked at as well
#define MS_PER_S          1000u

typedef struct schedule {
    const evse_ocpp_t *ocpp;
    unsigned connector; // as OCPP counts: 0 the station
    uint64_t
        start_ms; // UTC; told as a whole second, but what begins in that second applies already
    uint32_t duration_s;
    evse_rate_unit_t unit;
    evse_smart_limit_t site;
} schedule_t;

typedef struct stretch {
    int32_t tenths;
    uint8_t phases;
    uint64_t next_ms;
} stretch_t;

static int32_t clamped(int64_t tenths)
{
    return tenths < EVSE_RATE_TENTHS_MAX ? (int32_t)tenths : EVSE_RATE_TENTHS_MAX;
}

// Both limits in the one unit asked for, by the rated voltage.
static int32_t in_unit(evse_smart_limit_t limit, evse_rate_unit_t unit, int32_t mV)
{
    int64_t mA = limit.mA, dW = limit.dW;
    if (unit == EVSE_RATE_A) {
        int64_t powered_mA = dW == EVSE_LIMIT_NONE ? mA : dW * 100000 / mV;
        return clamped((powered_mA < mA ? powered_mA : mA) / 100);
    }
    int64_t current_dW = mA == EVSE_LIMIT_NONE ? dW : mA * mV / 100000;
    return clamped(current_dW < dW ? current_dW : dW);
}

static evse_smart_moment_t after(evse_smart_moment_t moment, uint64_t ms)
{
    moment.utc_ms += moment.utc_ms != 0u ? ms : 0u;
    moment.charging_ms += ms;
    return moment;
}

static evse_smart_moment_t moment_at(const schedule_t *schedule, unsigned connector, uint64_t ms)
{
    evse_smart_moment_t moment = evse_smart_moment(schedule->ocpp, connector);
    moment.utc_ms = schedule->start_ms;
    return after(moment, ms);
}

static void keep_least(stretch_t *stretch, int32_t tenths, uint8_t phases)
{
    if (tenths < stretch->tenths) {
        stretch->tenths = tenths;
        stretch->phases = phases;
    }
}

// `connector` from 0.
static stretch_t look_at_connector(const schedule_t *schedule, unsigned connector, uint64_t ms)
{
    const evse_ocpp_t *ocpp = schedule->ocpp;
    int32_t mV = evse_smart_rated_mV(ocpp, connector);
    evse_smart_rate_t own = evse_profiles_of_connector(&ocpp->smart.profiles, connector + 1u,
                                                       moment_at(schedule, connector, ms));
    stretch_t stretch = {.tenths = in_unit(evse_smart_rating(ocpp, connector), schedule->unit, mV),
                         .next_ms = own.next_ms};
    int32_t tenths = in_unit(own.limit, schedule->unit, mV);
    if (tenths <= stretch.tenths) {
        stretch.tenths = tenths;
        stretch.phases = own.phases;
    }
    return stretch;
}

static stretch_t look_at_all(const schedule_t *schedule, uint64_t ms)
{
    stretch_t sum = {.next_ms = UINT64_MAX};
    int64_t tenths = 0;
    for (unsigned i = 0u; i < schedule->ocpp->config.connectors; i++) {
        stretch_t each = look_at_connector(schedule, i, ms);
        tenths += each.tenths;
        sum.phases = each.phases;
        sum.next_ms = each.next_ms < sum.next_ms ? each.next_ms : sum.next_ms;
    }
    sum.tenths = clamped(tenths);
    return sum;
}

static stretch_t look(const schedule_t *schedule, uint64_t ms)
{
    const evse_ocpp_t *ocpp = schedule->ocpp;
    unsigned connector = schedule->connector == 0u ? 0u : schedule->connector - 1u;
    int32_t mV = evse_smart_rated_mV(ocpp, connector);
    stretch_t stretch = schedule->connector == 0u ? look_at_all(schedule, ms)
                                                  : look_at_connector(schedule, connector, ms);
    evse_smart_rate_t station = evse_profiles_of_station(
        &ocpp->smart.profiles, moment_at(schedule, CONFIG_EVSE_CONNECTORS_MAX, ms));
    keep_least(&stretch, in_unit(station.limit, schedule->unit, mV), station.phases);
    keep_least(&stretch, in_unit(schedule->site, schedule->unit, mV), 0u);
    stretch.next_ms = station.next_ms < stretch.next_ms ? station.next_ms : stretch.next_ms;
    return stretch;
}

static void put_period(hf_json_writer_t *json, uint32_t start_s, const stretch_t *stretch)
{
    hf_json_begin_object(json);
    hf_json_i64_field(json, "startPeriod", start_s);
    hf_json_key(json, "limit");
    hf_json_put_fixed(json, stretch->tenths, 1u);
    if (stretch->phases != 0u) {
        hf_json_i64_field(json, "numberPhases", stretch->phases);
    }
    hf_json_end_object(json);
}

// Walks from change to change; `json` NULL only measures. Returns how long what it wrote is true, in seconds.
static uint32_t walk(const schedule_t *schedule, hf_json_writer_t *json)
{
    uint64_t end_ms = (uint64_t)schedule->duration_s * MS_PER_S, at_ms = 0u;
    stretch_t last = {.tenths = -1};
    unsigned periods = 0u;
    for (unsigned looks = 0u; at_ms < end_ms || at_ms == 0u; looks++) {
        stretch_t stretch = look(schedule, at_ms);
        bool differs = stretch.tenths != last.tenths || stretch.phases != last.phases;
        if (looks == LOOKS_MAX || (differs && periods == PERIODS_MAX)) {
            return (uint32_t)(at_ms / MS_PER_S);
        }
        if (differs) {
            periods++;
            last = stretch;
            if (json != NULL) {
                put_period(json, (uint32_t)(at_ms / MS_PER_S), &stretch);
            }
        }
        // A change within a second counts from its end: starts are whole seconds, and no two are the same.
        uint64_t next_ms = stretch.next_ms > end_ms - at_ms ? end_ms - at_ms : stretch.next_ms;
        at_ms = (at_ms + next_ms + MS_PER_S - 1u) / MS_PER_S * MS_PER_S;
        if (at_ms == 0u) { // of length 0: what applies now
            break;
        }
    }
    return schedule->duration_s;
}

static void put_schedule(const schedule_t *schedule, hf_json_writer_t *reply)
{
    hf_json_begin_object(reply);
    hf_json_string_field(reply, "status", "Accepted");
    hf_json_i64_field(reply, "connectorId", schedule->connector);
    evse_put_time(reply, "scheduleStart", schedule->start_ms / MS_PER_S * MS_PER_S);
    hf_json_key(reply, "chargingSchedule");
    hf_json_begin_object(reply);
    hf_json_i64_field(reply, "duration", walk(schedule, NULL));
    hf_json_string_field(reply, "chargingRateUnit", evse_smart_units[schedule->unit]);
    hf_json_key(reply, "chargingSchedulePeriod");
    hf_json_begin_array(reply);
    (void)walk(schedule, reply);
    hf_json_end_array(reply);
    hf_json_end_object(reply);
    hf_json_end_object(reply);
}

// Not asked for: the unit of what limits now.
static evse_rate_unit_t usual_unit(const schedule_t *schedule)
{
    unsigned connector = schedule->connector == 0u ? 0u : schedule->connector - 1u;
    const evse_profiles_t *profiles = &schedule->ocpp->smart.profiles;
    evse_smart_rate_t station =
        evse_profiles_of_station(profiles, moment_at(schedule, CONFIG_EVSE_CONNECTORS_MAX, 0u));
    evse_smart_rate_t own =
        evse_profiles_of_connector(profiles, connector + 1u, moment_at(schedule, connector, 0u));
    evse_smart_limit_t least = evse_smart_least(own.limit, station.limit);
    return least.mA == EVSE_LIMIT_NONE && least.dW != EVSE_LIMIT_NONE ? EVSE_RATE_W : EVSE_RATE_A;
}

evse_rpc_error_t evse_smart_on_composite(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply)
{
    int32_t connector = 0, duration_s = 0;
    unsigned unit = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_int(&fields, "connectorId", true, &evse_any_integer, &connector);
    (void)evse_fields_int(&fields, "duration", true, &evse_any_count, &duration_s);
    bool asked = evse_fields_choice(&fields, "chargingRateUnit", false, evse_smart_units,
                                    &unit); // errata 3.24
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    if (connector < 0 || (unsigned)connector > ocpp->config.connectors || utc_ms == 0u) {
        return evse_reply_status(reply, "Rejected"); // a schedule without a beginning says nothing
    }
    schedule_t schedule = {.ocpp = ocpp,
                           .connector = (unsigned)connector,
                           .start_ms = utc_ms,
                           .duration_s = (uint32_t)duration_s,
                           .site = evse_smart_key_limit(ocpp, EVSE_KEY_OF_SiteLimit)};
    schedule.unit = asked ? (evse_rate_unit_t)unit : usual_unit(&schedule);
    put_schedule(&schedule, reply);
    return EVSE_RPC_NO_ERROR;
}
