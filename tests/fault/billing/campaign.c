// SPDX-License-Identifier: MIT
// The cases of billing.h: each fault of the list in turn, exhaustively where it has steps (every byte the flash is
// given, every message),
// and mixtures by seed. Usage: billing [--cases N] [--seed S] [--only NAME] [--expect-broken]; --cases: of the mixtures.
#include "billing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT     65536u
#define SESSION_MS  5000u
#define SMALL_FLASH 4096u
#define CASES       300u

static unsigned bad, done;
static unsigned long total_sessions, total_resends;
static unsigned first_seed = 1;

static void judge(const char *what)
{
    bad += billing_judge(what) != 0u;
    done++;
    billing_totals_t totals = billing_totals();
    total_sessions += totals.sessions;
    total_resends += totals.resends;
}

static void open_world(uint32_t sample_s)
{
    const billing_config_t config = {
        .segment_bytes = SEGMENT, .sync_polls = 1, .sample_s = sample_s, .seed = first_seed};
    billing_open(&config);
}

// Both connectors, overlapping.
static void two_sessions(void)
{
    billing_plug(0, true);
    billing_plug(1, true);
    billing_run_ms(100);
    (void)billing_card(0);
    billing_run_ms(1000);
    (void)billing_card(1);
    billing_run_ms(SESSION_MS);
    (void)billing_card(0);
    billing_run_ms(1000);
    (void)billing_card(1);
    billing_run_ms(300);
    billing_plug(0, false);
    billing_plug(1, false);
    billing_run_ms(200);
}

static void plain(void)
{
    open_world(1);
    two_sessions();
    judge("no fault");
    billing_totals_t totals = billing_totals();
    if (totals.billed != 2u || totals.resends != 0u || totals.readings < 8u) {
        printf("FAULT no fault: %u billed, %u resends, %u readings\n", totals.billed,
               totals.resends, totals.readings);
        bad++;
    }
}

static void offline(void)
{
    open_world(1);
    billing_link(false, false);
    billing_run_ms(1000);
    for (unsigned i = 0; i < 40u; i++) {
        billing_session(i % BILLING_CONNECTORS, 3000);
    }
    judge("40 sessions offline");
    if (billing_totals().billed != 40u) {
        printf("FAULT 40 sessions offline: %u billed\n", billing_totals().billed);
        bad++;
    }
}

// Every message of two sessions is met with every misbehaviour: once, for a while, and so often that it is given up.
static void misbehaviour(void)
{
    static const char *const names[BILLING_ANSWERS] = {"",
                                                       "never answered",
                                                       "answered late",
                                                       "CALLERROR",
                                                       "answered twice",
                                                       "answered for another id",
                                                       "taken, then the link broke",
                                                       "link broke on the way"};
    for (unsigned answer = BILLING_NEVER; answer < BILLING_ANSWERS; answer++) {
        for (unsigned nth = 1; nth <= 16u; nth++) {
            for (unsigned count = 1; count <= 2u;
                 count++) { // fewer than TransactionMessageAttempts
                char what[80];
                snprintf(what, sizeof what, "message %u %s, %u times", nth, names[answer], count);
                open_world(1);
                billing_misbehave((billing_answer_t)answer, nth, count);
                two_sessions();
                judge(what);
            }
        }
    }
}

// A cut at each step of the flash in a session and its delivery, online and offline, with what was not synced kept or lost.
static void torn(bool online, bool loses_unsynced)
{
    const billing_config_t config = {.segment_bytes = SEGMENT,
                                     .sync_polls = 2,
                                     .sample_s = 1,
                                     .loses_unsynced = loses_unsynced,
                                     .seed = first_seed};
    billing_open(&config);
    uint64_t first = billing_flash_steps();
    billing_link(online, false);
    billing_session(0, 2500);
    billing_link(true, false);
    billing_run_ms(70000);
    uint64_t last = billing_flash_steps();
    (void)billing_judge("before the cuts");
    for (uint64_t step = first + 1u; step <= last; step++) {
        char what[80];
        snprintf(what, sizeof what, "cut at step %llu of %llu, %s, unsynced %s",
                 (unsigned long long)step, (unsigned long long)last, online ? "online" : "offline",
                 loses_unsynced ? "lost" : "kept");
        billing_config_t varied = config;
        varied.seed = first_seed + (uint32_t)step;
        billing_open(&varied);
        billing_cut_at(step);
        billing_link(online, false);
        billing_session(0, 2500);
        billing_link(true, false);
        billing_run_ms(5000);
        billing_session(0, 1000);
        judge(what);
    }
}

