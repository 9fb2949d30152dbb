// SPDX-License-Identifier: MIT
// Judging by the gates. A figure that is a minimum since boot tells no more than where it was first seen to be low: that
// is the place a finding names.
#include "lab_gates.h"

#include "lab_leak.h"

#include <stdio.h>
#include <string.h>

#define STACK_FACTOR_2 3u // twice one and a half

static const char *place(const char *tag)
{
    return tag[0] != '\0' ? tag : "no snapshot yet";
}

static void judge_hin(const lab_gates_t *gates, lab_run_t *run)
{
    uint32_t least = lab_run_hin_min(run);
    if (gates->hin_min_bytes == 0 || least >= gates->hin_min_bytes) {
        return; // LAB_UNKNOWN is above any limit
    }
    const lab_mem_row_t *first = NULL, *lowest = NULL;
    for (uint32_t i = 0; i < run->mems; i++) {
        const lab_mem_row_t *row = &run->mem[i];
        first = first == NULL && row->memory.hin < gates->hin_min_bytes ? row : first;
        lowest = lowest == NULL && row->memory.hin == least ? row : lowest;
    }
    if (first != NULL && lowest != NULL) {
        lab_run_find(run, "hin_min",
                     "%u B of internal memory at %s, at least %u B are wanted (below it first at "
                     "%s)",
                     least, place(lowest->tag), gates->hin_min_bytes, place(first->tag));
    }
}

static void judge_fragmentation(const lab_gates_t *gates, lab_run_t *run)
{
    uint32_t most = lab_run_frag_max(run);
    if (gates->frag_limit == 0 || most == LAB_UNKNOWN || most < gates->frag_limit) {
        return;
    }
    for (uint32_t i = 0; i < run->mems; i++) {
        if (run->mem[i].memory.frag == most) {
            lab_run_find(run, "fragmentation", "%u %% at %s, below %u %% is wanted", most,
                         place(run->mem[i].tag), gates->frag_limit);
            return;
        }
    }
}

// Whether no row before `i` is of this pool. Each name is kept once: the same one is at the same place.
static bool is_new_name(const lab_pool_row_t *rows, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (rows[k].name == rows[i].name) {
            return false;
        }
    }
    return true;
}

// Counters of pools only grow, from 0 at each boot: the most of any row, and where it was first above 0.
static void judge_pool(lab_run_t *run, uint32_t i, bool takes, bool gives)
{
    uint32_t refused = 0, wrong = 0;
    const char *refused_at = "", *wrong_at = "";
    const lab_pool_row_t *over = NULL;
    for (uint32_t k = i; k < run->pools; k++) {
        const lab_pool_row_t *row = &run->pool[k];
        if (row->name != run->pool[i].name) {
            continue;
        }
        bool is_over = row->pool.use > row->pool.cap || row->pool.peak > row->pool.cap;
        over = over == NULL && is_over ? row : over;
        refused_at = refused == 0 && row->pool.exh > 0 ? row->tag : refused_at;
        wrong_at = wrong == 0 && row->pool.bad > 0 ? row->tag : wrong_at;
        refused = row->pool.exh > refused ? row->pool.exh : refused;
        wrong = row->pool.bad > wrong ? row->pool.bad : wrong;
    }
    if (takes && refused > 0) {
        lab_run_find(run, "failed_take", "pool %s refused %u takes, first seen at %s",
                     run->pool[i].name, refused, place(refused_at));
    }
    if (gives && wrong > 0) {
        lab_run_find(run, "wrong_give",
                     "pool %s got %u blocks back that were not out (double free), first seen at %s",
                     run->pool[i].name, wrong, place(wrong_at));
    }
    if (gives && over != NULL) {
        lab_run_find(run, "wrong_give",
                     "pool %s of %u blocks tells %u in use, %u at most: its books are wrong, "
                     "first seen at %s",
                     over->name, over->pool.cap, over->pool.use, over->pool.peak, place(over->tag));
    }
}

