// SPDX-License-Identifier: MIT
// The profiles of vehicle BMSs, by name, and the packs they tell by the current they ask for.
#include "evse/evse_bms.h"

#include <string.h>

static const evse_bms_model_t nx100_models[] = {
    {.name = "Classic", .up_to_mA = 30000, .capacity_mAh = 30000},
    {.name = "Pro", .up_to_mA = 60000, .capacity_mAh = 60000},
    {.name = "Max", .up_to_mA = INT32_MAX, .capacity_mAh = 90000},
};

static const evse_bms_profile_t profiles[] = {
    {
        .name = "elcon",
        .text = "Elcon/TC, heating flag, amp-hour counters",
        .driver = &evse_bms_elcon,
        .counters = true,
        .request_min_mV = 100,
        .request_max_mV = 200000,
        .request_max_mA = 400000,
        .models = nx100_models,
        .range_m_per_Ah = 2700,
    },
    {
        .name = "elcon-soc",
        .text = "Elcon/TC, state of charge in the request",
        .driver = &evse_bms_elcon,
        .request_soc = true,
        .request_min_mV = 20000,
        .request_max_mV = 200000,
        .request_max_mA = 400000,
        .models = nx100_models,
        .range_m_per_Ah = 2700,
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
