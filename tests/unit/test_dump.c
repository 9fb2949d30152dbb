// SPDX-License-Identifier: MIT
// The state dump: its JSON is parsed again and every figure held against the statistics it is of, none missing and
// none more; its text is compared whole; what does not fit is told at every size of the buffer.
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_dump.h"
#include "holdfast/hf_json.h"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem_presets.h"
#endif

#include <stdlib.h>

#define SMALL_COUNT 12u
#define LARGE_COUNT 5u

static HF_POOL_STORAGE_BYTES(40, SMALL_COUNT) small_storage;
static HF_POOL_STORAGE_BYTES(200, LARGE_COUNT) large_storage;
static hf_pool_t small, large;
static const hf_pool_t *const pools[] = {&small, &large};
static hf_dump_rates_t rates[2];
static hf_hold_t holds[2];
static hf_leak_t leaks[2];
static const char *const names[] = {"nobody", "net \"1\""};
#if CONFIG_HF_POOL_CENSUS
static hf_census_row_t rows[2 * 3];
static hf_census_t census;
#endif
#if CONFIG_HF_REGION
static HF_REGION_STORAGE(4096) region_storage;
static hf_region_t region;
static const hf_region_t *const regions[] = {&region};
#endif
#if CONFIG_HF_MEM
static hf_mem_modesp_t mem_storage;
static hf_mem_t mem;
static const hf_mem_tag_t mem_tags[] = {{.name = "nobody"}, {.name = "net", .soft_bytes = 64}};
#endif

static void init_pool(hf_pool_t *pool, hf_pool_config_t config)
{
    CHECK_EQ(hf_pool_init(pool, &config), HF_OK);
}

static void *must_take(hf_pool_t *pool, hf_tag_t tag)
{
    void *block = hf_pool_take(pool, tag);
    CHECK(block != NULL);
    return block;
}

static void use_pools(void)
{
    int foreign = 0;
    init_pool(&small, (hf_pool_config_t){.name = "small",
                                         .blocks = small_storage.blocks,
                                         .meta = small_storage.meta,
                                         .block_bytes = 40,
                                         .count = SMALL_COUNT});
    init_pool(&large, (hf_pool_config_t){.name = "large",
                                         .blocks = large_storage.blocks,
                                         .meta = large_storage.meta,
                                         .block_bytes = 200,
                                         .count = LARGE_COUNT});
    void *first = must_take(&small, 0);
    (void)must_take(&small, 1);
    (void)must_take(&small, 1);
    CHECK_EQ(hf_pool_give(&small, first), HF_OK);
    CHECK_EQ(hf_pool_give(&small, first), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_give(&small, &foreign), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&small, (uint8_t *)first + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_pool_give(&small, (uint8_t *)first + 2), HF_E_INTERIOR);
    for (uint32_t i = 0; i < LARGE_COUNT; i++) {
        (void)must_take(&large, 1);
    }
    CHECK(hf_pool_take(&large, 1) == NULL);
}

static void use_rates(void)
{
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(hf_rate_init(&rates[i].takes, 10u * HF_US_PER_S, 0, 0), HF_OK);
        CHECK_EQ(hf_rate_init(&rates[i].gives, 10u * HF_US_PER_S, 0, 0), HF_OK);
        hf_rate_update(&rates[i].takes, 2u * HF_US_PER_S, 3u + i);
        hf_rate_update(&rates[i].gives, 2u * HF_US_PER_S, 1u + i);
        holds[i] = (hf_hold_t){0};
        hf_hold_add(&holds[i], 5u + i);
        hf_hold_add(&holds[i], 10u + i);
        CHECK_EQ(hf_leak_init(&leaks[i], HF_US_PER_S, 0), HF_OK);
        for (uint32_t s = 0; s < 10; s++) {
            (void)hf_leak_sample(&leaks[i], s * HF_US_PER_S, 100u + s * i * 8u);
        }
    }
}

#if CONFIG_HF_MEM
static void use_mem(void)
{
    hf_mem_config_t config = hf_mem_modesp(&mem_storage);
    config.tags = mem_tags;
    config.tag_count = 2;
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
    void *block = hf_mem_take(&mem, 100);
    CHECK(block != NULL && hf_mem_take_tagged(&mem, 500, 1) != NULL);
    CHECK(hf_mem_take(&mem, 20) != NULL);
    CHECK(hf_mem_take(&mem, 5000) == NULL);
    CHECK(hf_mem_take(&mem, 0) == NULL);
    CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&mem, block), HF_E_DOUBLE_GIVE);
}
#endif

