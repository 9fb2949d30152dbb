// SPDX-License-Identifier: MIT
// The power modules' protocols: golden vectors of docs/SPEC.md, profiles, refusals, health, schedule, several units.
#include "evse/evse_module.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

static evse_module_t module;

static void start_units(const char *profile, uint32_t units)
{
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find(profile), units), 0);
}

static void start(const char *profile)
{
    start_units(profile, 1);
}

static evse_can_frame_t voltage_frame(const evse_module_profile_t *profile, int32_t mV)
{
    evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES];
    CHECK_EQ(evse_module_encode_setpoint(profile, 0, mV, 0, frames), 2);
    return frames[0];
}

static evse_can_frame_t current_frame(const evse_module_profile_t *profile, int32_t mA)
{
    evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES];
    CHECK_EQ(evse_module_encode_setpoint(profile, 0, 0, mA, frames), 2);
    return frames[1];
}

static evse_can_frame_t frame_of(uint32_t id, uint64_t bytes)
{
    evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    for (unsigned i = 0; i < 8; i++) {
        frame.data[i] = (uint8_t)(bytes >> (56u - 8u * i));
    }
    return frame;
}

static void receive(uint32_t id, uint64_t bytes, uint64_t now_us)
{
    evse_can_frame_t frame = frame_of(id, bytes);
    CHECK(evse_module_receive(&module, &frame, now_us));
}

static uint64_t bytes_of(evse_can_frame_t frame)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < 8; i++) {
        bytes = bytes << 8 | frame.data[i];
    }
    return bytes;
}

static void module_encoders_match_golden_vectors(void)
{
    const evse_module_profile_t *profile = evse_module_profile_find("m33-1024");
    REQUIRE(profile != NULL);
    CHECK_EQ(evse_module_encode_switch(profile, 0, true).id, 0x068181FE);
    CHECK(evse_module_encode_switch(profile, 0, true).extended);
    CHECK_EQ(evse_module_encode_switch(profile, 0, true).length, 8);
    CHECK_EQ(bytes_of(evse_module_encode_switch(profile, 0, true)), 0x0132000000000000);
    CHECK_EQ(bytes_of(evse_module_encode_switch(profile, 0, false)), 0x0132000100000000);
    CHECK_EQ(bytes_of(voltage_frame(profile, 84000)), 0x0100000000015000);
    CHECK_EQ(bytes_of(current_frame(profile, 30000)), 0x0103000000000393);
    CHECK_EQ(evse_module_encode_query(profile, 0, 0x84).id, 0x068182FE);
    CHECK_EQ(bytes_of(evse_module_encode_query(profile, 0, 0x84)), 0x0184000000000000);
}

static void module_encoder_rounds_down_and_never_below_zero(void)
{
    const evse_module_profile_t *profile = evse_module_profile_find("m33-1024");
    CHECK_EQ(bytes_of(current_frame(profile, 29999)), 0x0103000000000392);
    CHECK_EQ(bytes_of(current_frame(profile, -5)), 0x0103000000000000);
    CHECK_EQ(bytes_of(voltage_frame(profile, INT32_MIN)), 0x0100000000000000);
}

static void module_address_goes_into_bits_22_to_16(void) // [SAF-06]
{
    evse_module_profile_t profile = *evse_module_profile_find("m33-1024");
    profile.address = 5;
    CHECK_EQ(evse_module_encode_switch(&profile, 0, false).id, 0x068581FE);
    CHECK_EQ(evse_module_encode_query(&profile, 0, 0x82).id, 0x068582FE);
    CHECK_EQ(evse_module_init(&module, &profile, 1), 0);
    evse_can_frame_t other = frame_of(0x0681827E, 0x0184000000013500);
    CHECK(!evse_module_receive(&module, &other, 10));
    receive(0x0685827E, 0x0184000000013500, 10);
    CHECK_EQ(module.module_mV.value, 77250);
}

