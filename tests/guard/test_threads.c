// SPDX-License-Identifier: MIT
// Threads that take, give and resize at once and give what others took; processes forked while they do so, which must be
// able to allocate; a signal handler that allocates within a call; and what was taken before main().
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6u
#define ROUNDS  20000u
#define SLOTS   64u
#define FORKS   60

static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void (*volatile do_free)(void *) = free;

static void *early; // of a constructor

static __attribute__((constructor)) void take_early(void)
{
    early = do_malloc(333);
}

static void threads_what_was_taken_before_main_is_a_block(void)
{
    REQUIRE(early != NULL);
    memset(early, 1, 333);
    const size_t before = guard_used("internal");
    do_free(early);
    CHECK(guard_used("internal") < before);
    CHECK_EQ(guard_failures().foreign, 0);
}

static _Atomic(uint8_t *) exchange[SLOTS]; // blocks that wander from thread to thread
static atomic_bool ends;
static atomic_uint wrong;

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/// A block's first bytes are its length, the others all the same value.
static uint8_t *fresh(uint32_t *seed)
{
    const uint32_t bytes = 8u + next(seed) % 300u;
    uint8_t *block = next(seed) % 2u ? do_malloc(bytes) : do_calloc(1, bytes);
    if (block != NULL) {
        memcpy(block, &bytes, sizeof bytes);
        memset(block + sizeof bytes, (int)(bytes & 0xFF), bytes - sizeof bytes);
    }
    return block;
}

static bool is_whole(const uint8_t *block)
{
    uint32_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    for (uint32_t i = sizeof bytes; i < bytes; i++) {
        if (block[i] != (uint8_t)bytes) {
            return false;
        }
    }
    return bytes >= 8 && bytes < 308;
}

static void check_and_free(uint8_t *block)
{
    if (block != NULL && !is_whole(block)) {
        atomic_fetch_add(&wrong, 1);
    }
    if (block != NULL) {
        uint8_t *grown = do_realloc(block, 400);
        if (grown != NULL && !is_whole(grown)) {
            atomic_fetch_add(&wrong, 1);
        }
        do_free(grown != NULL ? grown : block);
    }
}

static void step(uint32_t *seed)
{
    check_and_free(atomic_exchange(&exchange[next(seed) % SLOTS], fresh(seed)));
}

static void *work(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        step(&seed);
    }
    return NULL;
}

static void *work_until_end(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    while (!atomic_load(&ends)) {
        step(&seed);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*function)(void *))
{
    for (uintptr_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&thread[i], NULL, function, (void *)(i + 1)) == 0);
    }
}

static void join(const pthread_t *thread)
{
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        check_and_free(atomic_exchange(&exchange[i], NULL));
    }
    CHECK_EQ(atomic_load(&wrong), 0);
}

static void check_books(void)
{
    holdfast_malloc_user_t user;
    size_t of_libraries = 0, of_tags = 0;
    for (unsigned i = 0; holdfast_malloc_library(i, &user) == HF_OK; i++) {
        of_libraries += user.used_bytes[0];
    }
    for (unsigned i = 0; holdfast_malloc_tagged(i, &user) == HF_OK; i++) {
        of_tags += user.used_bytes[0];
    }
    CHECK_EQ(of_libraries, guard_used("internal"));
    CHECK_EQ(of_tags, guard_used("internal"));
    const holdfast_malloc_failures_t failures = guard_failures();
    CHECK_EQ(failures.double_gives + failures.foreign + failures.corrupt, 0);
}

static void threads_give_what_others_took(void)
{
    pthread_t thread[THREADS];
    const size_t before = guard_used("internal");
    start(thread, work);
    join(thread);
    CHECK(guard_used("internal") <= before + 4096); // what the C library keeps for threads
    check_books();
}

static int child(uint32_t seed)
{
    char line[64];
    for (int i = 0; i < 200; i++) {
        step(&seed);
    }
    (void)snprintf(line, sizeof line, "%d", getpid());
    FILE *file = fopen("/dev/null", "w"); // the streams' lock as well
    if (file == NULL || fputs(line, file) < 0 || fclose(file) != 0) {
        return 2;
    }
    return atomic_load(&wrong) == 0 ? 0 : 1;
}

static void threads_forked_children_can_allocate(void)
{
    pthread_t thread[THREADS];
    atomic_store(&ends, false);
    start(thread, work_until_end);
    for (int i = 0; i < FORKS; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            (void)alarm(20); // a lock that nobody opens
            _exit(child((uint32_t)i));
        }
        int status = -1;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        CHECK_EQ(status, 0);
    }
    atomic_store(&ends, true);
    join(thread);
    check_books();
}

static void *flush_until_end(void *argument)
{
    (void)argument;
    while (!atomic_load(&ends)) {
        FILE *file = fopen("/dev/null", "w"); // its buffer comes with the first character
        if (file != NULL) {
            (void)fputc('x', file);
            (void)fflush(NULL); // holds the list of streams
            (void)fclose(file);
        }
    }
    return NULL;
}

static void threads_fork_gets_along_with_streams(void)
{
    pthread_t thread[THREADS];
    atomic_store(&ends, false);
    start(thread, flush_until_end);
    (void)alarm(60);
    for (int i = 0; i < FORKS; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            _exit(child((uint32_t)i));
        }
        int status = -1;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        CHECK_EQ(status, 0);
    }
    (void)alarm(0);
    atomic_store(&ends, true);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
}

static atomic_uint handled, served;

static void on_signal(int number)
{
    (void)number;
    const int error = errno;
    void *block = do_malloc(10);
    atomic_fetch_add(&handled, 1);
    atomic_fetch_add(&served, block != NULL ? 1u : 0u);
    do_free(block);
    errno = error;
}

static pthread_t target;

static void *signal_until_end(void *argument)
{
    (void)argument;
    while (!atomic_load(&ends)) {
        (void)pthread_kill(target, SIGUSR1);
    }
    return NULL;
}

// No promise of malloc(): but it neither hangs nor breaks, it refuses.
static void threads_a_handler_that_allocates_does_not_hang(void)
{
    pthread_t thread;
    uint32_t seed = 1;
    target = pthread_self();
    atomic_store(&ends, false);
    (void)signal(SIGUSR1, on_signal);
    (void)alarm(60);
    REQUIRE(pthread_create(&thread, NULL, signal_until_end, NULL) == 0);
    while (atomic_load(&handled) < 4000) {
        step(&seed);
    }
    atomic_store(&ends, true);
    CHECK(pthread_join(thread, NULL) == 0);
    (void)alarm(0);
    (void)signal(SIGUSR1, SIG_IGN);
    for (uint32_t i = 0; i < SLOTS; i++) {
        check_and_free(atomic_exchange(&exchange[i], NULL));
    }
    const holdfast_malloc_failures_t failures = guard_failures();
    CHECK(atomic_load(&served) > 0);
    CHECK(failures.nested >= atomic_load(&handled) - atomic_load(&served));
    check_books();
}

GUARD_TEST_MAIN(HF_TEST(threads_what_was_taken_before_main_is_a_block),
                HF_TEST(threads_give_what_others_took),
                HF_TEST(threads_forked_children_can_allocate),
                HF_TEST(threads_fork_gets_along_with_streams),
                HF_TEST(threads_a_handler_that_allocates_does_not_hang))
