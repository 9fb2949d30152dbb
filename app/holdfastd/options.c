// SPDX-License-Identifier: MIT
// Command line and configuration file of holdfastd: the table below is both, and the help. A value is checked where it
// is read; what needs several values is checked at the end. Nothing starts on a doubtful configuration.
#include "daemon_meter.h"
#if CONFIG_HF_TELEMETRY
#include "daemon_stream.h"
#endif

#if CONFIG_HOLDFASTD_MQTT
#include "daemon_mqtt.h"
#endif
#if CONFIG_HOLDFASTD_HEAP_GUARD
#include "daemon_heap.h"
#endif
#include "daemon_tasks.h"
#include "evse_can_linux.h"
#if CONFIG_HOLDFASTD_GPIO
#include "evse_io_gpio.h"
#endif
#if CONFIG_EVSE_CONSOLE
#include "evse_console_serial.h"
#endif
#include "evse_reader_linux.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
    const char *name;
    const char *argument; // NULL: a flag, yes or no in a file
    const char *help;
    int (*read)(options_t *options, const char *value);
    size_t offset; // of a plain text field, when read is NULL
    size_t capacity;
} setting_t;

#if CONFIG_HOLDFASTD_GPIO
#define IOS "socket:PATH or gpio:FILE"
#else
#define IOS "socket:PATH"
#endif

static int fail(const char *format, const char *a, const char *b)
{
    (void)fputs("holdfastd: ", stderr);
    (void)fprintf(stderr, format, a, b);
    (void)fputc('\n', stderr);
    return HF_E_ARGUMENT;
}

static int copy(char *out, size_t capacity, const char *value)
{
    size_t length = strlen(value);
    if (length == 0 || length >= capacity) {
        return HF_E_TOO_LONG;
    }
    memcpy(out, value, length + 1);
    return HF_OK;
}

static int read_can(options_t *options, const char *value)
{
    if (options->connectors >= CONFIG_EVSE_CONNECTORS_MAX) {
        return HF_E_FULL;
    }
    return copy(options->outlet[options->connectors++].can, OPTIONS_TEXT_MAX, value);
}

static int read_bms_can(options_t *options, const char *value)
{
    if (options->connectors == 0) {
        return HF_E_STATE;
    }
    return copy(options->outlet[options->connectors - 1].bms_can, OPTIONS_TEXT_MAX, value);
}

static int read_number(const char *value, int64_t least, int64_t most, int64_t *number)
{
    hf_slice_t slice = {.text = value, .length = strlen(value)};
    int status = hf_slice_to_i64(slice, number);
    return status == HF_OK && (*number < least || *number > most) ? HF_E_RANGE : status;
}

static int read_modules(options_t *options, const char *value)
{
    if (options->connectors == 0) {
        return HF_E_STATE;
    }
    return read_number(value, 1, CONFIG_EVSE_MODULES_MAX,
                       &options->outlet[options->connectors - 1].modules);
}

static int read_meter(options_t *options, const char *value)
{
    if (options->connectors == 0) {
        return HF_E_STATE;
    }
    return copy(options->outlet[options->connectors - 1].meter, OPTIONS_TEXT_MAX, value);
}

static int read_commission(options_t *options, const char *value)
{
    options->commission = strcmp(value, "yes") == 0;
    return options->commission || strcmp(value, "no") == 0 ? HF_OK : HF_E_FORMAT;
}

static int read_site_limit(options_t *options, const char *value)
{
    return read_number(value, 1, 300, &options->site_limit_A);
}

#if CONFIG_HOLDFASTD_TRANSFERS
static int read_stall(options_t *options, const char *value)
{
    return read_number(value, 1, 3600, &options->stall_s);
}
#endif

#if CONFIG_HF_TELEMETRY
static int read_telemetry(options_t *options, const char *value)
{
    int status = daemon_stream_check(value);
    return status == HF_OK ? copy(options->telemetry, sizeof options->telemetry, value) : status;
}

