// SPDX-License-Identifier: MIT
// Several writers and one reader at once, and a writer interrupted at any instruction by one that laps the ring: no entry
// torn or twice, numbers ascend, delivered + lost = written. Small ring. Meant for ThreadSanitizer as well.
#define _XOPEN_SOURCE 700 // sigaction, setitimer

#include "holdfast/hf_config.h"
#if !CONFIG_HF_TRACE
#undef CONFIG_HF_TRACE
#define CONFIG_HF_TRACE 1
#include "../../src/runtime/diag/hf_trace.c"
#endif

#include "hf_test.h"
#include "holdfast/hf_trace.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#define CAPACITY 8u
#define WRITERS  4u
#define ENTRIES  50000u // each

typedef struct shared {
    hf_trace_t trace;
    uint32_t storage[HF_TRACE_BYTES(CAPACITY) / 4u];
    _Atomic uint32_t ended;
} shared_t;

typedef struct writer {
    shared_t *shared;
    uint32_t number;
    pthread_t thread;
} writer_t;

static hf_trace_event_t make(uint32_t writer, uint32_t i)
{
    uint32_t mixed = (writer * ENTRIES + i) * 2654435761u;
    return (hf_trace_event_t){.caller = mixed ^ 0x5A5A5A5Au,
                              .bytes = mixed,
                              .block = i,
                              .pool = (uint16_t)mixed,
                              .kind = (uint8_t)(mixed % HF_TRACE_KINDS),
                              .tag = (uint8_t)writer,
                              .status = (int8_t) - (int8_t)(i % 24u)};
}

static bool is_whole(const hf_trace_entry_t *entry)
{
    hf_trace_event_t event = make(entry->tag, entry->block);
    return entry->caller == (uint32_t)event.caller && entry->bytes == event.bytes &&
           entry->pool == event.pool && entry->kind == event.kind && entry->status == event.status;
}

static void *write_entries(void *ctx)
{
    writer_t *writer = ctx;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        hf_trace_event_t event = make(writer->number, i);
        hf_trace_add(&writer->shared->trace, &event);
        if (i % 32u == 0) {
            (void)sched_yield();
        }
    }
    (void)atomic_fetch_add(&writer->shared->ended, 1u);
    return NULL;
}

typedef struct reading {
    uint32_t delivered, torn, disordered, backwards;
    uint32_t last;
    uint32_t next_of[WRITERS];
} reading_t;

static void look_at(reading_t *reading, const hf_trace_entry_t *entry)
{
    reading->torn += entry->tag < WRITERS && is_whole(entry) ? 0 : 1u;
    reading->disordered += reading->delivered > 0 && entry->sequence <= reading->last ? 1u : 0;
    if (entry->tag < WRITERS) {
        reading->backwards += entry->block < reading->next_of[entry->tag] ? 1u : 0;
        reading->next_of[entry->tag] = entry->block + 1u;
    }
    reading->last = entry->sequence;
    reading->delivered++;
}

static void trace_writers_at_once_tear_nothing_and_lose_nothing_uncounted(void)
{
    static shared_t shared;
    static writer_t writers[WRITERS];
    reading_t reading = {0};
    const hf_trace_config_t config = {.storage = shared.storage, .capacity = CAPACITY};
    REQUIRE(hf_trace_init(&shared.trace, &config) == HF_OK);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){.shared = &shared, .number = i};
        REQUIRE(pthread_create(&writers[i].thread, NULL, write_entries, &writers[i]) == 0);
    }
    for (;;) {
        bool ended = atomic_load(&shared.ended) == WRITERS; // before the look
        hf_trace_entry_t entry;
        int status = hf_trace_get(&shared.trace, &entry);
        if (status == HF_OK) {
            look_at(&reading, &entry);
        } else if (ended && status == HF_E_EMPTY) {
            break;
        } else if (ended) {
            HF_TEST_FAIL("an entry is awaited though no writer is left");
            break;
        } else {
            (void)sched_yield();
        }
    }
    for (uint32_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
    printf("  %u delivered, %u lost\n", reading.delivered, hf_trace_lost(&shared.trace));
    CHECK_EQ(reading.torn, 0);
    CHECK_EQ(reading.disordered, 0);
    CHECK_EQ(reading.backwards, 0);
    CHECK(reading.delivered > 0);
    CHECK_EQ(reading.delivered + hf_trace_lost(&shared.trace), WRITERS * ENTRIES);
}

#define INTERRUPTS 300u
#define BURST      (3u * CAPACITY)

static shared_t interrupted;
static volatile sig_atomic_t interrupts;

/// An interrupt that laps whoever it stopped, three times.
static void on_timer(int number)
{
    (void)number;
    for (uint32_t i = 0; i < BURST; i++) {
        hf_trace_event_t event = make(1, (uint32_t)interrupts * BURST + i);
        hf_trace_add(&interrupted.trace, &event);
    }
    interrupts++;
}

static void trace_writer_interrupted_anywhere_tears_nothing(void)
{
    reading_t reading = {0};
    uint32_t written = 0, awaited = 0;
    hf_trace_entry_t entry;
    const hf_trace_config_t config = {.storage = interrupted.storage, .capacity = CAPACITY};
    const struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    const struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    const struct itimerval never = {0};
    REQUIRE(hf_trace_init(&interrupted.trace, &config) == HF_OK);
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while ((uint32_t)interrupts < INTERRUPTS) {
        hf_trace_event_t event = make(0, written++);
        hf_trace_add(&interrupted.trace, &event);
        if (written % 5u == 0) {
            int status = hf_trace_get(&interrupted.trace, &entry);
            awaited += status == HF_E_AGAIN ? 1u : 0; // of whom? Nobody is writing now
            if (status == HF_OK) {
                look_at(&reading, &entry);
            }
        }
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    while (hf_trace_get(&interrupted.trace, &entry) == HF_OK) {
        look_at(&reading, &entry);
    }
    written += (uint32_t)interrupts * BURST;
    printf("  %u delivered, %u lost, %u interrupts\n", reading.delivered,
           hf_trace_lost(&interrupted.trace), (unsigned)interrupts);
    CHECK_EQ(reading.torn, 0);
    CHECK_EQ(reading.disordered, 0);
    CHECK_EQ(reading.backwards, 0);
    CHECK_EQ(awaited, 0);
    CHECK_EQ(hf_trace_head(&interrupted.trace), written);
    CHECK_EQ(reading.delivered + hf_trace_lost(&interrupted.trace), written);
}

HF_TEST_MAIN(HF_TEST(trace_writers_at_once_tear_nothing_and_lose_nothing_uncounted),
             HF_TEST(trace_writer_interrupted_anywhere_tears_nothing))
