// SPDX-License-Identifier: MIT
// StatusNotification of the station (connector 0) and every connector. What happened while nobody listened is not told
// as history: a status that differs from the one told last, and has lasted MinimumStatusDuration, goes out until it was
// answered. Connector 0 knows only Available, Unavailable and Faulted. Nothing is told before control has heard what is
// ordered: after a boot no connector looks Available that is to be Unavailable.
#include "evse_ocpp_private.h"

#define NEVER 0xFFu

void evse_status_init(evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i <= ocpp->config.connectors; i++) {
        ocpp->status[i].state = ocpp->status[i].fault = NEVER;
        ocpp->status[i].seen_state = ocpp->status[i].seen_fault = NEVER;
    }
}

void evse_status_renew(evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i <= ocpp->config.connectors; i++) {
        ocpp->status[i].due = true;
    }
}

static bool is_anything_billing(const evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if (evse_session_is_billing(ocpp, i)) {
            return true;
        }
    }
    return false;
}

// Unavailable only when nothing is under way any more, as its connectors.
static void judge_station(const evse_ocpp_t *ocpp, uint8_t *state, uint8_t *fault)
{
    *fault = ocpp->journal_failed           ? EVSE_FAULT_JOURNAL_FAILED
             : ocpp->snapshot.estop_latched ? EVSE_FAULT_EMERGENCY_STOP
                                            : EVSE_FAULT_NONE;
    *state = *fault != EVSE_FAULT_NONE ? EVSE_STATE_Faulted
             : ocpp->config.store->inoperative[0] && !is_anything_billing(ocpp)
                 ? EVSE_STATE_Unavailable
                 : EVSE_STATE_Available;
}

static bool look(const evse_ocpp_t *ocpp, unsigned index, uint8_t *state, uint8_t *fault)
{
    if (index == 0u) {
        judge_station(ocpp, state, fault);
        return true;
    }
    const evse_connector_view_t *view = evse_view(ocpp, index - 1u);
    if (view == NULL) {
        return false;
    }
    *state = (uint8_t)view->state;
    *fault = (uint8_t)view->fault;
    return true;
}

void evse_status_step(evse_ocpp_t *ocpp)
{
    if (ocpp->views == 0u || ocpp->first_orders_us == 0u ||
        ocpp->snapshot.now_us <= ocpp->first_orders_us) {
        return;
    }
    for (unsigned i = 0u; i <= ocpp->config.connectors; i++) {
        uint8_t state = 0u, fault = 0u;
        if (look(ocpp, i, &state, &fault) &&
            (state != ocpp->status[i].seen_state || fault != ocpp->status[i].seen_fault)) {
            ocpp->status[i].seen_state = state;
            ocpp->status[i].seen_fault = fault;
            ocpp->status[i].seen_us = ocpp->now_us;
        }
    }
}

static bool is_wanted(const evse_ocpp_t *ocpp, unsigned index)
{
    bool changed = ocpp->status[index].seen_state != ocpp->status[index].state ||
                   ocpp->status[index].seen_fault != ocpp->status[index].fault;
    if (!changed && !ocpp->status[index].due && ocpp->triggers == 0u) {
        return false; // most of the time
    }
    if (ocpp->status[index].seen_state == NEVER) {
        return false;
    }
    if (ocpp->registration != EVSE_REGISTRATION_ACCEPTED) {
        return (ocpp->triggers & EVSE_TRIGGER_STATUS(index)) != 0u;
    }
    if (ocpp->status[index].due || (ocpp->triggers & EVSE_TRIGGER_STATUS(index)) != 0u) {
        return true;
    }
    uint64_t duration_us = evse_seconds_us(EVSE_NUMBER(ocpp, MinimumStatusDuration));
    return changed && ocpp->now_us - ocpp->status[index].seen_us >= duration_us;
}

static int send_status(evse_ocpp_t *ocpp, unsigned index)
{
    unsigned fault = ocpp->status[index].seen_fault;
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "StatusNotification", NULL);
    hf_json_i64_field(json, "connectorId", index);
    hf_json_string_field(json, "errorCode", evse_fault_ocpp_code(fault));
    hf_json_string_field(json, "status", evse_connector_state_text(ocpp->status[index].seen_state));
    if (fault != EVSE_FAULT_NONE) {
        char number[8];
        hf_builder_t out;
        hf_builder_init(&out, number, sizeof number);
        hf_builder_u64(&out, fault);
        hf_json_string_field(json, "info", evse_fault_text(fault));
        hf_json_string_field(json, "vendorId", ocpp->config.vendor);
        hf_json_string_field(json, "vendorErrorCode", number);
    }
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->status[index].seen_us);
    if (utc_ms != 0u) {
        evse_put_time(json, "timestamp", utc_ms);
    }
    return evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_STATUS, index, 0u));
}

// An answer that never came: once more, but not at once, so that who never answers this does not hold up the rest.
void evse_status_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome)
{
    unsigned index = token >> 8 & 0xFFu;
    if (outcome != EVSE_RPC_TIMEOUT || index > ocpp->config.connectors) {
        return;
    }
    ocpp->status[index].due = true;
    if (!evse_is_link_loss(ocpp)) {
        ocpp->next_status_us = ocpp->now_us + EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
    }
}

bool evse_status_send(evse_ocpp_t *ocpp)
{
    if (!evse_is_due(ocpp->now_us, ocpp->next_status_us)) {
        return false;
    }
    for (unsigned i = 0u; i <= ocpp->config.connectors; i++) {
        if (!is_wanted(ocpp, i)) {
            continue;
        }
        if (send_status(ocpp, i) != HF_OK) {
            return false;
        }
        ocpp->status[i].due = false;
        ocpp->status[i].state = ocpp->status[i].seen_state;
        ocpp->status[i].fault = ocpp->status[i].seen_fault;
        ocpp->triggers &= ~EVSE_TRIGGER_STATUS(i);
        return true;
    }
    return false;
}
