// SPDX-License-Identifier: MIT
// What a charge point must not forget, on the journal: boots, energy registers, transactions and their undelivered
// messages, settings, availability, latches, objects of other modules. And the one queue of transaction messages, in one
// order over all connectors. Bytes of every record: docs/SPEC.md.
// How it works: the flash is the queue. Memory knows of each message that waits where it lies (6 B, in the order of the
// ids), and holds whole: the one being sent, MeterValues not journalled (yet), and of each connector the transaction
// open now and the one being delivered.
// Invariants: a message keeps its id and its payload over every reboot; a journalled one leaves the queue only by a
// confirmation that has become durable, and a START or STOP is never dropped to make room; a transaction found open at
// boot is ended, never resumed.
// Thinning, when the index or the journal nears its bound: of the transaction with the most MeterValues waiting (the
// older one of two alike) every second one goes, its first and its last stay; again until there is room. Readings
// leave a quarter of the index and an eighth of the journal to START and STOP; what a new session needs may thin beyond
// that. Only when no transaction has a reading to spare is a new reading dropped, or a new session refused. Each
// reading dropped is counted in `thinned`, each thinning logged and journalled: what is gone does not come back.
#ifndef EVSE_STORE_H
#define EVSE_STORE_H

#include "evse/evse_state.h"
#include "holdfast/hf_journal.h"
#include "holdfast/hf_log.h"
#include "holdfast/hf_pool.h"

#define EVSE_ID_TAG_BYTES           21u // CiString20 and its NUL
#define EVSE_MESSAGE_ID_BYTES       37u // at most 36 characters
#define EVSE_TRANSACTION_ID_UNKNOWN (-1)
#define EVSE_RESERVATION_NONE       INT32_MIN
#define EVSE_KEY_BYTES              51u
#define EVSE_VALUE_BYTES            (CONFIG_EVSE_SAMPLES_MAX > 8 ? 256u : 129u) // lists take the most
#define EVSE_PROFILE_BYTES          24u // name of a module profile and its NUL

/// A moment that can be told later although the clock was unknown: which boot, how long after it, and UTC if known.
typedef struct evse_moment {
    uint32_t boot;
    uint64_t since_boot_ms;
    uint64_t utc_ms; // 0 unknown
} evse_moment_t;

typedef enum evse_message_kind {
    EVSE_MESSAGE_START = 1,
    EVSE_MESSAGE_METER = 2,
    EVSE_MESSAGE_STOP = 3,
} evse_message_kind_t;

#define EVSE_SAMPLES_MAX ((unsigned)CONFIG_EVSE_SAMPLES_MAX)

/// One sampled reading of a MeterValues message: what, how much.
typedef struct evse_sample {
    uint8_t measurand; // evse_measurand_t, see evse_ocpp.h
    uint8_t phase;     // evse_phase_t, 0: none
    int32_t value;     // in the measurand's own unit
} evse_sample_t;

/// A message of a transaction that the central system has not confirmed.
typedef struct evse_message {
    uint64_t id; // unique for ever: boot number (high 32 bits), sequence in that boot
    evse_moment_t at;
    uint64_t register_Wh; // START meterStart, STOP meterStop, METER Energy.Active.Import.Register
    uint32_t transaction; // local number, grows with each
    uint8_t kind;         // evse_message_kind_t
    uint8_t reason;       // STOP
    uint8_t context;      // METER: evse_context_t
    uint8_t samples;
    uint8_t attempts; // CALLERRORs so far
    evse_sample_t sample[EVSE_SAMPLES_MAX];
} evse_message_t;

typedef enum evse_transaction_state {
    EVSE_TRANSACTION_OPEN,
    EVSE_TRANSACTION_ENDED,
} evse_transaction_state_t;

