// SPDX-License-Identifier: MIT
// The server: who is connected and for how long at most, which route a request takes, who may change something, and jobs
// that requests wait for. Everything runs in the portal's thread, libmicrohttpd's callbacks too: nothing here is shared.
#include "portal_private.h"

#include "hf_port_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_LIMIT_S 10u // of libmicrohttpd: nothing moves at all
#define HEADERS_LIMIT_S                                                                            \
    10u // until a request is there, from the connection's start or the answer before
#define CROWDED_LIMIT_S   1u // ... when places are short
#define CROWDED           (PORTAL_CONNECTIONS * 3u / 4u)
#define REQUEST_LIMIT_S   30u // body, job and answer
#define UPLOAD_LIMIT_S    180u
#define JOB_WAIT_MS       5u
#define DISCARD_BYTES_MAX (1024u * 1024u)
#define LOOPBACK_NET      127u
#define SHED_RETRY_S      "30"
#define WANTS_JSON        "Content-Type has to be application/json"

typedef struct portal_refusal {
    const char *why;
    char retry_s[12]; // of a 429
} portal_refusal_t;

const portal_route_t portal_routes[] = {
    {.url = "/api/status", .method = "GET", .is_open = true, .get = portal_get_status},
    {.url = "/api/health", .method = "GET", .is_open = true, .get = portal_get_health},
    {.url = "/api/health/history", .method = "GET", .get = portal_get_history},
    {.url = "/api/mode", .method = "GET", .get = portal_get_mode},
    {.url = "/api/info", .method = "GET", .get = portal_get_info},
    {.url = "/api/config", .method = "GET", .begin = portal_keys_begin, .end = portal_keys_end},
    {.url = "/api/config",
     .method = "POST",
     .is_change = true,
     .type = "application/json",
     .type_error = WANTS_JSON,
     .bytes_max = PORTAL_CONFIG_BYTES_MAX,
     .begin = portal_change_begin,
     .take = portal_change_take,
     .end = portal_change_end},
    {.url = "/api/firmware",
     .method = "POST",
     .is_change = true,
     .type = "application/octet-stream",
     .type_error = "Content-Type has to be application/octet-stream",
     .bytes_max = PORTAL_FIRMWARE_BYTES_MAX,
     .begin = portal_upload_begin,
     .take = portal_upload_take,
     .end = portal_upload_end,
     .drop = portal_upload_drop},
    {.url = "/api/reboot",
     .method = "POST",
     .is_change = true,
     .type_error = WANTS_JSON,
     .bytes_max = 2,
     .take = portal_reboot_take,
     .end = portal_reboot_end},
};
const size_t portal_route_count = HF_COUNT_OF(portal_routes);

const char *portal_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

void portal_mark(const portal_t *portal, const char *tag)
{
    if (portal->config.seam.mark != NULL) {
        portal->config.seam.mark(portal->config.seam.ctx, tag);
    }
}

const char *portal_closed_reason(const portal_t *portal)
{
    return portal->is_loopback || portal->config.password != NULL
               ? NULL
               : "nothing can be changed here: the portal listens beyond this machine and no "
                 "password is "
                 "set (--portal-password-file)";
}

// ---- connections --------------------------------------------------------------------------------------------------

static portal_connection_t *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void allow(portal_connection_t *place, bool is_busy, uint32_t limit_s)
{
    if (place != NULL) {
        place->is_busy = is_busy;
        place->until_us = hf_port_now_us() + (uint64_t)limit_s * HF_US_PER_S;
    }
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    portal_t *portal = ctx;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        portal_connection_t *place = *context;
        if (place != NULL) {
            place->fd = -1;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; i < PORTAL_CONNECTIONS && info != NULL; i++) {
        if (portal->connection[i].fd < 0) {
            portal->connection[i].fd = info->connect_fd;
            allow(&portal->connection[i], false, HEADERS_LIMIT_S);
            *context = &portal->connection[i];
            return;
        }
    }
}

