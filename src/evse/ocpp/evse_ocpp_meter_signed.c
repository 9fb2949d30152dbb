// SPDX-License-Identifier: MIT
// Signed values of a transaction's begin and end, passed through as the meter gives them. Goals: what the central system
// gets is what the meter said, character by character, on every sending, also after a restart.
// Invariants: a signed value is kept in the store before anything carries it; the STOP waits for its own until it is durable
// or has failed (10 s), and what has failed never comes later; both are dropped when the STOP is confirmed.
#include "evse_ocpp_meter.h"
#include "holdfast/hf_le.h"

#define SIGN_TIMEOUT_US (10u * HF_US_PER_S)
#define OBJECT_VERSION  1u
#define HEAD_BYTES      21u // version, boot, time since it, UTC
_Static_assert(EVSE_SIGNED_OBJECT_BYTES <= EVSE_OBJECT_BYTES_MAX, "a signed value fits an object");
_Static_assert(EVSE_SIGNED_OBJECT_BYTES == HEAD_BYTES + EVSE_SIGNED_BYTES, "its head");

// The low 15 bits of the transaction's number, and which end of it.
static uint16_t key_of(uint32_t transaction, bool end)
{
    return (uint16_t)((transaction & 0x7FFFu) << 1 | (end ? 1u : 0u));
}

// ---- kept ---------------------------------------------------------------------------------------

// What it takes as JSON text; 0 when a character of it is none that a meter signs with.
static size_t escaped_length(const char *text, size_t length)
{
    size_t escaped = 0u;
    for (size_t i = 0u; i < length; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return 0u;
        }
        escaped += text[i] == '"' || text[i] == '\\' ? 2u : 1u;
    }
    return escaped;
}

static int keep(evse_ocpp_t *ocpp, uint32_t transaction, bool end, const char *text, size_t length)
{
    size_t escaped = length <= EVSE_SIGNED_BYTES ? escaped_length(text, length) : 0u;
    if (escaped == 0u || escaped > EVSE_SIGNED_BYTES) {
        return HF_E_FORMAT;
    }
    uint8_t object[EVSE_SIGNED_OBJECT_BYTES];
    evse_moment_t at = evse_moment(ocpp);
    object[0] = OBJECT_VERSION;
    hf_le_put32(&object[1], at.boot);
    hf_le_put(&object[5], 8u, at.since_boot_ms);
    hf_le_put(&object[13], 8u, at.utc_ms);
    memcpy(&object[HEAD_BYTES], text, length);
    return evse_store_keep(ocpp->config.store, EVSE_OBJECT_SIGNED, key_of(transaction, end), object,
                           HEAD_BYTES + length);
}

evse_signed_value_t evse_meter_signed(evse_ocpp_t *ocpp, uint32_t transaction, bool end,
                                      uint8_t storage[EVSE_SIGNED_OBJECT_BYTES])
{
    int length = evse_store_kept(ocpp->config.store, EVSE_OBJECT_SIGNED, key_of(transaction, end),
                                 storage, EVSE_SIGNED_OBJECT_BYTES);
    if (length <= (int)HEAD_BYTES || storage[0] != OBJECT_VERSION) {
        return (evse_signed_value_t){.length = 0u};
    }
    return (evse_signed_value_t){.at = {.boot = hf_le_get32(&storage[1]),
                                        .since_boot_ms = hf_le_get(&storage[5], 8u),
                                        .utc_ms = hf_le_get(&storage[13], 8u)},
                                 .text = (const char *)&storage[HEAD_BYTES],
                                 .length = (size_t)length - HEAD_BYTES};
}

void evse_meter_confirmed(evse_ocpp_t *ocpp, const evse_message_t *message)
{
    if (message->kind == EVSE_MESSAGE_STOP) {
        ocpp->metering.confirmed = message->transaction;
    }
}

// Not before the confirmation is durable: a restart in between sends the STOP once more, the same.
void evse_meter_sign_forget(evse_ocpp_t *ocpp)
{
    evse_store_t *store = ocpp->config.store;
    uint32_t transaction = ocpp->metering.confirmed;
    if (evse_store_knows(store, transaction)) {
        return;
    }
    ocpp->metering.confirmed = 0u;
    for (unsigned end = 0u; end < 2u; end++) {
        uint16_t key = key_of(transaction, end != 0u);
        if (evse_store_next_key(store, EVSE_OBJECT_SIGNED, key) == (int32_t)key) {
            (void)!evse_store_forget(store, EVSE_OBJECT_SIGNED, key); // else the next boot drops it
        }
    }
}

static bool is_known(const evse_store_t *store, uint32_t number)
{
    uint32_t oldest = evse_store_oldest(store); // the numbers known lie close together
    return oldest != 0u && evse_store_knows(store, oldest + ((number - oldest) & 0x7FFFu));
}

