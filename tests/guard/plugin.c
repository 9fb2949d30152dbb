// SPDX-License-Identifier: MIT
// A library that takes memory, for the rules that know libraries by name.
#include <stdlib.h>

void *guard_plugin_take(size_t bytes);

void *guard_plugin_take(size_t bytes)
{
    void *block = malloc(bytes);
    if (block != NULL) {
        *(volatile char *)block =
            1; // so that the call is not the last thing here: a tail call would be the caller's
    }
    return block;
}
