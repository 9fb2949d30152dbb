// SPDX-License-Identifier: MIT
// Gates. A figure that is a minimum since boot tells no more than where it was first seen to be low: that is the place
// a finding names.
#include "lab_gates.h"

#include "lab_leak.h"
#include "lab_rows.h"

#include "lab.h"

#include <stdlib.h>
#include <string.h>

#define HIN_MIN_BYTES   102400u // document 003: at least 100 KB
#define FRAG_LIMIT      40u     // ... and below 40 %
#define STACK_MIN_BYTES 512u
#define STACK_FACTOR_2  3u // twice one and a half

void lab_gates_init(lab_gates_t *gates)
{
    memset(gates, 0, sizeof *gates);
    gates->hin_min_bytes = HIN_MIN_BYTES;
    gates->frag_limit = FRAG_LIMIT;
    gates->stack_min_bytes = STACK_MIN_BYTES;
    gates->failed_take = gates->wrong_give = gates->panic = gates->reset = true;
    gates->lock = gates->late = gates->leak = true;
}

// ---- expressions ----------------------------------------------------------------------------------------------------

typedef enum source { OF_MEM, OF_TASK, OF_POOL, OF_COUNT } source_t;

typedef struct measure {
    const char *name, *other; // "hin_min" and "hin"
    source_t source;
    size_t offset; // of OF_MEM and OF_POOL
    const char *what;
} measure_t;

enum { COUNT_TRIP, COUNT_PANIC, COUNT_RESET, COUNT_LOCK, COUNT_REFUSED, COUNT_MARKS };

static const measure_t measures[] = {
    {"hin", "hin_min", OF_MEM, offsetof(lab_memory_t, hin),
     "internal bytes free, least since boot"},
    {"hi", "hi_min", OF_MEM, offsetof(lab_memory_t, hi), "internal bytes free"},
    {"hf", "hf_min", OF_MEM, offsetof(lab_memory_t, hf), "heap bytes free"},
    {"hm", "hm_min", OF_MEM, offsetof(lab_memory_t, hm), "heap bytes free, least since boot"},
    {"hl", "hl_min", OF_MEM, offsetof(lab_memory_t, hl), "largest free block"},
    {"frag", "frag_max", OF_MEM, offsetof(lab_memory_t, frag), "fragmentation, percent"},
    {"pf", "pf_min", OF_MEM, offsetof(lab_memory_t, pf), "PSRAM bytes free"},
    {"pm", "pm_min", OF_MEM, offsetof(lab_memory_t, pm), "PSRAM bytes free, least since boot"},
    {"pl", "pl_min", OF_MEM, offsetof(lab_memory_t, pl), "largest free block of PSRAM"},
    {"stack", "stack_rem", OF_TASK, 0, "stack[:TASK], bytes never touched"},
    {"use", "use", OF_POOL, offsetof(lab_pool_t, use), "pool:NAME.use, blocks in use"},
    {"peak", "peak", OF_POOL, offsetof(lab_pool_t, peak), "pool:NAME.peak, most ever in use"},
    {"min", "min", OF_POOL, offsetof(lab_pool_t, min), "pool:NAME.min, least ever free"},
    {"exh", "exhausted", OF_POOL, offsetof(lab_pool_t, exh), "pool:NAME.exh, takes refused"},
    {"bad", "wrong", OF_POOL, offsetof(lab_pool_t, bad), "pool:NAME.bad, wrong gives"},
    {"trip", "trips", OF_COUNT, COUNT_TRIP, "trip[:WIRE], how often a tripwire fired"},
    {"panic", "panics", OF_COUNT, COUNT_PANIC, "crashes"},
    {"reset", "resets", OF_COUNT, COUNT_RESET, "resets that nobody asked for"},
    {"lock", "locks", OF_COUNT, COUNT_LOCK, "lock[:NAME], time-outs told"},
    {"refused", "failed_take", OF_COUNT, COUNT_REFUSED, "allocations that failed"},
    {"lost_marks", "lost", OF_COUNT, COUNT_MARKS, "snapshots that the probe lost"},
};
#define MEASURES (sizeof measures / sizeof measures[0])

