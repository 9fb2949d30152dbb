// SPDX-License-Identifier: MIT
// What is answered at once, out of snapshots; and the restart, which is asked for when its answer has gone out.
#include "portal_private.h"

#include <string.h>

#define REBOOT_BODY_MAX 2u // {}

portal_result_t portal_get_status(portal_t *portal, struct MHD_Connection *connection)
{
    hf_builder_t out;
    portal_result_t result;
    if (!portal_answer_begin(portal, connection, &out, &result)) {
        return result;
    }
    if (status_json_write(portal->config.status, &out) != HF_OK) {
        (void)!hf_pool_give(&portal->buffers, out.text);
        return portal_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "starting, try again");
    }
    return portal_answer_end(portal, connection, MHD_HTTP_OK, &out);
}

static const evse_device_view_t *read_view(portal_t *portal)
{
    const portal_seam_t *seam = &portal->config.seam;
    bool is_known = seam->view != NULL && seam->view(seam->ctx, &portal->view) == HF_OK;
    return is_known ? &portal->view : NULL;
}

static const evse_comms_view_t *read_comms(portal_t *portal)
{
    bool is_known = hf_snapshot_read(portal->config.status->comms, &portal->comms) == HF_OK;
    return is_known ? &portal->comms : NULL;
}

static void begin_json(hf_json_writer_t *json, hf_builder_t *out)
{
    hf_json_writer_init(json, out);
    hf_json_begin_object(json);
    hf_json_i64_field(json, "schema", PORTAL_HEALTH_SCHEMA);
}

portal_result_t portal_get_health(portal_t *portal, struct MHD_Connection *connection)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(portal, connection, &out, &result)) {
        return result;
    }
    const portal_seam_t *seam = &portal->config.seam;
    portal_mqtt_t mqtt = {.started_us = portal->config.status->started_us,
                          .now_us = hf_port_now_us()};
    if (seam->mqtt != NULL) {
        seam->mqtt(seam->ctx, &mqtt);
    }
    begin_json(&json, &out);
    portal_health_fields(read_view(portal), read_comms(portal), &mqtt, true, &json);
    hf_json_end_object(&json);
    return portal_answer_end(portal, connection, MHD_HTTP_OK, &out);
}

portal_result_t portal_get_history(portal_t *portal, struct MHD_Connection *connection)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(portal, connection, &out, &result)) {
        return result;
    }
    begin_json(&json, &out);
    portal_history_fields(read_view(portal), &json);
    hf_json_end_object(&json);
    return portal_answer_end(portal, connection, MHD_HTTP_OK, &out);
}

portal_result_t portal_get_mode(portal_t *portal, struct MHD_Connection *connection)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(portal, connection, &out, &result)) {
        return result;
    }
    const evse_device_view_t *view = read_view(portal);
    const char *closed = portal_closed_reason(portal);
    begin_json(&json, &out);
    hf_json_string_field(&json, "mode",
                         view != NULL && view->finishing != 0 ? "finishing" : "full");
    hf_json_string_field(&json, "writes",
                         closed != NULL                    ? "closed"
                         : portal->config.password != NULL ? "password"
                                                           : "open");
    hf_json_string_field(&json, "writes_reason", closed != NULL ? closed : "");
    hf_json_bool_field(&json, "portal", true);
    hf_json_end_object(&json);
    return portal_answer_end(portal, connection, MHD_HTTP_OK, &out);
}

static void put_limits(hf_json_writer_t *json)
{
    hf_json_key(json, "limits");
    hf_json_begin_object(json);
    hf_json_i64_field(json, "connections", PORTAL_CONNECTIONS);
    hf_json_i64_field(json, "config_bytes", PORTAL_CONFIG_BYTES_MAX);
    hf_json_i64_field(json, "config_keys", PORTAL_KEYS_MAX);
    hf_json_i64_field(json, "firmware_bytes", PORTAL_FIRMWARE_BYTES_MAX);
    hf_json_end_object(json);
}

portal_result_t portal_get_info(portal_t *portal, struct MHD_Connection *connection)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(portal, connection, &out, &result)) {
        return result;
    }
    const status_source_t *status = portal->config.status;
    uint64_t up_us = hf_port_now_us() - status->started_us;
    begin_json(&json, &out);
    hf_json_string_field(&json, "product", "Holdfast");
    hf_json_string_field(&json, "version", status->version);
    hf_json_string_field(&json, "id", status->id);
    hf_json_string_field(&json, "hostname", portal->own_name);
    hf_json_string_field(&json, "csms", status->csms);
    hf_json_string_field(&json, "profile", status->profile);
    hf_json_string_field(&json, "vehicle", status->vehicle);
    hf_json_i64_field(&json, "uptime_seconds", (int64_t)(up_us / HF_US_PER_S));
    hf_json_bool_field(&json, "installs_firmware", false);
    put_limits(&json);
    hf_json_end_object(&json);
    return portal_answer_end(portal, connection, MHD_HTTP_OK, &out);
}

// Those that the restart waits for.
static unsigned sessions_running(portal_t *portal)
{
    const evse_comms_view_t *comms = read_comms(portal);
    unsigned count = 0;
    for (unsigned c = 0; comms != NULL && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        count += comms->session_state[c] >= EVSE_SESSION_STARTING ? 1u : 0u;
    }
    return count;
}

void portal_reboot_take(portal_request_t *request, const char *data, size_t length)
{
    (void)data; // {} or nothing
    request->bytes += length;
    request->refusal = request->bytes > REBOOT_BODY_MAX ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

portal_result_t portal_reboot_end(portal_request_t *request)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    portal_t *portal = request->portal;
    if (request->refusal != 0) {
        return portal_refuse(request->connection, request->refusal, "nothing is to be told here");
    }
    if (portal->config.seam.ask_restart == NULL) {
        return portal_refuse(request->connection, MHD_HTTP_NOT_IMPLEMENTED,
                             "this build does not restart itself");
    }
    if (!portal_answer_begin(portal, request->connection, &out, &result)) {
        return result;
    }
    begin_json(&json, &out);
    hf_json_string_field(&json, "restart", "accepted");
    hf_json_i64_field(&json, "after_sessions", sessions_running(portal));
    hf_json_end_object(&json);
    request->restarts = true;
    return portal_answer_end(portal, request->connection, MHD_HTTP_ACCEPTED, &out);
}
