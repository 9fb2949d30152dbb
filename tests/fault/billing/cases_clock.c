// SPDX-License-Identifier: MIT
// Clocks that jump, that nobody has told the station, or only just.
#include "cases.h"

#include <stdio.h>

void clock_jumps(void)
{
    static const int64_t jumps_s[] = {-86400, -3600, -90, -3, 3, 90, 3600, 86400};
    for (size_t i = 0; i < sizeof jumps_s / sizeof jumps_s[0]; i++) {
        for (unsigned way = 0; way < 4u && !is_enough(); way++) {
            bool before = way % 2u != 0u, is_cut = way >= 2u;
            char what[80];
            snprintf(what, sizeof what, "clock jumps by %lld s %s%s", (long long)jumps_s[i],
                     before ? "before" : "within a session", is_cut ? ", then a cut" : "");
            const billing_config_t config = {.sync_polls = 1,
                                             .sample_s = is_cut ? 300u : 10u,
                                             .stop_data = !is_cut,
                                             .seed = first_seed};
            billing_open(&config);
            if (before) {
                billing_jump_clock(jumps_s[i]);
                billing_run_ms(130000);
            }
            billing_plug(0, true);
            billing_run_ms(100);
            (void)billing_card(0);
            billing_run_ms(20000);
            if (!before) {
                billing_jump_clock(jumps_s[i]);
                billing_run_ms(130000); // two heartbeats
            }
            if (is_cut) { // after a checkpoint
                billing_run_ms(20000);
                billing_cut_at(0);
            }
            (void)billing_card(0);
            billing_run_ms(300);
            billing_plug(0, false);
            (void)judge(what);
        }
    }
}

// Boots that never hear the time, some with sessions, then one that does: in some cases in the middle of them.
void no_clock(void)
{
    for (unsigned way = 0; way < 32u && !is_enough(); way++) {
        char what[80];
        snprintf(what, sizeof what, "boots without a clock, way %u", way);
        const billing_config_t config = {.segment_bytes = way % 2u != 0u ? 8192u : 65536u,
                                         .sync_polls = 1,
                                         .sample_s = 2,
                                         .stop_data = way % 4u < 2u,
                                         .seed = first_seed + way};
        billing_open(&config);
        billing_link(false, false);
        for (unsigned boot = 0; boot < 3u + way % 5u; boot++) {
            if (way & 4u) {
                billing_kill();
            } else {
                billing_cut_at(0);
            }
            billing_run_ms(20000u + 1000u * boot);
            if ((way >> 3 & 1u) == 0u || boot % 2u == 0u) {
                billing_session(boot % 2u, 7000);
            }
            if ((way >> 4 & 1u) != 0u && boot == 2u) { // time is told, little is delivered
                billing_misbehave(BILLING_NEVER, 1u + way % 3u, 20);
                billing_link(true, false);
                billing_run_ms(3000);
                billing_link(false, false);
                billing_session(1, 5000);
            }
            billing_plug(0, true);
            billing_run_ms(100);
            (void)billing_card(0);
            billing_run_ms(6000); // and runs when the next boot comes
        }
        billing_misbehave(BILLING_TAKE_DROP, 1u + way % 4u, 3);
        billing_link(true, false);
        billing_run_ms(10000);
        billing_kill();
        (void)judge(what);
    }
}

// Power goes at each moment after the time has been told.
void clock_cuts(void)
{
    for (unsigned ms = 0; ms <= 1600u && !is_enough(); ms += 20u) {
        const billing_config_t config = {.segment_bytes = ms % 40u == 0u ? SMALL_FLASH : 65536u,
                                         .sync_polls = 8,
                                         .sample_s = 1,
                                         .loses_unsynced = true,
                                         .stop_data = true,
                                         .seed = first_seed + ms};
        billing_open(&config);
        billing_link(false, false);
        billing_cut_at(0);
        billing_run_ms(2000);
        billing_session(0, 1500);
        come_online();
        run_busy_ms(ms, ms % 40u == 0u ? 300u : 0u);
        billing_cut_at(0);
        billing_run_ms(7000);
        char what[60];
        snprintf(what, sizeof what, "cut %u ms after the network came", ms);
        (void)judge(what);
    }
}

// More boots than the store knows offsets of, each with a session before it hears the time, and nothing is delivered.
void many_offsets(void)
{
    for (unsigned way = 0; way < 6u && !is_enough(); way++) {
        const billing_config_t config = {.segment_bytes = way % 2u != 0u ? 16384u : 65536u,
                                         .sync_polls = 1,
                                         .sample_s = 2,
                                         .seed = first_seed + way};
        billing_open(&config);
        for (unsigned boot = 0; boot < 8u + 2u * way; boot++) {
            billing_link(false, false);
            billing_kill();
            billing_run_ms(30000u + 7000u * boot);
            billing_session(boot % 2u, 3000);
            billing_misbehave(way % 3u == 2u && boot == 5u ? BILLING_ANSWER : BILLING_NEVER, 1, 60);
            come_online();
            run_busy_ms(3000, way % 2u != 0u ? 200u : 0u);
        }
        char what[60];
        snprintf(what, sizeof what, "more boots than offsets, way %u", way);
        (void)judge(what);
    }
}
