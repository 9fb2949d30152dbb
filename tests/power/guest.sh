#!/bin/sh
# SPDX-License-Identifier: MIT
# First process of the guest that power_cut.py cuts: the journal's ext4 on /dev/ubda, and around it, in the same guest, a vehicle, a
# central system and the shipped holdfastd. Plays sessions until it is cut; in its last round only delivers, and powers off in good order.
# POWER_PROGRAMS folder of the programs, POWER_FOLDER what the host keeps, POWER_ROUND number, POWER_MODE online, offline or deliver.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
B=/bin/busybox
out=$POWER_FOLDER/$POWER_ROUND
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
$B mount -t tmpfs tmpfs /run
exec >"$out.guest" 2>&1
ip link set lo up
modules=/usr/lib/uml/modules/$($B uname -r)/kernel
for module in lib/crc16 crypto/crc32c_generic lib/libcrc32c fs/mbcache fs/jbd2/jbd2 fs/ext4/ext4; do
    [ ! -e "$modules/$module.ko" ] || $B insmod "$modules/$module.ko"
done
mkdir /run/state
$B mount -t ext4 -o data=ordered /dev/ubda /run/state || exec $B poweroff -f

mkfifo /run/vehicle
$B sleep 1000 >/run/vehicle & # holds it open
"$POWER_PROGRAMS/holdfast" sim --can virtual:/run/bus --io socket:/run/io </run/vehicle >"$out.vehicle" &
central_system() {
    "$POWER_PROGRAMS/holdfast" csms --port 9000 </dev/null >>"$out.events" &
}
[ "$POWER_MODE" = offline ] || central_system
"$POWER_PROGRAMS/holdfastd" --csms ws://127.0.0.1:9000 --id CUT --can virtual:/run/bus --io socket:/run/io --profile m33-1024 --state /run/state \
    --http none --set AllowOfflineTxForUnknownId=true --set MeterValueSampleInterval=1 2>"$out.log" &
daemon=$!
: >"$out.ready"

if [ "$POWER_MODE" = deliver ]; then
    $B sleep "$POWER_SECONDS"
    kill "$daemon"
    wait "$daemon"
    echo "ended $?" >"$out.ended"
    $B umount /run/state
    $B sync
    exec $B poweroff -f
fi
session=0
while [ $session -lt 30 ]; do
    session=$((session + 1))
    tag=CUT-$((1000 + POWER_ROUND * 30 + session)) # the log shows its last four characters
    echo "plug 1" >/run/vehicle
    $B sleep 0.8
    echo "card 1 $tag" >/run/vehicle
    $B sleep 1.5
    echo "card 1 $tag" >/run/vehicle
    $B sleep 0.5
    echo "unplug 1" >/run/vehicle
    $B sleep 0.7
done
exec $B poweroff -f
