// SPDX-License-Identifier: MIT
// CALLs of the central system: what is done, what is refused, and with which code.
#include "support/ocpp_station.h"

static void check_error(station_t *s, const char *action, const char *payload, const char *code)
{
    char expected[80];
    int length = snprintf(expected, sizeof expected, "[4,\"q1\",\"%s\",", code);
    const char *answer = station_ask(s, action, payload);
    if (strncmp(answer, expected, (size_t)length) != 0) {
        HF_TEST_FAIL("%s %s: %s, expected %s", action, payload, answer, code);
    }
}

static void rule_19_unknown_action_is_not_implemented_known_one_not_supported(void)
{
    station_t *s = station_online(1);
    check_error(s, "MakeCoffee", "{}", "NotImplemented");
    check_error(s, "", "{}", "NotImplemented");
    check_error(s, "reset", "{\"type\":\"Soft\"}", "NotImplemented");
    static const char *const known[] = {
        "GetDiagnostics", // without a platform's transfers
        "UpdateFirmware",
        "CertificateSigned",
        "ExtendedTriggerMessage",
        "GetLog",
        "InstallCertificate",
        "DeleteCertificate",
        "GetInstalledCertificateIds",
        "SignedUpdateFirmware",
        "StartTransaction",
        "BootNotification",
        "StatusNotification",
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        check_error(s, known[i], "{}", "NotSupported");
    }
}

static void payloads_that_are_wrong_get_the_specified_code(void)
{
    station_t *s = station_online(1);
    check_error(s, "Reset", "{}", "OccurenceConstraintViolation");
    check_error(s, "Reset", "{\"type\":7}", "TypeConstraintViolation");
    check_error(s, "Reset", "{\"type\":\"Medium\"}", "PropertyConstraintViolation");
    check_error(s, "RemoteStartTransaction", "{\"connectorId\":1}", "OccurenceConstraintViolation");
    check_error(s, "RemoteStartTransaction", "{\"idTag\":\"123456789012345678901\"}",
                "PropertyConstraintViolation");
    check_error(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":\"1\"}",
                "TypeConstraintViolation");
    check_error(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":0}",
                "PropertyConstraintViolation");
    check_error(s, "RemoteStopTransaction", "{\"transactionId\":1.5}", "TypeConstraintViolation");
    check_error(s, "RemoteStopTransaction", "{\"transactionId\":null}", "TypeConstraintViolation");
    check_error(s, "RemoteStopTransaction", "{}", "OccurenceConstraintViolation");
    check_error(s, "ChangeAvailability", "{\"connectorId\":1}", "OccurenceConstraintViolation");
    check_error(s, "ChangeAvailability", "{\"connectorId\":-1,\"type\":\"Operative\"}",
                "PropertyConstraintViolation");
    check_error(s, "UnlockConnector", "{\"connectorId\":true}", "TypeConstraintViolation");
    check_error(s, "ChangeConfiguration", "{\"key\":\"X\"}", "OccurenceConstraintViolation");
    check_error(s, "GetConfiguration", "{\"key\":\"X\"}", "TypeConstraintViolation");
    check_error(s, "GetConfiguration", "{\"key\":[1]}", "TypeConstraintViolation");
    check_error(s, "DataTransfer", "{\"data\":\"x\"}", "OccurenceConstraintViolation");
    CHECK_EQ(s->ocpp.ending.reason, EVSE_STOP_None);
}

static void data_transfer_knows_no_vendor(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Acme\",\"data\":\"{}\"}"),
              "[3,\"q1\",{\"status\":\"UnknownVendorId\"}]");
}

static void rule_19_clear_cache_without_cache_is_rejected(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AuthorizationCacheEnabled", "false"), 0);
    CHECK_STR(station_ask(s, "ClearCache", "{}"), STATION_REJECTED);
}

static void rule_22_trigger_answers_first_and_sends_after(void)
{
    station_t *s = station_online(2);
    unsigned answers = s->link.answers;
    station_say(s, "[2,\"t\",\"TriggerMessage\",{\"requestedMessage\":\"Heartbeat\"}]");
    s->link.busy = true;
    station_run(s, 200);
    CHECK_EQ(s->call_count, 0);
    s->link.busy = false;
    station_run(s, 20);
    CHECK_EQ(s->link.answers, answers + 1);
    station_run(s, 40);
    CHECK_EQ(station_count(s, "Heartbeat"), 1);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"StatusNotification\"}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(station_count(s, "StatusNotification"), 3);
    s->call_count = 0;
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"StatusNotification\",\"connectorId\":2}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK_EQ(station_int(&s->calls[0], "connectorId"), 2);
}

