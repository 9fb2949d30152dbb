// SPDX-License-Identifier: MIT
// Bounds of docs/SAFETY.md, from the harm itself: how long until control can know of it, and whether the contactor then
// has to open in the same tick. The outlet's own power is what is held against them.
#ifndef SINGLE_FAULT_BOUNDS_H
#define SINGLE_FAULT_BOUNDS_H

#include "trial.h"

typedef struct bound {
    uint32_t known_ms; // from the harm to the tick that can know
    bool is_at_once;   // the contactor in that very tick
    bool is_gentle;    // an orderly end: nothing is to open under load
} bound_t;

/// False when this harm does not take power, or nobody says when.
bool bound_of(const harm_t *harm, unsigned option, bound_t *bound);
/// Found by what the modules answer: while a profile is commissioned nobody asks them for some seconds.
bool bound_is_of_answers(const harm_t *harm);

#endif
