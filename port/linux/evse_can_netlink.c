// SPDX-License-Identifier: MIT
// rtnetlink, as much of it as restarts a CAN controller. The kernel answers within the call that asks: nothing waits.
#include "evse_can_netlink.h"

#include <errno.h>
#include <linux/can/netlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIND "can"

static size_t put_attribute(uint8_t *bytes, size_t at, uint16_t type, const void *data,
                            size_t length)
{
    const struct rtattr head = {.rta_len = (unsigned short)RTA_LENGTH(length), .rta_type = type};
    memcpy(bytes + at, &head, sizeof head);
    if (length > 0) {
        memcpy(bytes + at + RTA_LENGTH(0), data, length);
    }
    return at + RTA_SPACE(length);
}

static void set_length(uint8_t *bytes, size_t from, size_t to)
{
    const unsigned short length = (unsigned short)(to - from);
    memcpy(bytes + from, &length, sizeof length); // rta_len is the first field
}

size_t evse_can_netlink_restart_request(int index, uint8_t bytes[EVSE_CAN_NETLINK_BYTES])
{
    const uint32_t yes = 1;
    struct nlmsghdr head = {.nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
    const struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    memset(bytes, 0, EVSE_CAN_NETLINK_BYTES);
    memcpy(bytes + NLMSG_HDRLEN, &link, sizeof link);
    size_t info = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof link);
    size_t at = put_attribute(bytes, info, IFLA_LINKINFO, NULL, 0);
    at = put_attribute(bytes, at, IFLA_INFO_KIND, KIND, sizeof KIND);
    size_t data = at;
    at = put_attribute(bytes, at, IFLA_INFO_DATA, NULL, 0);
    at = put_attribute(bytes, at, IFLA_CAN_RESTART, &yes, sizeof yes);
    set_length(bytes, data, at);
    set_length(bytes, info, at);
    head.nlmsg_len = (uint32_t)at;
    memcpy(bytes, &head, sizeof head);
    return at;
}

static int status_of(int error)
{
    switch (error) {
    case 0:
        return HF_OK;
    case -EPERM:
    case -EACCES:
        return HF_E_REFUSED;
    default: // EBUSY: not off; EINVAL: restart-ms; EOPNOTSUPP: no controller; ENODEV
        return HF_E_STATE;
    }
}

static int ask(int fd, const uint8_t *request, size_t length)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        uint8_t rest[256];
    } answer;
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(fd, request, length, MSG_DONTWAIT, (const struct sockaddr *)&kernel,
               sizeof kernel) != (ssize_t)length) {
        return HF_E_IO;
    }
    ssize_t got = recv(fd, &answer, sizeof answer, MSG_DONTWAIT);
    if (got < (ssize_t)(sizeof answer.head + sizeof answer.error) ||
        answer.head.nlmsg_type != NLMSG_ERROR) {
        return HF_E_IO;
    }
    return status_of(answer.error.error);
}

int evse_can_netlink_restart(int index)
{
    _Alignas(4) uint8_t request[EVSE_CAN_NETLINK_BYTES];
    size_t length = evse_can_netlink_restart_request(index, request);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return HF_E_IO;
    }
    int status = ask(fd, request, length);
    (void)close(fd);
    return status;
}
