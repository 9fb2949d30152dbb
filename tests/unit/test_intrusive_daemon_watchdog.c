// SPDX-License-Identifier: MIT
// The watchdogs of holdfastd against a file in place of the device and a socket in place of systemd's. [SAF-13]
#include "app/holdfastd/daemon_watchdog.c" // NOLINT(bugprone-suspicious-include)

#include "hf_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define START_US (100u * HF_US_PER_S)

typedef struct bench {
    char directory[32], path[64];
    int socket; // systemd's end
    daemon_watchdog_t watchdog;
} bench_t;

static bool open_bench(bench_t *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *bench = (bench_t){.directory = "hf-watchdog-XXXXXX", .socket = -1};
    if (mkdtemp(bench->directory) == NULL) {
        return false;
    }
    daemon_watchdog_init(&bench->watchdog);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", bench->directory);
    (void)snprintf(bench->path, sizeof bench->path, "%s/notify", bench->directory);
    bench->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    return bind(bench->socket, (struct sockaddr *)&address, sizeof address) == 0;
}

static void close_bench(bench_t *bench)
{
    (void)close(bench->socket);
    (void)unlink(bench->path);
    (void)snprintf(bench->path, sizeof bench->path, "%s/device", bench->directory);
    (void)unlink(bench->path);
    (void)rmdir(bench->directory);
}

