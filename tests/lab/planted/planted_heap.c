// SPDX-License-Identifier: MIT
// A heap as small firmwares have them: a chain of blocks, first fit, neighbours joined when one is given back.
#include "planted.h"

#define HEAD_BYTES 16u
#define FREE_WORD  0xFEEDF2EEu
#define TAKEN_WORD 0xABBA1234u

typedef struct head {
    uint32_t bytes; // of the whole block
    uint32_t word;
    uint32_t padding[2];
} head_t;

static head_t *at(heap_t *heap, uint32_t offset)
{
    return (head_t *)(void *)(heap->memory + offset);
}

void heap_init(heap_t *heap)
{
    *at(heap, 0) = (head_t){.bytes = HEAP_BYTES, .word = FREE_WORD};
    heap->free_bytes = heap->min_free_bytes = HEAP_BYTES - HEAD_BYTES;
    heap->refused = 0;
    (void)pthread_mutex_init(&heap->guard, NULL);
}

static void split(heap_t *heap, uint32_t offset, uint32_t bytes)
{
    head_t *block = at(heap, offset);
    if (block->bytes >= bytes + 2u * HEAD_BYTES) {
        *at(heap, offset + bytes) = (head_t){.bytes = block->bytes - bytes, .word = FREE_WORD};
        block->bytes = bytes;
    }
}

static void *take(heap_t *heap, uint32_t bytes)
{
    for (uint32_t offset = 0; offset < HEAP_BYTES; offset += at(heap, offset)->bytes) {
        if (at(heap, offset)->word == FREE_WORD && at(heap, offset)->bytes >= bytes) {
            split(heap, offset, bytes);
            at(heap, offset)->word = TAKEN_WORD;
            heap->free_bytes -= at(heap, offset)->bytes;
            if (heap->free_bytes < heap->min_free_bytes) {
                heap->min_free_bytes = heap->free_bytes;
            }
            return heap->memory + offset + HEAD_BYTES;
        }
    }
    heap->refused++;
    return NULL;
}

void *heap_take(heap_t *heap, uint32_t bytes)
{
    (void)pthread_mutex_lock(&heap->guard);
    void *block = take(heap, (bytes + 2u * HEAD_BYTES - 1u) / HEAD_BYTES * HEAD_BYTES);
    (void)pthread_mutex_unlock(&heap->guard);
    return block;
}

static void join(heap_t *heap)
{
    for (uint32_t offset = 0; offset < HEAP_BYTES; offset += at(heap, offset)->bytes) {
        head_t *block = at(heap, offset);
        while (block->word == FREE_WORD && offset + block->bytes < HEAP_BYTES &&
               at(heap, offset + block->bytes)->word == FREE_WORD) {
            block->bytes += at(heap, offset + block->bytes)->bytes;
        }
    }
}

static heap_verdict_t give(heap_t *heap, void *block)
{
    for (uint32_t offset = 0; offset < HEAP_BYTES; offset += at(heap, offset)->bytes) {
        head_t *head = at(heap, offset);
        if ((uint8_t *)block >= (uint8_t *)head + head->bytes) {
            continue;
        }
        if (head->word == FREE_WORD) {
            return HEAP_FREED_TWICE;
        }
        if ((uint8_t *)block != (uint8_t *)head + HEAD_BYTES) {
            return HEAP_FOREIGN;
        }
        head->word = FREE_WORD;
        heap->free_bytes += head->bytes;
        join(heap);
        return HEAP_GOOD;
    }
    return HEAP_FOREIGN;
}

heap_verdict_t heap_give(heap_t *heap, void *block)
{
    (void)pthread_mutex_lock(&heap->guard);
    heap_verdict_t verdict = give(heap, block);
    (void)pthread_mutex_unlock(&heap->guard);
    return verdict;
}

int heap_read(void *ctx, hf_memory_t *memory)
{
    heap_t *heap = ctx;
    uint32_t largest = 0;
    (void)pthread_mutex_lock(&heap->guard);
    for (uint32_t offset = 0; offset < HEAP_BYTES; offset += at(heap, offset)->bytes) {
        const head_t *block = at(heap, offset);
        if (block->word == FREE_WORD && block->bytes - HEAD_BYTES > largest) {
            largest = block->bytes - HEAD_BYTES;
        }
    }
    uint32_t free_bytes = heap->free_bytes, min_free_bytes = heap->min_free_bytes;
    (void)pthread_mutex_unlock(&heap->guard);
    *memory = (hf_memory_t){.heap_free = free_bytes,
                            .heap_min = min_free_bytes,
                            .heap_largest = largest,
                            .internal_free = free_bytes,
                            .internal_min = min_free_bytes,
                            .internal_largest = largest};
    return HF_OK;
}
