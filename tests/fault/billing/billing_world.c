// SPDX-License-Identifier: MIT
// The world of billing.h: time, flash, link, central system. What reaches the central system goes into the ledger of
// billing_ledger.c; what truly happened is kept here.
#include "billing_ledger.h"

#include "support/ocpp_station.h"

#include <stdlib.h>

#define MEMORY_BYTES   (2u << 17)
#define QUEUE          16u
#define TEXT_BYTES     2048u
#define LATE_US        UINT64_C(45000000)
#define DELIVERY_MS    UINT64_C(7200000)
#define ROUND_MS       1000u
#define mJ_PER_Wh      UINT64_C(3600000)
#define CHECKPOINT_Wh  50u
#define BOOT_TRIES     20u
#define BOOT_OFFSET_US UINT64_C(1000000)

typedef struct waiting { // an answer on its way
    uint64_t at_us;
    char text[TEXT_BYTES];
} waiting_t;

typedef struct world {
    billing_config_t config;
    uint64_t us;      // of the world: goes on over boots
    uint64_t boot_us; // when the station of now was started
    int64_t jump_s;   // of the central system's clock
    bool up, half_open;
    billing_answer_t answer;
    uint32_t answer_nth, answer_left;
    uint32_t answer_count; // messages of transactions since billing_misbehave()
    waiting_t waiting[QUEUE];
    uint32_t waiting_count;
    char room[CONFIG_EVSE_OCPP_SEND_BYTES];
    char incoming[TEXT_BYTES];
    truth_t truth[BILLING_SESSIONS];
    uint32_t sessions;
    int32_t session_of[BILLING_CONNECTORS]; // index into truth, -1 none
    uint64_t register_mJ[BILLING_CONNECTORS];
    uint32_t tags, boots, lost;
    uint8_t memory[MEMORY_BYTES], durable[MEMORY_BYTES];
} world_t;

static world_t world;

// ---- central system ----------------------------------------------------------------------------------------------------

static void post(uint64_t delay_us, const char *text)
{
    if (world.waiting_count == QUEUE || strlen(text) >= TEXT_BYTES) {
        HF_TEST_FAIL("the world's link is full");
        return;
    }
    waiting_t *waiting = &world.waiting[world.waiting_count++];
    waiting->at_us = world.us + delay_us;
    strcpy(waiting->text, text);
}

static void break_link(void)
{
    ledger_fault(world.us);
    station_storage.link.state = EVSE_LINK_DOWN;
    world.waiting_count = 0;
}

static bool is_billing(const char *action)
{
    return strcmp(action, "StartTransaction") == 0 || strcmp(action, "StopTransaction") == 0 ||
           strcmp(action, "MeterValues") == 0;
}

static billing_answer_t mood_of(const char *action)
{
    if (!is_billing(action)) {
        return BILLING_ANSWER;
    }
    world.answer_count++;
    if (world.answer_count < world.answer_nth || world.answer_left == 0u) {
        return BILLING_ANSWER;
    }
    world.answer_left--;
    return world.answer;
}

static uint64_t utc_ms(void)
{
    return STATION_UTC_MS + world.us / 1000u + (uint64_t)(world.jump_s * 1000);
}

static void confirm(char *conf, size_t bytes, const char *id, const char *action, hf_json_t payload)
{
    char time[HF_ISO8601_BYTES];
    hf_iso8601_format(utc_ms(), time);
    strcpy(conf, "{}");
    if (strcmp(action, "BootNotification") == 0) {
        snprintf(conf, bytes, "{\"status\":\"Accepted\",\"currentTime\":\"%s\",\"interval\":60}",
                 time);
    } else if (strcmp(action, "Heartbeat") == 0) {
        snprintf(conf, bytes, "{\"currentTime\":\"%s\"}", time);
    } else if (strcmp(action, "Authorize") == 0) {
        snprintf(conf, bytes, "{\"idTagInfo\":{\"status\":\"Accepted\"}}");
    } else if (is_billing(action)) {
        int32_t transaction = ledger_take(world.us, id, action, payload);
        if (strcmp(action, "StartTransaction") == 0) {
            snprintf(conf, bytes, "{\"transactionId\":%d,\"idTagInfo\":{\"status\":\"Accepted\"}}",
                     (int)transaction);
        }
    }
}

static void take_call(const char *id, const char *action, hf_json_t payload)
{
    billing_answer_t mood = mood_of(action);
    if (mood == BILLING_DROP) {
        break_link();
        return;
    }
    char conf[256], text[512];
    confirm(conf, sizeof conf, id, action, payload);
    snprintf(text, sizeof text, "[3,\"%s\",%s]", id, conf);
    if (mood != BILLING_ANSWER && mood != BILLING_TWICE) {
        ledger_fault(world.us);
    }
    switch (mood) {
    case BILLING_NEVER:
        return;
    case BILLING_LATE:
        post(LATE_US, text);
        return;
    case BILLING_ERROR:
        snprintf(text, sizeof text, "[4,\"%s\",\"InternalError\",\"\",{}]", id);
        break;
    case BILLING_TWICE:
        post(0, text);
        break;
    case BILLING_OTHER_ID:
        snprintf(text, sizeof text, "[3,\"nobody-1-1\",%s]", conf);
        break;
    case BILLING_TAKE_DROP:
        break_link();
        return;
    case BILLING_ANSWER:
    case BILLING_DROP:
    case BILLING_ANSWERS:
    default:
        break;
    }
    post(0, text);
}

