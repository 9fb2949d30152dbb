// SPDX-License-Identifier: MIT
// The dossier's file (daemon_dossier.h): boot id, LF, last words, running page. Invariants: last words and the running page
// have a place each, so that nobody writes over the other and no lock is needed; who has last words takes the rest from a
// draft that is whole, since main may be in the middle of its own; the mapping is only written by the kernel on our behalf
// (pread() into it), so that a store that cannot be kept is an error and never a SIGBUS. In a handler nothing is called but
// pread(), pwrite(), prctl(), getpid-like calls and our own code without state: no stdio, no heap, no lock.
#include "daemon_dossier.h"

#include "hf_port_linux.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_le.h"
#include "holdfast/hf_text.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FILE_NAME  "dossier"
#define HEAD_BYTES (DAEMON_DOSSIER_BOOT_BYTES + 1u)
#define END_AT     HEAD_BYTES // last words; nothing: nobody had time for them
#define RUNNING_AT (END_AT + HF_DOSSIER_BYTES)
#define FILE_BYTES (RUNNING_AT + HF_DOSSIER_BYTES)
#define HOUR_MS    3600000u
#define KEPT_HEAD  4u // number of the boot that found it
#define GUARD_SPAN 65536u

#ifdef __SANITIZE_ADDRESS__
#define HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif

// A handler gets no context: the one page of the process, and the stack of the thread it runs in.
static daemon_dossier_t *the_dossier;
static _Thread_local uintptr_t stack_low;

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// ---- the file -----------------------------------------------------------------------------------

static bool is_written(int fd, const void *bytes, size_t length, size_t at)
{
    return pwrite(fd, bytes, length, (off_t)at) == (ssize_t)length;
}

/// Through the mapping: a page the kernel cannot keep (a full disk, a file that was cut, a bad block) is its EFAULT here.
static bool copy_through(const daemon_dossier_t *dossier, const uint8_t *page, size_t at)
{
    uint8_t *map = atomic_load(&dossier->map);
    return map != NULL && is_written(dossier->staging, page, HF_DOSSIER_BYTES, at) &&
           pread(dossier->staging, map + at, HF_DOSSIER_BYTES, (off_t)at) ==
               (ssize_t)HF_DOSSIER_BYTES;
}

static void fill_head(const daemon_dossier_t *dossier, uint8_t head[HEAD_BYTES])
{
    memcpy(head, dossier->boot_id, DAEMON_DOSSIER_BOOT_BYTES);
    head[DAEMON_DOSSIER_BOOT_BYTES] = '\n';
}

static bool write_file(const daemon_dossier_t *dossier, const uint8_t *page, size_t at)
{
    uint8_t head[HEAD_BYTES];
    fill_head(dossier, head);
    return dossier->fd >= 0 && is_written(dossier->fd, head, sizeof head, 0) &&
           is_written(dossier->fd, page, HF_DOSSIER_BYTES, at);
}

/// The file in whole, so that the disk has room for all of it, and of what was there nothing is left; then its mapping.
static void begin_file(daemon_dossier_t *dossier, const uint8_t *page)
{
    uint8_t bytes[FILE_BYTES] = {0};
    fill_head(dossier, bytes);
    memcpy(bytes + RUNNING_AT, page, HF_DOSSIER_BYTES);
    if (dossier->fd < 0 || !is_written(dossier->fd, bytes, sizeof bytes, 0)) {
        return;
    }
    dossier->staging = memfd_create(FILE_NAME, MFD_CLOEXEC);
    void *map = dossier->staging < 0
                    ? MAP_FAILED
                    : mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, dossier->fd, 0);
    dossier->is_begun = true;
    atomic_store(&dossier->map, map != MAP_FAILED ? map : NULL);
}

static void read_boot_id(char id[DAEMON_DOSSIER_BOOT_BYTES + 1u])
{
    memset(id, '-', DAEMON_DOSSIER_BOOT_BYTES);
    id[DAEMON_DOSSIER_BOOT_BYTES] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!read(fd, id,
                    DAEMON_DOSSIER_BOOT_BYTES); // without one every start is of the same boot
        (void)close(fd);
    }
}

/// What a page says of the run that left it. A running daemon's page says UNKNOWN: nobody came to end it.
static uint32_t judge_end(hf_dossier_t *last, bool same_boot)
{
    if (last->reason != HF_RESET_UNKNOWN) {
        return same_boot ? last->reason : (uint32_t)HF_RESET_POWER_ON;
    }
    last->reason = same_boot ? HF_RESET_PANIC : HF_RESET_BROWNOUT;
    (void)snprintf(last->detail, sizeof last->detail, "%s",
                   same_boot ? "ended without a word, as by SIGKILL"
                             : "the machine went down under it");
    return same_boot ? (uint32_t)HF_RESET_PANIC : (uint32_t)HF_RESET_POWER_ON;
}

