// SPDX-License-Identifier: MIT
// Telemetry of the daemon: the prologue, the rounds of main, the view for services. Context of everything but marks,
// questions of services and daemon_device_watch_comms(): main.
#include "daemon.h"
#include "daemon_sources.h"

#include "hf_port_linux.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>

#define PUBLISH_US  HF_US_PER_S
#define NO_ADDRESS  "127.0.0.1"
#define ADDRESS_MAX 46u
#define LOOK_BYTES  262144u // of a stack at a sample: those of the daemon are large

// ---- building -----------------------------------------------------------------------------------

static bool write_line(void *ctx, const char *line, size_t length)
{
    daemon_stream_t *stream = ctx;
    return !stream->is_open ||
           daemon_stream_write(stream, line, length); // nobody asked for it: not lost
}

static int build_stream(daemon_t *daemon)
{
    const char *where = daemon->options.telemetry;
    if (where[0] == '\0') {
        return -1;
    }
    errno = 0;
    int status = daemon_stream_open(&daemon->device.stream, where);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: telemetry %s: %s\n", where,
                      status == HF_E_IO && errno != 0 ? strerror(errno) : hf_status_text(status));
        return EXIT_CONFIG;
    }
    HF_LOGI(&daemon->main_log.log, hf_port_now_us(), SYS, "telemetry on %s",
            daemon->device.stream.path);
    return -1;
}

static int build_telemetry(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    hf_telemetry_config_t config = {
        .memory = {.read = daemon_sources_memory, .ctx = device},
        .write = write_line,
        .ctx = &device->stream,
        .read_pool = daemon_sources_pool,
        .pools = daemon,
        .pool_count = DAEMON_POOLS,
        .pools_full_by_design = 1u << DAEMON_POOL_JOURNAL | ((1u << DAEMON_REGIONS) - 1u)
                                                                << DAEMON_POOL_REGIONS,
        .tasks = &daemon->tasks.tasks,
        .look_bytes = LOOK_BYTES,
        .tripwire = &device->tripwire,
        .history = device->history,
        .history_count = HF_HISTORY_SAMPLES,
        .heartbeat_ms = (uint32_t)daemon->options.heartbeat_s * 1000u,
    };
#if CONFIG_HF_MUTEX
    device->locks = (hf_telemetry_locks_t){.mutex = (const hf_mutex_t *const *)daemon->tasks.locks,
                                           .tasks = &daemon->tasks.tasks};
    config.read_lock = hf_telemetry_read_locks;
    config.locks = &device->locks;
#endif
    int status = hf_snapshot_init(&device->published, device->words, sizeof device->view);
    status = status == HF_OK ? hf_telemetry_init(&device->telemetry, &config, now_us) : status;
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: telemetry: %s\n", hf_status_text(status));
        return EXIT_SOFTWARE;
    }
    return -1;
}

static void tell_last_end(daemon_t *daemon, uint64_t now_us)
{
    const daemon_dossier_t *dossier = &daemon->device.dossier;
    const hf_dossier_t *last = &dossier->last;
    if (dossier->has_last && !hf_reset_is_expected(last->reason)) {
        HF_LOGW(&daemon->main_log.log, now_us, SYS,
                "the run before ended after %u s: %s%s%s%s%s, last snapshot %s",
                (unsigned)(last->uptime_ms / 1000u), hf_reset_text(last->reason),
                last->task[0] != '\0' ? ", task " : "", last->task,
                last->detail[0] != '\0' ? ": " : "", last->detail,
                last->tag[0] != '\0' ? last->tag : "none");
    }
}

