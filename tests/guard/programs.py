#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Foreign programs under libholdfast-malloc.so: with a budget that suffices they say what they say without it, and every byte
is booked; with one that does not, they are answered NULL and say so by themselves. Usage: programs.py LIBRARY [PROGRAM...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

LIBRARY = os.path.abspath(sys.argv[1])
ONLY = sys.argv[2:]
LIMIT_S = 120
SKIP = 77
# A crash of our own would be one of these; abort() is how some programs answer NULL.
CRASHES = (-4, -7, -8, -11)

SQL = ("create table t(a integer primary key, b text);"
       "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(i * 7919) from n;"
       "create index x on t(b); select count(*), sum(a), min(b), max(b) from t; select b from t order by b desc limit 5;"
       "delete from t where a % 3 = 0; vacuum; select count(*), group_concat(b) from (select b from t order by a limit 50);")
PYTHON = ("import collections, hashlib, json, re, random\n"
          "random.seed(7)\n"
          "d = {i: [random.random() for _ in range(i % 50)] for i in range(3000)}\n"
          "text = json.dumps(d)\n"
          "print(len(text), hashlib.sha256(text.encode()).hexdigest())\n"
          "print(collections.Counter(re.findall('[0-9]', text)).most_common(3), json.loads(text) == json.loads(json.dumps(d)))\n"
          "print(sum(x * x for x in range(100000)), 3 ** 2000 % 1000007)\n")


def speed(output):
    """What openssl speed did; how fast it was is another matter."""
    return sorted({line.split()[0] for line in output.splitlines() if line.endswith("k") and line.split()[0] in ("sha256", "md5")})


def stress(output):
    return [line.split("]")[-1].split(" in ")[0].strip() for line in output.splitlines() if "successful run" in line or "fail" in line]


# name: (command, budget that suffices, budget that does not, what of the output is compared)
PROGRAMS = {
    "sqlite3": (["sqlite3", ":memory:", SQL], "internal=8M,psram=8M", "internal=256K,psram=256K", str),
    "python3": ([os.path.realpath("/usr/bin/python3"), "-c", PYTHON], "internal=64M,psram=64M", "internal=600K,psram=600K", str),
    "openssl": (["openssl", "speed", "-seconds", "1", "-bytes", "1024", "sha256", "md5"], "internal=320K,psram=8M",
                "internal=16K,psram=16K", speed),
    "git": (["git", "--no-pager", "log", "--stat", "-n", "40"], "internal=128M,psram=128M", "internal=64K,psram=256K", str),
    "stress-ng": (["stress-ng", "--malloc", "2", "--malloc-bytes", "8M", "--malloc-ops", "20000", "--verify"],
                  "internal=48M,psram=48M", "internal=32K,psram=32K", stress),
}


def run(command, folder, budget=None, report=None):
    environment = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    if budget is not None:
        environment.update(LD_PRELOAD=LIBRARY, HOLDFAST_HEAP=budget, HOLDFAST_HEAP_REPORT=report)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def repository(folder):
    """A history of our own to look at: where the tests run there may be none."""
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments], cwd=folder, check=True, capture_output=True)
    git("init", "-q")
    for number in range(60):
        with open(os.path.join(folder, f"file{number % 7}"), "a", encoding="utf-8") as out:
            out.write("".join(f"line {number} {i}\n" for i in range(200)))
        git("add", "-A")
        git("commit", "-q", "-m", f"change {number}", "--date", f"2024-01-01T00:00:{number:02}Z")


def must(condition, what):
    assert condition, what


def check_children(folder, command, budget):
    """What stresses is forked: a report of each process."""
    done = run(command, folder, budget, os.path.join(folder, "child.%p.json"))
    must(done.returncode == 0, done.stderr)
    told = []
    for name in os.listdir(folder):
        if name.startswith("child."):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                told.append(json.loads(lines.readlines()[-1]))
    busy = [each for each in told if each["takes"] > 10000]
    must(len(busy) == 2, f"{len(busy)} of {len(told)} processes took much")
    for each in busy:
        must(each["double_gives"] + each["foreign"] + each["corrupt"] == 0, each)
        print(f"ok a stressor: {each['takes']} takes, {each['refused']} refused; "
              + ", ".join(f"{r['name']} peak {r['peak']}, fragmentation {r['fragmentation_max_percent']} % at most" for r in each["regions"]))


