// SPDX-License-Identifier: MIT
// Commissioning [SAF-15]. Goals: a profile's scaling is proven by a second meter before more than a little current flows,
// and it is known that the modules stop by themselves when nobody speaks. Assumptions: the terminals' meter is not scaled
// by the profile; the modules' own time-out covers both request ids. Invariants: everything that takes power away ends
// the silence in the same tick, since the silence is only kept while all is permitted and unchanged; what was proven in
// part is proven again from the beginning; no way leads past COMPARING to more current.
#include "evse/evse_commission.h"

#include "evse/evse_timing.h"
#include "holdfast/hf_clock.h"

#define PERMILLE 1000

const char *evse_commission_state_text(unsigned state)
{
    static const char *const texts[] = {
#define EVSE_COMMISSION_STATE_TEXT(name, text) text,
        EVSE_COMMISSION_STATE_TABLE(EVSE_COMMISSION_STATE_TEXT)
#undef EVSE_COMMISSION_STATE_TEXT
    };
    return state < HF_COUNT_OF(texts) ? texts[state] : "unknown";
}

static void enter(evse_commission_t *commission, evse_commission_state_t state, uint64_t now_us)
{
    commission->state = state;
    commission->since_us = now_us;
}

void evse_commission_want(evse_commission_t *commission)
{
    commission->state = EVSE_COMMISSION_WAITING;
}

int32_t evse_commission_limit_mA(const evse_commission_t *commission)
{
    switch (commission->state) {
    case EVSE_COMMISSION_NONE:
        return INT32_MAX;
    case EVSE_COMMISSION_RESTARTING:
    case EVSE_COMMISSION_FAILED:
        return 0;
    default:
        return EVSE_COMMISSIONING_MA;
    }
}

uint32_t evse_commission_apart_permille(int32_t a, int32_t b, int32_t least)
{
    int64_t larger = a > b ? a : b, smaller = a > b ? b : a;
    if (smaller < least || smaller <= 0) {
        return UINT32_MAX;
    }
    int64_t permille = ((larger - smaller) * PERMILLE + larger - 1) / larger;
    return (uint32_t)permille;
}

static bool is_fresh(evse_reading_t reading, uint32_t age_ms, uint64_t now_us)
{
    return evse_reading_is_fresh(reading, now_us, EVSE_US(age_ms));
}

// Of both quantities. Where nothing flows, nothing is proven.
static uint32_t apart_permille(const evse_module_t *module, uint64_t now_us)
{
    if (!is_fresh(module->terminal_mV, EVSE_INNER_AGE_MS, now_us) ||
        !is_fresh(module->terminal_mA, EVSE_INNER_AGE_MS, now_us) ||
        !is_fresh(module->module_mV, EVSE_INNER_AGE_MS, now_us) ||
        !is_fresh(module->module_mA, EVSE_INNER_AGE_MS, now_us)) {
        return UINT32_MAX;
    }
    uint32_t mA = evse_commission_apart_permille(module->terminal_mA.value, module->module_mA.value,
                                                 EVSE_DRAW_MA);
    uint32_t mV = evse_commission_apart_permille(module->terminal_mV.value, module->module_mV.value,
                                                 EVSE_DRAW_MA);
    return mA > mV ? mA : mV;
}

static void compare(evse_commission_t *commission, const evse_module_t *module, uint64_t now_us)
{
    uint32_t apart = apart_permille(module, now_us);
    if (apart > EVSE_COMMISSIONING_AGREE_PERMILLE) {
        commission->since_us = now_us;
        commission->agree_permille = 0;
        return;
    }
    if (apart > commission->agree_permille) {
        commission->agree_permille = apart;
    }
    if (now_us - commission->since_us >= EVSE_US(EVSE_COMMISSIONING_AGREE_MS)) {
        enter(commission, EVSE_COMMISSION_ANNOUNCED, now_us);
    }
}