static void rule_22_trigger_meter_values_has_context_trigger(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    const station_call_t *call = station_find(s, "MeterValues", 0);
    REQUIRE(call != NULL);
    hf_json_t payload = station_payload(call);
    CHECK_EQ(station_int(call, "connectorId"), 1);
    CHECK_EQ(hf_json_member(payload, "transactionId").type, HF_JSON_NONE);
    hf_json_t value = hf_json_element(hf_json_member(payload, "meterValue"), 0);
    hf_json_t samples = hf_json_member(value, "sampledValue");
    CHECK_EQ(hf_json_count(samples), 7);
    for (size_t i = 0; i < hf_json_count(samples); i++) {
        hf_json_t sample = hf_json_element(samples, i);
        CHECK(hf_json_is_string(hf_json_member(sample, "context"), "Trigger"));
        CHECK_EQ(hf_json_member(sample, "value").type, HF_JSON_STRING);
    }
    s->call_count = 0;
    station_start(s);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"MeterValues\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(station_int(station_find(s, "MeterValues", 0), "transactionId"), 1001);
}

static void rule_22_trigger_of_what_cannot_be_is_refused(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"BootNotification\"}"),
              STATION_REJECTED);
    CHECK_STR(
        station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"FirmwareStatusNotification\"}"),
        "[3,\"q1\",{\"status\":\"NotImplemented\"}]");
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"MeterValues\",\"connectorId\":2}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"CustomOperation\"}"),
              "[3,\"q1\",{\"status\":\"NotImplemented\"}]"); // "or unknown", 7.47
    station_run(s, 1000);
    CHECK_EQ(s->call_count, 0);
}

static void rule_13_availability_is_scheduled_then_straight_to_unavailable(void)
{
    station_t *s = station_online(1);
    station_start(s);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}"),
              "[3,\"q1\",{\"status\":\"Scheduled\"}]");
    station_run(s, 1000);
    s->call_count = 0;
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK(station_has(station_find(s, "StatusNotification", 0), "status", "Unavailable"));
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":1}"),
              STATION_REJECTED);
}

static void rule_13_availability_persists_and_zero_covers_all(void)
{
    station_t *s = station_online(2);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(station_count(s, "StatusNotification"), 3);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 2000);
    for (unsigned i = 0; i < 3; i++) {
        const station_call_t *last = station_find(s, "StatusNotification", i);
        CHECK(station_has(last, "status", "Unavailable"));
    }
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Operative\"}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Operative\"}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->control[0].state, EVSE_STATE_Available);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":3,\"type\":\"Operative\"}"),
              STATION_REJECTED);
}

static void rule_19_unlock_answers_when_the_lock_has_moved(void)
{
    station_t *s = station_online(1);
    s->control[0].lock_stuck = true;
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":1}"), "");
    station_run(s, 500);
    CHECK_STR(s->link.last_answer, "");
    s->control[0].lock_stuck = false;
    station_run(s, 100);
    CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"Unlocked\"}]");
    s->control[0].lock_fails = true;
    (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
    station_run(s, 100);
    CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"UnlockFailed\"}]");
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":2}"),
              "[3,\"q1\",{\"status\":\"NotSupported\"}]");
}

static void unlock_of_a_stuck_lock_fails_in_three_seconds(void)
{
    station_t *s = station_online(1);
    s->control[0].lock_stuck = true;
    (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
    station_run(s, 2800);
    CHECK_STR(s->link.last_answer, "");
    CHECK_STR(station_ask(s, "GetLog", "{}"),
              "[4,\"q1\",\"NotSupported\",\"\",{}]"); // others are answered meanwhile
    station_run(s, 500);
    CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"UnlockFailed\"}]");
}

static void unlock_ends_the_session_first(void)
{
    station_t *s = station_online(1);
    station_start(s);
    (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
    station_run(s, 1000);
    CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"Unlocked\"}]");
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "UnlockCommand"));
}

static void unlock_ends_a_session_that_begins_with_it(void)
{
    for (unsigned late_ms = 0; late_ms < 200; late_ms += 20) {
        station_t *s = station_online(1);
        CHECK_STR(
            station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
            STATION_ACCEPTED);
        s->control[0].plugged = true;
        station_run(s, late_ms);
        (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
        station_run(s, 10000);
        CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"Unlocked\"}]");
    }
}

