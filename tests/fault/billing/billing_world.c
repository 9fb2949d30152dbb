// SPDX-License-Identifier: MIT
// The world of billing.h: time, flash, boots, users. The station in it is that of support/ocpp_station.h; what truly
// happened to it goes into billing_truth.h, what it says into the ledger.
#include "billing_csms.h"
#include "billing_kept.h"
#include "billing_ledger.h"
#include "billing_truth.h"

#include "support/ocpp_station.h"

#include <stdlib.h>

#define MEMORY_BYTES    (4u << 16)
#define DELIVERY_MS     UINT64_C(7200000)
#define ROUND_MS        1000u
#define BOOT_TRIES      20u
#define BOOT_OFFSET_US  UINT64_C(1000000)
#define FIRST_Wh        UINT64_C(123456)
#define THINNED_AT_ONCE 40u
#define THINNED_FROM    16u // messages that wait: with fewer even the smallest flash has room
#define ROUNDS_US       UINT64_C(500000) // until the station has looked at everything, and a little more

_Static_assert(STATION_EPOCH_MS == STATION_UTC_MS, "one clock");

typedef struct world {
    billing_config_t config;
    uint64_t boot_us; // when the station of now was started
    uint64_t register_mJ[BILLING_CONNECTORS];
    uint64_t idle_us
        [BILLING_CONNECTORS]; // since when the session of session_of has been over; 0 it is not
    int32_t before[BILLING_CONNECTORS]; // the session before, and when it was replaced
    uint64_t replaced_us[BILLING_CONNECTORS];
    uint64_t no_room_us;   // when the journal last had none for readings
    uint64_t offline_us;   // since when there has been no link; 0 there is one
    uint32_t reset_reason; // of a Reset under way
    bool keeping;
    uint32_t boots, lost, compactions;
    uint8_t memory[MEMORY_BYTES], durable[MEMORY_BYTES], begun[MEMORY_BYTES];
} world_t;

static world_t world;

bool world_has_power(void)
{
    return !station_storage.ram.power_lost;
}

// ---- boots -------------------------------------------------------------------------------------------------------------

// A cut: power comes back. Else what failed has failed once.
static void restart_flash(void)
{
    hf_flash_ram_t *ram = &station_storage.ram;
    if (!ram->power_lost) {
        hf_flash_ram_power_off(ram);
    }
    hf_flash_ram_power_on(ram);
}

static void cut_session(int32_t session, uint32_t reasons)
{
    if (session >= 0) {
        truths.session[session].cut = true;
        truths.session[session].cut_us = truths.now_us;
        truths.session[session].reasons |= reasons;
    }
}

static void note_end_of_boot(uint32_t reasons)
{
    ledger_fault(truths.now_us, true);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        cut_session(truths.session_of[i], reasons);
        if (truths.now_us - world.replaced_us[i] < truths.store_us ||
            truths_boot()->storage_failed) {
            cut_session(world.before[i], reasons);
        }
        truths.session_of[i] = world.before[i] = -1;
        world.idle_us[i] = 0;
    }
    truths_power_lost();
    truths.thinned += station_storage.store.thinned;
    // A cut in the last byte of a record of thinned readings leaves it whole, uncounted.
    bool is_thinning = evse_store_waiting(&station_storage.store) >= THINNED_FROM;
    truths.thinned +=
        station_storage.store.journal.failed < 0 && is_thinning ? THINNED_AT_ONCE : 0u;
    world.lost += station_storage.store.lost;
    world.compactions += station_storage.store.journal.compactions;
    truths_boot()->to_us = truths.now_us;
    truths.boots++;
}

static void set_keys(station_t *s)
{
    static const char *const all = "Energy.Active.Import.Register,Power.Active.Import,Voltage,"
                                   "Current.Import,Current.Offered,SoC,"
                                   "Temperature,Power.Offered";
    char seconds[12];
    snprintf(seconds, sizeof seconds, "%u", (unsigned)world.config.sample_s);
    const struct {
        const char *key, *value;
    } keys[] = {
        {"AllowOfflineTxForUnknownId", "true"},
        {"MeterValueSampleInterval", seconds},
        {"MeterValuesSampledData",
         world.config.long_readings ? all : "Energy.Active.Import.Register,SoC"},
        {"StopTxnSampledData", world.config.stop_data ? "Energy.Active.Import.Register" : ""},
        {"TransactionMessageRetryInterval", "5"}};
    _Static_assert(RETRY_S == 5u, "TransactionMessageRetryInterval");
    for (size_t i = 0; i < HF_COUNT_OF(keys); i++) { // written once: equal ones are not
        int status = evse_ocpp_set_key(&s->ocpp, keys[i].key, keys[i].value);
        CHECK(status >= 0 || s->ram.power_lost || s->store.journal.failed < 0);
    }
}

