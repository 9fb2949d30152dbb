// SPDX-License-Identifier: MIT
// Programs of a simulated device: fork and exec, pipes, an orderly end.
#include "lab_device_child.h"

#include "lab_device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_FAILED   127
#define ENVIRONMENT   512u
#define END_STEP_MS   20u
#define CHILD_EXTRA   3
#define PRIVATE_FILES 0600

typedef struct stage { // what the child makes of itself
    const lab_child_plan_t *plan;
    int in, out, err;
    char **environment;
    pid_t parent;
} stage_t;

/// Between fork and exec: only what is async-signal-safe.
static _Noreturn void become(const stage_t *stage)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0); // Ctrl-C is for the lab, which ends the others in order
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != stage->parent) {
        _exit(EXEC_FAILED);
    }
    (void)dup2(stage->in, STDIN_FILENO);
    (void)dup2(stage->out, STDOUT_FILENO);
    (void)dup2(stage->err, STDERR_FILENO);
    if (stage->plan->extra > 0) {
        if (stage->plan->extra == CHILD_EXTRA) {
            (void)fcntl(CHILD_EXTRA, F_SETFD, 0);
        } else {
            (void)dup2(stage->plan->extra, CHILD_EXTRA);
        }
    }
    (void)execve(stage->plan->argv[0], stage->plan->argv, stage->environment);
    _exit(EXEC_FAILED);
}

/// The lab's own, with some variables set.
static void make_environment(const lab_child_plan_t *plan, char *environment[ENVIRONMENT])
{
    unsigned count = 0;
    for (unsigned i = 0; i < LAB_CHILD_ENV && plan->set[i] != NULL; i++) {
        environment[count++] = (char *)(uintptr_t)plan->set[i]; // execve() takes them as not const
    }
    unsigned own = count;
    for (char **next = environ; *next != NULL && count < ENVIRONMENT - 1; next++) {
        size_t name = strcspn(*next, "=") + 1;
        bool is_set = false;
        for (unsigned i = 0; i < own; i++) {
            is_set = is_set || strncmp(environment[i], *next, name) == 0;
        }
        if (!is_set) {
            environment[count++] = *next;
        }
    }
    environment[count] = NULL;
}

void lab_child_init(lab_child_t *child)
{
    memset(child, 0, sizeof *child);
    child->in = child->out = -1;
}

static void close_both(int pipe_fds[2])
{
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

static int open_log(const char *path)
{
    return path == NULL ? open("/dev/null", O_WRONLY | O_CLOEXEC)
                        : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, PRIVATE_FILES);
}

int lab_child_start(lab_child_t *child, const lab_child_plan_t *plan)
{
    char *environment[ENVIRONMENT];
    int in[2], out[2];
    lab_child_init(child);
    make_environment(plan, environment);
    if (pipe2(in, O_CLOEXEC) != 0) {
        return -1;
    }
    if (pipe2(out, O_CLOEXEC) != 0) {
        close_both(in);
        return -1;
    }
    int log = open_log(plan->log);
    stage_t stage = {.plan = plan,
                     .in = in[0],
                     .out = plan->talks ? out[1] : log,
                     .err = log,
                     .environment = environment,
                     .parent = getpid()};
    pid_t pid = log < 0 ? -1 : fork();
    if (pid == 0) {
        become(&stage);
    }
    int why = errno;
    (void)close(in[0]);
    (void)close(out[1]);
    if (log >= 0) {
        (void)close(log);
    }
    child->in = in[1];
    child->out = out[0];
    (void)fcntl(child->in, F_SETFL, O_NONBLOCK);
    (void)fcntl(child->out, F_SETFL, O_NONBLOCK);
    if (pid < 0) {
        lab_child_end(child, 0);
        errno = why;
        return -1;
    }
    child->pid = pid;
    return 0;
}

bool lab_child_is_running(lab_child_t *child)
{
    if (child->pid > 0 && !child->ended && waitpid(child->pid, &child->status, WNOHANG) > 0) {
        child->ended = true;
    }
    return child->pid > 0 && !child->ended;
}

int lab_child_tell(lab_child_t *child, const char *line)
{
    char text[2048];
    int length = snprintf(text, sizeof text, "%s\n", line);
    return child->in >= 0 && length > 0 && (size_t)length < sizeof text &&
                   write(child->in, text, (size_t)length) == length
               ? 0
               : -1;
}

static void take_lines(lab_child_t *child, void (*take)(void *ctx, const char *line), void *ctx)
{
    char *begin = child->line;
    child->line[child->length] = '\0';
    for (char *end = strchr(begin, '\n'); end != NULL; end = strchr(begin, '\n')) {
        *end = '\0';
        if (!child->skips) {
            take(ctx, begin);
        }
        child->skips = false;
        begin = end + 1;
    }
    child->length -= (size_t)(begin - child->line);
    memmove(child->line, begin, child->length);
    if (child->length == sizeof child->line - 1) {
        child->skips = true;
        child->length = 0;
    }
}

void lab_child_read(lab_child_t *child, void (*take)(void *ctx, const char *line), void *ctx)
{
    while (child->out >= 0) {
        ssize_t length =
            read(child->out, child->line + child->length, sizeof child->line - 1 - child->length);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length < 0 && errno == EAGAIN) {
            return;
        }
        if (length <= 0) {
            (void)close(child->out);
            child->out = -1;
            return;
        }
        child->length += (size_t)length;
        take_lines(child, take, ctx);
    }
}

void lab_child_end(lab_child_t *child, unsigned limit_ms)
{
    // First, lest it waits for somebody to read.
    if (child->in >= 0) {
        (void)close(child->in);
    }
    if (child->out >= 0) {
        (void)close(child->out);
    }
    child->in = child->out = -1;
    if (lab_child_is_running(child)) {
        (void)kill(child->pid, SIGTERM);
        (void)kill(child->pid, SIGCONT); // one that was stopped hears nothing else
    }
    for (unsigned ms = 0; ms < limit_ms && lab_child_is_running(child); ms += END_STEP_MS) {
        lab_sleep_ms(END_STEP_MS);
    }
    if (lab_child_is_running(child)) {
        (void)kill(child->pid, SIGKILL);
        child->ended = waitpid(child->pid, &child->status, 0) > 0;
    }
    child->pid = 0;
}

void lab_child_tell_end(const lab_child_t *child, char *out, size_t capacity)
{
    if (WIFSIGNALED(child->status)) {
        int number = WTERMSIG(child->status);
        (void)snprintf(out, capacity, "ended by signal %d (%s)", number, strsignal(number));
    } else {
        (void)snprintf(out, capacity, "ended with status %d", WEXITSTATUS(child->status));
    }
}
