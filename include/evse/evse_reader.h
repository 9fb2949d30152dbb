// SPDX-License-Identifier: MIT
// The card reader seam: whatever yields an idTag, polled by the comms loop. And what most readers send: lines.
#ifndef EVSE_READER_H
#define EVSE_READER_H

#include "evse/evse_store.h"

typedef struct evse_reader_ops {
    /// 1: a card was presented, its tag is in `id_tag`; 0 none; HF_E_IO the reader is gone. Never blocks.
    int (*poll)(void *ctx, uint64_t now_us, char id_tag[EVSE_ID_TAG_BYTES]);
} evse_reader_ops_t;

typedef struct evse_reader {
    const evse_reader_ops_t *ops; // NULL: none
    void *ctx;
} evse_reader_t;

/// What a reader sends, byte by byte. A line is a UID in hexadecimal, 4 to 10 bytes, alone or with ':', '-' or blanks
/// between; it ends with CR, LF or ETX. STX begins one anew; between STX and the end, twelve digits are five bytes and
/// their XOR (the 125 kHz readers), which must fit. A line with anything else in it is no tag.
typedef struct evse_reader_line {
    char text[EVSE_ID_TAG_BYTES + 3u]; // digits so far, upper case
    uint8_t length;
    bool is_framed;  // STX came first
    bool is_spoiled; // to its end
    uint64_t last_us;
    uint32_t tags, garbage, too_long, torn; // lines
} evse_reader_line_t;

/// 1: the line is over and its tag is in `id_tag`. A line that pauses for half a second is given up (`torn`).
int evse_reader_line_feed(evse_reader_line_t *line, char c, uint64_t now_us,
                          char id_tag[EVSE_ID_TAG_BYTES]);

#endif
