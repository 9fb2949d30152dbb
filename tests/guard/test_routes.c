// SPDX-License-Identifier: MIT
// Who is served from which region: by size, tag, DMA and library, with the rules of the test's environment:
//   lib:guard_plugin.so=psram; tag:slow*=psram; tag:both=internal>psram
// before the usual ones; what is told of each user; what an exhausted region answers; the take that is told to fail.
#include "guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#define BLOCKS_MAX 4096u

static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void (*volatile do_free)(void *) = free;

static bool grows(const char *region, size_t bytes)
{
    const size_t before = guard_used(region);
    void *block = do_malloc(bytes);
    const size_t now = guard_used(region);
    do_free(block);
    return block != NULL && now >= before + bytes && guard_used(region) == before;
}

static void routes_small_is_internal_and_large_is_psram(void)
{
    CHECK(grows("internal", 100));
    CHECK(grows("internal", 16 * 1024 - 1));
    CHECK(grows("psram", 16 * 1024));
}

static void routes_a_tag_decides_for_its_thread(void)
{
    holdfast_malloc_tag("slow-lane");
    CHECK(grows("psram", 100));
    void *kept = do_malloc(1000);
    holdfast_malloc_tag(NULL);
    CHECK(grows("internal", 100));
    holdfast_malloc_user_t user = guard_user(holdfast_malloc_tagged, "slow-lane");
    CHECK(user.used_bytes[1] >= 1000 && user.used_bytes[1] < 1100 && user.used_bytes[0] == 0);
    do_free(kept);
    user = guard_user(holdfast_malloc_tagged, "slow-lane");
    CHECK_EQ(user.used_bytes[1], 0);
    CHECK_EQ(user.takes, 2);
    CHECK_EQ(user.gives, 2);
    CHECK(user.peak_bytes >= 1000);
}

static void routes_dma_is_served_internal_alone(void)
{
    holdfast_malloc_dma(true);
    CHECK(grows("internal", 20 * 1024)); // large, and all the same
    holdfast_malloc_dma(false);
    CHECK(grows("psram", 20 * 1024));
}

static void routes_many_tags_count_as_none_past_the_last(void)
{
    char name[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "tag%d", i);
        holdfast_malloc_tag(name);
        do_free(do_malloc(10));
    }
    holdfast_malloc_tag(NULL);
    CHECK_EQ(guard_user(holdfast_malloc_tagged, "tag5").takes, 1);
    CHECK_EQ(guard_user(holdfast_malloc_tagged, "tag99").takes, 0);
}

static void routes_a_library_is_known_while_it_comes_and_goes(void)
{
    for (int round = 0; round < 20; round++) {
        void *plugin = dlopen(GUARD_PLUGIN, RTLD_NOW);
        REQUIRE(plugin != NULL);
        void *(*take)(size_t) = NULL;
        void *found = dlsym(plugin, "guard_plugin_take");
        memcpy(&take, &found, sizeof found);
        REQUIRE(take != NULL);
        const size_t internal = guard_used("internal"), psram = guard_used("psram");
        void *block = take(500);
        CHECK(block != NULL);
        CHECK_EQ(guard_used("internal"), internal);
        CHECK(guard_used("psram") >= psram + 500);
        CHECK_EQ(guard_user(holdfast_malloc_library, "guard_plugin.so").takes, round + 1);
        CHECK(dlclose(plugin) == 0);
        do_free(block); // given by somebody else, after its taker is gone
        CHECK_EQ(guard_user(holdfast_malloc_library, "guard_plugin.so").gives, round + 1);
        CHECK_EQ(guard_user(holdfast_malloc_library, "guard_plugin.so").used_bytes[1], 0);
    }
    CHECK(guard_user(holdfast_malloc_library, "(program)").takes > 0);
}

/// Takes until it is refused; returns how many blocks there are.
static uint32_t fill(void **block, size_t bytes)
{
    uint32_t count = 0;
    while (count < BLOCKS_MAX && (block[count] = do_malloc(bytes)) != NULL) {
        memset(block[count], 0x77, bytes);
        count++;
    }
    return count;
}

