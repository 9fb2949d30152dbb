// SPDX-License-Identifier: MIT
// The composition root of the firmware image: memory, lines, charge point, the two loops, the way out.
// Goals: the control tick never waits for comms; every way out commands both stop paths. Assumption: one core, so what
// the tick's interrupt does is one step to main(). Invariants: the watchdog is fed by the tick, and only while the comms
// loop checks in; after the heap is sealed no call of it is served unseen.
#include "firmware.h"

#include "firmware_console.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_seal.h"
#include "mps2_board.h"
#include "mps2_flash.h"
#include "mps2_slcan.h"
#include "version.h"

#include <assert.h>

#define COMMS_INTERVAL_US   (20u * HF_US_PER_MS)
#define WATCHDOG_US         (2u * HF_US_PER_S)
#define LAST_TICKS_LIMIT_US (2u * HF_US_PER_S)
#define DRAIN_LIMIT_US      (200u * HF_US_PER_MS)
#define LOG_BURST_LINES     60u
#define LOG_RATE_LINES      20u
#define EXIT_BUILD          78 // as holdfastd: the configuration does not work

// ---- memory -------------------------------------------------------------------------------------

static evse_t evse;
static evse_ws_t ws;
static evse_slcan_t slcan;
static mps2_io_t io;
static mps2_stream_t stream;
static mps2_uart_t uart[FIRMWARE_LINES];
static uint8_t ws_receive[CONFIG_EVSE_OCPP_RECEIVE_BYTES];
static uint8_t ws_send[CONFIG_EVSE_OCPP_SEND_BYTES + 16u];
static struct {
    uint8_t console_in[64], console_out[2048];
    uint8_t network_in[1024], network_out[1024];
    uint8_t can_in[2048], can_out[512];
    uint8_t io_in[512], io_out[256];
    uint8_t telemetry_in[64], telemetry_out[2048];
} bytes;
static struct {
    hf_log_t log;
    uint32_t storage[HF_RING_BYTES(sizeof(hf_log_line_t), FIRMWARE_LOG_LINES) / 4u];
} control_log, comms_log;
static hf_seal_caller_t callers[FIRMWARE_CALLERS];
static firmware_watch_t watch;
static firmware_console_t console;
#if CONFIG_HF_TELEMETRY
static firmware_telemetry_t telemetry;
#endif
static hf_atomic_u32_t ends; // 0 no; 1 Hard, 2 Soft
static uint64_t started_us;

// Of the 96 KiB of RAM beside the journal, 10 are stack: what is left for a product's own drivers has to be said here.
static_assert(sizeof evse + sizeof ws + sizeof slcan + sizeof ws_receive + sizeof ws_send +
                      sizeof bytes + sizeof control_log + sizeof comms_log + sizeof watch +
                      sizeof console <=
                  64u * 1024u,
              "the charge point's share of RAM is 64 KiB");

// ---- the way out --------------------------------------------------------------------------------

static uint8_t off_line[EVSE_SLCAN_LINE_BYTES + 1u];
static uint32_t off_length;
static uint8_t open_frame[MPS2_IO_FRAME_BYTES];
static uint32_t open_length;

// Both stop paths, made ready beforehand: nothing has to work any more when they are needed but two UARTs.
static void prepare_stop(const evse_module_profile_t *profile)
{
    static const evse_io_drive_t released;
    evse_can_frame_t off = evse_module_encode_switch(profile, 0, false);
    off_line[0] = '\r'; // ends a line that was under way
    off_length = 1u + evse_slcan_encode(&off, off_line + 1);
    open_length = mps2_io_frame_drive(0, &released, open_frame);
}

static void make_safe(void)
{
    static const uint8_t gap[MPS2_IO_FRAME_BYTES]; // lets a frame that was under way fail
    mps2_uart_emergency(FIRMWARE_CAN, off_line, off_length);
    mps2_uart_emergency(FIRMWARE_IO, gap, sizeof gap);
    mps2_uart_emergency(FIRMWARE_IO, open_frame, open_length);
    mps2_uart_emergency(FIRMWARE_CAN, off_line, off_length);
}

