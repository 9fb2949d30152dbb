// SPDX-License-Identifier: MIT
// The I/O socket client against a peer of the test's own, cards across threads included. Recovery from hang-ups and
// stalls: test_linux_recovery.c.
#include "evse_io_socket.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/unix_peer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define TICK_US  (10u * HF_US_PER_MS)
#define START_US (1000u * HF_US_PER_S)
#define CARDS    2000u

static const evse_io_ops_t *const ops = &evse_io_socket_ops;

static bool connect_both(evse_io_socket_t *io, unix_peer_t *peer, unsigned connectors)
{
    evse_io_inputs_t inputs;
    return unix_peer_open(peer) && evse_io_socket_open(io, peer->path, connectors) == HF_OK &&
           ops->sample(io, 0, START_US, &inputs) == HF_OK && unix_peer_accept(peer);
}

static void disconnect_both(evse_io_socket_t *io, unix_peer_t *peer)
{
    evse_io_socket_close(io);
    unix_peer_close(peer);
}

static bool send_levels(const unix_peer_t *peer, uint8_t connector, uint16_t bits)
{
    const uint8_t packet[8] = {1, connector, (uint8_t)bits, (uint8_t)(bits >> 8), 9, 0, 0, 0};
    return unix_peer_send(peer, packet, sizeof packet);
}

static bool send_card(const unix_peer_t *peer, uint8_t connector, const char *id_tag)
{
    uint8_t packet[64] = {2, connector, (uint8_t)strlen(id_tag)};
    memcpy(packet + 3, id_tag, strlen(id_tag));
    return unix_peer_send(peer, packet, 3u + strlen(id_tag));
}

static void io_socket_levels_reach_their_connector_with_a_stamp(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t first, second;
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 2));
    REQUIRE(send_levels(&peer, 1, 1u << EVSE_IN_PLUG | 1u << EVSE_IN_ESTOP));
    CHECK_EQ(ops->sample(&io, 0, START_US + TICK_US, &first), HF_OK);
    CHECK_EQ(ops->sample(&io, 1, START_US + TICK_US, &second), HF_OK);
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        CHECK_EQ(first.stamp_us[i], 0);
        CHECK_EQ(second.stamp_us[i], START_US + TICK_US);
        CHECK_EQ(second.level[i], i == EVSE_IN_PLUG || i == EVSE_IN_ESTOP);
    }
    disconnect_both(&io, &peer);
}

static void io_socket_silent_peer_levels_go_stale(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    uint64_t now_us = START_US;
    REQUIRE(connect_both(&io, &peer, 1));
    REQUIRE(send_levels(&peer, 0, 1u << EVSE_IN_ESTOP));
    now_us += TICK_US;
    CHECK_EQ(ops->sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(evse_io_level(&inputs, EVSE_IN_ESTOP, now_us));
    for (int i = 0; i < 26; i++) {
        now_us += TICK_US;
        (void)ops->sample(&io, 0, now_us, &inputs);
    }
    CHECK(!evse_io_level(&inputs, EVSE_IN_ESTOP, now_us)); // 260 ms: too old
    disconnect_both(&io, &peer);
}

static void io_socket_newest_of_a_burst_counts(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 1));
    for (uint16_t i = 0; i < 30; i++) {
        REQUIRE(send_levels(&peer, 0, (uint16_t)(i | 1u << EVSE_IN_ESTOP)));
    }
    CHECK_EQ(ops->sample(&io, 0, START_US + TICK_US, &inputs), HF_OK);
    unsigned bits = 0;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        bits |= inputs.level[i] ? 1u << i : 0u;
    }
    CHECK_EQ(bits, 29);
    disconnect_both(&io, &peer);
}

static void io_socket_outputs_have_the_bytes_of_the_specification(void)
{
    static evse_io_socket_t io;
    evse_io_drive_t drive = {.live_count = 0x04030201u};
    const uint8_t expected[8] = {
        1, 2, 1u << EVSE_OUT_CONTACTOR | 1u << EVSE_OUT_LIGHT_FAULT, 0, 1, 2, 3, 4};
    uint8_t bytes[16];
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 3));
    drive.level[EVSE_OUT_CONTACTOR] = true;
    drive.level[EVSE_OUT_LIGHT_FAULT] = true;
    CHECK_EQ(ops->drive(&io, 2, &drive), HF_OK);
    CHECK_EQ(recv(peer.client, bytes, sizeof bytes, 0), 8);
    CHECK(memcmp(bytes, expected, sizeof expected) == 0);
    disconnect_both(&io, &peer);
}

