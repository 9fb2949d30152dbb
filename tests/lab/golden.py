#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""holdfast-lab over the recorded logs of fixtures/: the numbers of document 003's experiment log are found again, and so are the
deltas that its authors found by hand; exit statuses, gates, artifacts, JUnit. Usage: golden.py BIN_DIR [CASE]"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")
LAB = os.path.abspath(os.path.join(sys.argv.pop(1), "holdfast-lab"))
OFF = ["--gate", "hin_min=off", "--gate", "frag=off", "--gate", "stack=off"]

# Document 003, "Experiments Log": hin_min, frag_max, PSRAM free min, tripwire (tag, hin) or None.
LOG = {
    "s1_baseline": (20912, 37, 8271944, None),
    "s2_baseline_1": (20912, 42, 8266852, ("http_root", 21672)),
    "s2_baseline_2": (20912, 42, 8266852, ("http_root", 21672)),
    "s2_baseline_3": (20772, 42, 8266852, ("http_root", 21532)),
    "s2_baseline_4": (20912, 37, 8266852, ("http_root", 21672)),
    "s2_baseline_5": (20912, 42, 8266852, ("http_root", 21672)),
    "s2_nimble_psram": (42916, 42, 8270000, None),
    "s4_baseline": (1832, 60, 8201840, ("lvgl_switch_pre_macro1", 16116)),
    "s4_psram_json": (16060, 67, 8179772, ("lvgl_switch_pre_macro1", 16060)),
    "s4_mask_cache": (31668, 42, 8158544, None),
    "s4_psram_draw": (55964, 59, 8133844, None),
    "s5_baseline": (20752, 37, 8270072, ("lvgl_switch_pre_macro1", 25040)),
    "s6_crash": (32112, 58, 8126756, None),
    "s6_fixed": (30732, 58, 8133196, None),
}


