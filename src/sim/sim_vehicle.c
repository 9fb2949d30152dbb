// SPDX-License-Identifier: MIT
// The simulated vehicle: a 23S LFP pack (open-circuit voltage by charge, internal resistance) and its BMS, which asks for
// full current up to 95 %, tapers, and forbids once full. Invariant: it is on the bus only while plugged.
#include "sim_private.h"

#include <string.h>

#define ID_REQUEST            0x1806E5F4u
#define ID_CHARGE_QUERY       0x160B0180u
#define ID_CHARGE_ANSWER      0x160B8001u
#define ID_DISCHARGE_QUERY    0x160D0180u
#define ID_DISCHARGE_ANSWER   0x160D8001u
#define ID_CHARGER_STATUS     0x18FF50E5u
#define REQUEST_PERIOD_US     500000u
#define WAKE_UP_US            200000u
#define LIFETIME_DRAWN_mAh    120000u
#define UAS_PER_MAH           3600000
#define TAPER_BEGINS_permille 950u
#define TAPER_ENDS_permille   50 // of the full request, at 100 %

// Rest voltages of the pack, rounded: the plateau of LFP with its steep ends.
static const struct ocv_point {
    int32_t permille, mV;
} ocv_curve[] = {
    {0, 60000},   {50, 69000},  {100, 72500}, {200, 74000},
    {500, 75500}, {800, 76800}, {950, 78000}, {1000, 82000},
};

uint32_t sim_outlet_soc_permille(const sim_outlet_t *outlet)
{
    return (uint32_t)(outlet->battery_uAs * 1000 / outlet->capacity_uAs);
}

int64_t sim_vehicle_ocv_uV(const sim_outlet_t *outlet)
{
    int64_t ppm = outlet->battery_uAs * 1000000 / outlet->capacity_uAs;
    size_t i = 1;
    while (i + 1 < HF_COUNT_OF(ocv_curve) && ppm > (int64_t)ocv_curve[i].permille * 1000) {
        i++;
    }
    const struct ocv_point *low = &ocv_curve[i - 1], *high = &ocv_curve[i];
    int64_t span_ppm = (int64_t)(high->permille - low->permille) * 1000;
    int64_t above_ppm = ppm - (int64_t)low->permille * 1000;
    return (int64_t)low->mV * 1000 + (int64_t)(high->mV - low->mV) * 1000 * above_ppm / span_ppm;
}

void sim_vehicle_charge(sim_outlet_t *outlet, int64_t uAs)
{
    outlet->battery_uAs += uAs;
    if (outlet->battery_uAs >= outlet->capacity_uAs) {
        outlet->battery_uAs = outlet->capacity_uAs;
        outlet->full = true;
    }
}

void sim_vehicle_plug(sim_outlet_t *outlet, bool plugged)
{
    if (plugged == outlet->plugged) {
        return;
    }
    outlet->plugged = plugged;
    outlet->charger_seen = false;
    if (plugged) {
        uint32_t permille = outlet->config.initial_soc_permille;
        outlet->battery_uAs = outlet->capacity_uAs / 1000 * permille;
        outlet->full = permille >= 1000;
        outlet->next_request_us = outlet->now_us + WAKE_UP_US;
    }
}

void sim_outlet_set_request(sim_outlet_t *outlet, int32_t mV, int32_t mA)
{
    outlet->config.request_mV = mV;
    outlet->config.request_mA = mA;
}

static int32_t wanted_mA(const sim_outlet_t *outlet)
{
    if (outlet->full) {
        return 0;
    }
    uint32_t permille = sim_outlet_soc_permille(outlet);
    if (permille <= TAPER_BEGINS_permille) {
        return outlet->config.request_mA;
    }
    int64_t left = 1000 - (int64_t)permille;
    int64_t part = TAPER_ENDS_permille +
                   (1000 - TAPER_ENDS_permille) * left / (1000 - (int64_t)TAPER_BEGINS_permille);
    return (int32_t)(outlet->config.request_mA * part / 1000);
}

static void put_tenths(uint8_t *out, int32_t milli)
{
    uint32_t tenths = (uint32_t)milli / 100u;
    out[0] = (uint8_t)(tenths >> 8);
    out[1] = (uint8_t)tenths;
}

static void send_request(sim_outlet_t *outlet)
{
    evse_can_frame_t frame = {.id = ID_REQUEST, .length = 8, .extended = true};
    put_tenths(frame.data, outlet->config.request_mV);
    put_tenths(frame.data + 2, wanted_mA(outlet));
    frame.data[4] = outlet->full || sim_has_fault(outlet, SIM_FAULT_BMS_FORBIDS) ? 1 : 0;
    if (outlet->config.request_soc) {
        uint32_t permille = sim_outlet_soc_permille(outlet);
        frame.data[5] = (uint8_t)(permille >> 8);
        frame.data[6] = (uint8_t)permille;
    } else {
        frame.data[5] = sim_has_fault(outlet, SIM_FAULT_BMS_HEATING) ? 1 : 0;
    }
    if (sim_has_fault(outlet, SIM_FAULT_BMS_IMPOSSIBLE)) {
        memset(frame.data, outlet->requests % 2u == 0 ? 0xFF : 0, 2);
        memset(frame.data + 2, 0xFF, 2);
    }
    frame.length = sim_has_fault(outlet, SIM_FAULT_BMS_SHORT) ? 7 : 8;
    outlet->requests++;
    sim_outlet_send(outlet, SIM_BUS_BMS, &frame);
}

void sim_vehicle_step(sim_outlet_t *outlet)
{
    if (!outlet->plugged || outlet->now_us < outlet->next_request_us) {
        return;
    }
    outlet->next_request_us += REQUEST_PERIOD_US;
    if (outlet->next_request_us <= outlet->now_us) {
        outlet->next_request_us = outlet->now_us + REQUEST_PERIOD_US;
    }
    if (!sim_has_fault(outlet, SIM_FAULT_BMS_SILENT)) {
        send_request(outlet);
    }
}

void sim_vehicle_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame)
{
    bool hears = outlet->plugged && !sim_has_fault(outlet, SIM_FAULT_BMS_SILENT);
    if (!hears || !frame->extended) {
        return;
    }
    evse_can_frame_t answer = {.extended = true};
    answer.length = sim_has_fault(outlet, SIM_FAULT_BMS_SHORT) ? 3 : 8;
    uint32_t stored_mAh = (uint32_t)(outlet->battery_uAs / UAS_PER_MAH);
    if (frame->id == ID_CHARGE_QUERY) {
        answer.id = ID_CHARGE_ANSWER;
        sim_put_u32(answer.data, LIFETIME_DRAWN_mAh + stored_mAh);
        sim_outlet_send(outlet, SIM_BUS_BMS, &answer);
    } else if (frame->id == ID_DISCHARGE_QUERY) {
        answer.id = ID_DISCHARGE_ANSWER;
        sim_put_u32(answer.data, LIFETIME_DRAWN_mAh);
        sim_outlet_send(outlet, SIM_BUS_BMS, &answer);
    } else if (frame->id == ID_CHARGER_STATUS) {
        outlet->charger_seen = true;
    }
}
