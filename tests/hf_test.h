// SPDX-License-Identifier: MIT
// The test dialect: one header, the same files on host and target. A case is a function; HF_TEST_MAIN lists them.
// `prog` runs all, `prog NAME` one. Output: a line per case, then "N passed, N failed"; exit 1 when one failed.
#ifndef HF_TEST_H
#define HF_TEST_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int hf_test_failed_here;

#define HF_TEST_FAIL(...)                                                                          \
    do {                                                                                           \
        hf_test_failed_here++;                                                                     \
        printf("  %s:%d: ", __FILE__, __LINE__);                                                   \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
    } while (0)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            HF_TEST_FAIL("not true: %s", #condition);                                              \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(actual, expected)                                                                 \
    do {                                                                                           \
        long long hf_a = (long long)(actual), hf_e = (long long)(expected);                        \
        if (hf_a != hf_e) {                                                                        \
            HF_TEST_FAIL("%s is %lld, expected %s = %lld", #actual, hf_a, #expected, hf_e);        \
        }                                                                                          \
    } while (0)

#define CHECK_STR(actual, expected)                                                                \
    do {                                                                                           \
        const char *hf_a = (actual), *hf_e = (expected);                                           \
        if (hf_a == NULL || strcmp(hf_a, hf_e) != 0) {                                             \
            HF_TEST_FAIL("%s is \"%s\", expected \"%s\"", #actual, hf_a ? hf_a : "NULL", hf_e);    \
        }                                                                                          \
    } while (0)

/// Stops the case when what follows would make no sense.
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            HF_TEST_FAIL("required: %s", #condition);                                              \
            return;                                                                                \
        }                                                                                          \
    } while (0)

typedef struct hf_test_case {
    const char *name;
    void (*run)(void);
} hf_test_case_t;

#define HF_TEST(function)                                                                          \
    {                                                                                              \
#function, function                                                                        \
    }

static inline int hf_test_run(const hf_test_case_t *cases, size_t count, const char *only)
{
    int passed = 0, failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (only != NULL && strcmp(only, cases[i].name) != 0) {
            continue;
        }
        hf_test_failed_here = 0;
        cases[i].run();
        printf("%s %s\n", hf_test_failed_here ? "FAIL" : "ok  ", cases[i].name);
        if (hf_test_failed_here != 0) {
            failed++;
        } else {
            passed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0;
}

#define HF_TEST_MAIN(...)                                                                          \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const hf_test_case_t cases[] = {__VA_ARGS__};                                       \
        return hf_test_run(cases, sizeof cases / sizeof cases[0], argc > 1 ? argv[1] : NULL);      \
    }

#endif