static void io_socket_without_peer_says_so_until_one_comes(void)
{
    static evse_io_socket_t io;
    const evse_io_drive_t drive = {.live_count = 1};
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    uint64_t now_us = START_US;
    REQUIRE(unix_peer_prepare(&peer));
    CHECK_EQ(evse_io_socket_open(&io, peer.path, 1), HF_OK);
    for (int i = 0; i < 200; i++, now_us += TICK_US) {
        CHECK(ops->sample(&io, 0, now_us, &inputs) < 0);
        CHECK(ops->drive(&io, 0, &drive) < 0);
    }
    REQUIRE(unix_peer_listen(&peer));
    int ticks = 0;
    while (ops->sample(&io, 0, now_us, &inputs) < 0 && ticks < 500) {
        now_us += TICK_US;
        ticks++;
    }
    CHECK(ticks <= 101);
    CHECK(unix_peer_accept(&peer));
    CHECK_EQ(ops->drive(&io, 0, &drive), HF_OK);
    disconnect_both(&io, &peer);
}

static void io_socket_peer_goes_drive_is_no_signal(void)
{
    static evse_io_socket_t io;
    const evse_io_drive_t drive = {.live_count = 1};
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 1));
    unix_peer_stop(&peer);
    (void)signal(SIGPIPE, SIG_DFL);        // not every kernel raises it here; none may end us
    CHECK(ops->drive(&io, 0, &drive) < 0); // and the program lives
    CHECK(ops->sample(&io, 0, START_US + TICK_US, &inputs) < 0);
    disconnect_both(&io, &peer);
}

static void io_socket_peer_that_does_not_read_never_blocks_drive(void)
{
    static evse_io_socket_t io;
    const evse_io_drive_t drive = {.live_count = 1};
    unix_peer_t peer;
    uint32_t accepted = 0;
    REQUIRE(connect_both(&io, &peer, 1));
    while (accepted < 1000000u && ops->drive(&io, 0, &drive) == HF_OK) {
        accepted++;
    }
    CHECK(accepted > 0 && accepted < 1000000u);
    uint8_t bytes[8];
    while (recv(peer.client, bytes, sizeof bytes, 0) == 8) {
    }
    CHECK_EQ(ops->drive(&io, 0, &drive), HF_OK); // the connection was kept
    disconnect_both(&io, &peer);
}

static void io_socket_malformed_packets_change_nothing(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    unsigned connector;
    char id_tag[EVSE_IO_SOCKET_TAG_BYTES];
    const struct {
        size_t length;
        uint8_t bytes[32];
    } wrong[] = {
        {7, {1, 0, 0xFF}},           // short
        {9, {1, 0, 0xFF}},           // long
        {8, {1, 2, 0xFF}},           // no such connector
        {8, {3, 0, 0xFF}},           // no such type
        {1, {1}},                    // hardly anything
        {3, {2, 0, 0}},              // a card without a tag
        {5, {2, 0, 3, 'a', 'b'}},    // shorter than it says
        {6, {2, 0, 2, 'a', 'b'}},    // longer than it says
        {5, {2, 2, 2, 'a', 'b'}},    // no such connector
        {6, {2, 0, 3, 'a', 0, 'b'}}, // a NUL within
        {24, {2,   0,   21,  'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',
              'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a'}}, // 21 characters
    };
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 2));
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        REQUIRE(unix_peer_send(&peer, wrong[i].bytes, wrong[i].length));
    }
    CHECK_EQ(ops->sample(&io, 0, START_US + TICK_US, &inputs), HF_OK);
    CHECK_EQ(io.refused, HF_COUNT_OF(wrong));
    CHECK_EQ(io.rx, 0);
    CHECK_EQ(inputs.stamp_us[EVSE_IN_PLUG], 0);
    CHECK_EQ(evse_io_socket_take_card(&io, &connector, id_tag), HF_E_EMPTY);
    disconnect_both(&io, &peer);
}

