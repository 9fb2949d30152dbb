// SPDX-License-Identifier: MIT
// How much memory slabs, the region, a first-fit heap and a fixed partition need for the traces of traces.h, over the peak
// of live requested bytes. All of a manager's memory counts: its state, tables and what lies beside or between the blocks.
// Prints "need TRACE MANAGER RATIO BYTES PEAK" lines. Usage: bench_need [OPERATIONS [TARGET_BYTES]]
#include "bench/first_fit.h"
#include "bench/traces.h"

#include "holdfast/hf_region.h"
#include "holdfast/hf_slab.h"

#include <stdio.h>
#include <stdlib.h>

#define OPERATIONS     10000000u
#define TARGET_BYTES   49152u
#define TARGET_MOST    98304u
#define MEMORY_BYTES   (6u * TARGET_MOST)
#define SMALLEST_BYTES 16u
#define LARGEST_BYTES  2048u
#define CLASSES_MAX    HF_SLAB_CLASSES_MAX
#define DEVICE_HEADER  8u // of the first-fit heap, as on a device of 32 bits

static HF_POOL_STORAGE_BYTES(MEMORY_BYTES, 1) memory;
static trace_block_t blocks[TRACE_BLOCKS(TARGET_MOST)];
static trace_taken_t taken[TRACE_BLOCKS(TARGET_MOST)];

static size_t align_up(size_t bytes)
{
    return (bytes + HF_POOL_ALIGN - 1u) / HF_POOL_ALIGN * HF_POOL_ALIGN;
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "bench_need: %s\n", what);
    exit(1);
}

// ---- slabs: everything out of one range ----

typedef struct slab_in_range {
    hf_slab_t slab;
    hf_slab_class_t classes[CLASSES_MAX]; // as many of them as there are
} slab_in_range_t;

static uint32_t slab_classes_per_octave;

/// Bytes that everything but the pages takes.
static size_t slab_head(uint32_t class_count, size_t page_count)
{
    const size_t words = class_count * HF_SLAB_PARTIAL_WORDS(page_count);
    return align_up(offsetof(slab_in_range_t, classes) + class_count * sizeof(hf_slab_class_t) +
                    page_count * sizeof(hf_slab_page_t) + words * sizeof(uint32_t));
}

static bool slab_start(void *ctx, uint8_t *range, size_t bytes)
{
    (void)ctx;
    hf_slab_size_t sizes[CLASSES_MAX];
    const uint32_t count =
        hf_slab_sizes(sizes, CLASSES_MAX, slab_classes_per_octave, SMALLEST_BYTES, LARGEST_BYTES);
    size_t pages = HF_SLAB_PAGES_MAX;
    while (pages > 0 && slab_head(count, pages) + pages * HF_SLAB_PAGE_BYTES > bytes) {
        pages--;
    }
    if (count == 0 || pages == 0) {
        return false;
    }
    slab_in_range_t *all = (slab_in_range_t *)(void *)range;
    hf_slab_page_t *descriptors = (hf_slab_page_t *)(void *)&all->classes[count];
    const hf_slab_config_t config = {.name = "need",
                                     .pages = range + slab_head(count, pages),
                                     .descriptors = descriptors,
                                     .page_count = (uint32_t)pages,
                                     .page_bytes = HF_SLAB_PAGE_BYTES,
                                     .sizes = sizes,
                                     .classes = all->classes,
                                     .partial = (uint32_t *)(void *)&descriptors[pages],
                                     .class_count = count};
    return hf_slab_init(&all->slab, &config) == HF_OK;
}

static hf_slab_t *slab(void)
{
    return &((slab_in_range_t *)(void *)memory.blocks)->slab;
}

static void *slab_take(void *ctx, uint32_t bytes)
{
    (void)ctx;
    return hf_slab_take(slab(), bytes, HF_TAG_NONE);
}

static void slab_give(void *ctx, void *block)
{
    (void)ctx;
    if (hf_slab_give(slab(), block) != HF_OK) {
        stop("a slab refused a good give");
    }
}

// ---- region: state, tables and memory out of one range ----

static bool region_start(void *ctx, uint8_t *range, size_t bytes)
{
    (void)ctx;
    hf_region_t *region = (hf_region_t *)(void *)range;
    size_t rest = bytes / HF_POOL_ALIGN * HF_POOL_ALIGN, head = 0;
    for (; rest >= HF_REGION_BYTES_MIN; rest -= HF_POOL_ALIGN) {
        head = align_up(sizeof *region + HF_REGION_META_WORDS(rest) * sizeof(uint32_t));
        if (head + rest <= bytes) {
            break;
        }
    }
    if (rest < HF_REGION_BYTES_MIN) {
        return false;
    }
    const hf_region_config_t config = {.name = "need",
                                       .memory = range + head,
                                       .bytes = rest,
                                       .meta = (uint32_t *)(void *)(region + 1)};
    return hf_region_init(region, &config) == HF_OK;
}

static void *region_take(void *ctx, uint32_t bytes)
{
    (void)ctx;
    return hf_region_take((hf_region_t *)(void *)memory.blocks, bytes);
}

