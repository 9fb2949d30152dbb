// SPDX-License-Identifier: MIT
// Each line of the journal's contract, on flash in memory.
#include "hf_test.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES 1024u
#define SEGMENTS      3u

typedef struct fixture {
    uint8_t memory[SEGMENT_BYTES * SEGMENTS];
    hf_flash_ram_t ram;
    hf_flash_t flash;
    hf_journal_t journal;
    model_t model;
} fixture_t;

static fixture_t f;

static void set_up(uint32_t segments, uint32_t program_bytes)
{
    memset(&f, 0, sizeof f);
    hf_flash_ram_config_t config = {.memory = f.memory,
                                    .segment_bytes = SEGMENT_BYTES,
                                    .segment_count = segments,
                                    .program_bytes = program_bytes};
    CHECK_EQ(hf_flash_ram_init(&f.ram, &config), HF_OK);
    f.flash = hf_flash_ram_seam(&f.ram);
}

static int open_again(void)
{
    memset(&f.model, 0, sizeof f.model);
    hf_journal_owner_t owner = model_owner(&f.model);
    return hf_journal_open(&f.journal, &f.flash, &owner);
}

static void settle(void)
{
    for (int i = 0; i < 100; i++) {
        (void)hf_journal_poll(&f.journal);
    }
}

static void journal_blank_flash_is_formatted(void)
{
    set_up(2, 4);
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(f.journal.generation, 1);
    CHECK_EQ(hf_journal_appended(&f.journal), 0);
    CHECK(hf_journal_free_bytes(&f.journal) > 900);
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(f.journal.generation, 1);
    CHECK_EQ(f.ram.overwrites, 0);
}

static void journal_records_come_back_in_order(void)
{
    for (uint32_t unit = 1; unit <= 16; unit *= 2) {
        set_up(2, unit);
        REQUIRE(open_again() == HF_OK);
        CHECK_EQ(model_set(&f.model, &f.journal, 3, 7), HF_OK);
        CHECK_EQ(model_set(&f.model, &f.journal, 3, 8), HF_OK);
        CHECK_EQ(model_count(&f.model, &f.journal), HF_OK);
        REQUIRE(open_again() == HF_OK);
        CHECK_EQ(f.model.state.slot[3], 8);
        CHECK_EQ(f.model.state.count, 1);
        CHECK_EQ(f.journal.needs_compaction, false);
        CHECK_EQ(f.ram.overwrites, 0);
        CHECK_EQ(f.ram.misuses, 0);
    }
}

static void journal_bad_geometry_is_refused(void)
{
    set_up(2, 4);
    hf_journal_owner_t owner = model_owner(&f.model);
    hf_flash_t bad[] = {f.flash, f.flash, f.flash, f.flash, f.flash};
    bad[0].segment_count = 1;
    bad[1].segment_bytes = 512;
    bad[2].program_bytes = 3;
    bad[3].program_bytes = 32;
    bad[4].segment_bytes = (1u << 24) + 4u;
    for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
        CHECK_EQ(hf_journal_open(&f.journal, &bad[i], &owner), HF_E_ARGUMENT);
        CHECK(hf_journal_append(&f.journal, 1, 1, "x", 1) < 0);
    }
    REQUIRE(open_again() == HF_OK);
    f.flash.program_bytes = 8; // not what it was formatted with
    CHECK_EQ(open_again(), HF_E_ARGUMENT);
}

static void journal_reserved_types_and_long_records_are_refused(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    static const uint8_t big[HF_JOURNAL_RECORD_BYTES_MAX + 1u];
    CHECK_EQ(hf_journal_append(&f.journal, 0, 1, "x", 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_journal_append(&f.journal, 255, 1, "x", 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_journal_append(&f.journal, 1, 1, big, sizeof big), HF_E_ARGUMENT);
    CHECK_EQ(hf_journal_append(&f.journal, 1, 1, NULL, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_journal_appended(&f.journal), 0);
}

static void journal_sync_confirms_in_groups(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    settle();
    f.ram.sync_polls = 3;
    uint32_t syncs = f.ram.syncs;
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(model_set(&f.model, &f.journal, 1, i + 1), HF_OK);
    }
    CHECK_EQ(hf_journal_durable(&f.journal), 0);
    CHECK_EQ(hf_journal_poll(&f.journal), HF_OK); // starts
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 9), HF_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hf_journal_poll(&f.journal), HF_OK);
        CHECK_EQ(hf_journal_durable(&f.journal), 0);
    }
    CHECK_EQ(hf_journal_poll(&f.journal), HF_OK);
    CHECK_EQ(hf_journal_durable(&f.journal), 5); // not the sixth: it came after the start
    settle();
    CHECK_EQ(hf_journal_durable(&f.journal), 6);
    CHECK_EQ(f.ram.syncs - syncs, 2);
}

