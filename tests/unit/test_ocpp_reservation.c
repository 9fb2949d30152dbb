// SPDX-License-Identifier: MIT
// ReserveNow and CancelReservation: what is answered in which state, who may use what is reserved, when it ends, what a
// restart leaves of it.
#include "support/ocpp_station.h"

#define OCCUPIED    "[3,\"q1\",{\"status\":\"Occupied\"}]"
#define FAULTED     "[3,\"q1\",{\"status\":\"Faulted\"}]"
#define UNAVAILABLE "[3,\"q1\",{\"status\":\"Unavailable\"}]"
#define IN_AN_HOUR  "2026-11-21T10:42:33Z"
#define IN_A_MINUTE "2026-11-21T09:43:33Z"

static const char *reserve_for(station_t *s, int connector, int id, const char *tag,
                               const char *parent, const char *expiry)
{
    char payload[300];
    int length =
        snprintf(payload, sizeof payload,
                 "{\"connectorId\":%d,\"expiryDate\":\"%s\",\"idTag\":\"%s\",\"reservationId\":%d",
                 connector, expiry, tag, id);
    if (parent != NULL) {
        length += snprintf(payload + length, sizeof payload - (size_t)length,
                           ",\"parentIdTag\":\"%s\"", parent);
    }
    snprintf(payload + length, sizeof payload - (size_t)length, "}");
    const char *answer = station_ask(s, "ReserveNow", payload);
    return answer;
}

static const char *reserve(station_t *s, int connector, int id)
{
    const char *answer = reserve_for(s, connector, id, "MINE", NULL, IN_AN_HOUR);
    station_run(s, 200);
    return answer;
}

static const char *cancel(station_t *s, int id)
{
    char payload[60];
    snprintf(payload, sizeof payload, "{\"reservationId\":%d}", id);
    const char *answer = station_ask(s, "CancelReservation", payload);
    station_run(s, 200);
    return answer;
}

static unsigned shown(const station_t *s, unsigned connector)
{
    return s->control[connector].state;
}

static int present(station_t *s, unsigned connector, const char *id)
{
    int status = evse_ocpp_present_tag(&s->ocpp, connector, id, s->now_us);
    station_run(s, 500);
    return status;
}

static const char *last_status(const station_t *s, int connector)
{
    static char text[32];
    text[0] = '\0';
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        const station_call_t *call = station_find(s, "StatusNotification", i);
        if (station_int(call, "connectorId") == connector) {
            (void)!hf_json_string(hf_json_member(station_payload(call), "status"), text,
                                  sizeof text);
        }
    }
    return text;
}

/// A session of that card on connector 1, from the plug to the end; checks its reservationId.
static void charge(station_t *s, const char *id, long long reservation)
{
    s->call_count = 0;
    CHECK_EQ(present(s, 0, id), 0);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    s->control[0].plugged = true;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 0), "reservationId"), reservation);
    CHECK_EQ(present(s, 0, id), 0);
    s->control[0].plugged = false;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
}

/// After what was recorded has become durable.
static void restart(station_t *s)
{
    station_run(s, 200);
    CHECK_EQ(station_boot(s), 0);
}

// ---- use ----

static void rule_14_reservation_cancelled_before_the_plug_is_in_no_start(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    CHECK_EQ(present(s, 0, "MINE"), 0);
    CHECK_EQ(s->ocpp.session[0].reservation_id, 7);
    CHECK_STR(cancel(s, 7), STATION_ACCEPTED);
    s->control[0].plugged = true;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 0), "reservationId"), INT64_MIN);
}

static void cancellation_that_is_not_recorded_is_rejected(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    s->ram.fail_program_at = s->ram.programs + 1;
    CHECK_STR(cancel(s, 7), STATION_REJECTED);
}

