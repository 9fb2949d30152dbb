// SPDX-License-Identifier: MIT
// `holdfast sim`: inputs and outputs. Packets over a seqpacket socket, or framed over a stream (0xA5, length, packet,
// CRC-8); formats in docs/SPEC.md. Without either the contactor and the lock follow module and plug. A client that breaks
// the packet format loses its connection; on a stream damage costs the packet, and is counted.
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IO_BYTES     8u
#define IO_PERIOD_US 40000u // at least every 50 ms
#define IO_TICK_US   10000u
#define TYPE_INPUTS  1u
#define TYPE_CARD    2u
#define TYPE_OUTPUTS 1u
#define RECEIVE_MOST 256u

#define STREAM_START    0xA5u
#define STREAM_MOST     24u // bytes of a packet
#define STREAM_OVERHEAD 3u
#define CRC_POLYNOMIAL  0x07u

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

int station_io_choose(station_io_t *io, const char *spec)
{
    static const struct {
        const char *prefix;
        station_io_kind_t kind;
    } kinds[] = {{"socket:", STATION_IO_SOCKET}, {"stream-unix:", STATION_IO_STREAM}};
    const char *path = spec; // a plain path is a socket
    io->kind = strcmp(spec, "none") == 0 ? STATION_IO_NONE : STATION_IO_SOCKET;
    for (unsigned i = 0; i < HF_COUNT_OF(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(spec, kinds[i].prefix, length) == 0) {
            io->kind = kinds[i].kind;
            path = spec + length;
        }
    }
    if (path[0] == '\0' || strlen(path) >= sizeof io->path) {
        (void)tool_fail(TOOL_USAGE, "sim",
                        "--io '%s': none, socket:PATH or stream-unix:PATH is needed, of 1 to %u "
                        "characters",
                        spec, STATION_PATH_BYTES - 1u);
        return tool_usage_hint("sim");
    }
    memcpy(io->path, path, strlen(path) + 1);
    return TOOL_GOOD;
}

int station_io_open(station_t *station)
{
    station_io_t *io = &station->io;
    if (io->kind == STATION_IO_NONE) {
        return TOOL_GOOD;
    }
    return station_listen(station, io->path,
                          io->kind == STATION_IO_STREAM ? SOCK_STREAM : SOCK_SEQPACKET,
                          station_tag(STATION_IO, 0, STATION_LISTENER), &io->listener);
}

void station_io_close(station_t *station)
{
    station_close_fd(&station->io.client);
    station_close_listener(&station->io.listener, station->io.path);
}

static void io_lost(station_t *station)
{
    station_close_fd(&station->io.client);
    station_tell_flag(station, "charger", -1, "connected", false);
}

static void io_accept(station_t *station)
{
    station_io_t *io = &station->io;
    int fd = station_accept(io->listener);
    if (fd < 0) {
        return;
    }
    station_close_fd(&io->client);
    io->client = fd;
    io->in_length = 0;
    (void)station_watch(station, fd, station_tag(STATION_IO, 0, 0));
    memset(io->sent_us, 0, sizeof io->sent_us);
    station_tell_flag(station, "charger", -1, "connected", true);
}

// ---- in ----

/// False when it is no packet of ours.
static bool drive(station_t *station, const uint8_t *packet, size_t length)
{
    if (length != IO_BYTES || packet[0] != TYPE_OUTPUTS || packet[1] >= station->connectors) {
        station->io.refused++;
        return false;
    }
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
    station_latency_look(station, packet[1]);
    return true;
}

static uint8_t crc8(const uint8_t *bytes, size_t length)
{
    unsigned crc = 0;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc & 0x80u) != 0 ? (crc << 1 ^ CRC_POLYNOMIAL) & 0xFFu : crc << 1;
        }
    }
    return (uint8_t)crc;
}

/// How many bytes the beginning of the stream is done with; 0: more are needed.
static size_t take_framed(station_t *station)
{
    station_io_t *io = &station->io;
    const uint8_t *in = io->in;
    if (in[0] != STREAM_START) {
        return 1; // between packets: counted where it was damaged
    }
    if (io->in_length < 2) {
        return 0;
    }
    size_t length = in[1];
    if (length == 0 || length > STREAM_MOST) {
        io->refused++;
        return 1;
    }
    if (io->in_length < length + STREAM_OVERHEAD) {
        return 0;
    }
    if (crc8(in + 1, length + 1) != in[length + 2]) {
        io->refused++;
        return 1;
    }
    (void)drive(station, in + 2, length);
    return length + STREAM_OVERHEAD;
}

static void receive_stream(station_t *station)
{
    station_io_t *io = &station->io;
    ssize_t length =
        recv(io->client, io->in + io->in_length, sizeof io->in - io->in_length, MSG_DONTWAIT);
    if (length <= 0) {
        if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
            io_lost(station);
        }
        return;
    }
    io->in_length += (size_t)length;
    size_t taken;
    while (io->in_length > 0 && (taken = take_framed(station)) > 0) {
        io->in_length -= taken;
        memmove(io->in, io->in + taken, io->in_length);
    }
}

static void receive_packets(station_t *station)
{
    for (unsigned i = 0; i < RECEIVE_MOST && station->io.client >= 0; i++) {
        uint8_t packet[IO_BYTES + 1];
        ssize_t length = recv(station->io.client, packet, sizeof packet, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (length <= 0 || !drive(station, packet, (size_t)length)) {
            io_lost(station);
        }
    }
}

void station_io_receive(station_t *station, unsigned client)
{
    if (client == STATION_LISTENER) {
        io_accept(station);
    } else if (station->io.kind == STATION_IO_STREAM) {
        receive_stream(station);
    } else {
        receive_packets(station);
    }
}

static void drive_by_itself(station_t *station, unsigned connector)
{
    sim_outlet_t *outlet = &station->outlet[connector];
    evse_io_drive_t levels = {.live_count = ++station->io.live[connector]};
    levels.level[EVSE_OUT_CONTACTOR] = outlet->plugged && outlet->switch_on;
    levels.level[EVSE_OUT_LOCK] = outlet->plugged;
    sim_outlet_drive(outlet, &levels);
}

void station_io_catch_up(station_t *station)
{
    if (station->io.client >= 0) {
        station_io_receive(station, 0);
    }
    for (unsigned c = 0; c < station->connectors && station->io.kind == STATION_IO_NONE; c++) {
        drive_by_itself(station, c);
    }
}

// ---- out ----

static void io_put(station_t *station, const uint8_t *packet, size_t length)
{
    station_io_t *io = &station->io;
    uint8_t framed[STREAM_MOST + STREAM_OVERHEAD] = {STREAM_START, (uint8_t)length};
    if (io->kind == STATION_IO_STREAM) {
        memcpy(framed + 2, packet, length);
        framed[length + 2] = crc8(framed + 1, length + 1);
        packet = framed;
        length += STREAM_OVERHEAD;
    }
    ssize_t sent = send(io->client, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL);
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
    station_latency_sends(station, bits);
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
