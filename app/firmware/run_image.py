#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts the firmware image in QEMU with a simulated vehicle and a central system, its console on this terminal; lines of its
telemetry begin with "~".

Usage: run_image.py [IMAGE [TOOLS]]     IMAGE: build/cortex-m4/bin/firmware, TOOLS: build/release/bin
Lines typed go to the vehicle (plug 1, card 1 TAG1, unplug 1, estop, release ...), with '.' before them to the board's
console (.status, .stop 1), with '!' to the central system (!remote-start HF-M4 1 TAG1, !ledger). The end of the input, or
Ctrl-C, ends it all. Exit status: 0, or 1 when the bench cannot be set up.
"""
import os
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "firmware"))
import rig # pylint: disable=wrong-import-position


def show(board):
    """Prints what the console and the log have new."""
    lines = heard = told = 0
    while True:
        time.sleep(0.1)
        for line in board.log[lines:]:
            print(line)
        lines = len(board.log)
        text, heard = board.heard[heard:], len(board.heard)
        sys.stdout.write(text.decode(errors="replace"))
        telemetry, told = board.telemetry()[told:], len(board.telemetry())
        for line in telemetry:
            print("~", line)
        sys.stdout.flush()


def main():
    if len(sys.argv) > 3 or "--help" in sys.argv:
        print(__doc__)
        sys.exit(0 if "--help" in sys.argv else 2)
    image, tools = (sys.argv[1:] + [os.path.join(TOP, "build/cortex-m4/bin/firmware"), os.path.join(TOP, "build/release/bin")][len(sys.argv) - 1:])
    try:
        with rig.Rig(tools, image) as board:
            threading.Thread(target=show, args=(board,), daemon=True).start()
            board.booted()
            for line in sys.stdin:
                line = line.rstrip("\n")
                if line.startswith("."):
                    board.console.sendall(line[1:].encode() + b"\r")
                elif line:
                    (board.csms if line.startswith("!") else board.sim).say(line.lstrip("!"))
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    except (rig.Failed, OSError) as why:
        print(why, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
