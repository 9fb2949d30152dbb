// SPDX-License-Identifier: MIT
// DataTransfer both ways: who answers what a central system sends, and the vendor messages this station sends by itself.
// Those wait as small structs, never as text, in a bounded queue; they are the first to be dropped and the last to be sent.
#ifndef EVSE_VENDOR_H
#define EVSE_VENDOR_H

#include "holdfast/hf_json.h"

typedef enum evse_vendor_status { // of DataTransfer.conf
    EVSE_VENDOR_ACCEPTED,
    EVSE_VENDOR_REJECTED,
    EVSE_VENDOR_UNKNOWN_MESSAGE,
    EVSE_VENDOR_UNKNOWN_VENDOR,
} evse_vendor_status_t;

/// One message that an integrator answers.
typedef struct evse_vendor_handler {
    const char *vendor_id;
    const char *message_id; // NULL: every message of this vendor, also one without a messageId
    /// `data` as it came (HF_JSON_NONE absent, else a string); what is written to `answer` goes back as `data`.
    /// Context: the comms loop; must not wait.
    evse_vendor_status_t (*handle)(void *ctx, hf_json_t data, hf_builder_t *answer);
    void *ctx;
} evse_vendor_handler_t;

typedef struct evse_vendor_table {
    const evse_vendor_handler_t *handler; // asked before the station's own messages
    uint32_t count;
} evse_vendor_table_t;

#define EVSE_VENDOR_DATA_BYTES 320u // of what an answer or a message of ours carries

// ---- messages of ours ---------------------------------------------------------------------------

// By what is dropped first. LiveTelemetry is never queued: the next one is as good.
#define EVSE_VENDOR_KIND_TABLE(X)                                                                  \
    X(VehicleInfo)                                                                                 \
    X(BMSAlert)                                                                                    \
    X(SystemAlert)                                                                                 \
    X(SessionSummary)                                                                              \
    X(LiveTelemetry)

typedef enum evse_vendor_kind {
#define EVSE_VENDOR_KIND_ENUM(name) EVSE_VENDOR_##name,
    EVSE_VENDOR_KIND_TABLE(EVSE_VENDOR_KIND_ENUM)
#undef EVSE_VENDOR_KIND_ENUM
        EVSE_VENDOR_KINDS
} evse_vendor_kind_t;
const char *evse_vendor_kind_text(unsigned kind);

#if CONFIG_EVSE_OCPP_VENDOR

typedef struct evse_vendor_item {
    const char *vehicle; // of VehicleInfo: the pack's model; NULL unknown
    uint32_t utc_s;      // when it happened; 0 not known (yet)
    uint32_t since_s;    // ... after this boot
    uint32_t number;     // SessionSummary: the transaction's local number ...
    int32_t transaction_id;
    uint32_t energy_Wh;
    uint32_t duration_s;
    int32_t mV, mA;                 // at the terminals; of VehicleInfo mA is what the BMS asks
    int16_t soc_permille, range_km; // -1 unknown
    int16_t temperature_dC;         // INT16_MIN unknown
    uint8_t kind;                   // evse_vendor_kind_t
    uint8_t connector;              // from 0
    uint8_t code;                   // of an alert, or evse_stop_reason_t
    uint8_t kept;                   // its key in the store + 1; 0 not kept
} evse_vendor_item_t;

/// Fields are private to evse_ocpp_vendor*.c; the counters are for reading.
typedef struct evse_vendor {
    uint64_t due_us; // nothing is to be looked at before
    uint64_t next_telemetry_us;
    uint64_t not_before_us; // nobody answered, or nobody knows us: later
    uint8_t enabled;        // bits of evse_vendor_kind_t
    uint8_t count;
    uint8_t in_flight;     // item + 1; 0 none
    uint8_t telemetry_due; // bits of connectors
    uint8_t silent;        // in a row
    struct {
        uint64_t plugged_us, info_us, alert_us; // when; 0 never
        bool plugged, informed, bms_known, bms_allowed;
    } connector[CONFIG_EVSE_CONNECTORS_MAX];
    evse_vendor_item_t item[CONFIG_EVSE_VENDOR_QUEUE]; // the oldest first
    uint32_t sent, refused, unanswered, dropped;
} evse_vendor_t;

#endif
#endif
