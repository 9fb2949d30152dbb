// SPDX-License-Identifier: MIT
// hf_scratch and hf_take_or_trip.
#include "hf_test.h"

#include "holdfast/hf_scratch.h"
#include "holdfast/hf_status.h"
#include "holdfast/hf_trip.h"

#include <stdalign.h>

static alignas(max_align_t) uint8_t memory_a[64], memory_b[128];
static hf_scratch_stack_t stack;
static hf_scratch_t a, b;

static void start(void)
{
    stack = (hf_scratch_stack_t){0};
    CHECK_EQ(hf_scratch_init(&a, &stack, "a", memory_a, sizeof memory_a), HF_OK);
    CHECK_EQ(hf_scratch_init(&b, &stack, "b", memory_b, sizeof memory_b), HF_OK);
}

static void scratch_bad_arguments_are_refused(void)
{
    CHECK_EQ(hf_scratch_init(NULL, &stack, "a", memory_a, 64), HF_E_ARGUMENT);
    CHECK_EQ(hf_scratch_init(&a, NULL, "a", memory_a, 64), HF_E_ARGUMENT);
    CHECK_EQ(hf_scratch_init(&a, &stack, NULL, memory_a, 64), HF_E_ARGUMENT);
    CHECK_EQ(hf_scratch_init(&a, &stack, "a", NULL, 64), HF_E_ARGUMENT);
    CHECK_EQ(hf_scratch_init(&a, &stack, "a", memory_a, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_scratch_init(&a, &stack, "a", memory_a + 1, 32), HF_E_ARGUMENT);
}

static void scratch_is_reused_and_keeps_its_high_water_mark(void)
{
    start();
    for (size_t bytes = 1; bytes <= 64u; bytes++) {
        CHECK(hf_scratch_open(&a, bytes) == memory_a);
        CHECK(hf_scratch_is_open(&a));
        CHECK_EQ(hf_scratch_close(&a), HF_OK);
        CHECK(!hf_scratch_is_open(&a));
    }
    CHECK_EQ(a.opens, 64);
    CHECK_EQ(a.peak_bytes, 64);
    CHECK(hf_scratch_open(&a, 65) == NULL);
    CHECK(hf_scratch_open(&a, 0) == NULL);
    CHECK_EQ(a.refused, 2);
    CHECK_EQ(a.peak_bytes, 65); // what it would have had to be
    CHECK_EQ(a.opens, 64);
    CHECK_EQ(stack.depth, 0);
}

static void scratch_second_open_is_refused_and_counted(void)
{
    start();
    CHECK(hf_scratch_open(&a, 10) != NULL);
    CHECK(hf_scratch_open(&a, 10) == NULL);
    CHECK_EQ(a.nested, 1);
    CHECK(hf_scratch_open(&b, 10) == memory_b);
    CHECK_EQ(stack.depth, 2);
}

static void scratch_close_out_of_order_is_told(void)
{
    start();
    CHECK_EQ(hf_scratch_close(&a), HF_E_STATE);
    CHECK_EQ(a.not_open, 1);
    CHECK(hf_scratch_open(&a, 10) != NULL);
    CHECK(hf_scratch_open(&b, 10) != NULL);
    CHECK_EQ(hf_scratch_close(&a), HF_E_REFUSED);
    CHECK_EQ(a.out_of_order, 1);
    CHECK(hf_scratch_is_open(&a) && hf_scratch_is_open(&b));
    CHECK_EQ(hf_scratch_close(&b), HF_OK);
    CHECK_EQ(hf_scratch_close(&a), HF_OK);
    CHECK_EQ(stack.depth, 0);
}

typedef struct told {
    uint32_t count;
    const char *pool_name;
    size_t bytes;
    const void *caller;
} told_t;

static void on_trip(void *ctx, const char *pool_name, size_t bytes, const void *caller)
{
    told_t *told = ctx;
    *told = (told_t){told->count + 1u, pool_name, bytes, caller};
}

static void take_or_trip_tells_who_got_nothing(void)
{
    told_t told = {0};
    hf_trip_t trip = {.on_trip = on_trip, .ctx = &told};
    int block = 0;
    CHECK(hf_take_or_trip(&block, &trip, "events", sizeof block) == &block);
    CHECK_EQ(told.count, 0);
    CHECK(hf_take_or_trip(NULL, &trip, "events", sizeof block) == NULL);
    CHECK_EQ(told.count, 1);
    CHECK_EQ(trip.trips, 1);
    CHECK_STR(told.pool_name, "events");
    CHECK_EQ(told.bytes, sizeof block);
    CHECK(told.caller != NULL);
}

HF_TEST_MAIN(HF_TEST(scratch_bad_arguments_are_refused),
             HF_TEST(scratch_is_reused_and_keeps_its_high_water_mark),
             HF_TEST(scratch_second_open_is_refused_and_counted),
             HF_TEST(scratch_close_out_of_order_is_told),
             HF_TEST(take_or_trip_tells_who_got_nothing))
