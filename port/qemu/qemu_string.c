// SPDX-License-Identifier: MIT
// The string functions an image of the memory runtime needs where the compiler has no C library. Plain loops.
// Compiled with -fno-tree-loop-distribute-patterns, or the compiler would turn each loop into a call of itself.
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    while (length-- > 0) {
        *out++ = *in++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t length)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    for (size_t i = 0; i < length; i++) {
        size_t at = (uintptr_t)to <= (uintptr_t)from ? i : length - 1u - i;
        out[at] = in[at];
    }
    return to;
}

void *memset(void *to, int byte, size_t length)
{
    uint8_t *out = to;
    while (length-- > 0) {
        *out++ = (uint8_t)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const uint8_t *one = a, *two = b;
    for (size_t i = 0; i < length; i++) {
        if (one[i] != two[i]) {
            return one[i] < two[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (int)(uint8_t)*a - (int)(uint8_t)*b;
}