static void journal_full_segment_is_compacted(void)
{
    set_up(3, 8);
    REQUIRE(open_again() == HF_OK);
    for (uint32_t i = 1; i <= 1000; i++) {
        CHECK_EQ(model_set(&f.model, &f.journal, (uint8_t)(i % MODEL_SLOTS), i), HF_OK);
        (void)hf_journal_poll(&f.journal);
    }
    CHECK(f.journal.compactions > 10);
    CHECK_EQ(hf_journal_appended(&f.journal), 1000);
    model_state_t state = f.model.state;
    uint32_t erase_count = f.journal.erase_count;
    CHECK(erase_count >= f.journal.compactions / 3u);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(memcmp(&state, &f.model.state, sizeof state), 0);
    CHECK_EQ(f.journal.erase_count, erase_count);
    CHECK_EQ(f.ram.overwrites, 0);
}

static void journal_erase_waits_until_current_segment_is_durable(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    f.ram.sync_polls = 5;
    for (uint32_t i = 1; i <= 300; i++) { // never polled by the owner
        CHECK_EQ(model_set(&f.model, &f.journal, (uint8_t)(i % MODEL_SLOTS), i), HF_OK);
    }
    CHECK(f.journal.compactions >= 2);
    CHECK(f.ram.syncs >= f.journal.compactions);
}

static void journal_sync_from_before_a_compaction_does_not_cover_it(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    settle();
    f.ram.sync_polls = 2;
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 1), HF_OK);
    CHECK_EQ(hf_journal_poll(&f.journal), HF_OK); // starts
    while (f.journal.compactions == 0) {
        CHECK_EQ(model_set(&f.model, &f.journal, 1, 2), HF_OK);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(!f.journal.commit_durable);
        CHECK_EQ(hf_journal_poll(&f.journal), HF_OK); // ends, and the next one starts
    }
    CHECK_EQ(hf_journal_durable(&f.journal), 1);
    CHECK(!f.journal.commit_durable);
    settle();
    CHECK(f.journal.commit_durable);
}

static void journal_unknown_types_survive_compaction(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(hf_journal_append(&f.journal, MODEL_FOREIGN, 9, "from the future", 15), HF_OK);
    CHECK_EQ(hf_journal_append(&f.journal, MODEL_FOREIGN + 1, 9, NULL, 0), HF_OK);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.foreign_count, 2);
    uint32_t hash = f.model.foreign_hash;
    for (uint32_t i = 1; i <= 500; i++) {
        CHECK_EQ(model_count(&f.model, &f.journal), HF_OK);
        (void)hf_journal_poll(&f.journal);
    }
    CHECK(f.journal.compactions > 3);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.foreign_count, 2);
    CHECK_EQ(f.model.foreign_hash, hash);
    CHECK_EQ(f.model.state.count, 500);
}

static void journal_torn_tail_is_never_programmed_over(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 11), HF_OK);
    f.ram.cut_at = f.ram.steps + 6;
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 12), HF_E_IO);
    hf_flash_ram_power_on(&f.ram);
    REQUIRE(open_again() == HF_OK);
    CHECK(f.journal.needs_compaction);
    CHECK_EQ(f.journal.torn_tails, 1);
    CHECK_EQ(hf_journal_free_bytes(&f.journal), 0);
    CHECK_EQ(f.model.state.slot[1], 11);
    CHECK_EQ(model_set(&f.model, &f.journal, 2, 13), HF_OK);
    CHECK_EQ(f.journal.compactions, 1);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.state.slot[1], 11);
    CHECK_EQ(f.model.state.slot[2], 13);
    CHECK(!f.journal.needs_compaction);
    CHECK_EQ(f.ram.overwrites, 0);
}