static void module_profiles_scale_as_their_names_say(void) // [SAF-06]
{
    start("m33-1024");
    receive(0x0681827E, 0x0182000000000780, 10); // 1.875 A
    CHECK_EQ(module.module_mA.value, 1875);
    start("m33-div10");
    receive(0x0681827E, 0x0182000000000013, 10); // 1.9 A, the same wire
    CHECK_EQ(module.module_mA.value, 1900);
    receive(0x0681827E, 0x0182000000010013, 11); // 16 bits only
    CHECK_EQ(module.module_mA.value, 1900);
    const evse_module_profile_t *profile = evse_module_profile_find("m51-1024");
    REQUIRE(profile != NULL);
    CHECK_EQ(profile->rated_mA, 51200);
    CHECK_EQ(bytes_of(current_frame(profile, 30000)), 0x0103000000000258);
}

static void module_profile_of_unknown_name_is_null(void) // [SAF-06]
{
    CHECK(evse_module_profile_find("m33") == NULL);
    CHECK(evse_module_profile_find("") == NULL);
    CHECK(evse_module_profile_find(NULL) == NULL);
    CHECK(evse_module_profile_at(0) != NULL);
    CHECK(evse_module_profile_at(3) != NULL);
    CHECK(evse_module_profile_at(4) == NULL);
    CHECK_EQ(evse_module_init(&module, NULL, 1), HF_E_ARGUMENT);
    evse_module_profile_t zero = *evse_module_profile_at(0);
    zero.current_read_counts_per_A = 0;
    CHECK_EQ(evse_module_init(&module, &zero, 1), HF_E_RANGE);
    evse_module_driver_t lame = evse_module_huawei;
    lame.receive = NULL;
    zero = *evse_module_profile_at(0);
    zero.driver = &lame;
    CHECK_EQ(evse_module_init(&module, &zero, 1), HF_E_ARGUMENT);
}

static void module_units_fit_their_array_and_the_addresses(void) // [SAF-06]
{
    evse_module_profile_t profile = *evse_module_profile_find("m33-1024");
    CHECK_EQ(evse_module_init(&module, &profile, 0), HF_E_RANGE);
    CHECK_EQ(evse_module_init(&module, &profile, CONFIG_EVSE_MODULES_MAX + 1), HF_E_RANGE);
    CHECK_EQ(evse_module_init(&module, &profile, CONFIG_EVSE_MODULES_MAX), 0);
    CHECK_EQ(evse_module_rated_mA(&module), CONFIG_EVSE_MODULES_MAX * 33600);
    profile.address = 126;
    CHECK_EQ(evse_module_init(&module, &profile, 2), 0);
    CHECK_EQ(evse_module_init(&module, &profile, 3), HF_E_RANGE);
}

static void module_terminal_vector_decodes(void)
{
    start("m33-1024");
    receive(0x00433F01, 0x429A80003FF00000, 10);
    CHECK_EQ(module.terminal_mV.value, 77250);
    CHECK_EQ(module.terminal_mA.value, 1875);
    CHECK_EQ(module.terminal_mA.stamp_us, 10);
    receive(0x00433F01, 0x0000000080000000, 11); // 0 V, -0 A
    CHECK_EQ(module.terminal_mV.value, 0);
    CHECK_EQ(module.terminal_mA.value, 0);
    receive(0x00433F01, 0x42C80000C11FFFFF, 12); // 100 V, -9.999999 A
    CHECK_EQ(module.terminal_mV.value, 100000);
    CHECK_EQ(module.terminal_mA.value, -10000);
    receive(0x00433F01, 0x0000000100000001, 13); // denormals
    CHECK_EQ(module.terminal_mV.value, 0);
    CHECK_EQ(module.terminal_mV.stamp_us, 13);
    CHECK_EQ(module.rx_refused, 0);
}

static void module_impossible_terminal_values_are_refused(void) // [SAF-04]
{
    static const uint64_t bad[] = {
        0x7FC000003FF00000, // NaN V
        0x429A80007F800000, // +Inf A
        0x429A8000FF800000, // -Inf A
        0x429A80007F800001, // signalling NaN
        0x42C800FF3FF00000, // 100.0019 V
        0xBF8000003FF00000, // -1 V
        0x429A8000C1220000, // -10.125 A
        0x429A800043AF4000, // 350.5 A
        0x7F7FFFFF3FF00000, // largest float
        0xFFFFFFFFFFFFFFFF,
    };
    start("m33-1024");
    receive(0x00433F01, 0x429A80003FF00000, 10);
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        receive(0x00433F01, bad[i], 20);
        CHECK_EQ(module.rx_refused, i + 1);
    }
    CHECK_EQ(module.terminal_mV.value, 77250); // and grows old
    CHECK_EQ(module.terminal_mV.stamp_us, 10);
    CHECK_EQ(module.terminal_mA.stamp_us, 10);
}

