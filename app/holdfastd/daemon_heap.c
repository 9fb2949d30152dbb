// SPDX-License-Identifier: MIT
// The way under the budget: environment, then exec. A mark with the process's number, which exec keeps, tells that it has
// been tried: it is tried once.
#include "daemon_heap.h"

#include "holdfast_malloc_spec.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libholdfast-malloc.so"
#define MARK    "HOLDFASTD_UNDER_HEAP"

// Beside the program, as in the build tree; or where the package puts it.
static const char *const places[] = {"", "../" HOLDFAST_LIBDIR "/", "../lib/"};

static int fail(int code, const char *what, const char *text)
{
    (void)fprintf(stderr, "holdfastd: heap: %s%s%s\n", what, text[0] != '\0' ? ": " : "", text);
    return code;
}

int daemon_heap_check(const char *text)
{
    hf_heap_spec_t spec;
    hf_heap_error_t error;
    int status = hf_heap_spec_parse(&spec, text, &error);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfastd: heap '%s': %s\n", text, error.text);
    } else if (hf_heap_spec_find(&spec, "internal") < 0) {
        (void)fprintf(stderr,
                      "holdfastd: heap '%s': a device has internal memory: internal=SIZE is "
                      "missing\n",
                      text);
        status = HF_E_ARGUMENT;
    }
    return status;
}

static bool is_under(const char *text)
{
    const char *now = getenv("HOLDFAST_HEAP");
    return now != NULL && strcmp(now, text) == 0 &&
           dlsym(RTLD_DEFAULT, "holdfast_malloc_read") != NULL;
}

static int find_library(char *program, char *library)
{
    ssize_t length = readlink("/proc/self/exe", program, PATH_MAX - 1);
    if (length <= 0) {
        return HF_E_IO;
    }
    program[length] = '\0';
    const int folder = (int)(strrchr(program, '/') - program) + 1;
    for (size_t i = 0; i < HF_COUNT_OF(places); i++) {
        (void)snprintf(library, PATH_MAX, "%.*s%s%s", folder, program, places[i], LIBRARY);
        if (access(library, R_OK) == 0) {
            return HF_OK;
        }
    }
    return HF_E_NOT_FOUND;
}

static int set_preload(const char *library)
{
    static char list[2 * PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    if (before != NULL && strstr(before, LIBRARY) != NULL) {
        return 0;
    }
    (void)snprintf(list, sizeof list, "%s%s%s", library, before != NULL ? ":" : "",
                   before != NULL ? before : "");
    return setenv("LD_PRELOAD", list, 1);
}

int daemon_heap_enter(const options_t *options, char **argv)
{
    static char program[PATH_MAX], library[PATH_MAX];
    char self[16];
    if (options->heap[0] == '\0' || is_under(options->heap)) {
        (void)unsetenv(MARK);
        return -1;
    }
    (void)snprintf(self, sizeof self, "%ld", (long)getpid());
    const char *mark = getenv(MARK);
    if (mark != NULL && strcmp(mark, self) == 0) {
        return fail(EXIT_OS, "the loader did not take " LIBRARY, "");
    }
    if (find_library(program, library) != HF_OK) {
        return fail(EXIT_UNAVAILABLE,
                    LIBRARY " is neither beside this program nor in its library "
                            "directory",
                    "");
    }
    if (strpbrk(library, " :") != NULL) { // they separate libraries there
        return fail(EXIT_UNAVAILABLE, "cannot be preloaded, there is a blank or a colon in",
                    library);
    }
    if (set_preload(library) == 0 && setenv("HOLDFAST_HEAP", options->heap, 1) == 0 &&
        setenv(MARK, self, 1) == 0) {
        (void)execv(program, argv);
    }
    return fail(EXIT_OS, "cannot start again", strerror(errno));
}
