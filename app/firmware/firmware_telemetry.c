// SPDX-License-Identifier: MIT
// Telemetry and dossier of the image (firmware_telemetry.h).
#include "firmware_telemetry.h"

#if CONFIG_HF_TELEMETRY

#include "holdfast/hf_clock.h"
#include "mps2_board.h"
#include "version.h"

#include <string.h>

#define NOTE_US         HF_US_PER_S
#define STACK_GUARD     32u // of port/mps2: may not be touched, not even to look
#define EXCEPTION_NMI   2u
#define EXCEPTION_GUARD 4u // without a frame, so without a pc: there was no stack for one

extern uint8_t firmware_claimed_end[], firmware_ram_end[];
extern uint8_t firmware_stack_limit[], firmware_stack_top[];

// A start clears .bss, not this.
static uint8_t page[HF_DOSSIER_BYTES] __attribute__((section(".noinit"), aligned(4)));

// ---- what there is to tell ----------------------------------------------------------------------

/// No heap: what nothing claims, the same for ever.
static int read_memory(void *ctx, hf_memory_t *memory)
{
    (void)ctx;
    uint32_t free = (uint32_t)(firmware_ram_end - firmware_claimed_end);
    *memory = (hf_memory_t){.heap_free = free,
                            .heap_min = free,
                            .heap_largest = free,
                            .internal_free = free,
                            .internal_min = free,
                            .internal_largest = free};
    return HF_OK;
}

enum { POOL_READINGS, POOL_EVENTS, POOLS };

static bool read_pool(const void *of, uint32_t index, hf_line_pool_t *line)
{
    const evse_t *evse = of;
    const hf_queue_t *events = &evse->mailbox.events;
    if (index == POOL_READINGS) {
        hf_pool_stats_t stats = hf_pool_stats(&evse->store.messages);
        *line = (hf_line_pool_t){.name = "readings",
                                 .block_bytes = stats.block_bytes,
                                 .capacity = stats.capacity,
                                 .in_use = stats.in_use,
                                 .peak = stats.in_use,
                                 .exhausted = stats.exhausted};
#if CONFIG_HF_POOL_STATISTICS
        line->peak = stats.peak;
#endif
    } else {
        *line = (hf_line_pool_t){.name = "events",
                                 .block_bytes = events->item_bytes,
                                 .capacity = EVSE_EVENTS_CAPACITY,
                                 .in_use = hf_queue_count(events),
                                 .exhausted = atomic_load(&events->refused)};
        line->peak = line->in_use;
#if CONFIG_HF_POOL_STATISTICS
        line->peak = atomic_load(&events->peak);
#endif
    }
    line->free_min = line->capacity - line->peak;
    return true;
}

static bool write_line(void *ctx, const char *line, size_t length)
{
    mps2_uart_t *uart = ctx;
    return mps2_uart_room(uart) >= length && mps2_uart_put(uart, line, length) == HF_OK;
}

// ---- the dossier --------------------------------------------------------------------------------

static void copy_text(char *out, size_t capacity, const char *text)
{
    hf_builder_t builder;
    memset(out, 0, capacity);
    hf_builder_init(&builder, out, capacity);
    hf_builder_text(&builder, text);
}

void firmware_telemetry_end(firmware_telemetry_t *telemetry, uint32_t reason, const char *task,
                            const char *detail)
{
    hf_dossier_t *last = &telemetry->draft;
    last->reason = reason;
    last->uptime_ms = (hf_port_now_us() - telemetry->started_us) / HF_US_PER_MS;
    copy_text(last->task, sizeof last->task, task);
    copy_text(last->detail, sizeof last->detail, detail);
    (void)hf_dossier_encode(last, page);
}

/// The task that kept the watchdog hungry; "tick" when it was nobody that is watched.
static const char *late_task(const firmware_watch_t *watch)
{
    for (unsigned i = 0; i < FIRMWARE_TASKS; i++) {
        if (watch->supervisor.view.task[i].late != 0) {
            return firmware_task_table[i].name;
        }
    }
    return "tick";
}

