// SPDX-License-Identifier: MIT
// The diagnostics file: lines of text, made one by one while the seam takes them. Nothing is copied: a line shows what was
// true when it was made. Invariant: no secret is written (values of keys that hold one, tags of users, locations); a line of
// the log shows a tag's end, see evse_tag_tail().
#include "evse_ocpp_transfer.h"

#define LINES_PER_ROUND 24u // the comms loop has other things to do

// False: there is no line of this number.
typedef bool (*line_of_t)(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out);

static void put_utc(hf_builder_t *out, uint64_t utc_ms)
{
    char text[HF_ISO8601_BYTES] = "unknown";
    if (utc_ms != 0u) {
        hf_iso8601_format(utc_ms, text);
    }
    hf_builder_text(out, text);
}

static bool put_head(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out)
{
    const evse_ocpp_config_t *config = &ocpp->config;
    switch (index) {
    case 0u:
        hf_builder_text(out, "Holdfast diagnostics, made ");
        put_utc(out, evse_ocpp_utc_ms(ocpp, ocpp->now_us));
        return true;
    case 1u:
        hf_builder_format(out, "station: %s %s, serial %s, version %s", config->vendor,
                          config->model, config->serial != NULL ? config->serial : "-",
                          config->firmware != NULL ? config->firmware : "-");
        return true;
    case 2u:
        hf_builder_format(out, "boot: %u, up %u s, %s", (unsigned)config->store->boot,
                          (unsigned)(evse_up_us(ocpp) / HF_US_PER_S),
                          config->store->boot == 1u ? "the first one"
                          : config->store->orderly
                              ? "the last one ended orderly"
                              : "the last one ended by a power loss or a crash");
        return true;
    default:
        return false;
    }
}

// ---- counters: a line each ----------------------------------------------------------------------

typedef struct counter {
    const char *name;
    uint16_t at; // in its owner
} counter_t;

static bool put_counter(const void *owner, const counter_t *counter, hf_builder_t *out)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)owner + counter->at, sizeof value);
    hf_builder_format(out, "%s: %u", counter->name, (unsigned)value);
    return true;
}

static bool put_link(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out)
{
    static const char *const links[] = {"down", "opening", "open"};
    static const char *const registrations[] = {"none", "pending", "rejected", "accepted"};
    static const counter_t counters[] = {
        {"calls sent", offsetof(evse_ocpp_t, rpc.calls_sent)},
        {"answered", offsetof(evse_ocpp_t, rpc.results)},
        {"refused", offsetof(evse_ocpp_t, rpc.errors_received)},
        {"unanswered", offsetof(evse_ocpp_t, rpc.timeouts)},
        {"calls received", offsetof(evse_ocpp_t, rpc.calls_received)},
        {"refused here", offsetof(evse_ocpp_t, rpc.errors_sent)},
        {"malformed", offsetof(evse_ocpp_t, rpc.malformed)},
        {"stray", offsetof(evse_ocpp_t, rpc.stray)},
        {"downloads", offsetof(evse_ocpp_t, transfers.downloads)},
        {"uploads", offsetof(evse_ocpp_t, transfers.uploads)},
        {"transfers failed", offsetof(evse_ocpp_t, transfers.failures)},
        {"sessions started", offsetof(evse_ocpp_t, sessions_started)},
        {"sessions ended", offsetof(evse_ocpp_t, sessions_ended)},
        {"readings dropped", offsetof(evse_ocpp_t, samples_dropped)},
    };
    if (index == 0u) {
        hf_builder_format(out, "link: %s, registration %s, heartbeat every %u s",
                          links[ocpp->link_state], registrations[ocpp->registration],
                          (unsigned)ocpp->heartbeat_interval_s);
        return true;
    }
    return index <= HF_COUNT_OF(counters) && put_counter(ocpp, &counters[index - 1u], out);
}

