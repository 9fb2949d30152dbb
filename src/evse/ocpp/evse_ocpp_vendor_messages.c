// SPDX-License-Identifier: MIT
// Vendor messages this station sends by itself: when something is worth one, and the sending.
// Goals: each tells one thing once; nobody who does not want them gets any; billing never waits for them longer than one
// CALL, and less and less often where nobody answers. Assumptions: control's snapshot is 20 ms old at most.
// Invariants: only what VendorMessages and TelemetryInterval switch on is ever made; a SessionSummary goes out after the
// last message of its transaction; one is under way at a time.
#include "evse_ocpp_vendor.h"

#define LOOK_US       (100u * HF_US_PER_MS)
#define SETTLE_US     (3u * HF_US_PER_S)  // after the plug: the BMS needs to say all of it
#define INFO_PAUSE_US (30u * HF_US_PER_S) // between two of one connector, whatever its plug does
#define ALERT_GAP_US  HF_US_PER_S         // a BMS that changes its mind faster is told once
#define REST_US       (60u * HF_US_PER_S) // after an answer that did not come, doubled each time
#define REST_DOUBLES  6u                  // up to about an hour
#define FULL_PERMILLE 900                 // what these packs count as full
#define TELEMETRY     0xFFu               // of a token: no item

// ---- keys ---------------------------------------------------------------------------------------

int evse_vendor_parse_kinds(hf_slice_t list)
{
    int bits = 0;
    hf_slice_t rest = list.length != 0u ? list : (hf_slice_t){0};
    hf_slice_t name;
    while (hf_slice_next(&rest, &name)) {
        unsigned kind = 0u;
        while (kind < EVSE_VENDOR_LiveTelemetry &&
               !hf_slice_is(name, evse_vendor_kind_text(kind))) {
            kind++;
        }
        if (kind == EVSE_VENDOR_LiveTelemetry || (bits & 1 << kind) != 0) {
            return -1; // LiveTelemetry has an interval of its own
        }
        bits |= 1 << kind;
    }
    return bits;
}

bool evse_vendor_is_id(hf_slice_t id)
{
    for (size_t i = 0u; i < id.length; i++) {
        if (id.text[i] < ' ' || id.text[i] > '~') {
            return false;
        }
    }
    return id.length > 0u && id.length < EVSE_VALUE_BYTES;
}

void evse_vendor_apply_keys(evse_ocpp_t *ocpp)
{
    const char *list = evse_key_text(ocpp, EVSE_KEY_OF_VendorMessages);
    int kinds = evse_vendor_parse_kinds((hf_slice_t){list, strlen(list)});
    bool live = EVSE_NUMBER(ocpp, TelemetryInterval) > 0;
    ocpp->vendor.enabled =
        (uint8_t)((kinds > 0 ? kinds : 0) | (live ? 1 << EVSE_VENDOR_LiveTelemetry : 0));
    ocpp->vendor.telemetry_due = 0u;
    ocpp->vendor.next_telemetry_us = 0u;
    ocpp->vendor.due_us = ocpp->vendor.enabled != 0u || ocpp->vendor.count != 0u ? 0u : UINT64_MAX;
}

void evse_vendor_init(evse_ocpp_t *ocpp)
{
    ocpp->vendor = (evse_vendor_t){0};
    evse_vendor_resume(ocpp);
    evse_vendor_apply_keys(ocpp);
}

static bool is_on(const evse_ocpp_t *ocpp, evse_vendor_kind_t kind)
{
    return (ocpp->vendor.enabled & 1u << kind) != 0u;
}

// ---- what is worth a message --------------------------------------------------------------------

static evse_vendor_item_t new_item(const evse_ocpp_t *ocpp, evse_vendor_kind_t kind,
                                   unsigned connector)
{
    return (evse_vendor_item_t){.utc_s = (uint32_t)(evse_ocpp_utc_ms(ocpp, ocpp->now_us) / 1000u),
                                .since_s = (uint32_t)(ocpp->now_us / HF_US_PER_S),
                                .transaction_id = EVSE_TRANSACTION_ID_UNKNOWN,
                                .soc_permille = -1,
                                .range_km = -1,
                                .temperature_dC = INT16_MIN,
                                .kind = (uint8_t)kind,
                                .connector = (uint8_t)connector};
}

