// SPDX-License-Identifier: MIT
// The latest state of a struct, from one writer to any number of readers, without a lock: three buffers of relaxed
// atomic words, each under a sequence word. The writer never waits; a reader retries at most three times.
#ifndef HF_SNAPSHOT_H
#define HF_SNAPSHOT_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_SNAPSHOT_BUFFERS           3u
#define HF_SNAPSHOT_BYTES(item_bytes) (HF_RING_SLOT_WORDS(item_bytes) * 4u * HF_SNAPSHOT_BUFFERS)

typedef struct hf_snapshot {
    hf_atomic_u32_t *words;
    uint32_t item_bytes;
    hf_atomic_u32_t published; // number of writes; the newest is in buffer (published - 1) % 3
} hf_snapshot_t;

HF_MUST_CHECK int hf_snapshot_init(hf_snapshot_t *snapshot, void *storage, uint32_t item_bytes);
/// Context: the one writer. Cost: O(item).
void hf_snapshot_write(hf_snapshot_t *snapshot, const void *item);
/// HF_E_EMPTY before the first write; HF_E_AGAIN after three torn tries (item undefined). Context: any.
HF_MUST_CHECK int hf_snapshot_read(const hf_snapshot_t *snapshot, void *item);

#ifdef __cplusplus
}
#endif

#endif
