# SPDX-License-Identifier: MIT
"""holdfast lab run, as a user calls it. run.py BIN CASE [LIBRARY]
CASE: first (S1 and S2 on the shipped daemon), tripwire (S4 in 250 KiB), can, contention, planted (a lock held for 60 ms; LIBRARY),
soak (S12, four hours), exits (a scripted port: what each exit status is for), edges (what is easily passed over: crashes before it is
ready, programs that are not there, what was said before, a soak that is taken up)."""
import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
import xml.etree.ElementTree as xml

BIN, CASE = sys.argv[1], sys.argv[2]
READY = ["rst:0x1 (Power On)", "[System Boot] Starting...", "  Firmware: v9", "[Main] Setup complete", "[WiFi] Got IP: 127.0.0.1"]
MEM = "[Mem] hb hf={0} hm={0} hl={0} hi={0} hin={0} frag=5 pf=8000000 pm=8000000 pl=8000000 (0ms)"


def check(condition, said):
    if not condition:
        sys.exit("FAILED: " + said)


def lab(out, *words, status=0, env=None):
    begun = time.monotonic()
    done = subprocess.run([BIN + "/holdfast", "lab", "run", *words, "--out", out], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=200, env={**os.environ, **(env or {})})
    done.seconds = time.monotonic() - begun
    check(done.returncode == status, f"{' '.join(words)}: exit status {done.returncode}, expected {status}\n{done.stdout}{done.stderr}")
    return done


def runs(out, key):
    return sorted(os.path.join(out, name) for name in os.listdir(out) if name.endswith(key))


def rows(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def summary(folder):
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        return json.load(file)


def serial(folder):
    with open(os.path.join(folder, "serial.log"), encoding="utf-8", errors="replace") as file:
        return file.read()


def first(out):
    junit = os.path.join(out, "junit.xml")
    done = lab(out, "s1", "s2", "--sim", "--heartbeat", "1", "--junit", junit)
    check(done.seconds < 60, f"it took {done.seconds:.1f} s")
    for key in ("s1_boot_idle", "s2_portal_load"):
        folder = runs(out, key)[0]
        for name in ("serial.log", "events.jsonl", "mem.jsonl", "tasks.jsonl", "pools.jsonl", "health.jsonl", "summary.json", "summary.md",
                     "report.html"):
            check(os.path.getsize(os.path.join(folder, name)) > 0, f"{key}: {name} is empty")
        least = min(row["hin"] for row in rows(folder, "mem.jsonl"))
        check(summary(folder)["derived"]["hin_min"] == least, f"{key}: hin_min")
        headers = rows(folder, "health.jsonl")[0]["headers"]
        check(headers.get("Content-Type") == "application/json", f"{key}: headers {headers}")
    suites = xml.parse(junit).getroot().findall("testsuite")
    names = [case.get("classname") + "." + case.get("name") for suite in suites for case in suite.findall("testcase")]
    check(len(suites) == 2 and len(names) == len(set(names)) > 20, "a case of JUnit is missing, or there twice")
    check(not [case for suite in suites for case in suite.iter() if case.tag in ("failure", "error")], "JUnit knows of a failure")
    print(f"S1 and S2 in {done.seconds:.1f} s")


def tripwire(out):
    lab(out, "s4", "--sim", "--heartbeat", "1", "--no-health", "--heap", "internal=250K", "--tripwire", "30720", "--gate", "hin_min=off",
        "--gate", "frag=off")
    folder = runs(out, "s4_config_apply")[0]
    trip = summary(folder)["derived"]["tripwire"]
    check(trip["fired"] and trip["threshold"] == 30720 and trip["hin"] < 30720, f"{trip}")
    check(trip["tag"].startswith("http_config_post_"), f"it names {trip['tag']}")
    stacks = [row["stack_rem"] for row in trip["worst_stacks"]]
    check(len(stacks) >= 4 and stacks == sorted(stacks), f"the worst stacks: {stacks}")
    text = serial(folder)
    check(text.count("[System Boot]") == 1, "it restarted")
    check("[Mem] hb" in text[text.index("TRIPWIRE"):], "no heartbeat after the trip")
    before = text[:text.index("TRIPWIRE")]
    check("http_config_post_begin" in before, "it fired before S4 had begun")
    print(f"{trip['tag']}: {trip['hin']} B < 30720 B, worst stack {stacks[0]} B")


def can(out):
    lab(out, "s7", "--sim")
    notes = [row["note"] for row in rows(runs(out, "s7_can_load")[0], "events.jsonl") if row["type"] == "note"]
    check(any(note.startswith("CAN load: 8000 of 8000") for note in notes), f"{notes}")


def contention(out):
    lab(out, "s11", "--sim")
    check("[Lock]" not in serial(runs(out, "s11_contention")[0]), "a lock timed out")


def planted(out):
    done = lab(out, "s11", "--sim", "--preload", sys.argv[3], status=1, env={"PLANT_THREAD": "comms"})
    found = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and ": " in line]
    locks = [line for line in found if line.startswith("lock:")]
    check(len(locks) == 1 and "history" in locks[0] and "held by comms" in locks[0] and "while main waited" in locks[0], f"{found}")
    pairs = {line.split(" held_ms")[0] for line in serial(runs(out, "s11_contention")[0]).splitlines() if line.startswith("[Lock]")}
    check(pairs == {"[Lock] name=history holder=comms waiter=main"}, f"{pairs}")
    print(locks[0])