typedef struct evse_transaction {
    uint32_t number;        // local, unique for ever; 0: the slot is free
    int32_t transaction_id; // the central system's; EVSE_TRANSACTION_ID_UNKNOWN
    int32_t reservation_id; // that this transaction used up; EVSE_RESERVATION_NONE
    uint8_t connector;      // from 0
    uint8_t state;          // evse_transaction_state_t
    uint8_t stop_reason;    // private: of stop_id
    bool start_delivered;   // private: and the journal knows it
    bool is_spare;          // private: not needed before its START is sent: the slot may be taken
    char id_tag[EVSE_ID_TAG_BYTES];
    char stop_id_tag[EVSE_ID_TAG_BYTES]; // empty: none
    uint64_t start_Wh;
    uint64_t durable_at;   // journal sequence of the start record: power is permitted from then on
    uint64_t last_Wh;      // of its last journalled reading
    evse_moment_t last_at; // the last thing known of it: what a STOP made at boot carries
    uint64_t
        stop_id; // private: of a STOP that the journal has not taken yet, made of last_at and last_Wh; 0 none
} evse_transaction_t;

/// What a transaction begins with.
typedef struct evse_begin {
    const char *id_tag;
    uint64_t register_mJ;
    evse_moment_t at;
    int32_t reservation_id; // EVSE_RESERVATION_NONE
} evse_begin_t;

/// What commissioning proved [SAF-15]: this profile, for so many units.
typedef struct evse_proof {
    char profile[EVSE_PROFILE_BYTES]; // empty: nothing yet
    uint32_t units;
    uint32_t agree_permille; // terminals and modules were no farther apart
    uint32_t timeout_ms;     // the modules' own
} evse_proof_t;

typedef struct evse_store_config {
    const hf_flash_t *flash;
    uint64_t
        station_nonce; // random, used only when the flash is blank: makes message ids unique over re-provisioning
    uint32_t connectors;
    hf_log_t *log; // may be NULL
} evse_store_config_t;

/// One entry of the queue's index. Private.
typedef struct evse_queued {
    uint16_t low; // position in the journal, or of what holds it in memory
    uint8_t high;
    uint8_t flags;        // kind and EVSE_QUEUED_...
    uint16_t transaction; // low half of its number
} evse_queued_t;

/// Where a kept object lies. Private.
typedef struct evse_kept {
    uint32_t place; // position; kind above it
    uint16_t key, length;
} evse_kept_t;

