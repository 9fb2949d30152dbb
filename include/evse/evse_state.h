// SPDX-License-Identifier: MIT
// What crosses between the control tick and everything else: the snapshot and the events down, the orders up.
// Invariant: an order carries valid-until; what is stale or was never given means "no power". [SAF-10]
#ifndef EVSE_STATE_H
#define EVSE_STATE_H

#include "evse/evse_fault.h"
#include "evse/evse_module.h"
#include "holdfast/hf_queue.h"
#include "holdfast/hf_snapshot.h"

// Connector states, spelt as OCPP 1.6 spells ChargePointStatus.
#define EVSE_CONNECTOR_STATE_TABLE(X)                                                              \
    X(Available)                                                                                   \
    X(Preparing)                                                                                   \
    X(Charging)                                                                                    \
    X(SuspendedEVSE)                                                                               \
    X(SuspendedEV)                                                                                 \
    X(Finishing)                                                                                   \
    X(Reserved)                                                                                    \
    X(Unavailable)                                                                                 \
    X(Faulted)

typedef enum evse_connector_state {
#define EVSE_CONNECTOR_STATE_ENUM(name) EVSE_STATE_##name,
    EVSE_CONNECTOR_STATE_TABLE(EVSE_CONNECTOR_STATE_ENUM)
#undef EVSE_CONNECTOR_STATE_ENUM
        EVSE_CONNECTOR_STATE_COUNT
} evse_connector_state_t;
const char *evse_connector_state_text(unsigned state);

// Reasons a transaction stops, spelt as OCPP 1.6 spells Reason. Numbers are in the journal: append only.
#define EVSE_STOP_REASON_TABLE(X)                                                                  \
    X(None, 0)                                                                                     \
    X(DeAuthorized, 1)                                                                             \
    X(EmergencyStop, 2)                                                                            \
    X(EVDisconnected, 3)                                                                           \
    X(HardReset, 4)                                                                                \
    X(Local, 5)                                                                                    \
    X(Other, 6)                                                                                    \
    X(PowerLoss, 7)                                                                                \
    X(Reboot, 8)                                                                                   \
    X(Remote, 9)                                                                                   \
    X(SoftReset, 10)                                                                               \
    X(UnlockCommand, 11)

typedef enum evse_stop_reason {
#define EVSE_STOP_REASON_ENUM(name, number) EVSE_STOP_##name = number,
    EVSE_STOP_REASON_TABLE(EVSE_STOP_REASON_ENUM)
#undef EVSE_STOP_REASON_ENUM
        EVSE_STOP_REASON_COUNT
} evse_stop_reason_t;
const char *evse_stop_reason_text(unsigned reason);

// Why power is refused: bits of evse_verdict_t.reasons, in the snapshot and on the status page.
#define EVSE_REASON_TABLE(X)                                                                       \
    X(ESTOP, "emergency stop")                                                                     \
    X(NO_ORDER, "no valid order from the session")                                                 \
    X(UNPLUGGED, "no vehicle plugged")                                                             \
    X(UNLOCKED, "connector not locked")                                                            \
    X(BMS_SILENT, "BMS silent")                                                                    \
    X(BMS_FORBIDS, "BMS forbids")                                                                  \
    X(MODULE_SILENT, "power module silent")                                                        \
    X(BUS_OFF, "CAN bus off")                                                                      \
    X(OVERVOLTAGE, "over-voltage")                                                                 \
    X(UNDERVOLTAGE, "under-voltage")                                                               \
    X(OVERCURRENT, "over-current")                                                                 \
    X(OVERTEMPERATURE, "over-temperature")                                                         \
    X(TEMPERATURE_STALE, "temperature stale")                                                      \
    X(METER_STALE, "meter stale")                                                                  \
    X(IO_STALE, "inputs stale")                                                                    \
    X(FAULT_LOCK, "fault not cleared")                                                             \
    X(ZERO_LIMIT, "limit is zero")                                                                 \
    X(EVENTS_FULL, "event queue full")                                                             \
    X(CONTACTOR, "contactor does not follow")                                                      \
    X(SETPOINT, "impossible setpoint")                                                             \
    X(BATTERY, "battery absent, reversed or not this vehicle's")

