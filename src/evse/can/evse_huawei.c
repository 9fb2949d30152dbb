// SPDX-License-Identifier: MIT
// What the dialects of the Huawei family of power modules have in common: identifiers, the control group, its answers.
// Everything on the wire is big-endian.
#include "evse_module_private.h"

enum {
    PROTOCOL_SHIFT = 23,
    ADDRESS_SHIFT = 16,
    COMMAND_SHIFT = 8,
    PROTOCOL_MASK = 0x3F,
    ADDRESS_MASK = 0x7F,
    COMMAND_MASK = 0xFF,
    FROM_CONTROLLER = 0xFE,
    FROM_MODULE = 0x7E, // with MORE: another frame of the same answer follows
    MORE = 0x01,
    GOOD = 0x01, // error nibble 0, signals of group 1
};

evse_can_frame_t evse_huawei_frame(const evse_huawei_dialect_t *dialect,
                                   const evse_module_profile_t *profile, uint32_t unit,
                                   uint8_t command)
{
    return (evse_can_frame_t){
        .id = (uint32_t)dialect->protocol << PROTOCOL_SHIFT |
              (profile->address + unit) << ADDRESS_SHIFT | (uint32_t)command << COMMAND_SHIFT |
              FROM_CONTROLLER,
        .extended = true,
        .length = 8,
    };
}

static evse_can_frame_t set_frame(const evse_huawei_dialect_t *dialect,
                                  const evse_module_profile_t *profile, uint32_t unit,
                                  uint8_t function)
{
    evse_can_frame_t frame = evse_huawei_frame(dialect, profile, unit, dialect->set);
    frame.data[0] = GOOD;
    frame.data[1] = function;
    return frame;
}

evse_can_frame_t evse_huawei_switch(const evse_huawei_dialect_t *dialect,
                                    const evse_module_profile_t *profile, uint32_t unit, bool on)
{
    evse_can_frame_t frame = set_frame(dialect, profile, unit, EVSE_HUAWEI_SET_SWITCH);
    frame.data[3] = on ? EVSE_HUAWEI_SWITCH_ON : EVSE_HUAWEI_SWITCH_OFF;
    return frame;
}

evse_can_frame_t evse_huawei_voltage(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mV)
{
    evse_can_frame_t frame = set_frame(dialect, profile, unit, EVSE_HUAWEI_SET_VOLTAGE);
    evse_module_put_u32(frame.data + 4,
                        evse_module_counts(mV, profile->voltage_counts_per_V, EVSE_MILLI));
    return frame;
}

evse_can_frame_t evse_huawei_current(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mA)
{
    evse_can_frame_t frame = set_frame(dialect, profile, unit, EVSE_HUAWEI_SET_CURRENT);
    evse_module_put_u32(frame.data + 4, evse_module_counts(mA, profile->current_set_counts_per_kA,
                                                           EVSE_MILLI * EVSE_MILLI));
    return frame;
}

static int source_of(const evse_huawei_dialect_t *dialect, const evse_module_t *module, uint32_t id,
                     uint8_t *command)
{
    uint32_t side = id & COMMAND_MASK;
    if (id >> PROTOCOL_SHIFT != dialect->protocol || (side & ~(uint32_t)MORE) != FROM_MODULE) {
        return -1;
    }
    *command = (uint8_t)(id >> COMMAND_SHIFT);
    return evse_module_unit_at(module, id >> ADDRESS_SHIFT & ADDRESS_MASK);
}

evse_can_filter_t evse_huawei_filter(const evse_huawei_dialect_t *dialect,
                                     const evse_module_profile_t *profile, uint32_t unit)
{
    return (evse_can_filter_t){
        .id = (uint32_t)dialect->protocol << PROTOCOL_SHIFT |
              (profile->address + unit) << ADDRESS_SHIFT | FROM_MODULE,
        .mask = (uint32_t)PROTOCOL_MASK << PROTOCOL_SHIFT | ADDRESS_MASK << ADDRESS_SHIFT |
                (COMMAND_MASK & ~(uint32_t)MORE), // whatever the command
        .extended = true,
    };
}

static int receive_set(evse_module_unit_t *unit, const uint8_t *data, uint64_t now_us)
{
    if (data[0] != GOOD) { // an error nibble, or a signal of another group
        return HF_E_RANGE;
    }
    if (data[1] != EVSE_HUAWEI_SET_SWITCH) {
        return 1; // an echo of a setpoint
    }
    if (data[3] != EVSE_HUAWEI_SWITCH_ON && data[3] != EVSE_HUAWEI_SWITCH_OFF) {
        return HF_E_RANGE;
    }
    evse_module_set(&unit->switch_on, data[3] == EVSE_HUAWEI_SWITCH_ON ? 1 : 0, now_us);
    return 1;
}

int evse_huawei_receive_signal(const evse_module_profile_t *profile, evse_reading_t *reading,
                               evse_module_quantity_t quantity, const uint8_t *data,
                               uint64_t now_us)
{
    uint32_t raw = evse_module_get_u32(data + 4);
    int64_t counts = (int32_t)raw; // below zero in two's complement
    if (raw == UINT32_MAX) {       // a sensor that is not there, not -1/1024
        return HF_E_RANGE;
    }
    switch (quantity) {
    case EVSE_MODULE_VOLTAGE:
        counts = evse_module_value(counts, EVSE_MILLI, profile->voltage_counts_per_V);
        break;
    case EVSE_MODULE_CURRENT:
        counts = profile->current_read_bytes == sizeof(uint16_t) ? (uint16_t)raw : counts;
        counts = evse_module_value(counts, EVSE_MILLI, profile->current_read_counts_per_A);
        break;
    case EVSE_MODULE_TEMPERATURE: // all 32 bits: 16 of them could never show 70 degrees [SAF-05]
    default:
        counts = evse_module_value(counts, EVSE_DECI, profile->temperature_counts_per_C);
        break;
    }
    return evse_module_store(reading, quantity, counts, now_us);
}

int evse_huawei_receive(const evse_huawei_dialect_t *dialect, evse_module_t *module,
                        const evse_can_frame_t *frame, uint64_t now_us)
{
    uint8_t command = 0;
    int u = source_of(dialect, module, frame->id & EVSE_CAN_ID_MASK, &command);
    if (u < 0 || (command != dialect->set && command != dialect->read)) {
        return 0;
    }
    evse_module_unit_t *unit = &module->unit[u];
    int status = HF_E_RANGE;
    if (frame->length == 8) {
        status = command == dialect->set
                     ? receive_set(unit, frame->data, now_us)
                     : dialect->decode(module->profile, unit, frame->data, now_us);
    }
    if (status > 0) {
        unit->answered_us = now_us;
    }
    return status;
}
