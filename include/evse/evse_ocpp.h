// SPDX-License-Identifier: MIT
// The charge point's side of OCPP 1.6J, and the sessions it decides: everything of the comms loop above the link and
// the store. A plain function of now_us; never blocks.
#ifndef EVSE_OCPP_H
#define EVSE_OCPP_H

#include "evse/evse_auth.h"
#include "evse/evse_metering.h"
#include "evse/evse_reader.h"
#include "evse/evse_rpc.h"
#include "evse/evse_transfer.h"
#include "evse/evse_vendor.h"
#if CONFIG_EVSE_OCPP_SMART_CHARGING
#include "evse/evse_smart.h"
#endif
#include "evse/evse_uplink.h"
#include "holdfast/hf_backoff.h"

typedef enum evse_session_state {
    EVSE_SESSION_IDLE,
    EVSE_SESSION_AUTHORIZING, // Authorize is outstanding, or queued
    EVSE_SESSION_AUTHORIZED,  // waiting for the plug (ConnectionTimeOut)
    EVSE_SESSION_STARTING,    // the start record is being made durable
    EVSE_SESSION_RUNNING,
    EVSE_SESSION_STOPPING, // control is bringing the power down
} evse_session_state_t;

typedef struct evse_session {
    evse_session_state_t state;
    evse_stop_reason_t stop_reason;
    bool authorize_sent;
    bool ask_sent;     // the Authorize for asked_id_tag
    bool deauthorized; // start not accepted and the transaction kept: MaxEnergyOnInvalidId at most
    bool cable_held;   // start not accepted and stopped: locked until id_tag or its group comes
    uint32_t id;       // grows with each
    int32_t reservation_id; // that this session uses up; EVSE_RESERVATION_NONE
    uint64_t since_us;
    uint64_t started_us;
    uint64_t start_Wh;
    uint64_t waiting_us; // idle with a vehicle plugged in since; 0 not
    char id_tag[EVSE_ID_TAG_BYTES];
    char stop_id_tag[EVSE_ID_TAG_BYTES];
    char parent_id_tag[EVSE_ID_TAG_BYTES]; // of id_tag, as far as known; empty: none
    char asked_id_tag[EVSE_ID_TAG_BYTES];  // a card of the same group? Authorize tells; empty: none
} evse_session_t;

typedef struct evse_ocpp_config {
    evse_store_t *store;
    uint32_t connectors;
    evse_mailbox_t *mailbox;
    hf_log_t *log;
    evse_transfer_t transfer;                              // ops NULL: no downloads and uploads
    const evse_meter_t *meter[CONFIG_EVSE_CONNECTORS_MAX]; // NULL: terminal frames are integrated
    // CiString20, 20, 25, 50: checked at init. Serial and firmware may be NULL.
    const char *vendor, *model, *serial, *firmware;
    hf_net_t *
        net; // polled by the comms loop; NULL: the network is not known, connecting is always tried
    evse_link_t link; // its room: CONFIG_EVSE_OCPP_SEND_BYTES less the transport's header
    struct {
        const char *profile; // of the connector's modules; NULL: commissioning is not recorded
        uint32_t units;
        int32_t rated_mA, rated_mV; // of the outlet: the least of modules and vehicle; 0 unknown
    } modules[CONFIG_EVSE_CONNECTORS_MAX];
    uint32_t seed; // backoff jitter
    uint64_t
        utc_hint_ms; // UTC of the clock at now_us = 0 if the platform trusts its clock; 0 unknown
    /// Reset was accepted and answered, the transactions are ended and durable: restart. May return.
    void (*reset)(void *ctx, bool hard);
    void *reset_ctx;
    evse_diagnostics_source_t diagnostics;
    evse_vendor_table_t vendors;  // who answers DataTransfer besides this station
    evse_tag_flash_t list, cache; // of tags; flash NULL: no local list, no authorization cache
    evse_reader_t reader;         // one for the whole station; ops NULL: none
} evse_ocpp_config_t;

