// SPDX-License-Identifier: MIT
// What the parts of a simulated outlet show each other: module, vehicle, bus, outlet. Each part keeps its own
// fields.
#ifndef SIM_PRIVATE_H
#define SIM_PRIVATE_H

#include "sim/sim.h"

#define SIM_US_PER_MS 1000u

static inline bool sim_has_fault(const sim_outlet_t *outlet, sim_faults_t fault)
{
    return (outlet->faults & fault) != 0;
}

static inline uint64_t sim_us(uint32_t ms)
{
    return (uint64_t)ms * SIM_US_PER_MS;
}

static inline void sim_put_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

void sim_bus_init(sim_outlet_t *outlet);
/// Faults have changed; `set` are the new ones.
void sim_bus_changed(sim_outlet_t *outlet, sim_faults_t set);
/// Queues a frame for a bus (the only one without two_buses); the oldest gives way. Nothing leaves a bus that is off.
void sim_outlet_send(sim_outlet_t *outlet, sim_bus_t bus, const evse_can_frame_t *frame);
/// What the terminal's sensor sees.
int32_t sim_outlet_sensed_mV(const sim_outlet_t *outlet);

void sim_module_init(sim_outlet_t *outlet);
/// True when the frame was for a module.
bool sim_module_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
/// A module's own OFF when a request id has been silent too long, its temperature, the unsolicited frames.
void sim_module_step(sim_outlet_t *outlet);
/// Faults have changed.
void sim_module_changed(sim_outlet_t *outlet);
/// Current the modules are heading for together into a source of ocv_uV behind resistance_uohm.
int64_t sim_module_target_uA(const sim_outlet_t *outlet, int64_t ocv_uV, int64_t resistance_uohm);
/// How many are on, at least one.
uint32_t sim_module_on_count(const sim_outlet_t *outlet);
/// Gives each module its share of output_uA.
void sim_module_share(sim_outlet_t *outlet);

#define SIM_BATTERY_UOHM 60000

void sim_vehicle_plug(sim_outlet_t *outlet, bool plugged);
void sim_vehicle_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
void sim_vehicle_step(sim_outlet_t *outlet);
/// Open-circuit voltage at the present charge.
int64_t sim_vehicle_ocv_uV(const sim_outlet_t *outlet);
void sim_vehicle_charge(sim_outlet_t *outlet, int64_t uAs);

#endif
