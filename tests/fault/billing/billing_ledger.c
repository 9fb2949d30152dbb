// SPDX-License-Identifier: MIT
// The ledger: one entry a message id. A message that comes again must be the same to the byte, and a fault must have
// fallen since it
// was last sent; the judge then looks at each session's Start, readings and Stop.
#include "billing_ledger.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES       8192u
#define mJ_PER_Wh     UINT64_C(3600000)
#define CHECKPOINT_mJ (50u * mJ_PER_Wh)
#define POWER_mJ      (UINT64_C(2300000) * 61u) // what flows in the time between two checkpoints
#define FIRST_ID      5001

typedef enum kind { START, READING, STOP } kind_t;

typedef struct entry {
    char id[40];
    uint64_t order; // boot and sequence, of its id
    uint32_t crc;
    kind_t kind;
    int32_t transaction; // START: given; else: as the station says
    int64_t Wh;          // START, STOP
    uint64_t utc_ms;
    char tag[21], reason[20];
    unsigned connector;
    uint64_t last_us; // last time it came
} entry_t;

typedef struct ledger {
    entry_t entry[ENTRIES];
    uint32_t count;
    int32_t next_transaction;
    uint64_t fault_us;
    unsigned faults; // found
    const char *first_fault;
    unsigned resends, explained;
} ledger_t;

static ledger_t ledger;

void ledger_open(void)
{
    memset(&ledger, 0, sizeof ledger);
    ledger.next_transaction = FIRST_ID;
}

void ledger_fault(uint64_t at_us)
{
    ledger.fault_us = at_us;
}

static void found(const char *what, const entry_t *entry)
{
    ledger.faults++;
    if (ledger.faults <= 5u) {
        printf("  %s: %s\n", what, entry != NULL ? entry->id : "");
    }
}

static uint64_t order_of(const char *id)
{
    const char *boot = strchr(id, '-');
    char *rest = NULL;
    uint64_t number = boot != NULL ? strtoull(boot + 1, &rest, 16) << 32 : 0u;
    return rest != NULL && *rest == '-' ? number | strtoull(rest + 1, NULL, 16) : 0u;
}

static int64_t int_of(hf_json_t object, const char *name)
{
    int64_t value = INT64_MIN;
    (void)!hf_json_i64(hf_json_member(object, name), &value);
    return value;
}

static uint64_t time_of(hf_json_t value)
{
    char text[40];
    uint64_t utc_ms = 0;
    if (hf_json_string(value, text, sizeof text) != HF_OK ||
        hf_iso8601_parse(text, strlen(text), &utc_ms) != HF_OK) {
        return 0;
    }
    return utc_ms;
}

static entry_t *find(const char *id)
{
    for (uint32_t i = ledger.count; i-- > 0u;) {
        if (strcmp(ledger.entry[i].id, id) == 0) {
            return &ledger.entry[i];
        }
    }
    return NULL;
}

static void read_entry(entry_t *entry, const char *action, hf_json_t payload)
{
    entry->kind = strcmp(action, "StartTransaction") == 0  ? START
                  : strcmp(action, "StopTransaction") == 0 ? STOP
                                                           : READING;
    entry->utc_ms = time_of(hf_json_member(payload, "timestamp"));
    if (entry->kind == START) {
        entry->transaction = ledger.next_transaction++;
        entry->connector = (unsigned)int_of(payload, "connectorId");
        entry->Wh = int_of(payload, "meterStart");
        (void)!hf_json_string(hf_json_member(payload, "idTag"), entry->tag, sizeof entry->tag);
        return;
    }
    int64_t transaction = int_of(payload, "transactionId");
    entry->transaction = transaction == INT64_MIN ? 0 : (int32_t)transaction;
    entry->Wh = int_of(payload, "meterStop");
    (void)!hf_json_string(hf_json_member(payload, "reason"), entry->reason, sizeof entry->reason);
    if (entry->kind == READING) {
        entry->utc_ms = time_of(
            hf_json_member(hf_json_element(hf_json_member(payload, "meterValue"), 0), "timestamp"));
    }
}