typedef enum evse_registration { // of BootNotification
    EVSE_REGISTRATION_NONE,
    EVSE_REGISTRATION_PENDING,
    EVSE_REGISTRATION_REJECTED,
    EVSE_REGISTRATION_ACCEPTED,
} evse_registration_t;

#define EVSE_KEYS_ASKED  64u // a GetConfiguration may name so many
#define EVSE_NUMBERS_MAX 42u // keys that are integers, or booleans

/// Configuration keys as the loop uses them: numbers and lists of measurands, read once from the store.
typedef struct evse_keys {
    int32_t number[EVSE_NUMBERS_MAX]; // booleans as 0 and 1
    evse_quantities_t sampled, aligned, stop_sampled, stop_aligned;
} evse_keys_t;

/// Fields are private to src/evse/ocpp and src/evse/session; the counters are for reading.
// What most functions use stands first: a small target's short instructions reach no further.
typedef struct evse_ocpp {
    evse_link_state_t link_state;
    evse_registration_t registration;
    bool booted; // this boot's BootNotification was accepted once
    bool journal_failed;
    bool stirred;     // something happened that a round has to see
    bool looked;      // the snapshot was read in the poll under way
    bool clock_told;  // the store knows this boot's clock
    bool latch_estop; // as the events tell
    bool reset_pending, reset_hard;
    evse_stop_reason_t last_session_reason;
    uint32_t views;    // connectors of ours that the snapshot tells of; 0 none was read
    uint32_t triggers; // bit per TriggerMessage request waiting
    uint32_t heartbeat_interval_s;
    evse_ocpp_config_t config;
    uint64_t now_us;        // of the poll under way, or of the call from outside
    uint64_t utc_offset_ms; // UTC minus now; 0 unknown
    uint64_t next_boot_us, next_heartbeat_us, next_transaction_us;
    uint64_t next_open_us;
    uint64_t next_orders_us, first_orders_us;
    uint64_t next_round_us;  // everything is looked at, whatever has happened
    uint64_t durable;        // of the journal, in the last such round
    uint64_t queue_moved_us; // the queue was empty or a message was confirmed
    uint64_t next_status_us; // none before: the last was not answered
    struct { // Reset, or evse_ocpp_shutdown(): sessions end, what they leave becomes durable
        evse_stop_reason_t reason; // None: not ending
        bool recorded, done;
        uint32_t restarts; // asked for
        uint64_t since_us, restart_us;
    } ending;
    struct { // the one UnlockConnector whose answer waits for the lock
        bool waiting;
        uint8_t connector;
        bool ordered;
        uint8_t owed; // of another CALL, whose answer waits for the flash: which; 0 none
        uint32_t
            owed_at; // ... that has to hold this record of the journal (low half of its number)
        uint64_t since_us;
    } unlock;
    uint32_t next_session_id;
    uint32_t unlock_count[CONFIG_EVSE_CONNECTORS_MAX];
    uint32_t signal[CONFIG_EVSE_CONNECTORS_MAX]; // as in the order
    uint32_t latch_welds;
    uint32_t proofs_owed; // bit per connector: commissioned, not recorded yet
    uint32_t sessions_started, sessions_ended;
    uint32_t samples_dropped;
    uint64_t last_session_Wh;
    evse_session_t session[CONFIG_EVSE_CONNECTORS_MAX];
    struct {
        uint64_t seen_us;
        uint8_t state, fault; // last told to the central system; 0xFF never
        uint8_t seen_state, seen_fault;
        bool due; // triggered
    } status[CONFIG_EVSE_CONNECTORS_MAX + 1u];
    evse_metering_t metering;
    evse_uplink_t uplink;
    hf_backoff_t backoff;
    evse_keys_t keys; // behind it without a hole
    evse_rpc_t rpc;
    evse_auth_t auth;
    evse_snapshot_t snapshot; // latest read
    evse_orders_t orders;     // last written
#if CONFIG_EVSE_OCPP_FIRMWARE
    evse_transfers_t transfers;
#endif
#if CONFIG_EVSE_OCPP_VENDOR
    evse_vendor_t vendor;
#endif
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    evse_smart_t smart;
#endif
} evse_ocpp_t;

