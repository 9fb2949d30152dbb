# SPDX-License-Identifier: MIT
"""Console, lights and buttons of the shipped holdfastd, with `holdfast sim` as the outlet and `holdfast csms` as the central
system. Usage: local_interface.py BIN
"""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

BIN = sys.argv[1]
LIMIT_S = 30


class Program:
    """A program that tells events as JSON lines and takes script lines."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([os.path.join(BIN, "holdfast"), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def event(self, name, **fields):
        for line in self.process.stdout:
            event = json.loads(line)
            assert event["event"] not in ("error", "failed"), event
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                return event
        raise AssertionError(f"no event {name} {fields}")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


class Console:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def until(self, text):
        seen, end = "", time.monotonic() + LIMIT_S
        while text not in seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {text!r} in {seen!r}"
            seen += os.read(self.fd, 4096).decode("ascii")
        return seen

    def ask(self, line):
        """What is answered, the echo of the line cut off."""
        os.write(self.fd, line.encode() + b"\r")
        return self.until("\r\n> ").split("\r\n", 1)[1]

    def wait(self, line, text):
        end = time.monotonic() + LIMIT_S
        while text not in (answer := self.ask(line)):
            assert time.monotonic() < end, f"no {text!r} in {answer!r}"
            time.sleep(0.05)
        return answer


def must(condition, what):
    assert condition, what
    print("ok", what)


def check_lights(sim, **lights):
    """As commanded by the daemon, within a few seconds; what blinks is seen both on and off."""
    for name, pattern in lights.items():
        for level in {"steady": ["on"], "off": ["off"], "blink": ["on", "off"]}[pattern]:
            sim.tell(f"expect light_{name} {level} within 8000")  # else the event `failed`
    sim.tell("say seen")
    sim.event("say")
    print("ok lights", lights)


def check_idle(console, sim):
    answer = console.wait("status", "registration accepted")
    must("connector 1: Available, power off, fault 0" in answer, "status of an idle station")
    must("no power: no valid order" in answer, "and why there is no power")
    answer = console.wait("selftest", " 0 failed")
    must("FAIL" not in answer and "PASS connector 1: emergency stop loop is closed" in answer, "the self-test passes")
    must("no such command: start" in console.ask("start 1"), "there is no start")
    must("comms: alive" in console.ask("tasks"), "tasks tells who checks in")
    must("messages: " in console.ask("mem"), "mem lists the pools")
    check_lights(sim, ready="steady", charging="off", fault="off", network="steady")


def check_session(console, sim, csms):
    sim.tell("plug 1")
    console.wait("status", "connector 1: Preparing")
    check_lights(sim, ready="blink")
    sim.tell("button 1 start on for 300")
    start = csms.event("start")
    must(start["idTag"] == "BUTTON", "the start button presents its tag")
    console.wait("status", "connector 1: Charging, power on")
    must("refused: power is up" in console.ask("selftest"), "no self-test under power")
    check_lights(sim, ready="off", charging="steady")
    must("stop asked for" in console.ask("stop 1"), "stop is taken")
    stop = csms.event("stop", transactionId=start["transactionId"])
    must(stop["reason"] == "Local", "and ends the session, reason Local")
    console.wait("status", "connector 1: Finishing, power off")
    must("connector 1: no session" in console.ask("stop"), "there is nothing more to stop")
    sim.tell("unplug 1")
    console.wait("status", "connector 1: Available")


def check_stop_button(console, sim, csms):
    sim.tell("plug 1")
    console.wait("status", "connector 1: Preparing")
    sim.tell("button 1 start on for 300")
    start = csms.event("start")
    console.wait("status", "connector 1: Charging, power on")
    sim.tell("button 1 stop on for 300")
    stop = csms.event("stop", transactionId=start["transactionId"])
    must(stop["reason"] == "Local", "the stop button ends the session, reason Local")
    sim.tell("unplug 1")
    console.wait("status", "connector 1: Available")


def check_estop(console, sim):
    sim.tell("estop on")
    answer = console.wait("faults", "EMERGENCY_STOP, emergency stop")
    must("now: station: emergency stop latched" in answer, "faults tells the latch")
    must("FAIL connector 1: emergency stop loop is closed" in console.ask("selftest"), "the self-test sees the open loop")
    check_lights(sim, ready="off", charging="off", fault="blink")
    sim.tell("release")
    console.wait("status", "estop=1")  # a reset that was held before the loop closed is no press
    sim.tell("reset-hold 4000")
    console.wait("faults", "now: no fault")
    console.wait("selftest", " 0 failed")


def check_network_light(sim, csms):
    csms.process.kill()
    check_lights(sim, network="off")


def start_daemon(directory, port):
    return subprocess.Popen(
        [os.path.join(BIN, "holdfastd"), "--id", "CP1", "--csms", f"ws://127.0.0.1:{port}/", "--can", f"virtual:{directory}/can",
         "--io", f"socket:{directory}/io", "--state", directory + "/state", "--http", "none", "--set", "LocalStartTag=BUTTON",
         "--console", f"pty:{directory}/console"], stdin=subprocess.DEVNULL, stderr=open(directory + "/log", "w", encoding="utf-8"))


def wait_for(path):
    end = time.monotonic() + LIMIT_S
    while not os.path.exists(path):
        assert time.monotonic() < end, f"no {path}"
        time.sleep(0.02)


def play(directory, started):
    csms = Program("csms", "--port", "0")
    started.append(csms.process)
    port = csms.event("listening")["port"]
    sim = Program("sim", "--can", f"{directory}/can", "--io", f"{directory}/io")
    started.append(sim.process)
    sim.event("ready")
    daemon = start_daemon(directory, port)
    started.append(daemon)
    wait_for(directory + "/console")
    console = Console(directory + "/console")
    console.until("Holdfast console")
    check_idle(console, sim)
    check_session(console, sim, csms)
    check_stop_button(console, sim, csms)
    check_estop(console, sim)
    check_network_light(sim, csms)
    daemon.send_signal(signal.SIGTERM)
    must(daemon.wait(LIMIT_S) == 0, "the daemon ends in good order")
    must(not os.path.lexists(directory + "/console"), "and takes its link away")


def main():
    started = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            play(directory, started)
        except BaseException:
            if os.path.exists(directory + "/log"):
                with open(directory + "/log", encoding="utf-8") as log:
                    print(log.read()[-4000:])
            raise
        finally:
            for process in started:
                process.kill()
                process.wait()
    print("local interface: all good")


if __name__ == "__main__":
    main()
