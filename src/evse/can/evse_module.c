// SPDX-License-Identifier: MIT
// Power module protocol: encoders, decoders, health, telemetry schedule. Everything on the wire is big-endian.
// Invariants: no floating point is used (a float32 is decoded from its bits, so NaN and infinity are bit patterns, not
// values); a reading is stored only when it is in the range a terminal can have; a frame is refused whole.
#include "evse/evse_module.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define ID_PROTOCOL  (0x0Du << 23) // bits 28-23 of the Huawei family
#define COMMAND_SET  0x81u
#define COMMAND_READ 0x82u
#define FROM_CONTROL 0xFEu
#define FROM_MODULE  0x7Eu
#define ID_POWER     0x00433F01u
#define ID_STATUS    0x00473F01u
#define ID_HEARTBEAT 0x18FF50E5u

#define FUNCTION_SWITCH  0x32u
#define FUNCTION_VOLTAGE 0x00u
#define FUNCTION_CURRENT 0x03u
#define SIGNAL_VOLTAGE   0x84u
#define SIGNAL_CURRENT   0x82u
#define SIGNAL_HEAT      0x80u

#define TELEMETRY_PERIOD_US (200u * HF_US_PER_MS)
#define HEALTH_AGE_US       (3u * HF_US_PER_S)

// What a terminal can have; outside is refused, not clipped. [SAF-04]
#define VOLTAGE_MAX_mV     100000
#define CURRENT_MIN_mA     (-10000)
#define CURRENT_MAX_mA     350000
#define TEMPERATURE_MIN_dC (-400)
#define TEMPERATURE_MAX_dC 1200

static const uint8_t telemetry_signals[] = {0x84, 0x82, 0x79, 0x80, 0x83};

static uint32_t module_id(const evse_module_profile_t *profile, uint32_t unit, uint32_t command,
                          uint32_t side)
{
    return ID_PROTOCOL | ((profile->address + unit) & 0x7Fu) << 16 | command << 8 | side;
}

static uint32_t read_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

bool evse_reading_is_fresh(evse_reading_t reading, uint64_t now_us, uint64_t max_age_us)
{
    return reading.stamp_us != 0 && reading.stamp_us <= now_us &&
           now_us - reading.stamp_us <= max_age_us;
}

static evse_can_frame_t control_frame(const evse_module_profile_t *profile, uint32_t unit,
                                      uint8_t function)
{
    evse_can_frame_t frame = {.extended = true, .length = 8};
    frame.id = module_id(profile, unit, COMMAND_SET, FROM_CONTROL);
    frame.data[0] = 0x01;
    frame.data[1] = function;
    return frame;
}

// Rounded down: what is commanded never exceeds what was permitted.
static void put_counts(evse_can_frame_t *frame, int32_t milli, uint64_t counts, uint64_t per)
{
    uint64_t value = milli > 0 ? (uint64_t)milli * counts / per : 0;
    if (value > UINT32_MAX) {
        value = 0;
    }
    frame->data[4] = (uint8_t)(value >> 24);
    frame->data[5] = (uint8_t)(value >> 16);
    frame->data[6] = (uint8_t)(value >> 8);
    frame->data[7] = (uint8_t)value;
}

evse_can_frame_t evse_module_encode_switch(const evse_module_profile_t *profile, uint32_t unit,
                                           bool on)
{
    evse_can_frame_t frame = control_frame(profile, unit, FUNCTION_SWITCH);
    frame.data[3] = on ? 0x00 : 0x01; // inverted on the wire
    return frame;
}

evse_can_frame_t evse_module_encode_voltage(const evse_module_profile_t *profile, uint32_t unit,
                                            int32_t mV)
{
    evse_can_frame_t frame = control_frame(profile, unit, FUNCTION_VOLTAGE);
    put_counts(&frame, mV, profile->voltage_counts_per_V, 1000u);
    return frame;
}

