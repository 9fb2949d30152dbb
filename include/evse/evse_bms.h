// SPDX-License-Identifier: MIT
// The vehicle's BMS (Elcon/TC family): its request, our status. Only 0x1806E5F4 counts as life of the BMS. [SAF-03]
#ifndef EVSE_BMS_H
#define EVSE_BMS_H

#include "evse/evse_module.h"

/// How a vehicle's BMS speaks: chosen by name, from the vehicle profile or by the installer.
typedef struct evse_bms_profile {
    const char *name;
    const char *text; // what it is, for people
    bool
        request_soc; // b5-6 of the request are the state of charge, 0.1 %, 0xFFFF unknown; else b5 is heating
    bool counters;                                          // answers the amp-hour queries
    int32_t request_min_mV, request_max_mV, request_max_mA; // outside: refused
} evse_bms_profile_t;

/// NULL when there is none of that name ("elcon"). Iterate with _at() until NULL.
const evse_bms_profile_t *evse_bms_profile_find(const char *name);
const evse_bms_profile_t *evse_bms_profile_at(size_t index);

typedef struct evse_bms {
    const evse_bms_profile_t *profile;
    int32_t request_mV; // of the last good request
    int32_t request_mA;
    bool allows; // charging permitted; false until a frame says so
    bool heating;
    uint64_t stamp_us;                        // of the last good request; 0 never
    evse_reading_t soc_permille;              // of the request, where the profile has it
    evse_reading_t charge_mAh, discharge_mAh; // lifetime counters 0x160B8001, 0x160D8001
    uint64_t next_status_us, next_query_us;
    uint8_t query_index;
    uint32_t rx_frames, rx_refused;
} evse_bms_t;

typedef struct evse_bms_status { // what the charger tells the BMS (0x18FF50E5)
    int32_t output_mV;
    int32_t output_mA;
    bool hardware_failure;
    bool over_temperature;
    bool battery_missing;
    bool bms_timeout;
} evse_bms_status_t;

/// HF_E_ARGUMENT without a profile.
HF_MUST_CHECK int evse_bms_init(evse_bms_t *bms, const evse_bms_profile_t *profile);
/// The vehicle left: nothing it said counts for the next one.
void evse_bms_forget(evse_bms_t *bms);
/// Decodes one frame; true when it was the BMS's. A request outside its profile is refused.
bool evse_bms_receive(evse_bms_t *bms, const evse_can_frame_t *frame, uint64_t now_us);
/// Permission, at most `max_age_us` old. A time-out is "no", and stays "no" until a new frame says yes.
bool evse_bms_permits(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us);
bool evse_bms_is_alive(const evse_bms_t *bms, uint64_t now_us, uint64_t max_age_us);
/// State of charge in permille: the request's own, else from the amp-hour counters and the capacity the request implies;
/// -1 unknown.
int32_t evse_bms_soc_permille(const evse_bms_t *bms, uint64_t now_us);
evse_can_frame_t evse_bms_encode_status(const evse_bms_status_t *status);
/// Status frame every 100 ms, queries every 2 s: fills `frame` and returns true when one is due. Call until false.
bool evse_bms_next_frame(evse_bms_t *bms, const evse_bms_status_t *status, uint64_t now_us,
                         evse_can_frame_t *frame);

#endif
