#!/bin/bash
# The initramfs of a node: a static busybox, our own init, and the kernel modules between the
# network and an overlay root. Used as the only dracut module, so nothing of a distribution's own
# initramfs comes along; kernel modules are put in here and not by dracut (--no-kernel), because
# busybox loads only uncompressed ones, and dracut's index files are larger than the modules.

# A static one, put there by whoever builds the image.
picluster_busybox=/usr/lib/picluster/busybox

# Modules that come along when the kernel has them; the name of an essential one ends with "!".
# Built-in ones count as there. Lists in /etc/picluster/initramfs-modules of the image are added.
picluster_modules=(
    # Raspberry Pi 3B+: USB controller, its PHY, hub and Ethernet chip; 3B: smsc95xx
    dwc2! phy-generic lan78xx! microchip! usbnet smsc95xx smsc
    # power, clocks, and the watchdog that also restarts the board
    bcm2835_wdt raspberrypi-power clk-raspberrypi
    # QEMU: raspi3b with usb-net, virt with virtio
    cdc_ether virtio_net virtio_pci virtio_mmio
    # packets for DHCP; network file system; root
    af_packet sunrpc lockd nfs! nfsv3! overlay! loop! squashfs!
)

# Only when asked for: a distribution's own initramfs does not want it.
check() {
    return 255
}

depends() {
    return 0
}

# Stop the build with one line; dracut itself goes on after a module that failed.
picluster_refuse() {
    printf '%s\n' "$1" > "${PICLUSTER_REFUSED:-/dev/stderr}"
    exit 1
}

# Print the wanted modules, one per line, those of the image's own list last.
picluster_wanted() {
    local list=${1:-/etc/picluster/initramfs-modules}
    printf '%s\n' "${picluster_modules[@]}"
    [[ -f $list ]] && sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list"
    return 0
}

# Print the files of a module and of all it needs, the needed ones first; fails when the kernel
# has no such module. A built-in one has no files.
picluster_files() {
    local kernel=$1 name=$2 found kind path
    # No configuration: an image that blacklists a module may still need it to boot.
    found=$(modprobe --config /dev/null --set-version "$kernel" --show-depends "$name" 2> /dev/null) \
        || return 1
    while read -r kind path _; do
        [[ $kind == insmod ]] && printf '%s\n' "$path"
    done <<< "$found"
    return 0
}

# Copy a kernel module, uncompressed, to the path it would have uncompressed.
picluster_copy() {
    local from=$1 to=$2 unpack
    case $from in
        *.ko.xz) unpack="xz -dc" ;;
        *.ko.zst) unpack="zstd -dqc" ;;
        *.ko.gz) unpack="gzip -dc" ;;
        *) unpack="cat" ;;
    esac
    to=${to%.ko*}.ko
    [[ -e $to ]] && return 0
    mkdir -p "${to%/*}"
    $unpack "$from" > "$to" || picluster_refuse "cannot unpack $from; is ${unpack%% *} in the image?"
}

# Put the wanted modules and their index into the initramfs.
picluster_install_modules() {
    local place=$1 kernel=$2 list=${3-} name path files
    while read -r name; do
        if ! files=$(picluster_files "$kernel" "${name%!}"); then
            [[ $name == *! ]] && picluster_refuse \
                "kernel $kernel has no module ${name%!}, and a node cannot boot without it"
            continue
        fi
        for path in $files; do
            # /lib and /usr/lib are one directory: always the same name for a module.
            picluster_copy "$path" "$place/lib/modules/$kernel/${path#*/lib/modules/"$kernel"/}"
        done
    done <<< "$(picluster_wanted "$list")"
    # Built-in modules must be known to depmod, or it would call their symbols missing.
    for name in modules.builtin modules.builtin.modinfo modules.order; do
        [[ -f /lib/modules/$kernel/$name ]] \
            && cp "/lib/modules/$kernel/$name" "$place/lib/modules/$kernel/$name"
    done
    depmod -b "$place" "$kernel" || picluster_refuse "depmod failed for kernel $kernel"
    # busybox reads these two and no other.
    find "$place/lib/modules/$kernel" -maxdepth 1 -type f \
        ! -name modules.dep ! -name modules.alias -delete
}

install() {
    local busybox=$picluster_busybox file
    [[ -x $busybox ]] || picluster_refuse "no $busybox in the image"
    mkdir -p "$initdir"/{bin,sbin,usr/bin,usr/sbin,lib/picluster,dev,proc,sys,run,sysroot,tmp}
    cp "$busybox" "$initdir/bin/busybox"
    for file in $("$busybox" --list); do
        [[ $file == busybox ]] || ln -sfn busybox "$initdir/bin/$file"
    done
    # By this name the kernel calls for a module.
    ln -sfn /bin/busybox "$initdir/sbin/modprobe"
    for file in "$moddir"/lib/*.sh; do
        cp "$file" "$initdir/lib/picluster/${file##*/}"
    done
    cp "$moddir/udhcpc-script" "$initdir/lib/picluster/udhcpc-script"
    cp "$moddir/init" "$initdir/init"
    chmod 0755 "$initdir/init" "$initdir/lib/picluster/udhcpc-script" "$initdir/bin/busybox"
    # Nothing here needs a library, but dracut would look for some: for the shell our scripts
    # name, and for programs with threads. Both come after the modules, and ask for these two.
    unset DRACUT_RESOLVE_LAZY
    inst_libdir_file() { :; }
    # shellcheck disable=SC2154  # initdir, moddir and kernel are dracut's
    picluster_install_modules "$initdir" "$kernel"
}
