// SPDX-License-Identifier: MIT
// SocketCAN. Invariants: a poll ends although a storm of frames goes on; a frame's time is never before the last moment
// the queue was seen empty, nor after now, whatever the wall clock does; the queue of what is to be sent is short, so
// that little of before is sent after; what the kernel dropped is in the inbox's overruns.
#include "evse_can_socketcan.h"

#include "evse/evse_timing.h"
#include "evse_can_netlink.h"
#include "holdfast/hf_clock.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BATCH_FRAMES    64u
#define FRAMES_PER_POLL 4096u
#define RECEIVE_BYTES   (4 * 1024 * 1024) // about 5000 frames
#define SEND_BYTES      (48 * 768)        // about 48 frames, by the kernel's reckoning
#define CONTROL_BYTES   128u              // room for both control messages

int evse_can_socketcan_open(evse_can_socketcan_t *bus, const char *interface)
{
    memset(bus, 0, sizeof *bus);
    bus->fd = -1;
    if (strlen(interface) == 0 || strlen(interface) >= sizeof bus->interface) {
        return HF_E_TOO_LONG;
    }
    memcpy(bus->interface, interface, strlen(interface));
    return evse_can_inbox_init(&bus->inbox);
}

int evse_can_socketcan_filter(evse_can_socketcan_t *bus, const evse_can_filter_t *filters,
                              uint32_t count)
{
    if (count > EVSE_CAN_FILTERS_MAX) {
        return HF_E_FULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        bus->filters[i] = filters[i];
    }
    bus->filter_count = count;
    return HF_OK;
}

void evse_can_socketcan_close(evse_can_socketcan_t *bus)
{
    if (bus->fd >= 0) {
        (void)close(bus->fd);
        bus->fd = -1;
    }
}

void evse_can_socketcan_adopt(evse_can_socketcan_t *bus, int fd)
{
    evse_can_socketcan_close(bus);
    bus->fd = fd;
    bus->begun = true;
    bus->bus_off = false;
    bus->passive = false;
    bus->dropped = 0;
    bus->empty_us = bus->polled_us;
    bus->jam = (evse_can_jam_t){0};
    bus->stats.opens++;
}

// Flags of the interface; 0 also when it is away. A controller off the bus has no carrier, hence not IFF_RUNNING.
static unsigned interface_flags(const evse_can_socketcan_t *bus, int fd)
{
    struct ifreq request = {0};
    memcpy(request.ifr_name, bus->interface, sizeof request.ifr_name);
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 ? (unsigned)(unsigned short)request.ifr_flags : 0;
}

static int set_filters(const evse_can_socketcan_t *bus, int fd)
{
    struct can_filter filters[EVSE_CAN_FILTERS_MAX];
    if (bus->filter_count == 0) {
        return HF_OK; // the kernel's default: everything
    }
    for (uint32_t i = 0; i < bus->filter_count; i++) {
        const evse_can_filter_t *filter = &bus->filters[i];
        filters[i].can_id = filter->id | (filter->extended ? CAN_EFF_FLAG : 0u);
        filters[i].can_mask = filter->mask | CAN_EFF_FLAG | CAN_RTR_FLAG;
    }
    return setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, filters,
                      (socklen_t)(bus->filter_count * sizeof filters[0])) == 0
               ? HF_OK
               : HF_E_IO;
}

// Comfort: without them frames are stamped when they are read, and a storm overruns the queue sooner.
static void set_comforts(int fd)
{
    const int on = 1, receive = RECEIVE_BYTES, send = SEND_BYTES / 2; // the kernel doubles it
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    }
}

static int bind_interface(evse_can_socketcan_t *bus, int fd)
{
    struct ifreq request = {0};
    const can_err_mask_t errors = CAN_ERR_MASK;
    memcpy(request.ifr_name, bus->interface, sizeof request.ifr_name);
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) {
        return HF_E_NOT_FOUND;
    }
    bus->index = request.ifr_ifindex;
    struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = bus->index};
    if ((interface_flags(bus, fd) & IFF_UP) == 0) {
        return HF_E_STATE; // bind() would succeed, and the first read fail
    }
    set_comforts(fd);
    if (set_filters(bus, fd) != HF_OK ||
        setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        return HF_E_IO;
    }
    return HF_OK;
}

