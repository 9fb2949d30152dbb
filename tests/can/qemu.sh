#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a shell script with arguments as the only job of an emulated PC under Debian's own kernel, with two SJA1000 controllers on one
# bus, in the host's root: qemu.sh LIMIT_S SCRIPT [ARGUMENT]... The kernel is unpacked into build/kernel, never installed. Exits with
# the job's status; 77, loudly, where no guest can be had.
set -u
here=$(cd "$(dirname "$0")" && pwd)
limit_s=$1
shift
kernel=$here/../../build/kernel
skip() {
    echo "SKIP: SJA1000 cannot be tested here: $1" >&2
    exit 77
}

collect() { # FOLDER MODULE...: their files in the order of loading, dependencies first
    tree=$1
    shift
    for module in "$@"; do
        line=$(grep "/$(echo "$module" | tr _ '.')\.ko:" "$tree/modules.dep") || continue
        for name in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
            echo "$name"
        done
    done | awk '!seen[$0]++'
}

prepare() { # once: the kernel of this Debian (a package of 70 MB) and the modules the guest needs
    [ ! -s "$kernel/vmlinuz" ] || return 0
    rm -rf "$kernel"
    mkdir -p "$kernel/all" "$kernel/modules" || return 1
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    (cd "$kernel/all" && apt-get -q -o DPkg::Lock::Timeout=600 download "$package" >../log 2>&1 && dpkg-deb -x ./*.deb .) || return 1
    version=${package#linux-image-}
    busybox depmod -b "$kernel/all" "$version" || return 1
    modules=$kernel/all/lib/modules/$version
    for file in $(collect "$modules" virtio_pci 9pnet_virtio 9p can-raw vcan kvaser_pci); do
        cp "$modules/$file" "$kernel/modules/" && basename "$file" >>"$kernel/modules/order" || return 1
    done
    mv "$kernel/all/boot/vmlinuz-$version" "$kernel/vmlinuz"
    rm -rf "$kernel/all"
}

command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86 is not installed"
[ -x /bin/busybox ] || skip "busybox-static is not installed"
prepare || skip "Debian's kernel cannot be had: $(tail -n 1 "$kernel/log" 2>/dev/null)"

folder=$(mktemp -d /var/tmp/guest.XXXXXX) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/root/bin"
{
    printf 'exec /bin/sh'
    for word in "$@"; do
        printf " '%s'" "$word"
    done
} >"$folder/job"
cp /bin/busybox "$folder/root/bin/"
cp "$here/guest_init.sh" "$folder/root/init"
chmod +x "$folder/root/init"
cp -r "$kernel/modules" "$folder/root/"
(cd "$folder/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$folder/initrd"

timeout -k 5 "$limit_s" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -m 1024 -smp 2 -nodefaults -no-user-config \
    -display none -serial stdio -no-reboot -kernel "$kernel/vmlinuz" -initrd "$folder/initrd" \
    -append "console=ttyS0 quiet panic=-1 folder=$folder" \
    -virtfs local,path=/,mount_tag=hostroot,security_model=none,multidevs=remap \
    -object can-bus,id=bus -device kvaser_pci,canbus=bus -device kvaser_pci,canbus=bus </dev/null >"$folder/console" 2>&1
ended=$?
[ ! -s "$folder/output" ] || cat "$folder/output"
[ -s "$folder/status" ] || {
    tail -n 30 "$folder/console"
    [ $ended -ne 124 ] || { echo "qemu: no end within $limit_s s" && exit 1; }
    [ -s "$folder/output" ] || skip "the guest does not boot (status $ended)"
    exit 1
}
exit "$(cat "$folder/status")"
