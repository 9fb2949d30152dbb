// SPDX-License-Identifier: MIT
// What the files of the comms core share: kinds of CALL, configuration keys, and who may be called for what. Nothing here
// is for anybody else. Each file owns the part of evse_ocpp_t that its functions are listed under.
#ifndef EVSE_OCPP_PRIVATE_H
#define EVSE_OCPP_PRIVATE_H

#include "evse/evse_auth.h"
#include "evse/evse_ocpp.h"
#include "evse_ocpp_auth_private.h"
#include "holdfast/hf_clock.h"

#include <string.h>

#define EVSE_CALL_TIMEOUT_MS                                                                       \
    30000u // of every CALL of ours, unless MessageTimeout says else; and a pause after one
#define EVSE_ORDER_VALID_US  (3u * HF_US_PER_S)
#define EVSE_ORDER_REPEAT_US (HF_US_PER_S / 2u)
#define EVSE_STOP_TIMEOUT_US (3u * HF_US_PER_S) // control's own limit is far below
#define EVSE_mJ_PER_Wh       3600000u
#define EVSE_HEARTBEAT_MIN_S 1
#define EVSE_HEARTBEAT_MAX_S 604800
#define EVSE_BOOT_RETRY_S    10u // after an answer that is none
#define EVSE_BOOT_INTERVAL_S 60u // when the central system leaves the wait to us

// ---- our CALLs: the token says which one, of which connector, of which session ------------------

typedef enum evse_call {
    EVSE_CALL_BOOT,
    EVSE_CALL_HEARTBEAT,
    EVSE_CALL_STATUS,
    EVSE_CALL_AUTHORIZE,
    EVSE_CALL_READINGS,
    EVSE_CALL_TRANSACTION,
    EVSE_CALL_TRANSFER, // "connector": evse_job_kind_t, "session": the status told
    EVSE_CALL_VENDOR,
    EVSE_CALL_CONFLICT, // LocalListConflict
} evse_call_t;

static inline uint32_t evse_token(evse_call_t call, unsigned connector, uint32_t session)
{
    return (uint32_t)call | (uint32_t)connector << 8 | (session & 0xFFFFu) << 16;
}

// evse_ocpp.c
/// Something came from outside: who decides about it sees the latest snapshot, and this round looks at everything.
void evse_stir(evse_ocpp_t *ocpp);
typedef struct evse_outgoing {
    evse_rpc_draft_t draft;
    const char *action;
    int status; // of its opening
} evse_outgoing_t;
/// Opens a CALL and its payload's object; the members go into the writer returned. `id` NULL: a new one.
hf_json_writer_t *evse_outgoing_begin(evse_ocpp_t *ocpp, evse_outgoing_t *outgoing,
                                      const char *action, const char *id);
/// Closes it and sends it: 0, or the status of evse_rpc_call_send(); an overflow is HF_E_TOO_LONG, logged.
HF_MUST_CHECK int evse_outgoing_send(evse_ocpp_t *ocpp, evse_outgoing_t *outgoing, uint32_t token);
/// Of a CALL that ended as TIMEOUT: was it the link that went, rather than an answer that never came?
static inline bool evse_is_link_loss(const evse_ocpp_t *ocpp)
{
    return ocpp->now_us - ocpp->rpc.sent_us < ocpp->rpc.timeout_ms * HF_US_PER_MS;
}
/// The moment now_us as the store records it.
evse_moment_t evse_moment(const evse_ocpp_t *ocpp);
void evse_put_time(hf_json_writer_t *json, const char *name, uint64_t utc_ms);
/// The latest view of a connector (from 0), NULL before the first snapshot.
static inline const evse_connector_view_t *evse_view(const evse_ocpp_t *ocpp, unsigned connector)
{
    return connector < ocpp->views ? &ocpp->snapshot.connector[connector] : NULL;
}
static inline uint64_t evse_seconds_us(int32_t seconds)
{
    return (uint32_t)seconds * HF_US_PER_S;
}
/// Since this program began to give orders; now_us may have run for days before.
static inline uint64_t evse_up_us(const evse_ocpp_t *ocpp)
{
    return ocpp->first_orders_us != 0u ? ocpp->now_us - ocpp->first_orders_us : 0u;
}
static inline bool evse_is_due(uint64_t now_us, uint64_t due_us)
{
    return now_us >= due_us;
}

