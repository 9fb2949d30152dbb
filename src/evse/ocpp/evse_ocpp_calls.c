// SPDX-License-Identifier: MIT
// CALLs of the central system: a table of action and handler, and the reading of their payloads. A handler decides and
// answers at once; what it starts goes on in the loop, after the answer. Answered later: UnlockConnector, when the lock has
// moved, and what has recorded something, when the flash has it.
#include "evse_ocpp_private.h"
#include "evse_ocpp_smart.h"
#include "evse_ocpp_transfer.h"

#include <limits.h>

#define UNLOCK_TIMEOUT_US (3u * HF_US_PER_S)

// ---- sessions -----------------------------------------------------------------------------------

// How good a connector is for a remote start: 0 not at all.
static unsigned rate_connector(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_auth_verdict_t verdict = evse_session_judge(ocpp, connector, id_tag, EVSE_AUTH_ACCEPT);
    if (verdict == EVSE_AUTH_REFUSE) {
        return 0u;
    }
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    bool own = evse_reservation_id(ocpp, connector) != EVSE_RESERVATION_NONE;
    bool waits = view->plugged != 0u && view->state != EVSE_STATE_Finishing;
    return own ? 4u : waits ? 3u : view->plugged == 0u ? 2u : 1u;
}

// The connector asked for, or the one reserved for the tag, or the first with a vehicle that waits, or the first that is
// free, or the first whose vehicle has finished; -1 none.
static int choose_connector(evse_ocpp_t *ocpp, bool asked, unsigned connector, const char *id_tag)
{
    if (asked) {
        bool good = connector <= ocpp->config.connectors &&
                    rate_connector(ocpp, connector - 1u, id_tag) != 0u;
        return good ? (int)connector - 1 : -1;
    }
    int found = -1;
    unsigned best = 0u;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        unsigned rate = rate_connector(ocpp, i, id_tag);
        if (rate > best) {
            best = rate;
            found = (int)i;
        }
    }
    return found;
}

// Accepted means that it will be tried (errata 3.32).
static bool start_remotely(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_auth_verdict_t verdict = EVSE_AUTH_ACCEPT;
    if (EVSE_NUMBER(ocpp, AuthorizeRemoteTxRequests) != 0) { // as if it were presented here
        verdict = evse_auth_judge(ocpp, id_tag);
    }
    verdict = evse_session_judge(ocpp, connector, id_tag, verdict);
    if (verdict != EVSE_AUTH_REFUSE) {
        evse_session_open(ocpp, connector, id_tag, verdict == EVSE_AUTH_ASK);
    }
    return verdict != EVSE_AUTH_REFUSE;
}

static evse_rpc_error_t on_remote_start(evse_ocpp_t *ocpp, hf_json_t payload,
                                        hf_json_writer_t *reply)
{
    char id_tag[EVSE_ID_TAG_BYTES];
    unsigned connector = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_text(&fields, "idTag", true, id_tag, sizeof id_tag);
    bool asked = evse_fields_connector(&fields, false, &connector);
    if (asked && connector == 0u) {
        evse_fields_refuse(&fields, "connectorId", EVSE_RPC_PropertyConstraintViolation);
    }
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    int chosen = ocpp->registration == EVSE_REGISTRATION_ACCEPTED && id_tag[0] != '\0'
                     ? choose_connector(ocpp, asked, connector, id_tag)
                     : -1;
    bool accepted = chosen >= 0;
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    hf_json_t profile = hf_json_member(payload, "chargingProfile");
    bool with_profile = profile.type != HF_JSON_NONE;
    if (with_profile) {
        bool good = false;
        unsigned judged = accepted ? (unsigned)chosen : 0u;
        evse_rpc_error_t error = evse_smart_remote_check(ocpp, profile, judged, &good);
        if (error != EVSE_RPC_NO_ERROR) {
            return error;
        }
        accepted = accepted && good;
    }
#endif // without smart charging a profile is ignored (5.11)
    accepted = accepted && start_remotely(ocpp, (unsigned)chosen, id_tag);
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    if (accepted && with_profile) {
        evse_smart_remote_take(ocpp, profile, (unsigned)chosen);
    }
#endif
    return evse_reply_accepted(reply, accepted);
}

static evse_rpc_error_t on_remote_stop(evse_ocpp_t *ocpp, hf_json_t payload,
                                       hf_json_writer_t *reply)
{
    int32_t id = EVSE_TRANSACTION_ID_UNKNOWN;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (!evse_fields_int(&fields, "transactionId", true, &evse_any_integer, &id)) {
        return fields.error;
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_transaction_t *open = ocpp->config.store->open[i];
        if (open != NULL && evse_session_is_billing(ocpp, i) && open->transaction_id == id &&
            id != EVSE_TRANSACTION_ID_UNKNOWN) {
            evse_session_stop(ocpp, i, EVSE_STOP_Remote);
            return evse_reply_accepted(reply, true);
        }
    }
    return evse_reply_accepted(reply, false);
}

