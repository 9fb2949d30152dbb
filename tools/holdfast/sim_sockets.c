// SPDX-License-Identifier: MIT
// The sockets of `holdfast sim`: a hub per CAN bus, the I/O socket. Formats: docs/SPEC.md. A client that does not read
// loses frames, as on a bus; one that breaks the format loses its connection.
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_BYTES  16u
#define EXTENDED_BIT 0x80000000u
#define IO_BYTES     8u
#define IO_PERIOD_US 40000u // at least every 50 ms
#define IO_TICK_US   10000u
#define TYPE_INPUTS  1u
#define TYPE_CARD    2u
#define TYPE_OUTPUTS 1u
#define RECEIVE_MOST 64u // of one client at a time

static uint32_t tag_of(station_source_t source, unsigned connector, unsigned client)
{
    return (uint32_t)source << 16 | connector << 8 | client;
}

int station_watch(station_t *station, int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = tag}};
    return epoll_ctl(station->epoll, EPOLL_CTL_ADD, fd, &event);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/// A path left behind by a dead server is taken over; anything else stays.
static int clear_stale(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT
                   ? TOOL_GOOD
                   : tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(info.st_mode)) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s exists and is no socket", path);
    }
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = address_of(path);
    int result = connect(probe, (const struct sockaddr *)&address, sizeof address);
    bool is_dead = result != 0 && errno == ECONNREFUSED;
    (void)close(probe);
    if (!is_dead) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s is in use by another running program", path);
    }
    (void)unlink(path);
    return TOOL_GOOD;
}

