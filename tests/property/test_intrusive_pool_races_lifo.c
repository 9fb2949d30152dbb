// SPDX-License-Identifier: MIT
// Racing gives on the LIFO, with the census.
#include "tests/support/pool_variant_off.h"

#define CONFIG_HF_POOL_LIFO       1
#define CONFIG_HF_POOL_STATISTICS 1
#define CONFIG_HF_POOL_CENSUS     1

#include "src/runtime/memory/hf_pool.c"
#include "src/runtime/memory/hf_pool_census.c"
#include "src/runtime/memory/hf_pool_lifo.c"

#include "test_pool_races.c"
