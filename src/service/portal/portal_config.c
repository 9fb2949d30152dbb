// SPDX-License-Identifier: MIT
// GET and POST /api/config: both are jobs of the comms loop. A body is read whole and understood whole before any of it is
// asked for.
#include "portal_private.h"

#include <string.h>

static const char *const verdicts[] = {"Accepted", "Rejected", "RebootRequired", "NotSupported"};

// ---- GET ----------------------------------------------------------------------------------------------------------

unsigned portal_keys_begin(portal_request_t *request)
{
    request->body = hf_pool_take(&request->portal->buffers, HF_TAG_NONE);
    hf_builder_init(&request->text, request->body, request->body != NULL ? PORTAL_BUFFER_BYTES : 0);
    return request->body != NULL ? 0 : MHD_HTTP_SERVICE_UNAVAILABLE;
}

// The keys of one kind; each stands as KIND NAME NUL VALUE NUL.
static void put_kind(hf_slice_t pairs, char kind, hf_json_writer_t *json)
{
    size_t position = 0;
    const char *name, *value;
    while (portal_keys_next(pairs, &position, &name, &value)) {
        if (name[0] == kind && kind == 's') {
            hf_json_put_string(json, name + 1);
        } else if (name[0] == kind) {
            hf_json_string_field(json, name + 1, value);
        }
    }
}

static portal_result_t answer_keys(portal_request_t *request)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(request->portal, request->connection, &out, &result)) {
        return result;
    }
    hf_slice_t pairs = {.text = request->text.text, .length = request->text.length};
    hf_json_writer_init(&json, &out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "schema", 1);
    hf_json_key(&json, "config");
    hf_json_begin_object(&json);
    put_kind(pairs, 'w', &json);
    hf_json_end_object(&json);
    hf_json_key(&json, "readonly");
    hf_json_begin_object(&json);
    put_kind(pairs, 'r', &json);
    hf_json_end_object(&json);
    hf_json_key(&json, "secret"); // may be set, is not told
    hf_json_begin_array(&json);
    put_kind(pairs, 's', &json);
    hf_json_end_array(&json);
    hf_json_end_object(&json);
    return portal_answer_end(request->portal, request->connection, MHD_HTTP_OK, &out);
}

static portal_result_t refuse_job(portal_request_t *request, int status)
{
    bool is_slow = status == HF_E_TIMEOUT || status == HF_E_STALE || status == HF_E_FULL;
    return portal_refuse(request->connection,
                         is_slow ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_INTERNAL_SERVER_ERROR,
                         is_slow ? "the charge point is busy, try again" : hf_status_text(status));
}

portal_result_t portal_keys_end(portal_request_t *request)
{
    if (request->phase == PORTAL_ANSWERED) {
        return request->status == HF_OK && !request->text.overflow
                   ? answer_keys(request)
                   : refuse_job(request,
                                request->status != HF_OK ? request->status : HF_E_TOO_LONG);
    }
    int status = portal_ask(request, PORTAL_JOB_KEYS, NULL, 0);
    return status == HF_OK ? MHD_YES : refuse_job(request, status);
}

// ---- POST ---------------------------------------------------------------------------------------------------------

unsigned portal_change_begin(portal_request_t *request)
{
    const char *no_reboot =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "no_reboot");
    request->no_reboot = no_reboot != NULL && strcmp(no_reboot, "1") == 0;
    unsigned refusal = portal_keys_begin(request);
    if (refusal == 0) {
        portal_mark(request->portal, "http_config_post_begin");
    }
    return refusal;
}

void portal_change_take(portal_request_t *request, const char *data, size_t length)
{
    if (request->text.length + length > PORTAL_CONFIG_BYTES_MAX) {
        request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    } else {
        hf_builder_slice(&request->text, (hf_slice_t){.text = data, .length = length});
    }
}

