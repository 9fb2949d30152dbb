// SPDX-License-Identifier: MIT
// Preloaded into user-mode Linux. Debian 12's reserves 2,696 bytes for the extended state of a processor; a host with AMX
// has more of it and refuses to read or write a part. Here the whole is read and the guest gets its share; when it is
// written back the rest is zero, with the tiles marked as not in use.
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define STATE_BYTES_MAX 65536
#define FEATURES_AT     512   // of the header of the extended state
#define FEATURES_KEPT   0x2FF // all but the tiles of AMX

static _Thread_local uint8_t state[STATE_BYTES_MAX] __attribute__((aligned(64)));
static size_t state_bytes; // of this host; 0 until it was asked

long ptrace(enum __ptrace_request request, ...);

static long call(long request, long pid, void *address, void *data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

static long read_state(long pid, struct iovec *whole)
{
    long status = call(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_X86_XSTATE, whole);
    if (status >= 0) {
        state_bytes = whole->iov_len;
    }
    return status;
}

static long write_state(long pid, const struct iovec *part, struct iovec *whole)
{
    uint64_t features;
    memset(state, 0, state_bytes);
    memcpy(state, part->iov_base, part->iov_len < state_bytes ? part->iov_len : state_bytes);
    memcpy(&features, state + FEATURES_AT, sizeof features);
    features &= FEATURES_KEPT;
    memcpy(state + FEATURES_AT, &features, sizeof features);
    whole->iov_len = state_bytes;
    return call(PTRACE_SETREGSET, pid, (void *)(uintptr_t)NT_X86_XSTATE, whole);
}

static long exchange_state(long request, long pid, struct iovec *part)
{
    struct iovec whole = {state, sizeof state};
    long status = 0;
    if (request == PTRACE_GETREGSET || state_bytes == 0) {
        status = read_state(pid, &whole);
    }
    if (status < 0 || request == PTRACE_SETREGSET) {
        return status < 0 ? status : write_state(pid, part, &whole);
    }
    if (part->iov_len > state_bytes) {
        part->iov_len = state_bytes;
    }
    memcpy(part->iov_base, state, part->iov_len);
    return status;
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list list;
    va_start(list, request);
    long pid = va_arg(list, int);
    void *address = va_arg(list, void *);
    void *data = va_arg(list, void *);
    va_end(list);
    if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) &&
        (uintptr_t)address == NT_X86_XSTATE) {
        return exchange_state(request, pid, data);
    }
    if (request >= PTRACE_PEEKTEXT &&
        request <= PTRACE_PEEKUSER) { // the kernel answers through the pointer
        long word = 0;
        long status = call(request, pid, address, &word);
        return status < 0 ? status : word;
    }
    return call(request, pid, address, data);
}
