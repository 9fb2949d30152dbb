#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench ocpp`: what OCPP 1.6 costs, in stepped time with a central system in the same process: instructions (callgrind, inside
evse_ocpp_poll() without the fixture's link), appends to the journal, heap calls, sessions a flash keeps, and bytes on a Cortex-M4.

Usage: ocpp.py [--json] [--quick] [--update] [--program=FILE] [--sizes=BUILD]
  --json          one object on standard output alone
  --quick         without the fleet
  --update        write the table into docs/bench-ocpp.md
  --program=FILE  this bench_ocpp, built already; without it the checkout builds one
  --sizes=BUILD   only the bytes, of this Cortex-M4 build
An instruction count is the difference of two runs, divided by what the longer one did more. A MeterValues is one reading of seven
measurands, sent and confirmed, in 20 rounds of the loop; a transaction is a stored, online session of 30 minutes with 5 readings from plug to
unplug, in some 60 rounds; an idle round sees a new snapshot of one connector. Appends are those of the same session in rounds of 20 ms, with
the records' headers, without energy checkpoints.
Bytes of code are code and constants of our own archives in a linked image (tests/target), -Os, unused sections dropped, without the C library,
with the journal. `text`: all 28 messages and every key, as the peer was measured: no WebSocket, no texts of a log, no statistics of pools, and
without the vendor messages of the documents, which OCPP does not know. `text.mcu`: configs/mcu as it is, with all of these; `text.link` of it:
the WebSocket client. `ram.base` and `ram.connector` are of the same configuration as `text`, with the state of a WebSocket; `ram.mcu` is
the base of configs/mcu. An URL, a vendor's name and other texts of the configuration are the caller's.
Exit status: 0 every gate is met, 1 one is missed or a step failed, 2 wrong option, 3 a tool is missing.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import environment
import figures

DOCUMENT = os.path.join(environment.TOP, "docs", "bench-ocpp.md")
OPTIONS = ("--json", "--quick", "--update")
VALUES = ("--program=", "--sizes=")
MODES = {"metervalues": (10, 60), "transaction": (2, 12), "idle": (200, 2200)}
KB = 1024
# name: (unit, gate, stretch, the leading embedded stack measured alike)
FIGURES = {
    "heap": ("calls", 0, None, "33 a MeterValues, 111 to 149 a transaction"),
    "metervalues": ("instructions", 25000, 15000, "116000"),
    "transaction": ("instructions", 250000, 150000, "1170000"),
    "appends": ("records", 4, 4, "10 file rewrites"),
    "bytes": ("B", 800, 500, "3100"),
    "checkpoint": ("B", 32, None, "-"),
    "idle": ("instructions", 600, 300, "1864"),
    "ram.base": ("B", 10 * KB, 7 * KB, "6.6 KB of live heap, buffers extra"),
    "ram.connector": ("B", 1536, 1 * KB, "2.0 KB of live heap"),
    "text": ("B", 80 * KB, 60 * KB, "125 KB; 68 KB a subset by another"),
    "ram.mcu": ("B", None, None, "-"),
    "text.mcu": ("B", None, None, "-"),
    "text.link": ("B", None, None, "-"),
    "offline.1m": ("sessions", 1000, None, "4 a connector"),
    "offline.64k": ("sessions", 50, None, "4 a connector"),
    "fleet": ("B", 32 * KB, 16 * KB, "-"),
}
SIZES = ("ocpp_sizes_1", "ocpp_sizes_2", "ocpp_sizes_mcu_1", "ocpp_sizes_mcu_2")
AT_LEAST = ("offline.1m", "offline.64k")
HEAD = """# OCPP: figures

Made by `holdfast bench ocpp --update`; `tools/bench/ocpp.py` says how each is measured. {machine}. 1 KB = 1,024 B.
The peer is the leading embedded stack (C++, December 2025), measured alike.

"""


