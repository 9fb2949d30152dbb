// SPDX-License-Identifier: MIT
// The modules' protocol as the control code drives it: the keep-alive in every phase of a charge point's life, what goes
// out after a bus recovery, several units that share the load, and one of them that does not answer or obey.
#include "support/control_world.h"

static world_t world;

static void boot(uint32_t units)
{
    const sim_config_t sim = {.profile = &test_profile, .units = units};
    evse_control_config_t config = {
        .connectors = 1, .io = {&world_io_ops, &world}, .mailbox = &world.mailbox};
    world_init(&world);
    config.channel[0] = world_channel(&world)->config;
    config.channel[0].units = units;
    sim_outlet_init(&world.outlet, &sim);
    sim_outlet_step(&world.outlet, world.now_us);
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
}

// ---- the keep-alive --------------------------------------------------------------------------------------------------

typedef struct watch {
    uint64_t last_us, longest_us;
} watch_t;

static struct {
    watch_t control[CONFIG_EVSE_MODULES_MAX], query[CONFIG_EVSE_MODULES_MAX];
} ears;

static void hear(watch_t *watch)
{
    uint64_t gap_us = world.now_us - watch->last_us;
    watch->longest_us = gap_us > watch->longest_us ? gap_us : watch->longest_us;
    watch->last_us = world.now_us;
}

static void listen_ms(uint64_t ms, uint32_t units)
{
    for (uint64_t i = 0; i < ms; i += EVSE_TICK_MS) {
        world_tick(&world);
        for (unsigned f = 0; f < world.sent_count; f++) {
            uint32_t id = world.sent[f].id, unit = (id >> 16 & 0x7F) - 1u;
            if (unit < units && (id & 0xFF00FFFF) == 0x060081FE) {
                hear(&ears.control[unit]);
            } else if (unit < units && (id & 0xFF00FFFF) == 0x060082FE) {
                hear(&ears.query[unit]);
            }
        }
    }
    for (uint32_t u = 0; u < units; u++) { // still going on
        CHECK(world.now_us - ears.control[u].last_us <= 310000);
        CHECK(world.now_us - ears.query[u].last_us <= 220000);
    }
}

static void live_a_life(uint32_t units)
{
    boot(units);
    memset(&ears, 0, sizeof ears);
    for (uint32_t u = 0; u < units; u++) {
        ears.control[u].last_us = ears.query[u].last_us = world.now_us;
    }
    listen_ms(5000, units); // nobody there
    sim_outlet_plug(&world.outlet, true);
    listen_ms(3000, units);
    world_order(&world, EVSE_ORDER_RUN, 1);
    listen_ms(10000, units);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, true);
    listen_ms(5000, units);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, false);
    listen_ms(8000, units);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, true);
    listen_ms(5000, units);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_OVERTEMPERATURE);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
    listen_ms(5000, units);
    sim_outlet_plug(&world.outlet, false);
    listen_ms(5000, units);
}

static void keep_alive_of_both_ids_never_pauses(void) // [SAF-02]
{
    for (uint32_t units = 1; units <= CONFIG_EVSE_MODULES_MAX; units++) {
        live_a_life(units);
        for (uint32_t u = 0; u < units; u++) {
            if (ears.control[u].longest_us > 310000 || ears.query[u].longest_us > 220000) {
                HF_TEST_FAIL("%u units: unit %u heard nothing for %u and %u ms", (unsigned)units,
                             (unsigned)u, (unsigned)(ears.control[u].longest_us / 1000),
                             (unsigned)(ears.query[u].longest_us / 1000));
            }
        }
    }
}

static void keep_alive_goes_out_at_once_after_a_recovery(void) // [SAF-12]
{
    unsigned control = 0, signals = 0;
    boot(1);
    world_plug(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BUS_OFF, true);
    world_run_ms(&world, 1230);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BUS_OFF, false);
    world_tick(&world);
    for (unsigned f = 0; f < world.sent_count; f++) {
        control += world.sent[f].id == 0x068181FE;
        signals += world.sent[f].id == 0x068182FE;
    }
    CHECK_EQ(control, 3);
    CHECK_EQ(signals, 1);
    CHECK(world_sent_switch(&world, false) == 1);
    for (unsigned i = 0; i < 40; i++) {
        world_tick(&world);
        for (unsigned f = 0; f < world.sent_count; f++) {
            signals += world.sent[f].id == 0x068182FE;
        }
    }
    CHECK_EQ(signals, 5); // 100 ms apart
}

