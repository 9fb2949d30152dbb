#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes docs/OCPP.md of the tables in the code, of the names of the tests, and of docs/ocpp.in, which says what each message and key does.

Usage: ocpp.py TOP GENERATED [--check]     GENERATED: folder of hf_autoconf.h of a build of configs/production
docs/ocpp.in: "[message NAME]", "[key NAME]" or "[rule N]" on a line of its own, then text; the text before the first is the head of the page.
Exit 1 when a message, a key or a rule has no entry, an entry nothing it is about, a rule no test, or (--check) the page is out of date.
"""
import glob
import os
import re
import subprocess
import sys

INPUT, OUTPUT = "docs/ocpp.in", "docs/OCPP.md"
PRIVATE = "src/evse/ocpp/evse_ocpp_private.h"
LATER_RULES = {24}
# Of OCPP 1.6, by profile. What the central system sends, and what the station sends.
INCOMING = {
    "Core": "ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration RemoteStartTransaction RemoteStopTransaction Reset "
            "UnlockConnector",
    "Firmware Management": "GetDiagnostics UpdateFirmware", "Local Auth List": "GetLocalListVersion SendLocalList",
    "Reservation": "CancelReservation ReserveNow", "Smart Charging": "ClearChargingProfile GetCompositeSchedule SetChargingProfile",
    "Remote Trigger": "TriggerMessage",
}
OUTGOING = {
    "Core": "Authorize BootNotification DataTransfer Heartbeat MeterValues StartTransaction StatusNotification StopTransaction",
    "Firmware Management": "DiagnosticsStatusNotification FirmwareStatusNotification",
}
TYPES = {"BOOL": "boolean", "INT": "integer", "MEASURANDS": "list of measurands", "ROTATION": "list of rotations", "TEXT": "text", "TAG": "idTag"}
ACCESS = {"RW": "read, write", "RO": "read", "REBOOT": "read, write; after a restart"}


class Problem(Exception):
    pass


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as text:
        return text.read()


def expand(top, generated):
    """Rows of the key table and of the measurands, as the compiler sees them."""
    snippet = (f'#include "{os.path.join(top, PRIVATE)}"\n#undef bool\n#undef true\n#undef false\n'
               "#define ROW_(...) @row #__VA_ARGS__\n#define KEY(name, type, access, min, max, number, text) "
               "@key name @ type @ access @ min @ max @ number @ text @end\n#define MEASURAND(name, ocpp, unit, ...) @measurand ocpp @ unit @end\n"
               "EVSE_KEY_TABLE(KEY)\nEVSE_MEASURAND_TABLE(MEASURAND)\n")
    command = ["cc", "-E", "-P", "-I", os.path.join(top, "include"), "-I", generated, "-I", os.path.join(top, "src/evse/ocpp"), "-x", "c", "-"]
    done = subprocess.run(command, input=snippet, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(done.stderr.strip())
    flat = " ".join(done.stdout.split())
    keys = [[cell.strip() for cell in row.split(" @ ")] for row in re.findall(r"@key (.*?) @end", flat)]
    measurands = [[cell.strip().strip('"') for cell in row.split(" @ ")] for row in re.findall(r"@measurand (.*?) @end", flat)]
    if not keys or not measurands:
        raise Problem("the tables cannot be read")
    return keys, measurands


def number(text):
    """The value of a constant expression of C that has only literals left."""
    plain = re.sub(r"(?<=[0-9A-Fa-f])[uUlL]+", "", text).replace("INT32_MAX", "2147483647")
    plain = re.sub(r"\(\s*(u?int\d+_t|size_t|unsigned)\s*\)", "", plain)
    if not re.fullmatch(r"[0-9xA-Fa-f+\-*/() <>]+", plain):
        return None
    return int(eval(plain.replace("/", "//")))  # digits and operators only, seen above


def literal(text):
    return None if re.fullmatch(r"\(?\(void \*\) ?0\)?|NULL", text.strip()) else "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))


def entries(top):
    head, *rest = re.split(r"^\[(message|key|rule) (\w+)\]$", read(top, INPUT), flags=re.MULTILINE)
    found = {}
    for kind, name, text in zip(rest[0::3], rest[1::3], rest[2::3]):
        if (kind, name) in found:
            raise Problem(f"{INPUT}: [{kind} {name}] twice")
        found[kind, name] = " ".join(text.split())
    return head.strip(), found


def actions(top):
    """What the station answers, and what it sends."""
    calls = read(top, "src/evse/ocpp/evse_ocpp_calls.c")
    handled = set(re.findall(r'^\s*\{"(\w+)", \w+\},$', calls, re.MULTILINE))
    sent = set()
    for path in glob.glob(os.path.join(top, "src/evse/**/*.c"), recursive=True):
        text = read(path)
        if "evse_outgoing_begin(" in text:
            sent |= {name for name in re.findall(r'"(\w+)"', text) if name in " ".join(OUTGOING.values()).split()}
    return handled, sent


def tests_of_rules(top):
    found = {}
    for path in sorted(glob.glob(os.path.join(top, "tests/**/*.c"), recursive=True)):
        for rule, name in re.findall(r"^static void rule_(\d\d)_(\w+)\(void\)", read(path), re.MULTILINE):
            found.setdefault(int(rule), []).append((os.path.relpath(path, top), name))
    return found


def cell(text):
    return text.replace("|", "\\|")


def told_by_daemon(top):
    """Values of keys that the platform's transfers decide, as holdfastd has them."""
    more = re.search(r'return EVSE_PROFILES "([^"]*)";', read(top, "src/evse/ocpp/evse_ocpp_config.c"))
    protocols = re.search(r'#define TRANSFER_PROTOCOLS +"([^"]*)"', read(top, "port/linux/transfer_curl.h"))
    if more is None or protocols is None:
        raise Problem("what the daemon's transfers can do is not found")
    return {"SupportedFeatureProfiles": more[1], "SupportedFileTransferProtocols": protocols[1]}


