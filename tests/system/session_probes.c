// SPDX-License-Identifier: MIT
// A session by card of one minute in stepped time, with all that watches beside it: telemetry in the scheduler's
// loop, and what other builds have besides: the supervisor, a look at four stacks, a bounded lock a second.
// session_probes.py counts what each of these takes.
#include "evse/evse_supervisor.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_task.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define SESSION_MS  60000u
#define TASKS       4u
#define STACK_BYTES 65536u
#define LOOP_STEPS  5u // a service's loop comes every 50 ms
#define SAMPLE_MS   200u
#define LOCK_MS     1000u
#define LOOK_BYTES  64u // as telemetry does once a margin is known

static world_t world;
static uint32_t lines;
static hf_tasks_t tasks;
static hf_mutex_t mutex;
static evse_supervisor_t supervisor;
static uint8_t stacks[TASKS][STACK_BYTES];
static uint64_t sampled_us, judged_us, locked_us;
static unsigned next_task;

static bool take_line(void *ctx, const char *line, size_t length)
{
    (void)ctx;
    (void)line;
    lines += length != 0 ? 1u : 0u;
    return true;
}

static bool is_due(uint64_t *last_us, uint64_t period_ms)
{
    if (world.now_us - *last_us < period_ms * HF_US_PER_MS) {
        return false;
    }
    *last_us = world.now_us;
    return true;
}

static bool open_watch(void)
{
    static const hf_task_info_t rows[TASKS] = {{"control", stacks[0], STACK_BYTES, 3, -1},
                                               {"comms", stacks[1], STACK_BYTES, 2, -1},
                                               {"portal", stacks[2], STACK_BYTES, 1, -1},
                                               {"mqtt", stacks[3], STACK_BYTES, 1, -1}};
    static const evse_task_info_t watched[] = {{"control", 100, true}, {"comms", 5000, true}};
    for (unsigned i = 0; i < TASKS; i++) {
        hf_task_paint(stacks[i], STACK_BYTES);
    }
    return hf_tasks_init(&tasks, rows, TASKS) == HF_OK &&
           hf_mutex_init(&mutex, "lock", 0) == HF_OK &&
           evse_supervisor_init(&supervisor, watched, HF_COUNT_OF(watched), world.now_us) == HF_OK;
}

// Apart, so that session_probes.py counts them: the supervisor's part of a tick and of the comms loop, as they are there.
static __attribute__((noinline)) void note_tick(uint64_t now_us)
{
    evse_supervisor_note_tick(&supervisor, &world.evse.control, 0, now_us);
    evse_supervisor_check_in(&supervisor, 0, now_us);
}

static __attribute__((noinline)) void note_round(uint64_t now_us)
{
    evse_supervisor_check_in(&supervisor, 1, now_us);
}

static bool watch(void)
{
    bool is_good = true;
    note_tick(world.now_us);
    if (world.steps % LOOP_STEPS != 0) {
        return true;
    }
    note_round(world.now_us);
    if (is_due(&sampled_us, SAMPLE_MS)) {
        hf_task_look(&tasks, next_task++ % TASKS, LOOK_BYTES);
    }
    if (is_due(&locked_us, LOCK_MS)) {
        is_good = hf_mutex_take(&mutex, 0) == HF_OK && hf_mutex_give(&mutex, 0) == HF_OK;
    }
    return is_good;
}

static bool judge(void)
{
    return !is_due(&judged_us, EVSE_SUPERVISOR_PERIOD_MS) ||
           evse_supervisor_judge(&supervisor, 0, world.now_us).feed;
}

/// False when the state did not come, or what watches found something.
static bool run_until(evse_connector_state_t state, uint32_t limit_ms)
{
    for (uint64_t until = world.now_us + limit_ms * HF_US_PER_MS; world.now_us < until;) {
        world_step(&world);
        if (!watch() || !judge()) {
            return false;
        }
        if (world_connector(&world, 0).state == (uint32_t)state) {
            return true;
        }
    }
    return false;
}

static bool session(void)
{
    sim_outlet_plug(&world.outlet[0], true);
    bool is_good = run_until(EVSE_STATE_Preparing, 5000);
    (void)run_until(EVSE_STATE_Finishing, 1000); // nobody is faster with a card
    is_good = is_good && world_present_tag(&world, 0, "TAG1") == HF_OK &&
              run_until(EVSE_STATE_Charging, 30000);
    (void)run_until(EVSE_STATE_Finishing, SESSION_MS);
    is_good = is_good && world_present_tag(&world, 0, "TAG1") == HF_OK &&
              run_until(EVSE_STATE_Finishing, 10000);
    sim_outlet_plug(&world.outlet[0], false);
    return is_good && run_until(EVSE_STATE_Available, 10000);
}

int main(void)
{
    const world_config_t config = {.connectors = 1,
                                   .seed = 1,
                                   .utc_ms = 1767225600000u,
                                   .clock_known = true,
                                   .telemetry = take_line,
                                   .heartbeat_s = 60,
                                   .tripwire_bytes = 10240};
    if (world_init(&world, &config) != HF_OK || !open_watch()) {
        printf("the world does not begin\n");
        return 1;
    }
    (void)run_until(EVSE_STATE_Faulted, 20000); // registered by then
    const bool is_good = session();
    (void)run_until(EVSE_STATE_Faulted, 2000); // told and acknowledged
    printf("steps %u lines %u sessions %u\n", (unsigned)world.steps, (unsigned)lines,
           (unsigned)world_comms(&world).sessions_ended);
    return is_good && lines > 10u && world_comms(&world).sessions_ended == 1u ? 0 : 1;
}
