// SPDX-License-Identifier: MIT
// Transactions and their messages: the one queue, its order, its reserved room, and the way out of it.
// Goals: exactly one START and one STOP for each session whose begin became durable, whatever happens in between.
// Invariants: every transaction begun in this boot holds the block of its STOP from the begin on, and room in the
// journal is kept for it, so that an end can never be refused; a journalled message is offered once it is durable, and
// leaves once its confirmation is; the head alone can leave.
#include "evse_store_private.h"

#include <string.h>

#define METER_POOL_DIVISOR 4u // of the message pool, readings leave 1/4 to START and STOP

// ---- transactions and messages in memory --------------------------------------------------------

evse_transaction_t *evse_store_find(const evse_store_t *store, uint32_t number)
{
    for (uint32_t i = 0; i < CONFIG_EVSE_TRANSACTIONS_MAX; i++) {
        if (store->known[i] != NULL && store->known[i]->number == number) {
            return store->known[i];
        }
    }
    return NULL;
}

const evse_transaction_t *evse_store_transaction(const evse_store_t *store, uint32_t number)
{
    return evse_store_find(store, number);
}

static void know(evse_store_t *store, evse_transaction_t *transaction)
{
    uint32_t i = 0;
    while (store->known[i] != NULL) { // as many slots as blocks
        i++;
    }
    store->known[i] = transaction;
}

evse_transaction_t *evse_store_add_transaction(evse_store_t *store, uint32_t number)
{
    evse_transaction_t *transaction = hf_pool_take(&store->transactions, HF_TAG_NONE);
    if (transaction == NULL) {
        return NULL;
    }
    memset(transaction, 0, sizeof *transaction);
    transaction->number = number;
    know(store, transaction);
    return transaction;
}

void evse_store_free_transaction(evse_store_t *store, evse_transaction_t *transaction)
{
    for (uint32_t i = 0; i < CONFIG_EVSE_TRANSACTIONS_MAX; i++) {
        if (store->known[i] == transaction) {
            store->known[i] = NULL;
        }
    }
    int status = hf_pool_give(&store->transactions, transaction);
    HF_ASSERT(status == HF_OK);
}

void evse_store_link(evse_store_t *store, evse_message_t *message, evse_transaction_t *transaction)
{
    message->next = NULL;
    if (store->tail != NULL) {
        store->tail->next = message;
    } else {
        store->head = message;
    }
    store->tail = message;
    transaction->references++;
}

void evse_store_remove_head(evse_store_t *store)
{
    evse_message_t *message = store->head;
    evse_transaction_t *transaction = evse_store_find(store, message->transaction);
    HF_ASSERT(transaction != NULL && transaction->references > 0);
    store->head = message->next;
    if (store->head == NULL) {
        store->tail = NULL;
    }
    transaction->references--;
    if (transaction->references == 0 && transaction->state == EVSE_TRANSACTION_ENDED) {
        evse_store_free_transaction(store, transaction);
    }
    int status = hf_pool_give(&store->messages, message);
    HF_ASSERT(status == HF_OK);
}

static void fill_message(evse_store_t *store, evse_message_t *message, evse_message_kind_t kind,
                         const evse_transaction_t *transaction, evse_moment_t at)
{
    memset(message, 0, sizeof *message);
    message->id = evse_store_new_id(store);
    message->kind = (uint8_t)kind;
    message->transaction = transaction->number;
    message->at = evse_store_stamp(store, at);
}

/// NULL is no message.
static void give_message(evse_store_t *store, evse_message_t *message)
{
    int status = message == NULL ? HF_OK : hf_pool_give(&store->messages, message);
    HF_ASSERT(status == HF_OK);
}

/// The blocks of a whole session.
typedef struct session_blocks {
    evse_transaction_t *transaction;
    evse_message_t *start, *stop;
} session_blocks_t;

static void give_session(evse_store_t *store, const session_blocks_t *blocks)
{
    give_message(store, blocks->start);
    give_message(store, blocks->stop);
    int status = blocks->transaction == NULL
                     ? HF_OK
                     : hf_pool_give(&store->transactions, blocks->transaction);
    HF_ASSERT(status == HF_OK);
}

