// SPDX-License-Identifier: MIT
// Durable state: append-only records (type, version, length, CRC-32C) over a flash seam, compacted from segment to
// segment. A power cut at any write, or within any write, leaves the state before or after that record.
// How it works: the state is a fold over the records. When a segment is full, the next one is erased, the owner
// dumps its live state into it, unknown record types are copied, and a commit record makes it the current one.
// Damage (bit rot) costs the records it hit, and those behind it count, where it cannot be what a power cut leaves: before
// what the segment's mark (a record of the journal's own, once its commit is durable) tells to be durable, anything is
// damage; behind it, what does not end a sector as erased: a lost sector does.
#ifndef HF_JOURNAL_H
#define HF_JOURNAL_H

#include "holdfast/hf_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_JOURNAL_RECORD_BYTES_MAX 1024u
#define HF_JOURNAL_SECTOR_BYTES     512u // the least that is kept or lost as a whole before a sync
#define HF_JOURNAL_SYNC_POLLS_MAX   (1u << 28)

typedef struct hf_journal hf_journal_t;

/// What a record is, without its data.
typedef struct hf_journal_record {
    uint8_t type, version;
    uint16_t length;
} hf_journal_record_t;

typedef struct hf_journal_owner {
    void *ctx;
    /// Called once per record, in order, while opening. Returns 1 known, 0 unknown type (the journal keeps it).
    /// A negative status stops the opening and is returned by hf_journal_open().
    int (*replay)(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length);
    /// Appends everything that must survive. Called inside hf_journal_append(); appends go to the new segment.
    /// A negative status abandons the compaction and the old segment stays current.
    int (*dump)(void *ctx, hf_journal_t *journal);
    /// NULL, or called after a compaction for every record its dump wrote, in their order: its new position. An abandoned
    /// compaction calls nothing: the old positions stay good. Must not append.
    void (*moved)(void *ctx, uint32_t position, const hf_journal_record_t *record,
                  const void *data);
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
    bool needs_compaction; // a torn tail or damage was found while opening
    bool compacting;
    bool sync_running, sync_covers_commit;
    bool
        commit_durable; // the current segment's commit is durable: only then another one may be erased
    bool marked;        // there is a mark in it
    uint8_t torn_tails;                   // 1 when there was one while opening
    uint32_t compactions, bytes_appended; // counters
    uint32_t holes;    // damaged places stepped over while opening: each has cost a record or more
    uint32_t stranded; // records found valid behind the end while opening: lost with what ended it
    uint32_t erase_count; // how often the current segment has been erased in its life
    // Private.
    uint32_t next_generation;
    uint32_t
        compacted_offset; // where the records of the current segment begin that came after its commit
    uint32_t unknown[8];                        // bit per record type that the owner did not know
    uint32_t unknown_bytes;                     // what their records take
    uint32_t position;                          // of the record appended or replayed last
    uint32_t durable_offset, syncing_offset;    // of the current segment
    uint32_t source_segment, source_generation; // what a running dump reads from
    uint64_t full_at;   // appended + 1 when a compaction last left no room; 0 never
    int compact_status; // first failure of an append inside the running dump
};

/// Mounts: finds the newest committed segment and replays it. A flash without any is formatted (erased, committed).
/// What was replayed is durable once the sync that the first hf_journal_poll() starts has ended (after a kill it may
/// have been read from a cache): append a record after opening and wait for that one.
/// Damage is stepped over, or ends the replay, as above; `holes` and `stranded` are known before the first replay().
/// Cost: each record is read and checked twice. With damage or a torn tail what follows it once more, and of what is no
/// record each program_bytes are tried as the beginning of one: a head each, and a CRC where its length is possible (8
/// bytes for each in the mean, 1 KB at worst: linear in the segment).
/// HF_E_ARGUMENT bad geometry, or not the one the flash was formatted with; HF_E_IO; HF_E_CORRUPT no segment is readable
/// although some are not blank; HF_E_UNSUPPORTED a segment is of another format version.
HF_MUST_CHECK int hf_journal_open(hf_journal_t *journal, const hf_flash_t *flash,
                                  const hf_journal_owner_t *owner);
/// Appends one record of up to HF_JOURNAL_RECORD_BYTES_MAX (type 1 to 254). It is durable once
/// hf_journal_durable() >= the hf_journal_appended() read right after this call.
/// HF_E_FULL when even a compaction leaves no room; HF_E_IO once the journal has failed. HF_E_AGAIN, nothing has changed:
/// a compaction is due, the current segment is not durable yet (so no other may be erased), and its sync did not end
/// within HF_JOURNAL_SYNC_POLLS_MAX polls, which this call waits for. It takes a segment filled within one sync.
/// Cost: one program (two or more above 256 bytes); a compaction at times: an erase, a dump, and where the segment is
/// not durable yet, its sync. Context: the owner's loop.
HF_MUST_CHECK int hf_journal_append(hf_journal_t *journal, uint8_t type, uint8_t version,
                                    const void *data, uint32_t length);
/// Drives the sync: call in every round of the owner's loop. 0, or the failure. Programs a mark in each segment once.
int hf_journal_poll(hf_journal_t *journal);
uint64_t hf_journal_appended(const hf_journal_t *journal);
uint64_t hf_journal_durable(const hf_journal_t *journal);
/// Where the record appended last lies, or, inside replay(), the one being told: for hf_journal_read(). Less than 2^24, a
/// multiple of program_bytes, above 0. Good until the next compaction, which tells the new ones by moved().
uint32_t hf_journal_position(const hf_journal_t *journal);
/// Reads a record back and checks it. Inside dump() positions are those of before the compaction. Works after the journal
/// has failed. HF_E_CORRUPT there is no valid record (any more); HF_E_TOO_LONG (record is filled in); HF_E_IO.
/// Cost: one flash read or more, and a CRC of the record.
HF_MUST_CHECK int hf_journal_read(const hf_journal_t *journal, uint32_t position,
                                  hf_journal_record_t *record, void *data, uint32_t capacity);
/// True when the record at this position would be there after a power cut.
bool hf_journal_is_durable(const hf_journal_t *journal, uint32_t position);
/// Bytes of the current segment still free; 0 when a compaction must come first.
uint32_t hf_journal_free_bytes(const hf_journal_t *journal);
/// Bytes a freshly compacted segment has for records, and what a record of `length` takes of them: an owner whose dump
/// stays below the first, with room for what it still must append, never meets HF_E_FULL.
uint32_t hf_journal_capacity_bytes(const hf_journal_t *journal);
uint32_t hf_journal_record_bytes(const hf_journal_t *journal, uint32_t length);

#ifdef __cplusplus
}
#endif

#endif