int daemon_device_build(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    uint64_t now_us = hf_port_now_us();
    daemon_dossier_open(&device->dossier, daemon->options.state, now_us);
    daemon_dossier_catch(&device->dossier);
    hf_thermal_linux_open(&device->thermal, HF_THERMAL_LINUX_CLASSES);
    daemon_sources_find_budget(&device->budget);
    daemon_sources_read_regions(&device->budget);
    int (*const steps[])(daemon_t *) = {build_stream, daemon_policy_build};
    int code = -1;
    for (size_t i = 0; code < 0 && i < HF_COUNT_OF(steps); i++) {
        code = steps[i](daemon);
    }
    code = code < 0 ? build_telemetry(daemon, now_us) : code;
    if (code >= 0) {
        return code;
    }
    uint32_t reset = device->dossier.reset_code;
    hf_telemetry_boot(&device->telemetry, reset, hf_reset_text(reset), HOLDFAST_VERSION);
    atomic_store(&device->is_open, 1u);
    daemon_telemetry_mark(daemon, "boot");
    tell_last_end(daemon, now_us);
    return -1;
}

void daemon_device_keep(daemon_t *daemon)
{
    daemon_dossier_keep(&daemon->device.dossier, &daemon->evse.store);
}

void daemon_device_enter_thread(void)
{
    daemon_dossier_guard_thread();
}

// ---- the address ----------------------------------------------------------------------------------

/// The IPv4 address of an interface; of the first that is up and no loopback, where there is no name.
static bool find_address(const char *name, char out[ADDRESS_MAX])
{
    struct ifaddrs *all = NULL;
    bool is_found = false;
    if (getifaddrs(&all) != 0) {
        return false;
    }
    for (const struct ifaddrs *each = all; each != NULL && !is_found; each = each->ifa_next) {
        const struct sockaddr *address = each->ifa_addr;
        bool is_wanted = name[0] != '\0' ? strcmp(each->ifa_name, name) == 0
                                         : (each->ifa_flags & IFF_LOOPBACK) == 0;
        if (is_wanted && address != NULL && address->sa_family == AF_INET) {
            struct sockaddr_in v4;
            memcpy(&v4, address, sizeof v4);
            is_found = inet_ntop(AF_INET, &v4.sin_addr, out, ADDRESS_MAX) != NULL;
        }
    }
    freeifaddrs(all);
    return is_found;
}

/// Where the device's pages are to be found: what they listen on, or the network's address where that is everything.
static void choose_address(const daemon_t *daemon, char out[ADDRESS_MAX])
{
    const options_t *options = &daemon->options;
    bool is_named = strcmp(options->net, "auto") != 0 && strcmp(options->net, "none") != 0;
    (void)snprintf(out, ADDRESS_MAX, "%s", NO_ADDRESS);
    if (options->has_http && strcmp(options->http_host, "0.0.0.0") != 0) {
        (void)snprintf(out, ADDRESS_MAX, "%.45s", options->http_host);
    } else if (daemon->has_net) {
        (void)find_address(is_named ? options->net : "", out);
    }
}

static void follow_net(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    char address[ADDRESS_MAX];
    bool is_up = !daemon->has_net || hf_net_is_usable((hf_net_state_t)device->comms.net);
    if (is_up == device->is_net_told) {
        return;
    }
    device->is_net_told = is_up;
    if (!is_up) {
        hf_telemetry_ip(&device->telemetry, NULL, NULL);
        return;
    }
    choose_address(daemon, address);
    hf_telemetry_ip(&device->telemetry, address, daemon->options.id);
    daemon_telemetry_mark(daemon, "net_up");
}

// ---- rounds of main -------------------------------------------------------------------------------

static void begin(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
#if CONFIG_HF_MUTEX
    device->telemetry.config.lock_count =
        daemon->tasks.lock_count; // everybody has made theirs by now
#endif
#if CONFIG_HOLDFASTD_STATUS_PAGE
    if (daemon->portal.is_open) {
        daemon_telemetry_mark(daemon, "portal_up");
    }
#endif
    follow_net(daemon);
    daemon_telemetry_mark(daemon, "setup");
    hf_telemetry_poll(&device->telemetry, now_us);
    hf_telemetry_ready(&device->telemetry, now_us);
    device->telemetry.pools_us = 0; // the first ones at once
    if (device->budget.arm != NULL) {
        device->budget.arm(); // takes that are to fail are counted from here
    }
    device->is_ready = true;
}

