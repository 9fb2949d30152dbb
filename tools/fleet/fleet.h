// SPDX-License-Identifier: MIT
// holdfast-fleet: many charge points in one process, each the product's own control, sessions, store and OCPP over a
// simulated
// outlet, its journal in memory. Against a real central system in real time (a load on that), or against the one in
// this process
// in stepped time (a field test of the charge points).
#ifndef FLEET_H
#define FLEET_H

#include "csms/csms.h"
#include "evse/evse_view.h"
#include "evse/evse_ws.h"
#include "evse_stream_tcp.h"
#include "hf_flash_ram.h"
#include "holdfast.h"
#include "sim/sim.h"

#include <stdio.h>

#define FLEET_VERB          "fleet"
#define FLEET_UNITS_MAX     4000u
#define FLEET_SEGMENT_BYTES 16384u // of each journal, two of them
#define FLEET_CAN_FRAMES    64u
#define FLEET_NAME_BYTES    32u

// ---- scenario: fleet_scenario.c ----------------------------------------------------------------------------------------

typedef struct fleet_range {
    uint32_t least, most; // both may be drawn
} fleet_range_t;

/// What users, networks and hardware do. Seconds, and permille of sessions.
typedef struct fleet_scenario {
    char name[FLEET_NAME_BYTES];
    uint32_t sessions; // of each charge point; 0: until the time is over
    fleet_range_t first_s, card_s, session_s, unplug_s, pause_s;
    fleet_range_t outage_s, fault_s;
    uint32_t meter_interval_s;
    uint32_t by_plug, outages, faults, restarts; // permille
    sim_faults_t fault;                          // what a fault is; 0: drawn from six
} fleet_scenario_t;

void fleet_scenario_default(fleet_scenario_t *scenario);
/// Reads a scenario file over the defaults. TOOL_USAGE after a message that names the member, TOOL_ENVIRONMENT no such file.
HF_MUST_CHECK int fleet_scenario_read(const char *path, fleet_scenario_t *scenario);

// ---- figures: fleet_stats.c --------------------------------------------------------------------------------------------

#define FLEET_LATENCY_BUCKETS 96u

/// Answer times: quarters of an octave above 64 us.
typedef struct fleet_latency {
    uint32_t bucket[FLEET_LATENCY_BUCKETS];
    uint64_t count;
    uint64_t worst_us;
} fleet_latency_t;

// X(action): what is told apart.
#define FLEET_ACTION_TABLE(X)                                                                      \
    X(BootNotification)                                                                            \
    X(Heartbeat)                                                                                   \
    X(StatusNotification)                                                                          \
    X(Authorize)                                                                                   \
    X(StartTransaction)                                                                            \
    X(MeterValues)                                                                                 \
    X(StopTransaction)                                                                             \
    X(Other)

typedef enum fleet_action {
#define FLEET_ACTION_ENUM(name) FLEET_##name,
    FLEET_ACTION_TABLE(FLEET_ACTION_ENUM)
#undef FLEET_ACTION_ENUM
        FLEET_ACTIONS
} fleet_action_t;
extern const char *const fleet_action_names[FLEET_ACTIONS];

typedef struct fleet_stats {
    fleet_latency_t latency[FLEET_ACTIONS];
    uint64_t sent, answers, errors, unanswered, calls; // calls: of the central system
    uint64_t connects, losses;
    uint64_t began, charged, ended, failed; // sessions
    uint64_t outages, faults, restarts;
} fleet_stats_t;

void fleet_latency_add(fleet_latency_t *latency, uint64_t us);
/// The time that `permille` of the answers did not exceed, to a quarter of an octave; 0 without any.
uint64_t fleet_latency_us(const fleet_latency_t *latency, unsigned permille);
void fleet_latency_merge(fleet_latency_t *to, const fleet_latency_t *from);

// ---- one charge point: fleet_unit.c ------------------------------------------------------------------------------------

/// A link that watches another: counts, and times answers by `clock`.
typedef struct fleet_link {
    evse_link_t inner;
    fleet_stats_t *stats;
    uint64_t (*clock)(void *ctx);
    void *clock_ctx;
    const char *room;
    evse_link_state_t state;
    fleet_action_t action; // of the CALL that waits for its answer
    bool waits;
    bool is_cut; // there is no way to the central system now
    uint64_t sent_us;
} fleet_link_t;
extern const evse_link_ops_t fleet_link_ops; // ctx: fleet_link_t

typedef struct fleet_can {
    evse_can_frame_t frames[FLEET_CAN_FRAMES];
    uint32_t head, tail;
    sim_outlet_t *outlet;
} fleet_can_t;

