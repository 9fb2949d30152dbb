// SPDX-License-Identifier: MIT
// Sends the store's queue: StartTransaction, MeterValues, StopTransaction, one after the other, over all connectors in one
// order. Invariants: a message leaves only by a CALLRESULT, or by the last of TransactionMessageAttempts CALLERRORs;
// a time-out or a lost link burns nothing, the same id and payload go out again (errata to OCPP-J, 3.1 and 3.3); an answer
// counts whenever it comes, as long as its message is still the first of the queue.
#include "evse_ocpp_private.h"

static void put_start(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                      const evse_transaction_t *transaction)
{
    hf_json_i64_field(json, "connectorId", transaction->connector + 1);
    hf_json_string_field(json, "idTag", transaction->id_tag);
    hf_json_i64_field(json, "meterStart", (int64_t)message->register_Wh);
    if (transaction->reservation_id != EVSE_RESERVATION_NONE) {
        hf_json_i64_field(json, "reservationId", transaction->reservation_id);
    }
    evse_put_time(json, "timestamp", evse_store_utc_ms(ocpp->config.store, message->at));
}

static void put_stop(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                     const evse_transaction_t *transaction)
{
    hf_json_i64_field(json, "transactionId", transaction->transaction_id);
    if (transaction->stop_id_tag[0] != '\0') {
        hf_json_string_field(json, "idTag", transaction->stop_id_tag);
    }
    hf_json_i64_field(json, "meterStop", (int64_t)message->register_Wh);
    evse_put_time(json, "timestamp", evse_store_utc_ms(ocpp->config.store, message->at));
    hf_json_string_field(json, "reason", evse_stop_reason_text(message->reason));
    evse_meter_put_stop_data(ocpp, json, message);
}

static const char *action_of(const evse_message_t *message)
{
    return message->kind == EVSE_MESSAGE_START  ? "StartTransaction"
           : message->kind == EVSE_MESSAGE_STOP ? "StopTransaction"
                                                : "MeterValues";
}

static void put_message(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                        const evse_transaction_t *transaction)
{
    switch ((evse_message_kind_t)message->kind) {
    case EVSE_MESSAGE_START:
        put_start(ocpp, json, message, transaction);
        break;
    case EVSE_MESSAGE_STOP:
        put_stop(ocpp, json, message, transaction);
        break;
    case EVSE_MESSAGE_METER:
    default:
        evse_meter_payload(ocpp, json, message, transaction->connector, transaction);
        break;
    }
}

// A message that can never be sent must not hold up those behind it; the store logs it as lost.
static void drop_head(evse_ocpp_t *ocpp)
{
    if (evse_store_refuse(ocpp->config.store, 1u) != HF_OK) {
        ocpp->next_transaction_us = ocpp->now_us + EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
    }
}

bool evse_transaction_send(evse_ocpp_t *ocpp)
{
    evse_store_t *store = ocpp->config.store;
    const evse_message_t *message = evse_store_next(store);
    if (message == NULL || !evse_is_due(ocpp->now_us, ocpp->next_transaction_us) ||
        !evse_meter_is_ready(ocpp, message)) {
        return false;
    }
    const evse_transaction_t *transaction = evse_store_transaction(store, message->transaction);
    if (transaction == NULL) {
        drop_head(ocpp);
        return false;
    }
    if (evse_store_utc_ms(store, message->at) == 0u) {
        return false; // not to be told yet: no clock, or what it was bound to is not durable
    }
    char id[EVSE_MESSAGE_ID_BYTES];
    evse_store_id_text(store, message->id, id);
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, action_of(message), id);
    put_message(ocpp, json, message, transaction);
    int status = evse_outgoing_send(ocpp, &call,
                                    evse_token(EVSE_CALL_TRANSACTION, transaction->connector, 0u));
    if (status == HF_E_TOO_LONG) {
        drop_head(ocpp);
    }
    return status == HF_OK;
}

// The queue stands still from the moment on since when its first message could have been confirmed.
void evse_transaction_step(evse_ocpp_t *ocpp)
{
    evse_store_t *store = ocpp->config.store;
    if (evse_store_waiting(store) == 0u) {
        ocpp->queue_moved_us = ocpp->now_us;
        return;
    }
    if (evse_transaction_is_stuck(ocpp)) {
        (void)!evse_store_keep_all(store); // what does not fit stays in memory
    }
}

bool evse_transaction_is_stuck(const evse_ocpp_t *ocpp)
{
    return !evse_ocpp_is_online(ocpp) ||
           (evse_store_waiting(ocpp->config.store) > 0 &&
            ocpp->now_us - ocpp->queue_moved_us >= ocpp->rpc.timeout_ms * HF_US_PER_MS);
}

static bool is_running(const evse_ocpp_t *ocpp, const evse_transaction_t *transaction)
{
    return transaction->state == EVSE_TRANSACTION_OPEN &&
           ocpp->config.store->open[transaction->connector] == transaction &&
           evse_session_is_billing(ocpp, transaction->connector);
}

