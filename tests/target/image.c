// SPDX-License-Identifier: MIT
// A composition root for the Cortex-M4 that is linked, never run here: the whole portable code, one charge point, and
// the template port. It proves that nothing but what the seams name is missing: no heap, no operating system.
#include "evse/evse.h"
#include "evse/evse_ws.h"
#include "template_port.h"

#include "holdfast/hf_clock.h"

static evse_t evse;
static evse_ws_t ws;
static template_can_t can;
static uint8_t receive_buffer[CONFIG_EVSE_OCPP_RECEIVE_BYTES];
static uint8_t send_buffer[CONFIG_EVSE_OCPP_SEND_BYTES];
static const hf_flash_t flash = {
    .ops = &template_flash_ops,
    .segment_bytes = TEMPLATE_FLASH_SEGMENT_BYTES,
    .segment_count = TEMPLATE_FLASH_SEGMENTS,
    .program_bytes = TEMPLATE_FLASH_PROGRAM_BYTES,
};

static int open_link(void)
{
    static evse_url_t url;
    const evse_ws_config_t config = {
        .stream = {.ops = &template_stream_ops},
        .url = &url,
        .subprotocol = "ocpp1.6",
        .receive_buffer = receive_buffer,
        .receive_capacity = sizeof receive_buffer,
        .send_buffer = send_buffer,
        .send_capacity = sizeof send_buffer,
        .open_timeout_ms = 30000,
        .ping_interval_ms = 60000,
        .pong_timeout_ms = 20000,
        .close_timeout_ms = 3000,
        .random = template_random,
    };
    int status = evse_url_parse("ws://csms.example/ocpp/CP1", &url);
    return status < 0 ? status : evse_ws_init(&ws, &config);
}

static int open_charge_point(void)
{
    evse_config_t config = {
        .control =
            {
                .channel = {{.can = {.ops = &template_can_ops, .ctx = &can},
                             .profile = evse_module_profile_find("m33-1024"),
                             .limits = evse_limits_find("nx100")}},
                .connectors = 1,
                .io = {.ops = &template_io_ops},
            },
        .ocpp =
            {
                .vendor = "Example",
                .model = "Template",
                .serial = "1",
                .firmware = "0",
                .link = {.ops = &evse_ws_link_ops, .ctx = &ws},
                .connectors = 1,
                .seed = 1,
            },
        .store = {.flash = &flash, .station_nonce = 1, .connectors = 1},
    };
    return evse_init(&evse, &config);
}

int main(void)
{
    if (open_link() < 0 || open_charge_point() < 0) {
        return 1;
    }
    for (;;) { // a real board calls the control loop from a timer interrupt
        uint64_t now_us = hf_port_now_us();
        evse_control_loop(&evse, now_us);
        evse_comms_loop(&evse, now_us);
    }
}
