// SPDX-License-Identifier: MIT
// Starts and stops the meters of the connectors. A connector without one integrates its terminal frames.
#include "daemon.h"

#include <stdio.h>
#include <string.h>

#define PERIOD_MS 1000u
#define MARGIN_PERCENT                                                                             \
    125 // what the rectifiers lose when the meter sits before them, and what it errs

#if CONFIG_HOLDFASTD_MODBUS
static const char *complaint(int status)
{
    switch (status) {
    case HF_E_NOT_FOUND:
        return "there is no meter profile of that name, see --help";
    case HF_E_ARGUMENT:
        return "profile=NAME is needed: a wrong factor is a wrong bill";
    case HF_E_RANGE:
        return "a unit is 1 to 247";
    default:
        return "not modbus:/dev/NAME[,BAUD[,8N1]][,unit=N],profile=NAME";
    }
}

static int parse(const char *text, evse_meter_modbus_spec_t *spec)
{
    static const char scheme[] = "modbus:";
    size_t length = sizeof scheme - 1u;
    return strncmp(text, scheme, length) == 0 ? evse_meter_modbus_parse(text + length, spec)
                                              : HF_E_FORMAT;
}

int daemon_meter_check(const char *spec)
{
    evse_meter_modbus_spec_t parsed;
    int status = parse(spec, &parsed);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: meter '%s': %s\n", spec, complaint(status));
    }
    return status;
}

static uint32_t most_W(const evse_channel_config_t *channel)
{
    const evse_module_profile_t *profile = channel->profile;
    uint64_t uW = (uint64_t)profile->rated_mV * (uint64_t)profile->rated_mA *
                  (channel->units != 0u ? channel->units : 1u);
    return (uint32_t)(uW / 1000000u * MARGIN_PERCENT / 100u);
}

int daemon_meter_build(daemon_t *daemon, unsigned connector)
{
    daemon_meters_t *meters = &daemon->meters;
    const char *text = daemon->options.outlet[connector].meter;
    evse_channel_config_t *channel = &daemon->config.control.channel[connector];
    if (text[0] == '\0') {
        return -1;
    }
    evse_meter_modbus_config_t config = {.max_W = most_W(channel),
                                         .period_ms = PERIOD_MS,
                                         .log = &daemon->control_log.log,
                                         .place =
                                             daemon_place(daemon, DAEMON_ROW_METER + connector)};
    evse_meter_modbus_t *modbus = &meters->modbus[connector];
    if (parse(text, &config.spec) != HF_OK || evse_meter_modbus_start(modbus, &config) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: meter '%s': no thread for it\n", text);
        return EXIT_OS;
    }
    meters->started[connector] = true;
    meters->meter[connector] = (evse_meter_t){
        .ops = &evse_meter_modbus_ops, .ctx = modbus, .age_ms = EVSE_METER_MODBUS_AGE_MS};
    channel->meter = &meters->meter[connector];
    return -1;
}

void daemon_meter_stop(daemon_t *daemon)
{
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (daemon->meters.started[c]) {
            evse_meter_modbus_stop(&daemon->meters.modbus[c]);
        }
    }
}
#else
int daemon_meter_check(const char *spec)
{
    (void)fprintf(stderr, "holdfastd: meter '%s': not built into this version\n", spec);
    return HF_E_UNSUPPORTED;
}

int daemon_meter_build(daemon_t *daemon, unsigned connector)
{
    (void)daemon;
    (void)connector;
    return -1;
}

void daemon_meter_stop(daemon_t *daemon)
{
    (void)daemon;
}
#endif
