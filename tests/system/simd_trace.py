#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""holdfast-simd --trace: the same run gives the same trace, tracing changes nothing, and the trace agrees with the pools.
Usage: simd_trace.py BIN_DIR [no]   (no: this build has no trace, and says so)"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

BIN = sys.argv.pop(1)
HAS_TRACE = "no" not in sys.argv
sys.argv = sys.argv[:1]
OPTIONS = ["--hours", "1", "--sessions", "10", "--seed", "4", "--kills", "4", "--outages", "4", "--json"]


def simulate(*more, status=0):
    done = subprocess.run([f"{BIN}/holdfast-simd", *OPTIONS, *more], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    if status != 0:
        return done.stderr
    result = json.loads(done.stdout)
    del result["real_s"]
    return result


class SimdTrace(unittest.TestCase):
    @unittest.skipUnless(HAS_TRACE, "this build has no trace")
    def test_trace_agrees_with_the_pools(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a", "b")]
            plain, first, second = simulate(), *(simulate("--trace", path) for path in paths)
            self.assertEqual(plain, first)
            self.assertEqual(first, second)
            with open(paths[0], encoding="ascii") as a, open(paths[1], encoding="ascii") as b:
                text = a.read()
                self.assertEqual(text, b.read())
            out = subprocess.run([f"{BIN}/holdfast", "trace", "show", paths[0]], capture_output=True, text=True,
                                 timeout=60, check=True).stdout
        self.assertNotIn("missing", out)
        self.assertGreaterEqual(text.count("\nrestart "), 1)
        pools = {pool["pool"]: pool for pool in plain["pools"]}
        for name in ("messages",):
            row = re.search(rf"^{name} +\d+ +(\d+) +(\d+) +\d+ +(\d+) +(\d+) +(\d+) ", out, re.MULTILINE)
            capacity, takes, refused, wrong, held = map(int, row.groups())
            self.assertEqual(capacity, pools[name]["capacity"])
            self.assertEqual(held, pools[name]["in_use"])
            self.assertEqual((refused, wrong), (pools[name]["exhausted"], 0))
            self.assertGreaterEqual(takes, held)
        for name in ("frames-up", "frames-down"):  # at most the one that was received last is still held
            takes, gives, held = map(int, re.search(rf"^{name} +8192 +16 +(\d+) +(\d+) +0 +0 +(\d+) ", out, re.MULTILINE).groups())
            self.assertGreater(takes, 50)
            self.assertEqual(takes, gives + held)
            self.assertLessEqual(held, 1)

    @unittest.skipUnless(HAS_TRACE, "this build has no trace")
    def test_file_that_cannot_be_written_is_told(self):
        self.assertIn("/nonexistent/x", simulate("--trace", "/nonexistent/x", status=3))

    @unittest.skipIf(HAS_TRACE, "this build has a trace")
    def test_build_without_trace_says_so(self):
        self.assertIn("CONFIG_HF_TRACE", simulate("--trace", "x", status=2))


if __name__ == "__main__":
    unittest.main()
