// SPDX-License-Identifier: MIT
// The journal's writing half: append, compaction, sync (the reading half: hf_journal_scan.c, hf_journal_open.c).
// Goals: after a power cut at any byte the state is that before or after one append; what was confirmed durable is there.
// Assumptions: a programmed byte stays; bytes that no sync has covered may be kept or lost in any order; a failed sync
// says nothing about what is on the medium.
// Invariants: a segment is erased only while another one, committed and durable, holds the whole state; nothing is
// programmed over bytes that are not known to be erased; after a failure no operation reports success any more.
#include "hf_journal_format.h"
#include "holdfast/hf_crc.h"

#include <string.h>

uint32_t hf_journal_record_bytes(const hf_journal_t *journal, uint32_t length)
{
    uint32_t unit = journal->flash.program_bytes;
    return (HF_JOURNAL_RECORD_HEAD + length + unit - 1u) / unit * unit;
}

uint32_t hf_journal_capacity_bytes(const hf_journal_t *journal)
{
    uint32_t taken = HF_JOURNAL_HEADER_BYTES + journal->unknown_bytes +
                     hf_journal_record_bytes(journal, HF_JOURNAL_COMMIT_BYTES);
    return taken < journal->flash.segment_bytes ? journal->flash.segment_bytes - taken : 0;
}

uint32_t hf_journal_free_bytes(const hf_journal_t *journal)
{
    return journal->needs_compaction ? 0 : journal->flash.segment_bytes - journal->offset;
}

uint64_t hf_journal_appended(const hf_journal_t *journal)
{
    return journal->appended;
}

uint64_t hf_journal_durable(const hf_journal_t *journal)
{
    return journal->durable;
}

uint32_t hf_journal_position(const hf_journal_t *journal)
{
    return journal->position;
}

bool hf_journal_is_durable(const hf_journal_t *journal, uint32_t position)
{
    return position < journal->durable_offset;
}

static int fail(hf_journal_t *journal)
{
    journal->failed = HF_E_IO;
    return HF_E_IO;
}

static int program(hf_journal_t *journal, const uint8_t *bytes, uint32_t length)
{
    const hf_flash_t *flash = &journal->flash;
    if (flash->ops->program(flash->ctx, journal->segment, journal->offset, bytes, length) != 0) {
        return fail(journal);
    }
    journal->offset += length;
    journal->bytes_appended += length;
    return HF_OK;
}

static int write_record(hf_journal_t *journal, const uint8_t head[4], const uint8_t *data,
                        uint32_t length)
{
    uint8_t chunk[HF_JOURNAL_CHUNK];
    uint32_t crc = hf_crc32c(hf_journal_seed(journal->generation), head, 4);
    memcpy(chunk, head, 4);
    hf_journal_put_u32(&chunk[4], hf_crc32c(crc, data, length));
    uint32_t used = HF_JOURNAL_RECORD_HEAD, taken = 0;
    uint32_t left = hf_journal_record_bytes(journal, length);
    while (left > 0) {
        uint32_t count = length - taken;
        count = count < sizeof chunk - used ? count : (uint32_t)sizeof chunk - used;
        if (count > 0) {
            memcpy(&chunk[used], &data[taken], count);
        }
        taken += count;
        used += count;
        if (used < sizeof chunk) { // the end: padding reads as if it had never been programmed
            memset(&chunk[used], 0xFF, sizeof chunk - used);
            used = left;
        }
        int status = program(journal, chunk, used);
        if (status < 0) {
            return status;
        }
        left -= used;
        used = 0;
    }
    return HF_OK;
}

static int put_record(hf_journal_t *journal, uint8_t type, uint8_t version, const void *data,
                      uint32_t length)
{
    if (hf_journal_record_bytes(journal, length) > journal->flash.segment_bytes - journal->offset) {
        return HF_E_FULL;
    }
    uint8_t head[4] = {type, version, (uint8_t)length, (uint8_t)(length >> 8)};
    journal->position = journal->offset;
    return write_record(journal, head, length > 0 ? data : head, length);
}

/// Erases `segment` and makes it the one written to, with a header of the next generation.
static int begin_segment(hf_journal_t *journal, uint32_t segment)
{
    const hf_flash_t *flash = &journal->flash;
    // A header that cannot be read any more: the wear of the segment before it is as good a guess as there is.
    hf_journal_header_t header = {.erase_count = journal->erase_count};
    if (hf_journal_read_header(journal, segment, &header) == HF_E_IO ||
        flash->ops->erase(flash->ctx, segment) != 0) {
        return fail(journal);
    }
    header.erase_count++;
    header.generation = journal->next_generation++;
    journal->segment = segment;
    journal->offset = 0;
    journal->generation = header.generation;
    journal->erase_count = header.erase_count;
    uint8_t bytes[HF_JOURNAL_HEADER_BYTES];
    hf_journal_encode_header(journal, &header, bytes);
    return program(journal, bytes, sizeof bytes);
}

