// SPDX-License-Identifier: MIT
// The pool in one context, at whatever level and with whatever options it is compiled: each block once, every wrong give
// told and counted, figures exact. Compiled for this build's configuration; test_intrusive_pool_*.c compile it for others.
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#if CONFIG_HF_TRACE
#include "holdfast/hf_trace.h"
#endif

#define COUNT_MAX 1024u

typedef struct item {
    uint8_t bytes[20];
} item_t;

static HF_POOL_STORAGE(item_t, COUNT_MAX) storage;
static void *block[COUNT_MAX];

static void start_with(hf_pool_t *pool, uint32_t count, uint32_t options)
{
    const hf_pool_config_t config = {.name = "items",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = sizeof(item_t),
                                     .count = count,
                                     .options = options};
    memset(&storage, 0xA5, sizeof storage);
    CHECK_EQ(hf_pool_init(pool, &config), HF_OK);
}

static void start(hf_pool_t *pool, uint32_t count)
{
    start_with(pool, count, 0);
}

static void *take(hf_pool_t *pool)
{
    return hf_pool_take(pool, HF_TAG_NONE);
}

static void take_all(hf_pool_t *pool, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        block[i] = take(pool);
        CHECK(block[i] != NULL);
    }
    CHECK(take(pool) == NULL);
}

static bool holds(const hf_pool_t *pool, uint32_t taken, uint32_t given)
{
    hf_pool_stats_t stats = hf_pool_stats(pool);
    bool good =
        stats.in_use == taken - given && hf_pool_free_count(pool) == stats.capacity - stats.in_use;
#if CONFIG_HF_POOL_STATISTICS
    good = good && stats.takes == taken && stats.gives == given &&
           stats.min_free == stats.capacity - stats.peak;
#endif
    return good;
}

static void pool_of_any_size_gives_each_block_once(void)
{
    const uint32_t counts[] = {1, 2, 31, 32, 33, 64, 65, 1023, 1024};
    for (size_t c = 0; c < HF_COUNT_OF(counts); c++) {
        static bool seen[COUNT_MAX];
        hf_pool_t pool;
        memset(seen, 0, sizeof seen);
        start(&pool, counts[c]);
        take_all(&pool, counts[c]);
        for (uint32_t i = 0; i < counts[c]; i++) {
            uintptr_t offset = (uintptr_t)block[i] - (uintptr_t)storage.blocks;
            uintptr_t index = offset / HF_POOL_STRIDE(sizeof(item_t));
            CHECK_EQ(offset % HF_POOL_STRIDE(sizeof(item_t)), 0);
            CHECK_EQ((uintptr_t)block[i] % HF_POOL_ALIGN, 0);
            REQUIRE(index < counts[c]);
            CHECK(!seen[index]);
            seen[index] = true;
        }
        CHECK(holds(&pool, counts[c], 0));
        CHECK_EQ(hf_pool_stats(&pool).exhausted, 1);
    }
}

static void pool_one_free_block_is_found_wherever_it_is(void)
{
    hf_pool_t pool;
    start(&pool, 100);
    take_all(&pool, 100);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK_EQ(hf_pool_give(&pool, block[i * 37 % 100]), HF_OK);
        CHECK(take(&pool) == block[i * 37 % 100]);
    }
    CHECK(holds(&pool, 200, 100));
    CHECK_EQ(hf_pool_stats(&pool).exhausted, 1);
}

static void pool_exhausted_counts_and_recovers(void)
{
    hf_pool_t pool;
    start(&pool, 2);
    take_all(&pool, 2);
    CHECK(take(&pool) == NULL);
    CHECK_EQ(hf_pool_stats(&pool).exhausted, 2);
    CHECK_EQ(hf_pool_give(&pool, block[0]), HF_OK);
    CHECK(take(&pool) == block[0]);
    CHECK(holds(&pool, 3, 1));
}

static void pool_double_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    void *one = take(&pool), *two = take(&pool);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, one), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 1);
    CHECK(holds(&pool, 2, 1));
    for (int i = 0; i < 3; i++) {
        CHECK(take(&pool) != two);
    }
    CHECK(take(&pool) == NULL);
}

static void pool_block_never_taken_is_a_double_give(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    CHECK_EQ(hf_pool_give(&pool, storage.blocks), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 1);
    CHECK(holds(&pool, 0, 0));
}

