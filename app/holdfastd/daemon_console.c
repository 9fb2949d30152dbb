// SPDX-License-Identifier: MIT
// Glue between the console and the daemon. Invariant: whatever is typed, the console's thread touches no state of comms or
// control but by snapshots, one word of bits and the one atomic call that control has for it.
#include "daemon.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#if CONFIG_EVSE_CONSOLE
static int give_pool(void *ctx, unsigned index, evse_console_pool_t *pool)
{
    const daemon_t *daemon = ctx;
    const hf_queue_t *events = &daemon->evse.mailbox.events;
    *pool = (evse_console_pool_t)
    {
        .name = "events", .capacity = EVSE_EVENTS_CAPACITY, .in_use = hf_queue_count(events),
#if CONFIG_HF_POOL_STATISTICS
        .peak = atomic_load_explicit(&events->peak, memory_order_relaxed),
#endif
        .refused = atomic_load_explicit(&events->refused, memory_order_relaxed),
    };
    return index == 0 ? HF_OK : HF_E_NOT_FOUND;
}

static int give_task(void *ctx, unsigned index, evse_console_task_t *task)
{
    const daemon_t *daemon = ctx;
    evse_supervisor_view_t view;
    if (evse_supervisor_read(&daemon->supervisor, &view) != HF_OK || index >= view.tasks) {
        return HF_E_NOT_FOUND;
    }
    const evse_task_info_t *info = &daemon->supervisor.task[index];
    *task = (evse_console_task_t){.name = info->name,
                                  .age_ms = view.task[index].age_ms,
                                  .deadline_ms = info->deadline_ms,
                                  .is_critical = info->critical,
                                  .is_late = view.task[index].late != 0,
                                  .is_resting = view.task[index].resting != 0};
    return HF_OK;
}

static int give_fault(void *ctx, unsigned index, evse_console_fault_t *fault)
{
    const daemon_t *daemon = ctx;
    evse_supervisor_view_t view;
    if (evse_supervisor_read(&daemon->supervisor, &view) != HF_OK || index >= view.fault_count) {
        return HF_E_NOT_FOUND;
    }
    const evse_fault_record_t *record = &view.fault[index];
    bool station = record->connector == EVSE_FAULT_STATION;
    *fault = (evse_console_fault_t){.uptime_us = record->uptime_us,
                                    .severity = evse_health_text(record->severity),
                                    .fault = record->code,
                                    .connector = station ? UINT32_MAX : record->connector};
    return HF_OK;
}

static int ask_stop(void *ctx, unsigned connector)
{
    daemon_t *daemon = ctx;
    (void)atomic_fetch_or(&daemon->console.stops, 1u << connector);
    return HF_OK;
}

static int ask_commission(void *ctx, unsigned connector)
{
    daemon_t *daemon = ctx;
    evse_control_commission(&daemon->evse.control, connector);
    return HF_OK;
}

int daemon_console_start(daemon_t *daemon)
{
    const char *spec = daemon->options.console;
    if (spec[0] == '\0') {
        return -1;
    }
    const evse_console_serial_config_t config = {
        .spec = spec,
        .place = daemon_place(daemon, DAEMON_ROW_CONSOLE),
        .source = {.control = &daemon->evse.mailbox.snapshot,
                   .comms = &daemon->view_snapshot,
                   .pool = give_pool,
                   .task = give_task,
                   .fault = give_fault,
                   .stop = ask_stop,
                   .commission = ask_commission,
                   .ctx = daemon}};
    errno = 0;
    int status = evse_console_serial_start(&daemon->console.serial, &config);
    if (status != HF_OK) {
        const char *why =
            status == HF_E_IO && errno != 0 ? strerror(errno) : hf_status_text(status);
        (void)fprintf(stderr, "holdfastd: console %s: %s\n", spec, why);
        return EXIT_CONFIG;
    }
    HF_LOGI(&daemon->comms_log.log, hf_port_now_us(), SYS, "console on %s",
            daemon->console.serial.path);
    return -1;
}

void daemon_console_stop(daemon_t *daemon)
{
    evse_console_serial_stop(&daemon->console.serial);
}
#else
int daemon_console_start(daemon_t *daemon)
{
    if (daemon->options.console[0] == '\0') {
        return -1;
    }
    (void)fprintf(stderr, "holdfastd: this build has no console\n");
    return EXIT_CONFIG;
}

void daemon_console_stop(daemon_t *daemon)
{
    (void)daemon;
}
#endif

void daemon_console_poll(daemon_t *daemon, uint64_t now_us)
{
    uint32_t stops = atomic_exchange(&daemon->console.stops, 0u);
    for (unsigned c = 0; stops >> c != 0; c++) {
        if ((stops >> c & 1u) != 0) {
            int status = evse_ocpp_stop(&daemon->evse.ocpp, c, EVSE_STOP_Local, now_us);
            HF_LOGI(&daemon->comms_log.log, now_us, SESSION,
                    "connector %u: stop at the console: %s", c + 1, hf_status_text(status));
        }
    }
}
