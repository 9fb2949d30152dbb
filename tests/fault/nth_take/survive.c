// SPDX-License-Identifier: MIT
// Runs a test suite (its main renamed to suite_main) again and again, each time with another take refused, case by
// case, each run in a process of its own. What the suite expects may fail: a refused take changes what happens. But
// nothing may crash, assert or hang. `prog CASE:LENGTH:N` runs one case with LENGTH takes refused from the N-th on.
#include "nth_take.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES_MAX  200u
#define NAME_BYTES 128u
#define HANG_S     20u
#define EACH_UNTIL 32u   // of a case's takes each is refused in turn, then
#define THEN_EVERY 7u    // every seventh: they are more of the same, and some cases take hundreds
#define TAKES_MAX  2000u // of one case; above it the suite is not fit for this

int suite_main(int argc, char **argv);

static char cases[CASES_MAX][NAME_BYTES];
static unsigned case_count;

static struct seen {
    nth_take_t plan;
    bool
        is_through; // the suite came back: false after a signal, an assertion or a sanitizer's finding
} * seen;           // shared with the child

static void run_child(const char *name, uint32_t first, uint32_t length, int out)
{
    char program[] = "suite", argument[NAME_BYTES];
    char *argv[] = {program, argument, NULL};
    (void)snprintf(argument, sizeof argument, "%s", name == NULL ? "" : name);
    (void)alarm(HANG_S);
    if (out >= 0) {
        (void)dup2(out, STDOUT_FILENO);
    }
    nth_take_plan(first, length);
    int status = suite_main(name == NULL ? 1 : 2, argv);
    (void)fflush(stdout);
    *seen = (struct seen){nth_take, true};
    _exit(status);
}

/// The wait status of a run.
static int run(const char *name, uint32_t first, uint32_t length, int out)
{
    int status = 0;
    memset(seen, 0, sizeof *seen);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_child(name, first, length, out);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(3);
    }
    return status;
}

/// Names of the cases, from what the suite prints.
static bool read_names(void)
{
    char line[4 * NAME_BYTES];
    FILE *out = tmpfile();
    if (out == NULL || run(NULL, 0, 0, fileno(out)) != 0) {
        return false;
    }
    rewind(out);
    while (fgets(line, sizeof line, out) != NULL && case_count < CASES_MAX) {
        if (sscanf(line, "ok %127s", cases[case_count]) == 1) {
            case_count++;
        }
    }
    (void)fclose(out);
    return case_count > 0;
}

typedef struct total {
    uint32_t runs, refused, failed;
} total_t;

static void survive(const char *name, uint32_t length, int out, total_t *total)
{
    (void)run(name, 0, 0, out);
    uint32_t takes = seen->plan.takes;
    if (takes > TAKES_MAX) {
        printf("  %s takes %u times: too often\n", name, (unsigned)takes);
        total->failed++;
        return;
    }
    for (uint32_t n = 1; n <= takes; n += n < EACH_UNTIL ? 1u : THEN_EVERY) {
        int status = run(name, n, length, out);
        total->runs++;
        total->refused += seen->plan.refused;
        if (!seen->is_through) {
            printf("  died, wait status %x; replay: %s:%u:%u\n", (unsigned)status, name,
                   (unsigned)length, (unsigned)n);
            total->failed++;
        } else if (seen->plan.refused == 0) {
            printf("  take %u of %s was not reached\n", (unsigned)n, name);
            total->failed++;
        }
    }
}

static int replay(const char *id)
{
    char name[NAME_BYTES];
    unsigned length = 0, first = 0;
    if (sscanf(id, "%127[^:]:%u:%u", name, &length, &first) != 3) {
        printf("not CASE:LENGTH:N\n");
        return 2;
    }
    (void)run(name, first, length, -1);
    printf("%s, %u of %u takes refused\n", seen->is_through ? "survived" : "died",
           (unsigned)seen->plan.refused, (unsigned)seen->plan.takes);
    return !seen->is_through;
}

int main(int argc, char **argv)
{
    static const uint32_t lengths[] = {1, 3};
    total_t total = {0};
    void *shared =
        mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *nowhere = fopen("/dev/null", "w");
    if (shared == MAP_FAILED || nowhere == NULL) {
        perror("survive");
        return 3;
    }
    seen = shared;
    if (argc > 1) {
        return replay(argv[1]);
    }
    if (!read_names()) {
        printf("the suite itself fails\n0 passed, 1 failed\n");
        return 1;
    }
    for (size_t l = 0; l < HF_COUNT_OF(lengths); l++) {
        for (unsigned i = 0; i < case_count; i++) {
            survive(cases[i], lengths[l], fileno(nowhere), &total);
        }
    }
    printf("%u cases, %u runs, %u takes refused\n", case_count, (unsigned)total.runs,
           (unsigned)total.refused);
    bool is_good = total.failed == 0 && total.runs > 0;
    printf("%u passed, %u failed\n", is_good ? 1u : 0u, is_good ? 0u : 1u);
    return is_good ? 0 : 1;
}
