// SPDX-License-Identifier: MIT
// The MQTT client of the daemon: a connection to one broker through libmosquitto, in a thread of its own, kept up with a
// backoff. It only tells: no command is taken. A broker that is slow, silent, gone or hostile costs this thread's time
// and nothing else. Memory is bounded: a message is handed over only when the one before it has gone to the kernel, so
// that no queue grows; and of what comes in only whole packets of known kinds and at most MQTT_PACKET_BYTES_MAX reach
// libmosquitto, which would allocate as much as a broker announces.
#ifndef MQTT_CLIENT_H
#define MQTT_CLIENT_H

#include "hf_thread.h"
#include "holdfast/hf_backoff.h"
#include "holdfast/hf_log.h"
#include "mqtt_packet.h"
#include "mqtt_publish.h"

#include <pthread.h>
#include <stdatomic.h>

#define MQTT_CLOSE_MS         2000u // a thread that hangs in a name or a connect is left behind after it
#define MQTT_DISCOVER_WAIT_MS 5000u // after Home Assistant has started: at random below it

typedef enum mqtt_link {
    MQTT_LINK_DOWN,    // waits for the next try
    MQTT_LINK_OPENING, // connected, no answer yet
    MQTT_LINK_UP,
    MQTT_LINK_SHED, // paused by the trip policy
} mqtt_link_t;

struct mosquitto;

typedef struct mqtt_client {
    mqtt_settings_t settings;
    mqtt_source_t source;
    hf_log_t *log; // the thread's own; NULL: silent
    mqtt_publisher_t publisher;
    struct mosquitto *mosquitto;
    hf_backoff_t backoff;
    uint64_t next_us;  // moment of the next try
    uint64_t since_us; // of the link's state
    uint64_t shed_us;  // shedding was first seen; 0: it is not
    int refusal;       // of the broker; told once
    bool is_answered, is_lost;
    char client_id[MQTT_ID_BYTES + 16u];
    int wake; // eventfd
    pthread_t thread;
    bool is_started;
    _Atomic uint32_t ends, ended;
    _Atomic uint32_t link; // mqtt_link_t
    _Atomic uint32_t connects, failures, messages;
    _Atomic uint32_t health_s; // of the last health publish, seconds of the clock; 0: none
} mqtt_client_t;

/// What anybody may know of it. Context: any thread.
typedef struct mqtt_view {
    bool is_connected;
    uint32_t connects, failures, messages;
    uint32_t health_s; // of the clock, when the health was published last; 0: never
} mqtt_view_t;

/// Starts the thread on its row of the task table. Settings and source are copied. An errno: no thread, no memory.
HF_MUST_CHECK int mqtt_client_open(mqtt_client_t *client, const mqtt_settings_t *settings,
                                   const mqtt_source_t *source, hf_log_t *log,
                                   const hf_thread_place_t *place);
void mqtt_client_read(const mqtt_client_t *client, mqtt_view_t *view);
/// Says "offline" and ends the thread, within MQTT_CLOSE_MS. `client` has to outlive the process all the same.
void mqtt_client_close(mqtt_client_t *client);

#endif
