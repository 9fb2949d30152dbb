// SPDX-License-Identifier: MIT
// ws:// and wss:// addresses, strictly. Owns nothing.
#include "evse/evse_stream.h"

#include "holdfast/hf_text.h"

#include <string.h>

#define PORT_PLAIN  80u
#define PORT_SECURE 443u

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7F) {
            return false;
        }
    }
    return true;
}

static int parse_port(hf_slice_t text, uint16_t *port)
{
    int64_t number = 0;
    int status = hf_slice_to_i64(text, &number);
    if (status == HF_OK && (number < 1 || number > UINT16_MAX)) {
        status = HF_E_RANGE;
    }
    *port = (uint16_t)number;
    return status;
}

/// "host", "host:port", "[v6]" or "[v6]:port".
static int parse_authority(hf_slice_t authority, evse_url_t *url)
{
    hf_slice_t host = authority;
    const char *end = authority.text + authority.length;
    const char *after = NULL; // where a port may stand
    if (authority.length > 0 && authority.text[0] == '[') {
        const char *bracket = memchr(authority.text, ']', authority.length);
        if (bracket == NULL) {
            return HF_E_FORMAT;
        }
        host = (hf_slice_t){.text = authority.text + 1,
                            .length = (size_t)(bracket - authority.text - 1)};
        after = bracket + 1;
    } else {
        const char *colon = memchr(authority.text, ':', authority.length);
        after = colon != NULL ? colon : end;
        host.length = (size_t)(after - authority.text);
    }
    if (host.length == 0 || memchr(authority.text, '@', authority.length) != NULL) {
        return HF_E_FORMAT;
    }
    if (after != end) {
        hf_slice_t port = {.text = after + 1, .length = (size_t)(end - after - 1)};
        int status = *after == ':' ? parse_port(port, &url->port) : HF_E_FORMAT;
        if (status != HF_OK) {
            return status;
        }
    }
    return hf_slice_copy(host, url->host, sizeof url->host);
}

int evse_url_parse(const char *text, evse_url_t *url)
{
    memset(url, 0, sizeof *url);
    if (!is_printable(text) || strchr(text, '#') != NULL) {
        return HF_E_FORMAT;
    }
    if (strncmp(text, "wss://", 6) == 0) {
        url->secure = true;
        url->port = PORT_SECURE;
        text += 6;
    } else if (strncmp(text, "ws://", 5) == 0) {
        url->port = PORT_PLAIN;
        text += 5;
    } else {
        return HF_E_FORMAT;
    }
    size_t length = strcspn(text, "/?");
    int status = parse_authority((hf_slice_t){.text = text, .length = length}, url);
    if (status != HF_OK) {
        return status;
    }
    hf_builder_t path;
    hf_builder_init(&path, url->path, sizeof url->path);
    if (text[length] != '/') {
        hf_builder_char(&path, '/');
    }
    hf_builder_text(&path, text + length);
    return path.overflow ? HF_E_TOO_LONG : HF_OK;
}
