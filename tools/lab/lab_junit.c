// SPDX-License-Identifier: MIT
// JUnit XML. Cases are planned before anything is done, so that none can get lost: what was not come to stands as an error.
#include "lab_junit.h"

#include "lab.h"
#include "lab_json.h"
#include "version.h"

#include "holdfast/hf_utf8.h"

#include <errno.h>
#include <string.h>

#define BAD "\xEF\xBF\xBD" // U+FFFD

// What XML 1.0 has no room for (control characters, U+FFFE, U+FFFF, what is no UTF-8) is left out or replaced.
static void escape(lab_text_t *out, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        const unsigned char c = (unsigned char)*at;
        size_t length = c < 0x80u ? 1u : c < 0xE0u ? 2u : c < 0xF0u ? 3u : 4u;
        bool is_whole = strnlen(at, length) == length &&
                        hf_utf8_feed(HF_UTF8_WHOLE, (const uint8_t *)at, length) == HF_UTF8_WHOLE;
        const char *known = c == '<'    ? "&lt;"
                            : c == '>'  ? "&gt;"
                            : c == '&'  ? "&amp;"
                            : c == '"'  ? "&quot;"
                            : c == '\n' ? "&#10;"
                            : c == '\t' ? "&#9;"
                                        : NULL;
        if (!is_whole || (length == 3u && memcmp(at, "\xEF\xBF", 2) == 0 &&
                          ((unsigned char)at[2] & 0xFEu) == 0xBEu)) {
            lab_text_put(out, BAD);
            at += is_whole ? length : 1u;
        } else {
            if (known != NULL) {
                lab_text_put(out, known);
            } else if (length > 1u || (c >= 0x20u && c != 0x7Fu)) {
                lab_text_add(out, at, length);
            }
            at += length;
        }
    }
}

static void attribute(lab_text_t *out, const char *name, const char *value)
{
    lab_text_print(out, " %s=\"", name);
    escape(out, value);
    lab_text_put(out, "\"");
}

static void child(lab_text_t *out, const char *element, const char *type, const char *message)
{
    lab_text_print(out, "      <%s", element);
    if (type != NULL) {
        attribute(out, "type", type);
    }
    attribute(out, "message", message);
    lab_text_put(out, "/>\n");
}

typedef struct counts {
    uint32_t tests, failures, errors, skipped;
} counts_t;

static void begin_case(lab_text_t *out, const char *suite, const char *name, double seconds)
{
    char class[96];
    (void)snprintf(class, sizeof class, "lab.%s", suite);
    lab_text_put(out, "    <testcase");
    attribute(out, "classname", class);
    attribute(out, "name", name);
    lab_text_print(out, " time=\"%.3f\">\n", seconds);
}

static void put_step(lab_text_t *out, const lab_run_t *run, const char *suite,
                     const lab_step_t *step, counts_t *counts)
{
    counts->tests++;
    begin_case(out, suite, step->id, step->seconds);
    switch (step->result) {
    case LAB_STEP_FAILED:
        counts->failures++;
        child(out, "failure", "step", step->why[0] != '\0' ? step->why : "failed");
        break;
    case LAB_STEP_SKIPPED:
        counts->skipped++;
        child(out, "skipped", NULL, step->why);
        break;
    case LAB_STEP_PLANNED:
        counts->errors++;
        child(out, "error", "not_run",
              run->panics > 0                    ? run->panic[0].line
              : run->why_inconclusive[0] != '\0' ? run->why_inconclusive
                                                 : "the run ended before it was come to");
        break;
    case LAB_STEP_PASSED:
        break;
    }
    lab_text_put(out, "    </testcase>\n");
}

// One case for all gates: which are judged is planned, too. Steps that failed have their own cases.
static void put_verdict(lab_text_t *out, const lab_run_t *run, const char *suite, counts_t *counts)
{
    bool failed = false;
    counts->tests++;
    begin_case(out, suite, "gates", run->end_ts > run->start_ts ? run->end_ts - run->start_ts : 0);
    for (uint32_t i = 0; i < run->findings && !failed; i++) {
        failed = strcmp(run->finding[i].gate, "step") != 0;
    }
    if (failed) {
        lab_text_t all = {0};
        for (uint32_t i = 0; i < run->findings; i++) {
            lab_text_print(&all, "%s%s: %s", i > 0 ? "\n" : "", run->finding[i].gate,
                           run->finding[i].text);
        }
        lab_text_print(&all, "%s%s", run->replay[0] != '\0' ? "\nagain: " : "", run->replay);
        counts->failures++;
        child(out, "failure", "gate", all.text != NULL ? all.text : "no memory");
        lab_text_free(&all);
    } else if (run->is_inconclusive) {
        counts->errors++;
        child(out, "error", "inconclusive", run->why_inconclusive);
    }
    lab_text_put(out, "    </testcase>\n");
}

