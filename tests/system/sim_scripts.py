# SPDX-License-Identifier: MIT
# Scripts of `holdfast sim`: what a file may say, what its exit status tells, faults that end by themselves.
# Usage: sim_scripts.py BIN TOP
import json
import os
import subprocess
import sys

import sim_process
from sim_process import LIMIT_S, Sim

HOLDFAST = os.path.join(sys.argv[1], "holdfast")


def play(directory, script, *options):
    path = directory + "/scenario.sim"
    with open(path, "w", encoding="ascii") as file:
        file.write(script)
    return subprocess.run([HOLDFAST, "sim", "--can", directory + "/can", "--io", "none", "--script", path, *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def events(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def case_good_script_ends_with_0(directory):
    result = play(directory, """# a scenario
expect state idle
expect plug out
plug
expect plug in          # at once
expect battery-voltage > 70
expect battery-voltage <= 80.5
expect power == 0 for 300
say half   way
expect lock locked within 2000
unplug 1
expect lock unlocked within 2000
expect contactor off
expect hot-unplugs == 0
""")
    assert result.returncode == 0, result
    names = [event["event"] for event in events(result)]
    assert names.count("passed") == 10 and "failed" not in names, names
    assert any(event.get("text") == "half way" for event in events(result))


def case_first_failure_ends_with_1_and_its_line(directory):
    result = play(directory, "plug\n\nexpect power > 1000 within 200\nsay never\n")
    assert result.returncode == 1, result
    assert "scenario.sim:3: expected otherwise: it is 0" in result.stderr, result.stderr
    failed = [event for event in events(result) if event["event"] == "failed"]
    assert len(failed) == 1 and failed[0]["number"] == 3
    assert not any(event["event"] == "say" for event in events(result))
    result = play(directory, "expect plug out for 200\nexpect plug in for 100\n")
    assert result.returncode == 1 and "scenario.sim:2: expected otherwise" in result.stderr, result
    result = play(directory, "card TAG1\n")
    assert result.returncode == 1 and "scenario.sim:1: no charger" in result.stderr, result


def case_bad_script_is_refused_before_it_starts(directory):
    for line, text in {
            "dance": "there is no such command",
            "plug 2": "there is no such connector",
            "plug x": "too many words",
            "card": "a tag is needed",
            "card 1 " + "x" * 21: "at most 20 characters",
            "fault": "the name of a fault",
            "fault nope": "there is no fault of that name",
            "fault nan maybe": "on, off, or for MS",
            "fault nan on for": "milliseconds",
            "fault nan for 0": "milliseconds",
            "fault nan unit 1": "no single unit's",
            "fault hot unit 2": "there is no such unit",
            "fault nan on off": "too many words",
            "clear": "the name of a fault",
            "button up": "start or stop",
            "ask 80": "volts and amperes",
            "ask 80 x": "volts and amperes",
            "ask 1 80 -1": "volts and amperes",
            "wait": "milliseconds",
            "wait -1": "milliseconds",
            "wait 99999999999": "milliseconds",
            "reset-hold x": "milliseconds",
            "reset maybe": "on or off",
            "expect": "is not known",
            "expect weather good": "is not known",
            "expect contactor ajar": "is not known",
            "expect power": "is not known",
            "expect power 1000": ">= or ==",
            "expect power > x": "a number is needed",
            "expect power > 1 within x": "milliseconds",
            "expect power > 1 for 5 within 5": "too many words",
            "quit now": "too many words",
            "say" + " x" * 20: "too many words",
            "say " + "x" * 600: "too long"}.items():
        result = play(directory, f"# first\nplug\n{line}\n")
        assert result.returncode == 2, (line, result)
        assert f"scenario.sim:3: " in result.stderr and text in result.stderr, (line, result.stderr)
        assert result.stdout == "", line
    result = play(directory, "say x\n" * 1025)
    assert result.returncode == 2 and "scenario.sim:1025: " in result.stderr, result.stderr
    missing = subprocess.run([HOLDFAST, "sim", "--can", directory + "/can", "--io", "none", "--script", directory + "/none"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    assert missing.returncode == 3 and "/none" in missing.stderr, missing


def flags(result, kind, name):
    return [(event["t"], event[name]) for event in events(result) if event["event"] == kind and name in event]


def case_what_lasts_a_while_ends_by_itself(directory):
    result = play(directory, "fault nan for 200\nfault hot for 100\nfault hot on\nbutton stop\nreset-hold 300\nwait 500\nstatus\n")
    assert result.returncode == 0, result
    for kind, name, length_s in (("fault", "nan", 0.2), ("button", "stop", 0.2), ("reset", "held", 0.3)):
        (begin, on), (end, off) = flags(result, kind, name)
        assert on and not off and length_s <= round(end - begin, 6) < length_s + 0.1, (kind, begin, end)
    assert [on for _, on in flags(result, "fault", "hot")] == [True, True]  # the later word holds
    status = [event for event in events(result) if event["event"] == "status"][0]
    assert status["outlets"][0]["faults"] == ["hot"], status


def case_one_unit_of_several(directory):
    result = play(directory, "fault hot unit 2\nestop\nfault lock-stuck\nstatus\nclear all\nrelease\nstatus\n", "--modules", "3")
    before, after = [event["outlets"][0] for event in events(result) if event["event"] == "status"]
    assert [unit["faults"] for unit in before["units"]] == [[], ["hot"], []], before
    assert before["faults"] == ["estop", "lock-stuck"], before
    assert after["faults"] == [] and all(unit["faults"] == [] for unit in after["units"]), after


def case_events_can_be_left_out_and_frames_counted(directory):
    result = play(directory, "wait 300\n", "--events", "none")
    assert result.returncode == 0 and result.stdout == "", result
    result = play(directory, "wait 1000\n", "--counts", "100")
    counts = [event["buses"][0]["out"] for event in events(result) if event["event"] == "frames"]
    assert 8 <= len(counts) <= 12 and counts[-1] > counts[0], counts


def case_lines_on_stdin_go_on_after_a_failure(directory):
    script = "bad line\nexpect power > 1\nsay still here\nwait 50\n"
    command = [HOLDFAST, "sim", "--can", directory + "/can", "--io", "none", "--exit-on-eof"]
    result = subprocess.run(command, input=script, capture_output=True, text=True, timeout=LIMIT_S)
    names = [event["event"] for event in events(result)]
    assert result.returncode == 1, result
    assert names == ["ready", "error", "failed", "say"], names
    result = subprocess.run(command, input="x" * 9000 + "\nsay over\n", capture_output=True, text=True, timeout=LIMIT_S)
    assert [event["event"] for event in events(result)] == ["ready", "error", "say"], result
    assert events(result)[1]["text"] == "the line is too long", result
    with open(directory + "/lines", "w", encoding="ascii") as file:  # a plain file on stdin
        file.write("say a\n" * 3000 + "say b\n")
    with open(directory + "/lines", encoding="ascii") as file:
        result = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0 and len(events(result)) == 3002, len(events(result))


def case_wait_holds_back_later_lines(directory):
    sim = Sim(HOLDFAST, "--can", directory + "/can", "--io", "none")
    sim.tell("say a\nwait 400\nsay b\n" + "say c\n" * 2000)  # more than is read at a time
    first, second = sim.event("say"), sim.event("say")
    assert (first["text"], second["text"]) == ("a", "b")
    assert second["t"] - first["t"] > 0.399, (first, second)  # how much later is the machine's affair
    for _ in range(2000):
        assert sim.event("say")["text"] == "c"
    sim.tell("quit")
    assert sim.process.wait(LIMIT_S) == 0


def case_every_fault_listed_can_be_set(directory):
    listed = subprocess.run([HOLDFAST, "sim", "--list-faults"], capture_output=True, text=True, timeout=LIMIT_S)
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert listed.returncode == 0 and len(names) == len(set(names)) >= 46, names
    outlet = [name for name in names if not name.endswith(("serial-noise", "adapter-gone"))]
    result = play(directory, "".join(f"fault {name}\n" for name in outlet) + "status\n")
    assert result.returncode == 0, result
    status = [event for event in events(result) if event["event"] == "status"][0]
    assert status["outlets"][0]["faults"] == outlet, status
    result = play(directory, "fault serial-noise\n")
    assert result.returncode == 1 and "no SLCAN adapter" in result.stderr, result


def case_scripts_of_the_manual_are_understood(directory):
    with open(sys.argv[2] + "/docs/SIMULATORS.md", encoding="utf-8") as file:
        scripts = [block.split("```")[0] for block in file.read().split("```sim\n")[1:]]
    assert len(scripts) >= 2, scripts
    for script in scripts:
        result = play(directory, script, "--check")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
    assert play(directory, "dance\n", "--check").returncode == 2
    assert os.listdir(directory) == ["scenario.sim"]


def case_faults_of_the_manual_are_those_of_the_program(directory):
    with open(sys.argv[2] + "/docs/SIMULATORS.md", encoding="utf-8") as file:
        text = file.read()
    listed = subprocess.run([HOLDFAST, "sim", "--list-faults"], capture_output=True, text=True, timeout=LIMIT_S)
    for name in [line.split()[0] for line in listed.stdout.splitlines()]:
        of_both = name.removeprefix("bms-") in ("bus-off", "bus-unplugged", "babble", "flood", "serial-noise", "adapter-gone")
        assert f"`{name.removeprefix('bms-') if of_both else name}`" in text, name


sys.exit(sim_process.run_cases(globals()))
