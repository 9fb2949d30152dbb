// SPDX-License-Identifier: MIT
// Prints what is observed of one symbol: "flip SYMBOL". Compiled once per configuration; flip.sh compares.
#include "flip.h"

#include <stdio.h>
#include <string.h>

_Noreturn void hf_port_assert_failed(const char *file, int line);

#define TIER(n)                                                                                    \
    static int tier##n##_bytes(void)                                                               \
    {                                                                                              \
        return flip_tier_bytes(n);                                                                 \
    }                                                                                              \
    static int tier##n##_count(void)                                                               \
    {                                                                                              \
        return flip_tier_count(n);                                                                 \
    }
TIER(1)
TIER(2)
TIER(3)
TIER(4)
TIER(5)

static const flip_t flips[] = {{"HF_POOL_LIFO", flip_pool_lifo},
                               {"HF_POOL_STATISTICS", flip_pool_statistics},
                               {"HF_POOL_CENSUS", flip_pool_census},
                               {"HF_POOL_FILL", flip_pool_fill},
                               {"HF_POOL_CANARY", flip_pool_canary},
                               {"HF_POOL_TIMING", flip_pool_timing},
                               {"HF_TRACE", flip_trace},
                               {"HF_TRACE_FRAMES", flip_trace_frames},
                               {"HF_EVENT_SUBSCRIBERS_MAX", flip_event_subscribers_max},
                               {"HF_MEM_STRICT", flip_mem_strict},
                               {"HF_MEM_REGION_FALLBACK", flip_mem_region_fallback},
                               {"HF_MEM_TAGS_MAX", flip_mem_tags_max},
                               {"HF_MEM_RESERVE", flip_mem_reserve},
                               {"HF_MEM_LOW_PERCENT", flip_mem_low_percent},
                               {"HF_MEM_CRITICAL_PERCENT", flip_mem_critical_percent},
                               {"HF_TIER1_BYTES", tier1_bytes},
                               {"HF_TIER1_COUNT", tier1_count},
                               {"HF_TIER2_BYTES", tier2_bytes},
                               {"HF_TIER2_COUNT", tier2_count},
                               {"HF_TIER3_BYTES", tier3_bytes},
                               {"HF_TIER3_COUNT", tier3_count},
                               {"HF_TIER4_BYTES", tier4_bytes},
                               {"HF_TIER4_COUNT", tier4_count},
                               {"HF_TIER5_BYTES", tier5_bytes},
                               {"HF_TIER5_COUNT", tier5_count}};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < HF_COUNT_OF(flips); i++) {
        if (strcmp(argv[1], flips[i].symbol) == 0) {
            printf("%s %d\n", argv[1], flips[i].observe());
            return 0;
        }
    }
    fprintf(stderr, "usage: flip SYMBOL\n");
    return 2;
}