// The pairs stand behind the body: they are never more bytes than it.
static int parse(portal_request_t *request, char why[PORTAL_WHY_BYTES], hf_slice_t *pairs)
{
    hf_builder_t out;
    request->pairs = request->body + PORTAL_CONFIG_BYTES_MAX + 1u;
    hf_builder_init(&out, request->pairs, PORTAL_CONFIG_BYTES_MAX + 1u);
    hf_slice_t body = {.text = request->body, .length = request->text.length};
    int count = portal_keys_read(body, &out, why);
    *pairs = (hf_slice_t){.text = out.text, .length = out.length};
    return count;
}

static portal_result_t answer_nothing(portal_request_t *request, unsigned code, const char *why)
{
    portal_mark(request->portal, "http_config_post_parse_fail");
    char plain[PORTAL_WHY_BYTES];
    size_t i = 0;
    for (; why[i] != '\0' && i < sizeof plain - 1u; i++) { // a name from outside is in it
        bool is_good = why[i] >= ' ' && why[i] <= '~' && why[i] != '"' && why[i] != '\\';
        plain[i] = is_good ? why[i] : '?';
    }
    plain[i] = '\0';
    return portal_refuse(request->connection, code, plain);
}

static portal_result_t begin_change(portal_request_t *request)
{
    char why[PORTAL_WHY_BYTES];
    hf_slice_t pairs;
    if (request->refusal != 0) {
        return answer_nothing(request, request->refusal, "the body is too long");
    }
    if (parse(request, why, &pairs) < 0) {
        return answer_nothing(request, MHD_HTTP_BAD_REQUEST, why);
    }
    portal_mark(request->portal, "http_config_post_parsed");
    // From here on the body's place takes the verdicts.
    hf_builder_init(&request->text, request->body, PORTAL_KEYS_MAX + 1u);
    request->bytes = pairs.length;
    int status = portal_ask(request, PORTAL_JOB_CHANGE, pairs.text, (uint32_t)pairs.length);
    if (status != HF_OK) {
        portal_mark(request->portal, "http_config_post_save_fail");
        return refuse_job(request, status);
    }
    return MHD_YES;
}

static void put_verdicts(const portal_request_t *request, unsigned count[HF_COUNT_OF(verdicts)],
                         hf_json_writer_t *json)
{
    size_t position = 0, i = 0;
    const char *name, *value;
    hf_slice_t pairs = {.text = request->pairs, .length = (size_t)request->bytes};
    hf_json_key(json, "results");
    hf_json_begin_object(json);
    while (portal_keys_next(pairs, &position, &name, &value) && i < request->text.length) {
        unsigned verdict = (unsigned)request->text.text[i++] % HF_COUNT_OF(verdicts);
        count[verdict]++;
        hf_json_string_field(json, name, verdicts[verdict]);
    }
    hf_json_end_object(json);
}

static portal_result_t answer_change(portal_request_t *request)
{
    unsigned count[HF_COUNT_OF(verdicts)] = {0};
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    portal_mark(request->portal, "http_config_post_saved");
    if (!portal_answer_begin(request->portal, request->connection, &out, &result)) {
        return result;
    }
    hf_json_writer_init(&json, &out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "schema", 1);
    put_verdicts(request, count, &json);
    request->restarts = count[2] > 0 && !request->no_reboot;
    hf_json_i64_field(&json, "accepted", count[0] + count[2]);
    hf_json_i64_field(&json, "rejected", count[1]);
    hf_json_i64_field(&json, "not_supported", count[3]);
    hf_json_bool_field(&json, "reboot_required", count[2] > 0);
    hf_json_bool_field(&json, "rebooting", request->restarts);
    hf_json_end_object(&json);
    portal_mark(request->portal, "http_config_post_applied");
    return portal_answer_end(request->portal, request->connection, MHD_HTTP_OK, &out);
}

portal_result_t portal_change_end(portal_request_t *request)
{
    if (request->phase != PORTAL_ANSWERED) {
        return begin_change(request);
    }
    if (request->status != HF_OK) {
        portal_mark(request->portal, "http_config_post_save_fail");
        return refuse_job(request, request->status);
    }
    return answer_change(request);
}
