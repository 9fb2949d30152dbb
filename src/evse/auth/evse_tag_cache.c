// SPDX-License-Identifier: MIT
// The authorization cache: a log of records in one segment, the latest of a tag counting; when it is full, what is known is
// copied to the other segment, the least recently used first, and its header makes that the current one.
// Invariants: a segment is erased only when the current one is durable; slot[] names one record per tag, in the order of
// use; a slot that a cut has torn is left out and never used again.
#include "evse/evse_auth.h"
#include "holdfast/hf_crc.h"

#include <string.h>

#define MAGIC         0x31434648u // "HFC1"
#define HEADER_BYTES  EVSE_TAG_RECORD_BYTES
#define AT_GENERATION 4u
#define AT_CHECK      8u
#define SLOTS_PER_TAG 4u // more only makes opening slower

static int read_slot(evse_tag_cache_t *cache, unsigned segment, uint32_t slot, uint8_t *record)
{
    const hf_flash_t *flash = cache->at.flash;
    cache->reads++;
    return flash->ops->read(flash->ctx, cache->at.first + segment,
                            HEADER_BYTES + slot * EVSE_TAG_RECORD_BYTES, record,
                            EVSE_TAG_RECORD_BYTES);
}

static int program(evse_tag_cache_t *cache, unsigned segment, uint32_t offset,
                   const uint8_t *record)
{
    const hf_flash_t *flash = cache->at.flash;
    int status = flash->ops->program(flash->ctx, cache->at.first + segment, offset, record,
                                     EVSE_TAG_RECORD_BYTES);
    cache->is_dirty = true;
    cache->failed = status == HF_OK ? cache->failed : HF_E_IO;
    return status == HF_OK ? HF_OK : HF_E_IO;
}

static int write_slot(evse_tag_cache_t *cache, unsigned segment, uint32_t slot,
                      const uint8_t *record)
{
    return program(cache, segment, HEADER_BYTES + slot * EVSE_TAG_RECORD_BYTES, record);
}

// ---- the order of use ---------------------------------------------------------------------------

static void drop(evse_tag_cache_t *cache, unsigned position)
{
    memmove(&cache->slot[position], &cache->slot[position + 1u],
            (cache->count - position - 1u) * sizeof cache->slot[0]);
    cache->count--;
}

// Its position, or -1; -2 when the flash cannot be read. A record that is no longer good is left out.
static int find(evse_tag_cache_t *cache, const char *id, evse_tag_t *tag)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    for (unsigned i = cache->count; i-- > 0u;) {
        if (read_slot(cache, cache->segment, cache->slot[i], record) != HF_OK) {
            return -2;
        }
        char kept[EVSE_ID_TAG_BYTES] = "";
        memcpy(kept, record, EVSE_ID_TAG_BYTES - 1u);
        if (evse_tag_is_same(kept, id) && evse_tag_decode(record, tag) == HF_OK) {
            return (int)i;
        }
    }
    return -1;
}

static void make_latest(evse_tag_cache_t *cache, unsigned position, uint16_t slot)
{
    drop(cache, position);
    cache->slot[cache->count++] = slot;
}

// ---- opening ------------------------------------------------------------------------------------

static int read_header(evse_tag_cache_t *cache, unsigned segment, uint32_t *generation)
{
    uint8_t bytes[HEADER_BYTES];
    uint32_t word[3];
    const hf_flash_t *flash = cache->at.flash;
    int status = flash->ops->read(flash->ctx, cache->at.first + segment, 0u, bytes, sizeof bytes);
    if (status != HF_OK) {
        return status;
    }
    for (unsigned i = 0u; i < HF_COUNT_OF(word); i++) {
        word[i] = (uint32_t)bytes[4u * i] | (uint32_t)bytes[4u * i + 1u] << 8 |
                  (uint32_t)bytes[4u * i + 2u] << 16 | (uint32_t)bytes[4u * i + 3u] << 24;
    }
    *generation = word[1];
    return word[0] == MAGIC && word[2] == hf_crc32c(0u, bytes, AT_CHECK) ? HF_OK : HF_E_CORRUPT;
}

static bool is_erased(const uint8_t *record)
{
    for (unsigned i = 0u; i < EVSE_TAG_RECORD_BYTES; i++) {
        if (record[i] != 0xFFu) {
            return false;
        }
    }
    return true;
}

