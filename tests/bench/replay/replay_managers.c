// SPDX-License-Identifier: MIT
// Four managers behind one table. Storage comes from the host's malloc; within it each does its own bookkeeping.
#include "replay_heaps.h"

#include <stdlib.h>
#include <string.h>

static void *fresh(replay_heap_t *heap, size_t bytes)
{
    free(heap->storage);
    heap->storage = aligned_alloc(64, (bytes + 63u) / 64u * 64u);
    if (heap->storage == NULL) {
        abort(); // a host without memory has nothing to measure
    }
    memset(heap->storage, 0, bytes);
    return heap->storage;
}

static bool keep(replay_heap_t *heap, uint32_t id, void *block)
{
    heap->held[id] = block;
    return block != NULL;
}

static void expect(int status)
{
    if (status != HF_OK) {
        abort(); // a give of what was taken, refused: the figures would be worth nothing
    }
}

// ---- first fit ----------------------------------------------------------------------------------

static bool first_fit_start(replay_heap_t *heap)
{
    if (heap->memory_bytes < 64u) {
        return false;
    }
    first_fit_init(&heap->first_fit, fresh(heap, heap->memory_bytes), heap->memory_bytes, 8, 8);
    return true;
}

static bool first_fit_serve(void *ctx, uint32_t id, uint32_t bytes)
{
    replay_heap_t *heap = ctx;
    return keep(heap, id, first_fit_take(&heap->first_fit, bytes));
}

static void first_fit_return(void *ctx, uint32_t id)
{
    replay_heap_t *heap = ctx;
    first_fit_give(&heap->first_fit, heap->held[id]);
}

static void first_fit_measure(void *ctx, hf_replay_sample_t *sample)
{
    const replay_heap_t *heap = ctx;
    sample->free_bytes = heap->first_fit.free_bytes;
    sample->largest_bytes = first_fit_largest(&heap->first_fit);
}

// ---- region -------------------------------------------------------------------------------------

static bool region_start(replay_heap_t *heap)
{
    uint32_t bytes = heap->memory_bytes / 16u * 16u;
    while (bytes > HF_REGION_BYTES_MIN &&
           bytes + 4u * HF_REGION_META_WORDS(bytes) > heap->memory_bytes) {
        bytes -= 16u;
    }
    uint8_t *storage = fresh(heap, heap->memory_bytes + 64u);
    const hf_region_config_t config = {.name = "replay",
                                       .memory = storage,
                                       .bytes = bytes,
                                       .meta = (uint32_t *)(void *)(storage + bytes)};
    return bytes > HF_REGION_BYTES_MIN && hf_region_init(&heap->region, &config) == HF_OK;
}

static bool region_serve(void *ctx, uint32_t id, uint32_t bytes)
{
    replay_heap_t *heap = ctx;
    return keep(heap, id, hf_region_take(&heap->region, bytes));
}

static void region_return(void *ctx, uint32_t id)
{
    replay_heap_t *heap = ctx;
    expect(hf_region_give(&heap->region, heap->held[id]));
}

static void region_measure(void *ctx, hf_replay_sample_t *sample)
{
    const replay_heap_t *heap = ctx;
    hf_region_stats_t stats = hf_region_stats(&heap->region);
    sample->free_bytes = (uint32_t)stats.free_bytes;
    sample->largest_bytes = (uint32_t)stats.largest_servable_bytes;
}

// ---- slabs --------------------------------------------------------------------------------------

static uint32_t page_for(uint32_t largest_bytes)
{
    uint32_t page = HF_SLAB_PAGE_BYTES;
    while (page < largest_bytes) {
        page *= 2u;
    }
    return page;
}

static bool slab_start(replay_heap_t *heap)
{
    hf_slab_size_t sizes[HF_SLAB_CLASSES_MAX];
    uint32_t page = page_for(heap->known->largest_bytes);
    uint32_t classes = hf_slab_sizes(sizes, HF_SLAB_CLASSES_MAX, 2, 32, page);
    uint32_t fixed = classes * (uint32_t)sizeof(hf_slab_class_t);
    uint32_t each =
        page + (uint32_t)sizeof(hf_slab_page_t) + classes * HF_SLAB_PAGE_UNITS / 8u + 1u;
    uint32_t pages = heap->memory_bytes < fixed ? 0 : (heap->memory_bytes - fixed) / each;
    pages = pages < HF_SLAB_PAGES_MAX ? pages : HF_SLAB_PAGES_MAX;
    if (classes == 0 || pages == 0) {
        return false;
    }
    uint8_t *storage = fresh(heap, heap->memory_bytes + 4096u);
    uint8_t *class_storage = storage + (size_t)pages * page;
    uint8_t *partial = class_storage + fixed;
    uint8_t *descriptors =
        partial + (size_t)classes * HF_SLAB_PARTIAL_WORDS(pages) * sizeof(uint32_t);
    const hf_slab_config_t config = {.name = "replay",
                                     .pages = storage,
                                     .descriptors = (hf_slab_page_t *)(void *)descriptors,
                                     .page_count = pages,
                                     .page_bytes = page,
                                     .sizes = sizes,
                                     .classes = (hf_slab_class_t *)(void *)class_storage,
                                     .partial = (uint32_t *)(void *)partial,
                                     .class_count = classes};
    return hf_slab_init(&heap->slab, &config) == HF_OK;
}

