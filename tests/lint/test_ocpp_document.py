#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/OCPP.md cannot be made when a message, a key or a rule is without an entry, an entry is about nothing, a handler or a rule's test is
gone. Usage: test_ocpp_document.py GENERATED"""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools", "doc"))
import ocpp  # noqa: E402

SPOILT = {
    "a message without an entry": (ocpp.INPUT, "[message Heartbeat]", "[message Heartbreak]"),
    "a key without an entry": (ocpp.INPUT, "[key SiteLimit]", "[key SideLimit]"),
    "an entry twice": (ocpp.INPUT, "[rule 2]", "[rule 1]"),
    "a handler that is gone": ("src/evse/ocpp/evse_ocpp_calls.c", '{"ReserveNow",', '{"ReserveThen",'),
}


def main():
    generated = sys.argv[1]
    whole = ocpp.page(TOP, generated)
    faults = 0
    plain = ocpp.read
    for what, (name, old, new) in SPOILT.items():
        def spoilt(*parts, name=name, old=old, new=new):
            text = plain(*parts)
            return text.replace(old, new, 1) if os.path.join(*parts).endswith(name) else text
        ocpp.read = spoilt
        try:
            ocpp.page(TOP, generated)
            print(f"FAIL: {what} is not seen")
            faults += 1
        except ocpp.Problem:
            pass
    ocpp.read = plain
    kept = ocpp.tests_of_rules
    ocpp.tests_of_rules = lambda top: {rule: tests for rule, tests in kept(top).items() if rule != 13}
    try:
        ocpp.page(TOP, generated)
        print("FAIL: a rule without a test is not seen")
        faults += 1
    except ocpp.Problem:
        pass
    if whole.count("\n| `") < 90:
        print("FAIL: the page is too short")
        faults += 1
    print(f"{'FAIL' if faults else 'ok'}: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