int32_t ledger_take(uint64_t at_us, const char *id, const char *action, hf_json_t payload)
{
    uint32_t crc = hf_crc32c(0, payload.raw.text, payload.raw.length);
    entry_t *entry = find(id);
    if (entry != NULL) {
        ledger.resends++;
        bool is_explained = ledger.fault_us >= entry->last_us;
        ledger.explained += is_explained;
        if (!is_explained) {
            found("sent again without a reason", entry);
        }
        if (entry->crc != crc) {
            found("sent again as something else", entry);
            printf("  %.*s, first at %llu ms\n", (int)payload.raw.length, payload.raw.text,
                   (unsigned long long)entry->utc_ms);
        }
        entry->last_us = at_us;
        return entry->transaction;
    }
    if (strcmp(action, "MeterValues") == 0 && int_of(payload, "transactionId") == INT64_MIN) {
        return 0; // outside of a transaction: no bill
    }
    if (ledger.count == ENTRIES) {
        found("the ledger is full", NULL);
        return 0;
    }
    entry = &ledger.entry[ledger.count++];
    *entry = (entry_t){.crc = crc, .order = order_of(id), .last_us = at_us};
    snprintf(entry->id, sizeof entry->id, "%s", id);
    read_entry(entry, action, payload);
    return entry->transaction;
}

// ---- judging -----------------------------------------------------------------------------------------------------------

static const entry_t *only_stop_of(const entry_t *start)
{
    const entry_t *stop = NULL;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const entry_t *entry = &ledger.entry[i];
        if (entry->kind == START || entry->transaction != start->transaction) {
            continue;
        }
        if (entry < start) {
            found("before its Start", entry);
        }
        if (stop != NULL) {
            found(entry->kind == STOP ? "a second Stop" : "a reading after the Stop", entry);
        }
        stop = entry->kind == STOP ? entry : stop;
    }
    return stop;
}

static void judge_energy(const entry_t *start, const entry_t *stop, const truth_t *truth)
{
    int64_t billed_mJ = (stop->Wh - start->Wh) * (int64_t)mJ_PER_Wh;
    int64_t lost_mJ = (int64_t)truth->mJ - billed_mJ;
    int64_t limit_mJ = (int64_t)mJ_PER_Wh; // both ends are whole Wh
    if (truth->cut) {
        limit_mJ += (int64_t)(POWER_mJ < CHECKPOINT_mJ ? POWER_mJ : CHECKPOINT_mJ);
    }
    if (lost_mJ > limit_mJ || lost_mJ < -(int64_t)mJ_PER_Wh) {
        printf("  %s: %lld Wh billed, %lld mJ flowed%s\n", truth->tag,
               (long long)(stop->Wh - start->Wh), (long long)truth->mJ, truth->cut ? ", cut" : "");
        found("wrong energy", start);
    }
}

static void judge_session(const truth_t *truth)
{
    const entry_t *start = NULL;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const entry_t *entry = &ledger.entry[i];
        if (entry->kind == START && strcmp(entry->tag, truth->tag) == 0) {
            if (start != NULL) {
                found("a second Start of one session", entry);
            }
            start = entry;
        }
    }
    if (start == NULL) {
        if (truth->ran || truth->mJ != 0u) {
            printf("  %s, connector %u, %llu mJ\n", truth->tag, truth->connector + 1u,
                   (unsigned long long)truth->mJ);
            found("power without a bill", NULL);
        }
        return;
    }
    if (start->connector != truth->connector + 1u) {
        found("of another connector", start);
    }
    const entry_t *stop = only_stop_of(start);
    if (stop == NULL) {
        found("no Stop", start);
        return;
    }
    if (stop->utc_ms < start->utc_ms || start->utc_ms == 0u) {
        found("its times run backwards, or are none", stop);
    }
    judge_energy(start, stop, truth);
}

unsigned ledger_judge(const char *what, const truth_t *truth, uint32_t count)
{
    unsigned before = ledger.faults;
    uint64_t order = 0;
    for (uint32_t i = 0; i < ledger.count; i++) {
        const entry_t *entry = &ledger.entry[i];
        if (entry->order <= order) {
            found("out of order", entry);
        }
        order = entry->order;
        if (entry->kind != START &&
            (entry->transaction < FIRST_ID || entry->transaction >= ledger.next_transaction)) {
            found("of no known transaction", entry);
        }
        if (entry->kind == START) {
            bool is_known = false;
            for (uint32_t t = 0; t < count; t++) {
                is_known = is_known || strcmp(truth[t].tag, entry->tag) == 0;
            }
            if (!is_known) {
                found("a Start of nobody", entry);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        judge_session(&truth[i]);
    }
    if (ledger.faults > 0u) {
        printf("FAULT %s: %u\n", what, ledger.faults);
    }
    (void)before;
    return ledger.faults;
}

billing_totals_t ledger_totals(void)
{
    billing_totals_t totals = {.resends = ledger.resends, .explained = ledger.explained};
    for (uint32_t i = 0; i < ledger.count; i++) {
        totals.billed += ledger.entry[i].kind == STOP;
        totals.readings += ledger.entry[i].kind == READING;
    }
    return totals;
}
