// SPDX-License-Identifier: MIT
// The console: its line editor byte by byte, each command's answer from a made-up charge point, what it refuses.
#include "evse/evse_commission.h"
#include "evse/evse_console.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define NOW_US 5000000000u

static struct {
    hf_snapshot_t control, comms;
    uint32_t control_words[HF_SNAPSHOT_BYTES(sizeof(evse_snapshot_t)) / 4u];
    uint32_t comms_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
    evse_snapshot_t snapshot;
    evse_comms_view_t view;
    evse_console_t console;
    char out[8192];
    size_t length;
    unsigned stops[CONFIG_EVSE_CONNECTORS_MAX], commissions;
    int stop_status;
} t;

static void capture(void *ctx, const char *text, size_t length)
{
    (void)ctx;
    if (t.length + length < sizeof t.out) {
        memcpy(t.out + t.length, text, length);
        t.length += length;
        t.out[t.length] = '\0';
    }
}

static int stop(void *ctx, unsigned connector)
{
    (void)ctx;
    t.stops[connector]++;
    return t.stop_status;
}

static int commission(void *ctx, unsigned connector)
{
    (void)ctx;
    t.commissions += connector + 1u;
    return HF_OK;
}

static int pool(void *ctx, unsigned index, evse_console_pool_t *entry)
{
    (void)ctx;
    *entry = (evse_console_pool_t){.name = "frames", .capacity = 9, .in_use = 2, .refused = 4};
    return index == 0 ? HF_OK : HF_E_NOT_FOUND;
}

static int task(void *ctx, unsigned index, evse_console_task_t *entry)
{
    (void)ctx;
    static const evse_console_task_t tasks[] = {
        {.name = "comms", .age_ms = 12, .deadline_ms = 3000, .is_critical = true},
        {.name = "page", .age_ms = 9000, .deadline_ms = 5000, .is_late = true},
        {.name = "worker", .is_resting = true},
    };
    if (index >= HF_COUNT_OF(tasks)) {
        return HF_E_NOT_FOUND;
    }
    *entry = tasks[index];
    return HF_OK;
}

static int fault(void *ctx, unsigned index, evse_console_fault_t *entry)
{
    (void)ctx;
    *entry = (evse_console_fault_t){.uptime_us = 61500000,
                                    .severity = "fault",
                                    .fault = index == 0 ? EVSE_FAULT_OVERVOLTAGE
                                                        : EVSE_FAULT_EMERGENCY_STOP,
                                    .connector = index == 0 ? 1u : UINT32_MAX};
    return index < 2 ? HF_OK : HF_E_NOT_FOUND;
}

static void publish(void)
{
    hf_snapshot_write(&t.control, &t.snapshot);
    hf_snapshot_write(&t.comms, &t.view);
}

static void set_input(unsigned connector, evse_input_t input, bool level)
{
    uint32_t *bits = &t.snapshot.connector[connector].inputs;
    *bits = level ? *bits | 1u << input : *bits & ~(1u << input);
}

// Two idle connectors of a station that is as it should be.
static void begin(void)
{
    memset(&t, 0, sizeof t);
    CHECK_EQ(hf_snapshot_init(&t.control, t.control_words, sizeof t.snapshot), 0);
    CHECK_EQ(hf_snapshot_init(&t.comms, t.comms_words, sizeof t.view), 0);
    const evse_console_source_t source = {.control = &t.control,
                                          .comms = &t.comms,
                                          .pool = pool,
                                          .task = task,
                                          .fault = fault,
                                          .stop = stop,
                                          .commission = commission,
                                          .write = capture};
    CHECK_EQ(evse_console_init(&t.console, &source), 0);
    t.snapshot = (evse_snapshot_t){.now_us = NOW_US, .ticks = 100, .connectors = 2};
    for (unsigned i = 0; i < 2; i++) {
        t.snapshot.connector[i] = (evse_connector_view_t){.state = EVSE_STATE_Available,
                                                          .module_healthy = 1,
                                                          .bus_active = 1,
                                                          .temperature_dC = 253,
                                                          .soc_permille = -1,
                                                          .inputs_fresh = UINT32_MAX,
                                                          .reasons = EVSE_REASON(NO_ORDER)};
        set_input(i, EVSE_IN_ESTOP, true);
    }
    t.view = (evse_comms_view_t){.now_us = NOW_US, .utc_ms = 1790000000000u, .boot = 3};
    publish();
}

