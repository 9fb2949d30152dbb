// SPDX-License-Identifier: MIT
// What comms makes of the start button and of a local stop, and what it tells control for the network light.
#include "support/ocpp_station.h"

static void press_start(station_t *s)
{
    station_event(s, 0, EVSE_EVENT_START_BUTTON, 0);
    station_run(s, 1000);
}

static station_t *plugged_station(const char *tag)
{
    station_t *s = station_online(2);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", tag), 0);
    s->control[0].plugged = true;
    station_run(s, 100);
    return s;
}

static void buttons_start_presents_the_configured_tag(void)
{
    station_t *s = plugged_station("BUTTON1");
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK(station_has(station_find(s, "Authorize", 0), "idTag", "BUTTON1"));
    CHECK(station_has(station_find(s, "StartTransaction", 0), "idTag", "BUTTON1"));
}

static void buttons_start_without_a_tag_does_nothing(void)
{
    station_t *s = plugged_station("");
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(station_count(s, "Authorize"), 0);
}

static void buttons_start_in_a_session_does_not_end_it(void)
{
    station_t *s = plugged_station("BUTTON1");
    press_start(s);
    press_start(s);
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_count(s, "StopTransaction"), 0);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
}

static void buttons_start_of_a_blocked_tag_starts_nothing(void)
{
    station_t *s = plugged_station("BUTTON1");
    s->csms.tag_status = "Blocked";
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
}

static void buttons_start_offline_follows_the_local_policy(void)
{
    station_t *s = plugged_station("BUTTON1");
    s->link.up = false;
    station_run(s, 100);
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    press_start(s);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

static void buttons_tag_is_checked_and_kept_over_a_reboot(void)
{
    station_t *s = station_online(1);
    CHECK_STR(evse_ocpp_text(&s->ocpp, "LocalStartTag"), "");
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", "123456789012345678901"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", "with space"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", "\x7f"), HF_E_RANGE);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"LocalStartTag\",\"value\":\"12345678901234567890\"}"),
              STATION_ACCEPTED);
    station_run(s, 100);
    CHECK_EQ(station_boot(s), 0);
    CHECK_STR(evse_ocpp_text(&s->ocpp, "LocalStartTag"), "12345678901234567890");
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LocalStartTag", ""), 0);
    CHECK_STR(evse_ocpp_text(&s->ocpp, "LocalStartTag"), "");
    CHECK_STR(evse_ocpp_text(&s->ocpp, "HeartbeatInterval"), "");
    CHECK_STR(evse_ocpp_text(&s->ocpp, "NoSuchKey"), "");
}

static void buttons_local_stop_ends_the_session_with_its_reason(void)
{
    station_t *s = station_online(2);
    station_start(s);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 1, EVSE_STOP_Local, s->now_us), HF_E_STATE);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 2, EVSE_STOP_Local, s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_None, s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_REASON_COUNT, s->now_us), HF_E_RANGE);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), HF_E_STATE); // once
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "Local"));
}

static void buttons_local_stop_gives_up_what_only_waits(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
}

static uint32_t network_ordered(const station_t *s)
{
    evse_orders_t orders;
    CHECK_EQ(hf_snapshot_read(&s->mailbox.orders, &orders), 0);
    return orders.connector[0].network;
}

static void buttons_network_light_is_told_with_the_order(void)
{
    station_t *s = station_new(1);
    station_run(s, 1000);
    CHECK_EQ(network_ordered(s), EVSE_NETWORK_AWAY);
    s->csms.boot_status = "Pending";
    s->link.up = true;
    station_run(s, 90000);
    CHECK_EQ(network_ordered(s), EVSE_NETWORK_CONNECTED);
    s->csms.boot_status = "Accepted";
    station_run(s, 400000);
    CHECK_EQ(network_ordered(s), EVSE_NETWORK_ACCEPTED);
    s->link.up = false;
    station_run(s, 100);
    CHECK_EQ(network_ordered(s), EVSE_NETWORK_AWAY);
}

HF_TEST_MAIN(HF_TEST(buttons_start_presents_the_configured_tag),
             HF_TEST(buttons_start_without_a_tag_does_nothing),
             HF_TEST(buttons_start_in_a_session_does_not_end_it),
             HF_TEST(buttons_start_of_a_blocked_tag_starts_nothing),
             HF_TEST(buttons_start_offline_follows_the_local_policy),
             HF_TEST(buttons_tag_is_checked_and_kept_over_a_reboot),
             HF_TEST(buttons_local_stop_ends_the_session_with_its_reason),
             HF_TEST(buttons_local_stop_gives_up_what_only_waits),
             HF_TEST(buttons_network_light_is_told_with_the_order))
