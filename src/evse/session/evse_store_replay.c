// SPDX-License-Identifier: MIT
// The fold: each record applied to an empty store, in order, gives what was there when the last one was written.
// Invariant: a record is applied whole or not at all, and one that cannot be true stops the opening; where records are
// missing it is left out, and counted.
#include "evse_store_private.h"
#include "evse_store_reader.h"

#include <limits.h>
#include <string.h>

static int apply_boot(evse_store_t *store, evse_reader_t *in)
{
    uint64_t nonce = evse_get(in, 8);
    uint32_t boot = evse_get_u32(in);
    uint32_t next = evse_get_u32(in);
    if (!evse_is_whole(in) || boot < store->boot) {
        return HF_E_CORRUPT;
    }
    store->station_nonce = nonce;
    store->boot = boot;
    store->next_transaction = next > store->next_transaction ? next : store->next_transaction;
    store->shutdown_recorded = false;
    return 1;
}

static int apply_shutdown(evse_store_t *store, evse_reader_t *in)
{
    uint8_t reason = evse_get_u8(in);
    if (!evse_is_whole(in) || reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_CORRUPT;
    }
    store->shutdown_recorded = true;
    store->shutdown_recorded_reason = reason;
    return 1;
}

static int apply_clock(evse_store_t *store, evse_reader_t *in)
{
    uint32_t boot = evse_get_u32(in);
    uint64_t offset = evse_get(in, 8);
    if (!evse_is_whole(in) || offset == 0) {
        return HF_E_CORRUPT;
    }
    int status = evse_store_add_offset(store, boot, offset);
    return status < 0 ? status : 1;
}

static void set_finishing(evse_store_t *store, unsigned connector, bool finishing)
{
    store->finishing[connector] = store->finishing_known[connector] = finishing;
}

static int apply_register(evse_store_t *store, evse_reader_t *in)
{
    bool is_two = in->version >= EVSE_STORE_VERSION_2;
    unsigned connector = evse_get_u8(in);
    bool finishing = is_two && (connector & EVSE_STORE_FINISHING_BIT) != 0;
    connector &= is_two ? ~EVSE_STORE_FINISHING_BIT : UINT_MAX;
    uint64_t mJ = evse_get(in, is_two ? 7 : 8);
    evse_moment_t at;
    evse_get_moment(in, &at);
    int status = evse_check_connector(in, connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
#if CONFIG_HF_JOURNAL_REPAIR
    if (store->open[connector] != NULL && mJ > store->register_mJ[connector]) {
        store->open[connector]->stop_id = 0; // it goes on: evse_repair_done()
    }
#endif
    evse_store_raise_register(store, connector, mJ, &at);
    if (is_two) {
        set_finishing(store, connector, finishing);
    }
    return 1;
}

static void seen_number(evse_store_t *store, uint32_t number)
{
    if (number >= store->next_transaction) {
        store->next_transaction = number + 1u;
    }
}

/// The ended one that is being delivered is the oldest; what a dump of version 1 tells of others their STARTs tell, too.
static bool is_needed(evse_store_t *store, const evse_transaction_t *read)
{
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        evse_transaction_t *slot = &store->slot[i];
        if (slot->number == 0 || slot->connector != read->connector || slot->is_spare ||
            slot->state != EVSE_TRANSACTION_ENDED || read->state != EVSE_TRANSACTION_ENDED) {
            continue;
        }
        if (slot->number < read->number) {
            return false;
        }
        evse_store_give_slot(slot);
    }
    return true;
}

