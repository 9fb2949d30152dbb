// SPDX-License-Identifier: MIT
// What the parts of a simulated outlet show each other: module, vehicle, outlet. Each part keeps its own fields.
#ifndef SIM_PRIVATE_H
#define SIM_PRIVATE_H

#include "sim/sim.h"

#define SIM_US_PER_MS 1000u

static inline bool sim_has_fault(const sim_outlet_t *outlet, uint32_t fault)
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

/// Queues a frame for the bus; the oldest gives way. Nothing leaves while BUS_OFF.
void sim_outlet_send(sim_outlet_t *outlet, const evse_can_frame_t *frame);

void sim_module_init(sim_outlet_t *outlet);
/// True when the frame was for the module.
bool sim_module_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
/// The module's own OFF when a request id has been silent too long, its temperature, its unsolicited frames.
void sim_module_step(sim_outlet_t *outlet);
/// Current the module is heading for into a source of ocv_mV behind resistance_uohm.
int64_t sim_module_target_uA(const sim_outlet_t *outlet, int64_t ocv_uV, int64_t resistance_uohm);

#define SIM_BATTERY_UOHM 60000

void sim_vehicle_plug(sim_outlet_t *outlet, bool plugged);
void sim_vehicle_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame);
void sim_vehicle_step(sim_outlet_t *outlet);
/// Open-circuit voltage at the present charge.
int64_t sim_vehicle_ocv_uV(const sim_outlet_t *outlet);
void sim_vehicle_charge(sim_outlet_t *outlet, int64_t uAs);

#endif
