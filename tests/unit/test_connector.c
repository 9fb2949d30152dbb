// SPDX-License-Identifier: MIT
// The connector state machine as a pure function: every transition of OCPP 1.6 section 4.9 by its id, none besides.
#include "evse/evse_connector.h"
#include "hf_test.h"

#include <string.h>

#define STATES EVSE_CONNECTOR_STATE_COUNT

// As the specification prints it, B6 added by the errata (3.20). From A Available, B Preparing, C Charging, D SuspendedEV,
// E SuspendedEVSE, F Finishing, G Reserved, H Unavailable, I Faulted, to 1 to 9, the same states.
static const char *const spec[] = {"A2", "A3", "A4", "A5", "A7", "A8", "A9", "B1", "B3", "B4", "B5",
                                   "B6", "B9", "C1", "C4", "C5", "C6", "C8", "C9", "D1", "D3", "D5",
                                   "D6", "D8", "D9", "E1", "E3", "E4", "E6", "E8", "E9", "F1", "F2",
                                   "F8", "F9", "G1", "G2", "G8", "G9", "H1", "H2", "H3", "H4", "H5",
                                   "H9", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8"};

static const evse_connector_state_t letters[STATES] = {
    EVSE_STATE_Available,   EVSE_STATE_Preparing,     EVSE_STATE_Charging,
    EVSE_STATE_SuspendedEV, EVSE_STATE_SuspendedEVSE, EVSE_STATE_Finishing,
    EVSE_STATE_Reserved,    EVSE_STATE_Unavailable,   EVSE_STATE_Faulted};

static bool is_in_spec(unsigned from, unsigned to)
{
    char id[3] = {(char)('A' + (int)from), (char)('1' + (int)to), '\0'};
    for (size_t i = 0; i < HF_COUNT_OF(spec); i++) {
        if (strcmp(spec[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned number_of(evse_connector_state_t state)
{
    unsigned i = 0;
    while (letters[i] != state) {
        i++;
    }
    return i;
}

// Every input there can be: ten truths and four orders.
#define INPUTS (4u << 10)

static evse_connector_inputs_t inputs_of(unsigned n)
{
    return (evse_connector_inputs_t){
        .plugged = (n & 1u) != 0,
        .faulted = (n & 2u) != 0,
        .energized = (n & 4u) != 0,
        .offering = (n & 8u) != 0,
        .vehicle_draws = (n & 16u) != 0,
        .session_over = (n & 32u) != 0,
        .inoperative = (n & 64u) != 0,
        .reserved = (n & 128u) != 0,
        .finishing = (n & 256u) != 0,
        .energized_once = (n & 512u) != 0,
        .order = (evse_session_order_t)(n >> 10),
    };
}

static void connector_table_is_that_of_the_specification(void)
{
    CHECK_EQ(HF_COUNT_OF(spec), 53);
    for (unsigned from = 0; from < STATES; from++) {
        for (unsigned to = 0; to < STATES; to++) {
            if (evse_connector_may_follow(letters[from], letters[to]) != is_in_spec(from, to)) {
                HF_TEST_FAIL("%c%c", 'A' + (int)from, '1' + (int)to);
            }
        }
    }
    CHECK(!evse_connector_may_follow(EVSE_CONNECTOR_STATE_COUNT, EVSE_STATE_Available));
    CHECK(!evse_connector_may_follow(EVSE_STATE_Available, EVSE_CONNECTOR_STATE_COUNT));
}

static void connector_takes_every_transition_of_the_table_and_no_other(void)
{
    bool taken[STATES][STATES] = {{false}};
    for (unsigned from = 0; from < STATES; from++) {
        for (unsigned n = 0; n < INPUTS; n++) {
            const evse_connector_inputs_t in = inputs_of(n);
            taken[from][number_of(evse_connector_step(letters[from], &in))] = true;
        }
    }
    for (unsigned from = 0; from < STATES; from++) {
        for (unsigned to = 0; to < STATES; to++) {
            if (from != to && taken[from][to] != is_in_spec(from, to)) {
                HF_TEST_FAIL("%c%c is %s", 'A' + (int)from, '1' + (int)to,
                             taken[from][to] ? "taken and forbidden" : "never taken");
            }
        }
    }
}

// What is decides in the end, wherever the way began; on the way to Unavailable nothing looks Available (rule 13).
static void rule_13_connector_arrives_in_three_steps_and_never_over_available(void)
{
    for (unsigned n = 0; n < INPUTS; n++) {
        const evse_connector_inputs_t in = inputs_of(n);
        for (unsigned from = 0; from < STATES; from++) {
            evse_connector_state_t state = letters[from], passed[4];
            for (unsigned i = 0; i < 4; i++) {
                state = evse_connector_step(state, &in);
                passed[i] = state;
            }
            CHECK_EQ(passed[3], passed[2]);
            CHECK(state != EVSE_STATE_Unavailable || passed[0] != EVSE_STATE_Available);
        }
    }
}

typedef struct row {
    const char *id; // a letter alone: it stays
    evse_connector_inputs_t in;
} row_t;

#define RUNNING .plugged = true, .order = EVSE_ORDER_RUN
#define POWER   .offering = true, .vehicle_draws = true

static void check_rows(const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned from = (unsigned)(rows[i].id[0] - 'A');
        unsigned to = rows[i].id[1] != '\0' ? (unsigned)(rows[i].id[1] - '1') : from;
        evse_connector_state_t got = evse_connector_step(letters[from], &rows[i].in);
        if (got != letters[to]) {
            HF_TEST_FAIL("row %zu, %s: %s", i, rows[i].id, evse_connector_state_text(got));
        }
    }
}

static void connector_without_session_shows_plug_and_orders(void)
{
    static const row_t rows[] = {
        {"A", {0}},
        {"A2", {.plugged = true}},
        {"A2", {.order = EVSE_ORDER_AUTHORIZED}},
        {"A7", {.reserved = true}},
        {"A8", {.inoperative = true}},
        {"A9", {.faulted = true}},
        {"B1", {0}},
        {"B6", {.plugged = true, .finishing = true}},
        {"B6", {.plugged = true, .inoperative = true}}, // no B8: F8 follows
        {"G", {.reserved = true, .plugged = true}},     // whose vehicle?
        {"G1", {0}},
        {"G2", {.reserved = true, .order = EVSE_ORDER_AUTHORIZED}},
        {"G8", {.reserved = true, .inoperative = true}},
        {"H1", {0}},
        {"H2", {.plugged = true}},
        {"H1", {.reserved = true}},
        {"H9", {.faulted = true, .inoperative = true}},
        {"I1", {0}},
        {"I2", {.plugged = true}},
        {"I6", {.plugged = true, .finishing = true}},
        {"I7", {.reserved = true}},
        {"I8", {.inoperative = true}},
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

static void rule_11_connector_in_session_shows_who_refuses(void)
{
    static const row_t rows[] = {
        {"B", {RUNNING, POWER}},
        {"B3", {RUNNING, POWER, .energized = true}},
        {"B4", {RUNNING, .offering = true}},
        {"B5", {RUNNING, .vehicle_draws = true}},
        {"C4", {RUNNING, .offering = true, .energized = true}},
        {"C4", {RUNNING, .offering = true}},
        {"C5", {RUNNING, .vehicle_draws = true}},
        {"D5", {RUNNING}}, // EVSE wins
        {"C5", {.plugged = true, .order = EVSE_ORDER_SUSPEND, POWER}},
        {"E", {RUNNING, POWER}}, // until power is back
        {"D3", {RUNNING, POWER, .energized = true}},
        {"C", {RUNNING, POWER, .energized = true, .inoperative = true}}, // scheduled
        {"C9", {RUNNING, .faulted = true, .energized = true}},
        {"I5", {RUNNING, .energized_once = true}},
        {"I5", {RUNNING, POWER, .energized_once = true}},
        {"I2", {RUNNING, POWER}}, // it had not begun to charge
        {"E3", {RUNNING, POWER, .energized = true}},
        {"F2", {RUNNING, POWER, .energized = true}}, // not F3
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

static void rule_13_connector_after_session_finishes_or_is_unavailable(void)
{
    static const row_t rows[] = {
        {"C6", {RUNNING, .session_over = true}},
        {"F", {.plugged = true, .finishing = true}},
        {"F1", {0}},
        {"F", {.finishing = true}}, // for a while
        {"F2", {.plugged = true, .finishing = true, .order = EVSE_ORDER_AUTHORIZED}},
        {"F8", {.plugged = true, .finishing = true, .inoperative = true}},
        {"C8", {RUNNING, .session_over = true, .inoperative = true}},
        {"D8", {RUNNING, .session_over = true, .inoperative = true}},
        {"E8", {RUNNING, .session_over = true, .inoperative = true}},
        {"C6",
         {.order = EVSE_ORDER_RUN, .session_over = true}}, // unplugged, the session does not know
        {"C6", {.plugged = true, .energized = true}},      // power is still coming down
        {"C6", {.plugged = true, .order = EVSE_ORDER_AUTHORIZED}}, // the next one, no C2
        {"C1", {0}},
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

HF_TEST_MAIN(HF_TEST(connector_table_is_that_of_the_specification),
             HF_TEST(connector_takes_every_transition_of_the_table_and_no_other),
             HF_TEST(rule_13_connector_arrives_in_three_steps_and_never_over_available),
             HF_TEST(connector_without_session_shows_plug_and_orders),
             HF_TEST(rule_11_connector_in_session_shows_who_refuses),
             HF_TEST(rule_13_connector_after_session_finishes_or_is_unavailable))
