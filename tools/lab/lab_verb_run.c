// SPDX-License-Identifier: MIT
// `holdfast lab run`: scenarios on a device, one after the other, each with its artifacts, its verdict and, where it
// failed, the command that replays it.
#include "lab_diff.h"
#include "lab_engine_options.h"
#include "lab_junit.h"
#include "lab_report.h"
#include "lab_verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RUNS_MAX          (LAB_SCENARIOS_MAX * LAB_REPEAT_MAX)
#define DEFAULT_HEARTBEAT 2
#define STEPPED_HEARTBEAT 60
#define SESSIONS_MIN      10 // of holdfast-simd

typedef struct session { // of this call
    lab_run_options_t options;
    lab_scenario_t *scenario[LAB_SCENARIOS_MAX];
    lab_run_t *run[RUNS_MAX];
    char directory[RUNS_MAX][256];
    unsigned runs;
    lab_progress_t progress;
} session_t;

// ---- before anything is done ----

static const char *why_not(const lab_scenario_t *scenario, const lab_run_options_t *options)
{
    lab_kind_t kind = options->device.kind;
    bool is_soak = false;
    for (uint32_t i = 0; i < scenario->acts; i++) {
        is_soak = is_soak || scenario->act[i].hours > 0;
    }
    if (kind == LAB_STEPPED) {
        return scenario->stepped.is_there ? NULL : "it has no stepped form: --sim or a device";
    }
    if (scenario->needs_stepped) {
        return "it is played in stepped time: --stepped";
    }
    if (scenario->needs_sim && kind != LAB_SIM) {
        return "it does things to vehicle, central system or power: --sim";
    }
    if (is_soak && !options->engine.real_time) {
        return "it lasts hours: --stepped, or --real-time";
    }
    return NULL;
}

static int load_scenarios(session_t *session)
{
    const lab_run_options_t *options = &session->options;
    for (unsigned i = 0; i < options->scenarios; i++) {
        char why[LAB_WHY_BYTES];
        session->scenario[i] = lab_scenario_find(options->scenario[i], why);
        if (session->scenario[i] == NULL) {
            return lab_fail(LAB_USAGE, "run", "%s", why);
        }
        const char *unfit = why_not(session->scenario[i], options);
        if (unfit != NULL) {
            return lab_fail(LAB_USAGE, "run", "%s: %s", session->scenario[i]->key, unfit);
        }
        if (options->baseline != NULL &&
            lab_baseline_check(lab_store(NULL), options->baseline, session->scenario[i]->key) !=
                LAB_PASS) {
            return LAB_USAGE;
        }
    }
    return LAB_PASS;
}

/// What is made to fail is no finding.
static void expect_what_is_planned(const lab_run_options_t *options, lab_gates_t *gates)
{
    if (options->device.world.fail_take > 0) {
        gates->failed_take = false;
    }
}

static int load_gates(const session_t *session, const lab_scenario_t *scenario, lab_gates_t *gates)
{
    const lab_run_options_t *options = &session->options;
    int status = 0;
    lab_gates_init(gates);
    expect_what_is_planned(options, gates);
    for (unsigned i = 0; i < scenario->gates && status == 0; i++) {
        status = lab_gates_set(gates, scenario->gate[i]);
    }
    for (unsigned i = 0; i < scenario->fail_ons && status == 0; i++) {
        status = lab_gates_add(gates, scenario->fail_on[i]);
    }
    if (status != 0) {
        return lab_fail(LAB_USAGE, "run", "%s: one of its gates is not understood", scenario->key);
    }
    for (unsigned i = 0; i < options->gates && status == 0; i++) {
        status = lab_gates_set(gates, options->gate[i]);
    }
    for (unsigned i = 0; i < options->fail_ons && status == 0; i++) {
        status = lab_gates_add(gates, options->fail_on[i]);
    }
    return status == 0 ? LAB_PASS : lab_fail(LAB_USAGE, "run", "too many gates");
}

