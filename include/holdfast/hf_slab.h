// SPDX-License-Identifier: MIT
// Size classes over one stock of pages. A page is 16 units; a class draws spans (1 to 16 units in a row within a page, cut
// into at most 16 blocks) and an empty span returns to the stock, where any class may have it: so classes resize themselves.
// A class with a reserved minimum holds spans for that many blocks from init on and never returns those, so a reserve needs
// no promise of others. Blocks come from the lowest span that has a free one, spans from the page with the tightest room:
// high spans empty. All bookkeeping lies beside the pages, none in a block.
// Invariants: a unit is free or of exactly one span; a class with in_use < reserved serves; takes - gives = in_use.
// Context of every call, unless it says other: task or ISR, any core. Each take and give is one critical section
// (hf_critical.h) of bounded length; its worst case, opening or closing a span, is stated in docs/DESIGN.md and gated.
#ifndef HF_SLAB_H
#define HF_SLAB_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_SLAB_PAGE_UNITS  16u
#define HF_SLAB_SPAN_BLOCKS 16u
#define HF_SLAB_PAGES_MAX   64u
#define HF_SLAB_CLASSES_MAX 32u
/// Blocks of any alignment: a page is at least this, and a power of two.
#define HF_SLAB_PAGE_BYTES_MIN (HF_SLAB_PAGE_UNITS * HF_POOL_ALIGN)
#define HF_SLAB_PAGE_BYTES_MAX 0x100000u
/// The default page: units of 128 B.
#define HF_SLAB_PAGE_BYTES 2048u

/// One size class: the table is sorted by block_bytes, each a multiple of HF_POOL_ALIGN and at most a page.
typedef struct hf_slab_size {
    uint32_t block_bytes;
    uint32_t reserved_count; // blocks that this class can always have in use
} hf_slab_size_t;

/// State of a class; its members belong to the implementation.
typedef struct hf_slab_class {
    uint32_t block_bytes, reserved_count;
    uint32_t *partial;        // bit u: a span with a free block begins at unit u
    uint32_t partial_summary; // bit w: partial[w] is not 0
    hf_atomic_u32_t in_use, peak, takes, exhausted, returned_spans, spans;
    uint8_t span_units, span_blocks;
} hf_slab_class_t;

/// What is known of a page; its members belong to the implementation. Kept beside the pages, in memory with byte access.
typedef struct hf_slab_page {
    uint16_t free_units;                      // bit u: unit u is of no span
    uint16_t span_starts;                     // bit u: a span begins at unit u
    uint16_t free_blocks[HF_SLAB_PAGE_UNITS]; // of the span that begins there
    uint8_t unit_class[HF_SLAB_PAGE_UNITS];   // of the span that begins there
} hf_slab_page_t;

#define HF_SLAB_PARTIAL_WORDS(page_count) (((page_count)*HF_SLAB_PAGE_UNITS + 31u) / 32u)

/// Storage, and the members of the config that name it. Pages need no more alignment than blocks.
#define HF_SLAB_STORAGE(class_count, page_count, page_bytes)                                       \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t pages[(size_t)(page_count) * (page_bytes)];                   \
        hf_slab_page_t descriptors[page_count];                                                    \
        hf_slab_class_t classes[class_count];                                                      \
        uint32_t partial[(class_count)*HF_SLAB_PARTIAL_WORDS(page_count)];                         \
    }

typedef struct hf_slab_config {
    const char *name;            // static text
    void *pages;                 // page_count * page_bytes, aligned to HF_POOL_ALIGN
    hf_slab_page_t *descriptors; // page_count
    uint32_t page_count;         // 1 to HF_SLAB_PAGES_MAX
    uint32_t page_bytes;         // power of two, HF_SLAB_PAGE_BYTES_MIN to HF_SLAB_PAGE_BYTES_MAX
    const hf_slab_size_t *sizes; // class_count; not needed after init
    hf_slab_class_t *classes;    // class_count
    uint32_t *partial;           // class_count * HF_SLAB_PARTIAL_WORDS(page_count)
    uint32_t class_count;        // 1 to HF_SLAB_CLASSES_MAX
} hf_slab_config_t;

