#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes docs/fault-codes.md of the tables in the code and of docs/fault-codes.in, which says cause, effect and what a technician does.

Usage: fault_codes.py TOP [--check]
Exit 1 when a code has no entry, an entry no code, a line is missing, or (--check) the document is out of date.
"""
import os
import re
import sys

INPUTS = ("docs/fault-codes.in", "include/evse/evse_fault.h", "include/evse/evse_state.h", "include/evse/evse_supervisor.h",
          "include/evse/evse_timing.h", "include/holdfast/hf_status.h", "src/evse/evse_fault_names.c", "src/evse/ocpp/evse_ocpp_status.c",
          "app/holdfastd/options.h", "tools/holdfast/holdfast.h", "check")
OUTPUT = "docs/fault-codes.md"
LINES = ("cause", "effect", "do")
UNITS = {"MS": (1000, "s"), "S": (1, "s"), "MA": (1000, "A"), "MV": (1000, "V"), "PERCENT": (1, "")}
HEAD = """# Fault codes

What every code means and what a technician does about it. Made by tools/doc/fault_codes.py from the tables of the code and
docs/fault-codes.in; do not edit. A code without a row fails the build.

In OCPP a fault is sent as `errorCode` (the column OCPP), `info` (its text) and `vendorErrorCode` (its number) of StatusNotification;
the console's `faults`, the status page and the log show number, name and text. Times are the defaults of docs/CONFIGURATION.md.
"""


class Problem(Exception):
    pass


class Tree:
    def __init__(self, top):
        self.top = top
        self.texts = {}
        for name in INPUTS:
            with open(os.path.join(top, name), encoding="utf-8") as text:
                self.texts[name] = text.read()

    def table(self, name, macro):
        """Rows of an X-table: lists of arguments, quotes stripped."""
        text = self.texts[name].replace("\\\n", " ")
        match = re.search(rf"^#define {macro}\(X\)(.*)$", text, re.MULTILINE)
        if not match:
            raise Problem(f"{name}: no {macro}")
        rows = []
        for row in re.findall(r"X\(((?:[^()\"]|\"[^\"]*\")*)\)", match.group(1)):
            rows.append([part.strip().strip('"') for part in re.findall(r"\"[^\"]*\"|[^,\"]+", row) if part.strip()])
        if not rows:
            raise Problem(f"{name}: {macro} is empty")
        return rows

    def enum(self, name, typename):
        """Rows (name, number) of an enum whose every value is written out."""
        match = re.search(rf"typedef enum {typename} {{(.*?)}}", self.texts[name], re.DOTALL)
        rows = re.findall(r"^\s*(\w+) = (\d+),", match.group(1), re.MULTILINE) if match else []
        if not rows or len(rows) != len(re.findall(r"^\s*[A-Z]\w*", match.group(1), re.MULTILINE)):
            raise Problem(f"{name}: enum {typename} cannot be read")
        return rows

    def values(self):
        """The defaults of the times and limits, as people write them."""
        found = {}
        for name, number in re.findall(r"^#define CONFIG_(EVSE_\w+) (\d+)$", self.texts["include/evse/evse_timing.h"], re.MULTILINE):
            divisor, unit = UNITS.get(name.rsplit("_", 1)[1], (None, None))
            if divisor:
                found[name] = f"{int(number) / divisor:g} {unit}".strip()
        return found

    def clearing(self):
        """Fault -> what clears it."""
        text = self.texts["src/evse/evse_fault_names.c"]
        kinds = dict(re.findall(r"\[EVSE_FAULT_(\w+)\] = EVSE_CLEAR_(\w+)", text))
        texts = {kind: "".join(re.findall(r'"([^"]*)"', strings))
                 for kind, strings in re.findall(r"\[EVSE_CLEAR_(\w+)\] =((?:\s*\"[^\"]*\")+)", text)}
        if not kinds or "TIME" not in texts:
            raise Problem("src/evse/evse_fault_names.c: the table of what clears a fault cannot be read")
        return lambda fault: "" if fault == "NONE" else texts[kinds.get(fault, "TIME")]

    def check_vendor_code(self):
        text = self.texts["src/evse/ocpp/evse_ocpp_status.c"]
        if not re.search(r"hf_builder_u64\(&out, fault\);.*?\"vendorErrorCode\", number\)", text, re.DOTALL):
            raise Problem("src/evse/ocpp/evse_ocpp_status.c: vendorErrorCode is not the number of the fault any more")


def read_entries(text):
    """(kind, name) -> {cause, effect, do}."""
    entries, current = {}, None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        first, _, rest = line.partition(" ")
        if first in LINES:
            if current is None or first in current or not rest.strip():
                raise Problem(f"docs/fault-codes.in:{number}: '{first}' is out of place, twice or empty")
            current[first] = rest.strip()
        else:
            key = (first, rest.strip())
            if key in entries:
                raise Problem(f"docs/fault-codes.in:{number}: {first} {rest} is there twice")
            current = entries[key] = {}
    for (kind, name), entry in entries.items():
        for line in LINES:
            if line not in entry:
                raise Problem(f"docs/fault-codes.in: {kind} {name} has no line '{line}'")
    return entries


def sections(tree):
    """Each: kind, title, head of the columns before cause, rows (name, cells)."""
    clears = tree.clearing()
    yield ("fault", "Faults: vendorErrorCode, errorCode", ("number", "name", "text", "OCPP", "clears"),
           [(row[0], (row[1], row[0], row[3], row[2], clears(row[0]))) for row in tree.table("include/evse/evse_fault.h", "EVSE_FAULT_TABLE")])
    yield ("reason", "Why there is no power", ("name", "text"),
           [(row[0], row[:2]) for row in tree.table("include/evse/evse_state.h", "EVSE_REASON_TABLE")])
    yield ("state", "Connector states: status of StatusNotification", ("status",),
           [(row[0], row[:1]) for row in tree.table("include/evse/evse_state.h", "EVSE_CONNECTOR_STATE_TABLE")])
    yield ("stop", "Stop reasons: reason of StopTransaction", ("number", "reason"),
           [(row[0], (row[1], row[0])) for row in tree.table("include/evse/evse_state.h", "EVSE_STOP_REASON_TABLE")])
    yield ("health", "Health: why it is not OK", ("name", "level", "text"),
           [(row[0], row[:3]) for row in tree.table("include/evse/evse_supervisor.h", "EVSE_HEALTH_REASON_TABLE")])
    yield ("status", "Statuses in messages and logs", ("number", "name", "text"),
           [(row[0], (row[1], row[0], row[2])) for row in tree.table("include/holdfast/hf_status.h", "HF_STATUS_TABLE")])
    yield ("holdfastd", "Exit codes of holdfastd", ("code", "name"),
           [(name, (number, name)) for name, number in tree.enum("app/holdfastd/options.h", "exit_code")])
    yield ("holdfast", "Exit codes of holdfast", ("code", "name"),
           [(name, (number, name)) for name, number in tree.enum("tools/holdfast/holdfast.h", "tool_exit")])
    match = re.search(r"^Exit status: (.*)\.$", tree.texts["check"], re.MULTILINE)
    codes = re.findall(r"(?:^|, )(\d+) ([^,]+)", match.group(1)) if match else []
    if not codes:
        raise Problem("check: its exit codes cannot be read")
    yield ("check", "Exit codes of ./check", ("code", "text"), [(code, (code, text)) for code, text in codes])


def substitute(text, values):
    def value(match):
        if match.group(0) not in values:
            raise Problem(f"{match.group(0)} is no time or limit that has a unit")
        return values[match.group(0)]
    return re.sub(r"\bEVSE_[A-Z0-9_]+", value, text).replace("|", "\\|")


def make(top):
    """The document; raises Problem with every code that lacks an entry, and the other way round."""
    tree = Tree(top)
    tree.check_vendor_code()
    entries, values = read_entries(tree.texts["docs/fault-codes.in"]), tree.values()
    wrong, out, known = [], [HEAD], set()
    for kind, title, head, rows in sections(tree):
        columns = head + ("cause", "effect", "what a technician does")
        out.append(f"\n## {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        for name, cells in rows:
            known.add((kind, name))
            entry = entries.get((kind, name))
            if entry is None:
                wrong.append(f"docs/fault-codes.in: {kind} {name} has no entry: cause, effect, do")
                continue
            cells = [substitute(cell, values) for cell in (*cells, *(entry[line] for line in LINES))]
            out.append(f"| {' | '.join(cells)} |")
    wrong += [f"docs/fault-codes.in: {kind} {name} is in no table of the code" for kind, name in entries if (kind, name) not in known]
    if wrong:
        raise Problem("\n".join(wrong))
    return "\n".join(out) + "\n"


def main():
    top, checks = sys.argv[1], "--check" in sys.argv[2:]
    path = os.path.join(top, OUTPUT)
    try:
        text = make(top)
        if checks:
            with open(path, encoding="utf-8") as made:
                if made.read() != text:
                    raise Problem(f"{OUTPUT} is out of date: tools/doc/fault_codes.py . makes it anew")
        else:
            with open(path, "w", encoding="utf-8") as made:
                made.write(text)
    except (Problem, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
