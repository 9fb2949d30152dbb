// SPDX-License-Identifier: MIT
// WebSocket addresses: what is accepted can stand in a request as it is; everything else is refused by kind.
#include "hf_test.h"

#include "evse/evse_stream.h"

static void url_valid_addresses_are_taken_apart(void)
{
    static const struct {
        const char *text;
        bool secure;
        uint16_t port;
        const char *host, *path;
    } cases[] = {
        {"ws://127.0.0.1:8180/steve/CP1", false, 8180, "127.0.0.1", "/steve/CP1"},
        {"wss://csms.example/ocpp/A%20B", true, 443, "csms.example", "/ocpp/A%20B"},
        {"WS://Host", false, 80, "Host", "/"},
        {"ws://[::1]:9000", false, 9000, "::1", "/"},
        {"wss://[fe80::1]/x", true, 443, "fe80::1", "/x"},
        {"ws://h?x=1", false, 80, "h", "/?x=1"},
        {"ws://h/a?b=c&d=e:f@g", false, 80, "h", "/a?b=c&d=e:f@g"},
        {"ws://h:65535/", false, 65535, "h", "/"},
        {"ws://h:00080/", false, 80, "h", "/"},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        evse_url_t url;
        CHECK_EQ(evse_url_parse(cases[i].text, &url), HF_OK);
        CHECK_EQ(url.secure, cases[i].secure);
        CHECK_EQ(url.port, cases[i].port);
        CHECK_STR(url.host, cases[i].host);
        CHECK_STR(url.path, cases[i].path);
    }
}

static void url_anything_else_is_refused(void)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"", HF_E_FORMAT},
        {"ws:", HF_E_FORMAT},
        {"ws://", HF_E_FORMAT},
        {"ws:///path", HF_E_FORMAT},
        {"ws://:80/", HF_E_FORMAT},
        {"http://h/", HF_E_FORMAT},
        {"wss:/h", HF_E_FORMAT},
        {" ws://h", HF_E_FORMAT},
        {"ws://h /", HF_E_FORMAT},
        {"ws://h/a b", HF_E_FORMAT},
        {"ws://h/a\r\nX: y", HF_E_FORMAT},
        {"ws://h/\xC3\xA9", HF_E_FORMAT},
        {"ws://h/\x7F", HF_E_FORMAT},
        {"ws://user@h/", HF_E_FORMAT},
        {"ws://user:1@h/", HF_E_FORMAT},
        {"ws://h/#x", HF_E_FORMAT},
        {"ws://h#x", HF_E_FORMAT},
        {"ws://h:/", HF_E_FORMAT},
        {"ws://h:80x/", HF_E_FORMAT},
        {"ws://h:-1/", HF_E_FORMAT},
        {"ws://[::1/", HF_E_FORMAT},
        {"ws://[]/", HF_E_FORMAT},
        {"ws://::1/", HF_E_FORMAT},
        {"ws://[::1]x/", HF_E_FORMAT},
        {"ws://h:0/", HF_E_RANGE},
        {"ws://h:65536/", HF_E_RANGE},
        {"ws://h:99999999999999999999/", HF_E_RANGE},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        evse_url_t url = {.port = 1};
        int status = evse_url_parse(cases[i].text, &url);
        if (status != cases[i].status) {
            HF_TEST_FAIL("%s gives %d", cases[i].text, status);
        }
        CHECK_EQ(url.port, 1); // untouched
    }
}

static void url_too_long_parts_are_refused(void)
{
    char text[512];
    evse_url_t url;
    memset(text, 'h', sizeof text);
    memcpy(text, "ws://", 5);
    text[5 + EVSE_HOST_BYTES - 1] = '\0';
    CHECK_EQ(evse_url_parse(text, &url), HF_OK);
    text[5 + EVSE_HOST_BYTES - 1] = 'h';
    text[5 + EVSE_HOST_BYTES] = '\0';
    CHECK_EQ(evse_url_parse(text, &url), HF_E_TOO_LONG);
    memset(text, 'p', sizeof text);
    memcpy(text, "ws://h/", 7);
    text[6 + EVSE_PATH_BYTES - 1] = '\0';
    CHECK_EQ(evse_url_parse(text, &url), HF_OK);
    text[6 + EVSE_PATH_BYTES - 1] = 'p';
    text[6 + EVSE_PATH_BYTES] = '\0';
    CHECK_EQ(evse_url_parse(text, &url), HF_E_TOO_LONG);
    memcpy(text, "ws://h?p", 8); // the slash we put in front counts too
    text[6 + EVSE_PATH_BYTES - 1] = '\0';
    CHECK_EQ(evse_url_parse(text, &url), HF_E_TOO_LONG);
}

HF_TEST_MAIN(HF_TEST(url_valid_addresses_are_taken_apart), HF_TEST(url_anything_else_is_refused),
             HF_TEST(url_too_long_parts_are_refused))
