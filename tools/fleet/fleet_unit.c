// SPDX-License-Identifier: MIT
// One charge point and its users: the product's objects over a simulated outlet, played by a scenario. Its time goes
// in steps of the
// control tick; what the scenario draws depends on the seed and on its index alone.
#include "fleet.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define CLOCK_START_US HF_US_PER_S // a stamp of 0 means "never"
#define CHARGE_LIMIT_S 90u         // from the card to power
#define END_LIMIT_S    30u
#define COMMS_TICKS    2u
#define SETTLE_US      (HF_US_PER_S / 2u)

static uint32_t draw(fleet_unit_t *unit, uint32_t bound)
{
    unit->random ^= unit->random << 13;
    unit->random ^= unit->random >> 7;
    unit->random ^= unit->random << 17;
    return (uint32_t)(unit->random >> 16) % bound;
}

static uint64_t draw_us(fleet_unit_t *unit, fleet_range_t range)
{
    uint32_t ms = range.least * 1000u + draw(unit, (range.most - range.least) * 1000u + 1u);
    return ms * HF_US_PER_MS;
}

static bool happens(fleet_unit_t *unit, uint32_t permille)
{
    return permille > 0u && draw(unit, 1000u) < permille;
}

// ---- the outlet's buses and inputs -------------------------------------------------------------------------------------

static int can_send(void *ctx, const evse_can_frame_t *frame)
{
    fleet_can_t *can = ctx;
    if (sim_outlet_bus_state(can->outlet, SIM_BUS_MODULE) == EVSE_CAN_BUS_OFF) {
        return HF_E_STATE;
    }
    sim_outlet_receive(can->outlet, frame);
    return HF_OK;
}

static int can_receive(void *ctx, evse_can_frame_t *frame)
{
    fleet_can_t *can = ctx;
    if (sim_outlet_bus_state(can->outlet, SIM_BUS_MODULE) == EVSE_CAN_BUS_OFF) {
        return HF_E_STATE;
    }
    if (can->head == can->tail) {
        return 0;
    }
    *frame = can->frames[can->tail++ % FLEET_CAN_FRAMES];
    return 1;
}

static evse_can_state_t can_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    const fleet_can_t *can = ctx;
    return sim_outlet_bus_state(can->outlet, SIM_BUS_MODULE);
}

static const evse_can_ops_t can_ops = {.send = can_send, .receive = can_receive, .poll = can_poll};

static void collect(fleet_can_t *can)
{
    evse_can_frame_t frame;
    while (sim_outlet_transmit(can->outlet, &frame)) {
        can->tail += can->head - can->tail == FLEET_CAN_FRAMES ? 1u : 0u; // the newest win
        can->frames[can->head++ % FLEET_CAN_FRAMES] = frame;
    }
}

static int io_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    (void)connector;
    const fleet_unit_t *unit = ctx;
    bool level[EVSE_INPUT_COUNT];
    if (!sim_outlet_inputs(&unit->outlet, level)) {
        return HF_E_TIMEOUT;
    }
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs->level[i] = level[i];
        inputs->stamp_us[i] = now_us;
    }
    return HF_OK;
}

static int io_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    (void)connector;
    fleet_unit_t *unit = ctx;
    sim_outlet_drive(&unit->outlet, drive);
    return HF_OK;
}

static const evse_io_ops_t io_ops = {.sample = io_sample, .drive = io_drive};

// ---- the charge point --------------------------------------------------------------------------------------------------

static uint64_t own_now(const fleet_unit_t *unit)
{
    return unit->now_us - unit->boot_us + CLOCK_START_US;
}

static void on_reset(void *ctx, bool hard)
{
    (void)hard;
    fleet_unit_t *unit = ctx;
    unit->restart_wanted = true;
}

static void set_key(fleet_unit_t *unit, const char *key, uint32_t value)
{
    char text[12];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_u64(&out, value);
    (void)!evse_ocpp_set_key(&unit->evse.ocpp, key, text); // a value it has already costs nothing
}

static int boot(fleet_unit_t *unit)
{
    const evse_config_t config = {
        .control = {.channel = {{.can = {.ops = &can_ops, .ctx = &unit->can},
                                 .profile = unit->outlet.config.profile,
                                 .limits = evse_limits_find("nx100")}},
                    .connectors = 1,
                    .io = {.ops = &io_ops, .ctx = unit}},
        .store = {.flash = &unit->flash,
                  .station_nonce = (uint64_t)unit->index << 32 | 0xF1EE7u,
                  .connectors = 1},
        .ocpp = {.vendor = "Holdfast",
                 .model = "Fleet",
                 .firmware = "fleet",
                 .link = {.ops = &fleet_link_ops, .ctx = &unit->link},
                 .connectors = 1,
                 .seed = unit->index + 1u,
                 .reset = on_reset,
                 .reset_ctx = unit},
    };
    unit->boot_us = unit->now_us;
    unit->restart_wanted = false;
    unit->can.head = unit->can.tail = 0;
    int status = evse_init(&unit->evse, &config);
    if (status == HF_OK) {
        set_key(unit, "MeterValueSampleInterval", unit->scenario->meter_interval_s);
        (void)!evse_ocpp_set_key(&unit->evse.ocpp, "AllowOfflineTxForUnknownId", "true");
    }
    return status;
}