/// The device as this scenario wants it, where it is one of ours.
static lab_device_config_t configure(const session_t *session, const lab_scenario_t *scenario,
                                     const char *directory)
{
    const lab_run_options_t *options = &session->options;
    lab_device_config_t device = options->device;
    lab_world_t *world = &device.world;
    bool is_stepped = device.kind == LAB_STEPPED;
    int64_t usual_s = is_stepped ? STEPPED_HEARTBEAT : DEFAULT_HEARTBEAT;
    world->needs_vehicle = world->needs_central = true;
    world->needs_broker = scenario->needs_broker;
    world->heartbeat_s = !is_stepped && scenario->heartbeat_s > 0 ? scenario->heartbeat_s : usual_s;
    world->heartbeat_s = options->heartbeat_s > 0 ? options->heartbeat_s : world->heartbeat_s;
    if (world->tripwire_bytes < 0) {
        world->tripwire_bytes = scenario->tripwire_bytes;
    }
    world->arguments = is_stepped ? 0 : scenario->daemons;
    memcpy(world->argument, scenario->daemon, sizeof scenario->daemon);
    world->hours = options->engine.hours > 0 ? options->engine.hours : scenario->stepped.hours;
    world->sessions = scenario->stepped.sessions;
    if (is_stepped && world->hours != scenario->stepped.hours) { // as often as before
        world->sessions = (world->sessions * world->hours + scenario->stepped.hours - 1) /
                          scenario->stepped.hours;
        world->sessions = world->sessions < SESSIONS_MIN ? SESSIONS_MIN : world->sessions;
    }
    world->reboot_h = scenario->stepped.reboot_hours;
    world->outages = scenario->stepped.outages;
    world->cut_power_at =
        world->cut_power_at > 0 ? world->cut_power_at : scenario->stepped.cut_power_at;
    world->fail_take = world->fail_take > 0 ? world->fail_take : scenario->stepped.fail_take;
    (void)snprintf(device.logs, sizeof device.logs, "%.240s/device", directory);
    return device;
}

static void describe(const session_t *session, const lab_scenario_t *scenario, const char *name,
                     lab_run_t *run)
{
    const lab_run_options_t *options = &session->options;
    (void)snprintf(run->key, sizeof run->key, "%s", scenario->key);
    (void)snprintf(run->title, sizeof run->title, "%s", scenario->title);
    (void)snprintf(run->description, sizeof run->description, "%s",
                   scenario->description != NULL ? scenario->description : "");
    char word[400];
    bool is_file = strchr(name, '/') != NULL || strstr(name, ".json") != NULL;
    bool fits =
        is_file ? lab_shell_path(name, word, sizeof word) : lab_shell_word(name, word, sizeof word);
    (void)snprintf(run->replay, sizeof run->replay, "holdfast lab run %s%s%s%s",
                   fits ? word : run->key, options->engine.ip != NULL ? " " : "",
                   options->engine.ip != NULL ? options->engine.ip : "", options->words);
    run->seed = (uint64_t)options->device.world.seed;
    bool has_baud = options->device.kind == LAB_SERIAL;
    run->baud = has_baud ? (uint32_t)options->device.baud : 0;
    lab_run_git(run);
}

// ---- one run ----

/// What is told of several: interrupted, usage, a finding, then what could not be done, then what is not known.
static int worse(int a, int b)
{
    static const int order[] = {LAB_INTERRUPTED, LAB_USAGE, LAB_FINDING, LAB_ENVIRONMENT,
                                LAB_INCONCLUSIVE};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return LAB_PASS;
}

static int save_junit(const session_t *session)
{
    const lab_run_options_t *options = &session->options;
    return options->junit != NULL ? lab_junit_save((const lab_run_t *const *)session->run,
                                                   session->runs, options->junit)
                                  : 0;
}

static int save(const lab_gates_t *gates, const lab_run_t *run, const char *directory)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/report.html", directory);
    int status = lab_run_save(run, directory);
    return lab_report_write(run, gates, NULL, path) != 0 ? -1 : status;
}

/// `directory` NULL: the artifacts could not be written, so nobody can look the verdict up.
static void print_verdict(const session_t *session, const lab_run_t *run, const char *directory)
{
    static const char *const words[] = {[LAB_PASS] = "pass",
                                        [LAB_FINDING] = "FINDING",
                                        [LAB_USAGE] = "?",
                                        [LAB_ENVIRONMENT] = "?",
                                        [LAB_INCONCLUSIVE] = "INCONCLUSIVE"};
    if (session->options.is_json) {
        return;
    }
    int verdict = lab_run_verdict(run);
    printf("%-12s %s  %s\n", directory != NULL ? words[verdict] : "NOT SAVED", run->key,
           run->title);
    for (uint32_t i = 0; i < run->findings; i++) {
        printf("    %s: %s\n", run->finding[i].gate, run->finding[i].text);
    }
    if (run->is_inconclusive) {
        printf("    inconclusive: %s\n", run->why_inconclusive);
    }
    if (lab_run_lost_marks(run) > 0) {
        printf("    note: the probe lost %u snapshots\n", lab_run_lost_marks(run));
    }
    if (verdict != LAB_PASS) {
        printf("    replay: %s\n", run->replay);
    }
    if (directory != NULL) {
        printf("    %s/report.html\n", directory);
    }
    (void)fflush(stdout);
}

