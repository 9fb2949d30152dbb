// SPDX-License-Identifier: MIT
// SocketCAN. The controller's own restart (restart-ms) brings a bus back; until a restart is seen the bus counts as off.
#include "evse_can_socketcan.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_BASE_MS 1000u
#define RETRY_CAP_MS  30000u
#define READS_MAX     64 // a storm of error frames must not hold up the tick

int evse_can_socketcan_open(evse_can_socketcan_t *bus, const char *interface)
{
    memset(bus, 0, sizeof *bus);
    bus->fd = -1;
    if (strlen(interface) == 0 || strlen(interface) >= sizeof bus->interface) {
        return HF_E_TOO_LONG;
    }
    memcpy(bus->interface, interface, strlen(interface));
    return hf_backoff_init(&bus->backoff, RETRY_BASE_MS, RETRY_CAP_MS, 0, 1);
}

void evse_can_socketcan_close(evse_can_socketcan_t *bus)
{
    if (bus->fd >= 0) {
        (void)close(bus->fd);
        bus->fd = -1;
    }
}

static int bind_interface(const evse_can_socketcan_t *bus, int fd)
{
    struct ifreq request = {0};
    const can_err_mask_t errors = CAN_ERR_BUSOFF | CAN_ERR_RESTARTED | CAN_ERR_CRTL;
    memcpy(request.ifr_name, bus->interface, sizeof request.ifr_name);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) {
        return HF_E_NOT_FOUND;
    }
    struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0 || (request.ifr_flags & IFF_UP) == 0) {
        return HF_E_STATE; // bind() would succeed, and the first read fail
    }
    if (setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        return HF_E_IO;
    }
    return HF_OK;
}

static void open_socket(evse_can_socketcan_t *bus, uint64_t now_us)
{
    if (now_us < bus->next_open_us) {
        return;
    }
    // Whatever comes of it: an interface that goes down again must not be opened every tick.
    bus->next_open_us = now_us + hf_backoff_next_ms(&bus->backoff) * HF_US_PER_MS;
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    if (fd >= 0 && bind_interface(bus, fd) == HF_OK) {
        bus->fd = fd;
        bus->bus_off = false;
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static evse_can_state_t socketcan_poll(void *ctx, uint64_t now_us)
{
    evse_can_socketcan_t *bus = ctx;
    if (bus->fd < 0) {
        open_socket(bus, now_us);
    }
    return bus->fd >= 0 && !bus->bus_off ? EVSE_CAN_ACTIVE : EVSE_CAN_BUS_OFF;
}

static int socketcan_send(void *ctx, const evse_can_frame_t *frame)
{
    evse_can_socketcan_t *bus = ctx;
    if (bus->fd < 0 || bus->bus_off) {
        return HF_E_STATE;
    }
    struct can_frame raw = {.can_id = frame->id | (frame->extended ? CAN_EFF_FLAG : 0u),
                            .can_dlc = frame->length};
    memcpy(raw.data, frame->data, sizeof raw.data);
    if (write(bus->fd, &raw, sizeof raw) == (ssize_t)sizeof raw) {
        bus->tx++;
        return HF_OK;
    }
    bus->errors++;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR) {
        return HF_E_AGAIN;
    }
    evse_can_socketcan_close(bus);
    return HF_E_STATE;
}

static void note_error(evse_can_socketcan_t *bus, canid_t id)
{
    bus->errors++;
    if ((id & CAN_ERR_BUSOFF) != 0) {
        bus->bus_off = true;
        bus->bus_offs++;
    }
    if ((id & CAN_ERR_RESTARTED) != 0) {
        bus->bus_off = false;
    }
}

static int socketcan_receive(void *ctx, evse_can_frame_t *frame)
{
    evse_can_socketcan_t *bus = ctx;
    struct can_frame raw;
    for (int i = 0; i < READS_MAX && bus->fd >= 0; i++) {
        ssize_t got = read(bus->fd, &raw, sizeof raw);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return bus->bus_off ? HF_E_STATE : 0;
        }
        if (got != (ssize_t)sizeof raw) {
            evse_can_socketcan_close(bus); // the interface went down
        } else if ((raw.can_id & CAN_ERR_FLAG) != 0) {
            note_error(bus, raw.can_id);
        } else if ((raw.can_id & CAN_RTR_FLAG) == 0 && raw.can_dlc <= 8) {
            memset(frame, 0, sizeof *frame);
            frame->extended = (raw.can_id & CAN_EFF_FLAG) != 0;
            frame->id = raw.can_id & (frame->extended ? CAN_EFF_MASK : CAN_SFF_MASK);
            frame->length = raw.can_dlc;
            memcpy(frame->data, raw.data, sizeof frame->data);
            bus->rx++;
            hf_backoff_reset(&bus->backoff);
            return 1;
        }
    }
    return bus->fd >= 0 && !bus->bus_off ? 0 : HF_E_STATE;
}

const evse_can_ops_t evse_can_socketcan_ops = {
    .send = socketcan_send, .receive = socketcan_receive, .poll = socketcan_poll};
