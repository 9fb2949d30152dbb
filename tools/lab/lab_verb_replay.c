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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct options {
    const char *log, *out, *key, *title, *junit;
    bool is_json;
    lab_gates_t gates;
    char words[400]; // gates once more, for the command that repeats it
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
    lab_shell_option(name, value, options->words, sizeof options->words);
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

static FILE *open_log(const char *path, double *moment)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    struct stat what;
    if (file == NULL || fstat(fileno(file), &what) != 0 || S_ISDIR(what.st_mode)) {
        (void)lab_fail(LAB_USAGE, "replay", "%s cannot be read: %s", path,
                       file != NULL ? "a directory" : strerror(errno));
        if (file != NULL && file != stdin) {
            (void)fclose(file);
        }
        return NULL;
    }
    *moment = S_ISREG(what.st_mode) ? (double)what.st_mtime : lab_now();
    return file;
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

typedef struct replay {
    lab_run_t *run;
    double base, now;
    bool begins_line;
} replay_t;

// A line with its end; of one longer than the reader's room a piece.
static int feed_piece(replay_t *replay, const char *text, size_t length)
{
    double up = replay->begins_line ? up_of(text, length) : -1.0;
    if (up >= 0) {
        if (replay->base + up + 1 < replay->now) {
            replay->base = replay->now - up; // a restart: time goes on
        }
        replay->now = replay->base + up > replay->now ? replay->base + up : replay->now;
    }
    replay->begins_line = text[length - 1u] == '\n';
    return lab_run_feed(replay->run, replay->now, text, length);
}

// What is in memory of the log are the rows that it makes. -1: no memory.
static int feed(replay_t *replay, FILE *log, lab_text_t *copy)
{
    char bytes[65536];
    size_t have = 0, got;
    int status = 0;
    do {
        got = fread(bytes + have, 1, sizeof bytes - have, log);
        lab_text_add(copy, bytes + have, got);
        have += got;
        size_t at = 0;
        while (at < have) {
            const char *end = memchr(bytes + at, '\n', have - at);
            if (end == NULL && got > 0 && (at > 0 || have < sizeof bytes)) {
                break; // more of it comes
            }
            size_t length = end != NULL ? (size_t)(end - bytes) + 1u - at : have - at;
            status |= feed_piece(replay, bytes + at, length);
            at += length;
        }
        have -= at;
        memmove(bytes, bytes + at, have);
    } while (got > 0 && status == 0);
    return status | lab_run_flush(replay->run, replay->now);
}

static int finish(const options_t *options, lab_run_t *run, const char *dir)
{
    char path[4200];
    lab_gates_judge(&options->gates, run);
    (void)snprintf(path, sizeof path, "%s/report.html", dir);
    const lab_run_t *const runs[] = {run};
    if (lab_run_save(run, dir) != 0 || lab_report_write(run, &options->gates, NULL, path) != 0 ||
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

// The log, copied and understood at once. Without its end there is no run.
static int replay_log(const options_t *options, replay_t *replay, FILE *log)
{
    char dir[4096];
    lab_text_t copy;
    if (lab_run_directory(options->out, replay->run->key, dir, sizeof dir) != 0) {
        return LAB_ENVIRONMENT;
    }
    int status = LAB_PASS;
    if (lab_file_begin(dir, "serial.log", &copy) != 0) {
        status = LAB_ENVIRONMENT;
    } else {
        bool has_room = feed(replay, log, &copy) == 0, is_whole = ferror(log) == 0;
        copy.failed |= !has_room || !is_whole;
        if (lab_file_end(dir, "serial.log", &copy) != 0) {
            status = lab_fail(LAB_ENVIRONMENT, "replay", "%s: %s", options->log,
                              !has_room   ? "no memory for it"
                              : !is_whole ? "cannot be read whole"
                                          : "cannot be copied");
        }
    }
    if (status != LAB_PASS) {
        (void)rmdir(dir);
        return status;
    }
    return finish(options, replay->run, dir);
}

static void begin(const options_t *options, lab_run_t *run)
{
    char word[600];
    lab_run_init(run);
    (void)snprintf(run->key, sizeof run->key, "%s", options->key);
    (void)snprintf(run->title, sizeof run->title, "%s", options->title);
    (void)snprintf(run->device, sizeof run->device, "%s", options->log);
    bool fits = strcmp(options->log, "-") != 0 && lab_shell_path(options->log, word, sizeof word);
    (void)snprintf(run->replay, sizeof run->replay, "holdfast lab replay%s %s", options->words,
                   fits ? word : options->log);
    lab_run_git(run);
}

int lab_verb_replay(int argc, char **argv)
{
    options_t options = {.out = "artifacts/memory-tests", .key = "replay", .title = ""};
    static lab_run_t run; // as large as its line buffer
    replay_t replay = {.run = &run, .begins_line = true};
    lab_gates_init(&options.gates);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        return help();
    }
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status;
    }
    FILE *log = open_log(options.log, &replay.base);
    if (log == NULL) {
        return LAB_USAGE;
    }
    replay.now = replay.base;
    begin(&options, &run);
    status = replay_log(&options, &replay, log);
    if (log != stdin) {
        (void)fclose(log);
    }
    lab_run_free(&run);
    return status;
}
