// SPDX-License-Identifier: MIT
// Script lines: words to CALLs. One table is the language.
#include "csms_private.h"

#include <string.h>

#define WORDS_MAX 5u

typedef struct words {
    hf_slice_t word[WORDS_MAX];
    hf_slice_t rest[WORDS_MAX]; // the line from each word on
    unsigned count;
} words_t;

static words_t split(const char *line)
{
    words_t words = {.count = 0};
    while (words.count < WORDS_MAX) {
        while (*line == ' ' || *line == '\t') {
            line++;
        }
        if (*line == '\0' || *line == '\n') {
            break;
        }
        size_t length = strcspn(line, " \t\r\n");
        words.rest[words.count] = (hf_slice_t){.text = line, .length = strcspn(line, "\r\n")};
        words.word[words.count++] = (hf_slice_t){.text = line, .length = length};
        line += length;
    }
    return words;
}

static int find_station(const csms_t *csms, hf_slice_t id)
{
    for (unsigned i = 0; i < csms->stations; i++) {
        if (hf_slice_is(id, csms->station[i].id)) {
            return (int)i;
        }
    }
    return HF_E_NOT_FOUND;
}

static int to_number(const words_t *words, unsigned index, int64_t *number)
{
    return index < words->count ? hf_slice_to_i64(words->word[index], number) : HF_E_FORMAT;
}

/// A command's payload out of its words: arguments are word[2] and on.
typedef int (*payload_t)(const csms_station_t *station, const words_t *words,
                         hf_json_writer_t *json);

static void put_slice(hf_json_writer_t *json, const char *name, hf_slice_t text)
{
    hf_json_key(json, name);
    hf_json_put_slice(json, text);
}

static int put_connector(const words_t *words, unsigned index, hf_json_writer_t *json)
{
    int64_t connector;
    int status = to_number(words, index, &connector);
    if (status == HF_OK) {
        hf_json_i64_field(json, "connectorId", connector);
    }
    return status;
}

static int remote_start(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count != 4) {
        return HF_E_FORMAT;
    }
    put_slice(json, "idTag", words->word[3]);
    return put_connector(words, 2, json);
}

static int remote_stop(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    int64_t transaction_id = station->last_transaction_id;
    if (words->count > 2 && to_number(words, 2, &transaction_id) != HF_OK) {
        return HF_E_FORMAT;
    }
    hf_json_i64_field(json, "transactionId", transaction_id);
    return HF_OK;
}

static int trigger(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count < 3) {
        return HF_E_FORMAT;
    }
    put_slice(json, "requestedMessage", words->word[2]);
    return words->count > 3 ? put_connector(words, 3, json) : HF_OK;
}

static int reset(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count != 3) {
        return HF_E_FORMAT;
    }
    put_slice(json, "type", words->word[2]);
    return HF_OK;
}

static int availability(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count != 4) {
        return HF_E_FORMAT;
    }
    put_slice(json, "type", words->word[3]);
    return put_connector(words, 2, json);
}

static int unlock(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    return put_connector(words, 2, json);
}

static int get_config(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count > 2) {
        hf_json_key(json, "key");
        hf_json_begin_array(json);
        hf_json_put_slice(json, words->word[2]);
        hf_json_end_array(json);
    }
    return HF_OK;
}

static int set_config(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station;
    if (words->count < 4) {
        return HF_E_FORMAT;
    }
    put_slice(json, "key", words->word[2]);
    put_slice(json, "value", words->rest[3]);
    return HF_OK;
}

static int nothing(const csms_station_t *station, const words_t *words, hf_json_writer_t *json)
{
    (void)station, (void)words, (void)json;
    return HF_OK;
}

static const struct {
    const char *command;
    const char *action;
    payload_t payload;
} commands[] = {
    {"remote-start", "RemoteStartTransaction", remote_start},
    {"remote-stop", "RemoteStopTransaction", remote_stop},
    {"trigger", "TriggerMessage", trigger},
    {"reset", "Reset", reset},
    {"availability", "ChangeAvailability", availability},
    {"unlock", "UnlockConnector", unlock},
    {"get-config", "GetConfiguration", get_config},
    {"set-config", "ChangeConfiguration", set_config},
    {"clear-cache", "ClearCache", nothing},
};

static int set_mood(csms_t *csms, const words_t *words)
{
    static const struct {
        const char *name;
        uint32_t mood;
    } names[] = {
        {"silent", CSMS_MOOD_SILENT},
        {"callerror", CSMS_MOOD_CALLERROR},
        {"boot-pending", CSMS_MOOD_BOOT_PENDING},
        {"boot-rejected", CSMS_MOOD_BOOT_REJECTED},
        {"block-tags", CSMS_MOOD_BLOCK_TAGS},
    };
    bool on = words->count == 3 && hf_slice_is(words->word[2], "on");
    if (words->count != 3 || (!on && !hf_slice_is(words->word[2], "off"))) {
        return HF_E_FORMAT;
    }
    for (size_t i = 0; i < HF_COUNT_OF(names); i++) {
        if (hf_slice_is(words->word[1], names[i].name)) {
            csms->moods = on ? csms->moods | names[i].mood : csms->moods & ~names[i].mood;
            return HF_OK;
        }
    }
    return HF_E_FORMAT;
}

static int send_raw(csms_t *csms, unsigned station, hf_slice_t text)
{
    char copy[CSMS_TEXT_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, copy, sizeof copy);
    hf_builder_slice(&out, text);
    if (out.overflow) {
        return HF_E_TOO_LONG;
    }
    csms_send_text(csms, station, &out);
    return HF_OK;
}

static int send_command(csms_t *csms, unsigned station, const words_t *words)
{
    if (hf_slice_is(words->word[0], "call") && words->count >= 4) {
        return csms_call_station(csms, station, words->word[2], words->rest[3]);
    }
    if (hf_slice_is(words->word[0], "raw") && words->count >= 3) {
        return send_raw(csms, station, words->rest[2]);
    }
    for (size_t i = 0; i < HF_COUNT_OF(commands); i++) {
        if (!hf_slice_is(words->word[0], commands[i].command)) {
            continue;
        }
        char text[256];
        hf_builder_t out;
        hf_json_writer_t json;
        hf_builder_init(&out, text, sizeof text);
        hf_json_writer_init(&json, &out);
        hf_json_begin_object(&json);
        int status = commands[i].payload(&csms->station[station], words, &json);
        hf_json_end_object(&json);
        if (status != HF_OK || out.overflow) {
            return status != HF_OK ? status : HF_E_TOO_LONG;
        }
        hf_slice_t action = {.text = commands[i].action, .length = strlen(commands[i].action)};
        hf_slice_t payload = {.text = out.text, .length = out.length};
        return csms_call_station(csms, station, action, payload);
    }
    return HF_E_FORMAT;
}

int csms_command(csms_t *csms, const char *line, uint64_t now_us)
{
    csms->now_us = now_us;
    words_t words = split(line);
    if (words.count == 0 || words.word[0].text[0] == '#') {
        return HF_OK;
    }
    if (hf_slice_is(words.word[0], "mood")) {
        return set_mood(csms, &words);
    }
    if (words.count < 2) {
        return HF_E_FORMAT;
    }
    int station = find_station(csms, words.word[1]);
    return station < 0 ? station : send_command(csms, (unsigned)station, &words);
}
