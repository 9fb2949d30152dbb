// SPDX-License-Identifier: MIT
// Preemption at random instructions: a thread takes and gives while a timer's signal, set anew each time to a few
// random microseconds, interrupts it wherever it is; the handler, as an interrupt would, takes and gives on the same
// pool, and holds blocks from one call to the next. No block has two owners, nothing is refused while a block is free,
// and every figure is exact at the end. Bounded by counts, no sleeping.
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L // timers
#endif
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#include <signal.h>
#include <time.h>

#define PREEMPTIONS 60000u     // the handler runs at least that often ...
#define ROUNDS_MIN  500000u    // ... and the thread does at least so much,
#define ROUNDS_MAX  500000000u // but never more: an end where signals are held back
#define HOLD        3u
#define COUNT_MAX   35u

typedef struct block {
    uint32_t owner, mark[3];
} block_t;

/// A context: the thread, or the interrupt.
typedef struct context {
    uint32_t number, random, takes, gives, empty, broken, refused;
    block_t *held[HOLD];
#if CONFIG_HF_POOL_CENSUS
    hf_handle_t handle[HOLD];
#endif
} context_t;

static struct {
    hf_pool_t pool;
    HF_POOL_STORAGE(block_t, COUNT_MAX) storage;
    context_t thread, interrupt;
    volatile sig_atomic_t interrupts;
    timer_t timer;
} shared;

// ThreadSanitizer holds signals back until it is ready; the LIFO's lock is for threads, not for handlers
// (hf_critical.h).
#if !CONFIG_HF_POOL_LIFO && !defined(__SANITIZE_THREAD__)

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void take(context_t *context, unsigned place)
{
    block_t *block = hf_pool_take(&shared.pool, (hf_tag_t)context->number);
    if (block == NULL) {
        context->empty++;
        return;
    }
    context->takes++;
    block->owner = context->number;
    for (unsigned i = 0; i < 3; i++) {
        block->mark[i] = context->number * 1000u + place;
    }
    context->held[place] = block;
#if CONFIG_HF_POOL_CENSUS
    context->handle[place] = hf_pool_handle(&shared.pool, block);
#endif
}

/// By handle now and then, where there are handles.
static int give_block(context_t *context, unsigned place)
{
#if CONFIG_HF_POOL_CENSUS
    if (context->random % 2u == 0) {
        return hf_pool_give_handle(&shared.pool, context->handle[place]);
    }
#endif
    return hf_pool_give(&shared.pool, context->held[place]);
}

static void give(context_t *context, unsigned place)
{
    const block_t *block = context->held[place];
    context->broken += block->owner == context->number ? 0 : 1u;
    for (unsigned i = 0; i < 3; i++) {
        context->broken += block->mark[i] == context->number * 1000u + place ? 0 : 1u;
    }
    if (give_block(context, place) == HF_OK) {
        context->gives++;
    } else {
        context->refused++;
    }
    context->held[place] = NULL;
}

static void work(context_t *context)
{
    unsigned place = next_random(&context->random) % HOLD;
    if (context->held[place] == NULL) {
        take(context, place);
    } else {
        give(context, place);
    }
}

static void interrupt_later(void)
{
    struct itimerspec when = {{0, 0}, {0, 0}};
    when.it_value.tv_nsec = 1000 + (long)(next_random(&shared.interrupt.random) % 9000u);
    (void)timer_settime(shared.timer, 0, &when, NULL); // failing shows in the count
}

static void interrupt(int signal)
{
    (void)signal;
    work(&shared.interrupt);
    work(&shared.interrupt);
    shared.interrupts++;
    interrupt_later();
}

static void give_all(context_t *context)
{
    for (unsigned place = 0; place < HOLD; place++) {
        if (context->held[place] != NULL) {
            give(context, place);
        }
    }
}

static void work_under_fire(void)
{
    uint32_t rounds = 0;
    while (rounds < ROUNDS_MAX &&
           (rounds < ROUNDS_MIN || (uint32_t)shared.interrupts < PREEMPTIONS)) {
        work(&shared.thread);
        rounds++;
    }
}

