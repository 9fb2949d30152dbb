// SPDX-License-Identifier: MIT
// Every gate finds what it is for, says where, and is silent about a device that behaves; and JUnit XML from the ledger.
#include "hf_test.h"
#include "lab.h"
#include "lab_gates.h"
#include "lab_json.h"
#include "lab_junit.h"
#include "lab_summary.h"

#include <stdlib.h>
#include <unistd.h>

#define NOW 1768000000.0
#define GOOD                                                                                       \
    "[Mem] hb hf=200000 hm=180000 hl=190000 hi=200000 hin=180000 frag=5 pf=3 pm=2 pl=1 (0ms)\n"

static lab_run_t run;
static lab_gates_t gates;

static int judge(const char *text)
{
    lab_run_free(&run);
    CHECK_EQ(lab_run_feed(&run, NOW, text, strlen(text)), 0);
    lab_gates_judge(&gates, &run);
    return lab_run_verdict(&run);
}

static bool is_found(const char *gate, const char *text)
{
    for (uint32_t i = 0; i < run.findings; i++) {
        if (strcmp(run.finding[i].gate, gate) == 0 && strstr(run.finding[i].text, text) != NULL) {
            return true;
        }
    }
    for (uint32_t i = 0; i < run.findings; i++) {
        printf("  found: %s: %s\n", run.finding[i].gate, run.finding[i].text);
    }
    return false;
}

static void lab_gates_a_device_that_behaves_passes(void)
{
    lab_gates_init(&gates);
    CHECK_EQ(judge("[System Boot] Starting... (0ms)\n[Main] Setup complete\n" GOOD
                   "[Task] name=main prio=1 core=0 stack_rem=512B (0ms)\n"
                   "[Pool] name=sessions size=96 cap=8 use=3 peak=8 min=0 exh=0 bad=0 (0ms)\n"
                   "[Lock] name=journal holder=- waiter=- held_ms=0 timeouts=0 (0ms)\n"
                   "[Trip] late_task warning tag=hb value=300 limit=250 name=main (0ms)\n"),
             LAB_PASS);
    CHECK_EQ(run.findings, 0);
    CHECK(!run.is_inconclusive);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=190000 hin=102400 frag=39\n"), LAB_PASS);
}

static void lab_gates_do_not_charge_the_device_with_snapshots_the_probe_lost(void)
{
    lab_text_t text = {0};
    lab_gates_init(&gates);
    CHECK_EQ(judge(GOOD "[Pool] name=telemetry.marks size=48 cap=64 use=0 peak=64 min=0 exh=7 "
                        "bad=0 (0ms)\n"
                        "[Trip] refused_take trip tag=hb value=7 limit=1 name=telemetry.marks "
                        "(0ms)\n"),
             LAB_PASS);
    CHECK_EQ(lab_run_lost_marks(&run), 7);
    lab_summary_markdown(&run, ".", &text);
    REQUIRE(text.text != NULL);
    CHECK(strstr(text.text, "- Snapshots that the probe lost: 7\n") != NULL);
    lab_text_free(&text);
    CHECK_EQ(lab_gates_add(&gates, "lost_marks>0"), 0);
    lab_gates_judge(&gates, &run);
    CHECK(is_found("lost_marks>0", "7"));
    CHECK_EQ(judge(GOOD "[Pool] name=sessions size=48 cap=64 use=0 peak=64 min=0 exh=7 bad=0\n"),
             LAB_FINDING);
    CHECK_EQ(lab_run_lost_marks(&run), 0);
}

static void lab_gates_with_nothing_to_judge_do_not_pass(void)
{
    lab_gates_init(&gates);
    CHECK_EQ(judge(""), LAB_INCONCLUSIVE);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=190000 frag=5\n"), LAB_INCONCLUSIVE);
    CHECK_STR(run.why_inconclusive, "no snapshot told the least internal memory (hin)");
    CHECK_EQ(lab_gates_set(&gates, "hin_min=off"), 0);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=190000 frag=5\n"), LAB_PASS);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=190000\n"), LAB_INCONCLUSIVE);
    CHECK_STR(run.why_inconclusive, "no snapshot told the fragmentation (frag)");
    CHECK_EQ(lab_gates_set(&gates, "frag=off"), 0);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=190000\n"), LAB_PASS);
}