def key_rows(top, keys, texts):
    added = told_by_daemon(top)
    for name, kind, access, least, most, default, text in keys:
        is_number = kind.endswith("INT")
        span = f"{number(least)} to {number(most)}" if is_number and number(least) is not None and number(most) is not None else "-"
        span = "at most " + str(number(most)) if kind.endswith("MEASURANDS") and number(most) is not None else span
        shown = literal(text)
        shown = shown + added[name] if name in added else shown
        if kind.endswith("BOOL"):
            shown = "true" if number(default) else "false"
        elif is_number:
            shown = str(number(default)) if number(default) is not None else "-"
        shown = "empty" if shown == "" else f"`{shown}`" if shown else "-"
        yield f"| `{name}` | {TYPES.get(kind, kind.lower())} | {ACCESS.get(access, access)} | {span} | {cell(shown)} | {cell(texts['key', name])} |"


def page(top, generated):
    keys, measurands = expand(top, generated)
    head, texts = entries(top)
    handled, sent = actions(top)
    tests = tests_of_rules(top)
    wanted_in, wanted_out = (" ".join(table.values()).split() for table in (INCOMING, OUTGOING))
    problems = [f"{name} has no handler" for name in wanted_in if name not in handled] + [f"{name} is never sent" for name in wanted_out if name not in sent]
    subjects = {("message", name) for name in wanted_in + wanted_out} | {("key", row[0]) for row in keys} | {("rule", str(i)) for i in range(1, 26)}
    problems += [f"[{kind} {name}] is missing" for kind, name in sorted(subjects - set(texts))]
    problems += [f"[{kind} {name}] is about nothing" for kind, name in sorted(set(texts) - subjects)]
    problems += [f"rule {i} has no test" for i in range(1, 26) if i not in tests and i not in LATER_RULES]
    if problems:
        raise Problem("\n".join(problems))
    out = [head, "", "## Messages", "", "| message | from | profile | behaviour and limits |", "|---|---|---|---|"]
    for direction, table in (("central system", INCOMING), ("charge point", OUTGOING)):
        for profile, names in table.items():
            for name in names.split():
                who = "both" if name == "DataTransfer" else direction
                if name != "DataTransfer" or direction == "central system":
                    out.append(f"| `{name}` | {who} | {profile} | {cell(texts['message', name])} |")
    out += ["", "## Configuration keys", "", f"{len(keys)} keys, as `configs/production` has them; sizes differ with the configuration.", "",
            "| key | type | access | range | default | effect |", "|---|---|---|---|---|---|", *key_rows(top, keys, texts)]
    out += ["", "## Measurands", "", "| measurand | unit |", "|---|---|", *(f"| `{name}` | {unit or '-'} |" for name, unit in measurands)]
    out += ["", "## Rules most often got wrong", "", "Each with its tests, whose names carry its number (`rule_NN_...`).", "", "| rule | what | tests |", "|---:|---|---|"]
    for i in range(1, 26):
        names = "later" if i in LATER_RULES else ", ".join(f"`{name}`" for _, name in tests[i])
        out.append(f"| {i} | {cell(texts['rule', str(i)])} | {names} |")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    top = sys.argv[1]
    try:
        made = page(top, sys.argv[2])
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    path = os.path.join(top, OUTPUT)
    if "--check" in sys.argv:
        if not os.path.exists(path) or read(path) != made:
            print(f"{OUTPUT} is out of date: tools/doc/ocpp.py makes it anew", file=sys.stderr)
            return 1
        return 0
    with open(path, "w", encoding="utf-8") as out:
        out.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
