// SPDX-License-Identifier: MIT
// What a packet of a broker may be, told from its first bytes, before anything is allocated for it. Pure.
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include "holdfast/hf_status.h"

#define MQTT_PACKET_BYTES_MAX 4096u

/// Looks at the first bytes of a packet from a broker. Returns its whole length; 0: more bytes are needed to tell;
/// HF_E_PROTOCOL: of a kind nobody asked for; HF_E_TOO_LONG.
HF_MUST_CHECK int mqtt_packet_length(const uint8_t *bytes, size_t length);

#endif
