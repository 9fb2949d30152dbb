#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stack.py on a program whose depth is known: it has to add up, to follow a pointer by a rule, to name what it cannot follow,
to go round a circle once more; and its judgement has to find a stack that is too small.

Usage: test_stack.py [COMPILER]
"""
import os
import re
import subprocess
import sys
import tempfile

import stack

PLANTED = """
void *volatile keep;
void leaf(void), left(void), right(int), behind(void), middle(void), root(void), circle(int), loop(void);
void (*volatile pointer)(void) = behind;
#define FRAME(bytes) char bytes_here[bytes]; keep = bytes_here
__attribute__((noinline)) void leaf(void) { FRAME(1000); }
__attribute__((noinline)) void left(void) { FRAME(200); leaf(); keep = 0; }
__attribute__((noinline)) void right(int deep) { FRAME(2000); if (deep) leaf(); keep = 0; }
__attribute__((noinline)) void behind(void) { FRAME(5000); }
__attribute__((noinline)) void middle(void) { left(); right(keep != 0); keep = 0; }
__attribute__((noinline)) void root(void) { FRAME(100); middle(); pointer(); keep = 0; }
__attribute__((noinline)) void circle(int n) { FRAME(300); if (n) circle(n - 1); keep = 0; }
__attribute__((noinline)) void loop(void) { leaf(); circle(3); keep = 0; }
int main(void) { root(); loop(); return 0; }
"""


def main():
    wrong = []

    def check(good, text):
        if not good:
            wrong.append(text)

    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "planted.c"), os.path.join(folder, "planted")
        with open(source, "w", encoding="utf-8") as text:
            text.write(PLANTED)
        compiler = sys.argv[1] if len(sys.argv) > 1 else "gcc"
        subprocess.run([compiler, "-O1", "-fno-optimize-sibling-calls", "-fstack-usage", "-c", source, "-o", program + ".o"], check=True,
                       cwd=folder)
        subprocess.run([compiler, program + ".o", "-o", program], check=True)
        elf = stack.Program(program, folder, False)

        def depth(name, rules):
            stack.RULES[:] = rules
            walk = stack.Walk(elf)
            start = next(start for start, other in elf.name.items() if other == name)
            return walk.depth(start), walk

        worst, walk = depth("root", [])
        check(2900 <= worst <= 3300, f"root, middle, right, leaf: {worst}")
        check(walk.open_ends == {"root"}, f"the pointer of root is not named: {walk.open_ends}")
        check(re.match(r"root \d+ > middle \d+ > right \d+ > leaf \d+", walk.way(next(
            start for start, other in elf.name.items() if other == "root"))) is not None, "not the way there")
        worst, walk = depth("root", [(r"planted:root", r"planted:behind")])
        check(4900 <= worst <= 5300, f"root and what is behind its pointer: {worst}")
        check(not walk.open_ends, "followed, and named all the same")
        worst, walk = depth("loop", [])
        check(worst >= 850, f"loop: {worst}")
    good = {"task": "a", "worst": 1000, "stack": 4096, "peak": 2000, "way": ""}
    check(not stack.judge([good]), "a good stack is refused")
    check(stack.judge([dict(good, worst=4097)]), "a worst case larger than its stack is not found")
    check(stack.judge([dict(good, peak=2731)]), "less than 1.5 times the painted peak is not found")
    check(not stack.judge([dict(good, peak=2730)]), "1.5 times the painted peak is refused")
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
