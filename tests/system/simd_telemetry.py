# SPDX-License-Identifier: MIT
"""Telemetry of the stepped charge point, and the faults that are dimensions of it: takes refused, power cut within a write of
the journal, restarts by the hour. Usage: simd_telemetry.py BIN [--every]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from telemetry_lines import wrong_lines

SIMD = os.path.join(sys.argv[1], "holdfast-simd")
EVERY = "--every" in sys.argv
SHORT = ["--hours", "1", "--sessions", "10"]


def run(*options):
    """Exit status, result, lines of telemetry."""
    with tempfile.TemporaryDirectory(prefix="hf-") as directory:
        done = subprocess.run([SIMD, "--json", "--telemetry", directory + "/lines", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=300)
        assert done.returncode in (0, 1), (options, done)
        with open(directory + "/lines", encoding="utf-8") as file:
            text = file.read()
    assert text.endswith("\n") and not wrong_lines(text.splitlines()), (options, wrong_lines(text.splitlines())[:3])
    return done.returncode, json.loads(done.stdout), text.splitlines()


def count(pattern, lines):
    return sum(1 for line in lines if re.search(pattern, line))


def case_day_with_restarts():
    code, result, lines = run("--hours", "6", "--sessions", "12", "--reboot-hours", "2", "--heartbeat", "30")
    assert code == 0 and result["good"] and result["reboots"] == 2, result
    assert count(r"^rst:0x1 \(Power On\)$", lines) == 1 and count(r"^rst:0x2 \(Software\)$", lines) == 2, "restarts are not told"
    assert count(r"^\[Mem\] tx_start ", lines) == count(r"^\[Mem\] tx_stop ", lines) == 12
    for tag in ("boot", "setup", "net_up", "idle60"):
        assert count(rf"^\[Mem\] {tag} ", lines) == 3, tag
    ups = [int(re.search(r"Up: (\d+)s", line).group(1)) for line in lines if line.startswith("[Heartbeat]")]
    assert len(ups) > 6 * 100 and sum(1 for a, b in zip(ups, ups[1:]) if b < a) == 2, "uptime goes back twice"
    free = [int(re.search(r" hi=(\d+)", line).group(1)) for line in lines if re.match(r"\[Mem\] hb ", line)]
    assert max(free) - min(free) <= 5 * 1024, (min(free), max(free))


def case_kill_is_an_end_nobody_wanted():
    _, _, lines = run(*SHORT, "--kills", "10", "--seed", "3")
    assert count(r"^rst:0x8002 \(Panic\)$", lines) >= 1, [line for line in lines if line.startswith("rst")]


def case_nth_take_refused():
    for n in range(1, 40, 1 if EVERY else 5):
        code, result, lines = run(*SHORT, "--fail-take", str(n))
        assert code == 0 and result["good"], (n, result)
        assert result["refused_by_plan"] == (1 if n <= result["takes"] else 0), (n, result)
        assert count(r"^\[Pool\] name=readings .* exh=1 ", lines) > 0, n
        assert count(r"^\[Trip\] refused_take trip tag=\S+ value=1 limit=1 name=readings", lines) == 1, n


def case_nth_write_loses_power():
    for n in range(1, 60, 1 if EVERY else 9):
        code, result, lines = run(*SHORT, "--cut-power-at", str(n))
        assert code == 0 and result["good"] and result["cuts"] == 1, (n, result)
        first = 1 if n > 3 else 0  # the first start itself did not come to tell
        assert count(r"^rst:0x1 ", lines) == first + 1, (n, [line for line in lines if line.startswith("rst")])


def case_trip_above_what_is_free():
    _, _, lines = run(*SHORT, "--tripwire", "1000000")
    assert count(r"^\[Mem\] TRIPWIRE fired tag=\S+ hin=\d+B < 1000000B ", lines) == 1


def main():
    for name, case in sorted(globals().items()):
        if name.startswith("case_"):
            case()
            print("ok  ", name[5:], flush=True)


main()
