// SPDX-License-Identifier: MIT
// The SLCAN driver against an adapter written apart from it, over memory, in stepped time: opening, state, coming back,
// noise, and what never happens (blocking, sending what is of before, believing a channel that is not open).
#include "evse/evse_slcan.h"
#include "evse/evse_timing.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/slcan_adapter.h"

#define TICK_US  EVSE_US(EVSE_TICK_MS)
#define START_US (500u * HF_US_PER_S)

typedef struct world {
    slcan_adapter_t adapter;
    evse_slcan_t slcan;
    uint64_t now_us;
    bool is_there;       // the device
    bool is_deaf;        // takes no bytes
    bool is_deaf_after;  // ... after the next write
    unsigned write_most; // bytes a write takes; 0: all
    unsigned opens;      // calls of the port's open
    char wire[65536];    // all that was written
    unsigned wire_length;
} world_t;

static world_t world;
static const evse_can_ops_t *const ops = &evse_slcan_ops;

static int port_read(void *ctx, uint8_t *data, uint32_t capacity)
{
    world_t *w = ctx;
    if (!w->is_there) {
        return HF_E_CLOSED;
    }
    return (int)adapter_speak(&w->adapter, (char *)data, capacity < 7 ? capacity : 7); // pieces
}

static int port_write(void *ctx, const uint8_t *data, uint32_t length)
{
    world_t *w = ctx;
    if (!w->is_there) {
        return HF_E_CLOSED;
    }
    if (w->is_deaf) {
        return 0;
    }
    w->is_deaf = w->is_deaf_after;
    length = w->write_most != 0 && length > w->write_most ? w->write_most : length;
    if (w->wire_length + length <= sizeof w->wire) {
        memcpy(w->wire + w->wire_length, data, length);
        w->wire_length += length;
    }
    adapter_hear(&w->adapter, (const char *)data, length);
    return (int)length;
}

static int port_open(void *ctx)
{
    world_t *w = ctx;
    w->opens++;
    return w->is_there ? HF_OK : HF_E_NOT_FOUND;
}

static const evse_slcan_port_ops_t port = {
    .read = port_read, .write = port_write, .open = port_open};

static void begin_with(evse_slcan_config_t config)
{
    memset(&world, 0, sizeof world);
    world.is_there = true;
    world.now_us = START_US;
    config.port = (evse_slcan_port_t){.ops = &port, .ctx = &world};
    CHECK_EQ(evse_slcan_init(&world.slcan, &config), HF_OK);
}

static evse_can_state_t tick(void)
{
    world.now_us += TICK_US;
    return ops->poll(&world.slcan, world.now_us);
}

static evse_can_state_t run_ms(unsigned ms)
{
    evse_can_state_t state = EVSE_CAN_BUS_OFF;
    for (uint64_t until_us = world.now_us + EVSE_US(ms); world.now_us < until_us;) {
        state = tick();
    }
    return state;
}

static void begin(void)
{
    begin_with((evse_slcan_config_t){0});
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
}

static int send_id(uint32_t id)
{
    const evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    return ops->send(&world.slcan, &frame);
}

static void slcan_open_says_close_bitrate_open_in_this_order(void)
{
    begin_with((evse_slcan_config_t){0});
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF); // nobody has answered
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK(world.adapter.is_open);
    CHECK_EQ(world.adapter.rate, '5');
    CHECK_EQ(world.adapter.opens, 1);
    CHECK_EQ(world.adapter.bad_lines, 0);
    CHECK(memcmp(world.wire, "\r\r\rC\rS5\rO\rF\r", 12) == 0);
    CHECK_EQ(world.slcan.stats.opens, 1);
    CHECK(world.slcan.inbox.stats.initialized && world.slcan.inbox.stats.active);
    CHECK_EQ(world.slcan.inbox.stats.bus_offs, 0);
}

static void slcan_open_uses_the_bitrate_it_was_told(void)
{
    const evse_slcan_config_t odd = {.port = {.ops = &port, .ctx = &world}, .bitrate_kbits = 33};
    const evse_slcan_config_t none = {.bitrate_kbits = 250};
    begin_with((evse_slcan_config_t){.bitrate_kbits = 1000});
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.rate, '8');
    CHECK_EQ(evse_slcan_init(&world.slcan, &odd), HF_E_RANGE);
    CHECK_EQ(evse_slcan_init(&world.slcan, &none), HF_E_ARGUMENT);
}

