// SPDX-License-Identifier: MIT
// A record survives its directory: what was saved is what is loaded, of ours whole, of the harness of old as far as it goes.
#include "hf_test.h"
#include "lab.h"
#include "lab_json.h"
#include "lab_stacks.h"

#include <stdlib.h>
#include <unistd.h>

#define NOW 1768000000.0

static const char said[] =
    "ESP-ROM:esp32s3-20210327\nrst:0x1 (POWERON),boot:0x8\n[System Boot] Starting... (0ms)\n"
    "  Firmware: v1.5.0 (0ms)\n[WiFi] Got IP: 10.0.0.9 (0ms)\n"
    "[Mem] img pre-clear hf=61440 hm=40000 hl=30708 hi=45000 hin=20912 frag=50 pf=30 pm=20 pl=10 "
    "(0ms)\n"
    "[Mem] TRIPWIRE fired tag=img pre-clear hin=20912B < 30720B (hf=5B hl=4B frag=9% pf=3B pl=2B) "
    "(0ms)\n"
    "[Mem] Task dump (2 tasks, sorted by stack margin) tag=img pre-clear (0ms)\n"
    "[Task] name=Tmr Svc prio=1 core=2147483647 stack_rem=90B (0ms)\n"
    "[Task] name=ipc1 prio=24 core=1 stack_rem=84B (0ms)\n"
    "[Stack] name=ipc1 size=1024B prio=24 (0ms)\n"
    "[Pool] name=sessions size=96 cap=8 use=3 peak=5 min=3 exh=2 bad=1 (0ms)\n"
    "[Lock] name=journal holder=comms waiter=portal held_ms=60 timeouts=3 (0ms)\n"
    "[Trip] late_task trip tag=hb value=600 limit=500 name=main (0ms)\n"
    "[ALLOC-FAIL] size=16384 caps=0x1800 caller=esp_aes\n"
    "abort() was called at PC 0x40378a1b on core 0\nRebooting...\n"
    "rst:0xc (RTC_SW_CPU_RST)\n[Mem] boot hf=61440 hm=40000 hl=30708 hi=45000 hin=40000 frag=50 "
    "pf=30 pm=20 pl=10 (0ms)\n";

typedef struct scene {
    lab_run_t *run, *back;
    char dir[64];
} scene_t;

static bool begin(scene_t *scene)
{
    scene->run = calloc(1, sizeof *scene->run);
    scene->back = calloc(1, sizeof *scene->back);
    (void)snprintf(scene->dir, sizeof scene->dir, "lab_record.%d", (int)getpid());
    if (scene->run == NULL || scene->back == NULL) {
        return false;
    }
    lab_run_init(scene->run);
    return true;
}

