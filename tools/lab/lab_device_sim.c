// SPDX-License-Identifier: MIT
// --sim: the shipped holdfastd behind a pty, with vehicle, central system and broker beside it, each on loopback with a
// port of its own, in a directory of their own. The pty is the lab's and outlives restarts of the daemon. Invariants:
// what was started is ended, the charge point first; the directory goes with it; a daemon that ends unasked is told
// (device->wrong) and started again.
#include "lab_device_sim.h"

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

#define END_LIMIT_MS   8000u
#define CRASHES_MAX    5u // then it is given up
#define REFUSES_USAGE  64 // holdfastd's exit status: it was called wrong
#define REFUSES_CONFIG 78
#define REFUSES_PLACE  69 // something it needs cannot be had: a port, a library

// ---- open ----

static int open_pty(lab_sim_t *sim)
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

static int make_directory(lab_sim_t *sim)
{
    char state[96];
    (void)snprintf(sim->directory, sizeof sim->directory, "/tmp/holdfast-lab-XXXXXX");
    if (mkdtemp(sim->directory) == NULL) {
        sim->directory[0] = '\0';
        return lab_fail(LAB_ENVIRONMENT, "", "--sim: no private directory: %s", strerror(errno));
    }
    (void)snprintf(state, sizeof state, "%s/state", sim->directory);
    (void)mkdir(state, 0700); // holdfastd says why, if it is not there
    sim->http_port = lab_sim_free_port();
    (void)snprintf(sim->device->http, sizeof sim->device->http, "127.0.0.1:%u", sim->http_port);
    return LAB_PASS;
}

static int sim_open(lab_device_t *device)
{
    const lab_world_t *world = &device->config.world;
    lab_sim_t *sim = calloc(1, sizeof *sim);
    if (sim == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "no memory");
    }
    device->own = sim;
    sim->device = device;
    sim->slave_fd = -1;
    for (unsigned i = 0; i < LAB_SIM_CHILDREN; i++) {
        lab_child_init(&sim->child[i]);
    }
    int code = lab_sim_look_for("holdfastd");
    code = code == LAB_PASS ? lab_sim_look_for("holdfast") : code;
    code = code == LAB_PASS ? make_directory(sim) : code;
    code = code == LAB_PASS ? open_pty(sim) : code;
    code = code == LAB_PASS && world->needs_broker ? lab_sim_start_broker(sim) : code;
    code = code == LAB_PASS && world->needs_vehicle ? lab_sim_start_vehicle(sim) : code;
    code = code == LAB_PASS && world->needs_central ? lab_sim_start_central(sim) : code;
    return code == LAB_PASS ? lab_sim_start_daemon(sim) : code;
}

// ---- while it runs ----

/// What holdfastd said last, without what stands before its own words.
static void last_word(const lab_sim_t *sim, char *out, size_t capacity)
{
    char path[320], line[200];
    FILE *file = lab_sim_log(sim, "holdfastd.log", path) != NULL ? fopen(path, "re") : NULL;
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
static bool is_refused(lab_sim_t *sim)
{
    const lab_child_t *child = &sim->child[LAB_SIM_DAEMON];
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

static void look_after_daemon(lab_sim_t *sim)
{
    lab_child_t *child = &sim->child[LAB_SIM_DAEMON];
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
        (void)lab_sim_start_daemon(sim); // a failure shows at the next look
    }
}

static long sim_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    lab_sim_t *sim = device->own;
    look_after_daemon(sim);
    *ts = lab_now();
    ssize_t length = read(device->fd, bytes, size);
    sim->is_heard |= length > 0;
    if (length <= 0) {
        lab_sim_listen(sim); // behind its lines: what is told of a restart came after it
    }
    if (length <= 0 && (sim->crashes >= CRASHES_MAX || device->refused[0] != '\0')) {
        return -1;
    }
    return length > 0 ? length : 0;
}

static unsigned sim_descriptors(const lab_device_t *device, struct pollfd *fds)
{
    const lab_sim_t *sim = device->own;
    unsigned count = 0;
    const int all[] = {device->fd, sim->child[LAB_SIM_VEHICLE].out,
                       sim->child[LAB_SIM_CENTRAL].out};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] >= 0) {
            fds[count++] = (struct pollfd){.fd = all[i], .events = POLLIN};
        }
    }
    return count;
}

static int sim_power(lab_device_t *device, bool on)
{
    lab_sim_t *sim = device->own;
    sim->is_off = !on;
    if (on) {
        return lab_sim_start_daemon(sim) == LAB_PASS ? 0 : -1;
    }
    if (lab_child_is_running(&sim->child[LAB_SIM_DAEMON])) {
        (void)kill(sim->child[LAB_SIM_DAEMON].pid, SIGKILL);
    }
    lab_child_end(&sim->child[LAB_SIM_DAEMON], END_LIMIT_MS);
    return 0;
}

static int sim_network(lab_device_t *device, bool up)
{
    lab_sim_t *sim = device->own;
    static const lab_sim_child_t beyond[] = {LAB_SIM_CENTRAL, LAB_SIM_BROKER};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        if (lab_child_is_running(&sim->child[beyond[i]])) {
            (void)kill(sim->child[beyond[i]].pid, up ? SIGCONT : SIGSTOP);
        }
    }
    return 0;
}

static int sim_central(lab_device_t *device, bool up)
{
    lab_sim_t *sim = device->own;
    if (up) {
        return lab_sim_start_central(sim) == LAB_PASS ? 0 : -1; // at the port it had
    }
    lab_child_end(&sim->child[LAB_SIM_CENTRAL], END_LIMIT_MS);
    return 0;
}

static int sim_tell(lab_device_t *device, lab_who_t who, const char *line)
{
    lab_sim_t *sim = device->own;
    return lab_child_tell(&sim->child[who == LAB_VEHICLE ? LAB_SIM_VEHICLE : LAB_SIM_CENTRAL],
                          line);
}

/// Frames as in docs/SPEC.md, "virtual bus".
static int sim_can(lab_device_t *device)
{
    const lab_sim_t *sim = device->own;
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
static void tell_who_ended_unasked(lab_sim_t *sim, char *told, size_t capacity)
{
    static const char *const names[LAB_SIM_CHILDREN] = {[LAB_SIM_VEHICLE] = "holdfast sim",
                                                        [LAB_SIM_CENTRAL] = "holdfast csms",
                                                        [LAB_SIM_BROKER] = "mosquitto"};
    for (unsigned i = 0; i < LAB_SIM_CHILDREN; i++) {
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
    lab_sim_t *sim = device->own;
    if (sim == NULL) {
        return;
    }
    tell_who_ended_unasked(sim, device->gone, sizeof device->gone);
    static const lab_sim_child_t order[] = {LAB_SIM_DAEMON, LAB_SIM_CENTRAL, LAB_SIM_BROKER,
                                            LAB_SIM_VEHICLE};
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
