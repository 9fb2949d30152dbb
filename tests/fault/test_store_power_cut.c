// SPDX-License-Identifier: MIT
// A scripted day at two connectors, power cut at every step of it; then reboots that are cut as well, and the bill. A
// failure prints the variant and the step: the script is the same each time, so that is all a replay needs.
#include "support/store_judge.h"

typedef struct variant {
    const char *name;
    uint32_t segments, program_bytes, sync_polls;
    bool garbage, cached;
} variant_t;

static world_t w;
static judge_t judge;
static unsigned setting_durable, setting_tried; // counts up
static bool latch_durable, proof_durable;
static const evse_proof_t proof = {.profile = "m33-1024", .units = 2, .timeout_ms = 3000};
static unsigned object_durable, object_tried; // as the setting
static uint32_t step_count;                   // ops of the script that were done

static int settle(void)
{
    int status = world_settle(&w);
    if (status == HF_OK) {
        judge_note_durable(&judge, &w);
        setting_durable = setting_tried;
        object_durable = object_tried;
        latch_durable = latch_durable || w.store.estop_latched;
        proof_durable = proof_durable || evse_store_is_proven(&w.store, 1, proof.profile, 2);
    }
    return status;
}

static int boot_station(void)
{
    int status = world_boot(&w);
    if (status == HF_OK) {
        judge_note_durable(&judge, &w);
    }
    return status;
}

static int change_setting(void)
{
    setting_tried++;
    char value[4] = {(char)('0' + setting_tried / 100u), (char)('0' + setting_tried / 10u % 10u),
                     (char)('0' + setting_tried % 10u), '\0'};
    return evse_store_set(&w.store, "Step", value);
}

/// One is replaced again and again, another comes and goes.
static int change_object(void)
{
    uint8_t content[40] = {(uint8_t)++object_tried};
    memset(&content[1], 0x5A, sizeof content - 1u);
    int status = evse_store_keep(&w.store, EVSE_OBJECT_PROFILE, 7, content, sizeof content);
    if (status == HF_OK) {
        status = object_tried % 2u == 0
                     ? evse_store_forget(&w.store, EVSE_OBJECT_UPDATE, 9)
                     : evse_store_keep(&w.store, EVSE_OBJECT_UPDATE, 9, content, 3);
    }
    return status == HF_E_FULL ? HF_OK : status;
}

static bool is_object_good(void)
{
    uint8_t content[40] = {0};
    int length = evse_store_kept(&w.store, EVSE_OBJECT_PROFILE, 7, content, sizeof content);
    if (length == HF_E_NOT_FOUND) {
        return object_durable == 0;
    }
    return length == (int)sizeof content && content[39] == 0x5A && content[0] >= object_durable &&
           content[0] <= object_tried;
}

typedef enum op {
    OP_BEGIN,
    OP_CHARGE,
    OP_METER,
    OP_METER_KEEP,
    OP_END,
    OP_SETTLE,
    OP_CLOCK,
    OP_SEND,
    OP_SEND_UNANSWERED,
    OP_SETTING,
    OP_LATCH,
    OP_PROOF,
    OP_INOPERATIVE,
    OP_FINISHING,
    OP_KEEP_ALL,
    OP_TXDATA,
    OP_OBJECT,
} op_t;

typedef struct step {
    op_t op;
    uint8_t connector, times; // times: 0 is once
} step_t;

