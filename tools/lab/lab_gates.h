// SPDX-License-Identifier: MIT
// Gates: what a run has to keep to. A table of defaults, all on, and expressions of one's own; judging adds findings to
// the run. A gate that had nothing to judge (no [Mem] line, no [Pool] line) is told in the report, and is never a pass
// by itself: a run without a single snapshot is inconclusive.
#ifndef LAB_GATES_H
#define LAB_GATES_H

#include "lab_stacks.h"

#define LAB_GATE_EXPRESSIONS_MAX 16u

typedef struct lab_expression {
    char text[96];             // as it was given
    char name[LAB_NAME_BYTES]; // of a pool, task or wire; empty: each
    int measure;               // row of the table in lab_gates_expression.c
    char op;                   // '<', '>', 'l' (<=), 'g' (>=)
    bool is_percent;           // of the capacity
    uint32_t limit;
} lab_expression_t;

#define LAB_GATE_STACKS_MAX 32u

typedef struct lab_gates {
    uint32_t hin_min_bytes;   // 102400; 0: off, so for all
    uint32_t frag_limit;      // percent, 40: reached is a finding
    uint32_t stack_min_bytes; // 512: for a task whose stack's size is not known
    struct {
        char name[LAB_NAME_BYTES];
        uint32_t bytes;
    } stack[LAB_GATE_STACKS_MAX]; // sizes that are known: at least 1.5 times the peak
    uint32_t stacks;
    bool failed_take, wrong_give, panic, reset, lock, late, leak;
    lab_expression_t expression[LAB_GATE_EXPRESSIONS_MAX];
    uint32_t expressions;
} lab_gates_t;

/// The size of a stack as it was given, else as the device told it; 0: not known.
uint32_t lab_gates_stack_bytes(const lab_gates_t *gates, const lab_stack_t *stack);
void lab_gates_init(lab_gates_t *gates);
/// "hin_min<80K", "frag>35", "pool:sessions.peak>90%", "stack:main<1K", "trip", "panic", ... -1: not understood, or too
/// many.
int lab_gates_add(lab_gates_t *gates, const char *expression);
/// "hin_min=80K", "frag=off", "stack=1K", "stack:main=8K" (its size), "reset=off": moves or switches off a default. -1: not
/// understood.
int lab_gates_set(lab_gates_t *gates, const char *setting);
/// Adds findings to the run; says inconclusive where there is nothing to judge. Steps that failed are findings, too.
void lab_gates_judge(const lab_gates_t *gates, lab_run_t *run);
/// What can be asked for, on stdout, for --help.
void lab_gates_help(void);

/// One gate as it was judged, for reports and JUnit: those of the defaults that are on, then the expressions.
typedef struct lab_gate_state {
    char name[96];
    char limit[48]; // "at least 102400 B"
} lab_gate_state_t;
/// Returns how many there are; fills up to `max`.
uint32_t lab_gates_list(const lab_gates_t *gates, lab_gate_state_t *states, uint32_t max);

// ---- among its parts ----

void lab_expression_judge(const lab_expression_t *expression, lab_run_t *run);
/// The measures, on stdout.
void lab_expression_help(void);

#endif
