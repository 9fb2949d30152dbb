# SPDX-License-Identifier: MIT
"""A shipped holdfastd with its portal, `holdfast sim` as the outlet, `holdfast csms` as the central system; and an HTTP client."""
import http.client
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import time

LIMIT_S = 30


def must(condition, what):
    assert condition, what
    print("ok", what, flush=True)


class Program:
    """A program that tells events as JSON lines and takes script lines."""

    def __init__(self, binaries, *arguments):
        self.process = subprocess.Popen([os.path.join(binaries, "holdfast"), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)

    def event(self, name, **fields):
        until = time.monotonic() + LIMIT_S
        while select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
            line = self.process.stdout.readline()
            assert line, "the program ended"
            event = json.loads(line)
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event
        raise AssertionError(f"no event {name} {fields}")

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


class Rig:
    """with Rig(binaries) as rig: ... The daemon ends in good order at the end, or the test fails."""

    def __init__(self, binaries, *arguments, environment=None, waits=True):
        self.binaries, self.arguments, self.environment, self.waits = binaries, arguments, environment or {}, waits

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.directory = self.temporary.name
        self.started = []
        try:
            self.start()
        except BaseException:
            self.end(True)
            raise
        return self

    def start(self):
        self.csms = Program(self.binaries, "csms", "--port", "0")
        self.started.append(self.csms.process)
        port = self.csms.event("listening")["port"]
        self.sim = Program(self.binaries, "sim", "--can", self.directory + "/can", "--io", self.directory + "/io")
        self.started.append(self.sim.process)
        self.sim.event("ready")
        with open(self.directory + "/log", "w", encoding="utf-8") as log, \
                open(self.directory + "/telemetry", "w", encoding="utf-8") as lines:
            self.daemon = subprocess.Popen(
                [os.path.join(self.binaries, "holdfastd"), "--id", "CP1", "--csms", f"ws://127.0.0.1:{port}/",
                 "--can", f"virtual:{self.directory}/can", "--io", f"socket:{self.directory}/io",
                 "--state", self.directory + "/state", "--http", "127.0.0.1:0", "--set", "LocalStartTag=BUTTON",
                 *self.arguments], stdin=subprocess.DEVNULL, stdout=lines, stderr=log, env={**os.environ, **self.environment})
        self.started.append(self.daemon)
        self.find_port(1)
        if self.waits:
            self.wait(lambda: self.get("/api/status").status == 200, "the first snapshots")

    def find_port(self, number):
        """The port of the number-th start of the portal, as the log tells it."""
        self.wait(lambda: len(self.ports()) >= number, f"portal number {number}")
        self.port = self.ports()[number - 1]

    def ports(self):
        return [int(port) for port in re.findall(r"status page on http://[0-9.]+:(\d+)/", self.log())]

    def log(self):
        with open(self.directory + "/log", encoding="utf-8") as file:
            return file.read()

    def lines(self):
        with open(self.directory + "/telemetry", encoding="utf-8") as file:
            return file.read()

    def wait(self, condition, what):
        until = time.monotonic() + LIMIT_S
        while not condition():
            assert self.daemon.poll() is None, f"holdfastd ended with {self.daemon.returncode}"
            assert time.monotonic() < until, f"not in time: {what}"
            time.sleep(0.02)

    def request(self, method, path, body=None, headers=None, source="127.0.0.1"):
        """`body`: bytes, or an iterator: then it is sent in chunks, its length untold. `source`: the client's address."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S, source_address=(source, 0))
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, (bytes, type(None))))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, value, **headers):
        """`value` as JSON, unless it is bytes already."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json",
                                                 **{name.replace("_", "-"): value for name, value in headers.items()}})

    def status(self):
        return self.get("/api/status").json()

    def charge(self):
        """Begins a session; returns its transaction."""
        self.sim.tell("plug 1")
        self.wait(lambda: self.status()["connectors"][0]["state"] == "Preparing", "the plug")
        self.sim.tell("button 1 start on for 300")
        transaction = self.csms.event("start")["transactionId"]
        self.wait(lambda: self.status()["connectors"][0]["state"] == "Charging", "charging")
        return transaction

    def end(self, has_failed):
        if has_failed and os.path.exists(self.directory + "/log"):
            print(self.log()[-4000:])
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.temporary.cleanup()

    def __exit__(self, kind, *_):
        code = None
        if kind is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                code = self.daemon.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
        self.end(kind is not None or code != 0)
        if kind is None:
            must(code == 0, "holdfastd ends in good order")
