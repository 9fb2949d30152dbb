// SPDX-License-Identifier: MIT
// Reading a segment (hf_journal_format.h). Nothing here changes the journal or the flash.
#include "hf_journal_format.h"
#include "holdfast/hf_crc.h"

#include <string.h>

uint32_t hf_journal_seed(uint32_t generation)
{
    uint8_t bytes[4];
    hf_journal_put_u32(bytes, generation);
    return hf_crc32c(0, bytes, sizeof bytes);
}

void hf_journal_encode_header(const hf_journal_t *journal, const hf_journal_header_t *header,
                              uint8_t bytes[HF_JOURNAL_HEADER_BYTES])
{
    memset(bytes, 0xFF, HF_JOURNAL_HEADER_BYTES);
    hf_journal_put_u32(&bytes[0], HF_JOURNAL_MAGIC);
    hf_journal_put_u32(&bytes[4], HF_JOURNAL_FORMAT | journal->flash.program_bytes << 16);
    hf_journal_put_u32(&bytes[8], header->generation);
    hf_journal_put_u32(&bytes[12], header->erase_count);
    hf_journal_put_u32(&bytes[16], journal->flash.segment_bytes);
    hf_journal_put_u32(&bytes[28], hf_crc32c(0, bytes, 28));
}

static int flash_read(const hf_journal_t *journal, uint32_t segment, uint32_t offset, void *data,
                      uint32_t length)
{
    const hf_flash_t *flash = &journal->flash;
    return flash->ops->read(flash->ctx, segment, offset, data, length) == 0 ? HF_OK : HF_E_IO;
}

static bool is_header(const uint8_t bytes[HF_JOURNAL_HEADER_BYTES])
{
    return hf_journal_get_u32(&bytes[0]) == HF_JOURNAL_MAGIC &&
           hf_journal_get_u32(&bytes[28]) == hf_crc32c(0, bytes, 28);
}

