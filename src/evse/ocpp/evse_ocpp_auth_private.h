// SPDX-License-Identifier: MIT
// What the rest of the comms core needs of authorization, the local list, the cache and reservations; what is switched
// off stands here as its neutral answer.
#ifndef EVSE_OCPP_AUTH_PRIVATE_H
#define EVSE_OCPP_AUTH_PRIVATE_H

#include "evse/evse_ocpp.h"

#include <string.h>

// ---- keys ---------------------------------------------------------------------------------------

#if CONFIG_EVSE_OCPP_LOCAL_LIST
// What one entry takes at most as a central system writes it, and the frame around the entries: so many fit a message.
#define EVSE_LIST_ENTRY_BYTES 160
#define EVSE_LIST_FRAME_BYTES 192
#define EVSE_LIST_MESSAGE_TAGS                                                                     \
    ((CONFIG_EVSE_OCPP_RECEIVE_BYTES - EVSE_LIST_FRAME_BYTES) / EVSE_LIST_ENTRY_BYTES)
#define EVSE_PROFILE_LOCAL_LIST ",LocalAuthListManagement"
#define EVSE_KEYS_LOCAL_LIST(X)                                                                    \
    X(LocalAuthListEnabled, BOOL, RW, 0, 1, 1, NULL)                                               \
    X(LocalAuthListMaxLength, INT, RO, 0, 65535, CONFIG_EVSE_LOCAL_LIST_TAGS_MAX, NULL)
#define EVSE_KEYS_SEND_LIST(X)                                                                     \
    X(SendLocalListMaxLength, INT, RO, 0, 65535, EVSE_LIST_MESSAGE_TAGS, NULL)
#define EVSE_HAS_CACHE 1
#else
#define EVSE_PROFILE_LOCAL_LIST ""
#define EVSE_KEYS_LOCAL_LIST(X)
#define EVSE_KEYS_SEND_LIST(X)
#define EVSE_HAS_CACHE 0
#endif

#if CONFIG_EVSE_OCPP_RESERVATION
#define EVSE_PROFILE_RESERVATION ",Reservation"
#define EVSE_KEYS_RESERVATION(X) X(ReserveConnectorZeroSupported, BOOL, RO, 0, 1, 1, NULL)
#else
#define EVSE_PROFILE_RESERVATION ""
#define EVSE_KEYS_RESERVATION(X)
#endif

/// What a line of the log may show of a tag, which is as good as a card: its last four characters, of a short one fewer.
static inline const char *evse_tag_tail(const char *id_tag)
{
    size_t length = strlen(id_tag);
    return id_tag + length - (length < 8u ? length / 2u : 4u);
}

// ---- authorization: evse_ocpp_auth.c ------------------------------------------------------------

/// Opens list and cache. Before the keys are read.
void evse_auth_init(evse_ocpp_t *ocpp);
/// Makes the keys say what there is. After the keys have been read.
void evse_auth_set_keys(evse_ocpp_t *ocpp);
/// False when a key (index in the table) cannot have this number: without its flash there is no list and no cache.
bool evse_auth_permits_key(const evse_ocpp_t *ocpp, size_t key, int32_t number);
/// Every round: the reader, what waits for the flash, reservations that end.
void evse_auth_step(evse_ocpp_t *ocpp);
/// A session was opened: its parentIdTag and its reservation, as far as they are known here.
void evse_auth_opened(evse_ocpp_t *ocpp, unsigned connector);
/// May this card end the session of this connector, because both are of one group?
evse_auth_group_t evse_auth_same_group(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag);

/// Reads an idTagInfo. Strictly: an expiry that cannot be read would make a tag good for ever.
evse_rpc_error_t evse_tag_info_read(evse_ocpp_t *ocpp, hf_json_t id_tag_info,
                                    evse_tag_info_t *info);

// ---- the reader: evse_ocpp_auth_reader.c --------------------------------------------------------

void evse_reader_step(evse_ocpp_t *ocpp);

// ---- list and cache: evse_ocpp_list.c -----------------------------------------------------------

