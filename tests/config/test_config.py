#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The configuration: what Kconfig drops or clamps silently must stop the build, and every switch must really switch.

Usage: test_config.py CASE (the name of a method without test_), or none for all.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import kconfiglib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = "/usr/bin/python3"


class Configuration(unittest.TestCase):
    def generate(self, config, kconfig=None):
        """Status, messages and header of cmake/kconfig.py for the text of a configuration."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("Kconfig", "config", "hf_autoconf.h", "config.cmake")]
            with open(os.path.join(TOP, "Kconfig"), encoding="utf-8") as text:
                tree = kconfig or text.read()
            for path, text in ((paths[0], tree), (paths[1], config)):
                with open(path, "w", encoding="utf-8") as out:
                    out.write(text)
            done = subprocess.run([PYTHON, os.path.join(TOP, "cmake", "kconfig.py"), *paths], capture_output=True, text=True, check=False)
            header = ""
            if os.path.exists(paths[2]):
                with open(paths[2], encoding="utf-8") as text:
                    header = text.read()
            return done.returncode, done.stderr, header

    def assert_refused(self, config, why, kconfig=None):
        status, messages, header = self.generate(config, kconfig)
        self.assertNotEqual(status, 0)
        self.assertIn(why, messages)
        self.assertEqual(header, "")

    def test_takes_what_is_asked(self):
        status, messages, header = self.generate("CONFIG_EVSE_MESSAGES_MAX=77\n# CONFIG_HOLDFAST_TOOL is not set\n")
        self.assertEqual((status, messages), (0, ""))
        self.assertIn("#define CONFIG_EVSE_MESSAGES_MAX 77\n", header)
        self.assertNotIn("CONFIG_HOLDFAST_TOOL", header)
        self.assertIn("#define CONFIG_EVSE_WS 1\n", header)

    def test_rejects_unknown_symbol(self):
        self.assert_refused("CONFIG_EVSE_OCCP=y\n", "config:1: CONFIG_EVSE_OCCP: no such symbol")
        self.assert_refused("\n# CONFIG_HF_LOGG is not set\n", "config:2: CONFIG_HF_LOGG: no such symbol")

    def test_rejects_out_of_range(self):
        self.assert_refused("CONFIG_EVSE_CONNECTORS_MAX=5\n", "CONFIG_EVSE_CONNECTORS_MAX=5 did not take effect, it is 4")
        self.assert_refused("CONFIG_EVSE_MESSAGES_MAX=0\n", "did not take effect")

    def test_rejects_missing_dependency(self):
        self.assert_refused("# CONFIG_EVSE_OCPP is not set\nCONFIG_EVSE_WS=y\n", "CONFIG_EVSE_WS=y did not take effect")
        self.assert_refused("# CONFIG_HF_JSON is not set\n", "CONFIG_HF_JSON=n did not take effect, it is y")

    def test_rejects_a_line_that_is_no_setting(self):
        self.assert_refused("EVSE_WS=y\n", "config:1: not a setting")

    def test_rejects_a_switch_without_cost(self):
        self.assert_refused("", "NEW does not state its cost", 'config NEW\n\tbool "New"\n\thelp\n\t  Nothing said.\n')

    def compile_header(self, autoconf):
        """Messages of the compiler for hf_config.h over a hand-written hf_autoconf.h; empty when it is taken."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "hf_autoconf.h"), "w", encoding="utf-8") as out:
                out.write(autoconf)
            done = subprocess.run(["cc", "-std=c11", "-I", folder, "-I", os.path.join(TOP, "include"), "-fsyntax-only", "-x", "c", "-"],
                                  input='#include "holdfast/hf_config.h"\n#include "evse/evse_timing.h"\nint x;\n', capture_output=True, text=True, check=False)
            return done.stderr

    def test_header_refuses_what_kconfig_refuses(self):
        ocpp = "".join(f"#define CONFIG_{name} 1\n" for name in (
            "HF_JSON", "HF_JOURNAL", "HF_MEM", "HF_EVENT", "HF_TRACE", "EVSE_OCPP", "EVSE_OCPP_LOCAL_LIST", "EVSE_OCPP_SMART_CHARGING",
            "EVSE_OCPP_VENDOR", "HOLDFASTD_TRANSFERS"))
        self.assertEqual(self.compile_header(""), "")
        self.assertEqual(self.compile_header(ocpp), "")
        self.assertIn("needs CONFIG_HF_JSON", self.compile_header("#define CONFIG_EVSE_OCPP 1\n"))
        headers = ""
        for name in ("holdfast/hf_config.h", "evse/evse_timing.h"):
            with open(os.path.join(TOP, "include", name), encoding="utf-8") as text:
                headers += text.read()
        for symbol in kconfiglib.Kconfig(os.path.join(TOP, "Kconfig"), warn=False).unique_defined_syms:
            for low, high, _ in symbol.ranges:
                for value, taken in ((low, True), (high, True), (int(low.str_value) - 1, False), (int(high.str_value) + 1, False)):
                    value = getattr(value, "str_value", value)
                    messages = self.compile_header(f"{ocpp}#define CONFIG_{symbol.name} {value}\n")
                    self.assertEqual(messages == "", taken, f"{symbol.name} {value}: {messages}")
                self.assertIn(f"#define CONFIG_{symbol.name} {symbol.defaults[0][0].str_value}\n", headers)

    def test_minimal(self):
        """configs/minimal builds, and every switch of the tree is off in it."""
        for command in (["cmake", "--preset", "minimal"], ["cmake", "--build", "--preset", "minimal", "-j2"]):
            done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(os.path.join(TOP, "build", "minimal", "generated", "config.cmake"), encoding="utf-8") as text:
            values = dict(re.findall(r'set\(CONFIG_(\w+) "([^"]*)"\)', text.read()))
        for symbol in kconfiglib.Kconfig(os.path.join(TOP, "Kconfig"), warn=False).unique_defined_syms:
            if symbol.type == kconfiglib.BOOL:
                self.assertEqual(values[symbol.name], "", f"{symbol.name} is on in configs/minimal")
        self.assertTrue(os.path.exists(os.path.join(TOP, "build", "minimal", "src", "libholdfast.a")))
        self.assertTrue(os.path.exists(os.path.join(TOP, "build", "minimal", "src", "libevse.a")))

    def test_each_switch_flipped_alone_builds(self):
        """Everything that one switch less, or more, leaves still compiles without a warning, and links. HOLDFAST_SWITCHES=k/n: every
        n-th switch from the k-th on."""
        first, every = (int(number) for number in os.environ.get("HOLDFAST_SWITCHES", "0/1").split("/"))
        symbols = kconfiglib.Kconfig(os.path.join(TOP, "Kconfig"), warn=False).unique_defined_syms
        switches = [symbol for symbol in symbols if symbol.type == kconfiglib.BOOL][first::every]
        self.assertTrue(switches)
        for symbol in switches:
            off = [symbol.name] + (["EVSE_OCPP"] if symbol.name in ("HF_JSON", "HF_JOURNAL") else [])
            lines = [f"# CONFIG_{name} is not set\n" for name in off] if symbol.str_value == "y" else [f"CONFIG_{symbol.name}=y\n"]
            if symbol.name != "HOLDFAST_FLEET":  # compiles everything once more, for nothing new
                lines.append("# CONFIG_HOLDFAST_FLEET is not set\n")
            build = os.path.join(TOP, "build", "config")
            os.makedirs(build, exist_ok=True)
            config = os.path.join(build, "one-switch-flipped")
            with open(config, "w", encoding="utf-8") as out:
                out.writelines(lines)
            for command in (["cmake", "-S", TOP, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", f"-DHOLDFAST_CONFIG={config}",
                             "-DHOLDFAST_TESTS=OFF"], ["cmake", "--build", build, "-j2"]):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                with self.subTest(symbol.name):  # the others are looked at all the same
                    self.assertEqual(done.returncode, 0, f"with {lines}: {done.stdout}{done.stderr}")

    def test_each_configuration_is_accepted(self):
        for name in sorted(os.listdir(os.path.join(TOP, "configs"))):
            with open(os.path.join(TOP, "configs", name), encoding="utf-8") as text:
                status, messages, _ = self.generate(text.read())
            self.assertEqual((status, messages), (0, ""), name)

    def test_document_is_current(self):
        for script, made in (("kconfig_doc.py", ("docs", "CONFIGURATION.md")), ("kconfig_timing.py", ("include", "evse", "evse_timing.h"))):
            done = subprocess.run([PYTHON, os.path.join(TOP, "cmake", script), os.path.join(TOP, "Kconfig"), os.path.join(TOP, *made),
                                   "--check"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + [f"Configuration.test_{name}" for name in sys.argv[1:]])
