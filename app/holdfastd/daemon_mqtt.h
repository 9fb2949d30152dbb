// SPDX-License-Identifier: MIT
// The daemon's MQTT client: what it is told, and what it reads.
#ifndef DAEMON_MQTT_H
#define DAEMON_MQTT_H

#include "mqtt_client.h"
#include "options.h"

typedef struct daemon_mqtt {
    mqtt_client_t client;
    char portal_url[96];
} daemon_mqtt_t;

struct daemon;

/// Checks --mqtt and what belongs to it. One clear sentence on stderr.
HF_MUST_CHECK int daemon_mqtt_check(const options_t *options);
/// Starts the client where --mqtt asks for it. -1 to go on, else the exit code after a clear sentence.
int daemon_mqtt_build(struct daemon *daemon);
void daemon_mqtt_stop(struct daemon *daemon);

#endif