static int read_heartbeat(options_t *options, const char *value)
{
    return read_number(value, 1, 3600, &options->heartbeat_s);
}

static int read_tripwire(options_t *options, const char *value)
{
    return read_number(value, 0, INT32_MAX, &options->tripwire_bytes);
}

static int read_on_trip(options_t *options, const char *value)
{
    for (unsigned kind = 0; kind < HF_WIRE_KINDS; kind++) {
        size_t length = strlen(hf_wire_text(kind));
        if (strncmp(value, hf_wire_text(kind), length) != 0 || value[length] != '=') {
            continue;
        }
        for (unsigned action = 0; action < HF_TRIP_ACTIONS; action++) {
            if (strcmp(value + length + 1, hf_trip_action_text(action)) == 0) {
                options->on_trip[kind] = (hf_trip_action_t)action;
                options->has_action[kind] = true;
                return HF_OK;
            }
        }
    }
    return HF_E_FORMAT;
}
#endif

static int read_log_level(options_t *options, const char *value)
{
    return hf_log_level_parse(value, &options->level);
}

static int read_http(options_t *options, const char *value)
{
    if (strcmp(value, "none") == 0) {
        options->has_http = false;
        return HF_OK;
    }
    const char *colon = strrchr(value, ':');
    int64_t port = 0;
    if (colon == NULL || colon == value || (size_t)(colon - value) >= sizeof options->http_host) {
        return HF_E_FORMAT;
    }
    hf_slice_t digits = {.text = colon + 1, .length = strlen(colon + 1)};
    int status = hf_slice_to_i64(digits, &port);
    if (status == HF_OK && (port < 0 || port > UINT16_MAX)) {
        status = HF_E_RANGE;
    }
    memcpy(options->http_host, value, (size_t)(colon - value));
    options->http_host[colon - value] = '\0';
    options->http_port = (uint16_t)port;
    options->has_http = true;
    return status;
}

static int read_set(options_t *options, const char *value)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value) {
        return HF_E_FORMAT;
    }
    if (options->set_count >= OPTIONS_SET_MAX) {
        return HF_E_FULL;
    }
    hf_slice_t key = {.text = value, .length = (size_t)(equals - value)};
    hf_slice_t text = {.text = equals + 1, .length = strlen(equals + 1)};
    int status = hf_slice_copy(key, options->set[options->set_count].key, EVSE_KEY_BYTES);
    if (status == HF_OK) {
        status = hf_slice_copy(text, options->set[options->set_count].value, EVSE_VALUE_BYTES);
    }
    options->set_count += status == HF_OK ? 1u : 0u;
    return status;
}

#define TEXT_FIELD(field)                                                                          \
    .offset = offsetof(options_t, field), .capacity = sizeof(((options_t *)0)->field)

