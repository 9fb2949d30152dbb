// SPDX-License-Identifier: MIT
// The two loops as threads. Invariants: control never waits for comms; at the end comms withdraws its orders first, and
// control ticks on until the power is off and the contactor has been let go.
#include "daemon.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COMMS_INTERVAL_MS   20
#define SHUTDOWN_LIMIT_US   (5u * HF_US_PER_S)
#define LAST_TICKS_LIMIT_US (2u * HF_US_PER_S)
#define CONTROL_PRIORITY    60

static void wait_until(uint64_t wake_us)
{
    struct timespec at = {.tv_sec = (time_t)(wake_us / HF_US_PER_S),
                          .tv_nsec = (long)(wake_us % HF_US_PER_S) * 1000L};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

static bool power_is_off(const daemon_t *daemon)
{
    evse_snapshot_t snapshot;
    if (hf_snapshot_read(&daemon->evse.mailbox.snapshot, &snapshot) != HF_OK) {
        return false;
    }
    for (unsigned c = 0; c < snapshot.connectors; c++) {
        if (snapshot.connector[c].phase != EVSE_POWER_OFF) {
            return false;
        }
    }
    return true;
}

static void *control_main(void *ctx)
{
    daemon_t *daemon = ctx;
    uint64_t wake_us = hf_port_now_us();
    uint64_t stop_us = 0;
    for (;;) {
        uint64_t now_us = hf_port_now_us();
        evse_control_loop(&daemon->evse, now_us);
        if (atomic_load(&daemon->control_stops) != 0) {
            stop_us = stop_us == 0 ? now_us : stop_us;
            if (power_is_off(daemon) || now_us - stop_us > LAST_TICKS_LIMIT_US) {
                return NULL;
            }
        }
        wake_us += EVSE_TICK_US;
        if (wake_us + 10u * EVSE_TICK_US < now_us) {
            wake_us = now_us; // was stopped for long: do not catch up tick by tick
        }
        wait_until(wake_us);
    }
}

static void publish_view(daemon_t *daemon, uint64_t now_us)
{
    evse_comms_view(&daemon->evse, now_us, &daemon->view);
    hf_snapshot_write(&daemon->view_snapshot, &daemon->view);
}

static void take_cards(daemon_t *daemon, uint64_t now_us)
{
    unsigned connector = 0;
    char id_tag[EVSE_ID_TAG_BYTES];
    while (evse_io_socket_take_card(&daemon->io, &connector, id_tag) == HF_OK) {
        int status = evse_ocpp_present_tag(&daemon->evse.ocpp, connector, id_tag, now_us);
        HF_LOGI(&daemon->comms_log.log, now_us, SESSION, "connector %u: card presented: %s",
                connector + 1, hf_status_text(status));
    }
}

static void wait_for_bytes(daemon_t *daemon)
{
    struct pollfd fd = {.fd = evse_stream_tcp_fd(&daemon->stream), .events = POLLIN};
    (void)poll(&fd, fd.fd >= 0 ? 1 : 0, COMMS_INTERVAL_MS);
    if (fd.fd >= 0 && (fd.revents & (POLLERR | POLLHUP)) != 0) {
        // A dead socket would make poll() return at once for ever: the link notices in its own poll.
        (void)poll(NULL, 0, COMMS_INTERVAL_MS);
    }
}

static void *comms_main(void *ctx)
{
    daemon_t *daemon = ctx;
    uint64_t end_us = 0;
    for (;;) {
        uint64_t now_us = hf_port_now_us();
        take_cards(daemon, now_us);
        evse_comms_loop(&daemon->evse, now_us);
        publish_view(daemon, now_us);
        if (atomic_load(&daemon->end) != DAEMON_RUNS) {
            end_us = end_us == 0 ? now_us : end_us;
            // After a Reset everything is ended and durable already, and its own reason is recorded.
            bool done = atomic_load(&daemon->end) == DAEMON_RESTARTS ||
                        evse_ocpp_shutdown(&daemon->evse.ocpp, EVSE_STOP_Reboot, now_us);
            if (done || now_us - end_us > SHUTDOWN_LIMIT_US) {
                daemon->config.ocpp.link.ops->close(daemon->config.ocpp.link.ctx, now_us);
                (void)daemon->config.ocpp.link.ops->poll(daemon->config.ocpp.link.ctx, now_us);
                atomic_store(&daemon->comms_ended, 1);
                return NULL;
            }
        }
        wait_for_bytes(daemon);
    }
}

static int start_control(daemon_t *daemon)
{
    pthread_attr_t attributes;
    struct sched_param priority = {.sched_priority = CONTROL_PRIORITY};
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    (void)pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    (void)pthread_attr_setschedparam(&attributes, &priority);
    int error = pthread_create(&daemon->control_thread, &attributes, control_main, daemon);
    (void)pthread_attr_destroy(&attributes);
    if (error == EPERM) {
        (void)fprintf(stderr, "holdfastd: no real-time priority for the control loop "
                              "(CAP_SYS_NICE): ticks may come late under load\n");
        error = pthread_create(&daemon->control_thread, NULL, control_main, daemon);
    }
    return error;
}

int daemon_start(daemon_t *daemon)
{
    int error = start_control(daemon);
    if (error == 0) {
        error = pthread_create(&daemon->comms_thread, NULL, comms_main, daemon);
    }
    if (error != 0) {
        (void)fprintf(stderr, "holdfastd: cannot start a thread: %s\n", strerror(error));
        return EXIT_OS;
    }
    return -1;
}

void daemon_stop(daemon_t *daemon)
{
    const struct timespec pause = {.tv_nsec = 20000000L};
    while (atomic_load(&daemon->comms_ended) == 0) {
        daemon_drain_logs(daemon);
        (void)nanosleep(&pause, NULL);
    }
    (void)pthread_join(daemon->comms_thread, NULL);
    atomic_store(&daemon->control_stops, 1);
    (void)pthread_join(daemon->control_thread, NULL);
#if CONFIG_HOLDFASTD_STATUS_PAGE
    status_page_close(daemon->page);
#endif
    hf_flash_file_close(&daemon->flash);
}
