// SPDX-License-Identifier: MIT
// The local list on flash: two copies, each a header and its tags in ascending order. An update erases the copy that is not
// in force, writes it whole, its header last, and makes it durable; only then it is in force.
// Invariants: the copy in force is durable before the other one is erased; a header vouches for every byte of its copy
// (CRC-32C), so a copy is whole or none; tags ascend strictly.
#include "evse/evse_auth.h"
#include "holdfast/hf_crc.h"
#include "holdfast/hf_le.h"

#include <string.h>

#define MAGIC         0x314C4648u // "HFL1"
#define HEADER_BYTES  48u
#define AT_GENERATION 4u
#define AT_VERSION    8u
#define AT_COUNT      12u
#define AT_CRC        16u
#define AT_CHECK      44u
#define BLOCK_RECORDS 4u
#define BLOCK_BYTES   (BLOCK_RECORDS * EVSE_TAG_RECORD_BYTES)

enum { PHASE_IDLE, PHASE_WRITTEN, PHASE_SYNCING };

typedef struct header {
    uint32_t generation, count, crc;
    int32_t version;
} header_t;

static int read_bytes(evse_tags_t *tags, unsigned copy, uint32_t offset, void *data,
                      uint32_t length)
{
    const hf_flash_t *flash = tags->at.flash;
    tags->reads++;
    return flash->ops->read(flash->ctx, tags->at.first + copy, offset, data, length);
}

static uint32_t offset_of(uint32_t index)
{
    return HEADER_BYTES + index * EVSE_TAG_RECORD_BYTES;
}

// ---- opening ------------------------------------------------------------------------------------

static uint32_t room_for(const hf_flash_t *flash)
{
    return (flash->segment_bytes - HEADER_BYTES) / EVSE_TAG_RECORD_BYTES;
}

static bool is_blank(const uint8_t *bytes)
{
    for (unsigned i = 0u; i < HEADER_BYTES; i++) {
        if (bytes[i] != 0xFFu) {
            return false;
        }
    }
    return true;
}

// HF_OK good, HF_E_EMPTY blank, HF_E_CORRUPT neither, HF_E_IO.
static int read_header(evse_tags_t *tags, unsigned copy, header_t *header)
{
    uint8_t bytes[HEADER_BYTES];
    int status = read_bytes(tags, copy, 0u, bytes, sizeof bytes);
    if (status != HF_OK) {
        return status;
    }
    if (is_blank(bytes)) {
        return HF_E_EMPTY;
    }
    *header = (header_t){.generation = hf_le_get32(bytes + AT_GENERATION),
                         .version = (int32_t)hf_le_get32(bytes + AT_VERSION),
                         .count = hf_le_get32(bytes + AT_COUNT),
                         .crc = hf_le_get32(bytes + AT_CRC)};
    bool good = hf_le_get32(bytes) == MAGIC &&
                hf_le_get32(bytes + AT_CHECK) == hf_crc32c(0u, bytes, AT_CHECK) &&
                header->count <= room_for(tags->at.flash);
    return good ? HF_OK : HF_E_CORRUPT;
}

static int check_copy(evse_tags_t *tags, unsigned copy, const header_t *header)
{
    uint8_t block[BLOCK_BYTES];
    uint32_t crc = 0u;
    for (uint32_t i = 0u; i < header->count; i += BLOCK_RECORDS) {
        uint32_t left = header->count - i;
        uint32_t length = (left < BLOCK_RECORDS ? left : BLOCK_RECORDS) * EVSE_TAG_RECORD_BYTES;
        int status = read_bytes(tags, copy, offset_of(i), block, length);
        if (status != HF_OK) {
            return status;
        }
        crc = hf_crc32c(crc, block, length);
    }
    return crc == header->crc ? HF_OK : HF_E_CORRUPT;
}

static void take_copy(evse_tags_t *tags, unsigned copy, const header_t *header)
{
    tags->copy = (uint8_t)copy;
    tags->generation = header->generation;
    tags->count = header->count;
    tags->version = header->version;
}

static int find_copy(evse_tags_t *tags)
{
    header_t header[2] = {{0}, {0}};
    int status[2];
    for (unsigned copy = 0u; copy < 2u; copy++) {
        status[copy] = read_header(tags, copy, &header[copy]);
        if (status[copy] == HF_E_IO) {
            return HF_E_IO;
        }
    }
    // The newer first; differences, so that the count may wrap.
    unsigned first =
        status[1] == HF_OK &&
                (status[0] != HF_OK || (int32_t)(header[1].generation - header[0].generation) > 0)
            ? 1u
            : 0u;
    for (unsigned i = 0u; i < 2u; i++) {
        unsigned copy = i == 0u ? first : 1u - first;
        int good = status[copy] == HF_OK ? check_copy(tags, copy, &header[copy]) : status[copy];
        if (good == HF_OK) {
            take_copy(tags, copy, &header[copy]);
            return HF_OK;
        }
        if (good == HF_E_IO) {
            return HF_E_IO;
        }
    }
    tags->copy = 1u; // the first update goes into 0
    tags->damaged = status[0] != HF_E_EMPTY || status[1] != HF_E_EMPTY;
    return HF_OK;
}

