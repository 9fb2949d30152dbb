// SPDX-License-Identifier: MIT
// What of the SocketCAN driver needs no CAN: frames and error frames through a socket pair, control messages by hand, the
// request for a restart to the byte. The rest (interface, filters, vcan, real controllers) is tests/can, in a kernel of
// its own.
#include "evse/evse_timing.h"
#include "evse_can_netlink.h"
#include "evse_can_socketcan.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/netlink.h>
#include <linux/rtnetlink.h>
#include <time.h>
#include <unistd.h>

#define TICK_US  (10u * HF_US_PER_MS)
#define START_US (500u * HF_US_PER_S)
#define UTC_US   (1800000000u * (uint64_t)HF_US_PER_S)

static const evse_can_ops_t *const ops = &evse_can_socketcan_ops;
static evse_can_socketcan_t bus;
static int peer;
static uint64_t now_us;

static bool begin(void)
{
    int pair[2];
    now_us = START_US;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0 ||
        evse_can_socketcan_open(&bus, "nothing9") != HF_OK) {
        return false;
    }
    evse_can_socketcan_adopt(&bus, pair[0]);
    peer = pair[1];
    return ops->poll(&bus, now_us) == EVSE_CAN_ACTIVE;
}

static void end(void)
{
    evse_can_socketcan_close(&bus);
    if (peer >= 0) {
        (void)close(peer);
    }
}

static evse_can_state_t tick(void)
{
    now_us += TICK_US;
    return ops->poll(&bus, now_us);
}

static bool put(const struct can_frame *frame)
{
    return send(peer, frame, sizeof *frame, MSG_NOSIGNAL) == (ssize_t)sizeof *frame;
}

static evse_can_state_t tick_with_error(canid_t class, uint8_t controller)
{
    const struct can_frame frame = {
        .can_id = CAN_ERR_FLAG | class, .can_dlc = CAN_ERR_DLC, .data = {0, controller}};
    CHECK(put(&frame));
    return tick();
}

static void socketcan_frames_cross_both_ways(void)
{
    const struct can_frame raw = {
        .can_id = 0x1806E5F4 | CAN_EFF_FLAG, .can_dlc = 8, .data = {3, 0x48, 1, 0x2C, 0, 0, 0, 9}};
    const struct can_frame small = {.can_id = 0x7FF, .can_dlc = 2, .data = {1, 2, 3, 4}};
    evse_can_frame_t frame = {.id = 0x068181FE, .length = 3, .extended = true, .data = {7, 8, 9}};
    struct can_frame got;
    REQUIRE(begin());
    CHECK(put(&raw) && put(&small));
    CHECK_EQ(ops->send(&bus, &frame), HF_OK);
    CHECK_EQ(recv(peer, &got, sizeof got, 0), CAN_MTU);
    CHECK_EQ(got.can_id, 0x068181FE | CAN_EFF_FLAG);
    CHECK(got.can_dlc == 3 && got.data[2] == 9);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&bus, &frame), 1);
    CHECK(frame.id == 0x1806E5F4 && frame.extended && frame.length == 8 && frame.data[7] == 9);
    CHECK_EQ(ops->receive(&bus, &frame), 1);
    CHECK(frame.id == 0x7FF && !frame.extended && frame.length == 2 && frame.data[2] == 0);
    CHECK_EQ(ops->receive(&bus, &frame), 0);
    CHECK_EQ(bus.inbox.stats.total_rx, 2);
    CHECK_EQ(bus.inbox.stats.total_tx, 1);
    frame = (evse_can_frame_t){.id = 0x800};
    CHECK_EQ(ops->send(&bus, &frame), HF_E_RANGE);
    end();
}

