#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Power cuts for real: a guest in user-mode Linux, with the journal on an ext4 of its own, is killed at random moments of its sessions,
as a mains failure ends a computer: what the guest's kernel had not written is gone. Then everything is delivered, and judged: each session
that was recorded has exactly one start and one stop, whatever was resent is the same, the register never went back, ext4 is clean.
Usage: power_cut.py PROGRAMS SHIM [--cuts N] [--seed S]; exit 77, loudly, where no guest can be had."""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DISK_MB = 64
BOOT_S = 30
SESSION_S = 3.5
DELIVER_S = 12


def skip(why):
    print(f"SKIP: power cuts cannot be tested here: {why}", file=sys.stderr)
    sys.exit(77)


class Guest:
    """One life of the guest."""

    def __init__(self, folder, programs, shim, number, mode):
        self.base = os.path.join(folder, str(number))
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        settings = {"POWER_PROGRAMS": programs, "POWER_FOLDER": folder, "POWER_ROUND": number, "POWER_MODE": mode,
                    "POWER_SECONDS": DELIVER_S}
        words = ["linux.uml", "mem=192M", "rootfstype=hostfs", "rootflags=/", "rw", f"init={HERE}/guest.sh",
                 f"ubd0={folder}/disk", "con=null", "con0=fd:0,fd:1", "quiet"]
        words += [f"{name}={value}" for name, value in settings.items()]
        with open(self.base + ".console", "wb") as console:
            self.process = subprocess.Popen(words, env={**os.environ, "LD_PRELOAD": shim, "TMPDIR": memory}, stdin=subprocess.DEVNULL,
                                            stdout=console, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_for(self, name, limit_s):
        """True when the guest has written the file."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end and self.process.poll() is None:
            if os.path.exists(f"{self.base}.{name}"):
                return True
            time.sleep(0.02)
        return os.path.exists(f"{self.base}.{name}")

    def cut(self):
        """Kills all of it at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def told(self, name):
        try:
            with open(f"{self.base}.{name}", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


def read_events(text):
    """The lines a cut left whole."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            pass


class Bill:
    """What central systems got over all rounds, by message id."""

    def __init__(self):
        self.first = {}
        self.resends = 0
        self.faults = []
        self.given = {}  # transactionId that a start was answered with, by central system

    def take(self, number, events):
        """The events of one round, whose central system knows nothing of the others."""
        for event in events:
            if event.get("event") not in ("start", "stop"):
                if event.get("event") == "invalid":
                    self.faults.append(f"round {number}: invalid: {event}")
                continue
            kept = {name: event.get(name) for name in ("event", "connector", "meter_Wh", "idTag", "reason")}
            if kept["event"] == "stop":
                del kept["connector"]  # the central system's guess, by its own transaction ids
            before = self.first.setdefault(event["id"], kept)
            if before is not kept:
                self.resends += 1
                if before != kept:
                    self.faults.append(f"round {number}: {event['id']} came again as {kept}, first {before}")

    def entries(self, kind):
        return [entry for entry in self.first.values() if entry["event"] == kind]


def judge(bill, recorded, rounds):
    """What is wrong, as texts."""
    faults = list(bill.faults)
    starts, stops = bill.entries("start"), bill.entries("stop")
    tags = [entry["idTag"] for entry in starts]
    faults += [f"tag {tag} started {tags.count(tag)} times" for tag in sorted(set(tags)) if tags.count(tag) != 1]
    if len(starts) != len(stops):
        faults.append(f"{len(starts)} starts, {len(stops)} stops")
    faults += [f"recorded session {tag} was never billed" for tag in recorded if not any(billed.endswith(tag) for billed in tags)]
    order = [entry for entry in bill.first.values()]
    register_Wh = 0
    for i, entry in enumerate(order):
        expected = "start" if i % 2 == 0 else "stop"
        if entry["event"] != expected:
            faults.append(f"message {i} is a {entry['event']}, expected a {expected}")
            break
        if entry["meter_Wh"] < register_Wh:
            faults.append(f"the register went back: {entry}")
        register_Wh = entry["meter_Wh"]
    reasons = {entry["reason"] for entry in stops}
    if rounds >= 10 and not {"Local", "PowerLoss"} <= reasons:
        faults.append(f"only the reasons {sorted(reasons)}: the cuts missed the sessions")
    return faults


