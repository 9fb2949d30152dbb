// SPDX-License-Identifier: MIT
// The programs of --sim: holdfastd, vehicle, central system and broker, each with its command line, its log and, on
// loopback, a port of its own that it keeps when it is started again.
#include "lab_device_sim.h"

#include "holdfast/hf_json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_LIMIT_US 10000000u
#define PROFILE        "m33-1024"
#define ARGUMENTS_MAX  64u
#define TEXT_BYTES     8192u

/// A command line in the making; too much of it shows in `count`.
typedef struct words {
    char text[TEXT_BYTES];
    size_t used;
    char *argv[ARGUMENTS_MAX];
    unsigned count;
} words_t;

static void add(words_t *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(words_t *words, const char *format, ...)
{
    va_list args;
    size_t room = sizeof words->text - words->used;
    va_start(args, format);
    int length = vsnprintf(words->text + words->used, room, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= room || words->count >= ARGUMENTS_MAX - 1) {
        words->count = ARGUMENTS_MAX;
        return;
    }
    words->argv[words->count++] = words->text + words->used;
    words->argv[words->count] = NULL;
    words->used += (size_t)length + 1;
}

static void add_program(words_t *words, const char *name)
{
    char path[320];
    words->used = 0;
    words->count = 0;
    add(words, "%s", lab_sibling(name, path, sizeof path) ? path : name);
}

int lab_sim_look_for(const char *name)
{
    char path[320];
    return lab_sibling(name, path, sizeof path)
               ? LAB_PASS
               : lab_fail(LAB_ENVIRONMENT, "",
                          "--sim: there is no '%s' beside this program: it is "
                          "to be built first",
                          name);
}

/// A port on loopback that nobody has, now.
uint16_t lab_sim_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_had = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                  getsockname(fd, (struct sockaddr *)&address, &length) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_had ? ntohs(address.sin_port) : 0;
}

static bool is_answering(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_there;
}

// ---- its programs ----

const char *lab_sim_log(const lab_sim_t *sim, const char *name, char path[320])
{
    const char *logs = sim->device->config.logs;
    if (logs[0] == '\0') {
        return NULL;
    }
    (void)snprintf(path, 320, "%s/%s", logs, name);
    return path;
}

static void keep_line(const lab_sim_t *sim, const char *name, const char *line)
{
    char path[320];
    FILE *file = lab_sim_log(sim, name, path) != NULL ? fopen(path, "ae") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%s\n", line);
        (void)fclose(file);
    }
}

static hf_json_t read_event(const char *line)
{
    hf_json_t root;
    return hf_json_parse(line, strlen(line), &root) == HF_OK ? root
                                                             : (hf_json_t){.type = HF_JSON_NONE};
}

static void pass_on(const lab_sim_t *sim, lab_who_t who, const char *line)
{
    if (sim->device->on_event != NULL) {
        sim->device->on_event(sim->device->ctx, who, line);
    }
}

static void on_vehicle(void *ctx, const char *line)
{
    lab_sim_t *sim = ctx;
    hf_json_t event = read_event(line);
    sim->is_vehicle_ready |= hf_json_is_string(hf_json_member(event, "event"), "ready");
    keep_line(sim, "vehicle.jsonl", line);
    pass_on(sim, LAB_VEHICLE, line);
}

static void on_central(void *ctx, const char *line)
{
    lab_sim_t *sim = ctx;
    hf_json_t event = read_event(line);
    int64_t port = 0;
    if (hf_json_is_string(hf_json_member(event, "event"), "listening") &&
        hf_json_i64(hf_json_member(event, "port"), &port) == HF_OK) {
        sim->central_port = (uint16_t)port;
        sim->is_central_ready = true;
    }
    keep_line(sim, "central.jsonl", line);
    pass_on(sim, LAB_CENTRAL, line);
}

void lab_sim_listen(lab_sim_t *sim)
{
    lab_child_read(&sim->child[LAB_SIM_VEHICLE], on_vehicle, sim);
    lab_child_read(&sim->child[LAB_SIM_CENTRAL], on_central, sim);
}

/// Waits until *is_ready; a sentence when that does not come.
static int await(lab_sim_t *sim, lab_sim_child_t id, const bool *is_ready, const char *name)
{
    uint64_t until_us = lab_clock_us() + START_LIMIT_US;
    while (!*is_ready && lab_clock_us() < until_us && lab_child_is_running(&sim->child[id])) {
        lab_sim_listen(sim);
        lab_sleep_ms(10);
    }
    return *is_ready ? LAB_PASS
                     : lab_fail(LAB_ENVIRONMENT, "", "--sim: %s does not start; see %s", name,
                                sim->device->config.logs[0] != '\0' ? sim->device->config.logs
                                                                    : "its log (--out)");
}

static int start(lab_sim_t *sim, lab_sim_child_t id, const lab_child_plan_t *plan)
{
    return lab_child_start(&sim->child[id], plan) == 0
               ? LAB_PASS
               : lab_fail(LAB_ENVIRONMENT, "", "--sim: cannot start %s: %s", plan->argv[0],
                          strerror(errno));
}

