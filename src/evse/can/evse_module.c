// SPDX-License-Identifier: MIT
// The modules of a connector, whatever they speak: units made one, ages, health, the telemetry schedule. Invariants: no
// floating point is used; the readings of the whole are as old as the oldest of the units' [SAF-07]; between two questions
// to one unit lies the driver's period, so that every signal of every unit is asked once in signal_count periods.
#include "evse_module_private.h"
#include "holdfast/hf_clock.h"

#include <string.h>

const evse_module_driver_t *evse_module_driver(const evse_module_profile_t *profile)
{
    return profile->driver != NULL ? profile->driver : &evse_module_huawei;
}

bool evse_reading_is_fresh(evse_reading_t reading, uint64_t now_us, uint64_t max_age_us)
{
    return reading.stamp_us != 0 && reading.stamp_us <= now_us &&
           now_us - reading.stamp_us <= max_age_us;
}

static bool is_driver_complete(const evse_module_driver_t *driver)
{
    return driver->signals != NULL && driver->signal_count != 0 && driver->encode_switch != NULL &&
           driver->encode_setpoint != NULL && driver->encode_query != NULL &&
           driver->receive != NULL;
}

static bool is_profile_possible(const evse_module_profile_t *profile)
{
    return profile->voltage_counts_per_V != 0 && profile->current_set_counts_per_kA != 0 &&
           profile->current_read_counts_per_A != 0 && profile->temperature_counts_per_C != 0 &&
           (profile->current_read_bytes == sizeof(uint16_t) ||
            profile->current_read_bytes == sizeof(uint32_t)) &&
           profile->rated_mV > 0 && profile->rated_mA > 0 &&
           profile->rated_mA <= EVSE_TERMINAL_MAX_MA;
}

int evse_module_init(evse_module_t *module, const evse_module_profile_t *profile, uint32_t units)
{
    if (module == NULL || profile == NULL || profile->name == NULL ||
        !is_driver_complete(evse_module_driver(profile))) {
        return HF_E_ARGUMENT;
    }
    if (!is_profile_possible(profile) || units == 0 || units > CONFIG_EVSE_MODULES_MAX ||
        profile->address + units - 1u > evse_module_driver(profile)->address_max) {
        return HF_E_RANGE;
    }
    memset(module, 0, sizeof *module);
    module->profile = profile;
    module->units = units;
    evse_module_restart(module, 0);
    return HF_OK;
}

int32_t evse_module_rated_mA(const evse_module_t *module)
{
    return module->profile->rated_mA * (int32_t)module->units; // at most 8 x 350 A
}

// ---- the units as one ------------------------------------------------------------------------------------------------

typedef enum fold {
    FOLD_SUM,
    FOLD_HIGHEST,
} fold_t;

static const evse_reading_t *reading_of(const evse_module_t *module, uint32_t unit, size_t offset)
{
    return (const evse_reading_t *)((const char *)&module->unit[unit] + offset);
}

static evse_reading_t fold_units(const evse_module_t *module, size_t offset, fold_t fold)
{
    evse_reading_t whole = *reading_of(module, 0, offset);
    for (uint32_t u = 1; u < module->units; u++) {
        evse_reading_t part = *reading_of(module, u, offset);
        if (fold == FOLD_SUM) {
            whole.value += part.value;
        } else if (part.value > whole.value) {
            whole.value = part.value;
        }
        whole.stamp_us = part.stamp_us < whole.stamp_us ? part.stamp_us : whole.stamp_us;
    }
    return whole;
}

static void make_one(evse_module_t *module)
{
    module->module_mV = fold_units(module, offsetof(evse_module_unit_t, mV), FOLD_HIGHEST);
    module->module_mA = fold_units(module, offsetof(evse_module_unit_t, mA), FOLD_SUM);
    module->temperature_dC =
        fold_units(module, offsetof(evse_module_unit_t, temperature_dC), FOLD_HIGHEST);
    module->switch_on = fold_units(module, offsetof(evse_module_unit_t, switch_on), FOLD_HIGHEST);
    if (!evse_module_driver(module->profile)->has_terminals) {
        module->terminal_mV = module->module_mV;
        module->terminal_mA = module->module_mA;
        module->terminal_status = module->switch_on;
    }
}

bool evse_module_receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us)
{
    int status =
        frame->extended ? evse_module_driver(module->profile)->receive(module, frame, now_us) : 0;
    if (status == 0) {
        return false;
    }
    module->rx_frames++;
    if (status < 0) {
        module->rx_refused++;
    } else {
        make_one(module);
    }
    return true;
}

evse_module_switch_t evse_module_switch_state(const evse_module_t *module, uint64_t since_us)
{
    evse_module_switch_t state = EVSE_MODULE_SWITCH_OFF;
    for (uint32_t u = 0; u < module->units; u++) {
        evse_reading_t on = module->unit[u].switch_on;
        if (on.stamp_us > since_us && on.value != 0) {
            return EVSE_MODULE_SWITCH_ON;
        }
        if (on.stamp_us <= since_us) {
            state = EVSE_MODULE_SWITCH_UNKNOWN;
        }
    }
    return state;
}

// ---- age and health --------------------------------------------------------------------------------------------------

/// How much of the time from from_us to now_us nobody asked in.
static uint64_t mute_us(const evse_module_t *module, uint64_t from_us, uint64_t now_us)
{
    if (module->mute_since_us == 0) {
        return 0;
    }
    uint64_t since_us = module->mute_since_us > from_us ? module->mute_since_us : from_us;
    uint64_t until_us = module->mute_until_us != 0 ? module->mute_until_us : now_us;
    return until_us > since_us ? until_us - since_us : 0;
}

