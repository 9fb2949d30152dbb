// SPDX-License-Identifier: MIT
// The store: opening (replay, recovery, this boot's record), the journal's drive, and what is single values: registers,
// settings, flags, latches, message ids. Transactions and their queue: evse_store_queue.c.
#include "evse_store_private.h"
#include "holdfast/hf_text.h"

#include <assert.h>
#include <string.h>

static_assert(EVSE_STORE_RECORD_BYTES_MAX >= 2u + EVSE_KEY_BYTES + EVSE_VALUE_BYTES,
              "a setting fits a record");
static_assert(EVSE_STORE_RECORD_BYTES_MAX <= HF_JOURNAL_RECORD_BYTES_MAX, "a record fits");

// ---- opening ------------------------------------------------------------------------------------

static int init_pools(evse_store_t *store)
{
    const hf_pool_config_t messages = {.name = "messages",
                                       .blocks = store->message_storage.blocks,
                                       .meta = store->message_storage.meta,
                                       .block_bytes = sizeof(evse_message_t),
                                       .count = CONFIG_EVSE_MESSAGES_MAX};
    const hf_pool_config_t transactions = {.name = "transactions",
                                           .blocks = store->transaction_storage.blocks,
                                           .meta = store->transaction_storage.meta,
                                           .block_bytes = sizeof(evse_transaction_t),
                                           .count = CONFIG_EVSE_TRANSACTIONS_MAX};
    int status = hf_pool_init(&store->messages, &messages);
    return status < 0 ? status : hf_pool_init(&store->transactions, &transactions);
}

/// A dump tells a transaction although its last message has just been confirmed.
static void drop_finished(evse_store_t *store)
{
    for (uint32_t i = 0; i < CONFIG_EVSE_TRANSACTIONS_MAX; i++) {
        evse_transaction_t *transaction = store->known[i];
        if (transaction != NULL && transaction->state == EVSE_TRANSACTION_ENDED &&
            transaction->references == 0) {
            evse_store_free_transaction(store, transaction);
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
    memset(store, 0, sizeof *store);
    store->config = *config;
    store->station_nonce = config->station_nonce;
    store->next_message = 1;
    store->next_transaction = 1;
    if (config->connectors == 0 || config->connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_ARGUMENT;
    }
    int status = init_pools(store);
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
    status = begin_boot(store);
    if (status < 0) {
        return status;
    }
    HF_LOGI(config->log, 0, STORE, "boot %u, %u transactions ended, journal generation %u",
            (unsigned)store->boot, (unsigned)store->recovered, (unsigned)store->journal.generation);
    return HF_OK;
}

// ---- the loop -----------------------------------------------------------------------------------

int evse_store_poll(evse_store_t *store, uint64_t now_us)
{
    store->now_us = now_us;
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

void evse_store_id_text(const evse_store_t *store, uint64_t id, char text[EVSE_MESSAGE_ID_BYTES])
{
    hf_builder_t out;
    hf_builder_init(&out, text, EVSE_MESSAGE_ID_BYTES);
    hf_builder_hex(&out, store->station_nonce, 8);
    hf_builder_char(&out, '-');
    hf_builder_hex(&out, id >> 32, 1);
    hf_builder_char(&out, '-');
    hf_builder_hex(&out, id & UINT32_MAX, 1);
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

static int checkpoint(evse_store_t *store, unsigned connector, uint64_t register_mJ,
                      uint64_t now_us)
{
    uint64_t old_mJ = store->register_mJ[connector];
    evse_moment_t old_at = store->register_at[connector];
    const evse_moment_t at = {.boot = store->boot, .since_boot_ms = now_us / 1000u};
    store->register_mJ[connector] = register_mJ;
    store->register_at[connector] = evse_store_stamp(store, at);
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

static evse_setting_t *find_setting(evse_store_t *store, const char *key)
{
    for (uint32_t i = 0; i < store->setting_count; i++) {
        if (strcmp(store->settings[i].key, key) == 0) {
            return &store->settings[i];
        }
    }
    return NULL;
}

const char *evse_store_get(const evse_store_t *store, const char *key)
{
    for (uint32_t i = 0; i < store->setting_count; i++) {
        if (strcmp(store->settings[i].key, key) == 0) {
            return store->settings[i].value;
        }
    }
    return NULL;
}

int evse_store_set(evse_store_t *store, const char *key, const char *value)
{
    if (key[0] == '\0') {
        return HF_E_ARGUMENT;
    }
    if (strlen(key) >= EVSE_KEY_BYTES || strlen(value) >= EVSE_VALUE_BYTES) {
        return HF_E_TOO_LONG;
    }
    evse_setting_t *setting = find_setting(store, key);
    if (setting != NULL && strcmp(setting->value, value) == 0) {
        return HF_OK;
    }
    if (setting == NULL && (store->setting_count == EVSE_SETTINGS_MAX ||
                            !evse_store_has_journal_room(store, 0, sizeof *setting + 16u))) {
        return HF_E_FULL;
    }
    int status = evse_record_setting(store, key, value);
    if (status < 0) {
        return status;
    }
    if (setting == NULL) {
        setting = &store->settings[store->setting_count++];
        evse_store_copy_text(setting->key, sizeof setting->key, key);
    }
    evse_store_copy_text(setting->value, sizeof setting->value, value);
    return HF_OK;
}

static int set_flag(evse_store_t *store, evse_record_t type, unsigned connector, bool value)
{
    bool *flag = type == EVSE_RECORD_INOPERATIVE ? &store->inoperative[connector]
                                                 : &store->finishing[connector];
    if (*flag == value) {
        return HF_OK;
    }
    int status = evse_record_flag(store, type, connector, value);
    if (status >= 0) {
        *flag = value;
    }
    return status;
}

int evse_store_set_inoperative(evse_store_t *store, unsigned connector, bool inoperative)
{
    return connector > store->config.connectors
               ? HF_E_ARGUMENT
               : set_flag(store, EVSE_RECORD_INOPERATIVE, connector, inoperative);
}

int evse_store_set_finishing(evse_store_t *store, unsigned connector, bool finishing)
{
    return connector >= store->config.connectors
               ? HF_E_ARGUMENT
               : set_flag(store, EVSE_RECORD_FINISHING, connector, finishing);
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
    int status = evse_record_shutdown(store, (uint8_t)reason);
    if (status >= 0) {
        store->shutdown_recorded = true;
        store->shutdown_recorded_reason = (uint8_t)reason;
    }
    return status;
}