// ---- configuration keys: evse_ocpp_config.c -----------------------------------------------------

typedef enum evse_key_type {
    EVSE_KEY_BOOL,
    EVSE_KEY_INT,
    EVSE_KEY_MEASURANDS,
    EVSE_KEY_ROTATION, // "0.NotApplicable,1.NotApplicable"
    EVSE_KEY_TEXT,     // read-only
    EVSE_KEY_TAG,      // an idTag, or empty
    EVSE_KEY_LIMIT,    // "16A", "3700W", or empty
    EVSE_KEY_VENDOR,   // a vendor's name
    EVSE_KEY_KINDS,    // names of vendor messages, or empty
} evse_key_type_t;

typedef enum evse_key_flags {
    EVSE_KEY_RW = 0,
    EVSE_KEY_RO = 1,
    EVSE_KEY_REBOOT = 2,
} evse_key_flags_t;

#if CONFIG_EVSE_OCPP_REMOTE_TRIGGER
#define EVSE_PROFILES                                                                              \
    "Core,RemoteTrigger" EVSE_PROFILE_SMART EVSE_PROFILE_LOCAL_LIST EVSE_PROFILE_RESERVATION
#else
#define EVSE_PROFILES "Core" EVSE_PROFILE_SMART EVSE_PROFILE_LOCAL_LIST EVSE_PROFILE_RESERVATION
#endif
// Of Smart Charging, in parts that keep the table in order. OfflineLimit, OfflineLimitDelay and SiteLimit are ours: what all
// connectors together may take while the central system has been gone for so many seconds, and at any time.
#if CONFIG_EVSE_OCPP_SMART_CHARGING
#define EVSE_PROFILE_SMART ",SmartCharging"
#define EVSE_KEYS_CHARGE(X)                                                                        \
    X(ChargeProfileMaxStackLevel, INT, RO, 0, 100, EVSE_STACK_LEVEL_MAX, NULL)                     \
    X(ChargingScheduleAllowedChargingRateUnit, TEXT, RO, 0, 0, 0, "Current,Power")                 \
    X(ChargingScheduleMaxPeriods, INT, RO, 0, 100, CONFIG_EVSE_CHARGING_PERIODS_MAX, NULL)
#define EVSE_KEYS_SWITCH_PHASE(X) X(ConnectorSwitch3to1PhaseSupported, BOOL, RO, 0, 1, 0, NULL)
#define EVSE_KEYS_MAX_CHARGING(X)                                                                  \
    X(MaxChargingProfilesInstalled, INT, RO, 0, 100, CONFIG_EVSE_CHARGING_PROFILES_MAX, NULL)
#define EVSE_KEYS_OFFLINE_LIMIT(X)                                                                 \
    X(OfflineLimit, LIMIT, RW, 0, 0, 0, "")                                                        \
    X(OfflineLimitDelay, INT, RW, 0, 86400, 300, NULL)
#define EVSE_KEYS_SITE_LIMIT(X) X(SiteLimit, LIMIT, RW, 0, 0, 0, "")
#else
#define EVSE_PROFILE_SMART ""
#define EVSE_KEYS_CHARGE(X)
#define EVSE_KEYS_SWITCH_PHASE(X)
#define EVSE_KEYS_MAX_CHARGING(X)
#define EVSE_KEYS_OFFLINE_LIMIT(X)
#define EVSE_KEYS_SITE_LIMIT(X)
#endif
// Ours: which vendor messages this station sends by itself, under whose name, and how often LiveTelemetry (0: never).
#if CONFIG_EVSE_OCPP_VENDOR
#define EVSE_KEYS_TELEMETRY(X) X(TelemetryInterval, INT, RW, 0, 3600, 0, NULL)
#define EVSE_KEYS_VENDOR(X)                                                                        \
    X(VendorId, VENDOR, RW, 0, 0, 0, "Holdfast")                                                   \
    X(VendorMessages, KINDS, RW, 0, 0, 0, "")
