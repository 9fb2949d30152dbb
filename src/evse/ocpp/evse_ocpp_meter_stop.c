// SPDX-License-Identifier: MIT
// StopTransaction's transactionData: what the StopTxn keys ask for, and signed values. Goals: it is the same every time the
// message is sent, after a restart too; it always fits. Invariants: Transaction.Begin, Transaction.End and signed values are
// the last to give way; of readings in between every second, fourth, eighth ... one stays, on top of what the store has
// thinned: it halves what it has each time it is full, so the beginning of a long session has the widest gaps.
#include "evse_ocpp_meter.h"

#define THINNINGS  7u // 2^6 > CONFIG_EVSE_TXDATA_MAX: then none in between is left
#define CLOSE_ROOM 8u // brackets that still have to be written
_Static_assert(CONFIG_EVSE_TXDATA_MAX <= 64, "THINNINGS");
// Two signed values and the registers beside them fit, whatever else gives way.
_Static_assert(CONFIG_EVSE_OCPP_SEND_BYTES >= 2u * EVSE_SIGNED_BYTES + 1200u,
               "CONFIG_EVSE_OCPP_SEND_BYTES");

void evse_meter_keep_for_stop(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                              evse_context_t context)
{
    evse_message_t message;
    if (list->count == 0u || !evse_meter_take(ocpp, connector, list, context, &message)) {
        return;
    }
    ocpp->samples_dropped +=
        evse_store_txdata(ocpp->config.store, connector, &message) == HF_OK ? 0u : 1u;
}

// One way of writing it: how much is left out.
typedef struct layout {
    unsigned step; // of those in between every step-th; 0: none
    unsigned most; // samples of each
} layout_t;

typedef struct stop_data {
    evse_ocpp_t *ocpp;
    hf_json_writer_t *json;
    const evse_message_t *stop;
    uint8_t storage[EVSE_SIGNED_OBJECT_BYTES];
    bool begun, ended; // Transaction.Begin, Transaction.End are written
    bool first;
} stop_data_t;

static void put_value(stop_data_t *data, const evse_message_t *message, unsigned most,
                      const evse_signed_value_t *value)
{
    if (!data->first) {
        hf_builder_char(data->json->out, ',');
    }
    data->first = false;
    evse_meter_put_value(data->ocpp, data->json, message, most, value);
}

static evse_signed_value_t signed_value(stop_data_t *data, bool end)
{
    return evse_meter_signed(data->ocpp, data->stop->transaction, end, data->storage);
}

// The edge that no reading was kept for: its signed value alone; the end of a transaction that a power cut ended has its
// register as well.
static void put_missing_edge(stop_data_t *data, bool end, bool with_register)
{
    evse_signed_value_t value = signed_value(data, end);
    if (value.length == 0u && !with_register) {
        return;
    }
    evse_message_t edge = {.register_Wh = data->stop->register_Wh,
                           .at = with_register ? data->stop->at : value.at,
                           .context = end ? EVSE_CONTEXT_END : EVSE_CONTEXT_BEGIN,
                           .samples = with_register ? 1u : 0u,
                           .sample = {{.measurand = EVSE_MEASURAND_ENERGY}}};
    put_value(data, &edge, EVSE_SAMPLES_MAX, &value);
}

static void put_kept(stop_data_t *data, const layout_t *layout, const evse_message_t *kept,
                     unsigned index)
{
    bool begins = kept->context == EVSE_CONTEXT_BEGIN;
    bool ends = kept->context == EVSE_CONTEXT_END;
    if (begins || ends) {
        evse_signed_value_t value = signed_value(data, ends);
        put_value(data, kept, layout->most, &value);
        data->begun = data->begun || begins;
        data->ended = data->ended || ends;
    } else if (layout->step != 0u && index % layout->step == 0u) {
        put_value(data, kept, layout->most, NULL);
    }
}

// True when it fits; how many values there were is left in `count`.
static bool put_layout(stop_data_t *data, const layout_t *layout, unsigned *count)
{
    evse_store_t *store = data->ocpp->config.store;
    evse_message_t kept;
    uint32_t cursor = 0u;
    data->begun = data->ended = false;
    data->first = true;
    *count = 0u;
    int status = evse_store_txdata_next(store, data->stop->transaction, &cursor, &kept);
    if (status == 0 || kept.context != EVSE_CONTEXT_BEGIN) {
        put_missing_edge(data, false, false);
    }
    for (; status != 0 && !data->json->out->overflow;
         status = evse_store_txdata_next(store, data->stop->transaction, &cursor, &kept)) {
        if (status > 0) { // what the flash does not give back is left out, this time and every time
            put_kept(data, layout, &kept, *count);
            (*count)++;
        }
    }
    if (!data->ended) {
        put_missing_edge(data, true, *count > 0u);
    }
    return !data->json->out->overflow;
}

// Back to where it began, then the next way.
static bool try_layout(stop_data_t *data, const layout_t *layout, unsigned *count)
{
    hf_builder_t *out = data->json->out;
    hf_builder_t begin = *out;
    size_t most = CONFIG_EVSE_OCPP_SEND_BYTES;
    out->capacity = out->capacity < most ? out->capacity : most;
    out->capacity -= out->capacity > CLOSE_ROOM ? CLOSE_ROOM : out->capacity;
    bool fits = put_layout(data, layout, count);
    out->capacity = begin.capacity;
    if (!fits) {
        *out = begin;
    }
    return fits;
}

void evse_meter_put_stop_data(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *stop)
{
    stop_data_t data = {.ocpp = ocpp, .json = json, .stop = stop};
    hf_builder_t before = *json->out;
    bool comma = json->needs_comma;
    unsigned count = 0u;
    if (before.overflow) {
        return;
    }
    hf_json_key(json, "transactionData");
    hf_builder_char(json->out, '[');
    layout_t layout = {.step = 1u, .most = EVSE_SAMPLES_MAX};
    bool fits = try_layout(&data, &layout, &count);
    for (unsigned i = 1u; !fits && i < THINNINGS; i++) {
        layout.step <<= 1;
        fits = try_layout(&data, &layout, &count);
    }
    for (layout.step = 0u; !fits && layout.most > 0u; layout.most--) {
        fits = try_layout(&data, &layout, &count);
    }
    if (!fits || data.first) { // nothing to tell
        *json->out = before;
        json->out->text[before.length] = '\0';
        json->needs_comma = comma;
        return;
    }
    hf_builder_char(json->out, ']');
    json->needs_comma = true;
}
