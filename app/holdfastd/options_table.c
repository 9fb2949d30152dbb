// SPDX-License-Identifier: MIT
// The table of settings, and the help that is printed from it. A value is checked here, where it is read.
#include "daemon_meter.h"
#include "options_private.h"
#if CONFIG_HF_TELEMETRY
#include "daemon_stream.h"
#endif
#include "evse_can_linux.h"
#include "evse_reader_linux.h"

#include <stdio.h>
#include <string.h>

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
    {"io", "SPEC", "inputs and outputs: " OPTIONS_IOS, TEXT_FIELD(io)},
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
    {"on-trip", "WIRE=ACTION", "what follows a trip (below); for each wire the last one holds",
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

const setting_t *options_find(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

int options_apply(options_t *options, const setting_t *setting, const char *value)
{
    return setting->read != NULL
               ? setting->read(options, value)
               : copy((char *)options + setting->offset, setting->capacity, value);
}

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

void options_print_help(void)
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
