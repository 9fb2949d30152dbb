// SPDX-License-Identifier: MIT
// The cases of test_pool.c over the LIFO at core level.
#include "tests/support/pool_variant_off.h"

#define CONFIG_HF_POOL_LIFO 1

#include "src/runtime/memory/hf_pool.c"
#include "src/runtime/memory/hf_pool_lifo.c"

#include "test_pool.c"
