// SPDX-License-Identifier: MIT
// A transaction's begin, pauses and end, as readings tell of them.
#include "evse_ocpp_meter.h"

static void begin(evse_ocpp_t *ocpp, unsigned connector, uint32_t transaction)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    own->transaction = transaction;
    own->interrupted = false;
    own->interrupted_us = 0u;
    own->sampled_Wh = (uint32_t)evse_register_Wh(ocpp, connector);
    evse_meter_keep_for_stop(ocpp, connector, &ocpp->keys.stop_sampled, EVSE_CONTEXT_BEGIN);
    evse_meter_sign_begin(ocpp, connector, transaction);
}

// A vehicle that pauses every few seconds would fill the queue: an interruption is told at most once per sample interval,
// and its end only when its begin was.
static void watch_interruption(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    bool charging = view->state == EVSE_STATE_Charging;
    if (charging != own->interrupted) {
        return; // nothing has changed
    }
    uint64_t interval_us = evse_seconds_us(EVSE_NUMBER(ocpp, MeterValueSampleInterval));
    bool suspended =
        view->state == EVSE_STATE_SuspendedEV || view->state == EVSE_STATE_SuspendedEVSE;
    if (charging) {
        own->interrupted = false;
        evse_meter_queue(ocpp, connector, &ocpp->keys.sampled, EVSE_CONTEXT_INTERRUPTION_END);
    } else if (suspended && interval_us != 0u && view->session_id == ocpp->session[connector].id &&
               (own->interrupted_us == 0u || ocpp->now_us - own->interrupted_us >= interval_us)) {
        own->interrupted = true;
        own->interrupted_us = ocpp->now_us;
        evse_meter_queue(ocpp, connector, &ocpp->keys.sampled, EVSE_CONTEXT_INTERRUPTION_BEGIN);
    }
}

void evse_meter_watch(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    if (open != NULL && open->number != own->transaction && evse_view(ocpp, connector) != NULL) {
        begin(ocpp, connector, open->number);
    }
    if (open != NULL && ocpp->session[connector].state == EVSE_SESSION_RUNNING) {
        watch_interruption(ocpp, connector);
    }
    if (own->signing == EVSE_SIGNING_BEGIN || own->signing == EVSE_SIGNING_END) {
        evse_meter_sign_step(ocpp, connector);
    }
}

void evse_meter_end(evse_ocpp_t *ocpp, unsigned connector, uint64_t register_mJ)
{
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    if (open == NULL) {
        return;
    }
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    if (own->transaction != open->number && evse_view(ocpp, connector) != NULL) {
        begin(ocpp, connector, open->number); // it ended in the round it began
    }
    evse_message_t message;
    const evse_quantities_t *list = &ocpp->keys.stop_sampled;
    if (list->count != 0u && evse_meter_take(ocpp, connector, list, EVSE_CONTEXT_END, &message)) {
        message.register_Wh = register_mJ / EVSE_mJ_PER_Wh; // as the bill has it
        ocpp->samples_dropped +=
            evse_store_txdata(ocpp->config.store, connector, &message) == HF_OK ? 0u : 1u;
    }
    evse_meter_sign_end(ocpp, connector);
}