static bool put_pool(hf_builder_t *out, const char *name, const hf_pool_t *pool)
{
    hf_pool_stats_t stats = hf_pool_stats(pool);
    hf_builder_format(out, "pool %s: %u of %u in use, %u B each", name, (unsigned)stats.in_use,
                      (unsigned)stats.capacity, (unsigned)stats.block_bytes);
#if CONFIG_HF_POOL_STATISTICS
    hf_builder_format(out, ", peak %u, refused %u", (unsigned)stats.peak,
                      (unsigned)stats.exhausted);
#endif
    return true;
}

static bool put_store(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out)
{
    static const counter_t counters[] = {
        {"transactions ended at this boot", offsetof(evse_store_t, recovered)},
        {"messages given up", offsetof(evse_store_t, lost)},
        {"readings thinned", offsetof(evse_store_t, thinned)},
        {"records lost", offsetof(evse_store_t, unreadable)},
    };
    const evse_store_t *store = ocpp->config.store;
    switch (index) {
    case 0u:
        hf_builder_format(out, "journal: %s, %u records appended, %u durable, %u compactions",
                          ocpp->journal_failed ? "FAILED" : "good",
                          (unsigned)hf_journal_appended(&store->journal),
                          (unsigned)hf_journal_durable(&store->journal),
                          (unsigned)store->journal.compactions);
        return true;
    case 1u:
        return put_pool(out, "messages", &store->messages);
    case 2u:
        hf_builder_format(out, "messages waiting: %u", (unsigned)evse_store_waiting(store));
        return true;
    default:
        return index - 3u < HF_COUNT_OF(counters) && put_counter(store, &counters[index - 3u], out);
    }
}

// ---- connectors and keys ------------------------------------------------------------------------

static void put_readings(hf_builder_t *out, const evse_connector_view_t *view)
{
    hf_builder_text(out, "readings: ");
    hf_builder_fixed(out, view->mV, 3u);
    hf_builder_text(out, " V, ");
    hf_builder_fixed(out, view->mA, 3u);
    hf_builder_text(out, view->meter_fresh != 0u ? " A, " : " A (old), ");
    if (view->temperature_dC != INT32_MIN) {
        hf_builder_fixed(out, view->temperature_dC, 1u);
        hf_builder_text(out, " C, ");
    }
    if (view->soc_permille >= 0) {
        hf_builder_fixed(out, view->soc_permille, 1u);
        hf_builder_text(out, " % SOC, ");
    }
    hf_builder_format(out, "register %llu Wh",
                      (unsigned long long)(view->register_mJ / EVSE_mJ_PER_Wh));
}

static void put_reasons(hf_builder_t *out, uint32_t reasons)
{
    hf_builder_text(out, reasons == 0u ? "power permitted" : "no power:");
    for (unsigned i = 0u; i < EVSE_REASON_COUNT; i++) {
        if ((reasons >> i & 1u) != 0u) {
            hf_builder_format(out, " %s;", evse_reason_text(i));
        }
    }
}

enum { LINES_PER_CONNECTOR = 6 };

static bool put_connector(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out)
{
    unsigned connector = index / LINES_PER_CONNECTOR;
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_transaction_t *open =
        connector < ocpp->config.connectors ? ocpp->config.store->open[connector] : NULL;
    if (view == NULL) {
        return false;
    }
    switch (index % LINES_PER_CONNECTOR) {
    case 0u:
        hf_builder_format(out, "[connector %u]", connector + 1u);
        break;
    case 1u:
        hf_builder_format(out, "state: %s, power %s, %s; module %s, BMS %s",
                          evse_connector_state_text(view->state),
                          evse_power_phase_text(view->phase),
                          view->plugged != 0u ? "plugged" : "unplugged",
                          view->module_healthy != 0u ? "healthy" : "silent",
                          view->bms_alive == 0u    ? "silent"
                          : view->bms_allows != 0u ? "allows"
                                                   : "forbids");
        break;
    case 2u:
        put_readings(out, view);
        break;
    case 3u:
        put_reasons(out, view->reasons);
        break;
    case 4u:
        hf_builder_format(out, "fault: %u, %s", (unsigned)view->fault,
                          evse_fault_text(view->fault));
        break;
    default:
        if (open == NULL) {
            hf_builder_text(out, "transaction: none");
        } else {
            hf_builder_format(
                out, "transaction: %d, from %llu Wh, for %u s", (int)open->transaction_id,
                (unsigned long long)open->start_Wh,
                (unsigned)((ocpp->now_us - ocpp->session[connector].started_us) / HF_US_PER_S));
        }
        break;
    }
    return true;
}

