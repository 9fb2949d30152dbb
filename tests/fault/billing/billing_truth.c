// SPDX-License-Identifier: MIT
// The truth of readings: each that the store takes is noted on its way there (the linker wraps those two functions).
#include "billing_truth.h"

#include "billing_ledger.h"
#include "evse/evse_store.h"

#include <stdio.h>
#include <string.h>

truths_t truths;

void truths_open(uint64_t store_us)
{
    memset(truths.session, 0, sizeof truths.session);
    memset(truths.boot, 0, sizeof truths.boot);
    truths.sessions = truths.boots = 0;
    truths.readings.count = truths.readings.required = truths.readings.refused = 0;
    truths.sets.count = truths.sets.required = truths.sets.refused = 0;
    truths.thinned = 0;
    truths.now_us = 0;
    truths.store_us = store_us;
    truths.clock_jumped = false;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        truths.session_of[i] = -1;
    }
}

void truths_require(handed_list_t *list, uint64_t before_us)
{
    while (list->required < list->count && list->item[list->required].at_us <= before_us) {
        list->required++;
    }
}

static void excuse(handed_list_t *list)
{
    for (; list->required < list->count; list->required++) {
        list->item[list->required].excused = true;
    }
}

void truths_power_lost(void)
{
    excuse(&truths.readings);
    excuse(&truths.sets);
}

boot_truth_t *truths_boot(void)
{
    return &truths.boot[truths.boots < TRUTH_BOOTS ? truths.boots : TRUTH_BOOTS - 1u];
}

static void note(handed_list_t *list, unsigned connector, const evse_message_t *sample, int status)
{
    char text[40];
    int length = snprintf(text, sizeof text, "connector %u, %llu Wh, %d", connector + 1u,
                          (unsigned long long)sample->register_Wh, status);
    ledger_trace(list == &truths.sets ? "takes a sample set" : "takes a reading", "",
                 (hf_slice_t){text, (size_t)length});
    list->refused += status != HF_OK ? 1u : 0u;
    if (status != HF_OK && status != HF_E_IO) {
        return;
    }
    if (connector >= BILLING_CONNECTORS || truths.session_of[connector] < 0 ||
        list->count == TRUTH_HANDED) {
        ledger_found("a reading of no session", NULL);
        return;
    }
    list->item[list->count++] =
        (handed_t){.session = (uint32_t)truths.session_of[connector],
                   .Wh = sample->register_Wh,
                   .at_us = truths.now_us,
                   .excused = status != HF_OK}; // a cut in its last byte leaves it whole
}

int __real_evse_store_meter(evse_store_t *store, unsigned connector, const evse_message_t *sample,
                            bool keep);
int __wrap_evse_store_meter(evse_store_t *store, unsigned connector, const evse_message_t *sample,
                            bool keep);
int __real_evse_store_txdata(evse_store_t *store, unsigned connector, const evse_message_t *sample);
int __wrap_evse_store_txdata(evse_store_t *store, unsigned connector, const evse_message_t *sample);

int __wrap_evse_store_meter(evse_store_t *store, unsigned connector, const evse_message_t *sample,
                            bool keep)
{
    int status = __real_evse_store_meter(store, connector, sample, keep);
    note(&truths.readings, connector, sample, status);
    return status;
}

int __wrap_evse_store_txdata(evse_store_t *store, unsigned connector, const evse_message_t *sample)
{
    int status = __real_evse_store_txdata(store, connector, sample);
    note(&truths.sets, connector, sample, status);
    return status;
}
