// SPDX-License-Identifier: MIT
// The main of a model test: plays every case, prints what was explored, tears operations, replays `CASE:SCHEDULE:STEP`.
#ifndef MODEL_MAIN_H
#define MODEL_MAIN_H

#include "model.h"

typedef struct model_case {
    const char *name;
    void (*set_up)(void); // makes the world's memory what it shall be at the start
    model_world_t world;
} model_case_t;

typedef struct model_suite {
    const char *name;
    const model_case_t *cases;
    size_t count;
    uint64_t states_max;
    uint32_t harmless; // kinds of operations that may be torn without anybody noticing
    bool is_broken;    // on purpose: in each case something must be found
} model_suite_t;

int model_main(const model_suite_t *suite, int argc, char **argv);

#endif
