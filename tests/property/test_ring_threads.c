// SPDX-License-Identifier: MIT
// Ring and queue between two threads: no item torn or twice, the newest always stored, lost + read is what was put. A
// bounded number of items, no sleeping; meant for ThreadSanitizer as well.
#include "hf_test.h"
#include "holdfast/hf_queue.h"
#include "holdfast/hf_ring.h"

#include <pthread.h>
#include <sched.h>

#define ITEMS    200000u
#define CAPACITY 8u // small: the producer laps the consumer all the time
#define WORDS    9u

typedef struct item {
    uint32_t word[WORDS];
} item_t;

static item_t make(uint32_t number)
{
    item_t item;
    for (uint32_t i = 0; i < WORDS; i++) {
        item.word[i] = number * 2654435761u + i;
    }
    item.word[0] = number;
    return item;
}

static bool is_whole(const item_t *item)
{
    item_t expected = make(item->word[0]);
    return memcmp(item, &expected, sizeof expected) == 0;
}

typedef struct shared_ring {
    hf_ring_t ring;
    uint32_t storage[HF_RING_BYTES(sizeof(item_t), CAPACITY) / 4u];
    _Atomic uint32_t ended;
} shared_ring_t;

static void *ring_producer(void *ctx)
{
    shared_ring_t *shared = ctx;
    for (uint32_t i = 0; i < ITEMS; i++) {
        item_t item = make(i);
        hf_ring_put(&shared->ring, &item);
        if (i % 64u == 0) {
            (void)sched_yield(); // or a single core would show the consumer the last items only
        }
    }
    atomic_store(&shared->ended, 1);
    return NULL;
}

static void ring_two_threads_lose_nothing_uncounted(void)
{
    static shared_ring_t shared;
    uint32_t read = 0, torn = 0, disordered = 0, newest = 0, over_full = 0;
    pthread_t thread;
    memset(&shared, 0, sizeof shared);
    CHECK_EQ(hf_ring_init(&shared.ring, shared.storage, sizeof(item_t), CAPACITY), HF_OK);
    atomic_store(&shared.ring.head, UINT32_MAX - ITEMS / 2u); // wraps half way
    atomic_store(&shared.ring.tail, UINT32_MAX - ITEMS / 2u);
    REQUIRE(pthread_create(&thread, NULL, ring_producer, &shared) == 0);
    for (;;) {
        bool ended = atomic_load(&shared.ended) != 0; // before the look: nothing comes after it
        item_t item;
        int status = hf_ring_get(&shared.ring, &item);
        over_full += hf_ring_count(&shared.ring) > CAPACITY ? 1u : 0u;
        if (status == HF_OK) {
            torn += is_whole(&item) ? 0 : 1u;
            disordered += read > 0 && item.word[0] <= newest ? 1u : 0u;
            newest = item.word[0];
            read++;
        } else if (ended) {
            break;
        } else {
            (void)sched_yield();
        }
    }
    (void)pthread_join(thread, NULL);
    CHECK_EQ(torn, 0);
    CHECK_EQ(disordered, 0);
    CHECK_EQ(over_full, 0);
    CHECK_EQ(newest, ITEMS - 1u);
    CHECK(read > 0);
    CHECK_EQ(read + hf_ring_lost(&shared.ring), ITEMS);
}

// The hardest place: the consumer reads the very slot the producer is in. A ring of two, and nobody yields.
static void *ring_producer_without_pause(void *ctx)
{
    shared_ring_t *shared = ctx;
    for (uint32_t i = 0; i < ITEMS; i++) {
        item_t item = make(i);
        hf_ring_put(&shared->ring, &item);
    }
    atomic_store(&shared->ended, 1);
    return NULL;
}

static void ring_of_two_is_never_seen_torn(void)
{
    static shared_ring_t shared;
    uint32_t read = 0, torn = 0, newest = 0;
    pthread_t thread;
    memset(&shared, 0, sizeof shared);
    CHECK_EQ(hf_ring_init(&shared.ring, shared.storage, sizeof(item_t), 2), HF_OK);
    REQUIRE(pthread_create(&thread, NULL, ring_producer_without_pause, &shared) == 0);
    for (;;) {
        bool ended = atomic_load(&shared.ended) != 0;
        item_t item;
        if (hf_ring_get(&shared.ring, &item) == HF_OK) {
            torn += is_whole(&item) ? 0 : 1u;
            newest = item.word[0];
            read++;
        } else if (ended) {
            break;
        }
    }
    (void)pthread_join(thread, NULL);
    CHECK_EQ(torn, 0);
    CHECK_EQ(newest, ITEMS - 1u);
    CHECK_EQ(read + hf_ring_lost(&shared.ring), ITEMS);
}

typedef struct shared_queue {
    hf_queue_t queue;
    uint32_t storage[HF_QUEUE_BYTES(sizeof(item_t), CAPACITY) / 4u];
    uint32_t refused;
} shared_queue_t;

static void *queue_producer(void *ctx)
{
    shared_queue_t *shared = ctx;
    for (uint32_t i = 0; i < ITEMS; i++) {
        item_t item = make(i);
        while ((i % 5u == 0 ? hf_queue_put_urgent(&shared->queue, &item)
                            : hf_queue_put(&shared->queue, &item)) != HF_OK) {
            shared->refused++;
            (void)sched_yield();
        }
    }
    return NULL;
}

static void queue_two_threads_lose_nothing(void)
{
    static shared_queue_t shared;
    uint32_t wrong = 0, over_full = 0;
    pthread_t thread;
    memset(&shared, 0, sizeof shared);
    CHECK_EQ(hf_queue_init(&shared.queue, shared.storage, sizeof(item_t), CAPACITY, 2), HF_OK);
    atomic_store(&shared.queue.head, UINT32_MAX - ITEMS / 2u);
    atomic_store(&shared.queue.tail, UINT32_MAX - ITEMS / 2u);
    REQUIRE(pthread_create(&thread, NULL, queue_producer, &shared) == 0);
    for (uint32_t i = 0; i < ITEMS;) {
        item_t item;
        if (hf_queue_get(&shared.queue, &item) == HF_OK) {
            wrong += item.word[0] == i && is_whole(&item) ? 0 : 1u;
            over_full += hf_queue_count(&shared.queue) > CAPACITY ? 1u : 0u;
            i++;
        } else {
            (void)sched_yield();
        }
    }
    (void)pthread_join(thread, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(over_full, 0);
    CHECK_EQ(hf_queue_count(&shared.queue), 0);
    CHECK_EQ(atomic_load(&shared.queue.refused), shared.refused);
}

HF_TEST_MAIN(HF_TEST(ring_two_threads_lose_nothing_uncounted),
             HF_TEST(ring_of_two_is_never_seen_torn), HF_TEST(queue_two_threads_lose_nothing))
