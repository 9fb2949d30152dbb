// SPDX-License-Identifier: MIT
// A table of hashes with open places, half of them empty at least.
#include "lab_names.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64u
#define FNV_BEGIN   2166136261u
#define FNV_PRIME   16777619u

static uint32_t hash_of(const char *text)
{
    uint32_t hash = FNV_BEGIN;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    }
    return hash;
}

/// Where the text is, or would be. `slots` is a power of two.
static uint32_t place_of(char *const *slot, uint32_t slots, const char *text)
{
    uint32_t at = hash_of(text) & (slots - 1u);
    while (slot[at] != NULL && strcmp(slot[at], text) != 0) {
        at = (at + 1u) & (slots - 1u);
    }
    return at;
}

static int grow(lab_names_t *names)
{
    uint32_t slots = names->slots == 0 ? SLOTS_FIRST : names->slots * 2u;
    char **slot = calloc(slots, sizeof *slot);
    if (slot == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < names->slots; i++) {
        if (names->slot[i] != NULL) {
            slot[place_of(slot, slots, names->slot[i])] = names->slot[i];
        }
    }
    free(names->slot);
    names->slot = slot;
    names->slots = slots;
    return 0;
}

const char *lab_names_keep(lab_names_t *names, const char *text)
{
    if (text[0] == '\0') {
        return "";
    }
    if (names->count * 2u >= names->slots && grow(names) != 0) {
        return NULL;
    }
    char **place = &names->slot[place_of(names->slot, names->slots, text)];
    if (*place == NULL) {
        *place = strdup(text);
        names->count += *place != NULL ? 1u : 0u;
    }
    return *place;
}

void lab_names_free(lab_names_t *names)
{
    for (uint32_t i = 0; i < names->slots; i++) {
        free(names->slot[i]);
    }
    free(names->slot);
    memset(names, 0, sizeof *names);
}
