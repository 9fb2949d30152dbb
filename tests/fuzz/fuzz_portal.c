// SPDX-License-Identifier: MIT
// What the portal makes of text from a network: the first byte chooses a header, or the body of POST /api/config. Beyond not
// failing: what is let in is of the form that was promised, and pairs that were read are those of the body, in its order.
#include "fuzz.h"

#include "src/service/portal/portal_access.c" // NOLINT(bugprone-suspicious-include)
#include "src/service/portal/portal_keys.c"   // NOLINT(bugprone-suspicious-include)

#define BODY_MAX 8192u

// A host that is good has no letters beyond hexadecimal digits, or is one of two names: what a foreign page cannot be
// reached by.
static void check_host(const char *text)
{
    if (!portal_host_is_good(text, "charger")) {
        return;
    }
    static const char *const names[] = {"localhost", "charger"};
    bool is_name = false;
    for (size_t i = 0; i < HF_COUNT_OF(names); i++) {
        size_t length = strlen(names[i]);
        is_name = is_name || (strlen(text) >= length &&
                              hf_slice_is_nocase((hf_slice_t){text, length}, names[i]));
    }
    must(is_name || strspn(text, "0123456789abcdefABCDEF.:[]") == strlen(text));
    must(strspn(text, "0123456789.:") != strlen(text) || strspn(text, "0123456789.") >= 7);
}

static void check_origin(const char *text)
{
    if (portal_origin_is_same(text, "10.0.0.1:80")) {
        must(strcmp(text, "http://10.0.0.1:80") == 0 || strcmp(text, "https://10.0.0.1:80") == 0);
    }
    uint64_t length;
    if (portal_length_read(text, &length)) {
        must(strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text));
    }
}

static void check_digest(const char *text)
{
    uint8_t digest[PORTAL_DIGEST_BYTES];
    if (portal_digest_read(text, NULL, digest)) {
        must(strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64);
    }
    (void)portal_digest_read(NULL, text, digest);
    must(!portal_password_is(text, "user:\x01 nobody sends this \x02"));
}

static void check_small(const char *text)
{
    (void)portal_accepts_gzip(text);
    (void)portal_tag_matches(text, "\"0123456789abcdef-gzip\"");
    (void)portal_type_is(text, "application/json");
}

static void check_keys(const char *text, size_t length)
{
    static char room[BODY_MAX + 1u];
    char why[PORTAL_WHY_BYTES] = "";
    hf_builder_t out;
    hf_builder_init(&out, room, sizeof room);
    int count = portal_keys_read((hf_slice_t){text, length}, &out, why);
    if (count < 0) {
        must(why[0] != '\0' && strlen(why) < sizeof why);
        return;
    }
    must(out.length <= length && !out.overflow && (unsigned)count <= PORTAL_KEYS_MAX);
    hf_json_t root;
    must(hf_json_parse(text, length, &root) == HF_OK && hf_json_count(root) == (size_t)count);
    hf_json_walk_t walk = {.container = root};
    size_t position = 0;
    const char *name, *value;
    while (portal_keys_next((hf_slice_t){out.text, out.length}, &position, &name, &value)) {
        must(hf_json_next(&walk));
        must(hf_json_is_string(walk.name, name) && hf_json_is_string(walk.value, value));
        must(strlen(name) < PORTAL_KEY_BYTES && strlen(value) < PORTAL_VALUE_BYTES);
        count--;
    }
    must(count == 0 && !hf_json_next(&walk));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BODY_MAX + 1u];
    if (size == 0 || size > BODY_MAX) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5u) {
    case 0:
        check_host(text);
        break;
    case 1:
        check_origin(text);
        break;
    case 2:
        check_digest(text);
        break;
    case 3:
        check_small(text);
        break;
    default:
        check_keys(text, size - 1);
        break;
    }
    return 0;
}
