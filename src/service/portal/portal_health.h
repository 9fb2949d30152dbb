// SPDX-License-Identifier: MIT
// The fields of GET /api/health and /api/health/history, under the names that harnesses and dashboards know; what is
// unknown is null. Also for the health message of other services. Pure.
#ifndef PORTAL_HEALTH_H
#define PORTAL_HEALTH_H

#include "evse/evse_device.h"
#include "evse/evse_view.h"
#include "holdfast/hf_json.h"

#define PORTAL_HEALTH_SCHEMA 1

/// Puts the fields into the object that is open. `device`, `comms` NULL: not known. `is_api`: also what only the web has
/// (windows, pools, tasks, the last reset).
void portal_health_fields(const evse_device_view_t *device, const evse_comms_view_t *comms,
                          bool is_api, hf_json_writer_t *json);
/// The fields of the history: arrays of as many samples as there are, the oldest first.
void portal_history_fields(const evse_device_view_t *device, hf_json_writer_t *json);

#endif
