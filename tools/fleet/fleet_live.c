// SPDX-License-Identifier: MIT
// Real time, one thread: every charge point steps 10 ms each 10 ms, comms every other step, over sockets of its own. A
// machine that
// cannot keep up makes the fleet slower, not different: their time goes by steps, and how far it is behind is told.
#include "fleet.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WS_OPEN_MS     30000u
#define WS_PONG_MS     20000u
#define WS_CLOSE_MS    1000u
#define EVENTS_EACH    64
#define OPENINGS_EACH  4u // a step: a server's backlog is finite
#define DRAIN_LIMIT_US (60u * HF_US_PER_S)
#define ALONE_S        15u // without one connection: nobody is there

typedef struct live_unit {
    evse_ws_t ws;
    evse_stream_tcp_t stream;
    uint8_t *send_buffer, *receive_buffer;
    evse_url_t url;
    int watched_fd;
    evse_stream_phase_t watched_phase;
    fleet_unit_t unit; // last
} live_unit_t;

typedef struct live {
    const fleet_options_t *options;
    fleet_report_t *report;
    live_unit_t *units; // zeroed pages: what is not used is not there
    uint8_t *buffers, *journals;
    size_t unit_bytes, buffer_bytes;
    struct sockaddr_storage address;
    socklen_t address_length;
    evse_url_t url;
    int epoll;
    uint64_t start_us;
    uint64_t last_sent;
    fleet_latency_t before; // at the last sample
} live_t;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void random_bytes(void *ctx, void *data, size_t length)
{
    (void)ctx;
    if (getrandom(data, length, 0) != (ssize_t)length) {
        memset(data, 0x5A, length); // masks against confusion, no secret
    }
}

// ---- setting up --------------------------------------------------------------------------------------------------------

static void *zeroed_pages(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static size_t to_page(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1u) / page * page;
}

static int allocate(live_t *live)
{
    live->unit_bytes = to_page(sizeof(live_unit_t));
    live->buffer_bytes =
        to_page(CONFIG_EVSE_OCPP_SEND_BYTES + 16u) + to_page(CONFIG_EVSE_OCPP_RECEIVE_BYTES);
    size_t count = live->options->units;
    live->units = zeroed_pages(count * live->unit_bytes);
    live->buffers = zeroed_pages(count * live->buffer_bytes);
    live->journals = zeroed_pages(count * 2u * FLEET_SEGMENT_BYTES);
    return live->units != NULL && live->buffers != NULL && live->journals != NULL
               ? TOOL_GOOD
               : tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "no memory for %u charge points",
                           live->options->units);
}

static live_unit_t *unit_at(const live_t *live, unsigned index)
{
    return (live_unit_t *)(void *)((uint8_t *)live->units + index * live->unit_bytes);
}

static int resolve(live_t *live)
{
    if (evse_url_parse(live->options->url, &live->url) != HF_OK) {
        return tool_fail(TOOL_USAGE, FLEET_VERB, "--csms '%s': ws://HOST[:PORT][/PATH] is needed",
                         live->options->url);
    }
    if (live->url.secure) {
        return tool_fail(TOOL_USAGE, FLEET_VERB, "--csms '%s': wss is not there yet",
                         live->options->url);
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)live->url.port);
    int error = getaddrinfo(live->url.host, port, &hints, &found);
    if (error != 0) {
        return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "%s: %s", live->url.host,
                         gai_strerror(error));
    }
    memcpy(&live->address, found->ai_addr, found->ai_addrlen);
    live->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    return TOOL_GOOD;
}

static int allow_sockets(unsigned count)
{
    struct rlimit limit;
    rlim_t needed = count + 64u;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= needed
               ? TOOL_GOOD
               : tool_fail(TOOL_ENVIRONMENT, FLEET_VERB,
                           "%u sockets are more than this system grants (ulimit -n)", count);
}

