// SPDX-License-Identifier: MIT
// The modes of bench_x86, each over all contenders of one process run. They print lines of words to stdout:
// FIGURE CONTENDER VALUE..., read by tools/bench.
#ifndef BENCH_X86_H
#define BENCH_X86_H

#include "contender.h"

typedef struct bench {
    contender_t *contenders;
    uint32_t contender_count;
    uint32_t rounds; // odd: the median is one of them
    uint32_t pairs;  // of a sample
    uint32_t steps;  // calls that are stepped through
} bench_t;

/// "pair NAME MEDIAN_NS LEAST_NS MOST_NS": one thread takes and gives one block at a time. Exit status.
int bench_pair(const bench_t *bench);
/// "producer_consumer NAME ...": one thread takes and writes, another gives, ns per block;
/// "producer_consumer_read NAME ...": the other reads what was written, then gives. 3 with fewer than two processors.
int bench_producer_consumer(const bench_t *bench);
/// "steps NAME ...": every instruction of take and give counted by single step. Exit status.
int bench_steps(const bench_t *bench);

#endif
