# What the board is in this boot: its names, and what the running system has to know.
# shellcheck shell=sh

# The address of the lease, on the device.
set_address() {
    ip addr add "$ADDRESS/$PREFIX" broadcast + dev "$DEVICE" \
        || fail dhcp "cannot set the address $ADDRESS/$PREFIX on $DEVICE"
    [ -z "$ROUTER" ] || ip route add default via "$ROUTER" dev "$DEVICE"
    # A board without a name in DHCP is named after its address.
    [ -n "$NAME" ] || NAME=node-$(printf '%s' "$ADDRESS" | tr . -)
    hostname "$NAME"
}

# boot_id: 16 hex digits; two boots, also of different boards, never share them.
boot_id() {
    _random=$(cat /proc/sys/kernel/random/uuid)
    printf '%s' "$_random $MAC $(cat /proc/uptime)" | md5sum | cut -c 1-16
}

# Files of the root file system that differ from board to board.
write_identity() {
    machine_id "$MAC" | put etc/machine-id
    printf '%s\n' "$NAME" | put etc/hostname
    hosts | put etc/hosts
    resolv_conf | put etc/resolv.conf
}

hosts() {
    printf '%s\n' "127.0.0.1 localhost" "::1 localhost ip6-localhost ip6-loopback" \
        "$ADDRESS ${DOMAIN:+$NAME.$DOMAIN }$NAME"
}

resolv_conf() {
    [ -z "$DOMAIN" ] || printf 'search %s\n' "$DOMAIN"
    for _server in $DNS; do
        printf 'nameserver %s\n' "$_server"
    done
}

# What stays in /run for the system.
write_run() {
    boot_conf > "$RUN/boot.conf"
    for _server in $NTP; do
        printf 'server %s iburst\n' "$_server"
    done > "$RUN/chrony.sources"
    mkdir -p /run/systemd/timesyncd.conf.d
    printf '%s\n' '[Time]' "NTP=$NTP" 'FallbackNTP=' \
        > /run/systemd/timesyncd.conf.d/picluster.conf
    rm -f "$RUN/lease" "$RUN/mount.log" "$RUN/udhcpc.log"
}

boot_conf() {
    printf '%s\n' "SERVER=$SERVER" "MAC=$MAC" "ADDRESS=$ADDRESS" "BOOT_ID=$BOOT_ID" \
        "IMAGE=$IMAGE" "BDI=$BDI" "NTP=\"$NTP\""
}
