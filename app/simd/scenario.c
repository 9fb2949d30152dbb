// SPDX-License-Identifier: MIT
// A day of a charge point: sessions one after another over the connectors, spread over the hours. Which of them meet an
// outage, a kill or a fault is drawn from the world's seed; a failed run is replayed by the same options and seed.
#include "scenario.h"

#include "world_wifi.h"

#include <string.h>

#define MS_PER_S          1000u
#define MS_PER_HOUR       3600000u
#define START_LIMIT_MS    (90u * MS_PER_S)
#define STOP_LIMIT_MS     (30u * MS_PER_S)
#define OUTAGE_SEEN_MS    (4u * MS_PER_S)
#define DELIVERY_LIMIT_MS (2u * MS_PER_HOUR)

typedef struct play {
    world_t *world;
    unsigned connector; // from 0
} play_t;

static bool is_state(const world_t *world, unsigned connector, evse_connector_state_t state)
{
    return world->running && world_connector(world, connector).state == (uint32_t)state;
}

static bool wait_state(play_t *play, evse_connector_state_t state, uint64_t limit_ms)
{
    for (uint64_t waited = 0; waited < limit_ms; waited += WORLD_STEP_US / HF_US_PER_MS) {
        if (is_state(play->world, play->connector, state)) {
            return true;
        }
        world_step(play->world);
    }
    return false;
}

static void command(world_t *world, const char *format, unsigned connector)
{
    char line[96];
    hf_builder_t out;
    hf_builder_init(&out, line, sizeof line);
    hf_builder_format(&out, format, connector);
    if (world_csms(world, line) != HF_OK) {
        return; // not connected any more: the session goes on, and is ended by its plug
    }
}

static bool is_online(const world_t *world)
{
    return world->station >= 0 && world->running &&
           world->evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED;
}

static void start(play_t *play)
{
    world_t *world = play->world;
    sim_outlet_plug(&world->outlet[play->connector], true);
    (void)wait_state(play, EVSE_STATE_Preparing, 5u * MS_PER_S);
    if (is_online(world)) {
        command(world, "remote-start CP1 %u TAG1", play->connector + 1);
    } else if (world_present_tag(world, play->connector, "TAG1") != HF_OK) {
        return; // refused: the session counts as one that never came to charge
    }
}

static void stop(play_t *play)
{
    world_t *world = play->world;
    if (!world->running || is_state(world, play->connector, EVSE_STATE_Finishing)) {
        return;
    }
    bool by_plug = world_random(world, 4) == 0;
    if (!by_plug && is_online(world)) {
        command(world, "remote-stop CP1", 0);
        (void)wait_state(play, EVSE_STATE_Finishing, STOP_LIMIT_MS);
    }
}

/// Drawn from what is over once it is cleared; what leaves a latch for a technician is not among them.
static sim_faults_t draw_fault(world_t *world, bool from_all)
{
    static const sim_faults_t kinds[] = {
        SIM_FAULT_MODULE_SILENT, SIM_FAULT_BMS_SILENT, SIM_FAULT_HOT, SIM_FAULT_NAN,
        SIM_FAULT_BUS_OFF, SIM_FAULT_ESTOP,
        // from here on only when all are asked for
        SIM_FAULT_BMS_FORBIDS, SIM_FAULT_IO_SILENT, SIM_FAULT_OVERVOLTAGE, SIM_FAULT_UNDERVOLTAGE,
        SIM_FAULT_BMS_BUS_OFF, SIM_FAULT_BUS_UNPLUGGED, SIM_FAULT_BMS_BUS_UNPLUGGED,
        SIM_FAULT_BABBLE, SIM_FAULT_BMS_BABBLE, SIM_FAULT_FLOOD, SIM_FAULT_BMS_FLOOD,
        SIM_FAULT_TERMINAL_SILENT, SIM_FAULT_TELEMETRY_SILENT, SIM_FAULT_ANSWERS_SILENT,
        SIM_FAULT_READINGS_STUCK, SIM_FAULT_INF, SIM_FAULT_CURRENT_X10, SIM_FAULT_VOLTAGE_X1_1,
        SIM_FAULT_OVERCURRENT, SIM_FAULT_MODULE_DEAD, SIM_FAULT_UNIT_DEAD, SIM_FAULT_ESTOP_WIRE,
        SIM_FAULT_BMS_IMPOSSIBLE, SIM_FAULT_BMS_SHORT, SIM_FAULT_OFF_LIED, SIM_FAULT_REFUSE_OFF};
    enum { FEW = 6 };
    return kinds[world_random(world, from_all ? (uint32_t)HF_COUNT_OF(kinds) : FEW)];
}

