// SPDX-License-Identifier: MIT
// How the Linux clients come back: not every tick from a peer that hangs up, and never with what waited in a stall.
// Time is the test's own; sockets are real, in a directory of their own.
#include "evse_can_virtual.h"
#include "evse_io_socket.h"
#include "hf_flash_file.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/unix_peer.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define TICK_US  (10u * HF_US_PER_MS)
#define STALL_US (2u * HF_US_PER_S)
#define START_US (1000u * HF_US_PER_S)

static bool send_frame(const unix_peer_t *peer, uint32_t id)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES];
    evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    evse_can_virtual_encode(&frame, bytes);
    return unix_peer_send(peer, bytes, sizeof bytes);
}

static bool send_levels(const unix_peer_t *peer, uint8_t connector, uint8_t bits)
{
    const uint8_t packet[8] = {1, connector, bits, 0, 0, 0, 0, 0};
    return unix_peer_send(peer, packet, sizeof packet);
}

// Ten seconds of 10 ms ticks against a peer that takes every call and hangs up.
static int calls_in_ten_seconds(unix_peer_t *peer, void (*tick)(void *ctx, uint64_t now_us),
                                void *ctx)
{
    int calls = 0;
    for (uint64_t t = 0; t < 10u * HF_US_PER_S; t += TICK_US) {
        tick(ctx, START_US + t);
        while (unix_peer_accept(peer)) {
            calls++;
        }
        unix_peer_hang_up(peer);
    }
    return calls;
}

static void tick_can(void *ctx, uint64_t now_us)
{
    (void)evse_can_virtual_ops.poll(ctx, now_us);
}

static void tick_io(void *ctx, uint64_t now_us)
{
    evse_io_inputs_t inputs;
    (void)evse_io_socket_ops.sample(ctx, 0, now_us, &inputs);
}

static void can_virtual_hub_hangs_up_waits_longer_each_time(void)
{
    static evse_can_virtual_t bus;
    unix_peer_t peer;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_can_virtual_open(&bus, peer.path), HF_OK);
    // 50 100 200 400 800 1000 1000 ... ms: 14 calls fit
    int calls = calls_in_ten_seconds(&peer, tick_can, &bus);
    CHECK(calls >= 10 && calls <= 16);
    evse_can_virtual_close(&bus);
    unix_peer_close(&peer);
}

static void io_socket_peer_hangs_up_waits_longer_each_time(void)
{
    static evse_io_socket_t io;
    unix_peer_t peer;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_io_socket_open(&io, peer.path, 1), HF_OK);
    int calls = calls_in_ten_seconds(&peer, tick_io, &io);
    CHECK(calls >= 10 && calls <= 16);
    evse_io_socket_close(&io);
    unix_peer_close(&peer);
}

static void can_virtual_after_traffic_calls_again_at_once(void)
{
    static evse_can_virtual_t bus;
    unix_peer_t peer;
    uint64_t now_us = START_US;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_can_virtual_open(&bus, peer.path), HF_OK);
    (void)calls_in_ten_seconds(&peer, tick_can, &bus);
    now_us += 10u * HF_US_PER_S;
    for (int i = 0; i < 200 && peer.client < 0; i++, now_us += TICK_US) {
        tick_can(&bus, now_us);
        (void)unix_peer_accept(&peer);
    }
    REQUIRE(send_frame(&peer, 1));
    for (int i = 0; i < 110; i++, now_us += TICK_US) { // the wait of the call before is over
        tick_can(&bus, now_us);
    }
    unix_peer_hang_up(&peer);
    tick_can(&bus, now_us); // sees the end
    tick_can(&bus, now_us + TICK_US);
    CHECK(unix_peer_accept(&peer));
    evse_can_virtual_close(&bus);
    unix_peer_close(&peer);
}

static void can_virtual_after_stall_drops_what_waited(void)
{
    static evse_can_virtual_t bus;
    evse_can_frame_t frame;
    unix_peer_t peer;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_can_virtual_open(&bus, peer.path), HF_OK);
    CHECK_EQ(evse_can_virtual_ops.poll(&bus, START_US), EVSE_CAN_ACTIVE);
    REQUIRE(unix_peer_accept(&peer));
    REQUIRE(send_frame(&peer, 1) && send_frame(&peer, 2));
    tick_can(&bus, START_US + TICK_US); // 1 and 2 are in the ring now
    CHECK_EQ(evse_can_virtual_ops.receive(&bus, &frame), 1);
    REQUIRE(send_frame(&peer, 3)); // and 3 is in the socket
    CHECK_EQ(evse_can_virtual_ops.poll(&bus, START_US + STALL_US), EVSE_CAN_ACTIVE);
    CHECK_EQ(evse_can_virtual_ops.receive(&bus, &frame), 0);
    CHECK_EQ(bus.stalls, 1);
    REQUIRE(unix_peer_accept(&peer)); // joined anew, within the same poll
    REQUIRE(send_frame(&peer, 4));
    tick_can(&bus, START_US + STALL_US + TICK_US);
    CHECK_EQ(evse_can_virtual_ops.receive(&bus, &frame), 1);
    CHECK_EQ(frame.id, 4);
    evse_can_virtual_close(&bus);
    unix_peer_close(&peer);
}

