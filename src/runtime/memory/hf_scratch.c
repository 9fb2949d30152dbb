// SPDX-License-Identifier: MIT
// Scratch buffers in the order of a stack, and the take that must succeed.
#include "holdfast/hf_scratch.h"

#include "../sync/hf_word.h"
#include "holdfast/hf_status.h"
#include "holdfast/hf_trip.h"

#include <stdalign.h>

int hf_scratch_init(hf_scratch_t *scratch, hf_scratch_stack_t *stack, const char *name,
                    void *buffer, size_t bytes)
{
    if (scratch == NULL || stack == NULL || name == NULL || buffer == NULL || bytes == 0 ||
        (uintptr_t)buffer % alignof(max_align_t) != 0) {
        return HF_E_ARGUMENT;
    }
    *scratch = (hf_scratch_t){.name = name, .stack = stack, .buffer = buffer, .bytes = bytes};
    return HF_OK;
}

void *hf_scratch_open(hf_scratch_t *scratch, size_t bytes)
{
    if (scratch->depth != 0) {
        scratch->nested++;
        return NULL;
    }
    if (bytes > scratch->peak_bytes) {
        scratch->peak_bytes = bytes;
    }
    if (bytes == 0 || bytes > scratch->bytes) {
        scratch->refused++;
        return NULL;
    }
    scratch->opens++;
    scratch->depth = ++scratch->stack->depth;
    return scratch->buffer;
}

int hf_scratch_close(hf_scratch_t *scratch)
{
    if (scratch->depth == 0) {
        scratch->not_open++;
        return HF_E_STATE;
    }
    if (scratch->depth != scratch->stack->depth) {
        scratch->out_of_order++;
        return HF_E_REFUSED;
    }
    scratch->stack->depth--;
    scratch->depth = 0;
    return HF_OK;
}

bool hf_scratch_is_open(const hf_scratch_t *scratch)
{
    return scratch->depth != 0;
}

void *hf_take_or_trip(void *block, hf_trip_t *trip, const char *pool_name, size_t bytes)
{
    if (block != NULL) {
        return block;
    }
    word_count(&trip->trips);
    if (trip->on_trip == NULL) {
        hf_port_assert_failed(pool_name, 0);
    }
    trip->on_trip(trip->ctx, pool_name, bytes, __builtin_return_address(0));
    return NULL;
}