static void module_temperature_reads_above_65_degrees(void) // [SAF-05]
{
    start("m33-1024");
    receive(0x0681827E, 0x0180000000011C00, 10); // 71 x 1024
    CHECK_EQ(module.temperature_dC.value, 710);
    receive(0x0681827E, 0x0180000000100000, 20); // 1024 degrees
    CHECK_EQ(module.temperature_dC.value, 710);
    CHECK_EQ(module.temperature_dC.stamp_us, 10);
    CHECK_EQ(module.rx_refused, 1);
}

static void module_switch_answer_is_inverted_and_strict(void)
{
    start("m33-1024");
    receive(0x0681817E, 0x0132000000000000, 10);
    CHECK_EQ(module.switch_on.value, 1);
    receive(0x0681817E, 0x0132000100000000, 20);
    CHECK_EQ(module.switch_on.value, 0);
    receive(0x0681817E, 0x0132000700000000, 30);
    receive(0x0681817E, 0x2132000000000000, 30); // error nibble
    CHECK_EQ(module.switch_on.value, 0);
    CHECK_EQ(module.switch_on.stamp_us, 20);
    CHECK_EQ(module.rx_refused, 2);
    receive(0x0681817E, 0x0103000000000393, 40); // an echo
    CHECK_EQ(module.rx_refused, 2);
    CHECK_EQ(module.switch_on.stamp_us, 20);
}

static void module_terminal_status_decodes(void)
{
    start("m33-1024");
    receive(0x00473F01, 0x0000000000000302, 10);
    CHECK_EQ(module.terminal_status.value, 1);
    receive(0x00473F01, 0x0000000000000301, 10);
    CHECK_EQ(module.terminal_status.value, 0);
    receive(0x00473F01, 0x0000000000000303, 20);
    CHECK_EQ(module.terminal_status.value, -1);
    CHECK_EQ(module.rx_refused, 0);
    receive(0x00473F01, 0x0000000000000000, 30); // neither can be
    receive(0x00473F01, 0xFFFFFFFFFFFFFFFF, 30);
    CHECK_EQ(module.rx_refused, 2);
    CHECK_EQ(module.terminal_status.stamp_us, 20);
}

static void module_short_standard_and_foreign_frames_are_no_readings(void)
{
    start("m33-1024");
    evse_can_frame_t frame = frame_of(0x00433F01, 0x429A80003FF00000);
    frame.length = 7;
    CHECK(evse_module_receive(&module, &frame, 10));
    CHECK_EQ(module.rx_refused, 1);
    frame.length = 8;
    frame.extended = false;
    CHECK(!evse_module_receive(&module, &frame, 10));
    evse_can_frame_t bms = frame_of(0x1806E5F4, 0);
    CHECK(!evse_module_receive(&module, &bms, 10));
    CHECK_EQ(module.terminal_mV.stamp_us, 0);
}

// All zero is an answer of nobody; all one a sensor that is not there.
static void module_empty_and_full_payloads_are_no_readings(void) // [SAF-04]
{
    static const uint32_t ids[] = {0x00473F01, 0x0681817E, 0x0681827E};
    start("m33-1024");
    for (unsigned i = 0; i < HF_COUNT_OF(ids); i++) {
        receive(ids[i], 0, 10);
        receive(ids[i], UINT64_MAX, 10);
    }
    receive(0x00433F01, UINT64_MAX, 10);
    receive(0x18FF50E5, UINT64_MAX, 10);
    CHECK_EQ(module.rx_refused, 2 * HF_COUNT_OF(ids) + 2);
    receive(0x0681827E, 0x01840000FFFFFFFF, 20);
    receive(0x0681827E, 0x01820000FFFFFFFF, 20);
    receive(0x0681827E, 0x01800000FFFFFFFF, 20);
    CHECK_EQ(module.rx_refused, 2 * HF_COUNT_OF(ids) + 5);
    CHECK_EQ(module.module_mV.stamp_us + module.module_mA.stamp_us + module.terminal_mV.stamp_us,
             0);
    CHECK_EQ(module.temperature_dC.stamp_us, 0);
    CHECK_EQ(module.unit[0].answered_us, 0);
    CHECK(!evse_module_is_healthy(&module, 20));
}

