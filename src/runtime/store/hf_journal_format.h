// SPDX-License-Identifier: MIT
// The bytes of a segment and the reading of them, shared by the journal's sources alone. All integers little-endian.
// segment = header (32) record* ; record = type u8, version u8, length u16, crc u32, data, 0xFF up to program_bytes.
// Invariant: a record's CRC starts from its segment's generation, so what an erase left behind never counts.
#ifndef HF_JOURNAL_FORMAT_H
#define HF_JOURNAL_FORMAT_H

#include "holdfast/hf_journal.h"

#define HF_JOURNAL_MAGIC        0x314A4648u // "HFJ1"
#define HF_JOURNAL_FORMAT       1u
#define HF_JOURNAL_HEADER_BYTES 32u
#define HF_JOURNAL_RECORD_HEAD  8u
#define HF_JOURNAL_COMMIT_BYTES                                                                    \
    4u // the offset of the commit record itself; of a mark: of what follows all that is durable
#define HF_JOURNAL_CHUNK       256u
#define HF_JOURNAL_TYPE_COMMIT 0u
#define HF_JOURNAL_MARK        1u // version of a commit record that is a mark
#define HF_JOURNAL_TYPE_BLANK  255u

typedef struct hf_journal_header {
    uint32_t generation;
    uint32_t erase_count;
} hf_journal_header_t;

/// Walks the records of one segment. Set segment, generation and offset (of the next record); the rest is the result.
typedef struct hf_journal_cursor {
    uint32_t segment, generation, offset;
    uint32_t data_offset;
    uint32_t length;
    uint8_t type, version;
} hf_journal_cursor_t;

static inline void hf_journal_put_u32(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (8u * i));
    }
}

static inline uint32_t hf_journal_get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/// Seed of a record's CRC.
uint32_t hf_journal_seed(uint32_t generation);
void hf_journal_encode_header(const hf_journal_t *journal, const hf_journal_header_t *header,
                              uint8_t bytes[HF_JOURNAL_HEADER_BYTES]);
/// 1 a header of this geometry, 0 none; HF_E_UNSUPPORTED, HF_E_ARGUMENT (another geometry), HF_E_IO.
HF_MUST_CHECK int hf_journal_read_header(const hf_journal_t *journal, uint32_t segment,
                                         hf_journal_header_t *header);
/// 1 a valid record was read, 0 there is none at this offset, HF_E_IO.
HF_MUST_CHECK int hf_journal_next(const hf_journal_t *journal, hf_journal_cursor_t *cursor);
/// As hf_journal_next(), of the first valid record at or behind the offset; 0 there is none in the segment.
HF_MUST_CHECK int hf_journal_find(const hf_journal_t *journal, hf_journal_cursor_t *cursor);
/// 1 all bytes from `offset` on are 0xFF, 0 not, HF_E_IO.
HF_MUST_CHECK int hf_journal_is_blank(const hf_journal_t *journal, uint32_t segment,
                                      uint32_t offset);
/// Erases segment 0 and commits it empty.
HF_MUST_CHECK int hf_journal_format(hf_journal_t *journal);

#endif
