// SPDX-License-Identifier: MIT
// bench_x86 MODE [OPTION]... CONTENDER...: the host benchmarks, all contenders in one process run. tools/bench builds it,
// runs it and reads its lines. Usage: bench_x86 pair|producer_consumer|steps [--rounds N] [--pairs N] [--steps N]
// CONTENDER..., a contender being null, glibc, NAME=POOL.so or NAME=HEAP.so:TAKE,GIVE.
#include "bench_x86.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 63

typedef struct way {
    const char *name;
    int (*run)(const bench_t *bench);
} way_t;

static const way_t modes[] = {
    {"pair", bench_pair},
    {"producer_consumer", bench_producer_consumer},
    {"steps", bench_steps},
};

static int wrong(const char *what)
{
    (void)fprintf(stderr, "bench_x86: %s\n", what);
    return 2;
}

static bool number(const char *text, long most, uint32_t *value)
{
    char *end;
    const long parsed = strtol(text, &end, 10);
    *value = (uint32_t)parsed;
    return *text != '\0' && *end == '\0' && parsed >= 1 && parsed <= most;
}

static bool option(bench_t *bench, const char *name, const char *text)
{
    if (strcmp(name, "--rounds") == 0) {
        return number(text, ROUNDS_MAX, &bench->rounds) && bench->rounds % 2u == 1u;
    }
    if (strcmp(name, "--pairs") == 0) {
        return number(text, INT32_MAX, &bench->pairs);
    }
    return strcmp(name, "--steps") == 0 && number(text, INT32_MAX, &bench->steps);
}

static bool contender(contender_t *next, const char *text)
{
    if (strcmp(text, "null") == 0) {
        contender_null(next);
    } else if (strcmp(text, "glibc") == 0) {
        contender_glibc(next);
    } else {
        return contender_open(next, text);
    }
    return true;
}

int main(int argc, char **argv)
{
    static contender_t contenders[CONTENDER_COUNT_MAX];
    bench_t bench = {.contenders = contenders, .rounds = 7, .pairs = 1000000, .steps = 16384};
    const way_t *mode = NULL;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0] && argc > 1; i++) {
        mode = strcmp(argv[1], modes[i].name) == 0 ? &modes[i] : mode;
    }
    if (mode == NULL) {
        return wrong("pair, producer_consumer or steps is needed");
    }
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (i + 1 >= argc || !option(&bench, argv[i], argv[i + 1])) {
                return wrong("--rounds (odd), --pairs or --steps with a number is needed");
            }
            i++;
        } else if (bench.contender_count >= CONTENDER_COUNT_MAX) {
            return wrong("too many contenders");
        } else if (!contender(&contenders[bench.contender_count++], argv[i])) {
            return 3;
        }
    }
    return bench.contender_count > 0 ? mode->run(&bench) : wrong("a contender is needed");
}
