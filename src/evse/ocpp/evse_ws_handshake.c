// SPDX-License-Identifier: MIT
// The opening handshake (RFC 6455, 4.1): the request, and a strict reading of the answer.
#include "evse_ws_private.h"

#include <string.h>

#define KEY_RANDOM_BYTES 16u
#define HTTP_SWITCHING   101

static void put_host(hf_builder_t *out, const evse_url_t *url)
{
    bool is_v6 = strchr(url->host, ':') != NULL;
    hf_builder_format(out, is_v6 ? "Host: [%s]:%u\r\n" : "Host: %s:%u\r\n", url->host,
                      (unsigned)url->port);
}

int evse_ws_write_request(evse_ws_t *ws)
{
    uint8_t random[KEY_RANDOM_BYTES];
    ws->config.random(ws->config.random_ctx, random, sizeof random);
    evse_ws_base64(random, sizeof random, ws->key);
    hf_builder_t out;
    hf_builder_init(&out, (char *)ws->config.send_buffer, ws->config.send_capacity);
    hf_builder_format(&out, "GET %s HTTP/1.1\r\n", ws->config.url->path);
    put_host(&out, ws->config.url);
    hf_builder_format(&out,
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n",
                      ws->key, ws->config.subprotocol);
    if (ws->config.authorization != NULL) {
        hf_builder_format(&out, "Authorization: %s\r\n", ws->config.authorization);
    }
    hf_builder_text(&out, "\r\n");
    if (out.overflow) {
        return HF_E_TOO_LONG;
    }
    ws->send_length = out.length;
    ws->send_sent = 0;
    return HF_OK;
}

static hf_slice_t trim(hf_slice_t text)
{
    while (text.length > 0 && (text.text[0] == ' ' || text.text[0] == '\t')) {
        text.text++;
        text.length--;
    }
    while (text.length > 0 &&
           (text.text[text.length - 1] == ' ' || text.text[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/// Takes the text up to CR LF; false at the end.
static bool next_line(hf_slice_t *rest, hf_slice_t *line)
{
    for (size_t i = 0; i + 1 < rest->length; i++) {
        if (rest->text[i] == '\r' && rest->text[i + 1] == '\n') {
            *line = (hf_slice_t){.text = rest->text, .length = i};
            rest->text += i + 2;
            rest->length -= i + 2;
            return true;
        }
    }
    return false;
}

/// True when a comma-separated list holds `token`, without regard to case.
static bool has_token(hf_slice_t list, const char *token)
{
    while (list.length > 0) {
        const char *comma = memchr(list.text, ',', list.length);
        size_t length = comma != NULL ? (size_t)(comma - list.text) : list.length;
        if (hf_slice_is_nocase(trim((hf_slice_t){.text = list.text, .length = length}), token)) {
            return true;
        }
        length += comma != NULL ? 1u : 0u;
        list.text += length;
        list.length -= length;
    }
    return false;
}

/// "HTTP/1.x NNN ..." to NNN; 0 for anything else. An old proxy may say no in HTTP/1.0, but not yes.
static uint16_t read_status(hf_slice_t line)
{
    int64_t status = 0;
    if (line.length < 12 || memcmp(line.text, "HTTP/1.", 7) != 0 || line.text[8] != ' ' ||
        (line.text[7] != '1' && line.text[7] != '0') ||
        (line.length > 12 && line.text[12] != ' ') ||
        hf_slice_to_i64((hf_slice_t){.text = line.text + 9, .length = 3}, &status) != HF_OK ||
        status < 100) {
        return 0;
    }
    return (uint16_t)status;
}

typedef struct verdict {
    unsigned upgrade, connection, accept, protocol; // how often each was there and right
    bool wrong;
    bool other_protocol;
} verdict_t;

static void judge_field(const evse_ws_t *ws, hf_slice_t name, hf_slice_t value, verdict_t *verdict)
{
    char accept[EVSE_WS_ACCEPT_BYTES];
    if (hf_slice_is_nocase(name, "Upgrade")) {
        verdict->upgrade += hf_slice_is_nocase(value, "websocket") ? 1u : 0u;
    } else if (hf_slice_is_nocase(name, "Connection")) {
        verdict->connection += has_token(value, "upgrade") ? 1u : 0u;
    } else if (hf_slice_is_nocase(name, "Sec-WebSocket-Accept")) {
        evse_ws_accept(ws->key, accept);
        verdict->accept += hf_slice_is(value, accept) ? 1u : 2u; // a wrong one is never 1
    } else if (hf_slice_is_nocase(name, "Sec-WebSocket-Protocol")) {
        bool right = hf_slice_is(value, ws->config.subprotocol);
        verdict->protocol += right ? 1u : 2u;
        verdict->other_protocol = verdict->other_protocol || !right;
    } else if (hf_slice_is_nocase(name, "Sec-WebSocket-Extensions")) {
        verdict->wrong = verdict->wrong || value.length > 0; // we offered none
    }
}

int evse_ws_judge_response(evse_ws_t *ws, hf_slice_t header)
{
    hf_slice_t line;
    verdict_t verdict = {0};
    if (!next_line(&header, &line)) {
        return HF_E_PROTOCOL;
    }
    ws->http_status = read_status(line);
    if (ws->http_status != HTTP_SWITCHING) {
        return ws->http_status != 0 ? HF_E_REFUSED : HF_E_PROTOCOL;
    }
    if (line.text[7] != '1') {
        return HF_E_PROTOCOL;
    }
    while (next_line(&header, &line) && line.length > 0) {
        const char *colon = memchr(line.text, ':', line.length);
        if (colon == NULL || colon == line.text) {
            return HF_E_PROTOCOL;
        }
        hf_slice_t name = {.text = line.text, .length = (size_t)(colon - line.text)};
        hf_slice_t value = {.text = colon + 1, .length = line.length - name.length - 1u};
        judge_field(ws, name, trim(value), &verdict);
    }
    if (verdict.wrong || verdict.upgrade == 0 || verdict.connection == 0 || verdict.accept != 1) {
        return HF_E_PROTOCOL;
    }
    // A server that speaks another OCPP, or none, is not the one we look for.
    return verdict.protocol == 1 ? HF_OK : HF_E_REFUSED;
}
