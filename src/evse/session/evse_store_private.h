// SPDX-License-Identifier: MIT
// What the sources of the store share: record types and their writing and reading, the queue's index, room. Bytes:
// docs/SPEC.md, "Store".
// Invariants: every record is little-endian, byte by byte; types are never renumbered; a record is written before what
// it tells changes memory, so that a dump inside the append never tells it twice.
#ifndef EVSE_STORE_PRIVATE_H
#define EVSE_STORE_PRIVATE_H

#include "evse/evse_store.h"

#define EVSE_STORE_VERSION 1u
#define EVSE_STORE_VERSION_2                                                                       \
    2u // START, METER, STOP, REGISTER: compact moments, all name their connector
#define EVSE_STORE_RECORD_BYTES_MAX (EVSE_VALUE_BYTES + 64u) // of all but objects
#define EVSE_STORE_START_BYTES      67u                      // the longest
#define EVSE_STORE_STOP_BYTES       64u
#define EVSE_STORE_METER_BYTES      (37u + 6u * EVSE_SAMPLES_MAX)
#define EVSE_STORE_METER_BYTES_MIN  37u
#define EVSE_STORE_MJ_PER_WH        3600000u
#define EVSE_STORE_CHECKPOINT_US    60000000u
#define EVSE_STORE_CHECKPOINT_MJ    (50u * EVSE_STORE_MJ_PER_WH)
#define EVSE_STORE_NO_CONNECTOR     255u
#define EVSE_STORE_FINISHING_BIT    0x80u // in the connector of a REGISTER

typedef enum evse_record {
    EVSE_RECORD_BOOT = 1,
    EVSE_RECORD_SHUTDOWN = 2,
    EVSE_RECORD_CLOCK = 3,
    EVSE_RECORD_REGISTER = 4,
    EVSE_RECORD_START = 5,
    EVSE_RECORD_METER = 6,
    EVSE_RECORD_STOP = 7,
    EVSE_RECORD_DONE = 8,
    EVSE_RECORD_TRANSACTION = 9, // written by a dump alone
    EVSE_RECORD_SETTING = 10,
    EVSE_RECORD_INOPERATIVE = 11,
    EVSE_RECORD_FINISHING = 12,
    EVSE_RECORD_LATCH = 13,
    EVSE_RECORD_PROOF = 14,
    EVSE_RECORD_OBJECT = 15,
    EVSE_RECORD_FORGET = 16,
    EVSE_RECORD_TXDATA = 17,
    EVSE_RECORD_REFUSED = 18,
    EVSE_RECORD_THINNED = 19,
    EVSE_RECORD_COUNT
} evse_record_t;

/// What a record of the queue tells, whole.
typedef struct evse_entry {
    evse_message_t message;
    uint64_t register_mJ; // START, STOP
    int32_t reservation_id;
    uint8_t connector; // EVSE_STORE_NO_CONNECTOR: a METER or STOP of version 1
    uint8_t type;      // EVSE_RECORD_START, _METER, _STOP, _TXDATA
    char tag[EVSE_ID_TAG_BYTES];
} evse_entry_t;

// ---- evse_store_records.c: one record each, from what the store holds or is told --------------------------------------

HF_MUST_CHECK int evse_record_boot(evse_store_t *store);
HF_MUST_CHECK int evse_record_shutdown(evse_store_t *store, uint8_t reason);
HF_MUST_CHECK int evse_record_clock(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms);
/// With the state of Finishing, which is known to the journal from then on.
HF_MUST_CHECK int evse_record_register(evse_store_t *store, unsigned connector);
HF_MUST_CHECK int evse_record_entry(evse_store_t *store, const evse_entry_t *entry);
/// `how`: bit 0 given up, from bit 1 on the kind of message.
HF_MUST_CHECK int evse_record_done(evse_store_t *store, uint64_t id, unsigned how,
                                   int32_t transaction_id);
HF_MUST_CHECK int evse_record_refused(evse_store_t *store, uint64_t id, uint8_t attempts);
#define EVSE_THINNED_MAX 40u // ids in a record
/// Readings of one boot, by their sequences.
HF_MUST_CHECK int evse_record_thinned(evse_store_t *store, uint32_t boot, const uint32_t *sequences,
                                      uint32_t count);
HF_MUST_CHECK int evse_record_transaction(evse_store_t *store,
                                          const evse_transaction_t *transaction, uint8_t state);
HF_MUST_CHECK int evse_record_setting(evse_store_t *store, const char *key, const char *value);
HF_MUST_CHECK int evse_record_flag(evse_store_t *store, evse_record_t type, unsigned connector,
                                   bool value);
