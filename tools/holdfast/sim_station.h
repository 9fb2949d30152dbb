// SPDX-License-Identifier: MIT
// `holdfast sim` as one object: outlets in real time, their wires (a CAN bus each, by whatever back end), inputs and
// outputs, a script, events on stdout.
// Invariants: one thread, one epoll; nothing but stdout may block; simulated time is CLOCK_MONOTONIC; every path that was
// bound or linked is unlinked at the end.
#ifndef SIM_STATION_H
#define SIM_STATION_H

#include "holdfast/hf_json.h"
#include "holdfast/hf_text.h"
#include "sim/sim.h"

#include <stdio.h>

#define STATION_CLIENTS_MAX  8u
#define STATION_PATH_BYTES   104u
#define STATION_TAG_MAX      20u
#define STATION_WIRES        (CONFIG_EVSE_CONNECTORS_MAX * SIM_BUS_COUNT)
#define STATION_LISTENER     0xFFu // in the place of a client's number
#define STATION_SCRIPT_STEPS 1024u
#define STATION_TIMERS       32u
#define STATION_LINE_BYTES   512u
#define STATION_US_PER_MS    1000u

// What an epoll event is about: kind << 16 | wire << 8 | client.
typedef enum station_source {
    STATION_TIMER,
    STATION_SIGNAL,
    STATION_WIRE,
    STATION_IO,
} station_source_t;

typedef struct station station_t;
typedef struct station_wire station_wire_t;

/// A back end of a bus.
typedef struct station_wire_ops {
    const char *prefix; // of its spec
    const char *help;
    /// 0, or an exit status after a message.
    int (*open)(station_t *station, station_wire_t *wire);
    /// Something can be read from a client, or STATION_LISTENER has one more.
    void (*receive)(station_t *station, station_wire_t *wire, unsigned client);
    void (*send)(station_wire_t *wire, const evse_can_frame_t *frame);
    /// Once a tick; NULL: nothing to do.
    void (*tick)(station_t *station, station_wire_t *wire, evse_can_state_t state);
    /// The adapter goes away or comes back; NULL: there is none.
    void (*plug)(station_t *station, station_wire_t *wire, bool plugged);
    /// Ends what the fields of the wire do not tell; NULL: there is no such thing.
    void (*close)(station_wire_t *wire);
} station_wire_ops_t;

extern const station_wire_ops_t station_hub;        // virtual:PATH
extern const station_wire_ops_t station_slcan_pty;  // slcan-pty:LINK
extern const station_wire_ops_t station_slcan_unix; // slcan-unix:PATH
extern const station_wire_ops_t station_socketcan;  // socketcan:IF
#if CONFIG_HOLDFASTD_SLCAN
extern const station_wire_ops_t station_adapter_node; // slcan:DEVICE
#endif

/// What an SLCAN adapter remembers.
typedef struct station_adapter {
    bool is_open, listens_only, stamps, is_noisy;
    evse_can_state_t state;
    unsigned waiting; // frames that nobody acknowledged
    char line[64];    // command in the making
    size_t length;
    bool skips; // to the end of a line that was too long
    int slave;  // kept open, so that the pty lives without a client; -1 none
    uint32_t random;
    size_t out_length; // of what could not be written yet
    char out[8192];
} station_adapter_t;

/// One CAN bus of an outlet.
struct station_wire {
    const station_wire_ops_t *ops; // NULL: not there
    const char *spec;              // as given
    char path[STATION_PATH_BYTES];
    unsigned index;                  // connector * SIM_BUS_COUNT + bus
    int listener;                    // -1 none
    int client[STATION_CLIENTS_MAX]; // -1 free
    uint32_t in, out, dropped,
        refused;                // frames from the charger, to it, lost for want of room; bad input
    uint32_t told_in, told_out; // by the last event "frames"
    bool is_off, is_gone;       // bus off; adapter unplugged
    station_adapter_t adapter;
    struct station_node *node; // of slcan:DEVICE
};