static bool is_of_policy(uint32_t reason)
{
    return reason == HF_RESET_TRIP_FINISHED || reason == HF_RESET_TRIP_NOW;
}

static void take_file(daemon_dossier_t *dossier, const uint8_t *bytes, size_t length)
{
    bool same_boot = memcmp(bytes, dossier->boot_id, DAEMON_DOSSIER_BOOT_BYTES) == 0;
    size_t end_bytes = (length < RUNNING_AT ? length : RUNNING_AT) - END_AT;
    int status = hf_dossier_decode(bytes + END_AT, end_bytes, &dossier->last);
    if (status == HF_E_EMPTY && length > RUNNING_AT) {
        status = hf_dossier_decode(bytes + RUNNING_AT, length - RUNNING_AT, &dossier->last);
    }
    if (status != HF_OK) {
        return;
    }
    dossier->has_last = true;
    dossier->reset_code = judge_end(&dossier->last, same_boot);
    bool is_counted =
        !hf_reset_is_expected(dossier->reset_code) || is_of_policy(dossier->reset_code);
    dossier->last.resets = is_counted ? dossier->last.resets + 1u : 0; // this end among them
    dossier->draft.resets = dossier->last.resets;
}

void daemon_dossier_open(daemon_dossier_t *dossier, const char *folder, uint64_t now_us)
{
    char path[512];
    uint8_t bytes[FILE_BYTES];
    *dossier =
        (daemon_dossier_t){.reset_code = HF_RESET_POWER_ON, .started_us = now_us, .staging = -1};
    read_boot_id(dossier->boot_id);
    (void)snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    dossier->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP);
    ssize_t got = dossier->fd >= 0 ? pread(dossier->fd, bytes, sizeof bytes, 0) : -1;
    if (got > (ssize_t)HEAD_BYTES) {
        take_file(dossier, bytes, (size_t)got);
    }
    dossier->whole[0] = dossier->draft;
}

// ---- the journal --------------------------------------------------------------------------------

/// The newest in the journal; the number of the boot that found it, 0 none.
static uint32_t find_newest(evse_store_t *store, hf_dossier_t *newest)
{
    uint8_t bytes[KEPT_HEAD + HF_DOSSIER_BYTES];
    uint32_t found = 0;
    for (uint16_t key = 0; key < DAEMON_DOSSIERS_KEPT; key++) {
        hf_dossier_t dossier;
        int length = evse_store_kept(store, EVSE_OBJECT_DOSSIER, key, bytes, sizeof bytes);
        if (length > (int)KEPT_HEAD && hf_le_get32(bytes) > found &&
            hf_dossier_decode(bytes + KEPT_HEAD, (size_t)length - KEPT_HEAD, &dossier) == HF_OK) {
            found = hf_le_get32(bytes);
            *newest = dossier;
        }
    }
    return found;
}

/// Starts that failed before they began a page of their own find the same one again.
static bool is_kept(evse_store_t *store, const uint8_t *page, uint32_t length)
{
    hf_dossier_t newest;
    uint8_t kept[HF_DOSSIER_BYTES];
    return find_newest(store, &newest) != 0 && hf_dossier_encode(&newest, kept) == length &&
           memcmp(kept, page, length) == 0;
}

void daemon_dossier_keep(daemon_dossier_t *dossier, evse_store_t *store)
{
    uint8_t bytes[KEPT_HEAD + HF_DOSSIER_BYTES];
    if (!dossier->has_last) {
        dossier->has_last = find_newest(store, &dossier->last) != 0;
        return;
    }
    hf_le_put32(bytes, store->boot);
    uint32_t length = hf_dossier_encode(&dossier->last, bytes + KEPT_HEAD);
    if (is_kept(store, bytes + KEPT_HEAD, length)) {
        return;
    }
    uint16_t key = (uint16_t)(store->boot % DAEMON_DOSSIERS_KEPT);
    int status = evse_store_keep(store, EVSE_OBJECT_DOSSIER, key, bytes, KEPT_HEAD + length);
    if (status < 0) {
        HF_LOGW(store->config.log, hf_port_now_us(), STORE, "the reset dossier is not kept: %s",
                hf_status_text(status));
    }
}

// ---- while it runs ------------------------------------------------------------------------------

/// Soon after a start often, so that a short run is told with its length too: the page is at most half as old as the run.
static uint64_t stale_us(const daemon_dossier_t *dossier)
{
    const uint64_t most_us = DAEMON_DOSSIER_STALE_MS * (uint64_t)HF_US_PER_MS;
    uint64_t ran_us = dossier->written_us - dossier->started_us;
    ran_us = ran_us > HF_US_PER_S ? ran_us : HF_US_PER_S;
    return ran_us < most_us ? ran_us : most_us;
}

