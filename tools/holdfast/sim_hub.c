// SPDX-License-Identifier: MIT
// `holdfast sim`, back end virtual:PATH: the hub of a bus over a Unix socket, frames as in docs/SPEC.md. Whoever is
// connected hears what the others and the outlet say. A client that does not read loses frames, as on a bus; one that
// breaks the format loses its connection; a bus that is off has no clients.
#include "sim_station.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_BYTES  16u
#define EXTENDED_BIT 0x80000000u
#define STANDARD_MAX 0x7FFu
#define RECEIVE_MOST 64u // of one client at a time

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

static int hub_open(station_t *station, station_wire_t *wire)
{
    return station_listen(station, wire->path, SOCK_SEQPACKET,
                          station_tag(STATION_WIRE, wire->index, STATION_LISTENER),
                          &wire->listener);
}

static void hub_accept(station_t *station, station_wire_t *wire)
{
    int fd = station_accept(wire->listener);
    if (fd < 0) {
        return;
    }
    for (unsigned i = 0; i < STATION_CLIENTS_MAX && !wire->is_off; i++) {
        if (wire->client[i] < 0) {
            wire->client[i] = fd;
            (void)station_watch(station, fd, station_tag(STATION_WIRE, wire->index, i));
            return;
        }
    }
    (void)close(fd);
}

static void forward(station_wire_t *wire, const uint8_t packet[FRAME_BYTES], int except)
{
    for (unsigned i = 0; i < STATION_CLIENTS_MAX; i++) {
        if (wire->client[i] < 0 || wire->client[i] == except) {
            continue;
        }
        if (send(wire->client[i], packet, FRAME_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            wire->dropped++; // a dead client shows at its next receive
        }
    }
}

static bool read_frame(const uint8_t packet[FRAME_BYTES], evse_can_frame_t *frame)
{
    uint32_t id = get_u32(packet);
    *frame = (evse_can_frame_t){
        .extended = (id & EXTENDED_BIT) != 0, .id = id & ~EXTENDED_BIT, .length = packet[4]};
    memcpy(frame->data, packet + 8, sizeof frame->data);
    return frame->length <= 8 && frame->id <= (frame->extended ? EVSE_CAN_ID_MASK : STANDARD_MAX);
}

/// A cable that is out parts the clients from each other too.
static bool is_passing(const station_t *station, const station_wire_t *wire)
{
    return sim_outlet_bus_state(&station->outlet[wire->index / SIM_BUS_COUNT],
                                (sim_bus_t)(wire->index % SIM_BUS_COUNT)) == EVSE_CAN_ACTIVE;
}

static void hub_receive(station_t *station, station_wire_t *wire, unsigned client)
{
    if (client == STATION_LISTENER) {
        hub_accept(station, wire);
        return;
    }
    for (unsigned i = 0; i < RECEIVE_MOST && wire->client[client] >= 0; i++) {
        uint8_t packet[FRAME_BYTES + 1];
        ssize_t length = recv(wire->client[client], packet, sizeof packet, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        evse_can_frame_t frame;
        if (length != (ssize_t)FRAME_BYTES || !read_frame(packet, &frame)) {
            wire->refused += length > 0 ? 1u : 0u;
            station_close_fd(&wire->client[client]);
            return;
        }
        if (is_passing(station, wire)) {
            forward(wire, packet, wire->client[client]);
        }
        station_wire_heard(station, wire, &frame);
    }
}

static void hub_send(station_wire_t *wire, const evse_can_frame_t *frame)
{
    uint8_t packet[FRAME_BYTES] = {0};
    put_u32(packet, frame->id | (frame->extended ? EXTENDED_BIT : 0));
    packet[4] = frame->length;
    memcpy(packet + 8, frame->data, sizeof frame->data);
    forward(wire, packet, -1);
}

static void hub_tick(station_t *station, station_wire_t *wire, evse_can_state_t state)
{
    (void)station;
    for (unsigned i = 0; i < STATION_CLIENTS_MAX && state == EVSE_CAN_BUS_OFF; i++) {
        station_close_fd(&wire->client[i]);
    }
}

const station_wire_ops_t station_hub = {.prefix = "virtual:",
                                        .help = "PATH  hub of a bus over a Unix socket",
                                        .open = hub_open,
                                        .receive = hub_receive,
                                        .send = hub_send,
                                        .tick = hub_tick};
