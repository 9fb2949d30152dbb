#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest: a whole session of the shipped holdfastd over a kernel bus, read along by Debian's candump; with commissioning where the bus
# is not one of the kernel's own. session.sh FOLDER-OF-PROGRAMS INTERFACE[,INTERFACE-OF-THE-VEHICLE]
set -u
programs=$1
interfaces=$2 # of the charge point, or CHARGER,VEHICLE
bus=${interfaces%,*}
log=$(mktemp /var/tmp/candump.XXXXXX) || exit 1
told=$(mktemp /var/tmp/session.XXXXXX) || exit 1
trap 'rm -f "$log" "$told"' EXIT
candump -L "$bus" >"$log" &
reader=$!
"$programs/holdfast" demo --once --bus "socketcan:$interfaces" --http 127.0.0.1:0 >"$told"
status=$?
kill $reader
cat "$told"
[ $status -eq 0 ] || exit $status

sees() { # PATTERN WHAT: how many frames candump read
    count=$(grep -c " $1" "$log")
    echo "candump: $count of $2"
    [ "$count" -gt 0 ] || { echo "candump saw no $2" && exit 1; }
}
sees '068181FE#0132000100000000' "OFF to the module"
sees '068181FE#0132000000000000' "ON to the module"
sees '068182FE#0184000000000000' "queries of the voltage"
sees '1806E5F4#' "requests of the BMS"
sees '00433F01#' "terminal readings"
first=$(grep -m 1 ' 068181FE#' "$log" | sed 's/.*#//')
[ "$first" = 0132000100000000 ] || { echo "the first control frame was $first, not OFF" && exit 1; }
last=$(grep ' 068181FE#0132' "$log" | tail -n 1 | sed 's/.*#//')
[ "$last" = 0132000100000000 ] || { echo "the last switch frame was $last, not OFF" && exit 1; }
case $bus in
vcan*) ;;
*) grep -q "commissioned" "$told" || { echo "a session on a physical bus without commissioning" && exit 1; } ;;
esac
