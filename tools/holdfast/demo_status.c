// SPDX-License-Identifier: MIT
// What the charger says of itself: a small HTTP GET, and the few fields of /api/status that the demo follows.
#include "demo.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define GET_TIMEOUT_US 500000
#define ANSWER_BYTES   32768u

static int resolve(const char *host, uint16_t port, int flags, struct addrinfo **out)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    return getaddrinfo(host, service, &hints, out) == 0 ? HF_OK : HF_E_UNREACHABLE;
}

static int connect_to(const char *host, uint16_t port)
{
    struct addrinfo *found;
    if (resolve(host, port, 0, &found) != HF_OK) {
        return -1;
    }
    const struct timeval limit = {.tv_usec = GET_TIMEOUT_US};
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int exchange(int fd, const char *request, char *answer)
{
    size_t length = strlen(request);
    if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) {
        return HF_E_CLOSED;
    }
    size_t got = 0;
    while (got < ANSWER_BYTES - 1) {
        ssize_t part = recv(fd, answer + got, ANSWER_BYTES - 1 - got, 0);
        if (part < 0) {
            return errno == EAGAIN ? HF_E_TIMEOUT : HF_E_CLOSED;
        }
        if (part == 0) {
            answer[got] = '\0';
            return HF_OK;
        }
        got += (size_t)part;
    }
    return HF_E_TOO_LONG;
}

int demo_http_get(const char *host, uint16_t port, const char *path, hf_builder_t *out)
{
    char request[256];
    int length =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.0\r\nHost: %s:%u\r\nConnection: close\r\n\r\n", path, host, port);
    if (length < 0 || (size_t)length >= sizeof request) {
        return HF_E_TOO_LONG;
    }
    int fd = connect_to(host, port);
    if (fd < 0) {
        return HF_E_UNREACHABLE;
    }
    char answer[ANSWER_BYTES];
    int status = exchange(fd, request, answer);
    (void)close(fd);
    if (status != HF_OK) {
        return status;
    }
    const char *body = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, "HTTP/1.", 7) != 0 || strncmp(answer + 8, " 200", 4) != 0 || body == NULL) {
        return HF_E_PROTOCOL;
    }
    hf_builder_text(out, body + 4);
    return out->overflow ? HF_E_TOO_LONG : HF_OK;
}

static void copy_text(hf_json_t object, const char *name, char *out, size_t capacity)
{
    if (hf_json_string(hf_json_member(object, name), out, capacity) != HF_OK) {
        out[0] = '\0';
    }
}

static int64_t whole_number(hf_json_t object, const char *name)
{
    int64_t value = 0;
    return hf_json_fixed(hf_json_member(object, name), 0, &value) == HF_OK ? value : 0;
}

void demo_view_update(demo_view_t *view, const char *host, uint16_t port)
{
    char text[ANSWER_BYTES];
    hf_builder_t body;
    hf_builder_init(&body, text, sizeof text);
    hf_json_t root;
    if (demo_http_get(host, port, "/api/status", &body) != HF_OK ||
        hf_json_parse(body.text, body.length, &root) != HF_OK) {
        return;
    }
    hf_json_t connector = hf_json_element(hf_json_member(root, "connectors"), 0);
    hf_json_t session = hf_json_member(root, "last_session");
    copy_text(root, "link", view->link, sizeof view->link);
    copy_text(root, "link_error", view->link_error, sizeof view->link_error);
    copy_text(root, "registration", view->registration, sizeof view->registration);
    copy_text(connector, "state", view->state, sizeof view->state);
    copy_text(session, "reason", view->reason, sizeof view->reason);
    view->power_W = whole_number(connector, "power_W");
    view->energy_Wh = whole_number(session, "energy_Wh");
    view->sessions_ended = whole_number(root, "sessions_ended");
    view->queue = whole_number(root, "queue");
    view->is_known = true;
}

int demo_port_probe(const char *host, uint16_t *port)
{
    struct addrinfo *found;
    if (resolve(host, *port, AI_PASSIVE, &found) != HF_OK) {
        return HF_E_UNREACHABLE;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    int status = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0
                     ? HF_OK
                     : HF_E_STATE;
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char service[8] = "";
    if (status == HF_OK && getsockname(fd, (struct sockaddr *)&bound, &length) == 0 &&
        getnameinfo((const struct sockaddr *)&bound, length, NULL, 0, service, sizeof service,
                    NI_NUMERICSERV) == 0) {
        unsigned number = 0;
        *port = sscanf(service, "%u", &number) == 1 ? (uint16_t)number : *port;
    }
    (void)close(fd);
    freeaddrinfo(found);
    return status;
}
