#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast bench estop`: how fast the shipped holdfastd answers an opened emergency stop loop, while everything else is busy.

Each round charges on every connector, then opens the loop at a random moment. Measured by the simulated outside
(`holdfast sim`): from the packet that tells the opened loop to the first OFF on each bus and to the command that lets each
contactor go; the later of the two counts. Meanwhile: meter values every second, configuration changes that are journalled,
requests to the status page, datagrams on loopback, writes that are synced, and the daemon's log at its finest. A thread that
only wakes up, at the priority of the control loop, tells what the machine itself adds.

Usage: estop.py [--json] [--quick] [--rounds N]
Gate: p99.9 at most 1 ms, max at most 10 ms. It counts only where SCHED_FIFO was granted and the null stayed under 2 ms.
Exit status: 0 met, 1 missed, 2 wrong option, 3 something is missing, 4 inconclusive (not granted, or a machine too busy).
"""
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import environment

TOOLS = ("cmake", "ninja", "cc")
CONNECTORS = 4
ROUNDS, QUICK_ROUNDS = 260, 10
PRIORITY = 60  # of the control loop
LIMIT_S = 30
GATE_P999_US, GATE_MAX_US, NULL_LIMIT_US = 1000, 10000, 2000
EXIT_INCONCLUSIVE = 4
STATION = "BENCH"


class Program:
    """A program of ours; its events as they come."""

    def __init__(self, command, **options):
        self.events = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def mark(self):
        with self.changed:
            self.events.clear()

    def wait(self, test, what):
        """Until enough events came for `test(events)` to give something."""
        end = time.monotonic() + LIMIT_S
        with self.changed:
            while not (found := test(self.events)):
                if not self.changed.wait(end - time.monotonic()):
                    raise environment.Failed(f"not within {LIMIT_S} s: {what}")
            return found

    def end(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)


class Load:
    """What keeps the machine busy at ordinary priority until it is told to end."""

    def __init__(self, directory, csms, url):
        self.ends = threading.Event()
        self.counts = {}
        jobs = {"status": lambda: self.ask(url), "datagrams": self.datagrams, "syncs": lambda: self.sync(directory),
                "calls": lambda: self.calls(csms)}
        self.threads = [threading.Thread(target=self.run, args=(name, job)) for name, job in jobs.items()]
        for thread in self.threads:
            thread.start()

    def run(self, name, job):
        for self.counts[name] in range(1 << 30):
            if self.ends.is_set():
                return
            try:
                job()
            except OSError:
                time.sleep(0.01)  # the daemon is going

    def ask(self, url):
        with urllib.request.urlopen(url, timeout=LIMIT_S) as answer:
            answer.read()

    def datagrams(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(bytes(1400), ("127.0.0.1", 9))
        time.sleep(0.001)

    def sync(self, directory):
        with open(os.path.join(directory, "busy"), "wb") as file:
            file.write(bytes(65536))
            file.flush()
            os.fdatasync(file.fileno())

    def calls(self, csms):
        for connector in range(1, CONNECTORS + 1):
            csms.tell(f"trigger {STATION} MeterValues {connector}")
        csms.tell(f"set-config {STATION} MeterValueSampleInterval {random.randint(1, 2)}")
        time.sleep(0.02)

    def end(self):
        self.ends.set()
        for thread in self.threads:
            thread.join(LIMIT_S)
        return self.counts


class Bench:
    def __init__(self, binaries, directory):
        self.binaries, self.directory = binaries, directory
        self.latencies, self.off, self.contactor = [], [], []
        self.load = {}
        buses = [word for c in range(CONNECTORS) for word in ("--can", f"{directory}/can{c}")]
        self.sim = self.program("holdfast", "sim", *buses, "--io", f"{directory}/io")
        self.sim.wait(lambda events: [e for e in events if e["event"] == "ready"], "holdfast sim")
        # More calls than it can keep are refused, which it tells on stderr: that is the load.
        self.csms = self.program("holdfast", "csms", "--port", "0", stderr=subprocess.DEVNULL)
        listening = self.csms.wait(lambda events: [e for e in events if "port" in e], "holdfast csms")
        self.url = f"ws://127.0.0.1:{listening[0]['port']}/"
        for c in range(CONNECTORS):
            self.sim.tell(f"plug {c + 1}")

    def program(self, name, *words, **options):
        return Program([os.path.join(self.binaries, name), *words], **options)

    def start_daemon(self, state, log):
        buses = [word for c in range(CONNECTORS) for word in ("--can", f"virtual:{self.directory}/can{c}")]
        return subprocess.Popen(
            [os.path.join(self.binaries, "holdfastd"), "--csms", self.url, "--id", STATION, *buses, "--io",
             f"socket:{self.directory}/io", "--state", state, "--http", "127.0.0.1:0", "--set", "MeterValueSampleInterval=1",
             "--log-level", "trace"], stdin=subprocess.DEVNULL, stderr=log)

    def charge(self):
        """Power on every connector."""
        begins = time.monotonic()
        while True:
            preparing = {e.get("connector") for e in self.csms.events if e.get("status") == "Preparing"}
            if len(preparing - {0, None}) == CONNECTORS:
                break
            if time.monotonic() - begins > LIMIT_S:
                raise environment.Failed("the connectors never were Preparing")
            time.sleep(0.02)
        for c in range(CONNECTORS):
            self.csms.tell(f"remote-start {STATION} {c + 1} TAG{c}")
        self.sim.wait(lambda events: len({e["connector"] for e in events if e["event"] == "power" and e["power_mW"] > 100000})
                      == CONNECTORS, "power on every connector")

    def round(self, number):
        state = os.path.join(self.directory, f"state{number}")
        log_path = os.path.join(self.directory, "log")
        self.sim.mark()
        self.csms.mark()
        with open(log_path, "w+", encoding="utf-8", errors="replace") as log:
            daemon = self.start_daemon(state, log)
            load = None
            try:
                self.charge()
                with open(log_path, encoding="utf-8", errors="replace") as text:
                    head = text.read()
                load = Load(self.directory, self.csms, re.search(r"http://\S+/", head).group(0) + "api/status")
                time.sleep(0.3 + random.random() / 10)
                self.sim.tell("estop")
                found = self.sim.wait(lambda events: (answers := [e for e in events if e["event"] == "estop_latency"])
                                      and len(answers) == CONNECTORS and answers, "the answer to an emergency stop")
            except environment.Failed as failed:
                with open(log_path, encoding="utf-8", errors="replace") as text:
                    tail = "\n".join([line for line in text.read().splitlines() if "MeterValue" not in line][-25:])
                    events = "\n".join(json.dumps(e) for e in self.sim.events if e["event"] != "outputs")
                    raise environment.Failed(f"round {number}: {failed}\n{events}\n{tail}") from failed
            finally:
                if load is not None:
                    self.note(load.end())
                daemon.kill()
                daemon.wait(LIMIT_S)
        self.is_granted = "has real-time priority" in head
        self.off += [e["off_us"] for e in found]
        self.contactor += [e["contactor_us"] for e in found]
        self.latencies += [max(e["off_us"], e["contactor_us"]) for e in found]
        self.sim.wait(lambda events: len({e["connector"] for e in events if e["event"] == "contactor" and not e["closed"]})
                      == CONNECTORS, "every contactor open")
        self.sim.tell("release")
        shutil.rmtree(state, ignore_errors=True)

    def note(self, counts):
        for name, count in counts.items():
            self.load[name] = self.load.get(name, 0) + count

    def end(self):
        self.sim.end()
        self.csms.end()


def quantile(values, share):
    """The least value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1000) - 1))]