static void unlock_is_forgotten_with_its_connection(void)
{
    station_t *s = station_online(1);
    s->control[0].lock_stuck = true;
    (void)station_ask(s, "UnlockConnector", "{\"connectorId\":1}");
    station_drop(s);
    station_run(s, 10000);
    CHECK_STR(s->link.last_answer, "");
    CHECK_EQ(s->ocpp.link_state, EVSE_LINK_OPEN);
}

static const char *say(station_t *s, const char *id, const char *action, const char *payload)
{
    char text[1024];
    snprintf(text, sizeof text, "[2,\"%s\",\"%s\",%s]", id, action, payload);
    s->link.last_answer[0] = '\0';
    station_say(s, text);
    station_run(s, 100);
    return s->link.last_answer;
}

static void accepted_is_said_when_the_flash_has_it(void)
{
    static const char *const calls[][2] = {
        {"ChangeConfiguration", "{\"key\":\"BlinkRepeat\",\"value\":\"7\"}"},
        {"ReserveNow", "{\"connectorId\":1,\"expiryDate\":\"2026-11-21T10:42:33Z\","
                       "\"idTag\":\"MINE\",\"reservationId\":1}"},
        {"CancelReservation", "{\"reservationId\":1}"},
        {"SetChargingProfile",
         "{\"connectorId\":1,\"csChargingProfiles\":{\"chargingProfileId\":1,\"stackLevel\":0,"
         "\"chargingProfilePurpose\":\"TxDefaultProfile\",\"chargingProfileKind\":\"Relative\","
         "\"chargingSchedule\":{\"chargingRateUnit\":\"A\",\"chargingSchedulePeriod\":"
         "[{\"startPeriod\":0,\"limit\":9}]}}}"},
        {"ClearChargingProfile", "{\"id\":1}"},
        {"ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}"},
    };
    station_t *s = station_online(1);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        station_run(s, 5000);
        s->ram.sync_polls = 20; // of 20 ms
        CHECK_STR(say(s, "q1", calls[i][0], calls[i][1]), "");
        // Who asks on meanwhile is answered meanwhile.
        CHECK_STR(say(s, "q2", "ClearChargingProfile", "{\"id\":99}"),
                  "[3,\"q2\",{\"status\":\"Unknown\"}]");
        station_run(s, 1000);
        CHECK_STR(s->link.last_answer, STATION_ACCEPTED);
        s->ram.sync_polls = 0;
        CHECK_STR(say(s, "q3", "ClearChargingProfile", "{\"id\":99}"),
                  "[3,\"q3\",{\"status\":\"Unknown\"}]");
    }
}

static void answer_that_waits_for_the_flash_is_forgotten_with_its_connection(void)
{
    station_t *s = station_online(1);
    station_run(s, 5000);
    s->ram.sync_polls = 200;
    CHECK_STR(say(s, "q1", "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}"),
              "");
    station_drop(s);
    s->control[0].lock_stuck = true;
    for (unsigned i = 0; i < 100 && s->link.state != EVSE_LINK_OPEN; i++) {
        station_run(s, 20);
    }
    CHECK_STR(say(s, "q2", "UnlockConnector", "{\"connectorId\":1}"), ""); // another that waits
    station_run(s, 10000);
    CHECK_STR(s->link.last_answer, "[3,\"q2\",{\"status\":\"UnlockFailed\"}]");
    CHECK(s->store.inoperative[1]);
}

static void rule_15_reset_answers_ends_sends_then_restarts(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->call_count = 0;
    CHECK_STR(station_ask(s, "Reset", "{\"type\":\"Soft\"}"), STATION_ACCEPTED);
    station_run(s, 2000);
    CHECK_EQ(s->resets, 1);
    CHECK(!s->reset_hard);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "SoftReset"));
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_REJECTED);
    station_run(s, 20000);
    CHECK_EQ(s->resets, 1);
}

static void rule_15_reset_unanswered_stop_is_delivered_after_the_restart(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->csms.silent_action = "StopTransaction";
    s->call_count = 0;
    CHECK_STR(station_ask(s, "Reset", "{\"type\":\"Hard\"}"), STATION_ACCEPTED);
    station_run(s, 2000);
    CHECK_EQ(s->resets, 1);
    CHECK(s->reset_hard);
    s->csms.silent_action = NULL;
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 2000);
    const station_call_t *stop =
        station_find(s, "StopTransaction", station_count(s, "StopTransaction") - 1);
    REQUIRE(stop != NULL);
    CHECK(station_has(stop, "reason", "HardReset"));
    CHECK_EQ(station_int(stop, "transactionId"), 1001);
    CHECK_STR(stop->id, station_find(s, "StopTransaction", 0)->id);
    CHECK_STR(stop->payload, station_find(s, "StopTransaction", 0)->payload);
}

