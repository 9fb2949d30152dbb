# SPDX-License-Identifier: MIT
# Sourced by ./run and ./check: names and installs the Debian packages that are missing. POSIX sh; needs only dpkg and apt.
# Invariant: nothing is installed that was not named on the screen with its reason first.

# What a build needs. Compilers only recommend their C library headers, so these are named too.
# shellcheck disable=SC2034 # used by those who source this
BUILD_PACKAGES="cmake ninja-build gcc libc6-dev pkg-config libwebsockets-dev libmicrohttpd-dev libgpiod-dev libmodbus-dev libcurl4-openssl-dev libmosquitto-dev python3-kconfiglib"

package_reason() { # PACKAGE
    case $1 in
    cmake) echo "configures the build" ;;
    ninja-build) echo "runs the build" ;;
    gcc) echo "C compiler" ;;
    g++) echo "C++ compiler, for the tests of holdfast.hpp" ;;
    libc6-dev) echo "headers of the C library" ;;
    pkg-config) echo "finds the libraries" ;;
    libwebsockets-dev) echo "WebSocket server of the simulated central system" ;;
    libmicrohttpd-dev) echo "portal of the charge point" ;;
    libcurl4-openssl-dev) echo "firmware downloads and diagnostics uploads" ;;
    libmosquitto-dev) echo "MQTT client of the charge point" ;;
    mosquitto | mosquitto-clients) echo "MQTT broker of the tests, and its clients" ;;
    chromium) echo "browser of the tests of pages and reports" ;;
    python3-pyftpdlib) echo "FTP server of the tests" ;;
    openssl) echo "certificates of the tests" ;;
    libgpiod-dev) echo "inputs and outputs on GPIO lines" ;;
    libmodbus-dev) echo "energy meters on a serial line" ;;
    python3-kconfiglib) echo "reads the configuration (Kconfig)" ;;
    clang) echo "second compiler, sanitizers" ;;
    libclang-rt-14-dev) echo "runtime of the sanitizers" ;;
    libfuzzer-14-dev) echo "fuzzing" ;;
    libjansson-dev) echo "JSON parser to compare ours with" ;;
    clang-format) echo "checks the layout of sources" ;;
    clang-tidy) echo "looks for numbers without a name" ;;
    gcc-arm-none-eabi) echo "compiler for the Cortex-M4 and M0" ;;
    picolibc-arm-none-eabi) echo "C library for the Cortex-M4 and M0" ;;
    qemu-system-arm) echo "runs the images of the Cortex-M and aarch64" ;;
    qemu-system-misc) echo "runs the images of rv32imc" ;;
    gcc-riscv64-unknown-elf) echo "compiler for rv32imc" ;;
    picolibc-riscv64-unknown-elf) echo "C library for rv32imc" ;;
    libjemalloc2 | libmimalloc2.0) echo "heap to compare with" ;;
    dpkg-dev) echo "unpacks the source of mimalloc, to compare with" ;;
    gcc-aarch64-linux-gnu) echo "compiler for aarch64" ;;
    nodejs | npm) echo "runs the independent central system of the tests" ;;
    curl) echo "asks the status page in tests" ;;
    doxygen) echo "reference of the headers" ;;
    git) echo "names the commit that is checked" ;;
    user-mode-linux) echo "a guest whose kernel has CAN" ;;
    busybox-static) echo "first process of the guests" ;;
    can-utils) echo "candump, to read the bus along" ;;
    iproute2) echo "sets CAN interfaces up" ;;
    qemu-system-x86) echo "an emulated PC with CAN controllers" ;;
    cpio) echo "packs the first files of the emulated PC" ;;
    cppcheck) echo "MISRA rules over the control path" ;;
    sqlite3 | stress-ng) echo "runs under the heap guard in tests" ;;
    *) echo "needed by the build" ;;
    esac
}

packages_missing() { # PACKAGE...: prints those that are not installed
    for package in "$@"; do
        case $(dpkg-query -W -f='${db:Status-Status} ' "$package" 2>/dev/null) in
        installed*) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

packages_refused() { # REASON PACKAGE...
    echo "$1" >&2
    shift
    echo "Type this as root, then try again:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends $*" >&2
}

packages_apt() { # LOG ARGUMENT...: apt-get as root, quietly
    log=$1
    shift
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@" >>"$log" 2>&1 </dev/null
}

packages_install() { # PURPOSE LOG PACKAGE...: 0 all are there now, 3 they are not
    purpose=$1
    log=$2
    shift 2
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "This is no Debian system: $purpose needs what these packages hold: $*" >&2
        return 0 # the build says what is missing, if anything is
    fi
    # shellcheck disable=SC2046 # a list of words
    set -- $(packages_missing "$@")
    [ $# -gt 0 ] || return 0
    echo "Installing with apt what $purpose lacks:"
    for package in "$@"; do
        printf '  %-24s %s\n' "$package" "$(package_reason "$package")"
    done
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            packages_refused "Installing needs root, and there is no sudo here." "$@"
            return 3
        fi
        echo "(through sudo)"
        if ! sudo -v; then
            packages_refused "sudo did not allow it." "$@"
            return 3
        fi
        as_root=sudo
    fi
    mkdir -p "$(dirname "$log")"
    : >"$log"
    # Package lists are fetched only when they do not know a package, or have become stale.
    if ! apt-get -s install --no-install-recommends "$@" >/dev/null 2>&1; then
        packages_apt "$log" update
    fi
    if ! packages_apt "$log" install -y --no-install-recommends "$@"; then
        packages_apt "$log" update
        packages_apt "$log" install -y --no-install-recommends "$@"
    fi
    # shellcheck disable=SC2046
    set -- $(packages_missing "$@")
    if [ $# -gt 0 ]; then
        tail -n 15 "$log" >&2
        packages_refused "apt could not install: $* (whole log: $log; is there a network?)" "$@"
        return 3
    fi
}
