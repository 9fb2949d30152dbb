// SPDX-License-Identifier: MIT
// --sim: the shipped holdfastd behind a pty, with vehicle, central system and broker beside it, each on loopback with a
// port of its own, in a directory of their own. The pty is the lab's and outlives restarts of the daemon. Invariants:
// what was started is ended, the charge point first; the directory goes with it; a daemon that ends unasked is told
// (device->wrong) and started again.
#include "lab_device.h"
#include "lab_device_child.h"

#include "holdfast/hf_json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define START_LIMIT_US 10000000u
#define END_LIMIT_MS   8000u
#define CRASHES_MAX    5u // then it is given up
#define PROFILE        "m33-1024"
#define ARGUMENTS_MAX  64u
#define TEXT_BYTES     8192u
#define REFUSES_USAGE  64 // holdfastd's exit status: it was called wrong
#define REFUSES_CONFIG 78
#define REFUSES_PLACE  69 // something it needs cannot be had: a port, a library

typedef enum child_id { DAEMON, VEHICLE, CENTRAL, BROKER, CHILDREN } child_id_t;

typedef struct sim {
    lab_device_t *device;
    lab_child_t child[CHILDREN];
    char directory[64]; // of sockets and state; "" none yet
    char slave[64];
    int slave_fd; // kept open: the pty lives while no daemon does
    uint16_t central_port, broker_port, http_port;
    bool is_vehicle_ready, is_central_ready, is_off, is_heard;
    uint64_t again_us; // the daemon is started again then; 0 it runs
    unsigned crashes;
} sim_t;

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

static int missing(const char *name)
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
static uint16_t free_port(void)
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

static const char *log_of(const sim_t *sim, const char *name, char path[320])
{
    const char *logs = sim->device->config.logs;
    if (logs[0] == '\0') {
        return NULL;
    }
    (void)snprintf(path, 320, "%s/%s", logs, name);
    return path;
}

