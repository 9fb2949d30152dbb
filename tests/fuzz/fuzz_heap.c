// SPDX-License-Identifier: MIT
// Any texts as the budget, the reserve, the rules and the failing take of the heap guard, one behind the other with a 0
// between, and as a pattern with a name. Invariants: what is taken is within its limits and names only regions there are;
// what is refused has a printable sentence; a budget that is taken is taken again when it is written anew; a pattern fits
// exactly when a table of all their beginnings says so.
#include "fuzz.h"
#include "holdfast_malloc_spec.h"

#include <string.h>

#define TEXTS      6u
#define TEXT_BYTES 512u
#define GLOB_BYTES 48u

enum { BUDGET, RESERVE, RULES, FAIL, PATTERN, NAME };

typedef char texts_t[TEXTS][TEXT_BYTES];

static void split(texts_t text, const uint8_t *data, size_t size)
{
    size_t number = 0, length = 0;
    memset(text, 0, sizeof(texts_t));
    for (size_t i = 0; i < size && number < TEXTS; i++) {
        if (data[i] == 0) {
            number++;
            length = 0;
        } else if (length + 1 < TEXT_BYTES) {
            text[number][length++] = (char)data[i];
        }
    }
}

static void judge_error(int status, const hf_heap_error_t *error)
{
    must(status == HF_E_FORMAT || status == HF_E_RANGE || status == HF_E_FULL ||
         status == HF_E_NOT_FOUND);
    must(memchr(error->text, '\0', sizeof error->text) != NULL && error->text[0] != '\0');
    for (const char *c = error->text; *c != '\0'; c++) {
        must(*c >= ' ' && *c <= '~');
    }
}

static void judge_spec(const hf_heap_spec_t *spec)
{
    char again[TEXT_BYTES] = "";
    size_t length = 0;
    hf_heap_spec_t same;
    hf_heap_error_t error;
    must(spec->count >= 1 && spec->count <= HF_HEAP_REGIONS_MAX);
    for (uint32_t i = 0; i < spec->count; i++) {
        must(spec->region[i].bytes >= HF_HEAP_BYTES_MIN &&
             spec->region[i].bytes <= HF_HEAP_BYTES_MAX);
        must(spec->region[i].reserve_bytes < spec->region[i].bytes);
        must(hf_heap_spec_find(spec, spec->region[i].name) == (int)i); // so no name stands twice
        length += (size_t)snprintf(again + length, sizeof again - length, "%s%s=%zu",
                                   i > 0 ? "," : "", spec->region[i].name, spec->region[i].bytes);
    }
    must(hf_heap_spec_parse(&same, again, &error) == HF_OK && same.count == spec->count);
}

static void judge_selector(const hf_heap_selector_t *who)
{
    must(memchr(who->library, '\0', sizeof who->library) != NULL);
    must(memchr(who->tag, '\0', sizeof who->tag) != NULL);
}

static void judge_routes(const hf_heap_routes_t *routes, const hf_heap_spec_t *spec)
{
    must(routes->count <= HF_HEAP_RULES_MAX && routes->stacks < spec->count);
    for (uint32_t i = 0; i < routes->count; i++) {
        const hf_heap_rule_t *rule = &routes->rule[i];
        must(rule->count >= 1 && rule->count <= HF_HEAP_REGIONS_MAX);
        judge_selector(&rule->who);
        for (uint32_t r = 0; r < rule->count; r++) {
            must(rule->region[r] < spec->count);
        }
    }
}

/// Whether the pattern fits, by a table: fits[j] is for the pattern so far and the first j of the name.
static bool fits_by_table(const char *pattern, const char *name)
{
    bool fits[GLOB_BYTES] = {true};
    const size_t length = strlen(name);
    for (; *pattern != '\0'; pattern++) {
        bool before = fits[0]; // of one less of both
        fits[0] = fits[0] && *pattern == '*';
        for (size_t j = 1; j <= length; j++) {
            const bool here = fits[j];
            fits[j] = *pattern == '*' ? here || fits[j - 1]
                                      : before && (*pattern == '?' || *pattern == name[j - 1]);
            before = here;
        }
    }
    return fits[length];
}

static void judge_pattern(texts_t text)
{
    text[PATTERN][GLOB_BYTES - 1] = text[NAME][GLOB_BYTES - 1] = '\0';
    must(hf_heap_glob(text[PATTERN], text[NAME]) == fits_by_table(text[PATTERN], text[NAME]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    texts_t text;
    hf_heap_spec_t spec;
    hf_heap_fail_t fail;
    hf_heap_routes_t routes = {.count = 0};
    hf_heap_error_t error = {.text = ""};
    split(text, data, size);
    judge_pattern(text);
    int status = hf_heap_fail_parse(&fail, text[FAIL], &error);
    if (status == HF_OK) {
        must(fail.number > 0);
        judge_selector(&fail.who);
    } else {
        judge_error(status, &error);
    }
    status = hf_heap_spec_parse(&spec, text[BUDGET], &error);
    if (status != HF_OK) {
        judge_error(status, &error);
        return 0;
    }
    judge_spec(&spec);
    status = hf_heap_reserve_parse(&spec, text[RESERVE], &error);
    if (status != HF_OK) {
        judge_error(status, &error);
    }
    judge_spec(&spec);
    status = hf_heap_routes_parse(&routes, &spec, text[RULES], &error);
    if (status != HF_OK) {
        judge_error(status, &error);
    }
    judge_routes(&routes, &spec);
    routes.count = 0;
    must(hf_heap_routes_parse(&routes, &spec, hf_heap_default_routes, &error) == HF_OK);
    judge_routes(&routes, &spec);
    return 0;
}
