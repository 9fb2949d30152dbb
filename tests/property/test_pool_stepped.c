// SPDX-License-Identifier: MIT
// Preemption at every instruction: the processor's trap flag stops a take and a give after each instruction of the code
// as compiled; at the n-th an interrupt takes or gives on the same pool, for every n; and two interrupts at pairs of
// instructions. No block has two owners, nothing is refused while a block is free, figures are exact. x86-64 Linux;
// elsewhere there is nothing to step.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // REG_EFL
#endif
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#include <signal.h>

#define BLOCKS 4u
#define NEVER  UINT32_MAX

#if defined(__x86_64__) && defined(__linux__) && !CONFIG_HF_POOL_LIFO &&                           \
    !defined(__SANITIZE_THREAD__)
#include <ucontext.h>

#define TRAP_FLAG 0x100

typedef enum act { TAKE, TAKE_AND_GIVE, GIVE, GIVE_AGAIN, ACTS } act_t;

static const char *const act_names[ACTS] = {"take", "take and give", "give", "give again"};

typedef struct tally {
    uint32_t takes, gives, refused, doubles;
} tally_t;

static struct {
    hf_pool_t pool;
    HF_POOL_STORAGE_BYTES(16, BLOCKS) storage;
    uint32_t instruction, at[2]; // the interrupts come after these instructions
    uint32_t interrupts;
    act_t act;
    volatile sig_atomic_t is_stepping;
    void *before;              // taken before anybody was interrupted
    void *mine, *theirs[2];    // the thread's block, the interrupts' blocks
    tally_t thread, interrupt; // apart: the test's own counting is interrupted too
} world;

static void give(tally_t *tally, void *block)
{
    int status = hf_pool_give(&world.pool, block);
    tally->gives += status == HF_OK ? 1u : 0u;
    tally->doubles += status == HF_E_DOUBLE_GIVE ? 1u : 0u;
}

static void *take(tally_t *tally)
{
    void *block = hf_pool_take(&world.pool, HF_TAG_NONE);
    tally->takes += block != NULL ? 1u : 0u;
    tally->refused += block == NULL ? 1u : 0u;
    return block;
}

static void interrupt(unsigned which)
{
    switch (world.act) {
    case TAKE:
        world.theirs[which] = take(&world.interrupt);
        break;
    case TAKE_AND_GIVE:
        give(&world.interrupt, take(&world.interrupt));
        break;
    case GIVE: // the first interrupt; the second gives it again
    case GIVE_AGAIN:
    case ACTS:
        give(&world.interrupt, world.before);
        break;
    }
}

static void stepped(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    ucontext_t *interrupted = context;
    world.instruction++;
    for (unsigned i = 0; i < 2; i++) {
        if (world.instruction == world.at[i]) {
            world.interrupts++;
            interrupt(i);
        }
    }
    if (world.is_stepping == 0) {
        interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    }
}

/// What is stepped through: a take and a give; with GIVE_AGAIN thread and interrupt give the same block.
static void work(void)
{
    world.is_stepping = 1;
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
    if (world.act == GIVE_AGAIN) {
        give(&world.thread, world.before);
    } else {
        world.mine = take(&world.thread);
        give(&world.thread, world.mine);
    }
    world.is_stepping = 0;
    __asm__ volatile("nop\n\tnop" ::: "memory"); // the handler lets go here
}

static void set_up(act_t act, uint32_t first, uint32_t second)
{
    memset(&world, 0, sizeof world);
    world.act = act;
    world.at[0] = first;
    world.at[1] = second;
    const hf_pool_config_t config = {.name = "stepped",
                                     .blocks = world.storage.blocks,
                                     .meta = world.storage.meta,
                                     .block_bytes = 16,
                                     .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&world.pool, &config), HF_OK);
    world.before = take(&world.thread);
}

static void judge_figures(void)
{
    hf_pool_stats_t stats = hf_pool_stats(&world.pool);
    const tally_t *a = &world.thread, *b = &world.interrupt;
    CHECK_EQ(a->refused + b->refused, 0); // at most four at once
    CHECK_EQ(stats.exhausted, 0);
    CHECK_EQ(stats.in_use, a->takes + b->takes - a->gives - b->gives);
    CHECK_EQ(stats.double_gives, a->doubles + b->doubles);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.takes, a->takes + b->takes);
    CHECK_EQ(stats.gives, a->gives + b->gives);
    CHECK(stats.peak >= 1 && stats.peak <= BLOCKS);