// Who dribbles its request byte by byte keeps libmicrohttpd's own limit away for ever, but not this one.
static void close_late(portal_t *portal)
{
    uint64_t now_us = hf_port_now_us();
    unsigned used = 0;
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        used += portal->connection[i].fd >= 0 ? 1u : 0u;
    }
    uint64_t less_us =
        used >= CROWDED ? (uint64_t)(HEADERS_LIMIT_S - CROWDED_LIMIT_S) * HF_US_PER_S : 0;
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        portal_connection_t *place = &portal->connection[i];
        uint64_t until_us = place->until_us - (place->is_busy ? 0 : less_us);
        if (place->fd >= 0 && now_us >= until_us) {
            (void)shutdown(place->fd, SHUT_RDWR); // libmicrohttpd sees its end, and closes it
            place->until_us = now_us + HF_US_PER_S;
            place->is_busy = true;
        }
    }
}

// ---- requests -----------------------------------------------------------------------------------------------------

static portal_request_t *take_request(portal_t *portal)
{
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        if (portal->request[i].route == NULL) {
            return &portal->request[i];
        }
    }
    return NULL;
}

static void free_request(portal_request_t *request)
{
    portal_t *portal = request->portal;
    const portal_seam_t *seam = &portal->config.seam;
    if (request->ticket >= 0 && request->phase == PORTAL_ASKED) {
        seam->job_drop(seam->ctx, request->ticket);
    }
    if (request->body != NULL) {
        (void)!hf_pool_give(&portal->buffers, request->body);
    }
    request->body = NULL;
    request->route = NULL;
}

static const char *refusal_text(unsigned code)
{
    switch (code) {
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "busy, try again";
    case MHD_HTTP_BAD_REQUEST:
        return "a digest is needed: X-Digest-SHA256 with 64 hexadecimal digits, or Digest with "
               "sha-256 in base64";
    default:
        return "refused";
    }
}

static portal_result_t begin_request(portal_t *portal, struct MHD_Connection *connection,
                                     const portal_route_t *route, void **place)
{
    portal_request_t *request = take_request(portal);
    if (request == NULL) {
        return portal_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "busy, try again");
    }
    uint64_t announced = 0;
    (void)portal_length_read(portal_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH), &announced);
    *request = (portal_request_t){.portal = portal,
                                  .route = route,
                                  .connection = connection,
                                  .ticket = -1,
                                  .announced = announced};
    unsigned refusal = route->begin != NULL ? route->begin(request) : 0;
    if (refusal != 0) {
        free_request(request);
        return portal_refuse(connection, refusal, refusal_text(refusal));
    }
    *place = request;
    return MHD_YES;
}

/// IPv4, as it comes; 0: not known.
static uint32_t address_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_in address = {0};
    if (info != NULL && info->client_addr != NULL && info->client_addr->sa_family == AF_INET) {
        memcpy(&address, info->client_addr, sizeof address);
    }
    return address.sin_addr.s_addr;
}