static void module_readings_below_zero_are_twos_complement(void)
{
    start("m33-1024");
    receive(0x0681827E, 0x01800000FFFF9C00, 10); // -25 x 1024
    CHECK_EQ(module.temperature_dC.value, -250);
    receive(0x0681827E, 0x01820000FFFFEC00, 10); // -5 A
    CHECK_EQ(module.module_mA.value, -5000);
    receive(0x0681827E, 0x01820000FFFFD79A, 20); // -10.1 A
    receive(0x0681827E, 0x01800000FFFF5C00, 20); // -41 degrees
    receive(0x0681827E, 0x01840000FFFFFC00, 20); // -1 V
    CHECK_EQ(module.rx_refused, 3);
    CHECK_EQ(module.module_mA.stamp_us, 10);
}

static void module_current_of_32_bits_does_not_wrap_at_64_ampere(void) // [SAF-06]
{
    start("m33-1024");
    receive(0x0681827E, 0x0182000000012C00, 10); // 75 A
    CHECK_EQ(module.module_mA.value, 75000);
}

static void module_health_needs_two_of_three_within_3s(void) // [SAF-07]
{
    start("m33-1024");
    CHECK(!evse_module_is_healthy(&module, 0));
    CHECK(!evse_module_is_healthy(&module, 1));
    receive(0x0681817E, 0x0132000100000000, 1000);
    receive(0x00433F01, 0x429A80003FF00000, 1000);
    receive(0x00433F01, 0x429A80003FF00000, 2000);
    CHECK(!evse_module_is_healthy(&module, 2000));
    receive(0x18FF50E5, 0, 2000);
    receive(0x0681827E, 0x0184000000013500, 2000);
    CHECK(evse_module_is_healthy(&module, 2000));
    CHECK(evse_module_is_healthy(&module, 2000 + 3 * HF_US_PER_S));
    CHECK(!evse_module_is_healthy(&module, 2001 + 3 * HF_US_PER_S));
}

static void speak_unasked(uint64_t now_us)
{
    receive(0x00433F01, 0x429A80003FF00000, now_us);
    receive(0x00473F01, 0x0000000000000302, now_us);
    receive(0x18FF50E5, 0x0000000008000000, now_us);
}

static void module_health_needs_an_answer_of_every_unit(void) // [SAF-07]
{
    start_units("m33-1024", 3);
    speak_unasked(1000);
    receive(0x0681827E, 0x0184000000013500, 1000);
    receive(0x0682827E, 0x0184000000013500, 1000);
    CHECK(!evse_module_is_healthy(&module, 1000));
    receive(0x0683827E, 0x2184000000000000, 1000); // an error is no answer
    CHECK(!evse_module_is_healthy(&module, 1000));
    receive(0x0683817E, 0x0103000000000393, 2000);
    CHECK(evse_module_is_healthy(&module, 2000));
    speak_unasked(1001 + 3 * HF_US_PER_S);
    CHECK(!evse_module_is_healthy(&module, 1001 + 3 * HF_US_PER_S)); // units 0 and 1 fell silent
}

static void module_units_are_read_as_one(void) // [SAF-04] [SAF-05]
{
    start_units("m33-1024", 3);
    receive(0x0681827E, 0x0182000000001400, 10); // 5 A
    receive(0x0682827E, 0x0182000000002800, 20); // 10 A
    CHECK_EQ(module.module_mA.stamp_us, 0);      // unit 2 has said nothing
    receive(0x0683827E, 0x0182000000003C00, 30); // 15 A
    CHECK_EQ(module.module_mA.value, 30000);
    CHECK_EQ(module.module_mA.stamp_us, 10);
    CHECK_EQ(module.unit[1].mA.value, 10000);
    receive(0x0681827E, 0x0184000000013500, 40); // 77.25 V
    receive(0x0682827E, 0x0184000000015000, 50); // 84 V
    receive(0x0683827E, 0x0184000000013400, 60); // 77 V
    CHECK_EQ(module.module_mV.value, 84000);
    CHECK_EQ(module.module_mV.stamp_us, 40);
    receive(0x0681827E, 0x0180000000011C00, 70); // 71 degrees
    receive(0x0682827E, 0x0180000000006400, 70); // 25 degrees
    receive(0x0683827E, 0x0180000000006400, 70);
    CHECK_EQ(module.temperature_dC.value, 710);
    receive(0x0681827E, 0x0182000000001400, 80); // units 1 and 2 silent: the sum stays old
    CHECK_EQ(module.module_mA.stamp_us, 20);
    evse_can_frame_t fourth = frame_of(0x0684827E, 0x0182000000001400);
    CHECK(!evse_module_receive(&module, &fourth, 80));
}

