// SPDX-License-Identifier: MIT
// The scheduler of stepped time and the in-process back ends of CAN and I/O. One step: outlets, control, comms, link,
// central system, in this order.
#include "world.h"

#include "world_cut.h"
#include "world_link.h"
#include "world_telemetry.h"
#include "world_trace.h"
#include "world_wifi.h"

#include "evse/evse_net.h"

#include <string.h>

#define COMMS_EVERY_STEPS 2u
// The charge point's clock does not start at 0: a time stamp of 0 means "never".
#define CLOCK_START_US   HF_US_PER_S
#define RESTART_LIMIT_US (20u * HF_US_PER_S)

uint64_t world_charger_now(const world_t *world)
{
    return world->now_us - world->boot_us + CLOCK_START_US;
}

uint32_t world_random(world_t *world, uint32_t bound)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random >> 16) % bound;
}

static void print(const world_t *world, const char *line)
{
    if (world->config.verbose && world->config.print != NULL) {
        world->config.print(world->config.print_ctx, line);
    }
}

// ---- CAN and I/O of one connector, in process ----

static int can_send(void *ctx, const evse_can_frame_t *frame)
{
    world_can_t *can = ctx;
    if (sim_outlet_bus_state(can->outlet, can->bus) == EVSE_CAN_BUS_OFF) {
        return HF_E_STATE;
    }
    sim_outlet_receive_on(can->outlet, can->bus, frame);
    return HF_OK;
}

static int can_receive(void *ctx, evse_can_frame_t *frame)
{
    world_can_t *can = ctx;
    if (sim_outlet_bus_state(can->outlet, can->bus) == EVSE_CAN_BUS_OFF) {
        return HF_E_STATE;
    }
    if (can->head == can->tail) {
        return 0;
    }
    *frame = can->frames[can->tail++ % WORLD_CAN_FRAMES];
    return 1;
}

static evse_can_state_t can_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    const world_can_t *can = ctx;
    return sim_outlet_bus_state(can->outlet, can->bus);
}

static const evse_can_ops_t can_ops = {.send = can_send, .receive = can_receive, .poll = can_poll};

static void can_collect(world_can_t *can)
{
    evse_can_frame_t frame;
    while (sim_outlet_transmit_on(can->outlet, can->bus, &frame)) {
        if (can->head - can->tail == WORLD_CAN_FRAMES) {
            can->tail++; // nobody reads while the charge point is dead: the newest win
            can->dropped++;
        }
        can->frames[can->head++ % WORLD_CAN_FRAMES] = frame;
    }
}

static int io_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    world_t *world = ctx;
    bool level[EVSE_INPUT_COUNT];
    if (!sim_outlet_inputs(&world->outlet[connector], level)) {
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
    world_t *world = ctx;
    sim_outlet_drive(&world->outlet[connector], drive);
    return HF_OK;
}

static const evse_io_ops_t io_ops = {.sample = io_sample, .drive = io_drive};

// ---- central system ----

static void csms_send(void *ctx, unsigned station, const char *text, size_t length)
{
    (void)station;
    world_link_deliver(ctx, text, length);
}

static void csms_event(void *ctx, const char *json)
{
    print(ctx, json);
}

int world_csms(world_t *world, const char *line)
{
    return csms_command(&world->csms, line, world->now_us);
}

// ---- the charge point ----

int world_present_tag(world_t *world, unsigned connector, const char *id_tag)
{
    return evse_ocpp_present_tag(&world->evse.ocpp, connector, id_tag, world_charger_now(world));
}

static void on_reset(void *ctx, bool hard)
{
    (void)hard;
    world_t *world = ctx;
    world->reset_wanted = true;
}

