// SPDX-License-Identifier: MIT
// The register maps, from the makers' public protocol sheets, and the arithmetic from words to values. Invariant: what is
// no number, or out of its measurand's bounds, is refused and counted; it never becomes 0.
#include "evse/evse_meter_map.h"

#include <string.h>

#define ITEM(measurand, phase, type, power, at)                                                    \
    {                                                                                              \
        EVSE_MEASURAND_##measurand, EVSE_PHASE_##phase, EVSE_METER_##type, power, at               \
    }
#define mJ_PER_mWh     3600u
#define ENERGY_MAX_mWh 1000000000000000 // 1 TWh: no overflow in mJ

// Eastron: input registers 30001 and on, two words each; kWh as a float.
static const evse_meter_item_t sdm120[] = {
    ITEM(ENERGY, NONE, FLOAT32, 6, 0x48),          ITEM(VOLTAGE, L1_N, FLOAT32, 3, 0x00),
    ITEM(CURRENT, L1, FLOAT32, 3, 0x06),           ITEM(POWER, L1, FLOAT32, 0, 0x0C),
    ITEM(POWER, NONE, FLOAT32, 0, 0x0C),           ITEM(REACTIVE, NONE, FLOAT32, 0, 0x18),
    ITEM(POWER_FACTOR, NONE, FLOAT32, 3, 0x1E),    ITEM(FREQUENCY, NONE, FLOAT32, 3, 0x46),
    ITEM(REACTIVE_ENERGY, NONE, FLOAT32, 3, 0x4C),
};

static const evse_meter_item_t sdm630[] = {
    ITEM(ENERGY, NONE, FLOAT32, 6, 0x48),
    ITEM(VOLTAGE, L1_N, FLOAT32, 3, 0x00),
    ITEM(VOLTAGE, L2_N, FLOAT32, 3, 0x02),
    ITEM(VOLTAGE, L3_N, FLOAT32, 3, 0x04),
    ITEM(CURRENT, L1, FLOAT32, 3, 0x06),
    ITEM(CURRENT, L2, FLOAT32, 3, 0x08),
    ITEM(CURRENT, L3, FLOAT32, 3, 0x0A),
    ITEM(POWER, L1, FLOAT32, 0, 0x0C),
    ITEM(POWER, L2, FLOAT32, 0, 0x0E),
    ITEM(POWER, L3, FLOAT32, 0, 0x10),
    ITEM(POWER, NONE, FLOAT32, 0, 0x34),
    ITEM(REACTIVE, NONE, FLOAT32, 0, 0x3C),
    ITEM(POWER_FACTOR, NONE, FLOAT32, 3, 0x3E),
    ITEM(FREQUENCY, NONE, FLOAT32, 3, 0x46),
    ITEM(REACTIVE_ENERGY, NONE, FLOAT32, 3, 0x4C),
};

// A shunt of 50 to 300 A: hundredths of V and A, tenths of W, Wh; 32 bits with the low word first.
static const evse_meter_item_t pzem017[] = {
    ITEM(ENERGY, NONE, UINT32_LOW, 3, 4),
    ITEM(VOLTAGE, NONE, UINT16, 1, 0),
    ITEM(CURRENT, NONE, UINT16, 1, 1),
    ITEM(POWER, NONE, UINT32_LOW, -1, 2),
};

static const evse_meter_map_t maps[] = {
    {"eastron-sdm120", "1-phase AC meter at the inlet (Eastron SDM120M, SDM230)", sdm120,
     HF_COUNT_OF(sdm120), EVSE_LOCATION_Inlet, 4, 0x4E, 0, 10000},
    {"eastron-sdm630", "3-phase AC meter at the inlet (Eastron SDM630)", sdm630,
     HF_COUNT_OF(sdm630), EVSE_LOCATION_Inlet, 4, 0x4E, 0, 10000},
    {"pzem-017", "DC shunt meter at the outlet (Peacefair PZEM-017), not certified", pzem017,
     HF_COUNT_OF(pzem017), EVSE_LOCATION_Outlet, 4, 6, 0, 1000},
};
_Static_assert(HF_COUNT_OF(sdm630) <= EVSE_METER_ITEMS_MAX, "EVSE_METER_ITEMS_MAX");

