// SPDX-License-Identifier: MIT
// What the console's commands print. They read the snapshots that were taken when the line was complete, and the
// callbacks; only `stop` and `commission` ask for anything.
// Invariant: the self-test energizes nothing, and refuses while power may be up.
#include "evse_console_private.h"

#include "evse/evse_commission.h"
#include "holdfast/hf_clock.h"

#define CONTROL_AGE_US (200u * HF_US_PER_MS) // twenty ticks
#define COMMS_AGE_US   (2u * HF_US_PER_S)

static bool is_input(const evse_connector_view_t *view, evse_input_t input)
{
    return (view->inputs >> input & 1u) != 0;
}

static bool is_known(const evse_connector_view_t *view, evse_input_t input)
{
    return (view->inputs_fresh >> input & 1u) != 0;
}

static bool is_young(bool has, uint64_t stamp_us, uint64_t now_us, uint64_t age_us)
{
    return has && (now_us < stamp_us || now_us - stamp_us <= age_us);
}

static bool is_control_alive(const evse_console_t *console, uint64_t now_us)
{
    return is_young(console->has_snapshot, console->snapshot.now_us, now_us, CONTROL_AGE_US);
}

// ---- status -----------------------------------------------------------------------------------------

static const char *fixed(char *text, size_t capacity, int64_t value, unsigned decimals)
{
    hf_builder_t out;
    hf_builder_init(&out, text, capacity);
    hf_builder_fixed(&out, value, decimals);
    return text;
}

static void print_readings(const evse_console_t *console, const evse_connector_view_t *view)
{
    char volts[16], amperes[16], degrees[16], percent[16], energy[24];
    bool hot = view->temperature_dC != INT32_MIN, soc = view->soc_permille >= 0;
    evse_console_print(console, "  %s V, %s A%s; %s C; SOC %s %%; register %s kWh",
                       fixed(volts, sizeof volts, view->mV, 3),
                       fixed(amperes, sizeof amperes, view->mA, 3),
                       view->meter_fresh ? "" : " (old)",
                       hot ? fixed(degrees, sizeof degrees, view->temperature_dC, 1) : "?",
                       soc ? fixed(percent, sizeof percent, view->soc_permille, 1) : "?",
                       fixed(energy, sizeof energy, (int64_t)(view->register_mJ / 3600000u), 3));
}

static void print_inputs(const evse_console_t *console, const evse_connector_view_t *view)
{
    char text[EVSE_CONSOLE_OUTPUT_BYTES - 8u];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        const char *level = !is_known(view, (evse_input_t)i)  ? "?"
                            : is_input(view, (evse_input_t)i) ? "1"
                                                              : "0";
        hf_builder_format(&out, " %s=%s", evse_input_info[i].name, level);
    }
    evse_console_print(console, "  inputs%s", text);
}

static void print_connector(const evse_console_t *console, unsigned index)
{
    const evse_connector_view_t *view = &console->snapshot.connector[index];
    evse_console_print(console, "connector %u: %s, power %s, fault %u %s", index + 1u,
                       evse_connector_state_text(view->state), evse_power_phase_text(view->phase),
                       (unsigned)view->fault, evse_fault_text(view->fault));
    print_readings(console, view);
    evse_console_print(console, "  module %s, BMS %s, bus %s",
                       view->module_healthy ? "healthy" : "silent",
                       !view->bms_alive   ? "silent"
                       : view->bms_allows ? "allows"
                                          : "forbids",
                       view->bus_active ? "active" : "off");
    print_inputs(console, view);
    if (console->has_comms) {
        evse_console_print(console, "  session %s, transaction %d",
                           evse_session_state_text(console->comms.session_state[index]),
                           (int)console->comms.transaction_id[index]);
    }
    if (view->commissioning != EVSE_COMMISSION_NONE) {
        evse_console_print(console, "  commissioning: %s",
                           evse_commission_state_text(view->commissioning));
    }
    for (unsigned reason = 0; reason < EVSE_REASON_COUNT; reason++) {
        if ((view->reasons >> reason & 1u) != 0) {
            evse_console_print(console, "  no power: %s", evse_reason_text(reason));
        }
    }
}

static void print_station(const evse_console_t *console, uint64_t now_us)
{
    const evse_comms_view_t *comms = &console->comms;
    char utc[HF_ISO8601_BYTES] = "unknown";
    if (comms->utc_ms != 0) {
        hf_iso8601_format(comms->utc_ms, utc);
    }
    evse_console_print(console, "control: %s, emergency stop %s",
                       is_control_alive(console, now_us) ? "ticking" : "NOT TICKING",
                       console->snapshot.estop_latched ? "LATCHED" : "released");
    bool alive = is_young(console->has_comms, comms->now_us, now_us, COMMS_AGE_US);
    if (comms->has_net != 0) {
        evse_console_print(console, "network: %s, %d dBm", hf_net_state_text(comms->net),
                           (int)comms->net_rssi_dBm);
    }
    evse_console_print(console, "comms: %s, link %s, registration %s, %u messages waiting",
                       alive ? "alive" : "NOT ALIVE", evse_link_state_text(comms->link),
                       evse_registration_text(comms->registration), (unsigned)comms->queue);
    evse_console_print(console, "clock: %s, boot %u, journal %s", utc, (unsigned)comms->boot,
                       hf_status_text(comms->journal_error));
}

