// SPDX-License-Identifier: MIT
// The network's keeper over a driver that does what the case says, in stepped time: what is tried, when, in which order,
// and that no state of a driver ends the trying.
#include "hf_test.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_net.h"

#include <string.h>

#define STEP_MS 100u

typedef struct bench {
    hf_net_t net;
    hf_net_report_t report; // what the driver says
    uint64_t now_us;
    // driver
    unsigned joins, leaves;
    uint64_t joined_us[64];
    char name[64][HF_NET_NAME_BYTES];
    char secret[HF_NET_SECRET_BYTES]; // of the last
    int join_says;
    hf_net_failure_t fails; // answer to a join, at once; NONE: keeps joining
    // store
    unsigned stored;
    int read_fails; // of credential 0
} bench_t;

static bench_t bench;

static void driver_poll(void *ctx, uint64_t now_us, hf_net_report_t *report)
{
    (void)now_us;
    *report = ((bench_t *)ctx)->report;
}

static int driver_join(void *ctx, const hf_net_credential_t *credential, uint64_t now_us)
{
    bench_t *b = ctx;
    if (b->joins == HF_COUNT_OF(b->joined_us)) {
        HF_TEST_FAIL("more joins than the case has room for");
        return HF_E_FULL;
    }
    b->joined_us[b->joins] = now_us;
    strcpy(b->name[b->joins++], credential->name);
    strcpy(b->secret, credential->secret);
    b->report.state = b->fails == HF_NET_FAILURE_NONE ? HF_NET_JOINING : HF_NET_DOWN;
    b->report.failure = b->fails;
    return b->join_says;
}

static void driver_leave(void *ctx)
{
    bench_t *b = ctx;
    b->leaves++;
    b->report.state = HF_NET_DOWN;
    b->report.failure = HF_NET_FAILURE_NONE;
}

static int store_credential(void *ctx, unsigned index, hf_net_credential_t *out)
{
    static const char *const names[] = {"first", "second", "third"};
    const bench_t *b = ctx;
    if (index >= b->stored) {
        return HF_E_NOT_FOUND;
    }
    if (index == 0 && b->read_fails != 0) {
        return b->read_fails;
    }
    memset(out, 0, sizeof *out);
    strcpy(out->name, names[index]);
    strcpy(out->secret, "open sesame");
    return HF_OK;
}

static const hf_net_ops_t radio = {.poll = driver_poll, .join = driver_join, .leave = driver_leave};
static const hf_net_ops_t cable = {.poll = driver_poll};

static bench_t *start(const hf_net_ops_t *ops, unsigned stored)
{
    bench_t *b = &bench;
    memset(b, 0, sizeof *b);
    b->now_us = HF_US_PER_S;
    b->stored = stored;
    const hf_net_config_t config = {
        .ops = ops, .ctx = b, .credential = store_credential, .credential_ctx = b};
    CHECK_EQ(hf_net_init(&b->net, &config), HF_OK);
    return b;
}

static hf_net_state_t run(bench_t *b, uint64_t ms)
{
    hf_net_state_t state = hf_net_poll(&b->net, b->now_us);
    for (uint64_t end_us = b->now_us + ms * HF_US_PER_MS; b->now_us < end_us;) {
        b->now_us += STEP_MS * HF_US_PER_MS;
        state = hf_net_poll(&b->net, b->now_us);
    }
    return state;
}

static hf_net_state_t says(bench_t *b, hf_net_state_t state)
{
    b->report.state = state;
    b->report.failure = HF_NET_FAILURE_NONE;
    return run(b, 0);
}

static void net_joins_and_tells_every_state_on_the_way(void)
{
    bench_t *b = start(&radio, 1);
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
    CHECK_STR(b->name[0], "first");
    CHECK_STR(b->secret, "open sesame");
    CHECK_EQ(says(b, HF_NET_LINK), HF_NET_LINK);
    b->report.rssi_dBm = -71;
    CHECK_EQ(says(b, HF_NET_ADDRESS), HF_NET_ADDRESS);
    CHECK_EQ(b->net.rssi_dBm, -71);
    CHECK_EQ(says(b, HF_NET_ONLINE), HF_NET_ONLINE);
    CHECK_EQ(run(b, 3600000), HF_NET_ONLINE);
    CHECK_EQ(b->joins, 1);
    CHECK_EQ(b->leaves, 0);
}

