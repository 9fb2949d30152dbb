// SPDX-License-Identifier: MIT
// Observations of the pool, the trace and the event bus. Nothing here asks for the switch itself but where the interface is
// absent without it.
#include "flip.h"
#include "holdfast/hf_event.h"
#include "holdfast/hf_trace.h"

#include <string.h>

#define COUNT 8u

static HF_POOL_STORAGE_BYTES(24, COUNT) storage;
static hf_pool_t pool;
static uint32_t cycles_read;

uint32_t hf_port_cycles(void); // the seam of CONFIG_HF_POOL_TIMING; nobody calls it without

uint32_t hf_port_cycles(void)
{
    return ++cycles_read;
}

static int start(uint32_t options)
{
    const hf_pool_config_t config = {.name = "flip",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = 24,
                                     .count = COUNT,
                                     .options = options};
    memset(&storage, 0x77, sizeof storage);
    return hf_pool_init(&pool, &config);
}

/// Of three blocks the first and then the last come back: the LIFO hands out the last, the bitmap the lowest.
int flip_pool_lifo(void)
{
    void *block[3];
    if (start(0) != HF_OK) {
        return -1;
    }
    for (unsigned i = 0; i < 3; i++) {
        block[i] = hf_pool_take(&pool, HF_TAG_NONE);
    }
    const bool is_given =
        hf_pool_give(&pool, block[0]) == HF_OK && hf_pool_give(&pool, block[2]) == HF_OK;
    const void *next = hf_pool_take(&pool, HF_TAG_NONE);
    return !is_given ? -1 : next == block[2] ? FLIP_YES : next == block[0] ? FLIP_NO : -1;
}

int flip_pool_statistics(void)
{
    if (start(0) != HF_OK || hf_pool_take(&pool, HF_TAG_NONE) == NULL ||
        hf_pool_take(&pool, HF_TAG_NONE) == NULL) {
        return -1;
    }
#if CONFIG_HF_POOL_STATISTICS
    const hf_pool_stats_t stats = hf_pool_stats(&pool);
    return stats.takes == 2 && stats.peak == 2 && stats.min_free == COUNT - 2u ? FLIP_YES : -1;
#else
    return FLIP_NO;
#endif
}

/// A block that was given and taken anew: the census knows that the old handle is stale, and whose the block is.
int flip_pool_census(void)
{
    void *block = start(0) == HF_OK ? hf_pool_take(&pool, 3) : NULL;
    if (block == NULL) {
        return -1;
    }
#if CONFIG_HF_POOL_CENSUS
    hf_block_info_t info;
    const hf_handle_t handle = hf_pool_handle(&pool, block);
    const bool knows = hf_pool_inspect(&pool, 0, &info) == HF_OK && info.tag == 3;
    return knows && hf_pool_give(&pool, block) == HF_OK &&
                   hf_pool_give_handle(&pool, handle) == HF_E_STALE
               ? FLIP_YES
               : -1;
#else
    return sizeof storage.meta == sizeof(uint32_t) * HF_POOL_FREE_WORDS(COUNT) ? FLIP_NO : -1;
#endif
}

int flip_pool_fill(void)
{
    const int status = start(HF_POOL_ZERO | HF_POOL_POISON);
    if (status == HF_E_ARGUMENT) {
        return FLIP_NO;
    }
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    if (status != HF_OK || block == NULL || block[0] != 0 || block[23] != 0 ||
        hf_pool_give(&pool, block) != HF_OK) {
        return -1;
    }
    return block[0] == 0xDE && block[23] == 0xDE ? FLIP_YES : -1;
}

int flip_pool_canary(void)
{
    const int status = start(HF_POOL_CANARY);
    if (status == HF_E_ARGUMENT) {
        return FLIP_NO;
    }
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    if (status != HF_OK || block == NULL) {
        return -1;
    }
    block[24] ^= 0xFF;
    return hf_pool_give(&pool, block) == HF_E_OVERRUN ? FLIP_YES : -1;
}

int flip_pool_timing(void)
{
    cycles_read = 0;
    if (start(0) != HF_OK || hf_pool_give(&pool, hf_pool_take(&pool, HF_TAG_NONE)) != HF_OK) {
        return -1;
    }
    return cycles_read == 4 ? FLIP_YES : cycles_read == 0 ? FLIP_NO : -1;
}

#if CONFIG_HF_TRACE
static uint8_t low_mark;

/// The stack of this program as far as the test needs it: from the mark of the caller up.
static bool stack_of(void *ctx, hf_trace_stack_t *stack)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    (void)ctx;
    *stack = (hf_trace_stack_t){.low = here, .high = here + 4096u};
    return true;
}

static hf_trace_entry_t traced(unsigned depth);

/// Never inlined nor a tail call: a frame each.
static __attribute__((noinline)) hf_trace_entry_t deeper(unsigned depth)
{
    hf_trace_entry_t entry = traced(depth - 1u);
    low_mark++;
    return entry;
}

static __attribute__((noinline)) hf_trace_entry_t traced(unsigned depth)
{
    static hf_atomic_u32_t entries[HF_TRACE_BYTES(4) / 4u];
    static hf_trace_t trace;
    hf_trace_entry_t entry = {.kind = HF_TRACE_KINDS};
    if (depth > 0) {
        return deeper(depth);
    }
    const hf_trace_config_t config = {.storage = entries, .capacity = 4, .stack = stack_of};
    if (start(0) == HF_OK && hf_trace_init(&trace, &config) == HF_OK) {
        hf_pool_set_trace(&pool, &trace, 7);
        if (hf_pool_take(&pool, HF_TAG_NONE) == NULL || hf_trace_get(&trace, &entry) != HF_OK) {
            entry.kind = HF_TRACE_KINDS;
        }
    }
    return entry;
}

int flip_trace(void)
{
    const hf_trace_entry_t entry = traced(0);
    return entry.kind == HF_TRACE_TAKE && entry.pool == 7 && entry.bytes == 24 ? FLIP_YES : -1;
}

int flip_trace_frames(void)
{
    return traced(20).frame_count;
}
#else
int flip_trace(void)
{
    return start(0) == HF_OK ? FLIP_NO : -1;
}

int flip_trace_frames(void)
{
    return 0;
}
#endif

int flip_event_subscribers_max(void)
{
    static hf_event_bus_t bus;
    static hf_event_subscriber_t subscribers[64];
    static const hf_event_type_t types[] = {{.name = "only"}};
    hf_pool_t *const pools[] = {&pool};
    hf_event_config_t config = {.name = "bus",
                                .types = types,
                                .type_count = 1,
                                .pools = pools,
                                .pool_count = 1,
                                .subscribers = subscribers};
    int accepted = 0;
    if (start(0) != HF_OK) {
        return -1;
    }
    for (uint8_t count = 1; count <= 64; count++) {
        config.subscriber_count = count;
        accepted = hf_event_init(&bus, &config) == HF_OK ? count : accepted;
    }
    return accepted;
}
