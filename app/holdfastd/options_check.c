// SPDX-License-Identifier: MIT
// What options have to be together. Nothing starts on a doubtful configuration; the first thing that is wrong is said.
#include "daemon_meter.h"
#include "options_private.h"
#if CONFIG_HOLDFASTD_MQTT
#include "daemon_mqtt.h"
#endif
#if CONFIG_HOLDFASTD_STATUS_PAGE
#include "daemon_portal.h"
#endif
#include "evse_can_linux.h"
#if CONFIG_HOLDFASTD_GPIO
#include "evse_io_gpio.h"
#endif
#if CONFIG_EVSE_CONSOLE
#include "evse_console_serial.h"
#endif
#include "evse_reader_linux.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_id(const char *id)
{
    for (const char *c = id; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("._:-", *c) == NULL) {
            return options_fail("id '%s': only letters, digits and . _ : -%s", id, "");
        }
    }
    return *id != '\0' ? HF_OK : options_fail("an identity is needed: --id%s%s", "", "");
}

static int check_url(options_t *options)
{
    if (options->csms[0] == '\0') {
        return options_fail("a central system is needed: --csms ws://HOST:PORT/PATH%s%s", "", "");
    }
    char whole[OPTIONS_TEXT_MAX + STATION_ID_BYTES + 1];
    size_t length = strlen(options->csms);
    (void)snprintf(whole, sizeof whole, "%s%s%s", options->csms,
                   options->csms[length - 1] == '/' ? "" : "/", options->id);
    int status = evse_url_parse(options->csms, &options->url); // alone: ws:// and an id is none
    status = status == HF_OK ? evse_url_parse(whole, &options->url) : status;
    if (status != HF_OK) {
        return options_fail("csms '%s': not a ws:// address (%s)", options->csms,
                            hf_status_text(status));
    }
    if (options->url.secure) {
        return options_fail("csms '%s': wss:// is not built into this version%s", options->csms,
                            "");
    }
    return HF_OK;
}

// vcan and vxcan are buses in the kernel's memory; slcan's interface is virtual too, and its modules are real.
static bool is_kernel_virtual(const char *interface)
{
    return strncmp(interface, "vcan", 4) == 0 || strncmp(interface, "vxcan", 5) == 0;
}

static int check_bus(const char *name, const char *text, options_outlet_t *outlet)
{
    evse_can_linux_spec_t spec;
    int status = evse_can_linux_parse(text, &spec);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: %s '%s': %s; there are %s\n", name, text,
                      hf_status_text(status), evse_can_linux_specs);
        return status;
    }
    bool is_physical = spec.kind != EVSE_CAN_LINUX_VIRTUAL;
    outlet->is_physical |= is_physical;
    outlet->has_hardware |= is_physical && !is_kernel_virtual(spec.name);
    return HF_OK;
}

static int check_buses(options_t *options)
{
    int status = options->connectors > 0
                     ? HF_OK
                     : options_fail("at least one bus is needed: --can virtual:PATH%s%s", "", "");
    const char *seen[2 * CONFIG_EVSE_CONNECTORS_MAX];
    unsigned count = 0;
    for (unsigned c = 0; status == HF_OK && c < options->connectors; c++) {
        options_outlet_t *outlet = &options->outlet[c];
        status = check_bus("can", outlet->can, outlet);
        seen[count++] = outlet->can;
        if (status == HF_OK && outlet->bms_can[0] != '\0') {
            status = check_bus("bms-can", outlet->bms_can, outlet);
            seen[count++] = outlet->bms_can;
        }
    }
    for (unsigned i = 1; status == HF_OK && i < count; i++) {
        for (unsigned j = 0; status == HF_OK && j < i; j++) {
            if (strcmp(seen[i], seen[j]) == 0) {
                status = options_fail("'%s': a bus can be named only once%s", seen[i], "");
            }
        }
    }
    return status;
}

static int check_meters(const options_t *options)
{
    int status = HF_OK;
    for (unsigned c = 0; status == HF_OK && c < options->connectors; c++) {
        const char *meter = options->outlet[c].meter;
        status = meter[0] != '\0' ? daemon_meter_check(meter) : HF_OK;
    }
    return status;
}

static bool has_physical_bus(const options_t *options)
{
    bool physical = false;
    for (unsigned c = 0; c < options->connectors; c++) {
        physical = physical || options->outlet[c].is_physical;
    }
    return physical;
}

