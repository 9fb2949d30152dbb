// SPDX-License-Identifier: MIT
// SLCAN over a serial device of Linux: ptys, with an adapter written apart from the driver at the other end. The driver's
// time is the test's own; what crosses a pty is waited for.
#include "evse_can_slcan.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/slcan_adapter.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_US  (10u * HF_US_PER_MS)
#define START_US (500u * HF_US_PER_S)
#define WAIT_MS  2000

static const evse_can_ops_t *const ops = &evse_can_slcan_ops;

typedef struct world {
    slcan_adapter_t adapter;
    evse_can_slcan_t bus;
    uint64_t now_us;
    uint32_t seen; // of the driver's queue
    int master;    // -1: unplugged
    bool is_deaf;  // the adapter does not read
    char directory[32], path[64];
} world_t;

static world_t world;

static bool plug_in(void)
{
    world.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    (void)unlink(world.path);
    return world.master >= 0 && grantpt(world.master) == 0 && unlockpt(world.master) == 0 &&
           symlink(ptsname(world.master), world.path) == 0;
}

static void unplug(void)
{
    (void)close(world.master);
    world.master = -1;
    (void)unlink(world.path);
}

static bool begin(void)
{
    memset(&world, 0, sizeof world);
    strcpy(world.directory, "hf-slcan-XXXXXX");
    world.now_us = START_US;
    world.master = -1;
    if (mkdtemp(world.directory) == NULL) {
        return false;
    }
    (void)snprintf(world.path, sizeof world.path, "%s/ttyACM0", world.directory);
    const evse_can_slcan_config_t config = {.path = world.path};
    return evse_can_slcan_open(&world.bus, &config) == HF_OK;
}

static void end(void)
{
    evse_can_slcan_close(&world.bus);
    if (world.master >= 0) {
        unplug();
    }
    (void)rmdir(world.directory);
}

static void await(int fd, unsigned bytes)
{
    int there = 0;
    for (int i = 0; i < WAIT_MS && ioctl(fd, FIONREAD, &there) == 0 && (unsigned)there < bytes;
         i++) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        (void)poll(&one, 1, 1);
        if (there > 0) {
            (void)poll(NULL, 0, 1); // readable, but not all of it
        }
    }
}

// What the driver has written since the last call reaches the adapter ...
static void cross_to_adapter(void)
{
    uint32_t head = world.bus.slcan.out_head;
    uint32_t length = (head + EVSE_SLCAN_QUEUE_BYTES - world.seen) % EVSE_SLCAN_QUEUE_BYTES;
    world.seen = head;
    if (world.master < 0 || world.is_deaf || length == 0) {
        return;
    }
    char bytes[EVSE_SLCAN_QUEUE_BYTES];
    await(world.master, length);
    ssize_t got = read(world.master, bytes, sizeof bytes);
    adapter_hear(&world.adapter, bytes, got > 0 ? (size_t)got : 0);
}

// ... and what it says reaches the driver's side.
static void cross_to_driver(void)
{
    char bytes[1024];
    size_t length;
    while (world.master >= 0 && world.bus.fd >= 0 &&
           (length = adapter_speak(&world.adapter, bytes, sizeof bytes)) > 0) {
        int before = 0;
        (void)ioctl(world.bus.fd, FIONREAD, &before);
        CHECK_EQ(write(world.master, bytes, length), (ssize_t)length);
        await(world.bus.fd, (unsigned)before + (unsigned)length);
    }
}

static evse_can_state_t tick(void)
{
    world.now_us += TICK_US;
    evse_can_state_t state = ops->poll(&world.bus, world.now_us);
    cross_to_adapter();
    cross_to_driver();
    return state;
}

static evse_can_state_t run_ms(unsigned ms)
{
    evse_can_state_t state = EVSE_CAN_BUS_OFF;
    for (unsigned i = 0; i < ms / 10u; i++) {
        state = tick();
    }
    return state;
}

static bool begin_open(void)
{
    return begin() && plug_in() && run_ms(200) == EVSE_CAN_ACTIVE;
}

static int send_id(uint32_t id)
{
    const evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    int status = ops->send(&world.bus, &frame);
    cross_to_adapter();
    return status;
}

static void slcan_pty_opens_and_frames_cross_both_ways(void)
{
    evse_can_frame_t frame;
    REQUIRE(begin_open());
    CHECK_EQ(world.adapter.rate, '5');
    CHECK_EQ(send_id(0x068181FE), HF_OK);
    CHECK_EQ(world.adapter.sent_count, 1);
    CHECK_STR(world.adapter.sent[0], "T068181FE80000000000000000");
    adapter_bus_frame(&world.adapter, 0x1806E5F4, true, 8, 0x5A);
    cross_to_driver();
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.bus, &frame), 1);
    CHECK(frame.id == 0x1806E5F4 && frame.data[7] == 0x5A);
    CHECK_EQ(ops->receive(&world.bus, &frame), 0);
    CHECK(ops->inbox(&world.bus)->stats.active);
    end();
}

// Every byte there is, as noise: none is a signal, none stops the stream, none is turned into another.
static void slcan_pty_is_raw_whatever_bytes_come(void)
{
    evse_can_frame_t frame;
    REQUIRE(begin_open());
    for (unsigned i = 0; i < 256; i++) {
        char noise[2] = {(char)i, '\r'};
        adapter_say(&world.adapter, noise, 2);
        adapter_bus_frame(&world.adapter, i, true, 8, i);
        cross_to_driver();
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
        CHECK_EQ(ops->receive(&world.bus, &frame), 1);
        CHECK(frame.id == i && frame.data[0] == i);
    }
    CHECK_EQ(ops->receive(&world.bus, &frame), 0);
    end();
}

