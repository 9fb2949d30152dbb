// SPDX-License-Identifier: MIT
// Gates of one's own: "hin_min<80K", "pool:sessions.peak>90%", "trip". One table of measures is what can be asked for.
#include "lab_gates.h"

#include "lab.h"

#include <string.h>

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

// ---- judging -------------------------------------------------------------------------------------------------------

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

void lab_expression_judge(const lab_expression_t *expression, lab_run_t *run)
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

void lab_expression_help(void)
{
    for (size_t i = 0; i < MEASURES; i++) {
        printf("  %-10s %s\n", measures[i].name, measures[i].what);
    }
}