def soak(out):
    done = lab(out, "s12", "--stepped", "--hours", "4")
    folder = runs(out, "s12_soak")[0]
    check(serial(folder).count("[System Boot]") >= 2, "it never restarted")
    steps = {step["id"]: step for step in summary(folder)["steps"]}
    for hours in ("1", "2", "3"):
        lab(out, "s12", "--stepped", "--quiet", "--hours", hours)
    check("worst" in done.stderr, "how still the heap stood is not told")
    check(steps["heap_stable"]["result"] == "passed", f"{steps}")


# ---- a port that a script speaks through ----

class Port:
    """Speaks once somebody has opened it, however late that is."""
    def __init__(self, script):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        self.ends = threading.Event()
        threading.Thread(target=self.play, args=(script,), daemon=True).start()

    def say(self, line):
        os.write(self.master, (line + "\r\n").encode())

    def play(self, script):
        closed = select.poll()
        closed.register(self.master, 0)
        while closed.poll(0):  # nobody has it open
            if self.ends.wait(0.02):
                return
        for item in script:
            if self.ends.wait(item) if isinstance(item, (int, float)) else self.say(item):
                return

    def close(self):
        self.ends.set()


def with_port(script, *args, **keywords):
    port = Port(script)
    try:
        return lab(*args, "--port", port.path, **keywords)
    finally:
        port.close()


