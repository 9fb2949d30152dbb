// SPDX-License-Identifier: MIT
// Status lights. Invariants: the charging light is never off while power may be up; the fault light is never off with a
// fault, and the ready light never on with one; whoever hangs up the orders (a hung comms loop) darkens the network light.
// LightIntensity 0 darkens the ready and the network light alone.
#include "evse/evse_hmi.h"

#include "holdfast/hf_clock.h"

#define DEGRADED                                                                                   \
    (EVSE_REASON(MODULE_SILENT) | EVSE_REASON(BUS_OFF) | EVSE_REASON(IO_STALE) |                   \
     EVSE_REASON(TEMPERATURE_STALE))

// What ready and charging show in each state, with the power off or fully on.
static const struct {
    uint8_t ready, charging;
} by_state[EVSE_CONNECTOR_STATE_COUNT] = {
    [EVSE_STATE_Available] = {EVSE_PATTERN_STEADY, EVSE_PATTERN_OFF},
    [EVSE_STATE_Preparing] = {EVSE_PATTERN_SLOW, EVSE_PATTERN_OFF},
    [EVSE_STATE_Charging] = {EVSE_PATTERN_OFF, EVSE_PATTERN_STEADY},
    [EVSE_STATE_SuspendedEVSE] = {EVSE_PATTERN_OFF, EVSE_PATTERN_SLOW},
    [EVSE_STATE_SuspendedEV] = {EVSE_PATTERN_OFF, EVSE_PATTERN_SLOW},
    [EVSE_STATE_Finishing] = {EVSE_PATTERN_SLOW, EVSE_PATTERN_OFF},
    [EVSE_STATE_Reserved] = {EVSE_PATTERN_FAST, EVSE_PATTERN_OFF},
    [EVSE_STATE_Unavailable] = {EVSE_PATTERN_OFF, EVSE_PATTERN_OFF},
    [EVSE_STATE_Faulted] = {EVSE_PATTERN_OFF, EVSE_PATTERN_OFF},
};

static const uint8_t by_network[] = {
    [EVSE_NETWORK_AWAY] = EVSE_PATTERN_OFF,
    [EVSE_NETWORK_CONNECTED] = EVSE_PATTERN_SLOW,
    [EVSE_NETWORK_ACCEPTED] = EVSE_PATTERN_STEADY,
};

const char *evse_light_text(unsigned light)
{
    static const char *const names[] = {
#define LIGHT_TEXT(name, output, text) text,
        EVSE_LIGHT_TABLE(LIGHT_TEXT)
#undef LIGHT_TEXT
    };
    return light < HF_COUNT_OF(names) ? names[light] : "unknown";
}

const char *evse_pattern_text(unsigned pattern)
{
    static const char *const names[EVSE_PATTERN_COUNT] = {"off", "steady", "slow blink",
                                                          "fast blink"};
    return pattern < EVSE_PATTERN_COUNT ? names[pattern] : "unknown";
}

static bool is_faulty(const evse_hmi_view_t *view)
{
    return view->is_latched || view->fault != EVSE_FAULT_NONE || view->state == EVSE_STATE_Faulted;
}

static evse_pattern_t show_ready(const evse_hmi_view_t *view)
{
    bool dark = is_faulty(view) || view->state >= EVSE_CONNECTOR_STATE_COUNT;
    if (!dark && view->signal == EVSE_SIGNAL_ACCEPTED) {
        return EVSE_PATTERN_FAST;
    }
    dark = dark || view->is_dark || view->signal == EVSE_SIGNAL_REFUSED;
    return dark ? EVSE_PATTERN_OFF : (evse_pattern_t)by_state[view->state].ready;
}

// Power on its way up or down is shown in whatever state; so is power that a wrong state would hide.
static evse_pattern_t show_charging(const evse_hmi_view_t *view)
{
    evse_pattern_t shown = view->state < EVSE_CONNECTOR_STATE_COUNT
                               ? (evse_pattern_t)by_state[view->state].charging
                               : EVSE_PATTERN_OFF;
    if (view->phase == EVSE_POWER_ON) {
        return shown != EVSE_PATTERN_OFF ? shown : EVSE_PATTERN_STEADY;
    }
    bool waits = view->state == EVSE_STATE_Charging; // told to charge, no power yet
    return view->phase != EVSE_POWER_OFF || waits ? EVSE_PATTERN_FAST : shown;
}

static evse_pattern_t show_fault(const evse_hmi_view_t *view)
{
    if (is_faulty(view)) {
        return view->is_latched ? EVSE_PATTERN_FAST : EVSE_PATTERN_STEADY;
    }
    if (view->signal == EVSE_SIGNAL_REFUSED) {
        return EVSE_PATTERN_FAST;
    }
    return (view->reasons & DEGRADED) != 0 ? EVSE_PATTERN_SLOW : EVSE_PATTERN_OFF;
}

evse_pattern_t evse_hmi_light(const evse_hmi_view_t *view, evse_light_t light)
{
    switch (light) {
    case EVSE_LIGHT_READY:
        return show_ready(view);
    case EVSE_LIGHT_CHARGING:
        return show_charging(view);
    case EVSE_LIGHT_FAULT:
        return show_fault(view);
    case EVSE_LIGHT_NETWORK:
        return view->network < HF_COUNT_OF(by_network) && !view->is_dark
                   ? (evse_pattern_t)by_network[view->network]
                   : EVSE_PATTERN_OFF;
    case EVSE_LIGHT_COUNT:
    default:
        return EVSE_PATTERN_OFF;
    }
}

static bool is_first_half(uint64_t now_us, uint32_t half_ms)
{
    return now_us / (half_ms * HF_US_PER_MS) % 2u == 0;
}

bool evse_hmi_level(evse_pattern_t pattern, uint64_t now_us)
{
    switch (pattern) {
    case EVSE_PATTERN_STEADY:
        return true;
    case EVSE_PATTERN_SLOW:
        return is_first_half(now_us, EVSE_LIGHT_SLOW_MS);
    case EVSE_PATTERN_FAST:
        return is_first_half(now_us, EVSE_LIGHT_FAST_MS);
    case EVSE_PATTERN_OFF:
    case EVSE_PATTERN_COUNT:
    default:
        return false;
    }
}

void evse_hmi_drive(const evse_hmi_view_t *view, uint64_t now_us, evse_io_drive_t *drive)
{
    static const uint8_t outputs[EVSE_LIGHT_COUNT] = {
#define LIGHT_OUTPUT(name, output, text) output,
        EVSE_LIGHT_TABLE(LIGHT_OUTPUT)
#undef LIGHT_OUTPUT
    };
    for (unsigned i = 0; i < EVSE_LIGHT_COUNT; i++) {
        drive->level[outputs[i]] = evse_hmi_level(evse_hmi_light(view, (evse_light_t)i), now_us);
    }
}
