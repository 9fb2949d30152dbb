// SPDX-License-Identifier: MIT
// Random documents: what the writer wrote is read back value by value; every truncation is refused; every damaged byte
// is either refused or still a document whose parts are documents. A failure prints the seed, which replays it.
#include "hf_test.h"

#include "holdfast/hf_json.h"

#define SEEDS     300u
#define NODES_MAX 64u

typedef struct random {
    uint64_t state;
} random_t;

static uint32_t next(random_t *r, uint32_t below)
{
    r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((r->state >> 33) % below);
}

static void random_string(random_t *r, char *out)
{
    static const char *const pieces[] = {
        "a", "\"", "\\", "\n", "\x01", "\x7F", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9D\x84\x9E",
        "/", "}",  "],"};
    out[0] = '\0';
    for (uint32_t i = next(r, 6); i > 0; i--) {
        strcat(out, pieces[next(r, HF_COUNT_OF(pieces))]);
    }
}

static int64_t random_integer(random_t *r)
{
    uint64_t bits = (uint64_t)next(r, 0x7FFFFFFF) << 33 ^ (uint64_t)next(r, 0x7FFFFFFF) << 2;
    return (int64_t)(bits >> next(r, 64)) * (next(r, 2) == 0 ? 1 : -1);
}

// One generator writes and, run again with the same seed, compares: it visits the same nodes in the same order.
typedef struct session {
    random_t random;
    hf_json_writer_t *writer; // NULL: compare
    hf_json_walk_t walks[HF_JSON_DEPTH_MAX];
    bool objects[HF_JSON_DEPTH_MAX];
    unsigned depth;
    bool equal;
    int64_t integer; // drawn for the current scalar
    char text[64];
} session_t;

static hf_json_t next_value(session_t *s, const char *name)
{
    hf_json_walk_t *walk = &s->walks[s->depth - 1];
    if (!hf_json_next(walk) || (s->objects[s->depth - 1] ? !hf_json_is_string(walk->name, name)
                                                         : walk->name.type != HF_JSON_NONE)) {
        s->equal = false;
    }
    return walk->value;
}

static void open_node(session_t *s, hf_json_t value, bool object)
{
    if (s->writer != NULL) {
        object ? hf_json_begin_object(s->writer) : hf_json_begin_array(s->writer);
    } else if (value.type != (object ? HF_JSON_OBJECT : HF_JSON_ARRAY)) {
        s->equal = false;
    }
    s->objects[s->depth] = object;
    s->walks[s->depth] = (hf_json_walk_t){.container = value};
    s->depth++;
}

static void close_node(session_t *s)
{
    s->depth--;
    if (s->writer != NULL) {
        s->objects[s->depth] ? hf_json_end_object(s->writer) : hf_json_end_array(s->writer);
    } else if (hf_json_next(&s->walks[s->depth])) {
        s->equal = false;
    }
}

static void write_scalar(session_t *s, uint32_t kind, unsigned decimals)
{
    switch (kind) {
    case 0:
        hf_json_put_string(s->writer, s->text);
        break;
    case 1:
        hf_json_put_i64(s->writer, s->integer);
        break;
    case 2:
        hf_json_put_fixed(s->writer, s->integer, decimals);
        break;
    case 3:
        hf_json_put_null(s->writer);
        break;
    default:
        hf_json_put_bool(s->writer, kind == 4);
        break;
    }
}

static bool is_same_scalar(const session_t *s, hf_json_t value, uint32_t kind, unsigned decimals)
{
    char text[64];
    int64_t number = 0;
    bool flag = false;
    switch (kind) {
    case 0:
        return hf_json_is_string(value, s->text) &&
               hf_json_string(value, text, sizeof text) == HF_OK && strcmp(text, s->text) == 0;
    case 1:
        return hf_json_i64(value, &number) == HF_OK && number == s->integer;
    case 2:
        return hf_json_fixed(value, decimals, &number) == HF_OK && number == s->integer;
    case 3:
        return value.type == HF_JSON_NULL;
    default:
        return hf_json_bool(value, &flag) == HF_OK && flag == (kind == 4);
    }
}

