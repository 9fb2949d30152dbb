// SPDX-License-Identifier: MIT
// Lines of both dialects, of old firmware and of its successors; and what is no line of telemetry at all.
#include "hf_test.h"
#include "lab_line.h"

#define FIGURES                                                                                    \
    "hf=61440 hm=40000 hl=30708 hi=45000 hin=20912 frag=37 pf=8271944 pm=8266852 pl=8126464"

static lab_line_t parse(const char *text)
{
    lab_line_t line;
    lab_line_parse(text, strlen(text), &line);
    return line;
}

static void check_figures(const lab_line_t *line)
{
    CHECK_EQ(line->kind, LAB_LINE_MEM);
    CHECK_EQ(line->memory.hf, 61440);
    CHECK_EQ(line->memory.hm, 40000);
    CHECK_EQ(line->memory.hl, 30708);
    CHECK_EQ(line->memory.hi, 45000);
    CHECK_EQ(line->memory.hin, 20912);
    CHECK_EQ(line->memory.frag, 37);
    CHECK_EQ(line->memory.pf, 8271944);
    CHECK_EQ(line->memory.pm, 8266852);
    CHECK_EQ(line->memory.pl, 8126464);
}

static void lab_line_memory_in_both_dialects_is_read(void)
{
    static const char *const texts[] = {
        "[Mem] hb " FIGURES " (0ms)",
        "[Mem] hb " FIGURES " (0ms)\r",
        "   [Mem] hb " FIGURES " (0ms)", // within another block of the log
        "[123ms] I Mem: hb " FIGURES,
        "[123ms] Mem: hb " FIGURES,
        "I (123) Mem: hb " FIGURES,
        "\x1b[0;32mI (123) Mem: hb " FIGURES "\x1b[0m",
        "[Mem] hb " FIGURES, // cut off by a reset
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        lab_line_t line = parse(texts[i]);
        check_figures(&line);
        CHECK_STR(line.tag, "hb");
    }
    CHECK_EQ(parse("[123ms] I Mem: hb " FIGURES).up_ms, 123);
    CHECK_EQ(parse("[Mem] hb " FIGURES).up_ms, LAB_UNKNOWN);
}

static void lab_line_tags_are_decoded_and_may_hold_blanks(void)
{
    CHECK_STR(parse("[Mem] img pre-clear " FIGURES " (0ms)").tag, "img pre-clear");
    CHECK_STR(parse("[Mem] img%20pre-clear " FIGURES " (0ms)").tag, "img pre-clear");
    CHECK_STR(parse("[Mem] 100% " FIGURES " (0ms)").tag, "100%");
    CHECK_STR(parse("[Mem] (null) " FIGURES " (0ms)").tag, "(null)");
    CHECK_STR(parse("[Mem] a%0Ab%7f " FIGURES " (0ms)").tag, "a?b?");
    CHECK_STR(parse("[Mem] hf%3D1 " FIGURES " (0ms)").tag, "hf=1");
    lab_line_t line = parse("[Mem] 0123456789012345678901234567890123456789012345678901234567890é9 "
                            "hf=1 hin=2");
    CHECK_STR(line.tag, "0123456789012345678901234567890123456789012345678901234567890é");
    line =
        parse("[Mem] 01234567890123456789012345678901234567890123456789012345678901é9 hf=1 hin=2");
    CHECK_STR(line.tag, "01234567890123456789012345678901234567890123456789012345678901");
}

static void lab_line_memory_that_is_damaged_is_none(void)
{
    static const char *const texts[] = {
        "[Mem] hb hf=4294967295 hin=3",
        "[Mem] hb hf=99999999999999999999 hin=3",
        "[Mem] hb hf=1",
        "[Mem] hb hf=-1 hin=3",
        "[Mem] hb hf=1x hin=3",
        "[Mem] hb hf=1 hin=",
        "[Mem] hb hf=1 hin=3 frag=101 pf=1",
        "[Mem] hf=1 hin=3",
        "Mem: hb hf=1 hin=3",
        "[Memo] hb hf=1 hin=3",
        "the line [Mem] hb hf=1 hin=2 shows",
        "[Mem] hb hf=12[Mem] hb hf=61440 hin=3",
        "",
        "[",
        "[123ms]",
        "[Mem]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_EQ(parse(texts[i]).kind, LAB_LINE_OTHER);
    }
}

