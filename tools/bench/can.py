#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench can`: frames at and above what a CAN bus of 1 Mbit/s can carry (7,600 a second), on the real control tick.
An hour of each rate in stepped time, then a minute of each in real time over the virtual bus.

Usage: can.py [--json] [--quick] [--program=FILE]
  --json          one object on standard output alone
  --quick         a minute in stepped time and seconds in real time
  --program=FILE  this bench_can, built already; without it the checkout builds one
Lost are frames that were put on the bus and never reached control; uncounted those of them that no overrun counter shows;
harm counts ticks whose output (frames, contactor, setpoints, energy) is not that of the same hour without load.
Exit status: 0 every gate is met, 1 one is missed or a step failed, 2 wrong option, 3 a tool is missing.
"""
import os
import subprocess
import sys

import environment
import figures

OPTIONS = ("--json", "--quick")
PROGRAM = "--program="
LIMIT_S = 900
# name: the most it may be (a figure named "rate": the least). What has no gate is reported.
GATES = {
    "can.1000.lost": 0, "can.1000.uncounted": 0, "can.1000.newest_missed": 0, "can.1000.disorder": 0, "can.1000.harm": 0,
    "can.7600.lost": 0, "can.7600.uncounted": 0, "can.7600.newest_missed": 0, "can.7600.disorder": 0, "can.7600.harm": 0,
    "can.76000.uncounted": 0, "can.76000.newest_missed": 0, "can.76000.disorder": 0, "can.76000.harm": 0,
    "can.rt.1000.uncounted": 0, "can.rt.7600.uncounted": 0,
    "can.rt.1000.rate": 950, "can.rt.7600.rate": 7220,  # a bench that could not send that much has shown nothing
}
REPORTED = ("can.76000.lost", "can.rt.7600.lost", "can.overruns", "can.control_late_max")
LOST_AT_MOST = 0.01  # of can.rt.1000.sent


def build():
    environment.need_tools(["cmake", "ninja", "cc"])
    environment.say("bench: building")
    environment.run(["cmake", "-S", environment.TOP, "-B", environment.BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"])
    environment.run(["cmake", "--build", environment.BUILD, "-j2", "--target", "bench_can"])
    return os.path.join(environment.BUILD, "bin", "bench_can")


def measure(program, is_quick):
    """name: (unit, value), in the order of the program."""
    command = [program] + (["--quick"] if is_quick else [])
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=LIMIT_S)
    except FileNotFoundError as error:
        raise environment.Missing(f"{program} is missing") from error
    except subprocess.TimeoutExpired as error:
        raise environment.Failed(f"{program} took more than {LIMIT_S} s") from error
    if done.returncode != 0:
        raise environment.Failed(f"{program} ended with {done.returncode}")
    return {name: (unit, int(value)) for name, unit, value in (line.split() for line in done.stdout.splitlines())}


def judge(measured):
    """A row for each figure. One that has a gate or a place in the report and was not measured is missed."""
    gates = dict(GATES)
    if "can.rt.1000.sent" in measured:
        gates["can.rt.1000.lost"] = int(measured["can.rt.1000.sent"][1] * LOST_AT_MOST)
    rows = []
    for name in [*measured, *(name for name in [*GATES, "can.rt.1000.lost", *REPORTED] if name not in measured)]:
        unit, value = measured.get(name, (None, None))
        gate = gates.get(name)
        if value is None:
            verdict = "NOT MET"
        elif gate is None:
            verdict = "reported"
        else:
            is_met = value >= gate if name.endswith(".rate") else value <= gate
            verdict = "met" if is_met else "NOT MET"
        rows.append({"name": name, "unit": unit, "value": value, "worst": None, "target": gate, "worst_target": None,
                     "stretch": None, "verdict": verdict, "peers": {}})
    return rows


def main(options):
    programs = [option[len(PROGRAM):] for option in options if option.startswith(PROGRAM)]
    wrong = {option for option in options if not option.startswith(PROGRAM)} - set(OPTIONS)
    if wrong:
        environment.say(f"holdfast bench: wrong option {min(wrong)} of can")
        return 2
    measured = measure(programs[-1] if programs else build(), "--quick" in options)
    rows = judge(measured)
    print(figures.as_json("can", rows, {}) if "--json" in options else figures.as_text(rows))
    missed = [row for row in rows if row["verdict"] == "NOT MET"]
    for row in missed:
        environment.say(f"bench: WARNING: {row['name']} misses its gate: {figures.text_of(row['value'])}, "
                        f"limit {figures.text_of(row['target'])}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except environment.Missing as missing_tool:
        environment.say(f"holdfast bench: {missing_tool}")
        sys.exit(3)
    except environment.Failed as failed:
        environment.say(f"holdfast bench: {failed}")
        sys.exit(1)
