// SPDX-License-Identifier: MIT
// Random days: sessions, readings, deliveries, lost answers, settings, orderly restarts and power cuts at random steps,
// judged at the end. A failure prints the seed and the step at which it showed.
#include "support/journal_model.h"
#include "support/store_judge.h"

#define SEEDS      1500u
#define STEPS      400u
#define CONNECTORS 2u

typedef struct day {
    uint32_t random, step;
    unsigned
        level; // of the setting and latch below: what was tried last, what is known to be durable
    unsigned level_durable;
} day_t;

static world_t w;
static judge_t judge;
static day_t day;

static uint32_t dice(uint32_t sides)
{
    return model_random(&day.random) % sides;
}

static void arm_cut(void)
{
    w.ram.cut_at = dice(4) == 0 ? w.ram.steps + dice(600) : w.ram.steps + dice(6000);
    w.ram.cut_garbage = dice(2) == 0;
    w.ram.sync_polls = dice(4);
}

static void note_durable(void)
{
    judge_note_durable(&judge, &w);
    if (evse_store_is_durable(&w.store)) {
        day.level_durable = day.level;
    }
}

static void check_level(void)
{
    if (w.store.weld_latched < day.level_durable || w.store.weld_latched > day.level) {
        judge_wrong(&judge, "a durable latch was forgotten");
    }
    day.level = w.store.weld_latched;
}

/// Boots until it succeeds; cuts may hit the boots as well, the tenth never.
static void restart(void)
{
    for (unsigned attempt = 0; attempt < 10; attempt++) {
        hf_flash_ram_power_off(&w.ram);
        hf_flash_ram_power_on(&w.ram);
        judge_power_lost(&judge);
        if (attempt < 9) {
            arm_cut();
        }
        int status = world_boot(&w);
        if (status == HF_OK) {
            check_level();
            note_durable();
            return;
        }
        if (!w.ram.power_lost) {
            judge_wrong(&judge, hf_status_text(status));
            return;
        }
    }
}

static int begin(unsigned connector)
{
    if (!evse_store_has_room(&w.store) || judge.sessions == JUDGE_SESSIONS_MAX) {
        return HF_OK;
    }
    return judge_begin(&judge, &w, connector);
}

static int orderly_restart(void)
{
    for (unsigned c = 0; c < CONNECTORS; c++) {
        int status = w.store.open[c] != NULL && dice(2) == 0
                         ? judge_end(&judge, &w, c, EVSE_STOP_SoftReset)
                         : HF_OK;
        if (status < 0) {
            return status;
        }
    }
    int status = evse_store_shutdown(&w.store, EVSE_STOP_SoftReset);
    if (status < 0) {
        return status;
    }
    status = world_settle(&w);
    note_durable();
    return status < 0 ? status : HF_E_CLOSED; // the power may go now
}

static int set_key(void)
{
    int status = evse_store_set(&w.store, "Key", dice(2) == 0 ? "a" : "b");
    return status == HF_E_FULL && evse_store_get(&w.store, "Key") == NULL ? HF_OK : status;
}

static int random_step(void)
{
    unsigned connector = dice(CONNECTORS);
    bool open = w.store.open[connector] != NULL;
    judge.now_ms += dice(20000);
    switch (dice(18)) {
    case 0:
    case 1:
        return open ? judge_end(&judge, &w, connector, EVSE_STOP_Remote) : begin(connector);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        return judge_charge(&judge, &w, connector, dice(10) * WH + dice(1000000));
    case 7:
    case 8:
        return open ? judge_meter(&judge, &w, connector, dice(2) == 0) : HF_OK;
    case 9:
        return judge_deliver(&judge, &w, 1 + dice(6), dice(3) != 0);
    case 10:
        return dice(3) == 0 ? judge_tell_clock(&judge, &w) : HF_OK;
    case 11:
        return evse_store_set_latch(&w.store, dice(2) == 0, ++day.level);
    case 12:
        return set_key();
    case 13:
        return dice(12) == 0 ? orderly_restart() : HF_OK;
    case 14:
        return judge_keep_all(&judge, &w);
    case 15:
        return judge_txdata(&judge, &w, connector);
    default:
        return world_settle(&w);
    }
}

static void run_day(uint32_t seed)
{
    memset(&judge, 0, sizeof judge);
    memset(&day, 0, sizeof day);
    day.random = seed * 2654435761u + 1u;
    w.segment_bytes = 2560u + 512u * dice(6); // whole sectors, as of files
    CHECK_EQ(world_init(&w, 2u + dice(2), 1u << dice(5), dice(2) == 0), HF_OK);
    w.ram.seed = seed;
    w.connectors = CONNECTORS;
    restart();
    for (day.step = 0; day.step < STEPS && judge.wrong == NULL; day.step++) {
        int status = random_step();
        if (status == HF_OK) {
            status = evse_store_poll(&w.store, judge_since_boot_ms(&judge) * 1000u);
            note_durable();
        }
        if (status < 0 && status != HF_E_CLOSED && !w.ram.power_lost) {
            judge_wrong(&judge, hf_status_text(status));
        }
        if (status < 0) {
            restart();
        }
    }
}

static void deliver_the_rest(void)
{
    hf_flash_ram_power_off(&w.ram);
    hf_flash_ram_power_on(&w.ram);
    judge_power_lost(&judge);
    CHECK_EQ(world_boot(&w), HF_OK);
    for (unsigned i = 0; i < 2000 && evse_store_waiting(&w.store) > 0; i++) {
        CHECK_EQ(judge_tell_clock(&judge, &w), HF_OK);
        CHECK_EQ(judge_deliver(&judge, &w, 1, true), HF_OK);
        CHECK_EQ(world_settle(&w), HF_OK);
    }
}

static void store_random_days_are_billed_exactly_once(void)
{
    unsigned sessions = 0, duplicates = 0, boots = 0, compactions = 0;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        run_day(seed);
        deliver_the_rest();
        const char *wrong = judge_verdict(&judge, &w);
        if (wrong != NULL) {
            HF_TEST_FAIL("%s; replay: store_random_days:%u:%u", wrong, (unsigned)seed,
                         (unsigned)day.step);
            return;
        }
        sessions += judge.sessions;
        duplicates += judge.deliveries - judge.messages;
        boots += w.store.boot;
        compactions += w.store.journal.generation - 1u;
    }
    printf("  %u sessions, %u boots, %u compactions, %u duplicates\n", sessions, boots, compactions,
           duplicates);
    CHECK(sessions > 10u * SEEDS && boots > 3u * SEEDS && compactions > SEEDS &&
          duplicates > SEEDS);
}

HF_TEST_MAIN(HF_TEST(store_random_days_are_billed_exactly_once))
