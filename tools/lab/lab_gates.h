// SPDX-License-Identifier: MIT
// Gates: what a run has to keep to. A table of defaults, all on, and expressions of one's own; judging adds findings to the run.
// A gate that had nothing to judge (no [Mem] line, no [Pool] line) is told in the report, and is never a pass by itself:
// a run without a single snapshot is inconclusive.
#ifndef LAB_GATES_H
#define LAB_GATES_H

#include "lab_run.h"

#define LAB_GATE_EXPRESSIONS_MAX 16u

typedef struct lab_expression {
    char text[96];             // as it was given
    char name[LAB_NAME_BYTES]; // of a pool or task, "*": each
    int what;                  // row of the table of measures, lab_gates.c
    char op;                   // '<', '>' or '!' (it happened at all)
    bool is_percent;
    uint32_t limit;
} lab_expression_t;

typedef struct lab_gates {
    uint32_t hin_min_bytes;   // 102400; 0: off, so for all
    uint32_t frag_limit;      // percent, 40: reached is a finding
    uint32_t stack_min_bytes; // 512: the floor for a task whose size is not known
    bool failed_take, panic, reset, lock, leak;
    lab_expression_t expression[LAB_GATE_EXPRESSIONS_MAX];
    uint32_t expressions;
} lab_gates_t;

void lab_gates_init(lab_gates_t *gates);
/// "hin_min<80K", "frag>35", "pool:sessions.peak>90%", "stack:main<1K", "trip", "panic", ... -1: not understood, or too many.
int lab_gates_add(lab_gates_t *gates, const char *expression);
/// "hin_min=80K", "frag=off", "stack=1K", "reset=off": moves or switches off a default. -1: not understood.
int lab_gates_set(lab_gates_t *gates, const char *setting);
/// Adds findings to the run; says inconclusive where there is nothing to judge. Steps that failed are findings, too.
void lab_gates_judge(const lab_gates_t *gates, lab_run_t *run);
/// What can be asked for, for --help.
void lab_gates_help(void);

#endif
