// SPDX-License-Identifier: MIT
// What goes out over MQTT, and when: status, info, the fields of each connector on change (with a floor and a heartbeat),
// the diagnostics every minute and at a trip, Home Assistant's discovery. Knows no socket: a seam takes whole messages.
// Invariants: it reads snapshots, never an instance; one message at a time, from a buffer of fixed size; a message that
// the seam did not take is due again; all is retained, and an empty payload only ever removes a topic.
#ifndef MQTT_PUBLISH_H
#define MQTT_PUBLISH_H

#include "evse/evse_device.h"
#include "evse/evse_supervisor.h"
#include "evse/evse_view.h"
#include "mqtt_settings.h"

#define MQTT_FLOOR_MS        1000u  // between two messages of a reading
#define MQTT_HEARTBEAT_MS    60000u // a field that does not change, the diagnostics
#define MQTT_FIELDS          13u    // of a connector
#define MQTT_TOPIC_BYTES     (MQTT_ROOT_BYTES + MQTT_ID_BYTES + 48u)
#define MQTT_PAYLOAD_BYTES   6144u // of a diagnosis, at most
#define MQTT_DISCOVERY_BYTES 32768u

/// What is read; all of it lives as long as the client. Context of the functions: the client's thread.
typedef struct mqtt_source {
    const hf_snapshot_t *control;        // evse_snapshot_t
    const hf_snapshot_t *comms;          // evse_comms_view_t
    const evse_supervisor_t *supervisor; // NULL: none
    uint64_t started_us;                 // by the clock of the snapshots
    const char *id, *vendor, *model, *version;
    const char *serial, *portal_url; // NULL: none
    /// Memory, pools, stacks, trips, last reset. Not HF_OK: nothing is known of them now.
    int (*device)(void *ctx, evse_device_view_t *view);
    bool (*is_shed)(void *ctx);               // the trip policy gives up what is not charging
    void (*mark)(void *ctx, const char *tag); // of telemetry
    void *ctx;
} mqtt_source_t;

/// Takes a whole message (retained), or HF_E_AGAIN: not now; anything else: the connection is lost.
typedef struct mqtt_sink {
    int (*publish)(void *ctx, const char *topic, const char *payload, size_t length);
    void *ctx;
} mqtt_sink_t;

typedef struct mqtt_sent {
    uint64_t at_us; // 0: not yet on this connection
    int64_t value;
    bool is_known;
} mqtt_sent_t;

typedef enum mqtt_diag {
    MQTT_DIAG_MEMORY,
    MQTT_DIAG_TASKS,
    MQTT_DIAG_RESET,
    MQTT_DIAG_HEALTH,
    MQTT_DIAGS
} mqtt_diag_t;

typedef struct mqtt_publisher {
    const mqtt_settings_t *settings;
    const mqtt_source_t *source;
    mqtt_sink_t sink;
    evse_snapshot_t control; // as of this round
    evse_comms_view_t comms;
    evse_device_view_t device;
    bool has_device;    // ... is one
    uint64_t device_us; // when it was asked for last
    bool has_status, has_info, has_discovery, has_cleared, has_first;
    uint64_t discovery_us; // not before
    uint64_t boot_utc_ms;  // 0: not known yet
    uint32_t trips;        // told
    uint64_t diag_us[MQTT_DIAGS];
    uint64_t health_ms; // since the clock began, of the last publish; 0: none
    mqtt_sent_t sent[CONFIG_EVSE_CONNECTORS_MAX][MQTT_FIELDS];
    uint32_t messages, too_long;
    char topic[MQTT_TOPIC_BYTES];
    char payload[MQTT_PAYLOAD_BYTES];
} mqtt_publisher_t;

void mqtt_publisher_init(mqtt_publisher_t *publisher, const mqtt_settings_t *settings,
                         const mqtt_source_t *source, const mqtt_sink_t *sink);
/// A new connection: everything is due again.
void mqtt_publisher_connected(mqtt_publisher_t *publisher, uint64_t now_us);
/// Home Assistant has started: its discovery is due again, in `wait_ms`.
void mqtt_publisher_rediscover(mqtt_publisher_t *publisher, uint32_t wait_ms, uint64_t now_us);
/// Publishes what is due until the sink says HF_E_AGAIN. HF_OK, or what the sink said else.
HF_MUST_CHECK int mqtt_publisher_poll(mqtt_publisher_t *publisher, uint64_t now_us);
/// The last words of a connection that is ended in good order: the diagnostics of a trip, then "offline".
HF_MUST_CHECK int mqtt_publisher_leave(mqtt_publisher_t *publisher, uint64_t now_us);

/// <prefix>/<id>/<tail> into `topic`.
void mqtt_topic(const mqtt_settings_t *settings, const char *id, const char *tail,
                char topic[MQTT_TOPIC_BYTES]);
/// The topic of the discovery message. Letters of the id that Home Assistant does not take become '_'.
void mqtt_discovery_topic(const char *root, const char *id, char topic[MQTT_TOPIC_BYTES]);

#endif