static uint16_t at_most(uint32_t value)
{
    return (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX);
}

static void fill_pools(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    evse_device_view_t *view = &device->view;
    hf_dossier_t *draft = &device->dossier.draft;
    uint32_t count = 0;
    while (count < DAEMON_POOLS && daemon_sources_pool(daemon, count, &view->pool[count])) {
        const hf_line_pool_t *pool = &view->pool[count];
        hf_dossier_pool_t *kept = &draft->pool[count++];
        (void)snprintf(kept->name, sizeof kept->name, "%s", pool->name);
        kept->capacity = at_most(pool->capacity);
        kept->in_use = at_most(pool->in_use);
        kept->peak = at_most(pool->peak);
        kept->exhausted = at_most(pool->exhausted);
    }
    view->pools = count;
    // bytes of regions are in its memory
    draft->pools = count < DAEMON_POOL_REGIONS ? count : DAEMON_POOL_REGIONS;
}

static void fill_tasks(evse_device_view_t *view, const hf_tasks_t *tasks)
{
    view->tasks = 0;
    for (uint32_t i = 0; tasks != NULL && i < tasks->count && view->tasks < EVSE_DEVICE_TASKS;
         i++) {
        hf_line_task_t *line = &view->task[view->tasks];
        const hf_task_info_t *info = &tasks->task[i].info;
        *line =
            (hf_line_task_t){.name = info->name, .priority = info->priority, .core = info->core};
        view->tasks += hf_task_margin(tasks, i, &line->stack_free_bytes) == HF_OK ? 1u : 0u;
    }
}

static void fill_locks(evse_device_view_t *view, const hf_telemetry_config_t *config)
{
    view->locks = 0;
    for (uint32_t i = 0; i < config->lock_count && view->locks < EVSE_DEVICE_LOCKS; i++) {
        hf_line_lock_t line;
        if (config->read_lock(config->locks, i, &line)) {
            view->lock[view->locks++] =
                (evse_device_lock_t){.name = line.name,
                                     .holder = line.holder != NULL ? line.holder : "",
                                     .waiter = line.waiter != NULL ? line.waiter : "",
                                     .held_ms = line.held_ms,
                                     .timeouts = line.timeouts};
        }
    }
}

/// Of one processor, since the last time this was asked.
static int32_t take_cpu(daemon_device_t *device, uint64_t now_us)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0) {
        return -1;
    }
    uint64_t us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * HF_US_PER_S +
                  (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    uint64_t spent_us = us - device->cpu_us;
    uint64_t period_us = now_us - device->published_before_us;
    bool is_first = device->published_before_us == 0 || period_us == 0;
    device->cpu_us = us;
    device->published_before_us = now_us;
    return is_first ? -1 : (int32_t)(spent_us * 1000u / period_us);
}

static void fill_view(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    const hf_telemetry_t *telemetry = &device->telemetry;
    evse_device_view_t *view = &device->view;
    view->now_us = now_us;
    view->started_us = device->dossier.started_us;
    view->has_memory = telemetry->memory_known ? 1u : 0u;
    view->memory = telemetry->memory;
    view->reset_code = device->dossier.reset_code;
    view->windows = telemetry->windows;
    memcpy(view->history, device->history, sizeof view->history);
    view->lines = telemetry->lines;
    view->lost_lines = telemetry->lost_lines;
    view->lost_marks = atomic_load(&telemetry->lost_marks);
    view->warnings = device->tripwire.warnings;
    view->trips = device->tripwire.trips;
    view->shedding = atomic_load(&device->shedding);
    view->finishing = atomic_load(&device->finishing);
    view->has_dossier = device->dossier.has_last ? 1u : 0u;
    view->dossier = device->dossier.last;
    view->cpu_permille = take_cpu(device, now_us);
    if (hf_thermal_linux_read(&device->thermal, &view->cpu_mC) != HF_OK) {
        view->cpu_mC = INT32_MIN;
    }
    view->heap_bytes = daemon_sources_heap_bytes(&device->budget);
    memcpy(view->ip, telemetry->ip, sizeof view->ip);
    memcpy(view->host, telemetry->host, sizeof view->host);
    fill_tasks(view, telemetry->config.tasks);
    fill_locks(view, &telemetry->config);
    fill_pools(daemon);
    hf_snapshot_write(&device->published, view);
}

