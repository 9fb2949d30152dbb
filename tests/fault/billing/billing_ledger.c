// SPDX-License-Identifier: MIT
// The ledger: one entry a message id, and the rules of sending. A message comes in its turn: the one before it has been
// confirmed or given up. One that comes again is the same to the byte, no later one has come meanwhile, and a fault fell
// after it was last sent and before the station can have stored that it is confirmed.
#include "billing_ledger.h"

#include "billing_truth.h"
#include "evse/evse_store.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS 65536u
#define OTHERS 65536u

typedef struct times {
    uint64_t us[FAULTS];
    uint32_t count;
} times_t;

ledger_t ledger;
static times_t all_faults, power_faults;
static uint64_t other_order[OTHERS]; // of CALLs outside of transactions
static uint32_t others;

void ledger_open(void)
{
    ledger.count = ledger.sets = 0;
    ledger.faults = ledger.resends = ledger.explained = 0;
    ledger.next_transaction = FIRST_TRANSACTION;
    all_faults.count = power_faults.count = others = 0;
}

void ledger_found(const char *what, const ledger_entry_t *entry)
{
    ledger.faults++;
    if (ledger.faults <= 6u) {
        printf("  %s: %s\n", what, entry != NULL ? entry->id : "");
    }
}

void ledger_trace(const char *what, const char *id, hf_slice_t text)
{
    if (ledger.is_traced) {
        printf("%10llu ms %s %s %.*s\n", (unsigned long long)truths.now_us / 1000u, what, id,
               (int)text.length, text.text);
    }
}

// ---- faults ------------------------------------------------------------------------------------------------------------

static void add(times_t *times, uint64_t at_us)
{
    if (times->count > 0 && times->us[times->count - 1u] == at_us) {
        return;
    }
    if (times->count == FAULTS) { // the oldest half explains nothing any more
        memmove(times->us, &times->us[FAULTS / 2u], sizeof times->us / 2u);
        times->count = FAULTS / 2u;
    }
    times->us[times->count++] = at_us;
}

void ledger_fault(uint64_t at_us, bool of_power)
{
    ledger_trace(of_power ? "power goes" : "fault", "", (hf_slice_t){"", 0});
    add(&all_faults, at_us);
    if (of_power) {
        add(&power_faults, at_us);
    }
}

bool ledger_has_fault(uint64_t from_us, uint64_t to_us, bool of_power)
{
    const times_t *times = of_power ? &power_faults : &all_faults;
    uint32_t low = 0, high = times->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2u;
        if (times->us[middle] < from_us) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low < times->count && times->us[low] <= to_us;
}

// ---- reading -----------------------------------------------------------------------------------------------------------

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

static void text_of(hf_json_t object, const char *name, char *text, size_t capacity)
{
    if (hf_json_string(hf_json_member(object, name), text, capacity) != HF_OK) {
        text[0] = '\0';
    }
}

static uint64_t time_of(hf_json_t object)
{
    char text[40];
    uint64_t utc_ms = 0;
    text_of(object, "timestamp", text, sizeof text);
    return hf_iso8601_parse(text, strlen(text), &utc_ms) == HF_OK ? utc_ms : 0u;
}

// The register in a MeterValue: its first sample is.
static ledger_set_t set_of(hf_json_t value)
{
    char number[24];
    ledger_set_t set = {.utc_ms = time_of(value)};
    hf_json_t sample = hf_json_element(hf_json_member(value, "sampledValue"), 0);
    text_of(sample, "value", number, sizeof number);
    text_of(sample, "context", set.context, sizeof set.context);
    set.Wh = strtoll(number, NULL, 10);
    return set;
}

static void read_sets(ledger_entry_t *entry, hf_json_t data)
{
    entry->set = ledger.sets;
    hf_json_walk_t walk = {.container = data};
    while (data.type == HF_JSON_ARRAY && hf_json_next(&walk)) {
        if (ledger.sets == LEDGER_SETS) {
            ledger_found("too many sample sets for the ledger", entry);
            return;
        }
        ledger.set[ledger.sets++] = set_of(walk.value);
        entry->sets++;
    }
}

