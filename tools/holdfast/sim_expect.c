// SPDX-License-Identifier: MIT
// What a script can expect of an outlet: numbers with a relation, states by their word. Numbers are in whole units of a
// person (W, V, A, Wh, percent), kept in thousandths.
#include "sim_station.h"

#include <string.h>

typedef int64_t number_fn(const station_t *station, unsigned connector);

static int64_t power(const station_t *station, unsigned c)
{
    return station->outlet[c].power_mW;
}

static int64_t voltage(const station_t *station, unsigned c)
{
    return station->outlet[c].output_mV;
}

static int64_t battery_voltage(const station_t *station, unsigned c)
{
    return station->outlet[c].battery_mV;
}

static int64_t current(const station_t *station, unsigned c)
{
    return station->outlet[c].output_mA;
}

static int64_t energy(const station_t *station, unsigned c)
{
    return (int64_t)(station->outlet[c].energy_mJ / 3600u);
}

static int64_t soc(const station_t *station, unsigned c)
{
    return (int64_t)sim_outlet_soc_permille(&station->outlet[c]) * 100;
}

static int64_t set_voltage(const station_t *station, unsigned c)
{
    return station->outlet[c].set_mV;
}

static int64_t set_current(const station_t *station, unsigned c)
{
    return station->outlet[c].set_mA;
}

static int64_t closing_voltage(const station_t *station, unsigned c)
{
    return station->outlet[c].closing_mV;
}

static int64_t hot_openings(const station_t *station, unsigned c)
{
    return (int64_t)station->outlet[c].hot_openings * 1000;
}

static int64_t hot_unplugs(const station_t *station, unsigned c)
{
    return (int64_t)station->outlet[c].hot_unplugs * 1000;
}

static int64_t frames(const station_t *station, unsigned c)
{
    return (int64_t)(station->wire[c * SIM_BUS_COUNT].in +
                     station->wire[c * SIM_BUS_COUNT + 1u].in) *
           1000;
}

static int64_t is_contactor_closed(const station_t *station, unsigned c)
{
    return station->outlet[c].contactor_closed;
}

static int64_t is_contactor_open(const station_t *station, unsigned c)
{
    return !station->outlet[c].contactor_closed;
}

static int64_t is_locked(const station_t *station, unsigned c)
{
    return station->outlet[c].locked;
}

static int64_t is_unlocked(const station_t *station, unsigned c)
{
    return !station->outlet[c].locked;
}

static int64_t is_module_on(const station_t *station, unsigned c)
{
    return station->outlet[c].switch_on;
}

static int64_t is_module_off(const station_t *station, unsigned c)
{
    return !station->outlet[c].switch_on;
}

static int64_t is_plug_in(const station_t *station, unsigned c)
{
    return station->outlet[c].plugged;
}

static int64_t is_plug_out(const station_t *station, unsigned c)
{
    return !station->outlet[c].plugged;
}

static int64_t is_charger_there(const station_t *station, unsigned c)
{
    (void)c;
    return station->io.client >= 0;
}

static int64_t is_charger_gone(const station_t *station, unsigned c)
{
    (void)c;
    return station->io.client < 0;
}

static int64_t is_idle(const station_t *station, unsigned c)
{
    return !station->outlet[c].switch_on && !station->outlet[c].contactor_closed;
}

static int64_t is_energized(const station_t *station, unsigned c)
{
    return station->outlet[c].switch_on && station->outlet[c].contactor_closed;
}

static const struct subject {
    const char *name, *word; // word NULL: a number
    number_fn *get;
} subjects[] = {
    {"power", NULL, power},
    {"voltage", NULL, voltage},
    {"battery-voltage", NULL, battery_voltage},
    {"current", NULL, current},
    {"energy", NULL, energy},
    {"soc", NULL, soc},
    {"set-voltage", NULL, set_voltage},
    {"set-current", NULL, set_current},
    {"closing-voltage", NULL, closing_voltage},
    {"hot-openings", NULL, hot_openings},
    {"hot-unplugs", NULL, hot_unplugs},
    {"frames", NULL, frames},
    {"contactor", "closed", is_contactor_closed},
    {"contactor", "open", is_contactor_open},
    {"lock", "locked", is_locked},
    {"lock", "unlocked", is_unlocked},
    {"module", "on", is_module_on},
    {"module", "off", is_module_off},
    {"plug", "in", is_plug_in},
    {"plug", "out", is_plug_out},
    {"charger", "connected", is_charger_there},
    {"charger", "gone", is_charger_gone},
    {"state", "idle", is_idle},
    {"state", "energized", is_energized},
};

// Outputs as commanded come after the subjects, each with "on" and "off".
int station_subject_find(const char *name, const char *word)
{
    for (size_t i = 0; i < HF_COUNT_OF(subjects); i++) {
        bool is_named = strcmp(name, subjects[i].name) == 0;
        if (is_named && (subjects[i].word == NULL || strcmp(word, subjects[i].word) == 0)) {
            return (int)i;
        }
    }
    bool is_on = strcmp(word, "on") == 0;
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT && (is_on || strcmp(word, "off") == 0); i++) {
        if (strcmp(name, evse_output_info[i].name) == 0) {
            return (int)(HF_COUNT_OF(subjects) + 2u * i + (is_on ? 1u : 0u));
        }
    }
    return -1;
}

bool station_subject_is_number(unsigned subject)
{
    return subject < HF_COUNT_OF(subjects) && subjects[subject].word == NULL;
}

int64_t station_subject_milli(const station_t *station, unsigned subject, unsigned connector)
{
    if (subject < HF_COUNT_OF(subjects)) {
        return subjects[subject].get(station, connector);
    }
    unsigned output = (subject - (unsigned)HF_COUNT_OF(subjects)) / 2u;
    bool wanted = (subject - HF_COUNT_OF(subjects)) % 2u != 0;
    return ((station->outlet[connector].output_bits >> output & 1u) != 0) == wanted;
}

void station_subject_help(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(subjects); i++) {
        const char *word = subjects[i].word;
        printf("%s%s%s%s", i % 4u == 0 ? "\n  " : "; ", subjects[i].name, word != NULL ? " " : " N",
               word != NULL ? word : "");
    }
    printf("\n  as commanded, on or off:");
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        printf(" %s", evse_output_info[i].name);
    }
    printf("\n");
}
