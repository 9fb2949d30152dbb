// SPDX-License-Identifier: MIT
// Rot in a journal: every bit of every byte, every byte with a cut in the write after it, and random rot between power cuts
// that lose unsynced sectors, against a model. Numbered records of every length; a dump carries the newest over. What is
// replayed is always what was written, in order; what was durable is there, but for what the rot hit.
#include "hf_test.h"
#include "support/journal_model.h"

#define SEGMENT_BYTES 2048u
#define SECTOR_BYTES  512u
#define LIVE          10u // the newest records, which a dump carries over
#define NUMBERS_MAX   4096u
#define SEEDS         400u
#define TYPE          7u
#define FIRST         32u // place of a segment's first record

typedef struct owner {
    hf_journal_t journal;
    uint32_t position[NUMBERS_MAX]; // of each record, in the current segment; 0 it is not there
    uint32_t newest;                // number appended last, from 1
    uint32_t told;                  // by the replay, last
    bool is_wrong;
} owner_t;

static uint8_t memory[3u * SEGMENT_BYTES], durable_memory[3u * SEGMENT_BYTES];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static owner_t o;

static uint32_t make(uint32_t number, uint8_t *data)
{
    uint32_t length = 4u + number * 7u % 61u;
    uint32_t random = number * 2654435761u + 1u;
    memcpy(data, &number, 4);
    for (uint32_t i = 4; i < length; i++) {
        data[i] = (uint8_t)model_random(&random);
    }
    return length;
}

static int replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length)
{
    uint8_t expected[72];
    uint32_t number;
    (void)ctx;
    memcpy(&number, data, 4);
    o.is_wrong = o.is_wrong || type != TYPE || version != 1 || number <= o.told ||
                 number >= NUMBERS_MAX || make(number, expected) != length ||
                 memcmp(expected, data, length) != 0;
    o.told = number;
    o.newest = number;
    o.position[number % NUMBERS_MAX] = hf_journal_position(&o.journal);
    return 1;
}

static int append(uint32_t number)
{
    uint8_t data[72];
    uint32_t length = make(number, data);
    return hf_journal_append(&o.journal, TYPE, 1, data, length);
}

static int dump(void *ctx, hf_journal_t *journal)
{
    (void)ctx, (void)journal;
    uint32_t first = o.newest > LIVE ? o.newest - LIVE : 1u;
    int status = HF_OK;
    for (uint32_t i = first; i <= o.newest && status >= 0; i++) {
        status = o.position[i] != 0 ? append(i) : HF_OK;
    }
    return status;
}

static void moved(void *ctx, uint32_t position, const hf_journal_record_t *record, const void *data)
{
    uint32_t number;
    (void)ctx, (void)record;
    memcpy(&number, data, 4);
    if (position == FIRST) { // older ones are not in this segment
        memset(o.position, 0, number * sizeof o.position[0]);
    }
    o.position[number] = position;
}

static int open_again(void)
{
    static const hf_journal_owner_t owner = {
        .ctx = &o, .replay = replay, .dump = dump, .moved = moved};
    memset(&o, 0, sizeof o);
    return hf_journal_open(&o.journal, &flash, &owner);
}

static int append_next(void)
{
    int status = append(o.newest + 1u);
    if (status >= 0) {
        o.position[++o.newest] = hf_journal_position(&o.journal);
    }
    return status;
}

static void settle(void)
{
    for (unsigned i = 0; i < 4u * (ram.sync_polls + 2u); i++) {
        (void)hf_journal_poll(&o.journal);
    }
}

static void set_up(uint32_t program_bytes, bool is_cached)
{
    const hf_flash_ram_config_t config = {.memory = memory,
                                          .durable = is_cached ? durable_memory : NULL,
                                          .segment_bytes = SEGMENT_BYTES,
                                          .segment_count = 3,
                                          .program_bytes = program_bytes};
    CHECK_EQ(hf_flash_ram_init(&ram, &config), HF_OK);
    flash = hf_flash_ram_seam(&ram);
    CHECK_EQ(open_again(), HF_OK);
    settle();
}