// ---- several units ---------------------------------------------------------------------------------------------------

static void units_share_the_load_evenly(void) // [SAF-04]
{
    boot(3);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK(world.outlet.output_mA > 29000 && world.outlet.output_mA <= 30000);
    for (unsigned u = 0; u < 3; u++) {
        CHECK(world.outlet.unit[u].set_mA > 9900 && world.outlet.unit[u].set_mA <= 10000);
    }
    const evse_module_t *module = &world_channel(&world)->module;
    CHECK(module->module_mA.value > 29000 && module->module_mA.value < 30100);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_NONE);
}

static void unit_that_falls_silent_takes_the_power_away(void) // [SAF-07]
{
    boot(3);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_unit_fault(&world.outlet, 1, SIM_FAULT_MODULE_SILENT, true);
    uint64_t from_us = world.now_us;
    while (world_channel(&world)->fault == EVSE_FAULT_NONE && world.now_us - from_us < 10000000) {
        world_tick(&world);
    }
    CHECK(world.now_us - from_us <= (EVSE_HEALTH_AGE_MS + 50) * HF_US_PER_MS);
    world_run_ms(&world, 500);
    CHECK(!world.outlet.switch_on && !world.outlet.contactor_closed);
}

static void unit_that_refuses_off_leaves_off_unconfirmed(void) // [SAF-02]
{
    boot(2);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_unit_fault(&world.outlet, 1, SIM_FAULT_REFUSE_OFF, true);
    world_order(&world, EVSE_ORDER_NONE, 0);
    uint64_t off_us = world.now_us;
    world_run_ms(&world, 1500);
    CHECK_EQ(evse_module_switch_state(&world_channel(&world)->module, off_us),
             EVSE_MODULE_SWITCH_ON);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_MODULE_OFF_UNCONFIRMED);
    CHECK(!world.outlet.contactor_closed);
    CHECK(!world.outlet.unit[0].on && world.outlet.unit[1].on);
    sim_outlet_set_unit_fault(&world.outlet, 1, SIM_FAULT_REFUSE_OFF, false);
    world_run_ms(&world, 500); // OFF was repeated all the time
    CHECK_EQ(evse_module_switch_state(&world_channel(&world)->module, off_us + 1500000),
             EVSE_MODULE_SWITCH_OFF);
}

// ---- a driver with a short queue ----------------------------------------------------------------------------------------

#define QUEUE_FRAMES 10u // what a network interface of the kernel holds by default

static unsigned queued, room = QUEUE_FRAMES;

static int narrow_send(void *ctx, const evse_can_frame_t *frame)
{
    if (queued >= room) {
        return HF_E_AGAIN;
    }
    int status = world_send(ctx, frame);
    queued += status == 0;
    return status;
}

// The queue has drained since the last tick, as it does at 250 kbit/s.
static evse_can_state_t narrow_poll(void *ctx, uint64_t now_us)
{
    queued = 0;
    return world_poll(ctx, now_us);
}

static const evse_can_ops_t narrow_ops = {
    .send = narrow_send, .receive = world_receive, .poll = narrow_poll};

static void boot_narrow(uint32_t units)
{
    boot(units);
    evse_control_config_t config = {
        .connectors = 1, .io = {&world_io_ops, &world}, .mailbox = &world.mailbox};
    config.channel[0] = world_channel(&world)->config;
    config.channel[0].can = (evse_can_t){&narrow_ops, &world};
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
}

