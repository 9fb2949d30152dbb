// SPDX-License-Identifier: MIT
// Status lights: the table row by row as installers read it, its invariants over every view there can be, blinking.
#include "evse/evse_hmi.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define OFF    EVSE_PATTERN_OFF
#define STEADY EVSE_PATTERN_STEADY
#define SLOW   EVSE_PATTERN_SLOW
#define FAST   EVSE_PATTERN_FAST

static void check_lights(const evse_hmi_view_t *view, evse_pattern_t ready, evse_pattern_t charging,
                         evse_pattern_t fault)
{
    CHECK_EQ(evse_hmi_light(view, EVSE_LIGHT_READY), ready);
    CHECK_EQ(evse_hmi_light(view, EVSE_LIGHT_CHARGING), charging);
    CHECK_EQ(evse_hmi_light(view, EVSE_LIGHT_FAULT), fault);
}

static void hmi_each_state_shows_as_documented(void)
{
    static const struct {
        evse_connector_state_t state;
        evse_power_phase_t phase;
        evse_pattern_t ready, charging, fault;
    } rows[] = {
        {EVSE_STATE_Available, EVSE_POWER_OFF, STEADY, OFF, OFF},
        {EVSE_STATE_Preparing, EVSE_POWER_OFF, SLOW, OFF, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_OFF, OFF, FAST, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_LOCKING, OFF, FAST, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_PRECHARGING, OFF, FAST, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_CLOSING, OFF, FAST, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_STARTING, OFF, FAST, OFF},
        {EVSE_STATE_Charging, EVSE_POWER_ON, OFF, STEADY, OFF},
        {EVSE_STATE_SuspendedEV, EVSE_POWER_ON, OFF, SLOW, OFF},
        {EVSE_STATE_SuspendedEV, EVSE_POWER_OFF, OFF, SLOW, OFF},
        {EVSE_STATE_SuspendedEVSE, EVSE_POWER_OFF, OFF, SLOW, OFF},
        {EVSE_STATE_Finishing, EVSE_POWER_STOPPING, SLOW, FAST, OFF},
        {EVSE_STATE_Finishing, EVSE_POWER_OFF, SLOW, OFF, OFF},
        {EVSE_STATE_Reserved, EVSE_POWER_OFF, FAST, OFF, OFF},
        {EVSE_STATE_Unavailable, EVSE_POWER_OFF, OFF, OFF, OFF},
        {EVSE_STATE_Faulted, EVSE_POWER_OFF, OFF, OFF, STEADY},
    };
    for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
        const evse_hmi_view_t view = {.state = rows[i].state, .phase = rows[i].phase};
        check_lights(&view, rows[i].ready, rows[i].charging, rows[i].fault);
    }
}

static void hmi_fault_light_tells_what_a_reset_is_needed_for(void)
{
    evse_hmi_view_t view = {.state = EVSE_STATE_Available};
    view.reasons = EVSE_REASON(NO_ORDER) | EVSE_REASON(UNPLUGGED);
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_FAULT), OFF);
    view.reasons |= EVSE_REASON(MODULE_SILENT); // not good, and not a fault yet
    check_lights(&view, STEADY, OFF, SLOW);
    view.fault = EVSE_FAULT_CHARGER_OFFLINE;
    check_lights(&view, OFF, OFF, STEADY);
    view.is_latched = true;
    check_lights(&view, OFF, OFF, FAST);
    view.fault = EVSE_FAULT_NONE;
    check_lights(&view, OFF, OFF, FAST);
}

static void hmi_network_light_follows_the_central_system(void)
{
    evse_hmi_view_t view = {.network = EVSE_NETWORK_AWAY};
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_NETWORK), OFF);
    view.network = EVSE_NETWORK_CONNECTED;
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_NETWORK), SLOW);
    view.network = EVSE_NETWORK_ACCEPTED;
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_NETWORK), STEADY);
    view.network = 77;
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_NETWORK), OFF);
}

static void check_invariants(const evse_hmi_view_t *view)
{
    bool faulty = view->fault != 0 || view->is_latched || view->state == EVSE_STATE_Faulted;
    evse_pattern_t ready = evse_hmi_light(view, EVSE_LIGHT_READY);
    CHECK(!faulty || ready == OFF);
    CHECK(!faulty || evse_hmi_light(view, EVSE_LIGHT_FAULT) != OFF);
    CHECK(faulty || evse_hmi_light(view, EVSE_LIGHT_FAULT) != STEADY);
    CHECK(view->phase == EVSE_POWER_OFF || evse_hmi_light(view, EVSE_LIGHT_CHARGING) != OFF);
}

static void hmi_power_and_faults_are_never_hidden(void)
{
    for (unsigned state = 0; state <= EVSE_CONNECTOR_STATE_COUNT; state++) {
        for (unsigned phase = 0; phase <= EVSE_POWER_PHASE_COUNT; phase++) {
            for (unsigned fault = 0; fault < EVSE_FAULT_COUNT; fault++) {
                for (unsigned extra = 0; extra < 12; extra++) { // latched, dark, and each answer
                    const evse_hmi_view_t view = {.state = state,
                                                  .phase = phase,
                                                  .fault = fault,
                                                  .is_latched = (extra & 1u) != 0,
                                                  .is_dark = (extra & 2u) != 0,
                                                  .signal = extra / 4u};
                    check_invariants(&view);
                }
            }
        }
    }
    CHECK_EQ(evse_hmi_light(&(evse_hmi_view_t){0}, EVSE_LIGHT_COUNT), OFF);
}

