// SPDX-License-Identifier: MIT
// The trip policy carried out. Goals: what a wire asks for happens once, in main's loop; charging is what is given up last.
// Assumption: comms and control are alive; if not, the supervisor ends the process. Invariants: a reset is the daemon's
// ordinary end, so that the sessions are ended and durable, power is off and the contactor is open before the program runs
// anew [SAF-14]; a policy that restarts again and again stops doing so.
#include "daemon.h"

#if CONFIG_HF_TELEMETRY

#include "hf_port_linux.h"

#include <stdio.h>
#include <string.h>

static const char *level_text(hf_wire_level_t level)
{
    return level == HF_WIRE_TRIPPED ? "trip" : "warning";
}

static void tell(daemon_t *daemon, const hf_trip_event_t *event)
{
    HF_LOGW(&daemon->main_log.log, hf_port_now_us(), SYS, "%s %s at %s: %u, limit %u%s%s: %s",
            hf_wire_text(event->wire->kind), level_text(event->level), event->tag,
            (unsigned)event->value, (unsigned)event->limit, event->name != NULL ? ", " : "",
            event->name != NULL ? event->name : "", hf_trip_action_text(event->action));
}

/// True when restarts have not helped: from then on the policy only tells and sheds.
static bool is_held_back(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    if (device->dossier.draft.resets < DAEMON_TRIPS_IN_A_ROW) {
        return false;
    }
    if (device->held_back++ == 0) {
        HF_LOGE(&daemon->main_log.log, hf_port_now_us(), SYS,
                "%u ends in a row that nobody asked for: the trip policy restarts no more",
                (unsigned)device->dossier.draft.resets);
    }
    return true;
}

static void restart_now(daemon_t *daemon, const hf_trip_event_t *event)
{
    uint32_t runs = DAEMON_RUNS; // an end under way stands
    if (atomic_compare_exchange_strong(&daemon->end, &runs, DAEMON_TRIPS)) {
        daemon->device.cause = *event;
    }
}

static void finish(daemon_t *daemon, const hf_trip_event_t *event)
{
    if (atomic_exchange(&daemon->device.finishing, 1u) == 0) {
        daemon->device.cause = *event;
    }
}

// The lines first: whatever the action does, the reason is told.
static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    daemon_t *daemon = ctx;
    hf_telemetry_tell_trip(&daemon->device.telemetry, event);
    tell(daemon, event);
    if (event->action >= HF_TRIP_FINISH_RESET && is_held_back(daemon)) {
        return;
    }
    if (event->action == HF_TRIP_RESET_NOW) {
        restart_now(daemon, event);
    } else if (event->action == HF_TRIP_FINISH_RESET) {
        finish(daemon, event);
    }
}

// ---- the table ----------------------------------------------------------------------------------

// Shedding has to be able to end, and to help: what never comes back (a minimum since boot) and what no load given up
// mends (holes in a heap) are told. Late: ms beyond half of the supervisor's deadline, who ends the process at the whole.
static const hf_wire_t policy[DAEMON_WIRES] = {
    {HF_WIRE_INTERNAL_MIN, 20000, 10240, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE}, // --tripwire
    {HF_WIRE_INTERNAL_FREE, 10240, 4096, 4096, HF_TRIP_SHED, HF_TRIP_FINISH_RESET},
    {HF_WIRE_FRAGMENTATION, 30, 50, 5, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_POOL, 80, 100, 10, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_REFUSED, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_LATE, 100, 2500, 100, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    {HF_WIRE_LOCK, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_STACK, HF_TASK_WARN_BYTES, HF_TASK_ACT_BYTES, 0, HF_TRIP_OBSERVE,
     HF_TRIP_FINISH_RESET},
    {HF_WIRE_STACK, 8, 8, 0, HF_TRIP_RESET_NOW, HF_TRIP_RESET_NOW}, // it has overflowed
};

static void set_internal_limit(hf_wire_t *wire, int64_t bytes)
{
    wire->trip = (uint32_t)bytes;
    wire->warn = bytes == 0 ? 0u : wire->warn > wire->trip ? wire->warn : wire->trip;
}

static void set_action(daemon_device_t *device, unsigned kind, hf_trip_action_t action)
{
    for (size_t i = 0; i < HF_COUNT_OF(device->wires); i++) {
        hf_wire_t *wire = &device->wires[i];
        if (wire->kind == (hf_wire_kind_t)kind) {
            wire->on_trip = action;
            wire->on_warn = wire->on_warn < action ? wire->on_warn : action;
        }
    }
}

int daemon_policy_build(daemon_t *daemon)
{
    daemon_device_t *device = &daemon->device;
    const options_t *options = &daemon->options;
    memcpy(device->wires, policy, sizeof device->wires);
    for (size_t i = 0; i < HF_COUNT_OF(device->wires); i++) {
        if (device->wires[i].kind == HF_WIRE_INTERNAL_MIN) {
            set_internal_limit(&device->wires[i], options->tripwire_bytes);
        }
    }
    for (unsigned kind = 0; kind < HF_WIRE_KINDS; kind++) {
        if (options->has_action[kind]) {
            set_action(device, kind, options->on_trip[kind]);
        }
    }
    int status = hf_tripwire_init(&device->tripwire, device->wires, DAEMON_WIRES, on_trip, daemon);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: trip policy: %s\n", hf_status_text(status));
        return EXIT_CONFIG;
    }
    return -1;
}

