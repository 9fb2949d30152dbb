// SPDX-License-Identifier: MIT
// Opening a WebSocket: the request as it stands on the wire, the RFC's own vector, every way an answer can be wrong,
// and whatever can fail before the link is open.
#include "support/ws_peer.h"

static void ws_request_is_what_rfc6455_asks_for(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_new(chunk);
        p->ws.config.authorization = "Basic Q1AxOnNlY3JldA==";
        evse_ws_link_ops.open(&p->ws, p->now_us);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPENING);
        p->out[p->out_length] = '\0';
        CHECK_STR((const char *)p->out,
                  "GET /ocpp/CP1 HTTP/1.1\r\nHost: csms.example:8180\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
                  "Authorization: Basic Q1AxOnNlY3JldA==\r\n\r\n");
    }
}

static void ws_request_ipv6_host_is_bracketed(void)
{
    static const evse_url_t url = {.port = 8180, .host = "::1", .path = "/"};
    ws_peer_t *p = ws_peer_new(1000);
    p->ws.config.url = &url;
    evse_ws_link_ops.open(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPENING);
    p->out[p->out_length] = '\0';
    CHECK(strstr((const char *)p->out, "\r\nHost: [::1]:8180\r\n") != NULL);
}

#define SWITCH   "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE  "Upgrade: websocket\r\n"
#define CONNECT  "Connection: Upgrade\r\n"
#define ACCEPT   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: ocpp1.6\r\n"

static const struct {
    const char *text;
    int error; // 0: open
    uint16_t http_status;
} answers[] = {
    {SWITCH UPGRADE CONNECT ACCEPT PROTOCOL "\r\n", 0, 101},
    {"HTTP/1.1 101 \r\n" UPGRADE CONNECT ACCEPT PROTOCOL "\r\n", 0, 101},
    {"HTTP/1.1 101\r\n" UPGRADE CONNECT ACCEPT PROTOCOL "\r\n", 0, 101},
    {SWITCH "uPGRADE:WebSocket\r\nconnection:keep-alive ,\tUPGRADE \r\nX: y\r\n"
            "SEC-WEBSOCKET-accept:\ts3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n" PROTOCOL "\r\n",
     0, 101},
    {"HTTP/1.1 401 Unauthorized\r\n\r\n", HF_E_REFUSED, 401},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nbye", HF_E_REFUSED, 404},
    {"HTTP/1.1 503\r\n\r\n", HF_E_REFUSED, 503},
    {"HTTP/1.1 200 OK\r\n" UPGRADE CONNECT ACCEPT PROTOCOL "\r\n", HF_E_REFUSED, 200},
    {"HTTP/1.0 404 Not Found\r\n\r\n", HF_E_REFUSED, 404},
    {"HTTP/1.0 101 OK\r\n" UPGRADE CONNECT ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT ACCEPT "\r\n", HF_E_REFUSED, 101}, // no subprotocol
    {SWITCH UPGRADE CONNECT ACCEPT "Sec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n", HF_E_REFUSED, 101},
    {SWITCH UPGRADE CONNECT ACCEPT "Sec-WebSocket-Protocol: OCPP1.6\r\n\r\n", HF_E_REFUSED, 101},
    {SWITCH UPGRADE CONNECT ACCEPT "Sec-WebSocket-Protocol: ocpp1.6, x\r\n\r\n", HF_E_REFUSED, 101},
    {SWITCH UPGRADE CONNECT ACCEPT PROTOCOL PROTOCOL "\r\n", HF_E_REFUSED, 101},
    {SWITCH CONNECT ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH "Upgrade: h2c\r\n" CONNECT ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE "Connection: close\r\n" ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE "Connection: notupgrade\r\n" ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT ACCEPT ACCEPT PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" PROTOCOL
                            "\r\n",
     HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT "Sec-WebSocket-Accept: \r\n" PROTOCOL "\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT ACCEPT PROTOCOL "Sec-WebSocket-Extensions: x\r\n\r\n", HF_E_PROTOCOL,
     101},
    {SWITCH UPGRADE CONNECT ACCEPT PROTOCOL "no colon\r\n\r\n", HF_E_PROTOCOL, 101},
    {SWITCH UPGRADE CONNECT ACCEPT PROTOCOL ": no name\r\n\r\n", HF_E_PROTOCOL, 101},
    {"\r\n\r\n", HF_E_PROTOCOL, 0},
    {"SSH-2.0-OpenSSH_9.2\r\n\r\n", HF_E_PROTOCOL, 0},
    {"HTTP/1.1 1O1 x\r\n\r\n", HF_E_PROTOCOL, 0},
    {"HTTP/1.1 1010 x\r\n\r\n", HF_E_PROTOCOL, 0},
    {"HTTP/1.1 -01 x\r\n\r\n", HF_E_PROTOCOL, 0},
    {"HTTP/1.1 099 x\r\n\r\n", HF_E_PROTOCOL, 0},
    {"HTTP/2 101 x\r\n\r\n", HF_E_PROTOCOL, 0},
    {"http/1.1 101 x\r\n\r\n", HF_E_PROTOCOL, 0},
};