int lab_sim_start_vehicle(lab_sim_t *sim)
{
    words_t words;
    char log[320];
    add_program(&words, "holdfast");
    add(&words, "sim");
    add(&words, "--can");
    add(&words, "virtual:%s/can", sim->directory);
    add(&words, "--io");
    add(&words, "%s/io", sim->directory);
    int code =
        start(sim, LAB_SIM_VEHICLE,
              &(lab_child_plan_t){
                  .argv = words.argv, .log = lab_sim_log(sim, "vehicle.log", log), .talks = true});
    return code == LAB_PASS ? await(sim, LAB_SIM_VEHICLE, &sim->is_vehicle_ready, "holdfast sim")
                            : code;
}

int lab_sim_start_central(lab_sim_t *sim)
{
    words_t words;
    char log[320];
    sim->is_central_ready = false;
    add_program(&words, "holdfast");
    add(&words, "csms");
    add(&words, "--port");
    add(&words, "%u", sim->central_port);
    int code =
        start(sim, LAB_SIM_CENTRAL,
              &(lab_child_plan_t){
                  .argv = words.argv, .log = lab_sim_log(sim, "central.log", log), .talks = true});
    return code == LAB_PASS ? await(sim, LAB_SIM_CENTRAL, &sim->is_central_ready, "holdfast csms")
                            : code;
}

static const char *find_broker(void)
{
    static const char *const places[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                         "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

int lab_sim_start_broker(lab_sim_t *sim)
{
    char path[96], log[320];
    const char *program = find_broker();
    if (program == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "--sim: no mosquitto: this scenario needs a broker");
    }
    sim->broker_port = sim->broker_port != 0 ? sim->broker_port : lab_sim_free_port();
    (void)snprintf(path, sizeof path, "%s/broker.conf", sim->directory);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "--sim: %s: %s", path, strerror(errno));
    }
    (void)fprintf(file, "listener %u 127.0.0.1\nallow_anonymous true\npersistence false\n",
                  sim->broker_port);
    (void)fclose(file);
    words_t words = {.used = 0};
    add(&words, "%s", program);
    add(&words, "-c");
    add(&words, "%s", path);
    int code = start(
        sim, LAB_SIM_BROKER,
        &(lab_child_plan_t){.argv = words.argv, .log = lab_sim_log(sim, "mosquitto.log", log)});
    bool is_there = false;
    for (uint64_t until_us = lab_clock_us() + START_LIMIT_US;
         code == LAB_PASS && !is_there && lab_clock_us() < until_us;) {
        is_there = is_answering(sim->broker_port);
        lab_sleep_ms(10);
    }
    return code != LAB_PASS || is_there
               ? code
               : lab_fail(LAB_ENVIRONMENT, "", "--sim: mosquitto does not answer");
}

static void add_daemon_options(const lab_sim_t *sim, words_t *words)
{
    const lab_world_t *world = &sim->device->config.world;
    if (world->heap != NULL) {
        add(words, "--heap");
        add(words, "%s", world->heap);
    }
    add(words, "--telemetry");
    add(words, "%s", sim->slave);
    add(words, "--heartbeat");
    add(words, "%lld", (long long)world->heartbeat_s);
    if (world->tripwire_bytes >= 0) {
        add(words, "--tripwire");
        add(words, "%lld", (long long)world->tripwire_bytes);
    }
    if (world->needs_broker) {
        add(words, "--mqtt");
        add(words, "mqtt://127.0.0.1:%u", sim->broker_port);
    }
    for (unsigned i = 0; i < world->arguments; i++) {
        add(words, "%s", world->argument[i]);
    }
}

static void add_daemon(const lab_sim_t *sim, words_t *words)
{
    const char *const options[][2] = {
        {"--csms", "ws://127.0.0.1:"}, {"--id", "CP1"}, {"--profile", PROFILE}};
    add_program(words, "holdfastd");
    add(words, "%s", options[0][0]);
    add(words, "%s%u", options[0][1], sim->central_port != 0 ? sim->central_port : 9);
    for (size_t i = 1; i < sizeof options / sizeof options[0]; i++) {
        add(words, "%s", options[i][0]);
        add(words, "%s", options[i][1]);
    }
    add(words, "--can");
    add(words, "virtual:%s/can", sim->directory);
    add(words, "--io");
    add(words, "socket:%s/io", sim->directory);
    add(words, "--state");
    add(words, "%s/state", sim->directory);
    add(words, "--http");
    add(words, "%s", sim->device->http);
    add_daemon_options(sim, words);
}

int lab_sim_start_daemon(lab_sim_t *sim)
{
    words_t words;
    char log[320], fail_take[64], preload[320], report[384], path[320];
    const lab_world_t *world = &sim->device->config.world;
    add_daemon(sim, &words);
    if (words.count >= ARGUMENTS_MAX) {
        return lab_fail(LAB_USAGE, "", "--sim: too many arguments for holdfastd");
    }
    lab_child_plan_t plan = {.argv = words.argv, .log = lab_sim_log(sim, "holdfastd.log", log)};
    unsigned set = 0;
    if (world->fail_take > 0) {
        (void)snprintf(fail_take, sizeof fail_take, "HOLDFAST_HEAP_FAIL_TAKE=arm:%lld",
                       (long long)world->fail_take);
        plan.set[set++] = fail_take;
    }
    if (world->heap != NULL && lab_sim_log(sim, "heap.json", path) != NULL) {
        (void)snprintf(report, sizeof report, "HOLDFAST_HEAP_REPORT=%s", path);
        plan.set[set++] = report;
    }
    if (world->preload != NULL) {
        (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", world->preload);
        plan.set[set] = preload;
    }
    sim->again_us = 0;
    return start(sim, LAB_SIM_DAEMON, &plan);
}
