#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""count.py and masked.py must find what is one above a gate, what is missing, and what masks interrupts for too long."""
import copy
import json
import unittest

import count
import masked

COMPILERS = {"arm-none-eabi-gcc": "12.2.1"}
TABLE = {"compilers": COMPILERS,
         "figures": {"m4.core.take": {"gate": 26, "worst": 55, "recorded": 25, "recorded_worst": 50},
                     "meta.bitmap": {"gate": 1, "bytes_per_pool": 48}, "m0.core.take": {"gate": 31}, "x86.shared.pair": {"gate": 1}}}
ROWS = [count.row("m4.core.take", "instructions", 25, 50), count.row("meta.bitmap", "bits per block", 1, bytes_per_pool=48)]

ARM = """
00000000 <take>:
   0: mrs r0, PRIMASK
   4: cpsid i
   6: cmp r1, #0
   8: beq.n 10 <take+0x10>
   a: adds r1, #1
   c: adds r1, #1
   e: b.n 10 <take+0x10>
  10: msr PRIMASK, r0
  14: bx lr
"""
RISCV = """
00000000 <give>:
   0: csrrci a5,mstatus,8
   4: beqz a0,c <give+0xc>
   6: addi a0,a0,1
   a: nop
   c: csrs mstatus,a5
  10: ret
"""


class Gates(unittest.TestCase):
    def judge(self, change, compilers=None):
        rows = copy.deepcopy(ROWS)
        change(rows)
        return count.judge(TABLE, compilers or COMPILERS, rows, {"m4", "meta"})[0]

    def test_what_is_recorded_is_held(self):
        self.assertEqual(self.judge(lambda rows: None), [])

    def test_one_more_than_recorded_fails(self):
        self.assertEqual(len(self.judge(lambda rows: rows[0].update(value=26))), 1)
        self.assertEqual(len(self.judge(lambda rows: rows[0].update(worst=51))), 1)

    def test_another_compiler_is_held_to_the_gate_alone(self):
        other = {"arm-none-eabi-gcc": "14.2.0"}
        self.assertEqual(self.judge(lambda rows: rows[0].update(value=26, worst=55), other), [])
        self.assertEqual(len(self.judge(lambda rows: rows[0].update(value=27), other)), 1)
        self.assertEqual(len(self.judge(lambda rows: rows[0].update(worst=56), other)), 1)

    def test_missing_figure_fails(self):
        self.assertEqual(len(self.judge(lambda rows: rows.pop(0))), 1)
        self.assertEqual(len(self.judge(lambda rows: rows[1].pop("bytes_per_pool"))), 1)

    def test_byte_more_beside_the_blocks_fails(self):
        self.assertEqual(len(self.judge(lambda rows: rows[1].update(bytes_per_pool=49))), 1)

    def test_recording_makes_the_next_one_the_limit(self):
        table = copy.deepcopy(TABLE)
        count.record(table, COMPILERS, [count.row("m4.core.take", "instructions", 24, 49)])
        self.assertEqual(table["figures"]["m4.core.take"]["recorded"], 24)
        self.assertTrue(count.judge(table, COMPILERS, ROWS, {"m4"})[0])

    def test_table_is_complete(self):
        with open(count.TABLE, encoding="utf-8") as text:
            figures = json.load(text)["figures"]
        for name in ("m4.core.take", "m4.refusal", "m0.core.masked", "rv32imc.core.give", "m4.text.all", "m4.region.free"):
            self.assertIn("gate", figures[name])


class Masked(unittest.TestCase):
    def test_longest_path_counts(self):
        self.assertEqual(masked.masked(ARM), {"take": 6})
        self.assertEqual(masked.masked(RISCV), {"give": 4})

    def test_one_instruction_more_is_seen(self):
        self.assertEqual(masked.masked(ARM.replace("  10:", "   f: nop\n  10:").replace("b.n 10", "b.n f")), {"take": 7})

    def test_loop_return_and_pointer_have_no_bound(self):
        for wrong in (ARM.replace("b.n 10", "b.n a"), ARM.replace("b.n 10 <take+0x10>", "bx lr"), ARM.replace("adds r1, #1", "blx r3"),
                      ARM.replace("adds r1, #1", "bl 100 <f>"), RISCV.replace("nop", "j 4"), RISCV.replace("nop", "jalr a5"),
                      RISCV.replace("nop", "ret")):
            with self.assertRaises(masked.Unbounded):
                masked.masked(wrong)

    def test_calls_are_followed(self):
        callee = "00000040 <f>:\n  40: adds r0, #1\n  42: bx lr\n"
        self.assertEqual(masked.masked(ARM.replace("a: adds r1, #1", "a: bl 40 <f>") + callee), {"take": 8})
        leaves = "00000040 <f>:\n  40: msr PRIMASK, r0\n  42: bx lr\n"
        self.assertEqual(masked.masked(ARM.replace("a: adds r1, #1", "a: bl 40 <f>") + leaves), {"take": 4})


if __name__ == "__main__":
    unittest.main()
