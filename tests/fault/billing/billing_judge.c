// SPDX-License-Identifier: MIT
// The verdict: the ledger against the truth, session by session. Messages with transactionId -1 are right only behind a
// Start that was given up, and are matched to it by connector, turn and energy.
#include "billing_ledger.h"
#include "billing_truth.h"
#include "evse/evse_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POWER_mJ       (UINT64_C(61000) * POWER_mW / 1000u) // what flows between two checkpoints
#define SLACK_MS       3000u
#define CHECKPOINT_MS  61000u
#define ALIKE_US       500000u // half of the least interval between readings
#define NO_END         UINT64_MAX
#define STATION_UTC_MS 1795254153000ull // as in support/ocpp_station.h

// ---- what belongs to a Start -------------------------------------------------------------------------------------------

static bool is_told(const ledger_entry_t *start)
{
    return ledger_is_confirmed(start);
}

/// The order of the next Start on its connector: there its own messages end.
static uint64_t end_of(const ledger_entry_t *start)
{
    for (const ledger_entry_t *entry = start + 1; entry < &ledger.entry[ledger.count]; entry++) {
        if (entry->kind == LEDGER_START && entry->connector == start->connector) {
            return entry->order;
        }
    }
    return NO_END;
}

static bool is_of(const ledger_entry_t *entry, const ledger_entry_t *start, uint64_t end)
{
    if (entry->kind == LEDGER_START) {
        return false;
    }
    if (is_told(start) || entry->transaction == start->transaction) {
        return entry->transaction == start->transaction;
    }
    bool of_connector = entry->connector == 0u || entry->connector == start->connector;
    return entry->transaction == EVSE_TRANSACTION_ID_UNKNOWN && of_connector && entry > start &&
           entry->order < end;
}

static uint64_t least_loss_mJ(const truth_t *truth)
{
    uint64_t limit_mJ = mJ_PER_Wh; // both ends are whole Wh
    return truth->cut ? limit_mJ + (POWER_mJ < CHECKPOINT_mJ ? POWER_mJ : CHECKPOINT_mJ) : limit_mJ;
}

static bool is_energy_right(const ledger_entry_t *start, const ledger_entry_t *stop,
                            const truth_t *truth)
{
    int64_t lost_mJ = (int64_t)truth->mJ - (stop->Wh - start->Wh) * (int64_t)mJ_PER_Wh;
    return lost_mJ <= (int64_t)least_loss_mJ(truth) && lost_mJ >= -(int64_t)mJ_PER_Wh &&
           stop->Wh >= start->Wh;
}

/// The Stop, and that there is one, behind everything else.
static ledger_entry_t *stop_of(const ledger_entry_t *start, const truth_t *truth)
{
    ledger_entry_t *stop = NULL;
    uint64_t end = end_of(start);
    for (uint32_t i = 0; i < ledger.count; i++) {
        ledger_entry_t *entry = &ledger.entry[i];
        if (!is_of(entry, start, end)) {
            continue;
        }
        bool is_stop = entry->kind == LEDGER_STOP;
        if (!is_told(start) && is_stop &&
            (stop != NULL || entry->claimed || !is_energy_right(start, entry, truth))) {
            continue; // of another that was given up
        }
        if (entry < start) {
            ledger_found("before its Start", entry);
        }
        if (stop != NULL) {
            ledger_found(is_stop ? "a second Stop" : "a reading after the Stop", entry);
        }
        stop = is_stop ? entry : stop;
    }
    if (stop != NULL) {
        stop->claimed = true;
    }
    return stop;
}

// ---- its values --------------------------------------------------------------------------------------------------------

static void judge_energy(const ledger_entry_t *start, const ledger_entry_t *stop,
                         const truth_t *truth)
{
    if (start->Wh != (int64_t)(truth->start_mJ / mJ_PER_Wh)) {
        ledger_found("its meterStart is not the register", start);
    }
    if (!is_energy_right(start, stop, truth)) {
        printf("  %s: %lld Wh billed, %lld mJ flowed%s\n", truth->tag,
               (long long)(stop->Wh - start->Wh), (long long)truth->mJ, truth->cut ? ", cut" : "");
        ledger_found("wrong energy", start);
    }
}

static void judge_reason(const ledger_entry_t *stop, const truth_t *truth)
{
    uint32_t reasons = truth->reasons | (truth->ran ? 0u : STOP_BIT(Other)); // never taken up
    for (unsigned reason = 0; reason < EVSE_STOP_REASON_COUNT; reason++) {
        if (strcmp(evse_stop_reason_text(reason), stop->reason) == 0 &&
            (reasons >> reason & 1u) != 0u) {
            return;
        }
    }
    printf("  %s: reason %s\n", truth->tag, stop->reason);
    ledger_found("not its reason", stop);
}

static uint64_t utc_ms(uint64_t at_us)
{
    return STATION_UTC_MS + at_us / 1000u;
}

