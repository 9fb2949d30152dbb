// SPDX-License-Identifier: MIT
// Telemetry's lines, for its loop. Private to telemetry. Context of each: the owner.
#ifndef HF_TELEMETRY_PRIVATE_H
#define HF_TELEMETRY_PRIVATE_H

#include "holdfast/hf_telemetry.h"

/// The last reading, if it is known.
void hf_telemetry_tell_memory(hf_telemetry_t *telemetry, const char *tag);
void hf_telemetry_tell_heartbeat(hf_telemetry_t *telemetry);
/// Every task whose margin is known.
void hf_telemetry_tell_tasks(hf_telemetry_t *telemetry);
/// A stack's size, once the margin is known; a line that is lost counts as not told.
void hf_telemetry_tell_stack(hf_telemetry_t *telemetry, uint32_t row);
/// Pools, the queue of marks among them, and locks that timed out.
void hf_telemetry_tell_pools(hf_telemetry_t *telemetry);
void hf_telemetry_tell_ready(hf_telemetry_t *telemetry);

#endif
