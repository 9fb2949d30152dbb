// SPDX-License-Identifier: MIT
// Taking readings: which value a measurand has now, or that it has none. Invariants: a value that is old, unknown or out of
// its bounds is left out, never written as 0; a reading carries the register of the moment it was taken.
#include "evse_ocpp_meter.h"

#define VIEW_AGE_US (2u * HF_US_PER_S) // the control loop writes one every tick

uint64_t evse_register_Wh(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t register_mJ =
        view != NULL ? view->register_mJ : ocpp->config.store->register_mJ[connector];
    return register_mJ / EVSE_mJ_PER_Wh;
}

// ---- one value ----------------------------------------------------------------------------------

static int ask_meter(const evse_ocpp_t *ocpp, unsigned connector, evse_quantity_t quantity,
                     evse_measured_t *out)
{
    const evse_meter_t *meter = ocpp->config.meter[connector];
    return meter == NULL || meter->ops->measure == NULL
               ? HF_E_UNSUPPORTED
               : meter->ops->measure(meter->ctx, quantity, ocpp->now_us, out);
}

static int32_t power_W(int32_t mV, int32_t mA)
{
    return (int32_t)((int64_t)mV * mA / 1000000);
}

// A sensor's zero is a little below or above; what flows back in earnest is no import.
static int32_t import_mA(const evse_connector_view_t *view)
{
    return view->mA < 0 && view->mA >= -EVSE_NO_LOAD_MA ? 0 : view->mA;
}

// What the charger knows without a meter.
static int ask_view(const evse_connector_view_t *view, unsigned measurand, int32_t *value)
{
    bool fresh = view->meter_fresh != 0u;
    switch ((evse_measurand_t)measurand) {
    case EVSE_MEASURAND_ENERGY: // written from the message's register, which has the range
        *value = 0;
        return HF_OK;
    case EVSE_MEASURAND_POWER:
        *value = power_W(view->mV, import_mA(view));
        return fresh ? HF_OK : HF_E_TIMEOUT;
    case EVSE_MEASURAND_VOLTAGE:
        *value = view->mV;
        return fresh ? HF_OK : HF_E_TIMEOUT;
    case EVSE_MEASURAND_CURRENT:
        *value = import_mA(view);
        return fresh ? HF_OK : HF_E_TIMEOUT;
    case EVSE_MEASURAND_OFFERED:
        *value = view->offered_mA;
        return HF_OK;
    case EVSE_MEASURAND_POWER_OFFERED:
        *value = power_W(view->offered_mV, view->offered_mA);
        return HF_OK;
    case EVSE_MEASURAND_SOC:
        *value = view->soc_permille;
        return view->soc_permille >= 0 ? HF_OK : HF_E_TIMEOUT;
    case EVSE_MEASURAND_TEMPERATURE:
        *value = view->temperature_dC;
        return view->temperature_dC != INT32_MIN ? HF_OK : HF_E_TIMEOUT;
    case EVSE_MEASURAND_INTERVAL:
    case EVSE_MEASURAND_FREQUENCY:
    case EVSE_MEASURAND_REACTIVE:
    case EVSE_MEASURAND_REACTIVE_ENERGY:
    case EVSE_MEASURAND_POWER_FACTOR:
    case EVSE_MEASURAND_COUNT:
    default:
        return HF_E_UNSUPPORTED;
    }
}

// Energy since the last reading of the same kind; those that have no interval have none of it.
static int ask_interval(const evse_ocpp_t *ocpp, unsigned connector, evse_context_t context,
                        uint64_t register_Wh, int32_t *value)
{
    const evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    bool aligned = context == EVSE_CONTEXT_CLOCK;
    if ((!aligned && context != EVSE_CONTEXT_PERIODIC) || (aligned && !own->aligned_known)) {
        return HF_E_TIMEOUT;
    }
    *value = (int32_t)((uint32_t)register_Wh - (aligned ? own->aligned_Wh : own->sampled_Wh));
    return HF_OK;
}