def build():
    environment.need_tools(["cmake", "ninja", "cc", "valgrind"])
    environment.say("bench: building")
    environment.run(["cmake", "-S", environment.TOP, "-B", environment.BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"])
    environment.run(["cmake", "--build", environment.BUILD, "-j2", "--target", "bench_ocpp", "holdfast_tool", "holdfast_fleet"])
    return os.path.join(environment.BUILD, "bin", "bench_ocpp")


def cross_build():
    environment.need_tools(["cmake", "ninja", "arm-none-eabi-gcc"])
    environment.say("bench: building for the Cortex-M4")
    folder = os.path.join(environment.TOP, "build", "bench-cortex-m4")
    toolchain = os.path.join(environment.TOP, "cmake", "cortex-m4.cmake")
    environment.run(["cmake", "-S", environment.TOP, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=MinSizeRel", "-DHOLDFAST_CONFIG=mcu",
                     f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"])
    environment.run(["cmake", "--build", folder, "-j2", "--target", "ocpp_image", "ocpp_image_mcu", *SIZES])
    return folder


def collected(program, mode, number):
    """Instructions inside the comms loop."""
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=evse_ocpp_poll", "--toggle-collect=station_link_*",
               "--callgrind-out-file=/dev/null", program, mode, str(number)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=environment.STEP_LIMIT_S)
    except FileNotFoundError as error:
        raise environment.Missing("valgrind is missing (Debian package valgrind)") from error
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise environment.Failed(f"{program} {mode} {number}: status {done.returncode}\n{done.stderr[-600:]}")
    return int(found.group(1))


def instructions(program):
    measured = {}
    for mode, (few, many) in MODES.items():
        more = collected(program, mode, many) - collected(program, mode, few)
        measured[mode] = round(more / (many - few))
    return measured


def counted(program):
    """What the program counts by itself."""
    measured = {}
    for words in (["transaction", "12"], ["appends"], ["offline"]):
        for line in environment.run([program, *words]).splitlines():
            name, _, value = line.split()
            measured[name] = int(value)
    return measured


def own_text(path, archive, stem=""):
    """Code and constants of archives in a linked image, from its map; of sources whose names begin with `stem`."""
    total, kept = 0, False
    with open(path, encoding="utf-8") as text:
        lines = text.read().split("Linker script and memory map", 1)[1].splitlines()
    for line in lines:
        section = re.match(r" (\.\S+)", line)
        kept = bool(re.match(r"\.(text|rodata|init|fini)", section.group(1))) if section else kept
        placed = re.search(r"0x[0-9a-f]{8,16}\s+0x([0-9a-f]+) \S*lib(" + archive + r")\.a\(" + stem, line)
        if kept and placed:
            total += int(placed.group(1), 16)
    return total


def arrays(folder, library):
    path = os.path.join(folder, "tests", "target", f"lib{library}.a")
    return {name: int(size, 16) for size, name in
            re.findall(r"^[0-9a-f]+ ([0-9a-f]+) \w sizeof_ocpp_(\w+)$", environment.run(["arm-none-eabi-nm", "-S", path]), re.MULTILINE)}


def sizes(folder):
    one, two, mcu_one, mcu_two = (arrays(folder, library) for library in SIZES)
    whole = os.path.join(folder, "ocpp_image_mcu.map")
    told = ", ".join(f"{name} {one[name]}" for name in ("receive", "send", "instance", "store", "link"))
    environment.say(f"bench: of one connector's {one['1']} B: {told}")
    return {"ram.base": 2 * one["1"] - two["2"], "ram.connector": two["2"] - one["1"], "ram.mcu": 2 * mcu_one["1"] - mcu_two["2"],
            "text": own_text(os.path.join(folder, "ocpp_image.map"), "ocpp_alone"),
            "text.mcu": own_text(whole, "evse|holdfast"), "text.link": own_text(whole, "evse", "evse_(ws|url)")}


def fleet(program):
    """Resident bytes of one of a thousand charge points that play a session each, against the central system of this checkout."""
    tool = os.path.join(os.path.dirname(program), "holdfast")
    with tempfile.TemporaryDirectory() as folder:
        log, result = os.path.join(folder, "csms"), os.path.join(folder, "fleet")
        with open(log, "w", encoding="utf-8") as out:
            central = subprocess.Popen([tool, "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=out)
        try:
            while central.poll() is None and not os.path.getsize(log):
                time.sleep(0.05)
            with open(log, encoding="utf-8") as text:
                port = json.loads(text.readline())["port"]
            environment.run([tool, "fleet", "--n", "1000", "--csms", f"ws://127.0.0.1:{port}/ocpp", "--quiet", "--json", result])
        finally:
            central.terminate()
            central.wait()
        with open(result, encoding="utf-8") as text:
            told = json.load(text)
    environment.say(f"bench: {told['sessions']['ended']} sessions of {told['units']} charge points, answers p99 {told['answers']['all']['p99_us']} us")
    if told["sessions"]["ended"] != told["units"] or told["connected"] != told["units"]:
        raise environment.Failed(f"of {told['units']} charge points {told['connected']} were connected, {told['sessions']['ended']} had their session")
    return {"fleet": told["resident_bytes"]}


def row_of(name, value):
    unit, gate, stretch, peer = FIGURES.get(name, (None, None, None, "-"))
    verdict = "reported"
    if gate is not None and value is None:
        verdict = "not measured"
    elif gate is not None and name in AT_LEAST:
        verdict = "met" if value >= gate else "NOT MET"
    elif gate is not None:
        verdict = "NOT MET" if value > gate else "stretch" if stretch is not None and value <= stretch else "met"
    return {"name": name, "unit": unit, "value": value, "worst": None, "target": gate, "worst_target": None, "stretch": stretch,
            "verdict": verdict, "peers": {} if peer == "-" else {"peer": peer}}


def as_markdown(rows):
    lines = ["| name | unit | figure | gate | stretch | verdict | the peer |", "|---|---|---:|---:|---:|---|---|"]
    for row in rows:
        peer = row["peers"].get("peer", "-")
        lines.append(f"| `{row['name']}` | {row['unit'] or '-'} | {figures.text_of(row['value'])} | {figures.text_of(row['target'])} | "
                     f"{figures.text_of(row['stretch'])} | {row['verdict']} | {peer} |")
    return "\n".join(lines)


def as_text(rows):
    lines = [("name", "unit", "figure", "gate", "stretch", "verdict", "the peer")]
    for row in rows:
        texts = ["-" if row[key] is None else str(row[key]) for key in ("value", "target", "stretch")]
        lines.append((row["name"], row["unit"] or "-", *texts, row["verdict"], row["peers"].get("peer", "-")))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    return "\n".join("  ".join([cell.ljust(width) for cell, width in zip(line, widths)] + [line[6]]) for line in lines)


def measure(options, chosen):
    if "--sizes=" in chosen:
        return sizes(chosen["--sizes="])
    program = chosen.get("--program=") or build()
    measured = {**instructions(program), **counted(program)}
    if "--program=" not in chosen:
        measured.update(sizes(cross_build()))
        if "--quick" not in options:
            measured.update(fleet(program))
    return measured


def main(words):
    chosen = {value: word[len(value):] for word in words for value in VALUES if word.startswith(value)}
    options = [word for word in words if not word.startswith(VALUES)]
    wrong = set(options) - set(OPTIONS)
    if wrong:
        environment.say(f"holdfast bench: wrong option {min(wrong)} of ocpp")
        return 2
    measured = measure(options, chosen)
    names = [*FIGURES, *(name for name in measured if name not in FIGURES)]
    rows = [row_of(name, measured.get(name)) for name in names if name in measured or not chosen]
    print(figures.as_json("ocpp", rows, {}) if "--json" in options else as_text(rows))
    if "--update" in options:
        with open(DOCUMENT, "w", encoding="utf-8") as out:
            out.write(HEAD.format(machine=environment.machine()) + as_markdown(rows) + "\n")
    missed = [row for row in rows if row["verdict"] == "NOT MET"]
    for row in missed:
        environment.say(f"bench: WARNING: {row['name']} misses its gate: {row['value']}, limit {row['target']}")
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
