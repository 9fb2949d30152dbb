// SPDX-License-Identifier: MIT
// The simulated outlet on one bus or two: who speaks where, bus-off, unplugged cables, babbling nodes.
#include "hf_test.h"
#include "sim_bench.h"

#define ID_TERMINAL    0x00433F01u
#define ID_BMS_REQUEST 0x1806E5F4u

typedef struct listened {
    unsigned frames, terminals, requests, permits, strangers;
} listened_t;

static sim_outlet_t outlet;

/// Steps by 10 ms and sorts what comes by bus.
static void listen_ms(uint64_t ms, listened_t heard[SIM_BUS_COUNT])
{
    memset(heard, 0, SIM_BUS_COUNT * sizeof *heard);
    for (uint64_t until_us = outlet.now_us + ms * 1000u; outlet.now_us < until_us;) {
        sim_outlet_step(&outlet, outlet.now_us + BENCH_STEP_US);
        for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
            evse_can_frame_t frame;
            while (sim_outlet_transmit_on(&outlet, (sim_bus_t)b, &frame)) {
                REQUIRE(frame.length <= 8 && frame.id <= EVSE_CAN_ID_MASK);
                bool is_known = frame.id == 0x00473F01u || frame.id == 0x18FF50E5u;
                heard[b].frames++;
                heard[b].terminals += frame.id == ID_TERMINAL ? 1u : 0u;
                heard[b].requests += frame.id == ID_BMS_REQUEST ? 1u : 0u;
                heard[b].permits += frame.id == ID_BMS_REQUEST && frame.data[4] == 0 ? 1u : 0u;
                heard[b].strangers +=
                    !is_known && frame.id != ID_TERMINAL && frame.id != ID_BMS_REQUEST ? 1u : 0u;
            }
        }
    }
}

static void init(bool two_buses, sim_faults_t faults)
{
    const sim_config_t config = {.profile = &test_profile, .two_buses = two_buses};
    sim_outlet_init(&outlet, &config);
    sim_outlet_plug(&outlet, true);
    sim_outlet_set_fault(&outlet, faults, true);
}

static void sim_buses_one_bus_carries_everything(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(false, 0);
    listen_ms(10000, heard);
    CHECK(heard[SIM_BUS_MODULE].terminals >= 99 && heard[SIM_BUS_MODULE].requests >= 19);
    CHECK_EQ(heard[SIM_BUS_MODULE].strangers, 0);
    CHECK_EQ(heard[SIM_BUS_BMS].frames, 0);
}

static void sim_buses_two_buses_keep_module_and_bms_apart(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(true, 0);
    listen_ms(10000, heard);
    CHECK(heard[SIM_BUS_MODULE].terminals >= 99);
    CHECK_EQ(heard[SIM_BUS_MODULE].requests, 0);
    CHECK(heard[SIM_BUS_BMS].requests >= 19);
    CHECK_EQ(heard[SIM_BUS_BMS].frames, heard[SIM_BUS_BMS].requests);
}

static void sim_buses_each_hears_its_own_bus_alone(void)
{
    init(true, 0);
    evse_can_frame_t frame;
    evse_can_frame_t query = bench_frame(0x160B0180u, 0);
    evse_can_frame_t on = bench_frame(0x068181FEu, 0x0132000000000000u);
    sim_outlet_receive_on(&outlet, SIM_BUS_MODULE, &query);
    sim_outlet_receive_on(&outlet, SIM_BUS_BMS, &on);
    CHECK(!sim_outlet_transmit_on(&outlet, SIM_BUS_BMS, &frame));
    CHECK(!sim_outlet_transmit_on(&outlet, SIM_BUS_MODULE, &frame));
    CHECK(!outlet.switch_on);
    sim_outlet_receive_on(&outlet, SIM_BUS_BMS, &query);
    sim_outlet_receive_on(&outlet, SIM_BUS_MODULE, &on);
    CHECK(sim_outlet_transmit_on(&outlet, SIM_BUS_BMS, &frame));
    CHECK_EQ(frame.id, 0x160B8001u);
    CHECK(outlet.switch_on);
}

static void sim_buses_bus_off_leaves_the_other_bus(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(true, SIM_FAULT_BMS_BUS_OFF);
    CHECK_EQ(sim_outlet_bus_state(&outlet, SIM_BUS_BMS), EVSE_CAN_BUS_OFF);
    CHECK_EQ(sim_outlet_bus_state(&outlet, SIM_BUS_MODULE), EVSE_CAN_ACTIVE);
    listen_ms(2000, heard);
    CHECK_EQ(heard[SIM_BUS_BMS].frames, 0);
    CHECK(heard[SIM_BUS_MODULE].terminals >= 19);
    init(true, SIM_FAULT_BUS_OFF);
    listen_ms(2000, heard);
    CHECK_EQ(heard[SIM_BUS_MODULE].frames, 0);
    CHECK(heard[SIM_BUS_BMS].requests >= 3);
    init(false, SIM_FAULT_BMS_BUS_OFF); // the one bus is the BMS's too
    CHECK_EQ(sim_outlet_bus_state(&outlet, SIM_BUS_MODULE), EVSE_CAN_BUS_OFF);
}