#else
#define EVSE_KEYS_TELEMETRY(X)
#define EVSE_KEYS_VENDOR(X)
#endif
#define EVSE_SAMPLED_DEFAULT                                                                       \
    "Energy.Active.Import.Register,Power.Active.Import,Voltage,Current.Import,Current.Offered,"    \
    "SoC,Temperature"

// X(name, type, access, min, max, default number, default text). In alphabetical order, as GetConfiguration lists them.
// StopTransactionOnEVSideDisconnect may be written, but only true: a DC session cannot outlive its plug. The cable is
// fixed, so UnlockConnectorOnEVSideDisconnect is read-only false.
// LocalStartTag is ours: the tag that the start button presents, empty for no button.
#define EVSE_KEY_TABLE(X)                                                                          \
    X(AllowOfflineTxForUnknownId, BOOL, RW, 0, 1, 0, NULL)                                         \
    X(AuthorizationCacheEnabled, BOOL, RW, 0, EVSE_HAS_CACHE, EVSE_HAS_CACHE, NULL)                \
    X(AuthorizeRemoteTxRequests, BOOL, RW, 0, 1, 0, NULL)                                          \
    X(BlinkRepeat, INT, RW, 0, 100, 3, NULL)                                                       \
    EVSE_KEYS_CHARGE(X)                                                                            \
    X(ClockAlignedDataInterval, INT, RW, 0, 86400, 0, NULL)                                        \
    X(ConnectionTimeOut, INT, RW, 1, 86400, 60, NULL)                                              \
    X(ConnectorPhaseRotation, ROTATION, RW, 0, 0, 0, "NotApplicable")                              \
    X(ConnectorPhaseRotationMaxLength, INT, RO, 0, 100, CONFIG_EVSE_CONNECTORS_MAX + 1, NULL)      \
    EVSE_KEYS_SWITCH_PHASE(X)                                                                      \
    X(GetConfigurationMaxKeys, INT, RO, 0, 1000, EVSE_KEYS_ASKED, NULL)                            \
    X(HeartbeatInterval, INT, RW, EVSE_HEARTBEAT_MIN_S, EVSE_HEARTBEAT_MAX_S, 300, NULL)           \
    X(LightIntensity, INT, RW, 0, 100, 100, NULL)                                                  \
    EVSE_KEYS_LOCAL_LIST(X)                                                                        \
    X(LocalAuthorizeOffline, BOOL, RW, 0, 1, 1, NULL)                                              \
    X(LocalPreAuthorize, BOOL, RW, 0, 1, 0, NULL)                                                  \
    X(LocalStartTag, TAG, RW, 0, 0, 0, "")                                                         \
    EVSE_KEYS_MAX_CHARGING(X)                                                                      \
    X(MaxEnergyOnInvalidId, INT, RW, 0, 1000000, 0, NULL)                                          \
    X(MessageTimeout, INT, RW, 5, 600, EVSE_CALL_TIMEOUT_MS / 1000, NULL)                          \
    X(MeterValueSampleInterval, INT, RW, 0, 86400, 30, NULL)                                       \
    X(MeterValuesAlignedData, MEASURANDS, RW, 0, EVSE_SAMPLES_MAX, 0,                              \
      "Energy.Active.Import.Register")                                                             \
    X(MeterValuesAlignedDataMaxLength, INT, RO, 0, 100, EVSE_SAMPLES_MAX, NULL)                    \
    X(MeterValuesSampledData, MEASURANDS, RW, 0, EVSE_SAMPLES_MAX, 0, EVSE_SAMPLED_DEFAULT)        \
    X(MeterValuesSampledDataMaxLength, INT, RO, 0, 100, EVSE_SAMPLES_MAX, NULL)                    \
    X(MinimumStatusDuration, INT, RW, 0, 3600, 0, NULL)                                            \
    X(NumberOfConnectors, INT, RO, 1, CONFIG_EVSE_CONNECTORS_MAX, 1, NULL)                         \
    EVSE_KEYS_OFFLINE_LIMIT(X)                                                                     \
    X(ReconnectJitter, INT, RW, 0, 100, EVSE_RECONNECT_JITTER_PERCENT, NULL)                       \
    X(ReconnectWaitMaximum, INT, RW, 1, 3600, EVSE_RECONNECT_MAX_S, NULL)                          \
    X(ReconnectWaitMinimum, INT, RW, 1, 3600, EVSE_RECONNECT_MIN_S, NULL)                          \
    EVSE_KEYS_RESERVATION(X)                                                                       \
    X(ResetRetries, INT, RW, 0, 100, 0, NULL)                                                      \
    EVSE_KEYS_SEND_LIST(X)                                                                         \
    EVSE_KEYS_SITE_LIMIT(X)                                                                        \
    X(StopTransactionOnEVSideDisconnect, BOOL, RW, 1, 1, 1, NULL)                                  \
    X(StopTransactionOnInvalidId, BOOL, RW, 0, 1, 1, NULL)                                         \
    X(StopTxnAlignedData, MEASURANDS, RW, 0, EVSE_SAMPLES_MAX, 0, "")                              \
    X(StopTxnAlignedDataMaxLength, INT, RO, 0, 100, EVSE_SAMPLES_MAX, NULL)                        \
    X(StopTxnSampledData, MEASURANDS, RW, 0, EVSE_SAMPLES_MAX, 0, "")                              \
    X(StopTxnSampledDataMaxLength, INT, RO, 0, 100, EVSE_SAMPLES_MAX, NULL)                        \
    X(SupportedFeatureProfiles, TEXT, RO, 0, 0, 0, EVSE_PROFILES)                                  \
    X(SupportedFeatureProfilesMaxLength, INT, RO, 0, 100, 6, NULL)                                 \
    X(SupportedFileTransferProtocols, TEXT, RO, 0, 0, 0, "")                                       \
    EVSE_KEYS_TELEMETRY(X)                                                                         \
    X(TransactionMessageAttempts, INT, RW, 1, 100, 3, NULL)                                        \
    X(TransactionMessageRetryInterval, INT, RW, 0, 86400, 60, NULL)                                \
    X(UnlockConnectorOnEVSideDisconnect, BOOL, RO, 0, 1, 0, NULL)                                  \
    EVSE_KEYS_VENDOR(X)                                                                            \
    X(WebSocketPingInterval, INT, RW, 0, 86400, 60, NULL)

