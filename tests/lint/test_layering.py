#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each rule of layering.py must be able to fail, and must not fail on what is allowed. Trees are made in a temporary folder."""
import os
import tempfile
import unittest

import layering


class Rules(unittest.TestCase):
    def wrong(self, files):
        with tempfile.TemporaryDirectory() as top:
            for path, text in files.items():
                whole = os.path.join(top, path)
                os.makedirs(os.path.dirname(whole), exist_ok=True)
                with open(whole, "w", encoding="utf-8") as out:
                    out.write(text)
            return layering.Tree(top).check()

    def assert_breaks(self, rule, path, text, others=()):
        wrong = self.wrong({path: text, **dict(others)})
        self.assertEqual([line.split(": ")[1] for line in wrong], [rule], wrong)
        self.assertTrue(wrong[0].startswith(path), wrong)

    def assert_allowed(self, files):
        self.assertEqual(self.wrong(files), [])

    def test_portable_code_with_os_header_breaks(self):
        for folder in ("src/runtime/sync", "src/evse/can", "src/csms", "src/sim", "include/holdfast", "include/evse"):
            for header in ("pthread.h", "unistd.h", "stdio.h", "stdlib.h", "sys/socket.h", "time.h"):
                self.assert_breaks("header", f"{folder}/a.h", f"#include <{header}>\n")

    def test_portable_code_with_foreign_quoted_header_breaks(self):
        self.assert_breaks("header", "src/evse/a.c", '#include "openssl/ssl.h"\n')

    def test_freestanding_headers_are_allowed(self):
        self.assert_allowed({"src/runtime/a.c": "#include <stdint.h>\n#include <string.h>\n#include <stdatomic.h>\n"})

    def test_cpp_headers_only_where_a_cpp_compiler_looks(self):
        for guard in ("#ifdef __cplusplus", "#ifndef A_H\n#define A_H\n#if X\n#endif\n#ifdef __cplusplus\n#if Y\n#endif"):
            self.assert_allowed({"include/holdfast/a.h": f"{guard}\n#include <atomic>\n#else\n#include <stdatomic.h>\n#endif\n"})
        for text in ("#include <atomic>\n", "#ifndef __cplusplus\n#include <atomic>\n#endif\n",
                     "#ifdef __cplusplus\n#else\n#include <atomic>\n#endif\n",
                     "#ifdef __cplusplus\n#endif\n#include <atomic>\n", "#ifdef OTHER\n#include <atomic>\n#endif\n",
                     "#ifdef __cplusplus\n#include <vector>\n#endif\n"):
            self.assert_breaks("header", "include/holdfast/a.h", text)

    def test_os_header_in_port_is_allowed(self):
        self.assert_allowed({"port/linux/a.c": "#include <pthread.h>\nvoid f(void)\n{\n    free(malloc(1));\n}\n"})

    def test_heap_and_stdio_calls_break(self):
        for call in ("malloc(1)", "free (p)", "calloc(1, 2)", "realloc(p, 3)", 'printf("x")', "snprintf(t, 2, u)", "exit(1)",
                     "pthread_mutex_lock(m)", "time(NULL)", "assert(x)"):
            self.assert_breaks("call", "src/evse/a.c", f"void f(void)\n{{\n    {call};\n}}\n")

    def test_calls_in_comments_and_strings_are_allowed(self):
        self.assert_allowed({"src/evse/a.c": '// malloc(1)\n/* free(p)\n printf(x) */\nconst char *t = "exit(1) \\" free(p)";\n'})

    def test_longer_names_and_members_are_allowed(self):
        self.assert_allowed({"src/evse/a.c": "void f(void)\n{\n    static_assert(1, t);\n    hf_pool_free(p);\n    ops->time(1);\n    a.free(2);\n}\n"})

    def test_runtime_including_charge_point_breaks(self):
        self.assert_breaks("layer", "src/runtime/a.c", '#include "evse/evse.h"\n')

    def test_charge_point_including_simulation_or_csms_breaks(self):
        self.assert_breaks("layer", "src/evse/a.c", '#include "sim/sim.h"\n')
        self.assert_breaks("layer", "src/evse/a.c", '#include "csms/csms.h"\n')

    def test_central_system_including_charge_point_breaks(self):
        self.assert_breaks("layer", "src/csms/a.c", '#include "evse/evse_rpc.h"\n')

    def test_simulation_including_central_system_breaks(self):
        self.assert_breaks("layer", "src/sim/a.c", '#include "csms/csms.h"\n')

    def test_charge_point_including_port_breaks(self):
        self.assert_breaks("layer", "src/evse/a.c", '#include "linux_clock.h"\n', {"port/linux/linux_clock.h": ""}.items())

    def test_port_including_application_breaks(self):
        self.assert_breaks("layer", "port/linux/a.c", '#include "daemon.h"\n', {"app/holdfastd/daemon.h": ""}.items())

    def test_daemon_including_simulation_breaks(self):
        self.assert_breaks("layer", "app/holdfastd/a.c", '#include "sim/sim.h"\n')
        self.assert_breaks("layer", "app/holdfastd/a.c", '#include "ram_flash.h"\n', {"port/ram/ram_flash.h": ""}.items())

    def test_lower_layers_are_allowed(self):
        self.assert_allowed({"src/evse/a.c": '#include "holdfast/hf_ring.h"\n#include "evse/evse.h"\n',
                             "src/sim/a.c": '#include "evse/evse_can.h"\n', "app/simd/a.c": '#include "sim/sim.h"\n'})

    def test_daemon_linking_simulation_breaks(self):
        wrong = self.wrong({"app/CMakeLists.txt": "target_link_libraries(holdfastd PRIVATE port_linux evse)\n",
                            "port/linux/CMakeLists.txt": "target_link_libraries(port_linux PUBLIC ram)\n"})
        self.assertEqual(wrong, ["app:0: link: holdfastd links ram"])

    def test_simd_linking_simulation_is_allowed(self):
        self.assert_allowed({"app/CMakeLists.txt": "target_link_libraries(holdfastd PRIVATE evse)\n"
                                                   "target_link_libraries(holdfast-simd PRIVATE sim ram)\n"})

    def test_long_file_line_and_function_break(self):
        self.assert_breaks("file", "src/evse/a.c", "int a;\n" * 1201)
        self.assert_breaks("file", "src/evse/a.c", "int " + "a" * 125 + ";\n")
        self.assert_breaks("function", "src/evse/a.c", "int f(void)\n{\n" + "    g();\n" * 101 + "}\n")

    def test_long_table_is_allowed(self):
        self.assert_allowed({"src/evse/a.c": "static const int t[] = {\n" + "    1,\n" * 300 + "};\n"})


if __name__ == "__main__":
    unittest.main()
