// SPDX-License-Identifier: MIT
// What the central system has been told, and the judgement. Private to tests/fault/billing.
#ifndef BILLING_LEDGER_H
#define BILLING_LEDGER_H

#include "billing.h"
#include "holdfast/hf_json.h"

/// What truly happened for one card.
typedef struct truth {
    char tag[21];
    unsigned connector;
    bool ran; // power was permitted
    bool cut; // the station went down meanwhile: what flowed since the last checkpoint may be lost
    uint64_t mJ; // that flowed
} truth_t;

void ledger_open(void);
/// A fault fell at this moment: it explains what is sent again after it.
void ledger_fault(uint64_t at_us);
/// A message arrived. The transactionId that belongs to it.
int32_t ledger_take(uint64_t at_us, const char *id, const char *action, hf_json_t payload);
unsigned ledger_judge(const char *what, const truth_t *truth, uint32_t count);
billing_totals_t ledger_totals(void);

#endif