typedef enum evse_key {
#define EVSE_KEY_ENUM(name, type, access, min, max, number, text) EVSE_KEY_OF_##name,
    EVSE_KEY_TABLE(EVSE_KEY_ENUM)
#undef EVSE_KEY_ENUM
        EVSE_KEY_COUNT
} evse_key_t;

// Where the number of a key is kept: of those that are numbers.
#define EVSE_SLOT_BOOL(name) EVSE_SLOT_OF_##name,
#define EVSE_SLOT_INT(name)  EVSE_SLOT_OF_##name,
#define EVSE_SLOT_MEASURANDS(name)
#define EVSE_SLOT_ROTATION(name)
#define EVSE_SLOT_TEXT(name)
#define EVSE_SLOT_TAG(name)
#define EVSE_SLOT_LIMIT(name)
#define EVSE_SLOT_VENDOR(name)
#define EVSE_SLOT_KINDS(name)
typedef enum evse_slot {
#define EVSE_SLOT_ENUM(name, type, access, min, max, number, text) EVSE_SLOT_##type(name)
    EVSE_KEY_TABLE(EVSE_SLOT_ENUM)
#undef EVSE_SLOT_ENUM
        EVSE_SLOT_COUNT
} evse_slot_t;

#define EVSE_NUMBER(ocpp, name) ((ocpp)->keys.number[EVSE_SLOT_OF_##name])

