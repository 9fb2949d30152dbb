#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when control/ or can/ decide by a number without a name: literals by clang-tidy, and private #defines of times and
# limits (a name that ends in a unit) with a literal in them, which clang-tidy does not look into. Times and limits are entries of
# include/evse/evse_timing.h or fields of a profile. Besides 0, 1 and 2 the protocols may have byte positions, lengths and shifts.
# Usage: magic_numbers.sh GENERATED [TOP]: where hf_autoconf.h is
generated=$1
top=${2:-$(dirname "$0")/../..}
cd "$top" || exit 2
command -v clang-tidy >/dev/null || { echo "clang-tidy is missing" >&2; exit 2; }
control="1;2"
can="1;2;3;4;5;6;7;8;16;24"
failed=0

tidy() { # IGNORED FILE...
    check=cppcoreguidelines-avoid-magic-numbers
    ignored=$1
    shift
    clang-tidy --quiet --checks="-*,$check" --warnings-as-errors='*' \
        --config="{CheckOptions: [{key: $check.IgnoredIntegerValues, value: '$ignored'}]}" "$@" -- \
        -std=c11 -Iinclude -Isrc/evse/control -Isrc/evse/can -I"$generated" 2>/dev/null || failed=1
}

tidy "$control" src/evse/control/*.c
tidy "$can" src/evse/can/*.c
units='ms|us|s|Hz|mV|mA|mW|mJ|dC|percent|permille'
if grep -nHiE "^#define +[A-Za-z_0-9]+_($units)(_(max|min))?[^A-Za-z_0-9](.*[^A-Za-z_0-9])?[0-9]" \
    src/evse/control/*.[ch] src/evse/can/*.[ch] | grep -vE '#define +[A-Za-z_0-9]+_PER_'; then
    echo "a private time or limit: it belongs into the menu \"Times and limits\" or into a profile"
    failed=1
fi
exit $failed
