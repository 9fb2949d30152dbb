// SPDX-License-Identifier: MIT
// The state table (OCPP 1.6 section 4.9) walked by the real control and a simulated outlet: what leads to each transition,
// and that nothing but the table's transitions is ever told.
#include "support/control_world.h"

static world_t world;

typedef enum act {
    PLUG,
    UNPLUG,
    AUTHORIZE, // orders
    RUN,
    SUSPEND,
    END,
    INOPERATIVE,
    OPERATIVE,
    RESERVE,
    RELEASE,
    TIME_OUT, // the wait for a user is over
    FORBID,   // the vehicle
    PERMIT,
    BUS_OFF,
    BUS_ON,
    ESTOP,
    RESET,
} act_t;

typedef struct step {
    act_t act;
    const char
        *taken; // transitions until the state that the last one names is there; "" none within 3 s
} step_t;

#define STEPS_MAX 16

static uint32_t session;

static void order(evse_session_order_t kind)
{
    world_order(&world, kind, session);
}

static void act_on_outlet(act_t act)
{
    switch (act) {
    case PLUG:
    case UNPLUG:
        sim_outlet_plug(&world.outlet, act == PLUG);
        break;
    case FORBID:
    case PERMIT:
        sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, act == FORBID);
        break;
    case BUS_OFF:
    case BUS_ON:
        sim_outlet_set_fault(&world.outlet, SIM_FAULT_BUS_OFF, act == BUS_OFF);
        break;
    case ESTOP:
        sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
        break;
    case RESET:
    default:
        sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, false);
        sim_outlet_hold_reset(&world.outlet, false);
        world_run_ms(&world, 200);
        sim_outlet_hold_reset(&world.outlet, true);
        break;
    }
}

static void act(act_t act)
{
    evse_connector_order_t *mine = &world.orders.connector[0];
    switch (act) {
    case AUTHORIZE:
        session++;
        order(EVSE_ORDER_AUTHORIZED);
        break;
    case RUN:
        order(EVSE_ORDER_RUN);
        break;
    case SUSPEND:
        order(EVSE_ORDER_SUSPEND);
        break;
    case END:
        order(EVSE_ORDER_NONE);
        break;
    case INOPERATIVE:
    case OPERATIVE:
        mine->inoperative = act == INOPERATIVE;
        break;
    case RESERVE:
    case RELEASE:
        mine->reserved_for = act == RESERVE;
        break;
    case TIME_OUT:
        mine->finishing = 1;
        break;
    default:
        act_on_outlet(act);
        break;
    }
}

static bool seen[EVSE_CONNECTOR_STATE_COUNT][EVSE_CONNECTOR_STATE_COUNT];

static char letter_of(unsigned state)
{
    static const char letters[EVSE_CONNECTOR_STATE_COUNT] = {
        [EVSE_STATE_Available] = 'A',     [EVSE_STATE_Preparing] = 'B',
        [EVSE_STATE_Charging] = 'C',      [EVSE_STATE_SuspendedEV] = 'D',
        [EVSE_STATE_SuspendedEVSE] = 'E', [EVSE_STATE_Finishing] = 'F',
        [EVSE_STATE_Reserved] = 'G',      [EVSE_STATE_Unavailable] = 'H',
        [EVSE_STATE_Faulted] = 'I'};
    return letters[state];
}

static unsigned state_of(char digit)
{
    unsigned state = 0;
    while (letter_of(state) - 'A' != digit - '1') {
        state++;
    }
    return state;
}

// What the events tell since the last time, as "C6 F2".
static void read_transitions(unsigned *was, char *text, size_t size)
{
    text[0] = '\0';
    for (unsigned i = 0; i < world.event_count; i++) {
        if (world.events[i].kind != EVSE_EVENT_STATE) {
            continue;
        }
        unsigned state = world.events[i].detail;
        char id[5];
        snprintf(id, sizeof id, "%s%c%c", text[0] != '\0' ? " " : "", letter_of(*was),
                 letter_of(state) - 'A' + '1');
        if (strlen(text) + strlen(id) < size) {
            strcat(text, id);
        }
        CHECK(
            evse_connector_may_follow((evse_connector_state_t)*was, (evse_connector_state_t)state));
        seen[*was][state] = true;
        *was = state;
    }
    world.event_count = 0;
}