void evse_keys_init(evse_ocpp_t *ocpp);
/// The text in force of a key that is no number.
const char *evse_key_text(const evse_ocpp_t *ocpp, evse_key_t key);
evse_rpc_error_t evse_keys_on_get(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
evse_rpc_error_t evse_keys_on_change(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
/// "NAME = VALUE" of the key number `index`, secrets left out; false when there is none of that number.
bool evse_keys_line(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out);

// ---- incoming CALLs: evse_ocpp_calls.c ----------------------------------------------------------

evse_rpc_error_t evse_calls_dispatch(void *ctx, hf_slice_t action, hf_json_t payload,
                                     hf_json_writer_t *reply);
/// Answers what evse_reply_recorded() put off, and an UnlockConnector whose lock has moved, or has not in time.
void evse_calls_step(evse_ocpp_t *ocpp);

// ---- payloads: evse_ocpp_fields.c ---------------------------------------------------------------

/// Members of a payload read one after the other: the first that is wrong decides, later ones leave their default.
typedef struct evse_fields {
    evse_rpc_t *rpc; // its `why` names the member
    hf_json_t object;
    evse_rpc_error_t error;
} evse_fields_t;

typedef struct evse_range {
    int32_t min, max;
} evse_range_t;
extern const evse_range_t evse_any_integer;
extern const evse_range_t evse_any_count; // from 0

evse_fields_t evse_fields_of(evse_ocpp_t *ocpp, hf_json_t payload);
/// Of an object inside: copy its error back.
evse_fields_t evse_fields_in(const evse_fields_t *fields, hf_json_t object);
void evse_fields_refuse(evse_fields_t *fields, const char *name, evse_rpc_error_t error);
/// These are true when the member is there and good. Absent and `required`: OccurenceConstraintViolation; another type:
/// TypeConstraintViolation; of the right type, and no value for it: PropertyConstraintViolation.
bool evse_fields_find(evse_fields_t *fields, const char *name, bool required, hf_json_type_t type,
                      hf_json_t *value);
bool evse_fields_text(evse_fields_t *fields, const char *name, bool required, char *out,
                      size_t capacity);
bool evse_fields_int(evse_fields_t *fields, const char *name, bool required,
                     const evse_range_t *range, int32_t *out);
/// connectorId, from 0.
bool evse_fields_connector(evse_fields_t *fields, bool required, unsigned *out);
/// `choices` ends with NULL; the index of the one found.
bool evse_fields_choice(evse_fields_t *fields, const char *name, bool required,
                        const char *const *choices, unsigned *out);
bool evse_fields_time(evse_fields_t *fields, const char *name, bool required, uint64_t *utc_ms);

/// {"status":status}
evse_rpc_error_t evse_reply_status(hf_json_writer_t *reply, const char *status);
/// The same for the CALL whose answer is owed. True: not yet, the link has no room.
bool evse_reply_deferred(evse_ocpp_t *ocpp, const char *status);
/// The same, but what says that something has been recorded (Accepted, Scheduled, RebootRequired) not before it is durable.
/// At once where another answer is owed.
evse_rpc_error_t evse_reply_recorded(evse_ocpp_t *ocpp, hf_json_writer_t *reply,
                                     const char *status);
/// Accepted or Rejected.
evse_rpc_error_t evse_reply_accepted(hf_json_writer_t *reply, bool accepted);

// ---- connection: evse_ocpp_link.c ---------------------------------------------------------------

HF_MUST_CHECK int evse_link_init(evse_ocpp_t *ocpp);
/// Moves the network and the link, opens it when it is time.
void evse_link_step(evse_ocpp_t *ocpp);
/// A CALL was answered: it works.
void evse_link_proven(evse_ocpp_t *ocpp);

// ---- clock: evse_ocpp_clock.c -------------------------------------------------------------------

void evse_clock_init(evse_ocpp_t *ocpp);
void evse_clock_step(evse_ocpp_t *ocpp);
/// The currentTime of an answer to the CALL that ended just now. Negative: it is no time at all; one that cannot be is
/// not taken, and counted.
HF_MUST_CHECK int evse_clock_take(evse_ocpp_t *ocpp, hf_json_t current_time);
/// When the next Heartbeat is due: sooner than the interval while the clock is in doubt.
uint64_t evse_clock_heartbeat_us(const evse_ocpp_t *ocpp);

// ---- registration: evse_ocpp_boot.c -------------------------------------------------------------

bool evse_boot_send(evse_ocpp_t *ocpp);
void evse_boot_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload);
bool evse_heartbeat_send(evse_ocpp_t *ocpp);
void evse_heartbeat_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload);

