// SPDX-License-Identifier: MIT
// The records of a real day, damaged with good check sums: a byte changed, a record left out, told twice, moved, cut short.
// Whatever they say, the store opens or refuses; what it opened it delivers to the end, and it serves a session again.
// A failure prints the seed.
#include "hf_test.h"
#include "support/journal_model.h"
#include "support/store_world.h"

#define SEEDS       6000u
#define RECORDS_MAX 128u
#define MADE        ((uint64_t)1 << 31) // in the id of a STOP made of the START behind it

typedef struct raw {
    uint8_t type, version;
    uint16_t length;
    uint8_t data[200];
} raw_t;

static world_t w;
static raw_t day[RECORDS_MAX], records[RECORDS_MAX];
static uint32_t day_length, length;
static uint32_t state;

static uint32_t dice(uint32_t sides)
{
    return model_random(&state) % sides;
}

static int collect(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t bytes)
{
    (void)ctx;
    if (day_length < RECORDS_MAX && bytes <= sizeof day[0].data) {
        day[day_length] = (raw_t){.type = type, .version = version, .length = (uint16_t)bytes};
        memcpy(day[day_length++].data, data, bytes);
    }
    return 1;
}

static int dump_records(void *ctx, hf_journal_t *journal)
{
    (void)ctx;
    (void)journal;
    return HF_OK;
}

static void play_day(void)
{
    memset(&w, 0, sizeof w);
    w.segment_bytes = WORLD_BYTES_MAX;
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(world_boot(&w), HF_OK);
    CHECK_EQ(evse_store_set_clock(&w.store, 1000000), HF_OK);
    for (unsigned i = 0; i < 6; i++) {
        unsigned c = i % 2u;
        const evse_message_t sample = {.at = world_at(&w, i),
                                       .register_Wh = i,
                                       .samples = 2,
                                       .sample = {{1, 0, 7}, {2, 1, 8}}};
        CHECK_EQ(world_begin(&w, c, "TAG", i * WH, world_at(&w, i)), HF_OK);
        CHECK_EQ(evse_store_meter(&w.store, c, &sample, i % 3u == 0), HF_OK);
        CHECK_EQ(evse_store_txdata(&w.store, c, &sample), HF_OK);
        CHECK_EQ(evse_store_register(&w.store, c, i * WH, i, true), HF_OK);
        if (i < 5) {
            CHECK_EQ(evse_store_end(&w.store, c, EVSE_STOP_Local, "T", i * WH, world_at(&w, i)),
                     HF_OK);
        }
        CHECK_EQ(evse_store_keep_all(&w.store), HF_OK);
        CHECK_EQ(evse_store_keep(&w.store, EVSE_OBJECT_PROFILE, (uint16_t)(i % 3u), "x", 1), HF_OK);
        CHECK_EQ(evse_store_set(&w.store, "Key", i % 2u == 0 ? "a" : "b"), HF_OK);
        CHECK_EQ(world_settle(&w), HF_OK);
        if (i == 3) {
            REQUIRE(evse_store_next(&w.store) != NULL);
            CHECK_EQ(evse_store_refuse(&w.store, 3), HF_OK);
        }
        if (i > 1) {
            REQUIRE(evse_store_next(&w.store) != NULL);
            CHECK_EQ(evse_store_confirm(&w.store, 9), HF_OK);
            CHECK_EQ(world_settle(&w), HF_OK);
        }
    }
    CHECK_EQ(evse_store_forget(&w.store, EVSE_OBJECT_PROFILE, 1), HF_OK);
    hf_journal_t journal;
    const hf_journal_owner_t owner = {.replay = collect, .dump = dump_records};
    day_length = 0;
    CHECK_EQ(hf_journal_open(&journal, &w.flash, &owner), HF_OK);
}

