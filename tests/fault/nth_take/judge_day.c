// SPDX-License-Identifier: MIT
// The whole charge point in stepped time with the n-th take refused, for every n until a run no longer reaches it: a
// session with readings, one without the central system that is killed in the middle, boots that may be refused, and
// one after all that. Judged at every tick: no power without a transaction that is durable. At the end: one START and
// one STOP each, nothing billed twice, at most a checkpoint lost, no block left behind, every refusal counted, and the
// last session charged. `prog LENGTH:N` replays one run, with LENGTH takes refused from the N-th on.
#include "hf_test.h"
#include "nth_take.h"
#include "world.h"

#define CHECKPOINT_Wh 50
#define BOOTS_MAX     40u

static world_t world;
static const char *wrong;
static bool is_told;

static void expect(bool is_true, const char *what)
{
    if (!is_true && wrong == NULL) {
        wrong = what;
    }
}

// ---- waiting, with the judge at every tick -------------------------------------------------------

static void judge_power(void)
{
    const evse_store_t *store = &world.evse.store;
    if (!world.running || world.outlet[0].power_mW == 0) {
        return;
    }
    const evse_transaction_t *open = store->open[0];
    expect(open != NULL && hf_journal_durable(&store->journal) >= open->durable_at,
           "power without a durable transaction");
}

static bool run_until(bool (*reached)(void), uint64_t limit_ms)
{
    for (uint64_t until_us = world.now_us + limit_ms * HF_US_PER_MS; world.now_us < until_us;) {
        world_step(&world);
        judge_power();
        if (reached != NULL && reached()) {
            return true;
        }
    }
    return false;
}

static bool is_accepted(void)
{
    return world.evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED && world.station >= 0;
}

static bool is_preparing(void)
{
    return world_connector(&world, 0).state == EVSE_STATE_Preparing;
}

static bool is_charging(void)
{
    return world_connector(&world, 0).state == EVSE_STATE_Charging;
}

static bool is_available(void)
{
    return world_connector(&world, 0).state == EVSE_STATE_Available;
}

static bool is_delivered(void)
{
    return is_accepted() && world_comms(&world).queue == 0;
}

// ---- what is played ------------------------------------------------------------------------------

static void expect_counted(void)
{
    const evse_store_t *store = &world.evse.store;
    expect(nth_take_is_counted(&store->messages), "a refusal was not counted, or more than once");
}

/// Whoever starts the charge point starts it again when it refuses to.
static void boot(int status)
{
    for (unsigned i = 0; i < BOOTS_MAX && status != HF_OK; i++) {
        expect(status == HF_E_FULL, "a boot failed otherwise than by the refusal");
        (void)run_until(NULL, 1000);
        status = world_boot(&world);
    }
    expect(status == HF_OK, "it never booted");
}

static void command(const char *line)
{
    expect(world_csms(&world, line) == HF_OK, line);
    (void)run_until(NULL, 1000);
}

static bool charge(bool is_online)
{
    sim_outlet_plug(&world.outlet[0], true);
    expect(run_until(is_preparing, 8000), "not preparing");
    if (is_online) {
        command("remote-start CP1 1 TAG1");
    } else {
        is_told = world_present_tag(&world, 0, "TAG1") == HF_OK;
    }
    bool charges = run_until(is_charging, 20000);
    (void)run_until(NULL, 25000);
    return charges;
}

static void leave(void)
{
    sim_outlet_plug(&world.outlet[0], false);
    expect(run_until(is_available, 20000), "not available again");
}

static void killed_session(void)
{
    world_set_reachable(&world, false);
    (void)charge(false);
    world_kill(&world);
    (void)run_until(NULL, 1000);
    expect(world.outlet[0].power_mW == 0, "power from the dead");
    expect_counted();
    boot(world_boot(&world));
    expect(world.outlet[0].power_mW == 0, "power by itself");
    leave();
    world_set_reachable(&world, true);
    expect(run_until(is_delivered, 300000), "not delivered");
}

