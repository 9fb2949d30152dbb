# SPDX-License-Identifier: MIT
"""The portal of the shipped holdfastd from outside: pages, API, refusals, uploads, hostile clients beside a session, restart.
Usage: portal.py BIN has_telemetry|no_telemetry"""
import base64
import gzip
import hashlib
import json
import os
import re
import socket
import sys
import threading

from portal_rig import Rig, must

BIN, HAS_TELEMETRY = sys.argv[1], sys.argv[2] == "has_telemetry"
ASSETS = {"/": "text/html", "/network.html": "text/html", "/firmware.html": "text/html", "/portal.css": "text/css",
          "/portal.js": "text/javascript"}
ALWAYS = ["uptime_seconds", "reset_reason", "cpu_usage", "cpu_temperature", "heap_free", "heap_min", "heap_largest",
          "heap_internal_free", "heap_internal_min", "heap_internal_largest", "psram_free", "psram_min", "psram_largest",
          "heap_fragmentation", "psram_fragmentation", "heap_size", "heap_internal_free_min_window",
          "heap_internal_free_max_window", "heap_internal_largest_min_window", "heap_fragmentation_max_window",
          "psram_free_min_window", "psram_free_max_window", "psram_largest_min_window", "psram_fragmentation_max_window",
          "mqtt_enabled", "mqtt_publish_enabled",
          "mqtt_connected", "mqtt_last_health_publish_ms", "mqtt_health_publish_age_ms", "fs_type", "fs_mounted", "fs_used_bytes", "fs_total_bytes", "flash_used",
          "flash_total", "wifi_rssi", "ip_address", "hostname"]


def check_pages(rig):
    for url, kind in ASSETS.items():
        plain, packed = rig.get(url), rig.get(url, Accept_Encoding="br, gzip")
        assert plain.status == packed.status == 200, (url, plain.status, packed.status)
        assert plain.headers.get_content_type() == kind and "Content-Encoding" not in plain.headers, (url, plain.headers)
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body, url
        assert len(packed.body) < len(plain.body) and packed.headers["ETag"] != plain.headers["ETag"], url
        assert "Accept-Encoding" in packed.headers["Vary"] and "default-src 'self'" in packed.headers["Content-Security-Policy"]
        for answer, coding in (plain, "identity"), (packed, "gzip"):
            again = rig.get(url, Accept_Encoding=coding, If_None_Match=answer.headers["ETag"])
            assert again.status == 304 and not again.body and again.headers["ETag"] == answer.headers["ETag"], url
        assert rig.get(url, If_None_Match='"another"').status == 200
        head = rig.request("HEAD", url)
        assert head.status == 200 and not head.body and int(head.headers["Content-Length"]) == len(plain.body), url
        assert not re.search(rb"(src|href)=\"?(https?:)?//", plain.body), f"{url} fetches from elsewhere"
    must(True, "pages and assets: plain, compressed, known already, HEAD")


def check_reading(rig):
    info, mode = rig.get("/api/info").json(), rig.get("/api/mode").json()
    must(info["schema"] == 1 and info["id"] == "CP1" and info["limits"]["firmware_bytes"] == 8 << 20, "/api/info")
    must(mode["mode"] == "full" and mode["writes"] == "open", "/api/mode: on loopback changes are open")
    if HAS_TELEMETRY:
        check_health(rig)
    else:
        health = rig.get("/api/health").json()
        must(health["schema"] == 1 and health["reset_reason"] is None and "heap_free" not in health, "/api/health without telemetry")
        must(rig.get("/api/health/history").json()["available"] is False, "nor is there a history")


def check_health(rig):
    rig.wait(lambda: rig.get("/api/health").json()["uptime_seconds"] is not None, "telemetry's first view")
    health = rig.get("/api/health").json()
    must(health["schema"] == 1 and not [name for name in ALWAYS if name not in health], "/api/health has every field")
    must(health["wifi_rssi"] is None and health["mqtt_last_health_publish_ms"] is None, "what is unknown is null")
    must(health["cpu_temperature"] is None or -55 <= health["cpu_temperature"] <= 150, f"the processor has {health['cpu_temperature']} degrees")
    must(health["flash_used"] is None and health["flash_total"] is None and 0 < health["fs_used_bytes"] < health["fs_total_bytes"],
         f"the journal's segment: {health['fs_used_bytes']} of {health['fs_total_bytes']} bytes")
    must(health["mqtt_enabled"] is False and health["mqtt_connected"] is False, "without a broker there is no MQTT")
    must([pool["pool"] for pool in health["pools"]], "/api/health lists the pools")
    history = rig.get("/api/health/history").json()
    must(history["period_ms"] == 5000 and history["capacity"] == 60 and len(history["uptime_ms"]) == history["count"], "history")
    answers = [rig.get("/api/health/history").json()["capacity"] for _ in range(3)]
    must(answers == [60, 60, 60], "a reader takes nothing away from the next")


