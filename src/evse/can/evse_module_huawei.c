// SPDX-License-Identifier: MIT
// Driver of the 0x0681xxxx modules: control group, one signal a question, and a second meter that tells the terminals
// unasked (IEEE 754). Invariants: a float is decoded from its bits, so NaN and infinity are bit patterns, not values; a
// frame is refused whole; a frame of eight equal bytes 0x00 or 0xFF is no reading where neither can be one.
#include "evse_module_private.h"

#include <string.h>

enum {
    PROTOCOL = 0x0D,
    COMMAND_SET = 0x81,
    COMMAND_READ = 0x82,
    GOOD = 0x01,
    SIGNAL_TEMPERATURE = 0x80,
    SIGNAL_CURRENT = 0x82,
    SIGNAL_VOLTAGE = 0x84,
    STATUS_MARK = 0x03,
    STATUS_IDLE = 0x01,
    STATUS_CHARGING = 0x02,
};
enum {
    ID_POWER = 0x00433F01,
    ID_STATUS = 0x00473F01,
    ID_HEARTBEAT = 0x18FF50E5,
};

// IEEE 754 binary32
enum {
    MANTISSA_BITS = 23,
    EXPONENT_MASK = 0xFF,
    EXPONENT_SPECIAL = 0xFF,   // NaN, infinity
    EXPONENT_OF_INTEGER = 150, // bias, and the bits of the mantissa
    EXPONENT_TOO_LARGE = 8,    // beyond 2^31
    EXPONENT_NEGLIGIBLE = -40, // below half a milli
};
#define MANTISSA_MASK 0x7FFFFFu
#define HIDDEN_BIT    0x800000u
#define SIGN_BIT      0x80000000u

static const uint8_t signals[] = {0x84, 0x82, 0x79, 0x80, 0x83};

// Big-endian, times 1000, rounded half away from zero. False for NaN, infinity, and beyond 2^31.
static bool decode_float_milli(const uint8_t *data, int32_t *milli)
{
    uint32_t bits = evse_module_get_u32(data);
    int raw = (int)(bits >> MANTISSA_BITS & EXPONENT_MASK);
    int exponent = raw - EXPONENT_OF_INTEGER;
    uint64_t magnitude = ((uint64_t)(bits & MANTISSA_MASK) | HIDDEN_BIT) * EVSE_MILLI;
    if (raw == EXPONENT_SPECIAL || exponent > EXPONENT_TOO_LARGE) {
        return false;
    }
    if (exponent >= 0) {
        magnitude <<= exponent;
    } else if (exponent > EXPONENT_NEGLIGIBLE) {
        magnitude = (magnitude + (1ULL << (-exponent - 1))) >> -exponent;
    } else {
        magnitude = 0; // zero and denormals too
    }
    if (magnitude > INT32_MAX) {
        return false;
    }
    *milli = (bits & SIGN_BIT) != 0 ? -(int32_t)magnitude : (int32_t)magnitude;
    return true;
}

// 0 V and 0 A are what an open contactor shows: eight zero bytes are a reading here.
static int receive_power(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    int32_t mV, mA;
    if (!decode_float_milli(data, &mV) || !decode_float_milli(data + 4, &mA) ||
        !evse_module_is_possible(EVSE_MODULE_VOLTAGE, mV) ||
        !evse_module_is_possible(EVSE_MODULE_CURRENT, mA)) {
        return HF_E_RANGE;
    }
    evse_module_set(&module->terminal_mV, mV, now_us);
    evse_module_set(&module->terminal_mA, mA, now_us);
    return 1;
}

static bool is_all(const uint8_t *data, uint8_t byte)
{
    for (int i = 0; i < 8; i++) {
        if (data[i] != byte) {
            return false;
        }
    }
    return true;
}

static int receive_status(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    int32_t status = -1;
    if (is_all(data, 0) || is_all(data, UINT8_MAX)) {
        return HF_E_RANGE;
    }
    if (data[6] == STATUS_MARK && data[7] == STATUS_IDLE) {
        status = 0;
    } else if (data[6] == STATUS_MARK && data[7] == STATUS_CHARGING) {
        status = 1;
    }
    evse_module_set(&module->terminal_status, status, now_us);
    return 1;
}

// Its reception counts; eight zero bytes are a charger at rest.
static int receive_heartbeat(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    if (is_all(data, UINT8_MAX)) {
        return HF_E_RANGE;
    }
    evse_module_set(&module->heartbeat, data[4] >> 3 & 1, now_us);
    return 1;
}

static int receive_signal(const evse_module_profile_t *profile, evse_module_unit_t *unit,
                          const uint8_t *data, uint64_t now_us)
{
    if (data[0] != GOOD) {
        return HF_E_RANGE;
    }
    switch (data[1]) {
    case SIGNAL_VOLTAGE:
        return evse_huawei_receive_signal(profile, &unit->mV, EVSE_MODULE_VOLTAGE, data, now_us);
    case SIGNAL_CURRENT:
        return evse_huawei_receive_signal(profile, &unit->mA, EVSE_MODULE_CURRENT, data, now_us);
    case SIGNAL_TEMPERATURE:
        return evse_huawei_receive_signal(profile, &unit->temperature_dC, EVSE_MODULE_TEMPERATURE,
                                          data, now_us);
    default:
        return 1; // 0x79, 0x83: meaning unknown, asked because the module wants to be asked
    }
}

static const evse_huawei_dialect_t dialect = {
    .protocol = PROTOCOL, .set = COMMAND_SET, .read = COMMAND_READ, .decode = receive_signal};

static int receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us)
{
    int (*decode)(evse_module_t *, const uint8_t *, uint64_t) = NULL;
    switch (frame->id & EVSE_CAN_ID_MASK) {
    case ID_POWER:
        decode = receive_power;
        break;
    case ID_STATUS:
        decode = receive_status;
        break;
    case ID_HEARTBEAT:
        decode = receive_heartbeat;
        break;
    default:
        return evse_huawei_receive(&dialect, module, frame, now_us);
    }
    return frame->length == 8 ? decode(module, frame->data, now_us) : HF_E_RANGE;
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
    evse_can_frame_t frame = evse_huawei_frame(&dialect, profile, unit, COMMAND_READ);
    frame.data[0] = GOOD;
    frame.data[1] = signal;
    return frame;
}

static uint32_t filters(const evse_module_profile_t *profile, uint32_t unit,
                        evse_can_filter_t *list)
{
    static const uint32_t ids[] = {ID_POWER, ID_STATUS, ID_HEARTBEAT};
    for (uint32_t i = 0; i < HF_COUNT_OF(ids); i++) {
        list[i] = (evse_can_filter_t){.id = ids[i], .mask = EVSE_CAN_ID_MASK, .extended = true};
    }
    list[HF_COUNT_OF(ids)] = evse_huawei_filter(&dialect, profile, unit);
    return HF_COUNT_OF(ids) + 1;
}

const evse_module_driver_t evse_module_huawei = {
    .name = "huawei",
    .signals = signals,
    .signal_count = sizeof signals,
    .address_max = EVSE_HUAWEI_ADDRESS_MAX,
    .has_terminals = true,
    .encode_switch = encode_switch,
    .encode_setpoint = encode_setpoint,
    .encode_query = encode_query,
    .receive = receive,
    .filters = filters,
};