static void cuts(void)
{
    torn(true, false);
    torn(true, true);
    torn(false, false);
    torn(false, true);
}

// The process ends at each moment of a session, which falls before, in and after every operation of the journal.
static void kills(void)
{
    for (unsigned online = 0; online < 2u; online++) {
        for (uint64_t at_ms = 0; at_ms <= 4400u; at_ms += 20u) {
            char what[80];
            snprintf(what, sizeof what, "killed after %llu ms, %s", (unsigned long long)at_ms,
                     online ? "online" : "offline");
            const billing_config_t config = {
                .segment_bytes = SEGMENT, .sync_polls = 3, .sample_s = 1, .seed = first_seed};
            billing_open(&config);
            billing_link(online != 0u, false);
            billing_plug(0, true);
            billing_run_ms(100);
            (void)billing_card(0);
            uint64_t first_ms = at_ms < 2500u ? at_ms : 2500u;
            billing_run_ms(first_ms);
            if (at_ms > first_ms) {
                (void)billing_card(0);
                billing_run_ms(at_ms - first_ms);
            }
            billing_kill();
            billing_run_ms(3000);
            judge(what);
        }
    }
}

static void failing_sync(void)
{
    for (uint32_t nth = 1; nth <= 14u; nth++) {
        for (unsigned online = 0; online < 2u; online++) {
            char what[80];
            snprintf(what, sizeof what, "sync %u fails, %s", (unsigned)nth,
                     online ? "online" : "offline");
            const billing_config_t config = {.segment_bytes = SEGMENT,
                                             .sync_polls = 1,
                                             .sample_s = 1,
                                             .loses_unsynced = true,
                                             .seed = first_seed + nth};
            billing_open(&config);
            billing_fail_sync(nth);
            billing_link(online != 0u, false);
            billing_session(0, 2500);
            billing_session(1, 2500);
            judge(what);
        }
    }
}

// Sessions offline until the flash takes no more; those it took are all billed.
static void full_flash(void)
{
    const billing_config_t config = {
        .segment_bytes = SMALL_FLASH, .sync_polls = 1, .sample_s = 1, .seed = first_seed};
    billing_open(&config);
    billing_link(false, false);
    billing_run_ms(1000);
    unsigned began = 0;
    for (unsigned i = 0; i < 100u; i++) {
        billing_plug(0, true);
        billing_run_ms(100);
        bool accepted = billing_card(0);
        billing_run_ms(3000);
        began += accepted && billing_is_charging(0);
        if (accepted) {
            (void)billing_card(0);
        }
        billing_run_ms(300);
        billing_plug(0, false);
        billing_run_ms(200);
        if (!accepted) {
            break;
        }
    }
    judge("flash full");
    if (began < 5u || began >= 100u || billing_totals().billed < began) {
        printf("FAULT flash full: %u began, %u billed\n", began, billing_totals().billed);
        bad++;
    }
}

static void clock_jumps(void)
{
    static const int64_t jumps_s[] = {-86400, -3600, -90, -3, 3, 90, 3600, 86400};
    for (size_t i = 0; i < sizeof jumps_s / sizeof jumps_s[0]; i++) {
        for (unsigned before = 0; before < 2u; before++) {
            char what[80];
            snprintf(what, sizeof what, "clock jumps by %lld s %s", (long long)jumps_s[i],
                     before ? "before" : "within a session");
            open_world(10);
            if (before) {
                billing_jump_clock(jumps_s[i]);
                billing_run_ms(61000);
            }
            billing_plug(0, true);
            billing_run_ms(100);
            (void)billing_card(0);
            billing_run_ms(20000);
            if (!before) {
                billing_jump_clock(jumps_s[i]);
                billing_run_ms(130000); // two heartbeats
            }
            (void)billing_card(0);
            billing_run_ms(300);
            billing_plug(0, false);
            judge(what);
        }
    }
}

static void broken_links(void)
{
    open_world(1);
    billing_session(0, 1500);
    billing_link(true, true);
    billing_session(0, SESSION_MS);
    billing_run_ms(120000);
    billing_drop();
    judge("half-open link");
    open_world(1);
    for (unsigned i = 0; i < 60u; i++) { // 20 a minute
        if (i % 4u == 0u) {
            billing_plug(i / 4u % 2u, true);
        }
        if (i % 4u == 1u || i % 4u == 3u) {
            (void)billing_card(i / 4u % 2u);
        }
        billing_run_ms(3000);
        billing_drop();
        if (i % 4u == 3u) {
            billing_plug(i / 4u % 2u, false);
            billing_run_ms(200);
        }
    }
    judge("20 reconnects a minute");
}

