// SPDX-License-Identifier: MIT
// The loop of telemetry against a fake clock: what is told, when, in which order, and what is lost. (Marks of threads:
// property.telemetry_threads.)
#include "hf_test.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_telemetry_sources.h"

#define MS 1000ULL

static char said[1u << 16];
static size_t said_length;
static unsigned refuse; // lines the stream does not take
static hf_memory_t memory;
static int memory_status;
static uint64_t now_us;

static bool take_line(void *ctx, const char *line, size_t length)
{
    CHECK(ctx == said);
    CHECK(length > 1u && line[length - 1u] == '\n' && strlen(line) == length);
    if (refuse != 0) {
        refuse--;
        return false;
    }
    if (said_length + length < sizeof said) {
        memcpy(said + said_length, line, length + 1u);
        said_length += length;
    }
    return true;
}

static int read_memory(void *ctx, hf_memory_t *out)
{
    CHECK(ctx == &memory);
    if (memory_status == HF_OK) {
        *out = memory;
    }
    return memory_status;
}

static hf_telemetry_t telemetry;
static hf_tripwire_t tripwire;
static hf_tasks_t tasks;
static hf_history_sample_t history[HF_HISTORY_SAMPLES];
static uint8_t stacks[3][2048];
static uint32_t trips_seen;

static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    trips_seen++;
    hf_telemetry_tell_trip(ctx, event);
}

static hf_line_pool_t pools[3];

static bool read_pool(const void *of, uint32_t index, hf_line_pool_t *pool)
{
    CHECK(of == pools);
    *pool = pools[index];
    return pool->name != NULL;
}

static hf_line_lock_t locks[2];

static bool read_lock(const void *of, uint32_t index, hf_line_lock_t *lock)
{
    CHECK(of == locks);
    *lock = locks[index];
    return lock->name != NULL;
}

static void hush(void)
{
    said_length = 0;
    said[0] = '\0';
}

static const hf_telemetry_config_t whole = {
    .memory = {read_memory, &memory},
    .write = take_line,
    .ctx = said,
    .read_pool = read_pool,
    .pools = pools,
    .pool_count = 3,
    .pools_full_by_design = 1u << 2,
    .read_lock = read_lock,
    .locks = locks,
    .lock_count = 2,
    .tasks = &tasks,
    .tripwire = &tripwire,
    .history = history,
    .history_count = HF_HISTORY_SAMPLES,
    .heartbeat_ms = 60000,
    .look_bytes = 4096,
};

/// Three tasks with margins of 1500, 1100 and 2000 B, three pools, two locks, good memory.
static void begin(const hf_telemetry_config_t *config)
{
    static const hf_task_info_t rows[] = {
        {"main", stacks[0], sizeof stacks[0], 5, -1},
        {"comms", stacks[1], sizeof stacks[1], 3, 0},
        {"can rx", stacks[2], sizeof stacks[2], 7, 1},
    };
    static const uint32_t margins[] = {1500, 1100, 2000};
    memory = (hf_memory_t){200000, 190000, 180000, 100000, 90000, 80000, 8000000, 7000000, 6000000};
    memory_status = HF_OK;
    now_us = 5000 * MS;
    refuse = 0;
    trips_seen = 0;
    pools[0] = (hf_line_pool_t){"messages", 256, 32, 3, 9, 23, 0, 0};
    pools[1] = (hf_line_pool_t){"frames", 4096, 8, 0, 0, 8, 0, 0};
    pools[2] = (hf_line_pool_t){"slot", 64, 1, 1, 1, 0, 0, 0};
    locks[0] = (hf_line_lock_t){"journal", NULL, NULL, 0, 0};
    locks[1] = (hf_line_lock_t){"portal", NULL, NULL, 0, 0};
    for (unsigned i = 0; i < 3; i++) {
        hf_task_paint(stacks[i], sizeof stacks[i]);
        memset(stacks[i] + margins[i], 0x11, sizeof stacks[i] - margins[i]);
    }
    CHECK_EQ(hf_tasks_init(&tasks, rows, 3), HF_OK);
    CHECK_EQ(hf_tripwire_init(&tripwire, hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS, on_trip,
                              &telemetry),
             HF_OK);
    CHECK_EQ(hf_telemetry_init(&telemetry, config, now_us), HF_OK);
    hush();
}

