# SPDX-License-Identifier: MIT
"""docs/benchmarks.md: the last run, and what its figures mean. The columns of heaps that Debian does not package are
constants of an earlier measurement, named with the commits that were measured.
"""
import datetime
import os

import environment
import figures

DOCUMENT = os.path.join(environment.TOP, "docs", "benchmarks.md")

TEXT = """# Benchmarks of the memory runtime

Written by `holdfast bench memory --update`. Last run: {date}, commit {commit}, {machine}; {compilers}.{notes}

{table}

Verdicts: `stretch` and `met` are held; `reported` has no gate. `NOT MET` misses its gate, one of the two where there are two
(`gate (worst)`). `WORSE` holds the gate, but is above what `tests/bench/memory_gates.json` records for the same compiler: exact
figures stay where they are until that table is changed on purpose. Either makes `holdfast bench memory` end with 1.

## What was measured

- **m4, m0, rv32imc**: instructions of one call at -Os, call and return included, counted by the emulator (QEMU), exact; `worst`
  is over histories that fill, drain and mix. `masked`: the longest path with interrupts masked, read off the machine code. Text
  is code and constants; `lifo` and `bitmap` are take and give linked alone. `tests/target/count.py` measures these alone.
- **x86.shared**: all contenders in one process run on one machine, in turn; a sample is the quickest of 16 bursts, the figure
  the median of 7 samples. `pair` takes and gives one block of 64 B in one thread. `producer_consumer` is two threads, each on
  a processor of its own: one takes a block, writes one byte and sends it through a ring of 256, the other gives it. Ratios are
  gated, nanoseconds are told: `_ns` counts the loop and the ring with it, whose share is `null`.
- **x86.shared.producer_consumer_read** is the same with a consumer that reads the byte first, and has no gate: every block then
  travels between the processors, a pool that does not touch blocks loses that advantage, and its locked instructions wait for it.
  `core` is slower than some heaps there; `claimed` is not.
- **x86.claimed** (`hf_pool_claim.h`, off by default): a thread claims groups of 32 blocks and uses no locked instruction on
  them; other threads may be refused while up to 32 blocks per open claim are free. Its worst is over the history of x86.steps.
- **x86.shared.rmw, x86.steps**: the trap flag stops the processor after each instruction of take and give. `rmw` counts those
  that lock the bus over a steady pair; its worst is the sum of the worst take and the worst give of a history of {steps} calls
  that fills past the capacity of 1,024 blocks and drains at random. One thread: retries, which need another thread's success,
  are not in it. Heaps play the same history.
- **need**: the least memory that serves ten million operations of a trace (`tests/bench/traces.h`, seed and hash fixed) without
  one refusal, over the peak of live requested bytes (48 KiB), all bookkeeping included, on this 64-bit host, where blocks are
  aligned to 16 B; what a 32-bit device needs was not measured. Slabs have four classes an octave and pages of 2 KiB. `our pools` is a fixed
  partition, two classes an octave, each as large as its recorded peak; `our first_fit` has headers of 8 B, as on a device.

## What others reach

Peers of the x86 figures ran in the same process run. mimalloc in secure mode, the peer of equal safety, was built for it.
All other peers' figures in the table above, and the columns below, are constants, measured once on another machine with
gcc 12.2: TLSF deff9ab, o1heap b3a1aa4 (v2.2), heap_4 of FreeRTOS-Kernel 4269c69. They are not measured again here.

| Cortex-M4 -Os, instructions | pair 64 B, alloc + free | worst seen, alloc / free | double free is told | .text |
|---|---|---|---|---:|
| TLSF / with asserts | 236 + 164 / 285 + 196 | 242 / 238; 285 / 288 | no / yes | 1,959 |
| o1heap / with asserts | 112 + 78 / 178 + 130 | 114 / 105; 180 / 172 | no / yes | 830 |
| heap_4 / with protector and asserts | 72 + 63 / 104 + 94 | 11,727 / 4,927; 19,529 / 6,174 | ignored / yes | 690 / 966 |

| memory needed over peak live bytes, 48 KiB | iot | shift | robson |
|---|---:|---:|---:|
| TLSF | 1.54 | 1.75 | 1.47 |
| heap_4 | 1.66 | 1.93 | 1.67 |
| o1heap | 2.57 | 3.07 | 2.84 |

## How to repeat it

    cmake --preset release && cmake --build --preset release --target bin/holdfast
    build/release/bin/holdfast bench memory

It builds what it measures in the checkout that `holdfast` was built from, fetches mimalloc's source package with the machine's
own apt set-up, and takes less than 15 minutes. A missing tool ends it with status 3 and the name of the Debian package.
`--quick` leaves out times, peers and rv32imc; `--json` prints one object. `./check --full=bench` installs what is missing and
runs it whole; there, on a machine that others may use, a missed ratio of times is a loud warning and not a failure. Every
other gate fails it. The exact gates of the Cortex-M are also part of each `./check`.
"""


def write(rows, compilers, notes):
    from host import STEPS  # it alone knows the length of the history

    commit = environment.run(["git", "-C", environment.TOP, "rev-parse", "--short=12", "HEAD"]).strip()
    if environment.run(["git", "-C", environment.TOP, "status", "--porcelain", "--untracked-files=no"]).strip():
        commit += " with changes"
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    text = TEXT.format(date=date, commit=commit, machine=environment.machine(),
                       compilers=", ".join(f"{name} {version}" for name, version in compilers.items()),
                       notes="".join(f" {note}." for note in notes), table=figures.as_markdown(rows), steps=f"{STEPS[False]:,}")
    with open(DOCUMENT, "w", encoding="utf-8") as out:
        out.write(text)
