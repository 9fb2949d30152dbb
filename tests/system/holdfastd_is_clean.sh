#!/bin/sh
# SPDX-License-Identifier: MIT
# The shipped daemon holds no simulation, no fault injection and no control of time: by its symbols and by its options.
# The same look at holdfast-simd must find them, or it would prove nothing. Usage: holdfastd_is_clean.sh BIN_DIR
set -u
bin=$1
# What marks a simulated world: the outlet, the world around it, flash in memory, a central system, stepped time.
marks='sim_|world_|scenario_|csms_|hf_flash_ram|fault_inject|inject_|stepped|time_scale|warp'
options='sim|fault|inject|step|speed|time|clock|hours|kill|outage|seed|warp|day'
failed=0

fail() {
    echo "FAIL $1"
    failed=1
}

symbols() { # PROGRAM: names of its own functions and objects
    nm "$bin/$1" | awk 'NF == 3 && $2 ~ /[tTdDbBrR]/ { print $3 }'
}

option_names() { # PROGRAM
    "$bin/$1" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

symbols holdfastd | grep -qx evse_control_tick || fail "holdfastd has no symbols: stripped?"
found=$(symbols holdfastd | grep -E "^($marks)|fault_inject|time_scale")
[ -z "$found" ] || fail "holdfastd holds: $(echo "$found" | tr '\n' ' ')"
found=$(option_names holdfastd | grep -E "$options")
[ -z "$found" ] || fail "holdfastd has options: $(echo "$found" | tr '\n' ' ')"
option_names holdfastd | grep -qx -- --csms || fail "holdfastd --help could not be read"

for mark in sim_ world_ csms_ hf_flash_ram; do
    symbols holdfast-simd | grep -qE "^$mark" || fail "no $mark in holdfast-simd: this test looks for the wrong names"
done
for option in --hours --faults --kills --seed; do
    option_names holdfast-simd | grep -E "$options" | grep -qx -- $option ||
        fail "no $option in holdfast-simd: this test looks for the wrong options"
done
[ $failed -eq 0 ] && echo "ok holdfastd holds no simulation, fault or time control"
exit $failed