static void set_up(uint32_t count, uint32_t free)
{
    memset(&shared, 0, sizeof shared);
    shared.thread = (context_t){.number = 1, .random = 99};
    shared.interrupt = (context_t){.number = 2, .random = 7};
    const hf_pool_config_t config = {.name = "blocks",
                                     .blocks = shared.storage.blocks,
                                     .meta = shared.storage.meta,
                                     .block_bytes = sizeof(block_t),
                                     .count = count};
    CHECK_EQ(hf_pool_init(&shared.pool, &config), HF_OK);
    for (uint32_t i = free; i < count; i++) {
        CHECK(hf_pool_take(&shared.pool, HF_TAG_NONE) != NULL);
    }
    hf_pool_reset_stats(&shared.pool);
}

/// `count` blocks of which the last `free` are there to be taken.
static void run(uint32_t count, uint32_t free)
{
    struct sigaction action = {.sa_handler = interrupt};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    set_up(count, free);
    (void)sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &shared.timer) == 0);
    interrupt_later();
    work_under_fire();
    action.sa_handler = SIG_IGN;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(timer_delete(shared.timer), 0);
    give_all(&shared.thread);
    give_all(&shared.interrupt);
}

static void check_figures(uint32_t free)
{
    const context_t *a = &shared.thread, *b = &shared.interrupt;
    hf_pool_stats_t stats = hf_pool_stats(&shared.pool);
    printf("  %u calls of the thread, %u preemptions with %u calls\n",
           (unsigned)(a->takes + a->gives + a->empty), (unsigned)shared.interrupts,
           (unsigned)(b->takes + b->gives + b->empty));
    CHECK(a->takes > 1000);
    CHECK((uint32_t)shared.interrupts >= PREEMPTIONS);
    CHECK(b->takes > 1000);
    CHECK_EQ(a->broken + b->broken, 0);
    CHECK_EQ(a->refused + b->refused, 0);
    CHECK_EQ(stats.exhausted, a->empty + b->empty);
    CHECK_EQ(stats.in_use, stats.capacity - free);
    CHECK_EQ(stats.foreign + stats.interior + stats.double_gives, 0);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.takes, a->takes + b->takes);
    CHECK_EQ(stats.gives, a->gives + b->gives);
    CHECK_EQ(stats.min_free, free < 2u * HOLD ? 0 : free - 2u * HOLD);
#endif
#if CONFIG_HF_POOL_CENSUS
    CHECK_EQ(stats.stale, 0);
#endif
    for (uint32_t i = 0; i < free; i++) {
        CHECK(hf_pool_take(&shared.pool, HF_TAG_NONE) != NULL);
    }
    CHECK(hf_pool_take(&shared.pool, HF_TAG_NONE) == NULL);
}

static void pool_preempted_by_signals_enough_blocks_none_refused(void)
{
    run(2u * HOLD, 2u * HOLD);
    check_figures(2u * HOLD);
    CHECK_EQ(shared.thread.empty + shared.interrupt.empty, 0);
}

static void pool_preempted_by_signals_too_few_blocks_every_refusal_counted(void)
{
    run(3, 3);
    check_figures(3);
    CHECK(shared.thread.empty > 0);
}

/// All blocks but the last of the first word and the first three of the second stay taken.
static void pool_preempted_by_signals_at_the_edge_of_words_exact(void)
{
    run(COUNT_MAX, 4);
    check_figures(4);
}

HF_TEST_MAIN(HF_TEST(pool_preempted_by_signals_enough_blocks_none_refused),
             HF_TEST(pool_preempted_by_signals_too_few_blocks_every_refusal_counted),
             HF_TEST(pool_preempted_by_signals_at_the_edge_of_words_exact))

#else

static void pool_signals_are_not_for_this_build(void)
{
    CHECK_EQ(shared.interrupts, 0);
}

HF_TEST_MAIN(HF_TEST(pool_signals_are_not_for_this_build))

#endif
