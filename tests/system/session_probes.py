#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the probes take of the instructions of a whole session: telemetry, the watchdog's check-ins, the checks of stacks, bounded
locks, each by its own functions, against the charge point's two loops, counted by callgrind (session_probes.c). What the simulator
does to notice that a session began is not counted: a device marks it where it happens. The supervisor, which makes the station's
health and the watchdog's verdict of the check-ins each 50 ms, is told beside it. Usage: session_probes.py PROGRAM. Exit 1 when all
probes together are not below 2 % or the supervisor is not below 6 %, 3 without valgrind.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT_PERMILLE = 20
SUPERVISOR_PERMILLE = 60
DEVICE = ("evse_control_loop", "evse_comms_loop")
PROBES = {  # none of them calls another one here
    "telemetry": ("hf_telemetry_mark", "hf_telemetry_poll"),
    "check-ins": ("evse_supervisor_check_in",),
    "stacks": ("hf_task_look",),
    "locks": ("hf_mutex_take", "hf_mutex_give"),
}
SUPERVISOR = ("evse_supervisor_judge",)


def count(program, functions, folder):
    """Instructions within these functions and all that they call."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.path.join(folder, 'out')}"]
    command += [f"--toggle-collect={name}" for name in functions] + [program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return int(found.group(1)), done.stdout.strip()


def main(program):
    if shutil.which("valgrind") is None:
        print("session_probes.py: valgrind is not installed", file=sys.stderr)
        sys.exit(3)
    with tempfile.TemporaryDirectory() as folder:
        device, said = count(program, DEVICE, folder)
        figures = {name: count(program, functions, folder)[0] for name, functions in PROBES.items()}
        supervisor = count(program, SUPERVISOR, folder)[0]
    probes = sum(figures.values())
    print(said)
    print(f"{'charge point':<14} {device:>10} instructions")
    for name, figure in (*figures.items(), ("all probes", probes), ("supervisor", supervisor)):
        print(f"{name:<14} {figure:>10} instructions, {100 * figure / device:.2f} %")
    if 0 in (*figures.values(), supervisor):
        sys.exit("something was not counted")
    if 1000 * probes >= LIMIT_PERMILLE * device or 1000 * supervisor >= SUPERVISOR_PERMILLE * device:
        sys.exit(f"all probes are to be below {LIMIT_PERMILLE / 10} %, the supervisor below {SUPERVISOR_PERMILLE / 10} %")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
