// SPDX-License-Identifier: MIT
// The snapshot: what everybody else may know of the control tick. Invariant: it shows what was judged and written in this
// very tick.
#include "evse_publish.h"

#include "evse_channel.h"
#include "evse_latch.h"

static const evse_can_inbox_t *inbox_of(const evse_can_bus_t *bus)
{
    return bus->can.ops != NULL && bus->can.ops->inbox != NULL ? bus->can.ops->inbox(bus->can.ctx)
                                                               : NULL;
}

static uint32_t overruns_of(const evse_can_bus_t *bus)
{
    const evse_can_inbox_t *inbox = inbox_of(bus);
    return inbox != NULL ? inbox->stats.overruns : 0;
}

static uint32_t input_bits(const evse_io_inputs_t *inputs, bool fresh, uint64_t now_us)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        bool set = fresh ? evse_io_is_fresh(inputs, (evse_input_t)i, now_us)
                         : evse_io_level(inputs, (evse_input_t)i, now_us);
        bits |= set ? 1u << i : 0u;
    }
    return bits;
}

static void fill_view(const evse_channel_t *channel, uint64_t now_us, evse_connector_view_t *view)
{
    const evse_limits_t *limits = channel->config.limits;
    const evse_module_t *module = &channel->module;
    uint64_t age_us = EVSE_US(limits->reading_age_ms);
    uint64_t heat_us = EVSE_US(limits->temperature_age_ms);
    bool apart = channel->bms_bus.can.ops != NULL;
    bool alive = evse_channel_hears_bms(channel, now_us);
    const evse_bms_model_t *model = alive ? evse_bms_model(&channel->bms) : NULL;
    *view = (evse_connector_view_t){
        .register_mJ = channel->register_mJ,
        .vehicle = model != NULL ? model->name : NULL,
        .state = channel->state,
        .fault = channel->fault,
        .phase = channel->phase,
        .reasons = channel->verdict.reasons,
        .session_id = channel->session_id,
        .stopped = channel->stopped,
        .plugged = channel->plugged,
        .locked = evse_io_level(&channel->inputs, EVSE_IN_LOCK_FEEDBACK, now_us),
        .contactor_closed = evse_io_level(&channel->inputs, EVSE_IN_CONTACTOR_FEEDBACK, now_us),
        .mV = module->terminal_mV.value,
        .mA = module->terminal_mA.value,
        .meter_fresh = evse_reading_is_fresh(module->terminal_mV, now_us, age_us),
        .temperature_dC = evse_reading_is_fresh(module->temperature_dC, now_us, heat_us)
                              ? module->temperature_dC.value
                              : INT32_MIN,
        .soc_permille = evse_bms_soc_permille(&channel->bms, now_us),
        .range_km = evse_bms_range_km(&channel->bms, now_us),
        .offered_mV = channel->setpoint_mV,
        .offered_mA = channel->setpoint_mA,
        .request_mV = alive ? channel->bms.request_mV : 0,
        .request_mA = alive ? channel->bms.request_mA : 0,
        .bms_alive = alive,
        .bms_allows = alive && channel->bms.allows,
        .module_healthy = evse_module_is_healthy(module, now_us),
        .bus_active = channel->bus != EVSE_CAN_BUS_OFF,
        .unlock_done = channel->unlock_done,
        .unlock_ok = channel->unlock_ok,
        .can_rx = channel->can_rx,
        .can_tx = channel->can_tx,
        .can_errors = channel->can_errors,
        .bus_state = channel->module_bus.state,
        .bms_bus_state = apart ? channel->bms_bus.state : channel->module_bus.state,
        .bus_offs = channel->module_bus.bus_offs + channel->bms_bus.bus_offs,
        .bus_recoveries = channel->module_bus.recoveries + channel->bms_bus.recoveries,
        .bus_overruns = overruns_of(&channel->module_bus) + overruns_of(&channel->bms_bus),
        .ring_percent = channel->module_bus.ring_percent > channel->bms_bus.ring_percent
                            ? channel->module_bus.ring_percent
                            : channel->bms_bus.ring_percent,
        .commissioning = channel->commission.state,
        .commission_permille = channel->commission.agree_permille,
        .commission_timeout_ms = channel->commission.timeout_ms,
        .inputs = input_bits(&channel->inputs, false, now_us),
        .inputs_fresh = input_bits(&channel->inputs, true, now_us),
    };
}

void evse_publish(const evse_control_t *control, uint64_t now_us)
{
    evse_snapshot_t snapshot = {
        .now_us = now_us,
        .ticks = control->ticks,
        .ticks_late = control->ticks_late,
        .estop_latched = evse_latch_is_tripped(control),
        .events_refused =
            atomic_load_explicit(&control->mailbox->events.refused, memory_order_relaxed),
        .connectors = control->connectors,
    };
    for (uint32_t i = 0; i < control->connectors; i++) {
        fill_view(&control->channel[i], now_us, &snapshot.connector[i]);
    }
    hf_snapshot_write(&control->mailbox->snapshot, &snapshot);
}