static void note_sessions(daemon_t *daemon)
{
    hf_dossier_t *draft = &daemon->device.dossier.draft;
    const int32_t *open = daemon->device.comms.transaction_id;
    uint32_t charging = 0;
    int32_t first = 0;
    for (unsigned c = daemon->options.connectors; c-- > 0;) {
        charging |= open[c] != 0 ? 1u << c : 0u;
        first = open[c] != 0 ? open[c] : first;
    }
    draft->connectors_charging = charging;
    draft->transaction_id = first;
}

static void keep_dossier(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    hf_dossier_t *draft = &device->dossier.draft;
    uint32_t was = draft->connectors_charging;
    note_sessions(daemon);
    draft->memory = device->telemetry.memory;
    (void)snprintf(draft->tag, sizeof draft->tag, "%s", device->telemetry.last_tag);
    daemon_dossier_refresh(&device->dossier, now_us, was != draft->connectors_charging);
    bool is_stale = !daemon_dossier_is_live(&device->dossier);
    if (is_stale && !device->is_stale_told) {
        HF_LOGW(&daemon->main_log.log, now_us, SYS,
                "the reset dossier cannot be kept in step here: after SIGKILL it may be %u s old",
                DAEMON_DOSSIER_STALE_MS / 1000u);
    }
    device->is_stale_told = is_stale;
}

static void read_comms(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    if (hf_snapshot_read(&daemon->view_snapshot, &device->comms) == HF_OK) {
        device->queue_peak =
            device->comms.queue > device->queue_peak ? device->comms.queue : device->queue_peak;
        follow_net(daemon);
    }
}

void daemon_device_poll(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    if (!device->is_ready) {
        begin(daemon, now_us);
    }
    hf_telemetry_poll(&device->telemetry, now_us);
    daemon_policy_poll(daemon, now_us);
    read_comms(daemon);
    if (device->published_us == 0 || now_us - device->published_us >= PUBLISH_US) {
        device->published_us = now_us;
        daemon_sources_read_regions(&device->budget);
        fill_view(daemon, now_us);
    }
    keep_dossier(daemon, now_us);
    daemon_stream_flush(&device->stream);
}

// ---- comms ----------------------------------------------------------------------------------------

#if CONFIG_EVSE_OCPP_FIRMWARE
static void watch_firmware(daemon_t *daemon, const evse_comms_view_t *now)
{
    static const char *const tags[EVSE_JOB_STATUS_COUNT] = {
        [EVSE_JOB_BUSY] = "fw_download",
        [EVSE_JOB_DONE] = "fw_downloaded",
        [EVSE_JOB_FAILED] = "fw_failed",
        [EVSE_JOB_INSTALLING] = "fw_install",
        [EVSE_JOB_INSTALL_FAILED] = "fw_install_failed",
    };
    uint32_t status = now->transfer_status[EVSE_JOB_FIRMWARE];
    if (status != daemon->device.seen.transfer_status[EVSE_JOB_FIRMWARE] &&
        status < HF_COUNT_OF(tags) && tags[status] != NULL) {
        daemon_telemetry_mark(daemon, tags[status]);
    }
}
#endif

