#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""totals.py must not let a test that never ran, or a stage that could not be built, pass for anything but a failure."""
import os
import subprocess
import sys
import tempfile
import unittest

TOTALS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "totals.py")
CASES = {
    "passed": '<testcase name="a" status="run"><system-out>ok</system-out></testcase>',
    "failed": '<testcase name="b" status="fail"><failure message="x"/></testcase>',
    "missing": '<testcase name="c" status="notrun"><skipped message="Unable to find executable: c"/></testcase>',
    "skipped": '<testcase name="d" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>'
               "<system-out>first\nSKIP no such board</system-out></testcase>",
}


class Totals(unittest.TestCase):
    def judge(self, files):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, "absent.xml")]
            for name, text in files.items():
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "w", encoding="utf-8") as out:
                    out.write(text)
            done = subprocess.run([sys.executable, TOTALS, *paths], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout.splitlines()

    def suite(self, *names):
        return "<testsuite>" + "".join(CASES[name] for name in names) + "</testsuite>"

    def test_all_passed(self):
        self.assertEqual(self.judge({"a.xml": self.suite("passed", "passed"), "b.passed": ""}), (0, ["3 passed, 0 failed"]))

    def test_failure_and_missing_program_fail(self):
        status, lines = self.judge({"a.xml": self.suite("passed", "failed", "missing")})
        self.assertEqual((status, lines[-1]), (1, "1 passed, 2 failed"))
        self.assertIn("FAILED a: c: Unable to find executable: c", lines)

    def test_skip_is_told_with_its_reason(self):
        status, lines = self.judge({"a.xml": self.suite("passed", "skipped")})
        self.assertEqual((status, lines), (0, ["SKIPPED a: d: SKIP no such board", "1 passed, 0 failed, 1 skipped"]))

    def test_broken_stage_fails(self):
        self.assertEqual(self.judge({"tsan.broken": "the build failed\n", "a.xml": self.suite("passed")}),
                         (1, ["FAILED tsan: the build failed", "1 passed, 1 failed"]))

    def test_nothing_run_fails(self):
        self.assertEqual(self.judge({}), (1, ["0 passed, 0 failed"]))

    def test_torn_results_fail(self):
        self.assertEqual(self.judge({"a.xml": "<testsuite>"})[0], 1)


if __name__ == "__main__":
    unittest.main()
