#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench`: its command line, the judging of figures, where a source package is asked for, and a quick run.

Usage: test_bench.py command_line|judging|sources|quick HOLDFAST
"""
import copy
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "bench"))

import figures  # noqa: E402
import mimalloc  # noqa: E402

CELLS = ("name", "unit", "value", "worst", "target", "peers")


def expect(is_so, what):
    if not is_so:
        sys.exit(f"FAILED: {what}")


def run(program, *arguments, **options):
    return subprocess.run([program, "bench", *arguments], capture_output=True, text=True, check=False, **options)


def command_line(program):
    for arguments in ([], ["nothing"], ["memory", "memory"], ["memory", "--nothing"], ["memory", "--quick", "--update"]):
        done = run(program, *arguments)
        expect(done.returncode == 2 and done.stdout == "", f"{arguments}: status {done.returncode}, {done.stdout}")
        expect(done.stderr.startswith("holdfast bench: "), f"{arguments}: {done.stderr}")
    done = run(program, "--help")
    expect(done.returncode == 0 and "\n  memory " in done.stdout, f"help names the benches: {done.stdout}")
    with tempfile.TemporaryDirectory() as empty:
        done = run(program, "memory", "--json", env={"PATH": empty})
        expect(done.returncode == 3 and done.stdout == "", f"no tools: status {done.returncode}, {done.stdout}")
        expect(done.stderr.count("\n") == 1 and "Debian package cmake" in done.stderr, f"no tools: {done.stderr}")
        os.symlink("/bin/true", os.path.join(empty, "cmake"))
        done = run(program, "memory", env={"PATH": empty})
        expect(done.returncode == 3 and "Debian package ninja-build" in done.stderr, f"no ninja: {done.stderr}")


TABLE = {"compilers": {"cc": "1"}, "figures": {
    "a": {"unit": "bytes", "gate": 10, "worst": 20, "stretch": 8, "peers": {"other": 30}, "recorded": 9, "recorded_worst": 15},
    "b": {"unit": "ratio", "gate": 1.0},
    "c": {"unit": "bits", "stretch": 1, "stretch_worst": 5}}}


def verdicts(rows, compilers=None):
    return {row["name"]: row["verdict"] for row in figures.merge(TABLE, copy.deepcopy(rows), compilers or {"cc": "1"})}


def row(name, value, worst=None, **more):
    return {"name": name, "unit": "?", "value": value, "worst": worst, "peers": {}, **more}


def judging(_program):
    for value, worst, said in ((9, 15, "met"), (8, 15, "stretch"), (10, 15, "WORSE"), (9, 16, "WORSE"), (11, 15, "NOT MET"),
                               (9, 21, "NOT MET"), (9, None, "NOT MET"), (None, None, "not measured")):
        expect(verdicts([row("a", value, worst)])["a"] == said, f"{value}, worst {worst}: {said}")
    expect(verdicts([row("a", 10, 20)], {"cc": "2"})["a"] == "met", "another compiler: only the gates")
    for value, worst, said in ((1, 5, "stretch"), (1, 6, "reported"), (1, None, "reported"), (2, 5, "reported")):
        expect(verdicts([row("c", value, worst)])["c"] == said, f"without a gate {value}, {worst}: {said}")
    expect(list(verdicts([row("z", 1)])) == ["a", "b", "c", "z"], "every name, then what has no limits")
    expect(verdicts([])["b"] == "not measured", "nothing measured")

    exact, timed = (figures.merge(TABLE, [row("b", 1.1, **more)], {})[1] for more in ({}, {"timing": True}))
    expect(figures.is_missed(exact, True) and figures.is_missed(timed, False), "a missed gate fails")
    expect(not figures.is_missed(timed, True), "a missed ratio of times may be a warning")
    expect("1.1 of 1" in figures.complaint(exact) and "at rest" in figures.complaint(timed), figures.complaint(timed))
    merged = figures.merge(TABLE, [row("a", 9, 15, peers=None) | {"peers": {"ours": 1}}], {})
    expect(merged[0]["peers"] == {"other": 30, "ours": 1}, "constants and measured peers")
    expect(json.loads(figures.as_json("x", merged, {}))["results"][0]["target"] == 10, "json")
    expect("| `a` | ? | 9 | 15 | 10 (20) | 8 | met | other 30; ours 1 |" in figures.as_markdown(merged), figures.as_markdown(merged))
    expect("met" in figures.as_text(merged).splitlines()[1], figures.as_text(merged))


def sources(_program):
    expect(mimalloc.source_line("deb [arch=amd64] http://example.org/d stable main\n") ==
           "deb-src [arch=amd64] http://example.org/d stable main\n", "a line of packages")
    expect(mimalloc.source_line("deb-src http://example.org/d stable main") == "deb-src http://example.org/d stable main\n", "of sources")
    for line in ("# deb http://example.org/d stable main", "", "debian"):
        expect(mimalloc.source_line(line) == "", f"not a source: {line}")
    stanza = "Types: deb\nURIs: http://example.org/d\nSuites: stable\nSigned-By: /k\n\ntypes: deb deb-src\nSuites: other\n"
    asked = mimalloc.source_stanzas(stanza)
    expect(asked.count("Types: deb-src\n") == 2 and "Signed-By: /k" in asked and "deb deb-src" not in asked, asked)
    with tempfile.TemporaryDirectory() as folder:
        parts, out = os.path.join(folder, "parts"), os.path.join(folder, "out")
        for path in (parts, out):
            os.mkdir(path)
        for name, text in (("a.sources", stanza), ("b.list", "# nothing\n"), ("c.list.disabled", "deb http://example.org/d x y\n")):
            with open(os.path.join(parts, name), "w", encoding="utf-8") as file:
                file.write(text)
        expect(mimalloc.derive(os.path.join(folder, "none"), parts, out) == 1 and os.listdir(out) == ["1-a.sources"], os.listdir(out))


def quick(program):
    done = run(program, "memory", "--quick", "--json")
    expect(done.returncode in (0, 1), f"status {done.returncode}: {done.stderr}")
    result = json.loads(done.stdout)
    expect(result["schema"] == 1 and result["bench"] == "memory", "head")
    rows = {one["name"]: one for one in result["results"]}
    expect(len(rows) == len(result["results"]), "a name stands once")
    for one in rows.values():
        expect(set(CELLS) <= set(one), f"cells of {one}")
    for name in figures.load_limits()["figures"]:
        expect(name in rows, f"{name} is in the table")
        is_left_out = name.startswith("rv32imc.") or rows[name].get("timing") or name.startswith(("x86.shared.p", "x86.claimed"))
        expect(is_left_out == (rows[name]["value"] is None), f"{name}: {rows[name]['value']}")
    missed = [one["name"] for one in rows.values() if one["verdict"] in figures.MISSED]
    expect((done.returncode == 1) == bool(missed), f"status {done.returncode} and {missed}")
    # Those of the Cortex-M are judged where they are built: tests/target. These are judged here alone.
    host = [name for name in missed if name.startswith(("x86.", "need."))]
    expect(not host, f"{host}: {done.stderr}")
    print(f"{len(rows)} figures; missed on the targets: {missed or 'none'}")


def main():
    cases = {"command_line": command_line, "judging": judging, "sources": sources, "quick": quick}
    if len(sys.argv) != 3 or sys.argv[1] not in cases:
        sys.exit(__doc__)
    cases[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    main()
