#!/bin/sh
# SPDX-License-Identifier: MIT
# In the emulated PC: the driver's tests on a virtual bus, then those that make sense between two SJA1000 controllers on one bus.
# sja1000.sh PROGRAM
set -u
program=$1
"$program" || exit 1
export HF_CAN=can0 HF_CAN_PEER=can1
for name in frames_cross_in_both_directions stamp_is_the_arrival_not_the_poll filter_lets_only_what_is_wanted_in \
    remote_and_error_frames_are_never_data interface_down_is_bus_off_and_comes_back; do
    "$program" "socketcan_$name" || exit 1
done
ip -details -statistics link show can0
