// SPDX-License-Identifier: MIT
// Stepped time: charge points one after the other, each with a central system of its own in this process, days in
// seconds. While
// nothing is plugged in and nothing waits the steps are longer; else they are those of the product. Judged by the ledger.
#include "fleet.h"

#include "holdfast/hf_clock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS_UTC_MS   UINT64_C(1795219200000) // 2026-11-21T00:00:00Z at the beginning
#define DAY_US        (UINT64_C(86400) * HF_US_PER_S)
#define PIPE_MESSAGES 8u
#define PIPE_BYTES    4096u
#define IDLE_STEP_US  (HF_US_PER_S / 2u)
#define OPEN_US       (50u * HF_US_PER_MS)
#define DELIVERY_US   (2u * UINT64_C(3600) * HF_US_PER_S)
#define SETTLED       10u // sessions after which nothing may grow any more
#define LOST_Wh       52u // a restart may cost a checkpoint of 50 Wh; and what is rounded

typedef struct pipe_text {
    char text[PIPE_BYTES];
    size_t length;
} pipe_text_t;

typedef struct days {
    csms_t csms;
    int station; // at the central system, negative: not connected
    evse_link_state_t state;
    uint64_t open_at_us;
    char room[CONFIG_EVSE_OCPP_SEND_BYTES];
    pipe_text_t down[PIPE_MESSAGES];
    uint32_t head, tail;
    fleet_unit_t unit; // last
} days_t;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

// ---- link in memory ----------------------------------------------------------------------------------------------------

static void hang_up(days_t *days)
{
    if (days->station >= 0) {
        csms_disconnect(&days->csms, (unsigned)days->station, days->unit.now_us);
    }
    days->station = -1;
    days->head = days->tail = 0;
    days->state = EVSE_LINK_DOWN;
}

static void memory_open(void *ctx, uint64_t now_us)
{
    (void)now_us;
    days_t *days = ctx;
    if (days->state == EVSE_LINK_DOWN) {
        days->state = EVSE_LINK_OPENING;
        days->open_at_us = days->unit.now_us + OPEN_US;
    }
}

static void memory_close(void *ctx, uint64_t now_us)
{
    (void)now_us;
    hang_up(ctx);
}

static evse_link_state_t memory_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    days_t *days = ctx;
    if (days->state == EVSE_LINK_OPENING && days->unit.now_us >= days->open_at_us) {
        days->station = csms_connect(&days->csms, "FLEET", days->unit.now_us);
        days->state = days->station >= 0 ? EVSE_LINK_OPEN : EVSE_LINK_DOWN;
    }
    return days->state;
}

static char *memory_room(void *ctx, size_t *capacity)
{
    days_t *days = ctx;
    *capacity = sizeof days->room;
    return days->state == EVSE_LINK_OPEN ? days->room : NULL;
}

static int memory_send(void *ctx, size_t length)
{
    days_t *days = ctx;
    if (days->state != EVSE_LINK_OPEN) {
        return HF_E_CLOSED;
    }
    csms_receive(&days->csms, (unsigned)days->station, days->room, length, days->unit.now_us);
    return HF_OK;
}

static int memory_receive(void *ctx, const char **text, size_t *length)
{
    days_t *days = ctx;
    if (days->state != EVSE_LINK_OPEN || days->head == days->tail) {
        return 0;
    }
    const pipe_text_t *slot = &days->down[days->tail++ % PIPE_MESSAGES];
    *text = slot->text;
    *length = slot->length;
    return 1;
}

static int memory_last_error(void *ctx)
{
    (void)ctx;
    return HF_E_CLOSED;
}

static const evse_link_ops_t memory_ops = {
    .open = memory_open,
    .close = memory_close,
    .poll = memory_poll,
    .room = memory_room,
    .send = memory_send,
    .receive = memory_receive,
    .last_error = memory_last_error,
};

static void deliver(void *ctx, unsigned station, const char *text, size_t length)
{
    (void)station;
    days_t *days = ctx;
    if (days->head - days->tail < PIPE_MESSAGES && length <= PIPE_BYTES) {
        pipe_text_t *slot = &days->down[days->head++ % PIPE_MESSAGES];
        memcpy(slot->text, text, length);
        slot->length = length;
    }
}

static void ignore_event(void *ctx, const char *json)
{
    (void)ctx;
    (void)json;
}

// ---- a unit's days -----------------------------------------------------------------------------------------------------

static uint64_t unit_clock(void *ctx)
{
    const days_t *days = ctx;
    return days->unit.now_us;
}

static int open_unit(days_t *days, unsigned index, const fleet_options_t *options,
                     fleet_report_t *report, uint8_t *journal)
{
    memset(days, 0, sizeof *days);
    days->station = -1;
    const csms_config_t csms = {
        .send = deliver, .event = ignore_event, .ctx = days, .utc_ms = DAYS_UTC_MS};
    const fleet_unit_config_t config = {.index = index,
                                        .seed = options->seed,
                                        .scenario = report->scenario,
                                        .stats = &report->stats,
                                        .link = {.ops = &memory_ops, .ctx = days},
                                        .clock = unit_clock,
                                        .clock_ctx = days,
                                        .journal = journal};
    int status = csms_init(&days->csms, &csms);
    return status == HF_OK ? fleet_unit_init(&days->unit, &config) : status;
}

static void step(days_t *days)
{
    fleet_unit_t *unit = &days->unit;
    uint64_t step_us = EVSE_TICK_US;
    if (fleet_unit_is_idle(unit)) {
        uint64_t next_us = fleet_unit_next_us(unit);
        step_us = next_us < IDLE_STEP_US ? (next_us > EVSE_TICK_US ? next_us : EVSE_TICK_US)
                                         : IDLE_STEP_US;
    }
    fleet_unit_step(unit, step_us);
    csms_poll(&days->csms, unit->now_us);
}