static void end(scene_t *scene)
{
    static const char *const files[] = {"events.jsonl", "mem.jsonl",    "tasks.jsonl",
                                        "pools.jsonl",  "health.jsonl", "summary.json",
                                        "summary.md"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", scene->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(scene->dir);
    lab_run_free(scene->run);
    lab_run_free(scene->back);
    free(scene->run);
    free(scene->back);
}

static void fill(lab_run_t *run)
{
    (void)snprintf(run->key, sizeof run->key, "s4");
    (void)snprintf(run->title, sizeof run->title, "Worst-case \"configuration\"");
    (void)snprintf(run->device, sizeof run->device, "/dev/ttyACM0");
    (void)snprintf(run->git.commit, sizeof run->git.commit, "abc1234");
    (void)snprintf(run->git.status, sizeof run->git.status, " M a.c");
    (void)snprintf(run->replay, sizeof run->replay, "holdfast lab run s4");
    run->baud = 115200;
    run->seed = 77;
    lab_step_t *step = lab_run_plan(run, "s4.post", "posts it");
    REQUIRE(step != NULL);
    step->result = LAB_STEP_FAILED;
    step->seconds = 1.25;
    run->played_s = 3597.5;
    (void)snprintf(step->why, sizeof step->why, "HTTP 500");
    CHECK_EQ(lab_run_feed(run, NOW, said, sizeof said - 1u), 0);
    CHECK_EQ(lab_run_health(run, NOW + 1, "s4_a", "http://10.0.0.9/api/health", 200,
                            "{\"heap_internal_free\":45000}"),
             0);
    CHECK_EQ(lab_run_health_headers(run, "{\"Content-Type\": \"application/json\"}"), 0);
    CHECK_EQ(lab_run_health(run, NOW + 2, "s4_b", NULL, 0, NULL), 0);
    lab_run_find(run, "panic", "abort at %s", "img pre-clear");
    lab_run_inconclusive(run, "only %d samples", 2);
}

static void check_rows(const lab_run_t *a, const lab_run_t *b)
{
    REQUIRE(b->mems == 2 && b->tasks == 2 && b->pools == 1 && b->healths == 2);
    REQUIRE(b->stacks == 1 && b->locks == 1 && b->refuseds == 1 && b->events == a->events);
    CHECK(memcmp(&a->mem[0].memory, &b->mem[0].memory, sizeof a->mem[0].memory) == 0);
    CHECK_STR(b->mem[0].tag, "img pre-clear");
    CHECK_EQ(b->mem[0].boot, 0);
    CHECK_EQ(b->mem[1].boot, 1);
    CHECK(b->mem[0].ts == NOW);
    CHECK_STR(b->task[0].name, "Tmr Svc");
    CHECK_EQ(b->task[0].core, LAB_CORE_ANY);
    CHECK_STR(b->task[0].tag, "img pre-clear");
    CHECK_STR(b->stack[0].name, "ipc1");
    CHECK_EQ(lab_stack_bytes(b, &b->task[0]), 0);
    CHECK_EQ(lab_stack_bytes(b, &b->task[1]), 1024);
    CHECK(memcmp(&a->pool[0].pool, &b->pool[0].pool, sizeof a->pool[0].pool) == 0);
    CHECK_STR(b->pool[0].tag, "img pre-clear");
    CHECK_STR(b->health[0].body, "{\"heap_internal_free\":45000}");
    CHECK_EQ(b->health[0].http_status, 200);
    REQUIRE(b->health[0].headers != NULL);
    CHECK_STR(b->health[0].headers, "{\"Content-Type\": \"application/json\"}");
    CHECK(b->health[1].is_skipped);
    CHECK_STR(b->lock[0].holder, "comms");
    CHECK_EQ(b->refused[0].size, 16384);
    CHECK_EQ(b->notes, a->notes); // rows are found again in the events
    for (uint32_t i = 0; i < a->events; i++) {
        lab_text_t here = {0}, there = {0};
        lab_run_event_json(a, i, &here);
        lab_run_event_json(b, i, &there);
        REQUIRE(here.text != NULL && there.text != NULL);
        CHECK_STR(there.text, here.text);
        lab_text_free(&here);
        lab_text_free(&there);
    }
}

static void check_summary(const lab_run_t *b)
{
    CHECK_STR(b->key, "s4");
    CHECK_STR(b->title, "Worst-case \"configuration\"");
    CHECK_STR(b->firmware, "1.5.0");
    CHECK_STR(b->final_ip, "10.0.0.9");
    CHECK_STR(b->git.status, " M a.c");
    CHECK_EQ(b->baud, 115200);
    CHECK_EQ(b->seed, 77);
    CHECK_EQ(b->boots, 1);
    CHECK_EQ(b->unexpected_resets, 1);
    CHECK(b->start_ts == NOW);
    REQUIRE(b->trips == 2 && b->panics == 1 && b->resets == 2 && b->steps == 1);
    CHECK_EQ(b->trip[0].worst_count, 2);
    CHECK_STR(b->trip[0].worst[0].name, "ipc1");
    CHECK_STR(b->trip[1].wire, "late_task");
    CHECK_STR(b->trip[1].name, "main");
    CHECK_STR(b->panic[0].kind, "abort");
    CHECK_EQ(b->panic[0].line_no, 16);
    CHECK_STR(b->panic[0].tag, "img pre-clear");
    CHECK_STR(b->reset[1].reason, "RTC_SW_CPU_RST");
    CHECK_EQ(b->step[0].result, LAB_STEP_FAILED);
    CHECK(b->step[0].seconds == 1.25);
    CHECK(b->played_s == 3597.5);
    REQUIRE(b->findings == 1);
    CHECK_STR(b->finding[0].text, "abort at img pre-clear");
    CHECK_STR(b->why_inconclusive, "only 2 samples");
    CHECK_EQ(lab_run_verdict(b), LAB_FINDING);
}

static void lab_record_saved_is_what_is_loaded(void)
{
    scene_t scene;
    REQUIRE(begin(&scene));
    fill(scene.run);
    CHECK_EQ(lab_run_save(scene.run, scene.dir), 0);
    CHECK_EQ(lab_run_load(scene.back, scene.dir), 0);
    check_rows(scene.run, scene.back);
    check_summary(scene.back);
    end(&scene);
}

static void lab_record_summary_has_the_members_of_old(void)
{
    scene_t scene;
    REQUIRE(begin(&scene));
    fill(scene.run);
    CHECK_EQ(lab_run_save(scene.run, scene.dir), 0);
    size_t length;
    char *text = lab_file_read(scene.dir, "summary.json", &length);
    hf_json_t root;
    REQUIRE(text != NULL && hf_json_parse(text, length, &root) == HF_OK);
    static const char *const members[] = {"scenario",
                                          "scenario_key",
                                          "scenario_title",
                                          "scenario_description",
                                          "start_ts",
                                          "end_ts",
                                          "port",
                                          "baud",
                                          "initial_ip",
                                          "final_ip",
                                          "firmware_version",
                                          "git",
                                          "artifacts",
                                          "derived",
                                          "schema"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (hf_json_member(root, members[i]).type == HF_JSON_NONE) {
            HF_TEST_FAIL("no member %s", members[i]);
        }
    }
    hf_json_t derived = hf_json_member(root, "derived");
    CHECK_EQ(lab_json_u32(derived, "hin_min"), 20912);
    CHECK_EQ(lab_json_u32(derived, "hm_min"), 40000);
    CHECK_EQ(lab_json_u32(derived, "pf_min"), 30);
    CHECK_EQ(lab_json_u32(derived, "pm_min"), 20);
    CHECK_EQ(lab_json_u32(derived, "frag_max"), 50);
    CHECK_EQ(hf_json_count(hf_json_member(derived, "tags")), 2);
    hf_json_t trip = hf_json_member(derived, "tripwire");
    CHECK(lab_json_bool(trip, "fired"));
    CHECK_EQ(lab_json_u32(trip, "threshold"), 30720);
    CHECK(hf_json_is_string(hf_json_member(hf_json_member(derived, "panic"), "kind"), "abort"));
    free(text);
    end(&scene);
}

static void write_file(const char *dir, const char *name, const char *content)
{
    lab_text_t text = {0};
    lab_text_put(&text, content);
    CHECK_EQ(lab_file_write(dir, name, &text), 0);
    lab_text_free(&text);
}

static void lab_record_of_the_harness_of_old_is_loaded(void)
{
    scene_t scene;
    REQUIRE(begin(&scene));
    CHECK_EQ(lab_run_save(scene.run, scene.dir), 0); // the directory
    write_file(scene.dir, "mem.jsonl",
               "{\"frag\": 37, \"hf\": 6, \"hi\": 5, \"hin\": 4, \"hl\": 3, \"hm\": 2, \"pf\": 9, "
               "\"pl\": 7, \"pm\": 8, \"tag\": \"hb\", \"ts\": "
               "\"2026-01-09T11:15:35.123456+00:00\"}\n{\"cut");
    write_file(scene.dir, "summary.json",
               "{\"scenario_key\": \"s2\", \"derived\": {\"tripwire\": {\"fired\": true, \"tag\": "
               "\"http_root\", \"hin\": 21532, \"threshold\": 30720, \"worst_stacks\": [{\"name\": "
               "\"ipc0\", \"stack_rem\": 76, \"core\": 2147483647, \"prio\": 24}]}, \"panic\": "
               "{\"detected\": true, \"kind\": \"backtrace\", \"line\": \"x\", \"line_no\": 7}}}");
    REQUIRE(lab_run_load(scene.back, scene.dir) == 0);
    CHECK_EQ(scene.back->mems, 1);
    CHECK_EQ(scene.back->mem[0].memory.pl, 7);
    REQUIRE(scene.back->trips == 1 && scene.back->panics == 1);
    CHECK_EQ(scene.back->trip[0].value, 21532);
    CHECK_STR(scene.back->trip[0].wire, "internal_min");
    CHECK_EQ(scene.back->trip[0].worst[0].core, LAB_CORE_ANY);
    CHECK_EQ(scene.back->panic[0].line_no, 7);
    end(&scene);
}

static void lab_record_that_is_none_is_refused(void)
{
    scene_t scene;
    REQUIRE(begin(&scene));
    CHECK_EQ(lab_run_load(scene.back, "no such directory"), -1);
    CHECK_EQ(lab_run_save(scene.run, scene.dir), 0);
    write_file(scene.dir, "summary.json", "{\"schema\": 2}");
    CHECK_EQ(lab_run_load(scene.back, scene.dir), -1);
    write_file(scene.dir, "summary.json", "[]");
    CHECK_EQ(lab_run_load(scene.back, scene.dir), -1);
    end(&scene);
}

static void lab_record_moments_go_there_and_back(void)
{
    static const double moments[] = {0, 1, 1768000000.25, 1768000000.999999, 4102444800.5};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        char text[40];
        double back = -1;
        lab_iso8601(moments[i], text);
        CHECK(lab_from_iso8601(text, &back));
        CHECK(back - moments[i] < 1e-6 && moments[i] - back < 1e-6);
    }
    double ts;
    CHECK(!lab_from_iso8601("yesterday", &ts));
    CHECK(!lab_from_iso8601("2026-01-09T11:15:35+02:00", &ts));
    CHECK(lab_from_iso8601("2026-01-09T11:15:35Z", &ts));
    uint32_t bytes;
    char word[16];
    CHECK(lab_shell_word("s1", word, sizeof word));
    CHECK_STR(word, "s1");
    CHECK(lab_shell_word("a b", word, sizeof word));
    CHECK_STR(word, "'a b'");
    CHECK(lab_shell_word("it's", word, sizeof word));
    CHECK_STR(word, "'it'\\''s'");
    CHECK(lab_shell_word("", word, sizeof word));
    CHECK_STR(word, "''");
    CHECK(!lab_shell_word("longer than there is room", word, sizeof word));
    CHECK(lab_bytes("80K", &bytes) && bytes == 81920);
    CHECK(lab_bytes("100 KB", &bytes) == false);
    CHECK(lab_bytes("100KB", &bytes) && bytes == 102400);
    CHECK(lab_bytes("8M", &bytes) && bytes == 8388608);
    CHECK(lab_bytes("17", &bytes) && bytes == 17);
    CHECK(!lab_bytes("", &bytes) && !lab_bytes("K", &bytes) && !lab_bytes("5000M", &bytes));
}

HF_TEST_MAIN(HF_TEST(lab_record_saved_is_what_is_loaded),
             HF_TEST(lab_record_summary_has_the_members_of_old),
             HF_TEST(lab_record_of_the_harness_of_old_is_loaded),
             HF_TEST(lab_record_that_is_none_is_refused),
             HF_TEST(lab_record_moments_go_there_and_back))
