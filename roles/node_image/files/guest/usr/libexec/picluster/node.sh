# What a node knows of itself, and how it tells the head. Sourced by the programs beside it. Every
# program that is started is read over the network first, so the shell does what it can.
# shellcheck shell=bash

picluster_run=${PICLUSTER_RUN:-/run/picluster}
picluster_sys=${PICLUSTER_SYS:-/sys}
picluster_conf=${PICLUSTER_CONF:-/etc/picluster/node.conf}

# Settings of the image, and what the initramfs found out in this boot.
MESSAGE_PORT=3334 HOSTKEY_PORT=3335 HEARTBEAT_S=60 HOST_KEYS=generated UPPER_WARN_PERCENT=80
READ_AHEAD_KIB=64
SERVER='' MAC='' ADDRESS='' BOOT_ID='' IMAGE='' BDI=''
# shellcheck source=/dev/null
[[ -r $picluster_conf ]] && . "$picluster_conf"
# shellcheck source=/dev/null
[[ -r $picluster_run/boot.conf ]] && . "$picluster_run/boot.conf"

# Seconds since the kernel's start, one decimal.
uptime_s() {
    local up
    read -r up _ < "${PICLUSTER_UPTIME:-/proc/uptime}"
    printf '%s\n' "${up%?}"
}

# content FILE: its first line; nothing when it cannot be read.
content() {
    local line=''
    { read -r line < "$1"; } 2> /dev/null
    printf '%s\n' "$line"
}

# Degrees Celsius of the processor, one decimal; nothing when there is no sensor.
temperature() {
    local zone value
    for zone in "$picluster_sys"/class/thermal/thermal_zone*/temp; do
        value=$(content "$zone")
        [[ $value =~ ^[0-9]+$ ]] || continue
        printf '%d.%d\n' $((value / 1000)) $((value % 1000 / 100))
        return
    done
}

# The firmware's throttle bits, as vcgencmd prints them: from the Raspberry Pi kernel, from
# vcgencmd, or from the upstream kernel's sensor, which knows only "under-voltage has occurred"
# (bit 16). Nothing when nobody knows.
throttled() {
    local bits sensor
    bits=$(content "$picluster_sys/devices/platform/soc/soc:firmware/get_throttled")
    if [[ $bits =~ ^(0x)?([0-9a-fA-F]{1,8})$ ]]; then
        printf '0x%x\n' "0x${BASH_REMATCH[2]}"
        return
    fi
    if [[ -e /dev/vcio ]]; then
        bits=$(vcgencmd get_throttled 2> /dev/null)
        [[ $bits =~ ^throttled=(0x[0-9a-fA-F]{1,8})$ ]] && printf '%s\n' "${BASH_REMATCH[1]}"
        return
    fi
    for sensor in "$picluster_sys"/class/hwmon/hwmon*; do
        [[ $(content "$sensor/name") == rpi_volt ]] || continue
        case $(content "$sensor/in0_lcrit_alarm") in
            0) echo 0x0 ;;
            1) echo 0x10000 ;;
        esac
    done
}

# How much of the overlay's writable layer is used, percent; nothing without an overlay.
upper_percent() {
    local blocks free
    [[ -d $picluster_run/upper/data ]] || return 0
    read -r blocks free < <(stat -f -c '%b %a' "$picluster_run/upper")
    ((blocks)) && printf '%d\n' $(((blocks - free) * 100 / blocks))
}

# The words on a node's health that are known.
health() {
    local words='' value
    value=$(temperature) && [[ $value ]] && words+=" temp=$value"
    value=$(throttled) && [[ $value ]] && words+=" throttled=$value"
    value=$(upper_percent) && [[ $value ]] && words+=" upper=$value"
    printf '%s\n' "${words# }"
}

# encoded TEXT: at most 100 printable characters of it, percent-encoded.
encoded() {
    local LC_ALL=C text=$1 char out='' position
    text=${text//[$'\n\t']/ }
    text=${text//[^ -~]/}
    text=${text:0:100}
    for ((position = 0; position < ${#text}; position++)); do
        char=${text:position:1}
        [[ $char =~ ^[A-Za-z0-9._:/-]$ ]] || printf -v char '%%%02X' "'$char"
        out+=$char
    done
    printf '%s\n' "$out"
}

# message EVENT [WORD...]: one datagram to the head. Nobody answers; a head that is not there
# costs nothing, and an error of the network is nobody's business here.
message() {
    local event=$1 text
    shift
    [[ $SERVER && $MAC ]] || return 0
    text="picluster/1 $event mac=$MAC${IMAGE:+ image=$IMAGE} boot=$BOOT_ID up=$(uptime_s)${*:+ $*}"
    { printf '%s' "$text" > "/dev/udp/$SERVER/$MESSAGE_PORT"; } 2> /dev/null || true
}
