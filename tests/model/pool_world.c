// SPDX-License-Identifier: MIT
// The world of pool_world.h: one pool, one set of slots, and what the judges remember; all of it is named memory of the
// model.
#include "pool_world.h"

#include "holdfast/hf_pool.h"
#ifdef MODEL_BROKEN
#include "broken_pool.h"
#endif

#include <string.h>

#define COUNT_MAX   65u
#define BLOCK_BYTES 16u
#define SLOTS       8u
#define NOBODY      0u
#define ELSEWHERE   0xFFu // owner of blocks that are not in play
#define NO_BLOCK    0xFFu
#define SERIALS     16u
#define USED_MAX    7u

// What the order of calls may have done so far with a thread's call.
enum { IDLE, PENDING, DONE, REFUSED };
#define PLACES (1u << (2u * MODEL_THREADS_MAX)) // of the threads, for one number of blocks in use

typedef struct ghost {
    uint8_t at[MODEL_THREADS_MAX];      // next operation of the script
    uint8_t is_give[MODEL_THREADS_MAX]; // the call under way
    uint8_t block[SLOTS], serial[SLOTS];
    uint8_t owner[COUNT_MAX]; // slot + 1
    uint8_t given[SERIALS];   // good gives of the taking with this number
    uint8_t serials, takes, refused, gives, doubles, stale, held, most_held, calls_in, most_in;
    uint32_t still_free[MODEL_THREADS_MAX]; // blocks in play that were free since the call began
    uint32_t orders[(USED_MAX + 1u) * PLACES / 32u];
#if CONFIG_HF_POOL_CENSUS
    hf_handle_t handle[SLOTS];
#endif
} ghost_t;

static struct {
    hf_pool_t pool;
    hf_atomic_u32_t meta[HF_POOL_META_WORDS(COUNT_MAX)];
    ghost_t ghost;
} world;

// Not part of the state: a pool without fill or canary never touches a block (judged at the end).
alignas(max_align_t) static uint8_t blocks[HF_POOL_BYTES(BLOCK_BYTES, COUNT_MAX)];

static const pool_case_t *scene;

static void *block_at(unsigned number)
{
    return blocks + (size_t)number * HF_POOL_STRIDE(BLOCK_BYTES);
}

static unsigned number_of(const void *block)
{
    return (unsigned)((size_t)((const uint8_t *)block - blocks) / HF_POOL_STRIDE(BLOCK_BYTES));
}

/// The blocks in play whose bit says free, by their place in `play`.
static uint32_t free_now(void)
{
    uint32_t free = 0;
#if !POOL_IS_COUNTED
    for (unsigned i = 0; i < scene->played; i++) {
        unsigned number = scene->play[i];
        free |= ((world.meta[number / 32u] & POOL_BIT(number)) != 0 ? 1u : 0u) << i;
    }
#endif
    return free;
}

// ---- in which orders the calls so far may have happened -----------------------------------------

static bool order_has(unsigned used, unsigned places)
{
    unsigned i = used * PLACES + places;
    return (world.ghost.orders[i / 32u] >> (i % 32u) & 1u) != 0;
}

static void order_set(unsigned used, unsigned places, bool is)
{
    unsigned i = used * PLACES + places;
    world.ghost.orders[i / 32u] &= ~(1u << (i % 32u));
    world.ghost.orders[i / 32u] |= (is ? 1u : 0u) << (i % 32u);
}

static unsigned place_of(unsigned places, unsigned thread)
{
    return places >> (2u * thread) & 3u;
}

static unsigned with_place(unsigned places, unsigned thread, unsigned place)
{
    return (places & ~(3u << (2u * thread))) | place << (2u * thread);
}

/// One more order for each that lets a pending call happen now. True when one was new.
static bool let_happen(unsigned used, unsigned places, unsigned thread)
{
    unsigned capacity = scene->played;
    bool is_give = world.ghost.is_give[thread] != 0, grew = false;
    if (is_give || used < capacity) {
        unsigned after = is_give ? used - 1u : used + 1u;
        unsigned done = with_place(places, thread, DONE);
        if ((!is_give || used > 0) && !order_has(after, done)) {
            order_set(after, done, true);
            grew = true;
        }
    }
    unsigned refused = with_place(places, thread, REFUSED);
    if ((is_give || used == capacity) && !order_has(used, refused)) {
        order_set(used, refused, true);
        grew = true;
    }
    return grew;
}

