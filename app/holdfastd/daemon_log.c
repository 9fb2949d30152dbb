// SPDX-License-Identifier: MIT
// Drains the two logs to stderr: under systemd's journal with its priority prefix, else with the time of day.
#include "daemon.h"

#include "hf_port_linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int journal_priority(unsigned level)
{
    static const int priorities[] = {6, 3, 4, 6, 7, 7};
    return level < HF_COUNT_OF(priorities) ? priorities[level] : 6;
}

static void print_time(uint64_t line_us)
{
    struct timespec now;
    struct tm local;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t age_us = line_us != 0 ? hf_port_now_us() - line_us : 0; // 0: before the first round
    uint64_t utc_us = (uint64_t)now.tv_sec * HF_US_PER_S + (uint64_t)now.tv_nsec / 1000u - age_us;
    time_t seconds = (time_t)(utc_us / HF_US_PER_S);
    (void)localtime_r(&seconds, &local);
    (void)fprintf(stderr, "%02d:%02d:%02d.%03u ", local.tm_hour, local.tm_min, local.tm_sec,
                  (unsigned)(utc_us % HF_US_PER_S / HF_US_PER_MS));
}

static void print_line(const hf_log_line_t *line)
{
    if (getenv("JOURNAL_STREAM") != NULL) {
        (void)fprintf(stderr, "<%d>", journal_priority(line->level));
    } else {
        print_time(line->time_us);
    }
    (void)fprintf(stderr, "%-7s %s: %s", hf_log_level_text(line->level), hf_log_tag_text(line->tag),
                  line->text);
    if (line->truncated) {
        (void)fputs(" ...", stderr);
    }
    if (line->suppressed != 0) {
        (void)fprintf(stderr, " (%u lines before it held back)", (unsigned)line->suppressed);
    }
    (void)fputc('\n', stderr);
}

static void drain(daemon_log_t *log)
{
    hf_log_line_t line;
    while (log->log.ring.slots != NULL && hf_log_take(&log->log, &line) == HF_OK) {
        print_line(&line);
    }
    uint32_t lost = log->log.ring.slots != NULL ? hf_ring_lost(&log->log.ring) : 0;
    if (lost != log->lost_told) {
        (void)fprintf(stderr, "warning sys: %u log lines lost\n",
                      (unsigned)(lost - log->lost_told));
        log->lost_told = lost;
    }
}

void daemon_drain_logs(daemon_t *daemon)
{
    drain(&daemon->control_log);
    drain(&daemon->comms_log);
    (void)fflush(stderr);
}