static int start_unit(live_t *live, unsigned index, const fleet_scenario_t *scenario)
{
    live_unit_t *at = unit_at(live, index);
    evse_stream_tcp_init_resolved(&at->stream, &live->address, live->address_length);
    at->send_buffer = live->buffers + index * live->buffer_bytes;
    at->receive_buffer = at->send_buffer + to_page(CONFIG_EVSE_OCPP_SEND_BYTES + 16u);
    evse_ws_config_t ws = {
        .stream = evse_stream_tcp_seam(&at->stream),
        .url = &at->url,
        .subprotocol = "ocpp1.6",
        .receive_buffer = at->receive_buffer,
        .receive_capacity = CONFIG_EVSE_OCPP_RECEIVE_BYTES,
        .send_buffer = at->send_buffer,
        .send_capacity = CONFIG_EVSE_OCPP_SEND_BYTES + 16u,
        .open_timeout_ms = WS_OPEN_MS,
        .ping_interval_ms = 60000u,
        .pong_timeout_ms = WS_PONG_MS,
        .close_timeout_ms = WS_CLOSE_MS,
        .random = random_bytes,
    };
    evse_url_t *url = &at->url;
    *url = live->url;
    size_t length = strlen(url->path);
    int added =
        snprintf(url->path + length, sizeof url->path - length, "%s%s%u",
                 url->path[length - 1u] == '/' ? "" : "/", live->options->id_prefix, index + 1u);
    if (added < 0 || (size_t)added >= sizeof url->path - length) {
        return HF_E_TOO_LONG;
    }
    int status = evse_ws_init(&at->ws, &ws);
    const fleet_unit_config_t config = {.index = index,
                                        .seed = live->options->seed,
                                        .scenario = scenario,
                                        .stats = &live->report->stats,
                                        .link = {.ops = &evse_ws_link_ops, .ctx = &at->ws},
                                        .clock = now_us,
                                        .journal = live->journals +
                                                   (size_t)index * 2u * FLEET_SEGMENT_BYTES};
    return status == HF_OK ? fleet_unit_init(&at->unit, &config) : status;
}

// ---- what is seen ------------------------------------------------------------------------------------------------------

static uint64_t resident_in(const void *pages, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = bytes / page;
    unsigned char *present = malloc(count);
    uint64_t resident = 0;
    if (present != NULL && mincore((void *)(uintptr_t)pages, bytes, present) == 0) {
        for (size_t i = 0; i < count; i++) {
            resident += (present[i] & 1u) * page;
        }
    }
    free(present);
    return resident;
}

static fleet_latency_t all_answers(const fleet_stats_t *stats)
{
    fleet_latency_t all = {0};
    for (unsigned i = 0; i < FLEET_ACTIONS; i++) {
        fleet_latency_merge(&all, &stats->latency[i]);
    }
    return all;
}

static fleet_latency_t since(const fleet_latency_t *now, const fleet_latency_t *before)
{
    fleet_latency_t part = {.count = now->count - before->count, .worst_us = now->worst_us};
    for (unsigned i = 0; i < FLEET_LATENCY_BUCKETS; i++) {
        part.bucket[i] = now->bucket[i] - before->bucket[i];
    }
    return part;
}

static void look(live_t *live, uint32_t at_s)
{
    fleet_report_t *report = live->report;
    unsigned connected = 0, charging = 0;
    for (unsigned i = 0; i < live->options->units; i++) {
        const fleet_unit_t *unit = &unit_at(live, i)->unit;
        connected += unit->link.state == EVSE_LINK_OPEN;
        charging += fleet_unit_is_charging(unit);
    }
    fleet_latency_t all = all_answers(&report->stats);
    fleet_latency_t part = since(&all, &live->before);
    live->before = all;
    fleet_sample_t sample = {.at_s = at_s,
                             .connected = connected,
                             .charging = charging,
                             .messages_per_s = (uint32_t)(report->stats.sent - live->last_sent),
                             .p99_us = (uint32_t)fleet_latency_us(&part, 990)};
    live->last_sent = report->stats.sent;
    report->connected_max = connected > report->connected_max ? connected : report->connected_max;
    if (report->samples < FLEET_SAMPLES_MAX) {
        report->sample[report->samples++] = sample;
    }
    if (!live->options->quiet) {
        (void)fprintf(stderr,
                      "%5u s  %u connected  %u charging  %llu sessions  %u messages/s  p50 %.1f  "
                      "p99 %.1f ms  %llu errors\n",
                      at_s, connected, charging, (unsigned long long)report->stats.ended,
                      sample.messages_per_s, (double)fleet_latency_us(&part, 500) / 1000.0,
                      (double)sample.p99_us / 1000.0,
                      (unsigned long long)(report->stats.errors + report->stats.unanswered));
    }
}

// ---- the loop ----------------------------------------------------------------------------------------------------------

static bool is_over(const live_t *live)
{
    for (unsigned i = 0; i < live->options->units; i++) {
        const fleet_unit_t *unit = &unit_at(live, i)->unit;
        if (unit->phase != FLEET_DONE || fleet_unit_waiting(unit) != 0u ||
            unit->evse.ocpp.rpc.outstanding) {
            return false;
        }
    }
    return true;
}