static int find_measure(const char *name, size_t length, bool is_pool)
{
    for (size_t i = 0; i < MEASURES; i++) {
        const measure_t *measure = &measures[i];
        bool is_same =
            (strlen(measure->name) == length && memcmp(measure->name, name, length) == 0) ||
            (strlen(measure->other) == length && memcmp(measure->other, name, length) == 0);
        if (is_same && is_pool == (measure->source == OF_POOL)) {
            return (int)i;
        }
    }
    return -1;
}

static bool parse_limit(const char *text, lab_expression_t *expression)
{
    char number[24];
    size_t length = strlen(text);
    if (length == 0 || length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length + 1u);
    if (number[length - 1u] == '%') {
        number[length - 1u] = '\0';
        expression->is_percent = true;
    }
    return lab_bytes(number, &expression->limit);
}

// "hin_min", "stack:main", "pool:sessions.peak" up to `end`.
static bool parse_measure(const char *text, const char *end, lab_expression_t *expression)
{
    const char *colon = memchr(text, ':', (size_t)(end - text)), *name_end = end;
    bool is_pool = colon == text + 4 && memcmp(text, "pool", 4) == 0;
    if (is_pool) {
        const char *dot = memrchr(colon, '.', (size_t)(end - colon));
        if (dot == NULL) {
            return false;
        }
        name_end = dot;
        expression->measure = find_measure(dot + 1, (size_t)(end - dot - 1), true);
    } else {
        size_t length = (size_t)((colon != NULL ? colon : end) - text);
        expression->measure = find_measure(text, length, false);
    }
    if (expression->measure < 0) {
        return false;
    }
    if (colon == NULL) {
        return true;
    }
    size_t length = (size_t)(name_end - colon - 1);
    if (length == 0 || length >= sizeof expression->name ||
        measures[expression->measure].source == OF_MEM) {
        return false;
    }
    if (length != 1 || colon[1] != '*') {
        memcpy(expression->name, colon + 1, length);
    }
    return true;
}

int lab_gates_add(lab_gates_t *gates, const char *text)
{
    lab_expression_t expression = {.op = '>'};
    const char *end = text + strcspn(text, "<>");
    if (gates->expressions == LAB_GATE_EXPRESSIONS_MAX || strlen(text) >= sizeof expression.text ||
        !parse_measure(text, end, &expression)) {
        return -1;
    }
    memcpy(expression.text, text, strlen(text) + 1u);
    source_t source = measures[expression.measure].source;
    if (*end == '\0') { // at all: of what is counted alone
        if (source != OF_COUNT) {
            return -1;
        }
    } else {
        bool is_equal = end[1] == '=';
        expression.op = *end == '<' ? (is_equal ? 'l' : '<') : (is_equal ? 'g' : '>');
        if (!parse_limit(end + (is_equal ? 2 : 1), &expression)) {
            return -1;
        }
    }
    bool is_frag = measures[expression.measure].offset == offsetof(lab_memory_t, frag);
    if (expression.is_percent && source != OF_POOL && !(source == OF_MEM && is_frag)) {
        return -1; // of what?
    }
    expression.is_percent &= source == OF_POOL;
    gates->expression[gates->expressions++] = expression;
    return 0;
}

static int set_switch(bool *gate, const char *value)
{
    *gate = strcmp(value, "on") == 0;
    return *gate || strcmp(value, "off") == 0 ? 0 : -1;
}

static int set_stack_size(lab_gates_t *gates, const char *name, const char *end, const char *value)
{
    uint32_t bytes, at = 0;
    char key[LAB_NAME_BYTES] = "";
    size_t length = (size_t)(end - name);
    if (length == 0 || length >= sizeof key || !lab_bytes(value, &bytes) || bytes == 0) {
        return -1;
    }
    memcpy(key, name, length);
    while (at < gates->stacks && strcmp(gates->stack[at].name, key) != 0) {
        at++;
    }
    if (at == LAB_GATE_STACKS_MAX) {
        return -1;
    }
    gates->stacks += at == gates->stacks ? 1u : 0u;
    memcpy(gates->stack[at].name, key, sizeof key);
    gates->stack[at].bytes = bytes; // said again: the last word counts
    return 0;
}

