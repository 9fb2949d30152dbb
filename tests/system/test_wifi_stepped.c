// SPDX-License-Identifier: MIT
// The whole charge point on a simulated radio network, in stepped time: wrong password, weak signal, access point gone, no
// address; what is stored survives a restart, and nothing is billed twice or lost over any of it.
#include "hf_test.h"
#include "world_wifi.h"

#include <stdio.h>
#include <string.h>

static world_t world;
static char log_text[200000];

static void collect(void *ctx, const char *line)
{
    (void)ctx;
    if (strlen(log_text) + strlen(line) + 2 < sizeof log_text) {
        strcat(strcat(log_text, line), "\n");
    }
}

static bool accepted(world_t *w)
{
    return w->running && w->station >= 0 && evse_ocpp_is_online(&w->evse.ocpp);
}

static bool delivered(world_t *w)
{
    return accepted(w) && world_comms(w).queue == 0;
}

static world_t *start(void)
{
    const world_config_t config = {.connectors = 1,
                                   .seed = 3,
                                   .utc_ms = 1767225600000u,
                                   .wifi = true,
                                   .verbose = true,
                                   .print = collect};
    log_text[0] = '\0';
    CHECK_EQ(world_init(&world, &config), HF_OK);
    return &world;
}

static void wifi_stored_network_is_joined_and_survives_a_restart(void)
{
    world_t *w = start();
    world_run_ms(w, 120000);
    CHECK_EQ(w->wifi.joins, 0); // nothing to join
    CHECK_EQ(world_comms(w).has_net, 1);
    CHECK_EQ(world_comms(w).net, HF_NET_DOWN);
    CHECK_EQ(world_comms(w).net_failure, HF_NET_FAILURE_NO_CREDENTIAL);
    CHECK_EQ(world_wifi_store(w, 0, "home", "correct horse"), HF_OK);
    CHECK(world_run_until(w, accepted, 8000));
    world_run_ms(w, 500);
    CHECK_EQ(world_comms(w).net, HF_NET_ONLINE);
    CHECK_EQ(world_comms(w).net_rssi_dBm, -58);
    world_kill(w); // and the radio loses its power as well
    world_wifi_ops.leave(w);
    CHECK_EQ(world_boot(w), HF_OK);
    CHECK(world_run_until(w, accepted, 8000));
    CHECK_EQ(w->wifi.joins, 2);
    world_kill(w); // the radio stays joined: it is taken as it is
    CHECK_EQ(world_boot(w), HF_OK);
    CHECK(world_run_until(w, accepted, 3000));
    CHECK_EQ(w->wifi.joins, 2);
    world_kill(w); // the radio hangs in the middle of something: begun anew
    w->wifi.phase = 1;
    w->wifi.since_us = UINT64_MAX / 2u;
    CHECK_EQ(world_boot(w), HF_OK);
    CHECK(world_run_until(w, accepted, 8000));
    CHECK_EQ(w->wifi.joins, 3);
}

static void wifi_wrong_password_is_told_and_the_next_network_taken(void)
{
    world_t *w = start();
    CHECK_EQ(world_wifi_store(w, 0, "home", "wrong horse"), HF_OK);
    world_run_ms(w, 100000);
    CHECK_EQ(world_comms(w).net_failure, HF_NET_FAILURE_REFUSED);
    CHECK_EQ(world_comms(w).link, EVSE_LINK_DOWN);
    CHECK(w->wifi.joins >= 4 && w->wifi.joins <= 7); // 5, 10, 20, 40 seconds apart
    CHECK_EQ(world_wifi_store(w, 2, "yard", "battery staple"), HF_OK);
    CHECK(world_run_until(w, accepted, 70000));
    CHECK_EQ(world_comms(w).net_rssi_dBm, -76);
    CHECK(strstr(log_text, "horse") == NULL); // a secret is never in the log
    CHECK(strstr(log_text, "staple") == NULL);
}

static bool net_is_down(world_t *w)
{
    return world_comms(w).net < HF_NET_LINK;
}

