// SPDX-License-Identifier: MIT
// hf_mutex over a port that the test plays: bound, counts, names, histogram, the line at a limited rate. No time passes.
#define hf_port_mutex_init fake_mutex_init
#define hf_port_mutex_take fake_mutex_take
#define hf_port_mutex_give fake_mutex_give
#define hf_port_now_us     fake_now_us
#include "src/runtime/sync/hf_mutex.c"

#include "tests/hf_test.h"

#define CONTROL 0u
#define MAIN    3u
#define COMMS   5u

static struct {
    uint64_t now_us;
    uint64_t free_at_us; // somebody gives it back then
    bool taken, full;
    uint32_t waited_us; // by the last take
} fake;

int fake_mutex_init(uint64_t *words)
{
    words[0] = 0;
    return fake.full ? HF_E_FULL : HF_OK;
}

int fake_mutex_take(uint64_t *words, uint32_t bound_us)
{
    (void)words;
    fake.waited_us = 0;
    if (fake.taken && fake.now_us + bound_us < fake.free_at_us) {
        fake.now_us += bound_us;
        fake.waited_us = bound_us;
        return HF_E_TIMEOUT;
    }
    if (fake.taken) {
        fake.waited_us = (uint32_t)(fake.free_at_us - fake.now_us);
        fake.now_us = fake.free_at_us;
    }
    fake.taken = true;
    fake.free_at_us = UINT64_MAX;
    return HF_OK;
}

void fake_mutex_give(uint64_t *words)
{
    (void)words;
    fake.taken = false;
}

uint64_t fake_now_us(void)
{
    return fake.now_us;
}

static hf_mutex_t make(uint32_t bound_us)
{
    hf_mutex_t mutex = {0};
    memset(&fake, 0, sizeof fake);
    fake.now_us = 1000000u;
    CHECK_EQ(hf_mutex_init(&mutex, "history", bound_us), HF_OK);
    return mutex;
}

static void init_second_time_is_refused(void)
{
    hf_mutex_t mutex = make(0);
    CHECK_EQ(mutex.bound_us, HF_MUTEX_BOUND_US);
    REQUIRE(hf_mutex_take(&mutex, MAIN) == HF_OK);
    CHECK_EQ(hf_mutex_init(&mutex, "again", 7), HF_E_STATE);
    CHECK_STR(mutex.name, "history");
    CHECK_EQ(mutex.holder, MAIN + 1u);
    CHECK_EQ(hf_mutex_give(&mutex, MAIN), HF_OK);
}

static void init_without_name_or_room_is_refused(void)
{
    hf_mutex_t mutex = {0};
    CHECK_EQ(hf_mutex_init(&mutex, NULL, 0), HF_E_ARGUMENT);
    fake.full = true;
    CHECK_EQ(hf_mutex_init(&mutex, "history", 0), HF_E_FULL);
    fake.full = false;
    CHECK_EQ(hf_mutex_init(&mutex, "history", 0), HF_OK); // a refusal leaves it as it was
}

static uint32_t waits_of(const hf_mutex_t *mutex)
{
    hf_lateness_view_t waits;
    hf_lateness_read(&mutex->waits, &waits);
    return waits.count;
}

static void take_free_lock_is_no_wait(void)
{
    hf_mutex_t mutex = make(0);
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_OK);
    CHECK_EQ(mutex.holder, MAIN + 1u);
    CHECK_EQ(mutex.takes, 1);
    CHECK_EQ(waits_of(&mutex), 0);
    CHECK_EQ(hf_mutex_give(&mutex, MAIN), HF_OK);
    CHECK_EQ(mutex.holder, 0);
}

static void take_short_wait_is_counted_in_its_bucket(void)
{
    hf_mutex_t mutex = make(0);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    fake.free_at_us = fake.now_us + 5000u;
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_OK);
    CHECK_EQ(fake.waited_us, 5000);
    CHECK_EQ(waits_of(&mutex), 1);
    CHECK_EQ(mutex.waits.bucket[12], 1); // 4096 to 8191 us
    CHECK_EQ(mutex.waits.over, 0);
    CHECK_EQ(mutex.timeouts, 0);
    CHECK_EQ(mutex.holder, MAIN + 1u);
}

