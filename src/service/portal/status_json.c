// SPDX-License-Identifier: MIT
// /api/status: one JSON object out of the two snapshots. Units end the names.
#include "status_health.h"

static void put_reasons(hf_json_writer_t *json, uint32_t reasons)
{
    hf_json_key(json, "reasons");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < EVSE_REASON_COUNT; i++) {
        if ((reasons & (1u << i)) != 0) {
            hf_json_put_string(json, evse_reason_text(i));
        }
    }
    hf_json_end_array(json);
}

static void put_fixed(hf_json_writer_t *json, const char *name, int64_t value, unsigned decimals)
{
    hf_json_key(json, name);
    hf_json_put_fixed(json, value, decimals);
}

static void put_readings(hf_json_writer_t *json, const evse_connector_view_t *view)
{
    int64_t power_mW = view->meter_fresh ? (int64_t)view->mV * view->mA / 1000 : 0;
    put_fixed(json, "power_W", power_mW, 3);
    put_fixed(json, "voltage_V", view->meter_fresh ? view->mV : 0, 3);
    put_fixed(json, "current_A", view->meter_fresh ? view->mA : 0, 3);
    hf_json_bool_field(json, "meter_fresh", view->meter_fresh != 0);
    put_fixed(json, "offered_V", view->offered_mV, 3);
    put_fixed(json, "offered_A", view->offered_mA, 3);
    hf_json_i64_field(json, "register_mJ", (int64_t)view->register_mJ);
    hf_json_i64_field(json, "register_Wh", (int64_t)(view->register_mJ / 3600000u));
    if (view->temperature_dC != INT32_MIN) {
        put_fixed(json, "temperature_C", view->temperature_dC, 1);
    }
    if (view->soc_permille >= 0) {
        put_fixed(json, "soc_percent", view->soc_permille, 1);
    }
}

static void put_bus(hf_json_writer_t *json, const evse_connector_view_t *view)
{
    hf_json_key(json, "bus");
    hf_json_begin_object(json);
    hf_json_string_field(json, "module", evse_can_state_text(view->bus_state));
    hf_json_string_field(json, "bms", evse_can_state_text(view->bms_bus_state));
    hf_json_i64_field(json, "bus_offs", view->bus_offs);
    hf_json_i64_field(json, "recoveries", view->bus_recoveries);
    hf_json_i64_field(json, "overruns", view->bus_overruns);
    hf_json_i64_field(json, "ring_percent", view->ring_percent);
    hf_json_end_object(json);
}

static void put_connector(hf_json_writer_t *json, unsigned number,
                          const evse_connector_view_t *view, int32_t transaction_id)
{
    hf_json_begin_object(json);
    hf_json_i64_field(json, "connector", number);
    hf_json_string_field(json, "state", evse_connector_state_text(view->state));
    hf_json_string_field(json, "fault", evse_fault_name(view->fault));
    hf_json_string_field(json, "phase", evse_power_phase_text(view->phase));
    hf_json_bool_field(json, "plugged", view->plugged != 0);
    hf_json_bool_field(json, "locked", view->locked != 0);
    hf_json_bool_field(json, "contactor_closed", view->contactor_closed != 0);
    if (transaction_id != 0) {
        hf_json_i64_field(json, "transaction_id", transaction_id);
    }
    put_readings(json, view);
    hf_json_bool_field(json, "bms_alive", view->bms_alive != 0);
    hf_json_bool_field(json, "bms_allows", view->bms_allows != 0);
    hf_json_bool_field(json, "module_healthy", view->module_healthy != 0);
    hf_json_bool_field(json, "bus_active", view->bus_active != 0);
    hf_json_i64_field(json, "can_rx", view->can_rx);
    hf_json_i64_field(json, "can_tx", view->can_tx);
    hf_json_i64_field(json, "can_errors", view->can_errors);
    put_bus(json, view);
    hf_json_string_field(json, "commissioning", evse_commission_state_text(view->commissioning));
    put_reasons(json, view->reasons);
    hf_json_end_object(json);
}