void daemon_device_watch_comms(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    const evse_comms_view_t *now = &daemon->view;
    if (device->has_seen) {
        if (now->link == EVSE_LINK_OPEN && device->seen.link != EVSE_LINK_OPEN) {
            daemon_telemetry_mark(daemon, "ws_connected");
        }
        if (now->sessions_started != device->seen.sessions_started) {
            daemon_telemetry_mark(daemon, "tx_start");
        }
        if (now->sessions_ended != device->seen.sessions_ended) {
            daemon_telemetry_mark(daemon, "tx_stop");
        }
#if CONFIG_EVSE_OCPP_FIRMWARE
        watch_firmware(daemon, now);
#endif
    }
    device->seen = *now;
    device->has_seen = true;
    daemon_policy_finish(daemon, now_us);
}

// ---- the end --------------------------------------------------------------------------------------

void daemon_device_note_hang(daemon_t *daemon, const char *task, uint32_t age_ms)
{
    char detail[48];
    hf_builder_t out;
    hf_builder_init(&out, detail, sizeof detail);
    hf_builder_format(&out, "has not checked in for %u ms", (unsigned)age_ms);
    daemon_dossier_end(&daemon->device.dossier, HF_RESET_TASK_WATCHDOG, task, detail);
}

static void tell_cause(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    const hf_trip_event_t *cause = &device->cause;
    char detail[48] = "in good order";
    const char *name = "";
    uint32_t reason = daemon_policy_reason(daemon);
    if (reason != HF_RESET_SOFTWARE) {
        (void)snprintf(detail, sizeof detail, "%s %u, limit %u", hf_wire_text(cause->wire->kind),
                       (unsigned)cause->value, (unsigned)cause->limit);
        (void)snprintf(device->dossier.draft.tag, sizeof device->dossier.draft.tag, "%s",
                       cause->tag);
        name = cause->name != NULL ? cause->name : "";
        daemon_dossier_refresh(&device->dossier, hf_port_now_us(), true);
    }
    daemon_dossier_end(&device->dossier, reason, name, detail);
}

void daemon_device_stop(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    uint32_t end = atomic_load(&daemon->end);
    if (atomic_exchange(&device->is_open, 0u) == 0) {
        return;
    }
    for (uint32_t told = 0; told <= HF_TELEMETRY_MARKS; told += HF_TELEMETRY_TOLD_MAX) {
        hf_telemetry_poll(&device->telemetry, hf_port_now_us()); // whatever still waits
    }
    if (end != DAEMON_FAILS) { // else the supervisor had the last word
        tell_cause(daemon);
    }
    daemon_stream_flush(&device->stream);
    if (end == DAEMON_RESTARTS || end == DAEMON_TRIPS) {
        daemon_stream_keep(&device->stream);
    } else {
        daemon_stream_close(&device->stream);
    }
}

// ---- services -------------------------------------------------------------------------------------

void daemon_telemetry_mark(void *ctx, const char *tag)
{
    daemon_t *daemon = ctx;
    if (atomic_load(&daemon->device.is_open) != 0) {
        hf_telemetry_mark(&daemon->device.telemetry, tag, hf_port_now_us());
    }
}

bool daemon_telemetry_is_shedding(void *ctx)
{
    daemon_t *daemon = ctx;
    return atomic_load(&daemon->device.shedding) != 0;
}

int daemon_telemetry_ask_restart(void *ctx)
{
    daemon_t *daemon = ctx;
    bool is_asked = atomic_load(&daemon->end) == DAEMON_RUNS &&
                    atomic_exchange(&daemon->device.finishing, 1u) == 0;
    return is_asked ? HF_OK : HF_E_STATE;
}

int daemon_telemetry_view(void *ctx, evse_device_view_t *view)
{
    const daemon_t *daemon = ctx;
    if (atomic_load(&daemon->device.is_open) == 0) {
        return HF_E_EMPTY;
    }
    int status = hf_snapshot_read(&daemon->device.published, view);
    view->windows.ring = view->history;
    return status;
}