#if CONFIG_HF_REGION
static void use_region(void)
{
    const hf_region_config_t config = {.name = "psram",
                                       .memory = region_storage.memory,
                                       .bytes = sizeof region_storage.memory,
                                       .meta = region_storage.meta};
    CHECK_EQ(hf_region_init(&region, &config), HF_OK);
    void *a = hf_region_take(&region, 1000), *b = hf_region_take(&region, 200);
    CHECK(a != NULL && b != NULL && hf_region_take(&region, 3900) == NULL);
    CHECK_EQ(hf_region_give(&region, a), HF_OK);
    CHECK_EQ(hf_region_give(&region, a), HF_E_DOUBLE_GIVE);
}
#endif

static hf_dump_source_t start(void)
{
    hf_dump_source_t source = {.now_us = 12345678,
                               .pools = pools,
                               .pool_count = 2,
                               .rates = rates,
                               .holds = holds,
                               .request_bytes = 100,
                               .tag_names = names,
                               .tag_count = 2,
                               .leaks = leaks};
    use_pools();
    use_rates();
#if CONFIG_HF_POOL_CENSUS
    const hf_census_config_t config = {.pools = pools,
                                       .pool_count = 2,
                                       .rows = rows,
                                       .row_count = 3,
                                       .age_limit_ms = {10, 20, 30, 40}};
    CHECK_EQ(hf_census_init(&census, &config), HF_OK);
    while (!hf_census_step(&census, 5)) {
    }
    source.census = &census;
#endif
#if CONFIG_HF_MEM
    use_mem();
    source.mem = &mem;
#endif
#if CONFIG_HF_REGION
    use_region();
    source.regions = regions;
    source.region_count = 1;
#endif
    return source;
}

static char text[16384];

static const char *dump_text(const hf_dump_source_t *source)
{
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    CHECK_EQ(hf_dump_text(source, &out), HF_OK);
    return text;
}

static void has_line(const char *line)
{
    if (strstr(text, line) == NULL) {
        HF_TEST_FAIL("no line '%s' in\n%s", line, text);
    }
}

static void dump_text_says_what_the_statistics_say(void)
{
    hf_dump_source_t source = start();
    (void)dump_text(&source);
    CHECK(strncmp(text, "memory after 12.345 s\n", 22) == 0);
    has_line("pool small: 2 of 12 blocks of 40 B in use, exhausted 0, wrong gives 4 (foreign 1, "
             "interior 2, double 1)");
    has_line("pool large: 5 of 5 blocks of 200 B in use, exhausted 1, wrong gives 0");
    has_line(", takes 1.500/s, gives 0.500/s, held 7 ms on average, 10 ms at most\n");
    has_line("fragmentation for 100 B: 67.6 %\n"); // all of what is free; 324 of 1000 before
    has_line("verdict on net \"1\": leaking, confidence 99.9 %, slope 8.000 B/s, floor 164 B, 9 "
             "cycles\n");
    has_line("verdict on nobody: stable, confidence 0.0 %, slope 0.000 B/s, floor 100 B, 9 "
             "cycles\n");
#if CONFIG_HF_POOL_STATISTICS
    has_line(", peak 3, takes 3, gives 1");
#endif
#if CONFIG_HF_POOL_CENSUS
    has_line("held by net \"1\": 7 blocks, 1080 B, the oldest for 0 ms, by age 7 0 0 0 0\n");
    CHECK(strstr(text, "held by nobody") == NULL);
#endif
#if CONFIG_HF_MEM
    has_line("  tier xlarge: 1 of 8 blocks of 512 B in use, peak 1");
    has_line("  owner net: 512 B in 1 blocks, peak 512 B, refused 0");
#endif
#if CONFIG_HF_REGION
    has_line("region psram: ");
    has_line(", failed 1, wrong gives 1 (foreign 0, interior 0, double 1), corrupt 0\n");
#endif
}

static void dump_of_nothing_is_a_dump(void)
{
    const hf_dump_source_t source = {0};
    CHECK_STR(dump_text(&source), "memory after 0.000 s\n");
}

