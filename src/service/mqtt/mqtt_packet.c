// SPDX-License-Identifier: MIT
// The fixed header of what a broker sends (MQTT 3.1.1, chapter 2). All that is expected: answers to CONNECT, SUBSCRIBE
// and PING, and messages of quality 0. Anything else ends the connection, also a message of a higher quality, which
// nobody subscribed to and which libmosquitto would keep.
#include "mqtt_packet.h"

#define LENGTH_BYTES_MAX 4u
#define KIND_SHIFT       4u
#define QUALITY_BITS     0x06u
#define MORE             0x80u

enum { KIND_CONNACK = 2, KIND_PUBLISH = 3, KIND_SUBACK = 9, KIND_PINGRESP = 13 };

static bool is_expected(uint8_t head)
{
    switch (head >> KIND_SHIFT) {
    case KIND_CONNACK:
    case KIND_SUBACK:
    case KIND_PINGRESP:
        return true;
    case KIND_PUBLISH:
        return (head & QUALITY_BITS) == 0;
    default:
        return false;
    }
}

int mqtt_packet_length(const uint8_t *bytes, size_t length)
{
    uint32_t rest = 0;
    if (length == 0) {
        return 0;
    }
    if (!is_expected(bytes[0])) {
        return HF_E_PROTOCOL;
    }
    for (unsigned i = 0; i < LENGTH_BYTES_MAX; i++) {
        if (i + 1 >= length) {
            return 0;
        }
        rest |= (uint32_t)(bytes[i + 1] & ~MORE) << (7u * i);
        if ((bytes[i + 1] & MORE) == 0) {
            uint32_t whole = rest + i + 2u;
            return whole <= MQTT_PACKET_BYTES_MAX ? (int)whole : HF_E_TOO_LONG;
        }
    }
    return HF_E_PROTOCOL;
}
