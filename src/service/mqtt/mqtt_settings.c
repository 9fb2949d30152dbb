// SPDX-License-Identifier: MIT
// Settings of the MQTT client. Whatever would be a wildcard, an empty level or a control character in a topic is refused
// here, so that topics are put together without a check later on.
#include "mqtt_settings.h"

#include "holdfast/hf_text.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return c != '\0' && found != NULL ? (int)(found - digits) : -1;
}

static int decode(hf_slice_t text, char *out, size_t capacity)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.text[i];
        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.text[i + 2]) : -1;
            if (low < 0 || high * 16 + low == 0) {
                return HF_E_FORMAT;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (length + 1 >= capacity) {
            return HF_E_TOO_LONG;
        }
        out[length++] = c;
    }
    out[length] = '\0';
    return HF_OK;
}

static int read_credentials(hf_slice_t text, mqtt_settings_t *settings)
{
    const char *colon = memchr(text.text, ':', text.length);
    size_t user = colon != NULL ? (size_t)(colon - text.text) : text.length;
    hf_slice_t name = {.text = text.text, .length = user};
    int status = user > 0 ? decode(name, settings->user, sizeof settings->user) : HF_E_FORMAT;
    if (status == HF_OK && colon != NULL) {
        hf_slice_t password = {.text = colon + 1, .length = text.length - user - 1};
        status = decode(password, settings->password, sizeof settings->password);
    }
    return status;
}

// A blank or a control character in a host is a mistake that a resolver would only tell much later.
static int read_host(hf_slice_t text, mqtt_settings_t *settings)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.text[i] <= ' ' || text.text[i] > '~' || strchr("/@?#", text.text[i]) != NULL) {
            return HF_E_FORMAT;
        }
    }
    return text.length > 0 ? hf_slice_copy(text, settings->host, sizeof settings->host)
                           : HF_E_FORMAT;
}

static int read_address(hf_slice_t text, mqtt_settings_t *settings)
{
    int64_t port = MQTT_PORT_DEFAULT;
    size_t host = text.length;
    bool is_ipv6 = text.length > 0 && text.text[0] == '[';
    for (size_t i = text.length; i > 0 && host == text.length; i--) {
        if (text.text[i - 1] == ']') {
            break;
        }
        host = text.text[i - 1] == ':' ? i - 1 : host;
    }
    if (host < text.length) {
        hf_slice_t digits = {.text = text.text + host + 1, .length = text.length - host - 1};
        int status = hf_slice_to_i64(digits, &port);
        if (status != HF_OK) {
            return status;
        }
    }
    if (port < 1 || port > UINT16_MAX) {
        return HF_E_RANGE;
    }
    settings->port = (uint16_t)port;
    if (is_ipv6 && (host < 3 || text.text[host - 1] != ']')) {
        return HF_E_FORMAT;
    }
    return read_host(
        (hf_slice_t){.text = text.text + (is_ipv6 ? 1 : 0), .length = host - (is_ipv6 ? 2u : 0u)},
        settings);
}

static int read_url(const char *url, mqtt_settings_t *settings)
{
    static const char scheme[] = "mqtt://";
    if (strncmp(url, "mqtts://", 8) == 0) {
        return HF_E_UNSUPPORTED;
    }
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return HF_E_FORMAT;
    }
    const char *rest = url + sizeof scheme - 1;
    const char *at = strrchr(rest, '@'); // the last: a password may hold one as it is
    int status = HF_OK;
    if (at != NULL) {
        hf_slice_t credentials = {.text = rest, .length = (size_t)(at - rest)};
        status = read_credentials(credentials, settings);
        rest = at + 1;
    }
    size_t length = strlen(rest);
    length -= length > 0 && rest[length - 1] == '/' ? 1u : 0u;
    hf_slice_t address = {.text = rest, .length = length};
    return status == HF_OK ? read_address(address, settings) : status;
}

static int read_root(const char *text, char *out)
{
    size_t length = strlen(text);
    if (length >= MQTT_ROOT_BYTES) {
        return HF_E_TOO_LONG;
    }
    for (size_t i = 0; i < length; i++) {
        bool is_empty_level = text[i] == '/' && (i == 0 || i + 1 == length || text[i - 1] == '/');
        if (text[i] <= ' ' || text[i] > '~' || strchr("+#$\"\\", text[i]) != NULL ||
            is_empty_level) {
            return HF_E_FORMAT;
        }
    }
    memcpy(out, text, length + 1);
    return HF_OK;
}

static int read_password(const char *path, mqtt_settings_t *settings)
{
    char line[MQTT_PASSWORD_BYTES + 2u]; // with its end, CR LF at worst
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return HF_E_IO;
    }
    bool has_line = fgets(line, sizeof line, file) != NULL;
    bool is_whole = has_line && (strchr(line, '\n') != NULL || feof(file) != 0);
    (void)fclose(file);
    if (!has_line || !is_whole) {
        return has_line ? HF_E_TOO_LONG : HF_E_EMPTY;
    }
    line[strcspn(line, "\r\n")] = '\0';
    hf_slice_t password = {.text = line, .length = strlen(line)};
    int status = hf_slice_copy(password, settings->password, sizeof settings->password);
    memset(line, 0, sizeof line);
    return status == HF_OK && password.length == 0 ? HF_E_EMPTY : status;
}

int mqtt_settings_read(const mqtt_settings_text_t *text, mqtt_settings_t *settings,
                       const char **what)
{
    *settings = (mqtt_settings_t){.port = MQTT_PORT_DEFAULT};
    *what = "mqtt";
    int status = read_url(text->url, settings);
    if (status == HF_OK && text->password_file[0] != '\0') {
        *what = "mqtt-password-file";
        status = read_password(text->password_file, settings);
    }
    if (status == HF_OK && settings->password[0] != '\0' && settings->user[0] == '\0') {
        status = HF_E_FORMAT; // the protocol has no password without a name
    }
    if (status == HF_OK) {
        *what = "mqtt-prefix";
        status = read_root(text->prefix[0] != '\0' ? text->prefix : "holdfast", settings->prefix);
    }
    if (status == HF_OK && strcmp(text->discovery, "none") != 0) {
        *what = "mqtt-discovery";
        status = read_root(text->discovery[0] != '\0' ? text->discovery : "homeassistant",
                           settings->discovery);
    }
    return status;
}
