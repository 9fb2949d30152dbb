// SPDX-License-Identifier: MIT
// The vehicle's BMS, whatever it speaks: permission and its age, the pack and its charge, when we speak. Invariants: only a
// good request moves `stamp_us`, so nothing else can pass for life of the BMS [SAF-03]; what one vehicle said does not
// outlive its plug [SAF-09].
#include "evse/evse_bms.h"

#include "evse/evse_timing.h"
#include "holdfast/hf_clock.h"

#include <string.h>

#define PERMILLE 1000

int evse_bms_init(evse_bms_t *bms, const evse_bms_profile_t *profile)
{
    memset(bms, 0, sizeof *bms);
    bms->profile = profile;
    return profile != NULL && profile->driver != NULL && profile->driver->receive != NULL &&
                   profile->driver->encode_status != NULL
               ? HF_OK
               : HF_E_ARGUMENT;
}

void evse_bms_forget(evse_bms_t *bms)
{
    bms->request_mV = 0;
    bms->request_mA = 0;
    bms->most_mA = 0;
    bms->allows = false;
    bms->heating = false;
    bms->stamp_us = 0;
    bms->soc_permille.stamp_us = 0;
    bms->charge_mAh.stamp_us = 0;
    bms->discharge_mAh.stamp_us = 0;
}

bool evse_bms_receive(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us)
{
    int status = frame->extended ? bms->profile->driver->receive(bms, frame, now_us) : 0;
    if (status == 0) {
        return false;
    }
    bms->rx_frames++;
    bms->rx_refused += status < 0 ? 1u : 0u;
    if (bms->request_mA > bms->most_mA) {
        bms->most_mA = bms->request_mA;
    }
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

// ---- the pack --------------------------------------------------------------------------------------------------------

// By the most it asked for: towards the end every pack asks for little.
const evse_bms_model_t *evse_bms_model(const evse_bms_t *bms)
{
    const evse_bms_model_t *model = bms->profile->models;
    if (model == NULL || bms->stamp_us == 0) {
        return NULL;
    }
    while (bms->most_mA > model->up_to_mA) {
        model++;
    }
    return model;
}

static int32_t clamped(int64_t value, int32_t most)
{
    if (value < 0) {
        return 0;
    }
    return value > most ? most : (int32_t)value;
}

static bool is_counted(evse_reading_t counter, uint64_t now_us)
{
    return evse_reading_is_fresh(counter, now_us, EVSE_US(EVSE_BMS_COUNTER_AGE_MS));
}

int32_t evse_bms_remaining_mAh(const evse_bms_t *bms, uint64_t now_us)
{
    const evse_bms_model_t *model = evse_bms_model(bms);
    if (model == NULL) {
        return -1;
    }
    if (bms->profile->request_soc) {
        return is_counted(bms->soc_permille, now_us)
                   ? (int32_t)((int64_t)model->capacity_mAh * bms->soc_permille.value / PERMILLE)
                   : -1;
    }
    if (!is_counted(bms->charge_mAh, now_us) || !is_counted(bms->discharge_mAh, now_us)) {
        return -1;
    }
    return clamped((int64_t)bms->charge_mAh.value - bms->discharge_mAh.value, model->capacity_mAh);
}

int32_t evse_bms_soc_permille(const evse_bms_t *bms, uint64_t now_us)
{
    if (bms->profile->request_soc) {
        return is_counted(bms->soc_permille, now_us) ? bms->soc_permille.value : -1;
    }
    int32_t left_mAh = evse_bms_remaining_mAh(bms, now_us);
    return left_mAh < 0
               ? -1
               : (int32_t)((int64_t)left_mAh * PERMILLE / evse_bms_model(bms)->capacity_mAh);
}

int32_t evse_bms_range_km(const evse_bms_t *bms, uint64_t now_us)
{
    int32_t left_mAh = evse_bms_remaining_mAh(bms, now_us);
    if (left_mAh < 0 || bms->profile->range_m_per_Ah == 0) {
        return -1;
    }
    return (int32_t)((int64_t)left_mAh * bms->profile->range_m_per_Ah / PERMILLE / PERMILLE);
}

// ---- what we say -----------------------------------------------------------------------------------------------------

evse_can_frame_t evse_bms_encode_status(const evse_bms_profile_t *profile,
                                        const evse_bms_status_t *status)
{
    return profile->driver->encode_status(status);
}

static bool next_query(evse_bms_t *bms, uint64_t now_us, evse_can_frame_t *frame)
{
    const evse_bms_driver_t *driver = bms->profile->driver;
    if (!bms->profile->counters || driver->encode_query == NULL || now_us < bms->next_query_us) {
        return false;
    }
    if (bms->query_index == 0) {
        bms->next_query_us = now_us;
    }
    if (driver->encode_query(bms->query_index, frame)) {
        bms->query_index++;
        bms->next_query_us += EVSE_US(EVSE_BMS_QUERY_PAUSE_MS);
        return true;
    }
    bms->next_query_us +=
        EVSE_US(EVSE_BMS_QUERY_PERIOD_MS - bms->query_index * EVSE_BMS_QUERY_PAUSE_MS);
    bms->query_index = 0;
    return false;
}

bool evse_bms_next_frame(evse_bms_t *bms, const evse_bms_status_t *status, uint64_t now_us,
                         evse_can_frame_t *frame)
{
    if (status->battery_missing && status->bms_timeout) {
        return false;
    }
    if (now_us >= bms->next_status_us) {
        bms->next_status_us = now_us + EVSE_US(EVSE_BMS_STATUS_PERIOD_MS);
        *frame = evse_bms_encode_status(bms->profile, status);
        return true;
    }
    return next_query(bms, now_us, frame);
}
