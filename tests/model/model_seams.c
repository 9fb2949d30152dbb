// SPDX-License-Identifier: MIT
// The seams of the runtime under the scheduler.
#include "model_seams.h"

#include "holdfast/hf_critical.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t hf_port_critical_enter(void)
{
    model_lock();
    return 0;
}

void hf_port_critical_exit(uint32_t was)
{
    (void)was;
    model_unlock();
}

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    printf("assertion failed: %s:%d\n", file, line);
    abort();
}

void model_expect(bool is_true, const char *text)
{
    if (!is_true) {
        model_fail(text);
    }
}

void model_require(int status)
{
    if (status < 0) {
        printf("setting up failed with status %d\n", status);
        abort();
    }
}
