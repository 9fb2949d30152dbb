// SPDX-License-Identifier: MIT
// What control_path.py has to find in a holdfastd that is linked with it: a lock behind a function that the tick
// calls, and an
// allocation behind a driver that the tick only reaches through a table.
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_snapshot.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

void __real_hf_snapshot_write(hf_snapshot_t *snapshot, const void *item);
void __wrap_hf_snapshot_write(hf_snapshot_t *snapshot, const void *item);
int __real_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);

void __wrap_hf_snapshot_write(hf_snapshot_t *snapshot, const void *item)
{
    static hf_mutex_t lock;
    bool is_taken = hf_mutex_take(&lock, 0) == HF_OK;
    __real_hf_snapshot_write(snapshot, item);
    if (is_taken) {
        (void)!hf_mutex_give(&lock, 0);
    }
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    void *volatile block = malloc(count);
    free(block);
    return __real_recvmmsg(fd, messages, count, flags, timeout);
}
