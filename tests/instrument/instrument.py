#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The amalgamation as a stranger uses it: hf_instrument.h and .c made anew, compiled by every compiler that is here under the
project's warnings and under what knows no GNU extension, and the programs of docs/INSTRUMENT.md compiled and run as they stand
there. Usage: instrument.py TOP WORK_DIR CASE; cases: compiles, example, snippets, made_from_the_tree."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

WARNINGS = ("-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wstrict-prototypes "
            "-Wmissing-prototypes").split()


def make(top, folder):
    subprocess.run([sys.executable, "-B", os.path.join(top, "tools/amalgamate.py"), top, folder, "test"], check=True)


def compile_one(command, folder):
    print(" ".join(command), flush=True)
    subprocess.run(command, cwd=folder, check=True)


def blocks(top, kind):
    """The fenced blocks of docs/INSTRUMENT.md that begin ```KIND, in order."""
    with open(os.path.join(top, "docs/INSTRUMENT.md"), encoding="utf-8") as file:
        text = file.read()
    found = re.findall(rf"^```{re.escape(kind)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if not found:
        sys.exit(f"docs/INSTRUMENT.md has no block {kind}")
    return found


def compiles(top, folder):
    make(top, folder)
    tried = [["gcc", *WARNINGS, "-O3"], ["gcc", "-std=c11", "-pedantic-errors", "-Werror", "-U__GNUC__"]]
    if shutil.which("clang"):
        tried.append(["clang", *WARNINGS, "-O2"])
    if shutil.which("arm-none-eabi-gcc"):
        for cpu in ("cortex-m0", "cortex-m4", "cortex-m33"):
            tried.append(["arm-none-eabi-gcc", *WARNINGS, f"-mcpu={cpu}", "-mthumb", "-Os"])
    for number, command in enumerate(tried):
        compile_one([*command, "-c", "hf_instrument.c", "-o", f"{number}.o"], folder)
    with open(os.path.join(folder, "user.cpp"), "w", encoding="utf-8") as file:
        file.write('#include "hf_instrument.h"\nhf_telemetry_t telemetry;\n')
    compile_one(["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "user.cpp", "-o", "user.o"], folder)


def example(top, folder):
    make(top, folder)
    with open(os.path.join(folder, "example.c"), "w", encoding="utf-8") as file:
        file.write(blocks(top, "c")[0])
    compile_one(["gcc", *WARNINGS, "-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "example.c",
                 "hf_instrument.c", "-o", "example"], folder)
    said = subprocess.run([os.path.join(folder, "example")], check=True, capture_output=True, text=True).stdout
    told = blocks(top, "text")[0]
    if said != told:
        print(f"--- docs/INSTRUMENT.md\n{told}--- the example\n{said}")
        sys.exit(1)


def snippets(top, folder):
    make(top, folder)
    stubs = os.path.join(top, "tests/instrument/stubs")
    for kind in ("c freertos", "c esp-idf"):
        name = kind.split()[1]
        with open(os.path.join(folder, f"{name}.c"), "w", encoding="utf-8") as file:
            file.write(blocks(top, kind)[0])
        compile_one(["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-I", stubs, "-I", ".",
                     "-c", f"{name}.c", "-o", f"{name}.o"], folder)


def made_from_the_tree(top, folder):
    """What was made is of the sources there are: a change in one is a change in it, and the same tree makes the same bytes."""
    copy = os.path.join(folder, "copy")
    for part in ("include/holdfast", "src/runtime"):
        shutil.copytree(os.path.join(top, part), os.path.join(copy, part))
    shutil.copy(os.path.join(top, "LICENSE"), copy)
    results = []
    for _ in range(2):
        subprocess.run([sys.executable, "-B", os.path.join(top, "tools/amalgamate.py"), copy, folder, "test"], check=True)
        with open(os.path.join(folder, "hf_instrument.c"), encoding="utf-8") as file:
            results.append(file.read())
        path = os.path.join(copy, "src/runtime/diag/hf_line.c")
        with open(path, encoding="utf-8") as file:
            changed = file.read().replace("[Mem] ", "[Changed] ")
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)
    make(top, folder)
    with open(os.path.join(folder, "hf_instrument.c"), encoding="utf-8") as file:
        again = file.read()
    if results[0] != again or "[Changed] " not in results[1] or "[Changed] " in again:
        sys.exit("what was made is not of the tree")


if __name__ == "__main__":
    top, work, case = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        {"compiles": compiles, "example": example, "snippets": snippets, "made_from_the_tree": made_from_the_tree}[case](
            os.path.abspath(top), folder)
