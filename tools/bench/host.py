# SPDX-License-Identifier: MIT
"""Host figures: builds tests/bench, runs it, reads its lines. All contenders of a comparison are in one process run."""
import os

import environment
import mimalloc

TOOLS = ("cmake", "ninja", "cc")
POOLS = ("core", "statistics", "census", "claimed")
SECURE = "mimalloc_secure"
PROGRAMS = os.path.join(environment.BUILD, "bench")
# Heaps keep a little of each thread's static storage, more than the loader sets aside for objects it loads later.
SPACE = {"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=65536"}
STEPS = {False: 16384, True: 4096}


def build():
    environment.say("bench: building the host programs")
    environment.run(["cmake", "-S", environment.TOP, "-B", environment.BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     "-DHOLDFAST_CONFIG=production"])
    environment.run(["cmake", "--build", environment.BUILD, "-j2", "--target", "bench_host"])


def words(program, *arguments):
    """{(figure, contender): [number...]} of what a program prints."""
    output = environment.run([os.path.join(PROGRAMS, program), *arguments], env={**os.environ, **SPACE})
    found = {}
    for line in output.splitlines():
        figure, contender, *numbers = line.split()
        found[figure, contender] = [float(number) for number in numbers]
    return found


def pools():
    return list(POOLS), [f"{name}={PROGRAMS}/bench_pool_{name}.so" for name in POOLS]


def heaps():
    """Names and arguments of the peers, and the version of the one that is built here."""
    library, version = mimalloc.secure_library()
    return (["glibc", "jemalloc", "mimalloc", SECURE],
            ["glibc", f"jemalloc={environment.need_library('jemalloc')}:malloc,free",
             f"mimalloc={environment.need_library('mimalloc')}:mi_malloc,mi_free", f"{SECURE}={library}:mi_malloc,mi_free"], version)


def row(name, unit, value, worst=None, peers=None, **more):
    return {"name": name, "unit": unit, "value": value, "worst": worst, "peers": peers or {}, **more}


def ratios(figure, measured, names, against):
    """{name: time over that of `against`}, medians of the same run."""
    base = measured[figure, against][0]
    return {name: round(measured[figure, name][0] / base, 3) for name in names}


def timed(mode, figures, peer_names, peer_arguments):
    """Rows of one process run: ratios, of which those in the table are judged, and the nanoseconds that are told."""
    names, arguments = pools()
    measured = words("bench_x86", mode, "null", *peer_arguments, *arguments)
    everyone = [*names, *peer_names]
    for figure in figures:
        to_secure = ratios(figure, measured, everyone, SECURE)
        yield row(f"x86.shared.{figure}", "ratio to mimalloc secure", to_secure.pop("core"), None, to_secure, timing=True)
        nanoseconds = {name: round(measured[figure, name][0], 1) for name in ("null", *everyone)}
        yield row(f"x86.{figure}_ns", "ns", nanoseconds.pop("core"), None, nanoseconds)
    if "pair" in figures:
        to_jemalloc = ratios("pair", measured, everyone, "jemalloc")
        yield row("x86.claimed.pair", "ratio to jemalloc", to_jemalloc.pop("claimed"), None, to_jemalloc, timing=True)


def stepped(is_quick, peer_names, peer_arguments):
    """Rows of what is counted: locked instructions of a steady pair, instructions of every call of a history."""
    names, arguments = pools()
    measured = words("bench_x86", "steps", "--steps", str(STEPS[is_quick]), *peer_arguments, *arguments)

    def locked(name):
        return round(sum(measured[f"steps_pair_{call}", name][2] for call in ("take", "give")), 2)

    def most_locked(name):
        return int(sum(measured[f"steps_{call}", name][3] for call in ("take", "give")))

    others = [name for name in (*peer_names, *names) if name != "core"]
    yield row("x86.shared.rmw", "locked instructions per take and give", locked("core"), most_locked("core"),
              {name: locked(name) for name in others})
    for call in ("take", "give", "refusal"):
        counts = {name: measured[f"steps_{call}", name] for name in ("core", *others) if (f"steps_{call}", name) in measured}
        yield row(f"x86.steps.{call}", "instructions", round(counts["core"][0], 1), int(counts["core"][1]),
                  {f"{name}, worst": int(counts[name][1]) for name in others if name in counts})
    yield row("x86.claimed.worst", "instructions", None, max(int(measured[f"steps_{call}", "claimed"][1]) for call in ("take", "give")))


def join_claimed(rows):
    """The claimed pair is one figure: its time, and the most instructions of a call."""
    worst = next(one for one in rows if one["name"] == "x86.claimed.worst")
    for one in rows:
        if one["name"] == "x86.claimed.pair":
            one["worst"] = worst["worst"]
            return [other for other in rows if other is not worst]
    return rows


def needed(is_quick):
    """Rows of memory needed over peak live bytes."""
    output = environment.run([os.path.join(PROGRAMS, "bench_need"), *(["1000000"] if is_quick else [])])
    ratio = {}
    for line in output.splitlines():
        _, trace, manager, value, _, _ = line.split()
        ratio[trace, manager] = float(value)
    for trace in ("iot", "shift", "robson"):
        others = {f"our {manager}": value for (name, manager), value in ratio.items() if name == trace and manager != "slabs"}
        yield row(f"need.{trace}", "memory over peak live bytes", ratio[trace, "slabs"], None, others)


def measure(is_quick):
    """(rows, compilers, notes). Quick: only what is exact and needs no peer."""
    environment.need_tools(TOOLS)
    names, arguments, notes = [], [], []
    if not is_quick:
        names, arguments, version = heaps()
        notes.append(f"mimalloc secure: Debian's source package {version}, MI_SECURE=ON")
    build()
    rows = []
    if not is_quick:
        environment.say("bench: pair and producer/consumer, all contenders in one run")
        rows += timed("pair", ["pair"], names, arguments)
        rows += timed("producer_consumer", ["producer_consumer", "producer_consumer_read"], names, arguments)
    environment.say("bench: instructions by single step")
    rows += stepped(is_quick, names, arguments)
    environment.say("bench: memory needed for the traces")
    rows += needed(is_quick)
    return join_claimed(rows), {"cc (host)": environment.compiler_version("cc")}, notes
