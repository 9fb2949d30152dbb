// SPDX-License-Identifier: MIT
// The drop-oldest ring in one context. Threads and random operations: tests/property/test_ring_*.c.
#include "hf_test.h"
#include "holdfast/hf_ring.h"

#define CAPACITY 4u

static uint32_t storage[HF_RING_BYTES(sizeof(uint32_t), CAPACITY) / 4u];

static void start(hf_ring_t *ring, uint32_t first_number)
{
    memset(storage, 0xA5, sizeof storage);
    CHECK_EQ(hf_ring_init(ring, storage, sizeof(uint32_t), CAPACITY), HF_OK);
    atomic_store(&ring->head, first_number);
    atomic_store(&ring->tail, first_number);
}

static void put(hf_ring_t *ring, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = from + i;
        hf_ring_put(ring, &value);
    }
}

static void expect(hf_ring_t *ring, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = 0;
        CHECK_EQ(hf_ring_get(ring, &value), HF_OK);
        CHECK_EQ(value, from + i);
    }
}

static void ring_empty_gives_nothing(void)
{
    hf_ring_t ring;
    uint32_t value = 77;
    start(&ring, 0);
    CHECK_EQ(hf_ring_get(&ring, &value), HF_E_EMPTY);
    CHECK_EQ(value, 77);
    CHECK_EQ(hf_ring_count(&ring), 0);
    CHECK_EQ(hf_ring_usage_percent(&ring), 0);
    CHECK_EQ(hf_ring_lost(&ring), 0);
}

static void ring_not_full_keeps_order_and_loses_none(void)
{
    hf_ring_t ring;
    start(&ring, 0);
    for (uint32_t round = 0; round < 10; round++) {
        put(&ring, round * 100, CAPACITY);
        CHECK_EQ(hf_ring_count(&ring), CAPACITY);
        CHECK_EQ(hf_ring_usage_percent(&ring), 100);
        expect(&ring, round * 100, CAPACITY);
    }
    CHECK_EQ(hf_ring_lost(&ring), 0);
}

static void ring_full_drops_the_oldest_and_counts_them(void)
{
    hf_ring_t ring;
    uint32_t value;
    start(&ring, 0);
    put(&ring, 0, 7);
    CHECK_EQ(hf_ring_count(&ring), CAPACITY);
    expect(&ring, 3, 4);
    CHECK_EQ(hf_ring_get(&ring, &value), HF_E_EMPTY);
    CHECK_EQ(hf_ring_lost(&ring), 3);
}

static void ring_lapped_many_times_still_has_the_newest(void)
{
    hf_ring_t ring;
    start(&ring, 0);
    put(&ring, 0, 1001);
    expect(&ring, 997, 4);
    CHECK_EQ(hf_ring_lost(&ring), 997);
}

static void ring_numbers_wrap_nothing_is_noticed(void)
{
    hf_ring_t ring;
    uint32_t value;
    start(&ring, UINT32_MAX - 5u); // wraps while it is full, and the slots' sequences with it
    put(&ring, 0, 4);
    expect(&ring, 0, 2);
    put(&ring, 4, 9);
    CHECK_EQ(hf_ring_count(&ring), CAPACITY);
    expect(&ring, 9, 4);
    CHECK_EQ(hf_ring_get(&ring, &value), HF_E_EMPTY);
    CHECK_EQ(hf_ring_lost(&ring), 7);
}

static void ring_sequences_wrap_nothing_is_noticed(void)
{
    hf_ring_t ring;
    start(&ring, (UINT32_MAX >> 1) - 5u); // number * 2 + 2 passes 2^32 here
    for (uint32_t i = 0; i < 16; i++) {
        put(&ring, i, 1);
        expect(&ring, i, 1);
    }
    CHECK_EQ(hf_ring_lost(&ring), 0);
}

static void ring_slot_being_written_is_skipped_as_lost(void)
{
    hf_ring_t ring;
    start(&ring, 0);
    put(&ring, 0, 4);
    atomic_store(&ring.slots[0], 4u * 2u + 1u); // the producer stands in the middle of item 4
    expect(&ring, 1, 3);
    CHECK_EQ(hf_ring_lost(&ring), 1);
}

static void ring_odd_sizes_stay_within_the_item(void)
{
    for (uint32_t bytes = 1; bytes <= 13; bytes++) {
        uint32_t words[HF_RING_BYTES(13, 2) / 4u + 1u];
        uint8_t in[13], out[14];
        hf_ring_t ring;
        words[HF_RING_BYTES(bytes, 2) / 4u] = 0xFEEDC0DEu;
        CHECK_EQ(hf_ring_init(&ring, words, bytes, 2), HF_OK);
        for (uint8_t round = 0; round < 3; round++) {
            for (uint8_t i = 0; i < 13; i++) {
                in[i] = (uint8_t)(round * 16u + i + 1u);
            }
            memset(out, 0xEE, sizeof out);
            hf_ring_put(&ring, in);
            CHECK_EQ(hf_ring_get(&ring, out), HF_OK);
            CHECK(memcmp(in, out, bytes) == 0);
            CHECK_EQ(out[bytes], 0xEE);
        }
        CHECK_EQ(words[HF_RING_BYTES(bytes, 2) / 4u], 0xFEEDC0DEu);
    }
}

static void ring_largest_capacity_works(void)
{
    static uint32_t large[HF_RING_BYTES(4, 32768) / 4u];
    hf_ring_t ring;
    CHECK_EQ(hf_ring_init(&ring, large, 4, 32768), HF_OK);
    put(&ring, 0, 32769);
    CHECK_EQ(hf_ring_count(&ring), 32768);
    expect(&ring, 1, 32768);
}

static void ring_wrong_storage_is_refused(void)
{
    hf_ring_t ring;
    CHECK_EQ(hf_ring_init(NULL, storage, 4, CAPACITY), HF_E_ARGUMENT);
    CHECK_EQ(hf_ring_init(&ring, NULL, 4, CAPACITY), HF_E_ARGUMENT);
    CHECK_EQ(hf_ring_init(&ring, (uint8_t *)storage + 2, 4, CAPACITY), HF_E_ARGUMENT);
    CHECK_EQ(hf_ring_init(&ring, storage, 0, CAPACITY), HF_E_ARGUMENT);
    const uint32_t wrong[] = {0, 1, 3, 6, 65536};
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_ring_init(&ring, storage, 4, wrong[i]), HF_E_ARGUMENT);
    }
}

HF_TEST_MAIN(HF_TEST(ring_empty_gives_nothing), HF_TEST(ring_not_full_keeps_order_and_loses_none),
             HF_TEST(ring_full_drops_the_oldest_and_counts_them),
             HF_TEST(ring_lapped_many_times_still_has_the_newest),
             HF_TEST(ring_numbers_wrap_nothing_is_noticed),
             HF_TEST(ring_sequences_wrap_nothing_is_noticed),
             HF_TEST(ring_slot_being_written_is_skipped_as_lost),
             HF_TEST(ring_odd_sizes_stay_within_the_item), HF_TEST(ring_largest_capacity_works),
             HF_TEST(ring_wrong_storage_is_refused))
