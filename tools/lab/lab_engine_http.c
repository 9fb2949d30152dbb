// SPDX-License-Identifier: MIT
// Steps that speak HTTP: one call, a burst of them, health until it is stable. Every call becomes an event of the record.
#include "lab_engine.h"

#include "lab_json.h"

#include "transfer_sha256.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_S        0.5
#define STABLE_PAUSE_S  2.0
#define STABLE_INTERNAL 2048
#define STABLE_PSRAM    8192
#define CALLS_MAX       32u
#define HEALTH_PATH     "/api/health"
#define DIGEST_HEADER   "X-Digest-SHA256: "

static void record(lab_engine_t *engine, const lab_http_call_t *call)
{
    lab_object_t object;
    lab_text_t text = {.text = NULL};
    lab_object_begin(&object);
    lab_object_string(&object, "method", call->method);
    lab_object_string(&object, "url", call->url);
    lab_object_number(&object, "http_status", call->status);
    if (call->content_length >= 0) {
        lab_object_number(&object, "content_length", call->content_length);
    }
    lab_object_string(&object, "content_type",
                      call->content_type[0] != '\0' ? call->content_type : NULL);
    lab_object_string(&object, "content_encoding",
                      call->content_encoding[0] != '\0' ? call->content_encoding : NULL);
    lab_object_real(&object, "seconds", call->seconds);
    if (call->status == 0) {
        lab_object_string(&object, "error", call->error);
    }
    lab_object_end(&object, &text);
    engine->is_no_memory |=
        text.failed || lab_run_event(engine->run, lab_now(), "http", text.text) != 0;
    lab_text_free(&text);
}

static bool is_done(lab_engine_t *engine, const void *what)
{
    (void)engine;
    const lab_http_call_t *call = what;
    return call->is_done;
}

/// Makes the call and waits for its end. The caller ends it.
static void carry_out(lab_engine_t *engine, lab_http_call_t *call)
{
    if (lab_http_begin(&engine->http, call) == 0 &&
        !lab_engine_wait(engine, call->limit_s + 1.0, is_done, call)) {
        (void)snprintf(call->error, sizeof call->error, "no answer within %.1f s", call->limit_s);
    }
    record(engine, call);
}

void lab_engine_ask_reboot(lab_engine_t *engine)
{
    lab_http_call_t call = {.method = "POST", .limit_s = FORGET_S, .body = "", .body_length = 0};
    lab_object_t object;
    lab_text_t text = {.text = NULL};
    if (!lab_engine_url(engine, "/api/reboot", call.url, sizeof call.url)) {
        return;
    }
    if (lab_http_begin(&engine->http, &call) == 0) {
        (void)lab_engine_wait(engine, FORGET_S, is_done, &call);
    }
    lab_object_begin(&object);
    lab_object_string(&object, "mode", "fire_and_forget");
    lab_object_string(&object, "method", call.method);
    lab_object_string(&object, "url", call.url);
    lab_object_string(&object, "error", call.is_done && call.status == 0 ? call.error : NULL);
    lab_object_end(&object, &text);
    engine->is_no_memory |=
        text.failed || lab_run_event(engine->run, lab_now(), "http", text.text) != 0;
    lab_text_free(&text);
    lab_http_end(&engine->http, &call);
}

// ---- bodies ----

/// What goes into an answer that is posted back: the members that are to be kept, then those that are set.
static void put_members(lab_text_t *text, hf_json_t from, const char *keep, const char *set)
{
    hf_json_t kept = {.type = HF_JSON_NONE}, put = {.type = HF_JSON_NONE};
    bool is_first = true;
    if ((keep != NULL && hf_json_parse(keep, strlen(keep), &kept) != HF_OK) ||
        (set != NULL && hf_json_parse(set, strlen(set), &put) != HF_OK)) {
        return; // both were checked when the scenario was read
    }
    lab_text_put(text, "{");
    for (hf_json_walk_t walk = {.container = from}; hf_json_next(&walk);) {
        char name[128];
        bool is_kept = hf_json_string(walk.name, name, sizeof name) == HF_OK &&
                       hf_json_member(put, name).type == HF_JSON_NONE;
        bool is_listed = keep == NULL;
        for (size_t i = 0; i < hf_json_count(kept) && is_kept && !is_listed; i++) {
            is_listed = hf_json_is_string(hf_json_element(kept, i), name);
        }
        if (is_kept && is_listed) {
            lab_text_print(text, "%s%.*s:%.*s", is_first ? "" : ",", (int)walk.name.raw.length,
                           walk.name.raw.text, (int)walk.value.raw.length, walk.value.raw.text);
            is_first = false;
        }
    }
    for (hf_json_walk_t walk = {.container = put}; hf_json_next(&walk);) {
        lab_text_print(text, "%s%.*s:%.*s", is_first ? "" : ",", (int)walk.name.raw.length,
                       walk.name.raw.text, (int)walk.value.raw.length, walk.value.raw.text);
        is_first = false;
    }
    lab_text_put(text, "}");
}

