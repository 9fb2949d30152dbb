// SPDX-License-Identifier: MIT
// holdfast csms: the central system's core behind a WebSocket server (libwebsockets). Script lines on stdin, one JSON event
// a line on stdout. The server speaks ocpp1.6 only; the last segment of the path is the station's id.
#include "csms/csms.h"
#include "holdfast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VERB           "csms"
#define TICK_US        20000
#define MESSAGE_BYTES  65536u
#define OUTGOING_MAX   32u
#define LINE_BYTES     2048u
#define PORT_MAX       65535
#define CLOSE_REPLACED 1008

/// One connection. libwebsockets gives it zeroed.
typedef struct connection {
    struct lws *wsi;
    int station; // at the core; negative: refused
    char id[CSMS_ID_BYTES];
    char *incoming; // a message under way
    size_t incoming_length;
    struct {
        unsigned char *bytes; // LWS_PRE before the text
        size_t length;
    } outgoing[OUTGOING_MAX];
    unsigned head, tail;
    bool closing;
} connection_t;

typedef struct server {
    csms_t csms;
    struct lws_context *context;
    connection_t *connection[CSMS_STATIONS_MAX];
    lws_sorted_usec_list_t timer;
    char line[LINE_BYTES];
    size_t line_length;
    uint64_t wait_until_us; // script pause
    bool stdin_open, quit;
} server_t;

static server_t the_server; // static: the ledger is too large for a stack
static volatile sig_atomic_t signalled;

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static void on_signal(int number)
{
    signalled = number;
}

// ---- the core's seams ----

static void send_text(void *ctx, unsigned station, const char *text, size_t length)
{
    server_t *server = ctx;
    connection_t *to = server->connection[station];
    if (to == NULL || to->closing) {
        return;
    }
    unsigned char *bytes = to->head - to->tail < OUTGOING_MAX ? malloc(LWS_PRE + length) : NULL;
    if (bytes == NULL) { // a station that does not read
        to->closing = true;
        lws_callback_on_writable(to->wsi);
        return;
    }
    memcpy(bytes + LWS_PRE, text, length);
    to->outgoing[to->head % OUTGOING_MAX].bytes = bytes;
    to->outgoing[to->head % OUTGOING_MAX].length = length;
    to->head++;
    lws_callback_on_writable(to->wsi);
}

static void print_event(void *ctx, const char *json)
{
    (void)ctx;
    (void)puts(json);
    (void)fflush(stdout);
}

// ---- connections ----

/// The last segment of the path: letters, digits and . _ : - only, so that an id is the same everywhere.
static int read_station_id(struct lws *wsi, char id[CSMS_ID_BYTES])
{
    char path[256];
    int length = lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    const char *slash = length > 0 ? strrchr(path, '/') : NULL;
    if (slash == NULL || slash[1] == '\0' || strlen(slash + 1) >= CSMS_ID_BYTES) {
        return HF_E_FORMAT;
    }
    for (const char *c = slash + 1; *c != '\0'; c++) {
        if (strchr("._:-", *c) == NULL &&
            !((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))) {
            return HF_E_FORMAT;
        }
    }
    memcpy(id, slash + 1, strlen(slash + 1) + 1);
    return HF_OK;
}

static int open_connection(server_t *server, connection_t *connection, struct lws *wsi)
{
    *connection = (connection_t){.wsi = wsi, .station = -1};
    if (read_station_id(wsi, connection->id) != HF_OK) {
        return -1;
    }
    int station = csms_connect(&server->csms, connection->id, now_us());
    connection->incoming = malloc(MESSAGE_BYTES);
    if (station < 0 || connection->incoming == NULL) {
        return -1;
    }
    connection_t *old = server->connection[station];
    if (old != NULL) { // the station came back before its old connection was seen to die
        old->station = -1;
        old->closing = true;
        lws_close_reason(old->wsi, CLOSE_REPLACED, NULL, 0);
        lws_callback_on_writable(old->wsi);
    }
    connection->station = station;
    server->connection[station] = connection;
    return 0;
}