static void damage(void)
{
    uint32_t at = dice(length), other = dice(length);
    raw_t kept = records[at];
    switch (dice(6)) {
    case 0:
    case 1:
        if (kept.length > 0) {
            records[at].data[dice(kept.length)] ^= (uint8_t)(1u << dice(8));
        }
        break;
    case 2: // left out
        memmove(&records[at], &records[at + 1u], (length - at - 1u) * sizeof records[0]);
        length--;
        break;
    case 3: // told twice
        if (length < RECORDS_MAX) {
            records[length++] = kept;
        }
        break;
    case 4:
        records[at] = records[other];
        records[other] = kept;
        break;
    default:
        records[at].length = (uint16_t)(dice(2) == 0 ? dice(kept.length + 1u) : kept.length);
        records[at].version = (uint8_t)(1u + dice(2));
        break;
    }
}

static int write_and_open(void)
{
    hf_journal_t journal;
    const hf_journal_owner_t owner = {.replay = collect, .dump = dump_records};
    memset(&w, 0, sizeof w);
    w.segment_bytes = WORLD_BYTES_MAX;
    CHECK_EQ(world_init(&w, 2, 4, false), HF_OK);
    CHECK_EQ(hf_journal_open(&journal, &w.flash, &owner), HF_OK);
    for (uint32_t i = 0; i < length; i++) {
        CHECK_EQ(hf_journal_append(&journal, records[i].type, records[i].version, records[i].data,
                                   records[i].length),
                 HF_OK);
    }
    return world_boot(&w);
}

/// What is wrong, or NULL.
static const char *serve(void)
{
    if (evse_store_set_clock(&w.store, 5000000) < 0) {
        return "the clock was refused";
    }
    uint64_t last = 0;
    bool is_made = false;
    for (uint32_t i = 0; evse_store_waiting(&w.store) > 0; i++) {
        if (world_settle(&w) != HF_OK || i > 4u * RECORDS_MAX) {
            return "the queue does not end";
        }
        const evse_message_t *message = evse_store_next(&w.store);
        if (evse_store_waiting(&w.store) == 0) { // the last confirmation has become durable
            break;
        }
        uint64_t place = message == NULL ? 0 : message->id & ~MADE; // of a STOP that was lost
        if (message == NULL || place < last || (place == last && !is_made)) {
            return "stuck, or out of order";
        }
        last = place;
        is_made = place != message->id;
        uint32_t cursor = 0;
        evse_message_t set;
        while (evse_store_txdata_next(&w.store, message->transaction, &cursor, &set) > 0) {
        }
        if (evse_store_confirm(&w.store, 3) != HF_OK) {
            return "a confirmation was refused";
        }
    }
    for (unsigned c = 0; c < 2; c++) {
        if (world_begin(&w, c, "NEXT", 0, world_at(&w, 1)) != HF_OK ||
            evse_store_end(&w.store, c, EVSE_STOP_Local, NULL, 0, world_at(&w, 2)) != HF_OK) {
            return "no session begins";
        }
    }
    return world_settle(&w) != HF_OK || world_power_cycle(&w) != HF_OK ? "no second boot" : NULL;
}

static void store_damaged_records_open_or_are_refused(void)
{
    uint32_t opened = 0, refused = 0;
    play_day();
    CHECK(day_length > 50);
    for (uint32_t seed = 0; seed <= SEEDS; seed++) {
        state = seed * 2654435761u + 7u;
        memcpy(records, day, sizeof day);
        length = day_length;
        for (uint32_t n = seed == 0 ? 0 : 1u + dice(3); n > 0; n--) {
            damage();
        }
        int status = write_and_open();
        const char *wrong = status == HF_OK ? serve() : NULL;
        bool is_refusal =
            status == HF_E_CORRUPT || status == HF_E_UNSUPPORTED || status == HF_E_FULL;
        if (wrong != NULL || (status != HF_OK && (!is_refusal || seed == 0))) {
            HF_TEST_FAIL("%s, %s; seed %u", wrong == NULL ? "-" : wrong, hf_status_text(status),
                         (unsigned)seed);
            return;
        }
        opened += status == HF_OK ? 1u : 0u;
        refused += status == HF_OK ? 0u : 1u;
    }
    printf("  %u opened, %u refused\n", (unsigned)opened, (unsigned)refused);
    CHECK(opened > SEEDS / 8u && refused > SEEDS / 8u);
}

HF_TEST_MAIN(HF_TEST(store_damaged_records_open_or_are_refused))