def recorded_tags(log):
    """Ends of the tags of the sessions whose start was durable, from the daemon's log."""
    tag = None
    for line in log.splitlines():
        asked = re.search(r"session \d+: connector 1, tag \.\.(\S+?)(?:,|$)", line)
        tag = asked.group(1) if asked else tag
        if "start recorded" in line and tag:
            yield tag


def prepare(folder):
    for program in ("linux.uml", "mkfs.ext4", "e2fsck"):
        if shutil.which(program) is None and not os.path.exists("/usr/sbin/" + program):
            skip(f"{program} is not installed")
    if not os.path.exists("/bin/busybox"):
        skip("busybox-static is not installed")
    disk = os.path.join(folder, "disk")
    with open(disk, "wb") as file:
        file.truncate(DISK_MB << 20)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", disk], check=True)


def check_disk(folder):
    """Replays ext4's own journal, then looks: True when nothing is left to mend."""
    disk = os.path.join(folder, "disk")
    subprocess.run(["/usr/sbin/e2fsck", "-p", disk], stdout=subprocess.DEVNULL, check=False)
    return subprocess.run(["/usr/sbin/e2fsck", "-f", "-n", disk], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def run(folder, options):
    chance = random.Random(options.seed)
    bill, recorded, cuts = Bill(), [], 0
    prepare(folder)
    for number in range(1, options.cuts + 1):
        mode = "offline" if number % 4 == 3 else "online"
        guest = Guest(folder, options.programs, options.shim, number, mode)
        try:
            if not guest.wait_for("ready", BOOT_S):
                if number == 1:
                    skip("the guest does not boot: " + guest.told("console")[-300:] + guest.told("guest")[-300:])
                return [f"round {number}: the guest does not boot: {guest.told('guest')[-500:]}"], bill
            time.sleep(chance.uniform(0.8, 2.2 * SESSION_S))
        finally:
            guest.cut()
        cuts += 1
        tags = list(recorded_tags(guest.told("log")))
        recorded += tags
        bill.take(number, read_events(guest.told("events")))
        print(f"cut {number}, {mode}: {len(tags)} sessions recorded, {len(bill.entries('start'))} starts and "
              f"{len(bill.entries('stop'))} stops so far, {bill.resends} resends", flush=True)
    guest = Guest(folder, options.programs, options.shim, options.cuts + 1, "deliver")
    try:
        ended = guest.wait_for("ended", BOOT_S + DELIVER_S)
        guest.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        ended = False
    finally:
        guest.cut()
    bill.take(options.cuts + 1, read_events(guest.told("events")))
    faults = judge(bill, recorded, options.cuts)
    if not ended or guest.told("ended").strip() != "ended 0":
        faults.append("the last life did not end in good order: " + guest.told("log")[-400:])
    if not check_disk(folder):
        faults.append("ext4 is not clean")
    print(f"{cuts} cuts, {len(recorded)} sessions known to be recorded, {len(bill.entries('start'))} billed, {bill.resends} messages resent, "
          f"reasons {sorted({str(e['reason']) for e in bill.entries('stop')})}")
    return faults, bill


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("shim")
    parser.add_argument("--cuts", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave what the rounds told")
    options = parser.parse_args()
    options.programs = os.path.abspath(options.programs)
    folder = tempfile.mkdtemp(prefix="power.", dir="/var/tmp")
    try:
        faults, bill = run(folder, options)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
        else:
            print(folder)
    for fault in faults:
        print("FAIL:", fault)
    if not bill.entries("stop") and not faults:
        faults = ["nothing was billed"]
        print("FAIL: nothing was billed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
