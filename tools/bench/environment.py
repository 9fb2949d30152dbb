# SPDX-License-Identifier: MIT
"""What a bench stands on: the checkout, its tools, and the run of a command. Whatever is not there ends the bench with
status 3 and one sentence that says which Debian package has it.
"""
import ctypes.util
import os
import platform
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", "bench")
PACKAGES = {
    "cmake": "cmake", "valgrind": "valgrind", "ninja": "ninja-build", "cc": "gcc", "apt-get": "apt", "apt-config": "apt", "dpkg-source": "dpkg-dev",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf", "qemu-system-riscv32": "qemu-system-misc",
}
LIBRARIES = {"jemalloc": "libjemalloc2", "mimalloc": "libmimalloc2.0"}
STEP_LIMIT_S = 600


class Missing(Exception):
    """The environment lacks something: one sentence."""


class Failed(Exception):
    """A step did not succeed: its last lines."""


def need_tools(tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is missing (Debian package {PACKAGES[tool]})")


def need_library(name):
    """The file name of a shared library of Debian that the loader will find."""
    found = ctypes.util.find_library(name)
    if found is None:
        raise Missing(f"lib{name} is missing (Debian package {LIBRARIES[name]})")
    return found


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Standard output of a command. Failed when its status is not 0, Missing when that is 3."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=STEP_LIMIT_S, **options)
    except FileNotFoundError as error:
        raise Missing(f"{command[0]} is missing") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]}: took more than {STEP_LIMIT_S} s") from error
    if done.returncode == 3:
        raise Missing((done.stderr or done.stdout).strip().splitlines()[-1])
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n" + "\n".join(tail))
    return done.stdout


def compiler_version(compiler):
    return run([compiler, "-dumpfullversion"]).strip()


def machine():
    """The machine in general words, for a document that others read."""
    kind = "machine"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as text:
            if re.search(r"^flags\s*:.*\bhypervisor\b", text.read(), re.MULTILINE):
                kind = "virtual machine"
    except OSError:
        pass
    system = "Linux"
    try:
        with open("/etc/os-release", encoding="utf-8") as text:
            system = re.search(r'^PRETTY_NAME="?([^"\n]*)', text.read(), re.MULTILINE).group(1)
    except (OSError, AttributeError):
        pass
    return f"{platform.machine()} {kind}, {len(os.sched_getaffinity(0))} processors, {system}"
