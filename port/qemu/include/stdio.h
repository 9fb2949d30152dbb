// SPDX-License-Identifier: MIT
// Of the C library, what tests use; for compilers that come without one. See qemu_image.c.
#ifndef QEMU_STDIO_H
#define QEMU_STDIO_H

#include <stddef.h>

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int puts(const char *text);
int putchar(int c);

#endif
