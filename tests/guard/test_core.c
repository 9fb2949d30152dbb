// SPDX-License-Identifier: MIT
// The guard without the family, so that the sanitizers can watch it: threads take, resize and give through the lock while
// others read every figure. Its start is this program's.
#include "holdfast_malloc_private.h"

#include "hf_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>

#define THREADS 4u
#define ROUNDS  10000u
#define SLOTS   64u

static _Atomic(char *) slot[SLOTS];
static _Atomic uint32_t said;

hf_heap_state_t hf_heap_start(void)
{
    return HF_HEAP_SERVES;
}

bool hf_heap_serves(void)
{
    return true;
}

bool hf_heap_variable(const char *name, char *out, size_t capacity)
{
    (void)name;
    (void)out;
    (void)capacity;
    return false;
}

void hf_heap_say(const char *format, ...)
{
    (void)format;
    (void)atomic_fetch_add(&said, 1u);
}

static void read_all(void)
{
    hf_memory_t memory;
    holdfast_malloc_region_t region;
    holdfast_malloc_user_t user;
    holdfast_malloc_failures_t failures;
    CHECK(holdfast_malloc_read(&memory) == HF_OK && memory.internal_min <= memory.internal_free);
    CHECK(holdfast_malloc_region(0, &region) == HF_OK && region.used_bytes <= region.size_bytes);
    CHECK(holdfast_malloc_library(0, &user) == HF_OK && user.gives <= user.takes);
    CHECK(holdfast_malloc_tagged(0, &user) == HF_OK && user.gives <= user.takes);
    CHECK(holdfast_malloc_failures(&failures) == HF_OK);
}

static void step(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    const uint32_t random = *seed >> 8;
    hf_heap_request_t request = {.bytes = 8u + random % 300u,
                                 .align = random % 9u == 0 ? 256u : 1u,
                                 .caller = __builtin_return_address(0)};
    holdfast_malloc_tag(random % 3u == 0 ? "a" : random % 5u == 0 ? "b" : NULL);
    char *block = hf_heap_take(&request);
    if (block != NULL) {
        memset(block, 1, request.bytes);
    }
    block = atomic_exchange(&slot[random % SLOTS], block);
    if (block != NULL) {
        request.bytes = 400;
        request.align = 1;
        char *grown = hf_heap_resize(block, &request);
        hf_heap_give(grown != NULL ? grown : block, NULL);
    }
}

static void *work(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        step(&seed);
        if (i % 64u == 0) {
            read_all();
        }
    }
    return NULL;
}

static void core_threads_leave_the_books_in_order(void)
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&thread[i], NULL, work, (void *)(i + 1)) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        char *block = atomic_exchange(&slot[i], NULL);
        if (block != NULL) {
            hf_heap_give(block, NULL);
        }
    }
    holdfast_malloc_user_t user;
    for (unsigned i = 0; holdfast_malloc_tagged(i, &user) == HF_OK; i++) {
        CHECK_EQ(user.takes, user.gives);
        CHECK_EQ(user.used_bytes[0] + user.used_bytes[1], 0);
        CHECK(user.peak_bytes > 0);
    }
    for (uint32_t i = 0; i < hf_heap.spec.count; i++) {
        CHECK_EQ(hf_region_stats(&hf_heap.part[i].region).used_bytes, 0);
    }
    CHECK_EQ(atomic_load(&said), 0);
}

// What a signal handler meets that interrupted a call of its own thread.
static void core_a_call_within_a_call_is_refused(void)
{
    const hf_heap_request_t request = {.bytes = 10, .align = 1};
    char *block = hf_heap_take(&request);
    REQUIRE(block != NULL && hf_heap_enter());
    errno = 0;
    CHECK(hf_heap_take(&request) == NULL && errno == ENOMEM);
    hf_heap_give(block, NULL); // is not: it stays in use
    CHECK_EQ(hf_heap_usable(block), 0);
    hf_heap_leave();
    CHECK_EQ(atomic_load(&hf_heap.nested), 3);
    CHECK(hf_heap_usable(block) >= 10);
    hf_heap_give(block, NULL);
    CHECK_EQ(hf_heap_usable(block), 0);
}

static int build(void)
{
    hf_heap_error_t error;
    int status = hf_heap_spec_parse(&hf_heap.spec, "internal=64K,psram=64K", &error);
    if (status == HF_OK) {
        status = hf_heap_routes_parse(&hf_heap.routes, &hf_heap.spec,
                                      "tag:a=psram;*=internal>psram", &error);
    }
    return status == HF_OK ? hf_heap_build(&hf_heap) : status;
}

int main(int argc, char **argv)
{
    static const hf_test_case_t cases[] = {HF_TEST(core_a_call_within_a_call_is_refused),
                                           HF_TEST(core_threads_leave_the_books_in_order)};
    if (build() != HF_OK) {
        return 2;
    }
    return hf_test_run(cases, HF_COUNT_OF(cases), argc > 1 ? argv[1] : NULL);
}
