// SPDX-License-Identifier: MIT
// MeterValues: which readings, when, and how they are written. Readings of a transaction go through the store's queue, in
// order with its Start and Stop; those outside of one are sent when the link allows and are no loss otherwise.
#include "evse_ocpp_private.h"

typedef struct measurand_info {
    const char *ocpp;
    const char *unit;
    uint8_t decimals;
} measurand_info_t;

static const measurand_info_t measurands[EVSE_MEASURAND_COUNT] = {
#define MEASURAND_INFO(name, ocpp, unit, decimals) {ocpp, unit, decimals},
    EVSE_MEASURAND_TABLE(MEASURAND_INFO)
#undef MEASURAND_INFO
};
_Static_assert(EVSE_MEASURAND_COUNT <= EVSE_SAMPLES_MAX, "one sample of each must fit a message");
// The longest payload: every measurand at about 120 bytes, and its head.
_Static_assert(CONFIG_EVSE_OCPP_SEND_BYTES >= EVSE_MEASURAND_COUNT * 120 + 240,
               "CONFIG_EVSE_OCPP_SEND_BYTES");

const char *evse_measurand_text(unsigned measurand)
{
    return measurand < EVSE_MEASURAND_COUNT ? measurands[measurand].ocpp : "";
}

uint64_t evse_register_Wh(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t register_mJ =
        view != NULL ? view->register_mJ : ocpp->config.store->register_mJ[connector];
    return register_mJ / EVSE_mJ_PER_Wh;
}

// ---- taking readings ----------------------------------------------------------------------------

// False when the measurand has no value now: then it is left out, not written as 0.
static bool measure(const evse_connector_view_t *view, unsigned measurand, int32_t *value)
{
    bool fresh = view->meter_fresh != 0u;
    switch ((evse_measurand_t)measurand) {
    case EVSE_MEASURAND_ENERGY:
        *value = 0; // written from the message's register, which has the range
        return true;
    case EVSE_MEASURAND_POWER:
        *value = (int32_t)((int64_t)view->mV * view->mA / 1000000);
        return fresh;
    case EVSE_MEASURAND_VOLTAGE:
        *value = view->mV;
        return fresh;
    case EVSE_MEASURAND_CURRENT:
        *value = view->mA;
        return fresh;
    case EVSE_MEASURAND_OFFERED:
        *value = view->offered_mA;
        return true;
    case EVSE_MEASURAND_SOC:
        *value = view->soc_permille;
        return view->soc_permille >= 0;
    case EVSE_MEASURAND_TEMPERATURE:
        *value = view->temperature_dC;
        return view->temperature_dC != INT32_MIN;
    case EVSE_MEASURAND_COUNT:
    default:
        return false;
    }
}

// False when nothing that is asked for can be read.
static bool take_readings(const evse_ocpp_t *ocpp, unsigned connector, evse_context_t context,
                          uint64_t now_us, evse_message_t *message)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    bool aligned = context == EVSE_CONTEXT_CLOCK;
    unsigned count = aligned ? ocpp->keys.aligned.count : ocpp->keys.sampled.count;
    const uint8_t *items = aligned ? ocpp->keys.aligned.item : ocpp->keys.sampled.item;
    *message = (evse_message_t){.kind = EVSE_MESSAGE_METER,
                                .at = evse_moment(ocpp, now_us),
                                .register_Wh = evse_register_Wh(ocpp, connector),
                                .context = (uint8_t)context};
    for (unsigned i = 0u; view != NULL && i < count; i++) {
        evse_sample_t *sample = &message->sample[message->samples];
        sample->measurand = items[i];
        if (measure(view, items[i], &sample->value)) {
            message->samples++;
        }
    }
    return message->samples > 0u;
}

static void log_readings(const evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    char text[80];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_text(&out, "meter ");
    hf_builder_u64(&out, evse_register_Wh(ocpp, connector) - ocpp->session[connector].start_Wh);
    hf_builder_text(&out, " Wh");
    if (view->meter_fresh != 0u) {
        hf_builder_text(&out, " ");
        hf_builder_i64(&out, (int64_t)view->mV * view->mA / 1000000);
        hf_builder_text(&out, " W ");
        hf_builder_fixed(&out, view->mV / 100, 1u);
        hf_builder_text(&out, " V ");
        hf_builder_fixed(&out, view->mA / 100, 1u);
        hf_builder_text(&out, " A");
    }
    if (view->soc_permille >= 0) {
        hf_builder_text(&out, " soc ");
        hf_builder_fixed(&out, view->soc_permille, 1u);
        hf_builder_text(&out, " %");
    }
    HF_LOGI(ocpp->config.log, now_us, METER, "session %u: %s",
            (unsigned)ocpp->session[connector].id, text);
}

static void queue_readings(evse_ocpp_t *ocpp, unsigned connector, evse_context_t context,
                           uint64_t now_us)
{
    evse_message_t message;
    if (!take_readings(ocpp, connector, context, now_us, &message)) {
        return;
    }
    bool keep = evse_transaction_is_stuck(ocpp, now_us);
    if (evse_store_meter(ocpp->config.store, connector, &message, keep) != HF_OK) {
        ocpp->samples_dropped++;
        return;
    }
    log_readings(ocpp, connector, now_us);
}

// ---- when ---------------------------------------------------------------------------------------

