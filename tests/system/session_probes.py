#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What everything that watches takes of the instructions of a whole session: telemetry, the checks of stacks, bounded locks, and the
supervisor with check-ins, lateness of ticks, queue of faults, verdict and health, each by its own functions, against the charge
point's two loops, counted by callgrind (session_probes.c). What the simulator does to notice that a session began is not counted: a
device marks it where it happens. Usage: session_probes.py PROGRAM. Exit 1 when all together are not below 2 %, 3 without valgrind.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT_PERMILLE = 20
DEVICE = ("evse_control_loop", "evse_comms_loop")
PROBES = {  # none of them calls another one here
    "telemetry": ("hf_telemetry_mark", "hf_telemetry_poll"),
    "stacks": ("hf_task_look",),
    "locks": ("hf_mutex_take", "hf_mutex_give"),
    "ticks, check-ins": ("note_tick", "note_round"),
    "verdict, health": ("evse_supervisor_judge",),
}


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
    probes = sum(figures.values())
    print(said)
    print(f"{'charge point':<16} {device:>10} instructions")
    for name, figure in (*figures.items(), ("all together", probes)):
        print(f"{name:<16} {figure:>10} instructions, {100 * figure / device:.2f} %")
    if 0 in figures.values():
        sys.exit("something was not counted")
    if 1000 * probes >= LIMIT_PERMILLE * device:
        sys.exit(f"what watches is to be below {LIMIT_PERMILLE / 10} %")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