static void net_retries_after_5_10_20_40_and_then_every_60_seconds(void)
{
    static const unsigned waits_s[] = {5, 10, 20, 40, 60, 60, 60, 60};
    bench_t *b = start(&radio, 1);
    b->fails = HF_NET_FAILURE_NOT_FOUND;
    CHECK_EQ(run(b, 400000), HF_NET_DOWN);
    REQUIRE(b->joins > HF_COUNT_OF(waits_s));
    for (unsigned i = 0; i < HF_COUNT_OF(waits_s); i++) {
        uint64_t wait_us = b->joined_us[i + 1] - b->joined_us[i];
        CHECK(wait_us >= waits_s[i] * HF_US_PER_S && wait_us <= (waits_s[i] + 1) * HF_US_PER_S);
    }
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_NOT_FOUND);
    unsigned joins = b->joins;
    CHECK_EQ(run(b, 1200000), HF_NET_DOWN); // for ever
    CHECK_EQ(b->joins, joins + 20);
    b->fails = HF_NET_FAILURE_NONE;
    (void)run(b, 61000);
    CHECK_EQ(says(b, HF_NET_ADDRESS), HF_NET_ADDRESS);
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_NONE);
    b->fails = HF_NET_FAILURE_NOT_FOUND; // lost: at once, then from 5 seconds on again
    joins = b->joins;
    CHECK_EQ(says(b, HF_NET_DOWN), HF_NET_JOINING);
    (void)run(b, 5500);
    CHECK_EQ(b->joins, joins + 2);
    CHECK_EQ(b->net.losses, 1);
}

static void net_wrong_password_costs_one_try_of_the_round(void)
{
    bench_t *b = start(&radio, 3);
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
    b->report = (hf_net_report_t){.state = HF_NET_DOWN, .failure = HF_NET_FAILURE_REFUSED};
    CHECK_EQ(run(b, 0), HF_NET_JOINING); // the next one, without a wait
    CHECK_STR(b->name[1], "second");
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_REFUSED);
    CHECK_EQ(says(b, HF_NET_ONLINE), HF_NET_ONLINE);
    CHECK_EQ(says(b, HF_NET_DOWN), HF_NET_JOINING); // lost: what worked comes first, then around
    CHECK_STR(b->name[2], "second");
    b->fails = HF_NET_FAILURE_NOT_FOUND;
    b->report = (hf_net_report_t){.state = HF_NET_DOWN, .failure = HF_NET_FAILURE_NOT_FOUND};
    (void)run(b, 1000);
    CHECK_EQ(b->joins, 5);
    CHECK_STR(b->name[3], "third");
    CHECK_STR(b->name[4], "first");
    CHECK_EQ(b->net.state, HF_NET_DOWN); // the round is over
}

static void net_joining_that_hangs_is_given_up(void)
{
    bench_t *b = start(&radio, 2);
    CHECK_EQ(run(b, 19900), HF_NET_JOINING);
    CHECK_EQ(b->joins, 1);
    CHECK_EQ(run(b, 100), HF_NET_JOINING);
    CHECK_EQ(b->joins, 2);
    CHECK_EQ(b->leaves, 1);
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_TIMEOUT);
}

static void net_without_address_is_given_up_and_tried_again(void)
{
    bench_t *b = start(&radio, 1);
    (void)run(b, 0);
    CHECK_EQ(says(b, HF_NET_LINK), HF_NET_LINK);
    CHECK_EQ(run(b, 19900), HF_NET_LINK);
    CHECK_EQ(run(b, 100), HF_NET_DOWN);
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_NO_ADDRESS);
    CHECK_EQ(b->leaves, 1);
    CHECK_EQ(run(b, 5000), HF_NET_JOINING);
    CHECK_EQ(says(b, HF_NET_ADDRESS), HF_NET_ADDRESS);
    (void)run(b, 100000);
    CHECK_EQ(says(b, HF_NET_LINK), HF_NET_LINK); // the lease is over: as long again to get another
    CHECK_EQ(run(b, 19800), HF_NET_LINK);
    CHECK_EQ(run(b, 200), HF_NET_DOWN);
}