/// The next datagram; "" when none waits.
static const char *told(const bench_t *bench)
{
    static char text[256];
    ssize_t got = recv(bench->socket, text, sizeof text - 1u, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/// An absolute path, as systemd gives it.
static const char *absolute(const char *path)
{
    static char whole[512];
    char directory[256];
    (void)snprintf(whole, sizeof whole, "%s/%s", getcwd(directory, sizeof directory), path);
    return whole;
}

static void watchdog_systemd_is_fed_at_a_quarter_of_its_time(void)
{
    bench_t bench;
    REQUIRE(open_bench(&bench));
    const daemon_notify_environment_t environment = {.socket = absolute(bench.path),
                                                     .watchdog_usec = "2000000"};
    CHECK_EQ(daemon_watchdog_open_notify(&bench.watchdog, &environment), HF_OK);
    daemon_watchdog_tell(&bench.watchdog, "READY=1");
    CHECK_STR(told(&bench), "READY=1");
    for (unsigned ms = 0; ms <= 1000; ms += 50) {
        daemon_watchdog_feed(&bench.watchdog, START_US + ms * HF_US_PER_MS);
        CHECK_STR(told(&bench), ms % 500 == 0 ? "WATCHDOG=1" : "");
    }
    daemon_watchdog_close(&bench.watchdog, true);
    daemon_watchdog_feed(&bench.watchdog, START_US + HF_US_PER_S * 9u); // nobody there any more
    CHECK_STR(told(&bench), "");
    close_bench(&bench);
}

static void watchdog_of_another_process_is_not_ours(void)
{
    bench_t bench;
    REQUIRE(open_bench(&bench));
    const daemon_notify_environment_t environment = {
        .socket = absolute(bench.path), .watchdog_usec = "2000000", .watchdog_pid = "1"};
    CHECK_EQ(daemon_watchdog_open_notify(&bench.watchdog, &environment), HF_OK);
    daemon_watchdog_feed(&bench.watchdog, START_US);
    CHECK_STR(told(&bench), "");
    daemon_watchdog_tell(&bench.watchdog, "STOPPING=1"); // the socket is
    CHECK_STR(told(&bench), "STOPPING=1");
    daemon_watchdog_close(&bench.watchdog, true);
    close_bench(&bench);
}

static void watchdog_environment_without_sense_is_refused(void)
{
    static const daemon_notify_environment_t wrong[] = {
        {.socket = "relative"},
        {.socket = "@"},
        {.socket = "/x", .watchdog_usec = "soon"},
        {.socket = "/x", .watchdog_usec = "0"},
        {.socket = "/x", .watchdog_usec = "-5"},
        {.socket = "/x", .watchdog_usec = "5", .watchdog_pid = "me"},
    };
    daemon_watchdog_t watchdog;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        daemon_watchdog_init(&watchdog);
        CHECK_EQ(daemon_watchdog_open_notify(&watchdog, &wrong[i]), HF_E_FORMAT);
        daemon_watchdog_close(&watchdog, false);
    }
    const daemon_notify_environment_t none = {.watchdog_usec = "soon"};
    daemon_watchdog_init(&watchdog);
    CHECK_EQ(daemon_watchdog_open_notify(&watchdog, &none), HF_OK); // nobody to tell
    daemon_watchdog_tell(&watchdog, "READY=1");
    CHECK_EQ(watchdog.failed, 0);
}

static void watchdog_systemd_that_is_gone_is_counted_not_waited_for(void)
{
    bench_t bench;
    REQUIRE(open_bench(&bench));
    const daemon_notify_environment_t environment = {.socket = absolute(bench.path),
                                                     .watchdog_usec = "1000"};
    CHECK_EQ(daemon_watchdog_open_notify(&bench.watchdog, &environment), HF_OK);
    for (unsigned i = 0; i < 5000; i++) { // until its queue is full: a feed never blocks
        daemon_watchdog_feed(&bench.watchdog, START_US + i * HF_US_PER_MS);
    }
    CHECK(bench.watchdog.failed > 0);
    CHECK_EQ(bench.watchdog.feeds, 5000);
    daemon_watchdog_close(&bench.watchdog, true);
    close_bench(&bench);
}

static int file_bytes(const char *path, char out[64])
{
    FILE *file = fopen(path, "r");
    size_t got = file != NULL ? fread(out, 1, 63, file) : 0;
    out[got] = '\0';
    return file != NULL ? fclose(file) : -1;
}

static void watchdog_device_is_fed_and_closed_with_its_letter(void)
{
    for (int orderly = 0; orderly < 2; orderly++) {
        bench_t bench;
        char fed[64];
        REQUIRE(open_bench(&bench));
        char path[64];
        (void)snprintf(path, sizeof path, "%s/device", bench.directory);
        CHECK_EQ(daemon_watchdog_open_device(&bench.watchdog, path), HF_E_IO);
        CHECK_EQ(errno, ENOENT);
        FILE *made = fopen(path, "w");
        REQUIRE(made != NULL && fclose(made) == 0);
        REQUIRE(daemon_watchdog_open_device(&bench.watchdog, path) == HF_OK);
        CHECK(!bench.watchdog.is_watchdog); // a file takes no time-out
        CHECK_EQ(errno, ENOTTY);
        CHECK_EQ(bench.watchdog.timeout_s, EVSE_WATCHDOG_TIMEOUT_S);
        uint64_t quarter_us = EVSE_WATCHDOG_TIMEOUT_S * HF_US_PER_S / 4u;
        daemon_watchdog_feed(&bench.watchdog, START_US);
        daemon_watchdog_feed(&bench.watchdog, START_US + quarter_us - 1u);
        daemon_watchdog_feed(&bench.watchdog, START_US + quarter_us);
        daemon_watchdog_close(&bench.watchdog, orderly != 0);
        CHECK_EQ(file_bytes(path, fed), 0);
        CHECK_STR(fed, orderly ? "kkV" : "kk");
        close_bench(&bench);
    }
}

HF_TEST_MAIN(HF_TEST(watchdog_systemd_is_fed_at_a_quarter_of_its_time),
             HF_TEST(watchdog_of_another_process_is_not_ours),
             HF_TEST(watchdog_environment_without_sense_is_refused),
             HF_TEST(watchdog_systemd_that_is_gone_is_counted_not_waited_for),
             HF_TEST(watchdog_device_is_fed_and_closed_with_its_letter))
