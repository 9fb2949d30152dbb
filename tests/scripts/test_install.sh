#!/bin/sh
# SPDX-License-Identifier: MIT
# What a user of the library does: installs it somewhere, builds the examples by its CMake package and by pkg-config,
# runs them. Each must print what stands beside it; every header must compile alone. Usage: test_install.sh BUILD
set -eu
top=$(pwd)
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/usr

cmake --install "$build" --prefix "$prefix" >"$work/install.log"
cmake -S examples -B "$work/cmake" -G Ninja "-DCMAKE_PREFIX_PATH=$prefix" >"$work/configure.log"
cmake --build "$work/cmake" >"$work/build.log" || { cat "$work/build.log"; exit 1; }

pc=$(find "$prefix" -name holdfast.pc)
[ -n "$pc" ] || { echo "no pkg-config file was installed"; exit 1; }
# The file names the prefix of the configuration; pkg-config is told where it lies now.
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$prefix" --cflags --libs holdfast)

examples=0
for source in examples/*.c; do
    name=$(basename "$source" .c)
    # shellcheck disable=SC2086 # a list of words
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror "$source" $flags -o "$work/$name"
    for program in "$work/cmake/$name" "$work/$name"; do
        "$program" >"$work/$name.out" || { echo "$name: exit status $?"; exit 1; }
        diff -u "examples/$name.expected" "$work/$name.out" || { echo "$name printed something else"; exit 1; }
    done
    examples=$((examples + 1))
done
[ $examples -ge 1 ] || { echo "no examples"; exit 1; }

for header in "$prefix"/include/holdfast/hf_*.h; do
    printf '#include "holdfast/%s"\n' "$(basename "$header")" >"$work/alone.c"
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" "$work/alone.c"
done
cmp -s "$top/include/holdfast/hf_pool.h" "$prefix/include/holdfast/hf_pool.h"
echo "$examples examples"