int fleet_unit_init(fleet_unit_t *unit, const fleet_unit_config_t *config)
{
    unit->index = config->index;
    unit->scenario = config->scenario;
    unit->stats = config->stats;
    unit->random = (config->seed + 1u) * UINT64_C(0x9E3779B97F4A7C15) ^
                   (config->index + 1u) * UINT64_C(0xBF58476D1CE4E5B9);
    unit->link = (fleet_link_t){.inner = config->link,
                                .stats = config->stats,
                                .clock = config->clock,
                                .clock_ctx = config->clock_ctx};
    const hf_flash_ram_config_t ram = {.memory = config->journal,
                                       .segment_bytes = FLEET_SEGMENT_BYTES,
                                       .segment_count = 2,
                                       .program_bytes = 4};
    int status = hf_flash_ram_init(&unit->ram, &ram);
    if (status != HF_OK) {
        return status;
    }
    unit->flash = hf_flash_ram_seam(&unit->ram);
    const sim_config_t sim = {.profile = evse_module_profile_find("m33-1024"),
                              .initial_soc_permille = 200u + draw(unit, 400u)};
    sim_outlet_init(&unit->outlet, &sim);
    unit->can.outlet = &unit->outlet;
    unit->now_us = CLOCK_START_US;
    unit->phase = FLEET_PAUSE;
    unit->until_us = unit->now_us + draw_us(unit, unit->scenario->first_s);
    return boot(unit);
}

static void restart(fleet_unit_t *unit)
{
    unit->stats->restarts++;
    unit->link.inner.ops->close(unit->link.inner.ctx, own_now(unit));
    unit->ram.syncing = false; // nobody waits for it any more
    if (boot(unit) != HF_OK) {
        unit->is_broken = true;
        unit->stats->failed++;
    }
}

// ---- users -------------------------------------------------------------------------------------------------------------

static const evse_channel_t *channel(const fleet_unit_t *unit)
{
    return &unit->evse.control.channel[0];
}

bool fleet_unit_is_charging(const fleet_unit_t *unit)
{
    return channel(unit)->state == EVSE_STATE_Charging;
}

static void enter(fleet_unit_t *unit, fleet_phase_t phase, uint64_t length_us)
{
    unit->phase = phase;
    unit->until_us = unit->now_us + length_us;
}

static void present_card(fleet_unit_t *unit)
{
    char tag[EVSE_ID_TAG_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, tag, sizeof tag);
    hf_builder_format(&out, "F%u-%u", unit->index + 1u, unit->sessions);
    if (evse_ocpp_present_tag(&unit->evse.ocpp, 0, tag, own_now(unit)) == HF_OK ||
        unit->phase != FLEET_PLUGGED) {
        return;
    }
    unit->until_us =
        unit->now_us + HF_US_PER_S; // not yet: the user tries again until the time for it is over
}

// What disturbs a session is drawn when its power flows.
static void plan(fleet_unit_t *unit, uint64_t length_us)
{
    const fleet_scenario_t *scenario = unit->scenario;
    uint32_t third_ms = (uint32_t)(length_us / HF_US_PER_MS / 3u) + 1u;
    unit->outage_from_us =
        happens(unit, scenario->outages) ? unit->now_us + draw(unit, third_ms) * HF_US_PER_MS : 0u;
    unit->fault_from_us =
        happens(unit, scenario->faults) ? unit->now_us + draw(unit, third_ms) * HF_US_PER_MS : 0u;
    unit->restart_us =
        happens(unit, scenario->restarts) ? unit->now_us + draw(unit, third_ms) * HF_US_PER_MS : 0u;
}

static void begin_charging(fleet_unit_t *unit)
{
    uint64_t length_us = draw_us(unit, unit->scenario->session_s);
    unit->stats->charged++;
    plan(unit, length_us);
    enter(unit, FLEET_CHARGING, length_us);
}

static void end_session(fleet_unit_t *unit, bool has_failed)
{
    sim_outlet_plug(&unit->outlet, false);
    unit->stats->failed += has_failed;
    unit->stats->ended += !has_failed;
    bool is_last = unit->scenario->sessions != 0u && unit->sessions >= unit->scenario->sessions;
    enter(unit, is_last ? FLEET_DONE : FLEET_PAUSE, draw_us(unit, unit->scenario->pause_s));
}

static void begin_user(fleet_unit_t *unit)
{
    unit->sessions++;
    unit->stats->began++;
    sim_outlet_plug(&unit->outlet, true);
    enter(unit, FLEET_PLUGGED, draw_us(unit, unit->scenario->card_s));
}