static void close_connection(server_t *server, connection_t *connection)
{
    if (connection->station >= 0 && server->connection[connection->station] == connection) {
        server->connection[connection->station] = NULL;
        csms_disconnect(&server->csms, (unsigned)connection->station, now_us());
    }
    for (; connection->tail != connection->head; connection->tail++) {
        free(connection->outgoing[connection->tail % OUTGOING_MAX].bytes);
    }
    free(connection->incoming);
    connection->incoming = NULL;
}

static int receive(server_t *server, connection_t *connection, const void *bytes, size_t length)
{
    if (connection->incoming_length + length > MESSAGE_BYTES ||
        lws_frame_is_binary(connection->wsi)) {
        return -1;
    }
    memcpy(connection->incoming + connection->incoming_length, bytes, length);
    connection->incoming_length += length;
    if (lws_is_final_fragment(connection->wsi) &&
        lws_remaining_packet_payload(connection->wsi) == 0) {
        size_t whole = connection->incoming_length;
        connection->incoming_length = 0;
        if (connection->station >= 0) {
            csms_receive(&server->csms, (unsigned)connection->station, connection->incoming, whole,
                         now_us());
        }
    }
    return 0;
}

static int write_next(connection_t *connection)
{
    if (connection->closing) {
        return -1;
    }
    if (connection->tail == connection->head) {
        return 0;
    }
    unsigned slot = connection->tail++ % OUTGOING_MAX;
    int written = lws_write(connection->wsi, connection->outgoing[slot].bytes + LWS_PRE,
                            connection->outgoing[slot].length, LWS_WRITE_TEXT);
    bool whole = written >= (int)connection->outgoing[slot].length;
    free(connection->outgoing[slot].bytes);
    if (connection->tail != connection->head) {
        lws_callback_on_writable(connection->wsi);
    }
    return whole ? 0 : -1;
}

static int on_ocpp(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t length)
{
    server_t *server = lws_context_user(lws_get_context(wsi));
    char id[CSMS_ID_BYTES];
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) == 0 ||
               read_station_id(wsi, id) != HF_OK;
    case LWS_CALLBACK_ESTABLISHED:
        return open_connection(server, user, wsi);
    case LWS_CALLBACK_RECEIVE:
        return receive(server, user, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_next(user);
    case LWS_CALLBACK_CLOSED:
        close_connection(server, user);
        return 0;
    default:
        return 0;
    }
}

// ---- script ----

static void print_ledger(server_t *server)
{
    static const char *const kinds[] = {"start", "stop", "meter"};
    const csms_t *csms = &server->csms;
    for (uint32_t i = 0; i < csms->entries; i++) {
        const csms_entry_t *entry = &csms->ledger[i];
        printf("{\"event\":\"entry\",\"station\":\"%s\",\"kind\":\"%s\",\"id\":\"%s\","
               "\"connector\":%u,\"transactionId\":%d,\"meter_Wh\":%lld,\"duplicates\":%u,"
               "\"conflicts\":%u,\"reason\":\"%s\"}\n",
               csms->station[entry->station].id, kinds[entry->kind], entry->message_id,
               entry->connector, (int)entry->transaction_id, (long long)entry->meter_Wh,
               entry->duplicates, entry->conflicts, entry->reason);
    }
    for (unsigned s = 0; s < csms->stations; s++) {
        uint32_t conflicts = 0;
        for (uint32_t i = 0; i < csms->entries; i++) {
            conflicts += csms->ledger[i].station == s ? csms->ledger[i].conflicts : 0u;
        }
        printf("{\"event\":\"ledger\",\"station\":\"%s\",\"starts\":%u,\"stops\":%u,\"meters\":%u,"
               "\"conflicts\":%u,\"invalid\":%u,\"lost\":%u}\n",
               csms->station[s].id, (unsigned)csms_count(csms, s, CSMS_LEDGER_START),
               (unsigned)csms_count(csms, s, CSMS_LEDGER_STOP),
               (unsigned)csms_count(csms, s, CSMS_LEDGER_METER), (unsigned)conflicts,
               (unsigned)csms->station[s].invalid, (unsigned)csms->entries_lost);
    }
    (void)fflush(stdout);
}

static int drop_station(server_t *server, const char *id)
{
    for (unsigned s = 0; s < server->csms.stations; s++) {
        if (strcmp(server->csms.station[s].id, id) == 0 && server->connection[s] != NULL) {
            server->connection[s]->closing = true;
            lws_callback_on_writable(server->connection[s]->wsi);
            return HF_OK;
        }
    }
    return HF_E_NOT_FOUND;
}

