// SPDX-License-Identifier: MIT
// Instructions of a take by size and a give by address over four tiers. Steady: 64 B taken and given over and over.
// Worst: over a random history that exhausts tiers, with wrong sizes and wrong gives in it.
#include "count.h"

#include "holdfast/hf_tier.h"

#define HELD     300u
#define TIERS(X) X(s64, 64, 128) X(s256, 256, 64) X(s1024, 1024, 32) X(s2048, 2048, 16)

static HF_TIER_STORAGE(TIERS) storage;
static const hf_tier_size_t sizes[] = HF_TIER_SIZES(TIERS);
static hf_tier_t tier;
static uint8_t *held[HELD];
static count_figure_t take, give, refusal;

static uint32_t counted_take(size_t bytes, uint8_t **block)
{
    const uint32_t n =
        qemu_count_call(COUNT_CALL(hf_tier_take), (uintptr_t)&tier, bytes, HF_TAG_NONE);
    *block = (uint8_t *)qemu_result();
    return count_into(*block != NULL ? &take : &refusal, n);
}

static uint32_t counted_give(uint8_t *block)
{
    return count_into(
        &give, qemu_count_call(COUNT_CALL(hf_tier_give), (uintptr_t)&tier, (uintptr_t)block, 0));
}

static void random_history(void)
{
    uint32_t random = 88172645u;
    for (uint32_t i = 0; i < 20000; i++) {
        const uint32_t r = count_random(&random), place = (r >> 8) % HELD;
        if (held[place] != NULL) {
            (void)counted_give(held[place]);
            held[place] = NULL;
        } else {
            const uint32_t up_to = 16u << (r >> 28) % 8u;
            (void)counted_take(1u + r % up_to, &held[place]);
        }
        if (r % 50u == 0) {
            (void)counted_give((uint8_t *)&storage.arena[r % sizeof storage.arena | 1u]);
            (void)counted_give((uint8_t *)&tier);
        }
    }
}

int main(void)
{
    const hf_tier_config_t config = HF_TIER_CONFIG(storage, sizes, 0);
    uint8_t *block = NULL;
    HF_ASSERT(hf_tier_init(&tier, &config) == HF_OK);
    for (uint32_t i = 0; i < 50; i++) {
        (void)counted_take(64, &held[i]);
    }
    for (uint32_t i = 0; i < 8; i++) {
        take.value = counted_take(64, &block);
        give.value = counted_give(block);
    }
    random_history();
    HF_ASSERT(refusal.worst > 0);
    count_print("sized.take", take.value, take.worst);
    count_print("sized.give", give.value, give.worst);
    count_print("sized.refusal", refusal.worst, refusal.worst);
    return 0;
}
