// SPDX-License-Identifier: MIT
// Loads contenders. RTLD_DEEPBIND makes each heap find its own malloc before the one of the process.
#include "contender.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 4096u

static char null_block[CONTENDER_BLOCK_BYTES];

static void *null_take(size_t bytes)
{
    return bytes <= sizeof null_block ? null_block : NULL;
}

static void null_give(void *block)
{
    // A compiler that saw an empty function would drop the call.
    __asm__ volatile("" : : "r"(block) : "memory");
}

void contender_null(contender_t *contender)
{
    *contender = (contender_t){.name = "null", .take_heap = null_take, .give_heap = null_give};
}

void contender_glibc(contender_t *contender)
{
    *contender = (contender_t){.name = "glibc", .take_heap = malloc, .give_heap = free};
}

static bool complain(const char *text, const char *why)
{
    (void)fprintf(stderr, "bench: contender '%s': %s\n", text, why);
    return false;
}

static void *load(const char *path)
{
    return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
}

/// POSIX gives functions as object pointers; C lets bytes be copied.
static bool find_function(void *object, const char *symbol, void *function, size_t bytes)
{
    void *address = dlsym(object, symbol);
    if (address == NULL || bytes != sizeof address) {
        return false;
    }
    memcpy(function, &address, sizeof address);
    return true;
}

static bool open_heap(contender_t *contender, void *object, const char *take, const char *give)
{
    return find_function(object, take, &contender->take_heap, sizeof contender->take_heap) &&
           find_function(object, give, &contender->give_heap, sizeof contender->give_heap);
}

bool contender_open(contender_t *contender, const char *text)
{
    char copy[TEXT_BYTES];
    if (strlen(text) >= sizeof copy) {
        return complain("...", "too long");
    }
    memcpy(copy, text, strlen(text) + 1u);
    char *path = strchr(copy, '=');
    if (path == NULL || (size_t)(path - copy) >= sizeof contender->name) {
        return complain(text, "NAME=PATH[:TAKE,GIVE] is needed");
    }
    *path++ = '\0';
    char *take = strchr(path, ':');
    char *give = take != NULL ? strchr(take, ',') : NULL;
    if (take != NULL && give != NULL) {
        *take++ = '\0';
        *give++ = '\0';
    }
    *contender = (contender_t){.name = ""};
    memcpy(contender->name, copy, strlen(copy) + 1u);
    void *object = load(path);
    if (object == NULL) {
        return complain(text, dlerror());
    }
    if (take == NULL) {
        contender->pool = dlsym(object, CONTENDER_POOL_SYMBOL);
        return contender->pool != NULL || complain(text, "no pool in it");
    }
    return (give != NULL && open_heap(contender, object, take, give)) ||
           complain(text, "no such functions in it");
}

void contender_renew(contender_t *contender, uint32_t count)
{
    if (contender->pool != NULL) {
        contender->instance = contender->pool->open(count);
        if (contender->instance == NULL) {
            (void)fprintf(stderr, "bench: %s: the pool refuses %u blocks\n", contender->name,
                          (unsigned)count);
            exit(1);
        }
        contender->second =
            contender->pool->join != NULL ? contender->pool->join() : contender->instance;
    }
}