static void socketcan_what_is_no_data_frame_is_refused_and_counted(void)
{
    const struct can_frame remote = {.can_id = 0x123 | CAN_RTR_FLAG};
    struct can_frame long_one = {.can_id = 0x123, .can_dlc = 9};
    const struct can_frame odd = {.can_id = 0x800, .can_dlc = 1};
    const struct canfd_frame fd = {.can_id = 0x123, .len = 8};
    evse_can_frame_t frame;
    REQUIRE(begin());
    CHECK(put(&remote) && put(&long_one) && put(&odd));
    CHECK_EQ(send(peer, &fd, CANFD_MTU, 0), CANFD_MTU);
    CHECK_EQ(send(peer, &remote, 5, 0), 5);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->receive(&bus, &frame), 0);
    CHECK_EQ(bus.stats.refused, 5);
    CHECK_EQ(bus.inbox.stats.error_count, 5);
    CHECK_EQ(bus.inbox.stats.total_rx, 0);
    end();
}

static void socketcan_bus_off_and_restarted_frames_are_the_state(void)
{
    evse_can_frame_t frame = {.id = 1};
    REQUIRE(begin());
    CHECK_EQ(tick_with_error(CAN_ERR_BUSOFF, 0), EVSE_CAN_BUS_OFF);
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->receive(&bus, &frame), HF_E_STATE);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(tick_with_error(CAN_ERR_RESTARTED, 0), EVSE_CAN_ACTIVE);
    CHECK_EQ(ops->send(&bus, &frame), HF_OK);
    CHECK_EQ(tick_with_error(CAN_ERR_RESTARTED | CAN_ERR_BUSOFF, 0), EVSE_CAN_BUS_OFF);
    CHECK_EQ(bus.inbox.stats.bus_offs, 2);
    CHECK_EQ(bus.stats.restarts, 2);
    end();
}

static void socketcan_controller_frames_tell_passive_and_active(void)
{
    static const uint8_t worse[] = {CAN_ERR_CRTL_RX_WARNING, CAN_ERR_CRTL_TX_WARNING,
                                    CAN_ERR_CRTL_RX_PASSIVE, CAN_ERR_CRTL_TX_PASSIVE};
    REQUIRE(begin());
    for (unsigned i = 0; i < HF_COUNT_OF(worse); i++) {
        CHECK_EQ(tick_with_error(CAN_ERR_CRTL, worse[i]), EVSE_CAN_PASSIVE);
        CHECK_EQ(tick(), EVSE_CAN_PASSIVE);
        CHECK_EQ(tick_with_error(CAN_ERR_CRTL, CAN_ERR_CRTL_ACTIVE), EVSE_CAN_ACTIVE);
    }
    CHECK_EQ(tick_with_error(CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE), EVSE_CAN_PASSIVE);
    CHECK_EQ(tick_with_error(CAN_ERR_RESTARTED, 0), EVSE_CAN_ACTIVE);
    end();
}

static void socketcan_errors_are_counted_by_class(void)
{
    REQUIRE(begin());
    CHECK_EQ(tick_with_error(CAN_ERR_LOSTARB, 0), EVSE_CAN_ACTIVE);
    CHECK_EQ(tick_with_error(CAN_ERR_PROT | CAN_ERR_BUSERROR, 0), EVSE_CAN_ACTIVE);
    CHECK_EQ(tick_with_error(CAN_ERR_ACK, 0), EVSE_CAN_ACTIVE);
    CHECK_EQ(tick_with_error(CAN_ERR_TRX, 0), EVSE_CAN_ACTIVE);
    CHECK_EQ(tick_with_error(CAN_ERR_CRTL, CAN_ERR_CRTL_RX_OVERFLOW), EVSE_CAN_ACTIVE);
    CHECK_EQ(bus.stats.lost_arbitration, 1);
    CHECK_EQ(bus.stats.protocol, 1);
    CHECK_EQ(bus.stats.unacknowledged, 1);
    CHECK_EQ(bus.stats.transceiver, 1);
    CHECK_EQ(bus.stats.error_frames, 5);
    CHECK_EQ(bus.inbox.stats.error_count, 5);
    CHECK_EQ(evse_can_inbox_overruns(&bus.inbox), 1);
    end();
}