static void close_orders(void)
{
    bool grew = true;
    while (grew) {
        grew = false;
        for (unsigned i = 0; i < (scene->played + 1u) * PLACES; i++) {
            if (i % 32u == 0 && world.ghost.orders[i / 32u] == 0) {
                i += 31u;
                continue;
            }
            for (unsigned thread = 0; order_has(i / PLACES, i % PLACES) && thread < scene->threads;
                 thread++) {
                if (place_of(i % PLACES, thread) == PENDING) {
                    grew = let_happen(i / PLACES, i % PLACES, thread) || grew;
                }
            }
        }
    }
}

static void order_call(unsigned thread)
{
    uint32_t was[sizeof world.ghost.orders / sizeof world.ghost.orders[0]];
    memcpy(was, world.ghost.orders, sizeof was);
    memset(world.ghost.orders, 0, sizeof world.ghost.orders);
    for (unsigned i = 0; i < (scene->played + 1u) * PLACES; i++) {
        if ((was[i / 32u] >> (i % 32u) & 1u) != 0) {
            order_set(i / PLACES, with_place(i % PLACES, thread, PENDING), true);
        }
    }
}

static void order_return(unsigned thread, bool is_done)
{
    uint32_t any = 0;
    close_orders();
    for (unsigned i = 0; i < (scene->played + 1u) * PLACES; i++) {
        if (!order_has(i / PLACES, i % PLACES)) {
            continue;
        }
        order_set(i / PLACES, i % PLACES, false);
        // Its place becomes IDLE, which is less: this loop does not meet it again.
        if (place_of(i % PLACES, thread) == (is_done ? DONE : REFUSED)) {
            order_set(i / PLACES, with_place(i % PLACES, thread, IDLE), true);
        }
    }
    for (unsigned i = 0; i < sizeof world.ghost.orders / sizeof world.ghost.orders[0]; i++) {
        any |= world.ghost.orders[i];
    }
    if (any == 0 && scene->exact) {
        model_fail("no order of the calls explains this result");
    }
}

// ---- calls --------------------------------------------------------------------------------------

static const char *operation_of(unsigned thread)
{
    return &scene->script[thread][3u * world.ghost.at[thread]];
}

static unsigned slot_of(const char *operation)
{
    return (unsigned)(operation[1] - '0');
}

/// The slot's owner lets go, if it still is.
static void let_go(unsigned slot)
{
    ghost_t *ghost = &world.ghost;
    unsigned block = ghost->block[slot];
    if (block != NO_BLOCK && ghost->owner[block] == slot + 1u) {
        ghost->owner[block] = NOBODY;
        ghost->held--;
    }
}

/// Right before the first operation of a call.
static void begun(unsigned thread)
{
    ghost_t *ghost = &world.ghost;
    const char *operation = operation_of(thread);
    ghost->still_free[thread] = free_now();
    ghost->is_give[thread] = operation[0] != 'T';
    if (operation[0] == 'A') {
        return;
    }
    ghost->calls_in++;
    if (operation[0] == 'T') {
        unsigned in = (unsigned)ghost->held + ghost->calls_in;
        ghost->most_in = in > ghost->most_in ? (uint8_t)in : ghost->most_in;
    } else {
        let_go(slot_of(operation));
    }
    order_call(thread);
}

static void take_returned(unsigned slot, const void *block)
{
    ghost_t *ghost = &world.ghost;
    if (block == NULL) {
        ghost->refused++;
        ghost->block[slot] = NO_BLOCK;
        return;
    }
    unsigned number = number_of(block);
    if (number >= scene->count || block_at(number) != block) {
        model_fail("no block of the pool");
        return;
    }
    if (ghost->owner[number] != NOBODY) {
        model_fail("a block has two owners");
    }
    ghost->owner[number] = (uint8_t)(slot + 1u);
    ghost->block[slot] = (uint8_t)number;
    ghost->serial[slot] = ghost->serials;
    ghost->serials = (uint8_t)((ghost->serials + 1u) % SERIALS);
    ghost->takes++;
    ghost->held++;
    ghost->most_held = ghost->held > ghost->most_held ? ghost->held : ghost->most_held;
}

static void give_returned(unsigned slot, int status)
{
    ghost_t *ghost = &world.ghost;
    switch (status) {
    case HF_OK:
        ghost->gives++;
        if (++ghost->given[ghost->serial[slot]] > 1 && !scene->is_confused) {
            model_fail("one taking was given twice");
        }
        break;
    case HF_E_DOUBLE_GIVE:
        ghost->doubles++;
        break;
    case HF_E_STALE:
        ghost->stale++;
        break;
    default:
        model_fail("a give said what cannot be");
    }
}

static bool take(unsigned slot)
{
    const void *block = hf_pool_take(&world.pool, HF_TAG_NONE);
    take_returned(slot, block);
    return block != NULL;
}