// ---- availability -------------------------------------------------------------------------------

static int set_inoperative(evse_ocpp_t *ocpp, unsigned connector, bool inoperative)
{
    if (ocpp->config.store->inoperative[connector] == inoperative) {
        return HF_OK;
    }
    return evse_store_set_inoperative(ocpp->config.store, connector, inoperative);
}

// Operative on 0 frees every connector as well: it covers all (5.2).
static int change_availability(evse_ocpp_t *ocpp, unsigned connector, bool inoperative)
{
    int status = set_inoperative(ocpp, connector, inoperative);
    for (unsigned i = 1u; connector == 0u && !inoperative && i <= ocpp->config.connectors; i++) {
        int each = set_inoperative(ocpp, i, false);
        status = status == HF_OK ? each : status;
    }
    return status;
}

static bool is_transaction_running(const evse_ocpp_t *ocpp, unsigned connector)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if ((connector == 0u || connector == i + 1u) && evse_session_is_billing(ocpp, i)) {
            return true;
        }
    }
    return false;
}

static evse_rpc_error_t on_change_availability(evse_ocpp_t *ocpp, hf_json_t payload,
                                               hf_json_writer_t *reply)
{
    static const char *const types[] = {"Operative", "Inoperative", NULL};
    unsigned connector = 0u, type = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_connector(&fields, true, &connector);
    (void)evse_fields_choice(&fields, "type", true, types, &type);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    bool inoperative = type == 1u;
    bool possible = connector <= ocpp->config.connectors &&
                    !(connector != 0u && !inoperative && ocpp->config.store->inoperative[0]);
    if (!possible || change_availability(ocpp, connector, inoperative) != HF_OK) {
        return evse_reply_status(reply, "Rejected");
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "connector %u made %s", connector, types[type]);
    bool later = inoperative && is_transaction_running(ocpp, connector);
    return evse_reply_recorded(ocpp, reply, later ? "Scheduled" : "Accepted");
}

// ---- the station --------------------------------------------------------------------------------

static evse_rpc_error_t on_reset(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    static const char *const types[] = {"Soft", "Hard", NULL};
    unsigned type = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (!evse_fields_choice(&fields, "type", true, types, &type)) {
        return fields.error;
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "%s reset asked by central system", types[type]);
    ocpp->reset_pending = true;
    ocpp->reset_hard = type == 1u;
    evse_ending_start(ocpp, type == 1u ? EVSE_STOP_HardReset : EVSE_STOP_SoftReset);
    return evse_reply_status(reply, "Accepted");
}

// ---- UnlockConnector: stop what runs, order the lock, answer when control has tried ------------

static evse_rpc_error_t on_unlock(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    unsigned connector = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (!evse_fields_connector(&fields, true, &connector)) {
        return fields.error;
    }
    if (connector == 0 || connector > ocpp->config.connectors) {
        return evse_reply_status(reply, "NotSupported"); // errata 3.87
    }
    if (!evse_rpc_can_defer(&ocpp->rpc)) { // the central system gave up on an answer before
        return evse_reply_status(reply, "UnlockFailed");
    }
    ocpp->session[connector - 1].cable_held = false;
    ocpp->unlock.waiting = true;
    ocpp->unlock.ordered = false;
    ocpp->unlock.connector = (uint8_t)(connector - 1);
    ocpp->unlock.since_us = ocpp->now_us;
    return EVSE_RPC_DEFERRED;
}

static void answer_unlock(evse_ocpp_t *ocpp, bool unlocked)
{
    ocpp->unlock.waiting = evse_reply_deferred(ocpp, unlocked ? "Unlocked" : "UnlockFailed");
}

// ---- what has recorded something ----------------------------------------------------------------

static const char *const recorded_texts[] = {"Accepted", "Scheduled", "RebootRequired"};

evse_rpc_error_t evse_reply_recorded(evse_ocpp_t *ocpp, hf_json_writer_t *reply, const char *status)
{
    const hf_journal_t *journal = &ocpp->config.store->journal;
    uint64_t appended = hf_journal_appended(journal);
    unsigned which = 0u;
    while (which < HF_COUNT_OF(recorded_texts) && strcmp(status, recorded_texts[which]) != 0) {
        which++;
    }
    if (which == HF_COUNT_OF(recorded_texts) || hf_journal_durable(journal) == appended ||
        !evse_rpc_can_defer(&ocpp->rpc)) {
        return evse_reply_status(reply, status);
    }
    ocpp->unlock.owed = (uint8_t)(which + 1u);
    ocpp->unlock.owed_at = (uint32_t)appended;
    return EVSE_RPC_DEFERRED;
}

