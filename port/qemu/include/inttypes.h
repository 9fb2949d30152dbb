// SPDX-License-Identifier: MIT
// Conversions of fixed-width integers, for compilers that come without a C library (64 bit).
#ifndef QEMU_INTTYPES_H
#define QEMU_INTTYPES_H

#include <stdint.h>

#define PRId32 "d"
#define PRIu32 "u"
#define PRIx32 "x"
#define PRIu16 "u"
#define PRIu8  "u"
#define PRId64 "ld"
#define PRIu64 "lu"
#define PRIx64 "lx"

#endif
