// SPDX-License-Identifier: MIT
// Answer times in a histogram of constant size: a fleet has millions of them.
#include "fleet.h"

#define LEAST_US 64u

const char *const fleet_action_names[FLEET_ACTIONS] = {
#define FLEET_ACTION_NAME(name) #name,
    FLEET_ACTION_TABLE(FLEET_ACTION_NAME)
#undef FLEET_ACTION_NAME
};

static unsigned bucket_of(uint64_t us)
{
    unsigned octave = 0;
    uint64_t scaled = us / LEAST_US;
    while (scaled >> octave > 1u) {
        octave++;
    }
    uint64_t quarter = scaled == 0u ? 0u : ((us << 2u) / ((uint64_t)LEAST_US << octave)) - 4u;
    unsigned bucket = scaled == 0u ? 0u : 1u + octave * 4u + (unsigned)quarter;
    return bucket < FLEET_LATENCY_BUCKETS ? bucket : FLEET_LATENCY_BUCKETS - 1u;
}

/// The largest time that falls into it.
static uint64_t most_us(unsigned bucket)
{
    if (bucket == 0u) {
        return LEAST_US - 1u;
    }
    unsigned octave = (bucket - 1u) / 4u, quarter = (bucket - 1u) % 4u;
    return (((uint64_t)LEAST_US << octave) * (5u + quarter)) / 4u - 1u;
}

void fleet_latency_add(fleet_latency_t *latency, uint64_t us)
{
    latency->bucket[bucket_of(us)]++;
    latency->count++;
    latency->worst_us = us > latency->worst_us ? us : latency->worst_us;
}

uint64_t fleet_latency_us(const fleet_latency_t *latency, unsigned permille)
{
    uint64_t wanted = (latency->count * permille + 999u) / 1000u, seen = 0;
    for (unsigned i = 0; i < FLEET_LATENCY_BUCKETS && latency->count > 0u; i++) {
        seen += latency->bucket[i];
        if (seen >= wanted) {
            uint64_t most = most_us(i);
            return most < latency->worst_us ? most : latency->worst_us;
        }
    }
    return latency->worst_us;
}

void fleet_latency_merge(fleet_latency_t *to, const fleet_latency_t *from)
{
    for (unsigned i = 0; i < FLEET_LATENCY_BUCKETS; i++) {
        to->bucket[i] += from->bucket[i];
    }
    to->count += from->count;
    to->worst_us = from->worst_us > to->worst_us ? from->worst_us : to->worst_us;
}
