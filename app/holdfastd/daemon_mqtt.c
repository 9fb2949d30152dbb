// SPDX-License-Identifier: MIT
// Glue between the daemon and its MQTT client. The client reads snapshots and marks moments; nothing else of the daemon
// is in its reach.
#include "daemon.h"

#include "daemon_telemetry.h"
#include "hf_port_linux.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_settings(const options_t *options, mqtt_settings_t *settings, const char **what)
{
    const mqtt_settings_text_t text = {.url = options->mqtt,
                                       .prefix = options->mqtt_prefix,
                                       .discovery = options->mqtt_discovery,
                                       .password_file = options->mqtt_password_file};
    return mqtt_settings_read(&text, settings, what);
}

// The address is not told again: it may hold a password.
int daemon_mqtt_check(const options_t *options)
{
    mqtt_settings_t settings;
    const char *what = "";
    if (options->mqtt[0] == '\0') {
        return HF_OK;
    }
    int status = read_settings(options, &settings, &what);
    if (status == HF_E_UNSUPPORTED) {
        (void)fprintf(stderr, "holdfastd: mqtt: mqtts:// is not built into this version\n");
    } else if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: %s: %s\n", what,
                      status == HF_E_IO ? strerror(errno) : hf_status_text(status));
    }
    return status;
}

static const char *portal_url(daemon_t *daemon)
{
    const options_t *options = &daemon->options;
    if (!options->has_http || options->http_port == 0) {
        return NULL;
    }
    (void)snprintf(daemon->mqtt.portal_url, sizeof daemon->mqtt.portal_url, "http://%s:%u/",
                   options->http_host, (unsigned)options->http_port);
    return daemon->mqtt.portal_url;
}

int daemon_mqtt_build(daemon_t *daemon)
{
    const options_t *options = &daemon->options;
    mqtt_settings_t settings;
    const char *what = "mqtt";
    if (options->mqtt[0] == '\0') {
        return -1;
    }
    if (read_settings(options, &settings, &what) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: %s: not as it was when it was checked\n", what);
        return EXIT_CONFIG;
    }
    const mqtt_source_t source = {.control = &daemon->evse.mailbox.snapshot,
                                  .comms = &daemon->view_snapshot,
                                  .supervisor = &daemon->supervisor,
                                  .started_us = hf_port_now_us(),
                                  .id = options->id,
                                  .vendor = options->vendor,
                                  .model = options->model,
                                  .version = HOLDFAST_VERSION,
                                  .serial = options->serial[0] != '\0' ? options->serial : NULL,
                                  .portal_url = portal_url(daemon),
                                  .device = daemon_telemetry_view,
                                  .is_shed = daemon_telemetry_is_shedding,
                                  .mark = daemon_telemetry_mark,
                                  .ctx = daemon};
    const hf_thread_place_t place = daemon_place(daemon, DAEMON_ROW_MQTT);
    int error =
        mqtt_client_open(&daemon->mqtt.client, &settings, &source, &daemon->mqtt_log.log, &place);
    if (error != 0) {
        (void)fprintf(stderr, "holdfastd: mqtt: %s\n", strerror(error));
        return EXIT_OS;
    }
    return -1;
}

void daemon_mqtt_stop(daemon_t *daemon)
{
    mqtt_client_close(&daemon->mqtt.client);
}