static int take_slot(evse_tag_cache_t *cache, uint32_t slot, const uint8_t *record)
{
    evse_tag_t tag, known;
    if (evse_tag_decode(record, &tag) != HF_OK) {
        return HF_OK; // torn
    }
    int position = find(cache, tag.id, &known);
    if (position == -2) {
        return HF_E_IO;
    }
    if (position >= 0) {
        drop(cache, (unsigned)position);
    } else if (cache->count == cache->capacity) {
        drop(cache, 0u);
    }
    cache->slot[cache->count++] = (uint16_t)slot;
    return HF_OK;
}

// What was not synced may have been lost in any order: a hole says nothing about what comes after it.
static int replay(evse_tag_cache_t *cache)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    for (uint32_t i = 0u; i < cache->slots; i++) {
        int status = read_slot(cache, cache->segment, i, record);
        if (status == HF_OK && !is_erased(record)) {
            cache->used = i + 1u;
            status = take_slot(cache, i, record);
        }
        if (status != HF_OK) {
            return HF_E_IO;
        }
    }
    return HF_OK;
}

int evse_tag_cache_open(evse_tag_cache_t *cache, const evse_tag_flash_t *at)
{
    const hf_flash_t *flash = at->flash;
    memset(cache, 0, sizeof *cache);
    cache->at = *at;
    uint32_t room = flash->segment_bytes / EVSE_TAG_RECORD_BYTES - 1u;
    uint32_t wanted = SLOTS_PER_TAG * CONFIG_EVSE_AUTH_CACHE_TAGS;
    cache->slots = room < wanted ? room : wanted;
    uint32_t half = cache->slots / 2u;
    cache->capacity =
        (uint16_t)(half < CONFIG_EVSE_AUTH_CACHE_TAGS ? half : CONFIG_EVSE_AUTH_CACHE_TAGS);
    if (flash->segment_bytes < 3u * EVSE_TAG_RECORD_BYTES ||
        at->first + 1u >= flash->segment_count || flash->program_bytes == 0u ||
        EVSE_TAG_RECORD_BYTES % flash->program_bytes != 0u) {
        return HF_E_ARGUMENT;
    }
    uint32_t generation[2] = {0u, 0u};
    int status[2];
    for (unsigned i = 0u; i < 2u; i++) {
        status[i] = read_header(cache, i, &generation[i]);
        if (status[i] == HF_E_IO) {
            return HF_E_IO;
        }
    }
    bool second =
        status[1] == HF_OK && (status[0] != HF_OK || (int32_t)(generation[1] - generation[0]) > 0);
    cache->segment = second ? 1u : 0u;
    cache->is_dirty = true;                // what a killed process left may not be durable
    if (status[cache->segment] != HF_OK) { // blank, or not ours: the first tag starts segment 0
        cache->segment = 1u;
        cache->used = cache->slots;
        cache->is_dirty = false;
        return HF_OK;
    }
    cache->generation = generation[cache->segment];
    return replay(cache);
}

// ---- writing ------------------------------------------------------------------------------------

static int put_header(evse_tag_cache_t *cache, unsigned segment)
{
    uint8_t bytes[HEADER_BYTES] = {0};
    uint32_t word[3] = {MAGIC, cache->generation + 1u, 0u};
    for (unsigned i = 0u; i < HF_COUNT_OF(word); i++) {
        word[2] = i == 2u ? hf_crc32c(0u, bytes, AT_CHECK) : 0u;
        for (unsigned b = 0u; b < 4u; b++) {
            bytes[4u * i + b] = (uint8_t)(word[i] >> 8u * b);
        }
    }
    return program(cache, segment, 0u, bytes);
}