static void lab_line_memory_of_fewer_figures_says_unknown(void)
{
    lab_line_t line = parse("[5ms] I Mem: hb hi=5 hin=4 extra=7 hf=9");
    CHECK_EQ(line.kind, LAB_LINE_OTHER); // without hf= first there is no tag to tell
    line = parse("[5ms] I Mem: hb hf=9 hin=4 extra=7 pf=3");
    CHECK_EQ(line.kind, LAB_LINE_MEM);
    CHECK_EQ(line.memory.hin, 4);
    CHECK_EQ(line.memory.pf, 3);
    CHECK_EQ(line.memory.frag, LAB_UNKNOWN);
}

static void lab_line_message_cut_at_127_does_not_lie(void)
{
    char text[192], message[160];
    int tag_length = 127 - (int)strlen(" " FIGURES);
    (void)snprintf(message, sizeof message, "%.*s %s", tag_length,
                   "a_tag_that_fills_the_message_of_old_firmware_up_to_its_end", FIGURES);
    REQUIRE(strlen(message) == 127); // pl= may have lost digits
    (void)snprintf(text, sizeof text, "[Mem] %s (0ms)", message);
    lab_line_t line = parse(text);
    CHECK_EQ(line.kind, LAB_LINE_MEM);
    CHECK_EQ(line.memory.pm, 8266852);
    CHECK_EQ(line.memory.pl, LAB_UNKNOWN);
    message[0] = ' '; // one less: it was not cut
    (void)snprintf(text, sizeof text, "[Mem] %s (0ms)", message + 1);
    CHECK_EQ(parse(text).memory.pl, 8126464);
}

