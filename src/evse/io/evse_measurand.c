// SPDX-License-Identifier: MIT
// The names of measurands and phases, and what a value of each can be.
#include "evse/evse_measurand.h"

#include <string.h>

typedef struct measurand_info {
    const char *json; // begins with the name
    int32_t least, most;
    uint8_t name_length, json_length;
    uint8_t decimals, location;
} measurand_info_t;

// A unit of "" is none: the text ends before it.
#define JSON_OF(ocpp, unit) ocpp "\",\"unit\":\"" unit "\""
#define JSON_LENGTH(ocpp, unit)                                                                    \
    (sizeof(unit) > 1u ? sizeof(JSON_OF(ocpp, unit)) - 1u : sizeof(ocpp "\"") - 1u)

static const measurand_info_t measurands[EVSE_MEASURAND_COUNT] = {
#define MEASURAND_INFO(name, ocpp, unit, decimals, least, most, location)                          \
    {JSON_OF(ocpp, unit),     least, most, sizeof(ocpp) - 1u, JSON_LENGTH(ocpp, unit), decimals,   \
     EVSE_LOCATION_##location},
    EVSE_MEASURAND_TABLE(MEASURAND_INFO)
#undef MEASURAND_INFO
};
_Static_assert(EVSE_PHASE_COUNT <= 16, "four bits of evse_quantity_t");

static const char *const phases[EVSE_PHASE_COUNT] = {
#define PHASE_TEXT(name, ocpp) ocpp,
    EVSE_PHASE_TABLE(PHASE_TEXT)
#undef PHASE_TEXT
};

hf_slice_t evse_measurand_json(unsigned measurand)
{
    if (measurand >= EVSE_MEASURAND_COUNT) {
        return (hf_slice_t){"", 0u};
    }
    return (hf_slice_t){measurands[measurand].json, measurands[measurand].json_length};
}

const char *evse_phase_text(unsigned phase)
{
    return phase < EVSE_PHASE_COUNT ? phases[phase] : "";
}

unsigned evse_measurand_decimals(unsigned measurand)
{
    return measurand < EVSE_MEASURAND_COUNT ? measurands[measurand].decimals : 0u;
}

evse_location_t evse_measurand_location(unsigned measurand)
{
    return measurand < EVSE_MEASURAND_COUNT ? (evse_location_t)measurands[measurand].location
                                            : EVSE_LOCATION_Outlet;
}

bool evse_measurand_is_possible(unsigned measurand, int64_t value)
{
    return measurand < EVSE_MEASURAND_COUNT && value >= measurands[measurand].least &&
           value <= measurands[measurand].most;
}

static bool parse_phase(hf_slice_t text, unsigned *phase)
{
    for (*phase = 1u; *phase < EVSE_PHASE_COUNT; (*phase)++) {
        if (hf_slice_is(text, phases[*phase])) {
            return true;
        }
    }
    return false;
}

bool evse_quantity_parse(hf_slice_t text, evse_quantity_t *quantity)
{
    for (unsigned i = 0u; i < EVSE_MEASURAND_COUNT; i++) {
        size_t length = measurands[i].name_length;
        if (text.length < length || memcmp(text.text, measurands[i].json, length) != 0) {
            continue;
        }
        unsigned phase = EVSE_PHASE_NONE;
        bool has_phase = text.length > length && text.text[length] == '.';
        hf_slice_t rest = {text.text + length + 1u, text.length - length - 1u};
        if (text.length == length || (has_phase && parse_phase(rest, &phase))) {
            unsigned location = measurands[i].location;
            *quantity = (evse_quantity_t){(uint8_t)i, (uint8_t)(phase | location << 4)};
            return true;
        }
    }
    return false;
}
