// SPDX-License-Identifier: MIT
// What the files of DataTransfer share, and what the comms core calls of them. With no message switched on each round costs
// one comparison, and so does each look for a CALL to send.
#ifndef EVSE_OCPP_VENDOR_H
#define EVSE_OCPP_VENDOR_H

#include "evse_ocpp_private.h"

#if CONFIG_EVSE_OCPP_VENDOR

// ---- for the comms core -------------------------------------------------------------------------

/// Takes up what the store kept over a reboot, and the keys.
void evse_vendor_init(evse_ocpp_t *ocpp);
/// VendorMessages, TelemetryInterval or VendorId has changed.
void evse_vendor_apply_keys(evse_ocpp_t *ocpp);
/// A list of kinds, as VendorMessages has it: bits, -1 when a name is unknown or doubled.
int evse_vendor_parse_kinds(hf_slice_t list);
/// A vendor's name, as VendorId has it.
bool evse_vendor_is_id(hf_slice_t id);
void evse_vendor_work(evse_ocpp_t *ocpp);
static inline void evse_vendor_step(evse_ocpp_t *ocpp)
{
    if (evse_is_due(ocpp->now_us, ocpp->vendor.due_us)) {
        evse_vendor_work(ocpp);
    }
}
bool evse_vendor_send_some(evse_ocpp_t *ocpp);
static inline bool evse_vendor_send(evse_ocpp_t *ocpp)
{
    return (ocpp->vendor.count | ocpp->vendor.telemetry_due) != 0u && evse_vendor_send_some(ocpp);
}
void evse_vendor_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                        hf_json_t payload);
void evse_vendor_note_event(evse_ocpp_t *ocpp, const evse_event_t *event);
static inline void evse_vendor_on_event(evse_ocpp_t *ocpp, const evse_event_t *event)
{
    if (ocpp->vendor.enabled != 0u) {
        evse_vendor_note_event(ocpp, event);
    }
}
void evse_vendor_note_end(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                          uint64_t register_mJ);
/// A session ends; its transaction is still the store's open one.
static inline void evse_vendor_on_session_end(evse_ocpp_t *ocpp, unsigned connector,
                                              evse_stop_reason_t reason, uint64_t register_mJ)
{
    if (ocpp->vendor.enabled != 0u) {
        evse_vendor_note_end(ocpp, connector, reason, register_mJ);
    }
}

// ---- between the files --------------------------------------------------------------------------

enum { // codes of an item, beside evse_fault_t for SystemAlert
    EVSE_ALERT_COMPLETE = 0x80,
    EVSE_ALERT_SWITCHED_OFF,
    EVSE_ALERT_BMS_DISABLED, // BMSAlert
    EVSE_ALERT_BMS_ENABLED,
};

/// Puts an item into the queue, dropping by rule. The item of the same alert that waits already is enough.
void evse_vendor_put(evse_ocpp_t *ocpp, const evse_vendor_item_t *item);
void evse_vendor_remove(evse_ocpp_t *ocpp, unsigned index);
/// Makes what must not be lost durable while nobody takes it.
void evse_vendor_keep(evse_ocpp_t *ocpp);
void evse_vendor_resume(evse_ocpp_t *ocpp);
bool evse_vendor_is_critical(const evse_vendor_item_t *item);

/// The message's `data`: a JSON object as a text.
void evse_vendor_write_item(const evse_ocpp_t *ocpp, const evse_vendor_item_t *item,
                            hf_builder_t *out);
void evse_vendor_write_telemetry(const evse_ocpp_t *ocpp, unsigned connector, hf_builder_t *out);
void evse_vendor_write_status(const evse_ocpp_t *ocpp, unsigned connector, hf_builder_t *out);
/// What VehicleInfo tells now; false where no vehicle has told enough.
bool evse_vendor_vehicle(const evse_ocpp_t *ocpp, unsigned connector, evse_vendor_item_t *item);

#else

static inline void evse_vendor_init(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline void evse_vendor_step(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline bool evse_vendor_send(evse_ocpp_t *ocpp)
{
    (void)ocpp;
    return false;
}
static inline void evse_vendor_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                                      hf_json_t payload)
{
    (void)ocpp;
    (void)token;
    (void)outcome;
    (void)payload;
}
static inline void evse_vendor_on_event(evse_ocpp_t *ocpp, const evse_event_t *event)
{
    (void)ocpp;
    (void)event;
}
static inline void evse_vendor_on_session_end(evse_ocpp_t *ocpp, unsigned connector,
                                              evse_stop_reason_t reason, uint64_t register_mJ)
{
    (void)ocpp;
    (void)connector;
    (void)reason;
    (void)register_mJ;
}

#endif
#endif