static void slcan_adapter_left_open_with_a_half_command_is_taken_over(void)
{
    begin_with((evse_slcan_config_t){0});
    world.adapter.is_open = true; // by somebody before us
    adapter_hear(&world.adapter, "T1806E5F", 8);
    for (unsigned i = 0; i < 50; i++) {
        adapter_bus_frame(&world.adapter, i, true, 8, i);
    }
    world.adapter.out_length -= 3; // the last in its middle
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.rate, '5');
    evse_can_frame_t frame;
    CHECK_EQ(ops->receive(&world.slcan, &frame), 0); // of before
}

static void slcan_frames_cross_both_ways(void)
{
    evse_can_frame_t frame = {.id = 0x123, .length = 2, .data = {0xAB, 0xCD}};
    begin();
    CHECK_EQ(ops->send(&world.slcan, &frame), HF_OK);
    CHECK_EQ(send_id(0x068181FE), HF_OK);
    CHECK_EQ(world.adapter.sent_count, 2); // in the same tick
    CHECK_STR(world.adapter.sent[0], "t1232ABCD");
    CHECK_STR(world.adapter.sent[1], "T068181FE80000000000000000");
    CHECK_EQ(world.slcan.inbox.stats.total_tx, 2);
    adapter_bus_frame(&world.adapter, 0x1806E5F4, true, 8, 0x5A);
    world.adapter.stamps = true;
    adapter_bus_frame(&world.adapter, 0x7FF, false, 3, 0xFF);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 1);
    CHECK(frame.id == 0x1806E5F4 && frame.extended && frame.length == 8 && frame.data[7] == 0x5A);
    CHECK_EQ(evse_can_frame_time_us(&frame, world.now_us + 5), world.now_us);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 1);
    CHECK(frame.id == 0x7FF && !frame.extended && frame.length == 3 && frame.data[2] == 0xFF);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 0);
}

static void slcan_frame_that_is_none_is_not_sent(void)
{
    const evse_can_frame_t frame = {.id = 0x800};
    begin();
    unsigned length = world.wire_length;
    CHECK_EQ(ops->send(&world.slcan, &frame), HF_E_RANGE);
    CHECK_EQ(world.wire_length, length);
    CHECK_EQ(world.slcan.inbox.stats.error_count, 1);
}

static void slcan_adapter_that_refuses_is_off_until_it_does_not(void)
{
    begin_with((evse_slcan_config_t){0});
    world.adapter.is_stubborn = true;
    CHECK_EQ(run_ms(1000), EVSE_CAN_BUS_OFF);
    CHECK_EQ(world.slcan.stats.bells, 1); // only recover() begins anew
    CHECK_EQ(send_id(1), HF_E_STATE);
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_E_AGAIN); // under way
    CHECK_EQ(run_ms(1000), EVSE_CAN_BUS_OFF);
    world.adapter.is_stubborn = false;
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_E_AGAIN); // nothing to recover
    CHECK_EQ(world.adapter.opens, 1);
}

static void slcan_silent_adapter_is_off_and_counted(void)
{
    begin_with((evse_slcan_config_t){0});
    world.adapter.is_silent = true;
    CHECK_EQ(run_ms(1000), EVSE_CAN_BUS_OFF);
    CHECK_EQ(world.slcan.stats.timeouts, 1);
    CHECK(!world.slcan.inbox.stats.initialized);
}

static void slcan_mute_adapter_works_unanswered(void)
{
    evse_can_frame_t frame;
    begin_with((evse_slcan_config_t){.mute = true});
    world.adapter.is_silent = true;
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(send_id(5), HF_OK);
    CHECK_EQ(world.adapter.sent_count, 1);
    adapter_bus_frame(&world.adapter, 6, true, 1, 1);
    CHECK_EQ(run_ms(2000), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 1);
    CHECK_EQ(world.adapter.asked, 0);
}

