// SPDX-License-Identifier: MIT
// What every driver of a power module does with numbers: words, counts, and the one place that says what a terminal can
// have. Invariant: a value outside is refused, not clipped. [SAF-04]
#include "evse_module_private.h"
#include "holdfast/hf_clock.h"

#include <string.h>

uint32_t evse_module_get_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

void evse_module_put_u32(uint8_t *data, uint32_t value)
{
    data[0] = (uint8_t)(value >> 24);
    data[1] = (uint8_t)(value >> 16);
    data[2] = (uint8_t)(value >> 8);
    data[3] = (uint8_t)value;
}

uint32_t evse_module_counts(int32_t milli, uint64_t counts, uint64_t per)
{
    uint64_t value = milli > 0 ? (uint64_t)milli * counts / per : 0;
    return value > UINT32_MAX ? 0 : (uint32_t)value;
}

int64_t evse_module_value(int64_t counts, uint32_t factor, uint32_t counts_per_unit)
{
    int64_t half = counts_per_unit / 2u;
    return (counts * factor + (counts < 0 ? -half : half)) / (int64_t)counts_per_unit;
}

bool evse_module_is_possible(evse_module_quantity_t quantity, int64_t value)
{
    static const int32_t range[][2] = {
        [EVSE_MODULE_VOLTAGE] = {0, EVSE_TERMINAL_MAX_MV},
        [EVSE_MODULE_CURRENT] = {EVSE_TERMINAL_MIN_MA, EVSE_TERMINAL_MAX_MA},
        [EVSE_MODULE_TEMPERATURE] = {EVSE_TEMPERATURE_MIN_DC, EVSE_TEMPERATURE_MAX_DC},
    };
    return value >= range[quantity][0] && value <= range[quantity][1];
}

void evse_module_set(evse_reading_t *reading, int32_t value, uint64_t now_us)
{
    reading->value = value;
    reading->stamp_us = now_us;
}

int evse_module_store(evse_reading_t *reading, evse_module_quantity_t quantity, int64_t value,
                      uint64_t now_us)
{
    if (!evse_module_is_possible(quantity, value)) {
        return HF_E_RANGE;
    }
    evse_module_set(reading, (int32_t)value, now_us);
    return 1;
}

int evse_module_unit_at(const evse_module_t *module, uint32_t address)
{
    uint32_t first = module->profile->address;
    return address >= first && address < first + module->units ? (int)(address - first) : -1;
}
