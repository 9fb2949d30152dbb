// SPDX-License-Identifier: MIT
// What the counting images share: a figure, and calls that are counted into it. Only on targets; exact, so no repetition.
#ifndef COUNT_H
#define COUNT_H

#include "qemu_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/// Counts of one call: of the steady case, and the largest of all histories.
typedef struct count_figure {
    uint32_t value, worst;
} count_figure_t;

/// A function of up to three machine words, whatever its prototype: the call is made in assembly.
#define COUNT_CALL(function)                                                                       \
    ((uintptr_t(*)(uintptr_t, uintptr_t, uintptr_t))(void (*)(void))(function))

/// Counts one call into figure->worst and returns its count; the call's result is qemu_result().
static inline uint32_t count_into(count_figure_t *figure, uint32_t instructions)
{
    figure->worst = instructions > figure->worst ? instructions : figure->worst;
    return instructions;
}

static inline uint32_t count_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/// One line "NAME VALUE WORST"; COUNT_TARGET (m4, m0, rv32imc) begins every name.
static inline void count_print(const char *name, uint32_t value, uint32_t worst)
{
    printf("%s.%s %" PRIu32 " %" PRIu32 "\n", COUNT_TARGET, name, value, worst);
}

#endif
