// SPDX-License-Identifier: MIT
// Time of take and give. Contenders take turns within each round, so that what else the machine does meets all of them. A
// sample is the quickest of some bursts, each shorter than a time slice; the median of the rounds counts. The loops are
// written once per kind of contender: nothing stands between the loop and the function but a call through a pointer.
#include "bench_x86.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS_MAX 63u
#define SPINS_MAX  2000u
#define BURSTS     16u
#define RING_SLOTS 256u // fewer than CONTENDER_POOL_BLOCKS: no pool is ever exhausted

// Time of the quickest of BURSTS bursts of `count` blocks.
typedef uint64_t (*sample_t)(const contender_t *contender, uint32_t count);

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const contender_t *contender, const char *what)
{
    (void)fprintf(stderr, "bench: %s: %s\n", contender->name, what);
    exit(1);
}

/// The user of a block touches it: one byte, the same for everyone.
static void touch(void *block)
{
    *(volatile uint8_t *)block = 1;
}

// ---- the median over rounds ----

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const bench_t *bench, const char *figure, sample_t sample)
{
    static double samples[CONTENDER_COUNT_MAX][ROUNDS_MAX];
    for (uint32_t round = 0; round < bench->rounds; round++) {
        for (uint32_t i = 0; i < bench->contender_count; i++) {
            contender_renew(&bench->contenders[i], CONTENDER_POOL_BLOCKS);
            const uint32_t count = bench->pairs / BURSTS + 1u;
            samples[i][round] = (double)sample(&bench->contenders[i], count) / count;
        }
    }
    for (uint32_t i = 0; i < bench->contender_count; i++) {
        qsort(samples[i], bench->rounds, sizeof samples[i][0], compare);
        printf("%s %s %.3f %.3f %.3f\n", figure, bench->contenders[i].name,
               samples[i][bench->rounds / 2u], samples[i][0], samples[i][bench->rounds - 1u]);
    }
}

/// Number of processors this process may run on; `cpus` gets the last two.
static uint32_t processors(uint32_t cpus[2])
{
    cpu_set_t set;
    uint32_t count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 0;
    }
    for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            cpus[0] = count > 0 ? cpus[1] : cpu;
            cpus[1] = cpu;
            count++;
        }
    }
    return count;
}

static void pin(uint32_t cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        (void)fprintf(stderr, "bench: this thread cannot be kept on one processor\n");
    }
}

// ---- pair ----

static uint64_t pair_heap(const contender_t *contender, uint32_t count)
{
    void *(*const take)(size_t) = contender->take_heap;
    void (*const give)(void *) = contender->give_heap;
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        void *block = take(CONTENDER_BLOCK_BYTES);
        touch(block);
        give(block);
    }
    return now_ns() - start;
}

static uint64_t pair_pool(const contender_t *contender, uint32_t count)
{
    void *(*const take)(struct hf_pool *, uint8_t) = contender->pool->take;
    int (*const give)(struct hf_pool *, void *) = contender->pool->give;
    struct hf_pool *const pool = contender->instance;
    int wrong = 0;
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        void *block = take(pool, 0);
        touch(block);
        wrong |= give(pool, block);
    }
    const uint64_t end = now_ns();
    if (wrong != 0) {
        fail(contender, "refused a good give");
    }
    return end - start;
}

static uint64_t pair(const contender_t *contender, uint32_t count)
{
    uint64_t quickest = UINT64_MAX;
    for (uint32_t burst = 0; burst < BURSTS; burst++) {
        const uint64_t took =
            contender->pool != NULL ? pair_pool(contender, count) : pair_heap(contender, count);
        quickest = took < quickest ? took : quickest;
    }
    return quickest;
}

int bench_pair(const bench_t *bench)
{
    uint32_t cpus[2] = {0, 0};
    if (processors(cpus) > 0) {
        pin(cpus[1]);
    }
    measure(bench, "pair", pair);
    return 0;
}

// ---- producer and consumer ----

// An empty slot is NULL. Each slot is written by both sides in turn, so the ring costs everyone the same.
typedef struct ring {
    _Alignas(64) void *_Atomic slots[RING_SLOTS];
    _Alignas(64) atomic_uint arrivals;
    const contender_t *contender;
    uint32_t count;
    uint32_t cpus[2];
    bool is_read;         // the consumer reads what it was sent
    uint64_t quickest_ns; // of the consumer's bursts
} ring_t;