static bool link_is_down(world_t *w)
{
    return world_comms(w).link == EVSE_LINK_DOWN;
}

static void rule_07_access_point_gone_for_an_hour_is_no_boot(void)
{
    world_t *w = start();
    CHECK_EQ(world_wifi_store(w, 0, "home", "correct horse"), HF_OK);
    CHECK(world_run_until(w, accepted, 10000));
    world_run_ms(w, 5000);
    w->wifi.ap[0].is_present = false;
    CHECK(world_run_until(w, net_is_down, 4000)); // the beacons
    CHECK(world_run_until(w, link_is_down, 500)); // not a dead time of the WebSocket later
    world_run_ms(w, 3600000);
    CHECK(w->wifi.joins >= 55 && w->wifi.joins <= 65); // a minute apart, for ever
    w->wifi.ap[0].is_present = true;
    CHECK(world_run_until(w, accepted, 64000));
    CHECK_EQ(w->csms.station[0].boots, 1);
}

static void wifi_without_address_is_no_way_out(void)
{
    world_t *w = start();
    w->wifi.ap[0].has_dhcp = false;
    CHECK_EQ(world_wifi_store(w, 0, "home", "correct horse"), HF_OK);
    world_run_ms(w, 10000);
    CHECK_EQ(world_comms(w).net, HF_NET_LINK);
    world_run_ms(w, 15000);
    CHECK_EQ(world_comms(w).net_failure, HF_NET_FAILURE_NO_ADDRESS);
    CHECK_EQ(world_comms(w).link, EVSE_LINK_DOWN);
    CHECK_EQ(world_wifi_store(w, 1, "yard", "battery staple"), HF_OK);
    CHECK(world_run_until(w, accepted, 100000)); // the other one has a server
    w->wifi.ap[0].has_dhcp = true;
    w->wifi.ap[1].has_dhcp = false; // and then not any more
    CHECK(world_run_until(w, link_is_down, 1000));
    CHECK(world_run_until(w, accepted, 60000));
    CHECK_EQ(world_comms(w).net_rssi_dBm, -58);
}

static void wifi_weak_signal_comes_and_goes_and_bills_once(void)
{
    world_t *w = start();
    w->wifi.ap[0].rssi_dBm = -91;
    CHECK_EQ(world_wifi_store(w, 0, "home", "correct horse"), HF_OK);
    CHECK(world_run_until(w, accepted, 600000));
    CHECK_EQ(evse_ocpp_set_key(&w->evse.ocpp, "AllowOfflineTxForUnknownId", "true"), HF_OK);
    CHECK_EQ(evse_ocpp_set_key(&w->evse.ocpp, "MeterValueSampleInterval", "10"), HF_OK);
    for (unsigned i = 0; i < 5; i++) {
        sim_outlet_plug(&w->outlet[0], true);
        world_run_ms(w, 2000);
        CHECK_EQ(world_present_tag(w, 0, "CARD"), HF_OK);
        world_run_ms(w, 300000);
        sim_outlet_plug(&w->outlet[0], false);
        world_run_ms(w, 60000);
    }
    CHECK(world_run_until(w, delivered, 3600000));
    CHECK(w->net.losses >= 10);
    CHECK_EQ(csms_count(&w->csms, 0, CSMS_LEDGER_START), 5);
    CHECK_EQ(csms_count(&w->csms, 0, CSMS_LEDGER_STOP), 5);
    CHECK_EQ(w->csms.station[0].boots, 1);
    CHECK_EQ(w->csms.station[0].invalid, 0);
}

HF_TEST_MAIN(HF_TEST(wifi_stored_network_is_joined_and_survives_a_restart),
             HF_TEST(wifi_wrong_password_is_told_and_the_next_network_taken),
             HF_TEST(rule_07_access_point_gone_for_an_hour_is_no_boot),
             HF_TEST(wifi_without_address_is_no_way_out),
             HF_TEST(wifi_weak_signal_comes_and_goes_and_bills_once))
