// SPDX-License-Identifier: MIT
// What the image tells at its end, for whoever judges it: one JSON object.
#include "firmware.h"

#include "evse/evse_view.h"
#include "holdfast/hf_json.h"
#include "holdfast/hf_seal.h"
#include "mps2_board.h"

static void number(hf_json_writer_t *json, const char *name, uint64_t value)
{
    hf_json_i64_field(json, name, (int64_t)value);
}

static void tell_ticks(hf_json_writer_t *json, const firmware_watch_t *watch)
{
    hf_lateness_view_t lateness;
    hf_lateness_read(&watch->supervisor.lateness, &lateness);
    number(json, "ticks", lateness.count);
    number(json, "ticks_late", lateness.over);
    number(json, "late_limit_us", lateness.limit_us);
    number(json, "late_max_us", lateness.max_us);
    number(json, "tick_max_us", watch->took_max_us);
    number(json, "dozes", watch->supervisor.view.dozes);
}

static void tell_memory(hf_json_writer_t *json, const evse_comms_view_t *view)
{
    number(json, "stack_bytes", mps2_stack_bytes());
    number(json, "stack_peak", mps2_stack_peak());
    number(json, "heap_calls", hf_seal_stats().calls);
    for (unsigned p = 0; p < EVSE_POOL_COUNT; p++) {
        hf_json_key(json, evse_view_pool_name(p));
        hf_json_begin_object(json);
        number(json, "capacity", view->pool[p].capacity);
        number(json, "in_use", view->pool[p].in_use);
        number(json, "peak", view->pool[p].peak);
        number(json, "exhausted", view->pool[p].exhausted);
        hf_json_end_object(json);
    }
}

static void tell_can(hf_json_writer_t *json, const evse_slcan_t *slcan)
{
    const evse_can_stats_t *stats = &slcan->inbox.stats;
    hf_json_key(json, "can");
    hf_json_begin_object(json);
    number(json, "rx", stats->total_rx);
    number(json, "tx", stats->total_tx);
    number(json, "errors", stats->error_count);
    number(json, "overruns", stats->overruns);
    number(json, "bus_offs", stats->bus_offs);
    number(json, "refused", slcan->parser.refused);
    hf_json_end_object(json);
}

static void tell_lines(hf_json_writer_t *json, const mps2_uart_t *uart)
{
    hf_json_key(json, "uart");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < FIRMWARE_LINES; i++) {
        hf_json_begin_object(json);
        number(json, "overruns", mps2_uart_overruns(&uart[i]));
        number(json, "refused", uart[i].refused);
        number(json, "peak_in", uart[i].peak_in);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

size_t firmware_report(const firmware_parts_t *parts, uint64_t now_us,
                       char text[FIRMWARE_REPORT_BYTES])
{
    hf_builder_t out;
    hf_json_writer_t json;
    evse_comms_view_t view;
    hf_builder_init(&out, text, FIRMWARE_REPORT_BYTES);
    hf_json_writer_init(&json, &out);
    evse_comms_view(parts->evse, now_us, &view);
    hf_json_begin_object(&json);
    hf_json_string_field(&json, "event", "report");
    number(&json, "uptime_ms", (now_us - parts->started_us) / 1000u);
    number(&json, "boot", view.boot);
    number(&json, "register_mJ", parts->evse->control.channel[0].register_mJ);
    number(&json, "sessions", view.sessions_ended);
    number(&json, "queue", view.queue);
    number(&json, "readings_dropped", parts->evse->ocpp.samples_dropped);
    tell_ticks(&json, parts->watch);
    tell_memory(&json, &view);
    tell_can(&json, parts->slcan);
    tell_lines(&json, parts->uart);
    number(&json, "io_refused", parts->io->refused);
    number(&json, "io_dozes", parts->io->dozes);
    number(&json, "ws_opened", parts->ws->opened);
    number(&json, "ws_errors", parts->ws->protocol_errors);
    hf_json_end_object(&json);
    hf_builder_char(&out, '\n');
    return out.length;
}