static void lab_gates_each_default_finds_and_places(void)
{
    static const struct {
        const char *gate, *text, *said;
    } table[] = {
        {"hin_min", "102399 B of internal memory at tx_start",
         GOOD "[Mem] tx_start hf=200000 hl=190000 hin=102399 frag=5\n"},
        {"fragmentation", "40 % at tx_start",
         GOOD "[Mem] tx_start hf=200000 hl=190000 hin=180000 frag=40\n"},
        {"stack", "task net has 511 B left at hb",
         GOOD "[Task] name=net prio=1 core=0 stack_rem=511B (0ms)\n"},
        {"stack", "task async_tcp used 5000 B of 6144 B",
         GOOD
         "[Portal] AsyncTCP stack watermark: task=async_tcp rem=1144 units (1144 B), unit=1 B, "
         "CONFIG_ASYNC_TCP_STACK_SIZE(raw)=6144 (0ms)\n"},
        {"failed_take", "pool sessions refused 2 takes, first seen at hb",
         GOOD "[Pool] name=sessions size=96 cap=8 use=3 peak=8 min=0 exh=2 bad=0 (0ms)\n"},
        {"wrong_give", "pool sessions got 1 blocks back",
         GOOD "[Pool] name=sessions size=96 cap=8 use=3 peak=8 min=0 exh=0 bad=1 (0ms)\n"},
        {"wrong_give", "pool a of 2 blocks tells 3 in use, 3 at most",
         GOOD "[Pool] name=a size=1 cap=2 use=3 peak=3 min=0 exh=0 bad=0\n"},
        {"failed_take", "1 allocations failed, the first of 16384 B at hb by esp_aes",
         GOOD "[ALLOC-FAIL] size=16384 caps=0x1 caller=esp_aes\n"},
        {"failed_take", "pool sessions refused 3 takes at hb",
         GOOD "[Trip] refused_take trip tag=hb value=3 limit=1 name=sessions (0ms)\n"},
        {"panic", "corrupt_heap at hb, line 2", GOOD "CORRUPT HEAP: Bad head at 0x3fcb5cd0.\n"},
        {"panic", "double_free at hb", GOOD "free(): double free detected in tcache 2\n"},
        {"reset", "nobody asked for at hb (Task WDT)", GOOD "rst:0x8004 (Task WDT)\n"},
        {"lock", "config timed out 2 times: held by ui for 61 ms while net waited, at hb",
         GOOD "[Lock] name=config holder=ui waiter=net held_ms=61 timeouts=2 (0ms)\n"},
        {"late", "task net checked in 600 ms too late (limit 500 ms) at tx_start",
         GOOD "[Trip] late_task trip tag=tx_start value=600 limit=500 name=net (0ms)\n"},
        {"lock", "history timed out 3 times at tx_start",
         GOOD "[Trip] lock_timeout trip tag=tx_start value=3 limit=1 name=history (0ms)\n"},
        {"lock", "config timed out 2 times: held by ui",
         GOOD "[Lock] name=config holder=ui waiter=net held_ms=61 timeouts=2 (0ms)\n"
              "[Trip] lock_timeout trip tag=tx_start value=2 limit=1 name=config (0ms)\n"},
        {"stack", "task net has 100 B left (limit 512 B) at tx_start",
         GOOD "[Trip] stack trip tag=tx_start value=100 limit=512 name=net (0ms)\n"},
        {"stack", "task net has 100 B left at hb, at least 512 B",
         GOOD "[Task] name=net prio=1 core=0 stack_rem=100B (0ms)\n"
              "[Trip] stack trip tag=tx_start value=100 limit=512 name=net (0ms)\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lab_gates_init(&gates);
        CHECK_EQ(judge(table[i].said), LAB_FINDING);
        CHECK(is_found(table[i].gate, table[i].text));
        CHECK_EQ(run.findings, 1);
    }
}

static void lab_gates_a_known_stack_needs_half_as_much_again(void)
{
    lab_gates_init(&gates);
    CHECK_EQ(lab_gates_set(&gates, "stack:net=3000"), 0);
    CHECK_EQ(judge(GOOD "[Task] name=net prio=1 core=0 stack_rem=1000B (0ms)\n"), LAB_PASS);
    CHECK_EQ(judge(GOOD "[Task] name=net prio=1 core=0 stack_rem=999B (0ms)\n"), LAB_FINDING);
    CHECK_EQ(judge(GOOD "[Task] name=other prio=1 core=0 stack_rem=999B (0ms)\n"), LAB_PASS);
}

static void lab_gates_a_size_said_again_is_the_last_that_was_said(void)
{
    char setting[40];
    lab_gates_init(&gates);
    for (unsigned i = 0; i < 2u * LAB_GATE_STACKS_MAX; i++) {
        (void)snprintf(setting, sizeof setting, "stack:t%u=%u", i % LAB_GATE_STACKS_MAX, 3000u + i);
        CHECK_EQ(lab_gates_set(&gates, setting), 0);
    }
    CHECK_EQ(lab_gates_set(&gates, "stack:one_more=1"), -1);
    CHECK_EQ(judge(GOOD "[Task] name=t0 prio=1 core=0 stack_rem=1000B (0ms)\n"), LAB_FINDING);
    CHECK(is_found("stack", "task t0 used 2032 B of 3032 B"));
}

// Each of them looked for itself among all that came after it.
static void lab_gates_many_time_outs_of_a_lock_are_one_finding(void)
{
    lab_text_t text = {0};
    lab_gates_init(&gates);
    lab_text_put(&text, GOOD);
    for (unsigned i = 1; i <= 200000u; i++) {
        lab_text_print(&text, "[Lock] name=config holder=ui waiter=net held_ms=61 timeouts=%u\n",
                       i);
    }
    REQUIRE(text.text != NULL);
    CHECK_EQ(judge(text.text), LAB_FINDING);
    CHECK(is_found("lock", "config timed out 200000 times"));
    CHECK_EQ(run.findings, 1);
    lab_text_free(&text);
}

static void lab_gates_a_stack_is_judged_by_the_size_it_tells(void)
{
#define NET(left)         "[Task] name=net prio=1 core=0 stack_rem=" #left "B (0ms)\n"
#define SIZE(name, bytes) "[Stack] name=" #name " size=" #bytes "B prio=1 (0ms)\n"
    lab_gates_init(&gates);
    CHECK_EQ(judge(GOOD NET(1000) SIZE(net, 3000)), LAB_PASS); // told behind the margin
    CHECK_EQ(judge(GOOD SIZE(net, 3000) NET(999)), LAB_FINDING);
    CHECK(is_found("stack", "task net used 2001 B of 3000 B by hb: at least one and a half"));
    CHECK_EQ(judge(GOOD SIZE(net, 600) NET(400)), LAB_PASS); // the floor is for what is not known
    CHECK_EQ(judge(GOOD SIZE(other, 3000) NET(999)), LAB_PASS);
    CHECK_EQ(judge(GOOD SIZE(net, 900) NET(999)), LAB_PASS); // impossible, and no finding
    // A restart with other firmware: each row by the size of its own life.
    CHECK_EQ(judge("[System Boot] Starting...\n" GOOD NET(1500) SIZE(
                 net, 3000) "[System Boot] Starting...\n" GOOD NET(2600) SIZE(net, 8000)),
             LAB_FINDING);
    CHECK(is_found("stack", "task net used 5400 B of 8000 B"));
    CHECK_EQ(run.findings, 2); // and the restart
    CHECK_EQ(judge(GOOD SIZE(net, 3000) NET(1500) SIZE(net, 3000) NET(999)), LAB_FINDING);
    CHECK_EQ(run.stacks, 1);
    CHECK_EQ(lab_gates_set(&gates, "stack:net=2000"), 0); // what the user says wins
    CHECK_EQ(judge(GOOD SIZE(net, 3000) NET(999)), LAB_PASS);
    CHECK_EQ(lab_gates_set(&gates, "stack=off"), 0);
    CHECK_EQ(judge(GOOD SIZE(net, 3000) NET(1)), LAB_PASS);
}

static void lab_gates_more_stacks_than_are_judged_do_not_pass(void)
{
    lab_text_t text = {0};
    lab_gates_init(&gates);
    lab_text_put(&text, GOOD);
    for (unsigned i = 1; i < LAB_STACKS_MAX; i++) {
        lab_text_print(&text, "[Task] name=t%u prio=1 core=0 stack_rem=999B (0ms)\n", i);
    }
    REQUIRE(text.text != NULL);
    CHECK_EQ(judge(text.text), LAB_PASS);
    lab_text_put(&text, "[Task] name=one prio=1 core=0 stack_rem=999B (0ms)\n");
    lab_text_put(&text, "[Task] name=more prio=1 core=0 stack_rem=999B (0ms)\n");
    CHECK_EQ(judge(text.text), LAB_INCONCLUSIVE);
    lab_text_free(&text);
}

static void lab_gates_each_can_be_moved_and_switched_off(void)
{
    static const char *const off[] = {"hin_min=off",    "frag=off",  "stack=off", "failed_take=off",
                                      "wrong_give=off", "panic=off", "reset=off", "lock=off",
                                      "late=off",       "leak=off"};
    static const char bad[] =
        "[Mem] hb hf=200000 hl=100 hin=100 frag=90\n[Task] name=net prio=1 core=0 stack_rem=1B\n"
        "[Pool] name=sessions size=96 cap=8 use=3 peak=8 min=0 exh=2 bad=1 (0ms)\n"
        "abort() was called at PC 0x4037a1b2 on core 0\nrst:0x8002 (Panic)\n"
        "[Lock] name=config holder=ui waiter=net held_ms=61 timeouts=2 (0ms)\n"
        "[Trip] late_task trip tag=tx_start value=600 limit=500 name=net (0ms)\n";
    lab_gates_init(&gates);
    CHECK_EQ(judge(bad), LAB_FINDING);
    CHECK_EQ(run.findings, 9);
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        CHECK_EQ(lab_gates_set(&gates, off[i]), 0);
    }
    CHECK_EQ(judge(bad), LAB_PASS);
    lab_gate_state_t states[4];
    CHECK_EQ(lab_gates_list(&gates, states, 4), 0);
    lab_gates_init(&gates);
    CHECK_EQ(lab_gates_list(&gates, states, 4), 10);
    CHECK_STR(states[0].limit, "at least 102400 B");
    CHECK_EQ(lab_gates_set(&gates, "hin_min=100"), 0);
    CHECK_EQ(lab_gates_set(&gates, "frag=91"), 0);
    CHECK_EQ(lab_gates_set(&gates, "stack=1"), 0);
    CHECK_EQ(judge("[Mem] hb hf=200000 hl=100 hin=100 frag=90\n[Task] name=net prio=1 core=0 "
                   "stack_rem=1B\n"),
             LAB_PASS);
    static const char *const wrong[] = {"",        "frag",         "frag=",     "nope=off",
                                        "panic=5", "hin_min=nope", "stack:=5",  "stack:net=0",
                                        "=off",    "panic",        "hin_min=5%"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQ(lab_gates_set(&gates, wrong[i]), -1);
    }
}