// What was read may stand in a cache of the kernel only, left there by a process that was killed.
static int make_durable(const hf_flash_t *flash)
{
    int status = HF_E_AGAIN;
    for (uint32_t i = 0u; status == HF_E_AGAIN && i < HF_JOURNAL_SYNC_POLLS_MAX; i++) {
        status = flash->ops->sync_start(flash->ctx);
        if (status == HF_E_AGAIN) {
            (void)flash->ops->sync_poll(flash->ctx); // another's; its failure shows in ours
        }
    }
    status = status == HF_OK ? HF_E_AGAIN : status;
    for (uint32_t i = 0u; status == HF_E_AGAIN && i < HF_JOURNAL_SYNC_POLLS_MAX; i++) {
        status = flash->ops->sync_poll(flash->ctx);
    }
    return status == HF_OK ? HF_OK : HF_E_IO;
}

int evse_tags_open(evse_tags_t *tags, const evse_tag_flash_t *at, uint32_t limit)
{
    const hf_flash_t *flash = at->flash;
    *tags = (evse_tags_t){.at = *at};
    if (flash->segment_bytes < HEADER_BYTES + EVSE_TAG_RECORD_BYTES ||
        at->first + 1u >= flash->segment_count || flash->program_bytes == 0u ||
        EVSE_TAG_RECORD_BYTES % flash->program_bytes != 0u) {
        return HF_E_ARGUMENT;
    }
    uint32_t room = room_for(flash);
    tags->capacity = room < limit ? room : limit;
    int status = find_copy(tags);
    return status == HF_OK ? make_durable(flash) : status;
}

// ---- looking up ---------------------------------------------------------------------------------

int evse_tags_at(evse_tags_t *tags, uint32_t index, evse_tag_t *tag)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    if (index >= tags->count) {
        return HF_E_RANGE;
    }
    int status = read_bytes(tags, tags->copy, offset_of(index), record, sizeof record);
    return status == HF_OK ? evse_tag_decode(record, tag) : status;
}

int evse_tags_find(evse_tags_t *tags, const char *id, evse_tag_info_t *info)
{
    uint32_t low = 0u;
    uint32_t high = tags->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2u;
        evse_tag_t tag;
        int status = evse_tags_at(tags, middle, &tag);
        if (status != HF_OK) {
            return status;
        }
        int order = evse_tag_compare(id, tag.id);
        if (order == 0) {
            *info = tag.info;
            return HF_OK;
        }
        low = order > 0 ? middle + 1u : low;
        high = order < 0 ? middle : high;
    }
    return HF_E_NOT_FOUND;
}

// ---- updating -----------------------------------------------------------------------------------

typedef struct writer {
    evse_tags_t *tags;
    unsigned copy;
    uint32_t count, crc;
    uint32_t fill; // bytes in block
    uint8_t block[BLOCK_BYTES];
} writer_t;

static int flush(writer_t *writer)
{
    const evse_tags_t *tags = writer->tags;
    const hf_flash_t *flash = tags->at.flash;
    uint32_t records = writer->fill / EVSE_TAG_RECORD_BYTES;
    if (records == 0u) {
        return HF_OK;
    }
    writer->crc = hf_crc32c(writer->crc, writer->block, writer->fill);
    int status =
        flash->ops->program(flash->ctx, tags->at.first + writer->copy,
                            offset_of(writer->count - records), writer->block, writer->fill);
    writer->fill = 0u;
    return status;
}

static int put_record(writer_t *writer, const uint8_t record[EVSE_TAG_RECORD_BYTES])
{
    if (writer->count == writer->tags->capacity) {
        return HF_E_FULL;
    }
    memcpy(writer->block + writer->fill, record, EVSE_TAG_RECORD_BYTES);
    writer->fill += EVSE_TAG_RECORD_BYTES;
    writer->count++;
    return writer->fill == sizeof writer->block ? flush(writer) : HF_OK;
}

static int put(writer_t *writer, const evse_tag_t *tag)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    evse_tag_encode(tag, record);
    return put_record(writer, record);
}

static int put_header(writer_t *writer, int32_t version)
{
    const evse_tags_t *tags = writer->tags;
    const hf_flash_t *flash = tags->at.flash;
    uint8_t bytes[HEADER_BYTES] = {0};
    hf_le_put32(bytes, MAGIC);
    hf_le_put32(bytes + AT_GENERATION, tags->generation + 1u);
    hf_le_put32(bytes + AT_VERSION, (uint32_t)version);
    hf_le_put32(bytes + AT_COUNT, writer->count);
    hf_le_put32(bytes + AT_CRC, writer->crc);
    hf_le_put32(bytes + AT_CHECK, hf_crc32c(0u, bytes, AT_CHECK));
    return flash->ops->program(flash->ctx, tags->at.first + writer->copy, 0u, bytes, sizeof bytes);
}