static void alert(evse_ocpp_t *ocpp, evse_vendor_kind_t kind, unsigned connector, unsigned code)
{
    if (is_on(ocpp, kind)) {
        evse_vendor_item_t item = new_item(ocpp, kind, connector);
        item.code = (uint8_t)code;
        evse_vendor_put(ocpp, &item);
    }
}

void evse_vendor_note_event(evse_ocpp_t *ocpp, const evse_event_t *event)
{
    bool fault = event->kind == EVSE_EVENT_FAULT && event->detail != EVSE_FAULT_EMERGENCY_STOP &&
                 event->detail < EVSE_FAULT_COUNT;
    if (fault || event->kind == EVSE_EVENT_ESTOP) {
        unsigned code = fault ? event->detail : (unsigned)EVSE_FAULT_EMERGENCY_STOP;
        alert(ocpp, EVSE_VENDOR_SystemAlert, event->connector, code);
    }
}

void evse_vendor_note_end(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                          uint64_t register_mJ)
{
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (!is_on(ocpp, EVSE_VENDOR_SessionSummary) || open == NULL) {
        return;
    }
    evse_vendor_item_t item = new_item(ocpp, EVSE_VENDOR_SessionSummary, connector);
    uint64_t stop_Wh = register_mJ / EVSE_mJ_PER_Wh;
    item.number = open->number;
    item.transaction_id = open->transaction_id;
    item.energy_Wh = stop_Wh > open->start_Wh ? (uint32_t)(stop_Wh - open->start_Wh) : 0u;
    item.duration_s =
        (uint32_t)((ocpp->now_us - ocpp->session[connector].started_us) / HF_US_PER_S);
    item.code = (uint8_t)reason;
    if (view != NULL) {
        item.soc_permille = (int16_t)view->soc_permille;
        item.mV = view->meter_fresh != 0u ? view->mV : 0;
        item.mA = view->meter_fresh != 0u ? view->mA : 0;
    }
    evse_vendor_put(ocpp, &item);
    if (ocpp->ending.reason != EVSE_STOP_None && !ocpp->journal_failed) {
        evse_vendor_keep(ocpp); // a restart is near
    }
}

// The BMS gives or takes its permission. Within a session, taking it is also how it ends the charge.
static void watch_bms(evse_ocpp_t *ocpp, unsigned connector, const evse_connector_view_t *view)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    bool allows = view->bms_allows != 0u;
    if (view->plugged == 0u || view->bms_alive == 0u) {
        vendor->connector[connector].bms_known = false;
        return;
    }
    if (!vendor->connector[connector].bms_known) {
        vendor->connector[connector].bms_known = true;
        vendor->connector[connector].bms_allowed = allows;
    }
    if (allows == vendor->connector[connector].bms_allowed ||
        ocpp->now_us - vendor->connector[connector].alert_us < ALERT_GAP_US) {
        return;
    }
    vendor->connector[connector].bms_allowed = allows;
    vendor->connector[connector].alert_us = ocpp->now_us;
    alert(ocpp, EVSE_VENDOR_BMSAlert, connector,
          allows ? EVSE_ALERT_BMS_ENABLED : EVSE_ALERT_BMS_DISABLED);
    if (!allows && evse_session_is_billing(ocpp, connector)) {
        bool full = view->soc_permille >= FULL_PERMILLE;
        alert(ocpp, EVSE_VENDOR_SystemAlert, connector,
              full ? EVSE_ALERT_COMPLETE : EVSE_ALERT_SWITCHED_OFF);
    }
}

