#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes include/evse/evse_timing.h from the menu "Times and limits" of the Kconfig tree: a constant per entry, its default where no
configuration says other, and a refusal of what is out of range.

Usage: kconfig_timing.py KCONFIG HEADER [--check]: with --check nothing is written, exit 1 when the header is out of date.
"""
import sys

import kconfiglib
from kconfig_doc import keep

MENU = "Times and limits"
HEAD = """// SPDX-License-Identifier: MIT
// Every time and limit that control/ and can/ decide by, from the Kconfig menu "Times and limits"; the unit ends the
// name. Made by cmake/kconfig_timing.py; do not edit. What depends on vehicle or module stands in their profiles.
#ifndef EVSE_TIMING_H
#define EVSE_TIMING_H

#include "holdfast/hf_config.h"

#include <stdint.h>

/// Milliseconds, as they stand here, in the microseconds of `now_us`.
#define EVSE_US(ms) ((uint64_t)(ms)*1000u)
/// Seconds, where a name ends in _S.
#define EVSE_US_OF_S(s) ((uint64_t)(s)*1000000u)
"""
TAIL = """
#endif
"""


def entry(symbol):
    low, high, _ = symbol.ranges[0]
    low, high, name = low.str_value, high.str_value, f"CONFIG_{symbol.name}"
    below = f"{name} < {low} || " if int(low) != 0 else f"{name} < 0 || "
    return f"""
/// {symbol.nodes[0].prompt[0]} ({low} to {high}).
#define {symbol.name} {name}
#ifndef {name}
#define {name} {symbol.defaults[0][0].str_value}
#endif
#if {below}{name} > {high}
#error "{name}: {low} to {high}"
#endif
"""


def header(kconf):
    for menu in kconf.menus:
        if menu.prompt[0] == MENU:
            out, node = [HEAD], menu.list
            while node:
                if isinstance(node.item, kconfiglib.Symbol):
                    out.append(entry(node.item))
                node = node.next
            return "".join(out) + TAIL
    sys.exit(f"no menu {MENU}")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    keep(header(kconfiglib.Kconfig(sys.argv[1], warn=False)), sys.argv[2], "kconfig_timing.py Kconfig include/evse/evse_timing.h")


if __name__ == "__main__":
    main()