HF_MUST_CHECK int evse_ocpp_init(evse_ocpp_t *ocpp, const evse_ocpp_config_t *config);
/// One round of the comms loop. Cost idle: a snapshot read and a handful of comparisons.
void evse_ocpp_poll(evse_ocpp_t *ocpp, uint64_t now_us);
/// A user presented a card or pressed start: begins, or ends, a session on `connector` (from 0).
/// HF_E_STATE when neither is possible, HF_E_RANGE, HF_E_TOO_LONG.
HF_MUST_CHECK int evse_ocpp_present_tag(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                                        uint64_t now_us);
/// A card at a reader of the whole station: ends its own session (or one of its group), else begins on the connector that is
/// reserved for it, or the first where a vehicle waits, or the first that is free. The same card reported again within 2 s
/// of the last time is the same presentation: HF_E_AGAIN. Else as evse_ocpp_present_tag().
HF_MUST_CHECK int evse_ocpp_present_card(evse_ocpp_t *ocpp, const char *id_tag, uint64_t now_us);
/// Ends the session on `connector` (from 0) with `reason`, the way a user at the charger does; one that only waits for a
/// card or a plug is given up. HF_E_STATE when there is none or it is ending already, HF_E_RANGE.
HF_MUST_CHECK int evse_ocpp_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                                 uint64_t now_us);
/// Sets a configuration key as ChangeConfiguration would, read-only keys excepted: the installer's way.
/// HF_E_NOT_FOUND, HF_E_RANGE (refused), HF_E_FULL, HF_E_IO.
HF_MUST_CHECK int evse_ocpp_set_key(evse_ocpp_t *ocpp, const char *key, const char *value);
/// Changes a key as ChangeConfiguration does, with its line in the log. Context: the comms loop.
typedef enum evse_change {
    EVSE_CHANGE_ACCEPTED,
    EVSE_CHANGE_REJECTED,
    EVSE_CHANGE_REBOOT_REQUIRED,
    EVSE_CHANGE_NOT_SUPPORTED,
} evse_change_t;
evse_change_t evse_ocpp_change_key(evse_ocpp_t *ocpp, const char *key, const char *value);
/// The key number `index`, as GetConfiguration tells it. Its value lives until the next change. False past the last.
typedef struct evse_key_view {
    const char *name, *value;
    bool readonly, secret; // secret: a tag is as good as a card
    char number[12];       // room for a value that is one
} evse_key_view_t;
bool evse_ocpp_key_at(const evse_ocpp_t *ocpp, unsigned index, evse_key_view_t *view);
/// The value of a key that is a number or a boolean (0, 1); -1 for any other.
int32_t evse_ocpp_number(const evse_ocpp_t *ocpp, const char *key);
/// The value of a key that is a text or a list; "" for any other.
const char *evse_ocpp_text(const evse_ocpp_t *ocpp, const char *key);
/// True while the link is open and BootNotification has been accepted.
bool evse_ocpp_is_online(const evse_ocpp_t *ocpp);
/// UTC at now_us in milliseconds; 0 unknown.
uint64_t evse_ocpp_utc_ms(const evse_ocpp_t *ocpp, uint64_t now_us);
/// Orderly end: transactions ended with `reason`, journalled. True once everything is durable (or the storage has
/// failed); call until then, every time instead of or besides evse_ocpp_poll(), and keep the control loop running.
bool evse_ocpp_shutdown(evse_ocpp_t *ocpp, evse_stop_reason_t reason, uint64_t now_us);

#endif
