// SPDX-License-Identifier: MIT
// The control tick: decode, judge, gate, meter, connector state. A plain function of now_us, every 10 ms, highest
// priority; never blocks, takes no lock, allocates nothing.
// Invariants: only the gate (private to this module) writes energizing frames and the contactor; the E-stop latch is set
// before anything else is done about a trip; OFF goes out in the tick that finds the cause.
#ifndef EVSE_CONTROL_H
#define EVSE_CONTROL_H

#include "evse/evse_can.h"
#include "evse/evse_commission.h"
#include "evse/evse_connector.h"
#include "evse/evse_meter.h"
#include "evse/evse_safety.h"
#include "evse/evse_timing.h"
#include "holdfast/hf_log.h"

#define EVSE_TICK_US (EVSE_TICK_MS * 1000u)

/// What one connector is built of; all pointers live as long as the instance.
typedef struct evse_channel_config {
    evse_can_t can; // bus of the modules, and of the BMS where it has none of its own
    evse_can_t
        bms_can; // ops NULL: the BMS is on `can`; else only what comes from here is the BMS's [SAF-03]
    const evse_module_profile_t *profile;
    uint32_t units;                // modules that share the load; 0: one
    const evse_bms_profile_t *bms; // NULL: the one the vehicle profile names
    const evse_limits_t *limits;
    const evse_meter_t *meter; // NULL: integrate the terminal frames
    uint64_t register_mJ;      // from the journal
    bool finishing;            // from the journal: a session ended here and the plug was still in
    bool physical_bus;         // real modules: the profile has to be commissioned [SAF-15]
    bool commissioned;         // from the journal: it was, with this profile and so many units
    bool commission_again;     // once more all the same, or on a virtual bus
} evse_channel_config_t;

typedef struct evse_control_config {
    evse_channel_config_t channel[CONFIG_EVSE_CONNECTORS_MAX];
    uint32_t connectors;
    evse_io_t io;
    bool estop_latched;    // from the journal
    uint32_t weld_latched; // bit per connector, from the journal
    evse_mailbox_t *mailbox;
    hf_log_t *log; // may be NULL
} evse_control_config_t;

/// A button as a level: settled for EVSE_BUTTON_DEBOUNCE_MS.
typedef struct evse_button {
    bool raw, down;
    bool up_seen; // let go and fresh before: what is down from the beginning is no press
    uint64_t since_us;
} evse_button_t;

