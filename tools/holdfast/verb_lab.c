// SPDX-License-Identifier: MIT
// `holdfast lab`: a program of its own beside this one, which links no part of the charge point.
#include "holdfast.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "holdfast-lab"

int verb_lab(int argc, char **argv)
{
    (void)argc;
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof PROGRAM);
    char *slash = length > 0 ? memrchr(path, '/', (size_t)length) : NULL;
    if (slash == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, "lab", "this program's own place cannot be found");
    }
    memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
    (void)execv(path, argv);
    return tool_fail(TOOL_ENVIRONMENT, "lab", "%s: %s", path, strerror(errno));
}
