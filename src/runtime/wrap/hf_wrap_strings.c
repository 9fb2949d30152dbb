// SPDX-License-Identifier: MIT
// The linker sends strdup, strndup and reallocarray here (--wrap). Written anew over the C library's malloc and
// realloc, so that each is one call of its own caller, and a C library without reallocarray serves too.
#include "hf_wrap_private.h"

#include <string.h>

char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
void *__wrap_reallocarray(void *block, size_t count, size_t size);

static char *copy(const char *text, size_t length)
{
    char *made = __real_malloc(length + 1u);
    if (made != NULL) {
        memcpy(made, text, length);
        made[length] = '\0';
    }
    return made;
}

char *__wrap_strdup(const char *text)
{
    hf_wrap_call_t call;
    const size_t length = strlen(text);
    const bool is_watched = hf_wrap_begin(&call, HF_WRAP_STRDUP, length + 1u, HF_WRAP_CALLER());
    char *made = copy(text, length);
    return is_watched ? hf_wrap_end(&call, made) : made;
}

char *__wrap_strndup(const char *text, size_t most)
{
    hf_wrap_call_t call;
    const char *end = memchr(text, '\0', most);
    const size_t length = end != NULL ? (size_t)(end - text) : most;
    const bool is_watched = hf_wrap_begin(&call, HF_WRAP_STRNDUP, length + 1u, HF_WRAP_CALLER());
    char *made = copy(text, length);
    return is_watched ? hf_wrap_end(&call, made) : made;
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    hf_wrap_call_t call;
    size_t bytes = 0;
    const bool overflows = hf_wrap_overflows(count, size, &bytes);
    if (!hf_wrap_begin(&call, HF_WRAP_REALLOCARRAY, bytes, HF_WRAP_CALLER())) {
        return overflows ? NULL : __real_realloc(block, bytes);
    }
    return overflows ? hf_wrap_end_overflow(&call)
                     : hf_wrap_end(&call, __real_realloc(block, bytes));
}
