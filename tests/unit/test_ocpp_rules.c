// SPDX-License-Identifier: MIT
// Rules of OCPP 1.6 that are most often got wrong, by their numbers in our list: what answers count, what is told
// again, what
// is journalled, one CALL at a time.
#include "support/ocpp_station.h"

static void answer_start(station_t *s, const station_call_t *call, int id)
{
    char text[200];
    snprintf(text, sizeof text,
             "[3,\"%s\",{\"transactionId\":%d,\"idTagInfo\":{\"status\":\"Accepted\"}}]", call->id,
             id);
    station_say(s, text);
}

// A session whose StartTransaction was sent and not answered for longer than we wait.
static const station_call_t *start_unanswered(station_t *s)
{
    s->csms.silent_action = "StartTransaction";
    station_start(s);
    station_run(s, 30500);
    CHECK_EQ(s->ocpp.rpc.timeouts, 1);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    return station_find(s, "StartTransaction", 0);
}

static void rule_01_answer_after_the_timeout_counts(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "10"), 0);
    const station_call_t *start = start_unanswered(s);
    REQUIRE(start != NULL);
    answer_start(s, start, 77);
    station_run(s, 60000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    REQUIRE(s->store.open[0] != NULL);
    CHECK_EQ(s->store.open[0]->transaction_id, 77);
    CHECK_EQ(s->ocpp.rpc.late, 1);
    const station_call_t *meter = station_find(s, "MeterValues", 0);
    REQUIRE(meter != NULL);
    CHECK_EQ(station_int(meter, "transactionId"), 77);
    answer_start(s, start, 78); // twice, with another id: the first stands
    station_run(s, 1000);
    CHECK_EQ(s->store.open[0]->transaction_id, 77);
    CHECK_EQ(s->ocpp.rpc.stray, 1);
}

static void rule_01_answer_over_the_next_connection_counts(void)
{
    station_t *s = station_online(1);
    s->csms.silent_action = "StartTransaction";
    station_start(s);
    station_run(s, 1000);
    const station_call_t *start = station_find(s, "StartTransaction", 0);
    REQUIRE(start != NULL);
    station_drop(s);
    s->csms.silent = true; // whatever is sent first on return
    station_run(s, 3000);
    CHECK_EQ(s->link.connections, 2);
    answer_start(s, start, 77);
    station_run(s, 100);
    s->csms.silent = false;
    station_run(s, 70000);
    CHECK_EQ(s->store.open[0]->transaction_id, 77);
    for (unsigned i = 0; i < s->call_count; i++) { // a resend that was under way is the same CALL
        CHECK(strcmp(s->calls[i].action, "StartTransaction") != 0 ||
              strcmp(s->calls[i].id, start->id) == 0);
    }
    CHECK_EQ(evse_store_waiting(&s->store), 0);
}

static void rule_01_late_answer_of_the_first_sending_ends_the_second(void)
{
    station_t *s = station_online(1);
    const station_call_t *start = start_unanswered(s);
    REQUIRE(start != NULL);
    station_run(s, 31000);
    CHECK_EQ(station_count(s, "StartTransaction"), 2); // outstanding now
    answer_start(s, start, 77);
    answer_start(s, start, 77); // the second one's
    station_run(s, 1000);
    CHECK_EQ(s->store.open[0]->transaction_id, 77);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    CHECK_EQ(s->ocpp.rpc.stray, 1);
}

static void rule_01_late_callerror_is_one_attempt(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TransactionMessageAttempts", "2"), 0);
    const station_call_t *start = start_unanswered(s);
    REQUIRE(start != NULL);
    char text[120];
    snprintf(text, sizeof text, "[4,\"%s\",\"InternalError\",\"\",{}]", start->id);
    station_say(s, text);
    station_run(s, 100);
    REQUIRE(evse_store_waiting(&s->store) > 0);
    CHECK_EQ(s->store.head.attempts, 1);
    s->csms.silent_action = NULL;
    station_run(s, 61000);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    CHECK_EQ(s->store.lost, 0);
}

static void rule_01_dead_links_burn_no_attempts(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TransactionMessageAttempts", "1"), 0);
    s->csms.silent_action = "StartTransaction";
    station_start(s);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned wait = 0; wait < 200 && station_count(s, "StartTransaction") == i; wait++) {
            station_run(s, 500);
        }
        station_drop(s);
    }
    CHECK(station_count(s, "StartTransaction") >= 10);
    REQUIRE(evse_store_waiting(&s->store) > 0);
    CHECK_EQ(s->store.head.attempts, 0);
    s->csms.silent_action = NULL;
    station_run(s, 70000);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    CHECK_EQ(s->store.lost, 0);
}

