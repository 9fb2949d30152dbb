// SPDX-License-Identifier: MIT
// One writer, three readers: never torn, never backwards, and the last write is what stays. Bounded, no sleeping.
#include "hf_test.h"
#include "holdfast/hf_snapshot.h"

#include <pthread.h>

#define WRITES  100000u
#define READERS 3u
#define WORDS   25u

typedef struct state {
    uint32_t word[WORDS];
} state_t;

typedef struct shared {
    hf_snapshot_t snapshot;
    uint32_t storage[HF_SNAPSHOT_BYTES(sizeof(state_t)) / 4u];
    _Atomic uint32_t ended;
} shared_t;

typedef struct reader {
    shared_t *shared;
    uint32_t reads, agains, torn, backwards, newest;
} reader_t;

static state_t make(uint32_t number)
{
    state_t state;
    for (uint32_t i = 0; i < WORDS; i++) {
        state.word[i] = number * 2654435761u + i;
    }
    state.word[0] = number;
    return state;
}

static void *read_all(void *ctx)
{
    reader_t *reader = ctx;
    for (bool ended = false; !ended;) {
        ended = atomic_load(&reader->shared->ended) != 0; // then one look more
        state_t state;
        int status = hf_snapshot_read(&reader->shared->snapshot, &state);
        if (status == HF_E_AGAIN) {
            reader->agains++;
        }
        if (status != HF_OK) {
            continue;
        }
        state_t expected = make(state.word[0]);
        reader->torn += memcmp(&state, &expected, sizeof state) == 0 ? 0 : 1u;
        reader->backwards += state.word[0] < reader->newest ? 1u : 0u;
        reader->newest = state.word[0];
        reader->reads++;
    }
    return NULL;
}

static void snapshot_threads_see_whole_states_in_order(void)
{
    static shared_t shared;
    reader_t reader[READERS];
    pthread_t thread[READERS];
    memset(&shared, 0, sizeof shared);
    memset(reader, 0, sizeof reader);
    CHECK_EQ(hf_snapshot_init(&shared.snapshot, shared.storage, sizeof(state_t)), HF_OK);
    atomic_store(&shared.snapshot.published, UINT32_MAX - WRITES / 2u); // wraps half way ...
    state_t first = make(0);
    hf_snapshot_write(&shared.snapshot, &first); // ... and is not read before this
    for (unsigned i = 0; i < READERS; i++) {
        reader[i].shared = &shared;
        REQUIRE(pthread_create(&thread[i], NULL, read_all, &reader[i]) == 0);
    }
    for (uint32_t i = 1; i < WRITES; i++) {
        state_t state = make(i);
        hf_snapshot_write(&shared.snapshot, &state);
    }
    atomic_store(&shared.ended, 1);
    for (unsigned i = 0; i < READERS; i++) {
        (void)pthread_join(thread[i], NULL);
        CHECK_EQ(reader[i].torn, 0);
        CHECK_EQ(reader[i].backwards, 0);
        CHECK_EQ(reader[i].newest, WRITES - 1u); // nothing disturbs the last look
        CHECK(reader[i].reads > 0);
    }
}

HF_TEST_MAIN(HF_TEST(snapshot_threads_see_whole_states_in_order))
