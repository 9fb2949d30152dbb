#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images on the firmware's board port that need somebody at the other end, or end by a fault.

Usage: board.py echo|overflow IMAGE     Exit status: 0 good, 1 not, 2 wrong use.
"""
import os
import socket
import subprocess
import sys
import tempfile

LIMIT_S = 60
EXIT_FAULT, FAULTS = 70, ('"exception":3', '"exception":4', '"exception":  3', '"exception":  4')
QEMU = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-semihosting-config",
        "enable=on,target=native"]


def echo(image):
    """20,000 bytes there and back through rings of 64: none lost, none out of order."""
    text = bytes(1 + i * 7 % 45 for i in range(20000)) + b"."
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(folder, "line"))
        listener.listen(1)
        listener.settimeout(LIMIT_S)
        child = subprocess.Popen([*QEMU, "-serial", "null", "-chardev", f"socket,id=line,path={folder}/line", "-serial", "chardev:line",
                                  "-kernel", image], stderr=subprocess.PIPE, text=True)
        try:
            line, _ = listener.accept()
            line.settimeout(LIMIT_S)
            line.sendall(text)
            heard = b""
            while len(heard) < len(text):
                more = line.recv(65536)
                if not more:
                    break
                heard += more
            said, status = child.communicate(timeout=LIMIT_S)[1], child.returncode
        finally:
            child.kill()
    if heard != text:
        at = next((i for i, (a, b) in enumerate(zip(heard, text)) if a != b), len(heard))
        sys.exit(f"{len(heard)} bytes of {len(text)} came back, different from number {at} on\n{said}")
    sys.exit(f"status {status}\n{said}" if status != 0 else 0)


def overflow(image):
    done = subprocess.run([*QEMU, "-serial", "none", "-kernel", image], stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)
    good = done.returncode == EXIT_FAULT and "made safe" in done.stderr and any(f in done.stderr for f in FAULTS)
    sys.exit(0 if good and "not true" not in done.stderr else f"status {done.returncode}\n{done.stderr}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("echo", "overflow"):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    (echo if sys.argv[1] == "echo" else overflow)(sys.argv[2])
