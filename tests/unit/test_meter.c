// SPDX-License-Identifier: MIT
// The terminal meter: trapezium, carried remainder, gaps, backward flow.
#include "evse/evse_meter.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

static evse_module_t module;
static evse_meter_terminal_t meter;
static evse_meter_count_t count;

static void start(void)
{
    memset(&module, 0, sizeof module);
    evse_meter_terminal_init(&meter, &module);
    count = (evse_meter_count_t){.register_mJ = 5000};
}

static int advance(int32_t mV, int32_t mA, uint64_t stamp_us)
{
    module.terminal_mV = (evse_reading_t){mV, stamp_us};
    module.terminal_mA = (evse_reading_t){mA, stamp_us};
    return evse_meter_terminal_ops.advance(&meter, stamp_us, &count);
}

static void meter_constant_power_integrates_exactly(void)
{
    start();
    for (uint64_t i = 0; i <= 36000; i++) { // one hour of 77 V, 13 A: 1001 W
        CHECK_EQ(advance(77000, 13000, 1000000 + i * 100000), 0);
    }
    CHECK_EQ(count.register_mJ, 5000 + 1001ULL * 3600 * 1000);
    CHECK_EQ(count.taken_us, 3601000000);
}

static void meter_ramp_is_a_trapezium(void)
{
    start();
    CHECK_EQ(advance(50000, 0, 1000000), 0);
    CHECK_EQ(count.register_mJ, 5000);
    CHECK_EQ(advance(50000, 20000, 2000000), 0); // 0 to 1 kW in a second
    CHECK_EQ(count.register_mJ, 505000);
}

static void meter_remainder_is_carried(void)
{
    start();
    for (uint64_t i = 0; i <= 3000; i++) { // 1 mW for 3 s is 3 mJ, a microjoule a step
        CHECK_EQ(advance(1000, 1, 1000000 + i * 1000), 0);
    }
    CHECK_EQ(count.register_mJ, 5003);
}

static void meter_gap_contributes_nothing(void)
{
    start();
    CHECK_EQ(advance(80000, 30000, 1000000), 0);
    CHECK_EQ(advance(80000, 30000, 2000001), 0);
    CHECK_EQ(count.register_mJ, 5000);
    CHECK_EQ(meter.gaps, 1);
    CHECK_EQ(advance(80000, 30000, 2100001), 0);
    CHECK_EQ(count.register_mJ, 245000);
}

static void meter_without_news_says_so(void)
{
    start();
    CHECK_EQ(evse_meter_terminal_ops.advance(&meter, 5000000, &count), HF_E_TIMEOUT);
    CHECK_EQ(advance(80000, 30000, 6000000), 0);
    CHECK_EQ(evse_meter_terminal_ops.advance(&meter, 6010000, &count), HF_E_AGAIN);
    CHECK_EQ(evse_meter_terminal_ops.advance(&meter, 7000001, &count), HF_E_TIMEOUT);
    CHECK_EQ(count.register_mJ, 5000);
}

static void meter_backward_flow_counts_zero(void)
{
    start();
    CHECK_EQ(advance(80000, -5000, 1000000), 0);
    CHECK_EQ(advance(80000, -5000, 1100000), 0);
    CHECK_EQ(count.register_mJ, 5000);
    CHECK_EQ(meter.refused, 2);
}

HF_TEST_MAIN(HF_TEST(meter_constant_power_integrates_exactly), HF_TEST(meter_ramp_is_a_trapezium),
             HF_TEST(meter_remainder_is_carried), HF_TEST(meter_gap_contributes_nothing),
             HF_TEST(meter_without_news_says_so), HF_TEST(meter_backward_flow_counts_zero))
