// SPDX-License-Identifier: MIT
// An open WebSocket: messages both ways, every rule a server can break with the close code it earns, the close handshake
// in both directions, and the timers. Nearly every case runs over streams that move 1, 2, 3, 7 or all bytes a call.
#include "support/ws_peer.h"

static const struct {
    const char *bytes;
    size_t length;
    uint16_t code;
} violations[] = {
    {"\x81\x81\0\0\0\0x", 7, 1002},                         // masked
    {"\x89\x80\0\0\0\0", 6, 1002},                          //
    {"\xC1\x00", 2, 1002},                                  // RSV1
    {"\xA1\x00", 2, 1002},                                  // RSV2
    {"\x91\x00", 2, 1002},                                  // RSV3
    {"\x83\x00", 2, 1002},                                  // reserved data opcodes
    {"\x87\x00", 2, 1002},                                  //
    {"\x8B\x00", 2, 1002},                                  // reserved control opcodes
    {"\x8F\x00", 2, 1002},                                  //
    {"\x09\x00", 2, 1002},                                  // fragmented ping
    {"\x0A\x00", 2, 1002},                                  // fragmented pong
    {"\x08\x00", 2, 1002},                                  // fragmented close
    {"\x89\x7E\x00\x7E", 4, 1002},                          // ping of 126 bytes
    {"\x8A\x7F\0\0\0\0\0\x01\0\0", 10, 1002},               // pong of 65536 bytes
    {"\x82\x01x", 3, 1003},                                 // binary
    {"\x02\x01x", 3, 1003},                                 // binary, fragmented
    {"\x80\x00", 2, 1002},                                  // continuation of nothing
    {"\x00\x00", 2, 1002},                                  //
    {"\x81\x01x\x80\x00", 5, 1002},                         // continuation after a whole message
    {"\x01\x01x\x81\x01x", 6, 1002},                        // text inside a message
    {"\x01\x01x\x01\x01x", 6, 1002},                        //
    {"\x01\x01x\x82\x01x", 6, 1002},                        // binary inside a message
    {"\x81\x7E\x00\x7D", 4, 1002},                          // 125 not written the shortest way
    {"\x81\x7F\0\0\0\0\0\0\xFF\xFF", 10, 1002},             // 65535 not written the shortest way
    {"\x81\x7F\x80\0\0\0\0\0\0\0", 10, 1002},               // 2^63
    {"\x81\x7F\0\0\0\0\0\x01\x11\x71", 10, 1009},           // 70001: one byte too long
    {"\x81\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10, 1009}, //
    {"\x01\x01x\x80\x7F\0\0\0\0\0\x01\x11\x70", 13, 1009},  // 1 + 70000
    {"\x81\x01\xFF", 3, 1007},                              // never UTF-8
    {"\x81\x01\xC3", 3, 1007},                              // ends within a character
    {"\x81\x02\xC0\x80", 4, 1007},                          // overlong
    {"\x81\x03\xED\xA0\x80", 5, 1007},                      // surrogate
    {"\x81\x04\xF4\x90\x80\x80", 6, 1007},                  // above U+10FFFF
    {"\x01\x01\xC3\x80\x01\x28", 6, 1007},                  // wrong byte in the next fragment
    {"\x01\x01\xC3\x80\x00", 5, 1007},                      // nothing in the next fragment
    {"\x88\x01\x03", 3, 1002},                              // half a close code
    {"\x88\x02\x00\x00", 4, 1002},                          // 0
    {"\x88\x02\x03\xE7", 4, 1002},                          // 999
    {"\x88\x02\x03\xEC", 4, 1002},                          // 1004
    {"\x88\x02\x03\xED", 4, 1002},                          // 1005
    {"\x88\x02\x03\xEE", 4, 1002},                          // 1006
    {"\x88\x02\x03\xF7", 4, 1002},                          // 1015
    {"\x88\x02\x03\xF8", 4, 1002},                          // 1016
    {"\x88\x02\x0B\xB7", 4, 1002},                          // 2999
    {"\x88\x02\x13\x88", 4, 1002},                          // 5000
    {"\x88\x02\xFF\xFF", 4, 1002},                          // 65535
    {"\x88\x03\x03\xE8\xFF", 5, 1007},                      // reason is no UTF-8
    {"\x88\x03\x03\xE8\xC3", 5, 1007},                      // reason ends within a character
};

static void check_violation(size_t i, size_t chunk)
{
    ws_peer_t *p = ws_peer_opened(chunk);
    ws_peer_say(p, violations[i].bytes, violations[i].length);
    evse_link_state_t state = ws_peer_settle(p);
    if (ws_peer_receive(p, NULL) != NULL) { // a good message in front of the bad frame
        state = ws_peer_settle(p);
    }
    if (state != EVSE_LINK_DOWN || evse_ws_link_ops.last_error(&p->ws) != HF_E_PROTOCOL ||
        p->ws.protocol_errors != 1 || !ws_peer_heard_close(p, violations[i].code)) {
        HF_TEST_FAIL("violations[%zu] by %zu: state %d, closing with %u, %s", i, chunk, (int)state,
                     p->ws.close_code, hf_status_name(evse_ws_link_ops.last_error(&p->ws)));
    }
    CHECK(ws_peer_receive(p, NULL) == NULL);
    CHECK_EQ(ws_peer_send(p, "x", 1), HF_E_CLOSED);
    CHECK_EQ(p->ws.phase, EVSE_WS_CLOSING);
    (void)ws_peer_advance(p, 2000);
    CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED);
    CHECK_EQ(p->closes, 1);
}