static void answer_recorded(evse_ocpp_t *ocpp)
{
    uint32_t durable = (uint32_t)hf_journal_durable(&ocpp->config.store->journal);
    if (ocpp->journal_failed || (int32_t)(durable - ocpp->unlock.owed_at) >= 0) {
        const char *text = recorded_texts[ocpp->unlock.owed - 1u];
        if (evse_reply_deferred(ocpp, ocpp->journal_failed ? "Rejected" : text)) {
            ocpp->stirred = true; // the link is busy
        } else {
            ocpp->unlock.owed = 0u;
        }
    }
}

void evse_calls_step(evse_ocpp_t *ocpp)
{
    if (ocpp->unlock.owed != 0u) {
        answer_recorded(ocpp);
    }
    unsigned connector = ocpp->unlock.connector;
    if (!ocpp->unlock.waiting) {
        return;
    }
    if (evse_session_is_billing(ocpp, connector)) { // also one that began after the CALL had come
        evse_session_stop(ocpp, connector, EVSE_STOP_UnlockCommand);
        return;
    }
    ocpp->stirred = true; // the lock tells no event
    if (!ocpp->unlock.ordered) {
        ocpp->unlock.ordered = true;
        ocpp->unlock.since_us = ocpp->now_us;
        ocpp->unlock_count[connector]++;
        return;
    }
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view != NULL && view->unlock_done == ocpp->unlock_count[connector]) {
        answer_unlock(ocpp, view->unlock_ok != 0u);
    } else if (ocpp->now_us - ocpp->unlock.since_us >= UNLOCK_TIMEOUT_US) {
        answer_unlock(ocpp, false);
    }
}

// ---- TriggerMessage -----------------------------------------------------------------------------

#if CONFIG_EVSE_OCPP_REMOTE_TRIGGER
enum {
    TRIGGER_BOOT,
    TRIGGER_DIAGNOSTICS,
    TRIGGER_FIRMWARE,
    TRIGGER_HEARTBEAT,
    TRIGGER_METER,
    TRIGGER_STATUS,
    TRIGGER_UNKNOWN,
};

#define TRIGGER_BYTES  48u
#define ALL_CONNECTORS UINT_MAX

static void trigger_each(evse_ocpp_t *ocpp, bool meter, unsigned connector)
{
    unsigned first = connector == ALL_CONNECTORS ? 0u : connector;
    unsigned last = connector == ALL_CONNECTORS ? ocpp->config.connectors : connector;
    for (unsigned i = first; i <= last; i++) {
        if (!meter) {
            ocpp->triggers |= EVSE_TRIGGER_STATUS(i);
        } else if (i > 0u) {
            evse_meter_trigger(ocpp, i - 1u);
        } else if (connector == 0u) {
            evse_meter_trigger_station(ocpp);
        }
    }
}

// Anything that is no message of ours is NotImplemented, which the specification has for unknown ones too (7.47): nothing
// can then be sent for it.
static unsigned read_trigger(evse_fields_t *fields)
{
    static const char *const messages[TRIGGER_UNKNOWN] = {"BootNotification",
                                                          "DiagnosticsStatusNotification",
                                                          "FirmwareStatusNotification",
                                                          "Heartbeat",
                                                          "MeterValues",
                                                          "StatusNotification"};
    char text[TRIGGER_BYTES];
    hf_json_t value = hf_json_member(fields->object, "requestedMessage");
    if (value.type == HF_JSON_STRING && hf_json_string(value, text, sizeof text) != HF_OK) {
        return TRIGGER_UNKNOWN; // longer than any
    }
    (void)evse_fields_text(fields, "requestedMessage", true, text, sizeof text);
    unsigned message = 0u;
    while (message < TRIGGER_UNKNOWN && strcmp(text, messages[message]) != 0) {
        message++;
    }
    return message;
}

// Rejected otherwise: no such connector, no meter of the station's own, or accepted already (errata 3.35).
static bool is_trigger_possible(const evse_ocpp_t *ocpp, unsigned message, unsigned connector)
{
    bool accepted = ocpp->registration == EVSE_REGISTRATION_ACCEPTED;
    bool silent = message == TRIGGER_METER && connector == 0u && !evse_meter_has_station(ocpp);
    return (connector == ALL_CONNECTORS || connector <= ocpp->config.connectors) && !silent &&
           !(message == TRIGGER_BOOT && accepted);
}

// Without a platform's transfers there is no Firmware Management.
static bool is_trigger_built(const evse_ocpp_t *ocpp, unsigned message)
{
    bool transfer = message == TRIGGER_DIAGNOSTICS || message == TRIGGER_FIRMWARE;
    return message != TRIGGER_UNKNOWN && (!transfer || ocpp->config.transfer.ops != NULL);
}

