// SPDX-License-Identifier: MIT
// The journal read back by position: over reboots, compactions, abandoned compactions, inside a dump; and what it tells of
// records behind damage.
#include "hf_flash_ram.h"
#include "hf_test.h"
#include "holdfast/hf_journal.h"

#include <string.h>

#define SEGMENT_BYTES 2048u
#define ITEMS         24u

/// The owner: numbered items, each of its own length, replaced whole; it keeps positions alone.
typedef struct items {
    hf_journal_t journal;
    uint32_t position[ITEMS];
    uint32_t revision[ITEMS];
    uint32_t moves, dump_fails_at;
    bool wrong;
} items_t;

static uint8_t memory[2u * SEGMENT_BYTES];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static items_t items;

static uint32_t length_of(uint32_t item)
{
    return 5u + item;
}

static void make(uint8_t *data, uint32_t item, uint32_t revision)
{
    memset(data, (int)(item ^ revision), length_of(item));
    data[0] = (uint8_t)item;
    memcpy(&data[1], &revision, 4);
}

static int replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length)
{
    items_t *self = ctx;
    const uint8_t *bytes = data;
    (void)type, (void)version, (void)length;
    self->position[bytes[0]] = hf_journal_position(&self->journal);
    memcpy(&self->revision[bytes[0]], &bytes[1], 4);
    return 1;
}

/// Reads an item; a wrong answer shows at the end of the test.
static void check_item(items_t *self, uint32_t item)
{
    uint8_t data[64], expected[64];
    hf_journal_record_t record;
    make(expected, item, self->revision[item]);
    int status = hf_journal_read(&self->journal, self->position[item], &record, data, sizeof data);
    self->wrong = self->wrong || status != HF_OK || record.type != 9 || record.version != 3 ||
                  record.length != length_of(item) || memcmp(data, expected, record.length) != 0;
}

static int dump(void *ctx, hf_journal_t *journal)
{
    items_t *self = ctx;
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint8_t data[64];
        hf_journal_record_t record;
        if (self->position[i] == 0) {
            continue;
        }
        if (i == self->dump_fails_at) {
            return HF_E_TIMEOUT;
        }
        check_item(self, i); // the old segment is still readable
        int status = hf_journal_read(journal, self->position[i], &record, data, sizeof data);
        status = status < 0
                     ? status
                     : hf_journal_append(journal, record.type, record.version, data, record.length);
        if (status < 0) {
            return status;
        }
    }
    return HF_OK;
}

static void moved(void *ctx, uint32_t position, const hf_journal_record_t *record, const void *data)
{
    items_t *self = ctx;
    const uint8_t *bytes = data;
    self->wrong = self->wrong || record->length != length_of(bytes[0]);
    self->position[bytes[0]] = position;
    self->moves++;
}

static const hf_journal_owner_t owner = {
    .ctx = &items, .replay = replay, .dump = dump, .moved = moved};

static int open_again(void)
{
    memset(&items, 0, sizeof items);
    items.dump_fails_at = ITEMS;
    return hf_journal_open(&items.journal, &flash, &owner);
}

static void set_up(void)
{
    const hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = SEGMENT_BYTES, .segment_count = 2, .program_bytes = 8};
    CHECK_EQ(hf_flash_ram_init(&ram, &config), HF_OK);
    flash = hf_flash_ram_seam(&ram);
    CHECK_EQ(open_again(), HF_OK);
}

static int set(uint32_t item, uint32_t revision)
{
    uint8_t data[64];
    make(data, item, revision);
    int status = hf_journal_append(&items.journal, 9, 3, data, length_of(item));
    if (status >= 0) {
        items.position[item] = hf_journal_position(&items.journal);
        items.revision[item] = revision;
    }
    return status;
}

static void check_all(void)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (items.position[i] != 0) {
            check_item(&items, i);
        }
    }
    CHECK(!items.wrong);
}

static void settle(void)
{
    for (unsigned i = 0; i < 4u + ram.sync_polls; i++) {
        CHECK_EQ(hf_journal_poll(&items.journal), HF_OK);
    }
}

