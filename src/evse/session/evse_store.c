// SPDX-License-Identifier: MIT
// The store: opening (replay, recovery, this boot's record), the journal's drive, and what is single values: registers,
// settings, flags, latches, message ids. Transactions and their queue: evse_store_queue.c.
#include "evse_store_private.h"
#include "holdfast/hf_text.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static_assert(EVSE_STORE_RECORD_BYTES_MAX >= 2u + EVSE_KEY_BYTES + EVSE_VALUE_BYTES,
              "a setting fits a record");
static_assert(EVSE_STORE_RECORD_BYTES_MAX <= HF_JOURNAL_RECORD_BYTES_MAX, "a record fits");
static_assert(EVSE_STORE_RECORD_BYTES_MAX >= EVSE_STORE_METER_BYTES, "a reading fits a record");
static_assert(sizeof(evse_queued_t) == 6u, "what a message that waits costs");

// ---- opening ------------------------------------------------------------------------------------

static int init_pool(evse_store_t *store)
{
    const hf_pool_config_t messages = {.name = "messages",
                                       .blocks = store->message_storage.blocks,
                                       .meta = store->message_storage.meta,
                                       .block_bytes = sizeof(evse_message_t),
                                       .count = CONFIG_EVSE_READINGS_MAX};
    return hf_pool_init(&store->messages, &messages);
}

/// A dump of version 1 tells a transaction although its last message has just been confirmed.
static void drop_finished(evse_store_t *store)
{
    for (uint32_t i = 0; i < HF_COUNT_OF(store->slot); i++) {
        evse_transaction_t *transaction = &store->slot[i];
        unsigned kind;
        if (transaction->number != 0 && transaction->state == EVSE_TRANSACTION_ENDED &&
            !evse_index_knows(store, transaction->number, &kind)) {
            evse_store_give_slot(transaction);
        }
    }
}

static int wait_until_durable(evse_store_t *store)
{
    for (uint32_t i = 0; i < HF_JOURNAL_SYNC_POLLS_MAX; i++) {
        int status = hf_journal_poll(&store->journal);
        if (status < 0) {
            return status;
        }
        if (hf_journal_durable(&store->journal) == hf_journal_appended(&store->journal)) {
            return HF_OK;
        }
    }
    return HF_E_TIMEOUT;
}

/// STOPs first, this boot's record last: cut in between, the next boot still knows how the last one ended.
static int begin_boot(evse_store_t *store)
{
    store->boot++;
    int status = evse_store_recover(store);
    if (status < 0) {
        return status;
    }
    store->orderly = store->shutdown_recorded;
    store->shutdown_reason = (evse_stop_reason_t)store->shutdown_recorded_reason;
    store->shutdown_recorded = false;
    status = evse_record_boot(store);
    return status < 0 ? status : wait_until_durable(store);
}

int evse_store_open(evse_store_t *store, const evse_store_config_t *config)
{
    memset(store, 0, offsetof(evse_store_t, message_storage));
    store->config = *config;
    store->station_nonce = config->station_nonce;
    store->next_message = 1;
    store->next_transaction = 1;
    if (config->connectors == 0 || config->connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_ARGUMENT;
    }
    int status = init_pool(store);
    if (status < 0) {
        return status;
    }
    const hf_journal_owner_t owner = {.ctx = store,
                                      .replay = evse_store_replay,
                                      .dump = evse_store_dump,
                                      .moved = evse_store_moved};
    status = hf_journal_open(&store->journal, config->flash, &owner);
    if (status < 0) {
        return status;
    }
    drop_finished(store);
#if CONFIG_HF_JOURNAL_REPAIR
    evse_repair_finish(store);
#endif
    status = begin_boot(store);
    if (status < 0) {
        return status;
    }
    if (store->journal.holes + store->journal.stranded > 0) {
        store->unreadable += store->journal.holes + store->journal.stranded;
        HF_LOGE(config->log, 0, STORE,
                "journal damaged: %u places stepped over, %u records lost behind the last",
                (unsigned)store->journal.holes, (unsigned)store->journal.stranded);
    }
    HF_LOGI(config->log, 0, STORE, "boot %u, %u transactions ended, journal generation %u",
            (unsigned)store->boot, (unsigned)store->recovered, (unsigned)store->journal.generation);
    return HF_OK;
}

// ---- the loop -----------------------------------------------------------------------------------

/// The plug has gone since the STOP was recorded: told with a checkpoint, when one is due.
static void tell_unplugged(evse_store_t *store)
{
    for (unsigned c = 0; c < store->config.connectors; c++) {
        if (store->finishing_known[c] && !store->finishing[c] &&
            store->now_us - store->checkpoint_us[c] >= EVSE_STORE_CHECKPOINT_US &&
            evse_record_register(store, c) >= 0) {
            store->checkpoint_us[c] = store->now_us;
        }
    }
}

int evse_store_poll(evse_store_t *store, uint64_t now_us)
{
    store->now_us = now_us;
    tell_unplugged(store);
    (void)hf_journal_poll(&store->journal); // its failure is final, and asked for below
    evse_store_advance(store);
    if (store->journal.failed < 0 && !store->failure_logged) {
        store->failure_logged = true;
        HF_LOGE(store->config.log, now_us, STORE, "journal failed: %s; no new session from now on",
                hf_status_text(store->journal.failed));
    }
    return store->journal.failed;
}

bool evse_store_is_durable(const evse_store_t *store)
{
    return store->journal.failed == HF_OK && store->unrecorded == 0 && store->confirming != 1 &&
           hf_journal_durable(&store->journal) == hf_journal_appended(&store->journal);
}

// ---- ids ----------------------------------------------------------------------------------------

