#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shipped daemon through a bad day, in real time and by its own programs: a session with kill -9 in it, one with an
emergency stop, one while the central system is away; then what was billed. Also run under ThreadSanitizer: a report of it
in any program fails the test. Usage: whole_session.py BIN_DIR
"""
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BIN = sys.argv[1]
LIMIT_S = 30
DROP_S = 0.200 + 0.030  # live signal's time-out and the simulated contactor's drop time
STOPPED_S = 0.500 + 0.030


class Program:
    """A program of ours: its events by name, its lines on stdin, its stderr in a file."""

    def __init__(self, work, name, *arguments):
        self.name, self.errors = name, os.path.join(work, f"{name}-{time.monotonic_ns()}.err")
        with open(self.errors, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.events = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, name, **fields):
        """The next event of that name with those fields; earlier ones are dropped."""
        until = time.monotonic() + LIMIT_S
        while True:
            try:
                event = self.events.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name}: no {name} {fields} within {LIMIT_S} s") from None
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event

    def end(self, number=signal.SIGTERM, status=0):
        self.process.send_signal(number)
        found = self.process.wait(LIMIT_S)
        assert found == status, f"{self.name} ended with {found}, not {status}"


class Day:
    def __init__(self, work):
        self.work, self.all, self.billed = work, [], []
        self.can, self.io = os.path.join(work, "can"), os.path.join(work, "io")
        self.sim = self.start("sim", f"{BIN}/holdfast", "sim", "--can", self.can, "--io", self.io)
        self.sim.wait("ready")
        self.port = 0
        self.start_csms()
        self.start_daemon()

    def start(self, name, *arguments):
        self.all.append(Program(self.work, name, *arguments))
        return self.all[-1]

    def start_csms(self):
        self.csms = self.start("csms", f"{BIN}/holdfast", "csms", "--port", str(self.port))
        self.port = self.csms.wait("listening")["port"]

    def start_daemon(self):
        self.daemon = self.start("holdfastd", f"{BIN}/holdfastd", "--csms", f"ws://127.0.0.1:{self.port}/ocpp", "--id", "CP1",
                                 "--can", f"virtual:{self.can}", "--io", f"socket:{self.io}", "--http", "127.0.0.1:0",
                                 "--state", os.path.join(self.work, "state"), "--set", "AllowOfflineTxForUnknownId=true",
                                 "--set", "MeterValueSampleInterval=1")

    def status(self):
        """What /api/status says: the daemon tells its port on stderr."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            with open(self.daemon.errors, encoding="utf-8") as errors:
                found = re.search(r"http://127.0.0.1:\d+/", errors.read())
            if found:
                with urllib.request.urlopen(found.group(0) + "api/status", timeout=LIMIT_S) as answer:
                    return json.load(answer)
            time.sleep(0.05)
        raise AssertionError("holdfastd: no status page")

    def wait_billed(self, kind, **fields):
        event = self.csms.wait(kind, **fields)
        self.billed.append((kind, event["id"], event["transactionId"], event["meter_Wh"], event.get("reason")))
        return event

    def wait_power(self):
        event = self.sim.wait("power")
        while event["power_mW"] < 1000000:
            event = self.sim.wait("power")

    def wait_no_power(self, since, limit_s, why):
        event = self.sim.wait("power")
        while event["power_mW"] != 0:
            event = self.sim.wait("power")
        took = event["t"] - since
        assert took <= limit_s, f"{why}: power for another {took:.3f} s, at most {limit_s} s"
        print(f"{why}: power 0 after {took:.3f} s")

    def begin_remote(self, plug=True):
        if plug:
            self.sim.tell("plug 1")
        self.csms.wait("status", connector=1, status="Preparing")
        self.csms.tell("remote-start CP1 1 TAG")
        self.wait_billed("start")
        self.wait_power()
        said = self.status()["connectors"][0]
        assert said["state"] == "Charging", f"the status page says {said}"

    def replug(self):
        self.sim.tell("unplug 1")
        self.csms.wait("status", connector=1, status="Available")

    def session_with_kill(self):
        self.csms.wait("status", connector=1, status="Available")
        self.begin_remote()
        killed = time.monotonic()
        self.daemon.end(signal.SIGKILL, -signal.SIGKILL)
        self.wait_no_power(killed, STOPPED_S, "kill -9")
        self.start_daemon()
        self.wait_billed("stop", reason="PowerLoss")
        self.replug()

    def session_with_stop_signal(self):
        self.begin_remote()
        stopped = time.monotonic()
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.wait_no_power(stopped, STOPPED_S, "SIGSTOP")
        self.daemon.process.send_signal(signal.SIGCONT)
        self.csms.tell("remote-stop CP1")
        self.wait_billed("stop")
        self.replug()

    def session_with_emergency_stop(self):
        self.begin_remote()
        pressed = time.monotonic()
        self.sim.tell("estop on")
        self.wait_no_power(pressed, DROP_S, "emergency stop")
        self.csms.wait("status", connector=1, status="Faulted")
        self.wait_billed("stop", reason="EmergencyStop")
        self.sim.tell("estop off")
        self.sim.tell("reset on")  # held for 3 s by whoever stands before it
        self.sim.tell("unplug 1")
        self.csms.wait("status", connector=1, status="Available")
        self.sim.tell("reset off")

    def session_without_central_system(self):
        self.csms.end()
        self.sim.tell("plug 1")
        self.sim.wait("plugged", plugged=True)
        time.sleep(1)  # a person walks from the plug to the reader
        self.sim.tell("card 1 OFFLINE")
        self.wait_power()
        self.sim.tell("card 1 OFFLINE")
        self.sim.wait("contactor", closed=False)
        self.start_csms()
        self.wait_billed("start")
        self.wait_billed("stop", reason="Local")

    def judge(self):
        kinds = [kind for kind, *_ in self.billed]
        assert kinds == ["start", "stop"] * 4, f"billed in the order {kinds}"
        ids = [entry[1] for entry in self.billed]
        assert len(set(ids)) == len(ids), f"a message id was used twice: {ids}"
        meters = [entry[3] for entry in self.billed]
        assert meters == sorted(meters), f"the register went back: {meters}"
        self.csms.tell("ledger")
        ledger = self.csms.wait("ledger")
        assert (ledger["starts"], ledger["stops"], ledger["conflicts"], ledger["invalid"]) == (1, 1, 0, 0), ledger

    def close(self):
        self.daemon.end()
        self.sim.end()
        self.csms.end()

    def tell_of_errors(self, everything):
        reports = 0
        for program in self.all:
            with open(program.errors, encoding="utf-8") as errors:
                text = errors.read()
            reports += "Sanitizer" in text
            if "Sanitizer" in text or everything:
                print(f"---- {program.name}\n{text}")
        return reports


def main():
    with tempfile.TemporaryDirectory() as work:
        day, good = None, False
        try:
            day = Day(work)
            day.session_with_kill()
            day.session_with_stop_signal()
            day.session_with_emergency_stop()
            day.session_without_central_system()
            day.judge()
            day.close()
            good = True
        except AssertionError as error:
            print(f"FAIL {error}")
        finally:
            for program in day.all if day else ():
                if program.process.poll() is None:
                    program.process.kill()
                    program.process.wait()
        reports = day.tell_of_errors(not good) if day else 0
        print("ok whole session" if good and not reports else "FAIL")
        sys.exit(0 if good and not reports else 1)


if __name__ == "__main__":
    main()