static void property(lab_text_t *out, const char *name, const char *value)
{
    lab_text_put(out, "      <property");
    attribute(out, "name", name);
    attribute(out, "value", value);
    lab_text_put(out, "/>\n");
}

static void put_properties(lab_text_t *out, const lab_run_t *run)
{
    char seed[24], baud[16];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->seed);
    (void)snprintf(baud, sizeof baud, "%u", run->baud);
    lab_text_put(out, "    <properties>\n");
    property(out, "version", HOLDFAST_VERSION);
    bool is_known = run->git.commit[0] != '\0'; // no checkout, or no git: nobody knows
    property(out, "commit", is_known ? run->git.commit : "unknown");
    property(out, "dirty", !is_known ? "unknown" : run->git.status[0] != '\0' ? "yes" : "no");
    property(out, "firmware", run->firmware);
    property(out, "port", run->device);
    property(out, "baud", baud);
    property(out, "seed", seed);
    property(out, "replay", run->replay);
    lab_text_put(out, "    </properties>\n");
}

// A scenario's name; from its second run on with a number, so that no case has the name of another.
static void name_suite(const lab_run_t *const *runs, uint32_t index, char *name, size_t capacity)
{
    const char *key = runs[index]->key;
    unsigned nth = 1;
    for (uint32_t i = 0; i < index; i++) {
        nth += strcmp(runs[i]->key, key) == 0 ? 1u : 0u;
    }
    int length = snprintf(name, capacity, "%s", key[0] != '\0' ? key : "run");
    if (nth > 1u && length > 0 && (size_t)length < capacity) {
        (void)snprintf(name + length, capacity - (size_t)length, ".%u", nth);
    }
}

static counts_t put_suite(lab_text_t *out, const lab_run_t *run, const char *suite)
{
    counts_t counts = {0};
    lab_text_t cases = {0};
    char stamp[40];
    for (uint32_t i = 0; i < run->steps; i++) {
        put_step(&cases, run, suite, &run->step[i], &counts);
    }
    put_verdict(&cases, run, suite, &counts);
    lab_iso8601(run->start_ts, stamp);
    lab_text_put(out, "  <testsuite");
    attribute(out, "name", suite);
    lab_text_print(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\"",
                   counts.tests, counts.failures, counts.errors, counts.skipped,
                   run->end_ts > run->start_ts ? run->end_ts - run->start_ts : 0);
    attribute(out, "timestamp", stamp);
    lab_text_put(out, ">\n");
    put_properties(out, run);
    lab_text_add(out, cases.text != NULL ? cases.text : "", cases.length);
    out->failed |= cases.failed;
    lab_text_put(out, "  </testsuite>\n");
    lab_text_free(&cases);
    return counts;
}

int lab_junit_save(const lab_run_t *const *runs, uint32_t count, const char *path)
{
    lab_text_t suites = {0}, out = {0};
    counts_t all = {0};
    for (uint32_t i = 0; i < count; i++) {
        char name[80];
        name_suite(runs, i, name, sizeof name);
        counts_t one = put_suite(&suites, runs[i], name);
        all.tests += one.tests;
        all.failures += one.failures;
        all.errors += one.errors;
        all.skipped += one.skipped;
    }
    lab_text_print(&out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"holdfast lab\" "
                   "tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">\n",
                   all.tests, all.failures, all.errors, all.skipped);
    lab_text_add(&out, suites.text != NULL ? suites.text : "", suites.length);
    lab_text_put(&out, "</testsuites>\n");
    out.failed |= suites.failed;
    lab_text_free(&suites);
    const char *slash = strrchr(path, '/');
    char dir[4096] = ".";
    if (slash != NULL) {
        (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    }
    int status = lab_file_write(slash == path ? "/" : dir, slash != NULL ? slash + 1 : path, &out);
    lab_text_free(&out);
    return status == 0 ? 0 : lab_fail(-1, "", "%s cannot be written: %s", path, strerror(errno));
}