// After both stop paths. The page is RAM that a reset leaves alone.
static void last_words(const mps2_last_words_t *words)
{
#if CONFIG_HF_TELEMETRY
    if (words->assertion != NULL) {
        firmware_telemetry_end(&telemetry, HF_RESET_ASSERT, "", words->assertion);
    } else {
        firmware_telemetry_fault(&telemetry, words->exception, words->pc);
    }
#else
    (void)words;
#endif
#ifdef FIRMWARE_FAULT_RESETS
    mps2_reset();
#endif
}

// ---- build --------------------------------------------------------------------------------------

static int open_lines(void)
{
    const mps2_uart_config_t config[FIRMWARE_LINES] = {
        {FIRMWARE_CONSOLE, 115200u, bytes.console_in, bytes.console_out, sizeof bytes.console_in,
         sizeof bytes.console_out},
        {FIRMWARE_NETWORK, 115200u, bytes.network_in, bytes.network_out, sizeof bytes.network_in,
         sizeof bytes.network_out},
        {FIRMWARE_CAN, 460800u, bytes.can_in, bytes.can_out, sizeof bytes.can_in,
         sizeof bytes.can_out},
        {FIRMWARE_IO, 115200u, bytes.io_in, bytes.io_out, sizeof bytes.io_in, sizeof bytes.io_out},
        {FIRMWARE_TELEMETRY, 115200u, bytes.telemetry_in, bytes.telemetry_out,
         sizeof bytes.telemetry_in, sizeof bytes.telemetry_out},
    };
    int status = HF_OK;
    for (unsigned i = 0; i < FIRMWARE_LINES && status == HF_OK; i++) {
        status = mps2_uart_open(&uart[i], &config[i]);
    }
    return status;
}

static int open_log(hf_log_t *log, uint32_t *storage)
{
    const hf_log_config_t config = {.storage = storage,
                                    .capacity = FIRMWARE_LOG_LINES,
                                    .level = HF_LOG_INFO,
                                    .burst_lines = LOG_BURST_LINES,
                                    .rate_lines_per_s = LOG_RATE_LINES};
    return hf_log_init(log, &config);
}

static int open_link(void)
{
    static evse_url_t url;
    stream.uart = &uart[FIRMWARE_NETWORK];
    const evse_ws_config_t config = {
        .stream = {.ops = &mps2_stream_ops, .ctx = &stream},
        .url = &url,
        .subprotocol = "ocpp1.6",
        .receive_buffer = ws_receive,
        .receive_capacity = sizeof ws_receive,
        .send_buffer = ws_send,
        .send_capacity = sizeof ws_send,
        .open_timeout_ms = 3000,
        .pong_timeout_ms = 3000,
        .close_timeout_ms = 1000,
        .random = mps2_random,
        .log = &comms_log.log,
    };
    int status = evse_url_parse(FIRMWARE_URL, &url);
    return status == HF_OK ? evse_ws_init(&ws, &config) : status;
}

static int open_devices(void)
{
    const evse_slcan_config_t config = {
        .port = {.ops = &mps2_slcan_ops, .ctx = &uart[FIRMWARE_CAN]}, .bitrate_kbits = 250};
    int status = evse_slcan_init(&slcan, &config);
    return status == HF_OK ? mps2_io_init(&io, &uart[FIRMWARE_IO]) : status;
}

static void on_reset(void *ctx, bool hard)
{
    (void)ctx;
    atomic_store(&ends, hard ? 1u : 2u);
}

