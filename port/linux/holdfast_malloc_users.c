// SPDX-License-Identifier: MIT
// Who takes: the loaded object of a return address, and the thread's tag. An object is known by where it lies and by its
// name, both looked at on every take, so a library that comes where another one was is told from it. The search for an
// object is the C library's _dl_find_object(), which takes no lock: dl_iterate_phdr() would take the loader's, under which
// somebody else may be waiting for ours.
#include "holdfast_malloc_private.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#define PROGRAM "(program)"
#define UNKNOWN "(unknown)"

// Of glibc 2.35; without it everything is taken by (unknown), and rules on libraries fit nothing.
extern int _dl_find_object(void *address, struct dl_find_object *result) __attribute__((weak));

hf_heap_object_t hf_heap_object_of(const void *code)
{
    struct dl_find_object found;
    hf_heap_object_t object = {.place = NULL, .path = ""};
    if (_dl_find_object != NULL && _dl_find_object((void *)(uintptr_t)code, &found) == 0) {
        object.place = found.dlfo_map_start;
        object.path = found.dlfo_link_map->l_name;
    }
    return object;
}

static const char *name_of(hf_heap_object_t object)
{
    if (object.place == NULL || object.path == NULL) {
        return UNKNOWN;
    }
    const char *slash = strrchr(object.path, '/');
    const char *name = slash != NULL ? slash + 1 : object.path;
    return *name != '\0' ? name : PROGRAM;
}

static void copy_name(char *out, const char *name)
{
    size_t length = strnlen(name, HOLDFAST_MALLOC_NAME_BYTES - 1u);
    memcpy(out, name, length);
    out[length] = '\0';
}

static bool fits(const char *pattern, const char *name)
{
    return pattern[0] == '\0' || hf_heap_glob(pattern, name);
}

static void learn(hf_heap_t *heap, hf_heap_user_t *user, const char *name, bool is_tag)
{
    copy_name(user->name, name);
    for (uint32_t i = 0; i < heap->routes.count; i++) {
        const hf_heap_selector_t *who = &heap->routes.rule[i].who;
        user->rules |= (uint32_t)fits(is_tag ? who->tag : who->library, user->name) << i;
    }
    user->may_fail = fits(is_tag ? heap->fail.who.tag : heap->fail.who.library, user->name);
}

void hf_heap_users_init(hf_heap_t *heap)
{
    for (uint32_t i = 0; i < heap->routes.count; i++) {
        heap->dma_rules |= (uint32_t)heap->routes.rule[i].who.is_dma << i;
    }
    learn(heap, &heap->library[HF_HEAP_UNKNOWN], UNKNOWN, false);
    learn(heap, &heap->tag[HF_HEAP_UNKNOWN], "", true);
    heap->library_count = heap->tag_count = 1;
}

static bool is_named(const hf_heap_user_t *user, const char *name)
{
    return strncmp(user->name, name, HOLDFAST_MALLOC_NAME_BYTES - 1u) == 0;
}

/// The same name somewhere else: loaded again, or unloaded and come back. It goes on under its number.
static uint32_t find_named(const hf_heap_user_t *users, uint32_t count, const char *name)
{
    uint32_t i = 1;
    while (i < count && !is_named(&users[i], name)) {
        i++;
    }
    return i;
}

uint8_t hf_heap_library_of(hf_heap_t *heap, hf_heap_object_t object)
{
    if (object.place == NULL) {
        return HF_HEAP_UNKNOWN;
    }
    const char *name = name_of(object);
    for (uint32_t i = 1; i < heap->library_count; i++) {
        if (heap->library_place[i] == object.place && is_named(&heap->library[i], name)) {
            return (uint8_t)i;
        }
    }
    const uint32_t number = find_named(heap->library, heap->library_count, name);
    if (number == HF_HEAP_LIBRARIES_MAX) {
        return HF_HEAP_UNKNOWN;
    }
    if (number == heap->library_count) {
        learn(heap, &heap->library[number], name, false);
        heap->library_count++;
    }
    heap->library_place[number] = object.place;
    return (uint8_t)number;
}

uint8_t hf_heap_tag_of(hf_heap_t *heap, const char *name)
{
    if (name == NULL || *name == '\0') {
        return HF_HEAP_UNKNOWN;
    }
    const uint32_t number = find_named(heap->tag, heap->tag_count, name);
    if (number == HF_HEAP_TAGS_MAX) {
        return HF_HEAP_UNKNOWN;
    }
    if (number == heap->tag_count) {
        learn(heap, &heap->tag[number], name, true);
        heap->tag_count++;
    }
    return (uint8_t)number;
}