static void journal_without_room_is_full_and_does_not_wear(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    for (uint8_t i = 0; i < MODEL_SLOTS; i++) {
        CHECK_EQ(model_set(&f.model, &f.journal, i, i + 1u), HF_OK);
    }
    f.model.dump_padding = 60; // the dump needs more than a segment
    int status = HF_OK;
    for (uint32_t i = 0; i < 100 && status == HF_OK; i++) {
        status = model_set(&f.model, &f.journal, 1, i + 1u);
    }
    CHECK_EQ(status, HF_E_FULL);
    uint32_t erases = f.ram.erases;
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 5), HF_E_FULL);
    CHECK_EQ(f.ram.erases, erases);
    model_state_t state = f.model.state;
    REQUIRE(open_again() == HF_OK); // the old segment stayed current
    CHECK_EQ(memcmp(&state, &f.model.state, sizeof state), 0);
}

static void journal_mark_in_a_full_segment_brings_no_compaction(void)
{
    static const uint8_t big[200] = {1};
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    for (uint8_t i = 0; i < MODEL_SLOTS; i++) {
        CHECK_EQ(model_set(&f.model, &f.journal, i, i + 1u), HF_OK);
    }
    f.model.dump_padding = 33; // leaves room, but not for the big one
    int status = HF_OK;
    while (status == HF_OK) {
        status = hf_journal_append(&f.journal, MODEL_SET, 1, big, sizeof big);
    }
    CHECK_EQ(status, HF_E_FULL);
    uint32_t erases = f.ram.erases;
    for (unsigned round = 0; round < 3; round++) {
        settle(); // marked now
        CHECK_EQ(hf_journal_append(&f.journal, MODEL_SET, 1, big, sizeof big), HF_E_FULL);
        CHECK_EQ(f.ram.erases, erases);
    }
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 7), HF_OK); // a small one has room
}

static void journal_dump_that_fails_keeps_the_old_segment(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    f.model.dump_error = HF_E_STATE;
    int status = HF_OK;
    uint32_t count = 0;
    while ((status = model_set(&f.model, &f.journal, 1, count + 1)) == HF_OK) {
        count++;
    }
    CHECK_EQ(status, HF_E_STATE);
    CHECK_EQ(f.journal.generation, 1);
    f.model.dump_error = 0;
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 1000), HF_OK);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.state.slot[1], 1000);
}

static void journal_replay_error_stops_the_opening(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 1), HF_OK);
    model_t refusing = {.replay_error = HF_E_UNSUPPORTED};
    hf_journal_owner_t owner = model_owner(&refusing);
    CHECK_EQ(hf_journal_open(&f.journal, &f.flash, &owner), HF_E_UNSUPPORTED);
    CHECK(hf_journal_append(&f.journal, 1, 1, "x", 1) < 0);
    CHECK(hf_journal_poll(&f.journal) < 0);
}

static void journal_unreadable_flash_is_corrupt_and_not_formatted(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 1), HF_OK);
    f.memory[9] ^= 3u; // in the header
    uint32_t programs = f.ram.programs, erases = f.ram.erases;
    CHECK_EQ(open_again(), HF_E_CORRUPT);
    CHECK_EQ(f.ram.programs, programs);
    CHECK_EQ(f.ram.erases, erases);
}

