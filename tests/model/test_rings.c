// SPDX-License-Identifier: MIT
// All interleavings of the channels: hf_ring (lossy, one writer, one reader), hf_queue (lossless, the same),
// hf_snapshot (one writer, two readers), hf_trace (two writers, one reader). Judged: an item is whole, in order, once;
// what was put is what was got and what was lost, exactly. `prog CASE:SCHEDULE:STEP` replays.
#include "holdfast/hf_queue.h"
#include "holdfast/hf_snapshot.h"
#include "holdfast/hf_trace.h"
#include "model_main.h"
#include "model_seams.h"

#include <string.h>

#define PUTS     3u
#define CAPACITY 2u

typedef struct item {
    uint32_t number, inverse;
} item_t;

static struct {
    hf_ring_t ring;
    hf_queue_t queue;
    hf_snapshot_t snapshot;
    hf_trace_t trace;
    hf_atomic_u32_t words[HF_TRACE_SLOT_WORDS * CAPACITY + 16u];
    uint32_t put, refused, got, last[MODEL_THREADS_MAX], at_least[MODEL_THREADS_MAX];
} world;

static const model_memory_t memories[] = {{&world, sizeof world}};

/// Whole, and later than what this reader had before.
static void judge_item(const item_t *item, unsigned reader)
{
    model_expect(item->inverse == ~item->number, "an item is torn");
    model_expect(item->number > world.last[reader], "an item came again, or out of order");
    world.last[reader] = item->number;
    world.got++;
}

static item_t next_item(void)
{
    world.put++;
    return (item_t){world.put, ~world.put};
}

// ---- hf_ring -------------------------------------------------------------------------------------

static void set_up_ring(void)
{
    memset(&world, 0, sizeof world);
    model_require(hf_ring_init(&world.ring, world.words, sizeof(item_t), CAPACITY));
}

static void get_from_ring(void)
{
    item_t item;
    int status = hf_ring_get(&world.ring, &item);
    model_expect(status == HF_OK || status == HF_E_EMPTY, "a status");
    if (status == HF_OK) {
        judge_item(&item, 0);
    }
}

static void ring_thread(unsigned number)
{
    for (unsigned i = 0; i < PUTS; i++) {
        if (number == 0) {
            item_t item = next_item();
            hf_ring_put(&world.ring, &item);
        } else {
            get_from_ring();
        }
        model_call_ended();
    }
}

static void ring_end(void)
{
    for (unsigned i = 0; i <= CAPACITY; i++) {
        get_from_ring();
    }
    model_expect(world.got + hf_ring_lost(&world.ring) == PUTS,
                 "got and lost are not what was put");
    model_expect(world.last[0] == PUTS, "the newest is missing");
}

// ---- hf_snapshot ---------------------------------------------------------------------------------

static void set_up_snapshot(void)
{
    memset(&world, 0, sizeof world);
    model_require(hf_snapshot_init(&world.snapshot, world.words, sizeof(item_t)));
}

static void read_begins(unsigned thread)
{
    world.at_least[thread] = world.snapshot.published;
}

static void read_snapshot(unsigned thread)
{
    item_t item;
    model_call_begins(read_begins);
    int status = hf_snapshot_read(&world.snapshot, &item);
    model_expect(status == HF_OK || status == HF_E_AGAIN ||
                     (status == HF_E_EMPTY && world.at_least[thread] == 0),
                 "a status");
    if (status == HF_OK) {
        model_expect(item.inverse == ~item.number, "an item is torn");
        model_expect(item.number >= world.at_least[thread],
                     "older than what was there at the call");
        model_expect(item.number >= world.last[thread], "back in time");
        world.last[thread] = item.number;
    }
}

static void snapshot_thread(unsigned number)
{
    for (unsigned i = 0; i < (number == 0 ? 4u : 2u); i++) {
        if (number == 0) {
            item_t item = next_item();
            hf_snapshot_write(&world.snapshot, &item);
        } else {
            read_snapshot(number);
        }
        model_call_ended();
    }
}

static void snapshot_end(void)
{
    item_t item = {0, 0};
    model_expect(hf_snapshot_read(&world.snapshot, &item) == HF_OK && item.number == 4,
                 "the newest is missing");
}

#ifndef MODEL_BROKEN

// ---- hf_queue ------------------------------------------------------------------------------------

static void set_up_queue(void)
{
    memset(&world, 0, sizeof world);
    model_require(hf_queue_init(&world.queue, world.words, sizeof(item_t), CAPACITY, 1));
}

static void get_from_queue(void)
{
    item_t item;
    if (hf_queue_get(&world.queue, &item) == HF_OK) {
        judge_item(&item, 0);
        model_expect(item.number == world.got, "an item is missing");
    }
}

