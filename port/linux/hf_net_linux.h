// SPDX-License-Identifier: MIT
// The network as Linux sees it: rtnetlink tells when links, addresses or routes change, and is asked anew then. Joining is
// the operating system's business (a network manager, wpa_supplicant): this only follows. No shell, no waiting.
#ifndef HF_NET_LINUX_H
#define HF_NET_LINUX_H

#include "holdfast/hf_net.h"

#define HF_NET_LINUX_LINKS_MAX      32u
#define HF_NET_LINUX_DATAGRAM_BYTES 32768u // the kernel's own limit for an answer
#define HF_NET_LINUX_NAME_BYTES     16u    // IFNAMSIZ

typedef struct hf_net_linux_link {
    int index;
    char name[HF_NET_LINUX_NAME_BYTES];
    bool is_loopback, is_up, is_running, has_address;
} hf_net_linux_link_t;

/// What one round of asking gathers; and what the last whole one gave.
typedef struct hf_net_linux_table {
    hf_net_linux_link_t link[HF_NET_LINUX_LINKS_MAX];
    unsigned links;  // more are passed over
    int route_index; // the interface of the default route with the least metric; 0 none
    uint32_t route_metric;
} hf_net_linux_table_t;

typedef struct hf_net_linux {
    int fd;                                // -1: rtnetlink is not to be had
    char wanted[HF_NET_LINUX_NAME_BYTES];  // empty: the default route's interface
    char current[HF_NET_LINUX_NAME_BYTES]; // the one the report is about; empty none
    uint8_t question;                      // 0 none under way, else links, addresses, routes
    bool is_stale;                         // something changed since the last round began
    bool is_wireless;
    uint32_t sequence;
    uint64_t asked_us, next_signal_us;
    hf_net_linux_table_t table;
    hf_net_report_t report;
    uint32_t rounds;
    _Alignas(4) unsigned char datagram[HF_NET_LINUX_DATAGRAM_BYTES];
} hf_net_linux_t;

/// `interface`: a name, or NULL for the default route's. HF_E_IO: no rtnetlink here; HF_E_TOO_LONG.
HF_MUST_CHECK int hf_net_linux_open(hf_net_linux_t *net, const char *interface);
void hf_net_linux_close(hf_net_linux_t *net);
/// Takes what the kernel sent: one datagram of messages, checked. Split off for tests.
void hf_net_linux_take(hf_net_linux_t *net, const void *datagram, size_t length);
extern const hf_net_ops_t hf_net_linux_ops; // ctx: hf_net_linux_t

#endif