static void journal_read_gives_every_record_back(void)
{
    set_up();
    for (uint32_t i = 1; i <= 500; i++) {
        CHECK_EQ(set(i * 7u % ITEMS, i), HF_OK);
        check_all();
        settle();
    }
    CHECK(items.journal.compactions > 5);
    CHECK_EQ(items.moves, items.journal.compactions * ITEMS);
    CHECK_EQ(open_again(), HF_OK);
    check_all();
    CHECK_EQ(items.revision[500u * 7u % ITEMS], 500);
}

static void journal_read_of_no_record_is_refused(void)
{
    uint8_t data[64];
    hf_journal_record_t record;
    set_up();
    CHECK_EQ(set(3, 1), HF_OK);
    uint32_t at = items.position[3];
    CHECK_EQ(hf_journal_read(&items.journal, 0, &record, data, sizeof data), HF_E_CORRUPT);
    CHECK_EQ(hf_journal_read(&items.journal, at + 8u, &record, data, sizeof data), HF_E_CORRUPT);
    CHECK_EQ(hf_journal_read(&items.journal, SEGMENT_BYTES, &record, data, sizeof data),
             HF_E_CORRUPT);
    CHECK_EQ(hf_journal_read(&items.journal, UINT32_MAX, &record, data, sizeof data), HF_E_CORRUPT);
    CHECK_EQ(hf_journal_read(&items.journal, at, &record, data, 7), HF_E_TOO_LONG);
    CHECK_EQ(record.length, 8);
    for (uint32_t bit = 0; bit < 16u * 8u; bit++) { // head and data; no bit may be wrong
        memory[at + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        CHECK_EQ(hf_journal_read(&items.journal, at, &record, data, sizeof data), HF_E_CORRUPT);
        memory[at + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
    }
    CHECK_EQ(hf_journal_read(&items.journal, at, &record, data, sizeof data), HF_OK);
}

static void journal_abandoned_compaction_leaves_the_positions(void)
{
    set_up();
    for (uint32_t i = 0; i < ITEMS; i++) {
        CHECK_EQ(set(i, i), HF_OK);
        settle();
    }
    items.dump_fails_at = 20;
    uint32_t failed = 0;
    for (uint32_t i = 0; i < 100; i++) {
        int status = set(i % ITEMS, 100u + i);
        CHECK(status == HF_OK || status == HF_E_TIMEOUT);
        failed += status < 0 ? 1u : 0u;
        check_all();
        settle();
    }
    CHECK(failed > 10);
    CHECK_EQ(items.moves, 0);
    items.dump_fails_at = ITEMS;
    CHECK_EQ(set(0, 999), HF_OK);
    CHECK_EQ(items.moves, ITEMS);
    check_all();
}

static void journal_position_is_durable_after_its_sync(void)
{
    set_up();
    settle();
    ram.sync_polls = 3;
    CHECK_EQ(set(1, 1), HF_OK);
    uint32_t first = items.position[1];
    CHECK(!hf_journal_is_durable(&items.journal, first));
    CHECK_EQ(hf_journal_poll(&items.journal), HF_OK); // the sync begins
    CHECK_EQ(set(2, 1), HF_OK);
    for (unsigned i = 0; i < 5 && !hf_journal_is_durable(&items.journal, first); i++) {
        CHECK_EQ(hf_journal_poll(&items.journal), HF_OK);
    }
    CHECK(hf_journal_is_durable(&items.journal, first));
    CHECK(!hf_journal_is_durable(&items.journal, items.position[2])); // came after its beginning
    settle();
    CHECK(hf_journal_is_durable(&items.journal, items.position[2]));
    while (items.journal.compactions ==
           0) { // what was durable stays so, what was not does not become it
        settle();
        CHECK_EQ(set(3, 7), HF_OK);
    }
    CHECK(hf_journal_is_durable(&items.journal, items.position[1]));
    CHECK(hf_journal_is_durable(&items.journal, items.position[2]));
    CHECK(!hf_journal_is_durable(&items.journal, items.position[3]));
}

static void journal_compaction_makes_nothing_durable(void)
{
    for (uint32_t running = 0; running < 2;
         running++) { // without and with a sync that began before
        set_up();
        for (uint32_t i = 1; i < ITEMS; i++) {
            CHECK_EQ(set(i, i), HF_OK);
        }
        settle();
        ram.sync_polls = 40;
        CHECK_EQ(set(1, 100), HF_OK);
        if (running == 1) {
            CHECK_EQ(hf_journal_poll(&items.journal), HF_OK);
        }
        while (items.journal.compactions == 0) { // what comes now no sync covers
            CHECK_EQ(set(2, 200), HF_OK);
        }
        uint64_t appended = hf_journal_appended(&items.journal);
        bool was_early = false;
        for (unsigned i = 0; i < 200 && hf_journal_durable(&items.journal) < appended; i++) {
            was_early = was_early || hf_journal_is_durable(&items.journal, items.position[2]) ||
                        (running == 0 && hf_journal_is_durable(&items.journal, items.position[1]));
            CHECK_EQ(hf_journal_poll(&items.journal), HF_OK);
        }
        CHECK(!was_early);
        CHECK(hf_journal_is_durable(&items.journal, items.position[2]));
    }
}

static void journal_damaged_record_costs_itself_alone(void)
{
    set_up();
    settle(); // the mark
    CHECK_EQ(set(1, 1), HF_OK);
    CHECK_EQ(set(2, 2), HF_OK);
    CHECK_EQ(set(3, 3), HF_OK);
    CHECK_EQ(set(4, 4), HF_OK);
    settle();
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(items.journal.holes, 0);
    uint32_t damaged = items.position[2];
    memory[damaged + 9u] ^= 0x10u;
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(items.journal.holes, 1);
    CHECK_EQ(items.journal.stranded, 0);
    CHECK_EQ(items.journal.torn_tails, 0);
    CHECK_EQ(items.revision[2], 0);
    CHECK_EQ(items.revision[3], 3);
    check_all();
    CHECK_EQ(set(5, 5), HF_OK); // into a sound segment, with all that is left
    CHECK_EQ(items.journal.compactions, 1);
    check_all();
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(items.journal.holes, 0);
    CHECK_EQ(items.revision[4], 4);
    CHECK_EQ(items.revision[5], 5);
}

static void journal_damaged_last_record_is_a_torn_tail(void)
{
    set_up();
    settle();
    CHECK_EQ(set(1, 1), HF_OK);
    CHECK_EQ(set(2, 2), HF_OK);
    settle();
    memory[items.position[2] + 9u] ^= 0x10u;
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(items.journal.holes, 0);
    CHECK_EQ(items.journal.stranded, 0);
    CHECK_EQ(items.journal.torn_tails, 1);
    CHECK_EQ(items.revision[1], 1);
}

/// Before the mark nothing is known to have been durable: what follows may depend on what no sync had covered.
static void journal_damage_without_a_mark_ends_the_replay(void)
{
    set_up();
    for (uint32_t i = 1; i <= 4; i++) {
        CHECK_EQ(set(i, i), HF_OK);
    }
    memory[items.position[2] + 9u] ^= 0x10u;
    CHECK_EQ(open_again(), HF_OK);
    CHECK_EQ(items.journal.holes, 0);
    CHECK_EQ(items.journal.stranded, 2);
    CHECK_EQ(items.journal.torn_tails, 1);
    CHECK_EQ(items.revision[1], 1);
    CHECK_EQ(items.revision[3], 0);
}

HF_TEST_MAIN(HF_TEST(journal_read_gives_every_record_back),
             HF_TEST(journal_read_of_no_record_is_refused),
             HF_TEST(journal_abandoned_compaction_leaves_the_positions),
             HF_TEST(journal_position_is_durable_after_its_sync),
             HF_TEST(journal_compaction_makes_nothing_durable),
             HF_TEST(journal_damaged_record_costs_itself_alone),
             HF_TEST(journal_damaged_last_record_is_a_torn_tail),
             HF_TEST(journal_damage_without_a_mark_ends_the_replay))