static int put_commit(hf_journal_t *journal, uint8_t version, uint32_t told)
{
    uint8_t bytes[HF_JOURNAL_COMMIT_BYTES];
    hf_journal_put_u32(bytes, told);
    return put_record(journal, HF_JOURNAL_TYPE_COMMIT, version, bytes, sizeof bytes);
}

static int commit_segment(hf_journal_t *journal)
{
    int status = put_commit(journal, 0, journal->offset);
    if (status < 0) {
        return status;
    }
    journal->compacted_offset = journal->offset;
    journal->commit_durable = false;
    journal->sync_covers_commit = false;
    journal->needs_compaction = false;
    journal->marked = false;
    return HF_OK;
}

int hf_journal_format(hf_journal_t *journal)
{
    int status = begin_segment(journal, 0);
    return status < 0 ? status : commit_segment(journal);
}

static int copy_record(hf_journal_t *journal, const hf_journal_cursor_t *from)
{
    const hf_flash_t *flash = &journal->flash;
    uint8_t data[HF_JOURNAL_RECORD_BYTES_MAX];
    if (from->length > 0 &&
        flash->ops->read(flash->ctx, from->segment, from->data_offset, data, from->length) != 0) {
        return fail(journal);
    }
    return put_record(journal, from->type, from->version, data, from->length);
}

static int copy_unknown(hf_journal_t *journal, const hf_journal_t *old)
{
    hf_journal_cursor_t cursor = {
        .segment = old->segment, .generation = old->generation, .offset = HF_JOURNAL_HEADER_BYTES};
    int status = HF_OK;
    while (cursor.offset < old->offset && (status = hf_journal_find(journal, &cursor)) > 0) {
        if (cursor.data_offset > old->offset ||
            (journal->unknown[cursor.type / 32u] >> (cursor.type % 32u) & 1u) == 0) {
            continue; // not of what was replayed, or told by the dump
        }
        status = copy_record(journal, &cursor);
        if (status < 0) {
            return status;
        }
    }
    return status < 0 ? fail(journal) : HF_OK;
}

static int fill_segment(hf_journal_t *journal, const hf_journal_t *old)
{
    journal->compacting = true;
    journal->compact_status = HF_OK;
    int status = journal->owner.dump(journal->owner.ctx, journal);
    journal->compacting = false;
    if (status >= 0) {
        status = journal->compact_status;
    }
    if (status >= 0) {
        status = copy_unknown(journal, old);
    }
    return status < 0 ? status : commit_segment(journal);
}

static int wait_for_commit(hf_journal_t *journal)
{
    for (uint32_t i = 0; i < HF_JOURNAL_SYNC_POLLS_MAX; i++) {
        if (journal->commit_durable) {
            return HF_OK;
        }
        int status = hf_journal_poll(journal);
        if (status < 0) {
            return status;
        }
    }
    return HF_E_AGAIN;
}

/// Tells the owner where its records are now. What cannot be read back so soon after writing is a failed flash.
static int tell_moved(hf_journal_t *journal)
{
    hf_journal_cursor_t cursor = {.segment = journal->segment,
                                  .generation = journal->generation,
                                  .offset = HF_JOURNAL_HEADER_BYTES};
    while (journal->owner.moved != NULL && cursor.offset < journal->compacted_offset) {
        uint8_t data[HF_JOURNAL_RECORD_BYTES_MAX];
        hf_journal_record_t record;
        uint32_t position = cursor.offset;
        if (hf_journal_next(journal, &cursor) <= 0 ||
            hf_journal_read(journal, position, &record, data, sizeof data) < 0) {
            return fail(journal);
        }
        if (record.type != HF_JOURNAL_TYPE_COMMIT) {
            journal->owner.moved(journal->owner.ctx, position, &record, data);
        }
    }
    return HF_OK;
}

