// SPDX-License-Identifier: MIT
// Register maps of Modbus meters, and how their words become values. Pure, without floating point: the transport (RTU on
// Linux by libmodbus, a port's own elsewhere) fetches the words. A wrong factor is a wrong bill: a map is chosen by name,
// never guessed. docs/PORTING.md says which have been seen on hardware.
#ifndef EVSE_METER_MAP_H
#define EVSE_METER_MAP_H

#include "evse/evse_meter.h"

#define EVSE_METER_WORDS_MAX 80u // of one request; what the smallest of these meters answers
#define EVSE_METER_ITEMS_MAX 24u

typedef enum evse_meter_word_type {
    EVSE_METER_FLOAT32,    // IEEE 754, high word first
    EVSE_METER_UINT32,     // high word first
    EVSE_METER_UINT32_LOW, // low word first
    EVSE_METER_UINT16,
} evse_meter_word_type_t;

typedef struct evse_meter_item {
    uint8_t measurand, phase; // evse_measurand_t, evse_phase_t
    uint8_t type;             // evse_meter_word_type_t
    int8_t
        power; // the value in the measurand's own decimals (ENERGY: in mWh) is the number x 10^power
    uint16_t at; // word in the block
} evse_meter_item_t;

typedef struct evse_meter_map {
    const char *name;
    const char *text; // what it is, for people
    const evse_meter_item_t *items;
    uint8_t item_count;
    uint8_t location;  // evse_location_t: where it sits
    uint8_t function;  // 3 holding, 4 input registers
    uint8_t words;     // of the one block that holds all
    uint16_t first;    // its address, from 0
    uint32_t step_mWh; // of its energy register
} evse_meter_map_t;

/// What one round of questions brought. Whole or not at all.
typedef struct evse_meter_sample {
    uint64_t taken_us; // 0 never
    uint64_t energy_mJ;
    uint32_t good;    // bit per item: fresh and possible
    uint32_t refused; // impossible values since the beginning
    int32_t value[EVSE_METER_ITEMS_MAX];
} evse_meter_sample_t;

/// NULL when there is none of that name. Iterate with evse_meter_map_at() until it returns NULL.
const evse_meter_map_t *evse_meter_map_find(const char *name);
const evse_meter_map_t *evse_meter_map_at(size_t index);
/// Turns the map's words into a sample; `refused` goes on. HF_E_RANGE: the energy is no number, nothing is changed but that.
HF_MUST_CHECK int evse_meter_map_decode(const evse_meter_map_t *map, const uint16_t *words,
                                        uint64_t taken_us, evse_meter_sample_t *sample);
/// What the seam's measure() answers, from a sample at most max_age_us old.
int evse_meter_map_measure(const evse_meter_map_t *map, const evse_meter_sample_t *sample,
                           evse_quantity_t quantity, bool is_fresh, evse_measured_t *out);

#endif