/// Who gives no password is asked for it, whoever else is guessing; no browser begins with one.
static unsigned judge_password(portal_t *portal, struct MHD_Connection *connection,
                               portal_refusal_t *refusal)
{
    const char *given = portal_header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    uint32_t address = address_of(connection);
    uint64_t now_us = hf_port_now_us();
    uint32_t wait_s = given != NULL ? portal_guess_wait_s(&portal->guess, address, now_us) : 0;
    if (wait_s > 0) {
        (void)snprintf(refusal->retry_s, sizeof refusal->retry_s, "%u", (unsigned)wait_s);
        refusal->why = "too many wrong passwords, try again later";
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    bool is_right = portal_password_is(given, portal->config.password);
    if (given != NULL) {
        portal_guess_note(&portal->guess, address, is_right, now_us);
    }
    refusal->why = "the password is needed";
    return is_right ? 0 : MHD_HTTP_UNAUTHORIZED;
}

// Who may change something. 0, or the status of the refusal.
static unsigned judge(portal_t *portal, struct MHD_Connection *connection,
                      portal_refusal_t *refusal)
{
    const char *host = portal_header(connection, MHD_HTTP_HEADER_HOST);
    refusal->why = portal_closed_reason(portal);
    if (refusal->why != NULL) {
        return MHD_HTTP_FORBIDDEN;
    }
    if (!portal_host_is_good(host, portal->own_name)) {
        refusal->why = "the Host header names neither an address nor this machine";
        return MHD_HTTP_FORBIDDEN;
    }
    if (!portal_origin_is_same(portal_header(connection, MHD_HTTP_HEADER_ORIGIN), host)) {
        refusal->why = "another site's page asks for this";
        return MHD_HTTP_FORBIDDEN;
    }
    return portal->config.password != NULL ? judge_password(portal, connection, refusal) : 0;
}

// What the headers say of the body. 0, or the status of the refusal.
static unsigned judge_body(const portal_route_t *route, struct MHD_Connection *connection,
                           portal_refusal_t *refusal)
{
    const char *type = portal_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *length = portal_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t bytes = 0;
    if (length != NULL && !portal_length_read(length, &bytes)) {
        refusal->why = "Content-Length is no number";
        return MHD_HTTP_BAD_REQUEST;
    }
    bool is_empty = bytes == 0 && portal_header(connection, "Transfer-Encoding") == NULL;
    bool is_wanted = route->type != NULL ? portal_type_is(type, route->type)
                     : type != NULL      ? portal_type_is(type, "application/json")
                                         : is_empty;
    if (!is_wanted) {
        refusal->why = route->type_error;
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (bytes > route->bytes_max) {
        refusal->why = "the body is too long";
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    return 0;
}

static bool is_method(const portal_route_t *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 && strcmp(route->method, "GET") == 0);
}

static const portal_route_t *find_route(const char *url, const char *method, const char **allowed)
{
    *allowed = NULL;
    for (size_t i = 0; i < portal_route_count; i++) {
        const portal_route_t *route = &portal_routes[i];
        if (strcmp(route->url, url) != 0) {
            continue;
        }
        if (is_method(route, method)) {
            return route;
        }
        bool is_get = strcmp(route->method, "GET") == 0;
        *allowed = *allowed != NULL ? "GET, HEAD, POST" : is_get ? "GET, HEAD" : "POST";
    }
    return NULL;
}

static bool is_shedding(const portal_t *portal)
{
    const portal_seam_t *seam = &portal->config.seam;
    return seam->is_shedding != NULL && seam->is_shedding(seam->ctx);
}

static portal_result_t refuse_shed(struct MHD_Connection *connection)
{
    return portal_refuse_until(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                               "only what is needed for charging is done now", SHED_RETRY_S);
}

/// A path with a NUL in it stays as it was sent: decoded it would end there, and be another one.
static size_t decode(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strstr(text, "%00") != NULL ? strlen(text) : MHD_http_unescape(text);
}

static portal_result_t begin(portal_t *portal, struct MHD_Connection *connection, const char *url,
                             const char *method, void **place)
{
    const char *allowed;
    portal_refusal_t refusal = {0};
    const portal_asset_t *file = portal_file(url);
    if (file != NULL) {
        bool is_get =
            strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
        return !is_get               ? portal_refuse_method(connection, "GET, HEAD")
               : is_shedding(portal) ? refuse_shed(connection)
                                     : portal_send_file(portal, connection, file);
    }
    const portal_route_t *route = find_route(url, method, &allowed);
    if (route == NULL) {
        return allowed != NULL ? portal_refuse_method(connection, allowed)
                               : portal_refuse(connection, MHD_HTTP_NOT_FOUND,
                                               "not here: try / or /api/status");
    }
    if (!route->is_open && is_shedding(portal)) {
        return refuse_shed(connection);
    }
    unsigned code = route->is_change ? judge(portal, connection, &refusal) : 0;
    code = code == 0 && route->is_change ? judge_body(route, connection, &refusal) : code;
    if (code != 0) {
        return portal_refuse_until(connection, code, refusal.why, refusal.retry_s);
    }
    return route->get != NULL ? route->get(portal, connection)
                              : begin_request(portal, connection, route, place);
}

static portal_result_t take_body(portal_request_t *request, const char *data, size_t length)
{
    if (request->refusal == 0 && request->route->take != NULL) {
        request->route->take(request, data, length);
        return MHD_YES;
    }
    request->discarded += length; // the refusal is told at its end, if it has one
    return request->discarded > DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
}

static portal_result_t on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **place)
{
    (void)version;
    portal_t *portal = ctx;
    portal_request_t *request = *place;
    if (request == NULL) {
        allow(connection_of(connection), true,
              strcmp(url, "/api/firmware") == 0 ? UPLOAD_LIMIT_S : REQUEST_LIMIT_S);
        return begin(portal, connection, url, method, place);
    }
    if (*upload_size != 0) {
        size_t length = *upload_size;
        *upload_size = 0;
        return take_body(request, upload, length);
    }
    return request->phase == PORTAL_ASKED ? MHD_YES : request->route->end(request);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **place,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    portal_t *portal = ctx;
    portal_request_t *request = *place;
    allow(connection_of(connection), false, HEADERS_LIMIT_S);
    if (request == NULL) {
        return;
    }
    if (request->route->drop != NULL) {
        request->route->drop(request);
    }
    if (request->restarts && portal->config.seam.ask_restart != NULL) {
        (void)!portal->config.seam.ask_restart(
            portal->config.seam.ctx); // ending already: just as well
    }
    free_request(request);
    *place = NULL;
}

// ---- jobs ---------------------------------------------------------------------------------------------------------

int portal_ask(portal_request_t *request, portal_job_t job, const void *data, uint32_t length)
{
    const portal_seam_t *seam = &request->portal->config.seam;
    int ticket =
        seam->job_begin != NULL ? seam->job_begin(seam->ctx, job, data, length) : HF_E_UNSUPPORTED;
    if (ticket < 0) {
        return ticket;
    }
    request->ticket = ticket;
    request->phase = PORTAL_ASKED;
    MHD_suspend_connection(request->connection);
    return HF_OK;
}

static void answered(portal_request_t *request, int status)
{
    request->status = status;
    request->phase = PORTAL_ANSWERED;
    request->ticket = -1;
    MHD_resume_connection(request->connection);
}

static bool read_job(portal_request_t *request)
{
    const portal_seam_t *seam = &request->portal->config.seam;
    char piece[1024];
    int got;
    while ((got = seam->job_read(seam->ctx, request->ticket, piece, sizeof piece)) > 0) {
        hf_builder_slice(&request->text, (hf_slice_t){.text = piece, .length = (size_t)got});
    }
    if (got != HF_E_AGAIN) {
        answered(request, got);
    }
    return got == HF_E_AGAIN;
}

static bool read_jobs(portal_t *portal)
{
    bool waits = false;
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        portal_request_t *request = &portal->request[i];
        if (request->route != NULL && request->phase == PORTAL_ASKED) {
            waits = read_job(request) || waits;
        }
    }
    return waits;
}

