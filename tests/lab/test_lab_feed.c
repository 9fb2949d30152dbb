// SPDX-License-Identifier: MIT
// Feeding a run: starts that were wanted and not, crashes and where they happened, dumps of tasks, bytes in any portions.
#include "hf_test.h"
#include "lab_json.h"
#include "lab_run.h"
#include "lab_stacks.h"

#define NOW     1768000000.0
#define FIGURES " hf=61440 hm=40000 hl=30708 hi=45000 hin=20912 frag=37 pf=3 pm=2 pl=1 (0ms)\n"
#define ROM                                                                                        \
    "ESP-ROM:esp32s3-20210327\nBuild:Mar 27 2021\nrst:0x15 (USB_UART_CHIP_RESET),boot:0x8 (SPI)\n"
#define BOOT "[System Boot] Starting... (0ms)\n  Firmware: v1.5.0 (0ms)\n"
#define LIFE "[WiFi] Got IP: 10.0.0.9 (0ms)\n[Main] Setup complete (0ms)\n[Mem] hb" FIGURES

static void feed(lab_run_t *run, const char *text)
{
    CHECK_EQ(lab_run_feed(run, NOW, text, strlen(text)), 0);
}

static void lab_feed_a_run_from_its_start_has_no_reset(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, ROM BOOT "[Mem] boot" FIGURES LIFE);
    CHECK_EQ(run.boots, 0);
    CHECK_EQ(run.unexpected_resets, 0);
    CHECK_EQ(run.mems, 2);
    CHECK_EQ(run.mem[1].memory.hin, 20912);
    CHECK_STR(run.firmware, "1.5.0");
    CHECK_STR(run.final_ip, "10.0.0.9");
    CHECK_EQ(run.resets, 1);
    CHECK_STR(run.reset[0].reason, "USB_UART_CHIP_RESET");
    CHECK(run.reset[0].is_expected);
    lab_run_free(&run);
}

static void lab_feed_bytes_in_any_portions_give_the_same(void)
{
    static const char text[] =
        ROM BOOT "[Mem] img pre-clear" FIGURES LIFE "[Mem] last hf=1 hin=2 (0ms)";
    for (size_t portion = 1; portion < 40; portion++) {
        lab_run_t run;
        lab_run_init(&run);
        for (size_t at = 0; at < sizeof text - 1u; at += portion) {
            size_t left = sizeof text - 1u - at;
            CHECK_EQ(lab_run_feed(&run, NOW, text + at, left < portion ? left : portion), 0);
        }
        CHECK_EQ(run.mems, 2);
        CHECK_EQ(lab_run_flush(&run, NOW), 0);
        REQUIRE(run.mems == 3);
        CHECK_STR(run.mem[0].tag, "img pre-clear");
        CHECK_STR(run.mem[2].tag, "last");
        CHECK_EQ(run.line_no, 10);
        lab_run_free(&run);
    }
}

static void lab_feed_a_reset_nobody_asked_for_is_counted_once(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, LIFE "[Mem] tx_start" FIGURES ROM BOOT LIFE);
    CHECK_EQ(run.boots, 1);
    CHECK_EQ(run.unexpected_resets, 1);
    REQUIRE(run.resets == 1);
    CHECK_STR(run.reset[0].tag, "tx_start");
    CHECK_STR(run.reset[0].reason, "USB_UART_CHIP_RESET");
    CHECK(!run.reset[0].is_expected);
    CHECK_EQ(run.mem[run.mems - 1u].boot, 1);
    feed(&run, BOOT LIFE); // a device that prints no more than this
    CHECK_EQ(run.unexpected_resets, 2);
    feed(&run, ROM ROM BOOT LIFE); // it did not even get as far as its own code
    CHECK_EQ(run.unexpected_resets, 4);
    feed(&run, BOOT BOOT LIFE);
    CHECK_EQ(run.unexpected_resets, 6);
    lab_run_free(&run);
}

static void lab_feed_a_reset_that_was_asked_for_is_none(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, LIFE);
    lab_run_expect_reset(&run);
    feed(&run, ROM BOOT LIFE);
    CHECK_EQ(run.boots, 1);
    CHECK_EQ(run.unexpected_resets, 0);
    feed(&run, ROM BOOT LIFE); // one wish, one reset
    CHECK_EQ(run.boots, 2);
    CHECK_EQ(run.unexpected_resets, 1);
    lab_run_free(&run);
}

