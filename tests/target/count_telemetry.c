// SPDX-License-Identifier: MIT
// Instructions of every probe, as a device has them: nine wires, eight pools, four tasks with 2 KB of stack, two
// locks, a stream
// that takes a line by copying it, a memory source of straight code. Steady: nothing is out of order. Worst: over all
// that the
// image brings about (a full queue, ends of windows, a walk that finds everything untouched, trips with their dumps).
#include "count.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_dossier.h"
#include "holdfast/hf_telemetry_sources.h"

#define POOLS       8u
#define TASKS       4u
#define LOCKS       2u
#define STACK_BYTES 2048u

static hf_telemetry_t telemetry;
static hf_tripwire_t tripwire;
static hf_tasks_t tasks;
static hf_mutex_t mutexes[LOCKS];
static hf_pool_t pools[POOLS];
static HF_POOL_STORAGE_BYTES(32, 8) storage[POOLS];
static uint8_t stacks[TASKS][STACK_BYTES];
static hf_history_sample_t history[HF_HISTORY_SAMPLES];
static hf_memory_t memory = {200000, 190000,  180000,  100000, 90000,
                             80000,  8000000, 7000000, 6000000};
static char stream[HF_LINE_BYTES];
static uint64_t now_us = 1000000;

uint64_t hf_port_now_us(void)
{
    return now_us;
}

static int read_memory(void *ctx, hf_memory_t *out)
{
    (void)ctx;
    *out = memory;
    return HF_OK;
}

static bool take_line(void *ctx, const char *line, size_t length)
{
    (void)ctx;
    memcpy(stream, line, length);
    return true;
}

static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    hf_telemetry_tell_trip(ctx, event);
}

static const hf_pool_t *const pool_table[POOLS] = {&pools[0], &pools[1], &pools[2], &pools[3],
                                                   &pools[4], &pools[5], &pools[6], &pools[7]};
static const hf_telemetry_pools_t pool_source = {.pool = pool_table};
static const hf_mutex_t *const lock_table[LOCKS] = {&mutexes[0], &mutexes[1]};
static const hf_telemetry_locks_t lock_source = {.mutex = lock_table, .tasks = &tasks};

static void open(void)
{
    static const hf_task_info_t rows[TASKS] = {
        {"main", stacks[0], STACK_BYTES, 1, -1},
        {"comms", stacks[1], STACK_BYTES, 2, -1},
        {"control", stacks[2], STACK_BYTES, 3, -1},
        {"can", stacks[3], STACK_BYTES, 4, -1},
    };
    for (unsigned i = 0; i < TASKS; i++) {
        hf_task_paint(stacks[i], STACK_BYTES);
        memset(stacks[i] + STACK_BYTES - 256u, 1, 256);
    }
    for (unsigned i = 0; i < POOLS; i++) {
        const hf_pool_config_t config = {.name = "counted",
                                         .blocks = storage[i].blocks,
                                         .meta = storage[i].meta,
                                         .block_bytes = 32,
                                         .count = 8};
        HF_ASSERT(hf_pool_init(&pools[i], &config) == HF_OK);
    }
    for (unsigned i = 0; i < LOCKS; i++) {
        HF_ASSERT(hf_mutex_init(&mutexes[i], "lock", 0) == HF_OK);
    }
    HF_ASSERT(hf_tasks_init(&tasks, rows, TASKS) == HF_OK);
    HF_ASSERT(hf_tripwire_init(&tripwire, hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS, on_trip,
                               &telemetry) == HF_OK);
    const hf_telemetry_config_t config = {
        .memory = {.read = read_memory},
        .write = take_line,
        .read_pool = hf_telemetry_read_pools,
        .pools = &pool_source,
        .pool_count = POOLS,
        .read_lock = hf_telemetry_read_locks,
        .locks = &lock_source,
        .lock_count = LOCKS,
        .tasks = &tasks,
        .tripwire = &tripwire,
        .history = history,
        .history_count = HF_HISTORY_SAMPLES,
        .heartbeat_ms = 60000,
    };
    HF_ASSERT(hf_telemetry_init(&telemetry, &config, now_us) == HF_OK);
}

// What takes a time of 64 bits is called by one that knows it: four instructions more than the probe.
static uintptr_t mark(uintptr_t tag, uintptr_t b, uintptr_t c)
{
    (void)b;
    (void)c;
    hf_telemetry_mark(&telemetry, (const char *)tag, now_us);
    return 0;
}

static uintptr_t poll(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    hf_telemetry_poll(&telemetry, now_us);
    return 0;
}

static uintptr_t note(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    hf_windows_note(&telemetry.windows, &memory, now_us);
    return 0;
}

static uint32_t counted(count_figure_t *figure, uintptr_t (*call)(uintptr_t, uintptr_t, uintptr_t),
                        uintptr_t a, uintptr_t b, uintptr_t c)
{
    figure->value = count_into(figure, qemu_count_call(call, a, b, c));
    return figure->value;
}

static uint32_t poll_after(count_figure_t *figure, uint32_t ms)
{
    now_us += ms * HF_US_PER_MS;
    return counted(figure, poll, 0, 0, 0);
}

