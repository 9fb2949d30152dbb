// SPDX-License-Identifier: MIT
// The local list and the authorization cache as OCPP knows them: SendLocalList, GetLocalListVersion, what confirmations
// teach, LocalListConflict. Invariants: only SendLocalList changes the list; an update is judged whole before the flash is
// touched, and answered Accepted when it is durable; a tag that is in the list is not put into the cache.
#include "evse_ocpp_private.h"

_Static_assert(CONFIG_EVSE_OCPP_RECEIVE_BYTES <= 65536, "an entry's place fits 16 bits");
_Static_assert(EVSE_LIST_MESSAGE_TAGS >= 1, "a message holds an entry");

void evse_list_init(evse_ocpp_t *ocpp)
{
    evse_auth_t *auth = &ocpp->auth;
    const evse_ocpp_config_t *config = &ocpp->config;
    int status = HF_E_NOT_FOUND;
    if (config->list.flash != NULL) {
        status = evse_tags_open(&auth->list, &config->list, CONFIG_EVSE_LOCAL_LIST_TAGS_MAX);
        auth->has_list = status == HF_OK;
        HF_LOGI(config->log, 0u, STORE, "local list: %s, %u tags, version %d",
                auth->list.damaged ? "damaged, empty" : hf_status_text(status),
                (unsigned)auth->list.count, (int)auth->list.version);
    }
    if (config->cache.flash != NULL) {
        status = evse_tag_cache_open(&auth->cache, &config->cache);
        auth->has_cache = status == HF_OK;
        HF_LOGI(config->log, 0u, STORE, "authorization cache: %s, %u tags", hf_status_text(status),
                (unsigned)auth->cache.count);
    }
}

static bool is_list_used(const evse_ocpp_t *ocpp)
{
    return ocpp->auth.has_list && EVSE_NUMBER(ocpp, LocalAuthListEnabled) != 0;
}

static bool is_cache_used(const evse_ocpp_t *ocpp)
{
    return ocpp->auth.has_cache && EVSE_NUMBER(ocpp, AuthorizationCacheEnabled) != 0;
}

// ---- looking up and learning --------------------------------------------------------------------

int evse_list_find(evse_ocpp_t *ocpp, const char *id_tag, evse_tag_info_t *info)
{
    if (is_list_used(ocpp) && evse_tags_find(&ocpp->auth.list, id_tag, info) == HF_OK) {
        return HF_OK;
    }
    return is_cache_used(ocpp) ? evse_tag_cache_find(&ocpp->auth.cache, id_tag, info)
                               : HF_E_NOT_FOUND;
}

static void look_for_conflict(evse_ocpp_t *ocpp, const char *id_tag, const evse_tag_info_t *listed,
                              const evse_tag_info_t *told)
{
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    if (evse_tag_is_valid(listed, utc_ms) != evse_tag_is_valid(told, utc_ms)) {
        ocpp->auth.is_conflict_due = true;
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "tag ..%s: %s in the local list, told %s",
                evse_tag_tail(id_tag), evse_tag_status_text(listed->status),
                evse_tag_status_text(told->status));
    }
}

void evse_list_learn(evse_ocpp_t *ocpp, const char *id_tag, const evse_tag_info_t *info)
{
    evse_tag_info_t listed;
    if (is_list_used(ocpp) && evse_tags_find(&ocpp->auth.list, id_tag, &listed) == HF_OK) {
        look_for_conflict(ocpp, id_tag, &listed, info);
        return;
    }
    // ConcurrentTx says nothing about the tag once that transaction is over.
    if (!is_cache_used(ocpp) || info->status == EVSE_TAG_ConcurrentTx) {
        return;
    }
    evse_tag_t tag = {.info = *info};
    memcpy(tag.id, id_tag, strlen(id_tag) + 1u);
    int status = evse_tag_cache_put(&ocpp->auth.cache, &tag, evse_ocpp_utc_ms(ocpp, ocpp->now_us));
    if (status != HF_OK) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, STORE, "tag ..%s not cached: %s",
                evse_tag_tail(id_tag), hf_status_text(status));
    }
}

bool evse_list_clear_cache(evse_ocpp_t *ocpp)
{
    return is_cache_used(ocpp) && evse_tag_cache_clear(&ocpp->auth.cache) == HF_OK;
}

// ---- LocalListConflict --------------------------------------------------------------------------

