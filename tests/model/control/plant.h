// SPDX-License-Identifier: MIT
// What stands around control in the search: vehicle, module, contactor, lock, order, as few values as will do, in steps of
// 100 ms. Invariant: no padding and no time in it, so that its bytes are its state.
#ifndef MODEL_CONTROL_PLANT_H
#define MODEL_CONTROL_PLANT_H

#include "evse/evse_control.h"

#define PLANT_STEP_US 100000ull

// X(name, text). One at a time.
#define PLANT_FAULT_TABLE(X)                                                                       \
    X(NONE, "no fault")                                                                            \
    X(BMS_SILENT, "BMS silent")                                                                    \
    X(BMS_FORBIDS, "BMS forbids")                                                                  \
    X(MODULE_SILENT, "module silent")                                                              \
    X(TERMINAL_SILENT, "terminals silent")                                                         \
    X(HOT, "71 degrees")                                                                           \
    X(OVERVOLTAGE, "over-voltage")                                                                 \
    X(INPUTS_SILENT, "inputs silent")                                                              \
    X(LOCK_OPEN, "lock does not close")                                                            \
    X(STUCK_OPEN, "contactor does not close")                                                      \
    X(WELDED, "contactor does not open")                                                           \
    X(BUS_OFF, "bus off")                                                                          \
    X(SEND_REFUSED, "driver refuses")                                                              \
    X(REFUSES_OFF, "module refuses OFF")                                                           \
    X(DRIVE_REFUSED, "outputs not delivered")                                                      \
    X(COMMS_AWAY, "comms away")

typedef enum plant_fault {
#define PLANT_FAULT_ENUM(name, text) PLANT_##name,
    PLANT_FAULT_TABLE(PLANT_FAULT_ENUM)
#undef PLANT_FAULT_ENUM
        PLANT_FAULT_COUNT
} plant_fault_t;

// X(name, text). What may happen before a step: nothing, or one of these.
#define PLANT_ACTION_TABLE(X)                                                                      \
    X(WAIT, "nothing")                                                                             \
    X(PLUG, "plug in or out")                                                                      \
    X(ESTOP, "E-stop pressed or released")                                                         \
    X(TRIP, "trip")                                                                                \
    X(RESET, "reset pressed or let go")                                                            \
    X(ORDER_NONE, "order: none")                                                                   \
    X(ORDER_RUN, "order: run the session there is")                                                \
    X(ORDER_NEW, "order: run a new session")                                                       \
    X(ORDER_OLD, "order: run an older session")                                                    \
    X(ORDER_SUSPEND, "order: suspend")                                                             \
    X(ORDER_EXPIRES, "the order expires")                                                          \
    X(UNLOCK, "unlock")                                                                            \
    X(KILL, "killed and started again")                                                            \
    X(FAULT, "fault begins or ends")

typedef enum plant_action {
#define PLANT_ACTION_ENUM(name, text) PLANT_DO_##name,
    PLANT_ACTION_TABLE(PLANT_ACTION_ENUM)
#undef PLANT_ACTION_ENUM
        PLANT_ACTION_COUNT
} plant_action_t;

typedef struct plant {
    uint8_t is_plugged, is_estop_open, is_reset, is_unlock_asked, fault;
    uint8_t order; // evse_session_order_t
    uint8_t is_expired;
    int8_t session; // of the order, relative to control's
    // what follows control
    uint8_t is_commanded; // the contactor, whether or not it was delivered
    uint8_t is_held, is_lock_wanted, is_closed, is_locked, is_on;
    uint8_t is_told_on; // by the last switch frame that went out
    uint16_t told_dA;
    // what control may know, in steps since
    uint8_t bms_age, terminal_age, module_age, input_age;
    uint8_t seen_plugged, seen_locked, seen_reset; // the inputs as control saw them last
    uint8_t is_input_seen, is_latched, is_reset_armed, reset_steps;
    uint8_t held_without; // steps the contactor was held without permission
} plant_t;

typedef struct world {
    evse_control_t control;
    plant_t plant;
} world_t;

/// What one step did; `broken` is a rule's text, or NULL.
typedef struct plant_step {
    const char *broken;
    bool has_sent_on, has_sent_off;
} plant_step_t;

void plant_boot(world_t *world, bool latched, uint32_t welded);
void plant_act(world_t *world, plant_action_t action, plant_fault_t fault);
/// 100 ms: the world follows control's last outputs, then control's tick. The one world of the program is `world`.
plant_step_t plant_step(world_t *world, uint64_t now_us);
bool plant_is_on(const world_t *world);

#endif
