// SPDX-License-Identifier: MIT
// Who may charge: the local list, the authorization cache, and what applies when the central system cannot be asked.
#ifndef EVSE_AUTH_H
#define EVSE_AUTH_H

#include "evse/evse_store.h"

// AuthorizationStatus as OCPP 1.6 spells it. Numbers are in flash: append only.
#define EVSE_TAG_STATUS_TABLE(X)                                                                   \
    X(Accepted)                                                                                    \
    X(Blocked)                                                                                     \
    X(Expired)                                                                                     \
    X(Invalid)                                                                                     \
    X(ConcurrentTx)

typedef enum evse_tag_status {
#define EVSE_TAG_STATUS_ENUM(name) EVSE_TAG_##name,
    EVSE_TAG_STATUS_TABLE(EVSE_TAG_STATUS_ENUM)
#undef EVSE_TAG_STATUS_ENUM
        EVSE_TAG_STATUS_COUNT
} evse_tag_status_t;

/// What is known of an idTag (OCPP's idTagInfo).
typedef struct evse_tag_info {
    evse_tag_status_t status;
    uint64_t expires_utc_ms;        // 0 never
    char parent[EVSE_ID_TAG_BYTES]; // empty: none
} evse_tag_info_t;

typedef enum evse_auth_verdict {
    EVSE_AUTH_ACCEPT, // at once
    EVSE_AUTH_ASK,    // the central system decides
    EVSE_AUTH_REFUSE,
} evse_auth_verdict_t;

#endif
