// SPDX-License-Identifier: MIT
// Moments and their UTC. A moment of a boot without a clock is told by the offset of that boot, learned later, or of the
// next boot that has one. Invariant: an answer once given is in the journal, durable, as long as anything needs it.
#include "evse_store_private.h"

bool evse_moment_is_after(const evse_moment_t *a, const evse_moment_t *b)
{
    return a->boot != b->boot ? a->boot > b->boot : a->since_boot_ms > b->since_boot_ms;
}

void evse_store_stamp(const evse_store_t *store, evse_moment_t *at)
{
    if (at->utc_ms == 0 && at->boot == store->boot && store->utc_offset_ms != 0) {
        at->utc_ms = store->utc_offset_ms + at->since_boot_ms;
    }
}

/// Index of the offset a boot goes by, or boots_known.
static uint32_t find_offset(const evse_store_t *store, uint32_t boot)
{
    uint32_t found = store->boots_known;
    for (uint32_t i = 0; i < store->boots_known; i++) {
        uint32_t known = store->boot_known[i];
        if (known >= boot && (found == store->boots_known || known < store->boot_known[found])) {
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
    if (i == store->boots_known || (store->boot_known[i] == store->boot &&
                                    hf_journal_durable(&store->journal) < store->clock_at)) {
        return 0;
    }
    return store->boot_offset_ms[i] + at.since_boot_ms;
}

#define WITHOUT (1u << 31)

static uint32_t bit_of(const evse_store_t *store, const evse_moment_t *at)
{
    if (at->utc_ms != 0) {
        return 0;
    }
    uint32_t i = find_offset(store, at->boot);
    return i == store->boots_known ? WITHOUT : 1u << i;
}

/// A bit for each offset that a moment that waits goes by; WITHOUT when one has none. What cannot be read back needs none.
static uint32_t offsets_needed(const evse_store_t *store)
{
    uint32_t needed = 0;
    for (uint32_t i = 0; i < store->count; i++) {
        evse_entry_t entry;
        if ((evse_index_at(store, i)->flags & EVSE_QUEUED_NO_UTC) != 0 &&
            evse_index_read(store, i, &entry, NULL) == HF_OK) {
            needed |= bit_of(store, &entry.message.at);
        }
    }
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->open[c] != NULL) {
            needed |= bit_of(store, &store->open[c]->last_at);
            needed |= bit_of(store, &store->register_at[c]);
        }
    }
    return needed;
}

/// Drops what nothing needs, where there is no room for one more.
static bool make_room(evse_store_t *store)
{
    if (store->boots_known < CONFIG_EVSE_BOOT_OFFSETS_MAX) {
        return true;
    }
    uint32_t needed = offsets_needed(store);
    for (uint32_t i = store->boots_known; i-- > 0;) {
        if (store->boot_known[i] != store->boot && (needed & 1u << i) == 0) {
            store->boots_known--;
            store->boot_known[i] = store->boot_known[store->boots_known];
            store->boot_offset_ms[i] = store->boot_offset_ms[store->boots_known];
        }
    }
    return store->boots_known < CONFIG_EVSE_BOOT_OFFSETS_MAX;
}

int evse_store_add_offset(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms)
{
    if (!make_room(store)) {
        return HF_E_FULL;
    }
    store->boot_known[store->boots_known] = boot;
    store->boot_offset_ms[store->boots_known] = utc_offset_ms;
    store->boots_known++;
    return HF_OK;
}

int evse_store_set_clock(evse_store_t *store, uint64_t utc_offset_ms)
{
    if (utc_offset_ms == 0) {
        return HF_E_ARGUMENT;
    }
    store->utc_offset_ms = utc_offset_ms;
    if (store->clock_at != 0 || (offsets_needed(store) & WITHOUT) == 0) {
        return HF_OK;
    }
    if (!make_room(store)) {
        return HF_E_FULL;
    }
    int status = evse_record_clock(store, store->boot, utc_offset_ms);
    if (status < 0) {
        return status;
    }
    store->clock_at = hf_journal_appended(&store->journal);
    return evse_store_add_offset(store, store->boot, utc_offset_ms);
}
