# SPDX-License-Identifier: MIT
"""The shipped holdfastd as an MQTT client: topics, retained messages, the will, discovery, brokers that go and come back, and
brokers that are slow, silent or hostile. The cases wait most of the time, so all run at once.
Usage: mqtt.py BIN BUDGET_LIBRARY [CASE...]
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from broker import CONNACK, Broker, Daemon, FakeBroker, Subscriber, free_port, kill_all, must, start, wait_until

BIN, BUDGET = sys.argv[1:3]
ROOT = "holdfast/CP1/"
FIELDS = {"state", "fault", "plugged", "locked", "contactor_closed", "power_w", "voltage_mv", "current_ma", "limit_ma",
          "energy_wh", "temperature_c", "soc_percent", "transaction_id"}
OWN = ({ROOT + name for name in ("status", "info", "diag/memory", "diag/tasks", "diag/reset", "diag/health")} |
       {f"{ROOT}connector/1/{field}" for field in FIELDS})
CONFIG = "homeassistant/device/CP1/config"
UNITS = {"power": {"W", "kW"}, "energy": {"Wh", "kWh"}, "voltage": {"mV", "V"}, "current": {"mA", "A"}, "battery": {"%"},
         "temperature": {"\u00b0C"}, "data_size": {"B", "kB"}}
EXIT_CONFIG = 78


def check_entity(key, entity, topics):
    """What Home Assistant demands of an entity (device discovery, 2024.11 and later)."""
    assert entity["p"] in ("sensor", "binary_sensor"), f"{key}: nothing else is read only"
    assert "command_topic" not in entity and "object_id" not in entity, key
    assert entity["unique_id"] and entity["name"], key
    assert entity["state_topic"] in topics, f"{key}: nobody publishes {entity['state_topic']}"
    assert entity.get("entity_category", "diagnostic") == "diagnostic", key
    device_class = entity.get("device_class")
    if entity["p"] == "binary_sensor":
        assert {entity["payload_on"], entity["payload_off"]} == {"true", "false"}, key
        assert topics[entity["state_topic"]]["payload"] in ("true", "false"), key
    elif device_class == "enum":
        assert topics[entity["state_topic"]]["payload"] in entity["options"], key
        assert "state_class" not in entity and "unit_of_measurement" not in entity, key
    elif device_class in UNITS:
        assert entity["unit_of_measurement"] in UNITS[device_class], key
    if entity.get("state_class"):
        assert entity["state_class"] in ("measurement", "total_increasing"), key
    template = entity.get("value_template", "")
    if "value_json" in template:
        member = template.split("value_json.")[1].split(" ")[0]
        assert member in json.loads(topics[entity["state_topic"]]["payload"]), f"{key}: no {member}"


def check_discovery(topics):
    config = json.loads(topics[CONFIG]["payload"])
    device, origin = config["dev"], config["o"]
    assert device["ids"] and all(device[name] for name in ("name", "mf", "mdl", "sw")), device
    assert origin["name"], origin
    assert config["availability_topic"] == ROOT + "status" and config["payload_available"] == "online"
    assert len({entity["unique_id"] for entity in config["cmps"].values()}) == len(config["cmps"])
    for key, entity in config["cmps"].items():
        check_entity(key, entity, topics)
    must(len(config["cmps"]) >= 15, "discovery names its entities, each with a topic that is published")
    energy = config["cmps"]["connector_1_energy_wh"]
    must((energy["device_class"], energy["state_class"]) == ("energy", "total_increasing"), "energy adds up")


def check_retained(broker):
    """Who subscribes later is told everything."""
    late = Subscriber(broker.port)
    wait_until(lambda: late.quiet(0.1) >= 0 and OWN | {CONFIG} <= set(late.last), "all retained messages")
    late.quiet(0.3)
    late.stop()
    topics = {topic: message for topic, message in late.last.items() if message["retain"]}
    must(set(topics) == OWN | {CONFIG}, "the topics are those of the manual, retained, and no others")
    must(topics[ROOT + "status"]["payload"] == "online", "status says online")
    for name in ("info", "diag/memory", "diag/tasks", "diag/reset", "diag/health"):
        assert isinstance(json.loads(topics[ROOT + name]["payload"]), dict), name
    info = json.loads(topics[ROOT + "info"]["payload"])
    must(info["id"] == "CP1" and info["connectors"] == 1 and info["fw"], "info names the device")
    health = json.loads(topics[ROOT + "diag/health"]["payload"])
    must(health["mqtt_connected"] is True and "heap_internal_free" in health and
         not any(name.endswith("_window") for name in health), "health has no windows")
    check_discovery(topics)


def plug(directory):
    sim = start([os.path.join(BIN, "holdfast"), "sim", "--can", f"{directory}/can", "--io", f"{directory}/io"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    sim.stdin.write("plug 1\n")
    sim.stdin.flush()
    return sim


def case_life(directory):
    broker = Broker(directory)
    eye = Subscriber(broker.port)
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    eye.payload(ROOT + "status", "online")
    eye.until(lambda m: m["topic"] == ROOT + "diag/health", "health")
    check_retained(broker)
    sim = plug(directory + "/cp")
    eye.payload(ROOT + "connector/1/plugged", "true")
    print("ok a change is told")
    sim.kill()
    sim.wait()
    # Home Assistant starts: within 5 s it is told again.
    eye.quiet(0.2)
    broker.publish("homeassistant/status", "online")
    eye.until(lambda m: m["topic"] == CONFIG and len(m.get("payload", "")) > 1000, "discovery", 8)
    print("ok discovery comes again when Home Assistant starts")
    daemon.kill()
    eye.payload(ROOT + "status", "offline")
    print("ok the will is told after kill -9")
    daemon.start()
    eye.payload(ROOT + "status", "online")
    broker.stop()
    eye.stop()
    daemon.wait_log("mqtt: closed by the other side")
    broker.start()
    eye = Subscriber(broker.port)
    eye.payload(ROOT + "status", "online")
    eye.until(lambda m: m["topic"] == ROOT + "diag/health", "health")
    check_retained(broker)
    print("ok everything comes again after the broker restarted with nothing")
    eye.quiet(0.2)
    code, _ = daemon.end()
    must(code == 0, "ends in good order")
    eye.payload(ROOT + "status", "offline")
    eye.stop()
    late = Subscriber(broker.port)
    must(late.payload(ROOT + "status", "offline")["retain"], "a good end leaves offline behind")
    late.stop()
    broker.stop()


def case_password(directory):
    broker = Broker(directory, password=("garage", "right:one@"))
    with open(directory + "/password", "w", encoding="utf-8") as secret:
        secret.write("right:one@\n")
    wrong = Daemon(BIN, directory + "/wrong", "--mqtt", f"mqtt://garage:wrong@127.0.0.1:{broker.port}")
    wrong.wait_log("the broker refuses: Connection Refused: not authorised")
    eye = Subscriber(broker.port, "-u", "garage", "-P", "right:one@")
    right = Daemon(BIN, directory + "/right", "--mqtt", f"mqtt://garage@127.0.0.1:{broker.port}", "--mqtt-password-file",
                   directory + "/password", "--mqtt-prefix", "site/a", "--mqtt-discovery", "none")
    eye.payload("site/a/CP1/status", "online")
    print("ok a password by file")
    eye.until(lambda m: m["topic"].endswith("diag/health"), "health")
    must(not any(topic.startswith("homeassistant/") and message.get("payload") for topic, message in eye.last.items()),
         "discovery can be switched off")
    with open(f"/proc/{right.process.pid}/cmdline", encoding="utf-8") as line:
        must("right:one" not in line.read() and "right:one" not in right.log(), "and is seen nowhere")
    time.sleep(4)
    must(wrong.log().count("refuses") == 1, "a wrong password is told once, not at each try")
    must(wrong.process.poll() is None, "and the charge point lives")
    wrong.kill()
    right.kill()
    eye.stop()
    broker.stop()


def case_silent(directory):
    broker = FakeBroker()
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    wait_until(lambda: broker.accepted >= 1, "a first try")
    daemon.wait_log("mqtt: the broker does not answer", 20)
    wait_until(lambda: broker.accepted >= 2, "another try")
    code, took_s = daemon.end()
    must(code == 0 and took_s < 10, "a broker that says nothing is left, and keeps nobody from ending")
    broker.stop()


def case_gone(directory):
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{free_port()}")
    daemon.wait_log("mqtt: Connection refused")
    time.sleep(5)  # some tries
    must(daemon.log().count("mqtt:") == 1, "a broker that is not there is told once")
    code, took_s = daemon.end()
    must(code == 0 and took_s < 10, "and keeps nobody from ending")


def case_hostile(directory):
    """Announces 200 MB, which libmosquitto would allocate; sends what nobody subscribed to; sends rubbish."""
    huge = CONNACK + bytes((0x30, 0xFF, 0xFF, 0xFF, 0x5F)) + bytes(4096)
    exact = CONNACK + b"".join(bytes((0x34, 7, 0, 1, 97, 0, i, 98, 98)) for i in range(1, 200))
    rubbish = bytes(range(256)) * 8
    for name, answer in (("huge", huge), ("quality 2", exact), ("rubbish", rubbish)):
        broker = FakeBroker(answer)
        daemon = Daemon(BIN, f"{directory}/{name[0]}", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
        wait_until(lambda: broker.closed >= 2, f"{name}: left at once, twice", 15)
        must(daemon.memory_kb() < 60000, f"{name}: nothing is allocated for it")
        must("Aborted" not in daemon.log() and daemon.end()[0] == 0, f"{name}: and the charge point lives")
        broker.stop()


def case_deaf(directory):
    """Takes the connection and reads nothing more: what waits is one message, whatever happens."""
    broker = FakeBroker(CONNACK, reads=False)
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    daemon.wait_log("mqtt: connected")
    time.sleep(2)
    before = daemon.memory_kb()
    time.sleep(4)
    must(daemon.memory_kb() - before < 1000, "a broker that reads nothing lets no queue grow")
    code, took_s = daemon.end()
    must(code == 0 and took_s < 12, "and keeps nobody from ending")
    broker.stop()


def case_flood(directory):
    """Good small messages without end: they cost their thread's time, and the rest goes on."""
    message = bytes((0x30, 5, 0, 1, 97, 98, 98))
    broker = FakeBroker(CONNACK + message * 100000)
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--console",
                    f"pty:{directory}/console")
    daemon.wait_log("mqtt: connected")
    time.sleep(1)
    before = daemon.memory_kb()
    time.sleep(2)
    must(daemon.memory_kb() - before < 1000, "a flood is not stored")
    must(daemon.end()[0] == 0, "a flood keeps nobody from ending")
    broker.stop()