static FILE *open_serial_log(const char *directory, const char *mode)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/serial.log", directory);
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        (void)lab_fail(LAB_ENVIRONMENT, "run", "%s: %s", path, strerror(errno));
    }
    return file;
}

/// A soak that was broken off: its rows and its time count, its ledger begins anew.
static int take_up(const session_t *session, lab_run_t *run, lab_engine_options_t *engine)
{
    const char *resume = session->options.resume;
    if (resume == NULL) {
        return LAB_PASS;
    }
    char key[sizeof run->key];
    (void)snprintf(key, sizeof key, "%s", run->key);
    lab_run_free(run);
    lab_run_init(run);
    if (lab_run_load(run, resume) != 0) {
        return LAB_USAGE;
    }
    if (strcmp(run->key, key) != 0) {
        return lab_fail(LAB_USAGE, "run", "--resume: in %s is a run of '%s'", resume, run->key);
    }
    run->steps = run->findings = 0;
    run->is_inconclusive = false;
    engine->elapsed_s = run->played_s;
    return LAB_PASS;
}

/// Directory, log, engine, verdict. The exit status of this run.
static int play(session_t *session, unsigned index, const lab_gates_t *gates)
{
    const lab_run_options_t *options = &session->options;
    const lab_scenario_t *scenario = session->scenario[index];
    lab_run_t *run = session->run[session->runs - 1];
    char *directory = session->directory[session->runs - 1];
    lab_engine_options_t own = options->engine;
    int code = take_up(session, run, &own);
    if (code != LAB_PASS) {
        return code;
    }
    if (options->resume != NULL) {
        (void)snprintf(directory, sizeof session->directory[0], "%s", options->resume);
    } else if (lab_run_directory(options->out, scenario->key, directory,
                                 sizeof session->directory[0]) != 0) {
        return LAB_ENVIRONMENT;
    }
    lab_device_config_t device = configure(session, scenario, directory);
    if (device.kind == LAB_SIM || device.kind == LAB_STEPPED) {
        (void)mkdir(device.logs, 0777); // programs without a log do as well
    }
    lab_engine_t *engine = calloc(1, sizeof *engine);
    FILE *serial =
        engine != NULL ? open_serial_log(directory, options->resume != NULL ? "ae" : "we") : NULL;
    if (serial == NULL) {
        free(engine);
        return LAB_ENVIRONMENT;
    }
    engine->options = &own;
    engine->scenario = scenario;
    engine->directory = directory;
    engine->run = run;
    engine->progress = &session->progress;
    engine->serial = serial;
    engine->serial_bytes = fseeko(serial, 0, SEEK_END) == 0 ? (int64_t)ftello(serial) : 0;
    code = lab_engine_play(engine, &device);
    (void)fclose(serial); // each write was flushed and looked at
    free(engine);
    if (code == LAB_INTERRUPTED) { // the first reason stays: before that of the gates
        lab_run_inconclusive(run, "interrupted");
    }
    lab_gates_judge(gates, run);
    bool is_saved = save(gates, run, directory) == 0;
    if ((save_junit(session) != 0 || !is_saved) && code == LAB_PASS) {
        code = LAB_ENVIRONMENT;
    }
    if (code != LAB_USAGE) { // nothing was played: the sentence says it all
        print_verdict(session, run, is_saved ? directory : NULL);
    }
    return worse(code, lab_run_verdict(run)); // a device that crashed before it was ready, too
}

// ---- all runs ----

static lab_run_t *add_run(session_t *session, unsigned index)
{
    lab_run_t *run = calloc(1, sizeof *run);
    if (run == NULL) {
        return NULL;
    }
    lab_run_init(run);
    session->run[session->runs++] = run;
    describe(session, session->scenario[index], session->options.scenario[index], run);
    return run;
}

