// SPDX-License-Identifier: MIT
// HTTP over libcurl's multi interface.
#include "lab_http.h"

#include "lab_json.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define FDS_MAX 16u

int lab_http_init(lab_http_t *http, const char *auth)
{
    http->auth = auth;
    http->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
    return http->multi != NULL ? 0 : -1;
}

void lab_http_deinit(lab_http_t *http)
{
    if (http->multi != NULL) {
        (void)curl_multi_cleanup(http->multi);
        curl_global_cleanup();
    }
    http->multi = NULL;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    lab_http_call_t *call = ctx;
    size_t length = size * count;
    if (call->length + length > LAB_HTTP_ANSWER_MAX) {
        call->is_cut = true;
        return length;
    }
    char *grown = realloc(call->answer, call->length + length + 1);
    if (grown == NULL) {
        return 0; // libcurl gives the call up
    }
    memcpy(grown + call->length, bytes, length);
    call->answer = grown;
    call->length += length;
    call->answer[call->length] = '\0';
    return length;
}

static bool set_up(const lab_http_t *http, lab_http_call_t *call, CURL *easy)
{
    bool good =
        curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(call->limit_s * 1000.0)) == CURLE_OK;
    if (good && http->auth != NULL) {
        good = curl_easy_setopt(easy, CURLOPT_USERPWD, http->auth) == CURLE_OK;
    }
    if (good && strcmp(call->method, "HEAD") == 0) {
        good = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    return good;
}

/// One header more; false: no memory.
static bool add_header(lab_http_call_t *call, const char *text)
{
    struct curl_slist *grown = curl_slist_append(call->headers, text);
    call->headers = grown != NULL ? grown : call->headers;
    return grown != NULL;
}

static bool set_body(lab_http_call_t *call, CURL *easy)
{
    char type[128];
    bool good = add_header(call, "Expect:"); // no round trip before the body
    if (good && call->header != NULL) {
        good = add_header(call, call->header);
    }
    if (good && call->body != NULL) {
        (void)snprintf(type, sizeof type, "Content-Type: %s",
                       call->type != NULL ? call->type : "application/json");
        good = add_header(call, type) &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length) ==
                   CURLE_OK;
    }
    return good && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

int lab_http_begin(lab_http_t *http, lab_http_call_t *call)
{
    CURL *easy = curl_easy_init();
    call->is_done = false;
    call->content_length = -1;
    call->easy = easy;
    if (easy == NULL || !set_up(http, call, easy) || !set_body(call, easy) ||
        curl_multi_add_handle(http->multi, easy) != CURLM_OK) {
        (void)snprintf(call->error, sizeof call->error, "cannot be made");
        if (easy != NULL) {
            curl_easy_cleanup(easy);
        }
        call->easy = NULL;
        call->is_done = true;
        return -1;
    }
    return 0;
}

static void read_header(CURL *easy, const char *name, char *out, size_t capacity)
{
    struct curl_header *header = NULL;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        (void)snprintf(out, capacity, "%s", header->value);
    }
}

static void keep_headers(lab_http_call_t *call)
{
    lab_object_t object;
    lab_text_t text = {0};
    lab_object_begin(&object);
    for (struct curl_header *header = NULL;
         object.fields < LAB_OBJECT_FIELDS &&
         (header = curl_easy_nextheader(call->easy, CURLH_HEADER, -1, header)) != NULL;) {
        if (header->index == 0 && strlen(header->name) < sizeof object.field[0].key) {
            lab_object_string(&object, header->name, header->value);
        }
    }
    lab_object_end(&object, &text);
    if (text.failed) {
        lab_text_free(&text);
    }
    free(call->answer_headers);
    call->answer_headers = text.text;
}

static void finish(lab_http_call_t *call, CURLcode result)
{
    long status = 0;
    curl_off_t length = -1;
    double seconds = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    (void)curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME, &seconds);
    read_header(call->easy, "Content-Type", call->content_type, sizeof call->content_type);
    read_header(call->easy, "Content-Encoding", call->content_encoding,
                sizeof call->content_encoding);
    keep_headers(call);
    call->content_length = (int64_t)length;
    call->seconds = seconds;
    call->status = result == CURLE_OK ? (int)status : 0;
    if (result != CURLE_OK) {
        (void)snprintf(call->error, sizeof call->error, "%s", curl_easy_strerror(result));
    }
    call->is_done = true;
}

static void collect(lab_http_t *http)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        lab_http_call_t *call = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK &&
            call != NULL) {
            finish(call, message->data.result);
        }
    }
}

void lab_http_turn(lab_http_t *http, struct pollfd *fds, unsigned count, unsigned ms)
{
    struct curl_waitfd extra[FDS_MAX];
    int running = 0;
    count = count < FDS_MAX ? count : FDS_MAX;
    for (unsigned i = 0; i < count; i++) {
        extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
    }
    (void)curl_multi_perform(http->multi, &running);
    (void)curl_multi_poll(http->multi, extra, count, (int)ms, NULL);
    (void)curl_multi_perform(http->multi, &running);
    collect(http);
}

void lab_http_end(lab_http_t *http, lab_http_call_t *call)
{
    if (call->easy != NULL) {
        (void)curl_multi_remove_handle(http->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    free(call->answer);
    free(call->answer_headers);
    call->answer_headers = NULL;
    call->easy = call->headers = NULL;
    call->answer = NULL;
    call->length = 0;
}
