// SPDX-License-Identifier: MIT
// A charge point and its whole world in one process and in stepped time: outlets, central system, link and flash, all
// advanced by one scheduler. The same objects as holdfastd's, composed differently; nothing here reads a clock.
// Invariants: the same seed gives the same run; a kill loses what was not synced only if the flash is told to.
#ifndef WORLD_H
#define WORLD_H

#include "csms/csms.h"
#include "evse/evse_view.h"
#include "hf_flash_ram.h"
#include "holdfast/hf_dossier.h"
#if CONFIG_HF_TELEMETRY
#include "holdfast/hf_telemetry.h"
#endif
#include "holdfast/hf_trace.h"
#include "sim/sim.h"

#define WORLD_STEP_US       EVSE_TICK_US
#define WORLD_SEGMENT_BYTES 262144u
#define WORLD_SEGMENTS      2u
#define WORLD_PROGRAM_BYTES 4u
#define WORLD_TAG_BYTES     65536u // a segment of the local list or the authorization cache: 1,364 tags
#define WORLD_TAG_SEGMENTS  4u
#define WORLD_LINK_MESSAGES 16u
#define WORLD_LINK_BYTES    16384u
#define WORLD_LOG_LINES     256u
#define WORLD_CAN_FRAMES    64u
#define WORLD_TRACE_ENTRIES 4096u   // between two steps
#define WORLD_RAM_BYTES     327680u // of the device that is played, for its telemetry

/// Texts on their way in one direction.
typedef struct world_pipe {
    char text[WORLD_LINK_MESSAGES][WORLD_LINK_BYTES];
    size_t length[WORLD_LINK_MESSAGES];
    uint32_t head, tail;
    bool is_reading; // the receiver has not asked for another since the one before tail
} world_pipe_t;

typedef struct world_link {
    world_pipe_t up, down; // to the central system, to the charge point
    evse_link_state_t state;
    bool reachable;      // the network and the central system are there
    uint64_t open_at_us; // when an opening succeeds or fails
    int error;
} world_link_t;

#define WORLD_WIFI_APS 2

typedef struct world_ap {
    char name[HF_NET_NAME_BYTES], secret[HF_NET_SECRET_BYTES];
    int rssi_dBm; // as the charge point hears it
    bool is_present, has_dhcp;
} world_ap_t;

/// A radio, with what is around it; see world_wifi.h.
typedef struct world_wifi {
    world_ap_t ap[WORLD_WIFI_APS];
    unsigned phase;
    int joined; // access point, -1 none
    bool is_welcome, has_address;
    hf_net_failure_t failure;
    char wanted[HF_NET_NAME_BYTES];
    uint64_t since_us, heard_us, weak_us;
    unsigned joins;
} world_wifi_t;

typedef struct world_can {
    evse_can_frame_t frames[WORLD_CAN_FRAMES]; // towards the charger
    uint32_t head, tail, dropped;
    sim_outlet_t *outlet;
    sim_bus_t bus;
} world_can_t;

/// Of the telemetry of the charge point that runs; private to world_telemetry.c.
typedef struct world_telemetry {
    uint32_t reason; // hf_reset_reason_t of the next boot; 0: the first
#if CONFIG_HF_TELEMETRY
    hf_telemetry_t device;
    hf_tripwire_t tripwire;
    hf_wire_t wires[HF_TRIPWIRE_DEFAULTS];
    uint32_t least_free, queue_peak;
    uint32_t sessions_started, sessions_ended;
    bool is_connected, has_net;
#endif
} world_telemetry_t;

