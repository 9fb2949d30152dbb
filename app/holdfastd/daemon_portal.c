// SPDX-License-Identifier: MIT
// Glue between the portal and the daemon. The steps of its jobs run in the comms loop: a handful of keys a round.
#include "daemon.h"

#include "hf_port_linux.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CHANGES_A_ROUND 4u // each may be a record in the journal
#define POLL_MS         100u
#define ENTRY_BYTES     (1u + EVSE_KEY_BYTES + DAEMON_REPLY_BYTES / 2u)

static int fail(int code, const char *what, const char *why)
{
    (void)fprintf(stderr, "holdfastd: %s: %s\n", what, why);
    return code;
}

// Kind, name and value, each text with its NUL.
static int put_key(daemon_job_t *job, const evse_key_view_t *key)
{
    char entry[ENTRY_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, entry, sizeof entry);
    const char *value = key->secret ? "" : key->value;
    hf_builder_char(&out, key->secret ? 's' : key->readonly ? 'r' : 'w');
    hf_builder_slice(&out, (hf_slice_t){.text = key->name, .length = strlen(key->name) + 1u});
    hf_builder_slice(&out, (hf_slice_t){.text = value, .length = strlen(value) + 1u});
    return out.overflow ? HF_E_TOO_LONG : daemon_job_put(job, entry, (uint32_t)out.length);
}

static int list_keys(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)now_us;
    const daemon_t *daemon = ctx;
    evse_key_view_t key;
    while (evse_ocpp_key_at(&daemon->evse.ocpp, job->cursor, &key)) {
        int status = put_key(job, &key);
        if (status != HF_OK) {
            return status;
        }
        job->cursor++;
    }
    return HF_OK;
}

static int change_keys(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)now_us;
    daemon_t *daemon = ctx;
    const hf_slice_t pairs = {.text = (const char *)job->request, .length = job->request_length};
    size_t position = job->cursor;
    const char *name, *value;
    for (unsigned i = 0; i < CHANGES_A_ROUND; i++) {
        if (!portal_keys_next(pairs, &position, &name, &value)) {
            return daemon->view.journal_error != 0 ? HF_E_IO : HF_OK;
        }
        uint8_t verdict = (uint8_t)evse_ocpp_change_key(&daemon->evse.ocpp, name, value);
        if (daemon_job_put(job, &verdict, 1) != HF_OK) {
            return HF_E_TOO_LONG; // fewer keys than the stream has bytes: our own bug
        }
        job->cursor = (uint32_t)position;
    }
    return HF_E_AGAIN;
}

static int begin_job(void *ctx, portal_job_t job, const void *data, uint32_t length)
{
    daemon_t *daemon = ctx;
    const daemon_job_request_t request = {.step = job == PORTAL_JOB_KEYS ? list_keys : change_keys,
                                          .ctx = daemon,
                                          .data = data,
                                          .length = length,
                                          .timeout_ms = PORTAL_JOB_TIMEOUT_MS};
    return daemon_jobs_post(&daemon->jobs, &request, hf_port_now_us());
}

static int read_job(void *ctx, int ticket, void *out, uint32_t capacity)
{
    return daemon_jobs_read(&((daemon_t *)ctx)->jobs, ticket, out, capacity);
}

static void drop_job(void *ctx, int ticket)
{
    daemon_jobs_drop(&((daemon_t *)ctx)->jobs, ticket);
}

#if CONFIG_HOLDFASTD_MQTT
static void read_mqtt(void *ctx, portal_mqtt_t *mqtt)
{
    const daemon_t *daemon = ctx;
    mqtt_view_t view;
    if (daemon->options.mqtt[0] != '\0') {
        mqtt_client_read(&daemon->mqtt.client, &view);
        mqtt->is_enabled = true;
        mqtt->is_connected = view.is_connected;
        mqtt->published_us = (uint64_t)view.health_s * HF_US_PER_S;
    }
}
#endif

