// SPDX-License-Identifier: MIT
// The TCP stream on loopback: names and numbers, refusals, all addresses in turn, both directions, the end. Waiting is
// done in poll() on what is waited for, and is bounded.
#include "hf_test.h"

#include "evse_stream_tcp.h"
#include "holdfast/hf_clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 5000
#define STEP_MS     5

static evse_stream_tcp_t stream;
static uint64_t now_us;

typedef struct server {
    int listener;
    int peer;
    uint16_t port;
} server_t;

static bool server_listen(server_t *server, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const struct sockaddr *address =
        family == AF_INET ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
    struct sockaddr_storage bound;
    socklen_t bound_length = sizeof bound;
    server->peer = -1;
    server->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, address, length) != 0 ||
        listen(server->listener, 4) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&bound, &bound_length) != 0) {
        return false;
    }
    server->port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                           : ((struct sockaddr_in6 *)&bound)->sin6_port);
    return true;
}

static bool is_ready(int fd, short events, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = events};
    return poll(&wait, 1, timeout_ms) == 1;
}

static bool server_accept(server_t *server)
{
    if (!is_ready(server->listener, POLLIN, PATIENCE_MS)) {
        return false;
    }
    server->peer = accept(server->listener, NULL, NULL);
    return server->peer >= 0;
}

static void server_close(server_t *server)
{
    if (server->peer >= 0) {
        (void)close(server->peer);
    }
    if (server->listener >= 0) {
        (void)close(server->listener);
    }
}

static evse_url_t url_of(const char *host, uint16_t port)
{
    evse_url_t url = {.port = port, .path = "/"};
    (void)snprintf(url.host, sizeof url.host, "%s", host);
    return url;
}

// Polls until it is no longer under way. A socket is waited for; for the resolver's thread there is none, so its time
// goes by in small pieces.
static int finish_opening(void)
{
    int status = HF_E_AGAIN;
    for (int i = 0; i < PATIENCE_MS / STEP_MS && status == HF_E_AGAIN; i++) {
        status = evse_stream_tcp_ops.poll(&stream, now_us);
        if (status == HF_E_AGAIN) {
            int fd = evse_stream_tcp_fd(&stream);
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            (void)poll(&wait, fd >= 0 ? 1 : 0, STEP_MS);
            now_us += STEP_MS * HF_US_PER_MS;
        }
    }
    return status;
}

static int open_to(const char *host, uint16_t port)
{
    evse_url_t url = url_of(host, port);
    int status = evse_stream_tcp_ops.open(&stream, &url, now_us);
    return status == HF_OK ? finish_opening() : status;
}

