// SPDX-License-Identifier: MIT
// hf_slab: sizes, shapes of spans, reserves, wrong gives, statistics, the memory it needs for the committed traces.
#include "bench/traces.c"

#include "hf_test.h"

#include "holdfast/hf_slab.h"

#define PAGES 4u
static HF_SLAB_STORAGE(4, PAGES, 2048) storage;
static const hf_slab_size_t four_sizes[] = {{32, 0}, {128, 8}, {512, 0}, {2048, 0}};
static hf_slab_t slab;

static hf_slab_config_t config_of(const hf_slab_size_t *sizes, uint32_t count)
{
    return (hf_slab_config_t){.name = "test",
                              .pages = storage.pages,
                              .descriptors = storage.descriptors,
                              .page_count = PAGES,
                              .page_bytes = 2048,
                              .sizes = sizes,
                              .classes = storage.classes,
                              .partial = storage.partial,
                              .class_count = count};
}

static void start(void)
{
    hf_slab_config_t config = config_of(four_sizes, 4);
    CHECK_EQ(hf_slab_init(&slab, &config), HF_OK);
    CHECK(hf_slab_is_consistent(&slab));
}

static void slab_bad_configs_are_refused(void)
{
    static const hf_slab_size_t unsorted[] = {{64, 0}, {32, 0}}, odd[] = {{33, 0}},
                                large[] = {{4096, 0}}, much[] = {{2048, PAGES + 1u}};
    static hf_slab_config_t good;
    good = config_of(four_sizes, 4);
    hf_slab_config_t bad = good;
    CHECK_EQ(hf_slab_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_slab_init(&slab, NULL), HF_E_ARGUMENT);
#define REFUSED(member, value)                                                                     \
    bad = good;                                                                                    \
    bad.member = value;                                                                            \
    CHECK_EQ(hf_slab_init(&slab, &bad), HF_E_ARGUMENT)
    REFUSED(name, NULL);
    REFUSED(pages, NULL);
    REFUSED(pages, storage.pages + 4);
    REFUSED(descriptors, NULL);
    REFUSED(sizes, NULL);
    REFUSED(classes, NULL);
    REFUSED(partial, NULL);
    REFUSED(page_count, 0);
    REFUSED(page_count, HF_SLAB_PAGES_MAX + 1u);
    REFUSED(class_count, 0);
    REFUSED(class_count, HF_SLAB_CLASSES_MAX + 1u);
    REFUSED(page_bytes, 3000);
    REFUSED(page_bytes, HF_SLAB_PAGE_BYTES_MIN / 2u);
    REFUSED(page_bytes, HF_SLAB_PAGE_BYTES_MAX * 2u);
    bad = config_of(unsorted, 2);
    CHECK_EQ(hf_slab_init(&slab, &bad), HF_E_ARGUMENT);
    bad = config_of(odd, 1);
    CHECK_EQ(hf_slab_init(&slab, &bad), HF_E_ARGUMENT);
    bad = config_of(large, 1);
    CHECK_EQ(hf_slab_init(&slab, &bad), HF_E_ARGUMENT);
    bad = config_of(much, 1);
    CHECK_EQ(hf_slab_init(&slab, &bad), HF_E_FULL);
    CHECK_EQ(hf_slab_init(&slab, &good), HF_OK);
}

static void slab_sizes_are_computed_per_octave(void)
{
    hf_slab_size_t sizes[HF_SLAB_CLASSES_MAX];
    CHECK_EQ(hf_slab_sizes(sizes, 32, 2, 64, 1000), 9);
    static const uint32_t expected[] = {64, 96, 128, 192, 256, 384, 512, 768, 1024};
    for (uint32_t i = 0; i < HF_COUNT_OF(expected); i++) {
        CHECK_EQ(sizes[i].block_bytes, expected[i]);
        CHECK_EQ(sizes[i].reserved_count, 0);
    }
    CHECK_EQ(hf_slab_sizes(sizes, 32, 1, 1, HF_POOL_ALIGN), 1);
    CHECK_EQ(sizes[0].block_bytes, HF_POOL_ALIGN);
    CHECK_EQ(hf_slab_sizes(sizes, 8, 2, 64, 1000), 0);
    CHECK_EQ(hf_slab_sizes(NULL, 8, 2, 64, 1000), 0);
    CHECK_EQ(hf_slab_sizes(sizes, 32, 0, 64, 1000), 0);
    CHECK_EQ(hf_slab_sizes(sizes, 32, 5, 64, 1000), 0);
    CHECK_EQ(hf_slab_sizes(sizes, 32, 2, 0, 1000), 0);
    CHECK_EQ(hf_slab_sizes(sizes, 32, 2, 64, 63), 0);
}