static const setting_t settings[] = {
    {"csms", "URL", "central system, ws://HOST[:PORT][/PATH]; the station id is appended",
     TEXT_FIELD(csms)},
    {"id", "ID", "identity of this charge point: letters, digits and . _ : -", TEXT_FIELD(id)},
    {"can", "SPEC", "bus of the power modules and BMS (below); the nth is connector n's",
     .read = read_can},
    {"bms-can", "SPEC", "bus of the BMS of the last --can, where it has one of its own",
     .read = read_bms_can},
    {"modules", "N", "power modules of the last --can that share its load (default 1)",
     .read = read_modules},
    {"meter", "SPEC", "energy meter of the last --can (below; default: what its modules tell)",
     .read = read_meter},
    {"io", "SPEC", "inputs and outputs: " IOS, TEXT_FIELD(io)},
    {"state", "DIR", "directory of the journal (default /var/lib/holdfast)", TEXT_FIELD(state)},
    {"net", "NAME", "interface to the central system, auto (default) or none: not watched",
     TEXT_FIELD(net)},
    {"http", "HOST:PORT", "status page, or none (default 127.0.0.1:8080)", .read = read_http},
#if CONFIG_HOLDFASTD_STATUS_PAGE
    {"portal-password-file", "FILE", "its line USER:PASSWORD is asked of whoever changes something",
     TEXT_FIELD(portal_password)},
#endif
    {"profile", "NAME", "scaling of the power module; no default on a physical bus",
     TEXT_FIELD(profile)},
    {"bms", "NAME", "what the BMS speaks (default: as the vehicle profile says)", TEXT_FIELD(bms)},
    {"commission", NULL, "prove the module profile again in the next session",
     .read = read_commission},
    {"vehicle", "NAME", "vehicle profile: battery window and limits (default nx100)",
     TEXT_FIELD(vehicle)},
    {"site-limit", "A", "most current the site allows, 1 to 300", .read = read_site_limit},
    {"watchdog", "DEVICE", "hardware watchdog to feed, as /dev/watchdog (default none)",
     TEXT_FIELD(watchdog)},
    {"console", "SPEC", "service console: pty, pty:LINK or DEVICE[@BAUD] (default none)",
     TEXT_FIELD(console)},
    {"reader", "SPEC", "card reader (below; default none)", TEXT_FIELD(reader)},
#if CONFIG_HOLDFASTD_TRANSFERS
    {"ca", "FILE", "certificates (PEM) that transfers trust (default the system's)",
     TEXT_FIELD(ca)},
    {"stall", "SECONDS", "a transfer that hangs so long has failed, 1 to 3600 (default 30)",
     .read = read_stall},
#endif
#if CONFIG_HF_TELEMETRY
    {"telemetry", "WHERE", "lines on memory: pty, pty:LINK, - (stdout) or a path (default none)",
     .read = read_telemetry},
    {"heartbeat", "SECONDS", "from one telemetry heartbeat to the next, 1 to 3600 (default 60)",
     .read = read_heartbeat},
    {"tripwire", "BYTES", "least free internal memory that trips; 0 none (default 10240)",
     .read = read_tripwire},
    {"on-trip", "WIRE=ACTION", "what follows a trip (below), once for each wire",
     .read = read_on_trip},
#endif
#if CONFIG_HOLDFASTD_MQTT
    {"mqtt", "URL", "broker to tell, mqtt://[USER[:PASSWORD]@]HOST[:PORT] (default none)",
     TEXT_FIELD(mqtt)},
    {"mqtt-password-file", "FILE", "the password is its first line",
     TEXT_FIELD(mqtt_password_file)},
    {"mqtt-prefix", "TEXT", "first part of each topic (default holdfast)", TEXT_FIELD(mqtt_prefix)},
    {"mqtt-discovery", "TEXT", "prefix of Home Assistant's discovery (homeassistant), or none",
     TEXT_FIELD(mqtt_discovery)},
#endif
#if CONFIG_HOLDFASTD_HEAP_GUARD
    {"heap", "BUDGET", "a device's memory: internal=320K,psram=8M (default: what the system has)",
     TEXT_FIELD(heap)},
#endif
    {"vendor", "TEXT", "chargePointVendor, at most 20 characters", TEXT_FIELD(vendor)},
    {"model", "TEXT", "chargePointModel, at most 20 characters", TEXT_FIELD(model)},
    {"serial", "TEXT", "chargePointSerialNumber, at most 25 characters", TEXT_FIELD(serial)},
    {"set", "KEY=VALUE", "an OCPP configuration key, as ChangeConfiguration would",
     .read = read_set},
    {"log-level", "LEVEL", "error, warning, info, debug or trace (default info)",
     .read = read_log_level},
};

static void print_meters(void)
{
#if CONFIG_HOLDFASTD_MODBUS
    printf("\nMeters: modbus:DEVICE[,BAUD[,8N1]][,unit=N],profile=NAME (default 9600,8N1,unit=1)\n"
           "Meter profiles:\n");
    const evse_meter_map_t *map;
    for (size_t i = 0; (map = evse_meter_map_at(i)) != NULL; i++) {
        printf("  %-22s %s\n", map->name, map->text);
    }
#endif
}