// The number of a block is found without a division; this is the division it must agree with. The addresses are numbers,
// never followed, so blocks can be larger than any storage here.
static void pool_every_address_is_told_rightly_for_any_stride(void)
{
    const uint32_t sizes[] = {1, 16, 17, 40, 48, 100, 512, 1000, 4080, 4096, 12289, 65536};
    const uint32_t counts[] = {1, 3, 33, 1024};
    for (size_t i = 0; i < HF_COUNT_OF(sizes) * HF_COUNT_OF(counts); i++) {
        const uint32_t bytes = sizes[i / HF_COUNT_OF(counts)];
        const uint32_t count = counts[i % HF_COUNT_OF(counts)];
        const uint32_t stride = (uint32_t)HF_POOL_STRIDE(bytes);
        const hf_pool_config_t config = {.name = "far",
                                         .blocks = storage.blocks,
                                         .meta = storage.meta,
                                         .block_bytes = bytes,
                                         .count = count};
        hf_pool_t pool;
        REQUIRE(hf_pool_init(&pool, &config) == HF_OK);
        CHECK_EQ(hf_pool_stats(&pool).block_bytes, bytes);
        uint32_t step = stride / 7u | 1u, wrong = 0;
        for (uint64_t at = 0; at < (uint64_t)stride * count + 3u * stride; at += step) {
            uint64_t offset = at - stride; // below the pool, and above
            offset = at % 5u == 0 ? offset / stride * stride : offset;
            int expected = offset >= (uint64_t)stride * count ? HF_E_FOREIGN
                           : offset % stride != 0             ? HF_E_INTERIOR
                                                              : HF_E_DOUBLE_GIVE;
            uintptr_t address = (uintptr_t)storage.blocks + (uintptr_t)offset;
            wrong += hf_pool_give(&pool, (void *)address) == expected ? 0 : 1u;
        }
        CHECK_EQ(wrong, 0);
    }
}

static void pool_foreign_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    item_t outside;
    start(&pool, 4);
    void *one = take(&pool);
    CHECK_EQ(hf_pool_give(&pool, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&pool, &outside), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&pool, storage.blocks + 4u * HF_POOL_STRIDE(sizeof(item_t))),
             HF_E_FOREIGN);
    CHECK_EQ(hf_pool_stats(&pool).foreign, 3);
    CHECK(holds(&pool, 1, 0));
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
}

static void pool_interior_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    uint8_t *one = take(&pool);
    for (uint32_t i = 1; i < HF_POOL_STRIDE(sizeof(item_t)); i++) {
        CHECK_EQ(hf_pool_give(&pool, one + i), HF_E_INTERIOR);
    }
    CHECK_EQ(hf_pool_stats(&pool).interior, HF_POOL_STRIDE(sizeof(item_t)) - 1u);
    CHECK(holds(&pool, 1, 0));
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
}

static void pool_never_touches_the_blocks(void)
{
    hf_pool_t pool;
    start(&pool, 33);
    take_all(&pool, 33);
    for (uint32_t i = 0; i < 33; i++) {
        CHECK_EQ(hf_pool_give(&pool, block[i]), HF_OK);
    }
    for (size_t i = 0; i < sizeof storage.blocks; i++) {
        REQUIRE(storage.blocks[i] == 0xA5);
    }
}

static void pool_wrong_config_is_refused(void)
{
    const hf_pool_config_t good = {
        .name = "x", .blocks = storage.blocks, .meta = storage.meta, .block_bytes = 8, .count = 4};
    hf_pool_config_t wrong[9];
    hf_pool_t pool;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        wrong[i] = good;
    }
    wrong[0].name = NULL;
    wrong[1].blocks = NULL;
    wrong[2].meta = NULL;
    wrong[3].block_bytes = 0;
    wrong[4].count = 0;
    wrong[5].count = COUNT_MAX + 1u;
    wrong[6].blocks = storage.blocks + 1;
    wrong[7].block_bytes = UINT32_MAX / 4u;
    wrong[8].options = 8u;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_pool_init(&pool, &wrong[i]), HF_E_ARGUMENT);
    }
    CHECK_EQ(hf_pool_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, &good), HF_OK);
}