uint64_t evse_store_new_id(evse_store_t *store)
{
    return (uint64_t)store->boot << 32 | store->next_message++;
}

// At least `digits` of them, and what comes after; returns where that ends.
static char *put_hex(char *at, uint64_t value, unsigned digits, char after)
{
    char all[16];
    unsigned begin = sizeof all;
    for (; value != 0 || sizeof all - begin < digits; value >>= 4) {
        all[--begin] = "0123456789abcdef"[value & 15u];
    }
    memcpy(at, &all[begin], sizeof all - begin);
    at += sizeof all - begin;
    *at = after;
    return at + 1;
}

void evse_store_id_text(const evse_store_t *store, uint64_t id, char text[EVSE_MESSAGE_ID_BYTES])
{
    text = put_hex(text, store->station_nonce, 8, '-');
    text = put_hex(text, id >> 32, 1, '-');
    (void)put_hex(text, id & UINT32_MAX, 1, '\0');
}

void evse_store_copy_text(char *out, size_t capacity, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    if (length >= capacity) {
        length = 0;
    }
    memset(out, 0, capacity);
    if (length > 0) {
        memcpy(out, text, length);
    }
}

// ---- single values ------------------------------------------------------------------------------

/// A transaction's times go on from its last one: the clock may have been stepped since it was told to the store.
static evse_moment_t checkpoint_at(const evse_store_t *store, unsigned connector, uint64_t now_us)
{
    evse_moment_t at = {.boot = store->boot, .since_boot_ms = now_us / 1000u};
    const evse_transaction_t *open = store->open[connector];
    if (open != NULL && open->last_at.utc_ms != 0 && open->last_at.boot == at.boot &&
        open->last_at.since_boot_ms <= at.since_boot_ms) {
        at.utc_ms = open->last_at.utc_ms + (at.since_boot_ms - open->last_at.since_boot_ms);
    }
    evse_store_stamp(store, &at);
    return at;
}

static int checkpoint(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                      uint64_t now_us)
{
    uint64_t old_mJ = store->register_mJ[connector];
    evse_moment_t old_at = store->register_at[connector];
    store->register_mJ[connector] = register_mJ;
    store->register_at[connector] = checkpoint_at(store, connector, now_us);
    int status = evse_record_register(store, connector);
    if (status < 0) { // so that the next round tries again
        store->register_mJ[connector] = old_mJ;
        store->register_at[connector] = old_at;
        return status;
    }
    store->checkpoint_us[connector] = now_us;
    return HF_OK;
}

int evse_store_register(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                        uint64_t now_us, bool now)
{
    if (connector >= store->config.connectors) {
        return HF_E_ARGUMENT;
    }
    uint64_t last_mJ = store->register_mJ[connector];
    if (register_mJ < last_mJ || (register_mJ == last_mJ && store->open[connector] == NULL)) {
        return HF_OK;
    }
    bool is_due = now || register_mJ - last_mJ >= EVSE_STORE_CHECKPOINT_MJ ||
                  now_us - store->checkpoint_us[connector] >= EVSE_STORE_CHECKPOINT_US;
    return is_due ? checkpoint(store, connector, register_mJ, now_us) : HF_OK;
}

int evse_store_set_inoperative(evse_store_t *store, unsigned connector, bool inoperative)
{
    if (connector > store->config.connectors) {
        return HF_E_ARGUMENT;
    }
    if (store->inoperative[connector] == inoperative) {
        return HF_OK;
    }
    int status = evse_record_flag(store, EVSE_RECORD_INOPERATIVE, connector, inoperative);
    if (status >= 0) {
        store->inoperative[connector] = inoperative;
    }
    return status;
}

int evse_store_set_finishing(evse_store_t *store, unsigned connector, bool finishing)
{
    if (connector >= store->config.connectors) {
        return HF_E_ARGUMENT;
    }
    if (finishing && !store->finishing_known[connector]) {
        int status = evse_record_flag(store, EVSE_RECORD_FINISHING, connector, true);
        if (status < 0) {
            return status;
        }
        store->finishing_known[connector] = true;
    }
    store->finishing[connector] = finishing;
    return HF_OK;
}

int evse_store_set_latch(evse_store_t *store, bool estop, uint32_t welds)
{
    if (store->estop_latched == estop && store->weld_latched == welds) {
        return HF_OK;
    }
    int status = evse_record_latch(store, estop, welds);
    if (status >= 0) {
        store->estop_latched = estop;
        store->weld_latched = welds;
    }
    return status;
}

int evse_store_set_proof(evse_store_t *store, unsigned connector, const evse_proof_t *proof)
{
    if (connector >= store->config.connectors || proof->profile[0] == '\0' ||
        memchr(proof->profile, '\0', sizeof proof->profile) == NULL) {
        return HF_E_ARGUMENT;
    }
    int status = evse_record_proof(store, connector, proof);
    if (status >= 0) {
        store->proof[connector] = *proof;
    }
    return status;
}

bool evse_store_is_proven(const evse_store_t *store, unsigned connector, const char *profile,
                          uint32_t units)
{
    return connector < store->config.connectors &&
           strcmp(store->proof[connector].profile, profile) == 0 &&
           store->proof[connector].units == units;
}

int evse_store_shutdown(evse_store_t *store, evse_stop_reason_t reason)
{
    if (reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_ARGUMENT;
    }
    int kept = evse_store_keep_all(store);
    int status = evse_record_shutdown(store, (uint8_t)reason);
    if (kept < 0) {
        HF_LOGW(store->config.log, store->now_us, STORE, "%u readings not journalled: %s",
                (unsigned)store->readings, hf_status_text(kept));
    }
    if (status >= 0) {
        store->shutdown_recorded = true;
        store->shutdown_recorded_reason = (uint8_t)reason;
    }
    return status;
}
