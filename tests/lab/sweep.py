# SPDX-License-Identifier: MIT
"""Memory is refused at every n-th take of S1, S2 and S4: the device never crashes, never restarts unasked, and the session that goes on
meanwhile is charged and billed. sweep.py BIN [--sample] [--jobs N]
On the shipped daemon every take of one round of each scenario, one a run: before readiness, from the very first take of the process on,
it may also end in order, with a message; that part is the same for all three, so it is played with the daemon alone, without a state
directory's content and with it. On the stepped device every take of an hour with ten sessions. Runs mostly wait, so several go at once. --sample: a few of each."""
import argparse
import concurrent.futures
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/lab/scenarios")
QUIET = 40  # as many takes in a row that never came are the end: threads make the last ones of a run a matter of chance
LIMIT_S = 120


def check(condition, said):
    if not condition:
        raise AssertionError(said)


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


def told_to_fail(report):
    """Whether the take that was asked for came, by the guard's report."""
    if not os.path.exists(report):
        return False
    with open(report, encoding="utf-8") as file:
        return json.loads(file.readlines()[-1])["told_to_fail"] == 1


class Sweep:
    def __init__(self, binaries, jobs, is_sample):
        self.bin, self.jobs, self.is_sample = binaries, jobs, is_sample
        self.places = queue.Queue()
        self.folder = None

    def lab(self, place, what, *words):
        done = subprocess.run([self.bin + "/holdfast", "lab", "run", what, *words, "--quiet", "--out", place + "/out"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        check(done.returncode == 0, f"{what} {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.splitlines()[-1].strip().removesuffix("/report.html")

    def stepped(self, place, number):
        run = self.lab(place, "s1", "--stepped", "--fail-take", str(number))
        with open(run + "/pools.jsonl", encoding="utf-8") as file:
            came = any(json.loads(line)["exh"] > 0 for line in file)
        shutil.rmtree(run)
        return came, "good"

    def after_ready(self, scenario):
        def one(place, number):
            run = self.lab(place, scenario, "--sim", "--no-health", "--heartbeat", "1", "--fail-take", str(number))
            came = told_to_fail(run + "/device/heap.json")
            shutil.rmtree(run)
            return came, "good"
        return one

    def first_start(self, place, number):
        shutil.rmtree(place + "/state")
        os.mkdir(place + "/state")
        return self.start(place, number)

    def start(self, place, number):
        """The daemon alone: it gets ready, or ends with a status and a sentence."""
        report = place + "/heap.json"
        if os.path.exists(report):
            os.remove(report)
        words = [self.bin + "/holdfastd", "--heap", "internal=320K,psram=8M", "--telemetry", "-", "--csms", "ws://127.0.0.1:9", "--id", "CP1",
                 "--can", f"virtual:{place}/can", "--io", f"socket:{place}/io", "--state", place + "/state", "--http", "127.0.0.1:0",
                 "--net", "none", "--profile", "m33-1024"]
        env = {**os.environ, "HOLDFAST_HEAP_FAIL_TAKE": str(number), "HOLDFAST_HEAP_REPORT": report}
        daemon = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        hang = threading.Timer(LIMIT_S, daemon.kill)
        hang.start()
        is_ready = any("Setup complete" in line for line in daemon.stdout)
        daemon.send_signal(signal.SIGTERM)
        said = daemon.communicate()[1]
        hang.cancel()
        check(daemon.returncode >= 0, f"take {number}: ended by signal {-daemon.returncode}\n{said}")
        in_order = daemon.returncode in range(64, 79) or daemon.returncode == 127  # 127: the loader's
        check(is_ready or (in_order and said), f"take {number}: status {daemon.returncode}, said: {said}")
        check(not is_ready or daemon.returncode == 0, f"take {number}: ready, then status {daemon.returncode}, said: {said}")
        return told_to_fail(report), "ready" if is_ready else f"status {daemon.returncode}"

    def every(self, what, one, least, numbers=None):
        """`one` for each number, several at once, until QUIET of them in a row never came; or for `numbers`. `least` of them have to come."""
        began, ends, last, issued = time.monotonic(), {}, 0, iter(numbers or range(1, 1 << 20))

        def play(number):
            place = self.places.get()
            try:
                return number, *one(place, number)
            finally:
                self.places.put(place)
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            waiting = {pool.submit(play, number) for _, number in zip(range(self.jobs), issued)}
            while waiting:
                done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                for each in done:
                    number, came, end = each.result()
                    ends[end if came else "never came"] = ends.get(end if came else "never came", 0) + 1
                    last = max(last, number) if came else last
                    following = next(issued, None)
                    if following is not None and (numbers or following <= last + QUIET):
                        waiting.add(pool.submit(play, following))
        refused = sum(ends.values()) - ends.get("never came", 0)
        check(refused >= least, f"{what}: {refused} takes were refused, at least {least} are known: {ends}")
        print(f"{what}: takes up to {last}, one a run: {ends}, {time.monotonic() - began:.0f} s", flush=True)

    def all(self):
        with tempfile.TemporaryDirectory() as self.folder:
            for i in range(self.jobs):
                place = f"{self.folder}/{i}"
                os.makedirs(place + "/state")
                self.places.put(place)
            few = self.is_sample
            self.every("stepped", self.stepped, *((2, [6, 39]) if few else (39,)))
            for what, one in (("a first start", self.first_start), ("a later start", self.start)):
                self.every(what, one, *((3, range(1, 4500, 1500)) if few else (3000,)))
            for name, least in (("s1_boot_idle", 1), ("s2_portal_load", 100), ("s4_config_apply", 300)):
                numbers = [1] if least == 1 else [3, 21]
                self.every(name, self.after_ready(one_round(self.folder, name)), *((len(numbers), numbers) if few else (least,)))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bin")
    options.add_argument("--sample", action="store_true")
    options.add_argument("--jobs", type=int, default=10)
    options = options.parse_args()
    try:
        Sweep(options.bin, options.jobs, options.sample).all()
    except AssertionError as error:
        sys.exit(f"FAILED: {error}")


if __name__ == "__main__":
    main()
