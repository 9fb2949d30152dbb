// SPDX-License-Identifier: MIT
// Who may charge: idTags and what is known of them, the table that holds the local list, and the authorization cache.
// Both live on a flash of their own, two segments each, apart from the journal. Bytes: docs/SPEC.md.
#ifndef EVSE_AUTH_H
#define EVSE_AUTH_H

#include "evse/evse_rpc.h"

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
extern const char *const evse_tag_status_texts[EVSE_TAG_STATUS_COUNT + 1u]; // NULL ends them
const char *evse_tag_status_text(unsigned status);

/// What is known of an idTag (OCPP's idTagInfo).
typedef struct evse_tag_info {
    evse_tag_status_t status;
    uint64_t expires_utc_ms;        // whole seconds; 0 never
    char parent[EVSE_ID_TAG_BYTES]; // empty: none
} evse_tag_info_t;

typedef struct evse_tag {
    char id[EVSE_ID_TAG_BYTES];
    evse_tag_info_t info;
} evse_tag_t;

typedef enum evse_auth_verdict {
    EVSE_AUTH_ACCEPT, // at once
    EVSE_AUTH_ASK,    // the central system decides
    EVSE_AUTH_REFUSE,
} evse_auth_verdict_t;

typedef enum evse_auth_group {
    EVSE_GROUP_NO,
    EVSE_GROUP_YES,
    EVSE_GROUP_ASK, // only an Authorize can tell
} evse_auth_group_t;

/// Order of idTags: ASCII letters without case (CiString), as the list is sorted on flash. Below 0, 0, above 0.
int evse_tag_compare(const char *a, const char *b);
bool evse_tag_is_same(const char *a, const char *b);
/// May it charge at utc_ms? Accepted, or ConcurrentTx (which speaks of a transaction, not of the tag), and not expired.
/// With an unknown clock (0) nothing has expired yet.
bool evse_tag_is_valid(const evse_tag_info_t *info, uint64_t utc_ms);

// ---- records ------------------------------------------------------------------------------------

#define EVSE_TAG_RECORD_BYTES 48u

/// Where a table lives: segment `first` and the one after it.
typedef struct evse_tag_flash {
    const hf_flash_t *flash; // NULL: none
    uint32_t first;
} evse_tag_flash_t;

void evse_tag_encode(const evse_tag_t *tag, uint8_t record[EVSE_TAG_RECORD_BYTES]);
/// HF_E_CORRUPT: no tag, or not as it was written.
HF_MUST_CHECK int evse_tag_decode(const uint8_t record[EVSE_TAG_RECORD_BYTES], evse_tag_t *tag);

// ---- the list -----------------------------------------------------------------------------------

/// A table of tags, sorted on flash and searched there: no index in memory. It is written whole into the copy that is
/// not in force, its header last, so a power cut at any byte leaves the old list or the new one.
typedef struct evse_tags {
    evse_tag_flash_t at;
    uint32_t capacity; // tags
    uint32_t count;    // of the copy in force
    int32_t version;   // OCPP's listVersion; 0 when empty
    uint32_t generation;
    uint32_t next_count; // of the copy being made durable
    int32_t next_version;
    uint8_t copy;  // in force: 0 or 1
    uint8_t phase; // of an update
    int failed;    // a negative status once the flash has failed: no more updates
    bool damaged;  // opening found no good copy although the flash is not blank
    uint32_t reads, updates;
} evse_tags_t;

/// One change of an update. An entry that is to be deleted may be absent.
typedef struct evse_tag_change {
    evse_tag_t tag;
    bool is_removed;
} evse_tag_change_t;

/// Yields the changes in ascending order of their tags, each tag once; false at the end.
typedef struct evse_tag_changes {
    bool (*next)(void *ctx, evse_tag_change_t *change);
    void *ctx;
} evse_tag_changes_t;