evse_can_frame_t evse_module_encode_current(const evse_module_profile_t *profile, uint32_t unit,
                                            int32_t mA)
{
    evse_can_frame_t frame = control_frame(profile, unit, FUNCTION_CURRENT);
    put_counts(&frame, mA, profile->current_set_counts_per_kA, 1000000u);
    return frame;
}

evse_can_frame_t evse_module_encode_query(const evse_module_profile_t *profile, uint32_t unit,
                                          uint8_t signal)
{
    evse_can_frame_t frame = control_frame(profile, unit, signal);
    frame.id = module_id(profile, unit, COMMAND_READ, FROM_CONTROL);
    return frame;
}

int evse_module_init(evse_module_t *module, const evse_module_profile_t *profile, uint32_t units)
{
    if (module == NULL || profile == NULL || profile->name == NULL) {
        return HF_E_ARGUMENT;
    }
    if (profile->voltage_counts_per_V == 0 || profile->current_set_counts_per_kA == 0 ||
        profile->current_read_counts_per_A == 0 || profile->temperature_counts_per_C == 0 ||
        (profile->current_read_bytes != 2 && profile->current_read_bytes != 4) || units == 0 ||
        units > CONFIG_EVSE_MODULES_MAX || profile->address + units > 128u) {
        return HF_E_RANGE;
    }
    memset(module, 0, sizeof *module);
    module->profile = profile;
    module->units = units;
    return HF_OK;
}

// IEEE 754 binary32, big-endian, times 1000, rounded half away from zero. False for NaN, infinity, and beyond 2^31.
static bool decode_float_milli(const uint8_t *data, int32_t *milli)
{
    uint32_t bits = read_u32(data);
    int exponent = (int)(bits >> 23 & 0xFFu) - 150; // of the integer mantissa
    uint64_t magnitude = ((uint64_t)(bits & 0x7FFFFFu) | 0x800000u) * 1000u;
    if (exponent == 0xFF - 150 || exponent > 8) {
        return false;
    }
    if (exponent >= 0) {
        magnitude <<= exponent;
    } else if (exponent > -40) {
        magnitude = (magnitude + (1ULL << (-exponent - 1))) >> -exponent;
    } else {
        magnitude = 0; // below half a milli, zero and denormals too
    }
    if (magnitude > INT32_MAX) {
        return false;
    }
    *milli = (bits & 0x80000000u) != 0 ? -(int32_t)magnitude : (int32_t)magnitude;
    return true;
}

static bool is_within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static void store(evse_reading_t *reading, int32_t value, uint64_t now_us)
{
    reading->value = value;
    reading->stamp_us = now_us;
}

static bool receive_power(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    int32_t mV, mA;
    if (!decode_float_milli(data, &mV) || !decode_float_milli(data + 4, &mA) ||
        !is_within(mV, 0, VOLTAGE_MAX_mV) || !is_within(mA, CURRENT_MIN_mA, CURRENT_MAX_mA)) {
        return false;
    }
    store(&module->terminal_mV, mV, now_us);
    store(&module->terminal_mA, mA, now_us);
    return true;
}

static bool receive_status(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    int32_t status = -1;
    if (data[6] == 0x03 && data[7] == 0x01) {
        status = 0;
    } else if (data[6] == 0x03 && data[7] == 0x02) {
        status = 1;
    }
    store(&module->terminal_status, status, now_us);
    return true;
}

static bool receive_response(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    if (data[0] != 0x01) { // an error nibble, or a signal of another group
        return false;
    }
    if (data[1] != FUNCTION_SWITCH) {
        return true; // an echo of a setpoint
    }
    if (data[3] > 0x01) {
        return false;
    }
    store(&module->switch_on, data[3] == 0x00 ? 1 : 0, now_us);
    return true;
}

static bool store_scaled(evse_reading_t *reading, int64_t value, const int32_t range[2],
                         uint64_t now_us)
{
    if (!is_within(value, range[0], range[1])) {
        return false;
    }
    store(reading, (int32_t)value, now_us);
    return true;
}