static void hmi_answers_a_user_unless_a_fault_shows(void)
{
    evse_hmi_view_t view = {.state = EVSE_STATE_Available, .signal = EVSE_SIGNAL_ACCEPTED};
    check_lights(&view, FAST, OFF, OFF);
    view.is_dark = true; // answered all the same
    check_lights(&view, FAST, OFF, OFF);
    view.signal = EVSE_SIGNAL_REFUSED;
    check_lights(&view, OFF, OFF, FAST);
    view.fault = EVSE_FAULT_OVERTEMPERATURE;
    check_lights(&view, OFF, OFF, STEADY);
    view.signal = EVSE_SIGNAL_ACCEPTED;
    check_lights(&view, OFF, OFF, STEADY);
}

static void hmi_dark_hides_only_what_nobodys_safety_hangs_on(void)
{
    evse_hmi_view_t view = {
        .state = EVSE_STATE_Available, .network = EVSE_NETWORK_ACCEPTED, .is_dark = true};
    check_lights(&view, OFF, OFF, OFF);
    CHECK_EQ(evse_hmi_light(&view, EVSE_LIGHT_NETWORK), OFF);
    view.state = EVSE_STATE_Charging;
    view.phase = EVSE_POWER_ON;
    check_lights(&view, OFF, STEADY, OFF);
    view.fault = EVSE_FAULT_OVERTEMPERATURE;
    check_lights(&view, OFF, STEADY, STEADY);
}

static unsigned flashes(evse_pattern_t pattern, uint64_t duration_us)
{
    unsigned count = 0;
    bool was = false;
    for (uint64_t now_us = 0; now_us < duration_us; now_us += 10u * HF_US_PER_MS) {
        bool is = evse_hmi_level(pattern, 86400u * HF_US_PER_S + now_us);
        count += is && !was ? 1u : 0u;
        was = is;
    }
    return count;
}

static void hmi_patterns_blink_at_their_rates(void)
{
    CHECK(!evse_hmi_level(OFF, 5) && evse_hmi_level(STEADY, 5));
    CHECK(!evse_hmi_level(EVSE_PATTERN_COUNT, 5));
    CHECK(evse_hmi_level(SLOW, 0) && !evse_hmi_level(SLOW, EVSE_LIGHT_SLOW_MS * HF_US_PER_MS));
    CHECK(evse_hmi_level(FAST, 0) && !evse_hmi_level(FAST, EVSE_LIGHT_FAST_MS * HF_US_PER_MS));
    uint64_t minute_us = 60u * HF_US_PER_S;
    CHECK_EQ(flashes(SLOW, minute_us), 60000u / (2u * EVSE_LIGHT_SLOW_MS));
    CHECK_EQ(flashes(FAST, minute_us), 60000u / (2u * EVSE_LIGHT_FAST_MS));
    CHECK(flashes(FAST, minute_us) < 3u * 60u); // flicker limit
}

static void hmi_drive_sets_lights_and_nothing_else(void)
{
    const evse_hmi_view_t view = {.state = EVSE_STATE_Available, .network = EVSE_NETWORK_ACCEPTED};
    evse_io_drive_t drive = {.live_count = 7};
    drive.level[EVSE_OUT_CONTACTOR] = drive.level[EVSE_OUT_LIGHT_FAULT] = true;
    evse_hmi_drive(&view, 0, &drive);
    CHECK(drive.level[EVSE_OUT_CONTACTOR] && !drive.level[EVSE_OUT_LOCK]);
    CHECK(drive.level[EVSE_OUT_LIGHT_READY] && drive.level[EVSE_OUT_LIGHT_NETWORK]);
    CHECK(!drive.level[EVSE_OUT_LIGHT_CHARGING] && !drive.level[EVSE_OUT_LIGHT_FAULT]);
    CHECK_EQ(drive.live_count, 7);
}

static void hmi_names_are_texts(void)
{
    CHECK_STR(evse_light_text(EVSE_LIGHT_NETWORK), "network");
    CHECK_STR(evse_light_text(EVSE_LIGHT_COUNT), "unknown");
    CHECK_STR(evse_pattern_text(FAST), "fast blink");
    CHECK_STR(evse_pattern_text(EVSE_PATTERN_COUNT), "unknown");
}

HF_TEST_MAIN(HF_TEST(hmi_each_state_shows_as_documented),
             HF_TEST(hmi_fault_light_tells_what_a_reset_is_needed_for),
             HF_TEST(hmi_network_light_follows_the_central_system),
             HF_TEST(hmi_power_and_faults_are_never_hidden),
             HF_TEST(hmi_answers_a_user_unless_a_fault_shows),
             HF_TEST(hmi_dark_hides_only_what_nobodys_safety_hangs_on),
             HF_TEST(hmi_patterns_blink_at_their_rates),
             HF_TEST(hmi_drive_sets_lights_and_nothing_else), HF_TEST(hmi_names_are_texts))