static void rule_14_reserved_connector_is_for_its_tag_only_and_its_start_tells(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    CHECK_STR(last_status(s, 1), "Reserved");
    CHECK_STR(last_status(s, 0), ""); // the station knows no such state
    CHECK_EQ(present(s, 0, "OTHER"), HF_E_STATE);
    CHECK_EQ(station_count(s, "Authorize"), 0); // it would not help
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"OTHER\",\"connectorId\":1}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"OTHER\"}"), STATION_REJECTED);
    charge(s, "mine", 7);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
    charge(s, "OTHER", INT64_MIN); // used up: no member
}

static void rule_14_remote_start_of_the_reserved_tag_uses_the_reservation(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve(s, 2, 8), STATION_ACCEPTED);
    s->control[1].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"MINE\"}"), STATION_ACCEPTED);
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[1].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 0), "reservationId"), 8);
}

static void rule_14_parent_of_the_reservation_is_asked_for_or_looked_up(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve_for(s, 1, 9, "MINE", "FAM", IN_AN_HOUR), STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(present(s, 0, "STRANGER"), 0); // an Authorize has to tell
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE); // Accepted, without that parent
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    CHECK_EQ(present(s, 0, "STRANGER"), HF_E_STATE); // the cache knows by now
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"STRANGER\"}"),
              STATION_REJECTED);
    s->csms.tag_more = ",\"parentIdTag\":\"FAM\"";
    charge(s, "CHILD", 9);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

static void rule_14_parent_known_here_needs_no_authorize(void)
{
    station_t *s = station_online(1);
    CHECK_STR(
        station_ask(
            s, "SendLocalList",
            "{\"listVersion\":1,\"updateType\":\"Full\",\"localAuthorizationList\":[{\"idTag\":"
            "\"CHILD\",\"idTagInfo\":{\"status\":\"Accepted\",\"parentIdTag\":\"FAM\"}}]}"),
        STATION_ACCEPTED);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalPreAuthorize", "true"), 0);
    CHECK_STR(reserve_for(s, 1, 9, "MINE", "FAM", IN_AN_HOUR), STATION_ACCEPTED);
    station_run(s, 200);
    charge(s, "CHILD", 9);
    CHECK_EQ(station_count(s, "Authorize"), 0);
}

static void reservation_offline_is_for_its_tag_and_known_parents(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_STR(reserve_for(s, 1, 9, "MINE", "FAM", IN_AN_HOUR), STATION_ACCEPTED);
    s->link.up = false;
    station_run(s, 200);
    CHECK_EQ(present(s, 0, "STRANGER"), HF_E_STATE);
    CHECK_EQ(present(s, 0, "MINE"), 0);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    CHECK_EQ(s->ocpp.session[0].reservation_id, 9);
}

static void reservation_survives_a_session_that_never_starts(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    CHECK_EQ(present(s, 0, "MINE"), 0);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    station_run(s, 61000); // ConnectionTimeOut
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
}

// ---- answers ----

static void rule_14_reserve_answers_by_the_state_of_the_connector(void)
{
    station_t *s = station_online(2);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    s->control[1].plugged = true;
    station_run(s, 100);
    CHECK_STR(reserve(s, 1, 1), FAULTED);
    CHECK_STR(reserve(s, 2, 1), OCCUPIED);
    CHECK_STR(reserve(s, 0, 1), OCCUPIED);
    CHECK_STR(reserve(s, 3, 1), STATION_REJECTED);
    s->control[0].fault = EVSE_FAULT_NONE;
    s->control[1].plugged = false;
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":2,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_STR(reserve(s, 2, 1), UNAVAILABLE);
    CHECK_STR(reserve(s, 1, 1), STATION_ACCEPTED);
    CHECK_STR(reserve(s, 1, 2), OCCUPIED); // reserved, for the same tag
    CHECK_STR(reserve(s, 0, 2), OCCUPIED);
    CHECK_EQ(s->ocpp.auth.reservations, 1);
}

