// SPDX-License-Identifier: MIT
// One seeded scenario, power cut at every step of it, and an error from every operation of it. A failure prints the
// variant and the step: the scenario is the same each time, so that is all a replay needs.
#include "hf_test.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES 1024u
#define SEGMENTS_MAX  3u
#define APPENDS       320u

typedef struct variant {
    const char *name;
    uint32_t segments, program_bytes, sync_polls;
    bool garbage, cached; // cached: unsynced pages are lost by chance
} variant_t;

typedef struct world {
    uint8_t memory[SEGMENT_BYTES * SEGMENTS_MAX], durable_memory[SEGMENT_BYTES * SEGMENTS_MAX];
    hf_flash_ram_t ram;
    hf_flash_t flash;
    hf_journal_t journal;
    model_t model;
    model_state_t history[APPENDS + 1]; // after so many records
    uint32_t appended, durable;         // what the journal has said before the cut
} world_t;

static world_t w;
static uint32_t foreign_hash;

static int open_world(void)
{
    memset(&w.model, 0, sizeof w.model);
    hf_journal_owner_t owner = model_owner(&w.model);
    return hf_journal_open(&w.journal, &w.flash, &owner);
}

/// A flash that holds two records of a later firmware, durable.
static void set_up(const variant_t *variant, uint32_t seed)
{
    hf_flash_ram_config_t config = {.memory = w.memory,
                                    .durable = variant->cached ? w.durable_memory : NULL,
                                    .segment_bytes = SEGMENT_BYTES,
                                    .segment_count = variant->segments,
                                    .program_bytes = variant->program_bytes};
    CHECK_EQ(hf_flash_ram_init(&w.ram, &config), HF_OK);
    w.flash = hf_flash_ram_seam(&w.ram);
    CHECK_EQ(open_world(), HF_OK);
    CHECK_EQ(hf_journal_append(&w.journal, MODEL_FOREIGN, 3, "kept as it is", 13), HF_OK);
    CHECK_EQ(hf_journal_append(&w.journal, MODEL_FOREIGN, 3, NULL, 0), HF_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hf_journal_poll(&w.journal), HF_OK);
    }
    hf_flash_ram_power_on(&w.ram);
    w.ram.sync_polls = variant->sync_polls;
    w.ram.cut_garbage = variant->garbage;
    w.ram.seed = seed;
    w.appended = 0;
    w.durable = 0;
}

/// The scenario, up to its end or the first failure. Returns the status of what failed.
static int run(void)
{
    uint32_t seed = 0xC0FFEE11u;
    int status = open_world();
    if (status < 0) {
        return status;
    }
    foreign_hash = w.model.foreign_hash;
    w.history[0] = w.model.state;
    while (w.appended < APPENDS) {
        model_state_t after = w.model.state;
        uint32_t dice = model_random(&seed);
        uint8_t slot = (uint8_t)(dice >> 8 & 15u);
        if (dice % 5u == 0) {
            after.count++;
            w.history[w.appended + 1] = after;
            status = model_count(&w.model, &w.journal);
        } else {
            after.slot[slot] = dice;
            w.history[w.appended + 1] = after;
            status = model_set(&w.model, &w.journal, slot, dice);
        }
        if (status < 0) {
            return status;
        }
        w.appended++;
        status = dice % 3u == 0 ? HF_OK : hf_journal_poll(&w.journal);
        w.durable = (uint32_t)hf_journal_durable(&w.journal);
        if (status < 0) {
            return status;
        }
    }
    return HF_OK;
}

