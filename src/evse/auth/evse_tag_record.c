// SPDX-License-Identifier: MIT
// A tag as 48 bytes on flash, the same in the list and in the cache: idTag and parentIdTag (20 each, NUL-padded), expiry in
// seconds, status, and 24 bits of CRC-32C over what stands before them.
#include "evse/evse_auth.h"
#include "holdfast/hf_crc.h"
#include "holdfast/hf_le.h"

#include <string.h>

#define TEXT_BYTES  (EVSE_ID_TAG_BYTES - 1u)
#define PARENT_AT   20u
#define EXPIRES_AT  40u
#define STATUS_AT   44u
#define CHECK_AT    45u
#define MS_PER_S    1000u
#define SECONDS_MAX (UINT32_MAX - 1u)

static void put_check(uint8_t *record)
{
    uint32_t crc = hf_crc32c(0u, record, CHECK_AT);
    hf_le_put(record + CHECK_AT, EVSE_TAG_RECORD_BYTES - CHECK_AT, crc);
}

// A time that has begun is not over: parts of a second are dropped, so that it ends no later than was said.
static uint32_t seconds_of(uint64_t utc_ms)
{
    uint64_t seconds = utc_ms / MS_PER_S;
    if (utc_ms != 0u && seconds == 0u) {
        seconds = 1u;
    }
    return seconds > SECONDS_MAX ? SECONDS_MAX : (uint32_t)seconds;
}

void evse_tag_encode(const evse_tag_t *tag, uint8_t record[EVSE_TAG_RECORD_BYTES])
{
    uint32_t expires_s = seconds_of(tag->info.expires_utc_ms);
    memset(record, 0, EVSE_TAG_RECORD_BYTES);
    memcpy(record, tag->id, strlen(tag->id));
    memcpy(record + PARENT_AT, tag->info.parent, strlen(tag->info.parent));
    hf_le_put32(record + EXPIRES_AT, expires_s);
    record[STATUS_AT] = (uint8_t)tag->info.status;
    put_check(record);
}

int evse_tag_decode(const uint8_t record[EVSE_TAG_RECORD_BYTES], evse_tag_t *tag)
{
    uint8_t check[EVSE_TAG_RECORD_BYTES];
    memcpy(check, record, sizeof check);
    put_check(check);
    if (memcmp(check, record, sizeof check) != 0 || record[0] == 0u ||
        record[STATUS_AT] >= EVSE_TAG_STATUS_COUNT) {
        return HF_E_CORRUPT;
    }
    *tag = (evse_tag_t){.info.status = (evse_tag_status_t)record[STATUS_AT]};
    memcpy(tag->id, record, TEXT_BYTES);
    memcpy(tag->info.parent, record + PARENT_AT, TEXT_BYTES);
    tag->info.expires_utc_ms = (uint64_t)hf_le_get32(record + EXPIRES_AT) * MS_PER_S;
    return HF_OK;
}
