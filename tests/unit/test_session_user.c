// SPDX-License-Identifier: MIT
// Users at the charger: cards before and after everything, lights that answer, a cable that is held, another session without
// a new plug, remote starts in every state.
#include "support/ocpp_station.h"

static uint32_t lights;

// How the user was answered since the last look: 0 not, 1 accepted, 2 refused (the latest).
static unsigned look(const station_t *s)
{
    uint32_t before = lights;
    lights = s->ocpp.signal[0];
    return lights == before ? 0u : (lights & 1u) != 0u ? 1u : 2u;
}

static station_t *online(unsigned connectors)
{
    station_t *s = station_online(connectors);
    lights = 0;
    return s;
}

static int present(station_t *s, const char *id_tag)
{
    int status = evse_ocpp_present_tag(&s->ocpp, 0, id_tag, s->now_us);
    station_run(s, 1000);
    return status;
}

static void remote_start_without_a_tag_is_rejected(void)
{
    station_t *s = online(1);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"\"}"), STATION_REJECTED);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
}

static void user_with_a_good_card_is_answered_when_the_central_system_has_said_so(void)
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    CHECK_EQ(look(s), 0);
    station_run(s, 1000);
    CHECK_EQ(look(s), 1);
    CHECK_EQ(s->control[0].order.signal, s->ocpp.signal[0]);
    CHECK_EQ(s->control[0].order.blink_repeat, 3);
    CHECK_EQ(present(s, "OTHER"), HF_E_STATE);
    CHECK_EQ(look(s), 2);
    CHECK_EQ(present(s, "CARD"), 0); // ends it
    CHECK_EQ(look(s), 1);
}

static void user_with_a_bad_card_is_refused_by_light(void)
{
    station_t *s = online(1);
    s->csms.tag_status = "Blocked";
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_EQ(look(s), 2);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
}

static void user_before_the_first_boot_is_answered_by_the_offline_rules(void)
{
    static const char *const statuses[] = {"Pending", "Rejected"};
    for (unsigned i = 0; i < 3; i++) {
        station_t *s = station_new(1);
        lights = 0;
        s->link.up = i < 2; // the third: nobody there at all
        s->csms.boot_status = i < 2 ? statuses[i] : "Accepted";
        s->control[0].plugged = true;
        station_run(s, 1000);
        CHECK_EQ(present(s, "CARD"), HF_E_STATE); // unknown, and unknown tags may not
        CHECK_EQ(look(s), 2);
        CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
        CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
        CHECK_EQ(present(s, "CARD"), 0);
        CHECK_EQ(look(s), 1);
        CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
        s->csms.boot_status = "Accepted";
        s->link.up = true;
        station_run(s, 400000); // an interval of Pending and Rejected
        CHECK_EQ(station_count(s, "StartTransaction"), 1);
        CHECK_EQ(station_count(s, "Authorize"), 0);
    }
}

static void user_whose_authorize_gets_no_answer_is_not_left_waiting(void)
{
    station_t *s = online(1);
    s->csms.silent_action = "Authorize";
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_EQ(look(s), 0);
    station_run(s, 30000);
    CHECK_EQ(look(s), 2);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(present(s, "CARD"), 0);
    s->link.up = false; // in the middle of it
    station_run(s, 100);
    CHECK_EQ(look(s), 2);
}

static void user_may_spell_the_tag_in_another_case(void) // CiString20
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_EQ(present(s, "Card"), 0);
    CHECK_EQ(present(s, "cARD"), 0);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "Local"));
}

// ---- the connector's table, as far as users see it ------------------------------------------------

static const char *last_status(const station_t *s)
{
    static char text[24];
    const station_call_t *last = NULL;
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        const station_call_t *call = station_find(s, "StatusNotification", i);
        last = station_int(call, "connectorId") == 1 ? call : last;
    }
    hf_json_t value = hf_json_member(station_payload(last), "status");
    return last != NULL && hf_json_string(value, text, sizeof text) == 0 ? text : "none";
}