// ---- mixtures ----------------------------------------------------------------------------------------------------------

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void happen(uint64_t *random)
{
    unsigned connector = next_random(random) % BILLING_CONNECTORS;
    switch (next_random(random) % 16u) {
    case 0:
    case 1:
    case 2:
        billing_plug(connector, true);
        break;
    case 3:
        billing_plug(connector, false);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        (void)billing_card(connector);
        break;
    case 8:
        billing_misbehave((billing_answer_t)(next_random(random) % BILLING_ANSWERS),
                          1u + next_random(random) % 6u, 1u + next_random(random) % 2u);
        break;
    case 9:
        billing_link(next_random(random) % 3u != 0u, next_random(random) % 5u == 0u);
        break;
    case 10:
        billing_drop();
        break;
    case 11:
        billing_cut_at(billing_flash_steps() + 1u + next_random(random) % 300u);
        break;
    case 12:
        billing_cut_at(0);
        break;
    case 13:
        billing_kill();
        break;
    case 14:
        billing_jump_clock((int64_t)(next_random(random) % 7200u) - 3600);
        break;
    default:
        if (next_random(random) % 4u == 0u) {
            billing_fail_sync(1u + next_random(random) % 3u);
        }
        break;
    }
}

static void mixture(unsigned seed)
{
    uint64_t random = seed * UINT64_C(0x9E3779B97F4A7C15);
    const billing_config_t config = {
        .segment_bytes = next_random(&random) % 3u == 0u ? SMALL_FLASH * 2u : SEGMENT,
        .loses_unsynced = next_random(&random) % 2u == 0u,
        .sync_polls = next_random(&random) % 6u,
        .sample_s = 1u + next_random(&random) % 5u,
        .seed = seed};
    billing_open(&config);
    for (unsigned i = 0; i < 60u; i++) {
        happen(&random);
        billing_run_ms(next_random(&random) % 4u == 0u ? next_random(&random) % 40000u
                                                       : next_random(&random) % 3000u);
    }
    char what[40];
    snprintf(what, sizeof what, "mixture, --seed %u", seed);
    judge(what);
}

// ---- command line ------------------------------------------------------------------------------------------------------

typedef struct named {
    const char *name;
    void (*run)(void);
} named_t;

static const named_t cases[] = {
    {"plain", plain},
    {"offline", offline},
    {"misbehaviour", misbehaviour},
    {"cuts", cuts},
    {"kills", kills},
    {"failing-sync", failing_sync},
    {"full-flash", full_flash},
    {"clock", clock_jumps},
    {"links", broken_links},
};

int main(int count, char **words)
{
    unsigned mixtures = CASES, seed = 1;
    bool one_seed = false, expects_broken = false;
    const char *only = "";
    for (int i = 1; i < count; i++) {
        bool more = i + 1 < count;
        if (strcmp(words[i], "--expect-broken") == 0) {
            expects_broken = true;
        } else if (strcmp(words[i], "--cases") == 0 && more) {
            mixtures = (unsigned)strtoul(words[++i], NULL, 10);
        } else if (strcmp(words[i], "--seed") == 0 && more) {
            seed = (unsigned)strtoul(words[++i], NULL, 10);
            one_seed = true;
        } else if (strcmp(words[i], "--only") == 0 && more) {
            only = words[++i];
        } else {
            fprintf(stderr,
                    "Usage: billing [--cases N] [--seed S] [--only NAME] [--expect-broken]\n");
            return 2;
        }
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && !one_seed; i++) {
        unsigned before = done, bad_before = bad;
        if (only[0] == '\0' || strcmp(only, cases[i].name) == 0) {
            cases[i].run();
            printf("%-14s %5u cases, %u bad\n", cases[i].name, done - before, bad - bad_before);
        }
        if (expects_broken && bad > 0u) {
            break;
        }
    }
    unsigned last = one_seed ? seed : seed + mixtures - 1u;
    unsigned before = done, bad_before = bad;
    for (unsigned i = seed; i <= last && (only[0] == '\0' || strcmp(only, "mixtures") == 0) &&
                            !(expects_broken && bad > 0u);
         i++) {
        mixture(i);
    }
    printf("%-14s %5u cases, %u bad\n", "mixtures", done - before, bad - bad_before);
    printf("%lu sessions, %lu messages sent again\n%u passed, %u failed\n", total_sessions,
           total_resends, done - bad, bad);
    return (bad > 0u) == expects_broken ? 0 : 1;
}