static void module_off_is_confirmed_by_every_unit(void) // [SAF-02]
{
    start_units("m33-1024", 2);
    CHECK_EQ(evse_module_switch_state(&module, 0), EVSE_MODULE_SWITCH_UNKNOWN);
    receive(0x0681817E, 0x0132000100000000, 100);
    CHECK_EQ(evse_module_switch_state(&module, 50), EVSE_MODULE_SWITCH_UNKNOWN);
    receive(0x0682817E, 0x0132000000000000, 100);
    CHECK_EQ(evse_module_switch_state(&module, 50), EVSE_MODULE_SWITCH_ON);
    CHECK_EQ(module.switch_on.value, 1);
    receive(0x0682817E, 0x0132000100000000, 110);
    CHECK_EQ(evse_module_switch_state(&module, 50), EVSE_MODULE_SWITCH_OFF);
    CHECK_EQ(evse_module_switch_state(&module, 100), EVSE_MODULE_SWITCH_UNKNOWN);
    CHECK_EQ(module.switch_on.value, 0);
    CHECK_EQ(module.switch_on.stamp_us, 100);
}

static void module_first_round_is_quicker_then_200ms(void)
{
    static const uint8_t expected[] = {0x84, 0x82, 0x79, 0x80, 0x83, 0x84, 0x82};
    evse_can_frame_t frame;
    uint64_t now_us = 1000000;
    start("m33-1024");
    for (unsigned i = 0; i < HF_COUNT_OF(expected); i++) {
        uint64_t gap_us = i < 5 ? 100 * HF_US_PER_MS : 200 * HF_US_PER_MS;
        CHECK(evse_module_next_query(&module, now_us, &frame));
        CHECK_EQ(frame.id, 0x068182FE);
        CHECK_EQ(frame.data[1], expected[i]);
        CHECK(!evse_module_next_query(&module, now_us + gap_us - 1, &frame));
        now_us += gap_us;
    }
    evse_module_restart(&module, now_us); // the bus is back
    CHECK(evse_module_next_query(&module, now_us, &frame));
    CHECK_EQ(frame.data[1], 0x84);
    CHECK(evse_module_next_query(&module, now_us + 100 * HF_US_PER_MS, &frame));
}

// Each signal of each unit once a second, whatever the number of units.
static void module_every_signal_of_every_unit_is_asked_once_a_second(void) // [SAF-07]
{
    for (uint32_t units = 1; units <= CONFIG_EVSE_MODULES_MAX; units++) {
        uint64_t last_us[CONFIG_EVSE_MODULES_MAX][256] = {{0}};
        unsigned asked = 0, seconds = 20;
        evse_can_frame_t frame;
        start_units("m33-1024", units);
        uint64_t from_us = 1000000, until_us = from_us + seconds * HF_US_PER_S;
        for (uint64_t now_us = from_us; now_us < until_us; now_us += 10 * HF_US_PER_MS) {
            while (evse_module_next_query(&module, now_us, &frame)) {
                unsigned u = (frame.id >> 16 & 0x7F) - 1;
                REQUIRE(u < units);
                uint64_t *last = &last_us[u][frame.data[1]];
                if (*last != 0 && now_us - *last > HF_US_PER_S + 20 * HF_US_PER_MS) {
                    HF_TEST_FAIL("%u units: signal %x of unit %u after %u ms", (unsigned)units,
                                 frame.data[1], u, (unsigned)((now_us - *last) / 1000));
                }
                *last = now_us;
                asked++;
            }
        }
        for (uint32_t u = 0; u < units; u++) {
            CHECK(last_us[u][0x80] > until_us - 1020000 && last_us[u][0x83] > until_us - 1020000);
        }
        CHECK(asked >= 5 * units * (seconds - 1) && asked <= 5 * units * (seconds + 2));
    }
}

