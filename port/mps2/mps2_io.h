// SPDX-License-Identifier: MIT
// Inputs and outputs over a UART, framed (docs/SPEC.md): the packets of the I/O socket, each as 0xA5, length, packet,
// CRC-8. The live signal crosses as a count, so that an image that stops drops the contactor at the other end. LED 0
// mirrors the contactor's command, LED 1 the lock's.
// Invariants: what is malformed is counted and changes nothing; a level that went stale while samples stood still is as
// if never seen: who did not look cannot say that the other side fell silent.
#ifndef MPS2_IO_H
#define MPS2_IO_H

#include "evse/evse_io.h"
#include "holdfast/hf_queue.h"
#include "mps2_uart.h"

#define MPS2_IO_CARDS        4u
#define MPS2_IO_TAG_BYTES    21u
#define MPS2_IO_PACKET_BYTES 24u
#define MPS2_IO_FRAME_BYTES  (MPS2_IO_PACKET_BYTES + 3u)
#define MPS2_IO_DOZE_MS      100u // an input's least valid age is 250, the peer's interval 50

typedef struct mps2_io_card {
    uint8_t connector; // from 0
    char id_tag[MPS2_IO_TAG_BYTES];
} mps2_io_card_t;

/// Context of all but take_card: the control tick.
typedef struct mps2_io {
    mps2_uart_t *uart;
    evse_io_inputs_t inputs;
    uint64_t sampled_us; // 0: never
    uint8_t frame[MPS2_IO_FRAME_BYTES];
    uint32_t length;
    hf_queue_t cards;
    uint32_t card_storage[HF_QUEUE_BYTES(sizeof(mps2_io_card_t), MPS2_IO_CARDS) / 4u];
    uint32_t rx, refused, dozes;
} mps2_io_t;

HF_MUST_CHECK int mps2_io_init(mps2_io_t *io, mps2_uart_t *uart);
/// The next card: connector from 0 and idTag. HF_E_EMPTY. Context: the comms loop.
HF_MUST_CHECK int mps2_io_take_card(mps2_io_t *io, unsigned *connector,
                                    char id_tag[MPS2_IO_TAG_BYTES]);
extern const evse_io_ops_t mps2_io_ops; // ctx: mps2_io_t

/// The frame that commands these outputs; its length. Also for the way out of a fault.
uint32_t mps2_io_frame_drive(unsigned connector, const evse_io_drive_t *drive,
                             uint8_t frame[MPS2_IO_FRAME_BYTES]);

#endif
