// SPDX-License-Identifier: MIT
// The exhaustive scheduler of model.h. One world at a time; a thread is a stack that is left at each atomic operation,
// before it happens. To go back to a choice, what was there is copied back, or the path to it replayed from the start.
#include "model.h"

#include "model_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 65536u
#define CHOICES_MAX (2u * MODEL_THREADS_MAX)
#define JUDGE_MAX   100000u // operations of one judgement

typedef struct thread {
    model_context_t context;
    void (*begun)(unsigned thread);
    const char *operation; // it stands before
    const volatile uint32_t *object;
    uint64_t history[2]; // of what its operations returned since the call began
    uint32_t expected;   // by a weak compare-exchange it stands before
    bool is_done, is_weak, wants_lock;
    bool fails; // the chosen step: spuriously
} thread_t;

typedef struct hash {
    uint64_t half[2];
} hash_t;

typedef struct node {
    hash_t key;
    uint8_t *saved; // what was there, if it is known
    size_t saved_bytes;
    uint8_t choice[CHOICES_MAX]; // thread * 2 + spurious
    uint8_t choices, taken;
    double schedules;
} node_t;

typedef struct entry {
    hash_t key; // all 0: unused
    double schedules;
} entry_t;

static struct model {
    const model_world_t *world;
    thread_t thread[MODEL_THREADS_MAX];
    model_context_t scheduler;
    uint8_t *start; // content of the named memory
    size_t start_bytes;
    int running; // thread, or -1
    int lock_holder;
    unsigned spurious_left;
    uint32_t torn, used;
    model_way_t way;
    const char *wrong;
    uint32_t judge_operations;
    bool judges, prints;
    node_t path[MODEL_DEPTH_MAX];
    unsigned depth;
    entry_t *table;
    uint64_t states, table_mask;
} model = {.running = -1};

_Alignas(64) static uint8_t stack[MODEL_THREADS_MAX + 1u][STACK_BYTES]; // the last one: the judge's

#if MODEL_CONTEXT_IS_PLAIN
static uint8_t *stack_used(unsigned thread)
{
    return model.thread[thread].context.stack_pointer;
}

static size_t stack_used_bytes(unsigned thread)
{
    return (size_t)(stack[thread] + STACK_BYTES - stack_used(thread));
}
#else
static uint8_t *stack_used(unsigned thread)
{
    return stack[thread];
}

static size_t stack_used_bytes(unsigned thread)
{
    (void)thread;
    return 0;
}
#endif

// ---- hashing ------------------------------------------------------------------------------------

static void mix(uint64_t hash[2], uint64_t word)
{
    hash[0] = (hash[0] ^ word) * 0x9E3779B97F4A7C15u;
    hash[0] ^= hash[0] >> 29;
    hash[1] = (hash[1] + word) * 0xD6E8FEB86659FD93u;
    hash[1] ^= hash[1] >> 32;
}

static void mix_bytes(uint64_t hash[2], const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, count - i < 8 ? count - i : 8);
        mix(hash, word);
    }
}

static hash_t state_hash(void)
{
    // The operation a thread stands before is not missing: it follows from what the thread knows.
    hash_t hash = {{0x243F6A8885A308D3u, 0x13198A2E03707344u}};
    for (unsigned i = 0; i < model.world->memories; i++) {
        mix_bytes(hash.half, model.world->memory[i].bytes, model.world->memory[i].count);
    }
    for (unsigned i = 0; i < model.world->threads; i++) {
        const thread_t *thread = &model.thread[i];
        mix(hash.half, (thread->is_done ? 1u : 2u) + (thread->begun != NULL ? 4u : 0u));
        if (thread->is_done) {
            continue;
        }
        if (model.way == MODEL_BY_HISTORY || !MODEL_CONTEXT_IS_PLAIN) {
            mix(hash.half, thread->history[0]);
            mix(hash.half, thread->history[1]);
        } else {
            mix_bytes(hash.half, stack_used(i), stack_used_bytes(i));
        }
    }
    mix(hash.half, model.spurious_left + 16u * (unsigned)(model.lock_holder + 1));
    hash.half[0] |= 1u; // never the mark of an unused entry
    return hash;
}

