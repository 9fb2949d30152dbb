// SPDX-License-Identifier: MIT
// Any bytes through the JSON parser and, when they are JSON, through every reader. Invariants: every value found by a
// walk parses again by itself, to the same text; a text cut short is refused, unless it is a number; a decoded string
// written back reads the same; no reader touches a byte outside the input (the sanitizers' part).
#include "fuzz.h"
#include "holdfast/hf_json.h"

#include <string.h>

#define STRING_BYTES 512u
#define CUTS         32u

static void parse_again(hf_json_t value)
{
    hf_json_t again;
    must(value.type != HF_JSON_NONE);
    must(hf_json_parse(value.raw.text, value.raw.length, &again) == HF_OK);
    must(again.type == value.type);
    must(again.raw.text == value.raw.text && again.raw.length == value.raw.length);
}

static void read_string(hf_json_t value)
{
    char text[STRING_BYTES], written[6 * STRING_BYTES + 3];
    hf_builder_t out;
    hf_json_writer_t writer;
    hf_json_t again;
    int status = hf_json_string(value, text, sizeof text);
    if (status != HF_OK) {
        must(text[0] == '\0' && !hf_json_is_string(value, text));
        return;
    }
    must(hf_json_is_string(value, text));
    hf_builder_init(&out, written, sizeof written);
    hf_json_writer_init(&writer, &out);
    hf_json_put_string(&writer, text);
    must(!out.overflow);
    must(hf_json_parse(written, out.length, &again) == HF_OK);
    must(hf_json_is_string(again, text));
}

static void read_number(hf_json_t value)
{
    int64_t integer = 0, fixed = 0, ninth = 0;
    bool is_integer = hf_json_i64(value, &integer) == HF_OK;
    bool is_fixed = hf_json_fixed(value, 0, &fixed) == HF_OK;
    must(!is_integer || (is_fixed && integer == fixed));
    if (hf_json_fixed(value, 9, &ninth) == HF_OK && is_integer) {
        must(ninth == integer * 1000000000);
    }
}

static void read_any(hf_json_t value)
{
    char text[8];
    int64_t number;
    bool flag;
    parse_again(value);
    int status = hf_json_string(value, text, sizeof text);
    must(status == HF_OK ? strlen(text) < sizeof text : text[0] == '\0');
    must(status == HF_E_FORMAT || value.type == HF_JSON_STRING);
    must(value.type == HF_JSON_NUMBER || hf_json_i64(value, &number) == HF_E_FORMAT);
    must((hf_json_bool(value, &flag) == HF_OK) ==
         (value.type == HF_JSON_TRUE || value.type == HF_JSON_FALSE));
    (void)hf_json_member(value, "a");
    if (value.type == HF_JSON_STRING) {
        read_string(value);
    } else if (value.type == HF_JSON_NUMBER) {
        read_number(value);
    }
}

static bool is_container(hf_json_t value)
{
    return value.type == HF_JSON_ARRAY || value.type == HF_JSON_OBJECT;
}

// Depth first, on a stack as deep as the parser allows: needing one more is a bug it would find.
static void walk_everything(hf_json_t root)
{
    hf_json_walk_t stack[HF_JSON_DEPTH_MAX];
    size_t counts[HF_JSON_DEPTH_MAX];
    unsigned depth = 0;
    read_any(root);
    if (is_container(root)) {
        stack[depth] = (hf_json_walk_t){.container = root};
        counts[depth++] = 0;
    }
    while (depth > 0) {
        hf_json_walk_t *walk = &stack[depth - 1];
        if (!hf_json_next(walk)) {
            must(hf_json_count(walk->container) == counts[depth - 1]);
            depth--;
            continue;
        }
        counts[depth - 1]++;
        must((walk->container.type == HF_JSON_OBJECT) == (walk->name.type == HF_JSON_STRING));
        if (walk->name.type == HF_JSON_STRING) {
            read_any(walk->name);
        }
        read_any(walk->value);
        if (is_container(walk->value)) {
            must(depth < HF_JSON_DEPTH_MAX);
            stack[depth] = (hf_json_walk_t){.container = walk->value};
            counts[depth++] = 0;
        }
    }
}

// Every cut of a long text would take the square of its length: some, spread over it, will do.
static void cut_short(hf_json_t root)
{
    hf_json_t cut;
    size_t step = root.raw.length / CUTS + 1;
    for (size_t left = root.raw.length - 1; left > 0; left -= left < step ? left : step) {
        int status = hf_json_parse(root.raw.text, left, &cut);
        must(status == HF_E_FORMAT || (status == HF_OK && root.type == HF_JSON_NUMBER));
        must(status != HF_OK || cut.raw.length == left);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_json_t root;
    int status = hf_json_parse((const char *)data, size, &root);
    must(status == HF_OK || status == HF_E_FORMAT || status == HF_E_RANGE);
    must((status == HF_OK) == (root.type != HF_JSON_NONE));
    if (status == HF_OK) {
        walk_everything(root);
        cut_short(root);
    }
    return 0;
}