static void lab_gates_expressions_mean_what_they_say(void)
{
    static const struct {
        const char *text;
        int verdict;
    } table[] = {
        {"hin_min<180001", LAB_FINDING},
        {"hin<180000", LAB_PASS},
        {"hin<=180000", LAB_FINDING},
        {"hf>=200K", LAB_PASS},
        {"hf>195K", LAB_FINDING},
        {"frag>4", LAB_FINDING},
        {"frag>5%", LAB_PASS},
        {"pool:sessions.peak>62%", LAB_FINDING},
        {"pool:sessions.peak>63%", LAB_PASS},
        {"pool:sessions.use>2", LAB_FINDING},
        {"pool:*.use>2", LAB_FINDING},
        {"pool:a.b.use>0", LAB_FINDING},
        {"pool:nobody.use>2", LAB_INCONCLUSIVE},
        {"stack<1000", LAB_FINDING},
        {"stack:main<999", LAB_PASS},
        {"trip", LAB_FINDING},
        {"trip:pool", LAB_FINDING},
        {"trip:late_task", LAB_PASS},
        {"trip>1", LAB_PASS},
        {"panic", LAB_PASS},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lab_gates_init(&gates);
        CHECK_EQ(lab_gates_add(&gates, table[i].text), 0);
        int verdict =
            judge(GOOD "[Task] name=main prio=1 core=0 stack_rem=999B (0ms)\n"
                       "[Pool] name=sessions size=96 cap=8 use=3 peak=5 min=3 exh=0 bad=0 (0ms)\n"
                       "[Pool] name=a.b size=96 cap=8 use=1 peak=1 min=7 exh=0 bad=0 (0ms)\n"
                       "[Trip] pool trip tag=hb value=95 limit=90 name=sessions (0ms)\n");
        if (verdict != table[i].verdict) {
            HF_TEST_FAIL("%s gives %d, expected %d", table[i].text, verdict, table[i].verdict);
        }
    }
    static const char *const wrong[] = {
        "",        "hin",     "hin<",     "hin<x", "nope<3", "pool:a<3",       "pool:.use<3",
        "hin:x<3", "hin<80%", "stack:<3", "use<3", "hin<<3", "hin<99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        lab_gates_init(&gates);
        CHECK_EQ(lab_gates_add(&gates, wrong[i]), -1);
    }
}

