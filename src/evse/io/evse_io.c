// SPDX-License-Identifier: MIT
// Names, valid ages and safe values of inputs and outputs. Invariant: a level that nobody renewed within its age does
// not exist any more; what is read instead is the table's safe value. [SAF-07]
#include "evse/evse_io.h"

#include "holdfast/hf_clock.h"

const evse_io_info_t evse_input_info[EVSE_INPUT_COUNT] = {
#define INPUT_ROW(name, text, age, safe) [EVSE_IN_##name] = {text, age, safe},
    EVSE_INPUT_TABLE(INPUT_ROW)
#undef INPUT_ROW
};

const evse_io_info_t evse_output_info[EVSE_OUTPUT_COUNT] = {
#define OUTPUT_ROW(name, text, safe) [EVSE_OUT_##name] = {text, 0, safe},
    EVSE_OUTPUT_TABLE(OUTPUT_ROW)
#undef OUTPUT_ROW
};

bool evse_io_is_fresh(const evse_io_inputs_t *inputs, evse_input_t input, uint64_t now_us)
{
    uint64_t stamp_us = inputs->stamp_us[input];
    uint64_t age_us = (uint64_t)evse_input_info[input].valid_age_ms * HF_US_PER_MS;
    return stamp_us != 0 && stamp_us <= now_us && now_us - stamp_us <= age_us;
}

bool evse_io_level(const evse_io_inputs_t *inputs, evse_input_t input, uint64_t now_us)
{
    return evse_io_is_fresh(inputs, input, now_us) ? inputs->level[input]
                                                   : evse_input_info[input].safe_value;
}
