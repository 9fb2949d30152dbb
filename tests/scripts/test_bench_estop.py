#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench estop`: how it takes quantiles and when it judges; wrong options. Usage: test_bench_estop.py HOLDFAST"""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "bench"))

import estop  # noqa: E402


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"FAILED: {what}: {found}, expected {wanted}")


def rows(p999_us, max_us):
    return [{"name": "estop.p999", "value": p999_us, "gate": estop.GATE_P999_US},
            {"name": "estop.max", "value": max_us, "gate": estop.GATE_MAX_US}, {"name": "estop.m4", "value": None}]


expect(estop.quantile([5], 999), 5, "of one value")
expect(estop.quantile(list(range(1, 1001)), 500), 500, "median of 1 to 1000")
expect(estop.quantile(list(range(1, 1001)), 999), 999, "p99.9 of 1000")
expect(estop.quantile(list(range(1, 101)), 999), 100, "p99.9 of 100 is their largest")
expect(estop.quantile([3, 1, 2], 500), 2, "in any order")
expect(estop.judge(rows(1000, 10000), True, 1999)[0], 0, "at the gates")
expect(estop.judge(rows(1001, 9999), True, 0)[0], 1, "p99.9 above its gate")
expect(estop.judge(rows(999, 10001), True, 0)[0], 1, "max above its gate")
expect(estop.judge(rows(1, 1), False, 0)[0], 4, "no real-time priority: neither good nor bad")
expect(estop.judge(rows(1, 1), True, 2000)[0], 4, "a busy machine: neither good nor bad")
expect(estop.judge(rows(5000, 50000), True, 2000)[0], 4, "what a busy machine measures is no miss")
wrong = subprocess.run([sys.argv[1], "bench", "estop", "--nothing"], capture_output=True, text=True, check=False)
expect(wrong.returncode, 2, "a wrong option")
print("ok bench estop judges")