static int open_charge_point(void)
{
    uint32_t seed = 0;
    if (mps2_flash_prepare()) {
        HF_LOGI(&comms_log.log, started_us, STORE, "new journal");
    }
    mps2_random(NULL, &seed, sizeof seed);
    const evse_module_profile_t *profile = evse_module_profile_find(FIRMWARE_MODULE);
    if (profile == NULL) {
        return HF_E_NOT_FOUND;
    }
    prepare_stop(profile);
    evse_config_t config = {
        .control = {.channel = {{.can = {.ops = &evse_slcan_ops, .ctx = &slcan},
                                 .profile = profile,
                                 .limits = evse_limits_find(FIRMWARE_VEHICLE)}},
                    .connectors = 1,
                    .io = {.ops = &mps2_io_ops, .ctx = &io},
                    .log = &control_log.log},
        .ocpp = {.vendor = "Holdfast",
                 .model = "Firmware M4",
                 .serial = "1",
                 .firmware = HOLDFAST_VERSION,
                 .link = {.ops = &evse_ws_link_ops, .ctx = &ws},
                 .connectors = 1,
                 .seed = seed | 1u,
                 .reset = on_reset,
                 .list = {.flash = &mps2_flash_whole, .first = MPS2_FLASH_OF_LIST},
                 .cache = {.flash = &mps2_flash_whole, .first = MPS2_FLASH_OF_CACHE},
                 .log = &comms_log.log},
        .store = {.flash = &mps2_flash,
                  .station_nonce = FIRMWARE_NONCE,
                  .connectors = 1,
                  .log = &comms_log.log},
    };
    int status = evse_init(&evse, &config);
    if (status != HF_OK) {
        return status;
    }
    return evse_ocpp_set_key(&evse.ocpp, "WebSocketPingInterval", "5"); // the bridge tells no loss
}

extern const char firmware_text_start[], firmware_text_end[];

// [SAF-08] is of the first tick; this is of the memory: from here on nothing in the image may ask for any.
static int seal_heap(void)
{
    static hf_seal_range_t portable;
    portable = (hf_seal_range_t){(uintptr_t)firmware_text_start, (uintptr_t)firmware_text_end};
    const hf_seal_config_t config = {.portable = &portable,
                                     .portable_count = 1,
                                     .callers = callers,
                                     .caller_count = FIRMWARE_CALLERS};
    return hf_mem_seal(&config);
}

static int open_console(void)
{
    int status = firmware_watch_init(&watch, &evse, hf_port_now_us());
    console.evse = &evse;
    console.watch = &watch;
    console.uart = &uart[FIRMWARE_CONSOLE];
    return status == HF_OK ? firmware_console_init(&console) : status;
}

static int open_telemetry(void)
{
#if CONFIG_HF_TELEMETRY
    telemetry.evse = &evse;
    telemetry.watch = &watch;
    telemetry.uart = &uart[FIRMWARE_TELEMETRY];
    return firmware_telemetry_init(&telemetry, hf_port_now_us());
#else
    return HF_OK;
#endif
}

static int build(void)
{
    int (*const steps[])(void) = {open_lines,   open_link,      open_devices, open_charge_point,
                                  open_console, open_telemetry, seal_heap};
    int status = open_log(&control_log.log, control_log.storage);
    if (status == HF_OK) {
        status = open_log(&comms_log.log, comms_log.storage);
    }
    for (size_t i = 0; i < HF_COUNT_OF(steps) && status == HF_OK; i++) {
        status = steps[i]();
    }
    return status;
}

// ---- the control tick, in the timer's interrupt ---------------------------------------------------

static void on_tick(void)
{
    uint64_t now_us = hf_port_now_us();
    evse_control_loop(&evse, now_us);
    if (firmware_watch_tick(&watch, (uint32_t)(hf_port_now_us() - now_us), now_us)) {
        mps2_watchdog_feed(); // [SAF-13] never from below the tick
    }
}

// ---- the comms loop, in main() --------------------------------------------------------------------

static void take_cards(uint64_t now_us)
{
    unsigned connector = 0;
    char id_tag[EVSE_ID_TAG_BYTES];
    while (mps2_io_take_card(&io, &connector, id_tag) == HF_OK) {
        int status = evse_ocpp_present_tag(&evse.ocpp, connector, id_tag, now_us);
        HF_LOGI(&comms_log.log, now_us, SESSION, "card presented: %s", hf_status_text(status));
    }
}