/// JUnit tells all that was planned, also of a run that could not be begun.
static void plan_only(const session_t *session, unsigned index, lab_run_t *run)
{
    lab_device_config_t device = configure(session, session->scenario[index], "");
    lab_engine_t *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        lab_run_inconclusive(run, "no memory");
        return;
    }
    engine->options = &session->options.engine;
    engine->scenario = session->scenario[index];
    engine->run = run;
    lab_engine_plan(engine, &device);
    free(engine);
}

static int play_one(session_t *session, unsigned index)
{
    lab_gates_t gates;
    int code = load_gates(session, session->scenario[index], &gates);
    if (code != LAB_PASS) {
        return code;
    }
    lab_run_t *run = add_run(session, index);
    if (run == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "run", "no memory");
    }
    lab_progress_say(&session->progress, "%s: %s", run->key, run->title);
    code = play(session, index, &gates);
    if (run->steps == 0) {
        plan_only(session, index, run);
    }
    return code;
}

/// What an interrupt kept from being played. JUnit's file is written here as well for runs that came to no artifacts.
static int save_the_rest(session_t *session)
{
    const lab_run_options_t *options = &session->options;
    unsigned planned = options->scenarios * (unsigned)options->repeat;
    while (lab_engine_is_interrupted() && session->runs < planned) {
        unsigned index = session->runs / (unsigned)options->repeat;
        lab_run_t *run = add_run(session, index);
        if (run == NULL) {
            return LAB_ENVIRONMENT;
        }
        plan_only(session, index, run);
    }
    return session->runs == 0 || save_junit(session) == 0 ? LAB_PASS : LAB_ENVIRONMENT;
}

static void print_json(const session_t *session, int code)
{
    printf("{\"schema\":%d,\"exit\":%d,\"runs\":[", LAB_SCHEMA, code);
    for (unsigned i = 0; i < session->runs; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/summary.json", session->directory[i]);
        FILE *file = fopen(path, "re");
        printf("%s", i > 0 ? "," : "");
        if (file == NULL) {
            printf("null");
            continue;
        }
        for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
            if (byte != '\n') { // no string of it holds one
                (void)putchar(byte);
            }
        }
        (void)fclose(file);
    }
    printf("]}\n");
}

/// What several runs of a scenario have in common, and how they differ from those that were kept.
static int tell_set(const session_t *session, unsigned first)
{
    const lab_run_options_t *options = &session->options;
    const lab_run_t *const *runs = (const lab_run_t *const *)session->run + first;
    unsigned count = session->runs - first;
    FILE *out = options->is_json ? stderr : stdout;
    if (count > 1) {
        lab_repeat_print(out, runs, count);
    }
    return options->baseline != NULL && count > 0
               ? lab_baseline_compare(out, lab_store(NULL), options->baseline, runs, count)
               : LAB_PASS;
}

static int play_all(session_t *session)
{
    const lab_run_options_t *options = &session->options;
    int code = LAB_PASS;
    for (unsigned i = 0; i < options->scenarios; i++) {
        unsigned first = session->runs;
        for (int64_t n = 0;
             n < options->repeat && code != LAB_USAGE && !lab_engine_is_interrupted(); n++) {
            code = worse(code, play_one(session, i));
        }
        code = code != LAB_USAGE ? worse(code, tell_set(session, first)) : code;
    }
    code = worse(code, save_the_rest(session));
    return lab_engine_is_interrupted() ? LAB_INTERRUPTED : code;
}

int lab_verb_run(int argc, char **argv)
{
    session_t *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "run", "no memory");
    }
    int code = lab_run_options_read(&session->options, argc, argv);
    if (code < 0 && session->options.scenarios == 0) {
        char *words[] = {(char[]){"list"}, NULL};
        code = lab_verb_list(1, words);
    }
    if (code < 0) {
        code = load_scenarios(session);
        lab_progress_init(&session->progress, session->options.is_quiet ? NULL : stderr);
        lab_engine_catch_signals();
        code = code == LAB_PASS ? play_all(session) : code;
        if (session->options.is_json && session->runs > 0) {
            print_json(session, code);
        }
    }
    for (unsigned i = 0; i < session->runs; i++) {
        lab_run_free(session->run[i]);
        free(session->run[i]);
    }
    for (unsigned i = 0; i < LAB_SCENARIOS_MAX; i++) {
        free(session->scenario[i]);
    }
    free(session);
    return code;
}
