# SPDX-License-Identifier: MIT
# The back ends of `holdfast sim` from outside: the adapter's side of SLCAN on a terminal and on a stream, the byte stream
# of inputs and outputs, two buses, no bus at all. Usage: sim_backends.py BIN
import os
import socket
import struct
import subprocess
import sys
import time

import sim_process
from sim_process import ANSWER, CONTROL, LIMIT_S, QUERY, Sim, Slcan, connect

HOLDFAST = os.path.join(sys.argv[1], "holdfast")


def open_pty(path):
    return Slcan(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))


def crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 7 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def framed(packet):
    body = bytes([len(packet)]) + packet
    return b"\xA5" + body + bytes([crc8(body)])


def hear(stream, seconds):  # packets of a framed stream
    stream.setblocking(False)
    data, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            data += stream.recv(4096)
        except BlockingIOError:
            time.sleep(0.005)
    packets = []
    while data:
        assert data[0] == 0xA5, data
        length = data[1]
        assert len(data) < length + 3 or crc8(data[1:length + 2]) == data[length + 2]
        packets.append(data[2:length + 2])
        data = data[length + 3:]
    return packets


def slcan_session(sim, host):
    """What any SLCAN adapter does, then a module that obeys."""
    assert host.command("C") == b"\a"  # it was not open
    assert host.command("T068181FE80132000100000000") == b"\a"
    assert host.command("S9") == b"\a" and host.command("S5") == b"\r"
    assert host.command("F") == b"\a"
    assert host.command("V") == b"V1013\r" and host.command("N") == b"NSIM1\r"
    assert host.command("O") == b"\r"
    assert host.command("O") == b"\a" and host.command("S5") == b"\a"
    assert host.command("F") == b"F00\r"
    assert host.command(f"T{CONTROL:08X}80103000000000393") == b"Z\r"
    assert host.frame_of(ANSWER) == bytes.fromhex("0103000000000393")
    assert host.command("t12380102030405060708") == b"z\r"
    for bad in ("T068181FE9", "T068181FE8010300000000039", "TFFFFFFFF80103000000000393", "t8000", "T0681", "Q", "x" * 200):
        assert host.command(bad) == b"\a", bad
    assert sim.outlet()["set_mA"] == 30000


def case_slcan_on_a_terminal(directory):
    link = directory + "/tty"
    sim = Sim(HOLDFAST, "--can", "slcan-pty:" + link, "--io", directory + "/io")
    assert sim.ready["can"] == [link] and os.path.islink(link)
    host = open_pty(link)
    slcan_session(sim, host)
    assert host.command("C") == b"\r"
    assert host.command("Z1") == b"\r" and host.command("O") == b"\r"
    line = host.line()
    while line[:1] != b"T":
        line = host.line()
    assert len(line) == 1 + 8 + 1 + 16 + 4 + 1, line  # stamped
    assert sim.end() == 0
    assert not os.path.lexists(link)


def case_slcan_on_a_stream(directory):
    path = directory + "/slcan"
    sim = Sim(HOLDFAST, "--can", "slcan-unix:" + path, "--io", "none")
    first = connect(path, socket.SOCK_STREAM)
    slcan_session(sim, Slcan(first.fileno()))
    second = connect(path, socket.SOCK_STREAM)  # replaces the first, with the channel closed
    host = Slcan(second.fileno())
    assert host.command("O") == b"\r"
    assert len(host.frame_of(0x00433F01)) == 8
    while first.recv(4096) != b"":
        pass
    assert sim.end() == 0
    assert os.listdir(directory) == []


def case_slcan_half_lines_and_noise(directory):
    link = directory + "/tty"
    sim = Sim(HOLDFAST, "--can", "slcan-pty:" + link, "--io", "none")
    host = open_pty(link)
    assert host.command("S5") == b"\r" and host.command("O") == b"\r"
    for part in (b"T0681", b"81FE", b"801030000000", b"00393", b"\r"):
        host.write(part)
        time.sleep(0.01)
    assert host.answer() == b"Z\r"
    host.write(b"\x00\xff~~~T0681")
    host.write(b"\r")
    assert host.answer() == b"\a"
    sim.tell("fault serial-noise")
    sim.event("fault")
    until, lines, damaged = time.monotonic() + 3, 0, 0
    while time.monotonic() < until:
        line = host.line()
        lines += 1
        damaged += not (line[:1] == b"T" and len(line) == 27 and line[1:26].isalnum())
    assert lines > 40 and damaged > 0, (lines, damaged)
    sim.tell("clear serial-noise")
    sim.event("fault")
    host.line()
    host.line()
    for _ in range(50):
        line = host.line()
        assert line[:1] == b"T" and len(line) == 27, line
    assert sim.end() == 0


