// SPDX-License-Identifier: MIT
// I/O socket client. Invariants: every packet is checked, what is malformed is counted and changes nothing; no level from
// before a stall is ever stamped after it; a peer that hangs up is called again no sooner than the backoff allows.
#include "evse_io_socket.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_BASE_MS    50u
#define RETRY_CAP_MS     1000u
#define PACKET_BYTES     8u
#define PACKET_BYTES_MAX (3u + EVSE_IO_SOCKET_TAG_BYTES)
#define PACKETS_PER_CALL 64
#define TYPE_LEVELS      1u
#define TYPE_CARD        2u

int evse_io_socket_open(evse_io_socket_t *io, const char *path, unsigned connectors)
{
    memset(io, 0, sizeof *io);
    io->fd = -1;
    io->connectors = connectors;
    io->address.sun_family = AF_UNIX;
    if (connectors == 0 || connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_RANGE;
    }
    if (strlen(path) == 0 || strlen(path) >= sizeof io->address.sun_path) {
        return HF_E_TOO_LONG;
    }
    memcpy(io->address.sun_path, path, strlen(path));
    int status = hf_backoff_init(&io->backoff, RETRY_BASE_MS, RETRY_CAP_MS, 0, 1);
    if (status == HF_OK) {
        status = hf_queue_init(&io->cards, io->card_storage, sizeof(evse_io_card_t),
                               EVSE_IO_SOCKET_CARDS, 0);
    }
    return status;
}

void evse_io_socket_close(evse_io_socket_t *io)
{
    if (io->fd >= 0) {
        (void)close(io->fd);
        io->fd = -1;
    }
}

static void connect_peer(evse_io_socket_t *io, uint64_t now_us)
{
    if (now_us < io->next_connect_us) {
        return;
    }
    // Whatever comes of it: a peer that accepts and hangs up must not be called every tick.
    io->next_connect_us = now_us + hf_backoff_next_ms(&io->backoff) * HF_US_PER_MS;
    io->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (io->fd >= 0 && connect(io->fd, (struct sockaddr *)&io->address, sizeof io->address) == 0) {
        return;
    }
    evse_io_socket_close(io);
}

static bool has_stalled(const evse_io_socket_t *io, uint32_t limit_ms, uint64_t now_us)
{
    return io->sampled_us != 0 && now_us - io->sampled_us > limit_ms * HF_US_PER_MS;
}

static void leave_after_stall(evse_io_socket_t *io, uint64_t now_us)
{
    if (has_stalled(io, EVSE_IO_SOCKET_STALL_MS, now_us)) {
        io->stalls++;
        evse_io_socket_close(io); // the kernel drops what waited in it
        // Unknown, not old: an E-stop level that went stale reads as an open loop and latches, and nobody opened it.
        memset(io->inputs, 0, sizeof io->inputs);
    }
}

static bool take_levels(evse_io_socket_t *io, const uint8_t *packet, size_t length, uint64_t now_us)
{
    if (length != PACKET_BYTES || packet[1] >= io->connectors) {
        return false;
    }
    evse_io_inputs_t *inputs = &io->inputs[packet[1]];
    unsigned bits = packet[2] | (unsigned)packet[3] << 8;
    bool was_open = inputs->stamp_us[EVSE_IN_ESTOP] != 0 && !inputs->level[EVSE_IN_ESTOP];
    if (!was_open && (bits >> EVSE_IN_ESTOP & 1u) == 0) {
        io->estop_edges++;
        io->estop_opened[packet[1]] = true;
    }
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs->level[i] = (bits >> i & 1u) != 0;
        inputs->stamp_us[i] = now_us;
    }
    return true;
}

static bool take_card(evse_io_socket_t *io, const uint8_t *packet, size_t length)
{
    evse_io_card_t card = {.connector = packet[1]};
    if (length < 4 || packet[1] >= io->connectors || packet[2] != length - 3u ||
        packet[2] >= EVSE_IO_SOCKET_TAG_BYTES || memchr(packet + 3, '\0', packet[2]) != NULL) {
        return false;
    }
    memcpy(card.id_tag, packet + 3, packet[2]);
    return hf_queue_put(&io->cards, &card) == HF_OK;
}

