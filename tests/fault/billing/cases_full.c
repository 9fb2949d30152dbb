// SPDX-License-Identifier: MIT
// Too little flash: full, flooded with readings, filled by others; what was taken is billed all the same.
#include "cases.h"

#include <stdio.h>

// Sessions offline until the station takes no more; those it took are all billed. How many began.
static unsigned fill_with_sessions(uint64_t session_ms)
{
    unsigned began = 0;
    for (unsigned i = 0; i < 100u; i++) {
        billing_plug(0, true);
        billing_run_ms(100);
        bool accepted = billing_card(0);
        billing_run_ms(session_ms);
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
    return began;
}

void full_flash(void)
{
    for (unsigned way = 0; way < 4u && !is_enough(); way++) {
        const billing_config_t config = {
            .segment_bytes = SMALL_FLASH, .sync_polls = 1, .sample_s = 1, .seed = first_seed + way};
        billing_open(&config);
        billing_link(false, false);
        billing_run_ms(1000);
        if (way >= 2u) { // one runs on
            billing_plug(1, true);
            billing_run_ms(100);
            (void)billing_card(1);
            billing_run_ms(1000);
        }
        unsigned began = fill_with_sessions(3000);
        if (way % 2u != 0u) {
            billing_cut_at(0);
        }
        (void)judge("flash full");
        if (began < 4u || began >= 100u || billing_totals().billed < began) {
            fail("flash full, sessions began", began);
        }
    }
}

// Readings with every measurand flood the flash, offline: thinned until the journal is full, with objects in between, a
// reboot in the middle of the delivery; then sessions until none is taken any more.
void floods(void)
{
    static const uint32_t segments[] = {8192, 20480, 32768, 65536};
    for (unsigned i = 0; i < 16u && !is_enough(); i++) {
        const billing_config_t config = {.segment_bytes = segments[i % 4u],
                                         .sync_polls = 1,
                                         .sample_s = 1,
                                         .long_readings = i % 2u == 0u,
                                         .stop_data = i % 8u < 4u,
                                         .loses_unsynced = i % 3u == 0u,
                                         .seed = first_seed + i};
        billing_open(&config);
        billing_link(false, false);
        billing_plug(1, true);
        billing_run_ms(100);
        (void)billing_card(1);
        for (unsigned k = 0; k < 50u; k++) {
            billing_keep((uint16_t)k, 40u + (i * 7u + k) % 90u);
            billing_run_ms(10000u + i * 1300u);
        }
        unsigned began = fill_with_sessions(3000) + 1u;
        (void)billing_card(1);
        billing_run_ms(1000);
        for (unsigned k = 0; k < 4u; k++) {
            come_online();
            billing_run_ms(700u + 300u * k);
            billing_kill();
        }
        char what[80];
        snprintf(what, sizeof what, "flood %u, segments of %u", i, (unsigned)segments[i % 4u]);
        (void)judge(what);
        if (billing_totals().billed < began) {
            fail("flood, billed", billing_totals().billed);
        }
    }
}

// The flash is full, a session goes on, the central system takes what waits, other modules write: power goes at each moment.
void tight(void)
{
    for (unsigned i = 0; i < 240u && !is_enough(); i++) {
        unsigned way = i % 4u;
        const billing_config_t config = {.segment_bytes = way < 2u ? 8192u : SMALL_FLASH,
                                         .segment_count = 2u + way % 2u,
                                         .sync_polls = way == 1u ? 24u : 6u,
                                         .sample_s = 1,
                                         .loses_unsynced = true,
                                         .stop_data = way == 0u,
                                         .seed = first_seed + i};
        billing_open(&config);
        billing_link(false, false);
        billing_plug(0, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(way < 2u ? 90000u : 12000u);
        come_online();
        run_busy_ms(20u * (i / 4u), 100);
        if (i % 8u < 4u) {
            billing_cut_at(0);
        } else {
            billing_kill();
        }
        run_busy_ms(2000, 100);
        billing_cut_at(0);
        char what[40];
        snprintf(what, sizeof what, "tight flash %u", i);
        (void)judge(what);
    }
}

// Other modules fill a segment within one sync; all records are alike, so that old ones would fit into their places.
void storms(void)
{
    for (unsigned i = 0; i < 120u && !is_enough(); i++) {
        const billing_config_t config = {.segment_bytes = SMALL_FLASH,
                                         .segment_count = 2u + i % 2u,
                                         .sync_polls = 30,
                                         .sample_s = 1,
                                         .loses_unsynced = true,
                                         .seed = first_seed + i};
        billing_open(&config);
        billing_plug(0, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(2000);
        for (uint16_t k = 0; k < 30u + i; k++) {
            billing_keep(k % 2u, 120);
            billing_keep(2u + k % 2u, 120);
            if (k % 2u == 0u) {
                billing_run_ms(20);
            }
        }
        billing_cut_at(0);
        billing_run_ms(2000);
        char what[40];
        snprintf(what, sizeof what, "storm %u", i);
        (void)judge(what);
    }
}
