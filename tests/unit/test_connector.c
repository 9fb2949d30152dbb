// SPDX-License-Identifier: MIT
// The connector state machine, OCPP 1.6 section 4.9, by its transitions.
#include "evse/evse_connector.h"
#include "hf_test.h"

typedef struct row {
    evse_connector_state_t was;
    evse_connector_inputs_t in;
    evse_connector_state_t expected;
} row_t;

static void check_rows(const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        evse_connector_state_t got = evse_connector_step(rows[i].was, &rows[i].in);
        if (got != rows[i].expected) {
            HF_TEST_FAIL("row %zu: %s, expected %s", i, evse_connector_state_text(got),
                         evse_connector_state_text(rows[i].expected));
        }
    }
}

#define RUNNING .plugged = true, .order = EVSE_ORDER_RUN

static void connector_without_session_shows_plug_and_orders(void)
{
    static const row_t rows[] = {
        {EVSE_STATE_Available, {0}, EVSE_STATE_Available},
        {EVSE_STATE_Available, {.plugged = true}, EVSE_STATE_Preparing},
        {EVSE_STATE_Available, {.order = EVSE_ORDER_AUTHORIZED}, EVSE_STATE_Preparing},
        {EVSE_STATE_Preparing, {0}, EVSE_STATE_Available},
        {EVSE_STATE_Available, {.reserved = true}, EVSE_STATE_Reserved},
        {EVSE_STATE_Reserved,
         {.reserved = true, .order = EVSE_ORDER_AUTHORIZED},
         EVSE_STATE_Preparing},
        {EVSE_STATE_Available, {.inoperative = true}, EVSE_STATE_Unavailable},
        {EVSE_STATE_Unavailable, {0}, EVSE_STATE_Available},
        {EVSE_STATE_Available, {.faulted = true}, EVSE_STATE_Faulted},
        {EVSE_STATE_Unavailable, {.faulted = true, .inoperative = true}, EVSE_STATE_Faulted},
        {EVSE_STATE_Faulted, {.plugged = true}, EVSE_STATE_Preparing},
        {EVSE_STATE_Faulted, {.plugged = true, .finishing = true}, EVSE_STATE_Finishing},
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

static void connector_in_session_shows_who_refuses(void)
{
    static const row_t rows[] = {
        {EVSE_STATE_Preparing,
         {RUNNING, .offering = true, .vehicle_draws = true},
         EVSE_STATE_Preparing},
        {EVSE_STATE_Preparing,
         {RUNNING, .offering = true, .energized = true, .vehicle_draws = true},
         EVSE_STATE_Charging},
        {EVSE_STATE_Charging,
         {RUNNING, .offering = true, .energized = true},
         EVSE_STATE_SuspendedEV},
        {EVSE_STATE_Charging, {RUNNING, .offering = true}, EVSE_STATE_SuspendedEV},
        {EVSE_STATE_Charging, {RUNNING, .vehicle_draws = true}, EVSE_STATE_SuspendedEVSE},
        {EVSE_STATE_SuspendedEV, {RUNNING}, EVSE_STATE_SuspendedEVSE}, // EVSE wins
        {EVSE_STATE_Charging,
         {.plugged = true, .order = EVSE_ORDER_SUSPEND, .offering = true, .vehicle_draws = true},
         EVSE_STATE_SuspendedEVSE},
        {EVSE_STATE_SuspendedEVSE,
         {RUNNING, .offering = true, .vehicle_draws = true},
         EVSE_STATE_SuspendedEVSE}, // until power is back
        {EVSE_STATE_SuspendedEV,
         {RUNNING, .offering = true, .energized = true, .vehicle_draws = true},
         EVSE_STATE_Charging},
        {EVSE_STATE_Charging,
         {RUNNING, .offering = true, .energized = true, .vehicle_draws = true, .inoperative = true},
         EVSE_STATE_Charging}, // scheduled until the session ends
        {EVSE_STATE_Charging, {RUNNING, .faulted = true, .energized = true}, EVSE_STATE_Faulted},
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

static void connector_back_from_a_fault_has_never_left_its_session(void)
{
    static const row_t rows[] = {
        {EVSE_STATE_Faulted, {RUNNING, .energized_once = true}, EVSE_STATE_SuspendedEVSE},
        {EVSE_STATE_Faulted,
         {RUNNING, .offering = true, .vehicle_draws = true, .energized_once = true},
         EVSE_STATE_SuspendedEVSE},
        {EVSE_STATE_Faulted,
         {RUNNING, .offering = true, .vehicle_draws = true}, // it had not begun to charge
         EVSE_STATE_Preparing},
        {EVSE_STATE_SuspendedEVSE,
         {RUNNING, .offering = true, .vehicle_draws = true, .energized = true},
         EVSE_STATE_Charging},
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

static void connector_after_session_finishes_until_unplugged(void)
{
    static const row_t rows[] = {
        {EVSE_STATE_Charging, {RUNNING, .session_over = true}, EVSE_STATE_Finishing},
        {EVSE_STATE_Finishing, {.plugged = true, .finishing = true}, EVSE_STATE_Finishing},
        {EVSE_STATE_Finishing, {0}, EVSE_STATE_Available},
        {EVSE_STATE_Finishing, {.finishing = true}, EVSE_STATE_Finishing}, // for a while
        {EVSE_STATE_Finishing,
         {.plugged = true, .finishing = true, .order = EVSE_ORDER_AUTHORIZED},
         EVSE_STATE_Preparing},
        {EVSE_STATE_Charging,
         {RUNNING, .session_over = true, .inoperative = true},
         EVSE_STATE_Unavailable}, // no Available in between
        {EVSE_STATE_Charging,
         {.order = EVSE_ORDER_RUN, .session_over = true},
         EVSE_STATE_Finishing}, // unplugged, the session does not know yet
        {EVSE_STATE_Charging,
         {.plugged = true, .energized = true},
         EVSE_STATE_Finishing}, // power is still coming down
    };
    check_rows(rows, HF_COUNT_OF(rows));
}

HF_TEST_MAIN(HF_TEST(connector_without_session_shows_plug_and_orders),
             HF_TEST(connector_in_session_shows_who_refuses),
             HF_TEST(connector_back_from_a_fault_has_never_left_its_session),
             HF_TEST(connector_after_session_finishes_until_unplugged))
