# SPDX-License-Identifier: MIT
"""mimalloc in secure mode, built from Debian's source package: nothing of it is kept in this repository. Where the source
comes from is what this machine's apt is set up with; each of its binary sources is asked for source packages instead, in
lists of our own, so nothing of the machine's own set-up changes. apt checks the signatures.
"""
import glob
import os
import re
import shutil

import environment
from environment import Failed, Missing

FOLDER = os.path.join(environment.BUILD, "mimalloc")
LIBRARY = "libmimalloc-secure.so"
TOOLS = ("apt-get", "apt-config", "dpkg-source", "cmake", "ninja", "cc")


def source_line(line):
    """A line of a .list file, asking for sources; empty when it says nothing about packages."""
    match = re.match(r"\s*deb(?:-src)?(\s.*)", line)
    return f"deb-src{match.group(1).rstrip()}\n" if match else ""


def source_stanzas(text):
    """A .sources file (deb822), asking for sources."""
    return re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE | re.IGNORECASE)


def derive(source_list, source_parts, folder):
    """Writes into `folder` what apt is set up with, asking for sources. The number of files with something in them."""
    count = 0
    for path in [source_list, *sorted(glob.glob(os.path.join(source_parts, "*")))]:
        if not os.path.isfile(path) or not path.endswith((".list", ".sources")):
            continue
        with open(path, encoding="utf-8") as text:
            content = text.read()
        if path.endswith(".list"):
            content = "".join(source_line(line) for line in content.splitlines())
        else:
            content = source_stanzas(content)
        if content.strip():
            count += 1
            with open(os.path.join(folder, f"{count}-{os.path.basename(path)}"), "w", encoding="utf-8") as out:
                out.write(content)
    return count


def apt_paths():
    shell = environment.run(["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"])
    return [re.search(rf"^{name}='(.*)'$", shell, re.MULTILINE).group(1) for name in ("LIST", "PARTS")]


def fetch(folder):
    """Path of the .dsc of Debian's source package."""
    parts = os.path.join(folder, "sources")
    for path in (parts, os.path.join(folder, "lists", "partial")):
        os.makedirs(path)
    if derive(*apt_paths(), parts) == 0:
        raise Missing("the source of mimalloc cannot be had: apt has no package source to ask")
    options = ["-q", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}",
               "-o", f"Dir::State::lists={folder}/lists", "-o", "APT::Sandbox::User=root"]
    try:
        environment.run(["apt-get", *options, "update"])
        environment.run(["apt-get", *options, "source", "--download-only", "mimalloc"], cwd=folder)
        return glob.glob(os.path.join(folder, "*.dsc"))[0]
    except (Failed, IndexError) as error:
        raise Missing("the source package mimalloc cannot be had with apt: is there a network, and a source of sources?") from error
    finally:
        shutil.rmtree(os.path.join(folder, "lists"), ignore_errors=True)


def build(folder, source):
    out = os.path.join(folder, "build")
    environment.run(["cmake", "-S", source, "-B", out, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DMI_SECURE=ON",
                     "-DMI_BUILD_STATIC=OFF", "-DMI_BUILD_OBJECT=OFF", "-DMI_BUILD_TESTS=OFF"])
    environment.run(["cmake", "--build", out, "-j2"])
    return os.path.join(out, LIBRARY)


def secure_library():
    """(path of the library, version of Debian's source package); fetched and built when it is not there yet."""
    environment.need_tools(TOOLS)
    done = os.path.join(FOLDER, "version")
    if os.path.exists(done):
        with open(done, encoding="utf-8") as text:
            return os.path.join(FOLDER, "build", LIBRARY), text.read().strip()
    environment.say("bench: mimalloc in secure mode, from Debian's source package")
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    package = fetch(FOLDER)
    with open(package, encoding="utf-8") as text:
        version = re.search(r"^Version: (\S+)", text.read(), re.MULTILINE).group(1)
    source = os.path.join(FOLDER, "source")
    environment.run(["dpkg-source", "--no-copy", "-x", package, source])
    library = build(FOLDER, source)
    with open(done, "w", encoding="utf-8") as out:
        out.write(version + "\n")
    return library, version