/// True when moments of this boot got the true time; else a later one at most.
static bool is_timed(uint32_t boot)
{
    const boot_truth_t *truth = &truths.boot[boot];
    return truth->clock_us != 0u && truth->is_clock_kept && !truth->storage_failed &&
           (truth->to_us == 0u || truth->clock_us + truths.store_us + 1000000u < truth->to_us);
}

static void judge_times(const ledger_entry_t *start, const ledger_entry_t *stop,
                        const truth_t *truth)
{
    if (stop->utc_ms < start->utc_ms || start->utc_ms == 0u) {
        ledger_found("its times run backwards, or are none", stop);
    }
    if (truths.clock_jumped) {
        return;
    }
    if (start->utc_ms + SLACK_MS < utc_ms(truth->card_us)) {
        ledger_found("it starts before its card was there", start);
    }
    if (truth->run_us == 0u || !is_timed(truth->boot)) {
        return;
    }
    if (start->utc_ms > utc_ms(truth->run_us) + SLACK_MS) {
        ledger_found("it starts after power flowed", start);
    }
    uint64_t earliest_ms = utc_ms(truth->last_us) - SLACK_MS - (truth->cut ? CHECKPOINT_MS : 0u);
    uint64_t latest_ms = utc_ms(truth->cut ? truth->cut_us : truth->last_us) + SLACK_MS;
    if (stop->utc_ms < earliest_ms || stop->utc_ms > latest_ms) {
        ledger_found("it stops at another time", stop);
    }
}

// ---- readings ----------------------------------------------------------------------------------------------------------

/// The next one of a session from `*at` on; NULL none.
static handed_t *next_handed(handed_list_t *list, uint32_t session, uint32_t *at)
{
    while (*at < list->count) {
        handed_t *handed = &list->item[(*at)++];
        if (handed->session == session) {
            return handed;
        }
    }
    return NULL;
}

/// Readings without energy between them look alike: of those the one as long after the reading before as its time says.
static handed_t *nearest_alike(handed_list_t *list, handed_t *handed, uint32_t *at, uint64_t at_us)
{
    uint32_t ahead = *at;
    handed_t *next = next_handed(list, handed->session, &ahead);
    while (next != NULL && next->Wh == handed->Wh && next->at_us <= at_us + ALIKE_US) {
        handed = next;
        *at = ahead;
        next = next_handed(list, handed->session, &ahead);
    }
    return handed;
}

/// What arrived is a part of what was handed over, in order.
static void match_readings(const ledger_entry_t *start, uint32_t session)
{
    uint64_t end = end_of(start);
    uint32_t at = 0;
    const ledger_entry_t *before = NULL;
    uint64_t before_us = 0;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const ledger_entry_t *entry = &ledger.entry[i];
        if (entry->kind != LEDGER_READING || !is_of(entry, start, end)) {
            continue;
        }
        if (entry->connector != start->connector) {
            ledger_found("a reading of another connector", entry);
        }
        handed_t *handed = next_handed(&truths.readings, session, &at);
        while (handed != NULL && (int64_t)handed->Wh != entry->Wh) {
            handed = next_handed(&truths.readings, session, &at);
        }
        if (handed == NULL) {
            ledger_found("a reading that nobody took, or not in its place", entry);
            return;
        }
        if (before != NULL && entry->utc_ms > before->utc_ms) {
            handed = nearest_alike(&truths.readings, handed, &at,
                                   before_us + (entry->utc_ms - before->utc_ms) * 1000u);
        }
        handed->seen = true;
        before = entry;
        before_us = handed->at_us;
    }
}

/// Those that had to arrive and did not; the first and the last of a session are never thinned.
static uint32_t count_missing(const ledger_entry_t *start, uint32_t session)
{
    uint32_t missing = 0, at = 0;
    bool is_first = true, is_last_missing = false;
    for (handed_t *handed = next_handed(&truths.readings, session, &at); handed != NULL;
         handed = next_handed(&truths.readings, session, &at)) {
        if (handed->excused && !handed->seen) {
            is_first = is_last_missing = false; // it was the last when others were thinned
            continue;
        }
        if (!handed->seen) {
            missing++;
            ledger_trace("was taken, and did not arrive:", start->id, (hf_slice_t){"", 0});
            if (ledger.is_traced) {
                printf("  %llu Wh, at %llu ms\n", (unsigned long long)handed->Wh,
                       (unsigned long long)handed->at_us / 1000u);
            }
        }
        if (is_first && !handed->seen) {
            ledger_found("the first reading is gone", start);
        }
        is_first = false;
        is_last_missing = !handed->seen;
    }
    if (is_last_missing) {
        ledger_found("the last reading is gone", start);
    }
    return missing;
}

// ---- sample sets of a Stop ---------------------------------------------------------------------------------------------

typedef struct sets {
    int64_t Wh[CONFIG_EVSE_TXDATA_MAX + 1u];
    uint32_t count;
} sets_t;

/// The rule of the header: when they are used up every second one goes, the first and the newest stay.
static void add_set(sets_t *sets, int64_t Wh)
{
    if (sets->count == CONFIG_EVSE_TXDATA_MAX) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < sets->count; i += 2u) {
            sets->Wh[kept++] = sets->Wh[i];
        }
        sets->count = kept;
    }
    sets->Wh[sets->count++] = Wh;
}

