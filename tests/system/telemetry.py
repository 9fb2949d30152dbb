# SPDX-License-Identifier: MIT
"""Telemetry, trip policy and reset dossier of the shipped holdfastd: its stream read like a serial port, a budget whose figures the
test writes (budget.c), threads made to hang (hang.c), a simulated vehicle and a central system where power is to flow.
Usage: telemetry.py BIN HANG_LIBRARY BUDGET_LIBRARY [CASE...]
"""
import ctypes
import fcntl
import http.server
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

from telemetry_lines import LINES

BIN, HANG, BUDGET = sys.argv[1:4]
LIMIT_S = 30
started = []  # (directory, process)
GOOD = (200000, 200000, 180000, 200000, 200000, 180000, 0, 0, 0)  # nothing is near a limit


def memory(internal_free=200000, internal_min=200000, largest=None):
    largest = largest or internal_free
    return (internal_free, internal_min, largest, internal_free, internal_min, largest, 0, 0, 0)


class Daemon:
    """One holdfastd; its stream is a pseudo-terminal that survives restarts."""

    def __init__(self, directory, *options, hangs=None, budget=GOOD, csms="ws://127.0.0.1:9/", reads=True,
                 stdout=subprocess.DEVNULL, how="sleep", hang_ms=None):
        self.directory, self.options, self.csms = directory, options, csms
        self.hangs, self.fd, self.text, self.process, self.stdout = hangs, -1, "", None, stdout
        self.how, self.hang_ms = how, hang_ms
        self.set_budget(budget)
        self.start()
        if reads:
            self.open()

    def set_budget(self, figures):
        with open(self.directory + "/budget.new", "w", encoding="utf-8") as file:
            file.write(" ".join(str(figure) for figure in figures))
        os.rename(self.directory + "/budget.new", self.directory + "/budget")

    def start(self):
        if os.path.lexists(self.directory + "/tty"):
            os.unlink(self.directory + "/tty")  # of a run that was killed: its terminal may be another daemon's by now
        preload = [BUDGET] + ([HANG] if self.hangs else [])
        environment = dict(os.environ, LD_PRELOAD=" ".join(preload), BUDGET_FILE=self.directory + "/budget")
        if self.hangs:
            environment.update(HANG_THREAD=self.hangs, HANG_FILE=self.directory + "/hang", HANG_HOW=self.how)
            if self.hang_ms:
                environment["HANG_MS"] = str(self.hang_ms)
        self.stderr = open(self.directory + "/stderr", "a+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BIN + "/holdfastd", "--id", "CP1", "--csms", self.csms, "--can", f"virtual:{self.directory}/can",
             "--io", f"socket:{self.directory}/io", "--state", self.directory + "/state", "--http", "none",
             "--telemetry", f"pty:{self.directory}/tty", "--heartbeat", "1", *self.options],
            stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=self.stderr, env=environment)
        started.append((self.directory, self.process))

    def open(self):
        end = time.monotonic() + LIMIT_S
        while self.fd < 0:
            assert time.monotonic() < end and self.process.poll() is None, f"no terminal: {self.log()}"
            try:
                self.fd = os.open(self.directory + "/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            except FileNotFoundError:
                time.sleep(0.02)

    def close(self):
        os.close(self.fd)
        self.fd = -1

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.fd, 4096).decode()
                except OSError:  # the terminal went with its process
                    return

    def lines(self):
        return self.text.split("\n")[:-1]

    def wait(self, pattern, count=1, limit_s=LIMIT_S):
        """The count-th line that has it."""
        end = time.monotonic() + limit_s
        while True:
            found = [line for line in self.lines() if re.search(pattern, line)]
            if len(found) >= count:
                return found[count - 1]
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.text[-1500:]}\nlog: {self.log()[-1500:]}"
            self.read(0.1)

    def log(self):
        with open(self.directory + "/stderr", encoding="utf-8") as text:
            return text.read()

    def wait_uptime(self, seconds):
        """A heartbeat of that age, or of the first thereafter: a busy machine leaves some out."""
        beat = r"^\[Heartbeat\] Up: (\d+)s"
        count = 1
        while int(re.search(beat, self.wait(beat, count)).group(1)) < seconds:
            count += 1

    def wait_log(self, pattern, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while not re.search(pattern, self.log()):
            assert time.monotonic() < end, f"no {pattern!r} in: {self.log()[-1500:]}"
            time.sleep(0.05)
            if self.fd >= 0:
                self.read(0.05)

    def expect_whole(self):
        for line in self.lines():
            assert any(pattern.fullmatch(line) for pattern in LINES), f"no line of telemetry: {line!r}"

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(LIMIT_S)
        if self.fd >= 0:
            self.close()
        return code

    def again(self):
        """Starts it anew and returns the line that says why."""
        self.text = ""
        self.start()
        self.open()
        return self.wait(r"^rst:")

    def health(self):
        self.wait(r"^\[Heartbeat\]", 2)
        address = re.search(r"http://[0-9.:]+/", self.log()).group(0)
        with urllib.request.urlopen(address + "api/health", timeout=LIMIT_S) as answer:
            return json.load(answer)


# ---- what is told -------------------------------------------------------------------------------


def prologue_and_heartbeats_are_told_in_order(directory):
    daemon = Daemon(directory)
    daemon.wait(r"^\[Heartbeat\]", 2)
    order = [r"^rst:0x1 \(Power On\)", r"^\[System Boot\]", r"^  Firmware: v", r"^\[Mem\] boot ", r"^\[WiFi\] Got IP: 127\.0\.0\.1$",
             r"^\[Mem\] setup ", r"^\[Main\] Setup complete", r"^\[Mem\] hb ", r"^\[Heartbeat\] Up: \d+s \| Heap: 200000 \| WiFi: 127"]
    at = [next((n for n, line in enumerate(daemon.lines()) if re.search(pattern, line)), None) for pattern in order]
    assert None not in at and at[:3] == sorted(at[:3]) and at[3] < at[6] < at[7], (at, daemon.text)
    daemon.wait(r"^\[Pool\] name=readings ")
    daemon.wait(r"^\[Pool\] name=events ")
    daemon.expect_whole()
    assert daemon.end() == 0, daemon.log()


def device_without_a_budget_tells_no_memory(directory):
    daemon = Daemon(directory, budget=())
    daemon.wait(r"^\[Heartbeat\]", 2)
    assert "[Mem]" not in daemon.text, daemon.text
    assert daemon.end() == 0


def trip_again_and_again(daemon, rounds):
    """Nobody reads while trips come and go, more than can be held; then somebody does."""
    for i in range(rounds):
        daemon.set_budget(memory(9000, 9000, 3000) if i % 2 else GOOD)
        time.sleep(0.25)
    assert daemon.process.poll() is None, "a reader that does not read ended the charge point"


def judge_lines(daemon, until_s):
    daemon.wait_uptime(until_s)
    daemon.expect_whole()
    assert daemon.end() == 0


def slow_reader_of_a_pipe_gets_whole_lines(directory):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(reader, False)
    daemon = Daemon(directory, "--telemetry", "-", stdout=writer, reads=False)
    os.close(writer)
    trip_again_and_again(daemon, 60)
    daemon.fd = reader
    judge_lines(daemon, 17)
    beats = [int(beat) for beat in re.findall(r"Up: (\d+)s", daemon.text)]
    assert beats[-1] - beats[0] > len(beats), f"nothing was lost, so that nothing was shown: {beats}"


def slow_reader_of_a_terminal_gets_whole_lines(directory):
    """Which takes a line by half when it is full; with the stacks of sanitizers there is less to tell, and it does not fill."""
    daemon = Daemon(directory, reads=False)
    trip_again_and_again(daemon, 100)
    daemon.open()
    judge_lines(daemon, 27)


def reader_that_goes_and_comes_back_finds_whole_lines(directory):
    daemon = Daemon(directory)
    for count in range(3):
        daemon.wait(r"^\[Heartbeat\]", 2 * count + 1)
        daemon.close()
        time.sleep(0.5)
        daemon.text = daemon.text[:daemon.text.rindex("\n") + 1]  # a reader that leaves may leave in the middle of a line
        daemon.open()
    daemon.wait(r"^\[Heartbeat\]", 6)
    assert daemon.process.poll() is None
    assert daemon.end() == 0


def standard_output_and_file_get_the_same_lines(directory):
    for where in ("-", directory + "/file"):
        with open(directory + "/stdout", "wb") as stdout:
            process = subprocess.Popen(
                [BIN + "/holdfastd", "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can",
                 "--io", f"socket:{directory}/io", "--state", directory + "/state", "--http", "none", "--telemetry", where],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL)
            path = directory + "/stdout" if where == "-" else where
            end = time.monotonic() + LIMIT_S
            while not (os.path.exists(path) and "Setup complete" in open(path, encoding="utf-8").read()):
                assert time.monotonic() < end
                time.sleep(0.05)
            process.terminate()
            assert process.wait(LIMIT_S) == 0


def options_that_make_no_sense_are_refused(directory):
    base = [BIN + "/holdfastd", "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can",
            "--io", f"socket:{directory}/io", "--check"]
    for option in (["--telemetry", "serial"], ["--telemetry", "pty:"], ["--heartbeat", "0"], ["--heartbeat", "x"], ["--tripwire", "-1"],
                   ["--on-trip", "internal_min"], ["--on-trip", "internal_min=explode"], ["--on-trip", "nothing=shed"]):
        done = subprocess.run(base + option, stderr=subprocess.PIPE, check=False, timeout=LIMIT_S)
        assert done.returncode == 78 and option[0][2:].encode() in done.stderr, (option, done)
    good = base + ["--telemetry", "pty", "--heartbeat", "5", "--tripwire", "0", "--on-trip", "stack=reset_now", "--on-trip", "lock_timeout=shed"]
    assert subprocess.run(good, stdout=subprocess.DEVNULL, check=False, timeout=LIMIT_S).returncode == 0


def nothing_is_printed_but_by_main(directory):
    """main hangs for 3 s, in which the connection comes: its mark is told afterwards, and nothing before."""
    csms = subprocess.Popen([BIN + "/holdfast", "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    started.append((directory, csms))
    port = json.loads(csms.stdout.readline())["port"]
    daemon = Daemon(directory, hangs="holdfastd", hang_ms=3000, csms=f"ws://127.0.0.1:{port}/")
    daemon.wait(r"^\[Mem\] ws_connected ")
    daemon.read(0.5)
    daemon.set_budget(memory(9000, 9000, 3000))
    open(directory + "/hang", "w", encoding="utf-8").close()
    csms.stdin.write("disconnect CP1\n")
    csms.stdin.flush()
    daemon.read(1.0)
    before = len(daemon.text)
    daemon.read(1.5)
    assert len(daemon.text) == before, f"printed while main stood still: {daemon.text[before:]}"
    daemon.wait(r"^\[Mem\] ws_connected ", 2)
    daemon.expect_whole()
    assert daemon.end() == 0


# ---- the policy ---------------------------------------------------------------------------------


def trip_is_told_with_tag_threshold_and_pools(directory):
    daemon = Daemon(directory, "--tripwire", "30720")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.set_budget(memory(60000, 21600))
    line = daemon.wait("TRIPWIRE")
    assert re.fullmatch(r"\[Mem\] TRIPWIRE fired tag=\S+ hin=21600B < 30720B .*", line), line
    daemon.read(1.5)
    after = daemon.text[daemon.text.index("TRIPWIRE"):]
    assert "[Pool] name=events" in after, after
    daemon.set_budget(memory(60000, 21500))
    daemon.read(1.0)
    assert len(re.findall("TRIPWIRE", daemon.text)) == 1, "a minimum since boot trips once"
    assert daemon.process.poll() is None
    daemon.expect_whole()
    assert daemon.end() == 0


def shedding_begins_and_ends_with_what_is_free(directory):
    daemon = Daemon(directory, "--on-trip", "internal_free=shed")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.set_budget(memory(3000, 3000))
    daemon.wait(r"^\[Trip\] internal_free trip ")
    daemon.wait_log("load is shed")
    assert "load is taken again" not in daemon.log()
    daemon.set_budget(memory(150000, 5000))
    daemon.wait_log("load is taken again")
    assert daemon.end() == 0


def reset_now_restarts_and_the_next_start_tells_of_it(directory):
    daemon = Daemon(directory, "--tripwire", "30720", "--on-trip", "internal_min=reset_now")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.set_budget(memory(60000, 21600))
    daemon.wait("TRIPWIRE")
    daemon.set_budget(GOOD)
    assert daemon.wait(r"^rst:", 2) == "rst:0x8001 (Trip)", daemon.text
    daemon.wait_log(r"ended after \d+ s: Trip: internal_min 21600, limit 30720")
    daemon.wait("Setup complete", 2)
    daemon.expect_whole()
    assert daemon.process.poll() is None, "it restarts in place"
    assert daemon.end() == 0
    assert daemon.again() == "rst:0x2 (Software)", daemon.text
    daemon.end()


def finish_reset_restarts_at_once_where_nothing_charges(directory):
    daemon = Daemon(directory, "--tripwire", "30720", "--on-trip", "internal_min=finish_reset")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.set_budget(memory(60000, 21600))
    daemon.wait("TRIPWIRE")
    daemon.set_budget(GOOD)
    assert daemon.wait(r"^rst:", 2) == "rst:0x4 (Trip, session finished)", daemon.text
    assert daemon.end() == 0


def policy_that_restarts_again_and_again_stops(directory):
    daemon = Daemon(directory, "--tripwire", "30720", "--on-trip", "internal_min=reset_now", budget=memory(60000, 21600))
    daemon.wait(r"^rst:0x8001 \(Trip\)", 3)
    daemon.wait_log("the trip policy restarts no more")
    starts = len(re.findall("^rst:", daemon.text, re.MULTILINE))
    daemon.read(2.0)
    assert len(re.findall("^rst:", daemon.text, re.MULTILINE)) == starts == 4, daemon.text
    assert daemon.end() == 0


def late_task_is_told_before_it_is_fatal(directory):
    daemon = Daemon(directory, hangs="comms")
    daemon.wait(r"^\[Heartbeat\]")
    open(directory + "/hang", "w", encoding="utf-8").close()
    line = daemon.wait(r"^\[Trip\] late_task .* name=comms ")
    assert "value=" in line, line
    assert daemon.process.wait(LIMIT_S) == 70, daemon.log()
    daemon.close()
    os.unlink(directory + "/hang")
    assert daemon.again() == "rst:0x8004 (Task WDT)", daemon.text
    daemon.wait_log(r"Task WDT, task comms: has not checked in for \d+ ms")
    assert daemon.end() == 0


class Files(http.server.BaseHTTPRequestHandler):
    """A firmware to fetch."""

    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def https_server(directory):
    """Its address, with a certificate in DIRECTORY/cert.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory + "/key.pem", "-out", directory + "/cert.pem"],
                   check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_port}/firmware"


def transfer_waits_while_load_is_shed_and_marks_its_handshake(directory):
    location = https_server(directory)
    csms = subprocess.Popen([BIN + "/holdfast", "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    started.append((directory, csms))
    port = json.loads(csms.stdout.readline())["port"]
    daemon = Daemon(directory, "--ca", directory + "/cert.pem", csms=f"ws://127.0.0.1:{port}/")
    daemon.wait(r"^\[Mem\] ws_connected ")
    daemon.wait_log("boot accepted")
    daemon.set_budget(memory(9000, 9000))
    daemon.wait_log("load is shed")
    request = json.dumps({"location": location, "retrieveDate": "2026-01-01T00:00:00Z", "retries": 1}, separators=(",", ":"))
    csms.stdin.write(f"call CP1 UpdateFirmware {request}\n")
    csms.stdin.flush()
    daemon.read(3.0)
    assert "tls_pre" not in daemon.text and "fw_download" not in daemon.text, "begun while load is shed"
    daemon.set_budget(GOOD)
    daemon.wait_log("load is taken again")
    daemon.wait(r"^\[Mem\] fw_downloaded ")
    tags = re.findall(r"^\[Mem\] (tls_pre|tls_post|fw_download|fw_downloaded) ", daemon.text, re.MULTILINE)
    assert sorted(tags) == ["fw_download", "fw_downloaded", "tls_post", "tls_pre"] and tags.index("tls_pre") < tags.index("tls_post"), tags
    assert daemon.end() == 0


# ---- with power ---------------------------------------------------------------------------------

CHARGE = """
plug
expect charger connected within 8000
wait 2500
card TAG1
expect power > 1000 within 20000
say power flows
"""


class Station:
    """A charge point that charges, with its vehicle and its central system."""

    def __init__(self, directory, script, *options):
        self.csms = subprocess.Popen([BIN + "/holdfast", "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = json.loads(self.csms.stdout.readline())["port"]
        with open(directory + "/scenario.sim", "w", encoding="utf-8") as file:
            file.write(CHARGE + script)
        self.sim = subprocess.Popen([BIN + "/holdfast", "sim", "--io", directory + "/io", "--can", directory + "/can", "--soc", "50",
                                     "--script", directory + "/scenario.sim"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        started.extend([(directory, self.csms), (directory, self.sim)])
        self.events = [json.loads(self.sim.stdout.readline())]
        self.daemon = Daemon(directory, *options, "--profile", "m33-1024", csms=f"ws://127.0.0.1:{port}/")

    def wait_event(self, wanted):
        for line in self.sim.stdout:
            self.events.append(json.loads(line))
            if wanted(self.events[-1]):
                return
        raise AssertionError(f"the script ended: {self.events[-3:]} {self.daemon.log()[-800:]}")

    def end(self):
        events, _ = self.sim.communicate(timeout=90)
        self.events += [json.loads(line) for line in events.splitlines()]
        code = self.daemon.end()
        self.csms.stdin.write("ledger\nquit\n")
        self.csms.stdin.flush()
        ledger = [json.loads(line) for line in self.csms.stdout.read().splitlines()]
        return self.sim.returncode, code, [event["reason"] for event in ledger if event["event"] == "stop"]


def says(text):
    return lambda event: text in json.dumps(event)


def contactor_is_open_before_a_reset_of_the_policy(directory):
    """[SAF-14] The simulated contactor opens by order, under the live signal of the daemon that trips, and the bill is ended."""
    station = Station(directory, "expect contactor open within 8000\nexpect module off within 1000\nsay it is open\nwait 4000\nunplug\n"
                                 "expect lock unlocked within 8000\n", "--tripwire", "30720", "--on-trip", "internal_min=reset_now")
    station.wait_event(says("power flows"))
    assert re.search(r"^\[Mem\] tx_start ", station.daemon.wait(r"^\[Mem\] tx_start ")), station.daemon.text
    station.daemon.set_budget(memory(60000, 21600))
    station.daemon.wait("TRIPWIRE")
    station.wait_event(says("it is open"))
    station.daemon.set_budget(GOOD)
    assert station.daemon.wait(r"^rst:", 2) == "rst:0x8001 (Trip)", station.daemon.text
    assert "sessions ended and recorded: Reboot" in station.daemon.log(), station.daemon.log()
    played, code, stops = station.end()
    assert played == 0 and code == 0, (played, code, station.daemon.log())
    assert stops == ["Reboot"], stops
    log = station.daemon.log()
    assert log.index("sessions ended and recorded") < log.index("the run before ended"), log


def session_ends_by_itself_before_a_finish_reset(directory):
    """[SAF-14] Charging goes on under the trip; the restart comes when the vehicle has left, and nothing begins before it."""
    station = Station(directory, "wait 3000\nexpect power > 1000 within 100\nsay it goes on\nunplug\nexpect lock unlocked within 8000\nwait 3000\n",
                      "--tripwire", "30720", "--on-trip", "internal_min=finish_reset")
    station.wait_event(says("power flows"))
    station.daemon.set_budget(memory(60000, 21600))
    station.daemon.wait("TRIPWIRE")
    station.daemon.set_budget(GOOD)
    station.daemon.wait_log("a restart is wanted")
    station.wait_event(says("it goes on"))
    assert len(re.findall("^rst:", station.daemon.text, re.MULTILINE)) == 1, "the session was cut short"
    assert station.daemon.wait(r"^rst:", 2) == "rst:0x4 (Trip, session finished)", station.daemon.text
    station.daemon.wait(r"^\[Mem\] tx_stop ")
    played, code, stops = station.end()
    assert played == 0 and code == 0, (played, code, station.daemon.log())
    assert stops == ["EVDisconnected"], stops


def kill_while_power_flows_is_told_with_its_transaction(directory):
    """What is billed stands in the journal; how it stood, in the dossier."""
    station = Station(directory, "wait 60000\n", "--http", "127.0.0.1:0")
    station.wait_event(says("power flows"))
    daemon = station.daemon
    daemon.wait(r"^\[Mem\] tx_start ")
    beats = len(re.findall(r"^\[Heartbeat\]", daemon.text, re.MULTILINE))
    daemon.wait(r"^\[Heartbeat\]", beats + 2)
    daemon.end(signal.SIGKILL)
    station.sim.kill()
    open(directory + "/stderr", "w", encoding="utf-8").close()
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    last = daemon.health()["last_reset"]
    assert last["connectors_charging"] == [1] or last["connectors_charging"] == 1, last
    assert last["transaction_id"] != 0 and last["tag"] == "hb", last
    assert daemon.end() == 0
    station.csms.stdin.write("quit\n")
    station.csms.stdin.flush()


# ---- the dossier --------------------------------------------------------------------------------


def kill_is_told_at_the_next_start(directory):
    daemon = Daemon(directory)
    daemon.wait("Setup complete")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.end(signal.SIGKILL)
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    daemon.wait_log("ended after .* s: Panic: ended without a word")
    assert daemon.end() == 0
    assert daemon.again() == "rst:0x2 (Software)", daemon.text
    daemon.end()


def kill_finds_the_dossier_of_the_last_round(directory):
    """Figures that changed a heartbeat ago, at a moment when nothing else would make anybody write."""
    daemon = Daemon(directory, "--http", "127.0.0.1:0")
    daemon.wait_uptime(4)
    daemon.set_budget(memory(123456, 111111))
    daemon.wait(r"^\[Heartbeat\] .*Heap: 123456 ")
    line = daemon.wait(r"^\[Heartbeat\] .*Heap: 123456 ", 2)
    daemon.wait(r"^\[Heartbeat\] .*Heap: 123456 ", 3)  # the round that told the second is over
    daemon.end(signal.SIGKILL)
    daemon.set_budget(GOOD)
    open(directory + "/stderr", "w", encoding="utf-8").close()
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    last = daemon.health()["last_reset"]
    assert last["heap_internal_free"] == 123456 and last["heap_internal_min"] == 111111 and last["tag"] == "hb", last
    assert int(re.search(r"Up: (\d+)s", line).group(1)) <= last["uptime_seconds"], (line, last)
    assert daemon.end() == 0


def dossier_that_is_cut_under_the_daemon_ends_nobody(directory):
    """A store into a mapping whose file was cut is a SIGBUS, as one on a full disk can be: the daemon makes none."""
    daemon = Daemon(directory)
    daemon.wait(r"^\[Heartbeat\]")
    assert "cannot be kept in step" not in daemon.log()
    os.truncate(directory + "/state/dossier", 0)
    daemon.wait_log("the reset dossier cannot be kept in step here: after SIGKILL it may be 30 s old")
    daemon.wait(r"^\[Heartbeat\]", 5)
    assert daemon.process.poll() is None and daemon.log().count("cannot be kept in step") == 1, daemon.log()
    daemon.end(signal.SIGKILL)
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    daemon.wait_log("ended after .* s: Panic: ended without a word")
    daemon.wait(r"^\[Heartbeat\]")
    os.truncate(directory + "/state/dossier", 0)
    daemon.wait_log("cannot be kept in step.*(.|\n)*cannot be kept in step")
    daemon.end()
    assert daemon.again() == "rst:0x2 (Software)", daemon.text
    daemon.end()


def ends_without_a_word_are_counted_and_have_a_length(directory):
    daemon = Daemon(directory, "--http", "127.0.0.1:0")
    for count in 1, 2:
        daemon.wait("Setup complete")
        daemon.read(3.5)
        daemon.end(signal.SIGKILL)
        open(directory + "/stderr", "w", encoding="utf-8").close()
        daemon.again()
        last = daemon.health()["last_reset"]
        assert last["unexpected_in_a_row"] == count and 1 <= last["uptime_seconds"] <= 30, last
    assert daemon.end() == 0
    daemon.again()
    daemon.wait("Setup complete")
    daemon.end(signal.SIGKILL)  # at once: a page there is all the same
    open(directory + "/stderr", "w", encoding="utf-8").close()
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    assert daemon.health()["last_reset"]["unexpected_in_a_row"] == 1
    assert daemon.end() == 0


def crash_is_told_with_its_signal_and_thread(directory):
    daemon = Daemon(directory)
    daemon.wait(r"^\[Heartbeat\]")
    threads = {open(f"/proc/{daemon.process.pid}/task/{task}/comm", encoding="utf-8").read().strip(): int(task)
               for task in os.listdir(f"/proc/{daemon.process.pid}/task")}
    daemon.set_budget(memory(123456, 100000))
    daemon.read(2.5)
    assert ctypes.CDLL(None).tgkill(daemon.process.pid, threads["comms"], signal.SIGSEGV) == 0
    assert daemon.process.wait(LIMIT_S) == -signal.SIGSEGV
    daemon.close()
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    daemon.wait_log(r"Panic, task comms: signal 11 at 0x[0-9a-f]+, last snapshot hb")
    assert daemon.end() == 0


def overflow_of_a_stack_is_told_with_its_thread(directory):
    daemon = Daemon(directory, hangs="comms", how="overflow")
    daemon.wait(r"^\[Heartbeat\]")
    open(directory + "/hang", "w", encoding="utf-8").close()
    assert daemon.process.wait(LIMIT_S) == -signal.SIGSEGV
    os.unlink(directory + "/hang")
    daemon.close()
    assert daemon.again() == "rst:0x8006 (Stack overflow)", daemon.text
    daemon.wait_log("Stack overflow, task comms: signal 11 at 0x")
    assert daemon.end() == 0


def dossier_without_its_page_comes_from_the_journal(directory):
    daemon = Daemon(directory, "--http", "127.0.0.1:0")
    daemon.wait(r"^\[Heartbeat\]")
    daemon.end(signal.SIGKILL)
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    daemon.wait(r"^\[Heartbeat\]")
    assert daemon.end() == 0
    os.unlink(directory + "/state/dossier")
    open(directory + "/stderr", "w", encoding="utf-8").close()
    assert daemon.again() == "rst:0x1 (Power On)", daemon.text
    daemon.wait(r"^\[Heartbeat\]", 2)
    address = re.search(r"http://[0-9.:]+/", daemon.log()).group(0)
    with urllib.request.urlopen(address + "api/health", timeout=LIMIT_S) as answer:
        health = json.load(answer)
    assert "SIGKILL" in json.dumps(health), health
    assert health["reset_reason"] == "Power On", health["reset_reason"]
    assert daemon.end() == 0


def starts_that_fail_keep_a_dossier_once(directory):
    """A port in use and a supervisor that tries again and again must not push the other dossiers out of the journal."""
    daemon = Daemon(directory)
    daemon.wait(r"^\[Heartbeat\]")
    daemon.end(signal.SIGKILL)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon.options = ("--http", f"127.0.0.1:{taken.getsockname()[1]}")
        for _ in range(4):
            daemon.start()
            assert daemon.process.wait(LIMIT_S) == 69, daemon.log()
    journal = b"".join(open(f"{directory}/state/segment-{i}", "rb").read() for i in range(2))
    assert journal.count(b"ended without a word") == 1, journal.count(b"ended without a word")
    daemon.options = ()
    assert daemon.again() == "rst:0x8002 (Panic)", daemon.text
    assert daemon.end() == 0


def page_that_is_cut_or_foreign_is_no_dossier(directory):
    daemon = Daemon(directory)
    daemon.wait(r"^\[Heartbeat\]")
    assert daemon.end() == 0
    page = directory + "/state/dossier"
    with open(page, "rb") as file:
        good = file.read()
    silent = good[:37] + bytes(480) + good[517:]  # no last words, only how it stood
    for bad in (b"", b"x", good[:60], good[:200] + b"\xff" + good[201:], os.urandom(600), silent[:600], silent[:600] + b"\xff" + silent[601:]):
        with open(page, "wb") as file:
            file.write(bad)
        assert daemon.again() == "rst:0x1 (Power On)", (len(bad), daemon.text)
        assert daemon.end() == 0
    for whole, reset in ((silent, "rst:0x8002 (Panic)"), (good[:517], "rst:0x2 (Software)")):  # the second: as versions before wrote it
        with open(page, "wb") as file:
            file.write(whole)
        assert daemon.again() == reset, (len(whole), daemon.text)
        assert daemon.end() == 0


CASES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__code__", None) and value.__code__.co_argcount == 1 and
         value.__code__.co_varnames[0] == "directory"]
failed = []

def run(case, gate):
    with gate, tempfile.TemporaryDirectory(prefix="hf-") as directory:
        try:
            case(directory)
            print(f"ok   {case.__name__}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed.append(case.__name__)
            print(f"FAIL {case.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            for _, process in [each for each in started if each[0] == directory]:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def main():
    gate = threading.Semaphore(6)  # they mostly wait
    wanted = [case for case in CASES if len(sys.argv) < 5 or case.__name__ in sys.argv[4:]]
    threads = [threading.Thread(target=run, args=(case, gate)) for case in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(threads) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed or not threads else 0)


main()
