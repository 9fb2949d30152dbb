// SPDX-License-Identifier: MIT
// When readings are taken, and where they go. Those of a transaction go through the store's queue, in order with its Start
// and Stop, and for StopTxn data into the store; those outside of one are sent when the line is free and are no loss
// otherwise. Invariant: a reading belongs to the transaction that ran when it was taken (errata 3.16).
#include "evse_ocpp_meter.h"

#define DAY_MS          86400000u
#define ALIGNED_LATE_MS 2000u

static void log_readings(const evse_ocpp_t *ocpp, unsigned connector)
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
    HF_LOGI(ocpp->config.log, ocpp->now_us, METER, "session %u: %s",
            (unsigned)ocpp->session[connector].id, text);
}

void evse_meter_queue(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                      evse_context_t context)
{
    evse_message_t message;
    if (!evse_meter_take(ocpp, connector, list, context, &message)) {
        return;
    }
    bool keep = evse_transaction_is_stuck(ocpp);
    if (evse_store_meter(ocpp->config.store, connector, &message, keep) != HF_OK) {
        ocpp->samples_dropped++;
        return;
    }
    if (HF_LOG_IS_ON(ocpp->config.log)) {
        log_readings(ocpp, connector);
    }
}

// ---- when ---------------------------------------------------------------------------------------

// The next whole interval of the UTC day after `utc_ms`; the day's beginning is one as well (errata).
static uint64_t next_aligned_ms(uint64_t utc_ms, uint64_t interval_ms)
{
    uint64_t midnight_ms = utc_ms - utc_ms % DAY_MS;
    uint64_t next_ms = midnight_ms + ((utc_ms - midnight_ms) / interval_ms + 1u) * interval_ms;
    return next_ms < midnight_ms + DAY_MS ? next_ms : midnight_ms + DAY_MS;
}

void evse_meter_arm(evse_ocpp_t *ocpp, unsigned connector)
{
    ocpp->metering.connector[connector].next_sample_us =
        ocpp->now_us + evse_seconds_us(EVSE_NUMBER(ocpp, MeterValueSampleInterval));
    ocpp->metering.next_us = 0u;
}

static void step_sampled(evse_ocpp_t *ocpp, unsigned connector, uint64_t interval_us)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    if (!evse_is_due(ocpp->now_us, own->next_sample_us)) {
        return;
    }
    evse_meter_queue(ocpp, connector, &ocpp->keys.sampled, EVSE_CONTEXT_PERIODIC);
    evse_meter_keep_for_stop(ocpp, connector, &ocpp->keys.stop_sampled, EVSE_CONTEXT_PERIODIC);
    own->sampled_Wh = (uint32_t)evse_register_Wh(ocpp, connector);
    own->next_sample_us += interval_us;
    if (own->next_sample_us <= ocpp->now_us) { // the loop stood still: no burst to make up for it
        own->next_sample_us = ocpp->now_us + interval_us;
    }
}

static void align(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    if (ocpp->session[connector].state == EVSE_SESSION_RUNNING) {
        evse_meter_queue(ocpp, connector, &ocpp->keys.aligned, EVSE_CONTEXT_CLOCK);
        evse_meter_keep_for_stop(ocpp, connector, &ocpp->keys.stop_aligned, EVSE_CONTEXT_CLOCK);
        own->aligned_Wh = (uint32_t)evse_register_Wh(ocpp, connector);
        own->aligned_known = true;
    } else if (!evse_session_is_billing(ocpp, connector) && evse_ocpp_is_online(ocpp)) {
        ocpp->metering.due |= 1u << connector;
    }
}

bool evse_meter_has_station(const evse_ocpp_t *ocpp)
{
    return ocpp->config.connectors > 1u;
}

static void step_aligned(evse_ocpp_t *ocpp, uint64_t interval_ms)
{
    evse_metering_t *metering = &ocpp->metering;
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    if (utc_ms == 0u) {
        return;
    }
    bool passed = metering->next_clock_ms != 0u && utc_ms >= metering->next_clock_ms;
    // A clock that was set forward jumped over the moment: a reading of now would not be aligned.
    bool due = passed && utc_ms - metering->next_clock_ms < ALIGNED_LATE_MS;
    for (unsigned i = 0u; due && i < ocpp->config.connectors; i++) {
        align(ocpp, i);
    }
    if (due && evse_meter_has_station(ocpp) && evse_ocpp_is_online(ocpp)) {
        metering->due |= EVSE_READINGS_STATION;
    }
    // Also when the clock has been set back by more than an interval.
    if (passed || metering->next_clock_ms == 0u || metering->next_clock_ms > utc_ms + interval_ms) {
        metering->next_clock_ms = next_aligned_ms(utc_ms, interval_ms);
    }
    uint64_t left_us = (metering->next_clock_ms - utc_ms) * HF_US_PER_MS;
    metering->next_us =
        metering->next_us < ocpp->now_us + left_us ? metering->next_us : ocpp->now_us + left_us;
}