// [003] A holder of 60 ms: it and nobody else is named, with who waited and how long it had it by then.
static void take_60_ms_holder_is_named_with_its_waiter(void)
{
    hf_mutex_t mutex = make(0);
    hf_mutex_timeout_t timeout;
    CHECK_EQ(hf_mutex_last_timeout(&mutex, &timeout), HF_E_EMPTY);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    fake.free_at_us = fake.now_us + 60000u;
    fake.now_us += 4000u;
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_E_TIMEOUT);
    CHECK_EQ(fake.waited_us, HF_MUTEX_BOUND_US); // no longer
    REQUIRE(hf_mutex_last_timeout(&mutex, &timeout) == HF_OK);
    CHECK_EQ(timeout.holder, COMMS);
    CHECK_EQ(timeout.waiter, MAIN);
    CHECK_EQ(timeout.held_us, 54000);
    CHECK_EQ(timeout.count, 1);
    CHECK_EQ(waits_of(&mutex), 1);
    CHECK_EQ(mutex.holder, COMMS + 1u); // still the holder's
    CHECK_EQ(hf_mutex_give(&mutex, COMMS), HF_OK);
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_OK);
}

static void take_49_ms_holder_is_waited_for(void)
{
    hf_mutex_t mutex = make(0);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    fake.free_at_us = fake.now_us + 49000u;
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_OK);
    CHECK_EQ(mutex.timeouts, 0);
}

static void take_twice_by_the_holder_times_out_and_names_it(void)
{
    hf_mutex_t mutex = make(0);
    hf_mutex_timeout_t timeout;
    REQUIRE(hf_mutex_take(&mutex, CONTROL) == HF_OK);
    CHECK_EQ(hf_mutex_take(&mutex, CONTROL), HF_E_TIMEOUT);
    REQUIRE(hf_mutex_last_timeout(&mutex, &timeout) == HF_OK);
    CHECK_EQ(timeout.holder, CONTROL);
    CHECK_EQ(timeout.waiter, CONTROL);
}

static void take_own_bound_is_kept(void)
{
    hf_mutex_t mutex = make(2000);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_E_TIMEOUT);
    CHECK_EQ(fake.waited_us, 2000);
}

static void try_held_lock_counts_no_timeout(void)
{
    hf_mutex_t mutex = make(0);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    CHECK_EQ(hf_mutex_try(&mutex, MAIN), HF_E_AGAIN);
    CHECK_EQ(fake.waited_us, 0);
    CHECK_EQ(mutex.timeouts, 0);
    CHECK_EQ(waits_of(&mutex), 0);
    CHECK_EQ(hf_mutex_give(&mutex, COMMS), HF_OK);
    CHECK_EQ(hf_mutex_try(&mutex, MAIN), HF_OK);
}

static void give_by_another_changes_nothing(void)
{
    hf_mutex_t mutex = make(0);
    CHECK_EQ(hf_mutex_give(&mutex, MAIN), HF_E_STATE);
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    CHECK_EQ(hf_mutex_give(&mutex, MAIN), HF_E_STATE);
    CHECK(fake.taken);
    CHECK_EQ(mutex.holder, COMMS + 1u);
}

static void is_news_many_timeouts_make_a_line_each_ten_seconds(void)
{
    hf_mutex_t mutex = make(0);
    hf_mutex_told_t told = {0};
    hf_mutex_timeout_t timeout = {0};
    uint32_t lines = 0, told_of = 0;
    CHECK(!hf_mutex_is_news(&mutex, &timeout, &told, fake.now_us));
    REQUIRE(hf_mutex_take(&mutex, COMMS) == HF_OK);
    for (unsigned i = 0; i < 500; i++) { // 25 s of time-outs
        CHECK_EQ(hf_mutex_take(&mutex, MAIN), HF_E_TIMEOUT);
        uint32_t before = told.count;
        if (hf_mutex_is_news(&mutex, &timeout, &told, fake.now_us)) {
            lines++;
            told_of += timeout.count - before;
        }
    }
    CHECK_EQ(lines, 3); // at once, after 10 s, after 20 s
    fake.now_us += HF_MUTEX_TELL_US;
    uint32_t before = told.count;
    CHECK(hf_mutex_is_news(&mutex, &timeout, &told, fake.now_us));
    CHECK_EQ(told_of + timeout.count - before, 500); // none is forgotten
    CHECK(!hf_mutex_is_news(&mutex, &timeout, &told, fake.now_us + HF_MUTEX_TELL_US));
}

HF_TEST_MAIN(HF_TEST(init_second_time_is_refused), HF_TEST(init_without_name_or_room_is_refused),
             HF_TEST(take_free_lock_is_no_wait), HF_TEST(take_short_wait_is_counted_in_its_bucket),
             HF_TEST(take_60_ms_holder_is_named_with_its_waiter),
             HF_TEST(take_49_ms_holder_is_waited_for),
             HF_TEST(take_twice_by_the_holder_times_out_and_names_it),
             HF_TEST(take_own_bound_is_kept), HF_TEST(try_held_lock_counts_no_timeout),
             HF_TEST(give_by_another_changes_nothing),
             HF_TEST(is_news_many_timeouts_make_a_line_each_ten_seconds))
