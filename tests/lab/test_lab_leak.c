// SPDX-License-Identifier: MIT
// The leak verdict over soaks that are made here: noise with a memory, bursts, working sets on their way to a plateau,
// a daily rhythm, single steps, reboots. Sixty clean ones of each kind raise no alarm; 32 B per session are called
// within 200 sessions.
#include "hf_test.h"
#include "lab_leak.h"

#include <math.h>

#define FREE_BYTES 180000.0
#define SOAKS      20u
#define CLEAN      60u // the twenty, and more: one of these is why steps that go up are counted

typedef struct soak {
    const char *name;
    uint32_t sessions, boots;
    double noise,
        memory;     // deviation in bytes, and how much of it stays from one session to the next
    double burst;   // bytes held now and then
    double plateau; // bytes of a working set, reached with a time constant of a fifth of the run
    double rhythm;  // amplitude of a period of a third of the run
    double step;    // bytes, once, in the middle
    double leak;    // per session
} soak_t;

static uint64_t state;

static double even(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += even();
    }
    return sum - 6;
}

static void run_soak(lab_run_t *run, const soak_t *soak, uint64_t seed)
{
    static lab_mem_row_t rows[4000];
    state = seed * 0x9E3779B97F4A7C15u + 1u;
    double noise = 0;
    uint32_t count = 0;
    for (uint32_t boot = 0; boot < soak->boots; boot++) {
        for (uint32_t i = 0; i < soak->sessions; i++) {
            double share = (double)i / soak->sessions;
            noise = soak->memory * noise +
                    sqrt(1 - soak->memory * soak->memory) * soak->noise * normal();
            double held = noise + soak->plateau * (1 - exp(-share * 5)) + soak->leak * i +
                          soak->rhythm * sin(share * 3 * 6.2831853) +
                          (even() < 0.2 ? soak->burst : 0) + (share > 0.5 ? soak->step : 0);
            rows[count] = (lab_mem_row_t){.boot = boot, .tag = "tx_stop"};
            memset(&rows[count].memory, 0xFF, sizeof rows[count].memory);
            rows[count].memory.hi = (uint32_t)(FREE_BYTES - 4 * fabs(soak->noise) - held);
            count++;
        }
    }
    run->mem = rows;
    run->mems = count;
}

static lab_leak_t verdict(const soak_t *soak, uint64_t seed)
{
    lab_run_t run = {0};
    lab_leak_t leak;
    run_soak(&run, soak, seed);
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    return leak;
}

static void lab_leak_clean_soaks_raise_no_alarm(void)
{
    static const soak_t soaks[] = {
        {.name = "still", .sessions = 200, .boots = 1},
        {.name = "white", .sessions = 200, .boots = 1, .noise = 500},
        {.name = "with a memory", .sessions = 200, .boots = 1, .noise = 500, .memory = 0.8},
        {.name = "bursts", .sessions = 200, .boots = 1, .noise = 100, .burst = 9000},
        {.name = "working set", .sessions = 200, .boots = 1, .noise = 200, .plateau = 12000},
        {.name = "rhythm", .sessions = 200, .boots = 1, .noise = 200, .rhythm = 3000},
        {.name = "a step", .sessions = 200, .boots = 1, .noise = 200, .step = 4000},
        {.name = "reboots", .sessions = 30, .boots = 12, .noise = 300, .plateau = 3000},
        {.name = "long", .sessions = 1000, .boots = 1, .noise = 800, .memory = 0.9, .burst = 5000},
        {.name = "it gives back", .sessions = 200, .boots = 1, .noise = 200, .leak = -20},
        {.name = "short", .sessions = 12, .boots = 1, .noise = 300},
        {.name = "six blocks", .sessions = 20, .boots = 1, .noise = 900},
    };
    for (size_t i = 0; i < sizeof soaks / sizeof soaks[0]; i++) {
        for (uint64_t seed = 1; seed <= CLEAN; seed++) {
            lab_leak_t leak = verdict(&soaks[i], seed);
            if (leak.is_leak) {
                HF_TEST_FAIL("%s:%u: %s, %.1f B per session at %.2f %%", soaks[i].name,
                             (unsigned)seed, leak.series, leak.slope, leak.confidence);
            }
        }
    }
}