// 3.5.2: connector 0, whose status stays what it is.
bool evse_list_send(evse_ocpp_t *ocpp)
{
    unsigned state = ocpp->status[0].seen_state;
    if (!ocpp->auth.is_conflict_due || state >= EVSE_CONNECTOR_STATE_COUNT) {
        return false;
    }
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "StatusNotification", NULL);
    hf_json_i64_field(json, "connectorId", 0);
    hf_json_string_field(json, "errorCode", "LocalListConflict");
    hf_json_string_field(json, "status", evse_connector_state_text(state));
    bool sent = evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_CONFLICT, 0u, 0u)) == HF_OK;
    ocpp->auth.is_conflict_due = !sent;
    return sent;
}

void evse_list_answer(evse_ocpp_t *ocpp, evse_rpc_outcome_t outcome)
{
    if (outcome == EVSE_RPC_TIMEOUT) {
        ocpp->auth.is_conflict_due = true;
    }
}

// ---- SendLocalList ------------------------------------------------------------------------------

// The entries of a message in ascending order: where each stands in it.
typedef struct entries {
    const char *text; // of the array
    unsigned count, at;
    struct {
        uint16_t offset, length;
    } place[EVSE_LIST_MESSAGE_TAGS];
} entries_t;

static hf_json_t entry_at(const entries_t *entries, unsigned index)
{
    return (hf_json_t){.type = HF_JSON_OBJECT,
                       .raw = {.text = entries->text + entries->place[index].offset,
                               .length = entries->place[index].length}};
}

static bool read_id(hf_json_t entry, char id[EVSE_ID_TAG_BYTES])
{
    return hf_json_string(hf_json_member(entry, "idTag"), id, EVSE_ID_TAG_BYTES) == HF_OK;
}

// Where it belongs; -1 when the tag is there already.
static int place_of(const entries_t *entries, const char *id)
{
    unsigned low = 0u;
    unsigned high = entries->count;
    while (low < high) {
        unsigned middle = (low + high) / 2u;
        char other[EVSE_ID_TAG_BYTES] = "";
        (void)read_id(entry_at(entries, middle), other);
        int order = evse_tag_compare(id, other);
        if (order == 0) {
            return -1;
        }
        low = order > 0 ? middle + 1u : low;
        high = order < 0 ? middle : high;
    }
    return (int)low;
}

// False when the tag is there already, or there are too many.
static bool insert(entries_t *entries, const char *id, hf_json_t entry)
{
    int place = entries->count < EVSE_LIST_MESSAGE_TAGS ? place_of(entries, id) : -1;
    if (place < 0) {
        return false;
    }
    memmove(&entries->place[place + 1], &entries->place[place],
            (entries->count - (unsigned)place) * sizeof entries->place[0]);
    entries->place[place].offset = (uint16_t)(entry.raw.text - entries->text);
    entries->place[place].length = (uint16_t)entry.raw.length;
    entries->count++;
    return true;
}

// An element of the list: its tag, or why not in fields->error.
static void read_entry(evse_ocpp_t *ocpp, evse_fields_t *fields, hf_json_t entry, bool is_full,
                       char id[EVSE_ID_TAG_BYTES])
{
    evse_tag_info_t info;
    hf_json_t object;
    evse_fields_t members = evse_fields_in(fields, entry);
    if (entry.type != HF_JSON_OBJECT) {
        evse_fields_refuse(fields, "localAuthorizationList", EVSE_RPC_TypeConstraintViolation);
        return;
    }
    if (evse_fields_text(&members, "idTag", true, id, EVSE_ID_TAG_BYTES) && id[0] == '\0') {
        evse_fields_refuse(&members, "idTag", EVSE_RPC_PropertyConstraintViolation);
    }
    bool has_info = evse_fields_find(&members, "idTagInfo", is_full, HF_JSON_OBJECT, &object);
    if (has_info && members.error == EVSE_RPC_NO_ERROR) {
        members.error = evse_tag_info_read(ocpp, object, &info);
    }
    fields->error = members.error;
}

// False: well formed, but not to be applied (too many, one tag twice).
static bool collect(evse_ocpp_t *ocpp, evse_fields_t *fields, hf_json_t list, bool is_full,
                    entries_t *entries)
{
    hf_json_walk_t walk = {.container = list};
    bool good = true;
    entries->text = list.raw.text;
    entries->count = entries->at = 0u;
    while (fields->error == EVSE_RPC_NO_ERROR && hf_json_next(&walk)) {
        char id[EVSE_ID_TAG_BYTES] = "";
        read_entry(ocpp, fields, walk.value, is_full, id);
        if (fields->error == EVSE_RPC_NO_ERROR) {
            good = insert(entries, id, walk.value) && good;
        }
    }
    return good;
}

