// SPDX-License-Identifier: MIT
// Glue between the charge point's transfers and libcurl, and the daemon's own lines of the diagnostics. These are made in
// the comms loop: nothing here waits.
#include "daemon.h"

#include "version.h"

#include <stdio.h>
#include <string.h>

static const char *granted(const hf_atomic_u32_t *error)
{
    uint32_t number = atomic_load(error);
    return number == 0 ? "granted" : strerror((int)number);
}

static void put_task(const daemon_t *daemon, const evse_supervisor_view_t *view, unsigned index,
                     hf_builder_t *out)
{
    const evse_task_info_t *info = &daemon->supervisor.task[index];
    hf_builder_format(out, "task %s: %s, checked in %u ms ago of %u ms", info->name,
                      view->task[index].resting != 0 ? "resting"
                      : view->task[index].late != 0  ? "LATE"
                                                     : "alive",
                      (unsigned)view->task[index].age_ms, (unsigned)info->deadline_ms);
}

static void put_fault(const evse_fault_record_t *record, hf_builder_t *out)
{
    hf_builder_format(out, "past fault: %s %s, after %llu s", evse_health_text(record->severity),
                      evse_fault_name(record->code),
                      (unsigned long long)(record->uptime_us / HF_US_PER_S));
    if (record->connector != EVSE_FAULT_STATION) {
        hf_builder_format(out, ", connector %u", record->connector + 1u);
    }
}

enum { HEAD_LINES = 4, MOST_LINES = 64 }; // numbers of lines before the log's

static int put_figures(const daemon_t *daemon, uint32_t index, hf_builder_t *out)
{
    evse_supervisor_view_t view;
    if (evse_supervisor_read(&daemon->supervisor, &view) != HF_OK) {
        return HF_E_EMPTY;
    }
    const hf_queue_t *events = &daemon->evse.mailbox.events;
    switch (index) {
    case 0:
        hf_builder_text(out, "[holdfastd]");
        return HF_OK;
    case 1:
        hf_builder_format(out, "real-time priority: %s", granted(&daemon->realtime.control_error));
        return HF_OK;
    case 2:
        hf_builder_format(out, "memory lock: %s", granted(&daemon->realtime.memory_error));
        return HF_OK;
    case 3:
        hf_builder_format(out, "control: %u ticks, %u late; events: %u waiting of %u",
                          (unsigned)daemon->evse.ocpp.snapshot.ticks,
                          (unsigned)daemon->evse.ocpp.snapshot.ticks_late,
                          (unsigned)hf_queue_count(events), (unsigned)EVSE_EVENTS_CAPACITY);
        return HF_OK;
    default:
        break;
    }
    uint32_t task = index - HEAD_LINES;
    if (task < view.tasks) {
        put_task(daemon, &view, task, out);
        return HF_OK;
    }
    if (task - view.tasks < view.fault_count) {
        put_fault(&view.fault[task - view.tasks], out);
        return HF_OK;
    }
    return HF_E_EMPTY;
}

static void put_log_line(const evse_diagnostics_window_t *window, const hf_log_line_t *line,
                         hf_builder_t *out)
{
    char utc[HF_ISO8601_BYTES] = "";
    if (window->utc_offset_ms != 0) {
        hf_iso8601_format(window->utc_offset_ms + line->time_us / HF_US_PER_MS, utc);
    }
    hf_builder_format(out, "%s%s%llu.%03u s %s %s: %s%s", utc, utc[0] != '\0' ? " " : "",
                      (unsigned long long)(line->time_us / HF_US_PER_S),
                      (unsigned)(line->time_us % HF_US_PER_S / HF_US_PER_MS),
                      hf_log_level_text(line->level), hf_log_tag_text(line->tag), line->text,
                      line->truncated ? " ..." : "");
}