static void tell_refused(const char *line, const char *why)
{
    char text[6u * LINE_BYTES + 200]; // every character escaped
    hf_builder_t out;
    hf_json_writer_t json;
    hf_builder_init(&out, text, sizeof text);
    hf_json_writer_init(&json, &out);
    hf_json_begin_object(&json);
    hf_json_string_field(&json, "event", "error");
    hf_json_string_field(&json, "line", line);
    hf_json_string_field(&json, "text", why);
    hf_json_end_object(&json);
    print_event(NULL, text);
    (void)fprintf(stderr, "holdfast csms: '%s': %s\n", line, why);
}

static void run_line(server_t *server, const char *line)
{
    int64_t seconds = 0;
    int status = HF_OK;
    if (strcmp(line, "quit") == 0) {
        server->quit = true;
    } else if (strcmp(line, "ledger") == 0) {
        print_ledger(server);
    } else if (strncmp(line, "wait ", 5) == 0) {
        hf_slice_t number = {.text = line + 5, .length = strlen(line + 5)};
        status = hf_slice_to_i64(number, &seconds);
        if (status == HF_OK && (seconds < 0 || seconds > 86400)) {
            status = HF_E_RANGE;
        }
        server->wait_until_us = now_us() + (status == HF_OK ? (uint64_t)seconds * 1000000u : 0);
    } else if (strncmp(line, "disconnect ", 11) == 0) {
        status = drop_station(server, line + 11);
    } else {
        status = csms_command(&server->csms, line, now_us());
    }
    if (status != HF_OK) {
        tell_refused(line, hf_status_text(status));
    }
}

static void run_lines(server_t *server)
{
    char *end;
    while (now_us() >= server->wait_until_us &&
           (end = memchr(server->line, '\n', server->line_length)) != NULL) {
        char line[LINE_BYTES];
        size_t length = (size_t)(end - server->line);
        memcpy(line, server->line, length);
        line[length] = '\0';
        server->line_length -= length + 1;
        memmove(server->line, end + 1, server->line_length);
        run_line(server, line);
    }
}

static void read_script(server_t *server)
{
    while (server->stdin_open && server->line_length < LINE_BYTES) {
        ssize_t got = read(STDIN_FILENO, server->line + server->line_length,
                           LINE_BYTES - server->line_length);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            server->stdin_open = false; // the server goes on
        }
        if (got <= 0) {
            break;
        }
        server->line_length += (size_t)got;
    }
    run_lines(server);
    if (server->line_length == LINE_BYTES && memchr(server->line, '\n', LINE_BYTES) == NULL) {
        (void)fprintf(stderr, "holdfast csms: line too long, dropped\n");
        server->line_length = 0;
    }
}

static void on_tick(lws_sorted_usec_list_t *timer)
{
    server_t *server = lws_container_of(timer, server_t, timer);
    read_script(server);
    csms_poll(&server->csms, now_us());
    lws_sul_schedule(server->context, 0, timer, on_tick, TICK_US);
}

// ---- the verb ----

typedef struct arguments {
    const char *host;
    int64_t port;
} arguments_t;

static void print_help(void)
{
    printf(
        "Usage: holdfast csms [OPTION]...\n"
        "A small central system, OCPP 1.6J: stations connect to ws://HOST:PORT/<any path>/ID.\n"
        "Events are printed one JSON object a line; script lines are read from stdin.\n\n"
        "  --host ADDRESS  IPv4 address to listen on (127.0.0.1); 0.0.0.0 for all\n"
        "  --port N        port, 0 for any free one (9000)\n"
        "  --jsonl         accepted and without effect: events are always JSON lines\n"
        "  --help          this text\n\n"
        "Script: remote-start STATION CONNECTOR TAG; remote-stop STATION [TRANSACTION];\n"
        "trigger STATION MESSAGE [CONNECTOR]; reset STATION Soft|Hard; availability STATION\n"
        "CONNECTOR Operative|Inoperative; unlock STATION CONNECTOR; get-config STATION [KEY];\n"
        "set-config STATION KEY VALUE; clear-cache STATION; call STATION ACTION JSON;\n"
        "raw STATION TEXT; mood silent|callerror|boot-pending|boot-rejected|block-tags on|off;\n"
        "wait SECONDS; disconnect STATION; ledger; quit.\n\n"
        "Exit status: 0 ended by quit or a signal, 2 wrong option, 3 the address cannot be had.\n");
}

