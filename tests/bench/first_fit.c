// SPDX-License-Identifier: MIT
// Offsets instead of pointers, so that a header of 8 bytes does on any machine. Free blocks are linked by rising address;
// the list ends at `bytes`.
#include "first_fit.h"

typedef struct header {
    uint32_t next; // of a free block
    uint32_t size; // with the header
} header_t;

static header_t *at(const first_fit_t *heap, uint32_t offset)
{
    return (header_t *)(void *)(heap->base + offset);
}

void first_fit_init(first_fit_t *heap, void *storage, uint32_t bytes, uint32_t header_bytes,
                    uint32_t align)
{
    bytes = bytes / align * align - header_bytes; // the models keep an end marker
    *heap = (first_fit_t){.base = storage,
                          .bytes = bytes,
                          .header_bytes = header_bytes,
                          .align = align,
                          .free_bytes = bytes,
                          .min_free_bytes = bytes};
    *at(heap, 0) = (header_t){.next = bytes, .size = bytes};
}

void *first_fit_take(first_fit_t *heap, uint32_t bytes)
{
    uint32_t wanted = (bytes + heap->header_bytes + heap->align - 1u) / heap->align * heap->align;
    uint32_t *link = &heap->first;
    while (*link < heap->bytes && at(heap, *link)->size < wanted) {
        link = &at(heap, *link)->next;
    }
    if (*link >= heap->bytes) {
        return NULL;
    }
    uint32_t block = *link;
    uint32_t rest = at(heap, block)->size - wanted;
    if (rest > 2u * heap->header_bytes) {
        *at(heap, block + wanted) = (header_t){.next = at(heap, block)->next, .size = rest};
        at(heap, block)->size = wanted;
        *link = block + wanted;
    } else {
        *link = at(heap, block)->next;
    }
    heap->free_bytes -= at(heap, block)->size;
    if (heap->free_bytes < heap->min_free_bytes) {
        heap->min_free_bytes = heap->free_bytes;
    }
    return heap->base + block + heap->header_bytes;
}

static void merge_with_next(first_fit_t *heap, uint32_t block)
{
    uint32_t next = at(heap, block)->next;
    if (next < heap->bytes && block + at(heap, block)->size == next) {
        at(heap, block)->size += at(heap, next)->size;
        at(heap, block)->next = at(heap, next)->next;
    }
}

void first_fit_give(first_fit_t *heap, void *given)
{
    uint32_t block = (uint32_t)((uint8_t *)given - heap->base) - heap->header_bytes;
    uint32_t before = heap->bytes; // none
    uint32_t *link = &heap->first;
    while (*link < block) {
        before = *link;
        link = &at(heap, before)->next;
    }
    heap->free_bytes += at(heap, block)->size;
    at(heap, block)->next = *link;
    *link = block;
    merge_with_next(heap, block);
    if (before != heap->bytes) {
        merge_with_next(heap, before);
    }
}

uint32_t first_fit_largest(const first_fit_t *heap)
{
    uint32_t largest = 0;
    for (uint32_t block = heap->first; block < heap->bytes; block = at(heap, block)->next) {
        uint32_t size = at(heap, block)->size - heap->header_bytes;
        largest = size > largest ? size : largest;
    }
    return largest;
}