def set_budget(directory, internal_free):
    """What the device has left, in the order of hf_memory_t."""
    internal = f"{internal_free} {min(internal_free, 100000)} {internal_free}"
    with open(directory + "/budget.new", "w", encoding="utf-8") as file:
        file.write(f"{internal} {internal} 8000000 8000000 8000000")
    os.rename(directory + "/budget.new", directory + "/budget")


def case_shed(directory):
    """Memory runs out, what tripped is told, the client goes and comes back; the moments are in the telemetry."""
    broker = Broker(directory)
    eye = Subscriber(broker.port)
    set_budget(directory, 200000)
    daemon = Daemon(BIN, directory + "/cp", "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--telemetry",
                    directory + "/telemetry", "--on-trip", "internal_free=shed", "--tripwire", "0",
                    environment={"LD_PRELOAD": BUDGET, "BUDGET_FILE": directory + "/budget"})
    eye.until(lambda m: m["topic"] == ROOT + "diag/health" and json.loads(m["payload"])["heap_internal_free"] == 200000,
              "health with memory")
    tags = ["mqtt_connect_attempt", "mqtt_connected", "mqtt_discovery_pre", "mqtt_discovery_post", "mqtt_first_publish"]

    def seen_tags():
        with open(directory + "/telemetry", encoding="utf-8") as lines:
            return [line.split()[1] for line in lines if line.startswith("[Mem] mqtt_")]
    wait_until(lambda: seen_tags() == tags, "each moment is marked, in order")
    print("ok each moment is marked, in order")
    set_budget(directory, 3000)
    eye.until(lambda m: m["topic"] == ROOT + "diag/memory" and json.loads(m["payload"])["trips"] >= 1, "the trip")
    print("ok a trip is told at once")
    eye.payload(ROOT + "status", "offline")
    daemon.wait_log("mqtt: paused by the trip policy")
    print("ok then the client pauses")
    eye.quiet(0.3)
    must(eye.quiet(2) == 0, "and publishes nothing")
    set_budget(directory, 200000)
    eye.payload(ROOT + "status", "online")
    print("ok it comes back with the memory")
    must(daemon.end()[0] == 0, "and ends in good order")
    eye.stop()
    broker.stop()