static bool is_in_history(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to && i <= APPENDS; i++) {
        if (memcmp(&w.history[i], &w.model.state, sizeof w.model.state) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_good_after_remount(uint32_t from, uint32_t to)
{
    hf_flash_ram_power_on(&w.ram);
    if (open_world() != HF_OK || w.model.foreign_count != 2 ||
        w.model.foreign_hash != foreign_hash || !is_in_history(from, to)) {
        return false;
    }
    // It goes on living: more records, another remount.
    for (uint32_t i = 0; i < 60; i++) {
        if (model_set(&w.model, &w.journal, 5, i + 1u) != HF_OK ||
            hf_journal_poll(&w.journal) != HF_OK) {
            return false;
        }
    }
    model_state_t state = w.model.state;
    return open_world() == HF_OK && memcmp(&state, &w.model.state, sizeof state) == 0 &&
           w.model.foreign_count == 2 && w.ram.overwrites == 0 && w.ram.misuses == 0;
}

static void cut_everywhere(const variant_t *variant)
{
    set_up(variant, 1);
    CHECK_EQ(run(), HF_OK);
    uint64_t steps = w.ram.steps;
    CHECK(w.journal.compactions >= 3);
    CHECK(w.durable > APPENDS / 2u);
    for (uint64_t cut = 0; cut < steps; cut++) {
        set_up(variant, (uint32_t)cut + 1u);
        w.ram.cut_at = cut;
        CHECK(run() < 0);
        // Without a cache each record is there when its append has returned; else from the durable one on.
        uint32_t from = variant->cached ? w.durable : w.appended;
        if (!is_good_after_remount(from, w.appended + 1u)) {
            HF_TEST_FAIL("replay: journal_power_cut.%s:1:%llu", variant->name,
                         (unsigned long long)cut);
            return;
        }
    }
}

static void journal_power_cut_at_any_byte_leaves_before_or_after(void)
{
    static const variant_t variants[] = {
        {"two_by_1", 2, 1, 0, false, false},
        {"two_by_8", 2, 8, 2, false, false},
        {"three_by_16", 3, 16, 0, false, false},
    };
    for (size_t i = 0; i < HF_COUNT_OF(variants); i++) {
        cut_everywhere(&variants[i]);
    }
}

static void journal_power_cut_with_garbage_leaves_before_or_after(void)
{
    static const variant_t variants[] = {
        {"garbage_two_by_4", 2, 4, 0, true, false},
        {"garbage_three_by_1", 3, 1, 3, true, false},
    };
    for (size_t i = 0; i < HF_COUNT_OF(variants); i++) {
        cut_everywhere(&variants[i]);
    }
}

static void journal_power_cut_losing_unsynced_pages_keeps_the_durable(void)
{
    static const variant_t variants[] = {
        {"cached_two_by_1", 2, 1, 0, false, true},
        {"cached_two_slow", 2, 4, 7, true, true},
        {"cached_three", 3, 8, 1, false, true},
    };
    for (size_t i = 0; i < HF_COUNT_OF(variants); i++) {
        cut_everywhere(&variants[i]);
    }
}

static void journal_power_cut_while_formatting_formats_again(void)
{
    for (uint64_t cut = 0; cut < 50; cut++) {
        hf_flash_ram_config_t config = {.memory = w.memory,
                                        .segment_bytes = SEGMENT_BYTES,
                                        .segment_count = 2,
                                        .program_bytes = 4};
        CHECK_EQ(hf_flash_ram_init(&w.ram, &config), HF_OK);
        w.flash = hf_flash_ram_seam(&w.ram);
        w.ram.cut_at = cut;
        w.ram.cut_garbage = cut % 2u == 1u;
        (void)open_world();
        hf_flash_ram_power_on(&w.ram);
        CHECK_EQ(open_world(), HF_OK);
        CHECK_EQ(model_count(&w.model, &w.journal), HF_OK);
        CHECK_EQ(open_world(), HF_OK);
        CHECK_EQ(w.model.state.count, 1);
    }
}

static void fail_everywhere(uint32_t *fail_at, const char *name)
{
    static const variant_t variant = {"errors", 2, 4, 1, false, false};
    for (uint32_t n = 1; n < 10000; n++) {
        set_up(&variant, 1);
        w.ram.programs = w.ram.erases = w.ram.syncs = 0;
        *fail_at = n;
        int status = run();
        if (status == HF_OK) {
            CHECK(n > 3);
            return;
        }
        CHECK_EQ(status, HF_E_IO);
        uint64_t durable = hf_journal_durable(&w.journal);
        for (int i = 0; i < 5; i++) { // the medium works again; the journal must not
            CHECK_EQ(hf_journal_append(&w.journal, 1, 1, "12345", 5), HF_E_IO);
            CHECK_EQ(hf_journal_poll(&w.journal), HF_E_IO);
        }
        CHECK_EQ(hf_journal_durable(&w.journal), durable);
        if (!is_good_after_remount(w.appended, w.appended + 1u)) {
            HF_TEST_FAIL("replay: journal_error.%s:1:%u", name, n);
            return;
        }
    }
}

static void journal_error_of_any_operation_is_final(void)
{
    fail_everywhere(&w.ram.fail_program_at, "program");
    fail_everywhere(&w.ram.fail_erase_at, "erase");
    fail_everywhere(&w.ram.fail_sync_at, "sync");
}

HF_TEST_MAIN(HF_TEST(journal_power_cut_at_any_byte_leaves_before_or_after),
             HF_TEST(journal_power_cut_with_garbage_leaves_before_or_after),
             HF_TEST(journal_power_cut_losing_unsynced_pages_keeps_the_durable),
             HF_TEST(journal_power_cut_while_formatting_formats_again),
             HF_TEST(journal_error_of_any_operation_is_final))