static void slcan_flags_tell_passive_and_overruns(void)
{
    begin();
    world.adapter.flags = EVSE_SLCAN_ARBITRATION; // happens on every bus
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_ACTIVE);
    world.adapter.flags = EVSE_SLCAN_PASSIVE;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_PASSIVE);
    world.adapter.flags = EVSE_SLCAN_WARNING;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_PASSIVE);
    world.adapter.flags = EVSE_SLCAN_BUS_ERROR;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_PASSIVE);
    CHECK(world.slcan.stats.bus_errors >= 1);
    world.adapter.flags = 0;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_ACTIVE);
    CHECK_EQ(evse_can_inbox_overruns(&world.slcan.inbox), 0);
    world.adapter.flags = EVSE_SLCAN_OVERRUN;
    unsigned asked = world.adapter.asked;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 50), EVSE_CAN_ACTIVE);
    CHECK(world.adapter.asked > asked);
    CHECK_EQ(evse_can_inbox_overruns(&world.slcan.inbox), world.adapter.asked - asked);
}

// Some adapters tell unasked.
static void slcan_state_lines_tell_bus_off_and_back(void)
{
    begin();
    adapter_say(&world.adapter, "sp128000\r", 9);
    CHECK_EQ(tick(), EVSE_CAN_PASSIVE);
    adapter_say(&world.adapter, "sb255000\r", 9);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(send_id(1), HF_E_STATE);
    CHECK_EQ(world.slcan.inbox.stats.bus_offs, 1);
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK); // shut and opened resets it
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.opens, 2);
}

static void slcan_alone_on_the_bus_is_off_until_a_frame_is_taken(void)
{
    begin();
    world.adapter.tx_full = true;
    unsigned ticks = 0;
    while (tick() != EVSE_CAN_BUS_OFF && ticks < 1000) {
        (void)!send_id(ticks++);
    }
    uint64_t took_us = ticks * TICK_US;
    CHECK(took_us >= EVSE_US(EVSE_CAN_NO_ACK_MS) &&
          took_us <= EVSE_US(EVSE_CAN_NO_ACK_MS) + 3u * TICK_US);
    for (int i = 0; i < 200; i++) { // stays off although F is answered in good order
        CHECK_EQ(send_id(1), HF_E_STATE);
        CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    }
    world.adapter.tx_full = false;
    CHECK_EQ(send_id(0xAA), HF_E_STATE); // tried, and taken
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(send_id(0xBB), HF_OK);
}

static void slcan_full_transmit_queue_told_by_flags_is_off(void)
{
    begin();
    world.adapter.answers_frames_short = true;
    world.adapter.is_silent = false;
    world.adapter.flags = EVSE_SLCAN_TX_FULL;
    CHECK_EQ(run_ms(4 * EVSE_SLCAN_FLAGS_PERIOD_MS), EVSE_CAN_BUS_OFF);
}

static void slcan_adapter_that_forgot_its_channel_is_noticed(void)
{
    begin();
    world.adapter.is_open = false; // its supply dipped
    world.adapter.rate = 0;
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 2 * EVSE_SLCAN_ANSWER_MS + 50), EVSE_CAN_BUS_OFF);
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.rate, '5');
}

static void slcan_answer_lost_to_noise_is_asked_for_again(void)
{
    begin();
    world.adapter.is_silent = true;
    for (unsigned asked = world.adapter.asked, i = 0; world.adapter.asked == asked && i < 100;
         i++) {
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
    }
    world.adapter.is_silent = false;
    CHECK_EQ(run_ms(1000), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.slcan.stats.timeouts, 1);
    world.adapter.is_silent = true; // but for the frames of the bus
    for (int i = 0; i < 200; i++) {
        adapter_bus_frame(&world.adapter, 1, true, 8, 1);
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
    }
    CHECK_EQ(run_ms(3 * EVSE_SLCAN_ANSWER_MS), EVSE_CAN_BUS_OFF);
}

static void slcan_noise_between_lines_loses_no_frame(void)
{
    static const char *const noise[] = {
        "\xFF\xFE",      "garbage", "T12", "\x01",
        "T1806E5F48034", "\n\n",    "F",   "0000000000000000000000000000000000000000000000000"};
    evse_can_frame_t frame;
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        const char *text = noise[i % HF_COUNT_OF(noise)];
        adapter_say(&world.adapter, text, strlen(text));
        adapter_say(&world.adapter, "\r", 1);
        adapter_bus_frame(&world.adapter, i, true, 8, i);
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
        CHECK_EQ(ops->receive(&world.slcan, &frame), 1);
        CHECK_EQ(frame.id, i);
        CHECK_EQ(frame.data[3], i & 0xFFu);
        CHECK_EQ(ops->receive(&world.slcan, &frame), 0);
    }
    CHECK(world.slcan.parser.refused >= 875); // all but the line feeds, which are a blank line
    CHECK_EQ(world.slcan.stats.timeouts, 0);
}

