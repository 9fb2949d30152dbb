// SPDX-License-Identifier: MIT
// The fields of a connector as one table: topic, unit, when a change is worth a message, and what Home Assistant makes of
// it.
#ifndef MQTT_FIELDS_H
#define MQTT_FIELDS_H

#include "mqtt_publish.h"

typedef enum mqtt_field_kind { MQTT_NUMBER, MQTT_BOOL, MQTT_ENUM } mqtt_field_kind_t;

typedef struct mqtt_field {
    const char *name; // topic connector/<n>/<name>: the unit ends it
    mqtt_field_kind_t kind;
    unsigned decimals;
    int64_t deadband; // a smaller change waits for the heartbeat, unless it comes from or goes to 0
    /// False: not known now; "null" is published.
    bool (*read)(const evse_connector_view_t *view, int32_t transaction_id, int64_t *value);
    const char *(*text)(unsigned value); // of MQTT_ENUM
    unsigned options; // ... of which Home Assistant is told the list; 0: it is not
    // Home Assistant; NULL: not there
    const char *title, *device_class, *state_class, *unit;
    bool is_diagnostic;
} mqtt_field_t;

extern const mqtt_field_t mqtt_fields[MQTT_FIELDS];

/// "true", "42.5", "Charging", or "null". Returns the length.
size_t mqtt_field_format(const mqtt_field_t *field, bool is_known, int64_t value, char *out,
                         size_t capacity);

#endif
