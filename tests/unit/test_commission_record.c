// SPDX-License-Identifier: MIT
// The way of a proof: control proves, the comms loop records, the next boot knows; and what else it then takes for new.
// The whole charge point on flash in memory, without a central system; the simulated outlet of control_world.h.
#include "evse/evse.h"
#include "hf_flash_ram.h"
#include "support/control_world.h"

static uint8_t memory[65536u * 4u];
static hf_flash_ram_t ram;
static hf_flash_t flash;
static evse_t evse;
static world_t world; // its outlet and bus alone

static void link_nothing(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    link_nothing(ctx, now_us);
    return EVSE_LINK_DOWN;
}

static char *link_room(void *ctx, size_t *capacity)
{
    (void)ctx;
    (void)capacity;
    return NULL;
}

static int link_send(void *ctx, size_t length)
{
    (void)ctx;
    (void)length;
    return HF_E_CLOSED;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    (void)ctx;
    (void)text;
    (void)length;
    return 0;
}

static int link_error(void *ctx)
{
    (void)ctx;
    return HF_E_CLOSED;
}

static const evse_link_ops_t link_ops = {.open = link_nothing,
                                         .close = link_nothing,
                                         .poll = link_poll,
                                         .room = link_room,
                                         .send = link_send,
                                         .receive = link_receive,
                                         .last_error = link_error};

static void boot(const evse_module_profile_t *profile, uint32_t units)
{
    evse_config_t config = {
        .control = {.connectors = 1, .io = {&world_io_ops, &world}},
        .ocpp = {.vendor = "Holdfast",
                 .model = "Test",
                 .link = {&link_ops, NULL},
                 .connectors = 1,
                 .seed = 1},
        .store = {.flash = &flash, .station_nonce = 1},
    };
    config.control.channel[0] = (evse_channel_config_t){.can = {&world_can_ops, &world},
                                                        .profile = profile,
                                                        .units = units,
                                                        .physical_bus = true,
                                                        .limits = evse_limits_find("nx100")};
    CHECK_EQ(evse_init(&evse, &config), 0);
}

static void set_up(void)
{
    const hf_flash_ram_config_t config = {
        .memory = memory, .segment_bytes = 65536, .segment_count = 4, .program_bytes = 4};
    const sim_config_t sim = {.profile = &test_profile};
    memset(&world, 0, sizeof world);
    world.now_us = WORLD_START_US;
    sim_outlet_init(&world.outlet, &sim);
    sim_outlet_step(&world.outlet, world.now_us);
    CHECK_EQ(hf_flash_ram_init(&ram, &config), 0);
    flash = hf_flash_ram_seam(&ram);
    boot(&test_profile, 0);
}

static void tick(uint32_t session_id)
{
    evse_orders_t orders = {0};
    world.now_us += EVSE_TICK_US;
    sim_outlet_step(&world.outlet, world.now_us);
    orders.connector[0] =
        (evse_connector_order_t){.valid_until_us = world.now_us + HF_US_PER_S,
                                 .session = session_id != 0 ? EVSE_ORDER_RUN : EVSE_ORDER_NONE,
                                 .session_id = session_id,
                                 .limit_mA = INT32_MAX};
    hf_snapshot_write(&evse.mailbox.orders, &orders);
    world.sent_count = 0;
    evse_control_loop(&evse, world.now_us);
}

static evse_commission_state_t state(void)
{
    return evse.control.channel[0].commission.state;
}

static bool prove(uint32_t session_id)
{
    sim_outlet_plug(&world.outlet, true);
    for (unsigned i = 0; i < 4000 && state() != EVSE_COMMISSION_NONE; i++) {
        tick(session_id);
    }
    return state() == EVSE_COMMISSION_NONE;
}

static void run_comms(void)
{
    for (unsigned i = 0; i < 50; i++) {
        world.now_us += 20000;
        evse_comms_loop(&evse, world.now_us);
    }
}

static void record_of_a_proof_is_known_at_boot(void) // [SAF-15]
{
    set_up();
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
    CHECK(prove(1));
    run_comms();
    const evse_proof_t *proof = &evse.store.proof[0];
    CHECK_STR(proof->profile, "test");
    CHECK_EQ(proof->units, 1);
    CHECK(proof->timeout_ms >= 3000 && proof->timeout_ms <= 3400);
    CHECK(proof->agree_permille <= EVSE_COMMISSIONING_AGREE_PERMILLE);
    CHECK_EQ(evse.ocpp.proofs_owed, 0);
    boot(&test_profile, 1);
    CHECK(evse.control.channel[0].config.commissioned);
    CHECK_EQ(state(), EVSE_COMMISSION_NONE);
}

static void record_is_not_made_before_the_comms_loop_ran(void) // [SAF-15]
{
    set_up();
    CHECK(prove(1));
    boot(&test_profile, 1); // power cut in between
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
}

static void record_of_another_profile_or_number_does_not_count(void) // [SAF-15]
{
    evse_module_profile_t other = test_profile;
    other.name = "tesu";
    set_up();
    CHECK(prove(1));
    run_comms();
    boot(&other, 1);
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
    boot(&test_profile, 2);
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
    boot(&test_profile, 1);
    CHECK_EQ(state(), EVSE_COMMISSION_NONE);
}

static void record_that_cannot_be_written_is_owed(void) // [SAF-15]
{
    set_up();
    CHECK(prove(1));
    evse.ocpp.config.modules[0].profile = "a name that is far too long for it";
    run_comms();
    CHECK_EQ(evse.ocpp.proofs_owed, 1);
    CHECK_STR(evse.store.proof[0].profile, "");
    evse.ocpp.config.modules[0].profile = "test";
    run_comms();
    CHECK_EQ(evse.ocpp.proofs_owed, 0);
    CHECK_STR(evse.store.proof[0].profile, "test");
}

static void record_holds_every_profile_name(void)
{
    const evse_module_profile_t *profile;
    for (size_t i = 0; (profile = evse_module_profile_at(i)) != NULL; i++) {
        CHECK(strlen(profile->name) < EVSE_PROFILE_BYTES);
    }
}

HF_TEST_MAIN(HF_TEST(record_of_a_proof_is_known_at_boot),
             HF_TEST(record_is_not_made_before_the_comms_loop_ran),
             HF_TEST(record_of_another_profile_or_number_does_not_count),
             HF_TEST(record_that_cannot_be_written_is_owed),
             HF_TEST(record_holds_every_profile_name))
