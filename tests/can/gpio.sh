#!/bin/sh
# SPDX-License-Identifier: MIT
# The GPIO back end on a chip of gpio-sim, on a kernel built with it (Debian amd64 is not): gpio.sh GPIO_LINE_TEST, as root; 77 where
# the kernel has none.
set -u
config=/sys/kernel/config
[ -d $config/gpio-sim ] || mount -t configfs none $config 2>/dev/null
if ! mkdir $config/gpio-sim/holdfast 2>/dev/null; then
    echo "SKIP: this kernel has no gpio-sim" >&2
    exit 77
fi
bank=$config/gpio-sim/holdfast/bank0
mkdir $bank && echo 8 >$bank/num_lines && echo 1 >$config/gpio-sim/holdfast/live || exit 1
chip=$(cat $bank/chip_name)
device=$(cat $config/gpio-sim/holdfast/dev_name)
[ -e "/dev/$chip" ] || mknod "/dev/$chip" c $(tr : ' ' <"/sys/bus/gpio/devices/$chip/dev") || exit 1
"$1" "$chip" "/sys/devices/platform/$device/$chip"