static bool give(unsigned slot, bool by_handle)
{
    int status = HF_E_UNSUPPORTED;
    if (!by_handle) {
        status = hf_pool_give(&world.pool, block_at(world.ghost.block[slot]));
    }
#if CONFIG_HF_POOL_CENSUS
    if (by_handle) {
        status = hf_pool_give_handle(&world.pool, world.ghost.handle[slot]);
    }
#endif
    give_returned(slot, status);
    return status == HF_OK;
}

static void keep_handle(unsigned slot)
{
#if CONFIG_HF_POOL_CENSUS
    world.ghost.handle[slot] = hf_pool_handle(&world.pool, block_at(world.ghost.block[slot]));
    if (world.ghost.handle[slot] == 0 && world.ghost.owner[world.ghost.block[slot]] == slot + 1u) {
        model_fail("no handle for an owner");
    }
#else
    (void)slot;
#endif
}

/// A look-up finds the block or nothing, and only nothing once it was given.
static void look_up(unsigned slot)
{
#if CONFIG_HF_POOL_CENSUS
    ghost_t *ghost = &world.ghost;
    bool was_given = ghost->given[ghost->serial[slot]] != 0;
    const void *found = hf_pool_at(&world.pool, ghost->handle[slot]);
    ghost->stale = (uint8_t)(ghost->stale + (found == NULL ? 1u : 0u));
    if (found == NULL && ghost->owner[ghost->block[slot]] == slot + 1u) {
        model_fail("an owner's handle found nothing");
    }
    if (found != NULL && (was_given || found != block_at(ghost->block[slot]))) {
        model_fail("a stale handle found a block");
    }
#else
    (void)slot;
#endif
}

/// Whether a call takes part in the order of calls.
static bool is_ordered(const char *operation)
{
    return operation[0] == 'T' || operation[0] == 'G' || operation[0] == 'H';
}

/// True: a take or give did what it was called for.
static bool call(const char *operation)
{
    unsigned slot = slot_of(operation);
    switch (operation[0]) {
    case 'T':
        return take(slot);
    case 'A':
        look_up(slot);
        return true;
    case 'K':
        keep_handle(slot);
        return true;
    default:
        return give(slot, operation[0] == 'H');
    }
}

static void call_returned(unsigned thread, const char *operation, bool is_done)
{
    ghost_t *ghost = &world.ghost;
    if (!is_ordered(operation)) {
        return;
    }
    ghost->calls_in--;
    if (operation[0] == 'T' && !is_done && (ghost->still_free[thread] & free_now()) != 0) {
        model_fail("refused while a block was free throughout");
    }
    order_return(thread, is_done);
}

static void run_thread(unsigned thread)
{
    ghost_t *ghost = &world.ghost;
    while (ghost->at[thread] * 3u < strlen(scene->script[thread])) {
        const char *operation = operation_of(thread);
        // Nothing to give when its take was refused.
        if (operation[0] == 'T' || ghost->block[slot_of(operation)] != NO_BLOCK) {
            model_call_begins(begun);
            bool is_done = call(operation);
            call_returned(thread, operation, is_done);
        }
        ghost->at[thread]++;
        model_call_ended();
    }
}

// ---- judges -------------------------------------------------------------------------------------

static void after_step(void)
{
    uint32_t free = free_now();
    for (unsigned i = 0; i < scene->threads; i++) {
        world.ghost.still_free[i] &= free;
    }
}

static void judge_figures(void)
{
    const ghost_t *ghost = &world.ghost;
    hf_pool_stats_t stats = hf_pool_stats(&world.pool);
    unsigned free = scene->played;
    for (unsigned i = 0; i < sizeof ghost->orders * 8u; i++) {
        if (order_has(i / PLACES, i % PLACES)) {
            free =
                scene->played - i / PLACES; // calls are over: the only order left, by number in use
        }
    }
    if (stats.in_use != scene->count - free) {
        model_fail("in_use is wrong");
    }
    if (stats.exhausted != ghost->refused) {
        model_fail("exhausted is wrong");
    }
#if CONFIG_HF_POOL_CENSUS
    if (stats.double_gives + stats.stale != (uint32_t)ghost->doubles + ghost->stale) {
        model_fail("double_gives or stale is wrong");
    }
#else
    if (stats.double_gives != ghost->doubles) {
        model_fail("double_gives is wrong");
    }
#endif
#if CONFIG_HF_POOL_STATISTICS
    if (stats.takes != ghost->takes || stats.gives != ghost->gives) {
        model_fail("takes or gives is wrong");
    }
#endif
#if CONFIG_HF_POOL_STATISTICS && !defined(MODEL_BROKEN)
    if (stats.peak < ghost->most_held || stats.peak > ghost->most_in ||
        stats.peak > stats.capacity || stats.min_free != stats.capacity - stats.peak) {
        model_fail("peak is wrong");
    }
#endif
}

