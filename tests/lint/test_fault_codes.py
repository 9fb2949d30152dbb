#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/fault-codes.md: it is current; an undocumented code, a row without a code, a stale document each fail, and fail the build."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tools", "doc"))
import fault_codes  # noqa: E402

SCRIPT = os.path.join(TOP, "tools", "doc", "fault_codes.py")


class FaultCodes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.top = self.folder.name
        for name in (*fault_codes.INPUTS, fault_codes.OUTPUT):
            path = os.path.join(self.top, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.path.join(TOP, name), path)

    def tearDown(self):
        self.folder.cleanup()

    def edit(self, name, old, new):
        path = os.path.join(self.top, name)
        with open(path, encoding="utf-8") as text:
            content = text.read()
        self.assertIn(old, content)
        with open(path, "w", encoding="utf-8") as text:
            text.write(content.replace(old, new, 1))

    def run_script(self, *options):
        done = subprocess.run(["/usr/bin/python3", "-B", SCRIPT, self.top, *options], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def refused(self, why):
        status, message = self.run_script("--check")
        self.assertEqual(status, 1)
        self.assertIn(why, message)

    def test_the_document_is_current(self):
        self.assertEqual(self.run_script("--check"), (0, ""))

    def test_each_table_is_read_whole(self):
        tree = fault_codes.Tree(TOP)
        counts = {kind: len(rows) for kind, _, _, rows in fault_codes.sections(tree)}
        entries = fault_codes.read_entries(tree.texts["docs/fault-codes.in"])
        for kind, count in counts.items():
            self.assertEqual(count, sum(1 for entry in entries if entry[0] == kind), kind)
            self.assertGreaterEqual(count, 4, kind)

    def test_undocumented_codes_are_found(self):
        for name, old, new, why in (
                ("include/evse/evse_fault.h", '    X(NONE, 0,', '    X(MELTED, 99, "OtherError", "melted") \\\n    X(NONE, 0,', "fault MELTED has no entry"),
                ("include/evse/evse_state.h", '    X(ESTOP, ', '    X(MOON, "moon (full)") \\\n    X(ESTOP, ', "reason MOON has no entry"),
                ("include/evse/evse_state.h", "    X(None, 0)", "    X(Bored, 77) \\\n    X(None, 0)", "stop Bored has no entry"),
                ("include/evse/evse_state.h", "    X(Available) ", "    X(Asleep) X(Available) ", "state Asleep has no entry"),
                ("include/evse/evse_supervisor.h", "    X(TICKS_LATE,", '    X(SAD, WARNING, "sad") \\\n    X(TICKS_LATE,', "health SAD has no entry"),
                ("include/holdfast/hf_status.h", "    X(HF_OK,", '    X(HF_E_ODD, -99, "odd") \\\n    X(HF_OK,', "status HF_E_ODD has no entry"),
                ("app/holdfastd/options.h", "    EXIT_GOOD = 0,", "    EXIT_GOOD = 0,\n    EXIT_ODD = 99,", "holdfastd EXIT_ODD has no entry"),
                ("tools/holdfast/holdfast.h", "    TOOL_GOOD = 0,", "    TOOL_GOOD = 0,\n    TOOL_ODD = 99,", "holdfast TOOL_ODD has no entry"),
                ("check", "Exit status: 0 all passed,", "Exit status: 0 all passed, 9 odd,", "check 9 has no entry")):
            with self.subTest(why):
                self.tearDown()
                self.setUp()
                self.edit(name, old, new)
                self.refused(why)

    def test_rows_without_a_code_are_found(self):
        self.edit("include/evse/evse_state.h", "X(Remote, 9) ", "")
        self.refused("stop Remote is in no table of the code")

    def test_rows_that_lack_a_line_are_found(self):
        self.edit("docs/fault-codes.in", "do     As fault 17.\n", "")
        self.refused("reason UNLOCKED has no line 'do'")

    def test_doubled_and_empty_rows_are_found(self):
        self.edit("docs/fault-codes.in", "reason ESTOP\n", "reason NO_ORDER\n")
        self.refused("reason NO_ORDER is there twice")

    def test_changed_text_makes_it_stale(self):
        self.edit("include/evse/evse_fault.h", "contactor does not close", "contactor does not shut")
        self.refused("out of date")

    def test_changed_time_makes_it_stale(self):
        self.edit("include/evse/evse_timing.h", "#define CONFIG_EVSE_FAULT_LOCK_MS 10000", "#define CONFIG_EVSE_FAULT_LOCK_MS 11000")
        self.refused("out of date")

    def test_changed_clearing_makes_it_stale(self):
        self.edit("src/evse/evse_fault_names.c", "[EVSE_FAULT_UNDERVOLTAGE] = EVSE_CLEAR_UNPLUG", "[EVSE_FAULT_UNDERVOLTAGE] = EVSE_CLEAR_TIME")
        self.refused("out of date")

    def test_unknown_time_is_found(self):
        self.edit("docs/fault-codes.in", "EVSE_CLOSE_TIMEOUT_MS", "EVSE_CLOSE_TIMEOUT_S")
        self.refused("EVSE_CLOSE_TIMEOUT_S is no time")

    def test_other_vendor_code_is_found(self):
        self.edit("src/evse/ocpp/evse_ocpp_status.c", "hf_builder_u64(&out, fault);", "hf_builder_u64(&out, fault + 100u);")
        self.refused("vendorErrorCode is not the number of the fault any more")

    def test_the_build_fails(self):
        with open(os.path.join(self.top, "CMakeLists.txt"), "w", encoding="utf-8") as text:
            text.write(f'cmake_minimum_required(VERSION 3.25)\nproject(codes NONE)\ninclude("{TOP}/cmake/fault_codes.cmake")\n')
        build = os.path.join(self.top, "build")
        subprocess.run(["cmake", "-G", "Ninja", "-S", self.top, "-B", build], check=True, capture_output=True)
        compile_all = ["cmake", "--build", build]
        self.assertEqual(subprocess.run(compile_all, capture_output=True, check=False).returncode, 0)
        self.edit("include/evse/evse_fault.h", '    X(NONE, 0,', '    X(MELTED, 99, "OtherError", "melted") \\\n    X(NONE, 0,')
        done = subprocess.run(compile_all, capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("fault MELTED has no entry", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