// ---- link --------------------------------------------------------------------------------------------------------------

static char *link_room(void *ctx, size_t *capacity)
{
    (void)ctx;
    *capacity = sizeof world.room;
    return station_storage.link.state == EVSE_LINK_OPEN ? world.room : NULL;
}

static int link_send(void *ctx, size_t length)
{
    (void)ctx;
    if (station_storage.ram.power_lost ||
        world.half_open) { // after the cut nothing leaves any more
        ledger_fault(world.us);
        return HF_OK;
    }
    hf_json_t frame;
    int64_t type = 0;
    char id[40], action[32];
    if (hf_json_parse(world.room, length, &frame) != HF_OK ||
        hf_json_i64(hf_json_element(frame, 0), &type) != HF_OK) {
        HF_TEST_FAIL("the station sent no JSON");
        return HF_OK;
    }
    if (type == 2 && hf_json_string(hf_json_element(frame, 1), id, sizeof id) == HF_OK &&
        hf_json_string(hf_json_element(frame, 2), action, sizeof action) == HF_OK) {
        take_call(id, action, hf_json_element(frame, 3));
    }
    return HF_OK;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    (void)ctx;
    for (uint32_t i = 0; i < world.waiting_count && !world.half_open; i++) {
        if (world.waiting[i].at_us <= world.us) {
            strcpy(world.incoming, world.waiting[i].text);
            world.waiting_count--;
            memmove(&world.waiting[i], &world.waiting[i + 1u],
                    (world.waiting_count - i) * sizeof world.waiting[0]);
            *text = world.incoming;
            *length = strlen(world.incoming);
            return 1;
        }
    }
    return 0;
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    station_t *s = ctx;
    (void)now_us;
    if (s->link.state == EVSE_LINK_OPENING) {
        s->link.state = world.up && !world.half_open ? EVSE_LINK_OPEN : EVSE_LINK_DOWN;
    } else if (s->link.state == EVSE_LINK_OPEN && !world.up) {
        break_link();
    }
    return s->link.state;
}

static const evse_link_ops_t link_ops = {
    .open = station_link_open,
    .close = station_link_close,
    .poll = link_poll,
    .room = link_room,
    .send = link_send,
    .receive = link_receive,
    .last_error = station_link_error,
};

// ---- time --------------------------------------------------------------------------------------------------------------

// A cut: power comes back. Else what failed has failed once.
static void restart_flash(void)
{
    hf_flash_ram_t *ram = &station_storage.ram;
    if (!ram->power_lost) {
        hf_flash_ram_power_off(ram);
    }
    hf_flash_ram_power_on(ram);
}

// Control's registers begin with what the store kept; the truth of what flowed is ours.
static void boot(void)
{
    station_t *s = &station_storage;
    ledger_fault(world.us);
    world.boots++;
    world.boot_us = world.us;
    world.waiting_count = 0;
    s->now_us = BOOT_OFFSET_US;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        if (world.session_of[i] >= 0) {
            world.truth[world.session_of[i]].cut = true;
            world.session_of[i] = -1;
        }
    }
    for (unsigned tries = 0; station_boot(s) != HF_OK;
         tries++) { // cut, or failed, while it starts: it is started again
        if (tries == BOOT_TRIES) {
            HF_TEST_FAIL("the station does not start: %d", station_boot(s));
            break;
        }
        restart_flash();
    }
    int status = evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true");
    CHECK(status == HF_OK || s->ram.power_lost || s->store.journal.failed < 0);
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        world.register_mJ[i] = s->control[i].register_mJ;
    }
}

// Control runs the station's sessions: what flows is added up for the card that began them.
static void watch(void)
{
    station_t *s = &station_storage;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        uint64_t mJ = s->control[i].register_mJ;
        if (world.session_of[i] >= 0) {
            truth_t *truth = &world.truth[world.session_of[i]];
            truth->ran = truth->ran || s->control[i].running;
            truth->mJ += mJ - world.register_mJ[i];
        } else if (mJ != world.register_mJ[i]) {
            HF_TEST_FAIL("power without a card on connector %u", i + 1u);
        }
        world.register_mJ[i] = mJ;
    }
}

static void step(void)
{
    station_t *s = &station_storage;
    world.us += STATION_STEP_US;
    s->now_us = world.us - world.boot_us + BOOT_OFFSET_US;
    station_control_round(s);
    watch();
    evse_ocpp_poll(&s->ocpp, s->now_us);
    if (s->ram.power_lost) {
        hf_flash_ram_power_on(&s->ram);
        boot();
    }
}