static void lab_leak_32_bytes_per_session_are_called_within_200(void)
{
    static const soak_t soaks[] = {
        {.name = "bare", .sessions = 200, .boots = 1, .leak = 32},
        {.name = "white", .sessions = 200, .boots = 1, .noise = 500, .leak = 32},
        {.name = "with a memory",
         .sessions = 200,
         .boots = 1,
         .noise = 300,
         .memory = 0.8,
         .leak = 32},
        {.name = "bursts", .sessions = 200, .boots = 1, .noise = 100, .burst = 9000, .leak = 32},
        {.name = "working set",
         .sessions = 200,
         .boots = 1,
         .noise = 100,
         .plateau = 1500,
         .leak = 32},
        {.name = "reboots", .sessions = 50, .boots = 4, .noise = 100, .leak = 32},
    };
    for (size_t i = 0; i < sizeof soaks / sizeof soaks[0]; i++) {
        for (uint64_t seed = 1; seed <= SOAKS; seed++) {
            lab_leak_t leak = verdict(&soaks[i], seed);
            if (!leak.is_leak || fabs(leak.slope - soaks[i].leak) > 12 || leak.confidence < 99.5) {
                HF_TEST_FAIL("%s:%u: %.1f B per session at %.2f %%, lost %.0f, leak %d",
                             soaks[i].name, (unsigned)seed, leak.slope, leak.confidence, leak.lost,
                             leak.is_leak);
            }
        }
    }
}

static void lab_leak_too_little_says_nothing(void)
{
    soak_t soak = {.name = "seven", .sessions = 7, .boots = 1, .leak = 1000};
    CHECK(!verdict(&soak, 1).is_known);
    soak.boots = 5;
    CHECK(!verdict(&soak, 1).is_known);
    lab_run_t empty = {0};
    lab_leak_t leak;
    CHECK_EQ(lab_leak_judge(&empty, &leak), 0);
    CHECK(!leak.is_known);
}

// A heap without noise: 8,000 B are gone at every so many snapshots, `most` times; every second time they come back.
static lab_leak_t verdict_of_steps(uint32_t snapshots, uint32_t every, uint32_t most,
                                   bool is_given_back)
{
    static lab_mem_row_t rows[1440];
    uint32_t held = 0, steps = 0;
    for (uint32_t i = 0; i < snapshots; i++) {
        rows[i] = (lab_mem_row_t){.tag = "hb"};
        memset(&rows[i].memory, 0xFF, sizeof rows[i].memory);
        if (i > 0 && i % every == 0 && steps < most) {
            steps++;
            held = is_given_back && steps % 2u == 0 ? held - 8000 : held + 8000;
        }
        rows[i].memory.hi = 250000 - held;
    }
    lab_run_t run = {.mem = rows, .mems = snapshots};
    lab_leak_t leak;
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    return leak;
}

static void lab_leak_in_few_steps_is_called(void)
{
    CHECK(verdict_of_steps(300, 50, 99, false).is_leak);
    CHECK(verdict_of_steps(300, 33, 99, false).is_leak);
    CHECK(verdict_of_steps(300, 30, 99, false).is_leak);
    CHECK(verdict_of_steps(1440, 240, 99, false).is_leak);
    // Three steps are not enough, nor are some at the beginning or what is given back.
    CHECK(!verdict_of_steps(300, 80, 99, false).is_leak);
    CHECK(!verdict_of_steps(300, 60, 2, false).is_leak);
    CHECK(!verdict_of_steps(300, 30, 5, false).is_leak);
    CHECK(!verdict_of_steps(300, 50, 99, true).is_leak);
}