static const struct {
    const char *title; // NULL: none
    line_of_t line;
} sections[] = {
    {NULL, put_head},      {"[central system]", put_link},      {"[store]", put_store},
    {NULL, put_connector}, {"[configuration]", evse_keys_line},
};

void evse_diagnostics_open(evse_ocpp_t *ocpp, const evse_job_request_t *request)
{
    uint64_t offset_ms = ocpp->utc_offset_ms;
    evse_diagnostics_window_t window = {.to_us = UINT64_MAX, .utc_offset_ms = offset_ms};
    if (offset_ms != 0u && request->from_ms > offset_ms) {
        window.from_us = (request->from_ms - offset_ms) * HF_US_PER_MS;
    }
    if (offset_ms != 0u && request->to_ms != UINT64_MAX) {
        window.to_us =
            request->to_ms > offset_ms ? (request->to_ms - offset_ms) * HF_US_PER_MS : 0u;
    }
    ocpp->transfers.text.all_fed = false;
    ocpp->transfers.text.section = 0u;
    ocpp->transfers.text.index = 0u;
    ocpp->transfers.text.window = window;
}

// The next line; HF_E_EMPTY there is none of this number, HF_E_NOT_FOUND this was the last section.
static int next_line(evse_ocpp_t *ocpp, hf_builder_t *out)
{
    unsigned section = ocpp->transfers.text.section;
    unsigned index = ocpp->transfers.text.index;
    if (section < HF_COUNT_OF(sections)) {
        const char *title = sections[section].title;
        if (title != NULL && index == 0u) {
            hf_builder_text(out, title);
            return HF_OK;
        }
        if (sections[section].line(ocpp, title != NULL ? index - 1u : index, out)) {
            return HF_OK;
        }
        ocpp->transfers.text.section++;
        ocpp->transfers.text.index = UINT16_MAX; // the caller counts on: 0
        return HF_E_EMPTY;
    }
    const evse_diagnostics_source_t *source = &ocpp->config.diagnostics;
    return source->line != NULL
               ? source->line(source->ctx, index, &ocpp->transfers.text.window, out)
               : HF_E_NOT_FOUND;
}

void evse_diagnostics_feed(evse_ocpp_t *ocpp)
{
    const evse_transfer_t *seam = &ocpp->config.transfer;
    char text[EVSE_DIAGNOSTICS_LINE_BYTES + 2u];
    hf_builder_t out;
    for (unsigned i = 0u; i < LINES_PER_ROUND; i++) {
        hf_builder_init(&out, text, EVSE_DIAGNOSTICS_LINE_BYTES);
        int status = next_line(ocpp, &out);
        if (status == HF_E_NOT_FOUND) {
            ocpp->transfers.text.all_fed = seam->ops->feed(seam->ctx, "", 0u) != HF_E_AGAIN;
            return;
        }
        if (status == HF_OK) {
            text[out.length] = '\n'; // one byte beyond the builder's end is kept for it
            status = seam->ops->feed(seam->ctx, text, out.length + 1u);
        }
        if (status != HF_OK && status != HF_E_EMPTY) {
            ocpp->transfers.text.all_fed = status != HF_E_AGAIN; // nobody wants more
            return;
        }
        ocpp->transfers.text.index++;
    }
}