/// Fields are private to evse_store*.c; the counters and what boot found are for reading.
/// On x86-64 with the defaults 60 KB, of which what is not used is not touched; on Cortex-M4 with configs/mcu 2.9 KB.
// What most functions use stands first: a small target's short instructions reach no further.
typedef struct evse_store {
    bool inoperative[CONFIG_EVSE_CONNECTORS_MAX + 1u]; // [0] the station, [c] connector c
    bool finishing[CONFIG_EVSE_CONNECTORS_MAX]; // a session ended here and the plug was still in
    bool finishing_known[CONFIG_EVSE_CONNECTORS_MAX]; // ... as the journal has it
    bool estop_latched;
    bool orderly;                       // the last boot ended by an orderly shutdown ...
    evse_stop_reason_t shutdown_reason; // ... for this reason
    bool
        shutdown_recorded; // the newest record of its kind; the next boot ends open transactions for ...
    uint8_t shutdown_recorded_reason;
    bool readings_stay; // the journal had no room for them; tried again when something has left
    bool head_loaded, head_offered, head_failed;
    bool is_moving;
    uint8_t refused; // CALLERRORs of refused_id
    uint8_t
        confirming; // 0 no; 1 the head has been confirmed, not yet journalled; 2 journalled, not yet durable
    bool confirming_lost; // ... given up after too many CALLERRORs
    bool failure_logged;
    evse_transaction_t *open[CONFIG_EVSE_CONNECTORS_MAX]; // into slot[]; NULL none
    uint32_t first, count;                                // of the index, a ring
    uint32_t waiting;      // messages in it, without sample sets kept for a STOP
    uint32_t queued_bytes; // what the journalled ones take of the journal
    uint32_t readings;     // in memory alone
    uint32_t boot;         // number of this boot, from 1
    uint32_t next_message, next_transaction;
    evse_store_config_t config;
    uint32_t boots_known; // offsets of boots whose messages still wait
    uint32_t unrecorded;  // STOPs that could not be journalled yet
    uint32_t head_bytes;  // what it takes of the journal; 0 it is in memory alone
    uint32_t moved;       // entry of the index whose new position comes next
    uint32_t setting_count, settings_bytes;
    uint32_t kept_count;
    uint32_t weld_latched;
    uint32_t recovered;  // transactions ended at this boot
    uint32_t lost;       // messages given up after too many CALLERRORs, or that the flash has lost
    uint32_t thinned;    // readings dropped to make room
    uint32_t unreadable; // records that the flash has lost, objects among them
    uint64_t tail_id;    // of the newest ever queued
    uint64_t refused_id; // the message CALLERRORs were counted of
    uint64_t register_mJ[CONFIG_EVSE_CONNECTORS_MAX]; // last checkpoint
    uint64_t checkpoint_us[CONFIG_EVSE_CONNECTORS_MAX];
    evse_moment_t register_at[CONFIG_EVSE_CONNECTORS_MAX]; // of the last checkpoint
    uint64_t station_nonce;
    uint64_t utc_offset_ms; // UTC minus time since boot; 0 unknown
    uint64_t clock_at;      // journal sequence of this boot's offset; 0 none
    uint64_t confirm_at;
    uint64_t
        thinned_at; // journal sequence of the last thinning: nothing is offered before it is durable
    uint64_t now_us; // of the last poll, for the log
    hf_journal_t journal;
    evse_message_t *reading[CONFIG_EVSE_READINGS_MAX]; // blocks of the pool; NULL free
    hf_pool_t messages;                                // readings in memory alone
    evse_proof_t proof[CONFIG_EVSE_CONNECTORS_MAX];    // the last one
    evse_message_t head;                               // the oldest, if head_loaded
    evse_transaction_t slot[2u * CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t boot_offset_ms[CONFIG_EVSE_BOOT_OFFSETS_MAX]; // UTC minus time since boot ...
    uint32_t boot_known[CONFIG_EVSE_BOOT_OFFSETS_MAX];     // ... of these boots
    // Last, and used from their beginnings: what was never used is never touched.
    HF_POOL_STORAGE(evse_message_t, CONFIG_EVSE_READINGS_MAX) message_storage;
    char settings[CONFIG_EVSE_SETTINGS_BYTES]; // key, NUL, value, NUL; one after the other
    evse_kept_t kept[CONFIG_EVSE_OBJECTS_MAX];
    evse_queued_t queue[CONFIG_EVSE_MESSAGES_MAX];
} evse_store_t;

/// Mounts the journal, replays it, ends every transaction found open (SoftReset, HardReset or Reboot after an orderly
/// shutdown, else PowerLoss; meterStop from the last register), and records this boot.
/// What it found and did is durable when it returns (it waits for one sync): ids of this boot are never used again.
/// Statuses of hf_journal_open(); HF_E_CORRUPT when records contradict each other, HF_E_UNSUPPORTED when one is of a later
/// version or for a connector this build does not have, HF_E_FULL when this build's index or the flash is too small for
/// the START and STOP that are there.
HF_MUST_CHECK int evse_store_open(evse_store_t *store, const evse_store_config_t *config);
/// Drives the journal. 0, or its failure, which is final.
int evse_store_poll(evse_store_t *store, uint64_t now_us);
/// True when everything recorded so far is durable.
bool evse_store_is_durable(const evse_store_t *store);

/// Room for one more whole session (START, STOP), after thinning if need be. No room: no new session.
bool evse_store_has_room(const evse_store_t *store);
/// Opens a transaction and queues its START. HF_E_FULL, HF_E_STATE one is open here, HF_E_TOO_LONG (idTag), HF_E_IO.
HF_MUST_CHECK int evse_store_begin(evse_store_t *store, unsigned connector,
                                   const evse_begin_t *begin);
/// Queues a MeterValues of the open transaction; journalled at once when `keep`, or when memory has no room for it.
/// HF_E_FULL: dropped, because thinning made no room; counted by the caller. HF_E_STATE none is open here, HF_E_IO.
HF_MUST_CHECK int evse_store_meter(evse_store_t *store, unsigned connector,
                                   const evse_message_t *sample, bool keep);
/// Ends the open transaction and queues its STOP; a stop_id_tag that is NULL or too long is left out. HF_E_STATE none is
/// open here. With a failed journal it ends in memory only: that STOP is never sent, the one the next boot makes is.
HF_MUST_CHECK int evse_store_end(evse_store_t *store, unsigned connector, evse_stop_reason_t reason,
                                 const char *stop_id_tag, uint64_t register_mJ, evse_moment_t at);

/// Keeps a sample set for the STOP of the open transaction (StopTxn data): journalled at once, so before the STOP; at most
/// CONFIG_EVSE_TXDATA_MAX of them: then every second one goes, the first and the newest stay. Each takes an entry of the
/// index until the STOP is confirmed. HF_E_STATE none is open here, HF_E_FULL, HF_E_IO. Never called: nothing is written.
HF_MUST_CHECK int evse_store_txdata(evse_store_t *store, unsigned connector,
                                    const evse_message_t *sample);
/// Reads the kept sample sets of a transaction in their order: `*cursor` is 0 for the first and moves on. 1 one was read,
/// 0 no more, HF_E_IO (that one is skipped: the cursor has moved on).
HF_MUST_CHECK int evse_store_txdata_next(evse_store_t *store, uint32_t transaction,
                                         uint32_t *cursor, evse_message_t *out);
/// Journals what waits in memory alone (MeterValues): once the link is down, or the first sending of one stays unconfirmed
/// for the message time-out, and before an orderly end. Call it in every round while that lasts: nothing to do costs a
/// comparison. HF_E_FULL: the rest stays in memory; HF_E_IO.
HF_MUST_CHECK int evse_store_keep_all(evse_store_t *store);

/// Messages that have not been confirmed.
uint32_t evse_store_waiting(const evse_store_t *store);
/// Reads a message that waits, by its place from the oldest: 1 read, 0 no such place, HF_E_CORRUPT, HF_E_IO. For those who
/// look, not for those who send. Cost: O(messages), a read of the flash.
HF_MUST_CHECK int evse_store_peek(const evse_store_t *store, uint32_t place, evse_message_t *out);
/// True while a transaction is open or anything of it waits; and the lowest number of any such, 0 none.
bool evse_store_knows(const evse_store_t *store, uint32_t transaction);
uint32_t evse_store_oldest(const evse_store_t *store);
/// The message to send next: the oldest, once it is durable and its time is known; NULL none, or not yet. Good until
/// the next call.
/// Cost: for each message once a read of the flash. One that cannot be read back is logged, counted and given up.
const evse_message_t *evse_store_next(evse_store_t *store);
/// Of the message to send next, or of a transaction open now; NULL any other (or, while its slot is free, not).
const evse_transaction_t *evse_store_transaction(const evse_store_t *store, uint32_t number);
/// The oldest was confirmed; for a START, `transaction_id` is what the central system gave. It leaves the queue when
/// that has become durable. HF_E_STATE: none was to be sent. HF_E_IO: the journal has failed; the message left the queue
/// in memory only and goes out once more, the same, after a restart.
HF_MUST_CHECK int evse_store_confirm(evse_store_t *store, int32_t transaction_id);
/// The oldest got a CALLERROR: counts it; the `attempts_max`-th one removes it (journalled, logged as lost). Statuses of
/// evse_store_confirm(). The count of a journalled message survives a reboot. A START lost leaves its transaction
/// without an id: -1 goes with what follows.
HF_MUST_CHECK int evse_store_refuse(evse_store_t *store, uint32_t attempts_max);
/// "<nonce>-<boot>-<sequence>" in hex. Also for messages outside transactions: evse_store_new_id().
void evse_store_id_text(const evse_store_t *store, uint64_t id, char text[EVSE_MESSAGE_ID_BYTES]);
uint64_t evse_store_new_id(evse_store_t *store);

/// Checkpoints a register when 60 s or 50 Wh have passed since the last one, whichever comes first; `now` forces it.
/// A register that has not grown is written only while a transaction is open here; one that went back never is.
HF_MUST_CHECK int evse_store_register(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                                      uint64_t now_us, bool now);
/// HF_E_TOO_LONG, HF_E_FULL (CONFIG_EVSE_SETTINGS_BYTES, or the journal), HF_E_IO.
HF_MUST_CHECK int evse_store_set(evse_store_t *store, const char *key, const char *value);
/// NULL when it was never set. Good until the next evse_store_set().
const char *evse_store_get(const evse_store_t *store, const char *key);
/// Things other modules must not forget, in bytes of their own: kept by kind and key, replaced whole, read back from the
/// flash (no copy in memory). Little-endian, byte by byte, with a version of the owner's.
typedef enum evse_object_kind {  // numbers are in the journal: append only
    EVSE_OBJECT_PROFILE = 1,     // charging profile; key: its slot
    EVSE_OBJECT_RESERVATION = 2, // key: the connector
    EVSE_OBJECT_SIGNED = 3,  // signed meter value of a transaction not confirmed yet; key: owner's
    EVSE_OBJECT_UPDATE = 4,  // an UpdateFirmware or GetDiagnostics under way
    EVSE_OBJECT_NETWORK = 5, // stored credentials; key: their slot
    EVSE_OBJECT_VENDOR = 6,  // a vendor message that waits for a link; key: its owner's
    EVSE_OBJECT_DOSSIER = 7, // why the device restarted; key: its owner's
    EVSE_OBJECT_KINDS
} evse_object_kind_t;
#define EVSE_OBJECT_BYTES_MAX 900u

/// HF_E_TOO_LONG, HF_E_FULL (table or journal), HF_E_IO. Durable once evse_store_is_durable() says so.
HF_MUST_CHECK int evse_store_keep(evse_store_t *store, evse_object_kind_t kind, uint16_t key,
                                  const void *data, size_t length);
/// Its length, copied to `data`; HF_E_NOT_FOUND, HF_E_TOO_LONG (of `capacity`), HF_E_IO.
HF_MUST_CHECK int evse_store_kept(evse_store_t *store, evse_object_kind_t kind, uint16_t key,
                                  void *data, size_t capacity);
/// 0 also when there is none.
HF_MUST_CHECK int evse_store_forget(evse_store_t *store, evse_object_kind_t kind, uint16_t key);
/// The smallest key of a kind that is `from` or larger; -1 none.
int32_t evse_store_next_key(const evse_store_t *store, evse_object_kind_t kind, uint16_t from);

HF_MUST_CHECK int evse_store_set_inoperative(evse_store_t *store, unsigned connector,
                                             bool inoperative);
/// That a session ended is told by its STOP; that the plug has gone is recorded with the next checkpoint (within 60 s).
HF_MUST_CHECK int evse_store_set_finishing(evse_store_t *store, unsigned connector, bool finishing);
HF_MUST_CHECK int evse_store_set_latch(evse_store_t *store, bool estop, uint32_t welds);
/// HF_E_ARGUMENT no such connector or no profile. The same proof again is recorded again: it tells when.
HF_MUST_CHECK int evse_store_set_proof(evse_store_t *store, unsigned connector,
                                       const evse_proof_t *proof);
/// True when the last proof is of this profile and so many units.
bool evse_store_is_proven(const evse_store_t *store, unsigned connector, const char *profile,
                          uint32_t units);
/// Journals all that waits in memory alone, and records that what follows is an orderly end; the next boot ends open
/// transactions with this reason.
HF_MUST_CHECK int evse_store_shutdown(evse_store_t *store, evse_stop_reason_t reason);
/// The clock became known, or better: recorded the first time in this boot, and only when something waits without UTC.
/// From then on moments handed in without UTC get it. HF_E_FULL: not recordable yet, tell it again later.
HF_MUST_CHECK int evse_store_set_clock(evse_store_t *store, uint64_t utc_offset_ms);
/// UTC of a moment, the same answer for ever once it is known; 0 unknown (the clock of that boot never was known: then
/// the offset of the next boot that has one, less nothing, counts: later than the truth, never before it). An offset counts
/// once its record is durable; until then evse_store_next() holds back what needs it.
uint64_t evse_store_utc_ms(const evse_store_t *store, evse_moment_t at);

#endif
