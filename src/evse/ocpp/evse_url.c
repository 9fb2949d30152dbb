// SPDX-License-Identifier: MIT
// Owns the parsing of ws:// and wss:// addresses. What it accepts can be put into an HTTP request line and a Host
// header as it stands: no control characters, spaces, user info or fragments. `url` is only written when all is well.
#include "evse/evse_stream.h"

#include "holdfast/hf_text.h"

#include <string.h>

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7F) {
            return false;
        }
    }
    return true;
}

static bool take_prefix(const char **at, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strlen(*at) < length ||
        !hf_slice_is_nocase((hf_slice_t){.text = *at, .length = length}, prefix)) {
        return false;
    }
    *at += length;
    return true;
}

static bool is_host_char(char c, bool bracketed)
{
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || (bracketed ? strchr(":.", c) != NULL : strchr("-._~", c) != NULL);
}

// "name", "1.2.3.4" or "[::1]"; moves *at behind it.
static int take_host(const char **at, evse_url_t *url)
{
    bool bracketed = **at == '[';
    const char *begin = *at + (bracketed ? 1 : 0);
    size_t length = 0;
    while (begin[length] != '\0' && is_host_char(begin[length], bracketed)) {
        length++;
    }
    if (length == 0 || (bracketed && begin[length] != ']')) {
        return HF_E_FORMAT;
    }
    *at = begin + length + (bracketed ? 1 : 0);
    return hf_slice_copy((hf_slice_t){.text = begin, .length = length}, url->host,
                         sizeof url->host);
}

static int take_port(const char **at, evse_url_t *url)
{
    int64_t port;
    size_t length = 0;
    url->port = url->secure ? 443 : 80;
    if (**at != ':') {
        return HF_OK;
    }
    const char *digits = ++*at;
    while (digits[length] >= '0' && digits[length] <= '9') {
        length++;
    }
    *at = digits + length;
    int status = hf_slice_to_i64((hf_slice_t){.text = digits, .length = length}, &port);
    if (status != HF_OK) {
        return status;
    }
    if (port < 1 || port > 65535) {
        return HF_E_RANGE;
    }
    url->port = (uint16_t)port;
    return HF_OK;
}

static int take_path(const char *at, evse_url_t *url)
{
    size_t length = strlen(at);
    size_t slash = *at == '/' ? 0 : 1;
    if (*at != '\0' && *at != '/' && *at != '?') {
        return HF_E_FORMAT;
    }
    if (strchr(at, '#') != NULL) {
        return HF_E_FORMAT;
    }
    if (length + slash >= sizeof url->path) {
        return HF_E_TOO_LONG;
    }
    url->path[0] = '/';
    memcpy(url->path + slash, at, length + 1);
    return HF_OK;
}

int evse_url_parse(const char *text, evse_url_t *url)
{
    evse_url_t found = {0};
    const char *at = text;

    if (!is_printable(text)) {
        return HF_E_FORMAT;
    }
    if (take_prefix(&at, "wss://")) {
        found.secure = true;
    } else if (!take_prefix(&at, "ws://")) {
        return HF_E_FORMAT;
    }
    int status = take_host(&at, &found);
    if (status == HF_OK) {
        status = take_port(&at, &found);
    }
    if (status == HF_OK) {
        status = take_path(at, &found);
    }
    if (status == HF_OK) {
        *url = found;
    }
    return status;
}
