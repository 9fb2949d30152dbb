#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The deepest a task's stack can get, by the call graph of the linked program and the compiler's -fstack-usage.

Frames are those of the .su files; functions without one (the C library's, assembly) are measured in the machine code. A call
through a pointer is followed by RULES: from the functions that have it to those that stand behind it and whose address is
taken. What no rule leads on from is named, as is a circle of calls: it is gone round twice (an append to the journal may compact it, which appends).
Usage: stack.py firmware|holdfastd BUILD [--update] [--way TASK]
Prints the table, with the painted peaks of tests/target/stack_peaks.json beside it; --update writes it into docs/footprint.md.
Exit status: 0; 1 when a worst case that is known in full, or 1.5 times a painted peak, does not fit its stack; 2 wrong use.
"""
import bisect
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(TOP, "docs", "footprint.md")
PEAKS = os.path.join(TOP, "tests", "target", "stack_peaks.json")
TABLE = os.path.join(TOP, "app", "holdfastd", "daemon_tasks.h")
EXCEPTION_BYTES = 108  # what a Cortex-M4F puts on the stack before a handler runs, and the word that aligns it
RED_ZONE_BYTES = 128   # what a function that calls nothing may use below its frame, on x86-64
GUARD_BYTES = 32       # below the firmware's stack
MARGIN = 1.5

# Who may call whom through a pointer: "SOURCE:FUNCTION" of both, the first rule that fits the caller.
FLASH = r"mps2_flash:.*|hf_flash_file:file_.*"
STREAM = r"mps2_stream:.*|evse_stream_tcp:.*|mps2_board:mps2_random|daemon_build:random_bytes"
LINK = r"evse_ws:link_.*"
RULES = [
    (r"evse_tags:(advance|evse_tags_update)", FLASH + r"|evse_ocpp_list:next_change"),
    (r"evse_tags?_?\w*:.*|hf_journal_scan:.*", FLASH),
    (r"hf_journal:tell_moved.*", FLASH + r"|evse_store\w*:evse_store_moved"),
    (r"hf_journal:(hf_journal_append|compact|turn_over|begin_compaction|dump)", FLASH + r"|evse_store\w*:evse_store_dump"),
    (r"hf_journal_open:replay_one", FLASH + r"|evse_store\w*:evse_store_replay"),
    (r"hf_journal\w*:.*", FLASH),
    (r"evse_store_dump:.*", r"evse_store_dump:dump_.*|evse_store_objects:evse_store_dump_objects|evse_store\w*:dump_.*"),
    (r"evse_store_index:.*", r"\w+:evse_txdata_is_thinned"),
    (r"evse_huawei:.*", r"evse_module_\w+:receive_\w+"),
    (r"evse_module:.*", r"evse_module_(huawei|r48xx):.*"),
    (r"evse_bms:.*", r"evse_bms_\w+:.*"),
    (r"(evse_can_bus|evse_publish|evse_buses):.*", r"evse_slcan_driver:slcan_.*|evse_can_\w+:(slcan|socketcan|virtual)_.*"),
    (r"evse_gate:evse_gate_.*", r"evse_slcan_driver:slcan_.*|evse_can_\w+:(slcan|socketcan|virtual)_.*"),
    (r"evse_gate:.*", r"mps2_io:.*|evse_io_\w+:.*"),
    (r"evse_control:.*", r"mps2_io:.*|evse_io_\w+:.*|evse_meter\w*:(advance|terminal_advance)"),
    (r"evse_ocpp_meter\w*:.*", r"evse_meter\w*:(measure|terminal_measure)"),
    (r"evse_can_slcan:.*", r"evse_slcan_driver:slcan_.*"),
    (r"evse_slcan_driver:.*", r"mps2_slcan:.*|evse_can_slcan:device_.*"),
    (r"evse_console:evse_console_feed", r"evse_console_commands:.*"),
    (r"evse_console:.*", r"firmware_console:write.*|evse_console_serial:write_terminal"),
    (r"evse_console_commands:.*", r"firmware_console:(give|ask|stop|commission).*|daemon_console:.*"),
    (r"evse_ocpp_auth_reader:.*", r"evse_reader\w*:.*"),
    (r"evse_ocpp_calls:.*", r"evse_ocpp_calls:on_.*|evse_ocpp_\w+:evse_(?!calls)\w+_on_.*"),
    (r"evse_ocpp_diagnostics_text:.*", r"evse_ocpp_diagnostics_text:put_.*|evse_ocpp_\w+:evse_keys_line|daemon_transfer:.*|transfer_curl:curl_.*"),
    (r"evse_ocpp_end:.*", r"daemon_build:on_reset|main:on_reset"),
    (r"evse_ocpp_firmware_job:.*", r"transfer_curl:curl_.*"),
    (r"evse_ocpp_smart\w*:.*|evse_smart:.*", r"evse_ocpp_smart:load"),
    (r"evse_ocpp_link:.*|evse_view:.*|evse_rpc:(?!end_call|give_up|evse_rpc_poll).*", LINK),
    (r"evse_rpc:.*", LINK + r"|evse_ocpp:on_answer"),
    (r"evse_rpc_receive:.*", r"evse_ocpp_calls:evse_calls_dispatch|evse_ocpp:on_answer|evse_ocpp_transaction:evse_transaction_late"),
    (r"evse_ws\w*:.*", STREAM),
    (r"hf_net:.*", r"hf_net_linux:.*"),
    (r"hf_telemetry\w*:.*", r"daemon_(stream|telemetry|policy):(read|write|on|tell|note)_.*|hf_telemetry_\w+:hf_telemetry_read_.*|firmware_\w+:(read|write|on|tell)_.*"),
    (r"hf_tripwire:.*", r"daemon_(policy|telemetry):on_.*|firmware_\w+:on_.*"),
    (r"daemon_jobs:.*", r"daemon_portal:.*"),
    (r"(main)?:(main|build)", r"main:open_.*|main:seal_heap|evse_ws:link_.*"),
    (r"mps2_board:mps2_start_on_timer", r"main:on_tick"),
]
# Their pointers are set by tests alone, or lead to the end of the program.
NOWHERE = re.compile(r"hf_wrap_\w+|end_safely|hf_port_assert_failed")

# Task -> functions it begins with. Of the firmware: main() and everything that may interrupt it, one in the other.
FIRMWARE = [("main", ["start"]), ("tick interrupt", ["mps2_start_on_timer"]),
            ("line interrupt", ["uart\\d_receive_handler", "uart\\d_send_handler"])]
HOLDFASTD = [("main", ["main"]), ("control", ["control_main"]), ("supervisor", ["daemon_supervise"]), ("comms", ["comms_main"]),
             ("journal", ["worker_main=sync_job"]), ("resolver", ["worker_main=resolve_job"]), ("console", ["console_main"]),
             ("transfer", ["worker_main=download_job", "worker_main=upload_job"]), ("meter1", ["run@evse_meter_modbus"]),
             ("portal", ["\\w+@daemon_portal"]), ("mqtt", ["\\w+@mqtt_client"])]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def plain(name):
    """As the compiler calls a function in its .su file: without the number of a copy."""
    return re.sub(r"\.\d+$", "", name)


class Program:
    """Functions with frames, who calls whom, whose address is taken."""

    def __init__(self, elf, build, is_arm):
        self.tool = "arm-none-eabi-" if is_arm else ""
        self.is_arm, self.elf = is_arm, elf
        self.usage = self.read_usage(build)
        self.name, self.source, self.size = {}, {}, {}
        self.read_symbols()
        self.at = sorted(self.name)
        self.frame, self.calls, self.blind, self.outside, self.taken = {}, {}, set(), {}, set()
        self.read_code()
        self.read_pointers()
        for start, name in self.name.items():
            told = self.usage.get((self.source.get(start, ""), plain(name))) or self.usage.get(("", plain(name)))
            if told is not None:
                self.frame[start] = told

    @staticmethod
    def read_usage(build):
        usage = {}
        for folder, _, files in os.walk(build):
            if "/tests/" in folder[len(build):] + "/":
                continue
            for file in files:
                if not file.endswith(".su"):
                    continue
                with open(os.path.join(folder, file), encoding="utf-8") as text:
                    for line in text:
                        where, size, _ = line.rstrip("\n").split("\t")
                        path, _, _, function = where.split(":", 3)
                        source = os.path.basename(path).removesuffix(".c")
                        for key in ((source, plain(function)), ("", plain(function))):
                            usage[key] = max(usage.get(key, 0), int(size))
        return usage

    def read_symbols(self):
        file = ""
        for line in run(self.tool + "readelf", "-sW", self.elf).splitlines():
            cells = line.split()
            if len(cells) < 8 or not re.fullmatch(r"\d+:", cells[0]):
                continue
            value, size, kind, bind, name = int(cells[1], 16), int(cells[2], 0), cells[3], cells[4], cells[7]
            if kind == "FILE":
                file = name.removesuffix(".c")
            elif kind == "FUNC" and cells[6] != "UND":
                start = value & ~1 if self.is_arm else value
                self.name.setdefault(start, name)
                self.size[start] = max(size, 1)
                self.source[start] = file if bind == "LOCAL" else ""
        for start, name in self.name.items():  # globals: the one source that has such a function
            if not self.source[start]:
                found = {source for source, function in self.usage if function == plain(name) and source}
                self.source[start] = found.pop() if len(found) == 1 else ""

    def function_of(self, address):
        index = bisect.bisect_right(self.at, address) - 1
        start = self.at[index] if index >= 0 else None
        return start if start is not None and address < start + self.size[start] else None

    def read_code(self):
        recent = []
        for line in run(self.tool + "objdump", "-d", "--no-show-raw-insn", self.elf).splitlines():
            match = re.match(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)", line)
            here = self.function_of(int(match[1], 16)) if match else None
            if here is None:
                recent = []
                continue
            mnemonic, operands = match[2], match[3]
            if mnemonic in ("notrack", "bnd"):
                mnemonic, _, operands = operands.partition(" ")
            self.frame[here] = self.frame.get(here, 0) + self.pushed(mnemonic, operands)
            self.branch(here, mnemonic, operands, recent)
            recent = (recent + [mnemonic])[-6:]

    def pushed(self, mnemonic, operands):
        """Bytes an instruction takes of the stack; pops are not looked at."""
        if self.is_arm:
            if mnemonic.startswith(("push", "stmdb")) and (mnemonic.startswith("push") or operands.startswith("sp!")):
                return 4 * self.registers(operands)
            if mnemonic.startswith("vpush"):
                return 4 * self.registers(operands) * (2 if "d" in operands else 1)
            match = re.match(r"sp, (?:sp, )?#(\d+)", operands) if mnemonic.startswith("sub") else None
            return int(match[1]) if match else 0
        if mnemonic.startswith("push"):
            return 8
        match = re.match(r"\$0x([0-9a-f]+),%rsp", operands) if mnemonic.startswith("sub") else None
        return int(match[1], 16) if match else 0

    @staticmethod
    def registers(operands):
        count = 0
        for part in re.search(r"\{(.*)\}", operands)[1].split(","):
            ends = re.findall(r"(\d+)", part)
            count += int(ends[1]) - int(ends[0]) + 1 if "-" in part and len(ends) == 2 else 1
        return count

    def branch(self, here, mnemonic, operands, recent):
        calls = self.calls.setdefault(here, set())
        if self.is_arm:
            is_branch = re.fullmatch(r"(bl?x?(eq|ne|[cv][cs]|hs|lo|mi|pl|hi|ls|g[et]|l[et])?|cbn?z)(\.[nw])?", mnemonic)
            if is_branch and re.fullmatch(r"(r\d+|ip)", operands.strip()):
                self.blind.add(here)
                return
        else:
            is_branch = mnemonic.startswith(("call", "j"))
            if is_branch and operands.lstrip().startswith("*"):
                if mnemonic.startswith("call") or "movslq" not in recent:
                    self.blind.add(here)
                return
            library = re.search(r"<(\w+)@plt>", operands)
            if library and is_branch:
                self.outside.setdefault(here, set()).add(library[1])
                return
            taken = re.search(r"\(%rip\),\S+\s+# ([0-9a-f]+) <", operands) if mnemonic == "lea" else None
            if taken and int(taken[1], 16) in self.name:
                self.taken.add(int(taken[1], 16))
        target = re.search(r"\b([0-9a-f]+) <", operands) if is_branch else None
        found = self.function_of(int(target[1], 16)) if target else None
        is_own = found is not None and self.name[here].startswith(self.name[found]) and ".cold" in self.name[here]
        if found is not None and found != here and not is_own:  # a cold part goes back into its function
            calls.add(found)

    def read_pointers(self):
        """Functions whose address stands somewhere in the program."""
        if not self.is_arm:
            self.taken |= {int(match[1], 16) for match in re.finditer(
                r"R_X86_64_RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", self.elf), re.M) if int(match[1], 16) in self.name}
            return
        dump = run(self.tool + "objdump", "-s", "-j", ".text", "-j", ".data", self.elf)
        for line in dump.splitlines():
            match = re.match(r" [0-9a-f]+ ((?:[0-9a-f]{8} ?){1,4})", line)
            for word in match[1].split() if match else []:
                value = int.from_bytes(bytes.fromhex(word), "little")
                if value & 1 and value - 1 in self.name:
                    self.taken.add(value - 1)

    def behind(self, caller):
        """Functions a call through a pointer may reach; None: no rule leads on."""
        for who, whom in RULES:
            if re.fullmatch(who, self.called(caller)):
                return {start for start in self.taken if re.fullmatch(whom, self.called(start))} or None
        return None

    def called(self, start):
        return f"{self.source.get(start, '')}:{plain(self.name[start])}"


class Walk:
    """The deepest way from a function, and what was not followed on it."""

    def __init__(self, program, replaced=None, banned=frozenset()):
        self.program, self.replaced, self.banned = program, replaced, banned
        self.deepest, self.way_on, self.open_ends, self.cut = {}, {}, set(), set()
        self.outside, self.on_way = set(), set()

    def targets(self, function):
        program = self.program
        found = set(program.calls.get(function, ()))
        self.outside |= program.outside.get(function, set())
        name = plain(program.name[function])
        if function in program.blind and not NOWHERE.fullmatch(name):
            if self.replaced and name == self.replaced[0]:
                return found | {start for start, other in program.name.items() if plain(other) == self.replaced[1]}
            behind = program.behind(function)
            if behind is None:
                self.open_ends.add(name)
            else:
                found |= behind
        return {target for target in found - self.banned if not NOWHERE.fullmatch(plain(program.name[target]))}

    def once_more(self, function):
        """Of a function that is under way already: how deep it gets without going round again."""
        return Walk(self.program, self.replaced, self.banned | self.on_way - {function}).depth(function)

    def depth(self, function):
        """Without recursion of its own: an explicit stack of (function, its targets left)."""
        if function in self.deepest:
            return self.deepest[function]
        todo = [(function, sorted(self.targets(function)), 0, None)]
        self.on_way.add(function)
        while todo:
            here, left, best, way = todo.pop()
            while left and left[0] in self.deepest:
                target = left.pop(0)
                if self.deepest[target] > best:
                    best, way = self.deepest[target], target
            if not left:
                self.deepest[here] = self.program.frame.get(here, 0) + best
                self.way_on[here] = way
                self.on_way.discard(here)
                continue
            target = left[0]
            if target in self.on_way:
                self.cut.add(f"{plain(self.program.name[here])} > {plain(self.program.name[target])}")
                left.pop(0)
                todo.append((here, left, max(best, self.once_more(target)), way))
                continue
            todo.append((here, left, best, way))
            todo.append((target, sorted(self.targets(target)), 0, None))
            self.on_way.add(target)
        return self.deepest[function]

    def way(self, function):
        names = []
        while function is not None:
            names.append(f"{plain(self.program.name[function])} {self.program.frame.get(function, 0)}")
            function = self.way_on[function]
        return " > ".join(names)


def begins(program, pattern):
    """(first functions, replacement) of "NAME", "NAME@SOURCE" or "NAME=JOB"."""
    name, _, job = pattern.partition("=")
    name, _, source = name.partition("@")
    found = [start for start, other in program.name.items()
             if re.fullmatch(name, plain(other)) and (not source or (program.source.get(start) == source and start in program.taken))]
    return found, (name, job) if job else None


def tasks_of(program, tasks):
    """[{task, worst, way, open, cut, outside}] of those that the program has."""
    rows = []
    for task, patterns in tasks:
        best = None
        for pattern in patterns:
            starts, replaced = begins(program, pattern)
            for start in starts:
                walk = Walk(program, replaced)
                worst = walk.depth(start)
                if best is None or worst > best["worst"]:
                    best = {"task": task, "worst": worst, "way": walk.way(start), "open": sorted(walk.open_ends),
                            "cut": sorted(walk.cut), "outside": sorted(walk.outside)}
        if best:
            rows.append(best)
    return rows


def stacks_of_table():
    with open(TABLE, encoding="utf-8") as text:
        content = text.read()
    stacks = {name: int(kib) * 1024 for name, kib in re.findall(r'X\(\w+, "(\w+)", (\d+)u \* 1024u', content)}
    stacks["meter1"] = int(re.search(r"DAEMON_METER_STACK_BYTES \((\d+)u \* 1024u", content)[1]) * 1024
    return stacks


def peaks(what):
    with open(PEAKS, encoding="utf-8") as text:
        return json.load(text)[what]


def firmware_rows(program):
    rows = tasks_of(program, FIRMWARE)
    worst = {row["task"]: row["worst"] for row in rows}
    nested = worst["main"] + 2 * EXCEPTION_BYTES + worst["tick interrupt"] + worst["line interrupt"]
    stack = int(re.search(r"([0-9a-f]+) A firmware_stack_bytes", run("arm-none-eabi-nm", program.elf))[1], 16)
    for row in rows:
        row["worst"] += 0 if row["task"] == "main" else EXCEPTION_BYTES
        row["stack"], row["peak"] = None, None
    merged = {"task": "all, one in the other", "worst": nested, "way": "", "open": [], "cut": [], "outside": [],
              "stack": stack - GUARD_BYTES, "peak": peaks("firmware").get("main")}
    return rows + [merged]


def daemon_rows(program):
    rows, stacks, seen = tasks_of(program, HOLDFASTD), stacks_of_table(), peaks("holdfastd")
    for row in rows:
        row["worst"] += RED_ZONE_BYTES
        row["stack"], row["peak"] = stacks.get(row["task"]), seen.get(row["task"])
    return rows


def judge(rows):
    wrong = []
    for row in rows:
        if row["stack"] and row["worst"] > row["stack"]:
            wrong.append(f"{row['task']}: {row['worst']} bytes by the call graph, its stack has {row['stack']}: {row['way']}")
        if row["stack"] and row["peak"] and row["peak"] * MARGIN > row["stack"]:
            wrong.append(f"{row['task']}: {MARGIN} times its painted peak of {row['peak']} is more than its stack of {row['stack']}")
    return wrong


def table(what, rows):
    head = {"firmware": "Of the firmware image (`configs/mcu`, Cortex-M4F): one stack for main() and the interrupts, each with "
                        f"{EXCEPTION_BYTES} B that the processor saves.",
            "holdfastd": "Of `holdfastd` (x86-64, Release): its own code; what libraries take is in the painted peaks alone, which "
                         "hold the C library's thread data (about 5 KB) as well."}[what]
    out = f"{head}\n\n| task | by the call graph | painted peak | stack |\n|---|---:|---:|---:|\n"
    for row in rows:
        out += f"| {row['task']} | {row['worst']} | {row['peak'] or '-'} | {row['stack'] or '-'} |\n"
    open_ends = sorted({name for row in rows for name in row["open"]})
    cut = sorted({name for row in rows for name in row["cut"]})
    if open_ends:
        out += "\nCalls through pointers that were not followed: " + ", ".join(f"`{name}`" for name in open_ends) + ".\n"
    if cut:
        out += "\nCircles of calls, gone round once more: " + ", ".join(f"`{name}`" for name in cut) + ".\n"
    return out


def update(what, text):
    begin, end = f"<!-- begin stacks of {what} -->\n", f"<!-- end stacks of {what} -->\n"
    with open(DOCUMENT, encoding="utf-8") as old:
        content = old.read()
    section = begin + text + end
    if begin in content:
        content = content[:content.index(begin)] + section + content[content.index(end) + len(end):]
    else:
        if "## Stacks" not in content:
            content += ("\n## Stacks\n\nThe deepest a stack can get by the call graph and `-fstack-usage`, and the deepest it was in all tests "
                        "(painted). Made by `tests/target/stack.py`; every stack is at least 1.5 times its painted peak.\n")
        content += "\n" + section
    with open(DOCUMENT, "w", encoding="utf-8") as new:
        new.write(content)


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("firmware", "holdfastd"):
        print(__doc__)
        sys.exit(2)
    what, build = sys.argv[1], sys.argv[2]
    is_arm = what == "firmware"
    program = Program(os.path.join(build, "bin", what), build, is_arm)
    rows = firmware_rows(program) if is_arm else daemon_rows(program)
    text = table(what, rows)
    print(text)
    if "--way" in sys.argv:
        wanted = sys.argv[sys.argv.index("--way") + 1]
        for row in rows:
            if row["task"] == wanted:
                print(row["way"], "\noutside:", " ".join(row["outside"]))
    if "--update" in sys.argv:
        update(what, text)
    wrong = judge(rows)
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