static void io_socket_after_stall_never_stamps_what_waited(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    const uint8_t closed = 1u << EVSE_IN_ESTOP;
    unix_peer_t peer;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_io_socket_open(&io, peer.path, 1), HF_OK);
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, START_US, &inputs), HF_OK);
    REQUIRE(unix_peer_accept(&peer));
    REQUIRE(send_levels(&peer, 0, closed));
    uint64_t now_us = START_US + TICK_US;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(evse_io_level(&inputs, EVSE_IN_ESTOP, now_us));
    REQUIRE(send_levels(&peer, 0, closed));
    now_us += STALL_US;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(!evse_io_level(&inputs, EVSE_IN_ESTOP, now_us)); // no power ...
    CHECK_EQ(inputs.stamp_us[EVSE_IN_ESTOP], 0); // ... but no loop seen open either: no latch
    CHECK_EQ(io.stalls, 1);
    REQUIRE(unix_peer_accept(&peer));
    REQUIRE(send_levels(&peer, 0, closed));
    now_us += TICK_US;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(evse_io_level(&inputs, EVSE_IN_ESTOP, now_us));
    evse_io_socket_close(&io);
    unix_peer_close(&peer);
}

// A short stall of the whole machine: nothing waits in the socket, and the level is older than its age.
static void io_socket_stale_after_a_doze_is_unknown_not_open(void)
{
    static evse_io_socket_t io;
    evse_io_inputs_t inputs;
    const uint8_t closed = 1u << EVSE_IN_ESTOP;
    unix_peer_t peer;
    REQUIRE(unix_peer_open(&peer));
    CHECK_EQ(evse_io_socket_open(&io, peer.path, 1), HF_OK);
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, START_US, &inputs), HF_OK);
    REQUIRE(unix_peer_accept(&peer) && send_levels(&peer, 0, closed));
    uint64_t told_us = START_US + TICK_US, now_us = told_us;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    now_us += 300u * HF_US_PER_MS;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK_EQ(inputs.stamp_us[EVSE_IN_ESTOP], 0);
    CHECK_EQ(io.stalls, 0);
    REQUIRE(send_levels(&peer, 0, closed)); // over the same connection
    now_us += TICK_US;
    CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    CHECK(evse_io_level(&inputs, EVSE_IN_ESTOP, now_us));
    for (told_us = now_us;
         now_us - told_us <= 250u * HF_US_PER_MS;) { // the peer fell silent while we looked on
        now_us += TICK_US;
        CHECK_EQ(evse_io_socket_ops.sample(&io, 0, now_us, &inputs), HF_OK);
    }
    CHECK_EQ(inputs.stamp_us[EVSE_IN_ESTOP], told_us);
    CHECK(!evse_io_level(&inputs, EVSE_IN_ESTOP, now_us));
    evse_io_socket_close(&io);
    unix_peer_close(&peer);
}

static int files_in(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    while (directory != NULL) {
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            (void)closedir(directory);
            break;
        }
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    return count;
}

// The limit of a file's size stands for the full disk: it stops the same call at the same place.
static void flash_file_no_room_leaves_nothing_behind(void)
{
    static hf_flash_file_t flash;
    char path[] = "hf-recovery-XXXXXX";
    struct rlimit before, small;
    REQUIRE(mkdtemp(path) != NULL && getrlimit(RLIMIT_FSIZE, &before) == 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = before;
    small.rlim_cur = 4096;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    CHECK(hf_flash_file_open(&flash, path, 65536, 2) < 0);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_EQ(files_in(path), 0);
    CHECK_EQ(hf_flash_file_open(&flash, path, 65536, 2), HF_OK);
    CHECK_EQ(files_in(path), 2);
    hf_flash_file_close(&flash);
    char file[64];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof file, "%s/segment-%d", path, i);
        CHECK_EQ(unlink(file), 0);
    }
    CHECK_EQ(rmdir(path), 0);
}

HF_TEST_MAIN(HF_TEST(can_virtual_hub_hangs_up_waits_longer_each_time),
             HF_TEST(io_socket_peer_hangs_up_waits_longer_each_time),
             HF_TEST(can_virtual_after_traffic_calls_again_at_once),
             HF_TEST(can_virtual_after_stall_drops_what_waited),
             HF_TEST(io_socket_after_stall_never_stamps_what_waited),
             HF_TEST(io_socket_stale_after_a_doze_is_unknown_not_open),
             HF_TEST(flash_file_no_room_leaves_nothing_behind))
