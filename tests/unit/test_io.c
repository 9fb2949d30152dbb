// SPDX-License-Identifier: MIT
// Inputs and outputs: a level lives as long as its age, then the safe value is read.
#include "evse/evse_io.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

static void io_never_seen_reads_safe(void) // [SAF-07]
{
    evse_io_inputs_t inputs = {0};
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs.level[i] = true;
        CHECK(!evse_io_is_fresh(&inputs, (evse_input_t)i, 0));
        CHECK_EQ(evse_io_level(&inputs, (evse_input_t)i, 100), evse_input_info[i].safe_value);
    }
}

static void io_level_expires_with_its_age(void) // [SAF-07]
{
    evse_io_inputs_t inputs = {0};
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        evse_input_t input = (evse_input_t)i;
        uint64_t age_us = evse_input_info[i].valid_age_ms * HF_US_PER_MS;
        inputs.level[i] = true;
        inputs.stamp_us[i] = 1000;
        CHECK(evse_io_level(&inputs, input, 1000 + age_us));
        CHECK_EQ(evse_io_level(&inputs, input, 1001 + age_us), evse_input_info[i].safe_value);
        CHECK(!evse_io_is_fresh(&inputs, input, 999)); // from the future: no sample of this boot
    }
}

static void io_safe_values_are_off_and_open(void) // [SAF-01]
{
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        CHECK(!evse_output_info[i].safe_value);
    }
    CHECK(!evse_input_info[EVSE_IN_ESTOP].safe_value); // an open loop
    CHECK_STR(evse_input_info[EVSE_IN_ESTOP].name, "estop");
    CHECK_STR(evse_output_info[EVSE_OUT_CONTACTOR].name, "contactor");
}

HF_TEST_MAIN(HF_TEST(io_never_seen_reads_safe), HF_TEST(io_level_expires_with_its_age),
             HF_TEST(io_safe_values_are_off_and_open))
