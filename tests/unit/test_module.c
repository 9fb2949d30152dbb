// SPDX-License-Identifier: MIT
// The power module's protocol: golden vectors of docs/SPEC.md, profiles, refusals, health, schedule.
#include "evse/evse_module.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

static evse_module_t module;

static void start(const char *profile)
{
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find(profile), 1), 0);
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
    CHECK_EQ(bytes_of(evse_module_encode_voltage(profile, 0, 84000)), 0x0100000000015000);
    CHECK_EQ(bytes_of(evse_module_encode_current(profile, 0, 30000)), 0x0103000000000393);
    CHECK_EQ(evse_module_encode_query(profile, 0, 0x84).id, 0x068182FE);
    CHECK_EQ(bytes_of(evse_module_encode_query(profile, 0, 0x84)), 0x0184000000000000);
}

static void module_encoder_rounds_down_and_never_below_zero(void)
{
    const evse_module_profile_t *profile = evse_module_profile_find("m33-1024");
    CHECK_EQ(bytes_of(evse_module_encode_current(profile, 0, 29999)), 0x0103000000000392);
    CHECK_EQ(bytes_of(evse_module_encode_current(profile, 0, -5)), 0x0103000000000000);
    CHECK_EQ(bytes_of(evse_module_encode_voltage(profile, 0, INT32_MIN)), 0x0100000000000000);
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
    CHECK_EQ(bytes_of(evse_module_encode_current(profile, 0, 30000)), 0x0103000000000258);
}

static void module_profile_of_unknown_name_is_null(void) // [SAF-06]
{
    CHECK(evse_module_profile_find("m33") == NULL);
    CHECK(evse_module_profile_find("") == NULL);
    CHECK(evse_module_profile_find(NULL) == NULL);
    CHECK(evse_module_profile_at(0) != NULL);
    CHECK(evse_module_profile_at(3) == NULL);
    CHECK_EQ(evse_module_init(&module, NULL, 1), HF_E_ARGUMENT);
    evse_module_profile_t zero = *evse_module_profile_at(0);
    zero.current_read_counts_per_A = 0;
    CHECK_EQ(evse_module_init(&module, &zero, 1), HF_E_RANGE);
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
    receive(0x00473F01, 0x0000000000000000, 10);
    CHECK_EQ(module.terminal_status.value, -1);
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

static void module_health_needs_two_of_three_within_3s(void) // [SAF-07]
{
    start("m33-1024");
    CHECK(!evse_module_is_healthy(&module, 0));
    CHECK(!evse_module_is_healthy(&module, 1));
    receive(0x00433F01, 0x429A80003FF00000, 1000);
    receive(0x00433F01, 0x429A80003FF00000, 2000);
    CHECK(!evse_module_is_healthy(&module, 2000));
    receive(0x18FF50E5, 0, 2000);
    CHECK(evse_module_is_healthy(&module, 2000));
    CHECK(evse_module_is_healthy(&module, 2000 + 3 * HF_US_PER_S));
    CHECK(!evse_module_is_healthy(&module, 2001 + 3 * HF_US_PER_S));
}

static void module_queries_go_round_every_200ms(void)
{
    static const uint8_t expected[] = {0x84, 0x82, 0x79, 0x80, 0x83, 0x84};
    evse_can_frame_t frame;
    start("m33-1024");
    for (unsigned i = 0; i < HF_COUNT_OF(expected); i++) {
        uint64_t now_us = 1000000 + i * 200 * HF_US_PER_MS;
        CHECK(evse_module_next_query(&module, now_us, &frame));
        CHECK_EQ(frame.data[1], expected[i]);
        CHECK(!evse_module_next_query(&module, now_us + 199999, &frame));
    }
}

HF_TEST_MAIN(HF_TEST(module_encoders_match_golden_vectors),
             HF_TEST(module_encoder_rounds_down_and_never_below_zero),
             HF_TEST(module_address_goes_into_bits_22_to_16),
             HF_TEST(module_profiles_scale_as_their_names_say),
             HF_TEST(module_profile_of_unknown_name_is_null),
             HF_TEST(module_terminal_vector_decodes),
             HF_TEST(module_impossible_terminal_values_are_refused),
             HF_TEST(module_temperature_reads_above_65_degrees),
             HF_TEST(module_switch_answer_is_inverted_and_strict),
             HF_TEST(module_terminal_status_decodes),
             HF_TEST(module_short_standard_and_foreign_frames_are_no_readings),
             HF_TEST(module_health_needs_two_of_three_within_3s),
             HF_TEST(module_queries_go_round_every_200ms))
