// SPDX-License-Identifier: MIT
// The rules of docs/SAFETY.md as a judge sees them, from the seams inwards: permissions with their ages, setpoints on
// the wire, both stop paths with their times, latches, sessions. See judge.h.
#include "judge_private.h"

#include "holdfast/hf_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// From the tick in which control could know until the power is gone: the contactor's 300 ms, its drop-out, two ticks,
// and what a module takes down its ramp.
#define GONE_US         (550 * MS)
#define GONE_FAST_US    (100 * MS)
#define MATCH_MARGIN_MV 500 // what the output moves while the contactor closes
#define BMS_SILENT_US   (5000 * MS)

static const char *const whys[JUDGE_WHY_COUNT] = {
    "permitted",   "E-stop latch", "bus off",      "unplugged",    "weld latch",  "inputs stale",
    "unlocked",    "no order",     "session over", "fault",        "meter stale", "module silent",
    "temperature", "BMS",          "over-voltage", "over-current",
};

const char *judge_why_text(judge_why_t why)
{
    return (unsigned)why < JUDGE_WHY_COUNT ? whys[why] : "?";
}

void judge_break(judge_t *judge, const char *format, ...)
{
    va_list arguments;
    if (judge->is_broken) {
        return;
    }
    judge->is_broken = true;
    va_start(arguments, format);
    (void)vsnprintf(judge->text, sizeof judge->text, format, arguments);
    va_end(arguments);
}

void judge_init(judge_t *judge, const judge_config_t *config, uint64_t truth_mJ,
                uint64_t register_mJ)
{
    memset(judge, 0, sizeof *judge);
    judge->config = *config;
    judge->truth_start_mJ = truth_mJ;
    judge->register_start_mJ = register_mJ;
    judge->register_mJ = register_mJ;
    judge_boot(judge, false, false);
}

static uint32_t told_count(const judge_t *judge)
{
    return judge->told_count < JUDGE_SESSIONS ? judge->told_count : JUDGE_SESSIONS;
}

static void end_all_sessions(judge_t *judge)
{
    for (uint32_t i = 0; i < told_count(judge); i++) {
        judge->over[judge->over_count++ % JUDGE_SESSIONS] = judge->told[i].id;
        judge->told[i].energized = 0; // the journal ends it
        judge->told[i].is_charged = false;
    }
}

void judge_boot(judge_t *judge, bool latched, bool welded)
{
    end_all_sessions(judge);
    judge->ticks = 0;
    judge->mV = judge->mA = judge->status = judge->heartbeat = (evse_reading_t){0};
    for (uint32_t i = 0; i < CONFIG_EVSE_MODULES_MAX; i++) {
        judge->unit[i] = (judge_unit_t){0};
    }
    judge->bms_us = judge->bms_truth_us = 0;
    memset(judge->level_us, 0, sizeof judge->level_us);
    judge->is_latched = latched;
    judge->is_welded = welded;
    judge->is_latch_told = latched;
    judge->is_weld_told = welded;
    judge->is_reset_armed = judge->is_reset_held = false;
    judge->reset_seen_us = 0;
    judge->has_sent = judge->is_held = false;
    judge->held_without_us = judge->stopping_us = 0;
    judge->fault = EVSE_FAULT_NONE;
    judge->phase = EVSE_POWER_OFF;
    judge->is_bus_off = true;
    judge->total_counts = 0;
}

// ---- what control does ---------------------------------------------------------------------------------------------

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t limit_mV(const judge_t *judge)
{
    return least(judge->bms_mV,
                 least(judge->config.profile->rated_mV, judge->config.limits->max_mV));
}

// Of all units together, and derated by the hottest of them.
static int32_t limit_mA(const judge_t *judge)
{
    const evse_limits_t *limits = judge->config.limits;
    int64_t rated = (int64_t)judge->config.profile->rated_mA * judge->config.units;
    int32_t most = least(judge->bms_mA, least(limits->max_mA, judge->order.limit_mA));
    int64_t mA = most < rated ? most : rated;
    if (judge->order.limit_W != 0) { // nothing flows below the battery's window
        int64_t powered = (int64_t)judge->order.limit_W * 1000000 / limits->min_mV;
        mA = powered < mA ? powered : mA;
    }
    int64_t hottest = INT32_MIN;
    for (uint32_t i = 0; i < judge->config.units; i++) {
        int64_t dC = (judge->unit[i].dC_x1024.value + 512) / 1024;
        hottest = dC > hottest ? dC : hottest;
    }
    if (hottest > limits->derate_dC) {
        mA = mA * (limits->trip_dC - hottest) / (limits->trip_dC - limits->derate_dC);
    }
    if (judge->config.is_physical && !judge->is_proven && mA > EVSE_COMMISSIONING_MA) {
        mA = EVSE_COMMISSIONING_MA; // [SAF-15]
    }
    return mA < 0 ? 0 : (int32_t)mA;
}

