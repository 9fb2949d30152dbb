// SPDX-License-Identifier: MIT
// `holdfast demo`: the command line; what ./run starts.
#include "demo.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ID      "CP1"
#define DEFAULT_TAG     "HOLDFAST-DEMO"
#define DEFAULT_SECONDS 10
#define PROVING_SECONDS 30 // with commissioning

enum {
    OPTION_ONCE = 256,
    OPTION_CSMS,
    OPTION_ID,
    OPTION_TAG,
    OPTION_HTTP,
    OPTION_PORT,
    OPTION_SECONDS,
    OPTION_STATE,
    OPTION_BUS,
    OPTION_KEEP
};

static const struct option long_options[] = {
    {"once", no_argument, NULL, OPTION_ONCE},
    {"csms", required_argument, NULL, OPTION_CSMS},
    {"id", required_argument, NULL, OPTION_ID},
    {"tag", required_argument, NULL, OPTION_TAG},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"csms-port", required_argument, NULL, OPTION_PORT},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"state", required_argument, NULL, OPTION_STATE},
    {"bus", required_argument, NULL, OPTION_BUS},
    {"keep", no_argument, NULL, OPTION_KEEP},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    printf(
        "Usage: holdfast demo [OPTION]...\n"
        "Plays one charging session: the charge point (holdfastd), a simulated power module, "
        "battery\n"
        "and vehicle, and a central system, each a program of its own. Then it stays up until "
        "Ctrl-C.\n\n"
        "  --once            end after the session: prints its energy and time\n"
        "  --csms URL        meet this central system (ws://HOST:PORT/PATH) instead of our own\n"
        "  --id ID           identity of the charge point (default %s)\n"
        "  --tag TAG         idTag of the session; with --csms the driver presents it as a card, "
        "and\n"
        "                    again to stop; without it that central system starts and stops\n"
        "  --http HOST:PORT  status page (default 127.0.0.1:8080; PORT alone will do, 0 is any)\n"
        "  --csms-port N     port of our own central system (default 0: any)\n"
        "  --seconds N       how long energy flows, 1 to 3600 (default %d; %d where a bus begins "
        "with\n"
        "                    commissioning)\n"
        "  --bus NAME        CAN bus between them: virtual (default), slcan (a serial adapter's "
        "protocol\n"
        "                    over a pty) or socketcan:INTERFACE[,VEHICLE'S]; one that is not "
        "virtual\n"
        "                    begins with commissioning\n"
        "  --state DIR       keep the journal there (default: a fresh one each time)\n"
        "  --keep            leave the private directory\n"
        "  --help            this text\n\n"
        "Exit status: 0 the session completed, or Ctrl-C after that; 1 the session failed or took\n"
        "too long; 2 wrong option; 3 the environment (a port in use, no way to the central "
        "system);\n"
        "130 interrupted before the session was complete.\n",
        DEFAULT_ID, DEFAULT_SECONDS, PROVING_SECONDS);
    return TOOL_GOOD;
}

static int take_http(demo_options_t *options, const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    if (length >= sizeof options->http_host || (colon != NULL && length == 0)) {
        (void)tool_fail(TOOL_USAGE, "demo", "--http '%s': HOST:PORT is needed", text);
        return tool_usage_hint("demo");
    }
    int code = tool_number("demo", "--http", colon != NULL ? colon + 1 : text,
                           (const int64_t[2]){0, UINT16_MAX}, &port);
    if (code == TOOL_GOOD && colon != NULL) {
        memcpy(options->http_host, text, length);
        options->http_host[length] = '\0';
    }
    options->http_port = (uint16_t)port;
    return code;
}

static int take_text(const char **out, const char *option, size_t most)
{
    size_t length = strlen(optarg);
    *out = optarg;
    if (length == 0 || length > most || strpbrk(optarg, " \t\r\n") != NULL) {
        (void)tool_fail(TOOL_USAGE, "demo",
                        "%s '%s': 1 to %zu characters without spaces are needed", option, optarg,
                        most);
        return tool_usage_hint("demo");
    }
    return TOOL_GOOD;
}

static int take_csms(demo_options_t *options)
{
    int code = take_text(&options->csms, "--csms", DEMO_PATH_BYTES - 1);
    bool is_url = strncmp(optarg, "ws://", 5) == 0 || strncmp(optarg, "wss://", 6) == 0;
    if (code == TOOL_GOOD && !is_url) {
        (void)tool_fail(TOOL_USAGE, "demo", "--csms '%s': ws://HOST:PORT/PATH is needed", optarg);
        return tool_usage_hint("demo");
    }
    return code;
}

static int take_bus(demo_options_t *options)
{
    int code = take_text(&options->bus, "--bus", 64);
    bool is_known = strcmp(optarg, "virtual") == 0 || strcmp(optarg, "slcan") == 0 ||
                    strncmp(optarg, "socketcan:", strlen("socketcan:")) == 0;
    if (code == TOOL_GOOD && !is_known) {
        (void)tool_fail(TOOL_USAGE, "demo",
                        "--bus '%s': virtual, slcan or socketcan:INTERFACE is needed", optarg);
        return tool_usage_hint("demo");
    }
    return code;
}

static int take_option(demo_options_t *options, int option)
{
    int64_t port = 0;
    int code = TOOL_GOOD;
    switch (option) {
    case OPTION_ONCE:
        options->once = true;
        return code;
    case OPTION_KEEP:
        options->keep = true;
        return code;
    case OPTION_CSMS:
        return take_csms(options);
    case OPTION_ID:
        return take_text(&options->id, "--id", 48);
    case OPTION_TAG:
        return take_text(&options->tag, "--tag", 20);
    case OPTION_STATE:
        return take_text(&options->state, "--state", DEMO_PATH_BYTES - 1);
    case OPTION_BUS:
        return take_bus(options);
    case OPTION_HTTP:
        return take_http(options, optarg);
    case OPTION_PORT:
        code = tool_number("demo", "--csms-port", optarg, (const int64_t[2]){0, UINT16_MAX}, &port);
        options->csms_port = (uint16_t)port;
        return code;
    case OPTION_SECONDS:
        return tool_number("demo", "--seconds", optarg, (const int64_t[2]){1, 3600},
                           &options->seconds);
    default:
        return tool_usage_hint("demo");
    }
}

/// -1 to go on, else the exit status.
static int read_options(demo_options_t *options, int argc, char **argv)
{
    static char name[] = "holdfast demo"; // getopt's messages begin with it
    argv[0] = name;
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            return print_help();
        }
        int code = take_option(options, option);
        if (code != TOOL_GOOD) {
            return code;
        }
    }
    if (optind < argc) {
        (void)tool_fail(TOOL_USAGE, "demo", "unexpected argument '%s'", argv[optind]);
        return tool_usage_hint("demo");
    }
    if (options->csms == NULL && options->tag == NULL) {
        options->tag = DEFAULT_TAG;
    }
    if (options->seconds == 0) {
        static const char kernels_own[] = "socketcan:vcan";
        bool is_virtual = options->bus == NULL || strcmp(options->bus, "virtual") == 0 ||
                          strncmp(options->bus, kernels_own, strlen(kernels_own)) == 0;
        options->seconds = is_virtual ? DEFAULT_SECONDS : PROVING_SECONDS;
    }
    return -1;
}

int verb_demo(int argc, char **argv)
{
    static demo_t demo = {
        .options = {.id = DEFAULT_ID, .http_host = "127.0.0.1", .http_port = 8080}};
    int code = read_options(&demo.options, argc, argv);
    return code >= 0 ? code : demo_play(&demo);
}