/// What is owned can be given; then as many blocks as were in play can be taken, each once.
static void judge_blocks(void)
{
    ghost_t *ghost = &world.ghost;
    for (unsigned slot = 0; slot < SLOTS && !scene->is_confused; slot++) {
        unsigned block = ghost->block[slot];
        if (block != NO_BLOCK && ghost->owner[block] == slot + 1u) {
            let_go(slot);
            if (hf_pool_give(&world.pool, block_at(block)) != HF_OK) {
                model_fail("an owner could not give");
            }
        }
    }
    hf_pool_stats_t stats = hf_pool_stats(&world.pool);
    for (uint32_t free = stats.capacity - stats.in_use; free > 0; free--) {
        const void *block = hf_pool_take(&world.pool, HF_TAG_NONE);
        if (block == NULL) {
            model_fail("a free block is lost");
            return;
        }
        if (ghost->owner[number_of(block)] != NOBODY && !scene->is_confused) {
            model_fail("a block has two owners");
        }
        ghost->owner[number_of(block)] = ELSEWHERE;
    }
    if (hf_pool_take(&world.pool, HF_TAG_NONE) != NULL) {
        model_fail("more blocks than there are");
    }
}

static void at_end(void)
{
    judge_figures();
    judge_blocks();
}

// ---- a world ------------------------------------------------------------------------------------

static void set_up_blocks(void)
{
    ghost_t *ghost = &world.ghost;
    const hf_pool_config_t config = {.name = "model",
                                     .blocks = blocks,
                                     .meta = world.meta,
                                     .block_bytes = BLOCK_BYTES,
                                     .count = scene->count};
    if (hf_pool_init(&world.pool, &config) != HF_OK) {
        model_fail("init");
        return;
    }
    memset(ghost->block, NO_BLOCK, sizeof ghost->block);
    for (unsigned i = 0; i < scene->count; i++) {
        ghost->owner[number_of(hf_pool_take(&world.pool, HF_TAG_NONE))] = ELSEWHERE;
    }
    for (unsigned i = 0; i < scene->played; i++) {
        ghost->block[i] = scene->play[i];
        ghost->serial[i] = ghost->serials++;
        ghost->owner[scene->play[i]] = (uint8_t)(i + 1u);
        keep_handle(i);
    }
    ghost->held = (uint8_t)scene->count;
}

static void set_up(const pool_case_t *which)
{
    ghost_t *ghost = &world.ghost;
    memset(&world, 0, sizeof world);
    scene = which;
    set_up_blocks();
    for (const char *operation = which->setup; *operation != 0;) {
        if (operation[0] != 'T') {
            let_go(slot_of(operation));
        }
        if (!call(operation)) {
            model_fail("setup");
        }
        operation += operation[2] == 0 ? 2 : 3;
    }
    hf_pool_reset_stats(&world.pool);
    ghost->takes = ghost->gives = 0;
    ghost->most_held = ghost->most_in = ghost->held;
    unsigned in_use = which->played;
    for (unsigned i = 0; i < which->played; i++) {
        in_use -= ghost->owner[which->play[i]] == NOBODY ? 1u : 0u;
    }
    order_set(in_use, 0, true);
}

static model_world_t world_of(const pool_case_t *which)
{
    static model_memory_t memory[] = {
        {&world.pool, sizeof world.pool},
        {&world.ghost, sizeof world.ghost},
        {world.meta, 0},
#ifdef MODEL_BROKEN
        {broken_words, sizeof broken_words},
#endif
    };
    memory[2].count = HF_POOL_META_WORDS(which->count) * sizeof world.meta[0];
    set_up(which);
    return (model_world_t){.name = which->name,
                           .threads = which->threads,
                           .spurious = which->spurious,
                           .memory = memory,
                           .memories = sizeof memory / sizeof memory[0],
                           .thread = run_thread,
                           .after_step = after_step,
                           .at_end = at_end};
}

model_result_t pool_explore(const pool_case_t *which, uint64_t states_max)
{
    static const uint8_t untouched[sizeof blocks];
    const model_world_t of = world_of(which);
    model_result_t result = model_explore(&of, states_max);
    if (result.wrong == NULL && memcmp(blocks, untouched, sizeof blocks) != 0) {
        result.wrong = "a block was written";
    }
    return result;
}

model_result_t pool_replay(const pool_case_t *which, const char *schedule)
{
    const model_world_t of = world_of(which);
    return model_replay(&of, schedule);
}
