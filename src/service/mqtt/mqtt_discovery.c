// SPDX-License-Identifier: MIT
// Home Assistant's discovery in its device form (2024.11 and later): one retained message that names the device, the
// origin and every entity. It is made in pieces of one entity each, so that its length is known before its first byte and
// a small device could stream it; a buffer of fixed size cut it elsewhere. Read only: no entity takes a command.
#include "mqtt_fields.h"
#include "mqtt_payload.h"

#include <ctype.h>
#include <string.h>

/// An entity of the station, read out of one of the JSON messages.
typedef struct station_entity {
    const char *key, *title, *tail, *member;
    const char *device_class, *state_class, *unit;
} station_entity_t;

static const station_entity_t station_entities[] = {
    {"heap_min", "Internal memory, least free", "diag/memory", "heap_internal_min", "data_size",
     "measurement", "B"},
    {"fragmentation", "Memory fragmentation", "diag/memory", "heap_fragmentation", NULL,
     "measurement", "%"},
    {"exhausted", "Refused pool takes", "diag/memory", "exhausted", NULL, "total_increasing", NULL},
    {"health", "Health", "diag/tasks", "health", NULL, NULL, NULL},
    {"reset", "Last reset", "diag/reset", "reason", NULL, NULL, NULL},
    {"boot_time", "Started", "diag/reset", "boot_time", "timestamp", NULL, NULL},
};

static void put_id(hf_builder_t *out, const char *id)
{
    for (; *id != '\0'; id++) {
        hf_builder_char(out, isalnum((unsigned char)*id) || *id == '-' ? *id : '_');
    }
}

void mqtt_discovery_topic(const char *root, const char *id, char topic[MQTT_TOPIC_BYTES])
{
    hf_builder_t out;
    hf_builder_init(&out, topic, MQTT_TOPIC_BYTES);
    hf_builder_text(&out, root);
    hf_builder_text(&out, "/device/");
    put_id(&out, id);
    hf_builder_text(&out, "/config");
}

// Text of the settings is free of quotes and control characters, our own too: only what the operator may write is escaped.
static void put_text(hf_builder_t *out, const char *text)
{
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_put_string(&json, text);
}

static void put_member(hf_builder_t *out, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        hf_builder_format(out, ",\"%s\":", name);
        put_text(out, text);
    }
}

static void put_topic_member(hf_builder_t *out, const char *name, const mqtt_publisher_t *publisher,
                             const char *tail)
{
    char topic[MQTT_TOPIC_BYTES];
    mqtt_topic(publisher->settings, publisher->source->id, tail, topic);
    put_member(out, name, topic);
}

static void put_head(const mqtt_publisher_t *publisher, hf_builder_t *out)
{
    const mqtt_source_t *source = publisher->source;
    hf_builder_text(out, "{\"dev\":{\"ids\":[\"holdfast_");
    put_id(out, source->id);
    hf_builder_text(out, "\"]");
    put_member(out, "name", source->id);
    put_member(out, "mf", source->vendor);
    put_member(out, "mdl", source->model);
    put_member(out, "sw", source->version);
    put_member(out, "hw", "linux");
    put_member(out, "sn", source->serial);
    put_member(out, "cu", source->portal_url);
    hf_builder_text(out, "},\"o\":{\"name\":\"holdfastd\"");
    put_member(out, "sw", source->version);
    hf_builder_text(out, "}");
    put_topic_member(out, "availability_topic", publisher, "status");
    hf_builder_text(out, ",\"payload_available\":\"online\",\"payload_not_available\":\"offline\","
                         "\"qos\":0,\"cmps\":{");
}

static void put_entity(hf_builder_t *out, const mqtt_publisher_t *publisher, const char *key,
                       const char *platform)
{
    hf_builder_format(out, "\"%s\":{\"p\":\"%s\",\"unique_id\":\"holdfast_", key, platform);
    put_id(out, publisher->source->id);
    hf_builder_format(out, "_%s\"", key);
}

static void put_options(hf_builder_t *out, const mqtt_field_t *field)
{
    hf_builder_text(out, ",\"options\":[");
    for (unsigned i = 0; i < field->options; i++) {
        hf_builder_text(out, i > 0 ? "," : "");
        put_text(out, field->text(i));
    }
    hf_builder_char(out, ']');
}

static void put_field(const mqtt_publisher_t *publisher, unsigned connector,
                      const mqtt_field_t *field, hf_builder_t *out)
{
    char text[64];
    hf_builder_t small;
    hf_builder_init(&small, text, sizeof text);
    hf_builder_format(&small, "connector_%u_%s", connector, field->name);
    put_entity(out, publisher, text, field->kind == MQTT_BOOL ? "binary_sensor" : "sensor");
    hf_builder_init(&small, text, sizeof text);
    hf_builder_format(&small, "Connector %u %s", connector, field->title);
    put_member(out, "name", text);
    hf_builder_init(&small, text, sizeof text);
    hf_builder_format(&small, "connector/%u/%s", connector, field->name);
    put_topic_member(out, "state_topic", publisher, text);
    put_member(out, "device_class", field->device_class);
    put_member(out, "state_class", field->state_class);
    put_member(out, "unit_of_measurement", field->unit);
    put_member(out, "entity_category", field->is_diagnostic ? "diagnostic" : NULL);
    if (field->kind == MQTT_BOOL) {
        hf_builder_text(out, ",\"payload_on\":\"true\",\"payload_off\":\"false\"");
    } else if (field->kind == MQTT_NUMBER) {
        put_member(out, "value_template", "{{ value if value != 'null' else None }}");
    }
    if (field->options > 0) {
        put_options(out, field);
    }
    hf_builder_char(out, '}');
}

static void put_station_entity(const mqtt_publisher_t *publisher, const station_entity_t *entity,
                               hf_builder_t *out)
{
    char text[64];
    hf_builder_t small;
    put_entity(out, publisher, entity->key, "sensor");
    put_member(out, "name", entity->title);
    put_topic_member(out, "state_topic", publisher, entity->tail);
    hf_builder_init(&small, text, sizeof text);
    hf_builder_format(&small, "{{ value_json.%s }}", entity->member);
    put_member(out, "value_template", text);
    put_member(out, "device_class", entity->device_class);
    put_member(out, "state_class", entity->state_class);
    put_member(out, "unit_of_measurement", entity->unit);
    put_member(out, "entity_category", "diagnostic");
    hf_builder_char(out, '}');
}

bool mqtt_discovery_piece(const mqtt_publisher_t *publisher, unsigned index, hf_builder_t *out)
{
    if (index == 0) {
        put_head(publisher, out);
        return true;
    }
    unsigned entity = index - 1;
    if (entity < HF_COUNT_OF(station_entities)) {
        hf_builder_text(out, entity > 0 ? "," : "");
        put_station_entity(publisher, &station_entities[entity], out);
        return true;
    }
    entity -= (unsigned)HF_COUNT_OF(station_entities);
    unsigned connector = entity / MQTT_FIELDS;
    if (connector < publisher->control.connectors && connector < CONFIG_EVSE_CONNECTORS_MAX) {
        const mqtt_field_t *field = &mqtt_fields[entity % MQTT_FIELDS];
        if (field->title != NULL) {
            hf_builder_char(out, ',');
            put_field(publisher, connector + 1, field, out);
        }
        return true;
    }
    if (entity == publisher->control.connectors * MQTT_FIELDS) {
        hf_builder_text(out, "}}");
        return true;
    }
    return false;
}