static void ws_every_broken_rule_has_its_close_code(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        for (size_t i = 0; i < HF_COUNT_OF(violations); i++) {
            check_violation(i, chunk);
        }
    }
}

static void ws_bad_utf8_fails_before_its_frame_ends(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say(p, "\x01\x7E\x10\x00good\xFF", 9); // 4096 announced, 5 come
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK(ws_peer_heard_close(p, 1007));
    }
}

static void ws_good_text_is_not_taken_for_bad(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say(p, "\x01\x02\xF0\x9D\x80\x02\x84\x9E", 8); // one character over two fragments
        (void)ws_peer_settle(p);
        CHECK(ws_peer_received(p, "\xF0\x9D\x84\x9E"));
        ws_peer_say_frame(p, 0x81, "", 0);
        (void)ws_peer_settle(p);
        CHECK(ws_peer_received(p, ""));
        CHECK(ws_peer_receive(p, NULL) == NULL);
    }
}

static void ws_fragments_and_control_frames_interleave(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say_frame(p, 0x01, "[2,", 3);
        ws_peer_say_frame(p, 0x89, "p1", 2);
        ws_peer_say_frame(p, 0x00, "", 0);
        ws_peer_say_frame(p, 0x8A, "stray", 5);
        ws_peer_say_frame(p, 0x00, "\"a\"", 3);
        ws_peer_say_frame(p, 0x80, "]", 1);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK(ws_peer_received(p, "[2,\"a\"]"));
        CHECK(ws_peer_heard(p, 10, "p1", 2));
        CHECK_EQ(p->out_at, p->out_length);
        CHECK_EQ(p->ws.rx_pings, 1);
        CHECK_EQ(p->ws.rx_pongs, 1);
    }
}

static void ws_messages_of_every_length_form_arrive(void)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, WS_RECEIVE_BYTES};
    static char text[WS_RECEIVE_BYTES];
    memset(text, 'm', sizeof text);
    WS_FOR_EACH_CHUNK(chunk)
    {
        for (size_t i = 0; i < HF_COUNT_OF(lengths); i++) {
            ws_peer_t *p = ws_peer_opened(chunk);
            size_t length = 0;
            ws_peer_say_frame(p, 0x81, text, lengths[i]);
            CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
            const char *got = ws_peer_receive(p, &length);
            REQUIRE(got != NULL);
            CHECK_EQ(length, lengths[i]);
            CHECK(memcmp(got, text, length) == 0);
        }
    }
}

static void ws_nothing_is_read_past_a_waiting_message(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say_frame(p, 0x81, "one", 3);
        size_t first_end = p->in_length;
        ws_peer_say_frame(p, 0x81, "two", 3);
        ws_peer_say(p, "\xFF\xFF", 2);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK_EQ(p->in_at, first_end);
        CHECK(ws_peer_received(p, "one"));
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK(ws_peer_received(p, "two"));
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    }
}

