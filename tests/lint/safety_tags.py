#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of docs/SAFETY.md against the sources: every rule has its tag in the code and in a test, every tag has a rule, and
what a rule names as its code and its tests is there. Usage: safety_tags.py [TOP]
"""
import os
import re
import sys

CODE = ("src", "include", "app", "port")


def texts(top, folders):
    for folder in folders:
        for root, _, files in os.walk(os.path.join(top, folder)):
            for name in files:
                if name.endswith((".c", ".h", ".mjs", ".sh", ".py")):
                    with open(os.path.join(root, name), encoding="utf-8") as text:
                        yield name, text.read()


def misplaced(tag, code, cell):
    """Names after "file.c:" that stand in another file by now."""
    for file, names in re.findall(r"`(\w+\.[ch]): ([^`]*)`", cell):
        own = [text for name, text in code if name == file]
        for name in re.findall(r"\b[a-z]\w*", names):
            if own and any(re.search(rf"\b{name}\b", text) for _, text in code):
                if not any(re.search(rf"\b{name}\b", text) for text in own):
                    yield f"{tag} names {name}, which is not in {file}"


def check(top):
    """What is wrong, one line each."""
    with open(os.path.join(top, "docs", "SAFETY.md"), encoding="utf-8") as text:
        rows = re.findall(r"^\| (SAF-\d\d) \|(.*)\|([^|]*)\|([^|]*)\|$", text.read(), re.MULTILINE)
    code, tests = list(texts(top, CODE)), list(texts(top, ["tests"]))
    wrong = []
    for place, found in (("code", code), ("tests", tests)):
        tagged = {tag for _, text in found for tag in re.findall(r"\[(SAF-\d\d)\]", text)}
        tagged |= {tag for _, text in found for group in re.findall(r"\[(SAF-\d\d[^\]]*)\]", text)
                   for tag in re.findall(r"SAF-\d\d", group)}
        ruled = {row[0] for row in rows}
        wrong += [f"{tag} has no tag in the {place}" for tag in sorted(ruled - tagged)]
        wrong += [f"{tag} in the {place} has no rule" for tag in sorted(tagged - ruled)]
    for tag, _, where, proofs in rows:
        for place, found, cell in (("code", code, where), ("tests", tests, proofs)):
            names = {name for quoted in re.findall(r"`([^`]*)`", cell) for name in re.findall(r"\w+\.[ch]\b|\b[a-z]\w*", quoted)}
            for name in sorted(names - {"c", "h"}):
                if not any(name == file or re.search(rf"\b{re.escape(name)}\b", text) for file, text in found):
                    wrong.append(f"{tag} names {name}, which is not in the {place}")
        wrong += misplaced(tag, code, where)
    return wrong if rows else ["docs/SAFETY.md has no rules"]


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    wrong = check(top)
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