void daemon_dossier_refresh(daemon_dossier_t *dossier, uint64_t now_us, bool now)
{
    uint8_t page[HF_DOSSIER_BYTES] = {0};
    dossier->draft.uptime_ms = (now_us - dossier->started_us) / HF_US_PER_MS;
    if (dossier->draft.uptime_ms >= HOUR_MS) {
        dossier->draft.resets = 0;
    }
    uint32_t older = 1u - atomic_load(&dossier->newest);
    dossier->whole[older] = dossier->draft;
    atomic_store(&dossier->newest, older);
    (void)hf_dossier_encode(&dossier->draft, page);
    if (copy_through(dossier, page, RUNNING_AT)) {
        return;
    }
    atomic_store(&dossier->map, NULL); // not unmapped: last words may be on their way through it
    if (!now && dossier->written_us != 0 && now_us - dossier->written_us < stale_us(dossier)) {
        return;
    }
    dossier->written_us = now_us;
    if (!dossier->is_begun) {
        begin_file(dossier, page);
    } else {
        (void)!write_file(dossier, page, RUNNING_AT); // tried again when it is due again
    }
}

bool daemon_dossier_is_live(const daemon_dossier_t *dossier)
{
    return atomic_load(&dossier->map) != NULL;
}

static void copy_text(char *out, size_t capacity, const char *text)
{
    size_t length = strnlen(text, capacity - 1u);
    memcpy(out, text, length);
    memset(out + length, 0, capacity - length);
}

void daemon_dossier_end(daemon_dossier_t *dossier, uint32_t reason, const char *task,
                        const char *detail)
{
    uint8_t page[HF_DOSSIER_BYTES] = {0};
    hf_dossier_t last = dossier->whole[atomic_load(&dossier->newest)];
    last.reason = reason;
    last.uptime_ms = (hf_port_now_us() - dossier->started_us) / HF_US_PER_MS;
    copy_text(last.task, sizeof last.task, task);
    copy_text(last.detail, sizeof last.detail, detail);
    (void)hf_dossier_encode(&last, page);
    if (!copy_through(dossier, page, END_AT)) {
        (void)!write_file(dossier, page, END_AT); // nobody is left to be told
    }
}

// ---- fatal signals ------------------------------------------------------------------------------

static bool is_overflow(int number, const siginfo_t *info)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    return number == SIGSEGV && stack_low != 0 && at + GUARD_SPAN >= stack_low &&
           at < stack_low + GUARD_SPAN / 16u;
}

static void describe(int number, const siginfo_t *info, char out[32])
{
    hf_builder_t text;
    hf_builder_init(&text, out, 32);
    hf_builder_format(&text, "signal %u", (unsigned)number);
    if (number == SIGSEGV || number == SIGBUS) {
        hf_builder_text(&text, " at 0x");
        hf_builder_hex(&text, (uintptr_t)info->si_addr, 1);
    }
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    char task[16] = "", detail[32];
    (void)context;
    (void)prctl(PR_GET_NAME, task);
    bool is_asserted = number == SIGABRT && the_dossier->asserted[0] != '\0';
    describe(number, info, detail);
    daemon_dossier_end(the_dossier,
                       is_asserted                 ? HF_RESET_ASSERT
                       : is_overflow(number, info) ? HF_RESET_STACK
                                                   : HF_RESET_PANIC,
                       task, is_asserted ? the_dossier->asserted : detail);
    (void)raise(number); // SA_RESETHAND: ends as if nobody had looked
}

static void on_assertion(const char *file, int line)
{
    hf_builder_t text;
    const char *name = strrchr(file, '/');
    hf_builder_init(&text, the_dossier->asserted, sizeof the_dossier->asserted);
    hf_builder_format(&text, "%s:%u", name != NULL ? name + 1 : file, (unsigned)line);
}

void daemon_dossier_catch(daemon_dossier_t *dossier)
{
    struct sigaction action = {.sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)};
    the_dossier = dossier;
    action.sa_sigaction = on_fatal;
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < HF_COUNT_OF(fatal); i++) {
        (void)sigaction(fatal[i], &action, NULL);
    }
    hf_port_on_assertion(on_assertion);
    daemon_dossier_guard_thread();
}

void daemon_dossier_guard_thread(void)
{
    // Not of the thread's own memory, which is its stack's.
    static uint8_t alternate[DAEMON_DOSSIER_THREADS][DAEMON_DOSSIER_ALTERNATE_BYTES];
    static _Atomic uint32_t used;
    uint32_t mine = atomic_fetch_add(&used, 1u);
    const stack_t stack = {.ss_sp = alternate[mine % DAEMON_DOSSIER_THREADS],
                           .ss_size = DAEMON_DOSSIER_ALTERNATE_BYTES};
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
#ifndef HAS_SANITIZER // which has one of its own, and frees it
    if (mine < DAEMON_DOSSIER_THREADS) {
        (void)sigaltstack(&stack, NULL);
    }
#else
    (void)stack;
#endif
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
            stack_low = (uintptr_t)low;
        }
        (void)pthread_attr_destroy(&attributes);
    }
}