// It may be behind by what flowed since the last checkpoint.
static void check_register(unsigned i, uint64_t kept_mJ)
{
    bool is_excused = truths.boots > 0u && truths.boot[truths.boots - 1u].storage_failed;
    if (kept_mJ + CHECKPOINT_mJ < world.register_mJ[i] && !is_excused) {
        printf("  connector %u: %llu mJ, was %llu\n", i + 1u, (unsigned long long)kept_mJ,
               (unsigned long long)world.register_mJ[i]);
        ledger_found("the register went back", NULL);
    }
}

// Control's registers begin with what the store kept; the truth of what flowed is ours.
static void boot(uint32_t reasons)
{
    station_t *s = &station_storage;
    if (world.boots++ > 0u) {
        note_end_of_boot(reasons);
    }
    *truths_boot() = (boot_truth_t){.from_us = truths.now_us};
    world.boot_us = truths.now_us;
    world.offline_us = truths.now_us;
    world.reset_reason = 0;
    csms_restart();
    s->now_us = BOOT_OFFSET_US;
    s->resets = 0;
    for (unsigned tries = 0; station_boot(s) != HF_OK; tries++) { // cut, or failed, while it starts
        if (tries == BOOT_TRIES) {
            HF_TEST_FAIL("the station does not start: %d", station_boot(s));
            break;
        }
        ledger_fault(truths.now_us, true);
        restart_flash();
    }
    set_keys(s);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        check_register(i, s->control[i].register_mJ);
        world.register_mJ[i] = s->control[i].register_mJ;
        s->control[i].mW = POWER_mW;
    }
    CHECK_EQ(kept_check(&s->store), 0);
}

// ---- watching ----------------------------------------------------------------------------------------------------------

// Control runs the station's sessions: what flows is added up for the card that began them.
static void watch_power(unsigned i)
{
    station_t *s = &station_storage;
    uint64_t mJ = s->control[i].register_mJ;
    int32_t session = truths.session_of[i];
    if (session >= 0) {
        truth_t *truth = &truths.session[session];
        truth->ran = truth->ran || s->control[i].running;
        truth->mJ += mJ - world.register_mJ[i];
        if (mJ != world.register_mJ[i]) {
            truth->run_us = truth->run_us != 0u ? truth->run_us : truths.now_us;
            truth->last_us = truths.now_us;
        }
    } else if (mJ != world.register_mJ[i]) {
        HF_TEST_FAIL("power without a card on connector %u", i + 1u);
    }
    world.register_mJ[i] = mJ;
}

// Once its end is durable nothing can happen to a session any more.
static void watch_end(unsigned i)
{
    const station_t *s = &station_storage;
    bool over = truths.session_of[i] >= 0 && s->ocpp.session[i].state == EVSE_SESSION_IDLE &&
                !s->control[i].running && s->store.journal.failed == HF_OK;
    if (!over) {
        world.idle_us[i] = 0;
    } else if (world.idle_us[i] == 0u) {
        world.idle_us[i] = truths.now_us;
    } else if (truths.now_us - world.idle_us[i] >= truths.store_us) {
        truths.session_of[i] = -1;
    }
}

// Readings are on the flash once the link is down, or the first of the queue stays unconfirmed for the message time-out.
static void watch_readings(void)
{
    const station_t *s = &station_storage;
    uint64_t slack_us = ROUNDS_US + truths.store_us;
    truths_boot()->is_clock_kept =
        s->ocpp.clock_told || truths.boots < CONFIG_EVSE_BOOT_OFFSETS_MAX;
    if (s->store.journal.failed < 0) {
        truths_boot()->storage_failed = true;
        for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
            if (truths.session_of[i] >= 0) {
                truths.session[truths.session_of[i]].reasons |= STOP_BIT(Other);
            }
        }
        return;
    }
    world.offline_us = csms_is_connected()      ? 0u
                       : world.offline_us != 0u ? world.offline_us
                                                : truths.now_us;
    uint64_t unanswered_us = csms_unanswered_us();
    bool stuck = unanswered_us != 0u && truths.now_us - unanswered_us >=
                                            s->ocpp.rpc.timeout_ms * UINT64_C(1000) + slack_us;
    bool offline = world.offline_us != 0u && truths.now_us - world.offline_us >= slack_us;
    world.no_room_us = s->store.readings_stay ? truths.now_us : world.no_room_us;
    bool has_room = world.no_room_us == 0u || truths.now_us - world.no_room_us >= slack_us;
    if ((stuck || offline) && has_room && truths.now_us > slack_us) {
        truths_require(&truths.readings, truths.now_us - slack_us);
    }
    if (truths.now_us > slack_us) {
        truths_require(&truths.sets, truths.now_us - slack_us);
    }
}