static void io_socket_card_arrives_once_with_connector_and_tag(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    unsigned connector = 99;
    char id_tag[EVSE_IO_SOCKET_TAG_BYTES];
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 2));
    REQUIRE(send_card(&peer, 1, "12345678901234567890"));
    REQUIRE(send_card(&peer, 0, "A"));
    CHECK_EQ(evse_io_socket_take_card(&io, &connector, id_tag), HF_E_EMPTY);
    CHECK_EQ(ops->sample(&io, 0, START_US + TICK_US, &inputs), HF_OK);
    CHECK_EQ(evse_io_socket_take_card(&io, &connector, id_tag), HF_OK);
    CHECK_EQ(connector, 1);
    CHECK_STR(id_tag, "12345678901234567890");
    CHECK_EQ(evse_io_socket_take_card(&io, &connector, id_tag), HF_OK);
    CHECK_EQ(connector, 0);
    CHECK_STR(id_tag, "A");
    CHECK_EQ(evse_io_socket_take_card(&io, &connector, id_tag), HF_E_EMPTY);
    disconnect_both(&io, &peer);
}

typedef struct taker {
    evse_io_socket_t *io;
    _Atomic uint32_t taken;
    uint32_t wrong;
} taker_t;

static void *take_cards(void *ctx)
{
    taker_t *taker = ctx;
    unsigned connector;
    char id_tag[EVSE_IO_SOCKET_TAG_BYTES], expected[16];
    for (uint32_t i = 0; i < CARDS;) {
        if (evse_io_socket_take_card(taker->io, &connector, id_tag) != HF_OK) {
            (void)sched_yield();
            continue;
        }
        (void)snprintf(expected, sizeof expected, "card-%u", (unsigned)i);
        taker->wrong += strcmp(id_tag, expected) == 0 && connector == i % 2u ? 0 : 1u;
        i++;
        atomic_store(&taker->taken, i);
    }
    return NULL;
}

static void io_socket_cards_cross_to_another_thread(void)
{
    static evse_io_socket_t io;
    static taker_t taker;
    evse_io_inputs_t inputs;
    char id_tag[16];
    pthread_t thread;
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 2));
    taker.io = &io;
    REQUIRE(pthread_create(&thread, NULL, take_cards, &taker) == 0);
    for (uint32_t i = 0; i < CARDS; i++) {
        while (i - atomic_load(&taker.taken) >= EVSE_IO_SOCKET_CARDS) {
            (void)sched_yield();
        }
        (void)snprintf(id_tag, sizeof id_tag, "card-%u", (unsigned)i);
        CHECK(send_card(&peer, (uint8_t)(i % 2u), id_tag));
        CHECK_EQ(ops->sample(&io, 0, START_US + i, &inputs), HF_OK);
    }
    (void)pthread_join(thread, NULL);
    CHECK_EQ(taker.wrong, 0);
    CHECK_EQ(io.refused, 0);
    disconnect_both(&io, &peer);
}