static void keep_line(const sim_t *sim, const char *name, const char *line)
{
    char path[320];
    FILE *file = log_of(sim, name, path) != NULL ? fopen(path, "ae") : NULL;
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

static void pass_on(const sim_t *sim, lab_who_t who, const char *line)
{
    if (sim->device->on_event != NULL) {
        sim->device->on_event(sim->device->ctx, who, line);
    }
}

static void on_vehicle(void *ctx, const char *line)
{
    sim_t *sim = ctx;
    hf_json_t event = read_event(line);
    sim->is_vehicle_ready |= hf_json_is_string(hf_json_member(event, "event"), "ready");
    keep_line(sim, "vehicle.jsonl", line);
    pass_on(sim, LAB_VEHICLE, line);
}

static void on_central(void *ctx, const char *line)
{
    sim_t *sim = ctx;
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

static void listen_to_all(sim_t *sim)
{
    lab_child_read(&sim->child[VEHICLE], on_vehicle, sim);
    lab_child_read(&sim->child[CENTRAL], on_central, sim);
}

/// Waits until *is_ready; a sentence when that does not come.
static int await(sim_t *sim, child_id_t id, const bool *is_ready, const char *name)
{
    uint64_t until_us = lab_clock_us() + START_LIMIT_US;
    while (!*is_ready && lab_clock_us() < until_us && lab_child_is_running(&sim->child[id])) {
        listen_to_all(sim);
        lab_sleep_ms(10);
    }
    return *is_ready ? LAB_PASS
                     : lab_fail(LAB_ENVIRONMENT, "", "--sim: %s does not start; see %s", name,
                                sim->device->config.logs[0] != '\0' ? sim->device->config.logs
                                                                    : "its log (--out)");
}

static int start(sim_t *sim, child_id_t id, const lab_child_plan_t *plan)
{
    return lab_child_start(&sim->child[id], plan) == 0
               ? LAB_PASS
               : lab_fail(LAB_ENVIRONMENT, "", "--sim: cannot start %s: %s", plan->argv[0],
                          strerror(errno));
}

static int start_vehicle(sim_t *sim)
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
        start(sim, VEHICLE,
              &(lab_child_plan_t){
                  .argv = words.argv, .log = log_of(sim, "vehicle.log", log), .talks = true});
    return code == LAB_PASS ? await(sim, VEHICLE, &sim->is_vehicle_ready, "holdfast sim") : code;
}

static int start_central(sim_t *sim)
{
    words_t words;
    char log[320];
    sim->is_central_ready = false;
    add_program(&words, "holdfast");
    add(&words, "csms");
    add(&words, "--port");
    add(&words, "%u", sim->central_port);
    int code =
        start(sim, CENTRAL,
              &(lab_child_plan_t){
                  .argv = words.argv, .log = log_of(sim, "central.log", log), .talks = true});
    return code == LAB_PASS ? await(sim, CENTRAL, &sim->is_central_ready, "holdfast csms") : code;
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

static int start_broker(sim_t *sim)
{
    char path[96], log[320];
    const char *program = find_broker();
    if (program == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "--sim: no mosquitto: this scenario needs a broker");
    }
    sim->broker_port = sim->broker_port != 0 ? sim->broker_port : free_port();
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
    int code =
        start(sim, BROKER,
              &(lab_child_plan_t){.argv = words.argv, .log = log_of(sim, "mosquitto.log", log)});
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

static void add_daemon_options(const sim_t *sim, words_t *words)
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

static void add_daemon(const sim_t *sim, words_t *words)
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

static int start_daemon(sim_t *sim)
{
    words_t words;
    char log[320], fail_take[64], preload[320], report[384], path[320];
    const lab_world_t *world = &sim->device->config.world;
    add_daemon(sim, &words);
    if (words.count >= ARGUMENTS_MAX) {
        return lab_fail(LAB_USAGE, "", "--sim: too many arguments for holdfastd");
    }
    lab_child_plan_t plan = {.argv = words.argv, .log = log_of(sim, "holdfastd.log", log)};
    unsigned set = 0;
    if (world->fail_take > 0) {
        (void)snprintf(fail_take, sizeof fail_take, "HOLDFAST_HEAP_FAIL_TAKE=arm:%lld",
                       (long long)world->fail_take);
        plan.set[set++] = fail_take;
    }
    if (world->heap != NULL && log_of(sim, "heap.json", path) != NULL) {
        (void)snprintf(report, sizeof report, "HOLDFAST_HEAP_REPORT=%s", path);
        plan.set[set++] = report;
    }
    if (world->preload != NULL) {
        (void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", world->preload);
        plan.set[set] = preload;
    }
    sim->again_us = 0;
    return start(sim, DAEMON, &plan);
}

// ---- open ----

static int open_pty(sim_t *sim)
{
    struct termios raw;
    lab_device_t *device = sim->device;
    device->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool is_good = device->fd >= 0 && grantpt(device->fd) == 0 && unlockpt(device->fd) == 0 &&
                   ptsname_r(device->fd, sim->slave, sizeof sim->slave) == 0;
    sim->slave_fd = is_good ? open(sim->slave, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    is_good = sim->slave_fd >= 0 && tcgetattr(sim->slave_fd, &raw) == 0;
    if (is_good) {
        cfmakeraw(&raw);
        is_good = tcsetattr(sim->slave_fd, TCSANOW, &raw) == 0;
    }
    (void)snprintf(device->path, sizeof device->path, "sim");
    return is_good ? LAB_PASS : lab_fail(LAB_ENVIRONMENT, "", "--sim: no pty: %s", strerror(errno));
}

static int make_directory(sim_t *sim)
{
    char state[96];
    (void)snprintf(sim->directory, sizeof sim->directory, "/tmp/holdfast-lab-XXXXXX");
    if (mkdtemp(sim->directory) == NULL) {
        sim->directory[0] = '\0';
        return lab_fail(LAB_ENVIRONMENT, "", "--sim: no private directory: %s", strerror(errno));
    }
    (void)snprintf(state, sizeof state, "%s/state", sim->directory);
    (void)mkdir(state, 0700); // holdfastd says why, if it is not there
    sim->http_port = free_port();
    (void)snprintf(sim->device->http, sizeof sim->device->http, "127.0.0.1:%u", sim->http_port);
    return LAB_PASS;
}

static int sim_open(lab_device_t *device)
{
    const lab_world_t *world = &device->config.world;
    sim_t *sim = calloc(1, sizeof *sim);
    if (sim == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "no memory");
    }
    device->own = sim;
    sim->device = device;
    sim->slave_fd = -1;
    for (unsigned i = 0; i < CHILDREN; i++) {
        lab_child_init(&sim->child[i]);
    }
    int code = missing("holdfastd");
    code = code == LAB_PASS ? missing("holdfast") : code;
    code = code == LAB_PASS ? make_directory(sim) : code;
    code = code == LAB_PASS ? open_pty(sim) : code;
    code = code == LAB_PASS && world->needs_broker ? start_broker(sim) : code;
    code = code == LAB_PASS && world->needs_vehicle ? start_vehicle(sim) : code;
    code = code == LAB_PASS && world->needs_central ? start_central(sim) : code;
    return code == LAB_PASS ? start_daemon(sim) : code;
}

// ---- while it runs ----

/// What holdfastd said last, without what stands before its own words.
static void last_word(const sim_t *sim, char *out, size_t capacity)
{
    char path[320], line[200];
    FILE *file = log_of(sim, "holdfastd.log", path) != NULL ? fopen(path, "re") : NULL;
    (void)snprintf(out, capacity, "it said nothing");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        // The hint at --help comes after the sentence.
        if (line[0] != '\0' && strncmp(line, "Try ", 4) != 0) {
            (void)snprintf(out, capacity, "%s", line);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/// It never came to life, for what it was called with or did not find: that is no crash, and the same again the next time.
static bool is_refused(sim_t *sim)
{
    const lab_child_t *child = &sim->child[DAEMON];
    int code = child->ended && WIFEXITED(child->status) ? WEXITSTATUS(child->status) : 0;
    if (sim->is_heard ||
        (code != REFUSES_USAGE && code != REFUSES_CONFIG && code != REFUSES_PLACE)) {
        return false;
    }
    char said[200];
    last_word(sim, said, sizeof said);
    (void)snprintf(sim->device->refused, sizeof sim->device->refused, "--sim: %s", said);
    sim->device->refused_code = code == REFUSES_PLACE ? LAB_ENVIRONMENT : LAB_USAGE;
    return true;
}

static void look_after_daemon(sim_t *sim)
{
    lab_child_t *child = &sim->child[DAEMON];
    if (sim->is_off || sim->device->refused[0] != '\0') {
        return;
    }
    if (sim->again_us == 0 && !lab_child_is_running(child)) {
        if (is_refused(sim)) {
            return;
        }
        char how[120];
        lab_child_tell_end(child, how, sizeof how);
        (void)snprintf(sim->device->wrong, sizeof sim->device->wrong, "holdfastd %s", how);
        lab_child_end(child, 0);
        sim->crashes++;
        sim->again_us = lab_clock_us() + LAB_DEVICE_RETRY_MS * 1000u;
    }
    if (sim->again_us != 0 && lab_clock_us() >= sim->again_us && sim->crashes < CRASHES_MAX) {
        (void)start_daemon(sim); // a failure shows at the next look
    }
}

static long sim_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    sim_t *sim = device->own;
    listen_to_all(sim);
    look_after_daemon(sim);
    *ts = lab_now();
    ssize_t length = read(device->fd, bytes, size);
    sim->is_heard |= length > 0;
    if (length <= 0 && (sim->crashes >= CRASHES_MAX || device->refused[0] != '\0')) {
        return -1;
    }
    return length > 0 ? length : 0;
}

static unsigned sim_descriptors(const lab_device_t *device, struct pollfd *fds)
{
    const sim_t *sim = device->own;
    unsigned count = 0;
    const int all[] = {device->fd, sim->child[VEHICLE].out, sim->child[CENTRAL].out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] >= 0) {
            fds[count++] = (struct pollfd){.fd = all[i], .events = POLLIN};
        }
    }
    return count;
}

static int sim_power(lab_device_t *device, bool on)
{
    sim_t *sim = device->own;
    sim->is_off = !on;
    if (on) {
        return start_daemon(sim) == LAB_PASS ? 0 : -1;
    }
    if (lab_child_is_running(&sim->child[DAEMON])) {
        (void)kill(sim->child[DAEMON].pid, SIGKILL);
    }
    lab_child_end(&sim->child[DAEMON], END_LIMIT_MS);
    return 0;
}

static int sim_network(lab_device_t *device, bool up)
{
    sim_t *sim = device->own;
    static const child_id_t beyond[] = {CENTRAL, BROKER};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        if (lab_child_is_running(&sim->child[beyond[i]])) {
            (void)kill(sim->child[beyond[i]].pid, up ? SIGCONT : SIGSTOP);
        }
    }
    return 0;
}

static int sim_central(lab_device_t *device, bool up)
{
    sim_t *sim = device->own;
    if (up) {
        return start_central(sim) == LAB_PASS ? 0 : -1; // at the port it had
    }
    lab_child_end(&sim->child[CENTRAL], END_LIMIT_MS);
    return 0;
}

static int sim_tell(lab_device_t *device, lab_who_t who, const char *line)
{
    sim_t *sim = device->own;
    return lab_child_tell(&sim->child[who == LAB_VEHICLE ? VEHICLE : CENTRAL], line);
}

/// Frames as in docs/SPEC.md, "virtual bus".
static int sim_can(lab_device_t *device)
{
    const sim_t *sim = device->own;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/can", sim->directory);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/// The plug is pulled and put back at once.
static int sim_reset(lab_device_t *device)
{
    return sim_power(device, false) == 0 ? sim_power(device, true) : -1;
}

// ---- end ----

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

/// What is still to be ended has not been; of holdfastd look_after_daemon() tells.
static void tell_who_ended_unasked(sim_t *sim, char *told, size_t capacity)
{
    static const char *const names[CHILDREN] = {
        [VEHICLE] = "holdfast sim", [CENTRAL] = "holdfast csms", [BROKER] = "mosquitto"};
    for (unsigned i = 0; i < CHILDREN; i++) {
        lab_child_t *child = &sim->child[i];
        if (names[i] != NULL && child->pid > 0 && !lab_child_is_running(child)) {
            char how[120];
            lab_child_tell_end(child, how, sizeof how);
            (void)snprintf(told, capacity, "%s %s", names[i], how);
        }
    }
}

static void sim_close(lab_device_t *device)
{
    sim_t *sim = device->own;
    if (sim == NULL) {
        return;
    }
    tell_who_ended_unasked(sim, device->gone, sizeof device->gone);
    static const child_id_t order[] = {DAEMON, CENTRAL, BROKER, VEHICLE};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        lab_child_end(&sim->child[order[i]], END_LIMIT_MS);
    }
    if (sim->slave_fd >= 0) {
        (void)close(sim->slave_fd);
    }
    if (sim->directory[0] != '\0') {
        (void)nftw(sim->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
    free(sim);
    device->own = NULL;
}

const lab_device_ops_t lab_device_sim = {.name = "sim",
                                         .open = sim_open,
                                         .read = sim_read,
                                         .reset = sim_reset,
                                         .descriptors = sim_descriptors,
                                         .close = sim_close,
                                         .power = sim_power,
                                         .network = sim_network,
                                         .central = sim_central,
                                         .tell = sim_tell,
                                         .can = sim_can};
