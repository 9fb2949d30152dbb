// SPDX-License-Identifier: MIT
// The network as Linux tells it: answers made by hand, and the kernel's own. What is malformed changes nothing.
#include "hf_net_linux.h"
#include "hf_test.h"

#include "holdfast/hf_clock.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static hf_net_linux_t net;

typedef struct datagram {
    _Alignas(4) unsigned char bytes[1024];
    size_t length;
} datagram_t;

static void put(datagram_t *d, const void *data, size_t length)
{
    memcpy(d->bytes + d->length, data, length);
    d->length += NLMSG_ALIGN(length);
}

static void put_attribute(datagram_t *d, unsigned short type, const void *data, size_t length)
{
    const struct rtattr head = {.rta_len = (unsigned short)RTA_LENGTH(length), .rta_type = type};
    put(d, &head, sizeof head);
    put(d, data, length);
}

static struct nlmsghdr *begin(datagram_t *d, unsigned short type)
{
    const struct nlmsghdr head = {.nlmsg_type = type, .nlmsg_seq = net.sequence};
    memset(d, 0, sizeof *d);
    put(d, &head, sizeof head);
    return (struct nlmsghdr *)d->bytes;
}

static void end(datagram_t *d)
{
    ((struct nlmsghdr *)d->bytes)->nlmsg_len = (unsigned)d->length;
    hf_net_linux_take(&net, d->bytes, d->length);
}

static void tell_link(int index, const char *name, unsigned flags)
{
    datagram_t d;
    (void)begin(&d, RTM_NEWLINK);
    const struct ifinfomsg info = {.ifi_index = index, .ifi_flags = flags};
    put(&d, &info, sizeof info);
    put_attribute(&d, IFLA_IFNAME, name, strlen(name) + 1);
    end(&d);
}

static void tell_address(unsigned index, unsigned char scope, unsigned char flags)
{
    datagram_t d;
    (void)begin(&d, RTM_NEWADDR);
    const struct ifaddrmsg info = {
        .ifa_family = AF_INET, .ifa_index = index, .ifa_scope = scope, .ifa_flags = flags};
    put(&d, &info, sizeof info);
    end(&d);
}

