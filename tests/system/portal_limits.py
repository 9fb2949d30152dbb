# SPDX-License-Identifier: MIT
"""The portal of the shipped holdfastd at its limits: a password, an address beyond this machine, a device's memory, failed
allocations. What cannot be looked at here is named. Usage: portal_limits.py BIN STARVE_MODULE|none has_telemetry|no_telemetry"""
import base64
import ctypes
import fcntl
import hashlib
import http.client
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

from portal_rig import Rig, must

BIN, STARVE, HAS_TELEMETRY = sys.argv[1], sys.argv[2], sys.argv[3] == "has_telemetry"
CLONE_NEWUSER, CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x10000000, 0x40000000, 0x8914, 1
DAEMON = os.path.join(BIN, "holdfastd")


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def check_password(directory):
    path = os.path.join(directory, "password")
    with open(path, "w", encoding="ascii") as file:
        file.write("installer:correct horse\n")
    os.chmod(path, 0o600)
    with Rig(BIN, "--portal-password-file", path) as rig:
        must(rig.get("/api/mode").json()["writes"] == "password", "/api/mode tells that a password is needed")
        must(rig.get("/api/config").status == 200, "reading needs none")
        wrong = rig.request("POST", "/api/reboot")
        must(wrong.status == 401 and wrong.headers["WWW-Authenticate"].startswith("Basic "), "changing does, on loopback too")
        for text in ("installer:correct hors", "installer:correct horsee", "installe:correct horse", "", ":"):
            assert rig.request("POST", "/api/reboot", None, basic(text)).status == 401, text
        good = change(rig, 4, **basic("installer:correct horse"))
        while good.status == 429:  # five were wrong
            time.sleep(int(good.headers["Retry-After"]))
            good = change(rig, 4, **basic("installer:correct horse"))
        must(good.status == 200 and good.json()["accepted"] == 1, "with it a key is changed")
        must(change(rig, 5, Origin="http://evil", **basic("installer:correct horse")).status == 403,
             "another site's page does not get by with it")
        check_guesses(rig)


def change(rig, value, source="127.0.0.1", **headers):
    return rig.request("POST", "/api/config", b'{"BlinkRepeat":"%d"}' % value, {"Content-Type": "application/json", **headers}, source)


def check_guesses(rig):
    """127.0.0.1 gave the right password a moment ago; who guesses comes from another address of this machine."""
    wrong, right = basic("installer:guess"), basic("installer:correct horse")
    refused = next(answer for answer in (change(rig, 6, "127.0.0.2", **wrong) for _ in range(100)) if answer.status != 401)
    must(refused.status == 429 and 1 <= int(refused.headers["Retry-After"]) <= 64 and refused.json()["error"],
         "who guesses is told to come again later")
    must(change(rig, 6, "127.0.0.1", **right).status == 200, "who gave the right password before does not wait for that")
    must(change(rig, 6, "127.0.0.2").status == 401, "who gives none is asked for it")
    for _ in range(8):  # the wait doubles: no machine is slower than all of them
        change(rig, 7, "127.0.0.2", **wrong)
        answer = change(rig, 7, "127.0.0.2", **right)
        if answer.status == 429:
            break
    assert answer.status == 429, "a right one is not looked at either while others wait"
    while answer.status == 429:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = change(rig, 7, "127.0.0.2", **right)
    must(answer.status == 200, "and is let in when the wait is over")


