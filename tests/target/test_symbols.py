#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py must find a heap or an operating system where there is one. Usage: test_symbols.py COMPILER"""
import os
import subprocess
import sys
import tempfile
import unittest

import symbols

COMPILER = sys.argv.pop() if len(sys.argv) > 1 else "arm-none-eabi-gcc"
NM = COMPILER.replace("gcc", "nm")
CLEAN = "#include <string.h>\nvoid hf_port_now_us(void);\nvoid f(char *a){memset(a, 0, 100); hf_port_now_us();}\n"
HEAP = "#include <stdlib.h>\nvoid *g(void){return malloc(100);}\n"
SYSTEM = "int close(int);\nint h(void){return close(3);}\n"
IMAGE = "void *malloc(unsigned n){(void)n; return 0;}\nint main(void){return malloc(1) != 0;}\n"


class Symbols(unittest.TestCase):
    def compile(self, folder, name, source):
        path = os.path.join(folder, name)
        with open(path + ".c", "w", encoding="utf-8") as out:
            out.write(source)
        subprocess.run([COMPILER, "-mcpu=cortex-m4", "-mthumb", "-Os", "-fno-builtin", "--specs=picolibc.specs", "-c",
                        path + ".c", "-o", path + ".o"], check=True)
        return path + ".o"

    def judge(self, *sources, image=None):
        with tempfile.TemporaryDirectory() as folder:
            objects = [self.compile(folder, f"m{number}", source) for number, source in enumerate(sources)]
            whole = self.compile(folder, "image", image) if image else None
            return symbols.judge(objects, whole, NM)[0]

    def test_seams_and_string_functions_are_allowed(self):
        self.assertEqual(self.judge(CLEAN), [])

    def test_heap_is_found(self):
        self.assertIn("needs malloc", " ".join(self.judge(CLEAN, HEAP)))

    def test_operating_system_is_found(self):
        self.assertIn("needs close", " ".join(self.judge(SYSTEM)))

    def test_heap_in_the_image_is_found(self):
        self.assertEqual(self.judge(CLEAN, image=IMAGE), ["the image holds malloc"])


if __name__ == "__main__":
    unittest.main()
