// SPDX-License-Identifier: MIT
// What the programs share that run under libholdfast-malloc.so: its functions, found weakly, and the way out where no budget
// is kept (a sanitizer has the heap). Every program runs with HOLDFAST_HEAP=internal=256K,psram=2M,dma=64K unless its test
// says otherwise.
#ifndef GUARD_H
#define GUARD_H

#define HOLDFAST_MALLOC_WEAK
#include "holdfast_malloc.h"

#include "hf_test.h"

#include <stdbool.h>
#include <stdlib.h>

#define GUARD_SKIP 77

/// The program's tests, or GUARD_SKIP with the reason.
#define GUARD_TEST_MAIN(...)                                                                       \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const hf_test_case_t cases[] = {__VA_ARGS__};                                       \
        hf_memory_t memory;                                                                        \
        if (holdfast_malloc_read == NULL || holdfast_malloc_read(&memory) != HF_OK) {              \
            printf("skipped: no budget is kept here\n");                                           \
            return GUARD_SKIP;                                                                     \
        }                                                                                          \
        return hf_test_run(cases, sizeof cases / sizeof cases[0], argc > 1 ? argv[1] : NULL);      \
    }

/// The region of that name; zeros when there is none.
static inline holdfast_malloc_region_t guard_region(const char *name)
{
    holdfast_malloc_region_t region;
    for (unsigned i = 0; holdfast_malloc_region(i, &region) == HF_OK; i++) {
        if (strcmp(region.name, name) == 0) {
            return region;
        }
    }
    memset(&region, 0, sizeof region);
    return region;
}

static inline size_t guard_used(const char *name)
{
    return guard_region(name).used_bytes;
}

typedef int guard_read_user_t(unsigned number, holdfast_malloc_user_t *user);

/// Who is so named among the libraries or the tags; zeros when there is none.
static inline holdfast_malloc_user_t guard_user(guard_read_user_t *read, const char *name)
{
    holdfast_malloc_user_t user;
    for (unsigned i = 0; read(i, &user) == HF_OK; i++) {
        if (strcmp(user.name, name) == 0) {
            return user;
        }
    }
    memset(&user, 0, sizeof user);
    return user;
}

static inline holdfast_malloc_failures_t guard_failures(void)
{
    holdfast_malloc_failures_t failures = {.refused = 0};
    CHECK(holdfast_malloc_failures(&failures) == HF_OK);
    return failures;
}

#endif