static uint32_t messages_peak(const fleet_unit_t *unit)
{
    evse_comms_view_t view;
    evse_comms_view(&unit->evse, unit->now_us, &view);
    return (uint32_t)view.pool[EVSE_POOL_MESSAGES].peak;
}

static void play(days_t *days, uint32_t day_count, fleet_verdict_t *verdict)
{
    fleet_unit_t *unit = &days->unit;
    bool is_settled = false;
    while (unit->now_us < day_count * DAY_US && unit->phase != FLEET_DONE && !interrupted &&
           days->csms.entries_lost == 0u) {
        step(days);
        if (!is_settled && unit->sessions > SETTLED) {
            is_settled = true;
            verdict->peak_settled = messages_peak(unit);
        }
    }
    sim_outlet_plug(&unit->outlet, false);
    unit->phase = FLEET_DONE;
    uint64_t limit_us = unit->now_us + DELIVERY_US;
    do { // at least a while: what is under way ends
        step(days);
    } while (unit->now_us < limit_us && !fleet_unit_is_idle(unit) && !interrupted);
}

static void judge_entries(const csms_t *csms, fleet_verdict_t *verdict)
{
    int64_t start_Wh = 0;
    for (uint32_t i = 0; i < csms->entries; i++) {
        const csms_entry_t *entry = &csms->ledger[i];
        verdict->resent += entry->duplicates;
        verdict->conflicts += entry->conflicts;
        if (entry->kind == CSMS_LEDGER_START) {
            verdict->starts++;
            start_Wh = entry->meter_Wh;
        } else if (entry->kind == CSMS_LEDGER_STOP) {
            verdict->stops++;
            verdict->billed_Wh += (uint64_t)(entry->meter_Wh - start_Wh);
        } else {
            verdict->readings++;
        }
    }
    verdict->invalid = csms->station[0].invalid;
}

static void judge(const days_t *days, const fleet_stats_t *before, const fleet_report_t *report,
                  fleet_verdict_t *verdict)
{
    const fleet_unit_t *unit = &days->unit;
    judge_entries(&days->csms, verdict);
    verdict->sessions = unit->sessions;
    verdict->charged = (uint32_t)(report->stats.charged - before->charged);
    verdict->simulated_Wh = unit->outlet.energy_mJ / 3600000u;
    verdict->waiting = fleet_unit_waiting(unit);
    verdict->lost = unit->evse.store.lost;
    verdict->peak_end = messages_peak(unit);
    uint64_t restarts = report->stats.restarts - before->restarts;
    bool energy =
        verdict->billed_Wh <= verdict->simulated_Wh + verdict->charged &&
        verdict->simulated_Wh <= verdict->billed_Wh + verdict->charged + (restarts + 1u) * LOST_Wh;
    bool disturbed = report->scenario->outages > 0u || report->scenario->restarts > 0u;
    bool undone =
        report->stats.failed > before->failed && !disturbed && report->scenario->faults == 0u;
    verdict->memory_good =
        verdict->sessions <= SETTLED || disturbed || verdict->peak_end <= verdict->peak_settled;
    verdict->good = energy && !undone && !unit->is_broken && verdict->memory_good &&
                    verdict->starts == verdict->stops && verdict->starts >= verdict->charged &&
                    verdict->conflicts == 0u && verdict->invalid == 0u && verdict->waiting == 0u &&
                    verdict->lost == 0u;
}

int fleet_days(const fleet_options_t *options, const fleet_scenario_t *scenario,
               fleet_report_t *report)
{
    days_t *days = malloc(sizeof *days);
    uint8_t *journal = malloc(2u * FLEET_SEGMENT_BYTES);
    report->scenario = scenario;
    report->verdict = calloc(options->units, sizeof *report->verdict);
    int status = days != NULL && journal != NULL && report->verdict != NULL
                     ? TOOL_GOOD
                     : tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "no memory");
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    struct timespec begun, now;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    for (unsigned i = 0; status == TOOL_GOOD && i < options->units && !interrupted; i++) {
        fleet_stats_t before = report->stats;
        fleet_verdict_t *verdict = &report->verdict[i];
        if (open_unit(days, i, options, report, journal) != HF_OK) {
            status = tool_fail(TOOL_FAILED, FLEET_VERB, "charge point %u does not start", i + 1u);
            break;
        }
        play(days, options->days, verdict);
        if (days->csms.entries_lost != 0u) {
            status = tool_fail(TOOL_USAGE, FLEET_VERB,
                               "charge point %u: more than the %u transactions and readings that "
                               "can be judged; fewer days or sessions",
                               i + 1u, CSMS_LEDGER_MAX);
            break;
        }
        judge(days, &before, report, verdict);
        report->bad_units += !verdict->good;
        report->seconds = (double)days->unit.now_us / 1e6;
        if (!options->quiet) {
            (void)fprintf(stderr,
                          "charge point %u: %u sessions, %u starts, %u stops, %u readings, %llu of "
                          "%llu Wh billed, %u resent: %s\n",
                          i + 1u, verdict->sessions, verdict->starts, verdict->stops,
                          verdict->readings, (unsigned long long)verdict->billed_Wh,
                          (unsigned long long)verdict->simulated_Wh, verdict->resent,
                          verdict->good          ? "good"
                          : verdict->memory_good ? "WRONG"
                                                 : "WRONG: its memory grew");
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    report->host_seconds =
        (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
    free(journal);
    free(days);
    return status != TOOL_GOOD      ? status
           : interrupted            ? TOOL_INTERRUPTED
           : report->bad_units > 0u ? TOOL_FAILED
                                    : TOOL_GOOD;
}
