// SPDX-License-Identifier: MIT
// Every user-mode instruction of take and give, counted: the trap flag makes the processor stop after each, and the handler
// counts from the first instruction of the function to its return, call and return included, and among them those that lock
// the bus (a LOCK prefix, or an exchange with memory, which locks without one). A repeated string instruction is one.
// The history is the same for everyone: a steady pair, then fills and drains to levels drawn at random; a pool is driven on
// to where it refuses. One thread, so no retry is counted: a retry needs the success of another thread.
#include "bench_x86.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if !defined(__x86_64__)

int bench_steps(const bench_t *bench)
{
    (void)bench;
    (void)fprintf(stderr, "bench: single steps are read on x86-64 only\n");
    return 3;
}

#else

#define LIVE_MAX   (CONTENDER_POOL_BLOCKS + 1u) // one more than there is
#define PAIR_CALLS 64u                          // of the steady state, before the history
#define WARM_CALLS 4u
#define SEED       0x9E3779B97F4A7C15u
#define TRAP_FLAG  0x100

typedef enum call_kind { CALL_TAKE, CALL_GIVE, CALL_REFUSAL, CALL_KINDS } call_kind_t;

typedef struct tally {
    uint64_t calls, instructions, locked, most, most_locked;
} tally_t;

// The one call that is stepped through: a signal handler has no argument of its own.
typedef struct call {
    uint64_t function;             // its first instruction
    uint64_t address;              // the instruction that runs next
    uint64_t stack;                // at the first instruction: above it, the function has returned
    uint64_t instructions, locked; // so far; 0 instructions: it has not begun
} call_t;

static volatile call_t call;

// ---- one instruction ----

static bool is_prefix(uint8_t byte)
{
    static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF2, 0xF3};
    for (size_t i = 0; i < sizeof prefixes; i++) {
        if (prefixes[i] == byte) {
            return true;
        }
    }
    return false;
}

static bool is_locked(uint64_t address)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)address;
    while (is_prefix(*code)) {
        code++;
    }
    if (*code == 0xF0) {
        return true;
    }
    if ((*code & 0xF0u) == 0x40u) { // REX
        code++;
    }
    const bool is_exchange = *code == 0x86 || *code == 0x87;
    return is_exchange && (code[1] & 0xC0u) != 0xC0u; // with memory, not between registers
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint64_t address = (uint64_t)registers[REG_RIP], stack = (uint64_t)registers[REG_RSP];
    if (call.instructions == 0) {
        if (address == call.function) {
            call.stack = stack;
            call.address = address;
            call.instructions = 1; // the call itself
        }
        return;
    }
    if (address != call.address) {
        call.locked += is_locked(call.address) ? 1u : 0u;
        call.instructions++;
        call.address = address;
    }
    if (stack > call.stack) {
        registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    }
}

static void step_from_here(void)
{
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static void step_no_more(void)
{
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

// ---- one call ----

static uint64_t address_of(const void *function, size_t bytes)
{
    uint64_t address = 0;
    memcpy(&address, function, bytes);
    return address;
}

static void count(tally_t *tally)
{
    tally->calls++;
    tally->instructions += call.instructions;
    tally->locked += call.locked;
    tally->most = call.instructions > tally->most ? call.instructions : tally->most;
    tally->most_locked = call.locked > tally->most_locked ? call.locked : tally->most_locked;
}

static void *stepped_take(const contender_t *contender, tally_t *part)
{
    void *block;
    if (contender->pool != NULL) {
        call =
            (call_t){.function = address_of(&contender->pool->take, sizeof contender->pool->take)};
        step_from_here();
        block = contender->pool->take(contender->instance, 0);
    } else {
        call = (call_t){.function = address_of(&contender->take_heap, sizeof contender->take_heap)};
        step_from_here();
        block = contender->take_heap(CONTENDER_BLOCK_BYTES);
    }
    step_no_more();
    count(&part[block != NULL ? CALL_TAKE : CALL_REFUSAL]);
    return block;
}

static void stepped_give(const contender_t *contender, void *block, tally_t *part)
{
    int wrong = 0;
    if (contender->pool != NULL) {
        call =
            (call_t){.function = address_of(&contender->pool->give, sizeof contender->pool->give)};
        step_from_here();
        wrong = contender->pool->give(contender->instance, block);
    } else {
        call = (call_t){.function = address_of(&contender->give_heap, sizeof contender->give_heap)};
        step_from_here();
        contender->give_heap(block);
    }
    step_no_more();
    count(&part[CALL_GIVE]);
    if (wrong != 0) {
        (void)fprintf(stderr, "bench: %s: refused a good give\n", contender->name);
        exit(1);
    }
}

// ---- the history ----

static uint32_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

static void play_pairs(const contender_t *contender, uint32_t calls, tally_t *part)
{
    for (uint32_t i = 0; i < calls; i++) {
        stepped_give(contender, stepped_take(contender, part), part);
    }
}

/// Walks the number of live blocks to levels drawn anew, the first past the capacity; gives in random order.
static void play_walk(const contender_t *contender, uint32_t calls, tally_t *part)
{
    static void *live[LIVE_MAX];
    uint64_t state = SEED;
    uint32_t live_count = 0, goal = LIVE_MAX;
    for (uint32_t i = 0; i < calls; i++) {
        bool is_there = live_count == goal;
        if (live_count < goal) {
            void *block = stepped_take(contender, part);
            is_there = block == NULL;
            if (block != NULL) {
                live[live_count++] = block;
            }
        } else if (!is_there) {
            const uint32_t number = draw(&state) % live_count;
            stepped_give(contender, live[number], part);
            live[number] = live[--live_count];
        }
        goal = is_there ? draw(&state) % (LIVE_MAX + 1u) : goal;
    }
    while (live_count > 0) {
        stepped_give(contender, live[--live_count], part);
    }
}

static void print_part(const char *name, const char *part_name, const tally_t *part)
{
    static const char *const kinds[CALL_KINDS] = {"take", "give", "refusal"};
    for (int kind = 0; kind < CALL_KINDS; kind++) {
        const tally_t *tally = &part[kind];
        if (tally->calls != 0) {
            printf("%s_%s %s %.3f %llu %.3f %llu %llu\n", part_name, kinds[kind], name,
                   (double)tally->instructions / (double)tally->calls,
                   (unsigned long long)tally->most, (double)tally->locked / (double)tally->calls,
                   (unsigned long long)tally->most_locked, (unsigned long long)tally->calls);
        }
    }
}

int bench_steps(const bench_t *bench)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGTRAP, &action, NULL) != 0) {
        perror("bench: SIGTRAP");
        return 3;
    }
    for (uint32_t i = 0; i < bench->contender_count; i++) {
        const contender_t *contender = &bench->contenders[i];
        tally_t warm[CALL_KINDS] = {{0}}, pairs[CALL_KINDS] = {{0}}, walk[CALL_KINDS] = {{0}};
        contender_renew(&bench->contenders[i], CONTENDER_POOL_BLOCKS);
        play_pairs(contender, WARM_CALLS, warm);
        play_pairs(contender, PAIR_CALLS, pairs);
        play_walk(contender, bench->steps, walk);
        if (pairs[CALL_TAKE].instructions < pairs[CALL_TAKE].calls * 2u) { // a call and a return
            (void)fprintf(stderr, "bench: %s: the processor does not stop after each instruction\n",
                          contender->name);
            return 3;
        }
        print_part(contender->name, "steps_pair", pairs);
        print_part(contender->name, "steps", walk);
    }
    return 0;
}

#endif