static void put_pools(hf_json_writer_t *json, const evse_comms_view_t *comms)
{
    hf_json_key(json, "pools");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < EVSE_POOL_COUNT; i++) {
        const hf_pool_stats_t *pool = &comms->pool[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "pool", evse_view_pool_name(i));
        hf_json_i64_field(json, "capacity", pool->capacity);
        hf_json_i64_field(json, "block_bytes", pool->block_bytes);
        hf_json_i64_field(json, "in_use", pool->in_use);
#if CONFIG_HF_POOL_STATISTICS
        hf_json_i64_field(json, "peak", pool->peak);
        hf_json_i64_field(json, "min_free", pool->min_free);
        hf_json_i64_field(json, "takes", pool->takes);
        hf_json_i64_field(json, "gives", pool->gives);
#endif
        hf_json_i64_field(json, "exhausted", pool->exhausted);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

#if CONFIG_EVSE_OCPP_FIRMWARE
static void put_transfers(hf_json_writer_t *json, const evse_comms_view_t *comms)
{
    hf_json_key(json, "transfers");
    hf_json_begin_object(json);
    hf_json_string_field(
        json, "firmware",
        evse_job_status_text(EVSE_JOB_FIRMWARE, comms->transfer_status[EVSE_JOB_FIRMWARE]));
    hf_json_string_field(
        json, "diagnostics",
        evse_job_status_text(EVSE_JOB_DIAGNOSTICS, comms->transfer_status[EVSE_JOB_DIAGNOSTICS]));
    hf_json_i64_field(json, "downloads", comms->downloads);
    hf_json_i64_field(json, "uploads", comms->uploads);
    hf_json_i64_field(json, "failures", comms->transfer_failures);
    hf_json_bool_field(json, "installs_firmware", false); // what is downloaded is only kept
    hf_json_end_object(json);
}
#endif

static void put_comms(hf_json_writer_t *json, const evse_comms_view_t *comms)
{
    if (comms->has_net != 0) {
        hf_json_string_field(json, "net", hf_net_state_text(comms->net));
        hf_json_string_field(json, "net_error",
                             comms->net_failure != HF_NET_FAILURE_NONE
                                 ? hf_net_failure_text(comms->net_failure)
                                 : "");
        if (comms->net_rssi_dBm != 0) {
            hf_json_i64_field(json, "net_rssi_dBm", comms->net_rssi_dBm);
        }
    }
    hf_json_string_field(json, "link", evse_link_state_text(comms->link));
    hf_json_string_field(json, "link_error",
                         comms->link_error != 0 ? hf_status_text(comms->link_error) : "");
    hf_json_string_field(json, "registration", evse_registration_text(comms->registration));
    hf_json_i64_field(json, "queue", comms->queue);
    hf_json_i64_field(json, "sessions_started", comms->sessions_started);
    hf_json_i64_field(json, "sessions_ended", comms->sessions_ended);
    if (comms->last_session_reason != EVSE_STOP_None) {
        hf_json_key(json, "last_session");
        hf_json_begin_object(json);
        hf_json_i64_field(json, "energy_Wh", (int64_t)comms->last_session_Wh);
        hf_json_string_field(json, "reason", evse_stop_reason_text(comms->last_session_reason));
        hf_json_end_object(json);
    }
    hf_json_i64_field(json, "boot", comms->boot);
    hf_json_i64_field(json, "recovered", comms->recovered);
    hf_json_key(json, "journal");
    hf_json_begin_object(json);
    hf_json_string_field(json, "status", hf_status_text(comms->journal_error));
    hf_json_i64_field(json, "appended", comms->journal_appended);
    hf_json_i64_field(json, "durable", comms->journal_durable);
    hf_json_i64_field(json, "bytes", comms->journal_bytes);
    hf_json_i64_field(json, "compactions", comms->journal_compactions);
    hf_json_end_object(json);
    put_pools(json, comms);
#if CONFIG_EVSE_OCPP_FIRMWARE
    put_transfers(json, comms);
#endif
}

static void put_station(hf_json_writer_t *json, const status_source_t *source,
                        const evse_snapshot_t *control, uint64_t utc_ms)
{
    char utc[HF_ISO8601_BYTES] = "";
    if (utc_ms != 0) {
        hf_iso8601_format(utc_ms, utc);
    }
    hf_json_string_field(json, "id", source->id);
    hf_json_string_field(json, "csms", source->csms);
    hf_json_string_field(json, "version", source->version);
    hf_json_string_field(json, "profile", source->profile);
    hf_json_string_field(json, "vehicle", source->vehicle);
    hf_json_string_field(json, "time", utc);
    hf_json_i64_field(json, "uptime_ms",
                      (int64_t)((control->now_us - source->started_us) / HF_US_PER_MS));
    hf_json_i64_field(json, "ticks", control->ticks);
    hf_json_i64_field(json, "ticks_late", control->ticks_late);
    hf_json_bool_field(json, "estop_latched", control->estop_latched != 0);
    hf_json_i64_field(json, "events_refused", control->events_refused);
}

int status_json_write(const status_source_t *source, hf_builder_t *out)
{
    evse_snapshot_t control;
    evse_comms_view_t comms;
    int status = hf_snapshot_read(source->control, &control);
    if (status == HF_OK) {
        status = hf_snapshot_read(source->comms, &comms);
    }
    if (status != HF_OK) {
        return status;
    }
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    put_station(&json, source, &control, comms.utc_ms);
    status_health_write(source, &json);
    hf_json_key(&json, "connectors");
    hf_json_begin_array(&json);
    for (unsigned c = 0; c < control.connectors && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        put_connector(&json, c + 1, &control.connector[c], comms.transaction_id[c]);
    }
    hf_json_end_array(&json);
    put_comms(&json, &comms);
    hf_json_end_object(&json);
    return HF_OK;
}
