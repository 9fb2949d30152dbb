// SPDX-License-Identifier: MIT
// The connectors' energy meters: --meter.
#ifndef DAEMON_METER_H
#define DAEMON_METER_H

#include "options.h"

#if CONFIG_HOLDFASTD_MODBUS
#include "evse_meter_modbus.h"
#endif

typedef struct daemon_meters {
    evse_meter_t meter[CONFIG_EVSE_CONNECTORS_MAX];
#if CONFIG_HOLDFASTD_MODBUS
    evse_meter_modbus_t modbus[CONFIG_EVSE_CONNECTORS_MAX];
#endif
    bool started[CONFIG_EVSE_CONNECTORS_MAX];
} daemon_meters_t;

/// 0, or a negative status after a sentence on stderr: the value of --meter makes no sense.
int daemon_meter_check(const char *spec);

struct daemon;
/// Starts the meter of a connector (from 0), if one was named, and enters it into the configuration. -1, or the exit code.
int daemon_meter_build(struct daemon *daemon, unsigned connector);
void daemon_meter_stop(struct daemon *daemon);

#endif
