// SPDX-License-Identifier: MIT
// A charge point whose energy meter has a register of its own, in whole watt-hours, read once a second: what is billed is
// what the meter counted; and what becomes of bills and register when it falls silent, jumps, begins anew, or the charge
// point is killed. Stepped time, over the whole charge point.
#include "hf_test.h"
#include "world.h"

#define mJ_PER_Wh     3600000u
#define CHECKPOINT_Wh 50
#define PERIOD_US     1000000u
#define AGE_MS        5000u

typedef struct register_meter {
    evse_meter_counter_t counter;
    uint64_t next_us, taken_us, read_mJ;
    int64_t offset_mJ; // the meter against the outlet's true energy
    bool silent;
} register_meter_t;

static world_t world;
static register_meter_t meter;

static uint64_t meter_mJ(void)
{
    uint64_t mJ = (uint64_t)((int64_t)world.outlet[0].energy_mJ + meter.offset_mJ);
    return mJ - mJ % mJ_PER_Wh;
}

static int register_advance(void *ctx, uint64_t now_us, evse_meter_count_t *count)
{
    register_meter_t *own = ctx;
    if (now_us >= own->next_us && !own->silent) {
        own->next_us = now_us + PERIOD_US;
        own->taken_us = now_us;
        own->read_mJ = meter_mJ();
    }
    if (own->taken_us == 0 || now_us - own->taken_us > AGE_MS * 1000u) {
        return HF_E_TIMEOUT;
    }
    return evse_meter_counter_take(&own->counter, own->read_mJ, own->taken_us, count);
}

static const evse_meter_ops_t register_ops = {.advance = register_advance};
static const evse_meter_t seam = {.ops = &register_ops, .ctx = &meter, .age_ms = AGE_MS};

static bool accepted(world_t *w)
{
    return w->evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED && w->station >= 0;
}

static bool is_state(world_t *w, evse_connector_state_t state)
{
    return world_connector(w, 0).state == (uint32_t)state;
}

static bool preparing(world_t *w)
{
    return is_state(w, EVSE_STATE_Preparing);
}

static bool charging(world_t *w)
{
    return is_state(w, EVSE_STATE_Charging);
}

static bool delivered(world_t *w)
{
    return accepted(w) && world_comms(w).queue == 0;
}

static bool available(world_t *w)
{
    return is_state(w, EVSE_STATE_Available);
}

// The charge point restarts; the meter's reader begins anew with it.
static void boot(void)
{
    meter.next_us = meter.taken_us = 0;
    evse_meter_counter_init(&meter.counter, 4000u, mJ_PER_Wh);
    world.evse_config.control.channel[0].meter = &seam;
    CHECK_EQ(world_boot(&world), HF_OK);
    CHECK(world_run_until(&world, accepted, 90000));
    world_run_ms(&world, 3000);
}

static void start_world(int64_t offset_Wh)
{
    const world_config_t config = {.connectors = 1, .seed = 3, .utc_ms = 1767225600000u};
    CHECK_EQ(world_init(&world, &config), HF_OK);
    world_kill(&world);
    world_run_ms(&world, 1000);
    meter = (register_meter_t){.offset_mJ = offset_Wh * mJ_PER_Wh};
    boot();
}

static void begin_session(void)
{
    sim_outlet_plug(&world.outlet[0], true);
    CHECK(world_run_until(&world, preparing, 20000));
    CHECK_EQ(world_csms(&world, "remote-start CP1 1 TAG1"), HF_OK);
    CHECK(world_run_until(&world, charging, 20000));
}

static void leave(void)
{
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 40000));
    CHECK(world_run_until(&world, delivered, 120000));
}

static const csms_entry_t *entry(unsigned kind, uint32_t n)
{
    for (uint32_t i = 0; i < world.csms.entries; i++) {
        if (world.csms.ledger[i].kind == kind && n-- == 0) {
            return &world.csms.ledger[i];
        }
    }
    return NULL;
}

// Of the n-th session.
static int64_t billed_Wh(uint32_t n)
{
    const csms_entry_t *begin = entry(CSMS_LEDGER_START, n), *end = entry(CSMS_LEDGER_STOP, n);
    return begin != NULL && end != NULL ? end->meter_Wh - begin->meter_Wh : -1;
}

static int64_t started_Wh(uint32_t n)
{
    const csms_entry_t *begin = entry(CSMS_LEDGER_START, n);
    return begin != NULL ? begin->meter_Wh : -1;
}

static int64_t meter_Wh(void)
{
    return (int64_t)(meter_mJ() / mJ_PER_Wh);
}

static void meter_register_bill_is_what_the_meter_counted(void)
{
    start_world(1234567);
    for (uint32_t n = 0; n < 8; n++) {
        int64_t before_Wh = meter_Wh();
        begin_session();
        world_run_ms(&world, 60000 + n * 37130);
        if (n % 2 == 0) {
            CHECK_EQ(world_csms(&world, "remote-stop CP1"), HF_OK);
            world_run_ms(&world, 5000);
        }
        leave();
        CHECK_EQ(started_Wh(n), before_Wh);
        CHECK_EQ(billed_Wh(n), meter_Wh() - before_Wh);
        CHECK(billed_Wh(n) > 20);
        world_run_ms(&world, 5000);
    }
    CHECK_EQ(started_Wh(0), 1234567); // the station's register is the meter's own
}