static void open_socket(evse_can_socketcan_t *bus)
{
    bus->begun = true;
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    if (fd >= 0 && bind_interface(bus, fd) == HF_OK) {
        evse_can_socketcan_adopt(bus, fd);
        bus->bus_off = (interface_flags(bus, fd) & IFF_RUNNING) == 0; // it was before we came
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void note_controller(evse_can_socketcan_t *bus, uint8_t what)
{
    if ((what & CAN_ERR_CRTL_RX_OVERFLOW) != 0) {
        evse_can_inbox_lost(&bus->inbox, 1); // at least
    }
    if ((what & CAN_ERR_CRTL_ACTIVE) != 0) {
        bus->passive = false;
    }
    if ((what & (CAN_ERR_CRTL_RX_WARNING | CAN_ERR_CRTL_TX_WARNING | CAN_ERR_CRTL_RX_PASSIVE |
                 CAN_ERR_CRTL_TX_PASSIVE)) != 0) {
        bus->passive = true;
    }
}

static void note_error(evse_can_socketcan_t *bus, const struct can_frame *frame)
{
    canid_t class = frame->can_id;
    bus->stats.error_frames++;
    bus->stats.lost_arbitration += (class & CAN_ERR_LOSTARB) != 0 ? 1u : 0u;
    bus->stats.protocol += (class & (CAN_ERR_PROT | CAN_ERR_BUSERROR)) != 0 ? 1u : 0u;
    bus->stats.unacknowledged += (class & CAN_ERR_ACK) != 0 ? 1u : 0u;
    bus->stats.transceiver += (class & CAN_ERR_TRX) != 0 ? 1u : 0u;
    if ((class & CAN_ERR_CRTL) != 0) {
        note_controller(bus, frame->data[1]);
    }
    if ((class & CAN_ERR_RESTARTED) != 0) {
        bus->stats.restarts++;
        bus->bus_off = false;
        bus->passive = false;
    }
    if ((class & CAN_ERR_BUSOFF) != 0) {
        bus->bus_off = true; // told together with a restart: off is the safe reading
    }
    bus->inbox.stats.error_count++;
}

// The wall clock may have been set since: an age that cannot be is the oldest that can.
static uint64_t arrival_us(const evse_can_socketcan_t *bus, const struct timespec *utc,
                           uint64_t now_us)
{
    uint64_t oldest_us = now_us - bus->empty_us;
    uint64_t utc_us = (uint64_t)utc->tv_sec * HF_US_PER_S + (uint64_t)utc->tv_nsec / 1000u;
    uint64_t age_us = bus->utc_us - utc_us; // wraps when it lies ahead
    return now_us - (age_us <= oldest_us ? age_us : oldest_us);
}

static void read_control(evse_can_socketcan_t *bus, struct msghdr *message, uint64_t now_us,
                         evse_can_frame_t *frame)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SCM_TIMESTAMPNS && c->cmsg_len >= CMSG_LEN(sizeof(struct timespec))) {
            struct timespec utc;
            memcpy(&utc, CMSG_DATA(c), sizeof utc);
            frame->stamped = true;
            frame->stamp_us = (uint32_t)arrival_us(bus, &utc, now_us);
        } else if (c->cmsg_type == SO_RXQ_OVFL && c->cmsg_len >= CMSG_LEN(sizeof(uint32_t))) {
            uint32_t dropped;
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            evse_can_inbox_lost(&bus->inbox, dropped - bus->dropped);
            bus->stats.kernel_overruns += dropped - bus->dropped;
            bus->dropped = dropped;
        }
    }
}