def case_options(directory):
    base = [os.path.join(BIN, "holdfastd"), "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", "virtual:/nowhere/can",
            "--io", "socket:/nowhere/io", "--check"]
    bad = {"mqtts:// is not built in": ["--mqtt", "mqtts://u:secret@broker"], "mqtt: ": ["--mqtt", "http://u:secret@broker"],
           "mqtt-prefix": ["--mqtt", "mqtt://b", "--mqtt-prefix", "a/#"],
           "mqtt-discovery": ["--mqtt", "mqtt://b", "--mqtt-discovery", "/"],
           "mqtt-password-file": ["--mqtt", "mqtt://u@b", "--mqtt-password-file", directory + "/none"]}
    for text, arguments in bad.items():
        done = subprocess.run(base + arguments, capture_output=True, text=True, check=False)
        assert done.returncode == EXIT_CONFIG and text in done.stderr, (arguments, done)
        assert "secret" not in done.stderr, "a password is never told"
    done = subprocess.run(base + ["--mqtt", "mqtt://u:p@b:1"], capture_output=True, text=True, check=False)
    must(done.returncode == 0, "good options are good, bad ones are told and end with 78")


def run(case, directory, failures):
    os.makedirs(directory)
    try:
        case(directory)
    except BaseException:  # pylint: disable=broad-except
        logs = []
        for folder, _, names in os.walk(directory):
            for name in names:
                if name in ("log", "mosquitto.log"):
                    with open(os.path.join(folder, name), encoding="utf-8") as log:
                        logs.append(f"--- {folder}/{name}\n{log.read()[-2000:]}")
        failures.append(f"{case.__name__}: {traceback.format_exc()}\n" + "\n".join(logs))


def main():
    only = sys.argv[3:]
    cases = [value for name, value in globals().items() if name.startswith("case_") and (not only or name[5:] in only)]
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        threads = [threading.Thread(target=run, args=(case, f"{directory}/{case.__name__}", failures)) for case in cases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kill_all()
    print("\n".join(failures))
    print(f"{len(cases) - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
