// SPDX-License-Identifier: MIT
// Drains the logs to stderr: under systemd's journal with its priority prefix, else with the time of day.
#include "daemon.h"

#include "hf_port_linux.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES (HF_LOG_TEXT_BYTES + 128u)

static int journal_priority(unsigned level)
{
    static const int priorities[] = {6, 3, 4, 6, 7, 7};
    return level < HF_COUNT_OF(priorities) ? priorities[level] : 6;
}

static void put_time(hf_builder_t *out, uint64_t line_us)
{
    struct timespec now;
    struct tm local;
    char text[24];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t age_us = line_us != 0 ? hf_port_now_us() - line_us : 0; // 0: before the first round
    uint64_t utc_us = (uint64_t)now.tv_sec * HF_US_PER_S + (uint64_t)now.tv_nsec / 1000u - age_us;
    time_t seconds = (time_t)(utc_us / HF_US_PER_S);
    (void)localtime_r(&seconds, &local);
    (void)snprintf(text, sizeof text, "%02d:%02d:%02d.%03u ", local.tm_hour, local.tm_min,
                   local.tm_sec, (unsigned)(utc_us % HF_US_PER_S / HF_US_PER_MS));
    hf_builder_text(out, text);
}

// In one write, so that lines of several writers do not mix.
static void print_line(const hf_log_line_t *line)
{
    char text[LINE_BYTES], part[64];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    if (getenv("JOURNAL_STREAM") != NULL) {
        (void)snprintf(part, sizeof part, "<%d>", journal_priority(line->level));
        hf_builder_text(&out, part);
    } else {
        put_time(&out, line->time_us);
    }
    (void)snprintf(part, sizeof part, "%-7s %s: ", hf_log_level_text(line->level),
                   hf_log_tag_text(line->tag));
    hf_builder_text(&out, part);
    hf_builder_text(&out, line->text);
    hf_builder_text(&out, line->truncated ? " ..." : "");
    if (line->suppressed != 0) {
        (void)snprintf(part, sizeof part, " (%u lines before it held back)",
                       (unsigned)line->suppressed);
        hf_builder_text(&out, part);
    }
    hf_builder_char(&out, '\n');
    (void)!write(STDERR_FILENO, text, out.length); // nobody is left to be told
}

// A reader that hangs must not take the charge point with it: the ring keeps the newest lines and counts the others.
bool daemon_is_reader_ready(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

/// Puts the line that was printed last into the history. False: its lock is held for too long; the line waits here and the
/// others in the log, which loses none before it is full.
static bool keep(daemon_t *daemon, daemon_log_t *log)
{
#if CONFIG_HOLDFASTD_TRANSFERS
    log->has_kept =
        log->has_kept && daemon_history_put(&daemon->transfer.history, &log->kept) != HF_OK;
#else
    (void)daemon;
    log->has_kept = false;
#endif
    return !log->has_kept;
}

static void drain(daemon_t *daemon, daemon_log_t *log)
{
    while (log->log.ring.slots != NULL && keep(daemon, log) && daemon_is_reader_ready() &&
           hf_log_take(&log->log, &log->kept) == HF_OK) {
        print_line(&log->kept);
        log->has_kept = true;
    }
    uint32_t lost = log->log.ring.slots != NULL ? hf_ring_lost(&log->log.ring) : 0;
    if (lost != log->lost_told && daemon_is_reader_ready()) {
        (void)fprintf(stderr, "warning sys: %u log lines lost\n",
                      (unsigned)(lost - log->lost_told));
        log->lost_told = lost;
    }
}

void daemon_drain_logs(daemon_t *daemon)
{
    drain(daemon, &daemon->control_log);
    drain(daemon, &daemon->comms_log);
    drain(daemon, &daemon->supervisor_log);
    drain(daemon, &daemon->main_log);
#if CONFIG_HOLDFASTD_MQTT
    drain(daemon, &daemon->mqtt_log);
#endif
}
