#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""safety_tags.py must find a rule without code, without test, a tag without rule, and a name that is gone."""
import os
import tempfile
import unittest

import safety_tags

GOOD = {
    "docs/SAFETY.md": "| SAF-01 | Stop | `a.c: stop_now` | `stop_is_at_once` |\n",
    "src/a.c": "// [SAF-01]\nstatic void stop_now(void);\n",
    "tests/test_a.c": "// [SAF-01]\nstatic void stop_is_at_once(void);\n",
}


class Tags(unittest.TestCase):
    def wrong(self, **changes):
        files = dict(GOOD)
        files.update({name.replace("__", "/").replace("_dot_", "."): text for name, text in changes.items()})
        with tempfile.TemporaryDirectory() as top:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
                with open(os.path.join(top, path), "w", encoding="utf-8") as out:
                    out.write(text)
            return safety_tags.check(top)

    def test_good_tree_is_good(self):
        self.assertEqual(self.wrong(), [])

    def test_missing_tags_are_found(self):
        self.assertEqual(self.wrong(src__a_dot_c="static void stop_now(void);"), ["SAF-01 has no tag in the code"])
        self.assertEqual(self.wrong(tests__test_a_dot_c="static void stop_is_at_once(void);"), ["SAF-01 has no tag in the tests"])

    def test_tag_without_rule_is_found(self):
        self.assertEqual(self.wrong(src__b_dot_c="// [SAF-02]"), ["SAF-02 in the code has no rule"])

    def test_names_that_are_gone_are_found(self):
        self.assertEqual(self.wrong(src__a_dot_c="// [SAF-01]"), ["SAF-01 names stop_now, which is not in the code"])
        self.assertEqual(self.wrong(tests__test_a_dot_c="// [SAF-01]"), ["SAF-01 names stop_is_at_once, which is not in the tests"])

    def test_names_that_have_moved_are_found(self):
        moved = self.wrong(src__a_dot_c="// [SAF-01]", src__b_dot_c="static void stop_now(void);")
        self.assertEqual(moved, ["SAF-01 names stop_now, which is not in a.c"])

    def test_no_rules_are_found(self):
        self.assertEqual(self.wrong(docs__SAFETY_dot_md="")[-1], "docs/SAFETY.md has no rules")


if __name__ == "__main__":
    unittest.main()
