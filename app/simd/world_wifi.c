// SPDX-License-Identifier: MIT
// The simulated radio. Its times are those of common modules: two seconds to look for a network, one to be let in, three
// without a beacon until the link counts as lost. It outlives the charge point's program, as a radio's own firmware does.
#include "world_wifi.h"

#include "evse/evse_net.h"

#include <string.h>

#define SCAN_US       (2u * HF_US_PER_S)
#define LET_IN_US     HF_US_PER_S
#define REFUSE_US     (3u * HF_US_PER_S)
#define DHCP_US       (800u * HF_US_PER_MS)
#define ROUTE_US      (100u * HF_US_PER_MS)
#define BEACON_US     (3u * HF_US_PER_S)
#define WEAK_dBm      (-88)
#define WEAK_EVERY_US HF_US_PER_S
#define WEAK_LOSS     30u // one in so many seconds

enum { OFF, LOOKING, ASKING, JOINED };

void world_wifi_init(world_t *world)
{
    world->wifi = (world_wifi_t){
        .ap = {{.name = "home",
                .secret = "correct horse",
                .rssi_dBm = -58,
                .is_present = true,
                .has_dhcp = true},
               {.name = "yard",
                .secret = "battery staple",
                .rssi_dBm = -76,
                .is_present = true,
                .has_dhcp = true}},
        .joined = -1,
    };
}

bool world_wifi_carries(const world_t *world)
{
    const world_wifi_t *wifi = &world->wifi;
    return !world->config.wifi ||
           (wifi->phase == JOINED && wifi->has_address && wifi->ap[wifi->joined].is_present);
}

int world_wifi_store(world_t *world, unsigned slot, const char *name, const char *secret)
{
    hf_net_credential_t credential = {{0}, {0}};
    if (strlen(name) >= sizeof credential.name || strlen(secret) >= sizeof credential.secret) {
        return HF_E_TOO_LONG;
    }
    memcpy(credential.name, name, strlen(name));
    memcpy(credential.secret, secret, strlen(secret));
    int status = evse_net_keep(&world->evse.store, slot, &credential);
    hf_net_retry(&world->net, world_charger_now(world));
    return status;
}

static void drop(world_wifi_t *wifi, hf_net_failure_t failure)
{
    wifi->phase = OFF;
    wifi->failure = failure;
    wifi->has_address = false;
    wifi->joined = -1;
}

static int find_ap(const world_wifi_t *wifi, const char *name)
{
    for (int i = 0; i < WORLD_WIFI_APS; i++) {
        if (wifi->ap[i].is_present && strcmp(wifi->ap[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int wifi_join(void *ctx, const hf_net_credential_t *credential, uint64_t now_us)
{
    (void)now_us; // the charge point's own time; the radio lives in the world's
    world_t *world = ctx;
    world_wifi_t *wifi = &world->wifi;
    drop(wifi, HF_NET_FAILURE_NONE);
    wifi->joins++;
    wifi->phase = LOOKING;
    wifi->since_us = world->now_us;
    memcpy(wifi->wanted, credential->name, sizeof wifi->wanted);
    int ap = find_ap(wifi, credential->name);
    wifi->is_welcome = ap >= 0 && strcmp(wifi->ap[ap].secret, credential->secret) == 0;
    return HF_OK;
}

static void wifi_leave(void *ctx)
{
    drop(&((world_t *)ctx)->wifi, HF_NET_FAILURE_NONE);
}

static void step_joined(world_t *world)
{
    world_wifi_t *wifi = &world->wifi;
    const world_ap_t *ap = &wifi->ap[wifi->joined];
    uint64_t now_us = world->now_us;
    if (ap->is_present) {
        wifi->heard_us = now_us;
    }
    bool fades = ap->rssi_dBm < WEAK_dBm && now_us - wifi->weak_us >= WEAK_EVERY_US;
    if (fades) {
        wifi->weak_us = now_us;
    }
    if (now_us - wifi->heard_us >= BEACON_US || (fades && world_random(world, WEAK_LOSS) == 0)) {
        drop(wifi, HF_NET_FAILURE_NONE); // why, the keeper says: it was up
    } else if (ap->has_dhcp && now_us - wifi->since_us >= DHCP_US) {
        wifi->has_address = true;
    } else if (!ap->has_dhcp) {
        wifi->has_address = false; // the lease is over
    }
}

static void step(world_t *world)
{
    world_wifi_t *wifi = &world->wifi;
    uint64_t since_us = world->now_us - wifi->since_us;
    int ap = find_ap(wifi, wifi->wanted);
    if (wifi->phase == LOOKING && since_us >= SCAN_US) {
        bool is_heard =
            ap >= 0 && (wifi->ap[ap].rssi_dBm >= WEAK_dBm || world_random(world, 3) == 0);
        wifi->since_us = world->now_us;
        if (is_heard) {
            wifi->phase = ASKING;
        } else {
            drop(wifi, HF_NET_FAILURE_NOT_FOUND);
        }
    } else if (wifi->phase == ASKING && since_us >= (wifi->is_welcome ? LET_IN_US : REFUSE_US)) {
        if (!wifi->is_welcome || ap < 0) {
            drop(wifi, ap < 0 ? HF_NET_FAILURE_NOT_FOUND : HF_NET_FAILURE_REFUSED);
            return;
        }
        wifi->phase = JOINED;
        wifi->joined = ap;
        wifi->since_us = wifi->heard_us = wifi->weak_us = world->now_us;
    } else if (wifi->phase == JOINED) {
        step_joined(world);
    }
}

static void wifi_poll(void *ctx, uint64_t now_us, hf_net_report_t *report)
{
    (void)now_us;
    world_t *world = ctx;
    const world_wifi_t *wifi = &world->wifi;
    step(world);
    *report = (hf_net_report_t){.state = HF_NET_DOWN, .failure = wifi->failure};
    if (wifi->phase == LOOKING || wifi->phase == ASKING) {
        report->state = HF_NET_JOINING;
    } else if (wifi->phase == JOINED) {
        bool has_route = world->now_us - wifi->since_us >= DHCP_US + ROUTE_US;
        report->rssi_dBm = wifi->ap[wifi->joined].rssi_dBm;
        report->state = !wifi->has_address ? HF_NET_LINK
                        : has_route        ? HF_NET_ONLINE
                                           : HF_NET_ADDRESS;
    }
}

const hf_net_ops_t world_wifi_ops = {.poll = wifi_poll, .join = wifi_join, .leave = wifi_leave};