def case_slcan_states_and_a_full_queue(directory):
    path = directory + "/slcan"
    sim = Sim(HOLDFAST, "--can", "slcan-unix:" + path, "--io", "none")
    client = connect(path, socket.SOCK_STREAM)
    host = Slcan(client.fileno())
    assert host.command("O") == b"\r"

    def state():
        line = host.line()
        while line[:1] != b"s":
            line = host.line()
        return line

    sim.tell("fault bus-off")
    assert state() == b"sb000255\r"
    assert host.command(f"T{CONTROL:08X}80103000000000393") == b"\a"
    assert host.command("F") == b"FA0\r"
    sim.tell("clear bus-off")
    assert state() == b"sa000000\r"
    assert host.command("F") == b"F00\r"
    sim.tell("fault bus-unplugged")
    assert state() == b"sp000128\r"
    answers = [host.command(f"T{CONTROL:08X}80103000000000393") for _ in range(20)]
    assert answers == [b"Z\r"] * 16 + [b"\a"] * 4, answers
    assert host.command("F") == b"F22\r"
    assert sim.outlet()["set_mA"] == 0
    sim.tell("clear all")
    assert state() == b"sa000000\r"
    assert host.command(f"T{CONTROL:08X}80103000000000393") == b"Z\r"
    assert sim.outlet()["set_mA"] == 30000
    assert sim.end() == 0


def case_slcan_adapter_pulled_and_back(directory):
    link, path = directory + "/tty", directory + "/slcan"
    sim = Sim(HOLDFAST, "--can", "slcan-pty:" + link, "--bms-can", "slcan-unix:" + path, "--io", "none")
    host = open_pty(link)
    assert host.command("O") == b"\r"
    sim.tell("fault adapter-gone for 300")
    sim.event("fault")
    assert not os.path.lexists(link)
    try:
        while os.read(host.fd, 4096) != b"":
            pass
    except OSError as error:
        assert error.errno == 5, error  # EIO: the other side is gone
    sim.event("fault")
    host = open_pty(link)
    assert host.command("O") == b"\r" and host.frame()
    client = connect(path, socket.SOCK_STREAM)
    sim.tell("fault bms-adapter-gone")
    sim.event("fault")
    assert client.recv(64) == b""
    assert connect(path, socket.SOCK_STREAM).recv(64) == b""
    sim.tell("clear bms-adapter-gone")
    sim.event("fault")
    assert Slcan(connect(path, socket.SOCK_STREAM).detach()).command("O") == b"\r"
    assert sim.end() == 0


def case_two_buses_keep_apart(directory):
    module, bms = directory + "/module", directory + "/bms"
    sim = Sim(HOLDFAST, "--can", "virtual:" + module, "--bms-can", "virtual:" + bms, "--io", "none")
    assert sim.ready["can"] == [module] and sim.ready["bms_can"] == [bms]
    on_module, on_bms = connect(module), connect(bms)
    sim.tell("plug")
    seen = []
    for client in (on_module, on_bms):
        identifiers, until = set(), time.monotonic() + 2
        client.settimeout(0.1)
        while time.monotonic() < until:
            try:
                identifiers.add(struct.unpack("<I", client.recv(64)[:4])[0] & 0x1FFFFFFF)
            except TimeoutError:
                pass
        seen.append(identifiers)
    assert seen == [{0x00433F01, 0x00473F01, 0x18FF50E5}, {0x1806E5F4}], seen
    sim.tell("fault bms-bus-off")
    on_bms.settimeout(LIMIT_S)
    while on_bms.recv(64) != b"":
        pass
    on_module.settimeout(LIMIT_S)
    assert len(on_module.recv(64)) == 16
    assert sim.end() == 0


def case_inputs_and_outputs_over_a_stream(directory):
    can, io = directory + "/can", directory + "/io"
    sim = Sim(HOLDFAST, "--can", can, "--io", "stream-unix:" + io)
    stream = connect(io, socket.SOCK_STREAM)
    assert sim.event("charger")["connected"]
    live = 0
    outputs = b""
    for _ in range(40):
        live += 1
        outputs = framed(struct.pack("<BBHI", 1, 0, 3, live))
        half = live % len(outputs)
        stream.sendall(outputs[:half])
        time.sleep(0.004)
        stream.sendall(outputs[half:])
        time.sleep(0.004)
    assert sim.event("contactor")["closed"]
    packets = hear(stream, 0.3)
    assert len(packets) >= 8 and all(len(packet) == 8 and packet[0] == 1 for packet in packets)
    assert any(packet[2] & 14 == 14 for packet in packets), packets  # lock, contactor, loop closed
    sim.tell("card 1 ABC")
    assert b"\x02\x00\x03ABC" in hear(stream, 0.2)
    damaged = bytearray(framed(struct.pack("<BBHI", 1, 0, 0, 1)))
    damaged[5] ^= 1
    stream.sendall(b"\xA5\x00noise\xA5\xFF" + bytes(damaged) + framed(struct.pack("<BBHI", 1, 0, 0x20, 999)))
    event = sim.event("outputs")
    while not event["light_network"]:  # what came after the noise was understood
        event = sim.event("outputs")
    assert sim.process.poll() is None
    stream.close()
    assert not sim.event("charger")["connected"]
    assert connect(io, socket.SOCK_STREAM).recv(64)[:1] == b"\xA5"
    assert sim.end() == 0