static void read_entry(ledger_entry_t *entry, const char *action, hf_json_t payload)
{
    entry->kind = strcmp(action, "StartTransaction") == 0  ? LEDGER_START
                  : strcmp(action, "StopTransaction") == 0 ? LEDGER_STOP
                                                           : LEDGER_READING;
    entry->utc_ms = time_of(payload);
    int64_t connector = int_of(payload, "connectorId");
    entry->connector = connector > 0 ? (unsigned)connector : 0u;
    text_of(payload, "idTag", entry->tag, sizeof entry->tag);
    if (entry->kind == LEDGER_START) {
        entry->transaction = ledger.next_transaction++;
        entry->Wh = int_of(payload, "meterStart");
        return;
    }
    int64_t transaction = int_of(payload, "transactionId");
    entry->transaction = transaction == INT64_MIN ? 0 : (int32_t)transaction;
    if (entry->kind == LEDGER_STOP) {
        entry->Wh = int_of(payload, "meterStop");
        text_of(payload, "reason", entry->reason, sizeof entry->reason);
        read_sets(entry, hf_json_member(payload, "transactionData"));
        return;
    }
    ledger_set_t set = set_of(hf_json_element(hf_json_member(payload, "meterValue"), 0));
    entry->Wh = set.Wh;
    entry->utc_ms = set.utc_ms;
}

// ---- the rules of sending ----------------------------------------------------------------------------------------------

static ledger_entry_t *find(const char *id)
{
    uint64_t order = order_of(id);
    for (uint32_t i = ledger.count; i-- > 0u;) {
        if (ledger.entry[i].order == order && strcmp(ledger.entry[i].id, id) == 0) {
            return &ledger.entry[i];
        }
    }
    return NULL;
}

bool ledger_is_confirmed(const ledger_entry_t *entry)
{
    return entry->answered_us != 0u && entry->answered_us >= entry->last_us;
}

bool ledger_is_given_up(const ledger_entry_t *entry)
{
    return !ledger_is_confirmed(entry) && entry->errors >= BILLING_ATTEMPTS;
}

// Without a journal nothing is stored, until a reboot everything counts as under way.
static bool is_storage_failed_since(uint64_t from_us)
{
    for (uint32_t i = 0; i <= truths.boots && i < TRUTH_BOOTS; i++) {
        const boot_truth_t *boot = &truths.boot[i];
        if (boot->storage_failed && (boot->to_us == 0u || boot->to_us >= from_us)) {
            return true;
        }
    }
    return false;
}

static bool is_storage_failed_in(uint32_t boot)
{
    return truths.boot[boot < TRUTH_BOOTS ? boot : TRUTH_BOOTS - 1u].storage_failed;
}

static bool is_explained(const ledger_entry_t *entry, uint64_t at_us)
{
    uint64_t until_us = ledger_is_confirmed(entry) ? entry->answered_us + truths.store_us : at_us;
    return ledger_has_fault(entry->last_us, until_us, false) ||
           is_storage_failed_since(entry->last_us);
}

// The power went before the count was stored.
static bool is_error_forgotten(const ledger_entry_t *entry)
{
    return ledger_has_fault(entry->error_us, entry->error_us + truths.store_us, true);
}

static void check_refused(const ledger_entry_t *entry, uint64_t at_us)
{
    if (entry->errors == 0u || entry->error_us < entry->last_us) {
        return;
    }
    bool is_forgotten = is_error_forgotten(entry) || is_storage_failed_since(0);
    if (entry->errors - entry->forgotten >= BILLING_ATTEMPTS && !is_forgotten) {
        ledger_found("sent again after it was given up", entry);
    }
    if (entry->error_boot == truths.boots && !is_forgotten &&
        at_us - entry->error_us <
            (uint64_t)(entry->errors - entry->forgotten) * RETRY_S * 1000000u) {
        ledger_found("sent again too early after a CALLERROR", entry);
    }
}

