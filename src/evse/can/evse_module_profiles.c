// SPDX-License-Identifier: MIT
// The scaling profiles of power modules, by name, each behind its Kconfig switch. [SAF-06] There is no default: published
// scalings of one and the same signal differ by a factor of 100. A profile names the driver that speaks its protocol. The
// table ends with an empty row, so that it also exists when every switch is off.
#include "evse/evse_module.h"

#include <string.h>

static const evse_module_profile_t profiles[] = {
#if CONFIG_EVSE_PROFILE_M33_1024
    {
        .name = "m33-1024",
        .text = "33.6 A class, set 30.5 counts/A, read u32 1024 counts/A",
        .driver = &evse_module_huawei,
        .address = 1,
        .voltage_counts_per_V = 1024,
        .current_set_counts_per_kA = 30500,
        .current_read_counts_per_A = 1024,
        .current_read_bytes = 4,
        .temperature_counts_per_C = 1024,
        .rated_mV = 100000,
        .rated_mA = 33600,
    },
#endif
#if CONFIG_EVSE_PROFILE_M33_DIV10
    {
        .name = "m33-div10",
        .text = "33.6 A class, set 30.5 counts/A, read u16 10 counts/A",
        .driver = &evse_module_huawei,
        .address = 1,
        .voltage_counts_per_V = 1024,
        .current_set_counts_per_kA = 30500,
        .current_read_counts_per_A = 10,
        .current_read_bytes = 2,
        .temperature_counts_per_C = 1024,
        .rated_mV = 100000,
        .rated_mA = 33600,
    },
#endif
#if CONFIG_EVSE_PROFILE_M51_1024
    {
        .name = "m51-1024",
        .text = "51 A class, set 20 counts/A, read u32 1024 counts/A",
        .driver = &evse_module_huawei,
        .address = 1,
        .voltage_counts_per_V = 1024,
        .current_set_counts_per_kA = 20000,
        .current_read_counts_per_A = 1024,
        .current_read_bytes = 4,
        .temperature_counts_per_C = 1024,
        .rated_mV = 100000,
        .rated_mA = 51200,
    },
#endif
#if CONFIG_EVSE_PROFILE_R4850
    {
        .name = "r4850",
        .text =
            "50 A, 58 V rectifier, 125 kbit/s; compiled and tested by vectors, never on hardware",
        .driver = &evse_module_r48xx,
        .address = 1,
        .voltage_counts_per_V = 1024,
        .current_set_counts_per_kA = 20000,
        .current_read_counts_per_A = 1024,
        .current_read_bytes = 4,
        .temperature_counts_per_C = 1024,
        .rated_mV = 58500,
        .rated_mA = 50000,
    },
#endif
    {.name = NULL},
};

const evse_module_profile_t *evse_module_profile_at(size_t index)
{
    return index + 1u < HF_COUNT_OF(profiles) ? &profiles[index] : NULL;
}

const evse_module_profile_t *evse_module_profile_find(const char *name)
{
    const evse_module_profile_t *profile;
    for (size_t i = 0; name != NULL && (profile = evse_module_profile_at(i)) != NULL; i++) {
        if (strcmp(profile->name, name) == 0) {
            return profile;
        }
    }
    return NULL;
}
