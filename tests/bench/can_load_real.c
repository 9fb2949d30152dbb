// SPDX-License-Identifier: MIT
// Load in real time: the control tick in a thread as in the daemon (10 ms, real-time priority where it is granted) on the
// virtual bus, whose hub is here: a real socket, frames at an even rate between those of the outlet. A frame counts as
// sent when the socket took it; one that it does not take waits, as it would for a bus that is busy. A hub that was kept
// from running leaves the bus idle: it catches up by no more than a tick's frames, for no bus is faster than its limit.
#include "can_load.h"

#include "evse_can_virtual.h"
#include "hf_port_linux.h"
#include "holdfast/hf_clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY     60
#define HUB_PRIORITY 50
#define HUB_US       500u
#define LAST_US      (500u * HF_US_PER_MS) // control ticks on when nothing is sent any more
#define NAME_BYTES   48u

typedef struct real {
    load_t load;
    pthread_mutex_t outlet_lock; // the outlet's pins: not part of what is measured
    evse_can_virtual_t bus;
    char directory[32], path[64];
    int listener, client;
    uint32_t rate;
    unsigned seconds;
    uint64_t start_us;
    uint64_t filled, sent; // by the hub: frames that fill; all
    uint64_t skipped;      // not sent: the hub came too late
    uint64_t got;          // by control
    uint64_t late_max_us;
    evse_can_frame_t held; // of the outlet: the socket did not take it yet
    bool holds;
    _Atomic uint32_t hub_ended;
} real_t;

static void sleep_until(uint64_t wake_us)
{
    const struct timespec at = {.tv_sec = (time_t)(wake_us / HF_US_PER_S),
                                .tv_nsec = (long)(wake_us % HF_US_PER_S) * 1000L};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

// --- the hub

static bool hub_listen(real_t *r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(r->directory, "hf-bench-XXXXXX");
    r->client = -1;
    r->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->listener < 0 || mkdtemp(r->directory) == NULL) {
        return false;
    }
    (void)snprintf(r->path, sizeof r->path, "%s/can", r->directory);
    strcpy(address.sun_path, r->path);
    return bind(r->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
           listen(r->listener, 4) == 0;
}

static void hub_close(real_t *r)
{
    if (r->client >= 0) {
        (void)close(r->client);
    }
    (void)close(r->listener);
    (void)unlink(r->path);
    (void)rmdir(r->directory);
}

static bool hub_send(real_t *r, const evse_can_frame_t *frame)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES];
    evse_can_virtual_encode(frame, bytes);
    if (r->client < 0) {
        return false;
    }
    if (send(r->client, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes) {
        r->sent++;
        return true;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        (void)close(r->client);
        r->client = -1;
    }
    return false;
}

static void hub_accept(real_t *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (r->client >= 0) {
            (void)close(r->client);
        }
        r->client = fd;
    }
}

static void hub_outlet(real_t *r, uint64_t now_us)
{
    uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES + 1];
    evse_can_frame_t frame;
    ssize_t got;
    (void)pthread_mutex_lock(&r->outlet_lock);
    while (r->client >= 0 && (got = recv(r->client, bytes, sizeof bytes, 0)) > 0) {
        if (evse_can_virtual_decode(bytes, (size_t)got, &frame) == HF_OK) {
            sim_outlet_receive(&r->load.outlet, &frame);
        }
    }
    sim_outlet_step(&r->load.outlet, now_us);
    load_plug(&r->load, now_us);
    for (;;) {
        r->holds = r->holds || sim_outlet_transmit(&r->load.outlet, &r->held);
        if (!r->holds || !hub_send(r, &r->held)) {
            break;
        }
        r->holds = false;
    }
    (void)pthread_mutex_unlock(&r->outlet_lock);
}

static void *hub_main(void *ctx)
{
    real_t *r = ctx;
    uint64_t wake_us = r->start_us, end_us = r->start_us + r->seconds * HF_US_PER_S;
    for (uint64_t now_us = wake_us; now_us < end_us; now_us = hf_port_now_us()) {
        hub_accept(r);
        hub_outlet(r, now_us);
        uint64_t due = (now_us - r->start_us) * r->rate / HF_US_PER_S - r->skipped;
        uint64_t behind_most = (uint64_t)r->rate * EVSE_TICK_US / HF_US_PER_S;
        if (due - r->filled > behind_most) {
            r->skipped += due - r->filled - behind_most;
            due = r->filled + behind_most;
        }
        while (r->filled < due) {
            evse_can_frame_t filler = load_filler((uint32_t)r->filled);
            if (!hub_send(r, &filler)) {
                break;
            }
            r->filled++;
        }
        wake_us += HUB_US;
        wake_us = wake_us < now_us ? now_us : wake_us;
        sleep_until(wake_us);
    }
    atomic_store(&r->hub_ended, 1);
    return NULL;
}

// --- control, as the daemon has it

static int real_send(void *ctx, const evse_can_frame_t *frame)
{
    return evse_can_virtual_ops.send(&((real_t *)ctx)->bus, frame);
}

static int real_receive(void *ctx, evse_can_frame_t *frame)
{
    real_t *r = ctx;
    int got = evse_can_virtual_ops.receive(&r->bus, frame);
    r->got += got == 1 ? 1u : 0u;
    return got;
}

static evse_can_state_t real_poll(void *ctx, uint64_t now_us)
{
    return evse_can_virtual_ops.poll(&((real_t *)ctx)->bus, now_us);
}

