// SPDX-License-Identifier: MIT
// A program that a device is made of: started, spoken to, listened to, ended by its process id. Invariant: none
// outlives the lab, however that ends.
#ifndef LAB_DEVICE_CHILD_H
#define LAB_DEVICE_CHILD_H

#include "lab.h"

#include <sys/types.h>

#define LAB_CHILD_ENV 4u

typedef struct lab_child {
    pid_t pid; // 0: never started, or buried
    bool ended;
    int status;  // of waitpid(), once ended
    int in, out; // pipes of its stdin and stdout; -1 none
    char line[8192];
    size_t length;
    bool skips; // the rest of a line that was too long
} lab_child_t;

typedef struct lab_child_plan {
    char *const *argv;
    const char *
        log; // what it says on stderr (and on stdout, unless it talks) is appended there; NULL: dropped
    bool talks;                     // lines on stdin and stdout
    int extra;                      // a descriptor it is given as 3; 0: none
    const char *set[LAB_CHILD_ENV]; // "NAME=VALUE"; NULL: none
} lab_child_plan_t;

void lab_child_init(lab_child_t *child);
/// -1: errno says why.
int lab_child_start(lab_child_t *child, const lab_child_plan_t *plan);
/// Also collects its status.
bool lab_child_is_running(lab_child_t *child);
/// -1: it does not listen.
int lab_child_tell(lab_child_t *child, const char *line);
/// Calls `take` with each whole line that is there.
void lab_child_read(lab_child_t *child, void (*take)(void *ctx, const char *line), void *ctx);
/// SIGCONT and SIGTERM, after limit_ms SIGKILL; buries it and closes its pipes. A child never started: nothing.
void lab_child_end(lab_child_t *child, unsigned limit_ms);
/// "ended with status 70", "ended by signal 11 (Segmentation fault)".
void lab_child_tell_end(const lab_child_t *child, char *out, size_t capacity);

#endif
