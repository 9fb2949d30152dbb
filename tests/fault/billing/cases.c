// SPDX-License-Identifier: MIT
// What the cases share, the simplest of them, and those of readings. The table names all.
#include "cases.h"

#include <stdio.h>

#define SESSION_MS 5000u

tally_t tally;
unsigned first_seed = 1;

bool is_enough(void)
{
    return tally.stops_at_first && tally.bad > 0u;
}

bool judge(const char *what)
{
    bool good = billing_judge(what) == 0u;
    tally.bad += good ? 0u : 1u;
    tally.done++;
    billing_totals_t totals = billing_totals();
    tally.sessions += totals.sessions;
    tally.resends += totals.resends;
    tally.readings += totals.readings;
    tally.thinned += totals.thinned;
    tally.lost += totals.lost_messages;
    tally.compactions += totals.compactions;
    return good;
}

void fail(const char *what, unsigned value)
{
    printf("FAULT %s: %u\n", what, value);
    tally.bad++;
}

void open_world(uint32_t sample_s)
{
    const billing_config_t config = {
        .sync_polls = 1, .sample_s = sample_s, .stop_data = true, .seed = first_seed};
    billing_open(&config);
}

// Both connectors, overlapping.
void two_sessions(void)
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

// Another module keeps so many bytes every 60 ms meanwhile.
void run_busy_ms(uint64_t ms, uint32_t bytes)
{
    for (uint64_t i = 0; i * 20u < ms; i++) {
        if (i % 3u == 0u) {
            billing_keep((uint16_t)(i % 5u), bytes);
        }
        billing_run_ms(20);
    }
}

// The network comes back; the station notices within its backoff.
void come_online(void)
{
    billing_link(true, false);
    for (unsigned i = 0; i < 6000u && !billing_is_online(); i++) {
        billing_run_ms(20);
    }
}

void plain(void)
{
    open_world(1);
    two_sessions();
    (void)judge("no fault");
    billing_totals_t totals = billing_totals();
    if (totals.billed != 2u || totals.resends != 0u || totals.readings < 8u) {
        fail("no fault, but resends or fewer readings", totals.readings);
    }
    billing_run_ms(61000); // that the plug has gone is told with a checkpoint
    uint64_t steps = billing_flash_steps();
    billing_run_ms(3600000);
    if (billing_flash_steps() != steps) {
        fail("an idle hour writes", (unsigned)(billing_flash_steps() - steps));
    }
}

void offline(void)
{
    open_world(1);
    billing_link(false, false);
    billing_run_ms(1000);
    for (unsigned i = 0; i < 40u; i++) {
        billing_session(i % BILLING_CONNECTORS, 3000);
    }
    (void)judge("40 sessions offline");
    if (billing_totals().billed != 40u) {
        fail("40 sessions offline, billed", billing_totals().billed);
    }
}

// ---- readings -------------------------------------------------------------------------------------------------------

// What was in memory alone is journalled once it stays unconfirmed, or the link is down; then the power goes.
void late_readings(void)
{
    for (unsigned way = 0; way < 12u && !is_enough(); way++) {
        char what[80];
        snprintf(what, sizeof what, "readings journalled late, way %u", way);
        const billing_config_t config = {.sync_polls = way % 3u,
                                         .sample_s = 2,
                                         .loses_unsynced = true,
                                         .segment_bytes = way % 2u != 0u ? 8192u : 65536u,
                                         .seed = first_seed + way};
        billing_open(&config);
        billing_plug(0, true);
        billing_plug(1, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(1000);
        (void)billing_card(1);
        billing_run_ms(6000);
        if (way % 4u < 2u) {
            billing_misbehave(BILLING_NEVER, 1, 20);
            billing_run_ms(15000u + (way % 4u) * 33000u);
        } else {
            billing_link(false, way % 4u == 3u);
            billing_run_ms(4000u + (way % 4u - 2u) * 40000u);
        }
        (void)billing_card(0);
        billing_run_ms(2000);
        billing_cut_at(0);
        billing_run_ms(1000);
        billing_kill();
        (void)judge(what);
    }
}

// The StopTransaction with its sample sets: thinned, sent again and again, over reboots and compactions.
void stop_data(void)
{
    for (unsigned way = 0; way < 12u && !is_enough(); way++) {
        char what[80];
        snprintf(what, sizeof what, "sample sets of a Stop, way %u", way);
        const billing_config_t config = {.sync_polls = 1,
                                         .sample_s = 1,
                                         .stop_data = true,
                                         .segment_bytes = way % 2u != 0u ? 16384u : 65536u,
                                         .seed = first_seed + way};
        billing_open(&config);
        billing_plug(0, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(5000u + way * 9000u);
        for (uint16_t k = 0; k < 60u && way % 2u != 0u; k++) {
            billing_keep(k, 250);
            billing_run_ms(100);
        }
        billing_misbehave(way % 4u == 0u ? BILLING_TAKE_DROP : BILLING_NEVER, 1, 12);
        if (way % 4u != 3u) {
            (void)billing_card(0);
            billing_run_ms(300);
        } else {
            billing_cut_at(0);
        }
        for (unsigned k = 0; k < 5u; k++) {
            billing_run_ms(70000);
            billing_kill();
        }
        (void)judge(what);
    }
}

const named_case_t cases[] = {
    {"plain", plain},
    {"offline", offline},
    {"clock", clock_jumps},
    {"links", broken_links},
    {"resets", resets},
    {"late-readings", late_readings},
    {"stop-data", stop_data},
    {"refused", refused_over_reboots},
    {"refused-late", refused_readings},
    {"full-flash", full_flash},
    {"failing-sync", failing_sync},
    {"no-clock", no_clock},
    {"offsets", many_offsets},
    {"clock-cuts", clock_cuts},
    {"tight", tight},
    {"storms", storms},
    {"floods", floods},
    {"kills", kills},
    {"misbehaviour", misbehaviour},
    {"pairs", pairs},
    {"cuts", cuts},
};
const size_t case_count = sizeof cases / sizeof cases[0];
