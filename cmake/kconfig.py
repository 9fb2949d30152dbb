#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns Kconfig and one of configs/ into hf_autoconf.h and a CMake list; fails when a requested symbol did not take.

kconfiglib drops unknown symbols and clamps values with a warning at most, so every requested line is compared with
the result. Usage: kconfig.py KCONFIG CONFIG HEADER CMAKE_LIST [BASE]
What BASE asks for applies where CONFIG does not make it impossible.
"""
import re
import sys

import kconfiglib


def requested(path):
    """Yields (line number, symbol, value) of every line that asks for something."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            unset = re.fullmatch(r"# CONFIG_(\w+) is not set", line)
            if unset:
                yield number, unset.group(1), "n"
            elif line and not line.startswith("#"):
                name, sep, value = line.partition("=")
                if not sep or not name.startswith("CONFIG_"):
                    sys.exit(f"{path}:{number}: not a setting: {line}")
                yield number, name[len("CONFIG_"):], value.strip().strip('"')


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    kconfig_path, config_path, header_path, list_path = sys.argv[1:5]
    kconf = kconfiglib.Kconfig(kconfig_path, warn=False)
    for base in sys.argv[5:]:
        kconf.load_config(base)
    kconf.load_config(config_path, replace=False)
    wrong = 0
    for number, name, value in requested(config_path):
        symbol = kconf.syms.get(name)
        if symbol is None or not symbol.nodes:
            print(f"{config_path}:{number}: CONFIG_{name}: no such symbol", file=sys.stderr)
            wrong += 1
        elif symbol.str_value != value:
            print(f"{config_path}:{number}: CONFIG_{name}={value} did not take effect, it is "
                  f"{symbol.str_value or 'unset'} (range or dependency)", file=sys.stderr)
            wrong += 1
    for symbol in kconf.unique_defined_syms:
        if not any("Cost:" in (node.help or "") for node in symbol.nodes):
            print(f"{kconfig_path}: {symbol.name} does not state its cost", file=sys.stderr)
            wrong += 1
    if wrong:
        sys.exit(1)
    kconf.write_autoconf(header_path)
    with open(list_path, "w", encoding="utf-8") as out:
        for symbol in kconf.unique_defined_syms:
            value = symbol.str_value
            out.write(f'set(CONFIG_{symbol.name} "{"" if value == "n" else value}")\n')


if __name__ == "__main__":
    main()
