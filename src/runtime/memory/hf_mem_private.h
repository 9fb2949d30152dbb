// SPDX-License-Identifier: MIT
// What the files of hf_mem share. A block passes through three hands: hf_mem_source.c finds and returns it (tiers, slab,
// region), hf_mem_account.c writes down who holds it, hf_mem.c decides.
// Invariants: a record is 0 exactly while its block is in nobody's hands; bytes are taken off the books before the block
// goes back to its pool, so no sum ever exceeds the capacity; the token of a tier (in_use) goes back after the block, so who
// holds a token below the capacity finds a block.
#ifndef HF_MEM_PRIVATE_H
#define HF_MEM_PRIVATE_H

#include "../sync/hf_word.h"
#include "holdfast/hf_mem.h"
#if CONFIG_HF_TRACE
#include "holdfast/hf_trace.h"
#endif

/// A request, understood.
typedef struct order {
    size_t bytes;
    hf_mem_policy_t policy;
    uintptr_t caller;
    uint32_t tier; // the smallest that fits; MEM_REGION: none does
    hf_tag_t tag;
    bool is_emergency;
    bool is_retry; // of a wait: looks before it takes, so that no pool counts a refusal per look
} order_t;

#define MEM_REGION UINT32_MAX // as a tier number

/// Where a block lies, and its record.
typedef struct place {
    uint32_t tier;   // or MEM_REGION
    uint32_t index;  // of the block in its tier
    uint32_t bytes;  // what it counts as
    uint32_t in_use; // of a block just taken: blocks of its tier that are out with it
    hf_atomic_u32_t *record;
} place_t;

// A record: the owner and what it asked for.
#define MEM_RECORD(tag, bytes)   (0x80000000u | ((uint32_t)(tag) << 17) | ((uint32_t)(bytes)-1u))
#define MEM_RECORD_TAG(record)   ((hf_tag_t)(((record) >> 17) & 0xFFu))
#define MEM_RECORD_BYTES_MAX     0x20000u
#define MEM_RECORD_BYTES(record) (((record)&0x1FFFFu) + 1u)

static inline uint32_t mem_permille(uint32_t part, uint32_t whole)
{
    return whole == 0 ? 0 : (uint32_t)((uint64_t)part * 1000u / whole);
}

// hf_mem_source.c

/// A block of one tier: HF_OK, HF_E_FULL (nothing free there for such a request), HF_E_QUOTA.
int mem_take_from(hf_mem_t *mem, const order_t *order, uint32_t tier, void **block);
/// A block of the region: the same.
int mem_take_from_region(hf_mem_t *mem, const order_t *order, void **block);
/// Makes a block of the region longer where it is, within the quota of its tag. False, and nothing changed, when that is not
/// possible.
bool mem_grow_in_region(hf_mem_t *mem, const place_t *place, size_t bytes);
/// Where a block lies. HF_E_FOREIGN, HF_E_INTERIOR, HF_E_DOUBLE_GIVE (nobody holds it); counts nothing.
int mem_find(const hf_mem_t *mem, const void *block, place_t *place);
/// The exact status of a give that mem_find() refused with `status`.
int mem_verdict(const hf_mem_t *mem, const void *block, int status);
/// Hands a block back to where it came from, its record already 0.
int mem_return(hf_mem_t *mem, const place_t *place, void *block);
/// The smallest tier that holds so many bytes, or MEM_REGION.
uint32_t mem_tier_of(const hf_mem_t *mem, size_t bytes);
bool mem_owns_blocks(const hf_mem_t *mem, const void *address);

// hf_mem_account.c

/// Books `bytes` on the tag's hard quota. False when that would exceed it; counts `refused`.
bool mem_charge(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes);
void mem_refund(hf_mem_t *mem, hf_tag_t tag, uint32_t bytes);
void mem_note_taken(hf_mem_t *mem, const order_t *order, const place_t *place);
/// `record` is what stood in the record.
void mem_note_given(hf_mem_t *mem, const place_t *place, uint32_t record, uintptr_t caller);
/// A block of the region holds so much more.
void mem_note_grown(hf_mem_t *mem, hf_tag_t tag, uint32_t more);
/// Sets and clears the alerts of the instance and, unless MEM_REGION, of one tier by what is in use.
void mem_judge(hf_mem_t *mem, uint32_t tier);
/// The same for the soft quota of one tag.
void mem_judge_soft(hf_mem_t *mem, hf_tag_t tag);
void mem_note_failure(hf_mem_t *mem, const order_t *order, int status);

#if CONFIG_HF_TRACE
/// Completes `event` with the number of the tier.
void mem_trace(const hf_mem_t *mem, const hf_trace_event_t *event, uint32_t tier);
#endif

#endif
