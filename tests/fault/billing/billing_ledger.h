// SPDX-License-Identifier: MIT
// What the central system has been told, and the judgement. Private to tests/fault/billing.
#ifndef BILLING_LEDGER_H
#define BILLING_LEDGER_H

#include "billing.h"
#include "holdfast/hf_json.h"

#include <stddef.h>

#define LEDGER_ENTRIES    16384u
#define LEDGER_SETS       65536u
#define FIRST_TRANSACTION 5001
#define RETRY_S           5u // TransactionMessageRetryInterval

typedef enum ledger_kind { LEDGER_START, LEDGER_READING, LEDGER_STOP } ledger_kind_t;

/// A MeterValue in a StopTransaction.
typedef struct ledger_set {
    int64_t Wh;
    uint64_t utc_ms;
    char context[20];
} ledger_set_t;

/// One message id.
typedef struct ledger_entry {
    char id[40];
    uint64_t order; // boot and sequence, of its id
    uint32_t crc;
    ledger_kind_t kind;
    int32_t transaction; // of a Start: given; else: as the station says
    int64_t Wh;
    uint64_t utc_ms;
    char tag[21], reason[20];
    unsigned connector;   // 0 not said
    uint32_t set, sets;   // of a Stop
    uint64_t last_us;     // when it came last
    uint64_t answered_us; // when the station last heard that it is confirmed; 0 never
    uint64_t error_us;    // ... refused
    uint32_t errors, error_boot;
    uint32_t forgotten; // errors whose count a cut may have taken
    uint32_t boot;      // in which it came first
    bool claimed;       // a Stop without an id: by a Start
} ledger_entry_t;

typedef struct ledger {
    ledger_entry_t entry[LEDGER_ENTRIES];
    uint32_t count;
    ledger_set_t set[LEDGER_SETS];
    uint32_t sets;
    int32_t next_transaction;
    unsigned faults; // found
    unsigned resends, explained;
    bool is_traced; // what happens is told as it happens
} ledger_t;

extern ledger_t ledger;

void ledger_open(void);
/// Something is wrong with the station.
void ledger_found(const char *what, const ledger_entry_t *entry);
/// Tells it, if what happens is told.
void ledger_trace(const char *what, const char *id, hf_slice_t text);
/// A fault fell at this moment; `of_power`: what was in memory alone is gone.
void ledger_fault(uint64_t at_us, bool of_power);
/// True when one fell in these moments, both included.
bool ledger_has_fault(uint64_t from_us, uint64_t to_us, bool of_power);
/// A message of a transaction arrived. The transactionId that belongs to it.
int32_t ledger_take(uint64_t at_us, const char *id, const char *action, hf_json_t payload);
/// A CALL that is not of a transaction arrived.
void ledger_take_other(const char *id);
/// The answer to a message has reached the station.
void ledger_answered(uint64_t at_us, const char *id, bool is_error);
/// True when the station has heard so since it was last sent.
bool ledger_is_confirmed(const ledger_entry_t *entry);
/// True when it was refused as often as is allowed, and never confirmed.
bool ledger_is_given_up(const ledger_entry_t *entry);
/// billing_judge.c: all that was told against all that happened.
unsigned ledger_judge(const char *what);
billing_totals_t ledger_totals(void);

#endif
