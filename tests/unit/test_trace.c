// SPDX-License-Identifier: MIT
// The trace ring in one context: order, loss, looks backwards, and every stage of a writer that was interrupted. Threads:
// tests/property/test_trace_threads.c. In a build without the trace the ring alone is compiled in here.
#include "holdfast/hf_config.h"
#if !CONFIG_HF_TRACE
#undef CONFIG_HF_TRACE
#define CONFIG_HF_TRACE 1
#include "../../src/runtime/diag/hf_trace.c"
#endif

#include "hf_test.h"
#include "holdfast/hf_trace.h"

#define CAPACITY 4u

static uint32_t storage[HF_TRACE_BYTES(CAPACITY) / 4u];

static void start(hf_trace_t *trace)
{
    const hf_trace_config_t config = {
        .storage = storage, .capacity = CAPACITY, .address_base = 0x1000u};
    memset(storage, 0xA5, sizeof storage);
    CHECK_EQ(hf_trace_init(trace, &config), HF_OK);
}

static void add(hf_trace_t *trace, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i - from < count; i++) { // numbers may wrap
        hf_trace_add(trace, &(hf_trace_event_t){.caller = 0x1000u + i,
                                                .bytes = i * 3u,
                                                .block = i * 5u,
                                                .pool = (uint16_t)(i * 7u),
                                                .kind = (uint8_t)(i % HF_TRACE_KINDS),
                                                .tag = (uint8_t)(i * 11u),
                                                .status = (int8_t) - (int8_t)(i % 24u)});
    }
}

static void expect(hf_trace_t *trace, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i - from < count; i++) {
        hf_trace_entry_t entry;
        CHECK_EQ(hf_trace_get(trace, &entry), HF_OK);
        CHECK_EQ(entry.sequence, i);
        CHECK_EQ(entry.caller, i);
        CHECK_EQ(entry.bytes, i * 3u);
        CHECK_EQ(entry.block, i * 5u);
        CHECK_EQ(entry.pool, (uint16_t)(i * 7u));
        CHECK_EQ(entry.kind, i % HF_TRACE_KINDS);
        CHECK_EQ(entry.tag, (uint8_t)(i * 11u));
        CHECK_EQ(entry.status, -(int)(i % 24u));
        CHECK_EQ(entry.frame_count, 0);
    }
}

static void expect_end(hf_trace_t *trace, int status, uint32_t lost)
{
    hf_trace_entry_t entry;
    CHECK_EQ(hf_trace_get(trace, &entry), status);
    CHECK_EQ(hf_trace_lost(trace), lost);
}

static void trace_wrong_config_is_refused(void)
{
    hf_trace_t trace;
    hf_trace_config_t config = {.storage = storage, .capacity = CAPACITY};
    CHECK_EQ(hf_trace_init(NULL, &config), HF_E_ARGUMENT);
    CHECK_EQ(hf_trace_init(&trace, NULL), HF_E_ARGUMENT);
    for (uint32_t capacity = 0; capacity < 70000u; capacity++) {
        bool good = capacity >= 2u && capacity <= 32768u && (capacity & (capacity - 1u)) == 0;
        config.capacity = capacity;
        if (!good) {
            CHECK_EQ(hf_trace_init(&trace, &config), HF_E_ARGUMENT);
        }
    }
    config.capacity = CAPACITY;
    config.storage = (uint8_t *)storage + 2;
    CHECK_EQ(hf_trace_init(&trace, &config), HF_E_ARGUMENT);
    config.storage = NULL;
    CHECK_EQ(hf_trace_init(&trace, &config), HF_E_ARGUMENT);
}

static void trace_not_full_keeps_order_and_loses_none(void)
{
    hf_trace_t trace;
    start(&trace);
    expect_end(&trace, HF_E_EMPTY, 0);
    for (uint32_t round = 0; round < 10; round++) {
        add(&trace, round * CAPACITY, CAPACITY);
        expect(&trace, round * CAPACITY, CAPACITY);
    }
    expect_end(&trace, HF_E_EMPTY, 0);
    CHECK_EQ(hf_trace_head(&trace), 10u * CAPACITY);
}

static void trace_full_drops_the_oldest_and_counts_them(void)
{
    hf_trace_t trace;
    start(&trace);
    add(&trace, 0, 11);
    expect(&trace, 7, CAPACITY);
    expect_end(&trace, HF_E_EMPTY, 7);
}

static void trace_missing_takes_nothing(void)
{
    hf_trace_add(NULL, &(hf_trace_event_t){.bytes = 1});
    hf_trace_t trace;
    start(&trace);
    expect_end(&trace, HF_E_EMPTY, 0);
}

static void trace_entries_carry_the_clock(void)
{
    hf_trace_t trace;
    hf_trace_entry_t entry;
    start(&trace);
    add(&trace, 0, 1);
    hf_trace_set_clock(&trace, 4000000000u);
    add(&trace, 1, 1);
    CHECK_EQ(hf_trace_read(&trace, 0, &entry), HF_OK);
    CHECK_EQ(entry.time_ms, 0);
    CHECK_EQ(hf_trace_read(&trace, 1, &entry), HF_OK);
    CHECK_EQ(entry.time_ms, 4000000000u);
}

static void trace_read_takes_nothing_and_finds_what_is_there(void)
{
    hf_trace_t trace;
    hf_trace_entry_t entry;
    start(&trace);
    add(&trace, 0, 6);
    CHECK_EQ(hf_trace_read(&trace, 1, &entry), HF_E_NOT_FOUND);
    CHECK_EQ(hf_trace_read(&trace, 6, &entry), HF_E_NOT_FOUND);
    CHECK_EQ(hf_trace_read(&trace, 2, &entry), HF_OK);
    CHECK_EQ(entry.bytes, 6);
    expect(&trace, 2, CAPACITY);
    CHECK_EQ(hf_trace_read(&trace, 5, &entry), HF_OK);
}

