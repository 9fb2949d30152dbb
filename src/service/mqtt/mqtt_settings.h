// SPDX-License-Identifier: MIT
// What the MQTT client is told: address of the broker, credentials, the roots of its topics. Read and checked once; pure but
// for the password's file.
#ifndef MQTT_SETTINGS_H
#define MQTT_SETTINGS_H

#include "holdfast/hf_status.h"

#define MQTT_HOST_BYTES     128u
#define MQTT_USER_BYTES     65u
#define MQTT_PASSWORD_BYTES 129u
#define MQTT_ROOT_BYTES     65u
#define MQTT_ID_BYTES       49u
#define MQTT_PORT_DEFAULT   1883u

typedef struct mqtt_settings {
    char host[MQTT_HOST_BYTES];
    uint16_t port;
    char user[MQTT_USER_BYTES];         // empty: none
    char password[MQTT_PASSWORD_BYTES]; // empty: none
    char prefix[MQTT_ROOT_BYTES];       // of our topics: <prefix>/<id>/...
    char discovery[MQTT_ROOT_BYTES];    // of Home Assistant's; empty: off
} mqtt_settings_t;

typedef struct mqtt_settings_text {
    const char *url;           // mqtt://[user[:password]@]host[:port], %XX in user and password
    const char *prefix;        // empty: "holdfast"
    const char *discovery;     // empty: "homeassistant"; "none": off
    const char *password_file; // empty: none; its first line
} mqtt_settings_text_t;

/// Reads and checks all of it. `what` names the part that is wrong. HF_E_UNSUPPORTED: mqtts://. HF_E_FORMAT, HF_E_RANGE
/// (port), HF_E_TOO_LONG; HF_E_IO: the file cannot be read, errno tells why.
HF_MUST_CHECK int mqtt_settings_read(const mqtt_settings_text_t *text, mqtt_settings_t *settings,
                                     const char **what);

#endif