void evse_meter_init(evse_ocpp_t *ocpp)
{
    evse_store_t *store = ocpp->config.store;
    int32_t key = evse_store_next_key(store, EVSE_OBJECT_SIGNED, 0u);
    while (key >= 0) {
        if (!is_known(store, (uint32_t)key >> 1) &&
            evse_store_forget(store, EVSE_OBJECT_SIGNED, (uint16_t)key) != HF_OK) {
            return; // the next boot tries again
        }
        key = key < UINT16_MAX ? evse_store_next_key(store, EVSE_OBJECT_SIGNED, (uint16_t)(key + 1))
                               : -1;
    }
}

// ---- asked for ----------------------------------------------------------------------------------

static bool is_signing(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_meter_t *meter = ocpp->config.meter[connector];
    return meter != NULL && meter->ops->sign != NULL;
}

static void ask(evse_metering_connector_t *own, evse_signing_t what, uint32_t transaction,
                uint64_t now_us)
{
    own->signing = (uint8_t)what;
    own->signing_of = transaction;
    own->signing_since_us = now_us;
}

void evse_meter_sign_begin(evse_ocpp_t *ocpp, unsigned connector, uint32_t transaction)
{
    if (is_signing(ocpp, connector)) {
        ask(&ocpp->metering.connector[connector], EVSE_SIGNING_BEGIN, transaction, ocpp->now_us);
    }
}

void evse_meter_sign_end(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    if (is_signing(ocpp, connector) && own->signing_of == own->transaction) {
        ocpp->metering.unsigned_values += own->signing == EVSE_SIGNING_BEGIN ? 1u : 0u;
        ask(own, EVSE_SIGNING_END, own->transaction, ocpp->now_us);
    }
}

// The begin goes out at once as well: StartTransaction has no place for it.
static void queue_begin(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_quantities_t energy = {.count = 1u, .item = {{EVSE_MEASURAND_ENERGY, 0u}}};
    evse_message_t message;
    bool stuck = evse_transaction_is_stuck(ocpp);
    if (!evse_meter_take(ocpp, connector, &energy, EVSE_CONTEXT_BEGIN, &message) ||
        evse_store_meter(ocpp->config.store, connector, &message, stuck) != HF_OK) {
        ocpp->samples_dropped++;
    }
}

void evse_meter_sign_step(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    const evse_meter_t *meter = ocpp->config.meter[connector];
    bool end = own->signing == EVSE_SIGNING_END;
    const evse_transaction_t *transaction =
        evse_store_transaction(ocpp->config.store, own->signing_of);
    if (transaction == NULL) {
        own->signing = EVSE_SIGNING_NONE;
        return;
    }
    const evse_meter_sign_t request = {.end = end,
                                       .transaction = own->signing_of,
                                       .id_tag = transaction->id_tag,
                                       .utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us)};
    const char *text = NULL;
    int status = meter->ops->sign(meter->ctx, &request, &text);
    if (status == HF_E_AGAIN && ocpp->now_us - own->signing_since_us < SIGN_TIMEOUT_US) {
        return;
    }
    status = status > 0 ? keep(ocpp, own->signing_of, end, text, (size_t)status)
                        : (status < 0 ? status : HF_E_FORMAT);
    own->signing = end ? EVSE_SIGNING_ENDED : EVSE_SIGNING_BEGUN;
    own->signed_at = hf_journal_appended(&ocpp->config.store->journal);
    if (status != HF_OK) {
        ocpp->metering.unsigned_values++;
        HF_LOGW(ocpp->config.log, ocpp->now_us, METER,
                "transaction %u: no signed value of its %s: %s", (unsigned)own->signing_of,
                end ? "end" : "begin", hf_status_text(status));
    } else if (!end) {
        queue_begin(ocpp, connector);
    }
}

bool evse_meter_is_begun(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_metering_connector_t *own = &ocpp->metering.connector[connector];
    const evse_transaction_t *open = ocpp->config.store->open[connector];
    if (!is_signing(ocpp, connector)) {
        return true;
    }
    return open != NULL && own->signing_of == open->number && own->signing != EVSE_SIGNING_BEGIN;
}

bool evse_meter_is_ready(const evse_ocpp_t *ocpp, const evse_message_t *message)
{
    bool stops = message->kind == EVSE_MESSAGE_STOP;
    for (unsigned i = 0u; stops && i < ocpp->config.connectors; i++) {
        const evse_metering_connector_t *own = &ocpp->metering.connector[i];
        if (own->signing != EVSE_SIGNING_NONE && own->signing_of == message->transaction) {
            return own->signing == EVSE_SIGNING_ENDED &&
                   hf_journal_durable(&ocpp->config.store->journal) >= own->signed_at;
        }
    }
    return true;
}
