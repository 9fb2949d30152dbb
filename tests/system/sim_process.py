# SPDX-License-Identifier: MIT
# What the tests of `holdfast sim` share: the process with its events, an SLCAN host of its own, a runner of cases.
import concurrent.futures
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time

LIMIT_S = 10
CONTROL, QUERY, ANSWER = 0x068181FE, 0x068182FE, 0x0681817E


class Sim:
    started = []

    def __init__(self, holdfast, *options):
        self.process = subprocess.Popen([holdfast, "sim", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        Sim.started.append(self.process)
        self.ready = self.event("ready")

    def event(self, name):  # the next event of that name
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
            assert event["event"] != "error", event
        raise AssertionError(f"no event {name}")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def outlet(self):
        self.tell("status")
        return self.event("status")["outlets"][0]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def connect(path, kind=socket.SOCK_SEQPACKET):
    client = socket.socket(socket.AF_UNIX, kind)
    client.settimeout(LIMIT_S)
    client.connect(path)
    return client


class Slcan:
    """The host's side of SLCAN over a terminal or a stream socket, by the published command set."""

    def __init__(self, fd):
        self.fd, self.buffer = fd, b""

    def write(self, data):
        os.write(self.fd, data)

    def line(self):  # up to the next \r or BEL, which is kept
        until = time.monotonic() + LIMIT_S
        while True:
            for end, byte in enumerate(self.buffer):
                if byte in b"\r\a":
                    line, self.buffer = self.buffer[:end + 1], self.buffer[end + 1:]
                    return line
            left = until - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no line, {self.buffer}"
            data = os.read(self.fd, 4096)
            if data == b"":
                raise EOFError
            self.buffer += data

    def answer(self):  # the next line that is no frame and no state
        line = self.line()
        while line[:1] in b"tTrRs" and line != b"\r":
            line = self.line()
        return line

    def command(self, text):
        self.write(text.encode() + b"\r")
        return self.answer()

    def frame(self):  # the next frame: identifier, data
        line = self.line()
        while line[:1] != b"T":
            line = self.line()
        length = int(line[9:10])
        return int(line[1:9], 16), bytes.fromhex(line[10:10 + 2 * length].decode())

    def frame_of(self, identifier):
        got, data = self.frame()
        while got != identifier:
            got, data = self.frame()
        return data


def run_case(name, case):
    """True when it held."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            case(directory)
            print("ok  ", name[5:], flush=True)
            return True
        except (AssertionError, OSError, EOFError, subprocess.TimeoutExpired) as error:
            print("FAIL", name[5:], repr(error), flush=True)
            return False


def end_all():
    for process in Sim.started:
        process.kill()
        process.wait(LIMIT_S)
    Sim.started.clear()


def run_cases(names, at_once=1):
    """Runs what is called case_...; several at once where they mostly wait. The exit status."""
    cases = [(name, case) for name, case in sorted(names.items()) if name.startswith("case_")]
    held = []
    for i in range(0, len(cases), at_once):
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            held += pool.map(lambda pair: run_case(*pair), cases[i:i + at_once])
        end_all()
    print(f"{sum(held)} passed, {len(held) - sum(held)} failed")
    return 0 if held and all(held) else 1