static void pool_option_is_refused_when_its_switch_is_off(void)
{
    hf_pool_config_t config = {
        .name = "x", .blocks = storage.blocks, .meta = storage.meta, .block_bytes = 8, .count = 4};
    hf_pool_t pool;
    int fill = HF_E_ARGUMENT, watch = HF_E_ARGUMENT;
#if CONFIG_HF_POOL_FILL
    fill = HF_OK;
#endif
#if CONFIG_HF_POOL_CANARY
    watch = HF_OK;
#endif
    config.options = HF_POOL_ZERO;
    CHECK_EQ(hf_pool_init(&pool, &config), fill);
    config.options = HF_POOL_POISON;
    CHECK_EQ(hf_pool_init(&pool, &config), fill);
    config.options = HF_POOL_CANARY;
    CHECK_EQ(hf_pool_init(&pool, &config), watch);
}

static void pool_reset_keeps_what_is_in_use(void)
{
    hf_pool_t pool;
    start(&pool, 8);
    take_all(&pool, 8);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(hf_pool_give(&pool, block[i]), HF_OK);
    }
    CHECK_EQ(hf_pool_give(&pool, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&pool, (uint8_t *)block[6] + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_pool_give(&pool, block[0]), HF_E_DOUBLE_GIVE);
    hf_pool_reset_stats(&pool);
    hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.in_use, 3);
    CHECK_EQ(stats.exhausted + stats.foreign + stats.interior + stats.double_gives, 0);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.takes + stats.gives, 0);
    CHECK_EQ(hf_pool_give(&pool, block[5]), HF_OK);
    CHECK(take(&pool) != NULL);
    CHECK(take(&pool) != NULL);
    stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.takes, 2);
    CHECK_EQ(stats.gives, 1);
    CHECK_EQ(stats.peak, 4);
#endif
}

#if CONFIG_HF_POOL_STATISTICS
static void pool_peak_stays_at_the_highest(void)
{
    hf_pool_t pool;
    start(&pool, 10);
    void *one = take(&pool), *two = take(&pool), *three = take(&pool);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, two), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, three), HF_OK);
    CHECK(take(&pool) != NULL);
    hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.min_free, 7);
    CHECK_EQ(stats.capacity, 10);
    CHECK_EQ(stats.block_bytes, sizeof(item_t));
    CHECK(holds(&pool, 4, 3));
}

// 21 bits of the gives share a word with the free blocks; what they overflow into is a word of its own.
static void pool_gives_stay_exact_past_what_one_word_holds(void)
{
    const uint32_t gives = 3u * (1u << 21) + 5u;
    hf_pool_t pool;
    start(&pool, 40);
    CHECK(take(&pool) != NULL);
    for (uint32_t i = 0; i < gives; i++) {
        REQUIRE(hf_pool_give(&pool, take(&pool)) == HF_OK);
    }
    CHECK(holds(&pool, gives + 1u, gives));
    CHECK_EQ(hf_pool_stats(&pool).peak, 2);
}
#define STATISTICS_CASES                                                                           \
    HF_TEST(pool_peak_stays_at_the_highest),                                                       \
        HF_TEST(pool_gives_stay_exact_past_what_one_word_holds),
#else
#define STATISTICS_CASES
#endif

#if CONFIG_HF_POOL_FILL
static void pool_zero_clears_the_whole_block(void)
{
    hf_pool_t pool;
    start_with(&pool, 2, HF_POOL_ZERO);
    for (int round = 0; round < 3; round++) {
        item_t *item = take(&pool);
        for (size_t i = 0; i < sizeof item->bytes; i++) {
            REQUIRE(item->bytes[i] == 0);
        }
        memset(item, 0x77, sizeof *item);
        CHECK_EQ(hf_pool_give(&pool, item), HF_OK);
    }
    CHECK_EQ(hf_pool_stats(&pool).spoilt, 0); // nobody asked for poison
}

static void pool_poison_finds_a_write_after_the_give(void)
{
    hf_pool_t pool;
    start_with(&pool, 1, HF_POOL_POISON);
    uint8_t *one = take(&pool);
    memset(one, 1, sizeof(item_t));
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    for (size_t i = 0; i < sizeof(item_t); i++) {
        REQUIRE(one[i] == 0xDE);
    }
    CHECK(take(&pool) == one);
    CHECK_EQ(hf_pool_stats(&pool).spoilt, 0);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    one[sizeof(item_t) - 1u] = 0; // the last byte, after the give
    CHECK(take(&pool) == one);
    CHECK_EQ(hf_pool_stats(&pool).spoilt, 1);
}

