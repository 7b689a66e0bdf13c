# Words: the kernel command line, numbers, addresses, and text for messages. No side effects.
# shellcheck shell=sh

# option NAME DEFAULT: the value of NAME=value on the kernel command line; the last one counts.
option() {
    _value=$2
    read -r _words < "${PICLUSTER_CMDLINE:-/proc/cmdline}"
    set -f
    for _word in $_words; do
        case $_word in
            "$1="*) _value=${_word#*=} ;;
        esac
    done
    set +f
    printf '%s\n' "$_value"
}

# is_number TEXT: up to seven decimal digits.
is_number() {
    case $1 in
        '' | *[!0-9]* | ????????*) return 1 ;;
    esac
}

# number_option NAME DEFAULT: an option that is a number; anything else counts as not given.
number_option() {
    _number=$(option "$1" "$2")
    is_number "$_number" || _number=$2
    # Without leading zeros: they would make the shell count in octal.
    while [ "${_number#0}" != "$_number" ] && [ "$_number" != 0 ]; do
        _number=${_number#0}
    done
    printf '%s\n' "$_number"
}

# listed WORD LIST: whether a comma separated list holds the word.
listed() {
    case ",$2," in
        *",$1,"*) return 0 ;;
    esac
    return 1
}

# is_address TEXT: a dotted quad.
is_address() {
    case $1 in
        '' | *[!0-9.]* | *..* | .* | *. | *.*.*.*.*) return 1 ;;
        *.*.*.*) ;;
        *) return 1 ;;
    esac
    _left=$1.
    while [ -n "$_left" ]; do
        _part=${_left%%.*}
        _left=${_left#*.}
        case $_part in
            ????* | 0?*) return 1 ;;
        esac
        [ "$_part" -le 255 ] || return 1
    done
}

# is_name TEXT: a host or domain name, in the letters of RFC 1123, at most 253 of them.
is_name() {
    case $1 in
        '' | *[!A-Za-z0-9.-]* | -* | .* | *- | *..* | *.-* | *-.*) return 1 ;;
    esac
    [ "${#1}" -le 253 ]
}

# encoded TEXT: at most 100 printable characters of it, percent-encoded for a message.
encoded() {
    _rest=$(printf '%s' "$1" | tr '\n\t' '  ' | tr -cd '\40-\176' | cut -c 1-100)
    _done=
    while [ -n "$_rest" ]; do
        _tail=${_rest#?}
        _char=${_rest%"$_tail"}
        _rest=$_tail
        case $_char in
            [A-Za-z0-9._:/-]) ;;
            *) _char=$(printf '%%%02X' "'$_char") ;;
        esac
        _done=$_done$_char
    done
    printf '%s\n' "$_done"
}

# machine_id MAC: 32 hex digits that are always the same for a board and differ between boards.
# They are shaped as a random UUID (version 4, variant 1), as systemd makes them.
machine_id() {
    _hash=$(printf 'picluster machine-id %s' "$1" | md5sum)
    _hash=${_hash%% *}
    _head=$(printf '%s' "$_hash" | cut -c 1-12)
    _middle=$(printf '%s' "$_hash" | cut -c 14-16)
    _tail=$(printf '%s' "$_hash" | cut -c 18-32)
    printf '%s4%sa%s\n' "$_head" "$_middle" "$_tail"
}

# uptime_s: seconds since the kernel's start, one decimal.
uptime_s() {
    read -r _up _ < "${PICLUSTER_UPTIME:-/proc/uptime}"
    printf '%s\n' "${_up%?}"
}
