// SPDX-License-Identifier: MIT
// The control tick. Goals: bounded work, no waiting, one order of things. Invariants: inputs and the E-stop come before
// every judgement, judgements before every write; each connector's verdict is of this very tick; the snapshot shows what
// was written.
#include "evse/evse_control.h"

#include "evse_buses.h"
#include "evse_channel.h"
#include "evse_commission_watch.h"
#include "evse_gate.h"
#include "evse_latch.h"
#include "evse_power.h"
#include "evse_publish.h"
#include "holdfast/hf_clock.h"

#include <string.h>

#define mJ_PER_J 1000u

_Static_assert(EVSE_STALL_MS < EVSE_LIVE_SIGNAL_TIMEOUT_MS,
               "control has to know of a stall before the contactor drops out [SAF-11]");

static bool is_seam_complete(const evse_channel_config_t *config)
{
    return config->profile != NULL && config->limits != NULL &&
           (config->meter == NULL ||
            (config->meter->ops != NULL && config->meter->ops->advance != NULL));
}

static int init_buses(evse_channel_t *channel, const evse_channel_config_t *config)
{
    int status = evse_can_bus_init(&channel->module_bus, config->can);
    if (status == 0 && config->bms_can.ops != NULL) {
        status = evse_can_bus_init(&channel->bms_bus, config->bms_can);
    }
    return status;
}

static int init_devices(evse_channel_t *channel, const evse_channel_config_t *config)
{
    const evse_bms_profile_t *bms =
        config->bms != NULL ? config->bms : evse_bms_profile_find(config->limits->bms);
    int status = evse_module_init(&channel->module, config->profile,
                                  config->units == 0 ? 1u : config->units);
    return status == 0 ? evse_bms_init(&channel->bms, bms) : status;
}

static int init_channel(evse_channel_t *channel, const evse_channel_config_t *config)
{
    if (!is_seam_complete(config)) {
        return HF_E_ARGUMENT;
    }
    int status = evse_limits_check(config->limits);
    if (status == 0) {
        status = init_buses(channel, config);
    }
    if (status == 0) {
        status = init_devices(channel, config);
    }
    channel->config = *config;
    evse_commission_watch_init(channel);
    evse_meter_terminal_init(&channel->terminal_meter, &channel->module);
    channel->meter.ops = &evse_meter_terminal_ops;
    channel->meter.ctx = &channel->terminal_meter;
    if (config->meter != NULL) {
        channel->meter = *config->meter;
    }
    channel->register_mJ = config->register_mJ;
    channel->finishing = config->finishing;
    channel->state = config->finishing ? EVSE_STATE_Finishing : EVSE_STATE_Available;
    channel->verdict.reasons = EVSE_REASON(NO_ORDER);
    channel->bus = EVSE_CAN_BUS_OFF;
    return status;
}

int evse_control_init(evse_control_t *control, const evse_control_config_t *config)
{
    if (control == NULL || config == NULL || config->mailbox == NULL || config->io.ops == NULL ||
        config->io.ops->sample == NULL || config->io.ops->drive == NULL) {
        return HF_E_ARGUMENT;
    }
    if (config->connectors == 0 || config->connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_RANGE;
    }
    memset(control, 0, sizeof *control);
    control->connectors = config->connectors;
    control->io = config->io;
    control->mailbox = config->mailbox;
    control->log = config->log;
    control->estop_reported = config->estop_latched; // the journal knows
    atomic_init(&control->estop_latched, config->estop_latched ? 1u : 0u);
    atomic_init(&control->commission_wanted, 0u);
    for (uint32_t i = 0; i < config->connectors; i++) {
        int status = init_channel(&control->channel[i], &config->channel[i]);
        if (status != 0) {
            return status;
        }
        control->channel[i].weld_latched = (config->weld_latched >> i & 1u) != 0;
    }
    return HF_OK;
}

// [SAF-08] Whatever the module was told before this boot, it is told OFF now.
static void begin(evse_control_t *control, uint64_t now_us)
{
    control->started_us = now_us;
    control->last_tick_us = now_us;
    for (uint32_t i = 0; i < control->connectors; i++) {
        evse_channel_t *channel = &control->channel[i];
        evse_gate_boot(control, channel, now_us);
        channel->off_since_us = now_us;
        channel->off_confirmed = false;
        channel->weld_since_us = now_us;
        channel->plug_change_us = now_us;
        channel->finishing_since_us = now_us;
    }
}

static void note_gap(evse_control_t *control, uint64_t now_us)
{
    uint64_t gap_us = now_us - control->last_tick_us;
    if (gap_us > 2u * EVSE_TICK_US) {
        control->ticks_late++;
    }
    for (uint32_t i = 0; gap_us > EVSE_US(EVSE_STALL_MS) && i < control->connectors; i++) {
        if (control->channel[i].phase != EVSE_POWER_OFF) {
            control->channel[i].stalled = true;
            HF_LOGW(control->log, now_us, SAFETY, "connector %u: no tick for %u ms, power down",
                    (unsigned)i + 1u, (unsigned)(gap_us / HF_US_PER_MS));
        }
    }
}

// What cannot be read leaves the last orders, which expire. [SAF-10]
static void read_orders(evse_control_t *control)
{
    evse_orders_t orders;
    if (hf_snapshot_read(&control->mailbox->orders, &orders) == 0) {
        control->orders = orders;
    }
    for (uint32_t i = 0; i < control->connectors; i++) {
        control->channel[i].order = control->orders.connector[i];
    }
}

