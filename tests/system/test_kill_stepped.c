// SPDX-License-Identifier: MIT
// The charge point dies at every tick of a session in turn (every k-th here; the seed of a failure is printed), in stepped
// time over the whole charge point: exactly one START and one STOP, nothing billed twice, at most a checkpoint lost.
#include "hf_test.h"
#include "world.h"

#define KILL_STEP_TICKS 37u
#define CHECKPOINT_Wh   50

static world_t world;

static bool accepted(world_t *w)
{
    return w->evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED && w->station >= 0;
}

static bool preparing(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Preparing;
}

static bool delivered(world_t *w)
{
    return accepted(w) && world_comms(w).queue == 0;
}

static bool unpowered(world_t *w)
{
    return w->outlet[0].power_mW == 0;
}

/// Kills after `ticks` ticks of the session; returns false when the session had ended before that.
static bool kill_at(unsigned ticks)
{
    const world_config_t config = {.connectors = 1, .seed = ticks + 1u, .utc_ms = 1767225600000u};
    CHECK_EQ(world_init(&world, &config), HF_OK);
    CHECK(world_run_until(&world, accepted, 10000));
    sim_outlet_plug(&world.outlet[0], true);
    CHECK(world_run_until(&world, preparing, 5000));
    CHECK_EQ(world_csms(&world, "remote-start CP1 1 TAG1"), HF_OK);
    for (unsigned i = 0; i < ticks; i++) {
        world_step(&world);
        if (i == 1200) {
            CHECK_EQ(world_csms(&world, "remote-stop CP1"), HF_OK);
        }
    }
    uint64_t killed_mJ = world.outlet[0].energy_mJ;
    bool begun =
        world.evse.store.next_transaction > 1 || csms_count(&world.csms, 0, CSMS_LEDGER_START) != 0;
    world_kill(&world);
    // A dead process drops the contactor: 500 ms plus the drop-out time, whatever the module does. [SAF-11]
    CHECK(world_run_until(&world, unpowered, 500 + 30 + 10));
    world_run_ms(&world, 2000);
    CHECK_EQ(world.outlet[0].power_mW, 0);
    CHECK_EQ(world_boot(&world), HF_OK);
    CHECK(world_run_until(&world, delivered, 120000));
    world_run_ms(&world, 2000);
    // Nothing energizes by itself after a restart. [SAF-08]
    CHECK_EQ(world.outlet[0].power_mW, 0);
    uint32_t starts = csms_count(&world.csms, 0, CSMS_LEDGER_START);
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_STOP), starts);
    CHECK(starts <= 1);
    CHECK(starts == 1 || killed_mJ == 0);
    int64_t billed_Wh = 0;
    for (uint32_t i = 0; i < world.csms.entries; i++) {
        const csms_entry_t *entry = &world.csms.ledger[i];
        CHECK_EQ(entry->conflicts, 0);
        billed_Wh += entry->kind == CSMS_LEDGER_STOP ? entry->meter_Wh : 0;
        billed_Wh -= entry->kind == CSMS_LEDGER_START ? entry->meter_Wh : 0;
    }
    int64_t lost_Wh = (int64_t)(killed_mJ / 3600000u) - billed_Wh;
    CHECK(lost_Wh >= -1 && lost_Wh <= CHECKPOINT_Wh);
    if (hf_test_failed_here != 0) {
        printf("  replay: killed after %u ticks, begun %d\n", ticks, begun);
    }
    return ticks < 2000;
}

static void kill_at_any_tick_of_a_session_bills_exactly_once(void)
{
    for (unsigned ticks = 1; kill_at(ticks) && hf_test_failed_here == 0; ticks += KILL_STEP_TICKS) {
    }
}

HF_TEST_MAIN(HF_TEST(kill_at_any_tick_of_a_session_bills_exactly_once))