static void rule_15_reset_waits_for_power_to_be_off(void) // [SAF-14]
{
    for (unsigned hard = 0; hard < 2; hard++) {
        station_t *s = station_online(1);
        station_start(s);
        s->control[0].power_stuck = true; // a module that is slow, a contactor that hangs
        CHECK_STR(
            station_ask(s, "Reset", hard != 0 ? "{\"type\":\"Hard\"}" : "{\"type\":\"Soft\"}"),
            STATION_ACCEPTED);
        station_run(s, 8000);
        CHECK_EQ(s->resets, 0);
        s->control[0].power_stuck = false;
        station_run(s, 200);
        CHECK_EQ(s->resets, 1);
    }
    station_t *s =
        station_online(1); // but not for ever: a weld must not keep the watchdogs from a reset
    station_start(s);
    s->control[0].power_stuck = true;
    CHECK_STR(station_ask(s, "Reset", "{\"type\":\"Soft\"}"), STATION_ACCEPTED);
    station_run(s, 16000);
    CHECK_EQ(s->resets, 1);
}

static void shutdown_is_durable_when_it_says_so(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->ram.sync_polls = 5;
    bool done = false;
    for (unsigned i = 0; i < 1000 && !done; i++) {
        s->now_us += STATION_STEP_US;
        station_control_round(s);
        done = evse_ocpp_shutdown(&s->ocpp, EVSE_STOP_Reboot, s->now_us);
    }
    CHECK(done);
    CHECK(evse_store_is_durable(&s->store));
    CHECK_EQ(s->resets, 0);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "Reboot"));
}

static const char *status_of(const station_t *s, unsigned connector)
{
    static char text[24];
    const station_call_t *last = NULL;
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        const station_call_t *call = station_find(s, "StatusNotification", i);
        last = station_int(call, "connectorId") == (long long)connector ? call : last;
    }
    hf_json_t value = hf_json_member(station_payload(last), "status");
    return last != NULL && hf_json_string(value, text, sizeof text) == 0 ? text : "none";
}

#define SCHEDULED "[3,\"q1\",{\"status\":\"Scheduled\"}]"

static void rule_13_availability_of_one_of_several_connectors(void)
{
    station_t *s = station_online(3);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":2,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_STR(status_of(s, 2), "Unavailable");
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":2,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED); // as it is
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":4,\"type\":\"Inoperative\"}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":2}"),
              STATION_REJECTED);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 2000);
    CHECK_STR(status_of(s, 0), "Available");
    CHECK_STR(status_of(s, 1), "Available");
    CHECK_STR(status_of(s, 2), "Unavailable");
    CHECK_STR(status_of(s, 3), "Available");
}

static void rule_13_station_with_sessions_becomes_unavailable_one_by_one(void)
{
    station_t *s = station_online(2);
    station_start(s);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Inoperative\"}"),
              SCHEDULED);
    station_run(s, 1000);
    CHECK_STR(status_of(s, 2), "Unavailable"); // had none
    CHECK_STR(status_of(s, 0), "none");        // as before: a session runs
    CHECK_STR(status_of(s, 1), "Charging");
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_STR(status_of(s, 1), "Unavailable");
    CHECK_STR(status_of(s, 0), "Unavailable");
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        CHECK(!station_has(station_find(s, "StatusNotification", i), "status", "Available"));
    }
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Operative\"}"),
              STATION_REJECTED); // the station is not
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Operative\"}"),
              STATION_ACCEPTED);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_STR(status_of(s, 0), "Available");
    CHECK_STR(status_of(s, 1), "Available");
    CHECK_STR(status_of(s, 2), "Available");
}

static void rule_13_scheduled_outlives_a_reboot(void)
{
    station_t *s = station_online(1);
    station_start(s);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}"),
              SCHEDULED);
    station_run(s, 200);
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 2000);
    CHECK_STR(status_of(s, 1), "Unavailable");
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "PowerLoss"));
}

static void rule_13_waiting_user_loses_to_inoperative(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":1,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_STR(status_of(s, 1), "Unavailable");
}

