#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""holdfastd within a device's memory: a whole session with the status page under it, a restart, and what it says when it cannot.

Usage: session.py BIN [BUDGET]. With BUDGET only the session, and its report on stdout. Under a sanitizer, where no budget
is kept, that much is checked.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BIN = sys.argv[1]
BUDGET = sys.argv[2] if len(sys.argv) > 2 else "internal=320K,psram=8M"
LIMIT_S = 30
PAGES = 20
PATHS = ("/", "/network.html", "/firmware.html", "/api/health", "/api/health/history", "/api/config", "/api/info", "/api/mode")


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


def must(condition, what):
    assert condition, what
    print("ok", what)


def options(directory, port, http):
    return ["--id", "CP1", "--csms", f"ws://127.0.0.1:{port}/", "--can", f"virtual:{directory}/can", "--io",
            f"socket:{directory}/io", "--state", directory + "/state", "--http", http]


def http_port(log):
    """The page's address as the daemon logs it; port 0 was asked for."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        with open(log, encoding="utf-8") as text:
            found = re.findall(r"http://127.0.0.1:(\d+)/", text.read())
        if len(found) == 2:  # the second start's
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError("no address of the status page in the log")


def get_pages(port, count):
    """In parallel, as a browser does; returns how many came whole."""
    good = []

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LIMIT_S) as answer:
            body = answer.read()
            if answer.status == 200 and len(body) > 10:
                good.append(len(body))

    threads = [threading.Thread(target=get, args=(PATHS[i % len(PATHS)],)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(good)


def check_usage(directory):
    command = [os.path.join(BIN, "holdfastd"), *options(directory, 1, "none")]
    for budget, word in (("internal", "NAME=SIZE"), ("internal=320", "4K to 256M"), ("internal=9G", "size"),
                         ("internal=64K,internal=64K", "twice"), ("=4K", "NAME=SIZE"),
                         ("psram=8M", "internal=SIZE is missing"), ("psram=8M,own=64K", "internal=SIZE is missing"), (",", "NAME=SIZE")):
        done = subprocess.run([*command, "--heap", budget], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        must(done.returncode == 64 and word in done.stderr and done.stderr.count("\n") == 1, f"--heap {budget}: {done.stderr.strip()}")
    config = os.path.join(directory, "config")
    with open(config, "w", encoding="utf-8") as out:
        out.write("heap = internal=320K,psram=8M\n")
    done = subprocess.run([*command, "--config", config, "--check"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    must(done.returncode == 0, "a configuration file may say it too")


def check_missing_library(directory):
    """A copy of the program without the library beside it says so, and does not go round."""
    alone = os.path.join(directory, "alone")
    os.mkdir(alone)
    shutil.copy(os.path.join(BIN, "holdfastd"), alone)
    command = [os.path.join(alone, "holdfastd"), *options(directory, 1, "none"), "--heap", BUDGET]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    must(done.returncode == 69 and "neither beside this program" in done.stderr, "without the library it says so")
    with open(os.path.join(alone, "libholdfast-malloc.so"), "w", encoding="utf-8") as out:
        out.write("no library")
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    must(done.returncode == 71 and "did not take" in done.stderr, "a library that does not load is tried once")


def session(csms, sim, log):
    must(get_pages(http_port(log), PAGES) == PAGES, f"{PAGES} pages at once come whole")
    sim.tell("plug 1")
    csms.event("status", connector=1, status="Preparing")
    csms.tell("remote-start CP1 1 TAG")
    start = csms.event("start")
    must(get_pages(http_port(log), PAGES) == PAGES, f"and {PAGES} while it charges")
    sim.tell("expect contactor closed within 15000")
    sim.tell("expect energy > 5 within 20000")
    sim.tell("say energy")
    sim.event("say")
    csms.tell("remote-stop CP1")
    csms.event("stop", transactionId=start["transactionId"])
    print("ok a session with energy")


def end(daemon, report):
    daemon.send_signal(signal.SIGTERM)
    must(daemon.wait(LIMIT_S) == 0, "the daemon ends in good order")
    with open(report, encoding="utf-8") as lines:
        return json.loads(lines.readlines()[-1])


def judge(told):
    by_name = {region["name"]: region for region in told["regions"]}
    for region in told["regions"]:
        print(f"   {region['name']}: peak {region['peak']} of {region['size']}, fragmentation {region['fragmentation_max_percent']} % at most")
        users = sum(library["used"][region["name"]] for library in told["libraries"])
        must(users + region["reserved"] <= region["used"] and region["used"] - users < 64 + region["reserved"] * 1.1,
             f"the libraries' use of {region['name']} is what is used")
    for library in sorted(told["libraries"], key=lambda each: -each["peak"])[:8]:
        print(f"   {library['name']}: peak {library['peak']}, {library['takes']} takes")
    must(told["refused"] == 0, "nothing was refused")
    must(told["double_gives"] + told["foreign"] + told["corrupt"] + told["nested"] == 0, "no wrong give")
    must(by_name["internal"]["peak"] < by_name["internal"]["size"], "it lives within the internal memory")
    http = [library for library in told["libraries"] if library["name"].startswith("libmicrohttpd")]
    must(http and http[0]["used"]["internal"] == 0 and http[0]["peak"] > 0, "HTTP takes from PSRAM alone")
    must("do not predict an MCU" in told["note"] and told["stacks"]["count"] >= 1, "stacks are told apart, and what figures mean")


def start_broker(directory, started):
    """Options of the daemon for a broker of its own; none where there is no mosquitto, or no client in the daemon."""
    told = subprocess.run([os.path.join(BIN, "holdfastd"), "--help"], capture_output=True, text=True, check=True).stdout
    if "--mqtt " not in told or shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin") is None:
        return []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = directory + "/mosquitto.conf"
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    started.append(subprocess.Popen(["mosquitto", "-c", config], stderr=subprocess.DEVNULL,
                                    env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")))
    return ["--mqtt", f"mqtt://127.0.0.1:{port}"]


def check_telemetry(path, told):
    """The lines on memory are those of the budget."""
    with open(path, encoding="utf-8") as lines:
        mem = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in lines if line.startswith("[Mem]") and " hin=" in line]
    must(mem, "there are lines on memory")
    size = {region["name"]: region["size"] for region in told["regions"]}
    must(all(0 < int(each["hin"]) <= int(each["hi"]) <= size["internal"] and int(each["pm"]) <= int(each["pf"]) <= size["psram"] for each in mem),
         f"{len(mem)} lines on memory, of the budget: the last {mem[-1]}")


def play(directory, started):
    csms = Program("csms", "--port", "0")
    started.append(csms.process)
    port = csms.event("listening")["port"]
    sim = Program("sim", "--can", f"{directory}/can", "--io", f"{directory}/io")
    started.append(sim.process)
    sim.event("ready")
    report, telemetry = directory + "/report.json", directory + "/telemetry"
    told = subprocess.run([os.path.join(BIN, "holdfastd"), "--help"], capture_output=True, text=True, check=True).stdout
    has_telemetry = "--telemetry " in told
    with open(telemetry, "w", encoding="utf-8"):
        pass
    with open(directory + "/log", "w", encoding="utf-8") as log:
        daemon = subprocess.Popen([os.path.join(BIN, "holdfastd"), *options(directory, port, "127.0.0.1:0"), "--heap", BUDGET,
                                   *start_broker(directory, started), *(["--telemetry", telemetry, "--heartbeat", "2"] if has_telemetry else [])],
                                  stdin=subprocess.DEVNULL, stderr=log, env=dict(os.environ, HOLDFAST_HEAP_REPORT=report))
    started.append(daemon)
    csms.event("boot")
    with open(f"/proc/{daemon.pid}/environ", encoding="utf-8") as environment:
        must("libholdfast-malloc.so" in environment.read(), "under the preload, the same process")
    csms.tell("reset CP1 Soft")
    csms.event("boot")
    print("ok it comes back after a reset")
    session(csms, sim, directory + "/log")
    with open(directory + "/log", encoding="utf-8") as log:
        text = log.read()
    if "NO BUDGET IS KEPT" in text:
        must(text.count("NO BUDGET IS KEPT") <= 4, "under a sanitizer it says so, and goes on")
        daemon.send_signal(signal.SIGTERM)
        must(daemon.wait(LIMIT_S) == 0, "the daemon ends in good order")
        return
    figures = end(daemon, report)
    judge(figures)
    if has_telemetry:
        check_telemetry(telemetry, figures)


def main():
    signal.alarm(150)  # an event that never comes
    started = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            if len(sys.argv) < 3:
                check_usage(directory)
                check_missing_library(directory)
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
    print("heap session: all good")


if __name__ == "__main__":
    main()