static void short_queue_reaches_every_unit(void) // [SAF-02] [SAF-04]
{
    uint32_t units = CONFIG_EVSE_MODULES_MAX;
    boot_narrow(units);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_NONE);
    for (uint32_t u = 0; u < units; u++) {
        CHECK(world.outlet.unit[u].on);
        CHECK(world.outlet.unit[u].set_mA > 30000 / (int32_t)units - 100);
    }
    world.orders.connector[0].limit_mA = 8000;
    for (unsigned i = 0; i < 4; i++) { // two passes may be needed: one was under way
        world_tick(&world);
    }
    for (uint32_t u = 0; u < units; u++) {
        CHECK(world.outlet.unit[u].set_mA <= 8000 / (int32_t)units);
    }
    world_order(&world, EVSE_ORDER_NONE, 0);
    world_tick(&world); // OFF comes first
    for (uint32_t u = 0; u < units && u < QUEUE_FRAMES; u++) {
        CHECK(!world.outlet.unit[u].on);
    }
    world_tick(&world);
    world_tick(&world);
    for (uint32_t u = 0; u < units; u++) {
        CHECK(!world.outlet.unit[u].on);
        CHECK_EQ(world.outlet.unit[u].set_mA, 0);
    }
    world_run_ms(&world, 1000);
    unsigned frames = 0;
    for (unsigned i = 0; i < 30; i++) {
        world_tick(&world);
        frames += world.sent_count;
    }
    CHECK(frames < 3 * units + 30); // one group in 300 ms, not one in every tick
}

static void short_queue_tells_a_reduction_to_those_told_before(void) // [SAF-04]
{
    uint32_t units = CONFIG_EVSE_MODULES_MAX;
    boot_narrow(units);
    world_plug(&world);
    world_charge(&world, 1);
    for (unsigned i = 0; i < 200; i++) { // in the midst of a pass, and not
        world.orders.connector[0].limit_mA = i % 3 == 0 ? 9000 : 30000;
        world_tick(&world);
        if (i % 7 == 0) {
            world.orders.connector[0].limit_mA = 6000;
            for (unsigned n = 0; n < 4; n++) {
                world_tick(&world);
            }
            for (uint32_t u = 0; u < units; u++) {
                if (world.outlet.unit[u].set_mA > 6000 / (int32_t)units) {
                    HF_TEST_FAIL("round %u: unit %u at %d mA", i, (unsigned)u,
                                 (int)world.outlet.unit[u].set_mA);
                }
            }
        }
    }
}

static void short_queue_off_in_the_midst_of_on_reaches_the_first_too(void) // [SAF-02]
{
    const evse_channel_t *channel = world_channel(&world);
    boot_narrow(CONFIG_EVSE_MODULES_MAX);
    world_plug(&world);
    world_charge(&world, 1);
    for (unsigned i = 0; i < 100 && channel->pass_step == 0; i++) {
        world_tick(&world);
    }
    REQUIRE(channel->pass_on && channel->pass_step != 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
    world_tick(&world);
    for (uint32_t u = 0; u < CONFIG_EVSE_MODULES_MAX && u < QUEUE_FRAMES; u++) {
        CHECK(!world.outlet.unit[u].on);
    }
}

static void reduction_in_the_midst_of_a_pass_reaches_all_in_one_tick(void) // [SAF-04]
{
    const evse_channel_t *channel = world_channel(&world);
    boot_narrow(CONFIG_EVSE_MODULES_MAX);
    world_plug(&world);
    world_charge(&world, 1);
    for (unsigned i = 0; i < 100 && channel->pass_step == 0; i++) {
        world_tick(&world);
    }
    REQUIRE(channel->pass_on && channel->pass_step != 0);
    room = 1000; // now there is room for all
    world.orders.connector[0].limit_mA = 6000;
    world_tick(&world);
    room = QUEUE_FRAMES;
    for (uint32_t u = 0; u < CONFIG_EVSE_MODULES_MAX; u++) {
        CHECK(world.outlet.unit[u].set_mA <= 6000 / CONFIG_EVSE_MODULES_MAX);
    }
}

HF_TEST_MAIN(HF_TEST(reduction_in_the_midst_of_a_pass_reaches_all_in_one_tick),
             HF_TEST(short_queue_off_in_the_midst_of_on_reaches_the_first_too),
             HF_TEST(short_queue_reaches_every_unit),
             HF_TEST(short_queue_tells_a_reduction_to_those_told_before),
             HF_TEST(keep_alive_of_both_ids_never_pauses),
             HF_TEST(keep_alive_goes_out_at_once_after_a_recovery),
             HF_TEST(units_share_the_load_evenly),
             HF_TEST(unit_that_falls_silent_takes_the_power_away),
             HF_TEST(unit_that_refuses_off_leaves_off_unconfirmed))