/// GET first, and what it answers is the body. False after engine->why.
static bool body_from_answer(lab_engine_t *engine, const lab_act_t *act, lab_text_t *body)
{
    lab_http_call_t call = {.method = "GET", .limit_s = (double)act->limit_ms / 1000.0};
    hf_json_t root = {.type = HF_JSON_NONE};
    (void)lab_engine_url(engine, act->body_from, call.url, sizeof call.url);
    carry_out(engine, &call);
    bool is_good = call.status == 200 && call.answer != NULL &&
                   hf_json_parse(call.answer, call.length, &root) == HF_OK;
    if (is_good && act->member != NULL) {
        root = hf_json_member(root, act->member);
    }
    is_good = is_good && root.type == HF_JSON_OBJECT;
    if (is_good) {
        put_members(body, root, act->keep, act->set);
    } else {
        (void)lab_engine_bad(engine, "GET %s: %d %s", act->body_from, call.status,
                             call.status == 0     ? call.error
                             : call.status == 200 ? "without the JSON object that is to be posted"
                                                  : "");
    }
    while (is_good && !body->failed && body->length < (size_t)act->pad_to) {
        lab_text_put(body, " ");
    }
    lab_http_end(&engine->http, &call);
    return is_good && !body->failed;
}

/// So many bytes that no compression makes fewer of them; the same ones each time.
static void body_of_bytes(lab_text_t *body, int64_t bytes, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) | 1u;
    for (int64_t i = 0; i < bytes && !body->failed; i += 8) {
        char piece[8];
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(piece, &state, sizeof piece);
        lab_text_add(body, piece, bytes - i < 8 ? (size_t)(bytes - i) : 8);
    }
}

static bool body_of_file(lab_engine_t *engine, const char *path, lab_text_t *body)
{
    size_t length = 0;
    char *text = lab_file_read(".", path, &length);
    if (text == NULL) {
        (void)lab_engine_bad(engine, "%.150s cannot be read", path);
        return false;
    }
    lab_text_add(body, text, length);
    free(text);
    return true;
}

static bool make_body(lab_engine_t *engine, const lab_act_t *act, lab_text_t *body)
{
    if (act->body_from != NULL) {
        return body_from_answer(engine, act, body);
    }
    if (act->file != NULL) {
        return body_of_file(engine, act->file, body);
    }
    if (act->bytes > 0) {
        body_of_bytes(body, act->bytes, engine->run->seed + 1u);
    } else if (act->body != NULL) {
        lab_text_put(body, act->body);
    }
    if (body->failed) {
        (void)lab_engine_bad(engine, "no memory for the body");
    }
    return !body->failed;
}

static void make_digest(const lab_text_t *body, char header[128])
{
    transfer_sha256_t hash;
    uint8_t digest[32];
    transfer_sha256_init(&hash);
    transfer_sha256_add(&hash, body->text, body->length);
    transfer_sha256_end(&hash, digest);
    (void)snprintf(header, 128, "%s", DIGEST_HEADER);
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(header + sizeof DIGEST_HEADER - 1 + 2 * i, 3, "%02x", digest[i]);
    }
}

// ---- steps ----

