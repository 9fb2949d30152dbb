// SPDX-License-Identifier: MIT
// Driver of the Elcon/TC family, big-endian: the BMS's request, its lifetime counters, our status. Invariant: a request is
// stored whole or refused whole, but for its "no". The counters are 32 bits wide; an older firmware's 16-bit remaining
// charge at b2-3 of 0x160B8001 ends at 65.5 Ah and is not supported: such a pack shows no state of charge.
#include "evse/evse_bms.h"

enum {
    ID_REQUEST = 0x1806E5F4,
    ID_STATUS = 0x18FF50E5,
    ID_QUERY_CHARGE = 0x160B0180,
    ID_CHARGE = 0x160B8001,
    ID_QUERY_DISCHARGE = 0x160D0180,
    ID_DISCHARGE = 0x160D8001,
};
enum {
    MILLI_PER_TENTH = 100,
    COUNTER_BYTES = 4,
    SOC_UNKNOWN = 0xFFFF,
    SOC_MAX_permille = 1000,
    ALLOWED = 0x00, // any other value is "no"
    HEATING = 0x01,
};
enum { // bits of b4 of our status; bit 2, input voltage, is not measured here
    FLAG_HARDWARE = 1 << 0,
    FLAG_TEMPERATURE = 1 << 1,
    FLAG_BATTERY = 1 << 3,
    FLAG_TIMEOUT = 1 << 4,
};

static int32_t get_u16(const uint8_t *data)
{
    return data[0] << 8 | data[1];
}

static int receive_request(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us)
{
    const evse_bms_profile_t *profile = bms->profile;
    int32_t mV = get_u16(frame->data) * MILLI_PER_TENTH;
    int32_t mA = get_u16(frame->data + 2) * MILLI_PER_TENTH;
    if (frame->length == 8 && frame->data[4] != ALLOWED) {
        bms->allows = false; // a "no" is one, whatever else is impossible in it [SAF-03]
    }
    int32_t soc = profile->request_soc ? get_u16(frame->data + 5) : SOC_UNKNOWN;
    if (frame->length != 8 || mV < profile->request_min_mV || mV > profile->request_max_mV ||
        mA > profile->request_max_mA || (soc > SOC_MAX_permille && soc != SOC_UNKNOWN)) {
        return HF_E_RANGE;
    }
    bms->request_mV = mV;
    bms->request_mA = mA;
    bms->allows = frame->data[4] == ALLOWED;
    bms->heating = !profile->request_soc && frame->data[5] == HEATING;
    bms->soc_permille.value = soc;
    bms->soc_permille.stamp_us = soc == SOC_UNKNOWN ? 0 : now_us;
    bms->stamp_us = now_us;
    return 1;
}

static int receive_counter(evse_reading_t *counter, const evse_can_frame_t *frame, uint32_t least,
                           uint64_t now_us)
{
    uint32_t mAh =
        (uint32_t)get_u16(frame->data) << 16 | (uint32_t)get_u16(frame->data + 2); // 0.001 Ah
    if (frame->length < COUNTER_BYTES || mAh > INT32_MAX || mAh < least) {
        return HF_E_RANGE;
    }
    counter->value = (int32_t)mAh;
    counter->stamp_us = now_us;
    return 1;
}

static int receive(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us)
{
    switch (frame->id & EVSE_CAN_ID_MASK) {
    case ID_REQUEST:
        return receive_request(bms, frame, now_us);
    case ID_CHARGE: // a pack that speaks was charged before: 0 is our own question's payload
        return receive_counter(&bms->charge_mAh, frame, 1, now_us);
    case ID_DISCHARGE:
        return receive_counter(&bms->discharge_mAh, frame, 0, now_us);
    default:
        return 0;
    }
}

static void put_tenths(uint8_t *data, int32_t milli)
{
    int32_t tenths = milli > 0 ? milli / MILLI_PER_TENTH : 0;
    if (tenths > UINT16_MAX) {
        tenths = UINT16_MAX;
    }
    data[0] = (uint8_t)(tenths >> 8);
    data[1] = (uint8_t)tenths;
}

static evse_can_frame_t encode_status(const evse_bms_status_t *status)
{
    evse_can_frame_t frame = {.id = ID_STATUS, .extended = true, .length = 8};
    unsigned flags = status->hardware_failure ? FLAG_HARDWARE : 0u;
    flags |= status->over_temperature ? FLAG_TEMPERATURE : 0u;
    flags |= status->battery_missing ? FLAG_BATTERY : 0u;
    flags |= status->bms_timeout ? FLAG_TIMEOUT : 0u;
    put_tenths(frame.data, status->output_mV);
    put_tenths(frame.data + 2, status->output_mA);
    frame.data[4] = (uint8_t)flags;
    return frame;
}

static bool encode_query(unsigned index, evse_can_frame_t *frame)
{
    static const uint32_t ids[] = {ID_QUERY_CHARGE, ID_QUERY_DISCHARGE};
    if (index >= HF_COUNT_OF(ids)) {
        return false;
    }
    *frame = (evse_can_frame_t){.id = ids[index], .extended = true, .length = 8};
    return true;
}

static const evse_can_filter_t filters[] = {
    {.id = ID_REQUEST, .mask = EVSE_CAN_ID_MASK, .extended = true},
    {.id = ID_CHARGE, .mask = EVSE_CAN_ID_MASK, .extended = true},
    {.id = ID_DISCHARGE, .mask = EVSE_CAN_ID_MASK, .extended = true},
};

const evse_bms_driver_t evse_bms_elcon = {
    .name = "elcon",
    .receive = receive,
    .encode_status = encode_status,
    .encode_query = encode_query,
    .filters = filters,
    .filter_count = HF_COUNT_OF(filters),
};
