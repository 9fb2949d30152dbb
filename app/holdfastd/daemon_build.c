// SPDX-License-Identifier: MIT
// Builds the daemon: ports, link, charge point, status page. Each failure is one clear sentence and an exit code.
#include "daemon.h"

#include "hf_port_linux.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_BYTES        524288u
#define SEGMENT_COUNT        2u
#define WS_OPEN_TIMEOUT_MS   15000u
#define WS_PONG_TIMEOUT_MS   10000u
#define WS_CLOSE_TIMEOUT_MS  2000u
#define LOG_BURST_LINES      60u
#define LOG_RATE_LINES_PER_S 20u

static int fail(int code, const char *what, const char *why)
{
    (void)fprintf(stderr, "holdfastd: %s: %s\n", what, why);
    return code;
}

static int build_log(daemon_log_t *log, hf_log_level_t level)
{
    const hf_log_config_t config = {.storage = log->storage,
                                    .capacity = DAEMON_LOG_LINES,
                                    .level = level,
                                    .burst_lines = LOG_BURST_LINES,
                                    .rate_lines_per_s = LOG_RATE_LINES_PER_S};
    return hf_log_init(&log->log, &config);
}

static void random_bytes(void *ctx, void *data, size_t length)
{
    (void)ctx;
    hf_port_random(data, length);
}

static int build_link(daemon_t *daemon)
{
    const hf_thread_place_t resolver = daemon_place(daemon, DAEMON_ROW_RESOLVER);
    int status = evse_stream_tcp_init(&daemon->stream, &resolver);
    if (status != HF_OK) {
        return fail(EXIT_OS, "network", hf_status_text(status));
    }
    const evse_ws_config_t config = {
        .stream = evse_stream_tcp_seam(&daemon->stream),
        .url = &daemon->options.url,
        .subprotocol = "ocpp1.6",
        .receive_buffer = daemon->ws_receive,
        .receive_capacity = sizeof daemon->ws_receive,
        .send_buffer = daemon->ws_send,
        .send_capacity = sizeof daemon->ws_send,
        .open_timeout_ms = WS_OPEN_TIMEOUT_MS,
        .pong_timeout_ms = WS_PONG_TIMEOUT_MS,
        .close_timeout_ms = WS_CLOSE_TIMEOUT_MS,
        .random = random_bytes,
        .log = &daemon->comms_log.log,
    };
    status = evse_ws_init(&daemon->ws, &config);
    return status == HF_OK ? -1 : fail(EXIT_CONFIG, "link", hf_status_text(status));
}

