// SPDX-License-Identifier: MIT
// `holdfast lab replay`: a saved serial.log of either dialect becomes a run like a live one: same artifacts, same
// verdict. A log has no clock but the device's: stamps and heartbeats move the time on, a restart goes on from there.
#include "lab.h"
#include "lab_gates.h"
#include "lab_json.h"
#include "lab_junit.h"
#include "lab_report.h"
#include "lab_show.h"
#include "lab_verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    const char *log, *out, *key, *title, *junit;
    bool is_json;
    lab_gates_t gates;
} options_t;

static int help(void)
{
    printf("Usage: holdfast lab replay [OPTION]... SERIAL.LOG\n"
           "Reads what a device said, '-' from standard input, and judges it like a live run.\n\n"
           "  --out DIR          where runs go (default artifacts/memory-tests)\n"
           "  --key NAME         of the run and its directory (default replay)\n"
           "  --title TEXT       of the run\n"
           "  --junit FILE       the verdict as JUnit XML\n"
           "  --json             summary.json on standard output\n"
           "  --help             this text\n\n");
    lab_gates_help();
    return LAB_PASS;
}

static int read_option(options_t *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {{"--out", &options->out},
                 {"--key", &options->key},
                 {"--title", &options->title},
                 {"--junit", &options->junit}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].place = value;
            return 0;
        }
    }
    bool is_gate = strcmp(name, "--gate") == 0;
    if (!is_gate && strcmp(name, "--fail-on") != 0) {
        (void)lab_fail(LAB_USAGE, "replay", "there is no option '%s'", name);
        return lab_usage_hint("replay");
    }
    if ((is_gate ? lab_gates_set(&options->gates, value) : lab_gates_add(&options->gates, value)) !=
        0) {
        return lab_fail(LAB_USAGE, "replay", "%s '%s' is not understood", name, value);
    }
    return 0;
}

static int read_options(int argc, char **argv, options_t *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->is_json = true;
        } else if (argv[i][0] != '-' || argv[i][1] == '\0') {
            if (options->log != NULL) {
                return lab_fail(LAB_USAGE, "replay", "one log at a time");
            }
            options->log = argv[i];
        } else if (i + 1 == argc) {
            return lab_fail(LAB_USAGE, "replay", "%s needs a value", argv[i]);
        } else {
            int status = read_option(options, argv[i], argv[i + 1]);
            if (status != 0) {
                return status;
            }
            i++;
        }
    }
    if (options->log == NULL) {
        (void)lab_fail(LAB_USAGE, "replay", "a serial log is needed");
        return lab_usage_hint("replay");
    }
    return 0;
}

static int read_log(const char *path, lab_text_t *text, double *moment)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    struct stat what;
    char bytes[16384];
    size_t got;
    if (file == NULL || fstat(fileno(file), &what) != 0 || S_ISDIR(what.st_mode)) {
        int status = lab_fail(LAB_USAGE, "replay", "%s cannot be read: %s", path,
                              file != NULL ? "a directory" : strerror(errno));
        if (file != NULL && file != stdin) {
            (void)fclose(file);
        }
        return status;
    }
    *moment = S_ISREG(what.st_mode) ? (double)what.st_mtime : lab_now();
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        lab_text_add(text, bytes, got);
    }
    bool failed = ferror(file) != 0 || text->failed;
    if (file != stdin) {
        (void)fclose(file);
    }
    return failed ? lab_fail(LAB_ENVIRONMENT, "replay", "%s cannot be read whole", path) : 0;
}

// Seconds since the device's start that a line tells; below 0: none.
static double up_of(const char *text, size_t length)
{
    lab_line_t line;
    lab_line_parse(text, length, &line);
    if (line.up_ms != LAB_UNKNOWN) {
        return line.up_ms / 1000.0;
    }
    return line.kind == LAB_LINE_HEARTBEAT ? line.value : -1.0;
}

static int feed(lab_run_t *run, const lab_text_t *log, double begin)
{
    double base = begin, now = begin;
    int status = 0;
    for (size_t at = 0; at < log->length;) {
        const char *end = memchr(log->text + at, '\n', log->length - at);
        size_t length = (end != NULL ? (size_t)(end - log->text) + 1u : log->length) - at;
        double up = up_of(log->text + at, length);
        if (up >= 0) {
            base = base + up + 1 < now ? now - up : base; // a restart: time goes on
            now = base + up > now ? base + up : now;
        }
        status |= lab_run_feed(run, now, log->text + at, length);
        at += length;
    }
    return status | lab_run_flush(run, now);
}

static int finish(const options_t *options, lab_run_t *run, const lab_text_t *log)
{
    char dir[4096], path[4200];
    if (lab_run_directory(options->out, run->key, dir, sizeof dir) != 0) {
        return LAB_ENVIRONMENT;
    }
    lab_gates_judge(&options->gates, run);
    int status = lab_file_write(dir, "serial.log", log);
    (void)snprintf(path, sizeof path, "%s/report.html", dir);
    const lab_run_t *const runs[] = {run};
    if (status != 0 || lab_run_save(run, dir) != 0 ||
        lab_report_write(run, &options->gates, NULL, path) != 0 ||
        (options->junit != NULL && lab_junit_save(runs, 1, options->junit) != 0)) {
        return LAB_ENVIRONMENT;
    }
    if (options->is_json) {
        (void)lab_show_json(stdout, run, dir);
    } else {
        lab_show_run(stdout, run, dir, lab_is_colour(stdout));
    }
    return lab_run_verdict(run);
}

int lab_verb_replay(int argc, char **argv)
{
    options_t options = {.out = "artifacts/memory-tests", .key = "replay", .title = ""};
    static lab_run_t run; // as large as its line buffer
    lab_text_t log = {0};
    double moment = 0;
    lab_gates_init(&options.gates);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        return help();
    }
    int status = read_options(argc, argv, &options);
    status = status != 0 ? status : read_log(options.log, &log, &moment);
    if (status == 0) {
        lab_run_init(&run);
        (void)snprintf(run.key, sizeof run.key, "%s", options.key);
        (void)snprintf(run.title, sizeof run.title, "%s", options.title);
        (void)snprintf(run.device, sizeof run.device, "%s", options.log);
        char word[900];
        bool fits = strcmp(options.log, "-") != 0 && lab_shell_path(options.log, word, sizeof word);
        (void)snprintf(run.replay, sizeof run.replay, "holdfast lab replay %s",
                       fits ? word : options.log);
        lab_run_git(&run);
        status = feed(&run, &log, moment) == 0
                     ? finish(&options, &run, &log)
                     : lab_fail(LAB_ENVIRONMENT, "replay", "no memory for %s", options.log);
        lab_run_free(&run);
    }
    lab_text_free(&log);
    return status;
}
