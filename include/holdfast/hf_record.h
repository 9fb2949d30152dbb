// SPDX-License-Identifier: MIT
// The text form of a trace, one record a line, so that it can be kept, compared and read by eye. The first line is the
// header with the version of the form; whatever is not written exactly so is refused, never guessed at.
//   holdfast-trace 1                                           header
//   pool ID NAME BLOCK_BYTES COUNT                             a pool the entries speak of
//   tag TAG NAME                                               an owner
//   restart TIME_MS                                            the program started anew: whatever was taken is back
//   KIND SEQUENCE TIME_MS POOL TAG BYTES BLOCK STATUS CALLER[ FRAME]...   an entry; KIND: t(ake), g(ive), r(efused), w(rong)
//   # anything                                                 a remark
// Numbers are decimal without sign (STATUS may have one) or leading zeros; CALLER and FRAME are 8 hexadecimal digits.
// Between fields stands one space. Entries ascend by sequence, modulo 2^32, until a restart; what is missing between
// two was lost.
#ifndef HF_RECORD_H
#define HF_RECORD_H

#include "holdfast/hf_text.h"
#include "holdfast/hf_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_RECORD_VERSION    1u
#define HF_RECORD_LINE_BYTES 160u // of the longest line that is written, with its end and a NUL
#define HF_RECORD_NAME_BYTES 31u  // longer names are cut

typedef enum hf_record_type {
    HF_RECORD_HEADER,
    HF_RECORD_POOL,
    HF_RECORD_TAG,
    HF_RECORD_RESTART,
    HF_RECORD_ENTRY,
    HF_RECORD_REMARK,
} hf_record_type_t;

typedef struct hf_record_pool {
    hf_slice_t name;
    uint32_t block_bytes;
    uint32_t count;
    uint16_t id;
} hf_record_pool_t;

typedef struct hf_record {
    hf_record_type_t type;
    hf_record_pool_t pool;  // HF_RECORD_POOL
    hf_slice_t tag_name;    // HF_RECORD_TAG; lives as long as the line, like pool.name
    uint8_t tag;            // HF_RECORD_TAG
    uint32_t restart_ms;    // HF_RECORD_RESTART
    hf_trace_entry_t entry; // HF_RECORD_ENTRY
} hf_record_t;

/// Each writes one line with its end. Names: what is no printable ASCII or is a space becomes '_', an empty one "_".
void hf_record_write_header(hf_builder_t *out);
void hf_record_write_pool(hf_builder_t *out, const hf_record_pool_t *pool);
void hf_record_write_tag(hf_builder_t *out, uint8_t tag, hf_slice_t name);
void hf_record_write_restart(hf_builder_t *out, uint32_t time_ms);
void hf_record_write_entry(hf_builder_t *out, const hf_trace_entry_t *entry);

/// Reads one line (without its end). HF_E_FORMAT: not written as above; HF_E_RANGE: a number too large for its field;
/// HF_E_UNSUPPORTED: a header of another version. Whatever is read and written again is the same line, remarks excepted.
HF_MUST_CHECK int hf_record_parse(hf_slice_t line, hf_record_t *record);

/// A file being read: order is checked here. Zero-initialise.
typedef struct hf_record_reader {
    uint32_t lines;    // read so far, the refused one included
    uint64_t entries;  // delivered
    uint64_t missing;  // numbers skipped between entries
    uint32_t restarts; // seen
    bool has_header;
    bool has_sequence;
    uint32_t sequence; // of the last entry
} hf_record_reader_t;

/// As hf_record_parse(); HF_E_STATE: the first line is no header, a header comes twice, or a sequence does not ascend.
HF_MUST_CHECK int hf_record_read(hf_record_reader_t *reader, hf_slice_t line, hf_record_t *record);

#ifdef __cplusplus
}
#endif

#endif