static void rule_10_user_who_does_not_come_finds_finishing_with_a_plug(void)
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 59000);
    CHECK_STR(last_status(s), "Preparing");
    station_run(s, 3000);
    CHECK_STR(last_status(s), "Finishing"); // B6
    CHECK_EQ(present(s, "CARD"), 0);        // F2, B3
    CHECK_STR(last_status(s), "Charging");
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_STR(last_status(s), "Finishing");
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_STR(last_status(s), "Available"); // F1
    s->control[0].plugged = true;           // from the beginning
    station_run(s, 59000);
    CHECK_STR(last_status(s), "Preparing");
}

static void rule_10_user_without_a_plug_finds_available(void)
{
    station_t *s = online(1);
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_STR(last_status(s), "Preparing");
    station_run(s, 60000);
    CHECK_STR(last_status(s), "Available"); // B1
    CHECK_EQ(look(s), 2);
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_EQ(present(s, "CARD"), 0); // the second presentation
    CHECK_STR(last_status(s), "Available");
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
}

static void rule_10_finishing_outlives_a_reboot_while_plugged(void)
{
    station_t *s = online(1);
    s->control[0].plugged = true;
    station_run(s, 62000);
    CHECK_STR(last_status(s), "Finishing");
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 3000);
    CHECK_STR(last_status(s), "Finishing");
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_STR(last_status(s), "Available");
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 3000);
    CHECK_STR(last_status(s), "Available");
}

static void user_charges_again_without_a_new_plug(void) // F2
{
    station_t *s = online(1);
    station_start(s);
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}");
    station_run(s, 1000);
    CHECK_STR(last_status(s), "Finishing");
    station_start(s); // remotely
    station_run(s, 1000);
    CHECK_STR(last_status(s), "Charging");
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1002}");
    station_run(s, 1000);
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_STR(last_status(s), "Charging");
    CHECK_EQ(station_count(s, "StartTransaction"), 3);
    CHECK_EQ(station_count(s, "StopTransaction"), 2);
}

static void user_whose_plug_cannot_be_locked_gets_no_transaction(void)
{
    station_t *s = online(1);
    CHECK_EQ(present(s, "CARD"), 0);
    s->control[0].plugged = true;
    s->control[0].lock_open = true;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    s->control[0].fault = EVSE_FAULT_LOCK_FAILED; // what control makes of it
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
    CHECK_STR(last_status(s), "Faulted");
}

// ---- not accepted -------------------------------------------------------------------------------

static station_t *start_not_accepted(const char *stop_on_invalid)
{
    station_t *s = online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "StopTransactionOnInvalidId", stop_on_invalid), 0);
    s->csms.start_status = "Invalid";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"CARD\"}"), STATION_ACCEPTED);
    station_run(s, 1000);
    return s;
}

static void rule_11_cable_is_held_after_deauthorized_for_its_own_card(void) // errata 3.5
{
    station_t *s = start_not_accepted("true");
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "DeAuthorized"));
    CHECK_EQ(s->control[0].order.hold_lock, 1);
    CHECK_EQ(present(s, "OTHER"), HF_E_STATE);
    CHECK_EQ(s->control[0].order.hold_lock, 1);
    CHECK_EQ(present(s, "CARD"), 0);
    CHECK_EQ(s->control[0].order.hold_lock, 0);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE); // freed, not started anew
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
}

static void rule_11_held_cable_is_freed_by_unlock_unplug_and_reboot(void)
{
    station_t *s = start_not_accepted("true");
    CHECK_EQ(s->control[0].order.hold_lock, 1);
    (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
    station_run(s, 200);
    CHECK_EQ(s->control[0].order.hold_lock, 0);
    s = start_not_accepted("true");
    s->control[0].plugged = false;
    station_run(s, 200);
    CHECK_EQ(s->control[0].order.hold_lock, 0);
    s = start_not_accepted("true");
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 200);
    CHECK_EQ(s->control[0].order.hold_lock, 0);
}

static void rule_11_kept_transaction_gets_its_energy_for_the_way_home(void)
{
    station_t *s = online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "StopTransactionOnInvalidId", "false"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MaxEnergyOnInvalidId", "20"), 0);
    s->csms.start_status = "Invalid";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"CARD\"}"), STATION_ACCEPTED);
    station_run(s, 25000); // 2300 W
    CHECK_STR(last_status(s), "Charging");
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    station_run(s, 15000);
    CHECK_STR(last_status(s), "SuspendedEVSE");
    uint64_t Wh = s->control[0].register_mJ / 3600000u;
    CHECK_EQ(Wh, 20);
    station_run(s, 60000);
    CHECK_EQ(s->control[0].register_mJ / 3600000u, Wh);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING); // it goes on
    CHECK_EQ(station_count(s, "StopTransaction"), 0);
}