def scenario(out, name, steps):
    path = os.path.join(out, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": 1, "key": name, "title": name, "steps": steps}, file)
    return path


def beats(free, count):
    return [item for _ in range(count) for item in (0.2, MEM.format(free), "[Task] name=main prio=1 core=0 stack_rem=4000B (0ms)")]


def interrupted(out):
    """What was planned and not come to stands in JUnit all the same, each case once."""
    junit = os.path.join(out, "junit.xml")
    process = subprocess.Popen([BIN + "/holdfast", "lab", "run", "s1", "s2", "--repeat", "2", "--sim", "--quiet", "--out", out, "--junit", junit],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    check(process.wait(30) == 130, f"exit status {process.returncode}, expected 130")
    suites = xml.parse(junit).getroot().findall("testsuite")
    check([suite.get("name") for suite in suites] == ["s1_boot_idle", "s1_boot_idle.2", "s2_portal_load", "s2_portal_load.2"], f"{suites}")
    names = [case.get("classname") + "." + case.get("name") for suite in suites for case in suite.findall("testcase")]
    check(len(names) == len(set(names)) and len(names) > 40, f"{names}")
    for suite in suites[1:]:
        check(not [case for case in suite.findall("testcase") if case.find("error") is None], f"{suite.get('name')} has a case that passed")
    check(len(runs(out, "_s1_boot_idle")) == 1 and not runs(out, "_s2_portal_load"), "a run that was not played left a directory")


def pauses(out):
    """Each point that was asked for holds the run until Enter; the device's lines are read on meanwhile."""
    master, slave = pty.openpty()
    port = Port([1.0, *READY, *beats(250000, 50)])
    process = subprocess.Popen([BIN + "/holdfast", "lab", "run", scenario(out, "pausing", [{"do": "wait_tag", "tag": "hb", "limit_s": 5}]),
                                "--pause", "serial_connected,after_reboot", "--timeout", "5", "--no-health", "--out", out, "--port", port.path,
                                "--gate", "stack=off"], stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    points, told = [], ""
    for line in process.stderr:
        told += line
        if "paused at " in line:
            points.append(line.split("paused at ")[1].split(":")[0])
            check(process.poll() is None, "it did not wait")
            os.write(master, b"\n")
    port.close()
    check(process.wait(30) == 0, f"exit status {process.returncode}\n{told}")
    check(points == ["serial_connected", "after_reboot"], f"{points}")


def refused(out):
    """What the shipped daemon does not take is the caller's mistake, not a crash of it."""
    for words in (("--heap", "internal=xx"), ("--heap", "internal=1")):
        done = lab(out, "s1", "--sim", "--quiet", "--repeat", "3", *words, status=2)
        check(done.stdout == "" and done.stderr.count("\n") == 1 and "heap" in done.stderr, f"{words}: {done.stdout}{done.stderr}")
    check(len(os.listdir(out)) == 2, "it was tried again")


def flooded(out):
    """A device that says too much ends the run; so does a disk that takes no more. Neither is a finding about memory."""
    steps = scenario(out, "flood", [{"do": "wait_tag", "tag": "never", "limit_s": 20}])
    words = ["--non-interactive", "--no-reboot", "--gate", "stack=off"]
    done = with_port([0.6, *READY, *beats(250000, 1), *["x" * 900] * 400], out, steps, *words, "--log-limit", "64K", status=4)
    check("--log-limit" in done.stderr and "INCONCLUSIVE" in done.stdout and done.seconds < 15, f"{done.seconds}: {done.stdout}{done.stderr}")
    check(os.path.getsize(os.path.join(runs(out, "_flood")[0], "serial.log")) == 65536, "serial.log is not as large as it may be")
    lab(out, steps, "--port", "/dev/null", "--log-limit", "0", status=2)


def full_disk(out):
    """Artifacts that cannot be written are no pass; serial.log that cannot be written ends the run."""
    disk = os.path.join(out, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], stderr=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED full_disk: this system lets nobody mount a small disk here (root is needed)")
        return
    try:
        steps = scenario(out, "full", [{"do": "wait_tag", "tag": "hb", "limit_s": 5}])
        words = ["--non-interactive", "--no-reboot", "--gate", "stack=off"]
        with open(os.path.join(disk, "filler"), "wb") as file:
            file.write(bytes(96 * 1024))
        done = with_port([0.6, *READY, *beats(250000, 20)], disk, steps, *words, status=3)
        check("NOT SAVED" in done.stdout and "pass" not in done.stdout and "report.html" not in done.stdout, done.stdout)
        check("No space left" in done.stderr, done.stderr)
        steps = scenario(out, "flood", [{"do": "wait_tag", "tag": "never", "limit_s": 20}])
        done = with_port([0.6, *READY, *beats(250000, 1), *["x" * 900] * 400], disk, steps, *words, status=3)
        check("serial.log cannot be written: No space left" in done.stderr and done.seconds < 15, f"{done.seconds}: {done.stderr}")
    finally:
        subprocess.run(["umount", disk], check=True)


def replayed(out):
    """The command that is printed is one that a shell takes, from any directory."""
    path = os.path.relpath(os.path.join(out, "it's.json"))
    os.rename(scenario(out, "its", [{"do": "wait_tag", "tag": "hb", "limit_s": 1}]), path)
    done = with_port([0.6, *READY, 60], out, path, "--non-interactive", "--pause", "it's $HOME", status=1)
    again = shlex.split(done.stdout.split("replay: ")[1].splitlines()[0])
    check(again[:4] == ["holdfast", "lab", "run", os.path.realpath(path)], f"{again}")
    check(again[again.index("--pause") + 1] == "it's $HOME", f"{again}")


def exits(out):
    pauses(out)
    replayed(out)
    full_disk(out)
    flooded(out)
    refused(os.path.join(out, "refused"))
    interrupted(os.path.join(out, "interrupted"))
    heartbeat = scenario(out, "beat", [{"do": "wait_tag", "tag": "hb", "limit_s": 5}])
    quick = ["--non-interactive", "--timeout", "2"]
    # Ready comes before the address, both soon after the restart: neither wait may pass over the other's line.
    with_port([0.6, *READY, *beats(250000, 20)], out, heartbeat, *quick)
    # The heartbeat was there before the step began: it counts for nothing.
    done = with_port([0.6, *READY, MEM.format(250000), 60], out, heartbeat, *quick, status=1)
    check("no snapshot 'hb' within 5 s" in done.stdout and "replay: holdfast lab run" in done.stdout, done.stdout)
    done = with_port([60], out, heartbeat, *quick, status=3)
    check("says nothing at all" in done.stderr, done.stderr)
    with_port([0.6, "rst:0x1 (Power On)", "[System Boot] Starting...", "[WiFi] Got IP: 127.0.0.1", 60], out, heartbeat, *quick, status=4)
    done = with_port([0.6, *READY, *beats(250000, 2), *READY, *beats(250000, 20)], out,
                     scenario(out, "two", [{"do": "sleep", "seconds": 1.5}, {"do": "wait_tag", "tag": "hb", "limit_s": 5}]), *quick, status=1)
    check("reset" in done.stdout, "a restart in the middle is no finding")
    done = with_port([0.6, *READY, *beats(50000, 20)], out, heartbeat, *quick, status=1)
    check("hin_min" in done.stdout, done.stdout)
    done = lab(out, "s1", "--port", "/nowhere/tty", status=3)
    check("holdfast lab: /nowhere/tty: " in done.stderr, done.stderr)  # also what watch says
    lab(out, "s1", "--port", "tcp:127.0.0.1:9", status=3)
    lab(out, heartbeat, "--port", "/nowhere/tty", "--junit", os.path.join(out, "no", "junit.xml"), status=3)
    done = with_port([0.6, *READY, *beats(250000, 20)], out, heartbeat, *quick, "--junit", os.path.join(out, "no", "junit.xml"), status=3)
    check("cannot be written" in done.stderr, done.stderr)
    for words in (("s7", "--port", "/dev/null"), ("s99", "--sim"), ("s12", "--sim"), ("s2", "--stepped"), ("s1", "--sim", "--stepped"),
                  ("s1", "--sim", "--repeat", "0"), ("s1", "--sim", "--fail-on", "nonsense"), ("s1", "--cut-power-at", "3"),
                  ("s1", "--auth", "nobody"), (scenario(out, "bad", [{"do": "dance"}]), "--sim")):
        lab(out, *words, status=2)


def crashes_before_it_is_ready(out):
    steps = scenario(out, "boots", [{"do": "wait_tag", "tag": "hb", "limit_s": 1}])
    loop = ["rst:0x1 (POWERON)", "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.", "Rebooting...", 0.4]
    done = with_port([0.6, *loop * 8], out, steps, "--non-interactive", "--timeout", "2", status=1)
    check("FINDING" in done.stdout and "guru_meditation" in done.stdout, done.stdout)


def programs_not_there(out):
    """Without the library of --heap nothing runs, and it is said once; a fault that cannot be planted is not found missing by a pass."""
    os.mkdir(out)
    for name in ("holdfast-lab", "holdfastd", "holdfast"):
        shutil.copy2(os.path.join(BIN, name), out)
    done = subprocess.run([os.path.join(out, "holdfast-lab"), "run", "s1", "--sim", "--quiet", "--out", os.path.join(out, "runs")],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    check(done.returncode == 3 and "libholdfast-malloc.so" in done.stderr, f"{done.returncode}: {done.stdout}{done.stderr}")
    check("FINDING" not in done.stdout and done.stderr.count("\n") == 1, f"{done.stdout}{done.stderr}")
    done = lab(out, "s1", "--sim", "--quiet", "--preload", os.path.join(out, "no.so"), status=2)
    check("no.so" in done.stderr, done.stderr)


def said_before(out):
    """What a wait looks at: since the step before, since the restart."""
    def waits(name, word, since, status):
        steps = [{"do": "sleep", "seconds": 2.2}, {"do": "wait_line", "pattern": word, "since": since, "limit_s": 0.3}]
        script = [0.6, *READY, 1, "hello", *beats(250000, 20)]
        return with_port(script, out, scenario(out, name, steps), "--non-interactive", "--timeout", "2", status=status)
    waits("step", "hello", "step", 1)
    waits("previous", "hello", "previous", 0)
    waits("restart", "System Boot", "reset", 0)
    waits("earlier", "rst:0x1", "previous", 1)
    done = waits("never", "nonsense", "reset", 1)
    check("no line with 'nonsense' within 0.3 s" in done.stdout, done.stdout)
    plug = {"from": "central", "event": "status", "where": {"connector": 1, "status": "Preparing"}}
    steps = [{"do": "tell", "to": "vehicle", "line": "plug 1"}, {"do": "wait_event", **plug, "since": "previous"},
             {"do": "tell", "to": "vehicle", "line": "unplug 1"}, {"do": "sleep", "seconds": 1}, {"do": "power_cut", "seconds": 0.5},
             {"do": "wait_event", "id": "after", "from": "central", "event": "boot", "since": "reset", "limit_s": 20},
             {"do": "wait_event", "id": "before", **plug, "since": "reset", "limit_s": 1}]
    lab(out, scenario(out, "cut", steps), "--sim", "--quiet", status=1)
    results = {step["id"]: step["result"] for step in summary(runs(out, "_cut")[0])["steps"]}
    check([results["006_after"], results["007_before"]] == ["passed", "failed"], f"{results}")


def taken_up(out):
    """Of a soak counts what was played: not the time between, not the clock. Its last hour ends when it is over."""
    steps = scenario(out, "soak", [{"do": "repeat", "hours": 1, "steps": [{"do": "sleep", "seconds": 3600}, {"do": "report"}]}])
    words = [BIN + "/holdfast", "lab", "run", steps, "--sim", "--real-time", "--out", out]

    def play_a_while(*more):
        process = subprocess.Popen([*words, *more], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        check(process.wait(30) == 130, f"exit status {process.returncode}, expected 130")

    def change(**members):
        path = os.path.join(runs(out, "_soak")[0], "summary.json")
        changed = {**summary(os.path.dirname(path)), **members}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(changed, file)
    play_a_while()
    folder = runs(out, "_soak")[0]
    once = summary(folder)["played_s"]
    check(0 < once < 1000, f"{once} s were played")
    check(summary(folder)["inconclusive"] == "interrupted", summary(folder)["inconclusive"])
    change(start_ts="2020-01-01T00:00:00.000000+00:00")
    play_a_while("--resume", folder)
    check(once < summary(folder)["played_s"] < 2000, f"{once} s, then {summary(folder)['played_s']} s were played")
    change(played_s=3597)
    done = lab(out, steps, "--sim", "--real-time", "--resume", folder)
    check("  1.0 h: " in done.stderr, f"{done.seconds:.0f} s: {done.stderr}")


def regions(out):
    """Each is told by its own name, in whatever order the budget states them."""
    beat, health = {"do": "wait_line", "pattern": "Heartbeat", "since": "reset", "limit_s": 20}, {"do": "health", "label": "end", "stable": False}
    lab(out, scenario(out, "regions", [beat, health]), "--sim", "--quiet", "--heap", "psram=8M,dma=64K,internal=320K")
    told = json.loads(rows(runs(out, "_regions")[0], "health.jsonl")[-1]["body"])
    pools = {pool["pool"]: pool["capacity"] for pool in told["pools"] if pool["pool"].startswith("heap_")}
    check(pools == {"heap_psram": 8 << 20, "heap_dma": 64 << 10, "heap_internal": 320 << 10}, f"{pools}")
    check(told["heap_size"] == 320 << 10, "heap_size is not that of the internal memory")
    steps = [beat, {"do": "power_cut", "seconds": 0.2}, beat, health]
    lab(out, scenario(out, "unlimited", steps), "--sim", "--quiet", "--heap", "none", "--gate", "hin_min=off", "--gate", "frag=off")
    last = json.loads(rows(runs(out, "_unlimited")[0], "health.jsonl")[-1]["body"])["last_reset"]
    check(last["heap_internal_free"] is None and last["heap_internal_min"] is None, f"without a budget: {last}")


def world_that_ends(out):
    """The vehicle's program is killed while a scenario sleeps: what was to be seen there nobody saw."""
    steps = scenario(out, "lonely", [{"do": "tell", "to": "vehicle", "line": "plug 1"}, {"do": "sleep", "seconds": 3}])
    lab_process = subprocess.Popen([BIN + "/holdfast-lab", "run", steps, "--sim", "--quiet", "--out", out], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
    told = lambda: [path for folder in runs(out, "_lonely") for path in [folder + "/device/vehicle.jsonl"] if os.path.exists(path)]
    while not told() or "plugged" not in open(told()[0], encoding="utf-8").read():
        check(lab_process.poll() is None, "it ended before the vehicle was plugged in")
        time.sleep(0.02)
    children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(lab_process.pid)], capture_output=True, text=True).stdout.splitlines()
    vehicle, = [int(line.split()[0]) for line in children if "/holdfast sim " in line]
    os.kill(vehicle, signal.SIGKILL)
    stdout = lab_process.communicate(timeout=60)[0]
    check(lab_process.returncode == 4 and "INCONCLUSIVE" in stdout, f"exit status {lab_process.returncode}: {stdout}")
    why = summary(runs(out, "_lonely")[0])["inconclusive"]
    check(why.startswith("holdfast sim ended by signal 9"), why)


def not_taken(out):
    """A fault that was never planted, a line nobody understood: no pass."""
    steps = [{"do": "fault", "name": "nope", "seconds": 0.1}, {"do": "tell", "to": "vehicle", "line": "plug 1"},
             {"do": "tell", "to": "vehicle", "line": "plog 1"}, {"do": "tell", "to": "central", "line": "remote-start nobody 1 X"}]
    done = lab(out, scenario(out, "deaf", steps), "--sim", "--quiet", status=1)
    told = [step.get("why", "") for step in summary(runs(out, "_deaf")[0])["steps"] if step["result"] == "failed"]
    check(len(told) == 3 and "nope" in told[0] and "plog" in told[1] and "nobody" in told[2], f"{told}: {done.stdout}")


def not_told(out):
    steps = scenario(out, "told", [{"do": "wait_tag", "tag": "hb", "limit_s": 5}])
    for words, status in ((["list", "--json"], 3), (["run", steps, "--port", "/nowhere/tty", "--json"], 3), (["--version"], 3)):
        with open("/dev/full", "w", encoding="utf-8") as full:
            code = subprocess.run([BIN + "/holdfast-lab", *words], stdout=full, stderr=subprocess.DEVNULL, timeout=60, cwd=out).returncode
        check(code == status, f"{words}: exit status {code}")


def watched(out):
    """The record begins anew now and then, the device does not; where nobody reads any more, it ends."""
    log = os.path.join(out, "watched.log")
    with open(log, "w", encoding="utf-8") as file:
        for _ in range(3):
            file.write("\n".join([*READY, *[MEM.format(250000)] * 3000, ""]))
    words = [BIN + "/holdfast-lab", "watch", "--port", "file:" + log]
    master, slave = pty.openpty()
    process = subprocess.Popen([*words, "--seconds", "100"], stdin=subprocess.DEVNULL, stdout=slave)
    os.close(slave)
    shown = b""
    while b"restarts 2 " not in shown and process.poll() is None:
        shown += os.read(master, 65536)
        check(b"restarts 3 " not in shown and len(shown) < 10000000, f"{shown[-300:]}")
    process.send_signal(signal.SIGINT)
    check(process.wait(30) == 130, f"exit status {process.returncode}: {shown[-300:]}")
    os.close(master)
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.read(100)
    process.stdout.close()
    try:
        check(process.wait(60) == 3, f"exit status {process.returncode}")
    finally:
        process.kill()


def edges(out):
    not_taken(out)
    watched(out)
    not_told(out)
    crashes_before_it_is_ready(out)
    said_before(out)
    programs_not_there(os.path.join(out, "lone"))
    taken_up(out)


with tempfile.TemporaryDirectory() as folder:
    {"first": first, "tripwire": tripwire, "can": can, "contention": contention, "planted": planted, "soak": soak, "exits": exits,
     "edges": edges}[CASE](folder)