static void lab_feed_uptime_going_back_is_a_reset(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, "[Heartbeat] Up: 60s | Heap: 5 | WiFi: Disconnected\n"
               "[Heartbeat] Up: 120s | Heap: 5 | WiFi: Disconnected\n"
               "[Heartbeat] Up: 7s | Heap: 5 | WiFi: Disconnected\n"
               "[Heartbeat] Up: 67s | Heap: 5 | WiFi: Disconnected\n");
    CHECK_EQ(run.unexpected_resets, 1);
    CHECK_STR(run.reset[0].marker, "uptime");
    feed(&run, ROM BOOT "[Heartbeat] Up: 7s | Heap: 5 | WiFi: Disconnected\n"); // told already
    CHECK_EQ(run.unexpected_resets, 2);
    lab_run_free(&run);
    lab_run_init(&run);
    feed(&run, "[90000ms] I App: a\n[89000ms] I App: b\n[91000ms] I App: c\n"); // only overtaken
    CHECK_EQ(run.unexpected_resets, 0);
    CHECK_EQ(run.boots, 0);
    feed(&run, "[5000ms] I Mem: hb hf=1 hin=2\n");
    CHECK_EQ(run.boots, 1);
    CHECK_EQ(run.mem[0].boot, 1);
    feed(&run, "[4294960000ms] I App: d\n[12ms] I App: e\n"); // 49 days: the clock goes round
    CHECK_EQ(run.boots, 1);
    lab_run_free(&run);
}

static void lab_feed_a_crash_is_one_and_its_cause_names_it(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, LIFE
         "[Mem] http_config_post_applied" FIGURES
         "Guru Meditation Error: Core  0 panic'ed (Unhandled debug exception). \n"
         "Debug exception reason: Stack canary watchpoint triggered (async_tcp) \n"
         "Core  0 register dump:\nPC      : 0x40378a1b\n\n"
         "Backtrace: 0x40378a1b:0x3fcb6b10\n\nELF file SHA256: 1\n\nRebooting...\n" ROM BOOT LIFE);
    REQUIRE(run.panics == 1);
    CHECK_STR(run.panic[0].kind, "stack_canary");
    CHECK_STR(run.panic[0].line,
              "Debug exception reason: Stack canary watchpoint triggered (async_tcp) ");
    CHECK_EQ(run.panic[0].line_no, 6);
    CHECK_STR(run.panic[0].tag, "http_config_post_applied");
    CHECK_EQ(run.unexpected_resets, 1);
    feed(&run, "abort() was called at PC 0x40378a1b on core 0\n"); // in the next life: another
    CHECK_EQ(run.panics, 2);
    lab_run_free(&run);
}

static void lab_feed_what_was_left_over_in_a_buffer_is_not_of_this_run(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, "abort() was called at PC 0x40378a1b on core 0\nRebooting...\n");
    lab_run_expect_reset(&run);
    feed(&run, ROM BOOT LIFE);
    CHECK_EQ(run.panics, 0);
    CHECK_EQ(run.unexpected_resets, 0);
    lab_run_expect_reset(&run);
    feed(&run, "Rebooting...\n" ROM BOOT LIFE); // what it was asked to do
    CHECK_EQ(run.panics, 0);
    lab_run_expect_reset(&run);
    feed(&run, "abort() was called at PC 0x40378a1b on core 0\n" ROM BOOT
                   LIFE); // it was not asked to crash
    CHECK_EQ(run.panics, 1);
    lab_run_free(&run);
}

static void lab_feed_a_trip_has_its_worst_stacks(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, "[Mem] http_root" FIGURES "[Mem] TRIPWIRE fired tag=http_root hin=21532B < 30720B "
               "(hf=5B hl=4B frag=9% pf=3B pl=2B) (0ms)\n"
               "[Mem] Task dump (8 tasks, sorted by stack margin) tag=http_root (0ms)\n"
               "[Task] name=ipc1 prio=24 core=1 stack_rem=84B (0ms)\n"
               "[Task] name=ipc0 prio=24 core=0 stack_rem=76B (0ms)\n"
               "[Task] name=a prio=1 core=0 stack_rem=100B (0ms)\n"
               "[Task] name=b prio=1 core=0 stack_rem=200B (0ms)\n"
               "[Task] name=c prio=1 core=0 stack_rem=300B (0ms)\n"
               "[Task] name=d prio=1 core=0 stack_rem=400B (0ms)\n"
               "[Task] name=e prio=1 core=0 stack_rem=500B (0ms)\n"
               "[Task] name=Tmr Svc prio=1 core=2147483647 stack_rem=90B (0ms)\n"
               "[Heartbeat] Up: 60s | Heap: 5 | WiFi: Disconnected\n"
               "[Task] name=z prio=1 core=0 stack_rem=1B (0ms)\n");
    REQUIRE(run.trips == 1);
    CHECK_STR(run.trip[0].wire, "internal_min");
    CHECK_STR(run.trip[0].tag, "http_root");
    CHECK_EQ(run.trip[0].value, 21532);
    CHECK_EQ(run.trip[0].limit, 30720);
    REQUIRE(run.trip[0].worst_count == 6);
    CHECK_STR(run.trip[0].worst[0].name, "ipc0");
    CHECK_STR(run.trip[0].worst[1].name, "ipc1");
    CHECK_STR(run.trip[0].worst[2].name, "Tmr Svc");
    CHECK_STR(run.trip[0].worst[5].name, "c");
    CHECK_EQ(run.tasks, 9);
    lab_run_free(&run);
}

