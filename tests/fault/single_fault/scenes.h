// SPDX-License-Identifier: MIT
// What a charge point may be doing when something breaks: from the first tick after boot to the reset of a latch. A scene is
// played once for each world and kept; taking it again is a copy. Invariant: always into the same trial, whose parts
// point at each other.
#ifndef SINGLE_FAULT_SCENES_H
#define SINGLE_FAULT_SCENES_H

#include "trial.h"

typedef enum scene {
    SCENE_BOOT,
    SCENE_IDLE,
    SCENE_PLUGGED,
    SCENE_AUTHORIZED,
    SCENE_LOCKING,
    SCENE_PRECHARGING,
    SCENE_CLOSING,
    SCENE_STARTING,
    SCENE_RAMPING,
    SCENE_CHARGING,
    SCENE_SUSPENDED_EV,
    SCENE_SUSPENDED_EVSE,
    SCENE_STOPPING,
    SCENE_FINISHING,
    SCENE_FAULTED,
    SCENE_SILENCE, // of the commissioning
    SCENE_LATCHED,
    SCENE_RESETTING,
    SCENE_COUNT
} scene_t;

const char *scene_text(unsigned scene);

/// False when this world has no such scene, or a rule was broken on the way to it (then the judge says so).
bool scene_take(trial_t *trial, unsigned option, scene_t scene);

#endif