def check_config(rig):
    before = rig.get("/api/config").json()
    must("HeartbeatInterval" in before["config"] and "NumberOfConnectors" in before["readonly"], "GET /api/config")
    must(before["secret"] == ["LocalStartTag"] and b"BUTTON" not in rig.get("/api/config").body, "a tag is not told")
    results = rig.post("/api/config?no_reboot=1", {"HeartbeatInterval": "301", "NoSuchKey": "1", "BlinkRepeat": "99999",
                                                   "NumberOfConnectors": "2", "LocalStartTag": "OTHER"}).json()
    must(results["results"] == {"HeartbeatInterval": "Accepted", "NoSuchKey": "NotSupported", "BlinkRepeat": "Rejected",
                                "NumberOfConnectors": "Rejected", "LocalStartTag": "Accepted"}, "an answer for each key")
    must((results["accepted"], results["rejected"], results["not_supported"]) == (2, 2, 1), "and their number")
    must(rig.get("/api/config").json()["config"]["HeartbeatInterval"] == "301", "what was accepted is in force")
    whole = {**before["config"], "HeartbeatInterval": "302"}
    must(set(rig.post("/api/config?no_reboot=1", whole).json()["results"].values()) == {"Accepted"}, "all of it at once")
    rig.post("/api/config", {"LocalStartTag": "BUTTON"})
    known = rig.get("/api/config").json()
    for body in (b"", b"{", b"[]", b'{"HeartbeatInterval":"310",}', b'{"HeartbeatInterval":310}', b'{"HeartbeatInterval":null}',
                 b'{"HeartbeatInterval":"310","BlinkRepeat":["1"]}', b'{"HeartbeatInterval":"310","heartbeatinterval":"311"}',
                 b'{"HeartbeatInterval":"310"}x', b'{"HeartbeatInterval":"310","":"x"}', b'{"a":' + b"[" * 100, b'{"A":"\xff"}',
                 json.dumps({f"Key{i}": "1" for i in range(65)}).encode(), json.dumps({"HeartbeatInterval": "1" * 501}).encode()):
        answer = rig.post("/api/config", body)
        assert answer.status == 400 and answer.json()["error"], (body, answer.status, answer.body)
    must(rig.get("/api/config").json() == known, "a body that is not understood changes nothing")
    must(rig.csms.event("connected")["event"] == "connected", "the central system is there all the while")


def post_once(rig, statuses):
    try:
        statuses.append(rig.post("/api/config", {"HeartbeatInterval": "302"}).status)
    except ConnectionError:  # 17th at once
        statuses.append(503)