static void region_give(void *ctx, void *block)
{
    (void)ctx;
    if (hf_region_give((hf_region_t *)(void *)memory.blocks, block) != HF_OK) {
        stop("the region refused a good give");
    }
}

// ---- first fit ----

static bool first_fit_start(void *ctx, uint8_t *range, size_t bytes)
{
    first_fit_init(ctx, range, (uint32_t)bytes, DEVICE_HEADER, DEVICE_HEADER);
    return true;
}

static void *first_fit_take_block(void *ctx, uint32_t bytes)
{
    return first_fit_take(ctx, bytes);
}

static void first_fit_give_block(void *ctx, void *block)
{
    first_fit_give(ctx, block);
}

// ---- a fixed partition: each class as large as its recorded peak ----

static uint32_t class_of(const hf_slab_size_t *sizes, uint32_t count, uint32_t bytes)
{
    uint32_t i = 0;
    while (i + 1u < count && sizes[i].block_bytes < bytes) {
        i++;
    }
    return i;
}

static void print_pools(const trace_run_t *run, const char *name)
{
    static uint8_t class_of_slot[TRACE_BLOCKS(TARGET_MOST)];
    hf_slab_size_t sizes[CLASSES_MAX];
    uint32_t in_use[CLASSES_MAX] = {0}, peak[CLASSES_MAX] = {0};
    const uint32_t count = hf_slab_sizes(sizes, CLASSES_MAX, 2, SMALLEST_BYTES, LARGEST_BYTES);
    trace_t trace;
    trace_init(&trace, run->kind, run->seed, run->target_bytes, run->blocks);
    while (trace.operations < run->operations) {
        const trace_op_t op = trace_next(&trace);
        if (op.bytes == 0) {
            in_use[class_of_slot[op.slot]]--;
            continue;
        }
        const uint32_t number = class_of(sizes, count, op.bytes);
        class_of_slot[op.slot] = (uint8_t)number;
        in_use[number]++;
        peak[number] = in_use[number] > peak[number] ? in_use[number] : peak[number];
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += sizeof(hf_pool_t) + HF_POOL_BYTES(sizes[i].block_bytes, (size_t)peak[i]) +
                 HF_POOL_META_WORDS(peak[i]) * sizeof(uint32_t);
    }
    printf("need %s pools %.3f %zu %llu\n", name, (double)bytes / (double)trace.peak_bytes, bytes,
           (unsigned long long)trace.peak_bytes);
}

// ---- all of them ----

static void print_need(const trace_run_t *run, const char *name, const trace_memory_t *manager)
{
    uint32_t permille;
    const size_t bytes = trace_need(run, manager, &permille);
    if (bytes == 0) {
        stop("the memory of the bench does not do");
    }
    uint64_t peak = 0;
    (void)trace_serve(run, manager, bytes, &peak);
    printf("need %s %s %.3f %zu %llu\n", name, manager->name, (double)bytes / (double)peak, bytes,
           (unsigned long long)peak);
}

static void print_trace(const trace_run_t *run, const char *name)
{
    static first_fit_t heap;
    const trace_memory_t slabs[] = {{"slabs", slab_start, slab_take, slab_give, NULL},
                                    {"slabs_2_per_octave", slab_start, slab_take, slab_give, NULL}};
    const trace_memory_t others[] = {
        {"region", region_start, region_take, region_give, NULL},
        {"first_fit", first_fit_start, first_fit_take_block, first_fit_give_block, &heap}};
    for (uint32_t i = 0; i < HF_COUNT_OF(slabs); i++) {
        slab_classes_per_octave = i == 0 ? 4 : 2;
        print_need(run, name, &slabs[i]);
    }
    for (uint32_t i = 0; i < HF_COUNT_OF(others); i++) {
        print_need(run, name, &others[i]);
    }
    if (run->kind != TRACE_ROBSON) { // it reads addresses
        print_pools(run, name);
    }
}

static uint32_t number(const char *text, uint32_t most)
{
    char *end;
    const unsigned long parsed = strtoul(text, &end, 10);
    if (*end != '\0' || parsed < 1u || parsed > most) {
        (void)fprintf(stderr, "Usage: bench_need [OPERATIONS [TARGET_BYTES]]\n");
        exit(2);
    }
    return (uint32_t)parsed;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"iot", "shift", "robson"};
    trace_run_t run = {.seed = TRACE_SEED,
                       .operations = argc > 1 ? number(argv[1], UINT32_MAX - 1u) : OPERATIONS,
                       .target_bytes = argc > 2 ? number(argv[2], TARGET_MOST) : TARGET_BYTES,
                       .memory = memory.blocks,
                       .memory_bytes = MEMORY_BYTES,
                       .blocks = blocks,
                       .taken = taken};
    for (trace_kind_t kind = TRACE_IOT; kind <= TRACE_ROBSON; kind++) {
        run.kind = kind;
        print_trace(&run, names[kind]);
    }
    return 0;
}