static void meter_register_kill_costs_the_bill_a_checkpoint_and_the_register_nothing(void)
{
    start_world(1000000);
    for (uint32_t n = 0; n < 5; n++) {
        int64_t before_Wh = meter_Wh();
        begin_session();
        world_run_ms(&world, 130000 + n * 9170);
        world_kill(&world);
        world_run_ms(&world, 3000);
        int64_t counted_Wh = meter_Wh() - before_Wh;
        boot();
        CHECK_EQ((long long)(world_connector(&world, 0).register_mJ / mJ_PER_Wh), meter_Wh());
        leave();
        CHECK_EQ(started_Wh(n), before_Wh);
        CHECK(billed_Wh(n) <= counted_Wh);
        CHECK(counted_Wh - billed_Wh(n) <= CHECKPOINT_Wh);
    }
}

static void meter_register_silent_meter_ends_the_session(void)
{
    start_world(5000);
    int64_t before_Wh = meter_Wh();
    begin_session();
    world_run_ms(&world, 60000);
    meter.silent = true;
    world_run_ms(&world, AGE_MS + 3000u);
    CHECK_EQ(world_connector(&world, 0).fault, EVSE_FAULT_METER_STALE);
    CHECK_EQ(world.outlet[0].power_mW, 0);
    meter.silent = false;
    world_run_ms(&world, 20000);
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 60000));
    CHECK(world_run_until(&world, delivered, 120000));
    CHECK(billed_Wh(0) > 0);
    CHECK(billed_Wh(0) <= meter_Wh() - before_Wh);
    int64_t again_Wh = meter_Wh();
    begin_session(); // the next one is billed right
    world_run_ms(&world, 60000);
    leave();
    CHECK_EQ(started_Wh(1), again_Wh);
    CHECK_EQ(billed_Wh(1), meter_Wh() - again_Wh);
}

static void meter_register_jump_ends_the_session_and_nobody_pays_it(void)
{
    start_world(5000);
    begin_session();
    world_run_ms(&world, 60000);
    uint64_t true_mJ = world.outlet[0].energy_mJ;
    meter.offset_mJ += 700ll * mJ_PER_Wh;
    world_run_ms(&world, 3500); // two readings, and well before a silent one would be missed
    CHECK_EQ(world_connector(&world, 0).fault, EVSE_FAULT_METER_STALE);
    CHECK_EQ(world.outlet[0].power_mW, 0);
    CHECK_EQ(meter.counter.jumps, 1);
    true_mJ = world.outlet[0].energy_mJ;
    world_run_ms(&world, 20000);
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 60000));
    CHECK(world_run_until(&world, delivered, 120000));
    CHECK(billed_Wh(0) > 0);
    CHECK(billed_Wh(0) <= (int64_t)(true_mJ / mJ_PER_Wh) + 1);
    int64_t again_Wh = meter_Wh();
    begin_session();
    world_run_ms(&world, 60000);
    leave();
    CHECK_EQ(billed_Wh(1), meter_Wh() - again_Wh);
    CHECK_EQ(started_Wh(1), entry(CSMS_LEDGER_STOP, 0)->meter_Wh); // the jump is in no register
}

static void meter_register_that_begins_anew_costs_no_session(void)
{
    start_world(5000);
    begin_session();
    world_run_ms(&world, 60000);
    meter.offset_mJ = -(int64_t)(world.outlet[0].energy_mJ - world.outlet[0].energy_mJ % mJ_PER_Wh);
    world_run_ms(&world, 60000);
    CHECK_EQ(world_connector(&world, 0).fault, EVSE_FAULT_NONE);
    CHECK(charging(&world));
    leave();
    CHECK_EQ(meter.counter.backs, 1);
    int64_t true_Wh = (int64_t)(world.outlet[0].energy_mJ / mJ_PER_Wh);
    CHECK(billed_Wh(0) <= true_Wh + 1);
    CHECK(billed_Wh(0) >= true_Wh - 4); // two readings' worth
}

static void meter_register_first_silence_permits_no_session(void)
{
    start_world(5000);
    meter.silent = true;
    world_run_ms(&world, 10000);
    sim_outlet_plug(&world.outlet[0], true);
    CHECK(world_run_until(&world, preparing, 20000));
    CHECK_EQ(world_csms(&world, "remote-start CP1 1 TAG1"), HF_OK);
    world_run_ms(&world, 20000);
    CHECK_EQ(world.outlet[0].power_mW, 0);
    CHECK((world_connector(&world, 0).reasons & EVSE_REASON(METER_STALE)) != 0);
    meter.silent = false;
    CHECK(world_run_until(&world, charging, 30000));
}

HF_TEST_MAIN(HF_TEST(meter_register_bill_is_what_the_meter_counted),
             HF_TEST(meter_register_kill_costs_the_bill_a_checkpoint_and_the_register_nothing),
             HF_TEST(meter_register_silent_meter_ends_the_session),
             HF_TEST(meter_register_jump_ends_the_session_and_nobody_pays_it),
             HF_TEST(meter_register_that_begins_anew_costs_no_session),
             HF_TEST(meter_register_first_silence_permits_no_session))
