// SPDX-License-Identifier: MIT
// How each scene is played, from boot on. See scenes.h.
#include "scenes.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[SCENE_COUNT] = {
    "boot",     "idle",      "plugged", "authorized", "locking",      "pre-charging",
    "closing",  "starting",  "ramping", "charging",   "suspended-ev", "suspended",
    "stopping", "finishing", "faulted", "silence",    "latched",      "resetting",
};

const char *scene_text(unsigned scene)
{
    return scene < SCENE_COUNT ? names[scene] : "?";
}

static bool reach(trial_t *trial, uint32_t phase, unsigned ticks)
{
    for (unsigned i = 0;
         i < ticks && trial->snapshot.connector[0].phase != phase && !trial->judge.is_broken; i++) {
        trial_tick(trial);
    }
    return trial->snapshot.connector[0].phase == phase;
}

// A first session that ends as ordered, so that there is one to come back wrongly.
static bool charge_once(trial_t *trial)
{
    trial_new_session(trial);
    if (!reach(trial, EVSE_POWER_ON, 1000)) {
        return false;
    }
    trial_run_ms(trial, 1000);
    trial->orders.connector[0].session = EVSE_ORDER_NONE;
    bool is_off = reach(trial, EVSE_POWER_OFF, 300);
    trial_run_ms(trial, 1200);
    return is_off;
}

static bool charge(trial_t *trial, uint64_t ms)
{
    trial_new_session(trial);
    bool is_on = reach(trial, EVSE_POWER_ON, 1200);
    trial_run_ms(trial, ms);
    return is_on;
}

static bool suspend_by_vehicle(trial_t *trial)
{
    bool is_on = charge(trial, 3000);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_BMS_FORBIDS, true);
    trial_run_ms(trial, 2500);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_BMS_FORBIDS, false);
    return is_on && trial->snapshot.connector[0].phase == EVSE_POWER_OFF;
}

static bool latch(trial_t *trial)
{
    bool is_on = charge(trial, 3000);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_ESTOP, true);
    trial_run_ms(trial, 1500);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_ESTOP, false);
    trial_run_ms(trial, 500);
    return is_on && trial->judge.is_latched;
}

static bool get_hot(trial_t *trial)
{
    bool is_on = charge(trial, 3000);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_HOT, true);
    trial_run_ms(trial, 4000);
    sim_outlet_set_fault(&trial->outlet, SIM_FAULT_HOT, false);
    return is_on && trial->snapshot.connector[0].fault == EVSE_FAULT_OVERTEMPERATURE;
}

static bool stop_after_charging(trial_t *trial, uint32_t phase)
{
    bool is_on = charge(trial, 4000);
    trial->orders.connector[0].session = EVSE_ORDER_NONE;
    return is_on && reach(trial, phase, 300);
}

// Little current, agreement, then nobody speaks to the modules.
static bool be_silent(trial_t *trial)
{
    const evse_commission_t *commission = &trial->control.channel[0].commission;
    bool is_on = charge(trial, 100);
    for (unsigned i = 0; is_on && i < 2500 && commission->state != EVSE_COMMISSION_SILENT; i++) {
        trial_tick(trial);
    }
    return commission->state == EVSE_COMMISSION_SILENT;
}

static bool play_session(trial_t *trial, scene_t scene)
{
    switch (scene) {
    case SCENE_LOCKING:
        trial_new_session(trial);
        return reach(trial, EVSE_POWER_LOCKING, 300);
    case SCENE_PRECHARGING:
        trial_new_session(trial);
        return reach(trial, EVSE_POWER_PRECHARGING, 300);
    case SCENE_CLOSING:
        trial_new_session(trial);
        return reach(trial, EVSE_POWER_CLOSING, 900);
    case SCENE_STARTING:
        trial_new_session(trial);
        return reach(trial, EVSE_POWER_STARTING, 900);
    case SCENE_RAMPING:
        return charge(trial, 200);
    case SCENE_CHARGING:
        return charge(trial, 5000);
    case SCENE_SUSPENDED_EV:
        return suspend_by_vehicle(trial);
    case SCENE_SUSPENDED_EVSE: {
        bool is_on = charge(trial, 3000);
        trial->orders.connector[0].session = EVSE_ORDER_SUSPEND;
        trial_run_ms(trial, 2500);
        return is_on;
    }
    case SCENE_STOPPING:
        return stop_after_charging(trial, EVSE_POWER_STOPPING);
    case SCENE_FINISHING:
        return stop_after_charging(trial, EVSE_POWER_OFF);
    case SCENE_SILENCE:
        return be_silent(trial);
    case SCENE_FAULTED:
        return get_hot(trial);
    case SCENE_RESETTING: {
        bool is_set = latch(trial);
        sim_outlet_hold_reset(&trial->outlet, true);
        trial_run_ms(trial, EVSE_LATCH_RESET_HOLD_MS / 2);
        return is_set;
    }
    default:
        return latch(trial);
    }
}

static bool play(trial_t *trial, unsigned option, scene_t scene)
{
    trial_init(trial, option, 1);
    if (scene == SCENE_BOOT) {
        return true;
    }
    trial_run_ms(trial, 500);
    if (scene == SCENE_IDLE) {
        return true;
    }
    sim_outlet_plug(&trial->outlet, true);
    trial_run_ms(trial, 2500);
    if (scene == SCENE_PLUGGED) {
        return true;
    }
    if (scene == SCENE_AUTHORIZED) {
        trial_order(trial, EVSE_ORDER_AUTHORIZED, trial->next_session++);
        trial_run_ms(trial, 100);
        return true;
    }
    return charge_once(trial) && play_session(trial, scene);
}

bool scene_take(trial_t *trial, unsigned option, scene_t scene)
{
    static trial_t *kept[TRIAL_OPTION_COUNT][SCENE_COUNT]; // NULL: not played yet
    static bool is_there[TRIAL_OPTION_COUNT][SCENE_COUNT];
    trial_t **copy = &kept[option][scene];
    if (*copy == NULL) {
        is_there[option][scene] = play(trial, option, scene) && !trial->judge.is_broken;
        *copy = malloc(sizeof *trial);
        if (*copy == NULL) {
            abort();
        }
        memcpy(*copy, trial, sizeof *trial);
    }
    memcpy(trial, *copy, sizeof *trial);
    return is_there[option][scene];
}
