// SPDX-License-Identifier: MIT
// What the fuzz targets share: the entry that libFuzzer and replay.c call, and a judgement that both see as a crash.
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

#endif
