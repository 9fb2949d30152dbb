// SPDX-License-Identifier: MIT
// The link-time seams of holdfast-simd: one thread, no interrupts, no clock but the world's own.
#include "holdfast/hf_critical.h"
#include "holdfast/hf_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    (void)fprintf(stderr, "holdfast-simd: assertion failed: %s:%d\n", file, line);
    abort();
}

uint32_t hf_port_critical_enter(void)
{
    return 0;
}

void hf_port_critical_exit(uint32_t was)
{
    (void)was;
}

#if CONFIG_HF_POOL_TIMING
uint32_t hf_port_cycles(void)
{
    return (uint32_t)clock(); // the host's: stepped time has no cycles
}
#endif