static void lab_gates_steps_that_were_not_run_are_inconclusive(void)
{
    lab_gates_init(&gates);
    lab_run_free(&run);
    lab_step_t *first = lab_run_plan(&run, "s1.boot", "boots");
    lab_step_t *second = lab_run_plan(&run, "s1.idle", "idles");
    REQUIRE(first != NULL && second != NULL);
    CHECK_EQ(lab_run_feed(&run, NOW, GOOD, sizeof GOOD - 1u), 0);
    first->result = LAB_STEP_PASSED;
    lab_gates_judge(&gates, &run);
    CHECK_EQ(lab_run_verdict(&run), LAB_INCONCLUSIVE);
    CHECK_STR(run.why_inconclusive, "1 of 2 planned steps were not run");
    second->result = LAB_STEP_FAILED;
    (void)snprintf(second->why, sizeof second->why, "no hb in 90 s");
    lab_gates_judge(&gates, &run);
    CHECK(is_found("step", "s1.idle: no hb in 90 s"));
    CHECK_EQ(lab_run_verdict(&run), LAB_FINDING);
}

// ---- JUnit ----------------------------------------------------------------------------------------------------------

static bool has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        printf("  lacks: %s\n", part);
        return false;
    }
    return true;
}

static void lab_junit_has_every_planned_case_once(void)
{
    lab_gates_init(&gates);
    lab_run_free(&run);
    (void)snprintf(run.key, sizeof run.key, "s4");
    static const char *const ids[] = {"a", "b", "c", "d<&\">\x01\xff\xef\xbf\xbf\xc3\xa9"};
    lab_step_t *steps[4];
    for (size_t i = 0; i < 4; i++) {
        steps[i] = lab_run_plan(&run, ids[i], "does it");
        REQUIRE(steps[i] != NULL);
    }
    steps[0]->result = LAB_STEP_PASSED;
    steps[1]->result = LAB_STEP_FAILED;
    (void)snprintf(steps[1]->why, sizeof steps[1]->why, "HTTP 500\nin \x1b[31mred");
    steps[2]->result = LAB_STEP_SKIPPED;
    CHECK_EQ(lab_run_feed(&run, NOW, GOOD "Rebooting...\n", sizeof GOOD + 12u), 0);
    lab_gates_judge(&gates, &run);
    const lab_run_t *const runs[] = {&run};
    char name[64];
    (void)snprintf(name, sizeof name, "lab_junit.%d.xml", (int)getpid());
    CHECK_EQ(lab_junit_save(runs, 1, name), 0);
    size_t length;
    char *text = lab_file_read(".", name, &length);
    REQUIRE(text != NULL);
    CHECK(has(text, "tests=\"5\" failures=\"2\" errors=\"1\" skipped=\"1\""));
    CHECK(has(text, "<testcase classname=\"lab.s4\" name=\"a\" time=\"0.000\">\n    </testcase>"));
    CHECK(has(text, "<failure type=\"step\" message=\"HTTP 500&#10;in [31mred\"/>"));
    CHECK(has(text, "<skipped message=\"\"/>"));
    CHECK(has(text, "<property name=\"dirty\" value=\"unknown\"/>")); // git told nothing
    CHECK(has(text, "name=\"d&lt;&amp;&quot;&gt;\xEF\xBF\xBD\xEF\xBF\xBD\xc3\xa9\""));
    CHECK(has(text, "<error type=\"not_run\" message=\"Rebooting...\"/>"));
    CHECK(has(text, "<failure type=\"gate\" message=\"panic: rebooting at hb"));
    unsigned cases = 0;
    for (const char *at = text; (at = strstr(at, "<testcase")) != NULL; at++) {
        cases++;
    }
    CHECK_EQ(cases, 5);
    free(text);
    (void)snprintf(run.git.commit, sizeof run.git.commit, "abc1234");
    const lab_run_t *const again[] = {&run, &run};
    CHECK_EQ(lab_junit_save(again, 2, name), 0);
    text = lab_file_read(".", name, &length);
    REQUIRE(text != NULL);
    CHECK(has(text, "<testsuite name=\"s4\""));
    CHECK(has(text, "<testsuite name=\"s4.2\""));
    CHECK(has(text, "<property name=\"dirty\" value=\"no\"/>"));
    CHECK(has(text, "<testcase classname=\"lab.s4.2\" name=\"a\""));
    free(text);
    (void)unlink(name);
    CHECK_EQ(lab_junit_save(runs, 1, "no/such/folder/junit.xml"), -1);
    lab_run_free(&run);
}

HF_TEST_MAIN(HF_TEST(lab_gates_a_device_that_behaves_passes),
             HF_TEST(lab_gates_do_not_charge_the_device_with_snapshots_the_probe_lost),
             HF_TEST(lab_gates_with_nothing_to_judge_do_not_pass),
             HF_TEST(lab_gates_each_default_finds_and_places),
             HF_TEST(lab_gates_a_known_stack_needs_half_as_much_again),
             HF_TEST(lab_gates_a_size_said_again_is_the_last_that_was_said),
             HF_TEST(lab_gates_many_time_outs_of_a_lock_are_one_finding),
             HF_TEST(lab_gates_a_stack_is_judged_by_the_size_it_tells),
             HF_TEST(lab_gates_more_stacks_than_are_judged_do_not_pass),
             HF_TEST(lab_gates_each_can_be_moved_and_switched_off),
             HF_TEST(lab_gates_expressions_mean_what_they_say),
             HF_TEST(lab_gates_steps_that_were_not_run_are_inconclusive),
             HF_TEST(lab_junit_has_every_planned_case_once))
