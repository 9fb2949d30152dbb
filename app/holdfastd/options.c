// SPDX-License-Identifier: MIT
// Command line and configuration file of holdfastd: both are names of one table (options_table.c) and values; what needs
// several values is checked at the end (options_check.c).
#include "daemon_tasks.h"
#include "options_private.h"
#if CONFIG_HOLDFASTD_HEAP_GUARD
#include "daemon_heap.h"
#endif
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int options_fail(const char *format, const char *a, const char *b)
{
    (void)fputs("holdfastd: ", stderr);
    (void)fprintf(stderr, format, a, b);
    (void)fputc('\n', stderr);
    return HF_E_ARGUMENT;
}

static const char *complaint(int status)
{
    switch (status) {
    case HF_E_TOO_LONG:
        return "empty or too long";
    case HF_E_FULL:
        return "no more of these are possible";
    case HF_E_STATE:
        return "speaks of the last --can, of which there is none before it";
    default:
        return hf_status_text(status);
    }
}

static int apply(options_t *options, const char *name, const char *value, const char *where)
{
    const setting_t *setting = options_find(name);
    if (setting == NULL) {
        (void)fprintf(stderr, "holdfastd: %s%s: no such setting, see --help\n", where, name);
        return HF_E_NOT_FOUND;
    }
    int status = options_apply(options, setting, value);
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
        return options_fail("%snot NAME = VALUE: '%s'", where, text);
    }
    *equals = '\0';
    return apply(options, trim(text), trim(equals + 1), where);
}

static int read_file(options_t *options, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return options_fail("cannot read '%s': %s", path, strerror(errno));
    }
    char line[2 * OPTIONS_TEXT_MAX];
    int status = HF_OK;
    for (unsigned number = 1; status == HF_OK && fgets(line, sizeof line, file) != NULL; number++) {
        char where[OPTIONS_TEXT_MAX + 16];
        (void)snprintf(where, sizeof where, "%.200s:%u: ", path, number);
        if (strchr(line, '\n') == NULL && !feof(file)) {
            status = options_fail("%s%s", where, "line too long");
        } else {
            status = read_line(options, line, where);
        }
    }
    if (status == HF_OK && ferror(file) != 0) { // half of a configuration is none
        status = options_fail("cannot read '%s': %s", path, strerror(errno));
    }
    (void)fclose(file);
    return status;
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
        (void)options_fail("'%s': no such option, see --help%s", argument, "");
        return EXIT_USAGE;
    }
    bool is_config = strcmp(name, "config") == 0;
    const setting_t *setting = options_find(name);
    bool is_flag = setting != NULL && setting->argument == NULL;
    const char *value = equals != NULL ? equals + 1 : is_flag ? "yes" : argv[*i + 1];
    if ((!is_config && setting == NULL) || value == NULL) {
        (void)options_fail(value == NULL && (is_config || setting != NULL)
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
        options_print_help();
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
        (void)options_fail("'%s': options begin with --, see --help%s", argument, "");
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
    if (options_check(options) != HF_OK) {
        return EXIT_CONFIG;
    }
    if (options->check_only) {
        printf("configuration is good\n");
        return EXIT_GOOD;
    }
    return -1;
}
