// SPDX-License-Identifier: MIT
// Out of the queue: the oldest message is read back, offered, confirmed or refused, and leaves.
// Invariants: a journalled message is offered once it is durable, and leaves once its confirmation is; the head alone
// can leave; once offered it stays so, whatever the journal does meanwhile.
#include "evse_store_private.h"

#include <string.h>

uint32_t evse_store_waiting(const evse_store_t *store)
{
    return store->waiting;
}

int evse_store_peek(const evse_store_t *store, uint32_t place, evse_message_t *out)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < store->count; i++) {
        if (evse_index_kind(evse_index_at(store, i)) == EVSE_KIND_TXDATA || waiting++ != place) {
            continue;
        }
        evse_entry_t entry;
        int status = evse_index_read(store, i, &entry, NULL);
        if (status < 0) {
            return status;
        }
        *out = entry.message;
        return 1;
    }
    return 0;
}

void evse_store_note_lost(evse_store_t *store, const char *what, uint32_t number)
{
    store->unreadable++;
    HF_LOGE(store->config.log, store->now_us, STORE, "%s of transaction %u cannot be read back",
            what, (unsigned)number);
}

// ---- the head -----------------------------------------------------------------------------------

static void forget_head(evse_store_t *store)
{
    store->head_loaded = store->head_offered = store->head_failed = false;
    store->head_bytes = 0;
    store->readings_stay = false;
}

void evse_store_leave(evse_store_t *store, uint32_t i)
{
    const evse_queued_t queued = *evse_index_at(store, i);
    uint32_t transaction = evse_index_transaction(store, &queued);
    evse_index_remove(store, i);
    if (evse_index_kind(&queued) != EVSE_MESSAGE_STOP) {
        return;
    }
    evse_index_remove_txdata(store, transaction, NULL);
    evse_transaction_t *slot = evse_store_find(store, transaction);
    if (slot != NULL) {
        evse_store_give_slot(slot);
    }
}

static void remove_head(evse_store_t *store)
{
    store->queued_bytes -=
        store->head_bytes < store->queued_bytes ? store->head_bytes : store->queued_bytes;
    if (store->refused_id == store->head.id) {
        store->refused = 0;
    }
    evse_store_leave(store, evse_index_head(store));
    forget_head(store);
}

/// What the flash has lost must not hold up those behind it.
static void give_up(evse_store_t *store, uint32_t i)
{
    static const char *const names[] = {"a sample set", "the START", "a reading", "the STOP"};
    const evse_queued_t *queued = evse_index_at(store, i);
    unsigned kind = evse_index_kind(queued);
    uint32_t number = evse_index_transaction(store, queued);
    evse_transaction_t *slot = evse_store_find(store, number);
    if (slot != NULL && kind == EVSE_MESSAGE_START) {
        slot->start_delivered = true; // as far as it ever will be
    }
    evse_store_note_lost(store, HF_LOG_TEXT(names[kind]), number);
    store->lost++;
    evse_store_leave(store, i);
    forget_head(store);
}

static bool load_head(evse_store_t *store)
{
    evse_entry_t entry;
    while (store->waiting > 0) {
        uint32_t i = evse_index_head(store);
        int status = evse_index_read(store, i, &entry, &store->head_bytes);
        if (status == HF_E_CORRUPT) {
            give_up(store, i);
            continue;
        }
        if (status < 0) {
            if (!store->head_failed) {
                HF_LOGE(store->config.log, store->now_us, STORE, "a message cannot be read: %s",
                        hf_status_text(status));
            }
            store->head_failed = true;
            return false;
        }
        (void)evse_store_context(store, &entry); // NULL: the sender finds none
        store->head = entry.message;
        store->head.attempts = store->refused_id == store->head.id ? store->refused : 0;
        store->head_loaded = true;
        return true;
    }
    return false;
}

static bool is_ready(const evse_store_t *store)
{
    const evse_queued_t *queued = evse_index_at(store, evse_index_head(store));
    bool is_memory = (queued->flags & EVSE_QUEUED_MEMORY) != 0;
    bool is_durable = is_memory
                          ? store->head.kind == EVSE_MESSAGE_METER
                          : hf_journal_is_durable(&store->journal, evse_index_position(queued));
    uint64_t durable = hf_journal_durable(&store->journal);
    bool is_timed = evse_store_utc_ms(store, store->head.at) != 0;
    bool has_clock = store->clock_at <= durable;
    bool needs_clock = store->head.at.utc_ms == 0 || store->head.kind == EVSE_MESSAGE_STOP;
    return is_durable && store->thinned_at <= durable && is_timed &&
           (has_clock || !needs_clock); // a STOP: for the sample sets it carries
}