def lab(*arguments, text=None):
    done = subprocess.run([LAB, *arguments], capture_output=True, input=text, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="holdfast-lab.")
        cls.out = os.path.join(cls.folder.name, "runs")
        cls.status, cls.run_dir, cls.summary = {}, {}, {}
        for name in LOG:
            status, out, err = lab("replay", "--json", "--out", cls.out, "--key", name, os.path.join(FIXTURES, name + ".log"))
            cls.status[name], cls.summary[name] = status, json.loads(out)
            cls.run_dir[name], = glob.glob(os.path.join(cls.out, "*_" + name))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_numbers_of_the_experiment_log_are_found(self):
        for name, (hin, frag, psram, trip) in LOG.items():
            derived = self.summary[name]["derived"]
            self.assertEqual((derived["hin_min"], derived["frag_max"], derived["pf_min"]), (hin, frag, psram), name)
            fired = derived["tripwire"]
            self.assertEqual(fired["fired"], trip is not None, name)
            if trip:
                self.assertEqual((fired["tag"], fired["hin"], fired["threshold"]), (*trip, 30720), name)
                self.assertEqual([(w["name"], w["stack_rem"]) for w in fired["worst_stacks"][:2]],
                                 [("ipc0", 76), ("ipc1", 84)], name)
                self.assertEqual(fired["worst_stacks"][2]["name"], "Tmr Svc")
            self.assertEqual(derived["panic"]["detected"], name == "s6_crash", name)
        runs = [LOG[f"s2_baseline_{i}"] for i in range(1, 6)]
        self.assertEqual(sum(run[0] for run in runs) // 5, 20884)  # "avg 20884", "avg 41"
        self.assertEqual(sum(run[1] for run in runs) // 5, 41)

    def test_crash_is_named_and_placed(self):
        summary = self.summary["s6_crash"]
        self.assertEqual(summary["derived"]["panic"]["kind"], "stack_canary")
        self.assertIn("async_tcp", summary["derived"]["panic"]["line"])
        self.assertEqual(summary["panics"][0]["tag"], "http_macros_post_applied")
        self.assertEqual((summary["boots"], summary["unexpected_resets"]), (1, 1))
        self.assertEqual({f["gate"] for f in summary["findings"]}, {"hin_min", "fragmentation", "panic", "reset"})

    def test_lines_within_a_block_and_names_with_blanks_are_seen(self):
        self.assertIn("http_macros_post_begin", self.summary["s4_baseline"]["derived"]["tags"])
        with open(os.path.join(self.run_dir["s4_baseline"], "tasks.jsonl"), encoding="utf-8") as file:
            tasks = [json.loads(line) for line in file]
        self.assertEqual([t["core"] for t in tasks if t["name"] == "Tmr Svc"], [-1])

    def test_artifacts_are_those_of_old_and_more(self):
        files = set(os.listdir(self.run_dir["s4_baseline"]))
        self.assertEqual(files, {"serial.log", "events.jsonl", "mem.jsonl", "tasks.jsonl", "pools.jsonl", "health.jsonl",
                                 "summary.json", "summary.md", "report.html"})
        with open(os.path.join(self.run_dir["s4_baseline"], "mem.jsonl"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        for line in lines:
            row = json.loads(line)
            self.assertEqual(line, json.dumps(row, sort_keys=True))  # byte for byte what the old harness would write
            self.assertEqual(set(row), {"ts", "tag", "hf", "hm", "hl", "hi", "hin", "frag", "pf", "pm", "pl"})
        summary = self.summary["s4_baseline"]
        self.assertEqual(summary["schema"], 1)
        with open(os.path.join(self.run_dir["s4_baseline"], "summary.md"), encoding="utf-8") as file:
            text = file.read()
        order = ["# ", "## Run", "## Derived", "- Internal heap min (hin_min): 1832 B", "## Tripwire",
                 "- Fired: yes (tag=lvgl_switch_pre_macro1 hin=16116 B < 30720 B)",
                 "- Worst stack margins: ipc0 76B, ipc1 84B", "## Artifacts", "## Mem snapshots",
                 "| tag | hf | hm | hl | hi | hin | frag% | pf | pm | pl |"]
        places = [text.index(part) for part in order]
        self.assertEqual(places, sorted(places))

    def test_serial_log_is_kept_as_it_was(self):
        with open(os.path.join(self.run_dir["s6_crash"], "serial.log"), "rb") as kept, \
                open(os.path.join(FIXTURES, "s6_crash.log"), "rb") as given:
            self.assertEqual(kept.read(), given.read())

    def test_every_run_of_the_log_misses_the_plan(self):
        # "never met in the log": 100 KB; and S1's fragmentation was good.
        self.assertEqual(set(self.status.values()), {1})
        gates = {f["gate"] for f in self.summary["s1_baseline"]["findings"]}
        self.assertEqual(gates, {"hin_min"})

    def test_gates_decide_the_exit_status(self):
        log = os.path.join(FIXTURES, "s1_baseline.log")
        base = ["replay", "--out", self.out]
        self.assertEqual(lab(*base, "--gate", "hin_min=20K", log)[0], 0)
        self.assertEqual(lab(*base, "--gate", "hin_min=20K", "--gate", "frag=37", log)[0], 1)
        self.assertEqual(lab(*base, *OFF, "--fail-on", "hin_min<20K", log)[0], 0)
        status, out, _ = lab(*base, *OFF, "--fail-on", "hin<21K", log)
        self.assertEqual(status, 1)
        self.assertIn("hin<21K: 20912 at hb", out)
        self.assertIn("again: holdfast lab replay " + " ".join(OFF) + " --fail-on 'hin<21K' " + log + "\n", out)
        self.assertEqual(lab(*base, *OFF, "--fail-on", "frag>35", log)[0], 1)
        self.assertEqual(lab(*base, *OFF, "--fail-on", "trip", log)[0], 0)
        self.assertEqual(lab(*base, *OFF, "--fail-on", "trip", os.path.join(FIXTURES, "s4_baseline.log"))[0], 1)
        self.assertEqual(lab(*base, *OFF, "--fail-on", "pool:sessions.peak>90%", log)[0], 4)  # it tells no pools
        for wrong in (["--fail-on", "hin"], ["--fail-on", "nope<3"], ["--gate", "hin_min"], ["--gate", "nope=3"],
                      ["--fail-on", "hin<80%"], ["--nope", "x"]):
            self.assertEqual(lab(*base, *wrong, log)[0], 2, wrong)
        self.assertEqual(lab("replay", "no-such-file.log")[0], 2)
        self.assertEqual(lab("replay", "--out", "/dev/null/x", log)[0], 3)
        self.assertEqual(lab("nope")[0], 2)
        self.assertEqual(lab()[0], 2)

    def test_silence_is_inconclusive(self):
        status, out, _ = lab("replay", "--out", self.out, "-", text=b"hello\r\n")
        self.assertEqual(status, 4)
        self.assertIn("the device told no memory snapshot", out)

    def test_log_is_copied_whole_in_any_shape(self):
        mem = b"[Mem] hb hf=200000 hm=190000 hl=190000 hi=200000 hin=180000 frag=5 pf=3 pm=2 pl=1 (0ms)"
        shapes = {"one long line": b"x" * 200000 + b"\n" + mem + b"\n", "no end": mem + b"\n" + mem, "zeros": b"\0\n\0" + mem + b"\n" + mem + b"\n",
                  "across a buffer": b"y" * 65500 + b"\n" + mem + b"\n", "a buffer": b"z" * 65535 + b"\n" + mem + b"\n", "nothing": b""}
        for shape, text in shapes.items():
            out = json.loads(lab("replay", "--json", "--out", self.out, "--key", "shape", "-", text=text)[1])
            run = os.path.dirname(out["artifacts"]["summary"])
            with open(os.path.join(run, "serial.log"), "rb") as file:
                self.assertEqual(file.read(), text, shape)
            with open(os.path.join(run, "mem.jsonl"), encoding="utf-8") as file:
                self.assertEqual(len(file.readlines()), text.count(mem), shape)

    def test_memory_for_a_long_log_is_little_more_than_its_rows(self):
        with open(LAB, "rb") as file:
            if b"__asan_init" in file.read():
                self.skipTest("a sanitizer takes more than the lab")
        beat = "".join([f"[Task] name=task{i} prio={i} core=-1 stack_rem=40000B (0ms)\n" for i in range(11)])
        log = os.path.join(self.folder.name, "long.log")
        with open(log, "w", encoding="ascii") as file:
            for up in range(5, 60000, 5):
                file.write(f"[Heartbeat] Up: {up}s | Heap: 199000 | WiFi: 127.0.0.1 (charger)\n[Mem] hb hf=199000 hm=180000 hl=190000 hi=199000 "
                           f"hin=170000 frag=4 pf=3 pm=2 pl=1 (0ms)\n{beat}")
        peaks = []
        for words in (["replay", log, "--out", self.out, "--key", "long"], ["show"]):
            words += glob.glob(os.path.join(self.out, "*_long")) if words == ["show"] else []
            child = subprocess.Popen([LAB, *words], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(child.returncode, 0)
            peaks.append(used.ru_maxrss * 1024 / os.path.getsize(log))
        self.assertLess(max(peaks), 3, peaks)  # times the log; it was eleven

    def test_later_dialect_gives_the_same_run(self):
        with open(os.path.join(FIXTURES, "s1_baseline.log"), encoding="ascii") as file:
            text = file.read().replace("[Mem] ", "[1234ms] I Mem: ").replace(" (0ms)", "")
        status, out, _ = lab("replay", "--json", "--out", self.out, "-", text=text.encode())
        self.assertEqual(json.loads(out)["derived"], self.summary["s1_baseline"]["derived"])
        self.assertEqual(status, 1)

    def test_size_of_a_stack_is_recorded_shown_and_judged(self):
        with open(os.path.join(FIXTURES, "s4_baseline.log"), encoding="ascii") as file:
            text = file.read() + ("[Stack] name=async_tcp size=6000B prio=3 (0ms)\n[Stack] name=Tmr%20Svc size=1500B prio=1 (0ms)\n")
        status, out, _ = lab("replay", "--json", "--out", self.out, "--key", "sized", *OFF[:4], "-", text=text.encode())
        summary = json.loads(out)
        self.assertEqual(status, 1)
        stacks = [f["text"] for f in summary["findings"] if f["gate"] == "stack"]
        self.assertEqual(len(stacks), 3, stacks)  # the floor for two, and one of those that are known
        self.assertIn("task async_tcp used 4100 B of 6000 B by lvgl_switch_pre_macro1: at least one", "".join(stacks))
        for derived in (summary["derived"], before := json.loads(json.dumps(self.summary["s4_baseline"]["derived"]))):
            del derived["tripwire"]["ts"]
        self.assertEqual(summary["derived"], before)  # nothing else is read off these lines
        run = os.path.dirname(summary["artifacts"]["summary"])
        with open(os.path.join(run, "tasks.jsonl"), encoding="utf-8") as file:
            tasks = [json.loads(line) for line in file]
        self.assertEqual({t["name"]: t.get("stack_size") for t in tasks},
                         {"ipc0": None, "ipc1": None, "Tmr Svc": 1500, "esp_timer": None, "async_tcp": 6000, "loopTask": None, "wifi": None})
        with open(os.path.join(run, "events.jsonl"), encoding="utf-8") as file:
            told = [json.loads(line) for line in file if '"type": "stack"' in line]
        self.assertEqual([(e["name"], e["size"], e["prio"]) for e in told], [("async_tcp", 6000, 3), ("Tmr Svc", 1500, 1)])
        shown = lab("show", run)[1]
        self.assertRegex(shown, r"(?m)^  stack async_tcp +1900 B left, 4100 of 6000 B used$")
        self.assertRegex(shown, r"(?m)^  stack loopTask +2400 B left$")

    def test_show_tells_what_replay_told(self):
        status, out, _ = lab("show", "--json", self.run_dir["s6_crash"])
        self.assertEqual((status, json.loads(out)), (1, self.summary["s6_crash"]))
        status, out, _ = lab("show", self.run_dir["s6_crash"])
        self.assertEqual(status, 1)
        self.assertNotIn("\x1b", out)
        self.assertIn("panic: stack_canary at http_macros_post_applied, line 14", out)
        self.assertEqual(lab("show")[0], 2)
        self.assertEqual(lab("show", "no-such-run")[0], 2)

    def test_compare_is_that_of_old(self):
        a, b = self.run_dir["s4_psram_json"], self.run_dir["s4_mask_cache"]
        status, out, _ = lab("--compare", a, b)
        self.assertEqual(status, 0)
        self.assertEqual(out, f"[compare] A: {a}\n[compare] B: {b}\n" + """
Tag deltas (B - A):
- Columns: Δhin, Δhm, Δfrag, Δpf
- boot: Δhin=15608  Δhm=15608  Δfrag=-25  Δpf=-21228
- hb: Δhin=15608  Δhm=15608  Δfrag=-25  Δpf=-21228
- http_macros_post_applied: Δhin=23940  Δhm=23940  Δfrag=-25  Δpf=-21228
- http_macros_post_begin: Δhin=31696  Δhm=31696  Δfrag=-25  Δpf=-21228
- http_macros_post_parsed: Δhin=31696  Δhm=31696  Δfrag=-25  Δpf=-21228
- http_macros_post_saved: Δhin=23940  Δhm=23940  Δfrag=-25  Δpf=-21228
- lvgl_switch_pre_macro1: Δhin=31696  Δhm=31696  Δfrag=-25  Δpf=-21228
- setup: Δhin=-7432  Δhm=-7432  Δfrag=-25  Δpf=-21228

Overall:
- A hin_min: 16060 B
- B hin_min: 31668 B
- Δhin_min: 15608 B
""")
        status, out, _ = lab("--compare", b, self.run_dir["s4_psram_draw"])
        self.assertIn("- Δhin_min: 24296 B\n", out)
        status, out, _ = lab("--compare", a, self.run_dir["s1_baseline"])
        self.assertIn("- lvgl_switch_pre_macro1: Δhin=n/a  Δhm=n/a  Δfrag=n/a  Δpf=n/a\n", out)
        status, out, _ = lab("--compare", "no-such-run", "nor-this")
        self.assertEqual((status, out), (2, "[compare] No mem.jsonl rows found in either run.\n"))

    def test_diff_finds_what_the_authors_found_by_hand(self):
        def medians(a, b):
            status, out, _ = lab("diff", "--json", self.run_dir[a], self.run_dir[b])
            self.assertEqual(status, 4)  # one run against one: nobody can tell
            return {f["name"]: f["delta"] for f in json.loads(out)["figures"]}
        deltas = medians("s4_psram_json", "s4_mask_cache")
        self.assertEqual((deltas["hin_min"], deltas["lvgl_switch_pre_macro1 hin"]), (15608, 31696))
        self.assertEqual(medians("s4_mask_cache", "s4_psram_draw")["hin_min"], 24296)
        self.assertEqual(medians("s4_baseline", "s4_psram_json")["hin_min"], 16060 - 1832)

    def test_five_runs_against_five_are_judged(self):
        before = ",".join(self.run_dir[f"s2_baseline_{i}"] for i in range(1, 6))
        after = os.path.join(self.folder.name, "after")
        for i in range(5):
            lab("replay", "--out", after, "--key", f"s2-{i}", os.path.join(FIXTURES, "s2_nimble_psram.log"))
        status, out, _ = lab("diff", "--json", before, after)
        self.assertEqual((status, json.loads(out)["verdict"]), (0, "better"))
        status, out, _ = lab("diff", after, before)
        self.assertEqual(status, 1)
        self.assertIn("verdict: worse", out)
        self.assertEqual(lab("diff", before, before)[0], 0)
        status, out, _ = lab("diff", "--markdown", before, after)
        self.assertIn("| **hin_min** | 20912 (20772-20912) | 42916 | +22004 | 0.008 | better |", out)
        store = os.path.join(self.folder.name, "store")
        self.assertEqual(lab("baseline", "save", "--store", store, "s2", before)[0], 0)
        self.assertEqual(lab("baseline", "list", "--store", store)[1], "s2\n")
        status, out, _ = lab("baseline", "compare", "--store", store, "s2", after)
        self.assertEqual(status, 0)
        self.assertIn("verdict: better", out)
        self.assertEqual(lab("diff", "--store", store, "@s2", after)[0], 0)
        for wrong in (["diff", before], ["diff", "@nope", after], ["diff", "no-such-run", after], ["baseline", "save", "x"],
                      ["baseline", "save", "--store", store, "../x", after], ["baseline"], ["diff", "--nope", "a", "b"]):
            self.assertEqual(lab(*wrong)[0], 2, wrong)

    def test_log_writes_the_row_of_the_document(self):
        path = os.path.join(self.folder.name, "experiments.md")
        runs = [self.run_dir[f"s2_baseline_{i}"] for i in range(1, 6)]
        self.assertEqual(lab("log", "--file", path, "--board", "jc3636w518", "--change", "Baseline | batch", *runs)[0], 0)
        self.assertEqual(lab("log", "--file", path, "--notes", "fine", self.run_dir["s1_baseline"])[0], 0)
        with open(path, "a", encoding="utf-8") as file:
            file.write("\nafter the table\n")
        self.assertEqual(lab("log", "--file", path, self.run_dir["s4_baseline"])[0], 0)
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        rows = [line for line in lines if line.startswith("| 2")]
        self.assertEqual(len(rows), 3)
        self.assertIn(" | jc3636w518 | Baseline \\| batch | s2_baseline_1 ×5 | ", rows[0])
        self.assertIn(" | 20772–20912 (avg 20884) | 37–42 (avg 41) | 8266852 | fired 5/5 @ `http_root` "
                      "(threshold 30720B, `hin` 21532–21672B) | ", rows[0])
        self.assertTrue(rows[1].endswith(" | 20912 | 37 | 8271944 | not fired | fine |"), rows[1])
        self.assertEqual(lines[-1], "after the table")
        self.assertEqual(lines.index(rows[2]), lines.index(rows[1]) + 1)
        self.assertEqual(lab("log")[0], 2)
        self.assertEqual(lab("log", "--file", os.path.join(FIXTURES, "s1_baseline.log"), self.run_dir["s1_baseline"])[0], 2)

    def played(self, name, key):
        """A run of a scenario, as `run` would leave it: with steps."""
        folder = os.path.join(self.folder.name, "played")
        lab("replay", "--out", folder, "--key", key, os.path.join(FIXTURES, name + ".log"))
        run = sorted(glob.glob(os.path.join(folder, "*_" + key + "*")))[-1]
        path = os.path.join(run, "summary.json")
        with open(path, encoding="utf-8") as file:
            summary = json.load(file)
        summary["steps"] = [{"id": "ready", "title": "it is ready", "result": "passed", "why": "", "seconds": 1.0}]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(summary, file)
        return run

    def test_runs_of_two_scenarios_are_not_mixed(self):
        s1, s2, again = self.played("s1_baseline", "s1x"), self.played("s2_baseline_1", "s2x"), self.played("s2_baseline_3", "s2x")
        for words in (("diff", s1, s2), ("diff", s1 + "," + s2, s2), ("log", "--print", s1, s2)):
            status, _, err = lab(*words)
            self.assertEqual(status, 2, words)
            self.assertIn("runs of 's1x' and of 's2x'", err)
        self.assertEqual(lab("diff", s2, again)[0], 4)  # one against one
        self.assertEqual(lab("log", "--print", s2, again)[0], 0)
        store = os.path.join(self.folder.name, "mixed")
        self.assertEqual(lab("baseline", "save", "--store", store, "start", s1, s2)[0], 0)
        status, out, _ = lab("baseline", "compare", "--store", store, "start", again)
        self.assertEqual(status, 4)
        self.assertIn("A: @start\n", out)
        self.assertNotIn("(37-42)", out)  # S1 is not among them
        self.assertEqual(lab("baseline", "compare", "--store", store, "start", s1, again)[0], 2)
        self.assertEqual(lab("baseline", "save", "--store", store, "one", s1)[0], 0)
        status, _, err = lab("baseline", "compare", "--store", store, "one", s2)
        self.assertEqual(status, 2)
        self.assertIn("baseline one has no run of 's2x'", err)

    def test_a_baseline_that_is_not_there_is_told_before_anything_is_played(self):
        out = os.path.join(self.folder.name, "none")
        status, _, err = lab("run", "s1", "--port", "file:/dev/null", "--baseline", "nope", "--out", out)
        self.assertEqual(status, 2)
        self.assertIn("nope", err)
        self.assertFalse(os.path.exists(out))

    def test_log_does_not_guess_what_git_does_not_know(self):
        with tempfile.TemporaryDirectory() as folder:
            def there(*arguments):
                return subprocess.run([LAB, *arguments], capture_output=True, text=True, cwd=folder, timeout=60,
                                      env={**os.environ, "GIT_DIR": folder}).stdout
            there("replay", *OFF, "--out", folder, "--key", "nowhere", os.path.join(FIXTURES, "s1_baseline.log"))
            row = there("log", "--print", *glob.glob(os.path.join(folder, "*_nowhere")))
        self.assertEqual(row.split(" | ")[1], "unknown", row)

    def test_list_tells_the_scenarios(self):
        status, out, _ = lab("list", "--json")
        self.assertEqual(status, 0)
        keys = [json.loads(line)["key"] for line in out.splitlines()]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertLessEqual({f"S{i}" for i in range(1, 13)}, {json.loads(line)["id"] for line in out.splitlines()})
        status, out, _ = lab("list")
        self.assertEqual(status, 0)
        for key in keys:
            self.assertIn("\n" + key, "\n" + out)
        self.assertEqual(lab("list", "x")[0], 2)

    def test_junit_tells_the_findings(self):
        path = os.path.join(self.folder.name, "junit.xml")
        status, _, _ = lab("replay", "--out", self.out, "--junit", path, "--key", "s6", os.path.join(FIXTURES, "s6_crash.log"))
        self.assertEqual(status, 1)
        root = xml.etree.ElementTree.parse(path).getroot()
        suite, = root.findall("testsuite")
        self.assertEqual((suite.get("name"), suite.get("tests"), suite.get("failures")), ("s6", "1", "1"))
        self.assertIn("stack_canary", suite.find("testcase/failure").get("message"))
        self.assertTrue({"commit", "port", "seed", "replay"} <= {p.get("name") for p in suite.iter("property")})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *[f"Golden.{case}" for case in sys.argv[1:]]])