static void ws_sent_messages_are_masked_whole_and_in_order(void)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, WS_SEND_BYTES - 14};
    static char text[WS_SEND_BYTES];
    memset(text, 's', sizeof text);
    WS_FOR_EACH_CHUNK(chunk)
    {
        for (size_t i = 0; i < HF_COUNT_OF(lengths); i++) {
            ws_peer_t *p = ws_peer_opened(chunk);
            CHECK_EQ(ws_peer_send(p, text, lengths[i]), HF_OK);
            CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
            CHECK(ws_peer_heard(p, 1, text, lengths[i]));
            CHECK_EQ(p->out_at, p->out_length);
        }
    }
    ws_peer_t *p = ws_peer_opened(1);
    CHECK_EQ(ws_peer_send(p, text, WS_SEND_BYTES - 13), HF_E_TOO_LONG);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    CHECK_EQ(p->out_at, p->out_length);
}

static void ws_every_frame_has_a_mask_of_its_own(void)
{
    ws_peer_t *p = ws_peer_opened(1000000);
    uint8_t before[4] = {0};
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(ws_peer_send(p, "same", 4), HF_OK);
        (void)ws_peer_settle(p);
        const ws_frame_t *frame = ws_peer_take(p);
        REQUIRE(frame != NULL);
        CHECK(memcmp(frame->mask, before, 4) != 0);
        memcpy(before, frame->mask, 4);
    }
}

static void ws_send_while_sending_comes_later(void)
{
    ws_peer_t *p = ws_peer_opened(3);
    CHECK_EQ(ws_peer_send(p, "a long first message", 20), HF_OK);
    ws_peer_say_frame(p, 0x89, "ping", 4); // its pong may not cut the frame under way
    CHECK_EQ(ws_peer_send(p, "second", 6), HF_E_AGAIN);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    CHECK_EQ(ws_peer_send(p, "second", 6), HF_OK);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    CHECK(ws_peer_heard(p, 1, "a long first message", 20));
    CHECK(ws_peer_heard(p, 10, "ping", 4));
    CHECK(ws_peer_heard(p, 1, "second", 6));
    CHECK_EQ(p->out_at, p->out_length);
    CHECK_EQ(p->ws.tx_messages, 2);
}

static void ws_pong_does_not_touch_the_ping_that_waits(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        p->deaf = true;
        CHECK_EQ(ws_peer_send(p, "a long first message", 20), HF_OK);
        ws_peer_say_frame(p, 0x89, "old", 3);
        ws_peer_say_frame(p, 0x89, "ping", 4);
        ws_peer_say_frame(p, 0x8A, "an unasked pong of more than thirty-two bytes", 45);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK_EQ(p->ws.rx_pongs, 1);
        p->deaf = false;
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK(ws_peer_heard(p, 1, "a long first message", 20));
        CHECK(ws_peer_heard(p, 10, "ping", 4));
        CHECK_EQ(p->out_at, p->out_length);
    }
}

static void ws_close_ours_is_answered_and_ends(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        evse_ws_link_ops.close(&p->ws, p->now_us);
        CHECK_EQ(ws_peer_send(p, "x", 1), HF_E_CLOSED);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK(ws_peer_heard_close(p, 1000));
        ws_peer_say_frame(p, 0x81, "late", 4);
        ws_peer_say_frame(p, 0x88, "\x03\xE8", 2);
        (void)ws_peer_settle(p);
        CHECK_EQ(p->ws.phase, EVSE_WS_CLOSING); // the server ends the TCP connection
        p->ended = true;
        (void)ws_peer_settle(p);
        CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED);
        CHECK_EQ(p->closes, 1);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
    }
}

static void ws_close_ours_unanswered_ends_in_time(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    p->deaf = true;
    evse_ws_link_ops.close(&p->ws, p->now_us);
    (void)ws_peer_advance(p, 1999);
    CHECK_EQ(p->ws.phase, EVSE_WS_CLOSING);
    (void)ws_peer_advance(p, 1);
    CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED);
    CHECK_EQ(p->closes, 1);
}

