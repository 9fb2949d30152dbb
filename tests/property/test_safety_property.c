// SPDX-License-Identifier: MIT
// Properties of the judge and of the decoders over random inputs: no reasons means every permission, a setpoint never
// exceeds any limit, less trust never means more power, no frame ever makes an impossible reading. A failure prints its
// seed; each round begins at its own.
#include "evse/evse_safety.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define ROUNDS 300000u
#define NOW_US (1000u * HF_US_PER_S)

static uint64_t state;

static uint32_t next(void) // xorshift64*
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 2685821657736338717ULL >> 32);
}

static int32_t between(int32_t low, int32_t high)
{
    return (int32_t)((int64_t)low + (int64_t)(next() % (uint64_t)((int64_t)high - low + 1)));
}

// Mostly sane, sometimes anything.
static int32_t some(int32_t low, int32_t high)
{
    return next() % 8 == 0 ? (int32_t)next() : between(low, high);
}

static uint64_t some_stamp(uint64_t age_us)
{
    if (next() % 40 == 0) {
        return next() % 2 == 0 ? 0 : NOW_US + 1 + next();
    }
    return next() % 20 == 0 ? NOW_US - age_us - 1 - next() % 100000 : NOW_US - next() % age_us;
}

static struct {
    evse_module_t module;
    evse_bms_t bms;
    evse_io_inputs_t io;
    evse_connector_order_t order;
    evse_limits_t limits;
    evse_safety_inputs_t inputs;
} w;

static evse_reading_t some_reading(int32_t low, int32_t high, uint64_t age_us)
{
    return (evse_reading_t){some(low, high), some_stamp(age_us)};
}

static bool rarely(void)
{
    return next() % 30 == 0;
}

static void random_world(void)
{
    memset(&w, 0, sizeof w);
    w.limits = *evse_limits_at(next() % 2);
    w.limits.max_mA = between(1, 350000);
    w.limits.sensor = (evse_sensor_t)(next() % 3);
    w.module.profile = evse_module_profile_at(next() % 3);
    w.module.units = 1u + next() % 3u;
    for (unsigned i = 0; i < w.module.units; i++) {
        w.module.unit[i].answered_us = some_stamp(3000000);
    }
    int32_t low_mV = w.limits.min_mV, high_mV = w.limits.overvoltage_mV;
    w.module.terminal_mV = some_reading(low_mV - 2000, high_mV + 1000, 1000000);
    w.module.terminal_mA = some_reading(0, 30000, 1000000);
    w.module.module_mV = some_reading(low_mV, high_mV, 2000000);
    w.module.module_mA = some_reading(0, 30000, 2000000);
    w.module.temperature_dC = some_reading(0, 720, 3000000);
    w.module.terminal_status = some_reading(0, 1, 3000000);
    w.module.heartbeat = some_reading(0, 1, 3000000);
    w.bms.request_mV = some(low_mV - 6000, high_mV + 5000);
    w.bms.request_mA = some(0, 60000 * (int32_t)w.module.units);
    w.bms.allows = !rarely();
    w.bms.stamp_us = some_stamp(3000000);
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        w.io.level[i] = !rarely();
        w.io.stamp_us[i] = some_stamp(250000);
    }
    w.order.session = rarely() ? next() : EVSE_ORDER_RUN;
    w.order.valid_until_us = rarely() ? NOW_US - 1 : NOW_US + next();
    w.order.limit_mA = some(0, 40000 * (int32_t)w.module.units);
    w.order.limit_W = next() % 2 == 0 ? 0 : 1u + next() % 5000u;
    w.inputs = (evse_safety_inputs_t){.module = &w.module,
                                      .bms = &w.bms,
                                      .io = &w.io,
                                      .order = &w.order,
                                      .bus = rarely() ? EVSE_CAN_BUS_OFF : EVSE_CAN_ACTIVE,
                                      .estop_latched = rarely(),
                                      .fault_locked = rarely(),
                                      .events_full = rarely(),
                                      .energized = next() % 2 == 0,
                                      .setpoint_mA = some(20000, 33600),
                                      .meter_stale = rarely(),
                                      .bms_expected = next() % 2 == 0,
                                      .contactor_welded = rarely(),
                                      .delivered = next() % 2 == 0,
                                      .commissioning = next() % 4 == 0,
                                      .started_us = next() % 2 == 0 ? 1 : NOW_US};
}