void evse_console_status(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    print_station(console, now_us);
    for (unsigned i = 0; i < console->snapshot.connectors; i++) {
        if (connector == 0 || connector == (int64_t)i + 1) {
            print_connector(console, i);
        }
    }
}

// ---- mem, tasks, faults -----------------------------------------------------------------------------

static void print_pool(const evse_console_t *console, const evse_console_pool_t *pool)
{
#if CONFIG_HF_POOL_STATISTICS
    evse_console_print(console, "%s: %u in use, peak %u, of %u; %u refused", pool->name,
                       (unsigned)pool->in_use, (unsigned)pool->peak, (unsigned)pool->capacity,
                       (unsigned)pool->refused);
#else
    evse_console_print(console, "%s: %u in use of %u; %u refused", pool->name,
                       (unsigned)pool->in_use, (unsigned)pool->capacity, (unsigned)pool->refused);
#endif
}

void evse_console_mem(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    const evse_console_source_t *source = &console->source;
    evse_console_pool_t pool;
    (void)now_us;
    (void)connector;
    for (unsigned i = 0; console->has_comms && i < EVSE_POOL_COUNT; i++) {
        const hf_pool_stats_t *stats = &console->comms.pool[i];
        pool = (evse_console_pool_t)
        {
            .name = evse_view_pool_name(i), .capacity = stats->capacity, .in_use = stats->in_use,
#if CONFIG_HF_POOL_STATISTICS
            .peak = stats->peak,
#endif
            .refused = stats->exhausted
        };
        print_pool(console, &pool);
    }
    for (unsigned i = 0; i < console->snapshot.connectors; i++) {
        evse_console_print(console, "CAN ring of connector %u: %u %% of %u frames", i + 1u,
                           (unsigned)console->snapshot.connector[i].ring_percent,
                           (unsigned)CONFIG_EVSE_CAN_RING_FRAMES);
    }
    for (unsigned i = 0; source->pool != NULL && source->pool(source->ctx, i, &pool) == HF_OK;
         i++) {
        print_pool(console, &pool);
    }
}

void evse_console_tasks(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    const evse_console_source_t *source = &console->source;
    evse_console_task_t task;
    (void)connector;
    evse_console_print(console, "control: %u ticks, %u late, %s", (unsigned)console->snapshot.ticks,
                       (unsigned)console->snapshot.ticks_late,
                       is_control_alive(console, now_us) ? "alive" : "NOT ALIVE");
    for (unsigned i = 0; source->task != NULL && source->task(source->ctx, i, &task) == HF_OK;
         i++) {
        evse_console_print(console, "%s: %s, checked in %u ms ago of %u ms%s", task.name,
                           task.is_resting ? "resting"
                           : task.is_late  ? "LATE"
                                           : "alive",
                           (unsigned)task.age_ms, (unsigned)task.deadline_ms,
                           task.is_critical ? ", critical" : "");
    }
}

static void print_past_faults(const evse_console_t *console)
{
    const evse_console_source_t *source = &console->source;
    evse_console_fault_t fault;
    for (unsigned i = 0; source->fault != NULL && source->fault(source->ctx, i, &fault) == HF_OK;
         i++) {
        char at[24], where[24];
        hf_builder_t out;
        hf_builder_init(&out, where, sizeof where);
        if (fault.connector == UINT32_MAX) {
            hf_builder_text(&out, "station");
        } else {
            hf_builder_format(&out, "connector %u", (unsigned)fault.connector + 1u);
        }
        evse_console_print(console, "at %s s: %s: %u %s, %s (%s)",
                           fixed(at, sizeof at, (int64_t)(fault.uptime_us / HF_US_PER_MS), 3),
                           where, (unsigned)fault.fault, evse_fault_name(fault.fault),
                           evse_fault_text(fault.fault), fault.severity);
    }
}

void evse_console_faults(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    bool any = console->snapshot.estop_latched != 0;
    (void)now_us;
    (void)connector;
    if (any) {
        evse_console_print(console, "now: station: emergency stop latched");
    }
    for (unsigned i = 0; i < console->snapshot.connectors; i++) {
        unsigned fault = console->snapshot.connector[i].fault;
        if (fault != EVSE_FAULT_NONE) {
            any = true;
            evse_console_print(console, "now: connector %u: %u %s, %s", i + 1u, fault,
                               evse_fault_name(fault), evse_fault_text(fault));
        }
    }
    if (!any) {
        evse_console_print(console, "now: no fault");
    }
    print_past_faults(console);
}

