// SPDX-License-Identifier: MIT
// A CMSDK UART between two interrupts: bytes wait in rings of the caller's. Not hf_ring_t: its slot is 8 bytes for an
// item of one, and drop-oldest would tear a stream.
// Invariants: a byte that has no room stays in the UART, so a byte is lost in one place only, the UART's own overrun, and
// counted; neither end of a ring writes the other's index; what is queued goes out whole and in order.
#ifndef MPS2_UART_H
#define MPS2_UART_H

#include "holdfast/hf_ring.h"

#define MPS2_UARTS 5u

typedef struct mps2_bytes {
    uint8_t *storage;
    uint32_t mask;
    hf_atomic_u32_t head; // written by the producer alone
    hf_atomic_u32_t tail; // written by the consumer alone
} mps2_bytes_t;

typedef struct mps2_uart_config {
    unsigned number; // 0 to 4
    uint32_t baud;
    uint8_t *receive, *send; // storage
    uint32_t receive_bytes;  // powers of two, 64 to 32768
    uint32_t send_bytes;
} mps2_uart_config_t;

typedef struct mps2_uart {
    uint32_t base;
    mps2_bytes_t in, out;
    hf_atomic_u32_t held;     // a byte waits in the UART for room in `in`
    hf_atomic_u32_t sending;  // the send interrupt is owed
    hf_atomic_u32_t overruns; // times the UART lost bytes
    uint32_t refused;         // bytes that had no room in `out`
    uint32_t peak_in;         // bytes that waited
} mps2_uart_t;

/// HF_E_ARGUMENT: no such UART, open already, storage that is no power of two; HF_E_RANGE: a rate it cannot do.
HF_MUST_CHECK int mps2_uart_open(mps2_uart_t *uart, const mps2_uart_config_t *config);
/// Takes what has come, as much as fits; 0 none. Context: one reader.
size_t mps2_uart_read(mps2_uart_t *uart, void *data, size_t capacity);
size_t mps2_uart_waiting(const mps2_uart_t *uart);
/// Queues as much as there is room for; how much. Context: one writer.
size_t mps2_uart_write(mps2_uart_t *uart, const void *data, size_t length);
/// Queues all of it or (counted in `refused`) nothing: HF_E_AGAIN. Context: one writer.
HF_MUST_CHECK int mps2_uart_put(mps2_uart_t *uart, const void *data, size_t length);
size_t mps2_uart_room(const mps2_uart_t *uart);
/// Away with what has come. Context: the reader.
void mps2_uart_clear(mps2_uart_t *uart);
uint32_t mps2_uart_overruns(const mps2_uart_t *uart);
/// Sends by polling, past the queue and with interrupts off. For the way out of a fault alone.
void mps2_uart_emergency(unsigned number, const void *data, size_t length);
/// Waits until the queue is out, at most so many microseconds. Not in an interrupt.
void mps2_uart_drain(const mps2_uart_t *uart, uint64_t limit_us);

/// Interrupt handlers, called by the vectors.
void mps2_uart_on_receive(unsigned number);
void mps2_uart_on_send(unsigned number);

#endif
