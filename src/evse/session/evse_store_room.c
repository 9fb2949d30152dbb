// SPDX-License-Identifier: MIT
// Room: what is promised, what is left of the index and of the journal, and thinning (the rule: evse_store.h).
// Invariants: for every transaction open now there is room for its STOP in both; a START or STOP is never dropped.
#include "evse_store_private.h"

#define READING_DIVISOR 4u // of the index, readings leave 1/4 to START and STOP
#define MARGIN_DIVISOR                                                                             \
    8u // of the journal, stays empty: compactions are rare; readings leave as much again
#define SPARE_MIN 3u // readings: the first and the last stay

// Records of single values at their longest, each with its header.
#define STATION_BYTES     (24u + 9u + 13u + 17u) // boot, shutdown, latch, refused
#define OFFSET_BYTES      20u
#define CONNECTOR_BYTES   (32u + 10u + 10u + 41u) // register, two flags, proof
#define TRANSACTION_BYTES 96u
#define RECORD_HEAD       8u

// ---- room ---------------------------------------------------------------------------------------

static uint32_t open_count(const evse_store_t *store)
{
    uint32_t count = 0;
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        count += store->open[c] != NULL ? 1u : 0u;
    }
    return count;
}

/// What a dump would take at most, and what must still be appended. (32 bits: a segment has less than 2^24 bytes.)
static uint32_t promised_bytes(const evse_store_t *store)
{
    uint32_t slots = 0;
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        slots += store->slot[i].number != 0 && !store->slot[i].is_spare ? 1u : 0u;
    }
    uint32_t connectors = store->config.connectors, open = open_count(store) + store->unrecorded;
    uint32_t records = 4u + store->boots_known + 1u + 4u * connectors + 1u + slots + open;
    return STATION_BYTES + (store->boots_known + 1u) * OFFSET_BYTES + connectors * CONNECTOR_BYTES +
           10u + slots * TRANSACTION_BYTES + open * (RECORD_HEAD + EVSE_STORE_STOP_BYTES) +
           records * (store->journal.flash.program_bytes - 1u) + store->queued_bytes +
           evse_store_setting_bytes(store) + evse_store_object_bytes(store);
}

static bool has_bytes(const evse_store_t *store, uint32_t bytes)
{
    uint32_t capacity = hf_journal_capacity_bytes(&store->journal);
    return promised_bytes(store) + bytes + capacity / MARGIN_DIVISOR <= capacity;
}

bool evse_store_has_journal_room(const evse_store_t *store, uint32_t bytes)
{
    return has_bytes(store, bytes);
}

static uint32_t reserved_entries(const evse_store_t *store, bool is_reading)
{
    return open_count(store) + (is_reading ? CONFIG_EVSE_MESSAGES_MAX / READING_DIVISOR : 0u);
}

static bool has(const evse_store_t *store, evse_need_t need)
{
    uint32_t capacity = hf_journal_capacity_bytes(&store->journal);
    uint32_t left_to_others = need.is_reading ? capacity / MARGIN_DIVISOR : 0u;
    return store->count + need.entries + reserved_entries(store, need.is_reading) <=
               CONFIG_EVSE_MESSAGES_MAX &&
           (need.bytes == 0 || has_bytes(store, need.bytes + left_to_others));
}

// ---- who has readings to spare ------------------------------------------------------------------

typedef struct tally {
    uint32_t transaction; // 0 free
    uint32_t readings;
} tally_t;

typedef struct census {
    tally_t running[2u * CONFIG_EVSE_CONNECTORS_MAX];
    tally_t most;
    uint32_t spare; // readings that thinning could drop in all
} census_t;

static void close_tally(census_t *census, tally_t *tally)
{
    bool is_most =
        tally->readings > census->most.readings ||
        (tally->readings == census->most.readings && tally->transaction < census->most.transaction);
    if (is_most && tally->transaction != 0) {
        census->most = *tally;
    }
    census->spare += tally->readings >= SPARE_MIN ? tally->readings - (SPARE_MIN - 1u) : 0u;
    *tally = (tally_t){0};
}

/// The readings of a transaction stand before its STOP, and no more transactions run at a time than connectors.
static tally_t *tally_of(census_t *census, uint32_t transaction)
{
    tally_t *oldest = &census->running[0];
    for (uint32_t i = 0; i < HF_COUNT_OF(census->running); i++) {
        tally_t *tally = &census->running[i];
        if (tally->transaction == transaction) {
            return tally;
        }
        if (tally->transaction < oldest->transaction) {
            oldest = tally; // 0, so a free one, if there is any
        }
    }
    close_tally(census, oldest);
    oldest->transaction = transaction;
    return oldest;
}

static census_t take_census(const evse_store_t *store)
{
    census_t census = {.spare = 0};
    for (uint32_t i = 0; i < store->count; i++) {
        const evse_queued_t *queued = evse_index_at(store, i);
        unsigned kind = evse_index_kind(queued);
        if (kind == EVSE_MESSAGE_METER) {
            tally_of(&census, evse_index_transaction(store, queued))->readings++;
        } else if (kind == EVSE_MESSAGE_STOP) {
            close_tally(&census, tally_of(&census, evse_index_transaction(store, queued)));
        }
    }
    for (uint32_t i = 0; i < HF_COUNT_OF(census.running); i++) {
        close_tally(&census, &census.running[i]);
    }
    return census;
}

