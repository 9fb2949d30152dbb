// SPDX-License-Identifier: MIT
// The queue's index: 6 bytes for each message that waits, in the order of the ids, and for each sample set kept for a
// STOP, which stands before the STOP and goes with it.
// Invariants: `waiting` counts the messages among the entries; what an entry holds in memory is free once it is out.
#include "evse_store_private.h"

#include <string.h>

#define CAPACITY CONFIG_EVSE_MESSAGES_MAX

evse_queued_t *evse_index_at(const evse_store_t *store, uint32_t i)
{
    uint32_t at = store->first + i;
    return (evse_queued_t *)(uintptr_t)&store->queue[at < CAPACITY ? at : at - CAPACITY];
}

unsigned evse_index_kind(const evse_queued_t *queued)
{
    return queued->flags & EVSE_QUEUED_KIND;
}

uint32_t evse_index_position(const evse_queued_t *queued)
{
    return queued->low | (uint32_t)queued->high << 16;
}

void evse_index_set_position(evse_queued_t *queued, uint32_t position)
{
    queued->low = (uint16_t)position;
    queued->high = (uint8_t)(position >> 16);
}

bool evse_index_is_of(const evse_queued_t *queued, uint32_t transaction)
{
    return queued->transaction == (uint16_t)transaction;
}

uint32_t evse_index_transaction(const evse_store_t *store, const evse_queued_t *queued)
{
    uint16_t behind = (uint16_t)(store->next_transaction - queued->transaction);
    return store->next_transaction - (behind != 0 ? behind : UINT16_MAX + 1u);
}

uint32_t evse_index_head(const evse_store_t *store)
{
    uint32_t i = 0;
    while (i < store->count && evse_index_kind(evse_index_at(store, i)) == EVSE_KIND_TXDATA) {
        i++;
    }
    return i;
}

void evse_index_insert(evse_store_t *store, uint32_t i, evse_queued_t queued)
{
    HF_ASSERT(store->count < CAPACITY && i <= store->count);
    store->count++;
    for (uint32_t k = store->count - 1u; k > i; k--) {
        *evse_index_at(store, k) = *evse_index_at(store, k - 1u);
    }
    *evse_index_at(store, i) = queued;
    store->waiting += evse_index_kind(&queued) != EVSE_KIND_TXDATA ? 1u : 0u;
}

static void free_reading(evse_store_t *store, const evse_queued_t *queued)
{
    uint32_t at = evse_index_position(queued);
    int status = hf_pool_give(&store->messages, store->reading[at]);
    HF_ASSERT(status == HF_OK);
    store->reading[at] = NULL;
    store->readings--;
}

void evse_index_remove(evse_store_t *store, uint32_t i)
{
    evse_queued_t queued = *evse_index_at(store, i);
    if ((queued.flags & EVSE_QUEUED_MEMORY) != 0 &&
        evse_index_kind(&queued) == EVSE_MESSAGE_METER) {
        free_reading(store, &queued);
    }
    store->waiting -= evse_index_kind(&queued) != EVSE_KIND_TXDATA ? 1u : 0u;
    if (i < store->count / 2u) {
        for (uint32_t k = i; k > 0; k--) {
            *evse_index_at(store, k) = *evse_index_at(store, k - 1u);
        }
        store->first = store->first + 1u < CAPACITY ? store->first + 1u : 0;
    } else {
        for (uint32_t k = i; k + 1u < store->count; k++) {
            *evse_index_at(store, k) = *evse_index_at(store, k + 1u);
        }
    }
    store->count--;
    if (store->count == 0) { // so that an instance with little to do touches little memory
        store->first = 0;
    }
}

evse_queued_t evse_index_recorded(const evse_store_t *store, const evse_entry_t *entry)
{
    unsigned kind = entry->type == EVSE_RECORD_TXDATA ? EVSE_KIND_TXDATA : entry->message.kind;
    evse_queued_t queued = {.transaction = (uint16_t)entry->message.transaction};
    queued.flags = (uint8_t)(kind | (entry->message.at.utc_ms == 0 ? EVSE_QUEUED_NO_UTC : 0u));
    evse_index_set_position(&queued, hf_journal_position(&store->journal));
    return queued;
}

void evse_index_append_recorded(evse_store_t *store, const evse_entry_t *entry)
{
    evse_index_insert(store, store->count, evse_index_recorded(store, entry));
    store->tail_id = entry->message.id;
}

// ---- reading back -------------------------------------------------------------------------------

static void read_memory(const evse_store_t *store, const evse_queued_t *queued, evse_entry_t *entry)
{
    uint32_t at = evse_index_position(queued);
    memset(entry, 0, sizeof *entry);
    const evse_transaction_t *transaction =
        evse_store_find(store, evse_index_transaction(store, queued));
    entry->connector = transaction != NULL ? transaction->connector : 0;
    if (evse_index_kind(queued) == EVSE_MESSAGE_METER) {
        entry->type = EVSE_RECORD_METER;
        entry->message = *store->reading[at];
        return;
    }
    const evse_transaction_t *slot = &store->slot[at];
    entry->type = EVSE_RECORD_STOP;
    entry->connector = slot->connector;
    entry->message.kind = EVSE_MESSAGE_STOP;
    entry->message.id = slot->stop_id;
    entry->message.transaction = slot->number;
    entry->message.at = slot->last_at;
    entry->message.register_Wh = slot->last_Wh;
    entry->message.reason = slot->stop_reason;
    memcpy(entry->tag, slot->stop_id_tag, sizeof entry->tag);
}