static void print_policy(void)
{
#if CONFIG_HF_TELEMETRY
    printf("\nWires: ");
    for (unsigned kind = 0; kind < HF_WIRE_KINDS; kind++) {
        printf("%s%s", kind == 0 ? "" : ", ", hf_wire_text(kind));
    }
    printf("\nActions: ");
    for (unsigned action = 0; action < HF_TRIP_ACTIONS; action++) {
        printf("%s%s", action == 0 ? "" : ", ", hf_trip_action_text(action));
    }
    printf("\n");
#endif
}

static void print_profiles(void)
{
    print_policy();
    print_meters();
    printf("\nModule profiles:\n");
    const evse_module_profile_t *profile;
    for (size_t i = 0; (profile = evse_module_profile_at(i)) != NULL; i++) {
        printf("  %-22s %s\n", profile->name, profile->text);
    }
    printf("BMS profiles:\n");
    const evse_bms_profile_t *bms;
    for (size_t i = 0; (bms = evse_bms_profile_at(i)) != NULL; i++) {
        printf("  %-22s %s\n", bms->name, bms->text);
    }
    printf("Vehicle profiles:\n");
    const evse_limits_t *limits;
    for (size_t i = 0; (limits = evse_limits_at(i)) != NULL; i++) {
        printf("  %-22s %d.%03d to %d.%03d V\n", limits->vehicle, (int)(limits->min_mV / 1000),
               (int)(limits->min_mV % 1000), (int)(limits->max_mV / 1000),
               (int)(limits->max_mV % 1000));
    }
}

static void print_help(void)
{
    printf("Usage: holdfastd --csms URL --id ID --can SPEC --io SPEC [OPTION]...\n"
           "Runs an OCPP 1.6J charge point until it is told to end (SIGTERM, SIGINT).\n\n");
    for (size_t i = 0; i < HF_COUNT_OF(settings); i++) {
        char left[48];
        const char *argument = settings[i].argument != NULL ? settings[i].argument : "";
        (void)snprintf(left, sizeof left, "--%s %s", settings[i].name, argument);
        printf("  %-22s %s\n", left, settings[i].help);
    }
    printf("  %-22s %s\n", "--config FILE",
           "read settings from a file: one NAME = VALUE a line, # comments");
    printf("  %-22s %s\n", "--check", "check the configuration and end");
    printf("  %-22s %s\n", "--tasks", "the threads: name, stack in bytes, priority; and end");
    printf("  %-22s %s\n", "--help", "this text");
    printf("  %-22s %s\n\nBuses: %s\n", "--version", "the version", evse_can_linux_specs);
    printf("Readers: %s\n", evse_reader_linux_specs);
    print_profiles();
    printf("\nExit status: 0 ended in good order, 64 usage, 69 port, socket or state directory in "
           "use,\n70 software, also a task that hung, 71 operating system, 74 storage, 78 "
           "configuration.\n");
}

static const setting_t *find_setting(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

static const char *complaint(int status)
{
    switch (status) {
    case HF_E_TOO_LONG:
        return "empty or too long";
    case HF_E_STATE:
        return "speaks of the last --can, of which there is none before it";
    default:
        return hf_status_text(status);
    }
}

static int apply(options_t *options, const char *name, const char *value, const char *where)
{
    const setting_t *setting = find_setting(name);
    if (setting == NULL) {
        (void)fprintf(stderr, "holdfastd: %s%s: no such setting, see --help\n", where, name);
        return HF_E_NOT_FOUND;
    }
    int status = setting->read != NULL
                     ? setting->read(options, value)
                     : copy((char *)options + setting->offset, setting->capacity, value);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: %s%s '%s': %s\n", where, name, value, complaint(status));
    }
    return status;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

static int read_line(options_t *options, char *line, const char *where)
{
    char *text = trim(line);
    if (*text == '\0' || *text == '#') {
        return HF_OK;
    }
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return fail("%snot NAME = VALUE: '%s'", where, text);
    }
    *equals = '\0';
    return apply(options, trim(text), trim(equals + 1), where);
}