static void slab_take_serves_the_smallest_class_that_fits(void)
{
    start();
    CHECK_EQ(hf_slab_class_of(&slab, 0), 4);
    CHECK_EQ(hf_slab_class_of(&slab, 1), 0);
    CHECK_EQ(hf_slab_class_of(&slab, 32), 0);
    CHECK_EQ(hf_slab_class_of(&slab, 33), 1);
    CHECK_EQ(hf_slab_class_of(&slab, 2048), 3);
    CHECK_EQ(hf_slab_class_of(&slab, 2049), 4);
    void *block = hf_slab_take(&slab, 33, HF_TAG_NONE);
    CHECK_EQ(hf_slab_block_bytes(&slab, block), 128);
    CHECK(hf_slab_take(&slab, 0, HF_TAG_NONE) == NULL);
    CHECK(hf_slab_take(&slab, 2049, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_slab_stock_stats(&slab).unservable, 2);
    CHECK_EQ(hf_slab_give(&slab, block), HF_OK);
}

static void slab_class_takes_all_but_the_reserve_of_others(void)
{
    start(); // 8 blocks of 128 B reserved: half a page
    uint32_t taken_count = 0;
    static void *taken_blocks[64];
    while ((taken_blocks[taken_count] = hf_slab_take(&slab, 2048, HF_TAG_NONE)) != NULL) {
        taken_count++;
    }
    CHECK_EQ(taken_count, PAGES - 1u);
    CHECK_EQ(hf_slab_stats(&slab, 3).exhausted, 1);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(hf_slab_take(&slab, 512, HF_TAG_NONE) != NULL);
    }
    CHECK(hf_slab_take(&slab, 512, HF_TAG_NONE) == NULL);
    CHECK(hf_slab_take(&slab, 32, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_slab_stock_stats(&slab).free_bytes, 0);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK(hf_slab_take(&slab, 128, HF_TAG_NONE) != NULL);
    }
    CHECK(hf_slab_take(&slab, 128, HF_TAG_NONE) == NULL);
    // A page that comes back serves another class.
    CHECK_EQ(hf_slab_give(&slab, taken_blocks[1]), HF_OK);
    CHECK(hf_slab_take(&slab, 128, HF_TAG_NONE) != NULL);
    CHECK_EQ(hf_slab_stats(&slab, 3).returned_spans, 1);
    CHECK(hf_slab_is_consistent(&slab));
}

static void slab_reserve_stays_when_its_blocks_are_given(void)
{
    start();
    const uint32_t free_bytes = hf_slab_stock_stats(&slab).free_bytes;
    const hf_slab_stats_t at_start = hf_slab_stats(&slab, 1);
    CHECK(at_start.capacity >= 8);
    static void *blocks[40];
    for (uint32_t i = 0; i < 40; i++) {
        blocks[i] = hf_slab_take(&slab, 100, HF_TAG_NONE);
    }
    CHECK(hf_slab_stock_stats(&slab).free_bytes < free_bytes);
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(hf_slab_give(&slab, blocks[i]), HF_OK);
    }
    CHECK_EQ(hf_slab_stats(&slab, 1).capacity, at_start.capacity);
    CHECK_EQ(hf_slab_stock_stats(&slab).free_bytes, free_bytes);
}

