// SPDX-License-Identifier: MIT
// A simulated outlet: power module, vehicle with BMS and battery, contactor, lock, plug and E-stop loop, with real
// dynamics. Pure: stepped by now_us, frames in and out by function, no OS, no heap. Used by `holdfast sim` (a process of
// its own) and by holdfast-simd (in process). Never linked into holdfastd.
#ifndef SIM_H
#define SIM_H

#include "evse/evse_can.h"
#include "evse/evse_io.h"
#include "evse/evse_module.h"

typedef struct sim_config {
    const evse_module_profile_t *profile;
    uint32_t battery_mAh;          // 0: 30000
    uint32_t initial_soc_permille; // at each plug-in; 0: 300 (1 is as good as empty)
    int32_t request_mA;            // what the BMS asks at most; 0: 30000
    int32_t request_mV;            // 0: 84000
    uint32_t ramp_mA_per_s;        // one module's ramp upwards; 0: 20000
    uint32_t contactor_close_ms, contactor_drop_ms; // 0: 40, 30
    uint32_t module_timeout_ms;   // the module's own OFF when the controller is silent; 0: 3000
    bool two_buses;               // the BMS is on a bus of its own
    uint32_t units;               // power modules that share the load; 0: one
    bool sensor_behind_contactor; // the terminal frames tell the battery's side; else the module's
    bool request_soc;             // the request's b5-6 tell the state of charge
    uint32_t bus_frames_per_s;    // a full bus; 0: 1900 (250 kbit/s)
} sim_config_t;

// Faults a test can set, each until cleared. Those that say "each module" can be set for one unit alone.
#define SIM_FAULT_MODULE_SILENT          (1ull << 0) // each module: says nothing, still obeys
#define SIM_FAULT_BMS_SILENT             (1ull << 1) // neither speaks nor hears
#define SIM_FAULT_BMS_FORBIDS            (1ull << 2)
#define SIM_FAULT_HOT                    (1ull << 3) // each module: 71 degrees
#define SIM_FAULT_REFUSE_OFF             (1ull << 4) // each module: ignores OFF, and says so
#define SIM_FAULT_CONTACTOR_WELDED       (1ull << 5)
#define SIM_FAULT_CONTACTOR_STUCK_OPEN   (1ull << 6)
#define SIM_FAULT_NAN                    (1ull << 7) // terminal frames carry NaN
#define SIM_FAULT_BUS_OFF                (1ull << 8) // module bus: neither frames in nor out
#define SIM_FAULT_ESTOP                  (1ull << 9) // button pressed: loop open
#define SIM_FAULT_IO_SILENT              (1ull << 10)
#define SIM_FAULT_OVERVOLTAGE            (1ull << 11) // 95 V
#define SIM_FAULT_BMS_BUS_OFF            (1ull << 12)
#define SIM_FAULT_BUS_UNPLUGGED          (1ull << 13) // the cable is out: nothing passes, nothing says so
#define SIM_FAULT_BMS_BUS_UNPLUGGED      (1ull << 14)
#define SIM_FAULT_BABBLE                 (1ull << 15) // module bus full of frames with random ids
#define SIM_FAULT_BMS_BABBLE             (1ull << 16)
#define SIM_FAULT_FLOOD                  (1ull << 17) // module bus full of the module's ids with random content
#define SIM_FAULT_BMS_FLOOD              (1ull << 18)
#define SIM_FAULT_TERMINAL_SILENT        (1ull << 19) // power and status frames alone
#define SIM_FAULT_TELEMETRY_SILENT       (1ull << 20) // each module: no answer to queries
#define SIM_FAULT_HEARTBEAT_SILENT       (1ull << 21)
#define SIM_FAULT_ANSWERS_SILENT         (1ull << 22) // each module: obeys, but confirms nothing
#define SIM_FAULT_TERMINAL_CURRENT_STUCK (1ull << 23) // as it was when the fault was set
#define SIM_FAULT_TERMINAL_VOLTAGE_STUCK (1ull << 24)
#define SIM_FAULT_TEMPERATURE_STUCK      (1ull << 25) // each module
#define SIM_FAULT_READINGS_STUCK         (1ull << 26) // each module: its voltage and current
#define SIM_FAULT_INF                    (1ull << 27) // terminal frames carry infinity
#define SIM_FAULT_CURRENT_X10            (1ull << 28) // each module: reports ten times its current
#define SIM_FAULT_CURRENT_DIV102         (1ull << 29) // each module: 10 counts for 1024
#define SIM_FAULT_VOLTAGE_X1_1           (1ull << 30) // each module: reports 1.1 times its voltage
#define SIM_FAULT_UNDERVOLTAGE           (1ull << 31) // 40 V while on
#define SIM_FAULT_OVERCURRENT            (1ull << 32) // each module: 125 % of its rating, whatever was set
#define SIM_FAULT_OFF_LIED               (1ull << 33) // each module: confirms OFF, goes on
#define SIM_FAULT_MODULE_DEAD            (1ull << 34) // each module: no power, no frames
#define SIM_FAULT_UNIT_DEAD              (1ull << 35) // the same of the last unit alone
#define SIM_FAULT_LOCK_STUCK             (1ull << 36) // stays as it is
#define SIM_FAULT_FEEDBACK_OPEN                                                                    \
    (1ull << 37) // the contactor's auxiliary contact tells "open" always