static int real_recover(void *ctx, uint64_t now_us)
{
    return evse_can_virtual_ops.recover(&((real_t *)ctx)->bus, now_us);
}

static int real_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    real_t *r = ctx;
    (void)connector;
    (void)pthread_mutex_lock(&r->outlet_lock);
    bool is_known = sim_outlet_inputs(&r->load.outlet, inputs->level);
    (void)pthread_mutex_unlock(&r->outlet_lock);
    for (unsigned i = 0; is_known && i < EVSE_INPUT_COUNT; i++) {
        inputs->stamp_us[i] = now_us;
    }
    return is_known ? HF_OK : HF_E_AGAIN;
}

static int real_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    real_t *r = ctx;
    (void)connector;
    (void)pthread_mutex_lock(&r->outlet_lock);
    sim_outlet_drive(&r->load.outlet, drive);
    (void)pthread_mutex_unlock(&r->outlet_lock);
    return HF_OK;
}

static const evse_can_ops_t can_ops = {
    .send = real_send, .receive = real_receive, .poll = real_poll, .recover = real_recover};
static const evse_io_ops_t io_ops = {.sample = real_sample, .drive = real_drive};

static void *control_main(void *ctx)
{
    real_t *r = ctx;
    uint64_t wake_us = r->start_us, stop_us = 0;
    for (;;) {
        uint64_t now_us = hf_port_now_us();
        uint64_t late_us = now_us > wake_us ? now_us - wake_us : 0;
        r->late_max_us = late_us > r->late_max_us ? late_us : r->late_max_us;
        load_tick(&r->load, now_us);
        if (atomic_load(&r->hub_ended) != 0) {
            stop_us = stop_us == 0 ? now_us : stop_us;
            if (now_us - stop_us > LAST_US) {
                return NULL;
            }
        }
        wake_us += EVSE_TICK_US;
        wake_us = wake_us + 10u * EVSE_TICK_US < now_us ? now_us : wake_us;
        sleep_until(wake_us);
    }
}

static int start(pthread_t *thread, void *(*run)(void *ctx), int priority, real_t *r)
{
    pthread_attr_t attributes;
    const struct sched_param param = {.sched_priority = priority};
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    (void)pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    (void)pthread_attr_setschedparam(&attributes, &param);
    int error = pthread_create(thread, &attributes, run, r);
    (void)pthread_attr_destroy(&attributes);
    if (error == EPERM) {
        (void)fprintf(stderr, "bench_can: no real-time priority here (CAP_SYS_NICE): ticks and "
                              "frames may come late\n");
        error = pthread_create(thread, NULL, run, r);
    }
    return error;
}

static int run_threads(real_t *r)
{
    pthread_t hub, control;
    if (start(&hub, hub_main, HUB_PRIORITY, r) != 0) {
        return 1;
    }
    int status = start(&control, control_main, PRIORITY, r);
    if (status == 0) {
        (void)pthread_join(control, NULL);
    }
    (void)pthread_join(hub, NULL);
    return status == 0 ? 0 : 1;
}

static int run(real_t *r, uint32_t rate, unsigned seconds)
{
    memset(r, 0, sizeof *r);
    r->rate = rate;
    r->seconds = seconds;
    pthread_mutexattr_t inherit;
    (void)pthread_mutexattr_init(&inherit);
    (void)pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
    (void)pthread_mutex_init(&r->outlet_lock, &inherit);
    (void)pthread_mutexattr_destroy(&inherit);
    r->start_us = hf_port_now_us();
    const evse_can_t can = {.ops = &can_ops, .ctx = r};
    const evse_io_t io = {.ops = &io_ops, .ctx = r};
    int status = 1;
    if (hub_listen(r) && evse_can_virtual_open(&r->bus, r->path) == HF_OK &&
        load_init(&r->load, can, io, r->start_us) == HF_OK) {
        status = run_threads(r);
    }
    evse_can_virtual_close(&r->bus);
    hub_close(r);
    (void)pthread_mutex_destroy(&r->outlet_lock);
    if (status != 0) {
        (void)fprintf(stderr, "bench_can: socket or thread: %s\n", strerror(errno));
    }
    return status;
}

static uint64_t counted(const real_t *r)
{
    return (uint64_t)evse_can_inbox_overruns(&r->bus.inbox) + r->bus.inbox.stats.stale;
}

static void report(const real_t *r)
{
    static const char *const what[] = {"sent", "rate", "lost", "uncounted", "stalls"};
    static const char *const units[] = {"frames", "frames/s", "frames", "frames", "stalls"};
    uint64_t lost = r->sent - r->got, count = counted(r);
    const uint64_t values[] = {r->sent, r->filled / r->seconds, lost,
                               lost > count ? lost - count : count - lost, r->bus.stalls};
    for (unsigned i = 0; i < HF_COUNT_OF(what); i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "can.rt.%u.%s", (unsigned)r->rate, what[i]);
        load_report(name, units[i], values[i]);
    }
}

int load_run_real(unsigned seconds)
{
    static const uint32_t rates[] = {1000, 7600};
    static real_t real;
    uint64_t overruns = 0, late_max_us = 0;
    for (unsigned i = 0; i < HF_COUNT_OF(rates); i++) {
        if (run(&real, rates[i], seconds) != 0) {
            return 1;
        }
        report(&real);
        overruns += counted(&real);
        late_max_us = real.late_max_us > late_max_us ? real.late_max_us : late_max_us;
    }
    load_report("can.overruns", "frames", overruns);
    load_report("can.control_late_max", "us", late_max_us);
    return 0;
}
