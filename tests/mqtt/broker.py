# SPDX-License-Identifier: MIT
"""What the tests of the MQTT client need: a mosquitto of their own on a free port, a subscriber, the shipped holdfastd, and
brokers that are not what they seem."""
import json
import os
import queue
import socket
import subprocess
import threading
import time

LIMIT_S = 30
SHADOW_KB = 100 << 20  # more address space than that is a sanitizer's


started = []  # every process, for kill_all()


def start(command, **options):
    process = subprocess.Popen(command, **options)
    started.append(process)
    return process


def kill_all():
    """What a case that failed left behind."""
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.02)


def must(condition, what):
    assert condition, what
    print("ok", what, flush=True)


class Broker:
    """A mosquitto that keeps nothing over its end."""

    def __init__(self, directory, password=None):
        self.port = free_port()
        self.config = directory + "/mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence false"]
        if os.geteuid() == 0:
            lines.append("user root")  # else it may not read the files of this directory
        if password:
            secrets = directory + "/passwords"
            subprocess.run(["mosquitto_passwd", "-c", "-b", secrets, *password], check=True, capture_output=True)
            lines += ["allow_anonymous false", "password_file " + secrets]
        else:
            lines.append("allow_anonymous true")
        with open(self.config, "w", encoding="utf-8") as config:
            config.write("\n".join(lines) + "\n")
        self.log = open(directory + "/mosquitto.log", "a", encoding="utf-8")
        self.start()

    def start(self):
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = start(["mosquitto", "-c", self.config], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment)
        wait_until(self.answers, "the broker listens")

    def answers(self):
        assert self.process.poll() is None, "the broker does not run"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()

    def publish(self, topic, payload, *flags):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-m", payload, *flags],
                       check=True)


class Subscriber:
    """Everything that is published, as it comes: {"topic", "retain", "payload"}."""

    def __init__(self, port, *flags):
        self.process = start(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "#", "-F", "%j", *flags], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.messages = queue.Queue()
        self.last = {}  # topic -> message
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.messages.put(json.loads(line))

    def until(self, condition, what, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while True:
            try:
                message = self.messages.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not published within {limit_s} s: {what}; seen {sorted(self.last)}") from None
            self.last[message["topic"]] = message
            if condition(message):
                return message

    def payload(self, topic, payload, limit_s=LIMIT_S):
        return self.until(lambda m: m["topic"] == topic and m.get("payload") == payload, f"{topic} {payload}", limit_s)

    def quiet(self, seconds):
        """What still comes within so many seconds."""
        time.sleep(seconds)
        count = 0
        while not self.messages.empty():
            message = self.messages.get()
            self.last[message["topic"]] = message
            count += 1
        return count

    def stop(self):
        self.process.kill()
        self.process.wait()


class Daemon:
    def __init__(self, bin_folder, directory, *arguments, csms="ws://127.0.0.1:9/", environment=None):
        os.makedirs(directory, exist_ok=True)
        self.environment = dict(os.environ, **(environment or {}))
        self.directory = directory
        self.command = [os.path.join(bin_folder, "holdfastd"), "--id", "CP1", "--csms", csms, "--can",
                        f"virtual:{directory}/can", "--io", f"socket:{directory}/io", "--state", directory + "/state",
                        "--http", "none", *arguments]
        self.start()

    def start(self):
        self.stderr = open(self.directory + "/log", "w", encoding="utf-8")
        self.process = start(self.command, stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
                                        env=self.environment)

    def log(self):
        with open(self.directory + "/log", encoding="utf-8") as log:
            return log.read()

    def wait_log(self, text, limit_s=LIMIT_S):
        wait_until(lambda: text in self.log(), f"{text!r} in the log: {self.log()}", limit_s)

    def memory_kb(self):
        """Resident; 0 under a sanitizer, whose shadow grows as it likes: its own reports tell there."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            figures = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith("Vm")}
        return figures["VmRSS"] if figures["VmSize"] < SHADOW_KB else 0

    def end(self, limit_s=LIMIT_S):
        """The exit code, and how long it took."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(limit_s), time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()


CONNACK = bytes((0x20, 2, 0, 0))


class FakeBroker:
    """Accepts, reads the CONNECT, says `answer`, and then reads on or does not."""

    def __init__(self, answer=b"", reads=True):
        self.answer, self.reads = answer, reads
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4)
        self.port = self.listener.getsockname()[1]
        self.accepted = self.closed = 0
        self.links = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.links.append(link)
            threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link):
        try:
            link.recv(512)
            link.sendall(self.answer)
            while self.reads and link.recv(65536):
                pass
            if self.reads:
                self.closed += 1
        except OSError:
            self.closed += 1

    def stop(self):
        self.listener.close()
        for link in self.links:
            link.close()