// The unit a control frame is for; -1 when it is none.
static int unit_of(const judge_t *judge, bool is_bms_bus, const evse_can_frame_t *frame)
{
    uint32_t unit = (frame->id >> 16 & 0x7Fu) - judge->config.profile->address;
    bool is_control = !is_bms_bus && frame->extended && (frame->id & 0x1F80FFFFu) == 0x068081FEu;
    return is_control && unit < judge->config.units ? (int)unit : -1;
}

static bool is_energizing(const evse_can_frame_t *frame)
{
    return frame->data[1] == 0x32 ? frame->data[3] != 1 : judge_u32(frame->data + 4) != 0;
}

static void judge_limits(judge_t *judge, const evse_can_frame_t *frame)
{
    const evse_module_profile_t *profile = judge->config.profile;
    uint64_t counts = judge_u32(frame->data + 4);
    if (frame->data[1] == 0x00 &&
        counts * 1000u > (uint64_t)limit_mV(judge) * profile->voltage_counts_per_V) {
        judge_break(judge, "voltage of %u counts, limit %d mV", (unsigned)counts,
                    (int)limit_mV(judge));
    }
    uint64_t open_mA = EVSE_PRECHARGE_MA;
    if (frame->data[1] == 0x03 && !judge->is_held &&
        counts * 1000000u > open_mA * profile->current_set_counts_per_kA) {
        judge_break(judge, "current of %u counts before the contactor", (unsigned)counts);
    }
    if (frame->data[1] == 0x03 &&
        counts * 1000000u > (uint64_t)limit_mA(judge) * profile->current_set_counts_per_kA) {
        judge_break(judge, "current of %u counts, limit %d mA", (unsigned)counts,
                    (int)limit_mA(judge));
    }
}

void judge_send(judge_t *judge, bool is_bms_bus, const evse_can_frame_t *frame)
{
    int unit = unit_of(judge, is_bms_bus, frame);
    if (!is_bms_bus && (frame->id & 0x1F80FFFFu) == 0x068082FEu) {
        if (judge->now_us - judge->asked_us > SHORT_SILENCE_US) {
            judge->muted_us = judge->now_us - judge->asked_us;
            judge->unmuted_us = judge->now_us;
        }
        judge->asked_us = judge->now_us;
    }
    if (!judge->has_sent && (unit < 0 || is_energizing(frame) || frame->data[1] != 0x32)) {
        judge_break(judge, "the first frame after boot is not OFF");
    }
    judge->has_sent = true;
    if (unit < 0) {
        return;
    }
    if (frame->length != 8 || frame->data[0] != 1 || frame->data[2] != 0) {
        judge_break(judge, "a control frame of a form no module knows");
    }
    if (!is_energizing(frame)) {
        if (frame->data[1] == 0x32) {
            judge->unit[unit].off_us = judge->now_us;
            judge->unit[unit].off_here++;
        }
        return;
    }
    judge_why_t why = judge_why(judge);
    bool is_precharged = judge->config.limits->precharge_mV > 0;
    if (!judge->is_held && !is_precharged) {
        judge_break(judge, "energizing frame while the contactor is not held");
    }
    if (why != JUDGE_PERMITTED) {
        judge_break(judge, "energizing frame (function %02x) without permission: %s",
                    frame->data[1], judge_why_text(why));
    } else {
        judge_limits(judge, frame);
    }
}

void judge_sent(judge_t *judge, const evse_can_frame_t *frame, int status)
{
    int number = unit_of(judge, false, frame);
    if (number >= 0 && status != 0) {
        judge->is_refused = true;
        judge->refused_us = judge->now_us;
    }
    if (number < 0 || status != 0) {
        return;
    }
    judge_unit_t *unit = &judge->unit[number];
    if (frame->data[1] == 0x32) {
        unit->is_known = true;
        unit->is_on = frame->data[3] == 0;
    } else if (frame->data[1] == 0x03) {
        unit->mA_counts = judge_u32(frame->data + 4);
    } else if (frame->data[1] == 0x00) {
        unit->mV_counts = judge_u32(frame->data + 4);
    }
}

