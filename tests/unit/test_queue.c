// SPDX-License-Identifier: MIT
// The lossless queue in one context: what it refuses it counts, and the reserve is for urgent items alone.
#include "hf_test.h"
#include "holdfast/hf_queue.h"

#define CAPACITY 8u

static uint32_t storage[HF_QUEUE_BYTES(sizeof(uint32_t), CAPACITY) / 4u];

static void start(hf_queue_t *queue, uint32_t reserve, uint32_t first_number)
{
    CHECK_EQ(hf_queue_init(queue, storage, sizeof(uint32_t), CAPACITY, reserve), HF_OK);
    atomic_store(&queue->head, first_number);
    atomic_store(&queue->tail, first_number);
}

static void expect(hf_queue_t *queue, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = 0;
        CHECK_EQ(hf_queue_get(queue, &value), HF_OK);
        CHECK_EQ(value, from + i);
    }
}

static void queue_empty_gives_nothing(void)
{
    hf_queue_t queue;
    uint32_t value = 77;
    start(&queue, 0, 0);
    CHECK_EQ(hf_queue_get(&queue, &value), HF_E_EMPTY);
    CHECK_EQ(value, 77);
    CHECK_EQ(hf_queue_count(&queue), 0);
    CHECK_EQ(hf_queue_free(&queue), CAPACITY);
}

static void queue_full_refuses_and_keeps_what_it_has(void)
{
    hf_queue_t queue;
    start(&queue, 0, 0);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        CHECK_EQ(hf_queue_free(&queue), CAPACITY - i);
        CHECK_EQ(hf_queue_put(&queue, &i), HF_OK);
    }
    uint32_t more = 99;
    CHECK_EQ(hf_queue_put(&queue, &more), HF_E_FULL);
    CHECK_EQ(hf_queue_put_urgent(&queue, &more), HF_E_FULL);
    CHECK_EQ(atomic_load(&queue.refused), 2);
    CHECK_EQ(atomic_load(&queue.peak), CAPACITY);
    expect(&queue, 0, CAPACITY);
    CHECK_EQ(hf_queue_get(&queue, &more), HF_E_EMPTY);
}

static void queue_ordinary_flood_leaves_the_reserve(void)
{
    hf_queue_t queue;
    uint32_t accepted = 0;
    start(&queue, 3, 0);
    for (uint32_t i = 0; i < 20; i++) {
        accepted += hf_queue_put(&queue, &accepted) == HF_OK ? 1u : 0u;
    }
    CHECK_EQ(accepted, CAPACITY - 3);
    CHECK_EQ(hf_queue_free(&queue), 0);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t value = accepted + i;
        CHECK_EQ(hf_queue_put_urgent(&queue, &value), HF_OK);
        CHECK_EQ(hf_queue_free(&queue), 0);
    }
    CHECK_EQ(hf_queue_put_urgent(&queue, &accepted), HF_E_FULL);
    expect(&queue, 0, CAPACITY);
}

static void queue_numbers_wrap_nothing_is_noticed(void)
{
    hf_queue_t queue;
    uint32_t next = 0;
    start(&queue, 0, UINT32_MAX - 3u);
    while (hf_queue_put(&queue, &next) == HF_OK) {
        next++;
    }
    CHECK_EQ(next, CAPACITY);
    CHECK_EQ(hf_queue_count(&queue), CAPACITY);
    expect(&queue, 0, CAPACITY);
    CHECK_EQ(hf_queue_count(&queue), 0);
}

static void queue_peak_stays_at_the_highest(void)
{
    hf_queue_t queue;
    start(&queue, 0, 0);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(hf_queue_put(&queue, &i), HF_OK);
    }
    expect(&queue, 0, 5);
    CHECK_EQ(hf_queue_put(&queue, &(uint32_t){0}), HF_OK);
    CHECK_EQ(atomic_load(&queue.peak), 5);
}

static void queue_odd_sizes_stay_within_the_item(void)
{
    uint32_t words[HF_QUEUE_BYTES(7, 2) / 4u + 1u];
    uint8_t out[8];
    hf_queue_t queue;
    words[HF_QUEUE_BYTES(7, 2) / 4u] = 0xFEEDC0DEu;
    CHECK_EQ(hf_queue_init(&queue, words, 7, 2, 0), HF_OK);
    CHECK_EQ(hf_queue_put(&queue, "1234567"), HF_OK);
    CHECK_EQ(hf_queue_put(&queue, "abcdefg"), HF_OK);
    memset(out, 0xEE, sizeof out);
    CHECK_EQ(hf_queue_get(&queue, out), HF_OK);
    CHECK(memcmp(out, "1234567\xEE", 8) == 0);
    CHECK_EQ(hf_queue_get(&queue, out), HF_OK);
    CHECK(memcmp(out, "abcdefg\xEE", 8) == 0);
    CHECK_EQ(words[HF_QUEUE_BYTES(7, 2) / 4u], 0xFEEDC0DEu);
}

static void queue_wrong_arguments_are_refused(void)
{
    hf_queue_t queue;
    CHECK_EQ(hf_queue_init(NULL, storage, 4, CAPACITY, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, NULL, 4, CAPACITY, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, (uint8_t *)storage + 1, 4, 2, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 0, CAPACITY, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 4, 6, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 4, 1, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 4, 65536, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 4, CAPACITY, CAPACITY), HF_E_ARGUMENT);
    CHECK_EQ(hf_queue_init(&queue, storage, 4, CAPACITY, CAPACITY - 1), HF_OK);
}

HF_TEST_MAIN(HF_TEST(queue_empty_gives_nothing), HF_TEST(queue_full_refuses_and_keeps_what_it_has),
             HF_TEST(queue_ordinary_flood_leaves_the_reserve),
             HF_TEST(queue_numbers_wrap_nothing_is_noticed),
             HF_TEST(queue_peak_stays_at_the_highest),
             HF_TEST(queue_odd_sizes_stay_within_the_item),
             HF_TEST(queue_wrong_arguments_are_refused))
