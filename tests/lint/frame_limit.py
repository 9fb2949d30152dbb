#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A large object on a stack has to fail the build: compiles one with the very command of each library's sources.

Usage: frame_limit.py COMPILE_COMMANDS TOP. For each limit that the build knows: an object a little larger does not compile, one
that fits does. And every source of a device's program has a limit: runtime, charge point, services, ports, daemon, firmware.
Exit status: 0, 1 with what is wrong.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

LIMITED = ("src/runtime/", "src/evse/", "src/service/", "port/linux/", "port/mps2/", "port/template/", "app/holdfastd/", "app/firmware/")
FREE = re.compile(r"port/mps2/start\.c|.*\.S")  # images of tests are no device's
OTHERS = ("/tests/", "/tools/", "/app/simd/")  # targets that compile the same sources for a desk
PLANTED = """#include <stdint.h>
void consume(volatile uint8_t *bytes);
void planted(void);
void planted(void)
{{
    volatile uint8_t bytes[{bytes}];
    consume(bytes);
}}
"""


def limit_of(command):
    found = re.findall(r"-Wframe-larger-than=(\d+)", command)
    return int(found[-1]) if found else None


def compiles(entry, size):
    """(whether it does, what the compiler says) of an object of `size` bytes, with an entry's own flags."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "planted.c")
        with open(source, "w", encoding="utf-8") as text:
            text.write(PLANTED.format(bytes=size))
        words = shlex.split(entry["command"])
        words[words.index("-o") + 1] = os.path.join(folder, "planted.o")
        words = [source if word == entry["file"] else word for word in words]
        words = [os.path.join(folder, "planted.d") if word.endswith(".o.d") or word.endswith(".obj.d") else word for word in words]
        result = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True, check=False)
        return result.returncode == 0, result.stderr


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as text:
        entries = json.load(text)
    top, wrong, examples, limited = os.path.join(sys.argv[2], ""), [], {}, 0
    for entry in entries:
        name = entry["file"].removeprefix(top)
        output = "/" + re.search(r"-o (\S+)", entry["command"]).group(1)
        if not name.startswith(LIMITED) or FREE.fullmatch(name) or any(other in output for other in OTHERS):
            continue
        limit = limit_of(entry["command"])
        if limit is None:
            wrong.append(f"{name} has no limit ({output})")
        else:
            limited += 1
            examples.setdefault(limit, entry)
    for limit, entry in sorted(examples.items()):
        fits, said = compiles(entry, limit // 2)
        if not fits:
            wrong.append(f"{limit}: an object of half of it does not compile: {said}")
        fits, said = compiles(entry, limit + 64)
        if fits or "frame" not in said:
            wrong.append(f"{limit}: an object of {limit + 64} bytes compiles with {entry['command']}: {said}")
    if not examples:
        wrong.append("no source has a limit")
    for line in wrong:
        print(line)
    print(f"{limited} sources have a limit: {', '.join(str(limit) for limit in sorted(examples))} bytes")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