static void socketcan_storm_of_error_frames_ends_the_poll(void)
{
    const struct can_frame error = {.can_id = CAN_ERR_FLAG | CAN_ERR_PROT, .can_dlc = CAN_ERR_DLC};
    const struct can_frame data = {.can_id = 5};
    evse_can_frame_t frame;
    uint32_t sent = 0;
    REQUIRE(begin());
    while (put(&error)) {
        sent++;
    }
    CHECK(sent > 64); // more than one batch
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(bus.stats.error_frames, sent);
    CHECK(put(&data));
    (void)tick();
    CHECK_EQ(ops->receive(&bus, &frame), 1);
    end();
}

static void socketcan_flood_keeps_the_newest(void)
{
    evse_can_frame_t frame = {0};
    uint32_t got = 0;
    REQUIRE(begin());
    for (uint32_t sent = 0; sent < 400;) {
        for (int i = 0; i < 100; i++, sent++) {
            const struct can_frame data = {.can_id = sent | CAN_EFF_FLAG};
            REQUIRE(put(&data));
        }
        (void)tick();
    }
    while (ops->receive(&bus, &frame) == 1) {
        got++;
    }
    CHECK_EQ(got, CONFIG_EVSE_CAN_RING_FRAMES);
    CHECK_EQ(frame.id, 399);
    CHECK_EQ(bus.inbox.stats.overruns, 400 - CONFIG_EVSE_CAN_RING_FRAMES);
    end();
}

static void socketcan_full_queue_is_later_then_off_until_a_frame_is_taken(void)
{
    const evse_can_frame_t frame = {.id = 1};
    struct can_frame got;
    REQUIRE(begin());
    while (ops->send(&bus, &frame) == HF_OK) {
    }
    CHECK_EQ(ops->send(&bus, &frame), HF_E_AGAIN);
    unsigned ticks = 1;
    while (tick() != EVSE_CAN_BUS_OFF && ticks < 1000) {
        CHECK_EQ(ops->send(&bus, &frame), HF_E_AGAIN);
        ticks++;
    }
    CHECK(ticks * TICK_US >= EVSE_US(EVSE_CAN_NO_ACK_MS));
    CHECK(ticks * TICK_US <= EVSE_US(EVSE_CAN_NO_ACK_MS) + 3u * TICK_US);
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->recover(&bus, now_us), HF_E_AGAIN); // a second queue would be of no use
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    while (recv(peer, &got, sizeof got, 0) == CAN_MTU) { // somebody acknowledges
    }
    CHECK_EQ(ops->send(&bus, &frame), HF_OK);
    CHECK_EQ(tick(), EVSE_CAN_ACTIVE);
    CHECK_EQ(bus.inbox.stats.bus_offs, 1);
    end();
}

