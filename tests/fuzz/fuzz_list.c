// SPDX-License-Identifier: MIT
// Local lists through the real CALL path: the input is a script of SendLocalList messages (well formed, slightly wrong, or
// raw bytes), restarts, power cuts in the middle of an update, and cards while offline. A model of a few lines says what
// each is to be answered, what the list holds afterwards, and which card is taken.
#include "fuzz.h"
#include "support/ocpp_station.h"

#define NAMES 16u

typedef struct entry {
    int status; // -1: not in the list
    bool is_expired;
    unsigned parent; // 0 none
} entry_t;

typedef struct model {
    entry_t entry[NAMES];
    int version;
} model_t;

typedef struct input {
    const uint8_t *data;
    size_t left;
} input_t;

static uint8_t take(input_t *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

static const char *const statuses[] = {"Accepted", "Blocked",      "Expired",
                                       "Invalid",  "ConcurrentTx", "accepted"};

static unsigned count_of(const model_t *model)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        count += model->entry[i].status >= 0 ? 1u : 0u;
    }
    return count;
}

// ---- one message --------------------------------------------------------------------------------

typedef struct message {
    char text[1900];
    hf_builder_t out;
    model_t after;
    bool is_wrong; // a CALLERROR must come
    bool fails;    // one tag twice, or a version that is none
} message_t;

static void put_name(hf_json_writer_t *json, const char *member, unsigned name, bool lower)
{
    char id[EVSE_ID_TAG_BYTES];
    snprintf(id, sizeof id, "%s%u", lower ? "tag" : "TAG", name);
    hf_json_string_field(json, member, id);
}

static void put_info(message_t *message, hf_json_writer_t *json, entry_t *entry, input_t *in)
{
    uint8_t what = take(in);
    unsigned status = what % 16u < 5u ? what % 16u : what % 16u == 5u ? 5u : 0u;
    message->is_wrong = message->is_wrong || status == 5u;
    *entry = (entry_t){
        .status = (int)status, .parent = what >> 4 & 3u, .is_expired = (what & 0x40u) != 0};
    hf_json_key(json, "idTagInfo");
    hf_json_begin_object(json);
    if ((what & 0xC0u) != 0) {
        bool is_bad = (what & 0xC0u) == 0xC0u && (what & 0x20u) != 0;
        message->is_wrong = message->is_wrong || is_bad;
        hf_json_string_field(json, "expiryDate",
                             is_bad              ? "2026-02-30T00:00:00Z"
                             : entry->is_expired ? "2026-01-01T00:00:00Z"
                                                 : "2030-01-01T00:00:00Z");
    }
    if (entry->parent != 0) {
        put_name(json, "parentIdTag", entry->parent, false);
    }
    hf_json_string_field(json, "status", statuses[status]);
    hf_json_end_object(json);
}

static void put_entry(message_t *message, hf_json_writer_t *json, input_t *in, bool is_full,
                      uint32_t *seen)
{
    uint8_t what = take(in);
    unsigned name = what % NAMES;
    entry_t entry = {.status = -1};
    message->fails = message->fails || (*seen >> name & 1u) != 0;
    *seen |= 1u << name;
    hf_json_begin_object(json);
    if (what == 0xFF) {
        hf_json_i64_field(json, "idTag", 7);
        message->is_wrong = true;
    } else if (what == 0xFE) {
        hf_json_string_field(json, "idTag", "");
        message->is_wrong = true;
    } else {
        put_name(json, "idTag", name, (what & 0x20u) != 0);
    }
    if ((what & 0xC0u) == 0x40u) {
        message->is_wrong = message->is_wrong || is_full;
    } else {
        put_info(message, json, &entry, in);
    }
    hf_json_end_object(json);
    message->after.entry[name] = entry;
}

static void make(message_t *message, const model_t *now, input_t *in)
{
    hf_json_writer_t json;
    uint8_t what = take(in);
    bool is_full = (what & 1u) != 0;
    uint32_t seen = 0;
    int version = (what & 0x80u) != 0 ? (int)take(in) - 2 : now->version + 1 + (what >> 5 & 3);
    *message = (message_t){.after = *now, .fails = version <= 0};
    for (unsigned i = 0; is_full && i < NAMES; i++) {
        message->after.entry[i].status = -1;
    }
    hf_builder_init(&message->out, message->text, sizeof message->text);
    hf_json_writer_init(&json, &message->out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "listVersion", version);
    hf_json_string_field(&json, "updateType", is_full ? "Full" : "Differential");
    if ((what & 2u) == 0) {
        hf_json_key(&json, "localAuthorizationList");
        hf_json_begin_array(&json);
        for (unsigned i = 0; i < (what >> 2 & 7u); i++) {
            put_entry(message, &json, in, is_full, &seen);
        }
        hf_json_end_array(&json);
    }
    hf_json_end_object(&json);
    message->after.version = count_of(&message->after) == 0 ? 0 : version;
    must(!message->out.overflow);
}

// ---- judgement ----------------------------------------------------------------------------------

static bool is_as(station_t *s, const model_t *model)
{
    evse_tags_t *list = &s->ocpp.auth.list;
    bool good = list->count == count_of(model) && list->version == model->version;
    for (unsigned i = 0; good && i < NAMES; i++) {
        char id[EVSE_ID_TAG_BYTES];
        evse_tag_info_t info;
        snprintf(id, sizeof id, "TaG%u", i);
        int status = evse_tags_find(list, id, &info);
        good = status == HF_OK ? (int)info.status == model->entry[i].status &&
                                     (info.parent[0] != '\0') == (model->entry[i].parent != 0)
                               : status == HF_E_NOT_FOUND && model->entry[i].status < 0;
    }
    return good;
}

