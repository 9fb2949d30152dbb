// SPDX-License-Identifier: MIT
// An owner for journal tests: 16 slots and a counter, folded from records; foreign records are hashed in their order.
#ifndef JOURNAL_MODEL_H
#define JOURNAL_MODEL_H

#include "hf_flash_ram.h"
#include "holdfast/hf_crc.h"
#include "holdfast/hf_journal.h"

#include <string.h>

#define MODEL_SLOTS 16u

enum { MODEL_SET = 1, MODEL_COUNT = 2, MODEL_TOTAL = 3, MODEL_FOREIGN = 200 };

typedef struct model_state {
    uint32_t slot[MODEL_SLOTS];
    uint32_t count;
} model_state_t;

typedef struct model {
    model_state_t state;
    uint32_t foreign_count, foreign_hash;
    int replay_error, dump_error; // a negative status to give back
    uint32_t dump_padding;        // bytes of a record that makes the dump too big
    bool knows_foreign;
} model_t;

static inline int model_replay(void *ctx, uint8_t type, uint8_t version, const void *data,
                               uint32_t length)
{
    model_t *model = ctx;
    const uint8_t *bytes = data;
    (void)version;
    if (model->replay_error < 0) {
        return model->replay_error;
    }
    if (type == MODEL_SET && length >= 5) {
        memcpy(&model->state.slot[bytes[0] % MODEL_SLOTS], &bytes[1], 4);
        return 1;
    }
    if (type == MODEL_COUNT && length == 0) {
        model->state.count++;
        return 1;
    }
    if (type == MODEL_TOTAL && length == 4) {
        memcpy(&model->state.count, bytes, 4);
        return 1;
    }
    model->foreign_count++;
    model->foreign_hash = hf_crc32c(model->foreign_hash, bytes, length);
    return model->knows_foreign ? 1 : 0;
}

static inline int model_append_set(hf_journal_t *journal, uint8_t slot, uint32_t value,
                                   uint32_t padding)
{
    uint8_t bytes[HF_JOURNAL_RECORD_BYTES_MAX] = {slot};
    memcpy(&bytes[1], &value, 4);
    return hf_journal_append(journal, MODEL_SET, 1, bytes, 5u + padding);
}

static inline int model_dump(void *ctx, hf_journal_t *journal)
{
    model_t *model = ctx;
    if (model->dump_error < 0) {
        return model->dump_error;
    }
    for (uint8_t i = 0; i < MODEL_SLOTS; i++) {
        if (model->state.slot[i] != 0) {
            int status = model_append_set(journal, i, model->state.slot[i], model->dump_padding);
            if (status < 0) {
                return status;
            }
        }
    }
    return hf_journal_append(journal, MODEL_TOTAL, 1, &model->state.count, 4);
}

static inline hf_journal_owner_t model_owner(model_t *model)
{
    return (hf_journal_owner_t){.ctx = model, .replay = model_replay, .dump = model_dump};
}

/// Applies to the state what an append has made durable: call after an append that succeeded.
static inline int model_set(model_t *model, hf_journal_t *journal, uint8_t slot, uint32_t value)
{
    uint32_t before = model->state.slot[slot];
    int status = model_append_set(journal, slot, value, 0);
    model->state.slot[slot] = status < 0 ? before : value;
    return status;
}

static inline int model_count(model_t *model, hf_journal_t *journal)
{
    int status = hf_journal_append(journal, MODEL_COUNT, 1, NULL, 0);
    model->state.count += status < 0 ? 0 : 1u;
    return status;
}

static inline uint32_t model_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#endif