// A session before the clock is known, one delivered while it runs, one that is running at the end; readings of both kinds,
// some journalled after what follows them, sample sets for STOPs, more than there is room for; objects.
static const step_t script[] = {
    {OP_BEGIN, 0, 0},      {OP_SETTLE, 0, 0},
    {OP_CHARGE, 0, 30},    {OP_TXDATA, 0, 2},
    {OP_METER_KEEP, 0, 0}, {OP_CHARGE, 0, 8},
    {OP_METER, 0, 2},      {OP_TXDATA, 0, 1},
    {OP_END, 0, 0},        {OP_FINISHING, 0, 0},
    {OP_BEGIN, 1, 0},      {OP_SETTLE, 0, 0},
    {OP_KEEP_ALL, 0, 0},   {OP_OBJECT, 0, 2},
    {OP_CHARGE, 1, 12},    {OP_CLOCK, 0, 0},
    {OP_SETTING, 0, 33},   {OP_SEND, 0, 2},
    {OP_SETTING, 0, 30},   {OP_SEND_UNANSWERED, 0, 0},
    {OP_SEND, 0, 2},       {OP_METER, 1, 0},
    {OP_CHARGE, 1, 40},    {OP_TXDATA, 1, 36},
    {OP_METER, 1, 0},      {OP_METER_KEEP, 1, 2},
    {OP_SEND, 0, 3},       {OP_LATCH, 0, 0},
    {OP_PROOF, 1, 0},      {OP_SETTLE, 0, 0},
    {OP_CHARGE, 1, 25},    {OP_END, 1, 0},
    {OP_BEGIN, 0, 0},      {OP_SETTING, 0, 36},
    {OP_SETTLE, 0, 0},     {OP_CHARGE, 0, 60},
    {OP_SEND, 0, 9},       {OP_INOPERATIVE, 0, 0},
    {OP_OBJECT, 0, 5},     {OP_END, 0, 0},
    {OP_BEGIN, 1, 0},      {OP_BEGIN, 0, 0},
    {OP_SETTLE, 0, 0},     {OP_CHARGE, 0, 14},
    {OP_CHARGE, 1, 14},    {OP_METER, 1, 3},
    {OP_METER_KEEP, 1, 3}, {OP_SETTING, 0, 34},
    {OP_SETTLE, 0, 0},     {OP_END, 1, 0},
    {OP_KEEP_ALL, 0, 0},   {OP_CHARGE, 0, 30},
    {OP_SETTLE, 0, 0},
};

static int charge(unsigned connector)
{
    int status = judge_charge(&judge, &w, connector, 10 * WH);
    return status < 0 ? status : settle();
}

static int do_step(const step_t *step)
{
    judge.now_ms += 700;
    switch (step->op) {
    case OP_BEGIN:
        return judge_begin(&judge, &w, step->connector);
    case OP_CHARGE:
        return charge(step->connector);
    case OP_METER:
        return judge_meter(&judge, &w, step->connector, false);
    case OP_METER_KEEP:
        return judge_meter(&judge, &w, step->connector, true);
    case OP_END:
        return judge_end(&judge, &w, step->connector, EVSE_STOP_Local);
    case OP_SETTLE:
        return settle();
    case OP_CLOCK:
        return judge_tell_clock(&judge, &w);
    case OP_SEND:
        return judge_deliver(&judge, &w, 1, true);
    case OP_SEND_UNANSWERED:
        return judge_deliver(&judge, &w, 1, false);
    case OP_SETTING:
        return change_setting();
    case OP_LATCH:
        return evse_store_set_latch(&w.store, true, 1);
    case OP_PROOF:
        return evse_store_set_proof(&w.store, step->connector, &proof);
    case OP_INOPERATIVE:
        return evse_store_set_inoperative(&w.store, 0, true);
    case OP_FINISHING:
        return evse_store_set_finishing(&w.store, step->connector, true);
    case OP_KEEP_ALL:
        return judge_keep_all(&judge, &w);
    case OP_TXDATA:
        return judge_txdata(&judge, &w, step->connector);
    case OP_OBJECT:
        return change_object();
    }
    return HF_E_ARGUMENT;
}

static int run_script(void)
{
    int status = boot_station();
    for (size_t i = 0; i < HF_COUNT_OF(script); i++) {
        for (unsigned n = 0; status == HF_OK && n < (script[i].times ? script[i].times : 1u); n++) {
            status = do_step(&script[i]);
            if (status == HF_OK) {
                status = evse_store_poll(&w.store, judge.now_ms * 1000u);
            }
            step_count++;
        }
    }
    return status;
}

