// SPDX-License-Identifier: MIT
// Every single fault: harm x scene x moment of a tick x world x duration, each case made from one number. A case: take
// the scene, let the harm begin at a seam call of a tick, perhaps one ordinary event meanwhile, heal, end the session; the
// judge watches every tick. In some cases a new session must then charge again. What a harm never changed in any case did
// not bite, and fails the campaign.
//
// single_fault [--cases N] [--from SEED] [--coverage] [--expect-broken]   a campaign
// single_fault --seed SEED [--trace]                                      one case again
#include "trial.h"

#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES       5000u
#define HARMS_MAX   192u
#define MOMENTS_MAX 40u
#define MS          1000ull
#define COOLING_MS  30000u // of a module that was hot

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
    SCENE_LATCHED,
    SCENE_RESETTING,
    SCENE_COUNT
} scene_t;

static const char *const scene_names[SCENE_COUNT] = {
    "boot",     "idle",      "plugged", "authorized", "locking",      "pre-charging",
    "closing",  "starting",  "ramping", "charging",   "suspended-ev", "suspended",
    "stopping", "finishing", "faulted", "latched",    "resetting",
};

typedef enum follow {
    FOLLOW_NOTHING,
    FOLLOW_END,
    FOLLOW_UNPLUG,
    FOLLOW_ESTOP,
    FOLLOW_COUNT
} follow_t;
static const char *const follow_names[] = {"nothing", "order ends", "unplug", "E-stop"};

typedef struct fault_case {
    uint64_t seed;
    unsigned option;
    scene_t scene;
    harm_t harm;
    int moment;
    uint32_t lead_ticks, duration_ms, follow_ms;
    follow_t follow;
    bool revives;
} fault_case_t;

static trial_t trial;
static trial_t *scenes[TRIAL_OPTION_COUNT][SCENE_COUNT]; // NULL: not made yet
static bool is_scene_there[TRIAL_OPTION_COUNT][SCENE_COUNT];

static unsigned harm_count;
static struct coverage {
    unsigned harm[HARMS_MAX], bitten[HARMS_MAX], scene[SCENE_COUNT], option[TRIAL_OPTION_COUNT];
    unsigned moment[MOMENTS_MAX], cell[HARMS_MAX][SCENE_COUNT];
    unsigned revived;
    uint64_t ticks;
} coverage;

// ---- scenes --------------------------------------------------------------------------------------------------------

static bool reach(uint32_t phase, unsigned ticks)
{
    for (unsigned i = 0;
         i < ticks && trial.snapshot.connector[0].phase != phase && !trial.judge.is_broken; i++) {
        trial_tick(&trial);
    }
    return trial.snapshot.connector[0].phase == phase;
}

// A first session that ends as ordered, so that there is one to come back wrongly.
static bool charge_once(void)
{
    trial_new_session(&trial);
    if (!reach(EVSE_POWER_ON, 1000)) {
        return false;
    }
    trial_run_ms(&trial, 1000);
    trial.orders.connector[0].session = EVSE_ORDER_NONE;
    bool is_off = reach(EVSE_POWER_OFF, 300);
    trial_run_ms(&trial, 1200);
    return is_off;
}

static bool charge(uint64_t ms)
{
    trial_new_session(&trial);
    bool is_on = reach(EVSE_POWER_ON, 1200);
    trial_run_ms(&trial, ms);
    return is_on;
}

static bool suspend_by_vehicle(void)
{
    bool is_on = charge(3000);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_BMS_FORBIDS, true);
    trial_run_ms(&trial, 2500);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_BMS_FORBIDS, false);
    return is_on && trial.snapshot.connector[0].phase == EVSE_POWER_OFF;
}

static bool latch(void)
{
    bool is_on = charge(3000);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_ESTOP, true);
    trial_run_ms(&trial, 1500);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_ESTOP, false);
    trial_run_ms(&trial, 500);
    return is_on && trial.judge.is_latched;
}

