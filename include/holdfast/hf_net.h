// SPDX-License-Identifier: MIT
// The network under the connection: is there a way out, and what is done to get one. Above a driver that only reports
// (cable, or an operating system that joins by itself) this follows; above one that can join a radio network it chooses
// among the stored credentials and tries for ever: at once, then after 5, 10, 20, 40 and from then on every 60 seconds.
// Invariants: every wait has an end, whatever state the driver was found in; a secret is read when it is needed, handed to
// the driver, wiped, and never written anywhere else; nothing here blocks.
#ifndef HF_NET_H
#define HF_NET_H

#include "holdfast/hf_backoff.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(name, text). In this order: each includes what stands before it.
#define HF_NET_STATE_TABLE(X)                                                                      \
    X(DOWN, "down")       /* no link; the next try is waited for */                                \
    X(JOINING, "joining") /* a radio network is looked for, or lets us in */                       \
    X(LINK, "link")       /* carrier, or joined; no address */                                     \
    X(ADDRESS, "address") /* an address: neighbours can be reached */                              \
    X(ONLINE, "online")   /* and a way out: a default route */

typedef enum hf_net_state {
#define HF_NET_STATE_ENUM(name, text) HF_NET_##name,
    HF_NET_STATE_TABLE(HF_NET_STATE_ENUM)
#undef HF_NET_STATE_ENUM
        HF_NET_STATES
} hf_net_state_t;

// X(name, text)
#define HF_NET_FAILURE_TABLE(X)                                                                    \
    X(NONE, "none")                                                                                \
    X(NO_CREDENTIAL, "no network is stored")                                                       \
    X(NOT_FOUND, "network not found")                                                              \
    X(REFUSED, "not let in: wrong password?")                                                      \
    X(TIMEOUT, "joining took too long")                                                            \
    X(NO_ADDRESS, "no address given")                                                              \
    X(LOST, "link lost")

typedef enum hf_net_failure {
#define HF_NET_FAILURE_ENUM(name, text) HF_NET_FAILURE_##name,
    HF_NET_FAILURE_TABLE(HF_NET_FAILURE_ENUM)
#undef HF_NET_FAILURE_ENUM
        HF_NET_FAILURES
} hf_net_failure_t;

#define HF_NET_NAME_BYTES 33u // of a radio network (SSID), and a NUL
#define HF_NET_SECRET_BYTES                                                                        \
    65u // passphrase of 8 to 63 characters, or a key of 64 hexadecimal digits

typedef struct hf_net_credential {
    char name[HF_NET_NAME_BYTES];
    char secret[HF_NET_SECRET_BYTES]; // empty: an open network
} hf_net_credential_t;

typedef struct hf_net_report {
    hf_net_state_t state;
    int rssi_dBm;             // 0: no radio, or not known
    hf_net_failure_t failure; // why joining ended DOWN, if the driver knows
} hf_net_report_t;

typedef struct hf_net_ops {
    /// What the interface is like now. Never blocks.
    void (*poll)(void *ctx, uint64_t now_us, hf_net_report_t *report);
    /// Begins to join. HF_OK, or a negative status: not possible now (counts as a failed try). NULL: this interface joins
    /// by itself, or is a cable. The credential is not to be kept beyond what joining needs.
    int (*join)(void *ctx, const hf_net_credential_t *credential, uint64_t now_us);
    /// Gives up joining, or leaves; poll() reports DOWN from then on. With join only.
    void (*leave)(void *ctx);
} hf_net_ops_t;

typedef struct hf_net_config {
    const hf_net_ops_t *ops;
    void *ctx;
    /// The stored network number `index`, from 0, in the order they are to be tried; HF_E_NOT_FOUND past the last, any
    /// other negative status: that one is passed over. With join only. At most HF_NET_CREDENTIALS_MAX are asked for.
    int (*credential)(void *ctx, unsigned index, hf_net_credential_t *out);
    void *credential_ctx;
    uint32_t join_timeout_ms;    // 0: 20 s
    uint32_t address_timeout_ms; // 0: 20 s
} hf_net_config_t;

#define HF_NET_CREDENTIALS_MAX 16u

/// state, rssi_dBm, failure and the counters are for reading, the rest is private.
typedef struct hf_net {
    hf_net_config_t config;
    hf_backoff_t backoff;
    uint64_t since_us; // the phase under way began; waiting: the next try
    uint8_t phase;
    uint8_t good; // credential that worked last
    uint8_t index, first, tried,
        count;       // under way; of this round: its first, how many so far, of how many
    uint8_t state;   // hf_net_state_t
    uint8_t failure; // hf_net_failure_t of the last try; NONE once an address is there
    int16_t rssi_dBm;
    uint32_t joins, failures,
        losses; // begun; ended without an address; links that were up and went
} hf_net_t;

/// HF_E_ARGUMENT: no poll; join without leave or credential.
HF_MUST_CHECK int hf_net_init(hf_net_t *net, const hf_net_config_t *config);
/// Moves on. Cost: the driver's poll and some comparisons.
hf_net_state_t hf_net_poll(hf_net_t *net, uint64_t now_us);
/// Tries at once: a network was stored, or somebody pressed a button.
void hf_net_retry(hf_net_t *net, uint64_t now_us);
/// True when a connection can be tried.
static inline bool hf_net_is_usable(hf_net_state_t state)
{
    return state >= HF_NET_ADDRESS;
}
const char *hf_net_state_text(unsigned state);
const char *hf_net_failure_text(unsigned failure);

#ifdef __cplusplus
}
#endif

#endif