static void check_answer(size_t i, size_t chunk)
{
    ws_peer_t *p = ws_peer_new(chunk);
    evse_ws_link_ops.open(&p->ws, p->now_us);
    ws_peer_say_text(p, answers[i].text);
    evse_link_state_t state = ws_peer_settle(p);
    bool open = answers[i].error == 0;
    if (state != (open ? EVSE_LINK_OPEN : EVSE_LINK_DOWN) ||
        evse_ws_link_ops.last_error(&p->ws) != answers[i].error ||
        p->ws.http_status != answers[i].http_status || p->closes != (open ? 0 : 1)) {
        HF_TEST_FAIL("answers[%zu] by %zu: state %d, %s, HTTP %u", i, chunk, (int)state,
                     hf_status_name(evse_ws_link_ops.last_error(&p->ws)), p->ws.http_status);
    }
}

static void ws_every_answer_is_judged(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        for (size_t i = 0; i < HF_COUNT_OF(answers); i++) {
            check_answer(i, chunk);
        }
    }
}

static void ws_frames_right_behind_the_answer_are_kept(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_new(chunk);
        evse_ws_link_ops.open(&p->ws, p->now_us);
        ws_peer_say_text(p, WS_ANSWER);
        ws_peer_say_frame(p, 0x81, "first", 5);
        ws_peer_say_frame(p, 0x81, "second", 6);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK(ws_peer_received(p, "first"));
        (void)ws_peer_settle(p);
        CHECK(ws_peer_received(p, "second"));
    }
}

static void ws_endless_header_is_refused(void)
{
    ws_peer_t *p = ws_peer_new(1000000);
    p->ws.config.receive_capacity = 1024;
    evse_ws_link_ops.open(&p->ws, p->now_us);
    ws_peer_say_text(p, SWITCH);
    for (int i = 0; i < 100; i++) {
        ws_peer_say_text(p, "X-Filler: yes, another one\r\n");
    }
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_PROTOCOL);
    CHECK_EQ(p->ws.protocol_errors, 1);
    CHECK_EQ(p->in_at, 1024);
}

static void ws_cut_answer_is_closed(void)
{
    for (size_t length = 0; length < sizeof WS_ANSWER - 1; length++) {
        ws_peer_t *p = ws_peer_new(1000000);
        evse_ws_link_ops.open(&p->ws, p->now_us);
        ws_peer_say(p, WS_ANSWER, length);
        p->ended = true;
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
    }
}

static void ws_open_refused_at_once_tells_why(void)
{
    ws_peer_t *p = ws_peer_new(1000);
    p->open_says = HF_E_UNSUPPORTED;
    evse_ws_link_ops.open(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_UNSUPPORTED);
}

static void ws_connection_that_fails_tells_why(void)
{
    static const int errors[] = {HF_E_REFUSED, HF_E_UNREACHABLE, HF_E_TIMEOUT, HF_E_IO};
    for (size_t i = 0; i < HF_COUNT_OF(errors); i++) {
        ws_peer_t *p = ws_peer_new(1000);
        p->poll_says = HF_E_AGAIN;
        evse_ws_link_ops.open(&p->ws, p->now_us);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPENING);
        p->poll_says = errors[i];
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), errors[i]);
        CHECK_EQ(p->closes, 1);
    }
}