/// All of them, or none and false.
static bool take_session(evse_store_t *store, session_blocks_t *blocks)
{
    blocks->transaction = hf_pool_take(&store->transactions, HF_TAG_NONE);
    blocks->start = hf_pool_take(&store->messages, HF_TAG_NONE);
    blocks->stop = hf_pool_take(&store->messages, HF_TAG_NONE);
    if (blocks->transaction != NULL && blocks->start != NULL && blocks->stop != NULL) {
        return true;
    }
    give_session(store, blocks);
    return false;
}

// ---- room ---------------------------------------------------------------------------------------

static uint32_t open_count(const evse_store_t *store)
{
    uint32_t count = 0;
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        count += store->open[c] != NULL ? 1u : 0u;
    }
    return count;
}

bool evse_store_has_room(const evse_store_t *store)
{
    return store->journal.failed == HF_OK && store->unrecorded == 0 &&
           hf_pool_free_count(&store->messages) >= 2u &&
           hf_pool_free_count(&store->transactions) >= 1u &&
           evse_store_has_journal_room(store, 2, 0);
}

static bool has_meter_room(const evse_store_t *store, bool keep)
{
    uint32_t open = open_count(store);
    uint32_t sessions =
        store->config.connectors > open ? 2u * (store->config.connectors - open) : 0;
    uint32_t quarter = CONFIG_EVSE_MESSAGES_MAX / METER_POOL_DIVISOR;
    uint32_t reserved = sessions > quarter ? sessions : quarter; // STOPs of open ones hold theirs
    return hf_pool_free_count(&store->messages) > reserved &&
           (!keep || evse_store_has_journal_room(store, 1, 0));
}

// ---- in -----------------------------------------------------------------------------------------

/// Registers only grow: a reading from before the last checkpoint counts as that checkpoint.
static void note_register(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                          evse_moment_t at)
{
    if (register_mJ > store->register_mJ[connector]) {
        store->register_mJ[connector] = register_mJ;
    }
    if (evse_moment_is_after(at, store->register_at[connector])) {
        store->register_at[connector] = at;
    }
}

static int record_start(evse_store_t *store, evse_message_t *message,
                        const evse_transaction_t *transaction)
{
    int status = evse_record_message(store, message, transaction);
    if (status >= 0) {
        message->durable_at = hf_journal_appended(&store->journal);
    }
    return status;
}

static void open_transaction(evse_store_t *store, const evse_transaction_t *made,
                             const session_blocks_t *blocks)
{
    evse_transaction_t *transaction = blocks->transaction;
    *transaction = *made;
    transaction->durable_at = blocks->start->durable_at;
    transaction->stop = blocks->stop;
    know(store, transaction);
    store->open[made->connector] = transaction;
    store->checkpoint_us[made->connector] = blocks->start->at.since_boot_ms * 1000u;
    store->next_transaction++;
    evse_store_link(store, blocks->start, transaction);
}

int evse_store_begin(evse_store_t *store, unsigned connector, const evse_begin_t *begin)
{
    const char *id_tag = begin->id_tag;
    if (connector >= store->config.connectors || id_tag == NULL) {
        return HF_E_ARGUMENT;
    }
    if (strlen(id_tag) >= EVSE_ID_TAG_BYTES) {
        return HF_E_TOO_LONG;
    }
    if (store->open[connector] != NULL) {
        return HF_E_STATE;
    }
    if (store->journal.failed < 0) {
        return store->journal.failed;
    }
    session_blocks_t blocks;
    if (!evse_store_has_room(store) || !take_session(store, &blocks)) {
        return HF_E_FULL;
    }
    evse_moment_t at = evse_store_stamp(store, begin->at);
    note_register(store, connector, begin->register_mJ, at);
    uint64_t start_Wh = store->register_mJ[connector] / EVSE_STORE_MJ_PER_WH;
    evse_transaction_t made = {.number = store->next_transaction,
                               .transaction_id = EVSE_TRANSACTION_ID_UNKNOWN,
                               .start_Wh = start_Wh,
                               .reservation_id = begin->reservation_id,
                               .connector = (uint8_t)connector,
                               .state = EVSE_TRANSACTION_OPEN,
                               .last_at = at,
                               .last_Wh = start_Wh};
    evse_store_copy_text(made.id_tag, sizeof made.id_tag, id_tag);
    fill_message(store, blocks.start, EVSE_MESSAGE_START, &made, at);
    blocks.start->register_Wh = start_Wh;
    int status = record_start(store, blocks.start, &made);
    if (status < 0) {
        give_session(store, &blocks);
        return status;
    }
    open_transaction(store, &made, &blocks);
    return HF_OK;
}

