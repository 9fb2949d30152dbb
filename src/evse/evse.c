// SPDX-License-Identifier: MIT
// One charge point put together: what the store knows goes into control before its first tick.
#include "evse/evse.h"

#if CONFIG_EVSE_OCPP
static uint32_t units_of(const evse_channel_config_t *channel)
{
    return channel->units == 0 ? 1u : channel->units;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

// [SAF-15] Another profile, or another number of modules, is not what was proven.
static bool is_commissioned(const evse_store_t *store, unsigned connector,
                            const evse_channel_config_t *channel)
{
    return channel->profile != NULL && channel->profile->name != NULL &&
           evse_store_is_proven(store, connector, channel->profile->name, units_of(channel));
}

static int open_store(evse_t *evse, const evse_config_t *config, evse_control_config_t *control)
{
    evse_store_config_t store = config->store;
    store.connectors = config->ocpp.connectors;
    int status = evse_store_open(&evse->store, &store);
    if (status != HF_OK) {
        return status;
    }
    for (unsigned i = 0u; i < CONFIG_EVSE_CONNECTORS_MAX; i++) {
        control->channel[i].register_mJ = evse->store.register_mJ[i];
        control->channel[i].finishing = evse->store.finishing[i];
        control->channel[i].commissioned = is_commissioned(&evse->store, i, &control->channel[i]);
    }
    control->estop_latched = evse->store.estop_latched;
    control->weld_latched = evse->store.weld_latched;
    return HF_OK;
}

static int start_ocpp(evse_t *evse, const evse_config_t *config)
{
    evse_ocpp_config_t ocpp = config->ocpp;
    ocpp.store = &evse->store;
    ocpp.mailbox = &evse->mailbox;
    for (unsigned i = 0u; i < config->control.connectors; i++) {
        const evse_channel_config_t *channel = &config->control.channel[i];
        ocpp.modules[i].profile = channel->profile->name;
        ocpp.modules[i].units = units_of(channel);
        ocpp.meter[i] = channel->meter;
        ocpp.modules[i].rated_mA =
            least(channel->limits->max_mA, channel->profile->rated_mA * (int32_t)units_of(channel));
        ocpp.modules[i].rated_mV = least(channel->limits->max_mV, channel->profile->rated_mV);
    }
    return evse_ocpp_init(&evse->ocpp, &ocpp);
}
#endif

int evse_init(evse_t *evse, const evse_config_t *config)
{
    evse_control_config_t control = config->control;
    int status = evse_mailbox_init(&evse->mailbox, config->control.connectors);
    if (status != HF_OK) {
        return status;
    }
    control.mailbox = &evse->mailbox;
#if CONFIG_EVSE_OCPP
    if (config->control.connectors != config->ocpp.connectors) {
        return HF_E_ARGUMENT;
    }
    status = open_store(evse, config, &control);
    if (status != HF_OK) {
        return status;
    }
#endif
    status = evse_control_init(&evse->control, &control);
#if CONFIG_EVSE_OCPP
    if (status == HF_OK) {
        status = start_ocpp(evse, config);
    }
#endif
    return status;
}

void evse_control_loop(evse_t *evse, uint64_t now_us)
{
    evse_control_tick(&evse->control, now_us);
}

void evse_comms_loop(evse_t *evse, uint64_t now_us)
{
#if CONFIG_EVSE_OCPP
    evse_ocpp_poll(&evse->ocpp, now_us);
#else
    (void)evse;
    (void)now_us;
#endif
}
