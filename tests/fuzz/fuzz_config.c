// SPDX-License-Identifier: MIT
// Configuration values from a central system, structure-aware: each line of the input is a change. Its first byte
// picks a key
// (or makes one up), the rest is the value; some bytes make a reboot or a question of it. After every change: the
// answer is one
// of the four there are, what was accepted is what is told and is in range, what was not has changed nothing, one
// answer lists
// all keys, and a reboot keeps it all.
#include "fuzz.h"
#include "support/ocpp_station.h"

#define KEYS_MAX   80u
#define VALUE_MAX  200u
#define CHANGES    24u
#define ASK_REBOOT 0xFEu
#define ASK_MADE   0xFDu // a key that nobody has

typedef struct told {
    char key[EVSE_KEY_BYTES], value[EVSE_VALUE_BYTES * 2u];
    bool readonly;
} told_t;

static told_t before[KEYS_MAX], after[KEYS_MAX];

static unsigned list(station_t *s, told_t told[KEYS_MAX])
{
    const char *answer = station_ask(s, "GetConfiguration", "{}");
    hf_json_t frame = {0};
    must(strlen(answer) + 8u <= CONFIG_EVSE_OCPP_SEND_BYTES);
    must(hf_json_parse(answer, strlen(answer), &frame) == HF_OK);
    hf_json_t result = hf_json_element(frame, 2);
    must(hf_json_count(hf_json_member(result, "unknownKey")) == 0);
    hf_json_walk_t walk = {.container = hf_json_member(result, "configurationKey")};
    unsigned count = 0;
    while (hf_json_next(&walk)) {
        must(count < KEYS_MAX);
        told_t *one = &told[count++];
        must(hf_json_string(hf_json_member(walk.value, "key"), one->key, sizeof one->key) == 0);
        must(hf_json_string(hf_json_member(walk.value, "value"), one->value, sizeof one->value) ==
             0);
        must(hf_json_bool(hf_json_member(walk.value, "readonly"), &one->readonly) == 0);
    }
    must(count > 40u);
    return count;
}

static bool is_told_number(const char *key, const char *value, const evse_ocpp_t *ocpp)
{
    int32_t number = evse_ocpp_number(ocpp, key);
    char text[16];
    if (number < 0) {
        return true; // a text
    }
    snprintf(text, sizeof text, "%ld", (long)number);
    return strcmp(value, text) == 0 || strcmp(value, number != 0 ? "true" : "false") == 0;
}

// Exactly what the answer says has happened.
static void check_change(station_t *s, unsigned count, const told_t *key, const char *value,
                         const char *answer)
{
    bool taken = strcmp(answer, STATION_ACCEPTED) == 0 ||
                 strcmp(answer, "[3,\"q1\",{\"status\":\"RebootRequired\"}]") == 0;
    must(taken || strcmp(answer, STATION_REJECTED) == 0 ||
         strcmp(answer, "[3,\"q1\",{\"status\":\"NotSupported\"}]") == 0);
    must(list(s, after) == count);
    for (unsigned i = 0; i < count; i++) {
        bool mine = key == &before[i];
        must(strcmp(before[i].key, after[i].key) == 0);
        must(before[i].readonly == after[i].readonly);
        must(is_told_number(after[i].key, after[i].value, &s->ocpp));
        must((mine && taken) || strcmp(before[i].value, after[i].value) == 0);
        must(!mine || !taken || !before[i].readonly);
        if (mine && taken && evse_ocpp_number(&s->ocpp, key->key) < 0) {
            must(strcmp(after[i].value, value) == 0); // a text as it came
        }
    }
    must(key != NULL || strcmp(answer, "[3,\"q1\",{\"status\":\"NotSupported\"}]") == 0);
}

static void change(station_t *s, unsigned which, const char *value)
{
    static char payload[VALUE_MAX * 6u + 200u];
    unsigned count = list(s, before);
    const told_t *key = which == ASK_MADE ? NULL : &before[which % count];
    hf_builder_t out;
    hf_json_writer_t json;
    hf_builder_init(&out, payload, sizeof payload);
    hf_json_writer_init(&json, &out);
    hf_json_begin_object(&json);
    hf_json_string_field(&json, "key", key != NULL ? key->key : "Nothing");
    hf_json_string_field(&json, "value", value);
    hf_json_end_object(&json);
    must(!out.overflow);
    const char *answer = station_ask(s, "ChangeConfiguration", payload);
    char kept[80];
    snprintf(kept, sizeof kept, "%.79s", answer);
    check_change(s, count, key, value, kept);
}

static void reboot(station_t *s)
{
    unsigned count = list(s, before);
    station_run(s, 200);
    must(station_boot(s) == HF_OK);
    station_run(s, 2000);
    must(list(s, after) == count);
    char interval[12];
    snprintf(interval, sizeof interval, "%d", s->csms.interval_s);
    for (unsigned i = 0; i < count; i++) {
        bool told = strcmp(before[i].key, "HeartbeatInterval") == 0 && // by the answer to the boot
                    strcmp(after[i].value, interval) == 0;
        must(told || strcmp(before[i].value, after[i].value) == 0);
    }
    s->call_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    station_t *s = station_online(2);
    hf_test_failed_here = 0;
    size_t at = 0;
    for (unsigned i = 0; i < CHANGES && at < size; i++) {
        unsigned which = data[at++];
        char value[VALUE_MAX];
        size_t length = 0;
        while (at < size && data[at] != '\n' && length + 1u < sizeof value) {
            char byte = (char)data[at++];
            value[length++] = byte == '\0' || (byte & 0x80) != 0 ? ' ' : byte;
        }
        value[length] = '\0';
        at += at < size ? 1u : 0u;
        if (which == ASK_REBOOT) {
            reboot(s);
        } else {
            change(s, which, value);
        }
        s->call_count = 0;
    }
    reboot(s);
    must(hf_test_failed_here == 0);
    return 0;
}
