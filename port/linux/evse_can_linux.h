// SPDX-License-Identifier: MIT
// Every CAN bus that Linux has, by one text: "virtual:PATH", "socketcan:INTERFACE", "slcan:DEVICE[@KBITS][,mute]".
// Whoever uses the evse_can_t calls poll() once a tick and, while it tells bus-off, recover() now and then, best through
// evse_can_bus_poll() and evse_can_bus_recover(): of SocketCAN and SLCAN only the first opening comes by itself.
#ifndef EVSE_CAN_LINUX_H
#define EVSE_CAN_LINUX_H

#include "evse_can_slcan.h"
#include "evse_can_socketcan.h"
#include "evse_can_virtual.h"

#define EVSE_CAN_LINUX_NAME_BYTES 108u // of a socket's path, the longest of the three

/// For messages: the specs this build takes.
extern const char evse_can_linux_specs[];

typedef enum evse_can_linux_kind {
    EVSE_CAN_LINUX_VIRTUAL,
    EVSE_CAN_LINUX_SOCKETCAN,
    EVSE_CAN_LINUX_SLCAN,
} evse_can_linux_kind_t;

typedef struct evse_can_linux_spec {
    evse_can_linux_kind_t kind;
    char name[EVSE_CAN_LINUX_NAME_BYTES];
    uint32_t bitrate_kbits; // slcan alone
    bool mute;              // slcan alone
} evse_can_linux_spec_t;

/// Reads a spec and opens nothing. HF_E_FORMAT: no such kind, or no name; HF_E_TOO_LONG; HF_E_RANGE: a bitrate SLCAN does
/// not have; HF_E_UNSUPPORTED: left out of this build.
HF_MUST_CHECK int evse_can_linux_parse(const char *text, evse_can_linux_spec_t *spec);

typedef struct evse_can_linux {
    evse_can_linux_spec_t spec;
    union {
        evse_can_virtual_t virtual_bus;
        evse_can_socketcan_t socketcan;
        evse_can_slcan_t slcan;
    } bus;
} evse_can_linux_t;

/// Which frames come in, where the back end can choose (SocketCAN); count 0: all.
typedef struct evse_can_filters {
    const evse_can_filter_t *list; // copied
    uint32_t count;                // EVSE_CAN_FILTERS_MAX at most
} evse_can_filters_t;

/// Parses the spec and makes the driver; the device itself is opened in poll(), so that one that is not there yet is a bus
/// that is off, not an error. `filters` may be NULL: all frames. Statuses of evse_can_linux_parse(), and HF_E_FULL: too
/// many filters.
HF_MUST_CHECK int evse_can_linux_open(evse_can_linux_t *bus, const char *text,
                                      const evse_can_filters_t *filters, evse_can_t *can);
void evse_can_linux_close(evse_can_linux_t *bus);

#endif
