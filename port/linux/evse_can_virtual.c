// SPDX-License-Identifier: MIT
// Virtual bus client. Invariants: nothing here blocks; a hub that does not read makes send() say "not now"; a hub that
// hangs up is called again no sooner than the backoff allows; no frame from before a stall is ever delivered after it.
#include "evse_can_virtual.h"

#include "evse/evse_timing.h"
#include "holdfast/hf_clock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_BASE_MS   50u
#define RETRY_CAP_MS    1000u
#define EXTENDED_FLAG   0x80000000u
#define FRAMES_PER_POLL 4096

void evse_can_virtual_encode(const evse_can_frame_t *frame, uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES])
{
    uint32_t id = frame->id | (frame->extended ? EXTENDED_FLAG : 0u);
    memset(bytes, 0, EVSE_CAN_VIRTUAL_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(id >> (8u * i));
    }
    bytes[4] = frame->length;
    memcpy(bytes + 8, frame->data, 8);
}

int evse_can_virtual_decode(const uint8_t *bytes, size_t length, evse_can_frame_t *frame)
{
    if (length != EVSE_CAN_VIRTUAL_BYTES || bytes[4] > 8) {
        return HF_E_FORMAT;
    }
    uint32_t id = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                  (uint32_t)bytes[3] << 24;
    memset(frame, 0, sizeof *frame);
    frame->extended = (id & EXTENDED_FLAG) != 0;
    frame->id = id & ~EXTENDED_FLAG;
    frame->length = bytes[4];
    memcpy(frame->data, bytes + 8, 8);
    return frame->id <= (frame->extended ? EVSE_CAN_ID_MASK : 0x7FFu) ? HF_OK : HF_E_FORMAT;
}

int evse_can_virtual_open(evse_can_virtual_t *bus, const char *path)
{
    memset(bus, 0, sizeof *bus);
    bus->fd = -1;
    bus->address.sun_family = AF_UNIX;
    if (strlen(path) == 0 || strlen(path) >= sizeof bus->address.sun_path) {
        return HF_E_TOO_LONG;
    }
    memcpy(bus->address.sun_path, path, strlen(path));
    int status = hf_backoff_init(&bus->backoff, RETRY_BASE_MS, RETRY_CAP_MS, 0, 1);
    return status == HF_OK ? evse_can_inbox_init(&bus->inbox) : status;
}

void evse_can_virtual_close(evse_can_virtual_t *bus)
{
    if (bus->fd >= 0) {
        (void)close(bus->fd);
        bus->fd = -1;
    }
}

static void connect_hub(evse_can_virtual_t *bus, uint64_t now_us)
{
    // Whatever comes of it: a hub that accepts and hangs up must not be called every tick.
    bus->next_connect_us = now_us + hf_backoff_next_ms(&bus->backoff) * HF_US_PER_MS;
    bus->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bus->fd >= 0 &&
        connect(bus->fd, (struct sockaddr *)&bus->address, sizeof bus->address) == 0) {
        bus->connects++;
        bus->jam = (evse_can_jam_t){0};
        return;
    }
    evse_can_virtual_close(bus);
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS;
}

static void drain(evse_can_virtual_t *bus, uint64_t now_us)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES + 1];
    evse_can_frame_t frame;
    for (int i = 0; i < FRAMES_PER_POLL && bus->fd >= 0; i++) {
        ssize_t got = recv(bus->fd, bytes, sizeof bytes, 0);
        if (got < 0 && is_later(errno)) {
            return;
        }
        if (got <= 0) {
            evse_can_virtual_close(bus); // the hub is gone
        } else if (evse_can_virtual_decode(bytes, (size_t)got, &frame) != HF_OK) {
            bus->refused++;
            bus->inbox.stats.error_count++;
        } else {
            hf_backoff_reset(&bus->backoff);
            evse_can_inbox_put(&bus->inbox, &frame, now_us);
        }
    }
}

static void leave_after_stall(evse_can_virtual_t *bus, uint64_t now_us)
{
    bool stalled = bus->polled_us != 0 && now_us - bus->polled_us > EVSE_US(EVSE_CAN_STALL_MS);
    bus->polled_us = now_us;
    if (!stalled) {
        return;
    }
    bus->stalls++;
    if (bus->fd >= 0) {
        (void)shutdown(bus->fd, SHUT_RD); // the hub can add nothing to what is counted now
    }
    drain(bus, now_us);
    evse_can_inbox_clear(&bus->inbox);
    evse_can_virtual_close(bus);
}

static evse_can_state_t current_state(const evse_can_virtual_t *bus)
{
    return bus->fd >= 0 && !bus->jammed ? EVSE_CAN_ACTIVE : EVSE_CAN_BUS_OFF;
}

static evse_can_state_t virtual_poll(void *ctx, uint64_t now_us)
{
    evse_can_virtual_t *bus = ctx;
    leave_after_stall(bus, now_us);
    if (bus->fd < 0 && now_us >= bus->next_connect_us) {
        connect_hub(bus, now_us);
    }
    drain(bus, now_us);
    bus->jammed = evse_can_jam_poll(&bus->jam, now_us);
    return evse_can_inbox_tell(&bus->inbox, current_state(bus));
}

static int send_bytes(evse_can_virtual_t *bus, const evse_can_frame_t *frame)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES];
    evse_can_virtual_encode(frame, bytes);
    if (send(bus->fd, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes) {
        evse_can_jam_note(&bus->jam, true);
        bus->inbox.stats.total_tx++;
        return HF_OK;
    }
    if (is_later(errno)) {
        evse_can_jam_note(&bus->jam, false);
        return bus->jammed ? HF_E_STATE : HF_E_AGAIN;
    }
    evse_can_virtual_close(bus);
    return HF_E_STATE;
}

static int virtual_send(void *ctx, const evse_can_frame_t *frame)
{
    evse_can_virtual_t *bus = ctx;
    int status = bus->fd >= 0 ? send_bytes(bus, frame) : HF_E_STATE;
    bus->inbox.stats.error_count += status == HF_OK ? 0u : 1u;
    return status;
}

static int virtual_receive(void *ctx, evse_can_frame_t *frame)
{
    evse_can_virtual_t *bus = ctx;
    if (evse_can_inbox_get(&bus->inbox, frame) == 1) {
        return 1;
    }
    return current_state(bus) == EVSE_CAN_BUS_OFF ? HF_E_STATE : 0;
}

// A hub that does not read has to be called anew: what waits in its socket is of before.
static int virtual_recover(void *ctx, uint64_t now_us)
{
    evse_can_virtual_t *bus = ctx;
    if (current_state(bus) != EVSE_CAN_BUS_OFF) {
        return HF_E_AGAIN;
    }
    evse_can_virtual_close(bus);
    connect_hub(bus, now_us);
    return HF_OK;
}

static const evse_can_inbox_t *virtual_inbox(void *ctx)
{
    return &((const evse_can_virtual_t *)ctx)->inbox;
}

const evse_can_ops_t evse_can_virtual_ops = {
    .send = virtual_send,
    .receive = virtual_receive,
    .poll = virtual_poll,
    .recover = virtual_recover,
    .inbox = virtual_inbox,
};
