#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`holdfast fleet` from outside: days in stepped time, with and without disturbances, the same twice; a load on `holdfast csms`, whose own
events must tell the same sessions; scenario files and options that are wrong. Usage: fleet.py BIN"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

BIN = sys.argv[1]
TOOL = os.path.join(BIN, "holdfast")
faults = 0


def check(good, what):
    global faults
    if not good:
        faults += 1
        print("FAIL:", what)


def fleet(*words, limit_s=240):
    return subprocess.run([TOOL, "fleet", *words], capture_output=True, text=True, check=False, timeout=limit_s)


def write(folder, name, value):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(value if isinstance(value, str) else json.dumps(value))
    return path


def test_days(folder):
    done = fleet("--n", "2", "--days", "2", "--seed", "3", "--json", "-", "--quiet")
    check(done.returncode == 0, f"days: status {done.returncode}: {done.stderr[-300:]}")
    report = json.loads(done.stdout)
    check(len(report["verdicts"]) == 2 and report["bad_units"] == 0, "days: a verdict each")
    for verdict in report["verdicts"]:
        check(verdict["good"] and verdict["memory_good"] and verdict["starts"] == verdict["stops"] == verdict["sessions"] > 10, f"days: {verdict}")
        check(abs(verdict["billed_Wh"] - verdict["simulated_Wh"]) <= verdict["sessions"], f"days: energy of {verdict}")
    again = json.loads(fleet("--n", "2", "--days", "2", "--seed", "3", "--json", "-", "--quiet").stdout)
    report.pop("host_seconds"), again.pop("host_seconds")
    check(report == again, "days: the same seed, another run")
    other = json.loads(fleet("--n", "2", "--days", "2", "--seed", "4", "--json", "-", "--quiet").stdout)
    check(other["verdicts"] != report["verdicts"], "days: another seed, the same run")
    page = os.path.join(folder, "days.html")
    scenario = write(folder, "rough.json", {"name": "rough <week>", "sessions": 12, "session_s": [60, 200], "pause_s": [600, 1800], "outages": 400,
                                            "outage_s": [20, 600], "faults": 300, "fault_s": [2, 8], "restarts": 300, "by_plug": 500})
    done = fleet("--n", "2", "--days", "3", "--scenario", scenario, "--json", "-", "--html", page, "--quiet")
    report = json.loads(done.stdout)
    check(done.returncode == 0 and report["bad_units"] == 0, f"rough: {done.returncode}: {done.stderr} {report['verdicts']}")
    check(all(report["disturbed"][name] > 0 for name in ("outages", "faults", "restarts")), f"rough: {report['disturbed']}")
    check(sum(v["starts"] for v in report["verdicts"]) >= 24, "rough: sessions")
    with open(page, encoding="utf-8") as text:
        html = text.read()
    check("rough &#60;week&#62;" in html and html.count("<tr>") >= 4 and html.rstrip().endswith("</html>"), "rough: the page")


def first_event(path):
    for _ in range(500):
        with open(path, encoding="utf-8") as text:
            line = text.readline()
        if line.endswith("\n"):
            return json.loads(line)
        time.sleep(0.02)
    raise RuntimeError("the central system does not start")


def test_live(folder):
    log = os.path.join(folder, "events")
    with open(log, "w", encoding="utf-8") as out:
        central = subprocess.Popen([TOOL, "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=out, text=True)
    try:
        port = first_event(log)["port"]
        scenario = write(folder, "quick.json", {"sessions": 2, "first_s": [0, 2], "session_s": [2, 4], "pause_s": 1, "meter_interval_s": 1, "restarts": 300,
                                                "outages": 200, "outage_s": 1, "by_plug": 500})
        path = os.path.join(folder, "live.json")
        done = fleet("--n", "40", "--csms", f"ws://127.0.0.1:{port}/ocpp", "--scenario", scenario, "--json", path, "--id", "L.")
    finally:
        central.communicate("quit\n", timeout=20)
    with open(log, encoding="utf-8") as text:
        events = [json.loads(line) for line in text]
    check(done.returncode == 0, f"live: status {done.returncode}: {done.stderr[-300:]}")
    with open(path, encoding="utf-8") as text:
        report = json.load(text)
    starts = {(e["station"], e["id"]) for e in events if e["event"] == "start"}
    stops = {(e["station"], e["id"]) for e in events if e["event"] == "stop"}
    restarts = report["disturbed"]["restarts"]
    check(report["connected"] == 40 and report["sessions"]["ended"] == 80, f"live: {report['sessions']}")
    check(len(starts) == len(stops) >= 80 and restarts > 0, f"live: {len(starts)} starts, {len(stops)} stops, {restarts} restarts")
    check({e["station"] for e in events if e["event"] == "boot"} == {f"L.{i}" for i in range(1, 41)}, "live: stations")
    check(not [e for e in events if e["event"] == "invalid"], "live: invalid frames")
    # An answer that was under way when a link was cut may be counted by one side alone.
    cut = report["links"]["lost"]
    told = report["answers"]
    check(len(starts) <= told["StartTransaction"]["count"] + cut and told["all"]["p50_us"] > 0, f"live: {told}")
    check(re.search(r"40 connected +\d+ charging", done.stderr) and "resident a charge point" in done.stdout, "live: progress")


def test_refusals(folder):
    cases = [
        (["--n", "1"], 2), (["--n", "0", "--days", "1"], 2), (["--n", "1", "--days", "1", "--csms", "ws://127.0.0.1:1"], 2),
        (["--n", "1", "--days", "1", "--seconds", "5"], 2), (["--n"], 2), (["--frogs", "1"], 2), (["--n", "1", "--csms", "http://x"], 2),
        (["--n", "1", "--csms", "wss://127.0.0.1:1"], 2), (["--n", "1", "--days", "1", "--id", "a b"], 2),
        (["--n", "1", "--days", "1", "--scenario", os.path.join(folder, "none.json")], 3),
        (["--n", "1", "--days", "1", "--json", os.path.join(folder, "no/such"), "--quiet", "--scenario", write(folder, "one.json", {"sessions": 1})], 3),
        (["--n", "1", "--csms", "ws://127.0.0.1:9", "--seconds", "2", "--quiet", "--scenario", write(folder, "zero.json", {"sessions": 0})], 3),
    ]
    wrong = ["[]", "{", '{"sessions": -1}', '{"sessions": "2"}', '{"session_s": [5, 2]}', '{"session_s": [1, 2, 3]}', '{"session_s": [1, 1e99]}', '{"faults": 1001}',
             '{"frogs": 1}', '{"fault": "frogs"}', '{"name": "' + "x" * 40 + '"}', '{"name": 3}', '{"' + "y" * 60 + '": 1}', " " * 70000]
    cases += [(["--n", "1", "--days", "1", "--scenario", write(folder, f"wrong{i}.json", text)], 2) for i, text in enumerate(wrong)]
    endless = write(folder, "endless.json", {"session_s": 86400, "meter_interval_s": 1})
    cases += [(["--n", "1", "--days", "1", "--quiet", "--scenario", endless], 2)]  # more readings than are kept
    cases += [(["--n", "1", "--csms", "ws://127.0.0.1:9", "--quiet"], 3)]  # nobody is there, and no --seconds
    for words, status in cases:
        done = fleet(*words)
        check(done.returncode == status, f"{words}: status {done.returncode}, expected {status}: {done.stderr}")
        check(done.stderr.startswith("holdfast fleet: "), f"{words}: said {done.stderr!r}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_refusals(folder)
        test_days(folder)
        test_live(folder)
    print(f"{'FAIL' if faults else 'ok'}: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
