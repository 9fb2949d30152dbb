#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sizes of the Cortex-M4 build: .text, .data, .bss of each library and of each source, and the types one pays for.

Usage: footprint.py BUILD [--update | --sources]
Prints the table and warns when docs/footprint.md says something more than 5 % away; --update writes that document;
--sources prints the size of each source file.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(TOP, "docs", "footprint.md")
LIBRARIES = ("libholdfast", "libevse", "libcsms")
TOLERANCE = 0.05
HEAD = """# Footprint

Cortex-M4F, `arm-none-eabi-gcc` {compiler}, -Os, `configs/mcu` (one connector, {messages} messages that wait).
Made by `tests/target/footprint.py BUILD --update`; `./check` prints the same table for the build at hand and warns when
this page is more than 5 % away from it. Bytes.

`.text` holds code and constants. The libraries have no `.bss` of their own: a charge point is an instance, whose size is
`evse_t` below, and the caller owns its memory. libcsms is for tests and desks; no device needs it.
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def archives(build):
    for library in LIBRARIES:
        path = os.path.join(build, "src", library + ".a")
        if os.path.exists(path):
            yield library, path


def members(path):
    """(source, text, data, bss) of every object of an archive."""
    for line in run("arm-none-eabi-size", path).splitlines()[1:]:
        text, data, bss, _, _, name = line.split(None, 5)
        yield name.split()[0].removesuffix(".obj").removesuffix(".o"), int(text), int(data), int(bss)


def measure(build):
    """{name: bytes} of everything on the page."""
    sizes = {}
    for library, path in archives(build):
        rows = list(members(path))
        for column, section in enumerate((".text", ".data", ".bss"), 1):
            sizes[f"{library} {section}"] = sum(row[column] for row in rows)
    for line in run("arm-none-eabi-nm", "-S", os.path.join(build, "tests", "target", "libsizes.a")).splitlines():
        match = re.fullmatch(r"[0-9a-f]+ ([0-9a-f]+) \w sizeof_(\w+)", line.strip())
        if match:
            sizes[f"sizeof {match.group(2)}"] = int(match.group(1), 16)
    return sizes


def table(sizes):
    out = "\n| library | .text | .data | .bss |\n|---|---:|---:|---:|\n"
    for library in LIBRARIES:
        if f"{library} .text" in sizes:
            out += f"| {library} | " + " | ".join(str(sizes[f"{library} {s}"]) for s in (".text", ".data", ".bss")) + " |\n"
    out += "\n| type | bytes |\n|---|---:|\n"
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if name.startswith("sizeof "):
            out += f"| `{name.removeprefix('sizeof ')}` | {size} |\n"
    return out


def others():
    """What other programs wrote into the document: everything from its first heading of the second level on."""
    if not os.path.exists(DOCUMENT):
        return ""
    with open(DOCUMENT, encoding="utf-8") as text:
        content = text.read()
    return content[content.index("\n## "):] if "\n## " in content else ""


def told():
    """{name: bytes} as the document has it."""
    sizes = {}
    if os.path.exists(DOCUMENT):
        with open(DOCUMENT, encoding="utf-8") as text:
            for line in text:
                cells = [cell.strip(" `\n") for cell in line.split("|")[1:-1]]
                if len(cells) == 4 and cells[0] in LIBRARIES:
                    for section, cell in zip((".text", ".data", ".bss"), cells[1:]):
                        sizes[f"{cells[0]} {section}"] = int(cell)
                elif len(cells) == 2 and cells[1].isdigit():
                    sizes[f"sizeof {cells[0]}"] = int(cells[1])
    return sizes


def config(build, name):
    with open(os.path.join(build, "generated", "hf_autoconf.h"), encoding="utf-8") as text:
        return re.search(rf"#define CONFIG_{name} (\d+)", text.read()).group(1)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build = sys.argv[1]
    if "--sources" in sys.argv:
        for library, path in archives(build):
            for row in sorted(members(path), key=lambda row: -row[1]):
                print(library, *row)
        return
    sizes = measure(build)
    if not any(name.startswith("lib") for name in sizes) or "sizeof evse_t" not in sizes:
        sys.exit(f"no libraries in {build}")
    if "--update" in sys.argv:
        compiler = run("arm-none-eabi-gcc", "-dumpfullversion").strip()
        kept = others()
        with open(DOCUMENT, "w", encoding="utf-8") as out:
            out.write(HEAD.format(compiler=compiler, messages=config(build, "EVSE_MESSAGES_MAX")) + table(sizes) + kept)
        return
    print(table(sizes))
    said = told()
    for name, size in sizes.items():
        if abs(said.get(name, 0) - size) > TOLERANCE * max(size, 1):
            print(f"WARNING: docs/footprint.md says {said.get(name, 'nothing')} for {name}, it is {size}: footprint.py --update")


if __name__ == "__main__":
    main()