static void rule_14_reserve_on_0_answers_for_the_whole_station(void)
{
    station_t *s = station_online(2);
    s->control[0].fault = s->control[1].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 100);
    CHECK_STR(reserve(s, 0, 1), FAULTED);
    s->control[0].fault = s->control[1].fault = EVSE_FAULT_NONE;
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":0,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_STR(reserve(s, 0, 1), UNAVAILABLE);
    CHECK_STR(reserve(s, 1, 1), UNAVAILABLE);
}

static void rule_14_reserve_during_a_session_is_occupied(void)
{
    station_t *s = station_online(1);
    station_start(s);
    CHECK_STR(reserve(s, 1, 1), OCCUPIED);
    CHECK_STR(reserve(s, 0, 1), OCCUPIED);
}

static void reserve_with_a_past_expiry_is_rejected(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve_for(s, 1, 1, "MINE", NULL, "2026-11-21T09:42:00Z"), STATION_REJECTED);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

static void check_code(station_t *s, const char *action, const char *payload, const char *code)
{
    char expected[80];
    int length = snprintf(expected, sizeof expected, "[4,\"q1\",\"%s\",", code);
    const char *answer = station_ask(s, action, payload);
    if (strncmp(answer, expected, (size_t)length) != 0) {
        HF_TEST_FAIL("%s: %s, expected %s", payload, answer, code);
    }
}

static void reserve_that_is_wrong_gets_the_specified_code(void)
{
    station_t *s = station_online(1);
    static const char *const rest =
        "\"expiryDate\":\"" IN_AN_HOUR "\",\"idTag\":\"A\",\"reservationId\":1";
    char payload[200];
    static const struct {
        const char *first, *code;
    } bad[] = {{"{", "OccurenceConstraintViolation"},
               {"{\"connectorId\":-1,", "PropertyConstraintViolation"},
               {"{\"connectorId\":\"1\",", "TypeConstraintViolation"},
               {"{\"connectorId\":1,\"parentIdTag\":\"123456789012345678901\",",
                "PropertyConstraintViolation"},
               {"{\"connectorId\":1,\"parentIdTag\":7,", "TypeConstraintViolation"}};
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        snprintf(payload, sizeof payload, "%s%s}", bad[i].first, rest);
        check_code(s, "ReserveNow", payload, bad[i].code);
    }
    check_code(s, "ReserveNow",
               "{\"connectorId\":1,\"expiryDate\":\"soon\",\"idTag\":\"A\",\"reservationId\":1}",
               "PropertyConstraintViolation");
    check_code(s, "ReserveNow", "{\"connectorId\":1,\"idTag\":\"A\",\"reservationId\":1}",
               "OccurenceConstraintViolation");
    check_code(s, "ReserveNow",
               "{\"connectorId\":1,\"expiryDate\":\"" IN_AN_HOUR "\",\"idTag\":\"A\"}",
               "OccurenceConstraintViolation");
    check_code(s, "CancelReservation", "{}", "OccurenceConstraintViolation");
    check_code(s, "CancelReservation", "{\"reservationId\":null}", "TypeConstraintViolation");
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

// ---- replacing and cancelling ----

static void reservation_of_the_same_id_is_replaced(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve_for(s, 1, 5, "FIRST", NULL, IN_AN_HOUR), STATION_ACCEPTED);
    CHECK_STR(reserve_for(s, 1, 5, "SECOND", NULL, IN_AN_HOUR), STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(present(s, 0, "FIRST"), HF_E_STATE);
    CHECK_STR(reserve_for(s, 2, 5, "SECOND", NULL, IN_AN_HOUR), STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Reserved);
    CHECK_EQ(s->ocpp.auth.reservations, 1);
    s->control[0].plugged = true;
    station_run(s, 200);
    CHECK_STR(reserve_for(s, 1, 5, "SECOND", NULL, IN_AN_HOUR), OCCUPIED);
    station_run(s, 200);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Reserved); // what there was stays
}

