// SPDX-License-Identifier: MIT
// The meter that integrates terminal frames: trapezium between two of them, in integers. Invariants: the remainder below
// 1 mJ is carried, never lost; energy never counts backwards; a gap over 1 s contributes nothing.
#include "evse/evse_meter.h"

#include "evse/evse_timing.h"

#include <string.h>

#define nJ_PER_mJ 1000000u
#define uW_PER_mW 1000

void evse_meter_terminal_init(evse_meter_terminal_t *terminal, const evse_module_t *module)
{
    memset(terminal, 0, sizeof *terminal);
    terminal->module = module;
}

// What flows back is not sold: it counts as zero.
static int64_t power_mW(evse_meter_terminal_t *terminal)
{
    const evse_module_t *module = terminal->module;
    int64_t mW = (int64_t)module->terminal_mV.value * module->terminal_mA.value / uW_PER_mW;
    if (mW < 0) {
        terminal->refused++;
        return 0;
    }
    return mW;
}

// Energy that the time between two frames brought, in mJ.
static uint64_t integrate(evse_meter_terminal_t *terminal, int64_t mW, uint64_t passed_us)
{
    terminal->remainder_nJ += (uint64_t)(mW + terminal->last_mW) * passed_us / 2u;
    uint64_t mJ = terminal->remainder_nJ / nJ_PER_mJ;
    terminal->remainder_nJ %= nJ_PER_mJ;
    return mJ;
}

static int terminal_advance(void *ctx, uint64_t now_us, evse_meter_count_t *count)
{
    evse_meter_terminal_t *terminal = ctx;
    evse_reading_t reading = terminal->module->terminal_mA;
    if (!evse_reading_is_fresh(reading, now_us, EVSE_US(EVSE_METER_GAP_MS))) {
        return HF_E_TIMEOUT;
    }
    if (reading.stamp_us == terminal->last_stamp_us) {
        return HF_E_AGAIN;
    }
    int64_t mW = power_mW(terminal);
    uint64_t passed_us = reading.stamp_us - terminal->last_stamp_us;
    if (terminal->last_stamp_us != 0 && passed_us <= EVSE_US(EVSE_METER_GAP_MS)) {
        count->register_mJ += integrate(terminal, mW, passed_us);
    } else if (terminal->last_stamp_us != 0) {
        terminal->gaps++;
    }
    terminal->last_stamp_us = reading.stamp_us;
    terminal->last_mW = mW;
    count->taken_us = reading.stamp_us;
    return HF_OK;
}

const evse_meter_ops_t evse_meter_terminal_ops = {.advance = terminal_advance};
