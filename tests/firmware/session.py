#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The firmware image on the emulated Cortex-M4 board, in whole sessions, judged from outside.

Usage: session.py CASE IMAGE TOOLS      TOOLS: the folder of the host's `holdfast` (build/release/bin)
Cases: session, estop, console, link_loss, reset, power_cut, fault, stuck; of the image that resets at a fault (firmware_resets):
telemetry, trip, crash, hang. Exit status: 0 good, 1 not, 2 wrong use.
"""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import rig # pylint: disable=wrong-import-position
from telemetry_lines import wrong_lines # pylint: disable=wrong-import-position
from rig import Failed

ENERGY_TOLERANCE = 0.005
CONTACTOR_DROP_S = 0.030   # of the simulated contactor
LIVE_SIGNAL_S = 0.200
TICK_S = 0.010
FULL_POWER_MW = 2400000
HOST_IDLE_S = 0.030        # a machine that is not overloaded
HOST_S = 0.100             # between processes that are all in time
ORDERS_S = 3               # orders of comms are valid for so long
EXIT_FAULT = 70            # port/mps2
NMI, HARD_FAULT, MEMORY_FAULT, BUS_FAULT = 2, 3, 4, 5
SCRATCH = 0x20017FE8       # beside the journal's mark: nobody uses it
STEP_S = 30
STACK_GUARD = 32           # bytes nobody may touch, of port/mps2
FOR_EVER = b"\xfe\xe7"     # b .
NOWHERE = 0xE0000F00       # nothing may be executed there


def check(good, text):
    if not good:
        raise Failed(text)


def judge_energy(board, report, stop_Wh):
    truth = board.outlet()["energy_mJ"]
    told = report["register_mJ"]
    late_mJ = max(0, board.host.worst_s - HOST_IDLE_S) * FULL_POWER_MW # a session's edges, seen so much later
    check(abs(told - truth) <= ENERGY_TOLERANCE * truth + late_mJ, f"register {told} mJ, simulated {truth} mJ")
    check(abs(stop_Wh - truth / 3.6e6) <= 1 + ENERGY_TOLERANCE * truth / 3.6e6, f"told {stop_Wh} Wh, simulated {truth / 3.6e6:.3f}")
    return f"{told} mJ, simulated {truth}"


def judge_ledger(board, reason):
    """Exactly one start and one stop, told once each."""
    ledger, entries = board.ledger()
    stops = [entry for entry in entries if entry["kind"] == "stop"]
    check(ledger["starts"] == 1 and ledger["stops"] == 1, f"starts and stops: {ledger}")
    check(ledger["invalid"] == 0 and ledger["conflicts"] == 0 and ledger["lost"] == 0, f"central system: {ledger}")
    check(stops[0]["reason"] == reason, f"stopped with {stops[0]['reason']}, not {reason}")
    return ledger, stops[0]


def judge_report(report, status):
    check(status == 0, f"QEMU ended with {status}")
    check(report["heap_calls"] == 0, f"{report['heap_calls']} calls of the heap")
    check(report["stack_peak"] < report["stack_bytes"] * 3 // 4, f"stack: {report['stack_peak']} of {report['stack_bytes']}")
    check(report["ticks"] >= report["uptime_ms"] // 20, f"{report['ticks']} ticks in {report['uptime_ms']} ms")
    check(report["readings_dropped"] == 0, f"{report['readings_dropped']} readings dropped")
    if report["ws_opened"] <= 1:  # while a link is gone the second reading goes to the journal: the pool has one block
        check(report["messages"]["exhausted"] == 0, f"pools: {report}")
    check(report["can"]["overruns"] == 0 and report["can"]["refused"] == 0, f"CAN: {report['can']}")
    check(all(line["overruns"] == 0 and line["refused"] == 0 for line in report["uart"]), f"UARTs: {report['uart']}")
    check(report["io_refused"] == 0, f"{report['io_refused']} broken packets of inputs")


def has_stalled(board):
    """The machine stood still for so long that control took the power down: right, but not what the case is about."""
    return "no tick for" in board.console_text() or board.host.worst_s > LIVE_SIGNAL_S / 2


def seconds_to_zero(board, start, since):
    """From a moment of the simulation to power 0 for good, and to the contactor open."""
    zero = board.sim.wait("power 0", start=start, event="power", when=lambda line: line["power_mW"] == 0)
    opened = board.sim.wait("the contactor to open", start=start, event="contactor", closed=False)
    return zero["t"] - since, opened["t"] - since


def case_session(board):
    """Plug, card, charging with meter values, stop by the central system, unplug: one session as it should be."""
    board.booted()
    board.csms.say(f"set-config {rig.STATION} MeterValueSampleInterval 2")
    board.charge(2000000)
    board.sim.wait("some energy", event="power", when=lambda line: line["energy_mJ"] > 2500000)
    for _ in range(3): # at 2 s each
        board.csms.wait("MeterValues", start=board.seen(board.csms), event="meter")
    board.csms.say(f"remote-stop {rig.STATION}")
    stop = board.csms.wait("StopTransaction", event="stop")
    board.csms.wait("Finishing", event="status", connector=1, status="Finishing")
    board.sim.say("unplug 1")
    seen = board.seen(board.csms)
    board.csms.wait("Available again", start=seen, event="status", connector=1, status="Available")
    ledger, _ = judge_ledger(board, "Remote")
    check(ledger["meters"] >= 3, f"{ledger['meters']} MeterValues in the ledger")
    outlet = board.outlet()
    check(outlet["hot_openings"] == 0 or has_stalled(board), f"the contactor opened {outlet['hot_openings']} times under load")
    report, status = board.report()
    energy = judge_energy(board, report, stop["meter_Wh"])
    judge_report(report, status)
    return (f"energy {energy}; {report['ticks']} ticks, {report['ticks_late']} late (at most {report['late_max_us']} us), "
            f"stack {report['stack_peak']} of {report['stack_bytes']}, CAN {report['can']['rx']} in {report['can']['tx']} out")


def case_estop(board):
    """[SAF-01] E-stop over the I/O line: power 0, contactor open, Stop EmergencyStop, Faulted; nothing comes back."""
    board.booted()
    board.charge(500000)
    start = board.seen(board.sim)
    board.sim.say("estop")
    pressed = board.sim.wait("its E-stop", start=start, event="estop", pressed=True)["t"]
    power_s, contactor_s = seconds_to_zero(board, start, pressed)
    limit_s = TICK_S + CONTACTOR_DROP_S + HOST_S + board.host.worst_s
    check(contactor_s <= limit_s and power_s <= limit_s, f"power 0 after {power_s:.3f} s, contactor {contactor_s:.3f} s")
    board.csms.wait("Faulted", event="status", connector=1, status="Faulted")
    board.csms.wait("StopTransaction", event="stop")
    judge_ledger(board, "EmergencyStop")
    board.sim.say("release")
    time.sleep(2)
    outlet = board.outlet()
    check(outlet["power_mW"] == 0 and not outlet["contactor"], f"power after release: {outlet}")
    report, status = board.report()
    judge_report(report, status)
    return f"power 0 after {power_s * 1000:.0f} ms, contactor open after {contactor_s * 1000:.0f} ms"


def case_console(board):
    """The local console: what it tells while power flows, and a session it ends."""
    board.booted()
    board.charge(500000)
    board.type("status", "Charging")
    board.type("tasks", "comms")
    board.type("start 1", "no such command")
    board.type("stop 1", "\n> ")
    board.csms.wait("StopTransaction", event="stop")
    judge_ledger(board, "Local")
    report, status = board.report()
    judge_report(report, status)
    return "status, tasks, stop"


def case_link_loss(board):
    """The bridge loses the connection and tells nobody: power flows on, the link comes back, nothing is told twice."""
    board.booted()
    board.csms.say(f"set-config {rig.STATION} MeterValueSampleInterval 2")
    board.charge(500000)
    start, flowing = board.seen(board.csms), board.seen(board.sim)
    board.csms.say(f"disconnect {rig.STATION}")
    board.csms.wait("the loss", start=start, event="disconnected")
    board.csms.wait("the link again", start=start, limit_s=40, event="connected")
    board.csms.wait("MeterValues", start=board.seen(board.csms), event="meter")
    opened = board.sim.find(flowing, event="contactor", closed=False)
    check(not opened or has_stalled(board), "the contactor opened for a lost link")
    board.csms.say(f"remote-stop {rig.STATION}")
    stop = board.csms.wait("StopTransaction", event="stop")
    judge_ledger(board, "Remote")
    report, status = board.report()
    check(report["ws_opened"] == 2, f"{report['ws_opened']} links")
    energy = judge_energy(board, report, stop["meter_Wh"])
    judge_report(report, status)
    return f"energy {energy}"


def case_reset(board):
    """[SAF-14] Soft reset in mid-session: the session ends first, power is down, then the board resets."""
    board.booted()
    board.charge(500000)
    boots = board.seen(board.csms)
    start = board.seen(board.sim)
    board.csms.say(f"reset {rig.STATION} Soft")
    board.csms.wait("StopTransaction", event="stop")
    board.board.wait("the report", event="report")
    zero = [line for line in board.sim.find(start, event="power") if line["power_mW"] == 0]
    check(zero, "the board reset itself while power was up")
    board.booted(boots)
    judge_ledger(board, "SoftReset")
    return after_boot(board, 2)


def case_power_cut(board):
    """[SAF-08] The board starts anew in mid-session, without a warning: no power after it, one Stop."""
    board.booted()
    board.charge(500000)
    boots = board.seen(board.csms)
    start = board.seen(board.sim)
    board.monitor("system_reset")
    board.sim.wait("the contactor to open", start=start, event="contactor", closed=False)
    board.booted(boots)
    board.csms.wait("StopTransaction", event="stop")
    judge_ledger(board, "PowerLoss")
    return after_boot(board, 2)


def after_boot(board, boot):
    start = board.seen(board.sim)
    time.sleep(2)
    ons = [line for line in board.sim.find(start, event="power") if line["power_mW"] > 0]
    outlet = board.outlet()
    check(not ons and not outlet["contactor"] and outlet["power_mW"] == 0, f"power came back by itself: {ons} {outlet}")
    report, status = board.report()
    check(report["boot"] == boot, f"boot {report['boot']}, not {boot}")
    judge_report(report, status)
    return f"boot {boot}, journal kept over the reset, no power after it"


def dead(board, start, since, limit_s, exceptions):
    power_s, contactor_s = seconds_to_zero(board, start, since)
    limit_s += board.host.worst_s
    check(power_s <= limit_s and contactor_s <= limit_s, f"power 0 after {power_s:.3f} s, contactor {contactor_s:.3f} s, limit {limit_s:.3f} s")
    told = board.board.wait("the fault", event="fault", limit_s=30)
    status = board.status()
    check(status == EXIT_FAULT, f"QEMU ended with {status}")
    check(told["exception"] in exceptions, f"exception {told['exception']}")
    return f"exception {told['exception']} at {told['pc']}; power 0 after {power_s * 1000:.0f} ms, contactor {contactor_s * 1000:.0f} ms"


def case_fault(board):
    """[SAF-13] The processor runs astray: both stop paths at once from the fault handler, then a loud end."""
    board.booted()
    board.charge(500000)
    start = board.seen(board.sim)
    since = time.monotonic()
    board.send_processor_to(NOWHERE)
    return dead(board, start, since, CONTACTOR_DROP_S + HOST_S, (HARD_FAULT, MEMORY_FAULT, BUS_FAULT))


def case_stuck(board):
    """[SAF-13] The comms loop hangs while the tick goes on: orders run out, and the watchdog ends it."""
    board.booted()
    board.charge(500000)
    start = board.seen(board.sim)
    since = time.monotonic()
    board.send_processor_to(SCRATCH, FOR_EVER)
    return dead(board, start, since, ORDERS_S + 1, (NMI,))


def judge_lines(board):
    wrong = wrong_lines(board.telemetry())
    check(not wrong, f"no lines of telemetry: {wrong[:3]}")


def case_telemetry(board):
    """Its own line: prologue, marks of a session, heartbeats with the stack, pools; an end in good order is told by the next start."""
    board.booted()
    board.wait_telemetry(r"^rst:0x1 \(Power On\)$")
    board.wait_telemetry(r"^\[Main\] Setup complete$")
    board.charge(500000)
    board.wait_telemetry(r"^\[Mem\] tx_start ")
    board.wait_telemetry(r"^\[Heartbeat\] Up: \d+s ", 2)
    board.wait_telemetry(r"^\[Pool\] name=events ")
    margin = int(re.search(r"stack_rem=(\d+)B", board.wait_telemetry(r"^\[Task\] name=main\+irq ")).group(1))
    boots = board.seen(board.csms)
    board.csms.say(f"reset {rig.STATION} Soft")
    report = board.board.wait("the report", event="report")
    board.wait_telemetry(r"^\[Mem\] tx_stop ")
    board.wait_telemetry(r"^rst:0x2 \(Software\)$")
    board.booted(boots)
    board.wait_telemetry(r"^\[Main\] Setup complete$", 2)
    check(report["stack_bytes"] - report["stack_peak"] <= margin, f"margin {margin}: {report['stack_peak']} of {report['stack_bytes']} B")
    check(margin > 1024, f"{margin} B of stack are left")
    judge_lines(board)
    last, status = board.report()
    judge_report(last, status)
    return f"{len(board.telemetry())} lines, stack margin {margin} B"


def case_trip(board):
    """[SAF-14] A stack that was used to its last word trips the policy in a session: it ends in order, the contactor opens, then the
    board resets, and the next start tells of it."""
    board.booted()
    board.charge(500000)
    board.wait_telemetry(r"^\[Task\] name=main\+irq ")
    boots, start = board.seen(board.csms), board.seen(board.sim)
    board.write_memory(board.symbol("firmware_stack_limit") + STACK_GUARD, b"\0" * 16)
    board.wait_telemetry(r"^\[Trip\] stack (warning|trip) tag=\S+ value=0 limit=8 name=main\+irq", limit_s=STEP_S)
    board.csms.wait("StopTransaction", event="stop")
    board.board.wait("the report", event="report")
    check(board.sim.find(start, event="contactor", closed=False), "the board reset itself with the contactor closed")
    check(board.outlet()["power_mW"] == 0, "the board reset itself while power was up")
    board.wait_telemetry(r"^rst:0x8001 \(Trip\)$")
    board.booted(boots)
    judge_ledger(board, "Reboot")
    check("the run before: Trip, task main+irq stack" in board.console_text(), "the log does not tell")
    judge_lines(board)
    return after_boot(board, 2)


def crash(board, pattern):
    """After a reset by fault: the dossier is told, nothing energizes by itself, the session is ended once."""
    boots, start = board.seen(board.csms), board.seen(board.sim)
    yield
    board.sim.wait("the contactor to open", start=start, event="contactor", closed=False, limit_s=ORDERS_S + STEP_S)
    told = board.wait_telemetry(pattern, limit_s=STEP_S)
    board.booted(boots)
    board.csms.wait("StopTransaction", event="stop")
    judge_ledger(board, "PowerLoss")
    judge_lines(board)
    outcome = after_boot(board, 2)
    check("the run before: " in board.console_text(), "the log does not tell")
    yield f"{told}; {outcome}"


def case_crash(board):
    """[SAF-13] The processor runs astray in a session: both stop paths, the dossier in RAM, a reset, and it is told."""
    board.booted()
    board.charge(500000)
    play = crash(board, r"^rst:0x8002 \(Panic\)$")
    next(play)
    board.send_processor_to(NOWHERE)
    told = next(play)
    check(re.search(r"Panic exception \d+ at 0x[0-9a-f]{8}", board.console_text()), "where is not told")
    return told


def case_hang(board):
    """[SAF-13] The comms loop hangs: the watchdog's interrupt leaves the dossier, with the name of who was late."""
    board.booted()
    board.charge(500000)
    play = crash(board, r"^rst:0x8004 \(Task WDT\)$")
    next(play)
    board.send_processor_to(SCRATCH, FOR_EVER)
    told = next(play)
    check("Task WDT, task comms exception 2" in board.console_text(), "who is not told")
    return told


CASES = {name.removeprefix("case_"): case for name, case in list(globals().items()) if name.startswith("case_")}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in CASES:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    name, image, tools = sys.argv[1:]
    if not os.access(os.path.join(tools, "holdfast"), os.X_OK):
        print(f"no holdfast in {tools}: build it first (cmake --preset release, cmake --build --preset release)")
        sys.exit(1)
    begin = time.monotonic()
    try:
        with rig.Rig(tools, image) as board:
            told = CASES[name](board)
            print(f"{name}: {told}; {time.monotonic() - begin:.1f} s, host at most {board.host.worst_s * 1000:.0f} ms late")
    except Failed as failed:
        print(f"{name}: FAILED: {failed}")
        sys.exit(1)


if __name__ == "__main__":
    main()
