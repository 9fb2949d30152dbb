// SPDX-License-Identifier: MIT
// BootNotification until it is Accepted, and Heartbeat; the clock both bring is evse_ocpp_clock.c's. Once accepted the
// registration holds until this program restarts: a reconnect is no boot (OCPP-J 5.4).
#include "evse_ocpp_private.h"

bool evse_boot_send(evse_ocpp_t *ocpp)
{
    if (ocpp->registration == EVSE_REGISTRATION_ACCEPTED) {
        return false;
    }
    bool triggered = (ocpp->triggers & EVSE_TRIGGER_BOOT) != 0u;
    if (!triggered && !evse_is_due(ocpp->now_us, ocpp->next_boot_us)) {
        return false;
    }
    const evse_ocpp_config_t *config = &ocpp->config;
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "BootNotification", NULL);
    hf_json_string_field(json, "chargePointVendor", config->vendor);
    hf_json_string_field(json, "chargePointModel", config->model);
    if (config->serial != NULL) {
        hf_json_string_field(json, "chargePointSerialNumber", config->serial);
    }
    if (config->firmware != NULL) {
        hf_json_string_field(json, "firmwareVersion", config->firmware);
    }
    if (evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_BOOT, 0u, 0u)) != HF_OK) {
        return false;
    }
    ocpp->triggers &= ~(uint32_t)EVSE_TRIGGER_BOOT;
    return true;
}

static evse_registration_t read_registration(hf_json_t payload)
{
    hf_json_t status = hf_json_member(payload, "status");
    if (hf_json_is_string(status, "Accepted")) {
        return EVSE_REGISTRATION_ACCEPTED;
    }
    if (hf_json_is_string(status, "Pending")) {
        return EVSE_REGISTRATION_PENDING;
    }
    return hf_json_is_string(status, "Rejected") ? EVSE_REGISTRATION_REJECTED
                                                 : EVSE_REGISTRATION_NONE;
}

static void boot_accepted(evse_ocpp_t *ocpp, uint32_t interval_s)
{
    ocpp->registration = EVSE_REGISTRATION_ACCEPTED;
    ocpp->booted = true;
    if (interval_s != 0u) {
        char text[12];
        hf_builder_t out;
        hf_builder_init(&out, text, sizeof text);
        hf_builder_u64(&out, interval_s);
        if (evse_ocpp_set_key(ocpp, "HeartbeatInterval", text) != HF_OK) {
            HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "heartbeat interval of %u s not kept",
                    (unsigned)interval_s);
        }
    }
    ocpp->next_heartbeat_us = evse_clock_heartbeat_us(ocpp);
    ocpp->next_transaction_us = ocpp->now_us;
    ocpp->queue_moved_us = ocpp->now_us;
    evse_status_renew(ocpp);
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "boot accepted by central system, heartbeat %u s",
            (unsigned)ocpp->heartbeat_interval_s);
}

void evse_boot_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload)
{
    int64_t interval_s = 0;
    evse_registration_t registration = read_registration(payload);
    bool good = outcome == EVSE_RPC_RESULT && registration != EVSE_REGISTRATION_NONE &&
                hf_json_i64(hf_json_member(payload, "interval"), &interval_s) == HF_OK &&
                interval_s >= 0 &&
                evse_clock_take(ocpp, hf_json_member(payload, "currentTime")) == HF_OK;
    if (outcome == EVSE_RPC_TIMEOUT && evse_is_link_loss(ocpp)) {
        return; // still due: the reconnect's backoff is wait enough
    }
    if (!good) {
        ocpp->next_boot_us = ocpp->now_us + EVSE_BOOT_RETRY_S * HF_US_PER_S;
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "BootNotification %s",
                outcome == EVSE_RPC_RESULT    ? "answered with what is no answer"
                : outcome == EVSE_RPC_REFUSED ? "refused"
                                              : "not answered");
        return;
    }
    interval_s = interval_s < EVSE_HEARTBEAT_MAX_S ? interval_s : EVSE_HEARTBEAT_MAX_S;
    if (registration == EVSE_REGISTRATION_ACCEPTED) {
        boot_accepted(ocpp, (uint32_t)interval_s);
        return;
    }
    uint32_t wait_s = interval_s != 0 ? (uint32_t)interval_s : EVSE_BOOT_INTERVAL_S;
    ocpp->registration = registration;
    ocpp->next_boot_us = ocpp->now_us + wait_s * HF_US_PER_S;
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "boot %s by central system, next in %u s",
            registration == EVSE_REGISTRATION_PENDING ? "kept pending" : "rejected",
            (unsigned)wait_s);
}

bool evse_heartbeat_send(evse_ocpp_t *ocpp)
{
    bool triggered = (ocpp->triggers & EVSE_TRIGGER_HEARTBEAT) != 0u;
    bool due = ocpp->registration == EVSE_REGISTRATION_ACCEPTED &&
               evse_is_due(ocpp->now_us, ocpp->next_heartbeat_us);
    if (!triggered && !due) {
        return false;
    }
    evse_outgoing_t call;
    (void)evse_outgoing_begin(ocpp, &call, "Heartbeat", NULL);
    if (evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_HEARTBEAT, 0u, 0u)) != HF_OK) {
        return false;
    }
    ocpp->triggers &= ~(uint32_t)EVSE_TRIGGER_HEARTBEAT;
    ocpp->next_heartbeat_us = evse_clock_heartbeat_us(ocpp);
    return true;
}

void evse_heartbeat_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload)
{
    if (outcome == EVSE_RPC_RESULT &&
        evse_clock_take(ocpp, hf_json_member(payload, "currentTime")) != HF_OK) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "heartbeat answered without a time");
    }
}