static bool slab_serve(void *ctx, uint32_t id, uint32_t bytes)
{
    replay_heap_t *heap = ctx;
    return keep(heap, id, hf_slab_take(&heap->slab, bytes, HF_TAG_NONE));
}

static void slab_return(void *ctx, uint32_t id)
{
    replay_heap_t *heap = ctx;
    expect(hf_slab_give(&heap->slab, heap->held[id]));
}

static void slab_measure(void *ctx, hf_replay_sample_t *sample)
{
    const replay_heap_t *heap = ctx;
    hf_slab_stock_stats_t stock = hf_slab_stock_stats(&heap->slab);
    sample->free_bytes = stock.free_bytes;
    sample->largest_bytes = stock.largest_span_bytes;
    for (uint32_t i = 0; i < heap->slab.config.class_count; i++) {
        hf_slab_stats_t stats = hf_slab_stats(&heap->slab, i);
        uint32_t free_blocks = stats.capacity - stats.in_use;
        sample->free_bytes += free_blocks * stats.block_bytes;
        if (free_blocks != 0 && stats.block_bytes > sample->largest_bytes) {
            sample->largest_bytes = stats.block_bytes;
        }
    }
}

// ---- pools --------------------------------------------------------------------------------------

static bool pools_start(replay_heap_t *heap)
{
    static hf_advice_work_t work;
    static hf_tier_size_t sizes[HF_TIER_MAX];
    hf_advice_tier_t advice[HF_TIER_MAX];
    int tiers = hf_advice_of_histogram(&heap->known->histogram, HF_TIER_MAX, 0, &work, advice);
    if (tiers < 1) {
        return false;
    }
    size_t arena = 0, meta = 0;
    for (int i = 0; i < tiers; i++) {
        sizes[i] = (hf_tier_size_t){"pool", advice[i].block_bytes, advice[i].count};
        arena += HF_TIER_BYTES(advice[i].block_bytes, advice[i].count);
        meta += HF_POOL_META_WORDS(advice[i].count);
    }
    size_t pools = (size_t)tiers * sizeof(hf_pool_t);
    size_t tables = advice[tiers - 1].block_bytes / 8u + arena / HF_TIER_PAGE_BYTES + 64u;
    heap->memory_bytes = (uint32_t)(arena + pools + meta * sizeof(uint32_t) + tables);
    uint8_t *storage = fresh(heap, heap->memory_bytes);
    const hf_tier_config_t config = {.sizes = sizes,
                                     .size_count = (uint32_t)tiers,
                                     .arena = storage,
                                     .arena_bytes = arena,
                                     .pools = (hf_pool_t *)(void *)(storage + arena),
                                     .pool_count = (size_t)tiers,
                                     .meta = (hf_atomic_u32_t *)(void *)(storage + arena + pools),
                                     .meta_words = meta,
                                     .tables = storage + arena + pools + meta * sizeof(uint32_t),
                                     .table_bytes = tables};
    return hf_tier_init(&heap->tier, &config) == HF_OK;
}

static bool pools_serve(void *ctx, uint32_t id, uint32_t bytes)
{
    replay_heap_t *heap = ctx;
    return keep(heap, id, hf_tier_take(&heap->tier, bytes, HF_TAG_NONE));
}

static void pools_return(void *ctx, uint32_t id)
{
    replay_heap_t *heap = ctx;
    expect(hf_tier_give(&heap->tier, heap->held[id]));
}

static void pools_measure(void *ctx, hf_replay_sample_t *sample)
{
    const replay_heap_t *heap = ctx;
    sample->free_bytes = 0;
    sample->largest_bytes = 0;
    for (uint32_t i = 0; i < hf_tier_count(&heap->tier); i++) {
        hf_pool_stats_t stats = hf_pool_stats(hf_tier_pool(&heap->tier, i));
        uint32_t free_blocks = stats.capacity - stats.in_use;
        sample->free_bytes += free_blocks * stats.block_bytes;
        sample->largest_bytes = free_blocks != 0 ? stats.block_bytes : sample->largest_bytes;
    }
}

const replay_manager_t replay_managers[REPLAY_MANAGERS] = {
    {"first-fit", first_fit_start, first_fit_serve, first_fit_return, first_fit_measure},
    {"region", region_start, region_serve, region_return, region_measure},
    {"slabs", slab_start, slab_serve, slab_return, slab_measure},
    {"pools", pools_start, pools_serve, pools_return, pools_measure},
};