typedef struct world_config {
    unsigned connectors;
    uint32_t modules; // of each outlet; 0: one
    bool two_buses;   // the BMS has one of its own
    uint64_t seed;
    uint64_t utc_ms;  // calendar time at now_us = 0
    bool wifi;        // the charge point is on a radio network, not on a cable
    bool clock_known; // the charge point trusts its own clock from the start
    bool verbose;     // log lines and central-system events to stdout
    void (*print)(void *ctx, const char *line); // where verbose output goes
    void *print_ctx;
    /// Gets the trace of memory, a line with its end per call; NULL: none. Needs CONFIG_HF_TRACE.
    void (*trace)(void *ctx, const char *line, size_t length);
    void *trace_ctx;
    /// Gets the lines of telemetry, whole; NULL: none. Needs CONFIG_HF_TELEMETRY.
    bool (*telemetry)(void *ctx, const char *line, size_t length);
    void *telemetry_ctx;
    uint32_t heartbeat_s, tripwire_bytes; // of telemetry
    uint32_t cut_power_at;                // the journal's n-th program is torn; 0 none
    uintptr_t
        stack_top; // frames of callers are looked for below it (CONFIG_HF_TRACE_FRAMES); 0: none
} world_config_t;

typedef struct world {
    world_config_t config;
    uint64_t now_us;
    uint64_t steps;
    uint64_t boot_us; // when the charge point of now was started: its own time is now_us - boot_us
    bool running;     // false: killed, waits for world_boot()
    evse_t evse;
    evse_config_t evse_config;
    sim_outlet_t outlet[CONFIG_EVSE_CONNECTORS_MAX];
    world_can_t can[CONFIG_EVSE_CONNECTORS_MAX][SIM_BUS_COUNT];
    world_link_t link;
    world_wifi_t wifi;
    hf_net_t net;
    csms_t csms;
    int station; // at the central system, negative while not connected
    hf_flash_ram_t flash_ram;
    hf_flash_t flash;
    uint8_t flash_memory[WORLD_SEGMENTS * WORLD_SEGMENT_BYTES];
    hf_flash_ram_t tag_ram;
    hf_flash_t tag_flash;
    uint8_t tag_memory[WORLD_TAG_SEGMENTS * WORLD_TAG_BYTES];
    hf_log_t log;
    uint32_t log_storage[HF_RING_BYTES(sizeof(hf_log_line_t), WORLD_LOG_LINES) / 4u];
    bool reset_wanted;
    uint32_t resets;
    int boot_status; // of the last start after a Reset
    uint64_t random;
    world_telemetry_t telemetry;
    struct { // power lost by config.cut_power_at
        hf_flash_t inner;
        uint32_t programs, cuts;
        uint64_t since_us; // 0: power is there
    } cut;
#if CONFIG_HF_TRACE
    hf_trace_t trace;
    uint32_t trace_storage[HF_TRACE_BYTES(WORLD_TRACE_ENTRIES) / 4u];
    bool is_traced;
#endif
} world_t;

/// Builds the world with a blank flash and boots the charge point. 0 or a status of evse_init().
HF_MUST_CHECK int world_init(world_t *world, const world_config_t *config);
/// Advances everything by one tick of 10 ms.
void world_step(world_t *world);
void world_run_ms(world_t *world, uint64_t ms);
/// Runs until `reached` says true, at most limit_ms. False when it never did.
bool world_run_until(world_t *world, bool (*reached)(world_t *world), uint64_t limit_ms);
/// The network or the central system goes away or comes back.
void world_set_reachable(world_t *world, bool reachable);
/// The charge point dies between two ticks, as by kill -9; outlets and central system go on.
void world_kill(world_t *world);
/// Ends the charge point in good order, as a shutdown does (at most 20 s), and starts it anew. False: its end took too long.
bool world_restart(world_t *world);
/// Starts the charge point anew on what the flash holds.
HF_MUST_CHECK int world_boot(world_t *world);
/// The latest views; zeroed when there is none yet.
evse_connector_view_t world_connector(const world_t *world, unsigned connector);
evse_comms_view_t world_comms(const world_t *world);
/// A script line for the central system ("remote-start CP1 1 TAG"), see csms_command().
HF_MUST_CHECK int world_csms(world_t *world, const char *line);
/// A card at a connector's reader, see evse_ocpp_present_tag().
HF_MUST_CHECK int world_present_tag(world_t *world, unsigned connector, const char *id_tag);
/// The charge point's own time.
uint64_t world_charger_now(const world_t *world);
/// A pseudo-random number below `bound`, from the world's seed.
uint32_t world_random(world_t *world, uint32_t bound);

#endif