// ---- thinning -----------------------------------------------------------------------------------

typedef struct batch {
    uint32_t boot, count;
    uint32_t sequence[EVSE_THINNED_MAX];
    uint32_t at[EVSE_THINNED_MAX]; // in the index, ascending
} batch_t;

/// Journals a batch, then drops it, and only then may the next one come: a compaction dumps what memory holds, and what
/// it dumps must not have been dropped. So nothing comes back at a reboot behind what has overtaken it.
static int drop_batch(evse_store_t *store, batch_t *batch)
{
    bool is_open = store->journal.failed != HF_E_STATE; // else it is being replayed
    if (is_open && batch->count > 0) {
        int status = evse_record_thinned(store, batch->boot, batch->sequence, batch->count);
        if (status < 0) {
            return status;
        }
        store->thinned_at = hf_journal_appended(&store->journal);
    }
    for (uint32_t k = batch->count; k-- > 0;) {
        evse_index_remove_counted(store, batch->at[k]);
    }
    int dropped = (int)batch->count;
    batch->count = 0;
    return dropped;
}

/// True when the `number`-th reading of the transaction goes; counts them.
static bool is_dropped(const evse_queued_t *queued, const tally_t *most, uint32_t *number)
{
    if (!evse_index_is_of(queued, most->transaction) ||
        evse_index_kind(queued) != EVSE_MESSAGE_METER) {
        return false;
    }
    (*number)++;
    return *number % 2u == 0 && *number < most->readings;
}

/// Adds the reading at `*i` to the batch; a full one, or one of another boot, is dropped before. What the journal does not
/// hold, or cannot give back, goes at once. Moves `*i` on. The number dropped, or why not.
static int drop_one(evse_store_t *store, batch_t *batch, uint32_t *i)
{
    evse_entry_t entry;
    int status = evse_index_read(store, *i, &entry, NULL);
    if (status == HF_E_IO) {
        return status;
    }
    if (status < 0 || (evse_index_at(store, *i)->flags & EVSE_QUEUED_MEMORY) != 0) {
        evse_index_remove_counted(store, *i);
        return 1;
    }
    uint32_t boot = (uint32_t)(entry.message.id >> 32);
    int dropped = 0;
    if (batch->count == EVSE_THINNED_MAX || (batch->count > 0 && batch->boot != boot)) {
        dropped = drop_batch(store, batch);
        if (dropped < 0) {
            return dropped;
        }
        *i -= (uint32_t)dropped;
    }
    batch->boot = boot;
    batch->sequence[batch->count] = (uint32_t)entry.message.id;
    batch->at[batch->count++] = (*i)++;
    return dropped;
}

uint32_t evse_store_thin(evse_store_t *store)
{
    const tally_t most = take_census(store).most;
    batch_t batch = {.count = 0};
    uint32_t number = 0, dropped = 0;
    int status = HF_OK;
    for (uint32_t i = 0; most.readings >= SPARE_MIN && i < store->count && status >= 0;) {
        if (!is_dropped(evse_index_at(store, i), &most, &number)) {
            i++;
            continue;
        }
        status = drop_one(store, &batch, &i);
        dropped += status > 0 ? (uint32_t)status : 0u;
    }
    status = status < 0 ? status : drop_batch(store, &batch);
    dropped += status > 0 ? (uint32_t)status : 0u;
    if (dropped > 0) {
        store->thinned += dropped;
        store->readings_stay = false;
        HF_LOGW(store->config.log, store->now_us, STORE,
                "%u of %u readings of transaction %u dropped to make room", (unsigned)dropped,
                (unsigned)most.readings, (unsigned)most.transaction);
    }
    return dropped;
}

bool evse_store_make_room(evse_store_t *store, evse_need_t need)
{
    while (!has(store, need)) {
        if (evse_store_thin(store) == 0) {
            return false;
        }
    }
    return true;
}

bool evse_store_has_room(const evse_store_t *store)
{
    const evse_need_t need = {.entries = 2u, .bytes = EVSE_STORE_SESSION_BYTES};
    if (store->journal.failed < 0 || store->unrecorded > 0) {
        return false;
    }
    if (has(store, need)) {
        return true;
    }
    uint32_t spare = take_census(store).spare;
    uint32_t journalled = spare > store->readings ? spare - store->readings : 0u;
    uint32_t least = journalled * (RECORD_HEAD + EVSE_STORE_METER_BYTES_MIN);
    uint32_t capacity = hf_journal_capacity_bytes(&store->journal);
    return store->count + need.entries + reserved_entries(store, false) <=
               CONFIG_EVSE_MESSAGES_MAX + spare &&
           promised_bytes(store) + need.bytes + capacity / MARGIN_DIVISOR <= capacity + least;
}