static bool get_hot(void)
{
    bool is_on = charge(3000);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_HOT, true);
    trial_run_ms(&trial, 4000);
    sim_outlet_set_fault(&trial.outlet, SIM_FAULT_HOT, false);
    return is_on && trial.snapshot.connector[0].fault == EVSE_FAULT_OVERTEMPERATURE;
}

static bool stop_after_charging(uint32_t phase)
{
    bool is_on = charge(4000);
    trial.orders.connector[0].session = EVSE_ORDER_NONE;
    return is_on && reach(phase, 300);
}

static bool play_session(scene_t scene)
{
    switch (scene) {
    case SCENE_LOCKING:
        trial_new_session(&trial);
        return reach(EVSE_POWER_LOCKING, 300);
    case SCENE_PRECHARGING:
        trial_new_session(&trial);
        return reach(EVSE_POWER_PRECHARGING, 300);
    case SCENE_CLOSING:
        trial_new_session(&trial);
        return reach(EVSE_POWER_CLOSING, 900);
    case SCENE_STARTING:
        trial_new_session(&trial);
        return reach(EVSE_POWER_STARTING, 900);
    case SCENE_RAMPING:
        return charge(200);
    case SCENE_CHARGING:
        return charge(5000);
    case SCENE_SUSPENDED_EV:
        return suspend_by_vehicle();
    case SCENE_SUSPENDED_EVSE: {
        bool is_on = charge(3000);
        trial.orders.connector[0].session = EVSE_ORDER_SUSPEND;
        trial_run_ms(&trial, 2500);
        return is_on;
    }
    case SCENE_STOPPING:
        return stop_after_charging(EVSE_POWER_STOPPING);
    case SCENE_FINISHING:
        return stop_after_charging(EVSE_POWER_OFF);
    case SCENE_FAULTED:
        return get_hot();
    case SCENE_RESETTING: {
        bool is_set = latch();
        sim_outlet_hold_reset(&trial.outlet, true);
        trial_run_ms(&trial, 2900);
        return is_set;
    }
    default:
        return latch();
    }
}

static bool play(unsigned option, scene_t scene)
{
    trial_init(&trial, option, 1);
    if (scene == SCENE_BOOT) {
        return true;
    }
    trial_run_ms(&trial, 500);
    if (scene == SCENE_IDLE) {
        return true;
    }
    sim_outlet_plug(&trial.outlet, true);
    trial_run_ms(&trial, 2500);
    if (scene == SCENE_PLUGGED) {
        return true;
    }
    if (scene == SCENE_AUTHORIZED) {
        trial_order(&trial, EVSE_ORDER_AUTHORIZED, trial.next_session++);
        trial_run_ms(&trial, 100);
        return true;
    }
    return charge_once() && play_session(scene);
}

// False when this world has no such scene.
static bool take_scene(unsigned option, scene_t scene)
{
    if (scenes[option][scene] == NULL) {
        is_scene_there[option][scene] = play(option, scene) && !trial.judge.is_broken;
        if (trial.judge.is_broken) {
            printf("scene %s, %s: %s\n", scene_names[scene], trial_option_text(option),
                   trial.judge.text);
        }
        scenes[option][scene] = malloc(sizeof trial);
        if (scenes[option][scene] == NULL) {
            abort();
        }
        memcpy(scenes[option][scene], &trial, sizeof trial);
    }
    memcpy(&trial, scenes[option][scene], sizeof trial);
    return is_scene_there[option][scene];
}

// ---- cases ---------------------------------------------------------------------------------------------------------