#define SIM_FAULT_ESTOP_WIRE     (1ull << 38) // wire break in the E-stop loop
#define SIM_FAULT_BMS_IMPOSSIBLE (1ull << 39) // asks for 6553.5 V and A, or for 0 V
#define SIM_FAULT_BMS_SHORT      (1ull << 40) // frames of 7 bytes
#define SIM_FAULT_BMS_HEATING    (1ull << 41) // the heating flag is set
typedef uint64_t sim_faults_t;

/// What a name stands for in scripts ("module-silent", "contactor-stuck-open", ...); 0 when unknown.
sim_faults_t sim_fault_find(const char *name);
/// The name of a bit (from 0); NULL past the last.
const char *sim_fault_name(unsigned bit);
/// What it does, for people; NULL past the last.
const char *sim_fault_text(unsigned bit);
/// True when it can be set for one unit of several.
bool sim_fault_is_of_unit(sim_faults_t fault);

#define SIM_TX_FRAMES 32u

/// A simulated outlet has a module bus, and a BMS bus of its own with two_buses; else everything is on SIM_BUS_MODULE.
typedef enum sim_bus { SIM_BUS_MODULE, SIM_BUS_BMS, SIM_BUS_COUNT } sim_bus_t;

/// What waits to be sent on one bus, and a babbling node's share of it.
typedef struct sim_queue {
    evse_can_frame_t frame[SIM_TX_FRAMES];
    uint32_t head, count;
    uint64_t babbled_us;       // the bus is full of it up to here
    evse_can_frame_t intruder; // the frame the babbling node is sending; length above 8: none
} sim_queue_t;

/// One power module.
typedef struct sim_unit {
    bool on;
    int32_t set_mV, set_mA, temperature_dC;
    int64_t uA;                              // its share of the output
    uint64_t last_control_us, last_query_us; // of each request id
    sim_faults_t faults;                     // of this unit alone
    int32_t stuck_mV, stuck_mA, stuck_dC;    // readings when they got stuck
} sim_unit_t;

