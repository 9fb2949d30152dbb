// SPDX-License-Identifier: MIT
// What a program with libholdfast brings along: the end it comes to when it is itself wrong, and, where hf_critical.h does
// not know the processor, the critical section. These programs have one thread and no interrupts: it is empty.
#ifndef SEAMS_H
#define SEAMS_H

#include "holdfast/hf_critical.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    printf("assertion failed: %s:%d\n", file, line);
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

#endif
