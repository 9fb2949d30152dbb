// SPDX-License-Identifier: MIT
// Every single fault: harm x scene x moment of a tick x world x duration, each case made from one number. A case: take
// the scene, let the harm begin at a seam call of a tick, perhaps one ordinary event meanwhile, heal, end the session; the
// judge watches every tick. In some cases a new session must then charge again. What a harm never changed in any case did
// not bite, and fails the campaign.
//
// single_fault [--cases N] [--sweep N] [--from SEED] [--coverage]   a campaign
// single_fault --expect-broken                                      one that a build with a mistake must not pass
// single_fault --seed SEED [--trace]                                one case again
#include "bounds.h"
#include "scenes.h"

#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LESS_MA    2345
#define CASES      5000u
#define HARMS_MAX  192u
#define MOMENTS    24u // seam calls from the harm's tick on among which its beginning is drawn
#define MS         1000ull
#define COOLING_MS 30000u // of a module that was hot

typedef enum follow {
    FOLLOW_NOTHING,
    FOLLOW_END,
    FOLLOW_UNPLUG,
    FOLLOW_ESTOP,
    FOLLOW_START,
    FOLLOW_STOP,
    FOLLOW_RESET,
    FOLLOW_LESS,
    FOLLOW_COUNT
} follow_t;
static const char *const follow_names[] = {"nothing",    "order ends",   "unplug",
                                           "E-stop",     "start button", "stop button",
                                           "reset held", "a lower limit"};

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

static unsigned harm_count;
static struct coverage {
    unsigned harm[HARMS_MAX], bitten[HARMS_MAX], scene[SCENE_COUNT], option[TRIAL_OPTION_COUNT];
    unsigned seam[SEAM_COUNT], cell[HARMS_MAX][SCENE_COUNT];
    unsigned broken[HARMS_MAX]; // cases of each harm that broke a rule: the first is printed
    unsigned bounded;           // cases that outlasted the bound of their harm
    unsigned revived;
    uint64_t ticks;
} coverage;

// ---- cases ---------------------------------------------------------------------------------------------------------

