// SPDX-License-Identifier: MIT
// What the sources of the store share: record types and their writing. Bytes: docs/SPEC.md, "Store".
// Invariants: every record is little-endian, byte by byte, of version 1; types are never renumbered; a record is written
// before what it tells changes memory, so that a dump inside the append never tells it twice.
#ifndef EVSE_STORE_PRIVATE_H
#define EVSE_STORE_PRIVATE_H

#include "evse/evse_store.h"

#define EVSE_STORE_VERSION          1u
#define EVSE_STORE_VERSION_2        2u // START with its reservation, METER with phases
#define EVSE_STORE_RECORD_BYTES_MAX 192u
#define EVSE_STORE_MESSAGE_BYTES    88u // the longest message record
#define EVSE_STORE_MJ_PER_WH        3600000u
#define EVSE_STORE_CHECKPOINT_US    60000000u
#define EVSE_STORE_CHECKPOINT_MJ    (50u * EVSE_STORE_MJ_PER_WH)
#define EVSE_STORE_UNRECORDED       UINT64_MAX // durable_at of a STOP the journal has not taken yet

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
    EVSE_RECORD_COUNT
} evse_record_t;

// ---- evse_store_records.c: one record each, from what the store holds or is told --------------------------------------

HF_MUST_CHECK int evse_record_boot(evse_store_t *store);
HF_MUST_CHECK int evse_record_shutdown(evse_store_t *store, uint8_t reason);
HF_MUST_CHECK int evse_record_clock(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms);
HF_MUST_CHECK int evse_record_register(evse_store_t *store, unsigned connector);
HF_MUST_CHECK int evse_record_message(evse_store_t *store, const evse_message_t *message,
                                      const evse_transaction_t *transaction);
HF_MUST_CHECK int evse_record_done(evse_store_t *store, uint64_t id, bool lost,
                                   int32_t transaction_id);
HF_MUST_CHECK int evse_record_transaction(evse_store_t *store,
                                          const evse_transaction_t *transaction, uint8_t state);
HF_MUST_CHECK int evse_record_setting(evse_store_t *store, const char *key, const char *value);
HF_MUST_CHECK int evse_record_flag(evse_store_t *store, evse_record_t type, unsigned connector,
                                   bool value);
HF_MUST_CHECK int evse_record_latch(evse_store_t *store, bool estop, uint32_t welds);
HF_MUST_CHECK int evse_record_proof(evse_store_t *store, unsigned connector,
                                    const evse_proof_t *proof);

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

// ---- evse_store_replay.c, evse_store_dump.c: the journal's owner ------------------------------------------------------

int evse_store_replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length);
int evse_store_dump(void *ctx, hf_journal_t *journal);
void evse_store_moved(void *ctx, uint32_t position, const hf_journal_record_t *record,
                      const void *data);
/// True when the journal has room for `messages` more records of a message and `bytes` besides, for all that is
/// already promised, and for a margin that keeps compactions rare.
bool evse_store_has_journal_room(const evse_store_t *store, uint32_t messages, uint32_t bytes);

// ---- evse_store_queue.c -----------------------------------------------------------------------------------------------

evse_transaction_t *evse_store_find(const evse_store_t *store, uint32_t number);
/// NULL when the pool is exhausted.
evse_transaction_t *evse_store_add_transaction(evse_store_t *store, uint32_t number);
void evse_store_free_transaction(evse_store_t *store, evse_transaction_t *transaction);
void evse_store_link(evse_store_t *store, evse_message_t *message, evse_transaction_t *transaction);
/// Takes the head out of the queue, and its transaction out of memory when that was all of it.
void evse_store_remove_head(evse_store_t *store);
/// Takes confirmations and STOPs further that wait for the journal.
void evse_store_advance(evse_store_t *store);
/// Ends what was open when the power went.
HF_MUST_CHECK int evse_store_recover(evse_store_t *store);

// ---- evse_store_clock.c -----------------------------------------------------------------------------------------------

bool evse_moment_is_after(evse_moment_t a, evse_moment_t b);
/// The moment with the UTC of this boot, if it has none and the clock is known.
evse_moment_t evse_store_stamp(const evse_store_t *store, evse_moment_t at);
/// Records an offset in memory; drops those nothing needs. HF_E_FULL.
HF_MUST_CHECK int evse_store_add_offset(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms);

/// Copies a text of less than `capacity` bytes; an empty one when it is NULL or too long.
void evse_store_copy_text(char *out, size_t capacity, const char *text);

#endif
