// SPDX-License-Identifier: MIT
// What vendor messages say: the JSON object that goes as a text into `data`. What is not known is left out, never guessed.
#include "evse_ocpp_vendor.h"

#define DEGREES_UNKNOWN INT16_MIN

const char *evse_vendor_kind_text(unsigned kind)
{
    static const char *const texts[] = {
#define KIND_TEXT(name) #name,
        EVSE_VENDOR_KIND_TABLE(KIND_TEXT)
#undef KIND_TEXT
    };
    return kind < EVSE_VENDOR_KINDS ? texts[kind] : "";
}

static void put_fixed(hf_json_writer_t *json, const char *name, int64_t value, unsigned decimals)
{
    hf_json_key(json, name);
    hf_json_put_fixed(json, value, decimals);
}

static void put_utc(hf_json_writer_t *json, uint64_t utc_ms)
{
    if (utc_ms != 0u) {
        evse_put_time(json, "timestamp", utc_ms);
    }
}

// Only where a reader could take one for another.
static void put_connector(const evse_ocpp_t *ocpp, hf_json_writer_t *json, unsigned connector)
{
    if (ocpp->config.connectors > 1u) {
        hf_json_i64_field(json, "connector", (int64_t)connector + 1);
    }
}

// ---- alerts -------------------------------------------------------------------------------------

// The names this line of chargers has used; a fault without one goes by its own.
static const char *alert_type(unsigned code)
{
    switch (code) {
    case EVSE_ALERT_COMPLETE:
        return "CHARGE_COMPLETE";
    case EVSE_ALERT_SWITCHED_OFF:
        return "BMS_CHARGER_SWITCH_OFF";
    case EVSE_ALERT_BMS_DISABLED:
        return "BMS_CHARGING_DISABLED";
    case EVSE_ALERT_BMS_ENABLED:
        return "BMS_CHARGING_ENABLED";
    case EVSE_FAULT_BMS_LOST:
        return "BMS_CAN_TIMEOUT";
    case EVSE_FAULT_OVERTEMPERATURE:
        return "OVER_TEMPERATURE";
    default:
        break;
    }
    bool power = strcmp(evse_fault_ocpp_code(code), "PowerSwitchFailure") == 0;
    return power ? "PowerSwitchFailure" : evse_fault_name(code);
}

static const char *alert_message(unsigned code)
{
    switch (code) {
    case EVSE_ALERT_COMPLETE:
        return "the BMS ended charging, the battery is full";
    case EVSE_ALERT_SWITCHED_OFF:
        return "the BMS switched the charger off";
    case EVSE_ALERT_BMS_DISABLED:
        return "the BMS forbids charging";
    case EVSE_ALERT_BMS_ENABLED:
        return "the BMS permits charging";
    default:
        return evse_fault_text(code);
    }
}

static bool is_fault_critical(unsigned fault)
{
    switch ((evse_fault_t)fault) {
    case EVSE_FAULT_EMERGENCY_STOP:
    case EVSE_FAULT_OVERVOLTAGE:
    case EVSE_FAULT_OVERCURRENT:
    case EVSE_FAULT_OVERTEMPERATURE:
    case EVSE_FAULT_CONTACTOR_STUCK_OPEN:
    case EVSE_FAULT_CONTACTOR_WELDED:
    case EVSE_FAULT_MODULE_OFF_UNCONFIRMED:
    case EVSE_FAULT_JOURNAL_FAILED:
        return true;
    default:
        return false;
    }
}

bool evse_vendor_is_critical(const evse_vendor_item_t *item)
{
    return item->kind == EVSE_VENDOR_SessionSummary ||
           (item->kind == EVSE_VENDOR_SystemAlert && item->code < EVSE_ALERT_COMPLETE &&
            is_fault_critical(item->code));
}

static const char *severity(const evse_vendor_item_t *item)
{
    return item->code == EVSE_ALERT_COMPLETE ? "Info"
           : evse_vendor_is_critical(item)   ? "Critical"
                                             : "Warning";
}

static void put_alert(const evse_vendor_item_t *item, hf_json_writer_t *json)
{
    hf_json_string_field(json, "alertType", alert_type(item->code));
    hf_json_string_field(json, "message", alert_message(item->code));
    if (item->kind == EVSE_VENDOR_SystemAlert) {
        hf_json_string_field(json, "severity", severity(item));
    }
}

// ---- vehicle and session ------------------------------------------------------------------------

static void put_battery(const evse_vendor_item_t *item, hf_json_writer_t *json,
                        const char *soc_name)
{
    if (item->soc_permille >= 0) {
        put_fixed(json, soc_name, item->soc_permille, 1u);
    }
}