static void lab_feed_refused_allocations_have_a_place(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, "[Mem] tls_pre" FIGURES "[ALLOC-FAIL] size=16384 caps=0x1800 caller=esp_aes\n"
               "[Mem] img alloc-fail" FIGURES);
    REQUIRE(run.refuseds == 2);
    CHECK_EQ(run.refused[0].size, 16384);
    CHECK_STR(run.refused[0].tag, "tls_pre");
    CHECK_STR(run.refused[0].caller, "esp_aes");
    CHECK_STR(run.refused[1].tag, "img alloc-fail");
    lab_run_free(&run);
}

static void check_event(const lab_run_t *run, uint32_t event, const char *json)
{
    lab_text_t text = {0};
    lab_run_event_json(run, event, &text);
    REQUIRE(text.text != NULL);
    CHECK_STR(text.text, json);
    CHECK(lab_run_event_ts(run, event) == NOW);
    lab_text_free(&text);
}

#define AT "\"ts\": \"2026-01-09T23:06:40.000000+00:00\""

static void lab_feed_events_are_objects_with_sorted_keys(void)
{
    lab_run_t run;
    lab_run_init(&run);
    CHECK_EQ(lab_run_event(&run, NOW, "note", "\"note\":\"x\",\"body\":\"a\\\"b\""), 0);
    CHECK_EQ(lab_run_event(&run, NOW, "http", "{\"url\":\"/\",\"http_status\":200}"), 0);
    CHECK_EQ(lab_run_event(&run, NOW, "step", NULL), 0);
    CHECK_EQ(lab_run_event(&run, NOW, "note", "no json"), -1);
    REQUIRE(run.events == 3);
    check_event(&run, 0, "{\"body\": \"a\\\"b\", \"note\": \"x\", " AT ", \"type\": \"note\"}");
    check_event(&run, 1, "{\"http_status\": 200, " AT ", \"type\": \"http\", \"url\": \"/\"}");
    lab_run_free(&run);
}

static void lab_feed_rows_are_events_without_a_text_of_their_own(void)
{
    static const char text[] =
        "[Mem] hb hf=9 hm=8 hl=7 hi=6 hin=5 frag=22 pf=3 pm=2 pl=1 (0ms)\n"
        "[Task] name=main prio=1 core=-1 stack_rem=1200B (0ms)\n"
        "[Portal] AsyncTCP stack watermark: task=async_tcp rem=4812 units (4812 B), unit=1 B, "
        "CONFIG_ASYNC_TCP_STACK_SIZE(raw)=6144 (0ms)\n"
        "[Pool] name=sessions size=96 cap=8 use=3 peak=5 min=3 exh=2 bad=1 (0ms)\n"
        "[Mem] hb hf=9 hm=8 hl=7 hi=6 hin=4 frag=22 pf=3 pm=2 pl=1 (0ms)\n";
    lab_run_t run;
    lab_run_init(&run);
    CHECK_EQ(lab_run_feed(&run, NOW, text, sizeof text - 1u), 0);
    CHECK_EQ(run.notes, 0);
    REQUIRE(run.events == 5);
    check_event(&run, 0,
                "{\"frag\": 22, \"hf\": 9, \"hi\": 6, \"hin\": 5, \"hl\": 7, \"hm\": 8, \"pf\": 3, "
                "\"pl\": 1, \"pm\": 2, \"tag\": \"hb\", " AT ", \"type\": \"mem\"}");
    check_event(&run, 1,
                "{\"core\": -1, \"name\": \"main\", \"prio\": 1, \"stack_rem\": 1200, " AT
                ", \"type\": \"task\"}");
    check_event(&run, 2,
                "{\"cfg_bytes\": 6144, \"rem_bytes\": 4812, \"rem_units\": 4812, \"subsystem\": "
                "\"async_tcp\", \"task\": \"async_tcp\", " AT
                ", \"type\": \"stack_watermark\", \"unit_bytes\": 1}");
    check_event(
        &run, 3,
        "{\"bad\": 1, \"cap\": 8, \"exh\": 2, \"min\": 3, \"name\": \"sessions\", \"peak\": 5, "
        "\"size\": 96, " AT ", \"type\": \"pool\", \"use\": 3}");
    CHECK(run.mem[0].tag == run.mem[1].tag && run.pool[0].tag == run.mem[0].tag); // kept once
    CHECK_EQ(run.names.count, 4);
    lab_run_free(&run);
}

