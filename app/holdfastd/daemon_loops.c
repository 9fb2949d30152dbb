// SPDX-License-Identifier: MIT
// The loops as threads. Invariants: control never waits for comms; at the end comms withdraws its orders first, and control
// ticks on until the power is off and the contactor has been let go [SAF-14]; an edge of the emergency stop makes a tick
// come sooner, it never moves the next one.
#include "daemon.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COMMS_INTERVAL_MS 20
#define EDGE_PAUSE_US     250u // a peer that never stops talking cannot take the processor

void daemon_wait_until(uint64_t until_us)
{
    struct timespec at = {.tv_sec = (time_t)(until_us / HF_US_PER_S),
                          .tv_nsec = (long)(until_us % HF_US_PER_S) * 1000L};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

static int edge_fd(const daemon_t *daemon)
{
#if CONFIG_HOLDFASTD_GPIO
    if (daemon->io_is_gpio) {
        return evse_io_gpio_fd(&daemon->io.gpio);
    }
#endif
    return evse_io_socket_fd(&daemon->io.socket);
}

static bool look_for_edge(daemon_t *daemon, uint64_t now_us)
{
#if CONFIG_HOLDFASTD_GPIO
    if (daemon->io_is_gpio) {
        return evse_io_gpio_look(&daemon->io.gpio, now_us);
    }
#endif
    return evse_io_socket_look(&daemon->io.socket, now_us);
}

bool daemon_wait_for_edge(daemon_t *daemon, uint64_t until_us)
{
    for (uint64_t now_us = hf_port_now_us(); now_us < until_us; now_us = hf_port_now_us()) {
        uint64_t left_us = until_us - now_us;
        struct pollfd fd = {.fd = edge_fd(daemon), .events = POLLIN | POLLPRI};
        const struct timespec limit = {.tv_sec = (time_t)(left_us / HF_US_PER_S),
                                       .tv_nsec = (long)(left_us % HF_US_PER_S) * 1000L};
        int ready = ppoll(&fd, 1, &limit, NULL); // a negative descriptor is passed over
        if (ready <= 0) {
            continue;
        }
        now_us = hf_port_now_us();
        if ((fd.revents & (POLLIN | POLLPRI)) == 0) {
            daemon_wait_until(until_us); // gone: the next sample sees to it
        } else if (look_for_edge(daemon, now_us)) {
            evse_control_trip(&daemon->evse.control); // the level may be back before the tick
            return true;
        } else {
            uint64_t again_us = now_us + EDGE_PAUSE_US;
            daemon_wait_until(again_us < until_us ? again_us : until_us);
        }
    }
    return false;
}

// [SAF-14] What the tick just wrote, and what the feedback says of it.
static bool is_power_off(const evse_snapshot_t *snapshot)
{
    for (unsigned c = 0; c < snapshot->connectors; c++) {
        if (snapshot->connector[c].phase != EVSE_POWER_OFF ||
            snapshot->connector[c].contactor_closed != 0) {
            return false;
        }
    }
    return true;
}

/// True after the last tick.
static bool tick(daemon_t *daemon, uint64_t wake_us, uint64_t *stop_us)
{
    uint64_t now_us = hf_port_now_us();
    evse_control_loop(&daemon->evse, now_us);
    uint64_t late_us = now_us > wake_us ? now_us - wake_us : 0;
    evse_supervisor_note_tick(&daemon->supervisor, &daemon->evse.control,
                              late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX, now_us);
    daemon_check_in(daemon, TASK_CONTROL, now_us);
    if (atomic_load(&daemon->control_stops) == 0) {
        return false;
    }
    evse_snapshot_t snapshot;
    *stop_us = *stop_us == 0 ? now_us : *stop_us;
    return (hf_snapshot_read(&daemon->evse.mailbox.snapshot, &snapshot) == HF_OK &&
            is_power_off(&snapshot)) ||
           now_us - *stop_us > LAST_TICKS_LIMIT_US;
}

static void *control_main(void *ctx)
{
    daemon_t *daemon = ctx;
    daemon_device_enter_thread();
    uint64_t wake_us = hf_port_now_us();
    uint64_t stop_us = 0;
    while (!tick(daemon, wake_us, &stop_us)) {
        uint64_t now_us = hf_port_now_us();
        wake_us += EVSE_TICK_US;
        if (wake_us + 10u * EVSE_TICK_US < now_us) {
            wake_us = now_us; // was stopped for long: do not catch up tick by tick
        }
        while (daemon_wait_for_edge(daemon, wake_us)) {
            evse_control_loop(&daemon->evse, hf_port_now_us());
        }
    }
    evse_supervisor_rest(&daemon->supervisor, TASK_CONTROL);
    atomic_store(&daemon->control_ended, 1);
    return NULL;
}

static void publish_view(daemon_t *daemon, uint64_t now_us)
{
    evse_comms_view(&daemon->evse, now_us, &daemon->view);
    hf_snapshot_write(&daemon->view_snapshot, &daemon->view);
    atomic_store(&daemon->link_open, daemon->view.link == EVSE_LINK_OPEN ? 1u : 0u);
}

static void take_cards(daemon_t *daemon, uint64_t now_us)
{
    unsigned connector = 0;
    char id_tag[EVSE_ID_TAG_BYTES];
    while (!daemon->io_is_gpio &&
           evse_io_socket_take_card(&daemon->io.socket, &connector, id_tag) == HF_OK) {
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

// The worker cannot tell by itself whether it hangs in a write: who started it watches it.
static void watch_journal(daemon_t *daemon, uint64_t now_us)
{
    const hf_flash_file_t *flash = &daemon->flash;
    if (!flash->is_syncing) {
        daemon->journal_since_us = now_us;
        evse_supervisor_rest(&daemon->supervisor, TASK_WORKER);
    } else if (flash->syncs != daemon->journal_syncs) {
        daemon->journal_since_us = now_us;
        daemon_check_in(daemon, TASK_WORKER, now_us);
    }
    daemon->journal_syncs = flash->is_syncing ? flash->syncs : daemon->journal_syncs;
    atomic_store(&daemon->journal_wait_ms,
                 (uint32_t)((now_us - daemon->journal_since_us) / HF_US_PER_MS));
}

static void end_comms(daemon_t *daemon, uint64_t now_us)
{
    daemon->config.ocpp.link.ops->close(daemon->config.ocpp.link.ctx, now_us);
    (void)daemon->config.ocpp.link.ops->poll(daemon->config.ocpp.link.ctx, now_us);
    evse_supervisor_rest(&daemon->supervisor, TASK_WORKER);
    evse_supervisor_rest(&daemon->supervisor, TASK_COMMS);
    atomic_store(&daemon->comms_ended, 1);
}

static void *comms_main(void *ctx)
{
    daemon_t *daemon = ctx;
    uint64_t end_us = 0;
    daemon_device_enter_thread();
    for (;;) {
        uint64_t now_us = hf_port_now_us();
        take_cards(daemon, now_us);
        daemon_console_poll(daemon, now_us);
        daemon_jobs_poll(&daemon->jobs, now_us);
        evse_comms_loop(&daemon->evse, now_us);
        publish_view(daemon, now_us);
        daemon_device_watch_comms(daemon, now_us);
        watch_journal(daemon, now_us);
        daemon_check_in(daemon, TASK_COMMS, now_us);
        if (atomic_load(&daemon->end) != DAEMON_RUNS) {
            end_us = end_us == 0 ? now_us : end_us;
            // After a Reset everything is ended and durable already, and its own reason is recorded.
            bool done = atomic_load(&daemon->end) == DAEMON_RESTARTS ||
                        evse_ocpp_shutdown(&daemon->evse.ocpp, EVSE_STOP_Reboot, now_us);
            if (done || now_us - end_us > SHUTDOWN_LIMIT_US) {
                end_comms(daemon, now_us);
                return NULL;
            }
        }
        wait_for_bytes(daemon);
    }
}

static int start_threads(daemon_t *daemon)
{
    int error =
        daemon_start_realtime(daemon, &daemon->control_thread, DAEMON_ROW_CONTROL, control_main);
    if (error == 0) {
        error = daemon_thread_start(daemon, DAEMON_ROW_COMMS, &daemon->comms_thread, comms_main,
                                    daemon);
    }
    if (error == 0) {
        daemon_tell_realtime(daemon); // the last line before that log is the supervisor's
        error = daemon_start_realtime(daemon, &daemon->supervisor_thread, DAEMON_ROW_SUPERVISOR,
                                      daemon_supervise);
    }
    return error;
}

int daemon_start(daemon_t *daemon)
{
    int error = start_threads(daemon);
    if (error != 0) {
        (void)fprintf(stderr, "holdfastd: cannot start a thread: %s\n", strerror(error));
        return EXIT_OS;
    }
    return -1;
}

// Joining would be waiting without a sign of life.
static void wait_for(daemon_t *daemon, const _Atomic uint32_t *flag)
{
    const struct timespec pause = {.tv_nsec = 20000000L};
    while (atomic_load(flag) == 0) {
        daemon_check_in(daemon, TASK_MAIN, hf_port_now_us());
        daemon_device_poll(daemon, hf_port_now_us());
        daemon_drain_logs(daemon);
        (void)nanosleep(&pause, NULL);
    }
}

// [SAF-14] Whatever comms left behind when its time was over. It has ended: its mailbox is ours.
static void withdraw_orders(daemon_t *daemon)
{
    const evse_orders_t none = {.connector = {{.session = EVSE_ORDER_NONE}}};
    hf_snapshot_write(&daemon->evse.mailbox.orders, &none);
}

void daemon_stop(daemon_t *daemon)
{
    daemon_watchdog_tell(&daemon->watchdog, "STOPPING=1");
    wait_for(daemon, &daemon->comms_ended);
    (void)pthread_join(daemon->comms_thread, NULL);
    withdraw_orders(daemon);
    atomic_store(&daemon->control_stops, 1);
    wait_for(daemon, &daemon->control_ended);
    (void)pthread_join(daemon->control_thread, NULL);
    atomic_store(&daemon->supervision_ends, 1);
    (void)pthread_join(daemon->supervisor_thread, NULL);
    daemon_meter_stop(daemon);
    uint32_t end = atomic_load(&daemon->end);
    daemon_watchdog_close(&daemon->watchdog, end == DAEMON_ENDS);
    daemon_console_stop(daemon);
#if CONFIG_HOLDFASTD_MQTT
    daemon_mqtt_stop(daemon);
#endif
#if CONFIG_HOLDFASTD_TRANSFERS
    daemon_transfer_stop(daemon);
#endif
#if CONFIG_HOLDFASTD_STATUS_PAGE
    daemon_portal_stop(daemon);
#endif
    daemon_tags_close(daemon);
    hf_flash_file_close(&daemon->flash);
}