/// After a compaction, with records before and behind its commit.
static void fill(void)
{
    while (o.journal.compactions < 2 || o.journal.offset < 3u * SEGMENT_BYTES / 4u) {
        CHECK(append_next() >= 0);
        settle();
    }
}

static uint32_t end_of(const owner_t *owner, uint32_t number)
{
    uint8_t data[72];
    return owner->position[number] + hf_journal_record_bytes(&owner->journal, make(number, data));
}

/// True when damage from the beginning of a record on looks like a sector that was never written.
static bool looks_lost(const owner_t *before, uint32_t at, uint32_t base)
{
    uint32_t from = before->journal.offset, to = from;
    for (uint32_t i = 1; i <= before->newest; i++) {
        bool is_hit =
            before->position[i] != 0 && at >= before->position[i] && at < end_of(before, i);
        from = is_hit ? before->position[i] : from;
        to = is_hit ? end_of(before, i) : to;
    }
    for (uint32_t end = (from / SECTOR_BYTES + 1u) * SECTOR_BYTES; end <= to; end += SECTOR_BYTES) {
        if (memory[base + end - 1u] == 0xFF) {
            return true;
        }
    }
    return false;
}

/// Of what was there before, all is told that was not hit. `at` 0: nothing was hit.
static const char *judge(const owner_t *before, uint32_t at, uint32_t durable)
{
    if (o.is_wrong) {
        return "what was told was never written so, or not in order";
    }
    for (uint32_t i = 1; i <= durable; i++) {
        bool is_hit =
            before->position[i] != 0 && at >= before->position[i] && at < end_of(before, i);
        if (before->position[i] != 0 && o.position[i] == 0 && !is_hit) {
            return "a record that was not hit is lost";
        }
        if (is_hit && o.position[i] != 0) {
            return "a damaged record counts";
        }
    }
    return NULL;
}

static void journal_every_bit_turned_costs_its_record_alone(void)
{
    static owner_t before;
    unsigned ends = 0, trials = 0;
    for (uint32_t unit = 1; unit <= 16; unit *= 4) {
        set_up(unit, false);
        fill();
        before = o;
        uint32_t base = o.journal.segment * SEGMENT_BYTES;
        for (uint32_t bit = 0; bit < 8u * before.journal.offset; bit++) {
            uint32_t at = bit / 8u;
            memory[base + at] ^= (uint8_t)(1u << (bit % 8u));
            REQUIRE(open_again() == HF_OK);
            bool is_lost = looks_lost(&before, at, base);
            const char *wrong = is_lost ? NULL : judge(&before, at, before.newest);
            // Padding is no part of a record: its bits turn without a harm.
            if (wrong != NULL && strcmp(wrong, "a damaged record counts") == 0) {
                wrong = memory[base + at] == (uint8_t)(0xFFu ^ 1u << (bit % 8u)) ? NULL : wrong;
            }
            if (wrong != NULL) {
                HF_TEST_FAIL("%s; replay: journal_rot.bit:%u:%u", wrong, (unsigned)unit,
                             (unsigned)bit);
                return;
            }
            ends += is_lost ? 1u : 0u;
            trials++;
            memory[base + at] ^= (uint8_t)(1u << (bit % 8u));
        }
    }
    printf("  %u bits, %u of them as a lost sector\n", trials, ends);
    CHECK(ends < trials / 50u);
}

static void journal_rot_before_a_cut_costs_its_record_alone(void)
{
    static owner_t before;
    static uint8_t whole[sizeof memory];
    set_up(1, false);
    fill();
    memcpy(whole, memory, sizeof whole);
    before = o;
    uint32_t base = o.journal.segment * SEGMENT_BYTES;
    for (uint32_t at = FIRST; at < before.journal.offset; at++) {
        for (uint32_t cut = at % 3u; cut < 40; cut += 3u) { // within one record
            memcpy(memory, whole, sizeof memory);
            CHECK_EQ(open_again(), HF_OK);
            ram.cut_at = ram.steps + cut;
            ram.cut_garbage = cut % 2u == 1u;
            CHECK(append_next() < 0 || cut >= 12);
            hf_flash_ram_power_on(&ram);
            memory[base + at] ^= (uint8_t)(1u + (at + cut) % 255u);
            REQUIRE(open_again() == HF_OK);
            const char *wrong =
                looks_lost(&before, at, base) ? NULL : judge(&before, at, before.newest);
            if (wrong != NULL) {
                HF_TEST_FAIL("%s; replay: journal_rot.cut:%u:%u", wrong, (unsigned)at,
                             (unsigned)cut);
                return;
            }
        }
    }
}