static int read_file(options_t *options, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return fail("cannot read '%s': %s", path, strerror(errno));
    }
    char line[2 * OPTIONS_TEXT_MAX];
    int status = HF_OK;
    for (unsigned number = 1; status == HF_OK && fgets(line, sizeof line, file) != NULL; number++) {
        char where[OPTIONS_TEXT_MAX + 16];
        (void)snprintf(where, sizeof where, "%.200s:%u: ", path, number);
        if (strchr(line, '\n') == NULL && !feof(file)) {
            status = fail("%s%s", where, "line too long");
        } else {
            status = read_line(options, line, where);
        }
    }
    (void)fclose(file);
    return status;
}

static int check_id(const char *id)
{
    for (const char *c = id; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("._:-", *c) == NULL) {
            return fail("id '%s': only letters, digits and . _ : -%s", id, "");
        }
    }
    return *id != '\0' ? HF_OK : fail("an identity is needed: --id%s%s", "", "");
}

static int check_url(options_t *options)
{
    if (options->csms[0] == '\0') {
        return fail("a central system is needed: --csms ws://HOST:PORT/PATH%s%s", "", "");
    }
    char whole[OPTIONS_TEXT_MAX + STATION_ID_BYTES + 1];
    size_t length = strlen(options->csms);
    (void)snprintf(whole, sizeof whole, "%s%s%s", options->csms,
                   options->csms[length - 1] == '/' ? "" : "/", options->id);
    int status = evse_url_parse(whole, &options->url);
    if (status != HF_OK) {
        return fail("csms '%s': not a ws:// address (%s)", options->csms, hf_status_text(status));
    }
    if (options->url.secure) {
        return fail("csms '%s': wss:// is not built into this version%s", options->csms, "");
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
                     : fail("at least one bus is needed: --can virtual:PATH%s%s", "", "");
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
                status = fail("'%s': a bus can be named only once%s", seen[i], "");
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
        return fail(
            "a physical bus needs --profile NAME, the scaling of its power module; there is "
            "no default, since a wrong factor is a wrong current%s%s",
            "", "");
    }
    const char *name = options->profile[0] != '\0' ? options->profile : "m33-1024";
    options->module_profile = evse_module_profile_find(name);
    if (options->module_profile == NULL) {
        return fail("profile '%s': there is none of that name, see --help%s", name, "");
    }
    if (options->bms[0] != '\0') {
        options->bms_profile = evse_bms_profile_find(options->bms);
        if (options->bms_profile == NULL) {
            return fail("bms '%s': there is none of that name, see --help%s", options->bms, "");
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
    return status == HF_OK ? HF_OK : fail("io: %s%s", error.text, "");
#else
    (void)options;
    return fail("io 'gpio:%s': not built into this version%s", path, "");
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
               : fail("inputs and outputs are needed: --io " IOS ", not '%s'%s", io, "");
}

static int check_console(const options_t *options)
{
    const char *console = options->console;
#if CONFIG_EVSE_CONSOLE
    int status = console[0] != '\0' ? evse_console_serial_check(console) : HF_OK;
    return status == HF_OK ? HF_OK : fail("console '%s': %s", console, hf_status_text(status));
#else
    return console[0] == '\0' ? HF_OK
                              : fail("console '%s': not built into this version%s", console, "");
#endif
}

static int check_ca(const options_t *options)
{
    FILE *file = options->ca[0] != '\0' ? fopen(options->ca, "r") : NULL;
    if (options->ca[0] != '\0' && file == NULL) {
        return fail("ca '%s': %s", options->ca, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return HF_OK;
}

static int check_limits(options_t *options)
{
    const evse_limits_t *limits = evse_limits_find(options->vehicle);
    if (limits == NULL) {
        return fail("vehicle '%s': there is none of that name, see --help%s", options->vehicle, "");
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
    return status == HF_OK ? HF_OK : fail("reader '%s': %s", reader, hf_status_text(status));
}

static int check_all(options_t *options)
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
#if CONFIG_HOLDFASTD_MQTT
    if (status == HF_OK) {
        status = daemon_mqtt_check(options);
    }
#endif
    return status == HF_OK ? check_limits(options) : status;
}

/// Returns -1 to go on, else the exit code.
static int read_setting(options_t *options, char **argv, int *i)
{
    const char *argument = argv[*i];
    char name[32];
    const char *equals = strchr(argument, '=');
    hf_slice_t slice = {.text = argument + 2,
                        .length = equals != NULL ? (size_t)(equals - argument - 2)
                                                 : strlen(argument + 2)};
    if (hf_slice_copy(slice, name, sizeof name) != HF_OK) {
        (void)fail("'%s': no such option, see --help%s", argument, "");
        return EXIT_USAGE;
    }
    bool is_config = strcmp(name, "config") == 0;
    const setting_t *setting = find_setting(name);
    bool is_flag = setting != NULL && setting->argument == NULL;
    const char *value = equals != NULL ? equals + 1 : is_flag ? "yes" : argv[*i + 1];
    if ((!is_config && setting == NULL) || value == NULL) {
        (void)fail(value == NULL && (is_config || setting != NULL)
                       ? "--%s needs a value, see --help%s"
                       : "--%s: no such option, see --help%s",
                   name, "");
        return EXIT_USAGE;
    }
    *i += equals != NULL || is_flag ? 0 : 1;
    int status = is_config ? read_file(options, value) : apply(options, name, value, "--");
    return status == HF_OK ? -1 : EXIT_CONFIG;
}

/// Returns -1 to go on, else the exit code.
static int read_argument(options_t *options, char **argv, int *i)
{
    const char *argument = argv[*i];
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        print_help();
        return EXIT_GOOD;
    }
    if (strcmp(argument, "--version") == 0) {
        printf("holdfastd %s\n", HOLDFAST_VERSION);
        return EXIT_GOOD;
    }
    if (strcmp(argument, "--tasks") == 0) {
        daemon_tasks_print();
        return EXIT_GOOD;
    }
    if (strcmp(argument, "--check") == 0) {
        options->check_only = true;
        return -1;
    }
    if (strncmp(argument, "--", 2) != 0) {
        (void)fail("'%s': options begin with --, see --help%s", argument, "");
        return EXIT_USAGE;
    }
    return read_setting(options, argv, i);
}

int options_read(options_t *options, int argc, char **argv)
{
    *options = (options_t){
        .state = "/var/lib/holdfast",
        .net = "auto",
        .http_host = "127.0.0.1",
        .http_port = 8080,
        .has_http = true,
        .vehicle = "nx100",
        .vendor = "Holdfast",
        .model = "Holdfast DC",
        .stall_s = 30,
        .heartbeat_s = 60,
        .tripwire_bytes = 10240,
        .level = HF_LOG_INFO,
    };
    for (int i = 1; i < argc; i++) {
        int code = read_argument(options, argv, &i);
        if (code >= 0) {
            return code;
        }
    }
#if CONFIG_HOLDFASTD_HEAP_GUARD
    if (options->heap[0] != '\0' && daemon_heap_check(options->heap) != HF_OK) {
        return EXIT_USAGE;
    }
#endif
    if (check_all(options) != HF_OK) {
        return EXIT_CONFIG;
    }
    if (options->check_only) {
        printf("configuration is good\n");
        return EXIT_GOOD;
    }
    return -1;
}
