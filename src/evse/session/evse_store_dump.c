// SPDX-License-Identifier: MIT
// What a compaction carries over, and what it tells of where things lie from then on.
// Invariant: replaying a dump gives the store that wrote it, without the readings that were never journalled.
#include "evse_store_private.h"

#include <string.h>

static int dump_clock(evse_store_t *store)
{
    int status = evse_record_boot(store);
    for (uint32_t i = 0; status >= 0 && i < store->boots_known; i++) {
        status = evse_record_clock(store, store->boot_known[i], store->boot_offset_ms[i]);
    }
    return status;
}

static int dump_flags(evse_store_t *store)
{
    int status = HF_OK;
    for (unsigned c = 0; status >= 0 && c <= CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->inoperative[c]) {
            status = evse_record_flag(store, EVSE_RECORD_INOPERATIVE, c, true);
        }
    }
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->finishing[c]) {
            status = evse_record_flag(store, EVSE_RECORD_FINISHING, c, true);
        }
    }
    if (status >= 0 && (store->estop_latched || store->weld_latched != 0)) {
        status = evse_record_latch(store, store->estop_latched, store->weld_latched);
    }
    return status;
}

static int dump_values(evse_store_t *store)
{
    int status = HF_OK;
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->proof[c].profile[0] != '\0') {
            status = evse_record_proof(store, c, &store->proof[c]);
        }
    }
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->register_mJ[c] != 0 || store->register_at[c].boot != 0) {
            status = evse_record_register(store, c);
        }
    }
    return status < 0 ? status : evse_store_dump_settings(store);
}

/// True while the head leaves: delivered, and the journal knows it.
static bool is_head_gone(const evse_store_t *store)
{
    return store->confirming == 2;
}

/// A transaction whose START is delivered; of the others the START tells all.
static bool is_transaction_dumped(const evse_store_t *store, const evse_transaction_t *transaction)
{
    bool is_over = is_head_gone(store) && store->head.kind == EVSE_MESSAGE_STOP &&
                   store->head.transaction == transaction->number;
    return transaction->number != 0 && transaction->start_delivered && !is_over;
}

static int dump_transactions(evse_store_t *store)
{
    int status = HF_OK;
    for (uint32_t i = 0; status >= 0 && i < HF_COUNT_OF(store->slot); i++) {
        const evse_transaction_t *transaction = &store->slot[i];
        if (is_transaction_dumped(store,
                                  transaction)) { // a STOP not journalled: open, as far as it knows
            uint8_t state =
                transaction->stop_id != 0 ? (uint8_t)EVSE_TRANSACTION_OPEN : transaction->state;
            status = evse_record_transaction(store, transaction, state);
        }
    }
    if (status >= 0 && store->refused != 0) {
        status = evse_record_refused(store, store->refused_id, store->refused);
    }
    return status;
}

static bool is_dumped(const evse_store_t *store, uint32_t i)
{
    const evse_queued_t *queued = evse_index_at(store, i);
    if ((queued->flags & (EVSE_QUEUED_MEMORY | EVSE_QUEUED_LOST)) != 0) {
        return false;
    }
    if (!is_head_gone(store) || !evse_index_is_of(queued, store->head.transaction)) {
        return true;
    }
    bool is_of_stop =
        store->head.kind == EVSE_MESSAGE_STOP && evse_index_kind(queued) == EVSE_KIND_TXDATA;
    return !is_of_stop && i != evse_index_head(store);
}

static int copy_entry(evse_store_t *store, uint32_t i)
{
    evse_queued_t *queued = evse_index_at(store, i);
    uint8_t data[EVSE_STORE_RECORD_BYTES_MAX];
    hf_journal_record_t record;
    int status =
        hf_journal_read(&store->journal, evse_index_position(queued), &record, data, sizeof data);
    if (status == HF_E_CORRUPT || status == HF_E_TOO_LONG) { // told when its turn comes to be sent
        queued->flags |= EVSE_QUEUED_LOST;
        return HF_OK;
    }
    return status < 0 ? status
                      : hf_journal_append(&store->journal, record.type, record.version, data,
                                          record.length);
}

static int dump_messages(evse_store_t *store)
{
    int status = HF_OK;
    for (uint32_t i = 0; status >= 0 && i < store->count; i++) {
        if (is_dumped(store, i)) {
            status = copy_entry(store, i);
        }
    }
    store->moved = 0;
    store->is_moving = true;
    return status;
}

int evse_store_dump(void *ctx, hf_journal_t *journal)
{
    // Values and flags come last: a STOP sets Finishing, and its plug may have gone since.
    static int (*const parts[])(evse_store_t *) = {dump_clock,    dump_transactions,
                                                   dump_messages, dump_values,
                                                   dump_flags,    evse_store_dump_objects};
    evse_store_t *store = ctx;
    (void)journal;
    for (size_t i = 0; i < HF_COUNT_OF(parts); i++) {
        int status = parts[i](store);
        if (status < 0) {
            return status;
        }
    }
    return store->shutdown_recorded ? evse_record_shutdown(store, store->shutdown_recorded_reason)
                                    : HF_OK; // after the boot record, which would undo it
}

static void entry_moved(evse_store_t *store, uint32_t position, uint32_t length)
{
    while (store->moved < store->count && !is_dumped(store, store->moved)) {
        store->moved++;
    }
    HF_ASSERT(store->moved < store->count); // as many as dump_messages() wrote
    evse_queued_t *queued = evse_index_at(store, store->moved++);
    evse_index_set_position(queued, position);
    store->queued_bytes += hf_journal_record_bytes(&store->journal, length);
}

void evse_store_moved(void *ctx, uint32_t position, const hf_journal_record_t *record,
                      const void *data)
{
    evse_store_t *store = ctx;
    if (store->is_moving) { // the first of them
        store->is_moving = false;
        store->queued_bytes = 0;
        store->head_bytes = is_head_gone(store) ? 0 : store->head_bytes;
    }
    switch ((evse_record_t)record->type) {
    case EVSE_RECORD_START:
    case EVSE_RECORD_METER:
    case EVSE_RECORD_STOP:
    case EVSE_RECORD_TXDATA:
        entry_moved(store, position, record->length);
        break;
    case EVSE_RECORD_OBJECT:
        evse_store_object_moved(store, position, data);
        break;
    default:
        break;
    }
}