/// Finds the newest good copy and makes it durable (waits for one sync). A blank or damaged flash is an empty list.
/// Holds at most `limit` tags and what a segment has room for. HF_E_ARGUMENT (geometry), HF_E_IO. Cost: reads both
/// copies.
HF_MUST_CHECK int evse_tags_open(evse_tags_t *tags, const evse_tag_flash_t *at, uint32_t limit);
/// HF_E_NOT_FOUND, HF_E_IO, HF_E_CORRUPT. Cost: log2(count) + 1 reads of 48 B.
HF_MUST_CHECK int evse_tags_find(evse_tags_t *tags, const char *id, evse_tag_info_t *info);
/// The index-th in order. HF_E_RANGE, HF_E_IO, HF_E_CORRUPT.
HF_MUST_CHECK int evse_tags_at(evse_tags_t *tags, uint32_t index, evse_tag_t *tag);
/// Writes a new list: the changes alone (`is_full`), or applied to the present one. It is in force once
/// evse_tags_poll() says 0. HF_E_AGAIN one is under way, HF_E_FULL too many tags, HF_E_ARGUMENT not in order,
/// HF_E_IO, HF_E_CORRUPT (of the present one): the present list stays. Blocks for an erase and the programming of all.
HF_MUST_CHECK int evse_tags_update(evse_tags_t *tags, int32_t version, bool is_full,
                                   const evse_tag_changes_t *changes);
/// HF_E_AGAIN while an update is not durable; 0 when it is, or none is under way; HF_E_IO: its sync failed, the list
/// before it is in force, and no update is taken any more.
HF_MUST_CHECK int evse_tags_poll(evse_tags_t *tags);

// ---- the cache ----------------------------------------------------------------------------------

/// What the central system said of tags that are not in the list. A log on flash: only what changed is written, a
/// segment that is full is copied to the other. Lost with a power cut: at most what was not synced.
typedef struct evse_tag_cache {
    evse_tag_flash_t at;
    uint32_t generation;
    uint32_t slots; // of a segment
    uint32_t used;  // of the current one
    uint32_t reads, writes, compactions, refused;
    uint16_t capacity, count;
    uint8_t segment; // current
    bool is_dirty, is_syncing;
    int failed; // as evse_tags_t
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    uint16_t slot[CONFIG_EVSE_AUTH_CACHE_TAGS]; // of each tag, the least recently used first
#endif
} evse_tag_cache_t;

/// HF_E_ARGUMENT (geometry), HF_E_IO.
HF_MUST_CHECK int evse_tag_cache_open(evse_tag_cache_t *cache, const evse_tag_flash_t *at);
/// Makes it the most recently used. HF_E_NOT_FOUND, HF_E_IO. Cost: at most `count` reads of 48 B.
HF_MUST_CHECK int evse_tag_cache_find(evse_tag_cache_t *cache, const char *id,
                                      evse_tag_info_t *info);
/// Keeps it. A full cache gives up the least recently used of those not valid at utc_ms, else of all (3.5.1). What it
/// knows already costs no write. HF_E_AGAIN a full segment is not durable yet: not kept (`refused`), HF_E_IO.
HF_MUST_CHECK int evse_tag_cache_put(evse_tag_cache_t *cache, const evse_tag_t *tag,
                                     uint64_t utc_ms);
/// Forgets all, on flash too once the sync of evse_tag_cache_poll() is over. HF_E_IO.
HF_MUST_CHECK int evse_tag_cache_clear(evse_tag_cache_t *cache);
/// Drives the sync. 0, or the failure.
int evse_tag_cache_poll(evse_tag_cache_t *cache);

// ---- state of the comms loop --------------------------------------------------------------------

/// What is kept in memory of a reservation; its tags are read back from the store.
typedef struct evse_reservation {
    int32_t id;
    uint32_t expires_s; // UTC
    uint32_t span_s;    // from its acceptance to its end: what counts while the clock is unknown
    bool is_made;
} evse_reservation_t;

/// The part of evse_ocpp_t that decides about tags.
typedef struct evse_auth {
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    evse_tags_t list;
    evse_tag_cache_t cache;
    bool has_list, has_cache; // their flash is there and good
    bool is_conflict_due;     // LocalListConflict is to be told
    bool is_replying;         // a SendLocalList waits for its list to be durable
#endif
#if CONFIG_EVSE_OCPP_RESERVATION
    evse_reservation_t reservation[CONFIG_EVSE_CONNECTORS_MAX + 1u]; // [0] any connector
    uint8_t reservations;                                            // made
    uint8_t held; // connector, from 1, that is kept free for [0]; 0 none
#endif
    struct { // the reader: the card that was there last
        uint64_t seen_us;
        char id_tag[EVSE_ID_TAG_BYTES];
        bool is_gone; // it fails
    } card;
} evse_auth_t;

#endif