/// One connector at work. Fields are private to src/evse/control, except to tests that include the source.
typedef struct evse_channel {
    evse_channel_config_t config;
    evse_module_t module;
    evse_bms_t bms;
    evse_meter_terminal_t terminal_meter;
    evse_meter_t meter;
    evse_io_inputs_t inputs;
    evse_io_drive_t drive;
    evse_verdict_t verdict;
    evse_commission_t commission;
    evse_connector_order_t order;
    evse_connector_state_t state;
    evse_power_phase_t phase;
    evse_fault_t fault;             // active or locked
    evse_stop_reason_t stop_reason; // of the session control has stopped
    uint64_t register_mJ;
    uint64_t meter_stamp_us; // last good advance
    uint64_t meter_taken_us; // when the meter measured what was counted last
    uint64_t phase_since_us;
    uint64_t fault_since_us; // last time the cause was there
    uint64_t draws_since_us;
    uint64_t next_switch_us;
    uint32_t session_id;
    bool stopped;     // session_id is over for control
    bool fault_left;  // the plug was out since the fault that asks for it was raised
    bool unplug_owed; // such a fault stands, or is hidden by a graver one
    bool plugged;     // debounced
    bool plug_known;
    uint64_t plug_change_us;
    bool draws;
    bool weld_latched;
    int32_t setpoint_mV, setpoint_mA; // in force
    uint32_t unlock_done;
    bool unlock_ok;
    bool unlocking;
    uint64_t unlock_since_us;
    uint32_t pending_events; // kinds that could not be queued yet, retried each tick
    evse_event_t pending[EVSE_EVENT_KINDS];
    uint32_t pending_order[EVSE_EVENT_KINDS]; // as they happened
    uint32_t pending_count;
    uint32_t can_rx, can_tx, can_errors, drives_failed;
    uint32_t ring_warnings;  // of both buses, as last told
    uint64_t ring_warned_us; // 0 never
    // session
    bool known;          // session_id is one that was worked on
    bool active;         // it is being worked on
    bool ending;         // its power is coming down, STOPPED is owed
    bool energized_once; // its power was on before
    bool finishing;
    uint64_t finishing_since_us, left_us; // left_us: the plug went out
    evse_button_t start_button, stop_button;
    uint32_t signal_seen; // of order.signal
    uint64_t signal_since_us;
    // bus-off: the session rides it out for a while
    bool riding;
    bool ride_spoiled; // by a fault that the bus does not explain
    uint32_t session_bus_offs;
    uint64_t ride_since_us;
    bool bms_expected;
    uint64_t ending_since_us;
    // power
    evse_can_bus_t module_bus, bms_bus; // bms_bus without ops where they are one
    evse_can_state_t bus;               // the worse of the two
    bool lock_wanted, contactor_wanted;
    uint64_t lock_since_us; // locked for a user who has no transaction yet; 0 not
    bool off_confirmed;     // by the module, since off_since_us
    bool off_owed;          // it was told ON before that
    bool stalled; // ticks were missing while power was up: the contactor may have dropped out
    bool meter_stale;
    uint64_t off_since_us, opened_us, rest_until_us;
    uint64_t weld_since_us, disagree_since_us;
    int32_t precharge_mV; // of the battery when pre-charging began
    bool fall_pending;    // the voltage before the contactor has to fall yet
    int32_t fall_from_mV;
    uint64_t fall_since_us;
    // gate
    bool sent_on, group_due;  // what the module was told last; the group has to go out again
    int32_t sent_mV, sent_mA; // the highest that any unit has been told
    bool pass_on;             // the group under way: ON or OFF ...
    uint8_t pass_step;        // ... and where the driver had no more room; 0: none is under way
    int32_t pass_mV, pass_mA; // the highest told in it
    int32_t reference_mA;     // the output may still carry this much
    uint64_t reference_since_us;
} evse_channel_t;

typedef struct evse_control {
    evse_channel_t channel[CONFIG_EVSE_CONNECTORS_MAX];
    uint32_t connectors;
    evse_io_t io;
    evse_mailbox_t *mailbox;
    hf_log_t *log;
    hf_atomic_u32_t
        estop_latched; // not 0: latched; counts trips, so that a reset cannot swallow one
    hf_atomic_u32_t commission_wanted; // bit per connector, until the machine has taken it
    uint32_t reset_latch;              // its value when the reset began to be held
    bool reset_held;
    bool reset_armed; // it was seen let go with every loop closed
    bool begun;       // the first tick is over
    bool estop_reported;
    uint64_t reset_since_us; // latch_reset held since
    uint64_t started_us, last_tick_us;
    evse_orders_t orders; // latest read
    uint32_t ticks, ticks_late, event_sequence;
    uint32_t alarms; // grows with every change of a fault, the latch, a bus, a ring that fills
} evse_control_t;

/// HF_E_ARGUMENT when a seam is missing, HF_E_RANGE when a limit is impossible.
HF_MUST_CHECK int evse_control_init(evse_control_t *control, const evse_control_config_t *config);
/// One tick. The first one sends OFF before anything else. [SAF-08]
void evse_control_tick(evse_control_t *control, uint64_t now_us);
/// Sets the E-stop latch. Context: task or ISR, any core. The next tick (or energizing write) acts on it. [SAF-01]
void evse_control_trip(evse_control_t *control);
/// The next session of a connector (from 0) commissions its modules' profile once more. Context: task or ISR, any core.
/// [SAF-15]
void evse_control_commission(evse_control_t *control, unsigned connector);

#endif
