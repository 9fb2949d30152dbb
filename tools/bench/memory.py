#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench memory`: measures every figure of the memory runtime in this checkout and judges it.

Usage: memory.py [--json] [--quick] [--update] [--time-warns]
  --json        one object on standard output alone
  --quick       only what is exact and needs neither peers nor rv32imc; what is left out has no value
  --update      writes docs/benchmarks.md
  --time-warns  a missed ratio of times is a warning, not a failure (for machines that others use, too)
Exit status: 0 every gate that was measured is met, 1 one is missed or a step failed, 2 wrong option, 3 a tool is missing.
"""
import json
import os
import sys
import time

import document
import environment
import figures
import host

OPTIONS = ("--json", "--quick", "--update", "--time-warns")
LIMIT_S = 900
CROSS = {"arm-none-eabi-gcc": "cortex-m4 cortex-m0", "riscv64-unknown-elf-gcc": "rv32imc"}
EMULATORS = {"arm-none-eabi-gcc": "qemu-system-arm", "riscv64-unknown-elf-gcc": "qemu-system-riscv32"}


def targets(is_quick):
    """Rows and compilers of the cross targets: built, run in QEMU and counted by tests/target/count.py."""
    builds = []
    for compiler, presets in CROSS.items():
        if is_quick and compiler.startswith("riscv"):
            continue
        environment.need_tools(["cmake", "ninja", compiler, EMULATORS[compiler]])
        for preset in presets.split():
            environment.say(f"bench: building and counting on {preset}")
            environment.run(["cmake", "--preset", preset], cwd=environment.TOP)
            environment.run(["cmake", "--build", "--preset", preset, "-j2", "--target", "count"], cwd=environment.TOP)
            builds.append(os.path.join(environment.TOP, "build", preset))
    count = os.path.join(environment.TOP, "tests", "target", "count.py")
    counted = json.loads(environment.run([sys.executable, "-B", count, "--json", *builds]))
    return counted["results"], counted["compilers"]


def measure(is_quick):
    rows, compilers = targets(is_quick)
    more, more_compilers, notes = host.measure(is_quick)
    return rows + more, {**compilers, **more_compilers}, notes


def main(options):
    wrong = set(options) - set(OPTIONS)
    if wrong or {"--quick", "--update"} <= set(options):
        environment.say(f"holdfast bench: {'wrong option ' + min(wrong) if wrong else '--update needs all figures, not --quick'}")
        return 2
    started = time.monotonic()
    measured, compilers, notes = measure("--quick" in options)
    rows = figures.merge(figures.load_limits(), measured, compilers)
    took = time.monotonic() - started
    if "--json" in options:
        print(figures.as_json("memory", rows, compilers))
    else:
        print(figures.as_text(rows))
    if "--update" in options:
        document.write(rows, compilers, notes)
    for row in rows:
        if row["verdict"] in figures.MISSED:
            environment.say(f"bench: WARNING: {figures.complaint(row)}")
    if took > LIMIT_S:
        environment.say(f"bench: took {took:.0f} s, more than the {LIMIT_S} s it may")
    return 1 if any(figures.is_missed(row, "--time-warns" in options) for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except environment.Missing as missing:
        environment.say(f"holdfast bench: {missing}")
        sys.exit(3)
    except environment.Failed as failed:
        environment.say(f"holdfast bench: {failed}")
        sys.exit(1)
