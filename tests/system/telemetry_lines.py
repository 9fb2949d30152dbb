# SPDX-License-Identifier: MIT
"""Every line that telemetry may print, as docs/SPEC.md has them."""
import re

LINES = [re.compile(pattern) for pattern in (
    r"\[Mem\] \S+ hf=\d+ hm=\d+ hl=\d+ hi=\d+ hin=\d+ frag=\d+ pf=\d+ pm=\d+ pl=\d+ \(0ms\)",
    r"\[Mem\] TRIPWIRE fired tag=\S+ hin=\d+B < \d+B \(hf=\d+B hl=\d+B frag=\d+% pf=\d+B pl=\d+B\) \(0ms\)",
    r"\[Mem\] Task dump \(\d+ tasks, sorted by stack margin\) tag=\S+ \(0ms\)",
    r"\[Task\] name=\S+ prio=\d+ core=-?\d+ stack_rem=\d+B \(0ms\)",
    r"\[Stack\] name=\S+ size=\d+B prio=\d+ \(0ms\)",
    r"\[Pool\] name=\S+ size=\d+ cap=\d+ use=\d+ peak=\d+ min=\d+ exh=\d+ bad=\d+ \(0ms\)",
    r"\[Lock\] name=\S+ holder=\S+ waiter=\S+ held_ms=\d+ timeouts=\d+ \(0ms\)",
    r"\[Trip\] \S+ (warning|trip) tag=\S+ value=\d+ limit=\d+ name=\S+ \(0ms\)",
    r"\[Heartbeat\] Up: \d+s \| Heap: \d+ \| WiFi: .*",
    r"rst:0x[0-9a-fA-F]+ \([^)]*\)", r"\[System Boot\] Starting\.\.\.", r"  Firmware: v\S+", r"\[WiFi\] Got IP: \S+", r"\[Main\] Setup complete")]


def wrong_lines(lines):
    return [line for line in lines if not any(pattern.fullmatch(line) for pattern in LINES)]
