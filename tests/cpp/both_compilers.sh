#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C++ source and every public header by every C++ compiler that is here; none is a failure.
# Usage: both_compilers.sh GENERATED-HEADERS OWN-HEADERS
set -eu
cd "$(dirname "$0")/../.."
found=0
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    found=$((found + 1))
    for source in tests/cpp/*.cpp; do
        $compiler -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -Itests -Itests/cpp "-I$1" "-I$2" "$source"
    done
    # Each header alone, from C++ as from nobody else.
    for header in include/holdfast/*.h include/holdfast/*.hpp include/holdfast/compat/*.h*; do
        [ -f "$header" ] || continue
        printf '#include "%s"\n' "${header#include/}" |
            $compiler -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude "-I$1" -x c++ -
    done
done
[ $found -ge 1 ] || { echo "no C++ compiler"; exit 1; }
echo "$found compilers"
