// SPDX-License-Identifier: MIT
// A mixture: what can happen happens, in an order given by its seed.
#include "cases.h"

#include <stdio.h>

#define EVENTS 60u

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void misbehave(uint64_t *random)
{
    billing_misbehave((billing_answer_t)(next_random(random) % BILLING_ANSWERS),
                      1u + next_random(random) % 6u, 1u + next_random(random) % 3u);
    if (next_random(random) % 2u == 0u) {
        billing_misbehave_then((billing_answer_t)(next_random(random) % BILLING_ANSWERS),
                               1u + next_random(random) % 4u);
    }
}

static void use(uint64_t *random, unsigned connector)
{
    switch (next_random(random) % 8u) {
    case 0:
    case 1:
    case 2:
        billing_plug(connector, true);
        break;
    case 3:
        billing_plug(connector, false);
        break;
    default:
        (void)billing_card(connector);
        break;
    }
}

static void happen(uint64_t *random)
{
    switch (next_random(random) % 20u) {
    case 0:
        misbehave(random);
        break;
    case 1:
        billing_link(next_random(random) % 3u != 0u, next_random(random) % 5u == 0u);
        break;
    case 2:
        billing_drop();
        break;
    case 3:
        billing_cut_at(billing_flash_steps() + 1u + next_random(random) % 300u);
        break;
    case 4:
        billing_cut_at(0);
        break;
    case 5:
        billing_kill();
        break;
    case 6:
        if (next_random(random) % 3u == 0u) {
            billing_jump_clock((int64_t)(next_random(random) % 7200u) - 3600);
        }
        break;
    case 7:
        if (next_random(random) % 4u == 0u) {
            billing_fail_sync(1u + next_random(random) % 3u);
        }
        break;
    case 8:
        billing_reset(next_random(random) % 2u == 0u);
        break;
    case 9:
    case 10:
        billing_keep((uint16_t)next_random(random),
                     next_random(random) % 4u == 0u ? 0u : 4u + next_random(random) % 200u);
        break;
    default:
        use(random, next_random(random) % BILLING_CONNECTORS);
        break;
    }
}

static uint32_t time_until_next_ms(uint64_t *random)
{
    uint32_t kind = next_random(random) % 16u;
    return kind == 0u  ? next_random(random) % 200000u
           : kind < 4u ? next_random(random) % 40000u
           : kind < 8u ? next_random(random) % 400u
                       : next_random(random) % 3000u;
}

void mixture(unsigned seed)
{
    uint64_t random = seed * UINT64_C(0x9E3779B97F4A7C15);
    static const uint32_t units[] = {1, 4, 4, 8, 16};
    const billing_config_t config = {
        .segment_bytes = next_random(&random) % 3u == 0u ? SMALL_FLASH * 2u : 65536u,
        .segment_count = 2u + next_random(&random) % 3u,
        .program_bytes = units[next_random(&random) % 5u],
        .loses_unsynced = next_random(&random) % 2u == 0u,
        .garbage = next_random(&random) % 2u == 0u,
        .sync_polls = next_random(&random) % 6u,
        .sample_s = 1u + next_random(&random) % 5u,
        .latency_ms = next_random(&random) % 3u * 60u,
        .stop_data = next_random(&random) % 2u == 0u,
        .long_readings = next_random(&random) % 4u == 0u,
        .seed = seed};
    billing_open(&config);
    for (unsigned i = 0; i < EVENTS; i++) {
        happen(&random);
        billing_run_ms(time_until_next_ms(&random));
    }
    char what[40];
    snprintf(what, sizeof what, "mixture, --seed %u", seed);
    (void)judge(what);
}
