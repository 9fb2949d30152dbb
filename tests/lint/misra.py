#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cppcheck's MISRA C:2012 add-on over src/evse/control: every rule it reports must be a deviation with its reason in docs/MISRA.md,
and every deviation there must still be reported. Usage: misra.py INCLUDE-FOLDER-OF-HF_AUTOCONF [SOURCE...]
"""
import collections
import glob
import os
import re
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def reported(generated, sources):
    """Rule to the places where it is reported."""
    done = subprocess.run(["cppcheck", "--addon=misra", "--enable=style", "--std=c11", "--quiet", "-I", "include", "-I", generated,
                           "--suppress=*:include/*", *sources], cwd=TOP, capture_output=True, text=True, check=True)
    found = collections.defaultdict(list)
    for place, rule in re.findall(r"^(src\S+?|\S+?\.c:\d+):\d+: \w+: .*\[misra-c2012-([\d.]+)\]", done.stderr, re.MULTILINE):
        found[rule].append(place)
    if "misra" not in done.stderr:
        sys.exit("the add-on reported nothing at all: is it installed?")
    return found


def allowed():
    with open(os.path.join(TOP, "docs", "MISRA.md"), encoding="utf-8") as text:
        return set(re.findall(r"^\| (\d+\.\d+) \| (?:required|advisory) \| \S.* \|$", text.read(), re.MULTILINE))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sources = sys.argv[2:] or sorted(os.path.relpath(path, TOP) for path in glob.glob(os.path.join(TOP, "src", "evse", "control", "*.c")))
    found, rules = reported(sys.argv[1], sources), allowed()
    wrong = [f"rule {rule} has no deviation in docs/MISRA.md: {' '.join(found[rule][:5])}" for rule in sorted(found.keys() - rules)]
    if not sys.argv[2:]:
        wrong += [f"docs/MISRA.md lists rule {rule}, which is not reported any more" for rule in sorted(rules - found.keys())]
    print("\n".join(wrong) or f"{len(sources)} files, {sum(map(len, found.values()))} places under {len(found)} deviations")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
