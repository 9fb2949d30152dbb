#!/bin/sh
# SPDX-License-Identifier: MIT
# The check for magic numbers must find what it is for: a literal in an expression, and a private limit behind a #define.
# Usage: test_magic_numbers.sh GENERATED
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d) || exit 2
trap 'rm -rf "$top"' EXIT
mkdir -p "$top/include" "$top/src/evse/control" "$top/src/evse/can"
failed=0

expect() { # GENERATED STATUS FILE TEXT
    rm -f "$top"/src/evse/*/*.c
    echo "int unused;" >"$top/src/evse/control/a.c"
    echo "int unused;" >"$top/src/evse/can/a.c"
    printf '%s\n' "$4" >"$top/src/evse/$3"
    sh "$here/magic_numbers.sh" "$1" "$top" >"$top/log" 2>&1
    status=$?
    if [ $status -ne "$2" ]; then
        echo "status $status, not $2, for: $4"
        cat "$top/log"
        failed=1
    fi
}

generated=$1
expect "$generated" 0 control/a.c 'int f(int a) { return a / 2 - 1; }'
expect "$generated" 1 control/a.c 'int f(int a) { return a > 3000; }'
expect "$generated" 1 control/a.c 'int f(int a) { return a + 8; }'
expect "$generated" 0 can/a.c 'int f(const unsigned char *a) { return a[7] << 8; }'
expect "$generated" 1 can/a.c 'int f(int a) { return a * 100; }'
expect "$generated" 1 control/a.c '#define WAIT_MS 3000'
expect "$generated" 1 can/a.c '#define WAIT_US (3u * HF_US_PER_S)'
expect "$generated" 0 control/a.c '#define WAIT_US EVSE_US(EVSE_REST_MS)'
expect "$generated" 0 control/a.c 'enum { places = 12 }; int f(void) { return places; }'
exit $failed
