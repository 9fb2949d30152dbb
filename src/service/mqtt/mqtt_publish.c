// SPDX-License-Identifier: MIT
// The order of messages on a connection: status, info, discovery, connectors, diagnostics; then what changes. A reading that
// changed less than its deadband waits for the heartbeat, one that came sooner than the floor waits for it: a broker sees at
// most a message a second of a reading.
#include "mqtt_publish.h"

#include "mqtt_fields.h"
#include "mqtt_payload.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES 48u
#define DEVICE_US   HF_US_PER_S
#define PIECE_BYTES 1024u // of the discovery: one entity

static const char *const diag_tails[MQTT_DIAGS] = {"diag/memory", "diag/tasks", "diag/reset",
                                                   "diag/health"};

void mqtt_topic(const mqtt_settings_t *settings, const char *id, const char *tail,
                char topic[MQTT_TOPIC_BYTES])
{
    hf_builder_t out;
    hf_builder_init(&out, topic, MQTT_TOPIC_BYTES);
    hf_builder_format(&out, "%s/%s/%s", settings->prefix, id, tail);
}

void mqtt_publisher_init(mqtt_publisher_t *publisher, const mqtt_settings_t *settings,
                         const mqtt_source_t *source, const mqtt_sink_t *sink)
{
    memset(publisher, 0, sizeof *publisher);
    publisher->settings = settings;
    publisher->source = source;
    publisher->sink = *sink;
}

void mqtt_publisher_connected(mqtt_publisher_t *publisher, uint64_t now_us)
{
    publisher->has_status = false;
    publisher->has_info = false;
    publisher->has_discovery = false;
    publisher->has_first = false;
    publisher->discovery_us = now_us;
    memset(publisher->diag_us, 0, sizeof publisher->diag_us);
    memset(publisher->sent, 0, sizeof publisher->sent);
}

void mqtt_publisher_rediscover(mqtt_publisher_t *publisher, uint32_t wait_ms, uint64_t now_us)
{
    publisher->has_discovery = false;
    publisher->discovery_us = now_us + wait_ms * HF_US_PER_MS;
}

static void mark(const mqtt_publisher_t *publisher, const char *tag)
{
    publisher->source->mark(publisher->source->ctx, tag);
}

static int send(mqtt_publisher_t *publisher, const char *topic, const char *payload, size_t length)
{
    int status = publisher->sink.publish(publisher->sink.ctx, topic, payload, length);
    publisher->messages += status == HF_OK ? 1u : 0u;
    return status;
}

static int send_own(mqtt_publisher_t *publisher, const char *tail, const char *payload,
                    size_t length)
{
    mqtt_topic(publisher->settings, publisher->source->id, tail, publisher->topic);
    return send(publisher, publisher->topic, payload, length);
}

// What does not fit is a bug of ours, counted: half a message is never sent.
static int send_json(mqtt_publisher_t *publisher, const char *tail, const hf_builder_t *json)
{
    if (json->overflow) {
        publisher->too_long++;
        return HF_OK;
    }
    return send_own(publisher, tail, json->text, json->length);
}

static int send_status(mqtt_publisher_t *publisher, const char *text)
{
    return send_own(publisher, "status", text, strlen(text));
}

static int send_info(mqtt_publisher_t *publisher)
{
    hf_builder_t json;
    hf_builder_init(&json, publisher->payload, sizeof publisher->payload);
    mqtt_payload_info(publisher, &json);
    return send_json(publisher, "info", &json);
}

// ---- discovery ----------------------------------------------------------------------------------------------------

/// First pass: the length of the whole; 0 when a piece did not fit.
static size_t discovery_length(const mqtt_publisher_t *publisher)
{
    char piece[PIECE_BYTES];
    size_t length = 0;
    hf_builder_t out;
    hf_builder_init(&out, piece, sizeof piece);
    for (unsigned i = 0; mqtt_discovery_piece(publisher, i, &out); i++) {
        if (out.overflow) {
            return 0;
        }
        length += out.length;
        hf_builder_init(&out, piece, sizeof piece);
    }
    return length;
}