static void step_user(fleet_unit_t *unit)
{
    bool is_due = unit->now_us >= unit->until_us;
    switch (unit->phase) {
    case FLEET_PAUSE:
        if (is_due && channel(unit)->state == EVSE_STATE_Available) {
            begin_user(unit);
        }
        break;
    case FLEET_PLUGGED:
        if (is_due) {
            enter(unit, FLEET_WAITING, CHARGE_LIMIT_S * HF_US_PER_S);
            present_card(unit);
        }
        break;
    case FLEET_WAITING:
        if (fleet_unit_is_charging(unit)) {
            begin_charging(unit);
        } else if (is_due) {
            end_session(unit, true);
        }
        break;
    case FLEET_CHARGING:
        if (is_due) {
            bool by_plug = happens(unit, unit->scenario->by_plug);
            enter(unit, FLEET_ENDING, by_plug ? 0u : draw_us(unit, unit->scenario->unplug_s));
            if (!by_plug) {
                present_card(unit);
            }
        }
        break;
    case FLEET_ENDING:
        if (is_due) {
            end_session(unit, false);
        }
        break;
    case FLEET_DONE:
    default:
        break;
    }
}

// ---- disturbances ------------------------------------------------------------------------------------------------------

static bool take(uint64_t *moment_us, uint64_t now_us)
{
    bool is_due = *moment_us != 0u && now_us >= *moment_us;
    if (is_due) {
        *moment_us = 0;
    }
    return is_due;
}

static sim_faults_t draw_fault(fleet_unit_t *unit)
{
    static const sim_faults_t kinds[] = {SIM_FAULT_MODULE_SILENT, SIM_FAULT_BMS_SILENT,
                                         SIM_FAULT_HOT,           SIM_FAULT_NAN,
                                         SIM_FAULT_BUS_OFF,       SIM_FAULT_BMS_FORBIDS};
    return unit->scenario->fault != 0u ? unit->scenario->fault
                                       : kinds[draw(unit, (uint32_t)HF_COUNT_OF(kinds))];
}

static void disturb(fleet_unit_t *unit)
{
    if (take(&unit->outage_from_us, unit->now_us)) {
        unit->stats->outages++;
        unit->outage_until_us = unit->now_us + draw_us(unit, unit->scenario->outage_s);
        unit->link.inner.ops->close(unit->link.inner.ctx, own_now(unit));
    }
    (void)take(&unit->outage_until_us, unit->now_us);
    if (take(&unit->fault_from_us, unit->now_us)) {
        unit->stats->faults++;
        unit->fault = draw_fault(unit);
        unit->fault_until_us = unit->now_us + draw_us(unit, unit->scenario->fault_s);
        sim_outlet_set_fault(&unit->outlet, unit->fault, true);
    }
    if (take(&unit->fault_until_us, unit->now_us)) {
        sim_outlet_set_fault(&unit->outlet, unit->fault, false);
    }
    if (take(&unit->restart_us, unit->now_us) || unit->restart_wanted) {
        restart(unit);
    }
    unit->link.is_cut = unit->outage_until_us != 0u;
}

// ---- time --------------------------------------------------------------------------------------------------------------

void fleet_unit_step(fleet_unit_t *unit, uint64_t step_us)
{
    unit->now_us += step_us;
    sim_outlet_step(&unit->outlet, unit->now_us);
    collect(&unit->can);
    evse_control_loop(&unit->evse, own_now(unit));
    unit->ticks++;
    if (step_us > EVSE_TICK_US || (unit->ticks + unit->index) % COMMS_TICKS == 0u) {
        evse_comms_loop(&unit->evse, own_now(unit));
    }
    disturb(unit);
    step_user(unit);
}

void fleet_unit_hear(fleet_unit_t *unit)
{
    evse_comms_loop(&unit->evse, own_now(unit));
}

uint32_t fleet_unit_waiting(const fleet_unit_t *unit)
{
    evse_comms_view_t view;
    evse_comms_view(&unit->evse, own_now(unit), &view);
    return view.queue;
}

bool fleet_unit_is_idle(const fleet_unit_t *unit)
{
    const evse_ocpp_t *ocpp = &unit->evse.ocpp;
    bool quiet = unit->phase == FLEET_PAUSE || unit->phase == FLEET_DONE;
    return quiet && unit->outage_until_us == 0u && unit->fault_until_us == 0u &&
           !unit->restart_wanted && channel(unit)->state == EVSE_STATE_Available &&
           channel(unit)->phase == EVSE_POWER_OFF && ocpp->session[0].state == EVSE_SESSION_IDLE &&
           ocpp->link_state == EVSE_LINK_OPEN && !ocpp->rpc.outstanding &&
           evse_ocpp_is_online(ocpp) && fleet_unit_waiting(unit) == 0u &&
           unit->now_us - unit->boot_us > 10u * SETTLE_US;
}

uint64_t fleet_unit_next_us(const fleet_unit_t *unit)
{
    return unit->phase == FLEET_PAUSE && unit->until_us > unit->now_us
               ? unit->until_us - unit->now_us
               : HF_US_PER_S;
}
