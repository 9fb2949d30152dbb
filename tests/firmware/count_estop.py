#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Instructions of the Cortex-M4 from an emergency stop to the OFF frame and the contactor's command, counted in QEMU.

Usage: count_estop.py [--json | --check] [BUILD]
Without BUILD the preset cortex-m4 is configured and the image built. Prints "NAME UNIT MEDIAN WORST" lines, with --json
one object whose `estop.m4` is the median until OFF in the usual case. --check fails above the gates.
Exit status: 0 measured (and held), 1 a gate is not held, 2 wrong use, 3 a tool is missing.
"""
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGE = os.path.join("bin", "count_estop")
QEMU = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none", "-semihosting-config",
        "enable=on,target=native", "-icount", "shift=10", "-kernel"]
GATES = {"m4.estop.usual.off": 8000, "m4.estop.usual.contactor": 10000, "m4.estop.full.off": 130000, "m4.estop.full.contactor": 130000}


def run(command, **options):
    if shutil.which(command[0]) is None:
        print(f"count_estop.py: {command[0]} is not installed", file=sys.stderr)
        sys.exit(3)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def measure(build):
    rows = {}
    for line in run([*QEMU, os.path.join(build, IMAGE)]).splitlines():
        match = re.fullmatch(r"(\S+) (\d+) (\d+)", line.strip())
        if not match:
            sys.exit(line)
        rows[match.group(1)] = (int(match.group(2)), int(match.group(3)))
    return rows


def main():
    options = {word for word in sys.argv[1:] if word.startswith("--")}
    folders = [word for word in sys.argv[1:] if not word.startswith("--")]
    if options - {"--json", "--check"} or len(folders) > 1:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not folders:
        run(["cmake", "--preset", "cortex-m4"], cwd=TOP)
        run(["cmake", "--build", "--preset", "cortex-m4", "-j2", "--target", "bin/count_estop"], cwd=TOP)
    rows = measure(folders[0] if folders else os.path.join(TOP, "build", "cortex-m4"))
    if "--json" in options:
        results = [{"name": name, "unit": "instructions", "value": value, "worst": worst} for name, (value, worst) in rows.items()]
        print(json.dumps({"schema": 1, "estop.m4": rows["m4.estop.usual.off"][0], "results": results}))
        return
    for name, (value, worst) in rows.items():
        print(name, "instructions", value, worst)
    wrong = [f"{name}: {rows.get(name, ('nothing', 'nothing'))[1]} instructions, the gate is {gate}"
             for name, gate in GATES.items() if name not in rows or rows[name][1] > gate]
    if "--check" in options:
        print(*wrong, sep="\n")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
