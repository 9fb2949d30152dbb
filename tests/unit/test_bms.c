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

// What is impossible beside it makes a "no" no "yes": a pack that stops often asks for 0 V and 0 A in the same frame.
static void bms_withdrawal_is_heard_in_an_impossible_request(void) // [SAF-03]
{
    for (unsigned i = 0; evse_bms_profile_at(i) != NULL; i++) {
        CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(i)), 0);
        receive(0x1806E5F4, 0x0348012C00006400, 10);
        CHECK(evse_bms_permits(&bms, 20, HF_US_PER_S));
        receive(0x1806E5F4, 0x0000000001000000, 20);
        CHECK_EQ(bms.rx_refused, 1);
        CHECK_EQ(bms.stamp_us, 10); // and no life
        CHECK(!evse_bms_permits(&bms, 20, HF_US_PER_S));
        receive(0x1806E5F4, 0x0348012C00006400, 30);
        CHECK(evse_bms_permits(&bms, 30, HF_US_PER_S));
    }
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
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    evse_bms_status_t status = {.output_mV = 77250, .output_mA = 1875};
    evse_can_frame_t frame = evse_bms_encode_status(bms.profile, &status);
    CHECK_EQ(frame.id, 0x18FF50E5);
    CHECK_EQ(frame.data[0] << 8 | frame.data[1], 772);
    CHECK_EQ(frame.data[2] << 8 | frame.data[3], 18);
    CHECK_EQ(frame.data[4], 0);
    status = (evse_bms_status_t){-5, 900000000, true, true, true, true};
    frame = evse_bms_encode_status(bms.profile, &status);
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

static void bms_each_status_flag_has_its_bit(void)
{
    static const struct {
        evse_bms_status_t status;
        uint8_t bit;
    } flags[] = {
        {{.hardware_failure = true}, 0x01},
        {{.over_temperature = true}, 0x02},
        {{.battery_missing = true}, 0x08},
        {{.bms_timeout = true}, 0x10},
    };
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    for (unsigned i = 0; i < HF_COUNT_OF(flags); i++) {
        evse_can_frame_t frame = evse_bms_encode_status(bms.profile, &flags[i].status);
        CHECK_EQ(frame.data[4], flags[i].bit);
        CHECK_EQ(frame.data[5] | frame.data[6] | frame.data[7], 0);
    }
}

// Frames sent in ten seconds.
static unsigned count_frames(const evse_bms_status_t *status)
{
    evse_can_frame_t frame;
    unsigned count = 0;
    for (uint64_t now_us = 1000000; now_us < 11000000; now_us += 10000) {
        while (evse_bms_next_frame(&bms, status, now_us, &frame)) {
            count++;
        }
    }
    return count;
}

static void bms_that_is_not_there_is_told_nothing(void) // [SAF-03]
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    evse_bms_status_t status = {.battery_missing = true, .bms_timeout = true};
    CHECK_EQ(count_frames(&status), 0);
    status.bms_timeout = false; // it speaks although no plug is seen
    CHECK_EQ(count_frames(&status), 110);
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    status = (evse_bms_status_t){.bms_timeout = true}; // plugged, silent: it may be waiting for us
    CHECK_EQ(count_frames(&status), 110);
}

static void bms_soc_profile_reads_b5_and_b6(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon-soc")), 0);
    CHECK_EQ(evse_bms_soc_permille(&bms, 10), -1);
    receive(0x1806E5F4, 0x0348012C00027100, 10); // 62.5 %
    CHECK_EQ(evse_bms_soc_permille(&bms, 10), 625);
    CHECK_EQ(evse_bms_remaining_mAh(&bms, 10), 18750);
    CHECK(!bms.heating);
    receive(0x1806E5F4, 0x0348012C00010100, 20); // b5 is no heating flag here
    CHECK(!bms.heating);
    CHECK_EQ(evse_bms_soc_permille(&bms, 20), 257);
    receive(0x1806E5F4, 0x0348012C00FFFF00, 30); // unknown, and yet a request
    CHECK_EQ(evse_bms_soc_permille(&bms, 30), -1);
    CHECK(evse_bms_permits(&bms, 30, HF_US_PER_S));
    receive(0x1806E5F4, 0x0348012C0003E800, 40); // 100 %
    CHECK_EQ(evse_bms_soc_permille(&bms, 40), 1000);
    CHECK_EQ(bms.rx_refused, 0);
    receive(0x1806E5F4, 0x0348012C0003E900, 50); // 100.1 %
    receive(0x1806E5F4, 0x00C7012C00027100, 50); // 19.9 V
    CHECK_EQ(bms.rx_refused, 2);
    CHECK_EQ(bms.stamp_us, 40);
    CHECK_EQ(evse_bms_soc_permille(&bms, 41 + 10 * HF_US_PER_S), -1);
}

static void bms_soc_profile_asks_no_counters(void)
{
    evse_bms_status_t status = {0};
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon-soc")), 0);
    CHECK_EQ(count_frames(&status), 100);
}