static void set_up(const variant_t *variant, uint32_t seed)
{
    memset(&judge, 0, sizeof judge);
    setting_durable = setting_tried = object_durable = object_tried = 0;
    latch_durable = proof_durable = false;
    step_count = 0;
    w.segment_bytes = 3072; // little room: the script compacts several times
    CHECK_EQ(world_init(&w, variant->segments, variant->program_bytes, variant->cached), HF_OK);
    w.ram.sync_polls = variant->sync_polls;
    w.ram.cut_garbage = variant->garbage;
    w.ram.seed = seed;
}

/// The same with a flash of another size.
static int world_init_bytes(world_t *world, const variant_t *variant, uint32_t segment_bytes)
{
    world->segment_bytes = segment_bytes;
    int status = world_init(world, variant->segments, variant->program_bytes, variant->cached);
    world->ram.sync_polls = variant->sync_polls;
    world->ram.cut_garbage = variant->garbage;
    return status;
}

static void power_returns(uint64_t cut_at)
{
    if (!w.ram.power_lost) {
        hf_flash_ram_power_off(&w.ram);
    }
    hf_flash_ram_power_on(&w.ram);
    w.ram.cut_at = cut_at;
    judge_power_lost(&judge);
}

static bool is_setting_good(void)
{
    const char *value = evse_store_get(&w.store, "Step");
    unsigned found = 0;
    for (; value != NULL && *value != '\0'; value++) {
        found = found * 10u + (unsigned)(*value - '0');
    }
    return found >= setting_durable && found <= setting_tried &&
           (!latch_durable || (w.store.estop_latched && w.store.weld_latched == 1)) &&
           (!proof_durable || evse_store_is_proven(&w.store, 1, proof.profile, 2));
}

/// Boots and delivers; the power may be cut again on the way.
static const char *recover(uint64_t cut_at)
{
    power_returns(cut_at);
    int status = boot_station();
    if (status == HF_OK && !is_object_good()) {
        return "a durable object was forgotten, or is another";
    }
    if (status == HF_OK && !is_setting_good()) {
        return "a durable setting, latch or proof was forgotten";
    }
    if (status == HF_OK) {
        status = judge_tell_clock(&judge, &w);
    }
    if (status == HF_OK) {
        status = judge_deliver(&judge, &w, 100, cut_at == HF_FLASH_RAM_NEVER);
    }
    if (status == HF_OK) {
        status = world_settle(&w);
    }
    return status == HF_OK || w.ram.power_lost ? NULL : hf_status_text(status);
}

static const char *run_with_cut(const variant_t *variant, uint64_t cut)
{
    set_up(variant, (uint32_t)cut + 1u);
    w.ram.cut_at = cut;
    int status = run_script();
    if (status == HF_OK || !w.ram.power_lost) {
        return "the script did not end by the cut";
    }
    const char *wrong = recover(cut % 97u);
    if (wrong == NULL) {
        wrong = recover(cut % 211u);
    }
    if (wrong == NULL) {
        wrong = recover(HF_FLASH_RAM_NEVER);
    }
    return wrong != NULL ? wrong : judge_verdict(&judge, &w);
}

static void cut_everywhere(const variant_t *variant)
{
    set_up(variant, 1);
    CHECK_EQ(run_script(), HF_OK);
    uint64_t steps = w.ram.steps;
    CHECK(w.store.journal.compactions >= 2);
    CHECK(judge.sessions == 5 && judge.messages >= 8);
    CHECK(recover(HF_FLASH_RAM_NEVER) == NULL);
    const char *wrong = judge_verdict(&judge, &w);
    CHECK(wrong == NULL);
    for (uint64_t cut = 0; cut < steps && wrong == NULL; cut++) {
        wrong = run_with_cut(variant, cut);
        if (wrong != NULL) {
            HF_TEST_FAIL("%s; replay: store_power_cut.%s:1:%llu (op %u)", wrong, variant->name,
                         (unsigned long long)cut, (unsigned)step_count);
        }
    }
}