static void ws_close_ours_follows_the_frame_under_way(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    CHECK_EQ(ws_peer_send(p, "unfinished", 10), HF_OK);
    evse_ws_link_ops.close(&p->ws, p->now_us);
    (void)ws_peer_settle(p);
    CHECK(ws_peer_heard(p, 1, "unfinished", 10));
    CHECK(ws_peer_heard_close(p, 1000));
}

static void ws_close_by_server_is_echoed(void)
{
    static const uint16_t codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                     1010, 1011, 1012, 1013, 1014, 3000, 4999};
    WS_FOR_EACH_CHUNK(chunk)
    {
        for (size_t i = 0; i < HF_COUNT_OF(codes); i++) {
            ws_peer_t *p = ws_peer_opened(chunk);
            const uint8_t payload[] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i], 0xC3, 0xA9};
            ws_peer_say_frame(p, 0x88, payload, i % 2 == 0 ? 2 : 4);
            CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
            CHECK(ws_peer_heard_close(p, codes[i]));
            CHECK_EQ(p->ws.peer_close_code, codes[i]);
            CHECK_EQ(p->ws.protocol_errors, 0);
            CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
            p->ended = true;
            (void)ws_peer_settle(p);
            CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED);
        }
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say_frame(p, 0x88, "", 0);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK(ws_peer_heard_close(p, 1005)); // none came, none goes
    }
}

static void ws_message_before_the_servers_close_is_not_lost(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say_frame(p, 0x81, "last", 4);
        ws_peer_say_frame(p, 0x88, "\x03\xE9", 2);
        p->ended = true;
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK(ws_peer_received(p, "last"));
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK_EQ(p->ws.peer_close_code, 1001);
        CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED);
    }
}

static void ws_message_before_a_failed_write_is_not_lost(void)
{
    WS_FOR_EACH_CHUNK(chunk)
    {
        ws_peer_t *p = ws_peer_opened(chunk);
        ws_peer_say_frame(p, 0x81, "first", 5);
        ws_peer_say_frame(p, 0x81, "last", 4);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        p->write_fails = HF_E_CLOSED;
        CHECK_EQ(ws_peer_send(p, "lost", 4), HF_OK);
        CHECK_EQ(ws_peer_send(p, "more", 4), HF_E_CLOSED);
        CHECK_EQ(evse_ws_link_ops.poll(&p->ws, p->now_us), EVSE_LINK_OPEN);
        p->write_fails = 0; // even if it took bytes again: behind a cut frame there is no next
        p->ws.pong_due = true;
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK_EQ(p->out_at, p->out_length);
        CHECK(ws_peer_received(p, "first"));
        p->steady = true; // once the server is gone, what it said lies ready
        CHECK_EQ(evse_ws_link_ops.poll(&p->ws, p->now_us), EVSE_LINK_OPEN);
        CHECK(ws_peer_received(p, "last"));
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
        CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
        CHECK_EQ(p->closes, 1);
        p->in_length = p->in_at = p->out_length = p->out_at = 0;
        p->nonce = "the sample nonce";
        evse_ws_link_ops.open(&p->ws, p->now_us);
        ws_peer_say_text(p, WS_ANSWER);
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
        CHECK_EQ(ws_peer_send(p, "again", 5), HF_OK);
    }
}

static void ws_stream_that_ends_or_fails_is_down(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    ws_peer_say(p, "\x81\x05only", 6);
    p->ended = true;
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
    CHECK(ws_peer_receive(p, NULL) == NULL); // half a message is none
    p = ws_peer_opened(1);
    p->read_fails = HF_E_IO;
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_IO);
    p = ws_peer_opened(1);
    p->write_fails = HF_E_CLOSED;
    (void)ws_peer_send(p, "x", 1);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_CLOSED);
    CHECK_EQ(ws_peer_send(p, "x", 1), HF_E_CLOSED);
    CHECK_EQ(p->closes, 1);
}