static void module_silence_asked_for_ages_no_answer(void) // [SAF-15]
{
    evse_can_frame_t frame;
    start("m33-1024");
    receive(0x0681827E, 0x0180000000006400, 1000000);
    evse_module_mute(&module, true, 2000000);
    CHECK(!evse_module_next_query(&module, 2000000, &frame));
    CHECK(evse_module_is_answer_fresh(&module, module.temperature_dC, 9000000, 1000000));
    CHECK(!evse_module_is_answer_fresh(&module, module.temperature_dC, 9000000, 999999));
    speak_unasked(9000000);
    CHECK(evse_module_is_healthy(&module, 9000000));
    evse_module_mute(&module, false, 9000000);
    CHECK(evse_module_next_query(&module, 9000000, &frame));
    CHECK_EQ(frame.data[1], 0x84);
    CHECK(evse_module_is_answer_fresh(&module, module.temperature_dC, 9500000, 1500000));
    CHECK(!evse_module_is_answer_fresh(&module, module.temperature_dC, 9500001, 1500000));
    receive(0x0681827E, 0x0180000000006400, 10000000); // what is new has no discount
    CHECK(!evse_module_is_answer_fresh(&module, module.temperature_dC, 11000001, 1000000));
    speak_unasked(14000000);
    CHECK(!evse_module_is_healthy(&module, 14000000));
}

static void module_r4850_frames_match_public_vectors(void) // [SAF-06]
{
    const evse_module_profile_t *profile = evse_module_profile_find("r4850");
    evse_can_frame_t frame;
    REQUIRE(profile != NULL);
    CHECK_EQ(voltage_frame(profile, 53500).id, 0x108180FE);
    CHECK_EQ(bytes_of(voltage_frame(profile, 53500)), 0x010000000000D600);
    CHECK_EQ(bytes_of(current_frame(profile, 10000)), 0x01030000000000C8); // 20 counts an ampere
    CHECK_EQ(bytes_of(evse_module_encode_switch(profile, 0, false)), 0x0132000100000000);
    CHECK_EQ(evse_module_encode_switch(profile, 1, false).id, 0x108280FE);
    start_units("r4850", 2);
    REQUIRE(evse_module_next_query(&module, 1000000, &frame));
    CHECK_EQ(frame.id, 0x108140FE);
    CHECK_EQ(bytes_of(frame), 0);
    CHECK(!evse_module_next_query(&module, 1249999, &frame));
    REQUIRE(evse_module_next_query(&module, 1250000, &frame));
    CHECK_EQ(frame.id, 0x108240FE);
}

static void module_r4850_readings_stand_in_for_the_terminals(void) // [SAF-07]
{
    start_units("r4850", 2);
    for (uint32_t id = 0x1081407F; id <= 0x1082407F; id += 0x10000) {
        receive(id, 0x017500000000D600, 10); // 53.5 V
        receive(id, 0x0181000000002800, 10); // 10 A
        receive(id, 0x0170000000123456, 10); // input power, not ours
    }
    CHECK_EQ(module.terminal_mV.value, 53500);
    CHECK_EQ(module.terminal_mA.value, 20000);
    CHECK_EQ(module.terminal_mA.stamp_us, 10);
    CHECK(evse_module_is_healthy(&module, 10));
    receive(0x1081407E, 0x017F000000009000, 20); // 36 degrees, the last of the answer
    receive(0x1082407E, 0x017F000000009400, 20);
    CHECK_EQ(module.temperature_dC.value, 370);
    receive(0x1081807E, 0x0132000100000000, 30);
    receive(0x1082807E, 0x2132000100000000, 30); // refused
    CHECK_EQ(module.rx_refused, 1);
    CHECK_EQ(evse_module_switch_state(&module, 20), EVSE_MODULE_SWITCH_UNKNOWN);
    receive(0x1082807E, 0x0132000100000000, 30);
    CHECK_EQ(evse_module_switch_state(&module, 20), EVSE_MODULE_SWITCH_OFF);
    receive(0x1081407F, 0x0175000000019400, 40); // 101 V
    CHECK_EQ(module.rx_refused, 2);
    evse_can_frame_t foreign = frame_of(0x00433F01, 0x429A80003FF00000);
    CHECK(!evse_module_receive(&module, &foreign, 40));
    foreign = frame_of(0x0681827E, 0x0184000000013500);
    CHECK(!evse_module_receive(&module, &foreign, 40));
}

