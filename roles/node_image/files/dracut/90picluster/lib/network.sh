# From no driver to an address.
# shellcheck shell=sh

# Load what the devices found so far ask for; loading a bus driver may show more devices.
load_drivers() {
    # shellcheck disable=SC2046  # one alias each
    modprobe -a -q $(cat /sys/bus/*/devices/*/modalias 2> /dev/null | sort -u) 2> /dev/null
}

# What is needed after the network, while that is waited for. The kernel would call for them, too.
load_file_systems() {
    modprobe -a -q nfs nfsv3 overlay
}

# ethernet_devices: names of the Ethernet devices that have a driver.
ethernet_devices() {
    for _path in "${PICLUSTER_NET:-/sys/class/net}"/*; do
        [ -e "$_path/device" ] || continue
        read -r _type < "$_path/type"
        [ "$_type" = 1 ] || continue
        printf '%s\n' "${_path##*/}"
    done
}

# linked: the first Ethernet device that has a link; fails when none has.
linked() {
    for _device in $(ethernet_devices); do
        # Reading the carrier of a device that is down fails.
        _carrier=
        { read -r _carrier < "${PICLUSTER_NET:-/sys/class/net}/$_device/carrier"; } 2> /dev/null
        if [ "$_carrier" = 1 ]; then
            printf '%s\n' "$_device"
            return 0
        fi
    done
    return 1
}

# Wait for a device. It is the board's own matter: when it does not come, a reboot may help.
wait_device() {
    _start=$(seconds)
    _limit=$(number_option picluster.device 60)
    while :; do
        load_drivers
        [ -z "$(ethernet_devices)" ] || return 0
        [ $(($(seconds) - _start)) -lt "$_limit" ] \
            || fail network "no Ethernet device after $_limit s; drivers: $(loaded_drivers)"
        sleep 0.2
    done
}

loaded_drivers() {
    cut -d ' ' -f 1 /proc/modules | tr '\n' ' '
}

# Wait for the link. A switch that starts takes minutes, and a board that reboots meanwhile is
# lost: its ROM asks for half a minute and is then silent until the power is cycled.
wait_link() {
    for _device in $(ethernet_devices); do
        ip link set "$_device" up
    done
    _start=$(seconds)
    _told=0
    until DEVICE=$(linked); do
        waiting "$_start" network "no link on $(ethernet_devices | tr '\n' ' ')"
        sleep 0.2
    done
    MAC=$(cat "/sys/class/net/$DEVICE/address")
}

# Ask DHCP, the whole exchange, until a server answers. The address is pinned in the head's
# configuration and its lease is not renewed: no client stays in the running system, where it
# would cost memory, and could take the address away under the NFS root.
ask_dhcp() {
    _start=$(seconds)
    _told=0
    rm -f "$RUN/lease"
    until udhcpc -i "$DEVICE" -f -n -q -t 3 -T 2 -A 0 -O ntpsrv -O hostname -O domain \
        -s /lib/picluster/udhcpc-script > "$RUN/udhcpc.log" 2>&1 && [ -s "$RUN/lease" ]; do
        waiting "$_start" dhcp "no DHCP server answers $MAC on $DEVICE"
        sleep 1
    done
    . "$RUN/lease"
    SERVER=$(option picluster.server "$SERVER")
    is_address "$SERVER" || fail dhcp "the DHCP server names no NFS server (next-server)"
}

# waiting START STEP TEXT: called while waiting for something outside of the board. It says so
# every ten seconds, and gives up picluster.wait seconds after START; 0 waits for ever.
waiting() {
    _now=$(($(seconds) - $1))
    _patience=$(number_option picluster.wait 1800)
    if [ "$_patience" != 0 ] && [ "$_now" -ge "$_patience" ]; then
        fail "$2" "$3 (waited $_now s)"
    fi
    if [ "$_now" -ge "$((_told + 10))" ]; then
        _told=$_now
        say "$3; waiting since $_now s"
        message warning "step=$2" "reason=$(encoded "$3, waiting since $_now s")"
    fi
}

# seconds: whole seconds since the kernel's start; the clock may be set meanwhile.
seconds() {
    read -r _up _ < "${PICLUSTER_UPTIME:-/proc/uptime}"
    printf '%s\n' "${_up%.*}"
}
