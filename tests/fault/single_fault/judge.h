// SPDX-License-Identifier: MIT
// The judge of a trial: what must hold in every tick, written down a second time. It sees only what crosses the seams of
// control (frames, inputs, orders, trips) and what the simulated outlet really does, decodes frames by itself, and never
// asks evse_safety.c. Invariant: it is not stricter than docs/SAFETY.md, so whatever it reports is a broken rule.
#ifndef SINGLE_FAULT_JUDGE_H
#define SINGLE_FAULT_JUDGE_H

#include "evse/evse_safety.h"
#include "sim/sim.h"

#define JUDGE_SESSIONS 16u

typedef enum judge_why {
    JUDGE_PERMITTED,
    JUDGE_LATCHED,
    JUDGE_BUS_OFF,
    JUDGE_UNPLUGGED, // up to here: the contactor has to open in the same tick
    JUDGE_WELDED,
    JUDGE_INPUTS,
    JUDGE_UNLOCKED,
    JUDGE_ORDER,
    JUDGE_SESSION_OVER,
    JUDGE_FAULT_SHOWN,
    JUDGE_METER,
    JUDGE_MODULE,
    JUDGE_TEMPERATURE,
    JUDGE_BMS,
    JUDGE_OVERVOLTAGE,
    JUDGE_OVERCURRENT,
    JUDGE_WHY_COUNT
} judge_why_t;
const char *judge_why_text(judge_why_t why);

typedef struct judge_config {
    const evse_limits_t *limits;
    const evse_module_profile_t *profile;
    uint32_t units;
    bool two_buses;
    bool is_physical; // its profile has to be commissioned first
} judge_config_t;

typedef struct judge_unit { // what a module was told last, and said last
    evse_reading_t dC_x1024, mV;
    bool is_known, is_on; // of the switch
    uint32_t mA_counts, mV_counts;
    uint64_t off_us;   // last OFF that was handed to the driver, refused or not
    uint32_t off_here; // those of this tick
} judge_unit_t;

typedef struct judge {
    judge_config_t config;
    uint64_t now_us;      // control's clock
    uint64_t truth_us;    // the outlet's
    uint64_t last_now_us; // of the tick before
    uint32_t ticks;       // since the last boot
    // what control was given
    evse_reading_t mV, mA, status, heartbeat;
    judge_unit_t unit[CONFIG_EVSE_MODULES_MAX];
    uint64_t bms_us, bms_truth_us;
    int32_t bms_mV, bms_mA;
    bool bms_allows;
    bool level[EVSE_INPUT_COUNT];
    uint64_t level_us[EVSE_INPUT_COUNT];
    bool is_bus_off;
    evse_connector_order_t order;
    // latches
    bool is_latched, is_welded, is_latch_young; // young: set since this tick's inputs
    bool is_reset_armed, is_reset_held;
    uint64_t reset_since_us, reset_seen_us;
    uint64_t weld_since_us;
    // what control did
    bool has_sent; // anything since boot
    bool is_driven_now,
        is_refused;    // in this tick: outputs commanded, a control frame refused by the driver
    uint64_t asked_us; // the last question to a module
    uint64_t muted_us, unmuted_us; // how long none was asked, and until when
    bool is_held;                  // the contactor, by the last drive
    uint64_t held_without_us, stopping_us;
    uint64_t forbidden_truth_us; // since then without any permission; 0: permitted
    bool is_forbidden_at_once;   // by one of those that open the contactor in the same tick
    uint64_t refused_us;         // when a driver refused a control frame last
    uint64_t total_us;           // the ramp: when Σ of the currents was judged last
    uint64_t total_counts;
    int64_t most_mA[2]; // highest sum commanded in this second and in the one before
    uint64_t most_us;
    uint32_t live_count;
    // what control told
    uint64_t register_mJ, truth_start_mJ, register_start_mJ;
    evse_fault_t fault;
    uint32_t phase;
    uint32_t over[JUDGE_SESSIONS]; // sessions told STOPPED, or of an earlier boot
    uint32_t over_count;
    struct judge_told {
        uint32_t id, energized, stopped;
        bool is_charged; // its power was on
    } told[JUDGE_SESSIONS];
    uint32_t told_count;
    bool is_latch_told, is_weld_told, is_proven; // of the profile: COMMISSIONED was told
    // what this trial's harm does to the invariants
    bool is_contactor_harmed; // its way to open is not the usual one
    bool is_precharge_harmed; // the voltages it compares are not what is there
    bool is_crowded;          // many harms at once: the outlet itself may do anything
    // the first broken rule
    bool is_broken;
    char text[200];
} judge_t;

void judge_init(judge_t *judge, const judge_config_t *config, uint64_t truth_mJ,
                uint64_t register_mJ);
/// Control was started anew, with these latches from the journal: it knows nothing, the modules go on as they are.
void judge_boot(judge_t *judge, bool latched, bool welded);
void judge_begin(judge_t *judge, uint64_t now_us, uint64_t truth_us,
                 const evse_connector_order_t *order);
void judge_poll(judge_t *judge, evse_can_state_t state);
void judge_frame(judge_t *judge, bool is_bms_bus, const evse_can_frame_t *frame);
/// The levels as control keeps them now.
void judge_sample(judge_t *judge, const evse_io_inputs_t *inputs);
void judge_trip(judge_t *judge);
/// Before the driver looks at it; then what came of it.
void judge_send(judge_t *judge, bool is_bms_bus, const evse_can_frame_t *frame);
void judge_sent(judge_t *judge, const evse_can_frame_t *frame, int status);
void judge_drive(judge_t *judge, const evse_io_drive_t *drive);
void judge_recover(judge_t *judge);
void judge_event(judge_t *judge, const evse_event_t *event);
void judge_end(judge_t *judge, const evse_snapshot_t *snapshot, const sim_outlet_t *outlet);
/// After the orders were gone for some seconds and every event was taken.
void judge_finish(judge_t *judge);
/// Why there may be no power now; JUDGE_PERMITTED.
judge_why_t judge_why(const judge_t *judge);
/// Notes the first rule that was broken, as text.
void judge_break(judge_t *judge, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