static evse_rpc_error_t on_trigger(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    static const uint32_t bits[TRIGGER_METER] = {
        [TRIGGER_BOOT] = EVSE_TRIGGER_BOOT,
        [TRIGGER_DIAGNOSTICS] = EVSE_TRIGGER_DIAGNOSTICS,
        [TRIGGER_FIRMWARE] = EVSE_TRIGGER_FIRMWARE,
        [TRIGGER_HEARTBEAT] = EVSE_TRIGGER_HEARTBEAT,
    };
    unsigned connector = 0u;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    unsigned message = read_trigger(&fields);
    if (!evse_fields_connector(&fields, false, &connector)) {
        connector = ALL_CONNECTORS;
    }
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    if (!is_trigger_built(ocpp, message)) {
        return evse_reply_status(reply, "NotImplemented");
    }
    if (!is_trigger_possible(ocpp, message, connector)) {
        return evse_reply_status(reply, "Rejected");
    }
    if (message < TRIGGER_METER) {
        ocpp->triggers |= bits[message];
    } else {
        trigger_each(ocpp, message == TRIGGER_METER, connector);
    }
    return evse_reply_status(reply, "Accepted");
}
#endif

// ---- dispatch -----------------------------------------------------------------------------------

typedef struct call_handler {
    const char *action;
    evse_rpc_error_t (*handle)(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
} call_handler_t;

static const call_handler_t handlers[] = {
#if CONFIG_EVSE_OCPP_RESERVATION
    {"CancelReservation", evse_reservation_on_cancel},
#endif
    {"ChangeAvailability", on_change_availability},
    {"ChangeConfiguration", evse_keys_on_change},
    {"ClearCache", evse_auth_on_clear_cache},
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    {"ClearChargingProfile", evse_smart_on_clear},
#endif
    {"DataTransfer", evse_vendor_on_transfer},
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    {"GetCompositeSchedule", evse_smart_on_composite},
#endif
    {"GetConfiguration", evse_keys_on_get},
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    {"GetLocalListVersion", evse_list_on_version},
#endif
#if CONFIG_EVSE_OCPP_FIRMWARE
    {"GetDiagnostics", evse_diagnostics_on_get},
#endif
    {"RemoteStartTransaction", on_remote_start},
    {"RemoteStopTransaction", on_remote_stop},
#if CONFIG_EVSE_OCPP_RESERVATION
    {"ReserveNow", evse_reservation_on_reserve},
#endif
    {"Reset", on_reset},
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    {"SendLocalList", evse_list_on_send},
#endif
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    {"SetChargingProfile", evse_smart_on_set},
#endif
#if CONFIG_EVSE_OCPP_REMOTE_TRIGGER
    {"TriggerMessage", on_trigger},
#endif
    {"UnlockConnector", on_unlock},
#if CONFIG_EVSE_OCPP_FIRMWARE
    {"UpdateFirmware", evse_firmware_on_update},
#endif
};

// Actions of OCPP 1.6 and of its security extension that are not built, or that only we may send.
static const char *const known_actions[] = {
    "Authorize",
    "BootNotification",
    "CancelReservation",
    "CertificateSigned",
    "ClearChargingProfile",
    "DeleteCertificate",
    "DiagnosticsStatusNotification",
    "ExtendedTriggerMessage",
    "FirmwareStatusNotification",
    "GetCompositeSchedule",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "Heartbeat",
    "InstallCertificate",
    "LogStatusNotification",
    "MeterValues",
    "ReserveNow",
    "SecurityEventNotification",
    "SendLocalList",
    "SetChargingProfile",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "SignedUpdateFirmware",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    "TriggerMessage",
    "UpdateFirmware",
};

evse_rpc_error_t evse_calls_dispatch(void *ctx, hf_slice_t action, hf_json_t payload,
                                     hf_json_writer_t *reply)
{
    evse_ocpp_t *ocpp = ctx;
    evse_stir(ocpp);
    if (ocpp->registration == EVSE_REGISTRATION_REJECTED) {
        return EVSE_RPC_SILENT; // 4.2: who rejected us gets no answers
    }
    for (size_t i = 0u; i < HF_COUNT_OF(handlers); i++) {
        if (hf_slice_is(action, handlers[i].action)) {
            return handlers[i].handle(ocpp, payload, reply);
        }
    }
    for (size_t i = 0u; i < HF_COUNT_OF(known_actions); i++) {
        if (hf_slice_is(action, known_actions[i])) {
            return EVSE_RPC_NotSupported;
        }
    }
    return EVSE_RPC_NotImplemented;
}
