// SPDX-License-Identifier: MIT
// The vehicle BMS: golden vectors, permission and its age, refusals, status and queries, state of charge.
#include "evse/evse_bms.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

static evse_bms_t bms;

static void receive(uint32_t id, uint64_t bytes, uint64_t now_us)
{
    evse_can_frame_t frame = {.id = id, .length = 8, .extended = true};
    for (unsigned i = 0; i < 8; i++) {
        frame.data[i] = (uint8_t)(bytes >> (56u - 8u * i));
    }
    CHECK(evse_bms_receive(&bms, &frame, now_us));
}

static void bms_request_vector_decodes(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    CHECK(!evse_bms_permits(&bms, 10, UINT64_MAX)); // never heard is "no"
    receive(0x1806E5F4, 0x0348012C00000000, 10);
    CHECK_EQ(bms.request_mV, 84000);
    CHECK_EQ(bms.request_mA, 30000);
    CHECK(bms.allows);
    CHECK(!bms.heating);
    receive(0x1806E5F4, 0x0348012C00010000, 20);
    CHECK(bms.heating);
}

static void bms_permission_ends_by_switch_and_by_silence(void) // [SAF-03]
{
    uint64_t age_us = 3 * HF_US_PER_S;
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    receive(0x1806E5F4, 0x0348012C00000000, 10);
    CHECK(evse_bms_permits(&bms, 10 + age_us, age_us));
    CHECK(!evse_bms_permits(&bms, 11 + age_us, age_us));
    CHECK(!evse_bms_is_alive(&bms, 11 + age_us, age_us));
    receive(0x1806E5F4, 0x0348012C01000000, 20 + age_us);
    CHECK(evse_bms_is_alive(&bms, 20 + age_us, age_us));
    CHECK(!evse_bms_permits(&bms, 20 + age_us, age_us));
    receive(0x1806E5F4, 0x0348012C7F000000, 30 + age_us); // unknown values are "no"
    CHECK(!evse_bms_permits(&bms, 30 + age_us, age_us));
}

static void bms_life_is_the_request_alone(void) // [SAF-03]
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    receive(0x160B8001, 0x0001000000000000, 10);
    receive(0x160D8001, 0x0001000000000000, 10);
    CHECK(!evse_bms_is_alive(&bms, 10, HF_US_PER_S));
    evse_can_frame_t charger = {.id = 0x18FF50E5, .length = 8, .extended = true};
    CHECK(!evse_bms_receive(&bms, &charger, 10));
    charger.id = 0x00433F01;
    CHECK(!evse_bms_receive(&bms, &charger, 10));
    CHECK_EQ(bms.stamp_us, 0);
}

static void bms_impossible_requests_are_refused(void) // [SAF-04]
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    receive(0x1806E5F4, 0x0348012C00000000, 10);
    receive(0x1806E5F4, 0x0000012C00000000, 20); // 0 V
    receive(0x1806E5F4, 0x07D1012C00000000, 20); // 200.1 V
    receive(0x1806E5F4, 0x03480FA100000000, 20); // 400.1 A
    receive(0x1806E5F4, 0xFFFFFFFFFFFFFFFF, 20);
    CHECK_EQ(bms.rx_refused, 4);
    CHECK_EQ(bms.stamp_us, 10);
    evse_can_frame_t frame = {.id = 0x1806E5F4, .length = 5, .extended = true, .data = {3, 0x48}};
    CHECK(evse_bms_receive(&bms, &frame, 20));
    CHECK_EQ(bms.rx_refused, 5);
    frame.extended = false;
    CHECK(!evse_bms_receive(&bms, &frame, 20));
}

static void bms_forgotten_vehicle_permits_nothing(void) // [SAF-09]
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    receive(0x1806E5F4, 0x0348012C00000000, 10);
    evse_bms_forget(&bms);
    CHECK(!evse_bms_permits(&bms, 10, HF_US_PER_S));
    CHECK_EQ(bms.request_mA, 0);
}

static void bms_status_encodes_values_and_flags(void)
{
    evse_bms_status_t status = {.output_mV = 77250, .output_mA = 1875};
    evse_can_frame_t frame = evse_bms_encode_status(&status);
    CHECK_EQ(frame.id, 0x18FF50E5);
    CHECK_EQ(frame.data[0] << 8 | frame.data[1], 772);
    CHECK_EQ(frame.data[2] << 8 | frame.data[3], 18);
    CHECK_EQ(frame.data[4], 0);
    status = (evse_bms_status_t){-5, 900000000, true, true, true, true};
    frame = evse_bms_encode_status(&status);
    CHECK_EQ(frame.data[0] << 8 | frame.data[1], 0);
    CHECK_EQ(frame.data[2] << 8 | frame.data[3], 0xFFFF);
    CHECK_EQ(frame.data[4], 0x1B);
}

static void bms_schedule_is_100ms_and_2s(void)
{
    evse_bms_status_t status = {0};
    evse_can_frame_t frame;
    unsigned count[3] = {0};
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    for (uint64_t now_us = 1000000; now_us < 11000000; now_us += 10000) {
        while (evse_bms_next_frame(&bms, &status, now_us, &frame)) {
            count[0] += frame.id == 0x18FF50E5;
            count[1] += frame.id == 0x160B0180;
            count[2] += frame.id == 0x160D0180;
        }
    }
    CHECK_EQ(count[0], 100);
    CHECK_EQ(count[1], 5);
    CHECK_EQ(count[2], 5);
}

static void bms_soc_comes_from_the_counters(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    CHECK_EQ(evse_bms_soc_permille(&bms, 10), -1);
    receive(0x1806E5F4, 0x0348012C00000000, 10); // 30 A: 30 Ah
    receive(0x160B8001, 0x0002000000000000, 10); // 131.072 Ah
    CHECK_EQ(evse_bms_soc_permille(&bms, 10), -1);
    receive(0x160D8001, 0x0001C56800000000, 10); // 116.072 Ah
    CHECK_EQ(evse_bms_soc_permille(&bms, 10), 500);
    CHECK_EQ(evse_bms_soc_permille(&bms, 11 + 10 * HF_US_PER_S), -1);
    receive(0x160D8001, 0x0003000000000000, 20); // more out than in
    CHECK_EQ(evse_bms_soc_permille(&bms, 20), 0);
    receive(0x160D8001, 0xFFFFFFFF00000000, 30);
    CHECK_EQ(bms.rx_refused, 1);
}

HF_TEST_MAIN(HF_TEST(bms_request_vector_decodes),
             HF_TEST(bms_permission_ends_by_switch_and_by_silence),
             HF_TEST(bms_life_is_the_request_alone), HF_TEST(bms_impossible_requests_are_refused),
             HF_TEST(bms_forgotten_vehicle_permits_nothing),
             HF_TEST(bms_status_encodes_values_and_flags), HF_TEST(bms_schedule_is_100ms_and_2s),
             HF_TEST(bms_soc_comes_from_the_counters))