typedef enum evse_reason_index {
#define EVSE_REASON_ENUM(name, text) EVSE_REASON_INDEX_##name,
    EVSE_REASON_TABLE(EVSE_REASON_ENUM)
#undef EVSE_REASON_ENUM
        EVSE_REASON_COUNT
} evse_reason_index_t;
#define EVSE_REASON(name) (1u << EVSE_REASON_INDEX_##name)
const char *evse_reason_text(unsigned index);

// ---- up: orders, the latest of which the control tick reads (level, not edge; repeated at least every second) --------

typedef enum evse_session_order {
    EVSE_ORDER_NONE,       // no session; whatever runs is to stop
    EVSE_ORDER_AUTHORIZED, // a user is authorized, no transaction yet: Preparing
    EVSE_ORDER_RUN,        // the transaction record is durable: power is permitted
    EVSE_ORDER_SUSPEND, // transaction open, no energy (not accepted but kept, limit 0): SuspendedEVSE
} evse_session_order_t;

// How far the way to the central system goes, for the network light.
typedef enum evse_network {
    EVSE_NETWORK_AWAY,
    EVSE_NETWORK_CONNECTED, // not accepted (yet)
    EVSE_NETWORK_ACCEPTED,
} evse_network_t;

typedef struct evse_connector_order {
    uint64_t valid_until_us; // after this: EVSE_ORDER_NONE
    uint32_t session;        // evse_session_order_t
    uint32_t
        session_id; // grows with every session; a session that control has stopped never runs again
    uint32_t inoperative;    // ChangeAvailability: 1 shows Unavailable once no session runs
    uint32_t reserved_for;   // 1 shows Reserved
    uint32_t unlock_count;   // grows with every UnlockConnector; answered by view.unlock_done
    int32_t limit_mA;        // most this session may draw; INT32_MAX none
    uint32_t limit_W;        // most power besides; 0 none (nothing at all is limit_mA 0)
    uint32_t journal_failed; // 1: durable storage failed; finish, start none, Faulted
    uint32_t network;        // evse_network_t
    uint32_t finishing;      // 1: what was begun here is over, the plug may stay: Finishing
    uint32_t hold_lock; // 1: the cable stays locked without a session, as long as no fault stands
    uint32_t signal;    // grows with every answer to a user; odd: accepted, even: refused
    uint32_t blink_repeat; // BlinkRepeat: how often a light blinks for it
    uint32_t dark;         // 1: LightIntensity is 0
} evse_connector_order_t;

typedef struct evse_orders {
    evse_connector_order_t connector[CONFIG_EVSE_CONNECTORS_MAX];
} evse_orders_t;

// ---- down: snapshot ------------------------------------------------------------------------------------------------

typedef enum evse_power_phase {
    EVSE_POWER_OFF,      // OFF is being sent, contactor open
    EVSE_POWER_LOCKING,  // waiting for the connector lock
    EVSE_POWER_CLOSING,  // contactor commanded, waiting for its feedback
    EVSE_POWER_STARTING, // voltage, current, ON sent in this order
    EVSE_POWER_ON,       // module confirmed ON
    EVSE_POWER_STOPPING, // OFF sent, waiting for I < 1 A or 300 ms before the contactor opens
    EVSE_POWER_PRECHARGING, // between LOCKING and CLOSING: the module brings its output to the battery's voltage
    EVSE_POWER_PHASE_COUNT
} evse_power_phase_t;
const char *evse_power_phase_text(unsigned phase);