static void step(void)
{
    station_t *s = &station_storage;
    truths.now_us += STATION_STEP_US;
    s->now_us = truths.now_us - world.boot_us + BOOT_OFFSET_US;
    station_control_round(s);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        watch_power(i);
    }
    evse_ocpp_poll(&s->ocpp, s->now_us);
    if (s->ram.power_lost) {
        hf_flash_ram_power_on(&s->ram);
        boot(STOP_BIT(PowerLoss));
    } else if (s->resets > 0u) {
        hf_flash_ram_restart(&s->ram);
        boot(STOP_BIT(PowerLoss) | world.reset_reason);
    }
    watch_readings();
    if (world.keeping && evse_store_is_durable(&s->store)) {
        kept_durable();
        world.keeping = false;
    }
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        watch_end(i);
    }
}

void billing_run_ms(uint64_t ms)
{
    for (uint64_t end_us = truths.now_us + ms * 1000u; truths.now_us < end_us;) {
        step();
    }
}

static void open_flash(station_t *s, const billing_config_t *config)
{
    const hf_flash_ram_config_t ram = {
        .memory = world.memory,
        .durable = config->loses_unsynced ? world.durable : NULL,
        .begun = config->loses_unsynced ? world.begun : NULL,
        .segment_bytes = config->segment_bytes != 0u ? config->segment_bytes : 65536u,
        .segment_count = config->segment_count != 0u ? config->segment_count : 2u,
        .program_bytes = config->program_bytes != 0u ? config->program_bytes : 4u};
    CHECK_EQ(hf_flash_ram_init(&s->ram, &ram), 0);
    s->ram.seed = (config->seed + 1u) * 0x9E3779B1u ^ 0x5BD1E995u; // small ones give like coins
    s->ram.cut_garbage = config->garbage;
    s->ram.sync_polls = config->sync_polls;
}

void billing_trace(void)
{
    ledger.is_traced = true;
}

void billing_open(const billing_config_t *config)
{
    memset(&world, 0, offsetof(world_t, memory));
    world.config = *config;
    ledger_open();
    // A sync that runs, one more, each by polls; the rounds around them.
    truths_open((2u * (config->sync_polls + 2u) + 6u) * UINT64_C(1) * STATION_STEP_US);
    csms_open(config->latency_ms);
    kept_open();
    station_t *s = station_new(BILLING_CONNECTORS);
    open_flash(s, config);
    s->config.link = (evse_link_t){.ops = &csms_link_ops, .ctx = s};
    s->config.seed = config->seed;
    boot(0);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        world.before[i] = -1;
        world.register_mJ[i] = s->control[i].register_mJ = (FIRST_Wh + 1000u * i) * mJ_PER_Wh;
    }
    billing_run_ms(ROUND_MS);
}

// ---- faults ------------------------------------------------------------------------------------------------------------

void billing_jump_clock(int64_t seconds)
{
    csms_jump_clock(seconds);
    truths.clock_jumped = true;
}

void billing_cut_at(uint64_t at)
{
    if (at != 0u) {
        station_storage.ram.cut_at = at;
        return;
    }
    hf_flash_ram_power_off(&station_storage.ram);
    hf_flash_ram_power_on(&station_storage.ram);
    boot(STOP_BIT(PowerLoss));
}

void billing_kill(void)
{
    hf_flash_ram_restart(&station_storage.ram);
    boot(STOP_BIT(PowerLoss));
}

void billing_reset(bool hard)
{
    if (!csms_is_connected() || station_storage.ocpp.ending.reason != EVSE_STOP_None) {
        return;
    }
    world.reset_reason = hard ? STOP_BIT(HardReset) : STOP_BIT(SoftReset);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        if (truths.session_of[i] >= 0) {
            truths.session[truths.session_of[i]].reasons |= world.reset_reason;
        }
    }
    csms_call("Reset", hard ? "{\"type\":\"Hard\"}" : "{\"type\":\"Soft\"}");
}

void billing_fail_sync(uint32_t nth)
{
    station_storage.ram.fail_sync_at = station_storage.ram.syncs + nth;
}

void billing_keep(uint16_t key, uint32_t bytes)
{
    kept_put(&station_storage.store, key, bytes);
    world.keeping = true;
}

bool billing_is_online(void)
{
    return csms_is_connected();
}

uint64_t billing_flash_steps(void)
{
    return station_storage.ram.steps;
}

// ---- users -------------------------------------------------------------------------------------------------------------