static void journal_bit_turned_in_the_header_is_turned_back(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 7), HF_OK);
    for (uint32_t bit = 0; bit < 32u * 8u; bit++) {
        f.memory[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        REQUIRE(open_again() == HF_OK);
        CHECK_EQ(f.model.state.slot[1], 7);
        CHECK_EQ(f.journal.generation, 1);
        f.memory[bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
    }
}

static void journal_newest_segment_counts_without_its_header(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    for (uint32_t i = 1; f.journal.compactions < 2; i++) {
        CHECK_EQ(model_set(&f.model, &f.journal, 1, i), HF_OK);
        settle();
    }
    model_state_t state = f.model.state;
    CHECK_EQ(f.journal.segment, 0);
    memset(f.memory, 0, 32);
    REQUIRE(open_again() == HF_OK); // not what the other segment holds, which is older
    CHECK_EQ(memcmp(&state, &f.model.state, sizeof state), 0);
    CHECK_EQ(f.journal.generation, 3);
    CHECK_EQ(f.journal.holes, 1);
    CHECK_EQ(model_count(&f.model, &f.journal), HF_OK); // a sound segment is written
    CHECK_EQ(f.journal.generation, 4);
    memset(f.memory, 0, 32);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.state.count, 1);
    CHECK_EQ(f.journal.holes, 0);
}

static void journal_other_format_is_refused(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    f.memory[4] = 2;
    uint32_t crc = hf_crc32c(0, f.memory, 28);
    for (unsigned i = 0; i < 4; i++) {
        f.memory[28 + i] = (uint8_t)(crc >> (8 * i));
    }
    CHECK_EQ(open_again(), HF_E_UNSUPPORTED);
}

static void journal_damaged_record_ends_the_replay_before_it(void)
{
    set_up(2, 4);
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 1), HF_OK);
    uint32_t at = f.journal.offset;
    CHECK_EQ(model_set(&f.model, &f.journal, 1, 2), HF_OK);
    for (uint32_t bit = 0; bit < 13u * 8u; bit++) {
        f.memory[at + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        REQUIRE(open_again() == HF_OK);
        CHECK_EQ(f.model.state.slot[1], 1);
        CHECK(f.journal.needs_compaction);
        f.memory[at + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
    }
}

static void journal_longest_record_fits(void)
{
    static uint8_t memory[2u * 4096u];
    set_up(2, 16);
    f.flash.segment_bytes = 4096;
    hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = 4096, .segment_count = 2, .program_bytes = 16};
    REQUIRE(hf_flash_ram_init(&f.ram, &config) == HF_OK);
    f.flash = hf_flash_ram_seam(&f.ram);
    REQUIRE(open_again() == HF_OK);
    for (uint32_t padding = HF_JOURNAL_RECORD_BYTES_MAX - 5u - 20u;
         padding <= HF_JOURNAL_RECORD_BYTES_MAX - 5u; padding++) {
        CHECK_EQ(model_append_set(&f.journal, 4, padding, padding), HF_OK);
        f.model.state.slot[4] = padding;
        (void)hf_journal_poll(&f.journal);
    }
    REQUIRE(open_again() == HF_OK);
    CHECK_EQ(f.model.state.slot[4], HF_JOURNAL_RECORD_BYTES_MAX - 5u);
    CHECK_EQ(f.ram.overwrites, 0);
    CHECK_EQ(f.ram.misuses, 0);
}

HF_TEST_MAIN(HF_TEST(journal_blank_flash_is_formatted), HF_TEST(journal_records_come_back_in_order),
             HF_TEST(journal_bad_geometry_is_refused),
             HF_TEST(journal_reserved_types_and_long_records_are_refused),
             HF_TEST(journal_sync_confirms_in_groups), HF_TEST(journal_full_segment_is_compacted),
             HF_TEST(journal_erase_waits_until_current_segment_is_durable),
             HF_TEST(journal_sync_from_before_a_compaction_does_not_cover_it),
             HF_TEST(journal_unknown_types_survive_compaction),
             HF_TEST(journal_torn_tail_is_never_programmed_over),
             HF_TEST(journal_without_room_is_full_and_does_not_wear),
             HF_TEST(journal_mark_in_a_full_segment_brings_no_compaction),
             HF_TEST(journal_dump_that_fails_keeps_the_old_segment),
             HF_TEST(journal_replay_error_stops_the_opening),
             HF_TEST(journal_unreadable_flash_is_corrupt_and_not_formatted),
             HF_TEST(journal_bit_turned_in_the_header_is_turned_back),
             HF_TEST(journal_newest_segment_counts_without_its_header),
             HF_TEST(journal_other_format_is_refused),
             HF_TEST(journal_damaged_record_ends_the_replay_before_it),
             HF_TEST(journal_longest_record_fits))