typedef enum fleet_phase {
    FLEET_PAUSE,    // nothing plugged in
    FLEET_PLUGGED,  // before the card
    FLEET_WAITING,  // for power
    FLEET_CHARGING, // until it is ended
    FLEET_ENDING,   // before the plug is pulled
    FLEET_DONE,
} fleet_phase_t;

typedef struct fleet_unit {
    sim_outlet_t outlet;
    fleet_can_t can;
    fleet_link_t link;
    hf_flash_ram_t ram;
    hf_flash_t flash;
    const fleet_scenario_t *scenario;
    fleet_stats_t *stats;
    unsigned index;
    uint64_t random;
    uint64_t now_us, boot_us; // its world's time, and when it was started
    fleet_phase_t phase;
    uint64_t until_us;                                  // of the phase
    uint64_t outage_from_us, fault_from_us, restart_us; // in this session; 0 none
    uint64_t outage_until_us, fault_until_us;           // 0 none under way
    sim_faults_t fault;
    uint32_t sessions, ticks;
    bool restart_wanted;
    bool is_broken; // it did not start again
    evse_t evse;    // last: what is not used of it stays untouched
} fleet_unit_t;

typedef struct fleet_unit_config {
    unsigned index;
    uint32_t seed;
    const fleet_scenario_t *scenario;
    fleet_stats_t *stats;
    evse_link_t link;
    uint64_t (*clock)(void *ctx); // that answers are timed by
    void *clock_ctx;
    uint8_t *journal; // 2 * FLEET_SEGMENT_BYTES
} fleet_unit_config_t;

/// `unit` is zeroed memory.
HF_MUST_CHECK int fleet_unit_init(fleet_unit_t *unit, const fleet_unit_config_t *config);
/// One step of 10 ms, or of `step_us` when fleet_unit_is_idle().
void fleet_unit_step(fleet_unit_t *unit, uint64_t step_us);
/// Something has come from the central system: it is looked at without waiting for the next step.
void fleet_unit_hear(fleet_unit_t *unit);
/// Nothing is plugged in, nothing flows, nothing waits to be sent: longer steps lose nothing.
bool fleet_unit_is_idle(const fleet_unit_t *unit);
/// Messages of transactions not confirmed.
uint32_t fleet_unit_waiting(const fleet_unit_t *unit);
/// Until its next user comes.
uint64_t fleet_unit_next_us(const fleet_unit_t *unit);
bool fleet_unit_is_charging(const fleet_unit_t *unit);

// ---- runs --------------------------------------------------------------------------------------------------------------

typedef struct fleet_options {
    unsigned units;
    uint32_t seconds, days;
    uint32_t seed;
    char url[256];
    const char *scenario_path, *json_path, *html_path, *id_prefix;
    bool quiet;
} fleet_options_t;

#define FLEET_SAMPLES_MAX 600u

typedef struct fleet_sample { // for the report's curve
    uint32_t at_s, connected, charging, messages_per_s, p99_us;
} fleet_sample_t;

/// What a stepped unit was judged by.
typedef struct fleet_verdict {
    uint32_t sessions, charged, starts, stops, readings, resent, conflicts, invalid, waiting, lost;
    uint64_t simulated_Wh, billed_Wh;
    uint32_t peak_settled, peak_end; // messages kept, after session 10 and at the end
    bool memory_good, good;
} fleet_verdict_t;

typedef struct fleet_report {
    const fleet_options_t *options;
    const fleet_scenario_t *scenario;
    fleet_stats_t stats;
    double seconds;          // that it took, of the world
    double host_seconds;     // of the machine
    uint64_t resident_bytes; // of one charge point without its journal
    uint64_t behind_us_max;  // of the loop
    unsigned connected_max;
    fleet_sample_t sample[FLEET_SAMPLES_MAX];
    unsigned samples;
    fleet_verdict_t *verdict; // of each unit, with --days; NULL else
    unsigned bad_units;
} fleet_report_t;

/// TOOL_GOOD, TOOL_FAILED (nobody connected, sessions failed), TOOL_ENVIRONMENT, TOOL_INTERRUPTED.
HF_MUST_CHECK int fleet_live(const fleet_options_t *options, const fleet_scenario_t *scenario,
                             fleet_report_t *report);
/// One after the other, in 10 ms steps while anything happens.
HF_MUST_CHECK int fleet_days(const fleet_options_t *options, const fleet_scenario_t *scenario,
                             fleet_report_t *report);
void fleet_report_text(const fleet_report_t *report, FILE *out);
void fleet_report_json(const fleet_report_t *report, FILE *out);
void fleet_report_html(const fleet_report_t *report, FILE *out);

#endif