static entry_t *table_place(hash_t key)
{
    uint64_t at = key.half[1] & model.table_mask;
    while (model.table[at].key.half[0] != 0 &&
           memcmp(&model.table[at].key, &key, sizeof key) != 0) {
        at = (at + 1u) & model.table_mask;
    }
    return &model.table[at];
}

static void table_grow(void)
{
    entry_t *old = model.table;
    uint64_t old_size = old == NULL ? 0 : model.table_mask + 1u;
    uint64_t size = old_size == 0 ? 1u << 12 : old_size * 2u;
    model.table = calloc(size, sizeof *model.table);
    if (model.table == NULL) {
        abort();
    }
    model.table_mask = size - 1u;
    for (uint64_t i = 0; i < old_size; i++) {
        if (old[i].key.half[0] != 0) {
            *table_place(old[i].key) = old[i];
        }
    }
    free(old);
}

static void table_put(hash_t key, double schedules)
{
    if (model.table == NULL || model.states * 2u > model.table_mask) {
        table_grow();
    }
    entry_t *entry = table_place(key);
    *entry = (entry_t){.key = key, .schedules = schedules};
    model.states++;
}

// ---- threads ------------------------------------------------------------------------------------

void model_fail(const char *text)
{
    model.wrong = model.wrong == NULL ? text : model.wrong;
}

bool model_is_direct(void)
{
    // The judge has a stack of its own, to be left for good should what it looks at be too broken to come back from.
    if (model.running < 0 && model.judges && ++model.judge_operations > JUDGE_MAX) {
        model_context_t nowhere;
        model_fail("the judgement does not end");
        model_context_switch(&nowhere, &model.scheduler);
    }
    return model.running < 0;
}

void model_call_begins(void (*begun)(unsigned thread))
{
    model.thread[model.running].begun = begun;
}

void model_call_ended(void)
{
    model.thread[model.running].history[0] = 1;
    model.thread[model.running].history[1] = 1;
}

void model_tear(uint32_t kinds)
{
    model.torn = kinds;
}

/// Leaves the thread before an operation; comes back when the scheduler has chosen it. True: it shall fail spuriously.
static bool yield(const char *operation, const volatile uint32_t *object, bool is_weak,
                  uint32_t expected)
{
    int me = model.running;
    thread_t *thread = &model.thread[me];
    thread->operation = operation;
    thread->object = object;
    thread->is_weak = is_weak;
    thread->expected = expected;
    model_context_switch(&thread->context, &model.scheduler);
    if (thread->begun != NULL) {
        void (*begun)(unsigned) = thread->begun;
        thread->begun = NULL;
        begun((unsigned)me);
    }
    return thread->fails;
}

/// The thread has learnt something.
static void learn(uint64_t kind, uint64_t value)
{
    mix(model.thread[model.running].history, kind << 32 | value);
}

static void enter(void)
{
    int me = model.running;
    model.world->thread((unsigned)me);
    model.thread[me].is_done = true;
    model_context_switch(&model.thread[me].context, &model.scheduler);
    abort();
}

static void resume(unsigned number)
{
    model.running = (int)number;
    model_context_switch(&model.scheduler, &model.thread[number].context);
    model.running = -1;
}

// ---- operations ---------------------------------------------------------------------------------

static void print_operation(const char *operation, const volatile uint32_t *object, uint32_t was,
                            uint32_t is)
{
    if (model.prints) {
        printf("  %c %-8s %p  %08x -> %08x\n", 'a' + model.running, operation,
               (const void *)(uintptr_t)object, was, is);
    }
}

uint32_t model_load(const volatile uint32_t *object)
{
    if (model_is_direct()) {
        return *object;
    }
    (void)yield("load", object, false, 0);
    uint32_t value = *object;
    learn(1, value);
    print_operation("load", object, value, value);
    return value;
}

void model_store(volatile uint32_t *object, uint32_t value)
{
    if (model_is_direct()) {
        *object = value;
        return;
    }
    (void)yield("store", object, false, 0);
    print_operation("store", object, *object, value);
    learn(2, 0);
    *object = value;
}