static const char *expected_of(const message_t *message, const model_t *now, bool is_full,
                               int version)
{
    if (message->fails) {
        return "[3,\"q1\",{\"status\":\"Failed\"}]";
    }
    return !is_full && version <= now->version ? "[3,\"q1\",{\"status\":\"VersionMismatch\"}]"
                                               : STATION_ACCEPTED;
}

static void send(station_t *s, model_t *now, input_t *in)
{
    static message_t message;
    int64_t version = 0;
    hf_json_t payload;
    make(&message, now, in);
    must(hf_json_parse(message.text, strlen(message.text), &payload) == HF_OK);
    must(hf_json_i64(hf_json_member(payload, "listVersion"), &version) == HF_OK);
    bool is_full = hf_json_is_string(hf_json_member(payload, "updateType"), "Full");
    const char *answer = station_ask(s, "SendLocalList", message.text);
    if (message.is_wrong) {
        must(strncmp(answer, "[4,\"q1\",", 8) == 0);
    } else {
        const char *expected = expected_of(&message, now, is_full, (int)version);
        must(strcmp(answer, expected) == 0);
        *now = strcmp(expected, STATION_ACCEPTED) == 0 ? message.after : *now;
    }
    must(is_as(s, now));
}

// The same with the power lost at a step of it: the old list or the new one.
static void send_and_cut(station_t *s, model_t *now, input_t *in)
{
    static message_t message;
    uint32_t step = take(in) * 8u;
    make(&message, now, in);
    station_run(s, 200); // the journal's own syncs
    s->tags_ram.cut_at = s->tags_ram.steps + step;
    s->tags_ram.cut_garbage = (step & 8u) != 0;
    (void)station_ask(s, "SendLocalList", message.text);
    station_run(s, 200);
    hf_flash_ram_power_on(&s->tags_ram);
    must(station_boot(s) == HF_OK);
    station_run(s, 2000);
    bool old = is_as(s, now);
    must(old || is_as(s, &message.after));
    *now = old ? *now : message.after;
}

// Raw bytes as the list: whatever becomes of them, the list stays in order. The model starts anew from an empty one.
static void send_raw(station_t *s, model_t *now, input_t *in)
{
    static char text[1200];
    size_t length =
        (size_t)snprintf(text, sizeof text,
                         "[2,\"q1\",\"SendLocalList\",{\"listVersion\":99,\"updateType\":\"Full\","
                         "\"localAuthorizationList\":");
    for (unsigned i = 0; i < 1000 && in->left > 0; i++) {
        char c = (char)take(in);
        if (c == '\0') {
            break;
        }
        text[length++] = c;
    }
    memcpy(text + length, "}]", 3);
    station_say(s, text);
    station_run(s, 60);
    char last[EVSE_ID_TAG_BYTES] = "";
    for (uint32_t i = 0; i < s->ocpp.auth.list.count; i++) {
        evse_tag_t tag;
        must(evse_tags_at(&s->ocpp.auth.list, i, &tag) == HF_OK);
        must(evse_tag_compare(tag.id, last) > 0);
        memcpy(last, tag.id, sizeof last);
    }
    must(strcmp(station_ask(s, "SendLocalList", "{\"listVersion\":1,\"updateType\":\"Full\"}"),
                STATION_ACCEPTED) == 0);
    *now = (model_t){.version = 0};
    for (unsigned i = 0; i < NAMES; i++) {
        now->entry[i].status = -1;
    }
}

static void present(station_t *s, const model_t *now, input_t *in)
{
    unsigned name = take(in) % NAMES;
    const entry_t *entry = &now->entry[name];
    char id[EVSE_ID_TAG_BYTES];
    snprintf(id, sizeof id, "tag%u", name);
    s->link.up = false;
    station_run(s, 60);
    bool valid = (entry->status == EVSE_TAG_Accepted || entry->status == EVSE_TAG_ConcurrentTx) &&
                 !entry->is_expired;
    must((evse_ocpp_present_tag(&s->ocpp, 0, id, s->now_us) == HF_OK) == valid);
    (void)!evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us);
    s->link.up = true;
    station_run(s, 3000);
    for (unsigned i = 0; i < 30 && !evse_ocpp_is_online(&s->ocpp); i++) {
        station_run(s, 3000);
    }
    must(evse_ocpp_is_online(&s->ocpp));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t in = {data, size};
    model_t now = {.version = 0};
    if (size > 2000) {
        return 0;
    }
    station_t *s = station_online(1);
    hf_test_failed_here = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        now.entry[i].status = -1;
    }
    for (unsigned step = 0; step < 40 && in.left > 0; step++) {
        uint8_t what = take(&in) % 16u;
        if (what < 9) {
            send(s, &now, &in);
        } else if (what < 12) {
            present(s, &now, &in);
        } else if (what < 14) {
            send_and_cut(s, &now, &in);
        } else if (what == 14) {
            send_raw(s, &now, &in);
        } else {
            station_run(s, 200);
            must(station_boot(s) == HF_OK);
            station_run(s, 2000);
            must(is_as(s, &now));
        }
        s->call_count = 0;
    }
    must(s->tags_ram.overwrites + s->tags_ram.misuses == 0);
    must(hf_test_failed_here == 0);
    return 0;
}
