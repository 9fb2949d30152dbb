// SPDX-License-Identifier: MIT
// The cases of test_pool.c over the LIFO with every switch on.
#include "tests/support/pool_variant_off.h"

#define CONFIG_HF_POOL_LIFO       1
#define CONFIG_HF_POOL_STATISTICS 1
#define CONFIG_HF_POOL_CENSUS     1
#define CONFIG_HF_POOL_FILL       1
#define CONFIG_HF_POOL_CANARY     1
#define CONFIG_HF_POOL_TIMING     1
#define CONFIG_HF_TRACE           1
#ifndef CONFIG_HF_TRACE_FRAMES
#define CONFIG_HF_TRACE_FRAMES 0
#endif

#include "src/runtime/diag/hf_trace.c"
#include "src/runtime/memory/hf_pool.c"
#include "src/runtime/memory/hf_pool_census.c"
#include "src/runtime/memory/hf_pool_lifo.c"
#include "src/runtime/memory/hf_pool_options.c"
#include "src/runtime/memory/hf_pool_watch.c"

#include "test_pool.c"
