# SPDX-License-Identifier: MIT
"""The table of figures: limits (tests/bench/memory_gates.json) beside what was measured, judged, and shown as a table for
people, one JSON object, or the table of a document.
"""
import json
import os

import environment

LIMITS = os.path.join(environment.TOP, "tests", "bench", "memory_gates.json")
# measured: limit, for the figure and what goes with it
JUDGED = {"value": "gate", "worst": "worst", "bytes_per_pool": "bytes_per_pool"}
RECORDED = {"value": "recorded", "worst": "recorded_worst"}
STRETCHED = {"value": "stretch", "worst": "stretch_worst"}


MISSED = ("NOT MET", "WORSE")


def load_limits():
    with open(LIMITS, encoding="utf-8") as text:
        return json.load(text)


def is_exact(row):
    return not row.get("timing")


def exceeds(row, limits, names):
    """Whether something measured is above its limit, or a limit stands and nothing was measured for it."""
    return any(limit in limits and (row.get(key) is None or row[key] > limits[limit]) for key, limit in names.items())


def judge(row, limits, same_compilers):
    """One of 'not measured', 'NOT MET' (a gate), 'WORSE' (than recorded with the same compilers), 'stretch', 'met', 'reported'."""
    if row["value"] is None and row["worst"] is None:
        return "not measured"
    if exceeds(row, limits, JUDGED):
        return "NOT MET"
    if same_compilers and exceeds(row, limits, RECORDED):
        return "WORSE"
    if "stretch" in limits and not exceeds(row, limits, STRETCHED):
        return "stretch"
    return "met" if "gate" in limits else "reported"


def merge(table, rows, compilers):
    """Every figure of the table in its order, then what is only reported. A figure without a measurement has no value."""
    measured = {row["name"]: row for row in rows}
    same = all(table["compilers"].get(name) == version for name, version in compilers.items() if name in table["compilers"])
    merged = []
    for name in [*table["figures"], *(name for name in measured if name not in table["figures"])]:
        limits = table["figures"].get(name, {})
        row = dict(measured.get(name, {"name": name, "unit": limits.get("unit"), "value": None, "worst": None}))
        row["peers"] = {**limits.get("peers", {}), **row.get("peers", {})}
        row["target"] = limits.get("gate")
        row["worst_target"], row["stretch"] = limits.get("worst"), limits.get("stretch")
        row["recorded"], row["recorded_worst"] = limits.get("recorded"), limits.get("recorded_worst")
        row["verdict"] = judge(row, limits, same)
        merged.append(row)
    return merged


def is_missed(row, warns_of_time):
    return row["verdict"] in MISSED and (is_exact(row) or not warns_of_time)


def complaint(row):
    """One sentence about a figure that was missed."""
    value, worst = text_of(row["value"]), text_of(row["worst"])
    if row["verdict"] == "WORSE":
        return (f"{row['name']} is {value}, worst {worst}; recorded are {text_of(row['recorded'])}, worst "
                f"{text_of(row['recorded_worst'])} (tests/target/count.py --record changes that on purpose)")
    why = "" if is_exact(row) else " (a ratio of times: was the machine at rest?)"
    return f"{row['name']} misses its gate: {value} of {text_of(row['target'])}, worst {worst} of {text_of(row['worst_target'])}{why}"


def as_json(name, rows, compilers):
    return json.dumps({"schema": 1, "bench": name, "compilers": compilers, "results": rows}, indent=1)


def text_of(value):
    return "-" if value is None else f"{value:g}"


def cells(row):
    limit = text_of(row["target"]) + (f" ({row['worst_target']:g})" if row["worst_target"] is not None else "")
    peers = "; ".join(f"{name} {text_of(value)}" for name, value in row["peers"].items())
    extra = f" + {row['bytes_per_pool']} B a pool" if row.get("bytes_per_pool") is not None else ""
    return (row["name"], row["unit"] or "-", text_of(row["value"]) + extra, text_of(row["worst"]), limit, text_of(row["stretch"]),
            row["verdict"], peers or "-")


HEAD = ("name", "unit", "figure", "worst", "gate (worst)", "stretch", "verdict", "peers")


def as_text(rows):
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD) - 1)]
    return "\n".join("  ".join([cell.ljust(width) for cell, width in zip(line, widths)] + [line[-1]]) for line in lines)


def as_markdown(rows):
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|---:|---:|---:|---:|---|---|"]
    for row in rows:
        name, *rest = cells(row)
        lines.append(f"| `{name}` | " + " | ".join(rest) + " |")
    return "\n".join(lines)
