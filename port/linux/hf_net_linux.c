// SPDX-License-Identifier: MIT
// rtnetlink, read only. A round asks three questions, one after the other: links, addresses, routes; what the answers say
// is judged when the last has come. Any event makes the last round stale and begins another; so does an overrun of the
// socket, since an event may have been lost with it. Invariant: a report is always of one whole round.
#include "hf_net_linux.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_PER_POLL  8
#define ANSWER_LIMIT_US     (2u * HF_US_PER_S)
#define SIGNAL_EVERY_US     (5u * HF_US_PER_S)
#define WIRELESS_FILE       "/proc/net/wireless"
#define WIRELESS_FILE_BYTES 2048

enum { IDLE, LINKS, ADDRESSES, ROUTES };

int hf_net_linux_open(hf_net_linux_t *net, const char *interface)
{
    memset(net, 0, sizeof *net);
    net->fd = -1;
    const char *wanted = interface != NULL ? interface : "";
    if (hf_slice_copy((hf_slice_t){wanted, strlen(wanted)}, net->wanted, sizeof net->wanted) !=
        HF_OK) {
        return HF_E_TOO_LONG;
    }
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
                                                     RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                                     RTMGRP_IPV6_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) {
        return HF_E_IO;
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return HF_E_IO;
    }
    net->fd = fd;
    net->is_stale = true;
    return HF_OK;
}

void hf_net_linux_close(hf_net_linux_t *net)
{
    if (net->fd >= 0) {
        (void)close(net->fd);
        net->fd = -1;
    }
}

// ---- asking -------------------------------------------------------------------------------------

static void ask(hf_net_linux_t *net, uint8_t question)
{
    static const uint16_t types[] = {0, RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE};
    struct {
        struct nlmsghdr head;
        struct rtgenmsg family;
    } request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof request.family),
                          .nlmsg_type = types[question],
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                          .nlmsg_seq = ++net->sequence},
                 .family = {.rtgen_family = AF_UNSPEC}};
    net->question = question;
    if (send(net->fd, &request, request.head.nlmsg_len, MSG_DONTWAIT) < 0) {
        net->question = IDLE; // asked again in the next poll
        net->is_stale = true;
    }
}

static void begin_round(hf_net_linux_t *net, uint64_t now_us)
{
    memset(&net->table, 0, sizeof net->table);
    net->is_stale = false;
    net->asked_us = now_us;
    ask(net, LINKS);
}

// ---- reading ------------------------------------------------------------------------------------

static hf_net_linux_link_t *find_link(hf_net_linux_t *net, int index)
{
    for (unsigned i = 0; i < net->table.links; i++) {
        if (net->table.link[i].index == index) {
            return &net->table.link[i];
        }
    }
    return NULL;
}

/// The payload of the first attribute of a type that stands behind `skip` bytes of a message's own head; NULL none.
static const void *find_attribute(const struct nlmsghdr *head, size_t skip, unsigned short type,
                                  size_t *length)
{
    const unsigned char *bytes = (const unsigned char *)head;
    struct rtattr attribute;
    size_t at = NLMSG_ALIGN(NLMSG_LENGTH(skip));
    while (at + sizeof attribute <= head->nlmsg_len) {
        memcpy(&attribute, bytes + at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > head->nlmsg_len - at) {
            return NULL;
        }
        if ((attribute.rta_type & NLA_TYPE_MASK) == type) {
            *length = attribute.rta_len - RTA_LENGTH(0);
            return bytes + at + RTA_LENGTH(0);
        }
        at += RTA_ALIGN(attribute.rta_len);
    }
    return NULL;
}

static void take_link(hf_net_linux_t *net, const struct nlmsghdr *head)
{
    const struct ifinfomsg *info = NLMSG_DATA(head);
    size_t length = 0;
    if (head->nlmsg_len < NLMSG_LENGTH(sizeof *info) ||
        net->table.links == HF_NET_LINUX_LINKS_MAX) {
        return;
    }
    const char *name = find_attribute(head, sizeof *info, IFLA_IFNAME, &length);
    if (name == NULL) {
        return;
    }
    hf_net_linux_link_t *link = &net->table.link[net->table.links];
    *link = (hf_net_linux_link_t){.index = info->ifi_index,
                                  .is_loopback = (info->ifi_flags & IFF_LOOPBACK) != 0,
                                  .is_up = (info->ifi_flags & IFF_UP) != 0,
                                  .is_running = (info->ifi_flags & IFF_RUNNING) != 0};
    const char *end = memchr(name, '\0', length);
    hf_slice_t text = {.text = name, .length = end != NULL ? (size_t)(end - name) : length};
    if (hf_slice_copy(text, link->name, sizeof link->name) == HF_OK) {
        net->table.links++;
    }
}

