// SPDX-License-Identifier: MIT
// Flash in memory with faults (hf_flash_ram.h). Every operation first asks whether there still is power.
#include "hf_flash_ram.h"

#include <string.h>

static uint32_t random_next(hf_flash_ram_t *ram)
{
    uint32_t x = ram->seed != 0 ? ram->seed : 0x9E3779B9u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    ram->seed = x;
    return x;
}

static size_t total_bytes(const hf_flash_ram_t *ram)
{
    return (size_t)ram->config.segment_bytes * ram->config.segment_count;
}

static uint8_t *place(hf_flash_ram_t *ram, uint32_t segment, uint32_t offset, uint32_t length)
{
    if (segment >= ram->config.segment_count || offset > ram->config.segment_bytes ||
        length > ram->config.segment_bytes - offset) {
        ram->misuses++;
        return NULL;
    }
    return ram->config.memory + (size_t)segment * ram->config.segment_bytes + offset;
}

// ---- what a sync covers -------------------------------------------------------------------------

#define WRITTEN 1u
#define SYNCING 2u

static size_t page_bytes(const hf_flash_ram_t *ram, size_t page)
{
    size_t left = total_bytes(ram) - page * HF_FLASH_RAM_PAGE;
    return left < HF_FLASH_RAM_PAGE ? left : HF_FLASH_RAM_PAGE;
}

static size_t page_count(const hf_flash_ram_t *ram)
{
    return (total_bytes(ram) + HF_FLASH_RAM_PAGE - 1u) / HF_FLASH_RAM_PAGE;
}

static void mark_written(hf_flash_ram_t *ram, const uint8_t *to, uint32_t length)
{
    if (ram->config.begun == NULL || length == 0) {
        return;
    }
    size_t at = (size_t)(to - ram->config.memory);
    for (size_t page = at / HF_FLASH_RAM_PAGE; page * HF_FLASH_RAM_PAGE < at + length; page++) {
        ram->written[page] |= WRITTEN;
    }
}

static void begin_pages(hf_flash_ram_t *ram)
{
    for (size_t page = 0; page < page_count(ram); page++) {
        if ((ram->written[page] & WRITTEN) != 0) {
            size_t at = page * HF_FLASH_RAM_PAGE;
            memcpy(ram->config.begun + at, ram->config.memory + at, page_bytes(ram, page));
            ram->written[page] = SYNCING;
        }
    }
}

static void finish_pages(hf_flash_ram_t *ram, bool good)
{
    for (size_t page = 0; page < page_count(ram); page++) {
        if ((ram->written[page] & SYNCING) != 0 && good) {
            size_t at = page * HF_FLASH_RAM_PAGE;
            memcpy(ram->config.durable + at, ram->config.begun + at, page_bytes(ram, page));
        }
        ram->written[page] &= WRITTEN;
    }
}

// ---- power --------------------------------------------------------------------------------------

void hf_flash_ram_power_off(hf_flash_ram_t *ram)
{
    ram->power_lost = true;
    ram->syncing = false;
    if (ram->config.durable == NULL) {
        return;
    }
    size_t total = total_bytes(ram);
    for (size_t at = 0; at < total; at += HF_FLASH_RAM_PAGE) {
        size_t length = total - at < HF_FLASH_RAM_PAGE ? total - at : HF_FLASH_RAM_PAGE;
        if ((random_next(ram) & 1u) != 0) {
            memcpy(ram->config.memory + at, ram->config.durable + at, length);
        }
    }
}

void hf_flash_ram_power_on(hf_flash_ram_t *ram)
{
    ram->power_lost = false;
    ram->syncing = false;
    ram->cut_at = HF_FLASH_RAM_NEVER;
    ram->fail_program_at = 0;
    ram->fail_erase_at = 0;
    ram->fail_sync_at = 0;
    ram->steps = 0;
    if (ram->config.durable != NULL) {
        memcpy(ram->config.durable, ram->config.memory, total_bytes(ram));
    }
    memset(ram->written, 0, sizeof ram->written);
}

void hf_flash_ram_restart(hf_flash_ram_t *ram)
{
    ram->syncing = false;
    for (size_t page = 0; ram->config.begun != NULL && page < page_count(ram); page++) {
        if (ram->written[page] == 0) {
            size_t at = page * HF_FLASH_RAM_PAGE;
            memcpy(ram->config.memory + at, ram->config.durable + at, page_bytes(ram, page));
        }
        ram->written[page] = ram->written[page] != 0 ? WRITTEN : 0;
    }
}

static int ram_read(void *ctx, uint32_t segment, uint32_t offset, void *data, uint32_t length)
{
    hf_flash_ram_t *ram = ctx;
    const uint8_t *from = place(ram, segment, offset, length);
    if (from == NULL || ram->power_lost) {
        return HF_E_IO;
    }
    ram->reads++;
    memcpy(data, from, length);
    return HF_OK;
}

