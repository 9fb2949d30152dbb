// SPDX-License-Identifier: MIT
// Installing and clearing charging profiles. Invariants: of an installed profile the slot is in memory and the whole in the
// store under the slot's number; a TxProfile stands only while its connector has a session, the one it was meant for; what
// is answered Accepted is in the flash.
#include "evse_ocpp_smart.h"

#define HOUR_MS 3600000u

static bool is_free(const evse_profile_slot_t *slot)
{
    return slot->purpose == EVSE_PURPOSE_NONE;
}

static int load(void *ctx, unsigned slot, evse_profile_t *profile)
{
    uint8_t bytes[EVSE_PROFILE_ENCODED_MAX];
    int length = evse_store_kept(ctx, EVSE_OBJECT_PROFILE, (uint16_t)slot, bytes, sizeof bytes);
    return length < 0 ? length : evse_profile_decode(bytes, (size_t)length, profile);
}

static evse_profile_slot_t slot_of(const evse_profile_t *profile)
{
    return (evse_profile_slot_t){.id = profile->id,
                                 .purpose = profile->purpose,
                                 .connector = profile->connector,
                                 .stack_level = profile->stack_level};
}

int evse_smart_remove(evse_ocpp_t *ocpp, unsigned slot)
{
    int status = evse_store_forget(ocpp->config.store, EVSE_OBJECT_PROFILE, (uint16_t)slot);
    if (status == HF_OK) {
        ocpp->smart.profiles.slot[slot].purpose = EVSE_PURPOSE_NONE;
        evse_smart_wake(ocpp);
    }
    return status;
}

void evse_smart_bury(evse_ocpp_t *ocpp, unsigned connector)
{
    for (unsigned i = 0u; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        const evse_profile_slot_t *slot = &ocpp->smart.profiles.slot[i];
        if (slot->purpose == EVSE_PURPOSE_TX && slot->connector == connector + 1u) {
            ocpp->smart.profiles.slot[i].purpose = EVSE_PURPOSE_NONE;
            if (evse_store_forget(ocpp->config.store, EVSE_OBJECT_PROFILE, (uint16_t)i) != HF_OK) {
                HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "end of a TxProfile not recorded");
            }
        }
    }
}

// What does not fit this build, or is of a transaction that a boot has ended, is forgotten.
static void take_over(evse_ocpp_t *ocpp, uint16_t key)
{
    evse_profile_t profile;
    bool fits = key < CONFIG_EVSE_CHARGING_PROFILES_MAX &&
                load(ocpp->config.store, key, &profile) == HF_OK &&
                profile.connector <= ocpp->config.connectors;
    if (fits && profile.purpose != EVSE_PURPOSE_TX) {
        ocpp->smart.profiles.slot[key] = slot_of(&profile);
        return;
    }
    if (!fits) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "charging profile in slot %u dropped",
                (unsigned)key);
    }
    (void)!evse_store_forget(ocpp->config.store, EVSE_OBJECT_PROFILE, key);
}

void evse_smart_init(evse_ocpp_t *ocpp)
{
    ocpp->smart = (evse_smart_t){.profiles = {.load = load, .ctx = ocpp->config.store}};
    int32_t key = evse_store_next_key(ocpp->config.store, EVSE_OBJECT_PROFILE, 0u);
    while (key >= 0) {
        take_over(ocpp, (uint16_t)key);
        key = key == UINT16_MAX ? -1
                                : evse_store_next_key(ocpp->config.store, EVSE_OBJECT_PROFILE,
                                                      (uint16_t)(key + 1));
    }
}

// ---- installing ---------------------------------------------------------------------------------

static bool is_replaced(const evse_profile_slot_t *slot, const evse_profile_t *by)
{
    bool same_place = slot->purpose == by->purpose && slot->connector == by->connector &&
                      slot->stack_level == by->stack_level;
    return !is_free(slot) && (slot->id == by->id || same_place);
}

static bool is_dead(evse_ocpp_t *ocpp, unsigned slot)
{
    evse_profile_t profile;
    return ocpp->smart.profiles.slot[slot].purpose != EVSE_PURPOSE_TX &&
           load(ocpp->config.store, slot, &profile) == HF_OK &&
           evse_profile_is_over(&profile, evse_ocpp_utc_ms(ocpp, ocpp->now_us), HOUR_MS);
}

// The one it replaces, else a free one, else one that can bind no more; -1 none.
static int find_slot(evse_ocpp_t *ocpp, const evse_profile_t *profile)
{
    const evse_profile_slot_t *slot = ocpp->smart.profiles.slot;
    int found = -1;
    for (unsigned i = 0u; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        if (is_replaced(&slot[i], profile)) {
            return (int)i;
        }
        found = found < 0 && is_free(&slot[i]) ? (int)i : found;
    }
    for (unsigned i = 0u; found < 0 && i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        found = is_dead(ocpp, i) ? (int)i : -1;
    }
    return found;
}

// The same again costs no write: central systems repeat themselves.
static int keep(evse_ocpp_t *ocpp, unsigned slot, const evse_profile_t *profile)
{
    uint8_t bytes[EVSE_PROFILE_ENCODED_MAX], kept[EVSE_PROFILE_ENCODED_MAX];
    size_t length = evse_profile_encode(profile, bytes);
    int before = is_free(&ocpp->smart.profiles.slot[slot])
                     ? HF_E_NOT_FOUND
                     : evse_store_kept(ocpp->config.store, EVSE_OBJECT_PROFILE, (uint16_t)slot,
                                       kept, sizeof kept);
    if (before == (int)length && memcmp(bytes, kept, length) == 0) {
        return HF_OK;
    }
    return evse_store_keep(ocpp->config.store, EVSE_OBJECT_PROFILE, (uint16_t)slot, bytes, length);
}

