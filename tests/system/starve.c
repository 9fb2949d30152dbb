// SPDX-License-Identifier: MIT
// For tests, preloaded: in the thread named STARVE_TASK every STARVE_EVERY-th allocation fails from the start of the program
// on. Two words in the file STARVE_TOLD: how many failed, how many there were.
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static atomic_uint asked, failed;

static int is_refused(void)
{
    char name[17] = "";
    const char *every = getenv("STARVE_EVERY"), *task = getenv("STARVE_TASK");
    if (every == NULL || task == NULL || prctl(PR_GET_NAME, name) != 0 || strcmp(name, task) != 0) {
        return 0;
    }
    unsigned number = atomic_fetch_add(&asked, 1u) + 1u;
    if (number % (unsigned)strtoul(every, NULL, 10) != 0) {
        return 0;
    }
    (void)atomic_fetch_add(&failed, 1u);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return is_refused() ? NULL : __libc_realloc(block, size);
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("STARVE_TOLD");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%u %u\n", atomic_load(&failed), atomic_load(&asked));
        (void)fclose(file);
    }
}