// The contactor must not close under a module that is ON, unless it was brought to the battery's voltage before.
static void judge_closing(judge_t *judge)
{
    bool is_precharged = judge->config.limits->precharge_mV > 0;
    for (uint32_t i = 0; i < judge->config.units && !is_precharged; i++) {
        if (!judge->unit[i].is_known || judge->unit[i].is_on) {
            judge_break(judge, "contactor closes although unit %u was not told OFF", (unsigned)i);
        }
    }
}

void judge_drive(judge_t *judge, const evse_io_drive_t *drive)
{
    bool is_held = drive->level[EVSE_OUT_CONTACTOR];
    judge_why_t why = judge_why(judge);
    judge->is_driven_now = true;
    if (is_held && (why == JUDGE_LATCHED || why == JUDGE_BUS_OFF || why == JUDGE_UNPLUGGED)) {
        judge_break(judge, "contactor held: %s", judge_why_text(why));
    }
    if (is_held && judge->now_us - judge->last_now_us > EVSE_STALL_MS * MS) {
        judge_break(judge, "contactor held after %u ms without a tick",
                    (unsigned)((judge->now_us - judge->last_now_us) / MS));
    }
    if (is_held && !judge->is_held) {
        judge_closing(judge);
        if (why != JUDGE_PERMITTED) {
            judge_break(judge, "contactor closes: %s", judge_why_text(why));
        }
    }
    if (is_held != (drive->live_count != judge->live_count) && judge->ticks > 0) {
        judge_break(judge, "the live signal does not follow the contactor");
    }
    judge->live_count = drive->live_count;
    judge->is_held = is_held;
}

void judge_recover(judge_t *judge)
{
    if (!judge->is_driven_now || judge->is_held) {
        judge_break(judge, "a bus asked to come back before the contactor was commanded open");
    }
    for (uint32_t i = 0; i < judge->config.units && judge->is_bus_off; i++) {
        if (judge->unit[i].off_us == 0) {
            judge_break(judge, "a bus asked to come back before any OFF");
        }
    }
}

// ---- the end of a tick ---------------------------------------------------------------------------------------------

// A pre-charged module is ON while the contactor closes.
static bool is_energized_phase(const judge_t *judge, uint32_t phase)
{
    bool is_precharged = judge->config.limits->precharge_mV > 0;
    return phase == EVSE_POWER_STARTING || phase == EVSE_POWER_ON ||
           phase == EVSE_POWER_PRECHARGING || (phase == EVSE_POWER_CLOSING && is_precharged);
}

// OFF in the tick of the cause, then every 300 ms for ever.
static void judge_off(judge_t *judge, judge_why_t why, uint32_t phase)
{
    bool must_be_off =
        (why != JUDGE_PERMITTED || !is_energized_phase(judge, phase)) && !judge->is_latch_young;
    for (uint32_t i = 0; i < judge->config.units && must_be_off; i++) {
        const judge_unit_t *unit = &judge->unit[i];
        if ((!unit->is_known || unit->is_on) && unit->off_here == 0) {
            judge_break(judge, "no OFF to unit %u in the tick of the cause: %s, phase %s",
                        (unsigned)i, judge_why_text(why), evse_power_phase_text(phase));
        }
        if (unit->off_here == 0 && judge->now_us - unit->off_us >= EVSE_GROUP_PERIOD_MS * MS) {
            judge_break(judge, "no OFF to unit %u for %u ms", (unsigned)i,
                        (unsigned)((judge->now_us - unit->off_us) / MS));
        }
    }
}

// A stop ends, confirmed or not.
static void judge_stopping(judge_t *judge, uint32_t phase)
{
    uint64_t most_us = (judge->config.limits->stop_confirm_ms + EVSE_WELD_MS + 200u) * MS;
    bool is_gap = judge->now_us - judge->last_now_us > EVSE_STALL_MS * MS;
    if (phase != EVSE_POWER_STOPPING || judge->phase != EVSE_POWER_STOPPING || is_gap) {
        judge->stopping_us = judge->now_us;
    } else if (judge->now_us - judge->stopping_us > most_us) {
        judge_break(judge, "a stop goes on for %u ms",
                    (unsigned)((judge->now_us - judge->stopping_us) / MS));
    }
}

