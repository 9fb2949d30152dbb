// SPDX-License-Identifier: MIT
// CAN: the frame, the driver seam, what every driver keeps (inbox, counters), and the recovery of a bus. A driver never
// blocks. Invariants: the newest frames win (an inbox that is full drops its oldest and counts it); a bus that is off is
// not asked to come back before both stop paths of its tick were commanded. [SAF-12]
#ifndef EVSE_CAN_H
#define EVSE_CAN_H

#include "holdfast/hf_breaker.h"
#include "holdfast/hf_ring.h"

#define EVSE_CAN_ID_MASK 0x1FFFFFFFu

typedef struct evse_can_frame {
    uint32_t id;    // 29 bits when extended, else 11
    uint8_t length; // 0 to 8
    bool extended;
    bool stamped; // stamp_us is when it arrived; else nobody knows
    uint8_t data[8];
    uint32_t stamp_us; // low 32 bits of the time of arrival
} evse_can_frame_t;

/// When the frame arrived: its stamp, or now_us when it has none or one more than 30 minutes old. Never after now_us.
uint64_t evse_can_frame_time_us(const evse_can_frame_t *frame, uint64_t now_us);

typedef enum evse_can_state {
    EVSE_CAN_ACTIVE,  // frames go out and come in
    EVSE_CAN_PASSIVE, // many errors (warning or error-passive): they still do
    EVSE_CAN_BUS_OFF, // the controller has left the bus, or the bus is not there
} evse_can_state_t;
const char *evse_can_state_text(evse_can_state_t state); // "active"

typedef struct evse_can_ops {
    /// 0 handed to the controller, HF_E_AGAIN its queue is full, HF_E_STATE bus off. Never blocks.
    int (*send)(void *ctx, const evse_can_frame_t *frame);
    /// 1 a frame was stored in `frame`, 0 none waiting, HF_E_STATE bus off. Never blocks.
    int (*receive)(void *ctx, evse_can_frame_t *frame);
    /// Called once a tick, before receive(): moves what has come into the inbox, tells the state. Never blocks.
    evse_can_state_t (*poll)(void *ctx, uint64_t now_us);
    /// Tries once to bring a bus that is off back (controller restart, interface or device opened anew). 0 tried,
    /// HF_E_AGAIN not now (a try is under way; does not count as one). Never blocks. NULL: the bus comes back by itself.
    int (*recover)(void *ctx, uint64_t now_us);
    /// What the driver counts; NULL: nothing.
    const struct evse_can_inbox *(*inbox)(void *ctx);
} evse_can_ops_t;

typedef struct evse_can {
    const evse_can_ops_t *ops;
    void *ctx;
} evse_can_t;

/// Counters of one bus; they wrap.
typedef struct evse_can_stats {
    bool initialized;     // opened at least once
    bool active;          // not bus-off at the last poll
    uint32_t total_rx;    // good data frames taken from the controller
    uint32_t total_tx;    // handed to the controller
    uint32_t error_count; // error frames, refused frames, failed sends
    uint32_t overruns; // frames lost for want of room: inbox, kernel, adapter; as of the last get()
    uint32_t stale;    // of unknown age, thrown away by clear() or after a stall
    uint32_t bus_offs; // times the bus went off
    uint64_t last_activity_us; // of the last good frame; 0 never
} evse_can_stats_t;

/// Receive ring of a driver with its counters: frames put = got + waiting + overruns of the ring + cleared.
/// Context: put(), tell() and lost() one producer (task or ISR), get() and clear() one consumer. Of the counters overruns
/// and stale are the consumer's, the others the producer's: whole to whoever runs in its context, or at its priority.
typedef struct evse_can_inbox {
    evse_can_stats_t stats;
    hf_atomic_u32_t
        lost_outside; // written by the producer: by kernel, controller or adapter, before put()
    hf_ring_t ring;
    uint32_t storage[HF_RING_BYTES(sizeof(evse_can_frame_t), CONFIG_EVSE_CAN_RING_FRAMES) / 4u];
} evse_can_inbox_t;

