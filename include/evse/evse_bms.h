// SPDX-License-Identifier: MIT
// The vehicle's BMS: its request, our status. What it says is a driver's (one file per protocol), which bytes mean what a
// profile's (one table entry). Only its request counts as life of the BMS. [SAF-03] Bytes: docs/SPEC.md, "BMS".
#ifndef EVSE_BMS_H
#define EVSE_BMS_H

#include "evse/evse_module.h"

struct evse_bms;

typedef struct evse_bms_status { // what the charger tells the BMS
    int32_t output_mV;
    int32_t output_mA;
    bool hardware_failure;
    bool over_temperature;
    bool battery_missing; // no vehicle is plugged, or its battery is absent or reversed
    bool bms_timeout;     // it has not been heard of late
} evse_bms_status_t;

/// A protocol. Pure: what it has to remember is in the evse_bms_t.
typedef struct evse_bms_driver {
    const char *name;
    /// 1 taken, 0 none of this protocol's, HF_E_RANGE impossible. Of a request it stores values and stamp together.
    int (*receive)(struct evse_bms *bms, const evse_can_frame_t *frame, uint64_t now_us);
    evse_can_frame_t (*encode_status)(const evse_bms_status_t *status);
    /// Question number `index`; false when there is none of that number. NULL: it is never asked.
    bool (*encode_query)(unsigned index, evse_can_frame_t *frame);
    const evse_can_filter_t *filters; // what receive() takes
    uint8_t filter_count;             // 0: everything has to come in
} evse_bms_driver_t;

/// A pack, told by the highest current its BMS has asked for since the plug went in.
typedef struct evse_bms_model {
    const char *name;
    int32_t up_to_mA;
    int32_t capacity_mAh;
} evse_bms_model_t;

/// How a vehicle's BMS speaks: chosen by name, from the vehicle profile or by the installer.
typedef struct evse_bms_profile {
    const char *name;
    const char *text; // what it is, for people
    const evse_bms_driver_t *driver;
    bool
        request_soc; // b5-6 of the request are the state of charge, 0.1 %, 0xFFFF unknown; else b5 is heating
    bool counters;                                          // answers the amp-hour queries
    int32_t request_min_mV, request_max_mV, request_max_mA; // outside: refused
    const evse_bms_model_t *models; // by rising up_to_mA, the last one INT32_MAX; NULL: unknown
    int32_t range_m_per_Ah;
} evse_bms_profile_t;

extern const evse_bms_driver_t evse_bms_elcon; // 0x1806E5F4, Elcon/TC

/// NULL when there is none of that name ("elcon"). Iterate with _at() until NULL.
const evse_bms_profile_t *evse_bms_profile_find(const char *name);
const evse_bms_profile_t *evse_bms_profile_at(size_t index);

typedef struct evse_bms {
    const evse_bms_profile_t *profile;
    int32_t request_mV; // of the last good request
    int32_t request_mA;
    int32_t most_mA; // asked for since the plug went in
    bool allows;     // charging permitted; false until a frame says so
    bool heating;
    uint64_t stamp_us;                        // of the last good request; 0 never
    evse_reading_t soc_permille;              // of the request, where the profile has it
    evse_reading_t charge_mAh, discharge_mAh; // lifetime counters
    uint64_t next_status_us, next_query_us;
    uint8_t query_index;
    uint32_t rx_frames, rx_refused;
} evse_bms_t;

/// HF_E_ARGUMENT without a profile, or one without a driver.
HF_MUST_CHECK int evse_bms_init(evse_bms_t *bms, const evse_bms_profile_t *profile);
/// The vehicle left: nothing it said counts for the next one.
void evse_bms_forget(evse_bms_t *bms);
/// Decodes one frame; true when it was the BMS's. A request outside its profile is refused.
bool evse_bms_receive(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us);
/// Permission, at most `max_age_us` old. A time-out is "no", and stays "no" until a new frame says yes.
bool evse_bms_permits(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us);
bool evse_bms_is_alive(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us);
/// The pack; NULL before a request.
const evse_bms_model_t *evse_bms_model(const evse_bms_t *bms);
/// Charge in the pack: lifetime charge less discharge, or the request's state of charge of the pack's capacity; between 0
/// and the capacity, -1 unknown.
int32_t evse_bms_remaining_mAh(const evse_bms_t *bms, uint64_t now_us);
/// State of charge in permille: the request's own, else from the amp-hour counters and the pack; -1 unknown.
int32_t evse_bms_soc_permille(const evse_bms_t *bms, uint64_t now_us);
/// How far the charge in the pack goes; -1 unknown.
int32_t evse_bms_range_km(const evse_bms_t *bms, uint64_t now_us);
evse_can_frame_t evse_bms_encode_status(const evse_bms_profile_t *profile,
                                        const evse_bms_status_t *status);
/// Status frame every EVSE_BMS_STATUS_PERIOD_MS, a round of questions every EVSE_BMS_QUERY_PERIOD_MS: fills `frame` and
/// returns true when one is due. Call until false. Nobody there (no plug, no life) is told and asked nothing: a bus
/// without another node does not acknowledge, and a controller that goes on transmitting leaves it.
bool evse_bms_next_frame(evse_bms_t *bms, const evse_bms_status_t *status, uint64_t now_us,
                         evse_can_frame_t *frame);

#endif
