// SPDX-License-Identifier: MIT
// The comms loop's round: read what control says, move the link and the RPC, move sessions, and send the one CALL that
// matters most. Invariants: before BootNotification is Accepted nothing else of ours is sent unless the central system
// triggers it; a CALL that does not go out now is built anew later, so nothing half-sent is remembered; most rounds find
// that nothing has happened and leave it at that, five times a second everything is looked at all the same.
#include "evse_ocpp_private.h"
#include "evse_ocpp_smart.h"
#include "evse_ocpp_transfer.h"
#include "evse_ocpp_vendor.h"

#define ROUND_US (200u * HF_US_PER_MS)

static bool is_text_within(const char *text, size_t limit, bool required)
{
    if (text == NULL) {
        return !required;
    }
    size_t length = strlen(text);
    return length <= limit && (length > 0u || !required);
}

static int check_config(const evse_ocpp_config_t *config)
{
    if (config->link.ops == NULL || config->store == NULL || config->mailbox == NULL) {
        return HF_E_ARGUMENT;
    }
    if (config->connectors == 0u || config->connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_RANGE;
    }
    bool good =
        is_text_within(config->vendor, 20u, true) && is_text_within(config->model, 20u, true) &&
        is_text_within(config->serial, 25u, false) && is_text_within(config->firmware, 50u, false);
    return good ? HF_OK : HF_E_TOO_LONG;
}

static void on_answer(void *ctx, uint32_t token, evse_rpc_outcome_t outcome, hf_json_t payload,
                      uint64_t now_us)
{
    evse_ocpp_t *ocpp = ctx;
    (void)now_us; // the poll's, as everything here knows it
    evse_stir(ocpp);
    if (outcome == EVSE_RPC_RESULT) {
        evse_link_proven(ocpp); // an open socket alone is no proof of a working peer
    }
    switch ((evse_call_t)(token & 0xFFu)) {
    case EVSE_CALL_BOOT:
        evse_boot_answer(ocpp, outcome, payload);
        break;
    case EVSE_CALL_HEARTBEAT:
        evse_heartbeat_answer(ocpp, outcome, payload);
        break;
    case EVSE_CALL_AUTHORIZE:
        evse_authorize_answer(ocpp, token, outcome, payload);
        break;
    case EVSE_CALL_TRANSACTION:
        evse_transaction_answer(ocpp, outcome, payload);
        break;
    case EVSE_CALL_STATUS:
        evse_status_answer(ocpp, token, outcome);
        break;
    case EVSE_CALL_TRANSFER:
        evse_transfer_answer(ocpp, token, outcome);
        break;
    case EVSE_CALL_CONFLICT:
        evse_list_answer(ocpp, outcome);
        break;
    case EVSE_CALL_VENDOR:
        evse_vendor_answer(ocpp, token, outcome, payload);
        break;
    case EVSE_CALL_READINGS:
    default: // nobody waits for those; the status is told anew after a return
        break;
    }
}

int evse_ocpp_init(evse_ocpp_t *ocpp, const evse_ocpp_config_t *config)
{
    int status = check_config(config);
    if (status != HF_OK) {
        return status;
    }
    *ocpp = (evse_ocpp_t){.config = *config, .next_session_id = 1u};
    const evse_rpc_owner_t owner = {.ctx = ocpp,
                                    .on_call = evse_calls_dispatch,
                                    .on_answer = on_answer,
                                    .on_late = evse_transaction_late};
    status = evse_rpc_init(&ocpp->rpc, &config->link, &owner, EVSE_CALL_TIMEOUT_MS, config->log);
    if (status != HF_OK) {
        return status;
    }
    status = evse_link_init(ocpp);
    if (status != HF_OK) {
        return status;
    }
    evse_auth_init(ocpp);
    evse_keys_init(ocpp);
    evse_auth_set_keys(ocpp);
    evse_status_init(ocpp);
    evse_meter_init(ocpp);
    evse_clock_init(ocpp);
    evse_transfer_init(ocpp);
    evse_vendor_init(ocpp);
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    evse_smart_init(ocpp);
#endif
    ocpp->heartbeat_interval_s = (uint32_t)EVSE_NUMBER(ocpp, HeartbeatInterval);
    ocpp->latch_estop = config->store->estop_latched;
    ocpp->latch_welds = config->store->weld_latched;
    return HF_OK;
}

bool evse_ocpp_is_online(const evse_ocpp_t *ocpp)
{
    return ocpp->link_state == EVSE_LINK_OPEN && ocpp->registration == EVSE_REGISTRATION_ACCEPTED;
}

uint64_t evse_ocpp_utc_ms(const evse_ocpp_t *ocpp, uint64_t now_us)
{
    return ocpp->utc_offset_ms == 0u ? 0u : ocpp->utc_offset_ms + now_us / HF_US_PER_MS;
}

void evse_put_time(hf_json_writer_t *json, const char *name, uint64_t utc_ms)
{
    char text[HF_ISO8601_BYTES];
    hf_iso8601_format(utc_ms, text);
    hf_json_string_field(json, name, text);
}

