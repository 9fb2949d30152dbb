// SPDX-License-Identifier: MIT
// Keeps a network joined. Phases: WAITING for the next try, JOINING one credential, UP as long as the driver reports a
// link. Goals: the network that worked last comes first; a wrong password costs one try of the round, never the round; a
// link without an address is given up like one that never came. A round is every stored network once; waits stand
// between rounds only.
#include "holdfast/hf_net.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define RETRY_BASE_MS 5000u
#define RETRY_CAP_MS  60000u
#define TIMEOUT_MS    20000u

enum { WAITING, JOINING, UP };

int hf_net_init(hf_net_t *net, const hf_net_config_t *config)
{
    if (net == NULL || config == NULL || config->ops == NULL || config->ops->poll == NULL ||
        (config->ops->join != NULL && (config->ops->leave == NULL || config->credential == NULL))) {
        return HF_E_ARGUMENT;
    }
    *net = (hf_net_t){.config = *config};
    uint32_t join_ms = config->join_timeout_ms, address_ms = config->address_timeout_ms;
    net->config.join_timeout_ms = join_ms != 0u ? join_ms : TIMEOUT_MS;
    net->config.address_timeout_ms = address_ms != 0u ? address_ms : TIMEOUT_MS;
    return hf_backoff_init(&net->backoff, RETRY_BASE_MS, RETRY_CAP_MS, 0u, 1u);
}

// A compiler may leave out a memset of what is not read again.
static void wipe(hf_net_credential_t *credential)
{
    volatile unsigned char *bytes = (volatile unsigned char *)credential;
    for (size_t i = 0u; i < sizeof *credential; i++) {
        bytes[i] = 0u;
    }
}

static int read_credential(const hf_net_t *net, unsigned index, hf_net_credential_t *out)
{
    return net->config.credential(net->config.credential_ctx, index, out);
}

static uint8_t count_credentials(const hf_net_t *net)
{
    hf_net_credential_t credential = {0};
    uint8_t count = 0u;
    while (count < HF_NET_CREDENTIALS_MAX &&
           read_credential(net, count, &credential) != HF_E_NOT_FOUND) {
        count++;
    }
    wipe(&credential);
    return count;
}

static bool join(hf_net_t *net, uint64_t now_us)
{
    hf_net_credential_t credential = {0};
    int status = read_credential(net, net->index, &credential);
    if (status == HF_OK) {
        net->joins++;
        status = net->config.ops->join(net->config.ctx, &credential, now_us);
        net->failures += status == HF_OK ? 0u : 1u;
    }
    wipe(&credential);
    return status == HF_OK;
}

// The next of the round; none left: the wait between rounds.
static void go_on(hf_net_t *net, uint64_t now_us)
{
    while (net->tried < net->count) {
        net->index = (uint8_t)((net->first + net->tried++) % net->count);
        if (join(net, now_us)) {
            net->phase = JOINING;
            net->since_us = now_us;
            return;
        }
    }
    net->phase = WAITING;
    net->since_us = now_us + hf_backoff_next_ms(&net->backoff) * HF_US_PER_MS;
}

static void begin_round(hf_net_t *net, uint64_t now_us)
{
    net->count = count_credentials(net);
    if (net->count == 0u) {
        net->failure = HF_NET_FAILURE_NO_CREDENTIAL;
    }
    net->first = net->good < net->count ? net->good : 0u;
    net->tried = 0u;
    go_on(net, now_us);
}

static void give_up(hf_net_t *net, hf_net_failure_t failure, uint64_t now_us)
{
    net->config.ops->leave(net->config.ctx);
    net->failures++;
    net->failure = (uint8_t)failure;
    go_on(net, now_us);
}

static void enter_up(hf_net_t *net, uint64_t now_us)
{
    net->phase = UP;
    net->since_us = now_us; // without an address
}

static void step_up(hf_net_t *net, const hf_net_report_t *report, uint64_t now_us)
{
    if (report->state < HF_NET_LINK) {
        net->losses++;
        net->failure = HF_NET_FAILURE_LOST;
        begin_round(net, now_us);
    } else if (hf_net_is_usable(report->state)) {
        net->since_us = now_us;
        net->good = net->index;
        net->failure = HF_NET_FAILURE_NONE;
        hf_backoff_reset(&net->backoff);
    } else if (now_us - net->since_us >= net->config.address_timeout_ms * HF_US_PER_MS) {
        give_up(net, HF_NET_FAILURE_NO_ADDRESS, now_us);
    }
}

static void step_joining(hf_net_t *net, const hf_net_report_t *report, uint64_t now_us)
{
    if (report->state >= HF_NET_LINK) {
        enter_up(net, now_us);
        step_up(net, report, now_us);
    } else if (report->state == HF_NET_DOWN && report->failure != HF_NET_FAILURE_NONE) {
        give_up(net, report->failure, now_us);
    } else if (now_us - net->since_us >= net->config.join_timeout_ms * HF_US_PER_MS) {
        give_up(net, HF_NET_FAILURE_TIMEOUT, now_us);
    }
}

// Whatever a driver was left in by the program before: what is up is used, what hangs is left and begun anew.
static void step_waiting(hf_net_t *net, const hf_net_report_t *report, uint64_t now_us)
{
    if (report->state >= HF_NET_LINK) {
        enter_up(net, now_us);
        step_up(net, report, now_us);
    } else if (now_us >= net->since_us) {
        if (report->state == HF_NET_JOINING) {
            net->config.ops->leave(net->config.ctx);
        }
        begin_round(net, now_us);
    }
}

hf_net_state_t hf_net_poll(hf_net_t *net, uint64_t now_us)
{
    hf_net_report_t report = {.state = HF_NET_DOWN};
    net->config.ops->poll(net->config.ctx, now_us, &report);
    net->rssi_dBm = (int16_t)report.rssi_dBm;
    if (net->config.ops->join == NULL) {
        net->losses += net->state >= HF_NET_LINK && report.state < HF_NET_LINK ? 1u : 0u;
        net->failure = (uint8_t)report.failure;
        net->state = (uint8_t)report.state;
        return report.state;
    }
    unsigned phase = net->phase;
    if (phase == WAITING) {
        step_waiting(net, &report, now_us);
    } else if (phase == JOINING) {
        step_joining(net, &report, now_us);
    } else {
        step_up(net, &report, now_us);
    }
    net->state = (uint8_t)(net->phase == UP        ? report.state
                           : net->phase == JOINING ? HF_NET_JOINING
                                                   : HF_NET_DOWN);
    return (hf_net_state_t)net->state;
}

void hf_net_retry(hf_net_t *net, uint64_t now_us)
{
    hf_backoff_reset(&net->backoff);
    if (net->phase == WAITING) {
        net->since_us = now_us;
    }
}

const char *hf_net_state_text(unsigned state)
{
    static const char *const texts[HF_NET_STATES] = {
#define STATE_TEXT(name, text) text,
        HF_NET_STATE_TABLE(STATE_TEXT)
#undef STATE_TEXT
    };
    return state < HF_NET_STATES ? texts[state] : "unknown";
}

const char *hf_net_failure_text(unsigned failure)
{
    static const char *const texts[HF_NET_FAILURES] = {
#define FAILURE_TEXT(name, text) text,
        HF_NET_FAILURE_TABLE(FAILURE_TEXT)
#undef FAILURE_TEXT
    };
    return failure < HF_NET_FAILURES ? texts[failure] : "unknown";
}