typedef enum station_io_kind {
    STATION_IO_SOCKET,
    STATION_IO_STREAM,
    STATION_IO_NONE, // contactor and lock follow module and plug
} station_io_kind_t;

typedef struct station_io {
    station_io_kind_t kind;
    char path[STATION_PATH_BYTES];
    int listener;
    int client; // -1 none; a new one replaces the old
    uint32_t sequence, refused;
    uint16_t sent_bits[CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t sent_us[CONFIG_EVSE_CONNECTORS_MAX]; // 0: send at once
    uint32_t live[CONFIG_EVSE_CONNECTORS_MAX];    // of STATION_IO_NONE
    uint8_t in[256];                              // of a stream
    size_t in_length;
} station_io_t;

/// What stdout was last told of an outlet.
typedef struct station_told {
    int64_t power_mW;
    uint64_t power_since_us; // when it last became 0 or stopped being 0
    bool contactor, locked, module_on;
    uint32_t output_bits;
    uint32_t soc_percent;
} station_told_t;

/// How fast the charger answered the last opening of the emergency stop.
typedef struct station_latency {
    bool is_armed;    // the loop was opened, nobody was told yet
    uint64_t edge_us; // then; 0 never
    struct {
        bool is_awaited;
        uint64_t off_us, open_us; // 0 not yet
    } outlet[CONFIG_EVSE_CONNECTORS_MAX];
} station_latency_t;

struct station_verb;

/// A line of a script, understood.
typedef struct script_step {
    const struct station_verb *verb;
    unsigned line;
    unsigned connector; // from 0
    bool on;
    sim_faults_t fault;
    unsigned wire_fault; // of the wire, not of the outlet: 0 none
    int unit;            // -1: all
    uint32_t ms;         // wait, or how long it lasts; 0: until told otherwise
    // expect
    unsigned subject;
    uint8_t relation;
    uint32_t within_ms;
    int64_t value_milli;
    int64_t numbers[2];
    char text[64];
} script_step_t;

/// A script: a file, read whole before it starts, or lines on stdin.
typedef struct station_script {
    const char *file; // NULL: stdin
    script_step_t steps[STATION_SCRIPT_STEPS];
    unsigned count, next;
    char text[4096]; // of stdin, not understood yet
    size_t length;
    unsigned lines; // of stdin
    bool skips;     // to the end of a line that was too long
    bool has_ended; // nothing more will come
    bool is_done;   // and all of it was carried out
    script_step_t current;
    bool is_waiting; // for `current`
    uint64_t since_us, held_since_us;
    struct {
        uint64_t due_us; // 0 free
        script_step_t step;
    } timer[STATION_TIMERS];
    unsigned failures;
} station_script_t;

struct station {
    unsigned connectors;
    sim_outlet_t outlet[CONFIG_EVSE_CONNECTORS_MAX];
    station_wire_t wire[STATION_WIRES];
    station_io_t io;
    station_told_t told[CONFIG_EVSE_CONNECTORS_MAX];
    station_script_t script;
    station_latency_t latency;
    uint64_t now_us;
    uint64_t counts_period_us, counts_us; // 0: frames are not counted on stdout
    int epoll, timer, signals;
    bool is_mute; // no events
    bool ends;
};

uint64_t station_clock_us(void);
int station_watch(station_t *station, int fd, uint32_t tag);
uint32_t station_tag(station_source_t source, unsigned wire, unsigned client);

// Sockets.
/// Listens at a path, taking over what a dead server left; 0, or an exit status after a message.
int station_listen(station_t *station, const char *path, int type, uint32_t tag, int *listener);
/// -1: nobody there after all.
int station_accept(int listener);
void station_close_fd(int *fd);
void station_close_listener(int *listener, const char *path);

// Wires.
/// The n-th back end; NULL past the last.
const station_wire_ops_t *station_backend(unsigned n);
/// Chooses the back end of a spec; 0, or an exit status after a message.
int station_wire_choose(station_wire_t *wire, const char *option, const char *spec);
int station_wires_open(station_t *station);
void station_wires_close(station_t *station);
/// Sends what the outlets have to say, tells the back ends of the time and of the buses' states.
void station_wires_run(station_t *station, bool is_tick);
/// A frame of the charger's.
void station_wire_heard(station_t *station, station_wire_t *wire, const evse_can_frame_t *frame);

// Faults of a wire, for scripts: 0 unknown.
#define STATION_SERIAL_NOISE 1u
#define STATION_ADAPTER_GONE 2u
unsigned station_wire_fault_find(const char *name, sim_bus_t *bus);
const char *station_wire_fault_name(unsigned index);
const char *station_wire_fault_text(unsigned index);
/// NULL, or what is wrong.
const char *station_wire_fault_set(station_t *station, unsigned wire, unsigned fault, bool on);

// Inputs and outputs.
int station_io_choose(station_io_t *io, const char *spec);
int station_io_open(station_t *station);
void station_io_close(station_t *station);
void station_io_receive(station_t *station, unsigned client);
/// Reads what has come before time passes.
void station_io_catch_up(station_t *station);
/// Sends the inputs that changed or are due.
void station_io_send(station_t *station);
/// False when no charger is connected.
bool station_io_card(station_t *station, unsigned connector, const char *tag);

/// Begins an event line on stdout; connector from 0, or negative for none.
typedef struct station_event {
    char text[2048];
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
void station_tell_frames(station_t *station);

// Latency of the emergency stop.
void station_latency_arm(station_t *station);
/// Inputs go out to the charger.
void station_latency_sends(station_t *station, unsigned bits);
/// Something came from the charger.
void station_latency_look(station_t *station, unsigned connector);
/// The event "estop_latency", once both have come.
void station_latency_tell(station_t *station, unsigned connector);

// Script.
/// Understands one line. NULL: an empty line (step->verb is NULL) or a step; else what is wrong.
const char *station_script_parse(const station_t *station, char *text, script_step_t *step);
/// Reads a file whole; 0, or an exit status after a message with its line.
int station_script_load(station_t *station, const char *path);
/// Reads what stdin has, without waiting.
void station_script_receive(station_t *station);
/// Carries out what is due.
void station_script_run(station_t *station);
/// For --help.
void station_script_help(void);

// What verbs do; the results are NULL or what is wrong. In sim_acts.c.
const char *station_act_plug(station_t *station, const script_step_t *step);
const char *station_act_card(station_t *station, const script_step_t *step);
const char *station_act_fault(station_t *station, const script_step_t *step);
const char *station_act_clear_all(station_t *station, const script_step_t *step);
const char *station_act_estop(station_t *station, const script_step_t *step);
const char *station_act_reset(station_t *station, const script_step_t *step);
const char *station_act_button(station_t *station, const script_step_t *step);
const char *station_act_ask(station_t *station, const script_step_t *step);
const char *station_act_say(station_t *station, const script_step_t *step);
const char *station_act_status(station_t *station, const script_step_t *step);
const char *station_act_quit(station_t *station, const script_step_t *step);

// What `expect` looks at.
/// The number of a subject by its name and the word that follows (a relation or a state); -1 unknown.
int station_subject_find(const char *name, const char *word);
bool station_subject_is_number(unsigned subject);
/// A number in thousandths, or 1 where the state named is the one it is in.
int64_t station_subject_milli(const station_t *station, unsigned subject, unsigned connector);
void station_subject_help(void);

/// A verb of the script.
typedef struct station_verb {
    const char *name;
    const char *usage;
    /// Reads the words after the name. NULL, or what is wrong.
    const char *(*parse)(const station_t *station, char **words, unsigned count,
                         script_step_t *step);
    const char *(*run)(station_t *station, const script_step_t *step); // NULL: wait and expect
} station_verb_t;

#endif
