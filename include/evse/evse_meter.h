// SPDX-License-Identifier: MIT
// The energy meter seam and its first back end: the integral of the module's terminal frames. The register is lifelong,
// in mJ, never decreases. V x I of a module may not bill where billing law asks for a certified meter: docs/DESIGN.md.
#ifndef EVSE_METER_H
#define EVSE_METER_H

#include "evse/evse_module.h"

typedef struct evse_meter_ops {
    /// Energy since the last call in mJ (0 or more), stored in `delta_mJ`; HF_E_AGAIN nothing new, HF_E_TIMEOUT stale.
    /// Called every tick. Never blocks.
    int (*advance)(void *ctx, uint64_t now_us, uint64_t *delta_mJ);
} evse_meter_ops_t;

typedef struct evse_meter {
    const evse_meter_ops_t *ops;
    void *ctx;
} evse_meter_t;

/// Integrates terminal voltage x current (trapezium between frames). A gap over 1 s contributes nothing and is counted.
typedef struct evse_meter_terminal {
    const evse_module_t *module;
    uint64_t last_stamp_us;
    int64_t last_mW;
    uint64_t remainder_nJ; // below 1 mJ, carried
    uint32_t gaps, refused;
} evse_meter_terminal_t;

void evse_meter_terminal_init(evse_meter_terminal_t *terminal, const evse_module_t *module);
extern const evse_meter_ops_t evse_meter_terminal_ops; // ctx: evse_meter_terminal_t

#endif