static uint32_t modified(uint32_t was, model_rmw_t how, uint32_t operand)
{
    switch (how) {
    case MODEL_ADD:
        return was + operand;
    case MODEL_SUB:
        return was - operand;
    case MODEL_OR:
        return was | operand;
    case MODEL_AND:
        return was & operand;
    case MODEL_XOR:
        return was ^ operand;
    case MODEL_SET:
    default:
        return operand;
    }
}

uint32_t model_modify(volatile uint32_t *object, model_rmw_t how, uint32_t operand)
{
    static const char *const name[] = {"add", "sub", "or", "and", "xor", "exchange"};
    if (model_is_direct()) {
        uint32_t was = *object;
        *object = modified(was, how, operand);
        return was;
    }
    (void)yield(name[how], object, false, 0);
    uint32_t was = *object;
    learn(3u + (uint64_t)how, was);
    model.used |= 1u << how;
    if ((model.torn & (1u << how)) != 0) {
        (void)yield("torn", object, false, 0);
        learn(9, 0);
    }
    *object = modified(was, how, operand);
    print_operation(name[how], object, was, *object);
    return was;
}

bool model_compare_exchange(volatile uint32_t *object, uint32_t *expected, uint32_t desired,
                            bool is_weak)
{
    if (model_is_direct()) {
        bool is_equal = *object == *expected;
        *expected = *object;
        *object = is_equal ? desired : *object;
        return is_equal;
    }
    bool fails = yield("compare", object, is_weak, *expected);
    uint32_t was = *object;
    bool succeeds = was == *expected && !fails;
    model.used |= MODEL_TEAR_COMPARE;
    learn(10u + (succeeds ? 1u : 0u), was);
    if (succeeds && (model.torn & MODEL_TEAR_COMPARE) != 0) {
        (void)yield("torn", object, false, 0);
        learn(9, 0);
    }
    print_operation(succeeds ? "compare" : "differs", object, was, succeeds ? desired : was);
    *object = succeeds ? desired : *object;
    *expected = was;
    return succeeds;
}

void model_lock(void)
{
    if (model_is_direct()) {
        return;
    }
    thread_t *thread = &model.thread[model.running];
    model.used |= MODEL_TEAR_LOCK;
    thread->wants_lock = (model.torn & MODEL_TEAR_LOCK) == 0;
    (void)yield("lock", NULL, false, 0);
    thread->wants_lock = false;
    learn(12, 0);
    model.lock_holder = model.running;
}

void model_unlock(void)
{
    if (model_is_direct()) {
        return;
    }
    if (model.lock_holder != model.running && (model.torn & MODEL_TEAR_LOCK) == 0) {
        model_fail("unlocks what it does not hold");
    }
    learn(13, 0);
    model.lock_holder = -1; // no yield: others cannot tell this from the end of the step before
}

uint32_t model_kinds_used(void)
{
    return model.used;
}

void model_go(model_way_t way)
{
    model.way = way;
}

// ---- a run --------------------------------------------------------------------------------------

static void copy_start(bool saves)
{
    uint8_t *at = model.start;
    for (unsigned i = 0; i < model.world->memories; i++) {
        const model_memory_t *memory = &model.world->memory[i];
        memcpy(saves ? at : memory->bytes, saves ? memory->bytes : at, memory->count);
        at += memory->count;
    }
}

static void start_run(void)
{
    copy_start(false);
    model.wrong = NULL;
    model.spurious_left = model.world->spurious;
    model.lock_holder = -1;
    for (unsigned i = 0; i < model.world->threads; i++) {
        model.thread[i] = (thread_t){.history = {1, 1}};
        model_context_make(&model.thread[i].context, stack[i], STACK_BYTES, enter);
        resume(i); // to its first operation
    }
}

static void step(uint8_t choice)
{
    thread_t *thread = &model.thread[choice / 2u];
    thread->fails = choice % 2u != 0;
    model.spurious_left -= choice % 2u;
    resume(choice / 2u);
    if (model.wrong == NULL && model.world->after_step != NULL) {
        model.world->after_step();
    }
}