// The changes one after the other, checked: strictly ascending.
typedef struct source {
    const evse_tag_changes_t *changes;
    evse_tag_change_t change;
    char last[EVSE_ID_TAG_BYTES];
    bool is_left;
} source_t;

static int advance(source_t *source)
{
    memcpy(source->last, source->change.tag.id, sizeof source->last);
    source->is_left = source->changes->next(source->changes->ctx, &source->change);
    if (!source->is_left) {
        return HF_OK;
    }
    bool good = source->change.tag.id[0] != '\0' &&
                evse_tag_compare(source->change.tag.id, source->last) > 0;
    return good ? HF_OK : HF_E_ARGUMENT;
}

// Everything up to, and not with, `until` (NULL: the end).
static int put_changes(writer_t *writer, source_t *source, const char *until)
{
    int status = HF_OK;
    while (status == HF_OK && source->is_left &&
           (until == NULL || evse_tag_compare(source->change.tag.id, until) < 0)) {
        status = source->change.is_removed ? HF_OK : put(writer, &source->change.tag);
        status = status == HF_OK ? advance(source) : status;
    }
    return status;
}

// One tag of the present list, unless a change speaks of it.
static int put_present(writer_t *writer, source_t *source, const uint8_t *record)
{
    evse_tag_t tag;
    int status = evse_tag_decode(record, &tag);
    status = status == HF_OK ? put_changes(writer, source, tag.id) : status;
    if (status != HF_OK) {
        return status;
    }
    if (!source->is_left || !evse_tag_is_same(source->change.tag.id, tag.id)) {
        return put_record(writer, record);
    }
    status = source->change.is_removed ? HF_OK : put(writer, &source->change.tag);
    return status == HF_OK ? advance(source) : status;
}

static int put_block(writer_t *writer, source_t *source, const uint8_t *block, uint32_t records)
{
    for (uint32_t i = 0u; i < records; i++) {
        int status = put_present(writer, source, block + i * EVSE_TAG_RECORD_BYTES);
        if (status != HF_OK) {
            return status;
        }
    }
    return HF_OK;
}

static int merge(writer_t *writer, source_t *source, bool is_full)
{
    evse_tags_t *tags = writer->tags;
    uint32_t present = is_full ? 0u : tags->count;
    int status = advance(source);
    for (uint32_t i = 0u; status == HF_OK && i < present; i += BLOCK_RECORDS) {
        uint8_t block[BLOCK_BYTES];
        uint32_t records = present - i < BLOCK_RECORDS ? present - i : BLOCK_RECORDS;
        status = read_bytes(tags, tags->copy, offset_of(i), block, records * EVSE_TAG_RECORD_BYTES);
        status = status == HF_OK ? put_block(writer, source, block, records) : status;
    }
    status = status == HF_OK ? put_changes(writer, source, NULL) : status;
    return status == HF_OK ? flush(writer) : status;
}

int evse_tags_update(evse_tags_t *tags, int32_t version, bool is_full,
                     const evse_tag_changes_t *changes)
{
    const hf_flash_t *flash = tags->at.flash;
    if (tags->failed != HF_OK || tags->phase != PHASE_IDLE) {
        return tags->failed != HF_OK ? tags->failed : HF_E_AGAIN;
    }
    writer_t writer = {.tags = tags, .copy = 1u - tags->copy};
    source_t source = {.changes = changes};
    int status = flash->ops->erase(flash->ctx, tags->at.first + writer.copy);
    status = status == HF_OK ? merge(&writer, &source, is_full) : status;
    int32_t stored =
        writer.count == 0u ? 0 : version; // an empty list has version 0, whatever it was sent as
    status = status == HF_OK ? put_header(&writer, stored) : status;
    if (status != HF_OK) {
        return status; // the copy in force was not touched
    }
    tags->next_count = writer.count;
    tags->next_version = stored;
    tags->phase = PHASE_WRITTEN;
    return HF_OK;
}

// HF_OK once the sync of this update is over.
static int drive_sync(evse_tags_t *tags)
{
    const hf_flash_t *flash = tags->at.flash;
    if (tags->phase == PHASE_WRITTEN) {
        int status = flash->ops->sync_start(flash->ctx);
        if (status == HF_E_AGAIN) { // another's, and its failure is final
            return flash->ops->sync_poll(flash->ctx) == HF_E_IO ? HF_E_IO : HF_E_AGAIN;
        }
        if (status != HF_OK) {
            return status;
        }
        tags->phase = PHASE_SYNCING;
    }
    return flash->ops->sync_poll(flash->ctx);
}

int evse_tags_poll(evse_tags_t *tags)
{
    if (tags->phase == PHASE_IDLE) {
        return HF_OK;
    }
    int status = drive_sync(tags);
    if (status == HF_E_AGAIN) {
        return status;
    }
    tags->phase = PHASE_IDLE;
    if (status != HF_OK) {
        tags->failed = HF_E_IO;
        return HF_E_IO;
    }
    const header_t next = {.generation = tags->generation + 1u,
                           .count = tags->next_count,
                           .version = tags->next_version};
    take_copy(tags, 1u - tags->copy, &next);
    tags->updates++;
    return HF_OK;
}