static void slcan_pty_half_lines_and_bells_cost_nothing_else(void)
{
    evse_can_frame_t frame;
    REQUIRE(begin_open());
    for (unsigned i = 1; i <= 100; i++) {
        static const char *const halves[] = {"T1806E5F4803", "\a", "t12\a", "F\r", "\rT", "z\r"};
        const char *half = halves[i % HF_COUNT_OF(halves)];
        adapter_say(&world.adapter, half, strlen(half));
        cross_to_driver();
        (void)tick(); // apart from what follows
        adapter_say(&world.adapter, "\r", 1);
        adapter_bus_frame(&world.adapter, i, true, 8, i);
        cross_to_driver();
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
        CHECK_EQ(ops->receive(&world.bus, &frame), 1);
        CHECK_EQ(frame.id, i);
    }
    CHECK(world.bus.slcan.stats.bells > 0 && world.bus.slcan.parser.refused > 0);
    end();
}

static void slcan_pty_unplugged_in_mid_frame_and_plugged_back(void)
{
    evse_can_frame_t frame;
    evse_can_bus_t bus;
    REQUIRE(begin_open());
    adapter_say(&world.adapter, "T0000000180102", 14);
    cross_to_driver();
    unplug();
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(send_id(1), HF_E_STATE);
    CHECK_EQ(world.bus.slcan.stats.unplugs, 1);
    CHECK_EQ(evse_can_bus_init(&bus, (evse_can_t){.ops = ops, .ctx = &world.bus}), HF_OK);
    for (int i = 0; i < 300; i++) { // three seconds without it
        CHECK_EQ(evse_can_bus_poll(&bus, world.now_us), EVSE_CAN_BUS_OFF);
        evse_can_bus_recover(&bus, true, world.now_us);
        world.now_us += TICK_US;
    }
    world.adapter = (slcan_adapter_t){0}; // it was without power
    REQUIRE(plug_in());                   // another device by the same name
    unsigned ticks = 0;
    while (bus.state == EVSE_CAN_BUS_OFF && ticks < 500) {
        (void)evse_can_bus_poll(&bus, world.now_us);
        evse_can_bus_recover(&bus, true, world.now_us);
        cross_to_adapter();
        cross_to_driver();
        world.now_us += TICK_US;
        ticks++;
    }
    CHECK_EQ(bus.state, EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.opens, 1);
    adapter_say(&world.adapter, "0304050607080\r", 14); // not the rest of that frame
    adapter_bus_frame(&world.adapter, 2, true, 8, 2);
    cross_to_driver();
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.bus, &frame), 1);
    CHECK_EQ(frame.id, 2);
    end();
}

static void slcan_pty_adapter_that_does_not_read_never_blocks(void)
{
    REQUIRE(begin_open());
    world.is_deaf = true;
    unsigned taken = 0;
    while (taken < 100000 && send_id(taken) == HF_OK) {
        taken++;
    }
    CHECK(taken > 0 && taken < 100000);
    CHECK_EQ(send_id(1), HF_E_AGAIN);
    CHECK_EQ(run_ms(2000), EVSE_CAN_BUS_OFF);
    end();
}

static void slcan_device_that_is_not_there_is_a_bus_that_is_off(void)
{
    REQUIRE(begin());
    CHECK_EQ(run_ms(100), EVSE_CAN_BUS_OFF);
    CHECK_EQ(ops->recover(&world.bus, world.now_us), HF_OK);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    int file = open(world.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); // there, and no terminal
    REQUIRE(file >= 0);
    (void)close(file);
    CHECK_EQ(ops->recover(&world.bus, world.now_us), HF_OK);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(world.bus.fd, -1);
    REQUIRE(plug_in());
    CHECK_EQ(ops->recover(&world.bus, world.now_us), HF_OK);
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    end();
}

static void slcan_close_shuts_the_channel(void)
{
    char bytes[64];
    REQUIRE(begin_open());
    evse_can_slcan_close(&world.bus);
    await(world.master, 3);
    ssize_t got = read(world.master, bytes, sizeof bytes);
    adapter_hear(&world.adapter, bytes, got > 0 ? (size_t)got : 0);
    CHECK(!world.adapter.is_open);
    end();
}

static void slcan_wrong_configuration_is_refused(void)
{
    static evse_can_slcan_t bus;
    char path[200];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1u] = '\0';
    const evse_can_slcan_config_t wrong[] = {{.path = path},
                                             {.path = ""},
                                             {.path = "x", .baud = 12345},
                                             {.path = "x", .bitrate_kbits = 33}};
    const int expected[] = {HF_E_TOO_LONG, HF_E_TOO_LONG, HF_E_RANGE, HF_E_RANGE};
    for (unsigned i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(evse_can_slcan_open(&bus, &wrong[i]), expected[i]);
    }
}

HF_TEST_MAIN(HF_TEST(slcan_pty_opens_and_frames_cross_both_ways),
             HF_TEST(slcan_pty_is_raw_whatever_bytes_come),
             HF_TEST(slcan_pty_half_lines_and_bells_cost_nothing_else),
             HF_TEST(slcan_pty_unplugged_in_mid_frame_and_plugged_back),
             HF_TEST(slcan_pty_adapter_that_does_not_read_never_blocks),
             HF_TEST(slcan_device_that_is_not_there_is_a_bus_that_is_off),
             HF_TEST(slcan_close_shuts_the_channel), HF_TEST(slcan_wrong_configuration_is_refused))