/// The device decides about what it answers, the scenario about what is right.
static lab_result_t judge(lab_engine_t *engine, const lab_act_t *act, const lab_http_call_t *call)
{
    int expected = act->expect != 0 ? (int)act->expect : 200;
    bool is_any = act->expect == 0 && call->status >= 200 && call->status < 300;
    if (call->status == 0) {
        return lab_engine_bad(engine, "%s %s: %s", call->method, act->path, call->error);
    }
    if (call->status != expected && !is_any) {
        return lab_engine_bad(engine, "%s %s: answered %d, %d expected: %.100s", call->method,
                              act->path, call->status, expected,
                              call->answer != NULL ? call->answer : "");
    }
    if (act->contains != NULL &&
        (call->answer == NULL || strstr(call->answer, act->contains) == NULL)) {
        return lab_engine_bad(engine, "%s %s: the answer lacks '%s': %.100s", call->method,
                              act->path, act->contains, call->answer != NULL ? call->answer : "");
    }
    return LAB_STEP_GOOD;
}

static bool is_page(const char *path)
{
    return strncmp(path, "/api/", 5) != 0;
}

lab_result_t lab_act_http(lab_engine_t *engine, const lab_act_t *act)
{
    lab_text_t body = {.text = NULL};
    char digest[128];
    lab_http_call_t call = {.method = act->method != NULL ? act->method : "GET",
                            .limit_s = (double)act->limit_ms / 1000.0,
                            .type = act->type,
                            .header = act->header};
    if (engine->options->no_pages && is_page(act->path)) {
        (void)lab_engine_bad(engine, "--no-pages");
        return LAB_STEP_LEFT_OUT;
    }
    if (!lab_engine_url(engine, act->path, call.url, sizeof call.url)) {
        return lab_engine_bad(engine, "the device told no address");
    }
    if (!make_body(engine, act, &body)) {
        lab_text_free(&body);
        return LAB_STEP_BAD;
    }
    call.body = body.text;
    call.body_length = body.length;
    if (act->has_digest) {
        make_digest(&body, digest);
        call.header = digest;
    }
    carry_out(engine, &call);
    lab_result_t result = judge(engine, act, &call);
    lab_http_end(&engine->http, &call);
    lab_text_free(&body);
    return result;
}

typedef struct burst {
    lab_http_call_t call[CALLS_MAX];
    unsigned count, begun, most;
} burst_t;

/// As many as may be under way at once; true when all have ended.
static bool drive_burst(lab_engine_t *engine, const void *what)
{
    burst_t *burst = (burst_t *)(uintptr_t)what; // lab_engine_wait() passes it through
    unsigned under_way = 0, done = 0;
    for (unsigned i = 0; i < burst->begun; i++) {
        done += burst->call[i].is_done ? 1u : 0u;
        under_way += burst->call[i].is_done ? 0u : 1u;
    }
    while (burst->begun < burst->count && under_way < burst->most) {
        under_way += lab_http_begin(&engine->http, &burst->call[burst->begun++]) == 0 ? 1u : 0u;
    }
    return done == burst->count;
}

static void plan_burst(lab_engine_t *engine, const lab_act_t *act, burst_t *burst)
{
    const lab_engine_options_t *options = engine->options;
    int64_t healths =
        options->browser_health_count > 0 ? options->browser_health_count : act->health;
    hf_json_t paths = {.type = HF_JSON_NONE};
    int64_t most = options->browser_parallel > 0 ? options->browser_parallel : act->parallel;
    burst->most = most > 0 ? (unsigned)most : 6u;
    if (hf_json_parse(act->paths, strlen(act->paths), &paths) != HF_OK) {
        return; // it was checked when the scenario was read
    }
    unsigned listed = (unsigned)hf_json_count(paths);
    healths = options->no_health ? 0 : healths;
    for (unsigned i = 0; i < listed + (unsigned)healths && burst->count < CALLS_MAX; i++) {
        char path[256] = HEALTH_PATH;
        lab_http_call_t *call = &burst->call[burst->count++];
        if (i < listed && hf_json_string(hf_json_element(paths, i), path, sizeof path) != HF_OK) {
            burst->count--;
            continue;
        }
        call->method = "GET";
        call->limit_s = (double)act->limit_ms / 1000.0;
        (void)lab_engine_url(engine, path, call->url, sizeof call->url);
    }
}

