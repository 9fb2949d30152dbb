#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Longest path through the machine code while interrupts are masked, over every function of some images.

Counted from the instruction after the mask is set to the one that restores it, that one included, through calls and
jumps. A loop, a call through a pointer or a return while masked has no bound that can be read off, and is an error. Usage: masked.py OBJDUMP IMAGE... prints FUNCTION INSTRUCTIONS lines.
"""
import re
import subprocess
import sys

ENTER = re.compile(r"cpsid\s+i\b|csrr?ci?\s+(\w+,\s*)?mstatus,\s*8\b")
LEAVE = re.compile(r"msr\s+PRIMASK,|cpsie\s+i\b|csrr?si?\s+(\w+,\s*)?mstatus,", re.IGNORECASE)
RETURN = re.compile(r"(bx\s+lr|pop(\.w)?\s+\{.*pc\}|ldmia.*pc\}|ret|jr\s+ra)\b")
CALL = re.compile(r"(bl|jal)\s+(?:ra,\s*)?([0-9a-f]+)$")
INDIRECT = re.compile(r"(blx|bx|jalr|jr|tb[bh]|svc|ecall)\b")
JUMP = re.compile(r"(?:b(?:\.n|\.w)?|j)\s+([0-9a-f]+)$")
BRANCH = re.compile(r"(?:b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo)(?:\.n|\.w)?|cbn?z|"
                    r"b(?:eqz?|nez?|ltu?z?|geu?z?|lez|gtz|gtu?|leu?))\s+(?:\w+,\s*)*([0-9a-f]+)$")


class Unbounded(Exception):
    pass


class Code:
    """The instructions of a listing by address, each with its successor in memory and its function."""

    def __init__(self, listing):
        self.text, self.next, self.function = {}, {}, {}
        function, before = "?", None
        for line in listing.splitlines():
            head = re.fullmatch(r"[0-9a-f]+ <(.+)>:", line.strip())
            function = head.group(1) if head and not head.group(1).startswith(".L") else function
            code = re.match(r"\s*([0-9a-f]+):\s+(.+)", line)
            if code:
                at = int(code.group(1), 16)
                self.text[at] = re.sub(r"\s*[<;@].*", "", code.group(2)).strip()
                self.function[at] = function
                if before is not None:
                    self.next[before] = at
                before = at

    def successors(self, at, returns):
        """(address, return addresses) of what may follow an instruction."""
        text, follow = self.text[at], self.next.get(at)
        if RETURN.match(text):
            if not returns:
                raise Unbounded("returns")
            return [(returns[-1], returns[:-1])]
        call, jump, branch = CALL.match(text), JUMP.match(text), BRANCH.match(text)
        if call:
            return [(int(call.group(2), 16), (*returns, follow))]
        if jump:
            return [(int(jump.group(1), 16), returns)]
        if branch:
            return [(follow, returns), (int(branch.group(1), 16), returns)]
        if INDIRECT.match(text):
            raise Unbounded(f"goes where nobody can see: {text}")
        return [(follow, returns)]

    def longest(self, at, returns=(), path=()):
        """Instructions from an address to the end of the mask, both included, on the longest way."""
        if at not in self.text:
            raise Unbounded(f"goes to {at}, where no code is")
        if (at, returns) in path or len(returns) > 8:
            raise Unbounded(f"loops: {self.text[at]}")
        if LEAVE.match(self.text[at]):
            return 1
        return 1 + max(self.longest(*step, (*path, (at, returns))) for step in self.successors(at, returns))


def masked(listing):
    """{function: instructions} of every function that masks; raises Unbounded."""
    code, result = Code(listing), {}
    for at, text in code.text.items():
        if ENTER.match(text):
            name = code.function[at]
            try:
                result[name] = max(result.get(name, 0), code.longest(code.next[at]))
            except Unbounded as why:
                raise Unbounded(f"{name} while masked {why}") from None
    return result


def of_images(objdump, images):
    done = subprocess.run([objdump, "-d", "--no-show-raw-insn", *images], check=True, capture_output=True, text=True)
    return masked(done.stdout)


if __name__ == "__main__":
    try:
        for function, instructions in of_images(sys.argv[1], sys.argv[2:]).items():
            print(function, instructions)
    except Unbounded as error:
        sys.exit(str(error))
