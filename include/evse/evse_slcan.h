// SPDX-License-Identifier: MIT
// SLCAN: CAN over a byte stream, as serial adapters speak it. A codec (lines to frames and back) and a driver of the seam
// of evse_can.h over any byte port, the same on a UART of a microcontroller as on a serial device of Linux.
// Invariants: nothing here blocks; a line that is not wholly understood is refused and counted, and the next \r or BEL
// begins anew; a command is written whole or not at all; the channel counts as on only after the adapter said so.
// SLCAN has no checksum: over a bare serial line a flipped bit can pass as another value; USB adapters have USB's.
#ifndef EVSE_SLCAN_H
#define EVSE_SLCAN_H

#include "evse/evse_can.h"

#define EVSE_SLCAN_LINE_BYTES                                                                      \
    32u // T, 8 of identifier, 1 of length, 16 of data, 4 of time stamp, \r: 31
#define EVSE_SLCAN_QUEUE_BYTES 2048u  // of commands that wait for the port: about 70 frames
#define EVSE_SLCAN_READ_BYTES  16384u // taken from the port in one poll at most

// Bits of an adapter's answer to F.
#define EVSE_SLCAN_RX_FULL     0x01u
#define EVSE_SLCAN_TX_FULL     0x02u
#define EVSE_SLCAN_WARNING     0x04u
#define EVSE_SLCAN_OVERRUN     0x08u
#define EVSE_SLCAN_PASSIVE     0x20u
#define EVSE_SLCAN_ARBITRATION 0x40u
#define EVSE_SLCAN_BUS_ERROR   0x80u

// What a byte completed.
typedef enum evse_slcan_kind {
    EVSE_SLCAN_NOTHING, // not yet a line, or a refused one
    EVSE_SLCAN_FRAME,   // t, T
    EVSE_SLCAN_REMOTE,  // r, R: a remote frame, which nobody here sends or wants
    EVSE_SLCAN_DONE,    // \r alone, z, Z: a command was taken
    EVSE_SLCAN_BELL,    // a command was refused
    EVSE_SLCAN_FLAGS,   // Fxx
    EVSE_SLCAN_STATE,   // s: state and error counters, told unasked by some adapters
    EVSE_SLCAN_ERROR,   // e: errors on the bus, told unasked by some adapters
    EVSE_SLCAN_INFO,    // V, v, N: versions and serial numbers, of no use here
} evse_slcan_kind_t;

typedef struct evse_slcan_line {
    evse_can_frame_t frame; // FRAME, REMOTE; never stamped: an adapter's clock is not ours
    uint8_t flags;          // FLAGS
    evse_can_state_t state; // STATE
} evse_slcan_line_t;

typedef struct evse_slcan_parser {
    uint8_t bytes[EVSE_SLCAN_LINE_BYTES];
    uint8_t length;
    bool skipping;    // what stands before the next \r or BEL is no line
    uint32_t refused; // lines, wraps
} evse_slcan_parser_t;

/// Begins in the middle of nowhere: what comes before the first CR or BEL is skipped.
void evse_slcan_parser_init(evse_slcan_parser_t *parser);
/// Feeds one byte. `line` is written when something was completed. Cost: O(1), O(line) at its end.
evse_slcan_kind_t evse_slcan_feed(evse_slcan_parser_t *parser, uint8_t byte,
                                  evse_slcan_line_t *line);
/// The command that sends a frame, with its CR; its length. 0: no frame (identifier or length out of range).
uint32_t evse_slcan_encode(const evse_can_frame_t *frame, uint8_t bytes[EVSE_SLCAN_LINE_BYTES]);
/// The digit of the command S for a bitrate (10, 20, 50, 100, 125, 250, 500, 800, 1000 kbit/s); 0 for any other.
char evse_slcan_bitrate_digit(uint32_t kbits);

/// The byte port under the driver. Nothing blocks.
typedef struct evse_slcan_port_ops {
    /// >0 bytes; 0 none now; HF_E_CLOSED the device is gone.
    int (*read)(void *ctx, uint8_t *data, uint32_t capacity);
    /// >0 bytes taken; 0 none now; HF_E_CLOSED.
    int (*write)(void *ctx, const uint8_t *data, uint32_t length);
    /// Opens the device if it is not open. 0 it is, a negative status: it is not there. NULL: it is always there.
    int (*open)(void *ctx);
} evse_slcan_port_ops_t;

typedef struct evse_slcan_port {
    const evse_slcan_port_ops_t *ops;
    void *ctx;
} evse_slcan_port_t;

typedef struct evse_slcan_config {
    evse_slcan_port_t port;
    uint32_t bitrate_kbits; // 0: 250
    bool mute; // the adapter answers nothing: no answer is waited for, and no state is asked for
} evse_slcan_config_t;

typedef enum evse_slcan_phase {
    EVSE_SLCAN_SHUT,    // the port or the channel is not there; recover() begins anew
    EVSE_SLCAN_CLOSING, // C is sent; what the adapter still has to say is let go
    EVSE_SLCAN_SETTING, // S is sent
    EVSE_SLCAN_OPENING, // O is sent
    EVSE_SLCAN_OPEN,
} evse_slcan_phase_t;

/// Counters beside those of the inbox; they wrap.
typedef struct evse_slcan_stats {
    uint32_t opens;      // times the channel was opened
    uint32_t bells;      // commands the adapter refused
    uint32_t remotes;    // remote frames
    uint32_t timeouts;   // answers that did not come
    uint32_t unplugs;    // times the port went away
    uint32_t stalls;     // polls stood still, what waited was dropped
    uint32_t bus_errors; // errors the adapter told
} evse_slcan_stats_t;

/// Fields are private to the driver, except stats.
typedef struct evse_slcan {
    evse_slcan_stats_t stats;
    evse_slcan_config_t config;
    evse_can_inbox_t inbox;
    evse_slcan_parser_t parser;
    evse_can_jam_t jam;
    evse_slcan_phase_t phase;
    bool begun;      // the first poll opens by itself
    bool passive;    // as the adapter told last
    bool off;        // as the adapter told last
    bool jammed;     // as of the last poll
    bool answered;   // the command of this phase was taken
    bool refused;    // ... with BEL
    bool flags_owed; // F is sent
    bool is_alive;   // a frame came since
    bool bell_heard; // since the last flags
    bool mid_line;   // the port has taken a part of the line at the head of `out`
    uint64_t phase_since_us, polled_us, flags_us;
    uint32_t unanswered; // F in a row
    uint32_t out_head, out_count;
    uint8_t out[EVSE_SLCAN_QUEUE_BYTES];
} evse_slcan_t;

/// HF_E_ARGUMENT: a port without read or write; HF_E_RANGE: a bitrate that SLCAN has no digit for. The first poll opens
/// the channel (C, S, O); later recover() does, whenever the bus is off.
HF_MUST_CHECK int evse_slcan_init(evse_slcan_t *slcan, const evse_slcan_config_t *config);
extern const evse_can_ops_t evse_slcan_ops; // ctx: evse_slcan_t

#endif
