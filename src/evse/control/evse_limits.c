// SPDX-License-Identifier: MIT
// Vehicle profiles: the limits of the safety policy, per vehicle, by name, and the check every set of limits must pass.
// A bigger constant is never the answer to a trip: another vehicle gets another profile.
#include "evse/evse_safety.h"
#include "evse/evse_timing.h"

#include <string.h>

static const evse_limits_t vehicles[] = {
    {
        .vehicle = "nx100", // 23 LFP cells: 73.6 V nominal, full at 84.5 V
        .min_mV = 56000,
        .max_mV = 84500,
        .overvoltage_mV = 85500,
        .max_mA = 100000,
        .overcurrent_margin_mA = 2000,
        .derate_dC = 600,
        .trip_dC = 700,
        .bms_age_ms = 3000,
        .reading_age_ms = 1000,
        .temperature_age_ms = 3000,
        .bms = "elcon",
        .stop_open_ms = EVSE_STOP_OPEN_MS,
        .stop_confirm_ms = EVSE_STOP_CONFIRM_MS,
    },
    {
        .vehicle = "generic48", // 16 LFP cells: 51.2 V nominal, full at 58.4 V; no output diode
        .min_mV = 40000,
        .max_mV = 58400,
        .overvoltage_mV = 59500,
        .max_mA = 60000,
        .overcurrent_margin_mA = 2000,
        .derate_dC = 600,
        .trip_dC = 700,
        .bms_age_ms = 3000,
        .reading_age_ms = 1000,
        .temperature_age_ms = 3000,
        .bms = "elcon",
        .stop_open_ms = EVSE_STOP_OPEN_MS,
        .stop_confirm_ms = EVSE_STOP_CONFIRM_MS,
        .precharge_mV = 2000,
        .sensor = EVSE_SENSOR_BEHIND_CONTACTOR,
    },
};

const evse_limits_t *evse_limits_at(size_t index)
{
    return index < HF_COUNT_OF(vehicles) ? &vehicles[index] : NULL;
}

const evse_limits_t *evse_limits_find(const char *vehicle)
{
    for (size_t i = 0; vehicle != NULL && i < HF_COUNT_OF(vehicles); i++) {
        if (strcmp(vehicles[i].vehicle, vehicle) == 0) {
            return &vehicles[i];
        }
    }
    return NULL;
}

static bool is_within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

int evse_limits_check(const evse_limits_t *limits)
{
    if (limits == NULL) {
        return HF_E_ARGUMENT;
    }
    bool good = limits->min_mV > 0 && limits->min_mV < limits->max_mV &&
                limits->max_mV <= limits->overvoltage_mV &&
                limits->overvoltage_mV <= EVSE_TERMINAL_MAX_MV;
    good = good && is_within(limits->max_mA, 1, EVSE_TERMINAL_MAX_MA);
    good = good && is_within(limits->overcurrent_margin_mA, EVSE_OVERCURRENT_MARGIN_MIN_MA,
                             EVSE_OVERCURRENT_MARGIN_MAX_MA);
    good = good && is_within(limits->trip_dC, 1,
                             EVSE_TEMPERATURE_MAX_DC - 1); // below what the sensor can tell
    good = good && is_within(limits->derate_dC, 0, (int64_t)limits->trip_dC - 1);
    good =
        good && is_within(limits->bms_age_ms, 1, EVSE_BMS_AGE_MAX_MS); // the family's rule [SAF-03]
    good = good && is_within(limits->reading_age_ms, 1, EVSE_READING_AGE_MAX_MS);
    good = good && is_within(limits->temperature_age_ms, 1, EVSE_TEMPERATURE_AGE_MAX_MS);
    good = good && is_within(limits->stop_open_ms, EVSE_TICK_MS, EVSE_STOP_OPEN_MAX_MS);
    good =
        good && is_within(limits->stop_confirm_ms, limits->stop_open_ms, EVSE_STOP_CONFIRM_MAX_MS);
    good = good && is_within(limits->precharge_mV, 0, EVSE_PRECHARGE_MAX_MV);
    good = good && is_within(limits->sensor, EVSE_SENSOR_UNSTATED, EVSE_SENSOR_BEHIND_CONTACTOR);
    good = good && (limits->precharge_mV == 0 || limits->sensor == EVSE_SENSOR_BEHIND_CONTACTOR);
    return good ? HF_OK : HF_E_RANGE;
}
