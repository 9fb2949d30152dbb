// SPDX-License-Identifier: MIT
// Moments and their UTC. A moment of a boot without a clock is told by the offset of that boot, learned later, or of the
// next boot that has one. Invariant: an answer once given is in the journal, durable, as long as anything needs it.
#include "evse_store_private.h"

bool evse_moment_is_after(evse_moment_t a, evse_moment_t b)
{
    return a.boot != b.boot ? a.boot > b.boot : a.since_boot_ms > b.since_boot_ms;
}

evse_moment_t evse_store_stamp(const evse_store_t *store, evse_moment_t at)
{
    if (at.utc_ms == 0 && at.boot == store->boot && store->utc_offset_ms != 0) {
        at.utc_ms = store->utc_offset_ms + at.since_boot_ms;
    }
    return at;
}

/// Index of the offset a boot goes by, or boots_known.
static uint32_t find_offset(const evse_store_t *store, uint32_t boot)
{
    uint32_t found = store->boots_known;
    for (uint32_t i = 0; i < store->boots_known; i++) {
        uint32_t known = store->boot_offset[i].boot;
        if (known >= boot &&
            (found == store->boots_known || known < store->boot_offset[found].boot)) {
            found = i;
        }
    }
    return found;
}

uint64_t evse_store_utc_ms(const evse_store_t *store, evse_moment_t at)
{
    if (at.utc_ms != 0) {
        return at.utc_ms;
    }
    uint32_t i = find_offset(store, at.boot);
    if (i == store->boots_known || (store->boot_offset[i].boot == store->boot &&
                                    hf_journal_durable(&store->journal) < store->clock_at)) {
        return 0;
    }
    return store->boot_offset[i].utc_offset_ms + at.since_boot_ms;
}

typedef bool (*boot_test_t)(const evse_store_t *store, uint32_t boot, uint32_t index);

/// True when `test` holds for the boot of any moment that waits without UTC.
static bool any_waiting(const evse_store_t *store, boot_test_t test, uint32_t index)
{
    for (const evse_message_t *m = store->head; m != NULL; m = m->next) {
        if (m->at.utc_ms == 0 && test(store, m->at.boot, index)) {
            return true;
        }
    }
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        const evse_transaction_t *open = store->open[c];
        if (open == NULL) {
            continue;
        }
        if ((open->last_at.utc_ms == 0 && test(store, open->last_at.boot, index)) ||
            (store->register_at[c].utc_ms == 0 && test(store, store->register_at[c].boot, index))) {
            return true;
        }
    }
    return false;
}

static bool is_without_offset(const evse_store_t *store, uint32_t boot, uint32_t index)
{
    (void)index;
    return find_offset(store, boot) == store->boots_known;
}

static bool goes_by(const evse_store_t *store, uint32_t boot, uint32_t index)
{
    return find_offset(store, boot) == index;
}

static void drop_unneeded(evse_store_t *store)
{
    for (uint32_t i = store->boots_known; i-- > 0;) {
        if (store->boot_offset[i].boot != store->boot && !any_waiting(store, goes_by, i)) {
            store->boot_offset[i] = store->boot_offset[--store->boots_known];
        }
    }
}

int evse_store_add_offset(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms)
{
    if (store->boots_known == CONFIG_EVSE_BOOT_OFFSETS_MAX) {
        drop_unneeded(store);
    }
    if (store->boots_known == CONFIG_EVSE_BOOT_OFFSETS_MAX) {
        return HF_E_FULL;
    }
    store->boot_offset[store->boots_known].boot = boot;
    store->boot_offset[store->boots_known].utc_offset_ms = utc_offset_ms;
    store->boots_known++;
    return HF_OK;
}

int evse_store_set_clock(evse_store_t *store, uint64_t utc_offset_ms)
{
    if (utc_offset_ms == 0) {
        return HF_E_ARGUMENT;
    }
    store->utc_offset_ms = utc_offset_ms;
    if (store->clock_at != 0 || !any_waiting(store, is_without_offset, 0)) {
        return HF_OK;
    }
    if (store->boots_known == CONFIG_EVSE_BOOT_OFFSETS_MAX) {
        drop_unneeded(store);
        if (store->boots_known == CONFIG_EVSE_BOOT_OFFSETS_MAX) {
            return HF_E_FULL;
        }
    }
    int status = evse_record_clock(store, store->boot, utc_offset_ms);
    if (status < 0) {
        return status;
    }
    store->clock_at = hf_journal_appended(&store->journal);
    return evse_store_add_offset(store, store->boot, utc_offset_ms);
}
