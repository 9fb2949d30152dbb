// SPDX-License-Identifier: MIT
// Answers: JSON out of the pool's buffers, files out of the program itself. Headers that keep foreign pages out stand on
// each.
#include "portal_private.h"

#include <stdio.h>
#include <string.h>

#define TAG_BYTES 32u
#define RETRY_S   "2" // what is busy now

static portal_result_t send_answer(struct MHD_Connection *connection, unsigned code,
                                   const char *type, struct MHD_Response *response)
{
    if (response == NULL) {
        return MHD_NO; // no memory: the connection is closed, and that is all
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "X-Frame-Options", "DENY");
    (void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    (void)MHD_add_response_header(response, "Content-Security-Policy",
                                  "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
                                  "form-action 'self'; frame-ancestors 'none'");
    portal_result_t result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static portal_result_t send_json(struct MHD_Connection *connection, unsigned code,
                                 struct MHD_Response *response)
{
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    }
    return send_answer(connection, code, "application/json", response);
}

portal_result_t portal_refuse(struct MHD_Connection *connection, unsigned code, const char *error)
{
    return portal_refuse_until(connection, code, error, RETRY_S);
}

portal_result_t portal_refuse_until(struct MHD_Connection *connection, unsigned code,
                                    const char *error, const char *retry_s)
{
    char text[512];
    int length = snprintf(text, sizeof text, "{\"schema\":1,\"error\":\"%s\"}\n", error);
    if (length < 0 || (size_t)length >= sizeof text) {
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);
    if (response != NULL &&
        (code == MHD_HTTP_SERVICE_UNAVAILABLE || code == MHD_HTTP_TOO_MANY_REQUESTS)) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, retry_s);
    }
    if (response != NULL && code == MHD_HTTP_UNAUTHORIZED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                      "Basic realm=\"Holdfast\", charset=\"UTF-8\"");
    }
    return send_json(connection, code, response);
}

/// Which pool a buffer goes back to stands behind it, where an answer never reaches.
static void give_back(void *cls)
{
    portal_t *portal;
    memcpy(&portal, (char *)cls + PORTAL_BUFFER_BYTES - sizeof portal, sizeof portal);
    (void)!hf_pool_give(&portal->buffers, cls);
}

bool portal_answer_begin(portal_t *portal, struct MHD_Connection *connection, hf_builder_t *out,
                         portal_result_t *result)
{
    char *text = hf_pool_take(&portal->buffers, HF_TAG_NONE);
    if (text == NULL) {
        *result = portal_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "busy, try again");
        return false;
    }
    memcpy(text + PORTAL_BUFFER_BYTES - sizeof portal, &portal, sizeof portal);
    hf_builder_init(out, text, PORTAL_BUFFER_BYTES - sizeof portal);
    return true;
}

portal_result_t portal_answer_end(portal_t *portal, struct MHD_Connection *connection,
                                  unsigned code, hf_builder_t *out)
{
    hf_builder_char(out, '\n');
    if (out->overflow) {
        (void)!hf_pool_give(&portal->buffers, out->text);
        return portal_refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                             "the answer is longer than its buffer");
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(out->length, out->text, give_back);
    if (response == NULL) {
        (void)!hf_pool_give(&portal->buffers, out->text);
        return MHD_NO;
    }
    return send_json(connection, code, response);
}

static const struct {
    const char *url;
    const char *tag;
} page_marks[] = {
    {"/", "http_root"}, {"/network.html", "http_network"}, {"/firmware.html", "http_firmware"}};

static void mark_page(portal_t *portal, const char *url)
{
    for (unsigned i = 0; i < HF_COUNT_OF(page_marks); i++) {
        if ((portal->marked >> i & 1u) == 0 && strcmp(url, page_marks[i].url) == 0) {
            portal->marked |= 1u << i;
            portal_mark(portal, page_marks[i].tag);
        }
    }
}

static portal_result_t send_asset(struct MHD_Connection *connection, const portal_asset_t *asset)
{
    char tag[TAG_BYTES];
    bool is_packed =
        portal_accepts_gzip(portal_header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    (void)snprintf(tag, sizeof tag, "\"%s%s\"", asset->tag, is_packed ? "-gzip" : "");
    bool is_known =
        portal_tag_matches(portal_header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH), tag);
    const unsigned char *data = is_packed ? asset->packed : asset->plain;
    size_t length = is_packed ? asset->packed_bytes : asset->plain_bytes;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        is_known ? 0 : length, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    if (is_packed && !is_known) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    }
    return send_answer(connection, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, asset->type,
                       response);
}

portal_result_t portal_refuse_method(struct MHD_Connection *connection, const char *allow)
{
    static const char text[] = "{\"schema\":1,\"error\":\"no such method here\"}\n";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        sizeof text - 1u, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    return send_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

const portal_asset_t *portal_file(const char *url)
{
    for (size_t i = 0; i < portal_asset_count; i++) {
        if (strcmp(url, portal_assets[i].url) == 0) {
            return &portal_assets[i];
        }
    }
    return NULL;
}

portal_result_t portal_send_file(portal_t *portal, struct MHD_Connection *connection,
                                 const portal_asset_t *file)
{
    mark_page(portal, file->url);
    return send_asset(connection, file);
}