void firmware_telemetry_fault(firmware_telemetry_t *telemetry, uint32_t exception, uint32_t pc)
{
    char detail[40];
    hf_builder_t out;
    hf_builder_init(&out, detail, sizeof detail);
    hf_builder_format(&out, "exception %u at 0x", (unsigned)exception);
    hf_builder_hex(&out, pc, 8);
    bool is_watchdog = exception == EXCEPTION_NMI;
    firmware_telemetry_end(telemetry,
                           is_watchdog                                ? HF_RESET_TASK_WATCHDOG
                           : exception == EXCEPTION_GUARD && pc == 0u ? HF_RESET_STACK
                                                                      : HF_RESET_PANIC,
                           is_watchdog ? late_task(telemetry->watch) : "", detail);
}

static void note_pools(firmware_telemetry_t *telemetry)
{
    hf_dossier_t *draft = &telemetry->draft;
    draft->pools = POOLS;
    for (uint32_t i = 0; i < POOLS; i++) {
        hf_line_pool_t line;
        (void)read_pool(telemetry->evse, i, &line);
        copy_text(draft->pool[i].name, sizeof draft->pool[i].name, line.name);
        draft->pool[i].capacity = (uint16_t)line.capacity;
        draft->pool[i].in_use = (uint16_t)line.in_use;
        draft->pool[i].peak = (uint16_t)line.peak;
        draft->pool[i].exhausted = (uint16_t)line.exhausted;
    }
}

/// How it stands, once a second: a reset that nobody announces finds it, too.
static void note(firmware_telemetry_t *telemetry)
{
    hf_dossier_t *draft = &telemetry->draft;
    const evse_transaction_t *open = telemetry->evse->store.open[0];
    note_pools(telemetry);
    (void)read_memory(NULL, &draft->memory);
    copy_text(draft->tag, sizeof draft->tag, telemetry->device.last_tag);
    draft->connectors_charging = open != NULL ? 1u : 0u;
    if (telemetry->reason == 0) {
        firmware_telemetry_end(telemetry, HF_RESET_UNKNOWN, "", "");
    }
}

/// The last run's page goes to the journal. Returns why this one began.
static uint32_t take_page(firmware_telemetry_t *telemetry)
{
    hf_dossier_t *last = &telemetry->draft; // not on the stack
    if (hf_dossier_decode(page, sizeof page, last) != HF_OK) {
        memset(last, 0, sizeof *last);
        return HF_RESET_POWER_ON;
    }
    uint32_t reason = last->reason, resets = last->resets;
    int status = evse_store_keep(&telemetry->evse->store, EVSE_OBJECT_DOSSIER, 0, page,
                                 hf_dossier_encode(last, page));
    if (status < 0) {
        HF_LOGW(telemetry->evse->ocpp.config.log, telemetry->started_us, STORE,
                "the reset dossier is not kept: %s", hf_status_text(status));
    }
    HF_LOGI(telemetry->evse->ocpp.config.log, telemetry->started_us, SYS,
            "the run before: %s%s%s %s", hf_reset_text(reason),
            last->task[0] != '\0' ? ", task " : "", last->task, last->detail);
    memset(last, 0, sizeof *last);
    last->resets = hf_reset_is_expected(reason) ? 0 : resets + 1u;
    return reason;
}

// ---- the policy ---------------------------------------------------------------------------------

// Nothing to shed: what the image does besides charging is this.
static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    firmware_telemetry_t *telemetry = ctx;
    hf_telemetry_tell_trip(&telemetry->device, event);
    if (event->action < HF_TRIP_FINISH_RESET || telemetry->reason != 0) {
        return;
    }
    telemetry->reason = event->action == HF_TRIP_RESET_NOW ? (uint32_t)HF_RESET_TRIP_NOW
                                                           : (uint32_t)HF_RESET_TRIP_FINISHED;
    firmware_telemetry_end(telemetry, telemetry->reason, event->name != NULL ? event->name : "",
                           hf_wire_text(event->wire->kind));
}