static void judge_bill(void)
{
    uint32_t starts = 0, stops = 0;
    int64_t billed_Wh = 0;
    for (uint32_t i = 0; i < world.csms.entries; i++) {
        const csms_entry_t *entry = &world.csms.ledger[i];
        expect(entry->conflicts == 0, "one id, two contents");
        starts += entry->kind == CSMS_LEDGER_START ? 1u : 0u;
        stops += entry->kind == CSMS_LEDGER_STOP ? 1u : 0u;
        billed_Wh += entry->kind == CSMS_LEDGER_STOP ? entry->meter_Wh : 0;
        billed_Wh -= entry->kind == CSMS_LEDGER_START ? entry->meter_Wh : 0;
    }
    expect(starts == stops, "not one STOP for each START");
    int64_t lost_Wh = (int64_t)(world.outlet[0].energy_mJ / 3600000u) - billed_Wh;
    // Each session may round down by 1 Wh at both ends.
    expect(lost_Wh >= -(int64_t)starts && lost_Wh <= CHECKPOINT_Wh + (int64_t)starts,
           "billed what did not flow, or lost more than a checkpoint");
}

/// One run. Returns the sessions that charged before the last.
static uint32_t play(uint32_t first, uint32_t length)
{
    const world_config_t config = {
        .connectors = 1, .seed = 5, .utc_ms = 1767225600000u, .clock_known = true};
    wrong = NULL;
    nth_take_plan(first, length);
    boot(world_init(&world, &config));
    expect(run_until(is_accepted, 30000), "not accepted");
    command("set-config CP1 AllowOfflineTxForUnknownId true");
    command("set-config CP1 MeterValueSampleInterval 3");
    uint32_t charged = charge(true) ? 1u : 0u;
    leave();
    killed_session();
    uint32_t takes = nth_take.takes, refused = nth_take.refused;
    expect_counted();
    nth_take_plan(0, 0);
    expect(charge(true), "no session charges any more");
    leave();
    expect(run_until(is_delivered, 60000), "not delivered");
    expect(hf_pool_stats(&world.evse.store.messages).in_use == 0, "a message was left behind");
    for (size_t i = 0; i < HF_COUNT_OF(world.evse.store.slot); i++) {
        expect(world.evse.store.slot[i].number == 0, "a transaction was left behind");
    }
    judge_bill();
    nth_take.takes = takes;
    nth_take.refused = refused;
    return charged;
}

static void day_without_refusal_is_judged_good(void)
{
    CHECK_EQ(play(0, 0), 1);
    CHECK(wrong == NULL);
    if (wrong != NULL) {
        printf("  %s\n", wrong);
    }
    CHECK(is_told);
    CHECK(nth_take.takes > 4); // readings that are not journalled at once
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_STOP), 3);
}

static void day_every_take_refused_in_turn_is_safe_and_billed_once(void)
{
    static const uint32_t lengths[] = {1, 3, 8};
    uint32_t runs = 0, refused_sessions = 0;
    for (size_t l = 0; l < HF_COUNT_OF(lengths); l++) {
        for (uint32_t n = 1;; n++) {
            refused_sessions += play(n, lengths[l]) == 0 ? 1u : 0u;
            if (wrong != NULL) {
                HF_TEST_FAIL("%s; replay: %u:%u", wrong, (unsigned)lengths[l], (unsigned)n);
            }
            if (nth_take.refused == 0) {
                break;
            }
            runs++;
        }
    }
    printf("  %u runs, in %u of them the first session was refused\n", (unsigned)runs,
           (unsigned)refused_sessions);
    CHECK(runs > 12);
    CHECK_EQ(refused_sessions, 0); // a reading without a block is journalled, a session needs none
}

static int replay(const char *id)
{
    unsigned length = 0, first = 0;
    if (sscanf(id, "%u:%u", &length, &first) != 2) {
        printf("not LENGTH:N\n");
        return 2;
    }
    (void)play(first, length);
    printf("%s; %u of %u takes refused\n", wrong == NULL ? "good" : wrong,
           (unsigned)nth_take.refused, (unsigned)nth_take.takes);
    return wrong != NULL;
}

int main(int argc, char **argv)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(day_without_refusal_is_judged_good),
        HF_TEST(day_every_take_refused_in_turn_is_safe_and_billed_once)};
    if (argc > 1 && strchr(argv[1], ':') != NULL) {
        return replay(argv[1]);
    }
    return hf_test_run(cases, HF_COUNT_OF(cases), argc > 1 ? argv[1] : NULL);
}