static void trace_numbers_wrap(void)
{
    hf_trace_t trace;
    start(&trace);
    uint32_t first = UINT32_MAX - 5u;
    for (uint32_t i = 0; i < CAPACITY; i++) { // as if it had run that far
        uint32_t number = first - CAPACITY + i;
        hf_atomic_u32_t *slot = &trace.slots[(number & trace.mask) * HF_TRACE_SLOT_WORDS];
        atomic_store(&slot[0], number * 2u + 2u);
        atomic_store(&slot[1], number * 2u + 2u);
    }
    atomic_store(&trace.head, first);
    atomic_store(&trace.tail, first);
    for (uint32_t i = 0; i < 12u; i += 3u) {
        add(&trace, first + i, 3);
        expect(&trace, first + i, 3);
    }
    add(&trace, first + 12u, 9);
    expect(&trace, first + 17u, CAPACITY);
    expect_end(&trace, HF_E_EMPTY, 5);
}

/// A writer that was interrupted: it has drawn a number, or (`has_slot`) taken the slot as well.
static uint32_t interrupted_writer(hf_trace_t *trace, bool has_slot)
{
    uint32_t number = atomic_fetch_add(&trace->head, 1u);
    if (has_slot) {
        atomic_store(&trace->slots[(number & trace->mask) * HF_TRACE_SLOT_WORDS], number * 2u + 1u);
    }
    return number;
}

static void trace_entry_in_the_making_is_awaited_not_lost(void)
{
    for (unsigned has_slot = 0; has_slot < 2; has_slot++) {
        hf_trace_t trace;
        hf_trace_entry_t entry;
        start(&trace);
        add(&trace, 0, 1);
        uint32_t number = interrupted_writer(&trace, has_slot != 0);
        add(&trace, 2, 1);
        expect(&trace, 0, 1);
        expect_end(&trace, HF_E_AGAIN, 0);
        CHECK_EQ(hf_trace_read(&trace, number, &entry), HF_E_AGAIN);
        // It goes on and ends.
        atomic_store(&trace.slots[number * HF_TRACE_SLOT_WORDS], number * 2u + 2u);
        CHECK_EQ(hf_trace_get(&trace, &entry), HF_OK);
        CHECK_EQ(entry.sequence, number);
        expect(&trace, 2, 1);
        expect_end(&trace, HF_E_EMPTY, 0);
    }
}

static void trace_lapped_writer_keeps_its_slot_and_the_later_entry_is_counted(void)
{
    hf_trace_t trace;
    start(&trace);
    uint32_t slow = interrupted_writer(&trace, true);
    add(&trace, 1, CAPACITY + 1u); // entry 4 finds the slot of 0 taken and is given up
    expect(&trace, 2, 2);
    expect(&trace, 5, 1);
    expect_end(&trace, HF_E_EMPTY, 3); // 0 and 1 were lapped, 4 was given up
    atomic_store(&trace.slots[slow * HF_TRACE_SLOT_WORDS], slow * 2u + 2u);
    expect_end(&trace, HF_E_EMPTY, 3);
    add(&trace, 6, 3); // 8 uses the slot again
    expect(&trace, 6, 3);
    expect_end(&trace, HF_E_EMPTY, 3);
}

static void trace_delivered_and_lost_is_what_was_drawn(void)
{
    hf_trace_t trace;
    hf_trace_entry_t entry;
    uint32_t random = 1, delivered = 0, last = 0, stuck[2] = {0};
    unsigned stuck_count = 0;
    start(&trace);
    for (uint32_t step = 0; step < 20000u; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t number = hf_trace_head(&trace);
        if (random >> 28 == 0 && stuck_count < 2 &&
            (atomic_load(&trace.slots[(number & trace.mask) * HF_TRACE_SLOT_WORDS]) & 1u) == 0) {
            stuck[stuck_count++] = interrupted_writer(&trace, true);
        } else if (random >> 28 == 1 && stuck_count > 0) {
            stuck_count--;
            atomic_store(&trace.slots[(stuck[stuck_count] & trace.mask) * HF_TRACE_SLOT_WORDS],
                         stuck[stuck_count] * 2u + 2u);
        } else if (random >> 31 != 0) {
            add(&trace, number, 1);
        } else if (hf_trace_get(&trace, &entry) == HF_OK) {
            CHECK(delivered == 0 || entry.sequence > last);
            last = entry.sequence;
            delivered++;
        }
    }
    while (hf_trace_get(&trace, &entry) == HF_OK) {
        delivered++;
    }
    uint32_t waiting = hf_trace_head(&trace) - atomic_load(&trace.tail);
    CHECK(waiting <= CAPACITY);
    CHECK(stuck_count > 0 || waiting == 0);
    CHECK_EQ(delivered + hf_trace_lost(&trace) + waiting, hf_trace_head(&trace));
    CHECK(delivered > 4000u && hf_trace_lost(&trace) > 10u);
}

HF_TEST_MAIN(HF_TEST(trace_wrong_config_is_refused),
             HF_TEST(trace_not_full_keeps_order_and_loses_none),
             HF_TEST(trace_full_drops_the_oldest_and_counts_them),
             HF_TEST(trace_missing_takes_nothing), HF_TEST(trace_entries_carry_the_clock),
             HF_TEST(trace_read_takes_nothing_and_finds_what_is_there), HF_TEST(trace_numbers_wrap),
             HF_TEST(trace_entry_in_the_making_is_awaited_not_lost),
             HF_TEST(trace_lapped_writer_keeps_its_slot_and_the_later_entry_is_counted),
             HF_TEST(trace_delivered_and_lost_is_what_was_drawn))