// ---- what stands --------------------------------------------------------------------------------

// Half of what the supervisor grants: at the whole of it the process ends, and nobody is left to be warned.
static void show_late_tasks(daemon_t *daemon)
{
    evse_supervisor_view_t view;
    if (evse_supervisor_read(&daemon->supervisor, &view) != HF_OK) {
        return;
    }
    for (uint32_t i = 0; i < view.tasks; i++) {
        const evse_task_info_t *info = &daemon->supervisor.task[i];
        uint32_t limit_ms = info->deadline_ms / 2u;
        uint32_t age_ms = view.task[i].resting != 0 ? 0 : view.task[i].age_ms;
        hf_telemetry_check(&daemon->device.telemetry, HF_WIRE_LATE, i,
                           age_ms > limit_ms ? age_ms - limit_ms : 0, info->name);
    }
}

static bool is_shed_wanted(const daemon_device_t *device)
{
    return hf_tripwire_standing(&device->tripwire) >= HF_TRIP_SHED ||
           atomic_load(&device->finishing) != 0;
}

void daemon_policy_poll(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    show_late_tasks(daemon);
    uint32_t sheds = is_shed_wanted(device) ? 1u : 0u;
    if (atomic_exchange(&device->shedding, sheds) != sheds) {
        HF_LOGW(&daemon->main_log.log, now_us, SYS,
                sheds != 0 ? "load is shed: no pages, no transfers, no publishing"
                           : "load is taken again");
    }
}

// ---- finish, then restart: in comms ---------------------------------------------------------------

static uint32_t charging(const evse_comms_view_t *view, unsigned connectors)
{
    uint32_t bits = 0;
    for (unsigned c = 0; c < connectors; c++) {
        bits |= view->session_state[c] >= EVSE_SESSION_STARTING ? 1u << c : 0u;
    }
    return bits;
}

// What began since is given up: its RUN order waits for a durable start, so that no power has come of it.
static void give_up_new_ones(daemon_t *daemon, uint64_t now_us)
{
    const evse_comms_view_t *view = &daemon->view;
    for (unsigned c = 0; c < daemon->options.connectors; c++) {
        bool is_new = (daemon->device.running_first >> c & 1u) == 0;
        if (is_new && view->session_state[c] != EVSE_SESSION_IDLE) {
            (void)!evse_ocpp_stop(&daemon->evse.ocpp, c, EVSE_STOP_Reboot, now_us);
        }
    }
}

void daemon_policy_finish(daemon_t *daemon, uint64_t now_us)
{
    daemon_device_t *device = &daemon->device;
    if (atomic_load(&device->finishing) == 0) {
        return;
    }
    uint32_t now = charging(&daemon->view, daemon->options.connectors);
    if (!device->is_finishing) {
        device->is_finishing = true;
        device->running_first = now;
        HF_LOGW(&daemon->comms_log.log, now_us, SYS,
                "a restart is wanted: sessions under way may end, none begins");
    }
    device->running_first &= now; // the next one on that connector is a new one
    give_up_new_ones(daemon, now_us);
    if (now == 0) {
        uint32_t runs = DAEMON_RUNS;
        (void)atomic_compare_exchange_strong(&daemon->end, &runs, DAEMON_TRIPS);
    }
}

uint32_t daemon_policy_reason(const daemon_t *daemon)
{
    const hf_trip_event_t *cause = &daemon->device.cause;
    if (atomic_load(&daemon->end) != DAEMON_TRIPS || cause->wire == NULL) {
        return HF_RESET_SOFTWARE;
    }
    return cause->action == HF_TRIP_RESET_NOW ? (uint32_t)HF_RESET_TRIP_NOW
                                              : (uint32_t)HF_RESET_TRIP_FINISHED;
}

#endif