static void ws_silence_is_pinged_and_then_dead(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    CHECK_EQ(ws_peer_advance(p, 29999), EVSE_LINK_OPEN);
    CHECK_EQ(p->out_at, p->out_length);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_OPEN);
    CHECK(ws_peer_heard(p, 9, NULL, 0));
    CHECK_EQ(p->out_at, p->out_length);
    CHECK_EQ(ws_peer_advance(p, 4999), EVSE_LINK_OPEN);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
    CHECK_EQ(p->ws.phase, EVSE_WS_CLOSED); // no close handshake with the dead
}

static void ws_any_byte_is_a_sign_of_life(void)
{
    ws_peer_t *p = ws_peer_opened(1000);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(ws_peer_advance(p, 30000), EVSE_LINK_OPEN);
        CHECK(ws_peer_heard(p, 9, NULL, 0));
        ws_peer_say_frame(p, 0x8A, "", 0);
        CHECK_EQ(ws_peer_advance(p, 1000), EVSE_LINK_OPEN);
    }
    CHECK_EQ(p->ws.rx_pongs, 10);
    for (int i = 0; i < 10; i++) { // a slow message is one, too: no ping is due
        ws_peer_say(p, i == 0 ? "\x81\x09" : "x", i == 0 ? 2 : 1);
        CHECK_EQ(ws_peer_advance(p, 20000), EVSE_LINK_OPEN);
    }
    CHECK(ws_peer_received(p, "xxxxxxxxx"));
    CHECK_EQ(p->out_at, p->out_length);
}

static void ws_dead_link_is_found_while_a_frame_is_stuck(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    p->deaf = true;
    CHECK_EQ(ws_peer_send(p, "stuck", 5), HF_OK);
    CHECK_EQ(ws_peer_advance(p, 34999), EVSE_LINK_OPEN);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
}

static void ws_server_that_talks_and_never_reads_is_dead(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    p->deaf = true;
    CHECK_EQ(ws_peer_send(p, "stuck", 5), HF_OK);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(ws_peer_advance(p, 10000), EVSE_LINK_OPEN);
        ws_peer_say_frame(p, 0x8A, NULL, 0); // unasked pongs are signs of life
        CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    }
    CHECK_EQ(ws_peer_advance(p, 5000), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
}

// Half open: what we write is swallowed, or piles up; nothing comes. Two intervals at most, whatever we do meanwhile.
static void ws_half_open_link_is_dead_within_two_intervals(void)
{
    static const uint32_t intervals_ms[] = {1000, 4000, 30000, 600000};
    for (size_t i = 0; i < HF_COUNT_OF(intervals_ms); i++) {
        for (unsigned deaf = 0; deaf < 2; deaf++) {
            ws_peer_t *p = ws_peer_opened(1000);
            evse_ws_link_ops.set_ping(&p->ws, intervals_ms[i]);
            p->deaf = deaf != 0;
            uint32_t waited_ms = 0;
            evse_link_state_t state = EVSE_LINK_OPEN;
            for (; state == EVSE_LINK_OPEN && waited_ms <= 3 * intervals_ms[i];
                 waited_ms += intervals_ms[i] / 20) {
                (void)ws_peer_send(p, "[2,\"1\",\"Heartbeat\",{}]", 22); // again and again
                state = ws_peer_advance(p, intervals_ms[i] / 20);
            }
            CHECK_EQ(state, EVSE_LINK_DOWN);
            CHECK(waited_ms > intervals_ms[i] && waited_ms <= 2 * intervals_ms[i]);
            CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
        }
    }
}

static void ws_without_interval_there_is_no_ping(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    evse_ws_link_ops.set_ping(&p->ws, 0);
    CHECK_EQ(ws_peer_advance(p, 4000000), EVSE_LINK_OPEN); // silence is no sign of anything
    CHECK_EQ(p->out_at, p->out_length);
    evse_ws_link_ops.set_ping(&p->ws, 30000); // and from now on it is
    CHECK_EQ(ws_peer_advance(p, 29999), EVSE_LINK_OPEN);
    CHECK_EQ(p->out_at, p->out_length);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_OPEN);
    CHECK(ws_peer_heard(p, 9, NULL, 0));
    CHECK_EQ(ws_peer_advance(p, 5000), EVSE_LINK_DOWN);
}