static bool is_let_in(const evse_can_filter_t *list, uint32_t count, uint32_t id)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((id & list[i].mask) == (list[i].id & list[i].mask) && list[i].extended) {
            return true;
        }
    }
    return false;
}

// What receive() takes is let in, and next to nothing else.
static void module_filters_let_in_what_is_taken(void)
{
    evse_can_filter_t list[EVSE_CAN_FILTERS_MAX];
    const evse_module_profile_t *profile;
    for (size_t i = 0; (profile = evse_module_profile_at(i)) != NULL; i++) {
        uint32_t count = evse_module_filters(profile, 3, list, EVSE_CAN_FILTERS_MAX);
        CHECK_EQ(count, evse_module_driver(profile)->has_terminals ? 6 : 3);
        CHECK_EQ(evse_module_filters(profile, 3, list, count - 1), 0); // too many: all of them
        CHECK_EQ(evse_module_init(&module, profile, 3), 0);
        static const uint32_t upper[] = {0x0043, 0x0047, 0x18FF, 0x0680, 0x0681, 0x0683,
                                         0x0684, 0x1081, 0x1083, 0x1084, 0x1806};
        for (unsigned u = 0; u < HF_COUNT_OF(upper); u++) {
            for (uint32_t low = 0; low < 0x10000; low++) {
                evse_can_frame_t frame = frame_of(upper[u] << 16 | low, 0);
                bool taken = evse_module_receive(&module, &frame, 10);
                if (taken && !is_let_in(list, count, frame.id)) {
                    HF_TEST_FAIL("%s: %x is not let in", profile->name, (unsigned)frame.id);
                }
            }
        }
        CHECK(!is_let_in(list, count, 0x1806E5F4) && !is_let_in(list, count, 0x068181FE));
        CHECK(!is_let_in(list, count, 0x0684827E) && !is_let_in(list, count, 0x1084407F));
    }
}

HF_TEST_MAIN(HF_TEST(module_filters_let_in_what_is_taken),
             HF_TEST(module_encoders_match_golden_vectors),
             HF_TEST(module_encoder_rounds_down_and_never_below_zero),
             HF_TEST(module_address_goes_into_bits_22_to_16),
             HF_TEST(module_profiles_scale_as_their_names_say),
             HF_TEST(module_profile_of_unknown_name_is_null),
             HF_TEST(module_units_fit_their_array_and_the_addresses),
             HF_TEST(module_terminal_vector_decodes),
             HF_TEST(module_impossible_terminal_values_are_refused),
             HF_TEST(module_temperature_reads_above_65_degrees),
             HF_TEST(module_switch_answer_is_inverted_and_strict),
             HF_TEST(module_terminal_status_decodes),
             HF_TEST(module_short_standard_and_foreign_frames_are_no_readings),
             HF_TEST(module_empty_and_full_payloads_are_no_readings),
             HF_TEST(module_readings_below_zero_are_twos_complement),
             HF_TEST(module_current_of_32_bits_does_not_wrap_at_64_ampere),
             HF_TEST(module_health_needs_two_of_three_within_3s),
             HF_TEST(module_health_needs_an_answer_of_every_unit),
             HF_TEST(module_units_are_read_as_one), HF_TEST(module_off_is_confirmed_by_every_unit),
             HF_TEST(module_first_round_is_quicker_then_200ms),
             HF_TEST(module_every_signal_of_every_unit_is_asked_once_a_second),
             HF_TEST(module_silence_asked_for_ages_no_answer),
             HF_TEST(module_r4850_frames_match_public_vectors),
             HF_TEST(module_r4850_readings_stand_in_for_the_terminals))
