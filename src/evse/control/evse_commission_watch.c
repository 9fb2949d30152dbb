// SPDX-License-Identifier: MIT
// Commissioning within a tick [SAF-15]: what the machine wants to know, and what it wants done. Invariant: the modules are
// mute exactly while the machine is in SILENT, as it is known after the judge of this very tick.
#include "evse_commission_watch.h"

#include "evse_channel.h"

void evse_commission_watch_init(evse_channel_t *channel)
{
    const evse_channel_config_t *config = &channel->config;
    if ((config->physical_bus && !config->commissioned) || config->commission_again) {
        evse_commission_want(&channel->commission);
    }
}

void evse_control_commission(evse_control_t *control, unsigned connector)
{
    if (connector < control->connectors) {
        atomic_fetch_or_explicit(&control->commission_wanted, 1u << connector,
                                 memory_order_acq_rel);
    }
}

// Already in this tick: a module that went off by itself must not be told ON once more.
static void withhold(evse_channel_t *channel)
{
    if (evse_commission_limit_mA(&channel->commission) == 0) {
        channel->verdict.reasons |= EVSE_REASON(ZERO_LIMIT);
        channel->verdict.setpoint_mV = 0;
        channel->verdict.setpoint_mA = 0;
    }
}

// Not in the midst of a session that runs with all limits.
static void take_wish(evse_control_t *control, evse_channel_t *channel)
{
    uint32_t bit = 1u << evse_channel_index(control, channel);
    if (channel->active || channel->commission.state != EVSE_COMMISSION_NONE ||
        (atomic_load_explicit(&control->commission_wanted, memory_order_acquire) & bit) == 0) {
        return;
    }
    atomic_fetch_and_explicit(&control->commission_wanted, ~bit, memory_order_acq_rel);
    evse_commission_want(&channel->commission);
}

static evse_commission_inputs_t inputs_of(const evse_channel_t *channel, uint64_t now_us)
{
    bool on = channel->phase == EVSE_POWER_ON;
    return (evse_commission_inputs_t){
        .module = &channel->module,
        .session = channel->active && !channel->ending,
        .on = on && now_us - channel->phase_since_us >= EVSE_US(EVSE_SETTLE_ON_MS),
        .off = channel->phase == EVSE_POWER_OFF,
        .permitted = channel->verdict.reasons == 0 && channel->fault == EVSE_FAULT_NONE,
        .reduced = channel->verdict.setpoint_mA < channel->sent_mA ||
                   channel->verdict.setpoint_mV < channel->sent_mV,
        .sent = !channel->group_due,
    };
}

static void tell(evse_control_t *control, evse_channel_t *channel, evse_commission_state_t before,
                 uint64_t now_us)
{
    const evse_commission_t *commission = &channel->commission;
    if (commission->state != before) {
        HF_LOGD(control->log, now_us, SAFETY, "connector %u: commissioning: %s",
                evse_channel_index(control, channel) + 1u,
                evse_commission_state_text(commission->state));
    }
    if (commission->state == EVSE_COMMISSION_ANNOUNCED && before != commission->state) {
        channel->group_due = true; // both request ids are heard in this tick, then never until ...
        evse_module_restart(&channel->module, now_us);
    }
}

void evse_commission_watch(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_commission_t *commission = &channel->commission;
    evse_commission_state_t before = commission->state;
    take_wish(control, channel);
    evse_commission_inputs_t inputs = inputs_of(channel, now_us);
    evse_commission_result_t result = evse_commission_step(commission, &inputs, now_us);
    withhold(channel);
    tell(control, channel, before, now_us);
    evse_module_mute(&channel->module, commission->state == EVSE_COMMISSION_SILENT, now_us);
    if (result == EVSE_COMMISSION_PROVEN) {
        HF_LOGD(control->log, now_us, SAFETY,
                "connector %u: profile %s proven within %u permille, own time-out %u ms",
                evse_channel_index(control, channel) + 1u, channel->config.profile->name,
                (unsigned)commission->agree_permille, (unsigned)commission->timeout_ms);
        evse_channel_event(control, channel, EVSE_EVENT_COMMISSIONED, commission->timeout_ms,
                           now_us);
    } else if (result == EVSE_COMMISSION_REFUTED) {
        evse_channel_raise(control, channel, EVSE_FAULT_COMMISSIONING_FAILED, now_us);
    }
}
