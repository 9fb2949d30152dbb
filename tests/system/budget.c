// SPDX-License-Identifier: MIT
// Preloaded into the shipped daemon by tests in place of the heap guard: the budget is what the file BUDGET_FILE says, nine
// numbers in the order of hf_memory_t, read anew each time. Without the file nothing is known.
#define _GNU_SOURCE
#include "holdfast/hf_memory.h"
#include "holdfast/hf_status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int holdfast_malloc_read(hf_memory_t *memory);

int holdfast_malloc_read(hf_memory_t *memory)
{
    char text[256] = "";
    const char *path = getenv("BUDGET_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1u) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    hf_memory_t read = {0};
    int count = got > 0 ? sscanf(text, "%u %u %u %u %u %u %u %u %u", &read.heap_free,
                                 &read.heap_min, &read.heap_largest, &read.internal_free,
                                 &read.internal_min, &read.internal_largest, &read.psram_free,
                                 &read.psram_min, &read.psram_largest)
                        : 0;
    if (count != 9) {
        return HF_E_UNSUPPORTED;
    }
    *memory = read;
    return HF_OK;
}