static void judge_contactor(judge_t *judge, judge_why_t why, uint32_t phase)
{
    uint64_t open_us = judge->config.limits->stop_open_ms * MS;
    bool is_stopping =
        (why != JUDGE_PERMITTED && !judge->is_latch_young) || phase == EVSE_POWER_STOPPING;
    if (!judge->is_held || !is_stopping) {
        judge->held_without_us = 0;
        return;
    }
    if (judge->held_without_us == 0) {
        judge->held_without_us = judge->now_us;
        return;
    }
    uint64_t passed_us = judge->now_us - judge->held_without_us;
    bool is_dead = judge_is_fresh(judge, judge->mA.stamp_us, EVSE_CURRENT_AGE_MS * MS) &&
                   judge->mA.value < EVSE_NO_LOAD_MA && judge->mA.value > -EVSE_NO_LOAD_MA;
    if (passed_us >= open_us || is_dead) {
        judge_break(judge, "contactor held %u ms after the cause (%s), %d mA",
                    (unsigned)(passed_us / MS), judge_why_text(why), (int)judge->mA.value);
    }
}

static uint64_t total_counts(const judge_t *judge)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < judge->config.units; i++) {
        total += judge->unit[i].is_on ? judge->unit[i].mA_counts : 0u;
    }
    return total;
}

// Of all units together: below every limit, and upwards only by the ramp.
static void judge_total(judge_t *judge, judge_why_t why)
{
    uint64_t per_kA = judge->config.profile->current_set_counts_per_kA;
    uint64_t total = total_counts(judge);
    uint64_t passed_us = judge->now_us - judge->total_us;
    if (why == JUDGE_PERMITTED && !judge->is_refused &&
        total * 1000000u > (uint64_t)limit_mA(judge) * per_kA) {
        judge_break(judge, "%u counts together, limit %d mA", (unsigned)total,
                    (int)limit_mA(judge));
    }
    uint64_t most_mA =
        judge->total_counts * 1000000u / per_kA + EVSE_FIRST_STEP_MA + 100u +
        (passed_us < 10000000u ? passed_us : 10000000u) * EVSE_RAMP_MA_PER_S / HF_US_PER_S;
    bool is_lagging =
        judge->refused_us != 0 && judge->now_us - judge->refused_us < 500 * MS; // one unit behind
    if (total > judge->total_counts && total * 1000000u > most_mA * per_kA && !is_lagging) {
        judge_break(judge, "current leaps from %u to %u counts", (unsigned)judge->total_counts,
                    (unsigned)total);
    }
    if (total != judge->total_counts || total == 0) {
        judge->total_counts = total;
        judge->total_us = judge->now_us;
    }
}

static void follow_most(judge_t *judge, const evse_connector_view_t *view)
{
    if (judge->now_us - judge->most_us >= EVSE_SETPOINT_SETTLE_MS * MS + 100 * MS) {
        judge->most_us = judge->now_us;
        judge->most_mA[1] = judge->most_mA[0];
        judge->most_mA[0] = 0;
    }
    judge->most_mA[0] = view->offered_mA > judge->most_mA[0] ? view->offered_mA : judge->most_mA[0];
}

// The oldest gives way.
static struct judge_told *told_of(judge_t *judge, uint32_t session)
{
    for (uint32_t i = 0; i < told_count(judge); i++) {
        if (judge->told[i].id == session) {
            return &judge->told[i];
        }
    }
    struct judge_told *made = &judge->told[judge->told_count++ % JUDGE_SESSIONS];
    *made = (struct judge_told){.id = session};
    return made;
}

// No power without permission: not longer than both stop paths together may take.
static void judge_truth(judge_t *judge, judge_why_t why, const sim_outlet_t *outlet)
{
    if (why == JUDGE_PERMITTED) {
        judge->forbidden_truth_us = 0;
        judge->is_forbidden_at_once = false;
        return;
    }
    bool at_once = why <= JUDGE_UNPLUGGED && !judge->is_contactor_harmed;
    if (judge->forbidden_truth_us == 0 || (at_once && !judge->is_forbidden_at_once)) {
        judge->forbidden_truth_us = judge->truth_us;
        judge->is_forbidden_at_once = at_once;
    }
    uint64_t passed_us = judge->truth_us - judge->forbidden_truth_us;
    uint64_t bound_us = judge->is_forbidden_at_once ? GONE_FAST_US : GONE_US;
    if (outlet->power_mW > 0 && passed_us > bound_us && !judge->is_crowded) {
        judge_break(judge, "%d W flow %u ms after: %s", (int)(outlet->power_mW / 1000),
                    (unsigned)(passed_us / MS), judge_why_text(why));
    }
}

