#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""holdfast trace on traces made here: its sums against plain counting, its advice against a strict replay of the trace.
Usage: trace_verb.py BIN_DIR"""
import random
import re
import subprocess
import sys
import unittest

BIN = sys.argv.pop(1)


def trace(*arguments, text, status=0):
    done = subprocess.run([f"{BIN}/holdfast", "trace", *arguments, "-"], input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stdout if status == 0 else done.stderr


class Recording:
    """A random trace and what is true of it."""

    def __init__(self, seed, entries):
        self.random = random.Random(seed)
        self.lines = ["holdfast-trace 1", "pool 7 things 2048 300", "tag 3 net"]
        self.events = []  # (block, bytes) taken, (block, None) given
        self.held = {}
        self.tags = {}
        self.peak_bytes = self.takes = 0
        for number in range(entries):
            self.step(number)

    def step(self, number):
        block = self.random.randrange(250)
        if block in self.held:
            self.lines.append(f"g {number} {number * 3} 7 0 {self.held.pop(block)} {block} 0 00000000")
            self.events.append((block, None))
            return
        size = self.random.choice((self.random.randrange(1, 90), self.random.randrange(1, 2000), 640))
        tag = self.random.randrange(2) * 3
        self.lines.append(f"t {number} {number * 3} 7 {tag} {size} {block} 0 0000abcd")
        self.events.append((block, size))
        self.held[block] = size
        self.tags[block] = tag
        self.takes += 1
        self.peak_bytes = max(self.peak_bytes, sum(self.held.values()))

    def text(self):
        return "\n".join(self.lines) + "\n"

    def peaks(self, tiers):
        """Most blocks held at once in each tier, every take served by the smallest that fits."""
        now, most, where = [0] * len(tiers), [0] * len(tiers), {}
        for block, size in self.events:
            if size is None:
                now[where.pop(block)] -= 1
                continue
            where[block] = next(i for i, (room, _) in enumerate(tiers) if room >= size)
            now[where[block]] += 1
            most[where[block]] = max(most[where[block]], now[where[block]])
        return most


class Trace(unittest.TestCase):
    def test_show_adds_up(self):
        recording = Recording(1, 5000)
        out = trace("show", text=recording.text())
        self.assertIn(f"5000 entries over 14.997 s: {recording.takes} takes, {5000 - recording.takes} gives", out)
        self.assertIn(f"{len(recording.held)} blocks, {sum(recording.held.values())} B; at most", out)
        self.assertIn(f", {recording.peak_bytes} B\n", out)
        sizes = re.findall(r"^ +(\d+)- *(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", out, re.MULTILINE)
        for low, high, largest, takes, *_ in sizes:
            inside = [s for _, s in recording.events if s is not None and int(low) <= s <= int(high)]
            self.assertEqual((int(largest), int(takes)), (max(inside), len(inside)))
        self.assertEqual(sum(int(row[3]) for row in sizes), recording.takes)

    def test_census_tells_owners(self):
        recording = Recording(2, 3001)
        out = trace("census", text=recording.text())
        for tag, name in ((0, "0"), (3, "net")):
            held = [s for b, s in recording.held.items() if recording.tags[b] == tag]
            self.assertRegex(out, rf"things +{name} +0x0000abcd +{len(held)} +{sum(held)} ")

    def test_advice_serves_the_trace_and_not_more(self):
        for seed in range(20):
            recording = Recording(seed, 3000)
            need = None
            for most in range(1, 9):
                out = trace("advise", "--tiers", str(most), text=recording.text())
                table = out[out.index("tier  "):].split("\n\n")[0]
                tiers = [tuple(map(int, row)) for row in re.findall(r"^\d+ +(\d+) +(\d+)$", table, re.MULTILINE)]
                self.assertTrue(1 <= len(tiers) <= most)
                self.assertEqual(recording.peaks(tiers), [count for _, count in tiers])
                now = int(re.search(r"^after: +need (\d+)", out, re.MULTILINE).group(1))
                self.assertGreaterEqual(now, recording.peak_bytes)
                self.assertTrue(need is None or now <= need)
                need = now
                kconfig = re.findall(r"^CONFIG_HF_TIER(\d)_(BYTES|COUNT)=(\d+)$", out, re.MULTILINE)
                if len(tiers) <= 5:
                    values = {(int(n), kind): int(v) for n, kind, v in kconfig}
                    for n in range(1, 6):
                        self.assertEqual(values[n, "COUNT"], tiers[n - 1][1] if n <= len(tiers) else 0)
                else:
                    self.assertEqual(kconfig, [])

    def test_headroom_is_added(self):
        recording = Recording(3, 2000)
        plain = trace("advise", "--tiers", "1", text=recording.text())
        more = trace("advise", "--tiers", "1", "--headroom", "50", text=recording.text())
        count = [int(re.search(r"^1 +\d+ +(\d+)$", out, re.MULTILINE).group(1)) for out in (plain, more)]
        self.assertEqual(count[1], count[0] + (count[0] + 1) // 2)

    def test_lost_entries_are_told(self):
        lines = Recording(4, 2000).lines
        del lines[100:150]
        self.assertIn("50 entries are missing", trace("show", text="\n".join(lines)))

    def test_restart_gives_all_back(self):
        recording = Recording(5, 101)
        out = trace("show", text=recording.text() + "restart 400\n")
        self.assertIn("1 restarts\nheld at the end 0 blocks, 0 B", out)

    def test_what_is_no_trace_is_refused(self):
        good = Recording(6, 20).text()
        self.assertIn("-:4: malformed input", trace("show", text=good.replace("\nt 0", "\nx 0"), status=1))
        self.assertIn("-:1: not possible", trace("show", text=good.replace("holdfast-trace 1\n", ""), status=1))
        self.assertIn("-:1: not supported", trace("show", text="holdfast-trace 9\n", status=1))
        self.assertIn("is empty", trace("show", text="", status=1))
        self.assertIn("nothing there", trace("advise", text="holdfast-trace 1\n", status=1))


if __name__ == "__main__":
    unittest.main()
