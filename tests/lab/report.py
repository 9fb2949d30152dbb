# SPDX-License-Identifier: MIT
"""report.html in a real browser: report.py HOLDFAST_LAB FIXTURES [PICTURES]. A saved log is replayed, its report opened at four sizes,
light and dark: numbers equal to summary.json and mem.jsonl, nothing wider than the screen, no error of the script, nothing fetched."""
import glob
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import browser  # noqa: E402

LAB, FIXTURES = sys.argv[1:3]
PICTURES = sys.argv[3] if len(sys.argv) > 3 else None
SHORT = ("s1_baseline.log", "s4_baseline.log", "s6_crash.log")  # without pictures
SIZES = ((360, 740, False), (390, 844, True), (1100, 900, False), (1600, 1000, True))


def lab(*arguments, expect=(0, 1, 4)):
    done = subprocess.run([LAB, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in expect, (arguments, done)
    return done


def replay(log, out):
    lab("replay", log, "--out", out)
    runs = [os.path.dirname(found) for found in glob.glob(os.path.join(out, "**", "summary.json"), recursive=True)]
    assert len(runs) == 1, runs
    return runs[0]


def rows(run, name):
    path = os.path.join(run, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_numbers(page, run):
    with open(os.path.join(run, "summary.json"), encoding="utf-8") as file:
        derived = json.load(file)["derived"]
    tiles = dict(page.ask("[...document.querySelectorAll('.tile')].map(t => [t.dataset.field, t.dataset.value])"))
    for field in ("hin_min", "hm_min", "pm_min", "frag_max"):
        assert tiles[field] == ("" if derived.get(field) is None else str(derived[field])), (field, tiles, derived)
    shown = page.ask("[...document.querySelectorAll('.tile')].map(t => [t.dataset.field, t.querySelector('b').innerText])")
    for field, text in shown:
        digits = "".join(c for c in text if c.isdigit())
        assert digits == tiles[field] or (text == "unknown" and tiles[field] == ""), (field, text, tiles)
    memory = rows(run, "mem.jsonl")
    table = page.ask("[...document.querySelectorAll('details')].filter(d => d.innerText.includes('snapshots')).map(d =>"
                     "[...d.querySelectorAll('tbody tr')].map(r => [...r.children].map(c => c.textContent)))")
    assert [[cell if i == 0 else int("".join(filter(str.isdigit, cell))) for i, cell in enumerate(row) if i in (0, 5, 6, 7)] for row in table[0]] == \
        [[row["tag"], row["hi"], row["hin"], row["frag"]] for row in memory], (table, memory)
    trips = [row for row in rows(run, "events.jsonl") if row["type"] == "tripwire"]
    assert (int(tiles["trips"]) > 0) == bool(trips), (tiles, trips)


def check_looks(page, name):
    for width, height, dark in SIZES:
        page.size(width, height, dark)
        wide = page.ask("new Promise(done => setTimeout(() => done([document.documentElement.scrollWidth, innerWidth]), 200))")
        assert wide[0] <= wide[1], (name, width, wide)
        assert page.ask("document.querySelectorAll('svg path').length") > 0, name
        colors = page.ask("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
        light = [sum(int(n) for n in color[4:-1].split(",")) for color in colors]
        assert (light[0] > light[1]) == dark, (colors, dark)
        if PICTURES:
            page.picture(os.path.join(PICTURES, f"{name}-{width}-{'dark' if dark else 'light'}.png"))


def main():
    if browser.program() is None:
        print("SKIPPED: report.html was not opened: there is no chromium")
        return 77
    logs = [log for log in sorted(glob.glob(os.path.join(FIXTURES, "*.log"))) if PICTURES or os.path.basename(log) in SHORT]
    assert logs, FIXTURES
    with tempfile.TemporaryDirectory() as directory, browser.Browser(directory) as page:
        for log in logs:
            name = os.path.splitext(os.path.basename(log))[0]
            run = replay(log, os.path.join(directory, name))
            page.call("Network.enable")
            page.open("file://" + os.path.join(run, "report.html"))
            fetched = [each["params"]["request"]["url"] for each in page.waiting if each.get("method") == "Network.requestWillBeSent"]
            assert len(fetched) == 1, fetched
            check_numbers(page, run)
            check_looks(page, name)
            print("ok  ", name)
        # A device that tries to break out of the page.
        hostile = os.path.join(directory, "hostile.log")
        with open(hostile, "w", encoding="utf-8") as file:
            file.write("[Mem] </script><script>document.title='broken'</script> hf=1 hm=1 hl=1 hi=1 hin=1 frag=0 pf=0 pm=0 pl=0 (0ms)\n"
                       "[Mem] <b>hb</b> hf=200000 hm=1 hl=1 hi=1 hin=1 frag=0 pf=0 pm=0 pl=0 (0ms)\nabort() was called at PC 0x40 <img src=x>\n")
        run = replay(hostile, os.path.join(directory, "hostile"))
        page.open("file://" + os.path.join(run, "report.html"))
        assert page.ask("document.title") != "broken" and page.ask("document.querySelectorAll('main b b, main img').length") == 0
        print("ok   hostile")
        # Stacks whose size is known are judged by it, the others by the floor.
        sized = os.path.join(directory, "sized.log")
        with open(sized, "w", encoding="utf-8") as file:
            file.write("[Mem] hb hf=200000 hm=1 hl=190000 hi=200000 hin=190000 frag=5 pf=0 pm=0 pl=0 (0ms)\n"
                       "[Task] name=deep prio=3 core=0 stack_rem=1900B (0ms)\n[Task] name=small prio=2 core=0 stack_rem=400B (0ms)\n"
                       "[Task] name=old prio=1 core=0 stack_rem=400B (0ms)\n[Stack] name=deep size=6000B prio=3 (0ms)\n"
                       "[Stack] name=small size=600B prio=2 (0ms)\n")
        run = replay(sized, os.path.join(directory, "sized"))
        page.open("file://" + os.path.join(run, "report.html"))
        told = page.ask("[...document.querySelectorAll('section')].filter(s => s.innerText.startsWith('Stack')).flatMap(s =>"
                        "[...s.querySelectorAll('tbody tr')].map(r => [0, 2, 4, 5, 6].map(i => r.children[i].textContent.replace(/[^ -~]/g, ''))))")
        assert told == [["deep", "1900", "6000", "4100", "1.5"], ["small", "400", "600", "200", "3.0"], ["old", "400", "", "", ""]], told
        bars = page.ask("new Promise(done => setTimeout(() => done([...document.querySelectorAll('section')].filter(s => s.innerText.startsWith('Stack')).flatMap(s =>"
                        "[...s.querySelectorAll('svg rect')].map(r => r.getAttribute('fill')))), 200))")
        assert bars == ["var(--bad)", "var(--one)", "var(--bad)"], bars
        print("ok   sized")
        # A baseline: the differences are those of the two records.
        if len(logs) > 1:
            before, now = replay(logs[0], os.path.join(directory, "a")), replay(logs[1], os.path.join(directory, "b"))
            lab("report", now, "--baseline", before, expect=(0,))
            page.open("file://" + os.path.join(now, "report.html"))
            last = [{row["tag"]: row["hin"] for row in rows(run, "mem.jsonl")} for run in (before, now)]
            told = page.ask("[...document.querySelectorAll('section')].filter(s => s.innerText.startsWith('Against')).flatMap(s =>"
                            "[...s.querySelectorAll('tbody tr')].map(r => [r.children[0].textContent, r.children[3].textContent]))")
            wanted = {tag: last[1][tag] - last[0][tag] for tag in last[1] if tag in last[0]}
            assert {tag: int("".join(c for c in text if c.isdigit() or c == "-")) for tag, text in told} == wanted, (told, wanted)
            print("ok   baseline")
    return 0


if __name__ == "__main__":
    sys.exit(main())
