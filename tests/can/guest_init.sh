#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# First process of the emulated PC (tests/can/qemu.sh boots it): loads every module beside it, mounts the host's files, brings a
# pair of SJA1000 controllers up on one emulated bus and a virtual bus beside them, then runs the job in the host's root.
B=/bin/busybox
$B mkdir -p /proc /sys /dev /host
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
while read -r module; do
    $B insmod "/modules/$module" 2>/dev/null || echo "guest: no $module"
done </modules/order
$B mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap hostroot /host || $B poweroff -f
$B mount -t proc proc /host/proc
$B mount -t sysfs sysfs /host/sys
$B mount -t devtmpfs dev /host/dev
$B mkdir -p /host/dev/pts /host/dev/shm
$B mount -t devpts devpts /host/dev/pts
$B mount -t tmpfs tmpfs /host/dev/shm
for word in $($B cat /proc/cmdline); do
    case $word in
    folder=*) folder=${word#folder=} ;;
    esac
done
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# By the host's shell: busybox would run its own `ip`, which knows no CAN.
{
    $B chroot /host /bin/sh -c 'for bus in can0 can1; do ip link set $bus up type can bitrate 125000 restart-ms 100; done
        ip link add dev vcan0 type vcan; ip link set vcan0 up; ip link set lo up'
    XDG_RUNTIME_DIR=/dev/shm $B chroot /host /bin/sh "$folder/job" # the host's folders carry no sockets
} >"/host$folder/output" 2>&1
echo $? >"/host$folder/status"
$B sync
$B poweroff -f
