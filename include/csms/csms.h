// SPDX-License-Identifier: MIT
// A small scriptable central system, OCPP 1.6J: pure core (text in, text out, now_us), under two transports: memory
// (holdfast-simd) and a WebSocket server (`holdfast csms`). It checks what it gets, keeps a ledger of what was billed, and
// can be told to misbehave.
#ifndef CSMS_H
#define CSMS_H

#include "holdfast/hf_json.h"

#define CSMS_STATIONS_MAX 1024u
#define CSMS_PENDING_MAX  8u
#define CSMS_LEDGER_MAX   16384u
#define CSMS_ID_BYTES     49u

typedef struct csms_config {
    /// Sends one text message to a station. Called from csms_receive(), csms_command() and csms_poll().
    void (*send)(void *ctx, unsigned station, const char *text, size_t length);
    /// One event for the timeline or a test, a JSON object without line end:
    /// {"t":<s>,"event":"boot|status|authorize|start|meter|stop|heartbeat|call|answer|invalid|connected|disconnected",...}
    void (*event)(void *ctx, const char *json);
    void *ctx;
    uint64_t utc_ms;          // at now_us = 0
    uint32_t heartbeat_s;     // given in BootNotification.conf; 0: 300
    uint32_t call_timeout_ms; // 0: 30000
} csms_config_t;

// Misbehaviour, for scripts: bits, 0 well behaved.
typedef enum csms_mood {
    CSMS_MOOD_SILENT = 1u << 0,    // answers nothing
    CSMS_MOOD_CALLERROR = 1u << 1, // answers transaction messages with CALLERROR InternalError
    CSMS_MOOD_BOOT_PENDING = 1u << 2,
    CSMS_MOOD_BOOT_REJECTED = 1u << 3,
    CSMS_MOOD_BLOCK_TAGS = 1u << 4, // idTagInfo Invalid for every tag
} csms_mood_t;

typedef enum csms_ledger_kind {
    CSMS_LEDGER_START,
    CSMS_LEDGER_STOP,
    CSMS_LEDGER_METER
} csms_ledger_kind_t;

/// One billed message, duplicates by message id counted on the first.
typedef struct csms_entry {
    char message_id[37];
    uint32_t payload_crc; // of the payload text of the first
    uint16_t duplicates;  // resends with the same payload
    uint16_t conflicts;   // resends with another payload: must stay 0
    uint8_t kind;         // csms_ledger_kind_t
    uint8_t station, connector;
    int32_t transaction_id;
    int64_t meter_Wh;
    uint64_t utc_ms;
    char reason[20];
} csms_entry_t;

typedef struct csms_station {
    char id[CSMS_ID_BYTES];
    bool connected, accepted;
    char status[5][16]; // [connector], "" unknown
    struct {
        char id[16];
        char action[28];
        uint64_t sent_us;
    } pending; // one outstanding CALL
    struct {
        char action[28];
        char payload[256];
    } queued[CSMS_PENDING_MAX];
    uint32_t queued_count;
    uint32_t frames_in, frames_out, invalid, heartbeats, boots;
    int32_t last_transaction_id;
} csms_station_t;

typedef struct csms {
    csms_config_t config;
    csms_station_t station[CSMS_STATIONS_MAX];
    uint32_t stations;
    csms_entry_t ledger[CSMS_LEDGER_MAX];
    uint32_t entries, entries_lost;
    int32_t next_transaction_id;
    uint32_t next_call;
    uint32_t moods;
    uint64_t now_us;
} csms_t;

HF_MUST_CHECK int csms_init(csms_t *csms, const csms_config_t *config);
/// A station came in under this id: its index, or HF_E_FULL, HF_E_TOO_LONG. A second connection of an id replaces the first.
HF_MUST_CHECK int csms_connect(csms_t *csms, const char *id, uint64_t now_us);
void csms_disconnect(csms_t *csms, unsigned station, uint64_t now_us);
void csms_receive(csms_t *csms, unsigned station, const char *text, size_t length, uint64_t now_us);
void csms_poll(csms_t *csms, uint64_t now_us);
/// One line of a script: "remote-start STATION CONNECTOR TAG", "remote-stop STATION [TRANSACTION]", "trigger STATION
/// MESSAGE [CONNECTOR]", "reset STATION Soft|Hard", "availability STATION CONNECTOR Operative|Inoperative",
/// "unlock STATION CONNECTOR", "get-config STATION [KEY]", "set-config STATION KEY VALUE", "clear-cache STATION",
/// "call STATION ACTION JSON", "raw STATION TEXT", "mood NAME on|off". HF_E_FORMAT, HF_E_NOT_FOUND (station), HF_E_FULL.
HF_MUST_CHECK int csms_command(csms_t *csms, const char *line, uint64_t now_us);
/// Entries of one kind of one station, duplicates removed.
uint32_t csms_count(const csms_t *csms, unsigned station, csms_ledger_kind_t kind);

#endif
