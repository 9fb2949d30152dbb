#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What all probes take beside a control tick on the Cortex-M4, counted in QEMU (count_probes.c). Usage: count_probes.py BUILD.

Exit status: 0 the probes are below 2 % of the tick and with the supervisor below 12 %, 1 they are not, 3 a tool is missing.
"""
import os
import sys

import count_estop

PROBES_PERMILLE = 20
WITH_SUPERVISOR_PERMILLE = 120


def main(build):
    count_estop.IMAGE = os.path.join("bin", "count_probes")
    rows = count_estop.measure(build)
    for name, (value, worst) in rows.items():
        print(name, value, worst)
    probes, both = rows["m4.probes.permille"]
    if not 0 < probes < PROBES_PERMILLE or not probes < both < WITH_SUPERVISOR_PERMILLE:
        sys.exit(f"probes take {probes} permille of a tick, at most {PROBES_PERMILLE - 1}; with the supervisor {both}, at most "
                 f"{WITH_SUPERVISOR_PERMILLE - 1}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
