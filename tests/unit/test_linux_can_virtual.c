// SPDX-License-Identifier: MIT
// The virtual bus client against a hub of the test's own. Recovery from hang-ups and stalls: test_linux_recovery.c.
#include "evse_can_virtual.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/unix_peer.h"

#include <signal.h>

#define TICK_US   (10u * HF_US_PER_MS)
#define START_US  (1000u * HF_US_PER_S)
#define TICKS_MAX 500

static const evse_can_ops_t *const ops = &evse_can_virtual_ops;

static bool connect_both(evse_can_virtual_t *bus, unix_peer_t *hub)
{
    return unix_peer_open(hub) && evse_can_virtual_open(bus, hub->path) == HF_OK &&
           ops->poll(bus, START_US) == EVSE_CAN_ACTIVE && unix_peer_accept(hub);
}

static void disconnect_both(evse_can_virtual_t *bus, unix_peer_t *hub)
{
    evse_can_virtual_close(bus);
    unix_peer_close(hub);
}

static bool send_frame(const unix_peer_t *hub, uint32_t id)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES];
    const evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    evse_can_virtual_encode(&frame, bytes);
    return unix_peer_send(hub, bytes, sizeof bytes);
}

static void can_virtual_frame_has_the_bytes_of_the_specification(void)
{
    const evse_can_frame_t frame = {
        .id = 0x068180FEu, .length = 5, .extended = true, .data = {1, 2, 3, 4, 5}};
    const uint8_t expected[16] = {0xFE, 0x80, 0x81, 0x86, 5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0};
    uint8_t bytes[16];
    evse_can_frame_t back;
    evse_can_virtual_encode(&frame, bytes);
    CHECK(memcmp(bytes, expected, sizeof expected) == 0);
    CHECK_EQ(evse_can_virtual_decode(bytes, sizeof bytes, &back), HF_OK);
    CHECK_EQ(back.id, frame.id);
    CHECK_EQ(back.length, 5);
    CHECK(back.extended);
    CHECK(memcmp(back.data, frame.data, 8) == 0);
}

static void can_virtual_what_is_no_frame_is_refused(void)
{
    uint8_t good[17] = {0xFF, 0x07, 0, 0, 8};
    evse_can_frame_t frame;
    CHECK_EQ(evse_can_virtual_decode(good, 16, &frame), HF_OK);
    CHECK(!frame.extended);
    CHECK_EQ(evse_can_virtual_decode(good, 15, &frame), HF_E_FORMAT);
    CHECK_EQ(evse_can_virtual_decode(good, 17, &frame), HF_E_FORMAT);
    CHECK_EQ(evse_can_virtual_decode(good, 0, &frame), HF_E_FORMAT);
    good[4] = 9;
    CHECK_EQ(evse_can_virtual_decode(good, 16, &frame), HF_E_FORMAT);
    good[4] = 8;
    good[1] = 0x08; // 11 bits end at 0x7FF
    CHECK_EQ(evse_can_virtual_decode(good, 16, &frame), HF_E_FORMAT);
    good[3] = 0xA0; // bit 29 of an extended identifier
    CHECK_EQ(evse_can_virtual_decode(good, 16, &frame), HF_E_FORMAT);
    good[3] = 0x9F;
    CHECK_EQ(evse_can_virtual_decode(good, 16, &frame), HF_OK);
}

static void can_virtual_frames_cross_both_ways_in_order(void)
{
    static evse_can_virtual_t bus;
    const evse_can_frame_t out = {.id = 0x123, .length = 2, .data = {0xAB, 0xCD}};
    evse_can_frame_t in;
    uint8_t bytes[32];
    unix_peer_t hub;
    REQUIRE(connect_both(&bus, &hub));
    CHECK_EQ(ops->send(&bus, &out), HF_OK);
    CHECK_EQ(recv(hub.client, bytes, sizeof bytes, 0), 16);
    CHECK_EQ(evse_can_virtual_decode(bytes, 16, &in), HF_OK);
    CHECK(in.id == 0x123 && !in.extended && in.length == 2 && in.data[1] == 0xCD);
    CHECK_EQ(ops->receive(&bus, &in), 0);
    REQUIRE(send_frame(&hub, 1) && send_frame(&hub, 2) && send_frame(&hub, 3));
    CHECK_EQ(ops->poll(&bus, START_US + TICK_US), EVSE_CAN_ACTIVE);
    for (uint32_t id = 1; id <= 3; id++) {
        CHECK_EQ(ops->receive(&bus, &in), 1);
        CHECK_EQ(in.id, id);
    }
    CHECK_EQ(ops->receive(&bus, &in), 0);
    CHECK_EQ(bus.inbox.stats.total_tx, 1);
    CHECK_EQ(bus.inbox.stats.total_rx, 3);
    disconnect_both(&bus, &hub);
}

static void can_virtual_without_hub_is_bus_off_until_one_comes(void)
{
    static evse_can_virtual_t bus;
    evse_can_frame_t frame = {.id = 1};
    unix_peer_t hub;
    uint64_t now_us = START_US;
    REQUIRE(unix_peer_prepare(&hub));
    CHECK_EQ(evse_can_virtual_open(&bus, hub.path), HF_OK);
    for (int i = 0; i < 300; i++, now_us += TICK_US) {
        CHECK_EQ(ops->poll(&bus, now_us), EVSE_CAN_BUS_OFF);
    }
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->receive(&bus, &frame), HF_E_STATE);
    REQUIRE(unix_peer_listen(&hub));
    int ticks = 0; // a second at most: the backoff's cap
    while (ops->poll(&bus, now_us) != EVSE_CAN_ACTIVE && ticks < TICKS_MAX) {
        now_us += TICK_US;
        ticks++;
    }
    CHECK(ticks <= 101);
    CHECK(unix_peer_accept(&hub));
    CHECK_EQ(ops->send(&bus, &frame), HF_OK);
    disconnect_both(&bus, &hub);
}