// Bytes lost or changed within lines: nothing comes out that nobody sent, but for a digit that became another.
static void slcan_lost_bytes_never_make_another_frame(void)
{
    uint32_t seed = 7, got = 0;
    evse_can_frame_t frame;
    begin();
    for (unsigned i = 0; i < 3000; i++) {
        char line[64];
        slcan_adapter_t other = {.is_open = true};
        adapter_bus_frame(&other, 0x1806E5F4, true, 8, 0x5A);
        size_t length = adapter_speak(&other, line, sizeof line);
        seed = seed * 1664525u + 1013904223u;
        size_t at = (seed >> 8) % length;
        if ((seed & 0x80000000u) != 0) {
            memmove(line + at, line + at + 1, length - at - 1);
            length--;
        } else if ((seed & 0x40000000u) != 0) {
            line[at] = (char)(0x80 | line[at]);
        }
        adapter_say(&world.adapter, line, length);
        REQUIRE(tick() == EVSE_CAN_ACTIVE);
        while (ops->receive(&world.slcan, &frame) == 1) {
            CHECK(frame.id == 0x1806E5F4 && frame.length == 8 && frame.data[0] == 0x5A);
            got++;
        }
    }
    CHECK(got > 500 && got < 1500);
    CHECK(world.slcan.inbox.stats.error_count > 1000);
}

static void slcan_unplugged_in_mid_frame_and_back(void)
{
    evse_can_frame_t frame;
    begin();
    adapter_bus_frame(&world.adapter, 1, true, 8, 1);
    adapter_say(&world.adapter, "T0000000280102", 14);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    world.is_there = false;
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(world.slcan.stats.unplugs, 1);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 1); // it came before
    CHECK_EQ(ops->receive(&world.slcan, &frame), HF_E_STATE);
    CHECK_EQ(send_id(1), HF_E_STATE);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
        CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    }
    world.adapter = (slcan_adapter_t){0}; // powered anew
    world.is_there = true;
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.slcan.inbox.stats.bus_offs, 1);
    adapter_say(&world.adapter, "030405060708\r", 13); // not the rest of that frame
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 0);
}

static void slcan_port_that_takes_nothing_never_blocks_nor_keeps_old_commands(void)
{
    begin();
    world.is_deaf = true;
    unsigned taken = 0;
    while (taken < 1000 && send_id(taken) == HF_OK) {
        taken++;
    }
    CHECK(taken >= EVSE_SLCAN_QUEUE_BYTES / 27 - 1 && taken <= EVSE_SLCAN_QUEUE_BYTES / 27);
    CHECK_EQ(send_id(1), HF_E_AGAIN);
    CHECK_EQ(run_ms(EVSE_SLCAN_FLAGS_PERIOD_MS + 2 * EVSE_SLCAN_ANSWER_MS + 50), EVSE_CAN_BUS_OFF);
    world.is_deaf = false;
    unsigned sent = world.adapter.sent_count;
    CHECK_EQ(ops->recover(&world.slcan, world.now_us), HF_OK);
    CHECK_EQ(run_ms(200), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.sent_count, sent); // none of what waited
}

static void slcan_line_begun_is_completed_whatever_is_dropped(void)
{
    begin();
    world.write_most = 5;
    CHECK_EQ(send_id(0x11), HF_OK); // all of it, in pieces
    CHECK_EQ(world.adapter.sent_count, 1);
    CHECK_EQ(world.slcan.out_count, 0);
    world.write_most = 9;
    world.is_deaf_after = true; // it takes nine bytes of this one, then nothing
    CHECK_EQ(send_id(0x22), HF_OK);
    CHECK_EQ(send_id(0x33), HF_OK);
    world.is_deaf = false;
    world.is_deaf_after = false;
    world.write_most = 0;
    world.now_us += EVSE_US(EVSE_CAN_STALL_MS) + TICK_US;
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(world.adapter.sent_count, 2);
    CHECK_EQ(world.adapter.bad_lines, 0);
    CHECK_EQ(world.slcan.stats.stalls, 1);
}