static void find_choices(node_t *node)
{
    node->choices = 0;
    for (unsigned i = 0; i < model.world->threads; i++) {
        const thread_t *thread = &model.thread[i];
        if (thread->is_done || (thread->wants_lock && model.lock_holder >= 0)) {
            continue;
        }
        node->choice[node->choices++] = (uint8_t)(2u * i);
        // A failure without reason is a choice of its own only where the operation would succeed.
        if (thread->is_weak && model.spurious_left > 0 && *thread->object == thread->expected) {
            node->choice[node->choices++] = (uint8_t)(2u * i + 1u);
        }
    }
}

static void enter_judge(void)
{
    model_context_t nowhere;
    model.world->at_end();
    model_context_switch(&nowhere, &model.scheduler);
    abort();
}

static void judge(void)
{
    model_context_t context;
    model_context_make(&context, stack[MODEL_THREADS_MAX], STACK_BYTES, enter_judge);
    model.judge_operations = 0;
    model.judges = true;
    model_context_switch(&model.scheduler, &context);
    model.judges = false;
}

static bool are_all_done(void)
{
    bool done = true;
    for (unsigned i = 0; i < model.world->threads; i++) {
        done = done && model.thread[i].is_done;
    }
    return done;
}

/// What comes before the stacks in a saved state.
typedef struct saved {
    thread_t thread[MODEL_THREADS_MAX];
    int lock_holder;
    unsigned spurious_left;
} saved_t;

/// Copies what is there to `node`, or back.
static void copy_state(node_t *node, bool saves)
{
    saved_t head = {.lock_holder = model.lock_holder, .spurious_left = model.spurious_left};
    memcpy(head.thread, model.thread, sizeof head.thread);
    uint8_t *at = node->saved;
    memcpy(saves ? at : (uint8_t *)&head, saves ? (uint8_t *)&head : at, sizeof head);
    at += sizeof head;
    memcpy(model.thread, head.thread, sizeof head.thread);
    model.lock_holder = head.lock_holder;
    model.spurious_left = head.spurious_left;
    for (unsigned i = 0; i < model.world->threads; i++) {
        size_t bytes = stack_used_bytes(i);
        memcpy(saves ? at : stack_used(i), saves ? stack_used(i) : at, bytes);
        at += bytes;
    }
    for (unsigned i = 0; i < model.world->memories; i++) {
        const model_memory_t *memory = &model.world->memory[i];
        memcpy(saves ? at : memory->bytes, saves ? memory->bytes : at, memory->count);
        at += memory->count;
    }
}

static void save_state(node_t *node)
{
    size_t bytes = sizeof(saved_t) + model.start_bytes;
    for (unsigned i = 0; i < model.world->threads; i++) {
        bytes += stack_used_bytes(i);
    }
    if (bytes > node->saved_bytes) {
        free(node->saved);
        node->saved = malloc(bytes);
        node->saved_bytes = bytes;
        if (node->saved == NULL) {
            abort();
        }
    }
    copy_state(node, true);
}

/// Goes to the last node of the path, and from there its next choice.
static void go_back(void)
{
    if (model.depth == 0) {
        start_run();
        return;
    }
    node_t *last = &model.path[model.depth - 1u];
    if (MODEL_CONTEXT_IS_PLAIN) {
        copy_state(last, false);
    } else {
        start_run();
        for (unsigned i = 0; i + 1u < model.depth; i++) {
            step(model.path[i].choice[model.path[i].taken]);
        }
    }
    step(last->choice[last->taken]);
}