static void ws_without_interval_bytes_nobody_takes_are_the_end(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    evse_ws_link_ops.set_ping(&p->ws, 0);
    p->deaf = true;
    CHECK_EQ(ws_peer_send(p, "stuck", 5), HF_OK);
    CHECK_EQ(ws_peer_advance(p, 59999), EVSE_LINK_OPEN);
    CHECK_EQ(ws_peer_advance(p, 1), EVSE_LINK_DOWN);
    CHECK_EQ(evse_ws_link_ops.last_error(&p->ws), HF_E_TIMEOUT);
}

static void ws_room_is_lent_once_the_last_message_has_left(void)
{
    ws_peer_t *p = ws_peer_opened(1);
    size_t capacity = 0;
    char *room = evse_ws_link_ops.room(&p->ws, &capacity);
    CHECK(room == (char *)p->send + 14 && capacity == sizeof p->send - 14);
    CHECK(evse_ws_link_ops.room(&p->ws, &capacity) == room); // what was written may be left
    CHECK_EQ(ws_peer_send(p, "hello", 5), HF_OK);
    p->deaf = true;
    CHECK(evse_ws_link_ops.room(&p->ws, &capacity) == NULL);
    CHECK_EQ(evse_ws_link_ops.send(&p->ws, 5), HF_E_AGAIN);
    p->deaf = false;
    (void)ws_peer_settle(p);
    CHECK(evse_ws_link_ops.room(&p->ws, &capacity) == room);
    evse_ws_link_ops.close(&p->ws, p->now_us);
    CHECK(evse_ws_link_ops.room(&p->ws, &capacity) == NULL);
}

static void ws_flood_of_pings_keeps_the_newest_answer(void)
{
    ws_peer_t *p = ws_peer_opened(1000000);
    p->deaf = true;
    for (uint8_t i = 0; i < 200; i++) {
        ws_peer_say_frame(p, 0x89, &i, 1);
    }
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    p->deaf = false;
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    uint8_t last = 0;
    for (const ws_frame_t *f = ws_peer_take(p); f != NULL; f = ws_peer_take(p)) {
        CHECK_EQ(f->opcode, 10);
        last = f->payload[0];
    }
    CHECK_EQ(last, 199);
    CHECK_EQ(p->out_at, p->out_length);
}

HF_TEST_MAIN(
    HF_TEST(ws_every_broken_rule_has_its_close_code),
    HF_TEST(ws_bad_utf8_fails_before_its_frame_ends), HF_TEST(ws_good_text_is_not_taken_for_bad),
    HF_TEST(ws_fragments_and_control_frames_interleave),
    HF_TEST(ws_messages_of_every_length_form_arrive),
    HF_TEST(ws_nothing_is_read_past_a_waiting_message),
    HF_TEST(ws_sent_messages_are_masked_whole_and_in_order),
    HF_TEST(ws_every_frame_has_a_mask_of_its_own), HF_TEST(ws_send_while_sending_comes_later),
    HF_TEST(ws_close_ours_is_answered_and_ends), HF_TEST(ws_close_ours_unanswered_ends_in_time),
    HF_TEST(ws_close_ours_follows_the_frame_under_way), HF_TEST(ws_close_by_server_is_echoed),
    HF_TEST(ws_message_before_the_servers_close_is_not_lost),
    HF_TEST(ws_message_before_a_failed_write_is_not_lost),
    HF_TEST(ws_stream_that_ends_or_fails_is_down), HF_TEST(ws_silence_is_pinged_and_then_dead),
    HF_TEST(ws_any_byte_is_a_sign_of_life), HF_TEST(ws_dead_link_is_found_while_a_frame_is_stuck),
    HF_TEST(ws_server_that_talks_and_never_reads_is_dead),
    HF_TEST(ws_half_open_link_is_dead_within_two_intervals),
    HF_TEST(ws_without_interval_there_is_no_ping),
    HF_TEST(ws_without_interval_bytes_nobody_takes_are_the_end),
    HF_TEST(ws_room_is_lent_once_the_last_message_has_left),
    HF_TEST(ws_flood_of_pings_keeps_the_newest_answer),
    HF_TEST(ws_pong_does_not_touch_the_ping_that_waits))
