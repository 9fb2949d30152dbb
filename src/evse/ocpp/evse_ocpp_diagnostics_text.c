// SPDX-License-Identifier: MIT
// The diagnostics file: lines of text, made one by one while the seam takes them. Nothing is copied: a line shows what was
// true when it was made. Invariant: no secret is written (values of keys that hold one, tags of users, locations).
#include "evse_ocpp_transfer.h"

#define LINES_PER_ROUND 24u // the comms loop has other things to do

typedef int (*line_of_t)(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us,
                         hf_builder_t *out);

static void put_utc(hf_builder_t *out, uint64_t utc_ms)
{
    char text[HF_ISO8601_BYTES] = "unknown";
    if (utc_ms != 0u) {
        hf_iso8601_format(utc_ms, text);
    }
    hf_builder_text(out, text);
}

static int put_head(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us, hf_builder_t *out)
{
    const evse_ocpp_config_t *config = &ocpp->config;
    switch (index) {
    case 0u:
        hf_builder_text(out, "Holdfast diagnostics, made ");
        put_utc(out, evse_ocpp_utc_ms(ocpp, now_us));
        return HF_OK;
    case 1u:
        hf_builder_format(out, "station: %s %s, serial %s, version %s", config->vendor,
                          config->model, config->serial != NULL ? config->serial : "-",
                          config->firmware != NULL ? config->firmware : "-");
        return HF_OK;
    case 2u:
        hf_builder_format(out, "boot: %u, up %llu s, the last one ended %s",
                          (unsigned)config->store->boot, (unsigned long long)(now_us / HF_US_PER_S),
                          config->store->orderly ? "orderly" : "by a power loss or a crash");
        return HF_OK;
    default:
        return HF_E_NOT_FOUND;
    }
}

static int put_link(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us, hf_builder_t *out)
{
    static const char *const links[] = {"down", "opening", "open"};
    static const char *const registrations[] = {"none", "pending", "rejected", "accepted"};
    const evse_rpc_t *rpc = &ocpp->rpc;
    switch (index) {
    case 0u:
        hf_builder_text(out, "[central system]");
        return HF_OK;
    case 1u:
        hf_builder_format(out, "link: %s, registration %s, heartbeat every %u s",
                          links[ocpp->link_state], registrations[ocpp->registration],
                          (unsigned)ocpp->heartbeat_interval_s);
        return HF_OK;
    case 2u:
        hf_builder_format(out,
                          "calls: %u sent, %u answered, %u refused, %u unanswered; %u received, "
                          "%u of them refused; %u malformed, %u stray",
                          (unsigned)rpc->calls_sent, (unsigned)rpc->results,
                          (unsigned)rpc->errors_received, (unsigned)rpc->timeouts,
                          (unsigned)rpc->calls_received, (unsigned)rpc->errors_sent,
                          (unsigned)rpc->malformed, (unsigned)rpc->stray);
        return HF_OK;
    case 3u:
        hf_builder_format(out, "transfers: %u downloads, %u uploads, %u failed",
                          (unsigned)ocpp->transfers.downloads, (unsigned)ocpp->transfers.uploads,
                          (unsigned)ocpp->transfers.failures);
        (void)now_us;
        return HF_OK;
    default:
        return HF_E_NOT_FOUND;
    }
}

static void put_pool(hf_builder_t *out, const char *name, const hf_pool_t *pool)
{
    hf_pool_stats_t stats = hf_pool_stats(pool);
    hf_builder_format(out, "pool %s: %u of %u in use, %u B each", name, (unsigned)stats.in_use,
                      (unsigned)stats.capacity, (unsigned)stats.block_bytes);
#if CONFIG_HF_POOL_STATISTICS
    hf_builder_format(out, ", peak %u, refused %u", (unsigned)stats.peak,
                      (unsigned)stats.exhausted);
#endif
}