static bool is_fresh(evse_reading_t reading, uint64_t age_us)
{
    return reading.stamp_us != 0 && reading.stamp_us <= NOW_US &&
           NOW_US - reading.stamp_us <= age_us;
}

// Fresh, or of no consequence; a voltage that is fresh is in its window.
static bool is_output_sound(void)
{
    int32_t mV = w.module.terminal_mV.value, mA = w.module.terminal_mA.value;
    bool inner_high =
        is_fresh(w.module.module_mV, 2000000) && w.module.module_mV.value > w.limits.overvoltage_mV;
    bool sees_battery = w.limits.sensor == EVSE_SENSOR_BEHIND_CONTACTOR;
    bool low = mV < w.limits.min_mV && (w.inputs.energized || sees_battery);
    bool current = !is_fresh(w.module.terminal_mA, 1000000) ||
                   (mA >= -w.limits.overcurrent_margin_mA &&
                    (int64_t)mA <= (int64_t)w.inputs.setpoint_mA + w.limits.overcurrent_margin_mA);
    return is_fresh(w.module.terminal_mV, 1000000) && mV <= w.limits.overvoltage_mV &&
           !inner_high && !low && current;
}

static bool have_all_units_answered(void)
{
    bool all = true;
    for (unsigned i = 0; i < w.module.units; i++) {
        all = all && is_fresh((evse_reading_t){0, w.module.unit[i].answered_us}, 3000000);
    }
    return all;
}

// Written from the rules, not from the code.
static bool has_every_permission(void)
{
    bool io = true;
    static const evse_input_t needed[] = {EVSE_IN_ESTOP, EVSE_IN_PLUG, EVSE_IN_LOCK_FEEDBACK};
    for (unsigned i = 0; i < HF_COUNT_OF(needed); i++) {
        evse_reading_t level = {0, w.io.stamp_us[needed[i]]};
        io = io && w.io.level[needed[i]] &&
             is_fresh(level, evse_input_info[needed[i]].valid_age_ms * 1000u);
    }
    evse_reading_t bms = {0, w.bms.stamp_us};
    int healthy = is_fresh(w.module.terminal_mV, 3000000) +
                  is_fresh(w.module.terminal_status, 3000000) +
                  is_fresh(w.module.heartbeat, 3000000);
    return io && healthy >= 2 && have_all_units_answered() && is_fresh(bms, 3000000) &&
           w.bms.allows && w.bms.request_mA > 0 && w.order.session == EVSE_ORDER_RUN &&
           w.order.valid_until_us >= NOW_US && is_output_sound() &&
           is_fresh(w.module.temperature_dC, 3000000) && w.module.temperature_dC.value <= 700 &&
           w.inputs.bus == EVSE_CAN_ACTIVE && !w.inputs.estop_latched && !w.inputs.fault_locked &&
           !w.inputs.events_full && !w.inputs.meter_stale && !w.inputs.contactor_welded;
}

// Whatever flows now, at the voltage it flows at, and whatever may come up to the setpoint.
static bool is_within_power(const evse_verdict_t *verdict)
{
    uint64_t most_uW = (uint64_t)w.order.limit_W * 1000000u;
    uint64_t mA = (uint32_t)verdict->setpoint_mA;
    uint64_t now_uW = mA * (uint32_t)w.module.terminal_mV.value;
    uint64_t full_uW = mA * (uint32_t)verdict->setpoint_mV;
    bool flows = w.inputs.energized;
    return w.order.limit_W == 0 || full_uW <= most_uW || (flows && now_uW + mA * 1000u <= most_uW);
}