static void put_to_queue(bool is_urgent)
{
    item_t item = {world.put + 1u, ~(world.put + 1u)};
    int status =
        is_urgent ? hf_queue_put_urgent(&world.queue, &item) : hf_queue_put(&world.queue, &item);
    world.put += status == HF_OK ? 1u : 0u;
    world.refused += status == HF_E_FULL ? 1u : 0u;
    model_expect(status == HF_OK || status == HF_E_FULL, "a status");
}

static void queue_thread(unsigned number)
{
    for (unsigned i = 0; i < 4; i++) {
        if (number == 0) {
            put_to_queue(i % 2u == 1u);
        } else {
            get_from_queue();
        }
        model_call_ended();
    }
}

static void queue_end(void)
{
    for (unsigned i = 0; i <= CAPACITY; i++) {
        get_from_queue();
    }
    model_expect(world.got == world.put, "an item is lost");
    model_expect(world.put + world.refused == 4 &&
                     atomic_load(&world.queue.refused) == world.refused,
                 "refused is wrong");
    model_expect(hf_queue_count(&world.queue) == 0, "not empty");
}

// ---- hf_trace ------------------------------------------------------------------------------------

static void set_up_trace(void)
{
    memset(&world, 0, sizeof world);
    const hf_trace_config_t config = {.storage = world.words, .capacity = CAPACITY};
    model_require(hf_trace_init(&world.trace, &config));
}

static void add_to_trace(uint32_t number)
{
    const hf_trace_event_t event = {.bytes = number, .block = ~number, .pool = (uint16_t)number};
    hf_trace_add(&world.trace, &event);
}

static int get_from_trace(void)
{
    hf_trace_entry_t entry;
    int status = hf_trace_get(&world.trace, &entry);
    if (status == HF_OK) {
        model_expect(entry.block == ~entry.bytes && entry.pool == (uint16_t)entry.bytes,
                     "an entry is torn");
        model_expect(entry.sequence + 1u > world.last[0], "an entry came again, or out of order");
        world.last[0] = entry.sequence + 1u;
        world.got++;
    }
    return status;
}

static void trace_thread(unsigned number)
{
    for (unsigned i = 0; i < 2; i++) {
        if (number == 2) {
            (void)get_from_trace();
        } else {
            add_to_trace(1u + number * 16u + i);
        }
        model_call_ended();
    }
}

static void trace_writers_thread(unsigned number)
{
    for (unsigned i = 0; i < 2; i++) {
        add_to_trace(1u + number * 16u + i);
        model_call_ended();
    }
}

static void trace_end_of(uint32_t drawn)
{
    int status = HF_OK;
    for (unsigned i = 0; i <= CAPACITY && status == HF_OK; i++) {
        status = get_from_trace();
    }
    model_expect(status == HF_E_EMPTY, "not empty in the end");
    model_expect(hf_trace_head(&world.trace) == drawn, "a number is missing");
    model_expect(world.got + hf_trace_lost(&world.trace) == drawn,
                 "got and lost are not what was drawn");
}

static void trace_end(void)
{
    trace_end_of(4);
}

static void trace_end_six(void)
{
    trace_end_of(6);
}

#endif

#define WORLD(of_threads, of_thread, of_end)                                                       \
    {                                                                                              \
        .threads = (of_threads), .memory = memories, .memories = 1, .thread = (of_thread),         \
        .at_end = (of_end)                                                                         \
    }

int main(int argc, char **argv)
{
#ifdef MODEL_BROKEN
    static const model_case_t cases[] = {
        {"ring_is_lapped", set_up_ring, WORLD(2, ring_thread, ring_end)},
        {"snapshot_two_readers", set_up_snapshot, WORLD(3, snapshot_thread, snapshot_end)},
    };
    const model_suite_t suite = {.name = "rings",
                                 .cases = cases,
                                 .count = sizeof cases / sizeof cases[0],
                                 .states_max = 4000000,
                                 .is_broken = true};
#else
    static const model_case_t cases[] = {
        {"ring_is_lapped", set_up_ring, WORLD(2, ring_thread, ring_end)},
        {"queue_fills_and_empties", set_up_queue, WORLD(2, queue_thread, queue_end)},
        {"snapshot_two_readers", set_up_snapshot, WORLD(3, snapshot_thread, snapshot_end)},
        {"trace_two_writers", set_up_trace, WORLD(2, trace_writers_thread, trace_end)},
        {"trace_two_writers_and_reader", set_up_trace, WORLD(3, trace_thread, trace_end)},
        {"trace_three_writers", set_up_trace, WORLD(3, trace_writers_thread, trace_end_six)},
    };
    const model_suite_t suite = {.name = "rings",
                                 .cases = cases,
                                 .count = sizeof cases / sizeof cases[0],
                                 .states_max = 4000000};
#endif
    return model_main(&suite, argc, argv);
}
