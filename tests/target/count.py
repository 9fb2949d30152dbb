#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact instructions and bytes of the memory runtime on its targets, and whether they hold their gates.

Usage: count.py [--json | --check | --record] [BUILD...]
Without BUILD the presets cortex-m4, cortex-m0 and rv32imc are configured and their target `count` built. Prints
"NAME UNIT VALUE WORST" lines, with --json one object. --check fails when a figure is above its gate or above what
tests/bench/memory_gates.json records (same compiler), or is missing; --record writes there what was measured now.
Exit status: 0 measured (and held), 1 a gate is not held, 2 wrong use, 3 a tool is missing.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import masked

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = os.path.join(TOP, "tests", "bench", "memory_gates.json")
PRESETS = ("cortex-m4", "cortex-m0", "rv32imc")
TOOLS = ("cmake", "ninja", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "qemu-system-arm", "qemu-system-riscv32")
CALLS = ("hf_pool_take", "hf_pool_give")
META_BYTES = "bytes_per_pool"


class Missing(Exception):
    pass


def run(command, **options):
    if shutil.which(command[0]) is None:
        raise Missing(f"{command[0]} is not installed")
    # QEMU writes what an image says to its standard error.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def row(name, unit, value, worst=None, **more):
    return {"name": name, "unit": unit, "value": value, "worst": worst, **more}


def counted(about):
    """Rows of every image of a build: it prints NAME VALUE WORST."""
    for image in about["images"]:
        for line in run([*about["emulator"], image]).splitlines():
            match = re.fullmatch(r"(\S+) (\d+) (\d+)", line.strip())
            if not match:
                sys.exit(f"{image}: {line}")
            name, value, worst = match.group(1), int(match.group(2)), int(match.group(3))
            if name.startswith("meta."):
                if about["target"] == "m4" and os.path.basename(image) in ("count_core", "count_lifo"):
                    yield row(name, "bits per block", value, **{META_BYTES: worst})
            elif name.endswith(".core.refusal") and about["target"] == "m4":
                yield row("m4.refusal", "instructions", value, of_1024_blocks=worst)
            elif name == "m4.census.read_stats":
                yield row("m4.read_stats", "instructions", value, worst)
            else:
                yield row(name, "instructions", value, worst)


def text_of(size, path):
    """Code and constants of an archive or image."""
    return sum(int(line.split()[0]) for line in run([size, path]).splitlines()[1:])


def linked(compiler, size, archive, calls):
    """Code and constants that these functions need of an archive, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "image")
        run([compiler, "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-Wl,--gc-sections,--unresolved-symbols=ignore-all",
             f"-Wl,-e,{calls[0]}", *(f"-Wl,-u,{call}" for call in calls), archive, "-o", image])
        return text_of(size, image)


def sizes(about):
    tool, archives = about["compiler"].removesuffix("gcc"), about["archives"]
    for kind in ("lifo", "bitmap"):
        if f"text_{kind}" in archives:
            yield row(f"m4.text.{kind}", "bytes", linked(about["compiler"], tool + "size", archives[f"text_{kind}"], CALLS))
    for name, archive in (("core", "text_bitmap"), ("all", "text_all"), ("mem", "text_mem")):
        if archive in archives:
            yield row(f"m4.text.{name}", "bytes", text_of(tool + "size", archives[archive]))
    if about["target"] == "m4":
        return
    for image in about["images"]:
        paths = masked.of_images(tool + "objdump", [image])
        if not set(CALLS) <= set(paths):
            sys.exit(f"{image}: take and give do not mask: {paths}")
        level = os.path.basename(image).removeprefix("count_")
        yield row(f"{about['target']}.{level}.masked", "instructions", max(paths.values()))


def measure(build):
    with open(os.path.join(build, "count.json"), encoding="utf-8") as text:
        about = json.load(text)
    compiler = {os.path.basename(about["compiler"]): run([about["compiler"], "-dumpfullversion"]).strip()}
    return compiler, [*counted(about), *sizes(about)]


def build_presets():
    for tool in TOOLS:
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed")
    for preset in PRESETS:
        run(["cmake", "--preset", preset], cwd=TOP)
        run(["cmake", "--build", "--preset", preset, "-j2", "--target", "count"], cwd=TOP)
        yield os.path.join(TOP, "build", preset)


def judge(table, compilers, rows, targets):
    """What is wrong, one line each, and what could be better."""
    measured = {one["name"]: one for one in rows}
    wrong, notes = [], []
    same = all(table["compilers"].get(name) == version for name, version in compilers.items())
    for name, limits in table["figures"].items():
        if not name.startswith(tuple(f"{target}." for target in targets)) and not (name.startswith("meta.") and "m4" in targets):
            continue
        one = measured.get(name)
        if one is None:
            wrong.append(f"{name} was not measured")
            continue
        for key, limit in (("value", "gate"), ("worst", "worst"), (META_BYTES, META_BYTES),
                           ("value", "recorded"), ("worst", "recorded_worst")):
            if limit.startswith("recorded") and not same:
                continue
            if limit in limits and (one.get(key) is None or one[key] > limits[limit]):
                wrong.append(f"{name}: {key} {one.get(key)} {one['unit']}, {limit} is {limits[limit]}")
        if same and "recorded" in limits and one["value"] < limits["recorded"]:
            notes.append(f"{name}: {one['value']}, better than the recorded {limits['recorded']}: count.py --record")
    if not same:
        notes.append(f"compilers {compilers} are not the recorded ones: only the gates were judged")
    return wrong, notes


def record(table, compilers, rows):
    table["compilers"].update(compilers)
    for one in rows:
        if one["name"] in table["figures"]:
            limits = table["figures"][one["name"]]
            limits["recorded"] = one["value"]
            if one["worst"] is not None:
                limits["recorded_worst"] = one["worst"]


def write(table):
    figures = ",\n".join(f"  {json.dumps(name)}: {json.dumps(limits)}" for name, limits in table["figures"].items())
    head = "".join(f" {json.dumps(key)}: {json.dumps(table[key])},\n" for key in table if key != "figures")
    with open(TABLE, "w", encoding="utf-8") as out:
        out.write("{\n" + head + ' "figures": {\n' + figures + "\n }\n}\n")


def main():
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    if set(options) - {"--json", "--check", "--record", "--quick"}:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    compilers, rows, targets = {}, [], set()
    for build in [word for word in sys.argv[1:] if not word.startswith("--")] or build_presets():
        compiler, more = measure(build)
        compilers.update(compiler)
        rows += more
        targets |= {one["name"].split(".")[0] for one in more}
    if "--json" in options:
        print(json.dumps({"schema": 1, "compilers": compilers, "results": rows}))
        return
    for one in rows:
        print(one["name"], one["unit"].replace(" ", "_"), one["value"], "-" if one["worst"] is None else one["worst"])
    with open(TABLE, encoding="utf-8") as text:
        table = json.load(text)
    if "--record" in options:
        record(table, compilers, rows)
        write(table)
    elif "--check" in options:
        wrong, notes = judge(table, compilers, rows, targets)
        print(*notes, *wrong, sep="\n")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    try:
        main()
    except Missing as missing:
        print(f"count.py: {missing}", file=sys.stderr)
        sys.exit(3)