def check_password_files(directory):
    for name, text, mode, why in (("open", "a:b\n", 0o644, "everybody may read it"), ("empty", "", 0o600, "USER:PASSWORD"),
                                  ("half", "user:\n", 0o600, "USER:PASSWORD"), ("none", "password\n", 0o600, "USER:PASSWORD"),
                                  ("long", "user:" + "x" * 200, 0o600, "USER:PASSWORD"), ("two", "a:b\nc:d\n", 0o600, "USER:PASSWORD"),
                                  ("missing", None, 0, "No such file")):
        path = os.path.join(directory, name)
        if text is not None:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(path, mode)
        process = subprocess.run(
            [DAEMON, "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can", "--io", f"socket:{directory}/io",
             "--state", f"{directory}/state-{name}", "--http", "127.0.0.1:0", "--portal-password-file", path],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        assert process.returncode == 78 and why in process.stderr, (name, process.returncode, process.stderr)
    must(True, "a password file that makes no sense, or that everybody may read, is refused")


def ask_beyond(directory):
    """In a network of our own: nobody outside can reach what listens on every address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    with open(directory + "/log", "w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            [DAEMON, "--id", "CP1", "--csms", "ws://127.0.0.1:9/", "--can", f"virtual:{directory}/can", "--io", f"socket:{directory}/io",
             "--state", directory + "/state", "--http", "0.0.0.0:8080"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    statuses = []
    for method, path in (("GET", "/api/status"), ("GET", "/"), ("POST", "/api/reboot"), ("POST", "/api/config"), ("POST", "/api/firmware")):
        for _ in range(500):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
                connection.request(method, path, b"{}" if method == "POST" else None, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                if answer.status != 503:
                    break
            except OSError:
                pass
            time.sleep(0.02)
        statuses.append(answer.status)
        text = answer.read()
    daemon.terminate()
    assert daemon.wait(30) == 0 and statuses == [200, 200, 403, 403, 403] and b"no password" in text, (statuses, text)


def check_beyond(directory):
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            os._exit(77)
        try:
            ask_beyond(directory)
        except BaseException as error:
            print(repr(error))
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 77:
        print("NOT LOOKED AT: listening beyond this machine (no network of our own is granted here)")
    else:
        must(code == 0, "beyond this machine and without a password nothing can be changed")


def check_device_memory():
    if STARVE == "none" or not HAS_TELEMETRY or not os.path.exists(os.path.join(BIN, "libholdfast-malloc.so")):
        print("NOT LOOKED AT: a device's memory (this build has sanitizers, no telemetry, or no libholdfast-malloc.so)")
        return
    image = os.urandom(8 << 20)
    with Rig(BIN, "--heap", "internal=320K,psram=8M", "--telemetry", "-", "--heartbeat", "5") as rig:
        for _ in range(3):
            for path in ("/", "/network.html", "/firmware.html", "/portal.css", "/portal.js", "/api/status", "/api/config", "/api/health",
                         "/api/health/history", "/api/info", "/api/mode"):
                assert rig.get(path, Accept_Encoding="gzip").status == 200, path
        whole = rig.get("/api/config").json()["config"]
        must(set(rig.post("/api/config?no_reboot=1", whole).json()["results"].values()) == {"Accepted"}, "all keys at once")
        assert rig.post("/api/config", b"{").status == 400
        for digest in (hashlib.sha256(image).hexdigest(), "0" * 64):
            answer = rig.request("POST", "/api/firmware", image, {"Content-Type": "application/octet-stream", "X-Digest-SHA256": digest})
            assert answer.json()["verified"] == (digest != "0" * 64), answer.body
        health = rig.get("/api/health").json()
        must(health["heap_internal_free"] > 0 and health["heap_internal_min"] > 100 << 10, "pages, keys and uploads within 320 KB")
        rig.wait(lambda: "upload_fail" in rig.lines(), "the marks to be printed")
        lines = rig.lines()
        once = ["http_root", "http_network", "http_firmware", "upload_end", "upload_fail", "http_config_post_parse_fail",
                "http_config_post_saved", "http_config_post_applied", "http_config_post_parsed"]
        counts = {tag: lines.count(f"[Mem] {tag} hf=") for tag in once}
        must(set(counts.values()) == {1}, f"each moment is marked once: {counts}")
        twice = {tag: lines.count(f"[Mem] {tag} hf=") for tag in ("upload_begin", "upload_half", "http_config_post_begin")}
        must(set(twice.values()) == {2}, f"or as often as it was: {twice}")


def check_failed_allocations(directory):
    if STARVE == "none":
        print("NOT LOOKED AT: failed allocations (sanitizers bring their own heap)")
        return
    for every in (1, 3, 7, 11):
        told = os.path.join(directory, f"starved{every}")
        answered = closed = 0
        environment = {"LD_PRELOAD": STARVE, "STARVE_TASK": "portal", "STARVE_EVERY": str(every), "STARVE_TOLD": told}
        with Rig(BIN, environment=environment, waits=False) as rig:
            for i in range(60):
                path = ("/", "/api/config", "/api/status", "/nothing", "/api/health")[i % 5]
                try:
                    status = rig.get(path).status
                    assert status in (200, 404, 500, 503), status
                    answered += 1
                except (OSError, http.client.HTTPException):
                    closed += 1
            must(rig.daemon.poll() is None, f"every {every}th allocation fails: {answered} answered, {closed} closed, the daemon lives")
        with open(told, encoding="ascii") as file:
            failed, asked = (int(word) for word in file.read().split())
        assert failed > 0 and failed == asked // every, (failed, asked)
        assert closed > 0 and (answered > 0 or every < 7), (answered, closed)


def main():
    with tempfile.TemporaryDirectory() as directory:
        check_password(directory)
        check_password_files(directory)
        check_beyond(directory)
        check_device_memory()
        check_failed_allocations(directory)
    print("portal at its limits: all good")


if __name__ == "__main__":
    main()