// Those of a link alone (169.254, fe80) lead nowhere; one that is still being tried may not be used.
static void take_address(hf_net_linux_t *net, const struct nlmsghdr *head)
{
    const struct ifaddrmsg *info = NLMSG_DATA(head);
    if (head->nlmsg_len < NLMSG_LENGTH(sizeof *info)) {
        return;
    }
    hf_net_linux_link_t *link = find_link(net, (int)info->ifa_index);
    bool is_usable = info->ifa_scope < RT_SCOPE_LINK &&
                     (info->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;
    if (link != NULL && is_usable) {
        link->has_address = true;
    }
}

static void take_route(hf_net_linux_t *net, const struct nlmsghdr *head)
{
    const struct rtmsg *info = NLMSG_DATA(head);
    if (head->nlmsg_len < NLMSG_LENGTH(sizeof *info) || info->rtm_dst_len != 0 ||
        info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST) {
        return;
    }
    size_t length = 0;
    uint32_t metric = 0;
    int index = 0;
    const void *out = find_attribute(head, sizeof *info, RTA_OIF, &length);
    if (out == NULL || length != sizeof index) {
        return; // several ways at once: another default route, or the address, has to do
    }
    memcpy(&index, out, sizeof index);
    const void *priority = find_attribute(head, sizeof *info, RTA_PRIORITY, &length);
    if (priority != NULL && length == sizeof metric) {
        memcpy(&metric, priority, sizeof metric);
    }
    if (net->table.route_index == 0 || metric < net->table.route_metric) {
        net->table.route_index = index;
        net->table.route_metric = metric;
    }
}

// ---- judging ------------------------------------------------------------------------------------

static const hf_net_linux_link_t *find_named(const hf_net_linux_t *net)
{
    for (unsigned i = 0; i < net->table.links; i++) {
        if (strcmp(net->table.link[i].name, net->wanted) == 0) {
            return &net->table.link[i];
        }
    }
    return NULL;
}

/// Without a default route: an interface with an address, else one with a carrier, else one that is up.
static const hf_net_linux_link_t *find_best(const hf_net_linux_t *net)
{
    const hf_net_linux_link_t *best = NULL;
    int best_rank = 0;
    for (unsigned i = 0; i < net->table.links; i++) {
        const hf_net_linux_link_t *link = &net->table.link[i];
        int rank = link->is_loopback || !link->is_up ? 0
                   : !link->is_running               ? 1
                   : !link->has_address              ? 2
                                                     : 3;
        if (rank > best_rank) {
            best = link;
            best_rank = rank;
        }
    }
    return best;
}

static bool is_radio(const char *name)
{
    char path[64];
    hf_builder_t out;
    hf_builder_init(&out, path, sizeof path);
    hf_builder_format(&out, "/sys/class/net/%s/wireless", name);
    return access(path, F_OK) == 0;
}

static void judge(hf_net_linux_t *net)
{
    const hf_net_linux_link_t *link = net->wanted[0] != '\0' ? find_named(net) : NULL;
    if (net->wanted[0] == '\0') {
        link = find_link(net, net->table.route_index);
        link = link != NULL ? link : find_best(net);
    }
    net->rounds++;
    net->report.state = HF_NET_DOWN;
    net->current[0] = '\0';
    net->is_wireless = false;
    if (link == NULL) {
        return;
    }
    memcpy(net->current, link->name, sizeof net->current);
    net->is_wireless = is_radio(link->name);
    if (!link->is_up || !link->is_running) {
        net->report.state = link->is_up && net->is_wireless ? HF_NET_JOINING : HF_NET_DOWN;
    } else if (!link->has_address) {
        net->report.state = HF_NET_LINK;
    } else {
        net->report.state = net->table.route_index == link->index ? HF_NET_ONLINE : HF_NET_ADDRESS;
    }
}

static void take_message(hf_net_linux_t *net, const struct nlmsghdr *head)
{
    bool is_answer = net->question != IDLE && head->nlmsg_seq == net->sequence;
    if (!is_answer) {
        net->is_stale = true; // an event, of whatever kind
        return;
    }
    switch (head->nlmsg_type) {
    case RTM_NEWLINK:
        take_link(net, head);
        break;
    case RTM_NEWADDR:
        take_address(net, head);
        break;
    case RTM_NEWROUTE:
        take_route(net, head);
        break;
    case NLMSG_DONE:
        if (net->question == ROUTES) {
            net->question = IDLE;
            judge(net);
        } else {
            ask(net, (uint8_t)(net->question + 1u));
        }
        break;
    case NLMSG_ERROR: // busy, or forbidden: the next round
        net->question = IDLE;
        net->is_stale = true;
        break;
    default:
        break;
    }
    if ((head->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
        net->is_stale = true; // it changed while it was told
    }
}

void hf_net_linux_take(hf_net_linux_t *net, const void *datagram, size_t length)
{
    const unsigned char *bytes = datagram;
    for (size_t at = 0; at + sizeof(struct nlmsghdr) <= length;) {
        const struct nlmsghdr *head = (const struct nlmsghdr *)(const void *)(bytes + at);
        if (head->nlmsg_len < sizeof *head || head->nlmsg_len > length - at) {
            net->is_stale = true; // cut off, or no netlink: asked anew
            return;
        }
        take_message(net, head);
        at += NLMSG_ALIGN((size_t)head->nlmsg_len);
    }
}

// ---- signal -------------------------------------------------------------------------------------

/// The level of an interface in the text of /proc/net/wireless: "wlan0: 0000   54.  -56.  -256. ...".
static int find_level(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    size_t length = strlen(name);
    if (line == NULL || line[length] != ':' ||
        (line != text && line[-1] != ' ' && line[-1] != '\n')) {
        return 0;
    }
    const char *at = line + length + 1;
    for (int field = 0; field < 3; field++) { // status, link quality, level
        at += strspn(at, " ");
        if (field < 2) {
            at += strcspn(at, " \n");
        }
    }
    int64_t level = 0;
    size_t digits = strspn(at, "-0123456789");
    bool good = hf_slice_to_i64((hf_slice_t){.text = at, .length = digits}, &level) == HF_OK;
    return good && level > -127 && level < 0 ? (int)level : 0;
}

static void read_signal(hf_net_linux_t *net)
{
    char text[WIRELESS_FILE_BYTES];
    net->report.rssi_dBm = 0;
    int fd = net->is_wireless ? open(WIRELESS_FILE, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    ssize_t got = read(fd, text, sizeof text - 1u);
    (void)close(fd);
    text[got > 0 ? got : 0] = '\0';
    net->report.rssi_dBm = find_level(text, net->current);
}

// ---- the seam -----------------------------------------------------------------------------------

static void net_poll(void *ctx, uint64_t now_us, hf_net_report_t *report)
{
    hf_net_linux_t *net = ctx;
    for (int i = 0; i < DATAGRAMS_PER_POLL; i++) {
        ssize_t got = recv(net->fd, net->datagram, sizeof net->datagram, MSG_DONTWAIT | MSG_TRUNC);
        if (got < 0 && errno == ENOBUFS) {
            net->is_stale = true; // events were lost
            continue;
        }
        if (got <= 0) {
            break;
        }
        net->is_stale = net->is_stale || (size_t)got > sizeof net->datagram;
        hf_net_linux_take(net, net->datagram,
                          (size_t)got < sizeof net->datagram ? (size_t)got : sizeof net->datagram);
    }
    bool is_lost = net->question != IDLE && now_us - net->asked_us >= ANSWER_LIMIT_US;
    if (is_lost || (net->is_stale && net->question == IDLE)) {
        begin_round(net, now_us);
    }
    if (now_us >= net->next_signal_us) {
        net->next_signal_us = now_us + SIGNAL_EVERY_US;
        read_signal(net);
    }
    *report = net->report;
}

const hf_net_ops_t hf_net_linux_ops = {.poll = net_poll};