// libmosquitto takes a message whole: the second pass goes into a buffer of exactly its length, for the time of the call.
static int send_discovery(mqtt_publisher_t *publisher, const char *topic)
{
    size_t length = discovery_length(publisher);
    char *text = length > 0 && length < MQTT_DISCOVERY_BYTES ? malloc(length + 1) : NULL;
    if (text == NULL) {
        publisher->too_long++;
        return HF_OK; // the fields are worth having without it
    }
    hf_builder_t out;
    hf_builder_init(&out, text, length + 1);
    for (unsigned i = 0; mqtt_discovery_piece(publisher, i, &out); i++) {
    }
    int status = HF_OK;
    if (out.overflow || out.length != length) {
        publisher->too_long++; // the passes disagree: half a message is never sent
    } else {
        status = send(publisher, topic, text, length);
    }
    free(text);
    return status;
}

// Switched off: what an earlier configuration left behind is removed, where the default would have put it.
static int discover(mqtt_publisher_t *publisher)
{
    char topic[MQTT_TOPIC_BYTES];
    const char *root = publisher->settings->discovery;
    mqtt_discovery_topic(root[0] != '\0' ? root : "homeassistant", publisher->source->id, topic);
    if (root[0] == '\0') {
        return send(publisher, topic, "", 0);
    }
    mark(publisher, "mqtt_discovery_pre");
    int status = send_discovery(publisher, topic);
    mark(publisher, "mqtt_discovery_post");
    return status;
}

// ---- connectors ---------------------------------------------------------------------------------------------------

static bool is_changed(const mqtt_field_t *field, const mqtt_sent_t *sent, bool is_known,
                       int64_t value)
{
    if (is_known != sent->is_known || !is_known) {
        return is_known != sent->is_known;
    }
    int64_t difference = value > sent->value ? value - sent->value : sent->value - value;
    bool is_zero_crossed = (value == 0) != (sent->value == 0);
    return difference != 0 && (is_zero_crossed || difference >= field->deadband);
}

static bool is_due(const mqtt_field_t *field, const mqtt_sent_t *sent, uint64_t age_us,
                   bool is_changed_now)
{
    bool has_floor = field->kind == MQTT_NUMBER;
    return sent->at_us == 0 || age_us >= MQTT_HEARTBEAT_MS * HF_US_PER_MS ||
           (is_changed_now && (!has_floor || age_us >= MQTT_FLOOR_MS * HF_US_PER_MS));
}

static int send_field(mqtt_publisher_t *publisher, unsigned connector, unsigned index,
                      uint64_t now_us)
{
    const mqtt_field_t *field = &mqtt_fields[index];
    mqtt_sent_t *sent = &publisher->sent[connector][index];
    int64_t value = 0;
    bool is_known = field->read(&publisher->control.connector[connector],
                                publisher->comms.transaction_id[connector], &value);
    bool changed = is_changed(field, sent, is_known, value);
    if (!is_due(field, sent, now_us - sent->at_us, changed)) {
        return HF_OK;
    }
    char text[VALUE_BYTES], tail[VALUE_BYTES];
    size_t length = mqtt_field_format(field, is_known, value, text, sizeof text);
    hf_builder_t name;
    hf_builder_init(&name, tail, sizeof tail);
    hf_builder_format(&name, "connector/%u/%s", connector + 1, field->name);
    int status = send_own(publisher, tail, text, length);
    if (status == HF_OK) {
        *sent = (mqtt_sent_t){.at_us = now_us, .value = value, .is_known = is_known};
    }
    return status;
}

static int send_connectors(mqtt_publisher_t *publisher, uint64_t now_us)
{
    unsigned connectors = publisher->control.connectors;
    int status = HF_OK;
    for (unsigned c = 0; c < connectors && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        for (unsigned i = 0; status == HF_OK && i < MQTT_FIELDS; i++) {
            status = send_field(publisher, c, i, now_us);
        }
    }
    return status;
}

// Topics of connectors that an earlier configuration had. Once a process: nobody else writes them.
static int clear_stale(mqtt_publisher_t *publisher)
{
    char tail[VALUE_BYTES];
    int status = HF_OK;
    for (unsigned c = publisher->control.connectors; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        for (unsigned i = 0; status == HF_OK && i < MQTT_FIELDS; i++) {
            hf_builder_t name;
            hf_builder_init(&name, tail, sizeof tail);
            hf_builder_format(&name, "connector/%u/%s", c + 1, mqtt_fields[i].name);
            status = send_own(publisher, tail, "", 0);
        }
    }
    return status;
}

// ---- diagnostics --------------------------------------------------------------------------------------------------