static void play(const char *name, const step_t *steps, unsigned count)
{
    unsigned was = EVSE_STATE_Available;
    char taken[64];
    world_init(&world);
    session = 0;
    world_run_ms(&world, 1000);
    world.event_count = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t length = strlen(steps[i].taken);
        act(steps[i].act);
        unsigned wanted =
            length != 0 ? state_of(steps[i].taken[length - 1]) : EVSE_CONNECTOR_STATE_COUNT;
        uint64_t limit_us = world.now_us + (length != 0 ? 20u : 3u) * HF_US_PER_S;
        while (world.now_us < limit_us && world_channel(&world)->state != wanted) {
            world_tick(&world);
        }
        read_transitions(&was, taken, sizeof taken);
        if (strcmp(taken, steps[i].taken) != 0) {
            HF_TEST_FAIL("%s, step %u: %s, expected %s", name, i, taken, steps[i].taken);
            return;
        }
        if (steps[i].act == PLUG ||
            steps[i].act == RESET) { // the vehicle says what it may, the reset is let go
            world_run_ms(&world, 1500);
            sim_outlet_hold_reset(&world.outlet, false);
        }
        world_run_ms(&world, 400); // whatever follows is told as well
        if (world_channel(&world)->state != was) {
            read_transitions(&was, taken, sizeof taken);
            HF_TEST_FAIL("%s, step %u: then %s", name, i, taken);
            return;
        }
    }
}

#define PLAY(name, ...)                                                                            \
    do {                                                                                           \
        static const step_t steps[] = {__VA_ARGS__};                                               \
        play(name, steps, HF_COUNT_OF(steps));                                                     \
    } while (0)

#define CHARGE                                                                                     \
    {PLUG, "A2"}, {AUTHORIZE, ""},                                                                 \
    {                                                                                              \
        RUN, "B3"                                                                                  \
    }
#define STOP_BY_VEHICLE                                                                            \
    {PLUG, "A2"}, {AUTHORIZE, ""}, {FORBID, ""},                                                   \
    {                                                                                              \
        RUN, "B4"                                                                                  \
    }
#define STOP_BY_STATION                                                                            \
    {PLUG, "A2"}, {AUTHORIZE, ""},                                                                 \
    {                                                                                              \
        SUSPEND, "B5"                                                                              \
    }

static void play_without_session(void)
{
    PLAY("plug", {PLUG, "A2"}, {UNPLUG, "B1"});
    PLAY("card first", {AUTHORIZE, "A2"}, {END, "B1"});
    PLAY("nobody comes", {PLUG, "A2"}, {TIME_OUT, "B6"}, {UNPLUG, "F1"});
    PLAY("reservation", {RESERVE, "A7"}, {RELEASE, "G1"}, {RESERVE, "A7"}, {AUTHORIZE, "G2"},
         {END, "B1 A7"});
    PLAY("reserved, then closed", {RESERVE, "A7"}, {INOPERATIVE, "G8"}, {RELEASE, ""},
         {OPERATIVE, "H1"});
    PLAY("closed", {INOPERATIVE, "A8"}, {OPERATIVE, "H1"}, {RESERVE, "A7"});
    PLAY("closed and reserved", {INOPERATIVE, "A8"}, {RESERVE, ""}, {OPERATIVE, "H1 A7"});
    PLAY("closed under a plug", {PLUG, "A2"}, {INOPERATIVE, "B6 F8"}, {OPERATIVE, "H2"});
    PLAY("plugged while closed", {INOPERATIVE, "A8"}, {PLUG, ""}, {OPERATIVE, "H2"});
    PLAY("reserved under a plug", {RESERVE, "A7"}, {PLUG, ""}, {AUTHORIZE, "G2"}, {END, "B1 A7"},
         {RELEASE, "G2"});
}

