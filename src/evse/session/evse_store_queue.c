// SPDX-License-Identifier: MIT
// Into the queue: the begin and the end of transactions, their readings, the sample sets of their STOP.
// Goals: exactly one START and one STOP for each session whose begin became durable, whatever happens in between.
// Invariants: room for the STOP is kept from the begin on, in the index and in the journal, so that an end can never be
// refused; ids are given in the order of the queue, so that a reading journalled late finds its place again.
#include "evse_store_private.h"

#include <string.h>

// ---- transactions in memory ---------------------------------------------------------------------

evse_transaction_t *evse_store_find(const evse_store_t *store, uint32_t number)
{
    for (uint32_t i = 0; number != 0 && i < HF_COUNT_OF(store->slot); i++) {
        if (store->slot[i].number == number) {
            return (evse_transaction_t *)(uintptr_t)&store->slot[i];
        }
    }
    return NULL;
}

const evse_transaction_t *evse_store_transaction(const evse_store_t *store, uint32_t number)
{
    return evse_store_find(store, number);
}

evse_transaction_t *evse_store_take_slot(evse_store_t *store, uint32_t number, unsigned connector)
{
    evse_transaction_t *slot = NULL;
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        evse_transaction_t *candidate = &store->slot[i];
        if (candidate->number == 0 || (candidate->is_spare && slot == NULL)) {
            slot = candidate;
        }
    }
    if (slot != NULL) {
        memset(slot, 0, sizeof *slot);
        slot->number = number;
        slot->connector = (uint8_t)connector;
        slot->transaction_id = EVSE_TRANSACTION_ID_UNKNOWN;
        slot->reservation_id = EVSE_RESERVATION_NONE;
    }
    return slot;
}

bool evse_store_knows(const evse_store_t *store, uint32_t transaction)
{
    unsigned kind;
    return evse_store_find(store, transaction) != NULL ||
           evse_index_knows(store, transaction, &kind);
}

uint32_t evse_store_oldest(const evse_store_t *store)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        uint32_t number = store->slot[i].number;
        oldest = number != 0 && (oldest == 0 || number < oldest) ? number : oldest;
    }
    for (uint32_t i = 0; i < store->count; i++) {
        uint32_t number = evse_index_transaction(store, evse_index_at(store, i));
        oldest = oldest == 0 || number < oldest ? number : oldest;
    }
    return oldest;
}

void evse_store_give_slot(evse_transaction_t *transaction)
{
    transaction->number = 0;
}

evse_transaction_t *evse_store_context(evse_store_t *store, const evse_entry_t *entry)
{
    const evse_message_t *message = &entry->message;
    evse_transaction_t *slot = evse_store_find(store, message->transaction);
    if (slot == NULL) {
        unsigned connector = entry->connector == EVSE_STORE_NO_CONNECTOR ? 0 : entry->connector;
        slot = evse_store_take_slot(store, message->transaction, connector);
        if (slot == NULL) {
            return NULL;
        }
        slot->state = EVSE_TRANSACTION_ENDED; // else it would have been known
        if (entry->type == EVSE_RECORD_START) {
            slot->start_Wh = message->register_Wh;
            slot->reservation_id = entry->reservation_id;
            slot->last_at = message->at;
            slot->last_Wh = message->register_Wh;
            memcpy(slot->id_tag, entry->tag, sizeof slot->id_tag);
        }
    }
    slot->is_spare = false;
    if (entry->type == EVSE_RECORD_STOP) {
        memcpy(slot->stop_id_tag, entry->tag, sizeof slot->stop_id_tag);
    }
    return slot;
}

static evse_entry_t new_entry(evse_store_t *store, evse_record_t type,
                              const evse_transaction_t *transaction, const evse_moment_t *at)
{
    evse_entry_t entry = {.type = (uint8_t)type,
                          .connector = transaction->connector,
                          .reservation_id = transaction->reservation_id};
    entry.message.kind = (uint8_t)(type == EVSE_RECORD_START  ? EVSE_MESSAGE_START
                                   : type == EVSE_RECORD_STOP ? EVSE_MESSAGE_STOP
                                                              : EVSE_MESSAGE_METER);
    entry.message.id = evse_store_new_id(store);
    entry.message.transaction = transaction->number;
    entry.message.at = *at;
    evse_store_stamp(store, &entry.message.at);
    return entry;
}