static void pool_poison_leaves_the_next_owner_alone_on_a_wrong_give(void)
{
    hf_pool_t pool;
    start_with(&pool, 2, HF_POOL_POISON);
    uint8_t *one = take(&pool);
    memset(one, 1, sizeof(item_t));
    CHECK_EQ(hf_pool_give(&pool, one + 1), HF_E_INTERIOR);
    CHECK_EQ(one[0], 1);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    one[3] = 9; // a mark: a double give that filled the block would hide it
    CHECK_EQ(hf_pool_give(&pool, one), HF_E_DOUBLE_GIVE);
    CHECK_EQ(one[3], 9);
}
#define FILL_CASES                                                                                 \
    HF_TEST(pool_zero_clears_the_whole_block), HF_TEST(pool_poison_finds_a_write_after_the_give),  \
        HF_TEST(pool_poison_leaves_the_next_owner_alone_on_a_wrong_give),
#else
#define FILL_CASES
#endif

#if CONFIG_HF_POOL_CANARY
static void pool_canary_tells_each_byte_of_an_overrun(void)
{
    hf_pool_t pool;
    start_with(&pool, 3, HF_POOL_CANARY);
    for (uint32_t i = 0; i < HF_POOL_CANARY_BYTES; i++) {
        uint8_t *one = take(&pool);
        one[sizeof(item_t) - 1u] = 0; // still the owner's
        one[sizeof(item_t) + i] ^= 1u;
        CHECK_EQ(hf_pool_give(&pool, one), HF_E_OVERRUN);
        one = take(&pool); // mended
        CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
        CHECK_EQ(hf_pool_stats(&pool).overruns, i + 1u);
    }
    CHECK_EQ(hf_pool_stats(&pool).in_use, 0);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 0);
}

static void pool_check_finds_the_damaged_block_and_wraps(void)
{
    hf_pool_t pool;
    uint32_t found = 77;
    start_with(&pool, 10, HF_POOL_CANARY);
    CHECK_EQ(hf_pool_check(&pool, 3, 10, &found), HF_OK);
    CHECK_EQ(found, 77);
    storage.blocks[2u * HF_POOL_STRIDE(sizeof(item_t)) + sizeof(item_t)] = 0;
    CHECK_EQ(hf_pool_check(&pool, 3, 9, &found), HF_OK); // 3 to 9, 0, 1
    CHECK_EQ(hf_pool_check(&pool, 3, 10, &found), HF_E_OVERRUN);
    CHECK_EQ(found, 2);
    CHECK_EQ(hf_pool_check(&pool, 12, 1, &found), HF_E_OVERRUN); // 12 is 2 again
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
    start(&pool, 10);
    CHECK_EQ(hf_pool_check(&pool, 0, 10, &found), HF_OK); // a pool that did not ask for it
}
#define CANARY_CASES                                                                               \
    HF_TEST(pool_canary_tells_each_byte_of_an_overrun),                                            \
        HF_TEST(pool_check_finds_the_damaged_block_and_wraps),
#else
#define CANARY_CASES
#endif

#if CONFIG_HF_POOL_CENSUS
static void pool_stale_handle_never_reaches_the_next_owner(void)
{
    hf_pool_t pool;
    start(&pool, 1);
    void *one = take(&pool);
    const hf_handle_t first = hf_pool_handle(&pool, one);
    CHECK(first != 0);
    CHECK(hf_pool_at(&pool, first) == one);
    CHECK_EQ(hf_pool_give_handle(&pool, first), HF_OK);
    CHECK_EQ(hf_pool_give_handle(&pool, first), HF_E_STALE);
    CHECK(take(&pool) == one);
    CHECK_EQ(hf_pool_give_handle(&pool, first), HF_E_STALE);
    CHECK(hf_pool_at(&pool, first) == NULL);
    CHECK_EQ(hf_pool_stats(&pool).stale, 3);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 0);
    CHECK(holds(&pool, 2, 1));
}

