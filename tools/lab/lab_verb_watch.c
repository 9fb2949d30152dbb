// SPDX-License-Identifier: MIT
// `holdfast lab watch`: follows a device and shows the newest of memory, pools, tasks and trips; on a terminal as one
// picture that is drawn anew, elsewhere as lines. It asks nothing of the device and judges nothing.
#include "lab_device.h"
#include "lab_engine.h"
#include "lab_verbs.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX    32u
#define TRIPS_SHOWN  4u
#define DRAW_US      250000u
#define WAIT_MS      100
#define READS_A_LOOK 64u
#define KEEP_ROWS    4096u // then the record begins anew: it may follow a device for weeks
#define DEFAULT_BAUD 115200

typedef struct watch {
    lab_device_config_t config;
    lab_device_t device;
    lab_run_t run;
    bool is_picture, is_changed;
    double until_ts; // 0: for ever
    uint64_t drawn_us;
    lab_mem_row_t mem;
    bool has_mem;
    lab_pool_row_t pool[NAMES_MAX];
    lab_task_row_t task[NAMES_MAX];
    char mem_tag[LAB_NAME_BYTES]; // the run's own go with it
    char pool_name[NAMES_MAX][LAB_NAME_BYTES], task_name[NAMES_MAX][LAB_NAME_BYTES];
    lab_trip_t trip[TRIPS_SHOWN];
    unsigned pools, tasks, trips;
    uint32_t up_s, restarts;
    char ip[64];
} watch_t;

static void put_figure(const char *name, uint32_t value, const char *unit)
{
    if (value == LAB_UNKNOWN) {
        printf("  %s -", name);
    } else {
        printf("  %s %u%s", name, value, unit);
    }
}

static void print_memory(const watch_t *watch)
{
    const lab_memory_t *memory = &watch->mem.memory;
    printf("memory %-24s", watch->mem.tag);
    put_figure("free", memory->hi, " B");
    put_figure("least", memory->hin, " B");
    put_figure("largest", memory->hl, " B");
    put_figure("frag", memory->frag, " %");
    put_figure("psram", memory->pf, " B");
    printf("\n");
}

static void print_pool(const lab_pool_row_t *row)
{
    const lab_pool_t *pool = &row->pool;
    printf("pool   %-24s  %u of %u x %u B, peak %u, least %u free, refused %u, wrong gives %u\n",
           row->name, pool->use, pool->cap, pool->size, pool->peak, pool->min, pool->exh,
           pool->bad);
}

static void print_task(const lab_task_row_t *row)
{
    printf("task   %-24s  %u B of its stack never touched\n", row->name, row->left);
}

static void print_trip(const lab_trip_t *trip)
{
    printf("TRIP   %-24s  %s %s: %u, limit %u\n", trip->tag, trip->wire, trip->name, trip->value,
           trip->limit);
}

static void draw(watch_t *watch)
{
    printf("\033[H\033[J%s  up %u s  restarts %u  %s\n\n", watch->device.path, watch->up_s,
           watch->restarts, watch->ip);
    if (watch->has_mem) {
        print_memory(watch);
    }
    for (unsigned i = 0; i < watch->pools; i++) {
        print_pool(&watch->pool[i]);
    }
    for (unsigned i = 0; i < watch->tasks; i++) {
        print_task(&watch->task[i]);
    }
    for (unsigned i = 0; i < watch->trips; i++) {
        print_trip(&watch->trip[i]);
    }
    (void)fflush(stdout);
    watch->is_changed = false;
    watch->drawn_us = lab_clock_us();
}

static const char *keep_text(char place[LAB_NAME_BYTES], const char *text)
{
    (void)snprintf(place, LAB_NAME_BYTES, "%s", text);
    return place;
}

static void keep_pool(watch_t *watch, const lab_pool_row_t *row)
{
    unsigned i = 0;
    while (i < watch->pools && strcmp(watch->pool[i].name, row->name) != 0) {
        i++;
    }
    if (i < NAMES_MAX) {
        watch->pools += i == watch->pools ? 1u : 0u;
        watch->pool[i] = *row;
        watch->pool[i].name = keep_text(watch->pool_name[i], row->name);
        watch->pool[i].tag = "";
    }
}

static void keep_task(watch_t *watch, const lab_task_row_t *row)
{
    unsigned i = 0;
    while (i < watch->tasks && strcmp(watch->task[i].name, row->name) != 0) {
        i++;
    }
    if (i < NAMES_MAX) {
        watch->tasks += i == watch->tasks ? 1u : 0u;
        watch->task[i] = *row;
        watch->task[i].name = keep_text(watch->task_name[i], row->name);
        watch->task[i].tag = "";
    }
}

static void keep_trip(watch_t *watch, const lab_trip_t *trip)
{
    if (watch->trips == TRIPS_SHOWN) {
        memmove(watch->trip, watch->trip + 1, sizeof watch->trip[0] * (TRIPS_SHOWN - 1));
        watch->trips--;
    }
    watch->trip[watch->trips++] = *trip;
}