// ---- TriggerMessage: bits of ocpp->triggers -----------------------------------------------------

enum {
    EVSE_TRIGGER_BOOT = 1u << 0,
    EVSE_TRIGGER_HEARTBEAT = 1u << 1,
    EVSE_TRIGGER_DIAGNOSTICS = 1u << 2,
    EVSE_TRIGGER_FIRMWARE = 1u << 3,
};
#define EVSE_TRIGGER_STATUS(index) (1u << (8u + (index))) // from 0, the station

// ---- StatusNotification: evse_ocpp_status.c -----------------------------------------------------

void evse_status_init(evse_ocpp_t *ocpp);
void evse_status_step(evse_ocpp_t *ocpp);
/// All of them once more: after a registration and after a return.
void evse_status_renew(evse_ocpp_t *ocpp);
bool evse_status_send(evse_ocpp_t *ocpp);
void evse_status_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome);

// ---- MeterValues: evse_ocpp_meter.c -------------------------------------------------------------

void evse_meter_init(evse_ocpp_t *ocpp); // once the store is open
uint64_t evse_register_Wh(const evse_ocpp_t *ocpp, unsigned connector);
/// Sets the times of the next readings of a connector whose session starts (or whose interval has changed).
void evse_meter_arm(evse_ocpp_t *ocpp, unsigned connector);
/// Takes what readings are due.
void evse_meter_step(evse_ocpp_t *ocpp);
/// TriggerMessage: into the transaction's queue, or marked to be sent at once.
void evse_meter_trigger(evse_ocpp_t *ocpp, unsigned connector);
bool evse_readings_send(evse_ocpp_t *ocpp);
/// Writes connectorId, transactionId (when `transaction`) and meterValue.
void evse_meter_payload(evse_ocpp_t *ocpp, hf_json_writer_t *json, const evse_message_t *message,
                        unsigned connector, const evse_transaction_t *transaction);
void evse_meter_payload_station(evse_ocpp_t *ocpp, hf_json_writer_t *json,
                                const evse_message_t *message);
/// How many measurands a list names; HF_E_RANGE when one is unknown, not measured here, doubled, or too many.
HF_MUST_CHECK int evse_quantities_parse(const evse_ocpp_t *ocpp, hf_slice_t list,
                                        evse_quantities_t *out);
/// Connector 0 has something to tell: the sum of several connectors.
bool evse_meter_has_station(const evse_ocpp_t *ocpp);
void evse_meter_trigger_station(evse_ocpp_t *ocpp);
/// The transaction's begin is signed, as far as its meter signs.
bool evse_meter_is_begun(const evse_ocpp_t *ocpp, unsigned connector);
/// Just before the store ends a transaction: its Transaction.End.
void evse_meter_end(evse_ocpp_t *ocpp, unsigned connector, uint64_t register_mJ);
/// False while a signed value that belongs into this message, a STOP, is on its way.
bool evse_meter_is_ready(const evse_ocpp_t *ocpp, const evse_message_t *message);
/// Writes a StopTransaction's transactionData, or nothing.
void evse_meter_put_stop_data(evse_ocpp_t *ocpp, hf_json_writer_t *json,
                              const evse_message_t *stop);
