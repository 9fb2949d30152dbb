// SPDX-License-Identifier: MIT
// All interleavings of the pool's atomic operations, case by case; and that the judges notice when the processor's or
// the pool's promises are broken. `prog --long` plays the long cases, `prog CASE:SCHEDULE:STEP` replays what a failure
// printed, operation by operation.
#include "holdfast/hf_config.h"
#include "pool_cases.h"
#ifdef MODEL_BROKEN
#include "broken_pool.h"
#endif

#include <stdio.h>
#include <string.h>

#define CASES      (sizeof pool_cases / sizeof pool_cases[0])
#define STATES_MAX 3000000u
#define LONG_MAX   30000000u
#define TEAR_MAX   200000u // states of a case that is played again to see that nothing is noticed

static unsigned passed, failed;
static uint64_t states_of[CASES];

static void conclude(const char *name, bool is_good)
{
    printf("%s %s\n", is_good ? "ok  " : "FAIL", name);
    passed += is_good ? 1u : 0u;
    failed += is_good ? 0 : 1u;
}

static void print_wrong(const char *name, const model_result_t *result)
{
    printf("  %s; replay: pool.%s:%s:%u\n", result->wrong, name, result->schedule, result->step);
}

static int replay(const char *id)
{
    char name[64] = "", schedule[MODEL_DEPTH_MAX + 1] = "";
    if (strncmp(id, "pool.", 5) == 0) {
        id += 5;
    }
    if (sscanf(id, "%63[^:]:%400[^:]", name, schedule) != 2) {
        printf("not CASE:SCHEDULE\n");
        return 2;
    }
    for (size_t i = 0; i < CASES; i++) {
        if (strcmp(name, pool_cases[i].name) == 0) {
            model_result_t result = pool_replay(&pool_cases[i], schedule);
            printf("%s\n", result.wrong == NULL ? "nothing wrong" : result.wrong);
            return result.wrong != NULL;
        }
    }
    printf("no such case: %s\n", name);
    return 2;
}

static const pool_case_t *find_wrong(model_result_t *result, uint64_t small_states)
{
    *result = (model_result_t){0};
    for (size_t i = 0; i < CASES; i++) {
        if (!pool_cases[i].is_long && states_of[i] <= small_states) {
            *result = pool_explore(&pool_cases[i], STATES_MAX);
        }
        if (result->wrong != NULL) {
            return &pool_cases[i];
        }
    }
    return NULL;
}

#if !defined(MODEL_BROKEN) || MODEL_BROKEN == 0

/// The short ones, the long ones, or the one that is named.
static void explore_all(const char *only, bool is_long)
{
    double schedules = 0;
    uint64_t states = 0;
    for (size_t i = 0; i < CASES; i++) {
        if (only != NULL ? strcmp(only, pool_cases[i].name) != 0
                         : is_long != pool_cases[i].is_long) {
            continue;
        }
        model_result_t result =
            pool_explore(&pool_cases[i], pool_cases[i].is_long ? LONG_MAX : STATES_MAX);
        if (result.wrong != NULL) {
            print_wrong(pool_cases[i].name, &result);
        } else {
            printf("  %.0f schedules of at most %u operations, %llu states, %llu runs\n",
                   result.schedules, result.longest, (unsigned long long)result.states,
                   (unsigned long long)result.runs);
        }
        conclude(pool_cases[i].name, result.wrong == NULL);
        schedules += result.schedules;
        states += result.states;
        states_of[i] = result.states;
    }
    printf("%u cases, %.3e schedules, %llu states\n", passed + failed, schedules,
           (unsigned long long)states);
}

typedef struct tear {
    uint32_t kind;
    const char *name;
    bool is_harmless; // only hints are changed this way
} tear_t;