static int read_journal(const evse_store_t *store, const evse_queued_t *queued, evse_entry_t *entry,
                        uint32_t *bytes)
{
    uint8_t data[EVSE_STORE_RECORD_BYTES_MAX];
    hf_journal_record_t record;
    int status =
        hf_journal_read(&store->journal, evse_index_position(queued), &record, data, sizeof data);
    if (status == HF_OK) {
        status = evse_store_parse(&record, data, entry);
    }
    if (status < 0) {
        return status == HF_E_IO ? HF_E_IO : HF_E_CORRUPT;
    }
    unsigned kind = entry->type == EVSE_RECORD_TXDATA ? EVSE_KIND_TXDATA : entry->message.kind;
    if (!evse_index_is_of(queued, entry->message.transaction) || kind != evse_index_kind(queued)) {
        return HF_E_CORRUPT;
    }
    if (bytes != NULL) {
        *bytes = hf_journal_record_bytes(&store->journal, record.length);
    }
    return HF_OK;
}

#if CONFIG_HF_JOURNAL_REPAIR
static int read_made_stop(const evse_store_t *store, uint32_t i, evse_entry_t *entry)
{
    if (i + 1u >= store->count ||
        evse_index_kind(evse_index_at(store, i + 1u)) != EVSE_MESSAGE_START) {
        return HF_E_CORRUPT;
    }
    int status = read_journal(store, evse_index_at(store, i + 1u), entry, NULL);
    evse_repair_make_stop(entry, evse_index_transaction(store, evse_index_at(store, i)));
    return status;
}
#endif

int evse_index_read(const evse_store_t *store, uint32_t i, evse_entry_t *entry, uint32_t *bytes)
{
    const evse_queued_t *queued = evse_index_at(store, i);
    if (bytes != NULL) {
        *bytes = 0;
    }
#if CONFIG_HF_JOURNAL_REPAIR
    if ((queued->flags & EVSE_QUEUED_LOST) != 0 && evse_index_position(queued) == 0) {
        return read_made_stop(store, i, entry);
    }
#endif
    if ((queued->flags & EVSE_QUEUED_LOST) != 0) {
        return HF_E_CORRUPT;
    }
    if ((queued->flags & EVSE_QUEUED_MEMORY) != 0) {
        read_memory(store, queued, entry);
        return HF_OK;
    }
    return read_journal(store, queued, entry, bytes);
}

bool evse_index_knows(const evse_store_t *store, uint32_t transaction, unsigned *kind)
{
    for (uint32_t i = store->count; i-- > 0;) {
        const evse_queued_t *queued = evse_index_at(store, i);
        if (evse_index_is_of(queued, transaction)) {
            *kind = evse_index_kind(queued);
            return true;
        }
    }
    return false;
}

// ---- sample sets kept for a STOP ----------------------------------------------------------------

static bool is_txdata_of(const evse_queued_t *queued, uint32_t transaction)
{
    return evse_index_is_of(queued, transaction) && evse_index_kind(queued) == EVSE_KIND_TXDATA;
}

uint32_t evse_index_count_txdata(const evse_store_t *store, uint32_t transaction)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < store->count; i++) {
        count += is_txdata_of(evse_index_at(store, i), transaction) ? 1u : 0u;
    }
    return count;
}

bool evse_txdata_is_thinned(uint32_t number)
{
    return number % 2u == 0;
}

/// What a record takes, without its content; 0 it cannot be read.
static uint32_t bytes_at(const evse_store_t *store, const evse_queued_t *queued)
{
    hf_journal_record_t record = {.length = 0};
    if ((queued->flags & (EVSE_QUEUED_MEMORY | EVSE_QUEUED_LOST)) != 0) {
        return 0;
    }
    int status = hf_journal_read(&store->journal, evse_index_position(queued), &record, NULL, 0);
    return status == HF_OK || status == HF_E_TOO_LONG
               ? hf_journal_record_bytes(&store->journal, record.length)
               : 0;
}

void evse_index_count_off(evse_store_t *store, uint32_t i)
{
    uint32_t bytes = bytes_at(store, evse_index_at(store, i));
    store->queued_bytes -= bytes < store->queued_bytes ? bytes : store->queued_bytes;
}

void evse_index_remove_counted(evse_store_t *store, uint32_t i)
{
    evse_index_count_off(store, i);
    evse_index_remove(store, i);
}

void evse_index_remove_txdata(evse_store_t *store, uint32_t transaction,
                              bool (*drops)(uint32_t number))
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < store->count;) {
        bool drop = is_txdata_of(evse_index_at(store, i), transaction);
        drop = drop && (++number, drops == NULL || drops(number));
        if (drop) {
            evse_index_remove_counted(store, i);
        } else {
            i++;
        }
    }
}