static void dump_that_does_not_fit_says_so_at_every_size(void)
{
    static char whole[16384];
    hf_dump_source_t source = start();
    memcpy(whole, dump_text(&source), sizeof whole);
    size_t length = strlen(whole);
    for (size_t room = 1; room <= length + 1u; room++) {
        char *exact = malloc(room);
        hf_builder_t out;
        REQUIRE(exact != NULL);
        hf_builder_init(&out, exact, room);
        int status = hf_dump_text(&source, &out);
        CHECK_EQ(status, room <= length ? HF_E_TOO_LONG : HF_OK);
        CHECK_EQ(out.overflow, room <= length);
        CHECK(strncmp(whole, exact, strlen(exact)) == 0);
        free(exact);
    }
}

#if CONFIG_HF_JSON
static unsigned members; // checked, of the object at hand

static void has(hf_json_t object, const char *name, int64_t expected)
{
    int64_t value = 0;
    members++;
    if (hf_json_i64(hf_json_member(object, name), &value) != HF_OK || value != expected) {
        HF_TEST_FAIL("\"%s\" is %lld, expected %lld", name, (long long)value, (long long)expected);
    }
}

static void has_text(hf_json_t object, const char *name, const char *expected)
{
    members++;
    if (!hf_json_is_string(hf_json_member(object, name), expected)) {
        HF_TEST_FAIL("\"%s\" is not \"%s\"", name, expected);
    }
}

static hf_json_t member(hf_json_t object, const char *name)
{
    members++;
    return hf_json_member(object, name);
}

#define HAS(object, stats, name) has(object, #name, (int64_t)(stats).name)

static void check_pool(hf_json_t json, unsigned i)
{
    hf_pool_stats_t stats = hf_pool_stats(pools[i]);
    members = 0;
    has_text(json, "name", hf_pool_name(pools[i]));
    HAS(json, stats, capacity);
    HAS(json, stats, block_bytes);
    HAS(json, stats, in_use);
    HAS(json, stats, exhausted);
    HAS(json, stats, foreign);
    HAS(json, stats, interior);
    HAS(json, stats, double_gives);
#if CONFIG_HF_POOL_STATISTICS
    HAS(json, stats, peak);
    HAS(json, stats, min_free);
    HAS(json, stats, takes);
    HAS(json, stats, gives);
#endif
#if CONFIG_HF_POOL_CENSUS
    HAS(json, stats, stale);
#endif
#if CONFIG_HF_POOL_FILL
    HAS(json, stats, spoilt);
#endif
#if CONFIG_HF_POOL_CANARY
    HAS(json, stats, overruns);
#endif
#if CONFIG_HF_POOL_TIMING
    has(json, "take_max_cycles", stats.take.max_cycles);
    has(json, "take_mean_cycles", stats.take.mean_cycles);
    has(json, "give_max_cycles", stats.give.max_cycles);
    has(json, "give_mean_cycles", stats.give.mean_cycles);
#endif
    has(json, "takes_per_ks", 1500 + 500 * i);
    has(json, "gives_per_ks", 500 + 500 * i);
    has(json, "hold_mean_ms", 7 + i);
    has(json, "hold_max_ms", 10 + i);
    CHECK_EQ(hf_json_count(json), members);
}

static void check_leak(hf_json_t json, unsigned tag)
{
    members = 0;
    has(json, "tag", tag);
    has_text(json, "name", names[tag]);
    has_text(json, "state", tag == 0 ? "stable" : "leaking");
    has(json, "confidence_permille", tag == 0 ? 0 : 999);
    has(json, "slope_bytes_per_ks", tag * 8000);
    has(json, "floor_bytes", 100 + tag * 64);
    has(json, "cycles", 9);
    CHECK_EQ(hf_json_count(json), members);
}