/// A processor that tears one kind of operation: some case must notice; where only hints suffer, none may.
static void expect_tearing_is_noticed(void)
{
    static const tear_t tears[] = {
        {1u << MODEL_ADD, "torn_add_is_noticed", false},
        {1u << MODEL_SUB, "torn_sub_is_noticed", false},
        {1u << MODEL_OR, "torn_or_is_noticed", false},
#ifdef MODEL_BROKEN
        {1u << MODEL_AND, "torn_and_is_noticed", false},
#else
        {1u << MODEL_AND, "torn_summary_is_harmless", true},
#endif
        {1u << MODEL_XOR, "torn_xor_is_noticed", false},
        {1u << MODEL_SET, "torn_exchange_is_noticed", false},
        {MODEL_TEAR_COMPARE, "torn_compare_is_noticed", false},
        {MODEL_TEAR_LOCK, "torn_lock_is_noticed", false},
    };
    for (size_t i = 0; i < sizeof tears / sizeof tears[0]; i++) {
        model_result_t result;
        if ((model_kinds_used() & tears[i].kind) == 0) {
            continue;
        }
        model_tear(tears[i].kind);
        const pool_case_t *found =
            find_wrong(&result, tears[i].is_harmless ? TEAR_MAX : UINT64_MAX);
        if (found != NULL) {
            print_wrong(found->name, &result);
        }
        model_tear(0);
        conclude(tears[i].name, (found == NULL) == tears[i].is_harmless);
    }
}

/// Three ways to explore, one number of schedules.
static void expect_ways_agree(void)
{
    const double one_by_one_max = 300000;
    unsigned compared = 0;
    bool agree = true;
    for (size_t i = 0; i < CASES; i++) {
        if (pool_cases[i].is_long) {
            continue;
        }
        double by_stack = pool_explore(&pool_cases[i], STATES_MAX).schedules;
        if (by_stack > 1e9) {
            continue; // by history there would be many more states
        }
        model_go(MODEL_BY_HISTORY);
        agree = agree && pool_explore(&pool_cases[i], STATES_MAX).schedules == by_stack;
        model_go(MODEL_ONE_BY_ONE);
        if (by_stack <= one_by_one_max) {
            model_result_t result = pool_explore(&pool_cases[i], STATES_MAX);
            agree = agree && result.schedules == by_stack && (double)result.runs == by_stack;
            compared++;
        }
        model_go(MODEL_BY_STACK);
    }
    printf("  %u cases compared one by one\n", compared);
    conclude("pool_ways_to_explore_agree", agree && compared > 0);
}

#else

static void expect_mistake_is_found(void)
{
    static const char *const expected[] = {
        [BROKEN_SUMMARY] = "refused while a block was free throughout",
        [BROKEN_CLAIM] = "a block has two owners",
        [BROKEN_GIVE] = "one taking was given twice",
        [BROKEN_COUNT] = "exhausted is wrong",
        [BROKEN_HANDLE] = "one taking was given twice",
        [BROKEN_HASTE] = "refused while a block was free throughout",
    };
    model_result_t result;
    const pool_case_t *found = find_wrong(&result, UINT64_MAX);
    if (found != NULL) {
        print_wrong(found->name, &result);
        model_result_t again = pool_replay(found, result.schedule);
        conclude("schedule_of_the_mistake_replays",
                 again.wrong != NULL && strcmp(again.wrong, result.wrong) == 0);
    }
    conclude("mistake_is_found",
             found != NULL && strcmp(result.wrong, expected[MODEL_BROKEN]) == 0);
}

#endif

int main(int argc, char **argv)
{
    if (argc > 1 && strchr(argv[1], ':') != NULL) {
        return replay(argv[1]);
    }
#if defined(MODEL_BROKEN) && MODEL_BROKEN != 0
    expect_mistake_is_found();
#else
    bool is_long = argc > 1 && strcmp(argv[1], "--long") == 0;
    explore_all(argc > 1 && !is_long ? argv[1] : NULL, is_long);
    if (argc <= 1) {
        expect_tearing_is_noticed();
        expect_ways_agree();
    }
#endif
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