// [SAF-16] A contactor that closes under a module that is ON finds no difference worth an arc.
static void judge_match(judge_t *judge, const sim_outlet_t *outlet)
{
    int32_t precharge_mV = judge->config.limits->precharge_mV;
    if (precharge_mV > 0 && outlet->closing_mV > precharge_mV + MATCH_MARGIN_MV &&
        !judge->is_precharge_harmed && !judge->is_crowded) {
        judge_break(judge, "the contactor closed onto %d mV", (int)outlet->closing_mV);
    }
}

static void judge_bms_silence(judge_t *judge, const sim_outlet_t *outlet)
{
    if (outlet->power_mW > 0 && judge->truth_us - judge->bms_truth_us > BMS_SILENT_US &&
        !judge->is_crowded && judge->ticks > 100) {
        judge_break(judge, "power %u ms after the last word of the BMS",
                    (unsigned)((judge->truth_us - judge->bms_truth_us) / MS));
    }
}

static void judge_view(judge_t *judge, const evse_snapshot_t *snapshot)
{
    const evse_connector_view_t *view = &snapshot->connector[0];
    if (view->register_mJ < judge->register_mJ) {
        judge_break(judge, "the energy register goes backwards");
    }
    judge->register_mJ = view->register_mJ;
    if ((snapshot->estop_latched != 0) != judge->is_latched && !judge->is_latch_young) {
        judge_break(judge, judge->is_latched ? "the E-stop latch is gone"
                                             : "the E-stop latch does not clear");
    }
    if (view->stopped != 0 && !judge_is_over(judge, view->session_id)) {
        judge->over[judge->over_count++ % JUDGE_SESSIONS] = view->session_id;
    }
    if (view->phase == EVSE_POWER_ON) {
        told_of(judge, view->session_id)->is_charged = true;
    }
    judge->fault = (evse_fault_t)view->fault;
    judge->phase = view->phase;
    follow_most(judge, view);
}

void judge_end(judge_t *judge, const evse_snapshot_t *snapshot, const sim_outlet_t *outlet)
{
    judge_why_t why = judge_why(judge);
    uint32_t phase = snapshot->connector[0].phase;
    if (!judge->is_driven_now) {
        judge_break(judge, "a tick without driving the outputs");
    }
    judge_off(judge, why, phase);
    judge_contactor(judge, why, phase);
    judge_stopping(judge, phase);
    judge_total(judge, why);
    judge_truth(judge, why, outlet);
    judge_bms_silence(judge, outlet);
    judge_match(judge, outlet);
    judge_view(judge, snapshot);
    judge->ticks++;
}

// ---- events --------------------------------------------------------------------------------------------------------

void judge_event(judge_t *judge, const evse_event_t *event)
{
    struct judge_told *told = told_of(judge, event->session_id);
    if (event->kind == EVSE_EVENT_STOPPED) {
        told->stopped++;
        if (told->stopped > 1) {
            judge_break(judge, "session %u told over twice", (unsigned)event->session_id);
        }
    } else if (event->kind == EVSE_EVENT_ENERGIZED) {
        told->energized++;
        if (told->stopped > 0) {
            judge_break(judge, "session %u energized after it was told over",
                        (unsigned)event->session_id);
        }
    } else if (event->kind == EVSE_EVENT_ESTOP || event->kind == EVSE_EVENT_ESTOP_CLEARED) {
        judge->is_latch_told = event->kind == EVSE_EVENT_ESTOP;
    } else if (event->kind == EVSE_EVENT_COMMISSIONED) {
        judge->is_proven = true;
    } else if (event->kind == EVSE_EVENT_WELD || event->kind == EVSE_EVENT_WELD_CLEARED) {
        judge->is_weld_told = event->kind == EVSE_EVENT_WELD;
    }
}

void judge_finish(judge_t *judge)
{
    for (uint32_t i = 0; i < told_count(judge); i++) {
        const struct judge_told *told = &judge->told[i];
        if (told->energized > 0 && told->stopped != 1) {
            judge_break(judge, "session %u told over %u times", (unsigned)told->id,
                        (unsigned)told->stopped);
        }
    }
    for (uint32_t i = 0; i < told_count(judge); i++) {
        if (judge->told[i].is_charged && judge->told[i].energized == 0) {
            judge_break(judge, "session %u charged and never told so", (unsigned)judge->told[i].id);
        }
    }
    if (judge->is_latched != judge->is_latch_told) {
        judge_break(judge, "the latch is %s, the events say otherwise",
                    judge->is_latched ? "set" : "clear");
    }
}