// The next whole interval of the UTC day after `utc_ms`; the day's beginning is one as well (errata).
static uint64_t next_aligned_ms(uint64_t utc_ms, uint64_t interval_ms)
{
    const uint64_t day_ms = 86400000u;
    uint64_t midnight_ms = utc_ms - utc_ms % day_ms;
    uint64_t next_ms = midnight_ms + ((utc_ms - midnight_ms) / interval_ms + 1u) * interval_ms;
    return next_ms < midnight_ms + day_ms ? next_ms : midnight_ms + day_ms;
}

void evse_meter_arm(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    session->next_sample_us = now_us + evse_seconds_us(EVSE_NUMBER(ocpp, MeterValueSampleInterval));
    session->next_clock_sample_ms = 0u;
}

static void step_sampled(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    uint64_t interval_us = evse_seconds_us(EVSE_NUMBER(ocpp, MeterValueSampleInterval));
    bool running = session->state == EVSE_SESSION_RUNNING;
    if (!running || interval_us == 0u || !evse_is_due(now_us, session->next_sample_us)) {
        return;
    }
    queue_readings(ocpp, connector, EVSE_CONTEXT_PERIODIC, now_us);
    session->next_sample_us += interval_us;
    if (session->next_sample_us <= now_us) { // the loop stood still: no burst to make up for it
        session->next_sample_us = now_us + interval_us;
    }
}

static void step_aligned(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    uint64_t interval_ms =
        evse_seconds_us(EVSE_NUMBER(ocpp, ClockAlignedDataInterval)) / HF_US_PER_MS;
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, now_us);
    if (interval_ms == 0u || utc_ms == 0u) {
        return;
    }
    bool due = session->next_clock_sample_ms != 0u && utc_ms >= session->next_clock_sample_ms;
    if (due && session->state == EVSE_SESSION_RUNNING) {
        queue_readings(ocpp, connector, EVSE_CONTEXT_CLOCK, now_us);
    } else if (due && !evse_session_is_billing(ocpp, connector) && evse_ocpp_is_online(ocpp)) {
        ocpp->readings.due |= 1u << connector;
    }
    // Also when the clock has been set back by more than an interval.
    if (due || session->next_clock_sample_ms == 0u ||
        session->next_clock_sample_ms > utc_ms + interval_ms) {
        session->next_clock_sample_ms = next_aligned_ms(utc_ms, interval_ms);
    }
}

void evse_meter_step(evse_ocpp_t *ocpp, uint64_t now_us)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        step_sampled(ocpp, i, now_us);
        step_aligned(ocpp, i, now_us);
    }
}

void evse_meter_trigger(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    if (evse_session_is_billing(ocpp, connector)) {
        queue_readings(ocpp, connector, EVSE_CONTEXT_TRIGGER, now_us);
        return;
    }
    ocpp->readings.due |= 1u << connector;
    ocpp->readings.is_trigger |= 1u << connector;
}

// ---- writing ------------------------------------------------------------------------------------

static void put_sample(hf_json_writer_t *json, const evse_message_t *message, unsigned index)
{
    static const char *const contexts[] = {"Sample.Periodic", "Sample.Clock", "Trigger",
                                           "Transaction.Begin", "Transaction.End"};
    const evse_sample_t *sample = &message->sample[index];
    if (sample->measurand >= EVSE_MEASURAND_COUNT || message->context >= HF_COUNT_OF(contexts)) {
        return; // a record of a later version
    }
    const measurand_info_t *info = &measurands[sample->measurand];
    char value[24];
    hf_builder_t out;
    hf_builder_init(&out, value, sizeof value);
    if (sample->measurand == EVSE_MEASURAND_ENERGY) {
        hf_builder_u64(&out, message->register_Wh);
    } else {
        hf_builder_fixed(&out, sample->value, info->decimals);
    }
    hf_json_begin_object(json);
    hf_json_string_field(json, "value", value);
    hf_json_string_field(json, "context", contexts[message->context]);
    hf_json_string_field(json, "measurand", info->ocpp);
    hf_json_string_field(json, "unit", info->unit);
    hf_json_end_object(json);
}

void evse_meter_payload(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                        unsigned connector, const evse_transaction_t *transaction)
{
    hf_json_i64_field(json, "connectorId", connector + 1u);
    if (transaction != NULL) {
        hf_json_i64_field(json, "transactionId", transaction->transaction_id);
    }
    hf_json_key(json, "meterValue");
    hf_json_begin_array(json);
    hf_json_begin_object(json);
    evse_put_time(json, "timestamp", evse_store_utc_ms(ocpp->config.store, message->at));
    hf_json_key(json, "sampledValue");
    hf_json_begin_array(json);
    for (unsigned i = 0u; i < message->samples; i++) {
        put_sample(json, message, i);
    }
    hf_json_end_array(json);
    hf_json_end_object(json);
    hf_json_end_array(json);
}

bool evse_readings_send(evse_ocpp_t *ocpp, uint64_t now_us)
{
    if (ocpp->readings.due == 0u) {
        return false;
    }
    unsigned connector = 0u;
    while ((ocpp->readings.due & 1u << connector) == 0u) {
        connector++;
    }
    uint32_t bit = 1u << connector;
    bool trigger = (ocpp->readings.is_trigger & bit) != 0u;
    ocpp->readings.due &= ~bit;
    ocpp->readings.is_trigger &= ~bit;
    evse_message_t message;
    evse_context_t context = trigger ? EVSE_CONTEXT_TRIGGER : EVSE_CONTEXT_CLOCK;
    if (!take_readings(ocpp, connector, context, now_us, &message)) {
        return false;
    }
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "MeterValues", NULL);
    evse_meter_payload(ocpp, json, &message, connector, NULL);
    return evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_READINGS, connector, 0u)) == HF_OK;
}