int lab_gates_set(lab_gates_t *gates, const char *setting)
{
    const struct {
        const char *name;
        uint32_t *limit;
        bool *gate;
    } table[] = {
        {"hin_min", &gates->hin_min_bytes, NULL},
        {"frag", &gates->frag_limit, NULL},
        {"stack", &gates->stack_min_bytes, NULL},
        {"failed_take", NULL, &gates->failed_take},
        {"wrong_give", NULL, &gates->wrong_give},
        {"panic", NULL, &gates->panic},
        {"reset", NULL, &gates->reset},
        {"lock", NULL, &gates->lock},
        {"late", NULL, &gates->late},
        {"leak", NULL, &gates->leak},
    };
    const char *value = strchr(setting, '=');
    if (value == NULL) {
        return -1;
    }
    size_t length = (size_t)(value++ - setting);
    if (length > 6 && memcmp(setting, "stack:", 6) == 0) {
        return set_stack_size(gates, setting + 6, setting + length, value);
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strlen(table[i].name) != length || memcmp(table[i].name, setting, length) != 0) {
            continue;
        }
        if (table[i].gate != NULL) {
            return set_switch(table[i].gate, value);
        }
        if (strcmp(value, "off") == 0) {
            *table[i].limit = 0;
            return 0;
        }
        return lab_bytes(value, table[i].limit) ? 0 : -1;
    }
    return -1;
}

// ---- judging: the defaults ------------------------------------------------------------------------------------------

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

// ---- judging: expressions -------------------------------------------------------------------------------------------

typedef struct worst {
    bool is_known, is_over;
    uint32_t value;
    const char *name, *tag;
} worst_t;

static bool is_over(const lab_expression_t *expression, uint64_t value, uint64_t limit)
{
    switch (expression->op) {
    case '<':
        return value < limit;
    case '>':
        return value > limit;
    case 'l':
        return value <= limit;
    default:
        return value >= limit;
    }
}

// Keeps the value that lies furthest over the limit.
static void look(const lab_expression_t *expression, worst_t *worst, uint32_t value,
                 uint32_t capacity, const char *name, const char *tag)
{
    bool falls = expression->op == '<' || expression->op == 'l';
    if (value == LAB_UNKNOWN ||
        (expression->name[0] != '\0' && strcmp(expression->name, name) != 0)) {
        return;
    }
    uint64_t left = expression->is_percent ? (uint64_t)value * 100u : value;
    uint64_t limit =
        expression->is_percent ? (uint64_t)expression->limit * capacity : expression->limit;
    bool over = is_over(expression, left, limit);
    bool is_worse = !worst->is_known || (falls ? value < worst->value : value > worst->value);
    if (over != worst->is_over ? over : is_worse) {
        *worst =
            (worst_t){.is_known = true, .is_over = over, .value = value, .name = name, .tag = tag};
    }
}

static uint32_t read_u32(const void *base, size_t offset)
{
    uint32_t value;
    memcpy(&value, (const char *)base + offset, sizeof value);
    return value;
}

static uint32_t count_of(const lab_run_t *run, const lab_expression_t *expression, size_t what)
{
    uint32_t count = 0;
    switch (what) {
    case COUNT_PANIC:
        return run->panics;
    case COUNT_RESET:
        return run->unexpected_resets;
    case COUNT_REFUSED:
        return run->refuseds;
    case COUNT_MARKS:
        return lab_run_lost_marks(run);
    case COUNT_TRIP:
        for (uint32_t i = 0; i < run->trips; i++) {
            bool is_it =
                expression->name[0] == '\0' || strcmp(run->trip[i].wire, expression->name) == 0;
            count += is_it && strcmp(run->trip[i].level, "trip") == 0 ? 1u : 0u;
        }
        return count;
    default:
        for (uint32_t i = 0; i < run->locks; i++) {
            bool is_it =
                expression->name[0] == '\0' || strcmp(run->lock[i].name, expression->name) == 0;
            count += is_it ? 1u : 0u;
        }
        return count;
    }
}

