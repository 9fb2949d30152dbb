# SPDX-License-Identifier: MIT
"""The shipped holdfastd under supervision [SAF-13]: a socket in place of systemd's, a file in place of /dev/watchdog, and
threads made to hang from outside (hang.c). The cases wait most of the time, so all run at once, each with its own daemon.
Usage: supervision.py BIN HANG_LIBRARY
"""
import ctypes
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

HOLDFASTD, HANG = os.path.join(sys.argv[1], "holdfastd"), sys.argv[2]
EXIT_SOFTWARE, EXIT_UNAVAILABLE = 70, 69
LIMIT_S = 60
WATCHDOG_S = 2
CAP_IPC_LOCK, CAP_SYS_NICE, PR_CAPBSET_DROP = 14, 23, 24
SLACK_S = 2.0  # on a busy machine; a hang that is not found lasts for ever


class Daemon:
    def __init__(self, directory, hangs=None, how="sleep", hang_ms=None, before=None):
        self.directory = directory
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(directory + "/notify")
        self.notify.settimeout(0.05)
        self.device = directory + "/watchdog"
        open(self.device, "w", encoding="utf-8").close()
        environment = dict(os.environ, NOTIFY_SOCKET=directory + "/notify", WATCHDOG_USEC=str(WATCHDOG_S * 1000000))
        environment.pop("WATCHDOG_PID", None)
        if hangs:
            environment.update(LD_PRELOAD=HANG, HANG_THREAD=hangs, HANG_FILE=directory + "/hang", HANG_HOW=how)
            if hang_ms:
                environment["HANG_MS"] = str(hang_ms)
        self.stderr = open(directory + "/stderr", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [HOLDFASTD, "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can",
             "--io", f"socket:{directory}/io", "--state", directory + "/state", "--http", "127.0.0.1:0",
             "--watchdog", self.device],
            stdin=subprocess.DEVNULL, stderr=self.stderr, env=environment, preexec_fn=before)
        self.told = []  # (moment, line)
        self.wait_told("READY=1")

    def listen(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                for line in self.notify.recv(4096).decode().split("\n"):
                    self.told.append((time.monotonic(), line))
            except TimeoutError:
                if self.process.poll() is not None:
                    return

    def wait_told(self, line, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while not any(each == line for _, each in self.told):
            assert time.monotonic() < end, f"not told: {line}; {self.log()}"
            self.listen(0.05)

    def feeds(self, since=0.0):
        return [moment for moment, line in self.told if line == "WATCHDOG=1" and moment >= since]

    def fed_device(self):
        with open(self.device, encoding="utf-8") as device:
            return device.read()

    def log(self):
        with open(self.directory + "/stderr", encoding="utf-8") as text:
            return text.read()

    def status(self):
        address = re.search(r"http://[0-9.:]+/", self.log()).group(0)
        with urllib.request.urlopen(address + "api/status", timeout=LIMIT_S) as answer:
            return json.load(answer)

    def hang(self):
        open(self.directory + "/hang", "w", encoding="utf-8").close()
        return time.monotonic()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def expect_hang_is_found(self, task, deadline_s, bound_s, began=None):
        """From its deadline on nobody is fed, and the process ends with 70 within the bound."""
        began = began or self.hang()
        self.listen(began + deadline_s + bound_s + SLACK_S - time.monotonic())
        took = time.monotonic() - began
        assert self.process.poll() == EXIT_SOFTWARE, f"{self.process.returncode} after {took:.1f} s: {self.log()}"
        assert deadline_s - 0.2 <= took, f"ended after {took:.1f} s, the deadline is {deadline_s}"
        late = self.feeds(began + deadline_s + 0.3)
        assert not late, f"fed {late[0] - began:.1f} s after the hang"
        assert f"{task} has not checked in" in self.log(), self.log()
        assert "V" not in self.fed_device(), "the hardware watchdog was told to stop"


def limit_rights():
    """What an ordinary user has: no real-time priority, no locked memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_IPC_LOCK, CAP_SYS_NICE):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))


def healthy_daemon_feeds_both_and_ends_in_order(directory):
    daemon = Daemon(directory)
    daemon.listen(3.0)
    moments = daemon.feeds()
    assert len(moments) >= 4, f"fed {len(moments)} times in 3 s"
    gaps = [b - a for a, b in zip(moments, moments[1:])]
    assert max(gaps) < WATCHDOG_S, f"a gap of {max(gaps):.2f} s"
    assert min(gaps) > 0.2, "fed more often than there is need"
    assert "takes no time-out" in daemon.log(), "a file is no watchdog, and nothing said so"
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_told("STOPPING=1")
    assert daemon.process.wait(LIMIT_S) == 0
    fed = daemon.fed_device()
    assert fed.startswith("k") and fed.endswith("V") and fed.count("V") == 1, fed


def start_that_is_refused_leaves_no_watchdog_armed(directory):
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen(1)
    device = directory + "/watchdog"
    open(device, "w", encoding="utf-8").close()
    done = subprocess.run(
        [HOLDFASTD, "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can",
         "--io", f"socket:{directory}/io", "--state", directory + "/state", "--watchdog", device,
         "--http", f"127.0.0.1:{busy.getsockname()[1]}"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
    assert done.returncode == EXIT_UNAVAILABLE, (done.returncode, done.stderr)
    with open(device, encoding="utf-8") as fed:
        told = fed.read()
    assert told.endswith("V"), f"the machine would reset for a busy port: {told!r}"


def stopped_daemon_goes_on_when_continued(directory):
    daemon = Daemon(directory)
    daemon.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    daemon.listen(3.0)
    assert not daemon.feeds(stopped + 0.3), "fed while it was stopped"
    daemon.process.send_signal(signal.SIGCONT)
    went_on = time.monotonic()
    daemon.listen(2.0)
    assert daemon.process.poll() is None, f"what stood still was called late: {daemon.log()}"
    assert daemon.feeds(went_on), "not fed any more"
    assert daemon.end() == 0


def control_that_spins_ends_the_process(directory):
    Daemon(directory, "control", "spin").expect_hang_is_found("control", 0.5, 0.5)


def control_that_sleeps_ends_the_process(directory):
    Daemon(directory, "control").expect_hang_is_found("control", 0.5, 0.5)


def control_that_hangs_shortly_goes_on(directory):
    daemon = Daemon(directory, "control", "sleep", hang_ms=300)
    daemon.hang()
    daemon.listen(2.0)
    assert daemon.process.poll() is None, daemon.log()
    assert "control ticks late" in daemon.log(), daemon.log()
    assert daemon.end() == 0


def comms_that_hangs_ends_the_process(directory):
    Daemon(directory, "comms").expect_hang_is_found("comms", 10.0, 2.0)


def main_that_hangs_ends_the_process(directory):
    Daemon(directory, "holdfastd").expect_hang_is_found("main", 10.0, 7.0)


def journal_that_hangs_ends_the_process(directory):
    io = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    io.bind(directory + "/io")
    io.listen(1)
    daemon = Daemon(directory, "journal")
    began = daemon.hang()
    peer, _ = io.accept()
    peer.send(bytes([1, 0, 0, 0, 0, 0, 0, 0]))  # levels of connector 1, all 0: an emergency stop, which is written
    daemon.listen(2.0)
    assert "durable storage slow" in daemon.log(), daemon.log()
    daemon.expect_hang_is_found("journal", 30.0, 7.0, began)


def closed_descriptors_are_taken_by_nobody(directory):
    """Who starts it without stdin, stdout and stderr would find lines of the log in the journal."""
    daemon = Daemon(directory, before=lambda: os.closerange(0, 3))
    where = [os.readlink(f"/proc/{daemon.process.pid}/fd/{number}") for number in range(3)]
    assert where == ["/dev/null"] * 3, where
    assert daemon.end() == 0


def rights_that_are_missing_are_told(directory):
    daemon = Daemon(directory, before=limit_rights)
    daemon.listen(0.5)
    log = daemon.log()
    assert "memory is not locked" in log and "no real-time priority" in log, log
    assert len(re.findall("memory is not locked", log)) == 1, "told more than once"
    assert daemon.feeds(), "it runs without"
    status = daemon.status()["realtime"]
    assert status["fifo"] is False and status["locked"] is False, status
    assert daemon.end() == 0


def start_with_full_log(directory, environment=None):
    """Its standard error is full, and nobody reads it. Returns the daemon and the reader."""
    os.mkfifo(directory + "/log")
    reader = os.open(directory + "/log", os.O_RDONLY | os.O_NONBLOCK)  # and never reads
    daemon = object.__new__(Daemon)
    daemon.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.notify.bind(directory + "/notify")
    daemon.notify.settimeout(0.05)
    daemon.told, daemon.directory = [], directory
    with open(directory + "/log", "wb", buffering=0) as log:
        os.set_blocking(log.fileno(), False)
        while log.write(b"x" * 4096) is not None:  # until it is full
            pass
        os.set_blocking(log.fileno(), True)
        daemon.process = subprocess.Popen(
            [HOLDFASTD, "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can",
             "--io", f"socket:{directory}/io", "--state", directory + "/state", "--http", "none", "--log-level", "trace"],
            stdin=subprocess.DEVNULL, stderr=log,
            env=dict(os.environ, NOTIFY_SOCKET=directory + "/notify", WATCHDOG_USEC="1000000", **(environment or {})))
    daemon.wait_told("READY=1", 5)
    return daemon, reader


def reader_that_hangs_does_not_stop_the_daemon(directory):
    daemon, reader = start_with_full_log(directory)
    daemon.listen(12.0)  # longer than main's deadline
    assert daemon.process.poll() is None, "a reader that hangs ended the charge point"
    assert len(daemon.feeds()) > 20
    assert daemon.end() == 0
    os.close(reader)


def hang_is_found_although_nobody_reads_of_it(directory):
    daemon, reader = start_with_full_log(directory, {"LD_PRELOAD": HANG, "HANG_THREAD": "control", "HANG_HOW": "sleep",
                                                     "HANG_FILE": directory + "/hang"})
    daemon.hang()
    daemon.listen(0.5 + 0.5 + SLACK_S)
    assert daemon.process.poll() == EXIT_SOFTWARE, "it waits for the reader of its last words"
    os.close(reader)


CASES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__code__", None) and value.__code__.co_argcount == 1 and
         value.__code__.co_varnames[0] == "directory"]  # a helper that takes more is no case
failed = []


def run(case):
    with tempfile.TemporaryDirectory(prefix="hf-") as directory:
        try:
            case(directory)
            print(f"ok   {case.__name__}")
        except Exception:  # pylint: disable=broad-except
            failed.append(case.__name__)
            print(f"FAIL {case.__name__}\n{traceback.format_exc()}")


threads = [threading.Thread(target=run, args=(case,)) for case in CASES if len(sys.argv) < 4 or case.__name__ in sys.argv[3:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{len(threads) - len(failed)} passed, {len(failed)} failed")
sys.exit(1 if failed or not threads else 0)