static void socketcan_interface_that_goes_is_a_bus_that_is_off(void)
{
    evse_can_frame_t frame = {.id = 1};
    const struct can_frame data = {.can_id = 5};
    REQUIRE(begin());
    CHECK(put(&data));
    (void)close(peer);
    peer = -1;
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    CHECK_EQ(bus.fd, -1);
    CHECK_EQ(ops->receive(&bus, &frame), 1); // it came before
    CHECK_EQ(ops->receive(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    CHECK_EQ(ops->recover(&bus, now_us), HF_OK); // there is no such interface
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    REQUIRE(begin()); // and by sending alone
    (void)close(peer);
    peer = -1;
    CHECK_EQ(ops->send(&bus, &frame), HF_E_STATE);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF);
    end();
}

static void socketcan_after_a_stall_nothing_of_before_is_delivered(void)
{
    const struct can_frame data = {.can_id = 5};
    evse_can_frame_t frame;
    REQUIRE(begin());
    CHECK(put(&data));
    (void)tick(); // one in the inbox
    CHECK(put(&data) && put(&data));
    const struct can_frame off = {.can_id = CAN_ERR_FLAG | CAN_ERR_BUSOFF, .can_dlc = CAN_ERR_DLC};
    CHECK(put(&off));
    now_us += EVSE_US(EVSE_CAN_STALL_MS);
    CHECK_EQ(tick(), EVSE_CAN_BUS_OFF); // an error of before is still one
    CHECK_EQ(ops->receive(&bus, &frame), HF_E_STATE);
    CHECK_EQ(bus.inbox.stats.stale, 3);
    CHECK_EQ(bus.stats.stalls, 1);
    end();
}

// One message with its control messages, read in a poll whose wall clock showed `utc_us`.
typedef struct message {
    struct can_frame frame;
    struct iovec part;
    _Alignas(struct cmsghdr) uint8_t control[128];
    struct msghdr head;
} message_t;

static void build(message_t *message, uint64_t stamp_us, uint32_t dropped)
{
    struct timespec utc = {.tv_sec = (time_t)(stamp_us / HF_US_PER_S),
                           .tv_nsec = (long)(stamp_us % HF_US_PER_S) * 1000L + 999};
    memset(message, 0, sizeof *message);
    message->frame = (struct can_frame){.can_id = 1, .can_dlc = 8};
    message->part = (struct iovec){.iov_base = &message->frame, .iov_len = sizeof message->frame};
    message->head =
        (struct msghdr){.msg_iov = &message->part,
                        .msg_iovlen = 1,
                        .msg_control = message->control,
                        .msg_controllen = CMSG_SPACE(sizeof utc) + CMSG_SPACE(sizeof dropped)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message->head);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof utc), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_TIMESTAMPNS};
    memcpy(CMSG_DATA(c), &utc, sizeof utc);
    c = CMSG_NXTHDR(&message->head, c);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof dropped), .cmsg_level = SOL_SOCKET, .cmsg_type = SO_RXQ_OVFL};
    memcpy(CMSG_DATA(c), &dropped, sizeof dropped);
}

static uint64_t arrival_us(uint64_t stamp_us, uint32_t dropped)
{
    message_t message;
    evse_can_frame_t frame;
    build(&message, stamp_us, dropped);
    evse_can_socketcan_take(&bus, &message.head, CAN_MTU, now_us);
    return evse_can_inbox_get(&bus.inbox, &frame) == 1 ? evse_can_frame_time_us(&frame, now_us) : 0;
}

static void socketcan_time_of_arrival_is_the_kernels_within_bounds(void)
{
    REQUIRE(begin());  // the queue was seen empty now ...
    now_us += TICK_US; // ... and is read 10 ms later
    bus.utc_us = UTC_US;
    CHECK_EQ(arrival_us(UTC_US - 3000u, 0), now_us - 3000u);
    CHECK_EQ(arrival_us(UTC_US, 0), now_us);
    CHECK_EQ(arrival_us(UTC_US - TICK_US, 0), START_US);
    CHECK_EQ(arrival_us(UTC_US - TICK_US - 1u, 0), START_US);        // older than can be
    CHECK_EQ(arrival_us(UTC_US - 3600u * HF_US_PER_S, 0), START_US); // the clock was set forth
    CHECK_EQ(arrival_us(UTC_US + 1u, 0), START_US);                  // ... or back
    CHECK_EQ(arrival_us(UTC_US + 3600u * HF_US_PER_S, 0), START_US);
    CHECK_EQ(arrival_us(0, 0), START_US);
    end();
}

static void socketcan_dropped_by_the_kernel_are_overruns_once(void)
{
    REQUIRE(begin());
    (void)arrival_us(UTC_US, 0);
    CHECK_EQ(bus.inbox.stats.overruns, 0);
    (void)arrival_us(UTC_US, 7);
    (void)arrival_us(UTC_US, 7);
    (void)arrival_us(UTC_US, 9);
    CHECK_EQ(bus.inbox.stats.overruns, 9);
    CHECK_EQ(bus.stats.kernel_overruns, 9);
    end();
}

static void socketcan_wrong_names_and_filters_are_refused(void)
{
    evse_can_filter_t filters[EVSE_CAN_FILTERS_MAX + 1] = {{0}};
    CHECK_EQ(evse_can_socketcan_open(&bus, ""), HF_E_TOO_LONG);
    CHECK_EQ(evse_can_socketcan_open(&bus, "an-interface-name"), HF_E_TOO_LONG);
    CHECK_EQ(evse_can_socketcan_open(&bus, "can0"), HF_OK);
    CHECK_EQ(evse_can_socketcan_filter(&bus, filters, EVSE_CAN_FILTERS_MAX), HF_OK);
    CHECK_EQ(evse_can_socketcan_filter(&bus, filters, EVSE_CAN_FILTERS_MAX + 1), HF_E_FULL);
}