// A central system on this machine needs no network, and most machines for tests have none.
static bool is_own_host(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static int build_net(daemon_t *daemon)
{
    const char *wanted = daemon->options.net;
    bool is_auto = strcmp(wanted, "auto") == 0;
    if (strcmp(wanted, "none") == 0 || (is_auto && is_own_host(daemon->options.url.host))) {
        return -1;
    }
    int status = hf_net_linux_open(&daemon->net_linux, is_auto ? NULL : wanted);
    if (status == HF_E_IO && is_auto) {
        HF_LOGW(&daemon->comms_log.log, hf_port_now_us(), NET,
                "no rtnetlink: the network is not watched");
        return -1;
    }
    const hf_net_config_t config = {.ops = &hf_net_linux_ops, .ctx = &daemon->net_linux};
    status = status == HF_OK ? hf_net_init(&daemon->net, &config) : status;
    daemon->has_net = status == HF_OK;
    return status == HF_OK ? -1 : fail(EXIT_CONFIG, "net", hf_status_text(status));
}

static int build_bus(evse_can_linux_t *bus, const char *spec, const evse_can_filters_t *filters,
                     evse_can_t *can)
{
    int status = evse_can_linux_open(bus, spec, filters->count != 0 ? filters : NULL, can);
    return status == HF_OK ? -1 : fail(EXIT_CONFIG, spec, hf_status_text(status));
}

/// What comes in on a connector's buses, where the kernel can choose. No filters at all: something needs everything.
typedef struct bus_filters {
    evse_can_filter_t list[EVSE_CAN_FILTERS_MAX];
    evse_can_filters_t module, bms; // of one shared bus: module holds both
} bus_filters_t;

static void choose_filters(bus_filters_t *filters, const evse_channel_config_t *channel,
                           bool is_shared)
{
    const evse_bms_profile_t *bms =
        channel->bms != NULL ? channel->bms : evse_bms_profile_find(channel->limits->bms);
    uint32_t units = channel->units != 0 ? channel->units : 1u;
    uint32_t modules =
        evse_module_filters(channel->profile, units, filters->list, EVSE_CAN_FILTERS_MAX);
    uint32_t of_bms = bms != NULL ? bms->driver->filter_count : 0;
    filters->module = (evse_can_filters_t){.list = filters->list, .count = modules};
    filters->bms =
        (evse_can_filters_t){.list = bms != NULL ? bms->driver->filters : NULL, .count = of_bms};
    if (!is_shared) {
        return;
    }
    bool fits = modules != 0 && of_bms != 0 && modules + of_bms <= EVSE_CAN_FILTERS_MAX;
    for (uint32_t i = 0; fits && i < of_bms; i++) {
        filters->list[modules + i] = bms->driver->filters[i];
    }
    filters->module.count = fits ? modules + of_bms : 0;
}

static int build_channel(daemon_t *daemon, unsigned c)
{
    const options_t *options = &daemon->options;
    const options_outlet_t *outlet = &options->outlet[c];
    evse_channel_config_t *channel = &daemon->config.control.channel[c];
    channel->profile = options->module_profile;
    channel->units = (uint32_t)outlet->modules;
    channel->physical_bus = outlet->has_hardware;
    channel->commission_again = options->commission;
    channel->bms = options->bms_profile;
    channel->limits = &options->limits;
    bool is_shared = outlet->bms_can[0] == '\0';
    bus_filters_t filters;
    choose_filters(&filters, channel, is_shared);
    int code = build_bus(&daemon->can[c], outlet->can, &filters.module, &channel->can);
    if (code < 0 && !is_shared) {
        code = build_bus(&daemon->bms_can[c], outlet->bms_can, &filters.bms, &channel->bms_can);
    }
    return code < 0 ? daemon_meter_build(daemon, c) : code;
}

static int build_channels(daemon_t *daemon)
{
    int code = -1;
    for (unsigned c = 0; code < 0 && c < daemon->options.connectors; c++) {
        code = build_channel(daemon, c);
    }
    daemon->config.control.connectors = daemon->options.connectors;
    daemon->config.control.log = &daemon->control_log.log;
    return code;
}

static int build_io(daemon_t *daemon)
{
    const char *spec = daemon->options.io; // options_read() saw to its form
    const char *name = strchr(spec, ':') + 1;
    evse_io_t *io = &daemon->config.control.io;
#if CONFIG_HOLDFASTD_GPIO
    if (strncmp(spec, "gpio:", 5) == 0) {
        evse_io_gpio_t *gpio = &daemon->io.gpio;
        daemon->io_is_gpio = true;
        *io = (evse_io_t){.ops = &evse_io_gpio_ops, .ctx = gpio};
        int status = evse_io_gpio_open(gpio, name, daemon->options.connectors);
        if (status == HF_OK && gpio->edges_blind > 0) {
            HF_LOGW(&daemon->comms_log.log, hf_port_now_us(), IO,
                    "%u emergency stop lines tell no edges: each tick looks at their level",
                    (unsigned)gpio->edges_blind);
        }
        return status == HF_OK ? -1 : fail(EXIT_CONFIG, spec, evse_io_gpio_error(gpio));
    }
#endif
    int status = evse_io_socket_open(&daemon->io.socket, name, daemon->options.connectors);
    *io = (evse_io_t){.ops = &evse_io_socket_ops, .ctx = &daemon->io.socket};
    return status == HF_OK ? -1 : fail(EXIT_CONFIG, spec, hf_status_text(status));
}

static int build_store(daemon_t *daemon)
{
    errno = 0;
    const hf_thread_place_t place = daemon_place(daemon, DAEMON_ROW_JOURNAL);
    int status = hf_flash_file_open_on(&daemon->flash, daemon->options.state, SEGMENT_BYTES,
                                       SEGMENT_COUNT, &place);
    if (status == HF_E_STATE) {
        return fail(EXIT_UNAVAILABLE, daemon->options.state,
                    "another holdfastd is using this state directory");
    }
    if (status != HF_OK) {
        return fail(EXIT_STORAGE, daemon->options.state,
                    status == HF_E_IO && errno != 0 ? strerror(errno) : hf_status_text(status));
    }
    uint64_t nonce = 0;
    hf_port_random(&nonce, sizeof nonce);
    daemon->config.store = (evse_store_config_t){.flash = hf_flash_file_seam(&daemon->flash),
                                                 .station_nonce = nonce,
                                                 .connectors = daemon->options.connectors,
                                                 .log = &daemon->comms_log.log};
    return -1;
}

static void on_reset(void *ctx, bool hard)
{
    (void)hard; // both start the program anew: there is nothing below it to reset harder
    daemon_t *daemon = ctx;
    atomic_store(&daemon->end, DAEMON_RESTARTS);
}

static int build_charge_point(daemon_t *daemon)
{
    uint32_t seed = 0;
    hf_port_random(&seed, sizeof seed);
    const options_t *options = &daemon->options;
    daemon->config.ocpp = (evse_ocpp_config_t){
        .vendor = options->vendor,
        .model = options->model,
        .serial = options->serial[0] != '\0' ? options->serial : NULL,
        .firmware = HOLDFAST_VERSION,
        .net = daemon->has_net ? &daemon->net : NULL,
        .link = {.ops = &evse_ws_link_ops, .ctx = &daemon->ws},
        .connectors = options->connectors,
        .seed = seed | 1u,
        .utc_hint_ms = hf_port_utc_ms() - hf_port_now_us() / HF_US_PER_MS,
        .reset = on_reset,
        .reset_ctx = daemon,
        .log = &daemon->comms_log.log,
    };
#if CONFIG_HOLDFASTD_TRANSFERS
    int code = daemon_transfer_build(daemon);
    if (code >= 0) {
        return code;
    }
#endif
    int refused = daemon_tags_build(daemon);
    if (refused >= 0) {
        return refused;
    }
    int status = evse_init(&daemon->evse, &daemon->config);
    if (status != HF_OK) {
        return fail(status == HF_E_CORRUPT || status == HF_E_IO ? EXIT_STORAGE : EXIT_SOFTWARE,
                    "cannot start the charge point", hf_status_text(status));
    }
    for (unsigned i = 0; i < options->set_count; i++) {
        status = evse_ocpp_set_key(&daemon->evse.ocpp, options->set[i].key, options->set[i].value);
        if (status != HF_OK) {
            return fail(EXIT_CONFIG, options->set[i].key, hf_status_text(status));
        }
    }
    daemon_device_keep(daemon);
    return -1;
}

static int build_portal(daemon_t *daemon)
{
#if CONFIG_HOLDFASTD_STATUS_PAGE
    return daemon_portal_start(daemon);
#else
    (void)daemon;
    return -1;
#endif
}

int daemon_build(daemon_t *daemon)
{
    if (build_log(&daemon->control_log, daemon->options.level) != HF_OK ||
        build_log(&daemon->comms_log, daemon->options.level) != HF_OK ||
        build_log(&daemon->supervisor_log, daemon->options.level) != HF_OK ||
        build_log(&daemon->main_log, daemon->options.level) != HF_OK ||
        hf_snapshot_init(&daemon->view_snapshot, daemon->view_words, sizeof daemon->view) !=
            HF_OK) {
        return fail(EXIT_SOFTWARE, "memory", "a table does not fit");
    }
#if CONFIG_HOLDFASTD_TRANSFERS
    if (daemon_transfer_init(daemon) != HF_OK) {
        return fail(EXIT_OS, "log history", "there is no lock for it");
    }
#endif
#if CONFIG_HOLDFASTD_MQTT
    if (build_log(&daemon->mqtt_log, daemon->options.level) != HF_OK) {
        return fail(EXIT_SOFTWARE, "mqtt", "a table does not fit");
    }
#endif
    daemon_jobs_init(&daemon->jobs);
    daemon_lock_memory(daemon); // before anybody starts a thread
    int (*const steps[])(daemon_t *) = {
        build_link,   build_net,           build_channels,           build_io,
        build_store,  daemon_device_build, daemon_supervision_build, build_charge_point,
        build_portal, daemon_console_start};
    for (size_t i = 0; i < HF_COUNT_OF(steps); i++) {
        int code = steps[i](daemon);
        if (code >= 0) {
            return code;
        }
    }
#if CONFIG_HOLDFASTD_MQTT
    return daemon_mqtt_build(daemon);
#else
    return -1;
#endif
}