#if CONFIG_HF_JOURNAL_REPAIR
/// Turns the one bit back that has turned, if there is one. Cost: 256 CRCs of 28 bytes.
static void mend_header(uint8_t bytes[HF_JOURNAL_HEADER_BYTES])
{
    for (uint32_t bit = 0; bit < 8u * HF_JOURNAL_HEADER_BYTES && !is_header(bytes); bit++) {
        bytes[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        if (!is_header(bytes)) {
            bytes[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        }
    }
}
#endif

int hf_journal_read_header(const hf_journal_t *journal, uint32_t segment,
                           hf_journal_header_t *header)
{
    uint8_t bytes[HF_JOURNAL_HEADER_BYTES];
    int status = flash_read(journal, segment, 0, bytes, sizeof bytes);
    if (status < 0) {
        return status;
    }
#if CONFIG_HF_JOURNAL_REPAIR
    mend_header(bytes);
#endif
    if (!is_header(bytes)) {
        return 0;
    }
    uint32_t format = hf_journal_get_u32(&bytes[4]);
    if ((format & 0xFFFFu) != HF_JOURNAL_FORMAT) {
        return HF_E_UNSUPPORTED;
    }
    if (format >> 16 != journal->flash.program_bytes ||
        hf_journal_get_u32(&bytes[16]) != journal->flash.segment_bytes) {
        return HF_E_ARGUMENT;
    }
    header->generation = hf_journal_get_u32(&bytes[8]);
    header->erase_count = hf_journal_get_u32(&bytes[12]);
    return 1;
}

static int data_crc(const hf_journal_t *journal, const hf_journal_cursor_t *cursor, uint32_t *crc)
{
    uint8_t chunk[HF_JOURNAL_CHUNK];
    for (uint32_t done = 0; done < cursor->length;) {
        uint32_t length = cursor->length - done;
        length = length < sizeof chunk ? length : (uint32_t)sizeof chunk;
        int status =
            flash_read(journal, cursor->segment, cursor->data_offset + done, chunk, length);
        if (status < 0) {
            return status;
        }
        *crc = hf_crc32c(*crc, chunk, length);
        done += length;
    }
    return HF_OK;
}

int hf_journal_next(const hf_journal_t *journal, hf_journal_cursor_t *cursor)
{
    uint8_t head[HF_JOURNAL_RECORD_HEAD];
    uint32_t room = journal->flash.segment_bytes - cursor->offset;
    if (room < sizeof head) {
        return 0;
    }
    int status = flash_read(journal, cursor->segment, cursor->offset, head, sizeof head);
    if (status < 0) {
        return status;
    }
    cursor->type = head[0];
    cursor->version = head[1];
    cursor->length = (uint32_t)head[2] | (uint32_t)head[3] << 8;
    cursor->data_offset = cursor->offset + HF_JOURNAL_RECORD_HEAD;
    if (cursor->type == HF_JOURNAL_TYPE_BLANK || cursor->length > HF_JOURNAL_RECORD_BYTES_MAX ||
        hf_journal_record_bytes(journal, cursor->length) > room) {
        return 0;
    }
    uint32_t crc = hf_crc32c(hf_journal_seed(cursor->generation), head, 4);
    status = data_crc(journal, cursor, &crc);
    if (status < 0) {
        return status;
    }
    if (crc != hf_journal_get_u32(&head[4])) {
        return 0;
    }
    cursor->offset += hf_journal_record_bytes(journal, cursor->length);
    return 1;
}

/// Moves on, by `step`, to what is not erased; to the segment's end if there is nothing.
static int skip_erased(const hf_journal_t *journal, hf_journal_cursor_t *cursor, uint32_t step)
{
    uint8_t chunk[HF_JOURNAL_CHUNK];
    while (cursor->offset < journal->flash.segment_bytes) {
        uint32_t length = journal->flash.segment_bytes - cursor->offset;
        length = length < sizeof chunk ? length : (uint32_t)sizeof chunk;
        int status = flash_read(journal, cursor->segment, cursor->offset, chunk, length);
        if (status < 0) {
            return status;
        }
        for (uint32_t i = 0; i < length; i += step) {
            if (chunk[i] != HF_JOURNAL_TYPE_BLANK) {
                cursor->offset += i;
                return HF_OK;
            }
        }
        cursor->offset += length;
    }
    return HF_OK;
}

int hf_journal_find(const hf_journal_t *journal, hf_journal_cursor_t *cursor)
{
    int status = hf_journal_next(journal, cursor);
    while (status == 0 && cursor->offset < journal->flash.segment_bytes) {
        cursor->offset += journal->flash.program_bytes;
        status = skip_erased(journal, cursor, journal->flash.program_bytes);
        status = status < 0 ? status : hf_journal_next(journal, cursor);
    }
    return status;
}

int hf_journal_is_blank(const hf_journal_t *journal, uint32_t segment, uint32_t offset)
{
    hf_journal_cursor_t cursor = {.segment = segment, .offset = offset};
    int status = skip_erased(journal, &cursor, 1);
    return status < 0 ? status : cursor.offset >= journal->flash.segment_bytes;
}

int hf_journal_read(const hf_journal_t *journal, uint32_t position, hf_journal_record_t *record,
                    void *data, uint32_t capacity)
{
    bool is_dump = journal->compacting;
    hf_journal_cursor_t cursor = {.segment = is_dump ? journal->source_segment : journal->segment,
                                  .generation =
                                      is_dump ? journal->source_generation : journal->generation,
                                  .offset = position};
    if (position < HF_JOURNAL_HEADER_BYTES || position >= journal->flash.segment_bytes) {
        return HF_E_CORRUPT;
    }
    int status = hf_journal_next(journal, &cursor);
    if (status <= 0) {
        return status < 0 ? status : HF_E_CORRUPT;
    }
    record->type = cursor.type;
    record->version = cursor.version;
    record->length = (uint16_t)cursor.length;
    if (cursor.length > capacity) {
        return HF_E_TOO_LONG;
    }
    return cursor.length == 0
               ? HF_OK
               : flash_read(journal, cursor.segment, cursor.data_offset, data, cursor.length);
}
