// SPDX-License-Identifier: MIT
// The SocketCAN driver on a kernel bus (vcan0 of a guest, see uml.sh): what the kernel really
// does with frames, filters, error frames, stamps, full queues, an interface that goes down and one that is taken away. The
// other node is a raw socket that knows nothing of the driver. Interfaces are changed with `ip`, as an operator would.
#include "evse_can_linux.h"
#include "hf_port_linux.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POLLS_MAX  400
#define PAUSE_US   5000
#define ID_REQUEST 0x1806E5F4u

// vcan0, or what HF_CAN and HF_CAN_PEER name: two controllers on one bus.
static const char *own_interface(void)
{
    const char *name = getenv("HF_CAN");
    return name != NULL ? name : "vcan0";
}

static const char *peer_interface(void)
{
    const char *name = getenv("HF_CAN_PEER");
    return name != NULL ? name : own_interface();
}

static evse_can_linux_t device;
static evse_can_bus_t bus;

static void pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};
    (void)nanosleep(&pause, NULL);
}

static evse_can_state_t poll_bus(bool output_dead)
{
    uint64_t now_us = hf_port_now_us();
    evse_can_state_t state = evse_can_bus_poll(&bus, now_us);
    evse_can_bus_recover(&bus, output_dead, now_us);
    return state;
}

// As the control loop does, until the bus has the state, or long enough.
static bool reaches(evse_can_state_t state)
{
    for (int i = 0; i < POLLS_MAX; i++) {
        if (poll_bus(false) == state) {
            return true;
        }
        pause_us(PAUSE_US);
    }
    return false;
}

static bool open_bus(const evse_can_filters_t *filters)
{
    evse_can_t can;
    char spec[64];
    (void)snprintf(spec, sizeof spec, "socketcan:%s", own_interface());
    return evse_can_linux_open(&device, spec, filters, &can) == 0 &&
           evse_can_bus_init(&bus, can) == 0 && reaches(EVSE_CAN_ACTIVE);
}

static const evse_can_stats_t *stats(void)
{
    return &bus.can.ops->inbox(bus.can.ctx)->stats;
}

static int receive(evse_can_frame_t *frame)
{
    (void)poll_bus(false);
    return bus.can.ops->receive(bus.can.ctx, frame);
}

// A controller takes its time.
static bool receives(evse_can_frame_t *frame)
{
    for (int i = 0; i < POLLS_MAX; i++) {
        if (receive(frame) == 1) {
            return true;
        }
        pause_us(1000);
    }
    return false;
}

// ---- the other node ----

static int peer_open(void)
{
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    struct ifreq request = {0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", peer_interface());
    if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &request) != 0) {
        return -1;
    }
    struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static bool peer_send(int fd, canid_t id, uint8_t length, uint32_t number)
{
    struct can_frame raw = {.can_id = id, .can_dlc = length};
    memcpy(raw.data, &number, sizeof number);
    for (int i = 0; i < POLLS_MAX; i++) {
        if (write(fd, &raw, sizeof raw) == (ssize_t)sizeof raw) {
            return true;
        }
        pause_us(100);
    }
    return false;
}

static bool peer_receive(int fd, struct can_frame *raw)
{
    for (int i = 0; i < POLLS_MAX; i++) {
        if (read(fd, raw, sizeof *raw) == (ssize_t)sizeof *raw) {
            return true;
        }
        pause_us(1000);
    }
    return false;
}

static uint32_t number_in(const evse_can_frame_t *frame)
{
    uint32_t number;
    memcpy(&number, frame->data, sizeof number);
    return number;
}

// ---- cases ----