// [SAF-06] published scalings differ by a factor of 100: a physical bus has no default.
static int check_profiles(options_t *options)
{
    if (options->profile[0] == '\0' && has_physical_bus(options)) {
        return options_fail(
            "a physical bus needs --profile NAME, the scaling of its power module; there is "
            "no default, since a wrong factor is a wrong current%s%s",
            "", "");
    }
    const char *name = options->profile[0] != '\0' ? options->profile : "m33-1024";
    options->module_profile = evse_module_profile_find(name);
    if (options->module_profile == NULL) {
        return options_fail("profile '%s': there is none of that name, see --help%s", name, "");
    }
    if (options->bms[0] != '\0') {
        options->bms_profile = evse_bms_profile_find(options->bms);
        if (options->bms_profile == NULL) {
            return options_fail("bms '%s': there is none of that name, see --help%s", options->bms,
                                "");
        }
    }
    return HF_OK;
}

static int check_gpio(const options_t *options, const char *path)
{
#if CONFIG_HOLDFASTD_GPIO
    static evse_gpio_pins_t pins[CONFIG_EVSE_CONNECTORS_MAX]; // static: not for a stack
    evse_gpio_error_t error = {.text = ""};
    int status = evse_gpio_file_read(path, options->connectors, pins, &error);
    return status == HF_OK ? HF_OK : options_fail("io: %s%s", error.text, "");
#else
    (void)options;
    return options_fail("io 'gpio:%s': not built into this version%s", path, "");
#endif
}

static int check_io(const options_t *options)
{
    const char *io = options->io;
    if (strncmp(io, "gpio:", 5) == 0 && io[5] != '\0') {
        return check_gpio(options, io + 5);
    }
    return strncmp(io, "socket:", 7) == 0 && io[7] != '\0'
               ? HF_OK
               : options_fail("inputs and outputs are needed: --io " OPTIONS_IOS ", not '%s'%s", io,
                              "");
}

static int check_console(const options_t *options)
{
    const char *console = options->console;
#if CONFIG_EVSE_CONSOLE
    int status = console[0] != '\0' ? evse_console_serial_check(console) : HF_OK;
    return status == HF_OK ? HF_OK
                           : options_fail("console '%s': %s", console, hf_status_text(status));
#else
    return console[0] == '\0'
               ? HF_OK
               : options_fail("console '%s': not built into this version%s", console, "");
#endif
}

static int check_ca(const options_t *options)
{
    if (options->ca[0] == '\0') {
        return HF_OK;
    }
    FILE *file = fopen(options->ca, "r");
    bool is_readable = file != NULL && (fgetc(file) != EOF || ferror(file) == 0);
    int status = is_readable ? HF_OK : options_fail("ca '%s': %s", options->ca, strerror(errno));
    if (file != NULL) {
        (void)fclose(file);
    }
    return status;
}

static int check_http(const options_t *options)
{
    struct in_addr address;
    if (options->has_http && inet_pton(AF_INET, options->http_host, &address) != 1) {
        return options_fail("http '%s': not an IPv4 address%s", options->http_host, "");
    }
#if CONFIG_HOLDFASTD_STATUS_PAGE
    return daemon_portal_check(options);
#else
    return HF_OK;
#endif
}

static int check_limits(options_t *options)
{
    const evse_limits_t *limits = evse_limits_find(options->vehicle);
    if (limits == NULL) {
        return options_fail("vehicle '%s': there is none of that name, see --help%s",
                            options->vehicle, "");
    }
    options->limits = *limits;
    if (options->site_limit_A > 0 && options->site_limit_A * 1000 < options->limits.max_mA) {
        options->limits.max_mA = (int32_t)(options->site_limit_A * 1000);
    }
    return evse_limits_check(&options->limits);
}

static int check_reader(const options_t *options)
{
    const char *reader = options->reader;
    int status = reader[0] != '\0' ? evse_reader_linux_check(reader) : HF_OK;
    return status == HF_OK ? HF_OK
                           : options_fail("reader '%s': %s", reader, hf_status_text(status));
}

int options_check(options_t *options)
{
    int status = check_id(options->id);
    if (status == HF_OK) {
        status = check_url(options);
    }
    if (status == HF_OK) {
        status = check_buses(options);
    }
    if (status == HF_OK) {
        status = check_meters(options);
    }
    if (status == HF_OK) {
        status = check_profiles(options);
    }
    if (status == HF_OK) {
        status = check_io(options);
    }
    if (status == HF_OK) {
        status = check_console(options);
    }
    if (status == HF_OK) {
        status = check_reader(options);
    }
    if (status == HF_OK) {
        status = check_ca(options);
    }
    if (status == HF_OK) {
        status = check_http(options);
    }
#if CONFIG_HOLDFASTD_MQTT
    if (status == HF_OK) {
        status = daemon_mqtt_check(options);
    }
#endif
    return status == HF_OK ? check_limits(options) : status;
}
