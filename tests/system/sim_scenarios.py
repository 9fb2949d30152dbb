# SPDX-License-Identifier: MIT
# Scenarios of `holdfast sim` against the charge point as it ships, in real time: the manual's own first one, and what two
# buses, several modules and SLCAN make possible. Usage: sim_scenarios.py BIN TOP
import json
import os
import subprocess
import sys

import sim_process
from sim_process import LIMIT_S, Sim

BIN, TOP = sys.argv[1:3]
PLAY_S = 90


def start_csms():
    process = subprocess.Popen([BIN + "/holdfast", "csms", "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    Sim.started.append(process)
    return process, json.loads(process.stdout.readline())["port"]


def play(directory, script, sim_options, daemon_options):
    """The events of the script, which has to end well."""
    csms, port = start_csms()
    path = directory + "/scenario.sim"
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    sim = subprocess.Popen([BIN + "/holdfast", "sim", "--io", directory + "/io", "--script", path, "--soc", "50", *sim_options],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    Sim.started.append(sim)
    assert json.loads(sim.stdout.readline())["event"] == "ready"
    daemon = subprocess.Popen([BIN + "/holdfastd", "--csms", f"ws://127.0.0.1:{port}/", "--id", "CP1", "--io", "socket:" + directory + "/io",
                               "--state", directory, "--http", "none", "--log-level", "warning", *daemon_options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    Sim.started.append(daemon)
    events, said = sim.communicate(timeout=PLAY_S)
    csms.stdin.write("ledger\nquit\n")
    csms.stdin.flush()
    ledger = [json.loads(line) for line in csms.stdout.read().splitlines()]
    daemon.terminate()
    log = daemon.communicate(timeout=LIMIT_S)[1]
    assert sim.returncode == 0, said + log
    assert daemon.returncode == 0, (daemon.returncode, log)
    return [json.loads(line) for line in events.splitlines()], ledger


def stops(ledger):
    return [event["reason"] for event in ledger if event["event"] == "stop"]


def case_first_scenario_of_the_manual(directory):
    with open(TOP + "/docs/SIMULATORS.md", encoding="utf-8") as file:
        script = file.read().split("```sim\n")[1].split("```")[0]
    _, ledger = play(directory, script, ["--can", directory + "/can"], ["--can", "virtual:" + directory + "/can", "--profile", "m33-1024"])
    assert stops(ledger) == ["EmergencyStop"], ledger


TWO_BUSES = """
plug
expect charger connected within 5000
wait 2500
card TAG1
expect power > 1000 within 15000
expect set-current >= 29 within 3000
fault bms-babble for 2000             # full of strangers: the BMS still comes through
fault babble for 2000
expect power > 1000 for 2500
fault bms-bus-off                     # the module's bus is well: OFF gets through at once
expect module off within 150
expect contactor open within 100
clear bms-bus-off
wait 500
unplug
expect state idle within 3000
expect lock unlocked within 3000
"""


def case_two_buses_two_modules(directory):
    _, ledger = play(directory, TWO_BUSES + "status\n",
                     ["--can", directory + "/can", "--bms-can", directory + "/bms", "--modules", "2"],
                     ["--can", "virtual:" + directory + "/can", "--bms-can", "virtual:" + directory + "/bms",
                      "--modules", "2", "--profile", "m33-1024"])
    assert len(stops(ledger)) == 1, ledger


SLCAN = """
plug
expect charger connected within 5000
wait 2500
card TAG1
expect power > 100 within 20000
expect set-current <= 5                # the first session on a physical bus is commissioning
fault serial-noise for 1500
wait 2000
expect frames > 100
fault adapter-gone                     # nobody tells the module: contactor, then the module's own time-out
expect contactor open within 1000
expect module off within 4000
clear adapter-gone
unplug
expect state idle within 3000
"""


def case_slcan_with_noise_and_pulled_out(directory):
    _, ledger = play(directory, SLCAN, ["--can", "slcan-pty:" + directory + "/tty"],
                     ["--can", "slcan:" + directory + "/tty", "--profile", "m33-1024"])
    assert len(stops(ledger)) <= 1, ledger


FOUR = """
expect charger connected within 5000
plug 1
plug 2
plug 3
plug 4
wait 3000
card 1 TAG1
card 2 TAG2
card 3 TAG3
card 4 TAG4
expect 1 power > 1000 within 15000
expect 2 power > 1000 within 15000
expect 3 power > 1000 within 15000
expect 4 power > 1000 within 15000
wait 4000
say {group}
{steps}
clear 1 all
clear 2 all
clear 3 all
clear 4 all
wait 1500
unplug 1
unplug 2
unplug 3
unplug 4
expect 1 state idle within 3000
expect 2 state idle within 3000
expect 3 state idle within 3000
expect 4 state idle within 3000
wait 2500
status
"""


def four_outlets(directory, group, steps):
    """One fault on each of four outlets in mid-session: what was billed is what was delivered, once."""
    buses, daemon = [], []
    for c in range(1, 5):
        can, bms = f"{directory}/can{c}", f"{directory}/bms{c}"
        buses += ["--can", can, "--bms-can", bms]
        daemon += ["--can", "virtual:" + can, "--bms-can", "virtual:" + bms]
    events, ledger = play(directory, FOUR.format(group=group, steps=steps), buses, [*daemon, "--profile", "m33-1024"])
    outlets = [event for event in events if event["event"] == "status"][-1]["outlets"]
    for c in range(1, 5):
        mine = [event for event in ledger if event.get("connector") == c and event["event"] in ("start", "stop")]
        assert [event["event"] for event in mine] == ["start", "stop"], (c, mine)
        assert all(event["conflicts"] == 0 and not event["duplicate"] for event in mine), (c, mine)
        billed_Wh = mine[1]["meter_Wh"] - mine[0]["meter_Wh"]
        delivered_Wh = outlets[c - 1]["energy_mJ"] / 3.6e6
        assert delivered_Wh > 2 and abs(billed_Wh - delivered_Wh) < 1.5, (c, billed_Wh, delivered_Wh)


def case_faults_of_the_module_bus(directory):
    four_outlets(directory, "module bus", """
fault 1 bus-off for 4000
fault 2 bus-unplugged for 4000
fault 3 babble for 4000
fault 4 flood for 4000
expect 1 contactor open within 200
expect 2 contactor open within 2500
expect 3 power > 1000 for 1500
""")


def case_faults_of_the_bms_bus(directory):
    four_outlets(directory, "BMS bus", """
fault 1 bms-bus-off for 7000
fault 2 bms-bus-unplugged for 7000
fault 3 bms-babble for 7000
fault 4 bms-flood for 7000
expect 1 contactor open within 200
expect 2 contactor open within 5500   # the family's rule: 5 s
expect 3 power > 1000 for 1500
""")


sys.exit(sim_process.run_cases(globals(), at_once=5))