static void rule_15_restart_that_does_not_come_is_asked_for_again_then_service_goes_on(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ResetRetries", "2"), 0);
    CHECK_STR(station_ask(s, "Reset", "{\"type\":\"Hard\"}"), STATION_ACCEPTED);
    station_run(s, 2000);
    CHECK_EQ(s->resets, 1);
    station_run(s, 30000);
    CHECK_EQ(s->resets, 2);
    station_run(s, 30000);
    CHECK_EQ(s->resets, 3);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_REJECTED);
    station_run(s, 31000);
    CHECK_EQ(s->resets, 3);
    station_start(s);
}

static void rule_22_trigger_without_a_platform_for_transfers_is_not_implemented(void)
{
    static const char *const messages[] = {"DiagnosticsStatusNotification",
                                           "FirmwareStatusNotification",
                                           "LogStatusNotification",
                                           "",
                                           "statusnotification",
                                           "a message whose name is longer than any that there is"};
    station_t *s = station_online(1);
    for (unsigned i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        char payload[120];
        snprintf(payload, sizeof payload, "{\"requestedMessage\":\"%s\"}", messages[i]);
        CHECK_STR(station_ask(s, "TriggerMessage", payload),
                  "[3,\"q1\",{\"status\":\"NotImplemented\"}]");
    }
    check_error(s, "TriggerMessage", "{}", "OccurenceConstraintViolation");
    check_error(s, "TriggerMessage", "{\"requestedMessage\":7}", "TypeConstraintViolation");
    station_run(s, 2000);
    CHECK_EQ(s->call_count, 0);
}

static void rule_22_trigger_of_statuses_tells_one_or_all(void)
{
    station_t *s = station_online(2);
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"StatusNotification\",\"connectorId\":2}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK_STR(status_of(s, 2), "Available");
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"StatusNotification\"}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(station_count(s, "StatusNotification"), 4);
}

static void rule_19_unlock_of_what_is_no_connector_is_not_supported(void) // errata 3.87
{
    station_t *s = station_online(2);
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":3}"),
              "[3,\"q1\",{\"status\":\"NotSupported\"}]");
    CHECK_STR(station_ask(s, "UnlockConnector", "{\"connectorId\":0}"),
              "[3,\"q1\",{\"status\":\"NotSupported\"}]");
    check_error(s, "UnlockConnector", "{\"connectorId\":-1}", "PropertyConstraintViolation");
}

HF_TEST_MAIN(HF_TEST(rule_19_unknown_action_is_not_implemented_known_one_not_supported),
             HF_TEST(payloads_that_are_wrong_get_the_specified_code),
             HF_TEST(data_transfer_knows_no_vendor),
             HF_TEST(rule_19_clear_cache_without_cache_is_rejected),
             HF_TEST(rule_22_trigger_answers_first_and_sends_after),
             HF_TEST(rule_22_trigger_meter_values_has_context_trigger),
             HF_TEST(rule_22_trigger_of_what_cannot_be_is_refused),
             HF_TEST(rule_13_availability_is_scheduled_then_straight_to_unavailable),
             HF_TEST(rule_13_availability_persists_and_zero_covers_all),
             HF_TEST(rule_19_unlock_answers_when_the_lock_has_moved),
             HF_TEST(unlock_of_a_stuck_lock_fails_in_three_seconds),
             HF_TEST(unlock_ends_the_session_first),
             HF_TEST(unlock_ends_a_session_that_begins_with_it),
             HF_TEST(unlock_is_forgotten_with_its_connection),
             HF_TEST(accepted_is_said_when_the_flash_has_it),
             HF_TEST(answer_that_waits_for_the_flash_is_forgotten_with_its_connection),
             HF_TEST(rule_15_reset_answers_ends_sends_then_restarts),
             HF_TEST(rule_15_reset_unanswered_stop_is_delivered_after_the_restart),
             HF_TEST(rule_15_reset_waits_for_power_to_be_off),
             HF_TEST(shutdown_is_durable_when_it_says_so),
             HF_TEST(rule_13_availability_of_one_of_several_connectors),
             HF_TEST(rule_13_station_with_sessions_becomes_unavailable_one_by_one),
             HF_TEST(rule_13_scheduled_outlives_a_reboot),
             HF_TEST(rule_13_waiting_user_loses_to_inoperative),
             HF_TEST(rule_15_restart_that_does_not_come_is_asked_for_again_then_service_goes_on),
             HF_TEST(rule_22_trigger_without_a_platform_for_transfers_is_not_implemented),
             HF_TEST(rule_22_trigger_of_statuses_tells_one_or_all),
             HF_TEST(rule_19_unlock_of_what_is_no_connector_is_not_supported))
