// SPDX-License-Identifier: MIT
// Fields of a connector. With the contactor open nothing flows, whether or not the meter is fresh; the voltage of a meter
// that is not fresh is not known.
#include "mqtt_fields.h"

#define MILLIJOULES_PER_WH 3600000u
#define MICROWATTS_PER_W   1000000

static bool read_state(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->state;
    return true;
}

static bool read_fault(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->fault;
    return true;
}

static bool read_plugged(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->plugged;
    return true;
}

static bool read_locked(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->locked;
    return true;
}

static bool read_contactor(const evse_connector_view_t *view, int32_t transaction_id,
                           int64_t *value)
{
    (void)transaction_id;
    *value = view->contactor_closed;
    return true;
}

static bool read_power(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->meter_fresh != 0 ? (int64_t)view->mV * view->mA / MICROWATTS_PER_W : 0;
    return view->meter_fresh != 0 || view->contactor_closed == 0;
}

static bool read_voltage(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->mV;
    return view->meter_fresh != 0;
}

static bool read_current(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->meter_fresh != 0 ? view->mA : 0;
    return view->meter_fresh != 0 || view->contactor_closed == 0;
}

static bool read_limit(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->offered_mA;
    return true;
}

static bool read_energy(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = (int64_t)(view->register_mJ / MILLIJOULES_PER_WH);
    return true;
}

static bool read_temperature(const evse_connector_view_t *view, int32_t transaction_id,
                             int64_t *value)
{
    (void)transaction_id;
    *value = view->temperature_dC;
    return view->temperature_dC != INT32_MIN;
}

static bool read_soc(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value)
{
    (void)transaction_id;
    *value = view->soc_permille;
    return view->soc_permille >= 0;
}

static bool read_transaction(const evse_connector_view_t *view, int32_t transaction_id,
                             int64_t *value)
{
    (void)view;
    *value = transaction_id;
    return transaction_id > 0;
}

const mqtt_field_t mqtt_fields[MQTT_FIELDS] = {
    {.name = "state",
     .kind = MQTT_ENUM,
     .read = read_state,
     .text = evse_connector_state_text,
     .options = EVSE_CONNECTOR_STATE_COUNT,
     .title = "Status",
     .device_class = "enum"},
    {.name = "fault",
     .kind = MQTT_ENUM,
     .read = read_fault,
     .text = evse_fault_name,
     .title = "Fault",
     .is_diagnostic = true},
    {.name = "plugged",
     .kind = MQTT_BOOL,
     .read = read_plugged,
     .title = "Plug",
     .device_class = "plug"},
    {.name = "locked", .kind = MQTT_BOOL, .read = read_locked},
    {.name = "contactor_closed",
     .kind = MQTT_BOOL,
     .read = read_contactor,
     .title = "Contactor",
     .device_class = "power",
     .is_diagnostic = true},
    {.name = "power_w",
     .kind = MQTT_NUMBER,
     .deadband = 10,
     .read = read_power,
     .title = "Power",
     .device_class = "power",
     .state_class = "measurement",
     .unit = "W"},
    {.name = "voltage_mv",
     .kind = MQTT_NUMBER,
     .deadband = 500,
     .read = read_voltage,
     .title = "Voltage",
     .device_class = "voltage",
     .state_class = "measurement",
     .unit = "mV"},
    {.name = "current_ma",
     .kind = MQTT_NUMBER,
     .deadband = 100,
     .read = read_current,
     .title = "Current",
     .device_class = "current",
     .state_class = "measurement",
     .unit = "mA"},
    {.name = "limit_ma",
     .kind = MQTT_NUMBER,
     .deadband = 100,
     .read = read_limit,
     .title = "Current limit",
     .device_class = "current",
     .unit = "mA"},
    {.name = "energy_wh",
     .kind = MQTT_NUMBER,
     .deadband = 10,
     .read = read_energy,
     .title = "Energy",
     .device_class = "energy",
     .state_class = "total_increasing",
     .unit = "Wh"},
    {.name = "temperature_c",
     .kind = MQTT_NUMBER,
     .decimals = 1,
     .deadband = 5,
     .read = read_temperature,
     .title = "Module temperature",
     .device_class = "temperature",
     .state_class = "measurement",
     .unit = "\u00b0C",
     .is_diagnostic = true},
    {.name = "soc_percent",
     .kind = MQTT_NUMBER,
     .decimals = 1,
     .deadband = 5,
     .read = read_soc,
     .title = "Vehicle battery",
     .device_class = "battery",
     .state_class = "measurement",
     .unit = "%"},
    {.name = "transaction_id", .kind = MQTT_NUMBER, .read = read_transaction},
};

size_t mqtt_field_format(const mqtt_field_t *field, bool is_known, int64_t value, char *out,
                         size_t capacity)
{
    hf_builder_t text;
    hf_builder_init(&text, out, capacity);
    if (!is_known) {
        hf_builder_text(&text, "null");
    } else if (field->kind == MQTT_BOOL) {
        hf_builder_text(&text, value != 0 ? "true" : "false");
    } else if (field->kind == MQTT_ENUM) {
        hf_builder_text(&text, field->text((unsigned)value));
    } else {
        hf_builder_fixed(&text, value, field->decimals);
    }
    return text.length;
}
