// SPDX-License-Identifier: MIT
// SocketCAN: a raw socket on an interface, with error frames, filters, times of arrival and what the kernel dropped. The
// first poll opens it; later recover() does, and restarts a controller that is off the bus (permitted with CAP_NET_ADMIN;
// else the interface's own restart-ms has to). An interface that is away, down or without a controller on the bus is a
// bus that is off. No call waits for the bus; opening and restarting take the kernel's lock of network devices.
#ifndef EVSE_CAN_SOCKETCAN_H
#define EVSE_CAN_SOCKETCAN_H

#include "evse/evse_can.h"

#include <net/if.h>
#include <sys/socket.h>

/// Counters beside those of the inbox; they wrap.
typedef struct evse_can_socketcan_stats {
    uint32_t opens;
    uint32_t refused;          // remote frames, CAN FD, lengths that cannot be
    uint32_t error_frames;     // of every class
    uint32_t lost_arbitration; // error frames by class
    uint32_t protocol;
    uint32_t unacknowledged;
    uint32_t transceiver;
    uint32_t restarts;        // told by the kernel or seen
    uint32_t restarts_asked;  // by recover()
    uint32_t restarts_denied; // ... and not permitted
    uint32_t kernel_overruns; // frames the socket's queue had no room for
    uint32_t stalls;          // polls stood still, what waited was dropped
} evse_can_socketcan_stats_t;

/// Fields are private to the driver, except stats.
typedef struct evse_can_socketcan {
    evse_can_socketcan_stats_t stats;
    evse_can_inbox_t inbox;
    char interface[IFNAMSIZ];
    evse_can_filter_t filters[EVSE_CAN_FILTERS_MAX];
    uint32_t filter_count; // 0: everything comes in
    int fd;                // -1: the interface is away or down
    int index;             // of the interface
    bool begun;            // the first poll opens by itself
    bool bus_off, passive; // as the controller told last
    bool jammed;           // as of the last poll
    bool stale;            // what is read now waited through a stall
    evse_can_jam_t jam;
    uint32_t dropped;   // the kernel's count of the socket
    uint64_t polled_us; // 0: never
    uint64_t empty_us;  // the queue was seen empty: nothing that waits is older
    uint64_t utc_us;    // the wall clock in this poll
} evse_can_socketcan_t;

/// Remembers the interface ("can0"); opening happens in poll(). HF_E_TOO_LONG.
HF_MUST_CHECK int evse_can_socketcan_open(evse_can_socketcan_t *bus, const char *interface);
/// Lets in only what one of the filters names; before the first poll. count 0: everything. HF_E_FULL.
HF_MUST_CHECK int evse_can_socketcan_filter(evse_can_socketcan_t *bus,
                                            const evse_can_filter_t *filters, uint32_t count);
void evse_can_socketcan_close(evse_can_socketcan_t *bus);
extern const evse_can_ops_t evse_can_socketcan_ops; // ctx: evse_can_socketcan_t

/// For tests, and for a socket that somebody else has opened: reads from and writes to `fd` from now on.
void evse_can_socketcan_adopt(evse_can_socketcan_t *bus, int fd);
/// One message of the socket, `length` bytes at message->msg_iov[0] with its control messages, that was read in a poll at
/// now_us: a data frame goes into the inbox, an error frame changes the state, anything else is refused and counted.
void evse_can_socketcan_take(evse_can_socketcan_t *bus, struct msghdr *message, size_t length,
                             uint64_t now_us);

#endif
