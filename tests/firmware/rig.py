# SPDX-License-Identifier: MIT
"""The bench around the firmware image: central system (`holdfast csms`), vehicle (`holdfast sim`), the board in QEMU.

Everything is in a private directory, on unix sockets and a loopback port of its own. Whatever waits has a limit; when one
runs out the test fails with what was seen last. Monitor and debugger of QEMU are at hand: a test may reset the board
without a warning, or send its processor somewhere it should not be.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

STATION = "HF-M4"
STEP_LIMIT_S = 20


class Failed(Exception):
    pass


class Program:
    """A child whose output lines are collected as they come."""

    def __init__(self, name, command, log, stderr=False):
        self.name, self.log, self.lines, self.added = name, log, [], threading.Condition()
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1,
                                      stdout=None if stderr else subprocess.PIPE, stderr=subprocess.PIPE if stderr else None)
        self.reader = threading.Thread(target=self.read, args=(self.child.stderr if stderr else self.child.stdout,), daemon=True)
        self.reader.start()

    def read(self, stream):
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:
                line = {"event": "text", "text": text.rstrip()}
            with self.added:
                self.lines.append(line)
                self.log.append(f"{time.monotonic():.3f} {self.name} {text.rstrip()}")
                self.added.notify_all()

    def say(self, line):
        self.log.append(f"{time.monotonic():.3f} {self.name} <- {line}")
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def find(self, start=0, **fields):
        """Lines from number `start` on that have all these fields."""
        return [line for line in self.lines[start:] if all(line.get(key) == value for key, value in fields.items())]

    def wait(self, what, limit_s=STEP_LIMIT_S, start=0, when=None, **fields):
        """The first line with these fields (and for which `when` holds); fails after `limit_s`."""
        until = time.monotonic() + limit_s
        with self.added:
            while True:
                found = [line for line in self.find(start, **fields) if when is None or when(line)]
                if found:
                    return found[0]
                rest = until - time.monotonic()
                if rest <= 0 or (self.child.poll() is not None and not self.reader.is_alive()):
                    raise Failed(f"{self.name}: {what} was not seen within {limit_s} s")
                self.added.wait(min(rest, 0.2))

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Host:
    """How late this machine lets somebody be who only sleeps: what it adds to every limit judged in its time."""

    def __init__(self):
        self.worst_s = 0.0
        threading.Thread(target=self.sleep, daemon=True).start()

    def sleep(self):
        while True:
            begin = time.monotonic()
            time.sleep(0.005)
            self.worst_s = max(self.worst_s, time.monotonic() - begin - 0.005)


class Rig:
    def __init__(self, tools, image, qemu="qemu-system-arm", sim=()):
        self.tools, self.image, self.qemu_program, self.sim_options = tools, image, qemu, list(sim)
        self.log, self.programs = [], []
        self.directory = tempfile.mkdtemp(prefix="holdfast-firmware-")
        self.console, self.heard, self.host = None, b"", Host()
        self.stream, self.told = None, b""  # telemetry

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        for program in reversed(self.programs):
            program.end()
        for line in (self.console, self.stream):
            if line is not None:
                line.close()
        if kind is not None:
            print(*self.log[-60:], sep="\n")
            print("---- console ----", self.console_text(), sep="\n")
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, name, command, **options):
        program = Program(name, command, self.log, **options)
        self.programs.append(program)
        return program

    def start(self):
        holdfast = os.path.join(self.tools, "holdfast")
        self.csms = self.run("csms", [holdfast, "csms", "--port", "0"])
        self.port = self.csms.wait("its port", event="listening")["port"]
        self.sim = self.run("sim", [holdfast, "sim", "--can", "slcan-unix:" + self.path("can"),
                                    "--io", "stream-unix:" + self.path("io"), *self.sim_options])
        self.sim.wait("its sockets", event="ready")
        self.start_board()

    def start_board(self):
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as stream:
            for line, name in ((listener, "console"), (stream, "telemetry")):
                line.bind(self.path(name))
                line.listen(1)
                line.settimeout(STEP_LIMIT_S)
            self.board = self.run("board", self.command(), stderr=True)
            self.console, _ = listener.accept()
            self.stream, _ = stream.accept()
        threading.Thread(target=self.hear, args=(self.console, "heard"), daemon=True).start()
        threading.Thread(target=self.hear, args=(self.stream, "told"), daemon=True).start()

    def hear(self, line, name):
        while True:
            try:
                more = line.recv(4096)
            except OSError:
                return
            if not more:
                return
            setattr(self, name, getattr(self, name) + more)

    def telemetry(self):
        """Whole lines so far."""
        return self.told.decode(errors="replace").split("\n")[:-1]

    def wait_telemetry(self, pattern, count=1, limit_s=STEP_LIMIT_S):
        until = time.monotonic() + limit_s
        while True:
            found = [line for line in self.telemetry() if re.search(pattern, line)]
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > until:
                raise Failed(f"telemetry: no {pattern!r} in {self.telemetry()[-20:]}")
            time.sleep(0.05)

    def type(self, line, answer):
        """Types a line at the console and waits for that in what comes back."""
        start = len(self.heard)
        self.console.sendall(line.encode() + b"\r")
        until = time.monotonic() + STEP_LIMIT_S
        while answer.encode() not in self.heard[start:]:
            if time.monotonic() > until:
                raise Failed(f"console: {answer!r} is no answer to {line!r}: {self.heard[start:]!r}")
            time.sleep(0.02)
        return self.heard[start:].decode(errors="replace")

    def command(self):
        lines = [f"socket,path={self.path('console')}", f"socket,host=127.0.0.1,port={self.port},nodelay=on,reconnect=1",
                 f"socket,path={self.path('can')}", f"socket,path={self.path('io')}", f"socket,path={self.path('telemetry')}"]
        # The board is hardware, which other programs do not slow down: where nobody may say so, nice runs it all the same.
        command = ["nice", "-n", "-15", self.qemu_program, "-M", "mps2-an386", "-display", "none", "-semihosting-config", "enable=on,target=native",
                   "-monitor", f"unix:{self.path('monitor')},server=on,wait=off",
                   "-gdb", f"unix:{self.path('gdb')},server=on,wait=off"]
        for number, line in enumerate(lines):
            kind, rest = line.split(",", 1)
            command += ["-chardev", f"{kind},id=uart{number},{rest}", "-serial", f"chardev:uart{number}"]
        return command + ["-kernel", self.image]

    def console_text(self):
        return self.heard.decode(errors="replace")

    # ---- what happens ----

    def booted(self, start=0):
        self.csms.wait("BootNotification", start=start, event="boot", status="Accepted")

    def charge(self, least_mW):
        """A vehicle comes, a card is presented, power flows."""
        self.csms.wait("Available", event="status", connector=1, status="Available")
        self.sim.say("plug 1")
        self.csms.wait("Preparing", event="status", connector=1, status="Preparing")
        self.sim.say("card 1 TAG1")
        self.csms.wait("StartTransaction", event="start")
        self.sim.wait(f"{least_mW} mW", event="power", when=lambda line: line["power_mW"] >= least_mW)
        self.csms.wait("Charging", event="status", connector=1, status="Charging")

    def seen(self, program):
        return len(program.lines)

    def report(self):
        """Hard reset: the image ends in order and tells what ran; QEMU's status."""
        start = self.seen(self.board)
        self.csms.say(f"reset {STATION} Hard")
        report = self.board.wait("the report", start=start, event="report", limit_s=30)
        return report, self.status()

    def status(self, limit_s=10):
        try:
            return self.board.child.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Failed("QEMU has not ended") from None

    def ledger(self):
        start = self.seen(self.csms)
        self.csms.say("ledger")
        return self.csms.wait("the ledger", start=start, event="ledger", station=STATION), self.csms.find(start, event="entry")

    def outlet(self):
        start = self.seen(self.sim)
        self.sim.say("status")
        return self.sim.wait("its status", start=start, event="status")["outlets"][0]

    # ---- the board, from outside ----

    def monitor(self, command):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self.path("monitor"))
            line.sendall((command + "\n").encode())
            time.sleep(0.2)

    def write_memory(self, address, data):
        """As a debugger does, while the processor stands for a moment."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self.path("gdb"))
            if ask(line, f"M{address:x},{len(data):x}:{data.hex()}") != "OK":
                raise Failed("the debugger may not write memory")
            ask(line, "D")

    def symbol(self, name):
        told = subprocess.run(["arm-none-eabi-nm", self.image], check=True, capture_output=True, text=True).stdout
        found = re.search(rf"^([0-9a-f]+) \w {name}$", told, re.MULTILINE)
        if found is None:
            raise Failed(f"the image has no {name}")
        return int(found.group(1), 16)

    def send_processor_to(self, address, code=b""):
        """Writes `code` there and makes it the program counter, as a debugger does, and lets go."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self.path("gdb"))
            registers = bytearray.fromhex(ask(line, "g"))
            if code:
                ask(line, f"M{address:x},{len(code):x}:{code.hex()}")
            registers[60:64] = address.to_bytes(4, "little") # r15
            if ask(line, "G" + registers.hex()) != "OK":
                raise Failed("the debugger may not set registers")
            ask(line, "D")


def ask(line, packet):
    """One packet of the debugger's protocol and its answer; that the processor stopped is told between, unasked."""
    line.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())
    heard = b""
    while True:
        more = line.recv(4096)
        if not more:
            raise Failed("the debugger hung up")
        heard += more
        for answer in re.findall(rb"\$([^#]*)#..", heard):
            if not answer.startswith(b"T"):
                try:
                    line.sendall(b"+")
                except BrokenPipeError:
                    pass  # an image that ends at once takes QEMU with it
                return answer.decode()
