// SPDX-License-Identifier: MIT
// The flash: every byte it is given, every moment, every sync.
#include "cases.h"

#include <stdio.h>

typedef struct torn {
    const char *name;
    billing_config_t config;
    bool online;
    uint32_t keep_bytes; // objects that fill the flash, so that a compaction falls into it
} torn_t;

/// Power goes at that step of the flash, from 1; 0 never. Steps made before that count begins.
static uint64_t torn_sessions(const torn_t *torn, uint64_t step)
{
    for (uint16_t i = 0; torn->keep_bytes != 0u && i < 40u; i++) {
        billing_keep(i % 3u, torn->keep_bytes);
        billing_run_ms(100);
    }
    uint64_t first = billing_flash_steps();
    if (step != 0u) {
        billing_cut_at(first + step - 1u);
    }
    billing_link(torn->online, false);
    billing_session(0, 2500);
    billing_link(true, false);
    billing_run_ms(5000);
    billing_session(0, 1000);
    return first;
}

// A cut at each step of the flash in a session and its delivery.
static void cut_everywhere(const torn_t *torn)
{
    billing_open(&torn->config);
    uint64_t first = torn_sessions(torn, 0);
    uint64_t last = billing_flash_steps() - first;
    (void)judge("before the cuts");
    for (uint64_t step = 1; step <= last && !is_enough(); step++) {
        char what[100];
        snprintf(what, sizeof what, "cut at step %llu of %llu, %s", (unsigned long long)step,
                 (unsigned long long)last, torn->name);
        billing_config_t varied = torn->config;
        varied.seed = first_seed + (uint32_t)step;
        billing_open(&varied);
        (void)torn_sessions(torn, step);
        (void)judge(what);
    }
}

void cuts(void)
{
    static const torn_t all[] = {
        {"online", {.sync_polls = 2, .sample_s = 1, .stop_data = true}, true, 0},
        {"online, unsynced lost",
         {.sync_polls = 2, .sample_s = 1, .loses_unsynced = true, .program_bytes = 16},
         true,
         0},
        {"offline", {.sync_polls = 2, .sample_s = 1, .garbage = true}, false, 0},
        {"offline, unsynced lost",
         {.sync_polls = 2, .sample_s = 1, .stop_data = true, .loses_unsynced = true},
         false,
         0},
        {"offline, compactions",
         {.sync_polls = 2,
          .sample_s = 1,
          .stop_data = true,
          .segment_bytes = SMALL_FLASH,
          .program_bytes = 8},
         false,
         180},
        {"online, compactions, unsynced lost, three segments",
         {.sync_polls = 3,
          .sample_s = 1,
          .stop_data = true,
          .segment_bytes = SMALL_FLASH,
          .segment_count = 3,
          .loses_unsynced = true},
         true,
         180},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cut_everywhere(&all[i]);
    }
}

static void session_until(uint64_t at_ms, bool busy)
{
    billing_plug(0, true);
    billing_run_ms(100);
    (void)billing_card(0);
    for (uint64_t ms = 0; ms < at_ms; ms += 20u) {
        if (ms == 2500u) {
            (void)billing_card(0);
        }
        run_busy_ms(20, busy ? 40u : 0u);
    }
}

// The process, or the power, ends at each moment of a session: before, in and after every sync and every message.
void kills(void)
{
    for (unsigned way = 0; way < 6u; way++) {
        for (uint64_t at_ms = 0; at_ms <= 4400u && !is_enough(); at_ms += 20u) {
            bool online = way % 2u != 0u, is_cut = way >= 2u;
            char what[80];
            snprintf(what, sizeof what, "%s after %llu ms, %s", is_cut ? "cut" : "killed",
                     (unsigned long long)at_ms, online ? "online" : "offline");
            const billing_config_t config = {.sync_polls = way >= 4u ? 20u : 3u,
                                             .sample_s = 1,
                                             .loses_unsynced = is_cut,
                                             .stop_data = way % 4u < 2u,
                                             .seed = first_seed + (uint32_t)at_ms};
            billing_open(&config);
            billing_link(online, false);
            session_until(at_ms, way >= 4u);
            if (is_cut) {
                billing_cut_at(0);
            } else {
                billing_kill();
            }
            billing_run_ms(3000);
            (void)judge(what);
        }
    }
}

void failing_sync(void)
{
    for (uint32_t nth = 1; nth <= 14u; nth++) {
        for (unsigned way = 0; way < 4u && !is_enough(); way++) {
            bool online = way % 2u != 0u, is_cut = way >= 2u;
            char what[80];
            snprintf(what, sizeof what, "sync %u fails, %s%s", (unsigned)nth,
                     online ? "online" : "offline", is_cut ? ", then a cut" : "");
            const billing_config_t config = {.sync_polls = 1,
                                             .sample_s = 1,
                                             .loses_unsynced = true,
                                             .stop_data = true,
                                             .seed = first_seed + nth};
            billing_open(&config);
            billing_fail_sync(nth);
            billing_link(online, false);
            billing_session(0, 2500);
            if (is_cut) {
                billing_cut_at(0);
            }
            billing_session(1, 2500);
            (void)judge(what);
        }
    }
}
