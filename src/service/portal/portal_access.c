// SPDX-License-Identifier: MIT
// A name is what DNS rebinding needs: who asks for an IP address, or for a name no public name server can answer for, was
// not sent here by somebody else's page. The rest is reading headers, strictly.
#include "portal_access.h"

#include "holdfast/hf_text.h"
#include "transfer_sha256.h"

#include <string.h>

#define PORT_DIGITS_MAX 5u
#define GROUP_BYTES     3u // of base64: three bytes in four characters
#define GROUP_CHARS     4u
#define CHAR_BITS       6u
#define BYTE_BITS       8u
#define NO_DIGIT        64u
#define LENGTH_DIGITS   18u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static hf_slice_t slice_of(const char *text)
{
    return (hf_slice_t){.text = text, .length = strlen(text)};
}

// Cuts ":PORT" off, and the brackets of an IPv6 address. False: not HOST[:PORT].
static bool cut_port(hf_slice_t *host)
{
    size_t end = host->length;
    while (end > 0 && is_digit(host->text[end - 1])) {
        end--;
    }
    if (end > 0 && host->text[end - 1] == ':') { // an address of IPv6 ends with its bracket
        size_t digits = host->length - end;
        if (digits == 0 || digits > PORT_DIGITS_MAX) {
            return false;
        }
        host->length = end - 1;
    }
    if (host->length >= 2 && host->text[0] == '[' && host->text[host->length - 1] == ']') {
        host->text++;
        host->length -= 2;
        return memchr(host->text, ':', host->length) != NULL;
    }
    return host->length > 0 && memchr(host->text, ':', host->length) == NULL;
}

static bool is_ipv4(hf_slice_t host)
{
    unsigned dots = 0, digits = 0, value = 0;
    for (size_t i = 0; i < host.length; i++) {
        if (host.text[i] == '.' && digits > 0) {
            dots++;
            digits = value = 0;
        } else if (is_digit(host.text[i]) && digits < 3) {
            digits++;
            value = value * 10u + (unsigned)(host.text[i] - '0');
        } else {
            return false;
        }
        if (value > UINT8_MAX) {
            return false;
        }
    }
    return dots == 3 && digits > 0;
}

static bool is_ipv6(hf_slice_t host)
{
    for (size_t i = 0; i < host.length; i++) {
        char c = lower(host.text[i]);
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.') {
            return false;
        }
    }
    return memchr(host.text, ':', host.length) != NULL;
}

static bool ends_with_local(hf_slice_t *host)
{
    static const char domain[] = ".local";
    size_t length = sizeof domain - 1u;
    if (host->length <= length) {
        return false;
    }
    hf_slice_t end = {.text = host->text + host->length - length, .length = length};
    host->length -= hf_slice_is_nocase(end, domain) ? length : 0;
    return true;
}

bool portal_host_is_good(const char *host, const char *own_name)
{
    if (host == NULL) {
        return false;
    }
    hf_slice_t name = slice_of(host);
    if (!cut_port(&name)) {
        return false;
    }
    if (is_ipv4(name) || is_ipv6(name) || hf_slice_is_nocase(name, "localhost")) {
        return true;
    }
    (void)ends_with_local(&name);
    return own_name != NULL && own_name[0] != '\0' && hf_slice_is_nocase(name, own_name);
}

bool portal_origin_is_same(const char *origin, const char *host)
{
    if (origin == NULL) {
        return true;
    }
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; host != NULL && i < HF_COUNT_OF(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (strncmp(origin, schemes[i], length) == 0 &&
            hf_slice_is_nocase(slice_of(origin + length), host)) {
            return true;
        }
    }
    return false;
}

bool portal_type_is(const char *header, const char *type)
{
    if (header == NULL) {
        return false;
    }
    hf_slice_t name = {.text = header, .length = strcspn(header, "; \t")};
    return hf_slice_is_nocase(name, type);
}

static unsigned base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (unsigned)(found - digits) : NO_DIGIT;
}

