// SPDX-License-Identifier: MIT
// How the guard comes to life: on the first call of the family, which the loader makes before any constructor, or in its own
// constructor. It reads the environment (from /proc where the C library has not started yet), builds the regions, and from
// then on serves; or passes through, when it is told nothing or a sanitizer has its own heap. A budget that cannot be kept
// as told ends the process before it begins: a limit that is silently not there would be worse than none.
#include "holdfast_malloc_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_BYTES 4096u
#define LINE_BYTES 256u
#define EXIT_USAGE 64
#define EXIT_OS    71
#define PREFIX     "holdfast-malloc: "

extern char **environ;

// What a sanitizer's runtime brings; bound by the loader, so asking allocates nothing.
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));
extern void __lsan_init(void) __attribute__((weak));
extern void __hwasan_init(void) __attribute__((weak));

static _Atomic int state = HF_HEAP_NEW;
static _Thread_local __attribute__((tls_model("initial-exec"))) bool starts_here;
static pid_t started_as;

void hf_heap_say(const char *format, ...)
{
    const int error = errno;
    char line[LINE_BYTES] = PREFIX;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + strlen(PREFIX), sizeof line - sizeof PREFIX, format, arguments);
    va_end(arguments);
    size_t end = strlen(line);
    line[end] = '\n';
    if (length >= 0 && write(STDERR_FILENO, line, end + 1) < 0) {
        errno = error; // nowhere left to say it
    }
    errno = error;
}

static bool is_variable(const char *entry, const char *name, const char **value)
{
    const size_t length = strlen(name);
    *value = entry + length + 1;
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool copy_value(const char *value, char *out, size_t capacity)
{
    const size_t length = strlen(value);
    if (length >= capacity) {
        hf_heap_say("a variable is too long: '%.40s...'", value);
        _exit(EXIT_USAGE);
    }
    memcpy(out, value, length + 1);
    return true;
}

/// The environment as the kernel has it, entry by entry; entries longer than the buffer are passed over.
static bool read_from_kernel(const char *name, char *out, size_t capacity)
{
    static char buffer[TEXT_BYTES + LINE_BYTES];
    size_t held = 0;
    ssize_t got = 0;
    const char *value = NULL;
    bool is_found = false;
    const int file = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    while (file >= 0 && !is_found &&
           (got = read(file, buffer + held, sizeof buffer - 1 - held)) > 0) {
        held += (size_t)got;
        buffer[held] = '\0';
        size_t at = 0, length = strlen(buffer);
        for (; !is_found && at + length < held; length = strlen(buffer + at)) {
            is_found = is_variable(buffer + at, name, &value) && copy_value(value, out, capacity);
            at += length + 1;
        }
        held = held - at < sizeof buffer - 1 ? held - at : 0;
        memmove(buffer, buffer + at, held);
    }
    if (file >= 0) {
        (void)close(file);
    }
    return is_found;
}

bool hf_heap_variable(const char *name, char *out, size_t capacity)
{
    if (environ == NULL) {
        return read_from_kernel(name, out, capacity);
    }
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *value = NULL;
        if (is_variable(*entry, name, &value)) {
            return copy_value(value, out, capacity);
        }
    }
    return false;
}

static const char *sanitizer(void)
{
    return __asan_init != NULL     ? "AddressSanitizer"
           : __tsan_init != NULL   ? "ThreadSanitizer"
           : __msan_init != NULL   ? "MemorySanitizer"
           : __hwasan_init != NULL ? "HWAddressSanitizer"
           : __lsan_init != NULL   ? "LeakSanitizer"
                                   : NULL;
}

/// The rules of a variable's text, or of the file that it names with @.
static int read_routes(hf_heap_t *heap, char *text, hf_heap_error_t *error)
{
    if (text[0] != '@') {
        return hf_heap_routes_parse(&heap->routes, &heap->spec, text, error);
    }
    static char rules[2 * TEXT_BYTES];
    const int file = open(text + 1, O_RDONLY | O_CLOEXEC);
    const ssize_t length = file >= 0 ? read(file, rules, sizeof rules) : -1;
    if (file >= 0) {
        (void)close(file);
    }
    if (length < 0 || (size_t)length >= sizeof rules) {
        (void)snprintf(error->text, sizeof error->text, "rule file '%.60s' cannot be read%s",
                       text + 1, length < 0 ? "" : ": longer than 8191 bytes");
        return HF_E_IO;
    }
    rules[length] = '\0';
    return hf_heap_routes_parse(&heap->routes, &heap->spec, rules, error);
}