/// A message is about to leave the queue: a STOP's signed values are not needed any more.
void evse_meter_confirmed(evse_ocpp_t *ocpp, const evse_message_t *message);

// ---- the queue's messages: evse_ocpp_transaction.c ----------------------------------------------

bool evse_transaction_send(evse_ocpp_t *ocpp);
void evse_transaction_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome, hf_json_t payload);
/// An answer to a message of the queue that came after its time-out, or over a newer connection: of evse_rpc_owner_t.
bool evse_transaction_late(void *ctx, const char *id, evse_rpc_outcome_t outcome, hf_json_t payload,
                           uint64_t now_us);
/// Journals readings that wait without being in the journal, once nobody takes them.
void evse_transaction_step(evse_ocpp_t *ocpp);
/// True when messages are better journalled at once: nobody is there to take them.
bool evse_transaction_is_stuck(const evse_ocpp_t *ocpp);

// ---- Reset and shutdown: evse_ocpp_end.c --------------------------------------------------------

void evse_ending_start(evse_ocpp_t *ocpp, evse_stop_reason_t reason);
void evse_ending_step(evse_ocpp_t *ocpp);

// ---- sessions: ../session/evse_session*.c -------------------------------------------------------

/// Takes what control told and moves every session on.
void evse_sessions_step(evse_ocpp_t *ocpp);
/// Writes the orders when they have changed or grow old.
void evse_sessions_order(evse_ocpp_t *ocpp);
/// True when a user could begin a session here now.
bool evse_session_is_possible(const evse_ocpp_t *ocpp, unsigned connector);
/// Opens a session; `authorize`: ask the central system first.
void evse_session_open(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag, bool authorize);
/// Ends whatever runs here.
void evse_session_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason);
/// StartTransaction was answered with something else than Accepted.
void evse_session_deauthorize(evse_ocpp_t *ocpp, unsigned connector);
bool evse_session_is_billing(const evse_ocpp_t *ocpp, unsigned connector); // a transaction is open
/// What may be done about a tag here: `verdict` as far as it alone decides, less what state and reservation forbid.
evse_auth_verdict_t evse_session_judge(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                                       evse_auth_verdict_t verdict);
/// The central system's answer about session.asked_id_tag, whatever became of it.
void evse_session_asked(evse_ocpp_t *ocpp, unsigned connector, bool same_group);
/// It is authorized: by the central system ("") or as `by` says.
void evse_session_authorized(evse_ocpp_t *ocpp, unsigned connector, const char *by);
/// Gives up a session that has no transaction yet.
void evse_session_cancel(evse_ocpp_t *ocpp, unsigned connector, const char *why);

// ---- authorization: evse_ocpp_auth.c ------------------------------------------------------------

/// What is to be done about a tag that is presented now.
evse_auth_verdict_t evse_auth_judge(evse_ocpp_t *ocpp, const char *id_tag);
/// Decides about a session in AUTHORIZING without the central system: authorizes or cancels it.
void evse_auth_offline(evse_ocpp_t *ocpp, unsigned connector);
/// The idTagInfo of an Authorize, StartTransaction or StopTransaction confirmation.
void evse_auth_learn(evse_ocpp_t *ocpp, const char *id_tag, hf_json_t id_tag_info);
bool evse_authorize_send(evse_ocpp_t *ocpp);
void evse_authorize_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                           hf_json_t payload);
evse_rpc_error_t evse_auth_on_clear_cache(evse_ocpp_t *ocpp, hf_json_t payload,
                                          hf_json_writer_t *reply);

// ---- DataTransfer: evse_ocpp_vendor.c -----------------------------------------------------------

evse_rpc_error_t evse_vendor_on_transfer(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply);

#endif