def case_without_io_contactor_follows_the_module(directory):
    can = directory + "/can"
    sim = Sim(HOLDFAST, "--can", can, "--io", "none", "--soc", "50", "--modules", "2")
    client = connect(can)
    sim.tell("plug")
    until, ticks = time.monotonic() + 2.5, 0
    while time.monotonic() < until:
        for unit in (0, 0x10000):
            for identifier, data in ((QUERY, "0184000000000000"), (CONTROL, "0100000000015000")):
                client.send(struct.pack("<IB3x", identifier + unit | 1 << 31, 8) + bytes.fromhex(data))
            if ticks == 5:
                for data in ("0103000000000131", "0132000000000000"):
                    client.send(struct.pack("<IB3x", CONTROL + unit | 1 << 31, 8) + bytes.fromhex(data))
        ticks += 1
        time.sleep(0.05)
    now = sim.outlet()
    assert now["contactor"] and now["locked"] and now["current_mA"] == 20000, now
    assert [unit["current_mA"] for unit in now["units"]] == [10000, 10000], now
    assert now["power_since"] > time.monotonic() - 5
    client.close()
    off = sim.event("power")
    while off["power_mW"] != 0:
        off = sim.event("power")
    assert not sim.outlet()["module_on"]
    assert abs(sim.outlet()["power_since"] - off["t"]) < 1e-9
    assert sim.end() == 0


def case_node_by_an_slcan_adapter(directory):
    """One simulator is the adapter, the other a node that reaches the charger's bus through it."""
    link = directory + "/tty"
    adapter = Sim(HOLDFAST, "--can", "slcan-pty:" + link, "--io", "none")
    node = Sim(HOLDFAST, "--can", "slcan:" + link, "--io", "none", "--counts", "100")
    while not node.event("adapter")["working"]:
        pass
    counts = node.event("frames")["buses"][0]
    while counts["in"] < 20 or counts["out"] < 20:
        counts = node.event("frames")["buses"][0]
    adapter.tell("fault adapter-gone for 300")
    assert not node.event("adapter")["working"]
    while not node.event("adapter")["working"]:
        pass
    before = node.event("frames")["buses"][0]["in"]
    while node.event("frames")["buses"][0]["in"] < before + 10:
        pass
    assert node.end() == 0 and adapter.end() == 0


def refused(status, text, *options):
    result = subprocess.run([HOLDFAST, "sim", *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    assert result.returncode == status and text in result.stderr and result.stdout == "", result


def case_specs_that_cannot_be(directory):
    can, io = directory + "/can", directory + "/io"
    refused(2, "teleport:x", "--can", "teleport:x", "--io", io)
    refused(2, "slcan-pty:", "--can", "slcan-pty:", "--io", io)
    refused(2, "--bms-can", "--can", can, "--can", can + "2", "--bms-can", can + "3", "--io", io)
    refused(2, "--modules", "--can", can, "--modules", "99", "--io", io)
    refused(2, "--sensor", "--can", can, "--sensor", "middle", "--io", io)
    refused(2, "--io", "--can", can, "--io", "x" * 200)
    refused(3, "socketcan:nosuchif0", "--can", "socketcan:nosuchif0", "--io", io)
    with open(can, "w", encoding="ascii"):
        pass
    refused(2, "r4850", "--can", can + "2", "--io", io, "--profile", "r4850")
    refused(3, "no link", "--can", "slcan-pty:" + can, "--io", io)
    refused(3, "no socket", "--can", "slcan-unix:" + can, "--io", io)
    os.symlink("/dev/pts/nosuch", directory + "/stale")
    sim = Sim(HOLDFAST, "--can", "slcan-pty:" + directory + "/stale", "--io", io)  # left by one that was killed
    client = connect(io)
    refused(3, "in use", "--can", can + "2", "--io", io)
    client.send(struct.pack("<BBHI", 1, 0, 0, 1))  # the refused one did not push us out
    assert len(client.recv(64)) == 8
    assert sim.end() == 0
    assert sorted(os.listdir(directory)) == ["can"]


sys.exit(sim_process.run_cases(globals()))
