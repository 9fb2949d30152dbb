// SPDX-License-Identifier: MIT
// Strict on purpose: what is not understood as a whole changes nothing.
#include "portal_keys.h"

#include <string.h>

static int refuse(char why[PORTAL_WHY_BYTES], const char *format, const char *name, int status)
{
    hf_builder_t out;
    hf_builder_init(&out, why, PORTAL_WHY_BYTES);
    for (; *format != '\0'; format++) {
        if (*format == '@') {
            hf_builder_text(&out, name);
        } else {
            hf_builder_char(&out, *format);
        }
    }
    return status;
}

static bool has_name(hf_slice_t pairs, const char *wanted)
{
    size_t position = 0;
    const char *name, *value;
    while (portal_keys_next(pairs, &position, &name, &value)) {
        if (hf_slice_is_nocase((hf_slice_t){name, strlen(name)}, wanted)) {
            return true;
        }
    }
    return false;
}

static int read_pair(const hf_json_walk_t *walk, hf_builder_t *out, char why[PORTAL_WHY_BYTES])
{
    char name[PORTAL_KEY_BYTES], value[PORTAL_VALUE_BYTES];
    int status = hf_json_string(walk->name, name, sizeof name);
    if (status != HF_OK || name[0] == '\0') {
        return refuse(why, "a name of 1 to 50 characters is needed", "",
                      status == HF_OK ? HF_E_FORMAT : status);
    }
    if (walk->value.type != HF_JSON_STRING) {
        return refuse(why, "@: its value is no text", name, HF_E_FORMAT);
    }
    status = hf_json_string(walk->value, value, sizeof value);
    if (status != HF_OK) {
        return refuse(why, "@: its value is too long, or holds a NUL", name, status);
    }
    if (has_name((hf_slice_t){out->text, out->length}, name)) {
        return refuse(why, "@: named twice", name, HF_E_STATE);
    }
    hf_builder_slice(out, (hf_slice_t){name, strlen(name) + 1u});
    hf_builder_slice(out, (hf_slice_t){value, strlen(value) + 1u});
    return out->overflow ? refuse(why, "too much text", "", HF_E_TOO_LONG) : HF_OK;
}

int portal_keys_read(hf_slice_t body, hf_builder_t *out, char why[PORTAL_WHY_BYTES])
{
    hf_json_t root;
    int status = hf_json_parse(body.text, body.length, &root);
    if (status != HF_OK) {
        return refuse(why, status == HF_E_RANGE ? "nested too deep" : "not JSON", "", status);
    }
    if (root.type != HF_JSON_OBJECT) {
        return refuse(why, "not an object", "", HF_E_FORMAT);
    }
    int count = 0;
    hf_json_walk_t walk = {.container = root};
    while (hf_json_next(&walk)) {
        if ((unsigned)count >= PORTAL_KEYS_MAX) {
            return refuse(why, "too many members", "", HF_E_FULL);
        }
        status = read_pair(&walk, out, why);
        if (status != HF_OK) {
            return status;
        }
        count++;
    }
    return count;
}

bool portal_keys_next(hf_slice_t pairs, size_t *position, const char **name, const char **value)
{
    const char *rest = pairs.text + *position;
    size_t left = pairs.length - *position;
    const char *end = left > 0 ? memchr(rest, '\0', left) : NULL;
    if (end == NULL) {
        return false;
    }
    *name = rest;
    *value = end + 1;
    left -= (size_t)(*value - rest);
    end = left > 0 ? memchr(*value, '\0', left) : NULL;
    *position = end != NULL ? (size_t)(end + 1 - pairs.text) : pairs.length;
    return end != NULL;
}