static void tell(const char *name, const count_figure_t *figure)
{
    count_print(name, figure->value, figure->worst);
}

static void count_marks(void)
{
    count_figure_t put = {0}, told = {0}, refused = {0};
    for (unsigned i = 0; i < 40; i++) {
        (void)counted(&put, mark, (uintptr_t) "tx_start", 0, 0);
        (void)counted(&told, poll, 0, 0, 0);
    }
    for (unsigned i = 0; i < HF_TELEMETRY_MARKS; i++) {
        (void)counted(&put, mark, (uintptr_t) "tx_start", 0, 0);
    }
    (void)counted(&refused, mark, (uintptr_t) "tx_start", 0, 0);
    put.worst = refused.worst > put.worst ? refused.worst : put.worst;
    HF_ASSERT(hf_telemetry_lost_marks(&telemetry) == 1u);
    hf_telemetry_poll(&telemetry, now_us);
    tell("telemetry.mark", &put);
    tell("telemetry.mark_told", &told);
}

/// A minute in rounds of 10 ms, sorted by what the round had to do.
static void count_polls(void)
{
    count_figure_t idle = {0}, sample = {0}, pools_told = {0}, heartbeat = {0};
    uint64_t sum = 0;
    for (unsigned i = 1; i <= 6000; i++) {
        const uint32_t lines = telemetry.lines;
        const uint64_t sampled_us = telemetry.sample_us;
        count_figure_t round = {0};
        sum += poll_after(&round, 10);
        const uint32_t told = telemetry.lines - lines;
        count_figure_t *kind = told > POOLS + 1u                   ? &heartbeat
                               : told != 0                         ? &pools_told
                               : telemetry.sample_us != sampled_us ? &sample
                                                                   : &idle;
        kind->value = count_into(kind, round.value);
    }
    HF_ASSERT(heartbeat.worst != 0 && pools_told.worst != 0 && sample.worst != 0 &&
              idle.worst != 0);
    tell("telemetry.poll_idle", &idle);
    tell("telemetry.poll_sample", &sample);
    tell("telemetry.poll_pools", &pools_told);
    tell("telemetry.poll_heartbeat", &heartbeat);
    count_print("telemetry.per_second", (uint32_t)(sum / 60u), (uint32_t)(sum / 60u));
}

static void count_probes(void)
{
    count_figure_t check = {0}, look = {0}, window = {0}, line = {0}, take = {0}, give = {0};
    const hf_wire_reading_t reading = {HF_WIRE_FRAGMENTATION, 0, 20, "hb", NULL};
    const hf_wire_reading_t bad = {HF_WIRE_REFUSED, 3, 7, "hb", "pool"};
    tripwire.on_trip = NULL;
    (void)counted(&check, COUNT_CALL(hf_tripwire_check), (uintptr_t)&tripwire, (uintptr_t)&bad, 0);
    (void)counted(&check, COUNT_CALL(hf_tripwire_check), (uintptr_t)&tripwire, (uintptr_t)&reading,
                  0);
    tripwire.on_trip = on_trip;
    for (unsigned i = 0; i < 6; i++) {
        (void)counted(&look, COUNT_CALL(hf_task_look), (uintptr_t)&tasks, 1,
                      HF_TELEMETRY_LOOK_BYTES);
    }
    for (unsigned i = 0; i < 60; i++) {
        now_us += 200 * HF_US_PER_MS;
        (void)counted(&window, note, 0, 0, 0);
    }
    (void)counted(&window, note, 0, 0, 0);
    hf_builder_t out;
    char text[HF_LINE_BYTES];
    hf_builder_init(&out, text, sizeof text);
    (void)counted(&line, COUNT_CALL(hf_line_memory), (uintptr_t)&out, (uintptr_t) "http_root",
                  (uintptr_t)&memory);
    for (unsigned i = 0; i < 4; i++) {
        (void)counted(&take, COUNT_CALL(hf_mutex_take), (uintptr_t)&mutexes[0], 1, 0);
        (void)counted(&give, COUNT_CALL(hf_mutex_give), (uintptr_t)&mutexes[0], 1, 0);
    }
    tell("tripwire.check", &check);
    tell("task.look_1k", &look);
    tell("window.note", &window);
    tell("line.memory", &line);
    tell("mutex.take", &take);
    tell("mutex.give", &give);
}

static void count_trip(void)
{
    count_figure_t trip = {0}, dossier = {0};
    static hf_dossier_t page = {.pools = HF_DOSSIER_POOLS};
    static uint8_t bytes[HF_DOSSIER_BYTES];
    memory.internal_min = 9000;
    (void)poll_after(&trip, 200);
    HF_ASSERT(tripwire.trips != 0);
    (void)counted(&dossier, COUNT_CALL(hf_dossier_encode), (uintptr_t)&page, (uintptr_t)bytes, 0);
    tell("telemetry.trip", &trip);
    tell("dossier.encode", &dossier);
}

int main(void)
{
    open();
    count_marks();
    count_polls();
    count_probes();
    count_trip();
    return 0;
}
