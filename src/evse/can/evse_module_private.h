// SPDX-License-Identifier: MIT
// What the drivers of power modules share: reading and writing of big-endian words, storing within what a terminal can
// have, and the identifiers of the Huawei family, of which two drivers speak a dialect.
#ifndef EVSE_MODULE_PRIVATE_H
#define EVSE_MODULE_PRIVATE_H

#include "evse/evse_module.h"
#include "evse/evse_timing.h"

typedef enum evse_module_quantity {
    EVSE_MODULE_VOLTAGE,     // mV
    EVSE_MODULE_CURRENT,     // mA
    EVSE_MODULE_TEMPERATURE, // 0.1 degrees C
} evse_module_quantity_t;

enum {
    EVSE_DECI = 10,
    EVSE_MILLI = 1000,
};

uint32_t evse_module_get_u32(const uint8_t *data);
void evse_module_put_u32(uint8_t *data, uint32_t value);
/// Milli-units to counts, rounded down and never below zero: what is commanded never exceeds what was permitted. 0 where
/// it would not fit 32 bits.
uint32_t evse_module_counts(int32_t milli, uint64_t counts, uint64_t per);
/// Two's complement counts to `factor` parts of a unit, rounded to the nearest.
int64_t evse_module_value(int64_t counts, uint32_t factor, uint32_t counts_per_unit);
/// True when a terminal can have it.
bool evse_module_is_possible(evse_module_quantity_t quantity, int64_t value);
/// Stores a possible value; 1, else HF_E_RANGE.
int evse_module_store(evse_reading_t *reading, evse_module_quantity_t quantity, int64_t value,
                      uint64_t now_us);
void evse_module_set(evse_reading_t *reading, int32_t value, uint64_t now_us);
/// The unit of an address, -1 none of ours.
int evse_module_unit_at(const evse_module_t *module, uint32_t address);

// Identifiers of the Huawei family: bits 28-23 protocol, 22-16 address, 15-8 command, 7 from the controller, 6-1 ones, 0
// more frames follow.
typedef enum evse_huawei {
    EVSE_HUAWEI_ADDRESS_MAX = 127,
    EVSE_HUAWEI_SET_VOLTAGE = 0x00,
    EVSE_HUAWEI_SET_CURRENT = 0x03,
    EVSE_HUAWEI_SET_SWITCH = 0x32,
    EVSE_HUAWEI_SWITCH_ON = 0x00, // inverted on the wire
    EVSE_HUAWEI_SWITCH_OFF = 0x01,
} evse_huawei_t;

/// Where the dialects differ.
typedef struct evse_huawei_dialect {
    uint8_t protocol;
    uint8_t set;  // command of the control group
    uint8_t read; // command whose answers `decode` takes: 1 taken, HF_E_RANGE impossible
    int (*decode)(const evse_module_profile_t *profile, evse_module_unit_t *unit,
                  const uint8_t *data, uint64_t now_us);
} evse_huawei_dialect_t;

/// A frame of the controller's to a unit, data all 0.
evse_can_frame_t evse_huawei_frame(const evse_huawei_dialect_t *dialect,
                                   const evse_module_profile_t *profile, uint32_t unit,
                                   uint8_t command);
evse_can_frame_t evse_huawei_switch(const evse_huawei_dialect_t *dialect,
                                    const evse_module_profile_t *profile, uint32_t unit, bool on);
evse_can_frame_t evse_huawei_voltage(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mV);
evse_can_frame_t evse_huawei_current(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mA);
/// Decodes what a unit answers: set commands here, readings by the dialect. 1 taken, 0 none of ours, HF_E_RANGE impossible.
int evse_huawei_receive(const evse_huawei_dialect_t *dialect, evse_module_t *module,
                        const evse_can_frame_t *frame, uint64_t now_us);
/// Lets all a unit says in.
evse_can_filter_t evse_huawei_filter(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit);
/// One reading in the profile's scaling, its value in b4-7.
int evse_huawei_receive_signal(const evse_module_profile_t *profile, evse_reading_t *reading,
                               evse_module_quantity_t quantity, const uint8_t *data,
                               uint64_t now_us);

#endif
