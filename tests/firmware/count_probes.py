#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What everything that watches takes beside a control tick on the Cortex-M4, counted in QEMU (count_probes.c): telemetry, bounded
locks, checks of stacks, and the supervisor with check-ins, verdict, health, queue of faults and lateness. Usage: count_probes.py
BUILD.

Exit status: 0 all of it is below 2 % of the tick, 1 it is not, 3 a tool is missing.
"""
import os
import sys

import count_estop

LIMIT_PERMILLE = 20
PARTS = ("m4.probes.supervision", "m4.probes.telemetry")


def main(build):
    count_estop.IMAGE = os.path.join("bin", "count_probes")
    rows = count_estop.measure(build)
    for name, (value, worst) in rows.items():
        print(name, value, worst)
    if 0 in (rows[name][0] for name in PARTS):
        sys.exit("something was not counted")
    share = rows["m4.probes.permille"][0]
    if share >= LIMIT_PERMILLE:
        sys.exit(f"what watches takes {share} permille of a tick, at most {LIMIT_PERMILLE - 1}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