static truth_t *new_truth(unsigned connector)
{
    truth_t *truth = &truths.session[truths.sessions];
    *truth = (truth_t){.connector = connector,
                       .start_mJ = world.register_mJ[connector],
                       .card_us = truths.now_us,
                       .boot = truths.boots < TRUTH_BOOTS ? truths.boots : TRUTH_BOOTS - 1u};
    snprintf(truth->tag, sizeof truth->tag, "TAG-%u", (unsigned)truths.sessions);
    return truth;
}

bool billing_card(unsigned connector)
{
    station_t *s = &station_storage;
    int32_t session = truths.session_of[connector];
    if (session >= 0 && s->ocpp.session[connector].state != EVSE_SESSION_IDLE) {
        truth_t *truth = &truths.session[session];
        truth->reasons |= STOP_BIT(Local);
        return evse_ocpp_present_tag(&s->ocpp, connector, truth->tag, s->now_us) == HF_OK;
    }
    if (truths.sessions == BILLING_SESSIONS) {
        return false;
    }
    truth_t *truth = new_truth(connector);
    if (evse_ocpp_present_tag(&s->ocpp, connector, truth->tag, s->now_us) != HF_OK) {
        return false;
    }
    truth->reasons = world.reset_reason;
    if (!station_storage.control[connector].plugged) {
        truth->reasons |= STOP_BIT(EVDisconnected); // should it come and go
    }
    world.before[connector] = session;
    world.replaced_us[connector] = truths.now_us;
    world.idle_us[connector] = 0;
    truths.session_of[connector] = (int32_t)truths.sessions++;
    return true;
}

void billing_plug(unsigned connector, bool plugged)
{
    if (!plugged && truths.session_of[connector] >= 0) {
        truths.session[truths.session_of[connector]].reasons |= STOP_BIT(EVDisconnected);
    }
    station_storage.control[connector].plugged = plugged;
}

bool billing_is_charging(unsigned connector)
{
    return station_storage.control[connector].running != 0u;
}

void billing_session(unsigned connector, uint64_t ms)
{
    billing_plug(connector, true);
    billing_run_ms(100);
    bool began = billing_card(connector);
    billing_run_ms(ms);
    if (began) {
        (void)billing_card(connector);
        billing_run_ms(300);
    }
    billing_plug(connector, false);
    billing_run_ms(200);
}

// ---- the end -----------------------------------------------------------------------------------------------------------

static bool is_delivered(void)
{
    const station_t *s = &station_storage;
    bool idle = true;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        idle = idle && s->ocpp.session[i].state == EVSE_SESSION_IDLE;
    }
    return idle && csms_is_connected() && !s->ocpp.rpc.outstanding &&
           evse_store_waiting(&s->store) == 0;
}

static void heal(void)
{
    station_t *s = &station_storage;
    csms_heal();
    s->ram.cut_at = HF_FLASH_RAM_NEVER;
    s->ram.fail_sync_at = s->ram.fail_program_at = s->ram.fail_erase_at = 0;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        billing_plug(i, false);
    }
    billing_run_ms(4u * ROUND_MS);
    if (s->store.journal.failed < 0) { // the supervisor would start it anew
        billing_cut_at(0);
    }
}

unsigned billing_judge(const char *what)
{
    station_t *s = &station_storage;
    heal();
    for (uint64_t waited_ms = 0; waited_ms < DELIVERY_MS && !is_delivered();
         waited_ms += ROUND_MS) {
        billing_run_ms(ROUND_MS);
    }
    world.lost += s->store.lost;
    world.compactions += s->store.journal.compactions;
    truths.thinned += s->store.thinned;
    if (!is_delivered()) {
        printf("FAULT %s: not delivered, %u messages wait\n", what,
               (unsigned)evse_store_waiting(&s->store));
        hf_test_failed_here = 0;
        return 1;
    }
    CHECK_EQ(kept_check(&s->store), 0);
    CHECK_EQ(s->ram.overwrites, 0);
    CHECK_EQ(s->ram.misuses, 0);
    unsigned faults = ledger_judge(what) + (unsigned)hf_test_failed_here;
    if (hf_test_failed_here != 0) {
        printf("FAULT %s\n", what);
    }
    hf_test_failed_here = 0;
    return faults;
}

billing_totals_t billing_totals(void)
{
    billing_totals_t totals = ledger_totals();
    totals.sessions = truths.sessions;
    totals.boots = world.boots;
    totals.lost_messages = world.lost;
    totals.thinned = (unsigned)truths.thinned;
    totals.refused = truths.readings.refused + truths.sets.refused;
    totals.compactions = world.compactions;
    return totals;
}
