// SPDX-License-Identifier: MIT
// Texts that come again and again (tags, names of tasks and pools), each kept once: a row has a pointer to its own. On a
// desk: allocates, and says when it cannot.
#ifndef LAB_NAMES_H
#define LAB_NAMES_H

#include <stdint.h>

typedef struct lab_names { // zeroed: empty
    char **slot;
    uint32_t slots, count;
} lab_names_t;

/// The text as it is kept, good until lab_names_free(). Of an empty one there is no copy. NULL: no memory.
const char *lab_names_keep(lab_names_t *names, const char *text);
void lab_names_free(lab_names_t *names);

#endif