static void judge_takes(const lab_gates_t *gates, lab_run_t *run)
{
    for (uint32_t i = 0; i < run->pools; i++) {
        if (is_new_name(run->pool, i)) {
            bool is_probe = strcmp(run->pool[i].name, LAB_MARKS_POOL) == 0;
            judge_pool(run, i, gates->failed_take && !is_probe, gates->wrong_give);
        }
    }
    if (gates->failed_take && run->refuseds > 0) {
        const lab_refused_row_t *row = &run->refused[0];
        char size[24] = "an unknown number of";
        if (row->size != LAB_UNKNOWN) {
            (void)snprintf(size, sizeof size, "%u", row->size);
        }
        lab_run_find(run, "failed_take", "%u allocations failed, the first of %s B at %s%s%s",
                     run->refuseds, size, place(row->tag), row->caller[0] != '\0' ? " by " : "",
                     row->caller);
    }
}

uint32_t lab_gates_stack_bytes(const lab_gates_t *gates, const lab_stack_t *stack)
{
    for (uint32_t i = 0; i < gates->stacks; i++) {
        if (strcmp(gates->stack[i].name, stack->name) == 0) {
            return gates->stack[i].bytes;
        }
    }
    return stack->bytes;
}

static void judge_stack(const lab_gates_t *gates, const lab_stack_t *stack, lab_run_t *run)
{
    const uint32_t size = lab_gates_stack_bytes(gates, stack);
    const uint32_t peak = lab_stack_peak(size, stack->least);
    if (size > 0 && (uint64_t)size * 2u < (uint64_t)peak * STACK_FACTOR_2) {
        lab_run_find(run, "stack",
                     "task %s used %u B of %u B by %s: at least one and a half times the peak "
                     "is wanted",
                     stack->name, peak, size, place(stack->tag));
    } else if (size == 0 && stack->least < gates->stack_min_bytes) {
        lab_run_find(run, "stack", "task %s has %u B left at %s, at least %u B are wanted",
                     stack->name, stack->least, place(stack->tag), gates->stack_min_bytes);
    }
}

static void judge_stacks(const lab_gates_t *gates, lab_run_t *run)
{
    lab_stack_t stacks[LAB_STACKS_MAX];
    const uint32_t count = gates->stack_min_bytes > 0 ? lab_run_stacks(run, stacks) : 0;
    for (uint32_t i = 0; i < count; i++) {
        judge_stack(gates, &stacks[i], run);
    }
    if (count == LAB_STACKS_MAX) {
        lab_run_inconclusive(run, "more stacks were told than the %u that are judged",
                             LAB_STACKS_MAX - 1u);
    }
}

static void judge_crashes(const lab_gates_t *gates, lab_run_t *run)
{
    for (uint32_t i = 0; i < run->panics && gates->panic; i++) {
        const lab_panic_t *panic = &run->panic[i];
        lab_run_find(run, "panic", "%s at %s, line %u: %.120s", panic->kind, place(panic->tag),
                     panic->line_no, panic->line);
    }
    uint32_t told = 0;
    for (uint32_t i = 0; i < run->resets && gates->reset; i++) {
        const lab_reset_row_t *reset = &run->reset[i];
        if (!reset->is_expected) {
            told++;
            lab_run_find(run, "reset", "a reset that nobody asked for at %s%s%s%s",
                         place(reset->tag), reset->reason[0] != '\0' ? " (" : "", reset->reason,
                         reset->reason[0] != '\0' ? ")" : "");
        }
    }
    if (gates->reset && run->unexpected_resets > told) {
        lab_run_find(run, "reset", "%u resets that nobody asked for", run->unexpected_resets);
    }
}

// Of each lock the last word: its counter only grows within a boot.
static void judge_locks(const lab_gates_t *gates, lab_run_t *run)
{
    for (uint32_t i = 0; i < run->locks && gates->lock; i++) {
        const lab_lock_row_t *row = &run->lock[i];
        bool is_last = row->timeouts > 0;
        for (uint32_t k = i + 1u; is_last && k < run->locks; k++) {
            is_last = strcmp(run->lock[k].name, row->name) != 0;
        }
        if (is_last) {
            lab_run_find(
                run, "lock", "%s timed out %u times: held by %s for %u ms while %s waited, at %s",
                row->name, row->timeouts, row->holder, row->held_ms, row->waiter, place(row->tag));
        }
    }
}