static void configure(world_t *world)
{
    evse_config_t *config = &world->evse_config;
    *config = (evse_config_t){
        .control = {.connectors = world->config.connectors,
                    .io = {.ops = &io_ops, .ctx = world},
                    .log = &world->log},
        .store = {.flash = &world->flash,
                  .station_nonce = world->config.seed,
                  .connectors = world->config.connectors,
                  .log = &world->log},
        .ocpp = {.vendor = "Holdfast",
                 .model = "Simulated",
                 .serial = "1",
                 .firmware = "simd",
                 .link = {.ops = &world_link_ops, .ctx = world},
                 .connectors = world->config.connectors,
                 .seed = (uint32_t)world->config.seed | 1u,
                 .reset = on_reset,
                 .reset_ctx = world,
                 .list = {.flash = &world->tag_flash, .first = 0},
                 .cache = {.flash = &world->tag_flash, .first = 2},
                 .log = &world->log},
    };
    for (unsigned c = 0; c < world->config.connectors; c++) {
        config->control.channel[c] =
            (evse_channel_config_t){.can = {.ops = &can_ops, .ctx = &world->can[c][SIM_BUS_MODULE]},
                                    .units = world->config.modules,
                                    .profile = world->outlet[c].config.profile,
                                    .limits = evse_limits_find("nx100")};
        if (world->config.two_buses) {
            config->control.channel[c].bms_can =
                (evse_can_t){.ops = &can_ops, .ctx = &world->can[c][SIM_BUS_BMS]};
        }
    }
}

int world_boot(world_t *world)
{
    const hf_log_config_t log_config = {
        .storage = world->log_storage,
        .capacity = WORLD_LOG_LINES,
        .level = world->config.verbose ? HF_LOG_INFO : HF_LOG_SILENT,
    };
    int status = hf_log_init(&world->log, &log_config);
    if (status != HF_OK) {
        return status;
    }
    world->boot_us = world->now_us;
    world->reset_wanted = false;
    if (world->config.clock_known) {
        // UTC of the clock at the charge point's own time 0.
        world->evse_config.ocpp.utc_hint_ms =
            world->config.utc_ms + world->now_us / HF_US_PER_MS - CLOCK_START_US / HF_US_PER_MS;
    }
    if (world->config.wifi) {
        const hf_net_config_t net = {.ops = &world_wifi_ops,
                                     .ctx = world,
                                     .credential = evse_net_credential,
                                     .credential_ctx = &world->evse.store};
        status = hf_net_init(&world->net, &net);
        world->evse_config.ocpp.net = &world->net;
    }
    status = status == HF_OK ? evse_init(&world->evse, &world->evse_config) : status;
    world->running = status == HF_OK;
    if (world->running) {
        world_trace_boot(world);
        world_telemetry_boot(world);
    }
    return status;
}

void world_kill(world_t *world)
{
    world->running = false;
    world_link_break(world, HF_E_CLOSED);
}

bool world_restart(world_t *world)
{
    bool is_ended = false;
    for (uint64_t until = world->now_us + RESTART_LIMIT_US;
         !is_ended && world->running && world->now_us < until;) {
        is_ended =
            evse_ocpp_shutdown(&world->evse.ocpp, EVSE_STOP_Reboot, world_charger_now(world));
        world_step(world);
    }
    world_kill(world);
    world_telemetry_note_end(world, HF_RESET_SOFTWARE);
    world->resets++;
    world->boot_status = world_boot(world);
    return is_ended;
}

void world_set_reachable(world_t *world, bool reachable)
{
    world->link.reachable = reachable;
    if (!reachable && world->link.state == EVSE_LINK_OPEN) {
        world_link_break(world, HF_E_UNREACHABLE);
    }
}