// Whole groups, padded at the end. Returns the bytes, or -1.
static int base64_read(hf_slice_t text, uint8_t *out, size_t capacity)
{
    size_t length = 0, padding = 0;
    if (text.length == 0 || text.length % GROUP_CHARS != 0) {
        return -1;
    }
    while (padding < 2 && text.text[text.length - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.length; i += GROUP_CHARS) {
        bool is_last = i + GROUP_CHARS == text.length;
        size_t bytes = GROUP_BYTES - (is_last ? padding : 0u);
        uint32_t bits = 0;
        for (size_t j = 0; j < GROUP_CHARS; j++) {
            unsigned digit = j <= bytes ? base64_digit(text.text[i + j]) : 0u;
            if (digit == NO_DIGIT || length + bytes > capacity) {
                return -1;
            }
            bits = bits << CHAR_BITS | digit;
        }
        for (size_t j = 0; j < bytes; j++) {
            out[length++] = (uint8_t)(bits >> (BYTE_BITS * (GROUP_BYTES - 1u - j)));
        }
    }
    return (int)length;
}

static void hash(const void *data, size_t length, uint8_t digest[PORTAL_DIGEST_BYTES])
{
    transfer_sha256_t sha;
    transfer_sha256_init(&sha);
    transfer_sha256_add(&sha, data, length);
    transfer_sha256_end(&sha, digest);
}

// Of digests, so that neither the length nor the place of the first difference shows.
bool portal_password_is(const char *authorization, const char *password)
{
    static const char scheme[] = "Basic ";
    uint8_t given[PORTAL_PASSWORD_BYTES], a[PORTAL_DIGEST_BYTES], b[PORTAL_DIGEST_BYTES];
    size_t prefix = sizeof scheme - 1u;
    if (authorization == NULL || strlen(authorization) < prefix ||
        !hf_slice_is_nocase((hf_slice_t){authorization, prefix}, scheme)) {
        return false;
    }
    int length = base64_read(slice_of(authorization + prefix), given, sizeof given);
    if (length < 0) {
        return false;
    }
    hash(given, (size_t)length, a);
    hash(password, strlen(password), b);
    unsigned differ = 0;
    for (size_t i = 0; i < PORTAL_DIGEST_BYTES; i++) {
        differ |= (unsigned)(a[i] ^ b[i]);
    }
    return differ == 0;
}

static bool hex_read(const char *text, uint8_t out[PORTAL_DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2u * PORTAL_DIGEST_BYTES) {
        return false;
    }
    for (size_t i = 0; i < 2u * PORTAL_DIGEST_BYTES; i++) {
        const char *found = strchr(digits, lower(text[i]));
        if (found == NULL) {
            return false;
        }
        uint8_t high = i % 2u == 0 ? 0 : (uint8_t)(out[i / 2u] << 4u);
        out[i / 2u] = (uint8_t)(high | (uint8_t)(found - digits));
    }
    return true;
}

bool portal_digest_read(const char *x_digest, const char *digest, uint8_t out[PORTAL_DIGEST_BYTES])
{
    static const char name[] = "sha-256=";
    if (x_digest != NULL) {
        return hex_read(x_digest, out);
    }
    if (digest == NULL) {
        return false;
    }
    hf_slice_t rest = slice_of(digest), item;
    size_t prefix = sizeof name - 1u;
    while (hf_slice_next(&rest, &item)) {
        if (item.length > prefix && hf_slice_is_nocase((hf_slice_t){item.text, prefix}, name)) {
            item.text += prefix;
            item.length -= prefix;
            return base64_read(item, out, PORTAL_DIGEST_BYTES) == (int)PORTAL_DIGEST_BYTES;
        }
    }
    return false;
}

bool portal_tag_matches(const char *if_none_match, const char *tag)
{
    if (if_none_match == NULL) {
        return false;
    }
    hf_slice_t rest = slice_of(if_none_match), item;
    while (hf_slice_next(&rest, &item)) {
        if (item.length > 2 && memcmp(item.text, "W/", 2) == 0) {
            item.text += 2;
            item.length -= 2;
        }
        if (hf_slice_is(item, "*") || hf_slice_is(item, tag)) {
            return true;
        }
    }
    return false;
}

// "gzip;q=0" is a refusal, however many zeros it has.
static bool is_refused(hf_slice_t parameters)
{
    bool has_q = false;
    for (size_t i = 0; i < parameters.length; i++) {
        char c = parameters.text[i];
        if (c == '=') {
            has_q = true;
        } else if (has_q && c >= '1' && c <= '9') {
            return false;
        }
    }
    return has_q;
}

bool portal_accepts_gzip(const char *accept)
{
    if (accept == NULL) {
        return false;
    }
    hf_slice_t rest = slice_of(accept), item;
    while (hf_slice_next(&rest, &item)) {
        size_t end = 0;
        while (end < item.length && item.text[end] != ';' && item.text[end] != ' ') {
            end++;
        }
        hf_slice_t parameters = {.text = item.text + end, .length = item.length - end};
        item.length = end;
        if (hf_slice_is_nocase(item, "gzip") || hf_slice_is(item, "*")) {
            return !is_refused(parameters);
        }
    }
    return false;
}

bool portal_length_read(const char *text, uint64_t *length)
{
    *length = 0;
    size_t digits = 0;
    for (; text != NULL && is_digit(text[digits]) && digits < LENGTH_DIGITS; digits++) {
        *length = *length * 10u + (uint64_t)(text[digits] - '0');
    }
    return text != NULL && digits > 0 && text[digits] == '\0';
}