static void run(uint64_t ms)
{
    for (uint64_t i = 0; i < ms / 50u; i++) {
        now_us += 50 * MS;
        hf_telemetry_poll(&telemetry, now_us);
    }
}

static unsigned times(const char *text)
{
    unsigned count = 0;
    for (const char *at = strstr(said, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

#define MEM_REST                                                                                   \
    " hf=200000 hm=190000 hl=180000 hi=100000 hin=90000 frag=10 pf=8000000 pm=7000000 pl=6000000 " \
    "(0ms)\n"
#define DUMP_REST                                                                                  \
    "[Task] name=comms prio=3 core=0 stack_rem=1100B (0ms)\n"                                      \
    "[Task] name=main prio=5 core=-1 stack_rem=1500B (0ms)\n"                                      \
    "[Task] name=can%20rx prio=7 core=1 stack_rem=2000B (0ms)\n"                                   \
    "[Stack] name=comms size=2048B prio=3 (0ms)\n"                                                 \
    "[Stack] name=main size=2048B prio=5 (0ms)\n"                                                  \
    "[Stack] name=can%20rx size=2048B prio=7 (0ms)\n"                                              \
    "[Pool] name=messages size=256 cap=32 use=3 peak=9 min=23 exh=0 bad=0 (0ms)\n"                 \
    "[Pool] name=frames size=4096 cap=8 use=0 peak=0 min=8 exh=0 bad=0 (0ms)\n"                    \
    "[Pool] name=slot size=64 cap=1 use=1 peak=1 min=0 exh=0 bad=0 (0ms)\n"

static void telemetry_prologue_is_told_in_order(void)
{
    begin(&whole);
    hf_telemetry_boot(&telemetry, 1, "Power On", "6.0");
    hf_telemetry_mark(&telemetry, "boot", now_us);
    hf_telemetry_poll(&telemetry, now_us);
    hf_telemetry_ip(&telemetry, "10.0.0.7", "charger");
    hf_telemetry_ready(&telemetry, now_us);
    hf_telemetry_ready(&telemetry, now_us); // once
    CHECK_STR(said, "rst:0x1 (Power On)\n[System Boot] Starting...\n  Firmware: v6.0\n"
                    "[Mem] boot" MEM_REST "[WiFi] Got IP: 10.0.0.7\n[Main] Setup complete\n");
    CHECK_EQ(telemetry.lines, 6);
}

static void telemetry_mark_is_printed_by_the_loop_as_it_was(void)
{
    begin(&whole);
    hf_telemetry_mark(&telemetry, "tx_start", now_us);
    CHECK_STR(said, ""); // a handler never prints
    memory.heap_free = 1;
    hf_telemetry_poll(&telemetry, now_us);
    CHECK_STR(said, "[Mem] tx_start" MEM_REST);
    hf_telemetry_poll(&telemetry, now_us);
    CHECK_EQ(times("tx_start"), 1);
    hf_telemetry_mark(NULL, "nothing", now_us);
}

static void telemetry_marks_keep_their_order_around_the_queue(void)
{
    static const char *const tags[] = {"a", "b", "c", "d", "e", "f", "g"};
    begin(&whole);
    unsigned put = 0, got = 0;
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 1u + round % HF_TELEMETRY_MARKS; i++) {
            hf_telemetry_mark(&telemetry, tags[put++ % HF_COUNT_OF(tags)], now_us);
        }
        hush();
        for (unsigned told = 0; told <= round % HF_TELEMETRY_MARKS; told += HF_TELEMETRY_TOLD_MAX) {
            hf_telemetry_poll(&telemetry, now_us);
        }
        for (const char *at = said; (at = strstr(at, "[Mem] ")) != NULL; at++) {
            CHECK_EQ(at[6], tags[got++ % HF_COUNT_OF(tags)][0]);
        }
        CHECK_EQ(got, put);
    }
    CHECK_EQ(hf_telemetry_lost_marks(&telemetry), 0);
}

static void telemetry_marks_survive_the_wrap_of_their_numbers(void)
{
    begin(&whole);
    const uint32_t near = UINT32_MAX - 20u; // a multiple of the places, less one, and on
    atomic_init(&telemetry.put, near);
    telemetry.got = near;
    for (uint32_t i = 0; i < HF_TELEMETRY_MARKS; i++) {
        const uint32_t number = near + i;
        atomic_init(&telemetry.mark[number % HF_TELEMETRY_MARKS].turn, number);
    }
    for (unsigned i = 0; i < 50; i++) {
        hf_telemetry_mark(&telemetry, "wrap", now_us);
        hf_telemetry_mark(&telemetry, "wrap", now_us);
        hf_telemetry_poll(&telemetry, now_us);
    }
    CHECK_EQ(times("[Mem] wrap"), 100);
    CHECK_EQ(hf_telemetry_lost_marks(&telemetry), 0);
}

static void telemetry_burst_of_marks_is_told_in_portions(void)
{
    begin(&whole);
    for (unsigned i = 0; i < HF_TELEMETRY_MARKS; i++) {
        hf_telemetry_mark(&telemetry, "burst", now_us);
    }
    for (unsigned left = HF_TELEMETRY_MARKS; left > 0;) {
        const unsigned now = left < HF_TELEMETRY_TOLD_MAX ? left : HF_TELEMETRY_TOLD_MAX;
        hush();
        hf_telemetry_poll(&telemetry, now_us);
        CHECK_EQ(times("[Mem] burst"), now);
        left -= now;
    }
    CHECK_EQ(hf_telemetry_lost_marks(&telemetry), 0);
}

static void telemetry_queue_that_is_full_loses_the_newest_counted(void)
{
    begin(&whole);
    for (unsigned i = 0; i < HF_TELEMETRY_MARKS; i++) {
        hf_telemetry_mark(&telemetry, "kept", now_us);
    }
    for (unsigned i = 0; i < 5; i++) {
        hf_telemetry_mark(&telemetry, "lost", now_us);
    }
    CHECK_EQ(hf_telemetry_lost_marks(&telemetry), 5);
    run(10000);
    CHECK_EQ(times("[Mem] kept"), HF_TELEMETRY_MARKS);
    CHECK_EQ(times("lost"), 0);
    CHECK(strstr(said, "[Pool] name=telemetry.marks size=") != NULL);
    char pool[64];
    (void)snprintf(pool, sizeof pool, " cap=%u use=0 peak=%u min=0 exh=5 bad=0 (0ms)\n",
                   (unsigned)HF_TELEMETRY_MARKS, (unsigned)HF_TELEMETRY_MARKS);
    CHECK(strstr(said, pool) != NULL);
    hf_telemetry_mark(&telemetry, "after", now_us);
    hf_telemetry_poll(&telemetry, now_us);
    CHECK_EQ(times("[Mem] after"), 1);
}

static void telemetry_line_that_is_not_taken_is_counted(void)
{
    begin(&whole);
    refuse = 2;
    hf_telemetry_mark(&telemetry, "a", now_us);
    hf_telemetry_mark(&telemetry, "b", now_us);
    hf_telemetry_mark(&telemetry, "c", now_us);
    hf_telemetry_poll(&telemetry, now_us);
    CHECK_STR(said, "[Mem] c" MEM_REST);
    CHECK_EQ(telemetry.lost_lines, 2);
    CHECK_EQ(telemetry.lines, 1);
}

static void telemetry_heartbeat_comes_by_the_clock(void)
{
    begin(&whole);
    hf_telemetry_ip(&telemetry, "10.0.0.7", "charger");
    hush();
    run(59950);
    CHECK_EQ(times("[Heartbeat]"), 0);
    CHECK_EQ(times("[Mem] hb"), 0);
    CHECK_EQ(times("[Pool] name=frames"), 5);
    CHECK_EQ(times("[Task]"), 0);
    hush();
    run(50);
    CHECK_STR(strstr(said, "[Heartbeat]") != NULL ? "yes" : "no", "yes");
    CHECK(strncmp(said,
                  "[Heartbeat] Up: 60s | Heap: 200000 | WiFi: 10.0.0.7 (charger)\n"
                  "[Mem] hb" MEM_REST "[Task] name=main prio=5 core=-1 stack_rem=1500B (0ms)\n"
                  "[Task] name=comms prio=3 core=0 stack_rem=1100B (0ms)\n"
                  "[Task] name=can%20rx prio=7 core=1 stack_rem=2000B (0ms)\n[Pool] ",
                  332) == 0 ||
          (printf("%s\n", said), 0));
    hush();
    hf_telemetry_ip(&telemetry, NULL, NULL);
    run(600000);
    CHECK_EQ(times("[Heartbeat] Up: "), 10); // no drift
    CHECK_EQ(times("WiFi: Disconnected\n"), 10);
    CHECK_EQ(times("Up: 660s"), 1);
}

static void telemetry_size_of_a_stack_is_told_once_and_at_a_trip(void)
{
    hf_telemetry_config_t config = whole;
    config.heartbeat_ms = 5000;
    begin(&config);
    tasks.task[2].info.stack = NULL; // a task that is not there yet
    atomic_init(&tasks.task[2].has_stack, 0);
    refuse = 1;
    run(200);
    CHECK_EQ(refuse, 0); // of the first
    run(400);
    CHECK_STR(said, "[Stack] name=comms size=2048B prio=3 (0ms)\n");
    run(200); // what was lost comes with the next look
    CHECK_EQ(times("[Stack] name=main size=2048B prio=5 (0ms)\n"), 1);
    CHECK_EQ(times("[Task]"), 0);
    hf_task_paint(stacks[2], 1024);
    CHECK_EQ(hf_task_place(&tasks, 2, stacks[2], 1024), HF_OK);
    run(5000);
    CHECK_EQ(times("[Stack] name=can%20rx size=1024B prio=7 (0ms)\n"), 1);
    run(60000);
    CHECK_EQ(times("[Stack]"), 3);
    memory.internal_min = 5000;
    run(200);
    CHECK_EQ(times("[Stack]"), 6); // whoever listens since then knows them, too
    hf_telemetry_config_t partial = config;
    begin(&partial);
    tasks.is_partial = true; // margins of stacks that somebody else made
    run(5000);
    CHECK_EQ(times("[Task]"), 3);
    CHECK_EQ(times("[Stack]"), 0);
}

static void telemetry_heartbeat_of_a_test_comes_every_five_seconds(void)
{
    hf_telemetry_config_t config = whole;
    config.heartbeat_ms = 5000;
    begin(&config);
    run(60000);
    CHECK_EQ(times("[Heartbeat]"), 12);
    CHECK_EQ(times("[Mem] hb"), 12);
}

static void telemetry_that_was_late_does_not_make_up(void)
{
    begin(&whole);
    run(1000);
    hush();
    now_us += 3600 * HF_US_PER_S;
    hf_telemetry_poll(&telemetry, now_us);
    CHECK_EQ(times("[Heartbeat]"), 1);
    CHECK_EQ(times("[Pool] name=frames"), 1);
    hush();
    run(59000);
    CHECK_EQ(times("[Heartbeat]"), 0);
    hf_telemetry_poll(&telemetry, now_us - 1000 * MS); // and back: nothing breaks
    CHECK_EQ(times("[Heartbeat]"), 0);
}

static void telemetry_idle60_is_told_once_a_minute_after_ready(void)
{
    begin(&whole);
    run(120000);
    CHECK_EQ(times("idle60"), 0);
    hf_telemetry_ready(&telemetry, now_us);
    run(59800);
    CHECK_EQ(times("idle60"), 0);
    run(400);
    CHECK_EQ(times("[Mem] idle60"), 1);
    run(200000);
    CHECK_EQ(times("idle60"), 1);
}

static void telemetry_without_a_heap_tells_no_memory_but_the_rest(void)
{
    begin(&whole);
    memory_status = HF_E_UNSUPPORTED;
    hf_telemetry_mark(&telemetry, "boot", now_us);
    memory.internal_min = 0; // not to be looked at
    run(60000);
    CHECK_EQ(times("[Mem]"), 0);
    CHECK_EQ(trips_seen, 0);
    CHECK_EQ(times("[Heartbeat] Up: 60s | Heap: 0 | "), 1);
    CHECK_EQ(times("[Pool] name=frames"), 6);
    CHECK_EQ(times("[Task] name=main"), 1);
    hf_window_span_t span;
    CHECK_EQ(hf_windows_span(&telemetry.windows, HF_WINDOW_INTERNAL_FREE, &span), HF_E_EMPTY);
    CHECK_STR(telemetry.last_tag, "hb"); // a trip is still placed
}

static void telemetry_with_nothing_but_a_stream_beats(void)
{
    const hf_telemetry_config_t bare = {.write = take_line, .ctx = said, .heartbeat_ms = 5000};
    begin(&bare);
    hf_telemetry_mark(&telemetry, "boot", now_us);
    run(10000);
    CHECK_EQ(times("[Heartbeat]"), 2);
    CHECK_EQ(times("[Mem]"), 0);
    CHECK_EQ(times("[Pool] name=telemetry.marks"), 1);
    hf_telemetry_check(&telemetry, HF_WIRE_LATE, 0, 99999, "x"); // no tripwire: nothing
    CHECK_EQ(times("[Trip]"), 0);
}

static void telemetry_trip_at_a_mark_is_told_in_the_order_of_old(void)
{
    begin(&whole);
    run(1000); // margins are known
    memory.internal_min = 10239;
    hf_telemetry_mark(&telemetry, "http_config_post_parsed", now_us);
    memory.internal_min = 90000;
    hush();
    hf_telemetry_poll(&telemetry, now_us);
    const char *expected =
        "[Mem] http_config_post_parsed hf=200000 hm=190000 hl=180000 hi=100000 hin=10239 frag=10 "
        "pf=8000000 pm=7000000 pl=6000000 (0ms)\n"
        "[Mem] TRIPWIRE fired tag=http_config_post_parsed hin=10239B < 10240B (hf=200000B "
        "hl=180000B frag=10% pf=8000000B pl=6000000B) (0ms)\n"
        "[Mem] Task dump (3 tasks, sorted by stack margin) tag=http_config_post_parsed "
        "(0ms)\n" DUMP_REST;
    CHECK(strncmp(said, expected, strlen(expected)) == 0 || (printf("%s\n", said), 0));
    CHECK_EQ(trips_seen, 1);
    run(60000);
    CHECK_EQ(times("TRIPWIRE"), 1);
}

static void telemetry_trip_between_marks_is_seen_and_placed(void)
{
    begin(&whole);
    hf_telemetry_mark(&telemetry, "upload_begin", now_us);
    run(1000);
    hush();
    memory.internal_min = 5000;
    run(200);
    CHECK(strncmp(said, "[Mem] upload_begin hf=", 22) == 0); // first the reading it came from
    CHECK_EQ(times("[Mem] upload_begin hf="), 1);
    CHECK_EQ(times("[Mem] TRIPWIRE fired tag=upload_begin hin=5000B < 10240B"), 1);
    CHECK_EQ(times("Task dump (3 tasks"), 1);
}

static void telemetry_warning_is_a_line_without_a_dump(void)
{
    begin(&whole);
    run(1000);
    hush();
    memory.internal_min = 19999;
    run(200);
    CHECK_STR(said, "[Trip] internal_min warning tag=boot value=19999 limit=20000 name=- (0ms)\n");
}

static void telemetry_fragmentation_is_that_of_the_internal_heap(void)
{
    begin(&whole);
    run(1000);
    hush();
    memory.internal_largest = 50000; // 50 %, while hl/hf stay at 10 %
    run(200);
    CHECK_EQ(times("[Trip] fragmentation trip tag=boot value=50 limit=50 name=- (0ms)\n"), 1);
    memory.internal_largest = 90000;
    run(200);
    memory.internal_largest = 50000;
    run(200);
    CHECK_EQ(times("[Trip] fragmentation trip"), 2); // armed again
    CHECK_EQ(times("Task dump"), 1);                 // within 10 s of the first
    memory.internal_largest = 90000;
    run(10000);
    memory.internal_largest = 50000;
    run(200);
    CHECK_EQ(times("Task dump"), 2);
}

static void telemetry_pools_are_looked_at_by_name(void)
{
    begin(&whole);
    run(1000);
    CHECK_EQ(times("[Trip]"), 0); // "slot" is full by design
    pools[1].in_use = 7;
    run(600); // three pools, one a sample
    CHECK_EQ(times("[Trip] pool warning tag=boot value=87 limit=80 name=frames (0ms)\n"), 1);
    pools[1].in_use = 8;
    run(600);
    CHECK_EQ(times("[Trip] pool trip tag=boot value=100 limit=100 name=frames (0ms)\n"), 1);
    pools[1].exhausted = 1;
    pools[2].exhausted = 3;
    run(600);
    CHECK_EQ(times("[Trip] refused_take trip tag=boot value=1 limit=1 name=frames (0ms)\n"), 1);
    CHECK_EQ(times("[Trip] refused_take trip tag=boot value=3 limit=1 name=slot (0ms)\n"), 1);
    run(5000);
    CHECK_EQ(times("[Trip]"), 4);
}

static void telemetry_pool_of_impossible_figures_does_no_harm(void)
{
    begin(&whole);
    pools[0] = (hf_line_pool_t){.name = "empty"};
    pools[1] = (hf_line_pool_t){"huge", 1, UINT32_MAX, UINT32_MAX, 0, 0, 0, 0};
    pools[2].name = NULL; // nothing to tell of it
    run(10000);
    CHECK_EQ(times("name=huge (0ms)"), 1);
    CHECK_EQ(times("[Trip] pool trip tag=boot value="), 1);
    CHECK_EQ(times("[Pool] name=empty"), 1 + 1); // of the trip, and after 10 s
    CHECK_EQ(times("[Pool] name=slot"), 0);
}

static void telemetry_lock_that_timed_out_is_told(void)
{
    begin(&whole);
    run(10000);
    CHECK_EQ(times("[Lock]"), 0);
    locks[1] = (hf_line_lock_t){"portal", "comms", "portal", 60, 1};
    run(400);
    CHECK_EQ(times("[Trip] lock_timeout trip tag=boot value=1 limit=1 name=portal (0ms)\n"), 1);
    CHECK_EQ(times("[Lock] name=portal holder=comms waiter=portal held_ms=60 timeouts=1 (0ms)\n"),
             1);
}

static void telemetry_stacks_are_looked_at_bit_by_bit(void)
{
    hf_telemetry_config_t config = whole;
    config.look_bytes = 0; // 1 KB a sample
    begin(&config);
    run(600); // one look each: no walk is whole
    uint32_t margin = 0;
    CHECK_EQ(hf_task_margin(&tasks, 0, &margin), HF_E_EMPTY);
    run(600);
    CHECK_EQ(hf_task_margin(&tasks, 0, &margin), HF_OK);
    CHECK_EQ(margin, 1500);
    CHECK_EQ(times("[Trip]"), 0);
    stacks[1][500] = 1;
    run(19800); // a sixteenth of it a sample from now on, of one of three
    CHECK_EQ(times("[Trip] stack trip tag=boot value="), 1);
    CHECK_EQ(times("limit=512 name=comms (0ms)\n"), 1);
    stacks[1][0] = 1;
    run(19800);
    CHECK_EQ(tripwire.gravest, HF_TRIP_RESET_NOW); // overflowed
}

static void telemetry_late_task_is_shown_by_its_owner(void)
{
    begin(&whole);
    hf_telemetry_mark(&telemetry, "ws_connected", now_us);
    run(200);
    hf_telemetry_check(&telemetry, HF_WIRE_LATE, 1, 700, "comms");
    CHECK_EQ(
        times("[Trip] late_task warning tag=ws_connected value=700 limit=500 name=comms (0ms)\n"),
        1);
}

static void telemetry_windows_and_history_follow(void)
{
    begin(&whole);
    run(4000);
    memory.internal_free = 60000;
    hf_telemetry_mark(&telemetry, "dip", now_us); // between two samples
    memory.internal_free = 100000;
    run(200);
    hf_window_span_t span = {0, 0};
    CHECK_EQ(hf_windows_span(&telemetry.windows, HF_WINDOW_INTERNAL_FREE, &span), HF_OK);
    CHECK_EQ(span.min, 60000);
    CHECK_EQ(span.max, 100000);
    run(400000);
    CHECK_EQ(telemetry.windows.count, HF_HISTORY_SAMPLES);
    hf_history_sample_t sample;
    CHECK_EQ(hf_history_get(&telemetry.windows, HF_HISTORY_SAMPLES - 1u, &sample), HF_OK);
    CHECK_EQ(sample.uptime_ms, 400000);
}

static void telemetry_refuses_what_makes_no_sense(void)
{
    hf_telemetry_config_t config = whole;
    config.write = NULL;
    CHECK_EQ(hf_telemetry_init(&telemetry, &config, 0), HF_E_ARGUMENT);
    config = whole;
    config.heartbeat_ms = 0;
    CHECK_EQ(hf_telemetry_init(&telemetry, &config, 0), HF_E_ARGUMENT);
    config = whole;
    config.read_pool = NULL;
    CHECK_EQ(hf_telemetry_init(&telemetry, &config, 0), HF_E_ARGUMENT);
    config = whole;
    config.read_lock = NULL;
    CHECK_EQ(hf_telemetry_init(&telemetry, &config, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_telemetry_init(NULL, &whole, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_telemetry_init(&telemetry, NULL, 0), HF_E_ARGUMENT);
}

static void telemetry_name_too_long_is_shortened_not_overrun(void)
{
    begin(&whole);
    char host[200];
    memset(host, 'h', sizeof host - 1u);
    host[sizeof host - 1u] = '\0';
    hf_telemetry_ip(&telemetry, host, host);
    CHECK_EQ(strlen(telemetry.ip), sizeof telemetry.ip - 1u);
    CHECK_EQ(strlen(telemetry.host), sizeof telemetry.host - 1u);
    run(60000);
    CHECK_EQ(times("[Heartbeat]"), 1);
    CHECK_EQ(telemetry.lost_lines, 0);
}

static void telemetry_sources_read_pools_of_the_runtime(void)
{
    static HF_POOL_STORAGE_BYTES(32, 4) storage;
    static hf_pool_t pool;
    const hf_pool_config_t config = {.name = "blocks",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = 32,
                                     .count = 4};
    REQUIRE(hf_pool_init(&pool, &config) == HF_OK);
    void *blocks[5];
    for (unsigned i = 0; i < 5; i++) {
        blocks[i] = hf_pool_take(&pool, HF_TAG_NONE);
    }
    CHECK(blocks[4] == NULL);
    CHECK_EQ(hf_pool_give(&pool, blocks[0]), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, blocks[0]), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_give(&pool, &pool), HF_E_FOREIGN);
    const hf_pool_t *const table[] = {&pool};
    hf_telemetry_pools_t source = {.pool = table};
    hf_line_pool_t line;
    CHECK(hf_telemetry_read_pools(&source, 0, &line));
    CHECK_STR(line.name, "blocks");
    CHECK_EQ(line.block_bytes, 32);
    CHECK_EQ(line.capacity, 4);
    CHECK_EQ(line.in_use, 3);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(line.peak, 4);
    CHECK_EQ(line.free_min, 0);
#endif
    CHECK_EQ(line.exhausted, 1);
    CHECK_EQ(line.wrong_gives, 2);
    const char *const names[] = {"other"};
    source.name = names;
    CHECK(hf_telemetry_read_pools(&source, 0, &line));
    CHECK_STR(line.name, "other");
}

#if CONFIG_HF_MUTEX
static void telemetry_sources_name_holder_and_waiter(void)
{
    begin(&whole);
    static hf_mutex_t mutex;
    REQUIRE(hf_mutex_init(&mutex, "journal", 1000) == HF_OK);
    hf_mutex_t *const table[] = {&mutex};
    hf_telemetry_locks_t source = {.mutex = (const hf_mutex_t *const *)table, .tasks = &tasks};
    hf_line_lock_t line;
    CHECK(hf_telemetry_read_locks(&source, 0, &line));
    CHECK_EQ(line.timeouts, 0);
    CHECK(line.holder == NULL);
    CHECK_EQ(hf_mutex_take(&mutex, 1), HF_OK);
    CHECK_EQ(hf_mutex_take(&mutex, 0), HF_E_TIMEOUT);
    CHECK(hf_telemetry_read_locks(&source, 0, &line));
    CHECK_STR(line.name, "journal");
    CHECK_STR(line.holder, "comms");
    CHECK_STR(line.waiter, "main");
    CHECK_EQ(line.timeouts, 1);
    source.tasks = NULL;
    CHECK(hf_telemetry_read_locks(&source, 0, &line));
    CHECK(line.holder == NULL && line.waiter == NULL);
    CHECK_EQ(hf_mutex_give(&mutex, 1), HF_OK);
}
#else
static void telemetry_sources_name_holder_and_waiter(void)
{
}
#endif

HF_TEST_MAIN(HF_TEST(telemetry_prologue_is_told_in_order),
             HF_TEST(telemetry_mark_is_printed_by_the_loop_as_it_was),
             HF_TEST(telemetry_marks_keep_their_order_around_the_queue),
             HF_TEST(telemetry_marks_survive_the_wrap_of_their_numbers),
             HF_TEST(telemetry_burst_of_marks_is_told_in_portions),
             HF_TEST(telemetry_queue_that_is_full_loses_the_newest_counted),
             HF_TEST(telemetry_line_that_is_not_taken_is_counted),
             HF_TEST(telemetry_heartbeat_comes_by_the_clock),
             HF_TEST(telemetry_size_of_a_stack_is_told_once_and_at_a_trip),
             HF_TEST(telemetry_heartbeat_of_a_test_comes_every_five_seconds),
             HF_TEST(telemetry_that_was_late_does_not_make_up),
             HF_TEST(telemetry_idle60_is_told_once_a_minute_after_ready),
             HF_TEST(telemetry_without_a_heap_tells_no_memory_but_the_rest),
             HF_TEST(telemetry_with_nothing_but_a_stream_beats),
             HF_TEST(telemetry_trip_at_a_mark_is_told_in_the_order_of_old),
             HF_TEST(telemetry_trip_between_marks_is_seen_and_placed),
             HF_TEST(telemetry_warning_is_a_line_without_a_dump),
             HF_TEST(telemetry_fragmentation_is_that_of_the_internal_heap),
             HF_TEST(telemetry_pools_are_looked_at_by_name),
             HF_TEST(telemetry_pool_of_impossible_figures_does_no_harm),
             HF_TEST(telemetry_lock_that_timed_out_is_told),
             HF_TEST(telemetry_stacks_are_looked_at_bit_by_bit),
             HF_TEST(telemetry_late_task_is_shown_by_its_owner),
             HF_TEST(telemetry_windows_and_history_follow),
             HF_TEST(telemetry_refuses_what_makes_no_sense),
             HF_TEST(telemetry_name_too_long_is_shortened_not_overrun),
             HF_TEST(telemetry_sources_read_pools_of_the_runtime),
             HF_TEST(telemetry_sources_name_holder_and_waiter))
