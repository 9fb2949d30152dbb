// SPDX-License-Identifier: MIT
// The vehicle's BMS: decoding of its request and counters, our status and queries. Invariant: only a good 0x1806E5F4
// frame moves `stamp_us`, so nothing else can pass for life of the BMS. [SAF-03]
#include "evse/evse_bms.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define ID_REQUEST         0x1806E5F4u
#define ID_STATUS          0x18FF50E5u
#define ID_QUERY_CHARGE    0x160B0180u
#define ID_CHARGE          0x160B8001u
#define ID_QUERY_DISCHARGE 0x160D0180u
#define ID_DISCHARGE       0x160D8001u

#define STATUS_PERIOD_US (100u * HF_US_PER_MS)
#define QUERY_PERIOD_US  (2u * HF_US_PER_S)
#define QUERY_PAUSE_US   (10u * HF_US_PER_MS) // between the two queries
#define COUNTER_AGE_US   (10u * HF_US_PER_S)

static const evse_bms_profile_t profiles[] = {
    {
        .name = "elcon",
        .text = "Elcon/TC, heating flag, amp-hour counters",
        .counters = true,
        .request_min_mV = 100,
        .request_max_mV = 200000,
        .request_max_mA = 400000,
    },
};

const evse_bms_profile_t *evse_bms_profile_at(size_t index)
{
    return index < HF_COUNT_OF(profiles) ? &profiles[index] : NULL;
}

const evse_bms_profile_t *evse_bms_profile_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < HF_COUNT_OF(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

int evse_bms_init(evse_bms_t *bms, const evse_bms_profile_t *profile)
{
    memset(bms, 0, sizeof *bms);
    bms->profile = profile;
    return profile != NULL ? HF_OK : HF_E_ARGUMENT;
}

void evse_bms_forget(evse_bms_t *bms)
{
    bms->request_mV = 0;
    bms->request_mA = 0;
    bms->allows = false;
    bms->heating = false;
    bms->stamp_us = 0;
    bms->charge_mAh.stamp_us = 0;
    bms->discharge_mAh.stamp_us = 0;
}

static bool receive_request(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us)
{
    int32_t mV = (frame->data[0] << 8 | frame->data[1]) * 100;
    int32_t mA = (frame->data[2] << 8 | frame->data[3]) * 100;
    const evse_bms_profile_t *profile = bms->profile;
    if (frame->length != 8 || mV < profile->request_min_mV || mV > profile->request_max_mV ||
        mA > profile->request_max_mA) {
        return false;
    }
    bms->request_mV = mV;
    bms->request_mA = mA;
    bms->allows = frame->data[4] == 0x00; // any other value is "no"
    bms->heating = frame->data[5] == 0x01;
    bms->stamp_us = now_us;
    return true;
}

static bool receive_counter(evse_reading_t *counter, const evse_can_frame_t *frame, uint64_t now_us)
{
    uint32_t mAh = (uint32_t)frame->data[0] << 24 | (uint32_t)frame->data[1] << 16 |
                   (uint32_t)frame->data[2] << 8 | frame->data[3];
    if (frame->length < 4 || mAh > INT32_MAX) {
        return false;
    }
    counter->value = (int32_t)mAh;
    counter->stamp_us = now_us;
    return true;
}

bool evse_bms_receive(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us)
{
    bool good;
    if (!frame->extended) {
        return false;
    }
    switch (frame->id & EVSE_CAN_ID_MASK) {
    case ID_REQUEST:
        good = receive_request(bms, frame, now_us);
        break;
    case ID_CHARGE:
        good = receive_counter(&bms->charge_mAh, frame, now_us);
        break;
    case ID_DISCHARGE:
        good = receive_counter(&bms->discharge_mAh, frame, now_us);
        break;
    default:
        return false;
    }
    bms->rx_frames++;
    bms->rx_refused += good ? 0u : 1u;
    return true;
}

bool evse_bms_is_alive(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us)
{
    return bms->stamp_us != 0 && bms->stamp_us <= now_us && now_us - bms->stamp_us <= max_age_us;
}

bool evse_bms_permits(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us)
{
    return bms->allows && evse_bms_is_alive(bms, now_us, max_age_us);
}

int32_t evse_bms_soc_permille(const evse_bms_t *bms, uint64_t now_us)
{
    int64_t capacity_mAh = 90000; // the pack that goes with the current it asks for
    if (bms->request_mA <= 30000) {
        capacity_mAh = 30000;
    } else if (bms->request_mA <= 60000) {
        capacity_mAh = 60000;
    }
    if (bms->stamp_us == 0 || !evse_reading_is_fresh(bms->charge_mAh, now_us, COUNTER_AGE_US) ||
        !evse_reading_is_fresh(bms->discharge_mAh, now_us, COUNTER_AGE_US)) {
        return -1;
    }
    int64_t left_mAh = (int64_t)bms->charge_mAh.value - bms->discharge_mAh.value;
    int64_t permille = left_mAh * 1000 / capacity_mAh;
    if (permille < 0) {
        return 0;
    }
    return permille > 1000 ? 1000 : (int32_t)permille;
}

static void put_tenths(uint8_t *data, int32_t milli)
{
    int32_t tenths = milli > 0 ? milli / 100 : 0;
    if (tenths > 0xFFFF) {
        tenths = 0xFFFF;
    }
    data[0] = (uint8_t)(tenths >> 8);
    data[1] = (uint8_t)tenths;
}

evse_can_frame_t evse_bms_encode_status(const evse_bms_status_t *status)
{
    evse_can_frame_t frame = {.id = ID_STATUS, .extended = true, .length = 8};
    unsigned flags = status->hardware_failure ? 1u << 0 : 0u;
    flags |= status->over_temperature ? 1u << 1 : 0u;
    flags |= status->battery_missing ? 1u << 3 : 0u; // bit 2, input voltage, is not measured here
    flags |= status->bms_timeout ? 1u << 4 : 0u;
    put_tenths(frame.data, status->output_mV);
    put_tenths(frame.data + 2, status->output_mA);
    frame.data[4] = (uint8_t)flags;
    return frame;
}

bool evse_bms_next_frame(evse_bms_t *bms, const evse_bms_status_t *status, uint64_t now_us,
                         evse_can_frame_t *frame)
{
    if (now_us >= bms->next_status_us) {
        bms->next_status_us = now_us + STATUS_PERIOD_US;
        *frame = evse_bms_encode_status(status);
        return true;
    }
    if (now_us < bms->next_query_us) {
        return false;
    }
    *frame = (evse_can_frame_t){.extended = true, .length = 8};
    if (bms->query_index == 0) {
        frame->id = ID_QUERY_CHARGE;
        bms->query_index = 1;
        bms->next_query_us = now_us + QUERY_PAUSE_US;
    } else {
        frame->id = ID_QUERY_DISCHARGE;
        bms->query_index = 0;
        bms->next_query_us = now_us + QUERY_PERIOD_US - QUERY_PAUSE_US;
    }
    return true;
}
