#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Longest path through the machine code while interrupts are masked, over every function of some images.

Counted from the instruction after the mask is set to the one that restores it, that one included. A loop, a call or a
return while masked has no bound and is an error. Usage: masked.py OBJDUMP IMAGE... prints FUNCTION INSTRUCTIONS lines.
"""
import re
import subprocess
import sys

ENTER = re.compile(r"cpsid\s+i\b|csrr?ci?\s+(\w+,\s*)?mstatus,\s*8\b")
LEAVE = re.compile(r"msr\s+PRIMASK,|cpsie\s+i\b|csrr?si?\s+(\w+,\s*)?mstatus,", re.IGNORECASE)
RETURN = re.compile(r"(bx|pop(\.w)?\s+\{.*pc\}|ldmia.*pc\}|ret|jr)\b")
CALL = re.compile(r"(blx?|jal|jalr|call|tail|svc|ecall)\b")
JUMP = re.compile(r"(b(\.n|\.w)?|j)\s+(\w+)")
BRANCH = re.compile(r"(b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|hs|lo)(\.n|\.w)?|cbn?z|"
                    r"b(eqz?|nez?|ltu?z?|geu?z?|lez|gtz|gtu?|leu?))\s+(?:\w+,\s*)*([0-9a-f]+)$")


class Unbounded(Exception):
    pass


def functions(listing):
    """{name: [(address, text)]} of an objdump listing."""
    found, current = {}, None
    for line in listing.splitlines():
        head = re.fullmatch(r"[0-9a-f]+ <(.+)>:", line.strip())
        if head:
            current = found.setdefault(head.group(1), [])
            continue
        code = re.match(r"\s*([0-9a-f]+):\s+(.+)", line)
        if code and current is not None:
            current.append((int(code.group(1), 16), re.sub(r"\s*[<;@#].*", "", code.group(2)).strip()))
    return found


def successors(code, index):
    """Indices of what may follow an instruction."""
    text = code[index][1]
    at = {address: number for number, (address, _) in enumerate(code)}
    if RETURN.match(text):
        raise Unbounded(f"returns: {text}")
    if CALL.match(text):
        raise Unbounded(f"calls: {text}")
    branch, jump = BRANCH.match(text), JUMP.match(text)
    target = branch.group(5) if branch else jump.group(3) if jump else None
    follow = [] if jump and not branch else [index + 1]
    if target is not None:
        if int(target, 16) not in at:
            raise Unbounded(f"leaves the function: {text}")
        follow.append(at[int(target, 16)])
    return follow


def longest(code, index, on_path=()):
    """Instructions from code[index] to the end of the mask, both included, on the longest way."""
    if index >= len(code):
        raise Unbounded("runs off the function")
    if index in on_path:
        raise Unbounded(f"loops: {code[index][1]}")
    if LEAVE.match(code[index][1]):
        return 1
    return 1 + max(longest(code, number, (*on_path, index)) for number in successors(code, index))


def masked(listing):
    """{function: instructions} of every function that masks; raises Unbounded."""
    result = {}
    for name, code in functions(listing).items():
        for index, (_, text) in enumerate(code):
            if ENTER.match(text):
                try:
                    result[name] = max(result.get(name, 0), longest(code, index + 1))
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