static int read_password(const char *path, char password[PORTAL_PASSWORD_BYTES])
{
    struct stat status;
    password[0] = '\0';
    if (path[0] == '\0') {
        return -1;
    }
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return fail(EXIT_CONFIG, path, strerror(errno));
    }
    bool is_private = fstat(fileno(file), &status) == 0 && (status.st_mode & S_IROTH) == 0;
    size_t length = fread(password, 1, PORTAL_PASSWORD_BYTES, file);
    (void)fclose(file);
    while (length > 0 && (password[length - 1] == '\n' || password[length - 1] == '\r')) {
        length--;
    }
    bool is_good = length < PORTAL_PASSWORD_BYTES && memchr(password, '\0', length) == NULL;
    password[is_good ? length : 0] = '\0';
    const char *colon = strchr(password, ':');
    if (!is_private) {
        return fail(EXIT_CONFIG, path, "everybody may read it: take that away first (chmod o-r)");
    }
    return colon != NULL && colon[1] != '\0' && strchr(password, '\n') == NULL
               ? -1
               : fail(EXIT_CONFIG, path,
                      "one line USER:PASSWORD of at most 128 characters is needed");
}

int daemon_portal_check(const options_t *options)
{
    char password[PORTAL_PASSWORD_BYTES];
    return !options->has_http || read_password(options->portal_password, password) < 0
               ? HF_OK
               : HF_E_ARGUMENT;
}

static void fill_source(daemon_t *daemon)
{
    const options_t *options = &daemon->options;
    daemon->portal.source = (status_source_t){.control = &daemon->evse.mailbox.snapshot,
                                              .comms = &daemon->view_snapshot,
                                              .started_us = hf_port_now_us(),
                                              .id = options->id,
                                              .csms = options->csms,
                                              .version = HOLDFAST_VERSION,
                                              .profile = options->module_profile->name,
                                              .vehicle = options->limits.vehicle,
                                              .supervisor = &daemon->supervisor,
                                              .control_error = &daemon->realtime.control_error,
                                              .memory_error = &daemon->realtime.memory_error};
}

static int open_portal(daemon_t *daemon)
{
    const options_t *options = &daemon->options;
    const portal_config_t config = {
        .host = options->http_host,
        .port = options->http_port,
        .password = daemon->portal.password[0] != '\0' ? daemon->portal.password : NULL,
        .status = &daemon->portal.source,
        .seam = {.ctx = daemon,
                 .mark = daemon_telemetry_mark,
                 .is_shedding = daemon_telemetry_is_shedding,
                 .ask_restart = daemon_telemetry_ask_restart,
                 .view = daemon_telemetry_view,
#if CONFIG_HOLDFASTD_MQTT
                 .mqtt = read_mqtt,
#endif
                 .job_begin = begin_job,
                 .job_read = read_job,
                 .job_drop = drop_job}};
    int status = portal_open(&daemon->portal.portal, &config);
    if (status != HF_OK) {
        char what[128];
        (void)snprintf(what, sizeof what, "status page on %s:%u", options->http_host,
                       (unsigned)options->http_port);
        return fail(status == HF_E_ARGUMENT ? EXIT_CONFIG : EXIT_UNAVAILABLE, what,
                    strerror(errno));
    }
    return -1;
}

static void *serve(void *ctx)
{
    daemon_portal_t *portal = ctx;
    while (atomic_load(&portal->stops) == 0) {
        portal_poll(&portal->portal, POLL_MS);
    }
    portal_close(&portal->portal);
    return NULL;
}

int daemon_portal_start(daemon_t *daemon)
{
    if (!daemon->options.has_http) {
        return -1;
    }
    int code = read_password(daemon->options.portal_password, daemon->portal.password);
    if (code < 0) {
        fill_source(daemon);
        code = open_portal(daemon);
    }
    if (code >= 0) {
        return code;
    }
    int error = daemon_thread_start(daemon, DAEMON_ROW_PORTAL, &daemon->portal.thread, serve,
                                    &daemon->portal);
    if (error != 0) {
        return fail(EXIT_OS, "status page", strerror(error));
    }
    daemon->portal.is_open = true;
    HF_LOGI(&daemon->comms_log.log, hf_port_now_us(), PORTAL, "status page on http://%s:%u/",
            daemon->options.http_host, (unsigned)portal_port(&daemon->portal.portal));
    return -1;
}

void daemon_portal_stop(daemon_t *daemon)
{
    if (daemon->portal.is_open) {
        atomic_store(&daemon->portal.stops, 1u);
        (void)pthread_join(daemon->portal.thread, NULL);
    }
}