static void drain_logs(void)
{
    firmware_console_log(&console, &control_log.log);
    firmware_console_log(&console, &comms_log.log);
}

static bool is_power_off(void)
{
    evse_snapshot_t snapshot;
    return hf_snapshot_read(&evse.mailbox.snapshot, &snapshot) == HF_OK &&
           snapshot.connector[0].phase == EVSE_POWER_OFF &&
           snapshot.connector[0].contactor_closed == 0;
}

// [SAF-14] The policy ends the image as a Reset of the central system does.
static void tell(uint64_t now_us)
{
#if CONFIG_HF_TELEMETRY
    if (firmware_telemetry_poll(&telemetry, now_us) &&
        evse_ocpp_shutdown(&evse.ocpp, EVSE_STOP_Reboot, now_us)) {
        atomic_store(&ends, 2u);
    }
#else
    (void)now_us;
#endif
}

static void note_end(void)
{
#if CONFIG_HF_TELEMETRY
    if (telemetry.reason == 0) {
        firmware_telemetry_end(&telemetry, HF_RESET_SOFTWARE, "", "in good order");
    }
    mps2_uart_drain(&uart[FIRMWARE_TELEMETRY], DRAIN_LIMIT_US);
#endif
}

static void run(void)
{
    uint64_t next_us = 0;
    while (atomic_load(&ends) == 0) {
        uint64_t now_us = hf_port_now_us();
        if (now_us >= next_us || mps2_uart_waiting(&uart[FIRMWARE_NETWORK]) > 0) {
            next_us = now_us + COMMS_INTERVAL_US;
            take_cards(now_us);
            evse_comms_loop(&evse, now_us);
            firmware_watch_comms(&watch, evse.ocpp.link_state == EVSE_LINK_OPEN, now_us);
            firmware_console_poll(&console, now_us);
            drain_logs();
            tell(now_us);
        }
        mps2_sleep(); // the tick ends it at the latest
    }
}

// The transactions are ended and durable already (evse_ocpp_config_t.reset). [SAF-14] The tick goes on until power is off.
static void end(void)
{
    uint64_t since_us = hf_port_now_us();
    while (!is_power_off() && hf_port_now_us() - since_us < LAST_TICKS_LIMIT_US) {
        firmware_watch_comms(&watch, true, hf_port_now_us());
        mps2_sleep();
    }
    evse_ws_link_ops.close(&ws, hf_port_now_us());
    (void)evse_ws_link_ops.poll(&ws, hf_port_now_us());
    drain_logs();
    mps2_uart_drain(&uart[FIRMWARE_NETWORK], DRAIN_LIMIT_US);
    mps2_uart_drain(&uart[FIRMWARE_CONSOLE], DRAIN_LIMIT_US);
    note_end();
}

int main(void)
{
    static char text[FIRMWARE_REPORT_BYTES];
    mps2_on_fault(make_safe, last_words);
    started_us = hf_port_now_us();
    int status = build();
    if (status != HF_OK) {
        mps2_say("the image cannot start: ");
        mps2_say(hf_status_text(status));
        mps2_say("\n");
        return EXIT_BUILD;
    }
    mps2_watchdog_start(WATCHDOG_US);
    mps2_tick_start(on_tick, EVSE_TICK_US);
    run();
    end();
    const firmware_parts_t parts = {.evse = &evse,
                                    .ws = &ws,
                                    .slcan = &slcan,
                                    .io = &io,
                                    .uart = uart,
                                    .watch = &watch,
                                    .started_us = started_us};
    (void)firmware_report(&parts, hf_port_now_us(), text);
    mps2_say(text);
    if (atomic_load(&ends) == 2u) {
        mps2_reset();
    }
    return 0;
}