static int apply_transaction(evse_store_t *store, evse_reader_t *in)
{
    evse_transaction_t read = {.number = evse_get_u32(in),
                               .reservation_id = EVSE_RESERVATION_NONE,
                               .start_delivered = true};
    read.transaction_id = evse_get_i32(in);
    read.connector = evse_get_u8(in);
    read.state = evse_get_u8(in);
    read.start_Wh = evse_get(in, 8);
    read.last_Wh = evse_get(in, 8);
    evse_get_moment(in, &read.last_at);
    evse_get_text(in, read.id_tag, sizeof read.id_tag);
    evse_get_text(in, read.stop_id_tag, sizeof read.stop_id_tag);
    int status = evse_check_connector(in, read.connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    bool is_open = read.state == EVSE_TRANSACTION_OPEN;
    if (read.number == 0 || read.number > store->next_transaction ||
        read.state > EVSE_TRANSACTION_ENDED || evse_store_find(store, read.number) != NULL ||
        (is_open && store->open[read.connector] != NULL)) {
        return HF_E_CORRUPT;
    }
    seen_number(store, read.number);
    if (!is_needed(store, &read)) {
        return 1;
    }
    evse_transaction_t *slot = evse_store_take_slot(store, read.number, read.connector);
    if (slot == NULL) {
        return HF_E_CORRUPT;
    }
    *slot = read;
    if (is_open) {
        store->open[read.connector] = slot;
    }
    return 1;
}

// ---- messages -----------------------------------------------------------------------------------

/// Where an id belongs: the number of entries with smaller ones. 1 it is there already.
static int find_place(const evse_store_t *store, uint64_t id, uint32_t *place)
{
    uint32_t low = 0, high = store->count;
    while (low < high) {
        evse_entry_t entry;
        uint32_t middle = low + (high - low) / 2u;
        int status = evse_index_read(store, middle, &entry, NULL);
        if (status < 0) {
            return status;
        }
        entry.message.id &= ~EVSE_STORE_MADE_ID;
        if (entry.message.id == id) {
            *place = middle;
            return 1;
        }
        if (entry.message.id < id) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    *place = low;
    return HF_OK;
}

/// Puts what is being replayed into the queue; a reading that was journalled late finds its place.
static int enqueue(evse_store_t *store, const evse_entry_t *entry, uint32_t length)
{
    const evse_message_t *message = &entry->message;
    if (store->count == CONFIG_EVSE_MESSAGES_MAX && evse_store_thin(store) == 0) {
        return HF_E_FULL;
    }
    uint32_t place = store->count;
    if (message->id <= store->tail_id) {
        int status = find_place(store, message->id, &place);
        if (status != HF_OK) {
            return status < 0 ? status : HF_E_CORRUPT;
        }
    }
    evse_index_insert(store, place, evse_index_recorded(store, entry));
    store->queued_bytes += hf_journal_record_bytes(&store->journal, length);
    store->tail_id = message->id > store->tail_id ? message->id : store->tail_id;
    if ((uint32_t)(message->id >> 32) > store->boot) {
        store->boot = (uint32_t)(message->id >> 32); // its own boot record was never written
    }
    return 1;
}

/// What belongs to a transaction needs one: in memory, or in the queue and not stopped before.
static bool is_of_known(evse_store_t *store, const evse_entry_t *entry)
{
    unsigned kind;
    if (entry->message.transaction >= store->next_transaction && !evse_repair_has_holes(store)) {
        return false;
    }
    seen_number(store, entry->message.transaction);
    if (evse_index_knows(store, entry->message.transaction, &kind)) {
        return entry->type == EVSE_RECORD_METER || kind != EVSE_MESSAGE_STOP;
    }
#if CONFIG_HF_JOURNAL_REPAIR
    return evse_repair_belongs(store, entry);
#else
    return evse_store_find(store, entry->message.transaction) != NULL;
#endif
}

/// Of a START: what else must be true when nothing is missing.
static bool is_in_order(const evse_store_t *store, const evse_entry_t *start)
{
    const evse_transaction_t *open = store->open[start->connector];
    bool is_gap = start->message.transaction > store->next_transaction; // numbers have none
    return (!is_gap || evse_repair_has_holes(store)) &&
           (open == NULL || open->number > start->message.transaction);
}

static int apply_start(evse_store_t *store, const evse_entry_t *entry, uint32_t length)
{
    const evse_message_t *message = &entry->message;
    unsigned kind;
    if (evse_index_knows(store, message->transaction, &kind)) {
        return HF_E_CORRUPT;
    }
#if CONFIG_HF_JOURNAL_REPAIR
    if (evse_repair_start(store, entry) < 0) {
        return HF_E_CORRUPT;
    }
#endif
    evse_transaction_t *open = store->open[entry->connector];
    evse_transaction_t *slot = evse_store_find(store, message->transaction);
    if (!is_in_order(store, entry)) {
        return HF_E_CORRUPT;
    }
    evse_store_raise_register(store, entry->connector, entry->register_mJ, &message->at);
    seen_number(store, message->transaction);
    store->shutdown_recorded = false;
    if (slot != NULL) { // a dump of version 1 told it before
        slot->start_delivered = false;
        slot->reservation_id = entry->reservation_id;
        if (slot->state == EVSE_TRANSACTION_ENDED) {
            evse_store_give_slot(slot);
        }
    } else if (open == NULL) {
        slot = evse_store_context(store, entry);
        if (slot == NULL) {
            return HF_E_CORRUPT;
        }
        slot->state = EVSE_TRANSACTION_OPEN;
        store->open[entry->connector] = slot;
    }
    return enqueue(store, entry, length);
}

static int apply_meter(evse_store_t *store, const evse_entry_t *entry, uint32_t length)
{
    if (!is_of_known(store, entry)) {
        return HF_E_CORRUPT;
    }
    evse_store_note_last(evse_store_find(store, entry->message.transaction), &entry->message);
    return enqueue(store, entry, length);
}

static int apply_txdata(evse_store_t *store, const evse_entry_t *entry, uint32_t length)
{
    uint32_t transaction = entry->message.transaction;
    if (!is_of_known(store, entry)) {
        return HF_E_CORRUPT;
    }
    if (evse_index_count_txdata(store, transaction) >= CONFIG_EVSE_TXDATA_MAX) {
        evse_index_remove_txdata(store, transaction, evse_txdata_is_thinned);
    }
    evse_store_note_last(evse_store_find(store, entry->message.transaction), &entry->message);
    return enqueue(store, entry, length);
}

static int apply_stop(evse_store_t *store, const evse_entry_t *entry, uint32_t length)
{
    evse_transaction_t *slot = evse_store_find(store, entry->message.transaction);
    if (!is_of_known(store, entry)) {
        return HF_E_CORRUPT;
    }
    unsigned connector = slot != NULL ? slot->connector : entry->connector;
    if (connector < CONFIG_EVSE_CONNECTORS_MAX) {
        evse_store_raise_register(store, connector, entry->register_mJ, &entry->message.at);
    }
    if (slot != NULL && store->open[connector] == slot) {
        store->open[connector] = NULL;
        slot->state = EVSE_TRANSACTION_ENDED;
        if (entry->connector !=
            EVSE_STORE_NO_CONNECTOR) { // version 1 has records of its own for it
            set_finishing(store, connector, true);
        }
        slot->is_spare = !slot->start_delivered;
    }
    return enqueue(store, entry, length);
}

static int apply_message(evse_store_t *store, uint8_t type, const evse_reader_t *in)
{
    const hf_journal_record_t record = {
        .type = type, .version = in->version, .length = (uint16_t)in->left};
    evse_entry_t entry;
    int status = evse_store_parse(&record, in->bytes, &entry);
    if (status < 0) {
        return status;
    }
    switch ((evse_record_t)type) {
    case EVSE_RECORD_START:
        return apply_start(store, &entry, in->left);
    case EVSE_RECORD_STOP:
        return apply_stop(store, &entry, in->left);
    case EVSE_RECORD_TXDATA:
        return apply_txdata(store, &entry, in->left);
    default:
        return apply_meter(store, &entry, in->left);
    }
}

// ---- confirmations ------------------------------------------------------------------------------

static int leave(evse_store_t *store, const evse_entry_t *entry, int32_t transaction_id)
{
    bool is_start = entry->type == EVSE_RECORD_START;
    evse_transaction_t *slot = is_start ? evse_store_context(store, entry)
                                        : evse_store_find(store, entry->message.transaction);
    if (slot == NULL && is_start) {
        return HF_E_CORRUPT;
    }
    if (slot != NULL) { // of others than a START it has been told before, unless that is lost
        slot->transaction_id = transaction_id;
        slot->start_delivered = true;
    }
    uint32_t i = evse_index_head(store);
    evse_index_count_off(store, i);
    evse_store_leave(store, i);
    return 1;
}

/// Nothing leaves before the head: readings before the one confirmed had left, as memory alone knew; of others the
/// confirmation is missing, and with it, for now, the id that a START was given.
static int apply_done(evse_store_t *store, evse_reader_t *in)
{
    uint64_t id = evse_get(in, 8);
    unsigned kind = (unsigned)evse_get_u8(in) >> 1; // whether it was given up the log has told
    int32_t transaction_id = evse_get_i32(in);
    if (!evse_is_whole(in)) {
        return HF_E_CORRUPT;
    }
    while (store->waiting > 0) {
        evse_entry_t entry;
        uint32_t i = evse_index_head(store);
        int status = evse_index_read(store, i, &entry, NULL);
        if (status < 0) {
            return status;
        }
        if (entry.message.id == id) {
            return leave(store, &entry, transaction_id);
        }
        if ((entry.message.id & ~EVSE_STORE_MADE_ID) > (id & ~EVSE_STORE_MADE_ID) ||
            entry.message.id == (id & ~EVSE_STORE_MADE_ID) || // the START that made the STOP
            (entry.type != EVSE_RECORD_METER && !evse_repair_has_holes(store))) {
            break;
        }
        if (entry.type == EVSE_RECORD_METER) {
            evse_index_remove_counted(store, i);
        } else if (leave(store, &entry, EVSE_TRANSACTION_ID_UNKNOWN) < 0) {
            return HF_E_CORRUPT;
        }
    }
#if CONFIG_HF_JOURNAL_REPAIR
    if ((id & EVSE_STORE_MADE_ID) != 0) { // made by the boot that saw the damage, not by this one
        return 1;
    }
    if (evse_repair_has_holes(store)) {
        evse_repair_done(store, id, kind, transaction_id);
        return 1;
    }
#endif
    (void)kind; // a repair asks for it
    return store->thinned > 0 ? 1
                              : HF_E_CORRUPT; // thinned by this replay: a smaller index than before
}

static int apply_thinned(evse_store_t *store, evse_reader_t *in)
{
    uint64_t boot = evse_get_u32(in);
    while (!in->bad && in->left > 0) {
        uint32_t place;
        int status = find_place(store, boot << 32 | evse_get_u32(in), &place);
        if (status < 0) {
            return status;
        }
        if (status == 1 && evse_index_kind(evse_index_at(store, place)) == EVSE_MESSAGE_METER) {
            evse_index_remove_counted(store, place);
        }
    }
    return in->bad ? HF_E_CORRUPT : 1;
}

static int apply_refused(evse_store_t *store, evse_reader_t *in)
{
    uint64_t id = evse_get(in, 8);
    uint8_t attempts = evse_get_u8(in);
    if (!evse_is_whole(in)) {
        return HF_E_CORRUPT;
    }
    store->refused_id = id;
    store->refused = attempts;
    return 1;
}

static int apply_setting(evse_store_t *store, evse_reader_t *in)
{
    char key[EVSE_KEY_BYTES], value[EVSE_VALUE_BYTES];
    evse_get_text(in, key, sizeof key);
    evse_get_text(in, value, sizeof value);
    if (!evse_is_whole(in) || key[0] == '\0') {
        return HF_E_CORRUPT;
    }
    int status = evse_store_put_setting(store, key, value);
    return status < 0 ? status : 1;
}

static int apply_flag(evse_store_t *store, uint8_t type, evse_reader_t *in)
{
    unsigned connector = evse_get_u8(in);
    bool value = evse_get_u8(in) != 0;
    bool is_inoperative = type == EVSE_RECORD_INOPERATIVE;
    unsigned limit = CONFIG_EVSE_CONNECTORS_MAX + (is_inoperative ? 1u : 0u);
    int status = evse_check_connector(in, connector, limit);
    if (status < 0) {
        return status;
    }
    if (is_inoperative) {
        store->inoperative[connector] = value;
    } else {
        set_finishing(store, connector, value);
    }
    return 1;
}

static int apply_latch(evse_store_t *store, evse_reader_t *in)
{
    bool estop = evse_get_u8(in) != 0;
    uint32_t welds = evse_get_u32(in);
    if (!evse_is_whole(in)) {
        return HF_E_CORRUPT;
    }
    store->estop_latched = estop;
    store->weld_latched = welds;
    return 1;
}

static int apply_proof(evse_store_t *store, evse_reader_t *in)
{
    evse_proof_t proof;
    unsigned connector = evse_get_u8(in);
    proof.units = evse_get_u8(in);
    proof.agree_permille = (uint32_t)evse_get(in, 2);
    proof.timeout_ms = evse_get_u32(in);
    evse_get_text(in, proof.profile, sizeof proof.profile);
    int status = evse_check_connector(in, connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    store->proof[connector] = proof;
    return 1;
}

static int apply(evse_store_t *store, uint8_t type, evse_reader_t *in)
{
    switch ((evse_record_t)type) {
    case EVSE_RECORD_BOOT:
        return apply_boot(store, in);
    case EVSE_RECORD_SHUTDOWN:
        return apply_shutdown(store, in);
    case EVSE_RECORD_CLOCK:
        return apply_clock(store, in);
    case EVSE_RECORD_REGISTER:
        return apply_register(store, in);
    case EVSE_RECORD_START:
    case EVSE_RECORD_METER:
    case EVSE_RECORD_STOP:
    case EVSE_RECORD_TXDATA:
        return apply_message(store, type, in);
    case EVSE_RECORD_REFUSED:
        return apply_refused(store, in);
    case EVSE_RECORD_THINNED:
        return apply_thinned(store, in);
    case EVSE_RECORD_DONE:
        return apply_done(store, in);
    case EVSE_RECORD_TRANSACTION:
        return apply_transaction(store, in);
    case EVSE_RECORD_SETTING:
        return apply_setting(store, in);
    case EVSE_RECORD_INOPERATIVE:
    case EVSE_RECORD_FINISHING:
        return apply_flag(store, type, in);
    case EVSE_RECORD_LATCH:
        return apply_latch(store, in);
    case EVSE_RECORD_PROOF:
        return apply_proof(store, in);
    case EVSE_RECORD_OBJECT:
        return evse_store_apply_object(store, in->bytes, in->left);
    case EVSE_RECORD_FORGET:
        return evse_store_apply_forget(store, in->bytes, in->left);
    case EVSE_RECORD_COUNT:
        break;
    }
    return 0;
}

static bool is_known_version(uint8_t type, uint8_t version)
{
    bool has_two = type == EVSE_RECORD_START || type == EVSE_RECORD_METER ||
                   type == EVSE_RECORD_STOP || type == EVSE_RECORD_REGISTER;
    if (type == EVSE_RECORD_TXDATA) {
        return version == EVSE_STORE_VERSION_2;
    }
    return version == EVSE_STORE_VERSION || (has_two && version == EVSE_STORE_VERSION_2);
}

int evse_store_replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length)
{
    evse_store_t *store = ctx;
    if (type >= EVSE_RECORD_COUNT) {
        return 0;
    }
    evse_reader_t in = {.bytes = data, .left = length, .version = version};
    int status = is_known_version(type, version) ? apply(store, type, &in) : HF_E_UNSUPPORTED;
    if (status < 0) {
        HF_LOGE(store->config.log, store->now_us, STORE, "record type %u version %u refused: %s",
                type, version, hf_status_text(status));
    }
    if (status == HF_E_CORRUPT && evse_repair_has_holes(store)) {
        store->unreadable++;
        return 1;
    }
    return status;
}