static void program_byte(hf_flash_ram_t *ram, uint8_t *to, uint8_t value)
{
    if (*to != 0xFFu) {
        ram->overwrites++;
    }
    *to = value;
    ram->programmed_bytes++;
}

static void program_bytes(hf_flash_ram_t *ram, uint8_t *to, const uint8_t *bytes, uint32_t count)
{
    uint32_t blank = 0;
    for (uint32_t i = 0; i < count; i++) {
        blank += to[i] == 0xFFu;
    }
    memcpy(to, bytes, count);
    ram->overwrites += count - blank;
    ram->programmed_bytes += count;
    ram->steps += count;
}

static int ram_program(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                       uint32_t length)
{
    hf_flash_ram_t *ram = ctx;
    const uint8_t *bytes = data;
    uint8_t *to = place(ram, segment, offset, length);
    if (to == NULL || ram->power_lost) {
        return HF_E_IO;
    }
    if (offset % ram->config.program_bytes != 0 || length % ram->config.program_bytes != 0) {
        ram->misuses++;
        return HF_E_IO;
    }
    bool fails = ++ram->programs == ram->fail_program_at;
    uint32_t count = fails ? length / 2u : length;
    mark_written(ram, to, count);
    if (ram->cut_at - ram->steps >= count && ram->steps <= ram->cut_at) { // none of them is cut
        program_bytes(ram, to, bytes, count);
        return fails ? HF_E_IO : HF_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (ram->steps++ >= ram->cut_at) {
            if (ram->cut_garbage) {
                program_byte(ram, &to[i], (uint8_t)random_next(ram));
            }
            hf_flash_ram_power_off(ram);
            return HF_E_IO;
        }
        program_byte(ram, &to[i], bytes[i]);
    }
    return fails ? HF_E_IO : HF_OK;
}

static int ram_erase(void *ctx, uint32_t segment)
{
    hf_flash_ram_t *ram = ctx;
    uint8_t *to = place(ram, segment, 0, ram->config.segment_bytes);
    if (to == NULL || ram->power_lost) {
        return HF_E_IO;
    }
    bool cut = ram->steps++ >= ram->cut_at;
    bool fails = ++ram->erases == ram->fail_erase_at;
    mark_written(ram, to, ram->config.segment_bytes);
    memset(to, 0xFF, cut || fails ? ram->config.segment_bytes / 2u : ram->config.segment_bytes);
    if (cut) {
        hf_flash_ram_power_off(ram);
    }
    return cut || fails ? HF_E_IO : HF_OK;
}

static int ram_sync_start(void *ctx)
{
    hf_flash_ram_t *ram = ctx;
    if (ram->power_lost) {
        return HF_E_IO;
    }
    if (ram->syncing) {
        return HF_E_AGAIN;
    }
    ram->syncing = true;
    ram->polls_left = ram->sync_polls;
    if (ram->config.begun != NULL) {
        begin_pages(ram);
    }
    return HF_OK;
}

static int ram_sync_poll(void *ctx)
{
    hf_flash_ram_t *ram = ctx;
    if (ram->power_lost) {
        return HF_E_IO;
    }
    if (ram->syncing && ram->polls_left > 0) {
        ram->polls_left--;
        return HF_E_AGAIN;
    }
    if (!ram->syncing) {
        return HF_OK;
    }
    ram->syncing = false;
    bool fails = ++ram->syncs == ram->fail_sync_at;
    if (ram->config.begun != NULL) {
        finish_pages(ram, !fails);
        return fails ? HF_E_IO : HF_OK;
    }
    if (fails) {
        return HF_E_IO;
    }
    if (ram->config.durable != NULL) {
        memcpy(ram->config.durable, ram->config.memory, total_bytes(ram));
    }
    return HF_OK;
}

static const hf_flash_ops_t ram_ops = {
    .read = ram_read,
    .program = ram_program,
    .erase = ram_erase,
    .sync_start = ram_sync_start,
    .sync_poll = ram_sync_poll,
};

int hf_flash_ram_init(hf_flash_ram_t *ram, const hf_flash_ram_config_t *config)
{
    if (config->memory == NULL || config->segment_bytes == 0 || config->segment_count == 0 ||
        config->program_bytes == 0) {
        return HF_E_ARGUMENT;
    }
    *ram = (hf_flash_ram_t){.config = *config, .cut_at = HF_FLASH_RAM_NEVER};
    if (config->begun != NULL &&
        (config->durable == NULL || page_count(ram) > HF_FLASH_RAM_PAGES)) {
        return HF_E_ARGUMENT;
    }
    memset(config->memory, 0xFF, total_bytes(ram));
    hf_flash_ram_power_on(ram);
    return HF_OK;
}

hf_flash_t hf_flash_ram_seam(hf_flash_ram_t *ram)
{
    return (hf_flash_t){
        .ops = &ram_ops,
        .ctx = ram,
        .segment_bytes = ram->config.segment_bytes,
        .segment_count = ram->config.segment_count,
        .program_bytes = ram->config.program_bytes,
    };
}