static void disturb(play_t *play, const scenario_options_t *options)
{
    world_t *world = play->world;
    sim_outlet_t *outlet = &world->outlet[play->connector];
    if (world_random(world, options->sessions) < options->kills) {
        world_kill(world);
        world_run_ms(world, 500u + world_random(world, 5000));
        world->boot_status = world_boot(world);
    }
    if (world_random(world, options->sessions) < options->faults) {
        sim_faults_t kind = draw_fault(world, options->all_faults);
        sim_outlet_set_fault(outlet, kind, true);
        world_run_ms(world, 10u * MS_PER_S);
        sim_outlet_set_fault(outlet, kind, false);
        world_run_ms(world, MS_PER_S / 2u); // the reset has to be seen let go first
        bool latches = (kind & (SIM_FAULT_ESTOP | SIM_FAULT_ESTOP_WIRE | SIM_FAULT_IO_SILENT)) != 0;
        sim_outlet_hold_reset(outlet, latches);
        world_run_ms(world, 5u * MS_PER_S);
        sim_outlet_hold_reset(outlet, false);
    }
}

/// Of the network where it is a radio's, of the central system where it is a cable.
static void set_outage(world_t *world, bool is_out)
{
    if (world->config.wifi) {
        world->wifi.ap[0].is_present = !is_out;
        world_run_ms(world, OUTAGE_SEEN_MS); // what is said before it is noticed, nobody hears
    } else {
        world_set_reachable(world, !is_out);
    }
}

/// One session. True when power flowed.
static bool play_session(play_t *play, const scenario_options_t *options, uint64_t length_ms)
{
    world_t *world = play->world;
    bool outage = world_random(world, options->sessions) < options->outages;
    if (outage) {
        set_outage(world, true);
    }
    start(play);
    bool charged = wait_state(play, EVSE_STATE_Charging, START_LIMIT_MS);
    world_run_ms(world, length_ms / 2u);
    disturb(play, options);
    world_run_ms(world, length_ms / 2u);
    stop(play);
    sim_outlet_plug(&world->outlet[play->connector], false);
    (void)wait_state(play, EVSE_STATE_Available, STOP_LIMIT_MS);
    if (outage) {
        world_run_ms(world, (1u + world_random(world, 9)) * 60u * MS_PER_S);
        set_outage(world, false);
    }
    return charged;
}

static bool is_delivered(world_t *world)
{
    return is_online(world) && world_comms(world).queue == 0;
}

static void judge(world_t *world, scenario_result_t *result)
{
    const csms_t *csms = &world->csms;
    int64_t meter_start[CONFIG_EVSE_CONNECTORS_MAX + 1u] = {0};
    for (uint32_t i = 0; i < csms->entries; i++) {
        const csms_entry_t *entry = &csms->ledger[i];
        result->conflicts += entry->conflicts;
        result->duplicates += entry->duplicates;
        result->starts += entry->kind == CSMS_LEDGER_START ? 1u : 0u;
        result->stops += entry->kind == CSMS_LEDGER_STOP ? 1u : 0u;
        result->meters += entry->kind == CSMS_LEDGER_METER ? 1u : 0u;
        if (entry->kind == CSMS_LEDGER_START && entry->connector < HF_COUNT_OF(meter_start)) {
            meter_start[entry->connector] = entry->meter_Wh;
        } else if (entry->kind == CSMS_LEDGER_STOP && entry->connector < HF_COUNT_OF(meter_start)) {
            result->billed_Wh += (uint64_t)(entry->meter_Wh - meter_start[entry->connector]);
        }
    }
    for (uint32_t s = 0; s < csms->stations; s++) {
        result->invalid += csms->station[s].invalid;
    }
    for (unsigned c = 0; c < world->config.connectors; c++) {
        result->simulated_Wh += world->outlet[c].energy_mJ / 3600000u;
    }
}

