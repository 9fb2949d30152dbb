// SPDX-License-Identifier: MIT
// Flash played by RAM (mps2_flash.h). Invariants: nothing outside of the segments is touched; what a real flash refuses
// is refused (HF_E_IO), never done.
#include "mps2_flash.h"

#include "holdfast/hf_base.h"

#include <string.h>

#define MARK 0x4A4F5552u

extern uint32_t firmware_journal_mark[];
extern uint8_t firmware_journal_start[];

static uint8_t *place(uint32_t segment, uint32_t offset, uint32_t length)
{
    if (segment >= MPS2_FLASH_SEGMENTS || offset > MPS2_FLASH_SEGMENT_BYTES ||
        length > MPS2_FLASH_SEGMENT_BYTES - offset) {
        return NULL;
    }
    return firmware_journal_start + (size_t)segment * MPS2_FLASH_SEGMENT_BYTES + offset;
}

static int flash_read(void *ctx, uint32_t segment, uint32_t offset, void *data, uint32_t length)
{
    const uint8_t *from = place(segment, offset, length);
    (void)ctx;
    if (from == NULL) {
        return HF_E_IO;
    }
    memcpy(data, from, length);
    return HF_OK;
}

static int flash_program(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                         uint32_t length)
{
    uint8_t *to = place(segment, offset, length);
    (void)ctx;
    if (to == NULL || offset % MPS2_FLASH_PROGRAM_BYTES != 0 ||
        length % MPS2_FLASH_PROGRAM_BYTES != 0) {
        return HF_E_IO;
    }
    for (uint32_t i = 0; i < length; i++) {
        if (to[i] != 0xFFu) {
            return HF_E_IO;
        }
    }
    memcpy(to, data, length);
    return HF_OK;
}

static int flash_erase(void *ctx, uint32_t segment)
{
    uint8_t *to = place(segment, 0, MPS2_FLASH_SEGMENT_BYTES);
    (void)ctx;
    if (to == NULL) {
        return HF_E_IO;
    }
    memset(to, 0xFF, MPS2_FLASH_SEGMENT_BYTES);
    return HF_OK;
}

static int flash_sync(void *ctx)
{
    (void)ctx;
    return HF_OK; // a byte programmed is a byte kept
}

static const hf_flash_ops_t ops = {
    .read = flash_read,
    .program = flash_program,
    .erase = flash_erase,
    .sync_start = flash_sync,
    .sync_poll = flash_sync,
};

const hf_flash_t mps2_flash = {
    .ops = &ops,
    .segment_bytes = MPS2_FLASH_SEGMENT_BYTES,
    .segment_count = MPS2_FLASH_OF_JOURNAL,
    .program_bytes = MPS2_FLASH_PROGRAM_BYTES,
};

const hf_flash_t mps2_flash_whole = {
    .ops = &ops,
    .segment_bytes = MPS2_FLASH_SEGMENT_BYTES,
    .segment_count = MPS2_FLASH_SEGMENTS,
    .program_bytes = MPS2_FLASH_PROGRAM_BYTES,
};

bool mps2_flash_prepare(void)
{
    bool is_new = firmware_journal_mark[0] != MARK || firmware_journal_mark[1] != ~MARK;
    for (uint32_t segment = 0; is_new && segment < MPS2_FLASH_SEGMENTS; segment++) {
        (void)flash_erase(NULL, segment);
    }
    firmware_journal_mark[0] = MARK;
    firmware_journal_mark[1] = ~MARK;
    return is_new;
}