hf_json_writer_t *evse_outgoing_begin(evse_ocpp_t *ocpp, evse_outgoing_t *outgoing,
                                      const char *action, const char *id)
{
    char fresh[EVSE_MESSAGE_ID_BYTES];
    if (id == NULL) {
        evse_store_id_text(ocpp->config.store, evse_store_new_id(ocpp->config.store), fresh);
        id = fresh;
    }
    *outgoing = (evse_outgoing_t){.action = action};
    outgoing->status = evse_rpc_call_begin(&ocpp->rpc, &outgoing->draft, id, action);
    if (outgoing->status != HF_OK) { // nowhere to write: every byte overflows
        hf_builder_init(&outgoing->draft.out, NULL, 0u);
        hf_json_writer_init(&outgoing->draft.json, &outgoing->draft.out);
    }
    hf_json_begin_object(&outgoing->draft.json);
    return &outgoing->draft.json;
}

int evse_outgoing_send(evse_ocpp_t *ocpp, evse_outgoing_t *outgoing, uint32_t token)
{
    if (outgoing->status != HF_OK) {
        return outgoing->status;
    }
    hf_json_end_object(&outgoing->draft.json);
    int status = evse_rpc_call_send(&ocpp->rpc, &outgoing->draft, token, ocpp->now_us);
    if (status == HF_E_TOO_LONG) {
        HF_LOGE(ocpp->config.log, ocpp->now_us, OCPP, "%s does not fit its buffer, not sent",
                outgoing->action);
    }
    return status;
}

// In the order of what matters. Each sends at most one CALL, and says whether it did. Heartbeat is last: whatever else was
// answered has shown that we live, and a queue that is refused or unanswered waits in between.
static bool send_one(evse_ocpp_t *ocpp)
{
    bool has_time = ocpp->utc_offset_ms != 0u; // else there is nothing to write into a timestamp
    if (evse_boot_send(ocpp) || evse_status_send(ocpp) || (has_time && evse_readings_send(ocpp))) {
        return true;
    }
    if (ocpp->registration == EVSE_REGISTRATION_ACCEPTED &&
        (evse_authorize_send(ocpp) || evse_list_send(ocpp) || evse_transaction_send(ocpp))) {
        return true;
    }
    return evse_transfer_send(ocpp) || evse_vendor_send(ocpp) || evse_heartbeat_send(ocpp);
}

void evse_stir(evse_ocpp_t *ocpp)
{
    ocpp->stirred = true;
    ocpp->looked = true;
    if (hf_snapshot_read(&ocpp->config.mailbox->snapshot, &ocpp->snapshot) == HF_OK) {
        uint32_t told = ocpp->snapshot.connectors;
        ocpp->views = told < ocpp->config.connectors ? told : ocpp->config.connectors;
    }
}

static void poll_store(evse_ocpp_t *ocpp)
{
    int status = evse_store_poll(ocpp->config.store, ocpp->now_us);
    if (status < 0 && !ocpp->journal_failed) {
        ocpp->journal_failed = true;
        ocpp->stirred = true;
        hf_breaker_failure(&ocpp->uplink.breaker[EVSE_BREAKER_JOURNAL], ocpp->now_us);
        HF_LOGE(ocpp->config.log, ocpp->now_us, STORE,
                "durable storage failed (%s): no more sessions", hf_status_text(status));
    }
}

// Everything that is decided here follows from a message, an event of control, the journal, the link, a call from outside,
// or from time: readings and limits at their moment, else every ROUND_US.
static bool is_stirred(evse_ocpp_t *ocpp, evse_link_state_t link_was)
{
    uint64_t durable = ocpp->config.store->journal.durable;
    return ocpp->stirred || ocpp->link_state != link_was || durable != ocpp->durable ||
           hf_queue_count(&ocpp->config.mailbox->events) != 0u ||
           evse_is_due(ocpp->now_us, ocpp->next_round_us) || evse_smart_is_due(ocpp);
}

static uint64_t next_round_us(const evse_ocpp_t *ocpp)
{
    uint64_t next_us = ocpp->now_us + ROUND_US;
    return ocpp->metering.next_us < next_us ? ocpp->metering.next_us : next_us;
}

static void do_round(evse_ocpp_t *ocpp)
{
    if (!ocpp->looked) {
        evse_stir(ocpp);
    }
    ocpp->stirred = false;
    ocpp->durable = ocpp->config.store->journal.durable;
    evse_clock_step(ocpp);
    evse_transaction_step(ocpp);
    evse_auth_step(ocpp);
    evse_sessions_step(ocpp);
    evse_status_step(ocpp);
    evse_meter_step(ocpp);
    evse_vendor_step(ocpp);
    evse_calls_step(ocpp);
    evse_ending_step(ocpp);
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    evse_smart_step(ocpp);
#endif
    evse_sessions_order(ocpp);
    ocpp->next_round_us = next_round_us(ocpp);
    if (ocpp->link_state != EVSE_LINK_OPEN || ocpp->rpc.outstanding) {
        return; // what comes next stirs
    }
    if (evse_rpc_is_free(&ocpp->rpc)) {
        (void)send_one(ocpp);
    } else {
        ocpp->stirred = true; // the link is busy
    }
}

void evse_ocpp_poll(evse_ocpp_t *ocpp, uint64_t now_us)
{
    evse_link_state_t link_was = ocpp->link_state;
    ocpp->now_us = now_us;
    ocpp->looked = false;
    poll_store(ocpp);
    evse_link_step(ocpp);
    if (ocpp->link_state == EVSE_LINK_OPEN) {
        evse_rpc_poll(&ocpp->rpc, now_us);
    }
    evse_transfer_step(ocpp); // it knows when it is due, and feeds in every round
    if (is_stirred(ocpp, link_was)) {
        do_round(ocpp);
    }
}
