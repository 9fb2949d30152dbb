#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves by symbol table that portable code needs neither a heap nor an operating system.

Two proofs: the libraries together leave nothing undefined but the seams (hf_port_*), the compiler's own helpers (of
which __atomic_* is none: no bare-metal target has that library), and the string functions below; and the linked image
defines none of the forbidden names.
Usage: symbols.py [--image ELF] LIBRARY... Exit 1 with the names and who wants them.
"""
import argparse
import re
import subprocess
import sys

ALLOWED = re.compile(
    r"hf_port_\w+|__aeabi_\w+|__u?(div|mod)di3|mem(cpy|move|set|cmp|chr)|str(n?len|n?cmp|r?chr|n?cpy|str|spn|cspn)|"
    r"__gnu_thumb1_case_\w+|__popcountsi2|__clzsi2|__ctzsi2|__bswap[sd]i2")
FORBIDDEN = re.compile(
    r"_?_?(malloc|calloc|realloc|free|memalign|posix_memalign|aligned_alloc|sbrk|brk)(_r)?|"
    r"v?(f|s|sn|as)?printf|fopen|fwrite|fread|puts|putchar|_?(write|read|open|close|kill|getpid|exit_r|gettimeofday)|"
    r"pthread_\w+|clock_gettime|nanosleep|sleep|time|abort|signal|raise|socket|select|poll")


def symbols(path, nm):
    """(undefined, defined) names of a library or image."""
    text = subprocess.run([nm, "-g", path], check=True, capture_output=True, text=True).stdout
    undefined, defined = {}, set()
    member = path
    for line in text.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        match = re.fullmatch(r"[0-9a-f]*\s*([A-Za-z?])\s+(\S+)", line.strip())
        if match and match.group(1) in "Uwv":
            undefined.setdefault(match.group(2), member)
        elif match:
            defined.add(match.group(2))
    return undefined, defined


def judge(libraries, image, nm):
    """What is wrong, one line each."""
    wanted, here, wrong = {}, set(), []
    for library in libraries:
        undefined, defined = symbols(library, nm)
        wanted.update(undefined)
        here |= defined
    outside = {name: member for name, member in wanted.items() if name not in here}
    wrong += [f"{member} needs {name}" for name, member in sorted(outside.items()) if not ALLOWED.fullmatch(name)]
    if image:
        wrong += [f"the image holds {name}" for name in sorted(symbols(image, nm)[1]) if FORBIDDEN.fullmatch(name)]
    return wrong, sorted(outside)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image")
    parser.add_argument("--nm", default="arm-none-eabi-nm")
    parser.add_argument("libraries", nargs="+")
    options = parser.parse_args()
    wrong, outside = judge(options.libraries, options.image, options.nm)
    print("needed from outside:", " ".join(outside))
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