/// What a line brought, kept; and told at once where there is no picture.
static void on_line(void *ctx, const lab_run_t *run, const lab_line_t *line, const char *text,
                    size_t length)
{
    watch_t *watch = ctx;
    bool tells = !watch->is_picture;
    watch->is_changed = true;
    watch->restarts = run->boots;
    if (line->kind == LAB_LINE_MEM && run->mems > 0) {
        watch->mem = run->mem[run->mems - 1];
        watch->mem.tag = keep_text(watch->mem_tag, watch->mem.tag);
        watch->has_mem = true;
    } else if (line->kind == LAB_LINE_POOL && run->pools > 0) {
        keep_pool(watch, &run->pool[run->pools - 1]);
    } else if (line->kind == LAB_LINE_TASK && run->tasks > 0) {
        keep_task(watch, &run->task[run->tasks - 1]);
    } else if ((line->kind == LAB_LINE_TRIPWIRE || line->kind == LAB_LINE_WIRE) && run->trips > 0) {
        keep_trip(watch, &run->trip[run->trips - 1]);
    } else if (line->kind == LAB_LINE_HEARTBEAT) {
        watch->up_s = line->value;
    } else if (line->kind == LAB_LINE_IP) {
        (void)snprintf(watch->ip, sizeof watch->ip, "%s", line->name);
    } else if (line->kind == LAB_LINE_OTHER) {
        tells = false;
    }
    if (tells) {
        printf("%.*s\n", (int)length, text);
        (void)fflush(stdout);
    }
}

static int print_help(void)
{
    printf("Usage: holdfast lab watch [OPTION]...\n"
           "Follows a device and shows the newest of its memory, pools, tasks and trips.\n\n"
           "  --port PORT   auto, a serial port, tcp:HOST:PORT, or file:PATH (default auto)\n"
           "  --baud N      9600 to 921600 (default 115200)\n"
           "  --sim         the shipped holdfastd and its world, on this machine\n"
           "  --seconds N   end after so long (default: at Ctrl-C)\n"
           "  --help        this text\n\n"
           "Exit status: 0 ended as asked, 2 usage, 3 the device cannot be had, 130 Ctrl-C.\n");
    return LAB_PASS;
}

static int read_options(watch_t *watch, int argc, char **argv)
{
    static char name[] = "holdfast lab watch"; // getopt's messages begin with it
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'}, {"baud", required_argument, NULL, 'b'},
        {"sim", no_argument, NULL, 's'},        {"seconds", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    int64_t seconds = 0;
    argv[0] = name;
    for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        int code = LAB_PASS;
        if (option == 'h') {
            return print_help();
        }
        if (option == 'p') {
            code = lab_device_parse(optarg, &watch->config);
        } else if (option == 's') {
            watch->config.kind = LAB_SIM;
            watch->config.world.needs_vehicle = watch->config.world.needs_central = true;
        } else if (option == 'b' && lab_number(optarg, 9600, 921600, &watch->config.baud)) {
        } else if (option == 'n' && lab_number(optarg, 1, 31536000, &seconds)) {
            watch->until_ts = lab_now() + (double)seconds;
        } else {
            if (option != '?') {
                (void)lab_fail(LAB_USAGE, "watch", "'%s' is out of range, or no number", optarg);
            }
            code = lab_usage_hint("watch");
        }
        if (code != LAB_PASS) {
            return code;
        }
    }
    if (optind < argc) {
        (void)lab_fail(LAB_USAGE, "watch", "unexpected argument '%s'", argv[optind]);
        return lab_usage_hint("watch");
    }
    return -1;
}

static void start_record(watch_t *watch)
{
    lab_run_init(&watch->run);
    watch->run.on_line = on_line;
    watch->run.ctx = watch;
}

/// What is known of the device's life goes on, so that a restart is one.
static void renew_record(watch_t *watch)
{
    const uint32_t boots = watch->run.boots, up_ms = watch->run.last_up_ms;
    const uint32_t beat_s = watch->run.last_beat_s;
    const unsigned stage = watch->run.reset_stage;
    lab_run_free(&watch->run);
    start_record(watch);
    watch->run.boots = boots;
    watch->run.last_up_ms = up_ms;
    watch->run.last_beat_s = beat_s;
    watch->run.reset_stage = stage;
}

/// One look at the device. False: it has ended, or nobody reads what is told.
static bool look(watch_t *watch)
{
    struct pollfd fds[LAB_DEVICE_FDS];
    char bytes[4096];
    double ts = 0;
    unsigned count = watch->device.ops->descriptors(&watch->device, fds);
    (void)poll(fds, count, WAIT_MS);
    long length = 1;
    for (unsigned i = 0; i < READS_A_LOOK && length > 0; i++) {
        length = watch->device.ops->read(&watch->device, bytes, sizeof bytes, &ts);
        if (length > 0 && lab_run_feed(&watch->run, ts, bytes, (size_t)length) != 0) {
            return false;
        }
        if (watch->run.events > KEEP_ROWS && watch->run.partial_length == 0) {
            renew_record(watch);
        }
    }
    if (watch->is_picture && watch->is_changed && lab_clock_us() - watch->drawn_us > DRAW_US) {
        draw(watch);
    }
    return length >= 0 && ferror(stdout) == 0;
}

int lab_verb_watch(int argc, char **argv)
{
    static watch_t watch; // static: too large for a stack
    watch.config = (lab_device_config_t){
        .kind = LAB_SERIAL,
        .port = "auto",
        .baud = DEFAULT_BAUD,
        .world = {.heartbeat_s = 2, .tripwire_bytes = -1, .heap = "internal=320K,psram=8M"}};
    int code = read_options(&watch, argc, argv);
    if (code >= 0) {
        return code;
    }
    lab_engine_catch_signals();
    watch.is_picture = isatty(STDOUT_FILENO) == 1;
    code = lab_device_open(&watch.device, &watch.config);
    if (code != LAB_PASS) {
        return code;
    }
    start_record(&watch);
    bool goes_on = true;
    while (goes_on && !lab_engine_is_interrupted() &&
           (watch.until_ts == 0 || lab_now() < watch.until_ts)) {
        goes_on = look(&watch);
    }
    if (watch.device.refused[0] != '\0') {
        code = lab_fail(watch.device.refused_code, "watch", "%s", watch.device.refused);
    }
    lab_device_close(&watch.device);
    lab_run_free(&watch.run);
    return lab_engine_is_interrupted() ? LAB_INTERRUPTED : code;
}