static void watch_plug(evse_ocpp_t *ocpp, unsigned connector, const evse_connector_view_t *view)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    evse_vendor_item_t item;
    if (view->plugged == 0u) {
        vendor->connector[connector].plugged_us = 0u;
        vendor->connector[connector].informed = false;
        return;
    }
    if (vendor->connector[connector].plugged_us == 0u) {
        vendor->connector[connector].plugged_us = ocpp->now_us;
    }
    if (evse_session_is_billing(ocpp, connector)) {
        vendor->connector[connector].informed = true; // what it tells is of before the charge
    }
    uint64_t last_us = vendor->connector[connector].info_us;
    if (!vendor->connector[connector].informed && is_on(ocpp, EVSE_VENDOR_VehicleInfo) &&
        ocpp->now_us - vendor->connector[connector].plugged_us >= SETTLE_US &&
        (last_us == 0u || ocpp->now_us - last_us >= INFO_PAUSE_US) &&
        evse_vendor_vehicle(ocpp, connector, &item)) {
        vendor->connector[connector].informed = true;
        vendor->connector[connector].info_us = ocpp->now_us;
        evse_vendor_put(ocpp, &item);
    }
}

static void watch_telemetry(evse_ocpp_t *ocpp)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    if (!is_on(ocpp, EVSE_VENDOR_LiveTelemetry) ||
        !evse_is_due(ocpp->now_us, vendor->next_telemetry_us)) {
        return;
    }
    vendor->next_telemetry_us =
        ocpp->now_us + evse_seconds_us(EVSE_NUMBER(ocpp, TelemetryInterval));
    vendor->telemetry_due = 0u;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        bool live = ocpp->session[i].state == EVSE_SESSION_RUNNING && evse_ocpp_is_online(ocpp);
        vendor->telemetry_due |= (uint8_t)(live ? 1u << i : 0u);
    }
}

// What was not known when it happened: the time, and the transaction's id. True while an id is missing that may still come:
// it is known only until the transaction's last message is confirmed.
static bool complete_items(evse_ocpp_t *ocpp)
{
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    bool missing = false;
    for (unsigned i = 0u; i < ocpp->vendor.count; i++) {
        evse_vendor_item_t *item = &ocpp->vendor.item[i];
        if (item->utc_s == 0u && item->since_s != 0u && utc_ms != 0u) {
            item->utc_s = (uint32_t)(utc_ms / 1000u - ocpp->now_us / HF_US_PER_S) + item->since_s;
        }
        if (item->number != 0u && item->transaction_id == EVSE_TRANSACTION_ID_UNKNOWN) {
            const evse_transaction_t *transaction =
                evse_store_transaction(ocpp->config.store, item->number);
            item->transaction_id =
                transaction != NULL ? transaction->transaction_id : EVSE_TRANSACTION_ID_UNKNOWN;
            missing = missing || (item->transaction_id == EVSE_TRANSACTION_ID_UNKNOWN &&
                                  evse_ocpp_is_online(ocpp));
        }
    }
    return missing;
}

void evse_vendor_work(evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; ocpp->vendor.enabled != 0u && i < ocpp->config.connectors; i++) {
        const evse_connector_view_t *view = evse_view(ocpp, i);
        if (view != NULL) {
            watch_plug(ocpp, i, view);
            watch_bms(ocpp, i, view);
        }
    }
    watch_telemetry(ocpp);
    bool missing = false;
    if (ocpp->vendor.count != 0u) {
        missing = complete_items(ocpp);
        if (!evse_ocpp_is_online(ocpp) && !ocpp->journal_failed) {
            evse_vendor_keep(ocpp);
        }
    }
    bool idle = ocpp->vendor.enabled == 0u && ocpp->vendor.count == 0u;
    ocpp->vendor.due_us = idle ? UINT64_MAX : ocpp->now_us + (missing ? 0u : LOOK_US);
}

// ---- the sending --------------------------------------------------------------------------------

static bool send_data(evse_ocpp_t *ocpp, evse_vendor_kind_t kind, const char *data, unsigned token)
{
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "DataTransfer", NULL);
    hf_json_string_field(json, "vendorId", evse_key_text(ocpp, EVSE_KEY_OF_VendorId));
    hf_json_string_field(json, "messageId", evse_vendor_kind_text(kind));
    hf_json_string_field(json, "data", data);
    return evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_VENDOR, token, 0u)) == HF_OK;
}

