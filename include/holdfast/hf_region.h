// SPDX-License-Identifier: MIT
// A heap of variable sizes over a given range of memory, every call in constant time. Free blocks hang in lists by
// size: 32 lists to each doubling, two levels of bitmaps say which are not empty. In the memory stands, before each
// block, its size and inverted the size of the one before it; a free block also holds the links of its list. Which
// blocks are in use is written beside the memory, one bit per granule, at the granule where they start.
// Invariants: blocks follow one another without a gap; each size is written twice, and both agree; no two free blocks
// touch; a free block is in the list of its size; a bit is set where a block in use starts and nowhere else. Nothing
// read from the memory is followed before it agrees with its other copy: damage is told and counted, and what it
// touches is set aside. Wrong gives are judged by the bits alone.
// Context of every call: as the guard of the config says; without a guard, one context only.
#ifndef HF_REGION_H
#define HF_REGION_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What is before each block: every take costs this much more, rounded up to a granule.
#define HF_REGION_HEADER_BYTES  8u
#define HF_REGION_GRANULE_BYTES ((uint32_t)HF_POOL_ALIGN)
#define HF_REGION_BYTES_MIN     64u
#define HF_REGION_BYTES_MAX     0x10000000u

#define HF_REGION_BITMAP_WORDS(bytes) ((bytes) / (HF_POOL_ALIGN * 32u) + 1u)
// Levels for a number of granules: three up to 63, then one more for each doubling; an upper bound in one expression.
#define HF_REGION_LEVELS_OF_(n)                                                                    \
    (3u + ((n) > 0x3Fu) + ((n) > 0x7Fu) + ((n) > 0xFFu) + ((n) > 0x1FFu) + ((n) > 0x3FFu) +        \
     ((n) > 0x7FFu) + ((n) > 0xFFFu) + ((n) > 0x1FFFu) + ((n) > 0x3FFFu) + ((n) > 0x7FFFu) +       \
     ((n) > 0xFFFFu) + ((n) > 0x1FFFFu) + ((n) > 0x3FFFFu) + ((n) > 0x7FFFFu) + ((n) > 0xFFFFFu) + \
     ((n) > 0x1FFFFFu) + ((n) > 0x3FFFFFu) + ((n) > 0x7FFFFFu) + ((n) > 0xFFFFFFu) +               \
     ((n) > 0x1FFFFFFu))
#define HF_REGION_LEVELS(bytes) HF_REGION_LEVELS_OF_((bytes) / HF_POOL_ALIGN)
/// Words beside a range of `bytes`: a bit per granule, 33 words per level.
#define HF_REGION_META_WORDS(bytes) (HF_REGION_BITMAP_WORDS(bytes) + 33u * HF_REGION_LEVELS(bytes))

/// Storage, and the members of the config that name it.
#define HF_REGION_STORAGE(bytes)                                                                   \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t memory[bytes];                                                \
        uint32_t meta[HF_REGION_META_WORDS(bytes)];                                                \
    }

typedef struct hf_region_config {
    const char *name; // static text
    void *memory;     // any alignment
    size_t bytes;     // HF_REGION_BYTES_MIN to HF_REGION_BYTES_MAX
    uint32_t *meta;   // HF_REGION_META_WORDS(bytes)
    // Keep other contexts out; both or none. Held for one call, bounded as its cost says; never nested.
    void (*enter)(void *ctx);
    void (*exit)(void *ctx);
    void *ctx;
} hf_region_config_t;

/// Bytes of memory count each block with its header, so that used + free = capacity; what a take can get does not.
typedef struct hf_region_stats {
    size_t capacity_bytes;
    size_t used_bytes, peak_used_bytes;
    size_t free_bytes, min_free_bytes;
    size_t
        largest_servable_bytes; // any take up to this is served; at most 1/32 below what the largest block holds
    size_t
        largest_bytes; // what it holds, as the last full round of hf_region_check() saw it; 0 before
    uint32_t
        fragmentation_percent; // 100 - 100 * largest servable block / free, 0 when nothing is free
    uint32_t blocks;           // in use
    uint32_t takes, gives;     // served, accepted
    uint32_t failed;           // takes and resizes refused for want of room
    uint32_t unservable; // 0 bytes, more than the region ever holds, an alignment that is none
    uint32_t foreign, interior, double_gives;
    uint32_t corrupt; // damaged headers or links met
} hf_region_stats_t;