static bool has_lock(const lab_run_t *run, const char *name)
{
    for (uint32_t i = 0; i < run->locks; i++) {
        if (strcmp(run->lock[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_task(const lab_run_t *run, const char *name)
{
    for (uint32_t i = 0; i < run->tasks; i++) {
        if (strcmp(run->task[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Tasks that did not check in in time; and what else a wire tells of a device whose [Pool], [Lock] or [Task] line of it
// was not told, or was lost.
static void judge_trips(const lab_gates_t *gates, lab_run_t *run)
{
    bool has_pools = run->pools > 0;
    for (uint32_t i = 0; i < run->trips; i++) {
        const lab_trip_t *trip = &run->trip[i];
        if (strcmp(trip->level, "trip") != 0) {
            continue;
        }
        if (gates->late && strcmp(trip->wire, "late_task") == 0) {
            lab_run_find(run, "late", "task %s checked in %u ms too late (limit %u ms) at %s",
                         trip->name, trip->value, trip->limit, place(trip->tag));
        } else if (gates->failed_take && !has_pools && strcmp(trip->wire, "refused_take") == 0 &&
                   strcmp(trip->name, LAB_MARKS_POOL) != 0) {
            lab_run_find(run, "failed_take", "pool %s refused %u takes at %s", trip->name,
                         trip->value, place(trip->tag));
        } else if (gates->lock && strcmp(trip->wire, "lock_timeout") == 0 &&
                   !has_lock(run, trip->name)) {
            lab_run_find(run, "lock", "%s timed out %u times at %s", trip->name, trip->value,
                         place(trip->tag));
        } else if (gates->stack_min_bytes > 0 && strcmp(trip->wire, "stack") == 0 &&
                   !has_task(run, trip->name)) {
            lab_run_find(run, "stack", "task %s has %u B left (limit %u B) at %s", trip->name,
                         trip->value, trip->limit, place(trip->tag));
        }
    }
}

static void judge_leak(const lab_gates_t *gates, lab_run_t *run)
{
    lab_leak_t leak;
    if (!gates->leak) {
        return;
    }
    if (lab_leak_judge(run, &leak) != 0) {
        lab_run_inconclusive(run, "no memory to look for leaks");
    } else if (leak.is_leak) {
        lab_run_find(run, "leak",
                     "%s: %.2f %s more held at each snapshot (%.0f %s in all), confidence %.2f %%, "
                     "%u samples",
                     leak.series, leak.slope, leak.unit, leak.lost, leak.unit, leak.confidence,
                     leak.samples);
    }
}

static void judge_steps(lab_run_t *run)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < run->steps; i++) {
        const lab_step_t *step = &run->step[i];
        left += step->result == LAB_STEP_PLANNED ? 1u : 0u;
        if (step->result == LAB_STEP_FAILED) {
            lab_run_find(run, "step", "%s: %.180s", step->id,
                         step->why[0] != '\0' ? step->why : "failed");
        }
    }
    if (left > 0) {
        lab_run_inconclusive(run, "%u of %u planned steps were not run", left, run->steps);
    }
}

// A gate that had nothing to look at has not passed.
static void judge_what_was_told(const lab_gates_t *gates, lab_run_t *run)
{
    if (run->mems == 0 && (gates->hin_min_bytes > 0 || gates->frag_limit > 0)) {
        lab_run_inconclusive(run, "the device told no memory snapshot");
    } else if (gates->hin_min_bytes > 0 && lab_run_hin_min(run) == LAB_UNKNOWN) {
        lab_run_inconclusive(run, "no snapshot told the least internal memory (hin)");
    } else if (gates->frag_limit > 0 && lab_run_frag_max(run) == LAB_UNKNOWN) {
        lab_run_inconclusive(run, "no snapshot told the fragmentation (frag)");
    }
}

void lab_gates_judge(const lab_gates_t *gates, lab_run_t *run)
{
    judge_hin(gates, run);
    judge_fragmentation(gates, run);
    judge_takes(gates, run);
    judge_stacks(gates, run);
    judge_crashes(gates, run);
    judge_locks(gates, run);
    judge_trips(gates, run);
    judge_leak(gates, run);
    judge_steps(run);
    for (uint32_t i = 0; i < gates->expressions; i++) {
        lab_expression_judge(&gates->expression[i], run);
    }
    judge_what_was_told(gates, run);
}