typedef struct source {
    evse_ocpp_t *ocpp;
    entries_t entries;
} source_t;

static bool next_change(void *ctx, evse_tag_change_t *change)
{
    source_t *source = ctx;
    if (source->entries.at == source->entries.count) {
        return false;
    }
    hf_json_t entry = entry_at(&source->entries, source->entries.at++);
    hf_json_t info = hf_json_member(entry, "idTagInfo");
    memset(change, 0, sizeof *change);
    change->is_removed = info.type == HF_JSON_NONE;
    (void)read_id(entry, change->tag.id);
    if (!change->is_removed) {
        (void)evse_tag_info_read(source->ocpp, info, &change->tag.info); // has been, without error
    }
    return true;
}

static const char *text_of(int status)
{
    return status == HF_OK ? "Accepted" : "Failed";
}

// Accepted at once where the flash is as quick, else when it is durable.
static evse_rpc_error_t apply(evse_ocpp_t *ocpp, int32_t version, bool is_full, source_t *source,
                              hf_json_writer_t *reply)
{
    evse_auth_t *auth = &ocpp->auth;
    const evse_tag_changes_t changes = {.next = next_change, .ctx = source};
    int status = evse_tags_update(&auth->list, version, is_full, &changes);
    if (status == HF_OK) {
        status = evse_tags_poll(&auth->list);
        if (status == HF_E_AGAIN) {
            auth->is_replying = true;
            return EVSE_RPC_DEFERRED;
        }
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "local list, %u changes: %s, %u tags",
            source->entries.count, hf_status_text(status), (unsigned)auth->list.count);
    return evse_reply_status(reply, text_of(status));
}

evse_rpc_error_t evse_list_on_send(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    static const char *const types[] = {"Differential", "Full", NULL};
    int32_t version = 0;
    unsigned type = 0u;
    source_t source = {.ocpp = ocpp};
    hf_json_t list;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_int(&fields, "listVersion", true, &evse_any_integer, &version);
    (void)evse_fields_choice(&fields, "updateType", true, types, &type);
    (void)evse_fields_find(&fields, "localAuthorizationList", false, HF_JSON_ARRAY, &list);
    bool is_full = type == 1u;
    bool good = collect(ocpp, &fields, list, is_full, &source.entries);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    if (!is_list_used(ocpp)) {
        return evse_reply_status(reply, "NotSupported");
    }
    // 0 and -1 mean something else in GetLocalListVersion (errata 3.52).
    if (!good || version <= 0 || !evse_rpc_can_defer(&ocpp->rpc)) {
        return evse_reply_status(reply, "Failed");
    }
    if (!is_full && version <= ocpp->auth.list.version) {
        return evse_reply_status(reply, "VersionMismatch");
    }
    return apply(ocpp, version, is_full, &source, reply);
}

evse_rpc_error_t evse_list_on_version(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    (void)payload;
    hf_json_begin_object(reply);
    hf_json_i64_field(reply, "listVersion", is_list_used(ocpp) ? ocpp->auth.list.version : -1);
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}

// ---- the loop -----------------------------------------------------------------------------------

void evse_list_step(evse_ocpp_t *ocpp)
{
    evse_auth_t *auth = &ocpp->auth;
    if (auth->cache.is_dirty || auth->cache.is_syncing) {
        (void)evse_tag_cache_poll(&auth->cache); // a cache that fails takes no more, that is all
    }
    if (auth->list.phase == 0u && !auth->is_replying) {
        return;
    }
    ocpp->stirred = true; // the flash is driven in every round
    int status = evse_tags_poll(&auth->list);
    if (status == HF_E_AGAIN) {
        auth->is_replying = auth->is_replying && ocpp->link_state == EVSE_LINK_OPEN;
        return;
    }
    if (auth->is_replying) {
        status = auth->list.failed;
        auth->is_replying = evse_reply_deferred(ocpp, text_of(status));
        HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "local list durable: %s, %u tags, version %d",
                hf_status_text(status), (unsigned)auth->list.count, (int)auth->list.version);
    }
}
