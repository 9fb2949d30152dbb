// SPDX-License-Identifier: MIT
// Writing readings: ready pieces of text, put one after the other. Invariant: the same message is written the same, byte for
// byte, every time.
#include "evse_ocpp_meter.h"

typedef struct piece {
    const char *text;
    uint8_t length;
} piece_t;

#define PIECE(literal)                                                                             \
    {                                                                                              \
        .text = (literal), .length = sizeof(literal) - 1u                                          \
    }

// A unit of "" is none: the piece ends before it.
static const piece_t measurands[EVSE_MEASURAND_COUNT] = {
#define MEASURAND_PIECE(name, ocpp, unit, decimals, least, most, location)                         \
    {ocpp "\",\"unit\":\"" unit "\"",                                                              \
     sizeof(unit) > 1u ? sizeof(ocpp "\",\"unit\":\"" unit "\"") - 1u : sizeof(ocpp "\"") - 1u},
    EVSE_MEASURAND_TABLE(MEASURAND_PIECE)
#undef MEASURAND_PIECE
};

static const piece_t contexts[EVSE_CONTEXT_COUNT] = {
#define CONTEXT_PIECE(name, ocpp) PIECE("\",\"context\":\"" ocpp "\",\"measurand\":\""),
    EVSE_CONTEXT_TABLE(CONTEXT_PIECE)
#undef CONTEXT_PIECE
};

static const piece_t phases[EVSE_PHASE_COUNT] = {
#define PHASE_PIECE(name, ocpp) PIECE(",\"phase\":\"" ocpp "\""),
    EVSE_PHASE_TABLE(PHASE_PIECE)
#undef PHASE_PIECE
};

static const piece_t locations[EVSE_LOCATION_COUNT] = {
    [EVSE_LOCATION_Outlet] = PIECE(""),
    [EVSE_LOCATION_Inlet] = PIECE(",\"location\":\"Inlet\""),
    [EVSE_LOCATION_Body] = PIECE(",\"location\":\"Body\""),
    [EVSE_LOCATION_EV] = PIECE(",\"location\":\"EV\""),
};

// Most that one sample takes: the longest of each piece.
#define SAMPLE_TEXT_MAX 190u
_Static_assert(CONFIG_EVSE_OCPP_SEND_BYTES >= EVSE_SAMPLES_MAX * SAMPLE_TEXT_MAX + 256u,
               "a MeterValues with every sample fits");

static void put(hf_builder_t *out, const piece_t *piece)
{
    hf_builder_slice(out, (hf_slice_t){piece->text, piece->length});
}

// Nothing when it is of a later version's table.
static void put_sample(hf_builder_t *out, const evse_message_t *message,
                       const evse_sample_t *sample)
{
    static const piece_t open = PIECE("{\"value\":\"");
    unsigned phase = evse_quantity_phase(sample->phase);
    unsigned location = evse_quantity_location(sample->phase);
    put(out, &open);
    if (sample->measurand == EVSE_MEASURAND_ENERGY) {
        hf_builder_u64(out, message->register_Wh);
    } else {
        hf_builder_fixed(out, sample->value, evse_measurand_decimals(sample->measurand));
    }
    put(out, &contexts[message->context]);
    put(out, &measurands[sample->measurand]);
    if (location != EVSE_LOCATION_Outlet && location < EVSE_LOCATION_COUNT) {
        put(out, &locations[location]);
    }
    if (phase != EVSE_PHASE_NONE && phase < EVSE_PHASE_COUNT) {
        put(out, &phases[phase]);
    }
    hf_builder_char(out, '}');
}

static void put_signed(hf_json_writer_t *json, unsigned context, const evse_signed_value_t *value)
{
    static const piece_t tail = PIECE("Energy.Active.Import.Register\",\"format\":\"SignedData\"}");
    hf_builder_text(json->out, "{\"value\":");
    json->needs_comma = false;
    hf_json_put_slice(json, (hf_slice_t){value->text, value->length});
    const piece_t rest = {contexts[context].text + 1, (uint8_t)(contexts[context].length - 1u)};
    put(json->out, &rest); // without the quote that ends a value
    put(json->out, &tail);
}

void evse_meter_put_value(const evse_ocpp_t *ocpp, hf_json_writer_t *json,
                          const evse_message_t *message, unsigned most,
                          const evse_signed_value_t *signed_value)
{
    hf_builder_t *out = json->out;
    char time[HF_ISO8601_BYTES];
    hf_iso8601_format(evse_store_utc_ms(ocpp->config.store, message->at), time);
    hf_builder_text(out, "{\"timestamp\":\"");
    hf_builder_text(out, time);
    hf_builder_text(out, "\",\"sampledValue\":[");
    bool first = true;
    for (unsigned i = 0u; message->context < EVSE_CONTEXT_COUNT && i < message->samples && i < most;
         i++) {
        if (message->sample[i].measurand < EVSE_MEASURAND_COUNT) { // else of a later version
            if (!first) {
                hf_builder_char(out, ',');
            }
            put_sample(out, message, &message->sample[i]);
            first = false;
        }
    }
    if (signed_value != NULL && signed_value->length != 0u) {
        if (!first) {
            hf_builder_char(out, ',');
        }
        put_signed(json, message->context, signed_value);
    }
    hf_builder_text(out, "]}");
}

static void put_payload(const evse_ocpp_t *ocpp, hf_json_writer_t *json,
                        const evse_message_t *message, const evse_signed_value_t *signed_value)
{
    hf_json_key(json, "meterValue");
    hf_builder_char(json->out, '[');
    evse_meter_put_value(ocpp, json, message, EVSE_SAMPLES_MAX, signed_value);
    hf_builder_char(json->out, ']');
    json->needs_comma = true;
}

void evse_meter_payload(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                        unsigned connector, const evse_transaction_t *transaction)
{
    hf_json_i64_field(json, "connectorId", connector + 1u);
    if (transaction == NULL) {
        put_payload(ocpp, json, message, NULL);
        return;
    }
    hf_json_i64_field(json, "transactionId", transaction->transaction_id);
    if (message->context != EVSE_CONTEXT_BEGIN) {
        put_payload(ocpp, json, message, NULL);
        return;
    }
    uint8_t storage[EVSE_SIGNED_OBJECT_BYTES];
    evse_signed_value_t value = evse_meter_signed(ocpp, transaction->number, false, storage);
    put_payload(ocpp, json, message, &value);
}

void evse_meter_payload_station(evse_ocpp_t *ocpp, hf_json_writer_t *json,
                                const evse_message_t *message)
{
    hf_json_i64_field(json, "connectorId", 0);
    put_payload(ocpp, json, message, NULL);
}