static void pool_handle_nobody_made_is_foreign(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    CHECK(take(&pool) != NULL);
    CHECK_EQ(hf_pool_give_handle(&pool, 0), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give_handle(&pool, 1u << 16 | 4u), HF_E_FOREIGN); // past the last block
    CHECK_EQ(hf_pool_give_handle(&pool, 2u << 16), HF_E_FOREIGN);      // a generation of a free one
    CHECK_EQ(hf_pool_stats(&pool).foreign, 3);
    CHECK(hf_pool_at(&pool, 0) == NULL);
    CHECK_EQ(hf_pool_stats(&pool).stale, 1);
    CHECK_EQ(hf_pool_handle(&pool, NULL), 0);
    CHECK_EQ(hf_pool_handle(&pool, storage.blocks + 1), 0);
    CHECK(holds(&pool, 1, 0));
}

static void pool_census_tells_owner_and_age(void)
{
    hf_pool_t pool;
    hf_block_info_t info;
    start(&pool, 2);
    hf_pool_set_clock(&pool, UINT32_MAX - 10u);
    void *one = hf_pool_take(&pool, 200);
    hf_pool_set_clock(&pool, 20); // has wrapped
    const uint32_t number =
        (uint32_t)(((uint8_t *)one - storage.blocks) / (ptrdiff_t)HF_POOL_STRIDE(sizeof(item_t)));
    CHECK_EQ(hf_pool_inspect(&pool, number, &info), HF_OK);
    CHECK(info.block == one);
    CHECK_EQ(info.tag, 200);
    CHECK_EQ(info.age_ms, 31);
    CHECK_EQ(info.generation, 1);
    CHECK_EQ(hf_pool_inspect(&pool, 1u - number, &info), HF_E_EMPTY);
    CHECK_EQ(hf_pool_inspect(&pool, 2, &info), HF_E_RANGE);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_inspect(&pool, number, &info), HF_E_EMPTY);
}

static void pool_generation_repeats_after_32768_takes_and_not_before(void)
{
    hf_pool_t pool;
    start(&pool, 1);
    void *one = take(&pool);
    const hf_handle_t first = hf_pool_handle(&pool, one);
    for (uint32_t i = 1; i < 32768; i++) {
        REQUIRE(hf_pool_give(&pool, one) == HF_OK && take(&pool) == one);
        REQUIRE(hf_pool_handle(&pool, one) != first);
    }
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK(take(&pool) == one);
    CHECK_EQ(hf_pool_handle(&pool, one), first); // as the contract says
}
#define CENSUS_CASES                                                                               \
    HF_TEST(pool_stale_handle_never_reaches_the_next_owner),                                       \
        HF_TEST(pool_handle_nobody_made_is_foreign), HF_TEST(pool_census_tells_owner_and_age),     \
        HF_TEST(pool_generation_repeats_after_32768_takes_and_not_before),
#else
#define CENSUS_CASES
#endif

#if CONFIG_HF_POOL_TIMING
static uint32_t cycles, cycles_a_call;

uint32_t hf_port_cycles(void)
{
    cycles += cycles_a_call;
    return cycles;
}

static void pool_durations_follow_the_cycle_counter(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    cycles = UINT32_MAX - 700u; // wraps meanwhile
    cycles_a_call = 160;
    CHECK_EQ(hf_pool_give(&pool, take(&pool)), HF_OK);
    CHECK_EQ(hf_pool_stats(&pool).take.mean_cycles, 160);
    CHECK_EQ(hf_pool_stats(&pool).give.max_cycles, 160);
    cycles_a_call = 320;
    void *one = take(&pool);
    CHECK_EQ(hf_pool_stats(&pool).take.max_cycles, 320);
    CHECK_EQ(hf_pool_stats(&pool).take.mean_cycles, 170); // 160 + (320 - 160) / 16
    cycles_a_call = 16;
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_stats(&pool).give.max_cycles, 160);
    CHECK_EQ(hf_pool_stats(&pool).give.mean_cycles, 151);
    hf_pool_reset_stats(&pool);
    CHECK_EQ(hf_pool_stats(&pool).take.max_cycles + hf_pool_stats(&pool).take.mean_cycles, 0);
}
#define TIMING_CASES HF_TEST(pool_durations_follow_the_cycle_counter),
#else
#define TIMING_CASES
#endif

#if CONFIG_HF_TRACE
static hf_trace_t trace;
static uint32_t trace_storage[HF_TRACE_BYTES(16) / 4u];

