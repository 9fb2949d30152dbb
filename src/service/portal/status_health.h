// SPDX-License-Identifier: MIT
// Private to the portal: the fields of supervision in /api/status.
#ifndef STATUS_HEALTH_H
#define STATUS_HEALTH_H

#include "status_json.h"

#include "holdfast/hf_json.h"

/// Puts them into the object that is open; nothing before the supervisor's first look.
void status_health_write(const status_source_t *source, hf_json_writer_t *json);

#endif