// Answers are read when they come, so that what is told of them is the central system's time and not our step.
static void listen_until(const live_t *live, uint64_t moment_us)
{
    struct epoll_event events[EVENTS_EACH];
    for (uint64_t now = now_us(NULL); now < moment_us; now = now_us(NULL)) {
        const struct timespec left = {.tv_nsec = (long)((moment_us - now) * 1000u)};
        int count = epoll_pwait2(live->epoll, events, EVENTS_EACH, &left, NULL);
        for (int i = 0; i < count; i++) {
            fleet_unit_hear(&unit_at(live, events[i].data.u32)->unit);
        }
        if (count < 0 && errno != EINTR) {
            return;
        }
    }
}

static void watch_socket(const live_t *live, unsigned index)
{
    live_unit_t *at = unit_at(live, index);
    int fd = evse_stream_tcp_fd(&at->stream);
    if (fd >= 0 && (fd != at->watched_fd || at->stream.phase != at->watched_phase)) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
        if (at->stream.phase == EVSE_STREAM_OPEN) {
            (void)epoll_ctl(live->epoll, EPOLL_CTL_ADD, fd,
                            &event); // one that was closed has left by itself
        }
    }
    at->watched_fd = fd;
    at->watched_phase = at->stream.phase;
}

static int step_all(live_t *live, const fleet_scenario_t *scenario, unsigned *started)
{
    for (unsigned i = 0; i < OPENINGS_EACH && *started < live->options->units; i++, (*started)++) {
        int status = start_unit(live, *started, scenario);
        if (status != HF_OK) {
            return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "charge point %u does not start: %s",
                             *started + 1u, hf_status_text(status));
        }
    }
    for (unsigned i = 0; i < *started; i++) {
        fleet_unit_step(&unit_at(live, i)->unit, EVSE_TICK_US);
        watch_socket(live, i);
    }
    return TOOL_GOOD;
}

static int run(live_t *live, const fleet_scenario_t *scenario)
{
    unsigned started = 0;
    uint32_t seen_s = 0;
    uint64_t limit_us = live->options->seconds * HF_US_PER_S;
    for (uint64_t tick = 1; !interrupted; tick++) {
        int status = step_all(live, scenario, &started);
        if (status != TOOL_GOOD) {
            return status;
        }
        uint64_t now = now_us(NULL), due = live->start_us + tick * EVSE_TICK_US;
        uint64_t passed_us = now - live->start_us;
        if (passed_us / HF_US_PER_S > seen_s) {
            seen_s = (uint32_t)(passed_us / HF_US_PER_S);
            look(live, seen_s);
            bool all = started == live->options->units && is_over(live);
            bool alone = live->report->connected_max == 0u && seen_s >= ALONE_S;
            if (all || alone ||
                (limit_us != 0u &&
                 passed_us >= limit_us + (scenario->sessions == 0u ? 0u : DRAIN_LIMIT_US)) ||
                (limit_us != 0u && scenario->sessions == 0u && passed_us >= limit_us)) {
                break;
            }
        }
        if (now > due) {
            live->report->behind_us_max =
                now - due > live->report->behind_us_max ? now - due : live->report->behind_us_max;
        } else {
            listen_until(live, due);
        }
    }
    return interrupted ? TOOL_INTERRUPTED : TOOL_GOOD;
}

static void close_all(live_t *live)
{
    for (unsigned i = 0; i < live->options->units; i++) {
        live_unit_t *at = unit_at(live, i);
        if (at->unit.scenario != NULL) {
            at->stream.fd >= 0 ? (void)close(at->stream.fd) : (void)0;
        }
    }
}

int fleet_live(const fleet_options_t *options, const fleet_scenario_t *scenario,
               fleet_report_t *report)
{
    live_t live = {.options = options, .report = report};
    int status = resolve(&live);
    status = status == TOOL_GOOD ? allow_sockets(options->units) : status;
    status = status == TOOL_GOOD ? allocate(&live) : status;
    if (status != TOOL_GOOD) {
        return status;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    live.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (live.epoll < 0) {
        return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "no epoll");
    }
    live.start_us = now_us(NULL);
    status = run(&live, scenario);
    report->seconds = report->host_seconds = (double)(now_us(NULL) - live.start_us) / 1e6;
    uint64_t resident = resident_in(live.units, options->units * live.unit_bytes) +
                        resident_in(live.buffers, options->units * live.buffer_bytes);
    report->resident_bytes = resident / options->units;
    close_all(&live);
    if (status == TOOL_GOOD && report->connected_max == 0u) {
        return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "nobody answers at %s", options->url);
    }
    return status == TOOL_GOOD && report->stats.failed > 0u ? TOOL_FAILED : status;
}