// Six blocks that rise without exception: one in 720 by chance. Among five series that is no evidence any more.
static void lab_leak_of_one_series_among_many_needs_more(void)
{
    static lab_mem_row_t rows[5 * 20];
    static const char *const tags[] = {"hb", "a", "b", "c", "d"};
    lab_leak_t leak;
    for (uint32_t i = 0; i < 100; i++) {
        rows[i] = (lab_mem_row_t){.ts = 0};
        memset(&rows[i].memory, 0xFF, sizeof rows[i].memory);
        rows[i].tag = tags[i / 20u];
        rows[i].memory.hi = i < 20 ? 100000 - 200 * i : 100000;
    }
    lab_run_t run = {.mem = rows, .mems = 20};
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    CHECK(leak.is_leak);
    CHECK(fabs(leak.confidence - (1 - 1.0 / 720) * 100) < 0.001);
    run.mems = 100;
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    CHECK(!leak.is_leak);
    CHECK_STR(leak.series, "tag hb");
    CHECK(fabs(leak.confidence - (1 - 5.0 / 720) * 100) < 0.001);
}

static void lab_leak_of_a_pool_is_in_blocks(void)
{
    static lab_pool_row_t rows[200];
    for (uint32_t i = 0; i < 200; i++) {
        rows[i] = (lab_pool_row_t){.name = "sessions", .pool = {.use = 3 + i / 20u + i % 2u}};
    }
    lab_run_t run = {.pool = rows, .pools = 200};
    lab_leak_t leak;
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    CHECK(leak.is_leak);
    CHECK_STR(leak.series, "pool sessions");
    CHECK_STR(leak.unit, "blocks");
    CHECK(leak.slope > 0.03 && leak.slope < 0.07);
    for (uint32_t i = 0; i < 200; i++) {
        rows[i].pool.use = 3 + i % 5u;
    }
    CHECK_EQ(lab_leak_judge(&run, &leak), 0);
    CHECK(!leak.is_leak);
}

// Against the table of Kendall (and against counting all 3! = 6, 4! = 24 orders by hand).
static void lab_leak_probability_is_kendalls(void)
{
    const uint32_t three = 3, four = 4, ten = 10, pair[] = {3, 3};
    CHECK(fabs(lab_leak_probability(&three, 1, 3) - 1.0 / 6) < 1e-12);
    CHECK(fabs(lab_leak_probability(&three, 1, 1) - 3.0 / 6) < 1e-12);
    CHECK(fabs(lab_leak_probability(&three, 1, -3) - 1.0) < 1e-12);
    CHECK(fabs(lab_leak_probability(&four, 1, 6) - 1.0 / 24) < 1e-12);
    CHECK(fabs(lab_leak_probability(&four, 1, 4) - 4.0 / 24) < 1e-12);
    CHECK(fabs(lab_leak_probability(&ten, 1, 45) - 1.0 / 3628800) < 1e-15);
    CHECK(fabs(lab_leak_probability(&ten, 1, 21) - 0.036) < 0.0005);
    CHECK(fabs(lab_leak_probability(&ten, 1, 25) - 0.014) < 0.0005);
    CHECK(fabs(lab_leak_probability(pair, 2, 6) - 1.0 / 36) < 1e-12);
    CHECK(fabs(lab_leak_probability(pair, 2, 4) - 5.0 / 36) < 1e-12);
}

HF_TEST_MAIN(HF_TEST(lab_leak_clean_soaks_raise_no_alarm),
             HF_TEST(lab_leak_32_bytes_per_session_are_called_within_200),
             HF_TEST(lab_leak_in_few_steps_is_called), HF_TEST(lab_leak_too_little_says_nothing),
             HF_TEST(lab_leak_of_one_series_among_many_needs_more),
             HF_TEST(lab_leak_of_a_pool_is_in_blocks), HF_TEST(lab_leak_probability_is_kendalls))