static void lab_line_tripwire_of_each_generation_is_read(void)
{
    lab_line_t line = parse("[Mem] TRIPWIRE fired tag=http_root hin=21532B < 30720B (hf=50000B "
                            "hl=30708B frag=38% pf=8266852B pl=8126464B) (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_TRIPWIRE);
    CHECK_STR(line.tag, "http_root");
    CHECK_EQ(line.value, 21532);
    CHECK_EQ(line.limit, 30720);
    CHECK_EQ(line.memory.frag, 38);
    CHECK_EQ(line.memory.pl, 8126464);
    line = parse("[Mem] TRIPWIRE fired tag=img post-alloc hin=1B < 30720B (hf=50");
    CHECK_STR(line.tag, "img post-alloc");
    CHECK_EQ(line.kind, LAB_LINE_TRIPWIRE);
    line = parse("[Mem] TRIPWIRE fired: internal_min=9000 <= 10240");
    CHECK_EQ(line.kind, LAB_LINE_TRIPWIRE);
    CHECK_EQ(line.value, 9000);
    CHECK_EQ(line.limit, 10240);
    line = parse("[77ms] W Mem: TRIPWIRE fired: internal_min=9000 <= 10240");
    CHECK_EQ(line.kind, LAB_LINE_TRIPWIRE);
    CHECK_EQ(parse("[77ms] W Mem: TRIPWIRE: task stack watermarks (worst 16/21)").kind,
             LAB_LINE_DUMP);
    line = parse("[77ms] W Mem:   Stack: Tmr Svc hw=404");
    CHECK_EQ(line.kind, LAB_LINE_TASK);
    CHECK_STR(line.name, "Tmr Svc");
    CHECK_EQ(line.value, 404);
    CHECK_EQ(line.core, LAB_CORE_UNKNOWN);
    CHECK_EQ(parse("[Mem] TRIPWIRE fired").kind, LAB_LINE_OTHER);
    CHECK_EQ(parse("[Mem] TRIPWIRE enabled").kind, LAB_LINE_OTHER);
}

static void lab_line_sizes_of_stacks_are_read(void)
{
    lab_line_t line = parse("[Stack] name=Tmr%20Svc size=4096B prio=1 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_STACK);
    CHECK_STR(line.name, "Tmr Svc");
    CHECK_EQ(line.value, 4096);
    CHECK_EQ(line.priority, 1);
    line = parse("[77ms] I Stack: name=Tmr Svc size=4096B prio=1");
    CHECK_EQ(line.kind, LAB_LINE_STACK);
    CHECK_STR(line.name, "Tmr Svc");
    static const char *const none[] = {
        "[Stack] name=a size=0B prio=1 (0ms)",
        "[Stack] name= size=1B prio=1 (0ms)",
        "[Stack] name=a size=4096 prio=1 (0ms)",
        "[Stack] name=a size=-1B prio=1 (0ms)",
        "[Stack] name=a size=4294967295B prio=1 (0ms)",
        "[Stack] name=a size=4096B",
        "[Stack] size=4096B prio=1 (0ms)",
        "[Stack] overflow in task main",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CHECK_EQ(parse(none[i]).kind, LAB_LINE_OTHER);
    }
}

static void lab_line_tasks_with_blanks_and_any_core_are_read(void)
{
    lab_line_t line = parse("[Task] name=Tmr Svc prio=1 core=2147483647 stack_rem=760B (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_TASK);
    CHECK_STR(line.name, "Tmr Svc");
    CHECK_EQ(line.priority, 1);
    CHECK_EQ(line.core, LAB_CORE_ANY);
    CHECK_EQ(line.value, 760);
    line = parse("[Task] name=ipc1 prio=24 core=1 stack_rem=84B (0ms)");
    CHECK_EQ(line.core, 1);
    CHECK_EQ(parse("[Task] name=ipc1 prio=24 core=-1 stack_rem=84B").core, LAB_CORE_ANY);
    CHECK_EQ(parse("[Task] name=ipc1 prio=24 core=1 stack_rem=-84B").kind, LAB_LINE_OTHER);
    CHECK_EQ(parse("[Task] name=ipc1 prio=24 core=3000000000 stack_rem=84B").kind, LAB_LINE_OTHER);
    line = parse("[Mem] Task dump (21 tasks, sorted by stack margin) tag=http_root (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_DUMP);
    CHECK_EQ(line.value, 21);
    CHECK_STR(line.tag, "http_root");
    CHECK_EQ(parse("[Mem] Task dump truncated: total=30 max=24 (0ms)").kind, LAB_LINE_OTHER);
    line =
        parse("[Portal] AsyncTCP stack watermark: task=async_tcp rem=4812 units (4812 B), unit=1 "
              "B, CONFIG_ASYNC_TCP_STACK_SIZE(raw)=6144 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_WATERMARK);
    CHECK_STR(line.name, "async_tcp");
    CHECK_EQ(line.value, 4812);
    CHECK_EQ(line.limit, 6144);
}

static void lab_line_pools_locks_and_wires_are_read(void)
{
    lab_line_t line =
        parse("[Pool] name=tx%20data size=96 cap=8 use=3 peak=5 min=3 exh=2 bad=1 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_POOL);
    CHECK_STR(line.name, "tx data");
    CHECK_EQ(line.pool.size, 96);
    CHECK_EQ(line.pool.cap, 8);
    CHECK_EQ(line.pool.use, 3);
    CHECK_EQ(line.pool.peak, 5);
    CHECK_EQ(line.pool.min, 3);
    CHECK_EQ(line.pool.exh, 2);
    CHECK_EQ(line.pool.bad, 1);
    // Wrong books are for the gates: the line counts.
    line = parse("[Pool] name=p size=96 cap=8 use=9 peak=9 min=0 exh=5 bad=7");
    CHECK_EQ(line.kind, LAB_LINE_POOL);
    CHECK_EQ(line.pool.bad, 7);
    CHECK_EQ(parse("[Pool] name=p size=96 cap=8 use=x peak=8 min=0 exh=0 bad=0").kind,
             LAB_LINE_OTHER);
    line = parse("[Lock] name=journal holder=comms waiter=portal held_ms=60 timeouts=3 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_LOCK);
    CHECK_STR(line.name, "journal");
    CHECK_STR(line.holder, "comms");
    CHECK_STR(line.waiter, "portal");
    CHECK_EQ(line.value, 60);
    CHECK_EQ(line.limit, 3);
    line = parse("[Trip] late_task trip tag=tx_start value=600 limit=500 name=main (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_WIRE);
    CHECK_STR(line.wire, "late_task");
    CHECK_STR(line.level, "trip");
    CHECK_STR(line.tag, "tx_start");
    CHECK_STR(line.name, "main");
    CHECK_EQ(line.value, 600);
    CHECK_EQ(line.limit, 500);
    line = parse("[ALLOC-FAIL] size=16384 caps=0x1800 dma_internal_free=9000 "
                 "dma_internal_largest=7000 internal_free=9100 caller=esp_aes_process");
    CHECK_EQ(line.kind, LAB_LINE_REFUSED);
    CHECK_EQ(line.value, 16384);
    CHECK_STR(line.name, "esp_aes_process");
}

static void lab_line_prologue_is_read(void)
{
    lab_line_t line = parse("rst:0xc (RTC_SW_CPU_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)");
    CHECK_EQ(line.kind, LAB_LINE_RESET);
    CHECK_EQ(line.value, 12);
    CHECK_STR(line.name, "RTC_SW_CPU_RST");
    line = parse("rst:2 (Software)");
    CHECK_EQ(line.value, 2);
    CHECK_STR(line.name, "Software");
    CHECK_EQ(parse("ESP-ROM:esp32s3-20210327").kind, LAB_LINE_ROM);
    CHECK_EQ(parse("[System Boot] Starting... (0ms)").kind, LAB_LINE_BOOT);
    CHECK_EQ(parse("[12ms] I App: System Boot").kind, LAB_LINE_BOOT);
    line = parse("  Firmware: v1.5.0 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_VERSION);
    CHECK_STR(line.name, "1.5.0");
    line = parse("[WiFi] Got IP: 192.168.1.112 (0ms)");
    CHECK_EQ(line.kind, LAB_LINE_IP);
    CHECK_STR(line.name, "192.168.1.112");
    CHECK_EQ(parse("[WiFi] Got IP: none").kind, LAB_LINE_OTHER);
    CHECK_EQ(parse("[Main] Setup complete (0ms)").kind, LAB_LINE_READY);
    CHECK_EQ(parse("[12ms] I Main: Setup complete").kind, LAB_LINE_READY);
    line = parse("[Heartbeat] Up: 61s | Heap: 50000 | WiFi: 10.0.0.9 (evse)");
    CHECK_EQ(line.kind, LAB_LINE_HEARTBEAT);
    CHECK_EQ(line.value, 61);
    CHECK_EQ(line.memory.hf, 50000);
    CHECK_STR(line.name, "10.0.0.9");
    CHECK_STR(parse("[Heartbeat] Up: 61s | Heap: 50000 | WiFi: Disconnected").name, "");
}

static void lab_line_noise_before_it_hides_nothing(void)
{
    static const char reset[] = "\0\xFF\x01rst:0xc (SW_CPU_RESET)", mem[] = "\0[Mem] hb hf=1 hin=2",
                      colour[] = "\xFE\x1b[0;31m[Mem] hb hf=1 hin=2\x1b[0m",
                      crash[] = "\x80\0assert failed: f a.c:1 (x)", text[] = "\xC3\xA9t\xC3\xA9";
    lab_line_t line;
    lab_line_parse(reset, sizeof reset - 1u, &line);
    CHECK_EQ(line.kind, LAB_LINE_RESET);
    CHECK_EQ(line.value, 12);
    lab_line_parse(mem, sizeof mem - 1u, &line);
    CHECK_EQ(line.kind, LAB_LINE_MEM);
    CHECK_EQ(line.memory.hin, 2);
    lab_line_parse(colour, sizeof colour - 1u, &line);
    CHECK_EQ(line.kind, LAB_LINE_MEM);
    lab_line_parse(crash, sizeof crash - 1u, &line);
    CHECK_EQ(line.kind, LAB_LINE_PANIC);
    CHECK_STR(line.name, "assert");
    lab_line_parse(text, sizeof text - 1u, &line);
    CHECK_EQ(line.kind, LAB_LINE_OTHER);
    lab_line_parse(reset, 3, &line); // nothing but noise
    CHECK_EQ(line.kind, LAB_LINE_OTHER);
}

// ---- panics ---------------------------------------------------------------------------------------------------------

typedef struct crash {
    const char *kind, *text;
} crash_t;

static const crash_t crashes[] = {
    {"guru_meditation",
     "Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled."},
    {"stack_canary", "Debug exception reason: Stack canary watchpoint triggered (async_tcp) "},
    {"stack_canary",
     "Guru Meditation Error: Core  0 panic'ed (Unhandled debug exception). Stack canary "
     "watchpoint triggered (async_tcp)"},
    {"stack_overflow", "***ERROR*** A stack overflow in task loopTask has been detected."},
    {"task_watchdog",
     "E (35412) task_wdt: Task watchdog got triggered. The following tasks did not "
     "reset the watchdog in time:"},
    {"interrupt_watchdog", "E (9) int_wdt: Interrupt wdt timeout on CPU0"},
    {"assert", "assert failed: xQueueGenericSend queue.c:820 (pxQueue)"},
    {"assert", "assertion failed: src/runtime/memory/hf_pool.c:81"},
    {"assert", "src/runtime/memory/hf_pool.c: assertion failed"},
    {"assert", "prog: main.c:7: main: Assertion `x == 1' failed."},
    {"assert", "assertion \"x\" failed: file \"main.c\", line 3, function: f"},
    {"corrupt_heap", "CORRUPT HEAP: Bad head at 0x3fcb5cd0. Expected 0xabba1234 got 0x3fcb5e14"},
    {"corrupt_heap", "free(): invalid pointer"},
    {"corrupt_heap", "malloc(): corrupted top size"},
    {"double_free", "free(): double free detected in tcache 2"},
    {"double_free", "double free or corruption (!prev)"},
    {"double_free",
     "==12==ERROR: AddressSanitizer: attempting double-free on 0x602000000010 in thread T0:"},
    {"sanitizer", "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010"},
    {"sanitizer", "src/a.c:12:3: runtime error: signed integer overflow"},
    {"sanitizer", "WARNING: ThreadSanitizer: data race (pid=12)"},
    {"sanitizer", "SUMMARY: AddressSanitizer: heap-use-after-free a.c:3 in main"},
    {"stack_overflow", "==12==ERROR: AddressSanitizer: stack-overflow on address 0x7ffc"},
    {"stack_overflow", "*** stack smashing detected ***: terminated"},
    {"abort", "abort() was called at PC 0x4037a1b2 on core 0"},
    {"abort", "Aborted (core dumped)"},
    {"brownout", "Brownout detector was triggered"},
    {"brownout", "[0;31mE (12) BOD: Brownout detector was triggered"},
    {"segmentation_fault", "Segmentation fault"},
    {"segmentation_fault", "Segmentation fault (core dumped)"},
    {"segmentation_fault", "run.sh: line 3:  1234 Segmentation fault      ./prog"},
    {"abort", "run.sh: line 12: 7 Aborted                 (core dumped) ./prog"},
    {"bus_error", "Bus error (core dumped)"},
    {"task_watchdog",
     "holdfastd: comms has not checked in for 6012 ms (limit 6000): watchdogs are not fed any "
     "more, ending"},
    {"fault", "{\"event\":\"fault\",\"exception\":  3,\"pc\":\"0x00001234\"}"},
    {"backtrace", "Backtrace: 0x42012345:0x3fcebb10 0x4201abcd:0x3fcebb30"},
    {"rebooting", "Rebooting..."},
    {"out_of_memory", "[ 99.1] Out of memory: Killed process 77 (holdfastd)"},
};

static void lab_panic_every_kind_is_told(void)
{
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        lab_line_t line = parse(crashes[i].text);
        CHECK_STR(lab_panic_kind(crashes[i].text, strlen(crashes[i].text)), crashes[i].kind);
        CHECK_EQ(line.kind, LAB_LINE_PANIC);
        CHECK_STR(line.name, crashes[i].kind);
        CHECK(lab_panic_rank(crashes[i].kind) < lab_panic_rank("no such kind"));
    }
}

static void lab_panic_ordinary_words_are_none(void)
{
    static const char *const texts[] = {
        "I (30) cpu_start: brownout detector enabled",
        "Brownout detector disabled",
        "brownout",
        "abort() is not called",
        "the handler may abort() the upload",
        "upload aborted by the client",
        "Aborted upload",
        "Transfer Aborted",
        "Task watchdog initialised, 5 s",
        "task_wdt: esp_task_wdt_init",
        "assert failed counter: 0",
        "all asserts passed",
        "no assertion failed in 10 tests",
        "the heap is not corrupt",
        "corrupt heap check: ok",
        "heap poisoning enabled (CORRUPT HEAP is told)",
        "stack overflow check enabled",
        "no stack overflow in task main",
        "Backtrace: none",
        "Backtrace printing enabled",
        "[Portal] Rebooting...",
        "Rebooting... in 3 seconds",
        "Segmentation fault handler installed",
        "catching Segmentation fault",
        "panic handler installed",
        "guru meditation is a term of old",
        "double free detection is on",
        "AddressSanitizer is enabled",
        "runtime error: none",
        "last runtime error: 12",
        "Interrupt wdt enabled",
        "[Mem] panic hf=1 hin=2",
        "reset reason: Panic",
        "holdfastd: watchdogs are fed",
        "Bus error count 3",
        "[OTA] upload: Aborted",
        "[OCPP] transaction 7 Aborted",
        "[CAN] state 3: Bus error",
        "[I2C] read of 0x40 failed: Bus error",
        "[CAN] on line 3: 12 Bus error",
        "reader: line 3: Bus error",
        "can: line 3: 12 frames, Bus error",
        "[SPI] Illegal instruction",
        "ocpp: Illegal instruction",
        "Fatal exception handler set",
        "Out of memory: none so far",
        "a line that begins CORRUPT HEAP: tells it",
        "it prints assert failed: and a place",
        "last runtime error: none",
        "note: runtime error: 3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *kind = lab_panic_kind(texts[i], strlen(texts[i]));
        if (kind != NULL) {
            HF_TEST_FAIL("\"%s\" is called %s", texts[i], kind);
        }
    }
}

static void lab_panic_the_cause_ranks_before_what_follows(void)
{
    CHECK(lab_panic_rank("stack_canary") < lab_panic_rank("guru_meditation"));
    CHECK(lab_panic_rank("assert") < lab_panic_rank("abort"));
    CHECK(lab_panic_rank("guru_meditation") < lab_panic_rank("backtrace"));
    CHECK(lab_panic_rank("backtrace") < lab_panic_rank("rebooting"));
}

HF_TEST_MAIN(HF_TEST(lab_line_memory_in_both_dialects_is_read),
             HF_TEST(lab_line_tags_are_decoded_and_may_hold_blanks),
             HF_TEST(lab_line_memory_that_is_damaged_is_none),
             HF_TEST(lab_line_memory_of_fewer_figures_says_unknown),
             HF_TEST(lab_line_message_cut_at_127_does_not_lie),
             HF_TEST(lab_line_tripwire_of_each_generation_is_read),
             HF_TEST(lab_line_tasks_with_blanks_and_any_core_are_read),
             HF_TEST(lab_line_sizes_of_stacks_are_read),
             HF_TEST(lab_line_pools_locks_and_wires_are_read), HF_TEST(lab_line_prologue_is_read),
             HF_TEST(lab_line_noise_before_it_hides_nothing), HF_TEST(lab_panic_every_kind_is_told),
             HF_TEST(lab_panic_ordinary_words_are_none),
             HF_TEST(lab_panic_the_cause_ranks_before_what_follows))
