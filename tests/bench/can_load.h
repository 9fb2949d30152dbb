// SPDX-License-Identifier: MIT
// What both halves of `holdfast bench can` share: the real control tick in a session with a simulated outlet, frames that
// only fill the bus, and lines of results. A result is "NAME UNIT VALUE" on standard output; tools/bench/can.py judges.
#ifndef CAN_LOAD_H
#define CAN_LOAD_H

#include "evse/evse_control.h"
#include "sim/sim.h"

#define LOAD_FILLER_ID 0x1E0BEEF0u // nobody's
#define LOAD_PLUG_S    1u          // when the vehicle is plugged in, and when it is to charge
#define LOAD_ORDER_S   4u
#define LOAD_SETTLED_S 15u // from here on it charges

typedef struct load {
    evse_mailbox_t mailbox;
    evse_control_t control;
    evse_orders_t orders;
    sim_outlet_t outlet;
    uint64_t start_us;
} load_t;

/// Control of one connector over `can`; its inputs and outputs by `io`. HF_E_*.
HF_MUST_CHECK int load_init(load_t *load, evse_can_t can, evse_io_t io, uint64_t start_us);
/// Plugs the vehicle in when it is time; the outlet is the caller's to step.
void load_plug(load_t *load, uint64_t now_us);
/// One tick of control with the orders of its time.
void load_tick(load_t *load, uint64_t now_us);
bool load_is_charging(const load_t *load);

/// The nth frame that only fills the bus: unknown to everybody, or one of the module's that is too short to count.
evse_can_frame_t load_filler(uint32_t number);

void load_report(const char *name, const char *unit, uint64_t value);

/// The halves. 0, or 1 after a sentence on stderr.
int load_run_stepped(unsigned seconds);
int load_run_real(unsigned seconds);

#endif
