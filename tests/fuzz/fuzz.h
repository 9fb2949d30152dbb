// SPDX-License-Identifier: MIT
// What the fuzz targets share: the entry that libFuzzer and replay.c call, and a judgement that both see as a crash.
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition) fuzz_must((condition), #condition, __FILE__, __LINE__)

static inline void fuzz_must(bool is_so, const char *what, const char *file, int line)
{
    if (!is_so) {
        (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        abort();
    }
}

#endif
