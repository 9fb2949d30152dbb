// SPDX-License-Identifier: MIT
// OCPP 1.6 alone, linked for the Cortex-M4 with what it needs of the runtime and nothing else: its size is the figure `text`
// of `holdfast bench ocpp`, or, with the WebSocket client, `text.mcu`. Never run.
#include "evse/evse_ocpp.h"
#include "evse/evse_ws.h"
#include "template_port.h"

#include "holdfast/hf_clock.h"

static evse_ocpp_t ocpp;
static evse_store_t store;
static evse_mailbox_t mailbox;
static const hf_flash_t flash = {
    .ops = &template_flash_ops,
    .segment_bytes = TEMPLATE_FLASH_SEGMENT_BYTES,
    .segment_count = TEMPLATE_FLASH_SEGMENTS,
    .program_bytes = TEMPLATE_FLASH_PROGRAM_BYTES,
};

#if CONFIG_EVSE_WS
static evse_ws_t link_state;
static uint8_t receive_buffer[CONFIG_EVSE_OCPP_RECEIVE_BYTES];
static uint8_t send_buffer[CONFIG_EVSE_OCPP_SEND_BYTES];
#define LINK_OPS (&evse_ws_link_ops)

static int init_link(void)
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
    return status < 0 ? status : evse_ws_init(&link_state, &config);
}
#else
static char link_state;
static const evse_link_ops_t other_link_ops; // somebody else's
#define LINK_OPS (&other_link_ops)

static int init_link(void)
{
    return HF_OK;
}
#endif

int main(void)
{
    const evse_store_config_t store_config = {.flash = &flash, .station_nonce = 1, .connectors = 1};
    const evse_ocpp_config_t config = {
        .vendor = "Example",
        .model = "Template",
        .link = {.ops = LINK_OPS, .ctx = &link_state},
        .store = &store,
        .mailbox = &mailbox,
        .connectors = 1,
        .seed = 1,
    };
    if (init_link() < 0 || evse_store_open(&store, &store_config) < 0 ||
        evse_mailbox_init(&mailbox, 1) < 0 || evse_ocpp_init(&ocpp, &config) < 0 ||
        evse_ocpp_present_tag(&ocpp, 0, "CARD", hf_port_now_us()) < 0) {
        return 1;
    }
    while (!evse_ocpp_shutdown(&ocpp, EVSE_STOP_Reboot, hf_port_now_us())) {
        evse_ocpp_poll(&ocpp, hf_port_now_us());
    }
    return 0;
}
