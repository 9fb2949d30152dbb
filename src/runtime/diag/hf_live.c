// SPDX-License-Identifier: MIT
// Live blocks: a hash table with chains through the caller's arrays. Links are ids + 1, 0 ends a chain.
#include "holdfast/hf_live.h"

static uint32_t *head_of(const hf_live_t *live, uint16_t pool, uint32_t block)
{
    uint32_t hash = (block + 0x9E3779B9u * (pool + 1u)) * 0x85EBCA6Bu;
    return &live->heads[(hash ^ hash >> 15) % live->capacity];
}

int hf_live_init(hf_live_t *live, hf_live_block_t *blocks, uint32_t *heads, uint32_t capacity)
{
    if (live == NULL || blocks == NULL || heads == NULL || capacity == 0) {
        return HF_E_ARGUMENT;
    }
    *live = (hf_live_t){.blocks = blocks, .heads = heads, .capacity = capacity};
    hf_live_clear(live);
    return HF_OK;
}

void hf_live_clear(hf_live_t *live)
{
    for (uint32_t i = 0; i < live->capacity; i++) {
        live->heads[i] = 0;
        live->blocks[i] = (hf_live_block_t){.next = i + 1u < live->capacity ? i + 2u : 0};
    }
    live->unused = 1u;
    live->count = 0;
    live->bytes = 0;
}

int hf_live_find(const hf_live_t *live, uint16_t pool, uint32_t block, uint32_t *id)
{
    uint32_t link = *head_of(live, pool, block);
    while (link != 0) {
        const hf_live_block_t *at = &live->blocks[link - 1u];
        if (at->block == block && at->pool == pool) {
            *id = link - 1u;
            return HF_OK;
        }
        link = at->next;
    }
    return HF_E_NOT_FOUND;
}

int hf_live_take(hf_live_t *live, const hf_trace_entry_t *entry, uint32_t *id)
{
    if (hf_live_find(live, entry->pool, entry->block, id) == HF_OK) {
        return HF_E_STATE;
    }
    if (live->unused == 0) {
        return HF_E_FULL;
    }
    uint32_t *head = head_of(live, entry->pool, entry->block);
    *id = live->unused - 1u;
    hf_live_block_t *at = &live->blocks[*id];
    live->unused = at->next;
    *at = (hf_live_block_t){.block = entry->block,
                            .bytes = entry->bytes,
                            .taken_ms = entry->time_ms,
                            .caller = entry->caller,
                            .next = *head,
                            .pool = entry->pool,
                            .tag = entry->tag,
                            .is_used = true};
    *head = *id + 1u;
    live->count++;
    live->bytes += entry->bytes;
    live->peak_count = live->count > live->peak_count ? live->count : live->peak_count;
    live->peak_bytes = live->bytes > live->peak_bytes ? live->bytes : live->peak_bytes;
    return HF_OK;
}

void hf_live_give(hf_live_t *live, uint32_t id)
{
    HF_ASSERT(id < live->capacity && live->blocks[id].is_used);
    hf_live_block_t *at = &live->blocks[id];
    uint32_t *link = head_of(live, at->pool, at->block);
    while (*link != id + 1u) {
        link = &live->blocks[*link - 1u].next;
    }
    *link = at->next;
    live->count--;
    live->bytes -= at->bytes;
    *at = (hf_live_block_t){.next = live->unused};
    live->unused = id + 1u;
}