void evse_store_raise_register(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                               const evse_moment_t *at)
{
    if (register_mJ > store->register_mJ[connector]) {
        store->register_mJ[connector] = register_mJ;
    }
    if (evse_moment_is_after(at, &store->register_at[connector])) {
        store->register_at[connector] = *at;
    }
}

static uint32_t record_bytes(const evse_store_t *store)
{
    return store->journal.offset - store->journal.position; // of the record appended last
}

/// Records an entry and puts it at the end of the queue.
static int append(evse_store_t *store, const evse_entry_t *entry)
{
    int status = evse_record_entry(store, entry);
    if (status >= 0) {
        store->queued_bytes += record_bytes(store);
        evse_index_append_recorded(store, entry);
    }
    return status;
}

// ---- begin --------------------------------------------------------------------------------------

static int check_begin(const evse_store_t *store, unsigned connector, const evse_begin_t *begin)
{
    if (connector >= store->config.connectors || begin->id_tag == NULL) {
        return HF_E_ARGUMENT;
    }
    if (strlen(begin->id_tag) >= EVSE_ID_TAG_BYTES) {
        return HF_E_TOO_LONG;
    }
    if (store->open[connector] != NULL) {
        return HF_E_STATE;
    }
    return store->journal.failed;
}

int evse_store_begin(evse_store_t *store, unsigned connector, const evse_begin_t *begin)
{
    const evse_need_t need = {.entries = 2u, .bytes = EVSE_STORE_SESSION_BYTES};
    int status = check_begin(store, connector, begin);
    if (status < 0) {
        return status;
    }
    if (store->unrecorded > 0 || !evse_store_make_room(store, need)) {
        return HF_E_FULL;
    }
    evse_moment_t at = begin->at;
    evse_store_stamp(store, &at);
    evse_store_raise_register(store, connector, begin->register_mJ, &at);
    evse_transaction_t made = {.number = store->next_transaction,
                               .connector = (uint8_t)connector,
                               .reservation_id = begin->reservation_id};
    evse_entry_t entry = new_entry(store, EVSE_RECORD_START, &made, &at);
    entry.register_mJ = store->register_mJ[connector];
    entry.message.register_Wh = entry.register_mJ / EVSE_STORE_MJ_PER_WH;
    evse_store_copy_text(entry.tag, sizeof entry.tag, begin->id_tag);
    status = append(store, &entry);
    if (status < 0) {
        return status;
    }
    evse_transaction_t *slot = evse_store_context(store, &entry);
    HF_ASSERT(slot != NULL); // two for each connector, and one here is open no more
    slot->state = EVSE_TRANSACTION_OPEN;
    slot->durable_at = hf_journal_appended(&store->journal);
    store->open[connector] = slot;
    store->shutdown_recorded = false; // it did not come to that
    store->checkpoint_us[connector] = at.since_boot_ms * 1000u;
    store->next_transaction++;
    return HF_OK;
}

// ---- readings -----------------------------------------------------------------------------------

void evse_store_note_last(evse_transaction_t *transaction, const evse_message_t *message)
{
    if (transaction == NULL) {
        return;
    }
    if (message->register_Wh > transaction->last_Wh) {
        transaction->last_Wh = message->register_Wh;
    }
    if (evse_moment_is_after(&message->at, &transaction->last_at)) {
        transaction->last_at = message->at;
    }
}

static void note_reading(evse_store_t *store, const evse_message_t *message)
{
    evse_transaction_t *transaction = evse_store_find(store, message->transaction);
    if (transaction != NULL && transaction->state == EVSE_TRANSACTION_OPEN) {
        evse_store_note_last(transaction, message);
    }
}