static void slab_wrong_gives_are_told_and_harmless(void)
{
    start();
    uint8_t *first = hf_slab_take(&slab, 32, HF_TAG_NONE);
    uint8_t *second = hf_slab_take(&slab, 32, HF_TAG_NONE);
    int local = 0;
    CHECK_EQ(hf_slab_give(&slab, &local), HF_E_FOREIGN);
    CHECK_EQ(hf_slab_give(&slab, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_slab_give(&slab, storage.pages + sizeof storage.pages), HF_E_FOREIGN);
    CHECK_EQ(hf_slab_give(&slab, first + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_slab_give(&slab, second + 16), HF_E_INTERIOR);
    CHECK_EQ(hf_slab_give(&slab, first), HF_OK);
    CHECK_EQ(hf_slab_give(&slab, first), HF_E_DOUBLE_GIVE); // its span is still there
    CHECK_EQ(hf_slab_give(&slab, second), HF_OK);
    CHECK_EQ(hf_slab_give(&slab, second), HF_E_DOUBLE_GIVE); // its span is back in the stock
    const hf_slab_stock_stats_t stock = hf_slab_stock_stats(&slab);
    CHECK_EQ(stock.foreign, 3);
    CHECK_EQ(stock.interior, 2);
    CHECK_EQ(stock.double_gives, 2);
    CHECK_EQ(hf_slab_stats(&slab, 0).gives, 2);
    CHECK(hf_slab_is_consistent(&slab));
    CHECK(hf_slab_owns(&slab, storage.pages) && !hf_slab_owns(&slab, &local));
}

static void slab_statistics_are_exact(void)
{
    start();
    void *blocks[3];
    for (uint32_t i = 0; i < 3; i++) {
        blocks[i] = hf_slab_take(&slab, 500, HF_TAG_NONE);
    }
    CHECK_EQ(hf_slab_give(&slab, blocks[0]), HF_OK);
    hf_slab_stats_t stats = hf_slab_stats(&slab, 2);
    CHECK_EQ(stats.block_bytes, 512);
    CHECK_EQ(stats.in_use, 2);
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.takes, 3);
    CHECK_EQ(stats.gives, 1);
    CHECK_EQ(stats.capacity, 2);
    CHECK_EQ(stats.spans * stats.span_bytes, 1024);
    const hf_slab_stock_stats_t stock = hf_slab_stock_stats(&slab);
    CHECK_EQ(stock.page_bytes, 2048);
    CHECK_EQ(stock.unit_bytes, 128);
    CHECK_EQ(stock.free_bytes, PAGES * 2048u - 1024u - 1024u); // 8 reserved blocks of 128 B
    CHECK_EQ(stock.min_free_bytes, stock.free_bytes - 512u);
    CHECK_EQ(stock.largest_span_bytes, 2048);
    hf_slab_reset_stats(&slab);
    stats = hf_slab_stats(&slab, 2);
    CHECK_EQ(stats.peak, 2);
    CHECK_EQ(stats.returned_spans, 0);
    CHECK_EQ(hf_slab_stock_stats(&slab).min_free_bytes, stock.free_bytes);
}

static void slab_damaged_bookkeeping_is_found_by_the_walk(void)
{
    start();
    CHECK(hf_slab_take(&slab, 32, HF_TAG_NONE) != NULL);
    storage.descriptors[0].free_units ^= 0x8000u;
    CHECK(!hf_slab_is_consistent(&slab));
    start();
    CHECK(hf_slab_take(&slab, 32, HF_TAG_NONE) != NULL);
    storage.classes[0].in_use++;
    CHECK(!hf_slab_is_consistent(&slab));
    start();
    slab.room[15][0] ^= 2u;
    CHECK(!hf_slab_is_consistent(&slab));
}

// All of the slab's memory, bookkeeping included, out of one range.
#define TARGET_BYTES (48u * 1024u)
#define NEED_CLASSES 32u
typedef struct all_in_one {
    hf_slab_t slab;
    hf_slab_class_t classes[NEED_CLASSES];
} all_in_one_t;

static bool need_start(void *ctx, uint8_t *memory, size_t bytes)
{
    (void)ctx;
    hf_slab_size_t sizes[NEED_CLASSES];
    const uint32_t count = hf_slab_sizes(sizes, NEED_CLASSES, 4, 16, 2048);
    all_in_one_t *all = (all_in_one_t *)(void *)memory;
    const size_t fixed = offsetof(all_in_one_t, classes) + count * sizeof(hf_slab_class_t);
    size_t pages = HF_SLAB_PAGES_MAX, meta = 0;
    for (; pages > 0; pages--) {
        meta = fixed + pages * sizeof(hf_slab_page_t) +
               count * HF_SLAB_PARTIAL_WORDS(pages) * sizeof(uint32_t);
        meta = (meta + HF_POOL_ALIGN - 1u) / HF_POOL_ALIGN * HF_POOL_ALIGN;
        if (meta + pages * HF_SLAB_PAGE_BYTES <= bytes) {
            break;
        }
    }
    if (pages == 0) {
        return false;
    }
    uint8_t *partial = memory + fixed + pages * sizeof(hf_slab_page_t);
    const hf_slab_config_t config = {.name = "need",
                                     .pages = memory + meta,
                                     .descriptors = (hf_slab_page_t *)(void *)(memory + fixed),
                                     .page_count = (uint32_t)pages,
                                     .page_bytes = HF_SLAB_PAGE_BYTES,
                                     .sizes = sizes,
                                     .classes = all->classes,
                                     .partial = (uint32_t *)(void *)partial,
                                     .class_count = count};
    return hf_slab_init(&all->slab, &config) == HF_OK;
}

static uint8_t *need_memory;

static void *need_take(void *ctx, uint32_t bytes)
{
    (void)ctx;
    return hf_slab_take(&((all_in_one_t *)(void *)need_memory)->slab, bytes, HF_TAG_NONE);
}

static void need_give(void *ctx, void *block)
{
    (void)ctx;
    CHECK_EQ(hf_slab_give(&((all_in_one_t *)(void *)need_memory)->slab, block), HF_OK);
}

static void slab_needs_at_most_the_stated_memory_for_the_traces(void)
{
    static HF_POOL_STORAGE_BYTES(160u * 1024u, 1) memory;
    static trace_block_t blocks[TRACE_BLOCKS(TARGET_BYTES)];
    static trace_taken_t taken[TRACE_BLOCKS(TARGET_BYTES)];
    need_memory = memory.blocks;
    const trace_memory_t slabs = {"slab", need_start, need_take, need_give, NULL};
    static const uint32_t gate_permille[] = {1600, 2200, 1800};
    for (trace_kind_t kind = TRACE_IOT; kind <= TRACE_ROBSON; kind++) {
        const trace_run_t run = {.kind = kind,
                                 .seed = TRACE_SEED,
                                 .target_bytes = TARGET_BYTES,
                                 .operations = kind == TRACE_SHIFT ? 1200000u : 300000u,
                                 .memory = memory.blocks,
                                 .memory_bytes = 160u * 1024u,
                                 .blocks = blocks,
                                 .taken = taken};
        uint32_t permille = 0;
        CHECK(trace_need(&run, &slabs, &permille) != 0);
        printf("  kind %d: %" PRIu32 " permille\n", (int)kind, permille);
        CHECK(permille <= gate_permille[kind]);
    }
}

HF_TEST_MAIN(HF_TEST(slab_bad_configs_are_refused), HF_TEST(slab_sizes_are_computed_per_octave),
             HF_TEST(slab_take_serves_the_smallest_class_that_fits),
             HF_TEST(slab_class_takes_all_but_the_reserve_of_others),
             HF_TEST(slab_reserve_stays_when_its_blocks_are_given),
             HF_TEST(slab_wrong_gives_are_told_and_harmless), HF_TEST(slab_statistics_are_exact),
             HF_TEST(slab_damaged_bookkeeping_is_found_by_the_walk),
             HF_TEST(slab_needs_at_most_the_stated_memory_for_the_traces))
