// SPDX-License-Identifier: MIT
// Between the files of the heap guard. One heap per process: its regions, who uses what of them, and the lock that holds
// all of it together. Invariants: the sum of what the libraries use of a region, and of what the tags use, is what is used
// of that region; a block is booked to whom it was taken for until it is given back; nothing here allocates, and no call
// of the C library that might is made while the lock is held.
#ifndef HOLDFAST_MALLOC_PRIVATE_H
#define HOLDFAST_MALLOC_PRIVATE_H

#include "holdfast/hf_region.h"
#include "holdfast_malloc.h"
#include "holdfast_malloc_spec.h"

#include <stdatomic.h>

#define HF_HEAP_LIBRARIES_MAX 96u
#define HF_HEAP_TAGS_MAX      32u
#define HF_HEAP_UNKNOWN       0u

/// One who uses memory: a library, or a tag.
typedef struct hf_heap_user {
    char name[HOLDFAST_MALLOC_NAME_BYTES];
    uint32_t rules; // bit r: rule r does not exclude it
    bool may_fail;  // the selector of HOLDFAST_HEAP_FAIL_TAKE fits
    size_t used_bytes[HF_HEAP_REGIONS_MAX];
    size_t peak_bytes;
    uint32_t takes, gives, refused;
} hf_heap_user_t;

/// A loaded object, as far as it identifies itself; `place` is NULL when it could not be told.
typedef struct hf_heap_object {
    const void *place;
    const char *path; // "" is the program
} hf_heap_object_t;

/// For whom a granule at which a block starts was taken.
typedef struct hf_heap_owner {
    uint8_t library, tag;
} hf_heap_owner_t;

typedef struct hf_heap_part {
    hf_region_t region;
    hf_heap_owner_t *owners; // per granule
    void *reserved;          // block of HOLDFAST_HEAP_RESERVE
    uint32_t fragmentation_max_percent;
    uint32_t refused;
} hf_heap_part_t;

typedef struct hf_heap {
    _Atomic uint32_t lock; // 0 free, 1 held, 2 held and somebody waits
    hf_heap_spec_t spec;
    hf_heap_routes_t routes;
    hf_heap_fail_t fail;
    hf_heap_part_t part[HF_HEAP_REGIONS_MAX];
    int internal, psram; // numbers of these regions, -1: none
    hf_heap_user_t library[HF_HEAP_LIBRARIES_MAX];
    const void *library_place[HF_HEAP_LIBRARIES_MAX];
    uint32_t library_count;
    hf_heap_user_t tag[HF_HEAP_TAGS_MAX];
    uint32_t tag_count;
    uint32_t large_rules; // bit r: rule r has a least size
    uint32_t dma_rules;   // bit r: rule r is for DMA alone
    holdfast_malloc_failures_t failures;
    bool is_armed;
    uint32_t counted; // takes towards HOLDFAST_HEAP_FAIL_TAKE
    _Atomic uint32_t nested;
} hf_heap_t;

/// What a call of the family asks for.
typedef struct hf_heap_request {
    size_t bytes;
    size_t align;       // a power of two
    const void *caller; // return address
    bool is_counted;    // towards HOLDFAST_HEAP_FAIL_TAKE, as part of a resize
} hf_heap_request_t;

typedef enum hf_heap_state {
    HF_HEAP_NEW,
    HF_HEAP_STARTS,
    HF_HEAP_SERVES, // from the regions
    HF_HEAP_PASSES, // to the C library: no budget, or a sanitizer is here
} hf_heap_state_t;

extern hf_heap_t hf_heap;

/// The state; starts the heap when nobody did, on the first call of the process. HF_HEAP_STARTS only to calls made by the
/// start itself.
hf_heap_state_t hf_heap_start(void);
/// Does this process keep a budget? Starts nothing.
bool hf_heap_serves(void);

/// Maps the regions of the spec and learns rules and reserves. HF_E_FULL: the system has no such memory.
HF_MUST_CHECK int hf_heap_build(hf_heap_t *heap);

/// NULL with errno ENOMEM when it is refused. Cost: O(rules), the lock held for O(1).
void *hf_heap_take(const hf_heap_request_t *request);
/// As free(): errno stays; what cannot be given is counted and told on stderr, the first times.
void hf_heap_give(void *block, const void *caller);
/// As realloc() of a block, neither NULL nor 0 bytes: in place where the region allows it.
void *hf_heap_resize(void *block, const hf_heap_request_t *request);
/// 0 for what is no block.
size_t hf_heap_usable(const void *block);

/// Keeps the others out; false when this very thread was interrupted within a call, and nothing is held then.
HF_MUST_CHECK bool hf_heap_enter(void);
void hf_heap_leave(void);
void hf_heap_register_fork(void);

/// The thread's own words.
void hf_heap_thread_tag(uint8_t tag);
uint8_t hf_heap_thread_tagged(void);
void hf_heap_thread_dma(bool is_needed);
bool hf_heap_thread_is_dma(void);

/// Which object a code address is of. Cost: one search without a lock; safe at any time, also while a library is loaded.
hf_heap_object_t hf_heap_object_of(const void *code);
/// The number of a library, new ones entered; HF_HEAP_UNKNOWN when the table is full. With the lock.
uint8_t hf_heap_library_of(hf_heap_t *heap, hf_heap_object_t object);
/// The same for a tag, NULL being none. With the lock.
uint8_t hf_heap_tag_of(hf_heap_t *heap, const char *name);
void hf_heap_users_init(hf_heap_t *heap);

/// Up to the size of `out`: of this process, also before the C library has started. False when it is not set or too long.
bool hf_heap_variable(const char *name, char *out, size_t capacity);
/// A sentence on stderr, "holdfast-malloc: " before and a newline behind it. No allocation, errno stays.
void hf_heap_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// Writes the reports that HOLDFAST_HEAP_REPORT asks for.
void hf_heap_report_at_exit(bool is_forked);

/// The C library's own family, or what else is behind us.
void hf_heap_pass_find(void);
void *hf_heap_pass_take(const hf_heap_request_t *request, bool is_zeroed);
void *hf_heap_pass_resize(void *block, size_t bytes);
void hf_heap_pass_give(void *block);
size_t hf_heap_pass_usable(void *block);

/// Memory for the time in which the heap itself starts; never given back.
void *hf_heap_boot_take(size_t bytes, size_t align);
bool hf_heap_boot_owns(const void *block);
size_t hf_heap_boot_usable(const void *block);

#endif
