// SPDX-License-Identifier: MIT
// `holdfast sim`, back end socketcan:IF: a node on a kernel bus. Our node being off or unplugged is all that the faults of
// the bus can mean here: the controller is the kernel's. Written apart from the driver of the charge point.
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_MOST 256u

static int bind_interface(int fd, const char *name)
{
    struct ifreq request = {0};
    if (strlen(name) >= sizeof request.ifr_name) {
        errno = ENODEV;
        return -1;
    }
    memcpy(request.ifr_name, name, strlen(name) + 1);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) {
        return -1;
    }
    struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
    return bind(fd, (const struct sockaddr *)&address, sizeof address);
}

static int node_open(station_t *station, station_wire_t *wire)
{
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
    if (fd < 0 || bind_interface(fd, wire->path) != 0 ||
        station_watch(station, fd, station_tag(STATION_WIRE, wire->index, 0)) != 0) {
        int code = tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", wire->spec, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    wire->client[0] = fd;
    return TOOL_GOOD;
}

static void node_receive(station_t *station, station_wire_t *wire, unsigned client)
{
    for (unsigned i = 0; i < RECEIVE_MOST; i++) {
        struct can_frame raw;
        ssize_t length = recv(wire->client[client], &raw, sizeof raw, MSG_DONTWAIT);
        if (length != (ssize_t)sizeof raw) {
            return; // nothing there; an interface that is down comes back by itself
        }
        if ((raw.can_id & (CAN_RTR_FLAG | CAN_ERR_FLAG)) != 0 || raw.can_dlc > CAN_MAX_DLEN) {
            wire->refused++;
            continue;
        }
        evse_can_frame_t frame = {.extended = (raw.can_id & CAN_EFF_FLAG) != 0,
                                  .length = raw.can_dlc};
        frame.id = raw.can_id & (frame.extended ? CAN_EFF_MASK : CAN_SFF_MASK);
        memcpy(frame.data, raw.data, raw.can_dlc);
        station_wire_heard(station, wire, &frame);
    }
}

static void node_send(station_wire_t *wire, const evse_can_frame_t *frame)
{
    struct can_frame raw = {.can_id = frame->id | (frame->extended ? CAN_EFF_FLAG : 0),
                            .can_dlc = frame->length};
    memcpy(raw.data, frame->data, frame->length);
    if (send(wire->client[0], &raw, sizeof raw, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        wire->dropped++; // the interface is down, or its queue full
    }
}

const station_wire_ops_t station_socketcan = {.prefix = "socketcan:",
                                              .help = "IF  a node on a bus of the kernel",
                                              .open = node_open,
                                              .receive = node_receive,
                                              .send = node_send};