static int compact(hf_journal_t *journal)
{
    bool is_compact = !journal->needs_compaction && journal->offset == journal->compacted_offset;
    if (is_compact || journal->full_at == journal->appended + 1u) {
        return HF_E_FULL; // nothing came since the last one: another would only wear the flash
    }
    int status = wait_for_commit(journal);
    if (status < 0) {
        return status;
    }
    hf_journal_t old = *journal;
    journal->source_segment = old.segment;
    journal->source_generation = old.generation;
    status = begin_segment(journal, (old.segment + 1u) % old.flash.segment_count);
    if (status >= 0) {
        status = fill_segment(journal, &old);
    }
    if (status < 0) { // the old segment stays current
        journal->segment = old.segment;
        journal->generation = old.generation;
        journal->offset = old.offset;
        journal->erase_count = old.erase_count;
        journal->position = old.position;
        journal->full_at = status == HF_E_FULL ? journal->appended + 1u : 0;
        return status;
    }
    journal->compactions++;
    // Until the new segment is durable the old one is still there, with all that was.
    journal->durable_offset = journal->durable == journal->appended ? journal->compacted_offset : 0;
    journal->syncing_offset = 0;
    return tell_moved(journal);
}

static bool is_appendable(uint8_t type, const void *data, uint32_t length)
{
    return type != HF_JOURNAL_TYPE_COMMIT && type != HF_JOURNAL_TYPE_BLANK &&
           length <= HF_JOURNAL_RECORD_BYTES_MAX && (data != NULL || length == 0);
}

static int append_to_dump(hf_journal_t *journal, uint8_t type, uint8_t version, const void *data,
                          uint32_t length)
{
    int status = put_record(journal, type, version, data, length);
    if (status < 0 && journal->compact_status == HF_OK) {
        journal->compact_status = status;
    }
    return status;
}

int hf_journal_append(hf_journal_t *journal, uint8_t type, uint8_t version, const void *data,
                      uint32_t length)
{
    if (!is_appendable(type, data, length)) {
        return HF_E_ARGUMENT;
    }
    if (journal->failed < 0) {
        return journal->failed;
    }
    if (journal->compacting) {
        return append_to_dump(journal, type, version, data, length);
    }
    int status = HF_OK;
    if (hf_journal_record_bytes(journal, length) > hf_journal_free_bytes(journal)) {
        status = compact(journal);
    }
    if (status >= 0) {
        status = put_record(journal, type, version, data, length);
    }
    if (status == HF_E_FULL) { // a mark that comes now is no reason to compact once more
        journal->full_at = journal->appended + 1u;
    }
    if (status < 0) {
        return status;
    }
    journal->appended++;
    return HF_OK;
}

#if CONFIG_HF_JOURNAL_REPAIR
/// The erase, the dump and the commit are durable: damage in them can from now on be told from what no sync had covered.
/// Twice, because damage may hit this, too; never behind a torn tail. It takes nobody's room: a compaction takes it away.
static int mark(hf_journal_t *journal)
{
    uint32_t position = journal->position;
    int status = HF_OK;
    for (unsigned i = 0; i < 2u && status >= 0 && !journal->needs_compaction; i++) {
        status = put_commit(journal, HF_JOURNAL_MARK, journal->durable_offset);
    }
    journal->marked = true;
    journal->position = position;
    return status == HF_E_FULL ? HF_OK : status;
}
#endif

static int finish_sync(hf_journal_t *journal)
{
    const hf_flash_t *flash = &journal->flash;
    int status = flash->ops->sync_poll(flash->ctx);
    if (status == HF_E_AGAIN) {
        return HF_OK;
    }
    journal->sync_running = false;
    if (status != HF_OK) {
        return fail(journal);
    }
    journal->durable = journal->syncing;
    journal->syncing = 0;
    if (journal->syncing_offset > journal->durable_offset) {
        journal->durable_offset = journal->syncing_offset;
    }
    journal->commit_durable = journal->commit_durable || journal->sync_covers_commit;
#if CONFIG_HF_JOURNAL_REPAIR
    if (journal->commit_durable && !journal->marked) {
        return mark(journal);
    }
#endif
    return HF_OK;
}

static int start_sync(hf_journal_t *journal)
{
    const hf_flash_t *flash = &journal->flash;
    int status = flash->ops->sync_start(flash->ctx);
    if (status == HF_E_AGAIN) {
        return HF_OK;
    }
    if (status != HF_OK) {
        return fail(journal);
    }
    journal->sync_running = true;
    journal->sync_covers_commit = true;
    journal->syncing = journal->appended;
    journal->syncing_offset = journal->offset;
    return HF_OK;
}

int hf_journal_poll(hf_journal_t *journal)
{
    if (journal->failed < 0) {
        return journal->failed;
    }
    if (journal->sync_running) {
        int status = finish_sync(journal);
        if (status < 0 || journal->sync_running) {
            return status;
        }
    }
    if (journal->appended > journal->durable || !journal->commit_durable) {
        return start_sync(journal);
    }
    return HF_OK;
}
