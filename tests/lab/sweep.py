# SPDX-License-Identifier: MIT
"""Memory is refused at every n-th take of S1, S2 and S4: the device never crashes, never restarts unasked, and the session that goes on
meanwhile is charged and billed. sweep.py BIN [--sample|--even]
On the shipped daemon every take after its readiness (of S4 the odd ones), in one round of each scenario; before it every 40th, where it may also end in
order, with a message. On the stepped device every take of an hour with ten sessions. --sample: a few of each. --even: the even ones of S4, alone."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

BIN = sys.argv[1]
SAMPLE, EVEN = "--sample" in sys.argv[2:], "--even" in sys.argv[2:]
SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/lab/scenarios")
BEFORE_STEP = 1500 if SAMPLE else 40


def check(condition, said):
    if not condition:
        sys.exit("FAILED: " + said)


def one_round(folder, name):
    """The scenario with each repeat played once, and without pauses."""
    def shorten(steps):
        for step in steps:
            if step["do"] == "repeat":
                step["times"] = 1
                shorten(step["steps"])
        steps[:] = [step for step in steps if step["do"] not in ("sleep", "pause")]
    with open(os.path.join(SCENARIOS, name + ".json"), encoding="utf-8") as file:
        scenario = json.load(file)
    shorten(scenario["steps"])
    scenario.pop("stepped", None)
    path = os.path.join(folder, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(scenario, file)
    return path


def run(folder, what, *words):
    done = subprocess.run([BIN + "/holdfast", "lab", "run", what, *words, "--quiet", "--out", folder + "/out"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"{what} {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()[-1].strip().removesuffix("/report.html")


def heap(directory):
    with open(directory + "/device/heap.json", encoding="utf-8") as file:
        return json.loads(file.readlines()[-1])


def after_ready(folder, name):
    path, number, came = one_round(folder, name), 1, True
    steps = [3, 21] if SAMPLE else range(2 if EVEN else 1, 100000, 2 if name.startswith("s4") else 1)
    began, refused = time.monotonic(), 0
    for number in steps:
        told = heap(run(folder, path, "--sim", "--no-health", "--heartbeat", "1", "--fail-take", str(number)))
        came = told["told_to_fail"] == 1
        refused += came
        if not came:
            break
    print(f"{name}: {refused} takes refused, one a run, the last asked for {number} ({'never came' if not came else 'came'}), "
          f"{time.monotonic() - began:.0f} s")
    return refused


def before_ready(folder):
    """The daemon alone, from its very first take: it gets ready, or ends with a status and a sentence."""
    state = folder + "/state"
    os.makedirs(state, exist_ok=True)
    ends, number, last = {}, 1, None
    while last != "ready without it":
        words = [BIN + "/holdfastd", "--heap", "internal=320K,psram=8M", "--telemetry", "-", "--csms", "ws://127.0.0.1:9", "--id", "CP1",
                 "--can", f"virtual:{folder}/can", "--io", f"socket:{folder}/io", "--state", state, "--http", "127.0.0.1:0", "--net", "none",
                 "--profile", "m33-1024"]
        report = folder + f"/heap{number}.json"
        env = {**os.environ, "HOLDFAST_HEAP_FAIL_TAKE": str(number), "HOLDFAST_HEAP_REPORT": report}
        daemon = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        is_ready = any("Setup complete" in line for line in daemon.stdout)
        daemon.send_signal(signal.SIGTERM)
        said = daemon.communicate(timeout=20)[1]
        check(daemon.returncode >= 0, f"take {number}: ended by signal {-daemon.returncode}\n{said}")
        in_order = daemon.returncode in range(64, 79) or daemon.returncode == 127  # 127: the loader's
        check(is_ready or (in_order and said), f"take {number}: status {daemon.returncode}, said: {said}")
        last = "ready" if is_ready else f"status {daemon.returncode}"
        if is_ready and not (os.path.exists(report) and json.loads(open(report, encoding="utf-8").readlines()[-1])["told_to_fail"]):
            last = "ready without it"
        ends[last] = ends.get(last, 0) + 1
        number += BEFORE_STEP
    print(f"before readiness, every {BEFORE_STEP}th take to {number - BEFORE_STEP}: {ends}")


def stepped(folder):
    steps = [6, 39] if SAMPLE else range(1, 41)
    for number in steps:
        run(folder, "s1", "--stepped", "--fail-take", str(number))
    print(f"stepped: takes {steps[0]} to {steps[-1]}")


with tempfile.TemporaryDirectory() as folder:
    if not EVEN:
        stepped(folder)
        before_ready(folder)
    for name in ("s4_config_apply",) if EVEN else ("s1_boot_idle", "s2_portal_load", "s4_config_apply"):
        after_ready(folder, name)