static void put_vehicle(const evse_vendor_item_t *item, hf_json_writer_t *json)
{
    put_battery(item, json, "soc");
    put_fixed(json, "maxCurrent", item->mA, 3u);
    if (item->vehicle != NULL) {
        hf_json_string_field(json, "model", item->vehicle);
    }
    if (item->range_km >= 0) {
        hf_json_i64_field(json, "range", item->range_km);
    }
    if (item->mV > 0) {
        put_fixed(json, "voltage", item->mV, 3u);
    }
    if (item->temperature_dC != DEGREES_UNKNOWN) {
        put_fixed(json, "temperature", item->temperature_dC, 1u);
    }
}

static void put_summary(const evse_vendor_item_t *item, hf_json_writer_t *json)
{
    if (item->transaction_id != EVSE_TRANSACTION_ID_UNKNOWN) {
        hf_json_i64_field(json, "txId", item->transaction_id);
    }
    hf_json_string_field(json, "stopReason", evse_stop_reason_text(item->code));
    put_battery(item, json, "finalSoc");
    hf_json_i64_field(json, "energyDeliveredWh", item->energy_Wh);
    hf_json_i64_field(json, "durationMinutes", item->duration_s / 60u);
    put_fixed(json, "terminalVolt", item->mV, 3u);
    put_fixed(json, "terminalCurr", item->mA, 3u);
}

void evse_vendor_write_item(const evse_ocpp_t *ocpp, const evse_vendor_item_t *item,
                            hf_builder_t *out)
{
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    put_connector(ocpp, &json, item->connector);
    switch ((evse_vendor_kind_t)item->kind) {
    case EVSE_VENDOR_VehicleInfo:
        put_vehicle(item, &json);
        break;
    case EVSE_VENDOR_SessionSummary:
        put_summary(item, &json);
        break;
    case EVSE_VENDOR_BMSAlert:
    case EVSE_VENDOR_SystemAlert:
    default:
        put_alert(item, &json);
        break;
    }
    put_utc(&json, (uint64_t)item->utc_s * 1000u);
    hf_json_end_object(&json);
}

bool evse_vendor_vehicle(const evse_ocpp_t *ocpp, unsigned connector, evse_vendor_item_t *item)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view == NULL || view->plugged == 0u || view->bms_alive == 0u || view->request_mA <= 0 ||
        view->soc_permille < 0) {
        return false;
    }
    *item = (evse_vendor_item_t){
        .utc_s = (uint32_t)(evse_ocpp_utc_ms(ocpp, ocpp->now_us) / 1000u),
        .since_s = (uint32_t)(ocpp->now_us / HF_US_PER_S),
        .mV = view->meter_fresh != 0u ? view->mV : 0,
        .mA = view->request_mA,
        .vehicle = view->vehicle,
        .range_km = (int16_t)(view->range_km < INT16_MAX ? view->range_km : INT16_MAX),
        .soc_permille = (int16_t)view->soc_permille,
        .temperature_dC = view->temperature_dC > DEGREES_UNKNOWN ? (int16_t)view->temperature_dC
                                                                 : DEGREES_UNKNOWN,
        .kind = EVSE_VENDOR_VehicleInfo,
        .connector = (uint8_t)connector};
    return true;
}

// ---- what is never queued -----------------------------------------------------------------------

void evse_vendor_write_telemetry(const evse_ocpp_t *ocpp, unsigned connector, hf_builder_t *out)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    put_connector(ocpp, &json, connector);
    if (view->meter_fresh != 0u) {
        put_fixed(&json, "v", view->mV, 3u);
        put_fixed(&json, "i", view->mA, 3u);
        put_fixed(&json, "p", (int64_t)view->mV * view->mA / 1000000, 0u);
    }
    if (view->soc_permille >= 0) {
        put_fixed(&json, "s", view->soc_permille, 1u);
    }
    uint64_t energy_Wh = evse_register_Wh(ocpp, connector);
    uint64_t start_Wh = ocpp->session[connector].start_Wh;
    bool counting = evse_session_is_billing(ocpp, connector) && energy_Wh >= start_Wh;
    hf_json_i64_field(&json, "e", counting ? (int64_t)(energy_Wh - start_Wh) : 0);
    if (view->temperature_dC != INT32_MIN) {
        put_fixed(&json, "t", view->temperature_dC, 1u);
    }
    hf_json_end_object(&json);
}

void evse_vendor_write_status(const evse_ocpp_t *ocpp, unsigned connector, hf_builder_t *out)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    bool ready = view->state != EVSE_STATE_Faulted && view->state != EVSE_STATE_Unavailable;
    const char *why = view->fault != EVSE_FAULT_NONE ? evse_fault_text(view->fault)
                                                     : evse_connector_state_text(view->state);
    hf_json_begin_object(&json);
    put_connector(ocpp, &json, connector);
    hf_json_bool_field(&json, "ready", ready);
    hf_json_string_field(&json, "reason", ready ? "" : why);
    put_utc(&json, evse_ocpp_utc_ms(ocpp, ocpp->now_us));
    hf_json_end_object(&json);
}