typedef struct evse_connector_view {
    uint64_t register_mJ; // lifelong
    const char *vehicle;  // the pack's model, a static text; NULL unknown
    uint32_t state;       // evse_connector_state_t
    uint32_t fault;       // evse_fault_t, the gravest that is active
    uint32_t phase;       // evse_power_phase_t
    uint32_t reasons;     // EVSE_REASON() bits: why there is no power; 0 when permitted
    uint32_t session_id;  // the one control works on, or stopped last
    uint32_t stopped;     // 1: that session is over for control
    uint32_t plugged, locked, contactor_closed;
    int32_t mV, mA; // terminal; valid when meter_fresh
    uint32_t meter_fresh;
    int32_t temperature_dC;         // INT32_MIN unknown
    int32_t soc_permille;           // -1 unknown
    int32_t range_km;               // -1 unknown
    int32_t offered_mV, offered_mA; // setpoint in force; 0 when off
    int32_t request_mV, request_mA; // what the BMS asks; 0 unknown
    uint32_t bms_alive, bms_allows, module_healthy, bus_active;
    uint32_t unlock_done; // the last unlock_count carried out
    uint32_t unlock_ok;   // 1 it unlocked
    uint32_t can_rx, can_tx, can_errors;
    uint32_t bus_state, bms_bus_state; // evse_can_state_t; the same where there is one bus
    uint32_t bus_offs, bus_recoveries, bus_overruns; // of both buses
    uint32_t ring_percent;                           // of the fuller receive ring
    uint32_t commissioning;                          // evse_commission_state_t
    uint32_t commission_permille,
        commission_timeout_ms;     // of the last proof; time-out 0: none in this boot
    uint32_t inputs, inputs_fresh; // bits of evse_input_t: levels as used, and which are known
} evse_connector_view_t;

typedef struct evse_snapshot {
    uint64_t now_us;
    uint32_t ticks;
    uint32_t ticks_late; // started more than a period late
    uint32_t estop_latched;
    uint32_t events_refused;
    uint32_t connectors;
    uint32_t padding;
    evse_connector_view_t connector[CONFIG_EVSE_CONNECTORS_MAX];
} evse_snapshot_t;

// ---- down: events, lossless ----------------------------------------------------------------------------------------

typedef enum evse_event_kind {
    EVSE_EVENT_STATE, // detail: new evse_connector_state_t
    EVSE_EVENT_PLUGGED,
    EVSE_EVENT_UNPLUGGED,
    EVSE_EVENT_ENERGIZED, // the contactor is closed and the module confirmed ON
    EVSE_EVENT_STOPPED, // urgent: the session is over for control; detail: evse_stop_reason_t, None = as ordered
    EVSE_EVENT_FAULT,         // urgent: detail: evse_fault_t
    EVSE_EVENT_FAULT_CLEARED, // detail: evse_fault_t
    EVSE_EVENT_ESTOP,         // urgent: the latch was set
    EVSE_EVENT_ESTOP_CLEARED, // by the local reset
    EVSE_EVENT_WELD,          // urgent: contactor welded, latched
    EVSE_EVENT_WELD_CLEARED,  // by the local reset, with the contactor seen open
    EVSE_EVENT_COMMISSIONED, // the profile is proven; detail: the module's own time-out in ms (at most 65535)
    EVSE_EVENT_START_BUTTON, // pressed: was up, is down
    EVSE_EVENT_BUS_OFF,      // detail: 0 the module's bus, 1 the BMS's own
    EVSE_EVENT_BUS_BACK,     // the same
    EVSE_EVENT_KINDS
} evse_event_kind_t;

typedef struct evse_event {
    uint64_t time_us;
    uint64_t register_mJ;
    uint32_t sequence;
    uint32_t session_id;
    uint8_t kind;      // evse_event_kind_t
    uint8_t connector; // from 0
    uint16_t detail;
} evse_event_t;

#define EVSE_EVENTS_CAPACITY      64u
#define EVSE_EVENTS_PER_CONNECTOR 8u  // what a whole session may need
#define EVSE_EVENTS_RESERVE       32u // urgent ones: 8 a connector

/// The mailboxes between the loops of one charge point. One writer and one reader of orders and events; many readers
/// of the snapshot.
typedef struct evse_mailbox {
    hf_snapshot_t snapshot; // evse_snapshot_t
    hf_snapshot_t orders;   // evse_orders_t
    hf_queue_t events;      // evse_event_t
    uint32_t snapshot_words[HF_SNAPSHOT_BYTES(sizeof(evse_snapshot_t)) / 4u];
    uint32_t orders_words[HF_SNAPSHOT_BYTES(sizeof(evse_orders_t)) / 4u];
    uint32_t events_words[HF_QUEUE_BYTES(sizeof(evse_event_t), EVSE_EVENTS_CAPACITY) / 4u];
} evse_mailbox_t;

/// Of a charge point with so many connectors: views and orders of others are never copied. HF_E_ARGUMENT.
HF_MUST_CHECK int evse_mailbox_init(evse_mailbox_t *mailbox, unsigned connectors);

#endif
