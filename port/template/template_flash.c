// SPDX-License-Identifier: MIT
// Flash seam under the journal. program() must leave old bytes alone when the power goes; sync is at once where
// programming is. Until it is filled in, every access fails, the journal does not open, and no session begins.
#include "template_port.h"

static int template_flash_read(void *ctx, uint32_t segment, uint32_t offset, void *data,
                               uint32_t length)
{
    (void)ctx;
    (void)segment;
    (void)offset;
    (void)data;
    (void)length;
    return HF_E_IO;
}

static int template_flash_program(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                                  uint32_t length)
{
    (void)ctx;
    (void)segment;
    (void)offset;
    (void)data;
    (void)length;
    return HF_E_IO;
}

static int template_flash_erase(void *ctx, uint32_t segment)
{
    (void)ctx;
    (void)segment;
    return HF_E_IO;
}

static int template_flash_sync(void *ctx)
{
    (void)ctx;
    return HF_E_IO;
}

const hf_flash_ops_t template_flash_ops = {
    .read = template_flash_read,
    .program = template_flash_program,
    .erase = template_flash_erase,
    .sync_start = template_flash_sync,
    .sync_poll = template_flash_sync,
};