static const char *type(const char *bytes)
{
    t.length = 0;
    t.out[0] = '\0';
    evse_console_feed(&t.console, bytes, strlen(bytes), NOW_US);
    return t.out;
}

static bool has(const char *text)
{
    return strstr(t.out, text) != NULL;
}

#define SHOWS(text)                                                                                \
    do {                                                                                           \
        if (!has(text)) {                                                                          \
            HF_TEST_FAIL("\"%s\" is not in:\n%s", text, t.out);                                    \
        }                                                                                          \
    } while (0)

static void console_line_is_echoed_edited_and_carried_out(void)
{
    begin();
    CHECK_STR(type("xy"), "xy");
    CHECK_STR(type("\b\x7f\b"), "\b \b\b \b"); // the third finds nothing to take back
    CHECK_STR(type("\r"), "\r\n> ");
    CHECK_STR(type("\n"), ""); // belongs to the CR
    CHECK_STR(type("\n"), "\r\n> ");
    type("stauts\b\b\b\batus\r"); // "status" after all
    SHOWS("control: ticking");
    CHECK_EQ(t.console.lines, 1);
    type("  STATUS   2 \r\n");
    CHECK_EQ(t.console.lines, 2);
}

static void console_control_bytes_are_neither_echoed_nor_kept(void)
{
    begin();
    CHECK_STR(type("\x01\x02\t\x80\xc3\xa9\xff"), "");
    CHECK_STR(type("\x1b[A\x1b[3;5~\x1bOP\x1bq"), "");
    CHECK_STR(type("he\x01lp"), "help");
    type("\r");
    SHOWS("selftest");
    CHECK_STR(type("abc\x03"), "abc\r\n> ");
    CHECK_STR(type("abc\x15"), "abc\r\n> ");
    CHECK_STR(type("\r"), "\r\n> "); // nothing of it was left
    CHECK_EQ(t.console.refused, 0);
    type("\x1b\x1b[\r\n"); // a sequence that a line end cuts is over
    CHECK_STR(type("help"), "help");
}

static void console_line_too_long_is_not_carried_out(void)
{
    char line[EVSE_CONSOLE_LINE_BYTES + 8];
    begin();
    memset(line, ' ', sizeof line);
    memcpy(line, "stop", 4);
    t.view.session_state[0] = EVSE_SESSION_RUNNING;
    publish();
    line[EVSE_CONSOLE_LINE_BYTES] = '\0'; // one more than fits
    type(line);
    CHECK_EQ(strlen(t.out), EVSE_CONSOLE_LINE_BYTES - 1u);
    type("\r");
    SHOWS("line too long");
    CHECK_EQ(t.stops[0], 0);
    CHECK_EQ(t.console.refused, 1);
    type(line);
    type("\b\r"); // taken back as a whole: what was cut off is unknown
    CHECK_EQ(t.stops[0], 0);
    line[EVSE_CONSOLE_LINE_BYTES - 1u] = '\0'; // just fits
    type(line);
    type("\r");
    CHECK_EQ(t.stops[0], 1);
}

static void console_unknown_commands_are_refused(void)
{
    begin();
    type("start 1\r");
    SHOWS("no such command: start");
    type("\x1b[Astatus x\r");
    SHOWS("there is no connector x");
    type("status 3\r");
    SHOWS("there is no connector 3");
    type("stop 0\rstop -1\rstop 18446744073709551617\r");
    CHECK_EQ(t.stops[0] + t.stops[1], 0);
    type("stop 1 2\r");
    SHOWS("too many words");
    type("mem 1\r");
    SHOWS("too many words");
    CHECK_EQ(t.console.lines, 0);
    CHECK_EQ(t.console.refused, 8);
    type("help\r");
    SHOWS("Nothing here starts a session");
    CHECK(!has("\nstart"));
}

