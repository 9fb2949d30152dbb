// SPDX-License-Identifier: MIT
// What the MQTT client lets in. First byte even: a broker's bytes as a stream of packets; whatever is handed on is whole,
// small and of a kind that was asked for, and a head says the same however many of its bytes are there. Odd: three lines,
// the address of the broker and the roots of topics, as an operator may write them; what is taken can stand in a topic.
#include "fuzz.h"
#include "mqtt_packet.h"
#include "mqtt_settings.h"

#include <string.h>

#define HEAD_BYTES 5u
#define LINE_BYTES 512u

static void check_head(const uint8_t *bytes, size_t left)
{
    int whole = mqtt_packet_length(bytes, left < HEAD_BYTES ? left : HEAD_BYTES);
    for (size_t n = 0; n < HEAD_BYTES && n < left; n++) {
        int part = mqtt_packet_length(bytes, n);
        must(part == 0 || part == whole);
    }
    if (whole > 0) {
        unsigned kind = bytes[0] >> 4;
        must(whole >= 2 && whole <= (int)MQTT_PACKET_BYTES_MAX);
        must(kind == 2 || kind == 3 || kind == 9 || kind == 13);
        must(kind != 3 || (bytes[0] & 6u) == 0);
    }
}

static void read_stream(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        check_head(data + at, size - at);
        int whole = mqtt_packet_length(data + at, size - at < HEAD_BYTES ? size - at : HEAD_BYTES);
        if (whole <= 0) {
            return; // the connection ends, or waits for more
        }
        at += (size_t)whole;
    }
}

static const char *cut_line(char **rest)
{
    char *line = *rest;
    char *end = strchr(line, '\n');
    *rest = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL) {
        *end = '\0';
    }
    return line;
}

static void check_root(const char *root)
{
    size_t length = strlen(root);
    must(length < MQTT_ROOT_BYTES && strpbrk(root, "+#$\"\\ \t\r\n") == NULL);
    must(strstr(root, "//") == NULL && root[0] != '/');
    must(length == 0 || root[length - 1] != '/');
}

static void read_settings(const uint8_t *data, size_t size)
{
    char text[LINE_BYTES];
    size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, length);
    text[length] = '\0';
    char *rest = text;
    mqtt_settings_t settings;
    const char *what = NULL;
    const char *url = cut_line(&rest);
    const char *prefix = cut_line(&rest);
    const char *discovery = cut_line(&rest);
    const mqtt_settings_text_t lines = {
        .url = url, .prefix = prefix, .discovery = discovery, .password_file = ""};
    int status = mqtt_settings_read(&lines, &settings, &what);
    must(what != NULL);
    if (status != HF_OK) {
        return;
    }
    must(settings.host[0] != '\0' && strlen(settings.host) < MQTT_HOST_BYTES);
    must(settings.port != 0 && strpbrk(settings.host, "/@?# ") == NULL);
    must(settings.password[0] == '\0' || settings.user[0] != '\0');
    must(settings.prefix[0] != '\0');
    check_root(settings.prefix);
    check_root(settings.discovery);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == 0) {
        read_stream(data + 1, size - 1);
    } else if (size > 0) {
        read_settings(data + 1, size - 1);
    }
    return 0;
}
