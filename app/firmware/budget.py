#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flash and RAM of a firmware image, and what takes them. Fails above the budget.

Usage: budget.py IMAGE [--json]
Exit status: 0 within the budget, 1 above it, 2 wrong use.
"""
import json
import re
import subprocess
import sys

FLASH_BUDGET = 160 * 1024  # code, constants, initial values; the part has 256 KiB
RAM_BUDGET = 80 * 1024     # stack and everything static; the part has 96 KiB beside the journal
OBJECTS = 12               # largest ones that are told


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sections(image):
    """{section: bytes} of what is loaded or reserved."""
    sizes = {}
    for line in run("arm-none-eabi-size", "-A", image).splitlines():
        match = re.fullmatch(r"(\.\w[\w.]*)\s+(\d+)\s+(\d+)", line.strip())
        if match and match.group(1) in (".text", ".ARM.exidx", ".data", ".bss", ".noinit", ".stack"):
            sizes[match.group(1)] = int(match.group(2))
    return sizes


def objects(image):
    """Static objects in RAM, the largest first: (bytes, name)."""
    rows = []
    for line in run("arm-none-eabi-nm", "-S", image).splitlines():
        match = re.fullmatch(r"[0-9a-f]+ ([0-9a-f]+) [bBdD] (\S+)", line)
        if match:
            rows.append((int(match.group(1), 16), match.group(2)))
    return sorted(rows, reverse=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sizes = sections(sys.argv[1])
    flash = sizes[".text"] + sizes.get(".ARM.exidx", 0) + sizes[".data"]
    ram = sizes[".data"] + sizes[".bss"] + sizes.get(".noinit", 0) + sizes[".stack"]
    rows = objects(sys.argv[1])
    if "--json" in sys.argv:
        print(json.dumps({"flash_bytes": flash, "ram_bytes": ram, "sections": sizes, "objects": dict((n, b) for b, n in rows[:OBJECTS])}))
    else:
        print(f"firmware image: flash {flash} of {FLASH_BUDGET} B (.text {sizes['.text']}, .data {sizes['.data']}); "
              f"RAM {ram} of {RAM_BUDGET} B (.bss {sizes['.bss']}, stack {sizes['.stack']}); flash in RAM 98304 B")
        for size, name in rows[:OBJECTS]:
            print(f"  {size:6d}  {name}")
        print(f"  {sum(size for size, _ in rows[OBJECTS:]):6d}  others")
    sys.exit(1 if flash > FLASH_BUDGET or ram > RAM_BUDGET else 0)


if __name__ == "__main__":
    main()
