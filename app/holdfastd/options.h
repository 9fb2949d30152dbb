// SPDX-License-Identifier: MIT
// What holdfastd can be told, on the command line or in a configuration file: one table of names, checked values, help.
#ifndef OPTIONS_H
#define OPTIONS_H

#include "evse/evse.h"
#include "evse/evse_stream.h"
#include "holdfast/hf_tripwire.h"

#include <sys/types.h>

// Exit codes: those of sysexits, so that systemd prints their names.
typedef enum exit_code {
    EXIT_GOOD = 0,
    EXIT_USAGE = 64,       // command line
    EXIT_UNAVAILABLE = 69, // a port, a socket or the state directory is in use
    EXIT_SOFTWARE = 70,    // our own bug
    EXIT_OS = 71,          // a thread or a signal could not be set up
    EXIT_STORAGE = 74,     // the journal cannot be opened
    EXIT_CONFIG = 78,      // a value makes no sense, or one is missing
} exit_code_t;

#define OPTIONS_SET_MAX  16u
#define OPTIONS_TEXT_MAX 256u
#define STATION_ID_BYTES 49u

/// What hangs on one connector; --bms-can, --modules and --meter speak of the last --can.
typedef struct options_outlet {
    char can[OPTIONS_TEXT_MAX];
    char bms_can[OPTIONS_TEXT_MAX]; // empty: the BMS is on `can`
    int64_t modules;                // 0: one
    char meter[OPTIONS_TEXT_MAX];   // empty: the terminal frames are integrated
    // derived
    bool is_physical;  // no virtual bus: its profile has to be named
    bool has_hardware; // nor one of the kernel's virtual interfaces: its profile has to be proven
} options_outlet_t;

typedef struct options {
    char csms[OPTIONS_TEXT_MAX];
    char id[STATION_ID_BYTES];
    options_outlet_t outlet[CONFIG_EVSE_CONNECTORS_MAX];
    unsigned connectors;
    char io[OPTIONS_TEXT_MAX];
    char state[OPTIONS_TEXT_MAX];
    char net[32]; // "auto", "none", or an interface
    char http_host[64];
    uint16_t http_port;
    bool has_http;
    char portal_password[OPTIONS_TEXT_MAX]; // file; empty: none
    char profile[32];
    char bms[32]; // empty: the one the vehicle profile names
    char vehicle[32];
    char watchdog[OPTIONS_TEXT_MAX];  // empty: none
    char console[OPTIONS_TEXT_MAX];   // empty: none
    char reader[OPTIONS_TEXT_MAX];    // empty: none
    char heap[OPTIONS_TEXT_MAX];      // empty: what the system has
    char ca[OPTIONS_TEXT_MAX];        // empty: the system's certificates
    int64_t stall_s;                  // of transfers
    char telemetry[OPTIONS_TEXT_MAX]; // empty: none
    int64_t heartbeat_s, tripwire_bytes;
    hf_trip_action_t on_trip[HF_WIRE_KINDS]; // where has_action
    bool has_action[HF_WIRE_KINDS];
    bool commission;
    char mqtt[OPTIONS_TEXT_MAX];                                          // empty: no client
    char mqtt_prefix[OPTIONS_TEXT_MAX], mqtt_discovery[OPTIONS_TEXT_MAX]; // empty: default
    char mqtt_password_file[OPTIONS_TEXT_MAX];                            // empty: none
    char vendor[21], model[21], serial[26];
    hf_log_level_t level;
    int64_t site_limit_A;
    struct {
        char key[EVSE_KEY_BYTES];
        char value[EVSE_VALUE_BYTES];
    } set[OPTIONS_SET_MAX];
    unsigned set_count;
    bool check_only;
    // derived
    evse_url_t url;
    const evse_module_profile_t *module_profile;
    const evse_bms_profile_t *bms_profile; // NULL: by the vehicle
    evse_limits_t limits;
} options_t;

/// Reads the command line (and the files it names) and checks everything. Returns -1 to go on, else the exit code: 0 after
/// --help, --tasks or --version, EXIT_USAGE or EXIT_CONFIG after one clear sentence on stderr.
int options_read(options_t *options, int argc, char **argv);

#endif