int world_init(world_t *world, const world_config_t *config)
{
    memset(world, 0, sizeof *world);
    world->config = *config;
    world->random = config->seed * 2u + 1u;
    world->station = -1;
    world->link.reachable = true;
    world_wifi_init(world);
    const csms_config_t central = {.send = csms_send,
                                   .event = csms_event,
                                   .ctx = world,
                                   .utc_ms = config->utc_ms,
                                   .heartbeat_s = 300};
    int status = csms_init(&world->csms, &central);
    const sim_config_t outlet = {.profile = evse_module_profile_at(0),
                                 .two_buses = config->two_buses,
                                 .units = config->modules};
    for (unsigned c = 0; c < config->connectors; c++) {
        sim_outlet_init(&world->outlet[c], &outlet);
        for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
            world->can[c][b].outlet = &world->outlet[c];
            world->can[c][b].bus = (sim_bus_t)b;
        }
    }
    if (status != HF_OK) {
        return status;
    }
    const hf_flash_ram_config_t flash = {.memory = world->flash_memory,
                                         .segment_bytes = WORLD_SEGMENT_BYTES,
                                         .segment_count = WORLD_SEGMENTS,
                                         .program_bytes = WORLD_PROGRAM_BYTES};
    status = hf_flash_ram_init(&world->flash_ram, &flash);
    if (status != HF_OK) {
        return status;
    }
    world->flash = hf_flash_ram_seam(&world->flash_ram);
    world_cut_init(world);
    const hf_flash_ram_config_t tags = {.memory = world->tag_memory,
                                        .segment_bytes = WORLD_TAG_BYTES,
                                        .segment_count = WORLD_TAG_SEGMENTS,
                                        .program_bytes = WORLD_PROGRAM_BYTES};
    status = hf_flash_ram_init(&world->tag_ram, &tags);
    if (status != HF_OK) {
        return status;
    }
    world->tag_flash = hf_flash_ram_seam(&world->tag_ram);
    configure(world);
    status = world_boot(world);
    return world->flash_ram.power_lost ? HF_OK
                                       : status; // cut as planned: world_cut_step() starts it
}

static void drain_log(world_t *world)
{
    hf_log_line_t line;
    while (hf_log_take(&world->log, &line) == HF_OK) {
        char text[HF_LOG_TEXT_BYTES + 64];
        hf_builder_t out;
        hf_builder_init(&out, text, sizeof text);
        hf_builder_fixed(&out, (int64_t)(world->now_us / HF_US_PER_MS), 3);
        hf_builder_format(&out, " %s %s: %s", hf_log_level_text(line.level),
                          hf_log_tag_text(line.tag), line.text);
        print(world, text);
    }
}

void world_step(world_t *world)
{
    world->now_us += WORLD_STEP_US;
    world->steps++;
    for (unsigned c = 0; c < world->config.connectors; c++) {
        sim_outlet_step(&world->outlet[c], world->now_us);
        for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
            can_collect(&world->can[c][b]);
        }
    }
    if (world->running) {
        evse_control_loop(&world->evse, world_charger_now(world));
        if (world->steps % COMMS_EVERY_STEPS == 0) {
            evse_comms_loop(&world->evse, world_charger_now(world));
        }
        if (world->config.verbose) {
            drain_log(world);
        }
    }
    world_link_step(world);
    world_trace_step(world);
    world_telemetry_step(world);
    world_cut_step(world);
    if (world->running && world->reset_wanted) {
        world->resets++;
        world_kill(world);
        world_telemetry_note_end(world, HF_RESET_SOFTWARE);
        world->boot_status = world_boot(world);
    }
}

void world_run_ms(world_t *world, uint64_t ms)
{
    for (uint64_t until = world->now_us + ms * HF_US_PER_MS; world->now_us < until;) {
        world_step(world);
    }
}

bool world_run_until(world_t *world, bool (*reached)(world_t *world), uint64_t limit_ms)
{
    for (uint64_t until = world->now_us + limit_ms * HF_US_PER_MS; world->now_us < until;) {
        world_step(world);
        if (reached(world)) {
            return true;
        }
    }
    return false;
}

evse_connector_view_t world_connector(const world_t *world, unsigned connector)
{
    evse_snapshot_t snapshot;
    if (hf_snapshot_read(&world->evse.mailbox.snapshot, &snapshot) != HF_OK) {
        return (evse_connector_view_t){0};
    }
    return snapshot.connector[connector];
}

evse_comms_view_t world_comms(const world_t *world)
{
    evse_comms_view_t view;
    evse_comms_view(&world->evse, world_charger_now(world), &view);
    return view;
}
