// SPDX-License-Identifier: MIT
// The energy meter seam, and what stands behind it here: the integral of the module's terminal frames, and the rules by
// which the register of a real meter is believed. V x I of a module may not bill where billing law asks for a certified
// meter: docs/DESIGN.md.
// Invariants: the station's register is lifelong, in mJ, and never goes back, whatever a meter says; within a session it
// grows by no more than the outlet can deliver.
#ifndef EVSE_METER_H
#define EVSE_METER_H

#include "evse/evse_measurand.h"
#include "evse/evse_module.h"

/// The station's register, handed to the meter to be moved on.
typedef struct evse_meter_count {
    uint64_t register_mJ; // in and out
    uint64_t taken_us;    // out: when that was measured
    bool session;         // in: a session is worked on
} evse_meter_count_t;

/// What is measured besides energy: value in the measurand's own decimals.
typedef struct evse_measured {
    int32_t value;
    uint8_t location; // evse_location_t
} evse_measured_t;

/// A signed reading of the register that is asked for.
typedef struct evse_meter_sign {
    bool end;             // of the transaction; else of its begin
    uint32_t transaction; // local number, the same for both
    const char *id_tag;
    uint64_t utc_ms; // 0 unknown
} evse_meter_sign_t;

typedef struct evse_meter_ops {
    /// Moves the register on. HF_OK a reading was believed, HF_E_AGAIN nothing new, HF_E_TIMEOUT silent, HF_E_RANGE its
    /// register says more than can be: the last two keep power off. Context: the control loop, every tick. Never blocks.
    int (*advance)(void *ctx, uint64_t now_us, evse_meter_count_t *count);
    /// HF_E_UNSUPPORTED it never measures this, HF_E_TIMEOUT no fresh value, HF_E_RANGE no possible one. Asked for ENERGY it
    /// fills the location alone. Context: the comms loop. Never blocks. NULL: nothing but energy.
    int (*measure)(void *ctx, evse_quantity_t quantity, uint64_t now_us, evse_measured_t *out);
    /// A signed reading: HF_E_AGAIN it is being made, a positive length: *text has it until the next call, negative: failed.
    /// Printable ASCII of at most EVSE_SIGNED_BYTES. Context: the comms loop. Never blocks. NULL: the meter does not sign.
    int (*sign)(void *ctx, const evse_meter_sign_t *request, const char **text);
} evse_meter_ops_t;

/// Most that a signed reading takes, escaped for JSON: two of them go into one StopTransaction.
#define EVSE_SIGNED_BYTES 800u

typedef struct evse_meter {
    const evse_meter_ops_t *ops;
    void *ctx;
    uint32_t
        age_ms; // a meter with a register of its own: longest between two readings; 0: it integrates terminal frames
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

/// The register of a real meter against the station's. Two readings in a row decide about what one would not be believed.
typedef struct evse_meter_counter {
    uint32_t max_W;                  // most the outlet can deliver, with what the meter may err
    uint64_t resolution_mJ;          // one step of its register
    uint64_t last_mJ, last_us;       // as last believed
    uint64_t doubted_mJ, doubted_us; // as last not believed; 0 us: none
    uint64_t seen_us;
    bool known;       // a first reading was believed
    bool standing;    // a jump was refused in this session
    uint32_t adopted; // its register became the station's
    uint32_t
        apart; // its register was taken as a new beginning, the station's went on from where it was
    uint32_t jumps;    // refused in a session
    uint32_t backs;    // it went back, or began again at 0: what it counted in between is lost
    uint32_t glitches; // one reading that the next did not bear out
} evse_meter_counter_t;

void evse_meter_counter_init(evse_meter_counter_t *counter, uint32_t max_W, uint64_t resolution_mJ);
/// Takes one reading of the meter's register. Statuses as of advance().
int evse_meter_counter_take(evse_meter_counter_t *counter, uint64_t meter_mJ, uint64_t taken_us,
                            evse_meter_count_t *count);

#endif