static bool is_data_frame(const struct can_frame *raw, size_t length)
{
    return length == CAN_MTU && (raw->can_id & CAN_RTR_FLAG) == 0 && raw->can_dlc <= CAN_MAX_DLEN &&
           ((raw->can_id & CAN_EFF_FLAG) != 0 || (raw->can_id & CAN_EFF_MASK) <= CAN_SFF_MASK);
}

void evse_can_socketcan_take(evse_can_socketcan_t *bus, struct msghdr *message, size_t length,
                             uint64_t now_us)
{
    struct can_frame raw = {0};
    evse_can_frame_t frame = {0};
    memcpy(&raw, message->msg_iov[0].iov_base, length < sizeof raw ? length : sizeof raw);
    read_control(bus, message, now_us, &frame);
    if (length == CAN_MTU && (raw.can_id & CAN_ERR_FLAG) != 0) {
        note_error(bus, &raw);
        return;
    }
    if (!is_data_frame(&raw, length)) {
        bus->stats.refused++;
        bus->inbox.stats.error_count++;
        return;
    }
    if (bus->stale) {
        bus->inbox.stats.stale++;
        return;
    }
    frame.extended = (raw.can_id & CAN_EFF_FLAG) != 0;
    frame.id = raw.can_id & CAN_EFF_MASK;
    frame.length = raw.can_dlc;
    memcpy(frame.data, raw.data, raw.can_dlc);
    evse_can_inbox_put(&bus->inbox, &frame, now_us);
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void read_wall_clock(evse_can_socketcan_t *bus)
{
    struct timespec utc;
    if (clock_gettime(CLOCK_REALTIME, &utc) == 0) {
        bus->utc_us = (uint64_t)utc.tv_sec * HF_US_PER_S + (uint64_t)utc.tv_nsec / 1000u;
    }
}

// Messages read; 0 nothing was waiting. An interface that went away or down closes the socket.
static unsigned read_batch(evse_can_socketcan_t *bus, uint64_t now_us)
{
    struct canfd_frame frames[BATCH_FRAMES]; // the longer one, so that it is seen whole
    _Alignas(struct cmsghdr) uint8_t control[BATCH_FRAMES][CONTROL_BYTES];
    struct iovec parts[BATCH_FRAMES];
    struct mmsghdr messages[BATCH_FRAMES];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH_FRAMES; i++) {
        parts[i] = (struct iovec){.iov_base = &frames[i], .iov_len = sizeof frames[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = control[i];
        messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    int got = recvmmsg(bus->fd, messages, BATCH_FRAMES, MSG_DONTWAIT, NULL);
    if (got < 0 && !is_later(errno)) {
        evse_can_socketcan_close(bus);
    }
    read_wall_clock(bus); // after them, or the newest would lie ahead
    for (int i = 0; i < got && bus->fd >= 0; i++) {
        if (messages[i].msg_len == 0) {
            evse_can_socketcan_close(bus); // an adopted socket whose other end is gone
        } else {
            evse_can_socketcan_take(bus, &messages[i].msg_hdr, messages[i].msg_len, now_us);
        }
    }
    return got > 0 ? (unsigned)got : 0;
}

static void drain(evse_can_socketcan_t *bus, uint64_t now_us)
{
    for (unsigned sum = 0; bus->fd >= 0 && sum < FRAMES_PER_POLL;) {
        unsigned got = read_batch(bus, now_us);
        sum += got;
        if (got < BATCH_FRAMES) {
            bus->empty_us = now_us;
            return;
        }
    }
}

static void leave_after_stall(evse_can_socketcan_t *bus, uint64_t now_us)
{
    bool stalled = bus->polled_us != 0 && now_us - bus->polled_us > EVSE_US(EVSE_CAN_STALL_MS);
    bus->polled_us = now_us;
    if (!stalled) {
        return;
    }
    bus->stats.stalls++;
    bus->stale = true; // error frames still count
    drain(bus, now_us);
    drain(bus, now_us); // the queue is longer than one poll
    bus->stale = false;
    evse_can_inbox_clear(&bus->inbox);
}

static evse_can_state_t current_state(const evse_can_socketcan_t *bus)
{
    if (bus->fd < 0 || bus->bus_off || bus->jammed) {
        return EVSE_CAN_BUS_OFF;
    }
    return bus->passive ? EVSE_CAN_PASSIVE : EVSE_CAN_ACTIVE;
}

static evse_can_state_t socketcan_poll(void *ctx, uint64_t now_us)
{
    evse_can_socketcan_t *bus = ctx;
    leave_after_stall(bus, now_us);
    if (!bus->begun) {
        open_socket(bus);
    }
    drain(bus, now_us);
    bus->jammed = evse_can_jam_poll(&bus->jam, now_us);
    return evse_can_inbox_tell(&bus->inbox, current_state(bus));
}

static int write_frame(evse_can_socketcan_t *bus, const evse_can_frame_t *frame)
{
    struct can_frame raw = {.can_id = frame->id | (frame->extended ? CAN_EFF_FLAG : 0u),
                            .can_dlc = frame->length};
    memcpy(raw.data, frame->data, sizeof raw.data);
    if (send(bus->fd, &raw, sizeof raw, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof raw) {
        evse_can_jam_note(&bus->jam, true);
        bus->inbox.stats.total_tx++;
        return HF_OK;
    }
    if (is_later(errno) || errno == ENOBUFS) {
        evse_can_jam_note(&bus->jam, false);
        return bus->jammed ? HF_E_STATE : HF_E_AGAIN;
    }
    evse_can_socketcan_close(bus); // ENETDOWN, ENODEV, ENXIO: down or unplugged
    return HF_E_STATE;
}

// A jammed queue is tried on: only a frame that is taken ends the jam.
static int socketcan_send(void *ctx, const evse_can_frame_t *frame)
{
    evse_can_socketcan_t *bus = ctx;
    bool is_valid = frame->length <= CAN_MAX_DLEN &&
                    frame->id <= (frame->extended ? CAN_EFF_MASK : CAN_SFF_MASK);
    int status = HF_E_RANGE;
    if (is_valid) {
        status = bus->fd >= 0 && !bus->bus_off ? write_frame(bus, frame) : HF_E_STATE;
    }
    bus->inbox.stats.error_count += status == HF_OK ? 0u : 1u;
    return status;
}

static int socketcan_receive(void *ctx, evse_can_frame_t *frame)
{
    evse_can_socketcan_t *bus = ctx;
    if (evse_can_inbox_get(&bus->inbox, frame) == 1) {
        return 1;
    }
    return current_state(bus) == EVSE_CAN_BUS_OFF ? HF_E_STATE : 0;
}

static void restart(evse_can_socketcan_t *bus)
{
    unsigned flags = interface_flags(bus, bus->fd);
    if ((flags & IFF_UP) == 0) {
        evse_can_socketcan_close(bus); // the next try opens it
    } else if ((flags & IFF_RUNNING) != 0) {
        bus->bus_off = false; // it is back; the frame that told was lost
        bus->passive = false; // a controller that was restarted has counted no error yet
        bus->stats.restarts++;
    } else {
        bus->stats.restarts_asked++;
        int status = evse_can_netlink_restart(bus->index); // a restarted frame follows
        bus->stats.restarts_denied += status == HF_E_REFUSED ? 1u : 0u;
    }
}

// A jam ends by the bus alone: a new socket would only add a second queue to the first.
static int socketcan_recover(void *ctx, uint64_t now_us)
{
    evse_can_socketcan_t *bus = ctx;
    (void)now_us;
    if (bus->fd < 0) {
        open_socket(bus);
        return HF_OK;
    }
    if (!bus->bus_off) {
        return HF_E_AGAIN;
    }
    restart(bus);
    return HF_OK;
}

static const evse_can_inbox_t *socketcan_inbox(void *ctx)
{
    return &((const evse_can_socketcan_t *)ctx)->inbox;
}

const evse_can_ops_t evse_can_socketcan_ops = {
    .send = socketcan_send,
    .receive = socketcan_receive,
    .poll = socketcan_poll,
    .recover = socketcan_recover,
    .inbox = socketcan_inbox,
};