static void visit(session_t *s, hf_json_t root)
{
    open_node(s, root, next(&s->random, 2) == 0);
    for (unsigned nodes = 0; s->depth > 0; nodes++) {
        uint32_t kind = next(&s->random, 10);
        if (nodes >= NODES_MAX || kind >= 8) {
            close_node(s);
            continue;
        }
        char name[64];
        random_string(&s->random, name);
        if (s->writer != NULL && s->objects[s->depth - 1]) {
            hf_json_key(s->writer, name);
        }
        hf_json_t value = s->writer != NULL ? (hf_json_t){0} : next_value(s, name);
        if (kind >= 6 && s->depth < HF_JSON_DEPTH_MAX) {
            open_node(s, value, kind == 6);
            continue;
        }
        unsigned decimals = next(&s->random, 10);
        s->integer = random_integer(&s->random);
        random_string(&s->random, s->text);
        if (s->writer != NULL) {
            write_scalar(s, kind, decimals);
        } else if (!is_same_scalar(s, value, kind, decimals)) {
            s->equal = false;
        }
    }
}

static size_t write_document(uint64_t seed, char *text, size_t capacity)
{
    hf_builder_t out;
    hf_json_writer_t writer;
    hf_builder_init(&out, text, capacity);
    hf_json_writer_init(&writer, &out);
    session_t s = {.random = {seed}, .writer = &writer};
    visit(&s, (hf_json_t){0});
    return out.overflow ? 0 : out.length;
}

static char document[16384], damaged[16384];

static void roundtrip_written_documents_read_back_equal(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        size_t length = write_document(seed, document, sizeof document);
        session_t s = {.random = {seed}, .equal = true};
        hf_json_t root;
        int status = hf_json_parse(document, length, &root);
        if (status == HF_OK) {
            visit(&s, root);
        }
        if (status != HF_OK || !s.equal) {
            HF_TEST_FAIL("roundtrip:%llu: status %d: %s", (unsigned long long)seed, status,
                         document);
        }
    }
}

static void roundtrip_every_truncation_is_refused(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        size_t length = write_document(seed, document, sizeof document);
        for (size_t cut = 0; cut < length; cut++) {
            hf_json_t root;
            if (hf_json_parse(document, cut, &root) != HF_E_FORMAT) {
                HF_TEST_FAIL("truncation:%llu:%zu accepted", (unsigned long long)seed, cut);
                return;
            }
        }
    }
}

static bool is_whole(hf_json_t value)
{
    hf_json_t again;
    return hf_json_parse(value.raw.text, value.raw.length, &again) == HF_OK &&
           again.type == value.type && again.raw.length == value.raw.length;
}

static void roundtrip_damaged_documents_stay_consistent(void)
{
    unsigned survivors = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        size_t length = write_document(seed, document, sizeof document);
        random_t r = {seed};
        for (unsigned step = 0; step < 200; step++) {
            hf_json_t root;
            memcpy(damaged, document, length);
            damaged[next(&r, (uint32_t)length)] = (char)next(&r, 256);
            if (hf_json_parse(damaged, length, &root) != HF_OK) {
                continue;
            }
            survivors++;
            hf_json_walk_t walk = {.container = root};
            while (hf_json_next(&walk)) {
                if (!is_whole(walk.value) ||
                    (walk.name.type != HF_JSON_NONE && !is_whole(walk.name))) {
                    HF_TEST_FAIL("damage:%llu:%u", (unsigned long long)seed, step);
                    return;
                }
            }
        }
    }
    CHECK(survivors > 100); // else the check above saw nothing
}

HF_TEST_MAIN(HF_TEST(roundtrip_written_documents_read_back_equal),
             HF_TEST(roundtrip_every_truncation_is_refused),
             HF_TEST(roundtrip_damaged_documents_stay_consistent))
