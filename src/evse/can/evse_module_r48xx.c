// SPDX-License-Identifier: MIT
// Driver of the R48xx rectifiers (0x1081xxxx), from public descriptions; compiled and tested by vectors, never on
// hardware. One question is answered by a dozen frames, one reading each. There is no second meter at the terminals: the
// module's own readings stand in for it, so nothing cross-checks them, and commissioning refuses such a profile [SAF-15].
// The bus runs at 125 kbit/s. Only the setpoints that live while the controller speaks are written; the stored ones of the
// unit (functions 0x01, 0x04), which it falls back to in silence, are left alone.
#include "evse_module_private.h"

enum {
    PROTOCOL = 0x21,
    COMMAND_READ_ALL = 0x40,
    COMMAND_SET = 0x80,
    GOOD = 0x01,
    VOLTAGE = 0x75,
    TEMPERATURE = 0x7F, // at the output
    CURRENT = 0x81,
    QUERY_PERIOD_ms = 500,
};

static const uint8_t signals[] = {0x00}; // everything

static int receive_reading(const evse_module_profile_t *profile, evse_module_unit_t *unit,
                           const uint8_t *data, uint64_t now_us)
{
    if (data[0] != GOOD) {
        return HF_E_RANGE;
    }
    switch (data[1]) {
    case VOLTAGE:
        return evse_huawei_receive_signal(profile, &unit->mV, EVSE_MODULE_VOLTAGE, data, now_us);
    case CURRENT:
        return evse_huawei_receive_signal(profile, &unit->mA, EVSE_MODULE_CURRENT, data, now_us);
    case TEMPERATURE:
        return evse_huawei_receive_signal(profile, &unit->temperature_dC, EVSE_MODULE_TEMPERATURE,
                                          data, now_us);
    default:
        return 1; // input side, efficiency, limits
    }
}

static const evse_huawei_dialect_t dialect = {
    .protocol = PROTOCOL, .set = COMMAND_SET, .read = COMMAND_READ_ALL, .decode = receive_reading};

static int receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us)
{
    return evse_huawei_receive(&dialect, module, frame, now_us);
}

static evse_can_frame_t encode_switch(const evse_module_profile_t *profile, uint32_t unit, bool on)
{
    return evse_huawei_switch(&dialect, profile, unit, on);
}

static unsigned encode_setpoint(const evse_module_profile_t *profile, uint32_t unit, int32_t mV,
                                int32_t mA, evse_can_frame_t *frames)
{
    frames[0] = evse_huawei_voltage(&dialect, profile, unit, mV);
    frames[1] = evse_huawei_current(&dialect, profile, unit, mA);
    return 2;
}

static evse_can_frame_t encode_query(const evse_module_profile_t *profile, uint32_t unit,
                                     uint8_t signal)
{
    (void)signal;
    return evse_huawei_frame(&dialect, profile, unit, COMMAND_READ_ALL);
}

static uint32_t filters(const evse_module_profile_t *profile, uint32_t unit,
                        evse_can_filter_t *list)
{
    list[0] = evse_huawei_filter(&dialect, profile, unit);
    return 1;
}

const evse_module_driver_t evse_module_r48xx = {
    .name = "r48xx",
    .signals = signals,
    .signal_count = sizeof signals,
    .address_max = EVSE_HUAWEI_ADDRESS_MAX,
    .period_ms = QUERY_PERIOD_ms,
    .encode_switch = encode_switch,
    .encode_setpoint = encode_setpoint,
    .encode_query = encode_query,
    .receive = receive,
    .filters = filters,
};