static int send_diag(mqtt_publisher_t *publisher, mqtt_diag_t diag, uint64_t now_us)
{
    hf_builder_t json;
    hf_builder_init(&json, publisher->payload, sizeof publisher->payload);
    mqtt_payload_diag(publisher, diag, now_us, &json);
    int status = send_json(publisher, diag_tails[diag], &json);
    if (status == HF_OK) {
        publisher->diag_us[diag] = now_us;
    }
    if (status == HF_OK && diag == MQTT_DIAG_HEALTH) {
        publisher->health_ms = now_us / HF_US_PER_MS;
    }
    return status;
}

static void note_trips(mqtt_publisher_t *publisher)
{
    uint32_t trips = publisher->device.trips;
    if (publisher->has_device && trips != publisher->trips) {
        publisher->trips = trips;
        memset(publisher->diag_us, 0, sizeof publisher->diag_us);
    }
}

static int send_diags(mqtt_publisher_t *publisher, uint64_t now_us)
{
    int status = HF_OK;
    note_trips(publisher);
    for (unsigned i = 0; status == HF_OK && i < MQTT_DIAGS; i++) {
        uint64_t at_us = publisher->diag_us[i];
        if (at_us == 0 || now_us - at_us >= MQTT_HEARTBEAT_MS * HF_US_PER_MS) {
            status = send_diag(publisher, (mqtt_diag_t)i, now_us);
        }
    }
    return status;
}

// ---- rounds -------------------------------------------------------------------------------------------------------

// The clock may be set long after the start: the boot's moment is told once it is known, and stays.
static void note_boot_time(mqtt_publisher_t *publisher)
{
    const evse_comms_view_t *comms = &publisher->comms;
    uint64_t up_ms = (comms->now_us - publisher->source->started_us) / HF_US_PER_MS;
    if (publisher->boot_utc_ms == 0 && comms->utc_ms > up_ms) {
        publisher->boot_utc_ms = comms->utc_ms - up_ms;
        publisher->has_info = false;
        publisher->diag_us[MQTT_DIAG_RESET] = 0;
    }
}

// It is large, and renewed once a second.
static void read_device(mqtt_publisher_t *publisher, uint64_t now_us)
{
    if (publisher->device_us != 0 && now_us - publisher->device_us < DEVICE_US) {
        return;
    }
    int status = publisher->source->device(publisher->source->ctx, &publisher->device);
    publisher->device_us = now_us;
    publisher->has_device = status == HF_OK || (status == HF_E_AGAIN && publisher->has_device);
    if (!publisher->has_device) {
        publisher->device = (evse_device_view_t){0};
    }
}

static bool read_snapshots(mqtt_publisher_t *publisher, uint64_t now_us)
{
    bool is_read = hf_snapshot_read(publisher->source->control, &publisher->control) == HF_OK &&
                   hf_snapshot_read(publisher->source->comms, &publisher->comms) == HF_OK;
    if (!is_read) {
        return false;
    }
    read_device(publisher, now_us);
    note_boot_time(publisher);
    return true;
}

static int greet(mqtt_publisher_t *publisher, uint64_t now_us)
{
    int status = HF_OK;
    if (!publisher->has_status) {
        status = send_status(publisher, "online");
        publisher->has_status = status == HF_OK;
    }
    if (status == HF_OK && !publisher->has_info) {
        status = send_info(publisher);
        publisher->has_info = status == HF_OK;
    }
    if (status == HF_OK && !publisher->has_discovery && now_us >= publisher->discovery_us) {
        status = discover(publisher);
        publisher->has_discovery = status == HF_OK;
    }
    if (status == HF_OK && !publisher->has_cleared) {
        status = clear_stale(publisher);
        publisher->has_cleared = status == HF_OK;
    }
    return status;
}

int mqtt_publisher_poll(mqtt_publisher_t *publisher, uint64_t now_us)
{
    if (!read_snapshots(publisher, now_us)) {
        return HF_OK; // before the first round of the loops, or torn: the next poll sees to it
    }
    int status = greet(publisher, now_us);
    if (status == HF_OK) {
        status = send_connectors(publisher, now_us);
    }
    if (status == HF_OK) {
        status = send_diags(publisher, now_us);
    }
    if (status == HF_OK && !publisher->has_first) {
        publisher->has_first = true;
        mark(publisher, "mqtt_first_publish");
    }
    return status == HF_E_AGAIN ? HF_OK : status;
}

int mqtt_publisher_leave(mqtt_publisher_t *publisher, uint64_t now_us)
{
    int status = read_snapshots(publisher, now_us) && publisher->has_first
                     ? send_diags(publisher, now_us)
                     : HF_OK;
    return status == HF_OK ? send_status(publisher, "offline") : status;
}
