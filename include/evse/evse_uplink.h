// SPDX-License-Identifier: MIT
// What stands between the charge point and its central system: the one table of circuit breakers, the network's part in
// the connection, and the clock that the central system sets.
// Invariant: no breaker ever drops a transaction message, or keeps one longer than the reconnect's own waits do.
#ifndef EVSE_UPLINK_H
#define EVSE_UPLINK_H

#include "evse/evse_timing.h"
#include "holdfast/hf_breaker.h"
#include "holdfast/hf_net.h"

// X(name, operation, failures in a row, first cool-down in ms, longest, what follows while it is open). A cool-down of 0:
// open until the program starts anew. The first ones stand in evse_uplink_t, those of the transfers in evse_transfers_t, one
// of MODULES in the evse_can_bus_t of each bus.
#define EVSE_BREAKER_TABLE(X)                                                                      \
    X(CONNECT, "connect", 20, 120000, 180000,                                                      \
      "the central system is tried once in the cool-down; while a transaction message waits, at "  \
      "the reconnect's own waits")                                                                 \
    X(JOURNAL, "journal", 1, 0, 0,                                                                 \
      "no new session; what runs is ended and told from memory; closed by a restart")              \
    X(DOWNLOAD, "download", 5, 60000, 300000,                                                      \
      "an UpdateFirmware is accepted, its next try waits for the cool-down")                       \
    X(UPLOAD, "upload", 5, 60000, 300000,                                                          \
      "a GetDiagnostics is accepted, its next try waits for the cool-down")                        \
    X(MODULES, "module commands", 1, EVSE_CAN_RECOVERY_BASE_MS, EVSE_CAN_RECOVERY_CAP_MS,          \
      "a bus that is off is left alone, its output dead; one that may carry power is tried every " \
      "tick")

typedef enum evse_breaker {
#define EVSE_BREAKER_ENUM(name, operation, threshold, cool_down_ms, cap_ms, follows)               \
    EVSE_BREAKER_##name,
    EVSE_BREAKER_TABLE(EVSE_BREAKER_ENUM)
#undef EVSE_BREAKER_ENUM
        EVSE_BREAKER_COUNT,
    EVSE_BREAKER_UPLINK = EVSE_BREAKER_DOWNLOAD, // those of evse_uplink_t come first
} evse_breaker_t;

extern const hf_breaker_limit_t evse_breaker_limits[EVSE_BREAKER_COUNT];
const char *evse_breaker_text(unsigned breaker);         // "connect"
const char *evse_breaker_follows_text(unsigned breaker); // what follows while it is open

/// The clock as the central system sets it. Small differences are slewed, large ones stepped once a second answer says
/// the same; a clock that nobody has set takes the first plausible time there is.
typedef struct evse_clock {
    uint64_t target_ms;    // what utc_offset_ms moves towards; 0 none
    uint64_t candidate_ms; // an offset far off that waits for a second answer; 0 none
    uint64_t session_ms; // after a step back: the offset that open transactions go on with; 0 none
    uint64_t slewed_us;  // when it was moved last
    bool is_set;         // by the central system, in this boot
    uint32_t steps, refused,
        disagreed; // large changes; times that cannot be; answers nobody confirmed
} evse_clock_t;

typedef struct evse_uplink {
    hf_breaker_t breaker[EVSE_BREAKER_UPLINK];
    uint64_t tried_us;    // the last opening
    uint64_t next_net_us; // the network is looked at again
    uint32_t ping_s;      // WebSocketPingInterval as the link knows it; UINT32_MAX: not told yet
    uint8_t net;          // hf_net_state_t, as of the last look
    bool is_answered;     // a CALL was answered in this connection: it is one
    evse_clock_t clock;
} evse_uplink_t;

#endif
