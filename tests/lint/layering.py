#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the layers apart: what each folder may include and call, and which programs may link the simulation.

Rules (each has a test in test_layering.py that breaks it):
  header    portable code includes nothing but the freestanding headers, string.h, limits.h and Holdfast's own; what
            C++ needs (CPP_HEADERS) only within #ifdef __cplusplus
  call      portable code calls neither the heap nor stdio nor anything else of an operating system
  layer     a layer includes only itself and what lies below it
  link      holdfastd links neither the simulation nor the stepped-time back ends
  file      no file above 1,200 lines, no comment above 125 columns (clang-format keeps code at 100)
  function  no function above 100 lines (tables excepted: they are no functions)
Usage: layering.py [TOP]. Prints FILE:LINE: RULE: text; exit 1 when a rule is broken.
"""
import os
import re
import sys

PORTABLE_HEADERS = {
    "stdint.h", "stddef.h", "stdbool.h", "stdalign.h", "stdatomic.h", "stdarg.h", "stdnoreturn.h", "string.h",
    "limits.h", "inttypes.h", "assert.h",  # assert.h for static_assert alone: assert() is a forbidden call
}

# For C++ users of a public header: only between #ifdef __cplusplus and its #else or #endif.
CPP_HEADERS = {"atomic", "initializer_list"}

# Folder -> layers whose headers it may include. Layers are named by the folders of include/ and by those below.
ALLOWED = {
    "include/holdfast": {"holdfast"},
    "include/evse": {"holdfast", "evse"},
    "include/csms": {"holdfast", "csms"},
    "include/sim": {"holdfast", "evse", "sim"},
    "src/runtime": {"holdfast"},
    "src/evse": {"holdfast", "evse"},
    "src/csms": {"holdfast", "csms"},
    "src/sim": {"holdfast", "evse", "sim"},
    "src/service": {"holdfast", "evse", "service", "linux"},
    "port/ram": {"holdfast", "evse", "csms", "ram"},
    "port/linux": {"holdfast", "evse", "linux"},
    "port/template": {"holdfast", "evse", "template"},
    "port/qemu": {"holdfast", "qemu"},
    "port/mps2": {"holdfast", "evse", "qemu", "mps2"},
    "port/virt-rv32": {"holdfast", "qemu"},
    "port/virt-a64": {"holdfast", "qemu"},
    "app/holdfastd": {"holdfast", "evse", "service", "linux", "holdfastd"},
    "app/firmware": {"holdfast", "evse", "mps2", "firmware"},
    "app/simd": {"holdfast", "evse", "csms", "sim", "ram", "simd"},
    "tools/holdfast": {"holdfast", "evse", "csms", "sim", "linux", "tool"},
    "tools/fleet": {"holdfast", "evse", "csms", "sim", "linux", "ram", "tool", "fleet"},
    "tools/lab": {"holdfast", "linux", "lab"},
}
PORTABLE = tuple(folder for folder in ALLOWED if folder.startswith("include/")) + (
    "src/runtime", "src/evse", "src/csms", "src/sim")

# Where a quoted header lives when its name does not begin with its layer's folder.
LOCAL_LAYERS = {
    "src/runtime": "holdfast", "src/evse": "evse", "src/csms": "csms", "src/sim": "sim", "src/service": "service",
    "port/ram": "ram", "port/linux": "linux", "port/template": "template", "port/qemu": "qemu", "port/mps2": "mps2",
    "app/firmware": "firmware", "app/holdfastd": "holdfastd",
    "app/simd": "simd", "tools/holdfast": "tool", "tools/fleet": "fleet",
    "tools/lab": "lab",
}
PUBLIC_LAYERS = {"holdfast", "evse", "csms", "sim"}
GENERATED = {"hf_autoconf.h"}

FORBIDDEN_CALLS = re.compile(
    r"\b(assert|malloc|calloc|realloc|reallocarray|free|alloca|aligned_alloc|posix_memalign|strdup|strndup|asprintf|"
    r"printf|fprintf|sprintf|snprintf|vprintf|vfprintf|vsprintf|vsnprintf|puts|fputs|putchar|scanf|sscanf|fopen|"
    r"fclose|fread|fwrite|abort|exit|getenv|system|signal|time|clock|gmtime|localtime|mktime|strftime|rand|srand|"
    r"qsort|setjmp|longjmp|strtok|strtod|atof|atoi|errno|pthread_\w+|sleep|usleep|nanosleep|clock_gettime)\s*\(")

# holdfastd may link none of these: they hold simulated worlds, power cuts and stepped time.
KEPT_OUT_OF_HOLDFASTD = {"sim", "ram", "csms"}

MAX_FILE_LINES, MAX_COLUMNS, MAX_FUNCTION_LINES = 1200, 125, 100


def without_comments(text, keep_strings):
    """The text with comments (and, unless kept, strings) blanked; lines and columns stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found if keep_strings else found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def cpp_lines(text):
    """Numbers of the lines that only a C++ compiler sees."""
    found, branches = set(), []
    for number, line in enumerate(text.split("\n"), 1):
        directive = re.match(r"[ \t]*#[ \t]*(ifdef|ifndef|if|elif|else|endif)\b[ \t]*(\w*)", line)
        word, name = directive.groups() if directive else ("", "")
        if word in ("ifdef", "ifndef", "if"):
            branches.append(word == "ifdef" and name == "__cplusplus")
        elif word in ("elif", "else") and branches:
            branches[-1] = False
        elif word == "endif" and branches:
            branches.pop()
        elif any(branches):
            found.add(number)
    return found


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    """A source tree and what was found wrong in it."""

    def __init__(self, top):
        self.top = top
        self.wrong = []
        self.local = {}  # file name of a private header -> layer
        for folder, layer in LOCAL_LAYERS.items():
            for path in self.sources(folder, (".h",)):
                self.local.setdefault(os.path.basename(path), set()).add(layer)

    def sources(self, folder, endings=(".c", ".h")):
        for root, folders, files in os.walk(os.path.join(self.top, folder)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(endings):
                    yield os.path.join(root, name)

    def report(self, path, line, rule, text):
        self.wrong.append(f"{os.path.relpath(path, self.top)}:{line}: {rule}: {text}")

    def layers_of(self, name):
        first = name.split("/")[0]
        if "/" in name and first in PUBLIC_LAYERS:
            return {first}
        return self.local.get(os.path.basename(name), set())

    def check_includes(self, path, text, folder):
        for_cpp = cpp_lines(text)
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', text, re.MULTILINE):
            kind, name = match.groups()
            line = line_of(text, match.start())
            if kind == "<":
                is_allowed = name in PORTABLE_HEADERS or (name in CPP_HEADERS and line in for_cpp)
                if folder in PORTABLE and not is_allowed:
                    self.report(path, line, "header", f"<{name}> in portable code")
                continue
            if name in GENERATED or os.path.exists(os.path.join(os.path.dirname(path), name)):
                continue
            layers = self.layers_of(name)
            if not layers and folder in PORTABLE:
                self.report(path, line, "header", f'"{name}" is no header of Holdfast')
            elif layers and not layers & ALLOWED[folder]:
                self.report(path, line, "layer", f'{folder} may not include "{name}" ({", ".join(sorted(layers))})')

    def check_calls(self, path, code):
        for match in FORBIDDEN_CALLS.finditer(code):
            before = code[:match.start()].rstrip()
            if not before.endswith((".", "->")):  # a member of that name is a seam, no call of the library
                self.report(path, line_of(code, match.start()), "call", f"{match.group(1)}() in portable code")

    def check_lengths(self, path, text, code):
        lines = text.split("\n")
        if len(lines) > MAX_FILE_LINES:
            self.report(path, len(lines), "file", f"{len(lines)} lines, at most {MAX_FILE_LINES}")
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                self.report(path, number, "file", f"{len(line)} columns, at most {MAX_COLUMNS}")
        for match in re.finditer(r"^[A-Za-z_][^;{}=]*\)\s*\n?\{\n(.*?)^\}", code, re.MULTILINE | re.DOTALL):
            length = match.group(1).count("\n")
            if length > MAX_FUNCTION_LINES:
                self.report(path, line_of(code, match.start()), "function", f"{length} lines, at most {MAX_FUNCTION_LINES}")

    def check_links(self):
        """Reads the CMake lists: the libraries of holdfastd, and theirs, from target_link_libraries()."""
        links = {}
        for root, folders, files in os.walk(self.top):
            folders[:] = [name for name in folders if name not in ("build", ".git", "node_modules")]
            if "CMakeLists.txt" in files:
                with open(os.path.join(root, "CMakeLists.txt"), encoding="utf-8") as text:
                    content = re.sub(r"#[^\n]*", "", text.read())
                for match in re.finditer(r"target_link_libraries\s*\(\s*(\S+)([^)]*)\)", content):
                    links.setdefault(match.group(1), set()).update(match.group(2).split())
        seen, todo = set(), ["holdfastd"]
        while todo:
            target = todo.pop()
            if target not in seen:
                seen.add(target)
                todo += links.get(target, ())
        for library in sorted(seen & KEPT_OUT_OF_HOLDFASTD):
            self.report(os.path.join(self.top, "app"), 0, "link", f"holdfastd links {library}")

    def check(self):
        for folder in ALLOWED:
            for path in self.sources(folder):
                with open(path, encoding="utf-8") as source:
                    text = source.read()
                code = without_comments(text, keep_strings=False)
                self.check_includes(path, without_comments(text, keep_strings=True), folder)
                if folder in PORTABLE:
                    self.check_calls(path, code)
                self.check_lengths(path, text, code)
        for path in self.sources("tests"):
            with open(path, encoding="utf-8") as source:
                text = source.read()
            self.check_lengths(path, text, without_comments(text, keep_strings=False))
        self.check_links()
        return self.wrong


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    wrong = Tree(os.path.abspath(top)).check()
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