static hf_trace_entry_t next_entry(hf_trace_kind_t kind)
{
    hf_trace_entry_t entry = {0};
    CHECK_EQ(hf_trace_get(&trace, &entry), HF_OK);
    CHECK_EQ(entry.kind, kind);
    CHECK_EQ(entry.pool, 7);
    CHECK_EQ(entry.bytes, sizeof(item_t));
    CHECK(entry.caller != 0);
    return entry;
}

static void start_traced(hf_pool_t *pool, uint32_t count, uint32_t options)
{
    const hf_trace_config_t config = {.storage = trace_storage, .capacity = 16};
    CHECK_EQ(hf_trace_init(&trace, &config), HF_OK);
    start_with(pool, count, options);
    hf_pool_set_trace(pool, &trace, 7);
}

static void pool_trace_tells_every_call(void)
{
    hf_pool_t pool;
    start_traced(&pool, 2, 0);
    void *one = hf_pool_take(&pool, 5), *two = hf_pool_take(&pool, 6);
    CHECK(hf_pool_take(&pool, 9) == NULL);
    CHECK_EQ(hf_pool_give(&pool, two), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, (uint8_t *)one + 3), HF_E_INTERIOR);
    const hf_trace_entry_t first = next_entry(HF_TRACE_TAKE), second = next_entry(HF_TRACE_TAKE);
    CHECK_EQ(first.tag, 5);
    CHECK_EQ(second.tag, 6);
    CHECK(first.caller != second.caller);
    CHECK_EQ(first.block + second.block, 1); // 0 and 1, in any order
    CHECK_EQ(next_entry(HF_TRACE_REFUSED).tag, 9);
    CHECK_EQ(next_entry(HF_TRACE_GIVE).block, second.block);
    const hf_trace_entry_t wrong = next_entry(HF_TRACE_WRONG);
    CHECK_EQ(wrong.status, HF_E_INTERIOR);
    CHECK_EQ(wrong.block, first.block * HF_POOL_STRIDE(sizeof(item_t)) + 3u);
    hf_pool_set_trace(&pool, NULL, 0);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_trace_head(&trace), 5);
}

#if CONFIG_HF_POOL_CANARY && CONFIG_HF_POOL_CENSUS
static void pool_trace_tells_an_overrun_beside_its_give(void)
{
    hf_pool_t pool;
    start_traced(&pool, 2, HF_POOL_CANARY);
    uint8_t *one = take(&pool);
    const hf_handle_t handle = hf_pool_handle(&pool, one);
    one[sizeof(item_t)] ^= 1u;
    CHECK_EQ(hf_pool_give_handle(&pool, handle), HF_E_OVERRUN);
    CHECK_EQ(hf_pool_give_handle(&pool, handle), HF_E_STALE);
    const uint32_t number = next_entry(HF_TRACE_TAKE).block;
    CHECK_EQ(next_entry(HF_TRACE_GIVE).block, number);
    CHECK_EQ(next_entry(HF_TRACE_WRONG).status, HF_E_OVERRUN);
    CHECK_EQ(next_entry(HF_TRACE_WRONG).status, HF_E_STALE);
    CHECK_EQ(hf_trace_head(&trace), 4);
}
#define TRACE_CASES                                                                                \
    HF_TEST(pool_trace_tells_every_call), HF_TEST(pool_trace_tells_an_overrun_beside_its_give),
#else
#define TRACE_CASES HF_TEST(pool_trace_tells_every_call),
#endif
#else
#define TRACE_CASES
#endif

HF_TEST_MAIN(HF_TEST(pool_of_any_size_gives_each_block_once),
             HF_TEST(pool_one_free_block_is_found_wherever_it_is),
             HF_TEST(pool_exhausted_counts_and_recovers),
             HF_TEST(pool_double_give_is_told_and_changes_nothing),
             HF_TEST(pool_block_never_taken_is_a_double_give),
             HF_TEST(pool_every_address_is_told_rightly_for_any_stride),
             HF_TEST(pool_foreign_give_is_told_and_changes_nothing),
             HF_TEST(pool_interior_give_is_told_and_changes_nothing),
             HF_TEST(pool_never_touches_the_blocks), HF_TEST(pool_wrong_config_is_refused),
             HF_TEST(pool_option_is_refused_when_its_switch_is_off),
             STATISTICS_CASES FILL_CASES CANARY_CASES CENSUS_CASES TIMING_CASES TRACE_CASES
                 HF_TEST(pool_reset_keeps_what_is_in_use))