static void store_power_cut_at_any_byte_bills_once(void)
{
    static const variant_t variant = {"kept", 2, 4, 0, false, false};
    cut_everywhere(&variant);
}

static void store_power_cut_with_garbage_bills_once(void)
{
    static const variant_t variant = {"garbage", 3, 1, 2, true, false};
    cut_everywhere(&variant);
}

static void store_power_cut_losing_unsynced_pages_bills_once(void)
{
    static const variant_t variant = {"cached", 2, 8, 3, true, true};
    cut_everywhere(&variant);
}

// ---- many messages --------------------------------------------------------------------------------------------------

#define WAITING_SESSIONS 25u

/// Sessions without a central system, then checkpoints until a compaction carries all of it over. `from` and `to` are the
/// flash's steps of that one.
static int fill_and_compact(uint64_t *from, uint64_t *to)
{
    int status = boot_station();
    status = status == HF_OK ? judge_tell_clock(&judge, &w) : status;
    for (unsigned i = 0; i < WAITING_SESSIONS && status == HF_OK; i++) {
        static const step_t steps[] = {{OP_BEGIN, 0, 0},      {OP_SETTLE, 0, 0}, {OP_CHARGE, 0, 1},
                                       {OP_METER_KEEP, 0, 0}, {OP_TXDATA, 0, 0}, {OP_END, 0, 0},
                                       {OP_SETTLE, 0, 0}};
        for (size_t n = 0; n < HF_COUNT_OF(steps) && status == HF_OK; n++) {
            status = do_step(&steps[n]);
        }
    }
    status = status == HF_OK ? change_object() : status;
    uint32_t compactions = w.store.journal.compactions;
    for (unsigned i = 0; status == HF_OK && w.store.journal.compactions == compactions; i++) {
        *from = w.ram.steps;
        status = change_setting();
        *to = w.ram.steps;
        status = status == HF_OK ? settle() : status;
    }
    return status;
}

static void store_power_cut_while_50_messages_are_compacted_bills_once(void)
{
    static const variant_t variant = {"compaction", 2, 4, 1, true, false};
    uint64_t from = 0, to = 0, ignored;
    memset(&w, 0, sizeof w);
    set_up(&variant, 1);
    CHECK_EQ(world_init_bytes(&w, &variant, WORLD_BYTES_MAX), HF_OK);
    CHECK_EQ(fill_and_compact(&from, &to), HF_OK);
    CHECK(evse_store_waiting(&w.store) >= 3u * WAITING_SESSIONS);
    CHECK(to - from > 4000);
    const char *wrong = NULL;
    for (uint64_t cut = from; cut <= to + 8u && wrong == NULL; cut++) {
        set_up(&variant, (uint32_t)cut);
        CHECK_EQ(world_init_bytes(&w, &variant, WORLD_BYTES_MAX), HF_OK);
        w.ram.cut_at = cut;
        (void)fill_and_compact(&ignored, &ignored);
        wrong = recover(cut % 3001u);
        wrong = wrong == NULL ? recover(HF_FLASH_RAM_NEVER) : wrong;
        wrong = wrong == NULL ? judge_verdict(&judge, &w) : wrong;
        if (wrong != NULL) {
            HF_TEST_FAIL("%s; replay: store_power_cut.compaction:1:%llu", wrong,
                         (unsigned long long)cut);
        }
    }
}

HF_TEST_MAIN(HF_TEST(store_power_cut_at_any_byte_bills_once),
             HF_TEST(store_power_cut_with_garbage_bills_once),
             HF_TEST(store_power_cut_losing_unsynced_pages_bills_once),
             HF_TEST(store_power_cut_while_50_messages_are_compacted_bills_once))
