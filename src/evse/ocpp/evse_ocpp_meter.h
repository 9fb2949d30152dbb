// SPDX-License-Identifier: MIT
// What the sources of metering share: evse_ocpp_meter*.c.
#ifndef EVSE_OCPP_METER_H
#define EVSE_OCPP_METER_H

#include "evse_ocpp_private.h"

// ---- taking: evse_ocpp_meter_take.c -------------------------------------------------------------

/// The readings of a list that have a value now; false when there is none. `message` is filled but for its place in a queue.
bool evse_meter_take(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                     evse_context_t context, evse_message_t *message);
/// Of the whole station: the sums of energy and power.
bool evse_meter_take_station(evse_ocpp_t *ocpp, const evse_quantities_t *list,
                             evse_context_t context, evse_message_t *message);

// ---- when: evse_ocpp_meter.c, evse_ocpp_meter_watch.c -------------------------------------------

/// Takes readings of a list into the queue of the transaction that is open.
void evse_meter_queue(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                      evse_context_t context);
/// Takes what is due, and reckons when the next is.
void evse_meter_due(evse_ocpp_t *ocpp);
/// Begin, pauses and end of the transaction of a connector.
void evse_meter_watch(evse_ocpp_t *ocpp, unsigned connector);

// ---- writing: evse_ocpp_meter_write.c -----------------------------------------------------------

typedef struct evse_signed_value {
    evse_moment_t at;
    const char *text;
    size_t length; // 0: none
} evse_signed_value_t;

/// One MeterValue: the message's samples, the first `most` of them at most, and a signed one. No comma before it.
void evse_meter_put_value(const evse_ocpp_t *ocpp, hf_json_writer_t *json,
                          const evse_message_t *message, unsigned most,
                          const evse_signed_value_t *signed_value);

// ---- StopTxn data: evse_ocpp_meter_stop.c -------------------------------------------------------

/// Keeps readings for the StopTransaction of the open transaction; a list that is empty keeps nothing.
void evse_meter_keep_for_stop(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                              evse_context_t context);

// ---- signed values: evse_ocpp_meter_signed.c ----------------------------------------------------

#define EVSE_SIGNED_OBJECT_BYTES (21u + EVSE_SIGNED_BYTES)

void evse_meter_sign_begin(evse_ocpp_t *ocpp, unsigned connector, uint32_t transaction);
void evse_meter_sign_end(evse_ocpp_t *ocpp, unsigned connector);
/// Asks on for what is on its way.
void evse_meter_sign_step(evse_ocpp_t *ocpp, unsigned connector);
/// Reads a kept one into `storage`; length 0: there is none.
evse_signed_value_t evse_meter_signed(evse_ocpp_t *ocpp, uint32_t transaction, bool end,
                                      uint8_t storage[EVSE_SIGNED_OBJECT_BYTES]);
/// Drops the values of the transaction whose STOP has left the queue; until then nothing.
void evse_meter_sign_forget(evse_ocpp_t *ocpp);

#endif
