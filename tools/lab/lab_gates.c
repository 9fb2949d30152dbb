// SPDX-License-Identifier: MIT
// Gates as they are set: defaults, what moves them, and how they are told.
#include "lab_gates.h"

#include "lab.h"
#include "lab_rows.h"

#include <string.h>

#define HIN_MIN_BYTES   102400u // document 003: at least 100 KB
#define FRAG_LIMIT      40u     // ... and below 40 %
#define STACK_MIN_BYTES 512u

void lab_gates_init(lab_gates_t *gates)
{
    memset(gates, 0, sizeof *gates);
    gates->hin_min_bytes = HIN_MIN_BYTES;
    gates->frag_limit = FRAG_LIMIT;
    gates->stack_min_bytes = STACK_MIN_BYTES;
    gates->failed_take = gates->wrong_give = gates->panic = gates->reset = true;
    gates->lock = gates->late = gates->leak = true;
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

// ---- telling -------------------------------------------------------------------------------------------------------

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
    lab_expression_help();
}
