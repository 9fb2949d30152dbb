// SPDX-License-Identifier: MIT
// Marks of several threads while the owner prints: none is torn, none appears twice, each thread's keep their order, and
// what was put is what was printed and what was counted as lost. (The same with TSan in the sanitizer stages.)
#include "hf_test.h"

#include "holdfast/hf_telemetry.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 4u
#define MARKS   20000u

static hf_telemetry_t telemetry;
static const char *const tags[THREADS] = {"zero", "one", "two", "three"};
static _Thread_local uint32_t serial; // what this thread's memory says next
static uint32_t seen[THREADS], newest[THREADS], wrong;

/// Every figure of a reading is made of one number, so that a torn one is seen.
static int read_memory(void *ctx, hf_memory_t *memory)
{
    (void)ctx;
    const uint32_t n = serial;
    *memory = (hf_memory_t){.heap_free = n,
                            .heap_min = n + 1u,
                            .heap_largest = n,
                            .internal_free = n + 2u,
                            .internal_min = n + 3u,
                            .internal_largest = n + 2u,
                            .psram_free = n + 4u,
                            .psram_min = n + 5u,
                            .psram_largest = n + 6u};
    return HF_OK;
}

static bool take_line(void *ctx, const char *line, size_t length)
{
    (void)ctx;
    (void)length;
    char tag[16];
    unsigned v[9];
    if (sscanf(line, "[Mem] %15s hf=%u hm=%u hl=%u hi=%u hin=%u frag=%u pf=%u pm=%u pl=%u (0ms)",
               tag, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8]) != 10) {
        return true;
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        if (strcmp(tag, tags[i]) == 0) {
            const uint32_t n = v[0];
            const bool is_whole = v[1] == n + 1u && v[2] == n && v[3] == n + 2u && v[4] == n + 3u &&
                                  v[5] == 0 && v[6] == n + 4u && v[7] == n + 5u && v[8] == n + 6u;
            wrong += is_whole && n / MARKS == i && n % MARKS + 1u > newest[i] ? 0u : 1u;
            newest[i] = n % MARKS + 1u;
            seen[i]++;
        }
    }
    return true;
}

static void *producer(void *of)
{
    const uint32_t which = *(const uint32_t *)of;
    for (uint32_t i = 0; i < MARKS; i++) {
        serial = which * MARKS + i;
        hf_telemetry_mark(&telemetry, tags[which], i);
        if (i % 8u == 7u) {
            (void)sched_yield(); // or a thread is done before the printer had a turn
        }
    }
    return NULL;
}

static void telemetry_marks_of_several_threads_are_whole_and_accounted_for(void)
{
    const hf_telemetry_config_t config = {
        .memory = {.read = read_memory}, .write = take_line, .heartbeat_ms = 1000};
    REQUIRE(hf_telemetry_init(&telemetry, &config, 0) == HF_OK);
    pthread_t threads[THREADS];
    uint32_t numbers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        REQUIRE(pthread_create(&threads[i], NULL, producer, &numbers[i]) == 0);
    }
    uint32_t total = 0;
    do { // until each mark was printed or lost
        hf_telemetry_poll(&telemetry, 0);
        total = hf_telemetry_lost_marks(&telemetry);
        for (uint32_t i = 0; i < THREADS; i++) {
            total += seen[i];
        }
    } while (total < THREADS * MARKS);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    hf_telemetry_poll(&telemetry, 0);
    uint32_t printed = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        printed += seen[i];
    }
    CHECK(printed >= HF_TELEMETRY_MARKS); // at the least what fits the queue
    CHECK_EQ(wrong, 0);
    CHECK_EQ(printed + hf_telemetry_lost_marks(&telemetry), THREADS * MARKS);
    CHECK_EQ(telemetry.lost_lines, 0);
}

HF_TEST_MAIN(HF_TEST(telemetry_marks_of_several_threads_are_whole_and_accounted_for))