static int put_log(daemon_t *daemon, uint32_t index, const evse_diagnostics_window_t *window,
                   hf_builder_t *out)
{
    daemon_transfer_t *transfer = &daemon->transfer;
    hf_log_line_t line;
    if (index == 0) {
        int status = daemon_history_first(&transfer->history, &transfer->first_line);
        if (status == HF_OK) {
            hf_builder_text(out, "[log]");
        }
        return status;
    }
    int status = daemon_history_get(&transfer->history, transfer->first_line + index - 1, &line);
    if (status != HF_OK) {
        return status;
    }
    if (line.time_us < window->from_us || line.time_us > window->to_us) {
        return HF_E_EMPTY;
    }
    put_log_line(window, &line, out);
    return HF_OK;
}

static int give_line(void *ctx, uint32_t index, const evse_diagnostics_window_t *window,
                     hf_builder_t *out)
{
    return index < MOST_LINES ? put_figures(ctx, index, out)
                              : put_log(ctx, index - MOST_LINES, window, out);
}

// ---- the seam, while load is shed nothing begins -------------------------------------------------

static int begin_download(void *ctx, const char *url)
{
    daemon_t *daemon = ctx;
    return daemon_telemetry_is_shedding(daemon)
               ? (int)HF_E_AGAIN
               : transfer_curl_ops.download(&daemon->transfer.curl, url);
}

static int begin_upload(void *ctx, const char *url, const char *name)
{
    daemon_t *daemon = ctx;
    return daemon_telemetry_is_shedding(daemon)
               ? (int)HF_E_AGAIN
               : transfer_curl_ops.upload(&daemon->transfer.curl, url, name);
}

static int feed(void *ctx, const char *text, size_t length)
{
    daemon_t *daemon = ctx;
    return transfer_curl_ops.feed(&daemon->transfer.curl, text, length);
}

static int poll_end(void *ctx, evse_transfer_result_t *result)
{
    daemon_t *daemon = ctx;
    return transfer_curl_ops.poll(&daemon->transfer.curl, result);
}

static void cancel(void *ctx)
{
    daemon_t *daemon = ctx;
    transfer_curl_ops.cancel(&daemon->transfer.curl);
}

static const evse_transfer_ops_t shed_ops = {.download = begin_download,
                                             .upload = begin_upload,
                                             .feed = feed,
                                             .poll = poll_end,
                                             .cancel = cancel};

int daemon_transfer_init(daemon_t *daemon)
{
    daemon_history_t *history = &daemon->transfer.history;
    int status = daemon_lock_init(daemon, &history->mutex, "history");
    daemon_history_init(history, DAEMON_ROW_MAIN, DAEMON_ROW_COMMS);
    return status;
}

int daemon_transfer_build(daemon_t *daemon)
{
    const options_t *options = &daemon->options;
    const transfer_curl_config_t config = {.folder = options->state,
                                           .ca_file = options->ca,
                                           .stall_s = (uint32_t)options->stall_s,
                                           .bytes_max =
                                               (uint64_t)CONFIG_HOLDFASTD_DOWNLOAD_MB * 1024 * 1024,
                                           .mark = daemon_telemetry_mark,
                                           .mark_ctx = daemon,
                                           .agent = "holdfastd/" HOLDFAST_VERSION,
                                           .place = daemon_place(daemon, DAEMON_ROW_TRANSFER)};
    if (transfer_curl_init(&daemon->transfer.curl, &config) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: transfers: no thread, or libcurl does not start\n");
        return EXIT_OS;
    }
    daemon->transfer.is_started = true;
    daemon->config.ocpp.transfer =
        (evse_transfer_t){.ops = &shed_ops, .ctx = daemon, .protocols = TRANSFER_PROTOCOLS};
    daemon->config.ocpp.diagnostics = (evse_diagnostics_source_t){.line = give_line, .ctx = daemon};
    return -1;
}

void daemon_transfer_stop(daemon_t *daemon)
{
    if (daemon->transfer.is_started) {
        transfer_curl_deinit(&daemon->transfer.curl);
    }
}
