// SPDX-License-Identifier: MIT
// Texts of the charge point's tables (faults, states, reasons, phases) that OCPP or its diagnostics show, and the mailboxes'
// init. No state; a number outside its table has a text of its own, never NULL.
#include "evse/evse_state.h"

static const char *const fault_codes[EVSE_FAULT_COUNT] = {
#define CODE_ROW(name, number, ocpp, text) [number] = ocpp,
    EVSE_FAULT_TABLE(CODE_ROW)
#undef CODE_ROW
};

static const char *const fault_texts[EVSE_FAULT_COUNT] = {
#define TEXT_ROW(name, number, ocpp, text) [number] = text,
    EVSE_FAULT_TABLE(TEXT_ROW)
#undef TEXT_ROW
};

static const char *const states[EVSE_CONNECTOR_STATE_COUNT] = {
#define STATE_ROW(name) [EVSE_STATE_##name] = #name,
    EVSE_CONNECTOR_STATE_TABLE(STATE_ROW)
#undef STATE_ROW
};

static const char *const stop_reasons[EVSE_STOP_REASON_COUNT] = {
#define STOP_ROW(name, number) [number] = #name,
    EVSE_STOP_REASON_TABLE(STOP_ROW)
#undef STOP_ROW
};

static const char *const reasons[EVSE_REASON_COUNT] = {
#define REASON_ROW(name, text) [EVSE_REASON_INDEX_##name] = text,
    EVSE_REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

static const char *const phases[EVSE_POWER_PHASE_COUNT] = {
    [EVSE_POWER_OFF] = "off",
    [EVSE_POWER_LOCKING] = "locking",
    [EVSE_POWER_CLOSING] = "closing",
    [EVSE_POWER_STARTING] = "starting",
    [EVSE_POWER_ON] = "on",
    [EVSE_POWER_STOPPING] = "stopping",
    [EVSE_POWER_PRECHARGING] = "precharging",
};

_Static_assert(EVSE_REASON_COUNT <= 32, "reasons are bits of a uint32_t");
_Static_assert(EVSE_EVENTS_RESERVE >= EVSE_EVENTS_PER_CONNECTOR * CONFIG_EVSE_CONNECTORS_MAX,
               "8 urgent events a connector");

const char *evse_fault_text(unsigned fault)
{
    return fault < EVSE_FAULT_COUNT ? fault_texts[fault] : "unknown fault";
}

const char *evse_fault_ocpp_code(unsigned fault)
{
    return fault < EVSE_FAULT_COUNT ? fault_codes[fault] : "OtherError";
}

// Least grave first: what threatens people, then what destroys, then what only ends a session.
unsigned evse_fault_gravity(unsigned fault)
{
    static const uint8_t order[] = {
        EVSE_FAULT_NONE,
        EVSE_FAULT_TASK_LATE,
        EVSE_FAULT_JOURNAL_FAILED,
        EVSE_FAULT_UNDERVOLTAGE,
        EVSE_FAULT_LOCK_FAILED,
        EVSE_FAULT_COMMISSIONING_FAILED,
        EVSE_FAULT_PRECHARGE_FAILED,
        EVSE_FAULT_CONTACTOR_STUCK_OPEN,
        EVSE_FAULT_BMS_LOST,
        EVSE_FAULT_READINGS_DISAGREE,
        EVSE_FAULT_METER_STALE,
        EVSE_FAULT_TEMPERATURE_STALE,
        EVSE_FAULT_MODULE_OFF_UNCONFIRMED,
        EVSE_FAULT_CHARGER_OFFLINE, // the cause of the former, when both are there
        EVSE_FAULT_OVERTEMPERATURE,
        EVSE_FAULT_OVERCURRENT,
        EVSE_FAULT_OVERVOLTAGE,
        EVSE_FAULT_IO_LOST,
        EVSE_FAULT_CAN_BUS_OFF,
        EVSE_FAULT_CONTACTOR_WELDED,
        EVSE_FAULT_EMERGENCY_STOP,
    };
    _Static_assert(HF_COUNT_OF(order) == EVSE_FAULT_COUNT, "every fault has a gravity");
    for (unsigned i = 0; i < HF_COUNT_OF(order); i++) {
        if (order[i] == fault) {
            return i;
        }
    }
    return 0;
}

bool evse_fault_follows_bus_off(unsigned fault)
{
    return fault == EVSE_FAULT_CAN_BUS_OFF || fault == EVSE_FAULT_CHARGER_OFFLINE ||
           fault == EVSE_FAULT_BMS_LOST || fault == EVSE_FAULT_METER_STALE ||
           fault == EVSE_FAULT_TEMPERATURE_STALE || fault == EVSE_FAULT_MODULE_OFF_UNCONFIRMED;
}

const char *evse_connector_state_text(unsigned state)
{
    return state < EVSE_CONNECTOR_STATE_COUNT ? states[state] : "Unknown";
}

const char *evse_stop_reason_text(unsigned reason)
{
    return reason < EVSE_STOP_REASON_COUNT ? stop_reasons[reason] : "Other";
}

const char *evse_reason_text(unsigned index)
{
    return index < EVSE_REASON_COUNT ? reasons[index] : "unknown reason";
}

const char *evse_power_phase_text(unsigned phase)
{
    return phase < EVSE_POWER_PHASE_COUNT ? phases[phase] : "unknown";
}

int evse_mailbox_init(evse_mailbox_t *mailbox, unsigned connectors)
{
    if (mailbox == NULL || connectors == 0 || connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_ARGUMENT;
    }
    int status = hf_snapshot_init(&mailbox->snapshot, mailbox->snapshot_words,
                                  (uint32_t)(offsetof(evse_snapshot_t, connector) +
                                             connectors * sizeof(evse_connector_view_t)));
    if (status == 0) {
        status = hf_snapshot_init(&mailbox->orders, mailbox->orders_words,
                                  (uint32_t)(connectors * sizeof(evse_connector_order_t)));
    }
    if (status == 0) {
        status =
            hf_queue_init(&mailbox->events, mailbox->events_words, (uint32_t)sizeof(evse_event_t),
                          EVSE_EVENTS_CAPACITY, EVSE_EVENTS_RESERVE);
    }
    return status;
}
