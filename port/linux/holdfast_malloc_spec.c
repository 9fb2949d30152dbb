// SPDX-License-Identifier: MIT
// The texts that the heap guard is told. A cursor goes over each once; every way out with an error has said a sentence.
#include "holdfast_malloc_spec.h"

#include <stdint.h>
#include <string.h>

// What talks TLS, HTTP or MQTT lives in the large, slow memory, and so do large blocks while there is room.
const char hf_heap_default_routes[] =
    "dma=internal;"
    "lib:libssl.so*=psram;lib:libcrypto.so*=psram;"
    "lib:libgnutls*=psram;lib:libtasn1*=psram;lib:libp11-kit*=psram;"
    "lib:libmicrohttpd*=psram;lib:libmosquitto*=psram;"
    "lib:libcurl*=psram;lib:libnghttp2*=psram;"
    "size:16K=psram>internal;"
    "stacks=internal;"
    "*=internal";

static const char *const usual_names[] = {"internal", "psram", "dma"};

static void append(hf_heap_error_t *error, const char *text, size_t length)
{
    size_t at = strlen(error->text);
    for (size_t i = 0; i < length && text[i] != '\0' && at + 1 < sizeof error->text; i++) {
        error->text[at++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    error->text[at] = '\0';
}

/// "what 'the text around it'"
static int fail(hf_heap_error_t *error, int status, const char *what, hf_slice_t where)
{
    error->text[0] = '\0';
    append(error, what, strlen(what));
    append(error, " '", 2);
    append(error, where.text, where.length);
    append(error, "'", 1);
    return status;
}

/// What stands before the first of the separators; the cursor goes on behind it.
static hf_slice_t next_part(const char **cursor, const char *end, const char *separators)
{
    const char *begin = *cursor, *at = begin;
    while (at < end && strchr(separators, *at) == NULL) {
        at++;
    }
    *cursor = at < end ? at + 1 : at;
    return (hf_slice_t){.text = begin, .length = (size_t)(at - begin)};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static hf_slice_t trim(hf_slice_t part)
{
    while (part.length > 0 && is_blank(part.text[0])) {
        part.text++;
        part.length--;
    }
    while (part.length > 0 && is_blank(part.text[part.length - 1])) {
        part.length--;
    }
    return part;
}

static bool is_text(hf_slice_t part, const char *text)
{
    return part.length == strlen(text) && memcmp(part.text, text, part.length) == 0;
}

static bool begins_with(hf_slice_t part, const char *text)
{
    return part.length >= strlen(text) && memcmp(part.text, text, strlen(text)) == 0;
}

static hf_slice_t behind(hf_slice_t part, size_t bytes)
{
    return (hf_slice_t){.text = part.text + bytes, .length = part.length - bytes};
}

static bool copy(hf_slice_t part, char *out, size_t capacity)
{
    if (part.length == 0 || part.length >= capacity) {
        return false;
    }
    memcpy(out, part.text, part.length);
    out[part.length] = '\0';
    return true;
}

static size_t unit_of(char c)
{
    return c == 'K' || c == 'k' ? 1024u : c == 'M' || c == 'm' ? 1024u * 1024u : 0;
}

/// Digits with K or M; false for anything else and what would not fit.
static bool read_size(hf_slice_t part, size_t *bytes)
{
    size_t unit = part.length > 1 ? unit_of(part.text[part.length - 1]) : 0;
    size_t digits = unit != 0 ? part.length - 1 : part.length;
    uint64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (part.text[i] < '0' || part.text[i] > '9' || value > UINT32_MAX) {
            return false;
        }
        value = value * 10u + (uint64_t)(part.text[i] - '0');
    }
    value *= unit != 0 ? unit : 1u;
    *bytes = (size_t)value;
    return digits > 0 && value <= SIZE_MAX / 2u;
}

static bool is_name(hf_slice_t part)
{
    for (size_t i = 0; i < part.length; i++) {
        char c = part.text[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return part.length > 0 && part.length < HF_HEAP_NAME_BYTES;
}

static int find_region(const hf_heap_spec_t *spec, hf_slice_t name)
{
    for (uint32_t i = 0; i < spec->count; i++) {
        if (is_text(name, spec->region[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

int hf_heap_spec_find(const hf_heap_spec_t *spec, const char *name)
{
    return find_region(spec, (hf_slice_t){.text = name, .length = strlen(name)});
}

/// NAME=SIZE, both checked.
static int read_region(hf_slice_t part, hf_slice_t *name, size_t *bytes, hf_heap_error_t *error)
{
    const char *cursor = part.text, *end = part.text + part.length;
    *name = trim(next_part(&cursor, end, "="));
    hf_slice_t size = trim((hf_slice_t){.text = cursor, .length = (size_t)(end - cursor)});
    if (!is_name(*name) || memchr(part.text, '=', part.length) == NULL) {
        return fail(error, HF_E_FORMAT, "not NAME=SIZE with a name of a-z, 0-9, _ and -:", part);
    }
    if (!read_size(size, bytes)) {
        return fail(error, HF_E_FORMAT, "not a size such as 320K or 8M, in", part);
    }
    return HF_OK;
}

static int add_region(hf_heap_spec_t *spec, hf_slice_t part, hf_heap_error_t *error)
{
    hf_slice_t name;
    size_t bytes = 0;
    int status = read_region(part, &name, &bytes, error);
    if (status != HF_OK) {
        return status;
    }
    if (bytes < HF_HEAP_BYTES_MIN || bytes > HF_HEAP_BYTES_MAX) {
        return fail(error, HF_E_RANGE, "a region has 4K to 256M, not", part);
    }
    if (find_region(spec, name) >= 0) {
        return fail(error, HF_E_FORMAT, "a region stands twice:", part);
    }
    if (spec->count == HF_HEAP_REGIONS_MAX) {
        return fail(error, HF_E_FULL, "more than 4 regions, at", part);
    }
    (void)copy(name, spec->region[spec->count].name, HF_HEAP_NAME_BYTES);
    spec->region[spec->count].bytes = bytes;
    spec->region[spec->count].reserve_bytes = 0;
    spec->count++;
    return HF_OK;
}

static int keep_back(hf_heap_spec_t *spec, hf_slice_t part, hf_heap_error_t *error)
{
    hf_slice_t name;
    size_t bytes = 0;
    int status = read_region(part, &name, &bytes, error);
    int region = status == HF_OK ? find_region(spec, name) : 0;
    if (status != HF_OK) {
        return status;
    }
    if (region < 0) {
        return fail(error, HF_E_NOT_FOUND, "the budget has no such region:", part);
    }
    if (bytes >= spec->region[region].bytes) {
        return fail(error, HF_E_RANGE, "nothing of the region would be left:", part);
    }
    spec->region[region].reserve_bytes = bytes;
    return HF_OK;
}

typedef int read_region_t(hf_heap_spec_t *spec, hf_slice_t part, hf_heap_error_t *error);

static int each_region(hf_heap_spec_t *spec, const char *text, read_region_t *read,
                       hf_heap_error_t *error)
{
    const char *cursor = text, *end = text + strlen(text);
    int status = HF_OK;
    do {
        bool is_last = strchr(cursor, ',') == NULL;
        status = read(spec, trim(next_part(&cursor, end, ",")), error);
        if (is_last) {
            return status;
        }
    } while (status == HF_OK);
    return status;
}

int hf_heap_spec_parse(hf_heap_spec_t *spec, const char *text, hf_heap_error_t *error)
{
    memset(spec, 0, sizeof *spec);
    return each_region(spec, text, add_region, error);
}

int hf_heap_reserve_parse(hf_heap_spec_t *spec, const char *text, hf_heap_error_t *error)
{
    return each_region(spec, text, keep_back, error);
}

static int add_condition(hf_heap_selector_t *who, hf_slice_t part, hf_heap_error_t *error)
{
    bool is_known = true;
    if (begins_with(part, "lib:")) {
        is_known = copy(behind(part, 4), who->library, sizeof who->library);
    } else if (begins_with(part, "tag:")) {
        is_known = copy(behind(part, 4), who->tag, sizeof who->tag);
    } else if (begins_with(part, "size:")) {
        is_known = read_size(behind(part, 5), &who->least_bytes);
    } else if (is_text(part, "dma")) {
        who->is_dma = true;
    } else {
        is_known = is_text(part, "*");
    }
    return is_known ? HF_OK
                    : fail(error, HF_E_FORMAT, "not *, lib:NAME, tag:NAME, size:N or dma:", part);
}

static int read_selector(hf_heap_selector_t *who, hf_slice_t text, hf_heap_error_t *error)
{
    const char *cursor = text.text, *end = text.text + text.length;
    int status = HF_OK;
    memset(who, 0, sizeof *who);
    do {
        status = add_condition(who, trim(next_part(&cursor, end, ",")), error);
    } while (status == HF_OK && cursor < end);
    return status;
}

static bool is_usual(hf_slice_t name)
{
    for (size_t i = 0; i < HF_COUNT_OF(usual_names); i++) {
        if (is_text(name, usual_names[i])) {
            return true;
        }
    }
    return false;
}

/// REGION[>REGION]...; those that the budget lacks are left out.
static int read_targets(hf_heap_rule_t *rule, const hf_heap_spec_t *spec, hf_slice_t text,
                        hf_heap_error_t *error)
{
    const char *cursor = text.text, *end = text.text + text.length;
    do {
        hf_slice_t name = trim(next_part(&cursor, end, ">"));
        int region = find_region(spec, name);
        if (region < 0 && !is_usual(name)) {
            return fail(error, HF_E_NOT_FOUND, "no such region:", name);
        }
        if (region >= 0 && rule->count == HF_HEAP_REGIONS_MAX) {
            return fail(error, HF_E_FULL, "too many regions in", text);
        }
        if (region >= 0) {
            rule->region[rule->count++] = (uint8_t)region;
        }
    } while (cursor < end);
    return HF_OK;
}

static int add_rule(hf_heap_routes_t *routes, const hf_heap_spec_t *spec, hf_slice_t line,
                    hf_heap_error_t *error)
{
    const char *equals = memchr(line.text, '=', line.length);
    if (equals == NULL) {
        return fail(error, HF_E_FORMAT, "not SELECTOR=REGION:", line);
    }
    hf_slice_t left = trim((hf_slice_t){.text = line.text, .length = (size_t)(equals - line.text)});
    hf_slice_t right = trim(behind(line, (size_t)(equals - line.text) + 1));
    hf_heap_rule_t rule = {.count = 0};
    int status = read_targets(&rule, spec, right, error);
    if (status == HF_OK && is_text(left, "stacks")) {
        if (!routes->has_stacks) {
            routes->stacks = rule.count > 0 ? rule.region[0] : 0;
            routes->has_stacks = true;
        }
        return HF_OK;
    }
    if (status == HF_OK) {
        status = read_selector(&rule.who, left, error);
    }
    if (status != HF_OK || rule.count == 0) {
        return status;
    }
    if (routes->count == HF_HEAP_RULES_MAX) {
        return fail(error, HF_E_FULL, "more than 32 rules, at", line);
    }
    routes->rule[routes->count++] = rule;
    return HF_OK;
}

static hf_slice_t without_comment(hf_slice_t line)
{
    const char *hash = memchr(line.text, '#', line.length);
    return trim(hash == NULL
                    ? line
                    : (hf_slice_t){.text = line.text, .length = (size_t)(hash - line.text)});
}

int hf_heap_routes_parse(hf_heap_routes_t *routes, const hf_heap_spec_t *spec, const char *text,
                         hf_heap_error_t *error)
{
    const char *lines = text, *end_of_text = text + strlen(text);
    int status = HF_OK;
    while (status == HF_OK && lines < end_of_text) {
        hf_slice_t line = without_comment(next_part(&lines, end_of_text, "\n"));
        const char *rules = line.text, *end = line.text + line.length;
        while (status == HF_OK && rules < end) {
            hf_slice_t rule = trim(next_part(&rules, end, ";"));
            status = rule.length > 0 ? add_rule(routes, spec, rule, error) : HF_OK;
        }
    }
    return status;
}

int hf_heap_fail_parse(hf_heap_fail_t *out, const char *text, hf_heap_error_t *error)
{
    const hf_slice_t whole = {.text = text, .length = strlen(text)};
    hf_slice_t part = trim(whole);
    memset(out, 0, sizeof *out);
    out->is_from_arm = begins_with(part, "arm:");
    part = behind(part, out->is_from_arm ? 4 : 0);
    const char *at = memchr(part.text, '@', part.length);
    if (at != NULL) {
        const size_t length = (size_t)(at - part.text);
        int status =
            read_selector(&out->who, (hf_slice_t){.text = part.text, .length = length}, error);
        if (status != HF_OK) {
            return status;
        }
        part = behind(part, length + 1);
    }
    out->and_all_after = part.length > 1 && part.text[part.length - 1] == '+';
    part.length -= out->and_all_after ? 1u : 0u;
    size_t number = 0;
    if (part.length == 0 || unit_of(part.text[part.length - 1]) != 0 || !read_size(part, &number) ||
        number == 0 || number > UINT32_MAX) {
        return fail(error, HF_E_FORMAT, "not [arm:][SELECTOR@]N[+]:", whole);
    }
    out->number = (uint32_t)number;
    return HF_OK;
}

bool hf_heap_glob(const char *pattern, const char *name)
{
    const char *star = NULL,
               *from = NULL; // where to go back to: the last star, and what it has eaten up to
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
