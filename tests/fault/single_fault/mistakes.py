#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Known mistakes in control, each a small change to a copy of one source, which the campaign must find.

Usage: mistakes.py --names
       mistakes.py NAME TOP OUT    writes OUT: the one source of TOP/src/evse that holds the place, with the mistake in it

A place that is not there exactly once (the source has moved on) gives a file with the reason in single_fault_mistake,
which the program prints before it fails. Each mistake is what somebody could write; the text says what is lost.
"""
import pathlib
import re
import sys

# name: (what is lost, regular expression of the place, replacement)
MISTAKES = {
    "latch_at_gate": (
        "the gate does not read the latch again before it writes",
        r"return atomic_load_explicit\(&control->estop_latched, memory_order_acquire\) == 0 &&\s+channel->verdict\.reasons == 0;",
        "return (void)control, channel->verdict.reasons == 0;"),
    "off_once": (
        "OFF only when it changes, not every 300 ms",
        r"return channel->group_due \|\| on != channel->sent_on \|\| reduced \|\| periodic;",
        "return channel->group_due || on != channel->sent_on || reduced || (on && periodic);"),
    "off_not_repeated": (
        "an OFF that the driver refused counts as sent",
        r"if \(stopped >= units\) \{\s+channel->sent_on = false;",
        "stopped = steps;\n    if (stopped >= units) {\n        channel->sent_on = false;"),
    "off_to_first_unit": (
        "only the first module hears OFF",
        r"if \(step >= units\) \{\s+return send_zero",
        "if (step > 0 && step < units) {\n        return true;\n    }\n    if (step >= units) {\n        return send_zero"),
    "contactor_by_wish": (
        "the contactor is held as long as the phase wants it, whatever the verdict of the tick",
        r"drive->level\[EVSE_OUT_CONTACTOR\] = is_contactor_held\(control, channel\);",
        "drive->level[EVSE_OUT_CONTACTOR] = channel->contactor_wanted;"),
    "live_for_ever": (
        "the live signal advances in every tick",
        r"drive->live_count \+= drive->level\[EVSE_OUT_CONTACTOR\] \? 1u : 0u;",
        "drive->live_count += 1u;"),
    "bms_life_by_any_frame": (
        "every frame of the BMS is life, not its request alone",
        r"bms->rx_frames\+\+;",
        "bms->rx_frames++;\n    bms->stamp_us = bms->stamp_us != 0 ? now_us : 0;"),
    "bms_of_any_bus": (
        "a BMS frame counts from whatever bus it comes",
        r"!evse_module_receive\(&channel->module, &frame, time_us\) && !has_bms_bus\(channel\)",
        "!evse_module_receive(&channel->module, &frame, time_us)"),
    "old_readings": (
        "a reading once taken stays good for half a minute",
        r"(reading\.stamp_us != 0 && reading\.stamp_us <= now_us &&\s+now_us - reading\.stamp_us <= )max_age_us;",
        r"\1max_age_us + 30000000u;"),
    "old_orders": (
        "an order never expires",
        r"bool valid = j->now_us <= order->valid_until_us;",
        "bool valid = true;"),
    "stop_forgotten": (
        "a start that is not allowed any more goes on",
        r"(static void step_starting\([^{]*\{\s+if \()!is_allowed\(channel\)",
        r"\1false"),
    "never_off": (
        "a stop that the module does not confirm never ends",
        r"\(channel->off_confirmed \|\| passed_us >= EVSE_US\(channel->config\.limits->stop_confirm_ms\)\)",
        "channel->off_confirmed"),
    "order_limit": (
        "the limit of the order is forgotten",
        r"mA = derated_mA\(j->limits, least\(mA, j->in->order->limit_mA\),",
        "mA = derated_mA(j->limits, mA,"),
    "order_power": (
        "the power of the order is forgotten",
        r"mA = powered_mA\(j, mV, mA\);",
        "(void)powered_mA(j, mV, mA);"),
    "bms_limit": (
        "a current above the BMS's, below everybody else's",
        r"least\(bms->request_mA, least\(evse_module_rated_mA\(j->in->module\), j->limits->max_mA\)\)",
        "least(bms->request_mA + 1000, least(evse_module_rated_mA(j->in->module), j->limits->max_mA))"),
    "share_of_units": (
        "each of several modules is told the whole current",
        r"channel->setpoint_mA / \(int32_t\)channel->module\.units;",
        "channel->setpoint_mA;"),
    "reduction_waits": (
        "a lower setpoint waits for the next period",
        r"return channel->group_due \|\| on != channel->sent_on \|\| reduced \|\| periodic;",
        "return channel->group_due || on != channel->sent_on || (reduced && false) || periodic;"),
    "leap_upwards": (
        "no ramp upwards",
        r"return next_mA < target_mA \? next_mA : target_mA;",
        "return next_mA < target_mA ? target_mA : target_mA;"),
    "unplug_is_no_haste": (
        "unplugging waits for the current to fall",
        r"j->verdict\.immediate = true; // better the contactor draws the arc than the plug",
        ""),
    "bus_off_is_no_haste": (
        "bus-off waits for the current to fall",
        r"(EVSE_FAULT_CAN_BUS_OFF\)\);\s+)j->verdict\.immediate = true;",
        r"\1"),
    "ticks_missing_unseen": (
        "missing ticks are not noticed",
        r"control->channel\[i\]\.stalled = true;",
        "control->channel[i].stalled = false;"),
    "contactor_late": (
        "the contactor waits twice as long for the current to fall",
        r"passed_us >= EVSE_US\(channel->config\.limits->stop_open_ms\) \|\|",
        "passed_us >= 2u * EVSE_US(channel->config.limits->stop_open_ms) ||"),
    "session_comes_back": (
        "a session that was stopped is taken up again",
        r"\(int32_t\)\(channel->order\.session_id - channel->session_id\) > 0;",
        "channel->order.session_id != channel->session_id;"),
    "reset_unseen": (
        "a reset that is stuck, or held since before, counts as a press",
        r"\} else if \(control->reset_armed\) \{",
        "} else {"),
    "event_lost": (
        "an event that finds the queue full is lost",
        r"channel->pending_events \|= 1u << kind;",
        ""),
    "stopped_twice": (
        "a session is told over in every tick",
        r"channel->ending = false;(\s+)channel->active = false;",
        r"channel->active = false;"),
    "reset_with_loop_open": (
        "the reset clears the latch although the loop is open",
        r"bool closed = is_loop_closed\(control, now_us\);",
        "bool closed = (is_loop_closed(control, now_us), true);"),
    "estop_edge_only": (
        "a stale E-stop loop is no E-stop",
        r"if \(inputs->stamp_us\[EVSE_IN_ESTOP\] != 0 && !evse_latch_is_tripped\(control\)\) \{",
        "if (evse_io_is_fresh(inputs, EVSE_IN_ESTOP, now_us) && !evse_latch_is_tripped(control)) {"),
    "boot_says_nothing": (
        "no OFF at boot",
        r"evse_gate_boot\(control, channel, now_us\);\s+channel->off_since_us",
        "channel->off_since_us"),
    "temperature_of_16_bits": (
        "the temperature is read from 16 bits, which cannot show 70 degrees",
        r"counts = evse_module_value\(counts, EVSE_DECI, profile->temperature_counts_per_C\);",
        "counts = evse_module_value((uint16_t)raw, EVSE_DECI, profile->temperature_counts_per_C);"),
    "recover_first": (
        "a bus that is off is asked back before the stop paths are commanded",
        r"evse_gate_write\(control, channel, now_us\);\s+send_passive\(channel, now_us\);\s+evse_buses_recover\(channel, now_us\);",
        "evse_buses_recover(channel, now_us);\n    evse_gate_write(control, channel, now_us);\n    send_passive(channel, now_us);"),
    "register_goes_back": (
        "the energy of a session that ends is taken back",
        r"channel->register_mJ = count\.register_mJ;",
        "channel->register_mJ -= channel->ending ? count.register_mJ - channel->register_mJ + 1u : channel->register_mJ - count.register_mJ;"),
}


def sources(top):
    folder = pathlib.Path(top) / "src" / "evse"
    return [path for name in ("can", "control", "io") for path in sorted((folder / name).glob("*.c"))]


def broken(name, top):
    """Text of the one source that has the place, with the mistake; or the reason why there is none."""
    _, place, instead = MISTAKES[name]
    found = []
    for path in sources(top):
        text = path.read_text(encoding="utf-8")
        found += [(path, text)] * len(re.findall(place, text))
    if len(found) != 1:
        return f'const char single_fault_mistake[] = "stale: its place is there {len(found)} times";\n'
    path, text = found[0]
    text = re.sub(place, instead, text, count=1)
    return f'{text}\nextern const char single_fault_mistake[];\nconst char single_fault_mistake[] = "{MISTAKES[name][0]}";\n'


def main(arguments):
    if arguments == ["--names"]:
        print(";".join(MISTAKES))
        return 0
    name, top, out = arguments
    text = broken(name, top)
    target = pathlib.Path(out)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    return 0


sys.exit(main(sys.argv[1:]))