static void ws_opening_too_slow_times_out(void)
{
    ws_peer_t *p = ws_peer_new(1000);
    p->poll_says = HF_E_AGAIN;
    evse_ws_link_ops.open(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_advance(p, 6000), EVSE_LINK_OPENING);
    p->poll_says = HF_OK; // connected, but the answer never comes: one time-out for both
    CHECK_EQ(ws_peer_advance(p, 3999), EVSE_LINK_OPENING);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
    CHECK_EQ(p->closes, 1);
}

static void ws_link_opens_again_after_any_end(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_new(chunk);
        evse_ws_link_ops.open(&p->ws, p->now_us);
        ws_peer_say_text(p, "HTTP/1.1 503 Busy\r\n\r\n");
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        p->in_length = p->in_at = p->out_length = 0;
        p->nonce = "the sample nonce";
        evse_ws_link_ops.open(&p->ws, p->now_us);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_OK);
        ws_peer_say_text(p, WS_ANSWER);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        p->out_at = p->out_length;
        ws_peer_say(p, "\xC1\x00", 2); // RSV bit: fails into CLOSING
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        p->in_length = p->in_at = p->out_length = 0;
        p->nonce = "the sample nonce";
        evse_ws_link_ops.open(&p->ws, p->now_us); // opens over the rest of the connection before
        ws_peer_say_text(p, WS_ANSWER);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK_EQ(p->ws.opened, 2);
        CHECK_EQ(p->opens, p->closes + 1);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_OK);
    }
}

static void ws_open_while_open_does_nothing(void)
{
    ws_peer_t *p = ws_peer_opened(1000);
    evse_ws_link_ops.open(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    CHECK_EQ(p->opens, 1);
    CHECK_EQ(p->out_at, p->out_length);
}

static void ws_close_while_opening_is_down(void)
{
    ws_peer_t *p = ws_peer_new(1000);
    evse_ws_link_ops.open(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPENING);
    evse_ws_link_ops.close(&p->ws, p->now_us);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(p->closes, 1);
}

static void ws_incomplete_configuration_is_refused(void)
{
    ws_peer_t *p = ws_peer_new(1);
    evse_ws_config_t good = ws_peer_config(p), bad = good;
    CHECK_EQ(evse_ws_init(&p->ws, &good), HF_OK);
    bad.receive_capacity = 1023;
    CHECK_EQ(evse_ws_init(&p->ws, &bad), HF_E_ARGUMENT);
    bad = good;
    bad.send_capacity = 1023;
    CHECK_EQ(evse_ws_init(&p->ws, &bad), HF_E_ARGUMENT);
    bad = good;
    bad.random = NULL;
    CHECK_EQ(evse_ws_init(&p->ws, &bad), HF_E_ARGUMENT);
    bad = good;
    bad.stream.ops = NULL;
    CHECK_EQ(evse_ws_init(&p->ws, &bad), HF_E_ARGUMENT);
    bad = good;
    bad.subprotocol = NULL;
    CHECK_EQ(evse_ws_init(&p->ws, &bad), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(ws_request_is_what_rfc6455_asks_for),
             HF_TEST(ws_request_ipv6_host_is_bracketed), HF_TEST(ws_every_answer_is_judged),
             HF_TEST(ws_frames_right_behind_the_answer_are_kept),
             HF_TEST(ws_endless_header_is_refused), HF_TEST(ws_cut_answer_is_closed),
             HF_TEST(ws_open_refused_at_once_tells_why),
             HF_TEST(ws_connection_that_fails_tells_why), HF_TEST(ws_opening_too_slow_times_out),
             HF_TEST(ws_link_opens_again_after_any_end), HF_TEST(ws_open_while_open_does_nothing),
             HF_TEST(ws_close_while_opening_is_down),
             HF_TEST(ws_incomplete_configuration_is_refused))