static void check_setpoint(const evse_verdict_t *verdict, uint64_t seed)
{
    const evse_module_profile_t *profile = w.module.profile;
    bool good = verdict->setpoint_mA > 0 && verdict->setpoint_mA <= w.bms.request_mA &&
                verdict->setpoint_mA <= w.order.limit_mA &&
                verdict->setpoint_mA <= (int64_t)profile->rated_mA * w.module.units &&
                (!w.inputs.commissioning || verdict->setpoint_mA <= 5000) &&
                verdict->setpoint_mA <= w.limits.max_mA && is_within_power(verdict) &&
                verdict->setpoint_mV <= w.bms.request_mV &&
                verdict->setpoint_mV <= w.limits.max_mV && verdict->setpoint_mV >= w.limits.min_mV;
    if (!good) {
        HF_TEST_FAIL("seed %llu: setpoint %d mV %d mA", (unsigned long long)seed,
                     (int)verdict->setpoint_mV, (int)verdict->setpoint_mA);
    }
}

static void
safety_no_reasons_means_every_permission(void) // [SAF-03] [SAF-04] [SAF-07] [SAF-10] [SAF-16]
{
    unsigned permitted = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        state = seed * 0x9E3779B97F4A7C15ULL;
        random_world();
        evse_verdict_t verdict = evse_safety_judge(&w.inputs, &w.limits, NOW_US);
        if (verdict.reasons != 0) {
            if (verdict.setpoint_mA != 0 || verdict.setpoint_mV != 0) {
                HF_TEST_FAIL("seed %llu: setpoint without permission", (unsigned long long)seed);
            }
            continue;
        }
        permitted++;
        if (!has_every_permission() || verdict.fault != EVSE_FAULT_NONE || verdict.immediate) {
            HF_TEST_FAIL("seed %llu: permitted without permission", (unsigned long long)seed);
        }
        check_setpoint(&verdict, seed);
    }
    CHECK(permitted > ROUNDS / 50); // the property is not empty
    printf("  %u of %u worlds permit\n", permitted, ROUNDS);
}

static void safety_less_never_gives_more(void) // [SAF-04]
{
    for (uint64_t seed = 1; seed <= ROUNDS / 3; seed++) {
        state = seed * 0x9E3779B97F4A7C15ULL;
        random_world();
        int32_t before_mA = evse_safety_judge(&w.inputs, &w.limits, NOW_US).setpoint_mA;
        switch (next() % 5) {
        case 0:
            w.order.limit_mA = w.order.limit_mA / 2;
            break;
        case 4:
            w.order.limit_W = w.order.limit_W == 0 ? 2000u : (w.order.limit_W + 1u) / 2u;
            break;
        case 1:
            w.limits.max_mA = w.limits.max_mA / 2;
            break;
        case 2:
            w.module.temperature_dC.value = 690;
            break;
        default:
            w.bms.stamp_us = 0;
            break;
        }
        bool colder = w.module.temperature_dC.value == 690;
        int32_t after_mA = evse_safety_judge(&w.inputs, &w.limits, NOW_US).setpoint_mA;
        if (after_mA > before_mA && !colder) {
            HF_TEST_FAIL("seed %llu: %d mA became %d mA", (unsigned long long)seed, (int)before_mA,
                         (int)after_mA);
        }
    }
}

static bool is_possible(evse_reading_t reading, int32_t low, int32_t high)
{
    return reading.stamp_us == 0 || (reading.value >= low && reading.value <= high);
}

static bool is_unit_possible(const evse_module_unit_t *unit)
{
    return is_possible(unit->mV, 0, 100000) && is_possible(unit->mA, -10000, 350000) &&
           is_possible(unit->temperature_dC, -400, 1200) && is_possible(unit->switch_on, 0, 1);
}

