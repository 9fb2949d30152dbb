// SPDX-License-Identifier: MIT
// POST /api/firmware: what comes is hashed and forgotten, piece by piece. Nothing is installed, and the answer says so.
#include "portal_private.h"

#include <string.h>

#define HEX_BYTES (2u * PORTAL_DIGEST_BYTES + 1u)

unsigned portal_upload_begin(portal_request_t *request)
{
    portal_t *portal = request->portal;
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        const portal_request_t *other = &portal->request[i];
        if (other != request && other->route == request->route) {
            return MHD_HTTP_SERVICE_UNAVAILABLE; // one at a time
        }
    }
    if (!portal_digest_read(portal_header(request->connection, "X-Digest-SHA256"),
                            portal_header(request->connection, "Digest"), request->expected)) {
        return MHD_HTTP_BAD_REQUEST;
    }
    transfer_sha256_init(&request->hash);
    portal_mark(portal, "upload_begin");
    return 0;
}

void portal_upload_take(portal_request_t *request, const char *data, size_t length)
{
    request->bytes += length;
    if (request->bytes > PORTAL_FIRMWARE_BYTES_MAX) {
        request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
        return;
    }
    transfer_sha256_add(&request->hash, data, length);
    if (!request->is_half && request->announced > 0 && request->bytes * 2u >= request->announced) {
        request->is_half = true;
        portal_mark(request->portal, "upload_half");
    }
}

static void put_hex(hf_json_writer_t *json, const char *name, const uint8_t *digest)
{
    char text[HEX_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    for (size_t i = 0; i < PORTAL_DIGEST_BYTES; i++) {
        hf_builder_hex(&out, digest[i], 2);
    }
    hf_json_string_field(json, name, text);
}

static portal_result_t answer(portal_request_t *request, const uint8_t *digest, bool is_verified)
{
    hf_builder_t out;
    hf_json_writer_t json;
    portal_result_t result;
    if (!portal_answer_begin(request->portal, request->connection, &out, &result)) {
        return result;
    }
    hf_json_writer_init(&json, &out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "schema", 1);
    hf_json_i64_field(&json, "bytes", (int64_t)request->bytes);
    put_hex(&json, "sha256", digest);
    put_hex(&json, "expected", request->expected);
    hf_json_bool_field(&json, "verified", is_verified);
    hf_json_bool_field(&json, "installed", false);
    hf_json_string_field(&json, "note", "received, checked and thrown away: nothing is installed");
    hf_json_end_object(&json);
    return portal_answer_end(request->portal, request->connection,
                             is_verified ? MHD_HTTP_OK : MHD_HTTP_UNPROCESSABLE_CONTENT, &out);
}

portal_result_t portal_upload_end(portal_request_t *request)
{
    uint8_t digest[PORTAL_DIGEST_BYTES];
    if (request->refusal != 0 || request->bytes == 0) {
        return portal_refuse(request->connection,
                             request->refusal != 0 ? request->refusal : MHD_HTTP_BAD_REQUEST,
                             request->refusal != 0 ? "the image is too long" : "no image");
    }
    transfer_sha256_end(&request->hash, digest);
    bool is_verified = memcmp(digest, request->expected, sizeof digest) == 0;
    portal_result_t result = answer(request, digest, is_verified);
    if (is_verified && result == MHD_YES) {
        request->is_done = true;
        portal_mark(request->portal, "upload_end");
    }
    return result;
}

// Whatever was not verified: a wrong digest, too many bytes, a client that went away.
void portal_upload_drop(portal_request_t *request)
{
    if (!request->is_done) {
        portal_mark(request->portal, "upload_fail");
    }
}
