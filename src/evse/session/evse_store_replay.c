// SPDX-License-Identifier: MIT
// The fold: each record applied to an empty store, in order, gives what was there when the last one was written.
// Invariant: a record is applied whole or not at all, and one that cannot be true stops the opening.
#include "evse_store_private.h"

#include <string.h>

typedef struct reader {
    const uint8_t *bytes;
    uint32_t left;
    uint8_t version;
    bool bad;
} reader_t;

static uint64_t get(reader_t *in, unsigned bytes)
{
    if (in->left < bytes) {
        in->bad = true;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)in->bytes[i] << (8u * i);
    }
    in->bytes += bytes;
    in->left -= bytes;
    return value;
}

static uint8_t get_u8(reader_t *in)
{
    return (uint8_t)get(in, 1);
}

static uint32_t get_u32(reader_t *in)
{
    return (uint32_t)get(in, 4);
}

static int32_t get_i32(reader_t *in)
{
    return (int32_t)(uint32_t)get(in, 4);
}

static void get_text(reader_t *in, char *out, size_t capacity)
{
    uint32_t length = get_u8(in);
    out[0] = '\0';
    if (length >= capacity || length > in->left || memchr(in->bytes, 0, length) != NULL) {
        in->bad = true;
        return;
    }
    memcpy(out, in->bytes, length);
    out[length] = '\0';
    in->bytes += length;
    in->left -= length;
}

static evse_moment_t get_moment(reader_t *in)
{
    evse_moment_t at;
    at.boot = get_u32(in);
    at.since_boot_ms = get(in, 8);
    at.utc_ms = get(in, 8);
    return at;
}

static bool is_whole(const reader_t *in)
{
    return !in->bad && in->left == 0;
}

/// A connector that the record names and this build does not have is another build's, not damage.
static int check_connector(const reader_t *in, unsigned connector, unsigned limit)
{
    if (!is_whole(in)) {
        return HF_E_CORRUPT;
    }
    return connector < limit ? HF_OK : HF_E_UNSUPPORTED;
}

static int apply_boot(evse_store_t *store, reader_t *in)
{
    uint64_t nonce = get(in, 8);
    uint32_t boot = get_u32(in);
    uint32_t next = get_u32(in);
    if (!is_whole(in) || boot < store->boot) {
        return HF_E_CORRUPT;
    }
    store->station_nonce = nonce;
    store->boot = boot;
    store->next_transaction = next > store->next_transaction ? next : store->next_transaction;
    store->shutdown_recorded = false;
    return 1;
}

static int apply_shutdown(evse_store_t *store, reader_t *in)
{
    uint8_t reason = get_u8(in);
    if (!is_whole(in) || reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_CORRUPT;
    }
    store->shutdown_recorded = true;
    store->shutdown_recorded_reason = reason;
    return 1;
}

static int apply_clock(evse_store_t *store, reader_t *in)
{
    uint32_t boot = get_u32(in);
    uint64_t offset = get(in, 8);
    if (!is_whole(in) || offset == 0) {
        return HF_E_CORRUPT;
    }
    int status = evse_store_add_offset(store, boot, offset);
    return status < 0 ? status : 1;
}

static void raise_register(evse_store_t *store, unsigned connector, uint64_t mJ, evse_moment_t at)
{
    if (mJ >= store->register_mJ[connector]) {
        store->register_mJ[connector] = mJ;
    }
    if (evse_moment_is_after(at, store->register_at[connector])) {
        store->register_at[connector] = at;
    }
}