/// Goes on from the end of the path until a leaf or a known state; returns how many schedules that is. 0 with `wrong`.
static double go_on(void)
{
    while (model.wrong == NULL) {
        node_t *node = &model.path[model.depth];
        find_choices(node);
        if (node->choices == 0) {
            if (!are_all_done()) {
                model_fail("nobody can go on");
                return 0;
            }
            judge();
            return model.wrong == NULL ? 1 : 0;
        }
        if (model.way != MODEL_ONE_BY_ONE) {
            node->key = state_hash();
            const entry_t *known = model.table == NULL ? NULL : table_place(node->key);
            if (known != NULL && known->key.half[0] != 0) {
                return known->schedules;
            }
        }
        if (model.depth + 1u >= MODEL_DEPTH_MAX) {
            model_fail("too many operations: endless?");
            return 0;
        }
        if (MODEL_CONTEXT_IS_PLAIN && node->choices > 1) {
            save_state(node);
        }
        node->taken = 0;
        node->schedules = 0;
        model.depth++;
        step(node->choice[0]);
    }
    return 0;
}

static void write_schedule(model_result_t *result)
{
    for (unsigned i = 0; i < model.depth; i++) {
        uint8_t choice = model.path[i].choice[model.path[i].taken];
        result->schedule[i] = (char)((choice % 2u != 0 ? 'A' : 'a') + choice / 2u);
    }
    result->schedule[model.depth] = 0;
    result->step = model.depth;
    result->wrong = model.wrong;
}

/// One level up as long as a node has no choice left. False when the root has none.
static bool backtrack(double schedules)
{
    while (model.depth > 0) {
        node_t *node = &model.path[model.depth - 1u];
        node->schedules += schedules;
        if (++node->taken < node->choices) {
            return true;
        }
        if (model.way != MODEL_ONE_BY_ONE) {
            table_put(node->key, node->schedules);
        }
        schedules = node->schedules;
        model.depth--;
    }
    model.path[0].schedules = schedules;
    return false;
}

static void begin(const model_world_t *world)
{
    model.world = world;
    model.depth = 0;
    model.states = 0;
    model.start_bytes = 0;
    for (unsigned i = 0; i < world->memories; i++) {
        model.start_bytes += world->memory[i].count;
    }
    model.start = malloc(model.start_bytes);
    if (model.start == NULL) {
        abort();
    }
    copy_start(true);
}

/// Leaves the named memory as it was.
static void end(void)
{
    copy_start(false);
    for (unsigned i = 0; i < MODEL_DEPTH_MAX; i++) {
        free(model.path[i].saved);
        model.path[i].saved = NULL;
        model.path[i].saved_bytes = 0;
    }
    free(model.start);
    free(model.table);
    model.start = NULL;
    model.table = NULL;
    model.table_mask = 0;
    model.wrong = NULL;
}

model_result_t model_explore(const model_world_t *world, uint64_t states_max)
{
    model_result_t result = {0};
    double schedules = 0;
    begin(world);
    do {
        go_back();
        schedules = go_on();
        result.runs++;
        result.longest = model.depth > result.longest ? model.depth : result.longest;
        if (model.wrong == NULL && model.states > states_max) {
            model_fail("more states than allowed");
        }
        if (model.wrong != NULL) {
            write_schedule(&result);
            end();
            return result;
        }
    } while (backtrack(schedules));
    result.schedules = model.path[0].schedules;
    result.states = model.states;
    end();
    return result;
}

model_result_t model_replay(const model_world_t *world, const char *schedule)
{
    model_result_t result = {.runs = 1, .schedules = 1};
    begin(world);
    model.prints = true;
    start_run();
    for (const char *at = schedule; *at != 0 && model.wrong == NULL; at++) {
        uint8_t choice =
            (uint8_t)(*at >= 'a' ? 2u * (unsigned)(*at - 'a') : 2u * (unsigned)(*at - 'A') + 1u);
        node_t *node = &model.path[model.depth];
        find_choices(node);
        if (model.depth + 1u >= MODEL_DEPTH_MAX ||
            memchr(node->choice, choice, node->choices) == NULL) {
            model_fail("the schedule does not fit this world");
            break;
        }
        node->choice[0] = choice;
        node->taken = 0;
        model.depth++;
        step(choice);
    }
    if (model.wrong == NULL && are_all_done()) {
        judge();
    }
    if (model.wrong != NULL) {
        write_schedule(&result);
    }
    model.prints = false;
    end();
    return result;
}