bool evse_module_is_answer_fresh(const evse_module_t *module, evse_reading_t reading,
                                 uint64_t now_us, uint64_t max_age_us)
{
    return evse_reading_is_fresh(reading, now_us,
                                 max_age_us + mute_us(module, reading.stamp_us, now_us));
}

static bool has_every_unit_answered(const evse_module_t *module, uint64_t now_us)
{
    for (uint32_t u = 0; u < module->units; u++) {
        evse_reading_t answer = {.stamp_us = module->unit[u].answered_us};
        if (!evse_module_is_answer_fresh(module, answer, now_us, EVSE_US(EVSE_HEALTH_AGE_MS))) {
            return false;
        }
    }
    return true;
}

bool evse_module_is_healthy(const evse_module_t *module, uint64_t now_us) // [SAF-07]
{
    bool terminals = evse_module_driver(module->profile)->has_terminals;
    const evse_reading_t signs[] = {
        terminals ? module->terminal_mV : module->module_mV,
        terminals ? module->terminal_status : module->module_mA,
        terminals ? module->heartbeat : module->temperature_dC,
    };
    int seen = 0;
    for (size_t i = 0; i < HF_COUNT_OF(signs); i++) {
        seen += evse_reading_is_fresh(signs[i], now_us, EVSE_US(EVSE_HEALTH_AGE_MS));
    }
    return seen >= 2 && has_every_unit_answered(module, now_us);
}

// ---- frames to send --------------------------------------------------------------------------------------------------

evse_can_frame_t evse_module_encode_switch(const evse_module_profile_t *profile, uint32_t unit,
                                           bool on)
{
    return evse_module_driver(profile)->encode_switch(profile, unit, on);
}

unsigned evse_module_encode_setpoint(const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mV, int32_t mA,
                                     evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES])
{
    return evse_module_driver(profile)->encode_setpoint(profile, unit, mV, mA, frames);
}

evse_can_frame_t evse_module_encode_query(const evse_module_profile_t *profile, uint32_t unit,
                                          uint8_t signal)
{
    return evse_module_driver(profile)->encode_query(profile, unit, signal);
}

static bool is_listed(const evse_can_filter_t *list, uint32_t count, evse_can_filter_t filter)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].id == filter.id && list[i].mask == filter.mask) {
            return true;
        }
    }
    return false;
}

uint32_t evse_module_filters(const evse_module_profile_t *profile, uint32_t units,
                             evse_can_filter_t *list, uint32_t capacity)
{
    const evse_module_driver_t *driver = evse_module_driver(profile);
    evse_can_filter_t of_unit[EVSE_MODULE_FILTERS];
    uint32_t count = 0;
    for (uint32_t u = 0; driver->filters != NULL && u < units; u++) {
        uint32_t more = driver->filters(profile, u, of_unit);
        for (uint32_t i = 0; i < more; i++) {
            if (is_listed(list, count, of_unit[i])) {
                continue; // what has no address
            }
            if (count == capacity) {
                return 0;
            }
            list[count++] = of_unit[i];
        }
    }
    return count;
}

void evse_module_restart(evse_module_t *module, uint64_t now_us)
{
    module->telemetry_index = 0;
    module->telemetry_unit = 0;
    module->first_round = evse_module_driver(module->profile)->signal_count * module->units;
    module->next_telemetry_us = now_us;
}

void evse_module_mute(evse_module_t *module, bool mute, uint64_t now_us)
{
    if (mute == evse_module_is_mute(module)) {
        return;
    }
    if (mute) {
        module->mute_since_us = now_us;
        module->mute_until_us = 0;
    } else {
        module->mute_until_us = now_us;
        evse_module_restart(module, now_us);
    }
}

bool evse_module_is_mute(const evse_module_t *module)
{
    return module->mute_since_us != 0 && module->mute_until_us == 0;
}

static uint64_t slot_us(const evse_module_t *module)
{
    uint32_t period_ms = evse_module_driver(module->profile)->period_ms;
    if (period_ms == 0) {
        period_ms = module->first_round != 0 ? EVSE_TELEMETRY_FIRST_MS : EVSE_TELEMETRY_PERIOD_MS;
    }
    return EVSE_US(period_ms) / module->units;
}

static void advance_schedule(evse_module_t *module, uint64_t now_us)
{
    uint64_t slot = slot_us(module); // of the question just asked
    module->next_telemetry_us += slot;
    if (module->next_telemetry_us <= now_us) {
        module->next_telemetry_us = now_us + slot; // what was missed is not made up for
    }
    module->first_round -= module->first_round != 0 ? 1u : 0u;
    module->telemetry_unit++;
    if (module->telemetry_unit >= module->units) {
        module->telemetry_unit = 0;
        module->telemetry_index++;
    }
    if (module->telemetry_index >= evse_module_driver(module->profile)->signal_count) {
        module->telemetry_index = 0;
    }
}

bool evse_module_next_query(evse_module_t *module, uint64_t now_us, evse_can_frame_t *frame)
{
    if (evse_module_is_mute(module) || now_us < module->next_telemetry_us) {
        return false;
    }
    const evse_module_driver_t *driver = evse_module_driver(module->profile);
    *frame = driver->encode_query(module->profile, module->telemetry_unit,
                                  driver->signals[module->telemetry_index]);
    advance_schedule(module, now_us);
    return true;
}