/// Puts a reading into memory alone; false when there is no room.
static bool hold(evse_store_t *store, const evse_message_t *message)
{
    evse_message_t *block = hf_pool_take(&store->messages, HF_TAG_NONE);
    if (block == NULL) {
        return false;
    }
    uint32_t at = 0;
    while (store->reading[at] != NULL) { // as many as blocks
        at++;
    }
    *block = *message;
    store->reading[at] = block;
    store->readings++;
    evse_queued_t queued = {.transaction = (uint16_t)message->transaction};
    queued.flags = (uint8_t)((unsigned)EVSE_MESSAGE_METER | EVSE_QUEUED_MEMORY |
                             (message->at.utc_ms == 0 ? EVSE_QUEUED_NO_UTC : 0u));
    evse_index_set_position(&queued, at);
    evse_index_insert(store, store->count, queued);
    store->tail_id = message->id;
    return true;
}

static uint32_t meter_bytes(const evse_store_t *store, const evse_message_t *message)
{
    return hf_journal_record_bytes(&store->journal,
                                   EVSE_STORE_METER_BYTES_MIN + 6u * message->samples);
}

/// The connector's open transaction, or NULL and why.
static evse_transaction_t *running(const evse_store_t *store, unsigned connector,
                                   const evse_message_t *sample, int *status)
{
    *status = HF_E_ARGUMENT;
    if (connector >= store->config.connectors || sample->samples > EVSE_SAMPLES_MAX) {
        return NULL;
    }
    *status = HF_E_STATE;
    return store->open[connector];
}

static evse_entry_t entry_of(evse_store_t *store, evse_record_t type,
                             const evse_transaction_t *transaction, const evse_message_t *sample)
{
    evse_entry_t entry = new_entry(store, type, transaction, &sample->at);
    entry.message.register_Wh = sample->register_Wh;
    entry.message.context = sample->context;
    entry.message.samples = sample->samples;
    memcpy(entry.message.sample, sample->sample, sizeof entry.message.sample);
    return entry;
}

int evse_store_meter(evse_store_t *store, unsigned connector, const evse_message_t *sample,
                     bool keep)
{
    int status;
    const evse_transaction_t *transaction = running(store, connector, sample, &status);
    if (transaction == NULL) {
        return status;
    }
    const evse_need_t in_memory = {.entries = 1u, .is_reading = true};
    const evse_need_t in_journal = {
        .entries = 1u, .bytes = meter_bytes(store, sample), .is_reading = true};
    if (!evse_store_make_room(store, keep ? in_journal : in_memory)) {
        return HF_E_FULL;
    }
    evse_entry_t entry = entry_of(store, EVSE_RECORD_METER, transaction, sample);
    if (!keep && hold(store, &entry.message)) {
        return HF_OK;
    }
    if (!evse_store_make_room(store, in_journal)) {
        return HF_E_FULL;
    }
    status = append(store, &entry);
    if (status >= 0) {
        note_reading(store, &entry.message);
    }
    return status < 0 ? status : HF_OK;
}

/// The oldest reading in memory alone; `count` none.
static uint32_t find_reading(const evse_store_t *store)
{
    uint32_t i = 0;
    for (; i < store->count; i++) {
        const evse_queued_t *queued = evse_index_at(store, i);
        if ((queued->flags & EVSE_QUEUED_MEMORY) != 0 &&
            evse_index_kind(queued) == EVSE_MESSAGE_METER) {
            break;
        }
    }
    return i;
}

