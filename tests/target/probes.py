#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every probe takes on the Cortex-M4: instructions, counted in QEMU (count_telemetry.c, tests/firmware/count_probes.c),
and bytes of code and of RAM; and whether docs/footprint.md says so.

Usage: probes.py BUILD [--update]
Prints the section; exit 1 when the document says something more than 5 % away from it. --update writes it there.
"""
import json
import os
import re
import sys

import count
import footprint

BEGIN, END = "<!-- begin probes -->\n", "<!-- end probes -->\n"
# The sources of each probe, its instance, and what is counted of it.
PROBES = (
    ("a mark", ("hf_telemetry",), "m4.telemetry.mark"),
    ("its line, from the loop, with the wires of memory", (), "m4.telemetry.mark_told"),
    ("the loop, nothing due", (), "m4.telemetry.poll_idle"),
    ("a sample (each 200 ms): memory, windows, wires, one pool, lock and stack", (), "m4.telemetry.poll_sample"),
    ("ten lines of pools (each 10 s)", ("hf_telemetry_sources",), "m4.telemetry.poll_pools"),
    ("a heartbeat with four tasks", ("hf_telemetry_tell",), "m4.telemetry.poll_heartbeat"),
    ("a trip with its dump", (), "m4.telemetry.trip"),
    ("a value shown to nine wires", ("hf_tripwire",), "m4.tripwire.check"),
    ("1 KB of a stack", ("hf_task",), "m4.task.look_1k"),
    ("a reading into the windows", ("hf_window", "hf_memory"), "m4.window.note"),
    ("a [Mem] line", ("hf_line",), "m4.line.memory"),
    ("a free lock taken", ("hf_mutex",), "m4.mutex.take"),
    ("... and given", (), "m4.mutex.give"),
    ("a dossier of twelve pools", ("hf_dossier",), "m4.dossier.encode"),
)
TYPES = ("hf_telemetry_t", "hf_tripwire_t", "hf_tasks_t", "hf_mutex_t", "hf_history_sample_t", "hf_dossier_t")


def counted(build):
    with open(os.path.join(build, "count.json"), encoding="utf-8") as text:
        emulator = json.load(text)["emulator"]
    figures = {}
    for image in ("count_telemetry", "count_probes"):
        path = os.path.join(build, "bin", image)
        if not os.path.exists(path):
            sys.exit(f"{path} is not built")
        for line in count.run([*emulator, path]).splitlines():
            name, value, worst = line.split()
            figures[name] = (int(value), int(worst))
    return figures


def code(build):
    return {source.removesuffix(".c"): text for library, path in footprint.archives(build) if library == "libholdfast"
            for source, text, _, _ in footprint.members(path)}


def section(build):
    figures, bytes_of, sizes = counted(build), code(build), footprint.measure(build)
    out = ("\n## Probes\n\nCortex-M4, -Os, instructions: of the steady case, and the most that was seen (tests/target/count_telemetry.c: "
           "nine wires, eight pools, four tasks, two locks, a stream that copies its line, a source of straight code). Made by "
           "`tests/target/probes.py BUILD --update`.\n\n| probe | instructions | at most | code |\n|---|---:|---:|---|\n")
    for text, sources, name in PROBES:
        value, worst = figures[name]
        told = ", ".join(f"`{source}` {bytes_of[source]} B" for source in sources)
        out += f"| {text} | {value} | {worst} | {told} |\n"
    out += "\n| instance | bytes |\n|---|---:|\n"
    for name in TYPES:
        out += f"| `{name}` | {sizes['sizeof ' + name]} |\n"
    tick, watched, told_, share = (figures[f"m4.probes.{name}"][0] for name in ("tick", "supervision", "telemetry", "permille"))
    out += (f"\nIn a minute of charging a control tick takes {tick} instructions, and all that watches beside it {watched + told_}, "
            f"{share / 10:.1f} %: telemetry, checks of stacks, a lock a second and a mark each ten seconds {told_} (everything above in a "
            f"loop of 20 ms, a reading of memory that is never the same twice), the supervisor with check-ins, lateness of ticks, queue of "
            f"faults, verdict and health {watched}. `firmware.probes_count` fails from 2 % on. Of a whole session on x86-64 the same takes "
            "below 2 % too, counted by `system.session_probes`.\n")
    return out


def told(text):
    start = text.find(BEGIN)
    return text[start + len(BEGIN):text.index(END)] if start >= 0 else None


def differs(one, other):
    """Whether two sections say something else, or figures more than 5 % apart."""
    numbers = re.compile(r"\d+(?:\.\d+)?")
    if numbers.sub("#", one) != numbers.sub("#", other):
        return True
    return any(abs(float(a) - float(b)) > 0.05 * max(float(a), 1) for a, b in zip(numbers.findall(one), numbers.findall(other)))


def main():
    build = sys.argv[1]
    made = section(build)
    with open(footprint.DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    if "--update" in sys.argv:
        if told(text) is None:
            text += "\n" + BEGIN + END
        start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        with open(footprint.DOCUMENT, "w", encoding="utf-8") as file:
            file.write(text[:start] + made + text[end:])
        return
    print(made)
    if told(text) is None or differs(told(text), made):
        sys.exit("docs/footprint.md does not say so: probes.py BUILD --update")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