// ---- readings in the journal --------------------------------------------------------------------

static station_t *start_sampling(const char *interval)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", interval), 0);
    station_start(s);
    station_run(s, 1000);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    return s;
}

static void rule_03_undisturbed_session_journals_no_readings(void)
{
    station_t *s = start_sampling("2");
    uint64_t before = hf_journal_appended(&s->store.journal);
    station_run(s, 40000);
    CHECK(station_count(s, "MeterValues") >= 19);
    CHECK_EQ(hf_journal_appended(&s->store.journal), before);
    s = station_online(2); // two readings at a time, long after the last answer
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "40"), 0);
    s->control[0].plugged = s->control[1].plugged = true;
    station_run(s, 100);
    (void)station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}");
    (void)station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"B\"}");
    station_run(s, 35000);
    before = hf_journal_appended(&s->store.journal);
    station_run(s, 10000);
    CHECK_EQ(station_count(s, "MeterValues"), 2);
    CHECK_EQ(hf_journal_appended(&s->store.journal), before);
}

static void rule_03_reading_without_an_answer_is_journalled_after_the_timeout(void)
{
    station_t *s = start_sampling("5");
    s->csms.silent_action = "MeterValues";
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "MeterValues"), 1);
    uint64_t before = hf_journal_appended(&s->store.journal);
    station_run(s, 28000);
    CHECK_EQ(hf_journal_appended(&s->store.journal), before);
    station_run(s, 4000);
    CHECK(hf_journal_appended(&s->store.journal) >= before + 6); // those behind it too
    const station_call_t first = *station_find(s, "MeterValues", 0);
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->csms.silent_action = NULL;
    s->call_count = 0;
    station_run(s, 3000);
    const station_call_t *again = station_find(s, "MeterValues", 0);
    REQUIRE(again != NULL);
    CHECK_STR(again->id, first.id);
    CHECK_STR(again->payload, first.payload);
    CHECK(station_count(s, "MeterValues") >= 6);
}

static void rule_03_reading_under_way_is_journalled_when_the_link_goes(void)
{
    station_t *s = start_sampling("5");
    s->csms.silent_action = "MeterValues";
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "MeterValues"), 1);
    s->link.up = false;
    station_run(s, 1000);
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->csms.silent_action = NULL;
    s->link.up = true;
    s->call_count = 0;
    station_run(s, 3000);
    CHECK_EQ(station_count(s, "MeterValues"), 1);
    CHECK_EQ(station_int(station_find(s, "MeterValues", 0), "transactionId"), 1001);
}

// ---- statuses -----------------------------------------------------------------------------------

static void rule_09_status_without_an_answer_is_told_again(void)
{
    station_t *s = station_online(1);
    s->csms.silent_action = "StatusNotification";
    s->control[0].plugged = true;
    station_run(s, 1000);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    station_run(s, 61000); // 30 s without an answer, 30 s for the others
    CHECK_EQ(station_count(s, "StatusNotification"), 2);
    CHECK(station_has(station_find(s, "StatusNotification", 1), "status", "Preparing"));
    s->csms.silent_action = NULL;
    station_run(s, 300000);
    CHECK(station_count(s, "StatusNotification") <= 4); // Finishing after ConnectionTimeOut
}

static void rule_09_who_never_answers_statuses_gets_transactions_all_the_same(void)
{
    station_t *s = station_online(1);
    s->csms.silent_action = "StatusNotification";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\"}"), STATION_ACCEPTED);
    station_run(s, 120000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK(station_count(s, "MeterValues") >= 1);
    CHECK(station_count(s, "StatusNotification") <= 3);
}

static void rule_09_what_passes_within_the_duration_is_not_told(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MinimumStatusDuration", "5"), 0);
    for (unsigned i = 0; i < 4; i++) {
        s->control[0].plugged = (i & 1u) == 0;
        station_run(s, 4000);
    }
    CHECK_EQ(station_count(s, "StatusNotification"), 0);
    s->control[0].plugged = true;
    station_run(s, 4000);
    CHECK_EQ(station_count(s, "StatusNotification"), 0);
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
}

static void rule_07_all_statuses_after_boot_the_station_in_three_words(void)
{
    station_t *s = station_new(3);
    s->control[1].plugged = true;
    CHECK_EQ(evse_store_set_inoperative(&s->store, 3, true), 0);
    s->link.up = true;
    station_run(s, 2000);
    static const char *const expected[] = {"Available", "Available", "Preparing", "Unavailable"};
    CHECK_EQ(station_count(s, "StatusNotification"), 4);
    for (unsigned i = 0; i < 4; i++) {
        const station_call_t *call = station_find(s, "StatusNotification", i);
        REQUIRE(call != NULL);
        CHECK_EQ(station_int(call, "connectorId"), i);
        CHECK(station_has(call, "status", expected[i]));
    }
}

