// SPDX-License-Identifier: MIT
// What the heap guard is told, as text: the regions of a budget (internal=320K,psram=8M), which of them serves whom
// (lib:libssl.so*=psram), and which take is to fail (lib:libcurl*@3). Pure parsing, used by the library, by holdfastd (which
// refuses a wrong budget before it starts again under it) and by the tests: no allocation, no operating system.
#ifndef HOLDFAST_MALLOC_SPEC_H
#define HOLDFAST_MALLOC_SPEC_H

#include "holdfast/hf_status.h"
#include "holdfast/hf_text.h"

#include <stdbool.h>

#define HF_HEAP_REGIONS_MAX 4u
#define HF_HEAP_RULES_MAX   32u // one bit each in a word
#define HF_HEAP_NAME_BYTES  16u
#define HF_HEAP_GLOB_BYTES  40u
#define HF_HEAP_BYTES_MIN   4096u
#define HF_HEAP_BYTES_MAX   0x10000000u // of hf_region
#define HF_HEAP_ERROR_BYTES 96u

typedef struct hf_heap_spec {
    struct {
        char name[HF_HEAP_NAME_BYTES];
        size_t bytes;
        size_t reserve_bytes;
    } region[HF_HEAP_REGIONS_MAX];
    uint32_t count;
} hf_heap_spec_t;

/// Whom a rule is about; what is empty or 0 asks nothing.
typedef struct hf_heap_selector {
    char library[HF_HEAP_GLOB_BYTES]; // * and ? as in a shell
    char tag[HF_HEAP_GLOB_BYTES];
    size_t least_bytes;
    bool is_dma; // only what must be reachable by DMA
} hf_heap_selector_t;

typedef struct hf_heap_rule {
    hf_heap_selector_t who;
    uint8_t region[HF_HEAP_REGIONS_MAX]; // in this order
    uint8_t count;
} hf_heap_rule_t;

/// The first rule that fits a request decides. Rules whose regions are not in the budget are left out.
typedef struct hf_heap_routes {
    hf_heap_rule_t rule[HF_HEAP_RULES_MAX];
    uint32_t count;
    uint8_t stacks; // region that stacks are held against
    bool has_stacks;
} hf_heap_routes_t;

/// Which take answers NULL.
typedef struct hf_heap_fail {
    hf_heap_selector_t who;
    uint32_t number; // 0: none
    bool is_from_arm;
    bool and_all_after;
} hf_heap_fail_t;

/// A sentence about what is wrong, for whoever wrote the text.
typedef struct hf_heap_error {
    char text[HF_HEAP_ERROR_BYTES];
} hf_heap_error_t;

/// NAME=SIZE{,NAME=SIZE}: sizes in bytes, with K or M, 4K to 256M; names of a-z, 0-9, _ and -, each once.
/// HF_E_FORMAT, HF_E_RANGE, HF_E_FULL with the sentence.
HF_MUST_CHECK int hf_heap_spec_parse(hf_heap_spec_t *spec, const char *text,
                                     hf_heap_error_t *error);
/// The same form: what of regions of the budget is kept back. HF_E_NOT_FOUND for a region it does not have, HF_E_RANGE
/// when nothing would be left.
HF_MUST_CHECK int hf_heap_reserve_parse(hf_heap_spec_t *spec, const char *text,
                                        hf_heap_error_t *error);
/// Adds rules behind those that are there. RULES: SELECTOR=REGION[>REGION]..., separated by ; or newlines, # begins a
/// comment. SELECTOR: * or conditions with commas, all of which must hold: lib:GLOB, tag:GLOB, size:N (at least), dma.
/// stacks=REGION says which region stacks are held against. A region that neither the budget nor the usual names (internal,
/// psram, dma) know is HF_E_NOT_FOUND.
HF_MUST_CHECK int hf_heap_routes_parse(hf_heap_routes_t *routes, const hf_heap_spec_t *spec,
                                       const char *text, hf_heap_error_t *error);
/// [arm:][SELECTOR@]N[+]: the Nth take (with + that and all after it) of those that the selector fits, counted from the
/// start or from holdfast_malloc_arm().
HF_MUST_CHECK int hf_heap_fail_parse(hf_heap_fail_t *fail, const char *text,
                                     hf_heap_error_t *error);

/// The rules where nobody says otherwise; the last one fits all.
extern const char hf_heap_default_routes[];

/// The number of the region of that name, or -1.
int hf_heap_spec_find(const hf_heap_spec_t *spec, const char *name);
/// Whether the name fits the pattern. Cost: O(name * stars).
bool hf_heap_glob(const char *pattern, const char *name);

#endif
