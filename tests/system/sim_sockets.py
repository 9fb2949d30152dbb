# SPDX-License-Identifier: MIT
# `holdfast sim` from outside: its sockets, script and events, in real time. Usage: sim_sockets.py BIN
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HOLDFAST = os.path.join(sys.argv[1], "holdfast")
CONTROL, QUERY, LIMIT_S = 0x068181FE, 0x068182FE, 10


class Sim:
    started = []

    def __init__(self, directory, *options):
        self.can_path, self.io_path = directory + "/can1", directory + "/io"
        self.process = subprocess.Popen(
            [HOLDFAST, "sim", "--can", self.can_path, "--io", self.io_path, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        Sim.started.append(self.process)
        self.event("ready")

    def event(self, name):  # the next event of that name
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"no event {name}")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def connect(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.settimeout(LIMIT_S)
    client.connect(path)
    return client


class Charger:
    """As much of a charger as keeps contactor and module on."""

    def __init__(self, sim):
        self.can, self.io = connect(sim.can_path), connect(sim.io_path)
        self.can.setblocking(False)
        self.io.setblocking(False)
        self.live, self.levels, self.received = 0, 0, []

    def frame(self, identifier, data):
        self.can.send(struct.pack("<IB3x", identifier | 1 << 31, 8) + bytes.fromhex(data))

    def drain(self):
        for source in (self.can, self.io):
            try:
                while True:
                    self.received.append((time.monotonic(), source.recv(64)))
            except BlockingIOError:
                pass

    def run(self, seconds, pulses=True):
        until, ticks = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            self.live += pulses
            self.io.send(struct.pack("<BBHI", 1, 0, self.levels, self.live))
            if ticks % 20 == 0:
                self.frame(QUERY, "0184000000000000")
                self.frame(CONTROL, "0100000000015000")
            ticks += 1
            self.drain()
            time.sleep(0.01)

    def energize(self, sim):
        sim.tell("plug 1")
        self.levels = 3
        self.run(0.3)
        self.frame(CONTROL, "0103000000000393")
        self.frame(CONTROL, "0132000000000000")
        self.run(2.5)


def outlet(sim):
    sim.tell("status")
    return sim.event("status")["outlets"][0]


def case_charges_and_drops_out_without_live_signal(directory):
    sim = Sim(directory, "--soc", "50")
    charger = Charger(sim)
    charger.energize(sim)
    assert outlet(sim)["current_mA"] == 30000
    stopped = time.monotonic()
    charger.run(0.5, pulses=False)
    event = sim.event("power")
    while event["power_mW"] != 0:
        event = sim.event("power")
    delay_ms = (event["t"] - stopped) * 1000
    assert delay_ms <= 500 + 30, delay_ms
    assert delay_ms >= 150, delay_ms  # not because of anything else
    now = outlet(sim)
    assert now["power_mW"] == 0 and not now["contactor"] and now["energy_mJ"] > 0
    assert sim.end() == 0


def case_frames_reach_other_clients_and_inputs_keep_coming(directory):
    sim = Sim(directory)
    other = connect(sim.can_path)
    charger = Charger(sim)
    charger.frame(0x12345, "0102030405060708")
    identifiers = []
    while 0x12345 | 1 << 31 not in identifiers:
        identifiers.append(struct.unpack("<I", other.recv(64)[:4])[0])
    charger.run(1)
    times = [at for at, packet in charger.received if len(packet) == 8 and packet[0] == 1]
    assert len(times) >= 15, len(times)
    sim.tell("card 1 ABC")
    charger.run(0.2)
    assert b"\x02\x00\x03ABC" in [packet for _, packet in charger.received]
    assert sim.end() == 0


def case_bus_off_disconnects(directory):
    sim = Sim(directory)
    client = connect(sim.can_path)
    sim.tell("fault 1 bus-off on")
    sim.event("fault")
    while client.recv(64) != b"":
        pass
    assert connect(sim.can_path).recv(64) == b""
    sim.tell("fault 1 bus-off off")
    sim.event("fault")
    assert len(connect(sim.can_path).recv(64)) == 16
    assert sim.end() == 0


def case_malformed_packet_costs_the_connection(directory):
    sim = Sim(directory)
    for packet in (b"short", b"\0" * 17, struct.pack("<IB3x8x", 1 << 31, 9), struct.pack("<IB3x8x", 0x800, 8)):
        client = connect(sim.can_path)
        client.send(packet)
        while client.recv(64) != b"":
            pass
    io = connect(sim.io_path)
    io.send(struct.pack("<BBHI", 1, 1, 0, 0))  # there is no connector 2
    while io.recv(64) != b"":
        pass
    assert sim.end() == 0


def case_wrong_script_lines_are_told(directory):
    sim = Sim(directory)
    for line in ("plug 1 2", "plug 2", "plug x", "fault 1 nope on", "fault 1 nan maybe", "card 1 " + "x" * 21, "dance", "a b c d e"):
        sim.tell(line)
        assert sim.event("error")["line"] == line
    sim.tell("quit")
    assert sim.process.wait(LIMIT_S) == 0


def case_paths_are_taken_left_and_refused(directory):
    sim = Sim(directory)
    second = subprocess.run([HOLDFAST, "sim", "--can", sim.can_path, "--io", directory + "/io2"],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    assert second.returncode == 3 and "in use" in second.stderr, second
    sim.process.kill()
    sim.process.wait(LIMIT_S)
    assert os.path.exists(sim.can_path)  # left behind by kill -9, and taken over
    assert Sim(directory).end() == 0
    assert os.listdir(directory) == []
    with open(directory + "/can1", "w", encoding="ascii"):
        pass
    third = subprocess.run([HOLDFAST, "sim", "--can", directory + "/can1", "--io", directory + "/io"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    assert third.returncode == 3 and "no socket" in third.stderr, third
    assert os.listdir(directory) == ["can1"]


def main():
    passed = failed = 0
    for name, case in sorted(globals().items()):
        if not name.startswith("case_"):
            continue
        with tempfile.TemporaryDirectory() as directory:
            try:
                case(directory)
                passed += 1
                print("ok  ", name[5:])
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print("FAIL", name[5:], repr(error))
        for process in Sim.started:
            process.kill()
            process.wait(LIMIT_S)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
