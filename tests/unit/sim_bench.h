// SPDX-License-Identifier: MIT
// A controller reduced to its frames, for the tests of the simulated outlet: it keeps the module's request ids and the
// live signal going as long as it is told to, in steps of 10 ms.
#ifndef SIM_BENCH_H
#define SIM_BENCH_H

#include "sim/sim.h"
#include "support/module_profile.h"

#include <string.h>

#define BENCH_STEP_US 10000u

typedef struct bench {
    sim_outlet_t outlet;
    evse_io_drive_t drive;
    bool talks;       // keeps both request ids going
    bool pulses;      // keeps the live signal going
    uint64_t step_us; // 0: 10 ms
    evse_can_frame_t seen[4096];
    uint64_t seen_us[4096];
    unsigned seen_count;
    uint64_t off_at_us;   // when power was first 0 after having been more
    uint64_t integral_nJ; // power x time in rectangles, by the bench
} bench_t;

static inline evse_can_frame_t bench_frame(uint32_t id, uint64_t bytes)
{
    evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    for (unsigned i = 0; i < 8; i++) {
        frame.data[i] = (uint8_t)(bytes >> (56u - 8u * i));
    }
    return frame;
}

static inline void bench_send(bench_t *bench, uint32_t id, uint64_t bytes)
{
    evse_can_frame_t frame = bench_frame(id, bytes);
    sim_outlet_receive(&bench->outlet, &frame);
}

static inline void bench_init(bench_t *bench, const sim_config_t *config)
{
    memset(bench, 0, sizeof *bench);
    sim_config_t with_profile = config != NULL ? *config : (sim_config_t){0};
    with_profile.profile = with_profile.profile != NULL ? with_profile.profile : &test_profile;
    sim_outlet_init(&bench->outlet, &with_profile);
    bench->talks = true;
    bench->pulses = true;
}

static inline void bench_collect(bench_t *bench)
{
    evse_can_frame_t frame;
    while (sim_outlet_transmit(&bench->outlet, &frame)) {
        if (bench->seen_count < HF_COUNT_OF(bench->seen)) {
            bench->seen_us[bench->seen_count] = bench->outlet.now_us;
            bench->seen[bench->seen_count++] = frame;
        }
    }
}

static inline void bench_step(bench_t *bench)
{
    uint64_t step_us = bench->step_us != 0 ? bench->step_us : BENCH_STEP_US;
    bool had_power = bench->outlet.power_mW != 0;
    sim_outlet_step(&bench->outlet, bench->outlet.now_us + step_us);
    if (had_power && bench->outlet.power_mW == 0) {
        bench->off_at_us = bench->outlet.now_us;
    }
    bench->integral_nJ += (uint64_t)bench->outlet.power_mW * step_us;
    if (bench->talks) {
        bench_send(bench, 0x068182FEu, 0x0184000000000000u);
        bench_send(bench, 0x068181FEu, 0x0100000000015000u); // 84 V
    }
    bench->drive.live_count += bench->pulses ? 1u : 0u;
    sim_outlet_drive(&bench->outlet, &bench->drive);
    bench_collect(bench);
}

static inline void bench_run_ms(bench_t *bench, uint64_t ms)
{
    for (uint64_t until_us = bench->outlet.now_us + ms * 1000u; bench->outlet.now_us < until_us;) {
        bench_step(bench);
    }
}

/// Plugs, closes the contactor, sets 84 V and 30 A, switches on.
static inline void bench_start(bench_t *bench)
{
    sim_outlet_plug(&bench->outlet, true);
    bench->drive.level[EVSE_OUT_LOCK] = true;
    bench->drive.level[EVSE_OUT_CONTACTOR] = true;
    bench_run_ms(bench, 200);
    bench_send(bench, 0x068181FEu, 0x0103000000000393u);
    bench_send(bench, 0x068181FEu, 0x0132000000000000u);
}

static inline void bench_off(bench_t *bench)
{
    bench_send(bench, 0x068181FEu, 0x0132000100000000u);
}

static inline unsigned bench_count(const bench_t *bench, uint32_t id, unsigned from)
{
    unsigned count = 0;
    for (unsigned i = from; i < bench->seen_count; i++) {
        count += bench->seen[i].id == id ? 1u : 0u;
    }
    return count;
}

/// The last frame of an id; a frame of length 0 when there was none.
static inline evse_can_frame_t bench_last(const bench_t *bench, uint32_t id)
{
    evse_can_frame_t frame = {0};
    for (unsigned i = 0; i < bench->seen_count; i++) {
        frame = bench->seen[i].id == id ? bench->seen[i] : frame;
    }
    return frame;
}

static inline uint32_t bench_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

#endif
