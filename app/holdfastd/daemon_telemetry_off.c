// SPDX-License-Identifier: MIT
// In place of daemon_telemetry.c, daemon_policy.c, daemon_dossier.c and daemon_stream.c in a build without
// CONFIG_HF_TELEMETRY: nothing is told, nothing trips; a restart that a service asks for is the daemon's ordinary end.
#include "daemon.h"

int daemon_device_build(daemon_t *daemon)
{
    (void)daemon;
    return -1;
}

void daemon_device_keep(daemon_t *daemon)
{
    (void)daemon;
}

void daemon_device_poll(daemon_t *daemon, uint64_t now_us)
{
    (void)daemon;
    (void)now_us;
}

void daemon_device_watch_comms(daemon_t *daemon, uint64_t now_us)
{
    (void)daemon;
    (void)now_us;
}

void daemon_device_enter_thread(void)
{
}

void daemon_device_note_hang(daemon_t *daemon, const char *task, uint32_t age_ms)
{
    (void)daemon;
    (void)task;
    (void)age_ms;
}

void daemon_device_stop(daemon_t *daemon)
{
    (void)daemon;
}

void daemon_telemetry_mark(void *daemon, const char *tag)
{
    (void)daemon;
    (void)tag;
}

bool daemon_telemetry_is_shedding(void *daemon)
{
    (void)daemon;
    return false;
}

int daemon_telemetry_ask_restart(void *ctx)
{
    daemon_t *daemon = ctx;
    uint32_t runs = DAEMON_RUNS;
    return atomic_compare_exchange_strong(&daemon->end, &runs, DAEMON_TRIPS) ? HF_OK : HF_E_STATE;
}

int daemon_telemetry_view(void *daemon, evse_device_view_t *view)
{
    (void)daemon;
    (void)view;
    return HF_E_UNSUPPORTED;
}