static void exhaust(const char *tag, const char *region, size_t bytes)
{
    static void *block[BLOCKS_MAX];
    const size_t before = guard_used(region);
    const holdfast_malloc_failures_t earlier = guard_failures();
    holdfast_malloc_tag(tag);
    errno = 0;
    const uint32_t count = fill(block, bytes);
    CHECK(count > 10 && count < BLOCKS_MAX && errno == ENOMEM);
    CHECK(guard_region(region).largest_bytes < bytes);
    CHECK(guard_region(region).refused > 0);
    CHECK_EQ(guard_failures().refused - earlier.refused, 1);
    CHECK_EQ(guard_failures().last_bytes, bytes);
    CHECK_STR(guard_failures().last_tag, tag);
    CHECK_STR(guard_failures().last_library, "(program)");
    errno = 0;
    CHECK(do_realloc(block[0], 2 * bytes) == NULL && errno == ENOMEM);
    CHECK(*(uint8_t *)block[0] == 0x77); // what it has stays
    for (uint32_t i = 0; i < count; i++) {
        do_free(block[i]);
    }
    CHECK_EQ(guard_used(region), before);
    void *again = do_malloc(bytes);
    CHECK(again != NULL);
    do_free(again);
    holdfast_malloc_tag(NULL);
}

static void routes_an_exhausted_region_answers_null(void)
{
    exhaust("fast", "internal", 1000);
    exhaust("slow", "psram", 9000);
}

static void routes_the_next_region_of_a_rule_steps_in(void)
{
    static void *block[BLOCKS_MAX];
    const size_t psram = guard_used("psram");
    holdfast_malloc_tag("both");
    uint32_t count = 0;
    while (count < BLOCKS_MAX && guard_used("psram") == psram) {
        block[count] = do_malloc(2000);
        REQUIRE(block[count] != NULL);
        count++;
    }
    CHECK(guard_region("internal").largest_bytes < 2000);
    while (count > 0) {
        do_free(block[--count]);
    }
    holdfast_malloc_tag(NULL);
    CHECK_EQ(guard_used("psram"), psram);
}

static void routes_reading_tells_both_memories(void)
{
    hf_memory_t memory;
    CHECK_EQ(holdfast_malloc_read(&memory), HF_OK);
    CHECK_EQ(memory.internal_free, guard_region("internal").free_bytes);
    CHECK(memory.internal_min < 3000); // it was exhausted
    CHECK(memory.internal_largest <= memory.internal_free);
    CHECK_EQ(memory.heap_free, memory.internal_free);
    CHECK_EQ(memory.psram_free, guard_region("psram").free_bytes);
    CHECK(memory.psram_min < 20000 && memory.psram_largest > 0);
}

static void routes_layout_tells_stacks_apart(void)
{
    holdfast_malloc_layout_t layout;
    CHECK_EQ(holdfast_malloc_layout(&layout), HF_OK);
    CHECK_EQ(layout.stacks, 1);
    CHECK(layout.stack_bytes >= 4096 && layout.stack_bytes < layout.stack_reserved_bytes);
    CHECK(layout.file_bytes > 100000);
    CHECK(layout.region_bytes > 256 * 1024); // both were filled
}

static void routes_a_take_that_is_told_to_fail_fails(void)
{
    // HOLDFAST_HEAP_FAIL_TAKE=arm:tag:doomed@3
    holdfast_malloc_tag("doomed");
    for (int i = 0; i < 10; i++) {
        void *block = do_malloc(10);
        CHECK(block != NULL); // not armed yet
        do_free(block);
    }
    holdfast_malloc_arm();
    for (int i = 1; i <= 6; i++) {
        errno = 0;
        void *block = do_malloc(10);
        CHECK((block == NULL) == (i == 3));
        CHECK(block != NULL || errno == ENOMEM);
        do_free(block);
    }
    holdfast_malloc_tag(NULL);
    CHECK_EQ(guard_failures().told_to_fail, 1);
}

GUARD_TEST_MAIN(HF_TEST(routes_small_is_internal_and_large_is_psram),
                HF_TEST(routes_a_tag_decides_for_its_thread),
                HF_TEST(routes_dma_is_served_internal_alone),
                HF_TEST(routes_a_library_is_known_while_it_comes_and_goes),
                HF_TEST(routes_an_exhausted_region_answers_null),
                HF_TEST(routes_the_next_region_of_a_rule_steps_in),
                HF_TEST(routes_reading_tells_both_memories),
                HF_TEST(routes_layout_tells_stacks_apart),
                HF_TEST(routes_a_take_that_is_told_to_fail_fails),
                HF_TEST(routes_many_tags_count_as_none_past_the_last))
