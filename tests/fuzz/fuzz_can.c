// SPDX-License-Identifier: MIT
// Any frames, at any pace, through the decoders of power modules and BMSs and the schedule of their questions. The first
// byte chooses profiles and units; then a frame is 15 bytes: id, length and flags, milliseconds, data. Invariants: what is
// stored a terminal can have; the whole is as old as its oldest unit; a frame is one party's; a BMS lives by requests.
#include "evse/evse_bms.h"
#include "fuzz.h"

#include <string.h>

#define FRAME_BYTES 15u
#define MODULES     4u
#define EXTENDED    0x80u

static void must_be(evse_reading_t reading, int32_t low, int32_t high, uint64_t now_us)
{
    must(reading.stamp_us <= now_us);
    must(reading.stamp_us == 0 || (reading.value >= low && reading.value <= high));
}

static void check_module(const evse_module_t *module, uint64_t now_us)
{
    int32_t units = (int32_t)module->units;
    uint64_t oldest_us = UINT64_MAX;
    int64_t sum_mA = 0;
    for (uint32_t u = 0; u < module->units; u++) {
        const evse_module_unit_t *unit = &module->unit[u];
        must_be(unit->mV, 0, 100000, now_us);
        must_be(unit->mA, -10000, 350000, now_us);
        must_be(unit->temperature_dC, -400, 1200, now_us);
        must_be(unit->switch_on, 0, 1, now_us);
        must(unit->answered_us <= now_us && unit->answered_us >= unit->mA.stamp_us);
        oldest_us = unit->mA.stamp_us < oldest_us ? unit->mA.stamp_us : oldest_us;
        sum_mA += unit->mA.value;
    }
    must(module->module_mA.stamp_us == oldest_us && module->module_mA.value == sum_mA);
    must_be(module->terminal_mV, 0, 100000, now_us);
    must_be(module->terminal_mA, -10000 * units, 350000 * units, now_us);
    must_be(module->temperature_dC, -400, 1200, now_us);
    must_be(module->terminal_status, -1, 1, now_us);
    must_be(module->heartbeat, 0, 1, now_us);
    must(module->rx_refused <= module->rx_frames);
    bool off = evse_module_switch_state(module, 0) == EVSE_MODULE_SWITCH_OFF;
    must(off == (module->switch_on.stamp_us != 0 && module->switch_on.value == 0));
    must(!evse_module_is_healthy(module, now_us) || module->unit[0].answered_us != 0);
}

static void check_bms(const evse_bms_t *bms, uint64_t now_us)
{
    const evse_bms_profile_t *profile = bms->profile;
    int32_t soc = evse_bms_soc_permille(bms, now_us), left = evse_bms_remaining_mAh(bms, now_us);
    must(bms->stamp_us <= now_us && bms->rx_refused <= bms->rx_frames);
    must(bms->stamp_us != 0 || !bms->allows);
    must(bms->stamp_us == 0 ||
         (bms->request_mV >= profile->request_min_mV &&
          bms->request_mV <= profile->request_max_mV && bms->request_mA >= 0 &&
          bms->request_mA <= profile->request_max_mA));
    must(soc >= -1 && soc <= 1000 && left >= -1 && left <= 90000);
    must(evse_bms_range_km(bms, now_us) >= -1 && (soc < 0) == (left < 0));
}

static void ask(evse_module_t *module, evse_bms_t *bms, uint64_t now_us)
{
    evse_bms_status_t status = {.output_mV = module->terminal_mV.value,
                                .output_mA = module->terminal_mA.value,
                                .bms_timeout = bms->stamp_us == 0};
    evse_can_frame_t frame;
    for (unsigned i = 0; evse_module_next_query(module, now_us, &frame); i++) {
        must(frame.extended && frame.length == 8 && i < CONFIG_EVSE_MODULES_MAX);
        must(!evse_module_receive(module, &frame, now_us)); // our own questions are no answers
    }
    for (unsigned i = 0; evse_bms_next_frame(bms, &status, now_us, &frame); i++) {
        must(frame.extended && frame.length == 8 && i < 3);
        must(!evse_bms_receive(bms, &frame, now_us));
    }
}

static evse_can_frame_t frame_of(const uint8_t *data)
{
    evse_can_frame_t frame = {.length = (uint8_t)(data[4] & 0x0Fu) > 8u ? 8 : data[4] & 0x0Fu,
                              .extended = (data[4] & EXTENDED) != 0};
    frame.id = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    frame.id &= frame.extended ? EVSE_CAN_ID_MASK : 0x7FFu;
    memcpy(frame.data, data + 7, 8);
    return frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evse_module_t module;
    evse_bms_t bms;
    uint64_t now_us = 1000000;
    if (size == 0) {
        return 0;
    }
    uint32_t units = 1u + (uint32_t)(data[0] >> 4) % CONFIG_EVSE_MODULES_MAX;
    must(evse_module_init(&module, evse_module_profile_at(data[0] % MODULES), units) == HF_OK);
    must(evse_bms_init(&bms, evse_bms_profile_at(data[0] >> 2 & 1u)) == HF_OK);
    for (size_t at = 1; at + FRAME_BYTES <= size; at += FRAME_BYTES) {
        evse_can_frame_t frame = frame_of(data + at);
        now_us += 1000u * ((uint64_t)data[at + 5] << 8 | data[at + 6]);
        uint64_t heard_us = bms.stamp_us;
        bool modules = evse_module_receive(&module, &frame, now_us);
        bool vehicles = evse_bms_receive(&bms, &frame, now_us);
        must(!modules || !vehicles);
        must(bms.stamp_us == heard_us || frame.id == 0x1806E5F4u);
        if ((data[at + 4] & 0x40u) != 0) {
            evse_bms_forget(&bms);
        } else if ((data[at + 4] & 0x20u) != 0) {
            evse_module_mute(&module, !evse_module_is_mute(&module), now_us);
        }
        ask(&module, &bms, now_us);
        check_module(&module, now_us);
        check_bms(&bms, now_us);
    }
    return 0;
}
