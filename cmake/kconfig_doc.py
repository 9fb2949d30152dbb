#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/CONFIGURATION.md from the Kconfig tree: every switch with meaning, range, default, dependency and cost.

Usage: kconfig_doc.py KCONFIG DOCUMENT [--check]: with --check nothing is written, exit 1 when the document is out of date.
"""
import os
import re
import sys

import kconfiglib

HEAD = """# Configuration

Made from `Kconfig` by `cmake/kconfig_doc.py`; do not edit. A configuration is a file of lines `CONFIG_NAME=value` or
`# CONFIG_NAME is not set`, chosen with `cmake -DHOLDFAST_CONFIG=NAME` (a file of `configs/`, or a path). What it leaves
out has the default below. A line that does not take effect (no such symbol, out of range, dependency missing) stops
the configuring with its file and line.

| configuration | for |
|---|---|
| `production` | the Linux charge point as it is shipped |
| `debug` | the same, for the debug and sanitizer builds |
| `mcu` | one connector on a microcontroller, small buffers |
| `minimal` | every switch off: the runtime's pools, rings and text, and the control side of the charge point |

Flash costs are those of the Cortex-M4 build at -Os, RAM costs those of a 32-bit machine, unless said otherwise.
"""


def text_of(node):
    """Meaning and cost of an entry: the help text as one line, cost apart."""
    text = " ".join((node.help or "").split())
    meaning, _, cost = text.partition("Cost:")
    return meaning.strip(), cost.strip()


def default_of(symbol):
    for value, _ in symbol.defaults:
        return getattr(value, "name", None) or value.str_value
    return "n"


def row(symbol, node):
    meaning, cost = text_of(node)
    values = "y, n" if symbol.type == kconfiglib.BOOL else ""
    for low, high, _ in symbol.ranges:
        values = f"{low.str_value} to {high.str_value}"
    needs = kconfiglib.expr_str(node.dep)
    needs = "" if needs == "y" else re.sub(r"&&", "and", needs)
    what = node.prompt[0] + (f". {meaning}" if meaning else "")
    return f"| `{symbol.name}` | {what} | {values} | {default_of(symbol)} | {needs} | {cost} |\n"


def document(kconf):
    out = [HEAD]

    def walk(node):
        while node:
            if node.item == kconfiglib.MENU:
                out.append(f"\n## {node.prompt[0]}\n\n| symbol | what | values | default | needs | cost |\n|---|---|---|---|---|---|\n")
            elif isinstance(node.item, kconfiglib.Symbol):
                out.append(row(node.item, node))
            if node.list:
                walk(node.list)
            node = node.next

    walk(kconf.top_node.list)
    return "".join(out)


def keep(text, path, command):
    """Writes what was made, or with --check fails when the file is another."""
    if "--check" in sys.argv:
        with open(path, encoding="utf-8") as current:
            if current.read() != text:
                sys.exit(f"{os.path.basename(path)} is out of date: /usr/bin/python3 cmake/{command}")
        return
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    keep(document(kconfiglib.Kconfig(sys.argv[1], warn=False)), sys.argv[2], "kconfig_doc.py Kconfig docs/CONFIGURATION.md")


if __name__ == "__main__":
    main()