// Makes the other segment the current one, with what is known.
static int turn_over(evse_tag_cache_t *cache)
{
    const hf_flash_t *flash = cache->at.flash;
    unsigned other = 1u - cache->segment;
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    if (cache->count > 0u && (cache->is_dirty || cache->is_syncing)) {
        cache->refused++; // with nothing to keep there is nothing to lose
        return HF_E_AGAIN;
    }
    if (flash->ops->erase(flash->ctx, cache->at.first + other) != HF_OK) {
        cache->failed = HF_E_IO;
        return HF_E_IO;
    }
    int status = HF_OK;
    for (uint32_t i = 0u; status == HF_OK && i < cache->count; i++) {
        status = read_slot(cache, cache->segment, cache->slot[i], record);
        status = status == HF_OK ? write_slot(cache, other, i, record) : status;
    }
    status = status == HF_OK ? put_header(cache, other) : status;
    if (status != HF_OK) {
        return status;
    }
    for (uint32_t i = 0u; i < cache->count; i++) {
        cache->slot[i] = (uint16_t)i;
    }
    cache->segment = (uint8_t)other;
    cache->used = cache->count;
    cache->generation++;
    cache->compactions++;
    return HF_OK;
}

// 3.5.1: those that are not valid go first, then the oldest.
static void make_room(evse_tag_cache_t *cache, uint64_t utc_ms)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES];
    evse_tag_t tag;
    for (unsigned i = 0u; i < cache->count; i++) {
        if (read_slot(cache, cache->segment, cache->slot[i], record) != HF_OK ||
            evse_tag_decode(record, &tag) != HF_OK || !evse_tag_is_valid(&tag.info, utc_ms)) {
            drop(cache, i);
            return;
        }
    }
    drop(cache, 0u);
}

int evse_tag_cache_find(evse_tag_cache_t *cache, const char *id, evse_tag_info_t *info)
{
    evse_tag_t tag;
    int position = find(cache, id, &tag);
    if (position < 0) {
        return position == -1 ? HF_E_NOT_FOUND : HF_E_IO;
    }
    *info = tag.info;
    make_latest(cache, (unsigned)position, cache->slot[position]);
    return HF_OK;
}

int evse_tag_cache_put(evse_tag_cache_t *cache, const evse_tag_t *tag, uint64_t utc_ms)
{
    uint8_t record[EVSE_TAG_RECORD_BYTES], kept[EVSE_TAG_RECORD_BYTES];
    evse_tag_t known;
    int position = find(cache, tag->id, &known);
    if (position == -2 || cache->failed != HF_OK) {
        return HF_E_IO;
    }
    evse_tag_encode(tag, record);
    if (position >= 0) {
        evse_tag_encode(&known, kept);
        if (memcmp(record, kept, sizeof record) == 0) {
            make_latest(cache, (unsigned)position, cache->slot[position]);
            return HF_OK;
        }
    }
    int status = cache->used == cache->slots ? turn_over(cache) : HF_OK;
    status = status == HF_OK ? write_slot(cache, cache->segment, cache->used, record) : status;
    if (status != HF_OK) {
        return status;
    }
    if (position >= 0) {
        drop(cache, (unsigned)position);
    } else if (cache->count == cache->capacity) {
        make_room(cache, utc_ms);
    }
    cache->slot[cache->count++] = (uint16_t)cache->used++;
    cache->writes++;
    return HF_OK;
}

int evse_tag_cache_clear(evse_tag_cache_t *cache)
{
    if (cache->failed != HF_OK) {
        return cache->failed;
    }
    if (cache->count == 0u) {
        return HF_OK;
    }
    uint16_t count = cache->count;
    cache->count = 0u;
    int status = turn_over(cache);
    cache->count = status == HF_OK ? 0u : count;
    return status;
}

int evse_tag_cache_poll(evse_tag_cache_t *cache)
{
    if (!cache->is_dirty && !cache->is_syncing) {
        return cache->failed;
    }
    const hf_flash_t *flash = cache->at.flash;
    int status = cache->is_syncing ? flash->ops->sync_poll(flash->ctx) : HF_E_AGAIN;
    if (!cache->is_syncing && cache->failed == HF_OK) {
        status = flash->ops->sync_start(flash->ctx);
        cache->is_syncing = status == HF_OK;
        cache->is_dirty = !cache->is_syncing;
        status = cache->is_syncing ? HF_E_AGAIN : status;
    } else if (status == HF_OK) {
        cache->is_syncing = false;
    }
    if (status != HF_OK && status != HF_E_AGAIN) {
        cache->failed = HF_E_IO;
        cache->is_dirty = cache->is_syncing = false;
    }
    return cache->failed;
}