def build():
    environment.need_tools(TOOLS)
    environment.say("bench: building")
    environment.run(["cmake", "-S", environment.TOP, "-B", environment.BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DHOLDFAST_CONFIG=production"])
    environment.run(["cmake", "--build", environment.BUILD, "-j2", "--target", "bin/holdfast", "bin/holdfastd", "bench_wakeup"])


def measure(rounds):
    with tempfile.TemporaryDirectory(prefix="hf-estop-") as directory:
        null = subprocess.Popen([os.path.join(environment.BUILD, "bench", "bench_wakeup"), str(PRIORITY)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        bench = Bench(os.path.join(environment.BUILD, "bin"), directory)
        try:
            for number in range(rounds):
                bench.round(number)
                if number % 20 == 19:
                    environment.say(f"bench: {number + 1} of {rounds} rounds, worst {max(bench.latencies)} us")
        finally:
            bench.end()
            told, _ = null.communicate(timeout=LIMIT_S)
    words = told.split()
    return bench, bool(int(words[1])) and bench.is_granted, int(words[3])


def instructions():
    """estop.m4, counted in QEMU; None where the compiler or QEMU is missing."""
    try:
        environment.need_tools(["arm-none-eabi-gcc", "qemu-system-arm"])
    except environment.Missing:
        return None
    count = os.path.join(environment.TOP, "tests", "firmware", "count_estop.py")
    return json.loads(environment.run([sys.executable, "-B", count, "--json"]))["estop.m4"]


def judge(rows, is_granted, null_us):
    missed = [row["name"] for row in rows if row.get("gate") is not None and row["value"] > row["gate"]]
    if not is_granted:
        return EXIT_INCONCLUSIVE, "inconclusive: SCHED_FIFO was not granted"
    if null_us >= NULL_LIMIT_US:
        return EXIT_INCONCLUSIVE, f"inconclusive: a thread that only wakes up came {null_us} us late, the machine is too busy"
    return (1, "missed: " + ", ".join(missed)) if missed else (0, "met")


def main(options):
    rounds = QUICK_ROUNDS if "--quick" in options else ROUNDS
    if "--rounds" in options:
        rounds = int(options.pop(options.index("--rounds") + 1))
    wrong = set(options) - {"--json", "--quick", "--rounds"}
    if wrong:
        environment.say(f"holdfast bench: wrong option {min(wrong)}")
        return 2
    build()
    m4 = instructions()
    bench, is_granted, null_us = measure(rounds)
    values = bench.latencies
    rows = [
        {"name": "estop.p50", "unit": "us", "value": quantile(values, 500)},
        {"name": "estop.p999", "unit": "us", "value": quantile(values, 999), "gate": GATE_P999_US},
        {"name": "estop.max", "unit": "us", "value": max(values), "gate": GATE_MAX_US},
        {"name": "estop.off_max", "unit": "us", "value": max(bench.off)},
        {"name": "estop.contactor_max", "unit": "us", "value": max(bench.contactor)},
        {"name": "estop.null_max", "unit": "us", "value": null_us},
        {"name": "estop.m4", "unit": "instructions", "value": m4},
    ]
    code, verdict = judge(rows, is_granted, null_us)
    if "--json" in options:
        print(json.dumps({"schema": 1, "bench": "estop", "verdict": verdict, "samples": len(values), "rounds": rounds,
                          "load": bench.load, "fifo": is_granted, "results": rows}, indent=1))
    else:
        for row in rows:
            gate = f"at most {row['gate']}" if row.get("gate") is not None else ""
            print(f"{row['name']:<20} {row['value'] if row['value'] is not None else '-':>7} {row['unit']:<13} {gate}")
        print(f"{len(values)} answers in {rounds} rounds; load: " + ", ".join(f"{v} {k}" for k, v in sorted(bench.load.items())))
        print(verdict)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except environment.Missing as missing:
        environment.say(f"holdfast bench: {missing}")
        sys.exit(3)
    except environment.Failed as failed:
        environment.say(f"holdfast bench: {failed}")
        sys.exit(1)
