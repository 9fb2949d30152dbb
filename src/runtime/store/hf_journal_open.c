// SPDX-License-Identifier: MIT
// Mounting: which segment is the newest that was committed, where its records end, whether the rest is really erased.
// Invariant: only flash that holds no application record at all is ever formatted.
#include "hf_journal_format.h"

#include <string.h>

static bool is_geometry_ok(const hf_flash_t *flash)
{
    uint32_t unit = flash->program_bytes;
    return flash->ops != NULL && flash->segment_bytes >= 1024u &&
           flash->segment_bytes <= 1u << 24 && flash->segment_count >= 2u && unit >= 1u &&
           unit <= 16u && (unit & (unit - 1u)) == 0 && flash->segment_bytes % unit == 0;
}

/// The newest header below `below`: 1 found, 0 none.
static int find_header(hf_journal_t *journal, uint64_t below)
{
    int found = 0;
    for (uint32_t i = 0; i < journal->flash.segment_count; i++) {
        hf_journal_header_t header;
        int status = hf_journal_read_header(journal, i, &header);
        if (status < 0) {
            return status;
        }
        if (status == 1 && header.generation >= journal->next_generation) {
            journal->next_generation = header.generation + 1u;
        }
        if (status == 1 && header.generation < below &&
            (found == 0 || header.generation > journal->generation)) {
            found = 1;
            journal->segment = i;
            journal->generation = header.generation;
            journal->erase_count = header.erase_count;
        }
    }
    return found;
}

/// 1 a commit record or a mark: what it tells; 0 any other.
static int read_commit(const hf_journal_t *journal, const hf_journal_cursor_t *cursor,
                       uint32_t *told)
{
    uint8_t bytes[HF_JOURNAL_COMMIT_BYTES];
    if (cursor->type != HF_JOURNAL_TYPE_COMMIT || cursor->length != sizeof bytes) {
        return 0;
    }
    const hf_flash_t *flash = &journal->flash;
    if (flash->ops->read(flash->ctx, cursor->segment, cursor->data_offset, bytes, sizeof bytes) !=
        0) {
        return HF_E_IO;
    }
    *told = hf_journal_get_u32(bytes);
    return 1;
}

static uint32_t beginning(const hf_journal_cursor_t *cursor)
{
    return cursor->data_offset - HF_JOURNAL_RECORD_HEAD;
}

/// Counts the valid records behind a place that is none, and finds how far a mark among them proves that all was durable.
static int survey(hf_journal_t *journal, hf_journal_cursor_t cursor, uint32_t *proven)
{
    int status;
    while ((status = hf_journal_find(journal, &cursor)) > 0) {
        uint32_t told = 0;
        journal->stranded++;
        status = read_commit(journal, &cursor, &told);
        if (status < 0) {
            return status;
        }
        *proven = status == 1 && cursor.version == HF_JOURNAL_MARK ? told : *proven;
    }
    return status;
}

#if CONFIG_HF_JOURNAL_REPAIR
/// True when a sector that was lost before any sync could lie here: erased at its end, which is behind `from`.
static int could_be_unwritten(const hf_journal_t *journal, uint32_t from, uint32_t to)
{
    const hf_flash_t *flash = &journal->flash;
    for (uint32_t end = (from | (HF_JOURNAL_SECTOR_BYTES - 1u)) + 1u; end <= to;
         end += HF_JOURNAL_SECTOR_BYTES) {
        uint8_t last;
        if (flash->ops->read(flash->ctx, journal->segment, end - 1u, &last, 1) != 0) {
            return HF_E_IO;
        }
        if (last == HF_JOURNAL_TYPE_BLANK) {
            return 1;
        }
    }
    return 0;
}

/// Damage, when a valid record follows: 1 the cursor has read it; 0 it may be what a power cut has left, too.
static int step_over(hf_journal_t *journal, hf_journal_cursor_t *cursor, uint32_t proven)
{
    int status = hf_journal_find(journal, cursor);
    if (status > 0 && beginning(cursor) > proven) {
        status = proven == 0 ? 1 : could_be_unwritten(journal, journal->offset, beginning(cursor));
        status = status < 0 ? status : !status;
    }
    journal->holes += status == 1 ? 1u : 0u;
    return status;
}
#endif

/// At a place that is no valid record: 0 the end, else as step_over().
static int pass_or_end(hf_journal_t *journal, hf_journal_cursor_t *cursor, uint32_t *proven)
{
    int status = journal->holes > 0 ? HF_OK : survey(journal, *cursor, proven);
#if CONFIG_HF_JOURNAL_REPAIR
    if (status == 0 && journal->stranded > 0) {
        return step_over(journal, cursor, *proven);
    }
#endif
    return status;
}

/// Walks the segment just found: 1 it was committed (offset and compacted_offset are set), 0 not.
static int walk(hf_journal_t *journal)
{
    hf_journal_cursor_t cursor = {.segment = journal->segment,
                                  .generation = journal->generation,
                                  .offset = HF_JOURNAL_HEADER_BYTES};
    uint32_t proven = 0;
    int status;
    journal->holes = journal->stranded = journal->compacted_offset = 0;
    journal->marked = false;
    for (;;) {
        journal->offset = cursor.offset;
        status = hf_journal_next(journal, &cursor);
        status = status == 0 ? pass_or_end(journal, &cursor, &proven) : status;
        if (status <= 0) {
            break;
        }
        uint32_t told = 0;
        status = read_commit(journal, &cursor, &told);
        if (status < 0) {
            break;
        }
        journal->stranded -= journal->holes > 0 ? 1u : 0u;
        if (status == 1 && cursor.version == HF_JOURNAL_MARK) {
            proven = told;
            journal->marked = true;
        } else if (status == 1 && journal->compacted_offset == 0 && told == beginning(&cursor)) {
            journal->compacted_offset = cursor.offset;
        }
    }
    return status < 0 ? status : journal->compacted_offset != 0 || journal->marked;
}

