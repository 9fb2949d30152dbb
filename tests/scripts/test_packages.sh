#!/bin/sh
# SPDX-License-Identifier: MIT
# cmake/packages.sh against a pretended system: what it says, what it would run, and how it gives up.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/installed"
failed=0

fake() { # NAME: the body comes from stdin
    { echo '#!/bin/sh'; cat; } >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}

for tool in sh env mkdir dirname tail cat rm; do
    ln -s "$(command -v $tool)" "$work/bin/$tool"
done
fake dpkg-query <<EOF2
for package; do :; done
[ -e "$work/installed/\$package" ] && printf 'installed '
EOF2
fake apt-get <<EOF2
echo "apt-get \$*" >>"$work/calls"
for word; do
    case \$word in
    update) [ -e "$work/no-network" ] || : >"$work/updated"; exit 0 ;;
    -s) [ -e "$work/updated" ]; exit ;;
    esac
done
[ -e "$work/updated" ] || exit 100
for word; do
    case \$word in cmake | gcc) : >"$work/installed/\$word" ;; esac
done
EOF2

install() { # UID PACKAGE...: status in $status, what was said in out
    printf '#!/bin/sh\necho %s\n' "$1" >"$work/bin/id"
    chmod +x "$work/bin/id"
    shift
    rm -f "$work/calls"
    (
        PATH=$work/bin
        . "$top/cmake/packages.sh"
        packages_install "the test" "$work/apt.log" "$@"
    ) >"$work/out" 2>&1
    status=$?
}

check() { # TEXT COMMAND...
    text=$1
    shift
    if ! "$@"; then
        echo "FAIL $text"
        cat "$work/out" "$work/calls" 2>/dev/null
        failed=1
    fi
}

says() {
    grep -qF -- "$1" "$work/out"
}

called() {
    grep -qF -- "$1" "$work/calls" 2>/dev/null
}

not() {
    ! "$@"
}

: >"$work/installed/git"
install 0 git
check "nothing missing is silent" test $status -eq 0 -a ! -s "$work/out" -a ! -e "$work/calls"

install 1000 cmake
check "no root and no sudo gives 3" test $status -eq 3
check "and the command to type" says "apt-get install -y --no-install-recommends cmake"
check "and calls no apt" test ! -e "$work/calls"

: >"$work/no-network"
install 0 cmake gcc
check "no package lists and no network gives 3" test $status -eq 3
check "and names the packages" says "apt could not install: cmake gcc"
rm "$work/no-network"

install 0 cmake gcc git
check "root installs" test $status -eq 0 -a -e "$work/installed/cmake"
check "names what and why" says "configures the build"
check "leaves alone what is there" not says "git"
check "fetches lists that do not know a package" called "update"
check "waits for the lock of apt" called "DPkg::Lock::Timeout=600 install -y --no-install-recommends cmake gcc"

rm "$work/installed/cmake"
install 0 cmake
check "lists that are good are not fetched again" not called "update"

rm "$work/installed/cmake"
fake sudo <<EOF2
echo "sudo \$*" >>"$work/calls"
[ "\$1" = -v ] || exec "\$@"
EOF2
install 1000 cmake
check "a user installs through sudo" test $status -eq 0 -a -e "$work/installed/cmake"
check "and only so" called "sudo env DEBIAN_FRONTEND=noninteractive apt-get"

rm "$work/installed/cmake"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/sudo"
install 1000 cmake
check "sudo that refuses gives 3" test $status -eq 3
check "and the command to type" says "Type this as root"
[ $failed -eq 0 ] && echo "ok packages"
exit $failed