// Compared with what the kernel's own macros make of the layout: link, linkinfo { kind, data { restart } }.
static void netlink_restart_request_is_well_formed(void)
{
    _Alignas(4) uint8_t bytes[EVSE_CAN_NETLINK_BYTES];
    size_t length = evse_can_netlink_restart_request(7, bytes);
    struct nlmsghdr *head = (struct nlmsghdr *)(void *)bytes;
    CHECK_EQ(length, NLMSG_LENGTH(sizeof(struct ifinfomsg)) + RTA_SPACE(0) + RTA_SPACE(4) +
                         RTA_SPACE(0) + RTA_SPACE(4));
    REQUIRE(NLMSG_OK(head, length));
    CHECK_EQ(head->nlmsg_type, RTM_NEWLINK);
    CHECK_EQ(head->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
    const struct ifinfomsg *link = NLMSG_DATA(head);
    CHECK_EQ(link->ifi_index, 7);
    struct rtattr *info = IFLA_RTA(link);
    int left = (int)IFLA_PAYLOAD(head);
    REQUIRE(RTA_OK(info, left));
    CHECK_EQ(info->rta_type, IFLA_LINKINFO);
    CHECK_EQ(info->rta_len, left);
    struct rtattr *kind = RTA_DATA(info);
    int inner = (int)RTA_PAYLOAD(info);
    REQUIRE(RTA_OK(kind, inner));
    CHECK_EQ(kind->rta_type, IFLA_INFO_KIND);
    CHECK_STR((const char *)RTA_DATA(kind), "can");
    inner -= (int)RTA_ALIGN(kind->rta_len); // RTA_NEXT() mixes signs
    struct rtattr *data = (struct rtattr *)(void *)((uint8_t *)kind + RTA_ALIGN(kind->rta_len));
    REQUIRE(RTA_OK(data, inner));
    CHECK_EQ(data->rta_type, IFLA_INFO_DATA);
    struct rtattr *restart = RTA_DATA(data);
    int last = (int)RTA_PAYLOAD(data);
    REQUIRE(RTA_OK(restart, last));
    CHECK_EQ(restart->rta_type, IFLA_CAN_RESTART);
    CHECK_EQ(*(const uint32_t *)RTA_DATA(restart), 1);
}

static void netlink_restart_of_what_is_no_controller_is_an_error(void)
{
    int status = evse_can_netlink_restart(0x7FFFFFF0); // no such interface
    CHECK(status == HF_E_STATE || status == HF_E_REFUSED || status == HF_E_IO);
}

HF_TEST_MAIN(HF_TEST(socketcan_frames_cross_both_ways),
             HF_TEST(socketcan_what_is_no_data_frame_is_refused_and_counted),
             HF_TEST(socketcan_bus_off_and_restarted_frames_are_the_state),
             HF_TEST(socketcan_controller_frames_tell_passive_and_active),
             HF_TEST(socketcan_errors_are_counted_by_class),
             HF_TEST(socketcan_storm_of_error_frames_ends_the_poll),
             HF_TEST(socketcan_flood_keeps_the_newest),
             HF_TEST(socketcan_full_queue_is_later_then_off_until_a_frame_is_taken),
             HF_TEST(socketcan_interface_that_goes_is_a_bus_that_is_off),
             HF_TEST(socketcan_after_a_stall_nothing_of_before_is_delivered),
             HF_TEST(socketcan_time_of_arrival_is_the_kernels_within_bounds),
             HF_TEST(socketcan_dropped_by_the_kernel_are_overruns_once),
             HF_TEST(socketcan_wrong_names_and_filters_are_refused),
             HF_TEST(netlink_restart_request_is_well_formed),
             HF_TEST(netlink_restart_of_what_is_no_controller_is_an_error))