/// 1 the current segment is set, 0 none was ever committed.
static int find_segment(hf_journal_t *journal)
{
    uint64_t below = (uint64_t)UINT32_MAX + 1u;
    for (uint32_t i = 0; i <= journal->flash.segment_count; i++) {
        int status = find_header(journal, below);
        if (status <= 0) {
            return status;
        }
        status = walk(journal);
        if (status != 0) {
            return status;
        }
        below = journal->generation;
    }
    return 0;
}

#if CONFIG_HF_JOURNAL_REPAIR
/// A segment without a header, but committed by the generation after the one found: it is the newest, and its header lost.
static int find_headless(hf_journal_t *journal)
{
    const hf_journal_t found = *journal;
    for (uint32_t i = 0; i < journal->flash.segment_count; i++) {
        hf_journal_header_t header;
        int status = hf_journal_read_header(journal, i, &header);
        if (status == 0) {
            journal->segment = i;
            journal->generation = journal->next_generation;
            status = walk(journal);
            if (status == 1) {
                journal->next_generation++;
                journal->holes++;
                return status;
            }
            *journal = found;
        }
        if (status < 0) {
            return status;
        }
    }
    return 1;
}
#endif

static int replay_one(hf_journal_t *journal, const hf_journal_cursor_t *cursor)
{
    const hf_flash_t *flash = &journal->flash;
    uint8_t data[HF_JOURNAL_RECORD_BYTES_MAX];
    if (cursor->length > 0 && flash->ops->read(flash->ctx, cursor->segment, cursor->data_offset,
                                               data, cursor->length) != 0) {
        return HF_E_IO;
    }
    journal->position = cursor->data_offset - HF_JOURNAL_RECORD_HEAD;
    int status = journal->owner.replay(journal->owner.ctx, cursor->type, cursor->version, data,
                                       cursor->length);
    if (status == 0) {
        journal->unknown[cursor->type / 32u] |= 1u << (cursor->type % 32u);
        journal->unknown_bytes += hf_journal_record_bytes(journal, cursor->length);
    }
    return status < 0 ? status : HF_OK;
}

static int replay(hf_journal_t *journal)
{
    hf_journal_cursor_t cursor = {.segment = journal->segment,
                                  .generation = journal->generation,
                                  .offset = HF_JOURNAL_HEADER_BYTES};
    while (cursor.offset < journal->offset) {
        int status = hf_journal_find(journal, &cursor);
        if (status <= 0) {
            return status < 0 ? status : HF_E_IO; // it could be read a moment ago
        }
        if (cursor.type == HF_JOURNAL_TYPE_COMMIT) {
            continue;
        }
        status = replay_one(journal, &cursor);
        if (status < 0) {
            return status;
        }
    }
    return HF_OK;
}

static int mount(hf_journal_t *journal)
{
    int status = hf_journal_is_blank(journal, journal->segment, journal->offset);
    if (status < 0) {
        return status;
    }
    journal->torn_tails = status == 0;
    journal->needs_compaction = status == 0 || journal->holes > 0;
    return replay(journal);
}

/// 1 when no application record can ever have been here: blank, but for what an interrupted formatting leaves.
static int is_formattable(const hf_journal_t *journal)
{
    uint32_t first =
        HF_JOURNAL_HEADER_BYTES + hf_journal_record_bytes(journal, HF_JOURNAL_COMMIT_BYTES);
    for (uint32_t i = 0; i < journal->flash.segment_count; i++) {
        int status = hf_journal_is_blank(journal, i, i == 0 ? first : 0);
        if (status != 1) {
            return status;
        }
    }
    return 1;
}

static int open_journal(hf_journal_t *journal)
{
    int status = find_segment(journal);
#if CONFIG_HF_JOURNAL_REPAIR
    if (status == 1) {
        status = find_headless(journal);
    }
#endif
    if (status < 0) {
        return status;
    }
    if (status == 1) {
        return mount(journal);
    }
    status = is_formattable(journal);
    if (status < 0) {
        return status;
    }
    return status == 1 ? hf_journal_format(journal) : HF_E_CORRUPT;
}

int hf_journal_open(hf_journal_t *journal, const hf_flash_t *flash, const hf_journal_owner_t *owner)
{
    memset(journal, 0, sizeof *journal);
    journal->failed = HF_E_STATE; // until it is open
    if (flash == NULL || owner == NULL || owner->replay == NULL || owner->dump == NULL ||
        !is_geometry_ok(flash)) {
        return HF_E_ARGUMENT;
    }
    journal->flash = *flash;
    journal->owner = *owner;
    journal->next_generation = 1;
    int status = open_journal(journal);
    if (status < 0) {
        journal->failed = status;
        return status;
    }
    journal->failed = HF_OK;
    return HF_OK;
}