lab_result_t lab_act_burst(lab_engine_t *engine, const lab_act_t *act)
{
    char url[320];
    if (!lab_engine_url(engine, "/", url, sizeof url)) {
        return lab_engine_bad(engine, "the device told no address");
    }
    burst_t *burst = calloc(1, sizeof *burst);
    if (burst == NULL) {
        return lab_engine_bad(engine, "no memory");
    }
    plan_burst(engine, act, burst);
    bool is_whole = lab_engine_wait(engine, (double)act->limit_ms / 1000.0, drive_burst, burst);
    int expected = act->expect != 0 ? (int)act->expect : 200;
    lab_result_t result = LAB_STEP_GOOD;
    unsigned wrong = 0;
    for (unsigned i = 0; i < burst->count; i++) {
        lab_http_call_t *call = &burst->call[i];
        if (call->method != NULL && i < burst->begun) {
            record(engine, call);
        }
        if (call->status != expected) {
            wrong++;
            result = lab_engine_bad(engine, "%u of %u calls failed, the last: %.120s: %d %s", wrong,
                                    burst->count, call->url, call->status, call->error);
        }
        lab_http_end(&engine->http, call);
    }
    if (!is_whole && result == LAB_STEP_GOOD) {
        result = lab_engine_bad(engine, "not all had answered within %lld s",
                                (long long)(act->limit_ms / 1000));
    }
    free(burst);
    return result;
}

// ---- health ----

typedef struct sample {
    bool is_there;
    int64_t internal, psram; // -1: null, or absent
} sample_t;

static sample_t take_sample(lab_engine_t *engine, const char *label, char suffix)
{
    lab_http_call_t call = {.method = "GET", .limit_s = 5.0};
    sample_t sample = {.internal = -1, .psram = -1};
    char name[64];
    hf_json_t root;
    (void)lab_engine_url(engine, HEALTH_PATH, call.url, sizeof call.url);
    carry_out(engine, &call);
    (void)snprintf(name, sizeof name, suffix != '\0' ? "%s_%c" : "%s", label, suffix);
    engine->is_no_memory |=
        lab_run_health(engine->run, lab_now(), name, call.url, call.status, call.answer) != 0 ||
        lab_run_health_headers(engine->run, call.answer_headers) != 0;
    if (call.status == 200 && call.answer != NULL &&
        hf_json_parse(call.answer, call.length, &root) == HF_OK) {
        sample.is_there = true;
        sample.internal = lab_json_i64(root, "heap_internal_free", -1);
        sample.psram = lab_json_i64(root, "psram_free", -1);
    } else {
        (void)lab_engine_bad(engine, "GET %s: %d %s", HEALTH_PATH, call.status,
                             call.status == 0 ? call.error : "and no JSON object");
    }
    lab_http_end(&engine->http, &call);
    return sample;
}

static bool is_stable(const sample_t *a, const sample_t *b)
{
    return llabs(a->internal - b->internal) <= STABLE_INTERNAL &&
           llabs(a->psram - b->psram) <= STABLE_PSRAM;
}

lab_result_t lab_act_health(lab_engine_t *engine, const lab_act_t *act)
{
    char url[320];
    if (engine->options->no_health || !lab_engine_url(engine, HEALTH_PATH, url, sizeof url)) {
        engine->is_no_memory |=
            lab_run_health(engine->run, lab_now(), act->label, NULL, 0, NULL) != 0;
        (void)lab_engine_bad(engine, "%s",
                             engine->options->no_health ? "--no-health" : "no address");
        return LAB_STEP_LEFT_OUT;
    }
    sample_t first = take_sample(engine, act->label, act->is_stable ? 'a' : '\0');
    if (!act->is_stable || !first.is_there) {
        return first.is_there ? LAB_STEP_GOOD : LAB_STEP_BAD;
    }
    uint64_t until_us = lab_clock_us() + (uint64_t)act->limit_ms * 1000u;
    for (;;) {
        lab_engine_pass_time(engine, STABLE_PAUSE_S);
        sample_t second = take_sample(engine, act->label, 'b');
        if (!second.is_there) {
            return LAB_STEP_BAD;
        }
        if (is_stable(&first, &second)) {
            return LAB_STEP_GOOD;
        }
        if (lab_clock_us() >= until_us || lab_engine_is_interrupted()) {
            return lab_engine_bad(engine,
                                  "never stable within %lld s: internal %lld, then %lld B free",
                                  (long long)(act->limit_ms / 1000), (long long)first.internal,
                                  (long long)second.internal);
        }
        first = second;
    }
}