static int64_t scale(uint32_t counts, uint32_t factor, uint32_t counts_per_unit)
{
    return (int64_t)(((uint64_t)counts * factor + counts_per_unit / 2u) / counts_per_unit);
}

static bool receive_telemetry(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    static const int32_t voltage[2] = {0, VOLTAGE_MAX_mV};
    static const int32_t current[2] = {CURRENT_MIN_mA, CURRENT_MAX_mA};
    static const int32_t heat[2] = {TEMPERATURE_MIN_dC, TEMPERATURE_MAX_dC};
    const evse_module_profile_t *profile = module->profile;
    uint32_t wide = read_u32(data + 4);
    uint32_t amperes = profile->current_read_bytes == 4 ? wide : wide & 0xFFFFu;
    if (data[0] != 0x01) {
        return false;
    }
    switch (data[1]) {
    case SIGNAL_VOLTAGE:
        return store_scaled(&module->module_mV, scale(wide, 1000, profile->voltage_counts_per_V),
                            voltage, now_us);
    case SIGNAL_CURRENT:
        return store_scaled(&module->module_mA,
                            scale(amperes, 1000, profile->current_read_counts_per_A), current,
                            now_us);
    case SIGNAL_HEAT: // all 32 bits: 16 of them could never show 70 degrees [SAF-05]
        return store_scaled(&module->temperature_dC,
                            scale(wide, 10, profile->temperature_counts_per_C), heat, now_us);
    default:
        return true; // 0x79, 0x83: meaning unknown, asked because the module wants to be asked
    }
}

typedef bool decoder_t(evse_module_t *module, const uint8_t *data, uint64_t now_us);

static bool receive_heartbeat(evse_module_t *module, const uint8_t *data, uint64_t now_us)
{
    store(&module->heartbeat, data[4] >> 3 & 1, now_us);
    return true;
}

static decoder_t *decoder_of(const evse_module_profile_t *profile, uint32_t id)
{
    if (id == ID_POWER) {
        return receive_power;
    }
    if (id == ID_STATUS) {
        return receive_status;
    }
    if (id == ID_HEARTBEAT) {
        return receive_heartbeat;
    }
    if (id == module_id(profile, 0, COMMAND_SET, FROM_MODULE)) {
        return receive_response;
    }
    return id == module_id(profile, 0, COMMAND_READ, FROM_MODULE) ? receive_telemetry : NULL;
}

bool evse_module_receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us)
{
    decoder_t *decode =
        frame->extended ? decoder_of(module->profile, frame->id & EVSE_CAN_ID_MASK) : NULL;
    if (decode == NULL) {
        return false;
    }
    module->rx_frames++;
    if (frame->length != 8 || !decode(module, frame->data, now_us)) {
        module->rx_refused++;
    }
    return true;
}

bool evse_module_is_healthy(const evse_module_t *module, uint64_t now_us)
{
    int seen = evse_reading_is_fresh(module->terminal_mV, now_us, HEALTH_AGE_US);
    seen += evse_reading_is_fresh(module->terminal_status, now_us, HEALTH_AGE_US);
    seen += evse_reading_is_fresh(module->heartbeat, now_us, HEALTH_AGE_US);
    return seen >= 2; // [SAF-07]
}

bool evse_module_next_query(evse_module_t *module, uint64_t now_us, evse_can_frame_t *frame)
{
    if (now_us < module->next_telemetry_us) {
        return false;
    }
    module->next_telemetry_us = now_us + TELEMETRY_PERIOD_US;
    *frame =
        evse_module_encode_query(module->profile, 0, telemetry_signals[module->telemetry_index]);
    module->telemetry_index =
        (uint8_t)((module->telemetry_index + 1u) % HF_COUNT_OF(telemetry_signals));
    return true;
}