HF_MUST_CHECK int evse_can_inbox_init(evse_can_inbox_t *inbox);
/// Stores a frame that arrived at now_us; the oldest makes room and is counted in stats.overruns by the next get().
void evse_can_inbox_put(evse_can_inbox_t *inbox, const evse_can_frame_t *frame, uint64_t now_us);
/// 1 and the oldest frame, or 0.
int evse_can_inbox_get(evse_can_inbox_t *inbox, evse_can_frame_t *frame);
/// Everything that waits is of unknown age: away with it, counted in stats.stale; what had been overwritten before is
/// counted in stats.overruns.
void evse_can_inbox_clear(evse_can_inbox_t *inbox);
/// What a poll() is about to tell: keeps stats.active, stats.initialized and stats.bus_offs. Returns the state.
evse_can_state_t evse_can_inbox_tell(evse_can_inbox_t *inbox, evse_can_state_t state);
/// `count` frames were lost before they came here; in stats.overruns with the next get().
void evse_can_inbox_lost(evse_can_inbox_t *inbox, uint32_t count);
/// stats.overruns with what has been overwritten or lost since the last get(). Context: the consumer.
uint32_t evse_can_inbox_overruns(const evse_can_inbox_t *inbox);
/// Share of the ring in use, 0 to 100. Above EVSE_CAN_RING_WARN_PERCENT somebody has to be told.
uint32_t evse_can_inbox_percent(const evse_can_inbox_t *inbox);

/// Which frames a driver lets in, where it can choose: identifier and bits of it that count.
#define EVSE_CAN_FILTERS_MAX 32u
typedef struct evse_can_filter {
    uint32_t id, mask;
    bool extended;
} evse_can_filter_t;

/// For drivers: a transmit queue that refuses frames for EVSE_CAN_NO_ACK_MS and takes none. Nobody on the bus
/// acknowledges, or somebody talks over everyone: a module that cannot be told OFF is a bus that is off. The next frame
/// taken ends it.
typedef struct evse_can_jam {
    bool refused;               // since the last poll
    uint64_t since_us, last_us; // first and last refusal since a frame was taken; 0 none
} evse_can_jam_t;
/// What became of a send().
void evse_can_jam_note(evse_can_jam_t *jam, bool taken);
/// Once in every poll(); true: jammed.
bool evse_can_jam_poll(evse_can_jam_t *jam, uint64_t now_us);

/// One bus of a connector: its state and the way back after bus-off. Recovery is tried in every tick while the output is
/// not proven dead, and with a backoff of 1 s to 30 s from then on.
typedef struct evse_can_bus {
    evse_can_t can;
    evse_can_state_t state;
    hf_breaker_t breaker;  // EVSE_BREAKER_MODULES of evse_uplink.h
    uint64_t off_since_us; // of the state BUS_OFF
    uint64_t good_since_us;
    uint32_t bus_offs, recoveries, tries;
    uint32_t ring_percent; // after the last poll
    uint32_t
        ring_warnings; // times it rose above EVSE_CAN_RING_WARN_PERCENT; a change is to be told
    bool ring_high;    // until it is below half of that
} evse_can_bus_t;

/// HF_E_ARGUMENT without send, receive or poll.
HF_MUST_CHECK int evse_can_bus_init(evse_can_bus_t *bus, evse_can_t can);
/// Start of a tick: polls the driver.
evse_can_state_t evse_can_bus_poll(evse_can_bus_t *bus, uint64_t now_us);
/// End of a tick, after the gate has written: tries to come back when it is time to. `output_dead`: the module confirmed
/// OFF, the current is near zero, or the contactor's feedback is open.
void evse_can_bus_recover(evse_can_bus_t *bus, bool output_dead, uint64_t now_us);

#endif