static void console_status_tells_each_connector(void)
{
    begin();
    evse_connector_view_t *view = &t.snapshot.connector[1];
    view->state = EVSE_STATE_Charging;
    view->phase = EVSE_POWER_ON;
    view->mV = 76400;
    view->mA = 30200;
    view->meter_fresh = 1;
    view->register_mJ = 3600000ull * 1234u;
    view->reasons = 0;
    view->bms_alive = view->bms_allows = 1;
    view->commissioning = EVSE_COMMISSION_WAITING;
    view->inputs_fresh &= ~(1u << EVSE_IN_PLUG);
    t.view.session_state[1] = EVSE_SESSION_RUNNING;
    t.view.transaction_id[1] = 1001;
    publish();
    type("status\r");
    SHOWS("connector 1: Available, power off, fault 0 no fault");
    SHOWS("no power: no valid order from the session");
    SHOWS("connector 2: Charging, power on");
    SHOWS("76.400 V, 30.200 A; 25.3 C; SOC ? %; register 1.234 kWh");
    SHOWS("module healthy, BMS allows, bus active");
    SHOWS("commissioning: waits for power in a session");
    SHOWS("inputs plug=? lock_feedback=0 contactor_feedback=0 estop=1");
    SHOWS("session running, transaction 1001");
    SHOWS("clock: 2026-09-21T");
    type("status 2\r");
    CHECK(!has("connector 1"));
    t.snapshot.now_us = t.view.now_us = NOW_US - 10u * HF_US_PER_S;
    t.view.utc_ms = 0;
    t.snapshot.estop_latched = 1;
    publish();
    type("status\r");
    SHOWS("control: NOT TICKING, emergency stop LATCHED");
    SHOWS("comms: NOT ALIVE");
    SHOWS("clock: unknown");
}

static void console_lists_pools_tasks_and_faults(void)
{
    begin();
    t.view.pool[0].capacity = 256;
    t.view.pool[0].in_use = 7;
    t.view.pool[0].exhausted = 1;
    t.snapshot.connector[1].fault = EVSE_FAULT_OVERVOLTAGE;
    t.snapshot.connector[1].ring_percent = 42;
    publish();
    type("mem\r");
    SHOWS("CAN ring of connector 2: 42 % of");
    SHOWS("messages: 7 in use");
    SHOWS("of 256; 1 refused");
    SHOWS("frames: 2 in use");
    type("tasks\r");
    SHOWS("control: 100 ticks, 0 late, alive");
    SHOWS("comms: alive, checked in 12 ms ago of 3000 ms, critical");
    SHOWS("page: LATE, checked in 9000 ms ago of 5000 ms");
    SHOWS("worker: resting");
    type("faults\r");
    SHOWS("now: connector 2: 3 OVERVOLTAGE");
    SHOWS("at 61.500 s: connector 2: 3 OVERVOLTAGE");
    SHOWS("at 61.500 s: station: 8 EMERGENCY_STOP");
    CHECK(!has("no fault"));
    t.snapshot.connector[1].fault = EVSE_FAULT_NONE;
    publish();
    type("faults\r");
    SHOWS("now: no fault");
}

static void console_selftest_passes_on_a_good_station(void)
{
    begin();
    type("selftest\r");
    CHECK(!has("FAIL"));
    SHOWS("PASS connector 2: emergency stop loop is closed");
    SHOWS("selftest: 21 passed, 0 failed");
}

static void expect_one_failure(const char *what)
{
    publish();
    type("selftest\r");
    SHOWS(what);
    SHOWS(", 1 failed");
    begin();
}

static void console_selftest_finds_each_defect(void)
{
    begin();
    t.snapshot.connector[1].inputs_fresh &= ~(1u << EVSE_IN_LOCK_FEEDBACK);
    expect_one_failure("FAIL connector 2: plug, lock, contactor and E-stop inputs are known");
    set_input(0, EVSE_IN_ESTOP, false);
    expect_one_failure("FAIL connector 1: emergency stop loop is closed");
    set_input(0, EVSE_IN_CONTACTOR_FEEDBACK, true);
    expect_one_failure("FAIL connector 1: contactor is open");
    set_input(0, EVSE_IN_STOP_BUTTON, true);
    expect_one_failure("FAIL connector 1: no button is held or stuck");
    t.snapshot.connector[0].bus_active = 0;
    expect_one_failure("FAIL connector 1: CAN bus is active");
    t.snapshot.connector[0].module_healthy = 0;
    expect_one_failure("FAIL connector 1: power module is healthy");
    t.snapshot.connector[0].temperature_dC = INT32_MIN;
    expect_one_failure("FAIL connector 1: temperature is known");
    t.snapshot.connector[0].fault = EVSE_FAULT_METER_STALE;
    expect_one_failure("FAIL connector 1: no fault");
    t.snapshot.estop_latched = 1;
    expect_one_failure("FAIL station: emergency stop is not latched");
    t.view.journal_error = HF_E_IO;
    expect_one_failure("FAIL station: journal is good");
    t.view.utc_ms = 0;
    expect_one_failure("FAIL station: clock is known");
    t.view.now_us -= 10u * HF_US_PER_S;
    expect_one_failure("FAIL station: comms is alive");
    t.snapshot.now_us -= HF_US_PER_S;
    publish();
    type("selftest\r");
    SHOWS("FAIL station: control is ticking");
    CHECK(!has("connector 1")); // old readings are no evidence
}

