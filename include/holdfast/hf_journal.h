// SPDX-License-Identifier: MIT
// Durable state: append-only records (type, version, length, CRC-32C) over a flash seam, compacted from segment to
// segment. A power cut at any write, or within any write, leaves the state before or after that record.
// How it works: the state is a fold over the records. When a segment is full, the next one is erased, the owner
// dumps its live state into it, unknown record types are copied, and a commit record makes it the current one.
#ifndef HF_JOURNAL_H
#define HF_JOURNAL_H

#include "holdfast/hf_flash.h"

#define HF_JOURNAL_RECORD_BYTES_MAX 1024u

typedef struct hf_journal hf_journal_t;

typedef struct hf_journal_owner {
    void *ctx;
    /// Called once per record, in order, while opening. Returns 1 known, 0 unknown type (the journal keeps it).
    /// A negative status stops the opening and is returned by hf_journal_open().
    int (*replay)(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length);
    /// Appends everything that must survive. Called inside hf_journal_append(); appends go to the new segment.
    /// A negative status abandons the compaction and the old segment stays current.
    int (*dump)(void *ctx, hf_journal_t *journal);
} hf_journal_owner_t;

struct hf_journal {
    hf_flash_t flash;
    hf_journal_owner_t owner;
    uint32_t segment;    // current
    uint32_t generation; // of the current segment
    uint32_t offset;     // of the next record
    uint64_t appended;   // sequence number of the last record appended since opening
    uint64_t durable;    // sequence number up to which a sync has confirmed
    uint64_t syncing;    // what the running sync will confirm; 0 none
    int failed; // a negative status once sync, program or erase failed: from then on nothing is accepted
    bool needs_compaction; // a torn tail was found while opening
    bool compacting;
    uint32_t compactions, torn_tails, bytes_appended; // counters
};

/// Mounts: finds the newest committed segment and replays it. A flash without any is formatted (erased, committed).
/// HF_E_ARGUMENT bad geometry, HF_E_IO, HF_E_CORRUPT no segment is readable although some are not blank.
HF_MUST_CHECK int hf_journal_open(hf_journal_t *journal, const hf_flash_t *flash,
                                  const hf_journal_owner_t *owner);
/// Appends one record of up to HF_JOURNAL_RECORD_BYTES_MAX (type 1 to 254). It is durable once
/// hf_journal_durable() >= the hf_journal_appended() read right after this call.
/// HF_E_FULL when even a compaction leaves no room; HF_E_IO once the journal has failed.
/// Cost: one program; a compaction at times (as long as an erase and a dump). Context: the owner's loop.
HF_MUST_CHECK int hf_journal_append(hf_journal_t *journal, uint8_t type, uint8_t version,
                                    const void *data, uint32_t length);
/// Drives the sync: call in every round of the owner's loop. 0, or the failure.
int hf_journal_poll(hf_journal_t *journal);
uint64_t hf_journal_appended(const hf_journal_t *journal);
uint64_t hf_journal_durable(const hf_journal_t *journal);
/// Bytes of the current segment still free.
uint32_t hf_journal_free_bytes(const hf_journal_t *journal);

#endif