// ---- remote starts ------------------------------------------------------------------------------

static const char *start_remotely(station_t *s)
{
    return station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":1}");
}

static void rule_17_remote_start_is_tried_where_a_session_can_begin(void)
{
    station_t *s = online(1); // Available
    CHECK_STR(start_remotely(s), STATION_ACCEPTED);
    CHECK_STR(start_remotely(s), STATION_REJECTED); // Preparing by another user
    s = online(1);
    s->control[0].plugged = true; // Preparing
    station_run(s, 100);
    CHECK_STR(start_remotely(s), STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_STR(start_remotely(s), STATION_REJECTED); // Charging
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}");
    station_run(s, 500);
    CHECK_STR(start_remotely(s), STATION_ACCEPTED); // Finishing
    s = start_not_accepted("false");
    CHECK_STR(last_status(s), "SuspendedEVSE");
    CHECK_STR(start_remotely(s), STATION_REJECTED);
    s = online(1);
    (void)station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}");
    station_run(s, 100);
    CHECK_STR(start_remotely(s), STATION_REJECTED); // Unavailable
    s = online(1);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 100);
    CHECK_STR(start_remotely(s), STATION_REJECTED); // Faulted
}

static void rule_17_remote_start_anywhere_prefers_a_vehicle_that_waits(void)
{
    station_t *s = online(3);
    s->control[0].plugged = true;
    station_run(s, 100);
    (void)station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":1}");
    station_run(s, 500);
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}");
    station_run(s, 500); // connector 1 has finished
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"B\"}"), STATION_ACCEPTED);
    CHECK_STR(s->ocpp.session[1].id_tag, "B"); // free
    s->control[2].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"C\"}"), STATION_ACCEPTED);
    CHECK_STR(s->ocpp.session[2].id_tag, "C"); // waiting
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"D\"}"), STATION_ACCEPTED);
    CHECK_STR(s->ocpp.session[0].id_tag, "D"); // what is left
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"E\"}"), STATION_REJECTED);
}

static void rule_12_session_ends_when_the_vehicle_leaves_and_no_key_changes_that(void)
{
    station_t *s = online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "StopTransactionOnEVSideDisconnect", "false"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "UnlockConnectorOnEVSideDisconnect", "true"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "UnlockConnectorOnEVSideDisconnect"), 0);
    station_start(s);
    s->control[0].plugged = false;
    station_run(s, 500);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "EVDisconnected"));
    CHECK_STR(last_status(s), "Available");
}

HF_TEST_MAIN(HF_TEST(remote_start_without_a_tag_is_rejected),
             HF_TEST(user_with_a_good_card_is_answered_when_the_central_system_has_said_so),
             HF_TEST(user_with_a_bad_card_is_refused_by_light),
             HF_TEST(user_before_the_first_boot_is_answered_by_the_offline_rules),
             HF_TEST(user_whose_authorize_gets_no_answer_is_not_left_waiting),
             HF_TEST(user_may_spell_the_tag_in_another_case),
             HF_TEST(rule_10_user_who_does_not_come_finds_finishing_with_a_plug),
             HF_TEST(rule_10_user_without_a_plug_finds_available),
             HF_TEST(rule_10_finishing_outlives_a_reboot_while_plugged),
             HF_TEST(user_charges_again_without_a_new_plug),
             HF_TEST(user_whose_plug_cannot_be_locked_gets_no_transaction),
             HF_TEST(rule_11_cable_is_held_after_deauthorized_for_its_own_card),
             HF_TEST(rule_11_held_cable_is_freed_by_unlock_unplug_and_reboot),
             HF_TEST(rule_11_kept_transaction_gets_its_energy_for_the_way_home),
             HF_TEST(rule_17_remote_start_is_tried_where_a_session_can_begin),
             HF_TEST(rule_17_remote_start_anywhere_prefers_a_vehicle_that_waits),
             HF_TEST(rule_12_session_ends_when_the_vehicle_leaves_and_no_key_changes_that))