static void net_starts_from_whatever_state_the_driver_is_in(void)
{
    bench_t *b = start(&radio, 1);
    b->report.state = HF_NET_ONLINE; // joined before this program began
    CHECK_EQ(run(b, 60000), HF_NET_ONLINE);
    CHECK_EQ(b->joins, 0);
    b = start(&radio, 1);
    b->report.state = HF_NET_JOINING; // whatever it joins: it is not ours
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
    CHECK_EQ(b->leaves, 1);
    CHECK_EQ(b->joins, 1);
    b = start(&radio, 1);
    b->report.state = HF_NET_LINK; // and never gets an address
    (void)run(b, 20100);
    CHECK_EQ(b->leaves, 1);
    (void)run(b, 5100);
    CHECK_EQ(b->joins, 1);
    b = start(&radio, 1);
    b->report = (hf_net_report_t){.state = HF_NET_DOWN, .failure = HF_NET_FAILURE_REFUSED};
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
}

static void net_without_credentials_waits_for_one(void)
{
    bench_t *b = start(&radio, 0);
    CHECK_EQ(run(b, 200000), HF_NET_DOWN);
    CHECK_EQ(b->joins, 0);
    CHECK_EQ(b->net.failure, HF_NET_FAILURE_NO_CREDENTIAL);
    b->stored = 1;
    hf_net_retry(&b->net, b->now_us);
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
    CHECK_EQ(b->joins, 1);
}

static void net_credential_that_cannot_be_read_is_passed_over(void)
{
    bench_t *b = start(&radio, 2);
    b->read_fails = HF_E_IO;
    CHECK_EQ(run(b, 0), HF_NET_JOINING);
    CHECK_STR(b->name[0], "second");
    b = start(&radio, 1);
    b->join_says = HF_E_IO; // the radio itself is broken
    (void)run(b, 100000);
    CHECK(b->joins >= 5 && b->joins <= 7);
    CHECK_EQ(b->net.state, HF_NET_DOWN);
}

static void net_cable_is_followed(void)
{
    bench_t *b = start(&cable, 1);
    CHECK_EQ(run(b, 100000), HF_NET_DOWN);
    CHECK_EQ(says(b, HF_NET_ONLINE), HF_NET_ONLINE);
    CHECK_EQ(says(b, HF_NET_LINK), HF_NET_LINK);
    CHECK_EQ(b->net.losses, 0);
    CHECK_EQ(says(b, HF_NET_DOWN), HF_NET_DOWN);
    CHECK_EQ(b->net.losses, 1);
    CHECK_EQ(b->joins, 0);
    hf_net_retry(&b->net, b->now_us);
    CHECK_EQ(run(b, 0), HF_NET_DOWN);
}

static void net_init_refuses_what_is_missing(void)
{
    hf_net_t net;
    hf_net_ops_t ops = radio;
    hf_net_config_t config = {.ops = &ops};
    CHECK_EQ(hf_net_init(&net, &config), HF_E_ARGUMENT); // no credentials
    config.credential = store_credential;
    CHECK_EQ(hf_net_init(&net, &config), HF_OK);
    ops.leave = NULL;
    CHECK_EQ(hf_net_init(&net, &config), HF_E_ARGUMENT);
    ops = cable;
    config.credential = NULL;
    CHECK_EQ(hf_net_init(&net, &config), HF_OK);
    ops.poll = NULL;
    CHECK_EQ(hf_net_init(&net, &config), HF_E_ARGUMENT);
    CHECK_STR(hf_net_state_text(HF_NET_ONLINE), "online");
    CHECK_STR(hf_net_state_text(99), "unknown");
    CHECK_STR(hf_net_failure_text(HF_NET_FAILURE_LOST), "link lost");
    CHECK_STR(hf_net_failure_text(99), "unknown");
}

HF_TEST_MAIN(HF_TEST(net_joins_and_tells_every_state_on_the_way),
             HF_TEST(net_retries_after_5_10_20_40_and_then_every_60_seconds),
             HF_TEST(net_wrong_password_costs_one_try_of_the_round),
             HF_TEST(net_joining_that_hangs_is_given_up),
             HF_TEST(net_without_address_is_given_up_and_tried_again),
             HF_TEST(net_starts_from_whatever_state_the_driver_is_in),
             HF_TEST(net_without_credentials_waits_for_one),
             HF_TEST(net_credential_that_cannot_be_read_is_passed_over),
             HF_TEST(net_cable_is_followed), HF_TEST(net_init_refuses_what_is_missing))
