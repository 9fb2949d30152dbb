// SPDX-License-Identifier: MIT
// Watchdogs. The notify protocol is a datagram of NAME=VALUE lines (sd_notify(3)); it is small enough to need no library.
#include "daemon_watchdog.h"

#include "evse/evse_timing.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_text.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FEEDS_PER_TIMEOUT 4u

void daemon_watchdog_init(daemon_watchdog_t *watchdog)
{
    *watchdog = (daemon_watchdog_t){.device = -1, .notify = -1};
}

int daemon_watchdog_open_device(daemon_watchdog_t *watchdog, const char *path)
{
    watchdog->device = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (watchdog->device < 0) {
        return HF_E_IO;
    }
    int timeout_s = EVSE_WATCHDOG_TIMEOUT_S;
    watchdog->is_watchdog = ioctl(watchdog->device, WDIOC_SETTIMEOUT, &timeout_s) == 0;
    watchdog->timeout_s = (uint32_t)(timeout_s > 0 ? timeout_s : EVSE_WATCHDOG_TIMEOUT_S);
    watchdog->device_interval_us = watchdog->timeout_s * HF_US_PER_S / FEEDS_PER_TIMEOUT;
    return HF_OK;
}

static int read_number(const char *text, int64_t *number)
{
    hf_slice_t slice = {.text = text, .length = strlen(text)};
    int status = hf_slice_to_i64(slice, number);
    return status == HF_OK && *number <= 0 ? HF_E_FORMAT : status;
}

static int read_interval(daemon_watchdog_t *watchdog,
                         const daemon_notify_environment_t *environment)
{
    int64_t usec = 0, pid = getpid();
    if (environment->watchdog_usec == NULL) {
        return HF_OK;
    }
    if (read_number(environment->watchdog_usec, &usec) != HF_OK ||
        (environment->watchdog_pid != NULL &&
         read_number(environment->watchdog_pid, &pid) != HF_OK)) {
        return HF_E_FORMAT;
    }
    if (pid == getpid()) { // else it is meant for somebody who started us
        watchdog->notify_interval_us = (uint64_t)usec / FEEDS_PER_TIMEOUT;
    }
    return HF_OK;
}

int daemon_watchdog_open_notify(daemon_watchdog_t *watchdog,
                                const daemon_notify_environment_t *environment)
{
    const char *path = environment->socket;
    if (path == NULL) {
        return HF_OK;
    }
    struct sockaddr_un *address = &watchdog->notify_address;
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof address->sun_path) {
        return HF_E_FORMAT;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    watchdog->notify_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (path[0] == '@') {
        address->sun_path[0] = '\0'; // the abstract namespace
    }
    watchdog->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return watchdog->notify < 0 ? HF_E_IO : read_interval(watchdog, environment);
}

void daemon_watchdog_tell(daemon_watchdog_t *watchdog, const char *lines)
{
    if (watchdog->notify >= 0 &&
        sendto(watchdog->notify, lines, strlen(lines), MSG_NOSIGNAL,
               (const struct sockaddr *)&watchdog->notify_address, watchdog->notify_length) < 0) {
        watchdog->failed++;
    }
}

void daemon_watchdog_feed(daemon_watchdog_t *watchdog, uint64_t now_us)
{
    if (watchdog->device >= 0 && now_us >= watchdog->next_device_us) {
        watchdog->next_device_us = now_us + watchdog->device_interval_us;
        watchdog->feeds++;
        watchdog->failed += write(watchdog->device, "k", 1) == 1 ? 0u : 1u; // any byte but 'V'
    }
    if (watchdog->notify_interval_us != 0 && now_us >= watchdog->next_notify_us) {
        watchdog->next_notify_us = now_us + watchdog->notify_interval_us;
        watchdog->feeds++;
        daemon_watchdog_tell(watchdog, "WATCHDOG=1");
    }
}

void daemon_watchdog_close(daemon_watchdog_t *watchdog, bool is_orderly)
{
    if (watchdog->device >= 0) {
        if (is_orderly && write(watchdog->device, "V", 1) != 1) {
            watchdog->failed++;
        }
        (void)close(watchdog->device);
        watchdog->device = -1;
    }
    if (watchdog->notify >= 0) {
        (void)close(watchdog->notify);
        watchdog->notify = -1;
    }
}