static int record_meter(evse_store_t *store, evse_message_t *message,
                        evse_transaction_t *transaction)
{
    int status = evse_record_message(store, message, transaction);
    if (status < 0) {
        return status;
    }
    message->durable_at = hf_journal_appended(&store->journal);
    if (message->register_Wh > transaction->last_Wh) {
        transaction->last_Wh = message->register_Wh;
    }
    if (evse_moment_is_after(message->at, transaction->last_at)) {
        transaction->last_at = message->at;
    }
    return HF_OK;
}

int evse_store_meter(evse_store_t *store, unsigned connector, const evse_message_t *sample,
                     bool keep)
{
    if (connector >= store->config.connectors || sample->samples > EVSE_SAMPLES_MAX) {
        return HF_E_ARGUMENT;
    }
    evse_transaction_t *transaction = store->open[connector];
    if (transaction == NULL) {
        return HF_E_STATE;
    }
    evse_message_t *message =
        has_meter_room(store, keep) ? hf_pool_take(&store->messages, HF_TAG_NONE) : NULL;
    if (message == NULL) {
        return HF_E_FULL;
    }
    fill_message(store, message, EVSE_MESSAGE_METER, transaction, sample->at);
    message->register_Wh = sample->register_Wh;
    message->context = sample->context;
    message->samples = sample->samples;
    memcpy(message->sample, sample->sample, sizeof message->sample);
    int status = keep ? record_meter(store, message, transaction) : HF_OK;
    if (status < 0) {
        give_message(store, message);
        return status;
    }
    evse_store_link(store, message, transaction);
    return HF_OK;
}

static void record_stop(evse_store_t *store, evse_message_t *message,
                        const evse_transaction_t *transaction)
{
    int status = evse_record_message(store, message, transaction);
    message->durable_at = status < 0 ? EVSE_STORE_UNRECORDED : hf_journal_appended(&store->journal);
}

/// The STOP is in the journal before anything in memory says that the transaction is over. Needs its block.
static void stop_transaction(evse_store_t *store, evse_transaction_t *transaction,
                             evse_stop_reason_t reason, evse_moment_t at)
{
    unsigned connector = transaction->connector;
    uint64_t Wh = store->register_mJ[connector] / EVSE_STORE_MJ_PER_WH;
    evse_message_t *message = transaction->stop;
    transaction->stop = NULL;
    fill_message(store, message, EVSE_MESSAGE_STOP, transaction, at);
    message->register_Wh = Wh > transaction->last_Wh ? Wh : transaction->last_Wh;
    message->reason = (uint8_t)reason;
    record_stop(store, message, transaction);
    store->unrecorded += message->durable_at == EVSE_STORE_UNRECORDED ? 1u : 0u;
    transaction->state = EVSE_TRANSACTION_ENDED;
    store->open[connector] = NULL;
    evse_store_link(store, message, transaction);
}