static void slcan_after_a_stall_nothing_of_before_is_delivered_or_sent(void)
{
    evse_can_frame_t frame;
    begin();
    adapter_bus_frame(&world.adapter, 1, true, 8, 1);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE); // 1 is in the inbox
    for (unsigned i = 0; i < 300; i++) {
        adapter_bus_frame(&world.adapter, 2, true, 8, 1);
    }
    world.is_deaf = true;
    CHECK_EQ(send_id(0x33), HF_OK);
    world.is_deaf = false;
    world.now_us += EVSE_US(EVSE_CAN_STALL_MS) + TICK_US;
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 0);
    CHECK_EQ(world.slcan.inbox.stats.stale + world.slcan.inbox.stats.overruns, 301);
    CHECK_EQ(world.adapter.sent_count, 0);
    CHECK_EQ(run_ms(1000), EVSE_CAN_ACTIVE); // and the channel is still believed
}

static void slcan_flood_keeps_the_newest(void)
{
    evse_can_frame_t frame = {0};
    uint32_t got = 0;
    begin();
    for (unsigned i = 1; i <= 400; i++) {
        adapter_bus_frame(&world.adapter, i, true, 8, i);
    }
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    while (ops->receive(&world.slcan, &frame) == 1) {
        got++;
    }
    CHECK_EQ(got, CONFIG_EVSE_CAN_RING_FRAMES);
    CHECK_EQ(frame.id, 400);
    CHECK_EQ(world.slcan.inbox.stats.overruns, 400 - CONFIG_EVSE_CAN_RING_FRAMES);
}

static void slcan_endless_stream_ends_the_poll(void)
{
    begin();
    for (unsigned i = 0; i < 2000; i++) {
        adapter_bus_frame(&world.adapter, i, true, 8, i);
    }
    unsigned waiting = world.adapter.out_length;
    (void)tick();
    CHECK(world.adapter.out_length > 0);
    CHECK(waiting - world.adapter.out_length <= EVSE_SLCAN_READ_BYTES + 256u);
}

static void slcan_remote_frames_are_refused_and_counted(void)
{
    evse_can_frame_t frame;
    begin();
    adapter_say(&world.adapter, "r1238\rR000000010\r", 17);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&world.slcan, &frame), 0);
    CHECK_EQ(world.slcan.stats.remotes, 2);
    CHECK_EQ(world.slcan.inbox.stats.error_count, 2);
    CHECK_EQ(world.slcan.inbox.stats.total_rx, 0);
}

HF_TEST_MAIN(HF_TEST(slcan_open_says_close_bitrate_open_in_this_order),
             HF_TEST(slcan_open_uses_the_bitrate_it_was_told),
             HF_TEST(slcan_adapter_left_open_with_a_half_command_is_taken_over),
             HF_TEST(slcan_frames_cross_both_ways), HF_TEST(slcan_frame_that_is_none_is_not_sent),
             HF_TEST(slcan_adapter_that_refuses_is_off_until_it_does_not),
             HF_TEST(slcan_silent_adapter_is_off_and_counted),
             HF_TEST(slcan_mute_adapter_works_unanswered),
             HF_TEST(slcan_flags_tell_passive_and_overruns),
             HF_TEST(slcan_state_lines_tell_bus_off_and_back),
             HF_TEST(slcan_alone_on_the_bus_is_off_until_a_frame_is_taken),
             HF_TEST(slcan_full_transmit_queue_told_by_flags_is_off),
             HF_TEST(slcan_adapter_that_forgot_its_channel_is_noticed),
             HF_TEST(slcan_answer_lost_to_noise_is_asked_for_again),
             HF_TEST(slcan_noise_between_lines_loses_no_frame),
             HF_TEST(slcan_lost_bytes_never_make_another_frame),
             HF_TEST(slcan_unplugged_in_mid_frame_and_back),
             HF_TEST(slcan_port_that_takes_nothing_never_blocks_nor_keeps_old_commands),
             HF_TEST(slcan_line_begun_is_completed_whatever_is_dropped),
             HF_TEST(slcan_after_a_stall_nothing_of_before_is_delivered_or_sent),
             HF_TEST(slcan_flood_keeps_the_newest), HF_TEST(slcan_endless_stream_ends_the_poll),
             HF_TEST(slcan_remote_frames_are_refused_and_counted))