/// The first moment without a session, or at once.
static bool is_end_due(const firmware_telemetry_t *telemetry)
{
    return telemetry->reason == HF_RESET_TRIP_NOW ||
           (telemetry->reason == HF_RESET_TRIP_FINISHED &&
            telemetry->evse->ocpp.session[0].state < EVSE_SESSION_STARTING);
}

// ---- rounds -------------------------------------------------------------------------------------

static void mark(firmware_telemetry_t *telemetry, const char *tag, uint64_t now_us)
{
    hf_telemetry_mark(&telemetry->device, tag, now_us);
}

int firmware_telemetry_init(firmware_telemetry_t *telemetry, uint64_t now_us)
{
    const hf_task_info_t row = {
        .name = "main+irq",
        .stack = firmware_stack_limit + STACK_GUARD,
        .stack_bytes = (uint32_t)(firmware_stack_top - firmware_stack_limit) - STACK_GUARD,
        .core = 0};
    const hf_telemetry_config_t config = {.memory = {.read = read_memory},
                                          .write = write_line,
                                          .ctx = telemetry->uart,
                                          .read_pool = read_pool,
                                          .pools = telemetry->evse,
                                          .pool_count = POOLS,
                                          .pools_full_by_design = 1u << POOL_READINGS,
                                          .tasks = &telemetry->tasks,
                                          .tripwire = &telemetry->tripwire,
                                          .heartbeat_ms = FIRMWARE_HEARTBEAT_S * 1000u};
    telemetry->started_us = now_us;
    int status = hf_tasks_init(&telemetry->tasks, &row, 1);
    if (status == HF_OK) {
        status = hf_tripwire_init(&telemetry->tripwire, hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS,
                                  on_trip, telemetry);
    }
    status = status == HF_OK ? hf_telemetry_init(&telemetry->device, &config, now_us) : status;
    if (status != HF_OK) {
        return status;
    }
    uint32_t reason = take_page(telemetry);
    hf_telemetry_boot(&telemetry->device, reason, hf_reset_text(reason), HOLDFAST_VERSION);
    mark(telemetry, "boot", now_us);
    hf_telemetry_ip(&telemetry->device, "127.0.0.1",
                    "bridge"); // the host's, at the line's other end
    mark(telemetry, "net_up", now_us);
    mark(telemetry, "setup", now_us);
    hf_telemetry_poll(&telemetry->device, now_us);
    hf_telemetry_ready(&telemetry->device, now_us);
    telemetry->device.pools_us = 0; // the first ones at once
    return HF_OK;
}

static void follow(firmware_telemetry_t *telemetry, uint64_t now_us)
{
    const evse_ocpp_t *ocpp = &telemetry->evse->ocpp;
    bool is_connected = ocpp->link_state == EVSE_LINK_OPEN;
    if (is_connected && !telemetry->is_connected) {
        mark(telemetry, "ws_connected", now_us);
    }
    if (ocpp->sessions_started != telemetry->sessions_started) {
        mark(telemetry, "tx_start", now_us);
    }
    if (ocpp->sessions_ended != telemetry->sessions_ended) {
        mark(telemetry, "tx_stop", now_us);
    }
    telemetry->is_connected = is_connected;
    telemetry->sessions_started = ocpp->sessions_started;
    telemetry->sessions_ended = ocpp->sessions_ended;
}

bool firmware_telemetry_poll(firmware_telemetry_t *telemetry, uint64_t now_us)
{
    mps2_uart_clear(telemetry->uart); // nobody listens
    follow(telemetry, now_us);
    hf_telemetry_poll(&telemetry->device, now_us);
    if (now_us - telemetry->noted_us >= NOTE_US) {
        telemetry->noted_us = now_us;
        note(telemetry);
    }
    telemetry->is_due = telemetry->is_due || is_end_due(telemetry);
    return telemetry->is_due;
}

#endif