static void lab_feed_a_figure_that_was_cut_is_not_believed(void)
{
    lab_run_t run;
    lab_run_init(&run);
    feed(&run, "[Mem] hb hf=200000 hin=180000 frag=5 hm=1");
    CHECK_EQ(lab_run_flush(&run, NOW), 0);
    REQUIRE(run.mems == 1);
    CHECK_EQ(run.mem[0].memory.hin, 180000);
    CHECK_EQ(run.mem[0].memory.hm, LAB_UNKNOWN);
    feed(&run, "[Mem] hb hf=200000 hi=190000 hin=1");
    CHECK_EQ(lab_run_flush(&run, NOW), 0);
    CHECK_EQ(lab_run_hin_min(&run), 180000);
    feed(&run, "[Mem] hb hf=200000 hin=170000 (0ms)");
    CHECK_EQ(lab_run_flush(&run, NOW), 0);
    CHECK_EQ(lab_run_hin_min(&run), 170000);
    lab_run_free(&run);
}

static void lab_feed_a_line_without_end_costs_no_more_than_its_room(void)
{
    lab_run_t run;
    lab_run_init(&run);
    for (unsigned i = 0; i < 3000; i++) {
        feed(&run, "0123456789");
    }
    CHECK_EQ(run.line_no, 0);
    feed(&run, "\n[Mem] hb" FIGURES);
    CHECK_EQ(run.line_no, 2);
    CHECK_EQ(run.mems, 1);
    lab_run_free(&run);
}

// What holds is the last one of each start; a log of nothing else is read no slower for it.
static void lab_feed_sizes_of_a_stack_are_one_a_boot(void)
{
    lab_run_t run;
    lab_run_init(&run);
    char line[80];
    for (unsigned i = 1; i <= 1000; i++) {
        (void)snprintf(line, sizeof line, "[Stack] name=net size=%uB prio=1 (0ms)\n", i);
        feed(&run, line);
        feed(&run, "[Task] name=net prio=1 core=0 stack_rem=5B (0ms)\n");
    }
    CHECK_EQ(run.stacks, 1);
    feed(&run, "[Mem] hb" FIGURES ROM BOOT "[Task] name=ui prio=1 core=0 stack_rem=5B (0ms)\n"
               "[Stack] name=net size=1000B prio=1 (0ms)\n"
               "[Stack] name=net size=3000B prio=1 (0ms)\n"
               "[Task] name=net prio=1 core=0 stack_rem=5B (0ms)\n" ROM BOOT
               "[Stack] name=ui size=700B prio=1 (0ms)\n");
    CHECK_EQ(run.stacks, 3);
    CHECK_EQ(lab_stack_bytes(&run, &run.task[0]), 1000);
    CHECK_EQ(lab_stack_bytes(&run, &run.task[999]), 1000);
    CHECK_EQ(lab_stack_bytes(&run, &run.task[1000]), 700); // told later
    CHECK_EQ(lab_stack_bytes(&run, &run.task[1001]), 3000);
    lab_run_free(&run);
}

HF_TEST_MAIN(HF_TEST(lab_feed_a_run_from_its_start_has_no_reset),
             HF_TEST(lab_feed_bytes_in_any_portions_give_the_same),
             HF_TEST(lab_feed_a_reset_nobody_asked_for_is_counted_once),
             HF_TEST(lab_feed_a_reset_that_was_asked_for_is_none),
             HF_TEST(lab_feed_uptime_going_back_is_a_reset),
             HF_TEST(lab_feed_a_crash_is_one_and_its_cause_names_it),
             HF_TEST(lab_feed_what_was_left_over_in_a_buffer_is_not_of_this_run),
             HF_TEST(lab_feed_a_trip_has_its_worst_stacks),
             HF_TEST(lab_feed_refused_allocations_have_a_place),
             HF_TEST(lab_feed_events_are_objects_with_sorted_keys),
             HF_TEST(lab_feed_rows_are_events_without_a_text_of_their_own),
             HF_TEST(lab_feed_a_figure_that_was_cut_is_not_believed),
             HF_TEST(lab_feed_a_line_without_end_costs_no_more_than_its_room),
             HF_TEST(lab_feed_sizes_of_a_stack_are_one_a_boot))
