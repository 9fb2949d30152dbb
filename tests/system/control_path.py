#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves on the linked holdfastd that the control path has no lock and no heap.

Walks the machine code from the control thread's first function: direct calls and jumps, functions whose address is taken on
the way, and for a call through a pointer every function of the tables below, which hold all pointers the control path is
given (found through the relocations, so that a table's tables are followed as well). Whatever is reached outside the program
has to be on the list of what may be called there; a lock of ours must not be reached at all.
Usage: control_path.py HOLDFASTD [--list]. Exit status: 0 proven, 1 not (the way there is printed), 2 wrong use.
"""
import bisect
import re
import subprocess
import sys

ROOT = "control_main"
# What the thread does once, before its first tick.
BEFORE_THE_FIRST_TICK = {"daemon_device_enter_thread"}
# The end of the program: there is no way back to control.
NO_WAY_BACK = {"hf_port_assert_failed"}
# Every table of pointers that control is given: buses, inputs and outputs, meters, profiles of modules and BMS.
TABLES = re.compile(r"evse_can_\w+_ops|evse_slcan_ops|device_ops|evse_io_\w+_ops|evse_meter_\w+_ops|profiles|\w*_profile|\w*_driver|"
                    r"evse_module_\w+|evse_bms_\w+")
# What control may call outside the program: it is answered at once, or (poll and sleep between two ticks) waits for the clock.
ALLOWED = re.compile(
    r"mem(cpy|move|set|cmp|chr)|str(n?len|n?cmp|n?cpy|r?chr)|__errno_location|__stack_chk_fail|abort|"
    r"clock_gettime|clock_nanosleep|p?poll|epoll_wait|read|write|recv(from|msg|mmsg)?|send(to|msg)?|accept4?|ioctl|close|"
    # A device that went away is opened again, without waiting for it.
    r"open|socket|bind|connect|setsockopt|shutdown|tc[gs]etattr|tcflush|cfmakeraw|cfset\w*speed|"
    r"gpiod_line_(get_value|set_value|event_read_fd)")  # each one ioctl() or read(), nothing allocated
FORBIDDEN = re.compile(
    r"pthread_\w+|sem_\w+|hf_mutex_\w+|hf_port_mutex_\w+|hf_port_critical_\w+|(m|c|re|reallocarr|aligned_)\w*alloc\w*|free|posix_memalign")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Program:
    """Functions, objects, what calls what."""

    def __init__(self, path):
        self.name, self.at, self.size, self.objects = {}, [], {}, {}
        for line in run("nm", "-S", path).splitlines():
            match = re.fullmatch(r"([0-9a-f]+) ([0-9a-f]+) (\w) (\S+)", line)
            if match:
                start, size, kind, name = int(match[1], 16), int(match[2], 16), match[3], match[4]
                if kind in "tT":
                    self.name.setdefault(start, name)
                    self.size[start] = size
                elif kind in "dDrR":
                    self.objects.setdefault(start, (name, size))
        self.at = sorted(self.name)
        self.data_at = sorted(self.objects)
        self.pointers = sorted((int(match[1], 16), int(match[2], 16)) for match in re.finditer(
            r"^([0-9a-f]+)\s+[0-9a-f]+ R_X86_64_RELATIVE\s+([0-9a-f]+)$", run("readelf", "-rW", path), re.M))
        self.calls, self.outside, self.blind = {}, {}, set()
        self.read_code(run("objdump", "-d", "--no-show-raw-insn", path))

    def function_of(self, address):
        index = bisect.bisect_right(self.at, address) - 1
        start = self.at[index] if index >= 0 else None
        return start if start is not None and address < start + max(self.size[start], 1) else None

    def read_code(self, text):
        recent = []
        for line in text.splitlines():
            match = re.match(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)", line)
            if not match:
                recent = []
                continue
            address, mnemonic, operands = int(match[1], 16), match[2], match[3]
            if mnemonic in ("notrack", "bnd"):
                mnemonic, _, operands = operands.partition(" ")
            here = self.function_of(address)
            if here is not None:
                self.read_instruction(here, mnemonic, operands, recent)
            recent = (recent + [mnemonic])[-6:]

    def read_instruction(self, here, mnemonic, operands, recent):
        calls = self.calls.setdefault(here, set())
        is_branch = mnemonic.startswith(("call", "j"))
        if is_branch and operands.lstrip().startswith("*"):
            if mnemonic.startswith("call") or "movslq" not in recent:  # a switch adds an offset of its table
                self.blind.add(here)
            return
        library = re.search(r"<(\w+)@plt>", operands)
        if library and is_branch:
            self.outside.setdefault(here, set()).add(library[1])
            return
        target = re.match(r"\s*([0-9a-f]+) <", operands) if is_branch else None
        taken = re.search(r"\(%rip\),\S+\s+# ([0-9a-f]+) <", operands) if mnemonic == "lea" else None
        if target or taken:
            address = int((target or taken)[1], 16)
            found = self.function_of(address)
            if found is not None and found != here and (target or address == found):
                calls.add(found)

    def functions_in(self, start, size, seen):
        """Functions that an object points to, by itself or through what it points to."""
        found, todo = set(), [(start, size)]
        while todo:
            low, length = todo.pop()
            if low in seen:
                continue
            seen.add(low)
            first = bisect.bisect_left(self.pointers, (low, 0))
            for place, value in self.pointers[first:]:
                if place >= low + length:
                    break
                if value in self.name:
                    found.add(value)
                else:
                    index = bisect.bisect_right(self.data_at, value) - 1
                    name, data_size = self.objects[self.data_at[index]]
                    if value < self.data_at[index] + data_size:
                        todo.append((self.data_at[index], data_size))
        return found

    def table_functions(self):
        found, seen = set(), set()
        for start, (name, size) in self.objects.items():
            if TABLES.fullmatch(name.split(".")[0]):
                found |= self.functions_in(start, size, seen)
        return found


def walk(program):
    """{function: who reached it} from the root."""
    root = next((start for start, name in program.name.items() if name == ROOT), None)
    if root is None:
        sys.exit(f"there is no {ROOT} in the program: it has to be a function with symbols")
    tables = program.table_functions()
    reached, todo = {root: None}, [root]
    while todo:
        here = todo.pop()
        targets = set(program.calls.get(here, ()))
        if here in program.blind:
            targets |= tables
        for target in sorted(targets):
            if target not in reached and program.name[target].split(".")[0] not in BEFORE_THE_FIRST_TICK | NO_WAY_BACK:
                reached[target] = here
                todo.append(target)
    return reached, tables


def way(program, reached, function):
    names = []
    while function is not None:
        names.append(program.name[function])
        function = reached[function]
    return " < ".join(names)


def judge(program, reached):
    wrong = []
    for function in sorted(reached):
        if FORBIDDEN.fullmatch(program.name[function].split(".")[0]):
            wrong.append(f"{program.name[function]} is reached: {way(program, reached, function)}")
        for name in sorted(program.outside.get(function, ())):
            if not ALLOWED.fullmatch(name):
                wrong.append(f"{name}() is called: {way(program, reached, function)}")
    return wrong


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        sys.exit(2)
    program = Program(sys.argv[1])
    reached, tables = walk(program)
    if "--list" in sys.argv:
        for function in sorted(reached, key=lambda start: program.name[start]):
            print(way(program, reached, function))
        print("tables:", " ".join(sorted(program.name[start] for start in tables)))
    wrong = judge(program, reached)
    names = {program.name[start].split(".")[0] for start in reached}
    # A walk that lost its way would prove anything.
    for landmark in ("evse_control_tick", "evse_io_socket_look", "evse_module_receive", "hf_snapshot_write", "hf_port_now_us"):
        if landmark not in names:
            wrong.append(f"the walk did not come by {landmark}: it proves nothing")
    for line in wrong:
        print(line)
    outside = sorted(set().union(*(program.outside.get(start, set()) for start in reached)))
    print(f"control path: {len(reached)} functions, {len(tables)} of tables; outside: {' '.join(outside)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
