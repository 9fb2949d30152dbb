// SPDX-License-Identifier: MIT
// Many sessions in stepped time, with outages, kills and faults mixed in by seed, and the verdict over what the central
// system billed in the end.
#ifndef SCENARIO_H
#define SCENARIO_H

#include "world.h"

#define SCENARIO_SETTLED_SESSION 10u

typedef struct scenario_options {
    uint32_t hours;
    uint32_t sessions;
    uint32_t outages;      // of the link, 1 to 10 minutes each
    uint32_t kills;        // of the charge point, in mid-session
    uint32_t faults;       // of an outlet, in mid-session
    uint32_t reboot_hours; // from one restart in good order to the next, between sessions; 0 never
    bool is_injected; // takes are refused or power is cut: one session may never come to charge
    bool all_faults;  // drawn from all that may be over in 10 s, else from six
} scenario_options_t;

typedef struct scenario_result {
    uint32_t played; // sessions in which power flowed
    uint32_t failed; // sessions that never came to charge
    uint32_t starts, stops, meters, conflicts, duplicates, invalid; // what the central system got
    uint32_t reboots, bad_reboots; // bad: not ended in good order, or it did not start
    uint32_t unfinished;           // messages still waiting at the end
    uint64_t billed_Wh, simulated_Wh;
    uint32_t settled_peak[EVSE_POOL_COUNT]; // after session 10
    hf_pool_stats_t pool[EVSE_POOL_COUNT];  // at the end
    bool refused_key;                       // the policy the scenario needs could not be set
    /// Every session exactly one start and one stop, no conflict, nothing waiting, no pool grew after session 10.
    bool good;
} scenario_result_t;

void scenario_run(world_t *world, const scenario_options_t *options, scenario_result_t *result);

#endif