static void end_if(int status, const char *variable, const hf_heap_error_t *error)
{
    if (status != HF_OK) {
        hf_heap_say("%s: %s", variable, error->text);
        _exit(EXIT_USAGE);
    }
}

/// Everything the environment says; a text that makes no sense ends the process.
static void configure(hf_heap_t *heap, char *text)
{
    hf_heap_error_t error = {.text = ""};
    end_if(hf_heap_spec_parse(&heap->spec, text, &error), "HOLDFAST_HEAP", &error);
    if (hf_heap_variable("HOLDFAST_HEAP_RESERVE", text, TEXT_BYTES)) {
        end_if(hf_heap_reserve_parse(&heap->spec, text, &error), "HOLDFAST_HEAP_RESERVE", &error);
    }
    if (hf_heap_variable("HOLDFAST_HEAP_FAIL_TAKE", text, TEXT_BYTES)) {
        end_if(hf_heap_fail_parse(&heap->fail, text, &error), "HOLDFAST_HEAP_FAIL_TAKE", &error);
    }
    if (hf_heap_variable("HOLDFAST_HEAP_ROUTES", text, TEXT_BYTES)) {
        end_if(read_routes(heap, text, &error), "HOLDFAST_HEAP_ROUTES", &error);
    }
    end_if(hf_heap_routes_parse(&heap->routes, &heap->spec, hf_heap_default_routes, &error),
           "HOLDFAST_HEAP_ROUTES", &error);
    if (hf_heap_build(heap) != HF_OK) {
        hf_heap_say("the system has no memory for the budget");
        _exit(EXIT_OS);
    }
}

// A sanitizer is asked first and nothing of the C library is called for it: its runtime may be about to start, and what it
// intercepts does not work before.
static hf_heap_state_t begin(void)
{
    static char text[TEXT_BYTES];
    if (sanitizer() == NULL) {
        if (getauxval(AT_SECURE) == 0 && hf_heap_variable("HOLDFAST_HEAP", text, sizeof text)) {
            configure(&hf_heap, text);
            return HF_HEAP_SERVES;
        }
        hf_heap_say("HOLDFAST_HEAP is not set: no budget is kept");
    }
    hf_heap_pass_find();
    return HF_HEAP_PASSES;
}

static void put_raw(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    (void)syscall(SYS_write, STDERR_FILENO, text, length);
}

hf_heap_state_t hf_heap_start(void)
{
    int now = atomic_load_explicit(&state, memory_order_acquire);
    if (now >= HF_HEAP_SERVES) {
        return (hf_heap_state_t)now;
    }
    if (starts_here) {
        return HF_HEAP_STARTS;
    }
    now = HF_HEAP_NEW;
    if (atomic_compare_exchange_strong(&state, &now, HF_HEAP_STARTS)) {
        starts_here = true;
        const int error = errno;
        now = (int)begin();
        errno = error;
        started_as = getpid();
        atomic_store_explicit(&state, now, memory_order_release);
        starts_here = false;
        return (hf_heap_state_t)now;
    }
    while ((now = atomic_load_explicit(&state, memory_order_acquire)) < HF_HEAP_SERVES) {
        (void)sched_yield();
    }
    return (hf_heap_state_t)now;
}

bool hf_heap_serves(void)
{
    return atomic_load_explicit(&state, memory_order_acquire) == HF_HEAP_SERVES;
}

// Early, so that few constructors run before; what they take is served all the same.
static __attribute__((constructor(101))) void construct(void)
{
    if (hf_heap_start() == HF_HEAP_SERVES) {
        hf_heap_register_fork();
        if (hf_heap_enter()) {
            hf_heap.failures.takes_until_start = hf_heap.failures.takes;
            hf_heap_leave();
        }
    } else if (sanitizer() != NULL) {
        put_raw(PREFIX);
        put_raw(sanitizer());
        put_raw(" has a heap of its own here: NO BUDGET IS KEPT\n");
    }
}

static __attribute__((destructor(101))) void destruct(void)
{
    if (hf_heap_serves()) {
        hf_heap_report_at_exit(getpid() != started_as);
    }
}

// Forked children mostly end so, without destructors; only where a report of each process is asked for. A child of vfork()
// reports what its parent holds.
__attribute__((visibility("default"))) void _exit(int code)
{
    if (hf_heap_serves() && getpid() != started_as) {
        hf_heap_report_at_exit(true);
    }
    for (;;) {
        (void)syscall(SYS_exit_group, code);
    }
}