HF_MUST_CHECK int evse_record_latch(evse_store_t *store, bool estop, uint32_t welds);
HF_MUST_CHECK int evse_record_proof(evse_store_t *store, unsigned connector,
                                    const evse_proof_t *proof);

// ---- evse_store_parse.c -----------------------------------------------------------------------------------------------

/// Reads a record of the queue, of any version. HF_E_CORRUPT, HF_E_UNSUPPORTED (version, connector).
HF_MUST_CHECK int evse_store_parse(const hf_journal_record_t *record, const uint8_t *data,
                                   evse_entry_t *entry);

// ---- evse_store_objects.c ---------------------------------------------------------------------------------------------

/// 1, or HF_E_CORRUPT, HF_E_FULL.
HF_MUST_CHECK int evse_store_apply_object(evse_store_t *store, const uint8_t *data,
                                          uint32_t length);
HF_MUST_CHECK int evse_store_apply_forget(evse_store_t *store, const uint8_t *data,
                                          uint32_t length);
HF_MUST_CHECK int evse_store_dump_objects(evse_store_t *store);
void evse_store_object_moved(evse_store_t *store, uint32_t position, const uint8_t *data);
/// What they take of the journal.
uint32_t evse_store_object_bytes(const evse_store_t *store);

// ---- evse_store_settings.c --------------------------------------------------------------------------------------------

/// HF_E_FULL. Changes memory alone.
HF_MUST_CHECK int evse_store_put_setting(evse_store_t *store, const char *key, const char *value);
HF_MUST_CHECK int evse_store_dump_settings(evse_store_t *store);
uint32_t evse_store_setting_bytes(const evse_store_t *store);

// ---- evse_store_replay.c, evse_store_dump.c: the journal's owner ------------------------------------------------------

int evse_store_replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length);
int evse_store_dump(void *ctx, hf_journal_t *journal);
void evse_store_moved(void *ctx, uint32_t position, const hf_journal_record_t *record,
                      const void *data);

// ---- evse_store_repair.c: the replay, where records are missing --------------------------------------------------------

#if CONFIG_HF_JOURNAL_REPAIR
#define EVSE_STORE_BOOTS_LOST 256u
/// In the id of a STOP that a START makes: no sequence gets there. Without it: its place in the queue.
#define EVSE_STORE_MADE_ID ((uint64_t)1 << 31)

bool evse_repair_has_holes(const evse_store_t *store);
/// True when there is, from now on, a transaction that a reading, a sample set or a STOP is of.
bool evse_repair_belongs(evse_store_t *store, const evse_entry_t *entry);
/// Makes way for a START: the STOP before it on this connector is lost. It is put into the queue before the START, which
/// tells it, because nothing is drawn between the two; if it had been confirmed, the transaction goes. HF_E_CORRUPT.
HF_MUST_CHECK int evse_repair_start(evse_store_t *store, const evse_entry_t *start);
/// Makes the STOP of a transaction out of the START behind it.
void evse_repair_make_stop(evse_entry_t *start, uint32_t transaction);
/// A confirmation of what is lost; `kind` 0: an older build did not tell it.
void evse_repair_done(evse_store_t *store, uint64_t id, unsigned kind, int32_t transaction_id);
/// When all has been replayed.
void evse_repair_finish(evse_store_t *store);
#else
#define EVSE_STORE_MADE_ID 0u

static inline bool evse_repair_has_holes(const evse_store_t *store)
{
    (void)store;
    return false;
}
#endif

// ---- evse_store_index.c: the queue's index, by place from the oldest --------------------------------------------------

#define EVSE_QUEUED_KIND   3u
#define EVSE_QUEUED_MEMORY 4u // METER: position is an index of reading[]; STOP: of slot[]
#define EVSE_QUEUED_NO_UTC 8u // the moment it tells
#define EVSE_QUEUED_LOST                                                                           \
    16u // the flash could not give it back; a STOP at position 0: evse_repair_start()
#define EVSE_KIND_TXDATA 0u // beside evse_message_kind_t

