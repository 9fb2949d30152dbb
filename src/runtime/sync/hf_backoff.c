// SPDX-License-Identifier: MIT
// Exponential backoff with jitter. Owns nothing but its instance.
#include "holdfast/hf_backoff.h"

#define PERMILLE 1000u

int hf_backoff_init(hf_backoff_t *backoff, uint32_t base_ms, uint32_t cap_ms,
                    uint32_t jitter_permille, uint32_t seed)
{
    if (backoff == NULL || base_ms == 0 || cap_ms < base_ms || jitter_permille > PERMILLE) {
        return HF_E_ARGUMENT;
    }
    *backoff = (hf_backoff_t){.base_ms = base_ms,
                              .cap_ms = cap_ms,
                              .jitter_permille = jitter_permille,
                              .random = seed != 0 ? seed : 1u};
    return HF_OK;
}

void hf_backoff_set(hf_backoff_t *backoff, uint32_t base_ms, uint32_t cap_ms,
                    uint32_t jitter_permille)
{
    backoff->base_ms = base_ms != 0 ? base_ms : 1u;
    backoff->cap_ms = cap_ms > backoff->base_ms ? cap_ms : backoff->base_ms;
    backoff->jitter_permille = jitter_permille < PERMILLE ? jitter_permille : PERMILLE;
}

static uint32_t next_random(hf_backoff_t *backoff)
{
    backoff->random ^= backoff->random << 13;
    backoff->random ^= backoff->random >> 17;
    backoff->random ^= backoff->random << 5;
    return backoff->random;
}

uint32_t hf_backoff_next_ms(hf_backoff_t *backoff)
{
    uint64_t wait_ms = backoff->base_ms;
    for (uint32_t i = 0; i < backoff->tries && wait_ms < backoff->cap_ms; i++) {
        wait_ms *= 2u;
    }
    if (wait_ms > backoff->cap_ms) {
        wait_ms = backoff->cap_ms;
    }
    if (backoff->tries < UINT32_MAX) {
        backoff->tries++;
    }
    uint64_t random_part_ms = wait_ms * backoff->jitter_permille / PERMILLE;
    uint64_t drawn_ms = random_part_ms * next_random(backoff) / UINT32_MAX;
    return (uint32_t)(wait_ms - random_part_ms + drawn_ms);
}

void hf_backoff_reset(hf_backoff_t *backoff)
{
    backoff->tries = 0;
}
