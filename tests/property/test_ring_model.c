// SPDX-License-Identifier: MIT
// Ring and queue against plain models, under random operations; a failure prints module.case:seed:step, which replays it.
// Every seed begins elsewhere, half of them just before a counter or a sequence wraps.
#include "hf_test.h"
#include "holdfast/hf_queue.h"
#include "holdfast/hf_ring.h"

#define SEEDS        400u
#define STEPS        3000u
#define CAPACITY_MAX 64u

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t first_number(uint32_t *random)
{
    const uint32_t edges[] = {0, UINT32_MAX - 50u, (UINT32_MAX >> 1) - 50u};
    uint32_t draw = next_random(random);
    return draw % 4u < 3u ? edges[draw % 4u] : next_random(random);
}

// Puts come in bursts, so that the ring is lapped as well as drained.
static bool is_put(uint32_t *random, uint32_t step)
{
    return next_random(random) % 8u < (step / 200u % 2u == 0 ? 6u : 2u);
}

#define FAIL_AT(name, seed, step, what)                                                            \
    HF_TEST_FAIL("ring_model.%s:%u:%u: %s", name, (unsigned)(seed), (unsigned)(step), what)

static bool ring_agrees(uint32_t seed)
{
    static uint32_t storage[HF_RING_BYTES(12, CAPACITY_MAX) / 4u];
    uint32_t random = seed * 2654435761u + 1u;
    uint32_t capacity = 2u << (next_random(&random) % 6u);
    uint32_t put = 0, read = 0, lost = 0; // the model: items read..put-1 wait
    hf_ring_t ring;
    if (hf_ring_init(&ring, storage, 12, capacity) != HF_OK) {
        FAIL_AT("ring", seed, 0, "init");
        return false;
    }
    uint32_t first = first_number(&random);
    atomic_store(&ring.head, first);
    atomic_store(&ring.tail, first);
    for (uint32_t step = 0; step < STEPS; step++) {
        if (is_put(&random, step)) {
            const uint32_t item[3] = {put, ~put, put * 31u};
            hf_ring_put(&ring, item);
            put++;
            if (put - read > capacity) {
                read++;
                lost++;
            }
        } else {
            uint32_t item[3] = {0};
            int status = hf_ring_get(&ring, item);
            if (status != (put == read ? HF_E_EMPTY : HF_OK)) {
                FAIL_AT("ring", seed, step, "status");
                return false;
            }
            if (status == HF_OK && (item[0] != read || item[1] != ~read || item[2] != read * 31u)) {
                FAIL_AT("ring", seed, step, "item");
                return false;
            }
            read += status == HF_OK ? 1u : 0u;
            if (hf_ring_lost(&ring) != lost) {
                FAIL_AT("ring", seed, step, "lost");
                return false;
            }
        }
        if (hf_ring_count(&ring) != put - read ||
            hf_ring_usage_percent(&ring) != (put - read) * 100u / capacity) {
            FAIL_AT("ring", seed, step, "count");
            return false;
        }
    }
    return true;
}

static void ring_model_random_operations_agree(void)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        REQUIRE(ring_agrees(seed));
    }
}

static bool queue_agrees(uint32_t seed)
{
    static uint32_t storage[HF_QUEUE_BYTES(8, CAPACITY_MAX) / 4u];
    uint32_t random = seed * 2246822519u + 1u;
    uint32_t capacity = 2u << (next_random(&random) % 6u);
    uint32_t reserve = next_random(&random) % capacity;
    uint32_t put = 0, read = 0, refused = 0, peak = 0;
    hf_queue_t queue;
    if (hf_queue_init(&queue, storage, 8, capacity, reserve) != HF_OK) {
        FAIL_AT("queue", seed, 0, "init");
        return false;
    }
    uint32_t first = first_number(&random);
    atomic_store(&queue.head, first);
    atomic_store(&queue.tail, first);
    for (uint32_t step = 0; step < STEPS; step++) {
        if (is_put(&random, step)) {
            bool urgent = next_random(&random) % 4u == 0;
            const uint32_t item[2] = {put, ~put};
            bool fits = put - read < capacity - (urgent ? 0 : reserve);
            int status = urgent ? hf_queue_put_urgent(&queue, item) : hf_queue_put(&queue, item);
            if (status != (fits ? HF_OK : HF_E_FULL)) {
                FAIL_AT("queue", seed, step, "put");
                return false;
            }
            put += fits ? 1u : 0u;
            refused += fits ? 0 : 1u;
            peak = put - read > peak ? put - read : peak;
        } else {
            uint32_t item[2] = {0};
            int status = hf_queue_get(&queue, item);
            if (status != (put == read ? HF_E_EMPTY : HF_OK) ||
                (status == HF_OK && (item[0] != read || item[1] != ~read))) {
                FAIL_AT("queue", seed, step, "get");
                return false;
            }
            read += status == HF_OK ? 1u : 0u;
        }
        uint32_t usable = capacity - reserve;
        if (hf_queue_count(&queue) != put - read || atomic_load(&queue.refused) != refused ||
            atomic_load(&queue.peak) != peak ||
            hf_queue_free(&queue) != (put - read < usable ? usable - (put - read) : 0)) {
            FAIL_AT("queue", seed, step, "figures");
            return false;
        }
    }
    return true;
}

static void queue_model_random_operations_agree(void)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        REQUIRE(queue_agrees(seed));
    }
}

HF_TEST_MAIN(HF_TEST(ring_model_random_operations_agree),
             HF_TEST(queue_model_random_operations_agree))
