// SPDX-License-Identifier: MIT
// A port to copy: every seam of Holdfast with the answer that is safe while nothing stands behind it (no frame, no
// input, no byte, no flash). Copy the folder, rename `template`, and fill in one file after the other in the order of
// docs/PORTING.md; what is not filled in yet keeps the charge point without power, never with it.
#ifndef TEMPLATE_PORT_H
#define TEMPLATE_PORT_H

#include "evse/evse_can.h"
#include "evse/evse_io.h"
#include "evse/evse_stream.h"
#include "holdfast/hf_flash.h"

/// One CAN controller; ctx of template_can_ops.
typedef struct template_can {
    unsigned controller;
} template_can_t;

extern const evse_can_ops_t template_can_ops;
extern const evse_io_ops_t template_io_ops;         // ctx unused
extern const evse_stream_ops_t template_stream_ops; // ctx unused
extern const hf_flash_ops_t template_flash_ops;     // ctx unused

/// Geometry of the board's erase units that hold the journal.
#define TEMPLATE_FLASH_SEGMENT_BYTES 65536u
#define TEMPLATE_FLASH_SEGMENTS      2u
#define TEMPLATE_FLASH_PROGRAM_BYTES 8u

/// Advances time; call from the tick interrupt every millisecond.
void template_tick_ms(void);

/// Bytes nobody can guess, for WebSocket masks and the station nonce: the hardware's generator.
void template_random(void *ctx, void *data, size_t length);

#endif
