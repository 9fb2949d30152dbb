#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when clang-format 14 would lay out a C source differently.
cd "$(dirname "$0")/../.." || exit 1
find include src port app tools tests examples -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null |
    xargs clang-format --dry-run -Werror
