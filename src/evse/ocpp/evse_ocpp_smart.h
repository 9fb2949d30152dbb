// SPDX-License-Identifier: MIT
// Smart charging within the comms core: the three CALLs, a profile that comes with RemoteStartTransaction, and the limit
// that goes into the orders. Files evse_ocpp_smart*.c own evse_ocpp_t.smart.
#ifndef EVSE_OCPP_SMART_H
#define EVSE_OCPP_SMART_H

#include "evse_ocpp_private.h"

#if CONFIG_EVSE_OCPP_SMART_CHARGING
/// Takes over what the store has kept; TxProfiles have not outlived their transaction.
void evse_smart_init(evse_ocpp_t *ocpp);
/// Reckons the limits when something has changed or is due. Before evse_sessions_order(). Cost idle: a few comparisons.
void evse_smart_step(evse_ocpp_t *ocpp);
/// True when a limit changes by time alone: the round may not be left out.
static inline bool evse_smart_is_due(const evse_ocpp_t *ocpp)
{
    return ocpp->now_us >= ocpp->smart.next_us;
}
/// Has the next step reckon: profiles or keys have changed.
void evse_smart_wake(evse_ocpp_t *ocpp);
/// For the order: the current; INT32_MAX none.
int32_t evse_smart_limit_mA(const evse_ocpp_t *ocpp, unsigned connector);
/// For the order: the power; 0 none (nothing at all is a current of 0).
uint32_t evse_smart_limit_W(const evse_ocpp_t *ocpp, unsigned connector);

evse_rpc_error_t evse_smart_on_set(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
evse_rpc_error_t evse_smart_on_clear(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
evse_rpc_error_t evse_smart_on_composite(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply);

/// The chargingProfile of a RemoteStartTransaction for `connector` (from 0): the CALLERROR, or whether it is acceptable
/// (errata 3.41: a TxProfile without a transactionId).
evse_rpc_error_t evse_smart_remote_check(evse_ocpp_t *ocpp, hf_json_t profile, unsigned connector,
                                         bool *good);
/// Keeps it for the session just opened; one that cannot be kept gives the session up.
void evse_smart_remote_take(evse_ocpp_t *ocpp, hf_json_t profile, unsigned connector);

// ---- between evse_ocpp_smart*.c -----------------------------------------------------------------

/// A profile as it was sent.
typedef struct evse_smart_wish {
    evse_profile_t profile;
    bool names_transaction;
    int32_t transaction_id;
    bool sound; // form and purpose agree; else Rejected
} evse_smart_wish_t;
extern const char *const evse_smart_purposes[]; // from EVSE_PURPOSE_STATION on; NULL ends it
extern const char *const evse_smart_units[];    // by evse_rate_unit_t; NULL ends it
/// Reads a ChargingProfile for `connector` (0 the station).
evse_rpc_error_t evse_smart_read(evse_ocpp_t *ocpp, hf_json_t object, unsigned connector,
                                 evse_smart_wish_t *wish);
/// Removes the profile of a slot, on flash too.
HF_MUST_CHECK int evse_smart_remove(evse_ocpp_t *ocpp, unsigned slot);
/// The session of a connector (from 0) is over: so are its TxProfiles. What the flash does not take goes at the next boot.
void evse_smart_bury(evse_ocpp_t *ocpp, unsigned connector);
/// A limit that stands in a key of ours: SiteLimit, OfflineLimit.
evse_smart_limit_t evse_smart_key_limit(const evse_ocpp_t *ocpp, evse_key_t key);
/// What a connector (from 0) can do at most, and the voltage that turns one unit into the other.
evse_smart_limit_t evse_smart_rating(const evse_ocpp_t *ocpp, unsigned connector);
int32_t evse_smart_rated_mV(const evse_ocpp_t *ocpp, unsigned connector);
/// The moment now_us for profiles of a connector (from 0); `connector` past the last: of the station.
evse_smart_moment_t evse_smart_moment(const evse_ocpp_t *ocpp, unsigned connector);
#else
static inline bool evse_smart_is_due(const evse_ocpp_t *ocpp)
{
    (void)ocpp;
    return false;
}

static inline int32_t evse_smart_limit_mA(const evse_ocpp_t *ocpp, unsigned connector)
{
    (void)ocpp;
    (void)connector;
    return INT32_MAX;
}

static inline uint32_t evse_smart_limit_W(const evse_ocpp_t *ocpp, unsigned connector)
{
    (void)ocpp;
    (void)connector;
    return 0u;
}
#endif

#endif
