// SPDX-License-Identifier: MIT
// The list of harms: kinds, and the variants of each. What they do stands where they act, in trial.c.
#include "trial.h"

#include <stdio.h>

static const char *const kinds[HARM_KIND_COUNT] = {
#define HARM_NAME(name, text) text,
    HARM_TABLE(HARM_NAME)
#undef HARM_NAME
};

const char *seam_text(unsigned seam)
{
    static const char *const texts[SEAM_COUNT] = {
#define SEAM_NAME(name, text) text,
        SEAM_TABLE(SEAM_NAME)
#undef SEAM_NAME
    };
    return seam < SEAM_COUNT ? texts[seam] : "?";
}

static unsigned variants_of(harm_kind_t kind)
{
    unsigned count = 0;
    switch (kind) {
    case HARM_NONE:
        return 0;
    case HARM_SIM:
        while (sim_fault_name(count) != NULL) {
            count++;
        }
        return count;
    case HARM_INPUT_LOW:
    case HARM_INPUT_HIGH:
    case HARM_INPUT_STALE:
        return EVSE_INPUT_COUNT;
    case HARM_SEND_REFUSED:
    case HARM_SEND_FLAKY:
    case HARM_SEND_OFF:
    case HARM_RECEIVE_FAILS:
    case HARM_DRIVER_OFF:
    case HARM_CORRUPT:
    case HARM_DUPLICATE:
    case HARM_REORDER:
    case HARM_DELAY:
    case HARM_DROP:
    case HARM_SHORT:
    case HARM_STANDARD:
        return SIM_BUS_COUNT;
    default:
        return 1;
    }
}

bool harm_at(unsigned index, harm_t *harm)
{
    for (unsigned kind = 0; kind < HARM_KIND_COUNT; kind++) {
        unsigned count = variants_of((harm_kind_t)kind);
        if (index < count) {
            *harm = (harm_t){.kind = (harm_kind_t)kind, .which = index};
            return true;
        }
        index -= count;
    }
    return false;
}

void harm_text(const harm_t *harm, char *text, size_t bytes)
{
    const char *which = "";
    if (harm->kind == HARM_SIM) {
        which = sim_fault_name(harm->which);
    } else if (variants_of(harm->kind) == EVSE_INPUT_COUNT) {
        which = evse_input_info[harm->which].name;
    } else if (variants_of(harm->kind) == SIM_BUS_COUNT) {
        which = harm->which == SIM_BUS_BMS ? "bms-bus" : "module-bus";
    }
    (void)snprintf(text, bytes, "%s%s%s", kinds[harm->kind], *which != '\0' ? " " : "", which);
}