static void play_sessions(void)
{
    PLAY("vehicle pauses", CHARGE, {FORBID, "C4"}, {PERMIT, "D3"}, {END, "C6"}, {UNPLUG, "F1"});
    PLAY("station pauses", CHARGE, {SUSPEND, "C5"}, {RUN, "E3"}, {END, "C6"});
    PLAY("both pause", STOP_BY_VEHICLE, {SUSPEND, "D5"}, {RUN, "E4"}, {END, "D6"});
    PLAY("never begun", STOP_BY_STATION, {END, "E6"}, {UNPLUG, "F1"});
    PLAY("plug out", CHARGE, {UNPLUG, "C6"}, {END, "F1"});
    PLAY("once more", CHARGE, {END, "C6"}, {AUTHORIZE, "F2"}, {RUN, "B3"}, {END, "C6"});
    PLAY("once more, not begun", CHARGE, {END, "C6"}, {AUTHORIZE, "F2"}, {END, "B6"});
    PLAY("closed after it", CHARGE, {INOPERATIVE, ""}, {END, "C8"}, {OPERATIVE, "H2"});
    PLAY("closed in a pause", STOP_BY_VEHICLE, {INOPERATIVE, ""}, {END, "D8"}, {UNPLUG, ""},
         {OPERATIVE, "H1"});
    PLAY("closed in another", STOP_BY_STATION, {INOPERATIVE, ""}, {END, "E8"});
    PLAY("closed when finished", CHARGE, {END, "C6"}, {INOPERATIVE, "F8"});
}

static void play_faults(void)
{
    PLAY("fault when free", {ESTOP, "A9"}, {RESET, "I1"});
    PLAY("fault when plugged", {PLUG, "A2"}, {ESTOP, "B9"}, {RESET, "I2"});
    PLAY("fault when charging", CHARGE, {ESTOP, "C9"}, {END, ""}, {RESET, "I6"});
    PLAY("fault in a pause", STOP_BY_VEHICLE, {ESTOP, "D9"}, {END, ""}, {RESET, "I6"});
    PLAY("fault in another", STOP_BY_STATION, {ESTOP, "E9"}, {END, ""}, {RESET, "I6"});
    PLAY("fault when finished", CHARGE, {END, "C6"}, {ESTOP, "F9"}, {RESET, "I6"});
    PLAY("fault when reserved", {RESERVE, "A7"}, {ESTOP, "G9"}, {RESET, "I7"});
    PLAY("fault when closed", {INOPERATIVE, "A8"}, {ESTOP, "H9"}, {RESET, "I8"});
    PLAY("bus lost in a session", CHARGE, {BUS_OFF, "C9"}, {BUS_ON, "I5 E3"});
    PLAY("bus lost in a pause", STOP_BY_VEHICLE, {BUS_OFF, "D9"}, {BUS_ON, "I5 E4"});
}

// Not taken, since control sees a vehicle before it closes a contactor, brings power down before it calls a session over,
// and no session runs where none may begin.
static const char *const never_taken[] = {"A3", "A4", "A5", "C1", "D1", "E1",
                                          "H3", "H4", "H5", "I3", "I4"};

static void connector_world_walks_the_whole_table(void)
{
    play_without_session();
    play_sessions();
    play_faults();
    for (unsigned from = 0; from < EVSE_CONNECTOR_STATE_COUNT; from++) {
        for (unsigned to = 0; to < EVSE_CONNECTOR_STATE_COUNT; to++) {
            const char id[3] = {letter_of(from), (char)(letter_of(to) - 'A' + '1'), '\0'};
            bool expected =
                evse_connector_may_follow((evse_connector_state_t)from, (evse_connector_state_t)to);
            for (size_t i = 0; i < HF_COUNT_OF(never_taken); i++) {
                expected = expected && strcmp(id, never_taken[i]) != 0;
            }
            if (seen[from][to] != expected) {
                HF_TEST_FAIL("%s was %s", id, seen[from][to] ? "taken" : "not taken");
            }
        }
    }
}

HF_TEST_MAIN(HF_TEST(connector_world_walks_the_whole_table))