// ---- random rot between power cuts --------------------------------------------------------------

static uint32_t state;

static uint32_t dice(uint32_t sides)
{
    return model_random(&state) % sides;
}

/// Appends and polls, up to the end of the day or the cut. Returns what was durable then.
static uint32_t live(void)
{
    uint64_t first = o.newest - hf_journal_appended(&o.journal);
    for (uint32_t n = dice(60); n > 0; n--) {
        if (append_next() < 0) {
            break;
        }
        for (uint32_t polls = dice(4); polls > 0; polls--) {
            (void)hf_journal_poll(&o.journal);
        }
    }
    return (uint32_t)(first + hf_journal_durable(&o.journal));
}

/// Damages a durable record of a segment whose marks are durable. Its place, or 0.
static uint32_t rot(const owner_t *before, uint32_t durable)
{
    uint32_t number = durable > LIVE ? durable - dice(LIVE) : 0;
    uint32_t at = before->position[number] + dice(8);
    uint32_t marks = before->journal.compacted_offset + SECTOR_BYTES;
    if (number == 0 || before->position[number] == 0 || dice(2) == 0 ||
        before->journal.durable_offset < marks) {
        return 0;
    }
    memory[before->journal.segment * SEGMENT_BYTES + at] ^= (uint8_t)(1u + dice(255));
    return at;
}

static void journal_random_rot_and_cuts_keep_what_was_durable(void)
{
    static owner_t before;
    unsigned holes = 0, hits = 0;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        state = seed * 2654435761u + 1u;
        set_up(1u << dice(5), true);
        for (unsigned boot = 0; boot < 12; boot++) {
            ram.seed = seed * 100u + boot;
            ram.sync_polls = dice(4);
            ram.cut_garbage = dice(2) == 0;
            ram.cut_at = dice(2) == 0 ? HF_FLASH_RAM_NEVER : ram.steps + dice(4000);
            uint32_t durable = live();
            before = o;
            if (!ram.power_lost) {
                hf_flash_ram_power_off(&ram);
            }
            uint32_t at = before.journal.failed == HF_OK ? rot(&before, durable) : 0;
            hf_flash_ram_power_on(&ram);
            int status = open_again();
            bool is_lost =
                at != 0 && looks_lost(&before, at, before.journal.segment * SEGMENT_BYTES);
            bool is_sound = at == 0 && before.journal.commit_durable && // of this boot
                            !before.journal.needs_compaction;
            // A cut within an append may have moved everything: what is there must be right, no more is known.
            bool is_known = before.journal.failed == HF_OK;
            const char *wrong = status != HF_OK ? hf_status_text(status)
                                : is_sound && o.journal.holes > 0
                                    ? "a lost sector was taken for damage"
                                : is_lost            ? NULL
                                : is_known           ? judge(&before, at, durable)
                                : o.newest < durable ? "what was durable is lost"
                                : o.is_wrong         ? "what was told was never written so"
                                                     : NULL;
            if (wrong != NULL) {
                HF_TEST_FAIL("%s; replay: journal_rot.random:%u:%u", wrong, (unsigned)seed, boot);
                return;
            }
            holes += o.journal.holes;
            hits += at != 0 ? 1u : 0u;
            settle();
        }
    }
    printf("  %u records hit, %u places stepped over\n", hits, holes);
    CHECK(hits > SEEDS && holes > hits / 2u);
}

HF_TEST_MAIN(HF_TEST(journal_every_bit_turned_costs_its_record_alone),
             HF_TEST(journal_rot_before_a_cut_costs_its_record_alone),
             HF_TEST(journal_random_rot_and_cuts_keep_what_was_durable))