static void rule_14_cancelled_reservation_makes_the_connector_available(void)
{
    station_t *s = station_online(1);
    CHECK_STR(cancel(s, 7), STATION_REJECTED);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    CHECK_STR(cancel(s, 8), STATION_REJECTED);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    s->call_count = 0;
    CHECK_STR(cancel(s, 7), STATION_ACCEPTED);
    CHECK_STR(last_status(s, 1), "Available");
    CHECK_STR(cancel(s, 7), STATION_REJECTED);
    charge(s, "OTHER", INT64_MIN);
}

// ---- the end ----

static void rule_14_expiry_sends_available(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve_for(s, 1, 7, "MINE", NULL, IN_A_MINUTE), STATION_ACCEPTED);
    station_run(s, 200);
    s->call_count = 0;
    station_run(s, 57000);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    station_run(s, 3000);
    CHECK_STR(last_status(s, 1), "Available");
    charge(s, "OTHER", INT64_MIN);
}

static void rule_14_faulted_or_unavailable_ends_the_reservation(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve(s, 1, 1), STATION_ACCEPTED);
    CHECK_STR(reserve(s, 2, 2), STATION_ACCEPTED);
    station_run(s, 15000);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 200);
    s->control[0].fault = EVSE_FAULT_NONE;
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":2,\"type\":\"Inoperative\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_STR(station_ask(s, "ChangeAvailability", "{\"connectorId\":2,\"type\":\"Operative\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Available);
    CHECK_STR(cancel(s, 1), STATION_REJECTED);
}

// ---- any connector ----

static void rule_14_reservation_of_0_shows_reserved_on_one_connector(void)
{
    station_t *s = station_online(3);
    CHECK_STR(reserve(s, 0, 7), STATION_ACCEPTED);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Available);
    CHECK_STR(last_status(s, 1), "Reserved");
    CHECK_STR(last_status(s, 0), "");
    CHECK_STR(reserve(s, 0, 8), OCCUPIED);
    CHECK_EQ(present(s, 0, "OTHER"), HF_E_STATE);
    CHECK_EQ(present(s, 1, "OTHER"), 0); // the others are free for all
    s->control[1].plugged = true;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[1].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    charge(s, "MINE", 7);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available);
}

static void rule_14_reservation_of_0_moves_on_when_its_connector_fails(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve(s, 0, 7), STATION_ACCEPTED);
    station_run(s, 15000);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 200);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Reserved);
    s->control[0].fault = EVSE_FAULT_NONE;
    station_run(s, 200);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available); // it stays where it is
    CHECK_EQ(shown(s, 1), EVSE_STATE_Reserved);
    s->control[0].fault = s->control[1].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 200);
    CHECK_EQ(s->ocpp.auth.reservations, 0); // none is left
}

static void rule_14_reserved_tag_of_0_may_use_any_connector(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve(s, 0, 7), STATION_ACCEPTED);
    CHECK_EQ(present(s, 1, "MINE"), 0);
    s->control[1].plugged = true;
    station_run(s, 2000);
    CHECK_EQ(s->ocpp.session[1].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 0), "reservationId"), 7);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Available);
}

static void reservation_of_0_keeps_the_last_free_connector(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve(s, 0, 7), STATION_ACCEPTED);
    CHECK_STR(reserve(s, 1, 8), OCCUPIED); // held for 7
    CHECK_STR(reserve(s, 2, 8), STATION_ACCEPTED);
    CHECK_EQ(present(s, 0, "OTHER"), HF_E_STATE);
    CHECK_EQ(present(s, 1, "OTHER"), HF_E_STATE);
}

// ---- a restart ----

