// SPDX-License-Identifier: MIT
// What the kernel grants for the control loop: a real-time priority and memory that is never paged out. Neither is needed
// to run, both are told when they are missing.
#include "daemon.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES                                                                                \
    ((size_t)1024 * 1024) // of threads that libraries start: locked, it is taken whole
#define PROBE_BYTES ((size_t)64 * 1024 * 1024) // what may still be mapped later on

// A lock of what is to come makes later mappings fail where the limit is low: better none than that.
static int lock_all(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        return errno;
    }
    void *probe = mmap(NULL, PROBE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) {
        (void)munlockall();
        return ENOMEM;
    }
    (void)munmap(probe, PROBE_BYTES);
    return 0;
}

void daemon_lock_memory(daemon_t *daemon)
{
    hf_log_t *log = &daemon->supervisor_log.log;
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_setattr_default_np(&attributes);
    (void)pthread_attr_destroy(&attributes);
    int error = lock_all();
    atomic_store(&daemon->realtime.control_error, EINPROGRESS);
    atomic_store(&daemon->realtime.memory_error, (uint32_t)error);
    if (error == 0) {
        HF_LOGI(log, hf_port_now_us(), SYS, "memory is locked");
    } else {
        HF_LOGW(log, hf_port_now_us(), SYS,
                "memory is not locked (%s; CAP_IPC_LOCK or a larger limit of locked memory): ticks "
                "may come late under load",
                strerror(error));
    }
}

int daemon_start_realtime(daemon_t *daemon, pthread_t *thread, unsigned row, void *(*run)(void *))
{
    const hf_thread_place_t place = daemon_place(daemon, row);
    int error = hf_thread_start_fifo(thread, &place, run, daemon);
    uint32_t refused = error == EPERM ? EPERM : 0u;
    if (error == EPERM) {
        error = hf_thread_start(thread, &place, run, daemon);
    }
    if (row == DAEMON_ROW_CONTROL) {
        atomic_store(&daemon->realtime.control_error, refused);
    }
    return error;
}

void daemon_tell_realtime(daemon_t *daemon)
{
    hf_log_t *log = &daemon->supervisor_log.log;
    uint32_t error = atomic_load(&daemon->realtime.control_error);
    if (error == 0) {
        HF_LOGI(log, hf_port_now_us(), SYS, "control loop has real-time priority %u",
                (unsigned)daemon->tasks.tasks.task[DAEMON_ROW_CONTROL].info.priority);
    } else {
        HF_LOGW(log, hf_port_now_us(), SYS,
                "no real-time priority for the control loop (%s; CAP_SYS_NICE): ticks may come "
                "late under load",
                strerror((int)error));
    }
}