// ---- open, poll, close --------------------------------------------------------------------------------------------

static int open_pool(portal_t *portal)
{
    const hf_pool_config_t config = {.name = "portal",
                                     .blocks = portal->storage.blocks,
                                     .meta = portal->storage.meta,
                                     .block_bytes = PORTAL_BUFFER_BYTES,
                                     .count = PORTAL_BUFFERS};
    return hf_pool_init(&portal->buffers, &config);
}

int portal_open(portal_t *portal, const portal_config_t *config)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(config->port)};
    memset(portal->request, 0, sizeof portal->request);
    portal->config = *config;
    portal->guess = (portal_guess_t){0};
    portal->marked = 0;
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        portal->connection[i].fd = -1;
    }
    if (inet_pton(AF_INET, config->host, &address.sin_addr) != 1 || open_pool(portal) != HF_OK) {
        errno = EINVAL;
        return HF_E_ARGUMENT;
    }
    portal->is_loopback = ntohl(address.sin_addr.s_addr) >> 24u == LOOPBACK_NET;
    if (gethostname(portal->own_name, sizeof portal->own_name - 1u) != 0) {
        portal->own_name[0] = '\0';
    }
    errno = 0;
    portal->http = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, config->port, NULL, NULL, on_request, portal,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)PORTAL_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)PORTAL_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_LIMIT_S,
        MHD_OPTION_UNESCAPE_CALLBACK, decode, portal, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        portal, MHD_OPTION_NOTIFY_COMPLETED, on_completed, portal, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (portal->http == NULL) {
        errno = errno != 0 ? errno : EADDRINUSE;
        return HF_E_IO;
    }
    return HF_OK;
}

uint16_t portal_port(const portal_t *portal)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(portal->http, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}

void portal_poll(portal_t *portal, uint32_t wait_ms)
{
    bool waits = read_jobs(portal);
    close_late(portal);
    (void)MHD_run_wait(portal->http, (int32_t)(waits ? JOB_WAIT_MS : wait_ms));
}

void portal_close(portal_t *portal)
{
    for (size_t i = 0; i < PORTAL_CONNECTIONS; i++) {
        portal_request_t *request = &portal->request[i];
        if (request->route != NULL && request->phase == PORTAL_ASKED) {
            portal->config.seam.job_drop(portal->config.seam.ctx, request->ticket);
            answered(request, HF_E_CLOSED); // a suspended connection cannot be closed
        }
    }
    MHD_stop_daemon(portal->http);
    portal->http = NULL;
}