static void sim_buses_unplugged_passes_nothing_and_is_not_off(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(true, SIM_FAULT_BUS_UNPLUGGED);
    CHECK_EQ(sim_outlet_bus_state(&outlet, SIM_BUS_MODULE), EVSE_CAN_PASSIVE);
    evse_can_frame_t on = bench_frame(0x068181FEu, 0x0132000000000000u);
    sim_outlet_receive_on(&outlet, SIM_BUS_MODULE, &on);
    CHECK(!outlet.switch_on);
    listen_ms(2000, heard);
    CHECK_EQ(heard[SIM_BUS_MODULE].frames, 0);
    CHECK(heard[SIM_BUS_BMS].requests >= 3);
    init(true, SIM_FAULT_BMS_BUS_UNPLUGGED);
    CHECK_EQ(sim_outlet_bus_state(&outlet, SIM_BUS_BMS), EVSE_CAN_PASSIVE);
    listen_ms(2000, heard);
    CHECK_EQ(heard[SIM_BUS_BMS].frames, 0);
}

static void sim_buses_babble_fills_the_bus_and_no_more(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(true, SIM_FAULT_BABBLE);
    listen_ms(10000, heard);
    CHECK(heard[SIM_BUS_MODULE].frames >= 18900 && heard[SIM_BUS_MODULE].frames <= 19100);
    CHECK(heard[SIM_BUS_MODULE].strangers > 18000);
    CHECK(heard[SIM_BUS_MODULE].terminals >= 95); // a low id wins
    CHECK_EQ(heard[SIM_BUS_BMS].frames, heard[SIM_BUS_BMS].requests);
    init(true, SIM_FAULT_BMS_BABBLE);
    listen_ms(10000, heard);
    CHECK(heard[SIM_BUS_BMS].strangers > 18000);
    CHECK(heard[SIM_BUS_BMS].requests >= 15);
    CHECK_EQ(heard[SIM_BUS_MODULE].strangers, 0);
    sim_outlet_set_fault(&outlet, SIM_FAULT_BMS_BABBLE, false);
    listen_ms(2000, heard);
    CHECK_EQ(heard[SIM_BUS_BMS].strangers, 0);
}

static void sim_buses_lower_id_goes_first(void)
{
    unsigned intruders = 0, others = 0;
    init(true, SIM_FAULT_BABBLE);
    for (unsigned i = 0; i < 1000; i++) {
        sim_outlet_step(&outlet, outlet.now_us + BENCH_STEP_US);
        const sim_queue_t *queue = &outlet.tx[SIM_BUS_MODULE];
        evse_can_frame_t frame;
        for (;;) {
            bool is_waiting = queue->count != 0;
            uint32_t id = is_waiting ? queue->frame[queue->head].id : 0;
            uint32_t before = queue->count;
            if (!sim_outlet_transmit_on(&outlet, SIM_BUS_MODULE, &frame)) {
                break;
            }
            if (is_waiting && queue->count == before) {
                CHECK(frame.id < id);
                intruders++;
            } else {
                others += is_waiting ? 1u : 0u;
            }
        }
    }
    CHECK(intruders > 10); // before the heartbeat, whose id is high
    CHECK(others > 200);
}

static void sim_buses_nobody_listening_no_backlog_grows(void)
{
    evse_can_frame_t frame;
    unsigned count = 0;
    init(true, SIM_FAULT_BABBLE);
    sim_outlet_step(&outlet, 3600000000ull);
    while (sim_outlet_transmit_on(&outlet, SIM_BUS_MODULE, &frame)) {
        count++;
    }
    CHECK(count >= 150 && count <= 200); // 100 ms of a full bus
}

static void sim_buses_flood_uses_the_ids_of_others(void)
{
    listened_t heard[SIM_BUS_COUNT];
    init(true, SIM_FAULT_FLOOD);
    listen_ms(1000, heard);
    CHECK(heard[SIM_BUS_MODULE].terminals > 200);
    CHECK_EQ(heard[SIM_BUS_MODULE].requests, 0);
    CHECK(heard[SIM_BUS_MODULE].frames > 1800);
    init(true, SIM_FAULT_BMS_FLOOD);
    listen_ms(1000, heard);
    CHECK(heard[SIM_BUS_BMS].requests > 400);
    CHECK(heard[SIM_BUS_BMS].permits > 100);
    CHECK(heard[SIM_BUS_BMS].permits + 100 < heard[SIM_BUS_BMS].requests);
    CHECK_EQ(heard[SIM_BUS_BMS].terminals, 0);
    init(false, SIM_FAULT_FLOOD | SIM_FAULT_BMS_FLOOD);
    listen_ms(1000, heard);
    CHECK(heard[SIM_BUS_MODULE].terminals > 100 && heard[SIM_BUS_MODULE].requests > 200);
}

static void sim_buses_same_faults_same_noise(void)
{
    evse_can_frame_t first[64], frame;
    for (unsigned round = 0; round < 2; round++) {
        init(true, SIM_FAULT_BABBLE);
        sim_outlet_step(&outlet, 100000);
        for (unsigned i = 0; i < HF_COUNT_OF(first); i++) {
            REQUIRE(sim_outlet_transmit_on(&outlet, SIM_BUS_MODULE, &frame));
            if (round == 0) {
                first[i] = frame;
            }
            CHECK_EQ(frame.id, first[i].id);
        }
    }
    CHECK(first[1].id != first[2].id);
}

HF_TEST_MAIN(HF_TEST(sim_buses_one_bus_carries_everything),
             HF_TEST(sim_buses_two_buses_keep_module_and_bms_apart),
             HF_TEST(sim_buses_each_hears_its_own_bus_alone),
             HF_TEST(sim_buses_bus_off_leaves_the_other_bus),
             HF_TEST(sim_buses_unplugged_passes_nothing_and_is_not_off),
             HF_TEST(sim_buses_babble_fills_the_bus_and_no_more),
             HF_TEST(sim_buses_lower_id_goes_first),
             HF_TEST(sim_buses_nobody_listening_no_backlog_grows),
             HF_TEST(sim_buses_flood_uses_the_ids_of_others),
             HF_TEST(sim_buses_same_faults_same_noise))