#if CONFIG_EVSE_OCPP_LOCAL_LIST
void evse_list_init(evse_ocpp_t *ocpp);
void evse_list_step(evse_ocpp_t *ocpp);
/// What list (first) and cache know. HF_E_NOT_FOUND. A list that cannot be read knows nothing.
HF_MUST_CHECK int evse_list_find(evse_ocpp_t *ocpp, const char *id_tag, evse_tag_info_t *info);
/// The central system said this of a tag: into the cache, or a LocalListConflict when the list says otherwise.
void evse_list_learn(evse_ocpp_t *ocpp, const char *id_tag, const evse_tag_info_t *info);
/// False when it is disabled or cannot be cleared.
bool evse_list_clear_cache(evse_ocpp_t *ocpp);
/// Tells a LocalListConflict, and hears that it was not taken.
bool evse_list_send(evse_ocpp_t *ocpp);
void evse_list_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome);
evse_rpc_error_t evse_list_on_send(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply);
evse_rpc_error_t evse_list_on_version(evse_ocpp_t *ocpp, hf_json_t payload,
                                      hf_json_writer_t *reply);
#else
static inline void evse_list_init(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline void evse_list_step(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
HF_MUST_CHECK static inline int evse_list_find(evse_ocpp_t *ocpp, const char *id_tag,
                                               evse_tag_info_t *info)
{
    (void)ocpp;
    (void)id_tag;
    (void)info;
    return HF_E_NOT_FOUND;
}
static inline void evse_list_learn(evse_ocpp_t *ocpp, const char *id_tag,
                                   const evse_tag_info_t *info)
{
    (void)ocpp;
    (void)id_tag;
    (void)info;
}
static inline bool evse_list_clear_cache(evse_ocpp_t *ocpp)
{
    (void)ocpp;
    return false;
}
static inline bool evse_list_send(evse_ocpp_t *ocpp)
{
    (void)ocpp;
    return false;
}
static inline void evse_list_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome)
{
    (void)ocpp;
    (void)outcome;
}
#endif

// ---- reservations: evse_ocpp_reservation.c ------------------------------------------------------

#if CONFIG_EVSE_OCPP_RESERVATION
void evse_reservation_init(evse_ocpp_t *ocpp);
void evse_reservation_step(evse_ocpp_t *ocpp);
/// What a reservation makes of a tag presented here: ASK when only its parentIdTag, unknown here, could admit it.
evse_auth_verdict_t evse_reservation_judge(evse_ocpp_t *ocpp, unsigned connector,
                                           const char *id_tag);
/// The tag, whose parent is known now, may use this connector.
bool evse_reservation_admits(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                             const char *parent);
/// The reservation that holds this connector; EVSE_RESERVATION_NONE.
int32_t evse_reservation_id(const evse_ocpp_t *ocpp, unsigned connector);
/// The same id while its reservation stands; EVSE_RESERVATION_NONE once it was cancelled or has expired.
int32_t evse_reservation_standing(const evse_ocpp_t *ocpp, int32_t id);
/// The one that a session of this tag uses up here, EVSE_RESERVATION_NONE.
int32_t evse_reservation_used(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                              const char *parent);
/// The connector is to show Reserved.
bool evse_reservation_shows(const evse_ocpp_t *ocpp, unsigned connector);
evse_rpc_error_t evse_reservation_on_reserve(evse_ocpp_t *ocpp, hf_json_t payload,
                                             hf_json_writer_t *reply);
evse_rpc_error_t evse_reservation_on_cancel(evse_ocpp_t *ocpp, hf_json_t payload,
                                            hf_json_writer_t *reply);
#else
static inline void evse_reservation_init(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline void evse_reservation_step(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline evse_auth_verdict_t evse_reservation_judge(evse_ocpp_t *ocpp, unsigned connector,
                                                         const char *id_tag)
{
    (void)ocpp;
    (void)connector;
    (void)id_tag;
    return EVSE_AUTH_ACCEPT;
}
static inline bool evse_reservation_admits(evse_ocpp_t *ocpp, unsigned connector,
                                           const char *id_tag, const char *parent)
{
    (void)ocpp;
    (void)connector;
    (void)id_tag;
    (void)parent;
    return true;
}
static inline int32_t evse_reservation_standing(const evse_ocpp_t *ocpp, int32_t id)
{
    (void)ocpp;
    return id;
}
static inline int32_t evse_reservation_id(const evse_ocpp_t *ocpp, unsigned connector)
{
    (void)ocpp;
    (void)connector;
    return EVSE_RESERVATION_NONE;
}
static inline int32_t evse_reservation_used(evse_ocpp_t *ocpp, unsigned connector,
                                            const char *id_tag, const char *parent)
{
    (void)ocpp;
    (void)connector;
    (void)id_tag;
    (void)parent;
    return EVSE_RESERVATION_NONE;
}
static inline bool evse_reservation_shows(const evse_ocpp_t *ocpp, unsigned connector)
{
    (void)ocpp;
    (void)connector;
    return false;
}
#endif

#endif