static void judge(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->active && evse_channel_hears_bms(channel, now_us)) {
        channel->bms_expected = true;
    }
    evse_safety_inputs_t inputs = {
        .module = &channel->module,
        .bms = &channel->bms,
        .io = &channel->inputs,
        .order = &channel->order,
        .bus = channel->bus,
        .estop_latched = evse_latch_is_tripped(control),
        .fault_locked = channel->fault != EVSE_FAULT_NONE,
        .events_full = !channel->active && !evse_channel_has_room(control, channel),
        .energized = channel->phase == EVSE_POWER_ON &&
                     now_us - channel->phase_since_us >= EVSE_US(EVSE_SETTLE_ON_MS),
        .delivered = channel->active && channel->energized_once,
        .setpoint_mA = channel->reference_mA,
        .meter_stale = channel->meter_stale,
        .bms_expected = channel->bms_expected && !channel->ending,
        .contactor_welded = channel->weld_latched,
        .commissioning = channel->commission.state != EVSE_COMMISSION_NONE,
        .started_us = control->started_us,
    };
    channel->verdict = evse_safety_judge(&inputs, channel->config.limits, now_us);
}

static void send_passive(evse_channel_t *channel, uint64_t now_us)
{
    const evse_module_t *module = &channel->module;
    bool fresh = evse_reading_is_fresh(module->terminal_mV, now_us,
                                       EVSE_US(channel->config.limits->reading_age_ms));
    evse_bms_status_t status = {
        .output_mV = fresh ? module->terminal_mV.value : 0,
        .output_mA = fresh ? module->terminal_mA.value : 0,
        .hardware_failure = channel->fault != EVSE_FAULT_NONE,
        .over_temperature = (channel->verdict.reasons & EVSE_REASON(OVERTEMPERATURE)) != 0,
        .battery_missing =
            !channel->plugged || (channel->verdict.reasons & EVSE_REASON(BATTERY)) != 0,
        .bms_timeout = !evse_channel_hears_bms(channel, now_us),
    };
    evse_can_frame_t frame;
    while (evse_module_next_query(&channel->module, now_us, &frame)) {
        (void)evse_gate_send(channel, &frame); // lost: the next round asks again
    }
    while (evse_bms_next_frame(&channel->bms, &status, now_us, &frame)) {
        (void)evse_gate_send_bms(channel, &frame);
    }
}

// What is integrated counts while the contactor is closed; a register of the meter's own counts whenever it moves.
static bool is_countable(const evse_channel_t *channel, uint64_t register_mJ, bool was_closed)
{
    if (register_mJ < channel->register_mJ || channel->meter.age_ms != 0) {
        return register_mJ >= channel->register_mJ;
    }
    return was_closed &&
           register_mJ - channel->register_mJ <= (uint64_t)EVSE_METER_STEP_MAX_J * mJ_PER_J;
}

static void advance_meter(evse_channel_t *channel, bool was_closed, uint64_t now_us)
{
    evse_meter_count_t count = {.register_mJ = channel->register_mJ,
                                .taken_us = channel->meter_taken_us,
                                .session = channel->active};
    uint64_t age_us = channel->meter.age_ms != 0 ? EVSE_US(channel->meter.age_ms)
                                                 : EVSE_US(channel->config.limits->reading_age_ms);
    int status = channel->meter.ops->advance(channel->meter.ctx, now_us, &count);
    if (status == 0) {
        channel->meter_stamp_us = now_us;
        channel->meter_taken_us = count.taken_us;
        if (is_countable(channel, count.register_mJ, was_closed)) {
            channel->register_mJ = count.register_mJ;
        }
    }
    channel->meter_stale = status == HF_E_TIMEOUT || status == HF_E_RANGE ||
                           channel->meter_stamp_us == 0 ||
                           now_us - channel->meter_stamp_us > age_us;
}

static void step(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool was_closed = channel->drive.level[EVSE_OUT_CONTACTOR];
    evse_channel_flush(control, channel);
    evse_channel_watch_plug(control, channel, now_us);
    evse_channel_watch_buttons(control, channel, now_us);
    judge(control, channel, now_us);
    evse_commission_watch(control, channel, now_us);
    evse_channel_watch_faults(control, channel, now_us);
    evse_channel_follow_order(control, channel, now_us);
    evse_channel_unlock(control, channel, now_us);
    evse_power_step(control, channel, now_us);
    evse_gate_write(control, channel, now_us);
    send_passive(channel, now_us);
    evse_buses_recover(channel, now_us);
    advance_meter(channel, was_closed, now_us);
    evse_channel_finish(control, channel, now_us);
    evse_channel_show_state(control, channel, now_us);
}

void evse_control_tick(evse_control_t *control, uint64_t now_us)
{
    if (!control->begun) { // not the count of ticks, which wraps after a year
        control->begun = true;
        begin(control, now_us);
    }
    note_gap(control, now_us);
    for (uint32_t i = 0; i < control->connectors; i++) {
        evse_buses_receive(control, &control->channel[i], now_us);
        // A negative status leaves the stamps: what is not renewed grows old.
        (void)control->io.ops->sample(control->io.ctx, i, now_us, &control->channel[i].inputs);
    }
    evse_latch_judge(control, now_us);
    read_orders(control);
    for (uint32_t i = 0; i < control->connectors; i++) {
        step(control, &control->channel[i], now_us);
    }
    control->ticks++;
    control->last_tick_us = now_us;
    evse_publish(control, now_us);
}