static void take_again(ledger_entry_t *entry, uint64_t at_us, uint32_t crc, hf_json_t payload)
{
    ledger.resends++;
    bool explained = is_explained(entry, at_us);
    ledger.explained += explained;
    if (!explained) {
        ledger_found("sent again without a reason", entry);
    }
    bool is_newest = entry == &ledger.entry[ledger.count - 1u];
    if (!is_newest &&
        !is_storage_failed_in((entry + 1)->boot)) { // a confirmation could not be stored then
        ledger_found("sent again after a later one", entry);
    }
    check_refused(entry, at_us);
    int64_t transaction = int_of(payload, "transactionId");
    if (entry->kind != LEDGER_START && entry->transaction != transaction &&
        is_storage_failed_in(entry->boot)) { // what became of its Start could not be stored then
        entry->transaction = (int32_t)transaction;
        entry->crc = crc;
    }
    if (entry->crc != crc) {
        ledger_found("sent again as something else", entry);
        printf("  %.*s, first at %llu ms\n", (int)payload.raw.length, payload.raw.text,
               (unsigned long long)entry->utc_ms);
    }
    entry->last_us = at_us;
}

// What was in memory alone may end with it.
static bool is_excused(const ledger_entry_t *entry)
{
    return entry->kind == LEDGER_READING && ledger_has_fault(entry->last_us, truths.now_us, true);
}

static void check_turn(const ledger_entry_t *before)
{
    if (!ledger_is_confirmed(before) && !ledger_is_given_up(before) && !is_excused(before)) {
        ledger_found("the next one was sent before it was confirmed", before);
    }
}

static bool is_of_other(uint64_t order)
{
    for (uint32_t i = others; i-- > 0u;) {
        if (other_order[i] == order) {
            return true;
        }
    }
    return false;
}

int32_t ledger_take(uint64_t at_us, const char *id, const char *action, hf_json_t payload)
{
    uint32_t crc = hf_crc32c(0, payload.raw.text, payload.raw.length);
    ledger_entry_t *entry = find(id);
    ledger_trace(action, id, payload.raw);
    if (entry != NULL) {
        take_again(entry, at_us, crc, payload);
        return entry->transaction;
    }
    if (strcmp(action, "MeterValues") == 0 && int_of(payload, "transactionId") == INT64_MIN) {
        ledger_take_other(id);
        return 0; // outside of a transaction: no bill
    }
    if (ledger.count == LEDGER_ENTRIES) {
        ledger_found("the ledger is full", NULL);
        return 0;
    }
    if (ledger.count > 0u) {
        check_turn(&ledger.entry[ledger.count - 1u]);
    }
    entry = &ledger.entry[ledger.count++];
    *entry =
        (ledger_entry_t){.crc = crc, .order = order_of(id), .last_us = at_us, .boot = truths.boots};
    snprintf(entry->id, sizeof entry->id, "%s", id);
    read_entry(entry, action, payload);
    if (is_of_other(entry->order)) {
        ledger_found("its id was used before", entry);
    }
    return entry->transaction;
}

void ledger_take_other(const char *id)
{
    uint64_t order = order_of(id);
    if (find(id) != NULL || (others > 0u && order <= other_order[others - 1u])) {
        printf("  %s\n", id);
        ledger_found("an id that was used before", find(id));
    }
    if (others < OTHERS) {
        other_order[others++] = order;
    }
}

void ledger_answered(uint64_t at_us, const char *id, bool is_error)
{
    ledger_entry_t *entry = find(id);
    ledger_trace(is_error ? "heard CALLERROR" : "heard", id, (hf_slice_t){"", 0});
    if (entry == NULL) {
        return;
    }
    if (!is_error) {
        if (entry->answered_us == 0u || entry->answered_us < entry->last_us) {
            entry->answered_us = at_us; // the first of several counts
        }
        return;
    }
    entry->forgotten += entry->errors > 0u && is_error_forgotten(entry) ? 1u : 0u;
    entry->errors++;
    entry->error_us = at_us;
    entry->error_boot = truths.boots;
}

billing_totals_t ledger_totals(void)
{
    billing_totals_t totals = {.resends = ledger.resends, .explained = ledger.explained};
    for (uint32_t i = 0; i < ledger.count; i++) {
        totals.billed += ledger.entry[i].kind == LEDGER_STOP;
        totals.readings += ledger.entry[i].kind == LEDGER_READING;
    }
    return totals;
}
