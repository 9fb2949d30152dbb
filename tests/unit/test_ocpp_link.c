// SPDX-License-Identifier: MIT
// The connection in stepped time: when it is opened and when not, over a network that comes and goes, a central system
// that is away for hours, and keys that change what is waited for.
#include "support/ocpp_station.h"

typedef struct fake_net {
    hf_net_t net;
    hf_net_report_t report;
} fake_net_t;

static fake_net_t fake;

static void fake_poll(void *ctx, uint64_t now_us, hf_net_report_t *report)
{
    (void)now_us;
    *report = ((fake_net_t *)ctx)->report;
}

static const hf_net_ops_t fake_ops = {.poll = fake_poll};

static station_t *station_on_net(hf_net_state_t state)
{
    station_t *s = station_new(1);
    const hf_net_config_t config = {.ops = &fake_ops, .ctx = &fake};
    CHECK_EQ(hf_net_init(&fake.net, &config), 0);
    fake.report = (hf_net_report_t){.state = state};
    s->config.net = &fake.net;
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    return s;
}

static void link_is_not_opened_before_there_is_an_address(void)
{
    static const hf_net_state_t without[] = {HF_NET_DOWN, HF_NET_JOINING, HF_NET_LINK};
    station_t *s = station_on_net(HF_NET_DOWN);
    s->link.up = true;
    for (unsigned i = 0; i < HF_COUNT_OF(without); i++) {
        fake.report.state = without[i];
        station_run(s, 100000);
        CHECK_EQ(s->link.opens, 0);
    }
    fake.report.state = HF_NET_ADDRESS;
    station_run(s, 300);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    fake.report.state = HF_NET_ONLINE; // more of the same
    station_run(s, 1000);
    CHECK_EQ(s->link.opens, 1);
}

static void rule_07_net_that_goes_closes_early_and_its_return_is_no_boot(void)
{
    station_t *s = station_on_net(HF_NET_ONLINE);
    s->link.up = true;
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "BootNotification"), 1);
    fake.report.state = HF_NET_DOWN;
    station_run(s, 200);
    CHECK_EQ(s->link.state, EVSE_LINK_DOWN); // not after a dead time
    station_run(s, 3600000);
    CHECK_EQ(s->link.opens, 1);
    CHECK_EQ(s->ocpp.uplink.breaker[EVSE_BREAKER_CONNECT].failures, 0); // nobody failed
    fake.report.state = HF_NET_ONLINE;
    station_run(s, 300); // at once, whatever was waited before
    CHECK_EQ(s->link.opens, 2);
    station_run(s, 2000);
    CHECK_EQ(station_count(s, "BootNotification"), 1);
    CHECK(evse_ocpp_is_online(&s->ocpp));
}

static void net_that_returns_forgets_the_long_wait(void)
{
    station_t *s = station_on_net(HF_NET_ONLINE);
    station_run(s, 600000); // the central system is away: waits of a minute
    unsigned opens = s->link.opens;
    fake.report.state = HF_NET_LINK;
    station_run(s, 500);
    fake.report.state = HF_NET_ADDRESS;
    s->link.up = true;
    station_run(s, 1300);
    CHECK_EQ(s->link.opens, opens + 1);
    CHECK(evse_ocpp_is_online(&s->ocpp));
}

static void net_that_flaps_opens_no_oftener_than_the_shortest_wait(void)
{
    station_t *s = station_on_net(HF_NET_ONLINE);
    s->link.up = true;
    for (unsigned i = 0; i < 300; i++) { // a minute of five changes a second
        fake.report.state = i % 2u == 0 ? HF_NET_DOWN : HF_NET_ONLINE;
        station_run(s, 200);
    }
    CHECK(s->link.opens <= 61);
    CHECK(s->link.opens >= 20);
    fake.report.state = HF_NET_ONLINE;
    station_run(s, 3000);
    CHECK(evse_ocpp_is_online(&s->ocpp));
}

static unsigned opens_within(station_t *s, uint64_t ms)
{
    unsigned before = s->link.opens;
    station_run(s, ms);
    return s->link.opens - before;
}

static void breaker_connect_opens_and_one_try_a_cool_down_is_left(void)
{
    station_t *s = station_new(1);
    hf_breaker_t *breaker = &s->ocpp.uplink.breaker[EVSE_BREAKER_CONNECT];
    for (unsigned i = 0; i < 3600 && breaker->state == HF_BREAKER_CLOSED; i++) {
        station_run(s, 1000);
    }
    CHECK_EQ(breaker->state, HF_BREAKER_OPEN);
    CHECK_EQ(breaker->failures, 20);
    CHECK_EQ(opens_within(s, 118000), 0); // the first cool-down, but for what has passed of it
    CHECK_EQ(opens_within(s, 1200000), 7);
    s->link.up = true;
    station_run(s, 181000); // half open: the trial goes well
    CHECK_EQ(breaker->state, HF_BREAKER_CLOSED);
    CHECK(evse_ocpp_is_online(&s->ocpp));
    CHECK_EQ(breaker->failures, 0);
}