static void take_peaks(const world_t *world, uint32_t peak[EVSE_POOL_COUNT])
{
    evse_comms_view_t view = world_comms(world);
    for (unsigned i = 0; i < EVSE_POOL_COUNT; i++) {
        peak[i] = view.pool[i].peak;
    }
}

static bool is_good(const scenario_options_t *options, const scenario_result_t *result)
{
    bool grew = false;
    for (unsigned i = 0; i < EVSE_POOL_COUNT; i++) {
        grew = grew || result->pool[i].peak != result->settled_peak[i];
    }
    // With kills and outages the queue may rightly be longer later than in the first ten sessions.
    bool disturbed = options->outages != 0 || options->kills != 0 || options->faults != 0 ||
                     options->is_injected || options->reboot_hours != 0;
    return !result->refused_key && result->conflicts == 0 && result->invalid == 0 &&
           result->unfinished == 0 && result->starts == result->stops && result->bad_reboots == 0 &&
           result->failed <= (options->is_injected ? 1u : 0u) &&
           (disturbed || result->starts == options->sessions) && (disturbed || !grew);
}

static void reboot_if_due(world_t *world, const scenario_options_t *options,
                          scenario_result_t *result)
{
    uint64_t due_us =
        (uint64_t)(result->reboots + 1u) * options->reboot_hours * MS_PER_HOUR * HF_US_PER_MS;
    if (options->reboot_hours == 0 || world->now_us < due_us) {
        return;
    }
    result->reboots++;
    if (!world_restart(world) || world->boot_status != HF_OK) {
        result->bad_reboots++;
    }
}

static bool is_running(world_t *world)
{
    return world->running;
}

/// So that a session goes on by card while the central system is away. Twice: power may be cut within the first.
static bool set_policy(world_t *world)
{
    static const char key[] = "AllowOfflineTxForUnknownId";
    if (evse_ocpp_set_key(&world->evse.ocpp, key, "true") == HF_OK) {
        return true;
    }
    world_step(world);
    return world_run_until(world, is_running, 5u * MS_PER_S) &&
           evse_ocpp_set_key(&world->evse.ocpp, key, "true") == HF_OK;
}

void scenario_run(world_t *world, const scenario_options_t *options, scenario_result_t *result)
{
    memset(result, 0, sizeof *result);
    if (world->config.wifi) {
        result->refused_key =
            world_wifi_store(world, 0, world->wifi.ap[0].name, world->wifi.ap[0].secret) != HF_OK;
    }
    (void)world_run_until(world, is_delivered, START_LIMIT_MS); // the first BootNotification
    result->refused_key = result->refused_key || !set_policy(world);
    uint64_t day_ms = (uint64_t)options->hours * MS_PER_HOUR;
    uint64_t slot_ms = day_ms / options->sessions;
    for (uint32_t i = 0; i < options->sessions; i++) {
        uint64_t slot_end_us = world->now_us + slot_ms * HF_US_PER_MS;
        play_t play = {.world = world, .connector = i % world->config.connectors};
        uint64_t length_ms = slot_ms / 4u + world_random(world, (uint32_t)(slot_ms / 4u) + 1u);
        (void)world_run_until(world, is_running, 5u * MS_PER_S); // power may just be off
        bool charged = play_session(&play, options, length_ms);
        result->played += charged ? 1u : 0u;
        result->failed += charged ? 0u : 1u;
        reboot_if_due(world, options, result);
        if (world->now_us < slot_end_us) {
            world_run_ms(world, (slot_end_us - world->now_us) / HF_US_PER_MS);
        }
        if (i + 1 == SCENARIO_SETTLED_SESSION) {
            take_peaks(world, result->settled_peak);
        }
    }
    (void)world_run_until(world, is_delivered, DELIVERY_LIMIT_MS);
    evse_comms_view_t view = world_comms(world);
    result->unfinished = view.queue;
    memcpy(result->pool, view.pool, sizeof result->pool);
    judge(world, result);
    result->good = is_good(options, result);
}