static void bms_model_goes_by_the_most_current_asked_for(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    CHECK(evse_bms_model(&bms) == NULL);
    receive(0x1806E5F4, 0x0348012C00000000, 10); // 30 A
    CHECK_EQ(evse_bms_model(&bms)->capacity_mAh, 30000);
    receive(0x1806E5F4, 0x0348012D00000000, 20); // 30.1 A
    CHECK_STR(evse_bms_model(&bms)->name, "Pro");
    receive(0x1806E5F4, 0x0348025800000000, 30); // 60 A
    CHECK_EQ(evse_bms_model(&bms)->capacity_mAh, 60000);
    receive(0x1806E5F4, 0x0348025900000000, 40); // 60.1 A
    CHECK_STR(evse_bms_model(&bms)->name, "Max");
    receive(0x1806E5F4, 0x0348000A00000000, 50); // 1 A, nearly full: the pack stays what it is
    CHECK_EQ(evse_bms_model(&bms)->capacity_mAh, 90000);
    evse_bms_forget(&bms);
    CHECK(evse_bms_model(&bms) == NULL);
    receive(0x1806E5F4, 0x0348000A00000000, 60); // another vehicle
    CHECK_STR(evse_bms_model(&bms)->name, "Classic");
}

static void bms_range_is_2700_m_per_ampere_hour(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    CHECK_EQ(evse_bms_range_km(&bms, 10), -1);
    receive(0x1806E5F4, 0x0348012C00000000, 10);
    receive(0x160B8001, 0x0002000000000000, 10); // 131.072 Ah
    receive(0x160D8001, 0x0001C56800000000, 10); // 116.072 Ah
    CHECK_EQ(evse_bms_remaining_mAh(&bms, 10), 15000);
    CHECK_EQ(evse_bms_range_km(&bms, 10), 40);
    receive(0x160D8001, 0x0000000000000000, 20); // never discharged: no more than the pack holds
    CHECK_EQ(evse_bms_remaining_mAh(&bms, 20), 30000);
    CHECK_EQ(evse_bms_range_km(&bms, 20), 81);
}

static void bms_counters_of_nothing_are_refused(void)
{
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    receive(0x160B8001, 0x0000000000000000, 10);
    receive(0x160B8001, 0xFFFFFFFFFFFFFFFF, 10);
    receive(0x160D8001, 0xFFFFFFFFFFFFFFFF, 10);
    evse_can_frame_t brief = {.id = 0x160B8001, .length = 3, .extended = true, .data = {0, 1, 1}};
    CHECK(evse_bms_receive(&bms, &brief, 10));
    CHECK_EQ(bms.rx_refused, 4);
    brief.length = 4;
    CHECK(evse_bms_receive(&bms, &brief, 20));
    CHECK_EQ(bms.charge_mAh.value, 65792);
}

static void bms_filters_name_what_is_taken(void)
{
    static const uint32_t taken[] = {0x1806E5F4, 0x160B8001, 0x160D8001};
    const evse_bms_driver_t *driver = evse_bms_profile_at(0)->driver;
    CHECK_EQ(driver->filter_count, HF_COUNT_OF(taken));
    for (unsigned i = 0; i < HF_COUNT_OF(taken); i++) {
        CHECK_EQ(driver->filters[i].id, taken[i]);
        CHECK_EQ(driver->filters[i].mask, EVSE_CAN_ID_MASK);
        CHECK(driver->filters[i].extended);
    }
}

static void bms_profile_of_unknown_name_is_null(void)
{
    CHECK(evse_bms_profile_find("elcom") == NULL);
    CHECK(evse_bms_profile_find(NULL) == NULL);
    CHECK(evse_bms_profile_at(1) == evse_bms_profile_find("elcon-soc"));
    CHECK(evse_bms_profile_at(2) == NULL);
    CHECK_EQ(evse_bms_init(&bms, NULL), HF_E_ARGUMENT);
    evse_bms_profile_t mute = *evse_bms_profile_at(0);
    mute.driver = NULL;
    CHECK_EQ(evse_bms_init(&bms, &mute), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(bms_each_status_flag_has_its_bit),
             HF_TEST(bms_that_is_not_there_is_told_nothing),
             HF_TEST(bms_soc_profile_reads_b5_and_b6), HF_TEST(bms_soc_profile_asks_no_counters),
             HF_TEST(bms_model_goes_by_the_most_current_asked_for),
             HF_TEST(bms_range_is_2700_m_per_ampere_hour),
             HF_TEST(bms_counters_of_nothing_are_refused), HF_TEST(bms_filters_name_what_is_taken),
             HF_TEST(bms_profile_of_unknown_name_is_null), HF_TEST(bms_request_vector_decodes),
             HF_TEST(bms_permission_ends_by_switch_and_by_silence),
             HF_TEST(bms_life_is_the_request_alone), HF_TEST(bms_impossible_requests_are_refused),
             HF_TEST(bms_withdrawal_is_heard_in_an_impossible_request),
             HF_TEST(bms_forgotten_vehicle_permits_nothing),
             HF_TEST(bms_status_encodes_values_and_flags), HF_TEST(bms_schedule_is_100ms_and_2s),
             HF_TEST(bms_soc_comes_from_the_counters))
