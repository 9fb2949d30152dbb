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

static const char *const contexts[EVSE_CONTEXT_COUNT] = {
#define CONTEXT_TEXT(name, ocpp) ocpp,
    EVSE_CONTEXT_TABLE(CONTEXT_TEXT)
#undef CONTEXT_TEXT
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

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static char *put_piece(char *at, const piece_t *piece)
{
    return put(at, piece->text, piece->length);
}

// What stands between the value and the measurand, the same in every sample of a message.
typedef struct middle {
    char text[64];
    size_t length;
} middle_t;

static void make_middle(middle_t *middle, unsigned context)
{
    static const piece_t before = PIECE("\",\"context\":\"");
    static const piece_t after = PIECE("\",\"measurand\":\"");
    char *at = put_piece(middle->text, &before);
    at = put(at, contexts[context], strlen(contexts[context]));
    at = put_piece(at, &after);
    middle->length = (size_t)(at - middle->text);
}

// Of a value of 32 bits the digits, with a point before the last `decimals` of them.
static char *put_fixed(char *at, int32_t value, unsigned decimals)
{
    char digits[12];
    unsigned begin = sizeof digits;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    if (decimals != 0u) {
        for (unsigned i = 0u; i < decimals; i++) {
            digits[--begin] = (char)('0' + rest % 10u);
            rest /= 10u;
        }
        digits[--begin] = '.';
    }
    do {
        digits[--begin] = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest != 0u);
    if (value < 0) {
        *at++ = '-';
    }
    memcpy(at, &digits[begin], sizeof digits - begin);
    return at + (sizeof digits - begin);
}

static char *put_Wh(char *at, uint64_t Wh)
{
    hf_builder_t out;
    if (Wh <= INT32_MAX) {
        return put_fixed(at, (int32_t)Wh, 0u);
    }
    hf_builder_init(&out, at, 21u); // the longest number and the NUL
    hf_builder_u64(&out, Wh);
    return at + out.length;
}

static char *put_phase(char *at, unsigned phase)
{
    static const piece_t name = PIECE(",\"phase\":\"");
    const char *text = evse_phase_text(phase);
    at = put_piece(at, &name);
    at = put(at, text, strlen(text));
    *at++ = '"';
    return at;
}

// Its text, which takes SAMPLE_TEXT_MAX at most; returns where it ends.
static char *write_sample(char *at, const evse_message_t *message, const middle_t *middle,
                          const evse_sample_t *sample)
{
    static const piece_t open = PIECE("{\"value\":\"");
    unsigned phase = evse_quantity_phase(sample->phase);
    unsigned location = evse_quantity_location(sample->phase);
    hf_slice_t measurand = evse_measurand_json(sample->measurand);
    at = put_piece(at, &open);
    at = sample->measurand == EVSE_MEASURAND_ENERGY
             ? put_Wh(at, message->register_Wh)
             : put_fixed(at, sample->value, evse_measurand_decimals(sample->measurand));
    memcpy(at, middle->text, sizeof middle->text); // all of it is quicker than the right length
    at = put(at + middle->length, measurand.text, measurand.length);
    if (location != EVSE_LOCATION_Outlet && location < EVSE_LOCATION_COUNT) {
        at = put_piece(at, &locations[location]);
    }
    if (phase != EVSE_PHASE_NONE && phase < EVSE_PHASE_COUNT) {
        at = put_phase(at, phase);
    }
    *at++ = '}';
    return at;
}

// Written at once where the longest fits; the comma before it is written with it.
static void put_sample(hf_builder_t *out, const evse_message_t *message, const middle_t *middle,
                       const evse_sample_t *sample, bool first)
{
    if (out->overflow || out->capacity - out->length <= SAMPLE_TEXT_MAX + 1u) {
        out->overflow = true;
        return;
    }
    char *at = out->text + out->length;
    if (!first) {
        *at++ = ',';
    }
    at = write_sample(at, message, middle, sample);
    *at = '\0';
    out->length = (size_t)(at - out->text);
}

static void put_signed(hf_json_writer_t *json, const middle_t *middle,
                       const evse_signed_value_t *value)
{
    hf_builder_slice(json->out, HF_SLICE("{\"value\":"));
    json->needs_comma = false;
    hf_json_put_slice(json, (hf_slice_t){value->text, value->length});
    // Without the quote that ends a value.
    hf_builder_slice(json->out, (hf_slice_t){middle->text + 1, middle->length - 1u});
    hf_builder_slice(json->out,
                     HF_SLICE("Energy.Active.Import.Register\",\"format\":\"SignedData\"}"));
}

void evse_meter_put_value(const evse_ocpp_t *ocpp, hf_json_writer_t *json,
                          const evse_message_t *message, unsigned most,
                          const evse_signed_value_t *signed_value)
{
    hf_builder_t *out = json->out;
    char time[HF_ISO8601_BYTES];
    hf_iso8601_format(evse_store_utc_ms(ocpp->config.store, message->at), time);
    hf_builder_slice(out, HF_SLICE("{\"timestamp\":\""));
    hf_builder_text(out, time);
    hf_builder_slice(out, HF_SLICE("\",\"sampledValue\":["));
    bool first = true;
    middle_t middle;
    bool known = message->context < EVSE_CONTEXT_COUNT; // else of a later version
    make_middle(&middle, known ? message->context : EVSE_CONTEXT_OTHER);
    for (unsigned i = 0u; known && i < message->samples && i < most; i++) {
        if (message->sample[i].measurand < EVSE_MEASURAND_COUNT) { // the same
            put_sample(out, message, &middle, &message->sample[i], first);
            first = false;
        }
    }
    if (signed_value != NULL && signed_value->length != 0u) {
        if (!first) {
            hf_builder_char(out, ',');
        }
        put_signed(json, &middle, signed_value);
    }
    hf_builder_slice(out, HF_SLICE("]}"));
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
