// SPDX-License-Identifier: MIT
// The snapshot in one context: the newest or nothing, never a torn one.
#include "hf_test.h"
#include "holdfast/hf_snapshot.h"

typedef struct state {
    uint32_t number;
    uint8_t text[7];
} state_t;

static uint32_t storage[HF_SNAPSHOT_BYTES(sizeof(state_t)) / 4u];

static void start(hf_snapshot_t *snapshot)
{
    memset(storage, 0xA5, sizeof storage);
    CHECK_EQ(hf_snapshot_init(snapshot, storage, sizeof(state_t)), HF_OK);
}

static state_t make(uint32_t number)
{
    state_t state;
    memset(&state, (int)(number & 0x7Fu), sizeof state);
    state.number = number;
    return state;
}

static void snapshot_never_written_is_empty(void)
{
    hf_snapshot_t snapshot;
    state_t state;
    start(&snapshot);
    CHECK_EQ(hf_snapshot_read(&snapshot, &state), HF_E_EMPTY);
}

static void snapshot_read_gives_the_newest_again_and_again(void)
{
    hf_snapshot_t snapshot;
    start(&snapshot);
    for (uint32_t i = 0; i < 10; i++) {
        state_t in = make(i), out;
        hf_snapshot_write(&snapshot, &in);
        for (int again = 0; again < 2; again++) {
            CHECK_EQ(hf_snapshot_read(&snapshot, &out), HF_OK);
            CHECK(memcmp(&in, &out, sizeof in) == 0);
        }
    }
}

static void snapshot_count_of_writes_wraps_newest_stays(void)
{
    hf_snapshot_t snapshot;
    start(&snapshot);
    atomic_store(&snapshot.published, UINT32_MAX - 4u);
    for (uint32_t i = 0; i < 12; i++) {
        state_t in = make(i), out;
        hf_snapshot_write(&snapshot, &in);
        CHECK_EQ(hf_snapshot_read(&snapshot, &out), HF_OK);
        CHECK_EQ(out.number, i);
    }
    CHECK(atomic_load(&snapshot.published) < 12);
}

static void snapshot_writer_in_the_middle_leaves_the_last_readable(void)
{
    hf_snapshot_t snapshot;
    state_t in = make(5), out;
    start(&snapshot);
    hf_snapshot_write(&snapshot, &in);
    // Item 1 is begun in its own slot, and not yet published.
    atomic_store(&snapshot.words[HF_RING_SLOT_WORDS(sizeof(state_t))], 1u * 2u + 1u);
    CHECK_EQ(hf_snapshot_read(&snapshot, &out), HF_OK);
    CHECK_EQ(out.number, 5);
}

static void snapshot_always_torn_says_again(void)
{
    hf_snapshot_t snapshot;
    state_t in = make(5), out;
    start(&snapshot);
    hf_snapshot_write(&snapshot, &in);
    atomic_store(&snapshot.words[0], 3u * 2u + 1u); // three writes later: item 3 is begun in slot 0
    CHECK_EQ(hf_snapshot_read(&snapshot, &out), HF_E_AGAIN);
}

static void snapshot_odd_size_stays_within_the_item(void)
{
    uint32_t words[HF_SNAPSHOT_BYTES(5) / 4u + 1u];
    uint8_t out[6];
    hf_snapshot_t snapshot;
    words[HF_SNAPSHOT_BYTES(5) / 4u] = 0xFEEDC0DEu;
    CHECK_EQ(hf_snapshot_init(&snapshot, words, 5), HF_OK);
    for (int i = 0; i < 4; i++) {
        hf_snapshot_write(&snapshot, "12345");
        memset(out, 0xEE, sizeof out);
        CHECK_EQ(hf_snapshot_read(&snapshot, out), HF_OK);
        CHECK(memcmp(out, "12345\xEE", 6) == 0);
    }
    CHECK_EQ(words[HF_SNAPSHOT_BYTES(5) / 4u], 0xFEEDC0DEu);
}

static void snapshot_wrong_storage_is_refused(void)
{
    hf_snapshot_t snapshot;
    CHECK_EQ(hf_snapshot_init(NULL, storage, 4), HF_E_ARGUMENT);
    CHECK_EQ(hf_snapshot_init(&snapshot, NULL, 4), HF_E_ARGUMENT);
    CHECK_EQ(hf_snapshot_init(&snapshot, (uint8_t *)storage + 1, 4), HF_E_ARGUMENT);
    CHECK_EQ(hf_snapshot_init(&snapshot, storage, 0), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(snapshot_never_written_is_empty),
             HF_TEST(snapshot_read_gives_the_newest_again_and_again),
             HF_TEST(snapshot_count_of_writes_wraps_newest_stays),
             HF_TEST(snapshot_writer_in_the_middle_leaves_the_last_readable),
             HF_TEST(snapshot_always_torn_says_again),
             HF_TEST(snapshot_odd_size_stays_within_the_item),
             HF_TEST(snapshot_wrong_storage_is_refused))