void evse_meter_due(evse_ocpp_t *ocpp)
{
    evse_metering_t *metering = &ocpp->metering;
    uint64_t interval_us = evse_seconds_us(EVSE_NUMBER(ocpp, MeterValueSampleInterval));
    uint64_t interval_ms =
        evse_seconds_us(EVSE_NUMBER(ocpp, ClockAlignedDataInterval)) / HF_US_PER_MS;
    metering->offset_ms = ocpp->utc_offset_ms;
    metering->next_us = UINT64_MAX;
    for (unsigned i = 0u; interval_us != 0u && i < ocpp->config.connectors; i++) {
        if (ocpp->session[i].state == EVSE_SESSION_RUNNING) {
            step_sampled(ocpp, i, interval_us);
            uint64_t next_us = metering->connector[i].next_sample_us;
            metering->next_us = metering->next_us < next_us ? metering->next_us : next_us;
        }
    }
    if (interval_ms != 0u) {
        step_aligned(ocpp, interval_ms);
    }
}

// True when nothing has changed about the transaction of a connector: the rule, and found out in a few comparisons.
static bool is_quiet(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    bool signing = own->signing == EVSE_SIGNING_BEGIN || own->signing == EVSE_SIGNING_END;
    if (signing || open == NULL) {
        return !signing;
    }
    bool charging = ocpp->snapshot.connector[connector].state == EVSE_STATE_Charging;
    return open->number == own->transaction && charging != own->interrupted;
}

void evse_meter_step(evse_ocpp_t *ocpp)
{
    const evse_metering_t *metering = &ocpp->metering;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if (!is_quiet(ocpp, i)) {
            evse_meter_watch(ocpp, i);
        }
    }
    if (metering->confirmed != 0u) {
        evse_meter_sign_forget(ocpp);
    }
    if (ocpp->now_us >= metering->next_us || metering->offset_ms != ocpp->utc_offset_ms) {
        evse_meter_due(ocpp);
    }
}

void evse_meter_trigger(evse_ocpp_t *ocpp, unsigned connector)
{
    if (evse_session_is_billing(ocpp, connector)) {
        evse_meter_queue(ocpp, connector, &ocpp->keys.sampled, EVSE_CONTEXT_TRIGGER);
        return;
    }
    ocpp->metering.due |= 1u << connector;
    ocpp->metering.is_trigger |= 1u << connector;
}

void evse_meter_trigger_station(evse_ocpp_t *ocpp)
{
    ocpp->metering.due |= EVSE_READINGS_STATION;
    ocpp->metering.is_trigger |= EVSE_READINGS_STATION;
}

// ---- outside of transactions --------------------------------------------------------------------

// The lowest connector that is due, or EVSE_READINGS_STATION's.
static unsigned lowest(uint32_t due)
{
    unsigned index = 0u;
    while ((due >> index & 1u) == 0u) {
        index++;
    }
    return index;
}

static bool send(evse_ocpp_t *ocpp, const evse_message_t *message, unsigned connector, bool station)
{
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "MeterValues", NULL);
    if (station) {
        evse_meter_payload_station(ocpp, json, message);
    } else {
        evse_meter_payload(ocpp, json, message, connector, NULL);
    }
    return evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_READINGS, connector, 0u)) == HF_OK;
}

bool evse_readings_send(evse_ocpp_t *ocpp)
{
    evse_metering_t *metering = &ocpp->metering;
    if (metering->due == 0u) {
        return false;
    }
    unsigned index = lowest(metering->due);
    uint32_t bit = 1u << index;
    bool trigger = (metering->is_trigger & bit) != 0u;
    bool station = bit == EVSE_READINGS_STATION;
    metering->due &= ~bit;
    metering->is_trigger &= ~bit;
    evse_context_t context = trigger ? EVSE_CONTEXT_TRIGGER : EVSE_CONTEXT_CLOCK;
    const evse_quantities_t *list = trigger ? &ocpp->keys.sampled : &ocpp->keys.aligned;
    if (!station &&
        evse_session_is_billing(ocpp, index)) { // one has begun meanwhile: it is its reading
        evse_meter_queue(ocpp, index, list, context);
        return false;
    }
    evse_message_t message;
    bool taken = station ? evse_meter_take_station(ocpp, list, context, &message)
                         : evse_meter_take(ocpp, index, list, context, &message);
    if (!station && context == EVSE_CONTEXT_CLOCK) {
        metering->connector[index].aligned_Wh = (uint32_t)evse_register_Wh(ocpp, index);
        metering->connector[index].aligned_known = true;
    }
    return taken && send(ocpp, &message, index, station);
}
