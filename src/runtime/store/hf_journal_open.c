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

static int is_commit(const hf_journal_t *journal, const hf_journal_cursor_t *cursor)
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
    return hf_journal_get_u32(bytes) == cursor->data_offset - HF_JOURNAL_RECORD_HEAD;
}

/// Walks the segment just found: 1 it was committed (offset and compacted_offset are set), 0 not.
static int walk(hf_journal_t *journal)
{
    hf_journal_cursor_t cursor = {.segment = journal->segment,
                                  .generation = journal->generation,
                                  .offset = HF_JOURNAL_HEADER_BYTES};
    int committed = 0;
    int status;
    while ((status = hf_journal_next(journal, &cursor)) > 0) {
        status = is_commit(journal, &cursor);
        if (status < 0) {
            return status;
        }
        if (status == 1 && committed == 0) {
            committed = 1;
            journal->compacted_offset = cursor.offset;
        }
    }
    journal->offset = cursor.offset;
    return status < 0 ? status : committed;
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
        int status = hf_journal_next(journal, &cursor);
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

/// The next offset at which a record could begin, that is not erased flash; the segment's end if there is none.
static int skip_blank(const hf_journal_t *journal, uint32_t *offset)
{
    const hf_flash_t *flash = &journal->flash;
    uint8_t chunk[HF_JOURNAL_CHUNK];
    while (*offset < flash->segment_bytes) {
        uint32_t length = flash->segment_bytes - *offset;
        length = length < sizeof chunk ? length : (uint32_t)sizeof chunk;
        if (flash->ops->read(flash->ctx, journal->segment, *offset, chunk, length) != 0) {
            return HF_E_IO;
        }
        for (uint32_t i = 0; i < length; i += flash->program_bytes) {
            if (chunk[i] != HF_JOURNAL_TYPE_BLANK) {
                *offset += i;
                return HF_OK;
            }
        }
        *offset += length;
    }
    return HF_OK;
}

/// Counts what is readable behind the end: a power cut leaves nothing there, unless of what no sync had covered the later
/// was kept and the earlier lost; else it is damage.
static int count_stranded(hf_journal_t *journal)
{
    hf_journal_cursor_t cursor = {
        .segment = journal->segment, .generation = journal->generation, .offset = journal->offset};
    int status = skip_blank(journal, &cursor.offset);
    while (status >= 0 && cursor.offset < journal->flash.segment_bytes) {
        uint32_t at = cursor.offset;
        status = hf_journal_next(journal, &cursor);
        if (status < 0) {
            return status;
        }
        journal->stranded += (uint32_t)status;
        cursor.offset = status == 1 ? cursor.offset : at + journal->flash.program_bytes;
        status = skip_blank(journal, &cursor.offset);
    }
    return status;
}

static int mount(hf_journal_t *journal)
{
    int status = hf_journal_is_blank(journal, journal->segment, journal->offset);
    if (status < 0) {
        return status;
    }
    if (status == 0) {
        journal->needs_compaction = true;
        journal->torn_tails++;
        status = count_stranded(journal);
        if (status < 0) {
            return status;
        }
    }
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