static bool is_same(const ledger_entry_t *stop, const sets_t *sets)
{
    bool has_edge = stop->sets == sets->count + 1u && sets->count > 0u; // the end that nobody saw
    if (stop->sets != sets->count && !has_edge) {
        return false;
    }
    for (uint32_t i = 0; i < sets->count; i++) {
        if (ledger.set[stop->set + i].Wh != sets->Wh[i]) {
            return false;
        }
    }
    const ledger_set_t *edge = &ledger.set[stop->set + sets->count];
    return !has_edge || (edge->Wh == stop->Wh && strcmp(edge->context, "Transaction.End") == 0);
}

static void judge_sets(const ledger_entry_t *stop, uint32_t session)
{
    sets_t sets = {.count = 0};
    uint32_t at = 0;
    bool is_right = true;
    for (handed_t *handed = next_handed(&truths.sets, session, &at); handed != NULL;
         handed = next_handed(&truths.sets, session, &at)) {
        is_right = handed->excused && (is_right || is_same(stop, &sets));
        add_set(&sets, (int64_t)handed->Wh);
    }
    if (!is_right && !is_same(stop, &sets)) {
        ledger_found("not its sample sets", stop);
    }
    for (uint32_t i = 1; i < stop->sets; i++) {
        if (ledger.set[stop->set + i].utc_ms < ledger.set[stop->set + i - 1u].utc_ms) {
            ledger_found("its sample sets run backwards", stop);
            return;
        }
    }
}

// ---- the whole ---------------------------------------------------------------------------------------------------------

static const ledger_entry_t *start_of(const truth_t *truth)
{
    const ledger_entry_t *start = NULL;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const ledger_entry_t *entry = &ledger.entry[i];
        if (entry->kind == LEDGER_START && strcmp(entry->tag, truth->tag) == 0) {
            if (start != NULL) {
                ledger_found("a second Start of one session", entry);
            }
            start = entry;
        }
    }
    return start;
}

static uint32_t judge_session(uint32_t session)
{
    const truth_t *truth = &truths.session[session];
    const ledger_entry_t *start = start_of(truth);
    if (start == NULL) {
        if (truth->ran || truth->mJ != 0u) {
            printf("  %s, connector %u, %llu mJ\n", truth->tag, truth->connector + 1u,
                   (unsigned long long)truth->mJ);
            ledger_found("power without a bill", NULL);
        }
        return 0;
    }
    if (start->connector != truth->connector + 1u) {
        ledger_found("of another connector", start);
    }
    const ledger_entry_t *stop = stop_of(start, truth);
    if (stop == NULL) {
        ledger_found("no Stop", start);
        return 0;
    }
    judge_energy(start, stop, truth);
    judge_reason(stop, truth);
    judge_times(start, stop, truth);
    judge_sets(stop, session);
    match_readings(start, session);
    return count_missing(start, session);
}

static bool is_tag_known(const ledger_entry_t *entry)
{
    for (uint32_t i = 0; i < truths.sessions; i++) {
        if (strcmp(truths.session[i].tag, entry->tag) == 0) {
            return true;
        }
    }
    return false;
}

static void judge_entry(const ledger_entry_t *entry, uint64_t order)
{
    if (entry->order <= order) {
        ledger_found("out of order", entry);
    }
    if (entry->kind == LEDGER_START && !is_tag_known(entry)) {
        ledger_found("a Start of nobody", entry);
    }
    bool is_unknown = entry->transaction == EVSE_TRANSACTION_ID_UNKNOWN;
    if (entry->kind != LEDGER_START && !is_unknown &&
        (entry->transaction < FIRST_TRANSACTION || entry->transaction >= ledger.next_transaction)) {
        ledger_found("of no known transaction", entry);
    }
    bool is_lost_reading =
        entry->kind == LEDGER_READING && ledger_has_fault(entry->last_us, truths.now_us, true);
    if (!ledger_is_confirmed(entry) && !ledger_is_given_up(entry) && !is_lost_reading) {
        ledger_found("never confirmed", entry);
    }
}

unsigned ledger_judge(const char *what)
{
    uint64_t order = 0;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < ledger.count; i++) {
        judge_entry(&ledger.entry[i], order);
        order = ledger.entry[i].order;
    }
    for (uint32_t i = 0; i < truths.sessions; i++) {
        missing += judge_session(i);
    }
    for (uint32_t i = 0; i < ledger.count; i++) {
        const ledger_entry_t *entry = &ledger.entry[i];
        if (entry->kind == LEDGER_STOP && !entry->claimed) {
            ledger_found("a Stop of no session", entry);
        }
    }
    if (missing > truths.thinned) {
        printf("  %u readings did not arrive, %llu were thinned\n", missing,
               (unsigned long long)truths.thinned);
        ledger_found("readings lost", NULL);
    }
    if (ledger.faults > 0u) {
        printf("FAULT %s: %u\n", what, ledger.faults);
    }
    return ledger.faults;
}