static void drain(evse_io_socket_t *io, uint64_t now_us)
{
    uint8_t packet[PACKET_BYTES_MAX + 1];
    for (int i = 0; i < PACKETS_PER_CALL && io->fd >= 0; i++) {
        ssize_t got = recv(io->fd, packet, sizeof packet, 0);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        }
        if (got <= 0) {
            evse_io_socket_close(io);
            return;
        }
        bool good = got >= 3 &&
                    ((packet[0] == TYPE_LEVELS && take_levels(io, packet, (size_t)got, now_us)) ||
                     (packet[0] == TYPE_CARD && take_card(io, packet, (size_t)got)));
        if (good) {
            io->rx++;
            hf_backoff_reset(&io->backoff);
        } else {
            io->refused++;
        }
    }
}

// A machine that stood still takes both ends with it: what the peer will say in a moment must not be missed now.
static void forget_stale(evse_io_socket_t *io, uint64_t now_us)
{
    for (unsigned c = 0; c < io->connectors; c++) {
        for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
            if (!evse_io_is_fresh(&io->inputs[c], (evse_input_t)i, now_us)) {
                io->inputs[c].stamp_us[i] = 0;
            }
        }
    }
}

static int socket_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    evse_io_socket_t *io = ctx;
    if (connector == 0) { // once a tick for all
        bool dozed = has_stalled(io, EVSE_IO_SOCKET_DOZE_MS, now_us);
        leave_after_stall(io, now_us);
        if (io->fd < 0) {
            connect_peer(io, now_us);
        }
        drain(io, now_us);
        if (dozed) {
            forget_stale(io, now_us);
        }
        io->sampled_us = now_us;
    }
    if (connector >= io->connectors) {
        return HF_E_RANGE;
    }
    *inputs = io->inputs[connector];
    if (io->estop_opened[connector]) { // [SAF-01] though it may be closed again by now
        io->estop_opened[connector] = false;
        inputs->level[EVSE_IN_ESTOP] = false;
    }
    return io->fd >= 0 ? HF_OK : HF_E_CLOSED;
}

static int socket_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    evse_io_socket_t *io = ctx;
    if (io->fd < 0) {
        return HF_E_CLOSED;
    }
    unsigned bits = 0;
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        bits |= drive->level[i] ? 1u << i : 0u;
    }
    uint32_t live = drive->live_count;
    const uint8_t packet[PACKET_BYTES] = {
        TYPE_LEVELS,     (uint8_t)connector,   (uint8_t)bits,         (uint8_t)(bits >> 8),
        (uint8_t)(live), (uint8_t)(live >> 8), (uint8_t)(live >> 16), (uint8_t)(live >> 24)};
    if (send(io->fd, packet, sizeof packet, MSG_NOSIGNAL) == (ssize_t)sizeof packet) {
        io->tx++;
        return HF_OK;
    }
    io->errors++;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ENOBUFS) {
        evse_io_socket_close(io);
    }
    return HF_E_AGAIN;
}

const evse_io_ops_t evse_io_socket_ops = {.sample = socket_sample, .drive = socket_drive};

int evse_io_socket_fd(const evse_io_socket_t *io)
{
    return io->fd;
}

bool evse_io_socket_look(evse_io_socket_t *io, uint64_t now_us)
{
    if (io->fd < 0 || has_stalled(io, EVSE_IO_SOCKET_DOZE_MS, now_us)) {
        return false;
    }
    uint32_t edges = io->estop_edges;
    drain(io, now_us);
    return io->estop_edges != edges;
}

int evse_io_socket_take_card(evse_io_socket_t *io, unsigned *connector,
                             char id_tag[EVSE_IO_SOCKET_TAG_BYTES])
{
    evse_io_card_t card;
    int status = hf_queue_get(&io->cards, &card);
    if (status == HF_OK) {
        *connector = card.connector;
        memcpy(id_tag, card.id_tag, sizeof card.id_tag);
    }
    return status;
}
