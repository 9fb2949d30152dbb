// SPDX-License-Identifier: MIT
// The bill around what the flash has lost: the fold goes on where the journal has stepped over damage.
// Goals: what is there is billed, nothing twice; each boot concludes the same of the same records, and of a dump of them.
// Each case: docs/DESIGN.md, "What a lost record costs".
#include "evse_store_private.h"

#if CONFIG_HF_JOURNAL_REPAIR

/// In a dump, too: that of a boot that saw damage may tell what only damage explains.
bool evse_repair_has_holes(const evse_store_t *store)
{
    const hf_journal_t *journal = &store->journal;
    return journal->holes + store->unreadable != 0 ||
           hf_journal_position(journal) < journal->compacted_offset;
}

/// A transaction whose START is lost, as long as nothing of it tells its connector: its slot is anybody's.
static bool is_orphan(const evse_transaction_t *transaction)
{
    return transaction->is_spare && transaction->state == EVSE_TRANSACTION_OPEN;
}

static bool adopt(evse_store_t *store, const evse_entry_t *entry, evse_transaction_t *orphan)
{
    unsigned connector = entry->connector;
    if (connector >= CONFIG_EVSE_CONNECTORS_MAX || store->open[connector] != NULL) {
        return false;
    }
    if (orphan == NULL) {
        orphan = evse_store_take_slot(store, entry->message.transaction, connector);
    }
    if (orphan == NULL) {
        return false;
    }
    orphan->connector = (uint8_t)connector;
    orphan->is_spare = false;
    store->open[connector] = orphan;
    return true;
}

bool evse_repair_belongs(evse_store_t *store, const evse_entry_t *entry)
{
    evse_transaction_t *slot = evse_store_find(store, entry->message.transaction);
    if (slot == NULL && entry->type == EVSE_RECORD_STOP) {
        return true; // it tells all that is needed
    }
    if (slot == NULL || is_orphan(slot)) {
        return adopt(store, entry, slot);
    }
    if (slot->state == EVSE_TRANSACTION_OPEN) {
        slot->stop_id = 0; // it goes on
    }
    return true;
}

int evse_repair_start(evse_store_t *store, const evse_entry_t *start)
{
    evse_transaction_t *slot = evse_store_find(store, start->message.transaction);
    evse_transaction_t *open = store->open[start->connector];
    if (slot != NULL && is_orphan(slot)) {
        evse_store_give_slot(slot); // it was of another
    }
    if (open == NULL || open->number > start->message.transaction) {
        return HF_OK;
    }
    if (start->message.id <= store->tail_id) {
        return HF_E_CORRUPT;
    }
    store->open[start->connector] = NULL;
    if (open->stop_id != 0 || store->count + 2u > CONFIG_EVSE_MESSAGES_MAX) {
        evse_index_remove_txdata(store, open->number, NULL);
        evse_store_give_slot(open);
        return HF_OK;
    }
    open->state = EVSE_TRANSACTION_ENDED;
    open->stop_id = 1; // a dump tells it as open: so its STOP is made anew at each boot
    open->is_spare = !open->start_delivered;
    bool has_utc = start->message.at.utc_ms != 0;
    evse_queued_t queued = {.transaction = (uint16_t)open->number};
    queued.flags = (uint8_t)((unsigned)EVSE_MESSAGE_STOP | EVSE_QUEUED_LOST |
                             (has_utc ? 0u : EVSE_QUEUED_NO_UTC));
    evse_index_insert(store, store->count, queued);
    return HF_OK;
}

void evse_repair_make_stop(evse_entry_t *start, uint32_t transaction)
{
    start->type = EVSE_RECORD_STOP;
    start->tag[0] = '\0'; // who stopped it is lost
    start->message.kind = EVSE_MESSAGE_STOP;
    start->message.id |= EVSE_STORE_MADE_ID;
    start->message.transaction = transaction;
    start->message.reason = EVSE_STOP_Other;
}

static evse_transaction_t *find_by_id(evse_store_t *store, int32_t transaction_id)
{
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        evse_transaction_t *slot = &store->slot[i];
        if (slot->number != 0 && slot->transaction_id == transaction_id) {
            return slot;
        }
    }
    return NULL;
}

void evse_repair_done(evse_store_t *store, uint64_t id, unsigned kind, int32_t transaction_id)
{
    evse_transaction_t *slot = find_by_id(store, transaction_id);
    if (slot == NULL) { // of a START: what follows it learns the id
        slot = evse_store_take_slot(store, store->next_transaction, 0);
        if (slot != NULL) {
            slot->transaction_id = transaction_id;
            slot->start_delivered = slot->is_spare = true;
        }
        return;
    }
    for (uint32_t i = 0; i < store->count; i++) {
        const evse_queued_t *queued = evse_index_at(store, i);
        if (evse_index_is_of(queued, slot->number) && evse_index_kind(queued) != EVSE_KIND_TXDATA) {
            if ((queued->flags & EVSE_QUEUED_LOST) != 0) { // of the STOP, as it was
                evse_store_leave(store, i);
            }
            return;
        }
    }
    if (kind != EVSE_MESSAGE_METER) {
        slot->stop_id = id; // nothing of it waits: of its STOP, or untold, unless it goes on
    }
}

void evse_repair_finish(evse_store_t *store)
{
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        evse_transaction_t *slot = &store->slot[i];
        evse_transaction_t **open = &store->open[slot->connector];
        if (slot->number != 0 && slot->state == EVSE_TRANSACTION_OPEN &&
            (*open != slot || slot->stop_id != 0)) {
            *open = *open == slot ? NULL : *open;
            evse_index_remove_txdata(store, slot->number, NULL);
            evse_store_give_slot(slot);
        }
    }
    if (store->journal.holes + store->journal.stranded != 0) {
        store->boot += EVSE_STORE_BOOTS_LOST; // no id twice, though records of boots are lost
    }
}

#endif