static void console_selftest_refuses_while_power_is_up(void)
{
    for (unsigned phase = EVSE_POWER_OFF + 1u; phase < EVSE_POWER_PHASE_COUNT; phase++) {
        begin();
        t.snapshot.connector[1].phase = phase;
        publish();
        type("selftest\r");
        SHOWS("refused: power is up at connector 2");
        CHECK(!has("PASS") && !has("FAIL"));
    }
    begin();
    t.snapshot.connector[0].contactor_closed = 1;
    publish();
    type("selftest\r");
    SHOWS("refused: power is up at connector 1");
}

static void console_stop_asks_for_the_end_where_there_is_a_session(void)
{
    begin();
    type("stop\r");
    SHOWS("connector 1: no session");
    SHOWS("connector 2: no session");
    CHECK_EQ(t.stops[0] + t.stops[1], 0);
    t.view.session_state[0] = t.view.session_state[1] = EVSE_SESSION_RUNNING;
    publish();
    type("stop 2\r");
    SHOWS("connector 2: stop asked for");
    CHECK(t.stops[0] == 0 && t.stops[1] == 1);
    type("stop\r");
    CHECK(t.stops[0] == 1 && t.stops[1] == 2);
    t.stop_status = HF_E_STATE;
    type("stop 1\r");
    SHOWS("connector 1: not possible in this state");
}

static void console_commission_needs_a_connector(void)
{
    begin();
    type("commission\r");
    SHOWS("which connector?");
    CHECK_EQ(t.commissions, 0);
    type("commission 2\r");
    SHOWS("commissioning asked for");
    CHECK_EQ(t.commissions, 2);
    t.console.source.commission = NULL;
    type("commission 1\r");
    SHOWS("not supported");
}

static void console_before_the_first_snapshot_invents_nothing(void)
{
    begin();
    CHECK_EQ(hf_snapshot_init(&t.control, t.control_words, sizeof t.snapshot), 0);
    CHECK_EQ(hf_snapshot_init(&t.comms, t.comms_words, sizeof t.view), 0);
    type("status\rmem\rtasks\rfaults\r");
    SHOWS("NOT TICKING");
    CHECK(!has("messages:") && !has("connector 1:"));
    type("stop\r");
    SHOWS("no snapshot");
    type("selftest\r");
    SHOWS("FAIL station: control is ticking");
    SHOWS("FAIL station: comms is alive");
}

static void console_prompt_greets_and_init_checks(void)
{
    begin();
    evse_console_greet(&t.console);
    SHOWS("Holdfast console");
    evse_console_source_t source = t.console.source;
    source.write = NULL;
    CHECK_EQ(evse_console_init(&t.console, &source), HF_E_ARGUMENT);
    source = (evse_console_source_t){.comms = &t.comms, .write = capture};
    CHECK_EQ(evse_console_init(&t.console, &source), HF_E_ARGUMENT);
    source = (evse_console_source_t){.control = &t.control, .write = capture};
    CHECK_EQ(evse_console_init(&t.console, &source), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(console_line_is_echoed_edited_and_carried_out),
             HF_TEST(console_control_bytes_are_neither_echoed_nor_kept),
             HF_TEST(console_line_too_long_is_not_carried_out),
             HF_TEST(console_unknown_commands_are_refused),
             HF_TEST(console_status_tells_each_connector),
             HF_TEST(console_lists_pools_tasks_and_faults),
             HF_TEST(console_selftest_passes_on_a_good_station),
             HF_TEST(console_selftest_finds_each_defect),
             HF_TEST(console_selftest_refuses_while_power_is_up),
             HF_TEST(console_stop_asks_for_the_end_where_there_is_a_session),
             HF_TEST(console_commission_needs_a_connector),
             HF_TEST(console_before_the_first_snapshot_invents_nothing),
             HF_TEST(console_prompt_greets_and_init_checks))