/// Fields are private to src/sim, except what is marked as truth.
typedef struct sim_outlet {
    sim_config_t config;
    uint64_t now_us;
    // truth, for whoever judges
    uint64_t energy_mJ; // integral of terminal power
    uint64_t energy_remainder_pJ;
    int64_t power_mW; // at the terminals now
    int32_t output_mV,
        output_mA;      // of the modules together; the battery's when the contactor is closed
    int32_t battery_mV; // behind the contactor: 0 while that is open and nothing is plugged in
    bool contactor_closed, plugged, locked;
    int64_t battery_uAs, capacity_uAs; // charge
    sim_faults_t faults;
    uint32_t hot_openings;  // times the contactor opened with 1 A or more flowing
    uint32_t hot_unplugs;   // times the plug was pulled so
    int32_t closing_mV;     // largest difference across the contactor when it closed onto a battery
    bool switch_on;         // any module
    int32_t set_mV, set_mA; // of the modules together: highest voltage, sum of the currents
    // modules
    sim_unit_t unit[CONFIG_EVSE_MODULES_MAX];
    int64_t output_uA;
    int64_t output_uV;
    int32_t stuck_mV, stuck_mA; // of the terminal frames
    uint64_t next_terminal_us, next_heartbeat_us;
    // vehicle
    uint64_t next_request_us;
    uint32_t requests;
    bool charger_seen, full;
    // contactor, lock and inputs
    bool coil_on;
    bool live_seen;
    uint32_t live_count;
    uint64_t live_us, coil_since_us;
    bool lock_commanded;
    uint64_t lock_since_us;
    bool latch_reset, start_pressed, stop_pressed;
    uint32_t output_bits; // last commanded, bit = evse_output_t
    // buses
    sim_queue_t tx[SIM_BUS_COUNT];
    uint32_t random;
    uint32_t frames_in, frames_out, frames_dropped; // of both buses
} sim_outlet_t;

void sim_outlet_init(sim_outlet_t *outlet, const sim_config_t *config);
/// Advances the physics to now_us (earlier times are ignored) by any amount, from a microsecond to a day. The step is cut
/// where the contactor moves and where a ramp ends; between the cuts current is linear in time and the integrals of
/// power and charge are exact but for the open-circuit voltage, which is renewed at least every second. Frames that
/// are due are sent once a step. Cost: some 10 ns while idle, about 100 ns while current flows, a second's worth each
/// when the step is longer.
void sim_outlet_step(sim_outlet_t *outlet, uint64_t now_us);
/// A frame from a bus, at the time of the last step. Answers wait for sim_outlet_transmit_on().
void sim_outlet_receive_on(sim_outlet_t *outlet, sim_bus_t bus, const evse_can_frame_t *frame);
/// The next frame on a bus; false when there is none now. A babbling node's are among them, as many as the bus carries in
/// the time since the last call (100 ms at most); a frame with the lower id goes first.
bool sim_outlet_transmit_on(sim_outlet_t *outlet, sim_bus_t bus, evse_can_frame_t *frame);
/// The same on SIM_BUS_MODULE, the only bus without two_buses.
void sim_outlet_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
bool sim_outlet_transmit(sim_outlet_t *outlet, evse_can_frame_t *frame);
/// What a controller on that bus would tell: BUS_OFF, or PASSIVE while nobody is there to acknowledge.
evse_can_state_t sim_outlet_bus_state(const sim_outlet_t *outlet, sim_bus_t bus);
/// The charger's outputs (levels and live signal), and the inputs it samples. Inputs return false while IO_SILENT.
void sim_outlet_drive(sim_outlet_t *outlet, const evse_io_drive_t *drive);
bool sim_outlet_inputs(const sim_outlet_t *outlet, bool level[EVSE_INPUT_COUNT]);

void sim_outlet_plug(sim_outlet_t *outlet, bool plugged);
void sim_outlet_set_fault(sim_outlet_t *outlet, sim_faults_t faults, bool on);
/// Faults of one unit (from 0) alone; those that are no unit's, and units that are not there, are left out.
void sim_outlet_set_unit_fault(sim_outlet_t *outlet, uint32_t unit, sim_faults_t faults, bool on);
void sim_outlet_hold_reset(sim_outlet_t *outlet, bool held);
void sim_outlet_hold_buttons(sim_outlet_t *outlet, bool start, bool stop);
/// What the BMS asks at most from now on; 0 V is as impossible as it looks.
void sim_outlet_set_request(sim_outlet_t *outlet, int32_t mV, int32_t mA);
uint32_t sim_outlet_soc_permille(const sim_outlet_t *outlet);

#endif
