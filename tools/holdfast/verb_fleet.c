// SPDX-License-Identifier: MIT
// `holdfast fleet`: a program of its own beside this one, of the configuration that a charge point with one connector has.
#include "holdfast.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "holdfast-fleet"

int verb_fleet(int argc, char **argv)
{
    (void)argc;
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof PROGRAM);
    char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (slash == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, "fleet", "this program's own place cannot be found");
    }
    memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
    (void)execv(path, argv);
    return tool_fail(TOOL_ENVIRONMENT, "fleet", "%s: %s", path, strerror(errno));
}
