// SPDX-License-Identifier: MIT
// The main of model_main.h.
#include "model_main.h"

#include <stdio.h>
#include <string.h>

static unsigned passed, failed;

static void conclude(const char *name, bool is_good)
{
    printf("%s %s\n", is_good ? "ok  " : "FAIL", name);
    passed += is_good ? 1u : 0u;
    failed += is_good ? 0 : 1u;
}

static model_result_t explore(const model_suite_t *suite, const model_case_t *which)
{
    which->set_up();
    model_result_t result = model_explore(&which->world, suite->states_max);
    if (result.wrong != NULL) {
        printf("  %s; replay: %s.%s:%s:%u\n", result.wrong, suite->name, which->name,
               result.schedule, result.step);
    }
    return result;
}

static void explore_all(const model_suite_t *suite, const char *only)
{
    double schedules = 0;
    uint64_t states = 0;
    for (size_t i = 0; i < suite->count; i++) {
        if (only != NULL && strcmp(only, suite->cases[i].name) != 0) {
            continue;
        }
        model_result_t result = explore(suite, &suite->cases[i]);
        if (result.wrong == NULL) {
            printf("  %.0f schedules of at most %u operations, %llu states\n", result.schedules,
                   result.longest, (unsigned long long)result.states);
        }
        conclude(suite->cases[i].name, result.wrong == NULL);
        schedules += result.schedules;
        states += result.states;
    }
    printf("%u cases, %.3e schedules, %llu states\n", passed + failed, schedules,
           (unsigned long long)states);
}

static bool is_noticed(const model_suite_t *suite, uint32_t kind)
{
    bool found = false;
    model_tear(kind);
    for (size_t i = 0; i < suite->count && !found; i++) {
        found = explore(suite, &suite->cases[i]).wrong != NULL;
    }
    model_tear(0);
    return found;
}

static void expect_tearing_is_noticed(const model_suite_t *suite)
{
    static const uint32_t kinds[] = {1u << MODEL_ADD,    1u << MODEL_SUB, 1u << MODEL_OR,
                                     1u << MODEL_AND,    1u << MODEL_XOR, 1u << MODEL_SET,
                                     MODEL_TEAR_COMPARE, MODEL_TEAR_LOCK};
    static const char *const names[] = {"torn_add_is_noticed",     "torn_sub_is_noticed",
                                        "torn_or_is_noticed",      "torn_and_is_noticed",
                                        "torn_xor_is_noticed",     "torn_exchange_is_noticed",
                                        "torn_compare_is_noticed", "torn_lock_is_noticed"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((model_kinds_used() & kinds[i] & ~suite->harmless) != 0) {
            conclude(names[i], is_noticed(suite, kinds[i]));
        }
    }
}

static int replay(const model_suite_t *suite, const char *id)
{
    char name[64] = "", schedule[MODEL_DEPTH_MAX + 1] = "";
    if (sscanf(id, "%63[^:]:%400[^:]", name, schedule) != 2) {
        printf("not CASE:SCHEDULE\n");
        return 2;
    }
    const char *dot = strchr(name, '.');
    for (size_t i = 0; i < suite->count; i++) {
        if (strcmp(dot == NULL ? name : dot + 1, suite->cases[i].name) == 0) {
            suite->cases[i].set_up();
            model_result_t result = model_replay(&suite->cases[i].world, schedule);
            printf("%s\n", result.wrong == NULL ? "nothing wrong" : result.wrong);
            return result.wrong != NULL;
        }
    }
    printf("no such case: %s\n", name);
    return 2;
}

int model_main(const model_suite_t *suite, int argc, char **argv)
{
    if (argc > 1 && strchr(argv[1], ':') != NULL) {
        return replay(suite, argv[1]);
    }
    if (suite->is_broken) {
        for (size_t i = 0; i < suite->count; i++) {
            conclude(suite->cases[i].name, explore(suite, &suite->cases[i]).wrong != NULL);
        }
    } else {
        explore_all(suite, argc > 1 ? argv[1] : NULL);
    }
    if (argc <= 1 && !suite->is_broken) {
        expect_tearing_is_noticed(suite);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
