// SPDX-License-Identifier: MIT
// Every message, and every pair of messages, is met with every misbehaviour; refusals over reboots; links, clocks, resets.
#include "cases.h"

#include <stdio.h>

#define SESSION_MS 5000u

static const char *const answers[BILLING_ANSWERS] = {"answered",
                                                     "never answered",
                                                     "answered late",
                                                     "answered after it came again",
                                                     "CALLERROR",
                                                     "answered twice",
                                                     "answered for another id",
                                                     "taken, then the link broke",
                                                     "link broke on the way"};

// Every message of two sessions is met with every misbehaviour: once, twice, and more often than a refusal is borne.
void misbehaviour(void)
{
    static const unsigned times[] = {1, 2, BILLING_ATTEMPTS + 1u};
    for (unsigned answer = BILLING_NEVER; answer < BILLING_ANSWERS; answer++) {
        for (unsigned nth = 1; nth <= 16u; nth++) {
            for (unsigned i = 0; i < 3u && !is_enough(); i++) {
                bool given_up = answer == BILLING_ERROR && times[i] >= BILLING_ATTEMPTS;
                unsigned count = given_up ? BILLING_ATTEMPTS : times[i];
                char what[80];
                snprintf(what, sizeof what, "message %u %s, %u times", nth, answers[answer], count);
                open_world(1);
                billing_misbehave((billing_answer_t)answer, nth, count);
                two_sessions();
                billing_run_ms(answer == BILLING_ERROR ? 40000u : count * 65000u);
                (void)judge(what);
                if (nth <= 12u && billing_totals().lost_messages != (given_up ? 1u : 0u)) {
                    fail("messages given up", billing_totals().lost_messages);
                }
            }
        }
    }
}

// One misbehaviour after the other, on consecutive messages, with and without a reboot meanwhile, answers taking their time.
void pairs(void)
{
    for (unsigned pair = 0; pair < (unsigned)BILLING_ANSWERS * BILLING_ANSWERS; pair++) {
        unsigned first = pair / BILLING_ANSWERS, second = pair % BILLING_ANSWERS;
        for (unsigned nth = 1; nth <= 5u; nth++) {
            for (unsigned kill_ms = 0; kill_ms <= 6000u && !is_enough(); kill_ms += 6000u) {
                char what[120];
                snprintf(what, sizeof what, "message %u %s, the next %s, killed after %u ms", nth,
                         answers[first], answers[second], kill_ms);
                const billing_config_t config = {.sync_polls = 1,
                                                 .sample_s = 3,
                                                 .latency_ms = 60u * (nth % 2u),
                                                 .stop_data = true,
                                                 .seed = first_seed};
                billing_open(&config);
                billing_misbehave((billing_answer_t)first, nth, 1);
                billing_misbehave_then((billing_answer_t)second, 1);
                two_sessions();
                billing_run_ms(kill_ms);
                if (kill_ms != 0u) {
                    billing_kill();
                }
                billing_run_ms(130000);
                (void)judge(what);
            }
        }
    }
}

// A message is refused as often as is borne, over a reboot at any moment: the count goes on.
void refused_over_reboots(void)
{
    for (unsigned nth = 1; nth <= 4u; nth++) {
        for (unsigned kill_s = 2; kill_s <= 24u && !is_enough(); kill_s += 2u) {
            char what[80];
            snprintf(what, sizeof what, "message %u refused, killed after %u s", nth, kill_s);
            const billing_config_t config = {.segment_bytes = nth % 2u == 0u ? 8192u : 65536u,
                                             .sync_polls = 1,
                                             .sample_s = 1,
                                             .seed = first_seed};
            billing_open(&config);
            billing_link(false, false); // all of them are on the flash
            two_sessions();
            billing_misbehave(BILLING_ERROR, nth, BILLING_ATTEMPTS);
            billing_link(true, false);
            if (nth % 2u == 0u) {
                run_busy_ms(kill_s * 1000u, 200);
            } else {
                billing_run_ms(kill_s * 1000u);
            }
            billing_kill();
            billing_run_ms(30000);
            (void)judge(what);
        }
    }
}

// A reading is refused while it is in memory alone; then the link goes, so it is journalled, and then the power.
void refused_readings(void)
{
    for (unsigned way = 0; way < 6u && !is_enough(); way++) {
        open_world(2);
        billing_plug(0, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(1500);
        billing_misbehave(BILLING_ERROR, 1, BILLING_ATTEMPTS);
        billing_run_ms(2000u + way * 2000u);
        billing_link(false, false);
        billing_run_ms(1500);
        billing_cut_at(0);
        come_online();
        billing_run_ms(40000);
        char what[60];
        snprintf(what, sizeof what, "reading refused before it was journalled, way %u", way);
        (void)judge(what);
    }
}

// ---- link and restarts ----------------------------------------------------------------------------------------------

void broken_links(void)
{
    open_world(1);
    billing_session(0, 1500);
    billing_link(true, true);
    billing_session(0, SESSION_MS);
    billing_run_ms(120000);
    billing_drop();
    (void)judge("half-open link");
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
    (void)judge("20 reconnects a minute");
}

void resets(void)
{
    for (unsigned way = 0; way < 24u && !is_enough(); way++) {
        char what[80];
        snprintf(what, sizeof what, "reset %u", way);
        const billing_config_t config = {.segment_bytes = way % 3u == 0u ? SMALL_FLASH : 65536u,
                                         .sync_polls = way % 4u,
                                         .sample_s = 1,
                                         .stop_data = true,
                                         .loses_unsynced = true,
                                         .seed = first_seed + way};
        billing_open(&config);
        billing_plug(0, true);
        billing_run_ms(100);
        (void)billing_card(0);
        billing_run_ms(4000);
        if (way % 2u != 0u) {
            billing_misbehave(BILLING_NEVER, 1, 6);
        }
        billing_run_ms(2000);
        billing_reset(way % 4u < 2u);
        billing_run_ms(40u * way);
        if (way >= 12u) {
            billing_cut_at(0);
        }
        billing_run_ms(20000);
        billing_session(1, 2000);
        (void)judge(what);
    }
}