static void socketcan_frames_cross_in_both_directions(void)
{
    static const struct {
        uint32_t id;
        bool extended;
        uint8_t length;
    } shapes[] = {{0x068181FE, true, 8},
                  {0x1FFFFFFF, true, 0},
                  {0, true, 3},
                  {0x7FF, false, 8},
                  {0, false, 0}};
    REQUIRE(open_bus(NULL));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    for (size_t i = 0; i < HF_COUNT_OF(shapes); i++) {
        evse_can_frame_t frame = {.id = shapes[i].id,
                                  .extended = shapes[i].extended,
                                  .length = shapes[i].length,
                                  .data = {1, 2, 3, 4, 5, 6, 7, 8}};
        struct can_frame raw;
        CHECK_EQ(bus.can.ops->send(bus.can.ctx, &frame), 0);
        REQUIRE(peer_receive(peer, &raw));
        CHECK_EQ(raw.can_id, shapes[i].id | (shapes[i].extended ? CAN_EFF_FLAG : 0u));
        CHECK_EQ(raw.can_dlc, shapes[i].length);
        CHECK_EQ(memcmp(raw.data, frame.data, shapes[i].length), 0);
        CHECK(peer_send(peer, raw.can_id, shapes[i].length, 77));
        REQUIRE(receives(&frame));
        CHECK_EQ(frame.id, shapes[i].id);
        CHECK_EQ(frame.extended, shapes[i].extended);
        CHECK_EQ(frame.length, shapes[i].length);
    }
    CHECK_EQ(stats()->total_rx, HF_COUNT_OF(shapes));
    CHECK_EQ(stats()->total_tx, HF_COUNT_OF(shapes));
    CHECK_EQ(stats()->error_count, 0);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_stamp_is_the_arrival_not_the_poll(void)
{
    evse_can_frame_t frame;
    REQUIRE(open_bus(NULL));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    pause_us(250000); // the kernel begins to stamp some time after it was asked to
    (void)poll_bus(false);
    uint64_t before_us = hf_port_now_us();
    CHECK(peer_send(peer, 1u | CAN_EFF_FLAG, 8, 1));
    uint64_t after_us = hf_port_now_us();
    pause_us(200000);
    uint64_t now_us = hf_port_now_us();
    REQUIRE(receives(&frame));
    uint64_t time_us = evse_can_frame_time_us(&frame, now_us);
    CHECK(frame.stamped);
    CHECK(time_us + 20000 >= before_us); // two clocks are read one after the other
    CHECK(time_us <= after_us + 20000);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_filter_lets_only_what_is_wanted_in(void)
{
    static const evse_can_filter_t wanted[] = {
        {.id = ID_REQUEST, .mask = EVSE_CAN_ID_MASK, .extended = true}};
    const evse_can_filters_t filters = {.list = wanted, .count = HF_COUNT_OF(wanted)};
    evse_can_frame_t frame;
    REQUIRE(open_bus(&filters));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    for (uint32_t i = 0; i < 50; i++) {
        CHECK(peer_send(peer, (ID_REQUEST + 1 + i) | CAN_EFF_FLAG, 8, i));
        pause_us(2000); // a controller's own queue holds a few frames
    }
    CHECK(peer_send(peer, (ID_REQUEST & 0x7FF), 8, 98)); // a standard frame of the same low bits
    CHECK(peer_send(peer, ID_REQUEST | CAN_EFF_FLAG, 8, 99));
    REQUIRE(receives(&frame));
    CHECK_EQ(number_in(&frame), 99);
    CHECK_EQ(receive(&frame), 0);
    CHECK_EQ(stats()->total_rx, 1);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_remote_and_error_frames_are_never_data(void)
{
    evse_can_frame_t frame;
    REQUIRE(open_bus(NULL));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    CHECK(peer_send(peer, 5u | CAN_EFF_FLAG | CAN_RTR_FLAG, 0, 0));
    CHECK(peer_send(peer, 5u | CAN_EFF_FLAG, 8, 99));
    REQUIRE(receives(&frame));
    CHECK_EQ(number_in(&frame), 99);
    CHECK_EQ(stats()->total_rx, 1);
    CHECK(stats()->error_count >= 1); // refused and counted
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_error_frames_tell_the_state(void)
{
    evse_can_frame_t frame;
    REQUIRE(open_bus(NULL));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    struct can_frame raw = {.can_id = CAN_ERR_FLAG | CAN_ERR_CRTL, .can_dlc = CAN_ERR_DLC};
    raw.data[1] = CAN_ERR_CRTL_TX_PASSIVE;
    CHECK_EQ(write(peer, &raw, sizeof raw), sizeof raw);
    CHECK_EQ(receive(&frame), 0);
    CHECK_EQ(poll_bus(false), EVSE_CAN_PASSIVE);
    raw = (struct can_frame){.can_id = CAN_ERR_FLAG | CAN_ERR_BUSOFF, .can_dlc = CAN_ERR_DLC};
    CHECK_EQ(write(peer, &raw, sizeof raw), sizeof raw);
    uint64_t now_us = hf_port_now_us();
    CHECK_EQ(evse_can_bus_poll(&bus, now_us), EVSE_CAN_BUS_OFF); // no recovery asked for yet
    const evse_can_frame_t any = {.id = 1, .extended = true, .length = 8};
    CHECK_EQ(bus.can.ops->send(bus.can.ctx, &any), HF_E_STATE);
    CHECK_EQ(stats()->bus_offs, 1);
    CHECK(reaches(EVSE_CAN_ACTIVE)); // by recover()
    CHECK_EQ(bus.recoveries, 1);
    CHECK_EQ(bus.can.ops->send(bus.can.ctx, &any), 0);
    (void)close(peer);
    evse_can_linux_close(&device);
}

// Sends more than fits anywhere while nobody polls: what was sent = what came + what was counted, and the last is there.
static void flood(uint32_t frames, bool kernel_loses)
{
    evse_can_frame_t frame;
    uint32_t got = 0, last = 0;
    REQUIRE(open_bus(NULL));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    for (uint32_t i = 0; i < frames; i++) {
        REQUIRE(peer_send(peer, 1u | CAN_EFF_FLAG, 8, i));
    }
    for (int i = 0; i < 3; i++) {
        while (receive(&frame) == 1) {
            got++;
            last = number_in(&frame);
        }
        REQUIRE(peer_send(peer, 1u | CAN_EFF_FLAG, 8,
                          frames + (uint32_t)i)); // tells of losses before it
    }
    while (receive(&frame) == 1) {
        got++;
        last = number_in(&frame);
    }
    CHECK_EQ(got + stats()->overruns + stats()->stale,
             frames + 3); // stale: nobody polled for too long
    CHECK_EQ(last, frames + 2);
    CHECK(stats()->overruns > 0);
    CHECK(!kernel_loses || stats()->total_rx < frames + 3);
    printf("    sent %u, came %u, overruns counted %u, stale %u\n", frames + 3, got,
           stats()->overruns, stats()->stale);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_full_ring_keeps_the_newest_and_counts(void)
{
    flood(CONFIG_EVSE_CAN_RING_FRAMES + 100u, false);
}

static void socketcan_full_kernel_queue_is_counted_exactly(void)
{
    flood(40000, true);
}

static void ip(const char *before, const char *after)
{
    char command[128];
    (void)snprintf(command, sizeof command, "ip link %s %s %s", before, own_interface(), after);
    CHECK_EQ(system(command), 0);
}

static void socketcan_interface_down_is_bus_off_and_comes_back(void)
{
    evse_can_frame_t frame;
    REQUIRE(open_bus(NULL));
    ip("set", "down");
    CHECK(reaches(EVSE_CAN_BUS_OFF));
    CHECK_EQ(bus.can.ops->receive(bus.can.ctx, &frame), HF_E_STATE);
    ip("set", "up");
    CHECK(reaches(EVSE_CAN_ACTIVE));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    CHECK(peer_send(peer, 3u | CAN_EFF_FLAG, 8, 12));
    REQUIRE(receives(&frame));
    CHECK_EQ(number_in(&frame), 12);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_interface_taken_away_is_bus_off_and_comes_back(void)
{
    evse_can_frame_t frame;
    REQUIRE(open_bus(NULL));
    ip("del", "");
    CHECK(reaches(EVSE_CAN_BUS_OFF));
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(poll_bus(false), EVSE_CAN_BUS_OFF);
    }
    ip("add dev", "type vcan");
    ip("set", "up");
    CHECK(reaches(EVSE_CAN_ACTIVE));
    int peer = peer_open();
    REQUIRE(peer >= 0);
    CHECK(peer_send(peer, 3u | CAN_EFF_FLAG, 8, 13));
    REQUIRE(receives(&frame));
    CHECK_EQ(number_in(&frame), 13);
    (void)close(peer);
    evse_can_linux_close(&device);
}

static void socketcan_interface_that_is_not_there_is_bus_off(void)
{
    evse_can_t can;
    CHECK_EQ(evse_can_linux_open(&device, "socketcan:nosuch9", NULL, &can), 0);
    CHECK_EQ(evse_can_bus_init(&bus, can), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(poll_bus(true), EVSE_CAN_BUS_OFF);
    }
    CHECK_EQ(bus.bus_offs, 0); // it never was on
    evse_can_linux_close(&device);
}

HF_TEST_MAIN(HF_TEST(socketcan_frames_cross_in_both_directions),
             HF_TEST(socketcan_stamp_is_the_arrival_not_the_poll),
             HF_TEST(socketcan_filter_lets_only_what_is_wanted_in),
             HF_TEST(socketcan_remote_and_error_frames_are_never_data),
             HF_TEST(socketcan_error_frames_tell_the_state),
             HF_TEST(socketcan_full_ring_keeps_the_newest_and_counts),
             HF_TEST(socketcan_full_kernel_queue_is_counted_exactly),
             HF_TEST(socketcan_interface_that_is_not_there_is_bus_off),
             HF_TEST(socketcan_interface_down_is_bus_off_and_comes_back),
             HF_TEST(socketcan_interface_taken_away_is_bus_off_and_comes_back))