typedef struct hf_slab {
    hf_slab_config_t config;
    uint32_t unit_shift;
    hf_atomic_u32_t room_lengths; // bit n - 1: the longest free run of some page is n units
    uint32_t room[HF_SLAB_PAGE_UNITS][HF_SLAB_PAGES_MAX / 32u]; // those pages
    hf_atomic_u32_t free_unit_count, min_free_unit_count;
    hf_atomic_u32_t unservable, foreign, interior, double_gives;
} hf_slab_t;

typedef struct hf_slab_stats {
    uint32_t block_bytes, reserved_count;
    uint32_t capacity;          // blocks of the spans it holds now
    uint32_t in_use, peak;      // blocks
    uint32_t takes, gives;      // served, accepted
    uint32_t exhausted;         // takes refused: no free block and no room in the stock for a span
    uint32_t spans, span_bytes; // held now
    uint32_t returned_spans;    // that went back to the stock, for whoever needs them
} hf_slab_stats_t;

typedef struct hf_slab_stock_stats {
    uint32_t page_count, page_bytes, unit_bytes;
    uint32_t free_bytes, min_free_bytes; // of no class
    uint32_t largest_span_bytes;         // that a class could have now
    uint32_t unservable;                 // takes of 0 bytes or of more than the largest class
    uint32_t foreign, interior, double_gives;
} hf_slab_stock_stats_t;

/// Fills `sizes` with `per_octave` (1 to 4) classes in each doubling from `smallest` to `largest` bytes, both served, each a
/// multiple of HF_POOL_ALIGN, no reserves. Returns their number, 0 when `capacity` does not do or an argument is out of
/// range.
uint32_t hf_slab_sizes(hf_slab_size_t *sizes, uint32_t capacity, uint32_t per_octave,
                       uint32_t smallest, uint32_t largest);

/// HF_E_ARGUMENT for missing or misaligned storage, a count or page size out of range, a table that is not sorted or has a
/// block larger than a page; HF_E_FULL when the pages do not hold the reserves. Context: before anybody else knows the slab.
HF_MUST_CHECK int hf_slab_init(hf_slab_t *slab, const hf_slab_config_t *config);

/// Takes a block of the smallest class that fits; its content is undefined. `tag` is for who keeps a census; ignored here.
/// Returns NULL when that class has no block and the stock no room for it (counts `exhausted` of the class), and for 0
/// bytes or more than the largest class (counts `unservable`).
/// Cost: O(1), O(log classes) for the class. Owner: the caller, until hf_slab_give().
void *hf_slab_take(hf_slab_t *slab, size_t bytes, hf_tag_t tag);

/// Gives a block back. HF_E_FOREIGN (not within the pages, or NULL), HF_E_INTERIOR (not the first byte of a block),
/// HF_E_DOUBLE_GIVE (no block in use there: given before, or its span is back in the stock): told and counted, and nothing
/// else happens. Cost: O(1).
HF_MUST_CHECK int hf_slab_give(hf_slab_t *slab, void *block);

/// What hf_slab_give() would return for the block; counts and changes nothing. Cost: O(1).
HF_MUST_CHECK int hf_slab_judge(const hf_slab_t *slab, const void *block);
/// Whether the address lies within the pages.
bool hf_slab_owns(const hf_slab_t *slab, const void *address);
/// The bytes that the owner of the block may use; 0 when this is no block in use. Cost: O(1).
uint32_t hf_slab_block_bytes(const hf_slab_t *slab, const void *block);
/// The class that would serve, class_count when none does. Cost: O(log classes).
uint32_t hf_slab_class_of(const hf_slab_t *slab, size_t bytes);
/// Statistics of a class (0 to class_count - 1). Cost: O(1), no lock; exact when nothing else runs, each figure one that
/// held at some moment otherwise.
hf_slab_stats_t hf_slab_stats(const hf_slab_t *slab, uint32_t number);
hf_slab_stock_stats_t hf_slab_stock_stats(const hf_slab_t *slab);
/// Peaks and minima become what is now, counters 0 except takes and gives. Context: one caller, nobody else in the slab.
void hf_slab_reset_stats(hf_slab_t *slab);

/// Whether every invariant holds, by a walk over all units. For tests. Context: one caller. Cost: O(units * classes).
bool hf_slab_is_consistent(const hf_slab_t *slab);

#ifdef __cplusplus
}
#endif

#endif
