// SPDX-License-Identifier: MIT
// The presets as configs: tables of sizes and the policy that goes with each.
#include "holdfast/hf_mem_presets.h"

#include <assert.h>

#if CONFIG_HF_POOL_FILL
#define ZERO_FILL HF_POOL_ZERO
#else
#define ZERO_FILL 0
#endif

// Of the sizes that are not left out, each larger than those before it.
#define ABOVE(bytes, count, smaller, smaller_count)                                                \
    ((count) == 0 || (smaller_count) == 0 || (bytes) > (smaller))
#define B1 CONFIG_HF_TIER1_BYTES
#define B2 CONFIG_HF_TIER2_BYTES
#define B3 CONFIG_HF_TIER3_BYTES
#define B4 CONFIG_HF_TIER4_BYTES
#define B5 CONFIG_HF_TIER5_BYTES
#define N1 CONFIG_HF_TIER1_COUNT
#define N2 CONFIG_HF_TIER2_COUNT
#define N3 CONFIG_HF_TIER3_COUNT
#define N4 CONFIG_HF_TIER4_COUNT
#define N5 CONFIG_HF_TIER5_COUNT
static_assert(ABOVE(B2, N2, B1, N1), "CONFIG_HF_TIER2_BYTES: sizes ascend");
static_assert(ABOVE(B3, N3, B2, N2) && ABOVE(B3, N3, B1, N1),
              "CONFIG_HF_TIER3_BYTES: sizes ascend");
static_assert(ABOVE(B4, N4, B3, N3) && ABOVE(B4, N4, B2, N2) && ABOVE(B4, N4, B1, N1),
              "CONFIG_HF_TIER4_BYTES: sizes ascend");
static_assert(ABOVE(B5, N5, B4, N4) && ABOVE(B5, N5, B3, N3) && ABOVE(B5, N5, B2, N2) &&
                  ABOVE(B5, N5, B1, N1),
              "CONFIG_HF_TIER5_BYTES: sizes ascend");

hf_mem_config_t hf_mem_prism(hf_mem_prism_t *storage)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(HF_MEM_PRISM_TIERS);
    return (hf_mem_config_t)HF_MEM_CONFIG("prism", *storage, sizes, ZERO_FILL,
                                          .policy = {.spill = HF_MEM_ONE_UP});
}

hf_mem_config_t hf_mem_modesp(hf_mem_modesp_t *storage)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(HF_MEM_MODESP_TIERS);
    return (hf_mem_config_t)HF_MEM_CONFIG("modesp", *storage, sizes, 0,
                                          .policy = {.spill = HF_MEM_STRICT});
}

hf_mem_config_t hf_mem_chargepoint(hf_mem_chargepoint_t *storage)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(HF_MEM_CHARGEPOINT_TIERS);
    hf_mem_config_t config =
        HF_MEM_CONFIG("chargepoint", *storage, sizes, 0, .policy = {.spill = HF_MEM_ONE_UP});
#if CONFIG_HF_MEM_RESERVE
    static const uint16_t reserve[] = HF_MEM_CHARGEPOINT_RESERVE;
    static_assert(HF_COUNT_OF(reserve) == HF_COUNT_OF(sizes), "one reserve per tier");
    config.reserve = reserve;
#endif
    return config;
}

hf_mem_config_t hf_mem_configured(hf_mem_configured_t *storage)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(HF_MEM_CONFIGURED_TIERS);
    return (hf_mem_config_t)HF_MEM_CONFIG("configured", *storage, sizes, 0,
                                          .policy = {.spill = HF_MEM_ONE_UP});
}