// Rounds of control are rare here: its first snapshots know of no orders.
static void rule_13_boot_tells_unavailable_and_never_available_before(void)
{
    station_t *s = station_online(2);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    for (unsigned every = 1; every <= 40; every++) {
        CHECK_EQ(station_boot(s), 0);
        s->call_count = 0;
        station_control_round(s); // before comms' first
        for (unsigned i = 0; i < 300; i++) {
            s->now_us += STATION_STEP_US;
            if (i % every == 0) {
                station_control_round(s);
            }
            evse_ocpp_poll(&s->ocpp, s->now_us);
        }
        CHECK_EQ(station_count(s, "StatusNotification"), 3);
        for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
            CHECK(station_has(station_find(s, "StatusNotification", i), "status", "Unavailable"));
        }
    }
}

// ---- one CALL at a time -------------------------------------------------------------------------

static void rule_23_calls_are_answered_while_ours_is_outstanding(void)
{
    station_t *s = station_online(1);
    s->csms.silent = true;
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
              STATION_ACCEPTED);
    station_run(s, 100);
    CHECK_EQ(station_count(s, "Heartbeat"), 1);
    CHECK(s->ocpp.rpc.outstanding);
    s->control[0].plugged = true; // and its status waits
    for (unsigned i = 0; i < 20; i++) {
        CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
                  STATION_ACCEPTED);
        CHECK_STR(station_ask(s, "GetConfiguration", "{\"key\":[\"X\"]}"),
                  "[3,\"q1\",{\"configurationKey\":[],\"unknownKey\":[\"X\"]}]");
        station_run(s, 1000);
    }
    CHECK_EQ(s->call_count, 1);
    s->csms.silent = false;
    station_run(s, 10000);
    CHECK_EQ(station_count(s, "Heartbeat"), 2); // what was triggered meanwhile, once
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
}

// Most rounds look at nothing; what happens wakes them.
static void loop_acts_in_the_round_in_which_something_happens(void)
{
    station_t *s = station_online(1);
    for (unsigned offset = 0; offset < 12; offset++) { // wherever the slow rounds fall
        station_run(s, 1000 + offset * 20u);
        s->call_count = 0;
        CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
                  STATION_ACCEPTED); // 40 ms
        CHECK_EQ(station_count(s, "Heartbeat"), 1);
        station_run(s, 1000);
        s->call_count = 0;
        CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
        station_run(s, 20);
        CHECK_EQ(station_count(s, "Authorize"), 1);
        station_run(s, 500);
        CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
        station_run(s, 40);
        CHECK_EQ(s->control[0].order.session, EVSE_ORDER_NONE);
    }
}

static void rule_23_typos_of_the_specification_are_kept(void)
{
    CHECK_STR(evse_rpc_error_text(EVSE_RPC_OccurenceConstraintViolation),
              "OccurenceConstraintViolation");
    CHECK_STR(evse_rpc_error_text(EVSE_RPC_FormationViolation), "FormationViolation");
}

HF_TEST_MAIN(HF_TEST(rule_01_answer_after_the_timeout_counts),
             HF_TEST(rule_01_answer_over_the_next_connection_counts),
             HF_TEST(rule_01_late_answer_of_the_first_sending_ends_the_second),
             HF_TEST(rule_01_late_callerror_is_one_attempt),
             HF_TEST(rule_01_dead_links_burn_no_attempts),
             HF_TEST(rule_03_undisturbed_session_journals_no_readings),
             HF_TEST(rule_03_reading_without_an_answer_is_journalled_after_the_timeout),
             HF_TEST(rule_03_reading_under_way_is_journalled_when_the_link_goes),
             HF_TEST(rule_09_status_without_an_answer_is_told_again),
             HF_TEST(rule_09_who_never_answers_statuses_gets_transactions_all_the_same),
             HF_TEST(rule_09_what_passes_within_the_duration_is_not_told),
             HF_TEST(rule_07_all_statuses_after_boot_the_station_in_three_words),
             HF_TEST(rule_13_boot_tells_unavailable_and_never_available_before),
             HF_TEST(rule_23_calls_are_answered_while_ours_is_outstanding),
             HF_TEST(loop_acts_in_the_round_in_which_something_happens),
             HF_TEST(rule_23_typos_of_the_specification_are_kept))
