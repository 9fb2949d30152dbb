// SPDX-License-Identifier: MIT
// The scaling profile of tests that simulate a module: the figures of m33-1024, whatever Kconfig has switched on.
#ifndef MODULE_PROFILE_H
#define MODULE_PROFILE_H

#include "evse/evse_module.h"

static const evse_module_profile_t test_profile = {
    .name = "test",
    .text = "33.6 A class",
    .address = 1,
    .voltage_counts_per_V = 1024,
    .current_set_counts_per_kA = 30500,
    .current_read_counts_per_A = 1024,
    .current_read_bytes = 4,
    .temperature_counts_per_C = 1024,
    .rated_mV = 100000,
    .rated_mA = 33600,
};

#endif