const evse_message_t *evse_store_next(evse_store_t *store)
{
    if (store->waiting == 0 || store->confirming != 0 ||
        (!store->head_loaded && !load_head(store))) {
        return NULL;
    }
    store->head_offered = store->head_offered || is_ready(store);
    return store->head_offered ? &store->head : NULL;
}

// ---- leaving ------------------------------------------------------------------------------------

static void advance_stops(evse_store_t *store)
{
    for (uint32_t i = 0; store->unrecorded > 0 && i < store->count; i++) {
        evse_queued_t *queued = evse_index_at(store, i);
        if ((queued->flags & EVSE_QUEUED_MEMORY) == 0 ||
            evse_index_kind(queued) != EVSE_MESSAGE_STOP) {
            continue;
        }
        uint32_t bytes;
        evse_transaction_t *transaction = &store->slot[evse_index_position(queued)];
        if (evse_store_record_stop(store, transaction, &bytes) < 0) {
            return;
        }
        queued->flags &= (uint8_t)~EVSE_QUEUED_MEMORY;
        evse_index_set_position(queued, hf_journal_position(&store->journal));
        if (store->head_loaded && i == evse_index_head(store)) {
            store->head_bytes = bytes;
        }
        store->unrecorded--;
    }
}

static void advance_confirmation(evse_store_t *store)
{
    if (store->confirming == 0) {
        return;
    }
    evse_transaction_t *transaction = evse_store_find(store, store->head.transaction);
    if (store->confirming == 1) {
        int32_t id =
            transaction != NULL ? transaction->transaction_id : EVSE_TRANSACTION_ID_UNKNOWN;
        unsigned how = (store->confirming_lost ? 1u : 0u) | (unsigned)store->head.kind << 1;
        if (evse_record_done(store, store->head.id, how, id) >= 0) {
            store->confirming = 2;
            store->confirm_at = hf_journal_appended(&store->journal);
            if (transaction != NULL && store->head.kind == EVSE_MESSAGE_START) {
                transaction->start_delivered = true;
            }
        }
    }
    bool is_durable =
        store->confirming == 2 && hf_journal_durable(&store->journal) >= store->confirm_at;
    if (is_durable || store->journal.failed < 0) { // failed: hopeless, it goes out once more
        if (transaction != NULL && store->head.kind == EVSE_MESSAGE_START) {
            transaction->start_delivered = true;
        }
        store->confirming = 0;
        remove_head(store);
    }
}

void evse_store_advance(evse_store_t *store)
{
    if (store->unrecorded > 0 && store->journal.failed == HF_OK) {
        advance_stops(store);
    }
    advance_confirmation(store);
}

static int leave(evse_store_t *store, bool lost)
{
    const evse_queued_t *queued = evse_index_at(store, evse_index_head(store));
    if ((queued->flags & EVSE_QUEUED_MEMORY) != 0) {
        remove_head(store);
        return HF_OK;
    }
    store->confirming = 1;
    store->confirming_lost = lost;
    advance_confirmation(store);
    return store->journal.failed;
}

int evse_store_confirm(evse_store_t *store, int32_t transaction_id)
{
    const evse_message_t *head = evse_store_next(store);
    if (head == NULL) {
        return HF_E_STATE;
    }
    evse_transaction_t *transaction = evse_store_find(store, head->transaction);
    if (head->kind == EVSE_MESSAGE_START && transaction != NULL) {
        transaction->transaction_id = transaction_id;
    }
    return leave(store, false);
}

/// So that a reboot does not begin to count anew.
static void record_attempts(evse_store_t *store)
{
    const evse_queued_t *queued = evse_index_at(store, evse_index_head(store));
    store->refused_id = store->head.id;
    store->refused = store->head.attempts;
    if ((queued->flags & EVSE_QUEUED_MEMORY) == 0 && store->journal.failed == HF_OK &&
        evse_record_refused(store, store->refused_id, store->refused) < 0) {
        HF_LOGW(store->config.log, store->now_us, STORE, "a refusal was not recorded");
    }
}

int evse_store_refuse(evse_store_t *store, uint32_t attempts_max)
{
    if (evse_store_next(store) == NULL) {
        return HF_E_STATE;
    }
    evse_message_t *head = &store->head;
    if (head->attempts < UINT8_MAX) {
        head->attempts++;
    }
    if (head->attempts < attempts_max && head->attempts < UINT8_MAX) {
        record_attempts(store);
        return HF_OK;
    }
    char text[EVSE_MESSAGE_ID_BYTES];
    evse_store_id_text(store, head->id, text);
    HF_LOGE(store->config.log, store->now_us, STORE,
            "message %s of transaction %u lost: refused %u times", text,
            (unsigned)head->transaction, head->attempts);
    store->lost++;
    return leave(store, true);
}