// The meter's own reading where it has one, at the outlet where that is what is asked for; else the charger's.
static int measure(const evse_ocpp_t *ocpp, unsigned connector, const evse_message_t *message,
                   evse_sample_t *sample)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    evse_quantity_t quantity = {sample->measurand, sample->phase};
    evse_measured_t measured = {0};
    uint64_t now_us = ocpp->now_us;
    int status = ask_meter(ocpp, connector, quantity, &measured);
    bool energy = sample->measurand == EVSE_MEASURAND_ENERGY;
    bool plain = evse_quantity_phase(sample->phase) == EVSE_PHASE_NONE;
    bool of_outlet = plain && sample->measurand >= EVSE_MEASURAND_POWER &&
                     sample->measurand <= EVSE_MEASURAND_CURRENT;
    bool at_place = !of_outlet || measured.location == EVSE_LOCATION_Outlet;
    if (status != HF_E_UNSUPPORTED && at_place) {
        sample->value = energy ? 0 : measured.value;
        sample->phase =
            (uint8_t)(evse_quantity_phase(sample->phase) | (unsigned)measured.location << 4);
        return status;
    }
    if (!plain || now_us - ocpp->snapshot.now_us > VIEW_AGE_US) {
        return HF_E_TIMEOUT;
    }
    return sample->measurand == EVSE_MEASURAND_INTERVAL
               ? ask_interval(ocpp, connector, (evse_context_t)message->context,
                              message->register_Wh, &sample->value)
               : ask_view(view, sample->measurand, &sample->value);
}

// ---- a set of them ------------------------------------------------------------------------------

static void begin(const evse_ocpp_t *ocpp, evse_context_t context, evse_message_t *message)
{
    message->kind = EVSE_MESSAGE_METER;
    message->at = evse_moment(ocpp);
    message->context = (uint8_t)context;
    message->samples = 0u;
}

bool evse_meter_take(evse_ocpp_t *ocpp, unsigned connector, const evse_quantities_t *list,
                     evse_context_t context, evse_message_t *message)
{
    begin(ocpp, context, message);
    message->register_Wh = evse_register_Wh(ocpp, connector);
    for (unsigned i = 0u; evse_view(ocpp, connector) != NULL && i < list->count; i++) {
        evse_sample_t *sample = &message->sample[message->samples];
        sample->measurand = list->item[i].measurand;
        sample->phase = list->item[i].phase;
        int status = measure(ocpp, connector, message, sample);
        bool possible = evse_measurand_is_possible(sample->measurand, sample->value);
        if (status == HF_OK && possible) {
            message->samples++;
        } else if (status == HF_OK || status == HF_E_RANGE) {
            ocpp->metering.refused++;
        }
    }
    return message->samples > 0u;
}

bool evse_meter_take_station(evse_ocpp_t *ocpp, const evse_quantities_t *list,
                             evse_context_t context, evse_message_t *message)
{
    const evse_quantities_t one = {.count = 1u, .item = {{EVSE_MEASURAND_POWER, 0u}}};
    uint64_t register_Wh = 0u;
    int64_t W = 0;
    bool power_known = true;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        register_Wh += evse_register_Wh(ocpp, i);
        power_known = power_known && evse_meter_take(ocpp, i, &one, context, message);
        W += power_known ? message->sample[0].value : 0;
    }
    begin(ocpp, context, message);
    message->register_Wh = register_Wh;
    for (unsigned i = 0u; i < list->count; i++) {
        bool energy = list->item[i].measurand == EVSE_MEASURAND_ENERGY;
        bool power = list->item[i].measurand == EVSE_MEASURAND_POWER && power_known;
        if ((energy || power) && evse_quantity_phase(list->item[i].phase) == EVSE_PHASE_NONE) {
            message->sample[message->samples++] = (evse_sample_t){
                .measurand = list->item[i].measurand, .value = power ? (int32_t)W : 0};
        }
    }
    return message->samples > 0u;
}

// ---- what can be asked for ----------------------------------------------------------------------

static bool is_measured(const evse_ocpp_t *ocpp, evse_quantity_t quantity)
{
    if (quantity.measurand <= EVSE_MEASURAND_POWER_OFFERED &&
        evse_quantity_phase(quantity.phase) == EVSE_PHASE_NONE) {
        return true;
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_measured_t measured;
        if (ask_meter(ocpp, i, quantity, &measured) != HF_E_UNSUPPORTED) {
            return true;
        }
    }
    return false;
}

int evse_quantities_parse(const evse_ocpp_t *ocpp, hf_slice_t list, evse_quantities_t *out)
{
    evse_quantities_t found = {0};
    hf_slice_t rest = list.length != 0u ? list : (hf_slice_t){0};
    hf_slice_t name;
    while (hf_slice_next(&rest, &name)) {
        evse_quantity_t quantity;
        if (found.count == EVSE_SAMPLES_MAX || !evse_quantity_parse(name, &quantity) ||
            !is_measured(ocpp, quantity)) {
            return HF_E_RANGE;
        }
        for (unsigned i = 0u; i < found.count; i++) {
            if (found.item[i].measurand == quantity.measurand &&
                found.item[i].phase == quantity.phase) {
                return HF_E_RANGE;
            }
        }
        found.item[found.count++] = quantity;
    }
    *out = found;
    return found.count;
}