def check(name, folder):
    command, enough, little, compared = PROGRAMS[name]
    report = os.path.join(folder, f"{name}.json")
    plain = run(command, folder)
    must(plain.returncode == 0, f"{name} does not run at all: {plain.stderr}")
    under = run(command, folder, enough, report)
    must(under.returncode == 0, f"{name} under {enough}: {under.returncode} {under.stderr[-800:]}")
    must(compared(plain.stdout + plain.stderr) == compared(under.stdout + under.stderr) and compared(plain.stdout + plain.stderr),
         f"{name} says something else under {enough}: {under.stdout[-400:]} {under.stderr[-400:]}")
    with open(report, encoding="utf-8") as lines:
        told = [json.loads(line) for line in lines]
    first = told[-1]
    for region in first["regions"]:
        users = sum(user["used"][region["name"]] for user in first["libraries"])
        must(users == region["used"], f"{name}: {users} of {region['used']} bytes of {region['name']} are booked")
    must(first["refused"] + first["double_gives"] + first["foreign"] + first["corrupt"] == 0, f"{name}: {first}")
    must(first["takes"] > 50, f"{name} was not under the budget")
    figures = ", ".join(f"{r['name']} peak {r['peak']}, fragmentation {r['fragmentation_max_percent']} % at most" for r in first["regions"])
    print(f"ok {name} under {enough}: same output; {figures}; {first['takes']} takes")
    if name == "stress-ng":
        check_children(folder, command, enough)
    starved = run(command, folder, little, report)
    must(starved.returncode not in CRASHES, f"{name} under {little} crashed: {starved.returncode} {starved.stderr[-800:]}")
    words = (starved.stdout + starved.stderr).strip().splitlines()
    must(starved.returncode != 0 or name == "stress-ng", f"{name} does not mind {little}")
    print(f"ok {name} under {little}: ends with {starved.returncode}, says: {words[-1][:110] if words else '(nothing)'}")


def check_each_take(folder):
    """Each take of libsqlite3 fails in a run of its own. (Of all takes two would be the C library's own: getpwuid() of glibc
    2.36 does not look whether it got memory.)"""
    statement = "create table t(a,b); insert into t values(1,'x'),(2,'y'); create index i on t(b); select * from t order by b desc;"
    ends = {}
    for number in range(1, 540, 6):
        report = os.path.join(folder, "take.json")
        done = subprocess.run(["sqlite3", ":memory:", statement], capture_output=True, text=True, timeout=LIMIT_S, check=False,
                              env={**os.environ, "LD_PRELOAD": LIBRARY, "HOLDFAST_HEAP": "internal=8M,psram=8M", "HOLDFAST_HEAP_REPORT": report,
                                   "HOLDFAST_HEAP_FAIL_TAKE": f"lib:libsqlite3*@{number}"})
        must(done.returncode in (0, 1, 7), f"take {number} of libsqlite3 fails: {done.returncode} {done.stderr}")
        ends[done.returncode] = ends.get(done.returncode, 0) + 1
        with open(report, encoding="utf-8") as lines:
            told = json.loads(lines.readlines()[-1])
        must(told["told_to_fail"] == (1 if told["refused"] else 0) and (told["refused"] == 0 or told["last_refused"]["library"].startswith("libsqlite3")), told)
    must(ends.get(7, 0) > 10, f"no take that mattered: {ends}")
    print(f"ok each take of libsqlite3 in turn: exit codes {ends}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        if "no budget" in run(["true"], folder, "internal=64K", folder + "/none").stderr.lower():
            print("skipped: no budget is kept here")
            return SKIP
        repository(folder)
        for name in [name for name in ONLY if name != "takes"] or ([] if ONLY else PROGRAMS):
            must(shutil.which(PROGRAMS[name][0][0]), f"{name} is not installed")
            check(name, folder)
        if not ONLY or "takes" in ONLY:
            check_each_take(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
