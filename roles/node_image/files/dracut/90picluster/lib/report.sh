# What a node says on its console and to the head, and what it does when it cannot go on.
# shellcheck shell=sh

# say TEXT: to every console and into the kernel's log, which the journal keeps.
say() {
    printf '<4>picluster: %s\n' "$1" >> "$KMSG"
}

# Messages go through syslogd, the one applet of a Debian busybox that sends UDP.
start_messages() {
    syslogd -n -R "$SERVER:$PORT" &
    SYSLOGD=$!
    _tries=0
    while [ ! -S /dev/log ] && [ $_tries -lt 20 ]; do
        sleep 0.1
        _tries=$((_tries + 1))
    done
}

# A message still in the socket is sent before the signal is looked at.
stop_messages() {
    [ -n "$SYSLOGD" ] || return 0
    sleep 0.1
    kill "$SYSLOGD"
    wait "$SYSLOGD" 2> /dev/null
    SYSLOGD=
    rm -f /dev/log
}

# message EVENT [WORD...]: tell the head; nobody answers, and a silent head costs nothing.
message() {
    [ -n "$SYSLOGD" ] || return 0
    _event=$1
    shift
    logger -t picluster "$(message_text "$_event" "$@")"
}

# message_text EVENT [WORD...]: the message itself.
message_text() {
    _text="picluster/1 $1 mac=$MAC${IMAGE:+ image=$IMAGE} boot=$BOOT_ID up=$(uptime_s)"
    shift
    printf '%s\n' "$_text${*:+ $*}"
}

# fail STEP REASON: say it, tell the head, and start over by a reboot; 0 seconds means a shell.
fail() {
    trap - EXIT
    _wait=$(number_option picluster.panic 60)
    say "FAILED at step $1: $2"
    message failed "step=$1" "reason=$(encoded "$2")"
    if [ "$_wait" = 0 ]; then
        say "picluster.panic=0: a shell on the console instead of a reboot"
        shell
    else
        say "rebooting in $_wait s (picluster.panic=SECONDS; 0 for a shell)"
        sleep "$_wait"
    fi
    restart
}

# The kernel is asked twice: by a system call, and by a key that works when that hangs.
restart() {
    sync
    reboot -f
    sleep 10
    echo b > "$SYSRQ"
    sleep 10
    exit 1
}

shell() {
    setsid cttyhack sh
}

# pause STEP: a shell before this step when picluster.break names it; leaving it goes on.
pause() {
    listed "$1" "$(option picluster.break '')" || return 0
    say "picluster.break=$1: a shell on the console; exit goes on"
    shell
}
