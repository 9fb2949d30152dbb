#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes hf_instrument.h and hf_instrument.c, the telemetry of libholdfast as two files for any firmware, from its sources.

Every header is taken in once, where it is first included; of the sources what is local stays local: two static names that
are the same get the name of their file in front, and a source's own macros end with it. Nothing is written by hand but the
configuration below, so the two files are always those of the tree.
Usage: amalgamate.py TOP OUT_DIR VERSION
"""
import os
import re
import sys

# What the two files offer, and what they are made of.
HEADERS = ["holdfast/hf_telemetry.h", "holdfast/hf_dossier.h"]
SOURCES = [
    "diag/hf_status.c", "text/hf_text.c", "text/hf_le.c", "store/hf_crc.c", "sync/hf_task.c", "diag/hf_memory.c",
    "diag/hf_line.c", "diag/hf_tripwire.c", "diag/hf_window.c", "diag/hf_dossier.c", "diag/hf_telemetry_tell.c",
    "diag/hf_telemetry.c",
]

# Stands for hf_config.h: there is nothing to configure but what the processor cannot do.
CONFIG = """\
// 1 for a processor without atomic read-modify-write: marks then mask interrupts for a few instructions. Known for ARMv6-M and
// RISC-V without A; elsewhere it needs the two seams hf_port_critical_enter() and hf_port_critical_exit().
#ifndef CONFIG_HF_POOL_LIFO
#if defined(__ARM_ARCH_6M__) || (defined(__riscv) && !defined(__riscv_atomic))
#define CONFIG_HF_POOL_LIFO 1
#else
#define CONFIG_HF_POOL_LIFO 0
#endif
#endif
// Marks that wait to be printed, a power of two; each takes about 56 bytes of hf_telemetry_t.
#ifndef CONFIG_HF_TELEMETRY_MARKS
#define CONFIG_HF_TELEMETRY_MARKS 16
#endif
"""

# Of the private headers not every inline function is used here, and a compiler may say so.
UNUSED = """\
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
"""

INCLUDE = re.compile(r'^#include "([^"]+)"[^\n]*\n', re.MULTILINE)
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', re.DOTALL)
# A static function or object at the left margin, a typedef's name, a macro.
STATIC = re.compile(r"^(?:\w+ )*?static (?:[\w* ]+?[* ])?(\w+)(?:\(|\[| = |;)", re.MULTILINE)
TYPE = re.compile(r"^\} (\w+);|^typedef [^;{]*?(\w+);", re.MULTILINE)
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
GUARD = re.compile(r"^#ifndef (\w+_H)\n#define \1\n(.*)^#endif\n\Z", re.MULTILINE | re.DOTALL)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Amalgamation:
    def __init__(self, top):
        self.top = top
        self.taken = set()

    def find(self, name, beside):
        places = [os.path.join(self.top, "include", name), os.path.join(beside, name)]
        for place in places:
            if os.path.exists(place):
                return os.path.normpath(place)
        sys.exit(f"amalgamate.py: {name}: not found")

    def expand(self, text, beside):
        """The text with every header in its place, each one once."""
        def header(match):
            path = self.find(match.group(1), beside)
            if path in self.taken:
                return ""
            self.taken.add(path)
            if os.path.basename(path) == "hf_config.h":
                return CONFIG + "\n"
            body = without_licence(read(path))
            comment, rest = GUARD.sub("", body), GUARD.search(body)
            if rest is None:
                sys.exit(f"amalgamate.py: {path}: no include guard around it")
            return f"\n// ==== {match.group(1)}\n{comment}{self.expand(rest.group(2), os.path.dirname(path))}"
        return INCLUDE.sub(header, text)


def without_licence(text):
    return text.replace("// SPDX-License-Identifier: MIT\n", "", 1)


def code_of(text):
    return COMMENT_OR_TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found.group(0)), text)


def locals_of(text):
    code = code_of(text)
    names = {name for name in STATIC.findall(code)}
    names |= {first or second for first, second in TYPE.findall(code)}
    return names


def rename(text, old, new):
    """Renames an identifier, but no member of that name, and nothing in comments and texts."""
    pieces, last = [], 0
    name = re.compile(r"(?<![\w.])(?<!->)" + old + r"\b")
    for found in COMMENT_OR_TEXT.finditer(text):
        pieces += [name.sub(new, text[last:found.start()]), found.group(0)]
        last = found.end()
    return "".join(pieces + [name.sub(new, text[last:])])


def source(amalgamation, path, seen, macros_of_headers):
    stem = os.path.basename(path)[len("hf_"):-len(".c")]
    text = without_licence(read(path))
    for name in sorted(locals_of(text)):
        if name in seen:
            text = rename(text, name, f"{stem}_{name}")
        seen.add(name)
    macros = [name for name in dict.fromkeys(MACRO.findall(code_of(text))) if name not in macros_of_headers]
    text = amalgamation.expand(text, os.path.dirname(path))
    ends = "".join(f"#undef {name}\n" for name in macros if not re.search(rf"^#undef {name}$", text, re.MULTILINE))
    return f"\n// ==== {os.path.basename(path)}\n{text}{ends}"


def tidy(text):
    return re.sub(r"\n{3,}", "\n\n", text)


def main(top, out, version):
    licence = "".join(f"// {line}".rstrip() + "\n" for line in read(os.path.join(top, "LICENSE")).splitlines())
    head = f"// Holdfast {version}: telemetry for any firmware. Made by tools/amalgamate.py; docs/INSTRUMENT.md says how to use it.\n"
    amalgamation = Amalgamation(top)
    body = amalgamation.expand("".join(f'#include "{name}"\n' for name in HEADERS), "")
    header = f"{head}//\n{licence}#ifndef HF_INSTRUMENT_H\n#define HF_INSTRUMENT_H\n{body}\n#endif\n"
    macros = set(MACRO.findall(code_of(header)))
    seen = set()
    parts = [source(amalgamation, os.path.join(top, "src/runtime", name), seen, macros) for name in SOURCES]
    code = f'{head}//\n{licence}#include "hf_instrument.h"\n\n{UNUSED}{"".join(parts)}'
    os.makedirs(out, exist_ok=True)
    for name, text in (("hf_instrument.h", header), ("hf_instrument.c", code)):
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(tidy(text))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
