// SPDX-License-Identifier: MIT
// A serial CAN adapter, the other side of SLCAN: written from the description of such adapters and sharing nothing with
// src/evse/can, so that both would have to be wrong in the same way. Bytes in, bytes out, no clock; what carries the bytes
// (memory, pty) is the test's.
#ifndef SLCAN_ADAPTER_H
#define SLCAN_ADAPTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADAPTER_OUT_BYTES  65536u
#define ADAPTER_LINES_MAX  256u
#define ADAPTER_LINE_BYTES 40u

typedef struct slcan_adapter {
    // how this one behaves
    bool answers_frames_short; // \r instead of z or Z
    bool is_silent;            // does not answer at all
    bool is_stubborn;          // refuses O
    bool stamps;               // Z1
    bool tx_full;              // refuses every frame
    unsigned flags;            // of the next F
    // what has become of it
    bool is_open;
    char rate; // digit of the last S, 0 none
    unsigned opens, closes, asked, bad_lines;
    char sent[ADAPTER_LINES_MAX][ADAPTER_LINE_BYTES]; // frames the host put on the bus, as text
    unsigned sent_count;
    char line[ADAPTER_LINE_BYTES];
    unsigned length;
    char out[ADAPTER_OUT_BYTES];
    unsigned out_length;
} slcan_adapter_t;

static inline void adapter_say(slcan_adapter_t *adapter, const char *text, size_t length)
{
    if (adapter->out_length + length <= sizeof adapter->out) {
        memcpy(adapter->out + adapter->out_length, text, length);
        adapter->out_length += (unsigned)length;
    }
}

static inline void adapter_answer(slcan_adapter_t *adapter, const char *text)
{
    if (!adapter->is_silent) {
        adapter_say(adapter, text, strlen(text));
    }
}

static inline bool adapter_is_frame(const char *line)
{
    unsigned long id, size;
    char digits[10] = {0}, *end;
    size_t id_digits = line[0] == 'T' ? 8 : 3;
    if (strlen(line) < 2 + id_digits) {
        return false;
    }
    memcpy(digits, line + 1, id_digits);
    id = strtoul(digits, &end, 16);
    if (*end != '\0' || id > (line[0] == 'T' ? 0x1FFFFFFFul : 0x7FFul)) {
        return false;
    }
    size = (unsigned long)(line[1 + id_digits] - '0');
    const char *data = line + 2 + id_digits;
    return size <= 8 && strlen(data) == 2 * size &&
           strspn(data, "0123456789abcdefABCDEF") == 2 * size;
}

static inline void adapter_take_frame(slcan_adapter_t *adapter)
{
    if (!adapter->is_open || adapter->tx_full || !adapter_is_frame(adapter->line)) {
        adapter->bad_lines += adapter_is_frame(adapter->line) ? 0u : 1u;
        adapter_answer(adapter, "\a");
        return;
    }
    if (adapter->sent_count < ADAPTER_LINES_MAX) {
        strcpy(adapter->sent[adapter->sent_count++], adapter->line);
    }
    if (adapter->answers_frames_short) {
        adapter_answer(adapter, "\r");
    } else {
        adapter_answer(adapter, adapter->line[0] == 'T' ? "Z\r" : "z\r");
    }
}

static inline void adapter_open(slcan_adapter_t *adapter)
{
    bool good = !adapter->is_open && adapter->rate != 0 && !adapter->is_stubborn;
    adapter->is_open = adapter->is_open || good;
    adapter->opens += good ? 1u : 0u;
    adapter_answer(adapter, good ? "\r" : "\a");
}

static inline void adapter_set_rate(slcan_adapter_t *adapter)
{
    bool good = !adapter->is_open && adapter->length == 2 && adapter->line[1] >= '0' &&
                adapter->line[1] <= '8';
    adapter->rate = good ? adapter->line[1] : adapter->rate;
    adapter_answer(adapter, good ? "\r" : "\a");
}

static inline void adapter_close(slcan_adapter_t *adapter)
{
    adapter->closes++;
    adapter_answer(adapter, adapter->is_open ? "\r" : "\a");
    adapter->is_open = false;
}

static inline void adapter_tell_flags(slcan_adapter_t *adapter)
{
    char text[8];
    adapter->asked++;
    (void)snprintf(text, sizeof text, "F%02X\r", adapter->flags & 0xFFu);
    adapter_answer(adapter, adapter->is_open ? text : "\a");
}

static inline void adapter_obey(slcan_adapter_t *adapter)
{
    adapter->line[adapter->length] = '\0';
    switch (adapter->line[0]) {
    case '\0':
        break; // a blank line clears what was typed
    case 'S':
        adapter_set_rate(adapter);
        break;
    case 'O':
        adapter_open(adapter);
        break;
    case 'C':
        adapter_close(adapter);
        break;
    case 'F':
        adapter_tell_flags(adapter);
        break;
    case 't':
    case 'T':
        adapter_take_frame(adapter);
        break;
    default:
        adapter->bad_lines++;
        adapter_answer(adapter, "\a");
    }
    adapter->length = 0;
}

/// Bytes from the host.
static inline void adapter_hear(slcan_adapter_t *adapter, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\r') {
            adapter_obey(adapter);
        } else if (adapter->length + 1 < sizeof adapter->line) {
            adapter->line[adapter->length++] = bytes[i];
        }
    }
}

/// A frame of another node, on its way to the host. Data is `size` times the byte.
static inline void adapter_bus_frame(slcan_adapter_t *adapter, unsigned long id, bool extended,
                                     unsigned size, unsigned byte)
{
    char text[ADAPTER_LINE_BYTES];
    int at = snprintf(text, sizeof text, extended ? "T%08lX%u" : "t%03lX%u", id, size);
    for (unsigned i = 0; i < size; i++) {
        at += snprintf(text + at, sizeof text - (size_t)at, "%02X", byte & 0xFFu);
    }
    if (adapter->stamps) {
        at += snprintf(text + at, sizeof text - (size_t)at, "%04lX", id * 7 % 60000);
    }
    text[at++] = '\r';
    if (adapter->is_open) {
        adapter_say(adapter, text, (size_t)at);
    }
}

/// What the host may read now; gone afterwards.
static inline size_t adapter_speak(slcan_adapter_t *adapter, char *bytes, size_t capacity)
{
    size_t length = adapter->out_length < capacity ? adapter->out_length : capacity;
    memcpy(bytes, adapter->out, length);
    memmove(adapter->out, adapter->out + length, adapter->out_length - length);
    adapter->out_length -= (unsigned)length;
    return length;
}

#endif
