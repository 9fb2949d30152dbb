// SPDX-License-Identifier: MIT
// The children of the demo: start, talk, listen, bury.
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_FAILED 127

/// In the child, between fork and exec: only what is async-signal-safe.
static _Noreturn void become(char *const argv[], const int pipes[3][2], pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    // Ctrl-C is for the demo alone, which then ends the others in order; but none of them outlives it.
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXEC_FAILED);
    }
    (void)dup2(pipes[0][0], STDIN_FILENO);
    (void)dup2(pipes[1][1], STDOUT_FILENO);
    (void)dup2(pipes[2][1], STDERR_FILENO);
    (void)execv(argv[0], argv);
    _exit(EXEC_FAILED);
}

int demo_child_start(demo_child_t *child, char *const argv[])
{
    int pipes[3][2];
    for (unsigned i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) != 0) {
            return HF_E_IO; // the process ends on this: its files go with it
        }
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return HF_E_IO;
    }
    if (pid == 0) {
        become(argv, (const int(*)[2])pipes, parent);
    }
    (void)close(pipes[0][0]);
    (void)close(pipes[1][1]);
    (void)close(pipes[2][1]);
    for (unsigned i = 0; i < 3; i++) {
        int fd = pipes[i][i == 0 ? 1 : 0];
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    child->pid = pid;
    child->in = pipes[0][1];
    child->out.fd = pipes[1][0];
    child->err.fd = pipes[2][0];
    return HF_OK;
}

void demo_child_tell(demo_child_t *child, const char *line)
{
    char text[256];
    int length = snprintf(text, sizeof text, "%s\n", line);
    if (child->in >= 0 && length > 0 && (size_t)length < sizeof text) {
        (void)!write(child->in, text, (size_t)length);
    }
}

static void take_bytes(demo_pipe_t *stream, void (*take)(void *ctx, const char *line), void *ctx)
{
    stream->line[stream->length] = '\0';
    char *begin = stream->line;
    for (char *end = strchr(begin, '\n'); end != NULL; end = strchr(begin, '\n')) {
        *end = '\0';
        if (!stream->too_long) {
            take(ctx, begin);
        }
        stream->too_long = false;
        begin = end + 1;
    }
    stream->length -= (size_t)(begin - stream->line);
    if (stream->length == sizeof stream->line - 1) {
        stream->too_long = true;
        stream->length = 0;
    }
    memmove(stream->line, begin, stream->length);
}

void demo_pipe_read(demo_pipe_t *stream, void (*take)(void *ctx, const char *line), void *ctx)
{
    while (stream->fd >= 0) {
        ssize_t length = read(stream->fd, stream->line + stream->length,
                              sizeof stream->line - 1 - stream->length);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length < 0 && errno == EAGAIN) {
            return;
        }
        if (length <= 0) {
            (void)close(stream->fd);
            stream->fd = -1;
            return;
        }
        // A NUL would end a line early for strchr(): nobody here writes one.
        stream->length += (size_t)length;
        take_bytes(stream, take, ctx);
    }
}

void demo_child_reap(demo_child_t *child)
{
    if (child->pid > 0 && !child->ended && waitpid(child->pid, &child->status, WNOHANG) > 0) {
        child->ended = true;
    }
}

bool demo_child_is_over(const demo_child_t *child)
{
    return child->pid == 0 || (child->ended && child->out.fd < 0 && child->err.fd < 0);
}

void demo_child_close(demo_child_t *child)
{
    if (child->pid == 0) {
        return;
    }
    int *const fds[] = {&child->in, &child->out.fd, &child->err.fd};
    for (unsigned i = 0; i < HF_COUNT_OF(fds); i++) {
        if (*fds[i] >= 0) {
            (void)close(*fds[i]);
            *fds[i] = -1;
        }
    }
}
