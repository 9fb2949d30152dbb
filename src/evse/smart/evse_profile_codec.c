// SPDX-License-Identifier: MIT
// A charging profile as bytes (docs/SPEC.md, "Charging profile"): little-endian, optional members by flag, periods as
// differences in base 128. Invariant: what decodes is sound; every byte belongs to exactly one member.
#include "evse/evse_smart.h"

#define VERSION 1u

enum { HAS_FROM = 1u, HAS_TO = 2u, HAS_START = 4u, HAS_DURATION = 8u, FLAGS = 15u };

#define TIME_BYTES     6u // milliseconds: until the year 10889
#define DURATION_BYTES 4u
#define VARINT_BYTES   5u // of 35 bits at most

typedef struct output {
    uint8_t *bytes;
    size_t length;
} output_t;

static void put(output_t *out, uint64_t value, unsigned count)
{
    for (unsigned i = 0u; i < count; i++) {
        out->bytes[out->length++] = (uint8_t)(value >> (8u * i));
    }
}

static void put_varint(output_t *out, uint64_t value)
{
    while (value >= 0x80u) {
        put(out, (value & 0x7Fu) | 0x80u, 1u);
        value >>= 7;
    }
    put(out, value, 1u);
}

static unsigned flags_of(const evse_profile_t *profile)
{
    return (profile->valid_from_ms != 0u ? HAS_FROM : 0u) |
           (profile->valid_to_ms != 0u ? HAS_TO : 0u) | (profile->start_ms != 0u ? HAS_START : 0u) |
           (profile->duration_s != EVSE_DURATION_NONE ? HAS_DURATION : 0u);
}

static void put_periods(output_t *out, const evse_profile_t *profile)
{
    uint32_t last_s = 0u;
    put(out, profile->period_count, 1u);
    for (unsigned i = 0u; i < profile->period_count; i++) {
        const evse_period_t *period = &profile->period[i];
        put_varint(out, period->start_s - last_s);
        put_varint(out, (uint64_t)(uint32_t)period->tenths << 2 | period->phases);
        last_s = period->start_s;
    }
}

size_t evse_profile_encode(const evse_profile_t *profile, uint8_t bytes[EVSE_PROFILE_ENCODED_MAX])
{
    output_t out = {.bytes = bytes};
    HF_ASSERT(evse_profile_is_sound(profile));
    put(&out, VERSION, 1u);
    put(&out,
        (unsigned)profile->purpose | (unsigned)profile->kind << 2 | (unsigned)profile->unit << 4,
        1u);
    put(&out, profile->connector, 1u);
    put(&out, profile->stack_level, 1u);
    put(&out, (uint32_t)profile->id, 4u);
    put(&out, flags_of(profile), 1u);
    const uint64_t times_ms[] = {profile->valid_from_ms, profile->valid_to_ms, profile->start_ms};
    for (unsigned i = 0u; i < HF_COUNT_OF(times_ms); i++) {
        put(&out, times_ms[i], times_ms[i] != 0u ? TIME_BYTES : 0u);
    }
    put(&out, profile->duration_s, profile->duration_s != EVSE_DURATION_NONE ? DURATION_BYTES : 0u);
    put_periods(&out, profile);
    return out.length;
}

typedef struct input {
    const uint8_t *bytes;
    size_t length, at;
    bool bad;
} input_t;

static uint64_t take(input_t *in, unsigned count)
{
    uint64_t value = 0u;
    if (in->bad || count > in->length - in->at) {
        in->bad = true;
        return 0u;
    }
    for (unsigned i = 0u; i < count; i++) {
        value |= (uint64_t)in->bytes[in->at++] << (8u * i);
    }
    return value;
}

static uint64_t take_varint(input_t *in)
{
    uint64_t value = 0u;
    for (unsigned i = 0u; i < VARINT_BYTES; i++) {
        uint64_t byte = take(in, 1u);
        value |= (byte & 0x7Fu) << (7u * i);
        if ((byte & 0x80u) == 0u) {
            return value;
        }
    }
    in->bad = true;
    return 0u;
}

static void take_head(input_t *in, evse_profile_t *profile)
{
    unsigned head = (unsigned)take(in, 1u);
    profile->purpose = (uint8_t)(head & 3u);
    profile->kind = (uint8_t)(head >> 2 & 3u);
    profile->unit = (uint8_t)(head >> 4);
    profile->connector = (uint8_t)take(in, 1u);
    profile->stack_level = (uint8_t)take(in, 1u);
    profile->id = (int32_t)(uint32_t)take(in, 4u);
    unsigned flags = (unsigned)take(in, 1u);
    in->bad = in->bad || (flags & ~(unsigned)FLAGS) != 0u;
    profile->valid_from_ms = take(in, (flags & HAS_FROM) != 0u ? TIME_BYTES : 0u);
    profile->valid_to_ms = take(in, (flags & HAS_TO) != 0u ? TIME_BYTES : 0u);
    profile->start_ms = take(in, (flags & HAS_START) != 0u ? TIME_BYTES : 0u);
    profile->duration_s =
        (flags & HAS_DURATION) != 0u ? (uint32_t)take(in, DURATION_BYTES) : EVSE_DURATION_NONE;
}

static void take_periods(input_t *in, evse_profile_t *profile)
{
    uint64_t start_s = 0u;
    for (unsigned i = 0u; i < profile->period_count && !in->bad; i++) {
        start_s += take_varint(in);
        uint64_t rate = take_varint(in);
        in->bad = in->bad || start_s > EVSE_PERIOD_START_MAX_S ||
                  rate >> 2 > (uint64_t)EVSE_RATE_TENTHS_MAX;
        if (!in->bad) {
            profile->period[i] = (evse_period_t){.start_s = (uint32_t)start_s,
                                                 .tenths = (int32_t)(rate >> 2),
                                                 .phases = (uint8_t)(rate & 3u)};
        }
    }
}

int evse_profile_decode(const uint8_t *bytes, size_t length, evse_profile_t *profile)
{
    input_t in = {.bytes = bytes, .length = length};
    *profile = (evse_profile_t){0};
    if (take(&in, 1u) != VERSION && !in.bad) {
        return HF_E_UNSUPPORTED;
    }
    take_head(&in, profile);
    uint64_t count = take(&in, 1u);
    if (count > CONFIG_EVSE_CHARGING_PERIODS_MAX) {
        return HF_E_UNSUPPORTED;
    }
    profile->period_count = (uint8_t)count;
    take_periods(&in, profile);
    bool good = !in.bad && in.at == in.length && evse_profile_is_sound(profile);
    return good ? HF_OK : HF_E_CORRUPT;
}