#if CONFIG_HF_POOL_CENSUS
static void check_census(hf_json_t json)
{
    members = 0;
    has(json, "rounds", 1);
    has(json, "mean_age_ms", 0);
    hf_json_t owners = member(json, "owners");
    CHECK_EQ(hf_json_count(json), members);
    CHECK_EQ(hf_json_count(owners), 1);
    hf_json_t row = hf_json_element(owners, 0);
    members = 0;
    has(row, "tag", 1);
    has_text(row, "name", "net \"1\"");
    has(row, "blocks", 7);
    has(row, "bytes", 2 * 40 + 5 * 200);
    has(row, "oldest_ms", 0);
    hf_json_t ages = member(row, "by_age");
    CHECK_EQ(hf_json_count(row), members);
    CHECK_EQ(hf_json_count(ages), HF_CENSUS_AGES);
    int64_t youngest = 0;
    CHECK_EQ(hf_json_i64(hf_json_element(ages, 0), &youngest), HF_OK);
    CHECK_EQ(youngest, 7);
}
#endif

#if CONFIG_HF_MEM
static void check_tier(hf_json_t json, uint32_t i)
{
    hf_mem_tier_stats_t stats;
    REQUIRE(hf_mem_tier_stats(&mem, i, &stats) == HF_OK);
    members = 0;
    has_text(json, "name", stats.name);
    HAS(json, stats, block_bytes);
    HAS(json, stats, capacity);
    HAS(json, stats, reserve);
    HAS(json, stats, in_use);
    HAS(json, stats, peak);
    HAS(json, stats, min_free);
    HAS(json, stats, takes);
    HAS(json, stats, gives);
    HAS(json, stats, reserve_in_use);
    HAS(json, stats, emergencies);
    HAS(json, stats, spilled_up);
    HAS(json, stats, spilled_region);
    HAS(json, stats, waited);
    HAS(json, stats, failed);
    HAS(json, stats, wait_timeouts);
    HAS(json, stats, wait_refused);
    CHECK_EQ(hf_json_count(json), members);
}

static void check_tag(hf_json_t json, uint32_t i)
{
    hf_mem_tag_stats_t stats;
    REQUIRE(hf_mem_tag_stats(&mem, (hf_tag_t)i, &stats) == HF_OK);
    bool over = !stats.is_over_soft;
    members = 0;
    has_text(json, "name", stats.name);
    HAS(json, stats, bytes);
    HAS(json, stats, blocks);
    HAS(json, stats, peak_bytes);
    HAS(json, stats, refused);
    HAS(json, stats, soft_raised);
    CHECK_EQ(hf_json_bool(member(json, "is_over_soft"), &over), HF_OK);
    CHECK_EQ(over, stats.is_over_soft);
    CHECK_EQ(hf_json_count(json), members);
}

static void check_mem(hf_json_t json)
{
    hf_mem_stats_t stats = hf_mem_stats(&mem);
    members = 0;
    has_text(json, "name", stats.name);
    HAS(json, stats, capacity_bytes);
    HAS(json, stats, in_use_bytes);
    HAS(json, stats, peak_bytes);
    HAS(json, stats, min_free_bytes);
    HAS(json, stats, use_permille);
    HAS(json, stats, peak_permille);
    HAS(json, stats, blocks);
    HAS(json, stats, requested_bytes);
    HAS(json, stats, region_blocks);
    HAS(json, stats, region_bytes);
    HAS(json, stats, requested_total);
    HAS(json, stats, served_total);
    HAS(json, stats, waste_permille);
    HAS(json, stats, failures);
    HAS(json, stats, zero_size);
    HAS(json, stats, too_large);
    HAS(json, stats, region_failed);
    HAS(json, stats, quota_refused);
    HAS(json, stats, unknown_tags);
    HAS(json, stats, foreign);
    HAS(json, stats, interior);
    HAS(json, stats, double_gives);
    HAS(json, stats, overruns);
    HAS(json, stats, moved);
    HAS(json, stats, resized_in_place);
    HAS(json, stats, low_raised);
    HAS(json, stats, critical_raised);
    HAS(json, stats, alerts_told);
    HAS(json, stats, failures_told);
    HAS(json, stats, nested);
    hf_json_t tiers = member(json, "tiers"), tags = member(json, "tags");
    CHECK_EQ(hf_json_count(json), members);
    CHECK_EQ(hf_json_count(tiers), 5);
    CHECK_EQ(hf_json_count(tags), 2);
    for (uint32_t i = 0; i < 5; i++) {
        check_tier(hf_json_element(tiers, i), i);
    }
    check_tag(hf_json_element(tags, 0), 0);
    check_tag(hf_json_element(tags, 1), 1);
    CHECK(stats.failures == 2 && stats.double_gives == 1 && stats.blocks == 2);
}
#endif

