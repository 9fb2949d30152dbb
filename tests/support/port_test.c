// SPDX-License-Identifier: MIT
// The link-time seams of a test program: an assertion aborts, the clock is the test's own.
#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    printf("assertion failed: %s:%d\n", file, line);
    abort();
}

uint64_t hf_port_now_us(void)
{
    static _Atomic uint64_t now_us; // tests with threads look at it, too
    return ++now_us;
}