static int keep_one(evse_store_t *store, uint32_t i)
{
    evse_entry_t entry;
    int status = evse_index_read(store, i, &entry, NULL);
    bool was_refused = store->refused > 0 && store->refused_id == entry.message.id;
    if (status >= 0 && was_refused) { // first: cut in between, its count must not be lost
        status = evse_record_refused(store, store->refused_id, store->refused);
    }
    if (status >= 0) {
        status = evse_record_entry(store, &entry);
    }
    if (status < 0) {
        return status;
    }
    store->queued_bytes += record_bytes(store);
    if (store->head_loaded && i == evse_index_head(store)) {
        store->head_bytes = record_bytes(store);
    }
    note_reading(store, &entry.message);
    evse_queued_t queued = evse_index_recorded(store, &entry);
    uint64_t tail_id = store->tail_id;
    evse_index_remove(store, i); // gives its block back
    evse_index_insert(store, i, queued);
    store->tail_id = tail_id;
    return HF_OK;
}

int evse_store_keep_all(evse_store_t *store)
{
    int status = store->readings > 0 && store->readings_stay ? HF_E_FULL : HF_OK;
    while (store->readings > 0 && status == HF_OK) {
        const evse_need_t need = {
            .bytes = hf_journal_record_bytes(&store->journal, EVSE_STORE_METER_BYTES),
            .is_reading = true};
        if (!evse_store_make_room(store, need)) {
            store->readings_stay = true;
            return HF_E_FULL;
        }
        uint32_t i = find_reading(store); // thinning may have taken the last
        status = i < store->count ? keep_one(store, i) : HF_OK;
    }
    return status;
}

// ---- what a STOP carries ------------------------------------------------------------------------

int evse_store_txdata(evse_store_t *store, unsigned connector, const evse_message_t *sample)
{
    int status;
    const evse_transaction_t *transaction = running(store, connector, sample, &status);
    if (transaction == NULL) {
        return status;
    }
    const evse_need_t need = {
        .entries = 1u, .bytes = meter_bytes(store, sample), .is_reading = true};
    if (!evse_store_make_room(store, need)) {
        return HF_E_FULL;
    }
    evse_entry_t entry = entry_of(store, EVSE_RECORD_TXDATA, transaction, sample);
    status = evse_record_entry(store, &entry);
    if (status < 0) {
        return status;
    }
    uint32_t bytes = record_bytes(store);
    if (evse_index_count_txdata(store, transaction->number) >= CONFIG_EVSE_TXDATA_MAX) {
        evse_index_remove_txdata(store, transaction->number, evse_txdata_is_thinned);
    }
    store->queued_bytes += bytes;
    evse_index_append_recorded(store, &entry);
    note_reading(store, &entry.message);
    return HF_OK;
}

int evse_store_txdata_next(evse_store_t *store, uint32_t transaction, uint32_t *cursor,
                           evse_message_t *out)
{
    for (; *cursor < store->count; (*cursor)++) {
        const evse_queued_t *queued = evse_index_at(store, *cursor);
        if (!evse_index_is_of(queued, transaction) || evse_index_kind(queued) != EVSE_KIND_TXDATA) {
            continue;
        }
        evse_entry_t entry;
        int status = evse_index_read(store, (*cursor)++, &entry, NULL);
        if (status < 0) {
            evse_store_note_lost(store, HF_LOG_TEXT("a sample set"), transaction);
            return HF_E_IO;
        }
        *out = entry.message;
        return 1;
    }
    return 0;
}

// ---- end ----------------------------------------------------------------------------------------

int evse_store_record_stop(evse_store_t *store, evse_transaction_t *transaction, uint32_t *bytes)
{
    evse_entry_t entry = {.type = EVSE_RECORD_STOP,
                          .connector = transaction->connector,
                          .register_mJ = store->register_mJ[transaction->connector]};
    entry.message.kind = EVSE_MESSAGE_STOP;
    entry.message.id = transaction->stop_id;
    entry.message.transaction = transaction->number;
    entry.message.at = transaction->last_at;
    entry.message.register_Wh = transaction->last_Wh;
    entry.message.reason = transaction->stop_reason;
    memcpy(entry.tag, transaction->stop_id_tag, sizeof entry.tag);
    int status = evse_record_entry(store, &entry);
    if (status < 0) {
        return status;
    }
    transaction->stop_id = 0;
    store->finishing_known[transaction->connector] = true; // a STOP says so
    *bytes = record_bytes(store);
    store->queued_bytes += *bytes;
    return HF_OK;
}