// A battery that is nearly full lets the current fall too: where the module tells its state, it has to say OFF.
static bool is_output_dead(const evse_module_t *module, uint64_t now_us)
{
    bool charging = is_fresh(module->terminal_status, EVSE_CURRENT_AGE_MS, now_us) &&
                    module->terminal_status.value > 0;
    return is_fresh(module->terminal_mA, EVSE_CURRENT_AGE_MS, now_us) && !charging &&
           module->terminal_mA.value < EVSE_NO_LOAD_MA &&
           module->terminal_mA.value > -EVSE_NO_LOAD_MA;
}

static evse_commission_result_t listen(evse_commission_t *commission, const evse_module_t *module,
                                       uint64_t now_us)
{
    uint64_t passed_us = now_us - commission->since_us;
    if (is_output_dead(module, now_us)) {
        commission->timeout_ms = (uint32_t)(passed_us / HF_US_PER_MS);
        enter(commission, EVSE_COMMISSION_RESTARTING, now_us);
        return EVSE_COMMISSION_PROVEN;
    }
    if (passed_us > EVSE_US(EVSE_COMMISSIONING_SILENCE_MS)) {
        enter(commission, EVSE_COMMISSION_FAILED, now_us);
        return EVSE_COMMISSION_REFUTED;
    }
    return EVSE_COMMISSION_NOTHING;
}

static evse_commission_result_t begin(evse_commission_t *commission,
                                      const evse_commission_inputs_t *inputs, uint64_t now_us)
{
    if (inputs->session && !evse_module_driver(inputs->module->profile)->has_terminals) {
        enter(commission, EVSE_COMMISSION_FAILED, now_us); // nothing to compare with
        return EVSE_COMMISSION_REFUTED;
    }
    if (inputs->session && inputs->on && inputs->permitted) {
        commission->agree_permille = 0;
        enter(commission, EVSE_COMMISSION_COMPARING, now_us);
    }
    return EVSE_COMMISSION_NOTHING;
}

static evse_commission_result_t prove(evse_commission_t *commission,
                                      const evse_commission_inputs_t *inputs, uint64_t now_us)
{
    bool steady = commission->state == EVSE_COMMISSION_COMPARING || !inputs->reduced;
    if (!inputs->session || !inputs->on || !inputs->permitted || !steady) {
        enter(commission, EVSE_COMMISSION_WAITING, now_us);
        return EVSE_COMMISSION_NOTHING;
    }
    if (commission->state == EVSE_COMMISSION_SILENT) {
        return listen(commission, inputs->module, now_us);
    }
    if (commission->state == EVSE_COMMISSION_COMPARING) {
        compare(commission, inputs->module, now_us);
    } else if (inputs->sent) {
        commission->state =
            EVSE_COMMISSION_SILENT; // since the tick before, when the last frame left
    } else {
        commission->since_us = now_us;
    }
    return EVSE_COMMISSION_NOTHING;
}

evse_commission_result_t evse_commission_step(evse_commission_t *commission,
                                              const evse_commission_inputs_t *inputs,
                                              uint64_t now_us)
{
    switch (commission->state) {
    case EVSE_COMMISSION_WAITING:
        return begin(commission, inputs, now_us);
    case EVSE_COMMISSION_COMPARING:
    case EVSE_COMMISSION_ANNOUNCED:
    case EVSE_COMMISSION_SILENT:
        return prove(commission, inputs, now_us);
    case EVSE_COMMISSION_RESTARTING:
        if (inputs->off) {
            enter(commission, EVSE_COMMISSION_NONE, now_us);
        }
        break;
    case EVSE_COMMISSION_FAILED: // again from the beginning in the next session
        if (!inputs->session) {
            enter(commission, EVSE_COMMISSION_WAITING, now_us);
        }
        break;
    case EVSE_COMMISSION_NONE:
    case EVSE_COMMISSION_STATE_COUNT:
    default:
        break;
    }
    return EVSE_COMMISSION_NOTHING;
}
