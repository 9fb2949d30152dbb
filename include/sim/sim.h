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
    uint32_t ramp_mA_per_s;        // module's ramp upwards; 0: 20000
    uint32_t contactor_close_ms, contactor_drop_ms; // 0: 40, 30
    uint32_t module_timeout_ms; // the module's own OFF when the controller is silent; 0: 3000
    bool two_buses;             // the BMS is on a bus of its own
    uint32_t units;             // power modules that share the load; 0: one
} sim_config_t;

// Faults a test can set, each until cleared.
typedef enum sim_fault {
    SIM_FAULT_MODULE_SILENT = 1u << 0,
    SIM_FAULT_BMS_SILENT = 1u << 1,
    SIM_FAULT_BMS_FORBIDS = 1u << 2,
    SIM_FAULT_HOT = 1u << 3,        // 71 degrees
    SIM_FAULT_REFUSE_OFF = 1u << 4, // the module ignores OFF
    SIM_FAULT_CONTACTOR_WELDED = 1u << 5,
    SIM_FAULT_CONTACTOR_STUCK_OPEN = 1u << 6,
    SIM_FAULT_NAN = 1u << 7,     // terminal frames carry NaN
    SIM_FAULT_BUS_OFF = 1u << 8, // neither frames in nor out
    SIM_FAULT_ESTOP = 1u << 9,   // loop open
    SIM_FAULT_IO_SILENT = 1u << 10,
    SIM_FAULT_OVERVOLTAGE = 1u << 11,
} sim_fault_t;

/// Names of the faults for scripts ("module-silent", "contactor-stuck-open", ...); 0 when unknown.
uint32_t sim_fault_find(const char *name);
/// The name of a bit (from 0); NULL past the last.
const char *sim_fault_name(unsigned bit);

#define SIM_TX_FRAMES 32u

/// Fields are private to src/sim, except what is marked as truth.
typedef struct sim_outlet {
    sim_config_t config;
    uint64_t now_us;
    // truth, for whoever judges
    uint64_t energy_mJ; // integral of terminal power
    uint64_t energy_remainder_pJ;
    int64_t power_mW; // at the terminals now
    int32_t output_mV, output_mA;
    bool contactor_closed, plugged, locked;
    int64_t battery_uAs, capacity_uAs; // charge
    uint32_t faults;                   // sim_fault_t bits
    uint32_t hot_openings;             // times the contactor opened with 1 A or more flowing
    // module
    bool switch_on;
    int32_t set_mV, set_mA, temperature_dC;
    int64_t output_uA;
    int64_t output_uV;
    uint64_t last_control_us, last_query_us; // of each request id
    uint64_t next_terminal_us, next_heartbeat_us;
    // vehicle
    uint64_t next_request_us;
    bool charger_seen, full;
    // contactor, lock and inputs
    bool coil_on;
    bool live_seen;
    uint32_t live_count;
    uint64_t live_us, coil_since_us;
    bool lock_commanded;
    uint64_t lock_since_us;
    bool latch_reset;
    uint32_t output_bits; // last commanded, bit = evse_output_t
    evse_can_frame_t tx[SIM_TX_FRAMES];
    uint32_t tx_head, tx_count;
    uint32_t frames_in, frames_out, frames_dropped;
} sim_outlet_t;

void sim_outlet_init(sim_outlet_t *outlet, const sim_config_t *config);
/// Advances the physics to now_us (earlier times are ignored) by any amount, from a microsecond to a day. The step is cut
/// where the contactor moves and where a ramp ends; between the cuts current is linear in time and the integrals of
/// power and charge are exact but for the open-circuit voltage, which is renewed at least every second. Frames that
/// are due are sent once a step. Cost: some 10 ns while idle, about 100 ns while current flows, a second's worth each
/// when the step is longer.
void sim_outlet_step(sim_outlet_t *outlet, uint64_t now_us);
/// The same per bus; without two_buses everything is on SIM_BUS_MODULE, which the calls below mean.
typedef enum sim_bus { SIM_BUS_MODULE, SIM_BUS_BMS, SIM_BUS_COUNT } sim_bus_t;
void sim_outlet_receive_on(sim_outlet_t *outlet, sim_bus_t bus, const evse_can_frame_t *frame);
bool sim_outlet_transmit_on(sim_outlet_t *outlet, sim_bus_t bus, evse_can_frame_t *frame);
/// A frame from the bus, at the time of the last step. Answers wait for sim_outlet_transmit().
void sim_outlet_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
/// The next frame the module or the BMS sends; false when there is none now.
bool sim_outlet_transmit(sim_outlet_t *outlet, evse_can_frame_t *frame);
/// The charger's outputs (levels and live signal), and the inputs it samples. Inputs return false while IO_SILENT.
void sim_outlet_drive(sim_outlet_t *outlet, const evse_io_drive_t *drive);
bool sim_outlet_inputs(const sim_outlet_t *outlet, bool level[EVSE_INPUT_COUNT]);

void sim_outlet_plug(sim_outlet_t *outlet, bool plugged);
void sim_outlet_set_fault(sim_outlet_t *outlet, uint32_t faults, bool on);
void sim_outlet_hold_reset(sim_outlet_t *outlet, bool held);
uint32_t sim_outlet_soc_permille(const sim_outlet_t *outlet);

#endif