static void reservation_is_kept_over_a_restart(void)
{
    station_t *s = station_online(2);
    CHECK_STR(reserve_for(s, 1, -7, "MINE", "FAM", IN_AN_HOUR), STATION_ACCEPTED);
    CHECK_STR(reserve_for(s, 0, 8, "OURS", NULL, IN_AN_HOUR), STATION_ACCEPTED);
    restart(s);
    station_run(s, 3000);
    CHECK_EQ(s->ocpp.auth.reservations, 2);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
    CHECK_EQ(shown(s, 1), EVSE_STATE_Reserved);
    CHECK_EQ(present(s, 1, "MINE"), HF_E_STATE);
    CHECK_STR(cancel(s, 8), STATION_ACCEPTED);
    restart(s);
    station_run(s, 3000);
    CHECK_EQ(s->ocpp.auth.reservations, 1);
    s->csms.tag_more = ",\"parentIdTag\":\"fam\"";
    charge(s, "CHILD", -7);
    restart(s);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

static void reservation_expires_while_the_power_is_off(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve_for(s, 1, 7, "MINE", NULL, IN_A_MINUTE), STATION_ACCEPTED);
    s->now_us += 120000000u;
    restart(s);
    station_run(s, 3000);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

// Nobody can say what time it is: no longer than it was made for.
static void reservation_without_a_clock_lasts_its_span_at_most(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve_for(s, 1, 7, "MINE", NULL, IN_A_MINUTE), STATION_ACCEPTED);
    s->link.up = false;
    station_run(s, 200);
    s->now_us = 86400000000u; // the machine has been up for a day, the program has not
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 50000);
    CHECK_EQ(s->ocpp.auth.reservations, 1);
    station_run(s, 11000);
    CHECK_EQ(s->ocpp.auth.reservations, 0);
}

static void reservation_is_not_lost_to_what_is_faulted_while_booting(void)
{
    station_t *s = station_online(1);
    CHECK_STR(reserve(s, 1, 7), STATION_ACCEPTED);
    s->now_us += 900000000u; // only the program begins anew
    CHECK_EQ(station_boot(s), 0);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 2000);
    s->control[0].fault = EVSE_FAULT_NONE;
    station_run(s, 20000);
    CHECK_EQ(s->ocpp.auth.reservations, 1);
    CHECK_EQ(shown(s, 0), EVSE_STATE_Reserved);
}

HF_TEST_MAIN(HF_TEST(rule_14_reservation_cancelled_before_the_plug_is_in_no_start),
             HF_TEST(cancellation_that_is_not_recorded_is_rejected),
             HF_TEST(rule_14_reserved_connector_is_for_its_tag_only_and_its_start_tells),
             HF_TEST(rule_14_remote_start_of_the_reserved_tag_uses_the_reservation),
             HF_TEST(rule_14_parent_of_the_reservation_is_asked_for_or_looked_up),
             HF_TEST(rule_14_parent_known_here_needs_no_authorize),
             HF_TEST(reservation_offline_is_for_its_tag_and_known_parents),
             HF_TEST(reservation_survives_a_session_that_never_starts),
             HF_TEST(rule_14_reserve_answers_by_the_state_of_the_connector),
             HF_TEST(rule_14_reserve_on_0_answers_for_the_whole_station),
             HF_TEST(rule_14_reserve_during_a_session_is_occupied),
             HF_TEST(reserve_with_a_past_expiry_is_rejected),
             HF_TEST(reserve_that_is_wrong_gets_the_specified_code),
             HF_TEST(reservation_of_the_same_id_is_replaced),
             HF_TEST(rule_14_cancelled_reservation_makes_the_connector_available),
             HF_TEST(rule_14_expiry_sends_available),
             HF_TEST(rule_14_faulted_or_unavailable_ends_the_reservation),
             HF_TEST(rule_14_reservation_of_0_shows_reserved_on_one_connector),
             HF_TEST(rule_14_reservation_of_0_moves_on_when_its_connector_fails),
             HF_TEST(rule_14_reserved_tag_of_0_may_use_any_connector),
             HF_TEST(reservation_of_0_keeps_the_last_free_connector),
             HF_TEST(reservation_is_kept_over_a_restart),
             HF_TEST(reservation_expires_while_the_power_is_off),
             HF_TEST(reservation_without_a_clock_lasts_its_span_at_most),
             HF_TEST(reservation_is_not_lost_to_what_is_faulted_while_booting))
