#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a shell script with arguments as a guest's only job in user-mode Linux, whose kernel has CAN: uml.sh SHIM LIMIT_S SCRIPT
# [ARGUMENT]... Exits with its status; 77, loudly, where no guest can be had.
set -u
here=$(cd "$(dirname "$0")" && pwd)
shim=$1
limit_s=$2
shift 2
skip() {
    echo "SKIP: SocketCAN cannot be tested here: $1" >&2
    exit 77
}

command -v linux.uml >/dev/null || skip "user-mode-linux is not installed"
[ -x /bin/busybox ] || skip "busybox-static is not installed"
memory=/dev/shm # the guest's memory is a file there; its own /dev hides the rest
[ -w $memory ] || memory=/tmp
folder=$(mktemp -d /var/tmp/uml.XXXXXX) || exit 1
trap 'rm -rf "$folder"' EXIT
{
    printf 'exec /bin/sh'
    for word in "$@"; do
        printf " '%s'" "$word"
    done
} >"$folder/job"
LD_PRELOAD=$shim TMPDIR=$memory timeout -k 5 "$limit_s" linux.uml mem=192M rootfstype=hostfs rootflags=/ rw init="$here/uml_init.sh" \
    UML_JOB="$folder/job" UML_STATUS="$folder/status" UML_OUTPUT="$folder/output" con=null con0=fd:0,fd:1 quiet </dev/null >"$folder/console" 2>&1
ended=$?
[ -s "$folder/status" ] || {
    cat "$folder/output" "$folder/console" 2>/dev/null | tail -n 60
    [ $ended -ne 124 ] || { echo "uml: no end within $limit_s s" && exit 1; }
    [ -s "$folder/output" ] || skip "the guest does not boot (status $ended)"
    exit 1
}
cat "$folder/output"
exit "$(cat "$folder/status")"
