// SPDX-License-Identifier: MIT
// Racing gives on the bitmap at core level.
#include "tests/support/pool_variant_off.h"

#include "src/runtime/memory/hf_pool.c"
#include "src/runtime/memory/hf_pool_bitmap.c"

#include "test_pool_races.c"
