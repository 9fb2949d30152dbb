// SPDX-License-Identifier: MIT
// idTags: their order, their status, whether one may charge. Pure.
#include "evse/evse_auth.h"

const char *const evse_tag_status_texts[EVSE_TAG_STATUS_COUNT + 1u] = {
#define TAG_STATUS_TEXT(name) #name,
    EVSE_TAG_STATUS_TABLE(TAG_STATUS_TEXT)
#undef TAG_STATUS_TEXT
        NULL};

const char *evse_tag_status_text(unsigned status)
{
    return status < EVSE_TAG_STATUS_COUNT ? evse_tag_status_texts[status] : "";
}

static int fold(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int evse_tag_compare(const char *a, const char *b)
{
    while (*a != '\0' && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) - fold(*b);
}

bool evse_tag_is_same(const char *a, const char *b)
{
    return evse_tag_compare(a, b) == 0;
}

bool evse_tag_is_valid(const evse_tag_info_t *info, uint64_t utc_ms)
{
    bool is_expired = info->expires_utc_ms != 0u && utc_ms != 0u && utc_ms >= info->expires_utc_ms;
    return !is_expired &&
           (info->status == EVSE_TAG_Accepted || info->status == EVSE_TAG_ConcurrentTx);
}