#if CONFIG_HF_REGION
static void check_region(hf_json_t json)
{
    hf_region_stats_t stats = hf_region_stats(&region);
    members = 0;
    has_text(json, "name", "psram");
    HAS(json, stats, capacity_bytes);
    HAS(json, stats, used_bytes);
    HAS(json, stats, peak_used_bytes);
    HAS(json, stats, free_bytes);
    HAS(json, stats, min_free_bytes);
    HAS(json, stats, largest_servable_bytes);
    HAS(json, stats, largest_bytes);
    HAS(json, stats, fragmentation_percent);
    HAS(json, stats, blocks);
    HAS(json, stats, takes);
    HAS(json, stats, gives);
    HAS(json, stats, failed);
    HAS(json, stats, unservable);
    HAS(json, stats, foreign);
    HAS(json, stats, interior);
    HAS(json, stats, double_gives);
    HAS(json, stats, corrupt);
    CHECK_EQ(hf_json_count(json), members);
    CHECK(stats.double_gives == 1 && stats.failed == 1 && stats.blocks == 1);
}
#endif

static void check_all(hf_json_t root)
{
    unsigned top = 6; // with what is in every build
    members = 0;
    has(root, "schema", 1);
    has(root, "time_ms", 12345);
    has(root, "request_bytes", 100);
    has(root, "fragmentation_permille", 676);
    hf_json_t json = member(root, "pools");
    CHECK_EQ(hf_json_count(json), 2);
    check_pool(hf_json_element(json, 0), 0);
    check_pool(hf_json_element(json, 1), 1);
    json = hf_json_member(root, "leaks");
    CHECK_EQ(hf_json_count(json), 2);
    check_leak(hf_json_element(json, 0), 0);
    check_leak(hf_json_element(json, 1), 1);
#if CONFIG_HF_POOL_CENSUS
    top++;
    check_census(hf_json_member(root, "census"));
#endif
#if CONFIG_HF_MEM
    top++;
    check_mem(hf_json_member(root, "mem"));
#endif
#if CONFIG_HF_REGION
    top++;
    check_region(hf_json_element(hf_json_member(root, "regions"), 0));
#endif
    CHECK_EQ(hf_json_count(root), top);
}

static void dump_json_has_every_figure_and_no_other(void)
{
    hf_dump_source_t source = start();
    hf_builder_t out;
    hf_json_t root;
    hf_builder_init(&out, text, sizeof text);
    REQUIRE(hf_dump_json(&source, &out) == HF_OK);
    REQUIRE(hf_json_parse(text, out.length, &root) == HF_OK);
    check_all(root);
}

static void dump_json_that_does_not_fit_is_never_taken_for_whole(void)
{
    static char part[sizeof text];
    hf_dump_source_t source = start();
    hf_builder_t out;
    hf_json_t root;
    hf_builder_init(&out, text, sizeof text);
    REQUIRE(hf_dump_json(&source, &out) == HF_OK);
    size_t length = out.length;
    for (size_t room = 1; room <= length; room += 7) {
        hf_builder_init(&out, part, room);
        CHECK_EQ(hf_dump_json(&source, &out), HF_E_TOO_LONG);
        CHECK(out.overflow && out.length < length);
        CHECK(hf_json_parse(part, out.length, &root) != HF_OK);
    }
    hf_builder_init(&out, part, length + 1u);
    CHECK_EQ(hf_dump_json(&source, &out), HF_OK);
}

static void dump_json_of_nothing_has_the_schema(void)
{
    const hf_dump_source_t source = {0};
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    CHECK_EQ(hf_dump_json(&source, &out), HF_OK);
    CHECK_STR(text, "{\"schema\":1,\"time_ms\":0,\"pools\":[]}");
}

#define JSON_TESTS                                                                                 \
    HF_TEST(dump_json_has_every_figure_and_no_other),                                              \
        HF_TEST(dump_json_that_does_not_fit_is_never_taken_for_whole),                             \
        HF_TEST(dump_json_of_nothing_has_the_schema),
#else
#define JSON_TESTS
#endif

HF_TEST_MAIN(JSON_TESTS HF_TEST(dump_text_says_what_the_statistics_say),
             HF_TEST(dump_of_nothing_is_a_dump),
             HF_TEST(dump_that_does_not_fit_says_so_at_every_size))
