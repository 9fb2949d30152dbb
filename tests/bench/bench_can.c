// SPDX-License-Identifier: MIT
// Load on the CAN bus: `bench_can [--quick]`, started by tools/bench/can.py. An hour in stepped time for each rate, then a
// minute each in real time; --quick: seconds.
#include "can_load.h"

#include "holdfast/hf_clock.h"
#include "support/module_profile.h"

#include <stdio.h>
#include <string.h>

#define STEPPED_S       3600u
#define REAL_S          60u
#define QUICK_STEPPED_S 60u
#define QUICK_REAL_S    3u
#define LIMIT_MA        INT32_MAX

int load_init(load_t *load, evse_can_t can, evse_io_t io, uint64_t start_us)
{
    static const sim_config_t sim = {
        .profile = &test_profile, .battery_mAh = 1000000, .initial_soc_permille = 100};
    memset(load, 0, sizeof *load);
    load->start_us = start_us;
    evse_control_config_t config = {.connectors = 1, .io = io, .mailbox = &load->mailbox};
    config.channel[0] = (evse_channel_config_t){
        .can = can, .profile = &test_profile, .limits = evse_limits_find("nx100")};
    sim_outlet_init(&load->outlet, &sim);
    sim_outlet_step(&load->outlet, start_us);
    int status = evse_mailbox_init(&load->mailbox, 1);
    return status == HF_OK ? evse_control_init(&load->control, &config) : status;
}

void load_plug(load_t *load, uint64_t now_us)
{
    if (!load->outlet.plugged && now_us - load->start_us >= LOAD_PLUG_S * HF_US_PER_S) {
        sim_outlet_plug(&load->outlet, true);
    }
}

void load_tick(load_t *load, uint64_t now_us)
{
    evse_connector_order_t *order = &load->orders.connector[0];
    bool runs = now_us - load->start_us >= LOAD_ORDER_S * HF_US_PER_S;
    order->session = runs ? EVSE_ORDER_RUN : EVSE_ORDER_NONE;
    order->session_id = runs ? 1u : 0u;
    order->limit_mA = LIMIT_MA;
    order->valid_until_us = now_us + 3u * HF_US_PER_S;
    hf_snapshot_write(&load->mailbox.orders, &load->orders);
    evse_control_tick(&load->control, now_us);
    evse_event_t event;
    while (hf_queue_get(&load->mailbox.events, &event) == HF_OK) {
    }
}

bool load_is_charging(const load_t *load)
{
    return load->control.channel[0].phase == EVSE_POWER_ON && load->outlet.power_mW > 0;
}

evse_can_frame_t load_filler(uint32_t number)
{
    bool is_short = number % 2u != 0;
    evse_can_frame_t frame = {.id = is_short ? 0x00433F01u : LOAD_FILLER_ID,
                              .length = is_short ? 4 : 8,
                              .extended = true};
    memcpy(frame.data, &number, sizeof number);
    return frame;
}

void load_report(const char *name, const char *unit, uint64_t value)
{
    printf("%s %s %llu\n", name, unit, (unsigned long long)value);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    bool is_quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 1 && !is_quick) {
        (void)fprintf(stderr, "Usage: bench_can [--quick]\n");
        return 2;
    }
    int status = load_run_stepped(is_quick ? QUICK_STEPPED_S : STEPPED_S);
    return status == 0 ? load_run_real(is_quick ? QUICK_REAL_S : REAL_S) : status;
}