static worst_t evaluate(const lab_run_t *run, const lab_expression_t *expression)
{
    const measure_t *measure = &measures[expression->measure];
    worst_t worst = {.name = "", .tag = ""};
    switch (measure->source) {
    case OF_MEM:
        for (uint32_t i = 0; i < run->mems; i++) {
            look(expression, &worst, read_u32(&run->mem[i].memory, measure->offset), 0, "",
                 run->mem[i].tag);
        }
        break;
    case OF_TASK:
        for (uint32_t i = 0; i < run->tasks; i++) {
            look(expression, &worst, run->task[i].left, 0, run->task[i].name, run->task[i].tag);
        }
        break;
    case OF_POOL:
        for (uint32_t i = 0; i < run->pools; i++) {
            look(expression, &worst, read_u32(&run->pool[i].pool, measure->offset),
                 run->pool[i].pool.cap, run->pool[i].name, run->pool[i].tag);
        }
        break;
    case OF_COUNT: {
        uint32_t count = count_of(run, expression, measure->offset);
        worst = (worst_t){.is_known = true,
                          .is_over = is_over(expression, count, expression->limit),
                          .value = count,
                          .name = expression->name,
                          .tag = ""};
        break;
    }
    }
    return worst;
}

static void judge_expression(const lab_expression_t *expression, lab_run_t *run)
{
    worst_t worst = evaluate(run, expression);
    if (!worst.is_known) {
        lab_run_inconclusive(run, "nothing was told that '%s' could be judged by",
                             expression->text);
    } else if (worst.is_over) {
        lab_run_find(run, expression->text, "%u%s%s%s%s", worst.value,
                     worst.name[0] != '\0' ? " of " : "", worst.name,
                     worst.tag[0] != '\0' ? " at " : "", worst.tag);
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
        judge_expression(&gates->expression[i], run);
    }
    judge_what_was_told(gates, run);
}

// ---- telling --------------------------------------------------------------------------------------------------------

static void list_one(lab_gate_state_t *states, uint32_t max, uint32_t *count, const char *name,
                     const char *limit)
{
    if (*count < max) {
        lab_copy(states[*count].name, sizeof states[0].name, name);
        lab_copy(states[*count].limit, sizeof states[0].limit, limit);
    }
    (*count)++;
}

uint32_t lab_gates_list(const lab_gates_t *gates, lab_gate_state_t *states, uint32_t max)
{
    uint32_t count = 0;
    char limit[48];
    const struct {
        bool is_on;
        const char *name, *limit;
    } switches[] = {
        {gates->failed_take, "failed_take", "none"},
        {gates->wrong_give, "wrong_give", "none"},
        {gates->panic, "panic", "none"},
        {gates->reset, "reset", "none unasked for"},
        {gates->lock, "lock", "no time-out"},
        {gates->late, "late", "no task"},
        {gates->leak, "leak", "none at 99.5 %"},
    };
    if (gates->hin_min_bytes > 0) {
        (void)snprintf(limit, sizeof limit, "at least %u B", gates->hin_min_bytes);
        list_one(states, max, &count, "hin_min", limit);
    }
    if (gates->frag_limit > 0) {
        (void)snprintf(limit, sizeof limit, "below %u %%", gates->frag_limit);
        list_one(states, max, &count, "fragmentation", limit);
    }
    if (gates->stack_min_bytes > 0) {
        (void)snprintf(limit, sizeof limit, "1.5 x peak, or %u B", gates->stack_min_bytes);
        list_one(states, max, &count, "stack", limit);
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (switches[i].is_on) {
            list_one(states, max, &count, switches[i].name, switches[i].limit);
        }
    }
    for (uint32_t i = 0; i < gates->expressions; i++) {
        list_one(states, max, &count, gates->expression[i].text, "not so");
    }
    return count;
}

void lab_gates_help(void)
{
    printf("Gates, all on: hin_min (at least %u B), fragmentation (below %u %%), stack (1.5 x the "
           "peak where\n"
           "the size is known, else %u B left), failed_take, wrong_give, panic, reset, lock, late, "
           "leak.\n"
           "  --gate NAME=VALUE  moves one: hin_min=80K, frag=50, stack=1K, stack:main=8K (its "
           "size); or\n"
           "                     switches it off: hin_min=off, leak=off\n"
           "  --fail-on EXPR     a finding when it holds: MEASURE[<|>|<=|>=VALUE], for example\n"
           "                     hin_min<80K, frag>35, pool:sessions.peak>90%%, stack:main<1K, "
           "trip\n"
           "Measures:\n",
           HIN_MIN_BYTES, FRAG_LIMIT, STACK_MIN_BYTES);
    for (size_t i = 0; i < MEASURES; i++) {
        printf("  %-10s %s\n", measures[i].name, measures[i].what);
    }
}
