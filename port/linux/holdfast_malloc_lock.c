// SPDX-License-Identifier: MIT
// The lock of the heap, and what a thread keeps for itself. The lock is a word: taken by compare-exchange after a short
// spin, slept on by futex; no thread library, which could allocate. It is held for O(1) at a time, but over fork(): the
// thread that forks holds it from its prepare handler until both processes have come out, and passes through it meanwhile.
// A signal handler that allocates while its own thread is within a call is refused instead of waiting for ever.
#include "holdfast_malloc_private.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 100

typedef struct thread {
    volatile bool is_inside;
    bool forks; // holds the lock for fork()
    bool is_dma;
    uint8_t tag;
} thread_t;

// Initial-exec: its place is fixed when the process starts, so that no access to it ever allocates.
static _Thread_local __attribute__((tls_model("initial-exec"))) thread_t thread;

// The streams' lock, which fork() takes after the handlers have run. Who holds it may allocate (fflush(NULL) gives a stream
// its buffer), so it has to be taken before ours.
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool try_lock(void)
{
    uint32_t is_free = 0;
    return atomic_compare_exchange_strong_explicit(&hf_heap.lock, &is_free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static void lock(void)
{
    for (int i = 0; i < SPINS; i++) {
        if (try_lock()) {
            return;
        }
        pause_briefly();
    }
    const int error = errno;
    while (atomic_exchange_explicit(&hf_heap.lock, 2, memory_order_acquire) != 0) {
        (void)syscall(SYS_futex, &hf_heap.lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
    }
    errno = error;
}

static void unlock(void)
{
    if (atomic_exchange_explicit(&hf_heap.lock, 0, memory_order_release) == 2) {
        const int error = errno;
        (void)syscall(SYS_futex, &hf_heap.lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        errno = error;
    }
}

bool hf_heap_enter(void)
{
    if (thread.is_inside) {
        (void)atomic_fetch_add_explicit(&hf_heap.nested, 1u, memory_order_relaxed);
        return false;
    }
    thread.is_inside = true;
    atomic_signal_fence(memory_order_seq_cst);
    if (!thread.forks) {
        lock();
    }
    return true;
}

void hf_heap_leave(void)
{
    if (!thread.forks) {
        unlock();
    }
    atomic_signal_fence(memory_order_seq_cst);
    thread.is_inside = false;
}

static void prepare_fork(void)
{
    if (_IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL) {
        _IO_list_lock();
    }
    lock();
    thread.forks = true;
}

static void fork_in_parent(void)
{
    thread.forks = false;
    unlock();
    if (_IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL) {
        _IO_list_unlock();
    }
}

// Nobody waits in the child: it has this thread alone.
static void fork_in_child(void)
{
    thread.forks = false;
    atomic_store(&hf_heap.lock, 0);
    if (_IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL) {
        _IO_list_resetlock();
    }
}

void hf_heap_register_fork(void)
{
    if (pthread_atfork(prepare_fork, fork_in_parent, fork_in_child) != 0) {
        hf_heap_say("fork() in a program with threads is not safe: no handler can be registered");
    }
}

void hf_heap_thread_tag(uint8_t tag)
{
    thread.tag = tag;
}

uint8_t hf_heap_thread_tagged(void)
{
    return thread.tag;
}

void hf_heap_thread_dma(bool is_needed)
{
    thread.is_dma = is_needed;
}

bool hf_heap_thread_is_dma(void)
{
    return thread.is_dma;
}
