// SPDX-License-Identifier: MIT
// Reading the records of the queue: at the replay, and again when a message is to be sent. Owns nothing.
#include "evse_store_private.h"
#include "evse_store_reader.h"

#include <string.h>

static void get_samples(evse_reader_t *in, evse_message_t *message)
{
    message->context = evse_get_u8(in);
    message->samples = evse_get_u8(in);
    if (message->samples > EVSE_SAMPLES_MAX) {
        in->bad = true;
        return;
    }
    for (unsigned i = 0; i < message->samples; i++) {
        message->sample[i].measurand = evse_get_u8(in);
        message->sample[i].phase = in->version >= EVSE_STORE_VERSION_2 ? evse_get_u8(in) : 0;
        message->sample[i].value = evse_get_i32(in);
    }
}

static void get_rest_v1(evse_reader_t *in, evse_entry_t *entry)
{
    if (entry->type == EVSE_RECORD_METER) {
        get_samples(in, &entry->message);
        return;
    }
    if (entry->type == EVSE_RECORD_START) {
        entry->connector = evse_get_u8(in);
    } else {
        entry->message.reason = evse_get_u8(in);
    }
    entry->register_mJ = evse_get(in, 8);
    evse_get_text(in, entry->tag, sizeof entry->tag);
}

static void get_rest(evse_reader_t *in, evse_entry_t *entry)
{
    entry->connector = evse_get_u8(in);
    if (entry->type == EVSE_RECORD_METER || entry->type == EVSE_RECORD_TXDATA) {
        get_samples(in, &entry->message);
        return;
    }
    if (entry->type == EVSE_RECORD_STOP) {
        entry->message.reason = evse_get_u8(in);
    }
    entry->register_mJ = evse_get(in, 7);
    if (entry->type == EVSE_RECORD_START) {
        entry->reservation_id = evse_get_i32(in);
    }
    evse_get_text(in, entry->tag, sizeof entry->tag);
}

static uint8_t kind_of(unsigned type)
{
    return (uint8_t)(type == EVSE_RECORD_START  ? EVSE_MESSAGE_START
                     : type == EVSE_RECORD_STOP ? EVSE_MESSAGE_STOP
                                                : EVSE_MESSAGE_METER);
}

int evse_store_parse(const hf_journal_record_t *record, const uint8_t *data, evse_entry_t *entry)
{
    evse_reader_t in = {.bytes = data, .left = record->length, .version = record->version};
    memset(entry, 0, sizeof *entry);
    entry->type = record->type;
    entry->connector = EVSE_STORE_NO_CONNECTOR;
    entry->reservation_id = EVSE_RESERVATION_NONE;
    evse_message_t *message = &entry->message;
    message->kind = kind_of(record->type);
    message->id = evse_get(&in, 8);
    message->transaction = evse_get_u32(&in);
    evse_get_moment(&in, &message->at);
    if (in.version >= EVSE_STORE_VERSION_2) {
        message->register_Wh = evse_get(&in, 6);
        get_rest(&in, entry);
    } else {
        message->register_Wh = evse_get(&in, 8);
        get_rest_v1(&in, entry);
    }
    if (message->reason >= EVSE_STOP_REASON_COUNT || message->transaction == 0) {
        return HF_E_CORRUPT;
    }
    if (entry->connector == EVSE_STORE_NO_CONNECTOR && entry->type != EVSE_RECORD_START &&
        in.version < EVSE_STORE_VERSION_2) {
        return evse_is_whole(&in) ? HF_OK : HF_E_CORRUPT;
    }
    return evse_check_connector(&in, entry->connector, CONFIG_EVSE_CONNECTORS_MAX);
}