// A port on which nobody listens: bound by nobody else either, as the socket keeps it.
static uint16_t closed_port(int *keeper)
{
    *keeper = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    CHECK_EQ(bind(*keeper, (const struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(getsockname(*keeper, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static void tcp_numeric_address_carries_bytes_both_ways(void)
{
    server_t server;
    char text[16] = {0};
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    CHECK_EQ(evse_stream_tcp_fd(&stream), -1);
    CHECK_EQ(open_to("127.0.0.1", server.port), HF_OK);
    REQUIRE(server_accept(&server));
    REQUIRE(evse_stream_tcp_fd(&stream) >= 0);

    CHECK_EQ(evse_stream_tcp_ops.read(&stream, text, sizeof text), HF_E_AGAIN);
    CHECK_EQ(evse_stream_tcp_ops.write(&stream, "hello", 5), 5);
    CHECK(is_ready(server.peer, POLLIN, PATIENCE_MS));
    CHECK_EQ(recv(server.peer, text, sizeof text, 0), 5);
    CHECK_STR(text, "hello");
    CHECK_EQ(send(server.peer, "answer", 6, 0), 6);
    CHECK(is_ready(evse_stream_tcp_fd(&stream), POLLIN, PATIENCE_MS));
    CHECK_EQ(evse_stream_tcp_ops.read(&stream, text, sizeof text), 6);
    CHECK_STR(text, "answer");

    (void)close(server.peer);
    server.peer = -1;
    CHECK(is_ready(evse_stream_tcp_fd(&stream), POLLIN, PATIENCE_MS));
    CHECK_EQ(evse_stream_tcp_ops.read(&stream, text, sizeof text), HF_E_CLOSED);
    evse_stream_tcp_ops.close(&stream);
    CHECK_EQ(evse_stream_tcp_fd(&stream), -1);
    CHECK_EQ(evse_stream_tcp_ops.read(&stream, text, sizeof text), HF_E_CLOSED);
    CHECK_EQ(evse_stream_tcp_ops.write(&stream, "x", 1), HF_E_CLOSED);
    CHECK_EQ(evse_stream_tcp_ops.poll(&stream, now_us), HF_E_CLOSED);
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_options_are_set(void)
{
    static const struct {
        int level, name;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_USER_TIMEOUT}, {SOL_SOCKET, SO_KEEPALIVE}};
    server_t server;
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    CHECK_EQ(open_to("127.0.0.1", server.port), HF_OK);
    for (size_t i = 0; i < HF_COUNT_OF(options); i++) {
        int value = 0;
        socklen_t length = sizeof value;
        CHECK_EQ(getsockopt(evse_stream_tcp_fd(&stream), options[i].level, options[i].name, &value,
                            &length),
                 0);
        CHECK(value != 0);
    }
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_name_tries_every_address(void)
{
    // "localhost" is ::1 and 127.0.0.1 in an order of the machine's choice; the server has only one of them.
    server_t server;
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    CHECK_EQ(open_to("localhost", server.port), HF_OK);
    CHECK(server_accept(&server));
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_ipv6_address_connects(void)
{
    server_t server;
    if (!server_listen(&server, AF_INET6)) {
        printf("  no IPv6 here\n");
        server_close(&server);
        return;
    }
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    CHECK_EQ(open_to("::1", server.port), HF_OK);
    CHECK(server_accept(&server));
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_nobody_listening_is_refused(void)
{
    int keeper;
    uint16_t port = closed_port(&keeper);
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    CHECK_EQ(open_to("127.0.0.1", port), HF_E_REFUSED);
    CHECK_EQ(evse_stream_tcp_fd(&stream), -1);
    evse_stream_tcp_ops.close(&stream);
    (void)close(keeper);

    server_t server; // and the same object connects the next time
    REQUIRE(server_listen(&server, AF_INET));
    CHECK_EQ(open_to("127.0.0.1", server.port), HF_OK);
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_name_that_cannot_exist_is_unreachable(void)
{
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    // A label above 63 bytes is refused by the resolver itself: no network is asked.
    CHECK_EQ(
        open_to("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 80),
        HF_E_UNREACHABLE);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_secure_address_is_unsupported(void)
{
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    evse_url_t url = url_of("127.0.0.1", 443);
    url.secure = true;
    CHECK_EQ(evse_stream_tcp_ops.open(&stream, &url, now_us), HF_E_UNSUPPORTED);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_full_queue_times_out(void)
{
    // A listener whose queue is full drops connection requests: the attempt stays under way until its limit.
    server_t server;
    int fillers[64];
    unsigned count = 0;
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    REQUIRE(listen(server.listener, 0) == 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons(server.port)};
    bool full = false;
    while (!full && count < HF_COUNT_OF(fillers)) {
        fillers[count] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[count], (const struct sockaddr *)&address, sizeof address);
        full = !is_ready(fillers[count], POLLOUT, 50);
        count++;
    }
    if (full) {
        evse_url_t url = url_of("127.0.0.1", server.port);
        CHECK_EQ(evse_stream_tcp_ops.open(&stream, &url, now_us), HF_OK);
        int status = HF_E_AGAIN;
        for (int i = 0; i < 1000 && evse_stream_tcp_fd(&stream) < 0 && status == HF_E_AGAIN; i++) {
            (void)poll(NULL, 0, STEP_MS); // the resolver's thread
            status = evse_stream_tcp_ops.poll(&stream, now_us);
        }
        CHECK_EQ(status, HF_E_AGAIN);
        CHECK_EQ(evse_stream_tcp_ops.poll(&stream, now_us + 9 * HF_US_PER_S), HF_E_AGAIN);
        CHECK_EQ(evse_stream_tcp_ops.poll(&stream, now_us + 10 * HF_US_PER_S), HF_E_TIMEOUT);
        CHECK_EQ(evse_stream_tcp_fd(&stream), -1);
    } else {
        printf("  this kernel's queue cannot be filled\n");
    }
    while (count > 0) {
        (void)close(fillers[--count]);
    }
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_close_and_open_while_resolving_works(void)
{
    server_t server;
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    for (int i = 0; i < 50; i++) {
        evse_url_t url = url_of("localhost", 1);
        CHECK_EQ(evse_stream_tcp_ops.open(&stream, &url, now_us), HF_OK);
        evse_stream_tcp_ops.close(&stream);
    }
    CHECK_EQ(open_to("127.0.0.1", server.port), HF_OK); // not what an older lookup found
    CHECK(server_accept(&server));
    server_close(&server);
    evse_stream_tcp_deinit(&stream);
}

static void tcp_peer_that_does_not_read_pushes_back(void)
{
    static uint8_t block[65536];
    server_t server;
    int sent = 1;
    size_t total = 0;
    REQUIRE(evse_stream_tcp_init(&stream, NULL) == HF_OK);
    REQUIRE(server_listen(&server, AF_INET));
    CHECK_EQ(open_to("127.0.0.1", server.port), HF_OK);
    REQUIRE(server_accept(&server));
    while (sent > 0 && total < 100000000) {
        sent = evse_stream_tcp_ops.write(&stream, block, sizeof block);
        total += sent > 0 ? (size_t)sent : 0;
    }
    CHECK_EQ(sent, HF_E_AGAIN);
    server_close(&server); // unread bytes: a reset
    CHECK(is_ready(evse_stream_tcp_fd(&stream), POLLIN, PATIENCE_MS));
    int got = evse_stream_tcp_ops.read(&stream, block, sizeof block);
    CHECK(got == HF_E_CLOSED || got == HF_E_IO);
    evse_stream_tcp_deinit(&stream);
}

HF_TEST_MAIN(HF_TEST(tcp_numeric_address_carries_bytes_both_ways), HF_TEST(tcp_options_are_set),
             HF_TEST(tcp_name_tries_every_address), HF_TEST(tcp_ipv6_address_connects),
             HF_TEST(tcp_nobody_listening_is_refused),
             HF_TEST(tcp_name_that_cannot_exist_is_unreachable),
             HF_TEST(tcp_secure_address_is_unsupported), HF_TEST(tcp_full_queue_times_out),
             HF_TEST(tcp_close_and_open_while_resolving_works),
             HF_TEST(tcp_peer_that_does_not_read_pushes_back))