const evse_meter_map_t *evse_meter_map_at(size_t index)
{
    return index < HF_COUNT_OF(maps) ? &maps[index] : NULL;
}

const evse_meter_map_t *evse_meter_map_find(const char *name)
{
    for (size_t i = 0u; i < HF_COUNT_OF(maps); i++) {
        if (strcmp(maps[i].name, name) == 0) {
            return &maps[i];
        }
    }
    return NULL;
}

// ---- numbers ------------------------------------------------------------------------------------

static int64_t power_of_10(int power)
{
    int64_t value = 1;
    for (; power > 0; power--) {
        value *= 10;
    }
    return value;
}

// Rounds half away from zero.
static int64_t divide(int64_t value, int64_t by)
{
    return value < 0 ? -((-value + by / 2) / by) : (value + by / 2) / by;
}

// A float x 10^power, rounded, without floating point: 24 bits x 10^6 leave room in 64. Power is 0 to 6.
static int float_value(uint32_t bits, int power, int64_t *out)
{
    unsigned exponent = bits >> 23 & 0xFFu;
    int64_t value = (int64_t)(bits & 0x7FFFFFu) | (exponent != 0u ? 0x800000 : 0);
    value *= power_of_10(power);
    int shift = (exponent != 0u ? (int)exponent : 1) - 150; // 127 + the 23 bits of the fraction
    if (exponent == 0xFFu || shift > 18) {                  // NaN, infinite, or beyond 63 bits
        return HF_E_RANGE;
    }
    if (shift >= 0) {
        value <<= shift;
    } else if (shift > -63) {
        value = (value + ((int64_t)1 << (-shift - 1))) >> -shift;
    } else {
        value = 0;
    }
    *out = bits >> 31 != 0u ? -value : value;
    return HF_OK;
}

static int item_value(const evse_meter_item_t *item, const uint16_t *words, int64_t *out)
{
    const uint16_t *at = &words[item->at];
    if (item->type == EVSE_METER_FLOAT32) {
        return float_value((uint32_t)at[0] << 16 | at[1], item->power, out);
    }
    int64_t number = at[0];
    if (item->type == EVSE_METER_UINT32) {
        number = (int64_t)((uint32_t)at[0] << 16 | at[1]);
    } else if (item->type == EVSE_METER_UINT32_LOW) {
        number = (int64_t)((uint32_t)at[1] << 16 | at[0]);
    }
    *out = item->power >= 0 ? number * power_of_10(item->power)
                            : divide(number, power_of_10(-item->power));
    return HF_OK;
}

int evse_meter_map_decode(const evse_meter_map_t *map, const uint16_t *words, uint64_t taken_us,
                          evse_meter_sample_t *sample)
{
    evse_meter_sample_t next = {.taken_us = taken_us, .refused = sample->refused};
    for (unsigned i = 0u; i < map->item_count; i++) {
        const evse_meter_item_t *item = &map->items[i];
        int64_t value = -1;
        bool good = item_value(item, words, &value) == HF_OK;
        if (item->measurand == EVSE_MEASURAND_ENERGY) {
            if (!good || value < 0 || value > ENERGY_MAX_mWh) {
                sample->refused++;
                return HF_E_RANGE;
            }
            next.energy_mJ = (uint64_t)value * mJ_PER_mWh;
        } else {
            good = good && evse_measurand_is_possible(item->measurand, value);
            next.value[i] = good ? (int32_t)value : 0;
            next.refused += good ? 0u : 1u;
        }
        next.good |= good ? 1u << i : 0u;
    }
    *sample = next;
    return HF_OK;
}

int evse_meter_map_measure(const evse_meter_map_t *map, const evse_meter_sample_t *sample,
                           evse_quantity_t quantity, bool is_fresh, evse_measured_t *out)
{
    for (unsigned i = 0u; i < map->item_count; i++) {
        if (map->items[i].measurand == quantity.measurand &&
            map->items[i].phase == evse_quantity_phase(quantity.phase)) {
            *out = (evse_measured_t){sample->value[i], map->location};
            return !is_fresh ? HF_E_TIMEOUT : (sample->good >> i & 1u) == 0u ? HF_E_RANGE : HF_OK;
        }
    }
    return HF_E_UNSUPPORTED;
}
