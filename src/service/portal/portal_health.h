// SPDX-License-Identifier: MIT
// The fields of GET /api/health and /api/health/history, under the names that harnesses and dashboards know; what is
// unknown is null. Also for the health message of other services. Pure.
#ifndef PORTAL_HEALTH_H
#define PORTAL_HEALTH_H

#include "evse/evse_device.h"
#include "evse/evse_view.h"
#include "holdfast/hf_json.h"

#define PORTAL_HEALTH_SCHEMA 1

/// What the MQTT client says of itself, as far as health goes.
typedef struct portal_mqtt {
    bool is_enabled, is_connected;
    uint64_t published_us; // the health, last, by the clock; 0 never
    uint64_t started_us, now_us;
} portal_mqtt_t;

/// Puts the fields into the object that is open. `device`, `comms`, `mqtt` NULL: not known. `is_api`: also what only the
/// web has (windows, pools, tasks, the last reset).
void portal_health_fields(const evse_device_view_t *device, const evse_comms_view_t *comms,
                          const portal_mqtt_t *mqtt, bool is_api, hf_json_writer_t *json);
/// The fields of the history: arrays of as many samples as there are, the oldest first.
void portal_history_fields(const evse_device_view_t *device, hf_json_writer_t *json);

#endif