// A word that one context writes at a time, under the guard, and any reads. On a Cortex-M an aligned volatile word is never
// read in halves, and an atomic one would cost an instruction more at each place: GCC addresses those without an offset.
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
typedef volatile uint32_t hf_region_word_t;
#else
typedef hf_atomic_u32_t hf_region_word_t;
#endif

typedef struct hf_region {
    hf_region_config_t config;
    uint8_t *base;           // of granule 0
    uint32_t end;            // granules; a header that ends the last block stands there
    hf_region_word_t levels; // bit l: slots[l] is not 0
    uint32_t level_count;
    uint32_t *taken;         // bit g: a block in use starts at granule g
    hf_region_word_t *slots; // per level; bit s: the list of class 32 l + s is not empty
    uint32_t *heads;         // per class: the granule of its first block
    hf_region_word_t free_size, min_free_size; // granules
    uint32_t check_at;                         // where the walk goes on
    uint32_t check_largest;                    // granules: of this round so far
    hf_region_word_t largest;                  // granules: of the last whole round
    hf_region_word_t takes, gives, failed, unservable;
    hf_region_word_t foreign, interior, double_gives, corrupt;
} hf_region_t;

/// HF_E_ARGUMENT for a missing name, memory or meta, half a guard, a size out of range.
/// Context: before anybody else knows the region. Cost: O(bytes / 512).
HF_MUST_CHECK int hf_region_init(hf_region_t *region, const hf_region_config_t *config);

/// Takes a block of at least `bytes`, aligned to HF_POOL_ALIGN; its content is undefined.
/// Returns NULL when no free block is large enough (counts `failed`), and for 0 bytes or more than an untouched region
/// holds (counts `unservable`). A free block up to 1/32 larger than asked may be passed over: see largest_servable_bytes.
/// Cost: O(1). Owner: the caller, until hf_region_give().
void *hf_region_take(hf_region_t *region, size_t bytes);
/// As hf_region_take(), at a multiple of `align`, a power of two up to 64 KiB (else NULL, counts `unservable`). What lies
/// before it stays free.
void *hf_region_take_aligned(hf_region_t *region, size_t bytes, size_t align);

/// Gives a block back. HF_E_FOREIGN (not within the region, or NULL), HF_E_INTERIOR (within a block in use),
/// HF_E_DOUBLE_GIVE (in free memory): told and counted, and nothing else happens. HF_E_CORRUPT: the header of this
/// block or of a neighbour was written over; counted, and the block is set aside: it stays in use for ever and is not
/// merged.
/// Cost: O(1); a wrong give within the region O(bytes / 512).
HF_MUST_CHECK int hf_region_give(hf_region_t *region, void *block);

/// Makes the block at least `bytes` long where it is; what it holds stays. HF_E_FULL when the memory behind it does
/// not do (counts `failed`), HF_E_ARGUMENT for 0 bytes or more than the region holds (counts `unservable`), else as
/// hf_region_give(); in all these cases the block stays as it was. Cost: O(1).
HF_MUST_CHECK int hf_region_resize(hf_region_t *region, void *block, size_t bytes);

/// Looks at the next `blocks` blocks, and on to one in use, going round; a call ends at the end of the region. HF_OK, or
/// HF_E_CORRUPT with the address of the damaged header in `*place`: counts `corrupt`, and the next call starts from the
/// first block. A whole round sets largest_bytes, exact when nothing else ran meanwhile.
/// Cost: O(blocks + bytes / 512).
HF_MUST_CHECK int hf_region_check(hf_region_t *region, uint32_t blocks, const void **place);

/// What hf_region_give() would return for the block, as far as its own header tells; counts and changes nothing.
/// Cost: O(1); for what would be refused O(bytes / 512).
HF_MUST_CHECK int hf_region_judge(const hf_region_t *region, const void *block);
/// Whether the address lies within the memory.
bool hf_region_owns(const hf_region_t *region, const void *address);
/// The bytes that the owner of a block may use, 0 when no block in use starts here. Cost: O(1).
size_t hf_region_block_bytes(const hf_region_t *region, const void *block);
/// Any take up to this is served. Cost: O(1), no lock.
size_t hf_region_largest_servable(const hf_region_t *region);
/// Cost: O(1), no lock; exact when nothing else runs, each figure one that held at some moment otherwise.
hf_region_stats_t hf_region_stats(const hf_region_t *region);

#ifdef __cplusplus
}
#endif

#endif
