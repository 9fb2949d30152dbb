# SPDX-License-Identifier: MIT
"""What the lab says of a foreign firmware with one defect, and of the same firmware without: every defect is found, named and
placed by tag, and 20 clean soaks raise no alarm. Some over a pty as a device on a serial line, all from saved logs.
Usage: planted.py BIN
"""
import json
import os
import subprocess
import sys
import tempfile
import time

BIN = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
LAB, PLANTED = os.path.join(BIN, "holdfast-lab"), os.path.join(BIN, "planted")
LIMIT_S = 60
PASS, FINDING = 0, 1
CLEAN_SOAKS = 20

# Defect: gates that must be among the findings, and words that one finding must hold all of, where they are placed.
EXPECTED = {
    "leak": ({"leak"}, ("tag tx_",)),
    "fragmentation": ({"fragmentation"}, (" at ",)),
    "stack-overflow": ({"panic", "reset", "stack"}, ("net", "tx_start")),
    "late-task": ({"late"}, ("net", "tx_start")),
    "lock-hold": ({"lock"}, ("config", "ui", "net")),
    "double-free": ({"panic", "reset"}, ("double_free", "tx_start")),
}


def find_summary(folder):
    for where, _, names in os.walk(folder):
        if "summary.json" in names:
            with open(os.path.join(where, "summary.json"), encoding="utf-8") as text:
                return json.load(text)
    raise AssertionError(f"no summary.json in {folder}")


def replay(directory, plant, seed, sessions=200):
    """The firmware's words in a file, and what the lab makes of them."""
    name = f"{plant}_{seed}"
    log = os.path.join(directory, name + ".log")
    with open(log, "wb") as out:
        subprocess.run([PLANTED, "--plant", plant, "--seed", str(seed), "--sessions", str(sessions)], stdout=out, check=True)
    done = subprocess.run([LAB, "replay", log, "--out", os.path.join(directory, name)], capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)
    return done, find_summary(os.path.join(directory, name))


def run_on_line(directory, plant):
    """The same over a pty, as a device on a serial line."""
    link = os.path.join(directory, "tty_" + plant)
    out = os.path.join(directory, "run_" + plant)
    device = subprocess.Popen([PLANTED, "--port", link, "--plant", plant])
    try:
        end = time.monotonic() + LIMIT_S
        while not os.path.islink(link):
            assert time.monotonic() < end and device.poll() is None, "no line"
            time.sleep(0.01)
        done = subprocess.run([LAB, "run", os.path.join(HERE, "soak.json"), "--port", link, "--no-reboot", "--no-health",
                               "--no-pages", "--non-interactive", "--quiet", "--out", out],
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert device.wait(LIMIT_S) == 0, "the firmware sees that nobody listens any more"
    finally:
        device.kill()
        device.wait()
    return done, find_summary(out)


def judge(plant, done, summary, how):
    findings = summary["findings"]
    gates = {finding["gate"] for finding in findings}
    told = f"{plant} {how}: exit {done.returncode}, findings {findings}, {done.stderr[-500:]}"
    if plant == "none":
        assert done.returncode == PASS and not findings, told
        return
    wanted, words = EXPECTED[plant]
    assert done.returncode == FINDING, told
    assert gates == wanted, told  # and nothing else is blamed
    assert not words or any(all(word in finding["text"] for word in words) for finding in findings
                            if finding["gate"] in wanted), f"not placed by {words}: {told}"
    print(f"ok {plant} {how}: " + "; ".join(finding["text"] for finding in findings), flush=True)


def main():
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        for plant in EXPECTED:
            judge(plant, *replay(directory, plant, 1), "from a log")
        for seed in (2, 3):  # a leak is no matter of luck
            judge("leak", *replay(directory, "leak", seed), f"with seed {seed}")
        for seed in range(1, CLEAN_SOAKS + 1):
            judge("none", *replay(directory, "none", seed), f"with seed {seed}")
        print(f"ok {CLEAN_SOAKS} clean soaks raise no alarm", flush=True)
        for plant in ("none", "leak", "stack-overflow"):
            judge(plant, *run_on_line(directory, plant), "on a serial line")
    print(f"planted: all good, {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