static uint32_t pick(uint64_t *random, uint32_t below)
{
    uint64_t z = *random += 0x9E3779B97F4A7C15ull; // splitmix64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

// Harm and scene are counted through, the rest is drawn: every harm meets every scene. A trip goes through the seam calls
// of a tick one by one.
static fault_case_t case_of(uint64_t seed)
{
    static const uint32_t durations[] = {10, 50, 200, 350, 700, 1300, 2600, 3400, 5500};
    uint64_t random = seed * 0xD1342543DE82EF95ull + 1u;
    fault_case_t made = {.seed = seed};
    unsigned harm = (unsigned)(seed % harm_count);
    uint64_t round = seed / harm_count / SCENE_COUNT;
    (void)harm_at(harm, &made.harm);
    made.scene = (scene_t)(seed / harm_count % SCENE_COUNT);
    made.option = pick(&random, TRIAL_OPTION_COUNT);
    made.harm.amount = pick(&random, UINT32_MAX);
    made.moment = made.harm.kind == HARM_TRIP ? (int)(round % 24u) : (int)pick(&random, 24);
    made.lead_ticks = made.scene == SCENE_CHARGING ? pick(&random, 60) : pick(&random, 4);
    made.duration_ms = durations[pick(&random, HF_COUNT_OF(durations))];
    made.follow =
        pick(&random, 5) < 2 ? (follow_t)(1u + pick(&random, FOLLOW_COUNT - 1u)) : FOLLOW_NOTHING;
    made.follow_ms = pick(&random, made.duration_ms + 1u);
    made.revives = pick(&random, 4) == 0;
    return made;
}

static void print_case(const fault_case_t *c)
{
    char harm[80];
    harm_text(&c->harm, harm, sizeof harm);
    printf("seed %llu: %s (%u) in %s, %s, at seam call %d of tick %u, for %u ms, then %s after %u "
           "ms%s\n",
           (unsigned long long)c->seed, harm, (unsigned)c->harm.amount, scene_names[c->scene],
           trial_option_text(c->option), c->moment, (unsigned)c->lead_ticks,
           (unsigned)c->duration_ms, follow_names[c->follow], (unsigned)c->follow_ms,
           c->revives ? ", and a new session" : "");
}

static void follow_up(follow_t follow)
{
    if (follow == FOLLOW_END) {
        trial.orders.connector[0].session = EVSE_ORDER_NONE;
    } else if (follow == FOLLOW_UNPLUG) {
        sim_outlet_plug(&trial.outlet, false);
    } else if (follow == FOLLOW_ESTOP) {
        sim_outlet_set_fault(&trial.outlet, SIM_FAULT_ESTOP, true);
    }
}

// The session is over: everything that was owed must have been told, the energy counted.
static void finish(void)
{
    trial_heal(&trial);
    trial.orders.connector[0].session = EVSE_ORDER_NONE;
    trial_run_ms(&trial, EVSE_STOP_BOUND_MS + 600);
    if (!trial.judge.is_broken) {
        judge_finish(&trial.judge);
    }
}

// The harm is gone, a person has reset what only a person may: a new session must charge.
static void revive(void)
{
    sim_outlet_plug(&trial.outlet, false); // some faults ask for that
    trial_run_ms(&trial, 700);
    sim_outlet_plug(&trial.outlet, true);
    trial_run_ms(&trial, 300);
    sim_outlet_hold_reset(&trial.outlet, true);
    trial_run_ms(&trial, EVSE_LATCH_RESET_HOLD_MS + 100);
    sim_outlet_hold_reset(&trial.outlet, false);
    uint64_t until_us = trial.now_us + (EVSE_FAULT_LOCK_MS + COOLING_MS) * MS;
    while (trial.snapshot.connector[0].fault != EVSE_FAULT_NONE && trial.now_us < until_us &&
           !trial.judge.is_broken) {
        trial_tick(&trial);
    }
    trial_new_session(&trial);
    for (unsigned i = 0; i < 1500 && trial.outlet.power_mW == 0 && !trial.judge.is_broken; i++) {
        trial_tick(&trial);
    }
    if (trial.outlet.power_mW == 0) {
        judge_break(
            &trial.judge,
            "does not charge again after everything was healed: reasons %x, fault %u, phase %s",
            (unsigned)trial.snapshot.connector[0].reasons,
            (unsigned)trial.snapshot.connector[0].fault,
            evse_power_phase_text(trial.snapshot.connector[0].phase));
    }
    finish();
}

// Harms under which the terminal frames tell what is not so, or tell nothing for longer than a gap.
static bool is_meter_harmed(const harm_t *harm)
{
    const sim_faults_t lies = SIM_FAULT_TERMINAL_CURRENT_STUCK | SIM_FAULT_TERMINAL_VOLTAGE_STUCK |
                              SIM_FAULT_OVERVOLTAGE | SIM_FAULT_UNDERVOLTAGE | SIM_FAULT_FLOOD;
    if (harm->kind == HARM_SIM) {
        return ((1ull << harm->which) & lies) != 0;
    }
    return harm->kind == HARM_CORRUPT || harm->kind == HARM_REORDER || harm->kind == HARM_DELAY ||
           harm->kind == HARM_DUPLICATE || harm->kind == HARM_DROP;
}

// What went through the terminals while nobody told: up to reading_age (1 s) and the way down, and the edges of power.
#define MARGIN_PERMILLE 20u
#define MARGIN_SECONDS  3u // of full power, for two ends of power and a gap

static void judge_energy(const fault_case_t *c)
{
    uint64_t told_mJ = trial.judge.register_mJ - trial.judge.register_start_mJ;
    uint64_t true_mJ = trial.outlet.energy_mJ - trial.judge.truth_start_mJ;
    uint64_t apart_mJ = told_mJ > true_mJ ? told_mJ - true_mJ : true_mJ - told_mJ;
    uint64_t power_mW = (uint64_t)trial.outlet.config.request_mA * 80u;
    uint64_t margin_mJ = true_mJ * MARGIN_PERMILLE / 1000u + MARGIN_SECONDS * power_mW;
    if (apart_mJ > margin_mJ && !is_meter_harmed(&c->harm)) {
        judge_break(&trial.judge, "register %u J, truth %u J", (unsigned)(told_mJ / 1000u),
                    (unsigned)(true_mJ / 1000u));
    }
}

static void run_harm(const fault_case_t *c, bool with_harm)
{
    for (uint32_t i = 0; i < c->lead_ticks; i++) {
        trial_tick(&trial);
    }
    if (with_harm) {
        trial_harm(&trial, &c->harm, c->moment);
    }
    bool follows = c->follow != FOLLOW_NOTHING;
    for (uint64_t ms = 0; ms < c->duration_ms && !trial.judge.is_broken; ms += EVSE_TICK_MS) {
        if (follows && ms >= c->follow_ms) {
            follow_up(c->follow);
            follows = false;
        }
        trial_tick(&trial);
    }
}

// The rules a case broke, as text; NULL none.
static const char *run_case(const fault_case_t *c, bool is_traced)
{
    if (!take_scene(c->option, c->scene)) {
        return trial.judge.is_broken ? trial.judge.text : NULL;
    }
    trial.is_traced = is_traced;
    run_harm(c, true);
    unsigned calls = (unsigned)trial.calls;
    coverage.moment[calls < MOMENTS_MAX ? c->moment : 0]++;
    if (!trial.judge.is_broken) {
        finish();
    }
    if (!trial.judge.is_broken && c->revives) {
        coverage.revived++;
        revive();
    }
    if (!trial.judge.is_broken) {
        judge_energy(c);
    }
    return trial.judge.is_broken ? trial.judge.text : NULL;
}

// The same case without its harm: whatever control did otherwise was the harm's doing.
static bool has_bitten(const fault_case_t *c)
{
    uint64_t hash[2];
    for (int with = 0; with < 2; with++) {
        if (!take_scene(c->option, c->scene)) {
            return false;
        }
        run_harm(c, with != 0);
        hash[with] = trial.hash;
    }
    return hash[0] != hash[1];
}

// ---- campaign ------------------------------------------------------------------------------------------------------

static void cover(const fault_case_t *c)
{
    unsigned harm = (unsigned)(c->seed % harm_count);
    if (coverage.bitten[harm] == 0 && has_bitten(c)) {
        coverage.bitten[harm]++;
    }
    coverage.harm[harm]++;
    coverage.scene[c->scene]++;
    coverage.option[c->option]++;
    coverage.cell[harm][c->scene]++;
}

static int print_coverage(uint64_t cases, bool is_whole)
{
    int failed = 0;
    unsigned cells = 0, possible = harm_count * SCENE_COUNT;
    for (unsigned i = 0; i < harm_count; i++) {
        harm_t harm;
        char text[80];
        (void)harm_at(i, &harm);
        harm_text(&harm, text, sizeof text);
        for (unsigned scene = 0; scene < SCENE_COUNT; scene++) {
            cells += coverage.cell[i][scene] != 0 ? 1u : 0u;
        }
        if (is_whole) {
            printf("  %-40s %4u cases%s\n", text, coverage.harm[i],
                   coverage.bitten[i] != 0 ? "" : ", never bit");
        }
        if (coverage.bitten[i] == 0 && cases >= possible) {
            printf("harm '%s' never bit: it changed nothing in %u cases\n", text, coverage.harm[i]);
            failed = 1;
        }
    }
    for (unsigned i = 0; i < SCENE_COUNT && is_whole; i++) {
        printf("  %-40s %4u cases\n", scene_names[i], coverage.scene[i]);
    }
    for (unsigned i = 0; i < TRIAL_OPTION_COUNT && is_whole; i++) {
        printf("  %-40s %4u cases\n", trial_option_text(i), coverage.option[i]);
    }
    for (unsigned i = 0; i < MOMENTS_MAX && is_whole; i++) {
        printf("  seam call %-30u %4u cases\n", i, coverage.moment[i]);
    }
    printf("%llu cases: %u harms, %u of %u cells of harm and scene, %u new sessions, %llu ticks\n",
           (unsigned long long)cases, harm_count, cells, possible, coverage.revived,
           (unsigned long long)coverage.ticks);
    return failed;
}

static int run_campaign(uint64_t from, uint64_t cases, bool is_whole, bool expects_broken)
{
    unsigned failed = 0;
    for (uint64_t seed = from; seed < from + cases && failed < 10; seed++) {
        fault_case_t c = case_of(seed);
        uint64_t before = trial.ticks;
        const char *broken = run_case(&c, false);
        coverage.ticks += trial.ticks - (before < trial.ticks ? before : 0);
        if (broken != NULL) {
            print_case(&c);
            printf("  broken: %s\n  again: single_fault --seed %llu --trace\n", broken,
                   (unsigned long long)seed);
            failed++;
            if (expects_broken) {
                printf("1 passed, 0 failed: found after %llu cases\n",
                       (unsigned long long)(seed - from + 1));
                return 0;
            }
        } else if (!expects_broken) {
            cover(&c);
        }
    }
    if (expects_broken) {
        printf("the mistake was not found in %llu cases\n0 passed, 1 failed\n",
               (unsigned long long)cases);
        return 1;
    }
    int uncovered = failed == 0 ? print_coverage(cases, is_whole) : 0;
    printf("%llu passed, %u failed\n", (unsigned long long)cases - failed,
           failed + (unsigned)uncovered);
    return failed != 0 || uncovered != 0;
}

static uint64_t number(int argc, char **argv, int at)
{
    return at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    uint64_t cases = CASES, from = 0, seed = 0;
    bool is_one = false, is_traced = false, is_whole = false, expects_broken = false;
    harm_t harm;
    while (harm_at(harm_count, &harm) && harm_count < HARMS_MAX) {
        harm_count++;
    }
    for (int i = 1; i < argc; i++) {
        is_traced |= strcmp(argv[i], "--trace") == 0;
        is_whole |= strcmp(argv[i], "--coverage") == 0;
        expects_broken |= strcmp(argv[i], "--expect-broken") == 0;
        if (strcmp(argv[i], "--cases") == 0) {
            cases = number(argc, argv, i++);
        } else if (strcmp(argv[i], "--from") == 0) {
            from = number(argc, argv, i++);
        } else if (strcmp(argv[i], "--seed") == 0) {
            is_one = true;
            seed = number(argc, argv, i++);
        }
    }
    if (!is_one) {
        return run_campaign(from, cases, is_whole, expects_broken);
    }
    fault_case_t c = case_of(seed);
    print_case(&c);
    const char *broken = run_case(&c, is_traced);
    printf("%s\n", broken != NULL ? broken : "no rule broken");
    return broken != NULL;
}