/// Only once its START is delivered or just being sent, its data is needed in memory.
static void let_go(evse_store_t *store, evse_transaction_t *transaction)
{
    bool is_head = store->head_loaded && store->head.transaction == transaction->number;
    transaction->is_spare = transaction->stop_id == 0 && !transaction->start_delivered && !is_head;
}

/// The STOP is in the journal before anything in memory says that the transaction is over.
static void stop_transaction(evse_store_t *store, evse_transaction_t *transaction,
                             evse_stop_reason_t reason, const evse_moment_t *at)
{
    unsigned connector = transaction->connector;
    uint64_t Wh = store->register_mJ[connector] / EVSE_STORE_MJ_PER_WH;
    transaction->last_Wh = Wh > transaction->last_Wh ? Wh : transaction->last_Wh;
    transaction->last_at = *at;
    evse_store_stamp(store, &transaction->last_at);
    transaction->stop_reason = (uint8_t)reason;
    transaction->stop_id = evse_store_new_id(store);
    store->tail_id = transaction->stop_id;
    evse_queued_t queued = {.transaction = (uint16_t)transaction->number};
    queued.flags = (uint8_t)((unsigned)EVSE_MESSAGE_STOP |
                             (transaction->last_at.utc_ms == 0 ? EVSE_QUEUED_NO_UTC : 0u));
    uint32_t bytes;
    if (evse_store_record_stop(store, transaction, &bytes) < 0) {
        store->unrecorded++;
        queued.flags |= EVSE_QUEUED_MEMORY;
        evse_index_set_position(&queued, (uint32_t)(transaction - store->slot));
    } else {
        evse_index_set_position(&queued, hf_journal_position(&store->journal));
    }
    evse_index_insert(store, store->count, queued);
    transaction->state = EVSE_TRANSACTION_ENDED;
    store->open[connector] = NULL;
    let_go(store, transaction);
}

int evse_store_end(evse_store_t *store, unsigned connector, evse_stop_reason_t reason,
                   const char *stop_id_tag, uint64_t register_mJ, evse_moment_t at)
{
    if (connector >= store->config.connectors || reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_ARGUMENT;
    }
    evse_transaction_t *transaction = store->open[connector];
    if (transaction == NULL) {
        return HF_E_STATE;
    }
    evse_store_stamp(store, &at);
    evse_store_raise_register(store, connector, register_mJ, &at);
    evse_store_copy_text(transaction->stop_id_tag, sizeof transaction->stop_id_tag, stop_id_tag);
    stop_transaction(store, transaction, reason, &at);
    return HF_OK;
}

static evse_stop_reason_t recovery_reason(const evse_store_t *store)
{
    if (!store->shutdown_recorded) {
        return EVSE_STOP_PowerLoss;
    }
    return store->shutdown_recorded_reason == EVSE_STOP_None
               ? EVSE_STOP_Reboot
               : (evse_stop_reason_t)store->shutdown_recorded_reason;
}

int evse_store_recover(evse_store_t *store)
{
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        evse_transaction_t *transaction = store->open[c];
        if (transaction == NULL) {
            continue;
        }
        if (store->count == CONFIG_EVSE_MESSAGES_MAX && evse_store_thin(store) == 0) {
            return HF_E_FULL; // an index smaller than that of the build before
        }
        const evse_moment_t *checkpoint = &store->register_at[c];
        bool is_later = evse_moment_is_after(checkpoint, &transaction->last_at);
        evse_moment_t at = is_later ? *checkpoint : transaction->last_at;
        transaction->stop_id_tag[0] = '\0'; // nobody stopped it
        store->finishing[c] = true; // the plug was in; if it is not any more, the tick will see
        stop_transaction(store, transaction, recovery_reason(store), &at);
        if (store->unrecorded > 0) {
            return store->journal.failed < 0 ? store->journal.failed : HF_E_FULL;
        }
        store->recovered++;
    }
    return HF_OK;
}