// A summary waits for the last word about its transaction.
static bool is_ready(const evse_ocpp_t *ocpp, const evse_vendor_item_t *item)
{
    return item->kind != EVSE_VENDOR_SessionSummary || item->number == 0u ||
           !evse_store_knows(ocpp->config.store, item->number);
}

static bool send_item(evse_ocpp_t *ocpp)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    char text[EVSE_VENDOR_DATA_BYTES];
    hf_builder_t out;
    unsigned i = 0u;
    while (i < vendor->count && !is_ready(ocpp, &vendor->item[i])) {
        i++;
    }
    if (i == vendor->count) {
        return false;
    }
    hf_builder_init(&out, text, sizeof text);
    evse_vendor_write_item(ocpp, &vendor->item[i], &out);
    if (!send_data(ocpp, (evse_vendor_kind_t)vendor->item[i].kind, text, i)) {
        return false;
    }
    vendor->in_flight = (uint8_t)(i + 1u);
    return true;
}

static bool send_telemetry(evse_ocpp_t *ocpp)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    char text[EVSE_VENDOR_DATA_BYTES];
    hf_builder_t out;
    unsigned i = 0u;
    while ((vendor->telemetry_due & 1u << i) == 0u) {
        i++;
    }
    vendor->telemetry_due &= (uint8_t) ~(1u << i);
    if (evse_view(ocpp, i) == NULL) {
        return false;
    }
    hf_builder_init(&out, text, sizeof text);
    evse_vendor_write_telemetry(ocpp, i, &out);
    return send_data(ocpp, EVSE_VENDOR_LiveTelemetry, text, TELEMETRY);
}

bool evse_vendor_send_some(evse_ocpp_t *ocpp)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    // Billing that only makes its last confirmation durable goes on in a moment; one that waits to be tried again does not.
    bool billing = evse_store_waiting(ocpp->config.store) > 0 && !ocpp->journal_failed &&
                   evse_is_due(ocpp->now_us, ocpp->next_transaction_us);
    if (billing || !evse_ocpp_is_online(ocpp) ||
        !evse_is_due(ocpp->now_us, vendor->not_before_us)) {
        return false;
    }
    return send_item(ocpp) || (vendor->telemetry_due != 0u && send_telemetry(ocpp));
}

static void rest(evse_vendor_t *vendor, uint64_t now_us)
{
    vendor->not_before_us = now_us + (REST_US << vendor->silent);
    vendor->silent = (uint8_t)(vendor->silent + (vendor->silent < REST_DOUBLES ? 1u : 0u));
    vendor->telemetry_due = 0u; // by then it is old
}

void evse_vendor_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                        hf_json_t payload)
{
    evse_vendor_t *vendor = &ocpp->vendor;
    bool is_item = (token >> 8 & 0xFFu) != TELEMETRY && vendor->in_flight != 0u;
    if (outcome == EVSE_RPC_TIMEOUT && evse_is_link_loss(ocpp)) {
        vendor->in_flight = 0u; // it is still in the queue
        return;
    }
    hf_json_t status = hf_json_member(payload, "status");
    // The link may have been dead unnoticed: it goes out again, until this central system has been silent for an hour.
    bool again = outcome == EVSE_RPC_TIMEOUT && vendor->silent < REST_DOUBLES;
    bool known = outcome == EVSE_RPC_RESULT && !hf_json_is_string(status, "UnknownVendorId");
    if (known) {
        vendor->silent = 0u;
        vendor->not_before_us = 0u;
    } else {
        rest(vendor,
             ocpp->now_us); // who does not answer, or knows no such thing, is asked less often
    }
    vendor->sent++;
    vendor->unanswered += outcome == EVSE_RPC_TIMEOUT ? 1u : 0u;
    vendor->refused +=
        outcome != EVSE_RPC_TIMEOUT && !hf_json_is_string(status, "Accepted") ? 1u : 0u;
    if (is_item && again) {
        vendor->in_flight = 0u;
    } else if (is_item) {
        evse_vendor_remove(ocpp, vendor->in_flight - 1u);
    }
}
