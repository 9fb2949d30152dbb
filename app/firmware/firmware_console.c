// SPDX-License-Identifier: MIT
// The console line (firmware_console.h). What it tells of tasks and faults is the supervisor's last view.
#include "firmware_console.h"

#include "holdfast/hf_clock.h"

#define LINE_BYTES 200u
#define TYPED      32u // bytes taken in one round

#if CONFIG_EVSE_CONSOLE

static int tell_task(void *ctx, unsigned index, evse_console_task_t *task)
{
    firmware_console_t *console = ctx;
    if (index >= FIRMWARE_TASKS ||
        evse_supervisor_read(&console->watch->supervisor, &console->supervision) != HF_OK) {
        return HF_E_NOT_FOUND;
    }
    const evse_task_view_t *view = &console->supervision.task[index];
    *task = (evse_console_task_t){.name = firmware_task_table[index].name,
                                  .age_ms = view->age_ms,
                                  .deadline_ms = firmware_task_table[index].deadline_ms,
                                  .is_critical = firmware_task_table[index].critical,
                                  .is_late = view->late != 0,
                                  .is_resting = view->resting != 0};
    return HF_OK;
}

static int tell_fault(void *ctx, unsigned index, evse_console_fault_t *fault)
{
    firmware_console_t *console = ctx;
    if (evse_supervisor_read(&console->watch->supervisor, &console->supervision) != HF_OK ||
        index >= console->supervision.fault_count) {
        return HF_E_NOT_FOUND;
    }
    const evse_fault_record_t *record = &console->supervision.fault[index];
    *fault = (evse_console_fault_t){
        .uptime_us = record->uptime_us,
        .severity = evse_health_text(record->severity),
        .fault = record->code,
        .connector = record->connector == EVSE_FAULT_STATION ? UINT32_MAX : record->connector};
    return HF_OK;
}

static int stop(void *ctx, unsigned connector)
{
    firmware_console_t *console = ctx;
    return evse_ocpp_stop(&console->evse->ocpp, connector, EVSE_STOP_Local, console->now_us);
}

static void write_text(void *ctx, const char *text, size_t length)
{
    firmware_console_t *console = ctx;
    (void)mps2_uart_write(console->uart, text,
                          length); // what has no room is lost, as on any terminal
}

int firmware_console_init(firmware_console_t *console)
{
    int status = hf_snapshot_init(&console->comms, console->comms_words, sizeof console->view);
    const evse_console_source_t source = {.control = &console->evse->mailbox.snapshot,
                                          .comms = &console->comms,
                                          .task = tell_task,
                                          .fault = tell_fault,
                                          .stop = stop,
                                          .ctx = console,
                                          .write = write_text,
                                          .write_ctx = console};
    if (status == HF_OK) {
        status = evse_console_init(&console->console, &source);
    }
    if (status == HF_OK) {
        evse_console_greet(&console->console);
    }
    return status;
}

void firmware_console_poll(firmware_console_t *console, uint64_t now_us)
{
    char typed[TYPED];
    size_t length = mps2_uart_read(console->uart, typed, sizeof typed);
    if (length > 0) {
        console->now_us = now_us;
        evse_comms_view(console->evse, now_us, &console->view);
        hf_snapshot_write(&console->comms, &console->view);
        evse_console_feed(&console->console, typed, length, now_us);
    }
}

#else

int firmware_console_init(firmware_console_t *console)
{
    return hf_snapshot_init(&console->comms, console->comms_words, sizeof console->view);
}

void firmware_console_poll(firmware_console_t *console, uint64_t now_us)
{
    (void)now_us;
    mps2_uart_clear(console->uart);
}

#endif

static void print_line(firmware_console_t *console, const hf_log_line_t *line)
{
    char text[LINE_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_fixed(&out, (int64_t)(line->time_us / HF_US_PER_MS), 3);
    hf_builder_format(&out, " %s %s: %s\r\n", hf_log_level_text(line->level),
                      hf_log_tag_text(line->tag), line->text);
    (void)mps2_uart_write(console->uart, out.text, out.length);
}

void firmware_console_log(firmware_console_t *console, hf_log_t *log)
{
    hf_log_line_t line;
    while (mps2_uart_room(console->uart) >= LINE_BYTES && hf_log_take(log, &line) == HF_OK) {
        print_line(console, &line);
    }
}
