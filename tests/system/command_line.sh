#!/bin/sh
# SPDX-License-Identifier: MIT
# Help and wrong options behave as those of well-made Unix tools: help on stdout with status 0; a mistake on stderr with
# its name in it, nothing on stdout, and the documented status. Usage: command_line.sh BIN_DIR TOP
set -u
bin=$1
top=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL $1"
    sed 's/^/  out: /' "$work/out" | head -n 5
    sed 's/^/  err: /' "$work/err" | head -n 5
    failed=1
}

run() { # COMMAND...: status in $status, output in files
    timeout 20 "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

helps() { # COMMAND...
    run "$@"
    [ $status -eq 0 ] || fail "$*: status $status, not 0"
    grep -q '^Usage: ' "$work/out" || fail "$*: no usage on stdout"
    [ ! -s "$work/err" ] || fail "$*: help speaks on stderr"
}

refuses() { # STATUS TEXT COMMAND...: TEXT must be in the message
    expected=$1
    text=$2
    shift 2
    run "$@"
    [ $status -eq "$expected" ] || fail "$*: status $status, not $expected"
    grep -qF -- "$text" "$work/err" || fail "$*: the message does not name '$text'"
    [ ! -s "$work/out" ] || fail "$*: a mistake speaks on stdout"
}

helps "$bin/holdfastd" --help
helps "$bin/holdfastd" -h
refuses 64 no-such-option "$bin/holdfastd" --no-such-option
refuses 64 stray "$bin/holdfastd" stray
refuses 64 csms "$bin/holdfastd" --csms
refuses 78 csms "$bin/holdfastd" --id CP1
refuses 78 http://x "$bin/holdfastd" --id CP1 --csms http://x --can virtual:/x --io socket:/x
refuses 78 profile "$bin/holdfastd" --id CP1 --csms ws://x/ --can socketcan:can0 --io socket:/x
refuses 78 none-such "$bin/holdfastd" --id CP1 --csms ws://x/ --can socketcan:can0 --io socket:/x --profile none-such
run "$bin/holdfastd" --version
grep -qE '^holdfastd [0-9]+\.[0-9]+' "$work/out" || fail "holdfastd --version"
run "$bin/holdfastd" --check --id CP1 --csms ws://x/ --can socketcan:can0 --profile m33-1024 --io socket:/x
[ $status -eq 0 ] || fail "a good configuration is refused"
given="--id CP1 --csms ws://x/ --io socket:/x"
wrong() { # TEXT OPTION...: besides what is given
    text=$1
    shift
    # shellcheck disable=SC2086 # a list of words
    refuses 78 "$text" "$bin/holdfastd" $given "$@"
}
wrong canbus:/x --can canbus:/x
wrong last --bms-can virtual:/b
wrong last --modules 2
wrong "only once" --can virtual:/a --bms-can virtual:/a
wrong "only once" --can virtual:/a --can virtual:/a
wrong modules --can virtual:/a --modules 0
wrong nobody --can virtual:/a --bms nobody
wrong commission --can virtual:/a --commission=perhaps
wrong /no-such-file --can virtual:/a --io gpio:/no-such-file
wrong "ws://'" --can virtual:/a --csms ws://
wrong "IPv4" --can virtual:/a --http charger:80
wrong "Is a directory" --can virtual:/a --ca "$work"
wrong "Is a directory" --can virtual:/a --config "$work"
wrong "$work/none" --can virtual:/a --portal-password-file "$work/none"
# shellcheck disable=SC2046 # seventeen options
wrong "no more of these" --can virtual:/a $(for i in $(seq 17); do echo --set "a=$i"; done)
wrong nowhere:x --can virtual:/a --io nowhere:x
wrong /no-such-device --can virtual:/a --http none --state "$work/state" --watchdog /no-such-device
refuses 64 watchdog "$bin/holdfastd" --watchdog
# shellcheck disable=SC2086 # a list of words
run "$bin/holdfastd" --check $given --can virtual:/a --bms-can virtual:/b --modules 2 --bms elcon-soc --commission --can virtual:/c
[ $status -eq 0 ] || fail "two connectors, one with a bus for its BMS, are refused"
printf 'commission = yes\ncan = virtual:/a\nbms-can = virtual:/b\n' >"$work/conf"
# shellcheck disable=SC2086 # a list of words
run "$bin/holdfastd" --check $given --config "$work/conf"
[ $status -eq 0 ] || fail "the same in a file is refused"

helps "$bin/holdfast" --help
refuses 2 no-such-verb "$bin/holdfast" no-such-verb
refuses 2 --no-such-option "$bin/holdfast" --no-such-option
for verb in demo sim csms trace; do
    helps "$bin/holdfast" $verb --help
    refuses 2 --no-such-option "$bin/holdfast" $verb --no-such-option
done

helps "$bin/holdfast-simd" --help
refuses 2 no-such-option "$bin/holdfast-simd" --no-such-option
refuses 2 hours "$bin/holdfast-simd" --hours
refuses 2 hours "$bin/holdfast-simd" --hours x

helps "$top/run" --help
refuses 2 --no-such-option "$top/run" --no-such-option
refuses 2 --id "$top/run" --id
helps "$top/check" --help
refuses 2 --no-such-option "$top/check" --no-such-option
refuses 2 no-such-stage "$top/check" --full=no-such-stage
[ $failed -eq 0 ] && echo "ok help and mistakes"
exit $failed