static bool are_readings_possible(const evse_module_t *module)
{
    int32_t units = (int32_t)module->units;
    uint64_t oldest_us = UINT64_MAX;
    bool good = true;
    for (uint32_t u = 0; u < module->units; u++) {
        good = good && is_unit_possible(&module->unit[u]);
        oldest_us =
            module->unit[u].mA.stamp_us < oldest_us ? module->unit[u].mA.stamp_us : oldest_us;
    }
    return good && module->module_mA.stamp_us == oldest_us &&
           is_possible(module->terminal_mV, 0, 100000) &&
           is_possible(module->terminal_mA, -10000 * units, 350000 * units) &&
           is_possible(module->module_mV, 0, 100000) &&
           is_possible(module->module_mA, -10000 * units, 350000 * units) &&
           is_possible(module->temperature_dC, -400, 1200) &&
           is_possible(module->switch_on, 0, 1) && is_possible(module->terminal_status, -1, 1) &&
           is_possible(module->heartbeat, 0, 1);
}

static evse_can_frame_t some_frame(void)
{
    static const uint32_t ids[] = {0x00433F01, 0x00473F01, 0x18FF50E5, 0x0681817E, 0x0681827E,
                                   0x1806E5F4, 0x160B8001, 0x160D8001, 0x1081407F, 0x1081807E};
    static const uint8_t functions[] = {0x32, 0x75, 0x7F, 0x80, 0x81, 0x82, 0x84};
    evse_can_frame_t frame = {.id = ids[next() % HF_COUNT_OF(ids)], .extended = !rarely()};
    bool of_unit = frame.id >> 16 == 0x0681 || frame.id >> 16 == 0x1081;
    frame.id += of_unit ? (uint32_t)(next() % 5) << 16 : 0;
    frame.length = (uint8_t)(rarely() ? next() % 9 : 8);
    for (unsigned i = 0; i < 8; i++) {
        frame.data[i] = (uint8_t)next();
    }
    if (next() % 2 == 0) { // where sense begins
        frame.data[0] = frame.id == 0x00433F01 ? 0x42 : 0x01;
        frame.data[1] = functions[next() % HF_COUNT_OF(functions)];
        frame.data[4] = (uint8_t)(frame.id == 0x00433F01 ? 0x41 : next() % 2 == 0 ? 0 : 0xFF);
        frame.data[5] = (uint8_t)(frame.id == 0x00433F01 ? frame.data[5] : frame.data[4]);
    }
    return frame;
}

static void decoders_never_store_impossible_readings(void) // [SAF-04] [SAF-06]
{
    static evse_module_t module;
    static evse_bms_t bms;
    unsigned whole = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        state = seed * 0x9E3779B97F4A7C15ULL;
        if (seed % 1000 == 1) {
            uint32_t units = 1u + (uint32_t)(next() % CONFIG_EVSE_MODULES_MAX);
            CHECK_EQ(evse_module_init(&module, evse_module_profile_at(next() % 4), units), 0);
            CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(next() % 2)), 0);
        }
        evse_can_frame_t frame = some_frame();
        (void)evse_module_receive(&module, &frame, seed);
        (void)evse_bms_receive(&bms, &frame, seed);
        int32_t soc = evse_bms_soc_permille(&bms, seed);
        bool good = are_readings_possible(&module) && bms.request_mV <= 200000 &&
                    bms.request_mA >= 0 && bms.request_mA <= 400000 && soc >= -1 && soc <= 1000;
        if (!good) {
            HF_TEST_FAIL("seed %llu: an impossible reading", (unsigned long long)seed);
        }
        whole += module.module_mA.stamp_us != 0;
    }
    CHECK(whole > ROUNDS / 20); // some got through, of every unit
}

HF_TEST_MAIN(HF_TEST(safety_no_reasons_means_every_permission),
             HF_TEST(safety_less_never_gives_more),
             HF_TEST(decoders_never_store_impossible_readings))