static void breaker_connect_never_holds_up_a_transaction_message(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    hf_breaker_t *breaker = &s->ocpp.uplink.breaker[EVSE_BREAKER_CONNECT];
    s->link.up = false;
    station_run(s, 1800000);
    CHECK_EQ(breaker->state, HF_BREAKER_OPEN);
    s->control[0].plugged = true;
    station_run(s, 200);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 2000);
    CHECK(evse_store_waiting(&s->store) > 0);
    unsigned opens = opens_within(s, 1200000);
    CHECK(opens >= 19 && opens <= 29); // as without a breaker: 42 to 60 seconds apart
    s->link.up = true;
    station_run(s, 61000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_EQ(breaker->state, HF_BREAKER_CLOSED); // a try that was exempt proves as much
}

static void breaker_of_a_lost_connection_counts_no_failure(void)
{
    station_t *s = station_online(1);
    for (unsigned i = 0; i < 30; i++) {
        station_run(s, 300000); // a Heartbeat was answered
        station_drop(s);
        station_run(s, 100);
        CHECK_EQ(s->ocpp.uplink.breaker[EVSE_BREAKER_CONNECT].failures, 0);
        station_run(s, 5000);
    }
    CHECK_EQ(s->ocpp.uplink.breaker[EVSE_BREAKER_CONNECT].opened, 0);
}

static void breaker_of_the_journal_stays_open(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(s->ocpp.uplink.breaker[EVSE_BREAKER_JOURNAL].state, HF_BREAKER_CLOSED);
    s->store.journal.failed = HF_E_IO;
    station_run(s, 100);
    CHECK_EQ(s->ocpp.uplink.breaker[EVSE_BREAKER_JOURNAL].state, HF_BREAKER_OPEN);
    CHECK_EQ(hf_breaker_wait_ms(&s->ocpp.uplink.breaker[EVSE_BREAKER_JOURNAL], s->now_us),
             UINT32_MAX);
    CHECK(s->ocpp.journal_failed);
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\",\"connectorId\":1}"),
              STATION_REJECTED);
}

static void breaker_table_says_what_follows(void)
{
    for (unsigned i = 0; i < EVSE_BREAKER_COUNT; i++) {
        hf_breaker_t breaker;
        CHECK_EQ(hf_breaker_init(&breaker, &evse_breaker_limits[i]), 0);
        CHECK(strlen(evse_breaker_text(i)) > 3);
        CHECK(strlen(evse_breaker_follows_text(i)) > 20);
    }
    CHECK_STR(evse_breaker_text(EVSE_BREAKER_COUNT), "unknown");
    CHECK_STR(evse_breaker_follows_text(EVSE_BREAKER_COUNT), "unknown");
}

static void reconnect_keys_are_in_force_from_the_next_wait(void)
{
    station_t *s = station_new(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMinimum", "10"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMaximum", "10"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectJitter", "0"), 0);
    station_run(s, 1000);
    CHECK_EQ(opens_within(s, 100000), 10);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMaximum", "1"), 0); // the minimum rules
    station_run(s, 5000);
    CHECK_EQ(opens_within(s, 50000), 5);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMinimum", "0"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ReconnectJitter", "101"), HF_E_RANGE);
}

static uint32_t told_ms;

static void hear_ping(void *ctx, uint32_t interval_ms)
{
    (void)ctx;
    told_ms = interval_ms;
}

static void ping_interval_is_told_at_once(void)
{
    station_t *s = station_new(1);
    evse_link_ops_t ops = *s->config.link.ops;
    ops.set_ping = hear_ping;
    s->config.link.ops = &ops;
    told_ms = 1;
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    s->link.up = true;
    station_run(s, 1000);
    CHECK_EQ(told_ms, 60000);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"WebSocketPingInterval\",\"value\":\"0\"}"),
              STATION_ACCEPTED);
    CHECK_EQ(told_ms, 0);
    station_drop(s);
}

HF_TEST_MAIN(HF_TEST(link_is_not_opened_before_there_is_an_address),
             HF_TEST(rule_07_net_that_goes_closes_early_and_its_return_is_no_boot),
             HF_TEST(net_that_returns_forgets_the_long_wait),
             HF_TEST(net_that_flaps_opens_no_oftener_than_the_shortest_wait),
             HF_TEST(breaker_connect_opens_and_one_try_a_cool_down_is_left),
             HF_TEST(breaker_connect_never_holds_up_a_transaction_message),
             HF_TEST(breaker_of_a_lost_connection_counts_no_failure),
             HF_TEST(breaker_of_the_journal_stays_open), HF_TEST(breaker_table_says_what_follows),
             HF_TEST(reconnect_keys_are_in_force_from_the_next_wait),
             HF_TEST(ping_interval_is_told_at_once))