static int install(evse_ocpp_t *ocpp, const evse_profile_t *profile)
{
    int found = find_slot(ocpp, profile);
    if (found < 0) {
        return HF_E_FULL;
    }
    int status = keep(ocpp, (unsigned)found, profile);
    if (status != HF_OK) {
        return status;
    }
    ocpp->smart.profiles.slot[found] = slot_of(profile);
    for (unsigned i = 0u; status == HF_OK && i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        if ((int)i != found && is_replaced(&ocpp->smart.profiles.slot[i], profile)) {
            status = evse_smart_remove(ocpp, i); // the place of one and the id of another
        }
    }
    evse_smart_wake(ocpp);
    return status;
}

// A TxProfile is for the transaction that runs, by its number when it names one (5.16.2).
static bool has_its_transaction(const evse_ocpp_t *ocpp, const evse_smart_wish_t *wish)
{
    if (wish->profile.purpose != EVSE_PURPOSE_TX) {
        return true;
    }
    unsigned connector = wish->profile.connector - 1u;
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    return evse_session_is_billing(ocpp, connector) && open != NULL &&
           (!wish->names_transaction || open->transaction_id == wish->transaction_id);
}

evse_rpc_error_t evse_smart_on_set(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    const evse_range_t connectors = {0, (int32_t)ocpp->config.connectors}; // errata 3.39
    evse_smart_wish_t wish;
    int32_t connector = 0;
    hf_json_t object;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_int(&fields, "connectorId", true, &connectors, &connector);
    (void)evse_fields_find(&fields, "csChargingProfiles", true, HF_JSON_OBJECT, &object);
    if (fields.error == EVSE_RPC_NO_ERROR) {
        fields.error = evse_smart_read(ocpp, object, (unsigned)connector, &wish);
    }
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    bool accepted =
        wish.sound && has_its_transaction(ocpp, &wish) && install(ocpp, &wish.profile) == HF_OK;
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "charging profile %d for connector %u %s",
            (int)wish.profile.id, (unsigned)connector, accepted ? "installed" : "rejected");
    return evse_reply_recorded(ocpp, reply, accepted ? "Accepted" : "Rejected");
}

// ---- with RemoteStartTransaction ----------------------------------------------------------------

evse_rpc_error_t evse_smart_remote_check(evse_ocpp_t *ocpp, hf_json_t profile, unsigned connector,
                                         bool *good)
{
    evse_smart_wish_t wish;
    if (profile.type != HF_JSON_OBJECT) {
        ocpp->rpc.why = "chargingProfile";
        return EVSE_RPC_TypeConstraintViolation;
    }
    evse_rpc_error_t error = evse_smart_read(ocpp, profile, connector + 1u, &wish);
    *good = wish.sound && wish.profile.purpose == EVSE_PURPOSE_TX && !wish.names_transaction &&
            find_slot(ocpp, &wish.profile) >= 0;
    return error;
}

void evse_smart_remote_take(evse_ocpp_t *ocpp, hf_json_t profile, unsigned connector)
{
    evse_smart_wish_t wish;
    evse_smart_bury(ocpp, connector); // a session that ended in this very round may have left some
    bool read = evse_smart_read(ocpp, profile, connector + 1u, &wish) == EVSE_RPC_NO_ERROR;
    int status = read && wish.sound ? install(ocpp, &wish.profile) : HF_E_FORMAT;
    ocpp->smart.grant[connector].session = ocpp->session[connector].id;
    if (status != HF_OK) { // no energy without the limit that was to come with it
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("its charging profile was not recorded"));
    }
}

// ---- clearing -----------------------------------------------------------------------------------

typedef struct criteria {
    bool by_id, by_connector, by_purpose, by_level;
    int32_t id, connector, level;
    unsigned purpose;
} criteria_t;

// An id decides alone, all others together (errata 3.25, 3.26).
static bool is_meant(const evse_profile_slot_t *slot, const criteria_t *by)
{
    if (is_free(slot) || by->by_id) {
        return !is_free(slot) && slot->id == by->id;
    }
    return (!by->by_connector || slot->connector == by->connector) &&
           (!by->by_purpose || slot->purpose == EVSE_PURPOSE_STATION + by->purpose) &&
           (!by->by_level || slot->stack_level == by->level);
}

static evse_rpc_error_t read_criteria(evse_ocpp_t *ocpp, hf_json_t payload, criteria_t *by)
{
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    *by = (criteria_t){0};
    by->by_id = evse_fields_int(&fields, "id", false, &evse_any_integer, &by->id);
    by->by_connector =
        evse_fields_int(&fields, "connectorId", false, &evse_any_integer, &by->connector);
    by->by_level = evse_fields_int(&fields, "stackLevel", false, &evse_any_integer, &by->level);
    by->by_purpose = evse_fields_choice(&fields, "chargingProfilePurpose", false,
                                        evse_smart_purposes, &by->purpose);
    return fields.error;
}

evse_rpc_error_t evse_smart_on_clear(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    criteria_t by;
    unsigned found = 0u;
    evse_rpc_error_t error = read_criteria(ocpp, payload, &by);
    if (error != EVSE_RPC_NO_ERROR) {
        return error;
    }
    for (unsigned i = 0u; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        if (!is_meant(&ocpp->smart.profiles.slot[i], &by)) {
            continue;
        }
        if (evse_smart_remove(ocpp, i) != HF_OK) {
            return EVSE_RPC_InternalError;
        }
        found++;
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "%u charging profiles cleared", found);
    return evse_reply_recorded(ocpp, reply, found != 0u ? "Accepted" : "Unknown");
}