static int listen_at(station_t *station, const char *path, int *listener, uint32_t tag)
{
    int code = clear_stale(path);
    if (code != TOOL_GOOD) {
        return code;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = address_of(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        code = tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
        (void)close(fd);
        return code;
    }
    *listener = fd;
    if (listen(fd, (int)STATION_CLIENTS_MAX) != 0 || station_watch(station, fd, tag) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    return TOOL_GOOD;
}

int station_sockets_open(station_t *station)
{
    int code = TOOL_GOOD;
    for (unsigned c = 0; c < station->connectors && code == TOOL_GOOD; c++) {
        code = listen_at(station, station->bus[c].path, &station->bus[c].listener,
                         tag_of(STATION_CAN_LISTENER, c, 0));
    }
    if (code == TOOL_GOOD) {
        code = listen_at(station, station->io.path, &station->io.listener,
                         tag_of(STATION_IO_LISTENER, 0, 0));
    }
    return code;
}

static void close_client(int *client)
{
    if (*client >= 0) {
        (void)close(*client);
        *client = -1;
    }
}

static void close_listener(int *listener, const char *path)
{
    if (*listener >= 0) {
        (void)unlink(path);
        close_client(listener);
    }
}

void station_sockets_close(station_t *station)
{
    for (unsigned c = 0; c < station->connectors; c++) {
        for (unsigned i = 0; i < STATION_CLIENTS_MAX; i++) {
            close_client(&station->bus[c].client[i]);
        }
        close_listener(&station->bus[c].listener, station->bus[c].path);
    }
    close_client(&station->io.client);
    close_listener(&station->io.listener, station->io.path);
}

// ---- CAN ----

static bool is_bus_off(const station_t *station, unsigned connector)
{
    return (station->outlet[connector].faults & SIM_FAULT_BUS_OFF) != 0;
}

void station_can_accept(station_t *station, unsigned connector)
{
    station_bus_t *bus = &station->bus[connector];
    int fd = accept4(bus->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    for (unsigned i = 0; i < STATION_CLIENTS_MAX && !is_bus_off(station, connector); i++) {
        if (bus->client[i] < 0) {
            bus->client[i] = fd;
            (void)station_watch(station, fd, tag_of(STATION_CAN_CLIENT, connector, i));
            return;
        }
    }
    (void)close(fd);
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8u * i));
    }
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void forward(station_bus_t *bus, const uint8_t packet[FRAME_BYTES], int except)
{
    for (unsigned i = 0; i < STATION_CLIENTS_MAX; i++) {
        if (bus->client[i] < 0 || bus->client[i] == except) {
            continue;
        }
        if (send(bus->client[i], packet, FRAME_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            bus->dropped++; // a dead client shows at its next receive
        }
    }
}

static bool read_frame(const uint8_t packet[FRAME_BYTES], evse_can_frame_t *frame)
{
    uint32_t id = get_u32(packet);
    *frame = (evse_can_frame_t){
        .extended = (id & EXTENDED_BIT) != 0, .id = id & ~EXTENDED_BIT, .length = packet[4]};
    memcpy(frame->data, packet + 8, sizeof frame->data);
    return frame->length <= 8 && frame->id <= (frame->extended ? EVSE_CAN_ID_MASK : 0x7FFu);
}

void station_can_receive(station_t *station, unsigned connector, unsigned client)
{
    station_bus_t *bus = &station->bus[connector];
    for (unsigned i = 0; i < RECEIVE_MOST && bus->client[client] >= 0; i++) {
        uint8_t packet[FRAME_BYTES + 1];
        ssize_t length = recv(bus->client[client], packet, sizeof packet, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        evse_can_frame_t frame;
        if (length != (ssize_t)FRAME_BYTES || !read_frame(packet, &frame)) {
            close_client(&bus->client[client]);
            return;
        }
        forward(bus, packet, bus->client[client]);
        sim_outlet_receive(&station->outlet[connector], &frame);
    }
}

void station_can_send(station_t *station, unsigned connector)
{
    station_bus_t *bus = &station->bus[connector];
    for (unsigned i = 0; i < STATION_CLIENTS_MAX && is_bus_off(station, connector); i++) {
        close_client(&bus->client[i]);
    }
    evse_can_frame_t frame;
    while (sim_outlet_transmit(&station->outlet[connector], &frame)) {
        uint8_t packet[FRAME_BYTES] = {0};
        put_u32(packet, frame.id | (frame.extended ? EXTENDED_BIT : 0));
        packet[4] = frame.length;
        memcpy(packet + 8, frame.data, sizeof frame.data);
        forward(bus, packet, -1);
    }
}

// ---- inputs and outputs ----

static void io_lost(station_t *station)
{
    close_client(&station->io.client);
    station_tell_flag(station, "charger", -1, "connected", false);
}

void station_io_accept(station_t *station)
{
    int fd = accept4(station->io.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    close_client(&station->io.client);
    station->io.client = fd;
    (void)station_watch(station, fd, tag_of(STATION_IO_CLIENT, 0, 0));
    memset(station->io.sent_us, 0, sizeof station->io.sent_us);
    station_tell_flag(station, "charger", -1, "connected", true);
}

static void drive(station_t *station, const uint8_t packet[IO_BYTES])
{
    sim_outlet_t *outlet = &station->outlet[packet[1]];
    evse_io_drive_t levels = {.live_count = get_u32(packet + 4)};
    uint32_t bits = packet[2] | (uint32_t)packet[3] << 8;
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        levels.level[i] = (bits >> i & 1u) != 0;
    }
    // When this process was held up, the charger's pulses queued: each stands for one of its ticks, and must not look
    // like a live signal that stood still.
    uint64_t now_us = station_clock_us();
    if (now_us - outlet->now_us > IO_TICK_US) {
        sim_outlet_step(outlet, outlet->now_us + IO_TICK_US);
    }
    sim_outlet_drive(outlet, &levels);
}

void station_io_receive(station_t *station)
{
    for (unsigned i = 0; i < 4u * RECEIVE_MOST && station->io.client >= 0; i++) {
        uint8_t packet[IO_BYTES + 1];
        ssize_t length = recv(station->io.client, packet, sizeof packet, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (length != (ssize_t)IO_BYTES || packet[0] != TYPE_OUTPUTS ||
            packet[1] >= station->connectors) {
            io_lost(station);
            return;
        }
        drive(station, packet);
    }
}

static void io_put(station_t *station, const uint8_t *packet, size_t length)
{
    ssize_t sent = send(station->io.client, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        io_lost(station);
    }
}

static void io_send_inputs(station_t *station, unsigned connector)
{
    bool level[EVSE_INPUT_COUNT];
    if (!sim_outlet_inputs(&station->outlet[connector], level)) {
        return;
    }
    unsigned bits = 0;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        bits |= level[i] ? 1u << i : 0u;
    }
    station_io_t *io = &station->io;
    bool is_due =
        io->sent_us[connector] == 0 || station->now_us - io->sent_us[connector] >= IO_PERIOD_US;
    if (!is_due && bits == io->sent_bits[connector]) {
        return;
    }
    uint8_t packet[IO_BYTES] = {TYPE_INPUTS, (uint8_t)connector, (uint8_t)bits,
                                (uint8_t)(bits >> 8)};
    put_u32(packet + 4, ++io->sequence);
    io->sent_bits[connector] = (uint16_t)bits;
    io->sent_us[connector] = station->now_us;
    io_put(station, packet, sizeof packet);
}

void station_io_send(station_t *station)
{
    for (unsigned c = 0; c < station->connectors && station->io.client >= 0; c++) {
        io_send_inputs(station, c);
    }
}

bool station_io_card(station_t *station, unsigned connector, const char *tag)
{
    size_t length = strlen(tag);
    if (station->io.client < 0 || length == 0 || length > STATION_TAG_MAX) {
        return false;
    }
    uint8_t packet[3 + STATION_TAG_MAX] = {TYPE_CARD, (uint8_t)connector, (uint8_t)length};
    memcpy(packet + 3, tag, length);
    io_put(station, packet, 3 + length);
    return station->io.client >= 0;
}
