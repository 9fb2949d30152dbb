// SPDX-License-Identifier: MIT
// The command line of `holdfast lab run`, checked.
#ifndef LAB_ENGINE_OPTIONS_H
#define LAB_ENGINE_OPTIONS_H

#include "lab_engine.h"
#include "lab_gates.h"

#define LAB_SCENARIOS_MAX 32u
#define LAB_TERMS_MAX     16u
#define LAB_REPEAT_MAX    100

typedef struct lab_run_options {
    lab_engine_options_t engine;
    lab_device_config_t device;
    const char *scenario[LAB_SCENARIOS_MAX];
    unsigned scenarios;
    const char *out, *junit, *resume, *baseline;
    const char *fail_on[LAB_TERMS_MAX], *gate[LAB_TERMS_MAX];
    unsigned fail_ons, gates;
    int64_t repeat;
    bool is_json, is_quiet, has_device, no_heap;
    int64_t heartbeat_s; // 0: as the scenario says
    char words[512];     // the options once more, for the command that replays a run
} lab_run_options_t;

/// -1 to go on, else the exit status.
int lab_run_options_read(lab_run_options_t *options, int argc, char **argv);

#endif
