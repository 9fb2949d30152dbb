// SPDX-License-Identifier: MIT
// One control and one simulated outlet in stepped time, with a judge at the seams and one harm: what is broken, from
// which seam call of which tick on, for how long. Everything is in the struct, at one address: a copy of it is a state to
// come back to. Invariant: the same calls with the same random numbers do the same.
#ifndef SINGLE_FAULT_TRIAL_H
#define SINGLE_FAULT_TRIAL_H

#include "evse/evse_control.h"
#include "judge.h"
#include "sim/sim.h"

typedef enum trial_option_index {
    TRIAL_PLAIN,
    TRIAL_TWO_BUSES,
    TRIAL_TWO_UNITS,
    TRIAL_FOUR_UNITS_TWO_BUSES,
    TRIAL_PRECHARGE,
    TRIAL_COMMISSIONING,
    TRIAL_OPTION_COUNT
} trial_option_index_t;
const char *trial_option_text(unsigned option);

// X(name, text). What can be broken besides what the simulated outlet has in store.
#define HARM_TABLE(X)                                                                              \
    X(NONE, "none")                                                                                \
    X(SIM, "sim")                                                                                  \
    X(INPUT_LOW, "input-low")                                                                      \
    X(INPUT_HIGH, "input-high")                                                                    \
    X(INPUT_STALE, "input-stale")                                                                  \
    X(SAMPLE_REFUSED, "sample-refused")                                                            \
    X(DRIVE_REFUSED, "drive-refused")                                                              \
    X(SEND_REFUSED, "send-refused")                                                                \
    X(SEND_FLAKY, "send-flaky")                                                                    \
    X(SEND_OFF, "send-says-bus-off")                                                               \
    X(RECEIVE_FAILS, "receive-fails")                                                              \
    X(DRIVER_OFF, "driver-bus-off")                                                                \
    X(CORRUPT, "frames-corrupt")                                                                   \
    X(DUPLICATE, "frames-twice")                                                                   \
    X(REORDER, "frames-reordered")                                                                 \
    X(DELAY, "frames-delayed")                                                                     \
    X(DROP, "frames-dropped")                                                                      \
    X(SHORT, "frames-short")                                                                       \
    X(STANDARD, "frames-standard")                                                                 \
    X(MUMBLE, "bms-without-requests")                                                              \
    X(CROSSED, "bms-on-module-bus")                                                                \
    X(ORDER_EXPIRED, "order-expired")                                                              \
    X(ORDER_HUNG, "orders-hang")                                                                   \
    X(ORDER_LIMIT, "order-limit")                                                                  \
    X(ORDER_GARBAGE, "order-garbage")                                                              \
    X(ORDER_OTHER, "order-other-session")                                                          \
    X(ORDER_OLD, "order-stopped-session")                                                          \
    X(ORDER_NONE, "order-none")                                                                    \
    X(ORDER_SUSPEND, "order-suspend")                                                              \
    X(UNLOCK, "unlock")                                                                            \
    X(JOURNAL_FAILED, "journal-failed")                                                            \
    X(INOPERATIVE, "inoperative")                                                                  \
    X(EVENTS_FULL, "events-full")                                                                  \
    X(COMMS_AWAY, "comms-away")                                                                    \
    X(STALL, "ticks-missing")                                                                      \
    X(LEAP, "clock-leaps")                                                                         \
    X(EXTRA_TICK, "tick-at-once")                                                                  \
    X(TRIP, "trip")                                                                                \
    X(KILL, "kill")                                                                                \
    X(UNPLUG, "unplug")                                                                            \
    X(STOP_BUTTON, "stop-button")                                                                  \
    X(RESET_HELD, "reset-held")

typedef enum harm_kind {
#define HARM_ENUM(name, text) HARM_##name,
    HARM_TABLE(HARM_ENUM)
#undef HARM_ENUM
        HARM_KIND_COUNT
} harm_kind_t;

// Where in a tick a harm begins.
#define SEAM_TABLE(X)                                                                              \
    X(BETWEEN, "between two ticks")                                                                \
    X(POLL, "poll")                                                                                \
    X(RECEIVE, "receive")                                                                          \
    X(SAMPLE, "sample")                                                                            \
    X(SEND, "send")                                                                                \
    X(DRIVE, "drive")                                                                              \
    X(RECOVER, "recover")

typedef enum seam {
#define SEAM_ENUM(name, text) SEAM_##name,
    SEAM_TABLE(SEAM_ENUM)
#undef SEAM_ENUM
        SEAM_COUNT
} seam_t;
const char *seam_text(unsigned seam);

typedef struct harm {
    harm_kind_t kind;
    uint32_t which;  // bit of the outlet's fault, input, or bus
    uint32_t amount; // any number: how long, how much, which variant
} harm_t;

/// Every harm there is, in a fixed order; false past the last. `which` is filled in.
bool harm_at(unsigned index, harm_t *harm);
/// "sim bms-silent", "input-low plug".
void harm_text(const harm_t *harm, char *text, size_t bytes);

#define TRIAL_QUEUE 128u

typedef struct trial {
    unsigned option;
    evse_limits_t limits;
    evse_mailbox_t mailbox;
    evse_control_t control;
    evse_orders_t orders;
    sim_outlet_t outlet;
    evse_can_inbox_t inbox[SIM_BUS_COUNT];
    judge_t judge;
    evse_snapshot_t snapshot; // after the last tick
    uint64_t now_us;          // of the world
    uint64_t leap_us;         // control's clock is ahead by so much
    uint64_t random;
    uint32_t next_session, old_session;
    // harm
    harm_t harm;
    bool is_harmed;
    int moment;        // seam calls from now at which the harm begins; 0 or less: none is due
    seam_t begun;      // where it began
    uint64_t begun_us; // when; 0: it has not
    bool was_charging; // power flowed then
    bool is_driver_off;
    // frames on their way from the outlet to the drivers
    struct trial_frame {
        evse_can_frame_t frame;
        sim_bus_t bus;
        uint64_t due_us;
    } queue[TRIAL_QUEUE];
    unsigned queued;
    // what the journal would hold
    bool is_latch_kept, is_weld_kept, is_proof_kept;
    unsigned recoveries, ticks;
    unsigned energized; // events ENERGIZED
    uint64_t hash;      // of everything control did
    bool is_traced;
    char shown[160];
} trial_t;

void trial_init(trial_t *trial, unsigned option, uint64_t random);
uint32_t trial_random(trial_t *trial, uint32_t below);
void trial_tick(trial_t *trial);
void trial_tick_after(trial_t *trial, uint64_t passed_us);
void trial_run_ms(trial_t *trial, uint64_t ms);
/// The harm begins at the seam call that is number `moment` from now (0: before the next tick).
void trial_harm(trial_t *trial, const harm_t *harm, int moment);
void trial_heal(trial_t *trial);
/// A frame somebody else sends on a bus now; of a bus that is not there: on the only one.
void trial_inject(trial_t *trial, sim_bus_t bus, const evse_can_frame_t *frame);
void trial_order(trial_t *trial, evse_session_order_t session, uint32_t id);
/// A new session id in the orders.
void trial_new_session(trial_t *trial);
void trial_kill(trial_t *trial, uint64_t away_ms);

#endif