// [SAF-01] Between two ticks: an edge, however short, is seen once; a level that stays open is none.
static void io_socket_look_sees_each_opening_once(void)
{
    static evse_io_socket_t io;
    const uint16_t closed = 1u << EVSE_IN_ESTOP, plugged = 1u << EVSE_IN_PLUG;
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    uint64_t now_us = START_US + TICK_US;
    REQUIRE(connect_both(&io, &peer, 2));
    CHECK(evse_io_socket_fd(&io) >= 0);
    CHECK(!evse_io_socket_look(&io, now_us)); // nothing waits
    REQUIRE(send_levels(&peer, 0, closed) && send_levels(&peer, 1, closed));
    CHECK(!evse_io_socket_look(&io, now_us));
    REQUIRE(send_levels(&peer, 0, closed | plugged));
    CHECK(!evse_io_socket_look(&io, now_us));                           // another input is no edge
    REQUIRE(send_levels(&peer, 1, 0) && send_levels(&peer, 1, closed)); // it bounced
    CHECK(evse_io_socket_look(&io, now_us));
    REQUIRE(send_levels(&peer, 0, plugged));
    CHECK(evse_io_socket_look(&io, now_us));
    REQUIRE(send_levels(&peer, 0, plugged) && send_levels(&peer, 0, 0));
    CHECK(!evse_io_socket_look(&io, now_us)); // still open
    CHECK_EQ(ops->sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(inputs.stamp_us[EVSE_IN_ESTOP] != 0 && !inputs.level[EVSE_IN_ESTOP]);
    disconnect_both(&io, &peer);
    CHECK_EQ(evse_io_socket_fd(&io), -1);
    CHECK(!evse_io_socket_look(&io, now_us));
}

// [SAF-01] What a tick finds open and closed again was open, whoever took it from the socket.
static void io_socket_opening_within_a_tick_is_shown_once(void)
{
    static evse_io_socket_t io;
    const uint16_t closed = 1u << EVSE_IN_ESTOP;
    evse_io_inputs_t inputs[2];
    unix_peer_t peer;
    uint64_t now_us = START_US + TICK_US;
    REQUIRE(connect_both(&io, &peer, 2));
    REQUIRE(send_levels(&peer, 0, closed) && send_levels(&peer, 1, closed));
    REQUIRE(send_levels(&peer, 1, 0) && send_levels(&peer, 1, closed));
    for (unsigned tick = 0; tick < 2; tick++) {
        CHECK_EQ(ops->sample(&io, 0, now_us, &inputs[0]), HF_OK);
        CHECK_EQ(ops->sample(&io, 1, now_us, &inputs[1]), HF_OK);
        CHECK(inputs[0].level[EVSE_IN_ESTOP]);
        CHECK_EQ(inputs[1].level[EVSE_IN_ESTOP], tick != 0);
        CHECK_EQ(inputs[1].stamp_us[EVSE_IN_ESTOP], START_US + TICK_US);
        now_us += TICK_US;
    }
    disconnect_both(&io, &peer);
}

static void io_socket_look_takes_nothing_after_a_stall(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    unix_peer_t peer;
    REQUIRE(connect_both(&io, &peer, 1));
    REQUIRE(send_levels(&peer, 0, 0));
    uint64_t late_us = START_US + (EVSE_IO_SOCKET_STALL_MS + 1u) * HF_US_PER_MS;
    CHECK(!evse_io_socket_look(&io, late_us)); // of unknown age: no latch, and no stamp
    (void)ops->sample(&io, 0, late_us, &inputs);
    CHECK_EQ(inputs.stamp_us[EVSE_IN_ESTOP], 0);
    CHECK_EQ(io.estop_edges, 0);
    disconnect_both(&io, &peer);
}

static void io_socket_wrong_arguments_are_refused(void)
{
    static evse_io_socket_t io;
    char path[200];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1u] = '\0';
    CHECK_EQ(evse_io_socket_open(&io, path, 1), HF_E_TOO_LONG);
    CHECK_EQ(evse_io_socket_open(&io, "", 1), HF_E_TOO_LONG);
    CHECK_EQ(evse_io_socket_open(&io, "x", 0), HF_E_RANGE);
    CHECK_EQ(evse_io_socket_open(&io, "x", CONFIG_EVSE_CONNECTORS_MAX + 1u), HF_E_RANGE);
}

HF_TEST_MAIN(HF_TEST(io_socket_levels_reach_their_connector_with_a_stamp),
             HF_TEST(io_socket_silent_peer_levels_go_stale),
             HF_TEST(io_socket_newest_of_a_burst_counts),
             HF_TEST(io_socket_outputs_have_the_bytes_of_the_specification),
             HF_TEST(io_socket_without_peer_says_so_until_one_comes),
             HF_TEST(io_socket_peer_goes_drive_is_no_signal),
             HF_TEST(io_socket_peer_that_does_not_read_never_blocks_drive),
             HF_TEST(io_socket_malformed_packets_change_nothing),
             HF_TEST(io_socket_card_arrives_once_with_connector_and_tag),
             HF_TEST(io_socket_cards_cross_to_another_thread),
             HF_TEST(io_socket_look_sees_each_opening_once),
             HF_TEST(io_socket_opening_within_a_tick_is_shown_once),
             HF_TEST(io_socket_look_takes_nothing_after_a_stall),
             HF_TEST(io_socket_wrong_arguments_are_refused))