#endif
    uint32_t given = world.act == GIVE ? 1u : 0u, wrong = world.act == GIVE_AGAIN ? 1u : 0u;
    CHECK_EQ(a->doubles + b->doubles,
             given * (world.interrupts == 2u ? 1u : 0u) + wrong * world.interrupts);
}

/// Whoever has a block has it alone, and what is free can be taken.
static void judge_blocks(void)
{
    bool is_given = world.act == GIVE_AGAIN || (world.act == GIVE && world.interrupts > 0);
    const void *held[] = {is_given ? NULL : world.before, world.theirs[0], world.theirs[1]};
    uint32_t count = 0;
    for (unsigned i = 0; i < HF_COUNT_OF(held); i++) {
        count += held[i] != NULL ? 1u : 0u;
        for (unsigned j = 0; j < i; j++) {
            CHECK(held[i] == NULL || held[i] != held[j]);
        }
    }
    for (; count < BLOCKS; count++) {
        const void *block = hf_pool_take(&world.pool, HF_TAG_NONE);
        CHECK(block != NULL);
        for (unsigned i = 0; i < HF_COUNT_OF(held); i++) {
            CHECK(block != held[i]);
        }
    }
    CHECK(hf_pool_take(&world.pool, HF_TAG_NONE) == NULL);
}

/// Returns how many instructions there were.
static uint32_t play(act_t act, uint32_t first, uint32_t second)
{
    set_up(act, first, second);
    work();
    judge_figures();
    judge_blocks();
    if (hf_test_failed_here != 0) {
        printf("  interrupts that %s after instructions %u and %u\n", act_names[act],
               (unsigned)first, (unsigned)second);
    }
    return world.instruction;
}

static bool catch_traps(void)
{
    struct sigaction action = {.sa_sigaction = stepped, .sa_flags = SA_SIGINFO};
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGTRAP, &action, NULL) == 0;
}

static void pool_stepped_one_interrupt_at_every_instruction(void)
{
    REQUIRE(catch_traps());
    uint32_t runs = 0;
    for (unsigned act = 0; act < ACTS; act++) {
        uint32_t instructions = play((act_t)act, NEVER, NEVER);
        CHECK(instructions > 10);
        // Instrumented code has many more: there every few.
        uint32_t stride = instructions > 200u ? instructions / 64u : 1u;
        for (uint32_t n = 1; n <= instructions && hf_test_failed_here == 0; n += stride) {
            (void)play((act_t)act, n, NEVER);
            CHECK_EQ(world.interrupts, 1);
            runs++;
        }
    }
    printf("  %u runs\n", (unsigned)runs);
}

/// Pairs out of about sixteen places in the code: a trap costs microseconds.
static void pool_stepped_two_interrupts_at_pairs_of_instructions(void)
{
    REQUIRE(catch_traps());
    uint32_t runs = 0;
    for (unsigned act = 0; act < ACTS; act++) {
        uint32_t instructions = play((act_t)act, NEVER, NEVER);
        uint32_t stride = instructions / 16u + 1u;
        for (uint32_t first = 1; first <= instructions; first += stride) {
            world.interrupts = 2;
            // After the first the way may be shorter: then the second does not come any more.
            for (uint32_t second = first; world.interrupts == 2u; second += stride) {
                (void)play((act_t)act, first, second);
                if (hf_test_failed_here != 0) {
                    return;
                }
                runs++;
            }
        }
    }
    printf("  %u runs\n", (unsigned)runs);
    CHECK(runs > 200);
}

HF_TEST_MAIN(HF_TEST(pool_stepped_one_interrupt_at_every_instruction),
             HF_TEST(pool_stepped_two_interrupts_at_pairs_of_instructions))

#else

static void pool_stepped_is_not_for_this_build(void)
{
    CHECK(BLOCKS < NEVER);
}

HF_TEST_MAIN(HF_TEST(pool_stepped_is_not_for_this_build))

#endif