evse_queued_t *evse_index_at(const evse_store_t *store, uint32_t i);
unsigned evse_index_kind(const evse_queued_t *queued);
uint32_t evse_index_position(const evse_queued_t *queued);
void evse_index_set_position(evse_queued_t *queued, uint32_t position);
/// The whole number: those that wait lie less than 2^16 apart.
uint32_t evse_index_transaction(const evse_store_t *store, const evse_queued_t *queued);
bool evse_index_is_of(const evse_queued_t *queued, uint32_t transaction);
/// The oldest message; `count` when there is none. Cost: the sample sets before it.
uint32_t evse_index_head(const evse_store_t *store);
/// There must be room.
void evse_index_insert(evse_store_t *store, uint32_t i, evse_queued_t queued);
/// Takes it out; what it holds in memory is free again.
void evse_index_remove(evse_store_t *store, uint32_t i);
/// The same for what the journal holds and memory has not read: it is no longer counted as room taken.
void evse_index_count_off(evse_store_t *store, uint32_t i);
void evse_index_remove_counted(evse_store_t *store, uint32_t i);
/// Appends an entry for what was just recorded.
void evse_index_append_recorded(evse_store_t *store, const evse_entry_t *entry);
evse_queued_t evse_index_recorded(const evse_store_t *store, const evse_entry_t *entry);
/// Reads what an entry stands for, wherever it is; `bytes`, unless NULL, is what it takes of the journal.
/// HF_E_CORRUPT the flash has lost it, HF_E_IO.
HF_MUST_CHECK int evse_index_read(const evse_store_t *store, uint32_t i, evse_entry_t *entry,
                                  uint32_t *bytes);
/// True when anything of this transaction is in the queue; `kind` is that of the newest.
bool evse_index_knows(const evse_store_t *store, uint32_t transaction, unsigned *kind);
/// Takes out the sample sets of a transaction that `drops` names by their number from 1. NULL: all.
void evse_index_remove_txdata(evse_store_t *store, uint32_t transaction,
                              bool (*drops)(uint32_t number));
uint32_t evse_index_count_txdata(const evse_store_t *store, uint32_t transaction);
bool evse_txdata_is_thinned(uint32_t number);

// ---- evse_store_room.c ------------------------------------------------------------------------------------------------

#define EVSE_STORE_SESSION_BYTES                                                                   \
    (16u + EVSE_STORE_START_BYTES + EVSE_STORE_STOP_BYTES + 30u) // with their heads and padding

typedef struct evse_need {
    uint32_t entries;
    uint32_t bytes;  // of the journal
    bool is_reading; // leaves a part to START and STOP
} evse_need_t;

/// True when the journal has room for `bytes`, for all that is already promised, and for a margin that keeps
/// compactions rare.
bool evse_store_has_journal_room(const evse_store_t *store, uint32_t bytes);
/// Thins until there is room; false when there is none.
bool evse_store_make_room(evse_store_t *store, evse_need_t need);
/// Thins once. Returns how many readings went.
uint32_t evse_store_thin(evse_store_t *store);

// ---- evse_store_queue.c, evse_store_send.c ----------------------------------------------------------------------------

evse_transaction_t *evse_store_find(const evse_store_t *store, uint32_t number);
/// A free slot, cleared; NULL none.
evse_transaction_t *evse_store_take_slot(evse_store_t *store, uint32_t number, unsigned connector);
void evse_store_give_slot(evse_transaction_t *transaction);
/// The slot of what an entry belongs to: made from the entry if there is none. NULL no slot is free.
evse_transaction_t *evse_store_context(evse_store_t *store, const evse_entry_t *entry);
/// Takes an entry of the queue out, and with a STOP what belongs to its transaction.
void evse_store_leave(evse_store_t *store, uint32_t i);
/// Takes confirmations and STOPs further that wait for the journal.
void evse_store_advance(evse_store_t *store);
/// Journals a STOP that is in memory alone. The status of the journal.
HF_MUST_CHECK int evse_store_record_stop(evse_store_t *store, evse_transaction_t *transaction,
                                         uint32_t *bytes);
/// Registers only grow: a reading from before the last checkpoint counts as that checkpoint.
void evse_store_raise_register(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                               const evse_moment_t *at);
/// What a STOP made at boot must not fall behind. NULL: nothing.
void evse_store_note_last(evse_transaction_t *transaction, const evse_message_t *message);
/// Ends what was open when the power went.
HF_MUST_CHECK int evse_store_recover(evse_store_t *store);
void evse_store_note_lost(evse_store_t *store, const char *what, uint32_t number);

// ---- evse_store_clock.c -----------------------------------------------------------------------------------------------

bool evse_moment_is_after(const evse_moment_t *a, const evse_moment_t *b);
/// Gives the moment the UTC of this boot, if it has none and the clock is known.
void evse_store_stamp(const evse_store_t *store, evse_moment_t *at);
/// Records an offset in memory; drops those nothing needs. HF_E_FULL.
HF_MUST_CHECK int evse_store_add_offset(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms);

/// Copies a text of less than `capacity` bytes; an empty one when it is NULL or too long.
void evse_store_copy_text(char *out, size_t capacity, const char *text);

#endif