// ---- selftest ---------------------------------------------------------------------------------------

static void judge(evse_console_t *console, bool good, const char *where, const char *what)
{
    if (good) {
        console->passed++;
    } else {
        console->failed++;
    }
    evse_console_print(console, "%s %s: %s", good ? "PASS" : "FAIL", where, what);
}

static bool is_power_down(const evse_console_t *console)
{
    for (unsigned i = 0; i < console->snapshot.connectors; i++) {
        const evse_connector_view_t *view = &console->snapshot.connector[i];
        if (view->phase != EVSE_POWER_OFF || view->contactor_closed) {
            evse_console_print(console, "refused: power is up at connector %u (%s)", i + 1u,
                               evse_power_phase_text(view->phase));
            return false;
        }
    }
    return true;
}

static void test_connector(evse_console_t *console, unsigned index)
{
    static const evse_input_t needed[] = {EVSE_IN_PLUG, EVSE_IN_LOCK_FEEDBACK,
                                          EVSE_IN_CONTACTOR_FEEDBACK, EVSE_IN_ESTOP};
    const evse_connector_view_t *view = &console->snapshot.connector[index];
    char where[24];
    hf_builder_t out;
    hf_builder_init(&out, where, sizeof where);
    hf_builder_format(&out, "connector %u", index + 1u);
    bool fresh = true;
    for (size_t i = 0; i < HF_COUNT_OF(needed); i++) {
        fresh = fresh && is_known(view, needed[i]);
    }
    judge(console, fresh, where, "plug, lock, contactor and E-stop inputs are known");
    judge(console, is_known(view, EVSE_IN_ESTOP) && is_input(view, EVSE_IN_ESTOP), where,
          "emergency stop loop is closed");
    judge(console,
          is_known(view, EVSE_IN_CONTACTOR_FEEDBACK) && !is_input(view, EVSE_IN_CONTACTOR_FEEDBACK),
          where, "contactor is open");
    judge(console,
          !is_input(view, EVSE_IN_LATCH_RESET) && !is_input(view, EVSE_IN_START_BUTTON) &&
              !is_input(view, EVSE_IN_STOP_BUTTON),
          where, "no button is held or stuck");
    judge(console, view->bus_active != 0, where, "CAN bus is active");
    judge(console, view->module_healthy != 0, where, "power module is healthy");
    judge(console, view->temperature_dC != INT32_MIN, where, "temperature is known");
    judge(console, view->fault == EVSE_FAULT_NONE, where, "no fault");
}

void evse_console_selftest(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    const evse_comms_view_t *comms = &console->comms;
    (void)connector;
    console->passed = console->failed = 0;
    bool ticking = is_control_alive(console, now_us);
    if (ticking && !is_power_down(console)) {
        return;
    }
    judge(console, ticking, "station", "control is ticking");
    judge(console, is_young(console->has_comms, comms->now_us, now_us, COMMS_AGE_US), "station",
          "comms is alive");
    judge(console, ticking && console->snapshot.estop_latched == 0, "station",
          "emergency stop is not latched");
    judge(console, console->has_comms && comms->journal_error == 0, "station", "journal is good");
    judge(console, comms->utc_ms != 0, "station", "clock is known");
    for (unsigned i = 0; ticking && i < console->snapshot.connectors; i++) {
        test_connector(console, i);
    }
    evse_console_print(console, "selftest: %u passed, %u failed", (unsigned)console->passed,
                       (unsigned)console->failed);
}

// ---- stop, commission -------------------------------------------------------------------------------

static void stop_one(const evse_console_t *console, unsigned index)
{
    const evse_console_source_t *source = &console->source;
    if (console->has_comms && console->comms.session_state[index] == EVSE_SESSION_IDLE) {
        evse_console_print(console, "connector %u: no session", index + 1u);
        return;
    }
    int status = source->stop != NULL ? source->stop(source->ctx, index) : HF_E_UNSUPPORTED;
    evse_console_print(console, "connector %u: %s", index + 1u,
                       status == HF_OK ? "stop asked for" : hf_status_text(status));
}

void evse_console_stop(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    (void)now_us;
    for (unsigned i = 0; i < console->snapshot.connectors; i++) {
        if (connector == 0 || connector == (int64_t)i + 1) {
            stop_one(console, i);
        }
    }
    if (console->snapshot.connectors == 0) {
        evse_console_print(console, "no snapshot of control yet");
    }
}

void evse_console_commission(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    const evse_console_source_t *source = &console->source;
    (void)now_us;
    if (connector == 0) {
        evse_console_print(console, "which connector? commission N");
        return;
    }
    int status = source->commission != NULL
                     ? source->commission(source->ctx, (unsigned)(connector - 1))
                     : HF_E_UNSUPPORTED;
    evse_console_print(console, "connector %u: %s", (unsigned)connector,
                       status == HF_OK ? "commissioning asked for" : hf_status_text(status));
}
