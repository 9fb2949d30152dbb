// SPDX-License-Identifier: MIT
// What the two halves of the judge share: what control was given (judge_given.c), what it does with it (judge.c).
#ifndef SINGLE_FAULT_JUDGE_PRIVATE_H
#define SINGLE_FAULT_JUDGE_PRIVATE_H

#include "evse/evse_timing.h"
#include "judge.h"

#define MS               1000ull
#define SHORT_SILENCE_US (2u * EVSE_TELEMETRY_PERIOD_MS * MS)

/// By control's clock.
static inline bool judge_is_fresh(const judge_t *judge, uint64_t stamp_us, uint64_t age_us)
{
    return stamp_us != 0 && stamp_us <= judge->now_us && judge->now_us - stamp_us <= age_us;
}

static inline uint32_t judge_u32(const uint8_t *data)
{
    return (uint32_t)data[0] * 0x1000000u + (uint32_t)data[1] * 0x10000u +
           (uint32_t)data[2] * 0x100u + data[3];
}

/// True when that session was told over, or is of an earlier boot.
bool judge_is_over(const judge_t *judge, uint32_t session);

#endif