static void tell_default_route(int index, uint32_t metric)
{
    datagram_t d;
    (void)begin(&d, RTM_NEWROUTE);
    const struct rtmsg info = {
        .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
    put(&d, &info, sizeof info);
    put_attribute(&d, RTA_OIF, &index, sizeof index);
    put_attribute(&d, RTA_PRIORITY, &metric, sizeof metric);
    end(&d);
}

// As if the first question had been asked; what the kernel itself would say is not read.
static void start(const char *interface)
{
    CHECK_EQ(hf_net_linux_open(&net, interface), 0);
    net.question = 1;
    net.sequence = 7;
    net.is_stale = false;
}

static void tell_done(void)
{
    datagram_t d;
    (void)begin(&d, NLMSG_DONE);
    end(&d);
}

#define RUNNING (IFF_UP | IFF_RUNNING)

static void tell_world(unsigned eth_flags, bool has_address, bool has_route)
{
    tell_link(1, "lo", RUNNING | IFF_LOOPBACK);
    tell_link(2, "eth9", eth_flags);
    tell_link(3, "usb9", RUNNING);
    tell_done();
    tell_address(1, RT_SCOPE_HOST, 0);
    tell_address(3, RT_SCOPE_LINK, 0); // 169.254
    if (has_address) {
        tell_address(2, RT_SCOPE_UNIVERSE, 0);
    }
    tell_done();
    if (has_route) {
        tell_default_route(2, 100);
    }
    tell_done();
    hf_net_linux_close(&net);
}

static void linux_net_goes_by_the_default_route(void)
{
    start(NULL);
    tell_world(RUNNING, true, true);
    CHECK_EQ(net.report.state, HF_NET_ONLINE);
    CHECK_STR(net.current, "eth9");
    CHECK_EQ(net.rounds, 1);
    start(NULL);
    tell_world(RUNNING, true, false); // an address is enough to try
    CHECK_EQ(net.report.state, HF_NET_ADDRESS);
    CHECK_STR(net.current, "eth9");
    start(NULL);
    tell_world(RUNNING, false, false);
    CHECK_EQ(net.report.state, HF_NET_LINK);
    start(NULL);
    tell_link(1, "lo", RUNNING | IFF_LOOPBACK);
    tell_link(2, "eth9", IFF_UP); // the plug is out
    tell_done();
    tell_done();
    tell_done();
    CHECK_EQ(net.report.state, HF_NET_DOWN);
    hf_net_linux_close(&net);
}

static void linux_net_goes_by_the_interface_named(void)
{
    start("usb9");
    tell_world(RUNNING, true, true);
    CHECK_EQ(net.report.state, HF_NET_LINK); // an address of the link alone is none
    CHECK_STR(net.current, "usb9");
    start("eth9");
    tell_world(IFF_UP, true, true);
    CHECK_EQ(net.report.state, HF_NET_DOWN);
    start("eth8");
    tell_world(RUNNING, true, true);
    CHECK_EQ(net.report.state, HF_NET_DOWN);
    CHECK_STR(net.current, "");
    CHECK_EQ(hf_net_linux_open(&net, "a-name-too-long-for-one"), HF_E_TOO_LONG);
}

static void linux_net_takes_the_route_with_the_least_metric(void)
{
    start(NULL);
    tell_link(2, "eth9", RUNNING);
    tell_link(3, "wlan9", RUNNING);
    tell_done();
    tell_address(2, RT_SCOPE_UNIVERSE, 0);
    tell_address(3, RT_SCOPE_UNIVERSE, 0);
    tell_done();
    tell_default_route(3, 600);
    tell_default_route(2, 100);
    tell_default_route(3, 700);
    tell_done();
    CHECK_STR(net.current, "eth9");
    hf_net_linux_close(&net);
}

static void linux_net_address_under_trial_does_not_count(void)
{
    start("eth9");
    tell_link(2, "eth9", RUNNING);
    tell_done();
    tell_address(2, RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE);
    tell_address(7, RT_SCOPE_UNIVERSE, 0); // of an interface nobody told of
    tell_done();
    tell_done();
    CHECK_EQ(net.report.state, HF_NET_LINK);
    hf_net_linux_close(&net);
}

static void linux_net_event_makes_the_round_stale(void)
{
    start("eth9");
    tell_world(RUNNING, true, true);
    CHECK(!net.is_stale);
    net.question = 0;
    tell_link(2, "eth9", IFF_UP); // nobody asked
    CHECK(net.is_stale);
    CHECK_EQ(net.report.state, HF_NET_ONLINE); // until the next whole round
}

static void linux_net_malformed_answers_change_nothing(void)
{
    static const size_t lengths[] = {1, 15, 16, 17, 20, 31, 33};
    start("eth9");
    datagram_t d;
    for (unsigned short type = RTM_NEWLINK; type <= RTM_NEWROUTE; type++) {
        for (size_t i = 0; i < HF_COUNT_OF(lengths); i++) {
            struct nlmsghdr *head = begin(&d, type);
            const struct ifinfomsg info = {.ifi_index = 2, .ifi_flags = RUNNING};
            put(&d, &info, sizeof info);
            const struct rtattr bad = {.rta_len = 400, .rta_type = IFLA_IFNAME};
            put(&d, &bad, sizeof bad);
            head->nlmsg_len = (unsigned)lengths[i];
            hf_net_linux_take(&net, d.bytes, lengths[i]);
            head->nlmsg_len = 4000; // says more than there is
            hf_net_linux_take(&net, d.bytes, d.length);
            head->nlmsg_len = (unsigned)d.length;
            hf_net_linux_take(&net, d.bytes, d.length);
        }
    }
    CHECK_EQ(net.table.links, 0);
    CHECK_EQ(net.table.route_index, 0);
    for (int i = 0; i < 100; i++) {
        tell_link(10 + i, "eth9", RUNNING); // more than there is room for
    }
    CHECK_EQ(net.table.links, HF_NET_LINUX_LINKS_MAX);
    tell_link(2, "an-interface-name-that-is-none", RUNNING);
    hf_net_linux_close(&net);
}

static void linux_net_kernel_answers_in_a_moment(void)
{
    hf_net_t keeper;
    const hf_net_config_t config = {.ops = &hf_net_linux_ops, .ctx = &net};
    CHECK_EQ(hf_net_linux_open(&net, "lo"), 0);
    CHECK_EQ(hf_net_init(&keeper, &config), 0);
    for (uint64_t now_us = HF_US_PER_S; net.rounds == 0 && now_us < 10 * HF_US_PER_S;
         now_us += 1000) {
        (void)hf_net_poll(&keeper, now_us);
        struct pollfd answer = {.fd = net.fd, .events = POLLIN};
        (void)poll(&answer, 1, 1000); // until the kernel has answered
    }
    CHECK_EQ(net.rounds, 1);
    CHECK_STR(net.current, "lo");
    CHECK(net.table.links >= 1);
    hf_net_linux_close(&net);
    hf_net_linux_close(&net);
}

HF_TEST_MAIN(HF_TEST(linux_net_goes_by_the_default_route),
             HF_TEST(linux_net_goes_by_the_interface_named),
             HF_TEST(linux_net_takes_the_route_with_the_least_metric),
             HF_TEST(linux_net_address_under_trial_does_not_count),
             HF_TEST(linux_net_event_makes_the_round_stale),
             HF_TEST(linux_net_malformed_answers_change_nothing),
             HF_TEST(linux_net_kernel_answers_in_a_moment))