static int apply_register(evse_store_t *store, reader_t *in)
{
    unsigned connector = get_u8(in);
    uint64_t mJ = get(in, 8);
    evse_moment_t at = get_moment(in);
    int status = check_connector(in, connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    raise_register(store, connector, mJ, at);
    return 1;
}

static void seen_number(evse_store_t *store, uint32_t number)
{
    if (number >= store->next_transaction) {
        store->next_transaction = number + 1u;
    }
}

static void seen_moment(evse_transaction_t *transaction, const evse_message_t *message)
{
    if (evse_moment_is_after(message->at, transaction->last_at)) {
        transaction->last_at = message->at;
    }
    if (message->register_Wh > transaction->last_Wh) {
        transaction->last_Wh = message->register_Wh;
    }
}

static int apply_transaction(evse_store_t *store, reader_t *in)
{
    evse_transaction_t read = {.number = get_u32(in), .reservation_id = EVSE_RESERVATION_NONE};
    read.transaction_id = get_i32(in);
    read.connector = get_u8(in);
    read.state = get_u8(in);
    read.start_Wh = get(in, 8);
    read.last_Wh = get(in, 8);
    read.last_at = get_moment(in);
    get_text(in, read.id_tag, sizeof read.id_tag);
    get_text(in, read.stop_id_tag, sizeof read.stop_id_tag);
    int status = check_connector(in, read.connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    bool is_open = read.state == EVSE_TRANSACTION_OPEN;
    if (read.state > EVSE_TRANSACTION_ENDED || evse_store_find(store, read.number) != NULL ||
        (is_open && store->open[read.connector] != NULL)) {
        return HF_E_CORRUPT;
    }
    evse_transaction_t *transaction = evse_store_add_transaction(store, read.number);
    if (transaction == NULL) {
        return HF_E_FULL;
    }
    *transaction = read;
    if (is_open) {
        store->open[read.connector] = transaction;
    }
    seen_number(store, read.number);
    return 1;
}

static int queue_message(evse_store_t *store, const evse_message_t *read,
                         evse_transaction_t *transaction)
{
    evse_message_t *message = hf_pool_take(&store->messages, HF_TAG_NONE);
    if (message == NULL) {
        return HF_E_FULL;
    }
    *message = *read;
    message->durable_at = 1; // journalled; the first record of this boot confirms it
    evse_store_link(store, message, transaction);
    seen_moment(transaction, message);
    if ((uint32_t)(message->id >> 32) > store->boot) {
        store->boot = (uint32_t)(message->id >> 32); // its own boot record was never written
    }
    return 1;
}

/// The transaction a START opens, or the one a dump has told just before.
static int start_transaction(evse_store_t *store, const evse_message_t *message,
                             const evse_transaction_t *read, evse_transaction_t **transaction)
{
    *transaction = evse_store_find(store, message->transaction);
    if (*transaction != NULL) {
        (*transaction)->reservation_id = read->reservation_id;
        return (*transaction)->references == 0 ? HF_OK : HF_E_CORRUPT;
    }
    if (store->open[read->connector] != NULL) {
        return HF_E_CORRUPT;
    }
    *transaction = evse_store_add_transaction(store, message->transaction);
    if (*transaction == NULL) {
        return HF_E_FULL;
    }
    **transaction = *read;
    store->open[read->connector] = *transaction;
    return HF_OK;
}

static int apply_start(evse_store_t *store, evse_message_t *message, reader_t *in)
{
    evse_transaction_t read = {.number = message->transaction,
                               .transaction_id = EVSE_TRANSACTION_ID_UNKNOWN,
                               .start_Wh = message->register_Wh};
    read.connector = get_u8(in);
    uint64_t mJ = get(in, 8);
    get_text(in, read.id_tag, sizeof read.id_tag);
    read.reservation_id = in->version >= EVSE_STORE_VERSION_2 ? get_i32(in) : EVSE_RESERVATION_NONE;
    int status = check_connector(in, read.connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    evse_transaction_t *transaction;
    status = start_transaction(store, message, &read, &transaction);
    if (status < 0) {
        return status;
    }
    raise_register(store, read.connector, mJ, message->at);
    seen_number(store, read.number);
    return queue_message(store, message, transaction);
}

static int apply_meter(evse_store_t *store, evse_message_t *message, reader_t *in)
{
    message->context = get_u8(in);
    message->samples = get_u8(in);
    if (message->samples > EVSE_SAMPLES_MAX) {
        return HF_E_CORRUPT;
    }
    for (unsigned i = 0; i < message->samples; i++) {
        message->sample[i].measurand = get_u8(in);
        message->sample[i].phase = in->version >= EVSE_STORE_VERSION_2 ? get_u8(in) : 0;
        message->sample[i].value = get_i32(in);
    }
    evse_transaction_t *transaction = evse_store_find(store, message->transaction);
    if (!is_whole(in) || transaction == NULL) {
        return HF_E_CORRUPT;
    }
    return queue_message(store, message, transaction);
}

static int apply_stop(evse_store_t *store, evse_message_t *message, reader_t *in)
{
    char tag[EVSE_ID_TAG_BYTES];
    message->reason = get_u8(in);
    uint64_t mJ = get(in, 8);
    get_text(in, tag, sizeof tag);
    evse_transaction_t *transaction = evse_store_find(store, message->transaction);
    if (!is_whole(in) || transaction == NULL || message->reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_CORRUPT;
    }
    memcpy(transaction->stop_id_tag, tag, sizeof tag);
    transaction->state = EVSE_TRANSACTION_ENDED;
    if (store->open[transaction->connector] == transaction) {
        store->open[transaction->connector] = NULL;
    }
    raise_register(store, transaction->connector, mJ, message->at);
    return queue_message(store, message, transaction);
}

static int apply_message(evse_store_t *store, uint8_t type, reader_t *in)
{
    evse_message_t message = {.id = get(in, 8)};
    message.transaction = get_u32(in);
    message.at = get_moment(in);
    message.register_Wh = get(in, 8);
    if (type == EVSE_RECORD_START) {
        message.kind = EVSE_MESSAGE_START;
        return apply_start(store, &message, in);
    }
    if (type == EVSE_RECORD_METER) {
        message.kind = EVSE_MESSAGE_METER;
        return apply_meter(store, &message, in);
    }
    message.kind = EVSE_MESSAGE_STOP;
    return apply_stop(store, &message, in);
}

static int apply_done(evse_store_t *store, reader_t *in)
{
    uint64_t id = get(in, 8);
    (void)get_u8(in); // lost or delivered: the log has told it
    int32_t transaction_id = get_i32(in);
    if (!is_whole(in) || store->head == NULL || store->head->id != id) {
        return HF_E_CORRUPT;
    }
    evse_transaction_t *transaction = evse_store_find(store, store->head->transaction);
    if (store->head->kind == EVSE_MESSAGE_START) {
        transaction->transaction_id = transaction_id;
    }
    evse_store_remove_head(store);
    return 1;
}

static int apply_setting(evse_store_t *store, reader_t *in)
{
    evse_setting_t read;
    memset(&read, 0, sizeof read);
    get_text(in, read.key, sizeof read.key);
    get_text(in, read.value, sizeof read.value);
    if (!is_whole(in) || read.key[0] == '\0') {
        return HF_E_CORRUPT;
    }
    uint32_t at = 0;
    while (at < store->setting_count && strcmp(store->settings[at].key, read.key) != 0) {
        at++;
    }
    if (at == EVSE_SETTINGS_MAX) {
        return HF_E_FULL;
    }
    store->settings[at] = read;
    store->setting_count += at == store->setting_count ? 1u : 0u;
    return 1;
}

static int apply_flag(evse_store_t *store, uint8_t type, reader_t *in)
{
    unsigned connector = get_u8(in);
    bool value = get_u8(in) != 0;
    bool is_inoperative = type == EVSE_RECORD_INOPERATIVE;
    unsigned limit = CONFIG_EVSE_CONNECTORS_MAX + (is_inoperative ? 1u : 0u);
    int status = check_connector(in, connector, limit);
    if (status < 0) {
        return status;
    }
    if (is_inoperative) {
        store->inoperative[connector] = value;
    } else {
        store->finishing[connector] = value;
    }
    return 1;
}

static int apply_latch(evse_store_t *store, reader_t *in)
{
    bool estop = get_u8(in) != 0;
    uint32_t welds = get_u32(in);
    if (!is_whole(in)) {
        return HF_E_CORRUPT;
    }
    store->estop_latched = estop;
    store->weld_latched = welds;
    return 1;
}

static int apply_proof(evse_store_t *store, reader_t *in)
{
    evse_proof_t proof;
    unsigned connector = get_u8(in);
    proof.units = get_u8(in);
    proof.agree_permille = (uint32_t)get(in, 2);
    proof.timeout_ms = get_u32(in);
    get_text(in, proof.profile, sizeof proof.profile);
    int status = check_connector(in, connector, CONFIG_EVSE_CONNECTORS_MAX);
    if (status < 0) {
        return status;
    }
    store->proof[connector] = proof;
    return 1;
}

static int apply(evse_store_t *store, uint8_t type, reader_t *in)
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
        return apply_message(store, type, in);
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
    bool has_two = type == EVSE_RECORD_START || type == EVSE_RECORD_METER;
    return version == EVSE_STORE_VERSION || (has_two && version == EVSE_STORE_VERSION_2);
}

int evse_store_replay(void *ctx, uint8_t type, uint8_t version, const void *data, uint32_t length)
{
    evse_store_t *store = ctx;
    if (type >= EVSE_RECORD_COUNT) {
        return 0;
    }
    reader_t in = {.bytes = data, .left = length, .version = version};
    int status = is_known_version(type, version) ? apply(store, type, &in) : HF_E_UNSUPPORTED;
    if (status < 0) {
        HF_LOGE(store->config.log, store->now_us, STORE, "record type %u version %u refused: %s",
                type, version, hf_status_text(status));
    }
    return status;
}