// What the central system says to a start counts only while the session runs.
static void start_confirmed(evse_ocpp_t *ocpp, const evse_transaction_t *transaction,
                            int32_t transaction_id, hf_json_t payload)
{
    unsigned connector = transaction->connector;
    hf_json_t tag_info = hf_json_member(payload, "idTagInfo");
    bool accepted = hf_json_is_string(hf_json_member(tag_info, "status"), "Accepted");
    if (!is_running(ocpp, transaction)) {
        HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION,
                "connector %u: past transaction %d delivered, tag ..%s", connector + 1u,
                (int)transaction_id, evse_tag_tail(transaction->id_tag));
        return;
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION,
            "session %u: transaction %d started, tag ..%s, meter %llu Wh",
            (unsigned)ocpp->session[connector].id, (int)transaction_id,
            evse_tag_tail(transaction->id_tag), (unsigned long long)transaction->start_Wh);
    if (!accepted) {
        evse_session_deauthorize(ocpp, connector);
    }
}

// What the confirmation says about the tag that began, or ended, the transaction.
static void learn(evse_ocpp_t *ocpp, const evse_message_t *message,
                  const evse_transaction_t *transaction, hf_json_t payload)
{
    bool by_other = message->kind == EVSE_MESSAGE_STOP && transaction->stop_id_tag[0] != '\0';
    hf_json_t info = hf_json_member(payload, "idTagInfo");
    if (message->kind != EVSE_MESSAGE_METER && info.type == HF_JSON_OBJECT) {
        evse_auth_learn(ocpp, by_other ? transaction->stop_id_tag : transaction->id_tag, info);
    }
}

static void confirm(evse_ocpp_t *ocpp, const evse_message_t *message, hf_json_t payload)
{
    evse_store_t *store = ocpp->config.store;
    const evse_transaction_t *transaction = evse_store_transaction(store, message->transaction);
    int32_t transaction_id = EVSE_TRANSACTION_ID_UNKNOWN;
    if (transaction != NULL) {
        learn(ocpp, message, transaction, payload);
    }
    if (message->kind == EVSE_MESSAGE_START) {
        int64_t id = 0;
        if (hf_json_i64(hf_json_member(payload, "transactionId"), &id) == HF_OK &&
            id >= INT32_MIN && id <= INT32_MAX) {
            transaction_id = (int32_t)id;
        } else {
            HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP,
                    "StartTransaction answered without an id");
        }
        if (transaction != NULL) {
            start_confirmed(ocpp, transaction, transaction_id, payload);
        }
    }
    evse_meter_confirmed(ocpp, message);
    int status = evse_store_confirm(store, transaction_id);
    if (status != HF_OK) { // it stays first and goes out again; the id tells the central system
        ocpp->next_transaction_us = ocpp->now_us + EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
        HF_LOGE(ocpp->config.log, ocpp->now_us, STORE, "confirmation not kept: %s",
                hf_status_text(status));
    }
}

static void refused(evse_ocpp_t *ocpp, const evse_message_t *message)
{
    uint32_t sends = message->attempts + 1u;
    uint32_t attempts_max = (uint32_t)EVSE_NUMBER(ocpp, TransactionMessageAttempts);
    uint32_t interval_s = (uint32_t)EVSE_NUMBER(ocpp, TransactionMessageRetryInterval);
    bool last = sends >= attempts_max;
    uint64_t wait_us = last ? 0u : (uint64_t)interval_s * sends * HF_US_PER_S;
    if (evse_store_refuse(ocpp->config.store, attempts_max) != HF_OK) {
        wait_us = EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
    }
    ocpp->next_transaction_us = ocpp->now_us + wait_us;
}

void evse_transaction_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload)
{
    const evse_message_t *message = evse_store_next(ocpp->config.store);
    if (message == NULL) {
        return;
    }
    ocpp->next_transaction_us = ocpp->now_us;
    switch (outcome) {
    case EVSE_RPC_RESULT:
        ocpp->queue_moved_us = ocpp->now_us;
        confirm(ocpp, message, payload);
        break;
    case EVSE_RPC_REFUSED:
        ocpp->queue_moved_us = ocpp->now_us;
        refused(ocpp, message);
        break;
    case EVSE_RPC_TIMEOUT:
    default:
        if (!evse_is_link_loss(ocpp)) {
            ocpp->next_transaction_us = ocpp->now_us + EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
        }
        break;
    }
}

bool evse_transaction_late(void *ctx, const char *id, evse_rpc_outcome_t outcome, hf_json_t payload,
                           uint64_t now_us)
{
    evse_ocpp_t *ocpp = ctx;
    const evse_message_t *message = evse_store_next(ocpp->config.store);
    char first[EVSE_MESSAGE_ID_BYTES] = "";
    if (message != NULL) {
        evse_store_id_text(ocpp->config.store, message->id, first);
    }
    if (message == NULL || strcmp(id, first) != 0) {
        return false;
    }
    HF_LOGI(ocpp->config.log, now_us, OCPP, "late answer to %s taken", action_of(message));
    evse_stir(ocpp);
    evse_transaction_answer(ocpp, outcome, payload);
    return true;
}