int evse_store_end(evse_store_t *store, unsigned connector, evse_stop_reason_t reason,
                   const char *stop_id_tag, uint64_t register_mJ, evse_moment_t at)
{
    if (connector >= store->config.connectors || reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_ARGUMENT;
    }
    evse_transaction_t *transaction = store->open[connector];
    if (transaction == NULL ||
        transaction->stop == NULL) { // the latter: the boot that failed to end it
        return HF_E_STATE;
    }
    at = evse_store_stamp(store, at);
    note_register(store, connector, register_mJ, at);
    evse_store_copy_text(transaction->stop_id_tag, sizeof transaction->stop_id_tag, stop_id_tag);
    stop_transaction(store, transaction, reason, at);
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
        evse_moment_t at = evse_moment_is_after(store->register_at[c], transaction->last_at)
                               ? store->register_at[c]
                               : transaction->last_at;
        transaction->stop_id_tag[0] = '\0'; // nobody stopped it
        store->finishing[c] = true; // the plug was in; if it is not any more, the tick will see
        transaction->stop = hf_pool_take(&store->messages, HF_TAG_NONE); // begun in another boot
        int status = transaction->stop != NULL
                         ? evse_record_flag(store, EVSE_RECORD_FINISHING, c, true)
                         : HF_E_FULL;
        if (status < 0) {
            return status;
        }
        stop_transaction(store, transaction, recovery_reason(store), at);
        if (store->unrecorded > 0) {
            return store->journal.failed < 0 ? store->journal.failed : HF_E_FULL;
        }
        store->recovered++;
    }
    return HF_OK;
}

int evse_store_txdata(evse_store_t *store, unsigned connector, const evse_message_t *sample)
{
    (void)store, (void)connector, (void)sample;
    return HF_E_UNSUPPORTED;
}

int evse_store_txdata_next(evse_store_t *store, uint32_t transaction, uint32_t *cursor,
                           evse_message_t *out)
{
    (void)store, (void)transaction, (void)cursor, (void)out;
    return 0;
}

int evse_store_keep_all(evse_store_t *store)
{
    int status = HF_OK;
    for (evse_message_t *m = store->head; m != NULL && status == HF_OK; m = m->next) {
        if (m->durable_at == 0) { // the order of the records is not yet that of the queue
            status = HF_E_UNSUPPORTED;
        }
    }
    return status;
}

// ---- out ----------------------------------------------------------------------------------------

const evse_message_t *evse_store_next(const evse_store_t *store)
{
    const evse_message_t *head = store->head;
    uint64_t durable = hf_journal_durable(&store->journal);
    if (head == NULL || store->confirming != 0 || head->durable_at > durable) {
        return NULL;
    }
    bool waits_for_clock = head->at.utc_ms == 0 && store->clock_at > durable;
    return waits_for_clock ? NULL : head;
}

static void advance_stops(evse_store_t *store)
{
    evse_message_t *message = store->unrecorded > 0 ? store->head : NULL;
    for (; message != NULL; message = message->next) {
        if (message->durable_at != EVSE_STORE_UNRECORDED) {
            continue;
        }
        record_stop(store, message, evse_store_find(store, message->transaction));
        if (message->durable_at == EVSE_STORE_UNRECORDED) {
            return;
        }
        store->unrecorded--;
    }
}

static void advance_confirmation(evse_store_t *store)
{
    if (store->confirming == 1) {
        const evse_transaction_t *transaction = evse_store_find(store, store->head->transaction);
        if (evse_record_done(store, store->head->id, store->confirming_lost,
                             transaction->transaction_id) >= 0) {
            store->confirming = 2;
            store->confirm_at = hf_journal_appended(&store->journal);
        }
    }
    bool is_durable =
        store->confirming == 2 && hf_journal_durable(&store->journal) >= store->confirm_at;
    bool is_hopeless = store->confirming != 0 && store->journal.failed < 0;
    if (is_durable || is_hopeless) {
        store->confirming = 0;
        evse_store_remove_head(store);
    }
}

void evse_store_advance(evse_store_t *store)
{
    if (store->journal.failed == HF_OK) {
        advance_stops(store);
    }
    advance_confirmation(store);
}

static int leave(evse_store_t *store, bool lost)
{
    if (store->head->durable_at == 0) {
        evse_store_remove_head(store);
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
    if (head->kind == EVSE_MESSAGE_START) {
        evse_store_find(store, head->transaction)->transaction_id = transaction_id;
    }
    return leave(store, false);
}

int evse_store_refuse(evse_store_t *store, uint32_t attempts_max)
{
    if (evse_store_next(store) == NULL) {
        return HF_E_STATE;
    }
    evse_message_t *head = store->head;
    if (head->attempts < UINT8_MAX) {
        head->attempts++;
    }
    if (head->attempts < attempts_max && head->attempts < UINT8_MAX) {
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
