// SPDX-License-Identifier: MIT
// `holdfast sim` as one object: outlets in real time, a hub per CAN bus, the I/O socket, events on stdout.
// Invariants: one thread, one epoll; nothing but stdout may block; simulated time is CLOCK_MONOTONIC; every socket path
// that was bound is unlinked at the end.
#ifndef SIM_STATION_H
#define SIM_STATION_H

#include "holdfast/hf_json.h"
#include "holdfast/hf_text.h"
#include "sim/sim.h"

#include <stdio.h>

#define STATION_CLIENTS_MAX 8u
#define STATION_PATH_BYTES  104u
#define STATION_TAG_MAX     20u

// What an epoll event is about: kind << 16 | connector << 8 | client.
typedef enum station_source {
    STATION_TIMER,
    STATION_SIGNAL,
    STATION_SCRIPT,
    STATION_CAN_LISTENER,
    STATION_CAN_CLIENT,
    STATION_IO_LISTENER,
    STATION_IO_CLIENT,
} station_source_t;

/// One CAN bus: whoever is connected hears what the others and the outlet say.
typedef struct station_bus {
    char path[STATION_PATH_BYTES];
    int listener;
    int client[STATION_CLIENTS_MAX]; // -1 free
    uint32_t dropped;                // frames a client's queue had no room for
} station_bus_t;

typedef struct station_io {
    char path[STATION_PATH_BYTES];
    int listener;
    int client; // -1 none; a new one replaces the old
    uint32_t sequence;
    uint16_t sent_bits[CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t sent_us[CONFIG_EVSE_CONNECTORS_MAX]; // 0: send at once
} station_io_t;

/// What stdout was last told of an outlet.
typedef struct station_told {
    int64_t power_mW;
    bool contactor, locked;
    uint32_t output_bits;
    uint32_t soc_percent;
} station_told_t;

typedef struct station {
    unsigned connectors;
    sim_outlet_t outlet[CONFIG_EVSE_CONNECTORS_MAX];
    station_bus_t bus[CONFIG_EVSE_CONNECTORS_MAX];
    station_io_t io;
    station_told_t told[CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t now_us;
    int epoll, timer, signals;
    char script[512]; // line in the making
    size_t script_length;
    bool script_is_file, script_ended, ends;
} station_t;

uint64_t station_clock_us(void);
int station_watch(station_t *station, int fd, uint32_t tag);

/// Opens every listener; 0, or an exit status after a message.
int station_sockets_open(station_t *station);
void station_sockets_close(station_t *station);
void station_can_accept(station_t *station, unsigned connector);
void station_can_receive(station_t *station, unsigned connector, unsigned client);
/// Sends what the outlet has to say; while it is off the bus, clients are off too.
void station_can_send(station_t *station, unsigned connector);
void station_io_accept(station_t *station);
void station_io_receive(station_t *station);
/// Sends the inputs that changed or are due.
void station_io_send(station_t *station);
/// False when no charger is connected.
bool station_io_card(station_t *station, unsigned connector, const char *tag);

/// Begins an event line on stdout; connector from 0, or negative for none.
typedef struct station_event {
    char text[1024];
    hf_builder_t out;
    hf_json_writer_t json;
} station_event_t;
void station_event_begin(station_event_t *event, const station_t *station, const char *name,
                         int connector);
void station_event_end(station_event_t *event, station_t *station);
/// An event of one flag, e.g. {"t":1.5,"event":"contactor","connector":1,"closed":true}.
void station_tell_flag(station_t *station, const char *name, int connector, const char *flag,
                       bool value);
/// Tells what changed since it was last told.
void station_tell_changes(station_t *station, unsigned connector);
void station_tell_ready(station_t *station);
void station_tell_status(station_t *station);

/// Reads stdin, carries out whole lines.
void station_script_receive(station_t *station);

#endif