static void can_virtual_hub_goes_frames_before_are_kept_bus_is_off(void)
{
    static evse_can_virtual_t bus;
    evse_can_frame_t frame;
    unix_peer_t hub;
    REQUIRE(connect_both(&bus, &hub));
    REQUIRE(send_frame(&hub, 7));
    unix_peer_stop(&hub);
    CHECK_EQ(ops->poll(&bus, START_US + TICK_US), EVSE_CAN_BUS_OFF);
    CHECK_EQ(ops->receive(&bus, &frame), 1);
    CHECK_EQ(frame.id, 7);
    CHECK_EQ(ops->receive(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    disconnect_both(&bus, &hub);
}

static void can_virtual_send_to_a_hub_that_went_is_no_signal(void)
{
    static evse_can_virtual_t bus;
    const evse_can_frame_t frame = {.id = 1};
    unix_peer_t hub;
    REQUIRE(connect_both(&bus, &hub));
    unix_peer_stop(&hub);
    (void)signal(SIGPIPE, SIG_DFL); // not every kernel raises it here; none may end us
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE); // and the program lives
    CHECK_EQ(ops->poll(&bus, START_US + TICK_US), EVSE_CAN_BUS_OFF);
    disconnect_both(&bus, &hub);
}

static void can_virtual_hub_that_does_not_read_never_blocks_send(void)
{
    static evse_can_virtual_t bus;
    const evse_can_frame_t frame = {.id = 1, .length = 8};
    unix_peer_t hub;
    uint32_t accepted = 0;
    REQUIRE(connect_both(&bus, &hub));
    while (accepted < 1000000u && ops->send(&bus, &frame) == HF_OK) {
        accepted++;
    }
    CHECK(accepted > 0 && accepted < 1000000u);
    CHECK_EQ(ops->send(&bus, &frame), HF_E_AGAIN);
    uint8_t bytes[16];
    for (uint32_t i = 0; i < accepted; i++) {
        CHECK_EQ(recv(hub.client, bytes, sizeof bytes, 0), 16);
    }
    CHECK_EQ(ops->send(&bus, &frame), HF_OK);
    disconnect_both(&bus, &hub);
}

static void can_virtual_flood_drops_the_oldest_keeps_the_newest(void)
{
    static evse_can_virtual_t bus;
    evse_can_frame_t frame;
    unix_peer_t hub;
    uint32_t sent = 0, last = 0, received = 0;
    REQUIRE(connect_both(&bus, &hub));
    for (unsigned burst = 0; burst < 10; burst++) {
        for (int i = 0; i < 50 && send_frame(&hub, sent + 1); i++) {
            sent++;
        }
        (void)ops->poll(&bus, START_US + (burst + 1u) * TICK_US);
    }
    CHECK_EQ(sent, 500);
    CHECK_EQ(evse_can_inbox_percent(&bus.inbox), 100);
    while (ops->receive(&bus, &frame) == 1) {
        CHECK(frame.id > last);
        last = frame.id;
        received++;
    }
    CHECK_EQ(last, sent);
    CHECK_EQ(received, CONFIG_EVSE_CAN_RING_FRAMES);
    CHECK_EQ(bus.inbox.stats.overruns, sent - CONFIG_EVSE_CAN_RING_FRAMES);
    disconnect_both(&bus, &hub);
}

static void can_virtual_malformed_packet_is_counted_and_dropped(void)
{
    static evse_can_virtual_t bus;
    evse_can_frame_t frame;
    uint8_t bytes[40] = {1, 0, 0, 0x80, 9};
    unix_peer_t hub;
    REQUIRE(connect_both(&bus, &hub));
    REQUIRE(unix_peer_send(&hub, bytes, 16)); // nine bytes of data
    bytes[4] = 8;                             // good but for the length of the packet
    REQUIRE(unix_peer_send(&hub, bytes, 3) && unix_peer_send(&hub, bytes, 40));
    REQUIRE(send_frame(&hub, 42));
    CHECK_EQ(ops->poll(&bus, START_US + TICK_US), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&bus, &frame), 1);
    CHECK_EQ(frame.id, 42);
    CHECK_EQ(ops->receive(&bus, &frame), 0);
    CHECK_EQ(bus.refused, 3);
    disconnect_both(&bus, &hub);
}

static void can_virtual_wrong_path_is_refused(void)
{
    static evse_can_virtual_t bus;
    char path[200];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1u] = '\0';
    CHECK_EQ(evse_can_virtual_open(&bus, path), HF_E_TOO_LONG);
    CHECK_EQ(evse_can_virtual_open(&bus, ""), HF_E_TOO_LONG);
}

HF_TEST_MAIN(HF_TEST(can_virtual_frame_has_the_bytes_of_the_specification),
             HF_TEST(can_virtual_what_is_no_frame_is_refused),
             HF_TEST(can_virtual_frames_cross_both_ways_in_order),
             HF_TEST(can_virtual_without_hub_is_bus_off_until_one_comes),
             HF_TEST(can_virtual_hub_goes_frames_before_are_kept_bus_is_off),
             HF_TEST(can_virtual_send_to_a_hub_that_went_is_no_signal),
             HF_TEST(can_virtual_hub_that_does_not_read_never_blocks_send),
             HF_TEST(can_virtual_flood_drops_the_oldest_keeps_the_newest),
             HF_TEST(can_virtual_malformed_packet_is_counted_and_dropped),
             HF_TEST(can_virtual_wrong_path_is_refused))
