// SPDX-License-Identifier: MIT
// The card reader seam: whatever yields an idTag, polled by the comms loop.
#ifndef EVSE_READER_H
#define EVSE_READER_H

#include "evse/evse_store.h"

typedef struct evse_reader_ops {
    /// 1: a card was presented, its tag is in `id_tag`; 0 none; HF_E_IO the reader is gone. Never blocks.
    int (*poll)(void *ctx, uint64_t now_us, char id_tag[EVSE_ID_TAG_BYTES]);
} evse_reader_ops_t;

typedef struct evse_reader {
    const evse_reader_ops_t *ops; // NULL: none
    void *ctx;
} evse_reader_t;

#endif