def check_burst_of_marks(rig):
    statuses = []
    threads = [threading.Thread(target=post_once, args=(rig, statuses)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = rig.get("/api/health").json()["uptime_seconds"]
    rig.wait(lambda: rig.get("/api/health").json()["uptime_seconds"] > seen + 1, "the marks to be told")
    telemetry = rig.get("/api/health").json()["telemetry"]
    must(len(statuses) == 40 and 200 in statuses and set(statuses) <= {200, 503}, f"40 changes at once: {statuses.count(200)} done")
    must(telemetry["lost_marks"] == 0 and telemetry["lost_lines"] == 0, f"and none of their marks is lost: {telemetry}")


def check_refusals(rig):
    octets = {"Content-Type": "application/octet-stream", "X-Digest-SHA256": "0" * 64}
    cases = [(404, "GET", "/api", b"", {}), (404, "GET", "/portal.css/", b"", {}),
             (404, "GET", "/%00", b"", {}), (404, "GET", "/api/mode%00", b"", {}), (404, "GET", "/%00/api/mode", b"", {}),
             (404, "POST", "/../etc/passwd", b"", {}),
             (405, "POST", "/", b"", {}), (405, "DELETE", "/api/config", b"", {}), (405, "GET", "/api/firmware", b"", {}),
             (405, "GET", "/api/reboot", b"", {}), (405, "POST", "/api/status", b"", {}),
             (415, "POST", "/api/config", b"{}", {"Content-Type": "application/x-www-form-urlencoded"}),
             (415, "POST", "/api/config", b"{}", {"Content-Type": "text/plain"}), (415, "POST", "/api/config", b"{}", {}),
             (415, "POST", "/api/reboot", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
             (415, "POST", "/api/reboot", b"{}", {}), (415, "POST", "/api/firmware", b"x", {"X-Digest-SHA256": "0" * 64}),
             (413, "POST", "/api/config", b"{" + b" " * 8192, {"Content-Type": "application/json"}),
             (413, "POST", "/api/firmware", b"", {**octets, "Content-Length": str((8 << 20) + 1)}),
             (400, "POST", "/api/firmware", b"", octets), (400, "POST", "/api/firmware", b"x", {**octets, "X-Digest-SHA256": "0"}),
             (400, "POST", "/api/firmware", b"x", {"Content-Type": "application/octet-stream"}),
             (403, "POST", "/api/reboot", b"", {"Host": "evil.example"}), (403, "POST", "/api/reboot", b"", {"Host": "127.0.0.1.evil"}),
             (403, "POST", "/api/reboot", b"", {"Origin": "http://evil.example"}),
             (403, "POST", "/api/reboot", b"", {"Origin": "null"}), (403, "POST", "/api/config", b"{}", {"Origin": "http://127.0.0.1"})]
    must(rig.get("/api/%6dode").json()["mode"] == "full", "a path is decoded")
    for status, method, path, body, headers in cases:
        answer = rig.request(method, path, body, headers)
        assert answer.status == status, (answer.status, status, method, path, headers, answer.body)
        assert answer.json()["error"] and answer.headers["X-Content-Type-Options"] == "nosniff", (method, path)
        assert (status == 405) == ("Allow" in answer.headers), (method, path)
    must(True, f"{len(cases)} wrong requests get their own refusal")
    must(rig.daemon.poll() is None and len(rig.ports()) == 1, "and restart nothing")


def upload(rig, data, **headers):
    return rig.request("POST", "/api/firmware", data, {"Content-Type": "application/octet-stream", **headers})


def check_uploads(rig):
    image = os.urandom(3 << 20)
    digest = hashlib.sha256(image)
    good = upload(rig, image, **{"X-Digest-SHA256": digest.hexdigest().upper()})
    must(good.status == 200 and good.json()["verified"] and good.json()["bytes"] == len(image), "an image is verified")
    must(good.json()["installed"] is False and "nothing is installed" in good.json()["note"], "and the answer says what is not done")
    must(upload(rig, image, Digest="sha-256=" + base64.b64encode(digest.digest()).decode()).json()["verified"], "a Digest header")
    wrong = upload(rig, image, **{"X-Digest-SHA256": "0" * 64})
    must(wrong.status == 422 and not wrong.json()["verified"] and wrong.json()["sha256"] == digest.hexdigest(), "a wrong digest")
    most = bytes(8 << 20)
    must(upload(rig, most, **{"X-Digest-SHA256": hashlib.sha256(most).hexdigest()}).status == 200, "the largest image there may be")
    chunks = (bytes(1 << 16) for _ in range(129))  # one more than that
    answer = rig.request("POST", "/api/firmware", chunks, {"Content-Type": "application/octet-stream",
                                                           "X-Digest-SHA256": "0" * 64, "Transfer-Encoding": "chunked"})
    must(answer.status == 413, "one larger than that, whose size was not told")


def half_upload(rig):
    """Begins an upload and keeps it open."""
    client = socket.create_connection(("127.0.0.1", rig.port))
    client.sendall(b"POST /api/firmware HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
                   b"X-Digest-SHA256: " + b"0" * 64 + b"\r\nContent-Length: 100000\r\n\r\n" + bytes(60000))
    return client


def check_half_upload(rig):
    first = half_upload(rig)
    rig.wait(lambda: upload(rig, b"x", **{"X-Digest-SHA256": "0" * 64}).status == 503, "the upload to begin")
    second = upload(rig, b"x", **{"X-Digest-SHA256": "0" * 64})
    must(second.status == 503 and int(second.headers["Retry-After"]) > 0, "one upload at a time")
    first.close()
    rig.wait(lambda: upload(rig, b"x", **{"X-Digest-SHA256": "0" * 64}).status == 422, "the place to be free again")
    must(True, "half an upload gives its place back")


def ask_in_parallel(rig, failures):
    for path in ("/api/status", "/api/config", "/api/health", "/api/mode", "/", "/portal.js") * 5:
        try:
            answer = rig.get(path)
            if answer.status not in (200, 503):
                failures.append((path, answer.status))
        except OSError as error:  # 17th at once: refused by the limit of connections
            failures.append((path, error)) if not isinstance(error, ConnectionError) else None


def check_parallel(rig):
    failures = []
    threads = [threading.Thread(target=ask_in_parallel, args=(rig, failures)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    must(not failures, f"eight clients at once: {failures}")


def check_slow_clients(rig):
    """Each sends a byte of its headers from time to time, more of them than there are places."""
    clients, ended = [], threading.Event()

    def dribble():
        while not ended.wait(0.1):
            for client in clients:
                try:
                    client.send(b"X")
                except OSError:
                    pass

    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", rig.port))
        client.setblocking(False)
        try:
            client.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        except OSError:
            pass
        clients.append(client)
    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        must(rig.get("/api/status").status == 200, "an honest client comes through between 20 slow ones")
    finally:
        ended.set()
        thread.join()
        for client in clients:
            client.close()


def check_broken_requests(rig):
    for text in (b"\r\n\r\n", b"GET", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100, b"GET " + b"a" * 20000,
                 b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 4000 + b"\r\n", b"POST /api/config HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 b"Content-Type: application/json\r\nContent-Length: -1\r\n\r\n{}", b"POST /api/config HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"\x16\x03\x01\x02\x00\x01\x00"):
        with socket.create_connection(("127.0.0.1", rig.port)) as client:
            client.settimeout(0.3)
            try:
                client.sendall(text)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass  # closed, or waiting for the rest of it until it is given up
    must(rig.get("/api/status").status == 200, "what is no HTTP is got rid of")


def check_session_undisturbed(rig):
    transaction = rig.charge()
    before = rig.status()
    check_slow_clients(rig)
    check_parallel(rig)
    check_uploads(rig)
    check_half_upload(rig)
    check_broken_requests(rig)
    after = rig.status()
    connector = after["connectors"][0]
    ticks, late = after["ticks"] - before["ticks"], after["ticks_late"] - before["ticks_late"]
    must(connector["state"] == "Charging" and connector["transaction_id"] == transaction, "the session goes on")
    must(after["events_refused"] == before["events_refused"] and not connector["reasons"], "with its power all the while")
    must(ticks > 0 and late * 20 <= ticks, f"{late} of {ticks} ticks late")
    return transaction


def check_shed(rig):
    for path in (*ASSETS, "/api/mode", "/api/info", "/api/config", "/api/health/history"):
        answer = rig.get(path)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0 and answer.json()["error"], path
    for path in ("/api/config", "/api/firmware", "/api/reboot"):
        assert rig.post(path, {}).status == 503, path
    must(rig.get("/api/health").status == rig.get("/api/status").status == 200, "while load is shed health and status are told, no more")


def check_restart(rig, transaction):
    answer = rig.post("/api/reboot", {})
    must(answer.status == 202 and answer.json()["restart"] == "accepted" and answer.json()["after_sessions"] == 1,
         "a restart is answered first")
    if HAS_TELEMETRY:
        rig.wait(lambda: rig.get("/api/health").json()["telemetry"]["shedding"], "load to be shed")
        check_shed(rig)
        must(rig.status()["connectors"][0]["transaction_id"] == transaction and len(rig.ports()) == 1, "the session under way goes on")
        rig.sim.tell("button 1 stop on for 300")
    stop = rig.csms.event("stop", transactionId=transaction)
    must(stop["reason"] == ("Local" if HAS_TELEMETRY else "Reboot"), "the session ends in good order")
    rig.find_port(2)
    rig.wait(lambda: rig.get("/api/status").status == 200, "the new start")
    must(rig.status()["boot"] == 2, "and the program runs anew")
    must(rig.get("/api/config").json()["config"]["HeartbeatInterval"] == "302", "with the configuration that was set")


def main():
    with Rig(BIN, *(["--telemetry", "-", "--heartbeat", "5"] if HAS_TELEMETRY else [])) as rig:
        check_pages(rig)
        check_reading(rig)
        check_config(rig)
        if HAS_TELEMETRY:
            check_burst_of_marks(rig)
        check_refusals(rig)
        check_restart(rig, check_session_undisturbed(rig))
    print("portal: all good")


if __name__ == "__main__":
    main()