static int put_store(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us, hf_builder_t *out)
{
    const evse_store_t *store = ocpp->config.store;
    (void)now_us;
    switch (index) {
    case 0u:
        hf_builder_text(out, "[store]");
        return HF_OK;
    case 1u:
        hf_builder_format(out, "journal: %s, %llu records appended, %llu durable, %u compactions",
                          ocpp->journal_failed ? "FAILED" : "good",
                          (unsigned long long)hf_journal_appended(&store->journal),
                          (unsigned long long)hf_journal_durable(&store->journal),
                          (unsigned)store->journal.compactions);
        return HF_OK;
    case 2u:
        hf_builder_format(out, "transactions: %u ended at this boot, %u messages given up",
                          (unsigned)store->recovered, (unsigned)store->lost);
        return HF_OK;
    case 3u:
        put_pool(out, "messages", &store->messages);
        return HF_OK;
    case 4u:
        hf_builder_format(out, "queue: %u messages wait, %u readings thinned, %u records lost",
                          (unsigned)evse_store_waiting(store), (unsigned)store->thinned,
                          (unsigned)store->unreadable);
        return HF_OK;
    case 5u:
        hf_builder_format(out, "sessions: %u started, %u ended, %u readings dropped",
                          (unsigned)ocpp->sessions_started, (unsigned)ocpp->sessions_ended,
                          (unsigned)ocpp->samples_dropped);
        return HF_OK;
    default:
        return HF_E_NOT_FOUND;
    }
}

static void put_readings(hf_builder_t *out, const evse_connector_view_t *view)
{
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

enum { LINES_PER_CONNECTOR = 5 };

static int put_connector(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us,
                         hf_builder_t *out)
{
    unsigned connector = index / LINES_PER_CONNECTOR;
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_transaction_t *open =
        connector < ocpp->config.connectors ? ocpp->config.store->open[connector] : NULL;
    if (view == NULL) {
        return HF_E_NOT_FOUND;
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
        hf_builder_text(out, "readings: ");
        put_readings(out, view);
        break;
    case 3u:
        put_reasons(out, view->reasons);
        break;
    default:
        if (open == NULL) {
            hf_builder_text(out, "transaction: none");
        } else {
            hf_builder_format(
                out, "transaction: %d, from %llu Wh, for %llu s", (int)open->transaction_id,
                (unsigned long long)open->start_Wh,
                (unsigned long long)((now_us - ocpp->session[connector].started_us) / HF_US_PER_S));
        }
        break;
    }
    return HF_OK;
}

static int put_fault(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us, hf_builder_t *out)
{
    (void)now_us;
    if (index == 0u) {
        hf_builder_text(out, "[faults] number, name, connectors that have it now");
        return HF_OK;
    }
    if (index >= EVSE_FAULT_COUNT) {
        return HF_E_NOT_FOUND;
    }
    hf_builder_format(out, "%u %s:", index, evse_fault_name(index));
    bool some = false;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_connector_view_t *view = evse_view(ocpp, i);
        if (view != NULL && view->fault == index) {
            hf_builder_format(out, " %u", i + 1u);
            some = true;
        }
    }
    hf_builder_text(out, some ? "" : " none");
    return HF_OK;
}

static int put_key(const evse_ocpp_t *ocpp, unsigned index, uint64_t now_us, hf_builder_t *out)
{
    (void)now_us;
    if (index == 0u) {
        hf_builder_text(out, "[configuration]");
        return HF_OK;
    }
    return evse_keys_line(ocpp, index - 1u, out) ? HF_OK : HF_E_NOT_FOUND;
}

static const line_of_t sections[] = {put_head,      put_link,  put_store,
                                     put_connector, put_fault, put_key};

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
static int next_line(evse_ocpp_t *ocpp, uint64_t now_us, hf_builder_t *out)
{
    unsigned section = ocpp->transfers.text.section;
    unsigned index = ocpp->transfers.text.index;
    if (section < HF_COUNT_OF(sections)) {
        int status = sections[section](ocpp, index, now_us, out);
        if (status != HF_E_NOT_FOUND) {
            return status;
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

void evse_diagnostics_feed(evse_ocpp_t *ocpp, uint64_t now_us)
{
    const evse_transfer_t *seam = &ocpp->config.transfer;
    char text[EVSE_DIAGNOSTICS_LINE_BYTES + 2u];
    hf_builder_t out;
    for (unsigned i = 0u; i < LINES_PER_ROUND; i++) {
        hf_builder_init(&out, text, EVSE_DIAGNOSTICS_LINE_BYTES);
        int status = next_line(ocpp, now_us, &out);
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
