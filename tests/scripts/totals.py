#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up results: JUnit files of ctest, STAGE.passed and STAGE.broken files. Prints what was skipped or failed, then
'N passed, N failed[, N skipped]' as the last line. Exit 1 when something failed or nothing ran.

A test that ctest did not run is a failure unless the test itself asked to be skipped: a program that is missing must
not pass for a skip. Usage: totals.py FILE... (files that do not exist are left out)
"""
import os
import sys
import xml.etree.ElementTree as ElementTree


def judge(case):
    """'passed', 'failed' or 'skipped' of one test case of ctest, and why."""
    status = case.get("status")
    if status == "run":
        return "passed", ""
    skipped = case.find("skipped")
    why = skipped.get("message", "") if skipped is not None else status
    if status == "disabled":
        return "skipped", "disabled"
    if status == "notrun" and why.startswith(("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")):
        output = case.findtext("system-out") or ""
        lines = [line for line in output.splitlines() if "SKIP" in line]
        return "skipped", lines[0].strip() if lines else why
    return "failed", why


def results(path):
    """(name, verdict, why) of everything a result file holds."""
    stage, kind = os.path.splitext(os.path.basename(path))
    if kind == ".xml":
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            yield stage, "failed", f"results cannot be read: {error}"
            return
        for case in root.iter("testcase"):
            yield f"{stage}: {case.get('name')}", *judge(case)
    else:
        with open(path, encoding="utf-8") as text:
            yield stage, "passed" if kind == ".passed" else "failed", text.read().strip()


def main():
    files = [path for path in sys.argv[1:] if os.path.exists(path)]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for path in files:
        for name, verdict, why in results(path):
            count[verdict] += 1
            if verdict != "passed":
                print(f"{verdict.upper()} {name}{': ' + why if why else ''}")
    line = f"{count['passed']} passed, {count['failed']} failed"
    print(line + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    sys.exit(count["failed"] != 0 or count["passed"] == 0)


if __name__ == "__main__":
    main()
