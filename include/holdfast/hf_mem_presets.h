// SPDX-License-Identifier: MIT
// Instances ready made: each preset fixes tiers, fill and policy, and returns the config over storage of its own type; what
// it leaves open (tags, quotas, seams, region) the caller sets in it before hf_mem_init().
#ifndef HF_MEM_PRESETS_H
#define HF_MEM_PRESETS_H

#include "holdfast/hf_mem.h"

#ifdef __cplusplus
extern "C" {
#endif

/// PRISM: 56 KiB for messages, patterns, frames. One tier up; blocks are zeroed as a whole (CONFIG_HF_POOL_FILL).
#define HF_MEM_PRISM_TIERS(X)                                                                      \
    X(messages, 256, 32)                                                                           \
    X(patterns, 1024, 16)                                                                          \
    X(frames, 4096, 8)

/// ModESP: five times 4 KiB; strict.
#define HF_MEM_MODESP_TIERS(X)                                                                     \
    X(tiny, 32, 128)                                                                               \
    X(small, 64, 64)                                                                               \
    X(medium, 128, 32)                                                                             \
    X(large, 256, 16)                                                                              \
    X(xlarge, 512, 8)

/// A charge point of up to four connectors, 52 KiB; next tier up; a reserve that lets it end every session when memory is
/// out.
/// Counts: 16 nodes (events, list elements, timers) and 8 names and small calls (Heartbeat, StatusNotification) per
/// connector; 3 calls per connector that are waiting or in work (StartTransaction, MeterValues of one sample); 1 full
/// MeterValues per connector and 2 answers of the station; 4 whole messages: one received, one sent, one in parts, one
/// spare.
#define HF_MEM_CHARGEPOINT_TIERS(X)                                                                \
    X(nodes, 64, 64)                                                                               \
    X(texts, 256, 32)                                                                              \
    X(calls, 1024, 12)                                                                             \
    X(payloads, 2048, 6)                                                                           \
    X(messages, 4096, 4)
/// Of each tier: per connector a node, a text and a call (its StopTransaction) and for all one payload and one message.
#define HF_MEM_CHARGEPOINT_RESERVE                                                                 \
    {                                                                                              \
        4, 4, 4, 1, 1                                                                              \
    }

/// What Kconfig says (CONFIG_HF_TIER1_BYTES, _COUNT to CONFIG_HF_TIER5_*), next tier up; a count of 0 leaves a tier out.
#define HF_MEM_CONFIGURED_TIERS(X)                                                                 \
    X(tier1, CONFIG_HF_TIER1_BYTES, CONFIG_HF_TIER1_COUNT)                                         \
    X(tier2, CONFIG_HF_TIER2_BYTES, CONFIG_HF_TIER2_COUNT)                                         \
    X(tier3, CONFIG_HF_TIER3_BYTES, CONFIG_HF_TIER3_COUNT)                                         \
    X(tier4, CONFIG_HF_TIER4_BYTES, CONFIG_HF_TIER4_COUNT)                                         \
    X(tier5, CONFIG_HF_TIER5_BYTES, CONFIG_HF_TIER5_COUNT)

typedef HF_MEM_STORAGE(HF_MEM_PRISM_TIERS) hf_mem_prism_t;
typedef HF_MEM_STORAGE(HF_MEM_MODESP_TIERS) hf_mem_modesp_t;
typedef HF_MEM_STORAGE(HF_MEM_CHARGEPOINT_TIERS) hf_mem_chargepoint_t;
typedef HF_MEM_STORAGE(HF_MEM_CONFIGURED_TIERS) hf_mem_configured_t;

hf_mem_config_t hf_mem_prism(hf_mem_prism_t *storage);
hf_mem_config_t hf_mem_modesp(hf_mem_modesp_t *storage);
hf_mem_config_t hf_mem_chargepoint(hf_mem_chargepoint_t *storage);
hf_mem_config_t hf_mem_configured(hf_mem_configured_t *storage);

#ifdef __cplusplus
}
#endif

#endif
