#!/bin/sh
# SPDX-License-Identifier: MIT
# First process of the guest (tests/can/uml.sh boots it): modules, two virtual CAN buses, loopback, then the command of the file
# named by UML_JOB, whose status goes into UML_STATUS. The host's files are the guest's.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t tmpfs tmpfs /run 2>/dev/null
modules=/usr/lib/uml/modules/$($B uname -r)/kernel
{
    for module in drivers/net/can/dev/can-dev net/can/can net/can/can-raw drivers/net/can/vcan; do
        $B insmod "$modules/$module.ko" || echo "uml: no module $module"
    done
    for bus in vcan0 vcan1; do
        ip link add dev $bus type vcan && ip link set $bus up
    done
    ip link set lo up
    /bin/sh "$UML_JOB"
} >"$UML_OUTPUT" 2>&1
echo $? >"$UML_STATUS"
$B sync
$B poweroff -f
