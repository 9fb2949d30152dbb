// SPDX-License-Identifier: MIT
// The JSON of info, diagnostics and discovery. Overflow shows in the builder.
#ifndef MQTT_PAYLOAD_H
#define MQTT_PAYLOAD_H

#include "holdfast/hf_json.h"
#include "mqtt_publish.h"

void mqtt_payload_info(const mqtt_publisher_t *publisher, hf_builder_t *out);
void mqtt_payload_diag(const mqtt_publisher_t *publisher, mqtt_diag_t diag, uint64_t now_us,
                       hf_builder_t *out);

/// The discovery message in pieces, one entity at most each: `index` from 0; false after the last, with nothing written.
/// Pieces put together are the message: who streams sums their lengths first.
bool mqtt_discovery_piece(const mqtt_publisher_t *publisher, unsigned index, hf_builder_t *out);

#endif