void billing_run_ms(uint64_t ms)
{
    for (uint64_t end_us = world.us + ms * 1000u; world.us < end_us;) {
        step();
    }
}

void billing_open(const billing_config_t *config)
{
    memset(&world, 0, sizeof world);
    world.config = *config;
    world.up = true;
    ledger_open();
    station_t *s = station_new(BILLING_CONNECTORS);
    const hf_flash_ram_config_t ram = {.memory = world.memory,
                                       .durable = config->loses_unsynced ? world.durable : NULL,
                                       .segment_bytes = config->segment_bytes,
                                       .segment_count = 2,
                                       .program_bytes = 4};
    CHECK_EQ(hf_flash_ram_init(&s->ram, &ram), 0);
    s->ram.seed = config->seed;
    s->ram.sync_polls = config->sync_polls;
    s->config.link = (evse_link_t){.ops = &link_ops, .ctx = s};
    s->config.seed = config->seed;
    for (unsigned i = 0; i < BILLING_CONNECTORS; i++) {
        world.session_of[i] = -1;
    }
    boot();
    char seconds[12];
    snprintf(seconds, sizeof seconds, "%u", (unsigned)config->sample_s);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", seconds), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TransactionMessageRetryInterval", "5"), 0);
    billing_run_ms(ROUND_MS);
}

// ---- faults ------------------------------------------------------------------------------------------------------------

void billing_misbehave(billing_answer_t answer, uint32_t nth, uint32_t count)
{
    world.answer = answer;
    world.answer_nth = nth;
    world.answer_left = count;
    world.answer_count = 0;
}

void billing_link(bool up, bool half_open)
{
    world.up = up;
    world.half_open = half_open;
    ledger_fault(world.us);
}

void billing_drop(void)
{
    break_link();
}

void billing_jump_clock(int64_t seconds)
{
    world.jump_s += seconds;
}

void billing_cut_at(uint64_t at)
{
    if (at != 0u) {
        station_storage.ram.cut_at = at;
        return;
    }
    hf_flash_ram_power_off(&station_storage.ram);
    hf_flash_ram_power_on(&station_storage.ram);
    boot();
}

void billing_kill(void)
{
    station_storage.ram.syncing = false; // nobody waits for it any more
    boot();
}

void billing_fail_sync(uint32_t nth)
{
    station_storage.ram.fail_sync_at = station_storage.ram.syncs + nth;
}

uint64_t billing_flash_steps(void)
{
    return station_storage.ram.steps;
}

// ---- users -------------------------------------------------------------------------------------------------------------

static truth_t *new_truth(unsigned connector)
{
    truth_t *truth = &world.truth[world.sessions];
    *truth = (truth_t){.connector = connector};
    snprintf(truth->tag, sizeof truth->tag, "TAG-%u", (unsigned)world.tags++);
    return truth;
}

bool billing_card(unsigned connector)
{
    station_t *s = &station_storage;
    if (world.session_of[connector] >= 0 && s->ocpp.session[connector].state != EVSE_SESSION_IDLE) {
        const truth_t *truth = &world.truth[world.session_of[connector]];
        return evse_ocpp_present_tag(&s->ocpp, connector, truth->tag, s->now_us) == HF_OK;
    }
    if (world.sessions == BILLING_SESSIONS) {
        return false;
    }
    const truth_t *truth = new_truth(connector);
    if (evse_ocpp_present_tag(&s->ocpp, connector, truth->tag, s->now_us) != HF_OK) {
        return false;
    }
    world.session_of[connector] = (int32_t)world.sessions++;
    return true;
}

void billing_plug(unsigned connector, bool plugged)
{
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
    return idle && s->link.state == EVSE_LINK_OPEN && !s->ocpp.rpc.outstanding &&
           evse_store_waiting(&s->store) == 0;
}

static void heal(void)
{
    station_t *s = &station_storage;
    world.answer_left = 0;
    world.up = true;
    world.half_open = false;
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
    heal();
    for (uint64_t waited_ms = 0; waited_ms < DELIVERY_MS && !is_delivered();
         waited_ms += ROUND_MS) {
        billing_run_ms(ROUND_MS);
    }
    world.lost += station_storage.store.lost;
    if (!is_delivered()) {
        HF_TEST_FAIL("%s: not delivered: %u messages wait", what, 0u);
        hf_test_failed_here = 0;
        return 1;
    }
    unsigned faults =
        ledger_judge(what, world.truth, world.sessions) + (unsigned)hf_test_failed_here;
    hf_test_failed_here = 0;
    return faults;
}

billing_totals_t billing_totals(void)
{
    billing_totals_t totals = ledger_totals();
    totals.sessions = world.sessions;
    totals.boots = world.boots;
    totals.lost_messages = world.lost;
    return totals;
}