static uint32_t pick(uint64_t *random, uint32_t below)
{
    uint64_t z = *random += 0x9E3779B97F4A7C15ull; // splitmix64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

// Some scenes are there in one world only.
static unsigned option_with(scene_t scene, unsigned option)
{
    if (scene == SCENE_PRECHARGING) {
        return TRIAL_PRECHARGE;
    }
    return scene == SCENE_SILENCE ? TRIAL_COMMISSIONING : option;
}

// Harms that act at once, at every seam call of a whole control period, in every scene with power near: numbers from SWEEP
// on.
#define SWEEP        (1ull << 40)
#define SWEEP_CALLS  250u
#define SWEEP_MS     450u
#define SWEEP_STRIDE 7919u // a prime: neighbours are much alike
static const scene_t sweep_scenes[] = {SCENE_LOCKING,  SCENE_PRECHARGING, SCENE_CLOSING,
                                       SCENE_STARTING, SCENE_RAMPING,     SCENE_CHARGING,
                                       SCENE_STOPPING};
static const harm_t sweep_harms[] = {
    {.kind = HARM_TRIP},         {.kind = HARM_SIM, .which = 8}, // bus-off
    {.kind = HARM_SEND_REFUSED}, {.kind = HARM_DRIVE_REFUSED},   {.kind = HARM_DRIVER_OFF},
};
#define SWEEP_HARMS 2u // of them in a short campaign
#define SWEEP_PART  (HF_COUNT_OF(sweep_scenes) * TRIAL_OPTION_COUNT * SWEEP_CALLS) // of one harm

static fault_case_t sweep_case_of(uint64_t seed)
{
    uint64_t at = seed - SWEEP;
    fault_case_t made = {.seed = seed, .duration_ms = SWEEP_MS};
    made.moment = (int)(at % SWEEP_CALLS) + 1;
    made.option = (unsigned)(at / SWEEP_CALLS % TRIAL_OPTION_COUNT);
    made.scene = sweep_scenes[at / SWEEP_CALLS / TRIAL_OPTION_COUNT % HF_COUNT_OF(sweep_scenes)];
    made.option = option_with(made.scene, made.option);
    made.harm = sweep_harms[at / SWEEP_PART % HF_COUNT_OF(sweep_harms)];
    return made;
}

// A harm of a button or of the reset shows only when somebody uses it, and long enough.
static void suit_harm(fault_case_t *made, bool is_used)
{
    bool is_input = made->harm.kind == HARM_INPUT_LOW || made->harm.kind == HARM_INPUT_HIGH ||
                    made->harm.kind == HARM_INPUT_STALE;
    bool is_reset =
        made->harm.kind == HARM_RESET_HELD || (is_input && made->harm.which == EVSE_IN_LATCH_RESET);
    bool is_button = is_input && made->harm.which > EVSE_IN_LATCH_RESET;
    if (is_button && is_used) {
        made->follow = made->harm.which == EVSE_IN_STOP_BUTTON ? FOLLOW_STOP : FOLLOW_START;
        made->duration_ms += 700;
        made->follow_ms = made->duration_ms / 2;
    }
    if (made->harm.kind == HARM_CROSSED) { // until the last word on the right bus is too old
        made->option =
            option_with(made->scene, is_used ? TRIAL_TWO_BUSES : TRIAL_FOUR_UNITS_TWO_BUSES);
        made->duration_ms += 3400;
    }
    if (made->harm.kind == HARM_EVENTS_FULL &&
        is_used) { // something to tell while nothing can be told
        made->duration_ms += 1300;
        made->follow = FOLLOW_ESTOP;
        made->follow_ms = made->duration_ms - 200;
    }
    if (is_reset && made->scene >= SCENE_LATCHED) {
        made->duration_ms += EVSE_LATCH_RESET_HOLD_MS + 400;
    }
}

// Harm and scene are counted through, the rest is drawn: every harm meets every scene. A trip goes through the seam calls
// of a tick one by one.
static fault_case_t case_of(uint64_t seed)
{
    if (seed >= SWEEP) {
        return sweep_case_of(seed);
    }
    static const uint32_t durations[] = {10, 50, 200, 350, 700, 1300, 2600, 3400, 5500};
    uint64_t random = seed * 0xD1342543DE82EF95ull + 1u;
    fault_case_t made = {.seed = seed};
    unsigned harm = (unsigned)(seed % harm_count);
    uint64_t round = seed / harm_count / SCENE_COUNT;
    (void)harm_at(harm, &made.harm);
    made.scene = (scene_t)(seed / harm_count % SCENE_COUNT);
    made.option = option_with(made.scene, pick(&random, TRIAL_OPTION_COUNT));
    made.harm.amount = pick(&random, UINT32_MAX);
    made.moment =
        made.harm.kind == HARM_TRIP ? (int)(round % MOMENTS) : (int)pick(&random, MOMENTS);
    made.lead_ticks = made.scene == SCENE_CHARGING ? pick(&random, 60) : pick(&random, 4);
    made.duration_ms = durations[pick(&random, HF_COUNT_OF(durations))];
    if (made.scene >= SCENE_LATCHED && pick(&random, 2) == 0) { // a reset takes its time
        made.duration_ms = 3400 + pick(&random, 2000);
    }
    made.follow =
        pick(&random, 2) == 0 ? (follow_t)(1u + pick(&random, FOLLOW_COUNT - 1u)) : FOLLOW_NOTHING;
    made.follow_ms = pick(&random, made.duration_ms + 1u);
    made.revives = pick(&random, 4) == 0;
    suit_harm(&made, pick(&random, 2) == 0);
    return made;
}

static void print_case(const fault_case_t *c)
{
    char harm[80];
    harm_text(&c->harm, harm, sizeof harm);
    printf("seed %llu: %s (%u) in %s, %s, at seam call %d from tick %u on, for %u ms, then %s "
           "after %u "
           "ms%s\n",
           (unsigned long long)c->seed, harm, (unsigned)c->harm.amount, scene_text(c->scene),
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
    } else if (follow == FOLLOW_LESS) {
        trial.orders.connector[0].limit_mA = LESS_MA;
    } else if (follow == FOLLOW_RESET) {
        sim_outlet_hold_reset(&trial.outlet, true);
    } else {
        sim_outlet_hold_buttons(&trial.outlet, follow == FOLLOW_START, follow == FOLLOW_STOP);
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

#define GONE_MS      550u // both stop paths, the contactor's drop-out, the module's way down
#define GONE_FAST_MS 100u
#define GENTLE_MA    40000 // what a module takes down before the contactor opens at 300 ms

// The outlet's power against the bound of this harm, as long as it lasts.
static void judge_bound(const fault_case_t *c, const bound_t *bound, uint32_t hot_openings)
{
    if (trial.begun_us == 0 || !trial.was_charging) {
        return;
    }
    uint64_t passed_ms = (trial.now_us - trial.begun_us) / MS;
    uint32_t most_ms = bound->known_ms + (bound->is_at_once ? GONE_FAST_MS : GONE_MS);
    coverage.bounded += passed_ms == most_ms + EVSE_TICK_MS ? 1u : 0u;
    if (passed_ms > most_ms && trial.outlet.power_mW > 0) {
        judge_break(&trial.judge, "power %u ms after the harm began, bound %u ms",
                    (unsigned)passed_ms, (unsigned)most_ms);
    } else if (bound->is_gentle && trial.outlet.config.request_mA <= GENTLE_MA &&
               c->follow == FOLLOW_NOTHING && trial.outlet.hot_openings > hot_openings) {
        judge_break(&trial.judge, "the contactor opens under load at an orderly end");
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
    bound_t bound;
    bool is_mute = c->option == TRIAL_COMMISSIONING && bound_is_of_answers(&c->harm);
    bool is_bound = with_harm && !is_mute && bound_of(&c->harm, c->option, &bound);
    uint32_t hot_openings = trial.outlet.hot_openings;
    for (uint64_t ms = 0; ms < c->duration_ms && !trial.judge.is_broken; ms += EVSE_TICK_MS) {
        if (follows && ms >= c->follow_ms) {
            follow_up(c->follow);
            follows = false;
        }
        trial_tick(&trial);
        if (is_bound) {
            judge_bound(c, &bound, hot_openings);
        }
    }
}

// The rules a case broke, as text; NULL none.
static const char *run_case(const fault_case_t *c, bool is_traced)
{
    if (!scene_take(&trial, c->option, c->scene)) {
        return trial.judge.is_broken ? trial.judge.text : "its scene cannot be played";
    }
    trial.is_traced = is_traced;
    unsigned before = trial.ticks;
    run_harm(c, true);
    coverage.seam[trial.begun]++;
    if (c->seed >= SWEEP) {
        return trial.judge.is_broken ? trial.judge.text : NULL;
    }
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
    coverage.ticks += trial.ticks - before;
    return trial.judge.is_broken ? trial.judge.text : NULL;
}

// The same case without its harm: whatever control did otherwise was the harm's doing.
static bool has_bitten(const fault_case_t *c)
{
    uint64_t hash[2];
    for (int with = 0; with < 2; with++) {
        if (!scene_take(&trial, c->option, c->scene)) {
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
        printf("  %-40s %4u cases\n", scene_text(i), coverage.scene[i]);
    }
    for (unsigned i = 0; i < TRIAL_OPTION_COUNT && is_whole; i++) {
        printf("  %-40s %4u cases\n", trial_option_text(i), coverage.option[i]);
    }
    for (unsigned i = 0; i < SEAM_COUNT && is_whole; i++) {
        printf("  begins at: %-29s %4u cases\n", seam_text(i), coverage.seam[i]);
    }
    printf("%llu cases: %u harms, %u of %u cells of harm and scene, %u outlast a bound, %u new "
           "sessions, %llu ticks\n",
           (unsigned long long)cases, harm_count, cells, possible, coverage.bounded,
           coverage.revived, (unsigned long long)coverage.ticks);
    return failed;
}

static void report(const fault_case_t *c, const char *broken)
{
    unsigned harm = c->seed < SWEEP ? (unsigned)(c->seed % harm_count) : HARMS_MAX - 1u;
    if (coverage.broken[harm]++ == 0) {
        print_case(c);
        printf("  broken: %s\n  again: single_fault --seed %llu --trace\n", broken,
               (unsigned long long)c->seed);
    }
}

// How many cases broke a rule; with `stops` the first ends the campaign.
static unsigned run_cases(uint64_t from, uint64_t cases, bool stops)
{
    unsigned failed = 0;
    for (uint64_t seed = from; seed < from + cases && !(stops && failed > 0); seed++) {
        fault_case_t c = case_of(seed);
        const char *broken = run_case(&c, false);
        if (broken != NULL) {
            report(&c, broken);
            failed++;
        } else if (!stops && seed < SWEEP) {
            cover(&c);
        }
    }
    return failed;
}

static int run_campaign(uint64_t from, uint64_t cases, uint64_t sweep, bool is_whole)
{
    unsigned failed = run_cases(from, cases, false);
    failed += run_cases(SWEEP, sweep, false);
    int uncovered = print_coverage(cases, is_whole);
    printf("%llu cases at every seam call of a period\n", (unsigned long long)sweep);
    printf("%llu passed, %u failed\n", (unsigned long long)(cases + sweep) - failed,
           failed + (unsigned)uncovered);
    return failed != 0 || uncovered != 0;
}

#ifdef SINGLE_FAULT_MISTAKE
extern const char single_fault_mistake[]; // what this build does wrong
#else
static const char single_fault_mistake[] = "none";
#endif

// A build with a known mistake in it: passes when the campaign finds it.
static int find_mistake(uint64_t from, uint64_t cases)
{
    printf("mistake: %s\n", single_fault_mistake);
    bool is_found = false;
    for (uint64_t i = 0; i < cases && !is_found; i++) {
        is_found = run_cases(from + i, 1, true) != 0;
        for (uint64_t k = 0; k < 2 && !is_found;
             k++) { // both at once: each finds what the other does not
            is_found = run_cases(SWEEP + (2 * i + k) * SWEEP_STRIDE % SWEEP_PART, 1, true) != 0;
        }
    }
    printf(is_found ? "1 passed, 0 failed\n" : "the mistake was not found\n0 passed, 1 failed\n");
    return is_found ? 0 : 1;
}

static uint64_t number(int argc, char **argv, int at)
{
    return at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    uint64_t cases = CASES, sweep = SWEEP_PART * SWEEP_HARMS, from = 0, seed = 0;
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
        } else if (strcmp(argv[i], "--sweep") == 0) {
            sweep = number(argc, argv, i++);
        } else if (strcmp(argv[i], "--seed") == 0) {
            is_one = true;
            seed = number(argc, argv, i++);
        }
    }
    if (!is_one) {
        return expects_broken ? find_mistake(from, cases)
                              : run_campaign(from, cases, sweep, is_whole);
    }
    fault_case_t c = case_of(seed);
    print_case(&c);
    const char *broken = run_case(&c, is_traced);
    printf("%s\n", broken != NULL ? broken : "no rule broken");
    return broken != NULL;
}