/// Waits a moment; after many of them lets others run, for the other side may have been put off its processor.
static void relax(uint32_t *spins)
{
    if (++*spins % SPINS_MAX == 0) {
        (void)sched_yield();
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void push(ring_t *ring, uint32_t i, void *block)
{
    void *_Atomic *slot = &ring->slots[i % RING_SLOTS];
    for (uint32_t spins = 0; atomic_load_explicit(slot, memory_order_acquire) != NULL;) {
        relax(&spins);
    }
    atomic_store_explicit(slot, block, memory_order_release);
}

static void *pop(ring_t *ring, uint32_t i)
{
    void *_Atomic *slot = &ring->slots[i % RING_SLOTS];
    void *block;
    for (uint32_t spins = 0; (block = atomic_load_explicit(slot, memory_order_acquire)) == NULL;) {
        relax(&spins);
    }
    atomic_store_explicit(slot, NULL, memory_order_release);
    if (ring->is_read) {
        (void)*(volatile uint8_t *)block;
    }
    return block;
}

/// Both sides begin burst number `burst` together.
static void meet(ring_t *ring, uint32_t burst)
{
    (void)atomic_fetch_add(&ring->arrivals, 1u);
    for (uint32_t spins = 0; atomic_load(&ring->arrivals) < 2u * (burst + 1u);) {
        relax(&spins);
    }
}

static void produce(ring_t *ring)
{
    const contender_t *contender = ring->contender;
    void *(*const take)(size_t) = contender->take_heap;
    for (uint32_t i = 0; i < ring->count; i++) {
        void *block = take(CONTENDER_BLOCK_BYTES);
        touch(block);
        push(ring, i, block);
    }
}

static void produce_from_pool(ring_t *ring)
{
    const contender_t *contender = ring->contender;
    void *(*const take)(struct hf_pool *, uint8_t) = contender->pool->take;
    struct hf_pool *const pool = contender->instance;
    for (uint32_t i = 0; i < ring->count; i++) {
        void *block = take(pool, 0);
        if (block == NULL) {
            fail(contender, "refused a block while some were free");
        }
        touch(block);
        push(ring, i, block);
    }
}

static void consume(ring_t *ring)
{
    void (*const give)(void *) = ring->contender->give_heap;
    for (uint32_t i = 0; i < ring->count; i++) {
        give(pop(ring, i));
    }
}

static void consume_into_pool(ring_t *ring)
{
    int (*const give)(struct hf_pool *, void *) = ring->contender->pool->give;
    struct hf_pool *const pool = ring->contender->second;
    int wrong = 0;
    for (uint32_t i = 0; i < ring->count; i++) {
        wrong |= give(pool, pop(ring, i));
    }
    if (wrong != 0) {
        fail(ring->contender, "refused a good give");
    }
}

static void *producer(void *argument)
{
    ring_t *ring = argument;
    pin(ring->cpus[0]);
    for (uint32_t burst = 0; burst < BURSTS; burst++) {
        meet(ring, burst);
        if (ring->contender->pool != NULL) {
            produce_from_pool(ring);
        } else {
            produce(ring);
        }
    }
    return NULL;
}

static void *consumer(void *argument)
{
    ring_t *ring = argument;
    pin(ring->cpus[1]);
    for (uint32_t burst = 0; burst < BURSTS; burst++) {
        meet(ring, burst);
        const uint64_t start = now_ns();
        if (ring->contender->pool != NULL) {
            consume_into_pool(ring);
        } else {
            consume(ring);
        }
        const uint64_t took = now_ns() - start;
        ring->quickest_ns = took < ring->quickest_ns ? took : ring->quickest_ns;
    }
    return NULL;
}

static uint64_t run_threads(const contender_t *contender, uint32_t count, bool is_read)
{
    static ring_t ring;
    ring = (ring_t){
        .contender = contender, .count = count, .is_read = is_read, .quickest_ns = UINT64_MAX};
    pthread_t threads[2];
    (void)processors(ring.cpus);
    if (pthread_create(&threads[0], NULL, producer, &ring) != 0 ||
        pthread_create(&threads[1], NULL, consumer, &ring) != 0) {
        fail(contender, "no thread to be had");
    }
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    return ring.quickest_ns;
}

static uint64_t producer_consumer(const contender_t *contender, uint32_t count)
{
    return run_threads(contender, count, false);
}

static uint64_t producer_consumer_read(const contender_t *contender, uint32_t count)
{
    return run_threads(contender, count, true);
}

int bench_producer_consumer(const bench_t *bench)
{
    uint32_t cpus[2] = {0, 0};
    if (processors(cpus) < 2) {
        (void)fprintf(stderr, "bench: two threads at once need two processors\n");
        return 3;
    }
    measure(bench, "producer_consumer", producer_consumer);
    measure(bench, "producer_consumer_read", producer_consumer_read);
    return 0;
}