/// -1 to go on, else the exit status.
static int read_arguments(arguments_t *arguments, int argc, char **argv)
{
    static const int64_t ports[2] = {0, PORT_MAX};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return TOOL_GOOD;
        }
        if (strcmp(argv[i], "--jsonl") == 0) {
            continue;
        }
        bool is_host = strcmp(argv[i], "--host") == 0;
        if ((!is_host && strcmp(argv[i], "--port") != 0) || i + 1 >= argc) {
            (void)tool_fail(TOOL_USAGE, VERB, "'%s': no such option, or its value is missing",
                            argv[i]);
            return tool_usage_hint(VERB);
        }
        i++;
        if (is_host) {
            arguments->host = argv[i];
        } else if (tool_number(VERB, "--port", argv[i], ports, &arguments->port) != TOOL_GOOD) {
            return TOOL_USAGE;
        }
    }
    return -1;
}

/// Tries the address alone: libwebsockets listens everywhere when the address given is none of this machine's.
static int try_address(const arguments_t *arguments)
{
    static const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)arguments->port)};
    if (inet_pton(AF_INET, arguments->host, &address.sin_addr) != 1) {
        (void)tool_fail(TOOL_USAGE, VERB, "--host '%s': an IPv4 address is needed",
                        arguments->host);
        return tool_usage_hint(VERB);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good ? -1
                : tool_fail(TOOL_ENVIRONMENT, VERB, "cannot listen on %s:%d: %s", arguments->host,
                            (int)arguments->port, strerror(error));
}

static int start_server(server_t *server, const arguments_t *arguments)
{
    static const struct lws_protocols protocols[] = {
        {"ocpp1.6", on_ocpp, sizeof(connection_t), MESSAGE_BYTES, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0}};
    lws_set_log_level(0, NULL);
    struct lws_context_creation_info info = {0};
    info.iface = arguments->host;
    info.port = (int)arguments->port;
    info.protocols = protocols;
    info.user = server;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    if (strchr(arguments->host, ':') == NULL) { // a kernel without IPv6 serves an IPv4 address too
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    }
    server->context = lws_create_context(&info);
    struct lws_vhost *vhost =
        server->context != NULL ? lws_create_vhost(server->context, &info) : NULL;
    if (vhost == NULL || lws_get_vhost_listen_port(vhost) <= 0) {
        return tool_fail(TOOL_ENVIRONMENT, VERB, "cannot listen on %s:%d", arguments->host,
                         (int)arguments->port);
    }
    printf("{\"event\":\"listening\",\"host\":\"%s\",\"port\":%d}\n", arguments->host,
           lws_get_vhost_listen_port(vhost));
    (void)fflush(stdout);
    return -1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int verb_csms(int argc, char **argv)
{
    arguments_t arguments = {.host = "127.0.0.1", .port = 9000};
    int code = read_arguments(&arguments, argc, argv);
    if (code >= 0) {
        return code;
    }
    server_t *server = &the_server;
    const csms_config_t config = {.send = send_text,
                                  .event = print_event,
                                  .ctx = server,
                                  .utc_ms = (clock_us(CLOCK_REALTIME) - now_us()) / 1000u};
    if (csms_init(&server->csms, &config) != HF_OK) {
        return tool_fail(TOOL_ENVIRONMENT, VERB, "cannot start");
    }
    catch_signals();
    code = try_address(&arguments);
    if (code < 0) {
        code = start_server(server, &arguments);
    }
    if (code < 0) {
        code = TOOL_GOOD;
        server->stdin_open = fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) == 0;
        lws_sul_schedule(server->context, 0, &server->timer, on_tick, TICK_US);
        while (!server->quit && signalled == 0 && lws_service(server->context, 0) >= 0) {
        }
    }
    if (server->context != NULL) {
        lws_sul_schedule(server->context, 0, &server->timer, NULL, LWS_SET_TIMER_USEC_CANCEL);
        lws_context_destroy(server->context);
    }
    return code;
}
