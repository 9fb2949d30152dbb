#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes commit and date of a long stage that just passed into its row of docs/verification.md.

Refuses on a tree with changes of its own: the row would name a commit that was not what ran. Usage: verification.py STAGE
"""
import datetime
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = os.path.join(TOP, "docs", "verification.md")


def git(*arguments):
    return subprocess.run(["git", "-C", TOP, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    stage = sys.argv[1]
    if git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/verification.md"):
        sys.exit("verification: not recorded, the tree has changes that are in no commit")
    commit = git("rev-parse", "--short=12", "HEAD")
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    with open(TABLE, encoding="utf-8") as text:
        content = text.read()
    row = re.compile(rf"^(\| `{re.escape(stage)}` \|[^|]*\|)[^|]*\|[^|]*\|$", re.MULTILINE)
    content, found = row.subn(rf"\1 {commit} | {date} |", content)
    if found != 1:
        sys.exit(f"verification: {TABLE} has no row for {stage}")
    with open(TABLE, "w", encoding="utf-8") as text:
        text.write(content)
    print(f"recorded: {stage} passed at {commit} on {date}")


if __name__ == "__main__":
    main()
